"""The restricted Boltzmann machine with a weight between every two units.

Its hidden layer has no positions: a dense machine does not know the lattice, so
locality, where it appears, has been learned (arXiv:1906.05212; arXiv:1410.3831).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kadanoff.geometry import Geometry, Grid, Unordered, geometry_from
from kadanoff.networks.machine import Machine

__all__ = ["RBM"]


class RBM(Machine):
    """A dense machine.

    Args:
        visible: the visible layer: a geometry, the sides of a grid, or a number of
            units without positions.
        hidden: number of hidden units.
        biases: train them; frozen at 0 otherwise, as Z2-symmetric data need.
        seed: draws the initial weights, N(0, 0.01²).
        units: what the visible and the hidden units are, `spin` or `gaussian`;
            Gaussian visible units take block averages and fields.

    Raises:
        ValueError: a layer without units, unknown units, or two Gaussian layers.

    >>> RBM((4, 4), hidden=3).hidden_geometry()
    Unordered(size=3)
    """

    kind = "rbm"

    def __init__(
        self,
        visible: Geometry | tuple[int, ...] | int,
        hidden: int,
        *,
        biases: bool = False,
        seed: int = 0,
        units: Sequence[str] = ("spin", "spin"),
    ):
        layer, unordered = _geometry(visible), Unordered(hidden)
        shapes = self.shapes(layer, hidden)
        super().__init__(shapes, biases=biases, seed=seed, units=units)
        self.visible, self.hidden = layer, unordered

    @staticmethod
    def shapes(visible: Geometry, hidden: int) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters."""
        sites = math.prod(visible.lattice)
        return {"W": (sites, hidden), "b": (hidden,), "c": (sites,)}

    def describe(self) -> dict[str, Any]:
        """The visible geometry, the number of hidden units, whether biases, units."""
        return {
            "visible": self.visible.describe(),
            "hidden": self.hidden.size,
            "biases": self.biases,
            "units": list(self.units),
        }

    def visible_geometry(self, given: Geometry | None = None) -> Geometry:
        """Its own, or any layer of as many units."""
        if given is None:
            return self.visible
        if math.prod(given.lattice) != math.prod(self.visible.lattice):
            raise ValueError(
                f"this rbm has {math.prod(self.visible.lattice)} visible units, got "
                f"configurations of {math.prod(given.lattice)} sites; train one of "
                "that size, or use a conv-rbm, which fits every size"
            )
        return given

    def hidden_geometry(self, fine: Geometry | None = None) -> Unordered:
        """Hidden units have no positions."""
        self.visible_geometry(fine)
        return self.hidden

    def hidden_field(self, v: Tensor) -> Tensor:
        """Wᵀv + b, shape `(n, hidden)`, of `(n, *lattice)` units."""
        return torch.addmm(self.b, v.flatten(1), self.W)

    def visible_field(self, h: Tensor) -> Tensor:
        """W h + c, shape `(n, *visible.lattice)`, of `(n, hidden)` units."""
        field = torch.addmm(self.c, h, self.W.T)
        return field.reshape(-1, *self.visible.lattice)

    def accumulate(
        self,
        moments: dict[str, Tensor],
        v: Tensor,
        h: Tensor,
        scale: float,
        keep: float = 1.0,
    ) -> None:
        """moments ← `keep` · moments + `scale` Σ_n (v hᵀ, h, v, −½ γ v²), in place."""
        v = v.flatten(1)
        moments["W"].addmm_(v.T, h, beta=keep, alpha=scale)
        self._accumulate_precision(moments, v, scale, keep)
        if "b" in moments:
            moments["b"].mul_(keep).add_(h.sum(0), alpha=scale)
            moments["c"].mul_(keep).add_(v.sum(0), alpha=scale)

    @torch.no_grad()
    def orient(self) -> None:
        """Turn hidden units, in place, so that the weights of each add up to ≥ 0."""
        signs = torch.where(self.W.sum(0) < 0, -1.0, 1.0).to(self.W)
        self.W.mul_(signs)
        self.b.mul_(signs)


def _geometry(visible: Any) -> Geometry:
    match visible:
        case Grid() | Unordered():
            return visible
        case dict():
            return geometry_from(visible)
        case int():
            return Unordered(visible)
        case _:
            return Grid(tuple(visible))
