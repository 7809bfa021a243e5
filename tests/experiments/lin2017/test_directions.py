"""Three directions: learned, shuffled and by one layer; spoilt data say so."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from kadanoff.exact.information import mutual_information
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.lin2017 import directions
from kadanoff.experiments.lin2017.directions import (
    EXHIBIT,
    FAST,
    gaussian_classes,
    spin_classes,
)
from kadanoff.randomness import generator

IN_ORDER = ["approximated", "shuffled", "expressed", "softmax", "gaussian"]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)


@pytest.fixture(scope="module")
def data(work):
    return EXHIBIT.compute(FAST, work)


def status(dataset, which):
    return EXHIBIT.checks(dataset)[IN_ORDER.index(which)].status


def test_all_hold(data):
    assert [c.status for c in EXHIBIT.checks(data)] == [Status.REPRODUCED] * 5


def test_the_information_is_that_of_the_table(data, work):
    joint = spin_classes(generator(work.subseed("spins"))).joint()
    assert joint.sum() == pytest.approx(1, abs=1e-12)
    assert float(data["information"]) == pytest.approx(mutual_information(joint))
    assert (data["divergence"] > 0).all()


def test_shuffled_names_miss_the_information_in_every_direction(data):
    """Three readings within 4 errors, level 2e-4; what is learned is 20 errors off."""
    at = data.sel(arm="shuffled", draws=FAST.draws[-1])
    error = np.hypot(at["divergence_error"], float(at["chance"]))
    assert (np.abs(at["divergence"] - data["information"]) < 4 * error).all()
    own = data["divergence"].sel(arm="drawn", draws=FAST.draws[-1])
    assert (np.abs(own - data["information"]) > 20 * error).all()


def test_densities_without_a_hamiltonian_are_those_of_scipy():
    classes = gaussian_classes(np.random.default_rng(1), equal=False)
    x, _ = classes.sample(50, rng=np.random.default_rng(2))
    density = np.stack(
        [
            p * multivariate_normal(m, c).pdf(x)
            for p, m, c in zip(
                classes.prior, classes.means, classes.covariances, strict=True
            )
        ],
        axis=1,
    )
    expected = density / density.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(directions._densities(classes, x), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("which", "arm", "value", "expected"),
    [
        ("approximated", "drawn", 0.5, Status.NOT),
        ("shuffled", "shuffled", 0.0, Status.NOT),
        ("shuffled", "shuffled", 0.9, Status.PARTLY),
        ("expressed", "exact", 0.1, Status.PARTLY),
    ],
)
def test_statuses_follow_the_divergences(data, which, arm, value, expected):
    wrong = data.copy(deep=True)
    wrong["divergence"].loc[{"arm": arm}] = value
    assert status(wrong, which) is expected


def test_a_layer_that_is_off_is_seen_and_so_is_a_control_that_is_not(data):
    for name, value in (("softmax of -H", 1e-6), ("spins, biases shuffled", 0.0)):
        wrong = data.copy(deep=True)
        wrong["layer_error"].loc[{"layer": name}] = value
        assert status(wrong, "softmax") is Status.NOT
    assert status(data.assign(back=1e-3), "gaussian") is Status.NOT


def test_it_draws(data):
    (section,) = EXHIBIT.draw(data)
    assert (section.picture or "").startswith("data:image/svg")
    assert len(section.tables[0].rows) == data.sizes["layer"]
