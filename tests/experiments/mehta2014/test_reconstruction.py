"""Codes that know nothing, and claims that follow the numbers."""

import numpy as np
import pytest

from kadanoff.experiments.exhibit import Status
from kadanoff.experiments.mehta2014.by_layer import (
    MAGNETIZATION,
    MEAN,
    OTHER,
    WAVES,
    cell,
)
from kadanoff.experiments.mehta2014.deep_network import (
    BLOCKS,
    PAPER,
    UNTRAINED,
)
from kadanoff.experiments.mehta2014.reconstruction import EXHIBIT

SIDE = 16


@pytest.fixture(scope="module")
def found(two_dimensional):
    return two_dimensional("reconstruction")


def test_controls_know_nothing(found):
    """Four errors of two seeds are wide; the numbers themselves are small."""
    last = found["rho"].sel(layer=3, code="means", decoder="own")
    assert abs(float(last.sel(row=OTHER))) < 0.03
    assert abs(float(last.sel(row=MEAN))) < 0.03
    assert float(last.sel(row=UNTRAINED)) < 0.5 * float(last.sel(row=PAPER))
    bits = found["rho"].sel(layer=3, code="bits", decoder="linear", row=UNTRAINED)
    assert abs(float(bits)) < 0.05
    own = found["rho"].sel(code="means", decoder="own")
    assert bool((own.sel(row=BLOCKS) < own.sel(row=WAVES)).all())


def as_blocks(dataset, row=PAPER):
    """A copy in which a row is block means."""
    copy = dataset.copy(deep=True)
    for name in ("rho", "details", "shade"):
        for part in (name, f"{name}_error"):
            copy[part].loc[{"row": row}] = copy[part].sel(row=BLOCKS)
    return copy


def test_claims_follow_the_numbers(found):
    before = EXHIBIT.checks(found)
    assert [c.status for c in before[:2]] == [Status.NOT] * 2
    ideal, deaf = as_blocks(found), found.copy(deep=True)
    assert {c.status for c in EXHIBIT.checks(ideal)} == {Status.REPRODUCED}
    for name in ("rho", "details"):
        deaf[name].loc[{"row": PAPER}] = 0.0
    assert {c.status for c in EXHIBIT.checks(deaf)} == {Status.NOT}


def test_no_more_than_the_magnetization_is_no_reconstruction(found):
    """By the other controls alone, the same ρ would be a part of block means'."""
    same = found.copy(deep=True)
    for part in ("rho", "rho_error"):
        same[part].loc[{"row": PAPER}] = 0.95 * same[part].sel(row=MAGNETIZATION)
    same["rho_error"][:] = 0.001
    assert EXHIBIT.checks(same)[0].status is Status.NOT
    same["rho"].loc[{"row": MAGNETIZATION}] = 0.0
    assert EXHIBIT.checks(same)[0].status is Status.PARTLY


def test_a_claim_on_one_training_is_open(found):
    once = as_blocks(found)
    for name in ("rho", "details", "shade"):
        once[f"{name}_error"].loc[{"row": PAPER}] = np.nan
    seeds = np.where(once["row"] == PAPER, 1, once["seeds"])
    few = EXHIBIT.checks(once.assign_coords(seeds=("row", seeds)))
    assert {c.status for c in few} == {Status.OPEN}
    assert all("one training" in c.reason for c in few)


def test_the_stronger_control_of_the_first_layer_is_named(found):
    """Means of the untrained network, not only its bits, and which of both is more."""
    at = {"code": "means", "decoder": "linear", "layer": 1}
    numbers = [cell(found, "rho", row=row, **at) for row in (UNTRAINED, PAPER)]
    reason = EXHIBIT.checks(found)[3].reason
    assert "more than the" in reason
    assert all(number in reason for number in numbers)
    weak = found.copy(deep=True)
    weak["rho"].loc[{"row": UNTRAINED}] = 0.1
    assert "less than the" in EXHIBIT.checks(weak)[3].reason


def test_pictures_are_drawn(found):
    sections = EXHIBIT.draw(found)
    assert all((s.picture or "").startswith("data:image/svg") for s in sections)
    assert list(found["shown"].values[:2]) == ["input", PAPER]
    assert np.isin(found["picture"].sel(shown="input"), (-1, 1)).all()
    flat = found["picture"].sel(shown=MAGNETIZATION).values
    np.testing.assert_allclose(flat, flat[:, :1, :1] * np.ones((SIDE, SIDE)))
