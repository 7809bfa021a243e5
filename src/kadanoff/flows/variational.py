"""Kadanoff's variational renormalization of the square lattice, a bound at every step.

Spins s live on the corners of squares, each with the potential V(s_1 … s_4). A block of
four spins gets a sign μ with the law exp[p μ Σs - ln 2 cosh(p Σs)], which sums to one.
Now all potentials, and the ln 2 cosh of the blocks, are moved to those squares that
touch four different blocks, one square in four. Such a square is a problem of its own:

    V′(μ_1 … μ_4) = ln Σ_s exp[4 V(s) + p Σ μ_i s_i - ln 2 cosh(p Σ s_i)],    b = 2.

What is moved has an average of zero in the uniform lattice, so that ln Z becomes
larger, never smaller: -ln Z found by the recursion is a lower bound on the free energy
for every p, one for all steps or each its own, and the best are where ln Z is smallest
(L. P. Kadanoff, Phys. Rev. Lett. 34, 1005 (1975); L. P. Kadanoff, A. Houghton and
M. C. Yalabik, J. Stat. Phys. 14, 171 (1976)). At the fixed point that means:
u·∂V′/∂p = 0 with u the left eigenvector of the eigenvalue b^d = 4, which is the
gradient of ln Z in the couplings and the constant.

There all pairs of a square are coupled alike. A second even eigenvalue is relevant,
that of the difference between sides and diagonals: an artefact, the Ising model has
one. A theory with sides only has such a difference from the start, and at fixed p it
drifts away from the point even where it is critical.

Couplings are per square: a bond belongs to two squares, a site to four. With
K Σ_<ij> s_i s_j and H Σ s_i of the lattice, `nearest` is K/2 and `field` H/4.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from kadanoff.flows.decimation import log_cosh
from kadanoff.flows.fixed_point import FixedPoint, NoFixedPoint, fixed_point
from kadanoff.flows.theory import vector

__all__ = [
    "Bound",
    "Optimum",
    "SquareCells",
    "best_bound",
    "best_cells",
    "bound",
    "critical_branch",
    "gradient_of_free_energy",
    "optimal",
    "slope_in_p",
    "square_couplings",
]

PRODUCTS: dict[str, tuple[tuple[int, ...], ...]] = {
    "nearest": ((0, 1), (1, 2), (2, 3), (3, 0)),
    "next_nearest": ((0, 2), (1, 3)),
    "four": ((0, 1, 2, 3),),
    "field": ((0,), (1,), (2,), (3,)),
    "three": ((0, 1, 2), (1, 2, 3), (2, 3, 0), (3, 0, 1)),
}
"""The products of spins that each coupling multiplies, corners in cyclic order."""

START = {"nearest": 0.14, "next_nearest": 0.14, "four": -0.01}
"""Near the fixed point, at which all pairs of a square are coupled alike."""


def square_couplings(
    *, coupling: float = 0.0, field: float = 0.0, next_nearest: float = 0.0
) -> dict[str, float]:
    """The couplings of one square of an Ising model on the square lattice.

    Args:
        coupling: K = βJ of a bond, which two squares share.
        field: H = βh of a site, which four squares share.
        next_nearest: coupling of a diagonal, which belongs to one square.
    """
    return {"nearest": coupling / 2, "field": field / 4, "next_nearest": next_nearest}


PACE, CLOSE, FARTHEST = 0.01, 0.03, 5.0
"""Steps of p along the critical points, how far these may move in one, and its end."""

STEPS = 28
"""Terms of a free energy: what they leave out is 4^-28 of it, 1e-17."""


@dataclass(frozen=True)
class SquareCells:
    """The recursion at a fixed p, exact in all couplings of a square.

    Args:
        p: how well a block's sign obeys its spins; 0 forgets them, ∞ is the majority.
    """

    p: float = 0.766

    names: ClassVar[tuple[str, ...]] = tuple(PRODUCTS)
    odd: ClassVar[tuple[str, ...]] = ("field", "three")

    def __post_init__(self) -> None:
        if not (math.isfinite(self.p) and self.p >= 0):
            raise ValueError(f"p must be a number of 0 or more, got {self.p}")

    @property
    def dimension(self) -> float:
        """2."""
        return 2.0

    @property
    def scale(self) -> float:
        """2."""
        return 2.0

    def step(self, theory: Tensor) -> Tensor:
        """The couplings of V′."""
        return _step(theory, torch.tensor(self.p, dtype=torch.float64))[0]

    def constant(self, theory: Tensor) -> Tensor:
        """¼ of the part of V′ that depends on no sign."""
        return _step(theory, torch.tensor(self.p, dtype=torch.float64))[1] / 4


@dataclass(frozen=True)
class Optimum:
    """The recursion whose p is the best one at its own fixed point.

    Attributes:
        p: the parameter.
        point: the fixed point, and the exponents with p held.
    """

    p: float
    point: FixedPoint

    @property
    def alpha(self) -> float:
        """Of the heat capacity, 2 - d/y_T."""
        return 2 - 2 / float(self.point.even.exponents[0])

    @property
    def delta(self) -> float:
        """Of the critical isotherm, y_H/(d - y_H)."""
        y_h = self.point.odd.exponents[0]
        return float(y_h / (2 - y_h))


@dataclass(frozen=True)
class Bound:
    """An upper bound on ln Z per site.

    Attributes:
        log_partition_per_site: the bound.
        parameters: p of every step, the last one for all that follow.
    """

    log_partition_per_site: float
    parameters: tuple[float, ...]


def gradient_of_free_energy(flow: SquareCells, point: FixedPoint) -> NDArray:
    """∂(ln Z/N)/∂K at a fixed point, u of the eigenvalue 4 with u = 1 on the constant.

    ln Z/N (K) = g(K) + ¼ ln Z/N (K′) gives u (4 - T) = 4 ∂g/∂K.
    """
    theory = vector(flow, point.couplings).requires_grad_()
    (slope,) = torch.autograd.grad(flow.constant(theory), theory)
    matrix = 4 * np.eye(len(theory)) - point.jacobian
    return np.linalg.solve(matrix.T, 4 * slope.numpy())


def optimal(
    *, between: tuple[float, float] = (0.7, 0.85), start: Mapping[str, float] = START
) -> Optimum:
    """The p at which the free energy of the fixed point is stationary, by bisection.

    Args:
        between: values of p at which the free energy falls and grows with p.
        start: couplings near the critical fixed point.

    Raises:
        ValueError: no change of sign between these p, or no fixed point at one of them.

    >>> best = optimal()
    >>> round(best.p, 3), best.alpha < 0.01, round(best.delta)
    (0.766, True, 15)
    """
    low, high = between
    place, below = dict(start), _stationary(low, start)[0] > 0
    if below == (_stationary(high, start)[0] > 0):
        raise ValueError(
            f"the free energy must change direction between p = {low} and {high}, but "
            "does not; widen the interval"
        )
    while (p := (low + high) / 2) not in (low, high):
        slope, point = _stationary(p, place)
        place = point.couplings
        low, high = (p, high) if (slope > 0) == below else (low, p)
    return Optimum(p, _critical(p, place))


def critical_branch(p: float) -> FixedPoint:
    """The critical point at this p, followed from the best one in small steps of p.

    Below, at p of about 0.65, it meets another fixed point and both are gone; above,
    y_T and y_H grow to d, which is a transition of first order. Fixed points that are
    found from elsewhere may belong to none of this.

    Raises:
        NoFixedPoint: p is below that end, or above 5.

    >>> round(critical_branch(0.8).y_t, 3)
    1.125
    """
    best = best_cells()
    place, point = best.p, best.point
    if p > FARTHEST:
        raise NoFixedPoint(
            f"the critical point is followed from the best p, {best.p:.4g}, up to p = "
            f"{FARTHEST:g}, got {p:g}; choose p closer to the best"
        )
    while place != p:
        place += float(np.clip(p - place, -PACE, PACE))
        try:
            point = _near(SquareCells(place), point)
        except NoFixedPoint:
            raise NoFixedPoint(
                f"the critical point of the best p, {best.p:.4g}, ends near p = "
                f"{place:.2g}, and there is none at {p:g}; choose p closer to the best"
            ) from None
    return point


@cache
def best_cells() -> Optimum:
    """What `optimal` finds, once."""
    return optimal()


def slope_in_p(flow: SquareCells, point: FixedPoint) -> float:
    """∂(ln Z/N)/∂p at a fixed point, in units of ¼: zero at the best p."""
    u = torch.from_numpy(gradient_of_free_energy(flow, point))
    parameter = torch.tensor(flow.p, dtype=torch.float64, requires_grad=True)
    step, constant = _step(vector(flow, point.couplings), parameter)
    (slope,) = torch.autograd.grad(constant + u @ step, parameter)
    return slope.item()


def bound(couplings: Mapping[str, float], parameters: Sequence[float]) -> float:
    """The upper bound on ln Z per site for given p of the steps.

    Args:
        couplings: of a square, see `square_couplings`.
        parameters: p of every step, the last one for all that follow.

    Raises:
        ValueError: an unknown coupling, or no parameter.
    """
    if len(parameters) == 0:
        raise ValueError("the bound needs p of at least one step, got none; give one")
    theory = vector(SquareCells(), couplings)
    return _bound(theory, torch.tensor(list(parameters), dtype=torch.float64)).item()


def best_bound(couplings: Mapping[str, float], *, steps: int = 8) -> Bound:
    """The smallest upper bound on ln Z per site.

    The best single p comes first, then p of each step is improved by its gradient:
    whatever that search finds, it is a bound.

    Args:
        couplings: of a square, see `square_couplings`.
        steps: how many steps have a p of their own.

    Raises:
        ValueError: an unknown coupling, or no steps.
    """
    if steps < 1:
        raise ValueError(f"the bound needs at least one step, got {steps}; give more")
    theory = vector(SquareCells(), couplings)

    # p = 0 is stationary by symmetry: ln p keeps away from it.
    def value_and_slope(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        log = torch.from_numpy(x).clone().requires_grad_()
        value = _bound(theory, torch.exp(log))
        (slope,) = torch.autograd.grad(value, log)
        return value.item(), slope.numpy()

    single = min(np.linspace(0.1, 2.1, 11), key=lambda p: bound(couplings, [p]))
    found = minimize(
        value_and_slope,
        np.full(steps, np.log(single)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-5.0, 3.0)] * steps,
        options={"ftol": 1e-15, "gtol": 1e-11},
    )
    return Bound(float(found.fun), tuple(np.exp(found.x).tolist()))


def _bound(theory: Tensor, parameters: Tensor) -> Tensor:
    total = torch.zeros((), dtype=torch.float64)
    for n in range(STEPS):
        theory, constant = _step(theory, parameters[min(n, len(parameters) - 1)])
        total = total + constant / 4.0 ** (n + 1)
    return total


def _critical(p: float, start: Mapping[str, float]) -> FixedPoint:
    return fixed_point(SquareCells(p), dict(start), accept=_is_critical)


def _is_critical(point: FixedPoint) -> bool:
    return len(point.even.relevant) > 0 and point.couplings["nearest"] > 0.01


def _stationary(p: float, start: Mapping[str, float]) -> tuple[float, FixedPoint]:
    """u·∂V′/∂p at the fixed point of p, and the point."""
    point = _critical(p, start)
    return slope_in_p(SquareCells(p), point), point


def _near(flow: SquareCells, point: FixedPoint) -> FixedPoint:
    """The critical point closest to another, not one that lies far from it."""

    def accept(found: FixedPoint) -> bool:
        moved = (abs(found.couplings[n] - point.couplings[n]) for n in flow.names)
        return _is_critical(found) and max(moved) < CLOSE

    return fixed_point(flow, point.couplings, accept=accept)


def _step(theory: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """The couplings `(5,)` of V′ and its constant."""
    total = _SPINS.sum(dim=1)
    inside = 4 * (_VALUES @ theory) - math.log(2) - log_cosh(p * total)
    potential = torch.logsumexp(inside + p * (_SPINS @ _SPINS.T), dim=1)
    return (_VALUES.T @ potential) / _NORMS, potential.mean()


_SPINS = torch.tensor(
    list(itertools.product((1.0, -1.0), repeat=4)), dtype=torch.float64
)
"""The sixteen states of a square."""

_VALUES = torch.stack(
    [
        torch.stack([_SPINS[:, list(corners)].prod(dim=1) for corners in group]).sum(0)
        for group in PRODUCTS.values()
    ],
    dim=1,
)
"""What each coupling multiplies in each state, `(state, coupling)`."""

_NORMS = (_VALUES**2).sum(dim=0)
