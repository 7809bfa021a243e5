"""Replica exchange: chains that live on a ladder of laws and change places.

A rung is a law p_k(v) ∝ e^{−F_k(v)} of visible units: a machine at an inverse
temperature, a point of another path from independent units (`path`), or the machine of
an earlier epoch of a training. Each chain makes Gibbs steps on its rung, and then
neighbours i and j = i + 1 exchange their configurations x and y with probability

    min(1, exp[F_i(x) + F_j(y) − F_i(y) − F_j(x)])

F being the free energy with the hidden units summed out, which are drawn anew in the
next step. (With F while h is kept, with the joint energy while h is redrawn, or with βF
of the machine itself the laws of the rungs are not left alone.) At small β, or early in
a training, chains forget in a step what the last rung remembers for ages (Hukushima and
Nemoto 1996; Desjardins et al. 2010 for machines; Béreux et al. 2025 along a training).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kadanoff.geometry import Geometry
from kadanoff.networks.machine import Machine
from kadanoff.networks.path import Law, Path
from kadanoff.networks.products import one_thread
from kadanoff.samplers.tempering import ladder as annealed_ladder

__all__ = ["Exchanges", "checkpoints", "exchanged", "inverse_temperatures", "walked"]


def checkpoints(machines: Sequence[Machine], lattice: Sequence[int]) -> list[Law]:
    """The ladder along a training: its machines, each as it is."""
    return [Path.of_temperature(machine, lattice).at(1.0) for machine in machines]


@dataclass(frozen=True, eq=False)
class Exchanges:
    """How often each pair of neighbouring rungs was tried and exchanged, `(rung − 1,)`.

    Sums count together.
    """

    tried: np.ndarray
    made: np.ndarray

    def __add__(self, other: Exchanges) -> Exchanges:
        return Exchanges(self.tried + other.tried, self.made + other.made)

    @property
    def share(self) -> np.ndarray:
        """Of the tried ones; NaN of a pair that was never tried."""
        never = np.full(len(self.tried), np.nan)
        return np.divide(self.made, self.tried, out=never, where=self.tried > 0)


@torch.no_grad()
def walked(
    rungs: Sequence[Law], chains: Tensor, steps: int, noise: torch.Generator
) -> tuple[Tensor, Exchanges]:
    """Chains after so many Gibbs steps, each followed by exchanges.

    Which pairs of neighbours come first is drawn; then both kinds take turns. The law
    of every rung stays as it is, and all together their product.

    Args:
        rungs: the ladder.
        chains: `(rung, n, *lattice)`.
        steps: any number.
        noise: draws units and exchanges.
    """
    first = int(torch.randint(2, (), generator=noise, device=chains.device))
    tried = np.zeros(len(rungs) - 1)
    made = torch.zeros(len(tried), dtype=torch.float64, device=chains.device)
    for step in range(first, first + steps):
        pairs = zip(rungs, chains, strict=True)
        chains = torch.stack([rung.gibbs(v, noise) for rung, v in pairs])
        chains, taken = exchanged(rungs, chains, step % 2, noise)
        made += taken.sum(1)
        tried[step % 2 :: 2] += chains.shape[1]
    return chains, Exchanges(tried, made.numpy(force=True))


@torch.no_grad()
def exchanged(
    rungs: Sequence[Law], chains: Tensor, first: int, noise: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Chains after neighbours were offered each other's configurations.

    Args:
        rungs: the ladder.
        chains: `(rung, n, *lattice)`.
        first: 0 pairs the rungs (0, 1), (2, 3), …; 1 pairs (1, 2), (3, 4), …
        noise: decides.

    Returns:
        The chains, and which of them were exchanged, `(rung − 1, n)` of bool; pairs
        that were not offered are False.
    """
    chains = chains.clone()
    taken = torch.zeros(
        len(rungs) - 1, chains.shape[1], dtype=torch.bool, device=chains.device
    )
    for i in range(first, len(rungs) - 1, 2):
        both = chains[i : i + 2]
        fall = _fall(rungs[i], rungs[i + 1], both.flatten(0, 1)).reshape(2, -1)
        gain = fall[0] - fall[1]
        uniform = torch.empty_like(gain).uniform_(generator=noise)
        taken[i] = swap = uniform.log() < gain
        both[:, swap] = both.flip(0)[:, swap]
    return chains, taken


def _fall(low: Law, high: Law, v: Tensor) -> Tensor:
    """F_low(v) − F_high(v), shape `(n,)`."""
    response = low.response(v)
    of_one_path = high.bare is low.bare
    above = high.free_energy(v, response if of_one_path else None)
    return low.free_energy(v, response) - above


def inverse_temperatures(
    machine: Machine, visible: Geometry | None = None, *, seed: int = 0
) -> tuple[float, ...]:
    """β from 0 to 1 whose neighbours exchange 40 % of the time or more.

    40 % is for exchanges of both layers by their energy, whose spread is measured in an
    annealing run (`samplers.tempering.ladder`); the laws of v alone differ less.

    Args:
        machine: any machine.
        visible: the lattice, for weights that fit many.
        seed: of the annealing.

    Raises:
        ValueError: another lattice, or more than 512 rungs.
    """
    fine = machine.visible_geometry(visible)
    model = _Model(Path.of_temperature(machine, fine.lattice), fine)
    with one_thread(), torch.no_grad():
        return annealed_ladder(model, 1.0, _Chains, seed=seed)


@dataclass(frozen=True, eq=False)
class _Model:
    """Both layers of a machine, of the energy dE_β/dβ, for `samplers.tempering`."""

    path: Path
    geometry: Geometry
    name: str = "machine"

    def energy(self, layers: tuple[Tensor, Tensor]) -> np.ndarray:
        return self.path.slope(*layers).numpy(force=True) / self.geometry.size


@dataclass(frozen=True, eq=False)
class _Chains:
    """Gibbs chains at one β; a state is their units of both layers."""

    model: _Model
    beta: float
    replicas: int

    def init(
        self,
        *,
        rng: np.random.Generator,
        values: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        if values is not None:
            return values
        path, noise = self.model.path, self._noise(rng)
        v = path.draw_start(self.replicas, noise)
        return v, path.at(0.0).draw_hidden(v, noise)

    def step(
        self, state: tuple[Tensor, Tensor], *, rng: np.random.Generator, sweeps: int = 1
    ) -> tuple[Tensor, Tensor]:
        law, noise = self.model.path.at(self.beta), self._noise(rng)
        v, h = state
        for _ in range(sweeps):
            v = law.draw_visible(h, noise)
            h = law.draw_hidden(v, noise)
        return v, h

    def spins(self, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return state

    def _noise(self, rng: np.random.Generator) -> torch.Generator:
        noise = torch.Generator(self.model.path.bare.W.device)
        return noise.manual_seed(int(rng.integers(2**62)))
