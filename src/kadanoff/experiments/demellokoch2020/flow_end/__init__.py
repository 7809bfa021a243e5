"""Where the flow ends, by observables and not by a classifier.

The claim, of the papers on which section III of arXiv:1906.05212 rests and which it
examines: whatever configurations it starts from, the flow of a machine trained on all
temperatures moves towards the critical point. The text says of its own machine that the
critical point is reproduced on large scales and not on short ones.

First part (`flows`, `verdicts_of_flows`): flows of machines of either
training, means or samples passed on, from four starts. Each end is judged on its own,
on large scales (|m|, U₄, G(5)) and on short ones (e, N Var(e), G(√2)). Where samples
are passed on a flow is the Gibbs chain of the machine, which ends in its law (`ends`);
where means are, it is a map without noise, and whether it ends there is asked.

Second part (`laws`, `verdicts_of_laws`): the law that the Gibbs chain of each
machine leaves, against the magnet at every temperature. A machine that had learned its
data perfectly would end at a mixture of 60 temperatures, the magnet at none of them,
whose mean energy is that of one temperature all the same.

Both have a machine beside them whose law is the critical magnet's exactly: it shows
that what is asked here can be answered with yes.

One configuration of 10×10 tells its temperature by its energy with a standard deviation
T_c/√(N C) at T_c (`RESOLUTION`). Nearer than that counts as near where a flow is asked
whether it goes to T_c: a thermometer that looks at single configurations sees no
difference. Ensembles are compared to `TOLERANCE`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from kadanoff.exact.kaufman import torus
from kadanoff.experiments.demellokoch2020 import fig_2, thermometer
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES
from kadanoff.experiments.demellokoch2020.flow import (
    LATTICE,
    Plan,
    temperature_at,
)
from kadanoff.experiments.demellokoch2020.flow_end.flows import flows
from kadanoff.experiments.demellokoch2020.flow_end.laws import Sampling, laws
from kadanoff.experiments.demellokoch2020.flow_end.pictures import draw
from kadanoff.experiments.demellokoch2020.flow_end.verdicts_of_flows import flow_checks
from kadanoff.experiments.demellokoch2020.flow_end.verdicts_of_laws import law_checks
from kadanoff.experiments.demellokoch2020.thermometer import Calibration
from kadanoff.experiments.exhibit import Check, Exhibit, Work

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings"]

LONG = (0, 1, 2, 4, 9, 16, 26, 40, 80, 160, 320)
"""Lengths, up to twelve times the paper's 26. That is not the end of every chain: some
forget a hot start more slowly, so that chains are judged by their laws (`ends`)."""


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        plan: of the flows.
        sampling: of the laws that the chains leave.
        calibration: of the network that tells temperatures (`thermometer`).
    """

    plan: Plan
    sampling: Sampling
    calibration: Calibration


FAST = Settings(
    Plan(fig_2.FAST.plan.learning, 1, 128, (0, 26, 200)),
    Sampling(
        chains=64,
        draws=8,
        most_steps=512,
        exact_steps=1024,
        temperatures=tuple(
            k / 10 for k in (*range(12, 18, 2), *range(18, 28), 28, 30, 33, 36, 40, 45)
        ),
        reference=512,
    ),
    calibration=thermometer.FAST,
)
FULL = Settings(
    Plan(fig_2.FULL.plan.learning, 5, 2048, LONG),
    Sampling(
        chains=128,
        draws=32,
        most_steps=4096,
        exact_steps=4096,
        temperatures=tuple(round(1.0 + 0.1 * k, 1) for k in range(51)),
        reference=16384,
    ),
    calibration=thermometer.FULL,
)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Both parts."""
    plan = settings.plan
    found = flows(plan, settings.calibration, work)
    ends = laws(settings.sampling, plan.learning, plan.seeds, work)
    energies = [torus(LATTICE, 1 / t).energy if t else -2.0 for t in TEMPERATURES]
    mean = float(np.mean(energies))
    return found.merge(ends).assign_attrs(
        mixture_energy=mean, mixture_temperature=temperature_at(mean)
    )


def checks(dataset: xr.Dataset) -> list[Check]:
    """Where flows go, what they forget, and whether their end is critical."""
    return [*flow_checks(dataset), *law_checks(dataset)]


EXHIBIT = Exhibit(
    name="flow_end",
    title="Where the flow ends",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
