"""`kadanoff measure`: what a file of configurations says, next to what is exact."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kadanoff.cli.console import add_json, beside, emit, writable

if TYPE_CHECKING:
    from kadanoff.ensemble import Ensemble
    from kadanoff.estimate import Estimate

__all__ = ["add", "add_plot", "picture"]

PICTURES = (".png", ".pdf", ".svg")
EVEN = (None, "ising", "phi4", "two-temperatures")
"""Models on a lattice whose law does not change when all signs do."""
COLUMNS = {
    "temperature": "T",
    "coupling": "K",
    "energy": "energy",
    "exact": "exact",
    "magnetization": "|m|",
    "heat_capacity": "C",
    "binder": "U₄",
}


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("measure", help="read configurations, one file or all")
    parser.add_argument(
        "file", type=Path, help="configurations, or the folder of a sweep"
    )
    add_plot(parser, "of one file: history, P(E), G(r), S(k)")
    add_json(parser)
    parser.set_defaults(run=run)


def add_plot(parser: argparse.ArgumentParser, shown: str) -> None:
    """`--plot`, for every command that draws what it read."""
    parser.add_argument(
        "--plot", type=Path, metavar="PICTURE", help=f"{shown} (.png, .pdf, .svg)"
    )


def picture(path: Path, *inputs: Path) -> Path:
    """`path`, if a picture can be written there.

    Raises:
        ValueError: another ending, or a place that `writable` refuses.
    """
    if path.suffix.lower() not in PICTURES:
        raise ValueError(
            f"a picture ends in one of {', '.join(PICTURES)}, got {path.name}"
        )
    return writable(path, *inputs)


def run(arguments: argparse.Namespace) -> None:
    """Thermodynamics with errors; exact values where the model is known."""
    if arguments.file.is_dir():
        _sweep(arguments)
    else:
        _file(arguments)


def _file(arguments: argparse.Namespace) -> None:
    from kadanoff.foreign import open_foreign
    from kadanoff.instruments import thermodynamics as thermo

    plot = arguments.plot and picture(arguments.plot, arguments.file)
    ensemble = open_foreign(arguments.file)
    series = thermo.series(ensemble)
    exact = _exact(ensemble)
    result: dict[str, Any] = {
        "configurations": ensemble.size,
        "chains": ensemble.chains,
        "lattice": list(ensemble.geometry.lattice),
    }
    readings = {
        "magnetization": thermo.magnetization(series),
        "magnetization_squared": thermo.magnetization_squared(series),
        "susceptibility": thermo.susceptibility(series),
        "binder": thermo.binder(series),
        **_length(ensemble),
    }
    if series.has_energy:
        readings = {"energy": thermo.energy(series), **readings}
        if series.coupling is not None:
            readings["heat_capacity"] = thermo.heat_capacity(series)
    for name, reading in readings.items():
        result[name] = reading.as_dict() if arguments.json else str(reading)
        if name in exact:
            result[name] = beside(reading, exact[name], as_json=arguments.json)
    if not arguments.json and _is_long(readings, ensemble):
        result["correlation_length"] += "   longer than the lattice: order"
    result["tau"] = {
        name: {"value": tau, "error": error}
        if arguments.json
        else f"{tau:.2f}({error:.2f})"
        for name, (tau, error) in thermo.autocorrelation(series).items()
    }
    if plot:
        _draw(ensemble, plot)
        result["plot"] = plot
    emit(result, as_json=arguments.json)


def _length(ensemble: Ensemble) -> dict[str, Estimate]:
    """The correlation length, where correlations decay with distance around ⟨m⟩ = 0."""
    from kadanoff.instruments.correlation_length import correlation_length

    if ensemble.model not in EVEN or "h" in ensemble.couplings:
        return {}
    try:
        length = correlation_length(ensemble)
    except ValueError:  # a lattice or alphabet that it is not defined for
        return {}
    return {"correlation_length": length} if math.isfinite(length.value) else {}


def _is_long(readings: dict[str, Estimate], ensemble: Ensemble) -> bool:
    """Whether ξ, from which no ⟨m⟩² is subtracted, says order and not its decay."""
    if "correlation_length" not in readings:
        return False
    grid = ensemble.grid
    spacing = max(math.dist(v, [0.0] * grid.dimension) for v in grid.basis)
    return float(readings["correlation_length"].value) > spacing * max(grid.shape)


def _draw(ensemble: Ensemble, plot: Path) -> None:
    from kadanoff.experiments.measurement import measurement
    from kadanoff.reports.figures import save_figure
    from kadanoff.reports.measurement import draw

    save_figure(draw(measurement(ensemble)), plot)


def _exact(ensemble: Ensemble) -> dict[str, float]:
    """Values of the finite lattice, where the ensemble's model is solved."""
    from kadanoff.instruments.known import known
    from kadanoff.models.registry import model_of

    model = model_of(ensemble)
    if model is None or not ensemble.couplings:
        return {}
    return known(model, next(iter(ensemble.couplings.values())))


def _sweep(arguments: argparse.Namespace) -> None:
    """One line for each temperature."""
    from kadanoff.sweep import load_sweep

    if arguments.plot:
        raise ValueError(
            f"the picture is of one file, and {arguments.file} is the folder of a "
            "sweep; name one of its files, or draw several sizes with kadanoff scaling"
        )
    rows: Any = [_row(ensemble) for ensemble in load_sweep(arguments.file)]
    if arguments.json:
        emit(rows, as_json=True)
    else:
        print(_table(rows))


def _row(ensemble: Ensemble) -> dict[str, Any]:
    """The readings of one temperature; None where the model has none."""
    from kadanoff.instruments import thermodynamics as thermo

    series = thermo.series(ensemble)
    coupling = next(iter(ensemble.couplings.values()))
    heat = series.has_energy and series.coupling is not None
    return {
        "temperature": 1 / coupling if coupling else math.inf,
        "coupling": coupling,
        "energy": thermo.energy(series) if series.has_energy else None,
        "exact": _exact(ensemble).get("energy"),
        "magnetization": thermo.magnetization(series),
        "heat_capacity": thermo.heat_capacity(series) if heat else None,
        "binder": thermo.binder(series),
    }


def _table(rows: Sequence[dict[str, Any]]) -> str:
    """Columns as wide as their longest entry."""
    cells = [list(COLUMNS.values())]
    cells += [[_cell(row[name]) for name in COLUMNS] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(f"{text:>{w}}" for text, w in zip(line, widths, strict=True))
        for line in cells
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.8g}" if isinstance(value, float) else str(value)
