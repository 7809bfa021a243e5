"""Enumeration against plain loops, a published table and the solved ring."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest

from kadanoff.exact.enumerate import (
    MAX_SITES,
    all_states,
    energy_levels,
    log_partition,
    moments,
)

COUPLINGS = (-1.3, -0.2, 0.0, 0.4406867935097715, 1.5)


def slow_energy(spins: dict[tuple[int, ...], int], shape: tuple[int, ...]) -> int:
    """One forward bond per site and dimension, written as the definition reads."""
    total = 0
    for site, spin in spins.items():
        for axis, side in enumerate(shape):
            neighbour = list(site)
            neighbour[axis] = (neighbour[axis] + 1) % side
            total -= spin * spins[tuple(neighbour)]
    return total


def slow_levels(shape: tuple[int, ...]) -> dict[int, int]:
    sites = list(itertools.product(*map(range, shape)))
    states = itertools.product((-1, 1), repeat=len(sites))
    return dict(
        Counter(
            slow_energy(dict(zip(sites, state, strict=True)), shape) for state in states
        )
    )


def as_dict(shape: tuple[int, ...]) -> dict[int, int]:
    energies, counts = energy_levels(shape)
    return dict(zip(energies.tolist(), counts.tolist(), strict=True))


@pytest.mark.parametrize("shape", [(2,), (5,), (2, 2), (3, 2), (2, 3, 2), (2, 2, 2)])
def test_the_levels_are_those_of_plain_loops(shape: tuple[int, ...]) -> None:
    assert as_dict(shape) == slow_levels(shape)


def test_the_levels_of_4x4_are_the_published_ones() -> None:
    """P. D. Beale, Phys. Rev. Lett. 76, 78 (1996): the method; 4x4 by hand."""
    half = {-32: 2, -24: 32, -20: 64, -16: 424, -12: 1728, -8: 6688, -4: 13568}
    mirrored = {-energy: count for energy, count in half.items()}
    assert as_dict((4, 4)) == {**half, 0: 20524, **mirrored}


@pytest.mark.parametrize("shape", [(3, 3), (4, 5), (2, 2, 2, 2), (17,)])
def test_every_state_is_counted_once(shape: tuple[int, ...]) -> None:
    energies, counts = energy_levels(shape)
    assert counts.sum() == 2 ** math.prod(shape)
    assert energies[0] == -math.prod(shape) * len(shape)
    assert counts[0] == 2


def test_the_states_spell_their_row_in_binary() -> None:
    states = all_states(17)
    assert states.dtype == np.int8
    assert states.shape == (2**17, 17)
    bits = (states.astype(np.int64) + 1) // 2
    np.testing.assert_array_equal(bits @ 2 ** np.arange(17)[::-1], np.arange(2**17))


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("length", [2, 7, 12])
def test_the_ring_is_that_of_its_transfer_matrix(length: int, coupling: float) -> None:
    cosh, sinh = math.cosh(coupling), math.sinh(coupling)
    z = (2 * cosh) ** length + (2 * sinh) ** length
    slope = 2**length * (cosh ** (length - 1) * sinh + sinh ** (length - 1) * cosh)
    bend = 2**length * (
        cosh**length
        + sinh**length
        + (length - 1) * (cosh ** (length - 2) * sinh**2)
        + (length - 1) * (sinh ** (length - 2) * cosh**2)
    )
    exact = moments((length,), coupling)
    assert log_partition((length,), coupling) == pytest.approx(math.log(z), rel=1e-13)
    assert exact.energy == pytest.approx(-slope / z, abs=1e-13)
    second = length * bend / z - (length * slope / z) ** 2
    assert exact.heat_capacity == pytest.approx(
        coupling**2 * second / length, abs=1e-12
    )


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_the_moments_are_weighted_sums_over_states(coupling: float) -> None:
    shape = (3, 4)
    states = all_states(12)
    grid = states.reshape(-1, *shape).astype(float)
    bonds = sum((grid * np.roll(grid, 1, axis)).sum((1, 2)) for axis in (1, 2))
    law = np.exp(coupling * bonds)
    law /= law.sum()
    m = grid.mean((1, 2))
    exact = moments(shape, coupling)
    assert exact.energy == pytest.approx(-law @ bonds / 12, abs=1e-13)
    assert exact.abs_m == pytest.approx(law @ abs(m), abs=1e-14)
    assert exact.m2 == pytest.approx(law @ m**2, abs=1e-14)
    assert exact.m4 == pytest.approx(law @ m**4, abs=1e-14)


@pytest.mark.parametrize("shape", [(3, 3), (4, 4), (2, 3, 2)])
def test_free_spins_have_binomial_moments(shape: tuple[int, ...]) -> None:
    sites = math.prod(shape)
    exact = moments(shape, 0.0)
    assert log_partition(shape, 0.0) == pytest.approx(sites * math.log(2), rel=1e-15)
    assert exact.energy == pytest.approx(0, abs=1e-14)
    assert exact.heat_capacity == 0
    assert exact.m2 == pytest.approx(1 / sites, rel=1e-14)
    assert exact.m4 == pytest.approx((3 * sites - 2) / sites**3, rel=1e-14)


def test_strong_coupling_aligns_everything() -> None:
    exact = moments((3, 4), 300.0)
    assert (exact.energy, exact.heat_capacity) == (-2, 0)
    assert (exact.abs_m, exact.m2, exact.m4) == (1, 1, 1)
    assert log_partition((3, 4), 300.0) == pytest.approx(300 * 24 + math.log(2))


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ((5, 5), "needs 1 to 24 sites, got 25"),
        ((4, 1), "sides of at least 2"),
        ((), "sides of at least 2"),
        ((2.5, 4), "whole sides"),
    ],
)
def test_a_bad_shape_is_refused(shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        energy_levels(shape)


@pytest.mark.parametrize("sites", [0, MAX_SITES + 1])
def test_too_few_or_too_many_sites_are_refused(sites: int) -> None:
    with pytest.raises(ValueError, match="needs 1 to 24 sites"):
        all_states(sites)


@pytest.mark.parametrize("coupling", [math.nan, math.inf])
def test_a_coupling_that_is_not_finite_is_refused(coupling: float) -> None:
    with pytest.raises(ValueError, match="finite real number"):
        moments((2, 2), coupling)
    with pytest.raises(ValueError, match="finite real number"):
        log_partition((2, 2), coupling)
