"""What became of the claims about pooling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import xarray as xr

from kadanoff.experiments.demellokoch2020.decided import (
    above,
    below,
    status_of,
    within,
)
from kadanoff.experiments.demellokoch2020.pooling.networks import (
    DENSE,
    ENDINGS,
    STRIDED,
)
from kadanoff.experiments.exhibit import Check, Status, shown

__all__ = ["LEARNED", "checks", "shown_plainly"]

LEARNED = "pooling of a classifier"
LEAST = 0.02
"""Difference between shares of changed answers that is to be seen."""
ALIKE = 0.05
"""Difference of accuracies of networks that can be compared: one that knows nothing can
give the same answer always, and one that knows more is the surer."""
COMMUTES = 0.01
"""C within this of 1."""
Pairs = Mapping[str, tuple[str, str]]
"""What comes after the convolutions → a network with pooling, and another."""


def checks(dataset: xr.Dataset) -> list[Check]:
    """Pooling as a block-spin step, and what it does to shifts."""
    return [
        _same(dataset),
        _covariant(dataset),
        _flips(dataset),
        _robust(dataset),
        _averages(dataset),
    ]


def _same(dataset: xr.Dataset) -> Check:
    apart = float(dataset.attrs["apart"])
    return Check(
        claim="Average pooling of a convolutional network is block averaging (an "
        "identity, executed).",
        paper="similar to the averaging of variational RG; no number",
        ours="no difference" if apart == 0 else f"largest difference {apart:.1e}",
        status=Status.REPRODUCED if apart == 0 else Status.NOT,
        reason="one formula twice: the same configurations through both, number for "
        "number",
    )


def _covariant(dataset: xr.Dataset) -> Check:
    found = within(*_off_one(dataset, "shift", LEARNED), COMMUTES)
    return Check(
        claim="A trained pooling layer commutes with shifts by one coarse site, as "
        "block spins do (an identity, executed).",
        paper="local translation invariance; no number",
        ours=f"C = {shown_plainly(dataset, 'shift', map=LEARNED)}; majority "
        f"{shown_plainly(dataset, 'shift', map='majority')}",
        status=status_of([found]),
        reason=f"within {COMMUTES:g} of 1; convolution with periodic padding and "
        "pooling commute with whole blocks by construction, whatever was learned",
    )


def _flips(dataset: xr.Dataset) -> Check:
    names = ("max pooling", LEARNED)
    return Check(
        claim="Tested here: pooling commutes with the flip of all spins, as block "
        "spins do.",
        paper="not in the paper",
        ours=", ".join(f"{m} {shown_plainly(dataset, 'flip', map=m)}" for m in names)
        + f"; average pooling {shown_plainly(dataset, 'flip', map='average pooling')}",
        status=status_of(
            within(*_off_one(dataset, "flip", m), COMMUTES) for m in names
        ),
        reason="max(0, ·) and the maximum of a window prefer one sign; C = 1 would "
        "commute, -1 be even in the spins",
    )


def _off_one(dataset: xr.Dataset, name: str, m: str) -> tuple[float, float]:
    here = dataset.sel(map=m)
    return here[name].item() - 1, here[f"{name}_error"].item()


def _robust(dataset: xr.Dataset) -> Check:
    """Pairs of networks, with pooling and without."""
    return Check(
        claim="Pooling makes a classifier robust to shifts of what it sees.",
        paper="pooled data are more robust to changes in position of features; no "
        "number",
        ours=_shares(dataset, ENDINGS, "without"),
        status=status_of(_fewer_change(dataset, *pair) for pair in ENDINGS.values()),
        reason=_compared(dataset, ENDINGS)
        + "; the mean alone makes a network of convolutions invariant, and pooling "
        "makes the lattice coarse, which whole blocks of 4 alone respect: of a dense "
        f"network {_moved(dataset, DENSE)} change",
    )


def _averages(dataset: xr.Dataset) -> Check:
    """Pairs of networks of the same sizes: the average of a block, or one of it."""
    return Check(
        claim="Tested here: the average over a block makes a classifier more robust to "
        "shifts than one number of the block does.",
        paper="not in the paper",
        ours=_shares(dataset, STRIDED, "with a stride"),
        status=status_of(_fewer_change(dataset, *pair) for pair in STRIDED.values()),
        reason=_compared(dataset, STRIDED)
        + "; layers have the same sizes, and what differs is the average",
    )


def _shares(dataset: xr.Dataset, pairs: Pairs, other: str) -> str:
    return "answers that change, mean over shifts by 1, 2 and 3: " + "; ".join(
        f"{_before(ending)}, with pooling {_moved(dataset, pooled)}, {other} "
        f"{_moved(dataset, plain)}"
        for ending, (pooled, plain) in pairs.items()
    )


def _compared(dataset: xr.Dataset, pairs: Pairs) -> str:
    return "; ".join(
        f"{_before(ending)}, pooling makes {_word(dataset, *pair)} (accuracies "
        f"{' and '.join(_right(dataset, network) for network in pair)})"
        for ending, pair in pairs.items()
    )


def _word(dataset: xr.Dataset, pooled: str, other: str) -> str:
    gap = _gap(dataset, "moved", pooled, other)
    more = below(*gap, 0.0) is True
    number = {
        True: "fewer",
        False: "more" if more else "as many",
        None: "an undecided number of",
    }[_fewer(*gap)]
    alike = within(*_gap(dataset, "accuracy", pooled, other), ALIKE)
    doubt = "" if alike else ", of networks that may not know as much as each other"
    return f"{number} answers change{doubt}"


def _before(ending: str) -> str:
    return f"where the linear layer sees {'the ' if ending == 'mean' else ''}{ending}"


def _fewer_change(dataset: xr.Dataset, pooled: str, other: str) -> bool | None:
    """Undecided too where the networks do not know as much as each other."""
    if not within(*_gap(dataset, "accuracy", pooled, other), ALIKE):
        return None
    return _fewer(*_gap(dataset, "moved", pooled, other))


def _fewer(gap: float, error: float) -> bool | None:
    """Whether so many more change without pooling; a difference too small is none."""
    found = above(gap, error, 0.0)
    return False if found is None and within(gap, error, LEAST) else found


def _gap(
    dataset: xr.Dataset, name: str, pooled: str, other: str
) -> tuple[float, float]:
    """By how much a reading of the other network is larger, without a shift."""
    here = dataset.sel(sites=0)
    value, error = (
        here[n].sel(network=[other, pooled]) for n in (name, f"{name}_error")
    )
    return float(value[0] - value[1]), math.hypot(*error.values)


def _moved(dataset: xr.Dataset, network: str) -> str:
    return shown_plainly(dataset, "moved", network=network)


def _right(dataset: xr.Dataset, network: str) -> str:
    return shown_plainly(dataset, "accuracy", network=network, sites=0)


def shown_plainly(dataset: xr.Dataset, name: str, **where: Any) -> str:
    """Without an error where it is the rounding of an exact number."""
    value, error = (dataset[n].sel(**where).item() for n in (name, f"{name}_error"))
    if value == 0 and error == 0:
        return "none"
    return shown(dataset, name, **where) if error > 1e-12 else f"{value:.6g}"
