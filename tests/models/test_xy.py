"""The XY energy against a sum over bonds written out, and vortices put in by hand."""

import math

import numpy as np
import pytest

from kadanoff.models.ising import Ising
from kadanoff.models.lattice import bond_pairs
from kadanoff.models.xy import XY, wrapped
from kadanoff.protocols import Model

LATTICES = [
    ("chain", (7,)),
    ("square", (4, 6)),
    ("square", (2, 5)),
    ("cubic", (2, 3, 4)),
    ("triangular", (3, 4)),
    ("honeycomb", (2, 3)),
]


def hot(model: XY, n: int, seed: int = 0) -> np.ndarray:
    return model.hot(n, rng=np.random.default_rng(seed))


@pytest.mark.parametrize(("lattice", "shape"), LATTICES)
def test_the_energy_is_the_sum_over_bonds(lattice, shape):
    model = XY(shape, lattice)
    values = hot(model, 4)
    pairs = bond_pairs(model.near).tolist()
    expected = [
        -math.fsum(math.cos(one[i] - one[j]) for i, j in pairs)
        for one in values.reshape(4, -1).tolist()
    ]
    assert np.allclose(model.energy(values) * model.geometry.size, expected, rtol=1e-12)
    assert model.bonds == len(pairs)


@pytest.mark.parametrize(("lattice", "shape"), LATTICES)
def test_angles_of_zero_and_pi_are_ising_spins(lattice, shape):
    xy, ising = XY(shape, lattice), Ising(shape, lattice)
    spins = ising.hot(10, rng=np.random.default_rng(1))
    angles = wrapped(np.where(spins > 0, 0.0, math.pi))
    for coupling in (0.5, -0.5):
        mine = xy.observables(angles, coupling)
        theirs = ising.observables(spins, coupling)
        assert list(mine) == list(theirs)
        assert all(np.allclose(mine[n], theirs[n], atol=1e-6) for n in mine)


@pytest.mark.parametrize(("lattice", "shape"), LATTICES)
def test_turning_all_spins_changes_nothing_and_rounding_less_than_1e_6(lattice, shape):
    model = XY(shape, lattice)
    form = (50, *model.geometry.lattice)
    exact = np.random.default_rng(2).uniform(-math.pi, math.pi, form)
    for turn in (0.0, 0.7, math.pi, 5.0):
        stored = model.observables(wrapped(exact + turn), -1.0)
        wanted = model.observables(exact, -1.0)
        assert all(abs(stored[n] - wanted[n]).max() < 1e-6 for n in wanted)


def test_wrapped_angles_stay_bit_for_bit():
    rng = np.random.default_rng(3)
    small = rng.uniform(-1, 1, 1000) * 10.0 ** rng.uniform(-30, 0, 1000)
    edges = np.array([0.0, math.pi, -math.pi, np.nextafter(math.pi, 0), 3 * math.pi])
    angles = np.concatenate([rng.uniform(-20, 20, 100_000), small, edges])
    once = wrapped(angles)
    assert once.dtype == np.float32
    assert (abs(once.astype(float)) < math.pi).all()
    assert np.array_equal(wrapped(once), once)
    turns = (once - angles) / (2 * math.pi)
    assert abs(turns - np.rint(turns)).max() < 1e-7


def test_cold_states_are_ground_states_of_many_directions():
    model = XY((4, 6))
    cold = model.cold(9, 1.0)
    assert np.allclose(model.energy(cold), -2)
    assert np.allclose(model.observables(cold, 1.0)["m_squared"], 1)
    assert len(set(cold[:, 0, 0].tolist())) == 9
    staggered = model.cold(9, -1.0)
    assert np.allclose(model.energy(staggered), 2)
    assert np.allclose(model.observables(staggered, -1.0)["staggered_m_squared"], 1)
    assert np.allclose(model.observables(staggered, -1.0)["m_squared"], 0)


@pytest.mark.parametrize(("lattice", "faces"), [("square", 1), ("triangular", 2)])
def test_vortices(lattice, faces):
    model = XY((12, 12), lattice)
    charges = model.vorticity(hot(model, 20))
    assert charges.shape == (20, 12, 12, faces)
    assert set(np.unique(charges)) == {-1, 0, 1}
    assert (charges.sum(axis=(1, 2, 3)) == 0).all()  # a torus has no boundary
    assert (model.vorticity(model.cold(3, 1.0)) == 0).all()
    # Angle around the centre of one face, doubled back by periodicity elsewhere.
    position = model.geometry.positions() - model.geometry.positions()[12 * 5 + 5]
    inside = {"square": (0.5, 0.5), "triangular": (0.5, math.sqrt(3) / 6)}[lattice]
    around = position - np.array(inside)
    angles = wrapped(np.arctan2(around[:, 1], around[:, 0])).reshape(1, 12, 12)
    assert model.vorticity(angles)[0, 5, 5, 0] == 1
    assert model.vorticity(-angles)[0, 5, 5, 0] == -1
    with pytest.raises(ValueError, match="vortices are read on the lattices square"):
        XY((3, 3, 3)).vorticity(np.zeros((1, 3, 3, 3)))


def test_it_is_a_model_and_its_parameters_rebuild_it():
    model = XY((4, 6), "honeycomb")
    assert isinstance(model, Model)
    assert XY(model.shape, **model.parameters) == model
    assert (model.name, model.alphabet) == ("xy", "angle")
    assert model.couplings(0.7) == {"K": 0.7}
    assert model.geometry.lattice == (4, 6, 2)


@pytest.mark.parametrize("shape", [(), (1, 4), (4, 0), (2.5, 4)])
def test_sides_below_two_are_refused(shape):
    with pytest.raises(ValueError, match="an XY lattice needs every side"):
        XY(shape)
