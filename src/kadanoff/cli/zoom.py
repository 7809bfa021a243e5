"""`kadanoff zoom`: one configuration, level by level, as a picture."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kadanoff.cli.console import add_json, add_seed, emit, writable
from kadanoff.cli.rules import add_rules, rules_of, stack_and_chains

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("zoom", help="draw configurations level by level")
    parser.add_argument("file", type=Path, help="configurations")
    add_rules(parser)
    parser.add_argument("--rows", type=int, default=3, help="configurations shown (3)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("zoom.svg"),
        help="picture (.svg, .png, .pdf) or film (.gif)",
    )
    add_seed(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Draw the strip."""
    from kadanoff.reports.figures import save_figure
    from kadanoff.reports.zoom import film, save_film, strip

    out = writable(arguments.out, arguments.file)
    stack, ensemble = stack_and_chains(
        rules_of(arguments), arguments.file, arguments.seed
    )
    levels = list(stack.levels(ensemble, seed=arguments.seed))
    if out.suffix.lower() == ".gif":
        save_film(film(levels, rows=arguments.rows), out)
    else:
        save_figure(strip(levels, rows=arguments.rows), out)
    emit(
        {
            "file": out,
            "rule": str(stack),
            "levels": len(levels),
            "rows": min(arguments.rows, ensemble.chains),
        },
        as_json=arguments.json,
    )
