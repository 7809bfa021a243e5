"""The translation-tied machine: a few filters, the same for every block of the lattice.

    E(v, h) = −Σ_m Σ_X h_mX (b_m + Σ_y w_my v_{sX + y}) − c Σ_x v_x     (+ u(v) + u(h))

with stride s: a block-spin rule with learned weights, whose hidden units sit at the
centres of the blocks, and whose few parameters fit every lattice that s divides (Lee et
al. 2009, without pooling). Every filter m makes one feature map. An RBM with the same
entries in W is the same law.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional, grad

from kadanoff.geometry import Geometry, Grid
from kadanoff.networks.machine import Machine

__all__ = ["ConvRBM"]

CONVOLVE = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
CORRELATE = {1: grad.conv1d_weight, 2: grad.conv2d_weight, 3: grad.conv3d_weight}


class ConvRBM(Machine):
    """A machine of tied filters on a periodic lattice.

    Args:
        filter: side of the filters, in visible sites.
        stride: side b of the blocks; each has one hidden unit in every feature map.
        maps: number of filters.
        dimension: of the lattice, 1 to 3.
        biases: train them (one of the visible layer, one of each map); frozen at 0
            otherwise.
        seed: draws the initial weights, N(0, 0.01²).
        units: what the visible and the hidden units are, `spin` or `gaussian`.

    Hidden configurations are `(n, *coarse.lattice)`, and `(n, map, *coarse.lattice)`
    where there are several maps.

    Raises:
        ValueError: a filter that has no centre on the block, or is smaller than it; no
            map; unknown units, or two Gaussian layers.

    >>> ConvRBM(filter=4).hidden_geometry(Grid((8, 8))) == Grid((8, 8)).coarsened(2)
    True
    """

    kind = "conv-rbm"

    def __init__(
        self,
        *,
        filter: int = 4,
        stride: int = 2,
        maps: int = 1,
        dimension: int = 2,
        biases: bool = False,
        seed: int = 0,
        units: Sequence[str] = ("spin", "spin"),
    ):
        _check_filter(filter, stride, maps, dimension)
        shapes = self.shapes(filter, maps, dimension)
        super().__init__(shapes, biases=biases, seed=seed, units=units)
        self.filter, self.stride, self.dimension = filter, stride, dimension
        self.maps = maps

    @staticmethod
    def shapes(filter: int, maps: int, dimension: int) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters; the first axis of W counts feature maps."""
        return {"W": (maps, 1, *[filter] * dimension), "b": (maps,), "c": (1,)}

    @property
    def feature_maps(self) -> int:
        """Number of filters."""
        return self.maps

    @property
    def margin(self) -> int:
        """How far the filter reaches beyond its block on each side, in sites."""
        return (self.filter - self.stride) // 2

    def describe(self) -> dict[str, Any]:
        """Filter, stride, maps, dimension, whether biases, units."""
        return {
            "filter": self.filter,
            "stride": self.stride,
            "maps": self.maps,
            "dimension": self.dimension,
            "biases": self.biases,
            "units": list(self.units),
        }

    def visible_geometry(self, given: Geometry | None = None) -> Grid:
        """The given grid, if the filter fits it."""
        if not isinstance(given, Grid) or given.dimension != self.dimension:
            shape = "none" if given is None else f"{given}"
            raise ValueError(
                f"a conv-rbm of dimension {self.dimension} needs a grid of as many "
                f"sides, got {shape}; give one, or put 'arrange' before it"
            )
        given.coarsened(self.stride)
        if min(given.shape) < self.margin:
            raise ValueError(
                f"a filter of side {self.filter} wraps around a lattice of shape "
                f"{given.shape} more than once; use a larger lattice"
            )
        return given

    def hidden_geometry(self, fine: Geometry | None = None) -> Grid:
        """The centres of the blocks."""
        return self.visible_geometry(fine).coarsened(self.stride)

    def hidden_lattice(self, fine: Geometry | None = None) -> tuple[int, ...]:
        """Shape of one hidden configuration: maps first, where there are several."""
        lattice = self.hidden_geometry(fine).lattice
        return lattice if self.maps == 1 else (self.maps, *lattice)

    def hidden_field(self, v: Tensor) -> Tensor:
        """Filter response + b, `(n, *hidden_lattice)`, of `(n, *lattice)` units."""
        convolve = CONVOLVE[self.dimension]
        field = convolve(self._padded(v), self.W, self.b, stride=self.stride)
        return field[:, 0] if self.maps == 1 else field

    def visible_field(self, h: Tensor) -> Tensor:
        """The exact adjoint of the filter response, + c, `(n, *lattice)`."""
        h = self._with_maps(h)
        sides = [self.stride * side + 2 * self.margin for side in h.shape[2:]]
        field = h.new_zeros(len(h), *sides)
        for tap, sites in self._taps(h.shape[2:]):
            for m in range(self.maps):
                field[(slice(None), *sites)] += h[:, m] * self.W[(m, 0, *tap)]
        for axis in range(1, field.ndim):
            field = _folded(field, axis, self.margin)
        return field + self.c

    def copies(self, v: Tensor) -> int:
        """The number of blocks."""
        return v[0].numel() // self.stride**self.dimension

    def accumulate(
        self,
        moments: dict[str, Tensor],
        v: Tensor,
        h: Tensor,
        scale: float,
        keep: float = 1.0,
    ) -> None:
        """moments ← `keep` · moments + `scale` Σ_n (v h, h, v, −½ γ v²), in place.

        Summed over the blocks X: Σ_X v_{sX + y} h_mX, Σ_X h_mX, Σ_x v_x, −½ γ Σ_x v_x².
        """
        h = self._with_maps(h)
        correlate = CORRELATE[self.dimension]
        product = correlate(self._padded(v), self.W.shape, h, stride=self.stride)
        moments["W"].mul_(keep).add_(product, alpha=scale)
        self._accumulate_precision(moments, v, scale, keep)
        if "b" in moments:
            per_map = h.transpose(0, 1).flatten(1).sum(1)
            moments["b"].mul_(keep).add_(per_map, alpha=scale)
            moments["c"].mul_(keep).add_(v.sum(), alpha=scale)

    @torch.no_grad()
    def orient(self) -> None:
        """Turn the filters, in place, so that the weights of each add up to ≥ 0."""
        signs = torch.where(self.W.flatten(1).sum(1) < 0, -1.0, 1.0).to(self.W)
        self.W.mul_(signs.reshape(-1, *[1] * (self.W.ndim - 1)))
        self.b.mul_(signs)

    def _with_maps(self, h: Tensor) -> Tensor:
        """`(n, map, *lattice)`."""
        return h[:, None] if self.maps == 1 else h

    def _per_unit(self, b: Tensor, h: Tensor) -> Tensor:
        return b if self.maps == 1 else b.reshape(-1, *[1] * self.dimension)

    def _padded(self, v: Tensor) -> Tensor:
        """(n, 1, *sides): the lattice with `margin` periodic images on each side."""
        margins = (self.margin,) * (2 * self.dimension)
        return functional.pad(v[:, None], margins, mode="circular")

    def _taps(self, blocks: tuple[int, ...]) -> Iterator[tuple[Any, list[slice]]]:
        """Each filter entry with the padded sites it sees, one per block."""
        for tap in itertools.product(range(self.filter), repeat=self.dimension):
            yield (
                tap,
                [
                    slice(start, start + self.stride * n, self.stride)
                    for start, n in zip(tap, blocks, strict=True)
                ],
            )


def _folded(field: Tensor, axis: int, margin: int) -> Tensor:
    """Periodic images added back to the sites they are images of."""
    side = field.shape[axis] - 2 * margin
    inner = field.narrow(axis, margin, side).clone()
    inner.narrow(axis, side - margin, margin).add_(field.narrow(axis, 0, margin))
    last = field.narrow(axis, margin + side, margin)
    inner.narrow(axis, 0, margin).add_(last)
    return inner


def _check_filter(filter: int, stride: int, maps: int, dimension: int) -> None:
    if maps < 1:
        raise ValueError(f"a conv-rbm has at least one feature map, got {maps}")
    if dimension not in CONVOLVE:
        raise ValueError(f"a conv-rbm has dimension 1, 2 or 3, got {dimension}")
    if stride < 1 or filter < stride or (filter - stride) % 2:
        raise ValueError(
            f"a filter is centred on its block when filter − stride is even and not "
            f"negative, got filter {filter} and stride {stride}; use filter "
            f"{max(stride, 1)} or {max(stride, 1) + 2}"
        )
