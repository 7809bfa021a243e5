"""The law that the Gibbs chain of a machine leaves invariant, against the magnet.

Where samples are passed on, the flow v → h → v is a Gibbs chain and what it ends in is
the machine's own law. It is drawn by chains started hot and cold, with R̂ and a p-value
of their agreement, and compared with the magnet at every temperature (`magnet`). Beside
the trained machines the same is asked of

    exactly critical    a machine that has the law of the critical magnet by
                        construction: a machine can pass
    magnet at T_c       no machine but the sampler's configurations
    training data       the mixture of 60 temperatures: it has an energy and is none
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from kadanoff.autocorrelation import gelman_rubin
from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.flow import (
    Learning,
    in_any_order,
    start,
    training_data,
)
from kadanoff.experiments.demellokoch2020.flow_end.flows import (
    EXACT,
    NETWORKS,
    networks_of,
)
from kadanoff.experiments.demellokoch2020.magnet import (
    MONOTONE,
    READINGS,
    Magnet,
    distance_of_laws,
    energy_counts,
    magnet,
    mixture_law,
    readings_of,
    verdict,
)
from kadanoff.experiments.exhibit import Work
from kadanoff.experiments.pieces import kept
from kadanoff.instruments.thermodynamics import series
from kadanoff.networks.equilibrium import equilibrated
from kadanoff.networks.rbm import RBM

__all__ = [
    "DATA",
    "KINDS",
    "MAGNET",
    "Sampling",
    "laws",
]

MAGNET, DATA = "magnet at T_c", "training data"
KINDS = (*NETWORKS, MAGNET, DATA)


@dataclass(frozen=True)
class Sampling:
    """How the laws are drawn.

    Attributes:
        chains, draws: of each machine; draws two memories apart.
        most_steps: of the pilot: a memory of m that is longer is reported, not waited
            for.
        exact_steps: the same for the exactly critical machine, whose single units are
            as slow as critical ones are: |m| has a memory of some 50 steps.
        temperatures: of the table of the magnet.
        reference: configurations of the magnet at each.
    """

    chains: int
    draws: int
    most_steps: int
    exact_steps: int
    temperatures: tuple[float, ...]
    reference: int


def laws(sampling: Sampling, learning: Learning, seeds: int, work: Work) -> xr.Dataset:
    """Every law of `KINDS` and every seed against the magnet; each a run of its own.

    Args:
        sampling: sizes.
        learning: of the machines.
        seeds: machines.
        work: seed and runs.
    """
    known = magnet(work, sampling.temperatures, sampling.reference)
    tell = work.progress("laws at the end")
    columns = []
    for seed in range(seeds):
        drawn = _Drawn(sampling, learning, work, seed, seeds)
        rows = []
        for k, kind in enumerate(KINDS):
            rows.append(_kept(drawn, kind, known))
            tell(seed * len(KINDS) + k + 1, seeds * len(KINDS))
        columns.append(xr.concat(rows, "kind"))
    return (
        xr.concat(columns, "seed")
        .assign(reference=(("at", "reading"), known.values))
        .assign_coords(kind=list(KINDS), at=known.temperatures)
    )


@dataclass(frozen=True)
class _Drawn:
    """The laws of one seed, drawn as they are asked for."""

    sampling: Sampling
    learning: Learning
    work: Work
    seed: int
    seeds: int

    @cached_property
    def data(self) -> Ensemble:
        return training_data(self.work, self.learning.configurations, self.seed)

    @cached_property
    def networks(self) -> dict[str, RBM]:
        return networks_of(self.work, self.learning, self.data, self.seed)

    def of(self, kind: str) -> Ensemble:
        size, work = self.sampling, self.work
        if kind == MAGNET:
            # Numbers from `seeds` on are those of no flow.
            return start(work, T_C, size.chains * size.draws, self.seeds + self.seed)
        if kind == DATA:
            return in_any_order(self.data, work.subseed("order", self.seed))
        # Chains of a magnetized machine keep their sign: no contradiction in e and |m|.
        return equilibrated(
            self.networks[kind],
            chains=size.chains,
            draws=size.draws,
            seed=work.subseed("invariant", kind, self.seed),
            most_steps=size.exact_steps if kind == EXACT else size.most_steps,
            contradicted="flag",
        )


def _kept(drawn: _Drawn, kind: str, known: Magnet) -> xr.Dataset:
    """What is read of one law, as its run has it."""
    chains = kind in NETWORKS
    return kept(
        drawn.work,
        "demellokoch2020-invariant-law",
        {
            "kind": kind,
            "sampling": asdict(drawn.sampling),
            "learning": asdict(drawn.learning),
            "number": drawn.seed,
            "numbers": drawn.seeds,
        },
        lambda: _read(drawn.of(kind), known, chains=chains),
    )


def _read(ensemble: Ensemble, known: Magnet, *, chains: bool) -> xr.Dataset:
    """One law against the magnet; `chains` have starts to forget."""
    against = verdict(ensemble, known)
    s = series(ensemble)
    counts = energy_counts(s)
    x = readings_of(ensemble, s)
    by = against.temperatures
    watched = {"e": s.energy, "|m|": abs(s.magnetization), "m": s.magnetization}
    tests = [
        _forgotten(y) if chains else (math.nan, math.nan) for y in watched.values()
    ]
    return xr.Dataset(
        {
            "best": against.best,
            "p": against.p,
            "nearest": against.nearest,
            "tv": against.distance,
            "tv_floor": against.floor,
            "tv_mixture": distance_of_laws(counts, mixture_law()),
            "spread": float(against.spread.value),
            "spread_error": float(against.spread.error),
            "t": ("by", [float(by[name].value) for name in MONOTONE]),
            "t_error": ("by", [float(by[name].error) for name in MONOTONE]),
            "end": ("reading", x.value),
            "end_error": ("reading", x.error),
            "pull": ("reading", against.pulls),
            "r_hat": ("watched", [r_hat for r_hat, _ in tests]),
            "hot_cold": ("watched", [p for _, p in tests]),
            "counts": ("level", counts),
        },
        coords={
            "by": list(MONOTONE),
            "reading": list(READINGS),
            "watched": list(watched),
        },
    )


def _forgotten(y: np.ndarray) -> tuple[float, float]:
    """R̂, and p of the equality of the chains that started hot and cold."""
    hot, cold = y[0::2].mean(axis=1), y[1::2].mean(axis=1)
    test: Any = stats.ttest_ind(hot, cold, equal_var=False)
    return gelman_rubin(y), float(test.pvalue)
