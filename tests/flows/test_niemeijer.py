"""Cumulants against sums over all spins of small clusters of triangles."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from kadanoff.exact import planar
from kadanoff.exact.constants import K_C_TRIANGULAR, Y_H, Y_T
from kadanoff.flows.fixed_point import fixed_point, linearised, unstable
from kadanoff.flows.lines import critical_value, log_partition_per_site
from kadanoff.flows.niemeijer import (
    FirstCumulant,
    SecondCumulant,
    cell_moments,
    evaluated,
    first_cumulant,
    second_cumulant,
    triangle_of,
)
from kadanoff.flows.theory import vector

CLUSTERS = [
    [(0, 0), (1, 0)],
    [(0, 0), (1, 0), (0, 1)],
    [(0, 0), (1, 0), (2, 0), (1, 1)],
]
"""Triangles by their places on the lattice of triangles."""

INSIDE = 0.4
"""Coupling inside the triangles of a cluster."""


def corner(triangle: tuple[int, int]) -> tuple[int, int]:
    m, n = triangle
    return m - n, m + 2 * n


def spins_of(cluster: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [
        (i + x, j + y)
        for i, j in map(corner, cluster)
        for x, y in ((0, 0), (1, 0), (0, 1))
    ]


def distance2(a: tuple[int, int], b: tuple[int, int]) -> int:
    x, y = a[0] - b[0], a[1] - b[1]
    return x * x + x * y + y * y


class Enumerated:
    """All states of a cluster, sorted by the signs of its triangles."""

    def __init__(self, cluster: list[tuple[int, int]]) -> None:
        self.cluster, self.sites = cluster, spins_of(cluster)
        number = {site: i for i, site in enumerate(self.sites)}
        n = len(self.sites)
        self.spins = np.array(list(itertools.product((1, -1), repeat=n)))
        pairs = list(itertools.combinations(self.sites, 2))
        self.bonds = [
            (a, b)
            for a, b in pairs
            if distance2(a, b) == 1 and triangle_of(a) != triangle_of(b)
        ]
        inside = [(a, b) for a, b in pairs if triangle_of(a) == triangle_of(b)]
        self.energy = self.sum_of([(number[a], number[b]) for a, b in inside])
        self.crossing = self.sum_of([(number[a], number[b]) for a, b in self.bonds])
        blocks = self.spins.reshape(len(self.spins), -1, 3).sum(axis=2)
        self.signs = np.sign(blocks)

    def sum_of(self, pairs: list[tuple[int, int]]) -> np.ndarray:
        return sum(
            (self.spins[:, i] * self.spins[:, j] for i, j in pairs),
            np.zeros(len(self.spins)),
        )

    def by_signs(self, function: Any) -> np.ndarray:
        """A function of the states of each sign pattern, as `itertools.product`."""
        patterns = itertools.product((1, -1), repeat=len(self.cluster))
        return np.array(
            [function((self.signs == pattern).all(axis=1)) for pattern in patterns]
        )

    def mean(self, values: np.ndarray) -> np.ndarray:
        def of(rows: np.ndarray) -> float:
            weights = np.exp(INSIDE * self.energy[rows])
            return float(weights @ values[rows] / weights.sum())

        return self.by_signs(of)


def synthesised(cluster: list[tuple[int, int]], polynomials: Any) -> np.ndarray:
    """Σ coefficient × product of signs, for every pattern of signs."""
    moments = cell_moments(torch.tensor(INSIDE, dtype=torch.float64))
    patterns = np.array(list(itertools.product((1, -1), repeat=len(cluster))))
    total = np.zeros(len(patterns))
    for signs, polynomial in polynomials.items():
        columns = [cluster.index(triangle) for triangle in signs]
        value = float(evaluated(polynomial, moments))
        total += value * patterns[:, columns].prod(axis=1)
    return total


def test_triangles_tile_the_lattice() -> None:
    sites = [(i, j) for i in range(-9, 10) for j in range(-9, 10)]
    cells: dict[Any, list[Any]] = {}
    for site in sites:
        cells.setdefault(triangle_of(site), []).append(site)
    whole = [members for members in cells.values() if len(members) == 3]
    assert len(whole) > 100
    assert max(Counter(map(len, cells.values()))) == 3
    for members in whole:
        assert {distance2(a, b) for a, b in itertools.combinations(members, 2)} == {1}
    for triangle in ((0, 0), (2, -1), (-3, 4)):
        assert triangle_of(corner(triangle)) == triangle
        assert distance2(corner(triangle), (0, 0)) == 3 * distance2(triangle, (0, 0))


def test_the_moments_are_the_closed_forms() -> None:
    k = 0.37
    up, flip = math.exp(3 * k), math.exp(-k)
    expected = [up + flip, up - flip, up - 3 * flip]
    values = torch.stack(cell_moments(torch.tensor(k, dtype=torch.float64)))
    np.testing.assert_allclose(values, np.array(expected) / (up + 3 * flip), rtol=1e-14)


@pytest.mark.parametrize("cluster", CLUSTERS, ids=len)
def test_the_first_cumulant_is_the_mean(cluster: list[tuple[int, int]]) -> None:
    states = Enumerated(cluster)
    np.testing.assert_allclose(
        synthesised(cluster, first_cumulant(states.bonds)),
        states.mean(states.crossing),
        atol=1e-13,
    )


@pytest.mark.parametrize("cluster", CLUSTERS, ids=len)
def test_the_second_cumulant_is_the_variance(cluster: list[tuple[int, int]]) -> None:
    states = Enumerated(cluster)
    square, mean = states.mean(states.crossing**2), states.mean(states.crossing)
    value = synthesised(cluster, second_cumulant(states.bonds, states.bonds))
    np.testing.assert_allclose(value, square - mean**2, atol=1e-12)
    assert abs(value - square).max() > 0.1  # the square alone is something else


@pytest.mark.parametrize("cluster", CLUSTERS, ids=len)
def test_bonds_and_spins_together(cluster: list[tuple[int, int]]) -> None:
    """Terms of different kinds, odd in the signs."""
    states = Enumerated(cluster)
    field = states.spins.sum(axis=1)
    value = second_cumulant(states.bonds, [(site,) for site in states.sites])
    expected = states.mean(states.crossing * field)
    expected -= states.mean(states.crossing) * states.mean(field)
    np.testing.assert_allclose(synthesised(cluster, value), expected, atol=1e-12)


def test_three_spins_of_a_triangle() -> None:
    states = Enumerated(CLUSTERS[1])
    three = [tuple(states.sites[:3])]
    product = states.spins[:, :3].prod(axis=1)
    value = second_cumulant(three, states.bonds)
    expected = states.mean(states.crossing * product)
    expected -= states.mean(states.crossing) * states.mean(product)
    np.testing.assert_allclose(synthesised(CLUSTERS[1], value), expected, atol=1e-12)


@pytest.mark.parametrize("cluster", CLUSTERS[1:], ids=len)
def test_two_orders_leave_the_third(cluster: list[tuple[int, int]]) -> None:
    """ln ⟨e^V⟩₀ by enumeration: the error grows eightfold when V doubles."""
    states = Enumerated(cluster)
    first = synthesised(cluster, first_cumulant(states.bonds))
    second = synthesised(cluster, second_cumulant(states.bonds, states.bonds))
    one, two = [], []
    for v in (0.01, 0.02):
        exact = np.log(states.mean(np.exp(v * states.crossing)))
        one.append(abs(exact - v * first).max())
        two.append(abs(exact - v * first - v * v / 2 * second).max())
    assert one[1] / one[0] == pytest.approx(4, rel=0.1)
    assert two[1] / two[0] == pytest.approx(8, rel=0.1)


def test_terms_without_a_common_triangle_are_independent() -> None:
    far = [((0, 0), (2, -1))], [((9, 9), (10, 9))]
    assert second_cumulant(*far) == {}


def test_the_first_order_has_closed_forms() -> None:
    """2 r² = 1 at e^4K = 1 + 2√2, and the field grows by 3/√2."""
    point = fixed_point(FirstCumulant(), 0.3, accept=unstable)
    k = math.log(1 + 2 * math.sqrt(2)) / 4
    assert point.couplings["nearest"] == pytest.approx(k, abs=1e-14)
    assert k == pytest.approx(0.335614, abs=5e-7)
    scale = math.log(math.sqrt(3))
    assert point.y_h == pytest.approx(math.log(3 / math.sqrt(2)) / scale, abs=1e-13)
    assert point.y_h == pytest.approx(1.369070, abs=5e-7)
    x = math.exp(4 * k)
    growth = 1 + 4 * k / math.sqrt(2) * 8 * x / (x + 3) ** 2
    assert point.y_t == pytest.approx(math.log(growth) / scale, abs=1e-12)
    assert point.y_t == pytest.approx(0.882203, abs=5e-7)


def test_old_pairs_between_new_neighbours_are_counted() -> None:
    """At no coupling inside, r = ½: K′ = ¼ of the pairs between two triangles."""
    flow = SecondCumulant()
    for name, count in (("next_nearest", 3), ("third", 2)):
        new = flow.step(vector(flow, {name: 1e-3}))
        assert float(new[0]) == pytest.approx(count * 1e-3 / 4, rel=1e-12)
    new = flow.step(vector(flow, {"third": 1e-3}))
    assert new[1:3].tolist() == pytest.approx([1e-3 / 4, 0.0], abs=1e-17)


@pytest.mark.parametrize("pairs", [(0.3, 0.0, 0.0), (0.2, -0.05, 0.04)])
def test_the_second_order_has_the_closed_form_of_its_authors(
    pairs: tuple[float, float, float],
) -> None:
    """With r and e of a triangle; every number counts pairs of bonds."""
    flow, (k, l, m) = SecondCumulant(), pairs
    x = vector(flow, dict(zip(flow.names, pairs, strict=False)))
    r, e, _ = (float(v) for v in cell_moments(x[0]))
    expected = [
        r * r * (2 * k + 3 * l + 2 * m) + 4 * r * r * (1 + e - 2 * r * r) * k * k,
        r * r * m + r * r * (1 + 7 * e - 8 * r * r) * k * k,
        4 * r * r * (e - r * r) * k * k,
    ]
    assert flow.step(x)[:3].tolist() == pytest.approx(expected, rel=1e-12)


def test_the_field_gains_from_six_neighbours() -> None:
    """∂²/∂v∂h of ln ⟨exp(vV + hΣs)⟩₀ for one pair of triangles, by enumeration.

    A triangle is three times the left and three times the right one of such a pair.
    """
    states = Enumerated(CLUSTERS[0])
    field = states.spins.sum(axis=1)
    mixed = states.mean(states.crossing * field)
    mixed -= states.mean(states.crossing) * states.mean(field)
    signs = np.array(list(itertools.product((1, -1), repeat=2)))
    gain = 3 * float((mixed[:, None] * signs).mean(axis=0).sum())
    flow = SecondCumulant()
    new = flow.step(vector(flow, {"nearest": INSIDE, "field": 1.0}))[3].item()
    r = float(cell_moments(torch.tensor(INSIDE, dtype=torch.float64))[0])
    assert new == pytest.approx(3 * r + INSIDE * gain, rel=1e-12)


def test_the_second_order_is_nearer_to_the_truth() -> None:
    """K_c, y_H and y_T of the triangular lattice, none of which is reached."""
    scale = {}
    for flow, start in ((FirstCumulant(), 0.3), (SecondCumulant(), 0.28)):
        point = fixed_point(flow, start, accept=unstable)
        critical = critical_value(flow, lambda k: {"nearest": k}, between=(0.1, 0.5))
        y_t, y_h = point.even.exponents[0], point.odd.exponents[0]
        scale[type(flow)] = np.abs([critical - K_C_TRIANGULAR, y_t - Y_T, y_h - Y_H])
    assert (scale[SecondCumulant] < scale[FirstCumulant] / 2).all()
    assert (scale[SecondCumulant] > 1e-3).all()


def test_the_second_order_has_one_relevant_even_coupling() -> None:
    point = fixed_point(SecondCumulant(), 0.28, accept=unstable)
    assert len(point.even.relevant) == 1
    assert len(point.even.irrelevant) == 2
    # Published to three digits: K* = (0.279, -0.014, -0.015).
    values = [point.couplings[name] for name in ("nearest", "next_nearest", "third")]
    assert values == pytest.approx([0.279, -0.014, -0.015], abs=5e-4)


def test_free_energies_are_right_to_their_order() -> None:
    """Against the exact triangular lattice: errors of K² and of K³."""
    errors = []
    for flow in (FirstCumulant(), SecondCumulant()):
        errors.append(
            [
                abs(
                    float(log_partition_per_site(flow, k))
                    - planar.log_partition_per_site("triangular", k)
                )
                for k in (0.005, 0.01)
            ]
        )
    assert errors[0][1] / errors[0][0] == pytest.approx(4, rel=0.05)
    assert errors[1][1] / errors[1][0] == pytest.approx(8, rel=0.05)


@pytest.mark.parametrize("flow", [FirstCumulant(), SecondCumulant()])
def test_derivatives_are_those_of_finite_differences(flow: Any) -> None:
    at = {"nearest": 0.3, "field": 0.05}
    x, h = vector(flow, at), 1e-5
    shifts = h * torch.eye(len(x), dtype=torch.float64)
    columns = [(flow.step(x + e) - flow.step(x - e)) / (2 * h) for e in shifts]
    exact = linearised(flow, at).jacobian
    np.testing.assert_allclose(exact, torch.stack(columns, dim=1).numpy(), atol=1e-9)
