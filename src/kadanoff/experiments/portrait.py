"""Flow lines of a map on couplings around its fixed points, for a picture.

A coupling and a field are drawn as tanh K and tanh H: what lies at infinity, the cold
point and the phases in a field, is on the edge of the sheet. Two even couplings are
drawn as they are, around the critical point and the origin.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch

from kadanoff.flows.decimation import Chain, ColdChain
from kadanoff.flows.epsilon import WilsonFisher
from kadanoff.flows.fixed_point import FixedPoint, NoFixedPoint, linearised
from kadanoff.flows.gaussian import GaussianField
from kadanoff.flows.lines import critical_value, iterate
from kadanoff.flows.registry import critical_point
from kadanoff.flows.theory import AnyFlow, BetaFunction, Flow
from kadanoff.flows.variational import SquareCells
from kadanoff.reports.flow import Curve, Plane, Point, Portrait

__all__ = ["portrait"]

POINTS = 200  # of a curve
STARTS = 7  # of flow lines along each side of the window
STEPS, SMALL_STEPS, SMALL = 12, 90, 0.07  # of a map, of a β function
SURFACE = 21  # points looked for on the critical surface
REST = 1e-7  # on the sheet
WIDE = 58  # letters of a note below an axis

NEAR_FIELDS = (0.0, 0.02, 0.15, 0.5)
"""|tanh H| at the start of lines: a field grows by a factor of 4 in a step."""

LABELS = {
    "coupling": "K",
    "nearest": "K of nearest neighbours",
    "next_nearest": "K of next-nearest neighbours",
    "third": "K of third neighbours",
    "four": "coupling of four spins",
    "field": "H",
    "disorder": r"$w = e^{-2K}$",
    "mass": "mass squared t",
    "quartic": "quartic coupling g",
    "mass_squared": r"$m^2$",
    "y0": r"$y_0$",
    "y1": r"$y_1$ (gradient)",
    "y2": r"$y_2$",
    "y3": r"$y_3$",
}

TIED: dict[type, dict[str, str]] = {SquareCells: {"next_nearest": "nearest"}}
"""Couplings that the flow keeps equal once they are: all pairs of a square."""


@dataclass(frozen=True)
class _Tied:
    """A flow in which couplings that it keeps equal are so to the last digit.

    Where their difference is relevant, rounding would grow to a difference.
    """

    flow: Flow
    ties: dict[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        return self.flow.names

    @property
    def odd(self) -> tuple[str, ...]:
        return self.flow.odd

    @property
    def dimension(self) -> float:
        return self.flow.dimension

    @property
    def scale(self) -> float:
        return self.flow.scale

    def step(self, theory: torch.Tensor) -> torch.Tensor:
        after = self.flow.step(theory).clone()
        for name, to in self.ties.items():
            after[self.names.index(name)] = after[self.names.index(to)]
        return after


@dataclass(frozen=True)
class _Sheet:
    """The plane of two couplings: the rest starts at its critical value, or tied.

    Attributes:
        flow: what is drawn.
        point: its critical point, None where it has none.
        x: name of the horizontal coupling.
        y: of the vertical one.
        place: of a theory on the sheet.
        ties: couplings that start equal, by name.
    """

    flow: AnyFlow
    point: FixedPoint | None
    x: str
    y: str
    place: Callable[[dict[str, float]], tuple[float, float]]
    ties: dict[str, str] = field(default_factory=dict)

    def theory(self, x: float, y: float) -> dict[str, float]:
        """All couplings at a point of the plane."""
        couplings = {} if self.point is None else self.point.couplings
        start = {**couplings, self.x: x, self.y: y}
        return {**start, **{name: start[to] for name, to in self.ties.items()}}

    @property
    def critical(self) -> tuple[float, float]:
        """The critical point on the sheet; the origin where there is none."""
        return (0.0, 0.0) if self.point is None else self.place(self.point.couplings)


def portrait(flow: AnyFlow) -> Portrait:
    """Lines, fixed points and the critical surface near the critical point.

    A flow of one coupling without a critical point is drawn up to K = 2.

    Raises:
        NoFixedPoint: more couplings, and no critical point.
    """
    drawn = ColdChain(flow.b) if isinstance(flow, Chain) else flow
    try:
        point = critical_point(flow)
    except NoFixedPoint:
        if len(_even(flow)) > 1:
            raise
        point = None
    x, y = _shown(drawn, point)
    curve = _curve(drawn, point, x) if _even(drawn) == [x] else None
    plane = None
    if y in drawn.odd:
        plane = _field_plane(drawn, point, x, y)
    elif y is not None and point is not None:
        plane = _even_plane(drawn, point, x, y)
    return Portrait(_title(flow, point), curve, plane)


def _title(flow: AnyFlow, point: FixedPoint | None) -> str:
    options = ((f.name, getattr(flow, f.name)) for f in fields(_as_dataclass(flow)))
    given = ", ".join(f"{name} = {value:.4g}" for name, value in options)
    name = f"{type(flow).__name__}({given})"
    if point is None:
        return f"{name}: no critical point"
    read = {"y_T": point.y_t, "y_H": point.y_h}
    shown = (f"{key} = {y:.4g}" for key, y in read.items() if y is not None)
    return f"{name}: {', '.join(shown)}"


def _as_dataclass(flow: AnyFlow) -> Any:
    return flow


def _even(flow: AnyFlow) -> list[str]:
    return [name for name in flow.names if name not in flow.odd]


def _label(name: str) -> str:
    return LABELS.get(name, name)


def _shown(flow: AnyFlow, point: FixedPoint | None) -> tuple[str, str | None]:
    """The coupling that grows fastest, and the one that stands across it.

    Across stands the even coupling with the largest part in the least irrelevant
    direction, or the first odd one.
    """
    even = _even(flow)
    if point is None or len(even) == 1:
        return even[0], flow.odd[0] if flow.odd else None
    weights = np.abs(np.real(point.even.right))
    # Tied couplings weigh the same but for rounding: the other one is shown.
    weights[[even.index(name) for name in TIED.get(type(flow), {})]] = 0
    x = int(weights[:, 0].argmax())
    across = weights[:, np.flatnonzero(point.even.exponents < 0)[0]].copy()
    across[x] = 0
    return even[x], even[int(across.argmax())]


def _curve(flow: AnyFlow, point: FixedPoint | None, name: str) -> Curve:
    at = None if point is None else point.couplings[name]
    cold = isinstance(flow, ColdChain)
    x = np.linspace(0, 1.2 if cold else 2.5 * at if at else 2.0, POINTS)
    rate = isinstance(flow, BetaFunction)
    y = np.array([_after(flow, name, float(value)) for value in x])
    starts = [0.96 * at, 1.04 * at] if at else [0.03 if point else 1.8]
    steps = () if rate else tuple(_steps(flow, name, start) for start in starts)
    points = list(_on_curve(flow, point, name, rate))
    note = _beyond(at, cold, name)
    return Curve(name, x, y, rate, (), steps, tuple(points), _label(name), note)


def _after(flow: AnyFlow, name: str, value: float) -> float:
    theory = torch.zeros(len(flow.names), dtype=torch.float64)
    place = flow.names.index(name)
    theory[place] = value
    change = flow.step if isinstance(flow, Flow) else flow.rate
    return float(change(theory)[place])


def _steps(flow: AnyFlow, name: str, start: float) -> np.ndarray:
    return np.array([line[name] for line in iterate(flow, {name: start}, 8)])


def _on_curve(
    flow: AnyFlow, point: FixedPoint | None, name: str, rate: bool
) -> Iterator[Point]:
    """The critical point, and the sinks at no coupling or, of the chain, at w = 1."""

    def at(x: float) -> tuple[float, float]:
        return x, 0.0 if rate else x

    if point is not None:
        place = point.couplings[name]
        label = f"{place:.4g}" if place else ""
        yield Point("critical point", at(place), label)
    if isinstance(flow, ColdChain):
        yield Point("sink", at(1.0), "K = 0")
    elif point is None or point.couplings[name] > 0:
        yield Point("sink", at(0.0))


def _beyond(at: float | None, cold: bool, name: str) -> str:
    if cold:
        return "critical at w = 0, which is T = 0"
    if at is None:
        return ""
    if at == 0:
        return f"the sink is at {_label(name)} = ∞"
    return f"the other sink is at {_label(name)} = ∞"


def _field_plane(flow: AnyFlow, point: FixedPoint | None, x: str, y: str) -> Plane:
    """tanh K, or w as it is, against tanh H."""
    cold = isinstance(flow, ColdChain)

    def place(theory: dict[str, float]) -> tuple[float, float]:
        across = theory[x] if cold else math.tanh(theory[x])
        return across, math.tanh(theory[y])

    sheet = _Sheet(flow, point, x, y, place)
    back = (lambda t: t) if cold else math.atanh
    fields_up = [*(-f for f in NEAR_FIELDS[:0:-1]), *NEAR_FIELDS]
    near = sheet.critical[0]
    columns = (0.02, 0.1, 0.3, 0.6) if cold else _columns(near)
    starts = [(back(t), math.atanh(f)) for t in columns for f in fields_up]
    flows = [_theories(sheet, start) for start in starts]
    lines = [_placed(sheet, theories) for theories in flows]
    points = [] if point is None else [Point("critical point", sheet.critical)]
    points += [Point("sink at zero field", (1.0, 0.0), "K = 0")] if cold else []
    points += [] if cold else _ends(sheet, flows)
    labels = (_label(x), "tanh H") if cold else (f"tanh {_label(x)}", "tanh H")
    note = _hidden(sheet)
    if cold:
        note = "w = 1: free spins, every field stays as it is"
    window = (0.0, 1.0, -1.0, 1.0)
    smooth = isinstance(flow, BetaFunction)
    return Plane(
        (x, y), tuple(lines), np.array(sheet.critical), np.empty((0, 2)), window,
        tuple(points), labels, note, not smooth,
    )  # fmt: skip


def _columns(near: float) -> tuple[float, ...]:
    """tanh K of starts, on both sides of the critical point."""
    below = near * np.array([0.3, 0.6, 0.85])
    above = near + (1 - near) * np.array([0.12, 0.4, 0.75])
    return (*below.tolist(), near, *above.tolist())


def _ends(sheet: _Sheet, flows: Sequence[list[dict[str, float]]]) -> Iterator[Point]:
    """Corners and ends of the line without a field, in which lines come to rest."""
    found: set[tuple[float, float]] = set()
    for theories in flows:
        x, y = sheet.place(theories[-1])
        end = (float(round(x)), float(round(y)))
        still = abs(x - end[0]) + abs(y - end[1]) < 0.06
        # tanh of what has grown is 1 for long while the coupling falls again.
        grown = [abs(theory[sheet.x]) for theory in theories[-2:]]
        if len(theories) > 2 and still and (end[0] == 0 or grown[1] > grown[0]):
            found.add(end)
    names = {(0.0, 0.0): "hot", (1.0, 0.0): "cold"}
    for end in sorted(found):
        kind = "sink at zero field" if end[1] == 0 else "sink"
        yield Point(kind, end, names.get(end, ""))


def _even_plane(flow: AnyFlow, point: FixedPoint, x: str, y: str) -> Plane:
    """Two even couplings around the critical point."""
    ties = TIED.get(type(flow), {})
    drawn: Any = _Tied(flow, ties) if ties and isinstance(flow, Flow) else flow
    sheet = _Sheet(drawn, point, x, y, lambda theory: (theory[x], theory[y]), ties)
    near = _window(np.array(sheet.critical), flow)
    points, note = _rest(sheet, near)
    window = _widened(near, points)
    lines = tuple(
        _placed(sheet, _theories(sheet, start, window)) for start in _starts(window)
    )
    tied = [name for name, to in ties.items() if to == x]
    labels = (" = ".join([_label(x), *map(_label, tied)]), _label(y))
    notes = "; ".join(text for text in (_hidden(sheet), note) if text)
    smooth = isinstance(flow, BetaFunction)
    return Plane(
        (x, y), lines, np.array(sheet.critical), _surface(sheet, window), window,
        tuple(points), labels, textwrap.fill(notes, WIDE), not smooth,
    )  # fmt: skip


def _widened(
    window: tuple[float, float, float, float], points: Iterable[Point]
) -> tuple[float, float, float, float]:
    """With room for the sinks that lie at finite couplings."""
    left, right, bottom, top = window
    room = 0.06 * (right - left), 0.06 * (top - bottom)
    for x, y in (point.place for point in points):
        left, right = min(left, x - room[0]), max(right, x + room[0])
        bottom, top = min(bottom, y - room[1]), max(top, y + room[1])
    return left, right, bottom, top


def _hidden(sheet: _Sheet) -> str:
    """Where the couplings without an axis start; odd ones that are 0 stay so."""
    seen = {sheet.x, sheet.y, *sheet.ties}
    theory = sheet.theory(0.0, 0.0)
    rest = {
        name: theory.get(name, 0.0)
        for name in sheet.flow.names
        if name not in seen
        and (sheet.y in sheet.flow.odd or name not in sheet.flow.odd)
    }
    starts = (f"{name} = {value:.4g}" for name, value in rest.items())
    return f"lines start at {', '.join(starts)}" if rest else ""


def _rest(
    sheet: _Sheet, window: tuple[float, float, float, float]
) -> tuple[list[Point], str]:
    """The other fixed points of the plane, and where those are that lie outside."""
    points = [Point("critical point", sheet.critical)]
    flow = sheet.flow
    if isinstance(flow, WilsonFisher):
        points[0] = Point("critical point", sheet.critical, "Wilson–Fisher")
        gaussian = linearised(flow, 0.0)
        points.append(
            Point("other fixed point", sheet.place(gaussian.couplings), "Gaussian")
        )
    left, right, _, _ = window
    notes = []
    for side in (left, right):
        end = _sink(sheet, side)
        if isinstance(flow, GaussianField) and side == left:
            notes.append(f"{_label(sheet.x)} < 0 has no weight")
        elif end is None:
            sign = "-" if side < sheet.critical[0] else ""
            notes.append(f"sink at {_label(sheet.x)} = {sign}∞")
        else:
            points.append(Point("sink", end))
    if sheet.ties:
        notes.append("their difference, spuriously relevant, is kept at 0")
    return points, "; ".join(notes)


def _sink(sheet: _Sheet, x: float) -> tuple[float, float] | None:
    """Where the line from a side of the window ends, None if at infinity."""
    y = sheet.critical[1]
    smooth = isinstance(sheet.flow, BetaFunction)
    line = iterate(sheet.flow, sheet.theory(x, y), 400 if smooth else 200)
    start, end = np.array(sheet.critical), np.array(sheet.place(line[-1]))
    if not np.isfinite(end).all() or np.abs(end - start).max() > 1e3:
        return None
    return float(end[0]), float(end[1])


def _window(at: np.ndarray, flow: AnyFlow) -> tuple[float, float, float, float]:
    """Around the critical point and the origin."""
    reach = max(abs(at[0]), 0.2 if at.any() else 1.0)
    left, right = (-0.1 * at[0], 2.2 * at[0]) if at[0] > 0 else (-reach, reach)
    high = max(abs(at[1]), 0.5 * reach)
    bottom = min(0.0, at[1]) - high
    if isinstance(flow, WilsonFisher):  # a negative g has no ground state
        bottom = -0.2 * at[1]
    if isinstance(flow, GaussianField):  # nor has a negative mass squared
        left = -0.2 * reach
    return left, right, bottom, max(0.0, at[1]) + high


def _starts(
    window: tuple[float, float, float, float],
) -> Iterator[tuple[float, float]]:
    left, right, bottom, top = window
    for x in np.linspace(left, right, STARTS).round(12):
        for y in np.linspace(bottom, top, STARTS).round(12):
            yield float(x), float(y)


def _theories(
    sheet: _Sheet,
    start: tuple[float, float],
    window: tuple[float, float, float, float] | None = None,
) -> list[dict[str, float]]:
    """A flow line up to rest, the edge of the window, or what is no number any more."""
    left, right, bottom, top = window or (-math.inf, math.inf, -math.inf, math.inf)
    line, place = [sheet.theory(*start)], start
    for _ in range(STEPS if isinstance(sheet.flow, Flow) else SMALL_STEPS):
        after = iterate(sheet.flow, line[-1], 1, interval=SMALL)[-1]
        if not all(map(math.isfinite, after.values())):
            break
        line.append(after)
        before, place = place, sheet.place(after)
        if not (left <= place[0] <= right and bottom <= place[1] <= top):
            break
        # tanh of a coupling that grows is 1 long before it may fall again.
        grows = abs(after[sheet.x]) > abs(line[-2][sheet.x])
        moved = max(abs(a - b) for a, b in zip(before, place, strict=True))
        if moved < REST and not grows:
            break
    return line


def _placed(sheet: _Sheet, theories: list[dict[str, float]]) -> np.ndarray:
    return np.array([sheet.place(theory) for theory in theories]).reshape(-1, 2)


def _surface(sheet: _Sheet, window: tuple[float, float, float, float]) -> np.ndarray:
    """Where two sinks meet on lines of constant y; lines of one sink are left out."""
    left, right, bottom, top = window
    if isinstance(sheet.flow, WilsonFisher):  # the mass grows in proportion to itself
        return np.array([[0.0, 0.0], [0.0, top]])
    found, fine = [], (right - left) / 500
    for y in np.linspace(bottom, top, SURFACE):
        family = lambda t, y=y: sheet.theory(t, float(y))  # noqa: E731
        try:
            x = critical_value(
                sheet.flow, family, between=(left, right), steps=200, width=fine
            )
        except ValueError:
            continue
        found.append((x, y))
    return np.array(found).reshape(-1, 2)
