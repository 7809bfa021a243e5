"""Loop-TNR against exact tori, loops put in by hand, Onsager and conformal theory.

What distinguishes it from TRG is what it must show: a plateau in scale at criticality,
and one state per phase away from it.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from kadanoff.exact import enumerate, onsager
from kadanoff.exact import potts as exact_potts
from kadanoff.exact.constants import K_C, LOG_PARTITION_C
from kadanoff.flows.filtering import Checkerboard, LoopTNR
from kadanoff.flows.tensors import (
    TensorState,
    after,
    central_charge,
    converged,
    ising,
    log_partition,
    log_partition_per_site,
    potts,
    run,
    scaling_dimensions,
)
from kadanoff.flows.trg import TRG


@cache
def critical(bond: int, steps: int) -> tuple[Checkerboard, ...]:
    states = run(LoopTNR(bond), ising(K_C), after(steps))
    return tuple(state for state in states if isinstance(state, Checkerboard))


def loops(corner: np.ndarray) -> TensorState:
    """A loop on every plaquette and nothing else: ln Z per site is ln tr C⁴.

    Each leg is a pair of lines, each corner of a site has a matrix C.
    """
    n = len(corner) ** 2
    lines = np.einsum("au,vb,cx,yd->adbcuvyx", corner, corner, corner, corner)
    return TensorState(lines.reshape(n, n, n, n))


@pytest.mark.parametrize("coupling", [-0.5, 0.3, K_C, 0.6])
def test_without_truncation_it_is_exact(coupling: float) -> None:
    """Rings of 1 and 2: turned and straight, of 4 and 16 sites."""
    once, twice = run(LoopTNR(4), ising(coupling), after(2))[1:]
    pair = enumerate.log_partition((2, 2), coupling)
    assert log_partition(once) == pytest.approx(pair, rel=1e-13)
    block = enumerate.log_partition((4, 4), coupling)
    assert log_partition(twice, 2) == pytest.approx(block, rel=1e-13)


def test_a_field_and_two_couplings_are_kept() -> None:
    start = ising(0.3, anisotropy=2.2, field=0.2)
    state = run(LoopTNR(4), start, after(2))[-1]
    truth = log_partition(start, 4, 4)
    assert log_partition(state, 2) == pytest.approx(truth, rel=1e-13)
    assert state.modulus == pytest.approx(-1 / start.modulus)


def test_loops_are_removed_whole_and_leave_their_weight() -> None:
    """TRG carries them along for ever."""
    corner = np.array([[1.0, 0.3], [0.3, 0.5]])
    start = loops(corner)
    truth = math.log(np.trace(np.linalg.matrix_power(corner, 4)))
    assert log_partition(start, 3, 2) / 6 == pytest.approx(truth, rel=1e-13)
    filtered = run(LoopTNR(4), start, after(4))[-1]
    assert isinstance(filtered, Checkerboard)
    assert filtered.a.shape == filtered.b.shape == (1, 1, 1, 1)
    assert log_partition_per_site(filtered) == pytest.approx(truth, rel=1e-13)
    carried = run(TRG(4), start, after(4))[-1]
    assert isinstance(carried, TensorState)
    assert carried.tensor.shape == (4, 4, 4, 4)


@pytest.mark.parametrize(
    ("coupling", "states"), [(-0.3, 1), (0.1, 1), (0.41, 1), (0.8, 2), (2.0, 2)]
)
def test_a_phase_ends_as_one_state_per_ground_state(
    coupling: float, states: int
) -> None:
    end = run(LoopTNR(6), ising(coupling), after(20))[-1]
    assert isinstance(end, Checkerboard)
    assert end.a.shape == end.b.shape == 4 * (states,)
    assert central_charge(end) == pytest.approx(0, abs=1e-9)
    x = scaling_dimensions(end, width=2)
    assert np.count_nonzero(x < 1e-3) == states
    assert np.all(x[states:] > 2)
    truth = onsager.log_partition_per_site(coupling)
    assert log_partition_per_site(end) == pytest.approx(truth, abs=1e-6)


def test_control_trg_keeps_all_its_states() -> None:
    end = run(TRG(6), ising(0.41), after(24))[-1]
    assert isinstance(end, TensorState)
    assert end.tensor.shape == (6, 6, 6, 6)


def test_the_critical_free_energy_is_better_than_that_of_trg_at_24() -> None:
    """At χ = 8, where TRG has 6.9e-5; size alone leaves 3e-7 after 20 steps."""
    value = log_partition_per_site(critical(8, 20)[-1])
    assert value == pytest.approx(LOG_PARTITION_C, rel=6e-7)


def test_the_critical_tensor_stays_where_it_is() -> None:
    """From step 9 to 18 at χ = 8; without filtering c has fallen to 0.0 by then."""
    for state in critical(8, 20)[8:18]:
        assert central_charge(state) == pytest.approx(0.5, abs=3e-3)
        x = scaling_dimensions(state, width=2, count=5)
        assert x[1] == pytest.approx(1 / 8, abs=5e-4)
        assert x[2] == pytest.approx(1, abs=8e-3)
        assert x[3:] == pytest.approx([9 / 8, 9 / 8], abs=2e-2)
    unfiltered = run(TRG(8), ising(K_C), after(18))[-1]
    assert central_charge(unfiltered) < 0.05


@pytest.mark.slow
def test_at_12_charge_and_dimensions_are_right_to_a_thousandth() -> None:
    for state in critical(12, 18)[9:]:
        assert central_charge(state) == pytest.approx(0.5, abs=1e-3)
        x = scaling_dimensions(state, width=2, count=5)
        assert x[:3] == pytest.approx([0, 1 / 8, 1], abs=1e-3)
        assert x[3:] == pytest.approx([9 / 8, 9 / 8], abs=3e-3)


@pytest.mark.slow
def test_three_state_potts_has_its_own_fixed_point() -> None:
    """c = 4/5 and the doublet of the order parameter at 2/15."""
    start = potts(3, exact_potts.critical_coupling(3))
    for state in run(LoopTNR(12), start, after(10))[7:]:
        assert central_charge(state) == pytest.approx(0.8, abs=0.01)
        x = scaling_dimensions(state, width=2, count=4)
        assert x[1:3] == pytest.approx([2 / 15, 2 / 15], abs=2e-3)
        assert x[3] == pytest.approx(4 / 5, abs=0.03)


def test_a_gauge_of_orthogonal_matrices_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    x, y = np.linalg.qr(rng.normal(size=(2, 2, 2)))[0]
    state = ising(K_C)
    turned = np.einsum("lrud,la,rb,ue,df->abef", state.tensor, x, x, y, y)
    other = TensorState(turned, state.log_norm)
    here, there = (run(LoopTNR(6), each, after(6))[-1] for each in (state, other))
    assert log_partition(here) == pytest.approx(log_partition(there), rel=1e-10)


def test_two_equal_tensors_are_a_checkerboard() -> None:
    start = ising(0.42)
    board = Checkerboard(start.tensor, start.tensor, start.log_norm)
    assert log_partition(board, 2) == pytest.approx(
        enumerate.log_partition((2, 2), 0.42), rel=1e-13
    )
    one, two = (run(LoopTNR(4), each, after(3))[-1] for each in (start, board))
    assert log_partition(one) == log_partition(two)


def test_it_stops_where_nothing_changes() -> None:
    states = run(LoopTNR(4), ising(0.2), after(40) | converged(1e-12))
    assert 5 < len(states) < 20


def test_bad_input_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        LoopTNR(0)
    with pytest.raises(ValueError, match="at least one round, got 0"):
        LoopTNR(4, sweeps=0)
    with pytest.raises(ValueError, match="width 1 or 2, got 3"):
        log_partition(run(LoopTNR(4), ising(0.2), after(1))[-1], 3)
