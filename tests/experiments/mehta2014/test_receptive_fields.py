"""Block spins and noise are told apart, and claims follow the numbers."""

import math
import re

import numpy as np
import pytest

from kadanoff.experiments.exhibit import Status
from kadanoff.experiments.mehta2014.deep_network import (
    BLOCKS,
    LAYERS,
    LOCAL,
    PAPER,
    STRONG,
    UNTRAINED,
)
from kadanoff.experiments.mehta2014.receptive_fields import EXHIBIT, sentence
from kadanoff.experiments.mehta2014.unit_fields import READINGS

SIDE = 16


@pytest.fixture(scope="module")
def found(two_dimensional):
    return two_dimensional("receptive_fields")


def statuses(dataset, words):
    """Of the checks whose claims have these words, in order."""
    return [c.status for c in EXHIBIT.checks(dataset) if words in c.claim]


def with_readings(dataset, row, *, error=0.0, **values):
    """A copy in which a row has other readings, one for each layer or for all."""
    copy = dataset.copy(deep=True)
    for name, value in values.items():
        copy[name].loc[{"row": row}] = value
        copy[f"{name}_error"].loc[{"row": row}] = error
    return copy


def as_blocks(dataset, row):
    """A copy in which a row is block spins."""
    copy = dataset.copy(deep=True)
    for name in READINGS:
        for part in (name, f"{name}_error"):
            copy[part].loc[{"row": row}] = copy[part].sel(row=BLOCKS)
    return copy


def once(dataset, row):
    """A copy in which a row has one training, and so no errors."""
    copy = with_readings(dataset, row)
    for name in READINGS:
        copy[f"{name}_error"].loc[{"row": row}] = np.nan
    seeds = np.where(copy["row"] == row, 1, copy["seeds"])
    return copy.assign_coords(seeds=("row", seeds))


def test_block_spins_and_noise_are_told_apart(found):
    blocks, noise = (found.sel(row=r, layer=1) for r in (BLOCKS, UNTRAINED))
    assert float(blocks["direct_local"]) > 0.9
    assert float(blocks["direct_patches"]) == 1
    assert float(noise["direct_patches"]) > 5
    assert float(noise["direct_local"]) == float(noise["local"]) == 0
    np.testing.assert_allclose(found["width"].sel(row=BLOCKS), found["exact_width"])
    assert float(found["uniform_width"]) == pytest.approx(SIDE / math.sqrt(6), rel=0.01)


def test_fields_that_are_kept_are_those_that_are_read(found):
    """Of block spins both kinds are their blocks; of noise neither is in one place."""
    kept = found.sel(layer=1, row=BLOCKS)
    for unit in range(found.sizes["unit"]):
        weights, response = (
            kept[name].isel(unit=unit).values for name in ("field", "response_field")
        )
        assert (weights > 0).sum() == 4
        assert (
            abs(response[weights > 0]).min() > 1.5 * abs(response[weights == 0]).max()
        )
    noise = found["response_field"].sel(row=UNTRAINED, layer=1).values
    assert all((abs(n) > abs(n).max() / 2).sum() > 8 for n in noise)


def test_claims_follow_the_numbers(found):
    before = EXHIBIT.checks(found)
    assert before[0].status is Status.NOT  # layer 1 of the paper's training
    assert before[2].status is Status.OPEN  # 8 sites are too many for a lattice of 16
    after = EXHIBIT.checks(as_blocks(found, PAPER))
    assert [c.status for c in after[:2]] == [Status.REPRODUCED] * 2
    assert [c.status for c in after[3:5]] == [Status.REPRODUCED] * 2
    assert all(c.paper and c.ours and c.reason for c in before)


def test_a_claim_on_one_training_is_open(found):
    ideal = as_blocks(found, PAPER)
    assert Status.OPEN not in statuses(ideal, "(paper)") + statuses(ideal, "Layer 1")
    few = once(ideal, PAPER)
    about = statuses(few, "(paper)") + statuses(few, "Layer ")
    assert len(about) == 5
    assert set(about) == {Status.OPEN}
    assert all("one training" in c.reason for c in EXHIBIT.checks(few)[:5])


def test_weights_and_responses_that_disagree_are_partly(found):
    mixed = with_readings(found, PAPER, local=1.0)
    assert statuses(mixed, "Layer 1") == [Status.PARTLY]


@pytest.mark.parametrize(
    ("width", "status"),
    [
        ([1, 1.73, 3.32], Status.REPRODUCED),
        ([10, 10.5, 11], Status.PARTLY),  # wide everywhere
        ([1.9, 1.95, 2.0], Status.PARTLY),  # narrow, but next to no growth
        ([1.9, 3.9, 7.9], Status.REPRODUCED),
        ([1, 3, 2], Status.NOT),
    ],
)
def test_growth_is_that_of_blocks(found, width, status):
    grown = with_readings(found, PAPER, width=width, error=0.01)
    assert statuses(grown, "grow from layer to layer as blocks do (paper)") == [status]


def test_growth_within_errors_is_open(found):
    """Steps of 0.3 where three errors are 0.4, and of 6 that are beyond any doubt."""
    for step, status in ((0.3, Status.OPEN), (6.0, Status.PARTLY)):
        width = 5 + step * np.arange(3)
        grown = with_readings(found, PAPER, width=width, error=0.1)
        assert statuses(grown, "as blocks do (paper)") == [status]


NEAR = {"local": [1.0, 1, 1], "parents": [np.nan, 4, 4], "apart": [np.nan, 2.3, 4.6]}


@pytest.mark.parametrize(
    ("changes", "error", "status"),
    [
        ({}, 0.01, Status.REPRODUCED),
        ({}, 50.0, Status.OPEN),
        ({"local": 0.0}, 0.01, Status.NOT),  # blocks of what is no block
        ({"local": 0.05}, 0.02, Status.OPEN),
        ({"local": 0.5}, 0.01, Status.PARTLY),
        ({"parents": 20.0}, 0.01, Status.PARTLY),
        ({"parents": 20.0, "apart": 6.0}, 0.01, Status.NOT),
    ],
)
def test_blocks_of_blocks_need_blocks_and_errors(found, changes, error, status):
    made = with_readings(found, PAPER, error=error, **(NEAR | changes))
    assert statuses(made, "block of neighbouring blocks (paper)") == [status]


@pytest.mark.parametrize("name", ["parents_error", "apart_error"])
def test_parents_within_errors_are_open(found, name):
    made = with_readings(found, PAPER, error=0.01, **NEAR)
    made[name].loc[{"row": PAPER}] = 50.0
    assert statuses(made, "block of neighbouring blocks (paper)") == [Status.OPEN]


def test_trainings_that_were_made_once_share_one_open_row(found):
    rows = EXHIBIT.checks(found)
    assert len(rows) == 9
    assert [c.status for c in rows if "One change" in c.claim] == [Status.OPEN]
    assert rows[-1].ours.count(" %") == 5
    several = found.assign_coords(seeds=("row", np.full(found.sizes["row"], 2)))
    claims = [c.claim for c in EXHIBIT.checks(several)]
    assert sum("by another training" in claim for claim in claims) == 6
    assert not any("One change" in claim for claim in claims)


def test_controls_are_named_with_their_numbers(found):
    width = f"{float(found['width'].sel(row=UNTRAINED, layer=1)):.2f}"[:3]
    rows = EXHIBIT.checks(found)
    assert all("untrained" in c.reason for c in rows[:7])
    assert width in rows[3].reason


def test_pictures_are_drawn(found):
    sections = EXHIBIT.draw(found)
    assert all((s.picture or "").startswith("data:image/svg") for s in sections)
    assert len(sections[2].tables) == len(LAYERS)
    assert "7.47 sites" in sections[0].text


def test_the_sentence_says_what_each_training_gave(found):
    """Shares of the paper's, of the penalty alone, and of the recipe, in this order."""
    said = sentence(found)
    assert "has no block spins in its first layer: 0 %" in said
    made = with_readings(found, PAPER, local=1.0)
    made["local"].loc[{"row": STRONG}] = 0.25
    made["local"].loc[{"row": LOCAL}] = 0.75
    made["local_error"].loc[{"row": LOCAL}] = 0.05
    turned = sentence(made)
    assert "has block spins in its first layer: 100 %" in turned
    shares = re.findall(r"(\d+) % ?(± \d+)?", turned)
    assert shares == [("100", ""), ("25", ""), ("75", "± 5")]
    assert "25 % with only an L1 of 8e-3 (one training)" in turned
    change = str(found["change"].sel(row=LOCAL).item())
    assert f"75 % ± 5 with an {change}" in turned
    assert turned.count(".") == len(re.findall(r"\d\.\d", turned)) + 1  # one sentence


def test_responses_are_judged_where_those_of_block_spins_are_local(found):
    """In the second layer fast settings do not tell; where they do, it is said."""
    assert "respond" not in sentence(found)
    assert "too noisy" in EXHIBIT.checks(found)[1].reason
    made = with_readings(found, BLOCKS, direct_local=1.0)
    made["direct_local"].loc[{"row": PAPER, "layer": 2}] = 0.85
    made["direct_local_error"].loc[{"row": PAPER, "layer": 2}] = 0.01
    assert "85 % ± 1 of the second layer's respond to one patch" in sentence(made)
    assert "too noisy" not in EXHIBIT.checks(made)[1].reason
