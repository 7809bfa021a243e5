"""Tables of neighbours against distances, multiplicity and sublattices."""

import numpy as np
import pytest

from kadanoff.models.lattice import (
    bond_pairs,
    geometry,
    lattice_name,
    neighbours,
    staggering,
)

ROOT = np.sqrt(3)
SHELLS = {
    "chain": ((7,), (2, 1.0), (2, 2.0)),
    "square": ((5, 4), (4, 1.0), (4, np.sqrt(2))),
    "cubic": ((4, 3, 5), (6, 1.0), (12, np.sqrt(2))),
    "triangular": ((5, 4), (6, 1.0), (6, ROOT)),
    "honeycomb": ((4, 5), (3, 1.0), (6, ROOT)),
}


@pytest.mark.parametrize("shell", [1, 2])
@pytest.mark.parametrize("name", SHELLS)
def test_neighbours_are_all_sites_at_their_distance(name, shell):
    shape, *shells = SHELLS[name]
    count, distance = shells[shell - 1]
    grid, near = geometry(name, shape), neighbours(name, shape, shell=shell)
    positions = grid.positions()
    apart = grid.distance(positions[:, None], positions[None])
    for site, found in enumerate(near):
        expected = np.flatnonzero(np.isclose(apart[site], distance))
        assert sorted(found) == expected.tolist()
        assert len(found) == count


@pytest.mark.parametrize("name", SHELLS)
def test_bonds_are_met_from_both_ends(name):
    near = neighbours(name, SHELLS[name][0])
    pairs = bond_pairs(near)
    assert len(pairs) == near.size // 2
    counted = np.bincount(pairs.ravel(), minlength=len(near))
    assert (counted == near.shape[1]).all()


def test_short_sides_keep_the_multiplicity_of_bonds():
    assert neighbours("square", (2, 2)).tolist()[0] == [2, 2, 1, 1]
    assert len(bond_pairs(neighbours("square", (2, 2)))) == 8


@pytest.mark.parametrize("name", ["chain", "square", "cubic", "honeycomb"])
def test_staggered_neighbours_differ(name):
    shape = tuple(2 * side for side in SHELLS[name][0])
    signs = staggering(name, shape)
    assert signs is not None
    near, flat = neighbours(name, shape), signs.ravel()
    assert (flat[near] == -flat[:, None]).all()


def test_odd_rings_have_no_staggering():
    assert staggering("square", (4, 5)) is None
    assert staggering("triangular", (4, 4)) is None


def test_bad_lattices_are_refused():
    with pytest.raises(ValueError, match="a lattice is one of chain"):
        lattice_name("kagome", (4, 4))
    with pytest.raises(ValueError, match="triangular lattice has 2 sides"):
        lattice_name("triangular", (4, 4, 4))
    with pytest.raises(ValueError, match="bonded to itself"):
        neighbours("chain", (2,), shell=2)
