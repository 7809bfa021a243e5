"""A layer of a network as a coarse-graining: h drawn from, or averaged over, p(h | v).

The conditional law p(h_a = 1 | v) = ½ [1 + tanh(Wᵀv + b)_a] of a machine is Kadanoff's
block rule p(μ | σ) ∝ exp(p μ Σσ) with learned weights in place of a block. A deep
belief network is a stack of layers; the code of a baseline has no law and is a map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from kadanoff.coarse.rule import NUMBERS, check_takes, is_whole
from kadanoff.coarse.stack import Stack
from kadanoff.geometry import Geometry, Unordered
from kadanoff.networks.autoencoder import Autoencoder
from kadanoff.networks.dbn import DBN
from kadanoff.networks.gibbs import sample_hidden
from kadanoff.networks.machine import Machine
from kadanoff.networks.pca import PCA
from kadanoff.networks.products import one_thread
from kadanoff.networks.units import SPIN

__all__ = ["Code", "Layer", "layers_of"]

ROWS = 4096


@dataclass(frozen=True)
class Layer:
    """The hidden layer of a trained machine.

    Args:
        network: an `RBM`, for layers of its size, or a `ConvRBM`, for all grids that
            its stride divides.
        output: `sample` draws units, ±1 or real; `mean` gives ⟨h⟩ given v, for spins
            tanh(Wᵀv + b), real values.
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
        if not isinstance(self.network, Machine):
            raise ValueError(
                "a layer is that of an RBM or a ConvRBM, got "
                f"{type(self.network).__name__}; give layers_of(network) for a DBN, "
                "Code(network) for a PCA or an autoencoder"
            )
        self.network.check_finite()
        maps = self.network.feature_maps
        if self.map is not None and not (is_whole(self.map) and 0 <= self.map < maps):
            raise ValueError(
                f"this layer has {maps} feature maps, numbered from 0, got {self.map!r}"
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
        check_takes(self, fine, NUMBERS)
        return "pm1" if self._spins else "real"

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """`(n, *coarse.lattice)` or `(n, map, *coarse.lattice)`: int8 or float32."""
        coarse = self.coarse(fine)
        maps = () if self.features is None else (self.features,)
        noise = torch.Generator(self.network.W.device)
        noise.manual_seed(int(rng.integers(2**63)))
        kind = torch.int8 if self._spins else torch.float32
        values = _in_turn(spins, lambda part: self._values(part, noise).to(kind))
        return values.reshape(len(spins), *maps, *coarse.lattice)

    @property
    def _spins(self) -> bool:
        return self.output == "sample" and self.network.hidden_units == SPIN

    def _values(self, spins: np.ndarray, noise: torch.Generator) -> torch.Tensor:
        v = self.network.tensor(spins)
        if self.output == "mean":
            h = self.network.hidden_mean(v)
        else:
            h = sample_hidden(self.network, v, noise=noise)
        if self.map is None or self.network.feature_maps == 1:
            return h
        return h[:, self.map]

    def __str__(self) -> str:
        named = f"{self.network.kind}:{self.name}" if self.name else self.network.kind
        named += "" if self.map is None else f",map={self.map}"
        return named if self.output == "sample" else f"{named} (means)"


def layers_of(
    network: DBN, output: Literal["sample", "mean"] = "sample", *, name: str = ""
) -> Stack:
    """The layers of a deep network, one rule each: Stack(…).levels has them all.

    Args:
        network: the trained stack.
        output: of every layer, and so what the next one sees: what the training
            passed on, for the law that was trained.
        name: what to call the weights in a history; layers are numbered from 0.

    Raises:
        ValueError: another network or output.
    """
    if not isinstance(network, DBN):
        raise ValueError(
            f"layers are those of a DBN, got {type(network).__name__}; give "
            "Layer(network) for one machine"
        )
    return Stack(
        tuple(
            Layer(machine, output, name=f"{name}[{l}]" if name else "")
            for l, machine in enumerate(network.machines)
        )
    )


@dataclass(frozen=True)
class Code:
    """The code of a baseline, a map without chance: of real values, unordered.

    Args:
        network: a fitted `PCA` or a trained `Autoencoder`.
        name: what to call the weights in a history, such as their file.

    Raises:
        ValueError: another network.
    """

    network: PCA | Autoencoder
    name: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.network, PCA | Autoencoder):
            raise ValueError(
                f"a code is that of a PCA or an autoencoder, got "
                f"{type(self.network).__name__}; give Layer(network) for a machine"
            )

    @property
    def features(self) -> None:
        """One value per unit."""

    def coarse(self, fine: Geometry) -> Unordered:
        """The units of the code; ValueError where the weights do not fit `fine`."""
        return self.network.hidden_geometry(fine)

    def alphabet(self, fine: str) -> str:
        """Real; ValueError for Potts states or angles."""
        check_takes(self, fine, NUMBERS)
        return "real"

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """`(n, units)` real values, float32."""
        self.coarse(fine)
        network = self.network
        return _in_turn(
            spins, lambda part: network.hidden_mean(network.tensor(part)).float()
        )

    def __str__(self) -> str:
        return f"{self.network.kind}:{self.name}" if self.name else self.network.kind


@torch.no_grad()
def _in_turn(
    spins: np.ndarray, values: Callable[[np.ndarray], torch.Tensor]
) -> np.ndarray:
    """What `values` makes of some configurations at a time, put together again."""
    rows = np.split(spins, range(ROWS, len(spins), ROWS))
    with one_thread():
        return np.concatenate([values(some).cpu().numpy() for some in rows])
