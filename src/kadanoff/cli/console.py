"""What every command shares: one object or one table out, progress and errors aside.

Standard output carries the result and nothing else (with `--json` one object);
progress and errors go to standard error. Exit codes: 0, 2 for bad input, 130 after
Ctrl-C, 1 for a failure nobody foresaw.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Lock
from typing import Any, NoReturn

__all__ = [
    "Parser",
    "add_json",
    "add_runs",
    "add_seed",
    "emit",
    "progress_bar",
    "progress_bars",
    "writable",
]


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one sentence and exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Print the sentence and leave."""
        sys.stderr.write(f"kadanoff: {_with_suggestion(message)}\n")
        sys.exit(2)


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`: one object on standard output."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_seed(parser: argparse.ArgumentParser) -> None:
    """`--seed`, for every command that draws."""
    parser.add_argument("--seed", type=int, default=0, help="one seed makes a run (0)")


def add_runs(parser: argparse.ArgumentParser) -> None:
    """`--runs`, for every command that makes a run."""
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="root of run directories (runs)"
    )


def emit(result: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a result: an object, or a line for every entry."""
    if as_json:
        json.dump(_plain(result), sys.stdout, allow_nan=False)
        sys.stdout.write("\n")
        return
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False, markup=False)
    for name, value in result.items():
        console.print(f"{name:<22} {_line(value)}")


def beside(reading: Any, exact: float, *, as_json: bool) -> Any:
    """An estimate with the exact value at its side, for `emit`."""
    if as_json:
        return {**reading.as_dict(), "exact": exact}
    return f"{reading}   exact {exact:.10g}"


def writable(path: Path, *inputs: Path) -> Path:
    """`path`, if a file can be written there and it is none of the inputs.

    Raises:
        ValueError: its folder does not exist or cannot be written, or something other
            than a plain file, or an input, is there.
    """
    if path.exists() and not path.is_file():
        raise ValueError(
            f"an output is a file, and {path} is something else; name a new file"
        )
    if any(path.exists() and path.samefile(i) for i in inputs if i.exists()):
        raise ValueError(f"{path} is the input; name another file for the output")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"the folder of {path} does not exist; make it first")
    try:
        with NamedTemporaryFile(dir=path.absolute().parent, prefix=".kadanoff-"):
            return path
    except OSError as problem:
        raise ValueError(
            f"the folder of {path} cannot be written ({problem.strerror}); choose "
            "another"
        ) from problem


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int, int], None]]:
    """Bars on standard error, one for each label; the callback is (label, done, total).

    Nothing is shown before the first report, so that a refusal stays one sentence.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    bars = Progress(
        TextColumn("{task.description:<34}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    tasks: dict[str, Any] = {}
    lock = Lock()

    def report(label: str, done: int, total: int) -> None:
        with lock:
            if not tasks:
                bars.start()
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=total)
            bars.update(tasks[label], completed=done, total=total)

    try:
        yield report
    finally:
        if tasks:
            bars.stop()


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """One bar on standard error; the yielded callback takes (done, total)."""
    with progress_bars() as report:
        yield lambda done, total: report(label, done, total)


def _with_suggestion(message: str) -> str:
    """argparse lists the choices; say which one was probably meant."""
    if "invalid choice" not in message:
        return message
    wrong = message.split("invalid choice: ")[1].split(" (")[0].strip("'\"")
    listed = message.split("choose from ")[-1].rstrip(")")
    choices = [choice.strip(" '\"") for choice in listed.split(",")]
    close = difflib.get_close_matches(wrong, choices, n=1)
    hint = (
        f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(choices)}"
    )
    return f"{message.split(':')[0]}: {wrong!r} is unknown; {hint}"


def _plain(value: Any) -> Any:
    """JSON-ready: estimates become objects, arrays lists, what is not finite null."""
    if hasattr(value, "as_dict"):
        return _plain(value.as_dict())
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and value - value != 0:
        return None
    return str(value) if isinstance(value, Path) else value


def _line(value: Any) -> str:
    if isinstance(value, Mapping):
        return "  ".join(f"{k} {_line(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_line, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)
