"""A layer of a network as a coarse-graining: h drawn from, or averaged over, p(h | v).

The conditional law p(h_a = 1 | v) = ½ [1 + tanh(Wᵀv + b)_a] of a machine is Kadanoff's
block rule p(μ | σ) ∝ exp(p μ Σσ) with learned weights in place of a block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from kadanoff.geometry import Geometry
from kadanoff.networks.gibbs import draw
from kadanoff.networks.machine import Machine
from kadanoff.networks.products import one_thread

__all__ = ["Layer"]

ROWS = 4096


@dataclass(frozen=True)
class Layer:
    """The hidden layer of a trained machine.

    Args:
        network: an `RBM`, for layers of its size, or a `ConvRBM`, for all grids that
            its stride divides.
        output: `sample` draws ±1 units; `mean` gives tanh(Wᵀv + b), real values.
        name: what to call the weights in a history, such as their file.

    Raises:
        ValueError: another output.
    """

    network: Machine
    output: Literal["sample", "mean"] = "sample"
    name: str = ""

    def __post_init__(self) -> None:
        if self.output not in ("sample", "mean"):
            raise ValueError(
                f"a layer puts out a 'sample' or the 'mean', got {self.output!r}"
            )

    def coarse(self, fine: Geometry) -> Geometry:
        """The hidden layer; ValueError where the weights do not fit `fine`."""
        return self.network.hidden_geometry(fine)

    def alphabet(self, fine: str) -> str:
        """±1 for samples, real for means; takes spins or the means of a layer."""
        return "pm1" if self.output == "sample" else "real"

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """`(n, *coarse.lattice)`: int8 samples or float32 means."""
        coarse = self.coarse(fine)
        noise = torch.Generator(self.network.W.device)
        noise.manual_seed(int(rng.integers(2**63)))
        chunks = np.split(spins, range(ROWS, len(spins), ROWS))
        parts = [self._values(chunk, noise) for chunk in chunks]
        return np.concatenate(parts).reshape(len(spins), *coarse.lattice)

    @torch.no_grad()
    def _values(self, spins: np.ndarray, noise: torch.Generator) -> np.ndarray:
        with one_thread():
            field = self.network.hidden_field(self.network.tensor(spins))
            if self.output == "mean":
                return torch.tanh(field).float().cpu().numpy()
            return draw(field, noise).to(torch.int8).cpu().numpy()

    def __str__(self) -> str:
        named = f"{self.network.kind}:{self.name}" if self.name else self.network.kind
        return named if self.output == "sample" else f"{named} (means)"
