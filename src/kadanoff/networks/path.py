"""From independent units to a machine: the laws that annealing and tempering walk.

    E_β(v, h) = u(v) + u(h) − b_β·h − c_β·v − β vᵀW h
    b_β = b_0 + β (b − b_0),      c_β = c_0 + β (c − c_0)

At β = 0 units are independent and Z is known; at β = 1 they are the machine. With
b_0 = c_0 = 0 all fields are scaled, and β is an inverse temperature: ±1 units have the
law e^{−βE}. Each β is a machine of its own with the free energy
F_β(v) = −ln Σ_h e^{−E_β(v, h)}, which is not βF(v).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kadanoff.networks.machine import Machine
from kadanoff.networks.twin import parameters_of, with_parameters
from kadanoff.networks.units import SPIN

__all__ = ["Path", "rising", "schedule"]

LARGEST_MEAN = 0.99


@dataclass(frozen=True, eq=False)
class Path:
    """The machines E_β, from independent units at β = 0 to the machine at β = 1.

    Configurations are `(n, *lattice)`.

    Attributes:
        bare: the machine without its biases.
        start: b_0 and c_0, one per unit, float64.
        end: b and c.
    """

    bare: Machine
    start: tuple[Tensor, Tensor]
    end: tuple[Tensor, Tensor]

    @classmethod
    def of_weights(
        cls, machine: Machine, lattice: Sequence[int], data: Tensor | None = None
    ) -> Path:
        """The weights grow while the biases stay.

        Args:
            machine: any machine.
            lattice: of its visible layer.
            data: configurations whose means the visible units take at β = 0 instead,
                from where their biases change to those of the machine.
        """
        b, c = _biases(machine, lattice)
        start = c if data is None else _field_of(machine, data, c)
        return cls(_without_biases(machine), (b, start), (b, c))

    @classmethod
    def of_temperature(cls, machine: Machine, lattice: Sequence[int]) -> Path:
        """All fields grow, from none to those of the machine."""
        biases = _biases(machine, lattice)
        b, c = (torch.zeros_like(bias) for bias in biases)
        return cls(_without_biases(machine), (b, c), biases)

    @property
    def log_start(self) -> float:
        """ln Z at β = 0, a total."""
        bare, (b, c) = self.bare, self.start
        visible = bare.visible_units.log_sum(c, bare.precision.double())
        hidden = bare.hidden_units.log_sum(b, b.new_ones(()))
        return float(visible.sum() + hidden.sum())

    def draw_start(self, count: int, noise: torch.Generator) -> Tensor:
        """Independent v of the law at β = 0."""
        _, c = self.start
        field = c.expand(count, *c.shape).to(self.bare.W)
        return self.bare.draw_visible(field.contiguous(), noise)

    def at(self, beta: float) -> Law:
        """The law of E_β."""
        ends = zip(self.start, self.end, strict=True)
        return Law(self.bare, beta, *(here + beta * (end - here) for here, end in ends))

    def slope(self, v: Tensor, h: Tensor) -> Tensor:
        """dE_β/dβ, `(n,)`; the same at every β."""
        b, c = (end - here for here, end in zip(self.start, self.end, strict=True))
        inside = h * (self.bare.hidden_field(v) + b.to(h))
        return -inside.flatten(1).sum(1) - (v * c.to(v)).flatten(1).sum(1)


@dataclass(frozen=True, eq=False)
class Law:
    """A machine as a law of its visible units at one β, p(v) ∝ e^{−F_β(v)}.

    Attributes:
        bare: the machine without its biases.
        beta: what its weights are scaled by.
        b, c: biases at β, one per unit.
    """

    bare: Machine
    beta: float
    b: Tensor
    c: Tensor

    def response(self, v: Tensor) -> Tensor:
        """Wᵀv, the same at every β of a path."""
        return self.bare.hidden_field(v)

    def free_energy(self, v: Tensor, response: Tensor | None = None) -> Tensor:
        """F_β(v) = −ln Σ_h e^{−E_β(v, h)}, `(n,)`.

        In the precision of the machine, or of a response that is given.
        """
        response = self.response(v) if response is None else response
        v = v.to(response)
        bare, one = self.bare, response.new_ones(())
        hidden = bare.hidden_units.log_sum(self._hidden_field(response), one)
        own = bare.visible_units.self_energy(v, bare.precision.to(response))
        inside = v.flatten(1) @ self.c.flatten().to(response)
        return own.flatten(1).sum(1) - inside - hidden.flatten(1).sum(1)

    def gibbs(
        self, v: Tensor, noise: torch.Generator, response: Tensor | None = None
    ) -> Tensor:
        """v after one v → h → v, which leaves the law as it is."""
        return self.draw_visible(self.draw_hidden(v, noise, response), noise)

    def draw_hidden(
        self, v: Tensor, noise: torch.Generator, response: Tensor | None = None
    ) -> Tensor:
        """h given v."""
        response = self.response(v) if response is None else response
        return self.bare.draw_hidden(self._hidden_field(response), noise)

    def draw_visible(self, h: Tensor, noise: torch.Generator) -> Tensor:
        """v given h."""
        response = self.bare.visible_field(h).reshape(-1, *self.c.shape)
        field = torch.add(self.c.to(response), response, alpha=self.beta)
        return self.bare.draw_visible(field, noise)

    def _hidden_field(self, response: Tensor) -> Tensor:
        return torch.add(self.b.to(response), response, alpha=self.beta)


def schedule(count: int, power: float = 1.0) -> tuple[float, ...]:
    """`count` values β = 1 − (1 − x)^power, x = 0 … 1 evenly: finer near 1 above 1.

    Raises:
        ValueError: fewer than two values, or a power that is not positive.

    >>> schedule(3, power=2)
    (0.0, 0.75, 1.0)
    """
    if count < 2 or not power > 0:
        raise ValueError(
            f"a schedule has at least two β and a positive power, got {count} and "
            f"{power}; give for example 1000 and 1"
        )
    return tuple((1 - (1 - np.linspace(0, 1, count)) ** power).tolist())


def rising(temperatures: int | Sequence[float]) -> tuple[float, ...]:
    """β from 0 to 1: the given ones, or so many, evenly.

    Raises:
        ValueError: fewer than two, or others.
    """
    if isinstance(temperatures, int):
        return schedule(temperatures)
    betas = tuple(float(beta) for beta in temperatures)
    ascending = all(a < b for a, b in itertools.pairwise(betas))
    if len(betas) < 2 or betas[0] != 0 or betas[-1] != 1 or not ascending:
        raise ValueError(
            "the β of a path rise from 0 to 1, at least two of them, got "
            f"{betas[:3]} … {betas[-1:]}; use `schedule`"
        )
    return betas


@torch.no_grad()
def _biases(machine: Machine, lattice: Sequence[int]) -> tuple[Tensor, Tensor]:
    """b and c, one per unit, in float64."""
    b = machine.hidden_field(torch.zeros(1, *lattice).to(machine.W))
    c = machine.visible_field(torch.zeros_like(b)).reshape(*lattice)
    return b[0].double(), c.double()


@torch.no_grad()
def _field_of(machine: Machine, data: Tensor, c: Tensor) -> Tensor:
    """Fields in which independent visible units have the means of the data."""
    mean = data.double().reshape(-1, *c.shape).mean(0)
    if machine.visible_units == SPIN:
        return mean.clamp(-LARGEST_MEAN, LARGEST_MEAN).atanh()
    return mean * machine.precision.double()


def _without_biases(machine: Machine) -> Machine:
    return with_parameters(
        machine,
        {
            name: torch.zeros_like(p) if name in ("b", "c") else p.detach()
            for name, p in parameters_of(machine).items()
        },
    )
