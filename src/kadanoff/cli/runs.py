"""`kadanoff runs`: what has been computed, and what is unfinished."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from kadanoff.cli.console import add_json, add_runs, emit

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("runs", help="list run directories")
    add_runs(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """A line for each run."""
    from kadanoff.runs import list_runs

    if arguments.runs.exists() and not arguments.runs.is_dir():
        raise ValueError(f"the root of runs is a folder, {arguments.runs} is a file")
    found = list_runs(arguments.runs)
    if arguments.json:
        emit({"runs": [asdict(info) for info in found]}, as_json=True)
        return
    for info in found:
        state = info.problem or ("done" if info.done else "unfinished")
        print(f"{info.path.name:<28} {state:<12} {info.size / 2**20:8.1f} MiB")
    if not found:
        print(f"no runs under {arguments.runs}")
