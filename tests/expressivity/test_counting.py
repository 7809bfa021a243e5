"""Counts against lists: every formula against all monomials, or the rank they span."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from kadanoff.expressivity.counting import (
    ATOMS,
    boolean_bits,
    boolean_functions,
    first_beyond,
    local_terms,
    nearest_neighbour_terms,
    parameter_table,
    permutation_terms,
    polynomial_terms,
    terms_per_site,
    translation_terms,
)

Powers = tuple[int, ...]
HIGHEST = [None, 1, 2]


def monomials(n: int, d: int, highest: int | None) -> list[Powers]:
    """All lists of powers, by trying them."""
    top = d if highest is None else min(highest, d)
    return [a for a in itertools.product(range(top + 1), repeat=n) if sum(a) <= d]


def moved(powers: Powers, shape: Powers, by: Powers) -> Powers:
    grid = np.array(powers).reshape(shape)
    return tuple(np.roll(grid, by, axis=tuple(range(len(shape)))).ravel().tolist())


def orbits(shape: Powers, d: int, highest: int | None) -> list[set[Powers]]:
    """Monomials that translations carry into each other."""
    shifts = list(itertools.product(*map(range, shape)))
    left, found = set(monomials(math.prod(shape), d, highest)), []
    while left:
        one = left.pop()
        found.append({moved(one, shape, by) for by in shifts})
        left -= found[-1]
    return found


def fits(powers: Powers, shape: Powers, window: Powers) -> bool:
    """Some box of these sides on the torus holds all variables of the term."""
    grid = np.array(powers).reshape(shape)
    box = np.ix_(*map(range, window))
    axes = tuple(range(len(shape)))
    return any(
        np.roll(grid, by, axes)[box].sum() == grid.sum()
        for by in itertools.product(*map(range, shape))
    )


@pytest.mark.parametrize("highest", HIGHEST)
@pytest.mark.parametrize(("n", "d"), [(0, 3), (1, 4), (3, 0), (3, 2), (4, 5), (6, 3)])
def test_terms_are_the_monomials(n: int, d: int, highest: int | None) -> None:
    assert polynomial_terms(n, d, highest=highest) == len(monomials(n, d, highest))


def test_the_formula_of_the_paper() -> None:
    for n, d in [(5, 2), (28, 4), (1000, 3)]:
        expected = math.factorial(n + d) // (math.factorial(n) * math.factorial(d))
        assert polynomial_terms(n, d) == expected


@pytest.mark.parametrize("q", [2, 3, 4])
def test_all_degrees_are_the_whole_table(q: int) -> None:
    assert polynomial_terms(5, 5 * (q - 1), highest=q - 1) == q**5


@pytest.mark.parametrize("d", range(5))
def test_products_of_spins_are_independent_functions(d: int) -> None:
    spins = np.array(list(itertools.product((-1, 1), repeat=4)))
    powers = np.array(monomials(4, d, None))
    values = (spins[:, None, :] ** powers).prod(axis=2)
    assert np.linalg.matrix_rank(values) == polynomial_terms(4, d, highest=1)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_boolean_functions_are_all_truth_tables(n: int) -> None:
    inputs = list(itertools.product((0, 1), repeat=n))
    tables = set(itertools.product((0, 1), repeat=len(inputs)))
    assert boolean_functions(n) == len(tables) == 2 ** boolean_bits(n)


def test_the_universe_is_full_at_260_bits() -> None:
    assert first_beyond(ATOMS) == 260
    assert 2**259 < ATOMS < 2**260
    assert first_beyond(10**80) == 266
    assert [first_beyond(k) for k in (0, 1, 2, 3, 4)] == [0, 1, 2, 2, 3]


@pytest.mark.parametrize("highest", HIGHEST)
@pytest.mark.parametrize(
    ("shape", "d"), [((4,), 4), ((6,), 3), ((2, 3), 4), ((2, 4), 3), ((2, 2, 2), 3)]
)
def test_translation_terms_are_orbits(
    shape: Powers, d: int, highest: int | None
) -> None:
    assert translation_terms(shape, d, highest=highest) == len(
        orbits(shape, d, highest)
    )


def test_translation_terms_span_the_invariant_polynomials() -> None:
    shape, d = (5,), 3
    x = np.random.default_rng(1).normal(size=(80, 5))
    columns = [
        sum((x ** np.array(a)).prod(axis=1) for a in orbit)
        for orbit in orbits(shape, d, None)
    ]
    assert np.linalg.matrix_rank(np.stack(columns, 1)) == translation_terms(shape, d)


@pytest.mark.parametrize("highest", HIGHEST)
@pytest.mark.parametrize(("n", "d"), [(2, 5), (3, 4), (5, 3), (4, 6)])
def test_permutation_terms_are_lists_without_order(
    n: int, d: int, highest: int | None
) -> None:
    classes = {tuple(sorted(a)) for a in monomials(n, d, highest)}
    assert permutation_terms(n, d, highest=highest) == len(classes)


def test_symmetric_counts_forget_the_number_of_variables() -> None:
    assert (
        permutation_terms(6, 6)
        == permutation_terms(10**6, 6)
        == 1 + 1 + 2 + 3 + 5 + 7 + 11
    )
    assert permutation_terms(5, 6) < permutation_terms(6, 6)
    assert [permutation_terms(9, d, highest=1) for d in range(4)] == [1, 2, 3, 4]


@pytest.mark.parametrize("highest", HIGHEST)
@pytest.mark.parametrize(
    ("shape", "window", "d"),
    [((3,), (2,), 3), ((5,), (3,), 3), ((6,), (2,), 2), ((3, 3), (2, 2), 2)],
)
def test_local_terms_fit_into_the_window(
    shape: Powers, window: Powers, d: int, highest: int | None
) -> None:
    inside = [
        a for a in monomials(math.prod(shape), d, highest) if fits(a, shape, window)
    ]
    assert local_terms(shape, window, d, highest=highest) == len(inside)
    local = [
        orbit for orbit in orbits(shape, d, highest) if fits(min(orbit), shape, window)
    ]
    assert 1 + terms_per_site(window, d, highest=highest) == len(local)


def test_a_window_too_wide_for_the_lattice_is_miscounted_and_refused() -> None:
    inside = [a for a in monomials(4, 2, None) if fits(a, (4,), (3,))]
    assert 1 + 4 * terms_per_site((3,), 2) != len(inside)
    with pytest.raises(ValueError, match=r"at least \(5,\)"):
        local_terms((4,), (3,), 2)


@pytest.mark.parametrize(("highest", "alone"), [(None, 2), (1, 1)])
def test_neighbours_are_counted_on_the_lattice(highest: int | None, alone: int) -> None:
    sites = list(itertools.product(range(3), range(4)))
    bonds = {
        frozenset([(x, y), to])
        for x, y in sites
        for to in (((x + 1) % 3, y), (x, (y + 1) % 4))
    }
    expected = 1 + alone * len(sites) + len(bonds)
    assert nearest_neighbour_terms((3, 4), highest=highest) == expected
    # On a ring the neighbours are the window of two.
    assert nearest_neighbour_terms((7,)) == local_terms((7,), (2,), 2)


def test_the_slide_from_all_pairs_to_four_numbers() -> None:
    table = parameter_table([10, 100, 1000], degree=2, window=2)
    assert table.columns["polynomial"] == tuple(
        (n + 1) * (n + 2) // 2 for n in (10, 100, 1000)
    )
    assert table.columns["local"] == (31, 301, 3001)
    assert table.columns["local and translation"] == (4, 4, 4)
    assert table.log10()["any"][2] == pytest.approx(1000 * math.log10(2), rel=1e-15)


def test_each_assumption_saves() -> None:
    table = parameter_table([8, 64, 512], degree=4, window=3, highest=1)
    rows = zip(*(table.columns[c] for c in table.columns), strict=True)
    for anything, polynomial, translation, permutation, local, both in rows:
        assert anything > polynomial > translation > permutation
        assert polynomial > local > both


def test_the_table_prints_large_numbers() -> None:
    text = str(parameter_table([9, 1000]))
    assert "1.072e+301" in text
    assert len(text.splitlines()) == 3
    assert "e+3010" in str(parameter_table([10**4]))


@pytest.mark.parametrize(
    "call",
    [
        lambda: boolean_bits(-1),
        lambda: boolean_functions(21),
        lambda: first_beyond(True),
        lambda: polynomial_terms(3, 1.5),  # pyright: ignore[reportArgumentType]
        lambda: polynomial_terms(3, 2, highest=0),
        lambda: terms_per_site((), 2),
        lambda: local_terms((5, 5), (2,), 2),
        lambda: nearest_neighbour_terms((2, 4)),
        lambda: translation_terms((0,), 2),
    ],
)
def test_bad_input_gets_a_sentence(call) -> None:
    with pytest.raises(ValueError, match="got"):
        call()
