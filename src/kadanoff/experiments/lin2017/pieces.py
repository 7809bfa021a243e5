"""Parts of an exhibit that are runs of their own: a killed exhibit goes on at the next.

A part is one training (all its starts at once), or one drawn sample with its fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kadanoff.experiments.exhibit import Work
from kadanoff.experiments.studies import complete
from kadanoff.runs import Run

__all__ = ["Piece", "readings"]


@dataclass(frozen=True)
class Piece:
    """A part and where its readings are kept.

    Attributes:
        step: what is done, one word of the run's name.
        settings: all that its readings depend on, the seed among them.
        find: the readings, JSON-ready.
        version: part of the run's name; raise it when readings change.
    """

    step: str
    settings: Mapping[str, Any]
    find: Callable[[], Mapping[str, Any]] = field(compare=False, repr=False)
    version: int = 1

    def run(self, root: Path) -> Run:
        """Where its readings are kept."""
        step = f"lin2017-{self.step}"
        return Run.of(root, step=step, version=self.version, settings=self.settings)


def readings(pieces: Sequence[Piece], work: Work, label: str) -> list[dict[str, Any]]:
    """The readings of all pieces in order; those of an earlier call are read.

    Args:
        pieces: of one exhibit.
        work: where, and who is told.
        label: of the progress.

    Raises:
        ValueError: a run that another process holds.
    """
    complete(
        pieces,
        lambda piece, _: piece.find(),
        runs=work.runs,
        progress=work.progress(label),
    )
    return [piece.run(work.runs).summary for piece in pieces]
