"""Fixed points of any map on named couplings, their directions and exponents.

The matrix of the linearised map, T = ∂K′/∂K, comes by automatic differentiation, to
rounding. Its eigenvalues λ at a fixed point are the exponents

    y = ln|λ| / ln b        (of a β function: y = Re λ),

its right eigenvectors are the directions of the flow, its left eigenvectors u the
linear scaling fields, u·(K - K*) → λ u·(K - K*) (F. J. Wegner, Phys. Rev. B 5, 4529
(1972)). Where all odd couplings are zero T has two blocks, and each is analysed alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kadanoff.flows.theory import (
    AnyFlow,
    BetaFunction,
    Couplings,
    named,
    parity_of,
    vector,
)

__all__ = [
    "FixedPoint",
    "NoFixedPoint",
    "Sector",
    "fixed_point",
    "linearised",
    "unstable",
]

RESIDUAL = 1e-12
"""A point is fixed where it moves by less than this, relative to 1 + |K|."""


MARGINAL = 1e-7
"""Exponents below this are called marginal: roots of rounding errors are as large."""


GRID = 2.0 ** (np.arange(-32, 33) / 8)
"""Where a single coupling is searched for a change of direction, times the start."""


class NoFixedPoint(ValueError):
    """None was found; the sentence says what was tried."""


@dataclass(frozen=True)
class Sector:
    """The linearised map on couplings of one parity, the most relevant mode first.

    Attributes:
        names: the couplings.
        eigenvalues: λ of every mode, complex.
        exponents: y of every mode, falling; -inf for what is forgotten in one step.
        right: directions of the flow as columns, `(coupling, mode)`.
        left: scaling fields as rows, `(mode, coupling)`; left @ right = 1.
    """

    names: tuple[str, ...]
    eigenvalues: NDArray[np.complex128]
    exponents: NDArray[np.float64]
    right: NDArray[np.complex128]
    left: NDArray[np.complex128]

    @property
    def relevant(self) -> NDArray[np.float64]:
        """Exponents y > 0."""
        return self.exponents[self.exponents > MARGINAL]

    @property
    def marginal(self) -> NDArray[np.float64]:
        """Exponents y = 0, to 1e-7."""
        return self.exponents[np.abs(self.exponents) <= MARGINAL]

    @property
    def irrelevant(self) -> NDArray[np.float64]:
        """Exponents y < 0."""
        return self.exponents[self.exponents < -MARGINAL]


@dataclass(frozen=True)
class FixedPoint:
    """A point of coupling space and the flow linearised about it.

    Attributes:
        couplings: the point.
        jacobian: ∂K′/∂K, of a β function ∂(dK/dl)/∂K, `(to, from)`.
        even: modes without the odd couplings; all modes where parity is broken.
        odd: modes of the odd couplings; none where parity is broken.
        residual: the largest change of a coupling in one step.
        found: how.
    """

    couplings: dict[str, float]
    jacobian: NDArray[np.float64]
    even: Sector
    odd: Sector
    residual: float
    found: str = "given"

    @property
    def y_t(self) -> float | None:
        """The largest even exponent."""
        return _largest(self.even)

    @property
    def y_h(self) -> float | None:
        """The largest odd exponent; None for a flow without odd couplings."""
        return _largest(self.odd)


def unstable(point: FixedPoint) -> bool:
    """Whether some even coupling grows: a critical point and not a sink."""
    return len(point.even.relevant) > 0


def linearised(flow: AnyFlow, couplings: Couplings) -> FixedPoint:
    """The flow linearised about a point, fixed or not: see its `residual`.

    Raises:
        ValueError: an unknown coupling, or a flow that is not finite there.
    """
    return _analysed(flow, vector(flow, couplings), "given")


def fixed_point(
    flow: AnyFlow,
    start: Couplings | Sequence[Couplings],
    *,
    accept: Callable[[FixedPoint], bool] | None = None,
    iterations: int = 100,
) -> FixedPoint:
    """A fixed point of the flow, by damped Newton steps with the exact matrix.

    Odd couplings that start at zero stay there. With a single coupling left to
    search, the flow is also followed for a change of direction from start/16 to
    16 start, and bisected there.

    Args:
        flow: a map or a β function.
        start: a point to start from, or several, tried in turn.
        accept: refuses points that are not what is looked for; `unstable` refuses the
            sinks.
        iterations: the most Newton steps from each start.

    Raises:
        NoFixedPoint: none was found; a `ValueError` that says what was tried.
        ValueError: an unknown coupling.

    >>> from kadanoff.flows.migdal_kadanoff import MigdalKadanoff
    >>> point = fixed_point(MigdalKadanoff(d=2, b=2), 0.3, accept=unstable)
    >>> round(point.couplings["coupling"], 6), round(point.y_t, 6)
    (0.304689, 0.747236)
    """
    starts = [vector(flow, one) for one in _listed(start)]
    tried = []
    for candidate, how in _candidates(flow, starts, iterations):
        if candidate is None:
            tried.append(how)
            continue
        point = _analysed(flow, candidate, how)
        if accept is None or accept(point):
            return point
        tried.append(f"{how} found {point.couplings}, which was not accepted")
    raise NoFixedPoint(
        f"no fixed point of {flow} found: {'; '.join(tried)}; start elsewhere"
    )


def _largest(sector: Sector) -> float | None:
    return float(sector.exponents[0]) if len(sector.exponents) else None


def _listed(start: Couplings | Sequence[Couplings]) -> list[Couplings]:
    return [start] if isinstance(start, (Mapping, int, float)) else list(start)


def _velocity(flow: AnyFlow) -> Callable[[Tensor], Tensor]:
    """What is zero at a fixed point."""
    if isinstance(flow, BetaFunction):
        return flow.rate
    return lambda theory: flow.step(theory) - theory


def _candidates(
    flow: AnyFlow, starts: list[Tensor], iterations: int
) -> Iterator[tuple[Tensor | None, str]]:
    """Points that hold still, and of what does not the story."""
    even, odd = parity_of(flow)
    for start in starts:
        free = even if not start[odd].any() else [*even, *odd]
        yield _newton(flow, start, free, iterations)
    if len(even) == 1 and not any(start[odd].any() for start in starts):
        for start in starts:
            yield from _bisections(flow, start, even[0])


def _newton(
    flow: AnyFlow, start: Tensor, free: list[int], iterations: int
) -> tuple[Tensor | None, str]:
    """Newton's method on the free couplings, halving steps that do not help."""
    velocity = _velocity(flow)

    def moved(part: Tensor) -> Tensor:
        theory = start.clone().index_put((torch.tensor(free),), part)
        return velocity(theory)[free]

    x = start[free].clone()
    change, count = moved(x), 0
    while count < iterations:
        slope = _jacobian(moved, x)
        if not bool(torch.isfinite(slope).all()):
            break
        direction = torch.linalg.lstsq(slope, -change).solution
        better = _damped(moved, x, direction, change)
        if better is None:
            break
        x, change = better
        count += 1
    residual = float(change.abs().max())
    story = (
        f"Newton from {named(flow, start)} ({count} iterations, "
        f"residual {residual:.1e})"
    )
    if not residual <= RESIDUAL * (1 + float(x.abs().max())):
        return None, story
    return start.clone().index_put((torch.tensor(free),), x), story


def _jacobian(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Exact derivatives `(to, from)`, by one backward pass for each row."""
    rows = torch.autograd.functional.jacobian(function, x)
    assert isinstance(rows, Tensor)
    return rows


def _damped(
    moved: Callable[[Tensor], Tensor], x: Tensor, direction: Tensor, change: Tensor
) -> tuple[Tensor, Tensor] | None:
    """The longest of the halved steps that makes the change smaller."""
    length = 1.0
    while length > 1e-6:
        there = moved(x + length * direction)
        # A step that is not a number compares false and is halved.
        if float(there.norm()) < (1 - length / 4) * float(change.norm()):
            return x + length * direction, there
        length /= 2
    return None


def _bisections(
    flow: AnyFlow, start: Tensor, at: int
) -> Iterator[tuple[Tensor | None, str]]:
    """Every change of direction of one coupling near its start."""
    velocity = _velocity(flow)

    def theory(value: float) -> Tensor:
        moved = start.clone()
        moved[at] = value
        return moved

    def grows(value: float) -> bool:
        return bool(velocity(theory(value))[at] > 0)

    points = sorted(float(start[at]) * GRID)
    name, found = flow.names[at], False
    for low, high in itertools.pairwise(points):
        if grows(low) == grows(high):
            continue
        found = True
        place = theory(_bisected(grows, low, high))
        residual = float(velocity(place).abs().max())
        how = f"bisection of {name} near {low:.3g} (residual {residual:.1e})"
        # A jump, or a flow that is no number, changes direction without resting.
        rests = residual <= 1e3 * RESIDUAL * (1 + float(place.abs().max()))
        yield (place if rests else None), how
    if not found:
        yield (
            None,
            f"no change of direction of {name} between {points[0]:.3g} "
            f"and {points[-1]:.3g}",
        )


def _bisected(grows: Callable[[float], bool], low: float, high: float) -> float:
    below = grows(low)
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if grows(middle) == below else (low, middle)
    return middle


def _analysed(flow: AnyFlow, theory: Tensor, found: str) -> FixedPoint:
    forward = flow.rate if isinstance(flow, BetaFunction) else flow.step
    jacobian = _jacobian(forward, theory).numpy()
    if not np.isfinite(jacobian).all():
        raise ValueError(
            f"{flow} has no derivative at {named(flow, theory)}; give another point"
        )
    even, odd = parity_of(flow)
    mixing = np.abs(jacobian[np.ix_(even, odd)]).sum()
    mixing += np.abs(jacobian[np.ix_(odd, even)]).sum()
    if mixing > 1e-9 * np.abs(jacobian).max():
        even, odd = [*even, *odd], []
    return FixedPoint(
        couplings=named(flow, theory),
        jacobian=jacobian,
        even=_sector(flow, jacobian, even),
        odd=_sector(flow, jacobian, odd),
        residual=float(_velocity(flow)(theory).abs().max()),
        found=found,
    )


def _sector(flow: AnyFlow, jacobian: NDArray[np.float64], members: list[int]) -> Sector:
    names = tuple(flow.names[i] for i in members)
    if not members:
        none = np.zeros((0, 0), complex)
        return Sector(names, np.zeros(0, complex), np.zeros(0), none, none)
    values, right = np.linalg.eig(jacobian[np.ix_(members, members)].astype(complex))
    exponents = _exponents(flow, values)
    order = np.argsort(-exponents, kind="stable")
    right = right[:, order]
    # Each direction points to where its largest coupling grows.
    largest = right[np.abs(right).argmax(axis=0), np.arange(len(order))]
    right = (right * (np.abs(largest) / largest)).astype(complex)
    # A defective matrix has fewer directions than couplings: the best there is.
    left = np.linalg.pinv(right).astype(complex)
    return Sector(names, values[order], exponents[order], right, left)


def _exponents(
    flow: AnyFlow, eigenvalues: NDArray[np.complex128]
) -> NDArray[np.float64]:
    if isinstance(flow, BetaFunction):
        return eigenvalues.real.copy()
    with np.errstate(divide="ignore"):
        return np.log(np.abs(eigenvalues)) / math.log(flow.scale)
