"""Bond-weighted TRG against Onsager, TRG, exact tori and other powers of weights."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from kadanoff.exact import enumerate, onsager
from kadanoff.exact import potts as exact_potts
from kadanoff.exact.constants import K_C, LOG_PARTITION_C, Y_H, Y_T
from kadanoff.flows.btrg import BTRG, WeightedState
from kadanoff.flows.tensors import (
    TensorState,
    after,
    central_charge,
    growth,
    ising,
    log_partition,
    log_partition_per_site,
    potts,
    run,
    scaling_dimensions,
)
from kadanoff.flows.trg import TRG


def relative_error(scheme: BTRG, steps: int = 32) -> float:
    state = run(scheme, ising(K_C), after(steps))[-1]
    return abs(log_partition_per_site(state) / LOG_PARTITION_C - 1)


def test_the_critical_free_energy_has_the_published_error() -> None:
    assert relative_error(BTRG(16), steps=26) < 4e-7
    assert relative_error(BTRG(16)) == pytest.approx(3.3e-7, rel=0.02)


def test_the_error_at_24_is_a_tenth_of_a_millionth() -> None:
    assert relative_error(BTRG(24)) < 6e-8


def test_the_error_falls_with_the_bond_dimension() -> None:
    errors = [relative_error(BTRG(bond)) for bond in (4, 8, 12, 16)]
    assert all(a > 2 * b for a, b in itertools.pairwise(errors))


@pytest.mark.parametrize("exponent", [-1.0, -0.75, -0.25, 0.0, 0.25])
def test_control_other_powers_are_worse(exponent: float) -> None:
    assert relative_error(BTRG(10, exponent)) > 1.5 * relative_error(BTRG(10))


def test_without_weights_it_is_trg() -> None:
    for bond, steps in ((4, 9), (7, 12)):
        start = ising(0.42, field=0.01, anisotropy=1.3)
        one = run(BTRG(bond, 0.0), start, after(steps))[-1]
        two = run(TRG(bond), start, after(steps))[-1]
        assert log_partition(one, 2, 2) == pytest.approx(log_partition(two, 2, 2))


@pytest.mark.parametrize("exponent", [-0.5, 0.3])
@pytest.mark.parametrize("coupling", [-0.5, K_C])
def test_without_truncation_any_power_is_exact(
    coupling: float, exponent: float
) -> None:
    state = run(BTRG(16, exponent), ising(coupling), after(2))[-1]
    for width, rows in ((1, 1), (2, 2), (2, 1)):
        truth = enumerate.log_partition((2 * rows, 2 * width), coupling)
        assert log_partition(state, width, rows) == pytest.approx(truth, rel=1e-12)


def test_an_anisotropic_lattice_comes_back_after_two_turns() -> None:
    """Horizontal and vertical weights are not exchanged."""
    start = ising(0.3, anisotropy=2.2, field=0.2)
    state = run(BTRG(16), start, after(2))[-1]
    truth = log_partition(start, 6, 4)
    assert log_partition(state, 2, 3) == pytest.approx(truth, rel=1e-12)


def test_weights_may_be_absorbed_at_any_time() -> None:
    state = run(BTRG(4), ising(0.4), after(2))[-1]
    assert isinstance(state, WeightedState)
    assert isinstance(state.absorbed(), TensorState)
    bare = TensorState(state.tensor, state.log_norm, state.sites)
    full = log_partition(state, 2, 2)
    assert log_partition(state.absorbed(), 2, 2) == pytest.approx(full, rel=1e-14)
    assert abs(log_partition(bare, 2, 2) - full) > 0.1


@pytest.mark.parametrize(
    ("coupling", "error"), [(-0.8, 1e-10), (0.2, 1e-10), (0.35, 2e-8)]
)
def test_away_from_criticality_it_is_onsagers(coupling: float, error: float) -> None:
    state = run(BTRG(16), ising(coupling), after(40))[-1]
    truth = onsager.log_partition_per_site(coupling)
    assert log_partition_per_site(state) == pytest.approx(truth, abs=error)


def test_critical_readings_are_those_of_the_ising_model() -> None:
    state = run(BTRG(16), ising(K_C), after(8))[-1]
    assert central_charge(state) == pytest.approx(0.5, abs=1e-3)
    x = scaling_dimensions(state, width=2, count=5)
    assert x == pytest.approx([0, 1 / 8, 1, 9 / 8, 9 / 8], abs=4e-3)


def test_off_criticality_there_is_no_central_charge() -> None:
    state = run(BTRG(12), ising(0.40), after(24))[-1]
    assert abs(central_charge(state)) < 1e-3


def test_a_change_of_temperature_and_of_field_grows_as_it_should() -> None:
    """y_T = 1 and y_H = 15/8, the latter alternating with the turns of the lattice."""
    y = growth(BTRG(12), ising, K_C, shift=1e-5, steps=12)
    assert y == pytest.approx(np.full(12, Y_T), abs=2e-3)
    y = growth(
        BTRG(12), lambda h: ising(K_C, field=h), 0.0, shift=1e-5, steps=12, order=2
    )
    assert y[6:].mean() == pytest.approx(Y_H, abs=3e-3)


def test_potts_has_an_exponent_of_its_own() -> None:
    """y_T = 6/5, approached from below as the lattice recedes."""
    critical = exact_potts.critical_coupling(3)
    y = growth(BTRG(16), lambda k: potts(3, k), critical, shift=1e-5, steps=9)
    assert np.all(np.diff(y) > 0)
    assert y[-1] == pytest.approx(exact_potts.thermal_exponent(3), abs=0.01)


def test_a_start_with_weights_of_one_is_a_start_without() -> None:
    start = ising(0.4)
    weighted = WeightedState(start.tensor, np.ones(2), np.ones(2), start.log_norm)
    one, two = (run(BTRG(6), each, after(5))[-1] for each in (start, weighted))
    assert log_partition(one) == log_partition(two)


def test_two_state_potts_is_ising() -> None:
    one, two = (
        run(BTRG(10), start, after(15))[-1] for start in (potts(2, 0.8), ising(0.4))
    )
    assert log_partition_per_site(one) == pytest.approx(
        log_partition_per_site(two) + 0.8, rel=1e-11
    )


def test_a_bad_bond_dimension_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        BTRG(0)
