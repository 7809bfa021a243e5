"""Do the maps share Ising's exponents? MCRG over steps and operators."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import Y_H, Y_T
from kadanoff.instruments.mcrg import Exponent, Scan, scan
from kadanoff.reports.figures import PALETTE, data_uri, error_lines, figure
from kadanoff.reports.page import Section, Table

__all__ = ["Reading", "compute", "draw", "value_and_error"]

AGREES = 3.0  # reported errors


@dataclass(frozen=True)
class Reading:
    """The scan of one map on one lattice."""

    name: str
    side: int
    scan: Scan

    @property
    def verdict(self) -> str:
        """What the scan shows: no convergence, another fixed point, or Ising's."""
        both = (self.scan.y_t, self.scan.y_h)
        if any(exponent.faults for exponent in both):
            return "does not read as an RG step"
        if not all(exponent.converged for exponent in both):
            return "is undecided at this precision"
        if max(self.sigmas) > AGREES:
            return "converges, but not to Ising's exponents"
        return "reads as an RG step with Ising's exponents"

    @property
    def sigmas(self) -> tuple[float, float]:
        """Deviations of y_T and y_H from the exact values in reported errors."""
        pairs = ((self.scan.y_t, Y_T), (self.scan.y_h, Y_H))
        y_t, y_h = (abs(float(e.estimate.value) - y) / e.error for e, y in pairs)
        return y_t, y_h

    @property
    def steps(self) -> list[str]:
        """Each step as `fine→coarse` sides."""
        return [f"{s.fine[0]}→{s.coarse[0]}" for s in self.scan.steps]


def compute(levels: Mapping[str, list[Ensemble]]) -> list[Reading]:
    """Scan every map on one lattice, in the given order."""
    return [Reading(name, _side(chain), scan(chain)) for name, chain in levels.items()]


def draw(readings: list[Reading]) -> Section:
    """Both exponents over steps and operators, and what is reported."""
    largest = max(reading.side for reading in readings)
    shown = [reading for reading in readings if reading.side == largest]
    remarks = [f"{_where(r)}: {s}." for r in readings for s in _sentences(r)]
    return Section(
        "Exponents",
        "Eigenvalues of the linearized transformation between two neighbouring levels "
        "(Swendsen 1979), one point for each number of operators, next to the exact "
        f"y_T = {Y_T:g} and y_H = {Y_H:g}. The reported value is that of the step to "
        "the 8×8 lattice with all operators, chosen beforehand; its error is the "
        "jackknife error with the changes over the last step and over the last half of "
        "the operators added in quadrature. "
        "Ising's exponents are necessary for a renormalization of this magnet, not "
        "sufficient: any sensible local rule shares them. "
        f"The picture shows the {largest}×{largest} lattice.",
        picture=data_uri(_picture(shown)),
        tables=[_summary(readings), _details(readings)],
        remarks=remarks,
    )


def _picture(readings: list[Reading]) -> Figure:
    fig = figure(9.5, 3.0 * len(readings), rows=len(readings), columns=2)
    for k, reading in enumerate(readings):
        for side, (symbol, exact) in enumerate((("y_T", Y_T), ("y_H", Y_H))):
            ax = fig.axes[2 * k + side]
            ax.axhline(exact, color="#222222", linewidth=0.8, linestyle="--")
            for s, (label, step) in enumerate(
                zip(reading.steps, reading.scan.steps, strict=True)
            ):
                values = step.y_t if symbol == "y_T" else step.y_h
                colour = PALETTE[s]
                error_lines(
                    ax, _counts(values), {label: _joined(values)}, {label: colour}
                )
            ax.set_title(f"{reading.name}: {symbol}", fontsize=10)
            ax.set_xticks(range(1, 1 + max(map(len, _values(reading, symbol)))))
            ax.set_xlabel("operators", fontsize=9)
            ax.legend(fontsize=8, frameon=False)
    return fig


def _values(reading: Reading, symbol: str) -> list[tuple[Estimate, ...]]:
    return [s.y_t if symbol == "y_T" else s.y_h for s in reading.scan.steps]


def _counts(values: tuple[Estimate, ...]) -> np.ndarray:
    return np.arange(1, len(values) + 1)


def _joined(values: tuple[Estimate, ...]) -> Estimate:
    """Separate scalars as one curve; only their own errors are drawn."""
    lineages = {name for v in values for name in v.replicates}
    return Estimate(
        np.array([v.value for v in values]),
        {n: np.stack([v.replicates[n] for v in values], axis=-1) for n in lineages},
        min((v.n_eff for v in values), default=0.0),
    )


def _summary(readings: list[Reading]) -> Table:
    rows = [
        [
            _where(r),
            r.steps[r.scan.reported],
            value_and_error(r.scan.y_t),
            value_and_error(r.scan.y_h),
            r.verdict,
        ]
        for r in readings
    ]
    header = ["map", "step", "y_T (exact 1)", "y_H (exact 1.875)", "the map"]
    return Table(header, rows)


def _details(readings: list[Reading]) -> Table:
    rows = []
    for r in readings:
        for label, step in zip(r.steps, r.scan.steps, strict=True):
            rows.append([_where(r), label, _listed(step.y_t), _listed(step.y_h)])
    return Table(["map", "step", "y_T with 1, 2, … operators", "y_H likewise"], rows)


def _listed(values: tuple[Estimate, ...]) -> str:
    """All of them; a dash where the eigenvalue has no exponent."""
    return "  ".join(str(y) if np.isfinite(y.value) else "–" for y in values)


def value_and_error(exponent: Exponent) -> str:
    """The reported value, its error holding the change over the last step."""
    if not math.isfinite(exponent.error):
        return "not measurable"
    digits = max(0, min(4, 1 - math.floor(math.log10(max(exponent.error, 1e-4)))))
    value = float(exponent.estimate.value)
    return f"{value:.{digits}f} ± {exponent.error:.{digits}f}"


def _sentences(reading: Reading) -> list[str]:
    scanned = reading.scan
    found = [e.sentence for e in (scanned.y_t, scanned.y_h) if not e.converged]
    flags = [
        f"at {label} {flag}"
        for label, step in zip(reading.steps, scanned.steps, strict=True)
        for flag in step.flags
    ]
    return list(dict.fromkeys(found + flags))


def _where(reading: Reading) -> str:
    return f"{reading.name}, {reading.side}×{reading.side}"


def _side(levels: list[Ensemble]) -> int:
    return levels[0].grid.shape[0]
