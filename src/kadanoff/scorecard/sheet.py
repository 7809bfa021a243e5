"""Scorecards as the plain data that reports draw, and what is seen besides the rows.

A portrait takes the map and the configurations, which a scorecard does not keep: the
same seed makes the same levels again, and controls as they were read.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import combine
from kadanoff.instruments.correlators import two_point
from kadanoff.instruments.mcrg import Exponents, scan
from kadanoff.instruments.receptive import direct_response
from kadanoff.provenance import software
from kadanoff.reports.sheet import THIS, Portrait, Ratio, Sheet, Step
from kadanoff.scorecard.card import Comparison, Progress, Scorecard
from kadanoff.scorecard.controls import BLOCK, control, controls_for
from kadanoff.scorecard.rows import HEADLINES, PRODUCTS
from kadanoff.scorecard.subject import Map, Subject, of_pair, of_rule

__all__ = [
    "at_couplings",
    "names_of",
    "of_card",
    "of_comparison",
    "of_temperatures",
    "portrait",
    "portraits",
    "portraits_of",
    "portraits_of_pair",
]

PASSING = (BLOCK, "positive")
"""Controls that are a renormalization; the others must fail somewhere."""
TALK: Mapping[str, tuple[str, ...]] = {
    "locality": ("direct width (sites)",),
    "covariance": ("shift",),
    "couplings": ("K nn",),
    "exponents": ("y_T", "y_H"),
    "scaling": ("slope of the ratio",),
}
"""Headlines that a slide has room for: no two of them see the same fault."""
UNITS = 4
"""Coarse units whose responses are drawn, and most feature maps that are."""
BRACKETS = "Numbers in brackets are errors of the last digits."
LONGEST = 30  # letters of a map's name in a picture

Kept = Mapping[str, Portrait]


def of_card(
    card: Scorecard,
    portraits: Kept | None = None,
    *,
    exact: Mapping[str, float] | None = None,
    seed: int | None = None,
) -> Sheet:
    """A scorecard for a page, a slide or a notebook.

    Args:
        card: the rows of a map and of its controls.
        portraits: of the map and its controls, see `portraits`; none are drawn where
            not given.
        exact: what is known of a reading, by its name.
        seed: of the readings, for the foot of the page.
    """
    return Sheet(
        title=card.rule,
        lead=_lead([card.configurations], portraits),
        maps={THIS: card.rows},
        controls=card.controls,
        passing=PASSING,
        headlines=HEADLINES,
        talk=TALK,
        exact=exact or {},
        remark=card.remark,
        portraits=portraits or {},
        provenance=_provenance(seed, card.rule),
    )


def of_comparison(
    found: Comparison,
    portraits: Kept | None = None,
    *,
    exact: Mapping[str, float] | None = None,
    seed: int | None = None,
) -> Sheet:
    """Several maps side by side, for a page, a slide or a notebook; no controls.

    Args:
        found: their scorecards.
        portraits: by the names of `names_of`, see `portraits_of`.
        exact: as in `of_card`.
        seed: as in `of_card`.
    """
    names = names_of([card.rule for card in found])
    remarks = [
        f"{n}: {c.remark}" for n, c in zip(names, found, strict=True) if c.remark
    ]
    return Sheet(
        title=f"{len(names)} maps side by side",
        lead=_lead([card.configurations for card in found], portraits),
        maps={n: card.rows for n, card in zip(names, found, strict=True)},
        headlines=HEADLINES,
        talk=TALK,
        exact=exact or {},
        remark="; ".join(remarks),
        portraits=portraits or {},
        provenance=_provenance(seed, *(card.rule for card in found)),
    )


def of_temperatures(
    found: Comparison,
    couplings: Sequence[float],
    portraits: Kept | None = None,
    *,
    seed: int | None = None,
) -> Sheet:
    """One map at the temperatures of a sweep, for a slide; no controls.

    Args:
        found: its scorecards, see `probe_sweep`.
        couplings: of the sweep.
        portraits: by the names of `at_couplings`.
        seed: as in `of_card`.
    """
    names = at_couplings(couplings)
    rule = found.cards[0].rule.removesuffix(f" at {names[0]}")
    counts = _counts([card.configurations for card in found])
    return replace(
        of_comparison(found, seed=seed),
        title=f"{rule} at {len(names)} temperatures",
        lead=f"Read on {counts} configurations of each. {BRACKETS}",
        maps={n: card.rows for n, card in zip(names, found, strict=True)},
        portraits=portraits or {},
    )


def at_couplings(couplings: Sequence[float]) -> list[str]:
    """What the temperatures of a sweep are called in pictures, from K = 1/T."""
    return [f"K = {coupling:.6g}" for coupling in couplings]


def names_of(rules: Sequence[str]) -> list[str]:
    """What maps are called in pictures: short, and no two alike."""
    names: list[str] = []
    for rule in rules:
        half = (LONGEST - 1) // 2
        name = rule if len(rule) <= LONGEST else f"{rule[:half]}…{rule[-half:]}"
        again = sum(n == name or n.startswith(f"{name} (") for n in names)
        names.append(f"{name} ({again + 1})" if again else name)
    return names


def portraits(
    rule: Map,
    ensemble: Ensemble,
    *,
    seed: int = 0,
    controls: Sequence[str] = (),
    progress: Progress | None = None,
) -> dict[str, Portrait]:
    """What is seen of a map and of its controls, by the names of a sheet.

    Args:
        rule: as it was probed.
        ensemble: as it was probed.
        seed: as it was probed: the same levels are made again.
        controls: names of the controls of the card.
        progress: told how many portraits are made, of how many.

    Raises:
        ValueError: as in `probe`.
    """
    return _portraits(of_rule(rule, ensemble, seed=seed), controls, progress)


def portraits_of_pair(
    fine: Ensemble,
    coarse: Ensemble,
    *,
    seed: int = 0,
    controls: Sequence[str] = (),
    progress: Progress | None = None,
) -> dict[str, Portrait]:
    """The same of a map that is known by what it did.

    Args:
        fine: as it was probed.
        coarse: as it was probed.
        seed: as it was probed.
        controls: as in `portraits`.
        progress: as in `portraits`.

    Raises:
        ValueError: as in `probe_pair`.
    """
    return _portraits(of_pair(fine, coarse, seed=seed), controls, progress)


def portraits_of(
    rules: Sequence[Map],
    ensemble: Ensemble,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Portrait]:
    """What is seen of several maps, by their names in pictures.

    Args:
        rules: as they were compared.
        ensemble: as it was probed.
        seed: as in `portraits`.
        progress: as in `portraits`.

    Raises:
        ValueError: as in `compare`.
    """
    subjects = [of_rule(rule, ensemble, seed=seed) for rule in rules]
    names = names_of([subject.name for subject in subjects])
    return dict(_told(zip(names, subjects, strict=True), len(names), progress))


def _portraits(
    subject: Subject, controls: Sequence[str], progress: Progress | None
) -> dict[str, Portrait]:
    beside = [name for name in controls_for(subject) if name in controls]
    subjects = ((name, control(name, subject)) for name in beside)
    every = itertools.chain([(THIS, subject)], subjects)
    return dict(_told(every, 1 + len(beside), progress))


def _told(
    subjects: Iterable[tuple[str, Subject]], total: int, progress: Progress | None
) -> Iterator[tuple[str, Portrait]]:
    tell = progress or (lambda name, done, total: None)
    for k, (name, subject) in enumerate(subjects):
        tell("pictures", k, total)
        yield name, portrait(subject)
    tell("pictures", total, total)


def portrait(subject: Subject) -> Portrait:
    """What is seen of one subject; what its values do not allow is left out."""
    maps = subject.coarse.features
    if maps is None:
        alone = {"": subject}
    else:
        alone = {f"map {m}": subject.of_map(m) for m in range(min(maps, UNITS))}
    fields = [_fields(one, UNITS // len(alone)) for one in alone.values()]
    known = [f for f in fields if f is not None]
    ratios = {name: _ratio(one) for name, one in alone.items()}
    return Portrait(
        levels=subject.levels,
        fields=np.concatenate(known) if known else None,
        steps=tuple(s for name, one in alone.items() for s in _steps(name, one)),
        ratios={name: ratio for name, ratio in ratios.items() if ratio is not None},
    )


def _fields(subject: Subject, count: int) -> np.ndarray | None:
    """Direct responses of units from all over the coarse lattice."""
    if any(level.alphabet not in PRODUCTS for level in subject.levels[:2]):
        return None
    try:
        found = direct_response(subject.fine, subject.coarse).T
    except ValueError:  # several sites in a cell
        return None
    which = np.linspace(0, len(found) - 1, count).astype(int)
    return np.nan_to_num(found[np.unique(which)])


def _steps(name: str, subject: Subject) -> Iterator[Step]:
    """The scan over steps and operators; nothing where the map has no exponents."""
    try:
        found = scan(subject.levels)
    except ValueError:
        return
    for k, step in enumerate(found.steps):
        of = f"{name}, " if name else ""
        yield Step(
            f"{of}{_sides(step)}",
            {"y_T": step.y_t, "y_H": step.y_h},
            reported=k == found.reported,
        )


def _sides(step: Exponents) -> str:
    return "→".join(
        str(shape[0]) if len(set(shape)) == 1 else "×".join(map(str, shape))
        for shape in (step.fine, step.coarse)
    )


def _ratio(subject: Subject) -> Ratio | None:
    """G_coarse/G_fine at every distance r > 0 that both lattices have."""
    levels = subject.levels[:2]
    if any(level.alphabet not in PRODUCTS for level in levels):
        return None
    try:
        before, after = (two_point(level, connected=True) for level in levels)
    except ValueError:  # several sites in a cell
        return None
    apart = np.abs(before.distance[:, None] - after.distance)
    i, j = np.nonzero((apart < 1e-6) & (before.distance[:, None] > 0))
    if not len(i):
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        value = combine(lambda g, h: h[j] / g[i], before.value, after.value)
    return Ratio(before.distance[i], value)


def _lead(configurations: Sequence[int], portraits: Kept | None) -> str:
    """How many configurations of what, of several maps from the fewest on."""
    levels = next((p.levels for p in (portraits or {}).values()), ())
    of = f" of {_known(levels[0])}" if levels else ""
    return f"Read on {_counts(configurations)} configurations{of}. {BRACKETS}"


def _counts(configurations: Sequence[int]) -> str:
    fewest, most = min(configurations), max(configurations)
    return f"{fewest}" if fewest == most else f"{fewest} to {most}"


def _known(fine: Ensemble) -> str:
    """Lattice, model and couplings, as far as a file says them."""
    couplings = ", ".join(f"{k} = {v:.6g}" for k, v in fine.couplings.items())
    named = [fine.model or "", f"at {couplings}" if couplings else ""]
    side = "×".join(map(str, fine.shape))
    return " ".join(filter(None, [side, *named]))


def _provenance(seed: int | None, *rules: str) -> dict[str, Any]:
    known = {} if seed is None else {"seed": seed}
    names = {f"map {k}" if len(rules) > 1 else "map": r for k, r in enumerate(rules, 1)}
    return {**names, **known, **software()}
