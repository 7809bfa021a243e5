"""Independent configurations from exact weights, and slow twins with np.roll."""

from __future__ import annotations

import numpy as np

from kadanoff.ensemble import Ensemble

# Written out by hand, so that the generated ones are checked against something.
CLUSTERS = {
    "nn": [[(0, 0), (1, 0)], [(0, 0), (0, 1)]],
    "nnn": [[(0, 0), (1, 1)], [(0, 0), (1, -1)]],
    "plaquette": [[(0, 0), (1, 0), (0, 1), (1, 1)]],
    "third": [[(0, 0), (2, 0)], [(0, 0), (0, 2)]],
    "fourth": [
        [(0, 0), (1, 2)],
        [(0, 0), (1, -2)],
        [(0, 0), (2, 1)],
        [(0, 0), (2, -1)],
    ],
    "diamond": [[(1, 0), (-1, 0), (0, 1), (0, -1)]],
    "field": [[(0, 0)]],
    "corner": [
        [(0, 0), (1, 0), (0, 1)],
        [(0, 0), (1, 0), (0, -1)],
        [(0, 0), (-1, 0), (0, 1)],
        [(0, 0), (-1, 0), (0, -1)],
    ],
    "row": [[(-1, 0), (0, 0), (1, 0)], [(0, -1), (0, 0), (0, 1)]],
    "wedge": [
        [(1, 0), (-1, 0), (0, 1)],
        [(1, 0), (-1, 0), (0, -1)],
        [(0, 1), (0, -1), (1, 0)],
        [(0, 1), (0, -1), (-1, 0)],
    ],
}


def rolled_sum(spins: np.ndarray, operator: str) -> np.ndarray:
    """S of `(n, rows, columns)` values, one np.roll per site of each cluster."""
    total = np.zeros(len(spins))
    for cluster in CLUSTERS[operator]:
        product = np.ones(spins.shape)
        for dx, dy in cluster:
            product *= np.roll(spins, (-dx, -dy), axis=(1, 2))
        total += product.sum(axis=(1, 2))
    return total


def all_states(shape: tuple[int, ...]) -> np.ndarray:
    """Every ±1 configuration, `(2**sites, *shape)`."""
    sites = int(np.prod(shape))
    codes = np.arange(2**sites)[:, None] >> np.arange(sites)
    return ((codes & 1) * 2 - 1).astype(np.int8).reshape(-1, *shape)


def boltzmann(log_weight: np.ndarray) -> np.ndarray:
    """Probabilities from logarithms of weights."""
    weight = np.exp(log_weight - log_weight.max())
    return weight / weight.sum()


def planted(shape: tuple[int, int], couplings: dict[str, float]) -> np.ndarray:
    """Probability of each of `all_states` under exp(Σ K_α S_α)."""
    states = all_states(shape)
    parts = (k * rolled_sum(states, name) for name, k in couplings.items())
    return boltzmann(np.asarray(sum(parts)))


def draw(
    states: np.ndarray,
    probability: np.ndarray,
    *,
    chains: int,
    draws: int,
    seed: int,
    couplings: dict[str, float] | None = None,
) -> Ensemble:
    """An ensemble of independent states."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(states), size=(chains, draws), p=probability)
    known = {} if couplings is None else {"couplings": couplings, "model": "ising"}
    return Ensemble.from_values(states[chosen], **known)


def everything(states: np.ndarray) -> Ensemble:
    """All states once each, as one ensemble of two chains."""
    return Ensemble.from_values(states.reshape(2, -1, *states.shape[1:]))


def ring_energy(states: np.ndarray) -> np.ndarray:
    """Σ s_i s_{i+1} of `(n, sites)` rings."""
    return (states * np.roll(states, -1, axis=1)).sum(axis=1, dtype=float)


def pulls(values: np.ndarray, errors: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Deviations from the truth in units of the quoted error."""
    return (values - truth) / errors


def within_one_error(pull: np.ndarray) -> float:
    """Share of the pulls between -1 and 1: 0.683 for right, normal errors."""
    return float((abs(pull) < 1).mean())


def random_spins(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Fair coins ±1."""
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 2, shape) * 2 - 1).astype(np.int8)
