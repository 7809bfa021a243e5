"""Tensor renormalization by the higher-order singular value decomposition.

Two tensors, one above the other, are joined to M with legs (l1 l2) and (r1 r2) of
dimension χ² on its sides. The χ leading eigenvectors U of M Mᵀ on one of the two sides,
that which discards less, project both:

    T'[l, r, u, d] = Σ U[l1 l2, l] M[l1 l2, r1 r2, u, d] U[r1 r2, r];

then the same sideways. One step is both, b = 2. The cost is χ⁷. (Z. Y. Xie et al.,
Phys. Rev. B 86, 045139 (2012).)

The isometries U are a real-space renormalization of fields as well: `field_dimensions`
puts a field in place of one tensor and asks what the step makes of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigs

from kadanoff.flows.tensors import Tensor, TensorState, normalized
from kadanoff.flows.trg import checked_bond

__all__ = ["HOTRG", "field_dimensions"]

MAX_WRITTEN = 256
"""Largest linear map of fields that is written out as a matrix."""


@dataclass(frozen=True)
class HOTRG:
    """The map of Xie and others.

    Attributes:
        bond: χ, the largest dimension of a leg.

    Raises:
        ValueError: a bond dimension below 1.
    """

    bond: int

    def __post_init__(self) -> None:
        checked_bond(self.bond)

    def step(self, theory: TensorState) -> TensorState:
        """The lattice of a quarter of the sites, in the same directions."""
        tall, log_tall = normalized(_tall(theory.tensor, self.bond)[0])
        wide, log_wide = normalized(_tall(_turned(tall), self.bond)[0])
        return TensorState(
            _turned(wide),
            4 * theory.log_norm + 2 * log_tall + log_wide,
            4 * theory.sites,
            theory.modulus,
        )


def field_dimensions(
    scheme: HOTRG, state: TensorState, count: int = 5
) -> NDArray[np.float64]:
    """x_i of the local fields, from what one step of the map makes of them.

    A field M in place of one of the four tensors of a block becomes, with the
    isometries of the step held fixed, one tensor in place of the block. Summed over the
    four places this is a linear map whose eigenvalues at a fixed point are b^(2-x), b =
    2; x_0 = 0 is the tensor itself. It is the ascending superoperator of MERA (G.
    Evenbly and G. Vidal, Phys. Rev. B 79, 144108 (2009)) for a classical lattice, and
    the linearized map of X. Lyu, R. G. Xu and N. Kawashima, Phys. Rev. Research 3,
    023048 (2021) without their filtering and without the response of the isometries.
    Signs of the new legs are chosen so that the new tensor is closest to the old one.

    HOTRG has no true fixed point: after 3 to 6 steps with χ = 8 … 12, dimensions of
    the critical Ising model are up to 11 % off, and later they drift. The spectrum of a
    ring, `scaling_dimensions`, is far better, but takes conformal theory for granted.

    Raises:
        ValueError: a state whose legs still grow.

    >>> from kadanoff.exact.constants import K_C
    >>> from kadanoff.flows.tensors import after, ising, run
    >>> state = run(HOTRG(6), ising(K_C), after(4))[-1]
    >>> x = field_dimensions(HOTRG(6), state)
    >>> bool(abs(x[1] - 1 / 8) < 0.01), bool(abs(x[2] - 1) < 0.15)
    (True, True)
    """
    tensor = state.tensor
    tall, across = _tall(tensor, scheme.bond)
    wide, along = _tall(_turned(tall), scheme.bond)
    if wide.shape != _turned(tensor).shape:
        raise ValueError(
            f"fields are read where a step keeps the legs, got {tensor.shape} and then "
            f"{_turned(wide).shape}; take a few more steps, or a smaller bond dimension"
        )
    signs = _signs(tensor, _turned(wide))

    def ascend(field: Tensor) -> Tensor:
        inside = _stacked(field, tensor, across) + _stacked(tensor, field, across)
        one, other = _turned(inside), _turned(tall)
        return signs * _turned(
            _stacked(one, other, along) + _stacked(other, one, along)
        )

    moduli = _largest(ascend, tensor.shape, count)
    return np.log2(moduli[0] / moduli)


def _tall(tensor: Tensor, bond: int) -> tuple[Tensor, Tensor]:
    """Two tensors one above the other, side legs cut to `bond`, and the isometry."""
    isometry = _projector(tensor, bond)
    return _stacked(tensor, tensor, isometry), isometry


def _turned(tensor: Tensor) -> Tensor:
    """With directions exchanged."""
    return tensor.transpose(2, 3, 0, 1)


def _stacked(upper: Tensor, lower: Tensor, isometry: Tensor) -> Tensor:
    """Two tensors one above the other, with an isometry on each side."""
    half = np.tensordot(isometry, upper, (0, 0))  # l2, l, r1, u, m
    both = np.tensordot(half, lower, ((0, 4), (0, 2)))  # l, r1, u, r2, d
    joined = both.transpose(0, 2, 4, 1, 3)
    return np.tensordot(joined, isometry, 2).transpose(0, 3, 1, 2)


def _projector(tensor: Tensor, bond: int) -> Tensor:
    """Leading eigenvectors on the side that loses less, `(l1, l2, kept)`."""
    sides = (tensor, tensor.transpose(1, 0, 2, 3))
    spectra = [np.linalg.eigh(_gram(side)) for side in sides]
    lost = [float(values[:-bond].sum()) for values, _ in spectra]
    vectors = spectra[lost.index(min(lost))][1]
    return vectors[:, ::-1][:, :bond].reshape(*tensor.shape[:2], -1)


def _gram(tensor: Tensor) -> Tensor:
    """M Mᵀ on the left legs of two tensors one above the other."""
    upper = np.tensordot(tensor, tensor, ((1, 2), (1, 2)))  # l1, m, l1', m'
    lower = np.tensordot(tensor, tensor, ((1, 3), (1, 3)))  # l2, m, l2', m'
    joined = np.tensordot(upper, lower, ((1, 3), (1, 3)))  # l1, l1', l2, l2'
    size = tensor.shape[0] ** 2
    return joined.transpose(0, 2, 1, 3).reshape(size, size)


def _signs(old: Tensor, new: Tensor) -> Tensor:
    """±1 for every element of `new`, leg by leg, that bring it closest to `old`.

    The weight of a leg falls with its index: signs are fixed in that order, from what
    has been fixed, and gone over again.
    """
    product = old * new
    x, y = np.ones(old.shape[0]), np.ones(old.shape[2])
    for sweep in range(4):
        for k in range(max(len(x), len(y))):
            seen = slice(None if sweep else k + 1)
            part = product[seen, seen, seen, seen]
            options = []
            for flip_x, flip_y in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                a, b = x.copy(), y.copy()
                a[k : k + 1] *= flip_x
                b[k : k + 1] *= flip_y
                rest = np.einsum("lrud,l,r->ud", part, a[seen], a[seen])
                options.append((float(b[seen] @ rest @ b[seen]), a, b))
            _, x, y = max(options, key=lambda option: option[0])
    return np.einsum("l,r,u,d->lrud", x, x, y, y)


def _largest(
    ascend: Callable[[Tensor], Tensor], shape: tuple[int, ...], count: int
) -> NDArray[np.float64]:
    """Moduli of the leading eigenvalues of a linear map of tensors, descending."""
    size = math.prod(shape)

    def apply(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        return ascend(vector.reshape(shape)).reshape(size)

    if size <= MAX_WRITTEN:
        values = np.linalg.eigvals(np.array([apply(row) for row in np.eye(size)]).T)
    else:
        # A start that no symmetry of the lattice holds, and always the same.
        start = np.sqrt(2.0) * np.arange(1, size + 1) % 1 - 0.5
        operator: Any = LinearOperator  # its stub does not know the constructor
        linear = operator((size, size), matvec=apply, dtype=np.float64)
        values = eigs(linear, count, v0=start, return_eigenvectors=False)
    return np.sort(np.abs(values))[::-1][:count]
