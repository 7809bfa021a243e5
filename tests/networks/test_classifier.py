"""The classifier of temperatures: by loops, against Bayes, and as a coarse-graining."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.handed_over import ModuleRule
from kadanoff.ensemble import Ensemble
from kadanoff.exact.kaufman import torus
from kadanoff.models.ising import Ising
from kadanoff.networks.classifier import (
    FLIPS,
    Classifier,
    Practice,
    accuracy,
    train_classifier,
)
from kadanoff.networks.products import one_thread
from kadanoff.networks.weights import save
from kadanoff.samplers.run import sample
from kadanoff.sweep import Sweep
from kadanoff.symmetry import Symmetry

SHAPE = (8, 8)
COUPLINGS = (0.3, 0.44, 0.6)
QUICK = Practice(epochs=1)
UNTURNED = Symmetry()


@pytest.fixture(autouse=True)
def _on_one_core():
    with one_thread():
        yield


def drawn(seed, draws=1920, couplings=COUPLINGS):
    return [
        sample(
            Ising(SHAPE),
            coupling=k,
            draws=draws,
            chains=64,
            seed=seed + 10 * place,
            workers=1,
        )
        for place, k in enumerate(couplings)
    ]


@pytest.fixture(scope="module")
def lessons():
    return drawn(1)


@pytest.fixture(scope="module")
def fresh():
    return drawn(2)


@pytest.fixture(scope="module")
def trained(lessons):
    return train_classifier(lessons, settings=Practice(epochs=8), seed=3)


def posterior(values, factor=1.0):
    """p(K | s) of equally frequent couplings, exactly: all that counts is the energy.

    p(s | K) = exp(K Σ s s') / Z(K), the couplings wrong by a factor if one is given.
    """
    couplings = factor * np.array(COUPLINGS)
    s = values.astype(int)
    bonds = (s * np.roll(s, 1, -1) + s * np.roll(s, 1, -2)).sum((-2, -1))
    log_z = [torus(SHAPE, k).log_partition for k in couplings]
    logits = bonds[:, None] * couplings - log_z
    return np.exp(logits - np.logaddexp.reduce(logits, 1)[:, None])


def excess(network, ensembles, truth=posterior):
    """Nats by which -ln p of the right class is above that of Bayes, and its error."""
    chains = []
    for k, e in enumerate(ensembles):
        v = e.values.reshape(-1, *SHAPE)
        own = np.log(truth(v)[:, k]) - np.log(network.probabilities(v)[:, k])
        chains.append(own.reshape(e.chains, e.draws).mean(1))
    spread = [c.var(ddof=1) / len(c) for c in chains]
    return np.mean(chains), math.sqrt(sum(spread)) / len(chains)


def by_loops(network, spins):
    """The scores of one configuration, site by site."""
    x = spins[None].astype(float)
    for layer in (network.conv1, network.conv2):
        weight, bias = (p.detach().double().numpy() for p in layer.parameters())
        maps, (rows, columns) = len(weight), x.shape[1:]
        fields = np.zeros((maps, rows, columns))
        for m, i, j in np.ndindex(maps, rows, columns):
            around = x[:, np.arange(i - 1, i + 2) % rows][
                ..., np.arange(j - 1, j + 2) % columns
            ]
            fields[m, i, j] = bias[m] + (weight[m] * around).sum()
        kept = np.maximum(fields, 0).reshape(maps, rows // 2, 2, columns // 2, 2)
        x = kept.mean((2, 4))
    weight, bias = (p.detach().double().numpy() for p in network.linear.parameters())
    return weight @ x.mean((1, 2)) + bias


@pytest.mark.parametrize("shape", [(4, 4), (8, 12), (16, 8)])
def test_scores_are_those_of_loops_on_any_lattice(shape):
    network = Classifier(COUPLINGS, seed=5).double()
    with torch.no_grad():
        for p in network.parameters():
            p.add_(0.1)  # biases too
    spins = np.random.default_rng(6).choice([-1, 1], (3, *shape)).astype(np.int8)
    found = np.log(network.probabilities(spins))
    wanted = np.array([by_loops(network, one) for one in spins])
    wanted -= np.logaddexp.reduce(wanted, 1)[:, None]
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_shifts_by_pooled_sites_change_no_score():
    """The torus has no edge; odd shifts exchange what is pooled, and do."""
    network = Classifier(COUPLINGS, seed=5).double()
    spins = np.random.default_rng(6).choice([-1, 1], (3, *SHAPE))
    here = network.probabilities(spins)
    for shift in ((2, 0), (0, 6), (4, 2)):
        there = network.probabilities(np.roll(spins, shift, (1, 2)))
        np.testing.assert_allclose(there, here, atol=1e-13)
    odd = network.probabilities(np.roll(spins, 1, 1))
    assert abs(odd - here).max() > 1e-6


def test_it_ends_near_what_bayes_can_know_and_not_above(trained, fresh):
    """The excess is a KL divergence, so positive; noticed from -0.01 on, at 4.5 σ."""
    above, error = excess(trained, fresh)
    assert error < 0.01
    assert -4.5 * error < above < 0.03


def test_a_posterior_of_wrong_couplings_is_seen(trained, fresh):
    """The control: with couplings a sixth too high Bayes is beaten by the network."""
    above, error = excess(trained, fresh, lambda values: posterior(values, 7 / 6))
    assert above < -4.5 * error


def test_wrong_labels_teach_nothing(lessons, fresh):
    """Ensembles of one law under three names: no better than a guess, ln 3."""
    alike = [
        replace(lessons[1].select(slice(20 * k, 20 * k + 20)), couplings={"K": k + 1.0})
        for k in range(3)
    ]
    network = train_classifier(alike, settings=Practice(epochs=3), seed=3)
    assert abs(min(network.record["held_out"]) - math.log(3)) < 0.02
    values = fresh[1].values.reshape(-1, *SHAPE)
    # 1920 configurations, mean p over them: 1/3 but for what noise taught
    assert abs(network.probabilities(values).mean(0) - 1 / 3).max() < 0.1


def test_accuracy_is_that_of_bayes_on_fresh_chains(trained, fresh):
    """Within 4.5 errors and a hundredth of the best there is; 1/3 is a guess."""
    found = accuracy(trained, fresh)
    right = [
        posterior(e.values.reshape(-1, *SHAPE)).argmax(1) == k
        for k, e in enumerate(fresh)
    ]
    assert float(found.error) < 0.01
    assert abs(float(found.value) - np.mean(right)) < 4.5 * float(found.error) + 0.01
    by_hand = [
        trained.probabilities(e.values.reshape(-1, *SHAPE)).argmax(1) == k
        for k, e in enumerate(fresh)
    ]
    assert float(found.value) == pytest.approx(np.mean(by_hand), abs=1e-12)
    assert len(found.replicates) == len(COUPLINGS)


def one_sided(ensemble):
    """Every configuration turned so that most of its spins are up."""
    values = ensemble.values
    up = np.where(values.sum((2, 3), keepdims=True) < 0, -values, values)
    return Ensemble.from_values(up, couplings=ensemble.couplings)


def test_flips_make_it_z2_symmetric_and_their_lack_does_not(lessons, fresh):
    data = [one_sided(e) for e in lessons]
    seen = fresh[2].values.reshape(-1, *SHAPE)
    apart = {}
    for name, symmetry in (("flipped", FLIPS), ("as they are", UNTURNED)):
        practice = Practice(symmetry=symmetry)
        network = train_classifier(data, settings=practice, seed=3)
        p, q = network.probabilities(seen), network.probabilities(-seen)
        apart[name] = abs(p - q).sum(1).mean() / 2  # total variation distance
    assert apart["flipped"] < 0.1
    assert apart["as they are"] > 3 * apart["flipped"]


def test_a_seed_makes_the_training_and_nothing_else_does(lessons):
    state = torch.get_rng_state()
    one, again, other = (
        train_classifier(lessons, settings=QUICK, seed=seed) for seed in (3, 3, 4)
    )
    assert torch.equal(torch.get_rng_state(), state)
    for p, q, r in zip(
        one.parameters(), again.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(p, q)
        assert not torch.equal(p, r)


def test_held_out_chains_are_not_learned_from(lessons):
    """The last quarter of the chains may be anything, and the first may not."""

    def scrambled(e, chains):
        values = e.values.copy()
        values[chains] = -np.abs(values[chains])
        return Ensemble.from_values(values, couplings=e.couplings)

    def weights(ensembles):
        return train_classifier(ensembles, settings=QUICK, seed=3).linear.weight

    truth = weights(lessons)
    held_out = weights([scrambled(e, slice(48, 64)) for e in lessons])
    learned = weights([scrambled(e, slice(0, 48)) for e in lessons])
    assert torch.equal(truth, held_out)
    assert not torch.equal(truth, learned)


def test_it_stops_early_and_keeps_the_best_weights(lessons):
    """Few configurations and many epochs: it overfits, and is not kept so."""
    few = [e.select(slice(0, 8)).stretches(1, 1)[0] for e in lessons]
    practice = Practice(epochs=200, batch=8, learning_rate=0.03, patience=4)
    told = []
    network = train_classifier(
        few, settings=practice, seed=3, progress=lambda *done: told.append(done)
    )
    costs = network.record["held_out"]
    assert len(costs) < 200
    assert costs.argmin() == len(costs) - 1 - practice.patience
    assert told == [(k + 1, 200) for k in range(len(costs))]
    parts = [e.split(3, 1)[1] for e in few]
    own = [
        network.probabilities(e.values.reshape(-1, *SHAPE))[:, k]
        for k, e in enumerate(parts)
    ]
    assert -np.log(np.concatenate(own)).mean() == pytest.approx(min(costs), abs=1e-9)


def test_its_first_pooling_layer_is_a_coarse_graining(trained, fresh):
    """Four maps of real values: means over 2×2 sites of what the filters pass."""
    rule = ModuleRule(trained, layer="pool1", output="mean")
    some = fresh[1].select(slice(0, 3))
    coarse = coarsen(rule, some, seed=1)
    assert coarse.alphabet == "real"
    assert coarse.features == 4
    assert coarse.geometry == some.grid.coarsened(2)
    assert coarse.values.shape == (3, some.draws, 4, 4, 4)
    spins = some.values[2, 1].astype(float)
    weight, bias = (p.detach().numpy() for p in trained.conv1.parameters())
    for m in range(4):
        field = bias[m] + sum(
            weight[m, 0, i, j] * np.roll(spins, (1 - i, 1 - j), (0, 1))
            for i, j in np.ndindex(3, 3)
        )
        means = np.maximum(field, 0).reshape(4, 2, 4, 2).mean((1, 3))
        np.testing.assert_allclose(coarse.values[2, 1, m], means, atol=1e-5)
    one = coarsen(ModuleRule(trained, layer="pool1", output="mean", map=2), some)
    np.testing.assert_array_equal(one.values, coarse.values[:, :, 2])


def test_a_sweep_is_taken_and_noted(lessons, tmp_path):
    network: Any = train_classifier(Sweep(tuple(lessons)), settings=QUICK, seed=3)
    assert network.couplings == COUPLINGS
    np.testing.assert_allclose(network.temperatures, 1 / np.array(COUPLINGS))
    assert network.notes["lineages"] == [f"{e.lineage}[0:48]" for e in lessons]
    assert set(network.record) == {"loss", "held_out", "accuracy"}
    assert not network.training
    save(network, tmp_path / "c.safetensors")
    with safe_open(tmp_path / "c.safetensors", framework="pt") as file:
        about = json.loads(file.metadata()["kadanoff"])
        shapes = {k: tuple(file.get_tensor(k).shape) for k in file.keys()}  # noqa: SIM118
    assert about["kind"] == "classifier"
    assert Classifier(**about["arguments"]).describe() == network.describe()
    assert about["notes"] == network.notes
    wanted = Classifier.shapes(3, network.maps)
    assert {k: v for k, v in shapes.items() if not k.startswith("record.")} == wanted


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"epochs": 0}, "epochs is at least 1, got 0"),
        ({"patience": 0}, "patience is at least 1, got 0"),
        ({"learning_rate": math.nan}, "finite learning rate above 0, got nan"),
    ],
)
def test_settings_out_of_range_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Practice(**settings)


def test_refusals(lessons):
    def refused(ensembles, words, settings=QUICK):
        with pytest.raises(ValueError, match=words):
            train_classifier(ensembles, settings=settings, seed=1)

    a, b, _ = lessons
    refused([a], "two or more ensembles apart, got 1")
    refused([a, a], "different couplings apart, got \\(0.3, 0.3\\)")
    refused([a, replace(b, couplings={})], "coupling is not known")
    real = Ensemble.from_values(a.values / 2, alphabet="real", couplings={"K": 1.0})
    refused([a, real], "one ±1 spin per site, got values of alphabet 'real'")
    small = Ensemble.from_values(a.values[..., :4], couplings={"K": 1.0})
    refused([a, small], "got shapes \\(8, 8\\) and \\(8, 4\\)")
    odd = [
        Ensemble.from_values(e.values[..., :6], couplings=e.couplings) for e in (a, b)
    ]
    refused(odd, "multiples of 4, got shape \\(8, 6\\)")
    one = [e.select(slice(0, 1)) for e in (a, b)]
    refused(one, "at least one chain per part")
    refused([a, b], "a batch of 5000 needs as many", Practice(batch=5000))
    refused([a, b], "stopped being finite", Practice(learning_rate=1e30))
    with pytest.raises(ValueError, match="at least one feature map each, got \\(4,\\)"):
        Classifier(COUPLINGS, maps=(4,))
    with pytest.raises(ValueError, match="one ensemble per class"):
        accuracy(Classifier(COUPLINGS), [a, b])
