"""The bare power law: its bias is known exactly and is seen in real ensembles."""

from __future__ import annotations

import numpy as np
import pytest
from instruments.exact_draws import random_spins

import kadanoff as kd
from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.ensemble import Ensemble
from kadanoff.exact import torus_cft
from kadanoff.exact.constants import K_C
from kadanoff.instruments.correlators import bond_energy, two_point
from kadanoff.instruments.scaling_form import OPERATORS
from kadanoff.instruments.scaling_power import power_law


def slope(r: np.ndarray, g: np.ndarray) -> float:
    """Minus half the slope of an unweighted line, by another program."""
    return float(-np.polynomial.polynomial.polyfit(np.log(r), np.log(g), 1)[1] / 2)


@pytest.fixture(scope="module")
def critical() -> Ensemble:
    return kd.sample(kd.Ising((24, 24)), coupling=K_C, draws=20_000, chains=128, seed=1)


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_line_through_logarithms_and_its_bias(critical, operator):
    field = {"spin": None, "energy": bond_energy}[operator]
    g = two_point(critical, connected=operator == "energy", field=field)
    form = {"spin": torus_cft.spin_shells, "energy": torus_cft.energy_shells}[operator]
    r = g.distance
    inside = (r > 1.99) & (r < 10.01)
    found = power_law(critical, operator, r_min=2, r_max=10)
    expected = slope(r[inside], g.value.value[inside])
    assert float(found.delta.value) == pytest.approx(expected, abs=1e-9)
    exact = slope(r[inside], form((24, 24))[1][inside])
    assert found.bias == pytest.approx(exact - OPERATORS[operator], abs=1e-9)


def test_the_bias_is_what_a_critical_lattice_shows(critical):
    """From r = 4, where the lattice hardly does; the control is no bias at all."""
    found = power_law(critical, r_min=4)
    rest = float(found.delta.value) - found.bias - 1 / 8
    assert abs(rest) < 4 * float(found.delta.error) + 0.001  # lattice: 0.0005 at 4
    assert abs(rest + found.bias) > 20 * float(found.delta.error)
    assert f"biased by {found.bias:+.4f}" in str(found)


def test_distances_are_original_ones(critical):
    coarse = coarsen(Majority(b=2), critical, seed=1)
    found = power_law(coarse)
    assert (found.r_min, found.r_max) == (2, 12)
    g = two_point(coarse)
    inside = (g.distance > 1.99) & (g.distance < 12.01)
    expected = slope(g.distance[inside], g.value.value[inside])
    assert float(found.delta.value) == pytest.approx(expected, abs=1e-9)
    cells = torus_cft.spin_shells((12, 12))
    assert found.bias == pytest.approx(
        slope(cells[0][inside], cells[1][inside]) - 1 / 8, abs=1e-9
    )


def test_what_has_no_logarithm_is_refused():
    spins = Ensemble.from_values(random_spins((16, 4, 8, 8), seed=3))
    with pytest.raises(ValueError, match="needs a positive correlator"):
        power_law(spins)
    with pytest.raises(ValueError, match="at least 2 distances"):
        power_law(spins, r_min=3.9)
    for far in (0, float("nan"), float("inf"), "4"):
        with pytest.raises(ValueError, match="needs 0 < r_min < r_max"):
            power_law(spins, r_max=far)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="spin or energy"):
        power_law(spins, "mass")
