from __future__ import annotations

import numpy as np
import pytest
from instruments.exact_draws import all_states, draw, everything, planted, random_spins

from kadanoff.ensemble import Ensemble
from kadanoff.exact.enumerate import moments
from kadanoff.geometry import Grid
from kadanoff.instruments import thermodynamics as thermo
from kadanoff.models.ising import Ising

READINGS = (
    thermo.energy,
    thermo.magnetization,
    thermo.magnetization_squared,
    thermo.heat_capacity,
    thermo.susceptibility,
    thermo.binder,
)


def truth(shape: tuple[int, ...], coupling: float) -> np.ndarray:
    """The six readings from the enumerated moments."""
    m = moments(shape, coupling)
    return np.array(
        [
            m.energy,
            m.abs_m,
            m.m2,
            m.heat_capacity,
            np.prod(shape) * (m.m2 - m.abs_m**2),
            1 - m.m4 / (3 * m.m2**2),
        ]
    )


def test_all_states_once_each_are_infinite_temperature():
    """Every reading exact: ⟨e⟩ = 0, N Var(e) = 2, N⟨m²⟩ = 1, ⟨m⁴⟩ = (3 - 2/N)/N²."""
    every = thermo.series(everything(all_states((4, 4))))
    assert float(thermo.energy(every).value) == pytest.approx(0, abs=1e-14)
    capacity = thermo.heat_capacity(every, coupling=1.0)
    assert float(capacity.value) == pytest.approx(2, abs=1e-12)
    assert float(thermo.magnetization_squared(every).value) == pytest.approx(1 / 16)
    expected = 1 - (3 - 2 / 16) / 3
    assert float(thermo.binder(every).value) == pytest.approx(expected, abs=1e-12)
    abs_m = moments((4, 4), 0.0).abs_m
    chi = float(thermo.susceptibility(every).value)
    assert chi == pytest.approx(1 - 16 * abs_m**2, abs=1e-12)


def test_a_ground_state_has_no_fluctuations():
    up = Ensemble.from_values(np.ones((2, 3, 6, 4), np.int8), couplings={"K": 0.7})
    readings = [reading(up) for reading in READINGS]
    assert [float(r.value) for r in readings] == [-2, 1, 1, 0, 0, 1 - 1 / 3]
    assert all(float(r.error) == 0 for r in readings)
    assert thermo.autocorrelation(up)["energy"][0] == 0.5


def deviations(coupling: float) -> np.ndarray:
    """Largest pull of each reading over 20 ensembles drawn at K = 0.4 on 4×4.

    20 × 6 checks at 4 σ: a correct program fails one fixed seed in 130. Each ensemble
    of 4096 sees a change of K by 0.01 in the energy as 3 σ, 20 together as 13 σ.
    """
    states, probability = all_states((4, 4)), planted((4, 4), {"nn": 0.4})
    pulls = []
    for seed in range(20):
        ensemble = draw(
            states, probability, chains=32, draws=128, seed=seed, couplings={"K": 0.4}
        )
        series = thermo.series(ensemble)
        readings = [reading(series) for reading in READINGS]
        value = np.array([float(r.value) for r in readings])
        error = np.array([float(r.error) for r in readings])
        pulls.append((value - truth((4, 4), coupling)) / error)
    return np.array(pulls)


def test_readings_agree_with_enumeration():
    pulls = deviations(0.4)
    assert abs(pulls).max() < 4
    # Sizes of the errors too: the rms pull of 20 is 1 ± 0.16 for each reading.
    rms = np.sqrt((pulls**2).mean(axis=0))
    assert (rms > 0.5).all()
    assert (rms < 1.6).all()


def test_a_wrong_coupling_is_seen():
    assert (abs(deviations(0.41)[:, 0]).max()) > 4


def test_energy_is_the_model_s_on_fine_and_coarse_grids():
    spins = random_spins((3, 4, 6, 10), seed=1)
    expected = Ising((6, 10)).energy(spins.reshape(12, 6, 10))
    for grid in (Grid((6, 10)), Grid((12, 20)).coarsened(2)):
        series = thermo.series(Ensemble.from_values(spins, grid))
        assert np.allclose(series.energy.ravel(), expected, rtol=0, atol=1e-14)
        assert np.array_equal(series.magnetization, spins.mean(axis=(2, 3)))


def test_real_values_have_an_energy():
    values = np.random.default_rng(2).standard_normal((2, 3, 4, 4))
    ensemble = Ensemble.from_values(values, alphabet="real")
    expected = -(values * np.roll(values, 1, 2) + values * np.roll(values, 1, 3))
    measured = float(thermo.energy(ensemble).value)
    assert measured == pytest.approx(expected.mean(axis=(2, 3)).mean(), abs=1e-6)


def test_a_series_is_a_stand_in_for_its_ensemble():
    ensemble = Ensemble.from_values(random_spins((4, 50, 4, 4), seed=3), tau=1.0)
    series = thermo.series(ensemble)
    assert thermo.series(series) is series
    one, other = thermo.binder(ensemble), thermo.binder(series)
    assert np.array_equal(
        one.replicates[ensemble.lineage], other.replicates[ensemble.lineage]
    )
    assert one.n_eff == other.n_eff == 100


def test_heat_capacity_needs_a_coupling():
    ensemble = Ensemble.from_values(random_spins((4, 8, 4, 4), seed=4))
    with pytest.raises(ValueError, match="needs the coupling K"):
        thermo.heat_capacity(ensemble)


def test_autocorrelation_of_an_autoregressive_magnetization():
    """Spins that are each kept with probability q: τ of m is ½ + q/(1-q) = 2.5."""
    rng = np.random.default_rng(5)
    spins = [rng.integers(0, 2, (8, 16)) * 2 - 1]
    for _ in range(4000):
        fresh = rng.integers(0, 2, (8, 16)) * 2 - 1
        spins.append(np.where(rng.random((8, 16)) < 2 / 3, spins[-1], fresh))
    chain = np.stack(spins, axis=1).reshape(8, -1, 4, 4).astype(np.int8)
    series = thermo.series(Ensemble.from_values(chain))
    tau, error = thermo.autocorrelation(series)["magnetization_squared"]
    # m² is a sum over pairs of spins, each pair remembers q²: ½ + q²/(1-q²) = 1.3.
    assert abs(tau - 1.3) < 4 * error < 0.2
    assert abs(tau - 2.5) > 4 * error
