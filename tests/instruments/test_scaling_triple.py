"""C_σσε: the reading against loops over sites, and of real ensembles."""

from __future__ import annotations

import numpy as np
import pytest
from instruments.exact_draws import random_spins

import kadanoff as kd
from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C
from kadanoff.instruments.scaling_triple import ARRANGEMENTS, three_point


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
    for half in ((1, 2, 3), (2, 3), (3, 4, 5), (), 3, "abc", (2, 2, 3), (2, 3, 3.5)):
        with pytest.raises(ValueError, match="three or more whole a from 2"):
            three_point(spins, half=half)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="three or more whole a from 2"):
        three_point(spins)  # 16² has none by default
    with pytest.raises(ValueError, match="normalised by a positive"):
        three_point(spins, half=(2, 3, 4))
