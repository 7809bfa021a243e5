"""⟨s s⟩ at half the side against transfer matrix and critical torus, at five errors."""

from dataclasses import replace

import numpy as np
import pytest

from kadanoff.exact.constants import K_C
from kadanoff.exact.strip import two_point
from kadanoff.exact.torus_cft import spin_correlation
from kadanoff.experiments.demellokoch2020.correlation_length import (
    EXHIBIT,
    FAST,
)
from kadanoff.experiments.exhibit import Status, Work


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    work = Work(1, tmp_path_factory.mktemp("runs"), lambda *_: None)
    few = replace(FAST, temperatures=(1.0, 1.2), sides=(8, 16))
    return EXHIBIT.compute(few, work)


def test_at_half_the_side_of_critical_lattices(found):
    exact = {8: two_point((8, 8), K_C)[4, 0]}
    exact[16] = float(spin_correlation((0, 8), (16, 16)))
    for side, truth in exact.items():
        value, error = (
            float(found[n].sel(side=side)) for n in ("half_of", "half_of_error")
        )
        assert abs(value - truth) < 5 * error
        assert abs(value) > 20 * error  # the paper's zero is seen to be wrong
    here = found.sel(temperature=1.0)
    assert abs(here["half"] - 0.4434) < 5 * here["half_error"]


def test_the_whole_curve_is_the_torus(found):
    here = found.sel(temperature=1.0).isel(r=slice(4, None))
    assert (
        abs(here["correlation"] - here["torus"]) < 5 * here["correlation_error"]
    ).all()


def test_what_is_subtracted_leaves_little(found):
    here = found.sel(temperature=1.0)
    assert 0 < here["one_sided"] < 0.1 * here["half"]


def test_claims_follow_the_data(found):
    dropped, subtracted = EXHIBIT.checks(found)
    assert dropped.status is Status.NOT
    assert subtracted.status in (Status.PARTLY, Status.OPEN)
    sharp = found.assign(one_sided_error=found["one_sided"] * 0 + 1e-4)
    for value, status in (
        (found["half"], Status.NOT),
        (found["half"] / 20, Status.PARTLY),
        (found["half"] * 0, Status.REPRODUCED),
    ):
        changed = sharp.assign(one_sided=value)
        assert EXHIBIT.checks(changed)[1].status is status
        vague = changed.assign(one_sided_error=found["half"] * 0 + 1)
        assert EXHIBIT.checks(vague)[1].status is Status.OPEN
    hot = found.assign_coords(temperature=[1.2, 1.0])
    hot["half"] = hot["half"] * 0 + 1e-3
    hot["half_error"] = hot["half_error"] * 0 + 1e-4
    assert EXHIBIT.checks(hot)[0].status is Status.REPRODUCED
    vague = found.assign(half_error=found["half"] * 0 + 1.0)
    assert EXHIBIT.checks(vague)[0].status is Status.OPEN
    assert np.isfinite(found["half"]).all()


def test_a_picture_is_drawn(found):
    (section,) = EXHIBIT.draw(found)
    assert (section.picture or "").startswith("data:image/svg")
    assert section.tables
