from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from instruments.exact_draws import (
    all_states,
    boltzmann,
    draw,
    planted,
    random_spins,
    ring_energy,
    rolled_sum,
    within_one_error,
)

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments import mcrg
from kadanoff.instruments.linearized import Sector, leading_eigenvalue
from kadanoff.instruments.mcrg import exponents, linearized, operator_sums, scan

EVEN3 = ("nn", "nnn", "plaquette")


def blocks(fine: Ensemble, values: np.ndarray) -> Ensemble:
    """Coarse values on the lattice of 2-blocks, same chains and draws."""
    alphabet = "pm1" if values.dtype == np.int8 else "real"
    return fine.derived(values, fine.grid.coarsened(2), alphabet, {"step": "test"})


def decimated(fine: Ensemble) -> Ensemble:
    """Every second spin along each direction."""
    every = (slice(None, None, 2),) * fine.grid.dimension
    return blocks(fine, fine.values[(..., *every)].copy())


def block_sums(spins: np.ndarray) -> np.ndarray:
    """Sums over 2×2 blocks of `(..., rows, columns)`."""
    corners = [spins[..., x::2, y::2] for x in (0, 1) for y in (0, 1)]
    return np.stack(corners).sum(axis=0, dtype=np.int8)


def majority(spins: np.ndarray) -> np.ndarray:
    """Majority of 2×2 blocks, a tie to the first spin: a fixed rule."""
    total = block_sums(spins)
    return np.where(total == 0, spins[..., ::2, ::2], np.sign(total)).astype(np.int8)


class TestExactly:
    """Connected averages over all states: no statistics at all."""

    @pytest.mark.parametrize("coupling", [0.2, 0.7, 1.5, -0.6])
    @pytest.mark.parametrize("sites", [4, 12])
    def test_decimation_of_the_ring(self, sites, coupling):
        """K' = artanh(tanh² K) and h' = h(1 + tanh 2K): both operators close."""
        states = all_states((sites,))
        fine, coarse = (Ensemble.from_values(s[None]) for s in (states, states[:, ::2]))
        p = boltzmann(coupling * ring_energy(states))
        slopes = {"nn": np.tanh(2 * coupling), "field": 1 + np.tanh(2 * coupling)}
        for operator, slope in slopes.items():
            sums = [operator_sums(e, (operator,))[0] for e in (fine, coarse)]
            t = linearized(*sums, weights=p)
            assert t[0, 0] == pytest.approx(slope, abs=1e-11)

    def test_majority_on_four_by_four(self):
        """T against finite differences: B T = ∂⟨S'⟩/∂K, central, step 1e-6."""
        states = all_states((4, 4))
        fine = np.stack([rolled_sum(states, o) for o in EVEN3], axis=-1)
        small = majority(states)
        coarse = np.stack([rolled_sum(small, o) for o in EVEN3], axis=-1)
        k = np.array([0.3, 0.05, -0.02])
        p = boltzmann(fine @ k)
        moved = [
            boltzmann(fine @ (k + 1e-6 * d)) - boltzmann(fine @ (k - 1e-6 * d))
            for d in np.eye(3)
        ]
        response = np.stack([m @ coarse / 2e-6 for m in moved], axis=1)
        mean = p @ coarse
        b = (coarse.T * p) @ coarse - np.outer(mean, mean)
        assert np.allclose(b @ linearized(fine, coarse, p), response, rtol=0, atol=1e-6)

    def test_replicates_are_readings_without_a_block(self):
        spins = random_spins((32, 40, 4, 4), seed=1)
        fine = Ensemble.from_values(spins)
        coarse = blocks(fine, majority(fine.values))
        found = exponents(fine, coarse, even=EVEN3, odd=("field",)).y_h[-1]
        for left_out in (0, 31):
            kept = np.delete(spins, left_out, axis=0).reshape(-1, 4, 4)
            sums = (rolled_sum(s, "field")[:, None] for s in (kept, majority(kept)))
            y = np.log2(linearized(*sums)[0, 0])
            replicate = found.replicates[fine.lineage][left_out]
            assert replicate == pytest.approx(y, abs=1e-9)


def ring_pull(seed: int, factor: float = 1.0) -> float:
    """Pull of λ = 2^{y_T} from tanh 2K on 2048 rings of 12 spins."""
    states = all_states((12,))
    fine = draw(
        states, boltzmann(0.5 * ring_energy(states)), chains=64, draws=32, seed=seed
    )
    y = exponents(fine, decimated(fine), even=("nn",), odd=("field",)).y_t[0]
    return float((y.value - np.log2(factor * np.tanh(1.0))) / y.error)


def test_sampled_rings_have_the_exact_exponent_with_the_right_error():
    """Of 200 pulls 0.683 ± 0.033 lie within one error: 0.58 to 0.78 at 3 σ.

    The mean pull is 0 ± 0.07. Together a level of 1 in 180; errors wrong by a factor
    of 1.5 and an eigenvalue wrong by 5 % would be seen.
    """
    pull = np.array([ring_pull(seed) for seed in range(200)])
    assert 0.58 < within_one_error(pull) < 0.78
    assert abs(pull.mean()) < 0.28
    assert within_one_error(1.5 * pull) < 0.58
    assert within_one_error(pull / 1.5) > 0.78
    wrong = np.array([ring_pull(seed, factor=1.05) for seed in range(20)])
    assert abs(wrong.mean()) > 4 * 20**-0.5


def test_sampled_majority_agrees_with_the_exact_matrix():
    """4×4 → 2×2 at K = 0.4: λ of 1, 2, 3 even and 1, 2 odd operators, at 4 σ."""
    states, p = all_states((4, 4)), planted((4, 4), {"nn": 0.4})
    fine = draw(states, p, chains=64, draws=256, seed=2)
    coarse = blocks(fine, majority(fine.values))
    odd = ("field", "corner")
    found = exponents(fine, coarse, even=EVEN3, odd=odd)
    small = majority(states)
    for names, readings in ((EVEN3, found.y_t), (odd, found.y_h)):
        sums = [
            np.stack([rolled_sum(s, o) for o in names], -1) for s in (states, small)
        ]
        for n, y in enumerate(readings, start=1):
            t = linearized(*(s[:, :n] for s in sums), weights=p)
            exact = np.log2(leading_eigenvalue(t).real)
            assert abs(y.value - exact) < 4 * y.error
            # Negative control: a λ that is off by 10 %.
            assert abs(y.value - exact - np.log2(1.1)) > 4 * y.error
            assert y.error < 0.05


def planted_sums(monkeypatch, matrices, noise=0.0, seed=3):
    """Levels of blank spins whose operator sums obey S = S' T + noise, level by level.

    With S'ᵀS = S'ᵀS' T the matrix that is read is T, up to the noise.
    """
    rng = np.random.default_rng(seed)
    side = 8 * 2 ** len(matrices)
    fine = Ensemble.from_values(random_spins((32, 40, side, side), seed))
    levels = [fine]
    for _ in matrices:
        levels.append(blocks(levels[-1], levels[-1].values[..., ::2, ::2].copy()))
    n = len(matrices[0])
    sums = {levels[-1].shape: rng.standard_normal((32, 40, 2 * n))}
    for level, t in zip(levels[-2::-1], matrices[::-1], strict=True):
        after = sums[_coarser(level).shape]
        before = np.concatenate([after[..., :n] @ t, after[..., n:] @ t], axis=-1)
        sums[level.shape] = before + noise * rng.standard_normal(before.shape)
    monkeypatch.setattr(mcrg, "operator_sums", lambda e, names: sums[e.shape])
    return levels


def _coarser(level: Ensemble) -> Grid:
    return Grid(tuple(side // 2 for side in level.shape))


NAMES = {"even": ("nn", "nnn"), "odd": ("field", "corner")}


class TestPlantedMatrix:
    """Operator sums made so that T is known."""

    def test_exponents_are_those_of_the_leading_eigenvalue(self, monkeypatch):
        t = np.array([[2.0, 0.3], [0.4, 0.5]])
        fine, coarse, *_ = planted_sums(monkeypatch, [t])
        found = exponents(fine, coarse, **NAMES)
        expected = np.log2(np.linalg.eigvals(t).real.max())
        assert found.b == 2
        assert float(found.y_t[1].value) == pytest.approx(expected, abs=1e-9)
        # One operator alone reads its diagonal entry plus what the other leaks in.
        assert abs(found.y_t[0].value - 1) < 4 * found.y_t[0].error
        assert found.flags == ()

    def test_a_complex_eigenvalue_is_no_exponent(self, monkeypatch):
        levels = planted_sums(monkeypatch, [np.array([[1.0, -2.0], [2.0, 1.0]])])
        found = scan(levels, **NAMES)
        assert np.isnan(found.steps[0].y_t[1].value)
        assert "eigenvalue of 2 even operators is complex" in found.steps[0].flags[0]
        assert not found.y_t.converged
        assert "not an RG step because its leading eigenvalue" in found.y_t.sentence

    def test_a_negative_eigenvalue_is_no_exponent(self, monkeypatch):
        levels = planted_sums(monkeypatch, [np.diag([-2.0, 1.0])])
        found = scan(levels, **NAMES)
        assert np.isnan(found.steps[0].y_t[1].value)
        assert "is not positive, -2" in found.steps[0].flags[0]
        assert not found.y_t.converged

    def test_an_exponent_beyond_the_dimension_is_flagged(self, monkeypatch):
        levels = planted_sums(monkeypatch, [np.diag([4.3, 1.0])])
        found = scan(levels, **NAMES)
        assert "not below the dimension 2" in found.steps[0].flags[0]
        assert "not below the dimension 2" in found.y_t.sentence
        inside = scan(planted_sums(monkeypatch, [np.diag([3.9, 1.0])]), **NAMES)
        assert inside.steps[0].flags == ()

    def test_an_irrelevant_leading_eigenvalue_is_no_step(self, monkeypatch):
        found = scan(planted_sums(monkeypatch, [np.diag([0.8, 0.1])]), **NAMES)
        assert "is not relevant" in found.y_t.sentence

    def test_replicates_without_an_exponent_are_counted(self, monkeypatch):
        """Two equal eigenvalues, which noise splits into a real or a complex pair."""
        levels = planted_sums(monkeypatch, [np.diag([1.5, 1.5])], noise=0.05, seed=9)
        found = scan(levels, **NAMES)
        y = found.steps[0].y_t[1]
        lost = int(np.isnan(y.replicates[levels[0].lineage]).sum())
        assert np.isfinite(y.value)
        assert 0 < lost < 32
        assert np.isnan(y.error)
        assert f"no exponent in {lost} of 32 jackknife" in found.steps[0].flags[0]
        assert not found.y_t.converged

    def test_a_scan_that_settles_is_converged(self, monkeypatch):
        steps = [np.diag([1.7, 0.3]), np.diag([1.98, 0.3]), np.diag([2.0, 0.3])]
        found = scan(planted_sums(monkeypatch, steps, noise=0.02), **NAMES)
        assert found.reported == 2
        assert found.steps[2].coarse == (8, 8)
        assert found.y_t.over == "step"
        assert found.y_t.change is not None
        expected = found.steps[2].y_t[1] - found.steps[1].y_t[1]
        assert float(found.y_t.change.value) == float(expected.value)
        quadrature = np.hypot(found.y_t.estimate.error, expected.value)
        assert found.y_t.error == pytest.approx(float(quadrature))
        assert found.y_t.converged
        assert found.y_t.sentence.startswith("y_T = ")

    def test_a_scan_that_drifts_is_not(self, monkeypatch):
        steps = [np.diag([1.4, 0.3]), np.diag([1.7, 0.3]), np.diag([2.0, 0.3])]
        found = scan(planted_sums(monkeypatch, steps, noise=0.02), **NAMES)
        assert not found.y_t.converged
        assert "still changes by" in found.y_t.sentence

    def test_one_step_is_judged_over_operators(self, monkeypatch):
        mixing = np.array([[1.5, 0.8], [0.8, 0.5]])
        found = scan(planted_sums(monkeypatch, [mixing], noise=0.02), **NAMES)
        assert found.y_t.over == "operator"
        assert "still changes by" in found.y_t.sentence
        found = scan(
            planted_sums(monkeypatch, [np.diag([2.0, 0.5])], noise=0.02), **NAMES
        )
        assert not found.y_t.converged
        assert "a single step cannot show convergence" in found.y_t.sentence

    def test_one_operator_at_one_step_is_never_converged(self):
        states = all_states((4, 4))
        fine = draw(states, planted((4, 4), {"nn": 0.4}), chains=64, draws=64, seed=4)
        found = scan(
            [fine, blocks(fine, majority(fine.values))], even=("nn",), odd=("field",)
        )
        assert found.y_h.change is None
        assert not found.y_h.converged
        assert "cannot show convergence" in found.y_h.sentence


class TestDegenerate:
    """Operators that stand still or coincide are left out and named."""

    def test_a_two_by_two_coarse_lattice(self):
        states = all_states((4, 4))
        fine = draw(states, planted((4, 4), {"nn": 0.3}), chains=64, draws=32, seed=5)
        found = exponents(fine, blocks(fine, majority(fine.values)))
        assert found.even == ("nn", "nnn", "plaquette")
        assert found.odd == ("field", "corner")
        assert len(found.y_t) == 3
        assert found.flags[0].startswith(
            "left out of the even operators: third, fourth, diamond"
        )
        assert found.flags[1].startswith("left out of the odd operators: row, wedge")
        assert all(np.isfinite(y.value) for y in (*found.y_t, *found.y_h))

    def test_a_coarse_lattice_that_never_changes(self):
        fine = Ensemble.from_values(random_spins((32, 8, 4, 4), seed=6))
        frozen = blocks(fine, np.ones((32, 8, 2, 2), np.int8))
        found = scan([fine, frozen])
        assert found.steps[0].y_t == ()
        assert "no even operator fluctuates" in found.steps[0].flags[1]
        assert not found.y_t.converged
        assert "no operator fluctuates after it" in found.y_t.sentence

    def test_rank_is_that_of_the_sums(self):
        rng = np.random.default_rng(7)
        sums = rng.standard_normal((32, 10, 4)) * (1, 100, 1e-3, 1)
        sums[..., 2] = 3 * sums[..., 0] - sums[..., 1]
        ensemble = Ensemble.from_values(random_spins((32, 10, 4, 4), seed=7))
        assert Sector.of(ensemble, sums, sums).independent() == [0, 1, 3]


class TestMaps:
    """Maps that are and are not renormalization steps."""

    def critical(self) -> Ensemble:
        states = all_states((4, 4))
        return draw(states, planted((4, 4), {"nn": K_C}), chains=64, draws=512, seed=8)

    def test_majority_has_no_fault_even_on_four_by_four(self):
        """Finite-size values, exact for this lattice: y_T = 0.98, y_H = 1.87."""
        fine = self.critical()
        found = scan([fine, blocks(fine, majority(fine.values))])
        for exponent in (found.y_t, found.y_h):
            assert "is undecided: a single step" in exponent.sentence

    def test_configurations_of_other_chains_do_not(self):
        """Negative control: nothing of the fine lattice is in the coarse one."""
        fine = self.critical()
        other = np.roll(majority(fine.values), 1, axis=0)
        found = scan([fine, blocks(fine, other)])
        for exponent in (found.y_t, found.y_h):
            assert not exponent.converged
            assert "this map is not an RG step because" in exponent.sentence

    def test_a_plain_block_average_has_the_dimension_as_exponent(self):
        """It rescales no spin: λ_H = b^d exactly, and so it is not a step."""
        fine = self.critical()
        mean = (block_sums(fine.values) / np.float32(4)).astype(np.float32)
        found = scan([fine, blocks(fine, mean)])
        assert float(found.steps[0].y_h[0].value) == pytest.approx(2, abs=1e-9)
        assert not found.y_h.converged


def test_refusals():
    fine = Ensemble.from_values(random_spins((4, 8, 4, 4), seed=9))
    coarse = decimated(fine)
    with pytest.raises(ValueError, match="at least a fine and a coarse level, got 1"):
        scan([fine])
    with pytest.raises(ValueError, match=r"change of scale b > 1 .* b = 1"):
        exponents(fine, fine)
    with pytest.raises(ValueError, match="same chains and draws"):
        exponents(fine, replace(coarse, lineage="other"))
    with pytest.raises(ValueError, match=r"even operators are among .* got field"):
        exponents(fine, coarse, even=("nn", "field"))
    layer = fine.derived(
        random_spins((4, 8, 4), seed=9), Unordered(4), "pm1", {"step": "test"}
    )
    with pytest.raises(ValueError, match="needs sites with positions"):
        exponents(fine, layer)


def test_a_chain_uses_the_operators_it_has():
    fine = Ensemble.from_values(random_spins((32, 8, 12), seed=10))
    found = exponents(fine, decimated(fine))
    assert (found.even, found.odd) == (("nn", "third"), ("field", "row"))
