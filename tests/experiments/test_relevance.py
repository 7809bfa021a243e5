"""Machines confined to directions stay there, and what the study makes of their KL."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr

from kadanoff.ensemble import Ensemble
from kadanoff.exact.enumerate import log_partition, moments
from kadanoff.experiments import relevance
from kadanoff.experiments.relevance import (
    ALL,
    ARMS,
    FAST,
    Confined,
    collect,
    compute,
    modes_of,
    table,
    time_to_equal,
)
from kadanoff.models.ising import Ising
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.networks.train import train
from kadanoff.samplers.run import sample

SIDE, COUPLING = 4, 0.4
BRIEF = Training(epochs=3, batch=64, learning_rate=0.1, l1=0.0)


@pytest.fixture(scope="module")
def data() -> Ensemble:
    return sample(Ising((SIDE, SIDE)), coupling=COUPLING, draws=4096, chains=64, seed=2)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def study(runs) -> xr.Dataset:
    return compute(FAST, runs=runs)


def directions(count: int, seed: int = 0) -> np.ndarray:
    """Orthonormal columns in random directions."""
    drawn = np.random.default_rng(seed).normal(size=(SIDE**2, SIDE**2))
    return np.linalg.qr(drawn)[0][:, :count]


def outside(W: torch.Tensor, U: np.ndarray) -> float:
    """Largest weight that the directions do not span."""
    w = W.detach().double().numpy()
    return float(abs(w - U @ (U.T @ w)).max())


def test_a_confined_machine_stays_in_its_directions(data):
    U = directions(5)
    start = Confined((SIDE, SIDE), 6, U, seed=1)
    trained = train(start, data, settings=BRIEF, seed=1)
    free = train(RBM((SIDE, SIDE), 6, seed=1), data, settings=BRIEF, seed=1)
    assert outside(start.W, U) < 1e-8
    assert outside(trained.W, U) < 1e-6
    assert abs(trained.W.detach() - start.W.detach()).max() > 0.1
    assert outside(free.W, U) > 0.1


def test_in_all_directions_it_is_the_dense_machine(data):
    """To rounding: in four updates no unit is yet drawn the other way for it."""
    settings = replace(BRIEF, epochs=1, batch=1024)
    start = Confined((SIDE, SIDE), 6, np.eye(SIDE**2), seed=1)
    one = train(start, data, settings=settings, seed=1)
    other = train(RBM((SIDE, SIDE), 6, seed=1), data, settings=settings, seed=1)
    np.testing.assert_allclose(
        one.W.detach().numpy(), other.W.detach().numpy(), atol=1e-6
    )


@pytest.mark.parametrize("biases", [False, True])
def test_its_moments_are_those_of_the_dense_machine_projected(biases):
    U, noise = directions(5), torch.Generator().manual_seed(3)
    confined = Confined((SIDE, SIDE), 6, U).double()
    dense = RBM((SIDE, SIDE), 6).double()
    v = torch.randn((7, SIDE, SIDE), generator=noise, dtype=torch.float64)
    h = torch.randn((7, 6), generator=noise, dtype=torch.float64)
    names = ("W", "b", "c") if biases else ("W",)
    moments_ = [
        {n: torch.ones_like(getattr(dense, n)) for n in names} for _ in range(2)
    ]
    confined.accumulate(moments_[0], v, h, -0.5, keep=0.25)
    dense.accumulate(moments_[1], v, h, -0.5, keep=0.25)
    gradient = moments_[1]["W"].numpy() - 0.25
    np.testing.assert_allclose(
        moments_[0]["W"].numpy(), 0.25 + U @ (U.T @ gradient), atol=1e-6
    )
    for name in names[1:]:
        np.testing.assert_array_equal(
            moments_[0][name].numpy(), moments_[1][name].numpy()
        )


def test_directions_that_are_none_are_refused():
    for wrong in (2 * directions(3), directions(3)[:9], np.ones(16)):
        with pytest.raises(ValueError, match="orthonormal columns"):
            Confined((SIDE, SIDE), 6, wrong)


def test_the_first_mode_is_the_magnetization(data):
    """λ_1 = N ⟨m²⟩ of the exact law, within 5 errors; and it alone is relevant."""
    found = modes_of(data)
    m2 = (data.values.reshape(data.chains, -1, SIDE**2).mean(2) ** 2).mean(1)
    error = SIDE**2 * m2.std(ddof=1) / math.sqrt(data.chains)
    exact = SIDE**2 * moments((SIDE, SIDE), COUPLING).m2
    assert abs(found.variances[0] - exact) < 5 * error
    assert abs(abs(found.vectors[:, 0].sum()) - SIDE) < 0.01
    assert found.variances.sum() == pytest.approx(SIDE**2)
    assert found.relevant == 1
    assert found.relevant + found.irrelevant <= SIDE**2
    assert found.irrelevant > SIDE**2 // 2


def test_independent_spins_have_no_relevant_mode():
    """The edges are asymptotic: at most one of 36 beyond either, by its fluctuation."""
    spins = np.random.default_rng(1).choice([-1, 1], size=(64, 200, 6, 6))
    found = modes_of(Ensemble.from_values(spins.astype(np.int8)))
    assert found.relevant <= 1
    assert found.irrelevant <= 1


def test_arms_are_orthonormal_and_of_their_size(data):
    found, rng = modes_of(data), np.random.default_rng(0)
    sizes = {arm: found.of(arm, rng=rng).shape[1] for arm in ARMS}
    assert sizes[ALL] == 16
    assert sizes["first quarter"] == 4
    assert {sizes[a] for a in ("first half", "random half", "last half")} == {8}
    for arm in ARMS:
        U = found.of(arm, rng=rng)
        np.testing.assert_allclose(U.T @ U, np.eye(U.shape[1]), atol=1e-12)
    halves = found.of("first half", rng=rng), found.of("last half", rng=rng)
    assert abs(halves[0].T @ halves[1]).max() < 1e-12
    with pytest.raises(ValueError, match="an arm is one of"):
        found.of("best", rng=rng)


def test_time_to_equal_is_read_off_planted_curves():
    """KL = A/t of `all`: half the prefactor is half the time, a floor is never."""
    t = np.array([1.0, 2.0, 4.0, 8.0])
    kl = np.stack([1 / t, 0.5 / t, np.full(4, 0.3), 1 / t**2])[None, :, None]
    coordinates = {
        "trial": ["one"],
        "arm": [ALL, "half", "floor", "square"],
        "seed": [0],
        "budget": [1, 2, 4, 8],
    }
    dims = tuple(coordinates)
    spent = np.broadcast_to(t, kl.shape)
    planted = xr.Dataset({"kl": (dims, kl), "updates": (dims, spent)}, coordinates)
    ratio = time_to_equal(planted, "updates", 4).sel(trial="one", seed=0)
    assert float(ratio.sel(arm=ALL)) == 1
    assert float(ratio.sel(arm="half")) == pytest.approx(0.5)
    assert math.isnan(float(ratio.sel(arm="floor")))
    assert float(ratio.sel(arm="square")) == pytest.approx(0.5)
    late = time_to_equal(planted, "updates", 2).sel(trial="one", seed=0)
    assert float(late.sel(arm="floor")) == 0.5


def test_modes_that_carry_the_magnetization_are_not_enough(study):
    """All weights end nearer to the law than the one relevant mode of 4×4."""
    (trial,) = study["trial"].values
    last = study["kl"].sel(trial=trial).isel(budget=-1)
    assert (last.sel(arm="relevant") > 2 * last.sel(arm=ALL)).all()
    coupling = FAST.coupling
    energy = moments((SIDE, SIDE), coupling).energy
    entropy = log_partition((SIDE, SIDE), coupling) / SIDE**2 + coupling * energy
    uniform = math.log(2) - entropy
    # Anticorrelated modes have nothing positive to learn and stay where they were.
    assert float(last.sel(arm="last half").mean()) == pytest.approx(uniform, rel=1e-3)
    assert (study["modes"].sel(trial=trial, arm="relevant") == 1).all()


def test_the_curve_of_every_order_ends_at_the_machine(study):
    kl = study["pruned_kl"].sel(share=1.0)
    assert np.isfinite(kl.values).all()
    assert float((kl.max("order") - kl.min("order")).max()) < 1e-6
    none = study["pruned_kl"].sel(share=0.0)
    assert (none > 5 * kl).all()
    assert (study["class"].sel(direction=1) == 0).all()


def test_a_study_goes_on_where_it_was(study, runs, monkeypatch):
    def never(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr(relevance, "train", never)
    again = compute(FAST, runs=runs)
    xr.testing.assert_equal(study, again)


def test_what_is_not_there_is_not_a_number(tmp_path):
    empty = collect(FAST, runs=tmp_path)
    assert np.isnan(empty["kl"].values).all()
    assert "–" in table(empty)


def test_the_table_has_a_row_for_every_arm_and_order(study):
    shown = table(study)
    for name in (*FAST.arms, *study["order"].values):
        assert f"| {name} |" in shown
    assert "never" in shown
    assert "W 4" in shown
