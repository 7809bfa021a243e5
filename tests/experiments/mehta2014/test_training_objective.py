"""KL falls and ΔF does not: what the arms do, and statuses that respond to data."""

import numpy as np
import pytest
from scipy.special import logsumexp

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.mehta2014 import training_objective as exhibit
from kadanoff.models.ising import Ising
from kadanoff.networks.mapping import hamiltonian


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return exhibit.compute(exhibit.FAST, work)


def statuses(dataset):
    return [check.status for check in exhibit.checks(dataset)]


def test_every_arm_goes_down_its_own(data):
    kl = data["divergence"].sel(arm="KL").values
    change = abs(data["free_energy"].sel(arm="|ΔF|").values)
    assert (np.diff(kl, axis=1) < 0).all()
    assert (np.diff(change, axis=1) < 0).all()
    along = data.sel(arm="KL")["to_divergence"], data.sel(arm="|ΔF|")["to_free_energy"]
    assert max(float(a.max()) for a in along) < 1e-3


def test_all_arms_start_from_the_same_machine(data):
    for name in ("divergence", "free_energy", "spread"):
        first = data[name].isel(step=0)
        np.testing.assert_allclose(first, first.isel(arm=[0] * 3).values, atol=1e-12)
        trained = data[f"trained_{name}"].isel(checkpoint=0)
        # A training stores single precision.
        np.testing.assert_allclose(trained, first.isel(arm=0), atol=1e-5)


def test_small_weights_start_near_the_free_spins(data):
    """ΔF near ln Z − (N_v + N_h) ln 2, which weights of 0.1 change by less than 0.5."""
    H = hamiltonian(Ising(exhibit.SHAPE), exhibit.COUPLING)
    free = logsumexp(-H) - (9 + exhibit.FAST.hidden) * np.log(2)
    first = data["free_energy"].isel(step=0, arm=0).values
    assert (first < free).all()  # ln Z of a machine is least without weights
    assert first == pytest.approx([free] * len(first), abs=0.5)


def test_likelihood_is_followed(data):
    assert statuses(data) == [
        Status.REPRODUCED,
        Status.NOT,
        Status.NOT,
        Status.PARTLY,
    ]


def test_statuses_respond(data):
    swapped = data.copy(deep=True)
    one, other = "mean_to_divergence", "mean_to_free_energy"
    swapped[one], swapped[other] = data[other], data[one]
    assert statuses(swapped)[0] is Status.PARTLY
    equal = data.assign(last_free_energy=data["first_free_energy"] / 10)
    assert statuses(equal)[1] is Status.REPRODUCED
    both = equal.assign(last_divergence=data["first_divergence"] / 10)
    assert statuses(both)[2] is Status.REPRODUCED
    wide = data.assign(last_spread=data["first_spread"] * 2)
    assert statuses(wide)[3] is Status.NOT


def test_pictures_and_tables(data):
    courses, angles = exhibit.draw(data)
    assert str(courses.picture).startswith("data:image/svg+xml")
    assert str(angles.picture).startswith("data:image/svg+xml")
    assert len(courses.tables[0].rows) == 4
