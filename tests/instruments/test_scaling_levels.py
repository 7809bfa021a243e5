"""Ratios of levels: slow twins, maps of known ζ, and the critical Ising model."""

from __future__ import annotations

import math

import numpy as np
import pytest
from instruments.exact_draws import random_spins

import kadanoff as kd
from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.rotated import Sublattice
from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import ETA, K_C
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments.correlators import two_point
from kadanoff.instruments.scaling_levels import callan_symanzik, level_ratio


def by_steps(values: np.ndarray, steps: list[tuple[int, int]]) -> float:
    """⟨s(x) s(x + r)⟩ averaged over the given displacements, one np.roll each."""
    turned = [np.roll(values, (-i, -j), axis=(1, 2)) for i, j in steps]
    return float(np.mean([(values * other).mean() for other in turned]))


@pytest.mark.parametrize(("side", "b"), [(8, 2), (12, 3), (20, 5)])
def test_equals_the_ratio_over_pairs_of_sites(side, b):
    """With b = 5 the fine lattice has (3, 4) beside (5, 0): only the second counts."""
    n = side // b
    smooth = np.repeat(np.repeat(random_spins((4, 60, n, n), 1), b, -1), b, -2)
    noise = np.where(np.random.default_rng(3).random(smooth.shape) < 0.2, -1, 1)
    fine = Ensemble.from_values((smooth * noise).astype(np.int8))
    coarse = coarsen(Majority(b=b), fine, seed=1)
    found = level_ratio(fine, coarse, r_min=b, r_max=side)
    v = fine.values.reshape(-1, side, side).astype(float)
    w = coarse.values.reshape(-1, n, n).astype(float)
    near = {}
    for i in range(n):
        for j in range(n):
            r = round(math.hypot(min(i, n - i), min(j, n - j)), 9)
            near.setdefault(r, []).append((i, j))
    for k, r in enumerate(sorted(near)):
        below = [(b * i, b * j) for i, j in near[r]]
        expected = by_steps(w, near[r]) / by_steps(v, below)
        assert found.distance[k] == pytest.approx(b * r)
        assert float(found.ratio.value[k]) == pytest.approx(expected, rel=1e-4)
    m = [(x.mean(axis=(1, 2)) ** 2).mean() for x in (w, v)]
    assert float(found.magnetization.value) == pytest.approx(m[0] / m[1], rel=1e-4)
    assert found.b == pytest.approx(b)


@pytest.fixture(scope="module")
def critical() -> Ensemble:
    return kd.sample(kd.Ising((32, 32)), coupling=K_C, draws=20_000, chains=128, seed=4)


@pytest.mark.parametrize("z", [1.0, 1.3])
def test_decimation_does_not_rescale_and_a_factor_is_found(critical, z):
    """Kept spins times z: ζ² = z² at every distance, whatever the law."""
    kept = z * critical.values[..., ::2, ::2].astype(float)
    coarse = critical.derived(
        kept, Grid((16, 16), basis=((2.0, 0.0), (0.0, 2.0))), "real", {"step": "keep"}
    )
    found = level_ratio(critical, coarse)
    # Errors are of 1e-3: the kept sublattice is a quarter of the same sites.
    assert abs(found.plateau.value - z**2) < 4 * found.plateau.error
    assert float(found.plateau.error) < 0.003
    assert abs(found.correction.value) < 4 * found.correction.error
    assert abs(found.delta.value - math.log2(z)) < 4 * found.delta.error
    assert found.p > 1e-4
    # The control: the critical exponent.
    assert abs(found.delta.value - 1 / 8) > 20 * found.delta.error


def test_a_turned_lattice_has_levels_too(critical):
    """One of two sublattices, b = √2: nothing is rescaled, no torus form is there."""
    coarse = coarsen(Sublattice(2), critical, seed=1)
    found = callan_symanzik([critical, coarse])
    assert found.steps[0].b == pytest.approx(2**0.5)
    assert abs(found.gamma.value) < 4 * found.gamma.error
    assert float(found.gamma.error) < 0.002
    assert found.change is None
    assert np.isnan(found.error)
    again = coarsen(Sublattice(2), coarse, seed=1)
    assert callan_symanzik([critical, coarse, again]).along[1] is None


def test_three_dimensions_have_another_eta():
    """Kept spins of a cube: γ = 0 is η = 2γ - (d - 2) = -1."""
    fine = kd.sample(
        kd.Ising((12, 12, 12)), coupling=0.2216, draws=1000, chains=40, seed=6
    )
    grid = Grid((6, 6, 6), basis=((2.0, 0.0, 0.0), (0.0, 2.0, 0.0), (0.0, 0.0, 2.0)))
    kept = fine.derived(fine.values[..., ::2, ::2, ::2], grid, "pm1", {"step": "keep"})
    found = callan_symanzik([fine, kept])
    assert abs(found.eta.value + 1) < 4 * found.eta.error
    assert float(found.eta.error) < 0.05
    assert found.along == (None,)
    assert found.beta == (None,)
    assert "no window" in str(found)


def levels_of(ensemble: Ensemble, steps: int) -> list[Ensemble]:
    levels = [ensemble]
    for k in range(steps):
        levels.append(coarsen(Majority(b=2), levels[-1], seed=k))
    return levels


def test_majority_runs_to_eta(critical):
    found = callan_symanzik(levels_of(critical, 3))
    assert len(found.steps) == 2  # the third lattice is of 4²
    assert found.reported == 1
    assert abs(float(found.eta.value) - ETA) < 4 * found.error
    assert found.error < 0.02
    # The first step has not arrived, by many statistical errors.
    first = 2 * found.steps[0].delta
    assert abs(first.value - ETA) > 4 * first.error
    assert all(step.p > 1e-4 for step in found.steps)
    beta = [b for b in found.beta if b is not None]
    assert abs(beta[1].value) < abs(beta[0].value) + 4 * beta[1].error
    assert str(found).count("← reported") == 1
    assert "Δ = " in str(found.steps[0])


def test_both_readings_agree_where_nothing_runs(critical):
    """G = B (aρ)^{2γ} R: the exponents of a and of r, 4 σ of 0.007 and the change."""
    found = callan_symanzik(levels_of(critical, 2))
    along = found.along[1]
    assert along is not None
    gap = found.gamma - along.delta
    assert found.change is not None
    assert abs(gap.value) < 4 * gap.error + abs(found.change.value)


@pytest.mark.parametrize("coupling", [0.42, 0.46])
def test_without_a_critical_point_it_does_not_arrive(coupling):
    """5 % off: blocks become independent, or all alike."""
    off = kd.sample(
        kd.Ising((32, 32)), coupling=coupling, draws=20_000, chains=128, seed=5
    )
    found = callan_symanzik(levels_of(off, 2))
    assert abs(found.eta.value - ETA) > 10 * found.eta.error


def test_shared_configurations_cancel(critical):
    """The ratio is known better than either correlator, at every distance."""
    coarse = levels_of(critical, 1)[1]
    step = level_ratio(critical, coarse)
    g = two_point(coarse).value
    relative = step.ratio.error[1:] / step.ratio.value[1:]
    assert (2 * relative < g.error[1:] / g.value[1:]).all()


def test_what_is_no_level_is_refused(critical):
    fine = Ensemble.from_values(random_spins((32, 4, 8, 8), seed=6))
    coarse = coarsen(Majority(b=2), fine, seed=1)
    with pytest.raises(ValueError, match="needs a coarser second level"):
        level_ratio(coarse, fine)
    with pytest.raises(ValueError, match="the same chains and draws"):
        level_ratio(fine, levels_of(critical, 1)[1])
    with pytest.raises(ValueError, match="at least 3 distances"):
        level_ratio(fine, coarse, r_min=4.0, r_max=4.1)
    for near in (0, float("nan"), float("inf"), "4"):
        with pytest.raises(ValueError, match="needs 0 < r_min < r_max"):
            level_ratio(fine, coarse, r_min=near)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least two levels"):
        callan_symanzik([fine])
    with pytest.raises(ValueError, match="at least 6 sites a side"):
        callan_symanzik([fine, coarse])
    odd = fine.derived(
        fine.values[..., :5, :5],
        Grid((5, 5), basis=((1.6, 0.0), (0.0, 1.6))),
        "pm1",
        {"step": "stretch"},
    )
    with pytest.raises(ValueError, match="does not have those of the coarse one"):
        level_ratio(fine, odd)
    layer = fine.derived(fine.values.reshape(32, 4, 64), Unordered(64), "pm1", {})
    with pytest.raises(ValueError, match="needs sites with positions"):
        level_ratio(fine, layer)
