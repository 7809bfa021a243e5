"""Noise dimers: where they are, what law they have, and that they know nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2

from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Unordered
from kadanoff.models.ising import Ising
from kadanoff.samplers.noise import noise_sites, with_noise

SPINS = np.random.default_rng(1).integers(0, 2, (30, 200, 4, 3)) * 2 - 1
DATA = Ensemble.from_values(
    SPINS, lineage="of-the-data", tau=3.5, model="ising", couplings={"K": 0.4}
)


def split(ensemble: Ensemble) -> tuple[np.ndarray, np.ndarray]:
    """The data and the noise, `(chain, draw, rows, columns)` each."""
    return ensemble.values[..., 0::2], ensemble.values[..., 1::2]


def test_even_columns_are_the_data_and_odd_ones_the_noise():
    noisy = with_noise(DATA, seed=1)
    data, _ = split(noisy)
    assert (data == SPINS).all()
    assert noisy.shape == (4, 6)
    noise = noise_sites(noisy.grid.shape)
    assert noise.sum() == 12
    assert (noisy.values[..., ~noise] == SPINS.reshape(30, 200, 12)).all()


def test_the_lineage_stays_and_the_model_does_not():
    noisy = with_noise(DATA, pairing=2.0, seed=7)
    assert (noisy.lineage, noisy.tau, noisy.model) == ("of-the-data", 3.5, None)
    assert noisy.history[-1] == {"step": "noise", "pairing": 2.0, "seed": 7}
    first, last = noisy.grid.positions()[[0, 5]]
    assert np.isclose(noisy.grid.distance(first, last), 1)
    assert with_noise(DATA, seed=7).history[-1]["pairing"] == "inf"


def test_equal_dimers_are_equal_and_opposite_ones_opposite():
    for pairing, sign in ((math.inf, 1), (-math.inf, -1)):
        _, noise = split(with_noise(DATA, pairing=pairing, seed=2))
        assert (noise[..., 0::2, :] == sign * noise[..., 1::2, :]).all()


def joint_p_value(noise: np.ndarray, pairing: float) -> float:
    """χ² of all eight states of one dimer and a spin of the data beside it."""
    first, second = noise[..., 0, 0].ravel(), noise[..., 1, 0].ravel()
    beside = SPINS[..., 0, 0].ravel()
    cells = 4 * (first > 0) + 2 * (second > 0) + (beside > 0)
    sign = np.array([-1, 1])
    weight = np.exp(pairing * np.multiply.outer(sign, sign))
    share = np.bincount(beside > 0) / beside.size
    expected = np.multiply.outer(weight / weight.sum(), share).ravel() * beside.size
    counts = np.bincount(cells, minlength=8)
    return float(chi2.sf(((counts - expected) ** 2 / expected).sum(), 6))


@pytest.mark.parametrize("pairing", [0.0, 0.8, -0.5])
def test_a_dimer_has_its_law_and_knows_nothing_of_the_data(pairing: float):
    """Level 1e-4 of 6000 draws; the controls: J off by 0.2, and noise that copies."""
    _, noise = split(with_noise(DATA, pairing=pairing, seed=3))
    assert joint_p_value(noise, pairing) > 1e-4
    assert joint_p_value(noise, pairing + 0.2) < 1e-6
    copied = np.where(np.arange(200)[:, None, None] % 8, noise, SPINS[..., :1])
    assert joint_p_value(copied, pairing) < 1e-6


def test_dimers_are_independent_of_each_other_and_from_draw_to_draw():
    """Correlations of any two are below 4.5/√n."""
    _, noise = split(with_noise(DATA, pairing=0.8, seed=4))
    dimers = noise[..., 0::2, :].reshape(30, 200, 6).astype(float)
    flat = dimers.reshape(-1, 6)
    assert abs(np.corrcoef(flat.T) - np.eye(6)).max() < 4.5 / math.sqrt(len(flat))
    later = (dimers[:, 1:] * dimers[:, :-1]).mean()
    assert abs(later) < 4.5 / math.sqrt(30 * 199 * 6)


def test_one_seed_makes_the_noise():
    one, again, other = (with_noise(DATA, seed=s) for s in (5, 5, 6))
    assert (one.data == again.data).all()
    assert (one.data != other.data).any()


def test_rings_take_noise_too():
    ring = Ensemble.from_values(SPINS[..., 0])
    noisy = with_noise(ring, seed=1)
    assert noisy.shape == (8,)
    assert (noisy.values[..., 0::2] == SPINS[..., 0]).all()
    noise = noisy.values[..., 1::2]
    assert (noise[..., 0::2] == noise[..., 1::2]).all()


def test_what_cannot_take_noise_is_refused():
    real = Ensemble.from_values(SPINS * 0.5, alphabet="real")
    with pytest.raises(ValueError, match="noise spins go between ±1 spins"):
        with_noise(real, seed=1)
    units = Ensemble.from_values(SPINS.reshape(30, 200, 12), Unordered(12))
    with pytest.raises(ValueError, match="needs sites with positions"):
        with_noise(units, seed=1)
    maps = Ensemble.from_values(SPINS.reshape(30, 200, 4, 3, 1), features=4)
    with pytest.raises(ValueError, match="one feature map"):
        with_noise(maps, seed=1)
    bees = Ising((2, 2), "honeycomb").geometry
    comb = Ensemble.from_values(SPINS[..., :2].reshape(30, 200, 2, 2, 2), bees)
    with pytest.raises(ValueError, match="one site per cell, got 2"):
        with_noise(comb, seed=1)
    odd = Ensemble.from_values(SPINS.swapaxes(2, 3))
    with pytest.raises(ValueError, match=r"even length, got shape \(3, 4\)"):
        with_noise(odd, seed=1)
    with pytest.raises(ValueError, match="must be a number, got nan"):
        with_noise(DATA, pairing=math.nan, seed=1)
    with pytest.raises(ValueError, match="even last side"):
        noise_sites((4, 3))
