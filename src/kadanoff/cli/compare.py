"""`kadanoff compare`: scorecards of several maps, side by side."""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kadanoff.cli.console import add_json, add_seed, progress_bars
from kadanoff.cli.probe import add_outputs, add_rows, exact_of, outputs, show, wanted
from kadanoff.cli.rules import add_rules, rules_of

if TYPE_CHECKING:
    from kadanoff.reports.sheet import Sheet

__all__ = ["add"]

THEN = "|"


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("compare", help="scorecards of several maps together")
    parser.add_argument("file", type=Path, help="fine configurations")
    add_rules(parser, note="every map to compare; a stack is one of them: 'A | B'")
    add_rows(parser)
    add_outputs(parser)
    add_seed(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print one line of headlines for every map."""
    from kadanoff.coarse.grammar import parse_rule
    from kadanoff.foreign import open_foreign
    from kadanoff.scorecard.card import compare

    maps = _stacks(arguments)
    files = outputs(arguments, arguments.file)
    rules = [[parse_rule(rule) for rule in stack] for stack in maps]
    fine = open_foreign(arguments.file)
    with progress_bars() as told:
        shared: Any = {"seed": arguments.seed, "progress": told}
        found = compare(rules, fine, rows=wanted(arguments), **shared)
        sheet = _sheet(found, rules, fine, **shared) if files else None
    show(found, sheet, files, as_json=arguments.json)


def _sheet(found: Any, rules: Any, fine: Any, *, seed: int, progress: Any) -> Sheet:
    """The comparison with what is seen besides."""
    from kadanoff.scorecard.sheet import of_comparison, portraits_of

    seen = portraits_of(rules, fine, seed=seed, progress=progress)
    return of_comparison(found, seen, exact=exact_of(fine), seed=seed)


def _stacks(arguments: argparse.Namespace) -> list[list[str]]:
    """The rules of every map; options of a user's network go to those that are one."""
    cut = [[part.strip() for part in one.split(THEN)] for one in arguments.rule]
    empty = next((k for k, parts in enumerate(cut) if not all(parts)), None)
    if empty is not None:
        raise ValueError(
            f"a stack is rules with {THEN!r} between them, got "
            f"{arguments.rule[empty]!r}; write for example 'rbm:MODEL {THEN} arrange'"
        )
    flat = argparse.Namespace(**{**vars(arguments), "rule": [*itertools.chain(*cut)]})
    rules = iter(rules_of(flat))
    return [[*itertools.islice(rules, len(parts))] for parts in cut]
