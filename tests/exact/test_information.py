"""Exact information: closed forms, loops over states, and two routes that agree."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest

from kadanoff.exact.constants import K_C
from kadanoff.exact.information import (
    BIT,
    buffered_block,
    chain_information,
    enumerated_information,
    kept_spin,
    mutual_information,
    strip_information,
    surroundings,
    torus_information,
    vote,
)
from kadanoff.exact.pairs import law, states

EXACT = 1e-12


def random_table(h: int, columns: int, seed: int) -> np.ndarray:
    table = np.random.default_rng(seed).random((h, columns))
    return table / table.sum(axis=0)


def two(p: float) -> float:
    """-p ln p - (1-p) ln(1-p)."""
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def ring(sites: int) -> list[tuple[int, int]]:
    return [(i, (i + 1) % sites) for i in range(sites)]


def grid_bonds(rows: int, columns: int) -> list[tuple[int, int]]:
    sites = np.arange(rows * columns).reshape(rows, columns)
    return [
        (int(i), int(j))
        for axis in (0, 1)
        for i, j in zip(sites.ravel(), np.roll(sites, -1, axis).ravel(), strict=True)
    ]


def by_a_loop(probabilities, spins, rule, window, environment) -> float:
    """The definition, state by state in dictionaries."""
    joint: dict[tuple, float] = defaultdict(float)
    for p, state in zip(probabilities, spins, strict=True):
        code = sum(2**k for k, s in enumerate(state[window][::-1]) if s > 0)
        for h in range(len(rule)):
            joint[h, tuple(state[environment])] += p * rule[h, code]
    of_h, of_e = defaultdict(float), defaultdict(float)
    for (h, e), p in joint.items():
        of_h[h] += p
        of_e[e] += p
    return sum(
        p * math.log(p / of_h[h] / of_e[e]) for (h, e), p in joint.items() if p > 0
    )


def test_information_of_tables_that_are_known():
    assert mutual_information(np.full((3, 5), 7.0)) == 0
    assert mutual_information(np.eye(8)) == pytest.approx(3 * BIT, abs=EXACT)
    # A binary symmetric channel of error 0.1 carries 1 - H(0.1) bits.
    channel = mutual_information([[0.9, 0.1], [0.1, 0.9]])
    assert channel == pytest.approx(BIT - two(0.1), abs=EXACT)
    p = np.random.default_rng(1).random((3, 4))
    assert mutual_information(p) == pytest.approx(mutual_information(p.T), abs=EXACT)
    # Small ones keep their digits: ε²/2 to leading order.
    weak = mutual_information([[1 + 1e-6, 1 - 1e-6], [1 - 1e-6, 1 + 1e-6]])
    assert weak == pytest.approx(5e-13, rel=1e-3)


def test_tables_of_rules():
    spins = states(3)
    majority = np.where(spins.sum(axis=1) > 0, 1.0, 0.0)
    np.testing.assert_array_equal(vote(3)[1], majority)
    field = np.exp(0.4 * spins.sum(axis=1))
    np.testing.assert_allclose(vote(3, sharpness=0.4)[1], field / (field + 1 / field))
    np.testing.assert_array_equal(vote(3, sharpness=0.0), np.full((2, 8), 0.5))
    np.testing.assert_array_equal(kept_spin(3, 2)[1], spins[:, 2] > 0)


@pytest.mark.parametrize("coupling", [0.3, -0.8, 1.5])
@pytest.mark.parametrize("buffer", [0, 1, 3])
def test_decimation_of_the_infinite_chain_is_a_closed_form(coupling, buffer):
    """⟨h | l r⟩ = (l a + r c)/(1 + l r a c), a and c powers of tanh K."""
    t = math.tanh(coupling)
    a, c = t ** (buffer + 1), t ** (buffer + 2)
    known = BIT - sum(
        (1 + sign * a * c) / 2 * two((1 + (a + sign * c) / (1 + sign * a * c)) / 2)
        for sign in (1, -1)
    )
    found = chain_information(coupling, kept_spin(2), buffer=buffer)
    assert found == pytest.approx(known, abs=EXACT)
    assert abs(found - chain_information(coupling * 1.01, kept_spin(2))) > 1e-4


def test_on_the_chain_decimation_keeps_more_than_majority():
    """A tie of two says nothing, and a kept spin always something."""
    for coupling in (0.2, 0.7, 1.5):
        kept, voted = (
            chain_information(coupling, rule, buffer=1)
            for rule in (kept_spin(2), vote(2))
        )
        assert kept > voted > 0


@pytest.mark.parametrize("rule", [vote(3), kept_spin(2), random_table(3, 8, seed=2)])
@pytest.mark.parametrize("coupling", [0.5, -1.1])
def test_a_ring_agrees_with_enumeration(rule, coupling):
    b = rule.shape[1].bit_length() - 1
    model = law(10, ring(10), coupling)
    for buffer in (0, 2, 3):
        around = surroundings((10,), b=b, buffer=buffer).ravel()
        known = enumerated_information(
            model, rule, window=np.arange(b), environment=around
        )
        found = chain_information(coupling, rule, buffer=buffer, sites=10)
        assert found == pytest.approx(known, abs=EXACT)


def test_a_long_ring_is_the_line():
    for rule in (vote(2), random_table(2, 4, seed=5)):
        endless = chain_information(0.6, rule, buffer=1)
        assert chain_information(0.6, rule, buffer=1, sites=200) == pytest.approx(
            endless, abs=EXACT
        )
        assert chain_information(0.6, rule, buffer=1, sites=8) > 1.02 * endless


def test_a_torus_agrees_with_a_loop_over_states():
    """3×4 with a rule of three values that reads a 3×3 window around its 2×2 block."""
    rule = random_table(3, 512, seed=3)
    model = law(12, grid_bonds(3, 4), 0.35)
    sites = np.arange(12).reshape(3, 4)
    window = sites[np.ix_([2, 0, 1], [3, 0, 1])].ravel()  # starts at (2 - 3)//2 = -1
    around = np.setdiff1d(sites, sites[:2, :2])
    slow = by_a_loop(model.probabilities, states(12), rule, window, around)
    fast = torus_information((3, 4), 0.35, rule, window=3)
    assert fast == pytest.approx(slow, abs=EXACT)
    another = torus_information((3, 4), 0.35, random_table(3, 512, seed=4), window=3)
    assert abs(another - slow) > 1e-4


def test_colours_are_enumerated_too():
    """Three colours on a ring of five: the first site against the third and fourth."""
    model = law(5, ring(5), 0.9, q=3)
    p = model.probabilities.reshape([3] * 5)
    joint = p.sum(axis=(1, 4)).reshape(3, 9)
    found = enumerated_information(model, np.eye(3), window=[0], environment=[2, 3])
    assert found == pytest.approx(mutual_information(joint), abs=EXACT)


def test_the_sites_next_to_the_buffer_screen_the_others():
    """The Markov property; with bonds to second neighbours they no longer do."""
    for shape, buffer in (((4, 4), 0), ((4, 5), 0), ((7, 3), 1)):
        every = torus_information(shape, K_C, vote(4), buffer=buffer)
        near = torus_information(shape, K_C, vote(4), buffer=buffer, reach=1)
        assert near == pytest.approx(every, abs=EXACT)
    second = [(i, (i + 2) % 10) for i in range(10)]
    model = law(10, ring(10) + second, 0.3)
    near, every = (
        enumerated_information(
            model,
            vote(2),
            window=[0, 1],
            environment=surroundings((10,), reach=reach).ravel(),
        )
        for reach in (1, None)
    )
    assert every > near + 1e-4


@pytest.mark.parametrize(
    ("rows", "width", "b", "window", "buffer"),
    [
        (5, 4, 2, 2, 1),
        (6, 3, 2, 3, 1),
        (7, 3, 2, 2, 1),
        (8, 2, 2, 2, 2),
        (5, 3, 3, 3, 0),
        (6, 3, 2, 1, 1),
    ],
)
@pytest.mark.parametrize("coupling", [K_C, -0.3])
def test_a_strip_agrees_with_enumeration(rows, width, b, window, buffer, coupling):
    rule = random_table(2, 2 ** (window * window), seed=6)
    options = {"b": b, "window": window, "buffer": buffer}
    found = strip_information(width, coupling, rule, length=rows, **options)
    known = torus_information((rows, width), coupling, rule, **options)
    assert found == pytest.approx(known, abs=EXACT)
    assert found > 1e-6


def test_a_strip_takes_whole_rows_as_its_environment():
    """Where the buffer does not span the strip: the rows beyond it, and no other."""
    model, sites = law(20, grid_bonds(5, 4), 0.4), np.arange(20).reshape(5, 4)
    known = enumerated_information(
        model, vote(4), window=sites[:2, :2].ravel(), environment=sites[2:].ravel()
    )
    found = strip_information(4, 0.4, vote(4), length=5)
    assert found == pytest.approx(known, abs=EXACT)
    assert found < torus_information((5, 4), 0.4, vote(4)) - 1e-3


def test_a_long_strip_is_endless():
    endless = strip_information(6, K_C, vote(4), buffer=2)
    assert strip_information(6, K_C, vote(4), buffer=2, length=400) == pytest.approx(
        endless, abs=1e-9
    )
    assert strip_information(6, K_C, vote(4), buffer=2, length=12) > endless + 0.01


def test_two_phases_are_one_bit_and_disorder_none():
    """Below T_c majority names the phase, above it knows ever less with distance."""
    cold = [strip_information(8, k, vote(4), buffer=3, length=16) for k in (0.6, 0.9)]
    assert 0.95 * BIT < cold[0] < cold[1] < BIT
    assert cold[1] > 0.998 * BIT
    assert strip_information(8, 0.0, vote(4), buffer=3) == pytest.approx(0, abs=EXACT)
    hot = [strip_information(8, 0.2, vote(4), buffer=w) for w in (0, 1, 2, 3)]
    assert all(nearer > 3 * further for nearer, further in itertools.pairwise(hot))


def test_a_sharper_vote_keeps_more_and_a_wider_buffer_leaves_less():
    sharp = [
        torus_information((4, 4), K_C, vote(4, sharpness=p)) for p in (0, 0.3, 1, 3)
    ]
    assert sharp[0] == pytest.approx(0, abs=EXACT)
    assert all(a < b for a, b in itertools.pairwise(sharp))
    assert sharp[-1] < torus_information((4, 4), K_C, vote(4))
    at = [strip_information(6, K_C, vote(4), buffer=w) for w in (0, 1, 2)]
    assert at[0] > at[1] > at[2] > 0


@pytest.mark.parametrize(
    ("shape", "options", "count"),
    [
        ((8, 8), {"buffer": 1, "reach": 1}, 36 - 16),
        ((8, 8), {"buffer": 2, "reach": 1}, 64 - 36),
        ((8, 8), {"buffer": 1, "reach": 9}, 64 - 16),
        ((6, 6, 6), {"buffer": 1}, 216 - 64),
        ((9,), {"b": 3, "buffer": 2}, 2),
    ],
)
def test_surroundings_are_counted_in_steps_on_the_torus(shape, options, count):
    assert len(surroundings(shape, **options)) == count


def test_block_buffer_and_environment_are_the_lattice():
    inside, outside = (
        {tuple(site) for site in chosen.tolist()}
        for chosen in (
            buffered_block((7, 6), buffer=1),
            surroundings((7, 6), buffer=1),
        )
    )
    assert inside | outside == set(np.ndindex(7, 6))
    assert not inside & outside
    assert len(inside) == 16
    assert len(buffered_block((4, 4), buffer=1)) == 16


def test_nothing_beyond_the_buffer_tells_more_than_what_lies_within():
    """Data processing; a rule that reads outside its block and buffer breaks it."""
    model, sites = law(20, grid_bonds(5, 4), K_C), np.arange(20).reshape(5, 4)
    for rule, window in ((vote(4), sites[:2, :2]), (vote(4), sites[2:4, :2])):
        within, beyond = (
            enumerated_information(
                model, rule, window=window.ravel(), environment=sites[tuple(chosen.T)]
            )
            for chosen in (buffered_block((5, 4)), surroundings((5, 4)))
        )
        assert (within > beyond) is bool(window[0, 0] == 0)


def test_a_block_is_the_centre_of_its_surroundings():
    around = surroundings((9, 9), b=3, buffer=1, reach=2)
    mirrored = (2 - around) % 9
    assert sorted(map(tuple, mirrored)) == sorted(map(tuple, around))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: mutual_information([1.0, 2.0]), "a table"),
        (lambda: mutual_information([[1.0, -2.0]]), "not negative"),
        (lambda: mutual_information([[0.0, 0.0]]), "some weight"),
        (lambda: vote(0), "1 to 16 spins"),
        (lambda: vote(2, sharpness=-1), "at least 0"),
        (lambda: kept_spin(2, 2), "no spin 2"),
        (lambda: surroundings((4, 4), buffer=1), "leaves nothing"),
        (lambda: surroundings((4, 4), b=5), "at least as long"),
        (lambda: surroundings((4, 4), reach=0), "at least 1"),
        (lambda: torus_information((4, 4), 0.4, vote(3)), "of 16 states"),
        (lambda: torus_information((4, 4), 0.4, 2 * vote(4)), "add up to 1"),
        (lambda: torus_information((5, 5), 0.4, vote(4)), "at most"),
        (lambda: torus_information((1, 8), 0.4, vote(4)), "at least 2"),
        (lambda: torus_information((3, 4), 0.4, vote(16), window=4), "does not fit"),
        (lambda: chain_information(math.nan, vote(2)), "finite"),
        (lambda: chain_information(0.4, random_table(2, 3, 0)), "2\\^b states"),
        (lambda: chain_information(0.4, vote(2), buffer=2, sites=6), "at least 7"),
        (lambda: chain_information(0.4, vote(2), buffer=-1), "at least 0"),
        (lambda: strip_information(11, 0.4, vote(4)), "2 to 10"),
        (lambda: strip_information(6, 40.0, vote(4)), "at most 150"),
        (lambda: strip_information(6, 0.4, vote(16), window=4), "wider buffer"),
        (lambda: strip_information(3, 0.4, vote(16), b=4), "fit across"),
    ],
)
def test_what_cannot_be_computed_is_refused_in_a_sentence(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_sites_outside_the_model_are_refused():
    model = law(4, ring(4), 0.3)
    with pytest.raises(ValueError, match="among 0 … 3"):
        enumerated_information(model, vote(2), window=[0, 1], environment=[4])
    with pytest.raises(ValueError, match="at most"):
        enumerated_information(
            law(20, ring(20), 0.3),
            np.full((64, 2), 1 / 64),
            window=[0],
            environment=np.arange(1, 20),
        )


def test_weights_at_the_end_of_the_floats_add_nothing():
    """The product of two marginals underflows where their joint weight does not."""
    assert mutual_information([[5e-324, 0.0], [0.5, 0.5]]) == 0
    assert mutual_information([[1e-200, 0.0], [0.0, 1.0]]) == pytest.approx(
        0, abs=1e-190
    )
