"""Machines whose law is an Ising model exactly, and how much of one a training finds.

One hidden unit on every bond. Summing it out couples the two spins that it sees,

    Σ_h e^{h w (s_i ± s_j)} = 2 e^{|K|} e^{K s_i s_j},     cosh 2w = e^{2|K|},

with the sign of K (a Hubbard-Stratonovich transformation by a spin), so that with N_b
bonds ln Z_RBM = ln Z_Ising + Σ_b (ln 2 + |K_b|) = ln Z_Ising + N_b (ln 2 + |K|).

One sublattice. On a lattice that falls into sublattices A and B without bonds inside
either, A is the visible and B the hidden layer of a machine with W = K on the bonds:
E(v, h) is the energy of Ising, ln Z_RBM = ln Z_Ising, and p(v) is the law of what is
left when B is decimated, a change of scale by √2 on the square lattice.

Sites of A are numbered by cells. With sides L_1 … L_d and M the last of them, a cell
(x_1 … x_{d-1}, j) holds

    the A site (x_1 … x_{d-1}, Σ x + 2j mod M)   and the B site one step beyond it,

a lattice of basis e_k + e_d and 2 e_d. Its periodic images are those of the torus if
and only if M divides all other sides, squares and cubes included (and all are even);
then the bonds of a B site are the same in every cell,

    (0, 0), (0, 1);     (+1_k, 0), (−1_k, 1) for every other direction k,

and one filter of side 3 and stride 1 holds them all. (Along both diagonals they would
fill a filter of side 2, but a torus along the axes is no rectangle along the diagonals,
whatever its sides.)

They leave one column of that filter free, so that moved by one cell they are the same
law: a tied machine has four true filters, two `places` of either sign. At a true filter
the weights of two opposite bonds enter the law through their sum alone: Σ_X v_{X+y} h_X
with h = tanh K Σ_y v_{X+y} is the same function for both (it holds the pairs of
neighbours of a B site, which are as many seen from either end). Their difference is of
second order, and no likelihood is a parabola along it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Geometry, Grid
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import bond_pairs
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.machine import Machine
from kadanoff.networks.rbm import RBM

__all__ = [
    "TOLERANCE",
    "Recovery",
    "bond_constant",
    "bond_machine",
    "bond_weight",
    "dense_weights",
    "places",
    "recovered",
    "sublattice",
    "sublattice_filter",
    "sublattice_machine",
]

TOLERANCE = 0.25
"""Distance of a found unit from the truth, in units of the length of the truth. Units
that share two bonds of four are 1 apart, so that none is near two of them."""


def bond_weight(coupling: float) -> float:
    """w ≥ 0 of a hidden unit that makes a bond of strength |K|: cosh 2w = e^{2|K|}.

    >>> round(bond_weight(0.44068679350977147), 6)
    0.764285
    """
    k = abs(coupling)
    # ½ arcosh(e^{2K}) in a form that neither overflows nor loses digits.
    return k + math.log1p(math.sqrt(-math.expm1(-4 * k))) / 2


def bond_machine(model: Ising, coupling: float) -> RBM:
    """The machine of one hidden unit per bond, whose p(v) is the Ising law at K.

    Bonds are in the order of `bond_pairs`, nearest neighbours first. In double
    precision, biases frozen unless the model has a field. ln Z_RBM = ln Z_Ising +
    `bond_constant`.

    Args:
        model: any Ising model: every lattice, with field and second neighbours.
        coupling: K = βJ of either sign.

    Raises:
        ValueError: a coupling that is not finite.

    >>> bond_machine(Ising((4, 4)), 0.3).hidden_geometry()
    Unordered(size=32)
    """
    ends, strengths = _bonds(model, coupling)
    weights = np.zeros((model.geometry.size, len(ends)))
    for bond, ((i, j), k) in enumerate(zip(ends, strengths, strict=True)):
        weights[i, bond] = bond_weight(k)
        weights[j, bond] = math.copysign(bond_weight(k), k)
    machine = RBM(model.geometry, len(ends), biases=bool(model.field)).double()
    with torch.no_grad():
        machine.W.copy_(torch.from_numpy(weights))
        machine.c.fill_(coupling * model.field)
    return machine


def bond_constant(model: Ising, coupling: float) -> float:
    """ln Z_RBM − ln Z_Ising of the `bond_machine`: Σ over bonds of ln 2 + |K_b|.

    Raises:
        ValueError: a coupling that is not finite.
    """
    _, strengths = _bonds(model, coupling)
    return float(np.sum(math.log(2) + np.abs(strengths)))


def sublattice_machine(shape: Sequence[int], coupling: float) -> RBM:
    """Sublattice A visible, sublattice B hidden: a dense machine with W = K on bonds.

    In double precision. Its ln Z is that of the Ising model of this shape, its hidden
    units are the B sites in the order of their cells.

    Args:
        shape: sides of the hypercube; all even, the last divides the others.
        coupling: K = βJ of either sign.

    Raises:
        ValueError: other sides, or a coupling that is not finite.

    >>> sublattice_machine((6, 6), 0.4).visible_geometry().lattice
    (6, 3)
    """
    sides = _checked(shape)
    _check_finite(coupling)
    model = Ising(sides)
    a, b = (_sites(sides, which) for which in ("A", "B"))
    cell = np.empty(model.geometry.size, dtype=int)
    cell[a] = np.arange(len(a))
    weights = np.zeros((len(a), len(b)))
    # A neighbour met twice, around a side of 2, is two bonds.
    np.add.at(weights, (cell[model.near[b]], np.arange(len(b))[:, None]), coupling)
    machine = RBM(_geometry(model.geometry, "A"), len(b)).double()
    with torch.no_grad():
        machine.W.copy_(torch.from_numpy(weights))
    return machine


def sublattice_filter(coupling: float, dimension: int = 2) -> ConvRBM:
    """The same as `sublattice_machine`, tied: one filter with K on its 2d bonds.

    One filter of side 3 and stride 1 in double precision, which fits sublattice A of
    every lattice of that dimension that `sublattice` takes.

    Raises:
        ValueError: a dimension other than 1, 2 or 3, or a coupling that is not finite.
    """
    _check_finite(coupling)
    machine = ConvRBM(filter=3, stride=1, dimension=dimension).double()
    with torch.no_grad():
        machine.W.zero_()
        for tap in _taps(dimension):
            machine.W[(0, 0, *(1 + step for step in tap))] = coupling
    return machine


def places(weights: np.ndarray) -> list[np.ndarray]:
    """A filter moved to wherever it fits its own window: machines of the same law.

    Args:
        weights: `(*window)`, of which the entries that are not 0 are moved.

    Raises:
        ValueError: no entry but zeros.

    >>> [place.tolist() for place in places(np.array([0.0, 1.0, 2.0]))]
    [[1.0, 2.0, 0.0], [0.0, 1.0, 2.0]]
    """
    taken = np.nonzero(weights)
    if not len(taken[0]):
        raise ValueError("a filter without weights has no place, got zeros alone")
    room = [
        range(-int(at.min()), side - int(at.max()))
        for at, side in zip(taken, weights.shape, strict=True)
    ]
    axes = tuple(range(weights.ndim))
    return [np.roll(weights, steps, axes) for steps in itertools.product(*room)]


def sublattice(ensemble: Ensemble, which: Literal["A", "B"] = "A") -> Ensemble:
    """The sites of one sublattice, on the lattice that they form.

    A holds the origin. Distances stay those of the original lattice.

    Args:
        ensemble: configurations of one value per site of a hypercube, whose sides are
            even and multiples of the last one.
        which: `A` or `B`.

    Raises:
        ValueError: another geometry, feature maps, or neither A nor B.
    """
    if which not in ("A", "B"):
        raise ValueError(f"a sublattice is A or B, got {which!r}")
    grid = ensemble.grid
    if ensemble.features is not None or len(grid.cell) > 1:
        raise ValueError(
            "a sublattice needs one value per site and one site per cell, got "
            f"configurations of shape {ensemble.shape}"
        )
    sites = _sites(_checked(grid.shape), which)
    flat = ensemble.values.reshape(ensemble.chains, ensemble.draws, -1)
    geometry = _geometry(grid, which)
    values = flat[..., sites].reshape(*flat.shape[:2], *geometry.lattice)
    note = {"step": "sublattice", "which": which}
    return ensemble.derived(values, geometry, ensemble.alphabet, note)


def dense_weights(machine: Machine, visible: Geometry | None = None) -> np.ndarray:
    """The weight between every two units, `(visible, hidden)`, whatever is tied.

    Args:
        machine: any machine.
        visible: the visible layer, for weights that fit many.

    Raises:
        ValueError: the weights do not fit.
    """
    lattice = machine.visible_geometry(visible).lattice
    sites = math.prod(lattice)
    with torch.no_grad():
        each = torch.eye(sites, dtype=machine.W.dtype, device=machine.W.device)
        fields = machine.hidden_field(each.reshape(sites, *lattice))
        zero = machine.hidden_field(torch.zeros_like(each[:1]).reshape(1, *lattice))
    return (fields - zero).reshape(sites, -1).double().cpu().numpy()


@dataclass(frozen=True, eq=False)
class Recovery:
    """Which units of a known machine another one has found.

    Attributes:
        distance: of every true unit from the unit assigned to it, in units of its own
            length: 0 found exactly, 1 not at all, `(true units,)`.
        unit: the unit assigned to it, −1 where there are fewer units than true ones.
        tolerance: largest distance of a unit that counts as found.
    """

    distance: np.ndarray
    unit: np.ndarray
    tolerance: float

    @property
    def found(self) -> int:
        """Number of true units within the tolerance."""
        return int((self.distance <= self.tolerance).sum())

    @property
    def share(self) -> float:
        """Share of the true units within the tolerance."""
        return self.found / len(self.distance)

    def __str__(self) -> str:
        return f"{self.found} of {len(self.distance)} units found"


def recovered(
    machine: Machine,
    truth: Machine,
    *,
    visible: Geometry | None = None,
    tolerance: float = TOLERANCE,
) -> Recovery:
    """The units of `truth` that `machine` has found, whatever their order and signs.

    Hidden units may be exchanged, and (W, b)_a → −(W, b)_a turned, without a change of
    p(v). The assignment is the one of least total distance (Hungarian method); of a
    tied machine the units of all blocks count, so that a filter that is the true one
    moved by a site is the true one.

    Args:
        machine: with spins as hidden units.
        truth: such as `sublattice_machine`, without units of weight 0.
        visible: the visible layer, where neither of the two knows its own.
        tolerance: see `TOLERANCE`.

    Raises:
        ValueError: different numbers of visible units, or a true unit without weights.
    """
    own, true = (_units(m, visible) for m in (machine, truth))
    if len(own) != len(true):
        raise ValueError(
            "a recovery compares machines of one visible layer, got "
            f"{len(own) - 1} and {len(true) - 1} visible units"
        )
    length = np.linalg.norm(true, axis=0)
    if not length.all():
        raise ValueError(
            f"every true unit needs weights, got unit {int(np.argmin(length))} "
            "without any; leave it out"
        )
    distance = np.minimum(_distances(own, true), _distances(-own, true)) / length
    rows, columns = linear_sum_assignment(distance)
    unit = np.full(true.shape[1], -1)
    unit[columns] = rows
    least = np.ones(true.shape[1])
    least[columns] = distance[rows, columns]
    return Recovery(least, unit, tolerance)


def _bonds(model: Ising, coupling: float) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of every bond, and its strength K_b."""
    _check_finite(coupling)
    near, second = bond_pairs(model.near), bond_pairs(model.near_second)
    strengths = np.repeat([1.0, model.second], [len(near), len(second)])
    return np.concatenate([near, second]), coupling * strengths


def _taps(dimension: int) -> list[tuple[int, ...]]:
    """The A sites that a B site is bonded to, in cells away from its own."""
    taps: list[tuple[int, ...]] = [(0,) * dimension, (0,) * (dimension - 1) + (1,)]
    for k in range(dimension - 1):
        step = [0] * dimension
        step[k] = 1
        taps.append(tuple(step))
        step[k], step[-1] = -1, 1
        taps.append(tuple(step))
    return taps


def _sites(sides: tuple[int, ...], which: str) -> np.ndarray:
    """Flat numbers of the sites of a sublattice, cell by cell."""
    cells = np.indices((*sides[:-1], sides[-1] // 2)).reshape(len(sides), -1)
    last = cells[:-1].sum(axis=0) + 2 * cells[-1] + (which == "B")
    places = (*cells[:-1], last % sides[-1])
    return np.asarray(np.ravel_multi_index(places, sides))


def _geometry(grid: Grid, which: str) -> Grid:
    """The lattice that a sublattice of `grid` forms."""
    basis, first = np.array(grid.basis), np.array(grid.cell[0])
    vectors = [*(basis[:-1] + basis[-1]), 2 * basis[-1]]
    start = first + basis[-1] * (which == "B")
    return Grid(
        (*grid.shape[:-1], grid.shape[-1] // 2),
        tuple(tuple(vector.tolist()) for vector in vectors),
        (tuple(start.tolist()),),
    )


def _checked(shape: Sequence[int]) -> tuple[int, ...]:
    sides = tuple(int(side) for side in shape)
    fits = sides and sides[-1] >= 2 and not any(side % sides[-1] for side in sides)
    if not fits or any(side < 2 or side % 2 for side in sides):
        raise ValueError(
            "the sublattices of a torus are periodic lattices where every side is even "
            f"and a multiple of the last one, got shape {tuple(shape)}; use equal even "
            "sides, or put the shortest one last"
        )
    return sides


def _check_finite(coupling: float) -> None:
    if not math.isfinite(coupling):
        raise ValueError(
            f"the coupling must be a finite real number, got {coupling}; "
            "give K = βJ such as 0.44"
        )


def _units(machine: Machine, visible: Geometry | None) -> np.ndarray:
    """Weights and bias of every hidden unit, `(visible + 1, hidden)`."""
    weights = dense_weights(machine, visible)
    b = machine.b.detach().double().cpu().numpy()
    return np.vstack([weights, np.repeat(b, weights.shape[1] // len(b))])


def _distances(own: np.ndarray, true: np.ndarray) -> np.ndarray:
    """|w_a − t_b| of every pair, `(own, true)`."""
    return np.sqrt(np.square(own[:, :, None] - true[:, None, :]).sum(axis=0))
