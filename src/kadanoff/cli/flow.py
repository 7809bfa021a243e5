"""`kadanoff flow`: fixed points, exponents and pictures of maps on couplings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kadanoff.cli.console import add_json, emit, writable

__all__ = ["add"]

OPTIONS = {
    "d": (float, "dimension"),
    "b": (int, "change of scale"),
    "q": (float, "colours (Potts)"),
    "n": (float, "components (epsilon)"),
    "epsilon": (float, "4 - d (epsilon)"),
    "loops": (int, "1 or 2 (epsilon)"),
    "p": (float, "sharpness (variational); the best one if not given"),
    "c": (float, "change of scale (gaussian)"),
}


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "flow", help="fixed point and exponents of a map on couplings"
    )
    parser.add_argument(
        "name", nargs="?", help="of the map; all are listed where none is given"
    )
    for option, (kind, about) in OPTIONS.items():
        parser.add_argument(f"--{option}", type=kind, help=about)
    parser.add_argument(
        "--plot", type=Path, help="picture of the flow (.svg, .png, .pdf)"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print the critical point, or what there is."""
    from kadanoff.flows.registry import FLOWS, flow_named, summary

    if arguments.name is None:
        emit({name: e.about for name, e in FLOWS.items()}, as_json=arguments.json)
        return
    given = {name: getattr(arguments, name) for name in OPTIONS}
    options = {name: value for name, value in given.items() if value is not None}
    flow = flow_named(arguments.name, **options)
    result = summary(flow)
    if arguments.plot is not None:
        out = writable(arguments.plot)
        _draw(flow, out)
        result["picture"] = out
    emit(result, as_json=arguments.json)


def _draw(flow: Any, out: Path) -> None:
    from kadanoff.experiments.portrait import portrait
    from kadanoff.reports.figures import save_figure
    from kadanoff.reports.flow import draw

    save_figure(draw(portrait(flow)), out)
