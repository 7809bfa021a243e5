"""Verdicts on features: spoilt data are seen, and what would be needed is too."""

import numpy as np
import pytest

from kadanoff.experiments.exhibit import Status
from kadanoff.experiments.zoomout.digit_networks import (
    AVERAGED,
    DIGITS,
    PLANTED,
    SHUFFLED,
    UNTRAINED,
)
from kadanoff.experiments.zoomout.digits import PIXELS
from kadanoff.experiments.zoomout.features_checks import checks
from kadanoff.experiments.zoomout.pruning import REMOVED
from kadanoff.experiments.zoomout.survival import PLACES


@pytest.fixture(scope="module")
def data(computed):
    return computed("features")


def status(dataset, claim):
    (found,) = (c.status for c in checks(dataset) if claim in c.claim)
    return found


def test_labels_decide_what_survives(data):
    survival = data["survival"]
    for arm, kept, lost in ((DIGITS, "class", "sign"), (PLANTED, "sign", "class")):
        assert float(survival.sel(arm=arm, group=kept)) > 1
        assert float(survival.sel(arm=arm, group=lost)) < 0.5
    assert status(data, "matter of scale") is Status.NOT
    same = data.copy(deep=True)
    same["size"].loc[{"arm": PLANTED}] = data["size"].sel(arm=DIGITS).values
    assert status(same, "matter of scale") is Status.REPRODUCED


def test_noise_that_does_not_die_is_seen(data):
    assert status(data, "discarded") is Status.REPRODUCED
    alive = data.copy(deep=True)
    for name in ("size", "step"):
        alive[name].loc[{"arm": DIGITS}] = data[name].sel(arm=UNTRAINED).values
    assert status(alive, "discarded") is Status.NOT
    assert status(alive, "kept and enhanced") is not Status.NOT


def test_class_directions_that_die_like_all_others_are_seen(data):
    assert status(data, "kept and enhanced") in (Status.REPRODUCED, Status.PARTLY)
    alike = data.copy(deep=True)
    dead = data["size"].sel(arm=DIGITS, group="noise").values
    for group in ("class", "any"):
        alike["size"].loc[{"arm": DIGITS, "group": group}] = dead
    assert status(alike, "kept and enhanced") is Status.NOT


def test_controls_are_seen_to_do_it_in_part_and_a_network_like_them_has_learned_none(
    data,
):
    assert status(data, "not the zooming out alone") is Status.PARTLY
    blind = data.copy(deep=True)
    blind["size"].loc[{"arm": DIGITS}] = data["size"].sel(arm=AVERAGED).values
    assert status(blind, "not the zooming out alone") is Status.NOT
    flat = data.copy(deep=True)
    for arm in (SHUFFLED, UNTRAINED, AVERAGED):
        flat["size"].loc[{"arm": arm}] = 1.0
    assert status(flat, "not the zooming out alone") is Status.REPRODUCED


def test_growth_that_is_the_same_in_each_step_would_be_reproduced(data):
    assert status(data, "property of the direction") is Status.NOT
    rng = np.random.default_rng(7)
    same = data.copy(deep=True)
    shape = same["step"].shape
    same["step"][:] = 0.7 * np.exp(0.001 * rng.normal(size=shape))
    assert status(same, "property of the direction") is Status.REPRODUCED
    same["step"][:] = 0.7 * np.exp(0.3 * rng.normal(size=shape))
    assert status(same, "property of the direction") is Status.OPEN


def test_classes_of_directions_follow_the_numbers(data):
    rng = np.random.default_rng(8)
    clear = data.copy(deep=True)
    for name in ("kernel_1", "kernel_2"):
        shape = clear[name].shape
        split = np.where(np.arange(shape[-1]) % 2, 2.0, 0.5)
        clear[name][:] = split * np.exp(0.001 * rng.normal(size=shape))
    clear["response"][:] = 1.0
    shape = clear["response"].shape
    wide = np.where(np.arange(PIXELS) % 2, 2.0, 0.5) * np.exp(
        0.001 * rng.normal(size=(*shape[:2], PIXELS))
    )
    clear["response"].loc[{"level": "1×1"}] = wide
    assert status(clear, "relevant or irrelevant") is Status.REPRODUCED
    clear["response"].loc[{"level": "1×1"}] = np.minimum(wide, 0.6)
    assert status(clear, "relevant or irrelevant") is Status.PARTLY
    dead = clear.copy(deep=True)
    for name in ("kernel_1", "kernel_2"):
        dead[name][:] = np.minimum(clear[name].values, 0.6)
    assert status(dead, "relevant or irrelevant") is Status.NOT


@pytest.mark.parametrize("place", PLACES)
def test_what_may_be_left_out_is_judged_by_what_it_costs(data, place):
    loss = data["loss"].sel(place=place, removed=0.5).mean("seed")
    assert float(loss.sel(order="least surviving")) < 0.1
    assert float(loss.sel(order="most surviving")) > 0.2
    costly = data.copy(deep=True)
    costly["loss"].loc[{"removed": list(REMOVED[1:])}] = 0.3
    assert status(costly, f"left out ({place})") is Status.NOT
    free = data.copy(deep=True)
    for order, cost in (("least surviving", 0.0), ("random", 0.2)):
        free["loss"].loc[{"order": order, "removed": 0.5}] = cost
    free["loss"].loc[{"order": "most surviving", "removed": 0.5}] = 0.5
    assert status(free, f"left out ({place})") is Status.REPRODUCED
    free["loss"].loc[{"order": "least surviving", "removed": 0.5}] = 0.05
    assert status(free, f"left out ({place})") is Status.PARTLY
    nothing = data["loss"].sel(removed=REMOVED[0])
    assert (nothing == 0).all()
