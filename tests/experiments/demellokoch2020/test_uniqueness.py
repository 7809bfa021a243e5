"""The factorised counterexample: exact tables, and what instruments make of samples."""

import math

import numpy as np
import pytest

from kadanoff.coarse.block import Majority
from kadanoff.exact.constants import K_C
from kadanoff.exact.enumerate import all_states, moments
from kadanoff.experiments.demellokoch2020 import uniqueness
from kadanoff.experiments.demellokoch2020.data import drawn
from kadanoff.experiments.demellokoch2020.uniqueness.joint_law import (
    Joint,
    majority_law,
)
from kadanoff.experiments.demellokoch2020.uniqueness.verdicts import (
    ALONE,
    JOINT,
    separation,
)
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.instruments.thermodynamics import energy
from kadanoff.scorecard.subject import of_rule

OBEYS, UNCORRELATED, TOLD, BLIND = range(4)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Work(0, tmp_path_factory.mktemp("uniqueness"), lambda *_: None)


@pytest.fixture(scope="module")
def data(work):
    return uniqueness.compute(uniqueness.FAST, work)


def status(data, place):
    return uniqueness.checks(data)[place].status


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
        assert other.closure(law.visible) < 1e-14
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


def test_the_closure_is_broken_by_another_law_of_the_visible_spins():
    """Σ_h e^T = p̃(v)/p(v): 1 only where p̃ has the p(v) of the data."""
    law, hotter = majority_law(K_C), majority_law(0.9 * K_C)
    assert law.closure(law.visible) < 1e-12
    found = hotter.closure(law.visible)
    assert found == pytest.approx(np.abs(hotter.visible / law.visible - 1).max())
    assert found > 0.1


def test_the_copy_is_drawn_apart_and_of_the_same_law(work):
    """⟨v h⟩ = 0 and ⟨h h⟩ of the nearest blocks within 4 errors: 1e-4 each."""
    rule = Majority(b=2)
    fine, other = (
        drawn(work, (8, 8), 2.6, 4096, purpose=purpose) for purpose in ("one", "two")
    )
    subject = of_rule(rule, fine, seed=1)
    copy = uniqueness.drawn_apart(subject, [other], seed=2)
    assert np.array_equal(copy.fine.data, subject.fine.data)
    assert not np.array_equal(copy.coarse.data, subject.coarse.data)
    own = uniqueness._overlap(copy.fine, copy.coarse)
    assert abs(own.value) < 4 * own.error
    kept = uniqueness._overlap(subject.fine, subject.coarse)
    assert kept.value > 20 * kept.error
    one, two = energy(subject.coarse), energy(copy.coarse)
    # Independent chains, though the copy carries the name of the map's.
    assert abs(one.value - two.value) < 4 * math.hypot(one.error, two.error)


def test_every_level_of_the_copy_is_of_chains_of_its_own(work):
    """⟨h h'⟩ of own blocks between coarse levels: 0 within 4 errors of the copy."""
    fine, *others = (
        drawn(work, (32, 32), 2.6, 1024, purpose=f"level {k}") for k in range(3)
    )
    subject = of_rule(Majority(b=2), fine, seed=1)
    assert len(subject.levels) == 3
    copy = uniqueness.drawn_apart(subject, others, seed=2)
    for level, (one, two) in enumerate(zip(copy.levels, copy.levels[1:], strict=False)):
        own = uniqueness._overlap(one, two)
        assert abs(own.value) < 4 * own.error
        kept = uniqueness._overlap(*subject.levels[level : level + 2])
        assert kept.value > 20 * kept.error


def test_exponents_are_compared_as_eigenvalues(data):
    """y of nothing is any negative number: 2^y is 0 within its error."""
    other = data.copy(deep=True)
    here = {"reading": "exponents: y_H"}
    for side, pair in (("map", (1.875, 0.001)), ("factorised", (-6.0, 5.0))):
        for name, number in zip(("value", "value_error"), pair, strict=True):
            other[name].loc[here | {"side": side}] = number
    gap = 2**1.875 - 2**-6.0
    error = math.log(2) * math.hypot(2**1.875 * 0.001, 2**-6.0 * 5.0)
    found = separation(other, uniqueness.MAJORITY, "exponents: y_H")
    assert found == pytest.approx(gap / error)


def test_only_readings_of_both_layers_separate(data):
    """Beyond five errors; those of one layer below, and not by being the same."""
    for name in map(str, data["map"].values):
        assert separation(data, name, uniqueness.OVERLAP) > 5
        assert separation(data, name, "locality: responding") > 5
        for reading in ("temperature: T by energy, 8×8", "scaling: slope of the ratio"):
            assert 0 < separation(data, name, reading) < 5
    assert uniqueness.tells_apart(data)["yes"] == list(JOINT)


def sharp(data, size=1e-3):
    """Errors so small that every difference of a tenth is seen."""
    new = data.copy(deep=True)
    known = np.isfinite(data["value"].values)
    new["value_error"].values[known] = size
    return new


def alike(data):
    """The copy reads as the map does."""
    new = data.copy(deep=True)
    for name in ("value", "value_error"):
        new[name].loc[{"side": "factorised"}] = data[name].sel(side="map")
    return new


def test_equations_and_correlations_follow_the_numbers(data):
    assert status(data, OBEYS) is Status.REPRODUCED
    assert status(data, UNCORRELATED) is Status.REPRODUCED
    broken = data.copy(deep=True)
    broken["closure"].loc[{"mixture": 0.5}] = 1e-6
    assert status(broken, OBEYS) is Status.NOT
    tied = data.copy(deep=True)
    tied["correlation"].loc[{"mixture": 1.0}] = 0.1
    assert status(tied, UNCORRELATED) is Status.NOT


def test_rows_of_both_layers_tell_or_do_not(data):
    assert status(data, TOLD) is Status.REPRODUCED
    assert status(alike(sharp(data)), TOLD) is Status.NOT
    unread = data.copy(deep=True)
    rows = [r for r in map(str, data["reading"].values) if r.startswith(JOINT)]
    unread["value"].loc[{"reading": rows}] = np.nan
    assert status(unread, TOLD) is Status.OPEN  # a row without readings


def test_rows_of_one_layer_are_blind_only_where_they_could_see(data):
    same = alike(sharp(data))
    assert status(same, BLIND) is Status.REPRODUCED
    assert uniqueness.tells_apart(same)["no"] == [*JOINT, *ALONE]
    other = same.copy(deep=True)
    other["value"].loc[{"side": "factorised", "reading": "couplings: K nn"}] += 9.0
    assert status(other, BLIND) is Status.PARTLY
    assert uniqueness.tells(other, "couplings") is True
    noisy = alike(sharp(data, size=10.0))
    assert status(noisy, BLIND) is Status.OPEN
    unread = same.copy(deep=True)
    rows = [r for r in map(str, data["reading"].values) if r.startswith(ALONE)]
    unread["value"].loc[{"reading": rows}] = np.nan
    assert status(unread, BLIND) is Status.OPEN


def test_a_fit_that_failed_is_no_difference(data):
    other = alike(sharp(data))
    other["value"].loc[{"side": "factorised", "reading": "scaling: Δ_ε"}] = np.nan
    assert uniqueness.tells(other, "scaling") is False


def test_readings_that_were_done_are_read(data, work, monkeypatch):
    monkeypatch.setattr(uniqueness, "_readings", lambda *_: pytest.fail("again"))
    assert uniqueness.compute(uniqueness.FAST, work).identical(data)


def test_pictures_and_tables(data):
    line, rows = uniqueness.draw(data)
    assert (line.picture or "").startswith("data:image/svg+xml")
    assert (rows.picture or "").startswith("data:image/svg+xml")
    assert len(line.tables[0].rows) == 2 * len(uniqueness.MIXTURES)
