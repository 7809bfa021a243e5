"""Tensor schemes by name, and what a run of one says about a model.

`tensor_summary("btrg", bond=16)` renormalizes the tensor of the critical Ising model
and gives the free energy beside the exact one, and central charge and dimensions at
every step: where they stay the same over steps, the tensor is at its fixed point.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from kadanoff.exact import onsager
from kadanoff.exact.constants import K_C
from kadanoff.exact.potts import critical_coupling
from kadanoff.flows.btrg import BTRG
from kadanoff.flows.filtering import LoopTNR
from kadanoff.flows.hotrg import HOTRG
from kadanoff.flows.tensors import (
    after,
    central_charge,
    ising,
    log_partition_per_site,
    potts,
    run,
    scaling_dimensions,
)
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
        `log_partition_per_site`, for the Ising model `exact` and `relative_error`;
        `central_charge` and `dimensions` by step, from rings of width 1 and 2.

    Raises:
        ValueError: an unknown scheme; a bond, steps, states or a coupling out of
            range.
    """
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
    if coupling is None:
        coupling = K_C if states is None else critical_coupling(states)
    start = ising(coupling) if states is None else potts(states, coupling)
    line = run(scheme(bond), start, after(steps))[1:]
    found = log_partition_per_site(line[-1])
    result: dict[str, Any] = {
        "scheme": str(scheme(bond)),
        "coupling": coupling,
        "steps": steps,
        "log_partition_per_site": found,
    }
    if states is None:
        exact = onsager.log_partition_per_site(coupling)
        result |= {"exact": exact, "relative_error": abs(found / exact - 1)}
    readings = [_reading(state) for state in line]
    return {**result, "by_step": readings}


def _reading(state: Any) -> dict[str, Any]:
    dimensions = scaling_dimensions(state, count=SHOWN + 1)[1:]
    charge = central_charge(state)
    return {
        "sites": state.sites,
        "central_charge": charge if math.isfinite(charge) else None,
        "dimensions": [float(x) if math.isfinite(x) else None for x in dimensions],
    }
