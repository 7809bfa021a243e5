"""The oracle of pairs against plain loops, the other enumeration and closed forms."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from kadanoff.exact import enumerate as hypercube
from kadanoff.exact import pairs
from kadanoff.exact.pairs import Law, law, states

RNG = np.random.default_rng(20240607)
GLASS = np.array([(0, 1), (1, 2), (0, 2), (3, 1), (2, 3), (2, 3), (4, 0), (3, 4)])
STRENGTH = RNG.normal(size=len(GLASS))
FIELD = RNG.normal(size=5)


def torus(shape: tuple[int, ...]) -> np.ndarray:
    """Forward bonds of the periodic hypercube."""
    sites = np.arange(math.prod(shape)).reshape(shape)
    return np.concatenate(
        [
            np.stack([sites, np.roll(sites, -1, axis)], axis=-1).reshape(-1, 2)
            for axis in range(len(shape))
        ]
    )


def slow(q: int | None, coupling: float) -> dict[str, Any]:
    """Averages of the glass by one loop over states and one over bonds."""
    values = (-1, 1) if q is None else range(q)
    colours = list(values)
    table, weights = [], []
    for state in itertools.product(values, repeat=5):
        if q is None:
            like = np.outer(state, state).astype(float)
            local = np.array(state, float)
        else:
            like = np.equal.outer(state, state).astype(float)
            local = np.array([c == 0 for c in state], float)
        energy = -local @ FIELD
        for (i, j), strength in zip(GLASS, STRENGTH, strict=True):
            energy -= strength * like[i, j]
        shares = np.array([state.count(c) for c in colours]) / 5
        n = len(colours)
        scaled = like if q is None else (n * like - 1) / (n - 1)
        table.append((energy, local.mean(), shares.max(), (shares**2).sum(), scaled))
        weights.append(math.exp(-coupling * energy))
    p = np.array(weights) / sum(weights)
    energy, local, largest, squares, scaled = (
        np.array(column) for column in zip(*table, strict=True)
    )
    n = len(colours)
    order = (n * squares - 1) / (n - 1)
    return {
        "log_partition": math.log(sum(weights)),
        "energy": p @ energy / 5,
        "heat_capacity": coupling**2 * (p @ energy**2 - (p @ energy) ** 2) / 5,
        "magnetization": p @ (local if q is None else (n * local - 1) / (n - 1)),
        "abs_m": p @ ((n * largest - 1) / (n - 1)),
        "m2": p @ order,
        "m4": p @ order**2,
        "two_point": np.einsum("s,sij->ij", p, scaled),
    }


def glass(q: int | None, coupling: float) -> Law:
    return law(5, GLASS, coupling, strength=STRENGTH, field=FIELD, q=q)


@pytest.mark.parametrize("coupling", [-0.8, 0.0, 0.5, 2.0])
@pytest.mark.parametrize("q", [None, 2, 3, 4])
def test_every_average_is_that_of_a_plain_loop(q: int | None, coupling: float) -> None:
    value = glass(q, coupling)
    for name, expected in slow(q, coupling).items():
        assert getattr(value, name) == pytest.approx(expected, abs=1e-12), name


@pytest.mark.parametrize("coupling", [-40.0, -0.3, 0.44, 40.0])
@pytest.mark.parametrize("shape", [(7,), (2, 4), (3, 4), (2, 2, 3)])
def test_the_hypercube_is_that_of_the_other_enumeration(
    shape: tuple[int, ...], coupling: float
) -> None:
    value = law(math.prod(shape), torus(shape), coupling)
    expected = hypercube.moments(shape, coupling)
    total = hypercube.log_partition(shape, coupling)
    assert value.log_partition == pytest.approx(total, rel=1e-13)
    for name in ("energy", "heat_capacity", "abs_m", "m2", "m4"):
        assert getattr(value, name) == pytest.approx(
            getattr(expected, name), abs=1e-12
        ), name


def test_two_colours_are_spins_at_half_the_coupling() -> None:
    spins, colours = law(6, torus((6,)), 0.35), law(6, torus((6,)), 0.7, q=2)
    assert colours.energy == pytest.approx(spins.energy / 2 - 0.5, abs=1e-13)
    for name in ("heat_capacity", "abs_m", "m2", "m4", "two_point"):
        assert getattr(colours, name) == pytest.approx(getattr(spins, name), abs=1e-13)


@pytest.mark.parametrize("q", [3, 5])
def test_the_ring_of_colours_is_its_closed_form(q: int) -> None:
    """Z = λ₀ⁿ + (q - 1) λ₁ⁿ (Potts 1952)."""
    n, coupling = 6, 0.9
    large, small = math.exp(coupling) + q - 1, math.exp(coupling) - 1
    total = math.log(large**n + (q - 1) * small**n)
    value = law(n, torus((n,)), coupling, q=q)
    assert value.log_partition == pytest.approx(total, rel=1e-13)


def test_the_order_of_sites_does_not_matter() -> None:
    order = np.array([3, 0, 4, 2, 1])
    place = np.argsort(order)
    moved = law(5, place[GLASS][:, ::-1], 0.7, strength=STRENGTH, field=FIELD[order])
    assert moved.energy == pytest.approx(glass(None, 0.7).energy, abs=1e-13)
    expected = glass(None, 0.7).two_point[np.ix_(order, order)]
    np.testing.assert_allclose(moved.two_point, expected, atol=1e-13)


def test_energies_belong_to_the_states_beside_them() -> None:
    value = glass(None, 0.7)
    s = value.states.astype(float)
    expected = -(STRENGTH * s[:, GLASS[:, 0]] * s[:, GLASS[:, 1]]).sum(1) - s @ FIELD
    np.testing.assert_allclose(value.energies, expected, atol=1e-13)
    expected = s.mean(axis=1) ** 2
    np.testing.assert_allclose(value.m_squared, expected, atol=1e-15)
    assert value.counts[1].tolist() == (s > 0).sum(axis=1).tolist()


def test_another_coupling_is_another_law_of_the_same_energies() -> None:
    value, again = glass(3, 0.2).at(1.1), glass(3, 1.1)
    assert value.energies is not again.energies
    np.testing.assert_array_equal(value.probabilities, again.probabilities)
    assert value.log_partition == again.log_partition


def test_states_are_spelled_as_in_the_other_enumeration() -> None:
    assert states(6).dtype == np.int8
    np.testing.assert_array_equal(states(6), hypercube.all_states(6))
    colours = states(4, 3)
    assert colours.dtype == np.uint8
    assert colours.tolist() == [list(c) for c in itertools.product(range(3), repeat=4)]


@pytest.mark.parametrize("q", [None, 2, 3])
def test_a_state_has_the_number_of_its_row(q: int | None) -> None:
    value = law(6, torus((2, 3)), 0.4, q=q)
    rows = np.arange(len(value.energies))
    np.testing.assert_array_equal(value.index(value.states.reshape(-1, 2, 3)), rows)


@pytest.mark.parametrize("q", [None, 3])
def test_draws_follow_the_law(q: int | None) -> None:
    """χ² over all states at a level of 1e-4; a coupling 5 % off is seen."""
    value = law(4, torus((2, 2)), 0.2, q=q)
    draws = value.draw(400_000, rng=np.random.default_rng(11))
    assert draws.dtype == value.states.dtype
    assert p_value(draws, value) > 1e-4
    assert p_value(draws, value.at(0.21)) < 1e-4


def p_value(draws: np.ndarray, value: Law) -> float:
    seen = np.bincount(value.index(draws), minlength=len(value.energies))
    expected = value.probabilities * len(draws)
    assert expected.min() > 5
    return float(stats.chisquare(seen, expected).pvalue)


def test_the_largest_models_are_visited() -> None:
    spins = law(22, torus((2, 11)), 0.0)
    assert spins.log_partition == pytest.approx(22 * math.log(2), rel=1e-14)
    assert spins.m2 == pytest.approx(1 / 22, rel=1e-12)
    assert law(13, [(0, 12)], 0.0, q=3).energy == pytest.approx(-1 / 39, rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"sites": 23}, "at most 4194304 states"),
        ({"sites": 14, "q": 3}, "at most 4194304 states"),
        ({"sites": 0}, "at most 4194304 states"),
        ({"q": 1}, "at least 2 colours"),
        ({"pairs": [(0, 1), (2, 2)]}, r"got \(2, 2\)"),
        ({"pairs": [(0, 4)]}, r"got \(0, 4\)"),
        ({"pairs": [(-1, 2)]}, r"got \(-1, 2\)"),
        ({"coupling": math.nan}, "finite real number"),
        ({"strength": [1.0, 2.0]}, r"got shape \(2,\) for 1 bonds"),
        ({"field": [1.0, math.inf, 0, 0]}, "a site needs a finite number"),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], sentence: str) -> None:
    given = {"sites": 4, "pairs": [(0, 1)], "coupling": 0.3} | arguments
    with pytest.raises(ValueError, match=sentence):
        law(**given)


def test_another_coupling_must_be_finite_too() -> None:
    with pytest.raises(ValueError, match="finite real number"):
        glass(None, 0.3).at(math.inf)


def test_a_bond_left_out_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pairs._bonds
    monkeypatch.setattr(pairs, "_bonds", lambda *a: whole(*a)[:-1])
    value = law(6, torus((2, 3)), 0.4)
    expected = hypercube.moments((2, 3), 0.4)
    assert abs(value.energy - expected.energy) > 1e-2
