"""`kadanoff scaling`: the critical point and ν from sweeps of several sizes."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kadanoff.cli.console import add_json, emit
from kadanoff.cli.measure import add_plot, picture

if TYPE_CHECKING:
    from kadanoff.ensemble import Ensemble
    from kadanoff.estimate import Estimate
    from kadanoff.reports.scaling import Scaling

__all__ = ["add"]

READINGS = {"binder": "Binder cumulant U₄", "correlation-ratio": "ξ/L"}
KNOWN, NONE = "known", "none"


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("scaling", help="the critical point from many sizes")
    parser.add_argument(
        "folders",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="a sweep of each size, made by kadanoff sample --temperatures",
    )
    parser.add_argument(
        "--reading", choices=READINGS, default="binder", help="what crosses (binder)"
    )
    parser.add_argument(
        "--omega",
        type=exponent,
        default=KNOWN,
        metavar="W",
        help="exponent of the correction L^-W, none, or known: 7/4 for the "
        "square-lattice Ising model, none for others (known)",
    )
    add_plot(parser, "curves, crossings and collapse")
    add_json(parser)
    parser.set_defaults(run=run)


def exponent(text: str) -> float | str | None:
    """A positive number, `known`, or None for the word."""
    if text in (KNOWN, NONE):
        return None if text == NONE else text
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(
            f"ω of a correction L^-ω is a positive number, {KNOWN} or "
            f"{NONE}, got {text!r}"
        )
    return value


def run(arguments: argparse.Namespace) -> None:
    """Crossings of the sizes, K_c and ν, beside what is exact."""
    plot = arguments.plot and picture(arguments.plot)
    ensembles = _sweeps(arguments.folders)
    found = _read(ensembles, arguments.reading, arguments.omega)
    result = _as_json(found) if arguments.json else _as_text(found)
    if plot:
        from kadanoff.reports.figures import save_figure
        from kadanoff.reports.scaling import draw_scaling

        save_figure(draw_scaling(found), plot)
        result["plot"] = plot
    emit(result, as_json=arguments.json)


def _sweeps(folders: Sequence[Path]) -> list[Ensemble]:
    """All ensembles; each folder holds another size."""
    from kadanoff.sweep import load_sweep

    if len(folders) < 2:
        raise ValueError(
            f"finite-size scaling compares at least 2 sizes, got the single folder "
            f"{folders[0]}; give a sweep of each size"
        )
    sweeps = {folder: load_sweep(folder) for folder in folders}
    owners: dict[tuple[int, ...], Path] = {}
    for folder in folders:
        shape = sweeps[folder][0].grid.shape
        if shape in owners:
            size = "×".join(map(str, shape))
            raise ValueError(
                f"each size is given once, got {size} in {owners[shape]} and in "
                f"{folder}; leave one out"
            )
        owners[shape] = folder
    return [ensemble for sweep in sweeps.values() for ensemble in sweep]


def _read(ensembles: list[Ensemble], reading: str, omega: Any) -> Scaling:
    from kadanoff.experiments.scaling import scaling
    from kadanoff.instruments.correlation_length import correlation_ratio
    from kadanoff.instruments.thermodynamics import binder

    read = {"binder": binder, "correlation-ratio": correlation_ratio}[reading]
    return scaling(ensembles, read, name=READINGS[reading], omega=omega)


def _as_json(found: Scaling) -> dict[str, Any]:
    """Readings are null where the sizes do not collapse."""
    fit = found.collapse
    return {
        "reading": found.name,
        "sizes": [curve.side for curve in found.curves],
        "crossings": [
            {"sizes": pair, "coupling": x, "height": height}
            for pair, x, height in zip(
                found.pairs, found.crossings, found.heights, strict=True
            )
        ],
        **{
            name: reading and {**reading.as_dict(), "exact": exact}
            for name, (reading, exact) in _readings(found).items()
        },
        "smallest": int(fit.side.min()),
        "chi2": fit.chi2,
        "dof": fit.dof,
        "p": fit.p,
        "omega": fit.omega,
        "sentences": found.sentences,
    }


def _as_text(found: Scaling) -> dict[str, Any]:
    fit = found.collapse
    shown = {
        f"crossing {a}, {b}": f"K = {x}   {found.name} = {height}"
        for (a, b), x, height in zip(
            found.pairs, found.crossings, found.heights, strict=True
        )
    }
    for name, (reading, exact) in _readings(found).items():
        if reading is not None:
            beside = "" if exact is None else f"   exact {exact:.10g}"
            shown[name] = f"{reading}{beside}"
    size = f"L ≥ {fit.side.min()}"
    shown["collapse"] = f"{size}, χ²/dof = {fit.chi2:.1f}/{fit.dof}, p = {fit.p:.2g}"
    remarks = enumerate(found.sentences[1:], 1)
    return shown | {f"remark {k}": text for k, text in remarks}


def _readings(found: Scaling) -> dict[str, tuple[Estimate | None, float | None]]:
    """K_c, T_c and ν with what is known; nothing is read off sizes without a curve."""
    fit, known = found.collapse, found.known
    names = ("critical_coupling", "critical_temperature", "nu")
    exact = (known, known and 1 / known, found.known_nu)
    if not fit.believed:
        return {name: (None, x) for name, x in zip(names, exact, strict=True)}
    values = (fit.critical, fit.critical.map(_inverse), fit.nu)
    return dict(zip(names, zip(values, exact, strict=True), strict=True))


def _inverse(x: Any) -> Any:
    return 1 / x
