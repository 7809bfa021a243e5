"""Potts samplers keep the Boltzmann law, and q = 2 is Ising.

The stationarity test is that of `test_graph`: independent draws by enumeration, five
sweeps, χ² over energy and the numbers of sites in states 0 and 1. Level 1e-4 for each
case at fixed seeds; power: a kernel whose coupling is wrong by 2 % must be rejected at
1e-6 in every case.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from samplers.test_ising import boltzmann, p_value
from scipy.stats import chi2

from kadanoff.exact.kaufman import torus
from kadanoff.kernels import potts as kernel
from kadanoff.models.potts import Potts
from kadanoff.samplers.potts import PottsHeatBath, PottsSwendsenWang, PottsWolff

DRAWS = 200_000
SWEEPS = 5
CLUSTERS = [PottsSwendsenWang, PottsWolff]
FERROMAGNETS = [
    (Potts((3, 3), 3), 0.8),
    (Potts((3, 3), 2), 0.8),
    (Potts((3, 3), 3, "triangular"), 0.5),
    (Potts((2, 2), 3, "honeycomb"), 1.2),
    (Potts((6,), 4), 1.8),
    (Potts((2, 3), 5), 0.6),
    (Potts((2, 2, 2), 3), 0.4),
]
ANTIFERROMAGNETS = [
    (Potts((3, 3), 3), -1.2),
    (Potts((3, 3), 2, "triangular"), -1.2),
    (Potts((2, 2), 3, "honeycomb"), -1.5),
    (Potts((7,), 4), -1.2),
]
CASES = [
    *[(sampler, *case) for sampler in CLUSTERS for case in FERROMAGNETS],
    *[(PottsHeatBath, *case) for case in (*FERROMAGNETS, *ANTIFERROMAGNETS)],
]


def all_states(model: Potts) -> np.ndarray:
    """Every configuration, uint8 `(q^N, *lattice)`."""
    sites = model.geometry.size
    places = model.q ** np.arange(sites)
    digits = np.arange(model.q**sites)[:, None] // places % model.q
    return digits.astype(np.uint8).reshape(-1, *model.geometry.lattice)


def label(model: Potts, values: np.ndarray) -> np.ndarray:
    """One number per energy and numbers of sites in the first two states."""
    energy = np.round(-model.energy(values) * model.geometry.size).astype(int)
    flat = values.reshape(len(values), -1)
    return 10_000 * energy + 100 * (flat == 0).sum(axis=1) + (flat == 1).sum(axis=1)


def after_five_sweeps(sampler: Any, model: Potts, coupling: float, wrong: float) -> Any:
    """p-value of a kernel at `wrong * coupling` on draws of the right law."""
    rng = np.random.default_rng(8)
    states = all_states(model)
    law = boltzmann(model, coupling, states)
    draws = states[rng.choice(len(states), size=DRAWS, p=law)]
    kernel = sampler(model, wrong * coupling, replicas=DRAWS)
    state = kernel.step(kernel.init(rng=rng, values=draws), rng=rng, sweeps=SWEEPS)
    return p_value(label(model, kernel.spins(state)), label(model, states), law)


@pytest.mark.parametrize(("sampler", "model", "coupling"), CASES)
def test_boltzmann_law_is_stationary(sampler, model, coupling):
    assert after_five_sweeps(sampler, model, coupling, wrong=1.0) > 1e-4


@pytest.mark.parametrize(("sampler", "model", "coupling"), CASES)
def test_two_percent_of_the_coupling_are_seen(sampler, model, coupling):
    assert after_five_sweeps(sampler, model, coupling, wrong=1.02) < 1e-6


@pytest.mark.parametrize(
    ("sampler", "coupling"),
    [(PottsSwendsenWang, 0.2), (PottsWolff, 0.2), (PottsHeatBath, -0.2)],
)
def test_all_states_are_visited_from_one_colour(sampler, coupling):
    model = Potts((2, 3), 3)
    kernel = sampler(model, coupling, replicas=400)
    rng = np.random.default_rng(3)
    state = kernel.init(rng=rng, values=np.full((400, 2, 3), 2))
    seen: set[int] = set()
    for _ in range(200):
        state = kernel.step(state, rng=rng)
        seen |= set((state.values.reshape(400, -1) @ 3 ** np.arange(6)).tolist())
    assert len(seen) == 3**6


@pytest.mark.parametrize("sampler", [*CLUSTERS, PottsHeatBath])
def test_two_states_are_an_ising_torus_of_half_the_coupling(sampler):
    """E = (E_Ising - bonds)/2 at K = 2 K_Ising: z = 4.5; the control is 1 % of K."""
    model, coupling = Potts((16, 12), 2), 0.8
    mean, error = mean_energy(sampler(model, coupling, replicas=512), seed=12)
    exact, control = (
        (torus((16, 12), k * coupling / 2).energy - 2) / 2 for k in (1.0, 1.01)
    )
    assert abs(mean - exact) < 4.5 * error
    assert abs(mean - control) > 4.5 * error


def mean_energy(kernel: Any, *, seed: int) -> tuple[float, float]:
    """Mean and standard error over independent chains, after a burn-in."""
    rng = np.random.default_rng(seed)
    state = kernel.step(kernel.init(rng=rng), rng=rng, sweeps=200)
    readings = []
    for _ in range(40):
        state = kernel.step(state, rng=rng, sweeps=5)
        readings.append(kernel.model.energy(kernel.spins(state)))
    means = np.mean(readings, axis=0)
    return means.mean(), means.std(ddof=1) / np.sqrt(len(means))


def ring_energy(coupling: float, q: int, sites: int) -> float:
    """-∂ ln Z/∂K/N of the chain: Z = (e^K + q - 1)^N + (q - 1)(e^K - 1)^N."""
    top, rest = np.exp(coupling) + q - 1, np.exp(coupling) - 1
    weight = (q - 1) * (rest / top) ** sites
    ratio = np.exp(coupling) / top
    return -ratio * (1 + weight * top / rest) / (1 + weight)


@pytest.mark.parametrize(
    ("sampler", "q", "coupling"),
    [
        (PottsSwendsenWang, 3, 1.5),
        (PottsSwendsenWang, 200, 3.0),
        (PottsWolff, 5, 1.5),
        (PottsHeatBath, 7, 1.0),
        (PottsHeatBath, 200, 4.5),
        (PottsHeatBath, 3, -1.0),
    ],
)
def test_the_ring(sampler, q, coupling):
    """The transfer matrix: z = 4.5; the control is 2 % of K away."""
    kernel = sampler(Potts((24,), q), coupling, replicas=512)
    mean, error = mean_energy(kernel, seed=13)
    assert abs(mean - ring_energy(coupling, q, 24)) < 4.5 * error
    assert abs(mean - ring_energy(1.02 * coupling, q, 24)) > 4.5 * error


def test_the_ring_energy_is_that_of_enumeration():
    model = Potts((5,), 3)
    states = all_states(model)
    for coupling in (0.7, -0.7):
        exact = boltzmann(model, coupling, states) @ model.energy(states)
        assert abs(ring_energy(coupling, 3, 5) - exact) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize(("q", "power"), [(2, 1.0), (3, 0.8)])
def test_the_critical_energy(q, power):
    """-(1 + 1/√q) at ln(1 + √q), by duality, after 1/L^{x_ε} is extrapolated away.

    The exponents are 1 and 4/5. z = 4.5, error below 2e-3; the controls, another
    number of states and no extrapolation, must fail.
    """
    coupling = np.log(1 + np.sqrt(q))
    energies, errors = zip(
        *(
            mean_energy(PottsSwendsenWang(Potts((side, side), q), coupling, n), seed=1)
            for side, n in ((16, 4096), (32, 2048))
        ),
        strict=True,
    )
    gain = 2**power
    limit = (gain * energies[1] - energies[0]) / (gain - 1)
    error = np.hypot(gain * errors[1], errors[0]) / (gain - 1)
    exact = -(1 + 1 / np.sqrt(q))
    assert error < 2e-3
    assert abs(limit - exact) < 4.5 * error
    assert abs(limit + 1 + 1 / np.sqrt(q + 1)) > 4.5 * error
    assert abs(energies[1] - exact) > 4.5 * errors[1]


def test_one_sweep_at_infinite_temperature_draws_afresh():
    """All 3^5 states are equally likely: χ² of 242 degrees, level 1e-5."""
    for sampler in (PottsSwendsenWang, PottsHeatBath):
        kernel = sampler(Potts((5,), 3), 0.0, replicas=24_300)
        rng = np.random.default_rng(5)
        cold = np.zeros((24_300, 5), dtype=np.uint8)
        state = kernel.step(kernel.init(rng=rng, values=cold), rng=rng)
        counts = np.bincount(state.values @ 3 ** np.arange(5), minlength=243)
        assert 1e-5 < chi2.sf(((counts - 100) ** 2 / 100).sum(), 242) < 1 - 1e-5


def test_wolff_takes_every_other_colour_alike():
    """A lattice of one cluster: two of three colours, one half each, level z = 4.5."""
    kernel = PottsWolff(Potts((4, 4), 3), 40.0, replicas=6000)
    rng = np.random.default_rng(6)
    for colour in range(3):
        start = kernel.init(rng=rng, values=np.full((6000, 4, 4), colour))
        values = kernel.step(start, rng=rng).values
        assert (values == values[:, :1, :1]).all()
        counts = np.bincount(values[:, 0, 0], minlength=3)
        others = [a for a in range(3) if a != colour]
        assert counts[colour] == 0
        assert abs(counts[others[0]] - 3000) < 4.5 * np.sqrt(1500)


@pytest.mark.parametrize("coupling", [1e3, -1e3, 1e6])
def test_heat_bath_at_very_low_temperature(coupling):
    """No weight overflows, and the energy only falls."""
    model = Potts((6, 6), 3)
    assert np.isfinite(kernel.weights(coupling, 4)).all()
    sampler = PottsHeatBath(model, coupling, replicas=50)
    rng = np.random.default_rng(9)
    state = sampler.init(rng=rng)
    energies = []
    for _ in range(20):
        energies.append(np.sign(coupling) * model.energy(sampler.spins(state)))
        state = sampler.step(state, rng=rng)
    assert (np.diff(energies, axis=0) <= 1e-12).all()
    assert (energies[-1] < energies[0]).all()


def test_bad_input_is_refused():
    model = Potts((4, 4), 3)
    for sampler in CLUSTERS:
        with pytest.raises(ValueError, match=r"need K >= 0, got -0.5.*'heat-bath'"):
            sampler(model, -0.5, 1)
    with pytest.raises(ValueError, match="other than 0, got 0"):
        PottsWolff(model, 0, 1)
    with pytest.raises(ValueError, match="clusters must be a whole number"):
        PottsWolff(model, 0.5, 1, clusters=0)
    rng = np.random.default_rng(1)
    kernel = PottsHeatBath(model, 0.5, 1)
    with pytest.raises(ValueError, match=r"= \(1, 4, 4\), got \(2, 4, 4\)"):
        kernel.init(rng=rng, values=np.zeros((2, 4, 4)))
    for strange in (3, -1, 0.5, np.nan):
        with pytest.raises(ValueError, match=f"numbers 0 to 2, got {strange}"):
            kernel.init(rng=rng, values=np.full((1, 4, 4), strange))


@pytest.mark.parametrize("sampler", [*CLUSTERS, PottsHeatBath])
def test_the_seed_makes_the_chain_and_states_stay(sampler):
    kernel = sampler(Potts((4, 3), 5, "honeycomb"), 0.8, replicas=5)
    start = kernel.init(rng=np.random.default_rng(1))
    before = start.values.copy()
    ends = [
        kernel.step(start, rng=np.random.default_rng(seed), sweeps=9).values
        for seed in (2, 2, 3)
    ]
    assert (start.values == before).all()
    assert (ends[0] == ends[1]).all()
    assert (ends[0] != ends[2]).any()
    state = kernel.init(rng=np.random.default_rng(1), values=ends[0])
    assert (kernel.packed(state) == ends[0]).all()
    assert kernel.packed(state).dtype == kernel.spins(state).dtype == np.uint8


def test_enumeration_lists_every_state_once():
    states = all_states(Potts((2, 2), 3))
    rows = {tuple(one.ravel().tolist()) for one in states}
    assert rows == set(itertools.product(range(3), repeat=4))
