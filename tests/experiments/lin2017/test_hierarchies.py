"""Inference layer by layer: exact, never gaining, and spoilt data are seen."""

import numpy as np
import pytest

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.lin2017 import hierarchies
from kadanoff.experiments.lin2017.hierarchies import EXHIBIT, FAST, bayes_of_tree
from kadanoff.expressivity.gaussian_hierarchy import (
    gaussian_tree,
    information_along,
    tree_information,
)
from kadanoff.expressivity.hierarchy import leaf_table, symmetric_tree

IN_ORDER = [
    "bayes", "sufficient", "processing", "sky", "nearly", "shape", "stigum",
]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return EXHIBIT.compute(FAST, work)


def status(dataset, which):
    return EXHIBIT.checks(dataset)[IN_ORDER.index(which)].status


def test_what_is_exact_holds(data):
    for which in IN_ORDER:
        if which != "shape":
            assert status(data, which) is Status.REPRODUCED, which


def test_the_shape_helps_and_the_errors_say_how_surely(data):
    """Three seeds: no verdict at four errors is asked for, only its direction."""
    assert status(data, "shape") in (Status.REPRODUCED, Status.OPEN)
    assert (data["gain"] > 0).all()
    assert (data["excess_each"] > 0).all()


def test_listing_histories_is_the_leaf_table_of_the_tree():
    tree = symmetric_tree(2, 3, 0.6)
    leaves, posterior = bayes_of_tree(tree)
    joint = leaf_table(tree) * tree.prior
    np.testing.assert_allclose(
        posterior, joint / joint.sum(axis=1, keepdims=True), rtol=1e-12
    )
    assert leaves.shape == (2**9, 9)
    with pytest.raises(ValueError, match="take a shallower tree"):
        bayes_of_tree(symmetric_tree(3, 3, 0.6))


def test_gaussian_trees_are_those_of_their_chains(data):
    theta = np.sqrt(FAST.rates[0] / 2)
    along = information_along(gaussian_tree(5, 2, theta))[-1]
    assert float(data["normal"].sel(rate=FAST.rates[0], depth=5)) == pytest.approx(
        along, rel=1e-12
    )


def test_bounds_hold_each_other(data):
    assert (data["lower"] <= data["upper"] + 1e-12).all()
    assert float((data["upper"] - data["lower"]).max()) < 0.01
    assert (data["few"] <= float(data["bits"].sel(statistic="exact", level=0))).all()


def test_drawn_skies_know_what_the_quadrature_says(data):
    """Within 4 errors, level 6e-5, where an error is 0.05 bits."""
    exact = float(data["sky"].sel(sky_level="data"))
    error = float(data["sampled_error"])
    assert abs(float(data["sampled"]) - exact) < 4 * error
    assert error < 0.06
    assert (data["band"] < exact).all()


def test_spoilt_data_are_seen(data):
    def spoilt(name, value, **where):
        wrong = data.copy(deep=True)
        wrong[name].loc[where] = value
        return wrong

    assert status(spoilt("bayes_gap", 1e-6, hierarchy="sky"), "bayes") is Status.NOT
    gained = spoilt("bits", 0.9, statistic="exact", level=0)
    assert status(gained, "sufficient") is Status.NOT
    gained = spoilt("bits", 0.9, statistic="majority", level=0)
    assert status(gained, "processing") is Status.NOT
    assert status(spoilt("sky", 3.0, sky_level="data"), "sky") is Status.NOT
    assert status(data.assign(few=0 * data["few"]), "nearly") is Status.NOT
    assert status(spoilt("gain", -1.0, other="flat"), "shape") is Status.NOT
    still = data.assign(lower=0 * data["lower"] + 0.2, upper=0 * data["upper"] + 0.2)
    assert status(still, "stigum") is Status.NOT
    known = data.assign(normal=0 * data["normal"] + 0.2)
    assert status(known, "stigum") is Status.NOT


def test_messages_are_counted_and_their_share_is_said(data):
    """Cut by length and by probability, b bins make more than b values."""
    assert data["values"].values.tolist() == [3, 4, 6, 11, 18, 39]
    check = EXHIBIT.checks(data)[IN_ORDER.index("nearly")]
    whole = float(data["bits"].sel(statistic="exact", level=0))
    share = float(data["few"].sel(bins=20)) / whole
    assert f"of 39 values keep {share:.2%}" in check.ours
    fewer = data.copy(deep=True)
    fewer["few"].loc[{"bins": 20}] *= 0.5
    spoilt = EXHIBIT.checks(fewer)[IN_ORDER.index("nearly")]
    assert spoilt.status is Status.NOT
    assert f"keep {share / 2:.2%}" in spoilt.ours


def test_gaussian_trees_decay_as_their_covariance_does():
    """The slow twin of the depths above: information of the whole joint law."""
    theta = np.sqrt(0.9 / 2)
    bits = [information_along(gaussian_tree(n, 2, theta))[-1] for n in (5, 7)]
    found = [tree_information(n, 2, theta) for n in (5, 7)]
    np.testing.assert_allclose(found, bits, rtol=1e-12)


def test_a_killed_comparison_goes_on_where_it_was(tmp_path, data, monkeypatch):
    real, done = hierarchies.compare_networks, []

    def counted(*args, **settings):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(settings["seeds"])
        return real(*args, **settings)

    work = Work(0, tmp_path, lambda label, done, total: None)
    with monkeypatch.context() as patched:
        patched.setattr(hierarchies, "compare_networks", counted)
        with pytest.raises(KeyboardInterrupt):
            hierarchies._networks(FAST, work)
    third = []

    def last(*args, **settings):
        third.append(settings["seeds"])
        return real(*args, **settings)

    monkeypatch.setattr(hierarchies, "compare_networks", last)
    again = hierarchies._networks(FAST, work)
    assert len(done) == 2
    assert len(third) == 1
    np.testing.assert_array_equal(again["excess_each"], data["excess_each"])


def test_it_draws(data):
    sections = EXHIBIT.draw(data)
    assert len(sections) == 2
    assert all((s.picture or "").startswith("data:image/svg") for s in sections)
