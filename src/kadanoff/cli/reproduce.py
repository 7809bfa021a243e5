"""`kadanoff reproduce`: a paper's claims, figure by figure."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kadanoff.cli.console import (
    add_json,
    add_runs,
    add_seed,
    emit,
    progress_bars,
    writable,
)
from kadanoff.experiments.papers import PAPERS

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    listed = "; ".join(f"{name}: {what}" for name, what in PAPERS.items())
    parser = commands.add_parser(
        "reproduce",
        help="a paper's claims, figure by figure, on one page",
        description=f"Compute what a paper claims and judge it. {listed}.",
    )
    parser.add_argument("paper", choices=tuple(PAPERS), help="which one")
    parser.add_argument(
        "exhibits", nargs="*", help="names such as fig_5; all of them if none is given"
    )
    parser.add_argument(
        "--full", action="store_true", help="at the paper's sizes, which takes long"
    )
    parser.add_argument(
        "--device", default="cpu", help="of networks: cpu, cuda or cuda:N (cpu)"
    )
    parser.add_argument(
        "--table", type=Path, metavar="FILE.md", help="also the verdicts in Markdown"
    )
    add_seed(parser)
    add_runs(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Compute the exhibits, write the page and print every verdict."""
    from kadanoff.experiments.papers import paper_of
    from kadanoff.experiments.reproduce import reproduce, verdicts, write_report
    from kadanoff.files import replacing
    from kadanoff.networks.device import check_device

    table = None if arguments.table is None else writable(arguments.table)
    device = check_device(arguments.device)
    with progress_bars() as tell:
        done = reproduce(
            paper_of(arguments.paper),
            only=arguments.exhibits,
            full=arguments.full,
            seed=arguments.seed,
            runs=arguments.runs,
            device=device,
            tell=tell,
        )
    size = "full" if arguments.full else "fast"
    names = "-".join([arguments.paper, *arguments.exhibits, size])
    path = arguments.runs / f"{names}-seed-{arguments.seed}.html"
    write_report(done, path)
    if table is not None:
        with replacing(table) as temporary:
            temporary.write_text(verdicts(done), encoding="utf-8")
    first = done.first_page
    sentences = [] if first is None else list(first.sentences)
    if arguments.json:
        emit(
            {
                "findings": sentences,
                "checks": {
                    name: [_plain(check) for check in checks]
                    for name, checks in done.checks.items()
                },
                "seconds": dict(done.seconds),
                "report": path,
            },
            as_json=True,
        )
        return
    for number, sentence in enumerate(sentences, 1):
        print(f"{number}. {sentence}")
    for name, checks in done.checks.items():
        for check in checks:
            print(f"\n{name}: {check.claim}\n  paper: {check.paper}")
            print(f"  here:  {check.ours}\n  {check.status}: {check.reason}")
    print(f"\nThe report: {path}; open it in a browser.")


def _plain(check: Any) -> dict[str, str]:
    names = ("claim", "paper", "ours", "status", "reason")
    return {name: str(getattr(check, name)) for name in names}
