"""The gain of a unit to the magnetization, foretold from its weights.

A unit h_a = ±1 feels φ_a = Σ_i W_ia v_i + b_a and is tanh φ_a in the mean. On the torus
only the mean of a column of weights meets the magnetization,

    φ_a = w_a m + b_a + ξ_a,   w_a = Σ_i W_ia,
    ⟨m ξ_a⟩ = 0,   ⟨ξ_a²⟩ = (1/N) Σ_{k≠0} |Ŵ_a(k)|² S(k),

with S the transform of the spins' correlator; over all k ≠ 0 it sums to N (1 - m²) in
every configuration. If ξ_a is taken for a Gaussian variable whose variance at given m
is σ_a²(m) = ⟨ξ_a²⟩ (1 - m²)/(1 - ⟨m²⟩), the gain is

    γ_a = ⟨m h_a⟩/⟨m²⟩,   ⟨m h_a⟩ = ⟨m ∫ Dz tanh(w_a m + b_a + σ_a(m) z)⟩,

and γ² the mean of γ_a² over the units. It takes the weights, the law of m and the
correlator of the critical torus in closed form; no hidden unit is drawn and no map is
read. It is no identity: ξ_a is not Gaussian, and least so where few spins make it, so
that it misses γ² by something which no number of configurations takes away. A majority
vote is the unit with infinite weights on its block.
"""

from __future__ import annotations

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.experiments.demellokoch2020.block_patches import spin_field
from kadanoff.geometry import Unordered
from kadanoff.instruments.correlators import to_waves
from kadanoff.instruments.operators import lattice_of
from kadanoff.networks.rbm import RBM

__all__ = ["block_weights", "field_variance", "given_magnetization", "weights_of"]

NODES = 48  # of the Gaussian; signs of a field of width 1 to a few per mille
HARD = 1e3  # weights of a vote: its field is never small but where the vote is tied


def given_magnetization(
    fine: Ensemble, weights: np.ndarray, bias: np.ndarray | None = None
) -> Ensemble:
    """Every unit as its mean given m, `(chain, draw, unit)`, of the same chains.

    Its response to m is that foretold of the units, to be read as theirs is.

    Args:
        fine: critical configurations on a torus, of which only m is read.
        weights: W, `(sites, units)`.
        bias: of the units, `(units,)`; none if not given.

    Raises:
        ValueError: another lattice than one of two directions.
    """
    grid = lattice_of(fine)
    if grid.dimension != 2:
        raise ValueError(
            "the correlator is that of a critical torus of two directions, got "
            f"configurations of shape {grid.shape}; give a square lattice's"
        )
    levels = np.linspace(-1, 1, grid.size + 1)
    shape = grid.shape[0], grid.shape[1]
    seen = _mean_unit(levels, weights, bias, shape).astype(np.float32)
    spins = fine.values.reshape(fine.chains, fine.draws, -1)
    values = seen[(spins.sum(axis=-1, dtype=int) + grid.size) // 2]
    note = {"step": "given m"}
    return fine.derived(values, Unordered(weights.shape[1]), "real", note)


def field_variance(weights: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """⟨ξ²⟩ of every unit, `(units,)`: that of its field but for the magnetization.

    Args:
        weights: W, `(sites, units)`.
        shape: of the critical torus.
    """
    power = np.real(to_waves(spin_field(shape), len(shape)))
    power[(0,) * len(shape)] = 0.0
    waves = to_waves(weights.T.reshape(-1, *shape), len(shape))
    # A real transform keeps half of the waves; the others are as large.
    twice = np.full(power.shape[-1], 2.0)
    twice[0] = 1.0
    if shape[-1] % 2 == 0:
        twice[-1] = 1.0
    parts = abs(waves) ** 2 * power * twice
    return parts.reshape(len(waves), -1).sum(axis=1) / len(weights)


def weights_of(machine: RBM) -> tuple[np.ndarray, np.ndarray]:
    """W, `(sites, units)`, and the biases of the units."""
    return machine.W.detach().double().numpy(), machine.b.detach().double().numpy()


def block_weights(shape: tuple[int, int], b: int) -> np.ndarray:
    """Weights of majority votes of blocks of side b, `(sites, units)`."""
    x, y = (part.ravel() // b for part in np.indices(shape))
    block = x * (shape[1] // b) + y
    return HARD * (block[:, None] == np.arange(block.max() + 1))


def _mean_unit(
    levels: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray | None,
    shape: tuple[int, int],
) -> np.ndarray:
    """∫ Dz tanh(w m + b + σ z) at every level of m, `(levels, units)`."""
    nodes, share = np.polynomial.hermite_e.hermegauss(NODES)
    share = share / share.sum()
    b = np.zeros(weights.shape[1]) if bias is None else bias
    middle = levels[:, None] * weights.sum(axis=0) + b
    left = (1 - levels**2) / (1 - spin_field(shape).mean())
    width = np.sqrt(left[:, None] * field_variance(weights, shape))
    seen = np.zeros_like(middle)
    for z, w in zip(nodes, share, strict=True):
        seen += w * np.tanh(middle + width * z)
    return seen
