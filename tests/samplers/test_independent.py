"""One frame for all laws that can be drawn from as they stand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2, kstest

from kadanoff.ensemble import unpack
from kadanoff.exact.mean_field import moments
from kadanoff.models.forest_fire import ForestFire
from kadanoff.models.ising import Ising
from kadanoff.models.mean_field import MeanField
from kadanoff.models.phi4 import Phi4
from kadanoff.models.potts import Potts
from kadanoff.models.two_temperatures import TwoTemperatures
from kadanoff.models.xy import XY
from kadanoff.samplers.independent import Independent

CASES: list[tuple[Any, float]] = [
    (MeanField((4, 4)), 1.1),
    (MeanField((4, 4)), math.inf),
    (TwoTemperatures((4, 4)), 0.0),
    (Ising((4, 4)), 0.0),
    (Ising((4, 4), "honeycomb", second=0.5), math.inf),
    (Potts((4, 4), 3), 0.0),
    (Potts((4, 4), 3), math.inf),
    (XY((4, 4)), 0.0),
    (XY((4, 4)), math.inf),
    (Phi4((4, 4), 1.0), 0.0),
]


def draw(model: Any, coupling: float, n: int, seed: int) -> np.ndarray:
    sampler = Independent(model, coupling, replicas=n)
    return sampler.spins(sampler.init(rng=np.random.default_rng(seed)))


@pytest.mark.parametrize(("model", "coupling"), CASES)
def test_a_step_draws_anew_and_none_keeps(model: Any, coupling: float):
    sampler = Independent(model, coupling, replicas=50)
    rng = np.random.default_rng(1)
    state = sampler.init(rng=rng)
    before = sampler.spins(state)
    one, other = (sampler.step(state, rng=np.random.default_rng(2)) for _ in range(2))
    assert (sampler.spins(state) == before).all()
    assert (sampler.spins(one) == sampler.spins(other)).all()
    assert (sampler.spins(one) != before).any()
    assert sampler.step(state, rng=rng, sweeps=0) is state
    assert before.shape == (50, *model.geometry.lattice)


@pytest.mark.parametrize(("model", "coupling"), CASES)
def test_values_start_a_state_and_rows_give_them_back(model: Any, coupling: float):
    values = draw(model, coupling, 6, seed=3)
    sampler = Independent(model, coupling, replicas=6)
    state = sampler.init(rng=np.random.default_rng(4), values=values)
    assert (sampler.spins(state) == values).all()
    rows = sampler.packed(state)
    if model.alphabet == "pm1":
        assert (unpack(rows, model.geometry.lattice) == values).all()
    else:
        assert rows.dtype == (np.uint8 if "potts" in model.alphabet else np.float32)
        assert np.allclose(rows, values)


def test_mean_field_has_the_exact_moments():
    """Within 4.5 errors, level 7e-6 each; K that is 3 % off is not."""
    model, n = MeanField((8, 8)), 100_000
    truth = moments(64, 1.0)

    def scores(coupling: float) -> list[float]:
        series = model.observables(draw(model, coupling, n, seed=5), coupling)
        pairs = ((series["energy"], truth.energy), (series["m_squared"], truth.m2))
        return [abs(x.mean() - t) / (x.std() / math.sqrt(n)) for x, t in pairs]

    assert max(scores(1.0)) < 4.5
    assert min(scores(1.03)) > 6


@pytest.mark.parametrize("q", [2, 3, 5])
def test_ground_states_are_all_alike(q: int):
    """χ² over the q states at level 1e-4; none other comes."""
    model: Any = Ising((4, 4)) if q == 2 else Potts((4, 4), q)
    drawn = draw(model, math.inf, 20_000, seed=6).reshape(20_000, -1)
    assert (drawn == drawn[:, :1]).all()
    counts = np.unique(drawn[:, 0], return_counts=True)[1]
    assert len(counts) == q
    statistic = ((counts - 20_000 / q) ** 2 / (20_000 / q)).sum()
    assert chi2.sf(statistic, q - 1) > 1e-4


def test_ground_states_of_planar_spins_point_anywhere():
    drawn = draw(XY((4, 4)), math.inf, 20_000, seed=7).reshape(20_000, -1)
    assert (drawn == drawn[:, :1]).all()
    uniform = (drawn[:, 0].astype(float) + math.pi) / (2 * math.pi)
    assert kstest(uniform, "uniform").pvalue > 1e-4
    assert kstest(uniform**1.1, "uniform").pvalue < 1e-6


def test_a_field_leaves_one_ground_state():
    drawn = draw(Ising((4, 4), field=-0.1), math.inf, 100, seed=8)
    assert (drawn == -1).all()


@pytest.mark.parametrize(
    ("model", "coupling", "words"),
    [
        (Ising((4, 4)), 0.4, r"at K = 0 .* got 0.4"),
        (Ising((4, 4), second=-0.2), math.inf, "do not oppose .* second = -0.2"),
        (Ising((4, 4)), -math.inf, "finite number, got -inf"),
        (Phi4((4, 4), 1.0), math.inf, "drawn of Ising, Potts and XY models"),
        (ForestFire((4, 4)), 0.0, "'forest-fire' has no law"),
        (TwoTemperatures((4, 4)), 0.4, "has no coupling, got 0.4"),
    ],
)
def test_what_has_no_independent_draws_is_refused(
    model: Any, coupling: float, words: str
):
    with pytest.raises(ValueError, match=words):
        Independent(model, coupling, replicas=1)


def test_bad_values_get_a_sentence():
    sampler = Independent(MeanField((4, 4)), 0.4, replicas=2)
    rng = np.random.default_rng(9)
    with pytest.raises(ValueError, match=r"must have shape .* = \(2, 4, 4\)"):
        sampler.init(rng=rng, values=np.ones((1, 4, 4)))
    with pytest.raises(ValueError, match="are -1 or 1, got 0"):
        sampler.init(rng=rng, values=np.zeros((2, 4, 4)))
    with pytest.raises(ValueError, match="sweeps must be a whole number"):
        sampler.step(sampler.init(rng=rng), rng=rng, sweeps=-1)
