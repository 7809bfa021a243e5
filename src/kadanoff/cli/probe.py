"""`kadanoff probe`: the scorecard of one coarse-graining."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kadanoff.cli.coarsen import RULE_HELP
from kadanoff.cli.console import add_json, add_seed, emit

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("probe", help="the scorecard of a rule, or of a pair")
    parser.add_argument("file", type=Path, help="fine configurations")
    parser.add_argument("coarse", type=Path, nargs="?", help="coarse ones, in order")
    parser.add_argument(
        "--rule", action="append", metavar="RULE", help=f"{RULE_HELP}; repeat: a stack"
    )
    add_seed(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print the scorecard."""
    if (arguments.coarse is None) == (arguments.rule is None):
        raise ValueError(
            "a probe needs either --rule or a second file of coarse configurations; "
            "give one of them"
        )
    card = _pair(arguments) if arguments.coarse else _rule(arguments)
    if arguments.json:
        emit(card.as_dict(), as_json=True)
    else:
        print(card)


def _rule(arguments: argparse.Namespace) -> Any:
    from kadanoff.coarse.grammar import parse_rule
    from kadanoff.foreign import open_foreign
    from kadanoff.scorecard.card import probe

    rules = [parse_rule(rule) for rule in arguments.rule]
    return probe(rules, open_foreign(arguments.file), seed=arguments.seed)


def _pair(arguments: argparse.Namespace) -> Any:
    from kadanoff.foreign import open_foreign
    from kadanoff.scorecard.card import probe_pair

    fine, coarse = open_foreign(arguments.file), open_foreign(arguments.coarse)
    return probe_pair(fine, coarse, seed=arguments.seed)
