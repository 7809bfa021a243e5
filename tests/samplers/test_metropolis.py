"""The slow twin of the slow twin: one sweep written out, and its closed cycle."""

from __future__ import annotations

import math

import numpy as np

from kadanoff.kernels.metropolis import flip_probabilities, sweep
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import neighbours
from kadanoff.samplers.metropolis import Metropolis


def test_neighbours_are_one_step_away_on_every_side() -> None:
    near = neighbours("square", (3, 4))
    positions = np.stack(np.unravel_index(np.arange(12), (3, 4)), axis=1)
    steps = (positions[near] - positions[:, None]) % (3, 4)
    assert (steps == [[2, 0], [1, 0], [0, 3], [0, 1]]).all()
    assert (neighbours("chain", (2,)) == [[1, 1], [0, 0]]).all()


def test_flip_probabilities_balance_in_detail() -> None:
    """P(flip at n) / P(flip at 2d - n) = e^{-4|K|(n-d)}, the Boltzmann factor."""
    flip = flip_probabilities(-0.3, 3)
    ratio = np.exp(-4 * 0.3 * (np.arange(7) - 3))
    assert np.allclose(flip / flip[::-1], ratio, rtol=1e-14)
    assert flip.max() < 1


def test_a_sweep_is_what_the_textbook_says() -> None:
    shape, coupling = (3, 4), -0.35
    sampler = Metropolis(Ising(shape), coupling, replicas=5)
    state = sampler.init(rng=np.random.default_rng(1))
    after = sampler.step(state, rng=np.random.default_rng(2), sweeps=2)

    spins, rng = sampler.spins(state), np.random.default_rng(2)
    for _ in range(2):
        for replica in spins:
            for x, y in np.ndindex(shape):
                field = (
                    replica[(x + 1) % 3, y]
                    + replica[x - 1, y]
                    + replica[x, (y + 1) % 4]
                    + replica[x, y - 1]
                )
                exponent = -2 * coupling * int(replica[x, y]) * int(field)
                if rng.random() < (1 - 2.0**-8) * min(1.0, math.exp(exponent)):
                    replica[x, y] *= -1
    assert (sampler.spins(after) == spins).all()


def test_all_states_are_visited_from_all_up() -> None:
    sampler = Metropolis(Ising((2, 3)), 0.3, replicas=50)
    rng = np.random.default_rng(3)
    state = sampler.init(rng=rng, values=np.ones((50, 2, 3), dtype=np.int8))
    seen: set[int] = set()
    for _ in range(200):
        state = sampler.step(state, rng=rng)
        seen |= set(sampler.packed(state)[:, 0].tolist())
    assert len(seen) == 2**6


def test_laziness_opens_the_closed_cycle_of_the_checkerboard() -> None:
    board = -((-1) ** np.arange(9, dtype=np.int8))[None]
    spins, rng = np.repeat(board, 50, axis=0), np.random.default_rng(4)
    flip, near = flip_probabilities(0.4, 2), neighbours("square", (3, 3))

    eager = spins.copy()  # the control
    sweep(eager, near, flip / flip.max(), 1, 400, rng)
    assert (eager == spins).all()

    sweep(spins, near, flip, 1, 400, rng)
    assert len(np.unique(spins, axis=0)) > 10
