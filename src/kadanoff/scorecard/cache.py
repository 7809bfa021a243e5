"""Rows of controls that were read before, kept in run directories.

A control is known by the configurations, the scale, the rows and the seed; one that
follows from the map itself also by what the map made of them. Estimates are kept with
their replicates, so that differences to the map keep their errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kadanoff.estimate import Estimate
from kadanoff.runs import Run
from kadanoff.scorecard.controls import OF_FINE
from kadanoff.scorecard.rows import Row
from kadanoff.scorecard.subject import Subject

__all__ = ["cached"]

STEP, VERSION = "control", 3
"""Raised where a control, or a row of one, changes its value."""

Rows = tuple[Row, ...]


def cached(
    root: Path | None,
    name: str,
    subject: Subject,
    wanted: Sequence[str],
    compute: Callable[[], Rows],
) -> Rows:
    """The rows of a control, from its run if it has one.

    Args:
        root: of run directories; nothing is kept where not given.
        name: of the control.
        subject: the map it belongs to.
        wanted: names of the rows.
        compute: reads them.

    Raises:
        ValueError: the directory cannot be written.
        RunBusy: another process reads the same control.
    """
    if root is None:
        return compute()
    run = Run.of(
        root,
        step=STEP,
        version=VERSION,
        settings={
            "control": name,
            "rows": list(wanted),
            "seed": subject.seed,
            "shapes": [level.grid.shape for level in subject.levels],
        },
        inputs=_inputs(name, subject),
    )
    with run.open() as held:
        if not held.done:
            held.finish({"rows": [_plain_row(row) for row in compute()]})
        return tuple(_row(known) for known in held.summary["rows"])


def _inputs(name: str, subject: Subject) -> Mapping[str, Any]:
    if name in OF_FINE:
        return {"fine": subject.fine}
    return {"fine": subject.fine, "coarse": subject.coarse}


def _plain_row(row: Row) -> dict[str, Any]:
    readings = [[name, _plain(value)] for name, value in row.readings.items()]
    return {"name": row.name, "readings": readings, "sentence": row.sentence}


def _plain(value: Any) -> Any:
    """Numbers as they are, estimates with all that they know."""
    if not isinstance(value, Estimate):
        return value
    replicates = {name: r.tolist() for name, r in value.replicates.items()}
    return {
        "value": value.value.tolist(),
        "replicates": replicates,
        "n_eff": value.n_eff,
    }


def _row(known: Mapping[str, Any]) -> Row:
    readings = {name: _value(value) for name, value in known["readings"]}
    return Row(known["name"], readings, known["sentence"])


def _value(known: Any) -> Any:
    if not isinstance(known, Mapping):
        return known
    replicates = {name: np.array(r) for name, r in known["replicates"].items()}
    return Estimate(np.array(known["value"]), replicates, known["n_eff"])
