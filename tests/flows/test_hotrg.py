"""HOTRG against Onsager and exact tori."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kadanoff.exact import enumerate, kaufman, onsager
from kadanoff.exact.constants import K_C, LOG_PARTITION_C
from kadanoff.flows.hotrg import HOTRG, field_dimensions
from kadanoff.flows.tensors import (
    TensorState,
    after,
    central_charge,
    ising,
    log_partition,
    log_partition_per_site,
    potts,
    run,
    scaling_dimensions,
)


def relative_error(bond: int) -> float:
    state = run(HOTRG(bond), ising(K_C), after(18))[-1]
    return abs(log_partition_per_site(state) / LOG_PARTITION_C - 1)


@pytest.mark.parametrize(("bond", "published"), [(8, 1.4e-5), (16, 5.6e-7)])
def test_the_critical_free_energy_has_the_published_error(
    bond: int, published: float
) -> None:
    assert relative_error(bond) == pytest.approx(published, rel=0.04)


def test_the_error_falls_with_the_bond_dimension() -> None:
    errors = [relative_error(bond) for bond in (3, 6, 12)]
    assert errors[0] > 5 * errors[1] > 25 * errors[2]


@pytest.mark.parametrize("coupling", [-0.5, 0.3, K_C, 0.6])
def test_without_truncation_it_is_exact(coupling: float) -> None:
    """Two steps take 2 states to 16: tori of 4×4, 8×8 and, lying, 4×8 sites."""
    once, twice = run(HOTRG(16), ising(coupling), after(2))[1:]
    truth = enumerate.log_partition((4, 4), coupling)
    assert log_partition(once, 2, 2) == pytest.approx(truth, rel=1e-13)
    assert log_partition(twice) == pytest.approx(truth, rel=1e-13)
    for width, rows in ((2, 2), (2, 1)):
        truth = kaufman.torus((4 * width, 4 * rows), coupling).log_partition
        assert log_partition(twice, width, rows) == pytest.approx(truth, rel=1e-13)


def test_directions_stay_where_they_are() -> None:
    start = ising(0.3, anisotropy=2.2, field=0.2)
    state = run(HOTRG(4), start, after(1))[-1]
    truth = log_partition(start, 6, 4)
    assert log_partition(state, 3, 2) == pytest.approx(truth, rel=1e-13)
    assert abs(log_partition(state, 2, 3) - truth) > 0.01
    assert state.modulus == start.modulus


def test_nine_states_hold_a_step_of_potts() -> None:
    start = potts(3, 1.1)
    state = run(HOTRG(9), start, after(1))[-1]
    assert log_partition(state, 2, 2) == pytest.approx(log_partition(start, 4, 4))


@pytest.mark.parametrize(("coupling", "error"), [(0.2, 1e-10), (0.38, 2e-7)])
def test_away_from_criticality_it_is_onsagers(coupling: float, error: float) -> None:
    state = run(HOTRG(12), ising(coupling), after(18))[-1]
    truth = onsager.log_partition_per_site(coupling)
    assert log_partition_per_site(state) == pytest.approx(truth, abs=error)


def test_an_anisotropic_critical_point_reads_as_an_isotropic_one() -> None:
    """c = 1/2 and Δ_σ = 1/8 with τ = i sinh 2K, half as much again with τ = i."""
    across = 0.55
    along = math.asinh(1 / math.sinh(2 * across)) / 2
    state = run(HOTRG(12), ising(across, anisotropy=along / across), after(4))[-1]
    assert central_charge(state) == pytest.approx(0.5, abs=0.02)
    assert scaling_dimensions(state, width=2)[1] == pytest.approx(1 / 8, rel=0.02)
    assert isinstance(state, TensorState)
    square = TensorState(state.tensor, state.log_norm)
    assert scaling_dimensions(square, width=2)[1] > 1.3 / 8
    assert central_charge(square) > 1.3 / 2


def test_off_criticality_there_is_no_central_charge() -> None:
    state = run(HOTRG(10), ising(0.40), after(12))[-1]
    assert abs(central_charge(state)) < 0.01


def test_legs_of_low_rank_are_cut_without_loss() -> None:
    """v_l R_{rud}: nine states of a joined leg, of which four matter at most."""
    rng = np.random.default_rng(4)
    v, right = rng.uniform(0.5, 1.5, 3), rng.uniform(-0.5, 1.5, (3, 2, 2))
    tensor = v[:, None, None, None] * right
    for each in (tensor, tensor.transpose(1, 0, 2, 3)):
        state = run(HOTRG(4), TensorState(each), after(1))[-1]
        truth = log_partition(TensorState(each), 2, 2)
        assert log_partition(state) == pytest.approx(truth, rel=1e-12)


@pytest.mark.parametrize("steps", [4, 5])
def test_fields_have_the_dimensions_of_the_ising_tower(steps: int) -> None:
    """1/8, 1, 9/8 twice and then 2: to a tenth, without any ring being closed."""
    scheme = HOTRG(8)
    state = run(scheme, ising(K_C), after(steps))[-1]
    assert isinstance(state, TensorState)
    x = field_dimensions(scheme, state, 8)
    assert x[:5] == pytest.approx([0, 1 / 8, 1, 9 / 8, 9 / 8], abs=0.1)
    assert x[1] == pytest.approx(1 / 8, rel=0.1)
    assert x[5:] == pytest.approx([2, 2, 2], abs=0.15)


def test_no_field_but_the_ordered_one_is_relevant_off_criticality() -> None:
    """x = 2 and above in the disordered phase; x = 0 twice in the ordered one."""
    for coupling, phases in ((0.3, 1), (0.6, 2)):
        state = run(HOTRG(4), ising(coupling), after(10))[-1]
        assert isinstance(state, TensorState)
        x = field_dimensions(HOTRG(4), state)
        assert x[:phases] == pytest.approx(np.zeros(phases), abs=1e-2)
        assert np.all(x[phases:] > 1.8)


def test_fields_do_not_depend_on_the_gauge() -> None:
    rng = np.random.default_rng(3)
    x, y = np.linalg.qr(rng.normal(size=(2, 6, 6)))[0]
    state = run(HOTRG(6), ising(K_C), after(4))[-1]
    assert isinstance(state, TensorState)
    turned = np.einsum(
        "lrud,la,rb,ue,df->abef", state.tensor, x, x, y, y, optimize=True
    )
    # A step brings any gauge to that of the isometries.
    here, there = (
        run(HOTRG(6), each, after(1))[-1] for each in (state, TensorState(turned))
    )
    assert isinstance(here, TensorState)
    assert isinstance(there, TensorState)
    assert field_dimensions(HOTRG(6), here) == pytest.approx(
        field_dimensions(HOTRG(6), there), abs=1e-6
    )


def test_legs_that_grow_have_no_fields() -> None:
    with pytest.raises(ValueError, match=r"keeps the legs, got \(2, 2, 2, 2\)"):
        field_dimensions(HOTRG(4), ising(0.3))


def test_a_bad_bond_dimension_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, got -3"):
        HOTRG(-3)
