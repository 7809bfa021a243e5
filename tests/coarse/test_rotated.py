"""Tiles against distances, exact decimations, and lattices that turn back."""

import math

import numpy as np
import pytest
from coarse.law import all_spins, counted, law_of_spins, tail

from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.rotated import StarMajority, Sublattice, TileMajority
from kadanoff.coarse.stack import Stack
from kadanoff.coarse.tilings import TILES, tiled
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered, scale_factor
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import geometry

ROOT3 = math.sqrt(3)


def triangular(*shape):
    return geometry("triangular", shape)


def level(fine, *sites):
    for n in sites:
        fine, _ = tiled(fine, n)
    return fine


# Fine lattices on which the tiles of so many sites close, some of them turned.
CASES = {
    "pairs": (Grid((6, 8)), 2),
    "pairs, coprime halves": (Grid((4, 6)), 2),
    "pairs, turned": (level(Grid((8, 8)), 2), 2),
    "pairs, turned twice by crosses": (level(Grid((10, 10)), 5), 2),
    "crosses": (Grid((10, 10)), 5),
    "crosses, oblong": (Grid((5, 15)), 5),
    "crosses, turned": (level(Grid((25, 25)), 5), 5),
    "triangles": (triangular(6, 6), 3),
    "triangles, oblong": (triangular(6, 9), 3),
    "triangles, turned": (level(triangular(18, 18), 3), 3),
    "triangles, another basis": (Grid((12, 12), ((1.0, 0.0), (-0.5, ROOT3 / 2))), 3),
    "triangles, skew basis": (Grid((9, 9), ((1.0, 0.0), (2.5, ROOT3 / 2))), 3),
    "hexagons": (triangular(14, 14), 7),
    "hexagons, turned": (level(triangular(14, 28), 7), 7),
}
cases = pytest.mark.parametrize("name", CASES)


def nearest(fine, coarse, sites):
    """The `sites` fine sites closest to every coarse one, and how far the others are.

    Independent of the algebra: positions and periodic distances alone.
    """
    apart = fine.distance(coarse.positions()[:, None], fine.positions()[None])
    order = np.argsort(apart, axis=1, kind="stable")
    ordered = np.take_along_axis(apart, order, axis=1)
    return order[:, :sites], ordered[:, sites - 1], ordered[:, sites]


@cases
def test_a_tile_holds_the_sites_around_its_centre(name):
    fine, sites = CASES[name]
    coarse, members = tiled(fine, sites)
    found, last, next_one = nearest(fine, coarse, sites)
    assert (next_one > last + 0.1).all()
    assert np.array_equal(np.sort(members, axis=1), np.sort(found, axis=1))


@cases
def test_every_site_belongs_to_one_tile(name):
    fine, sites = CASES[name]
    coarse, members = tiled(fine, sites)
    assert np.array_equal(np.sort(members.ravel()), np.arange(fine.size))
    assert scale_factor(fine, coarse) == pytest.approx(math.sqrt(sites))


@cases
def test_the_coarse_torus_is_the_fine_one(name):
    fine, sites = CASES[name]
    coarse, _ = tiled(fine, sites)
    points = np.random.default_rng(0).normal(scale=20, size=(2, 200, 2))
    assert np.allclose(coarse.distance(*points), fine.distance(*points), atol=1e-9)
    assert np.isclose(
        abs(np.linalg.det(np.array(coarse.basis) * np.array(coarse.shape)[:, None])),
        abs(np.linalg.det(np.array(fine.basis) * np.array(fine.shape)[:, None])),
    )


@cases
def test_the_coarse_lattice_is_of_the_same_kind(name):
    fine, sites = CASES[name]
    coarse, _ = tiled(fine, sites)
    basis = np.array(coarse.basis)
    steps = np.array([s for s in np.ndindex(41, 41) if s != (20, 20)]) - 20
    lengths = np.linalg.norm(steps @ basis, axis=1)
    around = np.isclose(lengths, lengths.min()).sum()
    assert around == {"square": 4, "triangular": 6}[TILES[sites].lattice]
    fine_step = np.sqrt(fine.site_area)
    shape_factor = 1.0 if around == 4 else math.sqrt(2 / ROOT3)
    assert lengths.min() == pytest.approx(math.sqrt(sites) * fine_step * shape_factor)


@pytest.mark.parametrize(
    ("fine", "sites"),
    [
        (Grid((8, 8)), 2),
        (Grid((4, 6)), 2),
        (Grid((2, 194)), 2),
        (Grid((10, 15)), 5),
        (triangular(6, 6), 3),
        (triangular(6, 9), 3),
        (triangular(7, 14), 7),
    ],
)
def test_two_steps_turn_back(fine, sites):
    once, twice = level(fine, sites), level(fine, sites, sites)
    assert twice.shape == tuple(side // sites for side in fine.shape)
    assert np.allclose(twice.basis, sites * np.array(fine.basis))
    assert not np.allclose(once.basis, np.sqrt(sites) * np.array(fine.basis), atol=0.1)


def test_two_decimations_are_one():
    """√2 · √2 = 2 on every spin, position by position."""
    values = np.random.default_rng(0).choice([-1, 1], (5, 8, 12)).astype(np.int8)
    fine, rng = Grid((8, 12)), np.random.default_rng(1)
    stack = Stack((Sublattice(2), Sublattice(2)))
    kept = stack(values, fine, rng=rng)
    assert np.array_equal(kept, values[:, ::2, ::2])
    assert stack.coarse(fine) == fine.coarsened(2).moved_to((0.0, 0.0))


@cases
def test_votes_are_those_of_the_nearest_sites(name):
    fine, sites = CASES[name]
    values = np.random.default_rng(1).choice([-1, 1], (20, *fine.lattice))
    rule = TileMajority(sites)
    coarse = rule.coarse(fine)
    around, _, _ = nearest(fine, coarse, sites)
    sums = values.reshape(20, -1)[:, around].sum(axis=2).reshape(20, *coarse.lattice)
    votes = rule(values.astype(np.int8), fine, rng=np.random.default_rng(0))
    assert np.array_equal(votes[sums != 0], np.sign(sums[sums != 0]))
    assert (np.abs(votes) == 1).all()
    assert votes.dtype == np.int8


@cases
def test_stars_are_a_site_and_its_neighbours(name):
    fine, sites = CASES[name]
    values = np.random.default_rng(1).choice([-1, 1], (20, *fine.lattice))
    rule = StarMajority(sites)
    coarse = rule.coarse(fine)
    size = {"square": 5, "triangular": 7}[TILES[sites].lattice]
    around, last, next_one = nearest(fine, coarse, size)
    assert (next_one > last + 0.1).all()
    sums = values.reshape(20, -1)[:, around].sum(axis=2).reshape(20, *coarse.lattice)
    votes = rule(values.astype(np.int8), fine, rng=np.random.default_rng(0))
    assert np.array_equal(votes, np.sign(sums))
    kept = Sublattice(sites).coarse(fine)
    assert (coarse.shape, coarse.basis) == (kept.shape, kept.basis)
    assert np.allclose(coarse.positions(), kept.positions())


def test_stars_that_fill_the_plane_are_tiles():
    for fine, sites in (CASES["crosses"], CASES["hexagons"]):
        values = np.random.default_rng(1).choice([-1, 1], (9, *fine.lattice))
        star, tile = StarMajority(sites), TileMajority(sites)
        assert star.coarse(fine) == tile.coarse(fine)
        one, other = (
            rule(values.astype(np.int8), fine, rng=np.random.default_rng(0))
            for rule in (star, tile)
        )
        assert np.array_equal(one, other)


@cases
def test_shifting_by_a_tile_shifts_by_a_site(name):
    fine, sites = CASES[name]
    values = np.random.default_rng(1).normal(size=(3, *fine.lattice))
    rule = Sublattice(sites)
    coarse = rule.coarse(fine)
    kept = rule(values, fine, rng=np.random.default_rng(0))
    for axis in (0, 1):
        steps = np.array(coarse.basis[axis]) @ np.linalg.inv(fine.basis)
        moved = np.roll(values, tuple(np.round(steps).astype(int)), axis=(1, 2))
        found = rule(moved, fine, rng=np.random.default_rng(0))
        assert np.array_equal(found, np.roll(kept, 1, axis=axis + 1))
    site = int(fine.distance(fine.positions(), coarse.positions()[-1]).argmin())
    assert np.array_equal(kept.reshape(3, -1)[:, -1], values.reshape(3, -1)[:, site])


def law_of_pairs(tie):
    """P(μ | σ) of the four pairs of a 2×4 torus, from the nearest sites."""
    fine, spins = Grid((2, 4)), all_spins((2, 4))
    # On so short a torus a pair has two bonds: its sites are those of the tiling.
    _, members = tiled(fine, 2)
    sums = spins.reshape(len(spins), -1)[:, members].sum(axis=2)
    return law_of_spins(np.where(sums == 0, tie, sums > 0))


def test_tied_pairs_have_fair_coins_of_their_own():
    # 256 configurations 800 times each: fails a right rule once in 10^5.
    counts = counted(TileMajority(2), all_spins((2, 4)), repeats=800)
    assert tail(counts, law_of_pairs(0.5)) > 1e-5
    assert tail(counts, law_of_pairs(0.51)) < 1e-5  # the control


def test_a_vote_of_two_is_a_decimation():
    """Its law is that of keeping either spin: every correlation is a mean of two."""
    _, members = tiled(Grid((2, 4)), 2)
    pairs = all_spins((2, 4)).reshape(256, -1)[:, members]
    law = law_of_spins((pairs == 1).mean(axis=2))
    assert np.array_equal(law, law_of_pairs(0.5))
    triangles = np.array([[1, 1, -1]])  # the control: a vote of three is none
    assert (triangles.sum(axis=1) > 0)[0] != (triangles == 1).mean(axis=1)[0]


@pytest.mark.parametrize(("fine", "sites"), [(triangular(3, 3), 3), (Grid((2, 4)), 2)])
def test_enumerated_votes(fine, sites):
    """All configurations of a tiny torus: how many give each coarse pattern.

    Tiles are independent, so a pattern of majorities of odd tiles has an equal share.
    """
    spins = all_spins(fine.shape)
    votes = TileMajority(sites)(spins, fine, rng=np.random.default_rng(0))
    patterns = np.unique(votes.reshape(len(spins), -1), axis=0, return_counts=True)
    assert len(patterns[0]) == 2 ** (fine.size // sites)
    if sites % 2:
        assert (patterns[1] == len(spins) // len(patterns[0])).all()


def pushed(weights, values):
    """The law of the rows of `values` under the weights: patterns and probabilities."""
    rows, member = np.unique(
        values.reshape(len(values), -1), axis=0, return_inverse=True
    )
    chances = np.bincount(member.ravel(), weights)
    return rows, chances / chances.sum()


@pytest.mark.parametrize("coupling", [0.2, 0.44, -0.3])
def test_the_kept_sublattice_has_its_exact_law(coupling):
    """Every spin that is left out is summed over: Π_B 2 cosh(K Σ of its neighbours)."""
    model, spins = Ising((4, 4)), all_spins((4, 4))
    weights = np.exp(-coupling * 16 * model.energy(spins))
    fine, rule = model.geometry, Sublattice(2)
    kept = rule(spins, fine, rng=np.random.default_rng(0))
    rows, law = pushed(weights, kept)
    at = fine.distance(fine.positions()[:, None], rule.coarse(fine).positions()[None])
    out = ~np.isclose(at, 0).any(axis=1)
    # A 4×4 torus has single bonds: neighbours are at distance 1.
    fields = rows @ np.isclose(at[out], 1).T
    exact = (2 * np.cosh(coupling * fields)).prod(axis=1)
    assert np.isclose(at[out], 1).sum(axis=1).tolist() == [4] * 8
    assert np.allclose(law, exact / exact.sum(), rtol=1e-10)
    wrong = (2 * np.cosh(1.01 * coupling * fields)).prod(axis=1)
    assert not np.allclose(law, wrong / wrong.sum(), rtol=1e-3)  # the control


@pytest.mark.parametrize("coupling", [0.3, 1.1])
def test_half_a_honeycomb_is_a_triangular_lattice(coupling):
    """The star-triangle relation: exp(4 K') = 2 cosh 2K - 1, exactly Ising again."""
    model = Ising((3, 3), "honeycomb")
    spins = all_spins(model.geometry.lattice)
    weights = np.exp(-coupling * 18 * model.energy(spins))
    kept = Sublattice(2)(spins, model.geometry, rng=np.random.default_rng(0))
    rows, law = pushed(weights, kept)
    triangles = Ising((3, 3), "triangular")
    energies = 9 * triangles.energy(rows.reshape(-1, 3, 3))
    star = np.log(2 * np.cosh(2 * coupling) - 1) / 4
    exact = np.exp(-star * energies)
    assert np.allclose(law, exact / exact.sum(), rtol=1e-10)
    wrong = np.exp(-1.01 * star * energies)
    assert not np.allclose(law, wrong / wrong.sum(), rtol=1e-3)  # the control


def test_a_cell_is_a_tile():
    fine = geometry("honeycomb", (4, 6))
    coarse = TileMajority(2).coarse(fine)
    kept = Sublattice(2).coarse(fine)
    assert (coarse.shape, coarse.basis) == (fine.shape, fine.basis)
    assert scale_factor(fine, coarse) == pytest.approx(math.sqrt(2))
    assert coarse.cell[0] == pytest.approx((ROOT3 / 4, 0.25))
    assert kept.cell == ((0.0, 0.0),)
    values = np.random.default_rng(0).choice([-1, 1], (3, 4, 6, 2)).astype(np.int8)
    found = Sublattice(2)(values, fine, rng=np.random.default_rng(0))
    assert np.array_equal(found, values[..., 0])
    votes = TileMajority(2)(values, fine, rng=np.random.default_rng(0))
    sums = values.sum(axis=-1)
    assert np.array_equal(votes[sums != 0] * 2, sums[sums != 0])


def test_alphabets_and_histories():
    fine = Ensemble.from_values(np.ones((2, 3, 4, 6), dtype=np.int8))
    coarse = coarsen(TileMajority(2), fine, seed=1)
    assert coarse.history[-1]["rule"] == "tile-majority:sites=2"
    assert (coarse.values == 1).all()
    assert Sublattice(2).alphabet("potts:3") == "potts:3"
    assert str(Sublattice(3)) == "sublattice:sites=3"
    with pytest.raises(ValueError, match="needs ±1 spins"):
        TileMajority(2).alphabet("real")


REFUSED = [
    (Grid((4, 5)), 2, "do not close around the torus, got shape .4, 5."),
    (level(Grid((2, 2)), 2), 5, "use sides that 5 divides"),
    (triangular(4, 4), 3, "use sides that 3 divides"),
    (triangular(6, 6), 2, "a square lattice, got basis .*; use tiles of 3 or 7"),
    (Grid((6, 6)), 3, "a triangular lattice, got basis .*; use tiles of 2 or 5"),
    (Grid((4, 4), ((1.0, 0.0), (0.0, 2.0))), 2, "use 'majority' or 'decimation'"),
    (Grid((4, 4, 4)), 2, "one site per cell, got shape .4, 4, 4."),
    (geometry("honeycomb", (6, 6)), 3, "one site per cell, got shape .6, 6. with 2"),
    (Grid((4, 4)), 4, "hold 2, 3, 5, 7 sites, .* got 4"),
    (Unordered(16), 2, "needs sites with positions"),
]


@pytest.mark.parametrize(("fine", "sites", "sentence"), REFUSED)
def test_what_does_not_fit_is_refused(fine, sites, sentence):
    for rule in (TileMajority(sites), Sublattice(sites), StarMajority(sites)):
        with pytest.raises(ValueError, match=sentence) as refusal:
            rule.coarse(fine)
        assert "\n" not in str(refusal.value)
