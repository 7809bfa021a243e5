"""Laws of single units, and of small machines made of them, against integrals."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from kadanoff.exact.enumerate import all_states
from kadanoff.geometry import Grid
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.gibbs import gibbs
from kadanoff.networks.rbm import RBM
from kadanoff.networks.units import GAUSSIAN, SPIN, units_of

GAMMA = torch.tensor(1.7, dtype=torch.float64)
FIELDS = torch.tensor([-1.3, 0.0, 0.4, 2.0], dtype=torch.float64)


def noise(seed=1):
    return torch.Generator().manual_seed(seed)


def integrated(f, power):
    """∫ x^power e^{f x − γ x²/2} dx."""
    g = float(GAMMA)
    return integrate.quad(
        lambda x: x**power * math.exp(f * x - g * x * x / 2), -30, 30, epsabs=1e-13
    )[0]


def test_gaussian_units_are_the_integrals_of_their_weight():
    for k, f in enumerate(FIELDS.tolist()):
        norm = integrated(f, 0)
        log_sum = GAUSSIAN.log_sum(FIELDS, GAMMA)[k].item()
        assert log_sum == pytest.approx(math.log(norm), abs=1e-11)
        mean = GAUSSIAN.mean(FIELDS, GAMMA)[k].item()
        assert mean == pytest.approx(integrated(f, 1) / norm, abs=1e-10)


def test_spins_sum_two_states():
    up, down = FIELDS.exp(), (-FIELDS).exp()
    torch.testing.assert_close(SPIN.log_sum(FIELDS, GAMMA), (up + down).log())
    torch.testing.assert_close(SPIN.mean(FIELDS, GAMMA), (up - down) / (up + down))
    assert not SPIN.self_energy(FIELDS, GAMMA).any()


def kolmogorov(precision):
    """p-value of 40 000 draws in one field; a right law falls below 1e-4 so often."""
    field = torch.full((40_000,), 0.8, dtype=torch.float64)
    drawn = GAUSSIAN.draw(field, torch.tensor(precision), noise())
    law = stats.norm(0.8 / 1.7, 1 / math.sqrt(1.7))
    return stats.kstest(drawn.numpy(), law.cdf).pvalue


def test_gaussian_draws_have_their_law():
    assert kolmogorov(1.7) > 1e-4
    assert kolmogorov(1.7 * 1.06) < 1e-6


def test_unknown_units_and_two_gaussian_layers_are_refused():
    with pytest.raises(ValueError, match="spin or gaussian, got 'bit'"):
        units_of("bit")
    with pytest.raises(ValueError, match="make one of the layers spins"):
        RBM(4, 4, units=("gaussian", "gaussian"))


def small(units):
    network = RBM(2, 3, biases=True, units=units).double()
    with torch.no_grad():
        for parameter, scale in ((network.W, 0.5), (network.b, 0.3), (network.c, 0.4)):
            drawn = torch.randn(parameter.shape, generator=noise(2))
            parameter.copy_(scale * drawn)
        if network.log_precision is not None:
            network.log_precision.fill_(0.4)
    return network


def test_free_energy_over_real_visible_units_is_a_density():
    """∫ e^{−F(v)} d²v = Σ_h e^{−F(h)} = Z."""
    network = small(("gaussian", "spin"))

    def weight(y, x):
        v = torch.tensor([[x, y]], dtype=torch.float64)
        return (-network.free_energy(v)).exp().item()

    by_integral = integrate.dblquad(weight, -9, 9, -9, 9, epsabs=1e-8, epsrel=1e-8)
    log_z = network.log_partition().item()
    assert math.log(by_integral[0]) == pytest.approx(log_z, abs=1e-6)


def test_gaussian_hidden_units_make_hopfield_couplings():
    """F(v) = −c·v − ½ |Wᵀv + b|² + const: the Hubbard–Stratonovich identity."""
    network = small(("spin", "gaussian"))
    v = torch.tensor(all_states(2), dtype=torch.float64)
    field = v @ network.W + network.b
    quadratic = -(v @ network.c) - field.square().sum(1) / 2
    constant = -1.5 * math.log(2 * math.pi)
    torch.testing.assert_close(network.free_energy(v), quadratic + constant)
    total = torch.logsumexp(-network.free_energy(v), 0)
    torch.testing.assert_close(network.log_partition(), total)


@pytest.mark.parametrize("units", [("gaussian", "spin"), ("spin", "gaussian")])
def test_gradients_are_those_of_the_energy(units):
    network = small(units)
    v, h = (torch.randn(5, n, generator=noise(n), dtype=torch.float64) for n in (2, 3))
    moments = {k: torch.zeros_like(p) for k, p in network.named_parameters()}
    network.accumulate(moments, v, h, 0.3)
    energy = -0.3 * network.energy(v, h).sum()
    expected = torch.autograd.grad(energy, list(network.parameters()))
    for (name, _), gradient in zip(network.named_parameters(), expected, strict=True):
        torch.testing.assert_close(moments[name], gradient, rtol=0, atol=1e-12)


def covariance_score(precision_of_law):
    """Largest z of ⟨v_i v_j⟩ after 30 Gibbs steps of 40 000 chains, against the law."""
    network = small(("gaussian", "spin"))
    h = torch.tensor(all_states(3), dtype=torch.float64)
    weights = torch.softmax(-network.hidden_free_energy(h), 0)
    gamma = network.precision * precision_of_law
    means = network.visible_field(h) / gamma
    second = torch.einsum("s,si,sj->ij", weights, means, means) + torch.eye(2) / gamma
    v = gibbs(network, torch.zeros(40_000, 2).double(), 30, noise=noise(5))
    products = torch.einsum("ni,nj->nij", v, v)
    error = products.std(0) / math.sqrt(len(v))
    return ((products.mean(0) - second).abs() / error).max().item()


def test_gibbs_chains_of_real_units_have_the_exact_moments():
    """z = 4.5: once in 50 000 for three moments; the control is 5 % of γ."""
    assert covariance_score(1.0) < 4.5
    assert covariance_score(1.05) > 4.5


def test_a_machine_of_several_maps_is_enumerated_over_all_of_them():
    network = ConvRBM(filter=2, maps=2).initialised(seed=1, scale=0.4).double()
    v = torch.tensor(all_states(8), dtype=torch.float64).reshape(-1, 2, 4)
    by_visible = torch.logsumexp(-network.free_energy(v), 0)
    exact = network.log_partition(Grid((2, 4)))
    assert exact.item() == pytest.approx(by_visible.item(), abs=1e-11)
    assert np.isfinite(exact.item())
