"""Up and down: identities of known codes, and claims that follow the numbers."""

import numpy as np
import pytest
import torch

import kadanoff as kd
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.mehta2014.deep_network import (
    BLOCKS,
    COUPLING,
    FAST,
    LAYERS,
    PAPER,
    UNTRAINED,
    block_network,
)
from kadanoff.experiments.mehta2014.reconstruction import (
    EXHIBIT,
    MEAN,
    OTHER,
    WAVES,
    likeness,
    of_blocks,
    of_network,
    of_waves,
)

SIDE = 16


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Trainings are shared with the tests of the other exhibits of this network."""
    runs = tmp_path_factory.getbasetemp() / "mehta2014-deep-network"
    return EXHIBIT.compute(FAST, Work(1, runs, lambda *_: None))


@pytest.fixture(scope="module")
def parts():
    """Configurations to fit on and to read."""
    ising = kd.Ising((SIDE, SIDE))
    both = kd.sample(ising, coupling=COUPLING, draws=8192, chains=128, seed=2)
    return both.split(2)


def test_block_means_keep_their_variance(parts):
    """r = P v with a projection P: ρ² = ⟨(block mean)²⟩, exactly."""
    data, fine = parts
    rho = likeness(of_blocks(fine.grid, bits=False, seed=0), data, fine)[:, 0]
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
    rho = likeness(of_waves(data), data, fine)[:, 0]
    # A Hartley number is one of a pair's two, so shares hold where pairs are kept
    # whole, and on average over configurations otherwise.
    for level, value in zip(LAYERS, rho, strict=True):
        kept = here[order[: SIDE**2 // 4**level]].sum() / here.sum()
        assert value**2 == pytest.approx(kept, rel=0.02)
    blocks = likeness(of_blocks(fine.grid, bits=False, seed=0), data, fine)
    assert (blocks[:, 0] < rho).all()
    assert (blocks[:, 1] < 1.005 * rho).all()  # the waves are those of other chains


def test_all_sites_come_back_whole(parts):
    """As many units as sites, each with one of them: ρ = 1 from bits too."""
    data, fine = parts
    network = kd.DBN.dense((SIDE, SIDE), (256, 256, 256))
    for machine in network.machines:
        machine.W.data = 9 * torch.eye(256)
    for bits in (False, True):
        rho = likeness(of_network(network, bits=bits, seed=1), data, fine)
        np.testing.assert_allclose(rho, 1, atol=1e-3)


def test_blocks_as_a_network_are_signs_of_blocks(parts):
    data, fine = parts
    network = likeness(
        of_network(block_network((SIDE,) * 2), bits=True, seed=1), *parts
    )
    signs = likeness(of_blocks(fine.grid, bits=True, seed=1), data, fine)
    np.testing.assert_allclose(network[0], signs[0], atol=0.005)
    assert network[1, 0] < signs[1, 0] - 0.005  # a vote of votes is not the vote of all


def test_controls_know_nothing(found):
    """Four errors of two seeds are wide; the numbers themselves are small."""
    last = found["rho"].sel(layer=3, code="means", decoder="own")
    assert abs(float(last.sel(row=OTHER))) < 0.03
    assert abs(float(last.sel(row=MEAN))) < 0.03
    assert float(last.sel(row=UNTRAINED)) < 0.5 * float(last.sel(row=PAPER))
    bits = found["rho"].sel(layer=3, code="bits", decoder="linear", row=UNTRAINED)
    assert abs(float(bits)) < 0.05
    own = found["rho"].sel(code="means", decoder="own")
    assert bool((own.sel(row=BLOCKS) < own.sel(row=WAVES)).all())


def test_claims_follow_the_numbers(found):
    back, _, _ = EXHIBIT.checks(found)
    assert back.status in (Status.PARTLY, Status.REPRODUCED, Status.OPEN)
    ideal, deaf = found.copy(deep=True), found.copy(deep=True)
    for part in ("rho", "rho_error"):
        ideal[part].loc[{"row": PAPER}] = ideal[part].sel(row=BLOCKS)
    assert {c.status for c in EXHIBIT.checks(ideal)} == {Status.REPRODUCED}
    deaf["rho"].loc[{"row": PAPER}] = 0.0
    assert {c.status for c in EXHIBIT.checks(deaf)} == {Status.NOT}


def test_pictures_are_drawn(found):
    sections = EXHIBIT.draw(found)
    assert all((s.picture or "").startswith("data:image/svg") for s in sections)
    assert list(found["shown"].values[:2]) == ["input", PAPER]
    assert np.isin(found["picture"].sel(shown="input"), (-1, 1)).all()
