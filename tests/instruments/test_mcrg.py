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

from kadanoff.coarse.momentum import MomentumShell
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.exact import pairs
from kadanoff.exact.constants import K_C
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments import mcrg
from kadanoff.instruments.linearized import Sector, eigenvectors, leading_eigenvalue
from kadanoff.instruments.mcrg import (
    exponents,
    linearized,
    operator_sums,
    scaling_operators,
    scan,
    scan_maps,
)
from kadanoff.instruments.operators import sector_sums
from kadanoff.models.ising import Ising
from kadanoff.samplers.run import sample

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
    monkeypatch.setattr(
        mcrg,
        "sector_sums",
        lambda e, *_: (sums[e.shape][..., :n, None], sums[e.shape][..., n:, None]),
    )
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
        assert (
            "shows no fixed point because its leading eigenvalue" in found.y_t.sentence
        )

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
        assert found.y_t.change is not None
        expected = found.steps[2].y_t[1] - found.steps[1].y_t[1]
        assert float(found.y_t.change.value) == float(expected.value)
        more = found.steps[2].y_t[1] - found.steps[2].y_t[0]
        assert found.y_t.truncation is not None
        assert float(found.y_t.truncation.value) == float(more.value)
        parts = (found.y_t.estimate.error, expected.value, more.value)
        assert found.y_t.error == pytest.approx(float(np.linalg.norm(parts)))
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
        assert found.y_t.change is None
        assert "over the last half of the operators" in found.y_t.sentence
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
        assert found.flags[0] == (
            "left out of the even operators: third, (0,0)(1,0)(1,1)(2,0), diamond, "
            "fourth, (0,0)(1,0)(1,1)(2,1) (constant: third, diamond; combinations of "
            "earlier ones: (0,0)(1,0)(1,1)(2,0), fourth, (0,0)(1,0)(1,1)(2,1)), on the "
            "coarse lattice (2, 2)"
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
            assert "this map shows no fixed point because" in exponent.sentence

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
    assert found.even[:3] == ("nn", "third", "(0)(3)")
    assert found.odd[:2] == ("field", "row")
    assert "left out of the even operators" in found.flags[0]


class TestScalingOperators:
    """Left and right eigenvectors of T."""

    def test_of_a_planted_matrix(self, monkeypatch):
        t = np.array([[2.0, 0.3], [0.4, 0.5]])
        fine, coarse = planted_sums(monkeypatch, [t])
        for parity in ("even", "odd"):
            found = scaling_operators(
                fine, coarse, parity=parity, operators=NAMES[parity]
            )
            phi, psi = found.fields.value, found.directions.value
            values = np.sort(np.linalg.eigvals(t))[::-1]
            assert np.allclose(found.matrix.value, t, rtol=0, atol=1e-9)
            assert np.allclose(found.eigenvalues.value, values, rtol=0, atol=1e-9)
            assert np.allclose(found.exponents.value, np.log2(values), atol=1e-9)
            assert np.allclose(phi @ t, values[:, None] * phi, rtol=0, atol=1e-9)
            assert np.allclose(psi @ t.T, values[:, None] * psi, rtol=0, atol=1e-9)
            assert np.allclose(phi @ psi.T, np.eye(2), rtol=0, atol=1e-9)
            assert found.operators == NAMES[parity]

    def test_a_complex_pair_has_no_direction(self, monkeypatch):
        levels = planted_sums(monkeypatch, [np.array([[1.0, -2.0], [2.0, 1.0]])])
        found = scaling_operators(*levels, operators=NAMES["even"])
        assert np.isnan(found.eigenvalues.value).all()
        assert np.isnan(found.fields.value).all()
        assert np.isfinite(found.matrix.value).all()
        assert "eigenvalue 1 of the even operators is complex" in found.flags

    def test_a_negative_eigenvalue_has_a_direction_and_no_exponent(self, monkeypatch):
        levels = planted_sums(monkeypatch, [np.diag([-2.0, 1.0])])
        found = scaling_operators(*levels, operators=NAMES["even"])
        assert np.allclose(found.eigenvalues.value, [-2, 1])
        assert np.isnan(found.exponents.value[0])
        assert np.isfinite(found.fields.value).all()
        assert found.flags == (
            "eigenvalue 1 of the even operators is not positive, -2",
        )

    def test_errors_cover_the_exact_eigenvectors(self):
        """4×4 → 2×2 at K = 0.4, 120 times 2048 configurations.

        Of the pulls of λ₁, φ₁ and ψ₁ (7 numbers, correlated) 0.683 lie within one
        error; with 120 independent fits the share of each is good to 0.043, and 0.55 to
        0.81 is 3 σ of it. Errors off by a factor of 1.6 are seen.
        """
        states, p = all_states((4, 4)), planted((4, 4), {"nn": 0.4})
        small = majority(states)
        fine, coarse = (
            np.stack([rolled_sum(s, o) for o in EVEN3], -1) for s in (states, small)
        )
        mean = p @ coarse
        b = (coarse.T * p) @ coarse - np.outer(mean, mean)
        exact = eigenvectors(linearized(fine, coarse, p), b, 1)[0]
        pull = []
        for seed in range(120):
            e = draw(states, p, chains=64, draws=32, seed=seed)
            found = scaling_operators(
                e, blocks(e, majority(e.values)), operators=EVEN3, count=1
            )
            parts = [
                found.eigenvalues,
                *(x[0] for x in (found.fields, found.directions)),
            ]
            value = np.concatenate([np.ravel(x.value) for x in parts])
            error = np.concatenate([np.ravel(x.error) for x in parts])
            pull.append((value - exact) / error)
        shares = (abs(np.array(pull)) < 1).mean(axis=0)
        assert ((shares > 0.55) & (shares < 0.81)).all(), shares
        wrong = (abs(np.array(pull)) * 1.6 < 1).mean(axis=0)
        assert (wrong < 0.55).all(), wrong
        # Control: the eigenvector of another eigenvalue.
        other = eigenvectors(linearized(fine, coarse, p), b, 2)[1]
        assert abs(other[1:4] - exact[1:4]).max() > 0.1

    def test_refusals(self):
        fine = Ensemble.from_values(random_spins((4, 8, 4, 4), seed=9))
        with pytest.raises(ValueError, match="'even' or 'odd' and at least 1"):
            scaling_operators(fine, decimated(fine), parity="both")
        frozen = blocks(fine, np.ones((4, 8, 2, 2), np.int8))
        with pytest.raises(ValueError, match="got none of nn, nnn"):
            scaling_operators(fine, frozen, operators=("nn", "nnn"))


def test_operators_that_stand_still_or_coincide_are_named():
    rng = np.random.default_rng(19)
    sums = rng.standard_normal((50, 3))
    sums[:, 1], sums[:, 2] = 4.0, 2 * sums[:, 0]
    with pytest.raises(np.linalg.LinAlgError, match="earlier ones: b, c; leave"):
        linearized(sums, sums, names=("a", "b", "c"))


def test_components_are_summed_in_blocks_as_they_are_at_once():
    """A sector of vectors against one sum over configurations and components."""
    rng = np.random.default_rng(31)
    coarse = rng.standard_normal((32, 10, 3, 2)) * (1.0, 4.0) + 2
    fine = np.einsum("cdak,ab->cdbk", coarse, rng.standard_normal((3, 3)))
    fine += rng.standard_normal(fine.shape)
    ensemble = Ensemble.from_values(random_spins((32, 10, 4, 4), seed=7))
    found = Sector.of(ensemble, fine, coarse).matrix([0, 1, 2]).value
    whole = linearized(fine.reshape(320, 3, 2), coarse.reshape(320, 3, 2))
    assert np.allclose(found, whole, rtol=0, atol=1e-10)
    first = linearized(fine[..., 0].reshape(320, 3), coarse[..., 0].reshape(320, 3))
    assert not np.allclose(found, first, rtol=0, atol=1e-3)


def test_rounding_is_no_fluctuation():
    """A sum that is constant up to the last digits of a float32 is constant."""
    rng = np.random.default_rng(20)
    sums = rng.standard_normal((32, 10, 2))
    sums[..., 1] = 1000 * (1 + 1e-8 * sums[..., 1])
    ensemble = Ensemble.from_values(random_spins((32, 10, 4, 4), seed=7))
    sector = Sector.of(ensemble, sums, sums)
    assert sector.independent() == [0]
    assert sector.standing.tolist() == [False, True]


def test_too_few_configurations_say_how_many_are_needed():
    fine = replace(Ensemble.from_values(random_spins((32, 4, 8, 8), seed=21)), tau=2.0)
    found = scan([fine, decimated(fine)])
    expected = "8 even operators need at least 80 independent configurations, got 32"
    assert expected in found.steps[0].flags
    assert not found.y_t.converged
    few = Ensemble.from_values(random_spins((2, 39, 8, 8), seed=22))
    with pytest.raises(ValueError, match=r"8 even operators need at least 80.*got 78;"):
        scan([few, decimated(few)])
    enough = Ensemble.from_values(random_spins((32, 4, 8, 8), seed=23))
    flags = scan([enough, decimated(enough)]).steps[0].flags
    assert not any("need at least" in flag for flag in flags)


class TestAlphabets:
    """Other values than spins, each with the operators of its own symmetry."""

    def test_two_colours_and_two_angles_are_spins(self):
        """Sets of operators that span the same: the same exponents, to rounding."""
        states = all_states((4, 4))
        fine = draw(states, planted((4, 4), {"nn": 0.4}), chains=64, draws=32, seed=24)
        coarse = blocks(fine, majority(fine.values))
        names = {"even": EVEN3, "odd": ("field", "corner")}
        spins = exponents(fine, coarse, **names)
        maps = {
            "potts:2": lambda s: (1 - s.astype(int)) // 2,
            "angle": lambda s: np.where(s > 0, 0.0, np.pi),
        }
        for alphabet, change in maps.items():
            e, c = (
                Ensemble.from_values(
                    change(x.values), x.grid, alphabet=alphabet, lineage="same"
                )
                for x in (fine, coarse)
            )
            found = exponents(e, c, **names)
            digits = 1e-8 if alphabet == "potts:2" else 1e-4  # phases in float32
            for here, there in ((spins.y_t, found.y_t), (spins.y_h, found.y_h)):
                assert here[-1].value == pytest.approx(
                    float(there[-1].value), abs=digits
                )
                assert here[-1].error == pytest.approx(float(there[-1].error), rel=1e-2)

    @pytest.mark.parametrize("coupling", [0.5, 1.2])
    def test_decimation_of_the_potts_ring(self, coupling):
        """T of all states of six sites against ln W² of the transfer matrix W.

        Even: one coupling. Odd: the field and the bonds of one colour close on each
        other to first order; T is the same for all colours.
        """
        q, n = 3, 6
        states = pairs.states(n, q=q).astype(int)
        ring = Ensemble.from_values(states[None], Grid((n,)), alphabet=f"potts:{q}")
        half = Ensemble.from_values(
            states[None, :, ::2], Grid((n // 2,)), alphabet=f"potts:{q}"
        )
        sums = [sector_sums(e, ("nn",), ("field", "nn")) for e in (ring, half)]
        p = boltzmann(coupling * sums[0][0][0, :, 0, 0])
        even = linearized(*(s[0][0] for s in sums), weights=p)
        odd = linearized(*(s[1][0] for s in sums), weights=p)
        same = np.eye(q)
        f = q * same[0] - 1
        basis = np.stack(
            [same, (f[:, None] + f) / 2, same * f[:, None], np.ones((q, q))]
        ).reshape(4, -1)

        def decimated_couplings(k):
            w = np.exp((np.append(k, 0) @ basis).reshape(q, q))
            # The transfer matrix has half of the field at each end of a bond.
            return np.linalg.lstsq(basis.T, np.log(w @ w).ravel(), rcond=None)[0][:3]

        k = np.array([coupling, 0.0, 0.0])
        exact = np.stack(
            [
                (decimated_couplings(k + d) - decimated_couplings(k - d)) / 2e-5
                for d in 1e-5 * np.eye(3)
            ],
            axis=1,
        )
        assert even[0, 0] == pytest.approx(exact[0, 0], abs=1e-8)
        assert np.allclose(odd, exact[1:, 1:], rtol=0, atol=1e-8)
        assert abs(exact[1, 2]) > 0.01  # the second operator does matter

    def test_decimation_of_the_gaussian_ring(self):
        """a φφ' + u φ² on every site: a' = -a²/2u, u' = u - a²/2u, exactly."""
        a, u, n = 0.4, -0.5, 12
        precision = -2 * u * np.eye(n) - a * (
            np.roll(np.eye(n), 1, 0) + np.roll(np.eye(n), -1, 0)
        )
        root = np.linalg.cholesky(np.linalg.inv(precision))
        noise = np.random.default_rng(25).standard_normal((64, 512, n))
        fine = Ensemble.from_values(noise @ root.T, alphabet="real")
        coarse = decimated(fine)
        exact = np.array([[-a / u, a**2 / (2 * u**2)], [-a / u, 1 + a**2 / (2 * u**2)]])
        found = scaling_operators(fine, coarse, operators=("nn", "phi2"))
        pull = (found.matrix.value - exact) / found.matrix.error
        assert (abs(pull) < 4).all()
        assert (found.matrix.error < 0.05).all()
        values = np.sort(np.asarray(np.linalg.eigvals(exact), dtype=float))[::-1]
        read = found.eigenvalues
        assert (abs(read.value - values) < 4 * read.error).all()
        # Control: without φ² the eigenvalue is another one.
        alone = scaling_operators(fine, coarse, operators=("nn",)).eigenvalues
        assert abs(float(alone.value[0]) - values[0]) > 4 * float(alone.error[0])

    def test_vectors_of_angles_respond_to_a_field(self):
        """Six directions on a ring of six, all states: B T = Σ_a ∂⟨S'_a⟩/∂h_a.

        Central differences of a field along one axis, which stands for both.
        """
        turns = pairs.states(6, q=6) * (np.pi / 3)
        ring, half = (
            Ensemble.from_values(x[None], Grid((x.shape[1],)), alphabet="angle")
            for x in (turns, turns[:, ::2])
        )
        odd = ("field", "row")
        (even, fine), (_, coarse) = (sector_sums(e, ("nn",), odd) for e in (ring, half))
        energy, fine, coarse = 0.8 * even[0, :, 0, 0], fine[0], coarse[0]
        p = boltzmann(energy)
        response = np.stack(
            [
                (
                    boltzmann(energy + 1e-4 * fine[:, k, 0])
                    - boltzmann(energy - 1e-4 * fine[:, k, 0])
                )
                @ coarse[..., 0]
                / 2e-4
                for k in (0, 1)
            ],
            axis=1,
        )
        b = np.einsum("n,nak,nbk->ab", p, coarse, coarse)
        t = linearized(fine, coarse, p)
        assert np.allclose(b @ t, 2 * response, rtol=1e-4, atol=1e-4)
        assert abs(np.linalg.eigvals(t)).max() > 1

    def test_the_even_sector_of_real_values_holds_their_square(self):
        rng = np.random.default_rng(26)
        fine = Ensemble.from_values(rng.standard_normal((32, 8, 8, 8)), alphabet="real")
        found = exponents(fine, decimated(fine))
        assert found.even[:4] == ("nn", "phi2", "nnn", "phi4")
        assert found.odd[:2] == ("field", "phi3")

    def test_values_of_two_kinds_are_no_step(self):
        rng = np.random.default_rng(27)
        colours = rng.integers(0, 3, (4, 8, 4, 4))
        fine = Ensemble.from_values(colours, alphabet="potts:3")
        spins = blocks(fine, random_spins((4, 8, 2, 2), 28))
        with pytest.raises(ValueError, match="one kind before and after it, got alpha"):
            exponents(fine, spins)


class TestFeatureMaps:
    """Several maps, each alone and together."""

    COUPLINGS = (0.4, 0.2)  # like ones would have the same eigenvalues twice

    def levels(self):
        states = all_states((4, 4))
        one, two = (
            draw(states, planted((4, 4), {"nn": k}), chains=64, draws=64, seed=seed)
            for seed, k in enumerate(self.COUPLINGS)
        )
        two = replace(two, lineage=one.lineage)
        coarse = [blocks(e, majority(e.values)) for e in (one, two)]
        return (one, two), coarse

    @staticmethod
    def together(ensembles):
        first = ensembles[0]
        values = np.stack([e.values for e in ensembles], axis=2)
        return first.derived(
            values, first.grid, "pm1", {"step": "maps"}, features=len(ensembles)
        )

    def test_each_alone_is_a_scan_of_it(self):
        fine, coarse = self.levels()
        found = scan_maps([fine[0], self.together(coarse)])
        assert found.joint is None
        for m in (0, 1):
            alone = scan([fine[0], coarse[m]])
            assert found.each[m].steps[0].y_h[0].value == alone.steps[0].y_h[0].value
            assert found.each[m].y_t.sentence == alone.y_t.sentence

    def test_two_maps_that_know_nothing_of_each_other(self):
        """T falls into blocks: those of the maps and that of their product.

        Odd: the leading eigenvalue is that of one map. Even: the product of two
        unrelated maps has λ = Σ ⟨s'_x s_y⟩₀⟨s'_x s_y⟩₁ / Σ ⟨s'_x s'_z⟩₀⟨s'_x s'_z⟩₁,
        from all states, at 4 σ.
        """
        fine, coarse = self.levels()
        names = {"even": ("nn", "nnn"), "odd": ("field", "corner")}
        found = scan_maps([self.together(fine), self.together(coarse)], **names)
        assert found.joint is not None
        step = found.joint.steps[0]
        assert step.even == (
            "map 0 nn", "map 1 nn", "maps 0 × 1", "map 0 nnn", "map 1 nnn",
        )  # fmt: skip
        gap, other = (step.y_h[-1] - one.steps[0].y_h[-1] for one in found.each)
        assert abs(gap.value) < 4 * gap.error
        assert abs(other.value) > 4 * other.error
        states = all_states((4, 4))
        small = majority(states).reshape(len(states), 4).astype(float)
        big = states.reshape(len(states), 16).astype(float)
        laws = [planted((4, 4), {"nn": k}) for k in self.COUPLINGS]
        across, inside = (
            np.prod([(small.T * p) @ x for p in laws], axis=0).sum()
            for x in (big, small)
        )
        exact = np.log2(across / inside)
        joint = step.y_t[-1]
        assert abs(joint.value - exact) < 4 * joint.error
        assert joint.error < 0.05
        # Control: the thermal eigenvalue of a map alone is another one.
        thermal = found.each[0].steps[0].y_t[-1]
        assert abs(thermal.value - exact) > 4 * thermal.error

    def test_a_map_that_is_there_twice_is_named(self):
        fine, coarse = self.levels()
        twice = [self.together([e[0], e[0]]) for e in (fine, coarse)]
        found = scan_maps(twice, even=("nn",), odd=("field",))
        assert found.joint is not None
        step = found.joint.steps[0]
        assert (step.even, step.odd) == (("map 0 nn",), ("map 0 field",))
        assert "map 1 nn, maps 0 × 1 (constant: maps 0 × 1; comb" in step.flags[0]

    def test_refusals(self):
        fine, coarse = self.levels()
        with pytest.raises(ValueError, match="got None, None; use scan"):
            scan_maps([fine[0], coarse[0]])
        with pytest.raises(ValueError, match="got 2, None"):
            scan_maps([self.together(fine), coarse[0]])


def test_an_exponent_that_was_put_in_is_no_reading():
    """The momentum shell rescales the field by b^Δ: y_H = d − Δ whatever the data."""
    ensemble = sample(Ising((16, 16)), coupling=K_C, draws=640, seed=3)
    stack = Stack((MomentumShell(2, dimension=0.3), MomentumShell(2, dimension=0.3)))
    found = mcrg.scan(list(stack.levels(ensemble, seed=0)), odd=("field",)).y_h
    assert float(found.estimate.value) == pytest.approx(1.7, abs=1e-5)
    assert not found.converged
    assert "the same for all samples" in found.sentence
