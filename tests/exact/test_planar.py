"""Triangular and honeycomb lattices against textbook integrals, strips and series."""

from __future__ import annotations

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest

from kadanoff.exact import planar
from kadanoff.exact.constants import K_C_TRIANGULAR
from kadanoff.exact.planar import (
    K_C_HONEYCOMB,
    WANNIER_ENTROPY,
    energy,
    heat_capacity,
    log_partition_per_site,
    spontaneous_magnetization,
)

CASES = [
    *(("triangular", k) for k in (-0.6, -0.3, -0.05, 1e-7, 0.02, 0.2, 0.4, 0.9)),
    *(("honeycomb", k) for k in (-0.9, -0.2, 1e-7, 0.05, 0.5, 0.9, 1.6)),
]


def textbook(lattice: str, k: float) -> tuple[float, float, float]:
    """ln Z, u and C as means over momenta: the double integrals of Houtappel (1950).

    ½ ln[C³ + S³ - SΣ] + ln 2 and ¼ ln[C³ + 1 - S²Σ] + ¾ ln 2 with C, S = cosh, sinh 2K
    and Σ the sum of three cosines. The trapezoidal rule converges exponentially.
    """
    a = 2 * math.pi * np.arange(240) / 240
    cosines = np.cos(a) + np.cos(a[:, None]) + np.cos(a + a[:, None])
    c, s = math.cosh(2 * k), math.sinh(2 * k)
    if lattice == "triangular":
        part, free = 1 / 2, math.log(2)
        d = c**3 + s**3 - s * cosines
        slope = 2 * (3 * c * c * s + 3 * s * s * c - c * cosines)
        bend = 4 * (6 * c * s * (c + s) + 3 * c**3 + 3 * s**3 - s * cosines)
    else:
        part, free = 1 / 4, 3 / 4 * math.log(2)
        d = c**3 + 1 - s * s * cosines
        slope = 2 * (3 * c * c * s - 2 * s * c * cosines)
        bend = 4 * (6 * c * s * s + 3 * c**3 - 2 * (c * c + s * s) * cosines)
    rate = slope / d
    return (
        free + part * np.log(d).mean(),
        -part * rate.mean(),
        k * k * part * (bend / d - rate**2).mean(),
    )


def strip(width: int, k: float) -> tuple[np.ndarray, np.ndarray]:
    """Transfer matrix of a periodic triangular strip, and its rows of spins."""
    rows = np.array(list(itertools.product((-1, 1), repeat=width)))
    inside = (rows * np.roll(rows, 1, axis=1)).sum(1)
    bonds = rows @ rows.T + rows @ np.roll(rows, 1, axis=1).T
    return np.exp(k * (bonds + (inside[:, None] + inside) / 2)), rows


@pytest.mark.parametrize(("lattice", "coupling"), CASES)
def test_all_is_that_of_the_textbook_integrals(lattice: str, coupling: float) -> None:
    log, u, heat = textbook(lattice, coupling)
    value = log_partition_per_site(lattice, coupling)
    assert value == pytest.approx(log, abs=1e-13)
    assert energy(lattice, coupling) == pytest.approx(u, abs=1e-13)
    assert heat_capacity(lattice, coupling) == pytest.approx(heat, abs=1e-11)


@pytest.mark.parametrize(
    ("lattice", "coupling"),
    [
        ("triangular", K_C_TRIANGULAR - 1e-4),
        ("triangular", K_C_TRIANGULAR + 1e-4),
        ("honeycomb", K_C_HONEYCOMB - 1e-4),
        ("honeycomb", K_C_HONEYCOMB + 1e-4),
        ("triangular", math.log(0.5) / 4 - 1e-3),  # where one form takes over from
        ("triangular", math.log(0.5) / 4 + 1e-3),  # another
        ("triangular", -2.5),
    ],
)
def test_energy_and_heat_capacity_are_slopes(lattice: str, coupling: float) -> None:
    step = 2.0**-17
    pair = [coupling + step, coupling - step]
    logs = [log_partition_per_site(lattice, k) for k in pair]
    u = [energy(lattice, k) for k in pair]
    slope = -(logs[0] - logs[1]) / (2 * step)
    bend = -(coupling**2) * (u[0] - u[1]) / (2 * step)
    # The error of the quotients: step²/6 times a higher derivative, 1/|K - K_c|.
    assert energy(lattice, coupling) == pytest.approx(slope, abs=1e-6)
    assert heat_capacity(lattice, coupling) == pytest.approx(bend, rel=3e-3)


@pytest.mark.parametrize("coupling", [-0.35, 0.2, 0.7])
def test_the_star_triangle_relation_holds_state_by_state(coupling: float) -> None:
    """Z of 3×3 honeycomb cells is R⁹ times that of the triangular torus, enumerated."""
    states = np.array(list(itertools.product((-1, 1), repeat=9))).reshape(-1, 3, 3)
    right, down = np.roll(states, -1, 2), np.roll(states, -1, 1)
    # Each site of the other sublattice joins a cell, its right and its lower neighbour.
    star = 2 * np.cosh(coupling * (states + right + down))
    honeycomb = star.reshape(-1, 9).prod(1).sum()
    k = math.log(2 * math.cosh(2 * coupling) - 1) / 4
    r4 = 2 * math.cosh(3 * coupling) * (2 * math.cosh(coupling)) ** 3
    pairs = (states * right + states * down + right * down).sum((1, 2))
    assert honeycomb == pytest.approx(r4 ** (9 / 4) * np.exp(k * pairs).sum())
    infinite = (math.log(r4) / 4 + log_partition_per_site("triangular", k)) / 2
    value = log_partition_per_site("honeycomb", coupling)
    assert value == pytest.approx(infinite, abs=1e-13)


@pytest.mark.parametrize("coupling", [0.1, 0.2, 0.4, 0.8])
def test_triangular_and_honeycomb_are_dual(coupling: float) -> None:
    """Kramers and Wannier: e^{-2K*} = tanh K, and two dual sites to each site."""
    dual = -math.log(math.tanh(coupling)) / 2
    # Every domain wall of the dual lattice is a graph of the high-temperature series:
    # Z = 2^N cosh^{3N} K Σ tanh^l K and Z* = 2 e^{3N K*} Σ e^{-2 l K*}.
    graphs = log_partition_per_site("triangular", coupling)
    graphs -= math.log(2 * math.cosh(coupling) ** 3)
    walls = 2 * log_partition_per_site("honeycomb", dual) - 3 * dual
    assert graphs == pytest.approx(walls, abs=1e-13)


@pytest.mark.parametrize("coupling", [-0.5, -0.2, 0.15, 0.45])
def test_strips_approach_the_triangular_lattice(coupling: float) -> None:
    """Exponentially in the width; multiples of 3 fit the antiferromagnet too."""
    truth = log_partition_per_site("triangular", coupling)
    errors = []
    for width in (3, 6, 9):
        top = np.linalg.eigvals(strip(width, coupling)[0]).real.max()
        errors.append(abs(math.log(top) / width - truth))
    assert errors[2] < 0.25 * errors[1] < 0.25 * 0.25 * errors[0]
    assert errors[2] < 6e-3


def test_critical_strips_have_central_charge_one_half() -> None:
    """lnΛ/L = f + (πc/6)(√3/2)/L²: rows of this lattice are √3/2 apart."""
    truth = log_partition_per_site("triangular", K_C_TRIANGULAR)
    charges = []
    for width in (4, 6, 8):
        top = np.linalg.eigvals(strip(width, K_C_TRIANGULAR)[0]).real.max()
        excess = math.log(top) / width - truth
        charges.append(excess * width**2 * 6 / math.pi * 2 / math.sqrt(3))
    errors = [abs(c - 0.5) for c in charges]
    assert errors[2] < errors[1] < errors[0]
    assert errors[2] < 2e-3


@pytest.mark.parametrize("coupling", [0.4, 0.5])
def test_the_magnetization_is_the_gap_element_of_strips(coupling: float) -> None:
    """⟨0|s|1⟩ between the two ordered states of a strip, exponentially near to M."""
    truth = spontaneous_magnetization("triangular", coupling)
    errors = []
    for width in (4, 6, 8):
        matrix, rows = strip(width, coupling)
        values, right = np.linalg.eig(matrix)
        left = np.linalg.inv(right)
        first, second = np.argsort(-np.real(values))[:2]
        element = left @ (rows[:, [0]] * right)
        product = element[first, second] * element[second, first]
        errors.append(abs(math.sqrt(product.real) - truth))
    assert errors[2] < errors[1] / 2 < errors[0] / 4
    assert errors[2] < 2e-3


@pytest.mark.parametrize(
    ("lattice", "free", "terms"),
    [
        ("triangular", 3, {3: 2, 4: 3}),
        ("honeycomb", 3 / 2, {6: 1 / 2}),
    ],
)
def test_weak_coupling_is_the_sum_over_closed_graphs(
    lattice: str, free: float, terms: dict[int, float]
) -> None:
    """Triangles and rhombi, or hexagons, of tanh K; then graphs of 5 or 10 bonds."""
    order = {"triangular": 5, "honeycomb": 10}[lattice]
    rests = []
    for k in (0.1, 0.05):
        v = math.tanh(k)
        known = math.log(2 * math.cosh(k) ** free)
        known += sum(number * v**length for length, number in terms.items())
        rests.append(log_partition_per_site(lattice, k) - known)
    if lattice == "triangular":
        assert rests[0] / rests[1] == pytest.approx(2.0**order, rel=0.2)
    assert abs(rests[0]) < 100 * 0.1**order


@pytest.mark.parametrize(
    ("lattice", "bonds", "single", "pair"),
    [("triangular", 3, 6, 3), ("honeycomb", 3 / 2, 3, 3 / 2)],
)
def test_strong_coupling_is_a_few_overturned_spins(
    lattice: str, bonds: float, single: int, pair: float
) -> None:
    """w^z for one spin and w^(2z-2) for each pair of neighbours, w = e^{-2K}."""
    for k in (1.2, 1.5):
        w = math.exp(-2 * k)
        known = w**single + pair * w ** (2 * single - 2)
        rest = log_partition_per_site(lattice, k) - bonds * k - known
        assert abs(rest) < 20 * w ** (2 * single - 1) + 1e-15
        lost = 2 * w**single + 4 * pair * w ** (2 * single - 2)
        m = spontaneous_magnetization(lattice, k)
        assert abs(1 - m - lost) < 40 * w ** (2 * single - 1) + 1e-15


def test_the_critical_points_have_their_closed_forms() -> None:
    assert energy("triangular", K_C_TRIANGULAR) == pytest.approx(-2, abs=1e-13)
    expected = -2 / math.sqrt(3)
    assert energy("honeycomb", K_C_HONEYCOMB) == pytest.approx(expected, abs=1e-13)
    for lattice in planar.LATTICES:
        k = planar.critical_coupling(lattice)
        assert heat_capacity(lattice, k) == math.inf
        assert spontaneous_magnetization(lattice, k) == 0
    # Dual to each other, and one star-triangle relation apart.
    assert math.exp(-2 * K_C_HONEYCOMB) == pytest.approx(math.tanh(K_C_TRIANGULAR))
    assert 2 * math.cosh(2 * K_C_HONEYCOMB) - 1 == pytest.approx(3)
    assert math.exp(4 * K_C_TRIANGULAR) == pytest.approx(3)


@pytest.mark.parametrize("lattice", ["triangular", "honeycomb"])
def test_the_heat_capacity_is_a_symmetric_logarithm(lattice: str) -> None:
    """C → -A ln|K - K_c| + B on both sides, with the same A and B."""
    k = planar.critical_coupling(lattice)
    above = [heat_capacity(lattice, k + 10.0**-p) for p in (6, 7, 8)]
    below = [heat_capacity(lattice, k - 10.0**-p) for p in (6, 7, 8)]
    np.testing.assert_allclose(above, below, rtol=1e-4)
    assert above[2] - above[1] == pytest.approx(above[1] - above[0], rel=1e-4)


@pytest.mark.parametrize("lattice", ["triangular", "honeycomb"])
def test_the_magnetization_vanishes_with_power_one_eighth(lattice: str) -> None:
    k = planar.critical_coupling(lattice)
    m = [spontaneous_magnetization(lattice, k + 10.0**-p) for p in (6, 7, 8)]
    assert [a / b for a, b in itertools.pairwise(m)] == pytest.approx(
        [10**0.125] * 2, rel=1e-4
    )
    assert spontaneous_magnetization(lattice, -5.0) == 0
    assert spontaneous_magnetization(lattice, 100.0) == 1


def test_the_antiferromagnet_keeps_wanniers_entropy() -> None:
    integral = mpmath.quad(lambda w: mpmath.log(2 * mpmath.cos(w)), [0, mpmath.pi / 3])
    expected = float(2 * integral / mpmath.pi)
    assert pytest.approx(expected, rel=1e-14) == WANNIER_ENTROPY
    assert pytest.approx(0.3230659, abs=5e-8) == WANNIER_ENTROPY
    for k in (-20.0, -300.0, -1e5):
        assert energy("triangular", k) == pytest.approx(1, abs=1e-14)
        entropy = log_partition_per_site("triangular", k) + k * 1.0
        assert entropy == pytest.approx(WANNIER_ENTROPY, abs=1e-13 * abs(k))
        assert heat_capacity("triangular", k) < 1e-20


def test_the_honeycomb_antiferromagnet_is_a_ferromagnet_in_disguise() -> None:
    for k in (0.3, 0.7):
        assert energy("honeycomb", -k) == -energy("honeycomb", k)
        assert heat_capacity("honeycomb", -k) == heat_capacity("honeycomb", k)
        assert log_partition_per_site("honeycomb", -k) == log_partition_per_site(
            "honeycomb", k
        )


@pytest.mark.parametrize(
    ("lattice", "lowest"), [("triangular", -3), ("honeycomb", -1.5)]
)
def test_very_strong_couplings_leave_the_ground_state(
    lattice: str, lowest: float
) -> None:
    assert energy(lattice, 1e4) == pytest.approx(lowest, abs=1e-14)
    assert log_partition_per_site(lattice, 1e4) == pytest.approx(-lowest * 1e4)
    assert heat_capacity(lattice, 1e4) == 0
    assert energy(lattice, 0.0) == pytest.approx(0, abs=1e-15)
    assert heat_capacity(lattice, 0.0) == 0


def test_control_the_lattices_are_not_confused() -> None:
    log, u, _ = textbook("triangular", 0.2)
    assert abs(log_partition_per_site("honeycomb", 0.2) - log) > 0.01
    assert abs(energy("honeycomb", 0.2) - u) > 0.1


@pytest.mark.parametrize(
    "quantity",
    [energy, heat_capacity, log_partition_per_site, spontaneous_magnetization],
)
def test_bad_input_is_refused(quantity: Any) -> None:
    with pytest.raises(ValueError, match="triangular and honeycomb, got 'square'"):
        quantity("square", 0.3)
    for coupling in (math.nan, math.inf):
        with pytest.raises(ValueError, match="finite real number"):
            quantity("triangular", coupling)
