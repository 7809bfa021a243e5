"""The ε-expansion in one plot: exponents below four dimensions from a series about it.

The essay names Wilson's and Fisher's expansion as what made Kadanoff's idea compute.
The series of `flows.epsilon` for one spin component are set against what is known: mean
field at d = 4, the numerical bootstrap at d = 3 (F. Kos, D. Poland, D. Simmons-Duffin
and A. Vichi, J. High Energy Phys. 08, 036 (2016)), Onsager at d = 2. The essay itself
has neither a dimension nor a number. A partial sum explains an exponent in part where
it is nearer than mean field is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from kadanoff.exact.constants import ETA, NU
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.flows.epsilon import eta, nu
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section

__all__ = ["EXHIBIT", "FAST", "FULL", "KNOWN", "Settings"]

KNOWN = {"nu": {4: 0.5, 3: 0.629971, 2: NU}, "eta": {4: 0.0, 3: 0.036298, 2: ETA}}
"""Exponents by dimension: mean field, bootstrap, exact."""
SERIES = {"nu": nu, "eta": eta}
SYMBOL = {"nu": "ν", "eta": "η"}
GOOD = 0.05  # relative: what an expansion of two terms may be off at ε = 1


@dataclass(frozen=True)
class Settings:
    """Where the series are summed.

    Attributes:
        points: of ε from 0 to 2.
    """

    points: int = 41


FAST = FULL = Settings()


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Partial sums of both series by order and ε."""
    epsilon = np.linspace(0, 2, settings.points)
    coefficients = {name: series().coefficients for name, series in SERIES.items()}
    orders = max(map(len, coefficients.values()))
    data = {}
    for name, found in coefficients.items():
        terms = [float(c) * epsilon**k for k, c in enumerate(found)]
        terms += [0 * epsilon] * (orders - len(terms))
        data[name] = (("order", "epsilon"), np.cumsum(terms, axis=0))
        data[f"{name}_orders"] = ((), len(found) - 1)
    return xr.Dataset(data, {"order": range(orders), "epsilon": epsilon})


def draw(dataset: xr.Dataset) -> list[Section]:
    """Both exponents against the dimension."""
    fig = figure(9.5, 3.8, 1, 2)
    for ax, name in zip(fig.axes, KNOWN, strict=True):
        for order in range(1, int(dataset[f"{name}_orders"]) + 1):
            ax.plot(
                4 - dataset.epsilon,
                dataset[name].sel(order=order),
                color=PALETTE[order % len(PALETTE)],
                label=f"to ε^{order}",
            )
        known = KNOWN[name]
        ax.plot([*known], [*known.values()], "ko", label="known")
        ax.set_xlabel("dimension d = 4 - ε")
        ax.set_ylabel(SYMBOL[name])
        ax.invert_xaxis()
        ax.legend(fontsize=9, frameon=False)
    text = (
        "Partial sums of the expansion about four dimensions for one component (lines) "
        "and what is known at d = 4, 3 and 2 (points). The series is asymptotic: more "
        "terms help near d = 4, and not for ever."
    )
    return [Section("The ε-expansion", text, data_uri(fig))]


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """How far it carries: ν in three dimensions, and in two."""
    return [_at(dataset, 3), _at(dataset, 2)]


def _at(dataset: xr.Dataset, dimension: int) -> Check:
    order = int(dataset["nu_orders"])
    sums = dataset["nu"].sel(epsilon=4 - dimension)
    value, exact = float(sums.sel(order=order)), KNOWN["nu"][dimension]
    off, mean_field = value / exact - 1, KNOWN["nu"][4] / exact - 1
    if abs(off) < GOOD:
        status = Status.REPRODUCED
    else:
        status = Status.PARTLY if abs(off) < abs(mean_field) else Status.NOT
    return Check(
        claim=f"The expansion about four dimensions explains the exponents, here ν at "
        f"d = {dimension}.",
        paper="in words, of no dimension",
        ours=f"ν = {value:.4f} to ε^{order}, {float(sums.sel(order=1)):.4f} to ε",
        status=status,
        reason=f"{exact:.4f} is known: off by {off:+.1%}, mean field's ½ by "
        f"{mean_field:+.1%}",
    )


EXHIBIT = Exhibit(
    name="epsilon",
    title="The ε-expansion",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
