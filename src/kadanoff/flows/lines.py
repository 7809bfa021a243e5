"""Flow lines: where they lead, where two sinks part, and the free energy along them.

A flow that knows `constant`, g with ln Z/N (K) = g(K) + b^-d ln Z/N (K′), has a free
energy: the sum of b^-dn g(K_n) along the flow line (M. Nauenberg and B. Nienhuis,
Phys. Rev. Lett. 33, 1598 (1974)).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from kadanoff.flows.fixed_point import linearised, unstable
from kadanoff.flows.theory import (
    AnyFlow,
    BetaFunction,
    Couplings,
    FlowWithConstant,
    named,
    parity_of,
    vector,
)

__all__ = ["critical_value", "iterate", "log_partition_per_site"]


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
    line, onward = [vector(flow, start)], onward_of(flow, interval)
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

    >>> import math
    >>> from kadanoff.flows.decimation import Chain
    >>> value = log_partition_per_site(Chain(b=2), 0.7).item()
    >>> abs(value - math.log(2 * math.cosh(0.7))) < 1e-13
    True
    """
    theory = couplings if isinstance(couplings, Tensor) else vector(flow, couplings)
    total, weight = torch.zeros((), dtype=torch.float64), 1.0
    onward = onward_of(flow)
    for _ in range(steps):
        term = weight * flow.constant(theory)
        total, theory = total + term, onward(theory)
        weight *= flow.scale ** (-flow.dimension)
        if weight * (1 + float(theory.detach().abs().max())) < 1e-17:
            return total
    raise ValueError(
        f"the free energy of {flow} needs more than {steps} steps; give more steps"
    )


def onward_of(flow: AnyFlow, interval: float = 0.05) -> Callable[[Tensor], Tensor]:
    """One step; odd couplings that are zero stay zero to the last bit.

    Rounding would make a field of 1e-17 of them, which grows to a magnetization within
    forty steps. Their derivatives are kept.
    """
    is_rate = isinstance(flow, BetaFunction)
    take = _runge_kutta(flow, interval) if is_rate else flow.step
    odd = torch.zeros(len(flow.names), dtype=torch.float64)
    odd[parity_of(flow)[1]] = 1.0

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


def _compact(theory: Tensor) -> Tensor:
    """K/(1 + |K|): sinks at infinity become points, strong couplings stay apart."""
    size = theory.abs()
    return torch.where(size > 1e300, theory.sign(), theory / (1 + size))


def _distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm())


def _uncompact(flow: AnyFlow, end: Tensor) -> dict[str, float]:
    return named(flow, end / (1 - end.abs()))


def _sink(flow: AnyFlow, theory: Tensor, steps: int) -> Tensor:
    onward = onward_of(flow)
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
    onward, reach = onward_of(flow), _distance(*ends) / 50
    for _ in range(steps):
        for number, end in enumerate(ends):
            if _distance(_compact(theory), end) < reach:
                return number, theory
        theory = onward(theory)
    return None, theory


def _rests_on_top(flow: AnyFlow, theory: Tensor) -> bool:
    """Whether a flow was started on the critical surface, to the last digit."""
    still = float((onward_of(flow)(theory) - theory).abs().max()) < 1e-9
    return still and unstable(linearised(flow, named(flow, theory)))
