"""`kadanoff exact`: what is known on paper."""

from __future__ import annotations

import argparse
import math
from typing import Any

from kadanoff.cli.console import add_json, emit

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("exact", help="exact results of a finite torus")
    parser.add_argument("model", choices=["ising"], help="the Hamiltonian")
    parser.add_argument(
        "--shape", type=int, nargs=2, required=True, metavar="SIDE", help="two sides"
    )
    parser.add_argument("--coupling", type=float, required=True, help="K = J/(k_B T)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Kaufman's solution: ln Z (total), energy and heat capacity per site."""
    from kadanoff.exact.kaufman import torus

    if not math.isfinite(arguments.coupling):
        raise ValueError(
            f"the coupling must be a finite number, got {arguments.coupling}; "
            "infinite temperature is 0"
        )
    solution = torus(tuple(arguments.shape), arguments.coupling)
    emit(
        {
            "log_partition": solution.log_partition,
            "energy": solution.energy,
            "heat_capacity": solution.heat_capacity,
        },
        as_json=arguments.json,
    )
