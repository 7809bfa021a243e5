"""What became of the claims about temperature along the layers (figure 14)."""

from __future__ import annotations

import math

import xarray as xr

from kadanoff.exact.constants import K_C, T_C
from kadanoff.experiments.demellokoch2020.decided import above, status_of, within
from kadanoff.experiments.demellokoch2020.fig_14.quoted import (
    Pairs,
    growth,
    heating,
    listed,
    pairs_of,
)
from kadanoff.experiments.demellokoch2020.fig_14.readings import RULES
from kadanoff.experiments.demellokoch2020.fig_14.thermometers import THERMOMETERS
from kadanoff.experiments.demellokoch2020.fig_14.verdicts_of_blocks import (
    DOUBLED,
    checks_of_blocks,
)
from kadanoff.experiments.demellokoch2020.fig_14.verdicts_of_stacks import (
    checks_of_stacks,
    ratios_along_stacks,
    stacks_double,
)
from kadanoff.experiments.exhibit import Check

__all__ = [
    "DOUBLED",
    "checks",
    "ratios_along_stacks",
    "ratios_of_deviations",
    "ratios_of_temperatures",
    "stacks_double",
]

NEAR = 0.05
"""Share of K_c within which the flow is at T_c."""


def ratios_of_deviations(dataset: xr.Dataset) -> dict[str, Pairs]:
    """s_{n+1}/s_n by energy of every step, for each block rule of ±1 spins.

    Args:
        dataset: of `fig_14`.
    """
    return {rule: growth(dataset, rule) for rule in RULES}


def ratios_of_temperatures(dataset: xr.Dataset) -> dict[str, Pairs]:
    """T_{n+1}/T_n by energy of every step from T_c, for each block rule of ±1 spins.

    Args:
        dataset: of `fig_14`.
    """
    return {rule: heating(dataset, rule, "energy") for rule in RULES}


def checks(dataset: xr.Dataset) -> list[Check]:
    """What became of the claims about temperature."""
    return [
        *checks_of_blocks(dataset),
        *checks_of_stacks(dataset),
        _flow_converges(dataset),
    ]


def _flow_converges(dataset: xr.Dataset) -> Check:
    last = int(dataset["flow_step"].values[-1])
    ends = {name: _after(dataset, name, -1) for name in THERMOMETERS}
    coming = [_still_coming(dataset, i) for i in range(dataset.sizes["start"])]
    near = [
        within(k / K_C - 1, e / K_C, NEAR)
        for end in ends.values()
        for (k, e), moves in zip(end, coming, strict=True)
        if not moves
    ]
    unended = [
        f"{t:.3g}"
        for t, moves in zip(dataset["start"].values, coming, strict=True)
        if moves
    ]
    return Check(
        claim="The RBM flow goes to T_c from any temperature.",
        paper="T_c; the text gives no number of the flow in this section",
        ours="; ".join(listed(f"K/K_c by {_by(n)}", x, K_C) for n, x in ends.items())
        + f" after {last} steps from T = "
        + ", ".join(f"{t:.3g}" for t in dataset["start"].values),
        status=status_of(near),
        reason="the machine of section III, 10×10 spins and 81 hidden units trained "
        "on all temperatures at once by contrastive divergence, its units drawn: where "
        "the flows of this and other machines end is asked by more readings under "
        f"“Where the flow ends”; at T_c means within {NEAR:.0%}; "
        f"{_from_critical(dataset)}"
        + (
            f"; from T = {', '.join(unended)} it has not ended but still moves towards "
            "T_c, which is not judged"
            if unended
            else ""
        )
        + (
            ""
            if any(part is not None for part in near)
            else "; more machines and more steps would decide"
        ),
    )


def _after(dataset: xr.Dataset, name: str, step: int) -> Pairs:
    """K of every start, after one of the lengths that are read."""
    here = dataset.sel(thermometer=name).isel(flow_step=step)
    return pairs_of(here["flow_K"], here["flow_K_error"])


def _still_coming(dataset: xr.Dataset, start: int) -> bool:
    """Whether a thermometer sees it come nearer to T_c in its last steps."""
    moves = []
    for name in THERMOMETERS:
        (k, e), (l, f) = (_after(dataset, name, n)[start] for n in (-2, -1))
        moves.append(above(abs(k - K_C) - abs(l - K_C), math.hypot(e, f), 0.0))
    return True in moves


def _from_critical(dataset: xr.Dataset) -> str:
    here = dataset.sel(thermometer="energy").sel(start=T_C, method="nearest")
    along = pairs_of(here["flow_K"], here["flow_K_error"])
    steps = ", ".join(str(n) for n in dataset["flow_step"].values)
    return listed("from T_c by energy: K/K_c", along, K_C) + f" after {steps} steps"


def _by(thermometer: str) -> str:
    return "the network of fig. 3" if thermometer == "classifier" else thermometer
