"""Exact numbers of states against enumeration, series and Kaufman's thermodynamics."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from kadanoff.exact import density
from kadanoff.exact.constants import K_C
from kadanoff.exact.density import density_of_states, energy_law
from kadanoff.exact.enumerate import energy_levels
from kadanoff.exact.kaufman import torus

SMALL = [(2, 2), (2, 3), (3, 2), (3, 3), (4, 4), (3, 5), (2, 4), (4, 5), (2, 9)]


def log_series(counts: tuple[int, ...], order: int) -> list[Fraction]:
    """Coefficients of ln f up to w^order, f = ½ Σ_j g_j w^j, from (ln f)′ f = f′."""
    f = [Fraction(g, 2) for g in counts[: order + 1]]
    logs = [Fraction(0)] * (order + 1)
    for j in range(1, order + 1):
        known = sum((k * logs[k] * f[j - k] for k in range(1, j)), Fraction(0))
        logs[j] = (j * f[j] - known) / j
    return logs


@pytest.mark.parametrize("shape", SMALL)
def test_small_tori_are_those_enumerated(shape: tuple[int, int]) -> None:
    energies, counts = density_of_states(shape)
    occupied = {int(e): g for e, g in zip(energies, counts, strict=True) if g}
    levels, numbers = energy_levels(shape)
    assert occupied == dict(zip(levels.tolist(), numbers.tolist(), strict=True))


@pytest.mark.parametrize("shape", [(8, 8), (16, 16), (7, 30), (15, 17), (32, 32)])
def test_every_state_is_counted_once(shape: tuple[int, int]) -> None:
    sites = math.prod(shape)
    energies, counts = density_of_states(shape)
    assert sum(counts) == 2**sites
    assert min(counts) == 0
    assert (energies[0], energies[-1], len(energies)) == (
        -2 * sites,
        2 * sites,
        sites + 1,
    )


@pytest.mark.parametrize("shape", [(8, 8), (16, 16), (11, 12), (32, 32)])
def test_the_lowest_levels_are_counted_by_hand(shape: tuple[int, int]) -> None:
    """One overturned spin, a pair, two spins or a cluster of three or a square.

    P. D. Beale, Phys. Rev. Lett. 76, 78 (1996) has 2, 2N, 4N as the first of 32×32.
    """
    n = math.prod(shape)
    _, counts = density_of_states(shape)
    two_apart, three, square = n * (n - 5) // 2, 6 * n, n
    assert counts[:5] == (2, 0, 2 * n, 4 * n, 2 * (two_apart + three + square))


def test_below_a_winding_loop_the_logarithm_is_extensive() -> None:
    """Clusters that do not wind round the torus know nothing of its size."""
    order = 11
    expected = [c / 256 for c in log_series(density_of_states((16, 16))[1], order)]
    for shape in ((32, 32), (12, 17), (20, 13)):
        own = log_series(density_of_states(shape)[1], order)
        assert [c / math.prod(shape) for c in own] == expected
    wound = log_series(density_of_states((10, 16))[1], order)
    assert [c / 160 for c in wound[:10]] == expected[:10]
    assert wound[10] / 160 != expected[10]


@pytest.mark.parametrize("shape", [(6, 8), (16, 16)])
def test_even_sides_have_a_symmetric_spectrum(shape: tuple[int, int]) -> None:
    _, counts = density_of_states(shape)
    assert counts == counts[::-1]
    ferro, anti = (energy_law(shape, k)[1] for k in (0.5, -0.5))
    np.testing.assert_allclose(ferro, anti[::-1], rtol=1e-11)


def test_odd_sides_leave_bonds_unsatisfied() -> None:
    energies, counts = density_of_states((5, 7))
    top = max(int(e) for e, g in zip(energies, counts, strict=True) if g)
    assert top == 2 * 35 - 2 * 12  # one bond per ring: 5 + 7 of them


@pytest.mark.parametrize("coupling", [0.1, K_C, 0.9, -0.35])
@pytest.mark.parametrize("shape", [(3, 7), (9, 14), (32, 32), (15, 13), (36, 40)])
def test_the_law_has_kaufmans_mean_and_variance(
    shape: tuple[int, int], coupling: float
) -> None:
    energies, law = energy_law(shape, coupling)
    sites, exact = math.prod(shape), torus(shape, coupling)
    mean = law @ energies
    variance = law @ (energies - mean) ** 2
    assert law.sum() == pytest.approx(1, abs=1e-12)
    assert mean / sites == pytest.approx(exact.energy, abs=1e-10)
    heat = coupling**2 * variance / sites
    assert heat == pytest.approx(exact.heat_capacity, rel=1e-8)


@pytest.mark.parametrize("coupling", [-0.5, 0.0, 0.3, 1.0])
def test_reweighting_gives_the_partition_function(coupling: float) -> None:
    energies, counts = density_of_states((16, 15))
    logs = [
        math.log(g) - coupling * e for e, g in zip(energies, counts, strict=True) if g
    ]
    total = max(logs) + math.log(math.fsum(math.exp(v - max(logs)) for v in logs))
    exact = torus((16, 15), coupling).log_partition
    assert total == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("coupling", [0.0, 0.2, K_C, 0.8, 3.0, 30.0])
@pytest.mark.parametrize("shape", [(2, 5), (3, 4), (16, 16), (31, 33)])
def test_complex_couplings_give_the_same_law(
    shape: tuple[int, int], coupling: float
) -> None:
    counted = energy_law(shape, coupling)[1]
    transformed = density._characteristic_law(*shape, coupling)
    tolerance = 2 * density.NOISE * counted.max()
    np.testing.assert_allclose(transformed, counted, rtol=0, atol=tolerance)


def test_a_large_lattice_is_transformed_on_either_side_of_zero() -> None:
    ferro, anti = (energy_law((40, 50), k)[1] for k in (0.44, -0.44))
    np.testing.assert_array_equal(ferro, anti[::-1])


@pytest.mark.parametrize("parity", [0, 1])
def test_control_a_missing_sector_is_noticed(
    parity: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = density._sectors

    def without(*arguments: Any) -> Any:
        growth, factors = truth(*arguments)
        factors[parity] = 0
        return growth, factors

    counted = energy_law((4, 6), 0.4)[1]
    monkeypatch.setattr(density, "_sectors", without)
    wrong = density._characteristic_law(4, 6, 0.4)
    assert abs(wrong - counted).max() > 1e-2 * counted.max()


@pytest.mark.parametrize(("order", "prime"), [(12, 13), (64, 193), (126, 2**31 - 1)])
def test_roots_of_unity_have_their_order(order: int, prime: int) -> None:
    root = density._root_of_unity(order, prime)
    powers = density._powers(root, order, prime)
    assert len(set(powers.tolist())) == order
    assert pow(root, order, prime) == 1


def test_the_primes_are_prime() -> None:
    sieve = np.ones(5000, dtype=bool)
    sieve[:2] = False
    for k in range(2, 71):
        sieve[k * k :: k] = False
    found = [k for k in range(2, 5000) if density._is_prime(k)]
    assert found == np.flatnonzero(sieve).tolist()
    assert density._is_prime(2**31 - 1)
    assert not density._is_prime(46337 * 46349)
    assert not density._is_prime(2047 * 2049)


@pytest.mark.slow
def test_the_largest_lattice_is_counted() -> None:
    _, counts = density_of_states((64, 64))
    assert sum(counts) == 2**4096
    assert counts == counts[::-1]
    assert counts[:4] == (2, 0, 8192, 16384)
    transformed = density._characteristic_law(64, 64, K_C)
    counted = density._weighted(density._energies(4096), counts, K_C)
    np.testing.assert_allclose(transformed, counted, atol=4e-12 * counted.max(), rtol=0)


@pytest.mark.parametrize("shape", [(1, 4), (4,), (4, 4, 4), (4.5, 4), (64, 65)])
def test_a_bad_shape_is_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match="two whole sides of at least 2"):
        density_of_states(shape)


def test_a_frustrated_lattice_too_large_to_count_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 4096 sites"):
        energy_law((65, 64), -0.4)


@pytest.mark.parametrize("coupling", [math.nan, math.inf])
def test_a_coupling_that_is_not_finite_is_refused(coupling: float) -> None:
    with pytest.raises(ValueError, match="finite real number"):
        energy_law((4, 4), coupling)
