"""β functions of a network's parameters: which of them does the coarse law feel?

A layer with the law p(h_a | v) = e^{h_a φ_a}/2cosh φ_a, φ = Wᵀv + b, makes a coarse law
with couplings K_α, read by maximum pseudo-likelihood: ⟨g_α(h; K)⟩ = 0 with

    g_α = (2/N) Σ_x z_α(x) σ(−2 K·z(x)),     z_α(x) = Σ_{clusters of α that hold x} Π h

(`instruments.couplings`). Where a parameter θ moves the fields by ∂φ_a/∂θ, the
couplings move by the implicit function theorem,

    β_α = ∂K_α/∂θ = Σ_γ (H⁻¹)_αγ ⟨Σ_a D_γa ∂φ_a/∂θ⟩,    H = −⟨∂g/∂K⟩,
    D_γa = ½ sech²φ_a h_a [g_γ(h) − g_γ(h, unit a turned)],

for d⟨g | v⟩/dφ_a is half the slope of tanh times the difference that the unit makes,
averaged over all others given v: the score-function identity with the unit itself
summed out (Titsias and Lázaro-Gredilla, arXiv:1503.01494). No weight is moved and
nothing is drawn again, so that one pass over the configurations gives every direction,
and what is exactly zero is read as zero.

Directions. W = Σ_k σ_k u_k v_kᵀ; `W k` is σ_k → σ_k (1 + ε), ε = −1 takes the direction
out. `b` is ε added to all hidden fields, in the orientation of the arranged units, and
`b k` is ε √N_h v_k. The biases c of the visible units are not in p(h | v): of given
configurations the coarse law does not feel them at all.

Classes. One step of the map takes a small change δK to T δK (`instruments.linearized`),
whose left eigenvectors φ_i make scaling fields u_i = φ_i·δK that are multiplied by λ_i.
At the stated level, shared by all tests of the family (Bonferroni),

    relevant      the direction moves a scaling field with λ > 1
    marginal      it moves none of these, and one whose λ cannot be told from 1
    irrelevant    it moves the couplings, along fields with λ < 1 alone
    inert         nothing is seen to move

so that inert and irrelevant are statements of one sample size; `amplitude` and its
error say how large a relevant part may still hide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import numpy as np
from scipy.special import expit

from kadanoff.coarse.arrange import Arrange, arrange
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.grammar import fit_and_read
from kadanoff.coarse.layer import Layer
from kadanoff.ensemble import Block, Ensemble
from kadanoff.estimate import Estimate, combine, weighted_jackknife
from kadanoff.geometry import Grid
from kadanoff.instruments.clusters import Cluster, fitting, local_clusters, spins_of
from kadanoff.instruments.couplings import Couplings, fit_couplings
from kadanoff.instruments.mcrg import scaling_operators
from kadanoff.networks.machine import Machine
from kadanoff.networks.rbm import RBM
from kadanoff.networks.units import SPIN
from kadanoff.randomness import subseed
from kadanoff.scorecard.subject import seen_in_training

__all__ = [
    "CLASSES",
    "OPERATORS",
    "Placed",
    "Relevance",
    "flip_differences",
    "placed",
    "relevance",
    "singular",
]

OPERATORS = ("nn", "nnn", "plaquette", "third", "field")
CLASSES = ("relevant", "marginal", "irrelevant", "inert")
EVEN_FIELDS = 2
"""Scaling fields of the even sector that are told from 1: later ones shrink faster."""
STEP = 1e-3
"""Change of a coupling over which the derivatives of H and D in it are taken."""

Directions = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Values `(n, *lattice)` and D `(n, operators, sites)` to the means over n of
Σ_a D_a ∂φ_a/∂θ, `(operators, directions)`."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A dense layer on configurations, its units put on a grid.

    Attributes:
        network: the machine.
        rule: where its units are, fitted on chains that are not among these.
        fine: the configurations.
        coarse: the arranged hidden units drawn from them.
    """

    network: RBM
    rule: Arrange
    fine: Ensemble
    coarse: Ensemble

    @property
    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """W `(visible, site)` and b `(site,)` of the arranged units, float64."""
        W, b = (
            p.detach().double().cpu().numpy() for p in (self.network.W, self.network.b)
        )
        order, signs = self.rule.permutation, self.rule.signs
        return W[:, order] * signs, b[order] * signs


@dataclass(frozen=True, eq=False)
class Relevance:
    """How the couplings of a coarse law answer to the parameters of its layer.

    Attributes:
        operators: of the coarse Hamiltonian.
        couplings: K_α of the coarse law, `(operators,)`.
        directions: names, `W 1`, `W 2`, …, `b`, `b 1`, …
        singular_values: σ_k of W, not increasing.
        modes: u_k, `(visible, r)`.
        response: β_α, `(directions, operators)`, per unit of ε.
        strength: √(βᵀ H β), `(directions,)`: couplings moved so far cost ½ ε² times
            its square, in nats of the pseudo-likelihood of a unit. Where the truth is
            zero it is of the size of the noise.
        fields: names of the scaling fields that are read, such as `even 1`.
        eigenvalues: λ_i of these, `(fields,)`.
        amplitude: φ_i·β, `(directions, fields)`, of scaling operators of variance 1.
        classes: one of `CLASSES` for each direction.
        level: probability that any one of the tests of the family is wrong.
        flags: one sentence for each thing that is wrong with the scaling fields or
            with what is read.
    """

    operators: tuple[str, ...]
    couplings: Estimate
    directions: tuple[str, ...]
    singular_values: np.ndarray
    modes: np.ndarray
    response: Estimate
    strength: Estimate
    fields: tuple[str, ...]
    eigenvalues: Estimate
    amplitude: Estimate
    classes: tuple[str, ...]
    level: float
    flags: tuple[str, ...]

    def of_class(self, name: str) -> tuple[str, ...]:
        """The directions of one class.

        Raises:
            ValueError: a class there is none of.
        """
        if name not in CLASSES:
            raise ValueError(f"a class is one of {', '.join(CLASSES)}, got {name!r}")
        pairs = zip(self.directions, self.classes, strict=True)
        return tuple(direction for direction, found in pairs if found == name)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        rows = {
            name: {
                "class": self.classes[k],
                "response": _by_name(self.operators, self.response[k]),
                "strength": self.strength[k].as_dict(),
                "amplitude": _by_name(self.fields, self.amplitude[k]),
            }
            for k, name in enumerate(self.directions)
        }
        return {
            "level": self.level,
            "couplings": _by_name(self.operators, self.couplings),
            "eigenvalues": _by_name(self.fields, self.eigenvalues),
            "singular_values": self.singular_values.tolist(),
            "directions": rows,
            "flags": list(self.flags),
        }


def relevance(
    layer: Layer | RBM,
    ensemble: Ensemble,
    *,
    operators: Sequence[str] | None = None,
    level: float = 0.01,
    grid: Grid | None = None,
    seed: int = 0,
) -> Relevance:
    """The β functions of a dense layer's parameters on given configurations.

    Args:
        layer: a dense machine of spins, or its layer.
        ensemble: ±1 configurations on its lattice that it was not trained on; a quarter
            of the chains places the units, the rest is read.
        operators: of the coarse Hamiltonian; nearest and second neighbours, plaquette,
            third neighbours and field where not given, as far as the lattice has them.
        level: of all tests together, family-wise.
        grid: where to put the units; blocks of the lattice where not given.
        seed: draws the hidden units.

    Raises:
        ValueError: another network, other values, a single configuration, a number of
            units that no block size gives, a level outside (0, 1), or operators that
            cannot be told apart or are too many for these configurations.
    """
    if not 0 < level < 1:
        raise ValueError(
            f"a level lies between 0 and 1, both excluded, got {level}; give for "
            "example 0.01"
        )
    here = placed(layer, ensemble, grid=grid, seed=seed)
    names = _operators(operators, here.coarse.grid)
    fitted = fit_couplings(here.coarse, names)
    u, sigma, vh = singular(here.weights[0])
    response, curvature = _responses(here, fitted, _directions(u, sigma, vh))
    fields, eigenvalues, left, flags = _scaling_fields(here, names)
    amplitude = combine(lambda beta, phi: beta @ phi.T, response, left)
    return Relevance(
        operators=names,
        couplings=fitted.values,
        directions=_names(len(sigma)),
        singular_values=sigma,
        modes=u,
        response=response,
        strength=response.map(lambda beta: _length(beta, curvature)),
        fields=fields,
        eigenvalues=eigenvalues,
        amplitude=amplitude,
        classes=_classes(response, eigenvalues, amplitude, level),
        level=level,
        flags=(*flags, *seen_in_training(here.network, here.fine)),
    )


def singular(W: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W = u diag(σ) vᵀ in float64, σ not increasing and 0 where it is rounding.

    Args:
        W: `(visible, hidden)`.

    Returns:
        u `(visible, r)`, σ `(r,)`, vᵀ `(r, hidden)`.
    """
    u, sigma, vh = np.linalg.svd(W, full_matrices=False)
    rounding = sigma[0] * max(W.shape) * np.finfo(np.float32).eps
    return u, np.where(sigma > rounding, sigma, 0.0), vh


def placed(
    layer: Layer | RBM,
    ensemble: Ensemble,
    *,
    grid: Grid | None = None,
    seed: int = 0,
) -> Placed:
    """A dense layer on configurations, its units placed on chains that are not read.

    Raises:
        ValueError: as `relevance`.
    """
    network = layer.network if isinstance(layer, Layer) else layer
    if not isinstance(network, RBM) or network.units != (SPIN.name, SPIN.name):
        raise ValueError(
            "directions are those of the weights of a dense machine of spins, got "
            f"{_what(network)}; give an rbm"
        )
    if ensemble.alphabet != "pm1":
        raise ValueError(
            "couplings answer to a layer on ±1 spins, got values of alphabet "
            f"'{ensemble.alphabet}'; give ±1 configurations"
        )
    rule = Layer(network)
    rule.coarse(ensemble.geometry)
    fit, read = fit_and_read(ensemble)
    order = arrange(fit, coarsen(rule, fit, seed=subseed(seed, "fit")), grid)
    hidden = coarsen(rule, read, seed=subseed(seed, "read"))
    return Placed(network, order, read, coarsen(order, hidden))


def flip_differences(
    h: np.ndarray, grid: Grid, operators: Sequence[str], couplings: np.ndarray
) -> np.ndarray:
    """½ h_a [g_α(h) − g_α(h, spin a turned)], `(laws, n, operators, sites)`.

    Half of what the spin at a adds to the gradient of the pseudo-likelihood when it
    points up rather than down, all others as they are.

    Args:
        h: ±1 spins, `(n, *grid.shape)`.
        grid: their lattice.
        operators: α.
        couplings: K of some laws, `(laws, operators)`.
    """
    families = _families(tuple(operators), grid)
    places = sorted({o for family in families for c in family for o in c})
    spins = h.reshape(len(h), -1).astype(float)
    z = _local_values(spins, families, grid)
    here = [_gradient(z, k) for k in couplings]
    total = np.zeros((len(here), *z.shape))
    for e in places:
        # A site sees the turned spin at x + e: what changes is put down there.
        turned = z - 2 * _local_values(spins, families, grid, through=e)
        back = _sites(grid, tuple(-x for x in e))
        for law, k in enumerate(couplings):
            total[law] += (here[law] - _gradient(turned, k))[..., back]
    return total * spins[:, None] / (2 * grid.size)


@lru_cache(maxsize=64)
def _families(
    operators: tuple[str, ...], grid: Grid
) -> tuple[tuple[Cluster, ...], ...]:
    """The clusters through the origin of every operator, their sites in the cell."""
    return tuple(
        tuple(
            tuple(_home(site, grid) for site in cluster)
            for cluster in local_clusters(name, grid)
        )
        for name in operators
    )


def _home(site: Sequence[int], grid: Grid) -> tuple[int, ...]:
    return tuple(int(x) % side for x, side in zip(site, grid.shape, strict=True))


@lru_cache(maxsize=1024)
def _sites(grid: Grid, e: tuple[int, ...]) -> np.ndarray:
    """The number of the site at x + e, for every site x."""
    numbers = np.arange(grid.size).reshape(grid.shape)
    steps = tuple(-x for x in e)
    return np.roll(numbers, steps, tuple(range(numbers.ndim))).ravel()


def _local_values(
    spins: np.ndarray,
    families: Sequence[Sequence[Cluster]],
    grid: Grid,
    *,
    through: tuple[int, ...] | None = None,
) -> np.ndarray:
    """z_α(x), `(n, operators, sites)`, of all clusters or those through x + e."""
    z = np.zeros((len(spins), len(families), grid.size))
    for k, family in enumerate(families):
        for cluster in family:
            if through is None or through in cluster:
                factors = (spins[:, _sites(grid, o)] for o in cluster)
                z[:, k] += reduce(np.multiply, factors)
    return z


def _gradient(z: np.ndarray, couplings: np.ndarray) -> np.ndarray:
    """2 z_α(x) σ(−2 K·z(x)), whose mean over x is g_α; the shape of `z`."""
    wrong = expit(-2 * np.einsum("nax,a->nx", z, couplings))
    return 2 * z * wrong[:, None]


def _curvature(z: np.ndarray, couplings: np.ndarray) -> np.ndarray:
    """H: the mean of 4 z zᵀ σ (1 − σ) over sites and configurations."""
    flat = np.moveaxis(z, 1, 2).reshape(-1, z.shape[1])
    wrong = expit(-2 * flat @ couplings)
    return 4 * (flat.T * (wrong * (1 - wrong))) @ flat / len(flat)


def _responses(
    here: Placed, fitted: Couplings, directions: Directions
) -> tuple[Estimate, np.ndarray]:
    """β, `(directions, operators)`, with jackknife errors, and H.

    Without a block the couplings are others too; H and D follow them to first order.
    """
    k = fitted.values.value
    laws = k + np.vstack([np.zeros(len(k)), STEP * np.eye(len(k))])
    blocks = here.fine.blocks()
    sums = [_of_block(here, b, fitted.operators, laws, directions) for b in blocks]
    columns = [np.stack(column) for column in zip(*sums, strict=True)]
    sizes = np.array([block.size for block in blocks], dtype=float)

    def reading(g: np.ndarray, h: np.ndarray, d: np.ndarray) -> np.ndarray:
        moved = np.linalg.solve(h[0], g) / STEP
        h, d = (x[0] + np.tensordot(moved, x[1:] - x[0], axes=1) for x in (h, d))
        return np.linalg.solve(h, d).T

    response = weighted_jackknife(
        columns,
        reading,
        sizes,
        lineage=here.fine.lineage,
        n_eff=here.fine.n_eff,
    )
    return response, np.tensordot(sizes / sizes.sum(), columns[1], axes=1)[0]


def _of_block(
    here: Placed,
    block: Block,
    operators: Sequence[str],
    laws: np.ndarray,
    directions: Directions,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means of g at the first couplings, of H and of Σ D ∂φ/∂θ at all of them."""
    v, h = here.fine.read(block), here.coarse.read(block)
    grid = here.coarse.grid
    W, b = here.weights
    spins = h.reshape(len(h), -1).astype(float)
    z = _local_values(spins, _families(tuple(operators), grid), grid)
    g = _gradient(z, laws[0]).mean(axis=(0, 2))
    slope = np.cosh(v.reshape(len(v), -1) @ W + b) ** -2.0
    d = flip_differences(h, grid, operators, laws) * slope[:, None]
    return (
        g,
        np.stack([_curvature(z, k) for k in laws]),
        np.stack([directions(v, of_law) for of_law in d]),
    )


def _directions(u: np.ndarray, sigma: np.ndarray, vh: np.ndarray) -> Directions:
    """`W k`, then `b`, then `b k`."""
    along = vh.T * math.sqrt(vh.shape[1])

    def answers(v: np.ndarray, d: np.ndarray) -> np.ndarray:
        x = v.reshape(len(v), -1) @ (u * sigma)
        of_weights = np.einsum("nk,nak->ak", x, d @ vh.T) / len(v)
        mean = d.mean(axis=0)
        uniform = mean.sum(axis=1, keepdims=True)
        return np.concatenate([of_weights, uniform, mean @ along], axis=1)

    return answers


def _names(rank: int) -> tuple[str, ...]:
    counted = range(1, rank + 1)
    return (*(f"W {k}" for k in counted), "b", *(f"b {k}" for k in counted))


def _scaling_fields(
    here: Placed, names: tuple[str, ...]
) -> tuple[tuple[str, ...], Estimate, Estimate, tuple[str, ...]]:
    """Names, λ, and φ in all operators, `(fields, operators)`, of both sectors."""
    titles: list[str] = []
    values, rows, flags = [], [], []
    for parity, count in (("even", EVEN_FIELDS), ("odd", 1)):
        sector = [n for n in names if spins_of(n) % 2 == (parity == "odd")]
        if not sector:
            continue
        found = scaling_operators(
            here.fine, here.coarse, parity=parity, operators=sector, count=count
        )
        place = [names.index(n) for n in found.operators]
        titles += [f"{parity} {i}" for i in range(1, len(found.eigenvalues.value) + 1)]
        values.append(found.eigenvalues)
        rows.append(found.fields.map(lambda f, p=place: _spread(f, p, len(names))))
        flags += found.flags
    together = combine(lambda *parts: np.concatenate(parts), *values)
    left = combine(lambda *parts: np.concatenate(parts), *rows)
    return tuple(titles), together, left, tuple(flags)


def _spread(rows: np.ndarray, place: Sequence[int], size: int) -> np.ndarray:
    out = np.zeros((len(rows), size))
    out[:, place] = rows
    return out


def _classes(
    response: Estimate, eigenvalues: Estimate, amplitude: Estimate, level: float
) -> tuple[str, ...]:
    """The class of every direction; all tests share the level."""
    tests = response.value.size + amplitude.value.size + eigenvalues.value.size
    each = 1 - level / tests
    moved = _away(amplitude, each)
    low, high = eigenvalues.interval(each)
    growing, near = low > 1, (low <= 1) & (high >= 1)
    found = np.full(len(moved), CLASSES[-1], dtype=object)
    found[_away(response, each).any(axis=1)] = "irrelevant"
    found[moved[:, near].any(axis=1)] = "marginal"
    found[moved[:, growing].any(axis=1)] = "relevant"
    return tuple(found)


def _away(estimate: Estimate, level: float) -> np.ndarray:
    """Whether 0 lies outside the interval; not where there is no interval."""
    low, high = estimate.interval(level)
    return np.asarray((low > 0) | (high < 0))


def _length(beta: np.ndarray, metric: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("ka,ab,kb->k", beta, metric, beta))


def _operators(given: Sequence[str] | None, grid: Grid) -> tuple[str, ...]:
    """Those that were asked for, else the usual ones that are no constants here."""
    if given is not None:
        return tuple(given)
    names = fitting(OPERATORS, grid.dimension)
    return tuple(name for name in names if local_clusters(name, grid))


def _by_name(names: Sequence[str], values: Estimate) -> dict[str, Any]:
    return {name: values[k].as_dict() for k, name in enumerate(names)}


def _what(network: Any) -> str:
    if isinstance(network, Machine):
        return f"a {network.kind} of {' and '.join(network.units)} units"
    return type(network).__name__
