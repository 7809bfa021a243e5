"""`kadanoff flow`: fixed points and exponents of maps on couplings and on tensors."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
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
    parser.add_argument(
        "--start",
        help="where to look for the fixed point: a number, or name=value,name=value",
    )
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
    flow, start = flow_named(arguments.name, **options), _start(arguments.start)
    result = summary(flow, start)
    if arguments.plot is not None:
        out = writable(arguments.plot)
        _draw(flow, out)
        result["picture"] = out
    emit(result if arguments.json else _shown(result), as_json=arguments.json)


def _start(text: str | None) -> Mapping[str, float] | float | None:
    """A number, or couplings by name."""
    if text is None:
        return None
    try:
        if "=" not in text:
            return float(text)
        pairs = (part.split("=") for part in text.split(","))
        return {name.strip(): float(value) for name, value in pairs}
    except ValueError:
        raise ValueError(
            "--start is a number, or couplings such as nearest=0.3,third=0.01, got "
            f"{text!r}"
        ) from None


def _shown(result: Mapping[str, Any]) -> dict[str, Any]:
    """Without what there is not: no scale of a β function, no exponent of no field."""
    empty = (None, [], {})
    kept = {k: v for k, v in result.items() if v not in empty}
    if "exponents" in kept:
        sectors = kept["exponents"].items()
        kept["exponents"] = {k: v for k, v in sectors if v not in empty}
    return kept


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

    _refuse(arguments, (*OPTIONS, "start"), "maps of couplings", "q")
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
    emit(result if arguments.json else _run_shown(result), as_json=arguments.json)


def _run_shown(result: dict[str, Any]) -> dict[str, Any]:
    """Lines of a run of tensors: the free energy, the plateau, every step."""
    shown = {k: v for k, v in result.items() if k not in ("plateau", "by_step")}
    if "exact_of" in shown:
        shown["exact"] = f"{shown['exact']:.12g} ({shown.pop('exact_of')})"
    if shown.get("relative_error", 0) is None:
        shown["relative_error"] = "below what the size of this torus may be: more steps"
    for k, line in enumerate(result["by_step"]):
        dimensions = " ".join(_fixed(x) for x in line["dimensions"])
        charge = _fixed(line["central_charge"])
        shown[f"step {k + 1}"] = (
            f"{line['sites']:.6g} sites   c {charge}   dimensions {dimensions}"
        )
    return {**shown, **_plateau_shown(result["plateau"])}


def _plateau_shown(plateau: Mapping[str, Any] | None) -> dict[str, str]:
    if plateau is None:
        return {"plateau": "none: c and x_1 stay nowhere over 16 times the sites"}
    (first, last), (small, large) = plateau["steps"], plateau["sites"]
    return {
        "plateau": f"steps {first} to {last}, {small:.6g} to {large:.6g} sites",
        "central_charge": _reading(plateau["central_charge"]),
        **{
            f"dimension {k + 1}": _reading(x)
            for k, x in enumerate(plateau["dimensions"])
        },
    }


def _reading(reading: Mapping[str, float]) -> str:
    known = f"   exact {reading['exact']:.6g}" if "exact" in reading else ""
    value, scatter = reading["value"], reading["scatter"]
    return f"{value:.5f}   scatter over these steps {scatter:.2g}{known}"


def _fixed(value: float | None) -> str:
    return "-" if value is None else f"{value:.5f}"


def _draw(flow: Any, out: Path) -> None:
    from kadanoff.experiments.portrait import portrait
    from kadanoff.reports.figures import save_figure
    from kadanoff.reports.flow import draw

    save_figure(draw(portrait(flow)), out)
