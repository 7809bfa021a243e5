"""Tensor renormalization of loops, which removes entanglement within a plaquette.

TRG cannot tell correlations that live on one plaquette from those that matter further
out: they pass from scale to scale and its tensors never reach a fixed point. Here the
lattice is a checkerboard of two tensors A and B, cut into blocks of 2×2,

    B A         and the ring of the four tensors of a block, with its eight outer
    A B         legs, is replaced by a ring of eight tensors S with three legs,

so that ‖A B A B - S₁ … S₈‖² is least. Each plaquette between two blocks then holds
four of the S, whose sum is a new A (blocks side by side) or B (one above the other):
b = √2, turned by 45°, as for TRG. A new block has A in its lower left corner and so
lies around the middle of an old one; where four old blocks met, and no loop has been
filtered out, the next step sums over it. Were it the other way, those loops would stay.

1. *Filtering.* The ring is brought to the canonical form of an endless chain by QR in
   both directions; directions in a bond that it has not (weight below a threshold)
   are what a loop inside the plaquette carried, and are left out.
2. *Start.* Each filtered tensor is split by a singular value decomposition.
3. *Alternating least squares.* The distance is quadratic in each S, so that each in
   turn is the solution of χ² linear equations. Added is w Σ‖S‖², w falling with the
   distance: without it halves cancel each other round the ring, loops of equal weight
   that no filter sees come back, and a disordered lattice never ends as one state.
   (The sum of squares on both sides of a bond bounds its nuclear norm, which K. Homma,
   T. Okubo and N. Kawashima, arXiv:2306.17479 (2023), penalize.) After two rounds the
   ring of eight is filtered like that of four.

The cost is χ⁶ per round. (S. Yang, Z.-C. Gu and X.-G. Wen, Phys. Rev. Lett. 118, 110504
(2017).)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from kadanoff.flows.tensors import (
    Tensor,
    TensorState,
    Transfer,
    leading_triplets,
    normalized,
    turned,
)
from kadanoff.flows.trg import around_plaquette, checked_bond

__all__ = ["Checkerboard", "LoopTNR"]

# Legs of a tensor in the order in which the ring of a block passes them, round against
# the clock from the lower left: in, outer, outer, out.
_ORDERS = ((2, 0, 3, 1), (0, 3, 1, 2), (3, 1, 2, 0), (1, 2, 0, 3))

RIDGE = 1e-13
"""Weight of the last solution in a linear equation, relative to its trace: it holds
directions on which the ring does not depend."""

EXACT = 1e-15
"""Relative squared distance that is rounding."""


@dataclass(frozen=True)
class Checkerboard:
    """A square lattice of two tensors in turns.

    Attributes:
        a: `(left, right, up, down)`.
        b: on the other sublattice; its left leg is as large as the right one of `a`.
        log_norm: the weight of either tensor is exp(log_norm) times it.
        sites: sites of the original lattice that one tensor stands for.
        modulus: τ of the region one tensor covers, i for a square.
    """

    a: Tensor
    b: Tensor
    log_norm: float = 0.0
    sites: int = 1
    modulus: complex = 1j

    def transfer(self, width: int = 1) -> Transfer:
        """A ring of one pair along the diagonal (width 1), or the 2×2 block (2).

        Raises:
            ValueError: another width.
        """
        if width == 1:
            # Sites (0, 0) and (1, 0) = (0, 1), repeated under (1, -1).
            matrix = _diagonal(self.a) @ _diagonal(self.b)
            return Transfer(matrix, 2, turned(self.modulus))
        if width == 2:
            lower, upper = _row(self.a, self.b), _row(self.b, self.a)
            return Transfer(lower @ upper, 4, self.modulus)
        raise ValueError(
            f"a ring of a checkerboard has width 1 or 2, got {width}; take one of these"
        )


@dataclass(frozen=True)
class LoopTNR:
    """The map of Yang, Gu and Wen.

    Attributes:
        bond: χ, the largest dimension of a leg.
        sweeps: at most so many rounds of least squares per step.
        penalty: of the norms, w Σ‖S‖² as a share of the squared distance.
        threshold: weight in a bond of a ring, relative to the largest, below which a
            direction is filtered out.
        tolerance: the rounds end when the squared distance falls by less than this
            share of itself.

    Raises:
        ValueError: a bond dimension below 1, or no round.
    """

    bond: int
    sweeps: int = 60
    penalty: float = 0.1
    threshold: float = 1e-8
    tolerance: float = 1e-4

    def __post_init__(self) -> None:
        checked_bond(self.bond)
        if self.sweeps < 1:
            raise ValueError(
                f"loops are fitted in at least one round, got {self.sweeps}; "
                "use TRG to go without"
            )

    def step(self, theory: TensorState | Checkerboard) -> Checkerboard:
        """The lattice of half as many sites, turned by 45°."""
        old = _checkerboard(theory)
        ring = [
            tensor.transpose(order)
            for tensor, order in zip((old.a, old.b) * 2, _ORDERS, strict=True)
        ]
        a, b = _joined(self._octagon(ring))
        (a, log_a), (b, log_b) = normalized(a), normalized(b)
        return Checkerboard(
            a,
            b,
            2 * old.log_norm + (log_a + log_b) / 2,
            2 * old.sites,
            turned(old.modulus),
        )

    def _octagon(self, ring: Sequence[Tensor]) -> list[Tensor]:
        """The eight halves that replace the four tensors of a block."""
        rough = _Fit(ring, _split(_filtered(ring, self.threshold), self.bond))
        if rough.misfit() <= EXACT:  # nothing was cut off, and least squares would add
            return rough.scaled()  # the square root of rounding
        for _ in range(2):
            rough.sweep(self.penalty)
        fit = _Fit(ring, _filtered(rough.eight, self.threshold))
        last = fit.sweep(self.penalty)
        for _ in range(self.sweeps - 1):
            distance = fit.sweep(self.penalty)
            if distance <= EXACT or last - distance < self.tolerance * distance:
                break
            last = distance
        return fit.scaled()


class _Fit:
    """Eight halves on their way to a ring of four, by alternating least squares.

    Attributes:
        ring: the four, each `(in, outer, outer, out)`.
        eight: the halves, each `(in, outer, out)`.
        distance: ‖four - eight‖² over ‖four‖² at the last look; 1e-3 before the first.
    """

    def __init__(self, ring: Sequence[Tensor], eight: Sequence[Tensor]) -> None:
        self.ring, self.eight = list(ring), list(eight)
        self.distance = 1e-3
        self._norm = float(np.trace(reduce(np.matmul, map(_overlap, ring, ring))))
        self._layers = [_layer(half) for half in eight]
        self._pairs = [self._pair(i) for i in range(4)]
        self._mixed = [self._mix(i) for i in range(4)]

    def sweep(self, penalty: float) -> float:
        """One round; returns the distance after it."""
        norms = sum(float(np.sum(half**2)) for half in self.eight)
        weight = penalty * self.distance * self._norm / norms
        for i in range(4):
            gain = self._improve(i, weight)
            self._pairs[i], self._mixed[i] = self._pair(i), self._mix(i)
            self.distance = max(1 + gain / self._norm, EXACT)
        return self.distance

    def misfit(self) -> float:
        """The distance that is left when the eight take their best common factor."""
        overlap, norm = self._products()
        return 1 - overlap**2 / (norm * self._norm)

    def scaled(self) -> list[Tensor]:
        """The eight times that factor; a penalty has held their norms down."""
        overlap, norm = self._products()
        return [self.eight[0] * (overlap / norm), *self.eight[1:]]

    def _products(self) -> tuple[float, float]:
        """⟨four|eight⟩ and ⟨eight|eight⟩."""
        overlap, norm = (
            float(np.trace(reduce(np.matmul, each)))
            for each in (self._mixed, self._pairs)
        )
        return overlap, norm

    def _improve(self, i: int, weight: float) -> float:
        """Both halves of tensor i in turn; the squared distance less ‖four‖²."""
        first, second = self.eight[2 * i : 2 * i + 2]
        others = [(i + j) % 4 for j in (1, 2, 3)]
        around = reduce(np.matmul, [self._pairs[j] for j in others])
        rest = self._rest(i, reduce(np.matmul, [self._mixed[j] for j in others]))
        wanted = np.tensordot(rest, second, ((0, 3), (2, 1)))
        norm = _quadratic(self._layers[2 * i + 1] @ around, first)
        first, _ = _solved(norm, wanted, first, weight)
        self.eight[2 * i], self._layers[2 * i] = first, _layer(first)
        wanted = np.tensordot(first, rest, ((0, 1), (1, 2))).transpose(0, 2, 1)
        norm = _quadratic(around @ self._layers[2 * i], second)
        second, gain = _solved(norm, wanted, second, weight)
        self.eight[2 * i + 1], self._layers[2 * i + 1] = second, _layer(second)
        return gain

    def _rest(self, i: int, across: Tensor) -> Tensor:
        """⟨four|eight⟩ without the halves of tensor i: `(out, in, outer, outer)`."""
        tensor = self.ring[i]
        enter, leave = len(self.eight[2 * i]), self.eight[2 * i + 1].shape[2]
        open_legs = across.reshape(tensor.shape[3], leave, tensor.shape[0], enter)
        return np.tensordot(open_legs, tensor, ((0, 2), (3, 0)))

    def _pair(self, i: int) -> Tensor:
        return self._layers[2 * i] @ self._layers[2 * i + 1]

    def _mix(self, i: int) -> Tensor:
        halves = np.tensordot(self.eight[2 * i], self.eight[2 * i + 1], (2, 0))
        return _overlap(self.ring[i], halves)


def _checkerboard(theory: TensorState | Checkerboard) -> Checkerboard:
    if isinstance(theory, Checkerboard):
        return theory
    t = theory.tensor
    return Checkerboard(t, t, theory.log_norm, theory.sites, theory.modulus)


def _diagonal(tensor: Tensor) -> Tensor:
    left, right, up, down = tensor.shape
    return tensor.transpose(0, 3, 1, 2).reshape(left * down, right * up)


def _row(first: Tensor, second: Tensor) -> Tensor:
    """Two tensors closed into a ring, `(lower legs, upper legs)`."""
    joined = np.tensordot(first, second, ((0, 1), (1, 0)))  # u, d, U, D
    up, down, up2, down2 = joined.shape
    return joined.transpose(1, 3, 0, 2).reshape(down * down2, up * up2)


def _joined(eight: list[Tensor]) -> tuple[Tensor, Tensor]:
    """New A, between blocks side by side, and B, between those one above the other.

    The eight halves come with their legs in the order of the ring; the new leg is the
    last of a first half and the first of a second.
    """
    ll_ul, ll_dr, lr_ld, lr_ru, ur_dr, ur_ul, ul_ru, ul_ld = eight
    above = around_plaquette(
        (ur_ul.transpose(2, 1, 0), ll_dr.transpose(0, 2, 1)),
        (lr_ld, ul_ru.transpose(2, 0, 1)),
    )
    beside = around_plaquette(
        (ll_ul.transpose(1, 0, 2), ur_dr.transpose(2, 1, 0)),
        (ul_ld.transpose(1, 2, 0), lr_ru),
    )
    return beside, above


def _filtered(ring: Sequence[Tensor], threshold: float) -> list[Tensor]:
    """The ring without directions that an endless chain of it has not.

    Its bonds come out in the canonical form of that chain.
    """
    chain = [tensor.reshape(len(tensor), -1, tensor.shape[-1]) for tensor in ring]
    lefts = _triangles(chain)
    # Mirrored, the chain runs the other way: legs reversed, tensors in reverse.
    mirrored = _triangles([tensor.transpose(2, 1, 0) for tensor in chain[::-1]])
    rights = [mirrored[0].T, *(triangle.T for triangle in mirrored[:0:-1])]
    into: list[Tensor] = []
    out: list[Tensor] = []
    for left, right in zip(lefts, rights, strict=True):
        u, s, v = np.linalg.svd(left @ right)
        keep = int(np.count_nonzero(s > threshold * s[0]))
        root = np.sqrt(s[:keep])
        into.append((u[:, :keep] / root).T @ left)
        out.append(right @ v[:keep].T / root)
    return [
        np.tensordot(np.tensordot(a, tensor, (1, 0)), b, (-1, 0))
        for a, tensor, b in zip(into, ring, [*out[1:], out[0]], strict=True)
    ]


def _triangles(chain: list[Tensor], rounds: int = 100) -> list[Tensor]:
    """Fixed points, one on the `in` leg of each tensor, of L M = Q L going round."""
    found = [np.eye(len(tensor)) for tensor in chain]
    for _ in range(rounds):
        last = found[0]
        for i, tensor in enumerate(chain):
            moved = np.tensordot(found[i], tensor, (1, 0))
            r = np.linalg.qr(moved.reshape(-1, tensor.shape[2])).R
            # Signs of rows are free: fix them, or nothing ever stands still.
            r = r * np.where(np.diag(r) < 0, -1.0, 1.0)[:, None]
            found[(i + 1) % len(chain)] = normalized(r)[0]
        if last.shape == found[0].shape and np.allclose(last, found[0], 0, 1e-13):
            break
    return found


def _split(ring: Sequence[Tensor], bond: int) -> list[Tensor]:
    """Two halves of each tensor, `(in, outer, out)`, with `bond` states between."""
    eight = []
    for tensor in ring:
        a, b, c, d = tensor.shape
        u, s, v = leading_triplets(tensor.reshape(a * b, c * d), bond)
        root = np.sqrt(s)
        eight += [(u * root).reshape(a, b, -1), (root[:, None] * v).reshape(-1, c, d)]
    return eight


def _quadratic(environment: Tensor, half: Tensor) -> Tensor:
    """‖eight‖² as a form in one half, `(in out, in out)`, symmetric."""
    enter, _, leave = half.shape
    form = environment.reshape(leave, leave, enter, enter).transpose(2, 0, 3, 1)
    matrix = form.reshape(enter * leave, enter * leave)
    return (matrix + matrix.T) / 2


def _solved(
    norm: Tensor, wanted: Tensor, old: Tensor, weight: float
) -> tuple[Tensor, float]:
    """The half s of least s·norm·s - 2 s·wanted + weight s², and the first two terms.

    Args:
        norm: `(in out, in out)`.
        wanted: `(in, outer, out)`, as is `old`, the solution so far.
        weight: of the norm of s.
    """
    enter, outer, leave = old.shape
    right, start = (x.transpose(0, 2, 1).reshape(-1, outer) for x in (wanted, old))
    ridge = RIDGE * float(np.trace(norm))
    factor = cho_factor(norm + (ridge + weight) * np.eye(len(norm)), check_finite=False)
    s = cho_solve(factor, right + ridge * start, check_finite=False)
    gain = float(np.sum(s * (norm @ s - 2 * right)))
    return s.reshape(enter, leave, outer).transpose(0, 2, 1), gain


def _layer(s: Tensor) -> Tensor:
    """s with itself, `(in in', out out')`."""
    a, _, b = s.shape
    return np.tensordot(s, s, (1, 1)).transpose(0, 2, 1, 3).reshape(a * a, b * b)


def _overlap(tensor: Tensor, other: Tensor) -> Tensor:
    """A tensor of the ring with another, `(in in', out out')`."""
    both = np.tensordot(tensor, other, ((1, 2), (1, 2))).transpose(0, 2, 1, 3)
    a, c, b, d = both.shape
    return both.reshape(a * c, b * d)
