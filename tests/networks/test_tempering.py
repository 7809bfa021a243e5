"""ln Z by replica exchange: against enumeration, with right errors."""

import numpy as np
import pytest
from networks.small_machines import noise, random_weights, small_machine
from scipy import stats

from kadanoff.geometry import Grid
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.enumeration import enumerated
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.tempering import tempered


@pytest.fixture(autouse=True)
def on_one_core():
    with one_thread():
        yield


MACHINES = {
    "spins": (RBM((3, 3), 6, biases=True), (3, 3)),
    "gaussian visible": (RBM(5, 4, units=("gaussian", "spin")), (5,)),
    "maps": (ConvRBM(maps=2, biases=True), (4, 4)),
}


@pytest.mark.parametrize(("network", "shape"), MACHINES.values(), ids=MACHINES)
def test_tempering_finds_the_partition_function(network, shape):
    """Within 4.5 errors, which are below 0.05."""
    network = random_weights(network, seed=2)
    found = tempered(network, Grid(shape), 32, 5, sweeps=40, settling=20, noise=noise())
    truth = enumerated(network, Grid(shape)).item()
    assert 0 < found.log_partition.error < 0.05
    assert abs(found.log_partition.value - truth) < 4.5 * found.log_partition.error
    assert found.samples.shape == (32, *shape)
    assert ((found.acceptance > 0.2) & (found.acceptance <= 1)).all()


def test_errors_of_tempering_are_right():
    """40 repetitions: Σ pull² is χ² of 40 up to the t law of 32 blocks; p > 1e-4."""
    machine = small_machine()
    truth = enumerated(machine).item()
    found = [
        tempered(
            machine, None, 32, 3, sweeps=6, settling=10, noise=noise(s)
        ).log_partition
        for s in range(40)
    ]
    pulls = np.array([(float(e.value) - truth) / float(e.error) for e in found])
    p = stats.chi2.sf((pulls**2).sum(), 40)
    assert 1e-4 < p < 1 - 1e-4
    assert stats.chi2.sf((4 * pulls**2).sum(), 60) < 1e-4  # half the error is noticed


def test_a_single_ladder_has_no_error_bar():
    with pytest.raises(ValueError, match="at least 2 ladders, got 1"):
        tempered(small_machine(), None, 1, noise=noise())


def test_no_sweep_is_refused():
    with pytest.raises(ValueError, match=r"sweeps ≥ spacing ≥ 1 .* got 1, 2 and 0"):
        tempered(small_machine(), None, 4, sweeps=1, settling=0, noise=noise())
