"""Flows by name: their options, where to look for the critical point, what came out.

`flow_named("migdal-kadanoff", d=2, b=2)` is a flow, `summary(flow)` its critical point
and exponents as plain numbers. Adding a flow is one line in `FLOWS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

import numpy as np

from kadanoff.flows import decimation, epsilon, gaussian, migdal_kadanoff, niemeijer
from kadanoff.flows.fixed_point import (
    FixedPoint,
    NoFixedPoint,
    fixed_point,
    linearised,
    unstable,
)
from kadanoff.flows.lines import critical_value
from kadanoff.flows.theory import (
    AnyFlow,
    BetaFunction,
    Couplings,
    Flow,
    parity_of,
    vector,
)
from kadanoff.flows.variational import (
    SquareCells,
    best_cells,
    critical_branch,
    slope_in_p,
)

__all__ = [
    "FLOWS",
    "Entry",
    "critical_point",
    "flow_named",
    "options_of",
    "summary",
]


@dataclass(frozen=True)
class Entry:
    """A kind of flow.

    Args:
        kind: its class, whose fields are the options.
        about: one line.
        find: its critical point.
        more: further numbers that belong to it.
    """

    kind: type
    about: str
    find: Callable[[Any], FixedPoint]
    more: Callable[[Any, FixedPoint], dict[str, Any]] = lambda _flow, _point: {}


def flow_named(name: str, **options: Any) -> AnyFlow:
    """The flow of that name.

    `variational` without p takes the best p of its own fixed point.

    Raises:
        ValueError: an unknown name or option, or an option out of range.

    >>> flow_named("migdal-kadanoff", d=3)
    MigdalKadanoff(d=3, b=2)
    """
    known = options_of(name)
    for given in options:
        if given not in known:
            raise ValueError(
                f"the options of {name} are {', '.join(known) or 'none'}, got {given}; "
                "leave it out"
            )
    for option, default in known.items():
        if default is MISSING and option not in options:
            raise ValueError(f"{name} needs {option}, got none; give one")
    if name == "variational" and "p" not in options:
        options["p"] = best_cells().p
    return FLOWS[name].kind(**options)


def options_of(name: str) -> dict[str, Any]:
    """The options of a flow and their defaults, `dataclasses.MISSING` where required.

    Raises:
        ValueError: an unknown name.
    """
    if name not in FLOWS:
        raise ValueError(f"a flow is one of {', '.join(FLOWS)}, got {name!r}")
    return {field.name: field.default for field in fields(FLOWS[name].kind)}


def critical_point(flow: AnyFlow, start: Couplings | None = None) -> FixedPoint:
    """The fixed point that the flow is known for, or an unstable one near a start.

    Raises:
        NoFixedPoint: a flow without such a point.
        ValueError: a flow that is not in `FLOWS`, or an unknown coupling.
    """
    if start is not None:
        return fixed_point(flow, start, accept=unstable)
    return _entry(flow).find(flow)


def summary(flow: AnyFlow, start: Couplings | None = None) -> dict[str, Any]:
    """The critical point and its exponents, numbers and names only.

    `fixed_point` is a number where there is one even coupling, which `variable` names,
    else an object by name; `y_t` and `y_h` are the largest even and odd exponents,
    `exponents` lists all of both sectors (null for what is forgotten in one step),
    `relevant` counts those that are positive.

    A flow of one coupling without a critical point is a result too: `fixed_point` is
    None, and `note` says where all its lines lead.

    Args:
        flow: one of `FLOWS`.
        start: where to look, if not where the flow is known to have it.

    Raises:
        ValueError: as for `critical_point`.
    """
    about = {
        "flow": str(flow),
        "dimension": flow.dimension,
        "scale": flow.scale if isinstance(flow, Flow) else None,
    }
    try:
        point = critical_point(flow, start)
    except NoFixedPoint:
        drift = _drift(flow)
        if drift is None or start is not None:
            raise
        return {**about, "fixed_point": None, **drift}
    more = {} if start is not None else _entry(flow).more(flow, point)
    return {**about, **_of_point(point), **more}


def _of_point(point: FixedPoint) -> dict[str, Any]:
    even = {name: point.couplings[name] for name in point.even.names}
    one = next(iter(even)) if len(even) == 1 else None
    return {
        "fixed_point": even if one is None else even[one],
        **({} if one is None else {"variable": one}),
        "y_t": point.y_t,
        "y_h": point.y_h,
        "exponents": {
            "even": [_finite(y) for y in point.even.exponents],
            "odd": [_finite(y) for y in point.odd.exponents],
        },
        "relevant": {
            "even": len(point.even.relevant),
            "odd": len(point.odd.relevant),
        },
        "residual": point.residual,
    }


SEARCHED = (0.01, 10.0)
"""Of a single coupling, for the direction in which it flows."""


def _drift(flow: AnyFlow) -> dict[str, Any] | None:
    """Where a single even coupling leads that moves one way from everywhere."""
    even, _ = parity_of(flow)
    if len(even) != 1:
        return None
    name, places = flow.names[even[0]], np.geomspace(*SEARCHED, 61)
    moves = np.array([_moves(flow, name, place) for place in places])
    if not (moves < 0).all() and not (moves > 0).all():
        return None
    way, end = ("falls", "to 0") if moves[0] < 0 else ("grows", "without end")
    low, high = SEARCHED
    return {
        "variable": name,
        "direction": way,
        "between": [low, high],
        "note": f"no critical point: {name} {way} in every step, {end}, from "
        f"anywhere between {low:g} and {high:g}",
    }


def _moves(flow: AnyFlow, name: str, place: float) -> float:
    theory = vector(flow, {name: place})
    is_rate = isinstance(flow, BetaFunction)
    change = flow.rate(theory) if is_rate else flow.step(theory) - theory
    return float(change[flow.names.index(name)])


def _entry(flow: AnyFlow) -> Entry:
    for entry in FLOWS.values():
        if type(flow) is entry.kind:
            return entry
    raise ValueError(
        f"the critical point of {flow} is not known by name; use fixed_point with a "
        "start of your own"
    )


def _finite(exponent: float) -> float | None:
    return float(exponent) if math.isfinite(exponent) else None


def _from(*starts: Mapping[str, float] | float) -> Callable[[AnyFlow], FixedPoint]:
    return lambda flow: fixed_point(flow, starts, accept=unstable)


def _cold(flow: decimation.Chain) -> FixedPoint:
    """T = 0, a point in the disorder w = e^-2K alone."""
    return linearised(decimation.ColdChain(flow.b), 0.0)


def _frozen(_flow: decimation.Chain, _point: FixedPoint) -> dict[str, Any]:
    return {"variable": "disorder, w = e^-2K", "temperature": 0.0, "coupling": "∞"}


def _moved(flow: Any) -> FixedPoint:
    """K* falls like 1/(d - 1), and by the number of bonds that are moved first."""
    colours = getattr(flow, "q", None)
    strength = 0.5 if colours is None else math.log(1 + math.sqrt(colours))
    start = strength / max(flow.d - 1, 1e-3)
    first = migdal_kadanoff.MigdalKadanoff, migdal_kadanoff.PottsMigdalKadanoff
    if isinstance(flow, first):
        start /= flow.b ** (flow.d - 1)
    return fixed_point(flow, [start, start / 2, 2 * start], accept=unstable)


def _interacting(flow: epsilon.WilsonFisher) -> FixedPoint:
    """The Wilson–Fisher point, below four dimensions and where the loops have one."""
    most = epsilon.largest_epsilon(flow.n) if flow.loops == 2 else math.inf
    if not 0 < flow.epsilon < most:
        raise ValueError(
            f"{flow} has its fixed point for epsilon above 0 and below {most:.4g}, got "
            f"{flow.epsilon:g}; choose one in between, or one loop"
        )
    one_loop = epsilon.coupling(flow.n).coefficients[1] * flow.epsilon
    starts = [{"quartic": float(one_loop) * factor} for factor in (1.05, 1.5, 2.0)]
    return fixed_point(
        flow, starts, accept=lambda point: abs(point.couplings["quartic"]) > 1e-9
    )


def _series(flow: epsilon.WilsonFisher, _point: FixedPoint) -> dict[str, Any]:
    """The power series at this ε, of ν and ω to second order and of η to third."""
    e = flow.epsilon
    values = {"nu": epsilon.nu, "eta": epsilon.eta, "omega": epsilon.omega}
    return {"series": {name: make(flow.n)(e) for name, make in values.items()}}


def _from_nearest(flow: niemeijer.SecondCumulant, _point: FixedPoint) -> dict[str, Any]:
    """K_c of nearest neighbours, where their line meets the critical surface."""
    value = critical_value(flow, lambda k: {"nearest": k}, between=(0.1, 0.5))
    return {"critical_coupling": value}


WORSE = (
    "p is not the best one, {:.6g}, at which ln Z is smallest: the bound is worse, and "
    "these exponents are of the approximation, not of the Ising model"
)


def _held(flow: SquareCells, point: FixedPoint) -> dict[str, Any]:
    """α and δ at this p, and the even exponents that have no right to be positive."""
    y_t, y_h, best = point.even.exponents[0], point.odd.exponents[0], best_cells().p
    note = {} if abs(flow.p - best) < 1e-6 else {"note": WORSE.format(best)}
    return {
        "p": flow.p,
        "best_p": best,
        "slope_in_p": slope_in_p(flow, point),
        "alpha": float(2 - 2 / y_t),
        "delta": float(y_h / (2 - y_h)),
        "spurious": [float(y) for y in point.even.relevant[1:]],
        **note,
    }


FLOWS: dict[str, Entry] = {
    "decimation": Entry(
        decimation.Chain, "the Ising chain, exact; critical at T = 0", _cold, _frozen
    ),
    "truncated-decimation": Entry(
        decimation.TruncatedSquareDecimation,
        "one sublattice of the square lattice, second neighbours added to first",
        _from(0.5),
    ),
    "nearest-decimation": Entry(
        decimation.SquareDecimation,
        "the same with first neighbours only, which has no critical point",
        _from(0.5),
    ),
    "migdal-kadanoff": Entry(
        migdal_kadanoff.MigdalKadanoff, "Ising, bonds moved first", _moved
    ),
    "hierarchical": Entry(
        migdal_kadanoff.HierarchicalLattice,
        "Ising, bonds moved last: exact on the hierarchical lattice",
        _moved,
    ),
    "infinitesimal-migdal-kadanoff": Entry(
        migdal_kadanoff.InfinitesimalMigdalKadanoff, "Ising, the limit b → 1", _moved
    ),
    "potts-migdal-kadanoff": Entry(
        migdal_kadanoff.PottsMigdalKadanoff, "q colours, bonds moved first", _moved
    ),
    "potts-hierarchical": Entry(
        migdal_kadanoff.PottsHierarchicalLattice, "q colours, bonds moved last", _moved
    ),
    "infinitesimal-potts": Entry(
        migdal_kadanoff.InfinitesimalPottsMigdalKadanoff,
        "q colours, the limit b → 1",
        _moved,
    ),
    "niemeijer": Entry(
        niemeijer.FirstCumulant, "triangles of spins, first cumulant", _from(0.3)
    ),
    "niemeijer-second": Entry(
        niemeijer.SecondCumulant,
        "triangles of spins, second cumulant",
        _from(0.28),
        _from_nearest,
    ),
    "variational": Entry(
        SquareCells,
        "Kadanoff's lower-bound recursion, 4-spin cells",
        lambda flow: critical_branch(flow.p),
        _held,
    ),
    "epsilon": Entry(
        epsilon.WilsonFisher,
        "the O(n) model in 4 - ε dimensions",
        _interacting,
        _series,
    ),
    "gaussian": Entry(
        gaussian.GaussianField, "the Gaussian field, exact", _from({"y1": 1.0})
    ),
    "block-average": Entry(
        gaussian.BlockAveragedMass,
        "mass of a block-averaged lattice field",
        _from(0.05),
    ),
}
