"""The tied machine is the dense one with the same entries in W."""

import itertools

import numpy as np
import pytest
import torch

from kadanoff.geometry import Grid, Unordered
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.rbm import RBM

CASES = {
    "overlapping": ((8, 8), 4, 2, 1),
    "rectangle": ((4, 10), 4, 2, 1),
    "blocks": ((6, 4), 2, 2, 1),
    "stride one": ((5, 4), 3, 1, 1),
    "wide": ((9, 6), 5, 3, 1),
    "wraps around": ((2, 4), 4, 2, 1),
    "chain": ((8,), 4, 2, 1),
    "cube": ((4, 2, 4), 4, 2, 1),
    "three maps": ((4, 6), 4, 2, 3),
    "maps on a chain": ((6,), 3, 1, 2),
    "maps in a cube": ((2, 4, 4), 2, 2, 2),
}
each_case = pytest.mark.parametrize(
    ("shape", "side", "stride", "maps"), CASES.values(), ids=CASES
)
UNITS = (("spin", "spin"), ("gaussian", "spin"), ("spin", "gaussian"))


def tied(shape, side, stride, maps=1, dtype=torch.float64, units=("spin", "spin")):
    network = ConvRBM(
        filter=side, stride=stride, maps=maps, dimension=len(shape), biases=True,
        units=units,
    )  # fmt: skip
    network = network.initialised(seed=1, scale=0.5).to(dtype)
    with torch.no_grad():
        network.b.copy_(0.3 + 0.1 * torch.arange(maps))
        network.c.fill_(-0.2)
        if network.log_precision is not None:
            network.log_precision.fill_(0.7)
    return network


def dense_twin(network, shape):
    """The slow way: every entry of W by its site, block and tap."""
    fine = Grid(shape)
    coarse = network.hidden_geometry(fine)
    hidden = network.maps * coarse.size
    twin = RBM(fine, hidden, biases=True, units=network.units).to(network.W.dtype)
    taps = list(itertools.product(range(network.filter), repeat=len(shape)))
    margin = (network.filter - network.stride) // 2
    with torch.no_grad():
        twin.W.zero_()
        twin.b.copy_(network.b.repeat_interleave(coarse.size))
        twin.c.fill_(network.c.item())
        if network.log_precision is not None and twin.log_precision is not None:
            twin.log_precision.copy_(network.log_precision)
        for a, (m, *block) in enumerate(np.ndindex(network.maps, *coarse.shape)):
            for tap in taps:
                site = network.stride * np.array(block) + np.array(tap) - margin
                i = np.ravel_multi_index(tuple(site % shape), shape)
                twin.W[i, a] += network.W[(m, 0, *tap)]
    return twin


def inputs(network, shape, n=7):
    noise = torch.Generator().manual_seed(2)
    coarse = network.hidden_lattice(Grid(shape))
    return (
        torch.randn(n, *sides, generator=noise, dtype=torch.float64).to(network.W)
        for sides in (shape, coarse)
    )


@each_case
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6)]
)
def test_fields_and_free_energy_are_those_of_the_dense_twin(
    shape, side, stride, maps, dtype, tolerance
):
    network = tied(shape, side, stride, maps, dtype)
    twin = dense_twin(network, shape)
    v, h = inputs(network, shape)
    pairs = [
        (network.hidden_field(v).flatten(1), twin.hidden_field(v)),
        (network.visible_field(h), twin.visible_field(h.flatten(1))),
        (network.free_energy(v), twin.free_energy(v)),
        (network.hidden_free_energy(h), twin.hidden_free_energy(h.flatten(1))),
        (network.energy(v, h), twin.energy(v, h.flatten(1))),
    ]
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


@each_case
@pytest.mark.parametrize("units", UNITS)
def test_statistics_are_sums_over_the_copies_of_a_weight(
    shape, side, stride, maps, units
):
    network = tied(shape, side, stride, maps, units=units)
    v, h = inputs(network, shape)
    moments = {k: torch.zeros_like(p) for k, p in network.named_parameters()}
    network.accumulate(moments, v, h, -0.7)
    energy = 0.7 * network.energy(v, h).sum()
    expected = torch.autograd.grad(energy, list(network.parameters()))
    for (name, _), gradient in zip(network.named_parameters(), expected, strict=True):
        torch.testing.assert_close(moments[name], gradient, rtol=0, atol=1e-11)
    copies = network.hidden_geometry(Grid(shape)).size
    assert network.copies(v) == copies


def test_a_shifted_tap_would_be_noticed():
    """Negative control: the twin with its filter moved by one site disagrees."""
    network = tied((8, 8), 4, 2)
    twin = dense_twin(network, (8, 8))
    v, _ = inputs(network, (8, 8))
    moved = torch.roll(v, 1, -1)
    apart = network.hidden_field(v).flatten(1) - twin.hidden_field(moved)
    assert apart.abs().max() > 0.1


def test_hidden_units_sit_where_majority_puts_them():
    assert ConvRBM().hidden_geometry(Grid((6, 4))) == Grid((6, 4)).coarsened(2)


def test_a_filter_of_ones_is_the_block_sum():
    network = ConvRBM(filter=2)
    with torch.no_grad():
        network.W.fill_(1.0)
    v = torch.arange(16.0).reshape(1, 4, 4)
    expected = torch.tensor([[[10.0, 18.0], [42.0, 50.0]]])
    assert torch.equal(network.hidden_field(v), expected)


def test_shifting_by_a_block_shifts_the_fields_by_a_site():
    network = tied((8, 8), 4, 2)
    v, _ = inputs(network, (8, 8))
    shifted = network.hidden_field(torch.roll(v, (2, 4), (1, 2)))
    expected = torch.roll(network.hidden_field(v), (1, 2), (1, 2))
    torch.testing.assert_close(shifted, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: ConvRBM(filter=3), "filter 3 and stride 2; use filter 2 or 4"),
        (lambda: ConvRBM(filter=2, stride=4), "filter 2 and stride 4"),
        (lambda: ConvRBM(maps=0), "at least one feature map, got 0"),
        (lambda: ConvRBM(dimension=4), "dimension 1, 2 or 3, got 4"),
        (lambda: ConvRBM().hidden_geometry(Grid((7, 8))), "2 does not divide"),
        (lambda: ConvRBM().hidden_geometry(Grid((8,))), "dimension 2 needs a grid"),
        (lambda: ConvRBM().hidden_geometry(Unordered(64)), "put 'arrange' before it"),
        (
            lambda: ConvRBM(filter=14).hidden_geometry(Grid((4, 4))),
            "wraps around a lattice",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()
