"""Variational Monte Carlo renormalization: couplings as the minimum of a functional.

Y. Wu and R. Car, Phys. Rev. Lett. 119, 220602 (2017). Block spins μ have a Hamiltonian
exp[-βH′(μ)] = Σ_σ P(μ|σ) exp[-βH(σ)]. Under a bias exp[-V_J(μ)], V_J = Σ_α J_α S_α(μ),
the functional

    Ω(J) = ln (Σ_μ e^{-βH′(μ) - V_J(μ)} / Σ_μ e^{-βH′(μ)}) + ⟨V_J⟩_uniform

is convex, with

    ∂Ω/∂J_α = ⟨S_α⟩_uniform - ⟨S_α⟩_V,   ∂²Ω/∂J_α ∂J_γ = ⟨S_α S_γ⟩_c,V,

and smallest where the biased block spins are as uncorrelated as the operators can make
them: there V_J = -βH′ up to a constant, and with -βH′ = Σ_α K′_α S_α

    K′ = J_min

(K′ = -J_min where a Hamiltonian carries the opposite sign). The biased ensemble has no
critical slowing down. Since ⟨S_γ⟩_V stays what it is when K and J change together,

    Σ_α ⟨S_γ S_α⟩_c,V ∂K′_α/∂K_β = ⟨S_γ S_β⟩_c,V,

the linearised transformation; its leading eigenvalues give y_T and y_H, and its
derivatives in the bare couplings the normal of the critical manifold (Y. Wu and R. Car,
arXiv:1903.08231 (2019)). Cut to few operators, K′ and the exponents depend on which;
the place where the flow parts, and the normal there, hardly do.

The minimum is found by Newton steps with the sampled gradient and Hessian, where Wu and
Car follow a stochastic descent: the last step is carried to the reading and goes
through the jackknife, so that what is left of J is of second order in it.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kadanoff.autocorrelation import integrated_time
from kadanoff.estimate import Estimate, combine, weighted_jackknife
from kadanoff.geometry import Grid
from kadanoff.instruments.clusters import spins_of
from kadanoff.models.ising import Ising
from kadanoff.procedures.block_bias import (
    BiasedBlocks,
    Hamiltonian,
    Levels,
    uniform_sums,
)
from kadanoff.procedures.drawing import (
    check_configurations,
    check_names,
    check_number,
    check_operators,
    check_whole,
    dependent,
    increasing,
)
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import generator, subseed

__all__ = [
    "BiasedDraws",
    "Drift",
    "FixedHamiltonian",
    "Renormalized",
    "Window",
    "critical_window",
    "drift",
    "fixed_hamiltonian",
    "renormalize",
]

EVEN = ("nn", "nnn", "plaquette")
ODD = ("field", "corner")
SETTLED = 3.0
"""A search ends where it would move by at most so many errors."""
SMALL = 0.1
"""Share of the error that the square of the last move may have."""
NEARLY = 0.02
"""A move of J after which the next round is drawn in full."""
LONGEST = 0.1
"""Largest change of a coupling in one round."""


@dataclass(frozen=True)
class BiasedDraws:
    """How a biased ensemble is drawn.

    Args:
        draws: recorded configurations of every replica in the last round; a quarter of
            it in the rounds before.
        replicas: independent ones, the blocks of the jackknife.
        spacing: sweeps between draws.
        burn_in: sweeps at the start of every round.
        rounds: the most Newton steps.

    Raises:
        ValueError: fewer than four draws, eight replicas, or one of the others.
    """

    draws: int = 400
    replicas: int = 32
    spacing: int = 3
    burn_in: int = 60
    rounds: int = 20

    def __post_init__(self) -> None:
        least = {"draws": 4, "replicas": 8, "spacing": 1, "burn_in": 0, "rounds": 2}
        for name, bound in least.items():
            check_whole(f"{name} of a biased ensemble", getattr(self, name), bound)


@dataclass(frozen=True, eq=False)
class Renormalized:
    """The Hamiltonian of block spins in a few operators, and its derivatives.

    Attributes:
        hamiltonian: of the fine spins.
        shapes: of the levels, finest first.
        operators: α, those of the bias.
        odd: operators of the other parity, which only the derivatives have.
        couplings: K′ of the last level, `(α,)`.
        bias: J under which the averages were taken.
        gradient: ∂Ω/∂J there, `(α,)`.
        hessian: ∂²Ω/∂J² there, `(α, α)`.
        step: ∂K′_α/∂K_β from the last level but one to the last, `(α, β)`.
        odd_step: the same among `odd`.
        bare: ∂K′_α/∂K_β with K of the fine spins, `(α, β)`.
        scale: b of the last step.
        tau: autocorrelation time of the first operator, in draws.
    """

    hamiltonian: Hamiltonian
    shapes: tuple[tuple[int, ...], ...]
    operators: tuple[str, ...]
    odd: tuple[str, ...]
    couplings: Estimate
    bias: np.ndarray
    gradient: Estimate
    hessian: Estimate
    step: Estimate
    odd_step: Estimate
    bare: Estimate
    scale: float
    tau: float

    @property
    def y_t(self) -> Estimate:
        """ln λ/ln b of the largest eigenvalue of `step`: y_T at a fixed point."""
        return self.step.map(lambda t: _exponent(t, self.scale))

    @property
    def y_h(self) -> Estimate:
        """The same among the odd operators: y_H at a fixed point.

        Raises:
            ValueError: no odd operators were measured.
        """
        if not self.odd:
            raise ValueError(
                "a magnetic exponent needs odd operators, got none; name them in odd="
            )
        return self.odd_step.map(lambda t: _exponent(t, self.scale))

    @property
    def normal(self) -> Estimate:
        """Normal of the critical manifold in the bare couplings, 1 in the first.

        Moves δK with Σ normal_β δK_β = 0 stay critical, at a critical point and as the
        number of steps grows.
        """
        return combine(_normal, self.step, self.bare)


@dataclass(frozen=True, eq=False)
class Drift:
    """How the couplings move along the relevant direction in one more step, at one K.

    Two lattices with equal last levels, of n and of n - 1 steps, so that what their
    size does to the couplings drops out.

    Attributes:
        coupling: K of the fine spins.
        before: after n - 1 steps.
        after: after n steps.
        along: u·(K^(n) - K^(n-1)), u the left eigenvector of the last step, 1 in the
            first operator: to first order (λ - 1) times the distance of K^(n-1) from
            the critical manifold, so that it changes sign at K_c.
        slope: its derivative in K.
    """

    coupling: float
    before: Renormalized
    after: Renormalized
    along: Estimate
    slope: Estimate

    @property
    def critical(self) -> Estimate:
        """K - along/slope, K_c to first order."""
        return self.coupling - self.along / self.slope


@dataclass(frozen=True, eq=False)
class Window:
    """Couplings from which the flow runs away to either side.

    Attributes:
        drifts: at each K, in order.
        low: the largest K with a drift below zero by more than three errors.
        high: the smallest K with a drift above zero by more than three errors.
        critical: K_c from the drift that is nearest to zero.
    """

    drifts: tuple[Drift, ...]
    low: float
    high: float
    critical: Estimate


@dataclass(frozen=True, eq=False)
class FixedHamiltonian:
    """A Hamiltonian that one step carries to itself, in a few operators.

    Attributes:
        couplings: K*, `(α,)`.
        renormalized: the last step that was drawn, near K*.
        rounds: how many were drawn.
    """

    couplings: Estimate
    renormalized: Renormalized
    rounds: int


def renormalize(
    hamiltonian: Hamiltonian,
    rule: CoarseGraining,
    *,
    steps: int = 1,
    operators: Sequence[str] = EVEN,
    odd: Sequence[str] = (),
    drawing: BiasedDraws | None = None,
    seed: int = 0,
    start: Sequence[float] | None = None,
    progress: Callable[[np.ndarray], None] | None = None,
) -> Renormalized:
    """K′ after some steps of a majority rule, from the minimum of Ω.

    Args:
        hamiltonian: of the fine spins.
        rule: `Majority`, or a `Stack` of them; ties are decided by coins that belong to
            the ensemble.
        steps: how often the rule is applied.
        operators: what the bias is made of: all that K′ may have.
        odd: operators of the other parity whose derivatives are measured as well; the
            Hamiltonian and `operators` are then even.
        drawing: how the biased ensembles are drawn.
        seed: one seed makes the reading.
        start: J of the first round; the bare couplings where not given.
        progress: called with J after every round.

    Raises:
        ValueError: another rule, blocks that do not fit, operators that are constant or
            combinations of each other on the last level, fewer than ten independent
            configurations for each, parities that do not fit, a start of another length
            than the operators, or a search that does not settle.
    """
    draws = drawing or BiasedDraws()
    levels = Levels.of(hamiltonian.shape, rule, steps)
    names = _checked(hamiltonian, operators, odd, levels.shapes[-1], seed)
    check_configurations(draws.replicas * draws.draws, names)
    rng = generator(seed, "variational")
    blocks = BiasedBlocks(hamiltonian, levels, operators, draws.replicas, rng=rng)
    target = uniform_sums(levels.shapes[-1], operators)
    n = len(operators)
    j = np.array([hamiltonian.couplings.get(name, 0.0) for name in operators])
    j = j if start is None else _numbers("a bias starts", start, operators)
    is_last = False
    for _ in range(draws.rounds):
        count = draws.draws if is_last else max(2, draws.draws // 4)
        blocks.sweep(j, draws.burn_in)
        sums = blocks.draw(j, names, count, draws.spacing)
        found = _reading(sums, names, n, j, target)
        move, error = found[0].value - j, found[0].error
        near = (abs(move) <= SETTLED * error) | (move**2 <= SMALL * error)
        if is_last and near.all():
            check_configurations(found[0].n_eff, names)
            couplings, gradient, hessian, step, odd_step, bare = found
            return Renormalized(
                hamiltonian=hamiltonian,
                shapes=levels.shapes,
                operators=tuple(operators),
                odd=tuple(odd),
                couplings=couplings,
                bias=j,
                gradient=gradient,
                hessian=hessian,
                step=step,
                odd_step=odd_step,
                bare=bare,
                scale=levels.last_scale,
                tau=integrated_time(sums[:, :, -1, 0])[0],
            )
        is_last = bool((abs(move) < NEARLY).all())
        j = j + np.clip(move, -LONGEST, LONGEST)
        if progress is not None:
            progress(j)
    raise ValueError(
        f"the couplings of the blocks did not settle in {draws.rounds} rounds, last at "
        f"{dict(zip(operators, j.round(4).tolist(), strict=True))}; draw more, or burn "
        "in for longer"
    )


def drift(
    model: Ising,
    coupling: float,
    rule: CoarseGraining,
    *,
    steps: int = 2,
    operators: Sequence[str] = EVEN,
    odd: Sequence[str] = (),
    drawing: BiasedDraws | None = None,
    seed: int = 0,
) -> Drift:
    """Where the couplings of block spins go from step n - 1 to step n.

    Args:
        model: the lattice that takes n steps; the other one is smaller by b.
        coupling: K.
        rule: as in `renormalize`.
        steps: n, at least 2.
        operators: of K′.
        odd: as in `renormalize`, for the n steps.
        drawing: how the biased ensembles are drawn.
        seed: one seed makes the reading.

    Raises:
        ValueError: fewer than two steps, or as in `renormalize`.
    """
    check_whole("the number of steps of a drift, from n - 1 to n,", steps, 2)
    check_number("the coupling of a drift", coupling)
    large = Hamiltonian.of(model, coupling)
    bare = _derivative(large, check_names(operators))
    smaller = Levels.of(large.shape, rule, 1).shapes[-1]
    small = replace(large, shape=smaller)
    after = renormalize(
        large, rule, steps=steps, operators=operators, odd=odd, drawing=drawing,
        seed=subseed(seed, "after"),
    )  # fmt: skip
    before = renormalize(
        small, rule, steps=steps - 1, operators=operators, drawing=drawing,
        seed=subseed(seed, "before"), start=after.couplings.value.tolist(),
    )  # fmt: skip
    u = after.step.map(_scaling_field)
    along = combine(lambda u, a, b: u @ (a - b), u, after.couplings, before.couplings)
    slope = combine(lambda u, a, b: u @ (a - b) @ bare, u, after.bare, before.bare)
    return Drift(coupling, before, after, along, slope)


def critical_window(
    model: Ising,
    rule: CoarseGraining,
    couplings: Sequence[float],
    *,
    steps: int = 2,
    operators: Sequence[str] = EVEN,
    drawing: BiasedDraws | None = None,
    seed: int = 0,
    progress: Callable[[Drift], None] | None = None,
) -> Window:
    """The couplings between which the flow changes its direction.

    Args:
        model, rule, steps, operators, drawing: as in `drift`.
        couplings: K, at least two, increasing.
        seed: one seed makes the reading.
        progress: called with every drift.

    Raises:
        ValueError: couplings that do not increase, or that all flow to the same side.
    """
    k = increasing(couplings, 2).tolist()
    found = []
    for n, value in enumerate(k):
        own = subseed(seed, "coupling", n)
        found.append(
            drift(
                model, value, rule, steps=steps, operators=operators, drawing=drawing,
                seed=own,
            )
        )  # fmt: skip
        if progress is not None:
            progress(found[-1])
    pulls = np.array([float(d.along.value / d.along.error) for d in found])
    below = [x for x, pull in zip(k, pulls, strict=True) if pull < -SETTLED]
    above = [x for x, pull in zip(k, pulls, strict=True) if pull > SETTLED]
    if not below or not above or max(below) > min(above):
        raise ValueError(
            "a window has couplings that flow down on its left and up on its right, "
            f"got drifts of {pulls.round(1).tolist()} errors at {k}; widen the range "
            "or draw more"
        )
    nearest = found[int(abs(pulls).argmin())]
    return Window(tuple(found), max(below), min(above), nearest.critical)


def fixed_hamiltonian(
    shape: tuple[int, ...],
    rule: CoarseGraining,
    *,
    start: Sequence[float],
    operators: Sequence[str] = EVEN,
    odd: Sequence[str] = ODD,
    drawing: BiasedDraws | None = None,
    rounds: int = 10,
    seed: int = 0,
    progress: Callable[[Renormalized], None] | None = None,
) -> FixedHamiltonian:
    """The Hamiltonian in a few operators that one step carries to itself.

    Newton's method, K ← K + (1 - T)^-1 (K′ - K), T the measured derivatives; no
    coupling moves by more than 0.05 in one round. What the operators leave out of K′
    makes the point and its exponents depend on them: compare several sets.

    Args:
        shape: of the fine lattice.
        rule: as in `renormalize`.
        start: K of the operators, near the fixed point.
        operators: of the Hamiltonian and of K′.
        odd: measured in the derivatives.
        drawing: how the biased ensembles are drawn.
        rounds: the most Hamiltonians that are tried.
        seed: one seed makes the search.
        progress: called with every step.

    Raises:
        ValueError: a start of another length than the operators, no round, a search
            that does not settle, or as in `renormalize`.
    """
    check_whole("the number of rounds of a search", rounds, 1)
    k, guess = _numbers("a search starts", start, check_names(operators)), None
    for round_ in range(rounds):
        named = dict(zip(operators, k.tolist(), strict=True))
        found = renormalize(
            Hamiltonian(shape, named), rule, operators=operators, odd=odd,
            drawing=drawing, seed=subseed(seed, "round", round_), start=guess,
        )  # fmt: skip
        if progress is not None:
            progress(found)
        fixed = combine(
            lambda after, t, k=k: k + np.linalg.solve(np.eye(len(k)) - t, after - k),
            found.couplings,
            found.step,
        )
        move = fixed.value - k
        still = np.maximum(SETTLED * fixed.error, NEARLY / 4)
        if (abs(move) <= np.minimum(still, NEARLY)).all():
            return FixedHamiltonian(fixed, found, round_ + 1)
        k = k + move * min(1.0, LONGEST / 2 / abs(move).max())
        guess = found.couplings.value.tolist()
    raise ValueError(
        f"no fixed Hamiltonian was found in {rounds} rounds, last at "
        f"{dict(zip(operators, k.round(4).tolist(), strict=True))}; start nearer to it"
    )


def _reading(
    sums: np.ndarray,
    names: tuple[str, ...],
    operators: int,
    j: np.ndarray,
    target: np.ndarray,
) -> tuple[Estimate, ...]:
    """K′, gradient, Hessian, last step, odd last step, bare derivatives."""
    replicas, draws, _, n = sums.shape
    x = sums.reshape(replicas, draws, 3 * n)
    centre = x.mean(axis=(0, 1))
    x = x - centre
    columns = [x.mean(axis=1), np.einsum("rda,rdb->rab", x, x) / draws]
    even, odd = np.arange(operators), np.arange(operators, n)
    top = 2 * n  # bare sums come first, then those of the last level but one
    sizes = (operators, *(operators**2,) * 3, len(odd) ** 2, operators)

    def reading(mean: np.ndarray, square: np.ndarray) -> np.ndarray:
        c = square - np.outer(mean, mean)
        average = (centre + mean)[top + even] - target
        hessian = c[np.ix_(top + even, top + even)]
        _check_independent(c[top:, top:], names)
        step = np.linalg.solve(hessian, c[np.ix_(top + even, n + even)])
        bare = np.linalg.solve(hessian, c[np.ix_(top + even, even)])
        others = np.linalg.solve(
            c[np.ix_(top + odd, top + odd)], c[np.ix_(top + odd, n + odd)]
        )
        k = j + np.linalg.solve(hessian, average)
        parts = (k, hessian, step, bare, others, -average)
        return np.concatenate([part.ravel() for part in parts])

    tau = integrated_time(sums[:, :, -1, 0])[0]
    found = weighted_jackknife(
        columns,
        reading,
        np.full(replicas, float(draws)),
        lineage=_fingerprint(sums),
        n_eff=replicas * draws / max(1.0, 2 * tau),
    )
    ends = np.cumsum((0, *sizes))
    k, hessian, step, bare, others, gradient = (
        found[slice(int(a), int(b))] for a, b in itertools.pairwise(ends)
    )
    square = _square(operators)
    return (
        k, gradient, hessian.map(square), step.map(square),
        others.map(_square(len(odd))), bare.map(square),
    )  # fmt: skip


def _square(side: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda flat: flat.reshape(side, side)


def _check_independent(covariance: np.ndarray, names: tuple[str, ...]) -> None:
    """Of the operators on the last level, which may be frozen under the bias."""
    wrong = dependent(covariance)
    if wrong:
        raise ValueError(
            "the operators of a bias must fluctuate, each in its own way, and on the "
            "last level some were constant or combinations of each other: "
            f"{', '.join(names[k] for k in wrong)}; draw more, use fewer or a larger "
            "lattice"
        )


def _numbers(
    what: str, values: Sequence[float], operators: Sequence[str]
) -> np.ndarray:
    """One finite number for each operator."""
    try:
        k = np.array(values, dtype=float)
    except (TypeError, ValueError):  # words, or rows of several lengths
        k = np.zeros(0)
    if k.shape != (len(operators),) or not np.isfinite(k).all():
        raise ValueError(
            f"{what} from one finite number for each of {', '.join(operators)}, got "
            f"{values!r}"
        )
    return k


def _checked(
    hamiltonian: Hamiltonian,
    operators: Sequence[str],
    odd: Sequence[str],
    last: tuple[int, ...],
    seed: int,
) -> tuple[str, ...]:
    """All names that are measured, once they fit the last level and the parities do."""
    rng = generator(seed, "operators")
    level = Grid(last)
    names = check_operators(operators, level, "pm1", rng=rng)
    others = check_names(odd)
    if others:
        check_operators(others, level, "pm1", rng=rng)
    is_even = hamiltonian.is_even and all(spins_of(n) % 2 == 0 for n in names)
    if others and not (is_even and all(spins_of(n) % 2 for n in others)):
        raise ValueError(
            "operators of the other parity are odd ones beside an even Hamiltonian and "
            f"even operators, got {others} beside {names} and "
            f"{dict(hamiltonian.couplings)}; put all into operators"
        )
    return (*names, *others)


def _derivative(hamiltonian: Hamiltonian, operators: tuple[str, ...]) -> np.ndarray:
    """dK_β/dK of a model whose couplings are all proportional to K."""
    k = hamiltonian.couplings
    if not any(k.values()):
        raise ValueError(
            f"the derivative in K needs a model that has it, got couplings {dict(k)}"
        )
    left_out = [name for name in k if name not in operators]
    if left_out:
        raise ValueError(
            f"the derivative in K needs {', '.join(left_out)} among the operators; "
            "name them"
        )
    scale = next(iter(k.values()))
    return np.array([k.get(name, 0.0) / scale for name in operators])


def _exponent(step: np.ndarray, b: float) -> float:
    eigenvalue = np.linalg.eigvals(step)
    leading = eigenvalue[abs(eigenvalue).argmax()]
    if abs(leading.imag) > 0 or not leading.real > 0:
        return math.nan
    return math.log(leading.real) / math.log(b)


def _scaling_field(step: np.ndarray) -> np.ndarray:
    """The left eigenvector of the largest eigenvalue, 1 in the first operator."""
    values, vectors = np.linalg.eig(step.T)
    u = np.real(vectors[:, abs(values).argmax()])
    return u / u[0]


def _normal(step: np.ndarray, bare: np.ndarray) -> np.ndarray:
    gradient = _scaling_field(step) @ bare
    return gradient / gradient[0]


def _fingerprint(sums: np.ndarray) -> str:
    digest = hashlib.blake2b(np.ascontiguousarray(sums).data, digest_size=8)
    return f"biased-{digest.hexdigest()}"
