"""The response of couplings to weights, against exact couplings of moved weights.

A machine on 4×4 sites with four units is small enough to enumerate: the law of its
units is a sum over 65 536 configurations, the couplings of that law a maximum over 16
states, and the response a difference quotient of exact couplings.
"""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import chi2

import kadanoff as kd
from kadanoff.coarse.layer import Layer
from kadanoff.ensemble import Ensemble
from kadanoff.exact.enumerate import all_states
from kadanoff.geometry import Grid
from kadanoff.instruments.clusters import local_clusters
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.rbm import RBM
from kadanoff.scorecard.divergence import divergence
from kadanoff.scorecard.pruning import (
    ORDERS,
    READINGS,
    order_of,
    pruning_curve,
    with_directions,
    with_largest_weights,
)
from kadanoff.scorecard.relevance import (
    CLASSES,
    OPERATORS,
    Relevance,
    flip_differences,
    placed,
    relevance,
)

SIDE, COUPLING = 4, 0.3
SMALL = ("nn", "nnn", "plaquette", "field")
"""Operators that a lattice of 2×2 tells apart."""


def machine(*, null=False, bias=0.0, seed=0) -> RBM:
    """Four units, each strong on a block and weak elsewhere; two alike if `null`."""
    rng = np.random.default_rng(seed)
    W = 0.08 * rng.normal(size=(SIDE, SIDE, 4))
    for unit, (x, y) in enumerate(((0, 0), (0, 2), (2, 0), (2, 2))):
        W[x : x + 2, y : y + 2, unit] += 0.3 + 0.05 * unit
    W = W.reshape(SIDE**2, 4)
    if null:
        u, s, vh = np.linalg.svd(W, full_matrices=False)
        W = (u[:, :3] * s[:3]) @ vh[:3]
    network = RBM((SIDE, SIDE), 4, biases=bool(bias)).double()
    network.W.data = torch.from_numpy(W)
    network.b.data = torch.from_numpy(bias * rng.normal(size=4))
    return network


@pytest.fixture(scope="module")
def law() -> tuple[np.ndarray, np.ndarray]:
    """All configurations and the Ising probability of each."""
    v = all_states(SIDE**2).astype(float)
    s = v.reshape(-1, SIDE, SIDE)
    bonds = s * np.roll(s, 1, 1) + s * np.roll(s, 1, 2)
    p = np.exp(COUPLING * bonds.sum((1, 2)))
    return v, p / p.sum()


def drawn(law, chains, draws, seed) -> Ensemble:
    """Independent configurations of the law, in chains."""
    v, p = law
    rows = np.random.default_rng(seed).choice(len(p), size=chains * draws, p=p)
    values = v[rows].astype(np.int8).reshape(chains, draws, SIDE, SIDE)
    return Ensemble.from_values(
        values, model="ising", couplings={"K": COUPLING}, parameters={}
    )


def units_law(law, W, b) -> np.ndarray:
    """p(h) over the 16 states of the units, the first unit most significant."""
    v, p = law
    up = expit(2 * (v @ W + b))
    both = [np.stack([1 - x, x], axis=1) for x in up.T]
    pairs = [
        (a[:, :, None] * b[:, None]).reshape(-1, 4) for a, b in (both[:2], both[2:])
    ]
    return (pairs[0].T @ (p[:, None] * pairs[1])).ravel()


def local_values(h, operators, grid) -> np.ndarray:
    """z_α(x) of `(n, *shape)` spins, cluster by cluster, `(n, sites, operators)`."""
    sites = list(np.ndindex(grid.shape))
    out = np.zeros((len(h), len(sites), len(operators)))
    for k, name in enumerate(operators):
        for cluster in local_clusters(name, grid):
            for n, x in enumerate(sites):
                at = [tuple(np.add(x, o) % grid.shape) for o in cluster]
                out[:, n, k] += np.prod([h[(slice(None), *a)] for a in at], axis=0)
    return out


def couplings_of(p, operators=SMALL, start=None) -> np.ndarray:
    """The maximum of the exact pseudo-likelihood of a law of 2×2 spins."""
    z = local_values(all_states(4).reshape(-1, 2, 2), operators, Grid((2, 2)))
    share = np.repeat(p / 4, 4)
    z = z.reshape(-1, len(operators))

    def descent(k):
        field = -2 * z @ k
        return share @ np.logaddexp(0, field), -2 * (share * expit(field)) @ z

    k = np.zeros(len(operators)) if start is None else start
    k = minimize(descent, k, jac=True, method="BFGS", options={"gtol": 1e-9}).x
    for _ in range(5):  # Newton's steps take the last digits
        wrong = expit(-2 * z @ k)
        h = 4 * (z.T * (share * wrong * (1 - wrong))) @ z
        k = k + np.linalg.solve(h, 2 * (share * wrong) @ z)
    return k


def exact_response(law, W, b, operators=SMALL) -> np.ndarray:
    """β of all directions by difference quotients of exact couplings."""
    u, s, vh = np.linalg.svd(W, full_matrices=False)
    shifts = [(s[k] * np.outer(u[:, k], vh[k]), 0 * b) for k in range(4)]
    shifts.append((0 * W, np.ones(4)))
    shifts += [(0 * W, 2 * vh[k]) for k in range(4)]
    centre = couplings_of(units_law(law, W, b), operators)
    eps, rows = 1e-4, []
    for dW, db in shifts:
        ends = [
            couplings_of(units_law(law, W + e * dW, b + e * db), operators, centre)
            for e in (eps, -eps)
        ]
        rows.append((ends[0] - ends[1]) / (2 * eps))
    return np.array(rows)


def aligned(found: Relevance, W) -> np.ndarray:
    """Signs by which the found `b k` differ from those of another decomposition."""
    u, _, _ = np.linalg.svd(W, full_matrices=False)
    turned = np.sign((u * found.modes).sum(axis=0))
    return np.concatenate([np.ones(5), turned])[:, None]


# --- the identity, without samples ---------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (4, 4), (5, 3)])
def test_flip_differences_are_differences_of_whole_gradients(shape):
    grid, rng = Grid(shape), np.random.default_rng(1)
    names = [name for name in OPERATORS if local_clusters(name, grid)]
    h = rng.choice([-1, 1], size=(6, *shape)).astype(np.int8)
    laws = 0.3 * rng.normal(size=(2, len(names)))

    def gradient(spins, k):
        z = local_values(spins, names, grid)
        return (2 * z * expit(-2 * z @ k)[..., None]).mean(axis=1)

    found = flip_differences(h, grid, names, laws)
    for law_, k in enumerate(laws):
        for a, site in enumerate(np.ndindex(shape)):
            up, down = h.copy(), h.copy()
            up[(slice(None), *site)], down[(slice(None), *site)] = 1, -1
            half = (gradient(up, k) - gradient(down, k)) / 2
            np.testing.assert_allclose(found[law_, :, :, a], half, atol=1e-14)


def exact_identity(law, W, b, share=1.0) -> np.ndarray:
    """H⁻¹ ⟨Σ_a D_a ∂φ_a⟩, summed over all configurations and all units."""
    v, p = law
    h = all_states(4)
    k = couplings_of(units_law(law, W, b))
    up = expit(2 * (v @ W + b))
    given = np.where(h[:, None] > 0, up, 1 - up).prod(axis=2)  # (16, configurations)
    differences = flip_differences(h.reshape(-1, 2, 2), Grid((2, 2)), SMALL, k[None])
    mean = np.einsum("hc,hka->cka", given, differences[0])
    weight = p[:, None] * share / np.cosh(v @ W + b) ** 2
    u, s, vh = np.linalg.svd(W, full_matrices=False)
    fields = [np.outer(v @ u[:, i], s[i] * vh[i]) for i in range(4)]
    fields += [np.ones_like(up)] + [np.ones_like(up) * 2 * vh[i] for i in range(4)]
    slopes = [np.einsum("ca,cka->k", weight * f, mean) for f in fields]
    z = local_values(h.reshape(-1, 2, 2), SMALL, Grid((2, 2))).reshape(-1, len(SMALL))
    wrong = expit(-2 * z @ k)
    of = np.repeat(units_law(law, W, b) / 4, 4) * wrong * (1 - wrong)
    return np.linalg.solve(4 * (z.T * of) @ z, np.array(slopes).T).T


@pytest.mark.parametrize("bias", [0.0, 0.3])
def test_the_response_is_the_derivative_of_exact_couplings(law, bias):
    """All nine directions and four operators, to the digits of the quotient."""
    network = machine(bias=bias, seed=3)
    W, b = (p.detach().numpy() for p in (network.W, network.b))
    exact = exact_response(law, W, b)
    np.testing.assert_allclose(exact_identity(law, W, b), exact, atol=2e-6)
    assert abs(exact).max() > 0.1
    wrong = exact_identity(law, W, b, share=1.01)
    assert abs(wrong - exact).max() > 1e-4


# --- from samples ---------------------------------------------------------------------


@pytest.mark.parametrize("bias", [0.0, 0.3])
def test_a_sampled_response_agrees_with_the_exact_one(law, bias):
    """5 errors, 36 numbers, 64 blocks: level 2e-4; weights off by 15 % are seen."""
    network = machine(bias=bias, seed=3)
    configurations = drawn(law, 256, 160, seed=5)
    found = relevance(network, configurations, seed=1)
    assert found.operators == SMALL
    W, b = placed(network, configurations, seed=1).weights
    exact = exact_response(law, W, b) * aligned(found, W)
    off = abs(found.response.value - exact) / found.response.error
    assert off.max() < 5
    assert np.median(found.response.error) < 0.02
    moved = exact_response(law, 1.15 * W, b) * aligned(found, W)
    assert (abs(found.response.value - moved) / found.response.error).max() > 8


def test_errors_are_the_spread_of_repeated_readings(law):
    """Variance over its estimate, 20 readings: χ² at a level of 1e-5 either way."""
    network, reps = machine(seed=3), 20
    found = [
        relevance(network, drawn(law, 64, 24, seed=100 + n), seed=n).response
        for n in range(reps)
    ]
    signs = np.sign([f.value[4, 3] for f in found])
    assert (signs > 0).all()
    for direction, operator in ((0, 0), (1, 0), (4, 3)):
        values = np.array([f.value[direction, operator] for f in found])
        claimed = np.mean([f.error[direction, operator] ** 2 for f in found])
        low, high = chi2.ppf([5e-6, 1 - 5e-6], reps - 1)
        assert low < (reps - 1) * values.var(ddof=1) / claimed < high


def test_a_direction_without_singular_value_does_nothing(law):
    """The control: exactly 0, and of no class but inert; its neighbours are seen."""
    found = relevance(machine(null=True), drawn(law, 64, 160, seed=6))
    last = found.directions.index("W 4")
    assert found.singular_values[last] == 0
    assert not found.response.value[last].any()
    assert not found.response.error[last].any()
    assert found.classes[last] == "inert"
    assert found.classes[0] != "inert"


def test_symmetry_keeps_sectors_apart(law):
    """Without biases weights cannot make a field, biases nothing but a field.

    Of 4 × 1 and 5 × 3 numbers none is 5 errors from zero, a level of 1e-4.
    """
    found = relevance(machine(seed=3), drawn(law, 256, 80, seed=7))
    z = abs(found.response.value) / found.response.error
    assert z[:4, 3].max() < 5
    assert z[4:, :3].max() < 5
    assert z[4, 3] > 20
    assert z[0, 0] > 8


def test_classes_follow_the_scaling_fields(law):
    """The uniform direction and the uniform bias move a field that grows."""
    found = relevance(machine(seed=3), drawn(law, 256, 80, seed=8))
    growing = found.eigenvalues.value > 1
    assert found.fields[0] == "even 1"
    assert growing[0]
    assert found.classes[found.directions.index("W 1")] == "relevant"
    assert found.classes[found.directions.index("b")] == "relevant"
    assert set(found.classes) <= set(CLASSES)
    assert "b" in found.of_class("relevant")


def test_false_alarms_keep_their_level(law):
    """Noise weights: directions whose true response is far below the error of it.

    At a family-wise level of 0.2 more than 9 of 12 families have a chance of 5e-6;
    were it the level of each test, all of them would give an alarm.
    """
    network = machine(null=True)
    network.W.data *= 1e-9
    wrong = 0
    for n in range(12):
        found = relevance(network, drawn(law, 64, 16, seed=n), level=0.2, seed=n)
        wrong += any(c != "inert" for c in found.classes[:4])
    assert wrong <= 9


def test_a_reading_becomes_json(law):
    found = relevance(machine(seed=3), drawn(law, 64, 20, seed=9))
    shown = json.loads(json.dumps(found.as_dict()))
    assert shown["directions"]["W 1"]["class"] == found.classes[0]
    assert len(shown["directions"]) == 9


# --- pruning --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pruned(law):
    """A machine on configurations of the law, and its directions."""
    configurations = drawn(law, 64, 40, seed=10)
    network = machine(seed=3)
    return placed(network, configurations), relevance(network, configurations)


def test_all_directions_are_the_machine_and_none_is_the_uniform_law(pruned, law):
    here, found = pruned
    curve = pruning_curve(here, found, "magnitude", shares=(0.0, 0.5, 1.0))
    whole = float(divergence(here.network, here.fine, seed=0).kl.value.value)
    _, p = law
    none = math.log(2) + float((p * np.log(p)).sum()) / SIDE**2
    assert curve.values("kl")[[0, 2]] == pytest.approx([none, whole], abs=1e-9)
    assert none > curve.values("kl")[1] > whole
    assert abs(curve.values("energy")[0]) < 5 * curve.errors("energy")[0]
    assert curve.values("energy")[2] < -10 * curve.errors("energy")[2]
    assert curve.parameters.tolist() == [0, 2 * (16 + 4 - 2), 64]


@pytest.mark.parametrize("by", ORDERS)
def test_every_order_ends_at_the_whole_machine(pruned, by):
    here, found = pruned
    curve = pruning_curve(here, found, by, shares=(0.5, 1.0))
    same = pruning_curve(here, found, "magnitude", shares=(1.0,))
    for name in READINGS:
        assert curve.values(name)[1] == pytest.approx(same.values(name)[0], abs=1e-6)
    assert set(curve.as_dict()) == {"by", "share", "parameters", *READINGS}


def test_directions_are_kept_by_what_was_asked_for(pruned):
    _, found = pruned
    rng = np.random.default_rng(0)
    by_size = order_of(found, "magnitude", rng=rng)
    assert by_size.tolist() == [0, 1, 2, 3]
    strength = found.strength.value[order_of(found, "response", rng=rng)]
    assert (np.diff(strength) <= 0).all()
    assert sorted(order_of(found, "random", rng=rng)) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="ordered by"):
        order_of(found, "weights", rng=rng)


def test_what_is_kept_is_kept_to_the_last_digit():
    network = machine(seed=3)
    W = network.W.detach().numpy()
    u, s, vh = np.linalg.svd(W, full_matrices=False)
    kept = with_directions(network, u[:, [0, 2]]).W.detach().numpy()
    direct = s[0] * np.outer(u[:, 0], vh[0]) + s[2] * np.outer(u[:, 2], vh[2])
    np.testing.assert_allclose(kept, direct, atol=1e-12)
    sparse = with_largest_weights(network, 10).W.detach().numpy()
    assert np.count_nonzero(sparse) == 10
    assert abs(sparse[sparse != 0]).min() >= np.sort(abs(W).ravel())[-10]
    assert network.W.detach().numpy() is not sparse


def test_an_unknown_law_has_no_divergence(pruned, law):
    here, found = pruned
    unknown = Ensemble.from_values(here.fine.values)
    other = placed(here.network, unknown)
    curve = pruning_curve(other, found, "response", shares=(1.0,))
    assert np.isnan(curve.values("kl")).all()
    assert np.isfinite(curve.values("y_H")).all()


# --- bad input ------------------------------------------------------------------------


def refusal(law, **wrong):
    return {"layer": machine(), "ensemble": drawn(law, 64, 20, seed=1)} | wrong


def test_what_has_no_directions_is_refused(law):
    with pytest.raises(ValueError, match="dense machine of spins, got a conv-rbm"):
        relevance(**refusal(law, layer=ConvRBM(filter=2)))
    with pytest.raises(ValueError, match="dense machine of spins, got a rbm"):
        relevance(**refusal(law, layer=RBM((4, 4), 4, units=("gaussian", "spin"))))
    with pytest.raises(ValueError, match="level lies between"):
        relevance(**refusal(law, level=1.0))
    with pytest.raises(ValueError, match="independent configurations"):
        relevance(**refusal(law, ensemble=drawn(law, 4, 10, seed=1)))
    with pytest.raises(ValueError, match="not the blocks"):
        relevance(**refusal(law, layer=RBM((4, 4), 5)))
    real = Ensemble.from_values(np.ones((8, 9, 4, 4)) / 2, alphabet="real")
    with pytest.raises(ValueError, match="got values of alphabet 'real'"):
        relevance(**refusal(law, ensemble=real))
    with pytest.raises(ValueError, match="class is one of"):
        relevance(**refusal(law)).of_class("important")


def test_shares_and_orders_out_of_range_are_refused(pruned):
    here, found = pruned
    with pytest.raises(ValueError, match="pruning is by"):
        pruning_curve(here, found, "size", shares=(1.0,))
    for shares in ((), (1.5,), (float("nan"),)):
        with pytest.raises(ValueError, match="between 0 and 1"):
            pruning_curve(here, found, "magnitude", shares=shares)


def test_a_layer_and_its_machine_are_the_same(law):
    network, configurations = machine(), drawn(law, 64, 20, seed=2)
    one = relevance(network, configurations)
    other = relevance(Layer(network), configurations)
    np.testing.assert_array_equal(one.response.value, other.response.value)
    assert kd.Ising((4, 4)).geometry == configurations.geometry
