"""Every kernel keeps the Boltzmann law: the sharp test on tiny lattices.

Independent draws from the exact weights, by enumeration, go through five sweeps and
are compared with the same weights, binned by energy and magnetization. The draws are
independent, so χ² has its textbook law whatever the kernel's autocorrelation. Level
1e-4 for each of the cases at fixed seeds; power: the control, a kernel whose coupling
is wrong by 2 %, must be rejected at 1e-6 in every case.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from kadanoff.exact.enumerate import all_states
from kadanoff.samplers.metropolis import Metropolis
from kadanoff.samplers.multispin import Multispin, MultispinHeatBath
from kadanoff.samplers.swendsen_wang import SwendsenWang
from kadanoff.samplers.wolff import Wolff

DRAWS = 512 * 391  # 200 192
SWEEPS = 5
SQUARE = ((4, 4), 0.4406868)
ODD = ((3, 5), 0.42)
DOUBLE = ((2, 4), 0.35)
CUBE = ((2, 2, 3), 0.2)
SIDES_OF_TWO = ((2, 2, 2), 0.12)
RING = ((8,), 0.7)
COLD = ((4, 4), -0.4406868)
FRUSTRATED = ((3, 5), -0.42)

CASES = [
    *[(Metropolis, case) for case in (SQUARE, ODD, DOUBLE, CUBE, FRUSTRATED)],
    *[(Multispin, case) for case in (SQUARE, ODD, DOUBLE, CUBE, COLD, FRUSTRATED)],
    *[(MultispinHeatBath, case) for case in (SQUARE, ODD, RING, CUBE, FRUSTRATED)],
    *[(SwendsenWang, case) for case in (SQUARE, ODD, RING, SIDES_OF_TWO, COLD)],
    *[(Wolff, case) for case in (SQUARE, ODD, RING, SIDES_OF_TWO, COLD)],
]


def satisfied(spins: np.ndarray) -> np.ndarray:
    """Σ s_i s_j over all bonds of configurations `(n, *shape)`."""
    axes = tuple(range(1, spins.ndim))
    sums = [(spins * np.roll(spins, 1, axis)).sum(axis=axes) for axis in axes]
    return np.sum(sums, axis=0)


def label(spins: np.ndarray) -> np.ndarray:
    """One number per pair of energy and magnetization."""
    return 1000 * satisfied(spins) + spins.sum(axis=tuple(range(1, spins.ndim)))


def boltzmann(shape: tuple[int, ...], coupling: float) -> tuple[np.ndarray, np.ndarray]:
    """All states `(2^N, *shape)` and their probabilities."""
    states = all_states(math.prod(shape)).reshape(-1, *shape)
    weights = np.exp(coupling * satisfied(states))
    return states, weights / weights.sum()


def p_value(labels: np.ndarray, all_labels: np.ndarray, law: np.ndarray) -> float:
    """χ² of drawn labels against the law, cells below 10 expected counts merged."""
    cells, index = np.unique(all_labels, return_inverse=True)
    expected = np.bincount(index, weights=law) * len(labels)
    observed = np.bincount(np.searchsorted(cells, labels), minlength=len(cells))
    order = np.argsort(-expected)
    expected, observed = expected[order], observed[order]
    keep = int((expected >= 10).sum())
    while 0 < expected[keep:].sum() < 10:
        keep -= 1
    starts = [*range(keep), keep] if keep < len(expected) else list(range(keep))
    expected = np.add.reduceat(expected, starts)
    observed = np.add.reduceat(observed, starts)
    statistic = ((observed - expected) ** 2 / expected).sum()
    return float(chi2.sf(statistic, len(expected) - 1))


def after_five_sweeps(
    kernel: Callable[..., Any], shape: tuple[int, ...], coupling: float, wrong: float
) -> float:
    """p-value of a kernel at `wrong * coupling` on draws of the right law."""
    rng = np.random.default_rng(20261)
    states, law = boltzmann(shape, coupling)
    draws = states[rng.choice(len(states), size=DRAWS, p=law)]
    sampler = kernel(shape, wrong * coupling, replicas=DRAWS)
    state = sampler.step(sampler.init(rng=rng, spins=draws), rng=rng, sweeps=SWEEPS)
    return p_value(label(sampler.spins(state)), label(states), law)


@pytest.mark.parametrize(("kernel", "case"), CASES)
def test_boltzmann_law_is_stationary(
    kernel: Callable[..., Any], case: tuple[tuple[int, ...], float]
) -> None:
    assert after_five_sweeps(kernel, *case, wrong=1.0) > 1e-4


@pytest.mark.parametrize(("kernel", "case"), CASES)
def test_two_percent_of_the_coupling_are_seen(
    kernel: Callable[..., Any], case: tuple[tuple[int, ...], float]
) -> None:
    assert after_five_sweeps(kernel, *case, wrong=1.02) < 1e-6
