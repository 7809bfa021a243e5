"""The nearest-neighbour coupling of colours, angles and real values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from instruments.exact_draws import random_spins

from kadanoff.coarse.block import Decimation, Plurality, VectorSum
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.instruments.drift import drift
from kadanoff.instruments.nearest import nearest_coupling
from kadanoff.models.potts import Potts
from kadanoff.models.xy import XY
from kadanoff.samplers.run import sample

Q3 = float(np.log(1 + np.sqrt(3)))


@pytest.fixture(scope="module")
def potts() -> Ensemble:
    return sample(Potts((32, 32), q=3), coupling=Q3, draws=2048, seed=1)


@pytest.mark.parametrize(
    ("model", "coupling"),
    [
        (Potts((16, 16), q=3), 0.9),
        (Potts((16, 16), q=4), 0.5),
        (XY((16, 16)), 0.8),
        (XY((8, 8, 8)), 0.3),
    ],
)
def test_the_coupling_of_the_model_is_found(model, coupling):
    """Pseudo-likelihood is consistent: within 4.5 errors (7e-6), and these are small.

    Control: a coupling off by 5 % is seen at 5 errors.
    """
    drawn = sample(model, coupling=coupling, draws=4096, seed=2)
    found = nearest_coupling(drawn)
    assert abs(found.value - coupling) < 4.5 * found.error
    assert 0.05 * coupling > 5 * found.error


def test_states_that_are_two_are_spins():
    """Potts of two states: n_1 - n_0 is h, so that K is twice that of Ising's law."""
    spins = random_spins((32, 16, 8, 8), seed=3)
    colours = Ensemble.from_values((1 + spins) // 2, alphabet="potts:2")
    free = nearest_coupling(colours)
    assert abs(free.value) < 4.5 * free.error


def test_a_gaussian_field_has_its_regression():
    """E[φ | h] = h/(4 + m²) on the square lattice."""
    rng = np.random.default_rng(4)
    m2, side = 0.3, 12
    k = 2 * np.pi * np.fft.fftfreq(side)
    spectrum = 1 / (m2 + sum(4 * np.sin(a / 2) ** 2 for a in np.meshgrid(k, k)))
    noise = np.fft.fft2(rng.standard_normal((64, 64, side, side)))
    phi = np.real(np.fft.ifft2(noise * np.sqrt(spectrum))).astype(np.float32)
    found = nearest_coupling(Ensemble.from_values(phi, alphabet="real"))
    assert abs(found.value - 1 / (4 + m2)) < 4.5 * found.error
    assert abs(found.value - 1 / 4) > 5 * found.error


def test_ordered_lattices_have_no_number():
    up = Ensemble.from_values(np.zeros((4, 4, 8, 8), int), alphabet="potts:3")
    assert np.isnan(nearest_coupling(up).value)


def test_spins_are_sent_to_their_own_fit():
    spins = Ensemble.from_values(random_spins((4, 4, 8, 8), seed=5))
    with pytest.raises(ValueError, match="fit_couplings has theirs"):
        nearest_coupling(spins)


def test_decimated_colours_move_and_plurality_stands(potts):
    """The second step moves K by a few per cent, that of decimation by a quarter."""
    moved = {}
    for rule in (Plurality(2), Decimation(2)):
        levels = list(Stack((rule,) * 2).levels(potts, seed=2))
        moved[type(rule)] = drift(*levels[1:])
    assert not moved[Plurality].large
    assert moved[Decimation].large
    assert "nn from" in str(moved[Decimation])


def test_angles_of_the_vector_sum_move_less_at_every_step():
    """Near the Kosterlitz-Thouless point: from 1.12 by 0.43, then by 0.26."""
    fine = sample(XY((32, 32)), coupling=1.12, draws=1024, seed=6)
    levels = list(Stack((VectorSum(2),) * 2).levels(fine, seed=2))
    steps = [drift(*pair) for pair in itertools.pairwise(levels)]
    first, second = (step.change[0] for step in steps if step is not None)
    slowing = first - second
    assert slowing.value > 5 * slowing.error
    assert second.value > 5 * second.error
