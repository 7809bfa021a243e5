"""Fixed points, exponents and flow lines of any map on named couplings.

A `Flow` carries a vector of couplings K over a change of scale b; a `BetaFunction`
gives dK/dl with l the logarithm of the scale. Both are written in torch, so the matrix
of the linearised map, T = ∂K′/∂K, comes by automatic differentiation, to rounding. Its
eigenvalues λ at a fixed point are the exponents

    y = ln|λ| / ln b        (of a β function: y = Re λ),

its right eigenvectors are the directions of the flow, its left eigenvectors u the
linear scaling fields, u·(K - K*) → λ u·(K - K*) (F. J. Wegner, Phys. Rev. B 5, 4529
(1972)). Couplings that change sign with the spins are `odd`; where all of them are
zero T has two blocks, and each is analysed alone.

A flow that also knows `constant`, g with ln Z/N (K) = g(K) + b^-d ln Z/N (K′), has a
free energy: the sum of b^-dn g(K_n) along the flow line (M. Nauenberg and
B. Nienhuis, Phys. Rev. Lett. 33, 1598 (1974)).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = [
    "BetaFunction",
    "FixedPoint",
    "Flow",
    "FlowWithConstant",
    "Sector",
    "critical_value",
    "fixed_point",
    "iterate",
    "linearised",
    "log_partition_per_site",
    "named",
    "unstable",
    "vector",
]

Couplings = Mapping[str, float] | float
"""By name, those left out being zero, or one number for the first coupling."""

RESIDUAL = 1e-12
"""A point is fixed where it moves by less than this, relative to 1 + |K|."""

MARGINAL = 1e-7
"""Exponents below this are called marginal: roots of rounding errors are as large."""

GRID = 2.0 ** (np.arange(-32, 33) / 8)
"""Where a single coupling is searched for a change of direction, times the start."""


@runtime_checkable
class Flow(Protocol):
    """An `RGMap` whose theory is a float64 vector of couplings, `(coupling,)`."""

    names: ClassVar[tuple[str, ...]]
    """The couplings, in the order of the vector; the one that is varied first."""

    odd: ClassVar[tuple[str, ...]]
    """Those that change sign when all spins do."""

    @property
    def dimension(self) -> float:
        """d of the lattice."""
        ...

    @property
    def scale(self) -> float:
        """b, the factor by which lengths shrink in one step."""
        ...

    def step(self, theory: Tensor) -> Tensor:
        """The couplings after one change of scale."""
        ...


@runtime_checkable
class FlowWithConstant(Flow, Protocol):
    """A flow that keeps count of the free energy."""

    def constant(self, theory: Tensor) -> Tensor:
        """g with ln Z/N (K) = g(K) + b^-d ln Z/N (K′), a scalar."""
        ...


@runtime_checkable
class BetaFunction(Protocol):
    """An infinitesimal change of scale; names, odd and dimension as in `Flow`."""

    names: ClassVar[tuple[str, ...]]
    """The couplings, in the order of the vector."""

    odd: ClassVar[tuple[str, ...]]
    """Those that change sign when all spins do."""

    @property
    def dimension(self) -> float:
        """d of the lattice."""
        ...

    def rate(self, theory: Tensor) -> Tensor:
        """dK/dl, l the logarithm of the change of scale."""
        ...


AnyFlow = Flow | BetaFunction


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


def vector(flow: AnyFlow, couplings: Couplings) -> Tensor:
    """The couplings in the order of the flow, float64.

    Raises:
        ValueError: an unknown name, or a value that is not finite.
    """
    given = _as_mapping(flow, couplings)
    for name in given:
        if name not in flow.names:
            raise ValueError(
                f"the couplings of {flow} are {', '.join(flow.names)}, got {name!r}; "
                "leave it out"
            )
    values = [float(given.get(name, 0.0)) for name in flow.names]
    if not all(map(math.isfinite, values)):
        raise ValueError(f"couplings must be finite numbers, got {dict(given)}")
    return torch.tensor(values, dtype=torch.float64)


def named(flow: AnyFlow, theory: Tensor) -> dict[str, float]:
    """The entries of a vector of couplings by name."""
    return dict(zip(flow.names, theory.tolist(), strict=True))


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
        ValueError: no fixed point, with what was tried.

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
    raise ValueError(
        f"no fixed point of {flow} found: {'; '.join(tried)}; give other starts"
    )


def iterate(
    flow: AnyFlow, start: Couplings, steps: int, *, interval: float = 0.05
) -> list[dict[str, float]]:
    """The flow line of `steps` steps from a point, which comes first.

    Args:
        flow: a map; a β function takes steps of `interval` by Runge and Kutta's rule.
        start: where it begins.
        steps: how many.
        interval: step of l = ln(scale), for a β function only.

    Raises:
        ValueError: an unknown coupling, or a negative number of steps.
    """
    if steps < 0:
        raise ValueError(f"a flow line needs 0 or more steps, got {steps}; give more")
    line, onward = [vector(flow, start)], _onward(flow, interval)
    for _ in range(steps):
        line.append(onward(line[-1]))
    return [named(flow, theory) for theory in line]


def critical_value(
    flow: AnyFlow,
    family: Callable[[float], Couplings],
    *,
    between: tuple[float, float],
    steps: int = 2000,
    width: float = 0.0,
) -> float:
    """Where a line of theories crosses the critical surface: two sinks meet there.

    Bisects on the sink that the flow from `family(t)` ends in, down to an interval of
    `width`, or to neighbouring floating-point numbers.

    Args:
        flow: a map, or a β function (followed in steps of 0.05).
        family: the couplings at a value t of the parameter.
        between: values of t whose flows end in different sinks.
        steps: how long a flow may take to decide.
        width: of t, that is narrow enough.

    Raises:
        ValueError: both ends flow to the same sink, or a flow that decides for
            neither.

    >>> from kadanoff.flows.migdal_kadanoff import MigdalKadanoff
    >>> flow = MigdalKadanoff(d=2, b=2)
    >>> round(critical_value(flow, lambda k: k, between=(0.1, 1.0)), 12)
    0.304688931718
    """
    low, high = between
    ends = [_sink(flow, vector(flow, family(t)), steps) for t in (low, high)]
    if _distance(*ends) < 1e-3:
        raise ValueError(
            f"the flows from {low} and {high} must end in different sinks, but both "
            f"end at {_uncompact(flow, ends[0])}; widen the interval"
        )
    while (middle := (low + high) / 2) not in (low, high):
        sink, last = _nearest_sink(flow, vector(flow, family(middle)), ends, steps)
        if sink is None:
            if _rests_on_top(flow, last):
                break
            raise ValueError(
                f"the flow from {middle} reaches neither sink in {steps} steps; "
                "give more steps, or an interval with two sinks"
            )
        low, high = (middle, high) if sink == 0 else (low, middle)
        if abs(high - low) <= width:
            break
    return middle


def log_partition_per_site(
    flow: FlowWithConstant, couplings: Couplings | Tensor, *, steps: int = 400
) -> Tensor:
    """ln Z per site by the recursion, Σ_n b^-dn g(K_n); a scalar that torch can derive.

    The sum is cut where a further term no longer changes it.

    Args:
        flow: a map that knows its constant.
        couplings: by name, or a vector in the order of the flow.
        steps: the most terms.

    Raises:
        ValueError: an unknown coupling, or a sum that has not converged.

    >>> from kadanoff.flows.decimation import Chain
    >>> value = log_partition_per_site(Chain(b=2), 0.7).item()
    >>> abs(value - math.log(2 * math.cosh(0.7))) < 1e-13
    True
    """
    theory = couplings if isinstance(couplings, Tensor) else vector(flow, couplings)
    total, weight = torch.zeros((), dtype=torch.float64), 1.0
    onward = _onward(flow)
    for _ in range(steps):
        term = weight * flow.constant(theory)
        total, theory = total + term, onward(theory)
        weight *= flow.scale ** (-flow.dimension)
        if weight * (1 + float(theory.detach().abs().max())) < 1e-17:
            return total
    raise ValueError(
        f"the free energy of {flow} needs more than {steps} steps; give more steps"
    )


def _largest(sector: Sector) -> float | None:
    return float(sector.exponents[0]) if len(sector.exponents) else None


def _listed(start: Couplings | Sequence[Couplings]) -> list[Couplings]:
    return [start] if isinstance(start, (Mapping, int, float)) else list(start)


def _as_mapping(flow: AnyFlow, couplings: Couplings) -> Mapping[str, float]:
    if isinstance(couplings, Mapping):
        return couplings
    return {flow.names[0]: couplings}


def _velocity(flow: AnyFlow) -> Callable[[Tensor], Tensor]:
    """What is zero at a fixed point."""
    if isinstance(flow, BetaFunction):
        return flow.rate
    return lambda theory: flow.step(theory) - theory


def _onward(flow: AnyFlow, interval: float = 0.05) -> Callable[[Tensor], Tensor]:
    """One step; odd couplings that are zero stay zero to the last bit.

    Rounding would make a field of 1e-17 of them, which grows to a magnetization within
    forty steps. Their derivatives are kept.
    """
    is_rate = isinstance(flow, BetaFunction)
    take = _runge_kutta(flow, interval) if is_rate else flow.step
    odd = torch.zeros(len(flow.names), dtype=torch.float64)
    odd[_parity(flow)[1]] = 1.0

    def onward(theory: Tensor) -> Tensor:
        after = take(theory)
        return after if (theory * odd).any() else after - odd * after.detach()

    return onward


def _runge_kutta(flow: BetaFunction, interval: float) -> Callable[[Tensor], Tensor]:
    rate = flow.rate

    def take(x: Tensor) -> Tensor:
        k1 = rate(x)
        k2 = rate(x + interval / 2 * k1)
        k3 = rate(x + interval / 2 * k2)
        k4 = rate(x + interval * k3)
        return x + interval / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    return take


def _parity(flow: AnyFlow) -> tuple[list[int], list[int]]:
    """Positions of the even and of the odd couplings."""
    odd = [i for i, name in enumerate(flow.names) if name in flow.odd]
    return [i for i in range(len(flow.names)) if i not in odd], odd


def _candidates(
    flow: AnyFlow, starts: list[Tensor], iterations: int
) -> Iterator[tuple[Tensor | None, str]]:
    """Points that hold still, and of what does not the story."""
    even, odd = _parity(flow)
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
    even, odd = _parity(flow)
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


def _compact(theory: Tensor) -> Tensor:
    """K/(1 + |K|): sinks at infinity become points, strong couplings stay apart."""
    size = theory.abs()
    return torch.where(size > 1e300, theory.sign(), theory / (1 + size))


def _distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm())


def _uncompact(flow: AnyFlow, end: Tensor) -> dict[str, float]:
    return named(flow, end / (1 - end.abs()))


def _sink(flow: AnyFlow, theory: Tensor, steps: int) -> Tensor:
    onward = _onward(flow)
    for _ in range(steps):
        after = onward(theory)
        if not bool(torch.isfinite(after).all()):
            break
        if torch.equal(_compact(after), _compact(theory)):
            break
        theory = after
    return _compact(theory)


def _nearest_sink(
    flow: AnyFlow, theory: Tensor, ends: list[Tensor], steps: int
) -> tuple[int | None, Tensor]:
    """The sink that the flow comes close to, or None, and where it was last."""
    onward, reach = _onward(flow), _distance(*ends) / 50
    for _ in range(steps):
        for number, end in enumerate(ends):
            if _distance(_compact(theory), end) < reach:
                return number, theory
        theory = onward(theory)
    return None, theory


def _rests_on_top(flow: AnyFlow, theory: Tensor) -> bool:
    """Whether a flow was started on the critical surface, to the last digit."""
    still = float((_onward(flow)(theory) - theory).abs().max()) < 1e-9
    return still and unstable(_analysed(flow, theory, "flow"))
