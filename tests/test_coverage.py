"""Error bars against the truth: how often one error holds it, over many runs.

Runs are independent and their truth is known: AR(1) chains, of integrated time
τ = (1 + φ)/(2 (1 - φ)), and chains on the 4×4 Ising torus that start from exact weights
and keep their state with probability φ or draw a fresh one, so that *every* observable
has that τ. The share of runs whose error holds the truth is binomial: 68.3 % ± 9.3 %
(z = 4) for 400 runs, so that errors wrong by 20 % show. Errors of few blocks are held
to Student's t in place of the Gaussian.

The second oracle is pyerrors (F. Joswig et al., Comput. Phys. Commun. 288, 108750
(2023)), which finds errors by another road: the Γ method of U. Wolff, Comput. Phys.
Commun. 156, 143 (2004), a sum over autocorrelations and linear propagation.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from scipy import stats

from kadanoff.autocorrelation import integrated_time
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine, jackknife
from kadanoff.exact.enumerate import all_states, moments
from kadanoff.instruments import thermodynamics as thermo
from kadanoff.instruments.couplings import fit_couplings
from kadanoff.models.ising import Ising

RUNS = 400
ONE_SIGMA = 0.6827
COUPLING = 0.4


def band(share: float = ONE_SIGMA, runs: int = RUNS) -> float:
    """Four standard deviations of a binomial share."""
    return 4 * float(np.sqrt(share * (1 - share) / runs))


def holds(found: list[Estimate], truth: float, scale: float = 1.0) -> float:
    """Share of readings with the truth within `scale` errors."""
    return float(np.mean([abs(e.value - truth) < scale * e.error for e in found]))


def between(found: list[Estimate], truth: float, level: float) -> float:
    """Share of intervals that hold the truth."""
    ends = [e.interval(level) for e in found]
    return float(np.mean([low < truth < high for low, high in ends]))


def autoregressive(runs: int, chains: int, draws: int, keep: float, seed: int):
    """Stationary AR(1) series `(run, chain, draw)` of mean 0 and variance 1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(runs, chains, draws))
    for t in range(1, draws):
        x[..., t] = keep * x[..., t - 1] + np.sqrt(1 - keep**2) * x[..., t]
    return x


def ensemble(series: np.ndarray, tau: float) -> Ensemble:
    """An ensemble of one real site from a series `(chain, draw)`."""
    return Ensemble.from_values(series[..., None], alphabet="real", tau=tau)


def mean(e: Ensemble) -> Estimate:
    return jackknife(lambda v: (v.mean(dtype=float),), lambda m: m, e)


def exponential(e: Ensemble) -> Estimate:
    """⟨e^x⟩/⟨x²⟩, a ratio of correlated means: √e for a normal x."""
    return jackknife(
        lambda v: (np.exp(v).mean(dtype=float), (v**2).mean(dtype=float)),
        lambda up, square: up / square,
        e,
    )


SHAPES = [(1, 3200, 0.8), (4, 800, 0.8), (32, 100, 0.8), (64, 50, 0.0)]


@pytest.mark.parametrize(("chains", "draws", "keep"), SHAPES, ids=str)
def test_means_and_ratios_of_autoregressive_chains(chains, draws, keep):
    tau = (1 + keep) / (2 * (1 - keep))
    runs = autoregressive(RUNS, chains, draws, keep, seed=chains)
    data = [ensemble(x, tau) for x in runs]
    for reading, truth in ((mean, 0.0), (exponential, np.exp(0.5))):
        found = [reading(e) for e in data]
        assert abs(holds(found, truth) - ONE_SIGMA) < band()
        assert abs(between(found, truth, 0.95) - 0.95) < band(0.95)
        # The control: errors halved.
        assert holds(found, truth, 0.5) < ONE_SIGMA - band()


def test_forgotten_memory_is_seen():
    """One chain of τ = 9.5 said to be independent: blocks of 50 draws and fewer."""
    runs = autoregressive(RUNS, 1, 800, 0.9, seed=1)[:, 0]
    honest = [mean(ensemble(x[None], 9.5)) for x in runs]
    forgetful = [mean(ensemble(x[None], 0.5)) for x in runs]
    assert abs(between(honest, 0, ONE_SIGMA) - ONE_SIGMA) < band()
    assert holds(forgetful, 0.0) < ONE_SIGMA - band()
    assert between(forgetful, 0, ONE_SIGMA) < ONE_SIGMA - band()


@pytest.mark.parametrize("chains", [2, 3, 6])
def test_few_blocks_need_student_s_t(chains):
    """Short chains are one block each. One error holds the truth as often as t says,
    and the interval as often as it says; 2000 runs see 50, 58 and 64 % from 68 %.
    """
    x = autoregressive(2000, chains, 20, 0.8, seed=chains)
    found = [mean(ensemble(run, 4.5)) for run in x]
    assert {float(e.freedom) for e in found} == {chains - 1}
    expected = float(2 * stats.t.cdf(1, chains - 1) - 1)
    assert abs(holds(found, 0.0) - expected) < band(expected, 2000)
    if chains < 6:  # the control: an error is not σ
        assert holds(found, 0.0) < ONE_SIGMA - band(runs=2000)
    for level in (ONE_SIGMA, 0.95):
        assert abs(between(found, 0, level) - level) < band(level, 2000)


def test_few_blocks_of_several_lineages():
    """Two lineages of 3 and 6 blocks and unequal errors: Welch and Satterthwaite."""
    x = autoregressive(2000, 9, 20, 0.8, seed=3)
    found = [
        mean(ensemble(run[:3], 4.5)) + 2 * mean(ensemble(run[3:], 4.5)) for run in x
    ]
    freedom = np.array([float(e.freedom) for e in found])
    assert ((freedom > 2) & (freedom <= 7 + 1e-9)).all()
    for level in (ONE_SIGMA, 0.95):
        # ν is itself estimated: Welch's interval is known to be off by a per cent.
        assert abs(between(found, 0, level) - level) < band(level, 2000) + 0.01


# The Ising torus

STATES = all_states(16).reshape(-1, 4, 4)
ENERGY = Ising((4, 4)).energy(STATES)


def ising_runs(keep: float, chains: int, draws: int, seed: int) -> Iterator[Ensemble]:
    """Runs of stationary chains of exactly known law and τ."""
    rng = np.random.default_rng(seed)
    levels = np.cumsum(np.exp(-16 * COUPLING * (ENERGY - ENERGY.min())))
    form = (RUNS, chains, draws)
    rows = np.searchsorted(levels, rng.random(form) * levels[-1], side="right")
    stays = rng.random(form) < keep
    for t in range(1, draws):
        rows[..., t] = np.where(stays[..., t], rows[..., t - 1], rows[..., t])
    tau = (1 + keep) / (2 * (1 - keep))
    for run in rows:
        yield Ensemble.from_values(
            STATES[run], tau=tau, model="ising", couplings={"K": COUPLING}
        )


def nearest(e: Ensemble) -> Estimate:
    """The fitted coupling of greatest pseudo-likelihood."""
    return fit_couplings(e, ("nn",))["nn"]


def order_and_energy(s: thermo.Series) -> Estimate:
    """⟨m²⟩ + ⟨e⟩: the two move against each other, and much of their noise cancels."""
    return thermo.magnetization_squared(s) + thermo.energy(s)


@pytest.fixture(scope="module")
def readings() -> dict[str, list[Estimate]]:
    """Every reading of 400 runs of 32 chains of 100 draws, τ = 1.5."""
    on_series: dict[str, Callable[..., Estimate]] = {
        "energy": thermo.energy,
        "heat_capacity": thermo.heat_capacity,
        "susceptibility": thermo.susceptibility,
        "binder": thermo.binder,
        "difference": order_and_energy,
    }
    found: dict[str, list[Estimate]] = {name: [] for name in (*on_series, "K")}
    for run in ising_runs(0.5, 32, 100, seed=5):
        s = thermo.series(run)
        for name, reading in on_series.items():
            found[name].append(reading(s))
        found["K"].append(nearest(run))
    return found


def truth() -> dict[str, float]:
    m = moments((4, 4), COUPLING)
    return {
        "energy": m.energy,
        "heat_capacity": m.heat_capacity,
        "susceptibility": 16 * (m.m2 - m.abs_m**2),
        "binder": 1 - m.m4 / (3 * m.m2**2),
        "difference": m.m2 + m.energy,
        "K": COUPLING,
    }


@pytest.mark.parametrize("name", truth())
def test_readings_of_the_ising_torus(readings, name):
    """Means, fluctuations, an aligned sum and a fitted coupling."""
    found, exact = readings[name], truth()[name]
    assert abs(holds(found, exact) - ONE_SIGMA) < band()
    assert abs(between(found, exact, 0.95) - 0.95) < band(0.95)
    assert holds(found, exact, 0.5) < ONE_SIGMA - band()  # the control


def test_alignment_is_what_makes_a_sum_s_error_right(readings):
    """The control of `difference`: as if ⟨m²⟩ and ⟨e⟩ came from different chains."""
    exact, energies = truth()["difference"], readings["energy"]
    aligned = readings["difference"]
    apart = [
        combine(np.add, total - e, relabelled(e))
        for total, e in zip(aligned, energies, strict=True)
    ]
    assert float(apart[0].value) == pytest.approx(float(aligned[0].value))
    assert holds(apart, exact) > ONE_SIGMA + band()


def relabelled(e: Estimate) -> Estimate:
    """The same numbers, said to come from other chains."""
    others = {f"not {name}": r for name, r in e.replicates.items()}
    return Estimate(e.value, others, e.n_eff)


# Another program


def pyerrors() -> Any:
    with warnings.catch_warnings():
        # pyerrors 2.17 imports scipy.odr, which SciPy 1.17 says it will drop.
        warnings.filterwarnings("ignore", "`scipy.odr` is deprecated")
        import pyerrors
    return pyerrors


def gamma_method(chains: np.ndarray, function: Any = None) -> Any:
    """pyerrors' reading of series `(chain, draw)`, its window as automatic as ours."""
    pe = pyerrors()
    names = [f"run|r{c}" for c in range(len(chains))]
    found = pe.Obs(list(chains), names)
    if function is not None:
        square = pe.Obs(list(chains**2), names)
        found = function(found, square)
    found.gamma_method()
    return found


def spread(found: np.ndarray) -> tuple[float, float]:
    """Mean and its error."""
    return float(found.mean()), float(found.std(ddof=1) / np.sqrt(len(found)))


@pytest.mark.parametrize(("keep", "tau"), [(0.0, 0.5), (0.8, 4.5)])
def test_errors_are_those_of_the_gamma_method(keep, tau):
    """40 runs of 4 chains of 2000 draws. An error from 64 blocks is known to 9 %, a
    Γ-method error to some 5 %: the mean ratio of 40 to 1.6 %, 8 % is at 4 σ, with 2 %
    for the truncation of its window. Both know the error of the truth, too.
    """
    runs = autoregressive(40, 4, 2000, keep, seed=7)
    there = [gamma_method(run) for run in runs]
    here = [mean(ensemble(run, tau)) for run in runs]
    exact = np.sqrt(2 * tau / runs[0].size)
    ratio, doubt = spread(
        np.array([float(e.error) / o.dvalue for e, o in zip(here, there, strict=True)])
    )
    assert doubt < 0.025
    assert abs(ratio - 1) < 0.1
    assert abs(np.mean([float(e.error) for e in here]) / exact - 1) < 0.1
    for e, o in zip(here, there, strict=True):
        assert float(e.value) == pytest.approx(o.value, abs=1e-6)
    # The control: draws said to be independent.
    if keep:
        naive = runs.std(axis=(1, 2)) / np.sqrt(runs[0].size)
        assert (
            abs(np.mean([n / o.dvalue for n, o in zip(naive, there, strict=True)]) - 1)
            > 0.5
        )


def test_autocorrelation_times_are_those_of_the_gamma_method():
    """τ = 4.5 from 40 runs: each is known to 8 %, and both read the same data."""
    runs = autoregressive(40, 4, 2000, 0.8, seed=7)
    ours = np.array([integrated_time(run)[0] for run in runs])
    theirs = np.array([gamma_method(run).e_tauint["run"] for run in runs])
    errors = np.array([gamma_method(run).e_dtauint["run"] for run in runs])
    ratio, doubt = spread(ours / theirs)
    assert doubt < 0.02
    assert abs(ratio - 1) < 0.08
    assert abs(ours - theirs).max() < 4 * errors.max()
    for tau in (ours, theirs):
        value, doubt = spread(tau)
        assert abs(value - 4.5) < 4 * doubt + 0.05 * 4.5  # windows cut a little off


def test_errors_of_a_nonlinear_reading_are_those_of_the_gamma_method():
    """The ratio (1 + ⟨x⟩)/⟨x²⟩, propagated linearly there and recombined here."""
    runs = autoregressive(40, 4, 2000, 0.8, seed=8)

    def here(run: np.ndarray) -> Estimate:
        return jackknife(
            lambda v: (v.mean(dtype=float), (v**2).mean(dtype=float)),
            lambda x, square: (1 + x) / square,
            ensemble(run, 4.5),
        )

    pairs = [
        (here(run), gamma_method(run, lambda x, square: (1 + x) / square))
        for run in runs
    ]
    for e, o in pairs:
        assert float(e.value) == pytest.approx(o.value, rel=1e-5)
    ratio, doubt = spread(np.array([float(e.error) / o.dvalue for e, o in pairs]))
    assert doubt < 0.025
    assert abs(ratio - 1) < 0.1
