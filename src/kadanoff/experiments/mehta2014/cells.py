"""Kadanoff's variational step and a machine of the same cells: is it the same p?

Both have one parameter. Kadanoff gives each cell of four spins a sign μ with the law
e^{p μ Σs} / 2 cosh(p Σs), and takes the p that makes his bound on the free energy best
(`flows.variational`; at the fixed point p* is stationary). The machine of one filter of
side 2 and stride 2 with all weights p has the same law of μ given the spins,
p(h|v) ∝ e^{p h Σv}, and takes the p of least KL. If training were variational
renormalization, its p would be Kadanoff's.

Its cells do not touch, so that

    q(v) = Π_cells 2 cosh(p Σv) / (2 (2 cosh p)⁴),      ⟨Σ tanh(p Σ)⟩_data = 4 tanh p

at the least KL: correlations between cells are nothing to it, and p needs the law of
one cell alone. That law is exact on the infinite lattice (`exact.plaquette`), where
Kadanoff's p* belongs. A 4×4 torus of which all states are visited stands beside it:
there the slope of KL in all weights is known, and it has a much larger p at K_c.

The exponents that go with a p are those of Kadanoff's recursion with that p, at its own
fixed point: `critical_branch`, the second even exponent with it, which the Ising model
does not have. The machine has a recursion of its own, and it is short: its cells do not
touch, its H_RG is a constant, and K′ = 0 in one step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from matplotlib.figure import Figure
from scipy.optimize import brentq, minimize_scalar

from kadanoff.exact import onsager
from kadanoff.exact.constants import K_C, Y_H, Y_T
from kadanoff.exact.pairs import states
from kadanoff.exact.plaquette import plaquette_law
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.experiments.mehta2014.identities import REMEMBERED
from kadanoff.experiments.studies import attributes_of
from kadanoff.flows.fixed_point import NoFixedPoint
from kadanoff.flows.variational import (
    best_cells,
    bound,
    critical_branch,
    square_couplings,
)
from kadanoff.geometry import Grid
from kadanoff.models.ising import Ising
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.gradients import gradients
from kadanoff.networks.mapping import as_step, hamiltonian, short_range
from kadanoff.networks.products import one_thread
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "Settings",
    "checks",
    "compute",
    "draw",
    "least_divergence",
]

SHAPE = (4, 4)
CELL = 4
DIGITS = 10
"""Decimals that are kept: the last ones of a solution depend on the machine."""
CLOSE = 0.01
"""Two values of p that differ by less are called the same; y_T moves by 0.04 then."""
ROUNDING = 1e-6
KADANOFF, MACHINE = "Kadanoff's p*", "machine of least KL at K_c"
TORUS = "the same on a 4×4 torus"
POINT = ("nearest", "next_nearest", "four", "y_t", "y_second", "y_h")


@dataclass(frozen=True)
class Settings:
    """Where p is asked for.

    Attributes:
        couplings: K of the data.
        critical: values of p at which the recursion's critical point is read.
    """

    couplings: tuple[float, ...]
    critical: tuple[float, ...]


FAST = Settings(couplings=(0.2, 0.44, 0.6), critical=(0.7, 0.8))
FULL = Settings(
    couplings=tuple(np.round(np.arange(0.05, 0.85, 0.05), 2).tolist()),
    critical=tuple(np.round(np.arange(0.66, 1.4, 0.04), 2).tolist()),
)


def least_divergence(sums: np.ndarray, law: np.ndarray) -> float:
    """p of the machine of least KL, from the law of Σs of a cell.

    Args:
        sums: Σs.
        law: its probabilities.
    """

    def excess(p: float) -> float:
        return float(law @ (sums * np.tanh(p * sums))) - CELL * math.tanh(p)

    # At small p the excess is p ⟨Σ² − 4⟩, positive for spins that are correlated.
    found: Any = brentq(excess, 1e-6, 20.0, xtol=1e-13)
    return float(found)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """p of least KL and of the best bound by K, and exponents by p."""
    couplings = [*settings.couplings, K_C]
    found = np.empty((len(couplings), 3))
    with one_thread():
        for k, coupling in enumerate(couplings):
            found[k] = _at(coupling)
            work.progress("machines of cells")(k + 1, len(couplings))
        torus = _torus(K_C)
        passed = _passed_up(float(torus["torus_p"]))
    best = best_cells()
    branch = np.array([_point(p) for p in settings.critical])
    both = {
        KADANOFF: best.p,
        MACHINE: float(found[-1, 0]),
        TORUS: float(torus["torus_p"]),
    }
    points = np.array([_point(p) for p in both.values()])
    data: dict = {
        name: ("coupling", found[:, k])
        for k, name in enumerate(("p", "divergence", "p_bound"))
    }
    data |= {
        f"{n}_of_p": ("critical", branch[:, 3 + k]) for k, n in enumerate(POINT[3:])
    }
    data |= {f"point_{n}": ("choice", points[:, k]) for k, n in enumerate(POINT)}
    data["choice_p"] = ("choice", list(both.values()))
    data |= {name: ((), value) for name, value in (torus | passed).items()}
    data["coupling_of_star"] = ((), _coupling_of(best.p))
    coordinates = {
        "coupling": couplings,
        "critical": list(settings.critical),
        "choice": list(both),
    }
    rounded = xr.Dataset(data).round(DIGITS).assign_coords(coordinates)
    return rounded.assign_attrs(attributes_of(settings))


def _sums() -> np.ndarray:
    """Σs of the states of a cell."""
    return states(CELL).sum(axis=1).astype(float)


def _least(coupling: float) -> float:
    """p of least KL on the infinite lattice."""
    return least_divergence(_sums(), plaquette_law(coupling))


def _coupling_of(p: float) -> float:
    """K of the data on the infinite lattice at which least KL has this p."""
    found: Any = brentq(lambda k: _least(k) - p, 0.01, 1.0, xtol=1e-12)
    return float(found)


def _at(coupling: float) -> tuple[float, float, float]:
    """p of least KL, KL per site there, and p of the best bound: infinite lattice."""
    law, sums = plaquette_law(coupling), _sums()
    p = least_divergence(sums, law)
    log_p = -coupling * onsager.energy(coupling) - onsager.log_partition_per_site(
        coupling
    )
    log_q = float(law @ np.log(np.cosh(p * sums))) - CELL * math.log(2 * math.cosh(p))
    return p, log_p - log_q / CELL, _best_bound(coupling)


def _torus(coupling: float) -> dict[str, float]:
    """All states of a 4×4 torus: p, KL per site, and slopes there and at p*.

    The slope at p* is the control: there it is not 0.
    """
    H = hamiltonian(Ising(SHAPE), coupling)
    law = np.exp(-(H - H.min()))
    v = states(len(H).bit_length() - 1).reshape(-1, *SHAPE)
    sums = v[:, :2, :2].sum(axis=(1, 2)).astype(float)
    p = least_divergence(sums, law / law.sum())
    here, star = (
        gradients(_machine(x), H, visible=Grid(SHAPE)) for x in (p, best_cells().p)
    )
    return {
        "torus_p": p,
        "torus_divergence": here.exactness.divergence / math.prod(SHAPE),
        "slope": float(abs(here.divergence).max()),
        "slope_at_star": float(abs(star.divergence).max()),
    }


def _passed_up(p: float) -> dict[str, float]:
    """What the machine's own H_RG is on 2×2 cells, and what the data make of them."""
    step = as_step(_machine(p), hamiltonian(Ising(SHAPE), K_C), visible=Grid(SHAPE))
    shape = tuple(side // 2 for side in SHAPE)
    data = short_range(-np.log(step.passed_up), shape).couplings
    names = {"nearest": "nearest", "next_nearest": "second", "four": "plaquette"}
    found = {f"passed_{name}": data[kind] for name, kind in names.items()}
    return {"own_range": float(np.ptp(step.coarse_hamiltonian)), **found}


def _machine(p: float) -> ConvRBM:
    """One filter of side and stride 2 with all weights p."""
    machine = ConvRBM(filter=2, stride=2).double()
    with torch.no_grad():
        machine.W.fill_(p)
    return machine


def _best_bound(coupling: float) -> float:
    """The one p of all steps that makes Kadanoff's bound on ln Z smallest."""
    couplings = square_couplings(coupling=coupling)
    found: Any = minimize_scalar(
        lambda p: bound(couplings, [p]), bounds=(0.05, 3.0), method="bounded"
    )
    return float(found.x)


def _point(p: float) -> tuple[float, ...]:
    """Couplings and exponents of the critical point at p; NaN where there is none."""
    try:
        point = critical_branch(p)
    except NoFixedPoint:
        return (math.nan,) * len(POINT)
    place = [point.couplings[n] for n in POINT[:3]]
    y_t, second = (float(y) for y in point.even.exponents[:2])
    return (*place, y_t, second, float(point.odd.exponents[0]))


def draw(dataset: xr.Dataset) -> list[Section]:
    """p against K, and what comes of it."""
    return [
        Section(
            "One parameter, two ways to choose it",
            "Infinite lattice. Left: p of the machine of least KL and p of Kadanoff's "
            "best bound (one p for all steps) against K of the data. Right: exponents "
            "of Kadanoff's recursion at the critical point of each p; dashed lines are "
            "the exact ones, and y_2 is the second even one, which is irrelevant in "
            "the Ising model. In the table the couplings of a square of four spins; "
            "the "
            "machine's own Hamiltonian has none, and what the rule makes of the data "
            "is "
            "read on the 2×2 cells of a 4×4 torus.",
            data_uri(_draw(dataset)),
            tables=[_table(dataset)],
        )
    ]


def _draw(dataset: xr.Dataset) -> Figure:
    fig = figure(9.5, 3.6, columns=2)
    left, right = fig.axes
    at = dataset.sortby("coupling")
    left.plot(at["coupling"], at["p"], "o-", color=PALETTE[0], label="least KL")
    left.plot(at["coupling"], at["p_bound"], "o-", color=PALETTE[1], label="best bound")
    star, own, _ = (float(p) for p in dataset["choice_p"].values)
    left.axhline(star, color=PALETTE[2], linewidth=0.9, label="p* of the fixed point")
    left.axvline(K_C, color="black", linewidth=0.7, linestyle="--", label="K_c")
    left.set_xlabel("K of the data")
    left.set_ylabel("p")
    for name, label, exact, colour in (
        ("y_t_of_p", "y_T", Y_T, PALETTE[0]),
        ("y_h_of_p", "y_H", Y_H, PALETTE[1]),
        ("y_second_of_p", "y_2", None, PALETTE[3]),
    ):
        right.plot(dataset["critical"], dataset[name], "o-", color=colour, label=label)
        if exact is not None:
            right.axhline(exact, color=colour, linewidth=0.7, linestyle="--")
    right.axvline(star, color=PALETTE[2], linewidth=0.9, label="p*")
    right.axvline(own, color="black", linewidth=0.9, label="least KL at K_c")
    right.set_xlabel("p")
    right.set_ylabel("exponent")
    for ax in fig.axes:
        ax.legend(fontsize=8, frameon=False)
    return fig


def _table(dataset: xr.Dataset) -> Table:
    names = ("choice_p", *(f"point_{n}" for n in POINT))
    rows = [
        [str(choice), *(_shown(dataset[n].sel(choice=choice)) for n in names)]
        for choice in dataset["choice"].values
    ]
    p = _shown(dataset["choice_p"].sel(choice=TORUS))
    passed = [_shown(dataset[f"passed_{n}"]) for n in POINT[:3]]
    rows.append(["machine's own H_RG", "any", "0", "0", "0", *["none"] * 3])
    rows.append(["what its rule makes of the torus", p, *passed, *["–"] * 3])
    rows.append(["exact", "", "", "", "", f"{Y_T:g}", "below 0", f"{Y_H:g}"])
    header = ["choice of p", "p", "K of sides", "of diagonals", "of four"]
    return Table([*header, "y_T", "second even exponent", "y_H"], rows)


def _shown(value: xr.DataArray) -> str:
    return "none" if math.isnan(value.item()) else f"{value.item():.5f}"


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """The same conditional law, not the same p, and no flow of the machine's own."""
    return [
        _same_p(dataset),
        _exponents_check(dataset),
        _own_flow(dataset),
        _apart(dataset),
    ]


def _chosen(dataset: xr.Dataset, choice: str) -> float:
    return float(dataset["choice_p"].sel(choice=choice))


def _same_p(dataset: xr.Dataset) -> Check:
    star, own, torus = (_chosen(dataset, c) for c in (KADANOFF, MACHINE, TORUS))
    slope, control = float(dataset["slope"]), float(dataset["slope_at_star"])
    return Check(
        claim="Minimising KL finds the p of Kadanoff's variational step.",
        paper=f"{REMEMBERED}; the two are taken for the same scheme",
        ours=f"p = {own:.4f} of least KL at K_c, p* = {star:.4f} of Kadanoff's bound "
        "at its fixed point, both of the infinite lattice",
        status=Status.REPRODUCED if abs(own - star) < CLOSE else Status.NOT,
        reason=f"least KL has p* at K = {float(dataset['coupling_of_star']):.4f} of "
        "the "
        f"data, and Kadanoff's best bound at K_c has p = "
        f"{_at_critical(dataset, 'p_bound'):.4f}; on a 4×4 torus least KL has p = "
        f"{torus:.4f}, where the exact slope of KL is {_below(slope)} and at p* "
        f"{control:.2g}",
    )


def _below(value: float) -> str:
    """A number, or that nothing is left of it in the digits that are kept."""
    return f"below {10.0**-DIGITS:.0e}" if value == 0 else f"{value:.0e}"


def _at_critical(dataset: xr.Dataset, name: str) -> float:
    return float(dataset[name].sel(coupling=K_C))


def _exponents_check(dataset: xr.Dataset) -> Check:
    star, own = (dataset.sel(choice=c) for c in (KADANOFF, MACHINE))
    errors = [
        max(abs(float(d["point_y_t"]) - Y_T), abs(float(d["point_y_h"]) - Y_H))
        for d in (star, own)
    ]
    said = [
        f"y_T = {_shown(d['point_y_t'])}, y_H = {_shown(d['point_y_h'])} {name}"
        for d, name in ((star, "at p*"), (own, "at the p of least KL"))
    ]
    second = [_shown(d["point_y_second"]) for d in (star, own)]
    # A p without a critical point has no exponents: NaN is not below anything.
    return Check(
        claim="The p of least KL has exponents as good as those of Kadanoff's.",
        paper="not stated; ours",
        ours="; ".join(said),
        status=Status.REPRODUCED if errors[1] <= 2 * errors[0] else Status.NOT,
        reason=f"exact are {Y_T:g} and {Y_H:g}: off by at most {errors[0]:.4f} and "
        f"{errors[1]:.4f}; the exponents grow along this branch to those of a "
        "transition of first order, y_T = y_H = 2; a second even one that the Ising "
        f"model does not have is relevant at both, {second[0]} and {second[1]}",
    )


def _own_flow(dataset: xr.Dataset) -> Check:
    """Whether the machine's own H_RG has a coupling at all."""
    own = float(dataset["own_range"])
    passed = [float(dataset[f"passed_{n}"]) for n in POINT[:3]]
    said = ", ".join(f"{k:.3f}" for k in passed)
    return Check(
        claim="The machine's own H_RG has a critical fixed point, as Kadanoff's step.",
        paper=f"{REMEMBERED}; H_RG is that of the hidden units",
        ours=f"the range of its H_RG[h] is {_below(own)}: K′ = 0 in one step, for "
        "every "
        "p",
        status=Status.REPRODUCED if own > ROUNDING else Status.NOT,
        reason="its cells do not touch, and nothing couples their signs; what its rule "
        f"makes of the data at p = {_chosen(dataset, TORUS):.4f} on the torus does "
        "have "
        f"couplings, {said} on sides, diagonals and four, but that is the block rule "
        "and "
        "not the law of the machine",
    )


def _apart(dataset: xr.Dataset) -> Check:
    kl = _at_critical(dataset, "divergence")
    exact = kl < ROUNDING
    return Check(
        claim="The machine of cells is an exact step at its best p.",
        paper=f"{REMEMBERED}, where KL = 0",
        ours=f"KL = {kl:.4f} nats per site at K_c at the least, "
        f"{float(dataset['torus_divergence']):.4f} on a 4×4 torus",
        status=Status.REPRODUCED if exact else Status.NOT,
        reason="its cells do not touch, q(v) is a product over cells; Kadanoff's step "
        "is exact at every p, as his T is ln p(μ|s): there p is chosen for the "
        "approximation that follows",
    )


EXHIBIT = Exhibit(
    name="cells",
    title="Kadanoff's cells and a machine of cells",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
