"""Names, orbits and lists of clusters, against bitmaps that are turned and trimmed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from kadanoff.geometry import Grid
from kadanoff.instruments.clusters import (
    EVEN,
    ODD,
    ON_SITE,
    clusters,
    clusters_on,
    fitting,
    spins_of,
    systematic,
)

HEXAGONAL = np.array([[1, 0], [0.5, 0.75**0.5]])


def trimmed(mask: np.ndarray) -> tuple:
    """A bitmap without its empty margins."""
    for axis in range(mask.ndim):
        others = tuple(a for a in range(mask.ndim) if a != axis)
        used = np.flatnonzero(mask.any(axis=others))
        mask = np.take(mask, range(used[0], used[-1] + 1), axis)
    return mask.shape, mask.tobytes()


def shape_of(mask: np.ndarray) -> tuple:
    """The same for all images of a bitmap under the group of the square or cube."""
    images = []
    for axes in itertools.permutations(range(mask.ndim)):
        turned = mask.transpose(axes)
        for signs in itertools.product((1, -1), repeat=mask.ndim):
            flipped = turned[tuple(slice(None, None, s) for s in signs)]
            images.append(trimmed(np.ascontiguousarray(flipped)))
    return min(images)


def bitmap(sites) -> np.ndarray:
    moved = np.array(sites) - np.min(sites, axis=0)
    mask = np.zeros(moved.max(axis=0) + 1, bool)
    mask[tuple(moved.T)] = True
    return mask


def squared_range(sites) -> int:
    return max(
        (
            int(((np.array(a) - b) ** 2).sum())
            for a, b in itertools.combinations(sites, 2)
        ),
        default=0,
    )


@pytest.mark.parametrize(("dimension", "side", "reach"), [(2, 3, 5), (3, 2, 3)])
@pytest.mark.parametrize("parity", ["even", "odd"])
def test_the_list_holds_each_short_cluster_once(dimension, side, reach, parity):
    """All subsets of a window that any cluster of that range fits into."""
    window = list(np.ndindex((side,) * dimension))
    sizes = (2, 4) if parity == "even" else (1, 3)
    expected = {
        shape_of(bitmap(sites))
        for n in sizes
        for sites in itertools.combinations(window, n)
        if squared_range(sites) <= reach
    }
    names = systematic(dimension, 40, parity=parity)
    short = [clusters(n, dimension)[0] for n in names]
    found = [shape_of(bitmap(s)) for s in short if squared_range(s) <= reach]
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert 4 <= len(found) < 40  # the list goes on beyond the window


@pytest.mark.parametrize("lattice", ["hypercubic", "triangular"])
def test_the_list_goes_from_short_to_long_and_has_the_old_names(lattice):
    even = systematic(2, 30, parity="even", lattice=lattice)
    odd = systematic(2, 30, parity="odd", lattice=lattice)
    assert set(EVEN) < set(even)
    assert set(ODD) < set(odd)
    assert (even[0], odd[0]) == ("nn", "field")
    for names, rest in ((even, 0), (odd, 1)):
        assert len(set(names)) == 30
        assert all(spins_of(n) % 2 == rest for n in names)
        orbits = [clusters(n, 2, lattice) for n in names]
        assert len({orbit[0] for orbit in orbits}) == 30
        ranges = [_range(orbit[0], lattice) for orbit in orbits]
        assert ranges == sorted(ranges)


@pytest.mark.parametrize("lattice", ["hypercubic", "triangular"])
@pytest.mark.parametrize("parity", ["even", "odd", "any"])
def test_a_short_list_is_the_beginning_of_a_long_one(lattice, parity):
    whole = systematic(2, 40, parity=parity, lattice=lattice)
    for count in (1, 2, 3, 5, 7, 9, 13, 17, 22, 31):
        short = systematic(2, count, parity=parity, lattice=lattice)
        assert short == whole[:count]


def _range(sites, lattice) -> float:
    basis = (
        np.eye(2) if lattice == "hypercubic" else np.array([[1, 0], [0.5, 0.75**0.5]])
    )
    places = np.array(sites) @ basis
    return round(float(np.linalg.norm(places[:, None] - places, axis=-1).max()), 9)


def test_a_triangular_orbit_is_that_of_turns_by_60_degrees():
    """Images as distances between all pairs of sites: the group keeps them."""
    for name in ("fourth", "wedge", "(0,0)(1,0)(2,-2)(2,-1)", "(0,0)(3,-1)(2,1)"):
        orbit = clusters(name, 2, "triangular")
        assert len(orbit) in (1, 2, 3, 6, 12)
        patterns = set()
        for cluster in orbit:
            places = np.array(cluster) @ HEXAGONAL
            apart = np.linalg.norm(places[:, None] - places, axis=-1)
            patterns.add(tuple(np.sort(apart.round(9).ravel()).tolist()))
        assert len(patterns) == 1
        turn = np.array([[0, 1], [-1, 1]])
        for cluster in orbit:
            turned = np.array(sorted((np.array(cluster) @ turn).tolist()))
            assert tuple(map(tuple, (turned - turned[0]).tolist())) in orbit


def test_any_cluster_is_its_own_name():
    assert clusters("(5,5)(5,6)", 2) == clusters("nn", 2)
    assert clusters("(0,0)(0,0)", 2) == clusters("phi2", 2)
    assert len(clusters("(0,0)(1,2)(3,1)", 2)) == 8
    assert fitting(("(0,0,0)(1,1,1)", "nn", "(0)(2)", "phi4"), 3) == (
        "(0,0,0)(1,1,1)", "nn", "phi4",
    )  # fmt: skip
    assert [spins_of(name) for name in ON_SITE] == [2, 3, 4]


def test_a_straight_grid_keeps_its_clusters():
    assert clusters_on("fourth", Grid((4, 6))) == clusters("fourth", 2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: spins_of("(0,0)(1)"), "one dimension"),
        (lambda: spins_of("(0,0)-(1,0)"), r"sites such as \(0,0\)\(3,1\), got"),
        (
            lambda: clusters("(0,0)(1,0)", 3),
            "sites of 2 components, got a lattice of 3",
        ),
        (lambda: systematic(5, 3, parity="even"), "1 to 4 directions, got 5"),
        (lambda: systematic(2, 3, parity="both"), "got 'both', 3 and 4"),
        (lambda: systematic(2, 0, parity="odd"), "a count of at least 1"),
        (lambda: systematic(2, 3, parity="even", most_spins=1), "at least 2"),
        (lambda: systematic(3, 3, parity="odd", lattice="triangular"), "in 3"),
        (lambda: clusters_on("nn", Grid((4, 4), ((1.0, 0.0), (0.0, 2.0)))), "alike"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()
