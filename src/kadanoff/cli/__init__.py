"""The command line: a thin skin, one module for each group of commands."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib import import_module

from kadanoff.cli.console import Parser

__all__ = ["main"]

# Each module has add(subparsers), which declares its commands and imports nothing
# heavy; what a command needs is imported when it runs.
MODULES = (
    "demo",
    "exact",
    "sample",
    "measure",
    "scaling",
    "train",
    "judge",
    "coarsen",
    "zoom",
    "flow",
    "exponents",
    "dimensions",
    "couplings",
    "renormalize",
    "probe",
    "compare",
    "relevance",
    "reproduce",
    "importing",
    "runs",
    "cite",
)


KEPT = "what was finished is kept, the same command goes on"
NEGATIVE = re.compile(r"-[.\d]")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        arguments = parser().parse_args(_attached(argv))
        return arguments.run(arguments) or 0
    except (KeyboardInterrupt, InterruptedError) as stop:
        said = stop.args and isinstance(stop, KeyboardInterrupt)
        sys.stderr.write(f"kadanoff: stopped; {stop if said else KEPT}\n")
        return 130
    except (ValueError, OSError) as problem:
        sys.stderr.write(f"kadanoff: {_one_sentence(problem)}{_way_in(problem)}\n")
        return 2
    except (MemoryError, RuntimeError) as problem:
        if not isinstance(problem, MemoryError) and "allocate" not in str(problem):
            raise  # torch has no error of its own for too little memory
        reason = _one_sentence(problem)
        sys.stderr.write(f"kadanoff: too little memory ({reason}); make it smaller\n")
        return 2


def parser() -> Parser:
    """The parser of all commands."""
    from kadanoff import __version__

    top = Parser(
        prog="kadanoff",
        description="Does a network renormalize? Numbers with error bars.",
    )
    top.add_argument("--version", action="version", version=f"kadanoff {__version__}")
    commands = top.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=Parser
    )
    for name in MODULES:
        import_module(f"kadanoff.cli.{name}").add(commands)
    return top


def _attached(argv: Sequence[str] | None) -> list[str]:
    """Arguments with negative values joined to their options.

    argparse takes `-1e-3` and `-1:2:4` for options of their own.
    """
    joined: list[str] = []
    for word in sys.argv[1:] if argv is None else argv:
        if joined and joined[-1].startswith("--") and NEGATIVE.match(word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _way_in(problem: Exception) -> str:
    """How to say what a file of another program does not say of itself."""
    if type(problem).__name__ != "ForeignError":  # its module is heavy to load
        return ""
    return " (kadanoff import FILE takes --chains, --shape, --alphabet and --dataset)"


def _one_sentence(problem: Exception) -> str:
    if isinstance(problem, OSError) and problem.strerror:
        where = f" ({problem.filename})" if problem.filename else ""
        return f"{problem.strerror}{where}"
    return " ".join(str(problem).split())
