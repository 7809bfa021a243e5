"""What readings of a configuration are worth: losses, right labels, reliability."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, weighted_jackknife
from kadanoff.exact.density import energy_law
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES
from kadanoff.experiments.demellokoch2020.thermometer import Thermometer
from kadanoff.experiments.exhibit import columns
from kadanoff.instruments.thermodynamics import series
from kadanoff.sweep import Sweep

__all__ = [
    "EDGES",
    "LABELS",
    "SHAPE",
    "SITES",
    "bayes_law",
    "in_bins",
    "losses",
    "mean_over_trainings",
    "scored",
    "tables",
    "weights",
]

SHAPE = (10, 10)
SITES = math.prod(SHAPE)
LABELS = len(TEMPERATURES)
BLOCKS = 32  # of chains, for errors of the validation
EDGES = (0, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1)
"""Of the bins of predicted probability: dense where 60 labels are alike, 1/60."""


def bayes_law() -> np.ndarray:
    """p(E|T), `(temperature, energy)`; at T = 0 only the ground states."""
    hot = [energy_law(SHAPE, 1 / t)[1] for t in TEMPERATURES[1:]]
    cold = np.zeros_like(hot[0])
    cold[0] = 1.0
    return np.stack([cold, *hot])


def losses(trained: Sequence[Thermometer]) -> xr.Dataset:
    """Of training and validation over the epochs, `(run, epoch)`."""
    axes = ("run", "epoch")
    return xr.Dataset(
        {
            f"{name}_loss": (axes, np.stack([t.losses[name] for t in trained]))
            for name in ("training", "validation")
        },
        coords={"epoch": trained[0].epochs},
    )


def scored(
    trained: Sequence[Thermometer], train: Sweep, validate: Sweep, law: np.ndarray
) -> xr.Dataset:
    """Losses and shares of right labels of every way, on the same configurations."""
    networks = [_saying(validate, t.probabilities) for t in trained]
    posterior = _posterior(law)
    energies = _saying(validate, lambda e: posterior[:, _energy_places(e)].T)
    table = _magnetization_table(train)
    sizes = _saying(validate, lambda e: table[:, _sizes(e)].T)
    best, size = _loss(energies), _loss(sizes)
    lost = [_loss(q) for q in networks]
    readings = {
        "loss": mean_over_trainings(lost),
        "loss_bayes": best,
        "loss_size": size,
        "excess": mean_over_trainings([l - best for l in lost]),
        "excess_size": size - best,
        "network_less_size": mean_over_trainings([l - size for l in lost]),
        "accuracy": mean_over_trainings([_accuracy(q) for q in networks]),
        "accuracy_bayes": _accuracy(energies),
        "accuracy_size": _accuracy(sizes),
        "boldness": mean_over_trainings([_boldness(q) for q in networks]),
        "boldness_bayes": _boldness(energies),
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(law > 0, law * np.log(posterior), 0.0)
    slopes = [weights(q, energies, sizes) for q in networks]
    readings |= {
        "weight_energy": mean_over_trainings([w[0] for w in slopes]),
        "weight_size": mean_over_trainings([w[1] for w in slopes]),
    }
    last = [t.losses["training"][-1] for t in trained]
    found = xr.Dataset(columns(readings)).assign(
        floor=-terms.sum() / LABELS,
        accuracy_floor=law.max(axis=0).sum() / LABELS,
        training_end=float(np.mean(last)),
        cold_labels=int((law[:, 0] > 1 - 1 / train[0].size).sum()),
    )
    return xr.merge([found, _reliability(networks)])


def mean_over_trainings(readings: Sequence[Estimate]) -> Estimate:
    """The mean of readings of the same configurations by several networks.

    Its error holds that of the configurations and that of the few trainings.
    """
    n = len(readings)
    whole = readings[0]
    for other in readings[1:]:
        whole = whole + other
    whole = whole * (1 / n)
    values = np.stack([r.value for r in readings])
    left = (values.sum(axis=0) - values) / max(n - 1, 1)
    if n == 1:  # one training has no spread
        left = np.full((2, *whole.value.shape), np.nan)
    return Estimate(whole.value, {**whole.replicates, "trainings": left}, whole.n_eff)


def _saying(sweep: Sweep, say: Callable[[Ensemble], np.ndarray]) -> np.ndarray:
    """Probabilities of all labels, `(temperature, chain, draw, label)`."""
    return np.stack([say(e).reshape(e.chains, e.draws, LABELS) for e in sweep])


def _posterior(law: np.ndarray) -> np.ndarray:
    """p(T|E), `(temperature, energy)`; 0 at energies that no state has."""
    whole = law.sum(axis=0)
    return np.divide(law, whole, out=np.zeros_like(law), where=whole > 0)


def _energy_places(ensemble: Ensemble) -> np.ndarray:
    """The place of each configuration's energy in the exact law."""
    e = series(ensemble).energy.ravel() * SITES
    return np.rint((e + 2 * SITES) / 4).astype(int)


def _sizes(ensemble: Ensemble) -> np.ndarray:
    """|M|/2 of each configuration."""
    return (abs(ensemble.values.reshape(ensemble.size, -1).sum(axis=1)) // 2).astype(
        int
    )


def _magnetization_table(train: Sweep) -> np.ndarray:
    """p(T||M|) by counting, half a count added everywhere, `(temperature, |M|/2)`."""
    counts = np.stack([np.bincount(_sizes(e), minlength=SITES // 2 + 1) for e in train])
    law = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
    return law / law.sum(axis=0)


def _loss(q: np.ndarray) -> Estimate:
    """-⟨ln q of the label⟩."""
    own = np.stack([q[k, ..., k] for k in range(LABELS)])
    return _mean(-np.log(np.maximum(own, np.finfo(float).tiny)))


def _accuracy(q: np.ndarray) -> Estimate:
    """The share of configurations whose label is the most probable one."""
    right = q.argmax(axis=-1) == np.arange(LABELS)[:, None, None]
    return _mean(right.astype(float))


def _boldness(q: np.ndarray) -> Estimate:
    """The mean of the largest probability less the share of right labels."""
    return _mean(q.max(axis=-1)) - _accuracy(q)


def weights(q: np.ndarray, energies: np.ndarray, sizes: np.ndarray) -> Estimate:
    """How a reading goes along with that of the energy and with that of |M|.

    The two slopes of the plane fitted to Σ_t q_t T_t over the configurations: 1 and 0
    of the exact reading, 0 and 1 of a table of |M|.
    """
    means = [p @ np.array(TEMPERATURES) for p in (q, energies, sizes)]
    rows = np.stack([np.ones_like(means[0]), *means], axis=-1)
    products = np.einsum("tcdi,tcdj->cij", rows, rows) / (rows.shape[0] * rows.shape[2])

    def slopes(product: np.ndarray) -> np.ndarray:
        others = [0, 2, 3]
        normal, right = product[np.ix_(others, others)], product[others, 1]
        return np.linalg.solve(normal, right)[1:]

    return _blocked([products], slopes)


def _mean(values: np.ndarray) -> Estimate:
    """Over all `(temperature, chain, draw)`, blocks of chains of all temperatures."""
    return _blocked([values.mean(axis=(0, 2))], lambda mean: mean)


def _blocked(
    by_chain: Sequence[np.ndarray], function: Callable[..., np.ndarray]
) -> Estimate:
    """The estimate of a function of means over chains, `(chain, …)` each."""
    chains = len(by_chain[0])
    blocks = np.array_split(np.arange(chains), min(BLOCKS, chains))
    means = [np.stack([x[b].mean(axis=0) for b in blocks]) for x in by_chain]
    sizes = np.array([len(b) for b in blocks], dtype=float)
    return weighted_jackknife(
        means, function, sizes, lineage="validation", n_eff=chains
    )


def _reliability(networks: Sequence[np.ndarray]) -> xr.Dataset:
    """In bins of predicted probability: its mean, and how often the label is so."""
    predicted, seen = zip(*(in_bins(q) for q in networks), strict=True)
    readings = {
        "predicted": mean_over_trainings(predicted),
        "seen": mean_over_trainings(seen),
    }
    return xr.Dataset(columns(readings, ["bin"]))


def in_bins(q: np.ndarray) -> tuple[Estimate, Estimate]:
    """Mean probability and share of right labels in every bin of probability."""
    bins = len(EDGES) - 1
    chains = q.shape[1]
    place = np.clip(np.searchsorted(EDGES, q, side="right") - 1, 0, bins - 1)
    true = np.zeros(q.shape)
    for k in range(LABELS):
        true[k, ..., k] = 1.0
    # The bin and the chain of every probability, counted together.
    both = place + bins * np.arange(chains)[None, :, None, None]

    def per_chain(weights: np.ndarray | None) -> np.ndarray:
        flat = None if weights is None else weights.ravel()
        found = np.bincount(both.ravel(), weights=flat, minlength=bins * chains)
        return found.reshape(chains, bins).astype(float)

    count, sums, hits = per_chain(None), per_chain(q), per_chain(true)

    def ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
        return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)

    return _blocked([sums, count], ratio), _blocked([hits, count], ratio)


def tables(
    trained: Sequence[Thermometer], validate: Sweep, law: np.ndarray
) -> xr.Dataset:
    """Shares of the label read for every true one, and the best that can be done."""
    read = np.zeros((LABELS, LABELS))
    for one in trained:
        for k, ensemble in enumerate(validate):
            named = one.probabilities(ensemble).argmax(axis=-1)
            read[k] += np.bincount(named.ravel(), minlength=LABELS) / named.size
    best = np.zeros((LABELS, LABELS))
    np.add.at(best.T, law.argmax(axis=0), law.T)
    return xr.Dataset(
        {
            "confusion": (("true", "read"), read / len(trained)),
            "confusion_bayes": (("true", "read"), best),
        },
        coords={"true": list(TEMPERATURES), "read": list(TEMPERATURES)},
    )
