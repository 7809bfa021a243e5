"""The fully connected model against all states, big integers and its known limits."""

from __future__ import annotations

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.optimize import root_scalar
from scipy.special import gamma

from kadanoff.exact import mean_field
from kadanoff.exact.enumerate import all_states

COUPLINGS = (-3.0, -0.5, 0.0, 0.7, 1.0, 1.6, 8.0)


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("sites", [2, 3, 8, 12])
def test_the_averages_are_those_over_all_states(sites: int, coupling: float) -> None:
    states = all_states(sites).astype(float)
    pairs = np.triu(np.ones((sites, sites)), 1)
    energies = -np.einsum("ni,ij,nj->n", states, pairs, states) / sites
    weights = np.exp(-coupling * energies)
    law, m = weights / weights.sum(), states.mean(1)
    exact = mean_field.moments(sites, coupling)
    mean = law @ energies
    assert exact.energy == pytest.approx(mean / sites, abs=1e-13)
    variance = law @ (energies - mean) ** 2
    assert exact.heat_capacity == pytest.approx(coupling**2 * variance / sites)
    assert exact.abs_m == pytest.approx(law @ abs(m), abs=1e-13)
    assert exact.m2 == pytest.approx(law @ m**2, abs=1e-13)
    assert exact.m4 == pytest.approx(law @ m**4, abs=1e-13)
    log = mean_field.log_partition(sites, coupling)
    assert log == pytest.approx(math.log(weights.sum()), abs=1e-13)


@pytest.mark.parametrize("coupling", [-2.0, 1.0, 1.3])
@pytest.mark.parametrize("sites", [1000, 10_000])
def test_large_numbers_of_spins_keep_their_digits(sites: int, coupling: float) -> None:
    """The same sums with binomials as exact integers and 40-digit exponentials."""
    with mpmath.workdps(40):
        z = m2 = energy = mpmath.mpf(0)
        count, k = 1, mpmath.mpf(coupling)
        for up in range(sites + 1):
            total = 2 * up - sites
            own = -mpmath.mpf(total**2 - sites) / (2 * sites)
            weight = count * mpmath.exp(-k * own)
            z, m2, energy = z + weight, m2 + weight * total**2, energy + weight * own
            count = count * (sites - up) // (up + 1)
        expected = [float(v) for v in (mpmath.log(z), m2 / z, energy / z)]
    exact = mean_field.moments(sites, coupling)
    log = mean_field.log_partition(sites, coupling)
    assert log == pytest.approx(expected[0], rel=1e-13)
    assert exact.m2 * sites**2 == pytest.approx(expected[1], rel=1e-10)
    assert exact.energy * sites == pytest.approx(expected[2], rel=1e-10)


def test_the_law_is_symmetric_and_normalised() -> None:
    totals, law = mean_field.magnetization_law(501, 1.2)
    assert (totals[0], totals[-1], len(totals)) == (-501, 501, 502)
    assert law.sum() == pytest.approx(1, abs=1e-13)
    np.testing.assert_allclose(law, law[::-1], rtol=1e-10)


def test_the_energy_is_the_slope_of_the_log_partition() -> None:
    step = 1e-4
    ahead, behind = (mean_field.log_partition(300, 1.1 + s * step) for s in (1, -1))
    slope = (ahead - behind) / (2 * step * 300)
    assert mean_field.moments(300, 1.1).energy == pytest.approx(-slope, abs=1e-6)


def test_the_ordered_phase_approaches_the_curie_weiss_magnetization() -> None:
    """⟨m²⟩ - m₀² falls as 1/N, m₀ = tanh(K m₀)."""
    solution = root_scalar(lambda m: math.tanh(1.5 * m) - m, bracket=(0.1, 1))
    sizes = (500, 1000, 2000)
    excess = [mean_field.moments(n, 1.5).m2 - solution.root**2 for n in sizes]
    ratios = [a / b for a, b in itertools.pairwise(excess)]
    assert ratios == pytest.approx([2, 2], abs=0.05)


def test_the_disordered_phase_has_a_curie_weiss_susceptibility() -> None:
    """N⟨m²⟩ → 1/(1 - K) with a correction that falls as 1/N."""
    sizes = (1000, 2000, 4000)
    excess = [n * mean_field.moments(n, 0.6).m2 - 2.5 for n in sizes]
    ratios = [a / b for a, b in itertools.pairwise(excess)]
    assert ratios == pytest.approx([2, 2], abs=0.05)


def test_the_critical_point_is_a_quartic_well() -> None:
    """p(m) ∝ e^{-N m⁴/12}: ⟨m²⟩ √N → √12 Γ(3/4)/Γ(1/4), with a 1/√N correction."""
    limit = math.sqrt(12) * gamma(0.75) / gamma(0.25)
    sizes = (2500, 10_000, 40_000)
    scaled = [
        math.sqrt(n) * mean_field.moments(n, mean_field.K_C).m2 - limit for n in sizes
    ]
    ratios = [a / b for a, b in itertools.pairwise(scaled)]
    assert ratios == pytest.approx([2, 2], abs=0.1)


def test_control_bonds_counted_twice_are_noticed() -> None:
    exact, doubled = mean_field.moments(12, 0.7), mean_field.moments(12, 1.4)
    assert abs(exact.m2 - doubled.m2) > 0.1


@pytest.mark.parametrize("sites", [0, 1, 2.5])
def test_a_bad_number_of_sites_is_refused(sites: Any) -> None:
    with pytest.raises(ValueError, match="whole number of at least 2 sites"):
        mean_field.moments(sites, 1.0)


@pytest.mark.parametrize("coupling", [math.nan, math.inf])
def test_a_coupling_that_is_not_finite_is_refused(coupling: float) -> None:
    with pytest.raises(ValueError, match="finite real number"):
        mean_field.log_partition(10, coupling)
