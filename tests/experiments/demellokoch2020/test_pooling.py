"""Pooling and block averages: exact symmetries, and answers that change."""

import numpy as np
import pytest

from kadanoff.experiments.demellokoch2020 import pooling
from kadanoff.experiments.demellokoch2020.pooling import networks
from kadanoff.experiments.demellokoch2020.pooling.networks import (
    DENSE,
    ENDINGS,
    STRIDED,
)
from kadanoff.experiments.demellokoch2020.pooling.verdicts import LEARNED
from kadanoff.experiments.exhibit import Status, Work

SAME, COVARIANT, FLIPS, ROBUST, AVERAGES = range(5)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Work(0, tmp_path_factory.mktemp("pooling"), lambda *_: None)


@pytest.fixture(scope="module")
def data(work):
    return pooling.compute(pooling.FAST, work)


def status(data, place):
    return pooling.checks(data)[place].status


def test_what_an_untrained_network_does_under_shifts():
    """Exact: without pooling the mean forgets places; with it they are blocks of 4."""
    spins = np.random.default_rng(1).choice((-1, 1), (400, 16, 16)).astype(np.int8)
    unmoved = {}
    for name in pooling.NETWORKS:
        network = networks.network_of(name, 16, 5, seed=2).eval()
        scores = [_scores(network, np.roll(spins, d, axis=1)) for d in (0, 1, 2, 4)]
        unmoved[name] = [
            np.allclose(scores[0], other, atol=1e-5) for other in scores[1:]
        ]
    assert unmoved["no pooling, mean"] == [True, True, True]
    # The second pooling is followed by the mean, so that shifts by 2 leave no trace.
    assert unmoved["pooling, mean"] == [False, True, True]
    # A stride forgets whole blocks of 4 alone.
    assert unmoved["stride, mean"] == [False, False, True]
    for name in (*ENDINGS["every place"], STRIDED["every place"][1], DENSE):
        assert unmoved[name] == [False, False, False]


def _scores(network, spins):
    import torch

    with torch.no_grad():
        return network(torch.tensor(spins).float()[:, None]).numpy()


def test_maps_without_chance_commute_with_shifts_exactly(data):
    for m in pooling.MAPS:
        if m != "majority":
            assert data["shift"].sel(map=m).item() == pytest.approx(1, abs=1e-5)
    for m in ("average pooling", "block average", "decimation"):
        assert data["flip"].sel(map=m).item() == pytest.approx(1, abs=1e-12)
    assert data["flip"].sel(map="max pooling").item() < 0.9


def test_pooling_makes_answers_more_robust_only_where_places_are_seen(data):
    changed, moved = data["changed"], data["moved"]
    assert changed.sel(sites=0).max() == 0
    assert moved.sel(network="no pooling, mean") < 1e-3
    assert 1e-3 < moved.sel(network="pooling, mean") < 0.05
    pooled, plain = (moved.sel(network=n).item() for n in ENDINGS["every place"])
    assert pooled < 0.7 * plain
    assert moved.sel(network=DENSE) > 0.1
    parts = changed.sel(sites=[1, 2, 3]).mean("sites")
    np.testing.assert_allclose(moved, parts, atol=1e-12)


def test_accuracy_cannot_tell_shifts(data):
    """A shift moves the dense accuracy by less than 5 %; its answers by a quarter."""
    dense = data["accuracy"].sel(network=DENSE)
    assert float(np.ptp(dense.values)) < 0.05
    pooled = data["accuracy"].sel(network="pooling, mean", sites=0).item()
    assert pooled > 0.4 > 1 / len(pooling.CLASSES)


def test_statuses_follow_the_numbers(data):
    assert status(data, SAME) is Status.REPRODUCED
    assert status(data.copy().assign_attrs(apart=1e-3), SAME) is Status.NOT
    assert status(data, COVARIANT) is Status.REPRODUCED
    assert status(data, FLIPS) is Status.NOT
    other = data.copy(deep=True)
    other["shift"].loc[{"map": LEARNED}] = 0.5
    assert status(other, COVARIANT) is Status.NOT
    other["shift_error"].loc[{"map": LEARNED}] = 0.5
    assert status(other, COVARIANT) is Status.OPEN
    other["flip"].loc[{"map": LEARNED}] = 1.0
    other["flip_error"].loc[{"map": LEARNED}] = 0.0
    assert status(other, FLIPS) is Status.PARTLY
    other["flip"].loc[{"map": "max pooling"}] = 1.0
    other["flip_error"].loc[{"map": "max pooling"}] = 0.0
    assert status(other, FLIPS) is Status.REPRODUCED


def moved(data, values, error=0.01, accuracy=0.6):
    new = data.copy(deep=True)
    for network, value in values.items():
        new["moved"].loc[{"network": network}] = value
        new["moved_error"].loc[{"network": network}] = error
        new["accuracy"].loc[{"network": network}] = accuracy
        new["accuracy_error"].loc[{"network": network}] = 0.001
    return new


def test_robustness_comes_out_all_ways(data):
    first, second = ENDINGS.values()
    fewer = dict(zip((*first, *second), (0.1, 0.3, 0.1, 0.3), strict=True))
    more = dict(zip((*first, *second), (0.3, 0.1, 0.3, 0.1), strict=True))
    alike = dict.fromkeys(fewer, 0.2)
    assert status(moved(data, fewer), ROBUST) is Status.REPRODUCED
    assert status(moved(data, more), ROBUST) is Status.NOT
    assert status(moved(data, alike, error=0.001), ROBUST) is Status.NOT
    assert status(moved(data, fewer | dict.fromkeys(first, 0.2), 0.001), ROBUST) is (
        Status.PARTLY
    )
    assert status(moved(data, fewer, error=0.2), ROBUST) is Status.OPEN


def test_more_is_said_where_more_answers_change(data):
    first, second = ENDINGS.values()
    more = dict(zip((*first, *second), (0.3, 0.1, 0.2, 0.2), strict=True))
    words = pooling.checks(moved(data, more, error=0.001))[ROBUST].reason
    assert "the mean, pooling makes more answers change" in words
    assert "every place, pooling makes as many answers change" in words


@pytest.mark.parametrize("knows", [0.2, 0.9])
def test_networks_that_do_not_know_as_much_are_not_compared(data, knows):
    """A network that knows less, or more, is not called robust for its pooling."""
    pairs = [pair for pair, _ in ENDINGS.values()]
    values = {n: 0.3 for pair in ENDINGS.values() for n in pair}
    other = moved(data, values | dict.fromkeys(pairs, 0.0))
    assert status(other, ROBUST) is Status.REPRODUCED
    for network in pairs:
        other["accuracy"].loc[{"network": network}] = knows
    assert status(other, ROBUST) is Status.OPEN
    assert "not know as much" in pooling.checks(other)[ROBUST].reason


def test_averaging_is_told_from_a_stride_to_the_same_sizes(data):
    first, second = STRIDED.values()
    names = (*first, *second)
    for numbers, word in (
        ((0.1, 0.3, 0.1, 0.3), Status.REPRODUCED),
        ((0.3, 0.1, 0.3, 0.1), Status.NOT),
        ((0.3, 0.1, 0.1, 0.3), Status.PARTLY),
    ):
        other = moved(data, dict(zip(names, numbers, strict=True)))
        assert status(other, AVERAGES) is word
    assert status(moved(data, dict.fromkeys(names, 0.2), 0.2), AVERAGES) is Status.OPEN


def test_a_stride_has_the_sizes_of_pooling():
    for pooled, strided in STRIDED.values():
        one, other = (networks.network_of(n, 16, 5, seed=3) for n in (pooled, strided))
        shapes = [[tuple(p.shape) for p in n.parameters()] for n in (one, other)]
        assert shapes[0] == shapes[1]


def test_trainings_that_were_done_are_read(data, work, monkeypatch):
    monkeypatch.setattr(pooling, "train", lambda *_, **__: pytest.fail("again"))
    assert pooling.compute(pooling.FAST, work).identical(data)


def test_picture_and_tables(data):
    (section,) = pooling.draw(data)
    assert (section.picture or "").startswith("data:image/svg+xml")
    rows = [len(t.rows) for t in section.tables]
    assert rows == [len(pooling.MAPS), 2 * len(pooling.NETWORKS)]
