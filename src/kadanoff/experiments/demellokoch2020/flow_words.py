"""Words that the figures along the flow share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import xarray as xr

from kadanoff.experiments.demellokoch2020.contrastive_means import RECONSTRUCTED
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES
from kadanoff.experiments.demellokoch2020.flow import ARMS, HIDDEN, LATTICE, Plan, arm

__all__ = ["FOUR", "HEADER", "LITERAL", "by_agreement", "reconstructed", "some_lengths"]

LITERAL = arm(*ARMS[0])
"""Trained on means, means passed on: the paper's text taken by the letter.

The claims are judged by this way alone; the others stand beside it.
"""

FOUR = (
    "A machine is trained on the means of its units or on drawn units, and means or "
    "samples are passed on along the flow: four ways, as the text at hand does not say "
    "which. By the letter it has means throughout; the claims are judged by that way, "
    "and the other three stand beside it."
)

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
            f"{plan.draws} configurations flow from each start"
        )
    machines = f"Machines, each with data of its own: {dataset.sizes['seed']}."
    return f"{text}. {machines} {RECONSTRUCTED}"


def by_agreement(
    names: Sequence[str], agrees: Callable[[str], bool | None]
) -> tuple[str, str]:
    """The names that agree, and those whose errors are too large to tell; or `none`."""
    found = {name: agrees(name) for name in names}
    return (
        "; ".join(n for n, x in found.items() if x) or "none",
        "; ".join(n for n, x in found.items() if x is None) or "none",
    )
