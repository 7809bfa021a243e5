"""Couplings of an ensemble of spins by maximum pseudo-likelihood.

For the energy -βH = Σ_α K_α S_α every spin has, given all others, the probability

    p(s_x | rest) = σ(2 Σ_α K_α z_α(x)),  z_α(x) = Σ_{clusters of α that hold x} Π s,

σ the logistic function, and the couplings maximise Σ_x ln p (J. Besag, The Statistician
24, 179 (1975)): a concave problem without a partition function. The z are whole
numbers, few of them, so an ensemble is one histogram per jackknife block and each
maximum a few Newton steps on it. Errors are the jackknife's over blocks; the Fisher
matrix of a pseudo-likelihood is not its inverse covariance.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, weighted_jackknife
from kadanoff.geometry import Grid
from kadanoff.instruments.operators import Halo, lattice_of, local_clusters

__all__ = ["Couplings", "conditional_entropy", "fit_couplings"]

MOST_CELLS = 1 << 18
"""Largest histogram of local values: 2 MB."""
NEWTON_STEPS = 50
LARGEST = 30.0
"""|K| beyond which a maximum is taken to lie at infinity."""


@dataclass(frozen=True)
class Couplings:
    """Fitted couplings of named operators.

    Attributes:
        operators: their names.
        values: K_α in that order; not a number where the maximum is at infinity, as
            for spins that all lie along their fields.
        entropy: -⟨ln p(s|rest)⟩ per spin, in nats, on the configurations of the fit;
            not a number where the couplings are not.
    """

    operators: tuple[str, ...]
    values: Estimate
    entropy: Estimate

    def __getitem__(self, operator: str) -> Estimate:
        """The coupling of one operator."""
        return self.values[self.operators.index(operator)]


def fit_couplings(ensemble: Ensemble, operators: Sequence[str] = ("nn",)) -> Couplings:
    """The couplings under which each spin is most likely given the others.

    Args:
        ensemble: ±1 spins on a grid.
        operators: names from `kadanoff.instruments.operators`, `field` for a uniform
            magnetic field.

    Raises:
        ValueError: values that are not ±1, no positions, no operators, an unknown one,
            more local values than can be counted, or operators that cannot be told
            apart on this lattice.
    """
    table = _table(ensemble, tuple(operators))
    start = _maximum(table.z, table.total, np.zeros(len(operators)))
    near = np.nan_to_num(start)  # replicates are a step away from the whole

    def reading(share: np.ndarray) -> np.ndarray:
        k = _maximum(table.z, share, near)
        return np.append(k, _entropy(table.z, share, k))

    fit = table.jackknife(reading)
    return Couplings(tuple(operators), fit[:-1], fit[-1])


def conditional_entropy(couplings: Couplings, ensemble: Ensemble) -> Estimate:
    """-⟨ln p(s|rest)⟩ per spin, in nats, of fitted couplings on other configurations.

    The error is that of `ensemble` alone: the couplings are taken as they are.

    Raises:
        ValueError: as in `fit_couplings`.
    """
    table = _table(ensemble, couplings.operators)
    k = couplings.values.value
    return table.jackknife(lambda share: np.array(_entropy(table.z, share, k)))


@dataclass(frozen=True, eq=False)
class _Table:
    """Local values that occur, and how often in each block.

    Attributes:
        z: `(cells, operators)` local values.
        shares: `(blocks, cells)` shares of the spins of the block.
        sizes: configurations in each block.
    """

    z: np.ndarray
    shares: np.ndarray
    sizes: np.ndarray
    lineage: str
    n_eff: float

    @property
    def total(self) -> np.ndarray:
        return self.sizes @ self.shares / self.sizes.sum()

    def jackknife(self, reading: Callable[[np.ndarray], np.ndarray]) -> Estimate:
        return weighted_jackknife(
            [self.shares], reading, self.sizes, lineage=self.lineage, n_eff=self.n_eff
        )


def _table(ensemble: Ensemble, operators: tuple[str, ...]) -> _Table:
    grid = _spins_on(ensemble)
    families = [local_clusters(name, grid.shape) for name in operators]
    most = np.array([len(family) for family in families])
    strides = _strides(operators, most + 1)
    halo = Halo.around(grid.shape, itertools.chain(*families))
    plan = halo.plan(families)
    blocks = ensemble.blocks()
    counts = np.zeros((len(blocks), int(np.prod(most + 1))), dtype=np.int64)
    for block, row in zip(blocks, counts, strict=True):
        halo.count(ensemble.read(block), plan, most, strides, row)
    occurring = np.flatnonzero(counts.any(axis=0))
    z = 2 * (occurring[:, None] // strides % (most + 1)) - most
    _check_distinct(operators, z)
    sizes = np.array([block.size for block in blocks], dtype=float)
    shares = counts[:, occurring] / (sizes[:, None] * grid.size)
    return _Table(z, shares, sizes, ensemble.lineage, ensemble.n_eff)


def _spins_on(ensemble: Ensemble) -> Grid:
    if ensemble.alphabet != "pm1":
        raise ValueError(
            "couplings are fitted to ±1 spins, got values of alphabet "
            f"'{ensemble.alphabet}'; a real-valued field has none"
        )
    return lattice_of(ensemble)


def _strides(operators: tuple[str, ...], values: np.ndarray) -> np.ndarray:
    """Place values of the cell number, last operator fastest."""
    if not operators:
        raise ValueError("a fit of couplings needs at least one operator, got none")
    cells = math.prod(values.tolist())
    if cells > MOST_CELLS:
        raise ValueError(
            f"a fit counts at most {MOST_CELLS} combinations of local values, got "
            f"{cells} for {', '.join(operators)}; leave some operators out"
        )
    return np.append(np.cumprod(values[:0:-1])[::-1], 1).astype(np.int64)


def _check_distinct(operators: tuple[str, ...], z: np.ndarray) -> None:
    if np.linalg.matrix_rank(z) < len(operators):
        raise ValueError(
            f"operators {', '.join(operators)} cannot be told apart on these "
            "configurations: on so small or so ordered a lattice some are functions of "
            "the others; fit fewer"
        )


def _maximum(z: np.ndarray, share: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The couplings of greatest pseudo-likelihood, by Newton steps that never descend.

    Not a number where there is no finite maximum.
    """
    k, entropy = start, _entropy(z, share, start)
    for _ in range(NEWTON_STEPS):
        step = _newton_step(z, share, k)
        if not np.isfinite(step).all():
            break
        lower = _entropy(z, share, k + step)
        while lower > entropy + 1e-13 and abs(step).max() > 1e-12:
            step = step / 2
            lower = _entropy(z, share, k + step)
        k, entropy = k + step, lower
        if not abs(k).max() < LARGEST:
            break
        if abs(step).max() < 1e-11:
            return k
    return np.full(len(start), np.nan)


def _newton_step(z: np.ndarray, share: np.ndarray, k: np.ndarray) -> np.ndarray:
    wrong = expit(-2 * z @ k)
    gradient = (share * wrong) @ z
    curvature = 2 * (z.T * (share * wrong * (1 - wrong))) @ z
    try:
        return np.linalg.solve(curvature, gradient)
    except np.linalg.LinAlgError:  # flat: all spins lie along their fields
        return np.full(len(k), np.nan)


def _entropy(z: np.ndarray, share: np.ndarray, k: np.ndarray) -> float:
    """-Σ p ln σ(2 K·z); not a number where the couplings are not."""
    if np.isnan(k).any():
        return math.nan
    return float(share @ np.logaddexp(0, -2 * z @ k))
