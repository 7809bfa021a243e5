"""What became of the question which sites are near."""

from __future__ import annotations

import numpy as np
import xarray as xr

from kadanoff.experiments.demellokoch2020.decided import (
    SIGMAS,
    above,
    below,
    status_of,
    within,
)
from kadanoff.experiments.demellokoch2020.geometry.pictures import (
    number,
    over_permutations,
)
from kadanoff.experiments.demellokoch2020.geometry.sources import (
    NO_MACHINE,
    PERMUTED,
    RECIPES,
    TRUE,
    UNTRAINED,
    called,
)
from kadanoff.experiments.exhibit import Check, Status, pair

__all__ = ["checks"]

NEARLY_ALL = 0.99
NO_GAIN = 0.01
"""Of the neighbours: what is not found besides."""
CLOSE = 0.02
"""How near two couplings are to be."""
ASKED = "asked in its conclusions, as a question; no number"


def checks(dataset: xr.Dataset) -> list[Check]:
    """Whether machines teach the lattice, and whether it takes them.

    Besides, whether it can be put back, and block majority be read on it.
    """
    return [
        *(_teaches(dataset, source) for source in RECIPES),
        _needed(dataset),
        *(_draws(dataset, source) for source in RECIPES),
        *(_closes(dataset, source) for source in RECIPES),
    ]


def _learned(dataset: xr.Dataset, name: str, source: str) -> Status:
    """Nearly all, or more than an untrained machine by more than chance gives."""
    value, error = pair(dataset, name, source=source)
    blind, noise = pair(dataset, name, source=UNTRAINED)
    chance = dataset.attrs["chance"]
    if not (more := above(value - blind, float(np.hypot(error, noise)), chance)):
        return status_of([more])
    nearly = above(value, error, NEARLY_ALL)
    return Status.PARTLY if nearly is False else status_of([nearly])


def _teaches(dataset: xr.Dataset, source: str) -> Check:
    return Check(
        claim=f"Tested here: a machine ({called(source)}) trained on permuted sites "
        "teaches which are near.",
        paper=ASKED,
        ours=f"{over_permutations(dataset, 'found', source)} of the four strongest "
        "partners are neighbours, rank correlation of distances "
        f"{over_permutations(dataset, 'rank', source)}",
        status=_learned(dataset, "found", source),
        reason=f"untrained {over_permutations(dataset, 'found', UNTRAINED)}, by chance "
        f"{dataset.attrs['chance']:.3f}; reproduced would be more than "
        f"{NEARLY_ALL:g} of them, by three errors",
    )


def _needed(dataset: xr.Dataset) -> Check:
    best = max(RECIPES, key=lambda s: pair(dataset, "found", source=s)[0])
    (found, error), (plain, noise) = (
        pair(dataset, "found", source=s) for s in (best, NO_MACHINE)
    )
    gain, doubt = found - plain, float(np.hypot(error, noise))
    none = below(gain, doubt, NO_GAIN)
    needed = False if none else True if above(gain, doubt, 0.0) else None
    draws = above(plain, noise, NEARLY_ALL)
    return Check(
        claim="Tested here: it takes a machine to learn which sites are near.",
        paper="not said; it asks for the rules of coarse graining where it is not "
        "known what is near to what",
        ours="correlations alone find "
        f"{over_permutations(dataset, 'found', NO_MACHINE)} of the neighbours, the "
        f"best machine ({called(best)}) {over_permutations(dataset, 'found', best)}",
        status=status_of([needed]),
        reason="the matrix ⟨v_i v_j⟩ "
        + ("already draws" if draws else "does not surely draw")
        + " the lattice: in a magnet the strongest correlations are those of "
        "neighbours",
    )


def _draws(dataset: xr.Dataset, source: str) -> Check:
    return Check(
        claim=f"Tested here: from what a machine ({called(source)}) holds, permuted "
        "sites are put back on their lattice.",
        paper=ASKED,
        ours=f"{over_permutations(dataset, 'bonds', source)} of the true bonds are "
        "bonds again",
        status=_learned(dataset, "bonds", source),
        reason=f"untrained {over_permutations(dataset, 'bonds', UNTRAINED)}, plain "
        f"correlations {over_permutations(dataset, 'bonds', NO_MACHINE)}, by chance "
        f"{dataset.attrs['chance']:.3f}; reproduced would be more than "
        f"{NEARLY_ALL:g}; that it is a square torus of so many sites is told",
    )


def _closes(dataset: xr.Dataset, source: str) -> Check:
    """As near as that at every permutation, where the permuted lattice is not."""
    found = _near(dataset, source)
    if found and any(n is not False for n in _each_near(dataset, PERMUTED)):
        found = None  # a reading that cannot tell the control says nothing
    there, true, permuted = (_pairs(dataset, n) for n in (source, TRUE, PERMUTED))
    return Check(
        claim="Tested here: block majority on the lattice that was put back "
        f"({called(source)}) finds the couplings that it finds on the true lattice.",
        paper=ASKED,
        ours=f"K of nearest and second neighbours after a step {there}; on the true "
        f"lattice {true}; on the permuted one {permuted}",
        status=status_of([found]),
        reason=_corollary(dataset, source)
        + f"at every permutation to {CLOSE:g} by {SIGMAS:g} errors of the "
        "difference on the same draws; the largest difference is "
        + "; ".join(
            f"{_largest(dataset, name)} {words}"
            for name, words in (
                (source, "here"),
                (PERMUTED, "on the permuted lattice"),
                (UNTRAINED, "as an untrained machine arranges"),
            )
        ),
    )


def _corollary(dataset: xr.Dataset, source: str) -> str:
    """Where all bonds are back at every permutation the lattice is the true one."""
    value, error = pair(dataset, "bonds", source=source)
    if value < 1 or error > 0:
        return ""
    return (
        "a corollary of the bonds, all of which are back, so that this is the true "
        "lattice up to its symmetries, and no result of its own; "
    )


def _pairs(dataset: xr.Dataset, name: str) -> str:
    """Both couplings of the first permutation."""
    here = dataset.sel(arranged=name).isel(seed=0)
    values = here["majority_K"].values, here["majority_K_error"].values
    return " and ".join(map(number, *values))


def _offs(dataset: xr.Dataset, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Couplings less those of the true lattice, `(operator, seed)`, and errors."""
    here = dataset.sel(arranged=name)
    return here["off"].values, here["off_error"].values


def _each_near(dataset: xr.Dataset, name: str) -> list[bool | None]:
    """For every permutation, whether both couplings are near the true ones.

    An arrangement that is the true one, or shifted by whole blocks, is not off at all.
    """
    found = []
    for values, errors in zip(*(x.T for x in _offs(dataset, name)), strict=True):
        near = [
            within(float(v), float(e), CLOSE)
            for v, e in zip(values, errors, strict=True)
        ]
        found.append(False if False in near else None if None in near else True)
    return found


def _near(dataset: xr.Dataset, name: str) -> bool | None:
    each = _each_near(dataset, name)
    return False if False in each else None if None in each else True


def _largest(dataset: xr.Dataset, name: str) -> str:
    value, error = (x.ravel() for x in _offs(dataset, name))
    at = int(np.argmax(abs(value)))
    return number(abs(float(value[at])), float(error[at]))
