"""The infinite lattice against textbook forms in high precision and its limits."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest

from kadanoff.exact import constants, onsager
from kadanoff.exact.constants import ENERGY_C, K_C, LOG_PARTITION_C, T_C
from kadanoff.exact.strip import strip

COUPLINGS = (-1.3, -0.4407, -0.1, 1e-6, 0.02, 0.3, 0.43, 0.4406, 0.4408, 0.45, 0.7, 3.0)


def slow_log_partition(coupling: Any) -> Any:
    """Onsager 1944 with the inner integral done: ½ ln 2 + ∫ dω/2π ln[a + √(a² - s²)].

    a = cosh² 2K - sinh 2K cos ω, s = sinh 2K; other variables than the module uses.
    """
    cosh, sinh = mpmath.cosh(2 * coupling), mpmath.sinh(2 * coupling)

    def integrand(angle: Any) -> Any:
        a = cosh**2 - sinh * mpmath.cos(angle)
        return mpmath.log(a + mpmath.sqrt(a**2 - sinh**2))

    knots = [0, 1e-3, 1e-2, 0.1, 1, math.pi - 0.1, mpmath.pi]
    integral = mpmath.quad(integrand, knots)
    return mpmath.log(2) / 2 + integral / (2 * mpmath.pi)


def slow_energy(coupling: Any) -> Any:
    """Onsager's closed form with κ = 2 sinh 2K / cosh² 2K, McCoy and Wu (1973)."""
    tanh = mpmath.tanh(2 * coupling)
    kappa = 2 * tanh / mpmath.cosh(2 * coupling)
    bracket = 1 + 2 / mpmath.pi * (2 * tanh**2 - 1) * mpmath.ellipk(kappa**2)
    return -mpmath.coth(2 * coupling) * bracket


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_log_partition_is_the_integral_in_other_variables(coupling: float) -> None:
    with mpmath.workdps(25):
        expected = float(slow_log_partition(mpmath.mpf(coupling)))
    value = onsager.log_partition_per_site(coupling)
    assert value == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_energy_is_the_textbook_form(coupling: float) -> None:
    with mpmath.workdps(50):
        expected = float(slow_energy(mpmath.mpf(coupling)))
    assert onsager.energy(coupling) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_heat_capacity_is_the_slope_of_the_energy(coupling: float) -> None:
    with mpmath.workdps(60):
        k = mpmath.mpf(coupling)
        expected = float(-(k**2) * mpmath.diff(slow_energy, k, h=mpmath.mpf("1e-20")))
    assert onsager.heat_capacity(coupling) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("coupling", [0.05, 0.3, 0.43, 0.46, 0.8])
def test_energy_is_the_slope_of_the_log_partition(coupling: float) -> None:
    step = 1e-4
    ahead, behind = (
        onsager.log_partition_per_site(coupling + s * step) for s in (1, -1)
    )
    # A central difference errs by step²/6 times the third derivative, below 4e3 here.
    slope = (ahead - behind) / (2 * step)
    assert onsager.energy(coupling) == pytest.approx(-slope, abs=1e-5)


def test_the_critical_point_has_its_closed_forms() -> None:
    assert onsager.log_partition_per_site(K_C) == pytest.approx(
        LOG_PARTITION_C, abs=1e-14
    )
    assert onsager.energy(K_C) == pytest.approx(-math.sqrt(2), abs=1e-14)
    assert onsager.energy(-K_C) == pytest.approx(math.sqrt(2), abs=1e-14)
    assert onsager.heat_capacity(K_C) == onsager.heat_capacity(-K_C) == math.inf


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("distance", [10.0**-k for k in range(2, 15)])
def test_all_is_continuous_and_the_heat_capacity_logarithmic(
    side: int, distance: float
) -> None:
    coupling = K_C + side * distance
    log = abs(math.log(distance))
    assert abs(onsager.energy(coupling) - ENERGY_C) < 4 * distance * (log + 1)
    excess = onsager.log_partition_per_site(coupling) - LOG_PARTITION_C
    assert abs(excess + side * distance * ENERGY_C) < 4 * distance**2 * log + 1e-14
    # Onsager 1944: C → (8K_c²/π)[ln(1/|K-K_c|) - (1 + π/4) + ½ ln 2], up to x ln x;
    # below x = 1e-12 rounding of K moves the logarithm itself.
    leading = log - 1 - math.pi / 4 + math.log(2) / 2
    tolerance = 10 * distance * log + 1e-15 / distance
    assert onsager.heat_capacity(coupling) == pytest.approx(
        8 * K_C**2 / math.pi * leading, abs=tolerance
    )


def test_the_limits_of_weak_and_strong_coupling() -> None:
    assert onsager.energy(0.0) == 0
    assert onsager.heat_capacity(0.0) == 0
    assert onsager.log_partition_per_site(0.0) == pytest.approx(math.log(2), abs=1e-15)
    for coupling in (1e-9, 1e-5):
        assert onsager.energy(coupling) == pytest.approx(-2 * coupling, rel=1e-8)
        assert onsager.heat_capacity(coupling) == pytest.approx(
            2 * coupling**2, rel=1e-8
        )
    assert onsager.energy(1e4) == -2
    assert onsager.energy(-1e4) == 2
    assert onsager.heat_capacity(1e200) == 0
    assert onsager.log_partition_per_site(-1e4) == 2e4
    # One overturned spin: C → 64 K² e^{-8K}.
    assert onsager.heat_capacity(6.0) == pytest.approx(64 * 36 * math.exp(-48))


def test_the_magnetization_is_yangs() -> None:
    couplings = np.linspace(K_C + 1e-3, 2, 9)
    expected = (1 - np.sinh(2 * couplings) ** -4) ** 0.125
    values = [onsager.spontaneous_magnetization(float(k)) for k in couplings]
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    assert onsager.spontaneous_magnetization(1e4) == 1


@pytest.mark.parametrize("coupling", [-2.0, 0.0, 0.44, K_C])
def test_there_is_no_magnetization_without_order(coupling: float) -> None:
    assert onsager.spontaneous_magnetization(coupling) == 0


@pytest.mark.parametrize(
    "quantity",
    [
        onsager.energy,
        onsager.heat_capacity,
        onsager.log_partition_per_site,
        onsager.spontaneous_magnetization,
    ],
)
@pytest.mark.parametrize("coupling", [math.nan, math.inf, -math.inf])
def test_a_coupling_that_is_not_finite_is_refused(
    quantity: Any, coupling: float
) -> None:
    with pytest.raises(ValueError, match="finite real number"):
        quantity(coupling)


def test_the_critical_couplings_are_self_dual_and_published() -> None:
    assert math.exp(-2 * K_C) == pytest.approx(math.tanh(K_C), rel=1e-15)
    assert pytest.approx(0.440686793509772, abs=1e-15) == K_C
    assert pytest.approx(2.269185314213022, abs=1e-15) == T_C
    assert math.tanh(constants.K_C_TRIANGULAR) == pytest.approx(2 - math.sqrt(3))


def test_the_exponents_obey_the_scaling_laws() -> None:
    c = constants
    assert c.ALPHA + 2 * c.BETA + c.GAMMA == 2
    assert c.GAMMA == c.BETA * (c.DELTA - 1)
    assert c.GAMMA == c.NU * (2 - c.ETA)
    assert c.DIMENSION * c.NU == 2 - c.ALPHA
    exponents = (c.Y_T, c.Y_H, c.ETA, c.BETA, c.GAMMA, c.DELTA)
    assert exponents == (1, 15 / 8, 1 / 4, 1 / 8, 7 / 4, 15)


def test_the_transcendental_constants_are_those_of_mpmath() -> None:
    assert float(mpmath.catalan) == constants.CATALAN
    assert float(mpmath.glaisher) == constants.GLAISHER
    assert pytest.approx(0.703380, abs=5e-7) == constants.CORRELATION_AMPLITUDE
    assert pytest.approx(0.929695398341610, abs=1e-15) == LOG_PARTITION_C


def test_the_correlation_amplitude_is_the_limit_of_the_diagonal() -> None:
    """⟨s_00 s_NN⟩ = (2/π)^N Π (1 - 1/4l²)^{l-N}, l < N; corrections are O(N^-2)."""
    n = 200
    l = np.arange(1, n)
    log = n * math.log(2 / math.pi) + ((l - n) * np.log1p(-1 / (4.0 * l**2))).sum()
    amplitude = math.exp(log) * (n * math.sqrt(2)) ** 0.25
    assert amplitude == pytest.approx(constants.CORRELATION_AMPLITUDE, rel=1e-5)


@pytest.mark.parametrize("coupling", [0.15, 0.25])
def test_the_correlation_length_is_that_of_a_wide_strip(coupling: float) -> None:
    """A strip of 12 sites differs by e^(-12/ξ), below 1e-4 at these couplings."""
    wide = strip(12, coupling).correlation_length
    assert onsager.correlation_length(coupling) == pytest.approx(wide, rel=1e-4)
    assert onsager.correlation_length(coupling + 0.005) != pytest.approx(wide, rel=1e-3)


def test_at_the_critical_point_there_is_no_length() -> None:
    assert onsager.correlation_length(K_C) == math.inf
    assert onsager.correlation_length(1 / T_C) == math.inf


@pytest.mark.parametrize("coupling", [0.0, 0.4407, 0.6, -0.2, math.nan])
def test_no_length_outside_the_disordered_phase(coupling: float) -> None:
    with pytest.raises(ValueError, match=r"disordered phase.*got K"):
        onsager.correlation_length(coupling)
