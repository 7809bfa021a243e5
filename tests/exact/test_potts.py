"""The Potts model against Ising, transfer matrices, a series and known exponents."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from kadanoff.exact import constants, onsager, potts


def strip(q: int, width: int, coupling: float) -> tuple[float, float]:
    """ln Z and energy per site of an endless periodic strip, by its top eigenvector."""
    rows = np.array(list(itertools.product(range(q), repeat=width)))
    inside = (rows == np.roll(rows, 1, axis=1)).sum(1)
    bonds = (rows[:, None] == rows).sum(2) + (inside[:, None] + inside) / 2
    matrix = np.exp(coupling * bonds)
    values, vectors = np.linalg.eigh(matrix)
    top = vectors[:, -1]
    energy = -(top @ (bonds * matrix) @ top) / values[-1] / width
    return math.log(values[-1]) / width, float(energy)


def test_two_states_are_the_ising_model() -> None:
    assert potts.critical_coupling(2) / 2 == pytest.approx(constants.K_C, rel=1e-15)
    triangular = potts.critical_coupling(2, "triangular") / 2
    assert triangular == pytest.approx(constants.K_C_TRIANGULAR, rel=1e-14)
    honeycomb = potts.critical_coupling(2, "honeycomb") / 2
    assert honeycomb == pytest.approx(math.log(2 + math.sqrt(3)) / 2, rel=1e-14)
    ising = (onsager.energy(constants.K_C) - 2) / 2
    assert potts.critical_energy(2) == pytest.approx(ising, rel=1e-14)
    assert potts.thermal_exponent(2) == pytest.approx(constants.Y_T, rel=1e-14)
    assert potts.magnetic_exponent(2) == pytest.approx(constants.Y_H, rel=1e-14)
    assert potts.central_charge(2) == pytest.approx(constants.CENTRAL_CHARGE)


@pytest.mark.parametrize("q", [1, 1.5, 2, 3, 4, 7, 100, 1e6])
def test_triangular_and_honeycomb_are_dual(q: float) -> None:
    """Duality is v v* = q, and takes one lattice to the other; the square to itself."""
    v = {
        lattice: math.expm1(potts.critical_coupling(q, lattice))
        for lattice in ("square", "triangular", "honeycomb")
    }
    assert v["square"] ** 2 == pytest.approx(q, rel=1e-13)
    assert v["triangular"] * v["honeycomb"] == pytest.approx(q, rel=1e-12)
    assert v["triangular"] < v["square"] < v["honeycomb"]


def test_one_state_is_bond_percolation() -> None:
    """p = 1 - e^{-K}: ½, 2 sin(π/18), 1 - 2 sin(π/18) (Sykes and Essam 1964)."""
    p = [
        -math.expm1(-potts.critical_coupling(1, lattice))
        for lattice in ("square", "triangular", "honeycomb")
    ]
    triangular = 2 * math.sin(math.pi / 18)
    assert p == pytest.approx([0.5, triangular, 1 - triangular], rel=1e-13)
    assert potts.thermal_exponent(1) == pytest.approx(3 / 4)
    assert potts.delta_sigma(1) == pytest.approx(5 / 48)
    assert potts.central_charge(1) == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize(
    ("q", "thermal", "magnetic", "charge"),
    [(3, 6 / 5, 28 / 15, 4 / 5), (4, 3 / 2, 15 / 8, 1)],
)
def test_the_exponents_are_the_published_ones(
    q: int, thermal: float, magnetic: float, charge: float
) -> None:
    """F. Y. Wu, Rev. Mod. Phys. 54, 235 (1982)."""
    assert potts.thermal_exponent(q) == pytest.approx(thermal, rel=1e-14)
    assert potts.magnetic_exponent(q) == pytest.approx(magnetic, rel=1e-14)
    assert potts.central_charge(q) == pytest.approx(charge, rel=1e-14)


@pytest.mark.parametrize(("q", "width"), [(2, 6), (3, 3), (3, 6), (4, 4), (7, 3)])
def test_an_endless_strip_has_the_critical_energy_at_any_width(
    q: int, width: int
) -> None:
    """Such a strip is self-dual, so the argument for the plane holds for it too."""
    _, energy = strip(q, width, potts.critical_coupling(q))
    assert energy == pytest.approx(potts.critical_energy(q), abs=1e-13)


def test_control_another_coupling_has_another_energy() -> None:
    _, energy = strip(3, 3, 0.97 * potts.critical_coupling(3))
    assert abs(energy - potts.critical_energy(3)) > 0.03


@pytest.mark.parametrize("q", [2, 3])
def test_the_strip_scales_with_the_central_charge(q: int) -> None:
    """lnΛ/L = f + πc/(6L²) + … at K_c (Blöte, Cardy and Nightingale 1986)."""
    f = {w: strip(q, w, potts.critical_coupling(q))[0] for w in (3, 4, 5, 6)}
    narrow, wide = (
        6 / math.pi * (f[w] - f[w + 1]) / (w**-2 - (w + 1) ** -2) for w in (3, 5)
    )
    truth = potts.central_charge(q)
    assert abs(wide - truth) < abs(narrow - truth) / 2
    assert wide == pytest.approx(truth, abs=0.05)


def test_the_critical_free_energy_of_two_states_is_onsagers() -> None:
    """δ(s, s') = (1 + s s')/2: a site gains K/2 on each of two bonds."""
    ising = constants.LOG_PARTITION_C + constants.K_C * 2
    assert potts.log_partition_per_site(2) == pytest.approx(ising, rel=1e-15)


def test_the_critical_free_energy_near_one_state_counts_percolation_clusters() -> None:
    """Z = Σ v^bonds q^clusters: e^2K at q = 1, and there d/dq is the mean number.

    (3√3 - 5)/2 clusters per site (H. N. V. Temperley and E. H. Lieb, Proc. R. Soc. A
    322, 251 (1971)) and, since v = √q, half of the one open bond of each site.
    """
    f, h = potts.log_partition_per_site, 1e-4
    assert f(1) == pytest.approx(2 * math.log(2), rel=1e-15)
    slope = (-3 * f(1) + 4 * f(1 + h) - f(1 + 2 * h)) / (2 * h)
    clusters = (3 * math.sqrt(3) - 5) / 2
    assert slope == pytest.approx(clusters + 1 / 2, abs=1e-7)
    assert abs(slope - clusters) > 0.4  # control: without the bonds it would not be


@pytest.mark.parametrize(("q", "widths"), [(3, (4, 5, 6)), (4, (3, 4, 5))])
def test_strips_extrapolate_to_the_critical_free_energy(
    q: int, widths: tuple[int, int, int]
) -> None:
    """lnΛ/L = f + πc/(6L²) + a/L⁴ + …; the rest falls with the width."""
    truth = potts.log_partition_per_site(q)
    charge = math.pi * potts.central_charge(q) / 6
    rests = [
        strip(q, w, potts.critical_coupling(q))[0] - charge / w**2 - truth
        for w in widths
    ]
    assert abs(rests[0]) > abs(rests[1]) > abs(rests[2])
    first, last = (w**4 * r for w, r in zip(widths[1:], rests[1:], strict=True))
    a, b = widths[1:]
    extrapolated = (last - first) / (b**4 - a**4)
    assert abs(extrapolated) < 2e-4
    assert abs(rests[2]) < 1.5e-3


def test_the_critical_free_energy_is_smooth_at_four_states() -> None:
    """Two formulas, one function: an integral below and a sum above."""
    f = potts.log_partition_per_site
    for h in (1e-2, 1e-4, 2e-6, 1e-8):
        bend = (f(4 + h) - 2 * f(4) + f(4 - h)) / h
        assert bend == pytest.approx(0, abs=0.05 * h + 1e-15 / h)
    ordered = [f(4 + h) for h in (0.99e-6, 1.01e-6)]  # mirrored, summed
    slope = (f(4) - f(4 - 1e-3)) / 1e-3
    assert ordered[1] - ordered[0] == pytest.approx(0.02e-6 * slope, rel=1e-3)


def test_the_critical_free_energy_of_many_states_is_that_of_a_series() -> None:
    """Overturned cells in the ordered phase, as in the next test, to w⁸.

    The rest falls as w⁵ = q^(-5/2).
    """

    def rest(q: float) -> float:
        coupling = potts.critical_coupling(q)
        w = math.exp(-coupling)
        series = 2 * coupling + (q - 1) * w**4 + 2 * (q - 1) * w**6
        series += 2 * (q - 1) * (q - 2) * w**7 - 5 / 2 * q**2 * w**8
        series += 6 * q**3 * w**10 + q**4 * w**12
        return potts.log_partition_per_site(q) - series

    assert abs(rest(1e4)) < 1e-7
    assert rest(1e3) / rest(1e4) == pytest.approx(10**2.5, rel=0.3)


def test_the_ordered_phase_is_that_of_its_series() -> None:
    """It lies half a latent heat below the mean energy, and w = e^-K is about q^-½.

    Overturned cells, all of different values where that costs nothing, give ln Z/N =
    2K + (q-1)w⁴ + 2(q-1)w⁶ + 2(q-1)(q-2)w⁷ - (5/2)q²w⁸ + 6q³w¹⁰ + q⁴w¹² and a rest
    that falls as q^(-5/2): pairs, excluded pairs, six shapes of three cells, a square.
    """

    def rest(q: float) -> float:
        w = math.exp(-potts.critical_coupling(q))
        series = -2 + 4 * (q - 1) * w**4 + 12 * (q - 1) * w**6 - 20 * q**2 * w**8
        series += 14 * (q - 1) * (q - 2) * w**7 + 60 * q**3 * w**10 + 12 * q**4 * w**12
        return potts.critical_energy(q) - potts.latent_heat(q) / 2 - series

    assert rest(1e4) < 1e-7
    for q in (1e4, 1e5):
        assert rest(q) / rest(10 * q) == pytest.approx(10**2.5, rel=0.1)


def test_the_latent_heat_vanishes_up_to_four_states() -> None:
    assert [potts.latent_heat(q) for q in (1, 2, 3, 4)] == [0, 0, 0, 0]
    heats = [potts.latent_heat(q) for q in (4.5, 5, 6, 8, 10, 20)]
    assert all(a < b for a, b in itertools.pairwise(heats))
    # An essential singularity: smaller than any power of q - 4.
    assert 0 < potts.latent_heat(4.1) < 1e-5


@pytest.mark.parametrize("q", [0.5, -1, math.nan, math.inf])
def test_a_bad_number_of_states_is_refused(q: float) -> None:
    with pytest.raises(ValueError, match="finite number of states from 1 on"):
        potts.critical_coupling(q)


def test_there_are_no_exponents_at_a_first_order_transition() -> None:
    with pytest.raises(ValueError, match="first order, see latent_heat"):
        potts.thermal_exponent(5)


def test_another_lattice_is_refused() -> None:
    with pytest.raises(ValueError, match="square, triangular, honeycomb, got 'cubic'"):
        potts.critical_coupling(3, "cubic")
