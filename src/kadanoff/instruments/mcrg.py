"""Renormalization exponents of any map, from the operators before and after it.

Monte Carlo renormalization (R. H. Swendsen, Phys. Rev. Lett. 42, 859 (1979)): the
leading eigenvalue λ of the linearized transformation T, among even or among odd
operators, belongs to an exponent

    y_T, y_H = ln λ / ln b.

It is the fixed point's only where it has stopped to depend on the number of operators
and of steps. A scan over both is the result, and the reading says whether the map is a
renormalization step at all. Spins ±1, real values, Potts colours and angles are read
alike, each with the operators of its own symmetry (`operators`); several feature maps
each alone and together.
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
from kadanoff.instruments.convergence import ROUNDING, STEPS, Exponent, judge
from kadanoff.instruments.drift import Drift, drift
from kadanoff.instruments.linearized import Sector, exponent_of, linearized
from kadanoff.instruments.operators import (
    default_operators,
    grid_of,
    operator_sums,
    sector_sums,
)

__all__ = [
    "Exponent",
    "Exponents",
    "MapScans",
    "ScalingOperators",
    "Scan",
    "exponents",
    "linearized",
    "operator_sums",
    "scaling_operators",
    "scan",
    "scan_maps",
]

REPORT_SIDE = 8
"""Side of the coarse lattice at which an exponent is reported."""
PER_OPERATOR = 10
"""Independent configurations an operator takes: T is a regression with that many
parameters in each row, whose own noise is then a tenth of what it cannot explain."""

Names = tuple[tuple[str, ...], tuple[str, ...]]
Sums = tuple[np.ndarray, np.ndarray]


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
        drift: how far the reported step moves the couplings; None where they cannot be
            read, or where there are fewer than three steps.
    """

    steps: tuple[Exponents, ...]
    reported: int
    y_t: Exponent
    y_h: Exponent
    drift: Drift | None = None


@dataclass(frozen=True)
class MapScans:
    """Exponents of several feature maps.

    Attributes:
        each: of every map alone, the same map at every level that has maps.
        joint: of all maps together, over the steps between levels that have maps: the
            operators of each and the products of two maps on a site, which are even
            and of two unrelated maps more relevant than any of theirs. None where
            there is no such step, as from one map to several.
    """

    each: tuple[Scan, ...]
    joint: Scan | None


@dataclass(frozen=True)
class ScalingOperators:
    """T of one step and its leading eigenvectors, in the sector of one parity.

    Attributes:
        operators: names, the order of all vectors.
        matrix: T_αβ = ∂K'_α/∂K_β, `(operators, operators)`.
        eigenvalues: λ_i, largest modulus first, `(count,)`; a complex one is no number.
        exponents: ln λ_i/ln b; not a number where λ_i is not positive either.
        fields: left eigenvectors φ_i, `(count, operators)`: the u_i = φ_i·δK become
            λ_i u_i.
        directions: right eigenvectors ψ_i with φ_i·ψ_j = δ_ij: the scaling operators
            ψ_i·S, of variance 1 on the coarse lattice and growing with its first.
        flags: one sentence for each thing that is wrong.
    """

    operators: tuple[str, ...]
    matrix: Estimate
    eigenvalues: Estimate
    exponents: Estimate
    fields: Estimate
    directions: Estimate
    flags: tuple[str, ...]


def exponents(
    fine: Ensemble,
    coarse: Ensemble,
    *,
    even: Sequence[str] | None = None,
    odd: Sequence[str] | None = None,
) -> Exponents:
    """Exponents of the step from `fine` to `coarse`, any map whatever.

    Args:
        fine: configurations on a grid.
        coarse: the same chains and draws after the map, on a coarser grid.
        even: operators of the even sector, most important first, by their names in
            `kadanoff.instruments.clusters`; those of `default_operators` where not
            given.
        odd: the same of the odd sector.

    Raises:
        ValueError: other chains or draws, values of another kind, units without
            positions, b not above 1, an unknown operator or one of the other parity, or
            fewer than ten configurations for every operator.
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
    where there is none. `convergence` says when an exponent counts as one; it also
    takes ten independent configurations for every operator.

    Args:
        levels: the ensembles, finest first, all of the same chains and draws.
        even: operators of the even sector, as in `exponents`.
        odd: operators of the odd sector.

    Raises:
        ValueError: fewer than two levels, and as in `exponents`.
    """
    scales = _scales(levels, [grid_of(level) for level in levels])
    names = _names(levels, even, odd)
    return _scan(levels, scales, [sector_sums(e, *names) for e in levels], names)


def scan_maps(
    levels: Sequence[Ensemble],
    *,
    even: Sequence[str] | None = None,
    odd: Sequence[str] | None = None,
) -> MapScans:
    """Exponents of several feature maps, each alone and all together.

    Args:
        levels: as in `scan`, one map first and several from some level on, or several
            throughout.
        even: operators of the even sector of one map, as in `exponents`.
        odd: operators of the odd sector.

    Raises:
        ValueError: levels with different numbers of maps, or without any, and as in
            `scan`.
    """
    maps = {level.features for level in levels} - {None}
    late = [level for level in levels if level.features is not None]
    if len(maps) != 1 or late != list(levels[len(levels) - len(late) :]):
        raise ValueError(
            "exponents of feature maps need the same number of maps from some level "
            f"on, got {', '.join(str(level.features) for level in levels)}; use scan "
            "for one map"
        )
    count = late[0].features or 0
    each = tuple(
        scan([_one_map(level, m) for level in levels], even=even, odd=odd)
        for m in range(count)
    )
    return MapScans(each, _joint(late, count, even, odd) if late[1:] else None)


def scaling_operators(
    fine: Ensemble,
    coarse: Ensemble,
    *,
    parity: str = "even",
    operators: Sequence[str] | None = None,
    count: int = 2,
) -> ScalingOperators:
    """Scaling fields and scaling operators of the step from `fine` to `coarse`.

    Args:
        fine: configurations on a grid.
        coarse: the same chains and draws after the map, on a coarser grid.
        parity: `even` or `odd`.
        operators: of that sector, as in `exponents`.
        count: of the leading eigenvalues; at most one for each operator is given.

    Raises:
        ValueError: another parity, a count below 1, no operator that fluctuates after
            the map, and as in `exponents`.
    """
    if parity not in ("even", "odd") or count < 1:
        raise ValueError(
            "scaling operators are 'even' or 'odd' and at least 1 is asked for, got "
            f"{parity!r} and {count}"
        )
    levels, which = (fine, coarse), int(parity == "odd")
    (b,) = _scales(levels, [grid_of(level) for level in levels])
    names = _names(levels, operators, operators)[which]
    chosen = ((), names) if which else (names, ())
    sums = [sector_sums(level, *chosen)[which] for level in levels]
    sector = Sector.of(coarse, *sums)
    kept = _kept(sector, names, parity, coarse)
    if not kept:
        raise ValueError(
            "scaling operators need one that fluctuates on the coarse lattice, got "
            f"none of {', '.join(names)}"
        )
    used = tuple(names[k] for k in kept)
    rows = sector.eigenvectors(kept, min(count, len(kept)))
    n = len(kept)
    values = rows[:, 0]
    return ScalingOperators(
        used,
        sector.matrix(kept),
        values,
        values.map(lambda v: np.array([exponent_of(complex(x), b) for x in v])),
        rows[:, 1 : 1 + n],
        rows[:, 1 + n :],
        (
            *_left_out(parity, names, kept, sector, grid_of(coarse)),
            *_shortage(parity, n, coarse),
            *_without_exponent(parity, values.value),
        ),
    )


def _without_exponent(kind: str, eigenvalues: np.ndarray) -> list[str]:
    return [
        f"eigenvalue {i} of the {kind} operators is "
        + ("complex" if math.isnan(value) else f"not positive, {value:.3g}")
        for i, value in enumerate(eigenvalues, start=1)
        if not value > 0
    ]


def _scan(
    levels: Sequence[Ensemble],
    scales: Sequence[float],
    sums: Sequence[Sums],
    names: Names,
) -> Scan:
    d = levels[0].grid.dimension
    steps = tuple(
        _step(levels[k : k + 2], sums[k : k + 2], names, b)
        for k, b in enumerate(scales)
    )
    reported = _reported(steps)
    seen = steps[: reported + 1]
    last = levels[reported + 1]
    moved, unread = _moved(levels[reported : reported + 2], len(seen))
    y_t, y_h = (
        judge(
            name,
            values,
            d,
            scale=math.prod(step.b for step in seen),
            drift=moved,
            doubts=[*_shortage(kind, n, last), *unread],
        )
        for name, kind, n, values in (
            ("y_T", "even", len(seen[-1].even), [step.y_t for step in seen]),
            ("y_H", "odd", len(seen[-1].odd), [step.y_h for step in seen]),
        )
    )
    return Scan(steps, reported, y_t, y_h, moved)


def _moved(
    levels: Sequence[Ensemble], steps: int
) -> tuple[Drift | None, tuple[str, ...]]:
    """How far the last of some steps moves the couplings, or why that is not known."""
    if steps < STEPS or any(level.features is not None for level in levels):
        return None, ()
    try:
        return drift(*levels), ()
    except ValueError as error:
        return None, (f"its couplings cannot be read: {error}",)


def _reported(steps: Sequence[Exponents]) -> int:
    small = [k for k, step in enumerate(steps) if max(step.coarse) <= REPORT_SIDE]
    return small[0] if small else len(steps) - 1


def _names(
    levels: Sequence[Ensemble],
    even: Sequence[str] | None,
    odd: Sequence[str] | None,
) -> Names:
    """The operators of both sectors, once the levels hold values of one kind."""
    kinds = {"real" if e.alphabet == "pm1" else e.alphabet for e in levels}
    if len(kinds) > 1:
        raise ValueError(
            "a renormalization step needs values of one kind before and after it, got "
            f"alphabets {', '.join(e.alphabet for e in levels)}"
        )
    alphabets = [level.alphabet for level in levels]
    alphabet = "real" if "real" in alphabets else alphabets[0]
    usual = default_operators(alphabet, levels[0].grid)
    return tuple(even or usual[0]), tuple(odd or usual[1])


def _scales(levels: Sequence[Ensemble], grids: Sequence[Grid]) -> list[float]:
    """b of every step, once the levels are known to share their chains."""
    if len(levels) < 2:
        raise ValueError(
            f"a scan needs at least a fine and a coarse level, got {len(levels)}"
        )
    for fine, coarse in itertools.pairwise(levels):
        check_same_chains(fine, coarse)
    return [_scale(old, new) for old, new in itertools.pairwise(grids)]


def _scale(old: Grid, new: Grid) -> float:
    b = scale_factor(old, new) if old.dimension == new.dimension else 0.0
    if not b > 1 + 1e-9:
        raise ValueError(
            "exponents y = ln λ / ln b need a change of scale b > 1 in the same "
            f"dimension, got shape {old.shape} to {new.shape} with b = {b:.4g}; use a "
            "coarser lattice"
        )
    return b


def _step(
    levels: Sequence[Ensemble], sums: Sequence[Sums], names: Names, b: float
) -> Exponents:
    fine, coarse = (level.grid for level in levels)
    flags: list[str] = []
    used, ys = [], []
    for k, kind in enumerate(("even", "odd")):
        sector = Sector.of(levels[1], *(s[k] for s in sums))
        kept = _kept(sector, names[k], kind, levels[1])
        y = tuple(sector.exponent(kept[: n + 1], b) for n in range(len(kept)))
        used.append(tuple(names[k][i] for i in kept))
        ys.append(y)
        flags += _left_out(kind, names[k], kept, sector, coarse)
        flags += _shortage(kind, len(kept), levels[1])
        flags += _complaints(kind, sector.eigenvalue(kept), y, b, fine.dimension)
    return Exponents(
        b, fine.shape, coarse.shape, used[0], used[1], ys[0], ys[1], tuple(flags)
    )


def _kept(
    sector: Sector, names: Sequence[str], kind: str, coarse: Ensemble
) -> list[int]:
    """The operators that T is read in, once there are more configurations."""
    if coarse.size < PER_OPERATOR * len(names):
        raise ValueError(
            f"{len(names)} {kind} operators need at least {PER_OPERATOR * len(names)} "
            f"configurations, got {coarse.size}; sample more or use fewer operators"
        )
    return sector.independent()


def _shortage(kind: str, operators: int, coarse: Ensemble) -> list[str]:
    """How many configurations are wanting for that many operators."""
    needed = PER_OPERATOR * operators
    if coarse.n_eff >= needed:
        return []
    return [
        f"{operators} {kind} operators need at least {needed} independent "
        f"configurations, got {coarse.n_eff:.0f}"
    ]


def _left_out(
    kind: str, names: Sequence[str], kept: Sequence[int], sector: Sector, coarse: Grid
) -> list[str]:
    missing = [k for k in range(len(names)) if k not in kept]
    if not missing:
        return []
    groups = {
        "constant": [names[k] for k in missing if sector.standing[k]],
        "combinations of earlier ones": [
            names[k] for k in missing if not sector.standing[k]
        ],
    }
    why = "; ".join(f"{w}: {', '.join(g)}" for w, g in groups.items() if g)
    return [
        f"left out of the {kind} operators: {', '.join(names[k] for k in missing)} "
        f"({why}), on the coarse lattice {coarse.shape}"
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


def _one_map(level: Ensemble, m: int) -> Ensemble:
    """One feature map as an ensemble of its own; an ensemble without maps as it is."""
    if level.features is None:
        return level
    note = {"step": "feature map", "map": m}
    return level.derived(level.values[:, :, m], level.grid, level.alphabet, note)


def _joint(
    levels: Sequence[Ensemble],
    count: int,
    even: Sequence[str] | None,
    odd: Sequence[str] | None,
) -> Scan:
    """The scan of all maps together: operators of each, then products of two maps."""
    maps = [[_one_map(level, m) for m in range(count)] for level in levels]
    scales = _scales(levels, [grid_of(level[0]) for level in maps])
    names = _names(levels, even, odd)
    pairs = _pairs(levels, count)
    crossed = tuple(f"maps {m} × {n}" for m, n in pairs)
    each = [tuple(f"map {m} {o}" for o in k for m in range(count)) for k in names]
    first, rest = each[0][:count], each[0][count:]
    together = ((*first, *crossed, *rest), each[1])
    sums = []
    for level, alone in zip(levels, maps, strict=True):
        sectors = [sector_sums(e, *names) for e in alone]
        e, o = (_interleaved([s[k] for s in sectors]) for k in (0, 1))
        products = _crossed(level, pairs)
        e = np.concatenate([e[:, :, :count], products, e[:, :, count:]], axis=2)
        sums.append((e, o))
    return _scan(levels, scales, sums, together)


def _interleaved(sums: Sequence[np.ndarray]) -> np.ndarray:
    """Operator by operator all maps, `(chain, draw, operators × maps, components)`."""
    stacked = np.stack(sums, axis=3)
    return stacked.reshape(*stacked.shape[:2], -1, stacked.shape[-1])


def _pairs(levels: Sequence[Ensemble], count: int) -> list[tuple[int, int]]:
    """Pairs of maps whose product on a site is an even operator."""
    multiply = all(level.alphabet in ("pm1", "real") for level in levels)
    return list(itertools.combinations(range(count), 2)) if multiply else []


def _crossed(level: Ensemble, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """Σ_x v_m(x) v_n(x) of pairs of maps, `(chain, draw, pairs, 1)`."""
    out = np.zeros((level.chains, level.draws, len(pairs), 1))
    for chunk in level.chunks():
        values = level.read(chunk)
        flat = values.reshape(*values.shape[:2], -1).astype(float)
        here = out[chunk.chains, chunk.draws]
        for k, (m, n) in enumerate(pairs):
            products = np.einsum("cx,cx->c", flat[:, m], flat[:, n])
            here[..., k, 0] = products.reshape(here.shape[:2])
    return out
