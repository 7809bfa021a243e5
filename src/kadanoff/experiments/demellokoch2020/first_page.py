"""Five sentences with numbers: what became of the question in the paper's title.

Their words are chosen by the same conditions as the verdicts of the exhibits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

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
from kadanoff.experiments.demellokoch2020.fig_8.verdicts import TENTH, Gain, RandomFall
from kadanoff.experiments.demellokoch2020.fig_14.verdicts import DOUBLED
from kadanoff.experiments.demellokoch2020.flow_end.verdicts_of_flows import (
    PAPERS,
    arriving,
)
from kadanoff.experiments.demellokoch2020.flow_end.verdicts_of_laws import (
    Count,
    counted,
    trained_on,
)
from kadanoff.experiments.demellokoch2020.magnet import MONOTONE
from kadanoff.experiments.demellokoch2020.scorecards.verdicts import (
    COVARIANT,
    SCATTERED,
    SLOPE,
    TIED_MAP,
    UNTRAINED,
    WITHHELD,
)
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
            flow_sentence(
                counted(end, trained_on("draws")),
                counted(end, trained_on("means")),
                arriving(end)[PAPERS],
            ),
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
                fig_14.ratios_along_stacks(data["fig_14"]),
                fig_14.stacks_double(data["fig_14"]),
            ),
            answer_sentence(
                scorecards.by_verdict(data["scorecards"]),
                uniqueness.tells_apart(data["uniqueness"]),
                scorecards.failing(data["scorecards"]),
            ),
        ],
        _picture(end, data["scorecards"]),
    )


def flow_sentence(drawn: Count, means: Count, arrives: bool | None) -> str:
    """Where the flow ends.

    Args:
        drawn, means: of the laws that the Gibbs chains of machines trained on drawn
            units leave, and of those trained on means, which never had a law to learn.
        arrives: whether the flow of means goes to T_c from every start.
    """
    if not drawn.decided or drawn.passes is not True:
        where = "whether that ends at the critical point is open"
    elif drawn.critical == drawn.decided:
        where = "that ends at the critical point"
    elif drawn.critical:
        where = "that ends at the critical point for some machines only"
    else:
        where = "that does not end at the critical point"
    goes = {
        True: "goes to T_c from every start",
        False: "does not go to T_c from every start",
        None: "may or may not go to T_c from every start",
    }[arrives]
    return (
        "A flow that passes samples on is the Gibbs chain of its machine, and "
        f"{where}: of {drawn.machines} machines trained on drawn units {drawn.decided} "
        f"can be judged, and {drawn.critical} of them leave a law with the one "
        "temperature T_c of the 10×10 magnet in energy, magnetization, Binder cumulant "
        f"and correlations (by these six the temperatures of a law differ by "
        f"{_ends(drawn.spreads, drawn.spreads_error)}, of an exactly critical machine "
        f"by {_ends(drawn.control, drawn.control_error)}), of {means.decided} trained "
        f"on means {means.critical}; the flow of means, which is the reading of the "
        f"paper that is taken here, {goes}."
    )


def _ends(pair: Pair, errors: Pair) -> str:
    """Two numbers with their errors, or that there is none."""
    if not all(map(math.isfinite, (*pair, *errors))):
        return "nothing that could be read"
    return " to ".join(parenthesised(*both) for both in zip(pair, errors, strict=True))


def instruments_sentence(
    losses: Losses,
    near_zero: bool | None,
    inputs: Sequence[NoTemperature],
    spin: xr.Dataset,
) -> str:
    """What the network that tells temperatures, and Δ_s on 10×10, are worth."""
    close = {True: "close to zero", False: "not close to zero", None: "perhaps small"}
    doubted = sum(x.doubts is True for x in inputs)
    side = int(spin.side[0])
    power, torus = fig_5b.power_reading(spin), fig_5b.torus_reading(spin)
    near = f"{torus.nearest:g}"
    fit = f"fits from r = {near} on" if torus.fits else f"fits from no r up to {near}"
    return (
        "The network that tells temperatures has a loss of "
        f"{parenthesised(losses.loss, losses.error)} nats, {close[near_zero]}, where "
        f"exactly {losses.floor:.3f} is the least that any reading can have, and it "
        f"shows doubt at {doubted} of {len(inputs)} inputs that have no temperature; "
        f"Δ_s = {DELTA_SIGMA:g} of the magnet at T_c reads {power} by a "
        f"power law on {side}×{side} sites ({power.exact:.4f} without any noise), and "
        f"{torus} ({torus.exact:.4f}) by the form of the torus, which {fit}."
    )


def offset_sentence(
    share: Pair,
    gains: Sequence[Gain],
    follows: Sequence[bool | None],
    fall: RandomFall,
) -> str:
    """What the offset of the patch correlators is, and whether the fall shows RG.

    That the offset is uniform holds by definition; that its size is foretold does not.
    """
    yes, no = (sum(x is word for x in follows) for word in (True, False))
    n = len(follows)
    known = "all" if yes == n else "none" if no == n else f"{yes}"
    low, *_, high = sorted(gains, key=lambda gain: gain.ratio)
    ends = " to ".join(parenthesised(g.ratio, g.ratio_error) for g in (low, high))
    missed = sum(gain.missed for gain in gains)
    patches = "without a patch" if fall.patchless else "with random weights"
    if fall.falls:
        control = "as fast" if fall.same else "less" if fall.ratio < 1 else "more"
        words = f"a layer {patches} falls too, {control}: by"
    else:
        words = f"a layer {patches} does not clearly fall: by"
    return (
        "γ², the mean square gain to the magnetization of the whole lattice, which "
        "makes the unexplained offset of the patch correlators, is foretold from the "
        f"weights to {TENTH:g} of it in {known} of {n} layers (measured over foretold "
        f"{ends}, off by more than three errors in {missed} of {len(gains)}; that "
        f"{share[0]:.1%} to {share[1]:.1%} of the offset is uniform holds by "
        "definition but for small falls); "
        f"{words} {parenthesised(fall.ratio, fall.error)} of the fall of block "
        "averages."
    )


def layers_sentence(
    deviations: Mapping[str, Sequence[Pair]],
    temperatures: Mapping[str, Sequence[Pair]],
    stacks: Mapping[str, Sequence[Pair]],
    double: bool | None,
) -> str:
    """What doubles along block spins, and whether it does along trained layers.

    Args:
        deviations, temperatures: ratios of every step by block rule.
        stacks: ratios of deviations beyond the first layer by recipe.
        double: whether all of these double, or none.
    """
    grows, heats = _doubles(deviations), _doubles(temperatures)
    if grows and heats is False:
        what = "the deviation from the critical surface doubles and the temperature not"
    elif heats and grows is False:
        what = "the temperature doubles and its deviation from T_c does not"
    elif grows and heats:
        what = "the temperature doubles and so does its deviation from T_c"
    else:
        what = "it is not settled which of temperature and deviation doubles"
    along = {True: "doubles", False: "does not", None: "may or may not double"}
    return (
        f"Along block spins {what}: by energy the deviation grows by "
        f"{_of_each_rule(deviations)}, and T from T_c by {_of_each_rule(temperatures)};"
        f" beyond the first layer of trained stacks the deviation {along[double]}: "
        f"{_of_each_rule(stacks)}."
    )


def answer_sentence(
    found: Mapping[str, Sequence[str]],
    rows: Mapping[str, Sequence[str]],
    failing: Mapping[str, int],
) -> str:
    """How many trained layers pass what block spins pass, and what cannot tell.

    Args:
        found: layers by verdict.
        rows: rows by whether they tell the factorised copies.
        failing: aspect → how many of the dense layers do not have it.
    """
    dense = {w: [m for m in names if m != TIED_MAP] for w, names in found.items()}
    counts = {word: len(names) for word, names in dense.items()}
    which = f" ({'; '.join(dense['pass'])})" if dense["pass"] else ""
    tied = next(word for word, names in found.items() if TIED_MAP in names)
    blind = f" and not {_either(rows['no'])}" if rows["no"] else ""
    return (
        "Is deep learning a renormalization group flow? Of "
        f"{sum(counts.values())} kinds of layers like the paper's {counts['pass']} are "
        "local, as regular as block spins and of one dimension Δ_σ as majority is"
        f"{which}, {counts['fail']} are not{_of_aspects(failing)} and "
        f"{counts['undecided']} cannot be told; {TIED_MAP}, whose places are built in, "
        f"{TIED_WORDS[tied]}; the equations from which an exact mapping is concluded "
        "hold for factorised copies, which coarse-grain nothing, as well, and what "
        f"tells these is {_either(rows['yes'])}{blind}."
    )


TIED_WORDS = {
    "pass": "is of one dimension too",
    "fail": "does not pass either",
    "undecided": "cannot be told either",
}


def _of_aspects(failing: Mapping[str, int]) -> str:
    """Which aspects those that fail do not have."""
    names = {
        "covariant": "as regular",
        "field": "of one dimension",
        "local": "local",
    }
    listed = [f"{failing[a]} not {name}" for a, name in names.items() if failing[a]]
    return f" ({', '.join(listed)})" if listed else ""


def _doubles(ratios: Mapping[str, Sequence[Pair]]) -> bool | None:
    """Whether every step of every rule doubles; None if that is not known."""
    found = {
        within(ratio - 2, error, DOUBLED)
        for steps in ratios.values()
        for ratio, error in steps
    }
    return found.pop() if len(found) == 1 else None


def _of_each_rule(ratios: Mapping[str, Sequence[Pair]]) -> str:
    """The steps of every rule, since all of them decide."""
    each = (f"{_listed(steps)} ({rule})" for rule, steps in ratios.items())
    return "; ".join(each) or "nothing readable"


def _listed(steps: Sequence[Pair]) -> str:
    return ", ".join(parenthesised(*step) for step in steps) or "nothing readable"


def _either(names: Sequence[str]) -> str:
    """Names of rows of the scorecard, `none` if there are none."""
    return ", ".join(names) if names else "none of the rows asked"


def _picture(end: xr.Dataset, cards: xr.Dataset) -> Figure:
    """Temperatures of the laws by each reading; trained layers beside two bounds."""
    fig = figure(10.5, 4.2, columns=2)
    _draw_laws(fig.axes[0], end)
    _draw_layers(fig.axes[1], cards)
    return fig


def _draw_laws(ax: Axes, dataset: xr.Dataset) -> None:
    kinds = [str(k) for k in dataset["kind"].values]
    for k, kind in enumerate(kinds):
        t = dataset["t"].sel(kind=kind, by=list(MONOTONE))
        mean, spread = t.mean("seed"), t.std("seed")
        ax.errorbar(
            range(len(MONOTONE)),
            mean,
            spread,
            fmt="o-",
            capsize=2,
            color=PALETTE[k],
            label=kind,
        )
    ax.axhline(T_C, color=INK, linewidth=0.8, linestyle="--")
    ax.set_xticks(range(len(MONOTONE)), MONOTONE)
    ax.set_ylim(top=1.4 * ax.get_ylim()[1])  # room for the names
    ax.set_ylabel("temperature of the law (J/k_B)")
    ax.set_title(
        "A law with one temperature is level; bars: over machines", fontsize=10
    )
    ax.legend(fontsize=8, frameon=False)


def _draw_layers(ax: Axes, dataset: xr.Dataset) -> None:
    found = scorecards.by_verdict(dataset)
    controls = {
        "majority, places withheld": list(WITHHELD),
        "votes at random places": list(SCATTERED),
        "untrained": [UNTRAINED],
    }
    trained = {f"trained layers: {word}": names for word, names in found.items()}
    looks = zip((INK,) * 3 + (*PALETTE[1:4],), "s^xooo", strict=True)
    for (label, names), (colour, marker) in zip(
        (controls | trained).items(), looks, strict=True
    ):
        here = dataset.sel(map=names)
        ax.errorbar(
            here["shift"],
            abs(here["slope"]),
            here["slope_error"],
            here["shift_error"],
            color=colour,
            marker=marker,
            linestyle="none",
            capsize=2,
            label=label,
        )
    ax.axvline(COVARIANT, color=INK, linewidth=0.8, linestyle="--")
    ax.axhline(SLOPE, color=INK, linewidth=0.8, linestyle="--")
    ax.set_yscale("log")
    ax.set_xlabel("C of a shift by one coarse site")
    ax.set_ylabel("|d ln(G_coarse/G_fine)/d ln r|")
    ax.set_title("As regular as blocks right, of one dimension below", fontsize=10)
    ax.legend(fontsize=8, frameon=False)
