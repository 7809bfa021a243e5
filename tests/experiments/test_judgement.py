"""Samples against exact laws: those of the law pass, those of another do not."""

import numpy as np
import pytest

from kadanoff.ensemble import Ensemble
from kadanoff.exact import pairs
from kadanoff.exact.constants import K_C
from kadanoff.exact.kaufman import torus
from kadanoff.experiments.judgement import compare_with_exact
from kadanoff.geometry import Grid
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import bond_pairs
from kadanoff.samplers.run import sample

K = 0.4


def exact_draws(coupling, shape=(4, 4), chains=64, draws=200):
    """Independent configurations by enumeration, which know neither model nor K."""
    law = pairs.law(16, bond_pairs(Ising(shape).near), coupling)
    spins = law.draw(chains * draws, rng=np.random.default_rng(5))
    return Ensemble.from_values(spins.reshape(chains, draws, *shape))


def test_independent_draws_of_the_law_are_not_contradicted():
    """Two z at 4, two χ² at 1e-4, five distances at 4: about 1 refusal in 1500."""
    seen = compare_with_exact(exact_draws(K), K)
    assert seen.contradicted == ()
    assert seen.energy.exact == torus((4, 4), K).energy
    assert seen.heat_capacity.exact == torus((4, 4), K).heat_capacity
    assert seen.energies is not None
    assert seen.states is not None
    assert seen.energies.draws == seen.states.draws == 64 * 200
    assert seen.states.dof > seen.energies.dof > 4
    assert seen.decay is not None
    assert seen.decay.law == "enumeration"
    assert len(seen.decay.z) == 5
    assert str(seen).startswith("Ising at K = 0.4: not contradicted; energy -1.")


def test_a_coupling_three_percent_off_is_seen_by_every_mean():
    seen = compare_with_exact(exact_draws(1.03 * K), K)
    assert {"energy", "energies", "states", "decay"} <= set(seen.contradicted)
    assert "contradicted by energy" in str(seen)


def test_only_the_joint_law_sees_a_turned_magnetization():
    """Half a configuration reversed where E allows it: same P(E), another P(E, M)."""
    draws = exact_draws(K)
    flat = draws.values.reshape(-1, 4, 4)
    energy, m = Ising((4, 4)).energy(flat), abs(flat.sum(axis=(1, 2)))
    other = flat.copy()
    for level in np.unique(energy):
        rows = np.flatnonzero(energy == level)
        other[rows] = flat[rows[np.argmax(m[rows])]]  # the most magnetized of its E
    seen = compare_with_exact(Ensemble.from_values(other.reshape(64, 200, 4, 4)), K)
    assert "energies" not in seen.contradicted
    assert {"states", "decay"} <= set(seen.contradicted)


def test_a_larger_lattice_at_the_critical_point():
    samples = sample(Ising((16, 16)), coupling=K_C, draws=4096, seed=2)
    seen = compare_with_exact(samples, K_C)
    assert seen.contradicted == ()
    assert seen.states is None
    assert seen.decay is not None
    assert seen.decay.law == "critical torus"
    far = seen.decay.distance > 4
    off = seen.decay.value.value[far] / seen.decay.exact[far] - 1
    assert abs(off).max() < 0.05
    hot = compare_with_exact(samples, 0.95 * K_C)
    assert {"energy", "energies"} <= set(hot.contradicted)
    assert hot.decay is None


def test_lattices_of_other_laws_are_refused():
    spins = np.ones((2, 4, 4, 4))
    with pytest.raises(ValueError, match="±1 spins on a square torus"):
        compare_with_exact(Ensemble.from_values(spins, alphabet="real"), K)
    coarse = Ensemble.from_values(spins, Grid((8, 8)).coarsened(2))
    with pytest.raises(ValueError, match="coarse lattices and sublattices"):
        compare_with_exact(coarse, K)
