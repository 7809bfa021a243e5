"""A Boltzmann machine of two layers, without bonds inside a layer.

    E(v, h) = u(v) + u(h) − b·h − vᵀ W h − c·v,      p(v, h) = e^{−E(v, h)} / Z

so that, given one layer, the units of the other are independent in the fields Wᵀv + b
and W h + c (Smolensky 1986; arXiv:1906.05212, section 2). For ±1 units u = 0 and the
means are tanh(Wᵀv + b) and tanh(W h + c); `networks.units` has the others. Summing one
layer out leaves the free energy of the other:

    F(v) = −ln Σ_h e^{−E(v, h)} = u(v) − c·v − Σ_a ln 2cosh (Wᵀv + b)_a

How W is shared (dense, translation-tied) is the business of the subclasses; formulas
in `W`, `b`, `c`, `v`, `h` read as above.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from kadanoff.geometry import Geometry
from kadanoff.networks.units import GAUSSIAN, SPIN, Units, units_of
from kadanoff.randomness import subseed

__all__ = ["Machine"]

INITIAL_SPREAD = 0.01


class Machine(nn.Module, ABC):
    """Energies of a two-layer machine, given the fields its weights exert.

    Configurations are `(n, *lattice)` tensors of units (means are allowed); fields,
    energies and free energies are in units of kT.

    Attributes:
        W: weights; b, c: biases of the hidden and of the visible units.
        log_precision: ln γ of Gaussian visible units; None where they are spins.
        visible_units, hidden_units: what the units of each layer are.
        record: readings per epoch of the training that made the weights.
        notes: JSON-ready facts about that training (settings, seed, data).
    """

    kind: ClassVar[str]
    W: nn.Parameter
    b: nn.Parameter
    c: nn.Parameter
    log_precision: nn.Parameter | None
    visible_units: Units
    hidden_units: Units

    def __init__(
        self,
        shapes: dict[str, tuple[int, ...]],
        *,
        biases: bool,
        seed: int,
        units: Sequence[str] = (SPIN.name, SPIN.name),
    ):
        super().__init__()
        self.visible_units, self.hidden_units = map(units_of, units)
        if self.visible_units == self.hidden_units == GAUSSIAN:
            raise ValueError(
                "two layers of Gaussian units are one Gaussian law, which `pca` fits "
                "exactly; make one of the layers spins"
            )
        self.W = nn.Parameter(_drawn(shapes["W"], seed, INITIAL_SPREAD))
        # Odd biases of Z2-symmetric data can only be noise: frozen unless asked for.
        self.b = nn.Parameter(torch.zeros(shapes["b"]), requires_grad=biases)
        self.c = nn.Parameter(torch.zeros(shapes["c"]), requires_grad=biases)
        gaussian = self.visible_units == GAUSSIAN
        self.log_precision = nn.Parameter(torch.zeros(())) if gaussian else None
        self.record: dict[str, np.ndarray] = {}
        self.notes: dict[str, Any] = {}

    def check_finite(self) -> None:
        """Refuse weights that are no numbers.

        Raises:
            ValueError: some of them are NaN or infinite.
        """
        for name, parameter in self.named_parameters():
            if not bool(torch.isfinite(parameter).all()):
                raise ValueError(
                    f"the {self.kind} needs finite weights, got NaN or infinity in its "
                    f"{name}; train it again, or load another file"
                )

    @property
    def biases(self) -> bool:
        """Whether the biases are trained."""
        return self.b.requires_grad

    @property
    def precision(self) -> Tensor:
        """γ of the visible units; 1 where they have none."""
        if self.log_precision is None:
            return self.W.new_ones(())
        return self.log_precision.exp()

    @property
    def feature_maps(self) -> int:
        """Hidden units per site of the hidden geometry."""
        return 1

    @property
    def units(self) -> tuple[str, str]:
        """Names of the visible and of the hidden units."""
        return self.visible_units.name, self.hidden_units.name

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """The JSON-ready arguments that build a machine of this form."""

    @abstractmethod
    def visible_geometry(self, given: Geometry | None = None) -> Geometry:
        """The visible layer; ValueError where the weights do not fit `given`."""

    @abstractmethod
    def hidden_geometry(self, fine: Geometry | None = None) -> Geometry:
        """The hidden layer over the visible layer `fine`."""

    def hidden_lattice(self, fine: Geometry | None = None) -> tuple[int, ...]:
        """Shape of one hidden configuration over the visible layer `fine`."""
        return self.hidden_geometry(fine).lattice

    @abstractmethod
    def hidden_field(self, v: Tensor) -> Tensor:
        """Wᵀv + b, shape `(n, *hidden.lattice)`."""

    @abstractmethod
    def visible_field(self, h: Tensor) -> Tensor:
        """W h + c, shape `(n, *visible.lattice)`."""

    @abstractmethod
    def accumulate(
        self,
        moments: dict[str, Tensor],
        v: Tensor,
        h: Tensor,
        scale: float,
        keep: float = 1.0,
    ) -> None:
        """`moments` ← `keep` · moments − `scale` Σ_n ∂E/∂(parameter), in place.

        −∂E/∂(W, b, c, ln γ) is (v hᵀ, h, v, −½ γ v²), summed over the entries that
        share one parameter. Keys missing from `moments` are left out.
        """

    @abstractmethod
    def orient(self) -> None:
        """Turn hidden units, in place, so that the weights of each add up to ≥ 0.

        (W, b, h)_a → −(W, b, h)_a leaves p(v) as it is: a convention, no knowledge.
        """

    def hidden_mean(self, v: Tensor) -> Tensor:
        """⟨h⟩ given v."""
        return self.hidden_units.mean(self.hidden_field(v), self.W.new_ones(()))

    def visible_mean(self, h: Tensor) -> Tensor:
        """⟨v⟩ given h."""
        return self.visible_units.mean(self.visible_field(h), self.precision)

    def draw_hidden(self, field: Tensor, noise: torch.Generator) -> Tensor:
        """Hidden units in the given fields."""
        return self.hidden_units.draw(field, field.new_ones(()), noise)

    def draw_visible(self, field: Tensor, noise: torch.Generator) -> Tensor:
        """Visible units in the given fields."""
        return self.visible_units.draw(field, self.precision, noise)

    def initialised(self, *, seed: int, scale: float = INITIAL_SPREAD) -> Self:
        """An untrained copy: weights from N(0, `scale`²), biases 0, precision 1."""
        network = copy.deepcopy(self)
        shape = tuple(self.W.shape)
        network.W = nn.Parameter(_drawn(shape, seed, scale).to(self.W))
        nn.init.zeros_(network.b)
        nn.init.zeros_(network.c)
        if network.log_precision is not None:
            nn.init.zeros_(network.log_precision)
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
        inside = self._visible_energy(v) + _sum(self._hidden_self_energy(h))
        return inside - _sum(h * self.hidden_field(v))

    def free_energy(self, v: Tensor, beta: float = 1.0) -> Tensor:
        """F(v) = −ln Σ_h e^{−E(v, h)}, shape `(n,)`.

        At another `beta` the fields are scaled by it: E = u(v) + u(h) − β (b·h + …).
        """
        field = beta * self.hidden_field(v)
        summed = self.hidden_units.log_sum(field, field.new_ones(()))
        return self._visible_energy(v, beta) - _sum(summed)

    def hidden_free_energy(self, h: Tensor) -> Tensor:
        """−ln Σ_v e^{−E(v, h)}, shape `(n,)`."""
        summed = self.visible_units.log_sum(self.visible_field(h), self.precision)
        inside = self._hidden_self_energy(h) - h * self._per_unit(self.b, h)
        return _sum(inside) - _sum(summed)

    def _accumulate_precision(
        self, moments: dict[str, Tensor], v: Tensor, scale: float, keep: float
    ) -> None:
        if "log_precision" in moments:
            energy = self.visible_units.self_energy(v, self.precision).sum()
            moments["log_precision"].mul_(keep).sub_(energy, alpha=scale)

    def _visible_energy(self, v: Tensor, beta: float = 1.0) -> Tensor:
        """u(v) − β c·v, shape `(n,)`."""
        inside = _sum(self.visible_units.self_energy(v, self.precision))
        return inside - beta * _sum(v.flatten(1) * self.c)

    def _hidden_self_energy(self, h: Tensor) -> Tensor:
        return self.hidden_units.self_energy(h, h.new_ones(()))

    def _per_unit(self, b: Tensor, h: Tensor) -> Tensor:
        """Hidden biases in a shape that goes with `h`."""
        return b

    def log_partition(self, visible: Geometry | None = None) -> Tensor:
        """ln Z, exact and in float64; see `networks.partition.log_partition`.

        Args:
            visible: the lattice, for weights that fit many.

        Raises:
            ValueError: no layer of at most 25 spins, and no strip narrow enough.
        """
        from kadanoff.networks.partition import log_partition

        return log_partition(self, visible)

    def log_likelihood(self, v: Tensor) -> Tensor:
        """ln p(v) = −F(v) − ln Z in nats, shape `(n,)`; raises as `log_partition`."""
        from kadanoff.networks.partition import log_likelihood

        return log_likelihood(self, v)


def _drawn(shape: tuple[int, ...], seed: int, scale: float) -> Tensor:
    noise = torch.Generator().manual_seed(subseed(seed, "weights"))
    return torch.randn(shape, generator=noise) * scale


def _sum(values: Tensor) -> Tensor:
    return values.flatten(1).sum(1)
