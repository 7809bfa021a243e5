"""Chains exchanged along a ladder of laws: in temperature, or along a training.

A rung is a machine at an inverse temperature β (its fields times β): p(v) ∝ e^{−F(v)}.
Each chain makes Gibbs steps on its rung, then neighbours i and j = i + 1 exchange their
visible configurations x and y with probability

    min(1, exp[F_i(x) + F_j(y) − F_i(y) − F_j(x)])

F being the free energy with the hidden units summed out, which are drawn anew in the
next step. (Exchanging on F while keeping h, or on the joint energy while redrawing it,
leaves neither law invariant.) At small β, or early in a training, chains forget in a
step what the last rung remembers for ages (Hukushima and Nemoto 1996; Desjardins et al.
2010 for machines; Béreux et al. 2025 along a training).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kadanoff.networks.machine import Machine

__all__ = ["Rung", "exchanged", "free_chains", "stepped", "temperatures"]


@dataclass(frozen=True, eq=False)
class Rung:
    """One law of the ladder.

    Args:
        machine: its weights.
        beta: inverse temperature; 0 leaves units without fields.
    """

    machine: Machine
    beta: float = 1.0

    def free_energy(self, v: Tensor) -> Tensor:
        """F(v), shape `(n,)`."""
        return self.machine.free_energy(v, self.beta)

    def gibbs(self, v: Tensor, noise: torch.Generator) -> Tensor:
        """v → h → v on this rung."""
        machine = self.machine
        h = machine.draw_hidden(self.beta * machine.hidden_field(v), noise)
        return machine.draw_visible(self.beta * machine.visible_field(h), noise)


def temperatures(machine: Machine, rungs: int) -> list[Rung]:
    """Inverse temperatures from 0, free units, to 1, the machine itself.

    Raises:
        ValueError: fewer than two rungs.
    """
    if rungs < 2:
        raise ValueError(f"a ladder has at least 2 rungs, got {rungs}")
    return [Rung(machine, k / (rungs - 1)) for k in range(rungs)]


def free_chains(
    machine: Machine, shape: tuple[int, ...], noise: torch.Generator
) -> Tensor:
    """Visible units without fields, of that shape: where chains of a ladder start."""
    return machine.draw_visible(torch.zeros(shape).to(machine.W), noise)


@torch.no_grad()
def stepped(rungs: Sequence[Rung], chains: Tensor, noise: torch.Generator) -> Tensor:
    """`(rung, n, *lattice)` chains after one Gibbs step on every rung."""
    moved = [rung.gibbs(v, noise) for rung, v in zip(rungs, chains, strict=True)]
    return torch.stack(moved)


@torch.no_grad()
def exchanged(
    rungs: Sequence[Rung], chains: Tensor, first: int, noise: torch.Generator
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
        low, high = rungs[i], rungs[i + 1]
        x, y = chains[i].clone(), chains[i + 1].clone()
        gain = low.free_energy(x) + high.free_energy(y)
        gain -= low.free_energy(y) + high.free_energy(x)
        uniform = torch.empty_like(gain).uniform_(generator=noise)
        taken[i] = uniform.log() < gain
        chains[i, taken[i]], chains[i + 1, taken[i]] = y[taken[i]], x[taken[i]]
    return chains, taken
