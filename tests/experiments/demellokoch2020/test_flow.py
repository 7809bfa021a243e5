"""The flow: machines whose flow is known, errors over machines, temperatures."""

import math

import numpy as np
import pytest
import torch
import xarray as xr

from kadanoff.exact.constants import T_C
from kadanoff.exact.kaufman import torus
from kadanoff.experiments.demellokoch2020.flow import (
    ARMS,
    LATTICE,
    Learning,
    Plan,
    along,
    apart,
    arm,
    in_any_order,
    interval,
    machine,
    mean_over_seeds,
    scan,
    start,
    temperature_at,
    training_data,
    written,
)
from kadanoff.experiments.exhibit import Work
from kadanoff.instruments.thermodynamics import energy, magnetization
from kadanoff.networks.rbm import RBM

SMALL = Learning(configurations=16, epochs=3, batch=64)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Work(5, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)


def read(ensemble):
    return {"m": magnetization(ensemble), "e": energy(ensemble)}


def one_unit(weight):
    """A machine of one hidden unit, the same weight on every site."""
    made = RBM(LATTICE, 1, biases=True)
    with torch.no_grad():
        made.W.fill_(weight)
    return made


@pytest.mark.parametrize("weight", [0.05, 0.3])
def test_means_of_a_single_unit_follow_its_recursion(work, weight):
    # m' = tanh(w tanh(100 w m)) from any configuration.
    first = start(work, 3.0, 64, 0)
    found = along(one_unit(weight), first, (0, 1, 2, 3), "means", 0, read)
    m = first.values.mean(axis=(2, 3))
    for readings in found:
        assert float(readings["m"].value) == pytest.approx(abs(m).mean(), abs=1e-5)
        m = np.tanh(weight * np.tanh(100 * weight * m))


def test_samples_of_a_single_unit_forget_all_but_a_sign(work):
    # Given h the sites are independent with mean tanh(w h): |m| and e are known.
    weight = 0.6
    first = start(work, math.inf, 2048, 0)
    (end,) = along(one_unit(weight), first, (4,), "samples", 1, read)
    m = np.tanh(weight)
    assert abs(float(end["e"].value) + 2 * m**2) < 4.5 * float(end["e"].error)
    assert abs(float(end["m"].value) - m) < 4.5 * float(end["m"].error) + 1e-4
    assert abs(float(end["e"].value) + 2 * (0.95 * m) ** 2) > 9 * float(end["e"].error)


def test_a_scan_is_reproducible_and_begins_with_the_magnet(work):
    plan = Plan(SMALL, 2, 128, (0, 2))
    found = scan(plan, work, (2.0, T_C), read)
    assert found.identical(scan(plan, work, (2.0, T_C), read))
    assert dict(found.sizes) == {"arm": 4, "seed": 2, "temperature": 2, "length": 2}
    zero = found["e"].sel(length=0)
    assert (zero == zero.isel(arm=0)).all()  # all arms flow from the same
    assert (zero.isel(seed=0) != zero.isel(seed=1)).all()
    value, error = mean_over_seeds(found, "e")
    for t in (2.0, T_C):
        here = {"temperature": t, "length": 0}
        gap = value.sel(here) - torus(LATTICE, 1 / t).energy
        assert (abs(gap) < 5 * error.sel(here)).all()
    assert len({float(x) for x in found["e"].sel(length=2, temperature=2.0)[:, 0]}) == 4


def test_machines_of_two_seeds_and_trainings_differ(work):
    weights = [
        machine(work, SMALL, training, seed).W.detach().numpy()
        for training in ("means", "draws")
        for seed in (0, 1)
    ]
    for k, one in enumerate(weights):
        for other in weights[k + 1 :]:
            assert abs(one - other).max() > 1e-3


def test_training_data_have_equal_shares_of_60_temperatures(work):
    data = training_data(work, 16, 0)
    assert data.size % 60 == 0
    assert data.size >= 60 * 16
    exact = [-2.0, *(torus(LATTICE, 10 / k).energy for k in range(1, 60))]
    assert float(energy(data).value) == pytest.approx(np.mean(exact), abs=0.03)


def dataset(values, errors):
    return xr.Dataset(
        {"x": (("seed",), values), "x_error": (("seed",), errors)},
    )


def test_the_error_over_machines_is_the_larger_of_two():
    spread = dataset([1.0, 2.0, 3.0], [0.1, 0.1, 0.1])
    value, error = mean_over_seeds(spread, "x")
    assert float(value) == 2
    assert float(error) == pytest.approx(1 / math.sqrt(3))
    quiet = dataset([2.0, 2.0, 2.0, 2.0], [0.1, 0.1, 0.1, 0.1])
    assert float(mean_over_seeds(quiet, "x")[1]) == pytest.approx(0.05)
    alone = dataset([2.0], [0.1])
    assert float(mean_over_seeds(alone, "x")[1]) == pytest.approx(0.1)
    assert written(alone, "x") == "2.00(10)"
    assert written(dataset([math.nan], [0.1]), "x") == "none"


def test_a_difference_is_taken_machine_by_machine():
    values = [[1.0, 2.0, 9.0], [1.1, 2.1, 9.1]]
    pairs = xr.Dataset(
        {
            "x": (("start", "seed"), values),
            "x_error": (("start", "seed"), [[0.03] * 3] * 2),
        },
        coords={"start": ["cold", "hot"]},
    )
    gap, error = apart(pairs, "x", {"start": "hot"}, {"start": "cold"})
    assert gap == pytest.approx(0.1)
    # The machines differ by 8 and their differences by nothing.
    assert error == pytest.approx(0.03 * math.sqrt(2 / 3))


def test_configurations_in_any_order_are_the_same_ones(work):
    data = training_data(work, 64, 5)
    mixed = in_any_order(data, 3)
    assert mixed.values.shape == (64, 60, *LATTICE)
    total = data.values.reshape(-1, 100).astype(int).sum(1)
    again = mixed.values.reshape(-1, 100).astype(int).sum(1)
    np.testing.assert_array_equal(np.sort(total), np.sort(again))
    m = abs(mixed.values.reshape(64, 60, 100).astype(int).sum(2)).mean(1)
    # Blocks hold all temperatures alike: none is ordered, none is noise.
    assert 30 < m.min() < m.max() < 70


def test_intervals_are_students_of_the_machines():
    # Student's t at 97.5 %: 12.706 of one degree of freedom, 2.776 of four.
    assert interval(dataset([1, 2], [1, 1]), 0.95) == pytest.approx(12.706, abs=1e-3)
    assert interval(dataset([1] * 5, [1] * 5), 0.95) == pytest.approx(2.776, abs=1e-3)
    assert interval(dataset([1], [1]), 0.95) == pytest.approx(1.960, abs=1e-3)


def test_energies_have_the_temperatures_of_the_10_by_10_magnet():
    for t in (0.8, T_C, 5.0):
        assert temperature_at(torus(LATTICE, 1 / t).energy) == pytest.approx(t)
    assert temperature_at(-2.0) == 0
    assert math.isnan(temperature_at(0.0))
    assert math.isnan(temperature_at(0.3))


def test_the_first_arm_passes_means_throughout():
    assert arm(*ARMS[0]) == "trained on means, means passed on"
    assert len(ARMS) == 4
