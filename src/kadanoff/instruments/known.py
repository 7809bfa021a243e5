"""What is known exactly of a finite lattice, by the names of its readings.

Ising    periodic rectangle         Kaufman
         chain, field, second       transfer matrix
         narrow square lattice      transfer matrix, field and second neighbours
         anything small             enumeration
Potts    chain                      closed form
         anything small             enumeration
φ⁴       λ = 0                      Gaussian integrals
         chain, 2×2                 quadrature
mean field                          the law of M
"""

from __future__ import annotations

import math
from typing import Any

from kadanoff.exact import (
    chain,
    gaussian,
    kaufman,
    mean_field,
    pairs,
    phi4,
    strip,
    xy,
)
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import bond_pairs
from kadanoff.models.mean_field import MeanField
from kadanoff.models.phi4 import Phi4
from kadanoff.models.potts import Potts
from kadanoff.models.xy import XY
from kadanoff.protocols import Model

__all__ = ["known"]

FEW_STATES = 1 << 20  # enumerated in about a second
NARROW = 10  # sides of a square lattice whose transfer matrix takes about a second


def known(model: Model, coupling: float) -> dict[str, float]:
    """Exact values at one coupling; an empty answer where none are known.

    `log_partition` is a total; energy (in J), heat_capacity (in k_B), magnetization
    (⟨|m|⟩) and magnetization_squared are per site. Which are known depends on the
    model.
    """
    if not math.isfinite(coupling):
        return {}
    if isinstance(model, Ising):
        return _ising(model, coupling)
    if isinstance(model, Potts):
        return _potts(model, coupling)
    if isinstance(model, MeanField):
        size = model.geometry.size
        law = mean_field.moments(size, coupling)
        total = mean_field.log_partition(size, coupling)
        return {"log_partition": total, **_moments(law)}
    if isinstance(model, Phi4):
        return _phi4(model, coupling)
    if isinstance(model, XY) and len(model.shape) == 1:
        return _thermal(xy.ring(model.shape[0], coupling))
    return {}


def _ising(model: Ising, coupling: float) -> dict[str, float]:
    more = {"field": model.field, "second": model.second}
    if model.lattice == "chain":
        return _thermal(chain.ring(model.shape[0], coupling, **more))
    if model.lattice == "square" and model.is_plain:
        m, n = model.shape
        return _thermal(kaufman.torus((m, n), coupling))
    if 2**model.geometry.size <= FEW_STATES:
        ends, strength = _bonds(model)
        field = model.field
        sites = model.geometry.size
        return _enumerated(
            pairs.law(sites, ends, coupling, strength=strength, field=field)
        )
    if model.lattice == "square" and min(model.shape) <= NARROW:
        return _narrow(model, coupling)
    return {}


def _narrow(model: Ising, coupling: float) -> dict[str, float]:
    more = {"field": model.field, "second": model.second}
    m, n = model.shape
    try:
        return _thermal(strip.torus((m, n), coupling, **more))
    except ValueError:  # weights beyond its range
        return {}


def _potts(model: Potts, coupling: float) -> dict[str, float]:
    if model.lattice == "chain":
        return _thermal(chain.potts_ring(model.shape[0], coupling, model.q))
    sites = model.geometry.size
    if model.q**sites > FEW_STATES:
        return {}
    ends = bond_pairs(model.near)
    return _enumerated(pairs.law(sites, ends, coupling, q=model.q))


def _phi4(model: Phi4, coupling: float) -> dict[str, float]:
    if model.quartic == 0:
        return {
            "log_partition": gaussian.log_partition(model.shape, coupling),
            "energy": gaussian.energy(model.shape, coupling),
            "magnetization_squared": gaussian.magnetization_squared(
                model.shape, coupling
            ),
        }
    if len(model.shape) == 1 or model.shape == (2, 2):
        exact = phi4.moments(model.shape, coupling, model.quartic)
        return {"log_partition": exact.log_partition, "energy": exact.energy}
    return {}


def _bonds(model: Ising) -> tuple[Any, Any]:
    """Both kinds of bonds and their strengths."""
    import numpy as np

    first, second = bond_pairs(model.near), bond_pairs(model.near_second)
    strength = np.repeat([1.0, model.second], [len(first), len(second)])
    return np.concatenate([first, second]), strength


def _thermal(solution: Any) -> dict[str, float]:
    return {
        "log_partition": float(solution.log_partition),
        "energy": float(solution.energy),
        "heat_capacity": float(solution.heat_capacity),
    }


def _enumerated(law: Any) -> dict[str, float]:
    return {
        **_thermal(law),
        "magnetization": law.abs_m,
        "magnetization_squared": law.m2,
    }


def _moments(law: Any) -> dict[str, float]:
    return {
        "energy": law.energy,
        "heat_capacity": law.heat_capacity,
        "magnetization": law.abs_m,
        "magnetization_squared": law.m2,
    }
