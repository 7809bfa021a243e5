"""One page of A4 for a lecture: four pictures and six sentences, all computed here.

    python docs/handout.py handout.pdf

Every number in the text is measured when the page is made, in about fifteen seconds of
one core, and compared with what is exact before anything is drawn: a page with a wrong
number is not written. The fonts are embedded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.gridspec import SubplotSpec
from matplotlib.textpath import TextPath
from matplotlib.transforms import Bbox

import kadanoff as kd
from kadanoff.estimate import parenthesised
from kadanoff.exact.constants import ETA, Y_H, Y_T
from kadanoff.expressivity.depth import (
    flat_plan,
    product_error,
    product_network,
    tree_plan,
)
from kadanoff.expressivity.gates import SOFTPLUS, ErrorScan, Gate, error_scan
from kadanoff.instruments.convergence import Exponent
from kadanoff.instruments.mcrg import Scan, scan
from kadanoff.instruments.scaling_levels import level_ratio
from kadanoff.instruments.thermodynamics import magnetization
from kadanoff.instruments.thermometer import energy_temperature
from kadanoff.protocols import CoarseGraining
from kadanoff.reports.figures import PALETTE, save_figure, tidy

__all__ = ["Numbers", "check", "draw", "main", "measure", "sentences"]

TITLE = "Learning by zooming out"
QUESTION = (
    "Deep networks and the renormalization group both discard detail, layer by layer. "
    "Does a network that is trained on magnets renormalize them, and what does depth "
    "save? Every number on this page was computed when it was printed; the digits in "
    "brackets are one standard error."
)
COMMANDS = (
    ("make install", "an environment of its own in .venv: a minute, nothing by hand"),
    (
        ".venv/bin/kadanoff demo",
        "block spins beside trained networks, on one page",
    ),
)
REFERENCES = (
    "L. P. Kadanoff, Physics 2, 263 (1966). L. Onsager, Phys. Rev. 65, 117 (1944). "
    "R. H. Swendsen, Phys. Rev. Lett. 42, 859 (1979). K. G. Wilson and M. E. Fisher, "
    "Phys. Rev. Lett. 28, 240 (1972). P. Mehta and D. J. Schwab, arXiv:1410.3831. "
    "H. W. Lin, M. Tegmark and D. Rolnick, arXiv:1608.08225. E. de Mello Koch, R. de "
    "Mello Koch and L. Cheng, arXiv:1906.05212. K.-Y. Ho, Learning by Zooming Out, "
    "essay (2015)."
)
SIDE, ZOOMS = 64, 3
PLANS = tree_plan(8), flat_plan(8)
COLD, BELOW, CRITICAL, ABOVE, WARM = 0.95, 0.98, 1.0, 1.02, 1.05  # in units of T_c
DRAWS = {COLD: 512, BELOW: 2048, CRITICAL: 4096, ABOVE: 2048, WARM: 2048}
BLOCKS, MACHINE, DECIMATION = "block majority", "trained filter", "decimation"
GATE = Gate(SOFTPLUS, scale=0.01, bias=0.0)
SIGMAS = 4.0
A4 = (8.27, 11.69)  # inches
LEFT, INDENT, RIGHT = 0.075, 0.1, 0.925  # as shares of the width
TYPE: Any = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class Numbers:
    """What the page shows.

    Attributes:
        pictures: one magnet at each T/T_c, whole and after every zoom.
        sizes: T/T_c → ⟨|m|⟩ of 8×8 block spins after two zooms and after three.
        temperatures: T/T_c → temperatures read off every level, in units of T_c.
        eta: of block spins, by the correlations of two levels.
        scans: exponents of three maps.
        trained: configurations that the machine has seen.
        gate: errors of a multiplication gate.
        errors: of the product of eight numbers, by a tree and by one layer.
    """

    pictures: Mapping[float, Sequence[np.ndarray]]
    sizes: Mapping[float, tuple[kd.Estimate, kd.Estimate]]
    temperatures: Mapping[float, Sequence[kd.Estimate]]
    eta: kd.Estimate
    scans: Mapping[str, Scan]
    trained: int
    gate: ErrorScan
    errors: tuple[float, float]

    @property
    def growth(self) -> kd.Estimate:
        """By how much the second zoom drives two temperatures apart."""
        cold, warm = (self.temperatures[t] for t in (BELOW, ABOVE))
        before, after = (warm[k] - cold[k] for k in (1, 2))
        return after / before

    @property
    def change(self) -> Mapping[float, kd.Estimate]:
        """Of ⟨|m|⟩ in the last zoom."""
        return {t: three - two for t, (two, three) in self.sizes.items()}


def measure(seed: int = 0) -> Numbers:
    """Sample, zoom, train and read."""
    small = {t: _magnet(t, SIDE // 2, DRAWS[t], seed + 1) for t in (CRITICAL, WARM)}
    large = {t: _magnet(t, SIDE, draws, seed) for t, draws in DRAWS.items()}
    levels = {t: _zoomed(kd.Majority(b=2), fine) for t, fine in large.items()}
    machine = kd.train(kd.ConvRBM(seed=seed), small[CRITICAL], seed=seed)
    rules = {MACHINE: kd.Layer(machine), DECIMATION: kd.Decimation(b=2)}
    scans = {BLOCKS: scan(levels[CRITICAL])} | {
        name: scan(_zoomed(rule, large[CRITICAL])) for name, rule in rules.items()
    }
    return Numbers(
        pictures={t: [_first(x) for x in levels[t]] for t in (COLD, CRITICAL, WARM)},
        sizes={
            t: (_size(_zoomed(kd.Majority(b=2), fine, ZOOMS - 1)), _size(levels[t]))
            for t, fine in small.items()
        },
        temperatures={
            t: [energy_temperature(level) / kd.T_C for level in levels[t]]
            for t in (BELOW, CRITICAL, ABOVE)
        },
        eta=2 * level_ratio(*levels[CRITICAL][1:3]).delta,
        scans=scans,
        trained=small[CRITICAL].size,
        gate=error_scan(GATE, np.geomspace(1e-6, 1, 97)),
        errors=_product_errors(seed),
    )


def check(numbers: Numbers) -> None:
    """Refuse numbers that disagree with exact ones, or controls that agree.

    Raises:
        ValueError: the first that does, with both values.
    """
    for name, found, error, exact in _compared(numbers):
        if not abs(found - exact) <= SIGMAS * error:
            raise ValueError(
                f"{name} must be {exact:.4g} within {SIGMAS:g} errors, got "
                f"{parenthesised(found, error)}; the page is not written"
            )
    for name, found, exact in (
        ("|m| above T_c", numbers.change[WARM], 0.0),
        ("y_H of decimation", numbers.scans[DECIMATION].y_h.estimate, Y_H),
    ):
        if not abs(found.value - exact) > SIGMAS * found.error:
            raise ValueError(
                f"{name} is a control and must differ from {exact:.4g}, got {found}; "
                "the page is not written"
            )


def sentences(numbers: Numbers) -> list[str]:
    """What the pictures say, with the numbers."""
    two, three = numbers.sizes[CRITICAL]
    warm = numbers.sizes[WARM]
    blocks, machine, decimation = (_exponents(numbers, name) for name in numbers.scans)
    gate, tree, flat = numbers.gate, *PLANS
    best, error = gate.best
    return [
        f"A magnet at its critical temperature looks the same however often it is "
        f"zoomed out (a): 8×8 block spins have $⟨|\\,m\\,|⟩$ = {two} after two zooms "
        f"and {three} after three; 5 % warmer they have {warm[0]} and {warm[1]}.",
        f"Temperature is relevant (b): magnets 2 % below and above $T_c$ are driven "
        f"apart by a factor {numbers.growth} in the second zoom; theory has "
        f"$2^{{1/ν}}$ = {2**Y_T:g}.",
        f"At equal distance the correlations of block spins are $b^η$ times those of "
        f"spins, with η = {numbers.eta} for $b$ = 2; Onsager's magnet has {ETA:g}.",
        f"Block majority has the exponents {blocks} (c); exact are {Y_T:g} and "
        f"{Y_H:g}. A Boltzmann machine with one filter of 4×4 weights, trained on "
        f"{numbers.trained} magnets at $T_c$, has {machine}: it renormalizes.",
        f"Decimation, the control, has {decimation}, and has not come to rest after "
        "three steps: not every way to leave out detail has a fixed point.",
        f"Four neurons multiply two numbers (d), but only to {_power(error)} in 64-bit "
        f"floats, at weights of {_power(best)} (theory: "
        f"{_power(gate.gate.best_scale())}). Eight numbers take {tree.neurons} such "
        f"neurons in a tree (error {_power(numbers.errors[0])}), and in one layer "
        f"{flat.neurons}, no fewer (error {_power(numbers.errors[1])}).",
    ]


def draw(numbers: Numbers) -> Figure:
    """The page."""
    fig = Figure(figsize=A4)
    fig.text(LEFT, 0.944, TITLE, size=25, weight="bold")
    fig.text(
        RIGHT, 0.944, f"kadanoff {kd.__version__}", size=9, ha="right", color="0.3"
    )
    y = _paragraph(fig, 0.93, QUESTION, size=11)
    panels = fig.add_gridspec(2, 2, left=0.115, right=0.925, top=y - 0.03, bottom=0.43)
    panels.update(hspace=0.4, wspace=0.27)
    _draw_magnets(fig, panels[0, 0], numbers)
    _draw_temperatures(fig.add_subplot(panels[0, 1]), numbers)
    _draw_exponents(fig.add_subplot(panels[1, 0]), numbers)
    _draw_gate(fig.add_subplot(panels[1, 1]), numbers)
    y = 0.385
    for k, sentence in enumerate(sentences(numbers), start=1):
        fig.text(LEFT, y, f"{k}", size=10, va="top", weight="bold")
        y = _paragraph(fig, y, sentence, size=10, left=INDENT) - 0.007
    for command, what in COMMANDS:
        fig.text(LEFT, y - 0.015, command, size=10, family="monospace")
        fig.text(0.43, y - 0.015, what, size=10)
        y -= 0.019
    _paragraph(fig, y - 0.012, REFERENCES, size=8, color="0.3")
    return fig


def main(arguments: Sequence[str]) -> None:
    """Measure, check, and write the page to the path given."""
    (path,) = arguments
    numbers = measure()
    check(numbers)
    with matplotlib.rc_context(TYPE):
        save_figure(draw(numbers), Path(path))


def _magnet(t: float, side: int, draws: int, seed: int) -> kd.Ensemble:
    return kd.sample(
        kd.Ising((side, side)),
        coupling=kd.K_C / t,
        draws=draws,
        seed=seed,
        method="swendsen-wang",
    )


def _zoomed(rule: CoarseGraining, fine: kd.Ensemble, zooms: int = ZOOMS) -> list:
    return list(kd.Stack((rule,) * zooms).levels(fine, seed=1))


def _size(levels: Sequence[kd.Ensemble]) -> kd.Estimate:
    return magnetization(levels[-1])


def _first(level: kd.Ensemble) -> np.ndarray:
    return level.read(level.blocks()[0])[0]


def _product_errors(seed: int) -> tuple[float, float]:
    """Largest errors of both networks, for numbers of at most one."""
    rng = np.random.default_rng(seed)
    tree, flat = (
        product_error(product_network(p, bias=GATE.bias), rng=rng) for p in PLANS
    )
    return tree, flat


def _compared(numbers: Numbers) -> Iterator[tuple[str, float, float, float]]:
    """Name, value, error and exact value of all that is known."""
    still, growth = numbers.change[CRITICAL], numbers.growth
    yield "the change of |m| at T_c", float(still.value), float(still.error), 0.0
    yield "the growth of temperature", float(growth.value), float(growth.error), 2**Y_T
    yield "η", float(numbers.eta.value), float(numbers.eta.error), ETA
    for name in (BLOCKS, MACHINE):
        read = numbers.scans[name]
        for exponent, exact in ((read.y_t, Y_T), (read.y_h, Y_H)):
            value = float(exponent.estimate.value)
            yield f"{exponent.name} of {name}", value, exponent.error, exact
    best, predicted = numbers.gate.best[0], numbers.gate.gate.best_scale()
    # Noise moves the best of T λ² + R/λ² to where it has doubled, and no further.
    doubled = float(np.arccosh(2)) / 2
    yield "ln of the best weight", np.log(best), doubled / SIGMAS, np.log(predicted)


def _exponents(numbers: Numbers, name: str) -> str:
    read = numbers.scans[name]
    return f"$y_T$ = {_shown(read.y_t)} and $y_H$ = {_shown(read.y_h)}"


def _shown(exponent: Exponent) -> str:
    return parenthesised(float(exponent.estimate.value), exponent.error)


def _power(x: float) -> str:
    """Two digits and a power of ten."""
    digits, power = f"{x:.1e}".split("e")
    return f"${digits}·10^{{{int(power)}}}$"


def _paragraph(
    fig: Figure,
    top: float,
    text: str,
    *,
    size: float,
    left: float = LEFT,
    color: str = "black",
) -> float:
    """Lines from `top` down; where the next paragraph may begin."""
    lines = _lines(text, size, (RIGHT - left - 0.01) * 72 * A4[0])
    style = {"size": size, "va": "top", "linespacing": 1.25, "color": color}
    fig.text(left, top, "\n".join(lines), **style)
    return top - len(lines) * size * 1.36 / (72 * A4[1])


def _lines(text: str, size: float, width: float) -> list[str]:
    """As many words in each line as its width in points holds."""
    lines, used, space = [""], 0.0, size / 4
    for word in text.split(" "):
        wide = float(TextPath((0, 0), word, size=size).get_extents().x1)
        if used + wide <= width:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
        else:
            lines.append(word)
            used = 0.0
        used += wide + space
    return lines


def _draw_magnets(fig: Figure, place: SubplotSpec, numbers: Numbers) -> None:
    cells = place.subgridspec(len(numbers.pictures), ZOOMS + 1, hspace=0.1, wspace=0.1)
    names = {COLD: "5 % colder", CRITICAL: "at $T_c$", WARM: "5 % warmer"}
    for row, (t, levels) in enumerate(numbers.pictures.items()):
        for column, level in enumerate(levels):
            ax = fig.add_subplot(cells[row, column])
            ax.imshow(level, cmap="binary", vmin=-1, vmax=1, interpolation="nearest")
            ax.set(xticks=[], yticks=[])
            if column == 0:
                ax.set_ylabel(names[t], size=8.5)
            if row == 0:
                ax.set_title(f"{len(level)}×{len(level)}", size=8.5)
    box = place.get_position(fig)
    _title(fig, box, "(a) A magnet, zoomed out by majority", raised=0.018)


def _draw_temperatures(ax: Axes, numbers: Numbers) -> None:
    for (t, levels), colour in zip(numbers.temperatures.items(), PALETTE, strict=False):
        values, errors = zip(*((x.value, x.error) for x in levels), strict=True)
        style = {"color": colour, "marker": "o", "ms": 4, "capsize": 2}
        ax.errorbar(
            range(len(levels)),
            values,
            errors,
            label=f"{t:g} $T_c$".removeprefix("1 "),
            **style,
        )
    ax.set(
        xticks=range(ZOOMS + 1), xlabel="zooms", ylabel="temperature (units of $T_c$)"
    )
    _panel(ax, "(b) Temperature grows")


def _draw_exponents(ax: Axes, numbers: Numbers) -> None:
    for k, (name, read) in enumerate(numbers.scans.items()):
        steps = [step.y_h[-1] for step in read.steps]
        values, errors = zip(*((y.value, y.error) for y in steps), strict=True)
        at = np.arange(1, len(steps) + 1) + 0.06 * (k - 1)
        style = {"color": PALETTE[k], "marker": "o", "ms": 4, "capsize": 2}
        ax.errorbar(at, values, errors, label=name, **style)
    ax.axhline(Y_H, color="black", lw=0.8, ls="--", label="exact")
    ax.set(
        xticks=range(1, ZOOMS + 1), xlabel="step", ylabel="exponent $y_H$ of the field"
    )
    _panel(ax, "(c) Which maps renormalize", legend="center right")


def _draw_gate(ax: Axes, numbers: Numbers) -> None:
    gate = numbers.gate
    ax.loglog(gate.scales, gate.measured, ".", ms=3, color=PALETTE[0], label="measured")
    theory = gate.truncation + gate.rounding
    ax.loglog(
        gate.scales, theory, color=PALETTE[2], lw=1, label="truncation + rounding"
    )
    ax.axvline(
        gate.gate.best_scale(), color="grey", lw=0.8, ls=":", label="best, theory"
    )
    ax.set(xlabel="weight λ", ylabel="largest error of the product", ylim=(1e-9, 1))
    _panel(ax, "(d) Four neurons multiply")


def _panel(ax: Axes, title: str, legend: Any = "best") -> None:
    tidy(ax)
    ax.legend(fontsize=8, frameon=False, loc=legend)
    _title(ax.figure, ax.get_position(), title)


def _title(fig: FigureBase, box: Bbox, text: str, raised: float = 0.008) -> None:
    """Flush with the left side of a picture."""
    fig.text(box.x0, box.y1 + raised, text, size=11, weight="bold")


if __name__ == "__main__":
    main(sys.argv[1:])
