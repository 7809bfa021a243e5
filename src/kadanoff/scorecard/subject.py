"""What a scorecard reads: configurations, and what a map made of them, level by level.

A map that gives unordered units is followed by `arrange`, fitted on a quarter of the
chains that is not read afterwards. A map that fits its own output is applied again
until the coarse lattice has side 8, because an exponent is a statement about repeated
steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kadanoff.coarse.arrange import Arrange
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.grammar import ARRANGE, fit_and_read, fitted, parse_rule
from kadanoff.coarse.handed_over import as_rule
from kadanoff.coarse.layer import Layer
from kadanoff.coarse.stack import Stack
from kadanoff.coarse.user.rule import UserRule
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import share_chains
from kadanoff.geometry import Grid, scale_factor
from kadanoff.networks.machine import Machine
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import subseed
from kadanoff.sweep import Sweep

__all__ = [
    "Map",
    "Subject",
    "fits",
    "halves",
    "of_pair",
    "of_rule",
    "of_sweep",
    "seen_in_training",
]

SMALLEST_SIDE = 8
Map = CoarseGraining | str | Sequence[CoarseGraining | str]
"""A rule, its text, or several of them, which are a stack."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A map on an ensemble, as far as it is known.

    Attributes:
        name: of the map, in words.
        levels: the configurations that are read and what the map made of them, once or
            again and again; all of the same chains and draws.
        rule: the map itself, fitted; None where only its output is known.
        seed: of what readings leave to chance.
    """

    name: str
    levels: tuple[Ensemble, ...]
    rule: Stack | None = None
    seed: int = 0

    @property
    def fine(self) -> Ensemble:
        """The configurations."""
        return self.levels[0]

    @property
    def coarse(self) -> Ensemble:
        """What one application of the map made of them."""
        return self.levels[1]

    @property
    def placed(self) -> Arrange | None:
        """How unordered units were put on a grid, where they were."""
        rules = () if self.rule is None else self.rule.rules
        return next((rule for rule in rules if isinstance(rule, Arrange)), None)

    @property
    def layer(self) -> Layer | None:
        """The layer of a machine of ours that the map begins with, where it does."""
        first = None if self.rule is None else self.rule.rules[0]
        return first if isinstance(first, Layer) else None

    @property
    def b(self) -> float:
        """Change of scale of one application."""
        return scale_factor(self.fine.grid, self.coarse.grid)

    def of_map(self, m: int) -> Subject:
        """One feature map as a subject; it cannot be applied again."""
        level = self.coarse
        note = {"step": "feature map", "map": m}
        one = level.derived(level.values[:, :, m], level.grid, level.alphabet, note)
        return replace(
            self, name=f"{self.name}, map {m}", levels=(self.fine, one), rule=None
        )


def of_rule(rule: Map, ensemble: Ensemble, *, seed: int) -> Subject:
    """A rule, or a stack of rules, on chains on which nothing is fitted.

    Raises:
        ValueError: an unknown rule or option, a file that is not what the rule says, a
            rule that does not fit the ensemble, or too few chains.
    """
    if isinstance(rule, str) or not isinstance(rule, Sequence):
        rule = [rule]
    rules = [_rule(one) for one in rule]
    stack, read = _stack(rules, ensemble, seed)
    return Subject(str(stack), tuple(_levels(stack, read, seed)), stack, seed)


def of_pair(fine: Ensemble, coarse: Ensemble, *, seed: int) -> Subject:
    """A map known only by what it did: the same chains and draws in order.

    Raises:
        ValueError: another number of chains or draws, chains of another run, or a
            coarse lattice that is not the fine one divided by a whole number.
    """
    if fine.data.shape[:2] != coarse.data.shape[:2]:
        raise ValueError(
            "a pair needs the same chains and draws in the same order, got "
            f"{fine.chains} × {fine.draws} and {coarse.chains} × {coarse.draws}"
        )
    levels = (fine, _on_grid_of(fine, coarse))
    return Subject("a pair of files", levels, None, seed)


def of_sweep(rule: Map, sweep: Sweep, *, seed: int) -> list[Subject]:
    """A rule at every temperature of a sweep, named with the coupling.

    Raises:
        ValueError: as in `of_rule`.
    """
    subjects = (of_rule(rule, fine, seed=seed) for fine in sweep)
    return [
        replace(subject, name=f"{subject.name} at K = {coupling:.6g}")
        for subject, coupling in zip(subjects, sweep.couplings, strict=True)
    ]


def halves(levels: Sequence[Ensemble]) -> tuple[list[Ensemble], list[Ensemble]]:
    """Two parts of every level, one to fit on and one to read, cut alike.

    Half of the chains each; of a single chain half of its draws each, independent but
    for the few draws around the cut.

    Raises:
        ValueError: a single configuration.
    """
    several = levels[0].chains > 1
    parts = [level.split(2) if several else level.stretches(1, 1) for level in levels]
    first, second = zip(*parts, strict=True)
    return list(first), list(second)


def seen_in_training(network: Machine | None, fine: Ensemble) -> tuple[str, ...]:
    """A sentence where a network was trained on some of the chains that are read."""
    lineage = getattr(network, "notes", {}).get("lineage", "")
    if not lineage or not share_chains(lineage, fine.lineage):
        return ()
    return (
        "the network was trained on some of the chains that are read here; sample "
        "others to judge it by",
    )


def _rule(one: CoarseGraining | str) -> CoarseGraining | str:
    """A rule by its text or itself; `arrange` stays a name until it is fitted."""
    rule = parse_rule(one) if isinstance(one, str) else one
    return rule if rule == ARRANGE else as_rule(rule)


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
        if _is_strange(stack, *levels[-2:]) or not _fits_again(stack, levels[-1]):
            return levels


def _is_strange(stack: Stack, before: Ensemble, after: Ensemble) -> bool:
    """Whether a user's map was made for other values than it puts out."""
    theirs = any(isinstance(rule, UserRule) for rule in stack.rules)
    return theirs and before.alphabet != after.alphabet


def _fits_again(stack: Stack, level: Ensemble) -> bool:
    if level.features is not None or not fits(stack, level):
        return False
    coarser = stack.coarse(level.geometry)
    smaller = math.prod(coarser.lattice) < math.prod(level.geometry.lattice)
    return isinstance(coarser, Grid) and smaller and min(coarser.shape) >= SMALLEST_SIDE


def fits(rule: CoarseGraining, level: Ensemble) -> bool:
    """Whether a rule can be applied to a level."""
    try:
        rule.alphabet(level.alphabet)
        rule.coarse(level.geometry)
    except ValueError:
        return False
    return True


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
