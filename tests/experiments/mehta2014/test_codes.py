"""Up and down: identities of known codes."""

import numpy as np
import pytest
import torch

import kadanoff as kd
from kadanoff.experiments.mehta2014.codes import (
    likeness,
    of_blocks,
    of_magnetization,
    of_network,
    of_waves,
)
from kadanoff.experiments.mehta2014.deep_network import (
    COUPLING,
    LAYERS,
    block_network,
)

SIDE = 16


@pytest.fixture(scope="module")
def parts():
    """Configurations to fit on and to read."""
    ising = kd.Ising((SIDE, SIDE))
    both = kd.sample(ising, coupling=COUPLING, draws=8192, chains=128, seed=2)
    return both.split(2)


def test_block_means_keep_their_variance(parts):
    """r = P v with a projection P: ρ² = ⟨(block mean)²⟩, exactly."""
    data, fine = parts
    rho = likeness(of_blocks(fine.grid, bits=False, seed=0), data, fine).rho[:, 0]
    for level, value in zip(LAYERS, rho, strict=True):
        b = 2**level
        means = fine.values.reshape(-1, SIDE // b, b, SIDE // b, b).mean(axis=(2, 4))
        assert value**2 == pytest.approx((means**2).mean(), rel=1e-5)


def test_waves_keep_their_share_and_no_linear_code_more(parts):
    """ρ² = Σ S(k) over the kept waves over Σ S(k)."""
    data, fine = parts
    power = (abs(np.fft.fft2(data.values)) ** 2).mean(axis=(0, 1)).reshape(-1)
    order = power.argsort(kind="stable")[::-1]
    here = (abs(np.fft.fft2(fine.values)) ** 2).mean(axis=(0, 1)).reshape(-1)
    rho = likeness(of_waves(data), data, fine).rho[:, 0]
    # A Hartley number is one of a pair's two, so shares hold where pairs are kept
    # whole, and on average over configurations otherwise.
    for level, value in zip(LAYERS, rho, strict=True):
        kept = here[order[: SIDE**2 // 4**level]].sum() / here.sum()
        assert value**2 == pytest.approx(kept, rel=0.02)
    blocks = likeness(of_blocks(fine.grid, bits=False, seed=0), data, fine).rho
    assert (blocks[:, 0] < rho).all()
    assert (blocks[:, 1] < 1.005 * rho).all()  # the waves are those of other chains


def test_all_sites_come_back_whole(parts):
    """As many units as sites, each with one of them: ρ = 1 from bits too."""
    data, fine = parts
    network = kd.DBN.dense((SIDE, SIDE), (256, 256, 256))
    for machine in network.machines:
        machine.W.data = 9 * torch.eye(256)
    for bits in (False, True):
        found = likeness(of_network(network, bits=bits, seed=1), data, fine)
        np.testing.assert_allclose(found.rho, 1, atol=1e-3)
        np.testing.assert_allclose(found.details, 1, atol=1e-3)


def test_blocks_as_a_network_are_signs_of_blocks(parts):
    data, fine = parts
    network = of_network(block_network((SIDE,) * 2), bits=True, seed=1)
    votes = likeness(network, *parts).rho
    signs = likeness(of_blocks(fine.grid, bits=True, seed=1), data, fine).rho
    np.testing.assert_allclose(votes[0], signs[0], atol=0.005)
    assert votes[1, 0] < signs[1, 0] - 0.005  # a vote of votes is not the vote of all


def test_one_number_for_all_sites_is_no_picture(parts):
    """ρ = √⟨m²⟩ for m, ⟨|m|⟩ for its sign, and no details to compare."""
    data, fine = parts
    m = fine.values.reshape(-1, SIDE**2).mean(axis=1)
    for bits, rho in ((False, np.sqrt((m**2).mean())), (True, abs(m).mean())):
        found = likeness(of_magnetization(bits=bits, seed=1), data, fine)
        np.testing.assert_allclose(found.rho[:, 0], rho, rtol=1e-5)
        np.testing.assert_allclose(found.rho[:, 1], rho, atol=0.005)
        assert np.isnan(found.details[:, 0]).all()
        np.testing.assert_array_equal(found.shade[:, 0], 1)


def test_details_of_block_means_are_without_their_mean(parts):
    """ρ² = (⟨b²⟩ − ⟨m²⟩)/(1 − ⟨m²⟩), and the shade has ⟨m²⟩/⟨b²⟩ of the power."""
    data, fine = parts
    found = likeness(of_blocks(fine.grid, bits=False, seed=0), data, fine)
    m2 = (fine.values.reshape(-1, SIDE**2).mean(axis=1) ** 2).mean()
    for level in LAYERS:
        b = 2**level
        blocks = fine.values.reshape(-1, SIDE // b, b, SIDE // b, b).mean(axis=(2, 4))
        b2 = (blocks**2).mean()
        within = found.details[level - 1, 0] ** 2
        assert within == pytest.approx((b2 - m2) / (1 - m2), rel=1e-4)
        assert found.shade[level - 1, 0] == pytest.approx(m2 / b2, rel=1e-4)
        assert within < 0.98 * found.rho[level - 1, 0] ** 2
