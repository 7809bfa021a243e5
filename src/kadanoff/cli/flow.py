"""`kadanoff flow`: fixed points and exponents of maps on couplings and on tensors."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
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

TENSORS = ("chi", "coupling", "steps")


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "flow", help="fixed point and exponents of a map on couplings or tensors"
    )
    parser.add_argument(
        "name", nargs="?", help="of the map; all are listed where none is given"
    )
    for option, (kind, about) in OPTIONS.items():
        parser.add_argument(f"--{option}", type=kind, help=about)
    parser.add_argument("--chi", type=int, help="states of a bond (tensors)")
    parser.add_argument("--coupling", type=float, help="K (tensors); the critical one")
    parser.add_argument("--steps", type=int, help="of a tensor scheme")
    parser.add_argument(
        "--plot", type=Path, help="picture of the flow (.svg, .png, .pdf)"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print the critical point, or what there is."""
    from kadanoff.flows.registry import FLOWS, flow_named, summary
    from kadanoff.flows.tensor_registry import SCHEMES

    if arguments.name is None:
        about = {name: entry.about for name, entry in FLOWS.items()}
        about |= {name: scheme.about for name, scheme in SCHEMES.items()}
        emit(about, as_json=arguments.json)
        return
    if arguments.name in SCHEMES:
        _of_tensors(arguments)
        return
    _refuse(arguments, TENSORS, "tensor schemes")
    given = {name: getattr(arguments, name) for name in OPTIONS}
    options = {n: _whole(value) for n, value in given.items() if value is not None}
    flow = flow_named(arguments.name, **options)
    result = summary(flow)
    if arguments.plot is not None:
        out = writable(arguments.plot)
        _draw(flow, out)
        result["picture"] = out
    emit(result, as_json=arguments.json)


def _whole(value: float) -> float:
    """2.0 as 2: some maps take whole numbers only."""
    return int(value) if float(value).is_integer() else value


def _refuse(
    arguments: argparse.Namespace, names: Iterable[str], takers: str, *besides: str
) -> None:
    given = [n for n in names if getattr(arguments, n) is not None and n not in besides]
    if given:
        raise ValueError(
            f"--{', --'.join(given)} is for {takers}, not for {arguments.name}; leave "
            "it out"
        )


def _of_tensors(arguments: argparse.Namespace) -> None:
    from kadanoff.flows.tensor_registry import tensor_summary

    _refuse(arguments, OPTIONS, "maps of couplings", "q")
    if arguments.plot is not None:
        raise ValueError(
            f"{arguments.name} moves a tensor, which has no plane to be drawn in; "
            "leave --plot out"
        )
    states = arguments.q
    if states is not None and not float(states).is_integer():
        raise ValueError(f"a Potts tensor has a whole number of states, got {states:g}")
    result = tensor_summary(
        arguments.name,
        bond=arguments.chi,
        coupling=arguments.coupling,
        states=None if states is None else int(states),
        steps=arguments.steps,
    )
    if not arguments.json:
        for k, line in enumerate(result.pop("by_step")):
            dimensions = " ".join(
                "-" if x is None else f"{x:.5f}" for x in line["dimensions"]
            )
            charge = line["central_charge"]
            shown = "-" if charge is None else f"{charge:.5f}"
            result[f"step {k + 1}"] = f"c {shown}   dimensions {dimensions}"
    emit(result, as_json=arguments.json)


def _draw(flow: Any, out: Path) -> None:
    from kadanoff.experiments.portrait import portrait
    from kadanoff.reports.figures import save_figure
    from kadanoff.reports.flow import draw

    save_figure(draw(portrait(flow)), out)
