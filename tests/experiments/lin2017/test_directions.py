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


def test_all_hold_and_two_seeds_leave_open_what_is_near(data):
    found = [c.status for c in EXHIBIT.checks(data)]
    assert found[0] in (Status.REPRODUCED, Status.OPEN)
    assert found[1:] == [Status.REPRODUCED] * 4


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
        ("expressed", "exact", 0.6, Status.NOT),
    ],
)
def test_statuses_follow_the_divergences(data, which, arm, value, expected):
    wrong = data.copy(deep=True)
    wrong["divergence"].loc[{"arm": arm}] = value
    assert status(wrong, which) is expected


@pytest.mark.parametrize(
    ("share", "error", "expected"),
    [
        (0.045, 0.0005, Status.REPRODUCED),
        (0.045, 0.005, Status.OPEN),
        (0.055, 0.005, Status.OPEN),
        (0.055, 0.0005, Status.PARTLY),
    ],
)
def test_a_share_is_near_a_twentieth_or_not_by_its_error(data, share, error, expected):
    near = data.copy(deep=True)
    where = {"arm": "drawn", "draws": FAST.draws[-1]}
    near["divergence"].loc[where] = share * data["information"]
    near["divergence_error"].loc[where] = error * data["information"]
    assert status(near, "approximated") is expected


def test_a_killed_study_goes_on_where_it_was(tmp_path, data, monkeypatch):
    real, done = directions.three_tasks, []

    def counted(*args, **settings):
        if len(done) == 3:
            done.append("killed")
            raise KeyboardInterrupt
        done.append(settings["seed"])
        return real(*args, **settings)

    monkeypatch.setattr(directions, "three_tasks", counted)
    work = Work(0, tmp_path, lambda label, done, total: None)
    with pytest.raises(KeyboardInterrupt):
        directions._learned(FAST, work)
    again = directions._learned(FAST, work)
    assert len(done) == 5  # three, one killed, and the one that was missing
    np.testing.assert_array_equal(again["divergence"], data["divergence"])


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
