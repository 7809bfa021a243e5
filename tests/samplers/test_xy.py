"""XY samplers keep the Boltzmann law; the ring is exact.

Stationarity: independent exact draws (von Mises along a tree of bonds, the others by
rejection) go through five sweeps. ⟨E⟩ and ⟨E²⟩ are known from ln Z, a contraction of
bonds, and |m|² must on average be where it was. Level z = 4.5 for each of three
numbers at fixed seeds; power: a kernel whose coupling is wrong by 2 % must fail.

So it is by χ²: two spins, the smallest lattice, against the von Mises law of their
angle; 2×2 and a frustrated ring, energy and |m|² together, against four times as many
independent draws. Level 1e-4; the kernel that is wrong by 2 % must fail at 1e-6.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain, product
from typing import Any

import numpy as np
import pytest
from numba import njit
from scipy.special import i0e, i1e, iv
from scipy.stats import chi2, kstest, vonmises

from kadanoff.kernels import xy as kernel
from kadanoff.models.lattice import bond_pairs
from kadanoff.models.xy import XY
from kadanoff.samplers.tempering import Tempering
from kadanoff.samplers.xy import XYHeatBath, XYSwendsenWang, XYWolff

DRAWS = 100_000
SWEEPS = 5
CLUSTERS = [XYSwendsenWang, XYWolff]


def only_heat_bath(model: XY, coupling: float, replicas: int) -> XYHeatBath:
    return XYHeatBath(model, coupling, replicas, reflections=0)


UNFRUSTRATED = [
    (XY((2, 2)), 0.7),
    (XY((2, 2)), -0.7),
    (XY((5,)), 1.2),
    (XY((2, 2), "triangular"), 0.4),
    (XY((2, 2), "honeycomb"), -0.6),
]
FRUSTRATED = [(XY((2, 2), "triangular"), -0.68), (XY((5,)), -1.2)]
LONGEST = (UNFRUSTRATED[-1], FRUSTRATED[0])
CASES = [
    *[
        pytest.param(sampler, *case, marks=pytest.mark.slow if case in LONGEST else ())
        for sampler in (*CLUSTERS, XYHeatBath)
        for case in (*UNFRUSTRATED, *FRUSTRATED)
        if sampler is XYHeatBath or case in UNFRUSTRATED
    ],
    *[(only_heat_bath, *case) for case in (UNFRUSTRATED[1], FRUSTRATED[1])],
]


def tree_of_bonds(model: XY) -> tuple[list[Any], list[Any]]:
    """Bonds (parent, child, multiplicity) of a spanning tree, and all others."""
    pairs, counts = np.unique(bond_pairs(model.near), axis=0, return_counts=True)
    bonds = [(int(i), int(j), int(m)) for (i, j), m in zip(pairs, counts, strict=True)]
    reached, tree = {0}, []
    while len(reached) < model.geometry.size:
        for i, j, m in bonds:
            if (i in reached) != (j in reached):
                tree.append((i, j, m) if i in reached else (j, i, m))
                reached |= {i, j}
    taken = {frozenset(bond[:2]) for bond in tree}
    return tree, [bond for bond in bonds if frozenset(bond[:2]) not in taken]


@lru_cache
def exact_draws(model: XY, coupling: float, count: int, seed: int) -> np.ndarray:
    """Independent draws of the law, `(count, *lattice)`."""
    rng = np.random.default_rng(seed)
    tree, rest = tree_of_bonds(model)
    turn = 0.0 if coupling > 0 else np.pi
    kept: list[np.ndarray] = []
    while sum(map(len, kept)) < count:
        angles = np.empty((model.geometry.size, count))
        angles[0] = rng.uniform(-np.pi, np.pi, count)
        for parent, child, m in tree:
            bent = rng.vonmises(turn, m * abs(coupling), count)
            angles[child] = angles[parent] + bent
        exponent = np.zeros(count)
        for i, j, m in rest:
            exponent += m * (coupling * np.cos(angles[i] - angles[j]) - abs(coupling))
        kept.append(angles[:, rng.random(count) < np.exp(exponent)].T)
    draws = np.concatenate(kept)[:count]
    wrapped = np.mod(draws + np.pi, 2 * np.pi) - np.pi
    return wrapped.reshape(count, *model.geometry.lattice)


def log_z(model: XY, coupling: float) -> float:
    """ln Z by contracting the bonds with 20 directions: exact to I_20(K)."""
    angles = 2 * np.pi * np.arange(20) / 20
    cosines = np.cos(angles[:, None] - angles)
    operands: list[Any] = []
    for i, j, m in chain.from_iterable(tree_of_bonds(model)):
        operands += [np.exp(m * coupling * cosines), [i, j]]
    return float(np.log(np.einsum(*operands, [], optimize=("greedy", 10**7))))


@lru_cache
def energy_moments(model: XY, coupling: float) -> tuple[float, float]:
    """⟨E⟩ and ⟨E²⟩ from differences of ln Z, to 1e-6."""
    h = 3e-4
    below, here, above = (log_z(model, coupling + k * h) for k in (-1, 0, 1))
    mean = (below - above) / (2 * h)
    return mean, (below - 2 * here + above) / h**2 + mean**2


def readings(model: XY, angles: np.ndarray) -> np.ndarray:
    series = model.observables(angles, 1.0)
    return np.stack([series["energy"], series["m_squared"]], axis=1)


def z_after_five_sweeps(
    sampler: Any, model: XY, coupling: float, wrong: float
) -> np.ndarray:
    """z of E and E² against the truth, and of |m|² against where it started."""
    rng = np.random.default_rng(10)
    kernel = sampler(model, wrong * coupling, replicas=DRAWS)
    start = kernel.init(rng=rng, values=exact_draws(model, coupling, DRAWS, 1))
    state = kernel.step(start, rng=rng, sweeps=SWEEPS)
    energy, order = readings(model, state.values).T
    energy = energy * model.geometry.size
    mean, square = energy_moments(model, coupling)
    moved = order - readings(model, start.values)[:, 1]
    columns = np.stack([energy - mean, energy**2 - square, moved])
    return columns.mean(axis=1) / columns.std(axis=1) * np.sqrt(DRAWS)


@pytest.mark.parametrize(("sampler", "model", "coupling"), CASES)
def test_boltzmann_law_is_stationary(sampler, model, coupling):
    assert abs(z_after_five_sweeps(sampler, model, coupling, wrong=1.0)).max() < 4.5


@pytest.mark.parametrize(("sampler", "model", "coupling"), CASES)
def test_two_percent_of_the_coupling_are_seen(sampler, model, coupling):
    assert abs(z_after_five_sweeps(sampler, model, coupling, wrong=1.02)).max() > 4.5


# By χ² ------------------------------------------------------------------------------

MANY = 400_000
DIMER = (XY((2,)), 1.0)
SQUARE, ANTI, TRIANGLE = UNFRUSTRATED[0], UNFRUSTRATED[1], (XY((3,)), -2.5)
ROWS, COLUMNS = 5, 4  # quantiles of the energy, and of |m|² in each


def after_sweeps(
    sampler: Any, model: XY, coupling: float, *, wrong: float, sweeps: int = SWEEPS
) -> np.ndarray:
    """Angles that were exact draws, after some sweeps at `wrong * coupling`."""
    rng = np.random.default_rng(11)
    kernel = sampler(model, wrong * coupling, replicas=MANY)
    state = kernel.init(rng=rng, values=exact_draws(model, coupling, MANY, 1))
    return kernel.spins(kernel.step(state, rng=rng, sweeps=sweeps))


def p_of_the_dimer(angles: np.ndarray, coupling: float) -> float:
    """χ² of the angle between two spins: von Mises with 2K, the bond is double."""
    turn = np.mod(angles[:, 1] - angles[:, 0] + np.pi, 2 * np.pi) - np.pi
    edges = vonmises.ppf(np.arange(1, 12) / 12, 2 * coupling)
    seen = np.bincount(np.searchsorted(edges, turn), minlength=12)
    due = len(turn) / 12
    return float(chi2.sf(((seen - due) ** 2 / due).sum(), 11))


@pytest.mark.parametrize("sampler", [*CLUSTERS, XYHeatBath])
def test_the_law_of_two_spins_is_stationary(sampler):
    for wrong, passes in ((1.0, True), (1.02, False)):
        angles = after_sweeps(sampler, *DIMER, wrong=wrong, sweeps=12)
        p = p_of_the_dimer(angles, DIMER[1])
        assert p > 1e-4 if passes else p < 1e-6


@pytest.mark.slow
def test_tempering_keeps_the_law_of_two_spins():
    """On both rungs, of the product law; what ends is an exchange."""
    model, couplings = DIMER[0], (0.7, 1.0)
    start = np.stack([exact_draws(model, k, MANY, 1) for k in couplings])
    start[0] = start[0, ::-1]  # the draws of one seed are alike on both rungs
    for wrong, passes in ((1.0, True), (1.02, False)):
        wrongs = tuple(wrong * k for k in couplings)
        sampler = Tempering(model, wrongs, MANY, XYHeatBath)
        rng = np.random.default_rng(12)
        state = sampler.step(sampler.init(rng=rng, values=start), rng=rng, sweeps=2)
        assert state.acceptance[0] > 0.3
        for k, angles in zip(couplings, sampler.all_spins(state), strict=True):
            p = p_of_the_dimer(angles, k)
            assert p > 1e-4 if passes else p < 1e-6


def cells(model: XY, coupling: float, angles: np.ndarray) -> np.ndarray:
    """Counts in cells of energy and |m|² that a pilot finds about equally likely."""
    energy, order = readings(model, angles).T
    row_edges, column_edges = quantiles(model, coupling)
    row = np.searchsorted(row_edges, energy)
    column = (order[:, None] > column_edges[row]).sum(axis=1)
    return np.bincount(COLUMNS * row + column, minlength=ROWS * COLUMNS)


@lru_cache
def quantiles(model: XY, coupling: float) -> tuple[np.ndarray, np.ndarray]:
    """Edges of the energy `(row,)` and of |m|² `(row, column)`, by draws of a pilot."""
    energy, order = readings(model, exact_draws(model, coupling, 20_000, 2)).T
    row_edges = np.quantile(energy, np.arange(1, ROWS) / ROWS)
    row = np.searchsorted(row_edges, energy)
    parts = np.arange(1, COLUMNS) / COLUMNS
    column_edges = [np.quantile(order[row == k], parts) for k in range(ROWS)]
    return row_edges, np.array(column_edges)


@lru_cache
def expected(model: XY, coupling: float) -> np.ndarray:
    """Counts of four times as many independent exact draws."""
    parts = (exact_draws.__wrapped__(model, coupling, MANY, k) for k in range(3, 7))
    return sum((cells(model, coupling, part) for part in parts), np.zeros(1))


def p_of_two_samples(seen: np.ndarray, reference: np.ndarray) -> float:
    """χ² of two histograms with one law, Σ (√(n'/n) a - √(n/n') b)²/(a + b)."""
    ratio = np.sqrt(reference.sum() / seen.sum())
    terms = (ratio * seen - reference / ratio) ** 2 / (seen + reference)
    return float(chi2.sf(terms.sum(), len(seen) - 1))


@pytest.mark.parametrize(
    ("sampler", "case"),
    [
        *product((*CLUSTERS, XYHeatBath, only_heat_bath), (SQUARE, ANTI)),
        (XYHeatBath, TRIANGLE),
    ],
)
@pytest.mark.slow
def test_the_law_of_energy_and_order_is_stationary(sampler, case):
    reference = expected(*case)
    for wrong, passes in ((1.0, True), (1.02, False)):
        model, coupling = case
        seen = cells(model, coupling, after_sweeps(sampler, *case, wrong=wrong))
        p = p_of_two_samples(seen, reference)
        assert p > 1e-4 if passes else p < 1e-6


def ring_energy(coupling: float, sites: int) -> float:
    """-∂ ln Z/∂K/N with the characters of the circle, Z = Σ_n I_n(K)^N."""
    n = np.arange(-60, 61)
    weights = iv(n, coupling)
    slopes = (iv(n - 1, coupling) + iv(n + 1, coupling)) / 2
    return -(weights ** (sites - 1) * slopes).sum() / (weights**sites).sum()


@pytest.mark.parametrize("sampler", [*CLUSTERS, XYHeatBath])
@pytest.mark.parametrize("coupling", [1.5, -1.5])
def test_the_ring(sampler, coupling):
    """Energy of 1024 chains, half from cold: z = 4.5; the control is 2 % of K."""
    model = XY((16,))
    kernel = sampler(model, coupling, replicas=1024)
    rng = np.random.default_rng(13)
    values = model.hot(1024, rng=rng)
    values[::2] = model.cold(512, coupling)
    state = kernel.step(kernel.init(rng=rng, values=values), rng=rng, sweeps=100)
    means = np.zeros(1024)
    for _ in range(20):
        state = kernel.step(state, rng=rng, sweeps=5)
        means += model.energy(kernel.spins(state)) / 20
    error = means.std(ddof=1) / np.sqrt(1024)
    exact, control = (ring_energy(k * coupling, 16) for k in (1.0, 1.02))
    assert abs(means.mean() - exact) < 4.5 * error
    assert abs(means.mean() - control) > 4.5 * error
    # The direction is forgotten: every angle is uniform, level 1e-5.
    turned = (state.values[:, 0] + np.pi) / (2 * np.pi)
    assert kstest(turned, "uniform")[1] > 1e-5


def test_a_long_ring_has_the_energy_of_the_open_chain():
    for coupling in (0.3, 1.5, -2.0):
        open_chain = -i1e(coupling) / i0e(coupling)
        assert abs(ring_energy(coupling, 200) - open_chain) < 1e-12


def test_contracted_bonds_are_the_ring():
    """2×2 sites are a ring of four with double bonds."""
    for coupling in (0.8, -0.8):
        five, _ = energy_moments(XY((5,)), coupling)
        assert abs(five - 5 * ring_energy(coupling, 5)) < 1e-6
        four, _ = energy_moments(XY((2, 2)), coupling)
        assert abs(four - 8 * ring_energy(2 * coupling, 4)) < 1e-6


def test_three_samplers_agree_near_the_transition():
    """8×8 at K = 1.1, energy and |m|²: z = 4.5; the control is 2 % of K."""
    value, error = long_run(XYSwendsenWang, 1.1)
    for other in (XYWolff, XYHeatBath):
        theirs, their_error = long_run(other, 1.1)
        assert (abs(theirs - value) < 4.5 * np.hypot(their_error, error)).all()
    elsewhere, their_error = long_run(XYSwendsenWang, 1.122)
    assert (abs(elsewhere - value) > 4.5 * np.hypot(their_error, error)).any()


def long_run(sampler: Any, coupling: float) -> tuple[np.ndarray, np.ndarray]:
    """Means of energy and |m|² over 512 chains, and their errors."""
    model = XY((8, 8))
    kernel = sampler(model, coupling, replicas=512)
    rng = np.random.default_rng(14)
    state = kernel.step(kernel.init(rng=rng), rng=rng, sweeps=100)
    means = np.zeros((512, 2))
    for _ in range(20):
        state = kernel.step(state, rng=rng, sweeps=4)
        means += readings(model, state.values) / 20
    return means.mean(axis=0), means.std(axis=0, ddof=1) / np.sqrt(512)


@njit
def collect(seed: Any, kappa: Any, count: Any) -> Any:
    state = (seed[0], seed[1], seed[2], seed[3])
    drawn = np.empty((count, 2))
    for k in range(count):
        state, drawn[k, 0], drawn[k, 1] = kernel._in_field(state, kappa)
    return drawn


@pytest.mark.parametrize("kappa", [0.0, 1e-9, 1e-3, 0.3, 1.0, 4.0, 30.0, 1e3, 1e12])
def test_angles_in_a_field_are_von_mises(kappa):
    """Kolmogorov–Smirnov at level 1e-4; the control has 10 % (and 0.1) more field."""
    seed = np.random.default_rng(15).integers(0, 2**64, size=4, dtype=np.uint64)
    versine, sine = collect(seed, kappa, 20_000).T
    assert np.allclose((1 - versine) ** 2 + sine**2, 1)
    # 2 κ (1 - cos t) does not cancel at large κ; where it is small, t is the angle.
    angle = 2 * np.arctan2(np.sign(sine) * np.sqrt(versine), np.sqrt(2 - versine))
    assert kstest(angle, law(kappa))[1] > 1e-4
    assert kstest(angle, law(1.1 * kappa + 0.1))[1] < 1e-4


def law(kappa: float) -> Any:
    """Distribution function; von Mises is normal to 1/κ."""
    if kappa == 0:
        return lambda t: (t + np.pi) / (2 * np.pi)
    return vonmises(kappa).cdf


@pytest.mark.parametrize("sampler", [*CLUSTERS, XYHeatBath])
def test_the_seed_makes_the_chain_and_states_stay(sampler):
    model = XY((4, 3), "honeycomb")
    kernel = sampler(model, 0.9, replicas=5)
    start = kernel.init(rng=np.random.default_rng(1))
    before = start.values.copy()
    ends = [
        kernel.step(start, rng=np.random.default_rng(seed), sweeps=9).values
        for seed in (2, 2, 3)
    ]
    assert (start.values == before).all()
    assert (ends[0] == ends[1]).all()
    assert (ends[0] != ends[2]).any()
    again = kernel.init(rng=np.random.default_rng(1), values=ends[0])
    assert (kernel.packed(again) == ends[0]).all()
    assert kernel.packed(again).dtype == kernel.spins(again).dtype == np.float32
    stayed = kernel.step(again, rng=np.random.default_rng(1), sweeps=0)
    assert (stayed.values == ends[0]).all()


def test_angles_of_a_cold_start_survive_a_step_of_no_sweeps():
    model = XY((6, 6))
    kernel = XYHeatBath(model, 1.0, replicas=64)
    rng = np.random.default_rng(2)
    for coupling in (1.0, -1.0):
        start = kernel.init(rng=rng, values=model.cold(64, coupling))
        assert (kernel.step(start, rng=rng, sweeps=0).values == start.values).all()


def test_bad_input_is_refused():
    for model in (XY((4, 4), "triangular"), XY((4, 5))):
        for sampler in CLUSTERS:
            with pytest.raises(ValueError, match=r"without odd rings.*'heat-bath'"):
                sampler(model, -0.5, 1)
        assert XYHeatBath(model, -0.5, 1).replicas == 1
    with pytest.raises(ValueError, match="other than 0, got 0"):
        XYWolff(XY((4, 4)), 0.0, 1)
    with pytest.raises(ValueError, match="clusters must be a whole number"):
        XYWolff(XY((4, 4)), 0.5, 1, clusters=0)
    with pytest.raises(ValueError, match="reflections must be a whole number"):
        XYHeatBath(XY((4, 4)), 0.5, 1, reflections=-1)
    rng = np.random.default_rng(1)
    kernel = XYHeatBath(XY((4, 4)), 0.5, 1)
    with pytest.raises(ValueError, match=r"= \(1, 4, 4\), got \(2, 4, 4\)"):
        kernel.init(rng=rng, values=np.zeros((2, 4, 4)))
    for strange in (4.0, -3.2, np.nan):
        with pytest.raises(ValueError, match=rf"in \[-π, π\), got {strange}"):
            kernel.init(rng=rng, values=np.full((1, 4, 4), strange))
