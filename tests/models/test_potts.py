"""The Potts energy against a sum over bonds written out, and against Ising."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kadanoff.models.ising import Ising
from kadanoff.models.lattice import bond_pairs
from kadanoff.models.potts import Potts
from kadanoff.protocols import Model

LATTICES = [
    ("chain", (7,)),
    ("square", (4, 6)),
    ("square", (2, 5)),
    ("cubic", (2, 3, 4)),
    ("triangular", (3, 4)),
    ("honeycomb", (2, 3)),
]


def uniform(model: Potts, n: int, seed: int = 0) -> np.ndarray:
    return model.hot(n, rng=np.random.default_rng(seed))


@pytest.mark.parametrize(("lattice", "shape"), LATTICES)
@pytest.mark.parametrize("q", [2, 3, 255])
def test_the_energy_is_the_number_of_equal_neighbours(lattice, shape, q):
    model = Potts(shape, q, lattice)
    values = uniform(model, 5)
    flat = values.reshape(5, -1).tolist()
    pairs = bond_pairs(model.near).tolist()
    expected = [-sum(one[i] == one[j] for i, j in pairs) for one in flat]
    assert np.allclose(model.energy(values) * model.geometry.size, expected)
    assert model.bonds == len(pairs)


@pytest.mark.parametrize(("lattice", "shape"), LATTICES)
def test_two_states_are_an_ising_model_of_half_the_coupling(lattice, shape):
    potts, ising = Potts(shape, 2, lattice), Ising(shape, lattice)
    values = uniform(potts, 20)
    spins = 2 * values.astype(np.int8) - 1
    bonds = ising.bonds / ising.geometry.size
    assert np.allclose(potts.energy(values), (ising.energy(spins) - bonds) / 2)
    for coupling in (0.5, -0.5):
        mine = potts.observables(values, coupling)
        theirs = ising.observables(spins, coupling)
        assert list(mine) == list(theirs)
        for name in set(mine) - {"energy"}:
            assert np.allclose(mine[name], theirs[name])


@settings(deadline=None)
@given(q=st.integers(2, 9), seed=st.integers(0, 99))
def test_renaming_the_states_changes_nothing(q, seed):
    model = Potts((4, 4), q)
    rng = np.random.default_rng(seed)
    values = model.hot(3, rng=rng)
    renamed = rng.permutation(q).astype(np.uint8)[values]
    for coupling in (1.0, -1.0):
        before = model.observables(values, coupling)
        after = model.observables(renamed, coupling)
        assert all(np.allclose(before[name], after[name]) for name in before)


def test_cold_states_are_ground_states_in_turn():
    model = Potts((4, 4), 3)
    cold = model.cold(7, 1.0)
    assert cold[:, 0, 0].tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert (model.energy(cold) == -2).all()
    assert np.allclose(model.observables(cold, 1.0)["m_squared"], 1)
    staggered = model.cold(7, -1.0)
    assert (model.energy(staggered) == 0).all()
    assert np.allclose(model.observables(staggered, -1.0)["staggered_m_squared"], 1)
    assert len({one.tobytes() for one in staggered}) == 3
    assert cold.dtype == staggered.dtype == np.uint8
    # No two sublattices: the uniform states, ordered all the same.
    frustrated = Potts((3, 3), 3, "triangular").cold(2, -1.0)
    assert (frustrated == frustrated[:, :1, :1]).all()


def test_hot_states_are_uniform():
    """Counts of 60 000 draws, χ² of 4 degrees below 30: level 5e-6."""
    counts = np.bincount(uniform(Potts((10, 10), 5), 600).ravel(), minlength=5)
    assert ((counts - 12_000) ** 2 / 12_000).sum() < 30
    assert counts.size == 5


def test_it_is_a_model_and_its_parameters_rebuild_it():
    model = Potts((4, 6), 4, "triangular")
    assert isinstance(model, Model)
    assert Potts(model.shape, **model.parameters) == model
    assert Potts((4, 6), 4).lattice == "square"
    assert (model.name, model.alphabet) == ("potts", "potts:4")
    assert model.couplings(0.7) == {"K": 0.7}
    assert Potts((2, 3), 3, "honeycomb").geometry.lattice == (2, 3, 2)


@pytest.mark.parametrize("q", [1, 0, 256, 2.5])
def test_numbers_of_states_out_of_range_are_refused(q):
    with pytest.raises(ValueError, match=r"has 2 to 255 states, got q = "):
        Potts((4, 4), q)


@pytest.mark.parametrize("shape", [(), (1, 4), (4, 0), (2.5, 4)])
def test_sides_below_two_are_refused(shape):
    with pytest.raises(ValueError, match="every side to be a whole number of at least"):
        Potts(shape, 3)
