"""Five sentences with numbers: what became of the question in the paper's title.

Their words are chosen by the same conditions as the verdicts of the exhibits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.estimate import parenthesised
from kadanoff.exact.constants import DELTA_SIGMA, T_C
from kadanoff.experiments.demellokoch2020 import (
    fig_3,
    fig_5b,
    fig_8,
    fig_14,
    scorecards,
    uniqueness,
)
from kadanoff.experiments.demellokoch2020.decided import within
from kadanoff.experiments.demellokoch2020.fig_3.verdicts import Losses, NoTemperature
from kadanoff.experiments.demellokoch2020.fig_8.verdicts import Gain, RandomFall
from kadanoff.experiments.demellokoch2020.fig_14.verdicts import DOUBLED
from kadanoff.experiments.demellokoch2020.flow_end.verdicts_of_flows import (
    PAPERS,
    arriving,
)
from kadanoff.experiments.demellokoch2020.flow_end.verdicts_of_laws import (
    Count,
    counted,
)
from kadanoff.experiments.demellokoch2020.magnet import MONOTONE
from kadanoff.experiments.demellokoch2020.scorecards.verdicts import SLOPE
from kadanoff.experiments.exhibit import FirstPage
from kadanoff.reports.figures import INK, PALETTE, figure

__all__ = ["first_page"]

Data = Mapping[str, xr.Dataset]
Pair = tuple[float, float]


def first_page(data: Data) -> FirstPage:
    """The first page from the data sets of all exhibits."""
    end, told = data["flow_end"], data["fig_3"]
    return FirstPage(
        [
            flow_sentence(counted(end), arriving(end)[PAPERS]),
            instruments_sentence(
                fig_3.what_is_lost(told),
                fig_3.near_zero(told),
                fig_3.of_no_temperature(told),
                data["fig_5b"],
            ),
            offset_sentence(
                fig_8.explained_share(data["fig_8"]),
                fig_8.gains(data["fig_8"]),
                fig_8.size_follows_from_weights(data["fig_8"]),
                fig_8.random_fall(data["fig_8"]),
            ),
            layers_sentence(
                fig_14.ratios_of_deviations(data["fig_14"]),
                fig_14.ratios_of_temperatures(data["fig_14"]),
            ),
            answer_sentence(
                scorecards.by_verdict(data["scorecards"]),
                uniqueness.tells_apart(data["uniqueness"]),
            ),
        ],
        _picture(end, data["scorecards"]),
    )


def flow_sentence(count: Count, arrives: bool | None) -> str:
    """Where the flow ends.

    Args:
        count: of the laws that Gibbs chains leave.
        arrives: whether the paper's own flow, of means, goes to T_c from every start.
    """
    if not count.decided or count.passes is not True:
        where = "whether that ends at the critical point is open"
    elif count.critical == count.decided:
        where = "that ends at the critical point"
    elif count.critical:
        where = "that ends at the critical point for some machines only"
    else:
        where = "that does not end at the critical point"
    means = {
        True: "goes to T_c from every start",
        False: "does not go to T_c from every start",
        None: "may or may not go to T_c from every start",
    }[arrives]
    return (
        "A flow that passes samples on is the Gibbs chain of its machine, and "
        f"{where}: of {count.machines} machines {count.decided} can be judged, and "
        f"{count.critical} of them leave a law with the one temperature T_c of the "
        "10×10 magnet in energy, magnetization, Binder cumulant and correlations "
        f"(by these six readings the temperatures of a law differ by "
        f"{count.spreads[0]:.2f} to {count.spreads[1]:.2f}, of an exactly critical "
        f"machine by at most {count.control[1]:.3f}); the flow of means, which is "
        f"the paper's by the letter, {means}."
    )


def instruments_sentence(
    losses: Losses,
    near_zero: bool | None,
    inputs: Sequence[NoTemperature],
    spin: xr.Dataset,
) -> str:
    """What the network that tells temperatures, and Δ_s on 10×10, are worth."""
    close = {True: "close to zero", False: "not close to zero", None: "perhaps small"}
    doubted = sum(x.doubts is True for x in inputs)
    power, side = fig_5b.power_reading(spin), int(spin.side[0])
    off = abs(power.exact - DELTA_SIGMA) / DELTA_SIGMA
    return (
        "The network that tells temperatures has a loss of "
        f"{parenthesised(losses.loss, losses.error)} nats, {close[near_zero]}, where "
        f"exactly {losses.floor:.3f} is the least that any reading can have, and of "
        f"{len(inputs)} inputs that have no temperature it shows its doubt of "
        f"{doubted}; on {side}×{side} sites a power law reads Δ_s = "
        f"{fig_5b.power_words(spin)}, {off:.0%} off {DELTA_SIGMA:g}, and the form of "
        f"the torus {fig_5b.torus_words(spin)}."
    )


def offset_sentence(
    share: Pair,
    gains: Sequence[Gain],
    follows: Sequence[bool | None],
    fall: RandomFall,
) -> str:
    """What the offset of the patch correlators is, and whether the fall shows RG."""
    yes, no = (sum(x is word for x in follows) for word in (True, False))
    if yes == len(follows):
        size = "and its size follows from the weights"
    elif no == len(follows):
        size = "but its size does not follow from the weights"
    else:
        size = f"and its size follows from the weights in {yes} of {len(follows)}"
    listed = ", ".join(
        f"{parenthesised(g.measured, g.error)} for "
        f"{parenthesised(g.foretold, g.foretold_error)} ({g.layer})"
        for g in gains
    )
    patches = "without a patch" if fall.patchless else "with random weights"
    if fall.falls:
        control = "as fast" if fall.same else "less" if fall.ratio < 1 else "more"
        words = f"a layer {patches} falls too, {control}: by"
    else:
        words = f"a layer {patches} does not clearly fall: by"
    return (
        "The unexplained offset of the patch correlators is the magnetization of the "
        f"whole lattice ({share[0]:.1%} to {share[1]:.1%} of it is uniform), {size} "
        f"(mean square gain of the layers, measured for foretold: {listed}); {words} "
        f"{parenthesised(fall.ratio, fall.error)} of the fall of block averages."
    )


def layers_sentence(
    deviations: Mapping[str, Sequence[Pair]], temperatures: Mapping[str, Sequence[Pair]]
) -> str:
    """What doubles along block spins: the temperature, or its distance from T_c."""
    grows, heats = _doubles(deviations), _doubles(temperatures)
    if grows and heats is False:
        what = "the deviation from the critical surface doubles and the temperature not"
    elif heats and grows is False:
        what = "the temperature doubles and its deviation from T_c does not"
    elif grows and heats:
        what = "the temperature doubles and so does its deviation from T_c"
    else:
        what = "it is not settled which of temperature and deviation doubles"
    return (
        f"Along block spins {what}: by energy the deviation grows by "
        f"{_listed(deviations)}, and T from T_c by {_listed(temperatures)}."
    )


def answer_sentence(
    found: Mapping[str, Sequence[str]], rows: Mapping[str, Sequence[str]]
) -> str:
    """How many trained layers are renormalizations, and what cannot tell."""
    every = sum(len(names) for names in found.values())
    passed, failed = found["pass"], found["fail"]
    which = f" ({'; '.join(passed)})" if passed else ""
    equations = (
        "told from their factorised copies, which obey the paper's equations as well, "
        f"by {_either(rows['yes'])}"
    )
    blind = f" and not by {_either(rows['no'])}" if rows["no"] else ""
    return (
        "Is deep learning a renormalization group flow? Of "
        f"{every} trained layers {len(passed)} are local, covariant and of one "
        f"dimension Δ_σ as majority is{which}, {len(failed)} are not and "
        f"{every - len(passed) - len(failed)} cannot be told; true coarse grainings "
        f"are {equations}{blind}."
    )


def _doubles(ratios: Mapping[str, Sequence[Pair]]) -> bool | None:
    """Whether every step of every rule doubles; None if that is not known."""
    found = {
        within(ratio - 2, error, DOUBLED)
        for steps in ratios.values()
        for ratio, error in steps
    }
    return found.pop() if len(found) == 1 else None


def _listed(ratios: Mapping[str, Sequence[Pair]]) -> str:
    return "; ".join(
        f"{', '.join(parenthesised(*pair) for pair in steps) or 'nothing readable'} "
        f"({rule})"
        for rule, steps in ratios.items()
    )


def _either(names: Sequence[str]) -> str:
    """Names of rows of the scorecard, `none` if there are none."""
    return ", ".join(names) if names else "none of the rows asked"


def _picture(end: xr.Dataset, cards: xr.Dataset) -> Figure:
    """Temperatures of the laws by each reading; trained layers between two bounds."""
    fig = figure(10.5, 4.2, columns=2)
    _draw_laws(fig.axes[0], end)
    _draw_layers(fig.axes[1], cards)
    return fig


def _draw_laws(ax: Axes, dataset: xr.Dataset) -> None:
    kinds = [str(k) for k in dataset["kind"].values]
    for k, kind in enumerate(kinds):
        t = dataset["t"].sel(kind=kind, by=list(MONOTONE)).mean("seed")
        ax.plot(range(len(MONOTONE)), t, "o-", color=PALETTE[k], label=kind)
    ax.axhline(T_C, color=INK, linewidth=0.8, linestyle="--")
    ax.set_xticks(range(len(MONOTONE)), MONOTONE)
    ax.set_ylabel("temperature of the law (J/k_B)")
    ax.set_title("A law with one temperature is level; T_c dashed", fontsize=10)
    ax.legend(fontsize=8, frameon=False)


def _draw_layers(ax: Axes, dataset: xr.Dataset) -> None:
    found = scorecards.by_verdict(dataset)
    colours = {"pass": PALETTE[2], "fail": PALETTE[1], "undecided": PALETTE[3]}
    for word, names in found.items():
        here = dataset.sel(map=names)
        ax.errorbar(
            here["width"] / here["b"],
            abs(here["slope"]),
            here["slope_error"],
            here["width_error"] / here["b"],
            color=colours[word],
            marker="o",
            linestyle="none",
            capsize=2,
            label=f"trained layers: {word}",
        )
    blocks = dataset.sel(map=["majority", "majority, b = 4"])
    ax.plot(
        blocks["width"] / blocks["b"],
        abs(blocks["slope"]),
        "s",
        color=INK,
        label="majority",
    )
    shown = np.isfinite(dataset["width"].values)
    ax.axvline(1, color=INK, linewidth=0.8, linestyle="--")
    ax.axhline(SLOPE, color=INK, linewidth=0.8, linestyle="--")
    ax.set_yscale("log")
    ax.set_xlabel("range of the direct response over b")
    ax.set_ylabel("change of G_coarse/G_fine with ln r")
    ax.set_title(
        f"Local left, one dimension below; without a range: {(~shown).sum()} maps",
        fontsize=10,
    )
    ax.legend(fontsize=8, frameon=False)
