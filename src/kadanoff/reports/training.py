"""What a training made of a machine, on one page: curves, chains, filters, spectra.

Everything drawn is in an `xarray.Dataset` (see `experiments.training`); drawing
computes nothing but positions. What a data set lacks is left out. Bars and bands are
one standard error.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kadanoff.estimate import Estimate
from kadanoff.reports.figures import PALETTE, data_uri, figure, image_rows
from kadanoff.reports.page import Page, Section, Table

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "draw",
    "draw_chains",
    "draw_curves",
    "draw_filters",
    "draw_samples",
    "draw_spectra",
    "findings",
    "page",
    "page_of_stack",
    "readings_of",
    "stop_sentence",
    "stopped",
]

INK, GREY = "#222222", "#767676"
ACROSS = 8  # filters in a row
FEW = 40  # epochs that have a mark each
LONG = 20  # times τ, below which a chain only bounds it
SIGMAS = 2  # beyond which a reading differs from a number
LEVEL, LEVEL_PER_SITE = 2.0, 0.01  # nats of gap, the smaller of which is small


@dataclass(frozen=True)
class Curve:
    """How a quantity of the record is drawn.

    Attributes:
        title: of its panel.
        axis: name and unit.
        reading: the same quantity at the end, with an error.
        exact: the reading it is compared with.
        exact_name: what that is.
        level: a number that means something.
        level_name: what it means.
    """

    title: str
    axis: str
    reading: str = ""
    exact: str = ""
    exact_name: str = ""
    level: float | None = None
    level_name: str = ""


CURVES = {
    "pseudo_likelihood": Curve(
        "Pseudo-likelihood",
        "ln p(v_i | others) per site (nats)",
        "pseudo_likelihood",
        "law_pseudo_likelihood",
        "law of the data",
        -math.log(2),
        "knows nothing",
    ),
    "gap": Curve(
        "Free-energy gap",
        "held out − training (nats)",
        "gap",
        level=0.0,
        level_name="nothing by heart",
    ),
    "chain_energy": Curve(
        "Energy of the chains",
        "e per site (J)",
        "energy",
        "exact_energy",
        "exact",
    ),
    "mixing": Curve("Mixing time of F", "τ (Gibbs steps)"),
    "reconstruction": Curve("Reconstruction", "error per site"),
    "weight": Curve("Weights", "mean |W|"),
    "learning_rate": Curve("Learning rate", "learning rate"),
}

WORDS = {
    "pseudo_likelihood": "pseudo-likelihood (nats per site)",
    "law_pseudo_likelihood": "pseudo-likelihood of the law of the data",
    "gap": "free energy, held out − training (nats)",
    "energy": "energy of the chains, per site (J)",
    "data_energy": "energy of the data, per site (J)",
    "exact_energy": "exact energy, per site (J)",
    "mixing_m": "mixing time of |m| (Gibbs steps)",
    "mixing_F": "mixing time of F (Gibbs steps)",
}


def page(dataset: xr.Dataset) -> Page:
    """The page of a training: a sentence per finding and per figure."""
    about = dataset.attrs
    texts = _texts(dataset)
    sections = [
        Section(title, texts[title], data_uri(fig))
        for title, fig in draw(dataset).items()
    ]
    return Page(
        title=f"Training of {_machine(about)}",
        lead=f"{about['lattice']} sites: {about['data']}. Numbers in brackets are "
        "errors of the last digits.",
        findings=findings(dataset),
        sections=[*sections, _tables(dataset)],
        provenance={**json.loads(about["software"]), "seed of the page": about["seed"]},
    )


def page_of_stack(datasets: Sequence[xr.Dataset]) -> Page:
    """The page of the first machine of a stack, and the last readings of all of them.

    Args:
        datasets: of every machine on what it was trained on, the first one first.
    """
    first = page(datasets[0])
    about = datasets[0].attrs
    whole = f"a dbn of {_counted(len(datasets), 'machine')}"
    return replace(
        first,
        title=f"Training of {whole}: the first, {_machine(about)}",
        sections=[_layers(datasets), *first.sections],
    )


def draw(dataset: xr.Dataset) -> dict[str, Figure]:
    """All figures by title; those that have something to show."""
    figures = {
        "Curves": draw_curves(dataset),
        "Chains": draw_chains(dataset),
        "Filters": draw_filters(dataset),
        "Spectra": draw_spectra(dataset),
        "Samples": draw_samples(dataset),
    }
    return {title: fig for title, fig in figures.items() if fig is not None}


def findings(dataset: xr.Dataset) -> list[str]:
    """One sentence for each reading that there is."""
    readings, about = readings_of(dataset), dataset.attrs
    sentences = [
        stop_sentence(dataset),
        _on_likelihood(readings, about),
        _on_gap(readings, about),
        _on_energy(readings, about),
        _on_mixing(readings, about),
    ]
    return [sentence for sentence in sentences if sentence]


def stopped(dataset: xr.Dataset) -> dict[str, Any] | None:
    """Where a largest gap ended a training before its last epoch; None where not.

    Returns:
        `epoch`, the last one that was kept, of so many `epochs`; the `largest_gap` that
        the next one left behind; `gap` and `gap_error` after the one kept, in nats,
        None where there was no reading.
    """
    epoch, epochs, limit = _progress(dataset)
    if limit is None or epochs is None or epoch >= epochs:
        return None
    gap, error = _last_gap(dataset)
    return {
        "epoch": epoch,
        "epochs": epochs,
        "largest_gap": limit,
        "gap": gap,
        "gap_error": error,
    }


def draw_curves(dataset: xr.Dataset) -> Figure | None:
    """Each quantity of the record against epochs; None where nothing was recorded."""
    recorded = [str(name) for name in dataset["quantity"].values]
    shown = [name for name in CURVES if name in recorded]
    shown += [name for name in recorded if name not in CURVES]
    if not shown or not dataset.sizes["epoch"]:
        return None
    columns = min(3, len(shown))
    rows = math.ceil(len(shown) / columns)
    fig = figure(4.0 * columns, 2.9 * rows, rows, columns)
    readings = readings_of(dataset)
    for name, ax in zip(shown, fig.axes, strict=False):
        curve = CURVES.get(name, Curve(name.replace("_", " ").capitalize(), name))
        _draw_curve(ax, dataset, name, curve, readings)
    for ax in fig.axes[len(shown) :]:
        ax.set_visible(False)
    return fig


def draw_chains(dataset: xr.Dataset) -> Figure | None:
    """⟨e⟩ and ⟨|m|⟩ of chains that leave the data; None where neither is known."""
    names = {"energy": "e per site (J)", "|m|": "|m| per site"}
    known = np.isfinite(dataset["trace"].values).all(axis=1)
    observables = [str(o) for o in dataset["observable"].values[known]]
    if not observables:
        return None
    fig = figure(5.2 * len(observables), 3.2, 1, len(observables))
    step = dataset["step"].values
    readings = readings_of(dataset)
    for name, ax in zip(observables, fig.axes, strict=True):
        value = dataset["trace"].sel(observable=name).values
        error = dataset["trace_error"].sel(observable=name).values
        ax.plot(step, value, color=PALETTE[0], linewidth=1.4, label="chains")
        ax.fill_between(
            step, value - error, value + error, color=PALETTE[5], alpha=0.35, lw=0
        )
        if name == "energy":
            _level(ax, readings.get("data_energy"), "data", PALETTE[1], "--")
            _level(ax, readings.get("exact_energy"), "exact", INK, "-")
        _label(ax, f"Chains from the data: {name}", "Gibbs steps", names[name])
        ax.legend(fontsize=9, frameon=False)
    return fig


def draw_filters(dataset: xr.Dataset) -> Figure | None:
    """Weights of units on the lattice, the largest norm first, all on one scale.

    Planes are pictures; a line or a layer without positions is a row of one picture; of
    a volume the plane with the largest weight is shown.
    """
    weights = dataset["filters"].values
    if not weights.size:
        return None
    if weights.ndim == 2 or not dataset.attrs["positions"]:
        return _draw_rows(weights.reshape(len(weights), -1))
    sheet = _montage([_plane(w) for w in weights])
    rows, columns = sheet.shape
    width = 9.5 if len(weights) >= ACROSS else 1.6 * len(weights) + 1.2
    fig = Figure(figsize=(width, 0.9 * width * rows / columns), layout="constrained")
    ax = fig.subplots()
    ax.set_axis_off()
    image = _draw_field(ax, sheet, _limit(weights))
    _tidy_bar(fig.colorbar(image, ax=ax, fraction=0.03, pad=0.01, aspect=30))
    return fig


def draw_spectra(dataset: xr.Dataset) -> Figure:
    """Singular values of W beside eigenvalues of the data, by rank."""
    fig = figure(10.4, 3.6, 1, 2)
    left, right = fig.axes
    values = dataset["singular"].values
    _by_rank(left, values, PALETTE[0], "W", "o")
    edge = _random_edge(dataset)
    if edge:
        left.axhline(edge, color=GREY, linestyle="--", linewidth=1.2)
        left.plot([], [], color=GREY, ls="--", label="largest of random weights")
    _label(left, "Singular values of W", "rank", "singular value")
    names = {
        "covariance": "covariance",
        "structure": "its mean over translations, S(k)",
    }
    for k, (name, words) in enumerate(names.items()):
        if name in dataset:
            _by_rank(right, dataset[name].values, PALETTE[(2, 1)[k]], words, "so"[k])
    _label(right, "Eigenvalues of the data", "rank", "variance of the mode")
    for ax in fig.axes:
        if ax.get_legend_handles_labels()[0]:
            ax.legend(fontsize=9, frameon=False)
    return fig


def draw_samples(dataset: xr.Dataset) -> Figure:
    """Configurations of the data over ends of the chains that left it."""
    sources = [str(s) for s in dataset["source"].values]
    values = dataset["samples"].values
    if values.ndim == 3 or not dataset.attrs["positions"]:
        return _draw_strips(sources, values.reshape(*values.shape[:2], -1))
    pictures = {
        source: [_slice(picture) for picture in row]
        for source, row in zip(sources, values, strict=True)
    }
    limit = max(1.0, _limit(values))
    scaled = {source: [p / limit for p in row] for source, row in pictures.items()}
    return image_rows(scaled, [""] * values.shape[1], size=1.2)


def _draw_curve(
    ax: Axes,
    dataset: xr.Dataset,
    name: str,
    curve: Curve,
    readings: Mapping[str, Estimate],
) -> None:
    epoch = dataset["epoch"].values
    value = dataset["record"].sel(quantity=name).values
    error = dataset["record_error"].sel(quantity=name).values
    seen = np.isfinite(value)
    mark = "o" if seen.sum() < FEW else ""
    ax.plot(
        epoch[seen], value[seen], color=PALETTE[0], marker=mark, ms=3.5, linewidth=1.4
    )
    if np.isfinite(error[seen]).any():
        low, high = value - error, value + error
        ax.fill_between(epoch, low, high, color=PALETTE[5], alpha=0.35, lw=0)
    last = readings.get(curve.reading)
    if last is not None:
        ax.errorbar(
            epoch[-1:],
            [float(last.value)],
            [np.nan_to_num(float(last.error))],
            color=PALETTE[2],
            marker="D",
            markersize=5,
            capsize=3,
            linewidth=0,
            elinewidth=1.4,
            label=f"at the end: {_number(last)}",
        )
    _level(ax, readings.get(curve.exact), curve.exact_name, INK, "-")
    if curve.level is not None:
        ax.axhline(curve.level, color=GREY, linestyle=":", linewidth=1.4)
        ax.plot([], [], color=GREY, ls=":", label=curve.level_name)
    _label(ax, curve.title, "epoch", curve.axis)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if name == "mixing" and seen.any() and value[seen].min() > 0:
        ax.set_yscale("log")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize=8.5, frameon=False)


def _level(
    ax: Axes, reading: Estimate | None, name: str, colour: str, style: str
) -> None:
    if reading is None:
        return
    value, error = float(reading.value), float(reading.error)
    if error > 0:
        ax.axhspan(value - error, value + error, color=colour, alpha=0.15, lw=0)
    ax.axhline(
        value,
        color=colour,
        linestyle=style,
        linewidth=1.2,
        label=f"{name}: {_number(reading)}",
    )


def _by_rank(ax: Axes, values: np.ndarray, colour: str, name: str, mark: str) -> None:
    seen = values > values[0] * 1e-12
    rank = np.arange(1, len(values) + 1)
    ax.plot(
        rank[seen],
        values[seen],
        color=colour,
        marker=mark,
        markersize=3,
        linewidth=0.8,
        label=name,
    )
    ax.set_xscale("log")
    ax.set_yscale("log")


def _random_edge(dataset: xr.Dataset) -> float:
    """σ (√N + √M), where the largest singular value of independent weights lies.

    (Marčenko and Pastur 1967.) 0 for tied weights, which are not independent.
    """
    if dataset.attrs["kind"] != "rbm":
        return 0.0
    sites, hidden = dataset.attrs["sites"], int(dataset.attrs["units"])
    return dataset.attrs["spread"] * (math.sqrt(sites) + math.sqrt(hidden))


def _draw_rows(weights: np.ndarray) -> Figure:
    """Units below each other, sites along each row."""
    fig = figure(9.0, min(6.0, 0.9 + 0.16 * len(weights)))
    (ax,) = fig.axes
    image = _draw_field(ax, weights, _limit(weights), aspect="auto")
    ax.grid(visible=False)
    _label(ax, "", "site", "unit, largest norm first")
    _tidy_bar(fig.colorbar(image, ax=ax, fraction=0.03, pad=0.01))
    return fig


def _draw_strips(sources: list[str], values: np.ndarray) -> Figure:
    """Configurations of a line below each other, one picture per source."""
    fig = figure(9.0, 1.2 + 0.3 * values.shape[1], 1, len(sources))
    limit = max(1.0, _limit(values))
    for source, rows, ax in zip(sources, values, fig.axes, strict=True):
        binary = bool(np.isin(rows, (-1, 1)).all())
        ax.imshow(
            rows,
            cmap="binary" if binary else "RdBu_r",
            vmin=-limit,
            vmax=limit,
            aspect="auto",
            interpolation="nearest",
        )
        ax.grid(visible=False)
        ax.set_yticks([])
        _label(ax, source, "site", "")
    return fig


def _draw_field(
    ax: Axes, field: np.ndarray, limit: float, aspect: Any = "equal"
) -> Any:
    return ax.imshow(
        field,
        cmap="RdBu_r",
        vmin=-limit,
        vmax=limit,
        aspect=aspect,
        interpolation="nearest",
    )


def _montage(pictures: list[np.ndarray]) -> np.ndarray:
    """Pictures of one size in rows, a gap of NaN between them."""
    gap = max(1, pictures[0].shape[0] // 16)
    framed = [np.pad(p.astype(float), gap, constant_values=np.nan) for p in pictures]
    columns = min(ACROSS, len(pictures))
    missing = -len(pictures) % columns
    framed += [np.full_like(framed[0], np.nan)] * missing
    return np.block([framed[k : k + columns] for k in range(0, len(framed), columns)])


def _tidy_bar(bar: Any) -> None:
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=9)
    bar.set_label("weight (kT)", fontsize=10)


def _limit(values: np.ndarray) -> float:
    return float(np.abs(values).max()) or 1.0


def _plane(weights: np.ndarray) -> np.ndarray:
    """The plane with the largest weight; a plane itself."""
    while weights.ndim > 2:
        largest = np.abs(weights).reshape(len(weights), -1).max(axis=1)
        weights = weights[int(largest.argmax())]
    return weights


def _slice(values: np.ndarray) -> np.ndarray:
    """The first plane of a configuration."""
    while values.ndim > 2:
        values = values[0]
    return values


def _label(ax: Axes, title: str, x: str, y: str) -> None:
    ax.set_title(title, fontsize=11, loc="left")
    ax.set_xlabel(x, fontsize=10)
    ax.set_ylabel(y, fontsize=10)


def readings_of(dataset: xr.Dataset) -> dict[str, Estimate]:
    """Numbers with their errors, by name."""
    names = [str(name) for name in dataset["reading"].values]
    pairs = zip(dataset["value"].values, dataset["error"].values, strict=True)
    return {
        name: Estimate(np.array(v), {name: np.array([v - e, v + e])}, math.inf)
        for name, (v, e) in zip(names, pairs, strict=True)
    }


def _number(reading: Estimate) -> str:
    """The value with its error, or without one where it is not known."""
    if not np.isfinite(reading.error):
        return f"{float(reading.value):.4g}"
    return f"{reading}" if reading.error > 0 else f"{float(reading.value):.6g}"


def _on_likelihood(
    readings: Mapping[str, Estimate], about: Mapping[str, Any]
) -> str | None:
    if "pseudo_likelihood" not in readings:
        return None
    whose = "a held-out" if about["held_out"] else "its own training"
    told = (
        f"Given the other sites of {whose} configuration, it expects each spin with "
        f"{_number(readings['pseudo_likelihood'])} nats; without knowledge that is "
        f"{-math.log(2):.3f}"
    )
    if "law_pseudo_likelihood" in readings:
        best = _number(readings["law_pseudo_likelihood"])
        told += f", and the law of the data itself has {best}"
    if _upper(readings["pseudo_likelihood"]) < -math.log(2):
        told += ": it knows less than nothing about a spin from the others"
    return f"{told}."


def _on_gap(readings: Mapping[str, Estimate], about: Mapping[str, Any]) -> str | None:
    gap = readings.get("gap")
    if gap is None:
        return None
    return (
        f"The free energy of held-out configurations lies {_number(gap)} nats above "
        f"that of the training set: {_by_heart(gap, about['sites'])}."
    )


def _by_heart(gap: Estimate, sites: int) -> str:
    """Larger than its error, small whatever its error, or neither."""
    small = min(LEVEL, LEVEL_PER_SITE * sites)
    if not np.isfinite(gap.error):
        return "its error is not known"
    if float(gap.value) > SIGMAS * float(gap.error):
        return "it has learned some by heart"
    if _upper(gap) < small:
        return f"level, what it learned by heart is worth less than {small:.3g} nats"
    return "whether it has learned any by heart is not decided, the error is too large"


def _upper(reading: Estimate) -> float:
    """The value and two errors, or the value alone where its error is not known."""
    return float(reading.value) + SIGMAS * float(np.nan_to_num(reading.error))


def stop_sentence(dataset: xr.Dataset) -> str | None:
    """That a largest gap ended the training, or that none could have been seen."""
    _, _, limit = _progress(dataset)
    if limit is None:
        return None
    gap, error = _last_gap(dataset)
    blind = error is not None and error > limit
    doubt = f"the error of the gap, {error:.2g} nats, is larger" if blind else ""
    end = stopped(dataset)
    if end is None:
        return (
            f"It was to stop at a free-energy gap of {limit:g} nats; {doubt}, so that "
            "a gap of that size would not have been seen."
            if blind
            else None
        )
    told = (
        f"It stopped after epoch {end['epoch']} of {end['epochs']}: the next one left "
        f"a free-energy gap of more than {limit:g} nats, by {SIGMAS} standard errors"
    )
    if gap is not None:
        told += f" (before it {gap:.3g}, with an error of {error:.2g})"
    return f"{told}; {doubt} than {limit:g}, so it came late." if blind else f"{told}."


def _progress(dataset: xr.Dataset) -> tuple[int, int | None, float | None]:
    """Epochs done, epochs asked for, and the gap at which to stop."""
    settings = json.loads(dataset.attrs["notes"]).get("settings", {})
    epochs = dataset["epoch"].values
    done = int(epochs[-1]) if len(epochs) else 0
    return done, settings.get("epochs"), settings.get("largest_gap")


def _last_gap(dataset: xr.Dataset) -> tuple[float | None, float | None]:
    """The gap that was recorded last, with its error."""
    if "gap" not in dataset["quantity"].values or not dataset.sizes["epoch"]:
        return None, None
    last = dataset.sel(quantity="gap").isel(epoch=-1)
    return float(last["record"]), float(last["record_error"])


def _on_energy(
    readings: Mapping[str, Estimate], about: Mapping[str, Any]
) -> str | None:
    if "energy" not in readings:
        return None
    name = "exact_energy" if "exact_energy" in readings else "data_energy"
    beside = "the exact" if name == "exact_energy" else "that of the data"
    return (
        f"In the second half of {about['steps']} Gibbs steps from the data its chains "
        f"have the energy {_number(readings['energy'])} per site, {beside} is "
        f"{_number(readings[name])}."
    )


def _on_mixing(
    readings: Mapping[str, Estimate], about: Mapping[str, Any]
) -> str | None:
    if "mixing_m" not in readings:
        return None
    m, f = readings["mixing_m"], readings["mixing_F"]
    slow = LONG * max(float(m.value), float(f.value)) > about["steps"]
    bound = "; the chains are too short, so that these are lower bounds" if slow else ""
    return (
        f"Its chains forget |m| in {_number(m)} and F in {_number(f)} Gibbs "
        f"steps{bound}."
    )


def _texts(dataset: xr.Dataset) -> dict[str, str]:
    """One sentence for each figure."""
    about = dataset.attrs
    shown, tied = dataset.sizes["unit"], about["kind"] != "rbm"
    what = (
        _counted(shown, "filter")
        if tied
        else f"Weights of {_counted(shown, 'hidden unit')} on the visible layer"
    )
    order, scale = "", ""
    if shown > 1:
        order, scale = ", the largest norm first", ", all on one scale"
    plane = (
        ", the plane with the largest weight of each"
        if dataset["filters"].ndim > 3
        else ""
    )
    return {
        "Curves": "Readings after each epoch; a diamond is the same reading after the "
        "last one, with its error.",
        "Chains": "Gibbs chains that start from data: a machine that has the law of "
        "the data leaves these means where they are at step 0.",
        "Filters": f"{what}{order}{plane}{scale}.",
        "Spectra": "Modes of W beside modes of the data: what stands out above random "
        "weights of the same size has been learned, and the strongest modes of the "
        "data are learned first.",
        "Samples": "Configurations of the data, and where chains that left it are "
        f"after {about['steps']} Gibbs steps.",
    }


def _tables(dataset: xr.Dataset) -> Section:
    readings = readings_of(dataset)
    numbers = [[WORDS.get(k, k), _number(r)] for k, r in readings.items()]
    network = _flat(json.loads(dataset.attrs["network"]))
    notes = _flat(json.loads(dataset.attrs["notes"]))
    return Section(
        "Settings",
        "The readings at the end, the machine, and what it was trained with.",
        tables=[
            Table(["reading", "value"], numbers),
            Table(["machine", ""], [["kind", dataset.attrs["kind"]], *network]),
            *([Table(["training", ""], notes)] if notes else []),
        ],
    )


def _layers(datasets: Sequence[xr.Dataset]) -> Section:
    """The readings at the end of each machine, side by side."""
    readings = [readings_of(dataset) for dataset in datasets]
    names = [k for k in WORDS if any(k in own for own in readings)]
    rows = [["units", *(_units(dataset.attrs) for dataset in datasets)]]
    rows += [["epochs", *(_epochs(dataset) for dataset in datasets)]]
    for name in names:
        cells = [_number(own[name]) if name in own else "–" for own in readings]
        rows.append([WORDS[name], *cells])
    numbers = [f"machine {k}" for k in range(1, len(datasets) + 1)]
    return Section(
        "Layers",
        "The readings at the end of every machine, each on what the one below it "
        "passes on. All other sections are about the first.",
        tables=[Table(["reading", *numbers], rows)],
    )


def _epochs(dataset: xr.Dataset) -> str:
    done, asked, _ = _progress(dataset)
    return f"{done} of {asked}" if asked is not None else f"{done}"


def _flat(facts: Any, name: str = "") -> list[list[str]]:
    """Rows of (name, value), sorted; names of what is nested are joined."""
    if not isinstance(facts, dict):
        text = json.dumps(facts, ensure_ascii=False, sort_keys=True)
        return [[name, text.strip('"')]]
    # A training that was resumed has its notes from a file, in another order.
    inner = (_flat(v, f"{name} {k}".strip()) for k, v in sorted(facts.items()))
    return [row for rows in inner for row in rows]


def _machine(about: Mapping[str, Any]) -> str:
    article = "an" if about["kind"] == "rbm" else "a"
    return f"{article} {about['kind']}, {_units(about)}"


def _units(about: Mapping[str, Any]) -> str:
    return f"{about['lattice']} → {about['units']}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
