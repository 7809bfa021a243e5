"""`kadanoff measure`: what a file of configurations says, next to what is exact."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kadanoff.cli.console import add_json, emit

if TYPE_CHECKING:
    from kadanoff.ensemble import Ensemble

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("measure", help="read a file of configurations")
    parser.add_argument("file", type=Path, help="configurations")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Thermodynamics with errors; exact values where the model is known."""
    from kadanoff.foreign import open_foreign
    from kadanoff.instruments import thermodynamics as thermo

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
    }
    if series.has_energy:
        readings = {"energy": thermo.energy(series), **readings}
        if series.coupling is not None:
            readings["heat_capacity"] = thermo.heat_capacity(series)
    for name, reading in readings.items():
        result[name] = reading.as_dict() if arguments.json else str(reading)
        if name in exact:
            result[name] = _beside(reading, exact[name], as_json=arguments.json)
    result["tau"] = {
        name: {"value": tau, "error": error}
        if arguments.json
        else f"{tau:.2f}({error:.2f})"
        for name, (tau, error) in thermo.autocorrelation(series).items()
    }
    emit(result, as_json=arguments.json)


def _exact(ensemble: Ensemble) -> dict[str, float]:
    """Values of the finite lattice, where the ensemble's model is solved."""
    from kadanoff.instruments.known import known
    from kadanoff.models.registry import model_of

    model = model_of(ensemble)
    if model is None or not ensemble.couplings:
        return {}
    return known(model, next(iter(ensemble.couplings.values())))


def _beside(reading: Any, exact: float, *, as_json: bool) -> Any:
    if as_json:
        return {**reading.as_dict(), "exact": exact}
    return f"{reading}   exact {exact:.10g}"
