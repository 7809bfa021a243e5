"""What procedures share: how they draw, levels of a rule, and how these respond to K.

For a law exp(-K E)/Z the average of any operator S^(m) of the m-th level has, exactly,

    d⟨S^(m)⟩/dK = -⟨S^(m) E⟩_c,

E the total energy of the lattice that was drawn and c the connected average: the rule,
ties included, does not depend on K.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, weighted_jackknife
from kadanoff.geometry import Grid
from kadanoff.instruments.operators import operator_sums
from kadanoff.protocols import CoarseGraining, Model
from kadanoff.randomness import subseed
from kadanoff.samplers.run import sample

__all__ = [
    "Draws",
    "Response",
    "check_configurations",
    "check_names",
    "check_number",
    "check_operators",
    "check_sides",
    "check_whole",
    "coarse_model",
    "dependent",
    "increasing",
    "last_level",
    "levels_of",
    "responses",
    "shares",
]

PER_OPERATOR = 10
"""Independent configurations for each operator that is compared."""
TRIED = 512
"""Random configurations on which operators must differ."""
DEPENDENT = 1e-9
"""Share of the spread of operators below which they are combinations of each other."""


@dataclass(frozen=True)
class Draws:
    """How every ensemble of a procedure is drawn; see `kadanoff.sample`.

    Args:
        draws: recorded configurations of all chains together.
        method: `auto`, or a name of `samplers.methods`.
        chains: independent chains, from the sampler's table where not given.
        spacing: sweeps between draws, likewise.
        burn_in: sweeps before the first draw, likewise.
        runs: root of run directories; given one, every ensemble is kept and reused.
        workers: processes, see `kadanoff.sample`.

    Raises:
        ValueError: no draws or chains, or a spacing or burn-in that is no number of
            sweeps.
    """

    draws: int = 10_000
    method: str = "auto"
    chains: int | None = None
    spacing: int | None = None
    burn_in: int | None = None
    runs: Path | None = None
    workers: int | str | None = None

    def __post_init__(self) -> None:
        check_whole("the number of draws", self.draws, 1)
        for name, least in (("chains", 1), ("spacing", 1), ("burn_in", 0)):
            value = getattr(self, name)
            if value is not None:
                check_whole(f"{name} of an ensemble", value, least)

    def ensemble(self, model: Model, coupling: float, seed: int) -> Ensemble:
        """Configurations of `model` at `coupling`, in equilibrium or not at all.

        Raises:
            ValueError: as `kadanoff.sample`.
        """
        settings = {f.name: getattr(self, f.name) for f in fields(self)}
        return sample(model, coupling=coupling, seed=seed, **settings)


@dataclass(frozen=True, eq=False)
class Response:
    """Operators of some levels of one ensemble, and how they change with K.

    Attributes:
        coupling: K of the ensemble.
        shapes: of the levels, finest first.
        operators: their names.
        values: `(2, level, operator)`: ⟨S⟩ per site of its own level, and d/dK of it.
    """

    coupling: float
    shapes: tuple[tuple[int, ...], ...]
    operators: tuple[str, ...]
    values: Estimate


def coarse_model(model: Model, rule: CoarseGraining) -> Any:
    """The same model on the lattice that the rule makes of its own.

    Raises:
        ValueError: a rule that does not fit, turns the lattice, or leaves units
            without positions.

    >>> from kadanoff.coarse.block import Majority
    >>> from kadanoff.models.ising import Ising
    >>> coarse_model(Ising((8, 12)), Majority(b=2)).shape
    (4, 6)
    """
    fine, coarse = model.geometry, rule.coarse(model.geometry)
    if not isinstance(coarse, Grid) or not _is_enlarged(fine, coarse):
        raise ValueError(
            "lattices are compared where the rule enlarges the lattice constant and "
            f"nothing else, got {rule} on a lattice of shape {fine.shape}; use a block "
            "rule on a simple lattice"
        )
    build: Any = type(model)
    return build(coarse.shape, **model.parameters)


def last_level(model: Model, rule: CoarseGraining, steps: int) -> Grid:
    """The lattice of a model after some steps of a rule.

    Raises:
        ValueError: the rule does not fit one of them, or leaves units without
            positions.
    """
    level: Any = model.geometry
    for _ in range(steps):
        level = rule.coarse(level)
    if not isinstance(level, Grid):
        raise ValueError(
            f"levels are compared site by site, got {rule}, which leaves units without "
            "positions; use a block rule"
        )
    return level


def levels_of(
    rule: CoarseGraining, fine: Ensemble, steps: int, *, seed: int
) -> list[Ensemble]:
    """The ensemble and what it becomes in 1, 2, … `steps` steps of the rule.

    Raises:
        ValueError: the rule does not fit one of the levels.
    """
    if not check_whole("the number of steps of a rule", steps, 0):
        return [fine]
    return list(Stack((rule,) * steps).levels(fine, seed=subseed(seed, "rule")))


def responses(
    model: Model, levels: Sequence[Ensemble], operators: Sequence[str]
) -> Response:
    """Means of operators on levels of one ensemble, and their derivatives in K.

    Args:
        model: the law of the finest level, with an energy.
        levels: the finest one, drawn from `model`, first.
        operators: names from `kadanoff.instruments.operators`.

    Raises:
        ValueError: an unknown operator, or fewer than ten independent configurations
            for each.
    """
    fine = levels[0]
    check_configurations(fine.n_eff, operators)
    sums = [operator_sums(e, operators) / e.grid.size for e in levels]
    s = np.stack(sums, axis=2)  # (chain, draw, level, operator)
    energy = _energies(model, fine)[..., None, None]
    # About their means, so that no digits are lost in the connected averages.
    centre, energy = s.mean(axis=(0, 1)), energy - energy.mean()
    s = s - centre
    blocks = fine.blocks()
    rows = [
        [x[b.chains, b.draws].mean(axis=(0, 1)) for x in (s, energy, s * energy)]
        for b in blocks
    ]
    columns = [np.stack(column) for column in zip(*rows, strict=True)]

    def reading(mean: np.ndarray, e: np.ndarray, product: np.ndarray) -> np.ndarray:
        return np.stack([centre + mean, mean * e - product])

    sizes = np.array([b.size for b in blocks], dtype=float)
    values = weighted_jackknife(
        columns, reading, sizes, lineage=fine.lineage, n_eff=fine.n_eff
    )
    coupling = next(iter(fine.couplings.values()), math.nan)
    shapes = tuple(e.grid.shape for e in levels)
    return Response(coupling, shapes, tuple(operators), values)


def check_names(operators: Any) -> tuple[str, ...]:
    """The names, once they are a list of names.

    Raises:
        ValueError: anything else.
    """
    listed = isinstance(operators, Iterable) and not isinstance(operators, str)
    if not listed or not all(isinstance(o, str) for o in operators):
        raise ValueError(
            f"operators are names in a list, such as ('nn', 'nnn'), got {operators!r}"
        )
    return tuple(operators)


def check_sides(shape: Any, least: int = 1) -> tuple[Any, ...]:
    """The shape, once it is one or more whole sides.

    Raises:
        ValueError: anything else, or a side below `least`.
    """
    sides: tuple[Any, ...] = tuple(shape) if isinstance(shape, Iterable) else ()
    whole = all(isinstance(side, Integral) for side in sides)
    if not sides or not whole or min(sides) < least:
        raise ValueError(
            f"a lattice has whole sides of at least {least} sites, got {shape!r}; give "
            "for example (27, 27)"
        )
    return sides


def check_operators(
    operators: Sequence[str], level: Grid, alphabet: str, *, rng: np.random.Generator
) -> tuple[str, ...]:
    """The names, once they are those of operators that differ on a level.

    On a lattice of few sites some are constant and some coincide, and one operator can
    have two names: what depends on the others would count twice.

    Args:
        operators: names from `kadanoff.instruments.operators`.
        level: the smallest lattice on which they are compared.
        alphabet: of its values.
        rng: of the random configurations on which they are compared here.

    Raises:
        ValueError: no names, an unknown one, or operators that are constant there or
            combinations of each other.
    """
    names = check_names(operators)
    if not names:
        raise ValueError(
            "one or more operators are compared, got none; name one, such as 'nn'"
        )
    values = _any_values(alphabet, (1, TRIED, *level.lattice), rng)
    sums = operator_sums(Ensemble.from_values(values, level, alphabet=alphabet), names)
    wrong = dependent(np.cov(sums[0], rowvar=False).reshape(len(names), -1))
    if wrong:
        raise ValueError(
            f"operators must differ on the last level {level.shape}, and some are "
            "constant or combinations of each other there: "
            f"{', '.join(names[k] for k in wrong)}; leave some out or use a larger "
            "lattice"
        )
    return names


def dependent(covariance: np.ndarray) -> list[int]:
    """Which operators are constant, or can be left out without losing anything."""
    spread = np.sqrt(np.diag(covariance))
    moving = np.flatnonzero(spread > DEPENDENT * max(1.0, spread.max()))
    scaled = covariance[np.ix_(moving, moving)] / np.outer(
        spread[moving], spread[moving]
    )

    def rank(kept: np.ndarray) -> int:
        eigenvalues = np.linalg.eigvalsh(scaled[np.ix_(kept, kept)])
        return int((eigenvalues > DEPENDENT * len(scaled)).sum())

    every = np.arange(len(moving))
    full = rank(every)
    lost = full < len(moving)
    spare = [k for k in every if lost and rank(np.delete(every, k)) == full]
    still = sorted({*range(len(covariance))} - {*moving.tolist()})
    return sorted([*still, *moving[spare].tolist()])


def check_configurations(n_eff: float, operators: Sequence[str]) -> None:
    """Refuse a comparison of more operators than the configurations can carry.

    Raises:
        ValueError: fewer than ten independent configurations for each.
    """
    needed = PER_OPERATOR * len(operators)
    if n_eff < needed:
        raise ValueError(
            f"operators are compared on at least {PER_OPERATOR} independent "
            f"configurations each, {needed} for {', '.join(operators)}, got "
            f"{n_eff:.1f}; draw more or name fewer"
        )


def check_whole(what: str, value: Any, least: int) -> int:
    """The number, once it is whole and not too small.

    Raises:
        ValueError: anything else.
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{what} is {least} or more, a whole number, got {value!r}")
    return int(value)


def check_number(what: str, value: Any, above: float = -math.inf) -> float:
    """The number, once it is finite and above a bound.

    Raises:
        ValueError: anything else.
    """
    real = isinstance(value, int | float | np.integer | np.floating)
    if not real or not math.isfinite(value) or not value > above:
        bound = "" if above == -math.inf else f" above {above:g}"
        raise ValueError(f"{what} is a finite number{bound}, got {value!r}")
    return float(value)


def increasing(couplings: Any, least: int = 1) -> np.ndarray:
    """Couplings as an array, once they are finite numbers that increase.

    Raises:
        ValueError: anything else, or fewer than `least`.
    """
    try:
        k = np.asarray(couplings, dtype=float)
    except (TypeError, ValueError):  # words, or rows of several lengths
        k = np.zeros(0)
    if (
        k.ndim != 1
        or len(k) < least
        or not np.isfinite(k).all()
        or (np.diff(k) <= 0).any()
    ):
        raise ValueError(
            f"couplings are {least} or more finite numbers that increase, got "
            f"{couplings!r}; sort them and leave doubles out"
        )
    return k


def shares(differences: Estimate, slopes: Estimate) -> np.ndarray:
    """Weights w of operators in δ = Σ w D/Σ w s, the shift that D = s δ asks for.

    Those of least squares, w = s/σ², σ the error of D: an operator that hardly responds
    says nothing, and does not divide by its noise.

    Args:
        differences: D, `(…, operator)`.
        slopes: s, the same shape.
    """
    variance = differences.error**2
    everywhere = (variance > 0).all()
    return slopes.value / variance if everywhere else slopes.value


def _any_values(
    alphabet: str, shape: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """Independent random values of an alphabet."""
    if alphabet == "pm1":
        return rng.integers(0, 2, shape).astype(np.int8) * 2 - 1
    if alphabet == "angle":
        return rng.uniform(0, 2 * math.pi, shape)
    if alphabet.startswith("potts"):
        q = int(alphabet.partition(":")[2])
        return rng.integers(0, q, shape).astype(np.int8)
    return rng.standard_normal(shape)


def _energies(model: Model, fine: Ensemble) -> np.ndarray:
    """Total energies in units of J, `(chain, draw)`."""
    energy = getattr(model, "energy", None)
    if energy is None:
        raise ValueError(
            "derivatives in K need a model with an energy, got "
            f"'{model.name}', a driven one; use an equilibrium model"
        )
    out = np.empty((fine.chains, fine.draws))
    for chunk in fine.chunks():
        part = out[chunk.chains, chunk.draws]
        part[...] = energy(fine.read(chunk)).reshape(part.shape)
    return out * fine.grid.size


def _is_enlarged(fine: Grid, coarse: Grid) -> bool:
    """Whether the coarse lattice is the fine one with another lattice constant."""
    if fine.dimension != coarse.dimension or len(fine.cell) != len(coarse.cell):
        return False
    sides = {a / b for a, b in zip(fine.shape, coarse.shape, strict=True)}
    (b, *others) = sides
    scaled = np.allclose(np.array(fine.basis) * b, np.array(coarse.basis))
    return not others and b > 1 and scaled
