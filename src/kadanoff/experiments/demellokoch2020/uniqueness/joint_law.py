"""Joint laws of visible and hidden spins as tables, and the factorised law beside them.

Small enough that every state is visited: 4×4 visible spins and four hidden ones, of
block spins of the Ising model and of a machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import expit

from kadanoff.exact.enumerate import all_states
from kadanoff.networks.rbm import RBM
from kadanoff.networks.twin import in_double

__all__ = ["SIDE", "Joint", "machine_law", "majority_law"]

SIDE, BLOCK = 4, 2


@dataclass(frozen=True, eq=False)
class Joint:
    """A joint law of visible and hidden spins as a table.

    Attributes:
        p: probabilities, `(visible states, hidden states)`.
    """

    p: np.ndarray

    @property
    def visible(self) -> np.ndarray:
        """p(v) = Σ_h p(v, h)."""
        return self.p.sum(axis=1)

    @property
    def hidden(self) -> np.ndarray:
        """p(h) = Σ_v p(v, h)."""
        return np.ascontiguousarray(self.p.T).sum(axis=1)  # pairwise: exact to 1e-15

    def mixed(self, share: float) -> Joint:
        """(1 - λ) p(v, h) + λ p(v) p(h)."""
        product = np.outer(self.visible, self.hidden)
        return Joint((1 - share) * self.p + share * product)

    def correlation(self) -> np.ndarray:
        """⟨v_i h_a⟩ - ⟨v_i⟩⟨h_a⟩, `(visible spins, hidden spins)`."""
        v, h = (all_states(int(math.log2(n))).astype(float) for n in self.p.shape)
        return v.T @ self.p @ h - np.outer(v.T @ self.visible, self.hidden @ h)

    def information(self) -> float:
        """I(v : h) in nats."""
        product = np.outer(self.visible, self.hidden)
        there = self.p > 0
        return float(np.sum(self.p[there] * np.log(self.p[there] / product[there])))

    def closure(self, visible: np.ndarray) -> float:
        """Largest |Σ_h e^{T(v,h)} - 1| over all v with p(v) > 0.

        Args:
            visible: p(v) that T = ln p(v, h) - ln p(v) is taken with, that of the data
                and not this law's own, with which it would be 0 whatever the law.
        """
        there = visible > 0
        weight = self.p[there] / visible[there, None]
        return float(np.abs(weight.sum(axis=1) - 1).max())


def majority_law(coupling: float) -> Joint:
    """Block spins of 2×2 in 4×4 Ising spins; a tie is a fair coin.

    Args:
        coupling: K.
    """
    v = all_states(SIDE**2).reshape(-1, SIDE, SIDE).astype(float)
    bonds = (v * (np.roll(v, 1, 1) + np.roll(v, 1, 2))).sum(axis=(1, 2))
    weight = np.exp(coupling * (bonds - bonds.max()))
    blocks = v.reshape(-1, 2, BLOCK, 2, BLOCK).sum(axis=(2, 4)).reshape(len(v), -1)
    return _layered(weight / weight.sum(), (np.sign(blocks) + 1) / 2)


def machine_law(machine: RBM) -> Joint:
    """e^{-F(v)}/Z and p(h | v)."""
    twin = in_double(machine)
    v = torch.from_numpy(all_states(SIDE**2).reshape(-1, SIDE, SIDE)).double()
    with torch.no_grad():
        log_weight = -twin.free_energy(v).numpy()
        field = twin.hidden_field(v).numpy()
    weight = np.exp(log_weight - log_weight.max())
    return _layered(weight / weight.sum(), expit(2 * field))


def _layered(visible: np.ndarray, up: np.ndarray) -> Joint:
    """p(v) Π_a p(h_a | v) of probabilities for h_a = 1, `(visible states, hidden)`."""
    h = all_states(up.shape[1])
    chances = np.where(h[None] > 0, up[:, None], 1 - up[:, None]).prod(axis=2)
    return Joint(visible[:, None] * chances)
