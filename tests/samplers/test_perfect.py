"""Exact draws: law by enumeration, a slow twin bit for bit, and four classic errors.

Every χ² is of independent draws and at level 1e-4 for each case at fixed seeds. The
number of draws is chosen from the exact law so that a coupling wrong by 2 % moves χ² by
150 (`POWER`); the control must see it at 1e-6.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from kadanoff.exact.constants import K_C
from kadanoff.exact.enumerate import all_states
from kadanoff.exact.kaufman import torus
from kadanoff.kernels import perfect as kernel
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import bond_pairs, neighbours
from kadanoff.models.potts import Potts
from kadanoff.models.xy import XY
from kadanoff.protocols import Sampler
from kadanoff.samplers import perfect
from kadanoff.samplers.perfect import (
    Ferromagnet,
    Perfect,
    draw_colours,
    ferromagnet,
    gauge_signs,
)

POWER = 150.0
LEVEL, SEEN = 1e-4, 1e-6
U = np.uint64

ISING = [
    (Ising((3, 3)), K_C),
    (Ising((3, 3)), 0.2),
    (Ising((3, 3)), 0.8),
    (Ising((2, 3)), K_C),
    (Ising((4, 4)), K_C),
    (Ising((4, 4)), -K_C),
    (Ising((7,)), 0.7),
    (Ising((2, 2, 2)), 0.12),
    (Ising((3, 3), "triangular"), math.log(3) / 4),
    (Ising((2, 3), "honeycomb"), -0.6),
    (Ising((3, 3), field=0.3), 0.4),
    (Ising((2, 3), field=-0.05), 0.5),
    (Ising((4, 4), second=0.5), 0.25),
    (Ising((4, 4), second=-0.5), -0.25),
]
EVERY_STATE = 512  # up to here each state is a cell of its own


def p_value(drawn: np.ndarray, labels: np.ndarray, law: np.ndarray) -> float:
    """χ² of drawn labels, cells with less than 10 expected counts merged."""
    cells, index = np.unique(labels, return_inverse=True)
    expected = np.bincount(index, weights=law) * len(drawn)
    assert np.isin(drawn, cells).all()
    observed = np.bincount(np.searchsorted(cells, drawn), minlength=len(cells))
    order = np.argsort(-expected)
    expected, observed = expected[order], observed[order]
    starts = np.flatnonzero(expected >= 10)
    if len(starts) < len(expected) and expected[len(starts) :].sum() >= 10:
        starts = np.append(starts, len(starts))
    expected = np.add.reduceat(expected, starts)
    observed = np.add.reduceat(observed, starts)
    statistic = ((observed - expected) ** 2 / expected).sum()
    return float(chi2.sf(statistic, len(expected) - 1))


def normalized(log_weight: np.ndarray) -> np.ndarray:
    weight = np.exp(log_weight - log_weight.max())
    return weight / weight.sum()


def enough(law: np.ndarray, exponent: np.ndarray) -> int:
    """Draws at which 2 % of the exponent move χ² by `POWER`."""
    variance = law @ exponent**2 - (law @ exponent) ** 2
    return math.ceil(POWER / (0.02**2 * variance))


class Case:
    """All states of an Ising model, their law, and labels of states."""

    def __init__(self, model: Ising, coupling: float) -> None:
        self.model, self.coupling = model, coupling
        sites = model.geometry.size
        self.states = all_states(sites).reshape(-1, *model.geometry.lattice)
        self.exponent = -coupling * sites * model.energy(self.states)
        self.law = normalized(self.exponent)
        self.draws = enough(self.law, self.exponent)

    def draw(self, wrong: float = 1.0) -> np.ndarray:
        rng = np.random.default_rng(20264)
        sampler = Perfect(self.model, wrong * self.coupling, self.draws)
        return sampler.step(sampler.init(rng=rng), rng=rng).values

    def levels(self, spins: np.ndarray) -> np.ndarray:
        """One number per pair of energy and magnetization."""
        energy = self.model.energy(spins) * self.model.geometry.size
        total = spins.sum(axis=tuple(range(1, spins.ndim)))
        return np.rint(1000 * energy) * 1000 + total

    def codes(self, spins: np.ndarray) -> np.ndarray:
        """One number per state."""
        flat = spins.reshape(len(spins), -1) > 0
        return flat @ (1 << np.arange(flat.shape[1]))


@pytest.mark.parametrize(("model", "coupling"), ISING)
def test_draws_have_the_ising_law(model: Ising, coupling: float) -> None:
    case = Case(model, coupling)
    spins = case.draw()
    assert p_value(case.levels(spins), case.levels(case.states), case.law) > LEVEL
    if len(case.states) <= EVERY_STATE:
        assert p_value(case.codes(spins), case.codes(case.states), case.law) > LEVEL


@pytest.mark.parametrize(("model", "coupling"), ISING)
def test_two_percent_of_the_coupling_are_seen(model: Ising, coupling: float) -> None:
    case = Case(model, coupling)
    drawn = case.levels(case.draw(wrong=1.02))
    assert p_value(drawn, case.levels(case.states), case.law) < SEEN


def plain(bonds: Any, sites: int, strength: Any, states: int) -> Ferromagnet:
    pairs = np.asarray(bonds, np.int32).reshape(-1, 2)
    strengths = np.broadcast_to(np.asarray(strength, float), len(pairs))
    return Ferromagnet(pairs, strengths, np.ones(sites, np.int8), states)


def square(shape: tuple[int, ...], strength: float, states: int) -> Ferromagnet:
    bonds = bond_pairs(neighbours("hypercubic", shape))
    return plain(bonds, math.prod(shape), strength, states)


POTTS_C = math.log(1 + math.sqrt(3))
LOOSE = [(0, 3), (3, 0), (0, 4), (3, 4), (1, 2), (2, 1), (1, 2)]  # 5 is alone
UNEVEN = [0.1, 0.9, 0.4, 1.3, 0.0, 0.7, 0.2]
POTTS = [
    square((3, 3), POTTS_C, 3),
    square((2, 2), 0.5, 4),
    square((5,), 1.0, 5),
    plain(LOOSE, 6, UNEVEN, 3),
    plain(LOOSE, 6, 0.6, 2),
]


def all_colours(bonds: Ferromagnet) -> np.ndarray:
    return np.indices((bonds.states,) * bonds.sites).reshape(bonds.sites, -1).T


def potts_exponent(colours: np.ndarray, bonds: Ferromagnet) -> np.ndarray:
    one, two = bonds.pairs.T
    return (colours[:, one] == colours[:, two]) @ bonds.strengths


def potts_p_values(bonds: Ferromagnet, wrong: float) -> tuple[float, float]:
    """χ² by energy, and by state with the states of little weight merged."""
    every = all_colours(bonds)
    exponent = potts_exponent(every, bonds)
    law = normalized(exponent)
    tilted = Ferromagnet(
        bonds.pairs, wrong * bonds.strengths, bonds.gauge, bonds.states
    )
    rng = np.random.default_rng(7)
    drawn = draw_colours(tilted, enough(law, exponent), rng=rng)
    digits = bonds.states ** np.arange(bonds.sites)
    levels = np.rint(1e6 * potts_exponent(drawn, bonds))
    by_energy = p_value(levels, np.rint(1e6 * exponent), law)
    return by_energy, p_value(drawn @ digits, every @ digits, law)


@pytest.mark.parametrize("bonds", POTTS)
def test_draws_have_the_potts_law(bonds: Ferromagnet) -> None:
    assert min(potts_p_values(bonds, 1.0)) > LEVEL
    assert potts_p_values(bonds, 1.02)[0] < SEEN


# The slow twin ------------------------------------------------------------------------


def mixed(word: int) -> int:
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    word = (word ^ word >> 27) * 0x94D049BB133111EB % 2**64
    return word ^ word >> 31


def turned(word: int, by: int) -> int:
    return (word << by | word >> 64 - by) % 2**64


def xoshiro(state: list[int]) -> Iterator[int]:
    s0, s1, s2, s3 = state
    while True:
        yield (turned((s0 + s3) % 2**64, 23) + s0) % 2**64
        shifted = (s1 << 17) % 2**64
        s2, s3 = s2 ^ s0, s3 ^ s1
        s1, s0 = s1 ^ s2, s0 ^ s3
        s2, s3 = s2 ^ shifted, turned(s3, 45)


def words(key: np.ndarray, block: int) -> Iterator[int]:
    step = (block + 2) * 0x9E3779B97F4A7C15
    return xoshiro([mixed((int(word) + step) % 2**64) for word in key])


def roots(open_: list[bool], pairs: np.ndarray, sites: int) -> list[int]:
    """The first site of every site's cluster, by spreading labels until they stay."""
    label = list(range(sites))
    moved = True
    while moved:
        moved = False
        for (one, two), is_open in zip(pairs.tolist(), open_, strict=True):
            if is_open and label[one] != label[two]:
                label[one] = label[two] = min(label[one], label[two])
                moved = True
    return label


def heat_bath(
    chain: list[bool], bond: int, word: int, graph: kernel.Graph, sites: int
) -> None:
    chain[bond] = False
    label = roots(chain, graph.pairs, sites)
    one, two = graph.pairs[bond]
    p = graph.high[bond] if label[one] == label[two] else graph.low[bond]
    chain[bond] = word < int(p)


def from_the_past(graph: kernel.Graph, sites: int, key: np.ndarray) -> list[bool]:
    level = 0
    while True:
        chains = [[start] * len(graph.pairs) for start in (True, False)]
        for block in range(level, -1, -1):
            stream = words(key, block)
            for _ in range(max(1, 2**block // 2)):
                for bond in range(len(graph.pairs)):
                    word = next(stream)
                    for chain in chains:
                        heat_bath(chain, bond, word, graph, sites)
        if chains[0] == chains[1]:
            return chains[0]
        level += 1


def coloured(
    chain: list[bool], graph: kernel.Graph, sites: int, states: int, key: np.ndarray
) -> list[int]:
    stream = words(key, -1)
    colours: list[int] = []
    bits = (states - 1).bit_length()
    for site, root in enumerate(roots(chain, graph.pairs, sites)):
        if root < site:
            colours.append(colours[root])
            continue
        drawn = next(stream) >> 64 - bits
        while drawn >= states:
            drawn = next(stream) >> 64 - bits
        colours.append(drawn)
    return colours


TWINS = [
    ferromagnet(Ising((3, 4)), K_C),
    ferromagnet(Ising((2, 3)), 0.6),
    ferromagnet(Ising((3, 3), field=0.1), 0.4),
    square((4, 3), POTTS_C, 3),
    plain(LOOSE, 6, UNEVEN, 5),
]


def graph_of(bonds: Ferromagnet) -> kernel.Graph:
    hub = bonds.sites - 1 if bonds.ghost else -1
    return kernel.graph(
        bonds.pairs, bonds.strengths, sites=bonds.sites, states=bonds.states, hub=hub
    )


def kernel_draws(
    bonds: Ferromagnet, keys: np.ndarray, budget: int, *, worn: bool = False
) -> tuple[np.ndarray, int]:
    """Colours, and how many calls it took; `worn`: after 2^31 searches."""
    graph = graph_of(bonds)
    work = kernel.work(graph)
    if worn:
        work.stamp[0] = 2**32 - 2
        work.mark[:] = 2 + np.arange(bonds.sites) * 7 % 30
    colours = np.full((len(keys), bonds.sites), 255, np.uint8)
    calls = 1
    while kernel.draw(colours, graph, work, bonds.states, keys, budget) < len(keys):
        calls += 1
    return colours, calls


def keys_for(replicas: int, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, size=(replicas, 4), dtype=U)


@pytest.mark.parametrize("bonds", TWINS)
def test_the_kernel_is_its_slow_twin_bit_for_bit(bonds: Ferromagnet) -> None:
    keys, graph = keys_for(30), graph_of(bonds)
    fast, _ = kernel_draws(bonds, keys, 10**9)
    for row, key in zip(fast, keys, strict=True):
        chain = from_the_past(graph, bonds.sites, key)
        twin = coloured(chain, graph, bonds.sites, bonds.states, key)
        assert row.tolist() == twin


def test_the_generators_are_the_published_ones() -> None:
    """First words of SplitMix64 from 0 and of xoshiro256++ from 1, 2, 3, 4."""
    assert mixed(0x9E3779B97F4A7C15) == 0xE220A8397B1DCDAF
    assert next(xoshiro([1, 2, 3, 4])) == 41943041


@pytest.mark.parametrize("bonds", TWINS)
def test_neither_the_budget_nor_the_company_changes_a_draw(bonds: Ferromagnet) -> None:
    """No call is long, and a replica may begin its doubling anywhere."""
    keys = keys_for(60)
    whole, calls = kernel_draws(bonds, keys, 10**9)
    assert calls == 1
    pieces, calls = kernel_draws(bonds, keys, 3)
    assert calls > 2 * len(keys)
    assert (pieces == whole).all()
    alone = [kernel_draws(bonds, keys[k : k + 1], 10**9)[0][0] for k in range(60)]
    assert (np.array(alone) == whole).all()


def test_marks_survive_the_end_of_the_counter() -> None:
    """After 2^31 searches the numbers begin again: old marks must be gone."""
    bonds = ferromagnet(Ising((4, 4)), 0.3)
    for key in keys_for(100):
        fresh, _ = kernel_draws(bonds, key[None], 10**9)
        late, _ = kernel_draws(bonds, key[None], 10**9, worn=True)
        assert (late == fresh).all()


# Four classic errors, on the complete graph of four sites with 20 colours ------------

FULL = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
BONDS, OPEN = len(FULL), 0.75
CLIQUE = plain(FULL, 4, -math.log(1 - OPEN), 20)
BETWEEN = OPEN / (OPEN + CLIQUE.states * (1 - OPEN))
RUNS = 150_000
STATES = np.arange(2**BONDS)  # bond b is open where bit b is set
ROOTS = np.array(
    [roots([bool(s >> b & 1) for b in range(BONDS)], CLIQUE.pairs, 4) for s in STATES]
)


def renewed(chain: np.ndarray, bond: int, u: np.ndarray) -> np.ndarray:
    """The heat bath of one bond in many runs."""
    bit = 1 << bond
    root = ROOTS[chain & ~bit]
    one, two = FULL[bond]
    p = np.where(root[:, one] == root[:, two], OPEN, BETWEEN)
    return np.where(u < p, chain | bit, chain & ~bit)


def both_ends(runs: int) -> tuple[np.ndarray, np.ndarray]:
    return np.full(runs, 2**BONDS - 1), np.zeros(runs, int)


def swept(runs: int, sweeps: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    upper, lower = both_ends(runs)
    for _ in range(sweeps):
        for bond in range(BONDS):
            u = rng.random(runs)
            upper, lower = renewed(upper, bond, u), renewed(lower, bond, u)
    return upper, lower


def forward(rng: np.random.Generator) -> np.ndarray:
    """Stops when the chains meet: a time that depends on the state."""
    met: list[np.ndarray] = []
    upper, lower = both_ends(RUNS)
    while len(upper):
        bond = len(met) % BONDS
        u = rng.random(len(upper))
        upper, lower = renewed(upper, bond, u), renewed(lower, bond, u)
        met.append(upper[upper == lower])
        apart = upper != lower
        upper, lower = upper[apart], lower[apart]
    return np.concatenate(met)


def forgetful(rng: np.random.Generator) -> np.ndarray:
    """Draws the recent past again with every doubling."""
    found: list[np.ndarray] = []
    runs, sweeps = RUNS, 1
    while runs:
        upper, lower = swept(runs, sweeps, rng)
        found.append(upper[upper == lower])
        runs -= len(found[-1])
        sweeps *= 2
    return np.concatenate(found)


def impatient(rng: np.random.Generator) -> np.ndarray:
    """Gives up on every run that takes longer than two sweeps."""
    upper, lower = swept(RUNS, 2, rng)
    return upper[upper == lower]


def trusting(rng: np.random.Generator) -> np.ndarray:
    """Takes the upper chain after two sweeps without asking the lower one."""
    return swept(RUNS, 2, rng)[0]


def clique_p_value(colours: np.ndarray) -> float:
    """χ² of the number of equal pairs."""
    every = potts_exponent(all_colours(CLIQUE), CLIQUE)
    strength = CLIQUE.strengths[0]
    equal = np.rint(potts_exponent(colours, CLIQUE) / strength)
    return p_value(equal, np.rint(every / strength), normalized(every))


def test_the_past_gives_the_law() -> None:
    drawn = draw_colours(CLIQUE, RUNS, rng=np.random.default_rng(12))
    assert clique_p_value(drawn) > LEVEL


@pytest.mark.parametrize("method", [forward, forgetful, impatient, trusting])
def test_classic_errors_are_seen(method: Any) -> None:
    rng = np.random.default_rng(12)
    chains = method(rng)
    palette = rng.integers(0, CLIQUE.states, size=(len(chains), 4))
    colours = np.take_along_axis(palette, ROOTS[chains], axis=1)
    assert clique_p_value(colours) < SEEN


# Larger lattices ----------------------------------------------------------------------


def energies(shape: tuple[int, int], coupling: float, draws: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    sampler = Perfect(Ising(shape), coupling, draws)
    spins = sampler.step(sampler.init(rng=rng), rng=rng).values
    return sampler.model.energy(spins)


def energy_pulls(shape: tuple[int, int], coupling: float, x: np.ndarray) -> list[float]:
    """Mean and variance against the exact torus, in standard errors."""
    exact = torus(shape, coupling)
    variance = exact.heat_capacity / coupling**2 / math.prod(shape)
    squares = (x - exact.energy) ** 2
    return [
        (x.mean() - exact.energy) / math.sqrt(variance / len(x)),
        (squares.mean() - variance) / (squares.std() / math.sqrt(len(x))),
    ]


@pytest.mark.parametrize("shape", [(8, 8), (6, 5)])
def test_energy_and_heat_capacity_are_those_of_the_torus(
    shape: tuple[int, int],
) -> None:
    """10 000 draws, level z = 4.5; 2 % of the coupling are nine errors or more."""
    x = energies(shape, K_C, 10_000)
    assert max(abs(pull) for pull in energy_pulls(shape, K_C, x)) < 4.5
    wrong = energies(shape, 1.02 * K_C, 10_000)
    assert abs(energy_pulls(shape, K_C, wrong)[0]) > 4.5


def test_replicas_and_steps_are_independent() -> None:
    """Correlation of neighbouring rows and of successive steps, level z = 4.5."""
    rng = np.random.default_rng(4)
    sampler = Perfect(Ising((8, 8)), K_C, 5000)
    one = sampler.step(sampler.init(rng=rng), rng=rng)
    two = sampler.step(one, rng=rng)
    x, y = (sampler.model.energy(state.values) for state in (one, two))
    assert abs(correlation_z(x[1:], x[:-1])) < 4.5
    assert abs(correlation_z(x, y)) < 4.5
    assert abs(correlation_z(x, y + 0.1 * x)) > 4.5  # a tenth of the old draw is seen


def correlation_z(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.corrcoef(x, y)[0, 1]) * math.sqrt(len(x))


@pytest.mark.slow
@pytest.mark.parametrize("coupling", [0.3, K_C, 0.6])
def test_energies_of_64_by_64(coupling: float) -> None:
    """500 draws, level z = 4.5."""
    x = energies((64, 64), coupling, 500)
    assert max(abs(pull) for pull in energy_pulls((64, 64), coupling, x)) < 4.5


# Corners and borders ------------------------------------------------------------------


def test_infinite_temperature_draws_fair_spins() -> None:
    """All 2^6 states are equally likely: χ² of 63 degrees, level z = 4.5."""
    rng = np.random.default_rng(5)
    sampler = Perfect(Ising((2, 3), field=2.0), 0.0, 6400)
    rows = sampler.packed(sampler.step(sampler.init(rng=rng), rng=rng))
    counts = np.bincount(rows[:, 0] >> 2, minlength=64)
    assert abs(((counts - 100) ** 2 / 100).sum() - 63) < 4.5 * math.sqrt(2 * 63)


@pytest.mark.parametrize("coupling", [40.0, 400.0, 1e300])
@pytest.mark.parametrize("model", [Ising((4, 6)), Ising((3, 3), "triangular")])
def test_zero_temperature_draws_ground_states(model: Ising, coupling: float) -> None:
    """Both of them, fairly: 400 draws, level z = 4.5."""
    rng = np.random.default_rng(6)
    sampler = Perfect(model, coupling, 400)
    spins = sampler.step(sampler.init(rng=rng), rng=rng).values
    m = spins.reshape(400, -1).mean(axis=1)
    assert (abs(m) == 1).all()
    assert abs(m.sum()) < 4.5 * 20


@pytest.mark.parametrize("field", [0.5, -0.5])
def test_a_field_picks_the_ground_state(field: float) -> None:
    rng = np.random.default_rng(6)
    sampler = Perfect(Ising((3, 4), field=field), 60.0, 100)
    spins = sampler.step(sampler.init(rng=rng), rng=rng).values
    assert (spins == np.sign(field)).all()


def test_a_gauge_satisfies_every_bond() -> None:
    rng = np.random.default_rng(8)
    hidden = rng.choice([-1, 1], size=30)
    pairs = rng.integers(0, 30, size=(60, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    signs = hidden[pairs[:, 0]] * hidden[pairs[:, 1]]
    gauge = gauge_signs(pairs, signs, 30)
    assert gauge is not None
    assert (gauge[pairs[:, 0]] * gauge[pairs[:, 1]] == signs).all()
    ring = np.array([(0, 1), (1, 2), (2, 0)])
    assert gauge_signs(ring, np.array([1, -1, 1]), 3) is None
    assert gauge_signs(ring, np.array([-1, -1, 1]), 3) is not None


def test_one_seed_makes_the_draws() -> None:
    sampler = Perfect(Ising((6, 6)), K_C, 20)
    assert isinstance(sampler, Sampler)

    def run(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        state = sampler.init(rng=rng)
        return sampler.packed(sampler.step(sampler.step(state, rng=rng), rng=rng))

    assert (run(1) == run(1)).all()
    assert (run(1) != run(2)).any()


def test_a_step_forgets_its_state_and_leaves_it_alone() -> None:
    sampler = Perfect(Ising((4, 6)), K_C, 20)
    cold = np.ones((20, 4, 6), np.int8)
    state = sampler.init(rng=np.random.default_rng(1), values=cold)
    hot = sampler.init(rng=np.random.default_rng(1))
    after = sampler.step(state, rng=np.random.default_rng(2), sweeps=3)
    again = sampler.step(hot, rng=np.random.default_rng(2))
    assert (after.values == again.values).all()
    assert (sampler.spins(state) == 1).all()
    same = sampler.step(state, rng=np.random.default_rng(2), sweeps=0)
    assert (same.values == 1).all()
    assert after.values.dtype == np.int8
    bits = np.packbits(after.values.reshape(20, -1) > 0, axis=1)
    assert (sampler.packed(after) == bits).all()


def test_a_potts_model_gives_its_bonds() -> None:
    """Energy of 4000 draws by the model's own hand; the law is that of `POTTS`."""
    model = Potts((3, 3), 3)
    bonds, twin = ferromagnet(model, POTTS_C), square((3, 3), POTTS_C, 3)
    assert (bonds.pairs == twin.pairs).all()
    assert (bonds.strengths == twin.strengths).all()
    assert bonds.states == 3
    sampler = Perfect(model, POTTS_C, 4000)
    rng = np.random.default_rng(1)
    state = sampler.step(sampler.init(rng=rng), rng=rng)
    exponent = potts_exponent(state.values.reshape(4000, -1), bonds)
    assert np.allclose(-9 * POTTS_C * model.energy(state.values), exponent)
    assert state.values.dtype == np.uint8
    assert (sampler.packed(state) == state.values).all()
    again = sampler.init(rng=rng, values=state.values.astype(int))
    assert (sampler.spins(again) == state.values).all()
    with pytest.raises(ValueError, match="must be whole numbers 0 to 2, got 3"):
        sampler.init(rng=rng, values=state.values + 1)


FRUSTRATED = [
    (Ising((3, 4)), -0.4),
    (Ising((3, 3), "triangular"), -0.4),
    (Ising((4, 4), field=0.1), -0.4),
    (Ising((4, 4), second=-0.1), 0.4),
    (Ising((4, 4), second=0.1), -0.4),
]


@pytest.mark.parametrize(("model", "coupling"), FRUSTRATED)
def test_frustration_is_refused_in_a_sentence(model: Ising, coupling: float) -> None:
    with pytest.raises(ValueError, match="can all be satisfied at once, got couplings"):
        Perfect(model, coupling, 1)


@pytest.mark.parametrize(
    ("model", "coupling", "replicas", "sentence"),
    [
        (Ising((4, 4)), math.nan, 1, "must be a finite number, got nan"),
        (Ising((4, 4)), 0.4, 0, "replicas must be a whole number of at least 1"),
        (Potts((4, 4), 3), -0.4, 1, "need K >= 0, got -0.4"),
        (XY((4, 4)), 0.4, 1, "needs an Ising or Potts model, got 'xy'"),
    ],
)
def test_bad_settings_are_refused_in_a_sentence(
    model: Any, coupling: float, replicas: int, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        Perfect(model, coupling, replicas)


@pytest.mark.parametrize(
    ("pairs", "strengths", "states", "sentence"),
    [
        ([(0, 1)], [-0.1], 2, "must be at least 0, got -0.1"),
        ([(0, 1)], [math.nan], 2, "must be at least 0, got nan"),
        ([(0, 0)], [0.1], 2, "two different sites numbered 0 to 2"),
        ([(0, 3)], [0.1], 2, "two different sites numbered 0 to 2"),
        ([(0, 1)], [0.1, 0.2], 2, "one strength each"),
        ([(0, 1)], [0.1], 1, "2 to 255 colours, got 1"),
        ([(0, 1)], [0.1], 256, "2 to 255 colours, got 256"),
    ],
)
def test_bad_bonds_are_refused_in_a_sentence(
    pairs: Any, strengths: Any, states: int, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        Ferromagnet(np.array(pairs), np.array(strengths), np.ones(3, np.int8), states)


def test_no_call_of_the_kernel_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work of a call stays near the budget: Ctrl-C is felt between calls."""
    calls = []
    draw = kernel.draw

    def counted(*arguments: Any) -> int:
        calls.append(arguments[-1])
        return draw(*arguments)

    monkeypatch.setattr(perfect, "BUDGET", 1000)
    monkeypatch.setattr(kernel, "draw", counted)
    bonds = ferromagnet(Ising((16, 16)), K_C)
    short = draw_colours(bonds, 3, rng=np.random.default_rng(9))
    assert len(calls) > 30
    monkeypatch.undo()
    assert (short == draw_colours(bonds, 3, rng=np.random.default_rng(9))).all()
