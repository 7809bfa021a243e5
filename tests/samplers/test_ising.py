"""Ising samplers for any lattice: clusters in a field, second neighbours, a heat bath.

The stationarity test is that of `test_stationarity`: independent draws by enumeration,
five sweeps, χ² over energy and magnetization. Level 1e-4 for each case at fixed seeds;
power: a kernel whose coupling is wrong by 2 % must be rejected at 1e-6 in every case.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit
from scipy.stats import chi2

from kadanoff.exact.enumerate import all_states
from kadanoff.exact.kaufman import torus
from kadanoff.exact.onsager import K_C
from kadanoff.kernels import graph_clusters as kernel
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import neighbours
from kadanoff.samplers.ising import HeatBath, SwendsenWang, Wolff

DRAWS = 140_000
SWEEPS = 5
CLUSTERS = [SwendsenWang, Wolff]
UNFRUSTRATED = [
    (Ising((3, 3)), 0.42),
    (Ising((8,)), 0.7),
    (Ising((2, 4)), 0.35),
    (Ising((3, 3), "triangular"), 0.26),
    (Ising((2, 2), "honeycomb"), 0.65),
    (Ising((2, 2), "honeycomb"), -0.65),
    (Ising((4, 2)), -0.35),
    (Ising((2, 2, 2)), -0.17),
    (Ising((3, 3), field=0.3), 0.35),
    (Ising((3, 3), field=-0.5), 0.4),
    (Ising((3, 3), "triangular", field=0.3), 0.22),
    (Ising((8,), field=0.2, second=0.4), 0.5),
    (Ising((3, 3), second=0.5), 0.25),
    (Ising((4, 2), second=-0.4), -0.22),
]
FRUSTRATED = [
    (Ising((3, 3), "triangular"), -0.6),
    (Ising((3, 3), second=-0.4), 0.5),
    (Ising((3, 3), "triangular", field=1.5, second=-0.3), -0.3),
    (Ising((2, 2), "honeycomb", second=0.3, field=-0.4), -0.7),
    (Ising((9,), field=0.5), -0.8),
]
CASES = [
    *[(sampler, *case) for sampler in CLUSTERS for case in UNFRUSTRATED],
    *[(HeatBath, *case) for case in (*UNFRUSTRATED, *FRUSTRATED)],
]


def boltzmann(model: Any, coupling: float, states: np.ndarray) -> np.ndarray:
    """e^{-K E}/Z of all states."""
    exponent = -coupling * model.geometry.size * model.energy(states)
    weights = np.exp(exponent - exponent.max())
    return weights / weights.sum()


def p_value(labels: np.ndarray, all_labels: np.ndarray, law: np.ndarray) -> float:
    """χ² of drawn labels against the law, cells below 10 expected counts merged."""
    cells, index = np.unique(all_labels, return_inverse=True)
    expected = np.bincount(index, weights=law) * len(labels)
    observed = np.bincount(np.searchsorted(cells, labels), minlength=len(cells))
    rare = expected < 10
    if rare.any():
        rare[np.argmin(np.where(rare, np.inf, expected))] = True
        expected = np.append(expected[~rare], expected[rare].sum())
        observed = np.append(observed[~rare], observed[rare].sum())
    statistic = ((observed - expected) ** 2 / expected).sum()
    return float(chi2.sf(statistic, len(expected) - 1))


def label(model: Ising, spins: np.ndarray) -> np.ndarray:
    """One number per pair of energy and magnetization."""
    energy = np.round(model.energy(spins) * model.geometry.size, 6)
    return 1000 * energy + spins.reshape(len(spins), -1).sum(axis=1)


def after_five_sweeps(sampler: Any, model: Ising, coupling: float, wrong: float) -> Any:
    """p-value of a kernel at `wrong * coupling` on draws of the right law."""
    rng = np.random.default_rng(7)
    states = all_states(model.geometry.size).reshape(-1, *model.geometry.lattice)
    law = boltzmann(model, coupling, states)
    draws = states[rng.choice(len(states), size=DRAWS, p=law)]
    kernel = sampler(model, wrong * coupling, replicas=DRAWS)
    state = kernel.step(kernel.init(rng=rng, values=draws), rng=rng, sweeps=SWEEPS)
    labels = label(model, kernel.spins(state))
    return p_value(labels, label(model, states), law)


@pytest.mark.parametrize(("sampler", "model", "coupling"), CASES)
def test_boltzmann_law_is_stationary(sampler, model, coupling):
    assert after_five_sweeps(sampler, model, coupling, wrong=1.0) > 1e-4


@pytest.mark.parametrize(("sampler", "model", "coupling"), CASES)
def test_two_percent_of_the_coupling_are_seen(sampler, model, coupling):
    assert after_five_sweeps(sampler, model, coupling, wrong=1.02) < 1e-6


@pytest.mark.parametrize(
    ("sampler", "model", "coupling"),
    [
        (SwendsenWang, Ising((2, 2), "honeycomb"), 0.2),
        (Wolff, Ising((2, 2), "honeycomb"), -0.2),
        (SwendsenWang, Ising((2, 3), field=0.4, second=0.5), 0.1),
        (Wolff, Ising((2, 3), field=0.4, second=0.5), 0.1),
        (HeatBath, Ising((3, 3), "triangular"), -0.05),
        (HeatBath, Ising((3, 3)), 0.0),
        (HeatBath, Ising((8,)), 0.1),
    ],
)
def test_all_states_are_visited_from_all_up(sampler, model, coupling):
    kernel = sampler(model, coupling, replicas=200)
    rng = np.random.default_rng(3)
    up = np.ones((200, *model.geometry.lattice), dtype=np.int8)
    state = kernel.init(rng=rng, values=up)
    places = 2 ** np.arange(model.geometry.size)
    seen: set[int] = set()
    for _ in range(200):
        state = kernel.step(state, rng=rng)
        seen |= set(((state.values.reshape(200, -1) > 0) @ places).tolist())
    assert len(seen) == 2**model.geometry.size


@pytest.mark.parametrize("sampler", [*CLUSTERS, HeatBath])
def test_energy_of_a_larger_torus(sampler):
    """z = 4.5 over 512 independent chains; the control is 1 % of K away."""
    model, coupling = Ising((16, 12)), 0.4
    kernel = sampler(model, coupling, replicas=512)
    rng = np.random.default_rng(11)
    state = kernel.step(kernel.init(rng=rng), rng=rng, sweeps=200)
    means = np.zeros(512)
    for _ in range(40):
        state = kernel.step(state, rng=rng, sweeps=5)
        means += model.energy(kernel.spins(state)) / 40
    error = means.std(ddof=1) / np.sqrt(512)
    assert abs(means.mean() - torus((16, 12), coupling).energy) < 4.5 * error
    assert abs(means.mean() - torus((16, 12), 1.01 * coupling).energy) > 4.5 * error


@pytest.mark.parametrize(
    ("model", "coupling"),
    [
        (Ising((3, 3), "triangular"), 0.2),
        (Ising((2, 2), "honeycomb"), 0.5),
        (Ising((3, 3), second=0.4), 0.2),
    ],
)
def test_mean_cluster_size_is_the_susceptibility(model, coupling):
    """<|C|> = N <m²> (Wolff 1989): exact draws, level z = 4.5, power 2 % of K."""
    assert abs(cluster_size_z(model, coupling, 1.0)) < 4.5
    assert abs(cluster_size_z(model, coupling, 1.02)) > 4.5


def cluster_size_z(model: Ising, coupling: float, wrong: float) -> float:
    rng = np.random.default_rng(2)
    sites, draws = model.geometry.size, 400_000
    states = all_states(sites)
    law = boltzmann(model, coupling, states.reshape(-1, *model.geometry.lattice))
    spins = states[rng.choice(len(states), size=draws, p=law)]
    before = spins.copy()
    seed = rng.integers(0, 2**64, size=4, dtype=np.uint64)
    walk = kernel.walk(model.near, model.near_second)
    strength = 2 * wrong * coupling
    bonds = kernel.bonds(walk, strength, strength * model.second)
    palette = np.array([-1, 1], np.int8)
    turned = kernel.turn_clusters(spins, bonds, palette, 0.0, seed, 1)
    sizes = (spins != before).sum(axis=1)
    assert turned == sizes.sum()
    exact = sites * (law @ states.mean(axis=1) ** 2)
    return float((sizes.mean() - exact) / (sizes.std() / np.sqrt(draws)))


def test_a_field_turns_every_cluster_towards_it():
    """K so large that the lattice is one cluster, and h of order 1/N: level z = 4.5."""
    coupling, field = 20.0, 0.5 / (16 * 20.0)
    cold = -np.ones((4000, 4, 4), dtype=np.int8)
    model = Ising((4, 4), field=field)
    rng = np.random.default_rng(4)
    for sampler in CLUSTERS:
        kernel = sampler(model, coupling, replicas=4000)
        state = kernel.step(kernel.init(rng=rng, values=cold), rng=rng, sweeps=20)
        up = (state.values[:, 0, 0] > 0).mean()
        exact = 1 / (1 + np.exp(-2 * 0.5))
        assert abs(up - exact) < 4.5 * np.sqrt(exact * (1 - exact) / 4000)
        assert (abs(state.values.sum(axis=(1, 2))) == 16).all()


def test_one_sweep_at_infinite_temperature_draws_afresh():
    """All 2^6 states are equally likely: χ² of 63 degrees, level 1e-5."""
    cold = np.ones((6400, 2, 3), dtype=np.int8)
    for sampler in (SwendsenWang, HeatBath):
        kernel = sampler(Ising((2, 3)), 0.0, replicas=6400)
        rng = np.random.default_rng(5)
        state = kernel.step(kernel.init(rng=rng, values=cold), rng=rng)
        counts = np.bincount(kernel.packed(state)[:, 0] >> 2, minlength=64)
        assert 1e-5 < chi2.sf(((counts - 100) ** 2 / 100).sum(), 63) < 1 - 1e-5


@pytest.mark.parametrize(
    ("lattice", "shape", "shell"),
    [
        ("square", (5, 6), 1),
        ("square", (2, 2), 1),
        ("chain", (9,), 2),
        ("cubic", (3, 3, 4), 1),
        ("triangular", (5, 4), 2),
        ("honeycomb", (4, 4), 1),
    ],
)
def test_the_walk_is_the_table_of_neighbours(lattice, shape, shell):
    near = neighbours(lattice, shape, shell=shell)
    walk = kernel.walk(near)
    assert (ends(walk) == near).all()
    sites = np.arange(len(near))[:, None]
    kinds = len(np.unique(near - sites, axis=0))
    assert walk.steps.size == kinds * near.shape[1]
    assert (len(walk.first), walk.second, walk.kind.dtype) == (near.shape[1], (), "u1")


def ends(walk: kernel.Walk) -> np.ndarray:
    """Where the steps lead, `(site, z)`."""
    steps = walk.steps.view(np.int64).reshape(-1, len(walk.first + walk.second))
    return np.arange(len(walk.kind))[:, None] + steps[walk.kind]


def test_tables_without_order_have_a_walk():
    rng = np.random.default_rng(6)
    near, second = (rng.integers(0, 300, (300, z), dtype=np.int32) for z in (5, 3))
    walk = kernel.walk(near, second)
    assert walk.kind.dtype == np.uint16
    assert (ends(walk) == np.concatenate([near, second], axis=1)).all()
    assert (len(walk.first), len(walk.second)) == (5, 3)


def test_more_neighbours_than_bits_of_a_word_are_refused():
    model = Ising((2,) * 7, second=0.5)
    for sampler in CLUSTERS:
        with pytest.raises(ValueError, match=r"at most 64 .* got 84 second ones in 7"):
            sampler(model, 0.01, 1)
    assert HeatBath(model, 0.01, 1).replicas == 1


@pytest.mark.parametrize("width", [1, 3, 6, 63, 64])
def test_every_bond_has_its_own_bit(width):
    """Widths up to a whole word: 4 words at least, no bit used twice, none lost."""
    threshold = np.uint64(2**63)
    seed = np.random.default_rng(7).integers(0, 2**64, size=4, dtype=np.uint64)
    taken, words = take(seed, threshold, (0,) * width, 4 * (64 // width))
    for i, bits in enumerate(taken.tolist()):
        word, place = divmod(i, 64 // width)
        mask = (1 << width) - 1
        assert bits & mask == int(words[word]) >> (place * width) & mask


@njit
def take(seed: Any, threshold: Any, shell: Any, count: Any) -> Any:
    """Bits of `count` sites, and the words that they come from."""
    state = (seed[0], seed[1], seed[2], seed[3])
    taken = np.empty(count, dtype=np.uint64)
    pool = (np.uint64(0), np.uint64(0))
    for i in range(count):
        state, pool, taken[i] = kernel._bits(state, pool, threshold, shell)
    state = (seed[0], seed[1], seed[2], seed[3])
    words = np.empty(4, dtype=np.uint64)
    for i in range(4):
        state, words[i] = kernel.open_bonds(state, threshold)
    return taken, words


@pytest.mark.parametrize(
    ("model", "coupling"),
    [
        (Ising((4, 4), "triangular"), -0.3),
        (Ising((4, 5)), -0.3),
        (Ising((4, 4), field=0.1), -0.3),
        (Ising((4, 4), second=-0.1), 0.3),
        (Ising((4, 4), second=0.1), -0.3),
    ],
)
@pytest.mark.parametrize("sampler", CLUSTERS)
def test_frustration_is_refused_with_the_reason(sampler, model, coupling):
    with pytest.raises(ValueError, match=r"without frustration, got K = .*'heat-bath'"):
        sampler(model, coupling, 1)
    assert HeatBath(model, coupling, 1).replicas == 1


def test_other_bad_input_is_refused():
    model = Ising((4, 4), "triangular")
    with pytest.raises(ValueError, match=r"other than 0, got 0\.0"):
        Wolff(model, 0.0, 1)
    with pytest.raises(ValueError, match="clusters must be a whole number"):
        Wolff(model, 0.1, 1, clusters=0)
    with pytest.raises(ValueError, match=r"coupling K = .* finite"):
        HeatBath(model, np.inf, 1)
    kernel = HeatBath(model, 0.1, 2)
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match=r"shape .* = \(2, 4, 4\), got \(1, 4, 4\)"):
        kernel.init(rng=rng, values=np.ones((1, 4, 4)))
    with pytest.raises(ValueError, match=r"must be \+1 or -1, got 0"):
        kernel.init(rng=rng, values=np.zeros((2, 4, 4)))
    with pytest.raises(ValueError, match="sweeps must be a whole number"):
        kernel.step(kernel.init(rng=rng), rng=rng, sweeps=-1)


@pytest.mark.parametrize("sampler", [*CLUSTERS, HeatBath])
def test_the_seed_makes_the_chain_and_states_stay(sampler):
    kernel = sampler(Ising((4, 3), "honeycomb"), K_C, replicas=5)
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
    assert (kernel.spins(state) == ends[0]).all()
    stayed = kernel.step(state, rng=np.random.default_rng(1), sweeps=0)
    assert (stayed.values == ends[0]).all()
    flat = ends[0].reshape(5, -1) > 0
    assert (kernel.packed(state) == np.packbits(flat, axis=-1)).all()
