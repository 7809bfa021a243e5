"""⟨σσε⟩: the torus form by its exact properties, C_σσε of real ensembles."""

from __future__ import annotations

import numpy as np
import pytest
from instruments.exact_draws import random_spins

import kadanoff as kd
from kadanoff.ensemble import Ensemble
from kadanoff.exact import torus_cft
from kadanoff.exact.constants import K_C
from kadanoff.instruments.scaling_triple import (
    ARRANGEMENTS,
    three_point,
    torus_three_point,
)

SHAPE = (12, 20)
Place = tuple[float, float]
PLACES: tuple[Place, Place, Place] = ((3.0, 1.0), (1.0, 0.5), (5.0, 7.0))


def connected(first, second, energy, shape):
    """⟨σσε⟩ - ⟨σσ⟩⟨ε⟩ of the form."""
    pair = two(np.subtract(first, second), shape)
    vacuum = torus_cft.energy_vacuum(shape)
    return torus_three_point(first, second, energy, shape) - pair * vacuum


def form(places, shape=SHAPE):
    """The form at three places."""
    first, second, energy = places
    return torus_three_point(first, second, energy, shape)


def two(r, shape):
    """⟨σσ⟩ in the same normalization."""
    spins = torus_cft.chord(r, shape) ** 0.25 * torus_cft.spin_ratio(r, shape)
    return float(spins)


def test_the_form_does_not_know_which_side_is_first():
    """A modular transformation: τ → -1/τ turns the torus by a right angle."""
    turned = form([p[::-1] for p in PLACES], SHAPE[::-1])
    assert turned == pytest.approx(form(PLACES), rel=1e-12)


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("period", [(12.0, 0.0), (0.0, 20.0), (-12.0, 20.0)])
def test_every_field_sees_a_torus(which, period):
    moved = list(PLACES)
    moved[which] = tuple(np.add(moved[which], period))
    assert form(moved) == pytest.approx(form(PLACES), rel=1e-11)


def test_all_together_may_move_and_mirror():
    here = form(PLACES)
    shifted = [(x + 1.7, y - 2.3) for x, y in PLACES]
    mirrored = [(-x, y) for x, y in PLACES]
    assert form(shifted) == pytest.approx(here, rel=1e-12)
    assert form(mirrored) == pytest.approx(here, rel=1e-12)
    first, second, energy = PLACES
    assert form((second, first, energy)) == pytest.approx(here)


@pytest.mark.parametrize("w", [(3.0, 4.0), (6.0, 0.0), (0.0, 10.0)])
def test_two_spins_become_an_energy(w):
    """σσ = r^{-1/4} + ½ r^{3/4} ε + O(r^{7/4}) T: the rest is of relative order r."""
    rho, ratio = torus_cft.chord(w, SHAPE), torus_cft.energy_ratio(w, SHAPE)
    energies = float(rho**2 * ratio - torus_cft.energy_vacuum(SHAPE) ** 2)
    rest = []
    for r in (8e-3, 2e-3):
        found = connected((r / 2, 0.0), (-r / 2, 0.0), w, SHAPE)
        rest.append(found / (0.5 * r**0.75 * energies) - 1)
    assert abs(rest[0]) < 0.01
    assert rest[0] / rest[1] == pytest.approx(4, rel=0.01)
    # The control: without ⟨ε⟩ subtracted the leading term is another.
    plain = torus_three_point((r / 2, 0.0), (-r / 2, 0.0), w, SHAPE)
    assert plain > 10 * abs(found)


def test_a_spin_and_an_energy_become_a_spin():
    """σε = ½ r⁻¹ σ, and at the same distance from either spin nothing else."""
    r, far = 1e-4, (4.0, 5.0)
    expected = 0.5 / r * two(far, SHAPE)
    found = torus_three_point((0.0, 0.0), far, (r, 0.0), SHAPE)
    assert found == pytest.approx(expected, rel=1e-3)


def test_a_large_torus_is_the_plane():
    sides = (10**6, 10**6)
    first, second, energy = (0.0, 0.0), (5.0, 1.0), (2.0, 7.0)
    r12, r13, r23 = (
        float(np.hypot(*np.subtract(a, b)))
        for a, b in ((first, second), (first, energy), (second, energy))
    )
    expected = 0.5 * r12**0.75 / (r13 * r23)
    assert torus_three_point(first, second, energy, sides) == pytest.approx(
        expected, rel=1e-4
    )


def slow_plane(spins: np.ndarray, a: int, lean: int) -> float:
    """The formula of the plane with one loop over sites, axes and mirror images."""
    rows, columns = spins.shape[1:]
    shape = np.array([rows, columns])

    def at(field, x):
        i, j = np.mod(x, shape)
        return field[:, i, j]

    steps = [np.array(s) for s in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    energy = np.zeros(spins.shape)
    for i in range(rows):
        for j in range(columns):
            near = sum(at(spins, np.array([i, j]) + s) for s in steps)
            energy[:, i, j] = spins[:, i, j] * near
    pair, triple, energies = [], [], []
    for i in range(rows):
        for j in range(columns):
            x = np.array([i, j])
            for along, across in ((0, 2), (2, 0)):
                u, v = steps[along], steps[across]
                for sign in (1, -1):
                    ends = at(spins, x + a * u) * at(spins, x - a * u)
                    place = x + sign * lean * a * v
                    pair.append(ends.mean())
                    triple.append((ends * at(energy, place)).mean())
                    other = at(energy, x) * at(energy, place + a * u)
                    energies.append(other.mean())
    mean = energy.mean()
    g, t, e = (np.mean(terms) for terms in (pair, triple, energies))
    return float(np.hypot(1, lean) / 2 * (t - g * mean) / g / np.sqrt(e - mean**2))


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_the_reading_equals_loops_over_sites(arrangement):
    ensemble = kd.sample(kd.Ising((16, 20)), coupling=K_C, draws=640, chains=64, seed=1)
    found = three_point(ensemble, arrangement, half=(2, 3, 4))
    spins = ensemble.values.reshape(-1, 16, 20).astype(float)
    lean = ARRANGEMENTS.index(arrangement)
    expected = [slow_plane(spins, a, lean) for a in (2, 3, 4)]
    assert np.allclose(found.plane.value, expected, rtol=1e-6)
    assert np.allclose(found.torus.value * found.factor, found.plane.value)


@pytest.fixture(scope="module")
def critical() -> Ensemble:
    return kd.sample(kd.Ising((40, 40)), coupling=K_C, draws=12_800, chains=128, seed=2)


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_critical_ising_has_one_half(critical, arrangement):
    found = three_point(critical, arrangement)
    c = found.coefficient
    assert abs(c.value - 0.5) < 4 * c.error  # errors of 0.01
    assert float(c.error) < 0.02
    assert found.p > 1e-4
    assert list(found.half) == [3, 4, 5]
    # The control: the plane's formula is wrong by what the torus form says.
    plane = found.plane
    assert (abs(plane.value - 0.5) > 4 * plane.error).all()
    assert abs(plane[2].value / found.factor[2] - 0.5) < 4 * plane[2].error + 0.02
    assert str(found).startswith("C_σσε = 0.")


def test_off_the_critical_point_it_is_another_number():
    hot = kd.sample(kd.Ising((40, 40)), coupling=0.40, draws=12_800, chains=128, seed=3)
    c = three_point(hot).coefficient
    assert abs(c.value - 0.5) > 6 * c.error


def test_what_has_no_three_point_function_is_refused():
    spins = Ensemble.from_values(random_spins((32, 4, 16, 16), seed=4))
    with pytest.raises(ValueError, match="line or triangle, got 'circle'"):
        three_point(spins, "circle")
    for half in ((1, 2, 3), (2, 3), (3, 4, 5)):
        with pytest.raises(ValueError, match="three or more whole a from 2"):
            three_point(spins, half=half)
    with pytest.raises(ValueError, match="three or more whole a from 2"):
        three_point(spins)  # 16² has none by default
    with pytest.raises(ValueError, match="normalised by a positive"):
        three_point(spins, half=(2, 3, 4))
    with pytest.raises(ValueError, match="need different places"):
        torus_three_point((0, 0), (0, 0), (1, 0), SHAPE)
    with pytest.raises(ValueError, match="two whole sides"):
        torus_three_point((0, 0), (2, 0), (1, 0), (1, 9))
