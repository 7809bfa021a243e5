"""What the neighbourhood of a spin says about it, beyond any fitted couplings.

The entropy h = -⟨ln p(s | neighbourhood)⟩ of a spin, given the spins near it, is
reached by no model that lacks a coupling, and the share

    (h_fit - h) / (ln 2 - h)

of what can be known is what fitted couplings leave unexplained: 0 for couplings that
are complete, 1 for a fit that knows nothing. h is read with flexible classifiers
p(s = ±1) = σ(±2 f) that were fitted to other chains. f is a function of the
neighbourhood,

    f = w₀·s + w₃·tanh(W₂ tanh(W₁ s + b₁) + b₂) + b₃,

the linear part a logistic regression, the rest trained from there by Adam
(D. P. Kingma, J. Ba, arXiv:1412.6980) at a rate that falls to zero.

A classifier is fitted to a finite sample and lies above h by what its f scatters about
the best one: E(1) = h + V. Averaging the f of k classifiers, each fitted to
configurations of its own, leaves E(k) = h + V/k to second order in the scatter, so that

    h = (k E(k) - E(1))/(k - 1)

is free of it. Its error has three parts: of the chains that are read; of the
classifiers, by leaving out one at a time (of differences that vanish to first order the
jackknife gives more than there is); and of their training, the change from half as many
steps, as far as it stands out of its noise. What no f of this form can express is not
in it: h is then too high, and the share too low. On a neighbourhood of a few spins a
full table of all states is the reference.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from scipy.special import expit

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, share_chains, weighted_jackknife
from kadanoff.geometry import Grid, lattice_steps
from kadanoff.instruments.couplings import Couplings, conditional_entropy
from kadanoff.instruments.operators import lattice_of

__all__ = ["Unexplained", "saturated_entropy", "table_entropy", "unexplained"]

CLASSIFIERS = 8
HIDDEN = (40, 24)
BATCH = 256
"""Products this small stay on one thread: several that wait for each other on busy
cores made a fit 15 times slower."""
STEPS = 3000
RATE = 3e-3
TRAINED = 1 << 18
"""Spins that one classifier is fitted to: more than it can use in its steps."""
SEEN = 64
"""How often a classifier meets a spin at most, before it learns them by heart."""
READ = 1 << 20
"""Spins that are read, about: the draws of every chain are thinned to that many."""
CHUNK = 1 << 18
MOST_SPINS = 128
"""Largest neighbourhood of a classifier: 11×11 in a plane, 5×5×5 in space."""
MOST_BITS = 16
"""Largest neighbourhood with a table: 65 536 states."""
PER_SPIN = 10
"""Independent configurations for each spin of a neighbourhood, and one more."""
PER_STATE = 10
"""Spins for each state of a table."""


@dataclass(frozen=True)
class Unexplained:
    """What couplings leave open of what the neighbourhood of a spin says about it.

    Attributes:
        fitted: entropy per spin given the couplings, in nats, held out.
        saturated: that given the neighbourhood, by the classifiers, held out.
        share: (fitted - saturated)/(ln 2 - saturated).
    """

    fitted: Estimate
    saturated: Estimate
    share: Estimate


def unexplained(
    couplings: Couplings,
    fit_on: Ensemble,
    read: Ensemble,
    *,
    rng: np.random.Generator,
    reach: int = 2,
    steps: int = STEPS,
) -> Unexplained:
    """The share of the knowable that fitted couplings do not explain.

    Its error holds that of the chains that are read and of the classifiers; the
    couplings are taken as they are.

    Args:
        couplings: fitted on chains that are not read.
        fit_on: chains that the classifiers are fitted on.
        read: other chains, of the same lattice.
        rng: of the classifiers.
        reach: as in `saturated_entropy`.
        steps: as in `saturated_entropy`.

    Raises:
        ValueError: as in `saturated_entropy` and `conditional_entropy`, couplings that
            are not numbers, or that were fitted to chains that are read.
    """
    _check_couplings(couplings, read)
    seen = _thinned(read, READ)
    saturated = saturated_entropy(fit_on, seen, rng=rng, reach=reach, steps=steps)
    fitted = conditional_entropy(couplings, seen)
    return Unexplained(
        fitted, saturated, (fitted - saturated) / (math.log(2) - saturated)
    )


def saturated_entropy(
    fit_on: Ensemble,
    read: Ensemble,
    *,
    rng: np.random.Generator,
    reach: int = 2,
    steps: int = STEPS,
) -> Estimate:
    """-⟨ln p(s | neighbourhood)⟩ per spin, in nats, by classifiers, held out.

    About ten seconds, whatever the size of the ensembles. How near it is to the truth
    shows `table_entropy` where there is a table.

    Args:
        fit_on: ±1 spins on a grid, for eight classifiers: each has an eighth of the
            jackknife blocks.
        read: other chains, of the same lattice.
        rng: of the classifiers: their spins, initial weights and batches.
        reach: of the neighbourhood, in lattice steps along every direction: 2 is 5×5.
        steps: of Adam, 256 spins each; fewer where a spin would be met more than 64
            times.

    Raises:
        ValueError: values that are not ±1, no positions, another lattice, chains in
            common, a neighbourhood of no spin or of more than the lattice or a
            classifier has, fewer than two steps, or fewer than ten
            independent configurations for each spin of the neighbourhood and one more.
    """
    offsets = _checked(fit_on, read, reach)
    if not isinstance(steps, Integral) or steps < 2:
        raise ValueError(
            f"a classifier is fitted in 2 or more whole steps, got {steps!r}; give more"
        )
    context, spin = _parts(fit_on, offsets, rng)
    most = min(steps, max(2, SEEN * spin.shape[1] // BATCH))
    start = _initial(context, spin, rng)
    half, whole = (
        _held_out(_trained(start, context, spin, n, rng), fit_on, read, offsets)
        for n in (most // 2, most)
    )
    return _with_training(whole, half - whole, fit_on, reach)


def table_entropy(fit_on: Ensemble, read: Ensemble, *, reach: int = 1) -> Estimate:
    """-⟨ln p(s | neighbourhood)⟩ per spin, in nats, by a table of all states, held out.

    A state's share of up spins among those seen, each state with half a spin more of
    either kind. Of 2^8 states on 3×3. What the table loses to its own finite sample is
    taken off by the jackknife over the blocks of `fit_on` (M. H. Quenouille, Biometrika
    43, 353 (1956)), and the error is that of both sets of chains.

    Raises:
        ValueError: as in `saturated_entropy`, a neighbourhood of more than 16 spins, or
            fewer than ten spins for each state.
    """
    offsets = _checked(fit_on, read, reach)
    states = _check_states(fit_on, offsets)
    thin = _thinned(read, READ)
    fitted, _ = _counts(fit_on, offsets, states)
    counts, sizes = _counts(thin, offsets, states)
    shares = counts / counts.sum(axis=(1, 2), keepdims=True)
    everything = fitted.sum(axis=0)

    def entropy(table: np.ndarray, share: np.ndarray) -> float:
        table = table + 0.5
        return float(-(share * np.log(table / table.sum(axis=0))).sum())

    total = np.tensordot(sizes, shares, axes=1) / sizes.sum()
    without = np.array([entropy(everything - block, total) for block in fitted])
    found = weighted_jackknife(
        [shares],
        lambda share: entropy(everything, share),
        sizes,
        lineage=thin.lineage,
        n_eff=thin.n_eff,
    )
    lost = (len(fitted) - 1) * (without.mean() - found.value)
    rows = {fit_on.lineage: without + (found.value - without.mean())}
    return Estimate(found.value, {**found.replicates, **rows}, found.n_eff) - lost


@dataclass(frozen=True, eq=False)
class _Networks:
    """Several f of a neighbourhood: a linear part and two hidden layers each.

    Every weight has an axis of classifiers in front.
    """

    weights: list[np.ndarray]

    def __call__(self, context: np.ndarray) -> np.ndarray:
        """f of `(n, spins)` neighbourhoods, the same for all, `(classifier, n)`."""
        return self.layers(context[None].astype(np.float32))[-1]

    def layers(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        w0, w1, b1, w2, b2, w3, b3 = self.weights
        first = np.tanh(x @ w1 + b1)
        second = np.tanh(first @ w2 + b2)
        return first, second, (second @ w3 + x @ w0 + b3)[..., 0]

    def gradient(self, x: np.ndarray, spin: np.ndarray) -> list[np.ndarray]:
        """Of the mean loss -ln σ(2 s f) of a batch of each classifier."""
        _, _, _, w2, _, w3, _ = self.weights
        first, second, f = self.layers(x)
        df = (-2 * spin * expit(-2 * spin * f) / x.shape[1])[..., None]
        d2 = df * _turned(w3) * (1 - second**2)
        d1 = (d2 @ _turned(w2)) * (1 - first**2)
        return [
            _turned(x) @ df,
            _turned(x) @ d1,
            d1.sum(axis=1, keepdims=True),
            _turned(first) @ d2,
            d2.sum(axis=1, keepdims=True),
            _turned(second) @ df,
            df.sum(axis=1, keepdims=True),
        ]


def _turned(matrices: np.ndarray) -> np.ndarray:
    return matrices.swapaxes(-1, -2)


def _trained(
    start: list[np.ndarray],
    context: np.ndarray,
    spin: np.ndarray,
    steps: int,
    rng: np.random.Generator,
) -> _Networks:
    """From a logistic regression by Adam, the rate falling to zero as a cosine.

    Args:
        start: the first weights, left as they are.
        context: `(classifier, n, spins)`.
        spin: `(classifier, n)`.
        steps: of one batch for each classifier.
        rng: of the batches.
    """
    networks = _Networks([w.copy() for w in start])
    first = [np.zeros_like(w) for w in start]
    second = [np.zeros_like(w) for w in start]
    parts, n = spin.shape
    own = np.arange(parts)[:, None]
    for t in range(1, steps + 1):
        rows = rng.integers(0, n, (parts, min(BATCH, n)))
        gradient = networks.gradient(
            context[own, rows].astype(np.float32), spin[own, rows]
        )
        rate = RATE * (1 + math.cos(math.pi * t / steps)) / 2
        for w, g, m, v in zip(networks.weights, gradient, first, second, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g**2 - v)
            scale = np.sqrt(v / (1 - 0.999**t)) + 1e-8
            w -= (rate / (1 - 0.9**t) * m / scale).astype(np.float32)
    return networks


def _initial(
    context: np.ndarray, spin: np.ndarray, rng: np.random.Generator
) -> list[np.ndarray]:
    """A logistic regression in the linear parts, noise in the hidden ones.

    Hidden parts that start silent learn so late that all classifiers lack the same,
    which no average over them shows.
    """
    parts, _, inputs = context.shape
    pairs = zip(context, spin, strict=True)
    linear = np.stack([_logistic(x, s) for x, s in pairs])[..., None]
    weights: list[np.ndarray] = [linear[:, :-1]]
    for n, m in itertools.pairwise((inputs, *HIDDEN, 1)):
        hidden = rng.standard_normal((parts, n, m)) / math.sqrt(n)
        weights += [hidden, np.zeros((parts, 1, m))]
    weights[-1] = linear[:, -1:]
    return [w.astype(np.float32) for w in weights]


def _logistic(context: np.ndarray, spin: np.ndarray) -> np.ndarray:
    """Weights and constant of the linear f, five Newton steps with a weak prior."""
    few = slice(0, 1 << 16)
    x = np.append(context[few], np.ones((len(context[few]), 1)), axis=1).astype(float)
    s = spin[few].astype(float)
    w = np.zeros(x.shape[1])
    for _ in range(5):
        wrong = expit(-2 * s * (x @ w))
        curvature = 4 * (x.T * (wrong * (1 - wrong))) @ x + np.eye(len(w))
        w = w + np.linalg.solve(curvature, 2 * x.T @ (s * wrong) - w)
    return w


def _held_out(
    networks: _Networks, fit_on: Ensemble, read: Ensemble, offsets: np.ndarray
) -> Estimate:
    """h of the classifiers, free of their scatter, with the errors of both chains."""
    thin = _thinned(read, READ)
    blocks = thin.blocks()
    means = np.array([_losses(networks, thin.read(b), offsets) for b in blocks])
    sizes = np.array([b.size for b in blocks], dtype=float)
    found = weighted_jackknife(
        [means], _of_all, sizes, lineage=thin.lineage, n_eff=thin.n_eff
    )
    total = sizes @ means / sizes.sum()
    each, without = np.split(total[1:], 2)
    k = len(each)
    others = (each.sum() - each) / (k - 1)
    rows = ((k - 1) * without - others) / (k - 2)
    classifiers = {f"classifiers of {fit_on.lineage}": rows}
    return Estimate(found.value, {**found.replicates, **classifiers}, found.n_eff)


def _of_all(means: np.ndarray) -> np.ndarray:
    """(k E(k) - E(1))/(k - 1), of the means that `_losses` gives."""
    k = len(means) // 2
    return (k * means[0] - means[1 : 1 + k].mean()) / (k - 1)


def _losses(networks: _Networks, spins: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Mean losses of all f together, of each, and of all but each, `(1 + 2k,)`."""
    places, total = _places(spins.shape[1:], offsets), 0.0
    for part in np.array_split(spins, math.ceil(spins.size / CHUNK)):
        context, spin = _around(part, places)
        for first in range(0, len(spin), BATCH):
            rows = slice(first, first + BATCH)
            f = networks(context[rows])
            mean = f.mean(axis=0, keepdims=True)
            without = mean + (mean - f) / (len(f) - 1)
            every = -2 * spin[rows] * np.concatenate([mean, f, without])
            total = total + np.logaddexp(0, every).sum(axis=1, dtype=float)
    return np.asarray(total) / spins.size


def _with_training(
    found: Estimate, change: Estimate, fit_on: Ensemble, reach: int
) -> Estimate:
    """The change from half the training, less its noise, added to the error."""
    seen = max(0.0, float(change.value) ** 2 - float(change.error) ** 2) ** 0.5
    both = found.value + np.array([-seen, seen])
    training = {f"training on {fit_on.lineage} to reach {reach}": both}
    return Estimate(found.value, {**found.replicates, **training}, found.n_eff)


def _checked(fit_on: Ensemble, read: Ensemble, reach: int) -> np.ndarray:
    """The places of the neighbourhood on the grid, `(spins, d)`."""
    for ensemble in (fit_on, read):
        if ensemble.alphabet != "pm1":
            raise ValueError(
                "an entropy given the neighbourhood is that of ±1 spins, got values of "
                f"alphabet '{ensemble.alphabet}'"
            )
    grid, other = lattice_of(fit_on), lattice_of(read)
    if (grid.shape, grid.basis) != (other.shape, other.basis):
        raise ValueError(
            "a classifier is read on the lattice it was fitted on, got shapes "
            f"{grid.shape} and {other.shape}"
        )
    if share_chains(fit_on.lineage, read.lineage):
        raise ValueError(
            "a classifier is read on chains it was not fitted on, got "
            f"{fit_on.lineage} and {read.lineage}; split the ensemble"
        )
    _check_reach(grid, reach)
    offsets = _neighbourhood(grid, reach)
    needed = PER_SPIN * (len(offsets) + 1)
    if fit_on.n_eff < needed:
        raise ValueError(
            f"a neighbourhood of {len(offsets)} spins is learned from at least "
            f"{needed} independent configurations, got {fit_on.n_eff:.0f}; sample more "
            "or give a shorter reach"
        )
    return offsets


def _check_couplings(couplings: Couplings, read: Ensemble) -> None:
    if not np.isfinite(couplings.values.value).all():
        raise ValueError(
            "what couplings leave open needs couplings that are numbers, got "
            f"{couplings.values.value.tolist()} of {', '.join(couplings.operators)}; "
            "fit them to spins that are not all aligned"
        )
    same = [
        own for own in couplings.values.replicates if share_chains(own, read.lineage)
    ]
    if same:
        raise ValueError(
            "couplings are read on chains they were not fitted on, got "
            f"{same[0]} and {read.lineage}; split the ensemble"
        )


def _check_reach(grid: Grid, reach: int) -> None:
    half = (max(grid.shape) + 1) // 2
    most = min(half, int((MOST_SPINS + 1) ** (1 / grid.dimension) + 1e-9) // 2)
    if not isinstance(reach, Integral) or not 1 <= reach <= most or grid.size < 2:
        raise ValueError(
            "a neighbourhood has a whole reach of at least 1, on more than one site, "
            f"and on shape {grid.shape} of at most {most}: beyond is more than "
            f"{MOST_SPINS} spins or the lattice once more; got {reach!r}"
        )


def _check_states(fit_on: Ensemble, offsets: np.ndarray) -> int:
    """How many states the neighbourhood has."""
    if len(offsets) > MOST_BITS:
        raise ValueError(
            f"a table needs a neighbourhood of at most {MOST_BITS} spins, got "
            f"{len(offsets)}; use saturated_entropy"
        )
    states, spins = 1 << len(offsets), fit_on.n_eff * fit_on.grid.size
    if spins < PER_STATE * states:
        raise ValueError(
            f"a table of {states} states is filled from at least {PER_STATE * states} "
            f"spins of independent configurations, got {spins:.0f}; sample more or use "
            "saturated_entropy"
        )
    return states


def _neighbourhood(grid: Grid, reach: int) -> np.ndarray:
    """Sites up to `reach` steps away along every direction, each once on the torus."""
    lattice, steps = lattice_steps(grid)
    box = range(-reach, reach + 1)
    near = np.array(list(itertools.product(box, repeat=grid.dimension)))
    if lattice == "triangular":  # a hexagon, and not a rhombus
        near = near[abs(near.sum(axis=1)) <= reach]
    home = (near @ steps) % np.array(grid.shape)
    return np.unique(home[home.any(axis=1)], axis=0)


def _places(shape: tuple[int, ...], offsets: np.ndarray) -> np.ndarray:
    """The sites of every site's neighbourhood, `(sites, spins)`."""
    sites = np.indices(shape).reshape(len(shape), -1, 1)
    near = (sites + offsets.T[:, None, :]) % np.array(shape)[:, None, None]
    return np.asarray(np.ravel_multi_index(tuple(near), shape))


def _around(spins: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbourhoods `(n, spins)` and spins `(n,)` of all sites."""
    flat = spins.reshape(len(spins), -1)
    return flat[:, places].reshape(-1, places.shape[1]), flat.ravel()


def _parts(
    ensemble: Ensemble, offsets: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Neighbourhoods and spins for each classifier, of blocks of its own.

    A random share of all sites, as many for each: `(classifier, n, spins)` and
    `(classifier, n)`.
    """
    thin = _thinned(ensemble, CLASSIFIERS * TRAINED)
    blocks, sites = thin.blocks(), thin.grid.size
    if len(blocks) < CLASSIFIERS:
        raise ValueError(
            f"{CLASSIFIERS} classifiers are fitted to independent configurations each, "
            f"got {len(blocks)} independent stretches of chains; sample more chains"
        )
    ends = np.linspace(0, len(blocks), CLASSIFIERS + 1).round().astype(int)
    groups = [blocks[a:b] for a, b in itertools.pairwise(ends)]
    n = min(TRAINED, sites * min(sum(b.size for b in group) for group in groups))
    places = _places(thin.grid.shape, offsets)
    context, spin = [], []
    for group in groups:
        flat = np.concatenate([thin.read(b).reshape(b.size, -1) for b in group])
        c, x = np.divmod(rng.choice(flat.size, n, replace=False), sites)
        context.append(flat[c[:, None], places[x]])
        spin.append(flat[c, x])
    return np.stack(context), np.stack(spin).astype(np.float32)


def _thinned(ensemble: Ensemble, spins: int) -> Ensemble:
    """Every few draws of every chain, so that about so many spins are left."""
    every = ensemble.size * ensemble.grid.size // spins
    every = max(1, min(every, ensemble.draws))
    if every == 1:
        return ensemble
    note = {"step": "thin", "every": every}
    part = ensemble.derived(
        ensemble.values[:, ::every], ensemble.grid, ensemble.alphabet, note
    )
    return replace(part, tau=max(0.5, ensemble.tau / every))


def _counts(
    ensemble: Ensemble, offsets: np.ndarray, states: int
) -> tuple[np.ndarray, np.ndarray]:
    """How often each state is met under - and +, `(block, 2, state)`; their sizes."""
    places = _places(ensemble.grid.shape, offsets)
    place = 1 << np.arange(len(offsets))
    blocks = ensemble.blocks()
    counts = np.zeros((len(blocks), 2 * states))
    for row, block in zip(counts, blocks, strict=True):
        spins = ensemble.read(block)
        for part in np.array_split(spins, math.ceil(spins.size / CHUNK)):
            context, spin = _around(part, places)
            state = (context > 0) @ place + states * (spin > 0)
            row += np.bincount(state, minlength=2 * states)
    sizes = np.array([block.size for block in blocks], dtype=float)
    return counts.reshape(-1, 2, states), sizes
