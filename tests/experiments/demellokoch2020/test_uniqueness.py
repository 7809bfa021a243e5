"""The factorised counterexample: exact tables, and what instruments make of samples."""

import math

import numpy as np
import pytest

from kadanoff.exact.constants import K_C
from kadanoff.exact.enumerate import all_states, moments
from kadanoff.experiments.demellokoch2020 import uniqueness
from kadanoff.experiments.demellokoch2020.uniqueness import Joint, majority_law
from kadanoff.experiments.exhibit import Status, Work


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("uniqueness"), lambda *_: None)
    return uniqueness.compute(uniqueness.FAST, work)


def test_any_mixture_has_the_marginals_of_any_law():
    rng = np.random.default_rng(5)
    p = rng.random((16, 4))
    law = Joint(p / p.sum())
    for share in uniqueness.MIXTURES:
        other = law.mixed(share)
        np.testing.assert_allclose(other.visible, law.visible, atol=1e-15)
        np.testing.assert_allclose(other.hidden, law.hidden, atol=1e-15)
        np.testing.assert_allclose(
            other.correlation(), (1 - share) * law.correlation(), atol=1e-15
        )
        assert other.closure() < 1e-14
    assert law.information() > 1e-3
    assert law.mixed(1.0).information() == pytest.approx(0, abs=1e-14)


def test_block_spins_of_free_spins_in_closed_form():
    """⟨v h⟩ = E|S|/4 = 3/8 in the own block; I = ln 2 but for ties, in 4 blocks."""
    law = majority_law(0.0)
    found = law.correlation().reshape(4, 4, 2, 2)
    own = np.kron(np.eye(2), np.ones((2, 1))).reshape(4, 2)
    expected = 0.375 * np.einsum("ra,cb->rcab", own, own)
    np.testing.assert_allclose(found, expected, atol=1e-14)
    assert law.information() == pytest.approx(4 * 10 / 16 * math.log(2), abs=1e-12)


def test_the_visible_law_is_that_of_the_magnet():
    law = majority_law(K_C)
    m = all_states(16).mean(axis=1)
    assert law.visible @ m**2 == pytest.approx(moments((4, 4), K_C).m2, abs=1e-13)


def test_equations_hold_along_the_whole_line(data):
    for name in ("apart_visible", "apart_hidden", "closure"):
        assert float(data[name].max()) < 1e-12
    assert float(data["correlation"].sel(mixture=1.0).max()) < 1e-12
    np.testing.assert_allclose(
        data["correlation"].sel(mixture=0.5),
        data["correlation"].sel(mixture=0.0) / 2,
        rtol=1e-9,
    )
    assert np.all(data["information"].diff("mixture") < 0)


def test_only_readings_of_both_layers_separate(data):
    """Five errors; the same draws in another order read the same to rounding."""
    for name in data["map"].values:
        apart = uniqueness.separation(data, str(name), uniqueness.OVERLAP)
        assert apart > 5
        assert uniqueness.separation(data, str(name), "locality: responding") > 5
        for reading in ("temperature: T by energy, 8×8", "scaling: slope of the ratio"):
            assert uniqueness.separation(data, str(name), reading) < 1e-6


def test_statuses_follow_the_numbers(data):
    assert [c.status for c in uniqueness.checks(data)] == [Status.REPRODUCED] * 4
    alike = data.copy(deep=True)
    alike["value"].loc[{"side": "factorised"}] = data["value"].sel(side="map")
    alike["value_error"].loc[{"side": "factorised"}] = data["value_error"].sel(
        side="map"
    )
    assert uniqueness.checks(alike)[2].status is Status.NOT
    other = data.copy(deep=True)
    other["value"].loc[{"side": "factorised", "reading": "couplings: K nn"}] += 9.0
    assert uniqueness.checks(other)[3].status is Status.NOT
    broken = data.copy(deep=True)
    broken["closure"].loc[{"mixture": 0.5}] = 1e-6
    assert uniqueness.checks(broken)[0].status is Status.NOT
    tied = data.copy(deep=True)
    tied["correlation"].loc[{"mixture": 1.0}] = 0.1
    assert uniqueness.checks(tied)[1].status is Status.NOT


def test_pictures_and_tables(data):
    line, rows = uniqueness.draw(data)
    assert (line.picture or "").startswith("data:image/svg+xml")
    assert (rows.picture or "").startswith("data:image/svg+xml")
    assert len(line.tables[0].rows) == 2 * len(uniqueness.MIXTURES)
