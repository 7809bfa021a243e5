"""Local tensors and their readings against enumeration, strips, synthetic spectra."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest

from kadanoff.exact import constants, enumerate, kaufman, strip
from kadanoff.exact.constants import K_C
from kadanoff.flows.tensors import (
    TensorState,
    Transfer,
    after,
    central_charge,
    converged,
    growth,
    ising,
    leading_triplets,
    local_tensor,
    log_partition,
    log_partition_per_site,
    potts,
    run,
    scaling_dimensions,
    turned,
)

SHAPES = [(2, 2), (3, 2), (2, 5), (3, 4), (4, 3)]


def brute_force(
    shape: tuple[int, int], horizontal: np.ndarray, vertical: np.ndarray, w: np.ndarray
) -> float:
    """ln Z of `(rows, width)` sites by visiting every state."""
    total = 0.0
    for state in itertools.product(range(len(w)), repeat=shape[0] * shape[1]):
        s = np.array(state).reshape(shape)
        right, above = np.roll(s, -1, 1), np.roll(s, -1, 0)
        total += (w[s] * horizontal[s, right] * vertical[s, above]).prod()
    return math.log(total)


@pytest.mark.parametrize("coupling", [-1.3, -0.2, 0.0, K_C, 1.5])
@pytest.mark.parametrize("shape", SHAPES)
def test_small_tori_are_those_of_enumeration(
    shape: tuple[int, int], coupling: float
) -> None:
    truth = enumerate.log_partition(shape, coupling)
    rows, width = shape
    assert log_partition(ising(coupling), width, rows) == pytest.approx(
        truth, rel=1e-12
    )


@pytest.mark.parametrize("coupling", [-0.9, 0.3, K_C])
def test_a_torus_of_9_by_40_is_that_of_kaufman(coupling: float) -> None:
    truth = kaufman.torus((9, 40), coupling).log_partition
    assert log_partition(ising(coupling), 9, 40) == pytest.approx(truth, rel=1e-12)


def test_a_field_is_that_of_the_strip_in_units_of_the_coupling() -> None:
    truth = strip.torus((5, 6), 0.4, field=-0.7).log_partition
    state = ising(0.4, field=-0.7)
    assert log_partition(state, 5, 6) == pytest.approx(truth, rel=1e-13)
    control = strip.torus((5, 6), 0.4, field=-0.71).log_partition
    assert abs(log_partition(state, 5, 6) - control) > 0.01


def test_anisotropic_couplings_lie_where_they_should() -> None:
    """Horizontal first: on 3 rows of 2 sites the two directions differ."""
    spins = np.array([1.0, -1.0])
    bond = np.exp(0.3 * np.outer(spins, spins))
    weak = np.exp(0.3 * 0.4 * np.outer(spins, spins))
    state = ising(0.3, anisotropy=0.4)
    truth = brute_force((3, 2), bond, weak, np.ones(2))
    assert log_partition(state, 2, 3) == pytest.approx(truth, rel=1e-13)
    assert abs(log_partition(state, 3, 2) - truth) > 1e-4


@pytest.mark.parametrize(("q", "coupling"), [(2, 1.1), (3, 0.9), (3, -0.9), (4, 1.0)])
def test_potts_tori_are_those_of_enumeration(q: int, coupling: float) -> None:
    bond = np.exp(coupling * np.eye(q))
    shape = (3, 2)
    truth = brute_force(shape, bond, bond, np.ones(q))
    assert log_partition(potts(q, coupling), 2, 3) == pytest.approx(truth, rel=1e-13)


def test_any_bond_and_any_weight_of_a_site_will_do() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.uniform(0.1, 2, (2, 3, 3))
    x, y, w = x + x.T, y + y.T, rng.uniform(0.5, 2, 3)
    state = TensorState(local_tensor(w, x, y))
    for shape in ((2, 3), (3, 2)):
        truth = brute_force(shape, x, y, w)
        assert log_partition(state, shape[1], shape[0]) == pytest.approx(truth)


def test_no_coupling_overflows() -> None:
    """Two ground states of energy -2 per site."""
    assert log_partition(ising(800.0), 3, 3) == pytest.approx(9 * 1600 + math.log(2))
    assert log_partition(potts(3, 1600.0), 3, 3) == pytest.approx(
        9 * 3200 + math.log(3)
    )


@pytest.mark.parametrize("width", [4, 7])
def test_dimensions_of_a_ring_are_the_levels_of_the_strip(width: int) -> None:
    even, odd = (strip.levels(width, K_C, odd=odd) for odd in (False, True))
    truth = width / (2 * math.pi) * np.sort([*even[:2], *odd[:1]])
    x = scaling_dimensions(ising(K_C), width=width, count=3)
    assert x == pytest.approx(truth, abs=1e-12)


def test_the_modulus_undoes_the_anisotropy() -> None:
    """On the critical line: Δ_σ to 2 % at width 9, which i alone would miss by half."""
    across = 0.6
    along = math.asinh(1 / math.sinh(2 * across)) / 2
    state = ising(across, anisotropy=along / across)
    assert state.aspect == pytest.approx(math.sinh(2 * across), rel=1e-12)
    x = scaling_dimensions(state, width=9, count=2)[1]
    assert x == pytest.approx(constants.DELTA_SIGMA, rel=0.02)
    naive = TensorState(state.tensor, state.log_norm)
    x = scaling_dimensions(naive, width=9, count=2)[1]
    assert x > 1.4 * constants.DELTA_SIGMA
    assert ising(0.3, anisotropy=1.0).aspect == 1


@dataclass(frozen=True)
class Synthetic:
    """Rings whose eigenvalues are those of a conformal theory exactly."""

    modulus: complex
    charge: float
    dimensions: tuple[float, ...]
    log_norm: float = 0.3
    sites: int = 64

    def transfer(self, width: int) -> Transfer:
        modulus = self.modulus / width
        levels = self.charge / 12 - np.array(self.dimensions)
        logs = -0.17 * width + 2 * math.pi * modulus.imag * levels
        rotation = np.linalg.qr(np.vander(np.arange(1.0, 1 + len(logs))))[0]
        matrix = rotation @ np.diag(np.exp(logs)) @ rotation.T
        return Transfer(matrix, width, modulus)


@pytest.mark.parametrize("modulus", [1j, 0.6j, turned(0.6j)])
def test_charge_and_dimensions_are_read_back(modulus: complex) -> None:
    theory = Synthetic(modulus, 0.7, (0.0, 0.075, 0.2, 1.2))
    assert central_charge(theory) == pytest.approx(0.7, abs=1e-12)
    for width in (1, 2):
        x = scaling_dimensions(theory, width=width)
        assert x == pytest.approx(theory.dimensions, abs=1e-12)


def test_two_turns_are_a_quarter_of_a_circle() -> None:
    assert turned(1j) == pytest.approx(1j)
    assert turned(turned(0.3 + 0.5j)) == pytest.approx(-1 / (0.3 + 0.5j))


def test_readings_do_not_depend_on_the_gauge() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 2, 2)) + 2 * np.eye(2)
    state = ising(0.5, field=0.1)
    tensor = np.einsum(
        "lrud,la,rb,ue,df->abef", state.tensor, np.linalg.inv(x).T, x, y,
        np.linalg.inv(y).T, optimize=True,
    )  # fmt: skip
    other = TensorState(tensor, state.log_norm)
    assert log_partition(other, 3, 4) == pytest.approx(log_partition(state, 3, 4))
    assert central_charge(other) == pytest.approx(central_charge(state))
    assert scaling_dimensions(other, width=2) == pytest.approx(
        scaling_dimensions(state, width=2)
    )


@dataclass(frozen=True)
class Doubling:
    """A map whose free energy approaches 1 as 2^-n; the tensor is a number."""

    def step(self, theory: TensorState) -> TensorState:
        sites = 2 * theory.sites
        return TensorState(theory.tensor, sites * (1 + 1 / sites), sites)


def test_criteria_combine() -> None:
    start = TensorState(np.ones((1, 1, 1, 1)), 2.0)

    def steps(stop: object) -> int:
        return len(run(Doubling(), start, stop)) - 1  # type: ignore[arg-type]

    assert steps(after(0)) == 0
    assert steps(after(5)) == 5
    # Successive values differ by 2^-n.
    assert steps(converged(2**-7)) == 7
    assert steps(after(5) | converged(2**-7)) == 5
    assert steps(after(5) & converged(2**-7)) == 7
    assert steps(converged(2**-4, of=lambda s: 3 * log_partition_per_site(s))) == 6


def test_a_criterion_that_is_never_met_is_reported() -> None:
    with pytest.raises(ValueError, match="not met in 10000 steps"):
        run(_Still(), ising(0.1), after(20_000))


@dataclass(frozen=True)
class _Still:
    def step(self, theory: TensorState) -> TensorState:
        return theory


@pytest.mark.parametrize("decay", [0.5, 3.0, 20.0])
def test_leading_triplets_are_those_of_the_full_decomposition(decay: float) -> None:
    rng = np.random.default_rng(7)
    u, v = np.linalg.qr(rng.normal(size=(2, 80, 80)))[0]
    s = np.exp(-np.arange(80) / decay)
    s[1] = s[0]  # a doublet
    matrix = (u * s) @ v
    left, values, right = leading_triplets(matrix, 10)
    assert values == pytest.approx(s[:10], abs=1e-13)
    best = (u[:, :10] * s[:10]) @ v[:10]
    assert (left * values) @ right == pytest.approx(best, abs=1e-7)
    assert left.T @ left == pytest.approx(np.eye(10), abs=1e-12)


def test_leading_triplets_see_every_sector_and_no_noise() -> None:
    """A block that no product with the other reaches, and a rank of 4."""
    matrix = np.zeros((60, 60))
    matrix[0, 0], matrix[50, 40] = 2.0, 3.0
    matrix[10, 3], matrix[11, 3], matrix[12, 5] = 1.0, 1.0, 0.5
    _, s, _ = leading_triplets(matrix, 8)
    assert s == pytest.approx([3, 2, math.sqrt(2), 0.5])


def test_bad_input_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"four legs .* got shape \(2, 3, 2, 2\)"):
        TensorState(np.ones((2, 3, 2, 2)))
    with pytest.raises(ValueError, match=r"upper half plane, got 1 and \(1-2j\)"):
        TensorState(np.ones((2, 2, 2, 2)), modulus=1 - 2j)
    with pytest.raises(ValueError, match="coupling must be a finite real number"):
        ising(math.nan)
    with pytest.raises(ValueError, match="at least two states"):
        potts(1, 1.0)
    with pytest.raises(ValueError, match="symmetric matrix"):
        local_tensor([1.0, 1.0], np.array([[1.0, 2.0], [0.0, 1.0]]), np.eye(2))
    with pytest.raises(ValueError, match="at most 4096 states, got width 13"):
        log_partition(ising(0.1), 13)
    with pytest.raises(ValueError, match="must be positive, got -1"):
        log_partition(TensorState(np.full((1, 1, 1, 1), -1.0)))
    with pytest.raises(ValueError, match="at least one row, got 0"):
        log_partition(ising(0.1), 1, 0)
    with pytest.raises(ValueError, match="order 1 or 2, got 4 and 3"):
        growth(_Still(), ising, K_C, shift=1e-5, steps=4, order=3)
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        after(-1)
    with pytest.raises(ValueError, match="tolerance must be positive, got 0"):
        converged(0)
