"""Tensor schemes by name, and what a run of one says about a model.

`tensor_summary("btrg", bond=16)` renormalizes the tensor of the critical Ising model.
The last tensor closes to a torus, and its free energy stands beside the exact one of
that very torus: what differs is truncation, however few the steps. Central charge and
dimensions are given at every step and, with their scatter, on their plateau.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from kadanoff.exact import onsager
from kadanoff.exact import potts as exact_potts
from kadanoff.exact.constants import K_C
from kadanoff.flows.btrg import BTRG
from kadanoff.flows.filtering import LoopTNR
from kadanoff.flows.hotrg import HOTRG
from kadanoff.flows.plateau import Plateau, Reading, plateau
from kadanoff.flows.tensors import (
    after,
    central_charge,
    ising,
    log_partition_per_site,
    potts,
    run,
    scaling_dimensions,
)
from kadanoff.flows.tori import log_partition_of_torus, torus_of
from kadanoff.flows.trg import TRG

__all__ = ["SCHEMES", "Scheme", "tensor_summary"]


class Scheme(NamedTuple):
    """A kind of scheme, one line about it, and the bond and steps of a usual run."""

    kind: Callable[[int], Any]
    about: str
    bond: int
    steps: int


SCHEMES = {
    "trg": Scheme(TRG, "tensor RG by singular values", 16, 34),
    "btrg": Scheme(BTRG, "bond weights: the best free energy for its cost", 16, 34),
    "hotrg": Scheme(HOTRG, "tensor RG by higher-order singular values", 12, 18),
    "loop-tnr": Scheme(LoopTNR, "loops filtered: exponents that stay", 12, 18),
}

LARGEST_BOND = 64
MOST_STEPS, MOST_STATES = 200, 12
LARGEST_COUPLING = 50.0
SHOWN = 4  # dimensions

LARGEST_TORUS = 2**36
"""Sites; beyond, a torus differs from the infinite lattice by less than 1e-10."""


def tensor_summary(
    name: str,
    *,
    bond: int | None = None,
    coupling: float | None = None,
    states: int | None = None,
    steps: int | None = None,
) -> dict[str, Any]:
    """A run of a scheme in plain numbers.

    Args:
        name: one of `SCHEMES`.
        bond: χ, the states that a bond keeps; the usual ones where not given.
        coupling: K; the critical one where not given.
        states: q of the Potts model; the Ising model where not given.
        steps: of the scheme.

    Returns:
        `sites` of the torus that the last tensor closes to and its
        `log_partition_per_site`;
        where it is known `exact`, `relative_error` from it and `exact_of`: for Ising
        (and q = 2) that torus, for other Potts models the infinite lattice at K_c.
        There `relative_error` is None where the torus may differ by as much
        (`size_effect`, at most ln(1 + q) per torus);
        `infinite_lattice`, for Ising;
        `plateau` (None where nothing critical stands still): its `steps` and `sites`,
        `central_charge` and `dimensions` with their `scatter`, and at K_c of a
        continuous transition the `exact` ones;
        `by_step`, `sites`, `central_charge` and `dimensions`, from rings of width 1
        and 2.

    Raises:
        ValueError: an unknown scheme; a bond, steps, states or a coupling out of
            range.
    """
    scheme, bond, steps = _checked(name, bond, steps, states, coupling)
    if coupling is None:
        coupling = K_C if states is None else exact_potts.critical_coupling(states)
    start = ising(coupling) if states is None else potts(states, coupling)
    line = run(scheme(bond), start, after(steps))[1:]
    found = log_partition_per_site(line[-1])
    readings = [_reading(state) for state in line]
    sites = readings[-1]["sites"]
    return {
        "scheme": str(scheme(bond)),
        "coupling": coupling,
        "steps": steps,
        "sites": sites,
        "log_partition_per_site": found,
        **_beside(found, sites, coupling, states),
        "plateau": _plain(_plateau(readings), readings, coupling, states),
        "by_step": readings,
    }


def _checked(
    name: str,
    bond: int | None,
    steps: int | None,
    states: int | None,
    coupling: float | None,
) -> tuple[Callable[[int], Any], int, int]:
    if name not in SCHEMES:
        raise ValueError(f"a tensor scheme is one of {', '.join(SCHEMES)}, got {name}")
    scheme, _, usual_bond, usual_steps = SCHEMES[name]
    bond = usual_bond if bond is None else bond
    if not 2 <= bond <= LARGEST_BOND:
        raise ValueError(
            f"a bond keeps 2 to {LARGEST_BOND} states, got {bond}; time grows with its "
            "sixth power"
        )
    steps = usual_steps if steps is None else steps
    if not 1 <= steps <= MOST_STEPS:
        raise ValueError(f"a run makes 1 to {MOST_STEPS} steps, got {steps}")
    if states is not None and not 2 <= states <= MOST_STATES:
        raise ValueError(f"a Potts tensor has 2 to {MOST_STATES} states, got {states}")
    if coupling is not None and not abs(coupling) <= LARGEST_COUPLING:
        raise ValueError(
            f"a coupling is a number of at most {LARGEST_COUPLING:g} in size, got "
            f"{coupling:g}"
        )
    return scheme, bond, steps


def _beside(
    found: float, sites: int, coupling: float, states: int | None
) -> dict[str, Any]:
    """The exact value and the error."""
    if states is None or states == 2:
        # δ(s, s') = (1 + s s')/2: a site gains K/2 on each of its two bonds.
        k, shift = (coupling, 0.0) if states is None else (coupling / 2, coupling)
        infinite = onsager.log_partition_per_site(k) + shift
        exact, known_of = infinite, "the infinite lattice"
        if sites <= LARGEST_TORUS:
            exact = log_partition_of_torus(torus_of(sites), k) / sites + shift
            known_of = "this torus"
        return {
            "exact": exact,
            "exact_of": known_of,
            "relative_error": abs(found / exact - 1),
            "infinite_lattice": infinite,
        }
    if not _is_critical(coupling, states):
        return {}
    exact = exact_potts.log_partition_per_site(states)
    error, size = abs(found / exact - 1), math.log1p(states) / sites / exact
    return {
        "exact": exact,
        "exact_of": "the infinite lattice",
        "relative_error": error if error > size else None,
        "size_effect": size,
    }


def _is_critical(coupling: float, states: int | None) -> bool:
    critical = K_C if states is None else exact_potts.critical_coupling(states)
    return math.isclose(coupling, critical, rel_tol=1e-12)


def _reading(state: Any) -> dict[str, Any]:
    dimensions = scaling_dimensions(state, count=SHOWN + 1)[1:]
    charge = central_charge(state)
    return {
        # Of the torus: the smallest ring of a checkerboard has two tensors.
        "sites": state.transfer(1).tensors * state.sites,
        "central_charge": charge if math.isfinite(charge) else None,
        "dimensions": [float(x) if math.isfinite(x) else None for x in dimensions],
    }


def _plateau(readings: list[dict[str, Any]]) -> Plateau | None:
    return plateau(
        [each["sites"] for each in readings],
        [_number(each["central_charge"]) for each in readings],
        [[_number(x) for x in each["dimensions"]] for each in readings],
    )


def _number(value: float | None) -> float:
    return math.inf if value is None else value


def _plain(
    found: Plateau | None,
    readings: list[dict[str, Any]],
    coupling: float,
    states: int | None,
) -> dict[str, Any] | None:
    if found is None:
        return None
    charge, dimensions = _exact_spectrum(coupling, states)
    ends = (found.first, found.last)
    return {
        "steps": [k + 1 for k in ends],
        "sites": [readings[k]["sites"] for k in ends],
        "central_charge": _with_exact(found.central_charge, charge),
        "dimensions": [
            _with_exact(x, exact)
            for x, exact in zip(found.dimensions, dimensions, strict=False)
        ],
    }


def _with_exact(reading: Reading, exact: float | None) -> dict[str, float]:
    known = {} if exact is None else {"exact": exact}
    return {"value": reading.value, "scatter": reading.scatter, **known}


def _exact_spectrum(
    coupling: float, states: int | None
) -> tuple[float | None, list[float] | list[None]]:
    """c and the smallest dimensions on a ring: q - 1 spins, their derivatives, ε."""
    q = 2 if states is None else states
    if not _is_critical(coupling, states) or q > exact_potts.CONTINUOUS:
        return None, [None] * SHOWN
    spin, energy = exact_potts.delta_sigma(q), exact_potts.delta_epsilon(q)
    tower = [spin] * (q - 1) + [spin + 1] * 2 * (q - 1) + [energy]
    return exact_potts.central_charge(q), sorted(tower)[:SHOWN]
