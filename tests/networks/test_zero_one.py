"""Units of 0 and 1: the same probabilities, state by state, in double precision."""

import numpy as np
import pytest
import torch

from kadanoff.exact.enumerate import all_states
from kadanoff.geometry import Grid
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.rbm import RBM
from kadanoff.networks.zero_one import from_zero_one, to_zero_one


def machine(seed=1):
    network = RBM((2, 3), 4, biases=True).double()
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(generator=noise).mul_(0.6)
    return network


def law_of_zero_one(W, b, c):
    """p(x) of e^{xᵀWy + b·y + c·x} for all 2^6 states x, by a sum over y."""
    x, y = ((1 + all_states(n)) // 2 for n in (6, 4))
    energies = x @ W @ y.T + y @ b + (x @ c)[:, None]
    weights = np.exp(energies).sum(axis=1)
    return weights / weights.sum()


def law(network):
    v = torch.tensor(all_states(6), dtype=torch.float64).reshape(-1, 2, 3)
    with torch.no_grad():
        return network.log_likelihood(v).exp().numpy()


def test_all_probabilities_are_equal():
    network = machine()
    np.testing.assert_allclose(
        law_of_zero_one(*to_zero_one(network)), law(network), rtol=1e-12
    )


@pytest.mark.parametrize("which", [0, 1, 2], ids=["weights", "hidden", "visible"])
def test_a_parameter_that_is_not_converted_is_noticed(which):
    network = machine()
    parameters = list(to_zero_one(network))
    plain = (network.W, network.b, network.c)[which]
    parameters[which] = plain.detach().numpy()
    wrong = law_of_zero_one(*parameters)
    assert np.abs(wrong / law(network) - 1).max() > 0.1


def test_there_and_back_is_the_same_machine():
    network = machine()
    back = from_zero_one(*to_zero_one(network), visible=(2, 3))
    assert back.describe() == network.describe()
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(getattr(back, name), parameter, rtol=0, atol=1e-14)


def test_a_machine_of_another_program_has_the_same_law_here():
    rng = np.random.default_rng(2)
    W, b, c = (rng.normal(size=shape) for shape in ((6, 4), 4, 6))
    network = from_zero_one(W, b, c, visible=Grid((2, 3)))
    np.testing.assert_allclose(law(network), law_of_zero_one(W, b, c), rtol=1e-12)


def test_conditional_means_are_those_of_the_logistic_function():
    network = machine()
    W, b, _ = to_zero_one(network)
    v = all_states(6)
    expected = 1 / (1 + np.exp(-((1 + v) / 2 @ W + b)))
    mean = network.hidden_mean(network.tensor(v)).detach().numpy()
    np.testing.assert_allclose((1 + mean) / 2, expected, rtol=1e-12)


def test_no_bias_of_spins_is_a_bias_here():
    """Why the border is drawn: the flip is not a symmetry one can see in x."""
    W, b, c = to_zero_one(RBM(6, 4, seed=1))
    np.testing.assert_allclose(b, -W.sum(axis=0) / 2, rtol=1e-12)
    np.testing.assert_allclose(c, -W.sum(axis=1) / 2, rtol=1e-12)


def test_what_has_no_such_form_is_refused():
    for wrong in (ConvRBM(), RBM(4, 2, units=("gaussian", "spin"))):
        with pytest.raises(ValueError, match="dense machine of spins, got"):
            to_zero_one(wrong)
    with pytest.raises(ValueError, match=r"got shapes \(6, 4\), \(6,\) and \(4,\)"):
        from_zero_one(np.ones((6, 4)), np.ones(6), np.ones(4))
    with pytest.raises(ValueError, match="finite numbers"):
        from_zero_one(np.full((6, 4), np.nan), np.ones(4), np.ones(6))
    with pytest.raises(ValueError, match="of 6 visible units, got a layer of 9"):
        from_zero_one(np.ones((6, 4)), np.ones(4), np.ones(6), visible=(3, 3))
