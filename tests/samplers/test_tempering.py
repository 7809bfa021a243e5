"""Parallel tempering against the exact joint law of its rungs, and its error bars.

Independent draws of the product of Boltzmann laws, by enumeration, go through exchanges
and sweeps and are compared with that product by χ² at level 1e-4. Rejected at 1e-6 are
the controls: swaps with energies per site, swaps that do not look at K, and couplings
that are 2 % off, be it those of the swaps alone or all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, jackknife
from kadanoff.exact import phi4
from kadanoff.exact.enumerate import all_states, moments
from kadanoff.models.forest_fire import ForestFire
from kadanoff.models.ising import Ising
from kadanoff.models.phi4 import Phi4
from kadanoff.models.potts import Potts
from kadanoff.models.xy import XY
from kadanoff.samplers.hybrid import Hybrid
from kadanoff.samplers.ising import HeatBath
from kadanoff.samplers.metropolis import Metropolis
from kadanoff.samplers.multispin import Multispin, MultispinHeatBath
from kadanoff.samplers.potts import PottsHeatBath
from kadanoff.samplers.tempering import Tempering, exchanges, ladder
from kadanoff.samplers.xy import XYHeatBath

LADDERS = 64 * 1600
PAIR = (0.1, 0.35)
THREE = (0.05, 0.2, 0.4)
RUNS, CHAINS = 200, 32


@dataclass(frozen=True)
class PerSite(Ising):
    """The control: total energies that are energies per site."""

    def energy(self, values: np.ndarray) -> np.ndarray:
        return super().energy(values) / self.geometry.size


@dataclass(frozen=True)
class Still:
    """A kernel that leaves everything where it is."""

    model: Any
    coupling: float
    replicas: int

    def init(self, *, rng: Any, values: np.ndarray | None = None) -> np.ndarray:
        return self.model.hot(self.replicas, rng=rng) if values is None else values

    def step(self, state: np.ndarray, *, rng: Any, sweeps: int = 1) -> np.ndarray:
        return state

    def spins(self, state: np.ndarray) -> np.ndarray:
        return state.copy()


def boltzmann(model: Ising, coupling: float) -> tuple[np.ndarray, np.ndarray]:
    states = all_states(model.geometry.size).reshape(-1, *model.shape)
    weight = np.exp(-coupling * model.geometry.size * model.energy(states))
    return states, weight / weight.sum()


def exact_draws(
    model: Ising, couplings: tuple[float, ...], ladders: int = LADDERS, seed: int = 1
) -> np.ndarray:
    """Independent configurations on all rungs, `(rung, ladder, *lattice)`."""
    rng = np.random.default_rng(seed)
    laws = [boltzmann(model, k) for k in couplings]
    return np.stack(
        [states[rng.choice(len(states), ladders, p=law)] for states, law in laws]
    )


def energies(model: Ising, states: np.ndarray) -> np.ndarray:
    """Total energies: nothing tells couplings apart more sharply."""
    return np.rint(model.energy(states) * model.geometry.size).astype(int)


def labels(model: Ising, states: np.ndarray) -> np.ndarray:
    """Which class of equal energy and |M|, or simply which state of 2×2."""
    if model.geometry.size == 4:
        return (states.reshape(-1, 4) > 0) @ [8, 4, 2, 1]
    m = abs(states.reshape(len(states), -1).sum(axis=1, dtype=int))
    return 100 * energies(model, states) + m


def joint_p_value(
    model: Ising,
    couplings: tuple[float, ...],
    rungs: np.ndarray,
    label: Callable[[Ising, np.ndarray], np.ndarray] = labels,
) -> float:
    """χ² of the joint law of all rungs against the product of Boltzmann laws."""
    joint, law = np.zeros(rungs.shape[1], dtype=int), np.ones(1)
    for k, rows in zip(couplings, rungs, strict=True):
        states, weights = boltzmann(model, k)
        classes, index = np.unique(label(model, states), return_inverse=True)
        law = np.multiply.outer(law, np.bincount(index, weights=weights)).ravel()
        joint = joint * len(classes) + np.searchsorted(classes, label(model, rows))
    counts, expected = np.bincount(joint, minlength=len(law)), law * len(joint)
    often = expected >= 10
    observed = np.append(counts[often], counts[~often].sum())
    wanted = np.append(expected[often], expected[~often].sum())
    keep = wanted > 0
    statistic = ((observed - wanted)[keep] ** 2 / wanted[keep]).sum()
    return float(chi2.sf(statistic, keep.sum() - 1))


@pytest.mark.parametrize("shape", [(2, 2), (3, 3)])
@pytest.mark.parametrize("couplings", [PAIR, THREE, (0.3, 0.0, -0.2)])
def test_exchanges_keep_the_joint_law(
    shape: tuple[int, ...], couplings: tuple[float, ...]
):
    """Twice, so that the odd pairs have their turn."""

    def after(model: Ising) -> tuple[float, np.ndarray]:
        sampler = Tempering(model, couplings, LADDERS, Still)
        rng = np.random.default_rng(2)
        state = sampler.init(rng=rng, values=drawn)
        for _ in range(2):
            state = sampler.exchanged(state, rng=rng)
        p = joint_p_value(Ising(shape), couplings, sampler.all_spins(state))
        return p, state.exchanged

    drawn = exact_draws(Ising(shape), couplings)
    assert joint_p_value(Ising(shape), couplings, drawn) > 1e-4
    p, exchanged = after(Ising(shape))
    assert p > 1e-4
    assert (exchanged > LADDERS / 5).all()
    p, _ = after(PerSite(shape))
    assert p < 1e-6


def test_exchanges_look_at_the_couplings():
    """One exchange of a million ladders; the last control: K off by 2 %."""
    model, rng = Ising((2, 2)), np.random.default_rng(3)
    drawn = exact_draws(model, PAIR, 12 * LADDERS)
    total = np.stack([energies(model, rows) for rows in drawn])

    def after(couplings: tuple[float, float]) -> list[float]:
        swap = exchanges(couplings, total, first=0, rng=rng)[0][:, None, None]
        one, other = drawn
        rungs = np.stack([np.where(swap, other, one), np.where(swap, one, other)])
        return [joint_p_value(model, PAIR, rungs, by) for by in (labels, energies)]

    assert min(after(PAIR)) > 1e-4
    assert max(after((0.1, 0.1))) < 1e-6
    assert max(after((0.35, 0.1))) < 1e-6
    assert min(after((1.02 * 0.1, 1.02 * 0.35))) < 1e-6


@pytest.mark.parametrize(
    ("kernel", "couplings"),
    [
        (MultispinHeatBath, (0.0, 0.3)),
        (HeatBath, (0.0, 0.3)),
        (Multispin, PAIR),
        (Metropolis, (0.4, 0.1)),
    ],
)
def test_sweeps_and_exchanges_keep_the_joint_law(
    kernel: Callable[..., Any], couplings: tuple[float, ...]
):
    """Five times. The control: K of all rungs off by 2 %."""
    model = Ising((3, 3))
    drawn = exact_draws(model, couplings)

    def after(wrong: float, label: Callable[..., np.ndarray]) -> float:
        off = tuple(wrong * k for k in couplings)
        sampler = Tempering(model, off, LADDERS, kernel)
        rng = np.random.default_rng(4)
        state = sampler.init(rng=rng, values=drawn)
        state = sampler.step(state, rng=rng, sweeps=5)
        return joint_p_value(model, couplings, sampler.all_spins(state), label)

    assert after(1.0, labels) > 1e-4
    assert after(1.0, energies) > 1e-4
    assert after(1.02, energies) < 1e-6


def test_the_acceptance_is_the_exact_mean_of_its_probability():
    """⟨min(1, e^{ΔK ΔE})⟩ over all pairs of states; within 4.5 errors."""
    model = Ising((2, 2))
    states, cold = boltzmann(model, PAIR[1])
    _, warm = boltzmann(model, PAIR[0])
    energy = 4 * model.energy(states)
    gain = (PAIR[0] - PAIR[1]) * np.subtract.outer(energy, energy)
    exact = warm @ np.exp(np.minimum(gain, 0)) @ cold
    sampler = Tempering(model, PAIR, LADDERS, Still)
    rng = np.random.default_rng(5)
    state = sampler.init(rng=rng, values=exact_draws(model, PAIR))
    assert np.isnan(state.acceptance).all()
    share = sampler.exchanged(state, rng=rng).acceptance[0]
    assert abs(share - exact) < 4.5 * math.sqrt(exact * (1 - exact) / LADDERS)


def test_walkers_carry_their_configurations_and_trips_are_counted():
    sampler = Tempering(Ising((3, 3)), (0.0, 0.1, 0.2, 0.3), 20, Still)
    rng = np.random.default_rng(6)
    state = sampler.init(rng=rng)
    start, ladders = sampler.all_spins(state), np.arange(20)
    been = np.zeros((4, 20), int)  # 0: not yet at the first rung, 1: there, 2: beyond
    trips = np.zeros(20, int)
    been[0] = 1
    for _ in range(300):
        state = sampler.step(state, rng=rng)
        assert (np.sort(state.walkers, axis=0) == np.arange(4)[:, None]).all()
        assert (sampler.all_spins(state) == start[state.walkers, ladders]).all()
        for r in ladders:
            last, first = state.walkers[-1, r], state.walkers[0, r]
            been[last, r] += been[last, r] == 1
            trips[r] += been[first, r] == 2
            been[first, r] = 1
    assert (state.trips == trips).all()
    assert trips.min() > 0
    assert (state.tried == 3000).all()
    assert state.sweeps == 300


def test_pairs_take_turns():
    energies = np.zeros((5, 7))
    rng = np.random.default_rng(7)
    even = exchanges(range(5), energies, first=0, rng=rng)
    odd = exchanges(range(5), energies, first=1, rng=rng)
    assert even.all(axis=1).tolist() == [True, False, True, False]
    assert odd.all(axis=1).tolist() == [False, True, False, True]


def test_tempering_frees_what_the_heat_bath_alone_does_not():
    """4×4 at K = 1 from all up: ⟨m⟩ = 0 and the exact ⟨m²⟩ within 4.5 errors."""
    model, coupling, n = Ising((4, 4)), 1.0, 640
    alone = MultispinHeatBath(model, coupling, n)
    rng = np.random.default_rng(8)
    up = np.ones((n, 4, 4), np.int8)
    stuck = alone.step(alone.init(rng=rng, values=up), rng=rng, sweeps=200)
    assert alone.spins(stuck).mean() > 0.9

    ks = ladder(model, coupling, MultispinHeatBath)
    sampler = Tempering(model, ks, n, MultispinHeatBath)
    state = sampler.step(sampler.init(rng=rng, values=up), rng=rng, sweeps=200)
    m = sampler.spins(state).reshape(n, -1).mean(axis=1)
    assert abs(m.mean()) < 4.5 / math.sqrt(n)
    error = (m**2).std() / math.sqrt(n)
    assert abs((m**2).mean() - moments((4, 4), coupling).m2) < 4.5 * error
    assert state.trips.sum() > n


def test_fields_exchange_by_the_energy_that_is_conjugate_to_the_coupling():
    """φ⁴ on 2×2 against quadrature on both rungs, from cold starts."""
    model, n = Phi4((2, 2), 2.0), 8000
    sampler = Tempering(model, (0.1, 0.5), n, Hybrid)
    rng = np.random.default_rng(9)
    start = np.repeat(model.cold(1, 0.5), n, axis=0)
    state = sampler.step(sampler.init(rng=rng, values=start), rng=rng, sweeps=40)
    assert state.acceptance[0] > 0.3
    for k, fields in zip(sampler.couplings, sampler.all_spins(state), strict=True):
        exact = phi4.moments((2, 2), k, 2.0)
        series = model.observables(fields, k)
        for name, truth in (("phi_squared", exact.phi2), ("energy", exact.energy)):
            error = series[name].std() / math.sqrt(n)
            assert abs(series[name].mean() - truth) < 4.5 * error


# What error bars make of rungs that wander -----------------------------------------


def magnetization(ensemble: Ensemble) -> Estimate:
    return jackknife(lambda s: (s.mean(axis=(1, 2)).mean(),), lambda m: m, ensemble)


@cache
def wandering_rungs() -> np.ndarray:
    """Packed draws of two cold rungs from exact ones, `(rung, ladder, draw, bytes)`."""
    couplings, n = (0.55, 0.65), RUNS * CHAINS
    model, rng = Ising((4, 4)), np.random.default_rng(10)
    sampler = Tempering(model, couplings, n, MultispinHeatBath)
    drawn = exact_draws(model, couplings, n, seed=11)
    state, rows = sampler.init(rng=rng, values=drawn), []
    for _ in range(30):
        state = sampler.step(state, rng=rng)
        rows.append([sampler.packed_rung(state, k) for k in range(2)])
    return np.array(rows).transpose(1, 2, 0, 3)


def squared_scores(
    function: Callable[[Estimate, Estimate], Estimate], *, aligned: bool
) -> np.ndarray:
    """z² of a function of ⟨m⟩ = 0 on two rungs, one number per run of 32 ladders."""
    scores = []
    for run in range(RUNS):
        here = slice(run * CHAINS, (run + 1) * CHAINS)
        one, other = (
            Ensemble(rung[here], Ising((4, 4)).geometry, "pm1", "ladders")
            for rung in wandering_rungs()
        )
        if not aligned:
            other = replace(other, lineage="others")
        estimate = function(magnetization(one), magnetization(other))
        scores.append(float(estimate.value / estimate.error) ** 2)
    return np.array(scores)


def test_errors_of_a_difference_of_rungs_are_those_of_ladders():
    """⟨z²⟩ over 200 runs is (B - 1)/(B - 3) = 1.07 within 4.5 of its errors, 0.1.

    Configurations wander between the rungs, and their readings with them: taken for
    independent, the error of a difference is too large and that of a sum too small.
    """
    expected = 31 / 29
    for function in (lambda a, b: a - b, lambda a, b: a + b):
        scores = squared_scores(function, aligned=True)
        error = scores.std() / math.sqrt(len(scores))
        assert abs(scores.mean() - expected) < 4.5 * error
        assert 0.55 < (scores < 1).mean() < 0.82
    assert squared_scores(lambda a, b: a - b, aligned=False).mean() < 0.6
    assert squared_scores(lambda a, b: a + b, aligned=False).mean() > 1.4


# Ladders ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "coupling", "kernel"),
    [
        (Ising((8, 8)), 0.44, MultispinHeatBath),
        (Ising((16, 16)), -0.5, MultispinHeatBath),
        (Ising((8, 8), "triangular"), -1.0, HeatBath),
        (Potts((8, 8), 3), 1.0, PottsHeatBath),
        (XY((8, 8)), 1.1, XYHeatBath),
        (Phi4((8, 8), 1.0), 0.7, Hybrid),
    ],
)
def test_neighbours_on_a_ladder_exchange_often(
    model: Any, coupling: float, kernel: Callable[..., Any]
):
    couplings = ladder(model, coupling, kernel)
    assert (couplings[0], couplings[-1]) == (0.0, coupling)
    sampler = Tempering(model, couplings, 128, kernel)
    rng = np.random.default_rng(12)
    state = sampler.step(sampler.init(rng=rng), rng=rng, sweeps=60)
    assert state.acceptance.min() > 0.3
    assert state.acceptance.max() < 0.6


def test_the_number_of_rungs_grows_with_the_square_root_of_the_volume():
    few, many = (
        len(ladder(Ising((side, side)), 0.3, MultispinHeatBath)) for side in (16, 32)
    )
    assert abs((many - 1) / (few - 1) - 2) < 0.25


def test_one_seed_makes_a_ladder():
    one, again, other = (
        ladder(Ising((6, 6)), 0.4, MultispinHeatBath, seed=s) for s in (1, 1, 2)
    )
    assert one == again != other


# The frame --------------------------------------------------------------------------


def test_a_step_leaves_its_state_and_repeats():
    sampler = Tempering(Ising((4, 4)), (0.1, 0.3, 0.5), 64, MultispinHeatBath)
    state = sampler.init(rng=np.random.default_rng(13))
    before = sampler.all_spins(state)
    one, other = (
        sampler.step(state, rng=np.random.default_rng(14), sweeps=5) for _ in range(2)
    )
    assert (sampler.all_spins(state) == before).all()
    assert (sampler.all_spins(one) == sampler.all_spins(other)).all()
    assert (sampler.all_spins(one) != before).any()
    assert sampler.step(one, rng=np.random.default_rng(1), sweeps=0) is one
    assert (state.sweeps, one.sweeps) == (0, 5)
    assert one.tried.tolist() == [3 * 64, 2 * 64]


@pytest.mark.parametrize(("target", "rung"), [(-1, 2), (0, 0), (1, 1)])
def test_the_target_is_what_is_recorded(target: int, rung: int):
    sampler = Tempering(Ising((4, 4)), (0.1, 0.3, 0.5), 64, MultispinHeatBath, target)
    state = sampler.init(rng=np.random.default_rng(15))
    assert sampler.coupling == (0.1, 0.3, 0.5)[rung]
    assert (sampler.packed(state) == sampler.packed_rung(state, rung)).all()
    assert (sampler.spins(state) == sampler.all_spins(state)[rung]).all()
    assert (sampler.packed(state) != sampler.packed_rung(state, rung - 1)).any()


def test_all_rungs_or_one_configuration_per_ladder_start_a_state():
    sampler = Tempering(Ising((4, 4)), (0.1, 0.3), 64, MultispinHeatBath)
    rng = np.random.default_rng(16)
    values = sampler.all_spins(sampler.init(rng=rng))
    again = sampler.init(rng=rng, values=values)
    assert (sampler.all_spins(again) == values).all()
    alike = sampler.init(rng=rng, values=values[0])
    assert (sampler.all_spins(alike) == values[0]).all()
    with pytest.raises(ValueError, match="one row for each of 2 rungs"):
        sampler.init(rng=rng, values=values[:1])


@pytest.mark.parametrize("couplings", [(0.1,), (), (0.1, 0.1), (0.1, 0.3, 0.2)])
def test_couplings_must_be_in_order(couplings: tuple[float, ...]):
    with pytest.raises(ValueError, match="two or more couplings in order"):
        Tempering(Ising((4, 4)), couplings, 64, MultispinHeatBath)


def test_bad_settings_get_a_sentence():
    with pytest.raises(ValueError, match="one of 2 rungs, got 2"):
        Tempering(Ising((4, 4)), (0.1, 0.2), 64, MultispinHeatBath, target=2)
    with pytest.raises(ValueError, match="model with an energy, got 'forest-fire'"):
        Tempering(ForestFire((4, 4)), (1.0, 2.0), 64, Still)
    with pytest.raises(ValueError, match="use the heat bath"):
        Tempering(Ising((4, 4)), (0.0, 0.2), 64, Multispin)
    with pytest.raises(ValueError, match="different ones"):
        ladder(Ising((4, 4)), 0.0, MultispinHeatBath)
    sampler = Tempering(Ising((4, 4)), (0.1, 0.2), 64, MultispinHeatBath)
    rng = np.random.default_rng(17)
    with pytest.raises(ValueError, match="sweeps must be a whole number"):
        sampler.step(sampler.init(rng=rng), rng=rng, sweeps=-1)
