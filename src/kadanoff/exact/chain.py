"""The Ising and Potts chains, finite rings and the infinite line, for every coupling.

    Ising   exp K Σ_i [s_i s_{i+1} + r s_i s_{i+2} + h s_i],    s = ±1
    Potts   exp K Σ_i δ(c_i, c_{i+1}),                         c = 0 … q-1

with r and h in units of J and K = βJ of either sign. A transfer matrix T carries pairs
(s_i, s_{i+1}) to (s_{i+1}, s_{i+2}), or the two classes "same colour as the first" and
"another one", and ln Z = ln tr Tⁿ (E. Ising, Z. Phys. 31, 253 (1925); H. A. Kramers and
G. H. Wannier, Phys. Rev. 60, 252 (1941)).

An element of Tⁿ is a sum over walks. It is kept as the logarithm of that sum, whose
first two derivatives in K are the mean and the variance of -E among the walks. Walks
joined end to end add all three; walks side by side mix, and the variance of a mixture
is the mean of the variances plus the variance of the means. No term is negative:
nothing cancels at any K, and powers by squaring reach any length. A line is a ring so
long that one end of a walk has forgotten the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Line",
    "Ring",
    "correlation_length",
    "line",
    "line_two_point",
    "potts_correlation_length",
    "potts_line",
    "potts_line_two_point",
    "potts_ring",
    "potts_ring_two_point",
    "ring",
    "ring_two_point",
]

FIRST = np.array([-1, -1, 1, 1])
SECOND = np.array([-1, 1, -1, 1])
"""The two spins of each pair state."""

MOST_DOUBLINGS = 900
"""A line is at most 2^900 sites long, which tells correlation lengths up to 1e270, that
is |K| = 300, from infinite ones."""


@dataclass(frozen=True)
class Ring:
    """Exact thermodynamics of a periodic chain.

    Attributes:
        log_partition: ln Z, a total.
        energy: ⟨E⟩/N, per site, in units of J.
        heat_capacity: K² Var(E)/N, per site, in units of k_B.
        magnetization: ⟨s⟩; 0 for Potts colours.
    """

    log_partition: float
    energy: float
    heat_capacity: float
    magnetization: float


@dataclass(frozen=True)
class Line:
    """Exact thermodynamics of the infinite chain.

    Attributes:
        log_partition_per_site: ln Z / N.
        energy: per site, in units of J.
        heat_capacity: per site, in units of k_B.
        magnetization: ⟨s⟩; 0 for Potts colours.
    """

    log_partition_per_site: float
    energy: float
    heat_capacity: float
    magnetization: float


def ring(
    sites: int, coupling: float, *, field: float = 0.0, second: float = 0.0
) -> Ring:
    """The Ising ring at coupling K of either sign.

    Args:
        sites: length N, at least 2 (two bonds join two sites), or 3 with `second`.
        coupling: K = βJ.
        field: h, in units of J.
        second: r, the coupling of second neighbours in units of J.

    Raises:
        ValueError: a ring too short, or numbers that are not finite.

    >>> round(ring(2, 0.5).energy / math.tanh(1.0), 12)
    -1.0
    """
    model = _ising(coupling, field, second)
    length = _ring_length(sites, 3 if second else 2)
    return Ring(*_closed(model, _power(model.step, length), coupling, length))


def line(coupling: float, *, field: float = 0.0, second: float = 0.0) -> Line:
    """The infinite Ising chain; arguments as for `ring`.

    Raises:
        ValueError: numbers that are not finite.

    >>> round(line(0.5).energy / math.tanh(0.5), 12)
    -1.0
    """
    model = _ising(coupling, field, second)
    return _per_site(model, coupling)


def ring_two_point(
    sites: int, coupling: float, *, field: float = 0.0, second: float = 0.0
) -> NDArray[np.float64]:
    """⟨s_0 s_r⟩ on the Ising ring for r = 0 … N/2, to an absolute error of 1e-14.

    Not connected: with a field ⟨s⟩² is still in it.

    Raises:
        ValueError: as for `ring`.
    """
    model = _ising(coupling, field, second)
    return _around(model, _ring_length(sites, 3 if second else 2))


def line_two_point(
    longest: int, coupling: float, *, field: float = 0.0, second: float = 0.0
) -> NDArray[np.float64]:
    """⟨s_0 s_r⟩ on the infinite Ising chain for r = 0 … longest, not connected.

    Raises:
        ValueError: a negative distance, or numbers that are not finite.
    """
    return _along(_ising(coupling, field, second), longest)


def correlation_length(
    coupling: float, *, field: float = 0.0, second: float = 0.0
) -> float:
    """ξ of the spins on the infinite chain, in sites: connected, they fall as e^{-r/ξ}.

    -1/ln|tanh K| for h = r = 0. Where the decay oscillates, ξ belongs to its envelope.
    With second neighbours some 1e-15 ξ² is rounding, and ξ > 1e15 is called infinite.

    Raises:
        ValueError: numbers that are not finite.

    >>> round(correlation_length(0.5) * math.log(math.tanh(0.5)), 12)
    -1.0
    """
    _check_finite(coupling, field, second)
    if coupling == 0:
        return 0.0
    if second == 0:
        return _decay(*_gap(coupling, coupling * field))
    if field == 0:
        return _inverse_log(_ratio(coupling, coupling * second))
    step = _ising(coupling, field, second).step.log
    moduli = np.sort(np.abs(np.linalg.eigvals(np.exp(step - step.max()))))
    return _inverse_log(float(moduli[-2] / moduli[-1]))


def potts_ring(sites: int, coupling: float, q: int) -> Ring:
    """The ring of q colours: Z = (e^K + q - 1)^N + (q - 1)(e^K - 1)^N (Potts 1952).

    Raises:
        ValueError: fewer than 2 sites or colours, or a coupling that is not finite.

    >>> round(math.exp(potts_ring(2, math.log(2), 3).log_partition), 12)
    18.0
    """
    model, length = _potts(coupling, q), _ring_length(sites, 2)
    return Ring(*_closed(model, _power(model.step, length), coupling, length))


def potts_line(coupling: float, q: int) -> Line:
    """The infinite chain of q colours, ln Z / N = ln(e^K + q - 1).

    Raises:
        ValueError: fewer than 2 colours, or a coupling that is not finite.
    """
    return _per_site(_potts(coupling, q), coupling)


def potts_ring_two_point(sites: int, coupling: float, q: int) -> NDArray[np.float64]:
    """(q ⟨δ(c_0, c_r)⟩ - 1)/(q - 1) on the ring of q colours for r = 0 … N/2.

    Raises:
        ValueError: as for `potts_ring`.
    """
    return _around(_potts(coupling, q), _ring_length(sites, 2))


def potts_line_two_point(longest: int, coupling: float, q: int) -> NDArray[np.float64]:
    """(q ⟨δ(c_0, c_r)⟩ - 1)/(q - 1) on the infinite chain for r = 0 … longest.

    Raises:
        ValueError: a negative distance, fewer than 2 colours, or a coupling that is not
            finite.
    """
    return _along(_potts(coupling, q), longest)


def potts_correlation_length(coupling: float, q: int) -> float:
    """ξ = -1/ln|(e^K - 1)/(e^K + q - 1)|, in sites.

    Raises:
        ValueError: fewer than 2 colours, or a coupling that is not finite.
    """
    _check_finite(coupling)
    _check_colours(q)
    if coupling > 0:
        unlike = math.exp(-coupling)
        total = 1 + (q - 1) * unlike
        return _decay(-math.expm1(-coupling) / total, q * unlike / total)
    like = math.exp(coupling)
    total = like + q - 1
    return _decay(-math.expm1(coupling) / total, (2 * like + q - 2) / total)


@dataclass(frozen=True)
class _Walks:
    """All walks of one length, by their first and last state, both `(state, state)`.

    Attributes:
        log: logarithms of the sums of weights, less `log_origin`; the largest is 0.
        mean: means of -E among the walks, less `mean_origin`.
        variance: variances of -E among the walks.
    """

    log: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    log_origin: float = 0.0
    mean_origin: float = 0.0


@dataclass(frozen=True)
class _Model:
    """Walks of one step, and what their states say of the spins.

    Attributes:
        step: the transfer matrix.
        spin: the spin of each state at which a ring may begin, `(start,)`.
        like: the correlation of a start with each state, `(start, state)`.
        copies: how many rings each start stands for.
    """

    step: _Walks
    spin: NDArray[np.float64]
    like: NDArray[np.float64]
    copies: int = 1


def _ising(coupling: float, field: float, second: float) -> _Model:
    _check_finite(coupling, field, second)
    bonds = np.multiply.outer(SECOND, SECOND) + field * SECOND
    bonds = bonds + second * np.multiply.outer(FIRST, SECOND)
    joined = np.equal.outer(SECOND, FIRST)
    log = np.where(joined, coupling * bonds, -np.inf)
    step = _Walks(log, np.where(joined, bonds, 0.0), np.zeros((4, 4)))
    return _Model(step, FIRST.astype(float), np.multiply.outer(FIRST, FIRST) * 1.0)


def _potts(coupling: float, q: int) -> _Model:
    _check_finite(coupling)
    _check_colours(q)
    # From another colour to another: the same again, or one of q - 2.
    others = np.array([coupling, math.log(q - 2) if q > 2 else -np.inf])
    log, mean, variance = _mix(others, np.array([1.0, 0.0]), np.zeros(2), 0)
    step = _Walks(
        np.array([[coupling, math.log(q - 1)], [0.0, log]]),
        np.array([[1.0, 0.0], [0.0, mean]]),
        np.array([[0.0, 0.0], [0.0, variance]]),
    )
    return _Model(step, np.zeros(1), np.array([[1.0, -1 / (q - 1)]]), q)


def _mix(
    log: NDArray[np.float64],
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
    axis: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Weight, mean and variance of walks side by side along an axis."""
    total = np.logaddexp.reduce(log, axis=axis, keepdims=True)
    # Where no walk leads, -inf - (-inf) would be no number.
    shares = np.exp(log - np.where(np.isfinite(total), total, 0.0))
    middle = (shares * mean).sum(axis=axis, keepdims=True)
    spread = (shares * (variance + (mean - middle) ** 2)).sum(axis=axis)
    return total.squeeze(axis), middle.squeeze(axis), spread


def _join(a: _Walks, b: _Walks) -> _Walks:
    """Walks of `a` continued by those of `b`: the product of matrices."""
    log, mean, variance = _mix(
        a.log[:, :, None] + b.log[None],
        a.mean[:, :, None] + b.mean[None],
        a.variance[:, :, None] + b.variance[None],
        axis=1,
    )
    # Both origins move along: what differs between the elements stays of order one.
    most = np.unravel_index(log.argmax(), log.shape)
    return _Walks(
        log - log[most],
        mean - mean[most],
        variance,
        a.log_origin + b.log_origin + float(log[most]),
        a.mean_origin + b.mean_origin + float(mean[most]),
    )


def _power(step: _Walks, length: int) -> _Walks:
    result = None
    while True:
        if length % 2:
            result = step if result is None else _join(result, step)
        length //= 2
        if not length:
            assert result is not None
            return result
        step = _join(step, step)


def _forgotten(step: _Walks) -> tuple[_Walks, int]:
    """Walks so long that their two ends are independent, and their length."""
    walks, doublings, beyond = _join(step, step), 1, 0
    while beyond < 2 and doublings < MOST_DOUBLINGS:
        beyond += _memory(walks.log) < 1e-8  # the next doubling squares it
        walks, doublings = _join(walks, walks), doublings + 1
    return walks, 2**doublings


def _memory(log: NDArray[np.float64]) -> float:
    """Birkhoff's projective diameter: how much the last state knows of the first."""
    ratios = log[:, None] - log[None]
    return float((ratios.max(axis=2) - ratios.min(axis=2)).max())


def _closed(
    model: _Model, walks: _Walks, coupling: float, length: int
) -> tuple[float, float, float, float]:
    """ln Z, and energy, heat capacity and magnetization per site, of a ring."""
    starts = range(len(model.spin))
    weights, means, variances = (
        part[starts, starts] for part in (walks.log, walks.mean, walks.variance)
    )
    log, mean, variance = (float(x) for x in _mix(weights, means, variances, 0))
    return (
        walks.log_origin + log + math.log(model.copies),
        0.0 - (walks.mean_origin + mean) / length,  # never -0.0
        coupling * (coupling * (variance / length)),
        float(np.exp(weights - log) @ model.spin),
    )


def _per_site(model: _Model, coupling: float) -> Line:
    walks, length = _forgotten(model.step)
    total, *rest = _closed(model, walks, coupling, length)
    return Line(total / length, *rest)


def _around(model: _Model, sites: int) -> NDArray[np.float64]:
    powers = _log_powers(model.step.log, sites)
    half = sites // 2 + 1
    return _correlation(model, powers[:half], powers[::-1][:half])


def _along(model: _Model, longest: int) -> NDArray[np.float64]:
    if not isinstance(longest, Integral) or longest < 0:
        raise ValueError(
            f"the longest distance is a whole number of sites, got {longest!r}; "
            "give for example 20"
        )
    walks, _ = _forgotten(model.step)
    powers = _log_powers(model.step.log, int(longest))
    return _correlation(model, powers, walks.log[None])


def _correlation(
    model: _Model, there: NDArray[np.float64], back: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Correlation of start and turning point over rings made of two walks each."""
    starts = len(model.spin)
    log = there[:, :starts, :] + back[:, :, :starts].swapaxes(1, 2)
    weights = np.exp(log - log.max(axis=(1, 2), keepdims=True))
    return (weights * model.like).sum(axis=(1, 2)) / weights.sum(axis=(1, 2))


def _log_powers(log: NDArray[np.float64], longest: int) -> NDArray[np.float64]:
    """ln Tʳ for r = 0 … longest up to a constant each, `(r, state, state)`."""
    identity = np.where(np.eye(len(log), dtype=bool), 0.0, -np.inf)
    powers, last = identity[None], log - log.max()
    while len(powers) <= longest:
        # `last` is the power of length len(powers).
        onward = _log_product(powers, last)
        last = _log_product(last, last)
        powers = np.concatenate([powers, onward])
    return powers[: longest + 1]


def _log_product(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    log = np.logaddexp.reduce(a[..., :, :, None] + b, axis=-2)
    return log - log.max(axis=(-2, -1), keepdims=True)


def _gap(coupling: float, field: float) -> tuple[float, float]:
    """|λ₁|/λ₀ and 1 - |λ₁|/λ₀ of the matrix [[e^{K+H}, e^{-K}], [e^{-K}, e^{K-H}]]."""
    decay = math.exp(-2 * abs(field))
    top = max(coupling + abs(field), -coupling)
    aligned, against = math.exp(coupling + abs(field) - top), math.exp(-coupling - top)
    cosh, sinh = aligned * (1 + decay) / 2, aligned * (1 - decay) / 2
    root = math.hypot(sinh, against)
    # λ = cosh ± root, their product is 2 sinh 2K, and λ₁ has the sign of K: no form
    # here is a small difference.
    largest = cosh + root
    product = -math.exp(2 * abs(coupling) - 2 * top) * math.expm1(-4 * abs(coupling))
    return product / largest**2, 2 * (root if coupling > 0 else cosh) / largest


def _ratio(coupling: float, second: float) -> float:
    """|λ₁|/λ₀ with λ₀ even and λ₁ odd under the flip of all spins, K₂ = rK.

    λ² - 2λ e^{K₂} cosh K + 2 sinh 2K₂ = 0 and λ² - 2λ e^{K₂} sinh K - 2 sinh 2K₂ = 0.
    """
    strength = abs(coupling)
    top = max(second + strength, -second)
    aligned, against = math.exp(second + strength - top), math.exp(-second - top)
    cosh = aligned * (1 + math.exp(-2 * strength)) / 2
    sinh = -aligned * math.expm1(-2 * strength) / 2
    # 2 sinh 2K₂ e^{-2 top} from its larger exponential, exact near K₂ = 0.
    large = math.exp(2 * abs(second) - 2 * top)
    product = -math.copysign(large, second) * math.expm1(-4 * abs(second))
    square = sinh**2 + product
    odd = sinh + math.sqrt(square) if square >= 0 else math.sqrt(-product)
    return odd / (cosh + math.hypot(sinh, against))


def _decay(ratio: float, gap: float) -> float:
    """ξ = -1/ln(|λ₁|/λ₀), from the smaller one of the ratio and its distance to 1."""
    if gap > 0.5:
        return _inverse_log(ratio)
    return -1 / math.log1p(-gap) if gap > 0 else math.inf


def _inverse_log(ratio: float) -> float:
    if ratio >= 1:
        return math.inf
    return -1 / math.log(ratio) if ratio > 0 else 0.0


def _ring_length(sites: int, least: int) -> int:
    if not isinstance(sites, Integral) or sites < least:
        raise ValueError(
            f"a ring with these bonds needs a whole number of at least {least} sites, "
            f"got {sites!r}; on a shorter one a site would be bonded to itself"
        )
    return int(sites)


def _check_colours(q: int) -> None:
    if not isinstance(q, Integral) or q < 2:
        raise ValueError(
            f"a Potts chain needs a whole number of at least 2 colours, got q = {q!r}; "
            "q = 2 is the Ising chain at half the coupling"
        )


def _check_finite(*numbers: float) -> None:
    for number in numbers:
        if not math.isfinite(number):
            raise ValueError(
                f"coupling, field and second must be finite numbers, got {number}; "
                "give K = βJ, and the others in units of J"
            )
