"""What a unit of a layer can be, and what it does in a field.

A unit x in a field f has the law p(x | f) ∝ e^{f x − u(x)}:

    spin       x = ±1,     u = 0            ⟨x⟩ = tanh f     ln Σ = ln 2cosh f
    gaussian   x real,     u = ½ γ x²       ⟨x⟩ = f / γ      ln ∫ = f²/2γ + ½ ln 2π/γ

A machine is any visible layer with any hidden one: its laws need only what is here
(Welling, Rosen-Zvi and Hinton 2004, harmoniums of the exponential family). The
precision γ is one number for a layer; spins take no notice of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from kadanoff.kernels.units import draw_signs

__all__ = ["GAUSSIAN", "SPIN", "UNITS", "Gaussian", "Spin", "Units", "units_of"]


class Units(Protocol):
    """The law of the units of one layer."""

    @property
    def name(self) -> str:
        """What files and the command line call them."""
        ...

    def mean(self, field: Tensor, precision: Tensor) -> Tensor:
        """⟨x⟩ in the fields."""
        ...

    def draw(self, field: Tensor, precision: Tensor, noise: torch.Generator) -> Tensor:
        """Independent units in the given fields, of the shape and type of `field`."""
        ...

    def log_sum(self, field: Tensor, precision: Tensor) -> Tensor:
        """ln Σ_x e^{f x − u(x)}."""
        ...

    def self_energy(self, x: Tensor, precision: Tensor) -> Tensor:
        """u(x), site by site."""
        ...


@dataclass(frozen=True)
class Spin:
    """±1."""

    name: str = "spin"

    def mean(self, field: Tensor, precision: Tensor) -> Tensor:
        """⟨x⟩ = tanh f."""
        return torch.tanh(field)

    def draw(self, field: Tensor, precision: Tensor, noise: torch.Generator) -> Tensor:
        """±1, up with probability 1 / (1 + e^{−2f})."""
        # Compared with uniform numbers: sign(mean + noise) could be 0.
        up = (2 * field).sigmoid_()
        if up.dtype == torch.float32 and up.device.type == "cpu" and up.is_contiguous():
            start = torch.empty((), dtype=torch.int64).random_(generator=noise)
            draw_signs(up.numpy().reshape(-1), np.uint64(start.item()))
            return up
        uniform = torch.empty_like(up).uniform_(generator=noise)
        return uniform.lt_(up).mul_(2).sub_(1)

    def log_sum(self, field: Tensor, precision: Tensor) -> Tensor:
        """ln 2cosh f, without overflow; its derivative is tanh f."""
        return torch.logaddexp(field, -field)

    def self_energy(self, x: Tensor, precision: Tensor) -> Tensor:
        """Nothing."""
        return torch.zeros_like(x)


@dataclass(frozen=True)
class Gaussian:
    """Real numbers that spread by 1/√γ around f/γ."""

    name: str = "gaussian"

    def mean(self, field: Tensor, precision: Tensor) -> Tensor:
        """⟨x⟩ = f / γ."""
        return field / precision

    def draw(self, field: Tensor, precision: Tensor, noise: torch.Generator) -> Tensor:
        """Normal numbers of mean f/γ and variance 1/γ."""
        normal = torch.empty_like(field).normal_(generator=noise)
        return field / precision + normal / precision.sqrt()

    def log_sum(self, field: Tensor, precision: Tensor) -> Tensor:
        """f²/2γ + ½ ln 2π/γ."""
        return field.square() / (2 * precision) + (2 * math.pi / precision).log() / 2

    def self_energy(self, x: Tensor, precision: Tensor) -> Tensor:
        """½ γ x²."""
        return precision * x.square() / 2


SPIN, GAUSSIAN = Spin(), Gaussian()
UNITS: dict[str, Units] = {unit.name: unit for unit in (SPIN, GAUSSIAN)}


def units_of(name: str) -> Units:
    """The units of that name.

    Raises:
        ValueError: an unknown name.
    """
    if name not in UNITS:
        raise ValueError(f"units are {' or '.join(UNITS)}, got {name!r}")
    return UNITS[name]
