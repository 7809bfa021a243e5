"""Belief propagation against visits to every state of every vertex, and its theorems.

The tests enumerate whole histories y₀ … y_n, with no recursion shared with the code.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from kadanoff.exact.information import BIT, mutual_information
from kadanoff.expressivity.hierarchy import (
    BroadcastTree,
    Comparison,
    TreeNetwork,
    census,
    compare_networks,
    decision_confusions,
    flat_network,
    inference_layer,
    information,
    information_bounds,
    information_profile,
    kesten_stigum,
    leaf_table,
    majority_confusions,
    merged,
    messages,
    root_experiment,
    root_posterior,
    symmetric_tree,
)
from kadanoff.networks.products import one_thread

SKEW = np.array([[0.7, 0.2, 0.1], [0.15, 0.8, 0.05], [0.3, 0.3, 0.4]])
TREES = {
    "skew": BroadcastTree(2, 2, SKEW, np.array([0.5, 0.2, 0.3])),
    "deep": symmetric_tree(3, 2, 0.75),
    "wide": symmetric_tree(2, 3, 0.6),
    "biased": BroadcastTree(
        2, 3, np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0.3, 0.7])
    ),
    "line": BroadcastTree(3, 1, SKEW, np.array([0.2, 0.2, 0.6])),
}
each_tree = pytest.mark.parametrize("tree", TREES.values(), ids=TREES.keys())


def configurations(q: int, sites: int) -> np.ndarray:
    return np.array(list(itertools.product(range(q), repeat=sites)), dtype=np.int64)


@cache
def histories(tree: BroadcastTree) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Every state of every vertex, by levels, and its probability."""
    sizes = [tree.branching**i for i in range(tree.depth + 1)]
    every = configurations(tree.q, sum(sizes))
    levels = tuple(np.split(every, np.cumsum(sizes)[:-1], axis=1))
    p = tree.prior[levels[0][:, 0]].copy()
    for above, below in itertools.pairwise(levels):
        for child in range(below.shape[1]):
            p *= tree.channel[above[:, child // tree.branching], below[:, child]]
    return levels, p


def number(tree: BroadcastTree, states: np.ndarray) -> np.ndarray:
    return states @ tree.q ** np.arange(states.shape[1])[::-1]


def joint(tree: BroadcastTree, level: int) -> np.ndarray:
    """p(y_level, leaves) by summing histories, `(state of the level, leaves)`."""
    levels, p = histories(tree)
    rows = tree.q ** levels[level].shape[1]
    columns = tree.q**tree.leaves
    index = number(tree, levels[level]) * columns + number(tree, levels[-1])
    return np.bincount(index, p, rows * columns).reshape(rows, columns)


def classes(values: np.ndarray) -> np.ndarray:
    """Number of the class of equal rows that each row is in."""
    flat = np.round(values.reshape(len(values), -1), 9) + 0.0
    return np.unique(flat, axis=0, return_inverse=True)[1].ravel()


def known(law: np.ndarray, label: np.ndarray) -> float:
    """I(row; label of the column), bits."""
    columns = np.stack([law[:, label == k].sum(axis=1) for k in np.unique(label)], 1)
    return mutual_information(columns) / BIT


# Bayes


@each_tree
def test_the_composed_layers_are_bayes(tree: BroadcastTree) -> None:
    law = joint(tree, 0)
    found = root_posterior(tree, configurations(tree.q, tree.leaves))
    np.testing.assert_allclose(found, (law / law.sum(axis=0)).T, rtol=1e-12)


@each_tree
def test_the_messages_of_a_level_are_its_likelihood(tree: BroadcastTree) -> None:
    found = messages(tree, configurations(tree.q, tree.leaves))
    for level in range(tree.depth + 1):
        law = joint(tree, level)
        likelihood = law / law.sum(axis=1, keepdims=True)
        states = configurations(tree.q, tree.branching**level)
        product = np.ones((len(found[level]), len(states)))
        for vertex in range(states.shape[1]):
            product *= found[level][:, vertex][:, states[:, vertex]]
        np.testing.assert_allclose(
            product / product.sum(axis=1, keepdims=True),
            (likelihood / likelihood.sum(axis=0)).T,
            rtol=1e-12,
        )


@each_tree
def test_leaves_given_the_root(tree: BroadcastTree) -> None:
    law = joint(tree, 0)
    np.testing.assert_allclose(
        leaf_table(tree), (law / law.sum(axis=1, keepdims=True)).T, rtol=1e-12
    )


def test_a_channel_off_by_two_per_cent_is_seen() -> None:
    right, wrong = symmetric_tree(3, 2, 0.75), symmetric_tree(3, 2, 0.765)
    leaves = configurations(2, 8)
    apart = np.abs(root_posterior(right, leaves) - root_posterior(wrong, leaves))
    assert apart.max() > 5e-3


# Minimal sufficient statistics


@each_tree
def test_no_layer_loses_information(tree: BroadcastTree) -> None:
    found = messages(tree, configurations(tree.q, tree.leaves))
    law = joint(tree, 0)
    whole = mutual_information(law) / BIT
    for level in found:
        assert known(law, classes(level)) == pytest.approx(whole, abs=1e-12)
    assert information(leaf_table(tree), tree.prior) == pytest.approx(whole, abs=1e-12)
    assert information(root_experiment(tree), tree.prior) == pytest.approx(
        whole, abs=1e-12
    )


@each_tree
def test_a_level_keeps_all_that_the_leaves_say_of_it(tree: BroadcastTree) -> None:
    found = messages(tree, configurations(tree.q, tree.leaves))
    for level in range(tree.depth + 1):
        law = joint(tree, level)
        whole = mutual_information(law) / BIT
        assert known(law, classes(found[level])) == pytest.approx(whole, abs=1e-12)


@each_tree
def test_leaves_are_told_apart_only_where_the_posterior_differs(
    tree: BroadcastTree,
) -> None:
    found = messages(tree, configurations(tree.q, tree.leaves))
    for level in range(tree.depth + 1):
        law = joint(tree, level)
        by_bayes, by_layers = classes((law / law.sum(axis=0)).T), classes(found[level])
        pairs = set(zip(by_bayes.tolist(), by_layers.tolist(), strict=True))
        assert len(pairs) == len(set(by_bayes)) == len(set(by_layers))
        vertex = root_experiment(tree.to_depth(tree.depth - level))
        assert len(pairs) == len(vertex) ** tree.branching**level


@each_tree
def test_each_statistic_is_a_function_of_the_one_below(tree: BroadcastTree) -> None:
    found = messages(tree, configurations(tree.q, tree.leaves))
    for level in range(tree.depth):
        law = joint(tree, level)
        here, below = classes((law / law.sum(axis=0)).T), classes(found[level + 1])
        pairs = set(zip(below.tolist(), here.tolist(), strict=True))
        assert len(pairs) == len(set(below.tolist()))
        np.testing.assert_array_equal(
            inference_layer(tree, found[level + 1]), found[level]
        )


def exact_posteriors(depth: int, odds: int) -> set[Fraction]:
    """p(root = 0 | leaves) of all leaves of a binary tree, in whole numbers.

    A copy is right `odds` times as often as wrong.
    """
    vertices = 2 ** (depth + 1) - 1
    inside = vertices - 2**depth
    weights: dict[tuple[int, ...], list[int]] = {}
    for state in itertools.product((0, 1), repeat=vertices):
        right = sum(state[v] == state[(v - 1) // 2] for v in range(1, vertices))
        weights.setdefault(state[inside:], [0, 0])[state[0]] += odds**right
    return {Fraction(zero, zero + one) for zero, one in weights.values()}


def test_distinct_posteriors_are_counted_exactly() -> None:
    counts = [len(exact_posteriors(depth, 6)) for depth in (1, 2, 3)]
    trees = [symmetric_tree(depth, 2, 5 / 7) for depth in (1, 2, 3)]
    assert [len(root_experiment(tree)) for tree in trees] == counts
    assert counts == [3, 5, 13]  # of 4, 16 and 256 leaf configurations


def test_an_experiment_has_no_row_to_spare() -> None:
    seen = np.array([[0.2, 0.4], [0.1, 0.2], [0.7, 0.4]])
    for depth, b in ((0, 2), (1, 1)):
        assert len(root_experiment(symmetric_tree(depth, b, 0.5), seen)) == 2


def test_merging_is_minimal_and_nothing_less() -> None:
    rows = np.array([[0.2, 0.4], [0.1, 0.2], [0.3, 0.1], [0.0, 0.0], [0.4, 0.3]])
    kept = merged(rows)
    np.testing.assert_allclose(kept, [[0.3, 0.1], [0.4, 0.3], [0.3, 0.6]], rtol=1e-15)
    prior = np.array([0.5, 0.5])
    assert information(kept, prior) == pytest.approx(
        information(rows, prior), rel=1e-14
    )
    less = np.stack([kept[0] + kept[1], kept[2]])
    assert information(less, prior) < information(kept, prior) - 1e-3


# Coarser statistics and data processing


def voted(tree: BroadcastTree, leaves: np.ndarray) -> list[np.ndarray]:
    """States of the majority, level by level upward; odd branching, two states."""
    found = [leaves]
    while found[-1].shape[1] > 1:
        groups = found[-1].reshape(len(leaves), -1, tree.branching)
        found.append((groups.sum(axis=2) * 2 > tree.branching).astype(np.int64))
    return found[::-1]


@pytest.mark.parametrize("name", ["wide", "biased"])
def test_what_a_vote_knows_by_enumeration(name: str) -> None:
    tree = TREES[name]
    law = joint(tree, 0)
    found = voted(tree, configurations(2, tree.leaves))
    profile = information_profile(tree)
    for level, states in enumerate(found):
        expected = known(law, number(tree, states))
        assert profile.majority[level] == pytest.approx(expected, abs=1e-12)


def tied_vote(tree: BroadcastTree, leaves: tuple[int, ...]) -> np.ndarray:
    """P(majority of majorities = 0, 1) of these leaves, draws decided by lot."""
    if len(leaves) == 1:
        return np.eye(2)[leaves[0]]
    below = [tied_vote(tree, tuple(c)) for c in np.split(np.array(leaves), 2)]
    share = np.zeros(2)
    for a, b in itertools.product((0, 1), repeat=2):
        share += below[0][a] * below[1][b] * (np.eye(2)[a] + np.eye(2)[b]) / 2
    return share


def test_a_tied_vote_by_enumeration() -> None:
    tree = TREES["deep"]
    votes = np.array([tied_vote(tree, tuple(s)) for s in configurations(2, 8)])
    expected = mutual_information(joint(tree, 0) @ votes) / BIT
    assert information_profile(tree).majority[0] == pytest.approx(expected, abs=1e-12)


def test_a_decision_by_enumeration() -> None:
    tree = TREES["biased"]
    short = tree.to_depth(1)
    guess = {}  # a vertex of level 1 decides from its leaves, by Bayes
    for leaves in itertools.product((0, 1), repeat=3):
        one = BroadcastTree(1, 3, tree.channel, tree.marginal(1))
        guess[leaves] = int(root_posterior(one, [leaves])[0].argmax())
    levels, p = histories(tree)
    decided = np.array(
        [[guess[tuple(g)] for g in row.reshape(3, 3).tolist()] for row in levels[2]]
    )
    table = np.zeros((2, 8))
    np.add.at(table, (levels[0][:, 0], number(short, decided)), p)
    profile = information_profile(tree)
    assert profile.decision[1] == pytest.approx(
        mutual_information(table) / BIT, abs=1e-12
    )
    best = table.argmax(axis=0)
    final = np.stack([table[:, best == k].sum(axis=1) for k in (0, 1)], 1)
    assert profile.decision[0] == pytest.approx(
        mutual_information(final) / BIT, abs=1e-12
    )


@each_tree
def test_confusions_are_laws(tree: BroadcastTree) -> None:
    for confusions in (majority_confusions(tree), decision_confusions(tree)):
        assert len(confusions) == tree.depth + 1
        for table in confusions:
            np.testing.assert_allclose(table.sum(axis=0), 1, rtol=1e-13)


def test_without_bias_the_decision_is_the_majority() -> None:
    profile = information_profile(TREES["wide"])
    np.testing.assert_allclose(profile.decision, profile.majority, rtol=1e-13)
    biased = information_profile(TREES["biased"])
    assert biased.decision[0] > biased.majority[0] + 1e-3


@each_tree
def test_data_processing(tree: BroadcastTree) -> None:
    profile = information_profile(tree)
    assert profile.generation[0] == pytest.approx(
        -(tree.prior * np.log2(tree.prior)).sum(), abs=1e-13
    )
    assert (profile.lost("generation") > 0).all()
    assert np.abs(profile.lost("exact")).max() < 1e-13
    assert profile.exact[-1] == pytest.approx(profile.generation[-1], abs=1e-13)
    for statistic in ("majority", "decision"):
        assert (profile.lost(statistic) > -1e-13).all()
        assert getattr(profile, statistic)[-1] == pytest.approx(
            profile.exact[0], abs=1e-13
        )
        if tree.branching > 1:
            assert profile.lost(statistic).sum() > 1e-3


def test_generation_by_enumeration() -> None:
    tree = TREES["skew"]
    levels, p = histories(tree)
    profile = information_profile(tree)
    for level, states in enumerate(levels):
        table = np.zeros((3, 3 ** states.shape[1]))
        np.add.at(table, (levels[0][:, 0], number(tree, states)), p)
        expected = mutual_information(table) / BIT
        assert profile.generation[level] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["deep", "biased"])
def test_a_census_by_enumeration(name: str) -> None:
    tree = TREES[name]
    total = configurations(2, tree.leaves).sum(axis=1)
    table = leaf_table(tree)
    expected = [table[total == k].sum(axis=0) for k in range(tree.leaves + 1)]
    np.testing.assert_allclose(census(tree), expected, rtol=1e-12)


# Deep trees


@pytest.mark.parametrize(("b", "theta"), [(2, 0.75), (2, 0.6), (3, 0.5)])
@pytest.mark.parametrize("bins", [5, 30])
def test_bounds_hold_the_exact_information(b: int, theta: float, bins: int) -> None:
    bounds = information_bounds(symmetric_tree(4, b, theta), bins=bins)
    exact = [
        information(root_experiment(symmetric_tree(n, b, theta)), [0.5, 0.5])
        for n in range(5 if b == 2 else 4)
    ]
    n = len(exact)
    assert (bounds.lower[:n] <= np.array(exact) + 1e-14).all()
    assert (bounds.upper[:n] >= np.array(exact) - 1e-14).all()
    if bins == 5:  # they are not the same number by chance
        assert bounds.lower[n - 1] < exact[-1] - 1e-6 < exact[-1] + 1e-6
        assert bounds.upper[n - 1] > exact[-1] + 1e-6


def test_bounds_close_with_the_square_of_the_width() -> None:
    tree = symmetric_tree(12, 2, 0.75)
    gaps = []
    for bins in (10, 20, 40):
        bounds = information_bounds(tree, bins=bins)
        gaps.append((bounds.upper - bounds.lower)[-1])
    slopes = -np.diff(np.log2(gaps))
    assert slopes == pytest.approx([2, 2], abs=0.3)


def test_bounds_of_a_biased_tree() -> None:
    tree = TREES["biased"]
    bounds = information_bounds(tree, bins=8)
    exact = information_profile(tree).generation
    assert (bounds.lower <= exact + 1e-14).all()
    assert (exact <= bounds.upper + 1e-14).all()


def test_kesten_stigum_is_the_slope_where_little_is_known() -> None:
    for tree in (symmetric_tree(1, 2, 0.8), symmetric_tree(1, 3, 0.5, q=4)):
        q = tree.q
        faint = np.full((q, q), 1 / q) + 1e-4 * (np.eye(q) - 1 / q)
        above = information(root_experiment(tree, faint), tree.prior)
        slope = above / information(faint, tree.prior)
        assert slope == pytest.approx(kesten_stigum(tree), rel=1e-3)
    assert kesten_stigum(TREES["line"]) < 1


def test_below_the_threshold_a_deep_tree_forgets_its_root() -> None:
    tree = symmetric_tree(30, 2, 0.65)
    bounds = information_bounds(tree)
    rate = kesten_stigum(tree)
    assert rate == pytest.approx(0.845)
    # Evans et al.: no more than the sum over leaves of θ^(2n), in bits.
    assert (bounds.upper[:21] <= rate ** np.arange(21) + 1e-14).all()
    middle = (bounds.lower + bounds.upper) / 2
    ratios = middle[5:25:5] / middle[0:20:5] / rate**5
    assert (np.diff(ratios) > 0).all()  # towards 1, from below
    assert 0.95 < ratios[-1] < 1
    assert bounds.upper[30] < 0.002


def test_above_the_threshold_it_does_not() -> None:
    tree = symmetric_tree(120, 2, 0.75)
    bounds = information_bounds(tree, bins=40)
    assert kesten_stigum(tree) == pytest.approx(1.125)
    assert bounds.lower[-1] > 0.19
    assert np.ptp(bounds.lower[-20:]) < 1e-5


def test_at_the_threshold_it_forgets_by_a_power() -> None:
    """1/I grows linearly: a marginal operator. Off by 4% of θ it does not."""

    def straightness(theta: float) -> float:
        bounds = information_bounds(symmetric_tree(30, 2, theta), bins=60)
        steps = np.diff(2 / (bounds.lower + bounds.upper))[15:]
        return steps[-1] / steps[0]

    assert straightness(math.sqrt(0.5)) == pytest.approx(1, abs=0.05)
    assert straightness(0.68) > 1.5
    assert straightness(0.735) < 1 / 1.5


def test_votes_of_votes_have_a_threshold_of_their_own() -> None:
    """m′ = (3 θm - θ³m³)/2 of three children grows for θ > 2/3 only, not 1/√3."""
    theta = 0.63
    tree = symmetric_tree(40, 3, theta)
    # Of both states, so that a bias from rounding, which grows by 3/2, drops out.
    m = [np.trace(table) - 1 for table in majority_confusions(tree)[::-1]]
    for below, above in itertools.pairwise(m):
        x = theta * below
        assert above == pytest.approx((3 * x - x**3) / 2, abs=1e-14)
    assert kesten_stigum(tree) > 1 > 1.5 * theta
    assert m[-1] < 0.06
    assert information_bounds(tree.to_depth(20), bins=30).lower[-1] > 0.09
    clear = [np.trace(t) - 1 for t in majority_confusions(symmetric_tree(40, 3, 0.7))]
    fixed = math.sqrt((3 * 0.7 - 2) / 0.7**3)
    assert clear[0] == pytest.approx(fixed, rel=0.01)


def test_the_census_is_worse_and_knows_the_same_threshold() -> None:
    for theta, kept in ((0.8, True), (0.6, False)):
        seen = [
            information(census(symmetric_tree(n, 2, theta)), [0.5, 0.5])
            for n in range(1, 11)
        ]
        best = information_bounds(symmetric_tree(10, 2, theta)).upper[1:]
        assert (np.array(seen) <= best + 1e-14).all()
        assert (seen[-1] / seen[-2] > 0.98) == kept


# Draws and networks


def deviation(tree: BroadcastTree, drawn_from: BroadcastTree) -> float:
    """χ² of drawn histories of root and leaves; 32 of them are possible."""
    draws = 40_000
    levels = drawn_from.sample(draws, rng=np.random.default_rng(5))
    counts = np.bincount(levels[0][:, 0] * 16 + number(tree, levels[-1]), minlength=32)
    expected = draws * (leaf_table(tree) * tree.prior).T.ravel()
    return float(((counts - expected) ** 2 / expected).sum())


def test_draws_follow_the_law() -> None:
    """χ² with 31 degrees of freedom at level 1e-5; 5% of θ is noticed."""
    tree = symmetric_tree(2, 2, 0.6)
    limit = chi2.isf(1e-5, 31)
    assert deviation(tree, tree) < limit < deviation(tree, symmetric_tree(2, 2, 0.63))


def test_draws_have_the_shape_of_the_tree() -> None:
    levels = TREES["wide"].sample(7, rng=np.random.default_rng(1))
    assert [level.shape for level in levels] == [(7, 1), (7, 3), (7, 9)]


def test_the_tree_network_is_its_layers_vertex_by_vertex() -> None:
    tree = TREES["skew"]
    network = TreeNetwork(tree, 2, 5, noise=torch.Generator().manual_seed(1))
    leaves = torch.eye(3)[torch.tensor([[0, 2, 1, 1]])]
    lower, upper = network.layers
    left = lower(leaves[0, :2].ravel())
    right = lower(leaves[0, 2:].ravel())
    with torch.no_grad():
        expected = upper(torch.cat([left, right]))
        torch.testing.assert_close(network(leaves)[0], expected)
        swapped = network(leaves[:, [1, 2, 0, 3]])[0]
    assert (swapped - expected).abs().max() > 1e-3


def test_the_flat_network_is_not_the_smaller_one() -> None:
    tree = TREES["deep"]
    noise = torch.Generator().manual_seed(1)
    for asked in (30, 100, 232):
        size = sum(
            p.numel() for p in flat_network(tree, asked, noise=noise).parameters()
        )
        assert asked <= size < asked + tree.leaves * 2 + 3


def check_gain(found: Comparison, others: tuple[str, ...], z: float) -> None:
    """The tree is better than each other kind by z errors, paired by the examples."""
    for other in others:
        gain = found.excess[other] - found.excess["tree"]
        assert (gain > 0).all()
        assert gain.mean() > z * gain.std(ddof=1) / math.sqrt(len(gain))


def test_a_network_of_another_shape_is_further_from_bayes() -> None:
    tree = symmetric_tree(4, 2, 0.8)
    with one_thread():
        found = compare_networks(tree, draws=4000, steps=150, seeds=[0, 1])
    assert found.parameters["tree"] == found.parameters["shuffled"]
    assert found.parameters["tree"] <= found.parameters["flat"]
    known = information_profile(tree).exact[0] * BIT
    assert found.prior - found.floor == pytest.approx(known, abs=1e-12)
    for values in found.excess.values():
        assert (values > 0).all()
        assert (values < known).all()  # of one that has learned nothing
    check_gain(found, ("shuffled",), z=2)


@pytest.mark.slow
def test_the_shape_of_the_tree_is_worth_having() -> None:
    """Six seeds: 0.0031 ± 0.0003 nats against 0.0060 ± 0.0004 and 0.0094 ± 0.0005."""
    with one_thread():
        found = compare_networks(symmetric_tree(4, 2, 0.8), seeds=range(6))
    check_gain(found, ("shuffled", "flat"), z=4)


def test_untrained_networks_are_far_from_bayes() -> None:
    with one_thread():
        found = compare_networks(
            symmetric_tree(2, 2, 0.8), draws=50, steps=0, seeds=[0, 1]
        )
    for values in found.excess.values():
        assert (values > 0.2).all()


def test_networks_repeat_from_their_seed() -> None:
    before = torch.random.get_rng_state()
    settings = {"draws": 100, "steps": 20, "seeds": [3, 4]}
    with one_thread():
        once, again = (
            compare_networks(symmetric_tree(2, 2, 0.8), **settings) for _ in range(2)
        )
    for kind, values in once.excess.items():
        np.testing.assert_array_equal(values, again.excess[kind])
        assert values[0] != values[1]
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    "call",
    [
        lambda: symmetric_tree(2, 2, 1.0),
        lambda: symmetric_tree(-1, 2, 0.5),
        lambda: symmetric_tree(2, 0, 0.5),
        lambda: BroadcastTree(1, 2, SKEW, np.array([0.5, 0.5])),
        lambda: messages(TREES["deep"], [[0, 1]]),
        lambda: messages(TREES["wide"], [[2] * 9]),
        lambda: leaf_table(symmetric_tree(5, 2, 0.5)),
        lambda: root_experiment(symmetric_tree(6, 2, 0.61)),
        lambda: census(TREES["skew"]),
        lambda: information_bounds(TREES["skew"]),
        lambda: compare_networks(TREES["deep"], seeds=[]),
        lambda: compare_networks(
            symmetric_tree(1, 2, 0.5), seeds=[1], draws=10, steps=1
        ).mean("tree"),
    ],
)
def test_bad_input_gets_a_sentence(call) -> None:
    with pytest.raises(ValueError, match="got"):
        call()
