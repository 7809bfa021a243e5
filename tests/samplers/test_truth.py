"""Every Ising sampler against the exact torus, its exact P(E), and the diagonal.

Levels: z = 4.7 for a reading, p = 1e-5 for a χ², so that about 80 of them make a false
alarm in a thousand (seeds are fixed). Controls: a coupling 2 % off must be refused.
"""

import numpy as np
import pytest
from scipy.stats import chi2

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C
from kadanoff.exact.density import energy_law
from kadanoff.exact.diagonal import diagonal_correlation
from kadanoff.exact.kaufman import torus
from kadanoff.instruments import thermodynamics as thermo
from kadanoff.instruments.correlators import two_point
from kadanoff.models.ising import Ising
from kadanoff.samplers.methods import PLAIN_ISING
from kadanoff.samplers.run import sample

METHODS = sorted(set(PLAIN_ISING) - {"independent"})
COUPLINGS = (0.3, K_C, 0.55)
ODD = (7, 9)
WIDE = (4, 128)  # the least that fits 64 spins of one row in a word
SPACING = {
    "wolff": 8, "metropolis": 20, "multispin": 20, "heat-bath": 30, "bit-packed": 100,
}  # fmt: skip
APART = {"wolff": 400, "tempering": 30, "heat-bath": 150, "bit-packed": 200}


def drawn(method: str, shape: tuple[int, int], coupling: float, draws: int) -> Ensemble:
    return sample(
        Ising(shape), coupling=coupling, draws=draws, chains=64, method=method, seed=11,
        spacing=SPACING.get(method), burn_in=6000 if method in SPACING else None,
    )  # fmt: skip


def sigmas(reading, exact: float) -> float:
    return abs(float((reading.value - exact) / reading.error))


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("method", METHODS)
def test_energy_and_heat_capacity_of_an_odd_rectangle(method, coupling):
    shape = WIDE if method == "bit-packed" else ODD
    ensemble = drawn(method, shape, coupling, 12_800)
    exact, wrong = torus(shape, coupling), torus(shape, 1.02 * coupling)
    assert sigmas(thermo.energy(ensemble), exact.energy) < 4.7
    assert sigmas(thermo.heat_capacity(ensemble), exact.heat_capacity) < 4.7
    assert sigmas(thermo.energy(ensemble), wrong.energy) > 4.7


def p_of_energies(ensemble: Ensemble, coupling: float) -> float:
    """χ² of the histogram of energies, neighbouring levels joined to 20 expected."""
    shape = ensemble.grid.shape
    levels, law = energy_law(shape, coupling)
    total = np.rint(thermo.series(ensemble).energy.ravel() * shape[0] * shape[1])
    counts = np.bincount(np.searchsorted(levels, total), minlength=len(levels))
    expected = law * len(total)
    cell = np.minimum(np.cumsum(expected) // 20, expected.sum() // 20 - 1).astype(int)
    _, cell = np.unique(cell, return_inverse=True)
    seen, due = np.bincount(cell, counts), np.bincount(cell, expected)
    return float(chi2.sf(((seen - due) ** 2 / due).sum(), len(due) - 1))


@pytest.mark.parametrize("method", METHODS)
def test_the_law_of_the_energy_at_side_32(method):
    """At ξ = 6; the draws are spaced until none remembers the one before."""
    shape = (32, 128) if method == "bit-packed" else (32, 32)
    coupling, spacing = 0.4, APART.get(method, 60)
    ensemble = sample(
        Ising(shape), coupling=coupling, draws=2048, chains=128, method=method, seed=3,
        spacing=spacing,
    )  # fmt: skip
    times = ensemble.history[-1]["equilibrium"]["tau"]
    assert times.get("energy", ensemble.tau) < 0.65
    assert p_of_energies(ensemble, coupling) > 1e-5
    assert p_of_energies(ensemble, 1.02 * coupling) < 1e-5


@pytest.mark.parametrize("method", METHODS)
def test_diagonal_correlations(method):
    """ξ = 2.6 at K = 0.35: the torus of side 32 is infinite to 1e-5."""
    shape = (32, 128) if method == "bit-packed" else (32, 32)
    spacing = {"wolff": 100}.get(method, 10)
    ensemble = sample(
        Ising(shape), coupling=0.35, draws=1280, chains=64, method=method, seed=8,
        spacing=spacing,
    )  # fmt: skip
    found = two_point(ensemble)
    for steps in (1, 2, 3):
        at = int(np.argmin(abs(found.distance - steps * np.sqrt(2))))
        reading = found.value[at]
        assert sigmas(reading, diagonal_correlation(steps, 0.35)) < 4.7
        assert sigmas(reading, diagonal_correlation(steps, 1.02 * 0.35)) > 4.7
