from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from procedures.exact_blocks import Blocks
from scipy.special import ellipe, ellipk

from kadanoff.coarse.block import Majority
from kadanoff.exact.constants import K_C
from kadanoff.models.ising import Ising
from kadanoff.models.potts import Potts
from kadanoff.procedures.block_bias import Hamiltonian, uniform_sums
from kadanoff.procedures.variational_mcrg import (
    BiasedDraws,
    critical_window,
    drift,
    fixed_hamiltonian,
    renormalize,
)

EVEN, ODD = ("nn", "nnn", "plaquette"), ("field", "corner")
SQUARE = {"nn": 0.3, "nnn": 0.05, "plaquette": -0.03}
SMALL = BiasedDraws(draws=1500, replicas=64, spacing=2)


def pulls(found, exact) -> np.ndarray:
    return (found.value - exact) / found.error


@pytest.fixture(scope="module")
def square() -> Blocks:
    """4×4 → 2×2, whose three even and two odd couplings are all there are."""
    return Blocks.of((4, 4), 2)


def derivatives(blocks: Blocks, couplings, operators, varied) -> np.ndarray:
    """∂K′_α/∂K_β of the exact map by central differences, `(α, β)`."""
    columns = []
    for name in varied:
        ends = []
        for step in (1e-5, -1e-5):
            moved = {**couplings, name: couplings.get(name, 0.0) + step}
            ends.append(blocks.couplings(moved, operators)[0])
        columns.append((ends[0] - ends[1]) / 2e-5)
    return np.stack(columns, axis=1)


class TestTheFunctional:
    """Identities over all states: what the module's docstring says of Ω and K′."""

    def test_gradient_and_hessian(self, square):
        j = np.array([0.2, -0.1, 0.05])
        mean, covariance, _ = square.biased(SQUARE, EVEN, j, EVEN)
        gradient = uniform_sums((2, 2), EVEN) - mean
        step = 1e-4
        moves = step * np.eye(3)
        omega = [
            [square.omega(SQUARE, EVEN, j + s * m) for s in (1, -1)] for m in moves
        ]
        slopes = np.array([(up - down) / (2 * step) for up, down in omega])
        assert np.allclose(gradient, slopes, rtol=0, atol=1e-6)
        here = square.omega(SQUARE, EVEN, j)
        bent = np.array([(up + down - 2 * here) / step**2 for up, down in omega])
        assert np.allclose(np.diag(covariance), bent, rtol=0, atol=1e-5)
        assert np.linalg.eigvalsh(covariance).min() > 0

    def test_the_minimum_is_the_renormalized_hamiltonian(self, square):
        k, left_out = square.couplings(SQUARE, EVEN)
        assert left_out < 1e-12  # three couplings and a constant are complete
        mean, *_ = square.biased(SQUARE, EVEN, k, EVEN)
        assert np.allclose(mean, uniform_sums((2, 2), EVEN), rtol=0, atol=1e-12)
        least = square.omega(SQUARE, EVEN, k)
        for move in np.eye(3):
            assert square.omega(SQUARE, EVEN, k + 0.01 * move) > least
        # Control: with the sign of the other convention the blocks are correlated.
        wrong, *_ = square.biased(SQUARE, EVEN, -k, EVEN)
        assert abs(wrong).max() > 1

    def test_covariances_at_the_minimum_are_derivatives(self, square):
        k, _ = square.couplings(SQUARE, EVEN)
        for names in (EVEN, ODD):
            _, own, mixed = square.biased(SQUARE, EVEN, k, names)
            t = np.linalg.solve(own, mixed)
            every = (*EVEN, *ODD) if names == ODD else EVEN
            exact = derivatives(square, SQUARE, every, names)[-len(names) :]
            assert np.allclose(t, exact, rtol=0, atol=1e-7)


def test_sampled_couplings_and_derivatives_are_the_exact_ones(square):
    """4×4 → 2×2 at 4.7 σ: K′, gradient, Hessian, T even and odd; 28 numbers, 7e-5."""
    found = renormalize(
        Hamiltonian((4, 4), SQUARE), Majority(b=2), odd=ODD, drawing=SMALL, seed=1
    )
    k, _ = square.couplings(SQUARE, EVEN)
    assert abs(pulls(found.couplings, k)).max() < 4.7
    mean, covariance, _ = square.biased(SQUARE, EVEN, found.bias, EVEN)
    assert abs(pulls(found.gradient, uniform_sums((2, 2), EVEN) - mean)).max() < 4.7
    assert abs(pulls(found.hessian, covariance)).max() < 4.7
    for reading, names in ((found.step, EVEN), (found.odd_step, ODD)):
        _, own, mixed = square.biased(SQUARE, EVEN, found.bias, names)
        t = np.linalg.solve(own, mixed)
        assert abs(pulls(reading, t)).max() < 4.7
        assert abs(pulls(reading, 1.2 * t)).max() > 4.7  # control
    assert np.array_equal(found.step.value, found.bare.value)
    # Controls: fine couplings in place of the blocks', and these five per cent off.
    assert abs(pulls(found.couplings, np.array([*SQUARE.values()]))).max() > 4.7
    assert abs(pulls(found.couplings, 1.05 * k)).max() > 4.7
    assert found.couplings.error.max() < 0.01


@pytest.mark.parametrize(
    ("shape", "b", "steps", "couplings", "operators"),
    [
        ((3, 6), 3, 1, {"nn": 0.4}, ("nn",)),
        ((18,), 3, 2, {"nn": 0.8}, ("nn",)),
        ((4, 4), 2, 1, {"nn": 0.25, "field": 0.05}, (*EVEN, *ODD)),
    ],
    ids=["blocks of three", "two steps", "in a field"],
)
def test_couplings_of_other_lattices_are_the_exact_ones(
    shape, b, steps, couplings, operators
):
    """At 4.7 σ, of complete sets of operators; the control is ten per cent off."""
    blocks = Blocks.of(shape, b, steps)
    k, left_out = blocks.couplings(couplings, operators)
    assert left_out < 1e-12
    found = renormalize(
        Hamiltonian(shape, couplings),
        Majority(b=b),
        steps=steps,
        operators=operators,
        drawing=SMALL,
        seed=2,
    )
    assert abs(pulls(found.couplings, k)).max() < 4.7
    assert abs(pulls(found.couplings, 1.1 * k)).max() > 4.7
    bare = derivatives(blocks, couplings, operators, operators)
    assert abs(pulls(found.bare, bare)).max() < 4.7


def test_errors_are_right():
    """60 readings of one coupling: 0.683 ± 0.060 of the pulls within one error, 4 σ.

    A level of 1e-4; errors wrong by a factor of 2.5 would be seen.
    """
    blocks = Blocks.of((3, 6), 3)
    k, _ = blocks.couplings({"nn": 0.4}, ("nn",))
    draws = BiasedDraws(draws=24, replicas=32, spacing=2, burn_in=20)
    found = [
        renormalize(
            Hamiltonian((3, 6), {"nn": 0.4}), Majority(b=3), operators=("nn",),
            drawing=draws, seed=seed,
        ).couplings
        for seed in range(60)
    ]  # fmt: skip
    pull = np.array([float(pulls(one, k)[0]) for one in found])
    assert abs((abs(pull) < 1).mean() - 0.683) < 0.24
    assert abs((abs(2.5 * pull) < 1).mean() - 0.683) > 0.24
    assert abs((abs(pull / 2.5) < 1).mean() - 0.683) > 0.24
    assert abs(pull.mean()) < 4 / np.sqrt(60)


def logarithm(values: np.ndarray, t: np.ndarray) -> float:
    """a of a t ln t + b t + c t² ln t + d t², from four values."""
    powers = np.column_stack([t * np.log(t), t, t**2 * np.log(t), t**2])
    return float(np.linalg.solve(powers, values)[0])


def test_root_two_is_the_slope_of_the_critical_line():
    """Above K_c: amplitudes of t ln t, t = K - K_c, of the two shortest correlations.

    ⟨s_00 s_10⟩ (Onsager 1944), ⟨s_00 s_11⟩ = (2/π) E(1/sinh² 2K) (McCoy and Wu 1973).
    Both sum over two bonds a site: a normal of (1, √2) in (nn, nnn).
    """
    t = np.array([1e-3, 1.5e-3, 2e-3, 3e-3])
    k = 2 * (K_C + t)
    modulus = 2 * np.sinh(k) / np.cosh(k) ** 2
    turn = 2 * np.tanh(k) ** 2 - 1
    near = (1 + 2 / np.pi * turn * ellipk(modulus**2)) / np.tanh(k) / 2
    across = 2 / np.pi * ellipe(np.sinh(k) ** -4)
    nn = logarithm(near - np.sqrt(0.5), t)
    nnn = logarithm(across - 2 / np.pi, t)
    assert nnn / nn == pytest.approx(np.sqrt(2), rel=1e-3)


def test_the_critical_point_of_the_square_lattice():
    """36×36 → 4×4 and 12×12 → 4×4 at K_c: no drift at 4.5 σ, and the exact normal.

    The normal of two steps may be off by 0.03, twice its largest change from one step
    to two. Control: a coupling six per cent lower drifts down.
    """
    draws = BiasedDraws(draws=200, replicas=32)
    found = drift(Ising((36, 36)), K_C, Majority(b=3), drawing=draws, seed=3)
    assert found.after.shapes == ((36, 36), (12, 12), (4, 4))
    assert found.before.shapes == ((12, 12), (4, 4))
    assert abs(pulls(found.along, 0.0)) < 4.5
    assert abs(pulls(found.critical, K_C)) < 4.5
    assert found.critical.error < 0.01
    nnn = found.after.normal[1]
    assert abs(nnn.value - np.sqrt(2)) < 4.5 * nnn.error + 0.03
    assert nnn.error < 0.05
    low = drift(Ising((36, 36)), 0.94 * K_C, Majority(b=3), drawing=draws, seed=4)
    assert pulls(low.along, 0.0) < -4.5


@pytest.mark.slow
def test_the_window_closes_on_onsagers_coupling():
    """45×45 → 5×5: flows part between 0.43 and 0.45; K_c at 4.5 σ, level 7e-6."""
    found = critical_window(
        Ising((45, 45)), Majority(b=3), (0.42, 0.43, K_C, 0.45, 0.46), seed=5
    )
    assert found.low < K_C < found.high
    assert found.high - found.low < 0.031
    assert abs(pulls(found.critical, K_C)) < 4.5
    assert abs(pulls(found.critical, 1.03 * K_C)) > 4.5


@pytest.mark.slow
def test_the_fixed_hamiltonian_stays_and_is_relevant():
    """27×27 → 9×9 in three couplings, from K = 0.38 and little else.

    One step carries it to itself within 4.5 σ (K* has its own error, which a step
    stretches at most fourfold). Cut to three couplings y_T and y_H are short of 1 and
    15/8, by about 0.15 and 0.1: they must lie within twice that, and the thermal
    exponent of a disordered Hamiltonian must not.
    """
    rule = Majority(b=3)
    found = fixed_hamiltonian((27, 27), rule, start=(0.38, 0.07, -0.02), seed=6)
    last, k = found.renormalized, found.couplings
    assert abs(last.y_t.value - 1) < 0.3
    assert abs(last.y_h.value - 15 / 8) < 0.2
    named = dict(zip(EVEN, k.value.tolist(), strict=True))
    again = renormalize(Hamiltonian((27, 27), named), rule, seed=7)
    error = np.hypot(4 * k.error, again.couplings.error)
    assert (abs(again.couplings.value - k.value) < 4.5 * error).all()
    hot = renormalize(Hamiltonian((27, 27), {"nn": 0.25}), rule, seed=8)
    assert (hot.couplings.value - 0.25)[0] < -4.5 * hot.couplings.error[0]
    assert hot.y_t.value + 4.5 * hot.y_t.error < 0.7


def test_one_seed_makes_the_reading():
    def found(seed: int) -> np.ndarray:
        draws = BiasedDraws(draws=40, replicas=16)
        hamiltonian = Hamiltonian((9, 9), {"nn": 0.3})
        return renormalize(
            hamiltonian, Majority(b=3), operators=("nn",), drawing=draws, seed=seed
        ).couplings.value

    assert np.array_equal(found(1), found(1))
    assert not np.array_equal(found(1), found(2))


def wrong(value: Any) -> Any:
    """What the annotations do not allow."""
    return value


PLAIN = Hamiltonian((12, 12), {"nn": 0.3})


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: BiasedDraws(replicas=4), "replicas of a biased ensemble"),
        (lambda: renormalize(PLAIN, Majority(b=3), operators=()), "one or more"),
        (lambda: renormalize(PLAIN, Majority(b=3), operators=("nn",) * 2), "nn, nn;"),
        (lambda: renormalize(PLAIN, Majority(b=3), odd=("third",)), "other parity"),
        (
            lambda: renormalize(
                Hamiltonian((12, 12), {"field": 0.1}), Majority(b=3), odd=ODD
            ),
            "other parity",
        ),
        (
            lambda: renormalize(PLAIN, Majority(b=6), operators=("nn", "third")),
            "some are constant or combinations",
        ),
        (
            lambda: renormalize(
                PLAIN, Majority(b=3), operators=("nn", "nnn", "(0,0)(1,1)")
            ),
            r"there: nnn, \(0,0\)\(1,1\);",
        ),
        (
            lambda: renormalize(PLAIN, Majority(b=3), odd=("field", "(0,0)")),
            r"there: field, \(0,0\);",
        ),
        (
            lambda: renormalize(
                PLAIN, Majority(b=3), drawing=BiasedDraws(draws=4, replicas=8), odd=ODD
            ),
            "50 for nn, nnn, plaquette, field, corner, got 32",
        ),
        (lambda: renormalize(PLAIN, Majority(b=3), start=(0.3,)), "one finite number"),
        (lambda: renormalize(PLAIN, Majority(b=3), steps=0), "1 or more, a whole"),
        (lambda: renormalize(PLAIN, Majority(b=3), steps=wrong(1.5)), "a whole number"),
        (
            lambda: BiasedDraws(draws=wrong(10.5)),
            "draws of a biased ensemble is 4 or more",
        ),
        (lambda: fixed_hamiltonian((27, 27), Majority(b=3), start=[0.4]), "one finite"),
        (
            lambda: fixed_hamiltonian(
                (27, 27), Majority(b=3), start=wrong(["a", 0, 0])
            ),
            "one finite number for each of nn, nnn, plaquette",
        ),
        (
            lambda: fixed_hamiltonian(wrong(27), Majority(b=3), start=[0.4, 0, 0]),
            "whole sides of at least 2 sites, got 27",
        ),
        (
            lambda: fixed_hamiltonian(
                (27, 27), Majority(b=3), start=[0.4, 0, 0], rounds=0
            ),
            "1 or more, a whole number, got 0",
        ),
        (
            lambda: drift(wrong(Potts((9, 9), q=3)), 0.4, Majority(b=3)),
            "of an Ising model",
        ),
        (lambda: drift(Ising((36, 36)), np.nan, Majority(b=3)), "a finite number"),
        (lambda: drift(Ising((36, 36)), 0.0, Majority(b=3)), "a model that has it"),
        (
            lambda: critical_window(Ising((36, 36)), Majority(b=3), wrong("ab")),
            "increase",
        ),
        (lambda: drift(Ising((9, 9)), 0.4, Majority(b=3), steps=1), "2 or more"),
        (
            lambda: drift(Ising((36, 36)), 0.4, Majority(b=3), operators=("nnn",)),
            "needs nn among",
        ),
        (lambda: critical_window(Ising((36, 36)), Majority(b=3), [0.4]), "increase"),
        (
            lambda: renormalize(PLAIN, Majority(b=3)).y_h,
            "needs odd operators",
        ),
    ],
)
def test_bad_input_gets_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_couplings_on_one_side_are_no_window():
    draws = BiasedDraws(draws=100, replicas=16)
    with pytest.raises(ValueError, match="flow down on its left"):
        critical_window(Ising((18, 18)), Majority(b=3), (0.30, 0.34), drawing=draws)
