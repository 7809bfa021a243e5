"""Samples of a machine's own law: against enumeration; and bad mixing is recognised."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from networks.small_machines import few_minima, small_machine

from kadanoff.exact.enumerate import all_states, moments
from kadanoff.geometry import Grid, Unordered
from kadanoff.models.ising import Ising
from kadanoff.networks.anchors import (
    bond_machine,
    sublattice_filter,
    sublattice_machine,
)
from kadanoff.networks.equilibrium import equilibrated, observables, sentence_of
from kadanoff.networks.ladder import inverse_temperatures
from kadanoff.networks.rbm import RBM


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
    assert "m" in observables(small_machine(), torch.ones(1, 4).double(), Unordered(4))


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


def test_gaussian_units_are_sampled_with_a_ladder_or_without():
    """A hidden spin and a Gaussian site, weight and precision 1: ⟨v²⟩ = 1 + w²."""
    machine = RBM((1, 2), 1, units=("gaussian", "spin")).double()
    with torch.no_grad():
        machine.W.copy_(torch.tensor([[1.0], [0.0]]))
    for ladder in ((1.0,), inverse_temperatures(machine)):
        found = equilibrated(machine, chains=256, draws=32, ladder=ladder, seed=1)
        assert found.alphabet == "real"
        squares = (found.values[..., 0, 0] ** 2).mean(axis=1)
        error = squares.std(ddof=1) / 16
        assert abs(squares.mean() - 2.0) < 4.5 * error
        assert abs(squares.mean() - 1.8) > 4.5 * error
