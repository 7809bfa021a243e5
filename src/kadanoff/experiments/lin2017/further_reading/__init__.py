"""The slides' last page, a reading list: one result of each that can be run.

Five of its entries are computed, each in a file of its own with its own settings:

    linear_dynamics   arXiv:1312.6120, modes learned by sigmoids
    landscape         arXiv:1702.08580, no bad minima in linear networks
    spin_glass        arXiv:1412.0233, the loss as a spherical spin glass
    recovered         Fefferman (1994), weights known from outputs
    compositions      arXiv:1608.03287, deep against shallow

The others are named with the reason why not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import xarray as xr

from kadanoff.experiments.exhibit import Check, Exhibit, Work
from kadanoff.experiments.lin2017.further_reading import (
    compositions,
    landscape,
    linear_dynamics,
    recovered,
    spin_glass,
)
from kadanoff.networks.products import one_thread
from kadanoff.reports.page import Section, Table

__all__ = ["ELSEWHERE", "EXHIBIT", "FAST", "FULL", "Settings"]

PARTS = (linear_dynamics, landscape, spin_glass, recovered, compositions)

ELSEWHERE = {
    "An exact mapping between the variational renormalization group and deep learning "
    "(arXiv:1410.3831)": "is a paper of its own here, mehta2014.",
    "A comment on “Why does deep and cheap learning work so well?”": "has neither text "
    "nor address at hand; nothing is claimed of it.",
    "Renormalization group in Newtonian physics": "is an article in Japanese whose "
    "text is not at hand; nothing is claimed of it.",
}
"""What is on the list and not computed here, and why."""


@dataclass(frozen=True)
class Settings:
    """Settings of the five parts."""

    linear_dynamics: linear_dynamics.Settings
    landscape: landscape.Settings
    spin_glass: spin_glass.Settings
    recovered: recovered.Settings
    compositions: compositions.Settings


FAST, FULL = (
    Settings(*(getattr(part, size) for part in PARTS)) for size in ("FAST", "FULL")
)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """All parts side by side; none shares a name with another."""
    with one_thread():
        found = [
            linear_dynamics.compute(settings.linear_dynamics, work),
            landscape.compute(settings.landscape, work),
            spin_glass.compute(settings.spin_glass, work),
            recovered.compute(settings.recovered, work),
            compositions.compute(settings.compositions, work),
        ]
    return xr.merge(found, compat="no_conflicts", join="outer")


def draw(dataset: xr.Dataset) -> list[Section]:
    """One picture for each part, and what is not computed."""
    rows = [list(item) for item in ELSEWHERE.items()]
    return [
        *(part.section(dataset) for part in PARTS),
        Section(
            "Further reading: not computed here",
            "The other entries of the list.",
            tables=[Table(("entry", "why not"), rows)],
        ),
    ]


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """One or more claims of each entry."""
    return [check for part in PARTS for check in part.checks(dataset)]


EXHIBIT = Exhibit(
    name="further_reading",
    title="Further reading",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
