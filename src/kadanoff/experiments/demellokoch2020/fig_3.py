"""Fig. 3: the loss of the thermometer network, and what its readings are worth.

The paper has both losses, of training and of validation, converge "very close to zero"
after 3000 epochs. The energy is a sufficient statistic of the temperature, so that with
60 temperatures alike likely no reading of a configuration loses less than

    H(T|E) = -(1/60) Σ_T Σ_E p(E|T) ln p(T|E),    p(T|E) = p(E|T)/Σ_T' p(E|T'),

and none names the label more often than (1/60) Σ_E max_T p(E|T): both exact by the
density of states of 10×10. A thermometer that knows nothing but |M|, one table of
counts, stands beside the network.

A network that is asked for a temperature names one. What it says of configurations that
have none is read beside the two thermometers that can disagree, the inverted energy and
the fitted coupling (`kadanoff.instruments.thermometer`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import brentq

from kadanoff.coarse.block import Average, Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine, parenthesised, weighted_jackknife
from kadanoff.exact import kaufman, mean_field
from kadanoff.exact.constants import K_C, T_C
from kadanoff.exact.density import energy_law
from kadanoff.experiments.demellokoch2020 import thermometer
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES, drawn
from kadanoff.experiments.demellokoch2020.thermometer import (
    Calibration,
    Thermometer,
    calibrated,
    calibration_data,
)
from kadanoff.experiments.exhibit import (
    Check,
    Exhibit,
    Status,
    Work,
    columns,
    shown,
    stacked,
)
from kadanoff.instruments.thermodynamics import series
from kadanoff.instruments.thermometer import (
    coupling_temperature,
    energy_temperature,
    has_thermometer,
)
from kadanoff.models.mean_field import MeanField
from kadanoff.models.two_temperatures import TwoTemperatures
from kadanoff.randomness import generator
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table
from kadanoff.samplers.run import sample
from kadanoff.sweep import Sweep

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "Settings",
    "bayes_law",
    "checks",
    "compute",
    "draw",
    "fitting_coupling",
    "mean_over_trainings",
]

SHAPE = (10, 10)
SITES = math.prod(SHAPE)
LABELS = len(TEMPERATURES)
BLOCKS = 32  # of chains, for errors of the validation
SIGMAS = 5.0
EDGES = (0, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1)
"""Of the bins of predicted probability: dense where 60 labels are alike, 1/60."""


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        calibration: data and training of each thermometer.
        trainings: thermometers, which differ in the weights they start from.
        read: configurations of each input that a thermometer is shown.
        chains: of each input; from the sampler's table if not given.
    """

    calibration: Calibration
    trainings: int
    read: int
    chains: int | None = None


FAST = Settings(thermometer.FAST, trainings=2, read=512, chains=16)
FULL = Settings(thermometer.FULL, trainings=5, read=8192)


def bayes_law() -> np.ndarray:
    """p(E|T), `(temperature, energy)`; at T = 0 only the ground states."""
    hot = [energy_law(SHAPE, 1 / t)[1] for t in TEMPERATURES[1:]]
    cold = np.zeros_like(hot[0])
    cold[0] = 1.0
    return np.stack([cold, *hot])


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Train the thermometers, score them, show them what has no temperature."""
    train, validate = calibration_data(work, SHAPE, settings.calibration)
    trained = [
        calibrated(work, SHAPE, settings.calibration, number=k)
        for k in range(settings.trainings)
    ]
    law = bayes_law()
    return xr.merge(
        [
            _losses(trained),
            _scores(trained, train, validate, law),
            _tables(trained, validate, law),
            _shown_to(trained, law, settings, work),
        ]
    ).assign_attrs(trainings=settings.trainings, draws=settings.calibration.draws)


def _losses(trained: Sequence[Thermometer]) -> xr.Dataset:
    axes = ("run", "epoch")
    return xr.Dataset(
        {
            f"{name}_loss": (axes, np.stack([t.losses[name] for t in trained]))
            for name in ("training", "validation")
        },
        coords={"epoch": trained[0].epochs},
    )


def _scores(
    trained: Sequence[Thermometer], train: Sweep, validate: Sweep, law: np.ndarray
) -> xr.Dataset:
    """Losses and shares of right labels of every way, on the same configurations."""
    networks = [_saying(validate, t.probabilities) for t in trained]
    posterior = _posterior(law)
    energies = _saying(validate, lambda e: posterior[:, _energy_places(e)].T)
    table = _magnetization_table(train)
    sizes = _saying(validate, lambda e: table[:, _sizes(e)].T)
    best, size = _loss(energies), _loss(sizes)
    losses = [_loss(q) for q in networks]
    readings = {
        "loss": mean_over_trainings(losses),
        "loss_bayes": best,
        "loss_size": size,
        "excess": mean_over_trainings([l - best for l in losses]),
        "excess_size": size - best,
        "network_less_size": mean_over_trainings([l - size for l in losses]),
        "accuracy": mean_over_trainings([_accuracy(q) for q in networks]),
        "accuracy_bayes": _accuracy(energies),
        "accuracy_size": _accuracy(sizes),
        "boldness": mean_over_trainings([_boldness(q) for q in networks]),
        "boldness_bayes": _boldness(energies),
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(law > 0, law * np.log(posterior), 0.0)
    weights = [_weights(q, energies, sizes) for q in networks]
    readings |= {
        "weight_energy": mean_over_trainings([w[0] for w in weights]),
        "weight_size": mean_over_trainings([w[1] for w in weights]),
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


def _weights(q: np.ndarray, energies: np.ndarray, sizes: np.ndarray) -> Estimate:
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
    predicted, seen = zip(*(_in_bins(q) for q in networks), strict=True)
    readings = {
        "predicted": mean_over_trainings(predicted),
        "seen": mean_over_trainings(seen),
    }
    return xr.Dataset(columns(readings, ["bin"]))


def _in_bins(q: np.ndarray) -> tuple[Estimate, Estimate]:
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


def _tables(
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


@dataclass(frozen=True)
class _Input:
    """What a thermometer is shown.

    Attributes:
        name: in a few words.
        truth: its temperature; NaN where it has none.
        ensemble: the configurations.
    """

    name: str
    truth: float
    ensemble: Ensemble


CRITICAL = "Ising at T_c"
FITTING = "mean field, energy of T_c"
MIXTURE = "T = 0 or ∞, energy of T_c"


def _shown_to(
    trained: Sequence[Thermometer],
    law: np.ndarray,
    settings: Settings,
    work: Work,
) -> xr.Dataset:
    """What the three thermometers say of configurations with and without one."""
    inputs = list(_inputs(settings, work))
    rows = [_readings(trained, one.ensemble) for one in inputs]
    found = xr.Dataset(
        {
            "truth": (("input",), [one.truth for one in inputs]),
            "best": (("input",), [_best_reading(one.truth, law) for one in inputs]),
        },
        coords={"input": [one.name for one in inputs]},
    )
    for name in rows[0]:
        found = found.assign(stacked([row[name] for row in rows], name, "input"))
    return found


def _best_reading(temperature: float, law: np.ndarray) -> float:
    """The mean of the temperature that is most probable by the energy, exactly."""
    if not math.isfinite(temperature):
        return math.nan
    named = np.array(TEMPERATURES)[law.argmax(axis=0)]
    return float(energy_law(SHAPE, 1 / temperature)[1] @ named)


def _inputs(settings: Settings, work: Work) -> Iterator[_Input]:
    n, chains = settings.read, settings.chains

    def magnet(shape: tuple[int, int], temperature: float) -> Ensemble:
        return drawn(work, shape, temperature, n, purpose="shown", chains=chains)

    critical = magnet(SHAPE, T_C)
    yield _Input("Ising at T = 1.8", 1.8, magnet(SHAPE, 1.8))
    yield _Input(CRITICAL, T_C, critical)
    yield _Input("Ising at T = 3", 3.0, magnet(SHAPE, 3.0))
    large = magnet((20, 20), T_C)
    seed = work.subseed("ties")
    yield _Input(
        "majority of 20×20", math.nan, coarsen(Majority(b=2), large, seed=seed)
    )
    yield _Input("average of 20×20", math.nan, coarsen(Average(b=2), large))
    yield _Input("Ising at T_c, sites shuffled", math.nan, _shuffled(critical, work))
    models: Mapping[str, tuple[MeanField | TwoTemperatures, float]] = {
        FITTING: (MeanField(SHAPE), fitting_coupling()),
        "mean field, its own critical point": (MeanField(SHAPE), mean_field.K_C),
        MIXTURE: (TwoTemperatures(SHAPE, share=-_critical_energy() / 2), 0.0),
    }
    for name, (model, coupling) in models.items():
        made = sample(
            model,
            coupling=coupling,
            draws=n,
            chains=chains,
            seed=work.subseed("shown", name),
            runs=work.runs,
        )
        # An ensemble of a known model has that model's energy, not the magnet's.
        yield _Input(name, math.nan, replace(made, model=None, couplings={}))


def fitting_coupling() -> float:
    """K of the fully connected model whose neighbours are as alike as Ising's at T_c.

    Neighbours on the grid are a pair like any other: ⟨s s'⟩ = (N ⟨m²⟩ - 1)/(N - 1).
    """

    def gap(coupling: float) -> float:
        alike = (SITES * mean_field.moments(SITES, coupling).m2 - 1) / (SITES - 1)
        return -2 * alike - _critical_energy()

    return float(np.asarray(brentq(gap, 0.0, 5.0)))


def _critical_energy() -> float:
    return kaufman.torus(SHAPE, K_C).energy


def _shuffled(ensemble: Ensemble, work: Work) -> Ensemble:
    """The same permutation of the sites in all configurations."""
    order = generator(work.subseed("shuffled")).permutation(SITES)
    rows = ensemble.values.reshape(ensemble.chains, ensemble.draws, SITES)
    values = rows[..., order].reshape(ensemble.values.shape)
    note = {"step": "shuffled"}
    return ensemble.derived(values, ensemble.geometry, ensemble.alphabet, note)


def _readings(
    trained: Sequence[Thermometer], ensemble: Ensemble
) -> dict[str, Estimate]:
    nothing = Estimate(np.array(np.nan), {}, 0)
    hears = has_thermometer(ensemble)
    by_energy = energy_temperature(ensemble) if hears else nothing
    by_coupling = coupling_temperature(ensemble) if hears else nothing
    return {
        "network": mean_over_trainings([t.temperature(ensemble) for t in trained]),
        "posterior": mean_over_trainings([t.posterior_mean(ensemble) for t in trained]),
        "doubt": mean_over_trainings([t.doubt(ensemble) for t in trained]),
        "by_energy": by_energy,
        "by_coupling": by_coupling,
        "spread": combine(np.subtract, by_energy, by_coupling) if hears else nothing,
    }


def draw(dataset: xr.Dataset) -> list[Section]:
    """Losses with their floor, the confusion of labels, and what has no temperature."""
    return [
        _section_of_losses(dataset),
        _section_of_labels(dataset),
        _section_of_inputs(dataset),
    ]


def _section_of_losses(dataset: xr.Dataset) -> Section:
    best, epoch = _best_epoch(dataset)
    rows = [
        ["network, after training", shown(dataset, "loss"), shown(dataset, "accuracy")],
        [
            "a table of |M|",
            shown(dataset, "loss_size"),
            shown(dataset, "accuracy_size"),
        ],
        [f"network, at its best (epoch {epoch:.0f})", f"{best:.4f}", ""],
        [
            "exact p(T|E), same configurations",
            shown(dataset, "loss_bayes"),
            shown(dataset, "accuracy_bayes"),
        ],
        [
            "exact floor",
            f"{float(dataset.floor):.4f}",
            f"{float(dataset.accuracy_floor):.4f}",
        ],
    ]
    return Section(
        "Fig. 3: the loss of the thermometer",
        "Cross-entropy of training and validation over epochs, a line for every "
        "training, beside the least that any reading of a configuration can reach, "
        "H(T|E) from the exact density of states, and beside a table that knows only "
        "the modulus of the magnetization. A loss of zero would name the temperature "
        "of every configuration without doubt.",
        picture=data_uri(_picture_of_losses(dataset)),
        tables=[
            Table(
                ["reading of the validation data", "loss (nats)", "right labels"], rows
            )
        ],
    )


def _picture_of_losses(dataset: xr.Dataset) -> Figure:
    fig = figure(8.5, 4.0)
    ax = fig.axes[0]
    for name, colour in (("training", PALETTE[0]), ("validation", PALETTE[2])):
        for k, line in enumerate(dataset[f"{name}_loss"].values):
            label = name if k == 0 else None
            ax.plot(dataset.epoch, line, color=colour, linewidth=1.0, label=label)
    ax.axhline(
        float(dataset.floor), color="#222222", linestyle="--", label="exact floor"
    )
    size = float(dataset.loss_size)
    ax.axhline(size, color=PALETTE[1], linestyle=":", label="a table of |M|")
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss (nats)")
    ax.set_ylim(bottom=0)
    ax.legend(fontsize=8, frameon=False)
    return fig


def _section_of_labels(dataset: xr.Dataset) -> Section:
    return Section(
        "Which temperature it names",
        "Left and middle: how often a temperature is named for every true one, by the "
        "network and by the best decision there is, the most probable temperature at "
        "the configuration's energy. Right: of all probabilities that the network "
        "gives, how often the label is the one they are given to; a network whose "
        "outputs are probabilities lies on the diagonal.",
        picture=data_uri(_picture_of_labels(dataset)),
        remarks=[
            f"At {int(dataset.cold_labels)} of the {LABELS} temperatures fewer than "
            "one configuration of the training data is expected not to be a ground "
            "state: they are all alike, and no reading tells them apart.",
        ],
    )


def _picture_of_labels(dataset: xr.Dataset) -> Figure:
    fig = figure(11.5, 3.9, columns=3)
    ends = (TEMPERATURES[0] - 0.05, TEMPERATURES[-1] + 0.05)
    names = {"confusion": "network", "confusion_bayes": "best decision, exact"}
    for ax, (name, title) in zip(fig.axes, names.items(), strict=False):
        image = ax.imshow(
            np.sqrt(dataset[name].values.T),
            origin="lower",
            extent=(*ends, *ends),
            vmin=0,
            vmax=1,
            cmap="magma_r",
        )
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("true temperature (J/k_B)")
        ax.set_ylabel("temperature named")
        ax.grid(visible=False)
        fig.colorbar(image, ax=ax, shrink=0.75, label="√share")
    _draw_reliability(fig.axes[2], dataset)
    return fig


def _draw_reliability(ax: Axes, dataset: xr.Dataset) -> None:
    good = dataset.predicted > 0
    x, y = dataset.predicted[good], dataset.seen[good]
    ax.plot([0, 1], [0, 1], color="#222222", linewidth=0.8)
    ax.errorbar(
        x,
        y,
        dataset.seen_error[good],
        color=PALETTE[0],
        marker="o",
        markersize=3.5,
        capsize=2,
        linewidth=1.0,
    )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(1e-3, 1.2)
    ax.set_ylim(1e-3, 1.2)
    ax.set_xlabel("probability given")
    ax.set_ylabel("share of right labels")
    ax.set_title("reliability", fontsize=10)


INSTRUMENTS = {
    "network": "network, most probable",
    "by_energy": "energy inverted",
    "by_coupling": "coupling fitted",
}


def _section_of_inputs(dataset: xr.Dataset) -> Section:
    rows = []
    for name in dataset.input.values:
        truth = float(dataset.truth.sel(input=name))
        known = f"{truth:.3f}" if math.isfinite(truth) else "none"
        read = [_or_refused(dataset, r, name) for r in READINGS]
        rows.append([name, known, *read])
    return Section(
        "What it says of configurations without a temperature",
        "The same networks, shown configurations of 10×10 values that they were not "
        "trained on: of the magnet itself, and of ensembles that have no temperature. "
        "The energy is inverted through the exact curve of 10×10; the coupling is that "
        "of greatest pseudo-likelihood. Where the last two differ the configurations "
        "are not those of a nearest-neighbour magnet; the network has no such sign.",
        picture=data_uri(_picture_of_inputs(dataset)),
        tables=[Table(["input", "temperature", *READINGS.values()], rows)],
    )


READINGS = {
    "network": "network, most probable",
    "posterior": "network, mean",
    "doubt": "its entropy (nats)",
    "by_energy": "energy inverted",
    "by_coupling": "coupling fitted",
    "spread": "energy less coupling",
}


def _or_refused(dataset: xr.Dataset, reading: str, name: str) -> str:
    if not np.isfinite(dataset[reading].sel(input=name)):
        return "refuses"
    return shown(dataset, reading, input=name)


def _picture_of_inputs(dataset: xr.Dataset) -> Figure:
    names = [str(name) for name in dataset.input.values]
    fig = figure(8.5, 0.42 * len(names) + 1.2)
    ax = fig.axes[0]
    y = np.arange(len(names))[::-1]
    ax.plot(dataset.truth, y, "|", color="#222222", markersize=16, label="truth")
    for k, (reading, label) in enumerate(INSTRUMENTS.items()):
        ax.errorbar(
            dataset[reading],
            y + 0.18 * (1 - k),
            xerr=dataset[f"{reading}_error"],
            color=PALETTE[(2, 0, 1)[k]],
            marker="o",
            markersize=4.5,
            capsize=2,
            linestyle="none",
            label=label,
        )
    ax.axvline(T_C, color="#222222", linewidth=0.8, linestyle="--")
    ax.set_xscale("log")
    ticks = (1, 2, 3, 5, 10, 20, 50)
    ax.set_xticks(ticks, [str(t) for t in ticks])
    ax.minorticks_off()
    ax.set_yticks(y, names)
    ax.set_xlabel("temperature (J/k_B)")
    ax.legend(fontsize=8, frameon=False)
    return fig


LITTLE = 0.1  # nats: what may be called very close to zero
SPACING = TEMPERATURES[1] - TEMPERATURES[0]


def checks(dataset: xr.Dataset) -> list[Check]:
    """What became of the loss, the probabilities, and the reading itself."""
    return [
        _check_of_loss(dataset),
        _check_of_learning(dataset),
        _check_of_probabilities(dataset),
        _check_of_readings(dataset),
        _check_of_validity(dataset),
    ]


def _check_of_loss(dataset: xr.Dataset) -> Check:
    loss, error = _pair(dataset, "loss")
    floor = float(dataset.floor)
    if loss + SIGMAS * error < LITTLE:
        status = Status.REPRODUCED
    else:
        status = Status.NOT if loss - SIGMAS * error > LITTLE else Status.OPEN
    training, (best, epoch) = float(dataset.training_end), _best_epoch(dataset)
    by_heart = "; what training loses less it knows by heart" * (training < floor)
    return Check(
        claim="The loss converges very close to zero in training and validation.",
        paper="“very close to zero” after 3000 epochs; no number",
        ours=f"validation {shown(dataset, 'loss')}, at its best {best:.3f} (epoch "
        f"{epoch:.0f}), training {training:.3f} nats",
        status=status,
        reason=f"no reading of a configuration loses less than H(T|E) = {floor:.4f} "
        "nats in the mean, exactly: neighbouring labels share their energies"
        + by_heart,
    )


def _best_epoch(dataset: xr.Dataset) -> tuple[float, float]:
    """The least validation loss and the epoch that has it, mean over trainings."""
    least = dataset.validation_loss.min("epoch")
    return float(least.mean()), float(dataset.validation_loss.idxmin("epoch").mean())


def _check_of_learning(dataset: xr.Dataset) -> Check:
    excess, error = _pair(dataset, "excess")
    gain, gain_error = _pair(dataset, "network_less_size")
    if excess < SIGMAS * error:
        status = Status.REPRODUCED
    elif not abs(gain) >= SIGMAS * gain_error:  # also where there is no error
        status = Status.OPEN
    else:
        status = Status.PARTLY if gain < 0 else Status.NOT
    better = "less" if gain < 0 else "more"
    return Check(
        claim="The network has learned to read the temperature off a configuration.",
        paper="said of its convergence; no number",
        ours=f"{shown(dataset, 'excess')} nats above the exact reading of the same "
        f"configurations, right labels {shown(dataset, 'accuracy')} against "
        f"{shown(dataset, 'accuracy_bayes')}",
        status=status,
        reason=f"it loses {parenthesised(abs(gain), gain_error)} nats {better} than a "
        "table that knows only |M|; its mean temperature follows that of the energy by "
        f"{shown(dataset, 'weight_energy')} and that of |M| by "
        f"{shown(dataset, 'weight_size')}, the exact one by 1 and 0",
    )


def _check_of_probabilities(dataset: xr.Dataset) -> Check:
    bold, error = _pair(dataset, "boldness")
    if not math.isfinite(error):
        status = Status.OPEN
    else:
        status = Status.REPRODUCED if abs(bold) < SIGMAS * error else Status.NOT
    return Check(
        claim="The outputs can be interpreted as probabilities of the temperatures.",
        paper="stated",
        ours="largest probability less share of right labels "
        f"{shown(dataset, 'boldness')}; of the exact reading "
        f"{shown(dataset, 'boldness_bayes')}",
        status=status,
        reason="the label that the network prefers is right less often than it says"
        if bold > 0
        else "the label that the network prefers is right at least as often as it says",
    )


def _check_of_readings(dataset: xr.Dataset) -> Check:
    known = [
        str(n) for n in dataset.input.values if np.isfinite(dataset.truth.sel(input=n))
    ]
    off = {n: float((dataset.network - dataset.truth).sel(input=n)) for n in known}
    errors = {n: SIGMAS * float(dataset.network_error.sel(input=n)) for n in known}
    if all(abs(off[n]) + errors[n] < SPACING for n in known):
        status = Status.REPRODUCED
    elif any(abs(off[n]) - errors[n] > SPACING for n in known):
        status = Status.PARTLY
    else:
        status = Status.OPEN
    best = ", ".join(f"{float(dataset.best.sel(input=n)):.3f}" for n in known)
    return Check(
        claim="The most probable output measures the temperature of the magnet.",
        paper="used throughout; no number",
        ours="; ".join(f"{n}: {shown(dataset, 'network', input=n)}" for n in known),
        status=status,
        reason=f"the mean is to lie within one label, {SPACING:g}, of the truth; the "
        f"exact reading has {best}",
    )


def _check_of_validity(dataset: xr.Dataset) -> Check:
    read, error = _pair(dataset, "network", FITTING)
    doubt, doubt_error = _pair(dataset, "doubt", FITTING)
    usual, usual_error = _pair(dataset, "doubt", CRITICAL)
    spread, spread_error = _pair(dataset, "spread", FITTING)
    more, slack = doubt - usual, SIGMAS * math.hypot(doubt_error, usual_error)
    if abs(spread) < SIGMAS * spread_error or not math.isfinite(slack):
        status = Status.OPEN
    else:
        status = Status.PARTLY if more > slack else Status.NOT
    return Check(
        claim="A temperature that the network names is a temperature of the "
        "configurations.",
        paper="assumed where flows are said to arrive at T_c",
        ours=f"{parenthesised(read, error)} on fully connected spins without a lattice "
        f"whose energy is that of T_c = {T_C:.3f}; the inverted energy and the fitted "
        f"coupling differ there by {parenthesised(spread, spread_error)}",
        status=status,
        reason=f"its entropy is {parenthesised(doubt, doubt_error)} nats there and "
        f"{parenthesised(usual, usual_error)} on the magnet at T_c: "
        + ("it doubts more" if more > slack else "it gives no sign"),
    )


def _pair(dataset: xr.Dataset, name: str, at: str | None = None) -> tuple[float, float]:
    """A reading and its error, of one input where it has them."""
    one = dataset if at is None else dataset.sel(input=at)
    value, error = one[name], one[f"{name}_error"]
    return float(value), float(error)


EXHIBIT = Exhibit(
    name="fig_3",
    title="Fig. 3: a network as thermometer",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
