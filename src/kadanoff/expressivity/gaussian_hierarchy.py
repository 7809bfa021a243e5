"""Inference undoes generation step by step: Gaussian hierarchies in closed form.

On a linear chain y_{i+1} = A_i y_i + noise of covariance R_i the likelihood of y_i is a
Gaussian, exp(T_i·y_i - ½ y_iᵀ Λ_i y_i), and its linear term is the minimal sufficient
statistic of y_i given y_n. From T_n = y_n down

    T_{n-1} = Aᵀ R⁻¹ T_n,    T_i = W_i T_{i+1},    W_i = A_iᵀ (1 + Λ_{i+1} R_i)⁻¹,
    Λ_{n-1} = Aᵀ R⁻¹ A,      Λ_i = W_i Λ_{i+1} A_i,

sums weighted with precisions: the layers f_i of H. W. Lin, M. Tegmark and D. Rolnick,
J. Stat. Phys. 168, 1223 (2017), section 3, make a deep linear network here. With S the
covariance of y₀ its posterior has precision S⁻¹ + Λ₀ and

    I(y₀; y_n) = ½ ln det(1 + S Λ₀).

A tree is a chain of its levels. With b children, copies of correlation θ and variance 1
the error 1/Λ of a vertex obeys x_i = (x_{i+1} + 1 - θ²)/(b θ²) with x_n = 0, so that

    I = ½ ln(1 + 1/x₀),    x₀ = (1 - θ²) Σ_{k=1}^n (b θ²)^-k,

and the leaves of a deep tree know the root if and only if b θ² > 1.

`Sky` is the left column of figure 3 of that paper in small: parameters → powers of
bands → Fourier modes → pixels → pixels with noise. The way back is the Fourier
transform, the mean square in each band, and the likelihood of the parameters.

Informations are in bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, roots_genlaguerre

from kadanoff.exact.information import BIT

__all__ = [
    "GaussianChain",
    "GaussianLayer",
    "Sky",
    "SkyProfile",
    "band_powers",
    "direct_log_likelihood",
    "fourier_basis",
    "gaussian_tree",
    "information_along",
    "information_of",
    "joint_covariance",
    "layers",
    "log_likelihood",
    "modes",
    "posterior",
    "power_laws",
    "sampled_information",
    "sky_information",
    "sky_profile",
    "statistics",
    "tree_information",
]

Array = NDArray[Any]

DIGITS = 1e-10
"""Share of the largest eigenvalue below which a variance is one of rounding."""


@dataclass(frozen=True, eq=False)
class GaussianChain:
    """y₀ ~ N(0, S) and y_{i+1} = A_i y_i + N(0, R_i).

    Attributes:
        start: S, `(d_0, d_0)`.
        maps: A_i, `(d_{i+1}, d_i)` each; at least one.
        noises: R_i, `(d_{i+1}, d_{i+1})` each.

    Raises:
        ValueError: shapes that do not fit, or a covariance that is not symmetric and
            positive definite.
    """

    start: Array
    maps: tuple[Array, ...]
    noises: tuple[Array, ...]

    def __post_init__(self) -> None:
        start = np.array(self.start, float)
        maps, noises = (
            tuple(np.array(m, float) for m in group)
            for group in (self.maps, self.noises)
        )
        if not maps or len(maps) != len(noises):
            raise ValueError(
                f"a chain has a map and a noise for each of one or more steps, got "
                f"{len(maps)} maps and {len(noises)} noises"
            )
        for covariance in (start, *noises):
            _check_covariance(covariance)
        before = start
        for a, r in zip(maps, noises, strict=True):
            if a.shape != (len(r), len(before)):
                raise ValueError(
                    f"a step from {len(before)} to {len(r)} numbers has a map of shape "
                    f"{(len(r), len(before))}, got {a.shape}"
                )
            before = r
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "maps", maps)
        object.__setattr__(self, "noises", noises)

    @property
    def steps(self) -> int:
        """n."""
        return len(self.maps)

    def covariances(self) -> tuple[Array, ...]:
        """⟨y_i y_iᵀ⟩ of levels 0 … n."""
        found = [self.start]
        for a, r in zip(self.maps, self.noises, strict=True):
            found.append(a @ found[-1] @ a.T + r)
        return tuple(found)

    def up_to(self, level: int) -> GaussianChain:
        """The chain that ends at that level, 1 … n."""
        return GaussianChain(self.start, self.maps[:level], self.noises[:level])

    def sample(self, draws: int, *, rng: np.random.Generator) -> tuple[Array, ...]:
        """Independent y₀ … y_n, `(draw, d_i)` each."""
        found = [_normal(self.start, draws, rng)]
        for a, r in zip(self.maps, self.noises, strict=True):
            found.append(found[-1] @ a.T + _normal(r, draws, rng))
        return tuple(found)


@dataclass(frozen=True, eq=False)
class GaussianLayer:
    """One step of inference: T_i = `weights` T_{i+1}.

    Attributes:
        weights: W_i, `(d_i, d_{i+1})`.
        precision: Λ_i of the likelihood of y_i, `(d_i, d_i)`.
    """

    weights: Array
    precision: Array


def layers(chain: GaussianChain) -> tuple[GaussianLayer, ...]:
    """f_0 … f_{n-1}; the last of them reads the data."""
    a, r = chain.maps[-1], chain.noises[-1]
    weights = np.linalg.solve(r, a).T
    found = [GaussianLayer(weights, weights @ a)]
    for a, r in zip(chain.maps[-2::-1], chain.noises[-2::-1], strict=True):
        below = found[-1].precision
        weights = np.linalg.solve((np.eye(len(r)) + below @ r).T, a).T
        found.append(GaussianLayer(weights, weights @ below @ a))
    return tuple(reversed(found))


def statistics(chain: GaussianChain, data: ArrayLike) -> tuple[Array, ...]:
    """T_0 … T_n of observed y_n `(draw, d_n)`.

    Raises:
        ValueError: data of another shape.
    """
    found = [_checked_data(data, len(chain.noises[-1]))]
    for layer in reversed(layers(chain)):
        found.append(found[-1] @ layer.weights.T)
    return tuple(reversed(found))


def posterior(chain: GaussianChain, data: ArrayLike) -> tuple[Array, Array]:
    """Mean `(draw, d_0)` and covariance `(d_0, d_0)` of y₀ given y_n.

    Raises:
        ValueError: data of another shape.

    >>> one = np.eye(1)
    >>> chain = GaussianChain(one, (np.ones((3, 1)),), (np.eye(3),))
    >>> mean, covariance = posterior(chain, [[1.0, 2.0, 3.0]])
    >>> round(float(mean[0, 0]), 12), round(float(covariance[0, 0]), 12)
    (1.5, 0.25)
    """
    precision = np.linalg.inv(chain.start) + layers(chain)[0].precision
    covariance = np.linalg.inv(precision)
    return statistics(chain, data)[0] @ covariance, covariance


def information_along(chain: GaussianChain) -> Array:
    """I(y₀; y_i) for i = 0 … n, in bits; infinite at i = 0, a continuous variable."""
    bits = [math.inf]
    for level in range(1, chain.steps + 1):
        precision = layers(chain.up_to(level))[0].precision
        both = np.eye(len(precision)) + chain.start @ precision
        bits.append(float(np.linalg.slogdet(both)[1]) / (2 * BIT))
    return np.array(bits)


def information_of(chain: GaussianChain, readout: ArrayLike) -> float:
    """I(y₀; B y_n) in bits of any linear statistic B `(numbers, d_n)` of the data.

    By conditioning the joint law; numbers that depend on others linearly are allowed.

    Raises:
        ValueError: a readout of other than d_n columns.
    """
    b = _checked_data(readout, len(chain.noises[-1]))
    through = np.linalg.multi_dot([b, *chain.maps[::-1], np.eye(len(chain.start))])
    own, root = b @ chain.covariances()[-1] @ b.T, chain.start
    values, vectors = np.linalg.eigh(own)
    kept = values > DIGITS * values.max()
    seen = (vectors[:, kept].T @ through @ root) / np.sqrt(values[kept])[:, None]
    left = root - seen.T @ seen
    both = np.linalg.slogdet(root)[1] - np.linalg.slogdet(left)[1]
    return float(both) / (2 * BIT)


def joint_covariance(chain: GaussianChain) -> Array:
    """Covariance of (y₀, …, y_n) in one matrix."""
    diagonal = chain.covariances()
    edges = np.cumsum([0, *map(len, diagonal)])
    whole = np.zeros((edges[-1], edges[-1]))
    for i, block in enumerate(diagonal):
        here = slice(edges[i], edges[i + 1])
        whole[here, here] = block
        for j, a in enumerate(chain.maps[i:], start=i + 1):
            block = a @ block
            there = slice(edges[j], edges[j + 1])
            whole[there, here], whole[here, there] = block, block.T
    return whole


def gaussian_tree(depth: int, branching: int, correlation: float) -> GaussianChain:
    """Levels of a tree whose vertices have variance 1 and children θ of their value.

    y_{i+1} = θ (y_i, each b times) + noise of variance 1 - θ², siblings together.

    Raises:
        ValueError: no generation, no child, or θ that is not in 0 < |θ| < 1.
    """
    _check_tree(depth, branching, correlation)
    maps, noises = [], []
    for level in range(depth):
        above = branching**level
        copies = np.kron(np.eye(above), np.ones((branching, 1)))
        maps.append(correlation * copies)
        noises.append((1 - correlation**2) * np.eye(above * branching))
    return GaussianChain(np.eye(1), tuple(maps), tuple(noises))


def tree_information(depth: float, branching: int, correlation: float) -> float:
    """I(root; leaves) of `gaussian_tree` in bits, at any depth, `math.inf` included.

    Raises:
        ValueError: as in `gaussian_tree`.

    >>> round(4 ** tree_information(math.inf, 2, 0.75), 9)  # of 9/7
    1.285714286
    >>> tree_information(math.inf, 2, 0.7)
    0.0
    """
    _check_tree(depth, branching, correlation)
    growth = branching * correlation**2
    if math.isinf(depth):
        terms = math.inf if growth <= 1 else 1 / (growth - 1)
    else:
        terms = math.fsum(growth**-k for k in range(1, int(depth) + 1))
    return math.log1p(1 / ((1 - correlation**2) * terms)) / (2 * BIT)


# The sky


@dataclass(frozen=True, eq=False)
class Sky:
    """Parameters → band powers → modes → pixels of a ring → pixels with noise.

    Attributes:
        pixels: L of the ring.
        edges: wave numbers at which bands begin, and the end of the last one; modes
            outside of all bands hold noise alone.
        spectra: power per mode of each band, `(parameter, band)`, positive.
        noise: variance σ² of every pixel.
        prior: of the parameters, `(parameter,)`; uniform where not given.

    Raises:
        ValueError: bands that are not inside 0 … L/2, powers that are not positive, a
            negative noise, or a prior that is none.
    """

    pixels: int
    edges: tuple[int, ...]
    spectra: Array
    noise: float
    prior: Array | None = None

    def __post_init__(self) -> None:
        spectra = np.array(self.spectra, float)
        inside = self.edges[0] >= 0 and self.edges[-1] <= self.pixels // 2 + 1
        if not inside or any(a >= b for a, b in pairwise(self.edges)):
            raise ValueError(
                f"bands of {self.pixels} pixels rise within 0 … "
                f"{self.pixels // 2 + 1}, got edges {self.edges}"
            )
        if spectra.ndim != 2 or spectra.shape[1] != len(self.edges) - 1:
            raise ValueError(
                f"spectra are (parameter, band) with {len(self.edges) - 1} bands, got "
                f"shape {spectra.shape}"
            )
        if not (spectra > 0).all() or not 0 <= self.noise < math.inf:
            raise ValueError(
                "powers are positive and a noise is not negative, got a least power of "
                f"{spectra.min()} and noise {self.noise}"
            )
        count = len(spectra)
        prior = np.full(count, 1 / count) if self.prior is None else self.prior
        prior = np.array(prior, float)
        proper = prior.shape == (count,) and (prior > 0).all()
        if not proper or abs(prior.sum() - 1) > 1e-12:
            raise ValueError(
                f"a prior has {count} positive entries that add up to 1, got {prior}"
            )
        object.__setattr__(self, "spectra", spectra)
        object.__setattr__(self, "prior", prior)

    @property
    def weights(self) -> Array:
        """The prior as an array."""
        return np.asarray(self.prior)

    @property
    def band(self) -> NDArray[np.int64]:
        """Band of each mode, -1 outside of all, `(mode,)`."""
        wave = (np.arange(self.pixels) + 1) // 2
        found = np.searchsorted(self.edges, wave, side="right") - 1
        return np.where(found < len(self.edges) - 1, found, -1)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Modes in each band."""
        return np.bincount(self.band[self.band >= 0], minlength=len(self.edges) - 1)

    def variances(self) -> Array:
        """⟨a²⟩ of every mode without noise, `(parameter, mode)`."""
        padded = np.pad(self.spectra, ((0, 0), (0, 1)))  # the last one for band -1
        return padded[:, self.band]

    def sample(self, draws: int, *, rng: np.random.Generator) -> dict[str, Array]:
        """Levels of the hierarchy by name, `(draw, …)` each."""
        parameter = rng.choice(len(self.spectra), size=draws, p=self.weights)
        deviation = np.sqrt(self.variances()[parameter])
        amplitudes = deviation * rng.normal(size=(draws, self.pixels))
        pixels = amplitudes @ fourier_basis(self.pixels)
        noise = math.sqrt(self.noise) * rng.normal(size=pixels.shape)
        return {
            "parameter": parameter,
            "spectrum": self.spectra[parameter],
            "modes": amplitudes,
            "pixels": pixels,
            "data": pixels + noise,
        }


def power_laws(
    amplitudes: Sequence[float], tilts: Sequence[float], waves: Sequence[float]
) -> Array:
    """P_b = A (k_b / k_0)^-t for every A and t, `(amplitude × tilt, band)`.

    k_0 is the geometric mean of the waves, so that A and t change different things.

    >>> power_laws([1.0, 2.0], [0.0, 1.0], [1.0, 4.0]).tolist()
    [[1.0, 1.0], [2.0, 0.5], [2.0, 2.0], [4.0, 1.0]]
    """
    k = np.asarray(waves, float)
    relative = k / np.exp(np.log(k).mean())
    shapes = relative[None] ** -np.asarray(tilts, float)[:, None]
    return (np.asarray(amplitudes, float)[:, None, None] * shapes).reshape(-1, len(k))


def fourier_basis(pixels: int) -> Array:
    """Real orthonormal waves on a ring: 1, cos, sin, cos 2, …, `(mode, pixel)`.

    Mode m has wave number ⌈m/2⌉.
    """
    mode = np.arange(pixels)[:, None]
    phase = 2 * np.pi * ((mode + 1) // 2) * np.arange(pixels) / pixels
    rows = np.where(mode % 2 == 1, np.cos(phase), np.sin(phase))
    rows[0] = 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def modes(sky: Sky, data: ArrayLike) -> Array:
    """T_2 = f_2(data): the Fourier transform, which undoes the making of pixels.

    It is sufficient for the field: white noise stays white, 1/σ² times this is T.
    """
    return _checked_data(data, sky.pixels) @ fourier_basis(sky.pixels).T


def band_powers(sky: Sky, amplitudes: ArrayLike) -> Array:
    """T_1 = f_1(T_2): mean square of the modes in each band, `(draw, band)`.

    What the modes say of the spectrum: phases say nothing, and one band is one number.
    """
    squares = _checked_data(amplitudes, sky.pixels) ** 2
    return np.stack(
        [squares[:, sky.band == b].mean(axis=1) for b in range(len(sky.counts))], axis=1
    )


def log_likelihood(sky: Sky, powers: ArrayLike) -> Array:
    """T_0 = f_0(T_1): ln p(data | parameter) but for a constant, `(draw, parameter)`.

    -½ Σ_b ν_b [ln V_b + C_b / V_b] of ν_b modes of variance V_b = P_b + σ².
    """
    c = _checked_data(powers, len(sky.counts))
    v = sky.spectra + sky.noise
    return -0.5 * (np.log(v) @ sky.counts + c @ (sky.counts / v).T)


def direct_log_likelihood(sky: Sky, data: ArrayLike) -> Array:
    """ln p(data | parameter) from the covariance of the pixels, `(draw, parameter)`.

    The way without a hierarchy: all pixels at once. Noise must not vanish.
    """
    x, basis = _checked_data(data, sky.pixels), fourier_basis(sky.pixels)
    rows = []
    for variances in sky.variances():
        covariance = (basis.T * variances) @ basis + sky.noise * np.eye(sky.pixels)
        square = (x * np.linalg.solve(covariance, x.T).T).sum(axis=1)
        log_det = np.linalg.slogdet(2 * np.pi * covariance)[1]
        rows.append(-0.5 * (square + log_det))
    return np.stack(rows, axis=1)


def sky_information(
    sky: Sky, *, bands: Sequence[int] | None = None, nodes: int = 40
) -> float:
    """I(parameter; data) in bits, by quadrature over the band powers.

    Given the parameter, ν_b C_b / 2V_b are independent Gamma variables of ν_b/2: Gauss
    and Laguerre's rule in each band.

    Args:
        sky: parameters, bands and noise.
        bands: those that are read; all where not given.
        nodes: of each rule, n^bands in all.

    Raises:
        ValueError: no band, or more than 10^6 nodes.
    """
    read = list(range(len(sky.counts)) if bands is None else bands)
    if not read or nodes ** len(read) > 10**6:
        raise ValueError(
            "a quadrature over at least one band has at most 10^6 nodes, got "
            f"{nodes}^{len(read)}; read fewer bands, or use sampled_information"
        )
    half = sky.counts[read] / 2
    rules = [roots_genlaguerre(nodes, h - 1) for h in half]
    grid = np.meshgrid(*(x for x, _ in rules), indexing="ij")
    x = np.stack([axis.ravel() for axis in grid], axis=1)
    w = np.ones(1)
    for _, of_band in rules:
        w = np.multiply.outer(w, of_band / of_band.sum()).ravel()
    v = (sky.spectra + sky.noise)[:, read]
    total = 0.0
    for p, own in zip(sky.weights, v, strict=True):
        logs = -np.log(v / own) @ half - x @ (own / v).T  # ln p(C | every parameter)
        inside = -x.sum(axis=1) - _log_mixture(logs, sky.weights)
        total += p * (w @ inside)
    return float(total) / BIT


def sampled_information(
    sky: Sky, draws: int, *, rng: np.random.Generator
) -> tuple[float, float]:
    """I(parameter; data) in bits and its standard error, from drawn pixels.

    ⟨ln p(data | parameter) - ln p(data)⟩ with `direct_log_likelihood`: nothing in
    common with `sky_information` but the law.
    """
    drawn = sky.sample(draws, rng=rng)
    logs = direct_log_likelihood(sky, drawn["data"])
    own = logs[np.arange(draws), drawn["parameter"].astype(int)]
    gain = (own - _log_mixture(logs, sky.weights)) / BIT
    return float(gain.mean()), float(gain.std(ddof=1) / math.sqrt(draws))


@dataclass(frozen=True)
class SkyProfile:
    """I(parameter; level) in bits, from the parameters down to the data.

    The way back loses nothing: modes, band powers and likelihood all hold `data`.
    """

    parameter: float
    spectrum: float
    modes: float
    pixels: float
    data: float

    @property
    def lost(self) -> dict[str, float]:
        """Bits that each step of generation destroys, by the level it makes."""
        names = ("parameter", "spectrum", "modes", "pixels", "data")
        return {b: getattr(self, a) - getattr(self, b) for a, b in pairwise(names)}


def sky_profile(sky: Sky, *, nodes: int = 40) -> SkyProfile:
    """What each step of the generation of a sky destroys.

    The spectrum is a function of the parameters and pixels are modes seen along other
    axes; cosmic variance and noise are what destroys.

    Raises:
        ValueError: as in `sky_information`.
    """
    _, same = np.unique(sky.spectra, axis=0, return_inverse=True)
    classes = np.bincount(same.ravel(), sky.weights)
    clean = Sky(sky.pixels, sky.edges, sky.spectra, 0.0, sky.prior)
    seen = sky_information(clean, nodes=nodes)
    return SkyProfile(
        _bits(sky.weights),
        _bits(classes),
        seen,
        seen,
        sky_information(sky, nodes=nodes),
    )


def _log_mixture(logs: Array, weights: Array) -> Array:
    """ln Σ_k w_k e^(logs_k), `(draw,)`."""
    return np.asarray(logsumexp(logs, b=weights, axis=1))


def _bits(p: Array) -> float:
    return float(-(p * np.log2(p)).sum())


def _normal(covariance: Array, draws: int, rng: np.random.Generator) -> Array:
    root = np.linalg.cholesky(covariance)
    return rng.normal(size=(draws, len(covariance))) @ root.T


def _check_covariance(matrix: Array) -> None:
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    if not square or not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T):
        raise ValueError(
            f"a covariance is a symmetric square matrix, got shape {matrix.shape}"
        )
    least = np.linalg.eigvalsh(matrix)[0]
    if least <= 0:
        raise ValueError(
            f"a covariance is positive definite, got an eigenvalue {least:.3g}; give "
            "a step without noise a small one"
        )


def _check_tree(depth: float, branching: int, correlation: float) -> None:
    whole = isinstance(depth, Integral) or depth == math.inf
    if not whole or depth < 1 or not isinstance(branching, Integral) or branching < 1:
        raise ValueError(
            f"a tree has at least one generation and one child, got depth {depth!r} "
            f"and branching {branching!r}"
        )
    if not 0 < abs(correlation) < 1:
        raise ValueError(f"a correlation has 0 < |θ| < 1, got {correlation}")


def _checked_data(data: ArrayLike, width: int) -> Array:
    found = np.asarray(data, float)
    if found.ndim != 2 or found.shape[1] != width:
        raise ValueError(f"data here have the shape (draw, {width}), got {found.shape}")
    return found
