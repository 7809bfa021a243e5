"""Hybrid Monte Carlo of lattice φ⁴ (Duane et al., Phys. Lett. B 195, 216 (1987)).

With S = -K Σ_<ij> φ_i φ_j + Σ_i (φ_i² + λ(φ_i² - 1)²) and H = Σ π²/2 + S, momenta are
drawn from e^{-π²/2}, the equations of motion are integrated by leapfrog

    π += ε/2 F,   then n times  φ += ε π,  π += ε F  (ε/2 the last time),   F = -∂S/∂φ,

which can be reversed and keeps volumes in phase space, and the end is accepted with
probability min(1, e^{-ΔH}). In equilibrium ⟨e^{-ΔH}⟩ = 1 (Creutz, Phys. Rev. D 38, 1228
(1988)). The number of steps is drawn anew for every trajectory: of one fixed length,
free modes whose half period it is would only change sign.

No trajectory crosses the barrier between φ = 1 and φ = -1 at large λ. Signs have
moves of their own: at given moduli they are an Ising model with the couplings
K|φ_i φ_j|, and get a Swendsen–Wang update (Brower and Tamayo, Phys. Rev. Lett. 62, 1087
(1989)), the global change of sign among its moves.

Fields of `LANES` replicas lie side by side, `(site, lane)`, so that every load of a
neighbour is a vector. Self-contained on purpose (see `kadanoff.kernels`).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

__all__ = [
    "LANES",
    "Law",
    "Path",
    "hamiltonian",
    "leapfrog",
    "sweep",
    "trajectory",
    "turn_signs",
]

LANES = 8


class Law(NamedTuple):
    """K and λ."""

    coupling: float
    quartic: float


class Path(NamedTuple):
    """Step of the integration, and how many of them: fewest to most, all alike."""

    step: float
    fewest: int
    most: int


@njit
def _kick(field: Any, momentum: Any, near: Any, law: Any, step: Any) -> None:
    """π += step F."""
    pull = step * law.coupling
    linear = step * (4 * law.quartic - 2)
    cubic = step * 4 * law.quartic
    for site in range(len(field)):
        for lane in range(LANES):
            here = field[site, lane]
            momentum[site, lane] += here * (linear - cubic * here * here)
        for other in near[site]:
            for lane in range(LANES):
                momentum[site, lane] += pull * field[other, lane]


@njit
def _drift(field: Any, momentum: Any, step: Any) -> None:
    """φ += step π."""
    for site in range(len(field)):
        for lane in range(LANES):
            field[site, lane] += step * momentum[site, lane]


@njit(nogil=True, cache=True)
def leapfrog(
    field: Any, momentum: Any, near: Any, law: Any, step: Any, steps: Any
) -> None:
    """Integrate the equations of motion in place.

    Args:
        field: φ, float64 `(site, LANES)`.
        momentum: π, likewise.
        near: neighbours, `(site, z)`.
        law: K and λ.
        step: ε.
        steps: how many, at least 1.
    """
    _kick(field, momentum, near, law, step / 2)
    for _ in range(steps - 1):
        _drift(field, momentum, step)
        _kick(field, momentum, near, law, step)
    _drift(field, momentum, step)
    _kick(field, momentum, near, law, step / 2)


@njit(nogil=True, cache=True)
def hamiltonian(field: Any, momentum: Any, near: Any, law: Any) -> Any:
    """H = Σ π²/2 + S, float64 `(LANES,)`."""
    total = np.zeros(LANES)
    for site in range(len(field)):
        for other in near[site]:  # both ends of every bond: half of each
            for lane in range(LANES):
                total[lane] -= law.coupling / 2 * field[site, lane] * field[other, lane]
        for lane in range(LANES):
            square = field[site, lane] * field[site, lane]
            excess = square - 1
            total[lane] += square + law.quartic * excess * excess
            total[lane] += momentum[site, lane] * momentum[site, lane] / 2
    return total


@njit(nogil=True, cache=True)
def trajectory(
    field: Any, near: Any, law: Any, path: Any, rng: np.random.Generator
) -> Any:
    """Draw momenta, integrate, accept or not: in place.

    Args:
        field: φ, float64 `(site, LANES)`.
        near: neighbours, `(site, z)`.
        law: K and λ.
        path: step and number of steps.
        rng: one normal number per site and lane, one uniform per lane, one for all.

    Returns:
        e^{-ΔH} and whether the end was accepted, `(LANES,)` each.
    """
    before = field.copy()
    momentum = np.empty_like(field)
    for site in range(len(field)):
        for lane in range(LANES):
            momentum[site, lane] = rng.standard_normal()
    steps = path.fewest + int(rng.random() * (path.most + 1 - path.fewest))
    start = hamiltonian(field, momentum, near, law)
    leapfrog(field, momentum, near, law, path.step, steps)
    weight = np.exp(start - hamiltonian(field, momentum, near, law))
    accepted = np.zeros(LANES, dtype=np.bool_)
    for lane in range(LANES):
        if math.isnan(weight[lane]):  # the integration ran away: H is infinite
            weight[lane] = 0.0
        accepted[lane] = rng.random() < weight[lane]
        if not accepted[lane]:
            field[:, lane] = before[:, lane]
    return weight, accepted


@njit
def _root(parent: Any, site: Any) -> Any:
    while parent[site] != site:
        parent[site] = parent[parent[site]]
        site = parent[site]
    return site


@njit(nogil=True, cache=True)
def turn_signs(field: Any, bonds: Any, coupling: Any, rng: np.random.Generator) -> None:
    """One Swendsen–Wang update of the signs at given moduli, in place.

    A bond opens with probability 1 - e^{-2Kφ_iφ_j} where that is positive; every
    cluster of open bonds changes its sign with probability one half.

    Args:
        field: φ, float64 `(site, LANES)`.
        bonds: both ends of every bond, `(bond, 2)`.
        coupling: K.
        rng: one number per satisfied bond and one per cluster.
    """
    sites = len(field)
    parent = np.empty(sites, dtype=np.int32)
    sign = np.empty(sites)
    for lane in range(LANES):
        for site in range(sites):
            parent[site] = site
        for bond in range(len(bonds)):
            one, other = bonds[bond, 0], bonds[bond, 1]
            strength = 2 * coupling * field[one, lane] * field[other, lane]
            if strength > 0 and rng.random() > math.exp(-strength):
                one, other = _root(parent, one), _root(parent, other)
                parent[max(one, other)] = min(one, other)
        for site in range(sites):  # the root of a cluster is its first site
            if parent[site] == site:
                sign[site] = -1.0 if rng.random() < 0.5 else 1.0
            else:
                parent[site] = parent[parent[site]]
            field[site, lane] *= sign[parent[site]]


@njit(nogil=True, cache=True)
def sweep(
    fields: Any,
    near: Any,
    bonds: Any,
    law: Any,
    path: Any,
    sweeps: Any,
    rng: np.random.Generator,
) -> Any:
    """`sweeps` times a trajectory and an update of the signs, in place.

    Args:
        fields: φ, float64 `(replica, site)`.
        near: neighbours, `(site, z)`.
        bonds: both ends of every bond, `(bond, 2)`.
        law: K and λ.
        path: step and number of steps.
        sweeps: how often.
        rng: of all draws.

    Returns:
        Means over the sweeps of e^{-ΔH} and of the acceptance, `(replica,)` each.
    """
    replicas, sites = fields.shape
    weight, acceptance = np.zeros(replicas), np.zeros(replicas)
    field = np.zeros((sites, LANES))
    for first in range(0, replicas, LANES):
        lanes = min(LANES, replicas - first)  # the others move too, and are not read
        field[:, :lanes] = fields[first : first + lanes].T
        for _ in range(sweeps):
            ratio, accepted = trajectory(field, near, law, path, rng)
            turn_signs(field, bonds, law.coupling, rng)
            weight[first : first + lanes] += ratio[:lanes] / sweeps
            acceptance[first : first + lanes] += accepted[:lanes] / sweeps
        fields[first : first + lanes] = field[:, :lanes].T
    return weight, acceptance
