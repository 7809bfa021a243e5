"""What procedures share: how they draw, levels of a rule, and how these respond to K.

For a law exp(-K E)/Z the average of any operator S^(m) of the m-th level has, exactly,

    d⟨S^(m)⟩/dK = -⟨S^(m) E⟩_c,

E the total energy of the lattice that was drawn and c the connected average: the rule,
ties included, does not depend on K.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
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

__all__ = ["Draws", "Response", "coarse_model", "levels_of", "responses", "shares"]


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
    """

    draws: int = 10_000
    method: str = "auto"
    chains: int | None = None
    spacing: int | None = None
    burn_in: int | None = None
    runs: Path | None = None
    workers: int | str | None = None

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


def levels_of(
    rule: CoarseGraining, fine: Ensemble, steps: int, *, seed: int
) -> list[Ensemble]:
    """The ensemble and what it becomes in 1, 2, … `steps` steps of the rule.

    Raises:
        ValueError: the rule does not fit one of the levels.
    """
    if not steps:
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
        ValueError: an unknown operator, or too few configurations for an error bar.
    """
    fine = levels[0]
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
