"""Parallel tempering: one replica at every coupling of a ladder, and exchanges.

After every sweep neighbouring rungs a, b of each ladder exchange their configurations
with probability

    min(1, e^{(K_a - K_b)(E_a - E_b)}),   E total energies in units of J,

pairs that start at an even rung after even sweeps, at an odd one after odd sweeps
(Hukushima and Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996)). Each rung keeps its
own Boltzmann law and all together their product. In time the rungs of one ladder are
not independent: configurations wander from one to the next. Ladders are independent,
so that ensembles of several rungs must share one lineage, whose chains are the ladders.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import erfcinv

from kadanoff.randomness import generator
from kadanoff.samplers.frame import check_sweeps

__all__ = ["Tempering", "TemperingState", "exchanges", "ladder"]

ACCEPTANCE = 0.4  # of exchanges between neighbours on a ladder
PILOT = 64  # replicas of the annealing run that measures the spread of energies
SETTLE, MEASURE = 24, 8  # its sweeps at each coupling, and its measurements
MOST_RUNGS = 512
UP, DOWN = np.int8(1), np.int8(-1)


@dataclass(frozen=True, eq=False)
class TemperingState:
    """Configurations of all rungs, and what became of them.

    Attributes:
        rungs: one state of the kernel per rung; replica r of each is ladder r.
        sweeps: how many were made.
        walkers: which configuration is where: on rung k of ladder r the one that
            started on rung `walkers[k, r]`.
        heading: of each walker, +1 since it was on the first rung, -1 since it was on
            the last after that, 0 before, int8 `(walker, ladder)`.
        trips: walkers that went from the first rung to the last and back, `(ladder,)`.
        tried: attempts to exchange rungs k and k + 1, all ladders, `(rungs - 1,)`.
        exchanged: how many of them were accepted.
    """

    rungs: tuple[Any, ...]
    sweeps: int
    walkers: np.ndarray
    heading: np.ndarray
    trips: np.ndarray
    tried: np.ndarray
    exchanged: np.ndarray

    @property
    def acceptance(self) -> np.ndarray:
        """Share of accepted exchanges of rungs k and k + 1; NaN without a try."""
        share = np.full(len(self.tried), math.nan)
        return np.divide(self.exchanged, self.tried, out=share, where=self.tried > 0)


@dataclass(frozen=True)
class Tempering:
    """Parallel tempering of any model with an energy, by any of its samplers.

    Args:
        model: with the law exp(-K E)/Z.
        couplings: at least two, in order, all different; see `ladder`.
        replicas: independent ladders, as many as the kernel takes.
        kernel: the sampler of each rung, `(model, coupling, replicas)`.
        target: the rung whose configurations are recorded, the last if not given.

    Raises:
        ValueError: a model without an energy, couplings that are fewer than two or not
            in order, no such target, or settings that the kernel refuses.

    >>> from kadanoff.models.ising import Ising
    >>> from kadanoff.samplers.multispin import MultispinHeatBath
    >>> sampler = Tempering(Ising((4, 4)), (0.0, 0.2, 0.4), 64, MultispinHeatBath)
    >>> rng = np.random.default_rng(1)
    >>> sampler.packed(sampler.step(sampler.init(rng=rng), rng=rng)).shape
    (64, 2)
    """

    model: Any
    couplings: tuple[float, ...]
    replicas: int
    kernel: Callable[..., Any]
    target: int = -1

    def __post_init__(self) -> None:
        object.__setattr__(self, "couplings", tuple(float(k) for k in self.couplings))
        _check_energy(self.model)
        _check_order(self.couplings)
        rungs = len(self.couplings)
        if not -rungs <= self.target < rungs:
            raise ValueError(
                f"the target must be one of {rungs} rungs, got {self.target}; give 0 "
                f"to {rungs - 1}, or -1 for the last"
            )
        object.__setattr__(self, "target", self.target % rungs)
        _ = self.samplers  # what a kernel cannot do is said at once

    @cached_property
    def samplers(self) -> tuple[Any, ...]:
        """The sampler of each rung."""
        return tuple(self.kernel(self.model, k, self.replicas) for k in self.couplings)

    @property
    def coupling(self) -> float:
        """K of the target."""
        return self.couplings[self.target]

    def init(
        self, *, rng: np.random.Generator, values: np.ndarray | None = None
    ) -> TemperingState:
        """A state: hot starts on all rungs, or copies of given values.

        Args:
            rng: draws the hot starts.
            values: `(rung, replica, *lattice)` as `all_spins` gives them, or
                `(replica, *lattice)` to start all rungs of a ladder alike.

        Raises:
            ValueError: values of another shape, or outside the alphabet.
        """
        rungs, site_axes = len(self.couplings), len(self.model.geometry.lattice)
        if values is None:
            given: Sequence[np.ndarray | None] = [None] * rungs
        elif np.ndim(values) == site_axes + 1:
            given = [np.asarray(values)] * rungs
        elif len(values) == rungs:
            given = list(np.asarray(values))
        else:
            raise ValueError(
                f"values to start from must have one row for each of {rungs} rungs, "
                f"got shape {np.shape(values)}; give (rung, replica, *lattice)"
            )
        states = [
            sampler.init(rng=rng, values=rows)
            for sampler, rows in zip(self.samplers, given, strict=True)
        ]
        walkers = np.repeat(np.arange(rungs)[:, None], self.replicas, axis=1)
        heading = np.zeros((rungs, self.replicas), np.int8)
        heading[0] = UP
        counts = np.zeros(rungs - 1, dtype=np.int64)
        trips = np.zeros(self.replicas, dtype=np.int64)
        return TemperingState(tuple(states), 0, walkers, heading, trips, counts, counts)

    def step(
        self, state: TemperingState, *, rng: np.random.Generator, sweeps: int = 1
    ) -> TemperingState:
        """The state after `sweeps` times a sweep of all rungs and exchanges.

        Raises:
            ValueError: a negative number of sweeps.
        """
        check_sweeps(sweeps)
        for _ in range(sweeps):
            moved = zip(self.samplers, state.rungs, strict=True)
            rungs = tuple(sampler.step(rung, rng=rng) for sampler, rung in moved)
            state = self.exchanged(replace(state, rungs=rungs), rng=rng)
        return state

    def exchanged(
        self, state: TemperingState, *, rng: np.random.Generator
    ) -> TemperingState:
        """The state after attempts to exchange every second pair of rungs."""
        values = self.all_spins(state)
        energies = np.stack([self.model.energy(rung) for rung in values])
        energies *= self.model.geometry.size
        first = state.sweeps % 2
        swap = exchanges(self.couplings, energies, first=first, rng=rng)
        order = _permutation(swap)
        rungs = list(state.rungs)
        for k in np.flatnonzero((order != np.arange(len(order))[:, None]).any(axis=1)):
            rows = values[order[k], np.arange(self.replicas)]
            rungs[k] = self.samplers[k].init(rng=rng, values=rows)
        tried = np.zeros(len(swap), dtype=np.int64)
        tried[first::2] = self.replicas
        walkers = np.take_along_axis(state.walkers, order, axis=0)
        heading, back = _headings(state.heading, walkers)
        return TemperingState(
            tuple(rungs),
            state.sweeps + 1,
            walkers,
            heading,
            state.trips + back,
            state.tried + tried,
            state.exchanged + swap.sum(axis=1),
        )

    def spins(self, state: TemperingState) -> np.ndarray:
        """The values of the target, `(replica, *lattice)`."""
        return self.samplers[self.target].spins(state.rungs[self.target])

    def all_spins(self, state: TemperingState) -> np.ndarray:
        """The values of all rungs, `(rung, replica, *lattice)`; `init` takes them."""
        pairs = zip(self.samplers, state.rungs, strict=True)
        return np.stack([sampler.spins(rung) for sampler, rung in pairs])

    def packed(self, state: TemperingState) -> np.ndarray:
        """Rows of the target as an ensemble stores them."""
        return self.packed_rung(state, self.target)

    def packed_rung(self, state: TemperingState, rung: int) -> np.ndarray:
        """Rows of any rung as an ensemble stores them."""
        return self.samplers[rung].packed(state.rungs[rung])


def exchanges(
    couplings: Sequence[float],
    energies: np.ndarray,
    *,
    first: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Which neighbours exchange, bool `(rungs - 1, ladder)`.

    Pair k, of rungs k and k + 1, is tried if k - first is even, and accepted with
    probability min(1, e^{(K_k - K_{k+1})(E_k - E_{k+1})}).

    Args:
        couplings: K of the rungs.
        energies: *total* energies in units of J, `(rung, ladder)`.
        first: the first pair that is tried, 0 or 1.
        rng: one number per pair and ladder.
    """
    exponent = np.diff(np.asarray(couplings))[:, None] * np.diff(energies, axis=0)
    chance = np.exp(np.minimum(exponent, 0.0))
    swap = rng.random(chance.shape) < chance
    swap[1 - first :: 2] = False
    return swap


def ladder(
    model: Any,
    coupling: float,
    kernel: Callable[..., Any],
    *,
    start: float = 0.0,
    seed: int = 0,
) -> tuple[float, ...]:
    """Couplings from `start` to K whose neighbours exchange about 40 % of the time.

    Gaussian energies of variance σ² are exchanged with probability erfc(ΔK σ/2). σ is
    measured by annealing: a few sweeps of 64 replicas at each coupling, the next one
    at the spacing that σ asks for. The rungs then divide ∫ σ dK evenly. One seed gives
    one ladder; how well the annealing equilibrates changes the acceptance, never the
    law of a rung.

    Args:
        model: with an energy.
        coupling: K of the last rung, other than `start`.
        kernel: the sampler of each rung, `(model, coupling, replicas)`.
        start: K of the first rung; a kernel that refuses 0 needs another.
        seed: of the annealing.

    Raises:
        ValueError: a model without an energy, a coupling that is `start` or not finite,
            settings that the kernel refuses, or more than 512 rungs.
    """
    _check_energy(model)
    if coupling == start or not (math.isfinite(coupling) and math.isfinite(start)):
        raise ValueError(
            f"a ladder leads from one finite coupling to another, got {start} and "
            f"{coupling}; give different ones"
        )
    gap = 2 * float(erfcinv(ACCEPTANCE))  # ΔK σ between neighbours
    rng = generator(seed, "ladder")
    knots, spreads = [start], []
    values = None
    while True:
        values, spread = _anneal(kernel(model, knots[-1], PILOT), values, rng)
        spreads.append(spread)
        if knots[-1] == coupling:
            break
        if len(knots) == MOST_RUNGS:
            raise ValueError(
                f"a ladder has at most {MOST_RUNGS} rungs, got as far as K = "
                f"{knots[-1]:.4g} of {coupling}; start closer to it"
            )
        knots.append(_next_knot(knots[-1], coupling, gap / spread if spread else 0))
    return _evenly(np.array(knots), np.array(spreads), gap)


def _anneal(
    sampler: Any, values: np.ndarray | None, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """The values after the sweeps at one coupling, and σ of the total energy there."""
    state = sampler.step(sampler.init(rng=rng, values=values), rng=rng, sweeps=SETTLE)
    energies = []
    for _ in range(MEASURE):
        state = sampler.step(state, rng=rng)
        energies.append(sampler.model.energy(sampler.spins(state)))
    spread = float(np.std(energies)) * sampler.model.geometry.size
    return sampler.spins(state), spread


def _next_knot(here: float, end: float, gap: float) -> float:
    """One spacing further; the end where that is closer, or where nothing varies."""
    if gap == 0 or abs(end - here) <= gap:
        return end
    return here + math.copysign(gap, end - here)


def _evenly(knots: np.ndarray, spreads: np.ndarray, gap: float) -> tuple[float, ...]:
    """Rungs that divide ∫ σ dK into equal parts of at most `gap`, trapezoidal."""
    parts = abs(np.diff(knots)) * (spreads[1:] + spreads[:-1]) / 2
    length = np.concatenate([[0.0], np.cumsum(parts)])
    if length[-1] == 0:
        return float(knots[0]), float(knots[-1])
    rungs = 1 + max(1, math.ceil(length[-1] / gap))
    couplings = np.interp(np.linspace(0, length[-1], rungs), length, knots)
    return (float(knots[0]), *map(float, couplings[1:-1]), float(knots[-1]))


def _permutation(swap: np.ndarray) -> np.ndarray:
    """Which rung the configuration of each rung comes from, `(rung, ladder)`."""
    rungs, ladders = len(swap) + 1, swap.shape[1]
    order = np.repeat(np.arange(rungs)[:, None], ladders, axis=1)
    order[:-1] += swap
    order[1:] -= swap
    return order


def _headings(
    heading: np.ndarray, walkers: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The headings after an exchange, and how many walkers of each ladder came back."""
    heading, ladders = heading.copy(), np.arange(walkers.shape[1])
    bottom, top = (walkers[0], ladders), (walkers[-1], ladders)
    back = heading[bottom] == DOWN
    heading[bottom] = UP
    heading[top] = np.where(heading[top] == UP, DOWN, heading[top])
    return heading, back


def _check_energy(model: Any) -> None:
    if not callable(getattr(model, "energy", None)):
        raise ValueError(
            f"parallel tempering needs a model with an energy, got '{model.name}'; "
            "use another method"
        )


def _check_order(couplings: tuple[float, ...]) -> None:
    steps = [b - a for a, b in itertools.pairwise(couplings)]
    if not steps or not (all(s > 0 for s in steps) or all(s < 0 for s in steps)):
        raise ValueError(
            f"a ladder is two or more couplings in order, all different, got "
            f"{couplings}; use for example kadanoff.samplers.tempering.ladder"
        )
