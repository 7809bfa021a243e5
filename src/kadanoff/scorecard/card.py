"""The scorecard: one map, one ensemble, every reading, and the controls beside it.

There is no verdict number: each row is a reading and a sentence, and the same row of
controls on the same configurations, renormalizations and maps of known fault, says what
the reading is worth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, number_text
from kadanoff.scorecard.cache import cached
from kadanoff.scorecard.controls import BLOCK, CONTROLS, control, controls_for
from kadanoff.scorecard.rows import (
    HEADLINES,
    INFORMATION,
    QUICK,
    ROWS,
    Row,
    in_turn,
    read,
)
from kadanoff.scorecard.subject import (
    Map,
    Subject,
    of_pair,
    of_rule,
    of_sweep,
    seen_in_training,
)
from kadanoff.scorecard.text import card_text, side_by_side
from kadanoff.sweep import Sweep

__all__ = [
    "Comparison",
    "Scorecard",
    "compare",
    "probe",
    "probe_pair",
    "probe_sweep",
]

ALL = "all"
GROUPS = {"quick": QUICK}
"""Rows that have a name together."""
Progress = Callable[[str, int, int], None]
"""Told of which map how many rows of how many are read."""


@dataclass(frozen=True)
class Scorecard:
    """The rows of one map, and the same rows of its controls.

    Attributes:
        rule: the map in words.
        configurations: how many were read.
        rows: one reading and one sentence each.
        controls: rows by the name of a control, see `kadanoff.scorecard.controls`.
        remark: what must be known before the rows are believed; mostly empty.
    """

    rule: str
    configurations: int
    rows: tuple[Row, ...]
    controls: Mapping[str, tuple[Row, ...]]
    remark: str = ""

    def __getitem__(self, name: str) -> Row:
        """The row of that name.

        Raises:
            KeyError: a row that was not asked for.
        """
        return {row.name: row for row in self.rows}[name]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: estimates as value, error and n_eff."""
        return {
            "rule": self.rule,
            "configurations": self.configurations,
            "remark": self.remark,
            "rows": _by_name(self.rows),
            "controls": {name: _by_name(rows) for name, rows in self.controls.items()},
        }

    def __str__(self) -> str:
        return card_text(self, HEADLINES)

    def _repr_html_(self) -> str:
        """The card in a notebook."""
        from kadanoff.reports.scorecard import fragment
        from kadanoff.scorecard.sheet import of_card

        return fragment(of_card(self))


@dataclass(frozen=True)
class Comparison:
    """Several maps on the same configurations.

    Attributes:
        cards: one per map, in the order that was given.
    """

    cards: tuple[Scorecard, ...]

    def __iter__(self) -> Iterator[Scorecard]:
        return iter(self.cards)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: the cards, by map."""
        return {"maps": [card.as_dict() for card in self.cards]}

    def __str__(self) -> str:
        lines: list[tuple[str, Sequence[Row]]] = []
        for card in self.cards:
            lines.append((card.rule, card.rows))
            lines += [(f"  {name}", rows) for name, rows in card.controls.items()]
        return side_by_side(lines, HEADLINES)

    def _repr_html_(self) -> str:
        """The cards in a notebook."""
        from kadanoff.reports.scorecard import fragment
        from kadanoff.scorecard.sheet import of_comparison

        return fragment(of_comparison(self))


def probe(
    rule: Map,
    ensemble: Ensemble,
    *,
    seed: int = 0,
    rows: Sequence[str] | str = ALL,
    controls: Sequence[str] | str = ALL,
    progress: Progress | None = None,
    runs: Path | None = None,
) -> Scorecard:
    """The scorecard of a rule, or of a stack of rules, on an ensemble.

    Args:
        rule: a coarse-graining, or several, which are a stack, also by their text such
            as `majority:b=2` and `arrange`; a torch module or a function of arrays with
            ±1 output as it is, others by `as_rule`.
        ensemble: configurations on a grid.
        seed: draws what the rule, the controls and the readings leave to chance.
        rows: names of the rows to read, `quick` for those that train nothing; `all` of
            them where not given.
        controls: names of the controls to set beside, `all` there are; rows that train
            something are read of the block rule alone.
        progress: told the name of a map, how many of its rows are read, of how many.
        runs: folder where the rows of controls are kept and looked for; nowhere where
            not given.

    Raises:
        ValueError: the rule does not fit the ensemble, there are too few chains, or an
            unknown row or control.
    """
    _check(ensemble)
    subject = of_rule(rule, ensemble, seed=seed)
    return _card(subject, rows, controls, progress, runs)


def probe_pair(
    fine: Ensemble,
    coarse: Ensemble,
    *,
    seed: int = 0,
    rows: Sequence[str] | str = ALL,
    controls: Sequence[str] | str = ALL,
    progress: Progress | None = None,
    runs: Path | None = None,
) -> Scorecard:
    """The scorecard of a map known only by what it did: same chains, same draws.

    Args:
        fine: configurations on a grid.
        coarse: what the map made of them, the same chains and draws in order.
        seed: draws what the controls and the readings leave to chance.
        rows: as in `probe`.
        controls: as in `probe`.
        progress: as in `probe`.
        runs: as in `probe`.

    Raises:
        ValueError: another number of chains or draws, unordered coarse units, or an
            unknown row or control.
    """
    _check(fine, coarse)
    subject = of_pair(fine, coarse, seed=seed)
    return _card(subject, rows, controls, progress, runs)


def compare(
    rules: Sequence[Map],
    ensemble: Ensemble,
    *,
    seed: int = 0,
    rows: Sequence[str] | str = ALL,
    progress: Progress | None = None,
) -> Comparison:
    """Several maps side by side on the same configurations, without controls.

    Args:
        rules: two or more maps, each as in `probe`.
        ensemble: configurations on a grid.
        seed: as in `probe`.
        rows: as in `probe`.
        progress: as in `probe`.

    Raises:
        ValueError: fewer than two maps, and as in `probe`.
    """
    count = 1 if isinstance(rules, str) else len(rules)
    if count < 2:
        raise ValueError(
            f"a comparison needs at least two maps, got {count}; probe one"
        )
    _check(ensemble)
    # Every map is made before one is read: a misfit is known at once.
    subjects = [of_rule(rule, ensemble, seed=seed) for rule in rules]
    cards = (_card(subject, rows, (), progress, None) for subject in subjects)
    return Comparison(tuple(cards))


def probe_sweep(
    rule: Map,
    sweep: Sweep,
    *,
    seed: int = 0,
    rows: Sequence[str] | str = ALL,
    controls: Sequence[str] | str = ALL,
    progress: Progress | None = None,
    runs: Path | None = None,
) -> Comparison:
    """One map on the configurations of several temperatures.

    What the map fits, as an arrangement, is fitted at each temperature anew.

    Args:
        rule: as in `probe`.
        sweep: ensembles of one model, in order of their coupling.
        seed: as in `probe`.
        rows: as in `probe`.
        controls: as in `probe`, beside the map at every temperature.
        progress: as in `probe`.
        runs: as in `probe`.

    Raises:
        ValueError: as in `probe`.
    """
    # The map is made at every temperature before it is read at one.
    if not isinstance(sweep, Sweep):
        raise ValueError(
            f"a sweep is needed, got {sweep!r}; load its folder with "
            "kadanoff.load_sweep, or probe one ensemble"
        )
    subjects = of_sweep(rule, sweep, seed=seed)
    cards = (_card(subject, rows, controls, progress, runs) for subject in subjects)
    return Comparison(tuple(cards))


def _check(*ensembles: Ensemble) -> None:
    for given in ensembles:
        if isinstance(given, Sweep):
            raise ValueError(
                "one ensemble is read, got a sweep; give it to kadanoff.probe_sweep"
            )
        if not isinstance(given, Ensemble):
            raise ValueError(
                f"an ensemble is needed, got {_shown(given)}; read a file with "
                "kadanoff.load, other programs' files with kadanoff.open_foreign"
            )


def _shown(given: Any) -> str:
    """A name as it is, of anything larger the kind."""
    return repr(given) if isinstance(given, str | Path) else type(given).__name__


def _card(
    subject: Subject,
    rows: Sequence[str] | str,
    controls: Sequence[str] | str,
    progress: Progress | None,
    runs: Path | None,
) -> Scorecard:
    wanted = _chosen(rows, tuple(ROWS), "rows")
    present = controls_for(subject)
    beside = [c for c in _chosen(controls, tuple(CONTROLS), "controls") if c in present]
    tell = progress or (lambda name, done, total: None)
    found = _rows(subject, wanted, tell)
    others: dict[str, tuple[Row, ...]] = {}
    for name in beside:
        some = [row for row in wanted if name == BLOCK or row in QUICK]
        others[name] = cached(
            runs,
            name,
            subject,
            some,
            lambda name=name, some=some: _rows(control(name, subject), some, tell),
        )
    return Scorecard(
        rule=subject.name,
        configurations=subject.fine.size,
        rows=tuple(_beside_block(row, others.get(BLOCK, ())) for row in found),
        controls=others,
        remark=_remark(subject),
    )


def _rows(subject: Subject, wanted: Sequence[str], tell: Progress) -> tuple[Row, ...]:
    found = []
    for name in wanted:
        tell(subject.name, len(found), len(wanted))
        found.append(read(name, subject))
    tell(subject.name, len(wanted), len(wanted))
    return tuple(found)


def _chosen(
    names: Sequence[str] | str, known: tuple[str, ...], what: str
) -> tuple[str, ...]:
    groups = {ALL: known, **(GROUPS if known == tuple(ROWS) else {})}
    given = (names,) if isinstance(names, str) else names
    asked = [one for name in given for one in groups.get(name, (name,))]
    wrong = [name for name in asked if name not in known]
    if wrong:
        raise ValueError(
            f"{what} of a scorecard are {', '.join(known)} or "
            f"{' or '.join(map(repr, groups))}, got {', '.join(map(repr, wrong))}"
        )
    return tuple(name for name in known if name in asked)


def _beside_block(row: Row, block: Sequence[Row]) -> Row:
    """A row with its readings relative to those of the block rule."""
    same = next((other for other in block if other.name == row.name), None)
    readings, kept = dict(row.readings), {}
    for name, value in row.readings.items():
        of_map, plain = _of_map(name)
        other = None if same is None else same.readings.get(plain)
        if not isinstance(other, Estimate):
            continue
        if plain.startswith("T by"):
            readings[f"{name}, less the block rule's"] = value - other
        elif plain == INFORMATION:
            kept[of_map] = value / other
            readings[f"{of_map}share of what the block rule keeps"] = kept[of_map]
    said = ", ".join(f"{of_map}{number_text(value)}" for of_map, value in kept.items())
    words = f"; that is {said} of what the block rule keeps" if said else ""
    return Row(row.name, readings, row.sentence + words)


def _of_map(name: str) -> tuple[str, str]:
    """`map 1: ` and the reading; nothing and the reading of a map that has one."""
    from kadanoff.reports.sheet import OF_MAP

    found = OF_MAP.match(name)
    return (found[0], name[found.end() :]) if found else ("", name)


def _by_name(rows: Sequence[Row]) -> dict[str, Any]:
    return {row.name: row.as_dict() for row in rows}


def _remark(subject: Subject) -> str:
    """What a reader must know before believing the rows."""
    rules = [] if subject.rule is None else in_turn(subject.rule)
    networks = [getattr(rule, "network", None) for rule in rules]
    seen = [said for n in networks for said in seen_in_training(n, subject.fine)]
    remarks = seen[:1]
    if any(getattr(rule, "chance", "") == "unseeded" for rule in rules):
        remarks.append(
            "the map is random without a seed: nobody can repeat these readings, and "
            "another run has others"
        )
    if subject.fine.model is None:
        remarks.append(
            "the law of these configurations is not known: a temperature is that of "
            "the Ising torus of that energy, and exponents presume a critical point"
        )
    return "; ".join(remarks)
