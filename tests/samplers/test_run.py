"""What a run promises beside its law: random turns, burn-in, shards, cost."""

from typing import Any

import numpy as np
import pytest

from kadanoff.autocorrelation import integrated_time
from kadanoff.ensemble import unpack
from kadanoff.exact.constants import K_C
from kadanoff.instruments import thermodynamics as thermo
from kadanoff.models.ising import Ising
from kadanoff.models.potts import Potts
from kadanoff.models.xy import XY
from kadanoff.protocols import Model
from kadanoff.samplers.plan import plan_sampling
from kadanoff.samplers.run import sample
from kadanoff.samplers.turning import is_symmetric, turned


def test_the_sign_is_drawn_anew_below_the_critical_temperature():
    """τ of m itself is ½ though the chain never turns over; a field leaves it alone."""
    draw = {"coupling": 0.6, "draws": 6400, "chains": 64, "method": "heat-bath"}
    free = sample(Ising((12, 12)), **draw, spacing=4, seed=1)
    tau, error = integrated_time(thermo.series(free).magnetization)
    assert tau < 0.5 + 4.5 * error
    assert abs(np.sign(thermo.series(free).magnetization).mean()) < 4.5 / np.sqrt(6400)
    held = sample(Ising((12, 12), field=0.5), **draw, spacing=4, seed=1)
    assert thermo.series(held).magnetization.min() > 0


MODELS: list[Model] = [Ising((3, 3)), Potts((3, 3), 4), XY((3, 3))]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_turns_keep_the_energy_and_reach_every_orientation(model):
    """χ² over eight or fewer orientations, level 1e-5."""
    rng = np.random.default_rng(2)
    values = np.repeat(model.hot(1, rng=rng), 4000, axis=0)
    packed = model.alphabet == "pm1"
    rows = np.packbits(values.reshape(4000, -1) > 0, axis=1) if packed else values
    after = turned(rows, model, rng=rng)
    found = unpack(after, (3, 3)) if packed else after
    before = model.observables(values, 1.0)["energy"]
    assert np.allclose(model.observables(found, 1.0)["energy"], before, atol=1e-6)
    first = found.reshape(4000, -1)[:, 0]
    if model.alphabet == "angle":
        counts, _ = np.histogram(first, bins=8, range=(-np.pi, np.pi))
    else:
        _, counts = np.unique(first, return_counts=True)
    expected = 4000 / {"pm1": 2, "potts:4": 4, "angle": 8}[model.alphabet]
    assert len(counts) == round(4000 / expected)
    assert ((counts - expected) ** 2 / expected).sum() < 36


def test_a_field_has_no_turns():
    assert not is_symmetric(Ising((3, 3), field=0.1))
    assert is_symmetric(Ising((3, 3), second=-0.1))


def test_single_clusters_are_burnt_in_by_all_of_them():
    """From a hot start Wolff alone needs thousands of clusters at this side."""
    drawn = sample(Ising((64, 64)), coupling=K_C, draws=640, method="wolff", seed=3)
    assert thermo.energy(drawn).value == pytest.approx(-1.4239, abs=0.01)
    model, rng = Ising((64, 64)), np.random.default_rng(3)
    from kadanoff.samplers.ising import Wolff

    alone = Wolff(model, K_C, 16)
    state = alone.step(alone.init(rng=rng), rng=rng, sweeps=60)
    assert model.energy(alone.spins(state)).mean() > -1.0


SHORT: dict[str, dict[str, Any]] = {
    "one draw": {"chains": 64, "draws": 64, "burn_in": 1000},
    "few chains": {"chains": 7, "draws": 56, "burn_in": 0},
    "one chain": {"chains": 1, "draws": 100, "burn_in": 50},
}


@pytest.mark.parametrize("case", SHORT)
def test_what_cannot_be_tested_needs_the_burn_in_of_the_table(case):
    with pytest.raises(ValueError, match=r"burn_in must|must agree"):
        sample(
            Ising((64, 64)), coupling=K_C, method="heat-bath", spacing=1, **SHORT[case]
        )


def test_metastable_signs_in_a_field_are_refused():
    """Chains started up and down stay there: the sign of m is watched."""
    with pytest.raises(ValueError, match=r"in m |by m |must agree"):
        sample(
            Ising((24, 24), field=0.005), coupling=0.7, draws=6400, chains=64,
            method="heat-bath", spacing=10, burn_in=500,
        )  # fmt: skip


def test_frozen_stripes_are_refused():
    with pytest.raises(ValueError, match=r"stripes|must agree"):
        sample(
            Ising((16, 16), second=-1.0), coupling=0.9, draws=3200, chains=32,
            spacing=10, burn_in=600,
        )  # fmt: skip


def test_one_seed_at_two_couplings_shares_no_number():
    """Chain means of the energy are uncorrelated: level z = 4.5 of 1024 chains."""
    means = [
        thermo.series(
            sample(
                Ising((8, 8)), coupling=k, draws=1024, chains=1024, seed=0,
                method="multispin", spacing=30,
            )
        ).energy.mean(axis=1)
        for k in (0.3, 0.301)
    ]  # fmt: skip
    assert abs(np.corrcoef(*means)[0, 1]) < 4.5 / np.sqrt(1024)
    assert np.corrcoef(means[0], means[0])[0, 1] == pytest.approx(1)


@pytest.mark.parametrize("damage", ["cut", "foreign"])
def test_a_damaged_shard_is_drawn_again(tmp_path, damage):
    draw = {"coupling": 0.3, "draws": 2048, "chains": 1024}
    first = sample(Ising((8, 8)), **draw, runs=tmp_path / "a")
    other = sample(Ising((8, 8)), **draw, seed=7, runs=tmp_path / "b")
    shard = sorted((tmp_path / "a").rglob("shard-*"))[1]
    if damage == "cut":
        shard.write_bytes(shard.read_bytes()[:1000])
    else:
        theirs = sorted((tmp_path / "b").rglob("shard-*"))[1]
        shard.write_bytes(theirs.read_bytes())
    again = sample(Ising((8, 8)), **draw, runs=tmp_path / "a")
    assert np.array_equal(again.data, first.data)
    assert not np.array_equal(other.data, first.data)


def test_the_cost_counts_whole_words_and_every_rung():
    one = plan_sampling(Ising((32, 32)), 0.4, 64, method="multispin", chains=1)
    word = plan_sampling(
        Ising((32, 32)), 0.4, 64 * one.draws, method="multispin", chains=64,
        burn_in=one.burn_in, spacing=one.spacing,
    )  # fmt: skip
    assert one.seconds == pytest.approx(word.seconds)
    tempered = plan_sampling(Ising((8, 8)), 0.4, 64, method="tempering")
    assert tempered.replicas == 64 * len(tempered.ladder) > 64


def test_too_little_memory_is_said_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"need .* GiB of memory"):
        sample(
            Ising((32768, 32768)), coupling=0.3, draws=1, chains=1, method="heat-bath",
            runs=tmp_path,
        )  # fmt: skip
    assert not list(tmp_path.iterdir())
