"""Renormalization exponents of any map, from the operators before and after it.

Monte Carlo renormalization (R. H. Swendsen, Phys. Rev. Lett. 42, 859 (1979)): the
leading eigenvalue λ of the linearized transformation T, among even or among odd
operators, belongs to an exponent

    y_T, y_H = ln λ / ln b.

It is the fixed point's only where it has stopped to depend on the number of operators
and of steps. A scan over both is the result, and the reading says whether the map is a
renormalization step at all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, check_same_chains
from kadanoff.geometry import Grid, scale_factor
from kadanoff.instruments.convergence import ROUNDING, Exponent, judge
from kadanoff.instruments.linearized import Sector, exponent_of, linearized
from kadanoff.instruments.operators import EVEN, ODD, fitting, lattice_of, operator_sums

__all__ = [
    "Exponent",
    "Exponents",
    "Scan",
    "exponents",
    "linearized",
    "operator_sums",
    "scan",
]

REPORT_SIDE = 8
"""Side of the coarse lattice at which an exponent is reported."""


@dataclass(frozen=True)
class Exponents:
    """Exponents of one step, for 1, 2, … operators of each parity.

    Attributes:
        b: change of scale of the step.
        fine: shape of the fine lattice.
        coarse: shape of the coarse lattice.
        even: operators used, in order; y_t[n] rests on the first n + 1 of them.
        odd: the same for y_h.
        y_t: thermal exponents, not a number where the eigenvalue has no exponent.
        y_h: magnetic exponents.
        flags: one sentence for each thing that is wrong.
    """

    b: float
    fine: tuple[int, ...]
    coarse: tuple[int, ...]
    even: tuple[str, ...]
    odd: tuple[str, ...]
    y_t: tuple[Estimate, ...]
    y_h: tuple[Estimate, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Scan:
    """Exponents over steps and numbers of operators, and what is reported of them.

    Attributes:
        steps: one `Exponents` for each pair of neighbouring levels.
        reported: index of the step that is reported.
        y_t: the thermal exponent.
        y_h: the magnetic exponent.
    """

    steps: tuple[Exponents, ...]
    reported: int
    y_t: Exponent
    y_h: Exponent


def exponents(
    fine: Ensemble,
    coarse: Ensemble,
    *,
    even: Sequence[str] | None = None,
    odd: Sequence[str] | None = None,
) -> Exponents:
    """Exponents of the step from `fine` to `coarse`, any map whatever.

    Args:
        fine: configurations on a grid, ±1 or real.
        coarse: the same chains and draws after the map, on a coarser grid.
        even: operators with an even number of spins, most important first; all that
            the dimension has where not given.
        odd: the same with an odd number of spins.

    Raises:
        ValueError: other chains or draws, units without positions, b not above 1, an
            unknown operator, or one of the other parity.
    """
    return scan((fine, coarse), even=even, odd=odd).steps[0]


def scan(
    levels: Sequence[Ensemble],
    *,
    even: Sequence[str] | None = None,
    odd: Sequence[str] | None = None,
) -> Scan:
    """Exponents over the steps of a stack of maps, each level summed once.

    Reported is the first step to a coarse lattice of side 8 or less, the last step
    where there is none. An exponent counts as converged where its jackknife error is at
    most 0.25, 0 < y < d, and the change over the last step (the last operator for a
    one-step map) is within max(3 σ, 0.05).

    Args:
        levels: the ensembles, finest first, all of the same chains and draws.
        even: operators with an even number of spins, as in `exponents`.
        odd: operators with an odd number of spins.

    Raises:
        ValueError: fewer than two levels, and as in `exponents`.
    """
    if len(levels) < 2:
        raise ValueError(
            f"a scan needs at least a fine and a coarse level, got {len(levels)}"
        )
    d = levels[0].grid.dimension
    names = _parities(even or fitting(EVEN, d), odd or fitting(ODD, d))
    scales = [_scale(*pair) for pair in itertools.pairwise(levels)]
    sums = [operator_sums(level, names[0] + names[1]) for level in levels]
    steps = tuple(
        _step(levels[k : k + 2], sums[k : k + 2], names, b)
        for k, b in enumerate(scales)
    )
    reported = _reported(steps)
    seen = steps[: reported + 1]
    y_t = judge("y_T", [step.y_t for step in seen], d)
    y_h = judge("y_H", [step.y_h for step in seen], d)
    return Scan(steps, reported, y_t, y_h)


def _reported(steps: Sequence[Exponents]) -> int:
    small = [k for k, step in enumerate(steps) if max(step.coarse) <= REPORT_SIDE]
    return small[0] if small else len(steps) - 1


def _parities(
    even: Sequence[str], odd: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    for kind, names, fits in (("even", even, EVEN), ("odd", odd, ODD)):
        wrong = [name for name in names if name not in fits]
        if wrong:
            raise ValueError(
                f"{kind} operators are among {', '.join(fits)}, got {', '.join(wrong)}"
            )
    return tuple(even), tuple(odd)


def _scale(fine: Ensemble, coarse: Ensemble) -> float:
    """b of one step, once the two levels are known to share their chains."""
    check_same_chains(fine, coarse)
    old, new = lattice_of(fine), lattice_of(coarse)
    b = scale_factor(old, new) if old.dimension == new.dimension else 0.0
    if not b > 1 + 1e-9:
        raise ValueError(
            "exponents y = ln λ / ln b need a change of scale b > 1 in the same "
            f"dimension, got shape {old.shape} to {new.shape} with b = {b:.4g}; use a "
            "coarser lattice"
        )
    return b


def _step(
    levels: Sequence[Ensemble],
    sums: Sequence[np.ndarray],
    names: tuple[tuple[str, ...], tuple[str, ...]],
    b: float,
) -> Exponents:
    fine, coarse = (lattice_of(level) for level in levels)
    split = len(names[0])
    sectors = [
        Sector.of(levels[1], *(s[..., columns] for s in sums))
        for columns in (slice(None, split), slice(split, None))
    ]
    kept = [sector.independent() for sector in sectors]
    y_t, y_h = (
        tuple(s.exponent(k[: n + 1], b) for n in range(len(k)))
        for s, k in zip(sectors, kept, strict=True)
    )
    even, odd = (tuple(n[i] for i in k) for n, k in zip(names, kept, strict=True))
    flags = (
        *_left_out("even", names[0], even, coarse),
        *_complaints("even", sectors[0].eigenvalue(kept[0]), y_t, b, fine.dimension),
        *_left_out("odd", names[1], odd, coarse),
        *_complaints("odd", sectors[1].eigenvalue(kept[1]), y_h, b, fine.dimension),
    )
    return Exponents(b, fine.shape, coarse.shape, even, odd, y_t, y_h, flags)


def _left_out(
    kind: str, names: Sequence[str], used: Sequence[str], coarse: Grid
) -> list[str]:
    missing = [name for name in names if name not in used]
    if not missing:
        return []
    return [
        f"left out of the {kind} operators: {', '.join(missing)}, constant or a "
        f"combination of earlier ones on the coarse lattice {coarse.shape}"
    ]


def _complaints(
    kind: str, eigenvalue: complex, y: tuple[Estimate, ...], b: float, d: int
) -> list[str]:
    """What is wrong with the leading eigenvalue of all operators that are used."""
    if not y:
        return [f"no {kind} operator fluctuates on the coarse lattice"]
    where = f"the leading eigenvalue of {len(y)} {kind} operators"
    value = exponent_of(eigenvalue, b)
    if eigenvalue.imag != 0:
        return [f"{where} is complex, {eigenvalue:.3g}"]
    if math.isnan(value):
        return [f"{where} is not positive, {eigenvalue.real:.3g}"]
    flags = []
    if value > d - ROUNDING:
        flags.append(f"{where} gives y = {value:.4g}, not below the dimension {d}")
    replicates = np.concatenate(list(y[-1].replicates.values()))
    lost = int((~np.isfinite(replicates)).sum())
    if lost:
        flags.append(
            f"{where} has no exponent in {lost} of {len(replicates)} jackknife "
            "replicates; more configurations are needed"
        )
    return flags
