"""The sheet's numbers: histograms against exact laws, and what is left out and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
from instruments.exact_draws import all_states, draw, planted, random_spins
from scipy import stats

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C
from kadanoff.exact.enumerate import moments
from kadanoff.experiments.measurement import (
    compared,
    independent_spacing,
    measurement,
)
from kadanoff.geometry import Grid
from kadanoff.instruments.thermodynamics import series
from kadanoff.models.epidemic import Epidemic
from kadanoff.models.forest_fire import ForestFire
from kadanoff.models.ising import Ising
from kadanoff.models.mean_field import MeanField
from kadanoff.models.phi4 import Phi4
from kadanoff.models.potts import Potts
from kadanoff.models.xy import XY
from kadanoff.reports.measurement import Missing
from kadanoff.reports.measurement import draw as drawn

SHAPE = (4, 4)
Panel = TypeVar("Panel")


def known(panel: Panel | Missing) -> Panel:
    assert not isinstance(panel, Missing)
    return panel


def exact_ensemble(seed: int, coupling: float, *, claimed: float) -> Ensemble:
    """Independent draws at one coupling that say they are of another."""
    law = planted(SHAPE, {"nn": coupling})
    return draw(
        all_states(SHAPE),
        law,
        chains=32,
        draws=64,
        seed=seed,
        couplings={"K": claimed},
    )


def test_energies_agree_with_the_exact_law():
    m = measurement(exact_ensemble(1, 0.4, claimed=0.4))
    e = known(m.energies)
    width = np.diff(e.edges)
    assert e.density.value @ width == pytest.approx(1)
    assert e.exact is not None
    assert e.exact @ width == pytest.approx(1, abs=0.01)
    assert e.centre * e.exact @ width == pytest.approx(moments(SHAPE, 0.4).energy, 0.01)
    pull = (e.density.value - e.exact)[e.tested] / e.density.error[e.tested]
    assert abs(pull).max() < 4
    assert e.comparison is not None
    assert e.comparison.p > 1e-4


def repeated_p(claimed: float) -> list[float]:
    found = []
    for seed in range(40):
        comparison = known(
            measurement(exact_ensemble(seed, 0.4, claimed=claimed)).energies
        ).comparison
        assert comparison is not None
        found.append(comparison.p)
    return found


def test_p_of_the_energies_is_uniform():
    """40 ensembles of independent draws, by Kolmogorov and Smirnov at 1e-4."""
    assert stats.kstest(repeated_p(0.4), "uniform").pvalue > 1e-4


def test_p_of_another_coupling_is_not():
    """K wrong by 5 %, 2048 draws each."""
    assert stats.kstest(repeated_p(0.42), "uniform").pvalue < 1e-6


def sticky(states: np.ndarray, law: np.ndarray, seed: int) -> np.ndarray:
    """Places of states, `(chain, draw)`: kept with chance 0.6, so τ = 2."""
    rng = np.random.default_rng(seed)
    fresh = rng.choice(len(states), size=(64, 200), p=law)
    stay = rng.random((64, 200)) < 0.6
    stay[:, 0] = False
    source = np.maximum.accumulate(np.where(stay, 0, np.arange(200)), axis=1)
    return np.take_along_axis(fresh, source, axis=1)


def test_p_holds_for_correlated_draws():
    """Of draws far enough apart p is uniform; of all draws it is not, the control."""
    states, law = all_states(SHAPE), planted(SHAPE, {"nn": 0.4})
    spins = states.astype(int)
    bonds = [(spins * np.roll(spins, 1, a)).sum(axis=(1, 2)) for a in (1, 2)]
    energy = -np.sum(bonds, axis=0)
    level, place = np.unique(energy, return_inverse=True)
    share = np.bincount(place, weights=law)
    thinned, naive = [], []
    for seed in range(40):
        chosen = sticky(states, law, seed)
        ensemble = Ensemble.from_values(
            states[chosen], model="ising", couplings={"K": 0.4}, tau=2.0
        )
        found = known(measurement(ensemble).energies).comparison
        counts = np.bincount(place[chosen].ravel(), minlength=len(level))
        every, _ = compared(counts, share, 1)
        assert found is not None
        assert every is not None
        assert found.spacing > 6
        thinned.append(found.p)
        naive.append(every.p)
    assert stats.kstest(thinned, "uniform").pvalue > 1e-4
    assert stats.kstest(naive, "uniform").pvalue < 1e-6


def test_bins_are_joined_until_they_are_full():
    counts = np.array([1, 30, 3, 4, 60, 2])
    law = np.array([0.02, 0.28, 0.03, 0.05, 0.6, 0.02])
    found, full = compared(counts, law, 1)
    assert full.tolist() == [False, True, False, False, True, False]
    assert found is not None
    # 2 + 28; then 3 + 5 + 60, and the tail of 2.
    assert (found.dof, found.draws) == (1, 100)
    assert found.chi2 == pytest.approx((31 - 30) ** 2 / 30 + (69 - 70) ** 2 / 70)
    assert compared(np.array([3, 4]), np.array([0.5, 0.5]), 1)[0] is None


def test_independent_draws_remember_less_than_two_percent():
    assert independent_spacing(0.5) == 1
    for tau in (0.52, 0.7, 2.0, 30.0):
        s = independent_spacing(tau)
        rho = (2 * tau - 1) / (2 * tau + 1)
        assert rho**s <= 0.02
        assert s == 1 or rho ** (s - 1) > 0.02


def test_the_critical_correlator_stands_beside_the_torus_form():
    critical = known(measurement(exact_ensemble(2, K_C, claimed=K_C)).correlator)
    assert critical.exact is not None
    assert critical.exact.shape == critical.distance.shape
    # The continuum form is off by 3 % on 4×4, by up to 5 % at the shortest distance.
    assert critical.value.value == pytest.approx(critical.exact, rel=0.05)
    off = known(measurement(exact_ensemble(2, K_C, claimed=0.43)).correlator)
    assert off.exact is None
    assert "K_c" in off.note


def unknown(ensemble: Ensemble) -> dict[str, Ensemble]:
    values = ensemble.values
    return {
        "no model": replace(ensemble, model=None),
        "a field": replace(ensemble, couplings={"K": 0.4, "h": 0.1}),
        "a coarse lattice": replace(ensemble, geometry=Grid((8, 8)).coarsened(2)),
        "one dimension": Ensemble.from_values(
            values.reshape(*values.shape[:2], 16), model="ising", couplings={"K": 0.4}
        ),
        "real values": Ensemble.from_values(
            values * 0.5, alphabet="real", model=None, couplings={}
        ),
    }


@pytest.mark.parametrize("name", unknown(exact_ensemble(3, 0.4, claimed=0.4)))
def test_where_no_law_is_known_none_is_shown(name):
    m = measurement(unknown(exact_ensemble(3, 0.4, claimed=0.4))[name])
    assert known(m.energies).exact is None
    assert known(m.energies).comparison is None
    assert "No exact P(E)" in known(m.energies).note
    assert known(m.energies).density.value @ np.diff(
        known(m.energies).edges
    ) == pytest.approx(1)
    assert known(m.correlator).exact is None
    drawn(m).draw_without_rendering()


def of_model(model, coupling: float, seed: int = 0) -> Ensemble:
    """Hot starts of any model, 8 chains of 12: what its sheet needs, not its law."""
    rng = np.random.default_rng(seed)
    values = np.asarray(model.hot(96, rng=rng))
    return Ensemble.from_values(
        values.reshape(8, 12, *values.shape[1:]),
        model.geometry,
        alphabet=model.alphabet,
        model=model.name,
        couplings=model.couplings(coupling),
        parameters=model.parameters,
    )


OTHERS = {
    # The model, and what of energies, correlator and structure its sheet lacks.
    "Potts": (Potts((4, 4), 3), {"correlator", "structure"}),
    "XY": (XY((4, 4)), {"correlator", "structure"}),
    "honeycomb": (Ising((4, 4), "honeycomb"), {"correlator", "structure"}),
    "triangular": (Ising((4, 4), "triangular"), {"structure"}),
    "forest fire": (ForestFire((4, 4)), {"energies"}),
    "epidemic": (Epidemic((4, 4)), {"energies"}),
    "φ⁴": (Phi4((4, 4), 1.0), set()),
    "mean field": (MeanField((4, 4)), set()),
}


@pytest.mark.parametrize("name", OTHERS)
def test_every_model_has_a_sheet_that_says_what_it_lacks(name):
    model, lacks = OTHERS[name]
    ensemble = of_model(model, 0.5)
    m = measurement(ensemble)
    panels = {"energies": m.energies, "correlator": m.correlator}
    panels["structure"] = m.structure
    missing = {k for k, panel in panels.items() if isinstance(panel, Missing)}
    assert missing == lacks
    assert m.signed == (ensemble.alphabet in ("pm1", "real"))
    assert m.magnetization.shape == (4, 12)
    assert m.magnetization == pytest.approx(series(ensemble).magnetization[:4])
    assert not isinstance(m.memory, Missing)
    assert ("energy" in m.memory) == ("energies" not in lacks)
    figure = drawn(m)
    figure.draw_without_rendering()
    words = "\n".join(t.get_text() for ax in figure.axes for t in ax.texts)
    names = {"energies": "No P(E)", "correlator": "No G(r)", "structure": "No S(k)"}
    for panel, word in names.items():
        assert (word in words) == (panel in lacks)


def test_a_single_draw_remembers_nothing():
    up = random_spins((8, 1, 4, 4), seed=7)
    m = measurement(Ensemble.from_values(up, model="ising", couplings={"K": 0.1}))
    assert isinstance(m.memory, Missing)
    drawn(m).draw_without_rendering()


def test_an_ensemble_of_ground_states_can_be_drawn():
    up = np.ones((4, 8, 4, 4), np.int8)
    up[1::2] = -1
    ensemble = Ensemble.from_values(up, model="ising", couplings={"K": 2.0})
    drawn(measurement(ensemble)).draw_without_rendering()


def test_random_spins_have_a_sheet():
    ensemble = Ensemble.from_values(random_spins((2, 8, 6, 4), seed=5))
    drawn(measurement(ensemble)).draw_without_rendering()
