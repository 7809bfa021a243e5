"""Tori and strips against enumeration, Kaufman, whole matrices and free fermions."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from kadanoff.exact import kaufman, onsager
from kadanoff.exact import strip as module
from kadanoff.exact.constants import CENTRAL_CHARGE, DELTA_EPSILON, DELTA_SIGMA, K_C
from kadanoff.exact.enumerate import log_partition, moments
from kadanoff.exact.pairs import Law, law
from kadanoff.exact.strip import Torus, levels, strip, torus, two_point

TERMS = [(0.3, 0.0), (0.0, 0.6), (0.0, -0.4), (-0.2, 0.5), (1.1, -0.7)]


def enumerated(
    shape: tuple[int, int], coupling: float, field: float, second: float
) -> Law:
    """Every site owns two bonds to neighbours and two across plaquettes."""
    sites = np.arange(math.prod(shape)).reshape(shape)
    steps = [(-1, 0), (0, -1), (-1, -1), (-1, 1)]
    ends = [np.roll(sites, step, (0, 1)).ravel() for step in steps]
    bonds = np.concatenate([np.stack([sites.ravel(), end], axis=1) for end in ends])
    strength = np.repeat([1.0, 1.0, second, second], sites.size)
    return law(sites.size, bonds, coupling, strength=strength, field=field)


def transferred(
    shape: tuple[int, int], coupling: float, field: float, second: float
) -> Torus:
    """tr Tⁿ of the whole matrix with two derivatives, by powers of a block matrix."""
    n, m = shape
    rows = np.array(list(itertools.product((-1, 1), repeat=m)))
    beside = np.roll(rows, 1, axis=1) + np.roll(rows, -1, axis=1)
    inside = (rows * np.roll(rows, 1, axis=1)).sum(1) + field * rows.sum(1)
    bonds = rows @ rows.T + second * (rows @ beside.T) + inside
    shift = (coupling * bonds).max()
    t = np.exp(coupling * bonds - shift)
    zero = np.zeros_like(t)
    step = np.block(
        [
            [t, bonds * t, bonds**2 * t / 2],
            [zero, t, bonds * t],
            [zero, zero, t],
        ]
    )
    top = np.linalg.matrix_power(step, n)[: len(t)]
    whole, slope, half_bend = (top[:, k * len(t) :][:, : len(t)] for k in (0, 1, 2))
    z = np.trace(whole)
    mean = np.trace(slope) / z
    return Torus(
        n * shift + math.log(z),
        -mean / (m * n),
        coupling**2 * (2 * np.trace(half_bend) / z - mean**2) / (m * n),
        float(np.diag(whole) @ rows.mean(axis=1) / z),
    )


def assert_equal(value: Any, expected: Any, tolerance: float = 1e-12) -> None:
    assert value.log_partition == pytest.approx(expected.log_partition, rel=1e-13)
    for name in ("energy", "heat_capacity"):
        assert getattr(value, name) == pytest.approx(
            getattr(expected, name), abs=tolerance
        ), name


@pytest.mark.parametrize("coupling", [-0.9, 0.0, K_C])
@pytest.mark.parametrize(("field", "second"), TERMS)
@pytest.mark.parametrize("shape", [(2, 2), (2, 5), (3, 3), (3, 4), (4, 3), (4, 4)])
def test_small_tori_are_those_enumerated(
    shape: tuple[int, int], field: float, second: float, coupling: float
) -> None:
    expected = enumerated(shape, coupling, field, second)
    value = torus(shape, coupling, field=field, second=second)
    assert_equal(value, expected)
    assert value.magnetization == pytest.approx(expected.magnetization, abs=1e-13)
    np.testing.assert_allclose(
        two_point(shape, coupling, field=field, second=second),
        expected.two_point[0].reshape(shape),
        atol=1e-13,
    )


@pytest.mark.parametrize("coupling", [-9.0, -K_C, 0.3, 9.0])
@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (4, 5)])
def test_without_terms_the_tori_are_those_enumerated(
    shape: tuple[int, int], coupling: float
) -> None:
    value, expected = torus(shape, coupling), moments(shape, coupling)
    assert value.log_partition == pytest.approx(
        log_partition(shape, coupling), rel=1e-13
    )
    assert value.energy == pytest.approx(expected.energy, abs=1e-13)
    assert value.heat_capacity == pytest.approx(expected.heat_capacity, abs=1e-12)
    assert two_point(shape, coupling).mean() == pytest.approx(expected.m2, abs=1e-13)


@pytest.mark.parametrize("coupling", [-1.2, -0.4, K_C])
@pytest.mark.parametrize("shape", [(5, 6), (6, 7), (7, 5), (8, 8), (30, 7)])
def test_rows_of_more_spins_are_those_of_the_whole_matrix(
    shape: tuple[int, int], coupling: float
) -> None:
    """Where that has the longer rows, the two directions are compared."""
    for field, second in ((0.0, 0.5), (0.4, -0.3)):
        value = torus(shape, coupling, field=field, second=second)
        expected = transferred(shape, coupling, field, second)
        assert_equal(value, expected, 1e-11)
        assert value.magnetization == pytest.approx(expected.magnetization, abs=1e-12)


@pytest.mark.parametrize("coupling", [-2.0, -K_C, 0.1, K_C, 0.6, 3.0])
@pytest.mark.parametrize("shape", [(5, 9), (6, 40), (9, 9), (10, 10), (200, 7)])
def test_larger_tori_are_kaufmans(shape: tuple[int, int], coupling: float) -> None:
    """Odd sides frustrate the antiferromagnet."""
    assert_equal(torus(shape, coupling), kaufman.torus(shape, coupling), 1e-12)


@pytest.mark.parametrize("shape", [(11, 12), (12, 12)])
def test_the_widest_tori_are_kaufmans(shape: tuple[int, int]) -> None:
    assert_equal(torus(shape, K_C), kaufman.torus(shape, K_C), 1e-12)


@pytest.mark.parametrize("coupling", [-12.5, 12.5])
def test_the_strongest_couplings_are_kaufmans(coupling: float) -> None:
    """Frustrated on 11×3: its weights are e^{-25} for every bond not satisfied."""
    for shape in ((11, 3), (12, 4)):
        value, expected = torus(shape, coupling), kaufman.torus(shape, coupling)
        assert_equal(value, expected, 1e-9)


def test_a_strong_field_aligns_every_spin() -> None:
    value = torus((4, 6), 2.0, field=10.0)
    assert value.magnetization == pytest.approx(1.0, abs=1e-12)
    assert value.log_partition == pytest.approx(2.0 * 24 * 12, rel=1e-12)


@pytest.mark.parametrize("coupling", [-0.7, K_C, 0.5])
@pytest.mark.parametrize("shape", [(10, 10), (6, 14), (15, 7)])
def test_neighbours_correlate_as_the_energy_says(
    shape: tuple[int, int], coupling: float
) -> None:
    g = two_point(shape, coupling)
    assert g.shape == shape
    assert g[0, 0] == pytest.approx(1.0, abs=1e-14)
    assert -(g[0, 1] + g[1, 0]) == pytest.approx(
        kaufman.torus(shape, coupling).energy, abs=1e-13
    )
    flipped = np.roll(g[::-1, ::-1], (1, 1), (0, 1))
    np.testing.assert_allclose(g, flipped, atol=1e-14)


def test_the_two_directions_of_a_square_correlate_alike() -> None:
    for terms in ({}, {"field": 0.1, "second": 0.4}):
        g = two_point((9, 9), 0.3, **terms)
        np.testing.assert_allclose(g, g.T, atol=1e-13)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(
            two_point((9, 10), 0.3)[:9, :9], two_point((9, 9), 0.3), atol=1e-6
        )


def test_the_staggered_correlator_of_the_antiferromagnet() -> None:
    sign = 1 - 2 * (np.indices((8, 10)).sum(axis=0) % 2)
    np.testing.assert_allclose(
        two_point((8, 10), -0.5), sign * two_point((8, 10), 0.5), atol=1e-13
    )


def test_diagonals_alone_make_two_lattices() -> None:
    """K → 0 and rK fixed: two square lattices of half the sites, side by side."""
    tiny, g = 1e-9, two_point((8, 8), 1e-9, second=0.3e9)
    odd = np.indices((8, 8)).sum(axis=0) % 2 == 1
    assert np.abs(g[odd]).max() < 1e-7
    assert g[1, 1] == pytest.approx(g[1, 7], abs=1e-12)
    assert g[1, 1] > 0.3
    value = torus((8, 8), tiny, second=0.3e9)
    assert value.energy * tiny == pytest.approx(-0.3 * 2 * g[1, 1], abs=1e-7)


@pytest.mark.parametrize("coupling", [-0.6, -0.3, 0.2, K_C])
@pytest.mark.parametrize("width", [2, 3, 6, 8])
def test_a_strip_is_a_long_torus_of_kaufmans(width: int, coupling: float) -> None:
    """Where the antiferromagnet is frustrated, too."""
    n = 40 * math.ceil(strip(width, coupling).correlation_length)
    expected, value = kaufman.torus((width, n), coupling), strip(width, coupling)
    assert value.log_partition_per_site == pytest.approx(
        expected.log_partition / (width * n), rel=1e-13
    )
    assert value.energy == pytest.approx(expected.energy, abs=1e-12)
    assert value.heat_capacity == pytest.approx(expected.heat_capacity, abs=1e-11)


@pytest.mark.parametrize("coupling", [-0.35, 0.25])
@pytest.mark.parametrize(("field", "second"), TERMS)
@pytest.mark.parametrize("width", [2, 4, 5])
def test_strips_with_terms_are_long_tori(
    width: int, field: float, second: float, coupling: float
) -> None:
    terms = {"field": field, "second": second}
    value = strip(width, coupling, **terms)
    n = 40 * math.ceil(value.correlation_length)
    expected = torus((width, n), coupling, **terms)
    assert value.log_partition_per_site == pytest.approx(
        expected.log_partition / (width * n), rel=1e-13
    )
    for name in ("energy", "heat_capacity", "magnetization"):
        assert getattr(value, name) == pytest.approx(
            getattr(expected, name), abs=1e-11
        ), name


@pytest.mark.parametrize("coupling", [-0.3, -0.2, 0.25])
@pytest.mark.parametrize(
    ("field", "second"), [(0.0, 0.0), (0.2, 0.0), (0.0, 0.3), (0.1, 0.2)]
)
@pytest.mark.parametrize("width", [3, 4])
def test_correlators_fall_with_the_correlation_length(
    width: int, field: float, second: float, coupling: float
) -> None:
    terms = {"field": field, "second": math.copysign(second, coupling)}
    value = strip(width, coupling, **terms)
    g = two_point((100, width), coupling, **terms)
    # At the distances where only the slowest decay is left above rounding.
    connected = np.abs(g - value.magnetization**2).max(axis=1)
    far = int(6 * value.correlation_length) + 4
    rate = math.log(connected[far] / connected[far + 2]) / 2
    assert rate * value.correlation_length == pytest.approx(1.0, abs=0.01)


def fermions(width: int, coupling: float, odd: bool) -> np.ndarray:
    """Kaufman's γ_q for q = 2πl/m (l whole, or half-odd where `odd`), K > 0."""
    q = 2 * np.pi * (np.arange(width) + odd / 2) / width
    gamma = np.arccosh(np.cosh(2 * coupling) / np.tanh(2 * coupling) - np.cos(q))
    if not odd:
        gamma[0] = 2 * coupling + math.log(math.tanh(coupling))
    return gamma


@pytest.mark.parametrize("coupling", [0.25, K_C, 0.6])
@pytest.mark.parametrize("width", [2, 3, 5, 8, 10])
def test_levels_are_those_of_free_fermions(width: int, coupling: float) -> None:
    """½ Σ γ: half-odd momenta in the even sector, whole ones in the odd sector."""
    half_odd, whole = (fermions(width, coupling, odd) for odd in (True, False))
    odd = levels(width, coupling, odd=True)
    gap = (half_odd.sum() - whole.sum()) / 2
    assert odd[0] == pytest.approx(gap, abs=1e-13 + 1e-12 * gap)
    even = levels(width, coupling)
    assert even[0] == pytest.approx(0.0, abs=1e-13)
    # The cheapest pair of opposite momenta, which are one for width 2 and 3.
    assert even[1] == pytest.approx(2 * half_odd.min(), rel=1e-11)
    value = strip(width, coupling)
    assert value.correlation_length == pytest.approx(1 / gap, rel=1e-9)
    free = math.log(2 * math.sinh(2 * coupling)) / 2 + half_odd.sum() / (2 * width)
    assert value.log_partition_per_site == pytest.approx(free, rel=1e-13)


@pytest.mark.parametrize(("field", "second"), [(0.0, 0.0), *TERMS])
@pytest.mark.parametrize("width", [2, 3, 4, 6])
def test_all_levels_together_are_the_torus(
    width: int, field: float, second: float
) -> None:
    """Z = λ_0ⁿ Σ_j e^{-n ln(λ_0/|λ_j|)} for even n, over all 2^m levels."""
    n, coupling = 8, -0.35
    terms = {"field": field, "second": second}
    parities = (False,) if field else (False, True)
    found = [
        levels(width, coupling, momentum=k, odd=odd, **terms)
        for k in range(width)
        for odd in parities
    ]
    everything = np.concatenate(found)
    assert len(everything) == 2**width
    leading = strip(width, coupling, **terms).log_partition_per_site * width * n
    total = leading + math.log(np.exp(-n * everything).sum())
    expected = torus((width, n), coupling, **terms).log_partition
    assert total == pytest.approx(expected, rel=1e-13)


def order_of(errors: list[float], widths: list[int]) -> float:
    """The power of 1/m at which errors fall between the last two widths."""
    return math.log(errors[-2] / errors[-1]) / math.log(widths[-1] / widths[-2])


def test_critical_strips_have_the_dimensions_of_the_ising_model() -> None:
    """m/(2πξ) → Δ_σ, the even gap → Δ_ε, the free energy → c: all errors as m^-2."""
    widths = [4, 6, 8, 10, 12]
    scale = [m / (2 * math.pi) for m in widths]
    spins = [
        s * levels(m, K_C, odd=True)[0] for s, m in zip(scale, widths, strict=True)
    ]
    pairs = [s * levels(m, K_C)[1] for s, m in zip(scale, widths, strict=True)]
    bulk = onsager.log_partition_per_site(K_C)
    charges = [
        6 / math.pi * m**2 * (strip(m, K_C).log_partition_per_site - bulk)
        for m in widths
    ]
    for series, limit in (
        (spins, DELTA_SIGMA),
        (pairs, DELTA_EPSILON),
        (charges, CENTRAL_CHARGE),
    ):
        errors = [abs(value - limit) for value in series]
        assert errors[-1] < 0.006 * limit
        assert order_of(errors, widths) == pytest.approx(2.0, abs=0.1)


def test_away_from_criticality_the_gap_is_no_dimension() -> None:
    """The same check 5 % off: the error does not fall."""
    widths = [8, 10, 12]
    for coupling in (0.95 * K_C, 1.05 * K_C):
        errors = [
            abs(m / (2 * math.pi) * levels(m, coupling, odd=True)[0] - DELTA_SIGMA)
            for m in widths
        ]
        assert not 1.9 < order_of(errors, widths) < 2.1


def test_an_antiferromagnet_of_even_width_has_the_same_lengths() -> None:
    ferro, anti = strip(8, 0.4), strip(8, -0.4)
    assert anti.correlation_length == pytest.approx(ferro.correlation_length, rel=1e-11)
    assert anti.heat_capacity == pytest.approx(ferro.heat_capacity, rel=1e-11)
    assert anti.energy == pytest.approx(-ferro.energy, rel=1e-13)
    odd = strip(7, -0.4)
    assert odd.correlation_length != pytest.approx(strip(7, 0.4).correlation_length)


def test_nothing_is_correlated_without_a_coupling() -> None:
    value = strip(5, 0.0, field=0.3, second=0.2)
    assert value.log_partition_per_site == pytest.approx(math.log(2), rel=1e-14)
    assert value.correlation_length == 0
    assert two_point((3, 3), 0.0).ravel() == pytest.approx([1] + [0] * 8, abs=1e-14)


def test_a_diagonal_left_out_between_the_halves_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = enumerated((4, 4), 0.3, 0.0, 0.5)
    monkeypatch.setattr(
        module._Row, "_meets", property(lambda row: np.zeros((4, 4))), raising=True
    )
    value = torus((4, 4), 0.3, second=0.5)
    assert abs(value.energy - expected.energy) > 0.01


def test_a_wrong_multiplicity_of_a_class_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = module._classes

    def alike(m: int, flips: bool) -> Any:
        classes = whole(m, flips)
        return module._Classes(classes.state, np.ones_like(classes.size))

    monkeypatch.setattr(module, "_classes", alike)
    expected = kaufman.torus((5, 6), 0.3)
    assert abs(torus((5, 6), 0.3).energy - expected.energy) > 1e-3


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: torus((1, 4), 0.3), r"at least 2, the shorter at most 12, got .*1, 4"),
        (lambda: torus((13, 14), 0.3), r"got shape \(13, 14\)"),
        (lambda: two_point((4, 4.5), 0.3), r"got shape \(4, 4.5\)"),  # type: ignore[arg-type]
        (lambda: two_point((12, 5000), 0.3), "at most 67108864 are kept"),
        (lambda: strip(13, 0.3), "2 to 12 sites wide, got 13"),
        (lambda: levels(1, 0.3), "2 to 12 sites wide, got 1"),
        (lambda: levels(4, 0.3, odd=True, field=0.1), "leaves no parity"),
        (lambda: torus((4, 4), math.nan), "must be finite"),
        (lambda: strip(4, 0.3, field=math.inf), "must be finite"),
        (lambda: torus((12, 13), 13.0), "up to 300.0, got K = 13.0"),
        (lambda: torus((4, 4), 0.0, second=math.inf), "must be finite"),
    ],
)
def test_what_is_refused(call: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
