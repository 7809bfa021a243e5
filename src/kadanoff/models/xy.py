"""The XY model, H/J = -Σ_<ij> cos(θ_i - θ_j): unit vectors in a plane.

Angles are in [-π, π) on a periodic lattice, K = βJ has either sign, and the law is
exp(-K H/J)/Z with respect to the uniform measure of every angle. Each site owns its
forward bonds: a side of 2 has double bonds.

Angles are float32: the grid of 2.4e-7 near ±π changes an energy per site by less than
1e-6 (by 1e-7/√N typically). Sums and samplers work in double precision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from kadanoff.alphabet import stored
from kadanoff.geometry import Grid
from kadanoff.models import lattice as lattices
from kadanoff.models.lattice import checked_shape

__all__ = ["XY", "wrapped"]

GOLDEN = (math.sqrt(5) - 1) / 2
FACES = {
    "square": (((0, 0), (1, 0), (1, 1), (0, 1)),),
    "triangular": (((0, 0), (1, 0), (0, 1)), ((1, 0), (1, 1), (0, 1))),
}


@dataclass(frozen=True)
class XY:
    """Planar spins: a ferromagnet for K > 0, an antiferromagnet for K < 0.

    Args:
        shape: cells along each direction, each at least 2.
        lattice: see `kadanoff.models.lattice`; chain, square, cubic, … by the number
            of sides where not given.

    Raises:
        ValueError: no side, a side below 2, or an unknown lattice.

    >>> XY((4, 4), "triangular").energy(np.zeros((1, 4, 4), dtype=np.float32))
    array([-3.])
    """

    name: ClassVar[str] = "xy"
    shape: tuple[int, ...]
    lattice: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", checked_shape(self.shape, "an XY"))
        name = lattices.lattice_name(self.lattice, self.shape)
        object.__setattr__(self, "lattice", name)

    @property
    def alphabet(self) -> str:
        """Angles in radians."""
        return "angle"

    @property
    def geometry(self) -> Grid:
        """The lattice."""
        return lattices.geometry(str(self.lattice), self.shape)

    @property
    def parameters(self) -> dict[str, Any]:
        """What rebuilds the model together with its shape."""
        return {"lattice": self.lattice}

    @cached_property
    def near(self) -> np.ndarray:
        """Nearest neighbours, int32 `(site, z)`."""
        return lattices.neighbours(str(self.lattice), self.shape)

    @cached_property
    def staggering(self) -> np.ndarray | None:
        """±1 on the two sublattices, `(*lattice)`; None where there are not two."""
        return lattices.staggering(str(self.lattice), self.shape)

    @property
    def bonds(self) -> int:
        """Number of bonds."""
        return self.near.size // 2

    def couplings(self, coupling: float) -> dict[str, float]:
        """The dimensionless coupling K."""
        return {"K": coupling}

    def energy(self, values: np.ndarray) -> np.ndarray:
        """Energy per site in units of J, shape `(n,)`, of `(n, *lattice)` angles."""
        x, y = _components(values)
        fields = [sum(c[:, column] for column in self.near.T) for c in (x, y)]
        total = (x * fields[0] + y * fields[1]).sum(axis=1)
        return -0.5 * total / self.geometry.size

    def observables(self, values: np.ndarray, coupling: float) -> dict[str, np.ndarray]:
        """Energy per site and squared order parameters |Σ s|²/N², `(n,)` each."""
        series = {
            "energy": self.energy(values),
            "m_squared": _length_squared(values, np.ones(self.geometry.size)),
        }
        if coupling < 0 and self.staggering is not None:
            ordered = _length_squared(values, self.staggering.ravel())
            series["staggered_m_squared"] = ordered
        return series

    def vorticity(self, values: np.ndarray) -> np.ndarray:
        """Vortex charge of every face, int8 `(n, *shape, faces per cell)`.

        The angle turned on the way around a face, each bond by the shortest way, in
        units of 2π (Kosterlitz and Thouless, J. Phys. C 6, 1181 (1973)).

        Raises:
            ValueError: another lattice than the square or triangular one.
        """
        if self.lattice not in FACES:
            raise ValueError(
                f"vortices are read on the lattices {', '.join(FACES)}, got a "
                f"{self.lattice} one"
            )
        charges = [_winding(values, face) for face in FACES[self.lattice]]
        return np.stack(charges, axis=-1)

    def hot(self, n: int, *, rng: np.random.Generator) -> np.ndarray:
        """Independent uniform angles, float32 `(n, *lattice)`."""
        form = (n, *self.geometry.lattice)
        return wrapped(rng.uniform(-math.pi, math.pi, form))

    def cold(self, n: int, coupling: float) -> np.ndarray:
        """Ordered states, each of another direction, float32 `(n, *lattice)`.

        Parallel, or opposite on the two sublattices of an antiferromagnet.
        """
        turns = 2 * math.pi * (GOLDEN * np.arange(n) % 1)
        step = np.zeros(self.geometry.lattice)
        if coupling < 0 and self.staggering is not None:
            step = np.where(self.staggering < 0, math.pi, 0.0)
        return wrapped(turns.reshape(-1, *(1,) * step.ndim) + step)


def wrapped(angles: np.ndarray) -> np.ndarray:
    """The same angles in [-π, π), float32; those already so stay bit for bit.

    >>> wrapped(np.array([1.0, 1.5 + 2 * np.pi]))
    array([1. , 1.5], dtype=float32)
    """
    return stored(np.asarray(angles), "angle")


def _components(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    flat = values.reshape(len(values), -1).astype(np.float64)
    return np.cos(flat), np.sin(flat)


def _length_squared(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    x, y = _components(values)
    return ((x @ weights) ** 2 + (y @ weights) ** 2) / len(weights) ** 2


def _winding(values: np.ndarray, face: tuple[tuple[int, int], ...]) -> np.ndarray:
    angles = values.astype(np.float64)
    corners = [np.roll(angles, [-x, -y], axis=(1, 2)) for x, y in face]
    ways = zip(corners, [*corners[1:], corners[0]], strict=True)
    turned = sum((b - a + math.pi) % (2 * math.pi) - math.pi for a, b in ways)
    return np.rint(turned / (2 * math.pi)).astype(np.int8)
