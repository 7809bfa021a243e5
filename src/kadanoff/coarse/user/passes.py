"""One pass through the code of a user: seeded, its input watched, its errors told.

Chance is found by comparing passes over the same batch: other numbers under the same
seeds of torch, NumPy and random mean chance that nobody can repeat; other numbers under
other seeds mean chance that the rule's generator decides. A last pass over half of the
batch shows whether configurations are mapped one by one.
"""

from __future__ import annotations

import random
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = [
    "CHANCES",
    "ArrayMap",
    "Refused",
    "compared",
    "encoded",
    "guarded",
    "numbers",
    "one_line",
    "seeded",
    "told",
]

CHANCES = ("none", "seeded", "unseeded")
"""No chance; chance that the seeds decide; chance that they do not. In this order."""
Pass = Callable[[np.ndarray, int], np.ndarray]
LONGEST = 300  # characters of somebody else's message
ROUNDING, FEW = 1e-3, 0.01  # of the largest value; of all values


class Refused(ValueError):
    """What the code of a user did that no rule may do: a sentence without subject."""


@dataclass(frozen=True)
class ArrayMap:
    """A function of NumPy arrays, `(n, *lattice)` to `(n, …)`, given a copy."""

    function: Callable[[np.ndarray], Any]
    encoding: str = "pm1"

    def __call__(self, values: np.ndarray, seed: int) -> np.ndarray:
        """Its output for `(n, *lattice)` values; Refused for what it must not do."""
        given = encoded(values, self.encoding).copy()
        kept = given.copy()
        with seeded(seed):
            out = guarded(lambda: numbers(self.function(given)))
        if not np.array_equal(given, kept):
            raise Refused(
                "changes its input in place; let it begin with a copy, values.copy()"
            )
        return out


def encoded(values: np.ndarray, encoding: str) -> np.ndarray:
    """±1 as they are, or as 0 and 1."""
    return values if encoding == "pm1" else (values + 1) // 2


def compared(apply: Pass, values: np.ndarray, seed: int) -> tuple[np.ndarray, str]:
    """The output of one pass, and the kind of chance that two more passes show.

    Raises:
        Refused: there is no chance, but one configuration's output depends on which
            others are in the batch: that is no law of coarse given fine.
    """
    out = apply(values, seed)
    if not _same(out, apply(values, seed)):
        return out, "unseeded"
    if not _same(out, apply(values, seed + 1)):
        return out, "seeded"
    _check_alone(out, apply(values[: (len(values) + 1) // 2], seed))
    return out, "none"


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def _check_alone(out: np.ndarray, part: np.ndarray) -> None:
    """Refused where the first half of a batch has another output without the rest.

    Sums of another batch size may be rounded differently; where that moves one value
    in a hundred, as in the sign of a sum that should be 0, it is refused too.
    """
    if out.ndim == 0 or out[: len(part)].shape != part.shape:
        return  # refused for its shape
    moved = np.abs(out[: len(part)] - part) > ROUNDING * np.abs(out).max(initial=0)
    if moved.mean() > FEW:
        raise Refused(
            "puts out for one configuration what depends on the others in its batch, "
            "or on rounding; let it use fixed statistics (batch norm: running ones)"
        )


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The global generators of random, NumPy and torch at `seed` inside the block.

    Afterwards they are where they were: they belong to the user.
    """
    state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    try:
        with _torch_seeded(seed):
            yield
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)  # noqa: NPY002


@contextmanager
def _torch_seeded(seed: int) -> Iterator[None]:
    torch = sys.modules.get("torch")  # code that has not loaded it draws nothing of it
    if torch is None:
        yield
        return
    cuda = torch.cuda
    devices = range(cuda.device_count()) if cuda.is_initialized() else ()
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def guarded(run: Callable[[], Any], file: str = "") -> Any:
    """What `run` gives; Refused, with the error in it, for what it raises."""
    try:
        return run()
    except Refused:
        raise
    except (Exception, SystemExit) as problem:
        raise Refused(f"raised {told(problem, file)}") from problem


def told(problem: BaseException, file: str = "") -> str:
    """An error as one line: its type, what it says, and the line of `file` it is of."""
    said = one_line(str(problem))
    frames = traceback.extract_tb(problem.__traceback__)
    lines = [frame.lineno for frame in frames if file and frame.filename == file]
    where = f" (line {lines[-1]} of the file)" if lines else ""
    return f"{type(problem).__name__}{': ' if said else ''}{said}{where}"


def one_line(text: str) -> str:
    """The text without breaks, and not too long."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def numbers(out: Any) -> np.ndarray:
    """The output as float32; Refused where it is not one array of real numbers."""
    if hasattr(out, "detach"):
        # NumPy has no bfloat16; whole numbers and truth values fit float32 as they are.
        out = out.detach().cpu() if out.is_complex() else out.detach().cpu().float()
        out = out.numpy()
    if not isinstance(out, np.ndarray):
        raise Refused(
            f"puts out a {type(out).__name__}, not one array or tensor (n, …); name a "
            "layer that has one, or wrap it in a function that returns one"
        )
    if out.dtype.kind not in "biuf":
        raise Refused(f"puts out values of type {out.dtype}; let it put out numbers")
    with np.errstate(over="ignore"):  # what overflows is infinite, and refused as such
        return np.asarray(out, dtype=np.float32, order="C")
