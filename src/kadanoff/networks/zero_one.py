"""The same machine in units of 0 and 1, as most of the literature writes it.

With v = 2x − 1 and h = 2y − 1, x and y in {0, 1},

    vᵀ W h + b·h + c·v = xᵀ W' y + b'·y + c'·x + const
    W' = 4W,   b' = 2b − 2 Σ_i W_i·,   c' = 2c − 2 Σ_a W_·a

so the probabilities are equal, state by state. The biases are not: no bias in one
convention is a bias in the other, so the symmetry of ±1 data shows only in ±1.
"""

from __future__ import annotations

import numpy as np
import torch

from kadanoff.geometry import Geometry
from kadanoff.networks.machine import Machine
from kadanoff.networks.rbm import RBM
from kadanoff.networks.units import SPIN

__all__ = ["from_zero_one", "to_zero_one"]


def to_zero_one(machine: Machine) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W' `(visible, hidden)`, b' `(hidden,)` and c' `(visible,)`, double precision.

    scikit-learn's `BernoulliRBM` calls them `components_.T`, `intercept_hidden_` and
    `intercept_visible_`.

    Raises:
        ValueError: tied weights, whose biases would differ from site to site, or units
            that are not spins.
    """
    if not isinstance(machine, RBM) or machine.units != (SPIN.name, SPIN.name):
        raise ValueError(
            "units of 0 and 1 are those of a dense machine of spins, got "
            f"{machine.kind} with {' and '.join(machine.units)} units"
        )
    W, b, c = (p.double().numpy(force=True) for p in (machine.W, machine.b, machine.c))
    return 4 * W, 2 * b - 2 * W.sum(axis=0), 2 * c - 2 * W.sum(axis=1)


def from_zero_one(
    W: np.ndarray,
    b: np.ndarray,
    c: np.ndarray,
    *,
    visible: Geometry | tuple[int, ...] | int | None = None,
) -> RBM:
    """The machine of ±1 units with the law of W', b', c', in double precision.

    Args:
        W: `(visible, hidden)`; b: `(hidden,)`; c: `(visible,)`.
        visible: the visible layer; units without positions where not given.

    Raises:
        ValueError: shapes that do not go together, or numbers that are not finite.
    """
    W, b, c = (np.asarray(values, dtype=np.float64) for values in (W, b, c))
    if W.ndim != 2 or (*c.shape, *b.shape) != W.shape:
        raise ValueError(
            "weights (visible, hidden) go with hidden biases b and visible biases c of "
            f"as many numbers, got shapes {W.shape}, {b.shape} and {c.shape}"
        )
    if not all(np.isfinite(values).all() for values in (W, b, c)):
        raise ValueError("weights and biases are finite numbers, got others")
    machine = RBM(len(c) if visible is None else visible, len(b), biases=True).double()
    if machine.c.numel() != len(c):
        raise ValueError(
            f"these weights are of {len(c)} visible units, got a layer of "
            f"{machine.c.numel()}"
        )
    with torch.no_grad():
        machine.W.copy_(torch.from_numpy(W / 4))
        machine.b.copy_(torch.from_numpy(b / 2 + W.sum(axis=0) / 4))
        machine.c.copy_(torch.from_numpy(c / 2 + W.sum(axis=1) / 4))
    return machine
