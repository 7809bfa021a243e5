"""Every kernel keeps the Boltzmann law: the sharp test on tiny lattices.

Independent draws from the exact weights, by enumeration, go through five sweeps and
are compared with the same weights, binned by energy and magnetization. The draws are
independent, so χ² has its textbook law whatever the kernel's autocorrelation. Level
1e-4 for each of the cases at fixed seeds; power: the control, a kernel whose coupling
is wrong by 2 %, must be rejected at 1e-6 in every case.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from kadanoff.exact.enumerate import all_states
from kadanoff.models.ising import Ising
from kadanoff.samplers.ising import SwendsenWang, Wolff
from kadanoff.samplers.metropolis import Metropolis
from kadanoff.samplers.multispin import Multispin, MultispinHeatBath

DRAWS = 512 * 391  # 200 192
SWEEPS = 5
SQUARE = (Ising((4, 4)), 0.4406868)
ODD = (Ising((3, 5)), 0.42)
DOUBLE = (Ising((2, 4)), 0.35)
CUBE = (Ising((2, 2, 3)), 0.2)
SIDES_OF_TWO = (Ising((2, 2, 2)), 0.12)
RING = (Ising((8,)), 0.7)
COLD = (Ising((4, 4)), -0.4406868)
FRUSTRATED = (Ising((3, 5)), -0.42)
BEYOND = [
    (Ising((3, 4), "triangular"), 0.27),
    (Ising((3, 4), "triangular"), -0.5),
    (Ising((2, 3), "honeycomb"), 0.65),
    (Ising((3, 4), "triangular", second=-0.4, field=0.2), 0.3),
    (Ising((2, 3), "honeycomb", second=0.3), 0.4),
    (Ising((2, 3), "honeycomb", second=-0.3, field=-0.2), -0.5),
    (Ising((4, 4), field=0.3), 0.4),
    (Ising((4, 3), second=0.5), 0.28),
    (Ising((4, 3), second=-0.6, field=0.5), 0.4),
    (Ising((6,), second=0.4, field=-0.2), 0.5),
    (Ising((2, 3, 3), field=0.2, second=-0.3), -0.12),
]

CASES = [
    *[(Metropolis, case) for case in (SQUARE, ODD, DOUBLE, CUBE, FRUSTRATED)],
    *[(Multispin, case) for case in (SQUARE, ODD, DOUBLE, CUBE, COLD, FRUSTRATED)],
    *[(MultispinHeatBath, case) for case in (SQUARE, ODD, RING, CUBE, FRUSTRATED)],
    *[(MultispinHeatBath, case) for case in BEYOND],
    *[(SwendsenWang, case) for case in (SQUARE, ODD, RING, SIDES_OF_TWO, COLD)],
    *[(Wolff, case) for case in (SQUARE, ODD, RING, SIDES_OF_TWO, COLD)],
]


def label(model: Ising, spins: np.ndarray) -> np.ndarray:
    """One number per pair of energy and magnetization."""
    energy = np.round(model.energy(spins) * model.geometry.size, 6)
    return 1000 * energy + spins.reshape(len(spins), -1).sum(axis=1)


def boltzmann(model: Ising, coupling: float) -> tuple[np.ndarray, np.ndarray]:
    """All states `(2^N, *lattice)` and their probabilities."""
    sites = model.geometry.size
    states = all_states(sites).reshape(-1, *model.geometry.lattice)
    weights = np.exp(-coupling * model.energy(states) * sites)
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
    kernel: Callable[..., Any], model: Ising, coupling: float, wrong: float
) -> float:
    """p-value of a kernel at `wrong * coupling` on draws of the right law."""
    rng = np.random.default_rng(20261)
    states, law = boltzmann(model, coupling)
    draws = states[rng.choice(len(states), size=DRAWS, p=law)]
    sampler = kernel(model, wrong * coupling, replicas=DRAWS)
    state = sampler.step(sampler.init(rng=rng, values=draws), rng=rng, sweeps=SWEEPS)
    return p_value(label(model, sampler.spins(state)), label(model, states), law)


@pytest.mark.parametrize(("kernel", "case"), CASES)
def test_boltzmann_law_is_stationary(
    kernel: Callable[..., Any], case: tuple[Ising, float]
) -> None:
    assert after_five_sweeps(kernel, *case, wrong=1.0) > 1e-4


@pytest.mark.parametrize(("kernel", "case"), CASES)
def test_two_percent_of_the_coupling_are_seen(
    kernel: Callable[..., Any], case: tuple[Ising, float]
) -> None:
    assert after_five_sweeps(kernel, *case, wrong=1.02) < 1e-6
