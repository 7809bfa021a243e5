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
from dataclasses import dataclass
from typing import Any

from kadanoff.coarse.arrange import Arrange
from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.grammar import ARRANGE, fitted
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, scale_factor
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import subseed
from kadanoff.scorecard.rows import (
    Row,
    coverage_row,
    exponent_row,
    locality_row,
    temperature_row,
)

__all__ = ["Scorecard", "probe", "probe_pair"]

SMALLEST_SIDE = 8


@dataclass(frozen=True)
class Scorecard:
    """The rows of one map, and the same rows of the control.

    Attributes:
        rule: the map in words.
        configurations: how many were read.
        rows: one reading and one sentence each.
        control: rows of majority on the same chains; empty where the scale of the map
            is not a whole number, or the map is majority.
    """

    rule: str
    configurations: int
    rows: tuple[Row, ...]
    control: tuple[Row, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: estimates as value, error and n_eff."""
        return {
            "rule": self.rule,
            "configurations": self.configurations,
            "rows": {row.name: row.as_dict() for row in self.rows},
            "majority": {row.name: row.as_dict() for row in self.control},
        }

    def __str__(self) -> str:
        lines = [f"{self.rule}, read on {self.configurations} configurations"]
        beside = {row.name: row for row in self.control}
        for row in self.rows:
            lines.append(f"\n{row.name}: {row.sentence}")
            control = beside[row.name].readings if row.name in beside else {}
            for name, value in row.readings.items():
                against = f"   majority {control[name]}" if name in control else ""
                lines.append(f"    {name:<28} {value}{against}")
        return "\n".join(lines)


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
    names = {str(stack), str(Majority(2))}
    control = _majority_levels(levels, seed) if len(names) > 1 else []
    placed = next((r for r in stack.rules if isinstance(r, Arrange)), None)
    return Scorecard(
        rule=str(stack),
        configurations=read.size,
        rows=(*_coverage(placed), *_rows(levels)),
        control=_rows(control) if control else (),
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
    control = _majority_levels(levels, seed)
    return Scorecard(
        rule="a pair of files",
        configurations=fine.size,
        rows=_rows(levels),
        control=_rows(control) if control else (),
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
    fit, read = ensemble.split(1, 3)
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
    try:
        stack.alphabet(level.alphabet)
        coarser = stack.coarse(level.geometry)
    except ValueError:
        return False
    smaller = coarser.size < math.prod(level.geometry.lattice)
    return isinstance(coarser, Grid) and smaller and min(coarser.shape) >= SMALLEST_SIDE


def _majority_levels(levels: list[Ensemble], seed: int) -> list[Ensemble]:
    """Majority at the same scales on the same chains, where that is possible."""
    control = [levels[0]]
    for before, after in itertools.pairwise(levels):
        b = scale_factor(before.grid, after.grid)
        if control[0].alphabet != "pm1" or round(b) < 2 or abs(b - round(b)) > 1e-9:
            return []
        majority = Majority(b=round(b))
        control.append(
            coarsen(majority, control[-1], seed=subseed(seed, "control", len(control)))
        )
    return control


def _rows(levels: list[Ensemble]) -> tuple[Row, ...]:
    fine, coarse = levels[0], levels[1]
    return (
        locality_row(fine, coarse),
        temperature_row(levels),
        exponent_row(levels),
    )


def _coverage(placed: Arrange | None) -> tuple[Row, ...]:
    return () if placed is None else (coverage_row(placed.cost, placed.width),)


def _on_grid_of(fine: Ensemble, coarse: Ensemble) -> Ensemble:
    """The coarse file with the lineage and the distances of the fine one."""
    shape = coarse.grid.shape
    b = fine.grid.shape[0] // shape[0]
    grid = fine.grid.coarsened(b) if b > 1 else fine.grid
    if grid.shape != shape:
        raise ValueError(
            f"the coarse lattice must be the fine one divided by a whole number, got "
            f"{fine.grid.shape} and {shape}"
        )
    return Ensemble(
        coarse.data, grid, coarse.alphabet, fine.lineage, tau=fine.tau,
        history=coarse.history,
    )  # fmt: skip
