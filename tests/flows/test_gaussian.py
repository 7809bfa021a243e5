"""The Gaussian flow against torus lattices that are averaged matrix by matrix."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from kadanoff.exact import gaussian as exact
from kadanoff.flows.fixed_point import fixed_point, linearised
from kadanoff.flows.gaussian import (
    BlockAveragedMass,
    GaussianField,
    block_averaged,
    lattice_spectrum,
    mass_of_spectrum,
    squared_momentum,
)
from kadanoff.flows.lines import iterate
from kadanoff.flows.theory import vector


def torus_momenta(side: int, d: int) -> np.ndarray:
    k = 2 * np.pi * np.fft.fftfreq(side)
    return np.stack(np.meshgrid(*[k] * d, indexing="ij"), axis=-1)


def averaged_torus(spectrum: Any, side: int, d: int, c: int) -> np.ndarray:
    """Spectrum of block means from the covariance of all sites, block by block."""
    covariance = np.fft.ifftn(spectrum(torus_momenta(side, d))).real
    sites = np.stack(np.meshgrid(*[np.arange(side)] * d, indexing="ij"), -1)
    sites = sites.reshape(-1, d)
    apart = (sites[:, None] - sites[None]) % side
    matrix = covariance[tuple(np.moveaxis(apart, -1, 0))]
    blocks = sites // c
    number = np.ravel_multi_index(tuple(blocks.T), (side // c,) * d)
    mean = np.zeros(((side // c) ** d, len(sites)))
    mean[number, np.arange(len(sites))] = 1 / c**d
    coarse = (mean @ matrix @ mean.T)[0].reshape((side // c,) * d)
    return np.fft.fftn(coarse).real


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("c", [1.5, 2.0, 3.0])
def test_one_is_relevant_one_marginal_and_the_rest_irrelevant(c: float, d: int) -> None:
    point = fixed_point(GaussianField(d, c), {"y1": 0.7})
    assert point.couplings["y1"] == 0.7
    np.testing.assert_allclose(point.even.exponents, [2, 0, -2, -4], atol=1e-12)
    assert len(point.even.relevant) == len(point.even.marginal) == 1
    assert point.y_t == pytest.approx(2)
    assert point.y_h == pytest.approx((d + 2) / 2)


def test_every_stiffness_is_a_fixed_point_and_no_mass_is() -> None:
    flow = GaussianField()
    for y1 in (0.1, 3.0):
        assert linearised(flow, {"y1": y1}).residual == 0
    assert linearised(flow, {"y1": 1.0, "y0": 0.1}).residual == pytest.approx(0.3)


def test_the_powers_are_those_of_the_derivatives() -> None:
    """The integral of |∇^k φ|² of a Gaussian bump, before and after the rescaling."""
    c, d = 2.0, 1
    x = np.linspace(-40, 40, 160_001)

    def integrals(field: np.ndarray, step: float) -> list[float]:
        values = []
        for _ in range(4):
            values.append(float((field**2).sum() * step))
            field = np.gradient(field, step, edge_order=2)
        return values

    old = integrals(np.exp(-(x**2)), x[1] - x[0])
    # φ(x) = c^((2-d)/2) φ′(x/c): the same energy with couplings of the new scale.
    new = integrals(c ** ((d - 2) / 2) * np.exp(-((c * x) ** 2)), x[1] - x[0])
    flow = GaussianField(d, c)
    for k in range(4):
        name = f"y{k}"
        after = flow.step(vector(flow, {name: 1.0}))[k].item()
        assert old[k] == pytest.approx(after * new[k], rel=1e-4)


@pytest.mark.parametrize(
    ("side", "d", "c"), [(12, 1, 3), (8, 2, 2), (9, 2, 3), (4, 3, 2)]
)
@pytest.mark.parametrize("mass_squared", [0.04, 0.5])
def test_the_spectrum_of_block_means_is_exact(
    mass_squared: float, side: int, d: int, c: int
) -> None:
    spectrum = lattice_spectrum(mass_squared)
    value = block_averaged(spectrum, c)(torus_momenta(side // c, d))
    expected = averaged_torus(spectrum, side, d, c)
    np.testing.assert_allclose(value, expected, rtol=1e-11)


def test_without_the_window_or_the_aliases_it_is_not() -> None:
    spectrum = lattice_spectrum(0.5)
    momenta = torus_momenta(4, 2)
    naive = spectrum(momenta / 2) / 4
    expected = averaged_torus(spectrum, 8, 2, 2)
    assert np.abs(naive / expected - 1).max() > 0.1
    assert naive[0, 0] == pytest.approx(expected[0, 0])  # k = 0 alone is the same


def test_two_averages_are_one_of_larger_blocks() -> None:
    spectrum = lattice_spectrum(0.3)
    momenta = torus_momenta(5, 2)
    twice = block_averaged(block_averaged(spectrum, 2), 3)(momenta)
    np.testing.assert_allclose(twice, block_averaged(spectrum, 6)(momenta), rtol=1e-12)


def test_the_lattice_field_is_that_of_the_exact_results() -> None:
    """Σ φ² - K Σ φφ has K (m² + k̂²) with m² = 2/K - 2d."""
    coupling = 0.45
    value = lattice_spectrum(2 / coupling - 4)(torus_momenta(6, 2)) / coupling
    np.testing.assert_allclose(value, exact.propagator((6, 6), coupling), rtol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("c", [2, 3, 5])
@pytest.mark.parametrize("mass", [0.1, 0.4, 1.5])
def test_the_mass_is_that_of_the_fit_at_small_momenta(
    mass: float, c: int, d: int
) -> None:
    flow = BlockAveragedMass(d, c)
    spectrum = block_averaged(lattice_spectrum(mass**2), c)
    fitted = mass_of_spectrum(spectrum, d=d, largest=0.02)
    expected = flow.step(vector(flow, mass**2)).item()
    assert fitted == pytest.approx(expected, rel=1e-5)
    amplitude = 1 / (spectrum(np.zeros((1, d)))[0] * expected)
    assert flow.amplitude(mass**2) == pytest.approx(amplitude, rel=1e-12)


def test_the_fit_finds_the_mass_of_the_lattice_field_itself() -> None:
    assert mass_of_spectrum(lattice_spectrum(0.09)) == pytest.approx(0.09, rel=1e-9)


@pytest.mark.parametrize(("mass", "share"), [(0.1, 0.9975), (0.4, 0.963)])
def test_the_mass_doubles_when_it_is_small(mass: float, share: float) -> None:
    """The exact share, and the one a fit to momenta up to 0.1 finds."""
    flow = BlockAveragedMass(2, 2)
    new = flow.step(vector(flow, mass**2)).item()
    assert new / (4 * mass**2) == pytest.approx(share, abs=5e-5)
    spectrum = block_averaged(lattice_spectrum(mass**2), 2)
    fitted = mass_of_spectrum(spectrum)
    assert fitted / (4 * mass**2) == pytest.approx(share, abs=1e-4)


@pytest.mark.parametrize("c", [2, 3])
def test_the_flow_of_the_mass_has_the_exponent_of_the_paper(c: int) -> None:
    point = fixed_point(BlockAveragedMass(2, c), 0.05)
    assert point.couplings["mass_squared"] == pytest.approx(0, abs=1e-12)
    assert point.y_t == pytest.approx(2, abs=1e-11)
    assert BlockAveragedMass(3, c).amplitude(0.0) == pytest.approx(c)
    assert BlockAveragedMass(3, c).amplitude(1e-9) == pytest.approx(c, rel=1e-8)


def test_reading_off_the_mass_forgets_what_is_irrelevant() -> None:
    """Twice 2 is not once 4, by a share of m⁴; in the spectrum it is."""
    two, four = BlockAveragedMass(2, 2), BlockAveragedMass(2, 4)
    shares = []
    for m2 in (1e-4, 2e-4):
        twice = iterate(two, m2, 2)[-1]["mass_squared"]
        once = four.step(vector(four, m2)).item()
        shares.append(twice / once - 1)
    assert shares[0] > 1e-10
    assert shares[1] / shares[0] == pytest.approx(4, rel=0.01)


def test_derivatives_are_those_of_finite_differences() -> None:
    flow, h = BlockAveragedMass(2, 3), 1e-6
    x = vector(flow, 0.3)
    slope = (flow.step(x + h) - flow.step(x - h)) / (2 * h)
    assert linearised(flow, 0.3).jacobian[0, 0] == pytest.approx(slope.item(), rel=1e-8)


def test_squared_momentum() -> None:
    assert squared_momentum([math.pi, math.pi]) == pytest.approx(8)
    assert isinstance(GaussianField().step(torch.ones(5).double()), torch.Tensor)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: GaussianField(2, 1.0), "c must be above 1, got 1.0"),
        (lambda: GaussianField(0), "d must be above 0, got 0"),
        (lambda: BlockAveragedMass(2, 1), "whole number of 2 or more"),
        (lambda: block_averaged(lattice_spectrum(0.1), 0), "whole number of 2"),
        (lambda: lattice_spectrum(0.0), "positive number, got 0.0"),
    ],
)
def test_what_is_refused(call: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
