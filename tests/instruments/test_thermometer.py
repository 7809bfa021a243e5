from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from instruments.exact_draws import all_states, draw, planted, random_spins

import kadanoff as kd
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.rotated import StarMajority
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments.thermometer import (
    coupling_temperature,
    energy_temperature,
    has_thermometer,
    temperatures,
)

STATES = all_states((4, 4))


def ensemble(couplings: dict[str, float], seed: int = 1) -> Ensemble:
    probability = planted((4, 4), couplings)
    return draw(STATES, probability, chains=64, draws=256, seed=seed)


@pytest.mark.parametrize("coupling", [0.2, 0.44, 0.6, -0.3])
def test_both_thermometers_read_the_temperature_of_the_model(coupling):
    """Two checks each at 4 σ, where σ/T is 0.005 to 0.02."""
    reading = temperatures(ensemble({"nn": coupling}))
    for t in (reading.energy, reading.coupling):
        assert abs(t.value - 1 / coupling) < 4 * t.error
        assert t.error < 0.02 * abs(t.value)
    assert abs(reading.spread.value) < 4 * reading.spread.error


def test_a_temperature_wrong_by_a_tenth_is_seen():
    t = energy_temperature(ensemble({"nn": 0.44}))
    assert abs(t.value - 1.1 / 0.44) > 4 * t.error


def test_the_spread_shows_that_a_model_is_not_nearest_neighbour():
    reading = temperatures(ensemble({"nn": 0.2, "nnn": 0.15}))
    assert abs(reading.spread.value) > 10 * reading.spread.error


def test_the_spread_is_sharper_than_independent_errors():
    """On the same configurations the two fluctuate together."""
    reading = temperatures(ensemble({"nn": 0.3}))
    apart = np.hypot(reading.energy.error, reading.coupling.error)
    assert reading.spread.error < 0.5 * apart


def test_all_spins_up_are_at_zero_temperature():
    up = Ensemble.from_values(np.ones((2, 8, 6, 6), np.int8))
    assert float(energy_temperature(up).value) == 0
    assert np.isnan(coupling_temperature(up).value)


def test_refusals():
    spins = random_spins((2, 8, 4, 4), seed=2)
    real = Ensemble.from_values(spins.astype(float), alphabet="real")
    layer = Ensemble.from_values(spins.reshape(2, 8, 16), Unordered(16))
    ring = Ensemble.from_values(spins.reshape(2, 8, 16))
    for read in (energy_temperature, coupling_temperature, temperatures):
        with pytest.raises(ValueError, match="a real-valued field has none"):
            read(real)
        with pytest.raises(ValueError, match="needs sites with positions"):
            read(layer)
        with pytest.raises(ValueError, match="two-dimensional torus"):
            read(ring)


OTHER = {
    "triangular": Grid((4, 4), ((1.0, 0.0), (0.5, 0.75**0.5))),
    "skew": Grid((4, 4), ((1.0, 0.0), (1.0, 1.0))),
    "turned by 45° and skew": Grid((4, 4), ((1.0, 1.0), (0.0, 2.0))),
    "rectangular": Grid((4, 4), ((1.0, 0.0), (0.0, 2.0))),
}


@pytest.mark.parametrize("name", OTHER)
@pytest.mark.parametrize(
    "read", [energy_temperature, coupling_temperature, temperatures]
)
def test_a_lattice_of_another_curve_is_refused(name, read):
    other = Ensemble.from_values(random_spins((2, 8, 4, 4), seed=3), OTHER[name])
    assert not has_thermometer(other)
    with pytest.raises(ValueError, match="whose shortest steps run along") as refusal:
        read(other)
    assert "\n" not in str(refusal.value)


def test_a_lattice_that_has_turned_back_is_read_again():
    """b = √2 twice: the first torus is skew to its steps, the second is straight."""
    fine = Ensemble.from_values(random_spins((2, 8, 8, 8), seed=4))
    turned = coarsen(StarMajority(2), fine, seed=1)
    back = coarsen(StarMajority(2), turned, seed=2)
    assert [has_thermometer(e) for e in (fine, turned, back)] == [True, False, True]
    assert np.isfinite(coupling_temperature(back).value)


def test_a_straight_torus_is_read_at_any_angle_and_scale():
    """The basis in its own steps is what counts, not how it lies on the paper."""
    plain = ensemble({"nn": 0.4})
    turned = Ensemble.from_values(
        plain.values, Grid((4, 4), ((2.0, 2.0), (-2.0, 2.0))), lineage=plain.lineage
    )
    for here, there in zip(
        (temperatures(plain).energy, temperatures(plain).coupling),
        (temperatures(turned).energy, temperatures(turned).coupling),
        strict=True,
    ):
        assert float(here.value) == float(there.value)


def test_the_energy_of_the_lattice_is_read_whatever_the_law():
    """Mean-field spins, and Ising spins in a field, by their neighbours alone."""
    laws = ((kd.MeanField((8, 8)), 1.2), (kd.Ising((8, 8), field=1.0), 0.2))
    for model, coupling in laws:
        fine = kd.sample(model, coupling=coupling, draws=1024, seed=3)
        known = energy_temperature(fine)
        unknown = energy_temperature(replace(fine, model=None, couplings={}))
        assert float(known.value) == float(unknown.value)
        assert float(known.error) == float(unknown.error)
