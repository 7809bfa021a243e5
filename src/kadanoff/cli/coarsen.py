"""`kadanoff coarsen`: the same chains and draws, one or more levels up."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kadanoff.cli.console import add_json, add_seed, emit, writable
from kadanoff.cli.rules import add_rules, rules_of, stack_and_chains

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("coarsen", help="apply a rule, or a stack of rules")
    parser.add_argument("file", type=Path, help="configurations")
    add_rules(parser)
    parser.add_argument("--out", type=Path, required=True, help="file to write (.nc)")
    add_seed(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Coarsen and write."""
    from kadanoff.coarse.coarsen import coarsen
    from kadanoff.storage import save

    out = writable(arguments.out, arguments.file)
    stack, ensemble = stack_and_chains(
        rules_of(arguments), arguments.file, arguments.seed
    )
    coarse = coarsen(stack, ensemble, seed=arguments.seed)
    save(coarse, out)
    emit(
        {
            "file": out,
            "rule": str(stack),
            "configurations": coarse.size,
            "lattice": list(coarse.geometry.lattice),
            "alphabet": coarse.alphabet,
        },
        as_json=arguments.json,
    )
