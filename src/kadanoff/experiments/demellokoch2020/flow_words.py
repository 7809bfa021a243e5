"""Words that the figures along the flow share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import xarray as xr

from kadanoff.experiments.demellokoch2020.contrastive_means import RECONSTRUCTED
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES
from kadanoff.experiments.demellokoch2020.flow import ARMS, HIDDEN, LATTICE, Plan, arm

__all__ = [
    "FOUR",
    "HEADER",
    "LITERAL",
    "RATE",
    "by_agreement",
    "reconstructed",
    "some_lengths",
]

LITERAL = arm(*ARMS[0])
"""Trained on means, means passed on: the reading of the paper's text that we take.

The claims are judged by this way alone; the others stand beside it.
"""

FOUR = (
    "A machine is trained on the means of its units or on drawn units, and means or "
    "samples are passed on along the flow: four ways, as the text at hand supports "
    "both. It says that hidden vectors “are sampled by setting each to 1 with "
    "probability” of a formula which is lost, and visible ones likewise, and that the "
    "nonlinear function is “the hyperbolic tangent which can be seen in equation (13)” "
    "(section II-A), whose values are means. "
    "The reading of the text that we take has means throughout; the claims are judged "
    "by that way, and the other three stand beside it."
)

RATE = (
    "The rate of 0.1 was chosen by what it gives: 26 steps of the map of means of one "
    "machine (1000 configurations at each temperature, 100 passes) then change the "
    "energy of the magnet at T_c by 0.4% and |m| by 1.3%; with a rate of 0.03 by 2.0% "
    "and 1.5%, and the first step alone the energy by 1.4%, where 0.1 has 0.1%."
)
"""Measured with the full plan of figure 2 and 4096 configurations that flow."""

HEADER = "training and flow"
"""Of the column that names the way."""

SHOWN = (0, 1, 9, 26, 40, 60)


def some_lengths(dataset: xr.Dataset) -> list[int]:
    """Lengths of the flow that tables show."""
    return [int(k) for k in dataset["length"].values if k in SHOWN]


def reconstructed(dataset: xr.Dataset, plans: Sequence[Plan], figure: str) -> str:
    """What of a figure the text at hand does not have, and what is put for it.

    Args:
        dataset: of `flow.scan`.
        plans: one of which made it.
        figure: what of it is the figure's own.
    """
    lengths = tuple(int(k) for k in dataset["length"].values)
    made = [
        p for p in plans if (p.seeds, p.lengths) == (dataset.sizes["seed"], lengths)
    ]
    text = (
        f"Lost in the text at hand and reconstructed: {figure}; {HIDDEN} hidden units "
        f"on {LATTICE[0]}×{LATTICE[1]} spins; the number of configurations and how "
        "long and how fast is trained"
    )
    if made:
        plan, how = made[0], made[0].learning
        text += (
            f", here {how.configurations} configurations at each of "
            f"{len(TEMPERATURES)} temperatures, {how.epochs} passes over them, "
            f"{how.batch} in an update, the rate from {how.rate:g} down to zero; "
            f"{plan.draws} configurations flow from each start. {RATE}"
        )
    machines = f"Machines, each with data of its own: {dataset.sizes['seed']}."
    return f"{text.removesuffix('.')}. {machines} {RECONSTRUCTED}"


def by_agreement(
    names: Sequence[str], agrees: Callable[[str], bool | None]
) -> tuple[str, str]:
    """The names that agree, and those whose errors are too large to tell; or `none`."""
    found = {name: agrees(name) for name in names}
    return (
        "; ".join(n for n, x in found.items() if x) or "none",
        "; ".join(n for n, x in found.items() if x is None) or "none",
    )
