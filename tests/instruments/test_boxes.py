"""Box counting: sets of known dimension, clusters against a search by hand, T_c."""

import math

import numpy as np
import pytest

import kadanoff as kd
from kadanoff.ensemble import Ensemble
from kadanoff.instruments.boxes import box_counting, count_boxes, largest_cluster

SIDES = (1, 2, 4, 8, 16, 32)


def gasket(n):
    """Pascal's triangle modulo two, 2ⁿ rows: Sierpiński's gasket in its n-th step."""
    row, column = np.indices((2**n, 2**n))
    return (row & column) == 0


def pinned(marked):
    """An ensemble whose spins are up on a set, in each of many configurations."""
    spins = np.where(marked, 1, -1).astype(np.int8)
    return Ensemble.from_values(np.broadcast_to(spins, (4, 2, *spins.shape)))


def up(values):
    return values > 0


@pytest.mark.parametrize(
    ("marked", "dimension"),
    [
        (gasket(6), math.log(3) / math.log(2)),
        (np.ones((64, 64), bool), 2),
        (np.eye(64, dtype=bool), 1),
        (np.arange(4096).reshape(64, 64) == 65, 0),
    ],
    ids=["gasket", "plane", "line", "point"],
)
def test_sets_of_known_dimension_at_every_scale(marked, dimension):
    found = box_counting(pinned(marked), sets=up, sides=SIDES)
    assert found.slopes.value == pytest.approx([dimension] * 5, abs=1e-12)
    assert float(found.dimension.value) == pytest.approx(dimension, abs=1e-12)
    assert found.dimension.error == 0


def test_counts_are_those_of_visiting_every_box():
    marked = np.random.default_rng(1).random((3, 12, 8)) < 0.1
    for side in (1, 2, 4):
        by_hand = [
            sum(
                one[i : i + side, j : j + side].any()
                for i in range(0, 12, side)
                for j in range(0, 8, side)
            )
            for one in marked
        ]
        assert count_boxes(marked, (side,))[:, 0].tolist() == by_hand


def walked(values):
    """The largest cluster by walking from site to site, periodic."""
    n, m = values.shape
    left = set(np.ndindex(n, m))
    best: set = set()
    while left:
        start = min(left)
        cluster, edge = {start}, [start]
        while edge:
            i, j = edge.pop()
            for step in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)):
                at = (step[0] % n, step[1] % m)
                if at in left and at not in cluster and values[at] == values[start]:
                    cluster.add(at)
                    edge.append(at)
        left -= cluster
        best = cluster if len(cluster) > len(best) else best
    return len(best)


def test_the_largest_cluster_is_that_of_a_walk_over_the_torus():
    values = np.random.default_rng(2).choice([-1, 1], size=(40, 7, 9))
    found = largest_cluster(values)
    assert found.sum(axis=(1, 2)).tolist() == [walked(one) for one in values]
    for one, marked in zip(values, found, strict=True):
        assert len(np.unique(one[marked])) == 1


def test_critical_clusters_are_fractal_and_hot_ones_are_not():
    """D of 187/96 within 0.02 at T_c over boxes of 2 to 16 of 64; 3 σ of error < 0.01.

    Boxes near the lattice are all touched, boxes of one site are not yet asymptotic.
    Control: at 1.3 T_c the slope is not the same at all scales.
    """
    shape, asked = (64, 64), (2, 4, 8, 16)
    at_tc, hot = (
        box_counting(
            kd.sample(kd.Ising(shape), coupling=k, draws=512, chains=64, seed=3),
            sides=asked,
        )
        for k in (kd.K_C, kd.K_C / 1.3)
    )
    assert 3 * float(at_tc.dimension.error) < 0.02
    assert float(at_tc.dimension.value) == pytest.approx(187 / 96, abs=0.02)
    bend = hot.slopes.map(lambda s: s[-1] - s[0])
    assert abs(float(bend.value)) > 10 * float(bend.error)
    assert abs(float(bend.value)) > 0.2


@pytest.mark.parametrize("sides", [(1, 3), (2,), (4, 2), (0, 1)])
def test_sides_that_do_not_fit_get_a_sentence(sides):
    with pytest.raises(ValueError, match="rising sides that divide the lattice 64×64"):
        box_counting(pinned(gasket(6)), sides=sides)


def test_an_empty_set_gets_a_sentence():
    with pytest.raises(ValueError, match="at least one site"):
        box_counting(pinned(gasket(4)), sets=lambda v: v > 1)
