"""The translation-tied machine: one filter, the same for every block of the lattice.

    E(v, h) = −b Σ_X h_X − Σ_X h_X Σ_y w_y v_{sX + y} − c Σ_x v_x

with stride s: a block-spin rule with learned weights, whose hidden units sit at the
centres of the blocks, and whose few parameters fit every lattice that s divides (Lee et
al. 2009, without pooling). An RBM with the same entries in W is the same law.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
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
    """A machine of one filter on a periodic lattice.

    Args:
        filter: side of the filter, in visible sites.
        stride: side b of the blocks; each has one hidden unit.
        dimension: of the lattice, 1 to 3.
        biases: train them (one for each layer); frozen at 0 otherwise.
        seed: draws the initial weights, N(0, 0.01²).

    Raises:
        ValueError: a filter that has no centre on the block, or is smaller than it.

    >>> ConvRBM(filter=4).hidden_geometry(Grid((8, 8))) == Grid((8, 8)).coarsened(2)
    True
    """

    kind = "conv-rbm"

    def __init__(
        self,
        *,
        filter: int = 4,
        stride: int = 2,
        dimension: int = 2,
        biases: bool = False,
        seed: int = 0,
    ):
        _check_filter(filter, stride, dimension)
        super().__init__(self.shapes(filter, dimension), biases, seed)
        self.filter, self.stride, self.dimension = filter, stride, dimension

    @staticmethod
    def shapes(filter: int, dimension: int) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters; the first axis of W counts feature maps."""
        return {"W": (1, 1, *[filter] * dimension), "b": (1,), "c": (1,)}

    @property
    def margin(self) -> int:
        """How far the filter reaches beyond its block on each side, in sites."""
        return (self.filter - self.stride) // 2

    def describe(self) -> dict[str, Any]:
        """Filter, stride, dimension, and whether biases."""
        return {
            "filter": self.filter,
            "stride": self.stride,
            "dimension": self.dimension,
            "biases": self.biases,
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

    def hidden_field(self, v: Tensor) -> Tensor:
        """Filter response + b, `(n, *coarse.lattice)`, of `(n, *lattice)` units."""
        convolve = CONVOLVE[self.dimension]
        return convolve(self._padded(v), self.W, self.b, stride=self.stride)[:, 0]

    def visible_field(self, h: Tensor) -> Tensor:
        """The exact adjoint of the filter response, + c, `(n, *lattice)`."""
        sides = [self.stride * side + 2 * self.margin for side in h.shape[1:]]
        field = h.new_zeros(len(h), *sides)
        for tap, sites in self._taps(h.shape[1:]):
            field[(slice(None), *sites)] += h * self.W[(0, 0, *tap)]
        for axis in range(1, field.ndim):
            field = _folded(field, axis, self.margin)
        return field + self.c

    def copies(self, v: Tensor) -> int:
        """The number of blocks."""
        return v[0].numel() // self.stride**self.dimension

    def accumulate(
        self, moments: dict[str, Tensor], v: Tensor, h: Tensor, scale: float
    ) -> None:
        """Add `scale` Σ_n (Σ_X v_{sX + y} h_X, Σ h, Σ v) to `moments`, in place."""
        correlate = CORRELATE[self.dimension]
        product = correlate(
            self._padded(v), self.W.shape, h[:, None], stride=self.stride
        )
        moments["W"].add_(product, alpha=scale)
        if "b" in moments:
            moments["b"].add_(h.sum(), alpha=scale)
            moments["c"].add_(v.sum(), alpha=scale)

    @torch.no_grad()
    def orient(self) -> None:
        """Turn the filter, in place, so that its weights add up to ≥ 0."""
        if self.W.sum() < 0:
            self.W.neg_()
            self.b.neg_()

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


def _check_filter(filter: int, stride: int, dimension: int) -> None:
    if dimension not in CONVOLVE:
        raise ValueError(f"a conv-rbm has dimension 1, 2 or 3, got {dimension}")
    if stride < 1 or filter < stride or (filter - stride) % 2:
        raise ValueError(
            f"a filter is centred on its block when filter − stride is even and not "
            f"negative, got filter {filter} and stride {stride}; use filter "
            f"{max(stride, 1)} or {max(stride, 1) + 2}"
        )
