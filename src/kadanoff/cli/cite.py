"""`kadanoff cite`: the references of the methods used."""

from __future__ import annotations

import argparse
from typing import Any

from kadanoff.cli.console import add_json, emit

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("cite", help="references of the methods used")
    parser.add_argument("methods", nargs="*", help="names; all of them if none given")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print references by name."""
    from kadanoff.citations import REFERENCES, cite

    names = arguments.methods or sorted(REFERENCES)
    emit({name: cite(name) for name in names}, as_json=arguments.json)
