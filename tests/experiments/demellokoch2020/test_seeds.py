"""One seed makes everything of an exhibit: the same twice, and other from another."""

import pytest
import xarray as xr

from kadanoff.experiments.demellokoch2020 import PAPER
from kadanoff.experiments.reproduce import reproduce

QUICK = ("fig_7", "fig_8", "fig_11", "fig_12", "fig_13", "correlation_length")
WITHOUT_CHANCE = {"fig_13"}
"""White noise and checkerboards as they are in the mean: nothing is drawn."""

EACH = [
    pytest.param(e.name, marks=() if e.name in QUICK else pytest.mark.slow)
    for e in PAPER.exhibits
]


@pytest.mark.parametrize("name", EACH)
def test_the_same_from_the_same_seed_and_other_from_another(name, tmp_path):
    one, same, other = (
        reproduce(PAPER, only=[name], seed=seed, runs=tmp_path / root).data[name]
        for root, seed in (("one", 1), ("same", 1), ("other", 2))
    )
    xr.testing.assert_identical(one, same)
    assert one.equals(other) == (name in WITHOUT_CHANCE)
