"""Reweighting against enumeration, the exact torus, pymbar, and itself done slowly.

Chains on 4×4 are drawn from exact weights. A correlated one keeps its state with
probability φ and draws a fresh one else, so that every observable has exactly
τ = (1 + φ)/(2 (1 - φ)).
"""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from instruments.exact_draws import all_states, boltzmann, draw, planted, rolled_sum

from kadanoff.ensemble import Ensemble
from kadanoff.exact.enumerate import log_partition, moments
from kadanoff.exact.kaufman import torus
from kadanoff.instruments import thermodynamics as thermo
from kadanoff.instruments.reweighting import Reweighted, reweight
from kadanoff.models.ising import Ising
from kadanoff.samplers.ising import SwendsenWang

SMALL = (4, 4)
STATES = all_states(SMALL)
ENERGY = -rolled_sum(STATES, "nn") / 16
FIELD = STATES.mean(axis=(1, 2), dtype=float)
READINGS = (
    "energy",
    "magnetization",
    "magnetization_squared",
    "heat_capacity",
    "susceptibility",
    "binder",
)


def truth(coupling: float) -> np.ndarray:
    """The readings of the 4×4 torus, by enumeration."""
    m = moments(SMALL, coupling)
    chi, u4 = 16 * (m.m2 - m.abs_m**2), 1 - m.m4 / (3 * m.m2**2)
    return np.array([m.energy, m.abs_m, m.m2, m.heat_capacity, chi, u4])


def record(rows: np.ndarray, coupling: float, lineage: str, tau: float = 0.5):
    """The series of the numbered states `(chain, draw)`."""
    shell = Ensemble.from_values(
        np.zeros((*rows.shape, 1)), alphabet="real", lineage=lineage, tau=tau
    )
    return thermo.Series(
        ENERGY[rows],
        FIELD[rows],
        16,
        tuple(shell.blocks()),
        lineage,
        shell.n_eff,
        coupling,
    )


def chains(coupling, *, seed, keep=0.0, form=(32, 64), lineage=None):
    """Stationary chains on 4×4 of known τ, as a series."""
    rng = np.random.default_rng(seed)
    levels = np.cumsum(boltzmann(-16 * coupling * ENERGY))
    rows = np.searchsorted(levels, rng.random(form) * levels[-1], side="right")
    stays = rng.random(form) < keep
    for t in range(1, form[1]):
        rows[:, t] = np.where(stays[:, t], rows[:, t - 1], rows[:, t])
    tau = (1 + keep) / (2 * (1 - keep))
    return record(rows, coupling, lineage or f"chains {coupling} {seed}", tau)


def table(found: Reweighted) -> tuple[np.ndarray, np.ndarray]:
    """Values and errors, `(reading, …)`."""
    every = [getattr(found, name) for name in READINGS]
    return np.array([r.value for r in every]), np.array([r.error for r in every])


def test_at_its_own_coupling_one_ensemble_reads_what_it_reads():
    """Exactly, replicate by replicate: errors are aligned with plain readings."""
    s = chains(0.4, seed=1, keep=0.5)
    found = reweight(s, 0.4)
    for name in READINGS:
        plain = getattr(thermo, name)(s)
        assert float(getattr(found, name).value) == pytest.approx(float(plain.value))
        assert float((getattr(found, name) - plain).error) < 1e-12
    assert float(found.n_eff) == pytest.approx(s.n_eff)
    assert float(found.log_partition.value) == pytest.approx(0, abs=1e-12)


def test_at_one_coupling_ensembles_count_by_their_independent_draws():
    """τ = 4.5 and ½, equal draws: weights 1 to 9, an exact identity."""
    slow, fast = chains(0.4, seed=2, keep=0.8), chains(0.4, seed=3)
    one, other = thermo.energy(slow), thermo.energy(fast)
    found = reweight([slow, fast], 0.4)
    assert float((found.energy - (one + 9 * other) / 10).value) == pytest.approx(
        0, abs=1e-13
    )
    assert float(found.n_eff) == pytest.approx(slow.n_eff + fast.n_eff)
    assert float(found.energy.error) < min(float(one.error), float(other.error))
    # The control: equal weights.
    assert float((found.energy - (one + other) / 2).value) != pytest.approx(0, abs=1e-6)


@pytest.mark.filterwarnings("ignore:Unknown solver options")  # pymbar's own
def test_pymbar_finds_the_same():
    """On independent draws the equations are pymbar's, to its own tolerance."""
    import pymbar

    couplings, targets = (0.3, 0.36, 0.44), np.array([0.33, 0.36, 0.4])
    data = [chains(k, seed=i, form=(8, 50)) for i, k in enumerate(couplings)]
    found = reweight(data, targets)
    totals = np.concatenate([16 * s.energy.ravel() for s in data])
    np.random.seed(0)  # noqa: NPY002  (pymbar seeds it again)
    mbar = pymbar.MBAR(
        np.multiply.outer(couplings, totals), [400] * 3, relative_tolerance=1e-12
    )
    for i, k in enumerate(targets):
        there = mbar.compute_perturbed_free_energies(
            np.stack([couplings[0] * totals, k * totals]), compute_uncertainty=False
        )
        expected = -there["Delta_f"][0, 1]
        assert found.log_partition.value[i] == pytest.approx(expected, abs=1e-7)
        mean = mbar.compute_expectations(
            totals, u_kn=(k * totals)[None], compute_uncertainty=False
        )
        assert found.energy.value[i] == pytest.approx(mean["mu"][0] / 16, abs=1e-7)
    # Its errors, of independent draws, are those of the jackknife to 15 %: 24 blocks.
    spread = mbar.compute_expectations(totals)["sigma"] / 16
    mine = reweight(data, couplings).energy.error
    assert np.allclose(mine / spread, 1, atol=0.45)


def deviations(ask: np.ndarray, *, runs=20) -> np.ndarray:
    """Pulls `(run, reading, target)` of two ensembles of correlated chains.

    20 runs × 6 readings × 3 targets at 4.5 σ of Student's t with some 62 degrees of
    freedom (3e-5): a correct program fails one fixed seed in 90. Energies are known
    to some 0.4 %, so that K wrong by 0.01 is 4 σ in one run.
    """
    found = []
    for run in range(runs):
        pair = enumerate((0.36, 0.46))
        data = [chains(k, seed=2 * run + i, keep=0.5) for i, k in pair]
        values, errors = table(reweight(data, ask))
        expected = np.array([truth(k) for k in ask]).T
        found.append((values - expected) / errors)
    return np.array(found)


def test_readings_between_agree_with_enumeration():
    pulls = deviations(np.array([0.36, 0.41, 0.5]))
    assert abs(pulls).max() < 4.5
    rms = np.sqrt((pulls**2).mean(axis=0))  # 1 ± 0.16 each
    assert (rms > 0.5).all()
    assert (rms < 1.6).all()


def test_free_energies_agree_with_enumeration():
    data = [chains(k, seed=i) for i, k in enumerate((0.3, 0.4, 0.5))]
    targets = np.array([0.3, 0.35, 0.4, 0.5])
    found = reweight(data, targets).log_partition
    exact = [log_partition(SMALL, k) - log_partition(SMALL, 0.3) for k in targets]
    assert found.error[0] < 1e-12
    pulls = (found.value - exact)[1:] / found.error[1:]
    assert abs(pulls).max() < 4
    assert (found.error[1:] < 0.05).all()  # of 5 between the ends


def lattice(coupling: float, seed: int, side: int = 16) -> thermo.Series:
    """Swendsen–Wang draws of a 16×16 torus, τ at most 4 sweeps."""
    rng = np.random.default_rng(seed)
    sampler = SwendsenWang(Ising((side, side)), coupling, 64)
    state = sampler.step(sampler.init(rng=rng), rng=rng, sweeps=80)
    rows = []
    for _ in range(100):
        state = sampler.step(state, rng=rng)
        rows.append(sampler.spins(state))
    values = np.stack(rows, axis=1)
    return thermo.series(
        Ensemble.from_values(values, model="ising", couplings={"K": coupling}, tau=4.0)
    )


@pytest.fixture(scope="module")
def tori() -> list[thermo.Series]:
    return [lattice(k, seed) for seed, k in enumerate((0.37, 0.41, 0.44, 0.47))]


BETWEEN = np.array([0.36, 0.39, 0.425, 0.4406867935, 0.455, 0.48])


def torus_pulls(found: Reweighted, first: float) -> np.ndarray:
    exact = [torus((16, 16), k) for k in found.coupling]
    origin = torus((16, 16), first).log_partition
    pairs = (
        (found.energy, [x.energy for x in exact]),
        (found.heat_capacity, [x.heat_capacity for x in exact]),
        (found.log_partition, [x.log_partition - origin for x in exact]),
    )
    return np.array([(e.value - np.array(t)) / e.error for e, t in pairs])


def test_the_exact_torus_between_simulated_couplings(tori):
    """18 checks at 4.2 σ, a level of 5e-4 together; e is known to 0.2 %, C to 2 %."""
    found = reweight(tori, BETWEEN)
    assert abs(torus_pulls(found, 0.37)).max() < 4.2
    assert (found.energy.error < 0.004).all()
    assert (found.heat_capacity.error < 0.06).all()


def test_one_ensemble_reaches_its_surroundings(tori):
    found = reweight(tori[2], np.array([0.425, 0.44, 0.455]))
    assert abs(torus_pulls(found, 0.44)).max() < 4


def test_energies_per_site_are_not_total_energies(tori):
    """The control of all above: weights e^{-K e} in place of e^{-K N e}."""
    small = replace(tori[2], sites=1)
    found = reweight(small, np.array([0.425, 0.455]))
    pulls = torus_pulls(found, 0.44)[0]
    assert abs(pulls).min() > 5
    # Several ensembles contradict each other then, and are refused.
    with pytest.raises(ValueError, match="must agree on the energy"):
        reweight([replace(s, sites=1) for s in tori], BETWEEN)


def test_a_wrong_coupling_is_refused(tori):
    """K = 0.41 called 0.416: the energy there changes by 0.048, 14 of its errors."""
    wrong = [tori[0], replace(tori[1], coupling=0.416), *tori[2:]]
    with pytest.raises(ValueError, match="must agree on the energy") as refusal:
        reweight(wrong, BETWEEN)
    assert "check the couplings" in str(refusal.value)


def test_differences_between_couplings_are_aligned(tori):
    """⟨e⟩ at nearby couplings moves together: the slope is known, unlike the ends."""
    found = reweight(tori, np.array([0.43, 0.435])).energy
    slope = (found[1] - found[0]) / 0.005
    exact = [torus((16, 16), k).energy for k in (0.43, 0.435)]
    assert abs(float(slope.value) - (exact[1] - exact[0]) / 0.005) < 4 * slope.error
    apart = np.hypot(found.error[0], found.error[1]) / 0.005
    assert float(slope.error) < apart / 4


def ladder(seed: int, lineages: tuple[str, str]) -> list[thermo.Series]:
    """Two rungs that share their chains: one random number picks both energies."""
    rng = np.random.default_rng(seed)
    order = np.argsort(ENERGY, kind="stable")
    common = rng.random((32, 24))
    rungs = []
    for k, lineage in zip((0.36, 0.42), lineages, strict=True):
        levels = np.cumsum(boltzmann(-16 * k * ENERGY)[order])
        rows = np.searchsorted(levels, common * levels[-1], side="right")
        rungs.append(record(order[rows], k, lineage))
    return rungs


def test_rungs_of_one_ladder_are_deleted_together():
    """The mean square pull of 100 ladders is that of Student's t with 31 degrees of
    freedom, 31/29, to 0.6 (z = 4). Taken as independent, the rungs would be thought to
    know √2 times better: 2.1 (the control).
    """
    exact = moments(SMALL, 0.39).energy
    runs = [reweight(ladder(s, ("a", "a")), 0.39).energy for s in range(100)]
    square = np.mean([((r.value - exact) / r.error) ** 2 for r in runs])
    assert abs(square - 31 / 29) < 0.6
    apart = reweight(ladder(0, ("one", "other")), 0.39).energy
    assert runs[0].replicates["a"].shape == (32,)
    assert set(apart.replicates) == {"one", "other"}
    assert square * (runs[0].error / apart.error) ** 2 > 31 / 29 + 0.6


def test_error_bars_cover_between_and_beyond():
    """150 runs of two ensembles of correlated chains: 68.3 % ± 15 % (z = 4) for every
    reading between and beyond the couplings; the control halves the errors (38 %).
    """
    pulls = deviations(np.array([0.41, 0.5]), runs=150)
    inside = (abs(pulls) < 1).mean(axis=0)
    assert (abs(inside - 0.683) < 0.152).all()
    assert ((abs(pulls) < 0.5).mean(axis=0) < 0.683 - 0.152).all()


def test_levels_of_a_continuous_energy_lose_nothing():
    """A Gaussian site per chain: weights summed configuration by configuration."""
    rng = np.random.default_rng(5)
    s = chains(0.4, seed=5)
    s = replace(s, energy=s.energy + rng.normal(size=s.energy.shape) / 16)
    target = 0.45
    found = reweight(s, target, observables={"cube": lambda s: s.energy**3})
    w = np.exp(-(target - 0.4) * 16 * (s.energy - s.energy.min()))
    for estimate, values in (
        (found.energy, s.energy),
        (found.magnetization, abs(s.magnetization)),
        (found.means["cube"], s.energy**3),
    ):
        slow = (w * values).sum() / w.sum()
        assert 0 < abs(float(estimate.value) - slow) < 0.03 * estimate.error
    assert float(found.n_eff) == pytest.approx(w.sum() ** 2 / (w**2).sum(), rel=0.01)


def test_observables_of_one_s_own(tori):
    given = reweight(tori, BETWEEN, observables={"e": [s.energy for s in tori]})
    computed = reweight(tori, BETWEEN, observables={"e": lambda s: s.energy})
    for found in (given, computed):
        assert np.allclose(found.means["e"].value, found.energy.value, atol=1e-12)
        assert np.allclose((found.means["e"] - found.energy).error, 0, atol=1e-12)


def test_the_shape_of_the_targets_is_that_of_the_readings(tori):
    square = reweight(tori, BETWEEN.reshape(2, 3))
    assert square.binder.value.shape == square.n_eff.shape == (2, 3)
    assert np.array_equal(
        square.energy.value.ravel(), reweight(tori, BETWEEN).energy.value
    )
    assert reweight(tori, 0.42).energy.value.shape == ()


def test_ensembles_are_read_with_the_energy_of_their_model():
    """Second neighbours at half the strength: K varies both; enumeration is exact."""
    law = planted(SMALL, {"nn": 0.2, "nnn": 0.1})
    there = planted(SMALL, {"nn": 0.22, "nnn": 0.11})
    couplings, second = {"K": 0.2, "K2": 0.1}, {"second": 0.5}
    drawn = draw(STATES, law, chains=32, draws=64, seed=3, couplings=couplings)
    found = reweight(replace(drawn, parameters=second), 0.22)
    both = rolled_sum(STATES, "nn") + 0.5 * rolled_sum(STATES, "nnn")
    exact = there @ (-both / 16)
    assert abs(float(found.energy.value) - exact) < 4 * found.energy.error
    assert abs(law @ (-both / 16) - exact) > 4 * found.energy.error  # the control
    m2 = found.magnetization_squared
    assert abs(float(m2.value) - there @ FIELD**2) < 4 * m2.error
    with pytest.raises(ValueError, match="complete the parameters"):
        reweight(drawn, 0.22)


def test_an_ensemble_and_its_series_are_one():
    ensemble = sampled(0.05)
    one, other = reweight(ensemble, 0.06), reweight(thermo.series(ensemble), 0.06)
    assert np.allclose(table(one), table(other), rtol=1e-12)


def test_planar_spins_have_an_energy_too():
    """Independent angles are the XY model at K = 0, and to first order in K
    ⟨e⟩ = -K N ⟨e²⟩ = -K, ⟨m²⟩ = 1/N at 0: exact, 2 bonds of variance ½ per site.
    """
    rng = np.random.default_rng(4)
    angles = rng.uniform(-np.pi, np.pi, (32, 256, 4, 4))
    ensemble = Ensemble.from_values(
        angles, alphabet="angle", model="xy", couplings={"K": 0.0}
    )
    found = reweight(ensemble, np.array([0.0, 0.02]))
    slope = (found.energy[1] - found.energy[0]) / 0.02
    assert abs(float(slope.value) + 1) < 4 * slope.error < 0.2
    m2 = found.magnetization_squared[0]
    assert abs(float(m2.value) - 1 / 16) < 4 * m2.error


def sampled(coupling=0.4, *, shape=SMALL, seed=0, **known):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 2, (32, 8, *shape), dtype=np.int8) * 2 - 1
    known = {"model": "ising", "couplings": {"K": coupling}} | known
    return Ensemble.from_values(values, **known)


def pair(**changes):
    return [chains(0.4, seed=1), replace(chains(0.42, seed=2), **changes)]


@pytest.mark.parametrize(
    ("data", "targets", "words"),
    [
        ([], 0.4, "at least one ensemble"),
        (sampled(model=None), 0.4, "known law"),
        (sampled(couplings={}), 0.4, "known law"),
        (sampled(couplings={"K": 0.4, "h": 0.1}), 0.4, "complete the parameters"),
        (sampled(model="forest-fire"), 0.4, "a model 'forest-fire' has none"),
        ([sampled(), sampled(seed=1, parameters={"field": 0.1})], 0.4, "share model"),
        (
            [sampled(), sampled(shape=(2, 8), seed=1)],
            0.4,
            "share model, parameters and lattice",
        ),
        (pair(sites=25), 0.4, "one lattice, got 16 and 25 sites"),
        (pair(coupling=None), 0.4, "needs the coupling K"),
        (pair(lineage="chains 0.4 1[0:8]"), 0.4, "which overlap"),
        ([chains(0.4, seed=1)] * 2, 0.4, "configurations count once"),
        (chains(0.4, seed=1, form=(1, 20)), 0.9, "must rest on 50"),
        (record(np.zeros((1, 1), int), 0.4, "a"), 0.4, "at least 2 blocks"),
        (chains(0.4, seed=1), np.nan, "finite numbers"),
        (chains(0.4, seed=1), [], "finite numbers"),
    ],
)
def test_what_cannot_be_reweighted_is_refused(data, targets, words):
    with pytest.raises(ValueError, match=words) as refusal:
        reweight(data, targets)
    assert "\n" not in str(refusal.value)


def test_chains_of_one_lineage_must_match():
    long = chains(0.4, seed=1, lineage="a")
    short = chains(0.42, seed=1, form=(32, 32), lineage="a")
    with pytest.raises(ValueError, match="same chains and draws"):
        reweight([long, short], 0.4)


def test_observables_must_fit(tori):
    with pytest.raises(ValueError, match=r"one .chain, draw. array per ensemble"):
        reweight(tori, 0.42, observables={"half": [s.energy[:32] for s in tori]})


def test_targets_and_ensembles_without_overlap_are_refused(tori):
    with pytest.raises(ValueError, match=r"must rest on 50 .* at K = 0\.2 "):
        reweight(tori, [0.42, 0.2])
    far = lattice(0.1, seed=9)
    with pytest.raises(ValueError, match=r"between K = 0\.1 and 0\.37"):
        reweight([far, *tori], 0.42)
    # The bound is the caller's: a hundredth of a configuration is enough for nobody.
    assert float(reweight(tori, 0.6, least=1e-9).n_eff) < float(tori[3].n_eff)


def test_pymbar_is_quiet_and_leaves_the_generator_alone(tori, capfd):
    logger = logging.getLogger("pymbar")
    np.random.seed(1)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    level = logger.level
    np.random.seed(1)  # noqa: NPY002
    reweight(tori, 0.42)
    assert np.random.random() == expected  # noqa: NPY002
    assert logger.level == level
    assert capfd.readouterr() == ("", "")


def test_a_fresh_process_hears_nothing_and_jax_is_not_loaded():
    code = (
        "import sys\n"
        "from kadanoff.instruments import reweighting\n"
        "with reweighting._quiet() as pymbar: pymbar.MBAR([[0, 1], [1, 0]], [1, 1])\n"
        "assert 'jax' not in sys.modules"
    )
    shown = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "", "")


def test_without_pymbar_it_says_what_to_install(tori, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymbar", None)
    assert float(reweight(tori[1], 0.41).n_eff) > 100  # one ensemble needs no solver
    with pytest.raises(ModuleNotFoundError, match=r"kadanoff\[reweight\]"):
        reweight(tori, 0.42)
