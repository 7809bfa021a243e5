"""A network's operations as rules, against torch and against loops."""

import math

import numpy as np
import pytest
import torch
from coarse.law import all_spins, counted, law_of_spins, tail
from torch.nn import functional

from kadanoff.coarse.block import Average
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.pooling import AveragePool, Convolution, MaxPool
from kadanoff.coarse.weighted import Weighted
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.networks.products import one_thread

KERNELS = np.random.default_rng(3).normal(size=(3, 3, 4))
SIZES = [(2, 2), (2, 3), (2, 4), (3, 5), (1, 3), (4, 1)]


def field(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def apply(rule, values):
    return rule(values, Grid(values.shape[1:]), rng=np.random.default_rng(0))


def padded(values, b, *window):
    """Circular padding that starts every window (b - w)//2 after its block."""
    before = [max(0, -((b - w) // 2)) for w in window]
    after = [max(0, w - b) + b for w in window]
    pads = [(0, 0), *zip(before, after, strict=True)]
    wrapped = np.pad(values, pads, mode="wrap")
    skip = [max(0, (b - w) // 2) for w in window]
    wrapped = wrapped[:, skip[0] :, skip[1] :]
    return torch.tensor(wrapped[:, None])


def cropped(found, values, b):
    rows, columns = (side // b for side in values.shape[1:])
    return found[:, :, :rows, :columns].numpy()


@pytest.mark.parametrize(("b", "window"), SIZES)
def test_pooling_is_torchs(b, window):
    values = field(4, 12, 24)
    wrapped = padded(values, b, window, window)
    with one_thread():
        mean = functional.avg_pool2d(wrapped, window, b)
        most = functional.max_pool2d(wrapped, window, b)
    found = apply(AveragePool(b, window), values)
    assert np.allclose(found, cropped(mean, values, b)[:, 0], atol=1e-6)
    assert np.array_equal(
        apply(MaxPool(b, window), values), cropped(most, values, b)[:, 0]
    )


@pytest.mark.parametrize("b", [1, 2, 3])
def test_a_convolution_is_torchs(b):
    values = field(4, 12, 6)
    with one_thread():
        expected = functional.conv2d(
            padded(values, b, 3, 4), torch.tensor(KERNELS)[:, None], stride=b
        )
    found = apply(Convolution(KERNELS, b), values)
    assert found.dtype == np.float32
    assert found.shape == (4, 3, 12 // b, 6 // b)
    assert np.allclose(found, cropped(expected, values, b), atol=1e-5)
    turned = apply(Convolution(KERNELS[:, ::-1, ::-1], b), values)
    assert not np.allclose(turned, cropped(expected, values, b), atol=0.1)  # control


def test_every_map_is_the_convolution_with_its_kernel():
    values = field(4, 6, 6)
    together = apply(Convolution(KERNELS), values)
    for kernel, one in zip(KERNELS, np.moveaxis(together, 1, 0), strict=True):
        alone = Convolution(kernel[None])
        assert alone.features is None
        assert np.array_equal(apply(alone, values), one)


@pytest.mark.parametrize("shape", [(8,), (6, 4), (4, 2, 6)])
def test_average_pooling_of_blocks_is_the_block_mean(shape):
    values = field(5, *shape)
    assert np.allclose(apply(AveragePool(2), values), apply(Average(2), values))
    assert AveragePool(2).coarse(Grid(shape)) == Average(2).coarse(Grid(shape))
    wide = Grid(tuple(2 * side for side in shape))
    assert AveragePool(2, 4).coarse(wide) == Average(2).coarse(wide)
    moved = AveragePool(2, 3).coarse(wide).positions()[0]
    assert moved.tolist() == [0.0] * len(shape)


def test_max_pooling_twice_is_max_pooling_once():
    values = field(5, 12, 24)
    twice = apply(MaxPool(3), apply(MaxPool(2), values))
    assert np.array_equal(twice, apply(MaxPool(6), values))


def test_max_pooling_is_an_or():
    spins = all_spins((2, 2))
    found = apply(MaxPool(2), spins).ravel()
    assert np.array_equal(found == 1, (spins == 1).any(axis=(1, 2)))
    assert found.dtype == np.int8
    flipped = apply(MaxPool(2), -spins).ravel()
    assert (flipped != -found).sum() == 14  # only the two ordered blocks flip


def test_signs_have_the_law_of_fair_ties():
    # 256 configurations 1600 times each, two maps whose sums tie often, one of them
    # only up to rounding; fails a right rule once in 10^5.
    kernels = np.array([[[0.1, 0.2], [0.3, 0.4]], [[1.0, -1.0], [1.0, 1.0]]])
    fine = all_spins((2, 4))
    blocks = fine.reshape(-1, 2, 2, 2).transpose(0, 2, 1, 3)
    sums = np.einsum("mij,nbij->nmb", kernels, blocks).reshape(len(fine), -1)
    law = law_of_spins(np.where(np.abs(sums) < 1e-9, 0.5, sums > 0))
    fair = counted(Convolution(kernels, 2, "sign"), fine, repeats=1600)
    assert tail(fair, law) > 1e-5


def test_ties_that_go_up_are_seen():
    fine = all_spins((2, 4))
    sums = fine.reshape(-1, 2, 2, 2).sum(axis=(1, 3))
    counts = counted(Convolution(np.ones((1, 2, 2)), 2, "sign"), fine, repeats=1600)
    assert tail(counts, law_of_spins(np.where(sums == 0, 0.5, sums > 0))) > 1e-5
    tilted = law_of_spins(np.where(sums == 0, 0.51, sums > 0))
    assert tail(counts, tilted) < 1e-5


def test_signs_of_one_kernel_are_the_weighted_vote():
    spins = np.random.default_rng(0).choice([-1, 1], (20, 8, 8)).astype(np.int8)
    weights = np.random.default_rng(1).integers(0, 3, (4, 4)).astype(float)
    one = apply(Convolution(weights[None], 2, "sign"), spins)
    assert np.array_equal(one, apply(Weighted(weights, 2), spins))
    small = apply(Convolution(weights[None], 2, "sign"), spins * 1e-9)
    assert np.array_equal(one, small)


def test_alphabets_and_histories():
    rng = np.random.default_rng(0)
    fine = Ensemble.from_values(rng.choice([-1, 1], (3, 5, 8, 8)).astype(np.int8))
    maps = coarsen(Convolution(KERNELS, output="sign", name="edges.npy"), fine, seed=1)
    assert (maps.alphabet, maps.features, maps.shape) == ("pm1", 3, (3, 4, 4))
    assert maps.history[-1]["rule"] == "convolution:edges.npy,b=2,output=sign"
    assert coarsen(MaxPool(), fine).alphabet == "pm1"
    assert MaxPool().alphabet("real") == "real"
    assert coarsen(AveragePool(2, 3), fine).history[-1]["rule"] == (
        "average-pool:b=2,window=3"
    )


LONG_WINDOWS = [
    AveragePool(2, 5),
    MaxPool(2, 5),
    Convolution(np.ones((1, 2, 5))),
    Weighted(np.ones((2, 5))),
    AveragePool(8),
]


@pytest.mark.parametrize("rule", LONG_WINDOWS, ids=str)
def test_a_window_longer_than_the_lattice_is_refused(rule):
    assert rule.coarse(Grid((8, 8))).size
    with pytest.raises(ValueError, match=r"longer than the lattice .* use a shorter"):
        rule.coarse(Grid((8, 4)))
    with pytest.raises(ValueError, match="longer than the lattice"):
        apply(rule, field(1, 8, 4))


def test_a_window_as_long_as_the_lattice_sees_every_site_once():
    values = field(3, 4, 4)
    found = apply(AveragePool(2, 4), values)
    assert np.allclose(found, values.mean(axis=(1, 2))[:, None, None])


def test_what_does_not_fit_is_refused():
    for rule in (AveragePool(2), MaxPool(2), Convolution(KERNELS)):
        with pytest.raises(ValueError, match="block size 2 does not divide"):
            rule.coarse(Grid((4, 5)))
        with pytest.raises(ValueError, match="needs sites"):
            rule.coarse(Unordered(16))
        with pytest.raises(ValueError, match="needs ±1 spins or real values"):
            rule.alphabet("potts:3")
    for pool in (AveragePool, MaxPool):
        with pytest.raises(ValueError, match=r"whole .* at least 1, got 0"):
            pool(2, 0)
        for single in ((1,), (1, 1)):
            with pytest.raises(ValueError, match="windows of one site at every site"):
                pool(*single)
    with pytest.raises(ValueError, match="put an axis of 1 first"):
        Convolution(np.ones(3))
    with pytest.raises(ValueError, match="finite numbers"):
        Convolution(np.full((1, 2, 2), math.nan))
    with pytest.raises(ValueError, match="window of as many"):
        Convolution(np.ones((1, 2, 2))).coarse(Grid((8,)))
    with pytest.raises(ValueError, match="'real' values or their 'sign', got 'mean'"):
        Convolution(KERNELS, output="mean")  # type: ignore[arg-type]
