"""What an ensemble looks like: history, memory, energies, correlations, on one sheet.

Everything drawn is in a `Measurement`; drawing computes nothing but positions. One
function draws each panel into given axes, `draw` all of them on a sheet for a
projector. Bars are one standard error.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from kadanoff.estimate import Estimate
from kadanoff.reports.figures import PALETTE, data_uri, tidy
from kadanoff.reports.page import Section

__all__ = [
    "Comparison",
    "Decay",
    "Energies",
    "Measurement",
    "Memory",
    "Missing",
    "Waves",
    "draw",
    "draw_correlator",
    "draw_deviations",
    "draw_energies",
    "draw_history",
    "draw_memory",
    "draw_structure",
    "section",
]

Place = Literal["upper right", "lower left", "best"]
INK, GREY = "#222222", "#767676"
TITLE, LABEL, TICK, NOTE = 13, 12, 11, 10.5
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
FORM_UP_TO = 3  # times the smallest |k̂|: the form of S that ξ stands for
FEW_DRAWS = 40  # a history of fewer has a mark at each draw


@dataclass(frozen=True)
class Missing:
    """In place of what an ensemble does not have, and why it has none."""

    reason: str


@dataclass(frozen=True, eq=False)
class Memory:
    """The autocorrelation function of one observable.

    Attributes:
        lag: in draws, from 0.
        rho: ρ at each lag.
        error: of ρ.
        tau: integrated autocorrelation time in draws.
        tau_error: its error.
        window: the lag at which its sum stops.
    """

    lag: np.ndarray
    rho: np.ndarray
    error: np.ndarray
    tau: float
    tau_error: float
    window: int


@dataclass(frozen=True, eq=False)
class Comparison:
    """Counts of thinned draws against an exact law.

    Attributes:
        chi2: Σ (counted - expected)²/expected.
        dof: bins less one.
        p: probability of a larger χ².
        draws: how many draws were counted.
        spacing: every which draw was taken.
    """

    chi2: float
    dof: int
    p: float
    draws: int
    spacing: int


@dataclass(frozen=True, eq=False)
class Energies:
    """The distribution of the energy per site.

    Attributes:
        edges: of the bins, in units of J, `(bins + 1,)`.
        density: probability per unit of energy in each bin, all draws.
        exact: the same of the exact law; None where there is none.
        tested: bins full enough to be compared, `(bins,)`.
        comparison: with the exact law.
        note: why there is no exact law or no comparison; empty where there is.
    """

    edges: np.ndarray
    density: Estimate
    exact: np.ndarray | None
    tested: np.ndarray
    comparison: Comparison | None
    note: str = ""

    @property
    def centre(self) -> np.ndarray:
        """Middle of each bin."""
        return (self.edges[1:] + self.edges[:-1]) / 2


@dataclass(frozen=True, eq=False)
class Decay:
    """The two-point function G(r) = ⟨s(0) s(r)⟩, nothing subtracted.

    Attributes:
        distance: r > 0, in sites.
        value: G.
        exact: of the same distances; None where nothing is known.
        exact_name: what `exact` is.
        note: why there is none; empty where there is.
    """

    distance: np.ndarray
    value: Estimate
    exact: np.ndarray | None
    exact_name: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class Waves:
    """The structure factor S(k) = ⟨|ŝ_k|²⟩/N and the length that it has.

    Attributes:
        wave: |k̂|, from 0, per site.
        value: S.
        length: second-moment correlation length ξ, in sites.
        ratio: ξ/L.
    """

    wave: np.ndarray
    value: Estimate
    length: Estimate
    ratio: Estimate


@dataclass(frozen=True, eq=False)
class Measurement:
    """Everything on the sheet.

    Attributes:
        title: what was measured.
        magnetization: per site, of the chains shown, `(chain, draw)`.
        signed: whether it has a sign; of Potts states and angles only |m| is read.
        chains: number of all chains.
        memory: observable → its autocorrelation function.
        energies: P(E).
        correlator: G(r).
        structure: S(k) and ξ.
    """

    title: str
    magnetization: np.ndarray
    signed: bool
    chains: int
    memory: Mapping[str, Memory] | Missing
    energies: Energies | Missing
    correlator: Decay | Missing
    structure: Waves | Missing


def draw(measurement: Measurement) -> Figure:
    """All panels on one sheet, 16:9."""
    fig = Figure(figsize=(16, 9), layout="constrained")
    axes = fig.subplots(2, 3)
    fig.get_layout_engine().set(w_pad=0.12, h_pad=0.1)  # type: ignore[union-attr]
    fig.suptitle(measurement.title, fontsize=TITLE + 3)
    draw_history(
        axes[0, 0],
        measurement.magnetization,
        measurement.chains,
        signed=measurement.signed,
    )
    draw_memory(axes[1, 0], measurement.memory)
    draw_energies(axes[0, 1], measurement.energies)
    draw_deviations(axes[1, 1], measurement.energies)
    draw_correlator(axes[0, 2], measurement.correlator)
    draw_structure(axes[1, 2], measurement.structure)
    return fig


def section(measurement: Measurement) -> Section:
    """The sheet as part of a page, with what it cannot show as remarks."""
    notes = [_remark(m) for m in (measurement.energies, measurement.correlator)]
    if isinstance(measurement.structure, Missing):
        notes.append(measurement.structure.reason)
    return Section(
        "Measurement",
        f"{measurement.title}. Bars are one standard error; draws within a chain are "
        "correlated, and the errors know it. P(E) is tested on draws far enough apart "
        "to be independent.",
        picture=data_uri(draw(measurement)),
        remarks=[note for note in notes if note],
    )


def draw_history(
    ax: Axes, magnetization: np.ndarray, chains: int, *, signed: bool = True
) -> None:
    """Magnetization per site against draw, one lane per chain."""
    shown, draws = magnetization.shape
    high = max(1.0, float(abs(magnetization).max()))
    low = -high if signed else 0.0
    margin = 0.175 * (high - low)
    lanes = (high - low + 2 * margin) * np.arange(shown)[::-1]
    for k, (chain, lane) in enumerate(zip(magnetization, lanes, strict=True)):
        ax.axhline(lane, color=GREY, linewidth=0.8)
        ax.plot(
            chain + lane,
            color=PALETTE[k % len(PALETTE)],
            linewidth=1.2,
            marker="o" if draws < FEW_DRAWS else "",
            markersize=4,
        )
    named = "the only chain" if chains == 1 else f"{shown} of {chains} chains"
    symbol = "m" if signed else "|m|"
    _label(ax, f"History of {named}", "draw", f"magnetization per site {symbol}")
    steps = (-1, 0, 1) if signed else (0, 1)
    marks = [
        (lane + m, f"{m:+d}" if m and signed else f"{m}")
        for lane in lanes
        for m in steps
    ]
    ax.set_yticks([at for at, _ in marks], [text for _, text in marks])
    ax.grid(visible=False, axis="y")
    ax.set_ylim(lanes[-1] + low - margin, lanes[0] + high + margin)
    ax.margins(x=0.01)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def draw_memory(ax: Axes, memory: Mapping[str, Memory] | Missing) -> None:
    """ρ(t) with error bars, and a bar at each window up to which τ is summed."""
    if isinstance(memory, Missing):
        _absent(ax, "Memory", memory)
        return
    longest = max(len(m.lag) for m in memory.values())
    last = min(longest, 1 + max(12, *(2 * m.window for m in memory.values())))
    for k, (name, m) in enumerate(memory.items()):
        colour, beside = PALETTE[(0, 2)[k % 2]], 0.01 * last * k
        ax.errorbar(
            m.lag[:last] + beside,
            m.rho[:last],
            m.error[:last],
            color=colour,
            marker=MARKERS[k],
            markersize=5 if last < 40 else 2.5,
            linewidth=0,
            elinewidth=1.2 if last < 40 else 0.7,
            capsize=2.5 if last < 40 else 0,
            label=f"{name}: τ = {m.tau:.2f} ± {m.tau_error:.2f}, window {m.window}",
        )
        ax.axvline(
            m.window + beside, 0, 0.82, color=colour, linewidth=1.4, linestyle=":"
        )
    ax.axhline(0, color=INK, linewidth=0.9)
    ax.set_xlim(-0.03 * last, 1.02 * last)
    ax.set_ylim(top=1.1)
    _label(
        ax,
        "Memory (dotted: where the sum for τ stops)",
        "lag t (draws)",
        "autocorrelation ρ(t)",
    )
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(ax, "upper right")


def draw_energies(ax: Axes, energies: Energies | Missing) -> None:
    """Sampled density of the energy over the exact one."""
    if isinstance(energies, Missing):
        _absent(ax, "Energy", energies)
        return
    if energies.exact is not None:
        ax.stairs(
            energies.exact, energies.edges, color=INK, linewidth=1.4, label="exact"
        )
    seen = energies.density.value > 0
    ax.errorbar(
        energies.centre[seen],
        energies.density.value[seen],
        energies.density.error[seen],
        color=PALETTE[0],
        marker="o",
        markersize=4.5,
        linewidth=0,
        elinewidth=1.2,
        capsize=2.5,
        label="sampled",
    )
    _label(ax, "Energy", "energy per site e (J)", "probability density of e (1/J)")
    top = float(np.nanmax(energies.density.value + energies.density.error))
    ax.set_ylim(0, 1.2 * top)
    ax.set_xlim(energies.edges[0], energies.edges[-1])
    _legend(ax, "upper right", columns=2)


def draw_deviations(ax: Axes, energies: Energies | Missing) -> None:
    """(sampled - exact)/error of every bin, and the χ² of the thinned draws."""
    title = "Energy: sampled minus exact"
    if isinstance(energies, Missing) or energies.exact is None:
        _absent(ax, title, Missing(_remark(energies)))
        return
    _label(ax, title, "energy per site e (J)", "deviation (errors)")
    difference = energies.density.value - energies.exact
    seen = energies.tested & (energies.density.error > 0)
    pull = difference[seen] / energies.density.error[seen]
    ax.axhspan(-1, 1, color=PALETTE[5], alpha=0.3, linewidth=0)
    ax.axhline(0, color=INK, linewidth=1.2)
    ax.plot(energies.centre[seen], pull, "o", color=PALETTE[0], markersize=5.5)
    limit = max(3.5, 1.15 * float(abs(pull).max(initial=0.0)))
    ax.set_ylim(-limit, 1.45 * limit)
    ax.set_xlim(energies.edges[0], energies.edges[-1])
    _note(ax, _on_comparison(energies), 0.03, 0.97, "left", "top")


def draw_correlator(ax: Axes, decay: Decay | Missing) -> None:
    """|G(r)| on logarithmic axes; open marks where G is negative."""
    if isinstance(decay, Missing):
        _absent(ax, "Correlation", decay)
        return
    value, error = decay.value.value, decay.value.error
    for sign, face in ((1, PALETTE[0]), (-1, "white")):
        seen = sign * value > 0
        if not seen.any():
            continue
        ax.errorbar(
            decay.distance[seen],
            abs(value[seen]),
            error[seen],
            color=PALETTE[0],
            marker="o",
            markerfacecolor=face,
            markersize=4.5,
            linewidth=0,
            elinewidth=1.2,
            capsize=2.5,
            label="sampled" if sign > 0 else "sampled, G < 0",
        )
    if decay.exact is not None:
        ax.plot(
            decay.distance,
            decay.exact,
            color=PALETTE[2],
            linewidth=2.2,
            zorder=1,
            label=decay.exact_name,
        )
    _label(ax, "Correlation", "distance r (sites)", "|G(r)|, G = ⟨s(0) s(r)⟩")
    noise = error[abs(value) < 2 * error]
    floor = np.median(noise) / 4 if len(noise) else 0.0
    _log_axes(ax, decay.distance, np.maximum(abs(value[value != 0]), floor))
    _legend(ax, "upper right")
    if decay.note:
        _note(ax, decay.note, 0.03, 0.04, "left", "bottom")


def draw_structure(ax: Axes, waves: Waves | Missing) -> None:
    """S(k) on logarithmic axes with S(0) as a level, and what ξ makes of it."""
    if isinstance(waves, Missing):
        _absent(ax, "Structure factor", waves)
        return
    value, error = waves.value.value, waves.value.error
    inner = waves.wave > 0
    ax.errorbar(
        waves.wave[inner],
        value[inner],
        error[inner],
        color=PALETTE[0],
        marker="o",
        markersize=4.5,
        linewidth=0,
        elinewidth=1.2,
        capsize=2.5,
        label="sampled",
    )
    ax.axhline(
        value[0],
        color=PALETTE[1],
        linewidth=1.6,
        linestyle="--",
        label=f"S(0) = N⟨m²⟩ = {waves.value[0]}",
    )
    xi = float(waves.length.value)
    if np.isfinite(xi):
        first = float(waves.wave[inner][0])
        k = np.geomspace(first, FORM_UP_TO * first)
        ordered = " (order: ξ > L)" if float(waves.ratio.value) > 1 else ""
        ax.plot(
            k,
            value[0] / (1 + (xi * k) ** 2),
            color=PALETTE[2],
            linewidth=2.2,
            zorder=1,
            label="S(0)/(1 + ξ²k̂²), by its first two points\n"
            f"ξ = {waves.length} sites, ξ/L = {waves.ratio}{ordered}",
        )
    else:
        ax.plot([], [], " ", label="no ξ is seen: S(0) ≤ S(k_min)")
    _label(ax, "Structure factor", "|k̂| (1/site)", "S(k) = ⟨|ŝ(k)|²⟩/N")
    _log_axes(ax, waves.wave[inner], value[value > 0], below=0.6)
    _legend(ax, "lower left")


def _on_comparison(energies: Energies) -> str:
    c = energies.comparison
    if c is None:
        return energies.note
    every = "all draws" if c.spacing == 1 else f"one draw in {c.spacing}"
    return (
        f"χ² = {c.chi2:.1f} for {c.dof} degrees of freedom, p = {c.p:.2g}\n"
        f"(independent: {every}, {c.draws} in all)"
    )


def _remark(panel: Energies | Decay | Missing) -> str:
    return panel.reason if isinstance(panel, Missing) else panel.note


def _label(ax: Axes, title: str, x: str, y: str) -> None:
    tidy(ax)
    ax.tick_params(labelsize=TICK)
    ax.set_title(title, fontsize=TITLE, loc="left")
    ax.set_xlabel(x, fontsize=LABEL)
    ax.set_ylabel(y, fontsize=LABEL)


def _legend(ax: Axes, place: Place, columns: int = 1) -> None:
    ax.legend(
        fontsize=NOTE,
        loc=place,
        ncols=columns,
        facecolor="white",
        edgecolor="none",
        framealpha=0.85,
    )


def _log_axes(ax: Axes, x: np.ndarray, y: np.ndarray, below: float = 0.1) -> None:
    """Both axes logarithmic; below the data a share of their span is left free."""
    ax.set_xscale("log")
    ax.set_yscale("log", nonpositive="clip")
    ax.set_xlim(0.85 * x.min(), 1.18 * x.max())
    if len(y):
        low, high = float(y.min()), float(y.max())
        span = max(high / low, 2.0)
        ax.set_ylim(low * span**-below, high * span**0.12)
    for axis, ends in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        decades = np.log10(ends[1] / ends[0])
        axis.set_major_locator(LogLocator(subs=_digits(decades), numticks=12))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())


def _digits(decades: float) -> tuple[float, ...]:
    """First digits of the numbers on a logarithmic axis."""
    if decades < 0.5:
        return tuple(np.arange(1.0, 10.0))
    return (1.0, 2.0, 5.0) if decades < 2.5 else (1.0,)


def _note(ax: Axes, text: str, x: float, y: float, ha: str, va: str) -> None:
    ax.text(
        x,
        y,
        text,
        transform=ax.transAxes,
        ha=ha,
        va=va,
        fontsize=NOTE,
        color=INK,
        linespacing=1.4,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2},
    )


def _absent(ax: Axes, title: str, missing: Missing) -> None:
    """Words where a panel would be."""
    _label(ax, title, "", "")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    shown = ax.text(
        0.5,
        0.5,
        "\n".join(textwrap.fill(line, 44) for line in missing.reason.splitlines()),
        transform=ax.transAxes,
        ha="center",
        va="center",
        fontsize=LABEL,
        color=GREY,
        linespacing=1.4,
    )
    shown.set_in_layout(False)
