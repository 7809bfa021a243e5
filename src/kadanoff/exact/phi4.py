"""Lattice φ⁴ on a ring and on the 2×2 torus, by quadrature.

The law is e^{-S} with

    S = Σ_x [φ_x² + λ (φ_x² - 1)²] - K Σ_<ij> φ_i φ_j,

λ = 0 the free field, λ → ∞ the Ising model. Summed along a ring the field has the
transfer operator T(φ, φ′) = w(φ)^½ e^{Kφφ′} w(φ′)^½ with w = e^{-φ² - λ(φ² - 1)²}, and
Z = tr Tⁿ, ⟨φ_0 φ_r⟩ = tr(φ T^r φ T^{n-r})/Z. The 2×2 torus has double bonds around one
square of four sites: it is the ring of four at coupling 2K.

The operator is a matrix on equally spaced nodes. The trapezoidal rule then converges
faster than any power of their number, since the integrand is analytic and decays
(L. N. Trefethen and J. A. C. Weideman, SIAM Rev. 56, 385 (2014)).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

__all__ = ["FieldMoments", "correlation", "moments"]

TAIL = 40.0
"""The field is cut off, and its wells resolved, to e^-40 = 4e-18 of the law."""

MAX_NODES = 2000
"""Beyond, diagonalising takes longer than a few seconds (λ above some 5e4)."""


@dataclass(frozen=True)
class FieldMoments:
    """Exact averages of a real field.

    Attributes:
        log_partition: ln Z = ln ∫ e^{-S} Π dφ, a total.
        energy: -Σ_<ij> ⟨φ_i φ_j⟩ / N, per site.
        phi2: ⟨φ²⟩ of one site.
        phi4: ⟨φ⁴⟩ of one site.
        m2: ⟨m²⟩ with m the mean of the field over the lattice.
    """

    log_partition: float
    energy: float
    phi2: float
    phi4: float
    m2: float


def moments(
    shape: Sequence[int], coupling: float, quartic: float, *, nodes: int | None = None
) -> FieldMoments:
    """Averages on a ring `(n,)` or on the torus `(2, 2)`.

    Args:
        shape: the ring's number of sites in a tuple, or (2, 2).
        coupling: K, of either sign.
        quartic: λ ≥ 0; at 0 the field exists only where |K| times the number of
            directions is below 1.
        nodes: points of the rule on each site; where not given, enough for the error
            to be that of rounding.

    Raises:
        ValueError: another shape, a negative λ, a coupling at which the field does not
            exist, fewer than 8 nodes, or wells too narrow to resolve.

    >>> round(moments((2, 2), 0.0, 0.0).phi2, 12)
    0.5
    """
    ring = _ring(shape, coupling, quartic, nodes)
    g = ring.correlation()
    # On (2, 2) each of the four bonds around the square counts twice.
    bonds_per_site = len(shape)
    return FieldMoments(
        log_partition=ring.log_partition,
        energy=-bonds_per_site * float(g[1]),
        phi2=float(g[0]),
        phi4=ring.site_average(ring.nodes**4),
        m2=float(g.mean()),
    )


def correlation(
    sites: int, coupling: float, quartic: float, *, nodes: int | None = None
) -> NDArray[np.float64]:
    """⟨φ_0 φ_r⟩ for r = 0 … n - 1 around a ring of n sites.

    Raises:
        ValueError: as `moments`.
    """
    return _ring((sites,), coupling, quartic, nodes).correlation()


@dataclass(frozen=True)
class _Ring:
    """The transfer operator in its eigenbasis.

    Attributes:
        sites: number of sites n.
        log_scale: logarithm of the largest eigenvalue of T.
        values: eigenvalues over the largest.
        vectors: eigenvectors, one per column.
        nodes: the field's values.
    """

    sites: int
    log_scale: float
    values: NDArray[np.float64]
    vectors: NDArray[np.float64]
    nodes: NDArray[np.float64]

    @property
    def log_partition(self) -> float:
        return self.sites * self.log_scale + math.log(self._trace())

    def site_average(self, observable: NDArray[np.float64]) -> float:
        density = (self.vectors**2) @ self.values**self.sites
        return float(density @ observable) / self._trace()

    def correlation(self) -> NDArray[np.float64]:
        squares = (self.vectors.T @ (self.nodes[:, None] * self.vectors)) ** 2
        n = self.sites
        ahead = [self.values**r @ squares @ self.values ** (n - r) for r in range(n)]
        return np.array(ahead) / self._trace()

    def _trace(self) -> float:
        return float((self.values**self.sites).sum())


def _ring(
    shape: Sequence[int], coupling: float, quartic: float, nodes: int | None
) -> _Ring:
    sites, strength = _geometry(shape, coupling)
    _check(shape, coupling, quartic)
    reach = _reach(abs(strength), quartic)
    phi = np.linspace(-reach, reach, _nodes(abs(strength), quartic, reach, nodes))
    own = phi**2 + quartic * (phi**2 - 1) ** 2
    exponent = strength * np.outer(phi, phi) - (own[:, None] + own) / 2
    top = exponent.max()
    values, vectors = np.linalg.eigh(np.exp(exponent - top))
    largest = values[-1]
    scale = float(top) + math.log(largest * (phi[1] - phi[0]))
    return _Ring(sites, scale, values / largest, vectors, phi)


def _geometry(shape: Sequence[int], coupling: float) -> tuple[int, float]:
    """Sites of the ring and the coupling along it."""
    sides = tuple(shape)
    if sides == (2, 2):
        return 4, 2 * coupling
    if len(sides) == 1 and isinstance(sides[0], Integral) and sides[0] >= 2:
        return int(sides[0]), coupling
    raise ValueError(
        f"quadrature of the field needs a ring of at least 2 sites or the shape "
        f"(2, 2), got {sides}; sample larger lattices"
    )


def _check(shape: Sequence[int], coupling: float, quartic: float) -> None:
    if not (math.isfinite(quartic) and quartic >= 0):
        raise ValueError(
            f"the quartic term must be a finite λ of at least 0, got {quartic}; "
            "a negative one has no lowest action"
        )
    free = quartic == 0
    if not (math.isfinite(coupling) and (not free or abs(coupling) * len(shape) < 1)):
        raise ValueError(
            f"the coupling must be finite, and below {1 / len(shape):g} in size where "
            f"λ = 0, got {coupling}; take it closer to 0 or λ above 0"
        )


def _nodes(strength: float, quartic: float, reach: float, wanted: int | None) -> int:
    """Points whose spacing h leaves an error of e^-TAIL, where none are given.

    At φ + iy the integrand is at most e^{a y²} times larger than at φ, and the rule
    errs by e^{-2πy/h + a y²}, which is smallest, e^{-π²/(a h²)}, at y = π/(a h).
    """
    if wanted is not None:
        if wanted < 8:
            raise ValueError(
                f"the rule needs at least 8 nodes, got {wanted}; leave it out to have "
                "enough"
            )
        return wanted
    growth = 1 + strength + 4 * quartic * reach**2
    enough = 1 + math.ceil(2 * reach * math.sqrt(TAIL * growth) / math.pi)
    if enough > MAX_NODES:
        raise ValueError(
            f"wells at λ = {quartic:g} need {enough} nodes, more than {MAX_NODES}; "
            "take a smaller λ, or the Ising model, its limit"
        )
    return enough


def _reach(strength: float, quartic: float) -> float:
    """Where the action of a uniform field is TAIL above its lowest.

    Kφφ′ ≤ K(φ² + φ′²)/2, so with x = φ² each site has at least the action
    λ(x - 1)² + (1 - K)x: a parabola in x, its lowest point at 0 or beyond.
    """
    slope = 1 - strength - 2 * quartic
    if quartic == 0:
        return math.sqrt(TAIL / slope)
    lowest = max(-slope / (2 * quartic), 0.0)
    # λ d² + s d = TAIL with d = x - lowest and s the slope there.
    at_lowest = max(slope, 0.0)
    root = math.sqrt(at_lowest**2 + 4 * quartic * TAIL)
    return math.sqrt(lowest + 2 * TAIL / (at_lowest + root))
