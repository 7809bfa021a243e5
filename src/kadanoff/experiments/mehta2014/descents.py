"""Many small machines going down at once, all states of each of them visited.

`networks.gradients.descend` reads everything on the way of one machine. Where only the
end counts, and of many machines, this takes the same steps for all of them together:

    W ← W + rate · Σ_v (p − q)(v) v tanh(vᵀW)ᵀ                  down KL(p‖q)
    W ← W + rate · ΔF Σ_v q(v) v tanh(vᵀW)ᵀ                     down ½ ΔF²

with the biases frozen at 0. Laws are even under v → −v, so that the states with the
first spin down count twice and the others are left out.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from kadanoff.exact.pairs import states
from kadanoff.networks.rbm import RBM
from kadanoff.randomness import generator

__all__ = ["descents", "machine_of", "starts"]

Table = NDArray[np.float64]


def starts(count: int, sites: int, units: int, *, scale: float, seed: int) -> Table:
    """Initial weights N(0, scale²), `(machine, site, unit)`."""
    rng = generator(seed, "starts")
    return scale * rng.normal(size=(count, sites, units))


def descents(
    hamiltonians: Table,
    weights: Table,
    *,
    objective: Literal["divergence", "free energy"] = "divergence",
    rate: float,
    steps: int,
) -> Table:
    """The weights at the end, `(machine, site, unit)`.

    Args:
        hamiltonians: even H[v], one for each machine or one for all, `(machine or 1,
            v)`, states as in `exact.pairs.states`.
        weights: where to start, `(machine, site, unit)`.
        objective: KL, or ½ ΔF² with no constant added to the energy.
        rate: of every step.
        steps: number of steps.

    Raises:
        ValueError: an H[v] that is not even, of other states, or another objective.
    """
    half, log_partition = _half(hamiltonians, weights.shape)
    if objective not in ("divergence", "free energy"):
        raise ValueError(
            f"the objective is divergence or free energy, got {objective!r}"
        )
    v = states(weights.shape[1])[: half.shape[1]].astype(float)
    p, W = softmax(-half, axis=1), weights.copy()
    for _ in range(steps):
        x = v @ W  # (machine, v, unit)
        minus_free = (abs(x) + np.log1p(np.exp(-2 * abs(x)))).sum(axis=2)
        own = np.asarray(logsumexp(minus_free, axis=1, keepdims=True))
        q = np.exp(minus_free - own)
        if objective == "divergence":
            pull = p - q
        else:
            pull = (log_partition - own - math.log(2)) * q
        W += rate * (v.T @ (pull[:, :, None] * np.tanh(x)))
    return W


def machine_of(weights: Table) -> RBM:
    """The machine with these weights `(site, unit)`, in double precision, no biases."""
    sites, units = weights.shape
    machine = RBM((sites,), units).double()
    with torch.no_grad():
        machine.W.copy_(torch.from_numpy(weights))
    return machine


def _half(hamiltonians: Table, shape: tuple[int, ...]) -> tuple[Table, Table]:
    """H of the states whose first spin is down, and ln Z, `(machine or 1, …)`."""
    H = np.atleast_2d(hamiltonians)
    if H.shape[1] != 2 ** shape[1] or len(H) not in (1, shape[0]):
        raise ValueError(
            f"H[v] is a table of 2^{shape[1]} states for one or all of {shape[0]} "
            f"machines, got shape {H.shape}"
        )
    half = H[:, : H.shape[1] // 2]
    if not np.allclose(half, H[:, : half.shape[1] - 1 : -1], rtol=0, atol=1e-9):
        raise ValueError(
            "the machines have no biases, so that H[v] must be H[−v]; got one with a "
            "field; use networks.gradients.descend"
        )
    return half, np.asarray(logsumexp(-H, axis=1, keepdims=True))
