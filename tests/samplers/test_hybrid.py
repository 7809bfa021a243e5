"""Hybrid Monte Carlo against the free field, quadrature and its own exact identities.

Levels: a mean is within 4.5 of its standard errors (7e-6 for each of some fifty) at
fixed seeds. The controls are a force, a K and a λ that are 2 % off, Euler's integrator
(volumes are not kept), and trajectories without moves of the signs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kadanoff.exact.enumerate import all_states, moments
from kadanoff.kernels.hybrid import (
    LANES,
    Law,
    Path,
    hamiltonian,
    leapfrog,
    sweep,
    trajectory,
    turn_signs,
)
from kadanoff.models.lattice import bond_pairs
from kadanoff.models.phi4 import Phi4
from kadanoff.samplers.hybrid import Hybrid

SHAPE, QUARTIC, COUPLING = (4, 3), 0.7, 0.45
MODEL, LAW = Phi4(SHAPE, QUARTIC), Law(COUPLING, QUARTIC)
Z = 4.5
Flow = Callable[[np.ndarray, np.ndarray, float, int], None]


def force(fields: np.ndarray, model: Phi4, coupling: float) -> np.ndarray:
    """-∂S/∂φ, `(site, n)`, from the table of neighbours."""
    pull = coupling * fields[model.near].sum(axis=1)
    return pull - 2 * fields - 4 * model.quartic * fields * (fields**2 - 1)


def by_kernel(model: Phi4, coupling: float) -> Flow:
    law = Law(coupling, model.quartic)

    def flow(fields: np.ndarray, momenta: np.ndarray, step: float, steps: int) -> None:
        leapfrog(fields, momenta, model.near, law, step, steps)

    return flow


def by_numpy(model: Phi4, coupling: float, strength: float = 1.0) -> Flow:
    """The slow twin, with a force that can be made wrong."""

    def flow(fields: np.ndarray, momenta: np.ndarray, step: float, steps: int) -> None:
        for _ in range(steps):
            momenta += step / 2 * strength * force(fields, model, coupling)
            fields += step * momenta
            momenta += step / 2 * strength * force(fields, model, coupling)

    return flow


def by_euler(model: Phi4, coupling: float) -> Flow:
    """The control: not reversible, and volumes grow."""

    def flow(fields: np.ndarray, momenta: np.ndarray, step: float, steps: int) -> None:
        for _ in range(steps):
            push = force(fields, model, coupling)
            fields += step * momenta
            momenta += step * push

    return flow


def start(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    fields = np.ascontiguousarray(MODEL.hot(LANES, rng=rng).reshape(LANES, -1).T)
    return fields, rng.standard_normal(fields.shape)


def change_of_h(flow: Flow, step: float, steps: int) -> np.ndarray:
    fields, momenta = start(1)
    before = hamiltonian(fields, momenta, MODEL.near, LAW)
    flow(fields, momenta, step, steps)
    return hamiltonian(fields, momenta, MODEL.near, LAW) - before


def free_fields(
    shape: tuple[int, ...], coupling: float, n: int, seed: int
) -> np.ndarray:
    """Independent draws of the free field, mode by mode, `(n, *shape)`."""
    rng = np.random.default_rng(seed)
    white = np.fft.fftn(rng.standard_normal((n, *shape)), axes=range(1, 1 + len(shape)))
    coloured = white * np.sqrt(mode_variance(shape, coupling))
    return np.fft.ifftn(coloured, axes=range(1, 1 + len(shape))).real


def mode_variance(shape: tuple[int, ...], coupling: float) -> np.ndarray:
    """1/(2 - 2K Σ cos k_μ)."""
    waves = np.meshgrid(
        *(2 * np.pi * np.fft.fftfreq(side) for side in shape), indexing="ij"
    )
    return 1 / (2 - 2 * coupling * np.cos(waves).sum(axis=0))


def mode_scores(fields: np.ndarray, coupling: float) -> np.ndarray:
    """How many errors ⟨|φ_k|²⟩ of each mode is from the truth."""
    shape = fields.shape[1:]
    modes = np.fft.fftn(fields, axes=range(1, fields.ndim), norm="ortho")
    power = abs(modes) ** 2 / mode_variance(shape, coupling)
    return (power.mean(axis=0) - 1) / (power.std(axis=0) / np.sqrt(len(fields)))


def test_hamiltonian_is_the_action_and_the_kinetic_energy():
    fields, momenta = start(2)
    action = MODEL.action(fields.T.reshape(LANES, *SHAPE), COUPLING)
    expected = action + (momenta**2).sum(axis=0) / 2
    assert np.allclose(hamiltonian(fields, momenta, MODEL.near, LAW), expected)


@pytest.mark.parametrize("shape", [(4, 3), (2, 2), (5,), (2, 3, 4)])
def test_the_force_is_the_gradient_of_the_action(shape: tuple[int, ...]):
    model = Phi4(shape, QUARTIC)
    field = model.hot(1, rng=np.random.default_rng(3))
    sites = field.size
    nudge = 1e-5 * np.eye(sites).reshape(sites, *shape)
    forth, back = (model.action(field + s * nudge, COUPLING) for s in (1, -1))
    lanes = np.repeat(field.reshape(-1, 1), LANES, axis=1)
    momenta = np.zeros_like(lanes)
    # One vanishing step is a kick by half of the force, twice.
    leapfrog(lanes, momenta, model.near, LAW, 1e-9, 1)
    assert np.allclose(momenta[:, 0] / 1e-9, (back - forth) / 2e-5, atol=1e-6)


def test_the_kernel_is_the_slow_twin():
    fast, slow = start(4), start(4)
    by_kernel(MODEL, COUPLING)(*fast, 0.07, 13)
    by_numpy(MODEL, COUPLING)(*slow, 0.07, 13)
    assert np.allclose(fast, slow, rtol=0, atol=1e-12)


def distance_there_and_back(flow: Flow) -> float:
    fields, momenta = start(5)
    before = fields.copy()
    flow(fields, momenta, 0.05, 25)
    assert abs(fields - before).max() > 0.1
    momenta *= -1
    flow(fields, momenta, 0.05, 25)
    return abs(fields - before).max()


def test_trajectories_can_be_reversed():
    assert distance_there_and_back(by_kernel(MODEL, COUPLING)) < 1e-10
    assert distance_there_and_back(by_euler(MODEL, COUPLING)) > 1e-2


def test_the_change_of_h_falls_with_the_square_of_the_step():
    """Trajectories of length 1; a force that is 2 % off does not conserve H at all."""

    def order(flow: Flow) -> float:
        counts = np.array([16, 32, 64, 128])
        sizes = [np.std(change_of_h(flow, 1 / n, int(n))) for n in counts]
        return -np.polyfit(np.log(counts), np.log(sizes), 1)[0]

    assert abs(order(by_kernel(MODEL, COUPLING)) - 2) < 0.02
    assert order(by_numpy(MODEL, COUPLING, strength=1.02)) < 0.1


def mean_weight(flow: Flow, seed: int) -> tuple[float, float, float]:
    """⟨e^{-ΔH}⟩ of long steps from exact draws, its error, and ⟨ΔH⟩."""
    model, coupling, n = Phi4((4, 4), 0.0), 0.35, 40_000
    fields = free_fields(model.shape, coupling, n, seed).reshape(n, -1).T.copy()
    momenta = np.random.default_rng(seed + 1).standard_normal(fields.shape)
    near, law = model.near, Law(coupling, 0.0)

    def energies() -> np.ndarray:
        action = model.action(fields.T.reshape(n, *model.shape), law.coupling)
        return action + (momenta**2).sum(axis=0) / 2

    before = energies()
    for first in range(0, n, LANES):
        block = slice(first, first + LANES)
        phi, pi = fields[:, block].copy(), momenta[:, block].copy()
        flow(phi, pi, 0.6, 2)
        fields[:, block], momenta[:, block] = phi, pi
    assert near.shape == (16, 4)
    change = energies() - before
    weight = np.exp(-change)
    return weight.mean(), weight.std() / np.sqrt(n), change.mean()


def test_creutz_equality_holds_at_long_steps():
    """⟨e^{-ΔH}⟩ = 1 where ⟨ΔH⟩ is large; not for Euler, who does not keep volumes.

    A wrong force keeps them, and the identity: this the order of ΔH must see.
    """
    model = Phi4((4, 4), 0.0)
    mean, error, change = mean_weight(by_kernel(model, 0.35), 6)
    assert abs(mean - 1) < Z * error
    assert error < 0.01
    assert change > 10 * error
    mean, error, _ = mean_weight(by_euler(model, 0.35), 6)
    assert abs(mean - 1) > 10 * error
    mean, error, _ = mean_weight(by_numpy(model, 0.35, strength=0.95), 6)
    assert abs(mean - 1) < Z * error


@pytest.mark.parametrize(
    ("shape", "quartic", "coupling"),
    [
        ((8, 8), 1.0, 0.68),
        ((4, 4, 4), 0.3, -0.3),
        ((2, 2), 5.0, 0.4),
        ((16,), 0.0, 0.9),
    ],
)
def test_creutz_equality_holds_in_the_sampler(
    shape: tuple[int, ...], quartic: float, coupling: float
):
    sampler = Hybrid(Phi4(shape, quartic), coupling, replicas=400)
    rng = np.random.default_rng(7)
    state = sampler.step(sampler.init(rng=rng), rng=rng, sweeps=40)
    state = sampler.step(state, rng=rng, sweeps=40)
    error = state.weight.std(ddof=1) / np.sqrt(400)
    assert abs(state.weight.mean() - 1) < Z * error
    assert error < 0.02
    assert 0.65 < state.acceptance.mean() < 0.95


@pytest.mark.parametrize(("shape", "coupling"), [((4, 4), 0.4), ((6,), -0.8)])
def test_the_free_field_is_stationary(shape: tuple[int, ...], coupling: float):
    """Exact draws, five sweeps, all modes. The control: K off by 2 %."""
    n = 60_000
    fields = free_fields(shape, coupling, n, seed=8)
    assert abs(mode_scores(fields, coupling)).max() < Z

    def after(wrong: float) -> float:
        sampler = Hybrid(Phi4(shape, 0.0), wrong * coupling, replicas=n)
        rng = np.random.default_rng(9)
        state = sampler.init(rng=rng, values=fields)
        state = sampler.step(state, rng=rng, sweeps=5)
        return abs(mode_scores(sampler.spins(state), coupling)).max()

    assert after(1.0) < Z
    assert after(1.02) > 6


def test_the_free_field_is_reached():
    sampler = Hybrid(Phi4((6, 4), 0.0), 0.4, replicas=4000)
    rng = np.random.default_rng(10)
    state = sampler.init(rng=rng)
    assert abs(mode_scores(sampler.spins(state), 0.4)).max() > 6
    state = sampler.step(state, rng=rng, sweeps=60)
    assert abs(mode_scores(sampler.spins(state), 0.4)).max() < Z


def ring_of_four(quartic: float, coupling: float) -> dict[str, float]:
    """⟨φ²⟩, ⟨φ⁴⟩, ⟨E⟩/N and ⟨m²⟩ on 2×2 by the trapezoidal rule.

    2×2 is a ring of four sites with double bonds: powers of one transfer matrix.
    """
    phi, h = np.linspace(-4.5, 4.5, 361, retstep=True)
    single = np.exp(-(phi**2 + quartic * (phi**2 - 1) ** 2) / 2)
    bond = np.exp(2 * coupling * np.outer(phi, phi)) * np.outer(single, single) * h
    two = bond @ bond
    z = np.einsum("ij,ji->", two, two)
    four = np.diag(two @ two)
    next_to = np.einsum("i,ij,j,ji->", phi, bond, phi, bond @ two) / z
    across = np.einsum("i,ij,j,ji->", phi, two, phi, two) / z
    square = four @ phi**2 / z
    return {
        "phi_squared": square,
        "phi_fourth": four @ phi**4 / z,
        "energy": -2 * next_to,
        "m_squared": (square + 2 * next_to + across) / 4,
    }


def ring_readings(model: Phi4, fields: np.ndarray) -> dict[str, np.ndarray]:
    """The series of `ring_of_four`, and ⟨(φ² - 1)²⟩, which λ is conjugate to."""
    series = model.observables(fields, 1.0)
    squares = fields.reshape(len(fields), -1) ** 2
    series["phi_fourth"] = (squares**2).mean(axis=1)
    series["well"] = ((squares - 1) ** 2).mean(axis=1)
    return series


def means_from_all_up(
    sampler: Hybrid, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Of 40 looks two sweeps apart, after 30 sweeps, `(replica,)` each."""
    up = np.broadcast_to(sampler.model.cold(1, 1.0), (sampler.replicas, 2, 2))
    state = sampler.step(sampler.init(rng=rng, values=up), rng=rng, sweeps=30)
    looks = []
    for _ in range(40):
        state = sampler.step(state, rng=rng, sweeps=2)
        looks.append(ring_readings(sampler.model, state.fields))
    return {name: np.mean([look[name] for look in looks], axis=0) for name in looks[0]}


def ring_scores(
    quartic: float, coupling: float, replicas: int, wrong: tuple[float, float]
) -> dict[str, float]:
    """How many errors each mean is from the truth; K and λ are `wrong` times theirs."""
    k, wells = wrong[0] * coupling, wrong[1] * quartic
    sampler = Hybrid(Phi4((2, 2), wells), k, replicas)
    means = means_from_all_up(sampler, np.random.default_rng(11))
    truth = ring_of_four(quartic, coupling)
    truth["well"] = truth["phi_fourth"] - 2 * truth["phi_squared"] + 1
    return {
        name: abs(means[name].mean() - exact)
        / (means[name].std(ddof=1) / np.sqrt(replicas))
        for name, exact in truth.items()
    }


@pytest.mark.parametrize(
    ("quartic", "coupling", "replicas"),
    [
        (0.5, 0.3, 24_000),
        (2.0, -0.4, 8000),
        (1.0, 0.8, 8000),
        (40.0, 0.25, 8000),
    ],
)
def test_two_by_two_agrees_with_quadrature(
    quartic: float, coupling: float, replicas: int
):
    """From all up; at λ = 40 only the moves of the signs leave the well.

    The controls: K off by 2 %, λ by 2 %.
    """

    def scores(wrong_k: float, wrong_quartic: float) -> dict[str, float]:
        return ring_scores(quartic, coupling, replicas, (wrong_k, wrong_quartic))

    assert max(scores(1.0, 1.0).values()) < Z
    assert scores(1.02, 1.0)["energy"] > 6
    assert scores(1.0, 1.02)["well"] > 6


def test_trajectories_alone_stay_in_their_well():
    model, law = Phi4((4, 4), 60.0), Law(0.2, 60.0)
    rng = np.random.default_rng(12)
    field = np.ascontiguousarray(model.cold(2 * LANES, 0.2)[::2].reshape(LANES, -1).T)
    path = Path(0.03, 20, 40)
    for _ in range(200):
        trajectory(field, model.near, law, path, rng)
    assert (field > 0).all()
    turn_signs(field, bond_pairs(model.near), 0.2, rng)
    assert (field < 0).any()


def test_signs_keep_their_law_at_given_moduli():
    """χ² over all sixteen signs of 2×2; the control has K wrong by 2 %."""
    n, coupling = 320_000, 0.6
    model = Phi4((2, 2), 1.0)
    moduli = np.array([0.4, 1.3, 0.9, 0.7])
    states = all_states(4)
    log_law = -coupling * 4 * model.energy((states * moduli).reshape(-1, 2, 2))
    law = np.exp(log_law) / np.exp(log_law).sum()
    rng = np.random.default_rng(13)
    drawn = states[rng.choice(16, size=n, p=law)] * moduli
    bonds = bond_pairs(model.near)

    def chi_squared(k: float) -> float:
        # Trajectories of no length: only the signs move.
        after, still = drawn.copy(), Path(0.0, 1, 1)
        rng = np.random.default_rng(14)
        sweep(after, model.near, bonds, Law(k, 1.0), still, 5, rng)
        assert np.array_equal(abs(after), abs(drawn))
        counts = np.bincount((after > 0) @ [8, 4, 2, 1], minlength=16)
        return float(((counts - n * law) ** 2 / (n * law)).sum())

    assert chi_squared(coupling) < 44.3  # 1e-4 at 15 degrees of freedom
    assert chi_squared(1.02 * coupling) > 60


def test_the_ising_model_is_the_limit_of_a_large_quartic_coupling():
    """⟨m²⟩ of 2×2 by quadrature meets enumeration at the rate 1/λ."""
    k = 0.25
    quartics = np.array([100.0, 200.0, 400.0])
    off = [ring_of_four(q, k)["m_squared"] - moments((2, 2), k).m2 for q in quartics]
    slope = np.polyfit(np.log(quartics), np.log(np.abs(off)), 1)[0]
    assert abs(slope + 1) < 0.02


def test_a_step_leaves_its_state_and_repeats():
    sampler = Hybrid(Phi4((4, 4), 1.0), 0.4, replicas=11)
    state = sampler.init(rng=np.random.default_rng(15))
    before = state.fields.copy()
    one, other = (
        sampler.step(state, rng=np.random.default_rng(16), sweeps=3) for _ in range(2)
    )
    assert (state.fields == before).all()
    assert (one.fields == other.fields).all()
    assert (one.fields != before).any(axis=(1, 2)).all()
    assert sampler.step(one, rng=np.random.default_rng(1), sweeps=0) is one
    assert np.isnan(state.weight).all()


def test_rows_are_single_precision_fields():
    sampler = Hybrid(Phi4((4, 2, 2), 1.0), 0.2, replicas=3)
    state = sampler.init(rng=np.random.default_rng(17))
    rows = sampler.packed(state)
    assert rows.dtype == np.float32
    assert np.allclose(rows, sampler.spins(state), rtol=1e-6)
    assert (
        sampler.init(rng=np.random.default_rng(1), values=rows).fields == rows
    ).all()


def test_bad_settings_get_a_sentence():
    rng = np.random.default_rng(18)
    with pytest.raises(ValueError, match=r"needs \|K\| below 1/2"):
        Hybrid(Phi4((4, 4), 0.0), 0.5, replicas=1)
    with pytest.raises(ValueError, match="replicas must be a whole number"):
        Hybrid(Phi4((4, 4), 1.0), 0.5, replicas=0)
    sampler = Hybrid(Phi4((4, 4), 1.0), 0.5, replicas=2)
    with pytest.raises(ValueError, match=r"must have shape .* = \(2, 4, 4\)"):
        sampler.init(rng=rng, values=np.ones((1, 4, 4)))
    with pytest.raises(ValueError, match="must be finite, got nan"):
        sampler.init(rng=rng, values=np.full((2, 4, 4), np.nan))
    with pytest.raises(ValueError, match="sweeps must be a whole number"):
        sampler.step(sampler.init(rng=rng), rng=rng, sweeps=-1)


def test_a_cold_start_is_left():
    """The control: trajectories from the bottom of the potential are rejected."""
    model, rng = Phi4((32, 32), 1.0), np.random.default_rng(4)
    sampler = Hybrid(model, 0.6, 16)
    bottom = np.full((16, 32, 32), np.sqrt(model.largest_square(0.6)))

    def acceptance(start: np.ndarray) -> float:
        state = sampler.init(rng=rng, values=start)
        return float(sampler.step(state, rng=rng, sweeps=4).acceptance.mean())

    assert acceptance(model.cold(16, 0.6)) > 0.4
    assert acceptance(bottom) < 0.1
