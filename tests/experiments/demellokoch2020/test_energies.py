"""Energies against Kaufman's: what is right passes, what is 2 % too hot does not."""

import numpy as np
import pytest
from scipy import stats

from kadanoff.experiments.demellokoch2020 import energies
from kadanoff.experiments.demellokoch2020.data import swept
from kadanoff.experiments.demellokoch2020.energies import judged
from kadanoff.experiments.exhibit import Work

TEMPERATURES = (0.0, 1.0, 2.0, 2.3, 3.0)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    work = Work(2, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return swept(work, (6, 6), TEMPERATURES, 2048)


def test_the_energies_of_a_sweep_are_those_of_its_temperatures(sweep):
    """At level 1e-4, fixed seed; the coldest two are counted."""
    found = judged(sweep, TEMPERATURES)
    assert found.good
    assert found.dof == 3
    assert np.isnan(found.pulls[:2]).all()
    assert found.expected > 1


def test_two_per_cent_are_seen(sweep):
    assert not judged(sweep, [1.02 * t for t in TEMPERATURES]).good


def test_pulls_of_few_blocks_are_gaussian():
    """Student's t of the same rarity."""
    found = energies._gaussian(-4.0, 15)
    assert stats.norm.cdf(found) == pytest.approx(stats.t.cdf(-4.0, 15))
    assert energies._gaussian(1e6, 63) < 40


def test_counts_in_the_cold():
    assert energies._poisson(0, 0.0) == 1
    assert energies._poisson(1, 0.0) == 0
    assert energies._poisson(50, 50.0) > 0.5
    assert energies._poisson(100, 50.0) < 1e-8
