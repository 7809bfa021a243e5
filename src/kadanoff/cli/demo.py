"""`kadanoff demo`: from nothing to a report that compares rules with networks."""

from __future__ import annotations

import argparse
import time
from typing import Any

from kadanoff.cli.console import add_json, add_runs, add_seed, emit, progress_bars

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "demo", help="zoom out a magnet by block spins and by networks, read both"
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny lattices, to see that it runs"
    )
    add_seed(parser)
    add_runs(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Run the demo and say where the report is."""
    from kadanoff.experiments.demo.report import report
    from kadanoff.experiments.demo.settings import FULL, QUICK

    started = time.monotonic()
    with progress_bars() as stage:
        findings, path = report(
            QUICK if arguments.quick else FULL, arguments.seed, arguments.runs, stage
        )
    result = {
        "findings": findings,
        "report": path,
        "seconds": round(time.monotonic() - started, 1),
    }
    if arguments.json:
        emit(result, as_json=True)
        return
    for number, sentence in enumerate(findings, 1):
        print(f"{number}. {sentence}")
    print(f"\nThe report: {path} ({result['seconds']} s); open it in a browser.")
