"""`kadanoff probe`: the scorecard of one coarse-graining."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kadanoff.cli.console import add_json, add_runs, add_seed, emit, progress_bars
from kadanoff.cli.rules import add_rules, rules_of

__all__ = ["add"]

NONE = "none"


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("probe", help="the scorecard of a rule, or of a pair")
    parser.add_argument("file", type=Path, help="fine configurations")
    parser.add_argument("coarse", type=Path, nargs="?", help="coarse ones, in order")
    add_rules(parser, required=False)
    parser.add_argument(
        "--rows",
        nargs="+",
        default="all",
        metavar="ROW",
        help="rows to read: locality, covariance, …; quick for those that train "
        "nothing (all)",
    )
    parser.add_argument(
        "--controls",
        nargs="+",
        default="all",
        metavar="CONTROL",
        help="controls to set beside: block, positive, …, or none (all)",
    )
    add_seed(parser)
    add_runs(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print the scorecard."""
    if (arguments.coarse is None) == (arguments.rule is None):
        raise ValueError(
            "a probe needs either --rule or a second file of coarse configurations; "
            "give one of them"
        )
    with progress_bars() as told:
        card = _card(arguments, told)
    if arguments.json:
        emit(card.as_dict(), as_json=True)
    else:
        print(card)


def _card(arguments: argparse.Namespace, told: Any) -> Any:
    from kadanoff.foreign import open_foreign
    from kadanoff.scorecard.card import probe, probe_pair
    from kadanoff.scorecard.rows import QUICK

    wanted = {
        "seed": arguments.seed,
        "rows": QUICK if arguments.rows == ["quick"] else _names(arguments.rows),
        "controls": () if arguments.controls == [NONE] else _names(arguments.controls),
        "progress": told,
        "runs": arguments.runs,
    }
    fine = open_foreign(arguments.file)
    if arguments.coarse:
        return probe_pair(fine, open_foreign(arguments.coarse), **wanted)
    from kadanoff.coarse.grammar import parse_rule

    return probe([parse_rule(rule) for rule in rules_of(arguments)], fine, **wanted)


def _names(given: list[str] | str) -> list[str] | str:
    """What was asked for, `all` as a word."""
    return "all" if given == ["all"] else given
