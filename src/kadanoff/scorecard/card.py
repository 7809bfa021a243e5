"""The scorecard: one map, one ensemble, every reading, and majority beside it.

A map that gives unordered units is followed by `arrange`, fitted on a quarter of the
chains that is not read afterwards. A map that fits its own output is applied again
until the coarse lattice has side 8, because an exponent is a statement about repeated
steps. There is no verdict number: each row is a reading and a sentence.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from kadanoff.coarse.arrange import Arrange
from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.grammar import ARRANGE, fit_and_read, fitted
from kadanoff.coarse.layer import Layer
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import share_chains
from kadanoff.geometry import Grid, scale_factor
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import subseed
from kadanoff.scorecard.rows import (
    Row,
    above_row,
    coverage_row,
    exponent_row,
    locality_row,
    temperature_row,
)

__all__ = ["Scorecard", "probe", "probe_pair"]

SMALLEST_SIDE = 8
SEED_ABOVE = 0  # of the ties of the majority on both sides of a one-step map


@dataclass(frozen=True)
class Scorecard:
    """The rows of one map, and the same rows of the control.

    Attributes:
        rule: the map in words.
        configurations: how many were read.
        rows: one reading and one sentence each.
        control: rows of majority on the same chains; empty where the scale of the map
            is not a whole number, or the map is majority.
        remark: what must be known before the rows are believed; mostly empty.
    """

    rule: str
    configurations: int
    rows: tuple[Row, ...]
    control: tuple[Row, ...]
    remark: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: estimates as value, error and n_eff."""
        return {
            "rule": self.rule,
            "configurations": self.configurations,
            "remark": self.remark,
            "rows": {row.name: row.as_dict() for row in self.rows},
            "majority": {row.name: row.as_dict() for row in self.control},
        }

    def __str__(self) -> str:
        lines = [f"{self.rule}, read on {self.configurations} configurations"]
        lines += [f"\nNote: {self.remark}."] if self.remark else []
        beside = {row.name: row for row in self.control}
        for row in self.rows:
            lines.append(f"\n{row.name}: {row.sentence}")
            control = beside[row.name].readings if row.name in beside else {}
            for name, value in row.readings.items():
                against = (
                    f"   majority {_text(control[name])}" if name in control else ""
                )
                lines.append(f"    {name:<28} {_text(value)}{against}")
        return "\n".join(lines)


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def probe(
    rule: CoarseGraining | Sequence[CoarseGraining | str],
    ensemble: Ensemble,
    *,
    seed: int = 0,
) -> Scorecard:
    """The scorecard of a rule, or of a stack of rules, on an ensemble.

    Args:
        rule: a coarse-graining, or several, `arrange` by its name.
        ensemble: configurations on a grid.
        seed: draws what the rule leaves to chance.

    Raises:
        ValueError: the rule does not fit the ensemble, or there are too few chains.
    """
    rules = [*rule] if isinstance(rule, Sequence) else [rule]
    stack, read = _stack(rules, ensemble, seed)
    levels = _levels(stack, read, seed)
    placed = next((r for r in stack.rules if isinstance(r, Arrange)), None)
    return Scorecard(
        rule=str(stack),
        configurations=read.size,
        rows=(*_coverage(placed), *_rows(levels)),
        control=() if str(stack) == str(Majority(2)) else _control(levels, seed),
        remark=_remark(stack.rules, read),
    )


def probe_pair(fine: Ensemble, coarse: Ensemble, *, seed: int = 0) -> Scorecard:
    """The scorecard of a map known only by what it did: same chains, same draws.

    Raises:
        ValueError: another number of chains or draws, or unordered coarse units.
    """
    if fine.data.shape[:2] != coarse.data.shape[:2]:
        raise ValueError(
            "a pair needs the same chains and draws in the same order, got "
            f"{fine.chains} × {fine.draws} and {coarse.chains} × {coarse.draws}"
        )
    levels = [fine, _on_grid_of(fine, coarse)]
    return Scorecard(
        rule="a pair of files",
        configurations=fine.size,
        rows=_rows(levels),
        control=_control(levels, seed),
    )


def _stack(
    rules: Sequence[CoarseGraining | str], ensemble: Ensemble, seed: int
) -> tuple[Stack, Ensemble]:
    """The stack, arranged where its output has no positions, and the chains to read."""
    if ARRANGE not in rules:
        stack = fitted(rules, ensemble)
        if isinstance(stack.coarse(ensemble.geometry), Grid):
            return stack, ensemble
        rules = [*rules, ARRANGE]
    fit, read = fit_and_read(ensemble)
    return fitted(rules, fit, seed=subseed(seed, "fit")), read


def _levels(stack: Stack, fine: Ensemble, seed: int) -> list[Ensemble]:
    """The map applied as often as it fits, down to side 8."""
    levels = [fine]
    while True:
        step = len(levels)
        levels.append(coarsen(stack, levels[-1], seed=subseed(seed, "probe", step)))
        if not _fits_again(stack, levels[-1]):
            return levels


def _fits_again(stack: Stack, level: Ensemble) -> bool:
    if not _fits(stack, level):
        return False
    coarser = stack.coarse(level.geometry)
    smaller = math.prod(coarser.lattice) < math.prod(level.geometry.lattice)
    return isinstance(coarser, Grid) and smaller and min(coarser.shape) >= SMALLEST_SIDE


def _fits(rule: CoarseGraining, level: Ensemble) -> bool:
    try:
        rule.alphabet(level.alphabet)
        rule.coarse(level.geometry)
    except ValueError:
        return False
    return True


def _control(levels: list[Ensemble], seed: int) -> tuple[Row, ...]:
    """Rows of majority at the same scales on the same chains; none where it cannot."""
    control = [levels[0]]
    for before, after in itertools.pairwise(levels):
        b = scale_factor(before.grid, after.grid)
        if control[0].alphabet != "pm1" or round(b) < 2 or abs(b - round(b)) > 1e-9:
            return ()
        coins = subseed(seed, "control", len(control))
        control.append(coarsen(Majority(b=round(b)), control[-1], seed=coins))
    return _rows(control)


def _rows(levels: list[Ensemble]) -> tuple[Row, ...]:
    fine, coarse = levels[0], levels[1]
    rows = (
        locality_row(fine, coarse),
        temperature_row(levels),
        exponent_row(levels),
    )
    if len(levels) > 2 or not _fits(Majority(2), coarse):
        return rows
    # One step shows no convergence: the same map two blocks further up.
    above = [coarsen(Majority(2), level, seed=SEED_ABOVE) for level in levels]
    return (*rows, above_row(above))


def _coverage(placed: Arrange | None) -> tuple[Row, ...]:
    return () if placed is None else (coverage_row(placed.cost, placed.width),)


def _on_grid_of(fine: Ensemble, coarse: Ensemble) -> Ensemble:
    """The coarse file with the lineage and the distances of the fine one."""
    if coarse.lineage != fine.lineage and _is_ours(fine) and _is_ours(coarse):
        raise ValueError(
            "a pair needs the same chains in both files, got those of "
            f"{fine.lineage} and of {coarse.lineage}"
        )
    shape = coarse.grid.shape
    b = fine.grid.shape[0] // shape[0]
    grid = fine.grid.coarsened(b) if b > 1 else fine.grid
    if grid.shape != shape:
        raise ValueError(
            f"the coarse lattice must be the fine one divided by a whole number, got "
            f"{fine.grid.shape} and {shape}"
        )
    return replace(coarse, geometry=grid, lineage=fine.lineage, tau=fine.tau)


def _is_ours(ensemble: Ensemble) -> bool:
    """Whether the lineage names chains, and not just the content of a foreign file."""
    return any(note.get("step") == "sample" for note in ensemble.history)


def _remark(rules: Sequence[CoarseGraining], read: Ensemble) -> str:
    """What a reader must know before believing the rows."""
    layers = [rule for rule in rules if isinstance(rule, Layer)]
    trained_on = [layer.network.notes.get("lineage", "") for layer in layers]
    if any(share_chains(lineage, read.lineage) for lineage in trained_on if lineage):
        return (
            "the network was trained on some of the chains that are read here; sample "
            "others to judge it by"
        )
    return ""
