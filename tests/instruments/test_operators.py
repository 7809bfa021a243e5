from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from instruments.exact_draws import CLUSTERS, random_spins, rolled_sum

from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.rotated import StarMajority, TileMajority
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments.operators import (
    EVEN,
    ODD,
    clusters,
    lattice_of,
    local_clusters,
    operator_sums,
    sector_sums,
    systematic,
)
from kadanoff.models.ising import Ising

EVERY = EVEN + ODD


@pytest.mark.parametrize(
    "shape", [(1, 4), (2, 2), (2, 6), (3, 5), (4, 4), (5, 3), (8, 8), (9, 64), (40, 70)]
)
def test_sums_of_spins_equal_the_rolled_twin(shape):
    spins = random_spins((3, 5, *shape), seed=1)
    sums = operator_sums(Ensemble.from_values(spins), EVERY)
    flat = spins.reshape(15, *shape)
    twin = np.stack([rolled_sum(flat, name) for name in EVERY], axis=-1)
    assert np.array_equal(sums, twin.reshape(3, 5, -1))


@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (16, 16)])
def test_sums_of_real_values_equal_the_rolled_twin(shape):
    rng = np.random.default_rng(2)
    values = rng.standard_normal((2, 4, *shape)).astype(np.float32)
    sums = operator_sums(Ensemble.from_values(values, alphabet="real"), EVERY)
    flat = values.reshape(8, *shape).astype(float)
    twin = np.stack([rolled_sum(flat, name) for name in EVERY], axis=-1)
    # Products and sums in single precision: a few times 1e-7 of the terms' size.
    assert np.allclose(sums.reshape(8, -1), twin, rtol=0, atol=1e-5 * values[0, 0].size)


def test_sums_do_not_depend_on_how_the_ensemble_is_cut(monkeypatch):
    ensemble = Ensemble.from_values(random_spins((5, 7, 6, 6), seed=3))
    whole = operator_sums(ensemble, EVERY)
    pieces = list(ensemble.chunks(36 * 2))
    monkeypatch.setattr(Ensemble, "chunks", lambda self: iter(pieces))
    assert len(pieces) > 5
    assert np.array_equal(operator_sums(ensemble, EVERY), whole)


@pytest.mark.parametrize("name", EVERY)
def test_clusters_are_the_orbit_written_by_hand(name):
    by_hand = {_canonical(cluster) for cluster in CLUSTERS[name]}
    assert {_canonical(cluster) for cluster in clusters(name, 2)} == by_hand
    assert len(clusters(name, 2)) == len(by_hand)


def test_other_dimensions_have_the_right_number_of_clusters():
    # Bonds, face diagonals, faces, double bonds, knight's moves of the simple cubic.
    names = ("nn", "nnn", "plaquette", "third", "fourth", "row", "corner")
    assert [len(clusters(n, 3)) for n in names] == [3, 6, 3, 3, 12, 3, 12]
    assert [len(clusters(n, 1)) for n in ("nn", "third", "field", "row")] == [1] * 4


def test_energy_of_a_cube_is_the_model_s():
    spins = random_spins((2, 3, 3, 4, 5), seed=4)
    sums = operator_sums(Ensemble.from_values(spins), ("nn",))[..., 0]
    energy = Ising((3, 4, 5)).energy(spins.reshape(6, 3, 4, 5))
    assert np.allclose(-sums.ravel() / 60, energy, rtol=0, atol=1e-14)


@pytest.mark.parametrize("shape", [(2, 3), (3, 3), (4, 3), (4, 4)])
@pytest.mark.parametrize("name", EVERY)
def test_turning_a_spin_changes_the_sum_by_its_local_value(name, shape):
    """On small tori too, where clusters coincide and sites are met twice."""
    states = random_spins((256, *shape), seed=6)
    turned = states.copy()
    turned[:, 0, 0] *= -1
    change = rolled_sum(turned, name) - rolled_sum(states, name)
    local = np.zeros(len(states))
    for cluster in local_clusters(name, Grid(shape)):
        inside = [states[:, x % shape[0], y % shape[1]] for x, y in cluster]
        local += np.prod(inside, axis=0)
    assert np.array_equal(change, -2 * local)


def test_bad_operators_and_lattices_get_a_sentence():
    spins = random_spins((2, 2, 4, 4), seed=5)
    square = Ensemble.from_values(spins)
    with pytest.raises(ValueError, match=r"an operator is one of nn, .* got 'five'"):
        operator_sums(square, ("five",))
    ring = Ensemble.from_values(random_spins((2, 2, 8), seed=5))
    with pytest.raises(ValueError, match="'nnn' needs two directions"):
        operator_sums(ring, ("nnn",))
    maps = Ensemble.from_values(spins, Grid((4,)), features=4)
    with pytest.raises(ValueError, match="an ensemble of 4 feature maps"):
        operator_sums(maps, ("nn",))
    layer = Ensemble.from_values(spins.reshape(2, 2, 16), Unordered(16))
    with pytest.raises(ValueError, match="unordered layer of 16 units"):
        operator_sums(layer, ("nn",))
    honeycomb = Grid((2, 4), cell=((0.0, 0.0), (0.5, 0.5)))
    with pytest.raises(ValueError, match="one site per cell, got 2"):
        operator_sums(
            Ensemble.from_values(spins.reshape(2, 2, 2, 4, 2), honeycomb), ("nn",)
        )


def _canonical(cluster) -> tuple:
    sites = sorted(tuple(site) for site in cluster)
    return tuple(tuple(np.subtract(site, sites[0]).tolist()) for site in sites)


def test_too_many_directions_are_refused_and_not_enumerated():
    with pytest.raises(ValueError, match="at most 6 directions, got 8"):
        clusters("nn", 8)


def test_listed_operators_equal_a_sum_over_sites():
    """Six of the longer ones, each cluster of the orbit walked by hand."""
    spins = random_spins((2, 2, 6, 7), seed=11)
    names = systematic(2, 10, parity="even")[4:] + systematic(2, 8, parity="odd")[4:]
    sums = operator_sums(Ensemble.from_values(spins), names).reshape(4, -1)
    for name, found in zip(names, sums.T, strict=True):
        assert np.array_equal(found, walked(spins.reshape(4, 6, 7), name))


def walked(spins, name):
    total = np.zeros(len(spins))
    for cluster in clusters(name, 2):
        for x, y in np.ndindex(spins.shape[1:]):
            sites = [
                ((x + i) % spins.shape[1], (y + j) % spins.shape[2]) for i, j in cluster
            ]
            total += np.prod([spins[:, i, j] for i, j in sites], axis=0)
    return total


STRAIGHT = {
    "square": Grid((6, 6)),
    "triangular": Grid((6, 6), ((1.0, 0.0), (0.5, 0.75**0.5))),
}


class TestTheTrueLattice:
    """Operators belong to the lattice and not to the basis it is counted in."""

    @pytest.mark.parametrize("lattice", STRAIGHT)
    @pytest.mark.parametrize("shear", [1, 2, -1, 3])
    def test_one_torus_in_two_bases_has_the_same_sums(self, lattice, shear):
        """a, b and a, b + n a span one torus of like sides: exactly equal."""
        grid = STRAIGHT[lattice]
        a, b = np.array(grid.basis)
        skew = Grid(grid.shape, (tuple(a.tolist()), tuple((b + shear * a).tolist())))
        spins = random_spins((2, 3, 6, 6), seed=12)
        i, j = np.indices((6, 6))
        moved = spins[..., (i + shear * j) % 6, j]
        straight = operator_sums(Ensemble.from_values(spins, grid), EVERY)
        turned = operator_sums(Ensemble.from_values(moved, skew), EVERY)
        assert np.array_equal(straight, turned)
        # Control: clusters of the index coordinates are others.
        plain = operator_sums(Ensemble.from_values(moved, Grid((6, 6))), EVERY)
        assert not np.array_equal(plain, turned)

    @pytest.mark.parametrize(
        ("lattice", "rule", "b"),
        [
            (Ising((12, 12)), StarMajority(2), 2**0.5),
            (Ising((10, 20)), TileMajority(5), 5**0.5),
            (Ising((18, 18), "triangular"), TileMajority(3), 3**0.5),
            (Ising((21, 21), "triangular"), TileMajority(7), 7**0.5),
            (Ising((12, 12), "triangular"), TileMajority(3), 3**0.5),
        ],
        ids=str,
    )
    def test_pairs_on_turned_lattices_are_those_at_their_distance(
        self, lattice, rule, b
    ):
        """Distances of positions, which know nothing of clusters."""
        spins = random_spins((2, 2, *lattice.shape), seed=13)
        fine = Ensemble.from_values(spins, lattice.geometry)
        coarse = coarsen(rule, fine, seed=1)
        triangular = lattice.lattice == "triangular"
        shells = {
            "nn": 1.0,
            "nnn": math.sqrt(3 if triangular else 2),
            "third": 2.0,
        }
        grid = lattice_of(coarse)
        positions = grid.positions()
        apart = grid.distance(positions[:, None], positions[None]) / b
        flat = coarse.values.reshape(4, -1).astype(float)
        for name, distance in shells.items():
            near = abs(apart - distance) < 1e-6
            z = 6 if triangular else 4
            assert (near.sum(axis=1) == z).all(), "choose a larger lattice"
            expected = 0.5 * np.einsum("ni,ij,nj->n", flat, near, flat)
            found = operator_sums(coarse, (name,)).ravel()
            assert np.array_equal(found, expected)

    def test_the_energy_of_a_triangular_lattice_is_the_model_s(self):
        model = Ising((5, 7), "triangular", second=0.3)
        spins = random_spins((2, 3, 5, 7), seed=14)
        sums = operator_sums(Ensemble.from_values(spins, model.geometry), ("nn", "nnn"))
        energy = model.energy(spins.reshape(6, 5, 7)) * 35
        assert np.allclose(-(sums @ [1, 0.3]).ravel(), energy, rtol=0, atol=1e-12)

    def test_clusters_of_the_triangular_lattice_have_the_right_number(self):
        # Bonds, second and third neighbours, rhombi; triangles, rows and bends.
        names = ("nn", "nnn", "third", "plaquette", "corner", "row", "wedge")
        counts = [len(clusters(n, 2, "triangular")) for n in names]
        assert counts == [3, 3, 3, 3, 2, 3, 6]


class TestPotts:
    """Clusters all of one colour, and what of them singles a colour out."""

    NAMES = ("nn", "plaquette", "corner", "(0,0)(2,1)")

    def colours(self, q, shape=(4, 5)):
        rng = np.random.default_rng(15)
        values = rng.integers(0, q, (2, 3, *shape))
        return Ensemble.from_values(values, alphabet=f"potts:{q}"), values

    @pytest.mark.parametrize("q", [2, 3, 5])
    def test_sums_equal_a_count_by_hand(self, q):
        ensemble, values = self.colours(q)
        even, odd = sector_sums(ensemble, self.NAMES, ("field", *self.NAMES))
        flat = values.reshape(6, 4, 5)
        for k, name in enumerate(("field", *self.NAMES)):
            alike = np.stack(
                [walked((flat == a).astype(int), name) for a in range(q)], axis=-1
            )
            total = alike.sum(axis=-1)
            assert np.array_equal(
                odd.reshape(6, -1, q)[:, k], q * alike - total[:, None]
            )
            if k:
                assert np.array_equal(even.reshape(6, -1)[:, k - 1], total)

    def test_turning_the_colours_turns_the_odd_sector_alone(self):
        ensemble, values = self.colours(3)
        turned = Ensemble.from_values((values + 1) % 3, alphabet="potts:3")
        even, odd = sector_sums(ensemble, self.NAMES, ("field", "nn"))
        same, moved = sector_sums(turned, self.NAMES, ("field", "nn"))
        assert np.array_equal(even, same)
        assert np.array_equal(np.roll(odd, 1, axis=-1), moved)
        assert not odd.sum(axis=-1).any()
        assert odd.any()

    def test_two_colours_are_spins(self):
        """δ = (1 + s s')/2 of a pair, and the magnetization itself."""
        ensemble, values = self.colours(2)
        spins = Ensemble.from_values(1 - 2 * values)
        even, odd = sector_sums(ensemble, ("nn",), ("field",))
        sums = operator_sums(spins, ("nn", "field"))
        assert np.array_equal(even[..., 0, 0], (40 + sums[..., 0]) / 2)
        assert np.array_equal(odd[..., 0, :], sums[..., [1]] * [1, -1])


class TestAngles:
    """Cosines of differences, and vectors."""

    def angles(self, shape=(4, 5)):
        rng = np.random.default_rng(16)
        values = rng.uniform(-np.pi, np.pi, (2, 3, *shape))
        return Ensemble.from_values(values, alphabet="angle")

    def by_hand(self, ensemble, name, charge):
        """Every way to place the signs, one after the other."""
        z = np.exp(1j * ensemble.values.reshape(6, 4, 5).astype(float))
        total, ways = np.zeros(6, complex), 0
        n = len(clusters(name, 2)[0])
        for signs in itertools.product((1, -1), repeat=n):
            if sum(signs) != charge:
                continue
            ways += 1
            for cluster in clusters(name, 2):
                product = np.ones(z.shape, complex)
                for (dx, dy), sign in zip(cluster, signs, strict=True):
                    moved = np.roll(z, (-dx, -dy), axis=(1, 2))
                    product *= moved if sign > 0 else moved.conj()
                total += product.sum(axis=(1, 2))
        return total / ways

    def test_sums_equal_all_ways_to_place_the_signs(self):
        ensemble = self.angles()
        even, odd = sector_sums(ensemble, EVEN, ODD)
        for k, name in enumerate(EVEN):
            expected = self.by_hand(ensemble, name, 0)
            # Phases in single precision: 1e-6 of a term each.
            assert np.allclose(even.reshape(6, -1)[:, k], expected.real, atol=1e-3)
        for k, name in enumerate(ODD):
            expected = self.by_hand(ensemble, name, 1)
            vector = odd.reshape(6, -1, 2)[:, k]
            assert np.allclose(
                vector, np.stack([expected.real, expected.imag], -1), atol=1e-3
            )

    def test_a_pair_is_the_cosine_of_its_difference(self):
        ensemble = self.angles()
        angles = ensemble.values.astype(float)
        total = sum(
            np.cos(angles - np.roll(angles, 1, axis)).sum(axis=(2, 3))
            for axis in (2, 3)
        )
        assert np.allclose(operator_sums(ensemble, ("nn",))[..., 0], total, atol=1e-3)

    def test_turning_all_angles_turns_the_odd_sector_alone(self):
        ensemble = self.angles()
        turned = Ensemble.from_values(ensemble.values + 0.7, alphabet="angle")
        even, odd = sector_sums(ensemble, EVEN, ODD)
        same, moved = sector_sums(turned, EVEN, ODD)
        c, s = np.cos(0.7), np.sin(0.7)
        assert np.allclose(even, same, atol=1e-3)
        assert np.allclose(odd @ [[c, s], [-s, c]], moved, atol=1e-3)

    def test_spins_are_angles_of_0_and_π(self):
        spins = random_spins((2, 3, 4, 5), seed=17)
        angles = Ensemble.from_values(np.where(spins > 0, 0, np.pi), alphabet="angle")
        even, odd = sector_sums(angles, EVEN, ODD)
        sums = operator_sums(Ensemble.from_values(spins), EVEN + ODD)
        assert np.allclose(even[..., 0], sums[..., : len(EVEN)], atol=1e-3)
        assert np.allclose(odd[..., 0], sums[..., len(EVEN) :], atol=1e-3)
        assert np.allclose(odd[..., 1], 0, atol=1e-3)


def test_powers_of_one_real_value():
    rng = np.random.default_rng(18)
    values = rng.standard_normal((2, 4, 6, 6)).astype(np.float32)
    real = Ensemble.from_values(values, alphabet="real")
    sums = operator_sums(real, ("field", "phi2", "phi3", "phi4"))
    exact = values.astype(float)
    for k in range(4):
        expected = (exact ** (k + 1)).sum(axis=(2, 3))
        assert np.allclose(sums[..., k], expected, rtol=1e-5, atol=1e-3)


def test_an_operator_of_the_other_sector_is_refused():
    angles = TestAngles().angles()
    colours, _ = TestPotts().colours(3)
    with pytest.raises(ValueError, match=r"even operators are among nn.* got field"):
        operator_sums(angles, ("nn", "field"))
    with pytest.raises(
        ValueError, match=r"odd operators are among .* got \(0,0\)\(3,1\)"
    ):
        sector_sums(angles, ("nn",), ("(0,0)(3,1)",))
    with pytest.raises(ValueError, match=r"even operators are among .* got field"):
        sector_sums(colours, ("field",), ("field", "nn"))
