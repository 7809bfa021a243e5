"""Ising tori that tensors close to: enumeration, Kaufman, the critical amplitude."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from kadanoff.exact import kaufman, onsager
from kadanoff.exact.constants import K_C
from kadanoff.flows.tori import Torus, log_partition_of_torus, torus_of

SMALL = [
    Torus(1, 2, 1), Torus(2, 2), Torus(2, 4, 2), Torus(4, 4), Torus(3, 4, 1),
    Torus(2, 6, 2), Torus(1, 8, 3),
]  # fmt: skip


def enumerated(torus: Torus, coupling: float) -> float:
    """ln Z over all states; the row above the last one is the first, shifted."""
    rows, width, shift = torus
    states = itertools.product((1, -1), repeat=rows * width)
    s = np.array(list(states)).reshape(-1, rows, width)
    closed = np.concatenate([s, np.roll(s[:, :1], -shift, 2)], axis=1)
    bonds = (s * np.roll(s, -1, 2)).sum((1, 2)) + (s * closed[:, 1:]).sum((1, 2))
    return float(np.logaddexp.reduce(coupling * bonds))


@pytest.mark.parametrize("torus", SMALL, ids=str)
@pytest.mark.parametrize("coupling", [-0.5, 0.0, 1e-3, 0.3, K_C, 0.6, 2.0])
def test_small_tori_are_enumerated(torus: Torus, coupling: float) -> None:
    found = log_partition_of_torus(torus, coupling)
    assert found == pytest.approx(enumerated(torus, coupling), rel=1e-13)


def test_control_the_shift_is_seen() -> None:
    straight, shifted = (log_partition_of_torus(Torus(2, 4, s), 0.5) for s in (0, 2))
    assert abs(straight - shifted) > 0.05


@pytest.mark.parametrize("sides", [(6, 10), (64, 64), (512, 128)])
@pytest.mark.parametrize("coupling", [0.2, K_C, 0.9])
def test_straight_tori_are_kaufmans(sides: tuple[int, int], coupling: float) -> None:
    found = log_partition_of_torus(Torus(*sides), coupling)
    truth = kaufman.torus(sides, coupling).log_partition
    assert found == pytest.approx(truth, rel=1e-14)


def test_square_tori_straight_or_turned_have_one_critical_amplitude() -> None:
    """ln Z - N f is of the shape alone, and a square is a square when it is turned."""
    f = onsager.log_partition_per_site(K_C)
    rests = [log_partition_of_torus(torus_of(2**n), K_C) - 2**n * f for n in (12, 13)]
    assert rests[0] == pytest.approx(rests[1], abs=1e-3)
    assert 0.6 < rests[0] < 0.7


def test_large_tori_are_the_infinite_lattice() -> None:
    for coupling, phases in ((0.3, 1), (0.6, 2)):
        found = log_partition_of_torus(torus_of(2**34), coupling)
        truth = 2**34 * onsager.log_partition_per_site(coupling) + math.log(phases)
        assert found == pytest.approx(truth, rel=1e-15)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: torus_of(1), "tori of 2, 4, 8 … sites, got 1"),
        (lambda: torus_of(12), "got 12"),
        (lambda: log_partition_of_torus(Torus(2, 3), 0.3), "must be even"),
        (lambda: log_partition_of_torus(Torus(2, 2, 1), 0.3), "must be even"),
        (lambda: log_partition_of_torus(Torus(2, 2), math.nan), "a finite number"),
    ],
)
def test_what_has_no_such_sum_is_refused(call, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
