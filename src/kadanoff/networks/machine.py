"""A Boltzmann machine of two layers of ±1 units, without bonds inside a layer.

    E(v, h) = −b·h − vᵀ W h − c·v,      p(v, h) = e^{−E(v, h)} / Z

so that, given one layer, the units of the other are independent with mean
⟨h⟩ = tanh(Wᵀv + b) and ⟨v⟩ = tanh(W h + c) (Smolensky 1986; arXiv:1906.05212, section
2). Summing one layer out leaves the free energy of the other:

    F(v) = −ln Σ_h e^{−E(v, h)} = −c·v − Σ_a ln 2cosh (Wᵀv + b)_a

How W is shared (dense, translation-tied) is the business of the subclasses; formulas
in `W`, `b`, `c`, `v`, `h` read as above.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from kadanoff.exact.enumerate import all_states
from kadanoff.geometry import Geometry, Grid
from kadanoff.randomness import subseed

__all__ = ["Machine"]

MOST_ENUMERATED = 20
CHUNK = 1 << 12
INITIAL_SPREAD = 0.01


class Machine(nn.Module, ABC):
    """Energies of a two-layer machine, given the fields its weights exert.

    Configurations are `(n, *lattice)` tensors of ±1 (means are allowed); fields,
    energies and free energies are in units of kT.

    Attributes:
        W: weights; b, c: biases of the hidden and of the visible units.
        record: readings per epoch of the training that made the weights.
        notes: JSON-ready facts about that training (settings, seed, data).
    """

    kind: ClassVar[str]
    W: nn.Parameter
    b: nn.Parameter
    c: nn.Parameter

    def __init__(self, shapes: dict[str, tuple[int, ...]], biases: bool, seed: int):
        super().__init__()
        self.W = nn.Parameter(_drawn(shapes["W"], seed, INITIAL_SPREAD))
        # Odd biases of Z2-symmetric data can only be noise: frozen unless asked for.
        self.b = nn.Parameter(torch.zeros(shapes["b"]), requires_grad=biases)
        self.c = nn.Parameter(torch.zeros(shapes["c"]), requires_grad=biases)
        self.record: dict[str, np.ndarray] = {}
        self.notes: dict[str, Any] = {}

    @property
    def biases(self) -> bool:
        """Whether the biases are trained."""
        return self.b.requires_grad

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """The JSON-ready arguments that build a machine of this form."""

    @abstractmethod
    def visible_geometry(self, given: Geometry | None = None) -> Geometry:
        """The visible layer; ValueError where the weights do not fit `given`."""

    @abstractmethod
    def hidden_geometry(self, fine: Geometry | None = None) -> Geometry:
        """The hidden layer over the visible layer `fine`."""

    @abstractmethod
    def hidden_field(self, v: Tensor) -> Tensor:
        """Wᵀv + b, shape `(n, *hidden.lattice)`."""

    @abstractmethod
    def visible_field(self, h: Tensor) -> Tensor:
        """W h + c, shape `(n, *visible.lattice)`."""

    @abstractmethod
    def accumulate(
        self, moments: dict[str, Tensor], v: Tensor, h: Tensor, scale: float
    ) -> None:
        """Add `scale` Σ_n (v hᵀ, h, v) = −`scale` Σ_n ∂E/∂(W, b, c), in place.

        Keys missing from `moments` are left out (frozen biases).
        """

    @abstractmethod
    def orient(self) -> None:
        """Turn hidden units, in place, so that the weights of each add up to ≥ 0.

        (W, b, h)_a → −(W, b, h)_a leaves p(v) as it is: a convention, no knowledge.
        """

    def initialised(self, *, seed: int, scale: float = INITIAL_SPREAD) -> Self:
        """An untrained copy: weights from N(0, `scale`²), biases 0."""
        network = copy.deepcopy(self)
        shape = tuple(self.W.shape)
        network.W = nn.Parameter(_drawn(shape, seed, scale).to(self.W))
        nn.init.zeros_(network.b)
        nn.init.zeros_(network.c)
        network.record, network.notes = {}, {}
        return network

    def tensor(self, values: np.ndarray) -> Tensor:
        """Configurations in this machine's precision, on its device."""
        return torch.tensor(values).to(self.W)

    def copies(self, v: Tensor) -> int:
        """How many entries of the dense W one weight stands for on this lattice.

        A training divides by it, so that one learning rate serves every size.
        """
        return 1

    def energy(self, v: Tensor, h: Tensor) -> Tensor:
        """E(v, h), shape `(n,)`."""
        return -_sum(h * self.hidden_field(v)) - _sum(v.flatten(1) * self.c)

    def free_energy(self, v: Tensor) -> Tensor:
        """F(v) = −ln Σ_h e^{−E(v, h)}, shape `(n,)`."""
        return -_sum(v.flatten(1) * self.c) - _sum(_ln_2cosh(self.hidden_field(v)))

    def hidden_free_energy(self, h: Tensor) -> Tensor:
        """−ln Σ_v e^{−E(v, h)}, shape `(n,)`."""
        return -_sum(h.flatten(1) * self.b) - _sum(_ln_2cosh(self.visible_field(h)))

    def log_partition(self, visible: Geometry | None = None) -> Tensor:
        """ln Z, exact, by enumeration of the smaller layer.

        Args:
            visible: the lattice, for weights that fit many.

        Raises:
            ValueError: both layers have more than 20 units.
        """
        fine = self.visible_geometry(visible)
        coarse = self.hidden_geometry(fine)
        if math.prod(coarse.lattice) <= math.prod(fine.lattice):
            return self._log_sum(self.hidden_free_energy, coarse.lattice)
        return self._log_sum(self.free_energy, fine.lattice)

    def log_likelihood(self, v: Tensor) -> Tensor:
        """ln p(v) = −F(v) − ln Z in nats, shape `(n,)`; raises as `log_partition`."""
        return -self.free_energy(v) - self.log_partition(Grid(tuple(v.shape[1:])))

    def _log_sum(self, free_energy: Any, lattice: tuple[int, ...]) -> Tensor:
        """ln Σ e^{−free_energy} over all ±1 states of a layer."""
        parts = [
            torch.logsumexp(-free_energy(states.to(self.W).reshape(-1, *lattice)), 0)
            for states in _all_states(math.prod(lattice)).split(CHUNK)
        ]
        return torch.logsumexp(torch.stack(parts), 0)


def _drawn(shape: tuple[int, ...], seed: int, scale: float) -> Tensor:
    noise = torch.Generator().manual_seed(subseed(seed, "weights"))
    return torch.randn(shape, generator=noise) * scale


def _sum(values: Tensor) -> Tensor:
    return values.flatten(1).sum(1)


def _ln_2cosh(x: Tensor) -> Tensor:
    """ln(e^x + e^−x), without overflow; its derivative is tanh x."""
    return torch.logaddexp(x, -x)


def _all_states(units: int) -> Tensor:
    if units > MOST_ENUMERATED:
        raise ValueError(
            f"an exact ln Z enumerates a layer of at most {MOST_ENUMERATED} units, the "
            f"smaller one has {units}; estimate it by annealed importance sampling"
        )
    return torch.from_numpy(all_states(units))
