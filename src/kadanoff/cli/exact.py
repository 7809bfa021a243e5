"""`kadanoff exact`: what is known on paper, of a finite lattice or an infinite one."""

from __future__ import annotations

import argparse
import math
from typing import Any

from kadanoff.cli.console import add_json, emit
from kadanoff.cli.laws import add_model, model_of_arguments, parameters

__all__ = ["add"]

MODELS = ("ising", "potts", "phi4", "mean-field")


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("exact", help="exact results, finite or infinite")
    add_model(parser, MODELS, shape_required=False)
    parser.add_argument(
        "--coupling",
        type=float,
        help="K = J/(k_B T); not needed for the critical point of the Potts model",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """ln Z (total), energy and heat capacity per site; per site without a shape."""
    critical = arguments.model == "potts" and not arguments.shape
    if arguments.coupling is None and not critical:
        raise ValueError("an exact result needs --coupling, got none; give K")
    if arguments.coupling is not None and not math.isfinite(arguments.coupling):
        raise ValueError(
            f"the coupling must be a finite number, got {arguments.coupling}; "
            "infinite temperature is 0"
        )
    found = _finite(arguments) if arguments.shape else _infinite(arguments)
    if not found:
        raise ValueError(
            f"nothing exact is known of this {arguments.model} model (shape "
            f"{arguments.shape}, {parameters(arguments) or 'no parameters'}); sample it"
        )
    if not all(math.isfinite(value) for value in found.values()):
        raise ValueError(
            f"a coupling of {arguments.coupling} is beyond double precision here; give "
            "a smaller one"
        )
    emit(found, as_json=arguments.json)


def _finite(arguments: argparse.Namespace) -> dict[str, float]:
    from kadanoff.instruments.known import known

    return known(model_of_arguments(arguments), arguments.coupling)


def _infinite(arguments: argparse.Namespace) -> dict[str, float]:
    given, coupling = parameters(arguments), arguments.coupling
    lattice = given.pop("lattice", "square")
    if arguments.model == "ising" and lattice == "chain" and set(given) <= FIELDS:
        from kadanoff.exact import chain

        line = chain.line(coupling, **given)
        return {
            "log_partition_per_site": line.log_partition_per_site,
            "energy": line.energy,
            "heat_capacity": line.heat_capacity,
            "magnetization": line.magnetization,
            "correlation_length": chain.correlation_length(coupling, **given),
        }
    if arguments.model == "ising" and lattice in PLANAR and not given:
        return _plane(lattice, coupling)
    if arguments.model == "potts" and set(given) == {"q"}:
        from kadanoff.exact import potts

        return {"critical_coupling": potts.critical_coupling(given["q"], lattice)}
    return {}


FIELDS = {"field", "second"}
PLANAR = ("square", "triangular", "honeycomb")


def _plane(lattice: str, coupling: float) -> dict[str, float]:
    from kadanoff.exact import onsager, planar
    from kadanoff.exact.constants import K_C

    if lattice == "square":
        return {
            "log_partition_per_site": onsager.log_partition_per_site(coupling),
            "energy": onsager.energy(coupling),
            "heat_capacity": onsager.heat_capacity(coupling),
            "magnetization": onsager.spontaneous_magnetization(coupling),
            "critical_coupling": K_C,
        }
    return {
        "log_partition_per_site": planar.log_partition_per_site(lattice, coupling),
        "energy": planar.energy(lattice, coupling),
        "heat_capacity": planar.heat_capacity(lattice, coupling),
        "magnetization": planar.spontaneous_magnetization(lattice, coupling),
        "critical_coupling": planar.critical_coupling(lattice),
    }
