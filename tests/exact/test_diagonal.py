"""Diagonal correlations against quadrature, strips, series and their limits."""

from __future__ import annotations

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest

from kadanoff.exact import diagonal, onsager
from kadanoff.exact.constants import CORRELATION_AMPLITUDE, K_C
from kadanoff.exact.diagonal import (
    critical_correlation,
    diagonal_correlation,
    nearest_neighbour_correlation,
)

COUPLINGS = [0.1, 0.3, 0.42, 0.46, 0.7, 1.5]


def sampled_determinant(n: int, k: float) -> float:
    """The determinant with coefficients by a plain Fourier sum over the symbol.

    As McCoy and Wu write it for both phases: [(S - e^{-iθ})/(S - e^{iθ})]^{1/2} with
    S = sinh² 2K, the root continued from its value 1 at θ = π.
    """
    points = 4096
    theta = 2 * math.pi * (np.arange(points) + 0.5) / points
    s = math.sinh(2 * k) ** 2
    # The argument of 1 + S e^{…}-type ratios, followed without a jump from θ = π.
    phase = np.unwrap(np.angle((s - np.exp(-1j * theta)) / (s - np.exp(1j * theta))))
    phase -= 2 * math.pi * round(phase[points // 2] / (2 * math.pi))
    symbol = np.exp(0.5j * phase)
    a = [(symbol * np.exp(-1j * j * theta)).mean().real for j in range(1 - n, n)]
    matrix = [[a[i - j + n - 1] for j in range(n)] for i in range(n)]
    return float(np.linalg.det(np.array(matrix)))


def strip_correlation(width: int, k: float) -> tuple[float, float]:
    """⟨s_00 s_11⟩ and ⟨s_00 s_01⟩ of an endless periodic strip."""
    rows = np.array(list(itertools.product((-1, 1), repeat=width)))
    inside = (rows * np.roll(rows, 1, axis=1)).sum(1)
    matrix = np.exp(k * (rows @ rows.T + (inside[:, None] + inside) / 2))
    values, vectors = np.linalg.eigh(matrix)
    top = vectors[:, -1]
    across = (top * rows[:, 0]) @ matrix @ (top * rows[:, 1]) / values[-1]
    along = (top**2) @ (rows[:, 0] * rows[:, 1])
    return float(across), float(along)


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_the_determinant_is_that_of_a_sampled_symbol(n: int, coupling: float) -> None:
    expected = sampled_determinant(n, coupling)
    assert diagonal_correlation(n, coupling) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("k", [1e-3, 0.5, 0.95, 0.9999, 1 - 1e-9, 1 - 1e-14])
def test_the_coefficients_are_products_of_binomial_series(k: float) -> None:
    """k^j (½)_j/j! F(-½, j + ½; j + 1; k²) and k^j (-½)_j/j! F(j - ½, ½; j + 1; k²)."""
    ahead, behind = diagonal._coefficients(900, k)
    for j in (0, 1, 2, 30, 250, 900):
        power = mpmath.mpf(k) ** j / mpmath.factorial(j)
        square = mpmath.mpf(k) ** 2
        up = mpmath.rf(0.5, j) * mpmath.hyp2f1(-0.5, j + 0.5, j + 1, square)
        down = mpmath.rf(-0.5, j) * mpmath.hyp2f1(j - 0.5, 0.5, j + 1, square)
        assert ahead[j] == pytest.approx(float(power * up), rel=1e-12, abs=1e-300)
        assert behind[j] == pytest.approx(float(power * down), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("coupling", [0.2, 0.3, 0.6, 0.8])
def test_strips_approach_the_plane(coupling: float) -> None:
    """Exponentially in the width, for the diagonal and for nearest neighbours."""
    truth = (
        diagonal_correlation(1, coupling),
        nearest_neighbour_correlation(coupling),
    )
    errors = [
        np.abs(np.subtract(strip_correlation(width, coupling), truth))
        for width in (4, 6, 8)
    ]
    assert np.all(errors[1] < errors[0] / 2)
    assert np.all(errors[2] < errors[1] / 2)
    assert np.all(errors[2] < 6e-3)


def test_nearest_neighbours_along_the_diagonal_of_a_small_coupling() -> None:
    """Shortest paths: binom(2N, N) tanh^{2N} K, corrections of relative order K²."""
    for n in (1, 2, 3):
        errors = []
        for coupling in (0.02, 0.01):
            leading = math.comb(2 * n, n) * math.tanh(coupling) ** (2 * n)
            errors.append(diagonal_correlation(n, coupling) / leading - 1)
        assert 0 < errors[0] < 0.01
        assert errors[0] / errors[1] == pytest.approx(4, abs=0.3)


def test_the_critical_product_is_published() -> None:
    assert critical_correlation(1) == pytest.approx(0.63661977, abs=5e-9)
    assert critical_correlation(2) == pytest.approx(0.54037965, abs=5e-9)


@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_the_determinant_tends_to_the_critical_product(n: int) -> None:
    """From both sides as x ln x with x = |K - K_c|: the energy density's own scale."""
    truth = critical_correlation(n)
    assert diagonal_correlation(n, K_C) == truth
    for distance in (1e-6, 1e-8, 1e-12):
        for side in (1, -1):
            value = diagonal_correlation(n, K_C + side * distance)
            bound = 10 * n * distance * abs(math.log(distance)) + 1e-13
            assert 0 < side * (value - truth) + 1e-13 < bound


def test_the_critical_correlation_decays_with_its_amplitude() -> None:
    """B r^(-1/4) (1 - 1/(64 N²) + …): four times nearer on twice the distance."""
    rests = []
    for n in (50, 100, 200):
        r = n * math.sqrt(2)
        ratio = critical_correlation(n) * r**0.25 / CORRELATION_AMPLITUDE
        rests.append((ratio - 1) * n * n)
    assert rests == pytest.approx([-1 / 64] * 3, rel=2e-3)
    assert critical_correlation(10**6) * (10**6 * math.sqrt(2)) ** 0.25 == (
        pytest.approx(CORRELATION_AMPLITUDE, rel=1e-9)
    )


@pytest.mark.parametrize(("coupling", "far"), [(0.46, 40), (0.5, 16)])
def test_the_ordered_phase_keeps_the_squared_magnetization(
    coupling: float, far: int
) -> None:
    """G - M² falls as e^{-2r/ξ}/r²: a factor sinh⁻⁴ 2K per step times 1 - 2/N + …"""
    m2 = onsager.spontaneous_magnetization(coupling) ** 2
    rate = math.sinh(2 * coupling) ** -4

    def deviation(n: int) -> float:
        near, next_ = (diagonal_correlation(n + k, coupling) - m2 for k in (0, 1))
        return next_ / near / (rate * (n / (n + 1)) ** 2) - 1

    assert 0 < deviation(far) < 0.02
    assert deviation(far // 2) > 3 * deviation(far)
    rest = diagonal_correlation(400, coupling) - m2
    assert rest == pytest.approx(0, abs=1e-13)


def test_the_disordered_phase_decays_exponentially() -> None:
    """A factor sinh² 2K per step, up to N^(-1/2)."""
    pair = [diagonal_correlation(n, 0.38) for n in (20, 21)]
    rate = math.sinh(0.76) ** 2 * math.sqrt(20 / 21)
    assert pair[1] / pair[0] == pytest.approx(rate, rel=1e-3)


@pytest.mark.parametrize("coupling", [0.05, 0.3, 0.43, 0.45, 0.9])
def test_nearest_neighbours_are_a_determinant_of_one_row(coupling: float) -> None:
    """The first coefficient of the symbol along a row (McCoy and Wu, chapter VIII)."""
    z = mpmath.tanh(coupling)
    one, two = z * (1 - z) / (1 + z), (1 - z) / (z * (1 + z))

    def symbol(angle: Any) -> Any:
        e = mpmath.expj(angle)
        root = mpmath.sqrt((1 - one * e) / (1 - one / e))
        if two < 1:
            return root * mpmath.sqrt((1 - two / e) / (1 - two * e))
        # The last ratio winds twice as e^{-2iθ}; its root is 1 at θ = π.
        return -root / e * mpmath.sqrt((1 - e / two) / (1 - 1 / (two * e)))

    knots = [0, 0.01, 0.1, 1, mpmath.pi]
    average = mpmath.quad(lambda angle: symbol(angle).real, knots) / mpmath.pi
    value = nearest_neighbour_correlation(coupling)
    assert value == pytest.approx(float(average), abs=1e-10)


def test_the_sign_of_the_coupling_is_that_of_neighbours_only() -> None:
    assert diagonal_correlation(3, -0.5) == diagonal_correlation(3, 0.5)
    assert nearest_neighbour_correlation(-0.5) == -nearest_neighbour_correlation(0.5)


def test_the_limits_of_weak_and_strong_coupling() -> None:
    assert diagonal_correlation(0, 0.2) == 1
    assert diagonal_correlation(5, 0.0) == 0
    assert diagonal_correlation(5, 400.0) == pytest.approx(1, abs=1e-14)
    assert nearest_neighbour_correlation(0.0) == 0
    assert nearest_neighbour_correlation(400.0) == 1


@pytest.mark.parametrize("coupling", [0.3, 0.43, 0.44, 0.4406, 0.4408, 0.45, 1.0])
def test_large_distances_are_finite_and_decreasing(coupling: float) -> None:
    values = [diagonal_correlation(n, coupling) for n in (10, 100, 300, 1000)]
    assert all(b <= a + 1e-12 for a, b in itertools.pairwise(values))
    assert values[0] <= 1
    m2 = onsager.spontaneous_magnetization(coupling) ** 2
    assert values[-1] >= m2 - 1e-12


def test_control_the_phases_are_not_confused() -> None:
    assert abs(diagonal_correlation(2, 0.40) - sampled_determinant(2, 0.48)) > 0.1


@pytest.mark.parametrize("distance", [-1, 1.5])
def test_a_bad_distance_is_refused(distance: Any) -> None:
    with pytest.raises(ValueError, match="whole number of diagonal steps"):
        diagonal_correlation(distance, 0.4)
    with pytest.raises(ValueError, match="whole number of diagonal steps"):
        critical_correlation(distance)


def test_a_distance_too_large_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 1000 diagonal steps, got 1001"):
        diagonal_correlation(1001, 0.4)


@pytest.mark.parametrize("coupling", [math.nan, math.inf])
def test_a_coupling_that_is_not_finite_is_refused(coupling: float) -> None:
    with pytest.raises(ValueError, match="finite real number"):
        diagonal_correlation(2, coupling)
    with pytest.raises(ValueError, match="finite real number"):
        nearest_neighbour_correlation(coupling)
