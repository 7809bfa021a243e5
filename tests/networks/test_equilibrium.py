"""Samples of a machine's own law: against enumeration; and bad mixing is recognised."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from kadanoff.ensemble import Ensemble
from kadanoff.exact import pairs
from kadanoff.exact.enumerate import all_states, moments
from kadanoff.geometry import Grid, Unordered
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import bond_pairs
from kadanoff.networks.anchors import (
    bond_machine,
    sublattice_filter,
    sublattice_machine,
)
from kadanoff.networks.equilibrium import (
    agreement,
    equilibrated,
    inverse_temperatures,
    observables,
    sentence_of,
    tempered,
)
from kadanoff.networks.rbm import RBM

BETAS = (0.0, 0.3, 0.65, 1.0)
DRAWS = 20_000


def noise(seed=1):
    return torch.Generator().manual_seed(seed)


def small_machine():
    """Six visible and three hidden units, strong enough for exchanges to matter."""
    machine = RBM(6, 3, biases=True).double()
    with torch.no_grad():
        for parameter in machine.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=noise(5)))
    return machine


def laws(machine):
    """Σ_h e^{−βE(v, h)}/Z of every state v at every β, from the 2^9 joint energies."""
    v, h = (machine.tensor(all_states(n)) for n in (6, 3))
    with torch.no_grad():
        energies = machine.energy(
            v.repeat_interleave(8, dim=0), h.repeat(64, 1)
        ).reshape(64, 8)
    weights = [torch.exp(-beta * energies).sum(1) for beta in BETAS]
    return np.stack([(w / w.sum()).numpy() for w in weights])


def p_values_after(machine, exact, steps=3):
    """χ² of exact draws at every β moved by tempering, against the same laws.

    The draws of a rung are independent, and after exchanges still one of each ladder,
    so the χ² law is exact. Four p-values: a correct program has one below 2.5e-5 in
    10 000 seeds.
    """
    rng = np.random.default_rng(1)
    states = all_states(6)
    start = np.stack([states[rng.choice(64, DRAWS, p=p)] for p in exact])
    v, share = tempered(
        machine, machine.tensor(start), BETAS, steps, rng=rng, noise=noise()
    )
    assert (share > 0.1).all()  # it is the exchanges that are tested
    code = ((v.numpy() > 0) @ (2 ** np.arange(6)[::-1])).astype(int)
    found = []
    for row, p in zip(code, exact, strict=True):
        seen = np.bincount(row, minlength=64)
        full = p * DRAWS > 10
        merged = [np.append(x[full], x[~full].sum()) for x in (seen, p * DRAWS)]
        if merged[1][-1] < 10:
            merged = [np.append(x[:-2], x[-2:].sum()) for x in merged]
        observed, due = merged
        found.append(stats.chisquare(observed, due).pvalue)
    return np.array(found)


def test_tempering_leaves_the_law_of_every_rung_invariant():
    machine = small_machine()
    assert p_values_after(machine, laws(machine)).min() > 2.5e-5


def test_exchanges_by_the_free_energy_of_the_machine_do_not():
    """β F(v) mixed with a joint-tempered kernel: the error of a published library."""
    machine = small_machine()
    exact = laws(machine)
    machine.energy = lambda v, h: machine.free_energy(v)
    assert p_values_after(machine, exact).min() < 1e-10


def test_readings_of_one_configuration():
    machine = bond_machine(Ising((4, 4)), 0.3)
    v = torch.ones(2, 4, 4, dtype=torch.float64)
    v[1, 0, 0] = -1
    seen = observables(machine, v, Grid((4, 4)))
    assert set(seen) == {"abs_m", "energy", "free_energy"}
    np.testing.assert_allclose(seen["energy"], Ising((4, 4)).energy(v.numpy()))
    np.testing.assert_allclose(seen["abs_m"], [1, 14 / 16])
    with torch.no_grad():
        np.testing.assert_allclose(seen["free_energy"], machine.free_energy(v) / 16)
    unordered = observables(
        RBM(16, 3, biases=True), v.float().flatten(1), Unordered(16)
    )
    assert set(unordered) == {"abs_m", "free_energy"}
    assert "m" in observables(small_machine(), torch.ones(1, 6).double(), Unordered(6))


def z_scores(ensemble, coupling):
    """(energy, |m|, m²) of 4×4 configurations against enumeration, in errors."""
    exact = moments((4, 4), coupling)
    v = ensemble.values.reshape(-1, 4, 4)
    m = v.mean(axis=(1, 2))
    pairs = (
        (Ising((4, 4)).energy(v), exact.energy),
        (abs(m), exact.abs_m),
        (m**2, exact.m2),
    )
    scores = []
    for x, truth in pairs:
        means = x.reshape(ensemble.chains, -1).mean(axis=1)
        scores.append((means.mean() - truth) / means.std(ddof=1) * len(means) ** 0.5)
    return np.array(scores)


@pytest.fixture(scope="module")
def drawn():
    return equilibrated(bond_machine(Ising((4, 4)), 0.3), chains=128, draws=16, seed=1)


def test_samples_are_those_of_the_law(drawn):
    """Three readings, |z| < 4.3 (Student's t of 127: 1e-4 in all); 10 % of K shows."""
    assert abs(z_scores(drawn, 0.3)).max() < 4.3
    assert abs(z_scores(drawn, 0.33)).max() > 4.3


def test_the_history_tells_what_was_found(drawn):
    note = drawn.history[-1]
    assert note["step"] == "gibbs"
    assert (note["chains"], note["draws"]) == (drawn.chains, drawn.draws) == (128, 16)
    assert note["burn_in"] >= 40 * note["pilot_tau"]
    assert note["spacing"] == math.ceil(2 * note["pilot_tau"])
    names = {"abs_m", "energy", "free_energy"}
    for test in ("tau", "r_hat", "hot_cold_p", "drift_p"):
        assert set(note["equilibrium"][test]) == names
    assert max(note["equilibrium"]["r_hat"].values()) < 1.1
    assert drawn.tau == max(note["equilibrium"]["tau"].values()) < 1.5
    assert sentence_of(drawn) is None
    assert (drawn.model, drawn.alphabet) == (None, "pm1")


def test_one_seed_one_ensemble():
    machine = sublattice_machine((4, 4), 0.3)
    settings = {"chains": 8, "draws": 4, "most_steps": 64, "contradicted": "flag"}
    one, again = (equilibrated(machine, seed=3, **settings) for _ in range(2))
    assert (one.values == again.values).all()
    assert (equilibrated(machine, seed=4, **settings).values != one.values).any()


def test_a_tied_machine_is_sampled_on_the_lattice_that_is_given():
    lattice = sublattice_machine((4, 4), 0.3).visible_geometry()
    found = equilibrated(sublattice_filter(0.3), lattice, seed=1)
    assert found.geometry == lattice
    exact = sublattice_machine((4, 4), 0.3)
    v = all_states(8).reshape(-1, 4, 2)
    with torch.no_grad():
        p = exact.log_likelihood(exact.tensor(v)).exp().numpy()
    truth = p @ abs(v.mean(axis=(1, 2)))
    means = abs(found.values.mean(axis=(2, 3))).mean(axis=1)
    assert abs(means.mean() - truth) < 4.5 * means.std(ddof=1) / 8


def few_minima(strength):
    """A dense machine of four wide units: strong ones keep a chain where it began."""
    machine = RBM((4, 4), 4).double()
    signs = np.random.default_rng(2).choice([-1.0, 1.0], (16, 4))
    with torch.no_grad():
        machine.W.copy_(machine.tensor(strength * signs))
    return machine


STRONG = 2.0
QUICK: dict[str, Any] = {"chains": 32, "draws": 24, "most_steps": 256}


def test_a_machine_that_mixes_badly_is_refused():
    with pytest.raises(ValueError, match=r"must agree.*give a ladder of tempering"):
        equilibrated(few_minima(STRONG), seed=1, **QUICK)


def test_or_flagged():
    found = equilibrated(few_minima(STRONG), seed=1, contradicted="flag", **QUICK)
    sentence = sentence_of(found)
    assert sentence is not None
    assert "must agree" in sentence
    assert max(found.history[-1]["equilibrium"]["r_hat"].values()) > 1.5


def test_a_weak_one_is_not():
    assert sentence_of(equilibrated(few_minima(0.1), seed=1, **QUICK)) is None


def exact_energy(machine):
    """⟨E⟩/N of the lattice: given h spins are independent, and h has few states."""
    h = machine.tensor(all_states(machine.hidden.size))
    with torch.no_grad():
        law = torch.softmax(-machine.hidden_free_energy(h), 0)
        means = torch.tanh(machine.visible_field(h))
    bonds = means * (means.roll(-1, 1) + means.roll(-1, 2))
    return -float(law @ bonds.mean((1, 2)))


def energy_z(ensemble, machine):
    """(mean − exact) in errors from the means of chains."""
    energies = Ising((4, 4)).energy(ensemble.values.reshape(-1, 4, 4))
    means = energies.reshape(ensemble.chains, -1).mean(axis=1)
    error = means.std(ddof=1) / len(means) ** 0.5
    return (means.mean() - exact_energy(machine)) / error


def test_tempering_equilibrates_it():
    """|z| < 5 with 31 degrees of freedom: 2e-5."""
    machine = few_minima(STRONG)
    ladder = inverse_temperatures(machine)
    assert (ladder[0], ladder[-1]) == (0, 1)
    found = equilibrated(machine, seed=1, ladder=ladder, **QUICK)
    note = found.history[-1]
    assert note["ladder"] == list(ladder)
    assert np.nanmin(note["exchanged"]) > 0.1
    assert abs(energy_z(found, machine)) < 5
    assert abs(energy_z(found, few_minima(0.5))) > 5


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"chains": 7}, "at least 8 chains"),
        ({"draws": 1}, "at least 2 draws"),
        ({"spacing": 0}, "a spacing of 0"),
        ({"contradicted": "ignore"}, "give 'refuse' or 'flag'"),
        ({"ladder": (0.5, 0.2, 1.0)}, "ascends from at least 0 to 1"),
        ({"ladder": (0.0, 0.5)}, "ascends from at least 0 to 1"),
        ({"ladder": ()}, "ascends from at least 0 to 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        equilibrated(few_minima(0.1), seed=1, **settings)


def test_gaussian_units_are_sampled_but_not_tempered():
    """One hidden spin and one Gaussian site of precision 1: ⟨v²⟩ = 1 + w²."""
    machine = RBM((1, 2), 1, units=("gaussian", "spin")).double()
    with torch.no_grad():
        machine.W.copy_(torch.tensor([[0.5], [0.0]]))
    found = equilibrated(machine, chains=256, draws=32, seed=1)
    assert found.alphabet == "real"
    squares = (found.values[..., 0, 0] ** 2).mean(axis=1)
    assert abs(squares.mean() - 1.25) < 4.5 * squares.std(ddof=1) / 16
    with pytest.raises(ValueError, match="two layers of spins, got gaussian and spin"):
        equilibrated(machine, seed=1, ladder=(0.0, 1.0))
    with pytest.raises(ValueError, match="two layers of spins"):
        inverse_temperatures(machine)


def frozen(weight=2.0):
    """W = w·1: each unit copies one site, and copies it back. Its law is the coin's."""
    machine = RBM((4, 4), 16).double()
    with torch.no_grad():
        machine.W.copy_(weight * torch.eye(16))
    return machine


def ising_data(coupling=0.4, chains=200):
    """Independent draws of the exact law."""
    model = Ising((4, 4))
    law = pairs.law(16, bond_pairs(model.near), coupling)
    spins = law.draw(chains * 8, rng=np.random.default_rng(3))
    return Ensemble.from_values(spins.reshape(chains, 8, 4, 4))


def test_a_machine_that_is_right_after_a_step_and_wrong_in_equilibrium():
    """After one step from the data 1.3 % of the spins have turned; all will have.

    Its equilibrium is that of 16 coins, of energy 0.
    """
    data = ising_data()
    seen = agreement(frozen(2.5), data, steps=1, seed=1, chains=32, draws=8)
    assert seen.out_of_equilibrium
    assert seen.sentence.startswith("out of equilibrium")
    assert abs(seen.z_equilibrium["energy"]) > 20
    assert abs(float(seen.equilibrium["energy"].value)) < 0.1


def test_a_machine_of_the_law_of_the_data_is_in_equilibrium():
    """Nine z-scores within 4.5: a correct program fails once in 10 000 seeds."""
    data = ising_data()
    machine = bond_machine(Ising((4, 4)), 0.4)
    seen = agreement(machine, data, steps=2, seed=1)
    for scores in (seen.z_short, seen.z_equilibrium, seen.change):
        assert set(scores) == {"energy", "abs_m", "free_energy"}
        assert max(map(abs, scores.values())) < 4.5
    assert not seen.out_of_equilibrium
    assert str(seen).startswith("in equilibrium as after a short run: ")


def test_the_steps_of_a_short_run_are_those_of_the_training():
    machine, data = bond_machine(Ising((4, 4)), 0.2), ising_data(0.2, chains=32)
    with pytest.raises(ValueError, match=r"does not know the k .*give steps="):
        agreement(machine, data, seed=1)
    machine.notes = {"settings": {"k": 3}}
    seen = agreement(machine, data, seed=1, start=data, equilibrium=data)
    assert seen.steps == 3
    assert seen.refusal is None
    with pytest.raises(ValueError, match="at least 1 step, got 0"):
        agreement(machine, data, steps=0, seed=1)


def test_a_machine_never_seen_in_equilibrium_is_no_agreement():
    machine = few_minima(STRONG)
    start = equilibrated(machine, seed=1, contradicted="flag", **QUICK)
    seen = agreement(machine, start, steps=1, seed=2, **QUICK)
    assert seen.out_of_equilibrium
    assert seen.sentence.startswith("the machine was not seen in equilibrium: chains")
