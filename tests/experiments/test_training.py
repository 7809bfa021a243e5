"""What the page of a training shows: readings against their definitions, one file."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import kadanoff as kd
from kadanoff.ensemble import Ensemble
from kadanoff.exact import kaufman
from kadanoff.experiments.training import training
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.readings import free_energy_gap, pseudo_likelihood
from kadanoff.reports import training as sheet
from kadanoff.reports.page import write

COUPLING = 0.4


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def parts() -> tuple[Ensemble, ...]:
    whole = kd.sample(kd.Ising((4, 4)), coupling=COUPLING, draws=512, chains=64, seed=1)
    return whole.split(1, 1)


def reading(dataset, name: str) -> tuple[float, float]:
    at = dataset.sel(reading=name)
    return float(at["value"]), float(at["error"])


def exact_machine() -> RBM:
    """The Ising law on the torus, one hidden unit for every bond.

    Σ_h e^{w h (s + s')} = 2 cosh w(s + s') ∝ e^{K s s'} with e^{2K} = cosh 2w; the
    4×4 torus has 32 bonds.
    """
    site = np.arange(16).reshape(4, 4)
    w = np.arccosh(np.exp(2 * COUPLING)) / 2
    weights = np.zeros((16, 32))
    for axis in (0, 1):
        pairs = zip(site.ravel(), np.roll(site, -1, axis).ravel(), strict=True)
        for k, pair in enumerate(pairs):
            weights[list(pair), 16 * axis + k] = w
    machine = RBM((4, 4), 32).double()
    with torch.no_grad():
        machine.W.copy_(torch.from_numpy(weights))
    return machine


def test_the_machine_of_the_law_itself_reads_as_the_law(parts):
    """The likelihood is the law's to rounding; energies within 4.5 errors (1e-5)."""
    data, held_out = parts
    d = training(exact_machine(), data, held_out, seed=1)
    machine, law = (
        reading(d, k)[0] for k in ("pseudo_likelihood", "law_pseudo_likelihood")
    )
    assert machine == pytest.approx(law, abs=1e-12)
    exact = kaufman.torus((4, 4), COUPLING).energy
    assert reading(d, "exact_energy") == (pytest.approx(exact), 0)
    for name in ("energy", "data_energy"):
        value, error = reading(d, name)
        assert abs(value - exact) < 4.5 * error
    gap, error = reading(d, "gap")
    assert abs(gap) < 4.5 * error


def test_an_untrained_machine_does_not(parts):
    d = training(RBM((4, 4), 32), *parts, seed=1)
    value, error = reading(d, "energy")
    assert abs(value - reading(d, "exact_energy")[0]) > 10 * error
    likelihood = reading(d, "pseudo_likelihood")[0]
    assert likelihood < reading(d, "law_pseudo_likelihood")[0] - 0.1


def test_means_are_those_of_all_configurations_where_all_are_read(parts):
    data, held_out = parts
    machine = RBM((4, 4), 5).initialised(seed=1, scale=0.3)
    d = training(machine, data, held_out, seed=1, steps=3)
    v, u = (torch.from_numpy(e.values.reshape(-1, 4, 4)).double() for e in parts)
    gap = free_energy_gap(machine, v, u)
    assert reading(d, "gap")[0] == pytest.approx(gap.value, abs=1e-6)
    everything = pseudo_likelihood(machine, u).mean()
    assert reading(d, "pseudo_likelihood")[0] == pytest.approx(float(everything))
    order = (machine.W**2).sum(0).argsort(descending=True)
    assert d["unit"].values.tolist() == order.tolist()
    strongest = machine.W[:, order[0]].detach().reshape(4, 4)
    assert np.allclose(d["filters"].values[0], strongest)
    assert d["trace"].shape == (2, 4)


@pytest.mark.parametrize("machine", [RBM((4, 4), 5), ConvRBM(maps=2)])
def test_the_page_is_one_file_and_the_same_again(machine, parts, tmp_path):
    machine.record = {
        "epoch": np.arange(1.0, 4.0),
        "weight": np.ones(3),
        "gap": np.ones(3),
        "gap_error": np.ones(3),
        "odd": np.ones(2),
    }
    machine.notes = {"settings": {"k": 1}, "seed": 3}
    data, held_out = parts
    for name in ("a.html", "b.html"):
        dataset = training(machine, data, held_out, seed=1)
        write(sheet.page(dataset), tmp_path / name)
    first, again = (
        (tmp_path / name).read_text("utf-8") for name in ("a.html", "b.html")
    )
    assert first == again
    assert "settings k" in first
    recorded = training(machine, *parts, seed=1, steps=2)["quantity"].values
    assert set(recorded.tolist()) == {"weight", "gap"}


def test_without_held_out_data_there_is_no_gap(parts):
    d = training(RBM((4, 4), 5), parts[0], seed=1, steps=2)
    assert "gap" not in d["reading"].values
    assert d.sizes["quantity"] == 0
