"""A paper from its settings to one page: exhibits computed, judged and drawn."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import xarray as xr

from kadanoff.citations import find
from kadanoff.experiments.exhibit import Check, Exhibit, FirstPage, Paper, Work
from kadanoff.experiments.pieces import dataset
from kadanoff.experiments.studies import markdown
from kadanoff.provenance import environment, software
from kadanoff.randomness import subseed
from kadanoff.reports.figures import data_uri
from kadanoff.reports.page import Claim, Page, Section, Table, write
from kadanoff.runs import Run

__all__ = ["Reproduction", "reproduce", "verdicts", "write_report"]

HEADER = ("exhibit", "claim", "paper", "here", "status", "reason")


@dataclass(frozen=True)
class Reproduction:
    """The exhibits of a paper that were asked for, computed.

    Attributes:
        paper: what is reproduced.
        full: whether at the paper's sizes.
        seed: of everything.
        data: data sets by the name of the exhibit.
        seconds: that each took when it was computed.
    """

    paper: Paper
    full: bool
    seed: int
    data: Mapping[str, xr.Dataset]
    seconds: Mapping[str, float]

    @property
    def exhibits(self) -> list[Exhibit]:
        """Those that were asked for."""
        return [e for e in self.paper.exhibits if e.name in self.data]

    @cached_property
    def checks(self) -> dict[str, Sequence[Check]]:
        """What became of each claim, by the name of the exhibit."""
        return {e.name: e.checks(self.data[e.name]) for e in self.exhibits}

    @property
    def first_page(self) -> FirstPage | None:
        """None where not all exhibits were asked for."""
        if len(self.data) < len(self.paper.exhibits):
            return None
        return self.paper.first_page(self.data)


def reproduce(
    paper: Paper,
    *,
    only: Sequence[str] = (),
    full: bool = False,
    seed: int = 0,
    runs: Path,
    device: str = "cpu",
    tell: Callable[[str, int, int], None] = lambda label, done, total: None,
) -> Reproduction:
    """Compute a paper's exhibits; what is done already is read from its run.

    Args:
        paper: what to reproduce.
        only: names of exhibits; all of them if none is given.
        full: at the paper's sizes; otherwise so small that all takes minutes.
        seed: one seed makes everything.
        runs: root of run directories.
        device: of networks, `cpu` or `cuda`.
        tell: told of a label, what is done and of how much.

    Raises:
        ValueError: an exhibit the paper does not have, a seed below 0, or a run that
            another process holds.
    """
    wanted = _chosen(paper, only)
    subseed(seed)  # refuses what is no seed before anything is computed
    work = Work(seed, runs, tell, device)
    data, seconds = {}, {}
    for number, exhibit in enumerate(wanted):
        tell(f"{paper.name}: exhibits", number, len(wanted))
        data[exhibit.name], seconds[exhibit.name] = _computed(
            paper, exhibit, exhibit.full if full else exhibit.fast, work
        )
    tell(f"{paper.name}: exhibits", len(wanted), len(wanted))
    return Reproduction(paper, full, seed, data, seconds)


def write_report(done: Reproduction, path: Path) -> None:
    """One page that opens offline: the first page, all verdicts, every exhibit."""
    first = done.first_page
    sections = [] if first is None or first.picture is None else [_opening(first)]
    sections.append(_verdict_section(done))
    for exhibit in done.exhibits:
        top, *others = exhibit.draw(done.data[exhibit.name])
        claims = [_claim(check) for check in done.checks[exhibit.name]]
        sections += [replace(top, claims=claims), *others]
    page = Page(
        title=done.paper.title,
        lead=f"{done.paper.lead} {_sizes(done)}",
        findings=() if first is None else first.sentences,
        sections=sections,
        provenance=_provenance(done),
    )
    write(page, path)


def verdicts(done: Reproduction) -> str:
    """Markdown: the first page in sentences, and what became of every claim."""
    first = done.first_page
    source = find(done.paper.name)
    lines = [f"# {done.paper.title}", f"{source}.", _sizes(done)]
    if first is not None:
        lines.append("\n".join(f"{n}. {s}" for n, s in enumerate(first.sentences, 1)))
    lines.append(markdown(HEADER, [[_cell(c) for c in row] for row in _rows(done)]))
    lines.append(markdown(("exhibit", "seconds"), _times(done)))
    about = ", ".join(f"{k} {v}" for k, v in software().items())
    lines.append(f"Seed {done.seed}; {about}.")
    return "\n\n".join(lines) + "\n"


def _chosen(paper: Paper, only: Sequence[str]) -> list[Exhibit]:
    known = [exhibit.name for exhibit in paper.exhibits]
    for name in only:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {known}"
            raise ValueError(f"{paper.name} has no exhibit {name!r}; {hint}")
    return [e for e in paper.exhibits if not only or e.name in only]


def _computed(
    paper: Paper, exhibit: Exhibit, settings: object, work: Work
) -> tuple[xr.Dataset, float]:
    """The data set of an exhibit as its run has it, and the seconds it took."""
    run = Run.of(
        work.runs,
        step=f"{paper.name}-{exhibit.name}",
        version=exhibit.version,
        settings={"settings": settings, "seed": work.seed, "device": work.device},
    )
    return dataset(run, lambda: exhibit.compute(settings, work))


def _opening(first: FirstPage) -> Section:
    assert first.picture is not None
    return Section("In one picture", "", data_uri(first.picture))


def _verdict_section(done: Reproduction) -> Section:
    rows = [
        [exhibit.title, check.claim, str(check.status)]
        for exhibit in done.exhibits
        for check in done.checks[exhibit.name]
    ]
    return Section(
        "What became of each claim",
        "Numbers and reasons stand with the pictures.",
        tables=[Table(("exhibit", "claim", "status"), rows)],
    )


def _claim(check: Check) -> Claim:
    """The paper's value as far as its text is known, ours with its error, and why."""
    about = {"paper": check.paper, "here": check.ours, "reason": check.reason}
    return Claim(check.claim, str(check.status), about)


def _rows(done: Reproduction) -> list[list[str]]:
    return [
        [name, c.claim, c.paper, c.ours, str(c.status), c.reason]
        for name, checks in done.checks.items()
        for c in checks
    ]


def _cell(text: str) -> str:
    """Text that a Markdown table can hold."""
    return " ".join(text.replace("|", "∣").split())


def _times(done: Reproduction) -> list[list[str]]:
    return [[name, f"{t:.0f}"] for name, t in done.seconds.items()]


def _sizes(done: Reproduction) -> str:
    if done.full:
        return "Full settings."
    return (
        "Fast settings: small lattices and short trainings that show the way; the "
        "claims are judged by the full ones."
    )


def _provenance(done: Reproduction) -> dict[str, str]:
    whole = sum(done.seconds.values())
    return {
        "source": str(find(done.paper.name)),
        "settings": "full" if done.full else "fast",
        "seed": str(done.seed),
        "seconds": f"{whole:.0f}: "
        + ", ".join(f"{name} {t:.0f}" for name, t in done.seconds.items()),
        "environment": ", ".join(f"{k} {v}" for k, v in environment().items()),
    }
