"""The certificate passes equilibrium at its level and sees what is not equilibrium."""

from typing import Any

import numpy as np
import pytest

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C
from kadanoff.models.ising import Ising
from kadanoff.samplers.certificate import certify, observables
from kadanoff.samplers.plan import plan_sampling
from kadanoff.samplers.run import sample


def autoregressive(chains, draws, *, phi=0.5, seed=0):
    rng = np.random.default_rng(seed)
    x = np.empty((chains, draws))
    x[:, 0] = rng.standard_normal(chains) / np.sqrt(1 - phi**2)
    for t in range(1, draws):
        x[:, t] = phi * x[:, t - 1] + rng.standard_normal(chains)
    return x


def refused(series):
    try:
        certify({"energy": series}, burn_in=12, advice="now")
    except ValueError as refusal:
        return str(refusal)
    return ""


@pytest.mark.parametrize("shape", [(64, 20), (8, 100), (4, 400), (1024, 2)], ids=str)
def test_equilibrium_is_refused_at_the_level(shape):
    """300 runs, three tests at 1e-4: more than 3 refusals have probability 4e-6."""
    runs = [autoregressive(*shape, seed=seed) for seed in range(300)]
    assert sum(bool(refused(x)) for x in runs) <= 3


def test_hot_and_cold_that_differ_are_refused():
    x = autoregressive(64, 20)
    x[1::2] += 1.0  # six standard errors of the difference
    assert "hot and cold must agree" in refused(x)


def test_a_common_drift_is_refused():
    x = autoregressive(64, 20)
    assert "second half" in refused(x + np.linspace(1, 0, 20))


def test_chains_frozen_apart_are_refused():
    means = np.random.default_rng(1).standard_normal((6, 1))
    moving = 5 * means + autoregressive(6, 100, phi=0.0)
    assert "R̂" in refused(moving)
    assert "R̂" in refused(np.repeat(means, 100, axis=1))


def test_what_cannot_be_tested_is_not_called_passed():
    found = certify({"energy": autoregressive(1, 8)}, burn_in=12, advice="")
    assert found["hot_cold_p"] == {"energy": None}
    assert found["drift_p"] == {"energy": None}
    assert found["r_hat"] == {"energy": None}


def test_all_chains_in_the_ground_state_are_equilibrium():
    assert refused(np.full((64, 20), -2.0)) == ""


def test_the_staggered_order_of_an_antiferromagnet_is_watched():
    model = Ising((4, 4))
    board = model.cold(1, -0.4)[None]
    ensemble = Ensemble.from_values(board, couplings={"K": -0.4})
    found = observables(ensemble, model)
    assert found["m_squared"] == 0
    assert found["staggered_m_squared"] == 1
    assert found["energy"] == 2


SHORT: dict[str, tuple[float, int, dict[str, Any]]] = {
    "K_c": (K_C, 512, {"spacing": 1, "burn_in": 2}),
    "ordered": (0.6, 128, {"spacing": 10, "burn_in": 20}),
    "antiferromagnet": (-0.6, 128, {"spacing": 10, "burn_in": 20}),
    "no burn-in": (K_C, 256, {"spacing": 2, "burn_in": 0}),
}


@pytest.mark.parametrize("case", SHORT)
def test_short_runs_are_refused(case):
    coupling, chains, times = SHORT[case]
    with pytest.raises(ValueError, match=r"must agree|burn-in must be"):
        sample(
            Ising((32, 32)), coupling=coupling, draws=8 * chains, chains=chains,
            method="multispin", seed=1, **times,
        )  # fmt: skip


def test_frozen_metropolis_is_refused():
    with pytest.raises(ValueError, match=r"must agree|burn-in must be"):
        sample(
            Ising((16, 16)), coupling=2.0, draws=1280, chains=64, seed=1,
            method="metropolis",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "coupling"),
    [
        ((32, 32), K_C), ((32, 32), 0.5), ((16, 16), -K_C), ((16, 16), 0.0),
        ((64,), 1.0), ((8, 8, 8), 0.2216), ((5, 7), -0.5), ((16, 16), 2.0),
    ],
    ids=str,
)  # fmt: skip
def test_the_table_behind_auto_gives_certified_and_nearly_independent_draws(
    shape, coupling
):
    """τ stays near one draw; a spacing four times too short gives two at K_c."""
    drawn = sample(Ising(shape), coupling=coupling, draws=5120, seed=2)
    assert drawn.tau < 1.4
    assert drawn.tau == max(drawn.history[0]["equilibrium"]["tau"].values())


METHODS = {
    "critical": ((32, 32), K_C, "multispin"),
    "ordered": ((32, 32), 0.5, "swendsen-wang"),
    "large": ((256, 256), K_C, "wolff"),
    "enormous": ((2048, 1024), 0.3, "bit-packed"),
    "frustrated": ((5, 5), -1.0, "heat-bath"),
    "hot": ((32, 32), 0.05, "heat-bath"),
    "ring": ((64,), 1.0, "swendsen-wang"),
    "cube": ((8, 8, 8), 0.2, "swendsen-wang"),
}


@pytest.mark.parametrize("case", METHODS)
def test_auto_chooses_by_the_frozen_table(case):
    shape, coupling, method = METHODS[case]
    assert plan_sampling(Ising(shape), coupling, 1000).method == method


def test_more_than_the_memory_is_refused_with_the_amount():
    with pytest.raises(ValueError, match="GiB of memory"):
        plan_sampling(Ising((8, 8)), 0.4, 10**12)
    with pytest.raises(ValueError, match="GiB of memory"):
        plan_sampling(Ising((10**6, 10**6)), 0.4, 1)


def test_burn_in_is_measured_in_decay_times_not_in_draws():
    """Independent draws ask for none; φ = 0.9 (τ_exp = 9.5 draws) for about 47."""
    independent = {"energy": autoregressive(64, 200, phi=0.0)}
    assert certify(independent, burn_in=0.5, advice="")["tau"]["energy"] < 0.6
    slow = {"energy": autoregressive(64, 2000, phi=0.9)}
    assert certify(slow, burn_in=52, advice="")["tau"]["energy"] == pytest.approx(
        9.5, 0.1
    )
    with pytest.raises(ValueError, match="burn-in must be at least"):
        certify(slow, burn_in=38, advice="")
