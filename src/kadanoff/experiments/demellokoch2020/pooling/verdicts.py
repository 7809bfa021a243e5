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
from kadanoff.experiments.demellokoch2020.pooling.networks import DENSE, ENDINGS
from kadanoff.experiments.exhibit import Check, Status, shown

__all__ = ["LEARNED", "checks", "shown_plainly"]

LEARNED = "pooling of a classifier"
LEAST = 0.02
"""Difference between shares of changed answers that is to be seen."""
ALIKE = 0.05
"""Accuracy that a network may lack and still be compared: one that knows nothing can
give the same answer always."""
COMMUTES = 0.01
"""C within this of 1."""


def checks(dataset: xr.Dataset) -> list[Check]:
    """Pooling as a block-spin step, and what it does to shifts."""
    return [_same(dataset), _covariant(dataset), _flips(dataset), _robust(dataset)]


def _same(dataset: xr.Dataset) -> Check:
    apart = float(dataset.attrs["apart"])
    return Check(
        claim="Average pooling of a convolutional network is block averaging.",
        paper="similar to the averaging of variational RG; no number",
        ours="no difference" if apart == 0 else f"largest difference {apart:.1e}",
        status=Status.REPRODUCED if apart == 0 else Status.NOT,
        reason="the same configurations through both, number for number",
    )


def _covariant(dataset: xr.Dataset) -> Check:
    found = within(*_off_one(dataset, "shift", LEARNED), COMMUTES)
    return Check(
        claim="A trained pooling layer commutes with shifts by one coarse site, as "
        "block spins do.",
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
        claim="It commutes with the flip of all spins, as block spins do.",
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
    """Pairs of networks that differ in pooling alone."""
    found = {ending: _fewer_change(dataset, *pair) for ending, pair in ENDINGS.items()}
    return Check(
        claim="Pooling makes a classifier robust to shifts of what it sees.",
        paper="pooled data are more robust to changes in position of features; no "
        "number",
        ours="answers that change, mean over shifts by 1, 2 and 3: "
        + "; ".join(
            f"{_before(ending)}, with pooling {_moved(dataset, pooled)}, without "
            f"{_moved(dataset, plain)}"
            for ending, (pooled, plain) in ENDINGS.items()
        ),
        status=status_of(found.values()),
        reason="; ".join(
            f"{_before(ending)}, pooling makes {WORDS[better]} answers change "
            f"(accuracies {_right(dataset, pooled)} and {_right(dataset, plain)})"
            for (ending, better), (pooled, plain) in zip(
                found.items(), ENDINGS.values(), strict=True
            )
        )
        + "; the mean alone makes a network of convolutions invariant, and pooling "
        "makes the lattice coarse, which whole blocks of 4 alone respect: of a dense "
        f"network {_moved(dataset, DENSE)} change",
    )


WORDS: Mapping[bool | None, str] = {
    True: "fewer",
    False: "no fewer",
    None: "an undecided number of",
}


def _before(ending: str) -> str:
    return f"where the linear layer sees {'the ' if ending == 'mean' else ''}{ending}"


def _fewer_change(dataset: xr.Dataset, pooled: str, plain: str) -> bool | None:
    """Undecided too where the pooled network knows less than the other."""
    accuracy = dataset.sel(sites=0)
    lacking = [accuracy[n].sel(network=plain) for n in ("accuracy", "accuracy_error")]
    lacking[0] = lacking[0] - accuracy["accuracy"].sel(network=pooled)
    moved = [dataset.sel(network=n) for n in (plain, pooled)]
    gap = moved[0]["moved"].item() - moved[1]["moved"].item()
    error = math.hypot(*(m["moved_error"].item() for m in moved))
    found = above(gap, error, 0.0)
    if found is None and within(gap, error, LEAST):
        found = False
    if found and not below(lacking[0].item(), lacking[1].item(), ALIKE):
        return None
    return found


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
