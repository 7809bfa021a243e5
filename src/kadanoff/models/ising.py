"""The Ising model, H/J = -Σ_<ij> s_i s_j - r Σ_<<ij>> s_i s_j - h Σ_i s_i.

Spins are ±1 on a periodic lattice, <ij> are nearest and <<ij>> second neighbours, and
the coupling is K = βJ of either sign, so that the law is exp(-K H/J)/Z. Each site owns
its forward bonds: a side of 2 has double bonds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from kadanoff.geometry import Grid
from kadanoff.models import lattice as lattices

__all__ = ["Ising"]

HYPERCUBES = ("chain", "square", "cubic", "hypercubic")


@dataclass(frozen=True)
class Ising:
    """Ising spins: a ferromagnet for K > 0, an antiferromagnet for K < 0.

    Args:
        shape: cells along each direction, each at least 2.
        lattice: see `kadanoff.models.lattice`; chain, square, cubic, … by the number
            of sides where not given.
        field: h, the magnetic field in units of J.
        second: r, the coupling of second neighbours in units of J.

    Raises:
        ValueError: no side, a side below 2, an unknown lattice, or a field or coupling
            that is not finite.

    >>> Ising((4, 4)).energy(np.ones((1, 4, 4), dtype=np.int8))
    array([-2.])
    >>> Ising((4, 4), "triangular", field=0.5).energy(np.ones((1, 4, 4)))
    array([-3.5])
    """

    name: ClassVar[str] = "ising"
    shape: tuple[int, ...]
    lattice: str | None = None
    field: float = 0.0
    second: float = 0.0

    def __post_init__(self) -> None:
        sides = lattices.checked_shape(self.shape, "an Ising")
        object.__setattr__(self, "shape", sides)
        name = lattices.lattice_name(self.lattice, self.shape)
        object.__setattr__(self, "lattice", name)
        for what in ("field", "second"):
            value = float(getattr(self, what))
            if not math.isfinite(value):
                raise ValueError(
                    f"{what} must be a finite number in units of J, got {value}"
                )
            object.__setattr__(self, what, value)

    @property
    def alphabet(self) -> str:
        """±1."""
        return "pm1"

    @property
    def geometry(self) -> Grid:
        """The lattice."""
        return lattices.geometry(str(self.lattice), self.shape)

    @property
    def parameters(self) -> dict[str, Any]:
        """What rebuilds the model together with its shape."""
        return {"lattice": self.lattice, "field": self.field, "second": self.second}

    @cached_property
    def near(self) -> np.ndarray:
        """Nearest neighbours, int32 `(site, z)`."""
        return lattices.neighbours(str(self.lattice), self.shape)

    @cached_property
    def near_second(self) -> np.ndarray:
        """Second neighbours, int32 `(site, z')`; no column where r = 0."""
        if not self.second:
            return np.empty((self.geometry.size, 0), dtype=np.int32)
        return lattices.neighbours(str(self.lattice), self.shape, shell=2)

    @property
    def coordination(self) -> tuple[int, int]:
        """How many nearest and second neighbours a site has, the latter 0 if r = 0."""
        name, d = str(self.lattice), len(self.shape)
        second = lattices.coordination(name, d, shell=2) if self.second else 0
        return lattices.coordination(name, d), second

    @cached_property
    def staggering(self) -> np.ndarray | None:
        """±1 on the two sublattices, `(*lattice)`; None where there are not two."""
        return lattices.staggering(str(self.lattice), self.shape)

    @property
    def is_plain(self) -> bool:
        """Whether this is the nearest-neighbour model on a hypercube, no field."""
        return self.lattice in HYPERCUBES and not self.field and not self.second

    @property
    def bonds(self) -> int:
        """Number of nearest-neighbour bonds."""
        return self.geometry.size * self.coordination[0] // 2

    def couplings(self, coupling: float) -> dict[str, float]:
        """The dimensionless couplings K, K2 (second neighbours) and h, where not 0."""
        more = {"K2": self.second, "h": self.field}
        return {"K": coupling, **{name: coupling * j for name, j in more.items() if j}}

    def is_frustrated(self, coupling: float) -> bool:
        """Whether no state satisfies every bond."""
        staggered = coupling < 0 and self.staggering is None
        # Second neighbours are parallel in every ground state of the first.
        return staggered or coupling * self.second < 0 or self._field_opposes(coupling)

    def energy(self, values: np.ndarray) -> np.ndarray:
        """Energy per site in units of J, shape `(n,)`, of `(n, *lattice)` spins."""
        total = np.zeros(len(values))
        if self.lattice in HYPERCUBES:
            for axis in range(1, len(self.shape) + 1):
                total -= _bond_sum(values, axis)
        else:
            total -= _pair_sum(values, self.near)
        if self.second:
            total -= self.second * _pair_sum(values, self.near_second)
        if self.field:
            total -= self.field * _site_sum(values)
        return total / self.geometry.size

    def observables(self, values: np.ndarray, coupling: float) -> dict[str, np.ndarray]:
        """Energy per site and order parameters, `(n,)` each.

        Magnetizations are squared, and in a field, which tells their signs apart, there
        as they are too; where second neighbours compete with nearest ones, the
        difference of bonds along the first two axes shows which way stripes run.
        """
        m = _site_sum(values) / self.geometry.size
        series = {"energy": self.energy(values), "m_squared": m**2}
        if self.field:
            series["m"] = m
        if coupling < 0 and self.staggering is not None:
            ordered = _site_sum(values * self.staggering) / self.geometry.size
            series["staggered_m_squared"] = ordered**2
            if self.field:
                series["staggered_m"] = ordered
        if self.second * coupling < 0 and self.lattice in HYPERCUBES[1:]:
            along = [_bond_sum(values, axis) for axis in (1, 2)]
            series["stripes"] = (along[0] - along[1]) / self.geometry.size
        return series

    def hot(self, n: int, *, rng: np.random.Generator) -> np.ndarray:
        """Independent fair spins, int8 `(n, *lattice)`."""
        form = (n, *self.geometry.lattice)
        return rng.integers(0, 2, size=form, dtype=np.int8) * 2 - 1

    def cold(self, n: int, coupling: float) -> np.ndarray:
        """Ordered states in turn, int8 `(n, *lattice)`; ground states, unfrustrated.

        All up and all down (the field's direction alone, if there is one), or the two
        staggered states of an antiferromagnet.
        """
        order = np.ones(self.geometry.lattice, np.int8)
        if coupling < 0 and self.staggering is not None:
            order = self.staggering
        turns = np.where(np.arange(n) % 2, -1, 1).astype(np.int8)
        if self.field and coupling > 0:
            turns[:] = 1 if self.field > 0 else -1
        return turns.reshape(-1, *(1,) * order.ndim) * order

    def _field_opposes(self, coupling: float) -> bool:
        return coupling < 0 and self.field != 0


def _bond_sum(spins: np.ndarray, axis: int) -> np.ndarray:
    """Σ s_i s_{i+1} along one axis, without widening the product of int8 spins."""
    rest = tuple(range(1, spins.ndim))
    inner = np.moveaxis(spins, axis, 1)
    products = inner[:, 1:] * inner[:, :-1]
    closing = inner[:, -1] * inner[:, 0]
    return products.sum(axis=rest, dtype=_sum_type(spins)) + closing.sum(
        axis=rest[:-1], dtype=_sum_type(spins)
    )


def _pair_sum(spins: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Σ s_i s_j over all bonds of a table of neighbours."""
    flat = spins.reshape(len(spins), -1)
    both = sum(
        (flat * flat[:, column]).sum(axis=1, dtype=_sum_type(spins))
        for column in near.T
    )
    return np.asarray(both) / 2


def _site_sum(spins: np.ndarray) -> np.ndarray:
    return spins.reshape(len(spins), -1).sum(axis=1, dtype=_sum_type(spins))


def _sum_type(spins: np.ndarray) -> type:
    return np.float64 if spins.dtype.kind == "f" else np.int64
