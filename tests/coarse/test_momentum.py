"""The momentum shell: long waves arrive as they were, however it is stepped."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kadanoff.coarse.block import Average, Decimation
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.momentum import MomentumShell
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments.mcrg import exponents

SKEW = ((1.0, 0.0), (0.5, math.sqrt(3) / 2))
LONG = ((1.0, 0.0), (5.5, math.sqrt(3) / 2))  # the same lattice in another basis
# Reciprocal vectors whose shortest combination is the first plus the second minus the
# third, though none can be shortened by another one.
OBLIQUE = np.linalg.cholesky([[1, -0.45, 0.45], [-0.45, 1, 0.45], [0.45, 0.45, 1]])
SLANTED = tuple(map(tuple, np.linalg.inv(OBLIQUE).T.tolist()))
GRIDS = [Grid((12,)), Grid((8, 6)), Grid((4, 6, 2)), Grid((6, 12), SKEW)]
GRIDS += [Grid((6, 6), LONG), Grid((4, 4, 6), SLANTED)]


def field(grid, n=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, *grid.shape))


def apply(rule, values, grid):
    return rule(values, grid, rng=np.random.default_rng(0))


def coefficients(values):
    """φ_k of φ(x) = Σ_k φ_k e^{ikx}."""
    return np.fft.fftn(values, axes=range(1, values.ndim), norm="forward")


def by_direct_sums(rule, values, grid):
    """The definition, mode by mode, with |k| the least over many images of k."""
    d, reach = grid.dimension, 9 if grid.dimension < 3 else 2
    reciprocal = 2 * np.pi * np.linalg.inv(np.array(grid.basis)).T
    images = np.array(list(itertools.product(range(-reach, reach + 1), repeat=d)))
    shifts = images @ reciprocal
    edge = min(np.linalg.norm(shifts[images.any(axis=1)], axis=1)) / 2
    cells = np.array(list(np.ndindex(*grid.shape)))
    kept = np.array(list(np.ndindex(*rule.coarse(grid).shape))) * rule.b
    out: Any = np.zeros((len(values), len(kept)), dtype=complex)
    flat = values.reshape(len(values), -1)
    for n in cells:
        k = (n / np.array(grid.shape)) @ reciprocal
        share = min(np.linalg.norm(k + shifts, axis=1)) * rule.b / edge
        if share > 1 - 1e-9:
            continue
        fall = max(0.0, share - (1 - rule.width)) / (rule.width or 1)
        turn = 2j * np.pi * (cells / np.array(grid.shape)) @ n
        amplitude = flat @ np.exp(-turn) / len(cells)
        back = np.exp(2j * np.pi * (kept / np.array(grid.shape)) @ n)
        out += math.cos(math.pi / 2 * fall) ** 2 * np.outer(amplitude, back)
    assert np.allclose(out.imag, 0, atol=1e-12)
    return rule.b**rule.dimension * out.real.reshape(-1, *rule.coarse(grid).shape)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("width", [0.0, 0.4, 1.0])
def test_it_is_the_sum_of_its_definition(grid, width):
    rule = MomentumShell(2, width, dimension=0.3)
    values = field(grid)
    found = apply(rule, values, grid)
    assert found.dtype == np.float32
    assert np.allclose(found, by_direct_sums(rule, values, grid), atol=1e-6)


@pytest.mark.parametrize("b", [2, 3, 4, 6])
def test_coefficients_below_the_cut_are_the_same_and_all_others_vanish(b):
    values = field(Grid((12, 24)))
    before = coefficients(values)
    after = coefficients(apply(MomentumShell(b), values, Grid((12, 24))))
    sides = np.array([12, 24])
    for n in itertools.product(
        *(range(-(s // b // 2), s // b // 2 + 1) for s in sides)
    ):
        below = np.linalg.norm(np.array(n) / sides) * b < 0.5 - 1e-12
        home = (slice(None), *(i % (s // b) for i, s in zip(n, sides, strict=True)))
        was = before[(slice(None), *n)] if below else 0.0
        assert np.allclose(after[home], was, atol=1e-6)


def test_averaging_and_decimating_do_not_preserve_them():
    """The control: what both make of the waves below the cut."""
    values = field(Grid((12, 12)))
    before = coefficients(values)[:, 0, 1]
    for rule in (Average(2), Decimation(2)):
        after = coefficients(apply(rule, values, Grid((12, 12))))[:, 0, 1]
        assert (np.abs(after - before) > 1e-3).all()


@settings(deadline=None, max_examples=40)
@given(
    small=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    b=st.integers(2, 3),
    c=st.integers(2, 3),
    seed=st.integers(0, 99),
)
def test_cutting_twice_is_cutting_once(small, b, c, seed):
    grid = Grid(tuple(side * b * c for side in small))
    assume(grid.size < 6000)
    values = field(grid, 2, seed)
    first, second, both = (MomentumShell(s, dimension=0.25) for s in (b, c, b * c))
    twice = apply(second, apply(first, values, grid), first.coarse(grid))
    assert np.allclose(twice, apply(both, values, grid), atol=2e-6)
    assert second.coarse(first.coarse(grid)) == both.coarse(grid)


@pytest.mark.parametrize("grid", [Grid((24, 24)), Grid((24, 48), SKEW)], ids=str)
def test_a_smooth_cut_steps_the_same_up_to_half_a_shell(grid):
    values = field(grid)

    def difference(width):
        step, both = MomentumShell(2, width), MomentumShell(4, width)
        twice = apply(step, apply(step, values, grid), step.coarse(grid))
        return np.abs(twice - apply(both, values, grid)).max()

    assert difference(0.5) < 1e-6
    assert difference(1.0) > 1e-3  # the control


def test_the_window_is_one_inside_and_falls_to_zero():
    side = 64
    x = np.arange(side)
    waves = np.array([np.cos(2 * np.pi * n * x / side) for n in range(side // 2)])
    kept = apply(MomentumShell(2, 0.5), waves, Grid((side,)))
    height = np.abs(kept).max(axis=1)
    assert np.allclose(height[:9], 1, atol=1e-6)  # |k| ≤ Λ/4
    assert height[12] == pytest.approx(0.5)  # the middle of the fall
    assert np.allclose(height[16:], 0, atol=1e-6)  # |k| ≥ Λ/2
    assert (np.diff(height[8:17]) < 0).all()


def squared_waves(side, d):
    """k² of every mode of a hypercube, |k_i| ≤ π."""
    one = (2 * np.pi * np.fft.fftfreq(side)) ** 2
    return np.add.reduce(np.meshgrid(*[one] * d, indexing="ij"))


def test_a_free_field_flows_as_its_dimensions_say():
    """Couplings of H = Σ_k (m² + k² + c k⁴) |φ_k|²: m → b m and c → c/b² exactly.

    With Δ = (d - 2)/2, where the k² term stays (Lin, Tegmark and Rolnick, J. Stat.
    Phys. 168, 1223 (2017), Appendix B). Each mode is given its root mean square.
    """
    side, d, b, mass, quartic = 24, 3, 3, 0.1, 0.7
    fine, coarse = (squared_waves(n, d) for n in (side, side // b))
    amplitude = ((mass**2 + fine + quartic * fine**2) * side**d) ** -0.5
    values = np.fft.ifftn(amplitude, norm="forward").real[None]
    found = apply(MomentumShell(b, dimension=(d - 2) / 2), values, Grid((side,) * d))
    action = 1 / (np.abs(coefficients(found)[0]) ** 2 * (side // b) ** d + 1e-30)
    kept = coarse < (np.pi - 1e-9) ** 2
    expected = (b * mass) ** 2 + coarse + quartic / b**2 * coarse**2
    assert kept.sum() > 100
    assert np.allclose(action[kept], expected[kept], rtol=1e-4)
    unscaled = apply(MomentumShell(b), values, Grid((side,) * d))
    mean = 1 / (np.abs(coefficients(unscaled)[0]) ** 2 * (side // b) ** d + 1e-30)
    assert not np.allclose(mean[kept], expected[kept], rtol=0.5)  # the control


def test_the_finest_waves_go_and_the_mean_stays():
    checkerboard = (-1.0) ** np.indices((8, 8)).sum(axis=0)[None]
    found = apply(MomentumShell(2), 3 + checkerboard, Grid((8, 8)))
    assert np.allclose(found, 3)


def test_it_is_linear_and_moves_with_the_lattice():
    grid = Grid((6, 12), SKEW)
    one, other = field(grid), field(grid, seed=1)
    rule = MomentumShell(3, 0.2, 0.125)
    both = apply(rule, 2 * one - other, grid)
    apart = 2 * apply(rule, one, grid) - apply(rule, other, grid)
    assert np.allclose(both, apart, atol=1e-6)
    moved = apply(rule, np.roll(one, (3, -6), axis=(1, 2)), grid)
    assert np.allclose(
        moved, np.roll(apply(rule, one, grid), (1, -2), (1, 2)), atol=1e-6
    )


def test_spins_become_real_and_keep_their_magnetization():
    rng = np.random.default_rng(0)
    spins = Ensemble.from_values(rng.choice([-1, 1], (3, 5, 8, 8)).astype(np.int8))
    coarse = coarsen(MomentumShell(2), spins)
    assert (coarse.alphabet, coarse.shape) == ("real", (4, 4))
    assert np.allclose(coarse.values.mean((2, 3)), spins.values.mean((2, 3)), atol=1e-6)


@pytest.mark.parametrize("dimension", [0.0, 0.125])
def test_the_magnetization_reads_the_dimension_that_was_put_in(dimension):
    rng = np.random.default_rng(0)
    spins = Ensemble.from_values(rng.choice([-1, 1], (32, 5, 8, 8)).astype(np.int8))
    coarse = coarsen(MomentumShell(2, dimension=dimension), spins)
    y_h = exponents(spins, coarse, even=("nn",), odd=("field",)).y_h[0]
    assert y_h.value == pytest.approx(2 - dimension, abs=1e-6)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="block size 2 does not divide"):
        MomentumShell(2).coarse(Grid((4, 5)))
    with pytest.raises(ValueError, match="'momentum:b=2' needs sites"):
        MomentumShell(2).coarse(Unordered(16))
    with pytest.raises(ValueError, match="needs ±1 spins or real values"):
        MomentumShell(2).alphabet("angle")
    for width in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="width is a share"):
            MomentumShell(2, width)
    with pytest.raises(ValueError, match="at most 10 in size, got inf"):
        MomentumShell(2, dimension=math.inf)
