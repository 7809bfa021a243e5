"""The critical torus against transfer matrices, mpmath's θ functions and identities."""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import pytest

from kadanoff.exact import kaufman, torus_cft
from kadanoff.exact.constants import CORRELATION_AMPLITUDE, ENERGY_C, K_C
from kadanoff.geometry import Grid

SHAPES = [(32, 32), (12, 20), (20, 12), (8, 40), (7, 7)]


@lru_cache
def transferred(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Exact ⟨s_0 s_r⟩ and connected ⟨ε_0 ε_r⟩ on side × side, for r in [0, side/2]².

    Traces of powers of the transfer matrix with ε inserted as an operator on two steps,
    so its entries with fewer than two rows between are left out (NaN).
    """
    rows = np.array(list(itertools.product((-1, 1), repeat=side)))
    inside = (rows * np.roll(rows, 1, axis=1)).sum(1)
    bonds = rows @ rows.T + (inside[:, None] + inside) / 2
    matrix = np.exp(K_C * (bonds - 2 * side))
    values, basis = np.linalg.eigh(matrix)
    matrix, values = matrix / values[-1], values / values[-1]
    half = range(side // 2 + 1)
    spins = [basis.T @ (rows[:, [x]] * basis) for x in half]

    def energy(x: int) -> np.ndarray:
        s = rows[:, x]
        along = s * (rows[:, (x + 1) % side] + rows[:, x - 1])
        across = s[:, None] * matrix * s
        twice = matrix @ (along[:, None] * matrix) + across @ matrix + matrix @ across
        return basis.T @ twice @ basis

    energies = [energy(x) for x in half]
    z = (values**side).sum()
    mean = np.diag(energies[0]) @ values ** (side - 2) / z
    sigma = np.empty((len(half), len(half)))
    epsilon = np.full_like(sigma, np.nan)
    for x, y in itertools.product(half, half):
        ahead, behind = values**y, values ** (side - y)
        sigma[x, y] = behind @ (spins[0] * spins[x]) @ ahead / z
        if y >= 2:
            ahead, behind = values ** (y - 2), values ** (side - 2 - y)
            pair = behind @ (energies[0] * energies[x]) @ ahead / z
            epsilon[x, y] = pair - mean**2
    return sigma, epsilon


def deviations(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Relative deviation of both formulas from the exact torus."""
    r = np.moveaxis(np.indices((side // 2 + 1, side // 2 + 1)), 0, -1)
    sigma, epsilon = transferred(side)
    shape = (side, side)
    own = torus_cft.spin_correlation(r, shape) / sigma - 1
    with np.errstate(invalid="ignore"):
        return own, torus_cft.energy_correlation(r, shape) / epsilon - 1


@pytest.mark.parametrize("shape", SHAPES)
def test_the_theta_sums_are_those_of_mpmath(shape: tuple[int, int]) -> None:
    """jtheta differentiates in πz, hence a factor π."""
    width, height = sorted(shape)
    q = mpmath.exp(-mpmath.pi * height / width)
    long = shape.index(height) if width != height else 1

    def theta(nu: int, z: Any) -> Any:
        return abs(mpmath.jtheta(nu, mpmath.pi * z, q))

    slope = mpmath.pi * mpmath.jtheta(1, 0, q, 1)
    total = sum(theta(nu, 0) for nu in (2, 3, 4))
    for r in ((1, 0), (0, 1), (2, 3), (3, -2)):
        z = mpmath.mpc(r[1 - long], r[long]) / width
        chord = slope / theta(1, z) / width
        spin = sum(theta(nu, z / 2) for nu in (1, 2, 3, 4)) / total
        parts = [theta(nu, z) ** 2 / theta(nu, 0) for nu in (2, 3, 4)]
        sigma = CORRELATION_AMPLITUDE * chord ** mpmath.mpf(0.25) * spin
        bracket = chord**2 * sum(parts) / total - (slope / total / width) ** 2
        value = torus_cft.spin_correlation(r, shape)
        assert float(value) == pytest.approx(float(sigma), rel=1e-12)
        value = torus_cft.energy_correlation(r, shape)
        assert float(value) == pytest.approx(float(16 * bracket / mpmath.pi**2))
        along_x = torus_cft.chord((r[0], 0) if long else (0, r[1]), shape)
        if z.imag == 0:
            assert float(along_x) == pytest.approx(float(chord), rel=1e-12)


def test_the_numbers_of_the_square() -> None:
    assert 32 * torus_cft.energy_vacuum((32, 32)) == pytest.approx(0.977726, abs=5e-7)
    assert torus_cft._slope(1.0) == pytest.approx(2.848695, abs=5e-7)
    assert torus_cft.spin_correlation((16, 0), (32, 32)) == pytest.approx(
        0.44, abs=5e-3
    )


@pytest.mark.parametrize("t", [1.0, 1.7, 6.0])
def test_jacobis_derivative_is_that_of_theta_one(t: float) -> None:
    """θ₁′(0) = π θ₂ θ₃ θ₄ against a difference quotient; θ₃⁴ = θ₂⁴ + θ₄⁴."""
    step = np.array([1e-4 + 0j])
    quotient = torus_cft._theta(1, step, t)[0] / 1e-4
    assert quotient == pytest.approx(torus_cft._slope(t), rel=1e-7)
    two, three, four = (torus_cft._constant(nu, t) for nu in (2, 3, 4))
    assert three**4 == pytest.approx(two**4 + four**4, rel=1e-13)


def test_either_side_may_be_called_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modular invariance: the same z-plane read with nome e^{-πL_x/L_y}."""
    r = np.moveaxis(np.indices((12, 20)), 0, -1).reshape(-1, 2)[1:]
    quantities = (
        torus_cft.chord,
        torus_cft.spin_ratio,
        torus_cft.energy_ratio,
        torus_cft.spin_correlation,
        torus_cft.energy_correlation,
    )
    short = [quantity(r, (12, 20)) for quantity in quantities]
    truth = np.argsort
    monkeypatch.setattr(
        torus_cft.np, "argsort", lambda a, **kw: truth(-np.asarray(a), **kw)
    )
    long = [quantity(r, (12, 20)) for quantity in quantities]
    np.testing.assert_allclose(long, short, rtol=1e-11)


@pytest.mark.parametrize("shape", SHAPES)
def test_all_is_periodic_and_symmetric(shape: tuple[int, int]) -> None:
    r = np.random.default_rng(5).uniform(-9, 9, (40, 2))
    for quantity in (torus_cft.spin_correlation, torus_cft.energy_correlation):
        value = quantity(r, shape)
        np.testing.assert_allclose(quantity(r + shape, shape), value, rtol=1e-11)
        np.testing.assert_allclose(quantity(-r, shape), value, rtol=1e-11)
        np.testing.assert_allclose(quantity(r * [1, -1], shape), value, rtol=1e-11)
        swapped = quantity(r[:, ::-1], shape[::-1])
        np.testing.assert_allclose(swapped, value, rtol=1e-11)


def test_the_formula_itself_is_periodic_without_folding_back() -> None:
    """Past half the torus the raw θ functions return to themselves."""
    t = 1.6
    z = np.array([0.2 + 0.3j, -0.4 + 0.7j], dtype=np.complex128)
    for shift in (1.0, 1j * t):
        here = torus_cft._theta(1, z, t)
        there = torus_cft._theta(1, (z + shift).astype(np.complex128), t)
        np.testing.assert_allclose(there, here, rtol=1e-12)


def test_on_a_large_torus_it_is_the_plane() -> None:
    r = np.array([[3, 4], [0, 5], [5, 0]])
    shape = (10_000, 10_000)
    np.testing.assert_allclose(torus_cft.chord(r, shape), 1 / 5, rtol=1e-6)
    plane = CORRELATION_AMPLITUDE * 5**-0.25
    np.testing.assert_allclose(torus_cft.spin_correlation(r, shape), plane, rtol=2e-3)
    np.testing.assert_allclose(torus_cft.spin_ratio(r, shape), 1, rtol=2e-3)
    np.testing.assert_allclose(torus_cft.energy_ratio(r, shape), 1, rtol=2e-3)


def test_the_ratio_departs_from_one_by_the_energy_density() -> None:
    """σσ ~ 1 + ½ ⟨ε⟩ r: half of r e₁/L, to leading order (the fusion σ×σ = 1 + ½ε)."""
    shape = (4000, 4000)
    for r in (1.0, 2.0):
        departure = float(torus_cft.spin_ratio((r, 0), shape)) - 1
        expected = r / 2 * torus_cft.energy_vacuum(shape)
        assert departure == pytest.approx(expected, rel=1e-3)


def test_spins_are_those_of_exact_tori() -> None:
    """At r/L = ½ and along both axes the deviation falls as L^-2, to below 1 %."""
    assert np.all(abs(deviations(8)[0][2:, 2:]) < 0.006)
    half = {side: deviations(side)[0] for side in (4, 6, 8)}
    for place, bound in (((0, -1), 0.002), ((-1, -1), 0.005)):
        four, six, eight = (side**2 * half[side][place] for side in (4, 6, 8))
        assert four / six == pytest.approx(1, abs=0.25)
        assert six / eight == pytest.approx(1, abs=0.1)
        assert abs(half[8][place]) < bound


def test_energies_are_those_of_exact_tori() -> None:
    """With 16/π² the deviation falls with L at r = L/2 and with r at L = 8."""
    half = [deviations(side)[1] for side in (4, 6, 8)]
    across = [abs(d[0, -1]) for d in half]
    assert across[0] > across[1] > across[2]
    assert across[2] < 0.09
    far = abs(deviations(8)[1][0, 2:])
    assert far[0] > far[1] > far[2]
    assert abs(half[2][-1, -1]) < 0.012
    assert 4.5 * abs(half[2][-1, -1]) == pytest.approx(abs(half[0][-1, -1]), rel=0.2)


def test_control_the_plane_is_far_from_the_torus() -> None:
    sigma, _ = transferred(8)
    plane = CORRELATION_AMPLITUDE * 4**-0.25
    assert abs(plane / sigma[0, 4] - 1) > 0.2


@pytest.mark.parametrize("aspect", [(1, 1), (1, 2), (2, 3)])
def test_the_energy_density_is_kaufmans(aspect: tuple[int, int]) -> None:
    """u + √2 = -(2/π) e₁/L_x up to L^-2 relative: four times less on twice the side."""
    errors = []
    for scale in (12, 24, 48):
        shape = (aspect[0] * scale, aspect[1] * scale)
        shift = ENERGY_C - kaufman.torus(shape, K_C).energy
        errors.append(shift / (2 / math.pi * torus_cft.energy_vacuum(shape)) - 1)
    ratios = [a / b for a, b in itertools.pairwise(errors)]
    assert ratios == pytest.approx([4, 4], abs=0.2)


def test_the_magnetization_squared_approaches_that_of_exact_tori() -> None:
    errors = []
    for side in (4, 8):
        sigma, _ = transferred(side)
        fold = np.minimum(np.arange(side), side - np.arange(side))
        exact = sigma[np.ix_(fold, fold)].mean()
        errors.append(torus_cft.magnetization_squared((side, side)) / exact - 1)
    assert errors[0] / errors[1] == pytest.approx(2 ** (7 / 4), rel=0.1)
    assert 0 < errors[1] < 0.005


@pytest.mark.parametrize("shape", [(6, 6), (5, 8)])
def test_the_shells_are_averages_at_equal_distance(shape: tuple[int, int]) -> None:
    grid = Grid(shape)
    positions = grid.positions()
    lengths = grid.distance(positions[0], positions)
    for of, shells in (
        (torus_cft.spin_correlation, torus_cft.spin_shells),
        (torus_cft.energy_correlation, torus_cft.energy_shells),
    ):
        distance, value = shells(shape)
        assert np.all(np.diff(distance) > 0)
        flat = of(positions, shape)
        for r, mean in zip(distance, value, strict=True):
            assert mean == pytest.approx(flat[abs(lengths - r) < 1e-6].mean())
    assert torus_cft.spin_shells(shape)[1][0] == 1
    assert torus_cft.energy_shells(shape)[1][0] == math.inf


def test_very_long_tori_stay_finite() -> None:
    """Past the width correlations decay as e^{-2πΔ y/L_x}, Δ = 1/8."""
    g = torus_cft.spin_correlation([[0, 100], [0, 140]], (10, 4000))
    assert g[1] / g[0] == pytest.approx(math.exp(-math.pi), rel=1e-9)


@pytest.mark.parametrize("shape", [(1, 4), (4,), (4, 4, 4), (4.5, 4), (2, 900)])
def test_a_bad_shape_is_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match="two whole sides of at least 2"):
        torus_cft.spin_correlation((1, 0), shape)
    with pytest.raises(ValueError, match="two whole sides of at least 2"):
        torus_cft.spin_shells(shape)


@pytest.mark.parametrize("displacement", [3, [1, 2, 3], [math.nan, 1]])
def test_a_bad_displacement_is_refused(displacement: Any) -> None:
    with pytest.raises(ValueError, match="two finite components"):
        torus_cft.chord(displacement, (8, 8))


LONG = (12, 20)
Place = tuple[float, float]
PLACES: tuple[Place, Place, Place] = ((3.0, 1.0), (1.0, 0.5), (5.0, 7.0))


def connected_triple(first, second, energy, shape):
    """⟨σσε⟩ - ⟨σσ⟩⟨ε⟩ of the form."""
    pair = pair_of(np.subtract(first, second), shape)
    vacuum = torus_cft.energy_vacuum(shape)
    return torus_cft.torus_three_point(first, second, energy, shape) - pair * vacuum


def triple(places, shape=LONG):
    """The form at three places."""
    first, second, energy = places
    return torus_cft.torus_three_point(first, second, energy, shape)


def pair_of(r, shape):
    """⟨σσ⟩ in the same normalization."""
    spins = torus_cft.chord(r, shape) ** 0.25 * torus_cft.spin_ratio(r, shape)
    return float(spins)


def test_the_form_does_not_know_which_side_is_first():
    """A modular transformation: τ → -1/τ turns the torus by a right angle."""
    turned = triple([p[::-1] for p in PLACES], LONG[::-1])
    assert turned == pytest.approx(triple(PLACES), rel=1e-12)


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("period", [(12.0, 0.0), (0.0, 20.0), (-12.0, 20.0)])
def test_every_field_sees_a_torus(which, period):
    moved = list(PLACES)
    moved[which] = tuple(np.add(moved[which], period))
    assert triple(moved) == pytest.approx(triple(PLACES), rel=1e-11)


def test_all_together_may_move_and_mirror():
    here = triple(PLACES)
    shifted = [(x + 1.7, y - 2.3) for x, y in PLACES]
    mirrored = [(-x, y) for x, y in PLACES]
    assert triple(shifted) == pytest.approx(here, rel=1e-12)
    assert triple(mirrored) == pytest.approx(here, rel=1e-12)
    first, second, energy = PLACES
    assert triple((second, first, energy)) == pytest.approx(here)


@pytest.mark.parametrize("w", [(3.0, 4.0), (6.0, 0.0), (0.0, 10.0)])
def test_two_spins_become_an_energy(w):
    """σσ = r^{-1/4} + ½ r^{3/4} ε + O(r^{7/4}) T: the rest is of relative order r."""
    rho, ratio = torus_cft.chord(w, LONG), torus_cft.energy_ratio(w, LONG)
    energies = float(rho**2 * ratio - torus_cft.energy_vacuum(LONG) ** 2)
    rest = []
    for r in (8e-3, 2e-3):
        found = connected_triple((r / 2, 0.0), (-r / 2, 0.0), w, LONG)
        rest.append(found / (0.5 * r**0.75 * energies) - 1)
    assert abs(rest[0]) < 0.01
    assert rest[0] / rest[1] == pytest.approx(4, rel=0.01)
    # The control: without ⟨ε⟩ subtracted the leading term is another.
    plain = torus_cft.torus_three_point((r / 2, 0.0), (-r / 2, 0.0), w, LONG)
    assert plain > 10 * abs(found)


def test_a_spin_and_an_energy_become_a_spin():
    """σε = ½ r⁻¹ σ, and at the same distance from either spin nothing else."""
    r, far = 1e-4, (4.0, 5.0)
    expected = 0.5 / r * pair_of(far, LONG)
    found = torus_cft.torus_three_point((0.0, 0.0), far, (r, 0.0), LONG)
    assert found == pytest.approx(expected, rel=1e-3)


def test_a_large_torus_is_the_plane():
    sides = (10**6, 10**6)
    first, second, energy = (0.0, 0.0), (5.0, 1.0), (2.0, 7.0)
    r12, r13, r23 = (
        float(np.hypot(*np.subtract(a, b)))
        for a, b in ((first, second), (first, energy), (second, energy))
    )
    expected = 0.5 * r12**0.75 / (r13 * r23)
    assert torus_cft.torus_three_point(first, second, energy, sides) == pytest.approx(
        expected, rel=1e-4
    )


def by_mpmath(first, second, energy, shape) -> float:
    """The formula once more, with mpmath's θ and whichever side comes first as L_x."""
    width, height = shape
    nome = math.exp(-math.pi * height / width)

    def theta(nu: int, z: complex) -> float:
        return float(abs(mpmath.jtheta(nu, math.pi * z, nome)))

    z1, z2, z3 = (complex(x, y) / width for x, y in (first, second, energy))
    total = sum(theta(nu, 0) for nu in (2, 3, 4))
    slope = math.pi * math.prod(theta(nu, 0) for nu in (2, 3, 4))
    sectors = sum(
        theta(nu, (z1 + z2) / 2 - z3) ** 2 / theta(nu, (z1 - z2) / 2)
        for nu in (1, 2, 3, 4)
    )
    ends = slope**2 / theta(1, z1 - z3) / theta(1, z2 - z3)
    scaled = (theta(1, z1 - z2) / slope) ** 0.75 * ends * sectors / total
    return 0.5 * scaled / width**1.25


@pytest.mark.parametrize("shape", [(12, 20), (20, 12), (16, 16), (8, 40)])
def test_three_fields_equal_mpmaths(shape):
    """Both ways round, a modular transformation of each other, at 20 sets of places."""
    rng = np.random.default_rng(5)
    for places in rng.uniform(-1, 1, (20, 3, 2)) * np.array(shape):
        first, second, energy = (tuple(p) for p in places.tolist())
        found = torus_cft.torus_three_point(first, second, energy, shape)
        expected = by_mpmath(first, second, energy, shape)
        assert found == pytest.approx(expected, rel=1e-10)
        control = by_mpmath(first, energy, second, shape)
        assert found != pytest.approx(control, rel=1e-3)


@pytest.mark.parametrize(
    ("places", "shape", "sentence"),
    [
        (((0, 0), (0, 0), (1, 0)), LONG, "need different places"),
        (((0, 0), (12, 20), (1, 0)), LONG, "need different places"),
        (((0, 0), (2, 0), (1, 0)), (1, 9), "two whole sides"),
        (((0, 0), (2, math.nan), (1, 0)), LONG, "two finite components"),
        (((0, 0), (2,), (1, 0)), LONG, "two finite components"),
        (((0, 0), "ab", (1, 0)), LONG, "two finite components"),
    ],
)
def test_three_fields_that_have_no_correlator(places: Any, shape: Any, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        torus_cft.torus_three_point(places[0], places[1], places[2], shape)
