"""The law of four spins around a square of the infinite lattice."""

import math

import numpy as np
import pytest

import kadanoff as kd
from kadanoff.exact.constants import K_C
from kadanoff.exact.diagonal import diagonal_correlation, nearest_neighbour_correlation
from kadanoff.exact.pairs import states
from kadanoff.exact.plaquette import four_point, plaquette_law
from kadanoff.models.ising import Ising
from kadanoff.networks.mapping import hamiltonian


@pytest.mark.parametrize("coupling", [-0.5, 0.0, 0.3, K_C, 0.7, 2.0])
def test_a_law_with_the_correlations_it_is_made_of(coupling):
    law, s = plaquette_law(coupling), states(4).astype(float)
    assert law.min() >= 0
    assert law.sum() == pytest.approx(1, abs=1e-14)
    both = (law[:, None] * s).T @ s
    assert both[0, 1] == pytest.approx(nearest_neighbour_correlation(coupling))
    assert both[0, 2] == pytest.approx(diagonal_correlation(1, coupling))
    assert law @ s.prod(axis=1) == pytest.approx(four_point(coupling))


def test_critical_four_point():
    """c_1 = 1/√2 and c_2 = 2/π at K_c."""
    assert four_point(K_C) == pytest.approx(1 - 4 / math.pi**2, abs=1e-12)


def test_not_a_coupling():
    with pytest.raises(ValueError, match="finite"):
        plaquette_law(math.nan)


def planar(shape, coupling):
    """All states of a lattice with free ends, and their weights."""
    v = states(shape[0] * shape[1]).reshape(-1, *shape).astype(float)
    energy = (v[:, 1:] * v[:, :-1]).sum((1, 2)) + (v[:, :, 1:] * v[:, :, :-1]).sum(
        (1, 2)
    )
    return v, np.exp(coupling * energy - abs(coupling) * energy.max())


@pytest.mark.parametrize("coupling", [0.3, K_C, 0.7])
@pytest.mark.parametrize("square", [(0, 0), (1, 1)])
def test_spins_around_a_square_of_a_planar_lattice_have_pfaffian_correlations(
    coupling, square
):
    """Free 4×4 against the identity; a 4×4 torus is not planar and does not have it."""
    x, y = square

    def gap(v, law):
        s = v[:, [x, x + 1, x + 1, x], [y, y, y + 1, y + 1]]
        both = (law[:, None] * s).T @ s / law.sum()
        four = law @ s.prod(axis=1) / law.sum()
        pairs = (
            both[0, 1] * both[2, 3] - both[0, 2] * both[1, 3] + both[0, 3] * both[1, 2]
        )
        return abs(four - pairs)

    v, free = planar((4, 4), coupling)
    assert gap(v, free) < 1e-12
    assert gap(v, np.exp(-hamiltonian(Ising((4, 4)), coupling))) > 1e-7


@pytest.mark.parametrize("coupling", [0.25, 0.6])
def test_the_law_of_a_square_is_that_of_a_large_lattice(coupling):
    """64×64 against the infinite lattice at z = 4, with errors of chains.

    The five shares of Σs; controls with K 3 % larger, and with no four-spin term.
    """
    chains = 64
    drawn = kd.sample(
        kd.Ising((64, 64)), coupling=coupling, draws=2 * chains, chains=chains, seed=4
    )
    v = drawn.values.reshape(chains, 2, 64, 64).astype(int)
    sums = v + np.roll(v, 1, 2) + np.roll(v, 1, 3) + np.roll(v, (1, 1), (2, 3))
    shares = np.stack([(abs(sums) == k).mean((1, 2, 3)) for k in (0, 2, 4)])
    mean = shares.mean(axis=1)
    error = shares.std(axis=1, ddof=1) / np.sqrt(chains)

    def off(law):
        exact = [law[abs(states(4).sum(axis=1)) == k].sum() for k in (0, 2, 4)]
        return abs((mean - exact) / error).max()

    law = plaquette_law(coupling)
    flat = law - law @ states(4).prod(1) * states(4).prod(1) / 16
    assert off(law) < 4
    assert off(plaquette_law(1.03 * coupling)) > 4
    assert off(flat) > 4
