"""Finite-size scaling: planted laws, exact derivatives, the critical Ising model."""

from __future__ import annotations

import numpy as np
import pytest
from instruments.exact_draws import all_states, draw, planted, random_spins

import kadanoff as kd
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import K_C
from kadanoff.instruments.crossing import Curve
from kadanoff.instruments.scaling_sizes import size_law, size_scaling

SIDES = (8, 12, 16, 24, 32)
OMEGA = 7 / 4


def curves(values: np.ndarray) -> list[Curve]:
    """One point per size, each of chains of its own, with errors of 0.1 %."""
    scatter = np.where(np.arange(16) % 2, 1, -1) / np.sqrt(15) * 1e-3
    return [
        Curve(side, np.zeros(1), (Estimate(v, {f"L{side}": v * (1 + scatter)}, 16.0),))
        for side, v in zip(SIDES, values, strict=True)
    ]


def test_a_planted_power_is_found():
    law = size_law("m", curves(1.7 * np.array(SIDES) ** -0.3), -0.125)
    assert float(law.exponent.value) == pytest.approx(-0.3, abs=1e-9)
    assert float(law.amplitude.value) == pytest.approx(1.7, rel=1e-8)
    assert law.correction is None
    assert law.chi2 < 1e-9
    assert law.dof == 3
    assert law.p == pytest.approx(1)


@pytest.mark.parametrize(
    "second", [lambda x: x - OMEGA, lambda x: 0.0], ids=["L^(x-ω)", "constant"]
)
def test_a_planted_correction_is_found(second):
    side = np.array(SIDES, dtype=float)
    values = 0.8 * side**0.9 - 1.2 * side ** second(0.9)
    law = size_law("slope", curves(values), 1.0, second)
    assert float(law.exponent.value) == pytest.approx(0.9, abs=1e-7)
    assert float(law.amplitude.value) == pytest.approx(0.8, rel=1e-6)
    assert law.correction is not None
    assert float(law.correction.value) == pytest.approx(-1.2, rel=1e-5)
    # The control: without it the exponent is wrong and χ² says so.
    plain = size_law("slope", curves(values), 1.0)
    assert abs(plain.exponent.value - 0.9) > 10 * plain.exponent.error
    assert plain.p < 1e-4


def test_errors_are_those_of_a_straight_line_of_logarithms():
    noise = np.random.default_rng(1).normal(0, 1e-3, len(SIDES))
    values = np.array(SIDES) ** -0.25 * np.exp(noise)
    law = size_law("m²", curves(values), -0.25)
    fit, covariance = np.polyfit(np.log(SIDES), np.log(values), 1, cov="unscaled")
    assert float(law.exponent.value) == pytest.approx(fit[0], abs=1e-5)
    expected = 1e-3 * np.sqrt(covariance[0, 0])
    assert float(law.exponent.error) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    "second", [None, lambda x: x - OMEGA, lambda x: 0.0], ids=["none", "ω", "constant"]
)
def test_errors_are_those_of_another_fit_of_moved_points(second):
    """First order: the whole fit repeated with one size after another moved."""
    side = np.array(SIDES, dtype=float)
    values = 0.8 * side**0.9 - 1.2 * (0 if second is None else side ** second(0.9))
    here = size_law("slope", curves(values), 1.0, second)
    moves = []
    for k in range(len(side)):
        moved = values.copy()
        moved[k] *= 1 + 1e-4
        points = curves(values)
        own = points[k].values[0]
        points[k] = Curve(
            SIDES[k],
            np.zeros(1),
            (
                Estimate(
                    moved[k], {f"L{SIDES[k]}": own.replicates[f"L{SIDES[k]}"]}, 16.0
                ),
            ),
        )
        there = size_law("slope", points, 1.0, second)
        slope = (there.exponent.value - here.exponent.value) / (1e-4 * values[k])
        moves.append(slope * float(own.error))
    expected = float(np.linalg.norm(moves))
    assert float(here.exponent.error) == pytest.approx(expected, rel=1e-3)


def enumerated(side: int, coupling: float) -> tuple[Ensemble, float, float]:
    """Independent exact draws, and exact ⟨m²⟩ and d ln⟨m²⟩/dK."""
    states = all_states((side, side))
    m2 = states.reshape(len(states), -1).mean(axis=1) ** 2

    def exact(k: float) -> float:
        return float(planted((side, side), {"nn": k}) @ m2)

    ensemble = draw(
        states,
        planted((side, side), {"nn": coupling}),
        chains=64,
        draws=400,
        seed=side,
        couplings={"K": coupling},
    )
    h = 1e-5
    slope = (np.log(exact(coupling + h)) - np.log(exact(coupling - h))) / (2 * h)
    return ensemble, exact(coupling), float(slope)


def test_readings_agree_with_enumeration():
    """⟨m²⟩ and its logarithmic derivative on 3² and 4²: four checks at 4 σ."""
    coupling = 0.3
    rows = [enumerated(side, coupling) for side in (3, 4)]
    found = size_scaling([e for e, _, _ in rows])
    for k, (_, m2, slope) in enumerate(rows):
        for law, truth in ((found.m_squared, m2), (found.slope, slope)):
            reading = law.values[k]
            assert abs(reading.value - truth) < 4 * reading.error
            assert abs(reading.value - 1.1 * truth) > 4 * reading.error
    assert found.slope.dof == 0
    assert np.isnan(found.slope.p)
    ratio = np.log(found.m_squared.values.value[1] / found.m_squared.values.value[0])
    delta = float(found.delta_sigma.value)
    assert delta == pytest.approx(-ratio / np.log(4 / 3) / 2, abs=1e-6)


def test_replicates_are_readings_without_one_chain():
    ensemble = enumerated(4, 0.3)[0]
    other = enumerated(3, 0.3)[0]
    whole = size_scaling([other, ensemble])
    fewer = size_scaling([other, ensemble.select(slice(1, 64))])
    for law, rest in (
        (whole.slope, fewer.slope),
        (whole.m_squared, fewer.m_squared),
        (whole.m_absolute, fewer.m_absolute),
    ):
        without = law.values.replicates[ensemble.lineage][0]
        assert without[1] == pytest.approx(float(rest.values.value[1]), rel=1e-9)
        assert without[1] != pytest.approx(float(law.values.value[1]), rel=1e-9)


def sizes(coupling: float, sides: tuple[int, ...], seed: int) -> list[Ensemble]:
    return [
        kd.sample(
            kd.Ising((side, side)),
            coupling=coupling,
            draws=40_000,
            chains=128,
            seed=seed,
        )
        for side in sides
    ]


def test_critical_ising_has_its_dimensions():
    """Errors of 0.002 (Δ_σ) and 0.03 (Δ_ε); without the constant Δ_ε is 0.1 off."""
    ensembles = sizes(K_C, SIDES, seed=2)
    found = size_scaling(ensembles, omega=OMEGA)
    for delta, truth in (
        (found.delta_sigma, 1 / 8),
        (found.delta_sigma_absolute, 1 / 8),
        (found.delta_epsilon, 1.0),
    ):
        assert abs(delta.value - truth) < 4 * delta.error
    assert float(found.delta_sigma.error) < 0.01
    assert float(found.delta_epsilon.error) < 0.06
    plain = size_scaling(ensembles)
    assert abs(plain.delta_sigma.value - 1 / 8) < 4 * plain.delta_sigma.error
    assert abs(plain.delta_epsilon.value - 1) > 6 * plain.delta_epsilon.error
    assert "Δ_ε = " in str(found)
    assert "ω = 1.75" in str(found)


def test_off_the_critical_point_the_powers_are_wrong():
    found = size_scaling(sizes(0.42, (8, 12, 16, 24), seed=3))
    assert abs(found.delta_sigma.value - 1 / 8) > 20 * found.delta_sigma.error
    assert found.m_squared.p < 1e-6


def test_what_cannot_be_compared_is_refused():
    one, two = sizes(0.4, (4, 6), seed=4)
    with pytest.raises(ValueError, match="at least 2 different sizes"):
        size_scaling([one])
    with pytest.raises(ValueError, match="at least 2 different sizes"):
        size_scaling([one, one])
    with pytest.raises(ValueError, match="at least 3 different sizes"):
        size_scaling([one, two], omega=OMEGA)
    with pytest.raises(ValueError, match="needs a positive ω"):
        size_scaling([one, two], omega=-1.0)
    with pytest.raises(ValueError, match="at one coupling of one model"):
        size_scaling([one, *sizes(0.41, (6,), seed=4)])
    flat = Ensemble.from_values(random_spins((16, 4, 4, 8), seed=5))
    with pytest.raises(ValueError, match="lattices of equal sides"):
        size_scaling([flat, flat])
