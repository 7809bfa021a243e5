"""Is it the magnet? Exact laws say yes where it is, no where it is not."""

import math

import numpy as np
import pytest

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C, T_C
from kadanoff.exact.density import energy_law
from kadanoff.exact.kaufman import torus
from kadanoff.experiments.demellokoch2020.flow import LATTICE, start
from kadanoff.experiments.demellokoch2020.magnet import (
    MONOTONE,
    READINGS,
    TOLERANCE,
    critical_point,
    distance_of_laws,
    energy_counts,
    magnet,
    mixture_law,
    readings_of,
    sampling_floor,
    verdict,
)
from kadanoff.experiments.exhibit import Work
from kadanoff.instruments.thermodynamics import series
from kadanoff.models.mean_field import MeanField

LEVEL = 1e-4


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Work(3, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)


@pytest.fixture(scope="module")
def known(work):
    return magnet(work, [k / 10 for k in range(15, 34)], 2048)


@pytest.mark.parametrize("temperature", [1.75, T_C, 2.9])
def test_the_magnet_is_recognized_at_a_temperature_between_those_of_the_table(
    work, known, temperature
):
    found = verdict(start(work, temperature, 4096, 0), known)
    assert found.p > LEVEL
    assert abs(found.best - temperature) < 0.03
    for name in MONOTONE:
        t = found.temperatures[name]
        assert abs(float(t.value) - temperature) < 4.5 * float(t.error), name
    # All readings have one temperature, up to their noise.
    assert float(found.spread.value) < 4.5 * float(found.spread.error)
    # P(E) of a sample is as far from the exact law as a sample is.
    assert found.distance < 1.5 * found.floor


def test_the_spread_does_not_shrink_with_the_number_of_draws(known):
    rng = np.random.default_rng(5)
    spreads, ps = [], []
    for draws in (1024, 8192):
        values = MeanField(LATTICE).draw(draws, 1.45, rng=rng)
        ensemble = Ensemble.from_values(values.reshape(64, -1, *LATTICE))
        found = verdict(ensemble, known)
        spreads.append(found.spread)
        ps.append(found.p)
    one, other = spreads
    gap = float(one.value) - float(other.value)
    assert abs(gap) < 4.5 * math.hypot(float(one.error), float(other.error))
    assert float(other.value) > 4 * TOLERANCE
    assert ps[1] < 1e-3 * ps[0]


def test_the_critical_point_is_that_of_the_exact_magnet(known):
    point = critical_point(known.temperatures, known.values)
    exact = torus(LATTICE, K_C)
    assert point.values["e"] == pytest.approx(exact.energy, abs=1e-5)
    near = torus(LATTICE, 1 / (T_C + TOLERANCE)).energy
    assert point.tolerances["e"] == pytest.approx(near - exact.energy, rel=0.1)
    fluctuation = T_C**2 * exact.heat_capacity
    assert point.values["N Var(e)"] == pytest.approx(fluctuation, rel=1e-3)
    below = T_C - TOLERANCE
    least = below**2 * torus(LATTICE, 1 / below).heat_capacity
    assert point.tolerances["N Var(e)"] == pytest.approx(fluctuation - least, rel=1e-2)


def test_a_mean_field_magnet_is_none_though_it_has_an_energy(known):
    # K so that its energy on the grid is that of the Ising magnet at T_c.
    values = MeanField(LATTICE).draw(4096, 1.45, rng=np.random.default_rng(1))
    ensemble = Ensemble.from_values(values.reshape(64, 64, *LATTICE))
    found = verdict(ensemble, known)
    assert 1.6 < float(found.temperatures["e"].value) < 3.2
    assert found.p < 1e-12
    assert found.distance > 3 * found.floor


def test_two_temperatures_mixed_are_none(work, known):
    both = [start(work, t, 2048, 1).values for t in (2.0, 2.6)]
    mixed = np.concatenate([x.reshape(-1, *LATTICE) for x in both])
    rng = np.random.default_rng(2)
    mixed = rng.permutation(mixed).reshape(64, -1, *LATTICE)
    assert verdict(Ensemble.from_values(mixed), known).p < LEVEL


def test_the_table_has_the_exact_values_between_its_temperatures(known):
    exact = torus(LATTICE, 1 / 2.33)
    found = known.at(np.array(2.33))
    assert found[READINGS.index("e")] == pytest.approx(exact.energy, abs=1e-5)
    c = 2.33**2 * exact.heat_capacity
    assert found[READINGS.index("N Var(e)")] == pytest.approx(c, rel=2e-4)
    assert known.temperature("e", exact.energy) == pytest.approx(2.33, abs=1e-3)
    assert math.isnan(known.temperature("|m|", 1.5))


def test_shares_of_energies_are_counted():
    values = np.ones((1, 4, *LATTICE), np.int8)
    values[0, 0, 0, 0] = -1  # four bonds turned: E = -200 + 8
    counts = energy_counts(series(Ensemble.from_values(values)))
    assert counts[0] == 0.75
    assert counts[2] == 0.25
    assert counts.sum() == 1


def test_the_floor_is_the_distance_of_samples_to_their_law():
    _, law = energy_law(LATTICE, 0.44)
    rng = np.random.default_rng(4)
    n = 500
    drawn = [distance_of_laws(rng.multinomial(n, law) / n, law) for _ in range(200)]
    expected = sampling_floor(law, n)
    # The normal approximation of rare levels is a few per cent off.
    assert np.mean(drawn) == pytest.approx(expected, rel=0.05)
    assert abs(np.mean(drawn) - sampling_floor(law, 2 * n)) > 0.2 * expected


def test_the_mixture_has_the_mean_energy_of_its_temperatures():
    law = mixture_law()
    assert law.sum() == pytest.approx(1, abs=1e-12)
    energies = np.arange(-200, 201, 4) / 100
    exact = [-2.0, *(torus(LATTICE, 10 / k).energy for k in range(1, 60))]
    assert law @ energies == pytest.approx(np.mean(exact), abs=1e-9)


def test_readings_of_ground_states_are_known():
    values = np.ones((4, 16, *LATTICE), np.int8)
    found = readings_of(Ensemble.from_values(values)).value
    np.testing.assert_allclose(found, [-2, 1, 2 / 3, 0, 1, 1, 1], atol=1e-6)


def test_too_few_blocks_are_refused(known):
    values = np.random.default_rng(0).choice([-1, 1], (4, 1, *LATTICE))
    with pytest.raises(ValueError, match="9 or more blocks, got 4"):
        verdict(Ensemble.from_values(values.astype(np.int8)), known)
