"""The linearized RG transformation as a matrix, its eigenvalues and eigenvectors.

With S_β the operators of the fine and S'_α those of the coarse lattice,

    A = ⟨S'_α S_β⟩_c,  B = ⟨S'_α S'_γ⟩_c,  B T = A,  T_αβ = ∂K'_α/∂K_β

(R. H. Swendsen, Phys. Rev. Lett. 42, 859 (1979)): the derivatives of ⟨S'_α⟩ in the
fine couplings, by the chain rule through the coarse ones. Operators that turn like an
order parameter of several components belong to one T: symmetry makes it the same for
each, and A and B are summed over the components.

A left eigenvector φ of T is a scaling field, u = φ·δK with u' = λ u; a right one ψ is
the scaling operator O = ψ·S that goes with it, K·S = Σ u O.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, weighted_jackknife

__all__ = [
    "Sector",
    "eigenvectors",
    "exponent_of",
    "leading_eigenvalue",
    "linearized",
]

DEPENDENT = 1e-9
"""Share of an operator's variance left by earlier operators, below which it is one of
their combinations."""
STANDING = 1e-6
"""Spread of an operator over its size, below which it is rounding."""


def linearized(
    fine_sums: np.ndarray,
    coarse_sums: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    names: Sequence[str] | None = None,
) -> np.ndarray:
    """T_αβ = ∂K'_α/∂K_β from operator sums of the same configurations.

    Args:
        fine_sums: `(n, operators)` on the fine lattice, or with an axis of components.
        coarse_sums: the same on the coarse lattice.
        weights: probability of each configuration; equal where not given.
        names: of the operators, for the error.

    Raises:
        numpy.linalg.LinAlgError: coarse operators that are constant, or combinations of
            earlier ones, by their names.
    """
    p = np.full(len(fine_sums), 1 / len(fine_sums)) if weights is None else weights
    fine, coarse = (
        (sums - np.tensordot(p, sums, axes=1)).reshape(*sums.shape[:2], -1)
        for sums in (fine_sums, coarse_sums)
    )
    a, b = (np.einsum("n,nak,nbk->ab", p, coarse, s) for s in (fine, coarse))
    size = np.tensordot(p, coarse_sums.reshape(coarse.shape) ** 2, axes=1).sum(axis=-1)
    moving = np.flatnonzero(np.diag(b) > STANDING**2 * size)
    kept = moving[_independent(b[np.ix_(moving, moving)])]
    lost = sorted({*range(len(b))} - {*kept.tolist()})
    if lost:
        named = [str(k) if names is None else names[k] for k in lost]
        raise np.linalg.LinAlgError(
            "T needs coarse operators that fluctuate independently, got some that are "
            f"constant or combinations of earlier ones: {', '.join(named)}; leave them "
            "out"
        )
    return np.linalg.solve(b, a)


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


def eigenvectors(
    matrix: np.ndarray, metric: np.ndarray, count: int, near: np.ndarray | None = None
) -> np.ndarray:
    """The leading eigenvalues of T with their left and right eigenvectors.

    Right ones have ψᵀ B ψ = 1, a scaling operator of variance 1 on the coarse lattice
    that grows with its first operator; left ones φ_i ψ_j = δ_ij.

    Args:
        matrix: T, `(n, n)`.
        metric: B, `(n, n)`.
        count: how many, largest modulus first.
        near: an earlier answer whose order and signs are followed, as replicates need.

    Returns:
        `(count, 1 + 2 n)` rows λ, φ, ψ; not a number where λ is complex.
    """
    n = len(matrix)
    rows = np.full((count, 1 + 2 * n), math.nan)
    if not np.isfinite(matrix).all():
        return rows
    values, right = np.linalg.eig(matrix)
    try:
        left = np.linalg.inv(right)
    except np.linalg.LinAlgError:  # no basis of eigenvectors
        return rows
    largest = np.argsort(-abs(values), kind="stable")[:count]
    order = largest if near is None else _matched(near, left, right)
    for i, k in enumerate(order):
        if np.imag(values[k]) == 0 and (near is None or np.isfinite(near[i]).all()):
            psi = np.real(right[:, k])
            along = metric[0] @ psi if near is None else near[i, 1 : 1 + n] @ psi
            scale = math.copysign(math.sqrt(psi @ metric @ psi), along)
            rows[i] = [np.real(values[k]), *np.real(left[k]) * scale, *psi / scale]
    return rows


def _matched(near: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The eigenvectors of greatest overlap (φ ψ')(φ' ψ) with those of an answer.

    That product knows nothing of how vectors are normalised; of equal ones it is 1.
    """
    known = np.nan_to_num(near)
    n = len(left)
    overlap = (known[:, 1 : 1 + n] @ right) * (known[:, 1 + n :] @ left.T)
    return abs(overlap).argmax(axis=1)


@dataclass(frozen=True, eq=False)
class Sector:
    """Block means of the operators of one parity before and after a map.

    Attributes:
        columns: ⟨S'⟩, ⟨S⟩, ⟨S'S'ᵀ⟩ and ⟨S'Sᵀ⟩ of each block, all taken about the mean
            over the ensemble so that no digits are lost; the first two with an axis of
            components, the others summed over it.
        sizes: configurations in each block.
        standing: whether a coarse operator stands still, `(operators,)`.
        lineage: the ensemble's.
        n_eff: independent configurations.
    """

    columns: list[np.ndarray]
    sizes: np.ndarray
    standing: np.ndarray
    lineage: str
    n_eff: float

    @classmethod
    def of(
        cls, ensemble: Ensemble, fine_sums: np.ndarray, coarse_sums: np.ndarray
    ) -> Sector:
        """From `(chain, draw, operators)` sums, in the blocks of the ensemble.

        Or `(chain, draw, operators, components)`, components of one operator alike.
        """
        form = (*fine_sums.shape[:3], -1)
        fine, coarse = fine_sums.reshape(form), coarse_sums.reshape(form)
        size = np.sqrt((coarse**2).mean(axis=(0, 1)).sum(axis=-1))
        fine = fine - fine.mean(axis=(0, 1))
        coarse = coarse - coarse.mean(axis=(0, 1))
        spread = np.sqrt((coarse**2).mean(axis=(0, 1)).sum(axis=-1))
        blocks = ensemble.blocks()
        rows = []
        for b in blocks:
            s, c = (
                x[b.chains, b.draws].reshape(b.size, *x.shape[2:])
                for x in (fine, coarse)
            )
            rows.append((c.mean(0), s.mean(0), _products(c, c), _products(c, s)))
        columns = [np.stack(column) for column in zip(*rows, strict=True)]
        sizes = np.array([b.size for b in blocks], dtype=float)
        standing = spread <= STANDING * size
        return cls(columns, sizes, standing, ensemble.lineage, ensemble.n_eff)

    def independent(self) -> list[int]:
        """Coarse operators that fluctuate, and not as a combination of earlier ones.

        On a lattice of a few sites some are constant and some coincide; B would be
        singular with them.
        """
        b, _ = self._covariances()
        moving = np.flatnonzero(~self.standing)
        return [int(moving[k]) for k in _independent(b[np.ix_(moving, moving)])]

    def eigenvalue(self, kept: Sequence[int]) -> complex:
        """Leading eigenvalue of T in the chosen operators, from all blocks."""
        return _leading(*self._covariances(), kept)

    def exponent(self, kept: Sequence[int], b: float) -> Estimate:
        """y of the leading eigenvalue in the chosen operators, with jackknife error.

        A replicate without an exponent is not a number, and so is then the error.
        """
        return self._jackknife(lambda b_, a: exponent_of(_leading(b_, a, kept), b))

    def matrix(self, kept: Sequence[int]) -> Estimate:
        """T in the chosen operators, `(n, n)`, with jackknife errors."""
        return self._jackknife(lambda b, a: _transformation(b, a, kept))

    def eigenvectors(self, kept: Sequence[int], count: int) -> Estimate:
        """Rows λ, φ, ψ of the leading ones, as `eigenvectors` has them, with errors."""
        chosen = np.ix_(kept, kept)
        b, a = self._covariances()
        central = eigenvectors(_transformation(b, a, kept), b[chosen], count)

        def reading(b: np.ndarray, a: np.ndarray) -> np.ndarray:
            t = _transformation(b, a, kept)
            return eigenvectors(t, b[chosen], count, central)

        return self._jackknife(reading)

    def _jackknife(self, reading: Callable[[np.ndarray, np.ndarray], Any]) -> Estimate:
        """The estimate of a function of (B, A)."""
        return weighted_jackknife(
            self.columns,
            lambda *means: reading(*_connected(*means)),
            self.sizes,
            lineage=self.lineage,
            n_eff=self.n_eff,
        )

    def _covariances(self) -> tuple[np.ndarray, np.ndarray]:
        share = self.sizes / self.sizes.sum()
        return _connected(*(np.tensordot(share, c, axes=1) for c in self.columns))


def _products(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """⟨X Yᵀ⟩ of `(n, operators, components)`, summed over the components."""
    parts = (one[..., k].T @ other[..., k] for k in range(one.shape[-1]))
    return np.sum([*parts], axis=0) / len(one)


def _connected(
    c: np.ndarray, s: np.ndarray, cc: np.ndarray, cs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(B, A) from means of S', S, S'S'ᵀ, S'Sᵀ."""
    return cc - c @ c.T, cs - c @ s.T


def _independent(b: np.ndarray) -> list[int]:
    """Rows of a covariance matrix that earlier ones do not explain."""
    kept: list[int] = []
    for k in range(len(b)):
        along = np.linalg.solve(b[np.ix_(kept, kept)], b[kept, k])
        if b[k, k] - along @ b[kept, k] > DEPENDENT * b[k, k]:
            kept.append(k)
    return kept


def _transformation(b: np.ndarray, a: np.ndarray, kept: Sequence[int]) -> np.ndarray:
    """T in the chosen operators; not a number where B has no inverse."""
    chosen = np.ix_(kept, kept)
    try:
        return np.linalg.solve(b[chosen], a[chosen])
    except np.linalg.LinAlgError:  # a replicate in which an operator stands still
        return np.full((len(kept), len(kept)), math.nan)


def _leading(b: np.ndarray, a: np.ndarray, kept: Sequence[int]) -> complex:
    return leading_eigenvalue(_transformation(b, a, kept))
