"""Layers on a scorecard: block spins pass, noise fails, claims follow the numbers."""

import numpy as np
import pytest

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.mehta2014.deep_network import (
    BLOCKS,
    CRITICAL,
    LAYERS,
    LOCAL,
    PAPER,
    UNTRAINED,
)
from kadanoff.experiments.mehta2014.layers import (
    EXHIBIT,
    FAST,
    MAJORITY,
    READINGS,
    aspects,
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Trainings are shared with the tests of the other exhibits of this network."""
    runs = tmp_path_factory.getbasetemp() / "mehta2014-deep-network"
    return EXHIBIT.compute(FAST, Work(1, runs, lambda *_: None))


def test_block_spins_put_in_place_are_majority(found):
    """The arrangement finds units that were only numbered; Kadanoff's rule at p = 4."""
    network, votes = (found.sel(row=r, layer=1) for r in (BLOCKS, MAJORITY))
    assert float(network["shift"]) > 0.97
    assert float(network["width"]) == pytest.approx(float(votes["width"]), abs=0.03)
    assert float(network["width"]) == pytest.approx(1, abs=0.03)
    assert float(network["cost"].fillna(0)) < 1.5


def test_noise_fails_what_block_spins_pass(found):
    passed = aspects(found, BLOCKS, 1)
    assert {"local", "covariant"} <= passed.keys()
    assert all(passed.values())
    noise = aspects(found, UNTRAINED, 1)
    assert noise["local"] is False
    assert noise["covariant"] is False


def test_what_block_spins_do_not_show_is_not_asked(found):
    blind = found.copy(deep=True)
    blind["width"].loc[{"row": BLOCKS}] = np.nan
    assert "local" not in aspects(blind, PAPER, 1)
    names = [CRITICAL if r == LOCAL else r for r in found["row"].values]
    assert "field" not in aspects(found.assign_coords(row=names), CRITICAL, 1)
    assert "field" in aspects(found, LOCAL, 1)


def test_claims_follow_the_numbers(found):
    before = EXHIBIT.checks(found)
    assert len(before) == 1 + 2 * len(LAYERS)
    assert before[0].status is Status.REPRODUCED
    assert before[1].status is Status.NOT
    ideal = found.copy(deep=True)
    for name in READINGS:
        for part in (name, f"{name}_error"):
            ideal[part].loc[{"row": PAPER}] = ideal[part].sel(row=BLOCKS)
            ideal[part].loc[{"row": UNTRAINED}] = ideal[part].sel(row=BLOCKS)
    after = EXHIBIT.checks(ideal)
    assert after[1].status is Status.REPRODUCED
    assert after[0].status is Status.OPEN  # noise that passes calibrates nothing
    once = ideal.assign_coords(seeds=("row", np.ones(ideal.sizes["row"], dtype=int)))
    assert {c.status for c in EXHIBIT.checks(once)[1:]} == {Status.OPEN}


def test_pictures_are_drawn(found):
    (section,) = EXHIBIT.draw(found)
    assert (section.picture or "").startswith("data:image/svg")
    assert [table.header[0] for table in section.tables] == [
        f"layer {level}" for level in LAYERS
    ]
