"""Many descents at once take the steps of one."""

import numpy as np
import pytest

from kadanoff.experiments.mehta2014.descents import descents, machine_of, starts
from kadanoff.models.ising import Ising
from kadanoff.networks.gradients import descend, with_dimers
from kadanoff.networks.mapping import hamiltonian
from kadanoff.networks.products import one_thread

RING = hamiltonian(Ising((6,)), 0.5)


@pytest.mark.parametrize("objective", ["divergence", "free energy"])
def test_each_goes_where_it_goes_alone(objective):
    """Two laws at once against the slow twin, biases frozen."""
    other = with_dimers(hamiltonian(Ising((4,)), 0.3), 1, 1.0)
    begin = starts(2, 6, 3, scale=0.3, seed=1)
    laws = np.stack([RING, other])
    found = descents(laws, begin, objective=objective, rate=0.1, steps=20)
    for H, first, last in zip(laws, begin, found, strict=True):
        with one_thread():
            alone = descend(
                machine_of(first), H, objective=objective, rate=0.1, steps=20
            )
        np.testing.assert_allclose(
            last, alone.machine.W.detach().numpy(), rtol=0, atol=1e-13
        )
        assert abs(last - first).max() > 1e-3


def test_one_law_for_all_and_starts_stay_as_they_were():
    begin = starts(2, 6, 2, scale=0.3, seed=2)
    before = begin.copy()
    both = descents(RING, begin, rate=0.1, steps=5)
    alone = descents(RING, begin[1:], rate=0.1, steps=5)
    np.testing.assert_allclose(both[1], alone[0], rtol=0, atol=1e-14)
    np.testing.assert_array_equal(begin, before)


REFUSED = {
    "a field": (hamiltonian(Ising((6,), field=0.2), 0.5), "divergence", "with a field"),
    "another law": (np.zeros(32), "divergence", r"2\^6 states"),
    "an objective": (RING, "likelihood", "divergence or free energy"),
}


@pytest.mark.parametrize(("H", "objective", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refused(H, objective, sentence):
    begin = starts(2, 6, 2, scale=0.1, seed=0)
    with pytest.raises(ValueError, match=sentence):
        descents(H, begin, objective=objective, rate=0.1, steps=1)
