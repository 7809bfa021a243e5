"""TRG against Onsager, exact tori, Baxter's Potts free energy and its known drift."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from kadanoff.exact import enumerate, onsager
from kadanoff.exact import potts as exact_potts
from kadanoff.exact.constants import K_C, LOG_PARTITION_C
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


def relative_error(bond: int, steps: int = 34) -> float:
    state = run(TRG(bond), ising(K_C), after(steps))[-1]
    return abs(log_partition_per_site(state) / LOG_PARTITION_C - 1)


@pytest.mark.parametrize(("bond", "published"), [(8, 6.9e-5), (16, 4.6e-6)])
def test_the_critical_free_energy_has_the_published_error(
    bond: int, published: float
) -> None:
    assert relative_error(bond) == pytest.approx(published, rel=0.02)


def test_the_error_falls_with_the_bond_dimension() -> None:
    errors = [relative_error(bond) for bond in (2, 4, 8, 12, 16)]
    assert all(a > 2 * b for a, b in itertools.pairwise(errors))


def test_the_error_at_24_is_the_published_one() -> None:
    assert relative_error(24) == pytest.approx(1.1e-6, rel=0.02)


@pytest.mark.parametrize(
    ("coupling", "error"),
    [(-0.8, 1e-10), (-0.2, 1e-10), (0.1, 1e-13), (0.35, 2e-7), (0.5, 1e-6)],
)
def test_away_from_criticality_it_is_onsagers(coupling: float, error: float) -> None:
    """The further away, the less is cut off; two phases leave ln 2 / 2^40 besides."""
    state = run(TRG(16), ising(coupling), after(40))[-1]
    truth = onsager.log_partition_per_site(coupling)
    assert log_partition_per_site(state) == pytest.approx(truth, abs=error)


@pytest.mark.parametrize("coupling", [-0.5, 0.3, K_C, 0.6])
def test_without_truncation_it_is_exact(coupling: float) -> None:
    """Two steps take 2 states to at most 16: tori of 2×2 and 4×4 sites, and 2×4."""
    state = run(TRG(16), ising(coupling, field=0.0), after(2))[-1]
    for width, rows in ((1, 1), (2, 2), (2, 1)):
        truth = enumerate.log_partition((2 * rows, 2 * width), coupling)
        assert log_partition(state, width, rows) == pytest.approx(truth, rel=1e-13)


def test_without_truncation_one_step_is_a_turned_torus() -> None:
    """Two sites joined by four bonds: Z = 2 e^4K + 2 e^-4K."""
    state = run(TRG(4), ising(0.7), after(1))[-1]
    assert log_partition(state) == pytest.approx(math.log(4 * math.cosh(2.8)))


def test_an_anisotropic_lattice_comes_back_after_two_turns() -> None:
    start = ising(0.3, anisotropy=2.2, field=0.2)
    once, twice = run(TRG(16), start, after(2))[1:]
    # Turned by 90°, what was across is along.
    truth = log_partition(start, 6, 4)
    assert log_partition(twice, 2, 3) == pytest.approx(truth, rel=1e-12)
    assert abs(log_partition(twice, 3, 2) - truth) > 0.01
    assert once.modulus == pytest.approx((1 + start.modulus) / (1 - start.modulus))
    assert twice.modulus == pytest.approx(-1 / start.modulus)


def test_a_gauge_of_orthogonal_matrices_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    x, y = np.linalg.qr(rng.normal(size=(2, 2, 2)))[0]
    state = ising(K_C)
    turned = np.einsum("lrud,la,rb,ue,df->abef", state.tensor, x, x, y, y)
    other = TensorState(turned, state.log_norm)
    here, there = (run(TRG(6), each, after(12))[-1] for each in (state, other))
    assert log_partition(here) == pytest.approx(log_partition(there), rel=1e-11)


def test_critical_readings_are_good_early_and_drift_later() -> None:
    """The defect that entanglement filtering removes, at χ = 16."""
    states = run(TRG(16), ising(K_C), after(20))
    assert central_charge(states[8]) == pytest.approx(0.5, abs=2e-3)
    x = scaling_dimensions(states[8], width=2)
    assert x[1:3] == pytest.approx([1 / 8, 1], abs=5e-3)
    assert central_charge(states[20]) < 0.4
    assert scaling_dimensions(states[20])[1] < 0.08


@pytest.mark.parametrize(("coupling", "phases"), [(0.40, 1), (0.48, 2)])
def test_off_criticality_there_is_no_central_charge(
    coupling: float, phases: int
) -> None:
    state = run(TRG(12), ising(coupling), after(24))[-1]
    assert abs(central_charge(state)) < 1e-3
    x = scaling_dimensions(state, count=3)
    assert x[:phases] == pytest.approx(np.zeros(phases), abs=1e-6)
    assert x[phases] > 1.5


def test_it_stops_where_the_free_energy_stands_still() -> None:
    states = run(TRG(8), ising(0.3), after(60) | converged(1e-10))
    f = [log_partition_per_site(state) for state in states[-3:]]
    assert abs(f[2] - f[1]) <= 1e-10 < abs(f[1] - f[0])


def test_two_state_potts_is_ising() -> None:
    """K_Potts = 2K, and each of two bonds per site adds K."""
    one, two = (
        run(TRG(10), start, after(15))[-1] for start in (potts(2, 0.8), ising(0.4))
    )
    assert log_partition_per_site(one) == pytest.approx(
        log_partition_per_site(two) + 0.8, rel=1e-11
    )


@pytest.mark.parametrize(("bond", "error"), [(9, 2e-3), (18, 2e-4)])
def test_three_state_potts_has_the_free_energy_of_baxter(
    bond: int, error: float
) -> None:
    state = run(TRG(bond), potts(3, exact_potts.critical_coupling(3)), after(30))[-1]
    assert log_partition_per_site(state) == pytest.approx(
        exact_potts.log_partition_per_site(3), rel=error
    )


def test_a_bad_bond_dimension_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        TRG(0)
