"""Flow lines of a map on couplings around its critical point, for a picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from kadanoff.flows.fixed_point import FixedPoint
from kadanoff.flows.lines import critical_value, iterate
from kadanoff.flows.registry import critical_point
from kadanoff.flows.theory import AnyFlow, Flow
from kadanoff.reports.flow import Curve, Plane, Portrait

__all__ = ["portrait"]

POINTS = 200  # of a curve
STARTS = 7  # of flow lines along each side of the window
STEPS, SMALL_STEPS, SMALL = 12, 120, 0.05  # of a map, of a β function
SURFACE = 21  # points looked for on the critical surface


def portrait(flow: AnyFlow) -> Portrait:
    """Lines, fixed points and the critical surface near the critical point.

    Raises:
        ValueError: a flow without a critical point.
    """
    point = critical_point(flow)
    x, y = _shown(flow, point)
    curve = _curve(flow, point, x) if _even(flow) == [x] else None
    plane = None if y is None else _plane(flow, point, x, y)
    exponents = f"y_T = {point.y_t:.4g}" if point.y_t is not None else ""
    if point.y_h is not None:
        exponents += f", y_H = {point.y_h:.4g}"
    return Portrait(f"{flow}: {exponents}", curve, plane)


def _even(flow: AnyFlow) -> list[str]:
    return [name for name in flow.names if name not in flow.odd]


def _shown(flow: AnyFlow, point: FixedPoint) -> tuple[str, str | None]:
    """The coupling that grows fastest, and the one that stands across it.

    Across stands the even coupling that shrinks fastest, or the first odd one.
    """
    even = _even(flow)
    if set(point.couplings) != set(flow.names) or len(even) == 1:
        return even[0], flow.odd[0] if flow.odd else None
    weights = np.abs(np.real(point.even.right))
    x = int(weights[:, 0].argmax())
    last = weights[:, -1].copy()
    last[x] = 0
    return even[x], even[int(last.argmax())]


def _curve(flow: AnyFlow, point: FixedPoint, name: str) -> Curve:
    at = point.couplings.get(name, 0.0)
    x = np.linspace(0, 2.5 * at if at > 0 else 2.0, POINTS)
    rate = not isinstance(flow, Flow)
    change = flow.rate if rate else flow.step
    place = flow.names.index(name)
    theories = torch.zeros(POINTS, len(flow.names), dtype=torch.float64)
    theories[:, place] = torch.from_numpy(x)
    y = np.array([float(change(theory)[place]) for theory in theories])
    starts = [] if rate or at <= 0 else [0.96 * at, 1.04 * at]
    steps = tuple(
        np.array([line[name] for line in iterate(flow, {name: start}, 8)])
        for start in starts
    )
    fixed = (0.0, at) if at > 0 else (at,)
    return Curve(name, x, y, rate, fixed, steps)


def _plane(flow: AnyFlow, point: FixedPoint, x: str, y: str) -> Plane:
    at = np.array([point.couplings.get(name, 0.0) for name in (x, y)])
    known = set(point.couplings) == set(flow.names)
    window = _window(at, y in flow.odd) if known else (0.0, 2.0, -1.0, 1.0)
    others = {
        name: value
        for name, value in point.couplings.items()
        if name not in (x, y) and name in flow.names
    }
    lines = tuple(
        _line(flow, {**others, x: start[0], y: start[1]}, (x, y), window)
        for start in _starts(window)
    )
    surface = np.empty((0, 2))
    if known and y not in flow.odd:
        surface = _surface(flow, others, (x, y), window)
    return Plane((x, y), lines, at if known else np.empty(0), surface, window)


def _window(at: np.ndarray, odd: bool) -> tuple[float, float, float, float]:
    """Around the critical point and the origin."""
    reach = max(abs(at[0]), 0.2 if at.any() else 1.0)
    left, right = (0.0, 2.2 * at[0]) if at[0] > 0 else (-reach, reach)
    if odd:
        return left, right, -reach, reach
    high = max(abs(at[1]), 0.5 * reach)
    return left, right, min(0.0, at[1]) - high, max(0.0, at[1]) + high


def _starts(window: tuple[float, float, float, float]) -> Iterator[np.ndarray]:
    left, right, bottom, top = window
    for x in np.linspace(left, right, STARTS):
        for y in np.linspace(bottom, top, STARTS):
            yield np.array([x, y])


def _line(
    flow: AnyFlow,
    start: dict[str, float],
    names: tuple[str, str],
    window: tuple[float, float, float, float],
) -> np.ndarray:
    """A flow line that ends with its first point outside the window."""
    steps = STEPS if isinstance(flow, Flow) else SMALL_STEPS
    theories = iterate(flow, start, steps, interval=SMALL)
    line = np.array([[theory[name] for name in names] for theory in theories])
    left, right, bottom, top = window
    wide, tall = right - left, top - bottom
    inside = (
        np.isfinite(line).all(1)
        & (abs(line[:, 0] - (left + right) / 2) <= wide / 2)
        & (abs(line[:, 1] - (bottom + top) / 2) <= tall / 2)
    )
    outside = np.flatnonzero(~inside)
    line = line[: outside[0] + 1] if len(outside) else line
    return line[np.isfinite(line).all(1)]


def _surface(
    flow: AnyFlow,
    others: dict[str, float],
    names: tuple[str, str],
    window: tuple[float, float, float, float],
) -> np.ndarray:
    """Where two sinks meet on lines of constant y; lines of one sink are left out."""
    left, right, bottom, top = window
    found, fine = [], (right - left) / 500
    for y in np.linspace(bottom, top, SURFACE):
        family = lambda t, y=y: {**others, names[0]: t, names[1]: float(y)}  # noqa: E731
        try:
            x = critical_value(
                flow, family, between=(left, right), steps=200, width=fine
            )
        except ValueError:
            continue
        found.append((x, y))
    return np.array(found).reshape(-1, 2)
