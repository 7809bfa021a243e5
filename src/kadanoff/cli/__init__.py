"""The command line: a thin skin, one module for each group of commands."""

from __future__ import annotations

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
    "train",
    "coarsen",
    "zoom",
    "probe",
    "importing",
    "runs",
    "cite",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        arguments = parser().parse_args(argv)
        return arguments.run(arguments) or 0
    except (ValueError, OSError) as problem:
        sys.stderr.write(f"kadanoff: {_one_sentence(problem)}\n")
        return 2
    except (MemoryError, RuntimeError) as problem:
        if not isinstance(problem, MemoryError) and "allocate" not in str(problem):
            raise  # torch has no error of its own for too little memory
        reason = _one_sentence(problem)
        sys.stderr.write(f"kadanoff: too little memory ({reason}); make it smaller\n")
        return 2
    except (KeyboardInterrupt, InterruptedError):
        sys.stderr.write(
            "kadanoff: stopped; what was finished is kept, the same command goes on\n"
        )
        return 130


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


def _one_sentence(problem: Exception) -> str:
    if isinstance(problem, OSError) and problem.strerror:
        where = f" ({problem.filename})" if problem.filename else ""
        return f"{problem.strerror}{where}"
    return " ".join(str(problem).split())
