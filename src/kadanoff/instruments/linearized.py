"""The linearized RG transformation as a matrix, and its leading eigenvalue.

With S_β the operators of the fine and S'_α those of the coarse lattice,

    A = ⟨S'_α S_β⟩_c,  B = ⟨S'_α S'_γ⟩_c,  B T = A,  T_αβ = ∂K'_α/∂K_β

(R. H. Swendsen, Phys. Rev. Lett. 42, 859 (1979)): the derivatives of ⟨S'_α⟩ in the
fine couplings, by the chain rule through the coarse ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, weighted_jackknife

__all__ = ["Sector", "exponent_of", "leading_eigenvalue", "linearized"]

DEPENDENT = 1e-9
"""Share of an operator's variance left by earlier operators, below which it is one of
their combinations."""


def linearized(
    fine_sums: np.ndarray, coarse_sums: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """T_αβ = ∂K'_α/∂K_β from operator sums of the same configurations.

    Args:
        fine_sums: `(n, operators)` on the fine lattice.
        coarse_sums: `(n, operators)` on the coarse lattice.
        weights: probability of each configuration; equal where not given.

    Raises:
        numpy.linalg.LinAlgError: coarse operators that are copies of each other.
    """
    p = np.full(len(fine_sums), 1 / len(fine_sums)) if weights is None else weights
    fine, coarse = fine_sums - p @ fine_sums, coarse_sums - p @ coarse_sums
    moved = coarse.T * p
    return np.linalg.solve(moved @ coarse, moved @ fine)


def leading_eigenvalue(matrix: np.ndarray) -> complex:
    """The eigenvalue of largest modulus; NaN for an empty or NaN matrix."""
    if not matrix.size or not np.isfinite(matrix).all():
        return complex(math.nan)
    values = np.linalg.eigvals(matrix)
    return complex(values[np.argmax(abs(values))])


def exponent_of(eigenvalue: complex, b: float) -> float:
    """y = ln λ / ln b; not a number for a complex, negative or vanishing λ.

    >>> exponent_of(2 + 0j, 2.0), exponent_of(-1 + 0j, 2.0)
    (1.0, nan)
    """
    if eigenvalue.imag != 0 or not eigenvalue.real > 0:
        return math.nan
    return math.log(eigenvalue.real) / math.log(b)


@dataclass(frozen=True, eq=False)
class Sector:
    """Block means of the operators of one parity before and after a map.

    Attributes:
        columns: ⟨S'⟩, ⟨S⟩, ⟨S'S'ᵀ⟩ and ⟨S'Sᵀ⟩ of each block, all taken about the mean
            over the ensemble so that no digits are lost.
        sizes: configurations in each block.
        lineage: the ensemble's.
        n_eff: independent configurations.
    """

    columns: list[np.ndarray]
    sizes: np.ndarray
    lineage: str
    n_eff: float

    @classmethod
    def of(
        cls, ensemble: Ensemble, fine_sums: np.ndarray, coarse_sums: np.ndarray
    ) -> Sector:
        """From `(chain, draw, operators)` sums, in the blocks of the ensemble."""
        fine_sums = fine_sums - fine_sums.mean(axis=(0, 1))
        coarse_sums = coarse_sums - coarse_sums.mean(axis=(0, 1))
        blocks = ensemble.blocks()
        rows = []
        for b in blocks:
            s = fine_sums[b.chains, b.draws].reshape(b.size, -1)
            c = coarse_sums[b.chains, b.draws].reshape(b.size, -1)
            rows.append((c.mean(0), s.mean(0), c.T @ c / b.size, c.T @ s / b.size))
        columns = [np.stack(column) for column in zip(*rows, strict=True)]
        sizes = np.array([b.size for b in blocks], dtype=float)
        return cls(columns, sizes, ensemble.lineage, ensemble.n_eff)

    def independent(self) -> list[int]:
        """Coarse operators that fluctuate, and not as a combination of earlier ones.

        On a lattice of a few sites some are constant and some coincide; B would be
        singular with them.
        """
        b, _ = self._covariances()
        kept: list[int] = []
        for k in range(len(b)):
            along = np.linalg.solve(b[np.ix_(kept, kept)], b[kept, k])
            if b[k, k] - along @ b[kept, k] > DEPENDENT * b[k, k]:
                kept.append(k)
        return kept

    def eigenvalue(self, kept: Sequence[int]) -> complex:
        """Leading eigenvalue of T in the chosen operators, from all blocks."""
        return _leading(*self._covariances(), kept)

    def exponent(self, kept: Sequence[int], b: float) -> Estimate:
        """y of the leading eigenvalue in the chosen operators, with jackknife error.

        A replicate without an exponent is not a number, and so is then the error.
        """

        def reading(*means: np.ndarray) -> float:
            return exponent_of(_leading(*_connected(*means), kept), b)

        return weighted_jackknife(
            self.columns, reading, self.sizes, lineage=self.lineage, n_eff=self.n_eff
        )

    def _covariances(self) -> tuple[np.ndarray, np.ndarray]:
        share = self.sizes / self.sizes.sum()
        return _connected(*(np.tensordot(share, c, axes=1) for c in self.columns))


def _connected(
    c: np.ndarray, s: np.ndarray, cc: np.ndarray, cs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(B, A) from means of S', S, S'S'ᵀ, S'Sᵀ."""
    return cc - np.outer(c, c), cs - np.outer(c, s)


def _leading(b: np.ndarray, a: np.ndarray, kept: Sequence[int]) -> complex:
    chosen = np.ix_(kept, kept)
    try:
        return leading_eigenvalue(np.linalg.solve(b[chosen], a[chosen]))
    except np.linalg.LinAlgError:  # a replicate in which an operator stands still
        return complex(math.nan)
