"""Exact machines against enumeration and Kaufman; what a training finds of them."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from kadanoff.ensemble import Ensemble
from kadanoff.exact import kaufman, pairs
from kadanoff.exact.enumerate import all_states, log_partition
from kadanoff.geometry import Grid
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import bond_pairs
from kadanoff.networks.anchors import (
    bond_constant,
    bond_machine,
    bond_weight,
    dense_weights,
    places,
    recovered,
    sublattice,
    sublattice_filter,
    sublattice_machine,
)
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.networks.train import train

K_C = math.log(1 + math.sqrt(2)) / 2
MODELS = [
    (Ising((3, 3)), K_C),
    (Ising((3, 3)), -0.3),
    (Ising((4, 4)), K_C),
    (Ising((4, 4)), -0.6),
    (Ising((4, 4)), 1e-7),
    (Ising((2, 2)), 0.3),
    (Ising((8,)), 0.9),
    (Ising((2, 2, 3)), 0.22),
    (Ising((3, 3), "triangular"), -0.2),
    (Ising((2, 2), "honeycomb"), 0.4),
    (Ising((4, 4), field=0.3, second=-0.4), 0.35),
]


def free_energies(machine, states):
    """F(v) of `(n, sites)` states, in double precision."""
    v = torch.from_numpy(states).double()
    with torch.no_grad():
        shaped = v.reshape(len(v), *machine.visible_geometry().lattice)
        return machine.free_energy(shaped).numpy()


def divergence(machine, model, coupling):
    """KL(Ising ‖ machine) per site, and ln Z_RBM − ln Z_Ising, by enumeration."""
    sites = model.geometry.size
    states = all_states(sites)
    minus_f = -free_energies(machine, states)
    log_z = np.logaddexp.reduce(minus_f)
    near, second = bond_pairs(model.near), bond_pairs(model.near_second)
    strength = np.repeat([1.0, model.second], [len(near), len(second)])
    law = pairs.law(
        sites,
        np.concatenate([near, second]),
        coupling,
        strength=strength,
        field=model.field,
    )
    log_p = -coupling * law.energies - law.log_partition
    kl = law.probabilities @ (log_p - (minus_f - log_z))
    return kl / sites, log_z - law.log_partition


@pytest.mark.parametrize(("model", "coupling"), MODELS, ids=str)
def test_one_unit_per_bond_is_the_ising_law(model, coupling):
    machine = bond_machine(model, coupling)
    kl, constant = divergence(machine, model, coupling)
    assert abs(kl) < 1e-12
    assert constant == pytest.approx(bond_constant(model, coupling), rel=1e-13)


def test_weights_a_thousandth_off_are_another_law():
    model = Ising((4, 4))
    machine = bond_machine(model, K_C)
    with torch.no_grad():
        machine.W.mul_(1.001)
    assert divergence(machine, model, K_C)[0] > 1e-9


def test_the_weight_of_a_bond():
    assert bond_weight(K_C) == pytest.approx(0.764285, abs=5e-7)
    for k in (1e-9, 1e-3, -0.4, 2.0):
        # cosh 2w − 1 = 2 sinh² w, without cancellation at small K
        w = bond_weight(k)
        assert 2 * math.sinh(w) ** 2 == pytest.approx(math.expm1(2 * abs(k)), rel=1e-12)
    assert bond_weight(500.0) == pytest.approx(500 + math.log(2) / 2, rel=1e-15)
    assert bond_weight(0.0) == 0


@pytest.mark.parametrize("coupling", [0.3, K_C, -0.5])
def test_free_energies_of_a_large_bond_machine_are_those_of_ising(coupling):
    """F(v) + N_b (ln 2 + |K|) = K E(v) to rounding: p(v) is Ising's with its ln Z."""
    model = Ising((16, 16))
    machine = bond_machine(model, coupling)
    assert machine.hidden.size == 2 * 256
    constant = bond_constant(model, coupling)
    assert constant == pytest.approx(512 * (math.log(2) + abs(coupling)), rel=1e-14)
    spins = np.random.default_rng(1).choice(np.array([-1, 1], np.int8), (50, 16, 16))
    spins[0] = 1
    expected = coupling * model.energy(spins) * 256
    off = free_energies(machine, spins.reshape(50, -1)) + constant - expected
    assert abs(off).max() < 1e-12 * 256


def test_its_partition_function_is_kaufmans():
    """ln Z by enumeration of the 4×4 layer against the four products."""
    machine, model = bond_machine(Ising((4, 4)), K_C), Ising((4, 4))
    exact = kaufman.torus((4, 4), K_C).log_partition + bond_constant(model, K_C)
    assert float(machine.log_partition().detach()) == pytest.approx(exact, abs=1e-11)


@pytest.mark.parametrize("make", [bond_machine, sublattice_filter])
def test_a_coupling_is_finite(make: Any):
    first = (Ising((4, 4)),) if make is bond_machine else ()
    with pytest.raises(ValueError, match="finite real number, got nan"):
        make(*first, math.nan)


SHAPES = [(8,), (4, 4), (4, 2), (2, 2), (2, 2, 2)]


@pytest.mark.parametrize("coupling", [K_C, -0.3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_one_sublattice_is_the_marginal_of_ising(shape, coupling):
    """p(v) of all states of A, from the full law with B summed out."""
    machine = sublattice_machine(shape, coupling)
    log_z = float(machine.log_partition().detach())
    assert log_z == pytest.approx(log_partition(shape, coupling), abs=1e-12)
    model = Ising(shape)
    sites = model.geometry.size
    law = pairs.law(sites, bond_pairs(model.near), coupling)
    everything = Ensemble.from_values(law.states.reshape(1, -1, *shape))
    a = sublattice(everything).values.reshape(2**sites, -1)
    states = all_states(sites // 2)
    code = (a > 0) @ (2 ** np.arange(sites // 2)[::-1])
    marginal = np.bincount(code, law.probabilities)
    own = np.exp(-free_energies(machine, states) - log_z)
    np.testing.assert_allclose(own, marginal, rtol=1e-12)


@pytest.mark.parametrize("shape", [(4, 4), (8, 4)], ids=str)
def test_hidden_units_are_the_sites_of_the_other_sublattice(shape):
    """E(v, h) of both sublattices of a configuration is K times its Ising energy."""
    spins = np.random.default_rng(2).choice([-1, 1], (1, 20, *shape))
    both = Ensemble.from_values(spins)
    machine = sublattice_machine(shape, 0.3)
    v, h = (machine.tensor(sublattice(both, w).values[0]) for w in ("A", "B"))
    with torch.no_grad():
        energy = machine.energy(v, h.flatten(1)).numpy()
        tied = sublattice_filter(0.3).energy(v, h).numpy()
    expected = 0.3 * Ising(shape).energy(spins[0]) * math.prod(shape)
    np.testing.assert_allclose(energy, expected, atol=1e-12)
    np.testing.assert_allclose(tied, expected, atol=1e-12)


@pytest.mark.parametrize(
    "shape", [(8,), (2, 2), (4, 4), (8, 4), (6, 6), (12, 4), (4, 4, 4)], ids=str
)
def test_one_tied_filter_is_the_dense_machine(shape):
    dense = sublattice_machine(shape, 0.4)
    tied = dense_weights(sublattice_filter(0.4, len(shape)), dense.visible_geometry())
    np.testing.assert_allclose(tied, dense_weights(dense), atol=1e-15)
    assert np.count_nonzero(sublattice_filter(0.4, len(shape)).W.detach()) == (
        2 * len(shape)
    )


def with_weights(weights):
    machine = ConvRBM(filter=3, stride=1).double()
    with torch.no_grad():
        machine.W.copy_(torch.from_numpy(weights).reshape(1, 1, 3, 3))
    return machine


def test_a_filter_has_the_same_law_at_both_places():
    """F(v) of all states of A of 6×6; a filter that fills its window stays."""
    weights = sublattice_filter(K_C).W.detach().numpy().reshape(3, 3)
    here, there = places(weights)
    assert not np.array_equal(here, there)
    assert any(np.array_equal(weights, place) for place in (here, there))
    v = torch.from_numpy(all_states(18).reshape(-1, 6, 3)[::7]).double()
    with torch.no_grad():
        one, other = (with_weights(w).free_energy(v) for w in (here, there))
    np.testing.assert_allclose(one, other, rtol=1e-13)
    with torch.no_grad():
        wrapped = with_weights(np.roll(here, 1, axis=0)).free_energy(v)
    assert abs(wrapped - one).max() > 0.1  # no place: a bond has left the window
    assert len(places(np.ones((3, 3)))) == 1
    assert len(places(np.eye(1, 9).reshape(3, 3))) == 9
    with pytest.raises(ValueError, match="has no place, got zeros"):
        places(np.zeros((3, 3)))


def test_opposite_bonds_enter_the_law_through_their_sum():
    """∂F/∂w of both is one function of v, at equal weights and at no others."""
    v = np.random.default_rng(3).choice([-1.0, 1.0], (20, 8, 4))
    for spoilt, same in ((0.0, True), (0.1, False)):
        weights = sublattice_filter(K_C).W.detach().numpy().reshape(3, 3).copy()
        weights[1, 1] += spoilt
        machine = with_weights(weights)
        each = [
            torch.autograd.grad(machine.free_energy(x[None])[0], machine.W)[0]
            for x in torch.from_numpy(v)
        ]
        slopes = torch.stack(each).reshape(-1, 3, 3)
        for one, other in (((1, 1), (1, 2)), ((0, 2), (2, 1))):
            off = abs(slopes[:, *one] - slopes[:, *other]).max()
            assert (off < 1e-12) == same


def test_a_sublattice_keeps_positions_and_distances():
    """Sites of A and B together are the lattice, each at its own place."""
    shape = (8, 4)
    place = np.arange(32.0).reshape(1, 1, *shape)
    fine = Ensemble.from_values(place, alphabet="real")
    where = Grid(shape).positions()
    seen = []
    for which in ("A", "B"):
        part = sublattice(fine, which)
        sites = part.values.ravel().astype(int)
        at = part.grid.positions()
        assert not Grid(shape).distance(at, where[sites]).any()
        for i in range(len(sites)):
            np.testing.assert_allclose(
                part.grid.distance(at[i], at),
                Grid(shape).distance(where[sites[i]], where[sites]),
                atol=1e-12,
            )
        seen += sites.tolist()
        assert part.history[-1] == {"step": "sublattice", "which": which}
        assert part.lineage == fine.lineage
    assert sorted(seen) == list(range(32))


def test_a_coarse_sublattice_stays_in_original_sites():
    coarse = Grid((8, 8)).coarsened(2)
    part = sublattice(Ensemble.from_values(np.ones((1, 1, 4, 4)), coarse))
    at = part.grid.positions()
    assert part.grid.distance(at[0], at)[1:].min() == pytest.approx(2 * math.sqrt(2))


@pytest.mark.parametrize("shape", [(4, 6), (4, 8), (5, 5), (3,), (6, 4)], ids=str)
def test_a_torus_whose_sublattice_is_none_is_refused(shape):
    with pytest.raises(ValueError, match=r"multiple of the last one, got shape"):
        sublattice_machine(shape, 0.4)


def test_a_sublattice_needs_one_value_per_site():
    spins = Ensemble.from_values(np.ones((1, 1, 4, 4)))
    name: Any = "C"
    with pytest.raises(ValueError, match="A or B, got 'C'"):
        sublattice(spins, name)
    maps = Ensemble.from_values(np.ones((1, 1, 2, 4, 4)), Grid((4, 4)), features=2)
    with pytest.raises(ValueError, match="one value per site"):
        sublattice(maps)


def turned(machine, seed=1):
    """The same law: hidden units in another order and of other signs."""
    rng = np.random.default_rng(seed)
    units = machine.hidden.size
    order, signs = rng.permutation(units), rng.choice([-1.0, 1.0], units)
    other = RBM(machine.visible, units).double()
    with torch.no_grad():
        other.W.copy_(machine.W[:, order] * torch.from_numpy(signs))
    return other, order


def test_units_are_found_whatever_their_order_and_signs():
    truth = sublattice_machine((4, 4), K_C)
    same, order = turned(truth)
    seen = recovered(same, truth)
    assert seen.share == 1
    assert abs(seen.distance).max() < 1e-7
    assert (order[seen.unit] == np.arange(8)).all()
    assert str(seen) == "8 of 8 units found"


def test_only_units_near_the_truth_are_found():
    """Three spoilt units of eight, and a machine of fewer units than the truth."""
    truth = sublattice_machine((4, 4), K_C)
    other, order = turned(truth)
    with torch.no_grad():
        other.W[:, :3] = 0.01
    seen = recovered(other, truth)
    assert seen.found == 5
    assert set(np.flatnonzero(seen.distance > 0.25)) == set(order[:3])
    few = RBM((4, 2), 2).double()
    with torch.no_grad():
        few.W.copy_(truth.W[:, :2])
    assert recovered(few, truth).found == 2
    assert (recovered(few, truth).unit == -1).sum() == 6
    assert recovered(RBM((4, 2), 8), truth).found == 0


def test_a_true_filter_moved_by_a_site_is_found():
    moved = sublattice_filter(0.4)
    with torch.no_grad():
        moved.W.copy_(-moved.W.roll(-1, 3))
    truth = sublattice_machine((8, 8), 0.4)
    seen = recovered(moved, truth, visible=truth.visible_geometry())
    assert (seen.share, seen.distance.max()) == (1, 0)
    with torch.no_grad():
        moved.W.mul_(1.3)
    assert recovered(moved, truth, visible=truth.visible).share == 0


def test_a_recovery_that_cannot_be_is_refused():
    truth = sublattice_machine((4, 4), 0.4)
    with pytest.raises(ValueError, match="one visible layer, got 9 and 8"):
        recovered(RBM(9, 3), truth)
    with pytest.raises(ValueError, match="needs weights, got unit 0 without any"):
        recovered(truth, sublattice_machine((4, 4), 0.0))
    with pytest.raises(ValueError, match="dimension 1, 2 or 3"):
        sublattice_filter(0.4, 4)
    assert isinstance(sublattice_filter(0.4, 1), ConvRBM)


UNITS, SAMPLES = 8, 20_000


def trained_from_the_truth(coupling):
    """KL from the truth at K_c, and units found, after training on data at a coupling.

    20 000 independent draws of the exact law; the training starts at K_c.
    """
    truth, source = (sublattice_machine((4, 4), k) for k in (K_C, coupling))
    v = all_states(UNITS).reshape(-1, 4, 2)
    with torch.no_grad():
        log_p, law = (m.log_likelihood(m.tensor(v)) for m in (truth, source))
    rng = np.random.default_rng(0)
    spins = v[rng.choice(len(v), SAMPLES, p=law.exp().numpy())]
    data = Ensemble.from_values(spins.reshape(200, 100, 4, 2), truth.visible)
    settings = Training(
        epochs=10, batch=500, k=5, chains="persistent", learning_rate=0.03, l1=0.0
    )
    machine = train(truth, data, settings=settings, seed=0)
    with torch.no_grad():
        log_q = machine.log_likelihood(machine.tensor(v))
        kl = (log_p.exp() * (log_p - log_q)).sum()
    return float(kl), recovered(machine, truth)


def test_a_dense_machine_started_at_the_truth_stays():
    """2n KL is at most χ² of 64 weights, below 118 at a level of 5e-5.

    Data at a coupling of 0.36 lead away from it.
    """
    kl, seen = trained_from_the_truth(K_C)
    assert kl < stats.chi2(UNITS * UNITS).isf(5e-5) / (2 * SAMPLES)
    assert seen.share == 1
    assert seen.distance.max() < 0.1
    kl, _ = trained_from_the_truth(0.36)
    assert kl > stats.chi2(UNITS * UNITS).isf(5e-5) / (2 * SAMPLES)
