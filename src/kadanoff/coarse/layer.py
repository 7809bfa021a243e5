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
from kadanoff.networks.gibbs import sample_hidden
from kadanoff.networks.machine import Machine
from kadanoff.networks.products import one_thread
from kadanoff.networks.units import SPIN

__all__ = ["Layer"]

ROWS = 4096


@dataclass(frozen=True)
class Layer:
    """The hidden layer of a trained machine.

    Args:
        network: an `RBM`, for layers of its size, or a `ConvRBM`, for all grids that
            its stride divides.
        output: `sample` draws ±1 units; `mean` gives tanh(Wᵀv + b), real values.
        map: which feature map of a machine that has several; all of them otherwise.
        name: what to call the weights in a history, such as their file.

    Raises:
        ValueError: another output, or a map that the machine does not have.
    """

    network: Machine
    output: Literal["sample", "mean"] = "sample"
    map: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        maps = self.network.feature_maps
        if self.map is not None and not 0 <= self.map < maps:
            raise ValueError(
                f"this layer has {maps} feature maps, numbered from 0, got {self.map}"
            )
        if self.output not in ("sample", "mean"):
            raise ValueError(
                f"a layer puts out a 'sample' or the 'mean', got {self.output!r}"
            )

    @property
    def features(self) -> int | None:
        """Number of feature maps; None where there is one, or one was chosen."""
        maps = self.network.feature_maps
        return maps if maps > 1 and self.map is None else None

    def coarse(self, fine: Geometry) -> Geometry:
        """The hidden layer; ValueError where the weights do not fit `fine`."""
        return self.network.hidden_geometry(fine)

    def alphabet(self, fine: str) -> str:
        """±1 for samples of spins, else real; ValueError for Potts states or angles."""
        if fine not in ("pm1", "real"):
            raise ValueError(
                f"a layer takes ±1 spins or real values, got alphabet {fine!r}"
            )
        spins = self.output == "sample" and self.network.hidden_units == SPIN
        return "pm1" if spins else "real"

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """`(n, *coarse.lattice)` or `(n, map, *coarse.lattice)`: int8 or float32."""
        coarse = self.coarse(fine)
        maps = () if self.features is None else (self.features,)
        noise = torch.Generator(self.network.W.device)
        noise.manual_seed(int(rng.integers(2**63)))
        chunks = np.split(spins, range(ROWS, len(spins), ROWS))
        parts = [self._values(chunk, noise) for chunk in chunks]
        return np.concatenate(parts).reshape(len(spins), *maps, *coarse.lattice)

    @torch.no_grad()
    def _values(self, spins: np.ndarray, noise: torch.Generator) -> np.ndarray:
        network = self.network
        with one_thread():
            v = network.tensor(spins)
            if self.output == "mean":
                h = network.hidden_mean(v)
            else:
                h = sample_hidden(network, v, noise=noise)
            if self.map is not None and network.feature_maps > 1:
                h = h[:, self.map]
            spin = self.output == "sample" and network.hidden_units == SPIN
            return h.to(torch.int8 if spin else torch.float32).cpu().numpy()

    def __str__(self) -> str:
        named = f"{self.network.kind}:{self.name}" if self.name else self.network.kind
        named += "" if self.map is None else f",map={self.map}"
        return named if self.output == "sample" else f"{named} (means)"
