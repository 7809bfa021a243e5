"""`kadanoff import`: configurations from some other program."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kadanoff.cli.console import add_json, emit, writable

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "import", help="bring in .npy, .npz, HDF5 or text configurations"
    )
    parser.add_argument("file", type=Path, help="the foreign file")
    parser.add_argument(
        "--chains", type=int, help="independent chains in it, one after another (1)"
    )
    parser.add_argument("--dataset", help="name of the array inside the file")
    parser.add_argument(
        "--alphabet",
        default="pm1",
        help="pm1, 01 (becomes ±1), potts:q, angle or real (pm1)",
    )
    parser.add_argument(
        "--shape", type=int, nargs="+", metavar="SIDE", help="sides, for flat rows"
    )
    parser.add_argument(
        "--model", choices=["ising", "potts", "xy"], help="the law, where it is known"
    )
    parser.add_argument("--coupling", type=float, help="its coupling K")
    parser.add_argument("--out", type=Path, required=True, help="file to write (.nc)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Read, check, and write in the package's own format."""
    from kadanoff.foreign import open_foreign
    from kadanoff.storage import save

    out = writable(arguments.out, arguments.file)
    ensemble = open_foreign(
        arguments.file,
        chains=arguments.chains,
        alphabet=arguments.alphabet,
        dataset=arguments.dataset,
        shape=tuple(arguments.shape) if arguments.shape else None,
        model=arguments.model,
        coupling=arguments.coupling,
    )
    save(ensemble, out)
    known = "known" if ensemble.model else "missing: name --model and --coupling"
    emit(
        {
            "file": out,
            "configurations": ensemble.size,
            "chains": ensemble.chains,
            "lattice": list(ensemble.geometry.lattice),
            "alphabet": ensemble.alphabet,
            "tau": ensemble.tau,
            "exact_values": known,
        },
        as_json=arguments.json,
    )
