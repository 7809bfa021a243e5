"""The XY ring against quadrature and the infinite chain."""

import math

import numpy as np
import pytest
from scipy.special import i0, i1

from kadanoff.exact.xy import ring


def by_quadrature(sites: int, coupling: float, points: int = 64) -> tuple[float, ...]:
    """ln Z, e and C by the transfer matrix on equidistant angles: exact to rounding."""
    angles = 2 * np.pi * np.arange(points) / points
    cosines = np.cos(angles[:, None] - angles)
    h = 1e-3

    def log_z(k: float) -> float:
        matrix = np.exp(k * cosines) / points
        return float(np.log(np.trace(np.linalg.matrix_power(matrix, sites))))

    below, here, above = (log_z(coupling + s * h) for s in (-1, 0, 1))
    slope = (above - below) / (2 * h)
    bend = (above - 2 * here + below) / h**2
    return here, -slope / sites, coupling**2 * bend / sites


@pytest.mark.parametrize("coupling", [0.3, 1.2, -0.7, 4.0, -4.0])
@pytest.mark.parametrize("sites", [2, 3, 4, 7])
def test_a_ring_agrees_with_quadrature(sites, coupling):
    exact, found = by_quadrature(sites, coupling), ring(sites, coupling)
    assert found.log_partition == pytest.approx(exact[0], abs=1e-11)
    assert found.energy == pytest.approx(exact[1], abs=1e-5)
    assert found.heat_capacity == pytest.approx(exact[2], abs=1e-5)


def test_an_odd_antiferromagnet_is_frustrated():
    assert ring(3, -0.7).energy != pytest.approx(-ring(3, 0.7).energy, rel=0.05)
    assert ring(4, -0.7).energy == pytest.approx(-ring(4, 0.7).energy, rel=1e-12)


@pytest.mark.parametrize("coupling", [0.5, 2.0])
def test_a_long_ring_is_the_infinite_chain(coupling):
    assert ring(2000, coupling).energy == pytest.approx(-i1(coupling) / i0(coupling))


@pytest.mark.parametrize(("sites", "coupling"), [(1, 0.5), (4, math.inf)])
def test_bad_rings_are_refused(sites, coupling):
    with pytest.raises(ValueError, match="at least 2 sites and a finite coupling"):
        ring(sites, coupling)
