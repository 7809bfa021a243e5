"""Pictures and tables of the thermometer network."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.estimate import parenthesised
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES
from kadanoff.experiments.demellokoch2020.fig_3.scores import LABELS
from kadanoff.experiments.demellokoch2020.fig_3.verdicts import best_epoch
from kadanoff.experiments.exhibit import shown
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = ["draw"]


def draw(dataset: xr.Dataset) -> list[Section]:
    """Losses with their floor, the confusion of labels, and what has no temperature."""
    return [
        _section_of_losses(dataset),
        _section_of_labels(dataset),
        _section_of_inputs(dataset),
    ]


def _section_of_losses(dataset: xr.Dataset) -> Section:
    best, error, epoch = best_epoch(dataset)
    rows = [
        ["network, after training", shown(dataset, "loss"), shown(dataset, "accuracy")],
        [
            "a table of |M|",
            shown(dataset, "loss_size"),
            shown(dataset, "accuracy_size"),
        ],
        [f"network, at its best (epoch {epoch:.0f})", parenthesised(best, error), ""],
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
        remarks=[
            "The text at hand has 60 temperatures, one hidden layer of 80 units, 3000 "
            "epochs and 60 % of the data for training. It has lost the temperatures "
            "themselves, the optimizer, its rate, the size of the batches and the "
            "number of configurations: T = 0, 0.1, …, 5.9, Adam, all configurations "
            f"at once and {int(dataset.draws)} of them at each temperature are "
            "reconstructed."
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
    ax.axline((1.0, 1.0), (0.1, 0.1), color="#222222", linewidth=0.8)
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
    low = 0.7 * min(1e-3, float(x.min()), float(y.where(y > 0).min()))
    ax.set_xlim(low, 1.2)
    ax.set_ylim(low, 1.2)
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
        "are not those of a nearest-neighbour magnet. Whether the network's entropy "
        "is a sign of that is judged by all magnets shown: neighbouring labels are "
        "more alike at some temperatures than at others, and it is larger there.",
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
