"""Bond moving against lattices that can be summed, duality and Onsager."""

from __future__ import annotations

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from scipy.linalg import logm

from kadanoff.exact import chain as exact_chain
from kadanoff.exact import onsager
from kadanoff.exact.constants import K_C
from kadanoff.flows.decimation import Chain
from kadanoff.flows.fixed_point import fixed_point, linearised, unstable
from kadanoff.flows.lines import critical_value, log_partition_per_site
from kadanoff.flows.migdal_kadanoff import (
    HierarchicalLattice,
    InfinitesimalMigdalKadanoff,
    InfinitesimalPottsMigdalKadanoff,
    MigdalKadanoff,
    PottsHierarchicalLattice,
    PottsMigdalKadanoff,
)
from kadanoff.flows.theory import named, vector

LATTICES = [(2, 2, 1), (2, 2, 2), (2, 3, 1), (3, 2, 1), (1, 3, 2)]
"""Dimension, b and how often each bond has been replaced; at most 12 sites."""


def hierarchical(d: int, b: int, levels: int) -> tuple[np.ndarray, int]:
    """The bonds of the lattice, `(bond, 2)`, and its number of sites."""
    bonds, sites = [(0, 1)], 2
    for _ in range(levels):
        finer = []
        for left, right in bonds:
            for _line in range(b ** (d - 1)):
                path = [left, *range(sites, sites + b - 1), right]
                sites += b - 1
                finer += list(itertools.pairwise(path))
        bonds = finer
    return np.array(bonds), sites


def enumerated(bonds: np.ndarray, sites: int, values: Any, weight: Any) -> float:
    """ln of the sum over all states of the product over bonds of e^weight(s, t)."""
    states = np.array(list(itertools.product(values, repeat=sites)))
    total = sum(weight(states[:, i], states[:, j]) for i, j in bonds)
    return float(np.logaddexp.reduce(total))


def recursion(flow: Any, start: dict[str, float], levels: int, last: Any) -> float:
    """ln Z by the flow: one bond is left at the end."""
    theory, total = vector(flow, start), 0.0
    cell = flow.b**flow.d
    for level in range(levels):
        total += cell ** (levels - level) * float(flow.constant(theory))
        theory = flow.step(theory)
    return total + last(**named(flow, theory))


def ising_bond(coupling: float, field: float) -> Any:
    return lambda s, t: coupling * s * t + field * (s + t) / 2


def potts_bond(q: int, coupling: float, field: float, pull: float) -> Any:
    def weight(s: Any, t: Any) -> Any:
        z, w, same = (s == 0) - 1 / q, (t == 0) - 1 / q, s == t
        return coupling * same + field * (z + w) / 2 + pull * same * z

    return weight


@pytest.mark.parametrize("field", [0.0, 0.2])
@pytest.mark.parametrize("coupling", [-0.4, 0.3, 0.6, 1.2])
@pytest.mark.parametrize(("d", "b", "levels"), LATTICES)
def test_the_hierarchical_lattice_is_exact(
    d: int, b: int, levels: int, coupling: float, field: float
) -> None:
    bonds, sites = hierarchical(d, b, levels)
    assert len(bonds) == b ** (d * levels)
    expected = enumerated(bonds, sites, (1, -1), ising_bond(coupling, field))
    one = np.array([[0, 1]])
    value = recursion(
        HierarchicalLattice(d, b),
        {"coupling": coupling, "field": field},
        levels,
        lambda **end: enumerated(one, 2, (1, -1), ising_bond(**end)),
    )
    assert value == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("terms", [(0.0, 0.0), (0.3, -0.2)])
@pytest.mark.parametrize("coupling", [-0.5, 0.9])
@pytest.mark.parametrize(
    ("q", "d", "b", "levels"),
    [(2, 2, 2, 2), (3, 2, 2, 1), (4, 2, 2, 1), (3, 2, 3, 1), (3, 3, 2, 1)],
)
def test_with_colours_too(
    q: int, d: int, b: int, levels: int, coupling: float, terms: tuple[float, float]
) -> None:
    start = {"coupling": coupling, "field": terms[0], "pull": terms[1]}
    bonds, sites = hierarchical(d, b, levels)
    expected = enumerated(bonds, sites, range(q), potts_bond(q, **start))
    one = np.array([[0, 1]])
    value = recursion(
        PottsHierarchicalLattice(q, d, b),
        start,
        levels,
        lambda **end: enumerated(one, 2, range(q), potts_bond(q, **end)),
    )
    assert value == pytest.approx(expected, rel=1e-12)


def test_a_bond_too_many_is_seen() -> None:
    bonds, sites = hierarchical(2, 2, 2)
    expected = enumerated(bonds[1:], sites, (1, -1), ising_bond(0.6, 0.0))
    one = np.array([[0, 1]])
    value = recursion(
        HierarchicalLattice(2, 2),
        {"coupling": 0.6},
        2,
        lambda **end: enumerated(one, 2, (1, -1), ising_bond(**end)),
    )
    assert abs(value - expected) > 0.1


def test_the_long_recursion_is_the_limit_of_lattices() -> None:
    """ln Z per bond of larger and larger diamonds."""
    flow = HierarchicalLattice(2, 2)
    limit = float(log_partition_per_site(flow, 0.7))
    one = np.array([[0, 1]])

    def per_bond(levels: int) -> float:
        return (
            recursion(
                flow,
                {"coupling": 0.7},
                levels,
                lambda **end: enumerated(one, 2, (1, -1), ising_bond(**end)),
            )
            / 4**levels
        )

    assert per_bond(20) == pytest.approx(limit, abs=1e-11)
    assert abs(per_bond(1) - limit) > 1e-2


def test_the_known_numbers_of_two_dimensions() -> None:
    """K* = 0.304689 first and 0.609378 last, and y_T = 0.747."""
    first = fixed_point(MigdalKadanoff(2, 2), 0.3, accept=unstable)
    last = fixed_point(HierarchicalLattice(2, 2), 0.6, accept=unstable)
    assert first.couplings["coupling"] == pytest.approx(0.304689, abs=5e-7)
    assert last.couplings["coupling"] == pytest.approx(0.609378, abs=5e-7)
    assert first.y_t == pytest.approx(0.747236, abs=5e-7)
    assert first.y_h == pytest.approx(math.log2(2 * (1 + math.tanh(4 * 0.30468893))))


@pytest.mark.parametrize(("d", "b"), [(2, 2), (2, 3), (3, 2), (2.5, 4), (1.3, 2)])
def test_first_and_last_are_one_map(d: float, b: int) -> None:
    """Moved couplings are b^(d-1) times larger; all exponents are the same."""
    start = 1 / (2 * d - 2)
    first = fixed_point(MigdalKadanoff(d, b), start / b ** (d - 1), accept=unstable)
    last = fixed_point(HierarchicalLattice(d, b), start, accept=unstable)
    moved = b ** (d - 1) * first.couplings["coupling"]
    assert last.couplings["coupling"] == pytest.approx(moved, rel=1e-11)
    assert last.y_t == pytest.approx(first.y_t, abs=1e-10)
    assert last.y_h == pytest.approx(first.y_h, abs=1e-10)


@pytest.mark.parametrize("q", [2, 3, 4, 1.5, 10])
@pytest.mark.parametrize("flow", [MigdalKadanoff, HierarchicalLattice])
def test_colours_obey_the_power_law(flow: Any, q: float) -> None:
    """t′ = t^b with t = (e^K - 1)/(e^K + q - 1) and the bonds moved on one side."""
    potts = {
        MigdalKadanoff: PottsMigdalKadanoff,
        HierarchicalLattice: PottsHierarchicalLattice,
    }[flow](q, 2, 3)

    def t(k: float) -> float:
        return math.expm1(k) / (math.exp(k) + q - 1)

    for k in (0.2, 0.8, 1.7):
        new = float(potts.step(vector(potts, k))[0])
        if flow is MigdalKadanoff:
            assert t(new) == pytest.approx(t(3 * k) ** 3, rel=1e-12)
        else:
            assert t(new / 3) == pytest.approx(t(k) ** 3, rel=1e-12)


@pytest.mark.parametrize(("d", "b"), [(2, 2), (3, 2), (2, 4)])
def test_two_colours_are_the_ising_model(d: int, b: int) -> None:
    """K of δ is twice K of ±1, H is twice H: both exponents, K* and free energy."""
    ising = fixed_point(MigdalKadanoff(d, b), 0.6 / b ** (d - 1), accept=unstable)
    potts = fixed_point(
        PottsMigdalKadanoff(2, d, b), 1.2 / b ** (d - 1), accept=unstable
    )
    assert potts.couplings["coupling"] == pytest.approx(
        2 * ising.couplings["coupling"], rel=1e-12
    )
    assert potts.y_t == pytest.approx(ising.y_t, abs=1e-11)
    assert potts.y_h == pytest.approx(ising.y_h, abs=1e-11)
    spins = log_partition_per_site(
        MigdalKadanoff(d, b), {"coupling": 0.3, "field": 0.1}
    )
    colours = log_partition_per_site(
        PottsMigdalKadanoff(2, d, b), {"coupling": 0.6, "field": 0.2}
    )
    assert float(colours) == pytest.approx(float(spins) + 0.3 * d, rel=1e-13)


def test_one_dimension_is_the_chain() -> None:
    theory = torch.tensor([0.8, 0.3], dtype=torch.float64)
    chain = Chain(3).step(theory)
    for flow in (MigdalKadanoff(1, 3), HierarchicalLattice(1, 3)):
        assert torch.allclose(flow.step(theory), chain, rtol=0, atol=1e-15)
        value = log_partition_per_site(flow, {"coupling": 0.8, "field": 0.3})
        line = exact_chain.line(0.8, field=0.3 / 0.8)
        assert float(value) == pytest.approx(line.log_partition_per_site, abs=1e-13)


@pytest.mark.parametrize("b", [2, 3, 5])
@pytest.mark.parametrize("coupling", [0.05, 0.2, 0.3, 0.44, 0.5, 0.8, 2.0, 6.0])
def test_bonds_first_bound_the_free_energy(coupling: float, b: int) -> None:
    """ln Z is never below Onsager's; at b = 2 and K = 0.44 it is 21 % above."""
    value = float(log_partition_per_site(MigdalKadanoff(2, b), coupling))
    assert value > onsager.log_partition_per_site(coupling)


def test_a_weaker_coupling_is_no_bound() -> None:
    """The control: the excess at K = 6 is 2 %, so that 5 % less falls below."""
    value = float(log_partition_per_site(MigdalKadanoff(2, 2), 0.95 * 6.0))
    assert value < onsager.log_partition_per_site(6.0)


@pytest.mark.parametrize("k", [1e-3, 0.3, 2.0, 15.0, 60.0, 300.0])
def test_the_infinitesimal_rates_are_the_closed_forms(k: float) -> None:
    """With forty digits: at low temperature ln tanh K has few of its own."""
    for d in (1.01, 2, 3.5):
        with mpmath.workdps(600):
            x = mpmath.mpf(k)
            ising = mpmath.sinh(2 * x) * mpmath.log(mpmath.tanh(x)) / 2
            q, e = mpmath.mpf(3), mpmath.exp(x)
            t = (e - 1) / (e + q - 1)
            potts = t * mpmath.log(t) * (e + q - 1) ** 2 / (q * e)
        moved = (d - 1) * k
        flow = InfinitesimalMigdalKadanoff(d)
        rate = flow.rate(vector(flow, k))[0].item()
        assert rate == pytest.approx(moved + float(ising), rel=1e-11, abs=1e-13)
        colours = InfinitesimalPottsMigdalKadanoff(3, d)
        rate = colours.rate(vector(colours, k))[0].item()
        assert rate == pytest.approx(moved + float(potts), rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("field", [0.0, 0.25, -1.0])
@pytest.mark.parametrize("d", [1, 2, 3.5])
def test_the_rate_is_that_of_a_transfer_matrix_to_a_real_power(
    d: float, field: float
) -> None:
    """b^(d-1) times ln T^b for b = 1 + ε and 1 - ε, by diagonalisation."""
    k, flow, s = 0.6, InfinitesimalMigdalKadanoff(d), np.array([1.0, -1.0])
    bond = np.exp(k * np.outer(s, s) + field * np.add.outer(s, s) / 2)
    values, vectors = np.linalg.eigh(bond)

    def moved(b: float) -> np.ndarray:
        log = np.log(vectors @ np.diag(values**b) @ vectors.T)
        up, flip, down = log[0, 0], log[0, 1], log[1, 1]
        return b ** (d - 1) * np.array([(up + down - 2 * flip) / 4, (up - down) / 2])

    e = 1e-5
    slope = (moved(1 + e) - moved(1 - e)) / (2 * e)
    rate = flow.rate(vector(flow, {"coupling": k, "field": field})).numpy()
    np.testing.assert_allclose(rate, slope, atol=1e-8)


def test_the_infinitesimal_map_has_the_exact_temperature_and_a_wrong_exponent() -> None:
    point = fixed_point(InfinitesimalMigdalKadanoff(2), 0.4, accept=unstable)
    assert point.couplings["coupling"] == pytest.approx(K_C, abs=1e-14)
    assert 1 / (point.y_t or 0) == pytest.approx(1.327, abs=5e-4)
    assert abs((point.y_t or 0) - 1) > 0.2


@pytest.mark.parametrize("q", [2, 3, 4, 7.5])
def test_duality_fixes_the_temperature_of_colours(q: float) -> None:
    point = fixed_point(InfinitesimalPottsMigdalKadanoff(q, 2), 1.0, accept=unstable)
    expected = math.log(1 + math.sqrt(q))
    assert point.couplings["coupling"] == pytest.approx(expected, abs=1e-13)


def test_whole_scales_tend_to_the_infinitesimal_one() -> None:
    """y_T falls with b away from its value at b → 1."""
    points = [fixed_point(InfinitesimalMigdalKadanoff(2), 0.4, accept=unstable)]
    points += [
        fixed_point(MigdalKadanoff(2, b), 0.6 / b, accept=unstable) for b in (2, 3, 4)
    ]
    falls = np.diff([point.even.exponents[0] for point in points])
    assert (falls < 0).all()
    assert (np.abs(falls) < 0.02).all()


def test_two_infinitesimal_potts_colours_are_ising() -> None:
    ising = fixed_point(InfinitesimalMigdalKadanoff(3), 0.1, accept=unstable)
    potts = fixed_point(InfinitesimalPottsMigdalKadanoff(2, 3), 0.2, accept=unstable)
    assert potts.y_t == pytest.approx(ising.y_t, abs=1e-11)
    assert potts.y_h == pytest.approx(ising.y_h, abs=1e-11)


@pytest.mark.parametrize("q", [3, 4, 6])
@pytest.mark.parametrize(
    "theory", [(0.7, 0.0, 0.0), (0.9, 0.3, -0.2), (1.3, -0.5, 0.4), (0.4, 1.0, 0.1)]
)
def test_the_rate_of_colours_is_that_of_a_matrix_logarithm(
    q: int, theory: tuple[float, float, float]
) -> None:
    """T^(1 + dl) = T + T ln T dl with the q×q matrix of a bond, by its logarithm."""
    k, h, pull = theory
    z = np.eye(q)[0] - 1 / q
    same = np.eye(q)
    bond = np.exp(k * same + h * np.add.outer(z, z) / 2 + pull * same * z)
    rates = np.real(bond @ logm(bond)) / bond
    favoured, mixed, like, unlike = (rates[i] for i in ((0, 0), (0, 1), (1, 1), (1, 2)))
    # ln of the bond: K + H(z + z')/2 + L z by its differences, as in `potts_path`.
    dh = 2 * (mixed - unlike)
    dl = favoured - like - dh
    expected = [like - unlike + dl / q, dh, dl]
    flow = InfinitesimalPottsMigdalKadanoff(q, 1)
    found = flow.rate(torch.tensor(theory, dtype=torch.float64)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_field_of_colours_falls_with_the_scale_too() -> None:
    """y_H of b = 2, 3, 4 departs from that of b → 1 to one side."""
    points = [fixed_point(InfinitesimalPottsMigdalKadanoff(3, 2), 1.0, accept=unstable)]
    points += [
        fixed_point(PottsMigdalKadanoff(3, 2, b), 1.2 / b, accept=unstable)
        for b in (2, 3, 4)
    ]
    falls = np.diff([point.odd.exponents[0] for point in points])
    assert (falls < 0).all()
    assert (np.abs(falls) < 0.005).all()


@pytest.mark.parametrize("q", [1.5, 2, 3, 10])
def test_cold_colours_keep_their_digits(q: float) -> None:
    """At d = 1 + 1/K* a wall costs K* and fields grow as the volume: e^-K* is lost."""
    for k in (20.0, 36.0, 100.0):
        flow = InfinitesimalPottsMigdalKadanoff(q, 1 + 1 / k)
        point = linearised(flow, k)
        assert point.y_t == pytest.approx(1 / k, rel=1e-6)
        assert point.y_h == pytest.approx(1 + 1 / k, rel=1e-6)


def test_near_one_dimension_the_exponent_is_d_minus_one() -> None:
    """Migdal's y_T = d - 1 + O((d - 1)²), and T* = 2 (d - 1)."""
    e = 0.05
    point = fixed_point(
        InfinitesimalMigdalKadanoff(1 + e), 1 / (2 * e), accept=unstable
    )
    assert point.y_t == pytest.approx(e, rel=0.01)
    assert 1 / point.couplings["coupling"] == pytest.approx(2 * e, rel=0.01)


def test_the_critical_value_is_the_fixed_point() -> None:
    for flow, start in (
        (MigdalKadanoff(3, 2), 0.1),
        (HierarchicalLattice(1.1, 2), 5.0),
    ):
        point = fixed_point(flow, start, accept=unstable)
        value = critical_value(flow, lambda t: t, between=(start / 5, 5 * start))
        assert value == pytest.approx(point.couplings["coupling"], rel=1e-10)


@pytest.mark.parametrize(
    "flow",
    [
        MigdalKadanoff(3, 2),
        HierarchicalLattice(2, 3),
        PottsMigdalKadanoff(3, 2, 2),
        PottsHierarchicalLattice(2.5, 2, 2),
    ],
)
def test_derivatives_are_those_of_finite_differences(flow: Any) -> None:
    at = {"coupling": 0.4, "field": 0.1}
    x, h = vector(flow, at), 1e-5
    shifts = h * torch.eye(len(x), dtype=torch.float64)
    columns = [(flow.step(x + e) - flow.step(x - e)) / (2 * h) for e in shifts]
    exact = linearised(flow, at).jacobian
    np.testing.assert_allclose(exact, torch.stack(columns, dim=1).numpy(), atol=1e-8)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: MigdalKadanoff(0.5, 2), "dimension d must be 1 or more, got 0.5"),
        (lambda: HierarchicalLattice(2, 1), "whole number of 2 or more"),
        (lambda: PottsMigdalKadanoff(1, 2, 2), "colours q must be above 1, got 1"),
        (lambda: InfinitesimalMigdalKadanoff(math.nan), "must be 1 or more, got nan"),
        (lambda: InfinitesimalPottsMigdalKadanoff(0.5), "must be above 1"),
    ],
)
def test_what_is_refused(call: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
