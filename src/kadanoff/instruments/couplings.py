"""Couplings of an ensemble of spins by maximum pseudo-likelihood.

For the energy -βH = Σ_α K_α S_α every spin has, given all others, the probability

    p(s_x | rest) = σ(2 Σ_α K_α z_α(x)),  z_α(x) = Σ_{clusters of α that hold x} Π s,

σ the logistic function, and the couplings maximise Σ_x ln p (J. Besag, The Statistician
24, 179 (1975)): a concave problem without a partition function. The z are whole
numbers, few of them, so an ensemble is one histogram per jackknife block and each
maximum a few Newton steps on it.

Errors are the jackknife's over blocks and, next to them, the sandwich H⁻¹ J H⁻¹ of the
curvature H of ln p and the covariance J of its gradient, taken between the same blocks:
spins of one configuration and configurations of one chain are not independent, and the
plain Fisher matrix H of a pseudo-likelihood is not its inverse covariance.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, weighted_jackknife
from kadanoff.geometry import Grid
from kadanoff.instruments.operators import Halo, Plan, lattice_of, local_clusters

__all__ = ["Couplings", "conditional_entropy", "fit_couplings"]

MOST_CELLS = 1 << 18
"""Most combinations of local values that may occur: 134 MB with 64 blocks."""
LAID_OUT = 1 << 18
"""Largest histogram with a place for each combination; others are hash tables."""
MOST_CODES = 1 << 62
MOST_CLUSTERS = 127
"""Most clusters of one operator through a site: local values are single bytes."""
NEWTON_STEPS = 50
LARGEST = 30.0
"""|K| beyond which a maximum is taken to lie at infinity."""
PER_OPERATOR = 10
"""Independent configurations for each coupling that is fitted."""


@dataclass(frozen=True)
class Couplings:
    """Fitted couplings of named operators.

    Attributes:
        operators: their names.
        values: K_α in that order; not a number where the maximum is at infinity, as
            for spins that all lie along their fields.
        entropy: -⟨ln p(s|rest)⟩ per spin, in nats, on the configurations of the fit;
            not a number where the couplings are not.
        sandwich: covariance of the couplings by the sandwich estimator, `(operators,
            operators)`; that of the jackknife is `values.covariance`.
    """

    operators: tuple[str, ...]
    values: Estimate
    entropy: Estimate
    sandwich: np.ndarray

    @property
    def sandwich_error(self) -> np.ndarray:
        """One standard error of each coupling by the sandwich, `(operators,)`."""
        return np.sqrt(np.diag(self.sandwich))

    def __getitem__(self, operator: str) -> Estimate:
        """The coupling of one operator.

        Raises:
            ValueError: one that was not fitted.
        """
        if operator not in self.operators:
            raise ValueError(
                f"this fit has the couplings of {', '.join(self.operators)}, got "
                f"{operator!r}; fit it with the others"
            )
        return self.values[self.operators.index(operator)]


def fit_couplings(ensemble: Ensemble, operators: Sequence[str] = ("nn",)) -> Couplings:
    """The couplings under which each spin is most likely given the others.

    Args:
        ensemble: ±1 spins on a grid.
        operators: names from `kadanoff.instruments.clusters`, of its table, listed by
            `systematic` or any other; `field` for a uniform magnetic field.

    Raises:
        ValueError: values that are not ±1, no positions, no operators, an unknown one,
            more local values than can be counted, operators that cannot be told apart
            on this lattice, or fewer than ten independent configurations for each.
    """
    _spins_on(ensemble)
    _check_names(operators)
    _check_configurations(ensemble, operators)
    table = _table(ensemble, tuple(operators))
    start = _maximum(table.z, table.total, np.zeros(len(operators)))
    near = np.nan_to_num(start)  # replicates are a step away from the whole

    def reading(share: np.ndarray) -> np.ndarray:
        k = _maximum(table.z, share, near)
        return np.append(k, _entropy(table.z, share, k))

    fit = table.jackknife(reading)
    return Couplings(tuple(operators), fit[:-1], fit[-1], _sandwich(table, start))


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
    families = [local_clusters(name, grid) for name in operators]
    most = np.array([len(family) for family in families])
    _check_size(operators, most)
    strides = _strides(most + 1)
    halo = Halo.around(grid.shape, itertools.chain(*families))
    plan = halo.plan(families)
    blocks = ensemble.blocks()
    found = [_counted(ensemble.read(b), halo, plan, most) for b in blocks]
    occurring = np.unique(np.concatenate([cells for cells, _ in found]))
    _check_cells(len(occurring))
    counts = np.zeros((len(blocks), len(occurring)), dtype=np.int64)
    for row, (cells, times) in zip(counts, found, strict=True):
        row[np.searchsorted(occurring, cells)] = times
    z = 2 * (occurring[:, None] // strides % (most + 1)) - most
    _check_distinct(operators, z)
    sizes = np.array([block.size for block in blocks], dtype=float)
    shares = counts / (sizes[:, None] * grid.size)
    return _Table(z, shares, sizes, ensemble.lineage, ensemble.n_eff)


def _counted(
    spins: np.ndarray, halo: Halo, plan: Plan, most: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The cells that occur in some configurations, in order, and how often."""
    strides = _strides(most + 1)
    cells = math.prod((most + 1).tolist())
    if cells <= LAID_OUT:
        counts = np.zeros(cells, dtype=np.int64)
        halo.count(spins, plan, most, strides, counts)
        occurring = np.flatnonzero(counts)
        return occurring, counts[occurring]
    keys = np.full(4 * MOST_CELLS, -1)
    counts = np.zeros(len(keys), dtype=np.int64)
    _check_cells(halo.count_codes(spins, plan, most, strides, keys, counts))
    places = np.flatnonzero(counts)
    places = places[np.argsort(keys[places])]
    return keys[places], counts[places]


def _check_cells(occurring: int) -> None:
    if occurring > MOST_CELLS:
        raise ValueError(
            f"a fit counts at most {MOST_CELLS} combinations of local values, got "
            "more; leave some operators out or fit a part of the configurations"
        )


def _spins_on(ensemble: Ensemble) -> Grid:
    if ensemble.alphabet != "pm1":
        raise ValueError(
            "couplings are fitted to ±1 spins, got values of alphabet "
            f"'{ensemble.alphabet}'; a real-valued field has none"
        )
    return lattice_of(ensemble)


def _check_names(operators: Sequence[str]) -> None:
    listed = isinstance(operators, Iterable) and not isinstance(operators, str)
    if not listed or not all(isinstance(o, str) for o in operators):
        raise ValueError(
            f"operators are names in a list, such as ('nn', 'nnn'), got {operators!r}"
        )
    if not operators:
        raise ValueError(
            "a fit of couplings needs at least one operator, got none; name one, such "
            "as 'nn'"
        )


def _check_configurations(ensemble: Ensemble, operators: Sequence[str]) -> None:
    needed = PER_OPERATOR * len(operators)
    if ensemble.n_eff < needed:
        raise ValueError(
            f"couplings are fitted to at least {PER_OPERATOR} independent "
            f"configurations each, {needed} for {', '.join(operators)}, got "
            f"{ensemble.n_eff:.1f}; sample more or leave operators out"
        )


def _check_size(operators: tuple[str, ...], most: np.ndarray) -> None:
    many = [name for name, m in zip(operators, most, strict=True) if m > MOST_CLUSTERS]
    if many:
        raise ValueError(
            f"a fit takes operators with at most {MOST_CLUSTERS} clusters through a "
            f"site, got more of {', '.join(many)}; leave them out"
        )
    if math.prod((most + 1).tolist()) > MOST_CODES:
        raise ValueError(
            f"a fit takes fewer operators than {', '.join(operators)}: their local "
            "values have more combinations than can be numbered; leave some out"
        )


def _strides(values: np.ndarray) -> np.ndarray:
    """Place values of the cell number, last operator fastest."""
    return np.append(np.cumprod(values[:0:-1])[::-1], 1).astype(np.int64)


def _check_distinct(operators: tuple[str, ...], z: np.ndarray) -> None:
    rank = np.linalg.matrix_rank(z)
    if rank == len(operators):
        return
    # Where one of those that depend on each other is left out, the rank stays.
    named = [
        name
        for k, name in enumerate(operators)
        if len(operators) == 1 or np.linalg.matrix_rank(np.delete(z, k, 1)) == rank
    ]
    raise ValueError(
        f"operators {', '.join(named)} cannot be told apart on these configurations, "
        "or are constant there: on so small or so ordered a lattice some are functions "
        f"of the others; leave out {len(operators) - rank} of them"
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


def _sandwich(table: _Table, k: np.ndarray) -> np.ndarray:
    """H⁻¹ J H⁻¹ at the maximum, J between blocks; not a number where k is not."""
    if np.isnan(k).any():
        return np.full((len(k), len(k)), math.nan)
    wrong = expit(-2 * table.z @ k)
    weight = table.sizes / table.sizes.sum()
    gradients = weight[:, None] * (2 * (table.shares * wrong) @ table.z)
    spread = gradients - gradients.mean(axis=0)
    blocks = len(weight)
    j = spread.T @ spread * blocks / (blocks - 1)
    variance = table.total * wrong * (1 - wrong)
    inverse = np.linalg.inv(4 * (table.z.T * variance) @ table.z)
    return inverse @ j @ inverse


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
