"""Beyond the paper: attractive fixed points, a forest fire and an epidemic.

Its conclusions propose models with an attractive fixed point, where what a machine
should find is unique, and name self-organized criticality, with forest fires and the
spread of infectious diseases. They are read here by the instruments that read the Ising
model, along repeated steps of block spins and of a machine with one filter that was
trained on the finest level:

    Ising above T_c      flows to T = ∞, Ising below T_c to T = 0: both attractive;
    forest fire          empty or tree, of the process of B. Drossel and F. Schwabl,
                         Phys. Rev. Lett. 69, 1629 (1992): no energy, no detailed
                         balance, and no temperature to tune; criticality is the limit
                         θ = p/f → ∞. Coarse-grained by majority and by occupancy (a
                         block with any tree is a tree);
    epidemic             the contact process below, at and above its threshold, drawn
                         among its survivors (`models.epidemic`): directed percolation.

Couplings and the connected correlation of neighbours need no energy to be defined: they
are those of the Ising model that fits best. A fixed point would have the same couplings
and the same correlation of neighbours at every level.

At the threshold the density of infected sites falls as L^{-β/ν} with the side, and one
lattice cannot tell a flow from its own finite size. There n steps are made from sides
that grow as 2^n, so that what is left is always of the same side: its law converges
with n where the flow has a fixed point, and runs away where it has none (the matching
of K. G. Wilson, and R. H. Swendsen, Phys. Rev. B 20, 2080 (1979), between lattices of
the same final size).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import xarray as xr

from kadanoff.experiments.demellokoch2020.driven.fires import lengths
from kadanoff.experiments.demellokoch2020.driven.flows import of_system
from kadanoff.experiments.demellokoch2020.driven.pictures import draw
from kadanoff.experiments.demellokoch2020.driven.systems import (
    FAST,
    FULL,
    MAPS,
    MATCHED,
    SYSTEMS,
    Settings,
)
from kadanoff.experiments.demellokoch2020.driven.verdicts import checks
from kadanoff.experiments.exhibit import Exhibit, Work
from kadanoff.experiments.pieces import kept
from kadanoff.experiments.studies import attributes_of
from kadanoff.networks.products import one_thread

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "checks", "compute", "draw"]


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Readings of every level of every model by every map, and of matched lattices.

    Every system, and every forest whose length is read, is a run of its own.
    """
    systems, forests = [], []
    tell = work.progress("driven and attracted models")
    parts = len(SYSTEMS) + len(settings.thetas)
    with one_thread():
        for system in SYSTEMS:
            part = partial(of_system, system, settings, work)
            systems.append(_kept(work, settings, part, system=system))
            tell(len(systems), parts)
        for theta in settings.thetas:
            part = partial(lengths, theta, settings, work)
            forests.append(_kept(work, settings, part, theta_of_length=theta))
            tell(len(systems) + len(forests), parts)
    return _together(systems, forests, settings)


def _kept(
    work: Work, settings: Settings, part: Callable[[], xr.Dataset], **which: Any
) -> xr.Dataset:
    """A part as its run has it."""
    about = asdict(settings) | which
    return kept(work, "demellokoch2020-driven-part", about, part)


def _together(
    systems: list[xr.Dataset], forests: list[xr.Dataset], settings: Settings
) -> xr.Dataset:
    """All parts along their axes."""
    names = [str(name) for name in systems[SYSTEMS.index(MATCHED[0])]]
    of_all = [name for name in names if not name.startswith("matched_")]
    of_matched = [name for name in names if name.startswith("matched_")]
    chosen = [systems[SYSTEMS.index(system)] for system in MATCHED]
    together = [
        xr.concat([one[of_all] for one in systems], "system"),
        xr.concat([one[of_matched] for one in chosen], "matched"),
        xr.concat(forests, "theta"),
    ]
    return (
        xr.merge(together)
        .assign_coords(
            system=list(SYSTEMS),
            matched=list(MATCHED),
            map=list(MAPS),
            level=list(range(settings.steps + 1)),
            theta=list(settings.thetas),
        )
        .assign_attrs(
            attributes_of(settings)
            | {
                "theta": settings.theta,
                "side": settings.side,
                "length_side": settings.length_side,
            }
        )
    )


EXHIBIT = Exhibit(
    name="driven",
    title="Attractive fixed points, a forest fire and an epidemic",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
