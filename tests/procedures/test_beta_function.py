from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from kadanoff.coarse.block import Average, Decimation, Majority
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import K_C
from kadanoff.models.ising import Ising
from kadanoff.procedures.beta_function import (
    fitted_step,
    flow_lines,
    matched_step,
    step_scaling,
)
from kadanoff.procedures.drawing import Draws

RING = np.array([0.3, 0.5, 0.7])


def decimated(k: np.ndarray | float) -> np.ndarray:
    """tanh K' = tanh² K, exact for b = 2 on a ring of any even length."""
    return np.arctanh(np.tanh(k) ** 2)


def pull(found: Estimate, truth: np.ndarray | float) -> np.ndarray:
    return (found.value - truth) / found.error


class TestDecimatedRings:
    """No truncation, no finite-size effect: three or six numbers at 4.5 σ each."""

    @pytest.mark.parametrize("steps", [0, 1])
    def test_matching_finds_coupling_and_slope(self, steps):
        found = matched_step(
            Ising((32,)),
            Decimation(b=2),
            RING,
            steps=steps,
            operators=("nn", "third")[: 2 - steps],
            seed=1,
        )
        assert found.b == 2
        assert abs(pull(found.renormalized, decimated(RING))).max() < 4.5
        assert found.slopes is not None
        assert abs(pull(found.slopes, np.tanh(2 * RING))).max() < 4.5
        # Controls: K' of a step of 3 instead of 2, and slopes that are 3/2 of these.
        third = np.arctanh(np.tanh(RING) ** 3)
        assert (abs(pull(found.renormalized, third))[1:] > 4.5).all()
        assert abs(pull(found.slopes, 1.5 * np.tanh(2 * RING))).max() > 4.5
        beta = (decimated(RING) - RING) / math.log(2)
        assert abs(pull(found.beta, beta)).max() < 4.5
        assert (found.beta.value < 0).all()

    def test_so_does_pseudo_likelihood(self):
        found = fitted_step(Ising((32,)), Decimation(b=2), RING, seed=2)
        assert abs(pull(found.renormalized, decimated(RING))).max() < 4.5
        assert abs(pull(found.renormalized, 1.05 * decimated(RING))).max() > 4.5
        assert found.slopes is None

    def test_the_line_of_a_stack_is_the_iterated_map(self):
        lines = flow_lines(
            Ising((64,)), Decimation(b=2), RING, steps=3, operators=("nn", "third")
        )
        for k, line in zip(RING, lines, strict=True):
            truth = k
            for level in line.couplings:
                assert abs(pull(level, np.array([truth, 0.0]))).max() < 4.5
                truth = decimated(truth)
            assert line.shapes == ((64,), (32,), (16,), (8,))
        strongest = lines[-1].couplings[1, 0]
        assert abs(pull(strongest, 0.7)) > 4.5  # control: the flow moves

    def test_a_ring_has_no_unstable_fixed_point(self):
        exact = step_scaling(2, RING, [planted(float(decimated(k))) for k in RING])
        with pytest.raises(ValueError, match="no such crossing"):
            exact.crossing()


def planted(value: float, error: float = 0.0, seed: int = 0) -> Estimate:
    """A reading of 64 blocks with a normal error; none where it is zero."""
    if not error:
        return Estimate(np.array(value), {}, math.inf)
    rng = np.random.default_rng(seed)
    blocks = value + error * math.sqrt(64) * rng.standard_normal(64)
    replicates = (blocks.sum() - blocks) / 63
    return Estimate(np.array(blocks.mean()), {f"planted-{seed}": replicates}, 64)


def curve(k: float) -> float:
    """K' with K* = 0.45 and slope 2.1."""
    return 0.45 + 2.1 * (k - 0.45) - 1.5 * (k - 0.45) ** 2


PLACES = (0.42, 0.44, 0.46, 0.49)


def test_the_crossing_of_a_planted_parabola_is_exact():
    found = step_scaling(2.0, PLACES, [planted(curve(k)) for k in PLACES]).crossing()
    assert found.coupling.value == pytest.approx(0.45, abs=1e-12)
    assert found.slope.value == pytest.approx(2.1, abs=1e-9)
    assert found.y_t.value == pytest.approx(math.log2(2.1), abs=1e-9)
    assert found.y_t_by_response is None
    assert found.dof == 1
    line = step_scaling(2.0, PLACES, [planted(curve(k)) for k in PLACES]).crossing(1)
    assert abs(line.slope.value - 2.1) > 1e-3  # control: a line is not enough


def test_errors_of_the_crossing_are_right():
    """200 planted curves: 0.683 ± 0.033 of the pulls within one error; 4 σ each.

    Together a level of 3e-4; errors wrong by a factor of 1.6 would be seen.
    """
    pulls = []
    for seed in range(200):
        readings = [
            planted(curve(k), 1e-3, 4 * seed + n + 1) for n, k in enumerate(PLACES)
        ]
        found = step_scaling(2.0, PLACES, readings).crossing()
        pulls.append([pull(found.coupling, 0.45), pull(found.slope, 2.1)])
    share = (abs(np.array(pulls)) < 1).mean(axis=0)
    assert (abs(share - 0.683) < 0.132).all()
    wide = (abs(1.6 * np.array(pulls)) < 1).mean(axis=0)
    assert (abs(wide - 0.683) > 0.132).all()
    assert abs(np.mean(pulls, axis=0)).max() < 4 / 200**0.5


def test_the_square_lattice_has_a_critical_point_and_its_exponent():
    """32×32 → 16×16, one step more on both: K* = K_c and y_T = 1 at 4.5 σ and 0.03.

    0.03 is the largest change of y_T over the last step on lattices of this size. The
    control is the pseudo-likelihood reading with one term: another fixed point, for a
    Hamiltonian of blocks that is cut to nearest neighbours.
    """
    model, rule, places = Ising((32, 32)), Majority(b=2), (0.425, 0.44, 0.455)
    found = matched_step(model, rule, places, steps=1, seed=3).crossing()
    assert abs(pull(found.coupling, K_C)) < 4.5
    assert abs(pull(found.coupling, 1.01 * K_C)) > 4.5
    for y in (found.y_t, found.y_t_by_response):
        assert y is not None
        assert y.error < 0.04
        assert abs(y.value - 1) < 4.5 * y.error + 0.03
    cut = fitted_step(model, rule, (0.44, 0.46, 0.48), seed=3).crossing()
    assert pull(cut.coupling, K_C) > 4.5


def test_blocks_of_the_critical_model_gain_second_neighbours():
    """The plane of nn and nnn: off the axis at once, then hardly moving at K_c."""
    draws = Draws(4000)
    (line,) = flow_lines(
        Ising((32, 32)), Majority(b=2), (K_C,), steps=2, drawing=draws, seed=4
    )
    start, first, second = line.couplings
    assert abs(pull(start, np.array([K_C, 0.0]))).max() < 4.5
    assert pull(first, 0.0)[1] > 4.5
    step, next_step = first - start, second - first
    assert (abs(step.value) > 3 * abs(next_step.value)).all()


def wrong(value: Any) -> Any:
    """What the annotations do not allow."""
    return value


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda m: matched_step(m, Majority(b=2), (0.5, 0.4)), "that increase"),
        (lambda m: matched_step(m, Majority(b=2), (0.4,), steps=-1), "0 or more"),
        (lambda m: matched_step(m, Majority(b=3), (0.4,)), "does not divide"),
        (lambda m: fitted_step(m, Average(b=2), (0.4,)), "±1 spins"),
        (
            lambda m: flow_lines(m, Majority(b=2), (0.4,), steps=0),
            "is 1 or more, a whole number, got 0",
        ),
        (lambda _: step_scaling(1, (0.4,), [planted(0.4)]), "a finite number above 1"),
        (
            lambda _: step_scaling(wrong("2"), (0.4,), [planted(0.4)]),
            "a finite number above",
        ),
        (lambda _: step_scaling(2, (0.4,), wrong([0.4])), "an estimate of one number"),
        (lambda _: step_scaling(2, wrong("ab"), [planted(0.4)]), "that increase"),
        (lambda _: step_scaling(2, wrong(((0.4,), (0.5, 0.6))), []), "that increase"),
        (lambda m: fitted_step(m, Majority(b=2), ()), "that increase"),
        (lambda m: fitted_step(m, Majority(b=2), (0.4, np.nan)), "that increase"),
        (
            lambda m: flow_lines(m, Majority(b=2), (0.4,), steps=wrong(1.5)),
            "a whole number",
        ),
        (
            lambda m: flow_lines(m, Majority(b=2), (0.4,), steps=1, operators=()),
            "at least one operator",
        ),
        (
            lambda m: matched_step(m, Majority(b=2), (0.4,), operators=("nn", "nn")),
            "each other there: nn, nn;",
        ),
        (
            lambda m: matched_step(m, Majority(b=2), (0.4,), drawing=Draws(29)),
            "30 for nn, nnn, plaquette, got 29",
        ),
        (lambda _: step_scaling(2, (0.4, 0.5), [planted(0.4)]), "one reading"),
    ],
)
def test_bad_input_gets_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(Ising((8, 8)))


def test_a_fit_needs_more_couplings_than_its_degree():
    readings = [planted(curve(k)) for k in PLACES]
    with pytest.raises(ValueError, match="more couplings"):
        step_scaling(2, PLACES, readings).crossing(degree=4)
