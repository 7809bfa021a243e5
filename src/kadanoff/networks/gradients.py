"""Exact gradients of KL and of the free-energy difference, and where they lead.

With F the free energy of a machine and averages over all visible states,

    ∂KL/∂θ = ⟨∂F/∂θ⟩_data − ⟨∂F/∂θ⟩_machine          maximum likelihood
    ∂ΔF/∂θ = ⟨∂F/∂θ⟩_machine                         ΔF = ln Z − ln Z_machine
    CD-1   = ⟨∂F/∂θ⟩_data − ⟨∂F/∂θ⟩_{one Gibbs step from the data}

(the last the mean over all draws of an update as `networks.train` makes it, which is no
gradient). ∂ΔF is the second half of ∂KL alone, its sign turned: data enter a descent of
|ΔF| by one number, ln Z, which says when to stop. ΔF depends on the constant of the
energy, here none (`networks.mapping`).

What likelihood looks for first. At small weights q is uniform and tanh a line, so that

    dW/dt = −∂KL/∂W = (C − 1) W + …,        C = ⟨v vᵀ⟩_data:

all units turn to the leading eigenvector of C, whatever it is: a dimer of noise spins
of coupling J, eigenvalue 1 + tanh J, wherever nothing else in the data has a larger
one. So a likelihood spends its units on decoupled noise (M. Koch-Janusz and Z. Ringel,
Nat. Phys. 14, 578 (2018)), while the fluctuations of the signal are weak; near a
critical point those of the magnetization grow as χ and come first.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import kl_div
from torch import Tensor

from kadanoff.exact.information import mutual_information
from kadanoff.exact.pairs import MAX_STATES, states
from kadanoff.geometry import Geometry
from kadanoff.models.ising import Ising
from kadanoff.networks.anchors import dense_weights
from kadanoff.networks.machine import Machine
from kadanoff.networks.mapping import (
    Exactness,
    as_step,
    every_state,
    minus_energy,
)
from kadanoff.networks.mapping import hamiltonian as hamiltonian_of
from kadanoff.networks.rbm import RBM
from kadanoff.networks.twin import parameters_of, with_parameters

__all__ = [
    "OBJECTIVES",
    "Course",
    "Gradients",
    "NoiseTrial",
    "Spent",
    "angle",
    "course",
    "descend",
    "gradients",
    "leading_mode",
    "noise_trial",
    "spent",
    "with_dimers",
]

OBJECTIVES = ("divergence", "free energy", "contrastive")
Objective = Literal["divergence", "free energy", "contrastive"]
Table = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Gradients:
    """Slopes in the trained parameters, all in one row: W, then b and c if trained.

    Attributes:
        divergence: ∂KL/∂θ, `(parameter,)`.
        free_energy: ∂ΔF/∂θ.
        contrastive: the mean update of CD-1, downwards.
        exactness: KL and ΔF themselves, no constant added to the energy.
    """

    divergence: Table
    free_energy: Table
    contrastive: Table
    exactness: Exactness

    @property
    def matching(self) -> Table:
        """∂(½ ΔF²)/∂θ = ΔF ∂ΔF/∂θ, down which |ΔF| falls."""
        return self.exactness.free_energy_difference * self.free_energy

    def along(self, objective: Objective) -> Table:
        """The slope of one of `OBJECTIVES`; `free energy` is that of ½ ΔF².

        Raises:
            ValueError: another objective.
        """
        match objective:
            case "divergence":
                return self.divergence
            case "free energy":
                return self.matching
            case "contrastive":
                return self.contrastive
        raise ValueError(
            f"an objective is one of {', '.join(OBJECTIVES)}, got {objective!r}"
        )


def angle(a: Table, b: Table) -> float:
    """The angle of two directions in degrees; NaN where one of them vanishes.

    >>> angle(np.array([1.0, 0.0]), np.array([0.0, 2.0]))
    90.0
    """
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    if lengths == 0:
        return math.nan
    return math.degrees(math.acos(min(1.0, max(-1.0, float(a @ b) / lengths))))


@torch.enable_grad()
def gradients(
    machine: Machine, hamiltonian: Table, *, visible: Geometry | None = None
) -> Gradients:
    """The three slopes at once, exactly, by visiting all states.

    Args:
        machine: of spins.
        hamiltonian: H[v] of every visible state.
        visible: the visible layer, for weights that fit many.

    Raises:
        ValueError: other units, an H[v] of other states, or more than 2^22 pairs of
            states.
    """
    v = every_state(machine, hamiltonian, visible)
    twin, free = _free(machine)
    free_energy = twin.free_energy(v)
    read = Exactness(hamiltonian, hamiltonian - free_energy.numpy(force=True))
    with torch.no_grad():
        data, own = v.new_tensor(read.data), torch.softmax(-free_energy, 0)
        after = _one_step(twin, v, data)

    def slope(law: Tensor) -> Table:
        parts = torch.autograd.grad(law @ free_energy, free, retain_graph=True)
        return torch.cat([part.flatten() for part in parts]).numpy(force=True)

    here, there, nearby = slope(data), slope(own), slope(after)
    return Gradients(here - there, there, here - nearby, read)


@dataclass(frozen=True, eq=False)
class Course:
    """Machines along a training, read exactly; angles in degrees.

    Attributes:
        machine: the last one.
        divergence: KL(p‖q) in nats, `(machine,)`.
        free_energy_difference: ΔF, no constant added.
        spread: max g − min g over all states.
        deviation: standard deviation of g over the data.
        downhill: between downhill of KL and downhill of |ΔF|.
        contrastive: of the mean CD-1 update with downhill of KL and of |ΔF|,
            `(machine, 2)`.
        moved: of the way to the next machine with the same two, `(machine − 1, 2)`.
        lowering: of the way to the next machine with downhill of ΔF itself, which needs
            no constant of the energy, `(machine − 1,)`.
        slopes: lengths of ∂KL/∂θ and of ∂ΔF/∂θ, `(machine, 2)`. No constant is in them.
    """

    machine: Machine
    divergence: Table
    free_energy_difference: Table
    spread: Table
    deviation: Table
    downhill: Table
    contrastive: Table
    moved: Table
    lowering: Table
    slopes: Table


def course(
    machines: Iterable[Machine],
    hamiltonian: Table,
    *,
    visible: Geometry | None = None,
) -> Course:
    """What a training does to KL and ΔF, from machines on its way.

    Those of `train(…, store=…)` are `networks.checkpoint.machines_of(store)`.

    Args:
        machines: of one form, in the order of the training.
        hamiltonian: H[v] of the data.
        visible: the visible layer, for weights that fit many.

    Raises:
        ValueError: no machine, or as in `gradients`.
    """
    places, slopes, last = [], [], None
    for last in machines:
        places.append(_trained(last))
        slopes.append(gradients(last, hamiltonian, visible=visible))
    if last is None:
        raise ValueError("a course needs at least one machine, got none")
    return _course(last, places, slopes)


def descend(
    machine: Machine,
    hamiltonian: Table,
    *,
    objective: Objective = "divergence",
    rate: float = 0.1,
    steps: int = 100,
    visible: Geometry | None = None,
) -> Course:
    """Plain descent of KL, of ½ ΔF² or by the mean CD-1 update, all states visited.

    Args:
        machine: where to start, the first of the course; stays as it is.
        hamiltonian: H[v] of the data.
        objective: one of `OBJECTIVES`.
        rate: parameters move by `rate` times the slope.
        steps: number of steps.
        visible: the visible layer, for weights that fit many.

    Raises:
        ValueError: another objective, a rate or a number of steps that is not positive,
            or as in `gradients`.
    """
    if objective not in OBJECTIVES:
        raise ValueError(
            f"an objective is one of {', '.join(OBJECTIVES)}, got {objective!r}"
        )
    if not 0 < rate < math.inf or steps < 1:
        raise ValueError(
            f"a descent takes steps at a finite rate above 0, got {steps} steps at a "
            f"rate of {rate}"
        )
    machine = copy.deepcopy(machine).double()
    places = [_trained(machine)]
    slopes = [gradients(machine, hamiltonian, visible=visible)]
    for _ in range(steps):
        places.append(places[-1] - rate * slopes[-1].along(objective))
        _put(machine, places[-1])
        slopes.append(gradients(machine, hamiltonian, visible=visible))
    return _course(machine, places, slopes)


def with_dimers(hamiltonian: Table, dimers: int, pairing: float) -> Table:
    """H[v] with pairs of noise spins beside the others, e^{J s s'} each.

    The noise spins are the last 2 · `dimers` sites, decoupled from all others.

    Args:
        hamiltonian: of the signal.
        dimers: number of pairs.
        pairing: J, finite.

    Raises:
        ValueError: a negative number, a J that is not finite, or more than 22 sites.

    >>> with_dimers(np.zeros(2), 1, 1.5).tolist()
    [-1.5, 1.5, 1.5, -1.5, -1.5, 1.5, 1.5, -1.5]
    """
    if dimers < 0 or not math.isfinite(pairing):
        raise ValueError(
            f"noise is a number of pairs with a finite J, got {dimers} and {pairing}"
        )
    if len(hamiltonian) * 4**dimers > MAX_STATES:
        raise ValueError(
            f"at most {MAX_STATES} states are visited, got {len(hamiltonian)} × "
            f"4^{dimers}; use fewer dimers or a smaller lattice"
        )
    pair = pairing * np.array([-1.0, 1.0, 1.0, -1.0])
    for _ in range(dimers):
        hamiltonian = (hamiltonian[:, None] + pair).ravel()
    return hamiltonian


def leading_mode(hamiltonian: Table) -> tuple[float, Table]:
    """The largest eigenvalue of ⟨v vᵀ⟩ and its vector, which likelihood turns to first.

    The vector is `(site,)`, of length 1; within a degenerate eigenvalue it is any.
    """
    data = Exactness(hamiltonian, hamiltonian * 0).data
    v = states(len(hamiltonian).bit_length() - 1).astype(float)
    values, vectors = np.linalg.eigh((v * data[:, None]).T @ v)
    return float(values[-1]), vectors[:, -1]


@dataclass(frozen=True, eq=False)
class Spent:
    """What the hidden units of a machine are about, exactly.

    Attributes:
        response: ⟨v_i h_a⟩ − ⟨v_i⟩⟨h_a⟩ over the data, `(visible, hidden)`.
        weight_on_noise: share of Σ_i W_ia² on noise sites, `(hidden,)`.
        response_on_noise: the same of the responses.
        information: I(h : signal), in nats, of the whole hidden layer over the data.
        noise_information: I(h : noise).
        signal_divergence: KL of the laws of the signal alone, noise summed over.
    """

    response: Table
    weight_on_noise: Table
    response_on_noise: Table
    information: float
    noise_information: float
    signal_divergence: float


def spent(machine: Machine, hamiltonian: Table, noise: NDArray[np.bool_]) -> Spent:
    """How the hidden layer is divided between a signal and decoupled noise.

    Args:
        machine: of spins, with positions of its own.
        hamiltonian: H[v] of signal and noise.
        noise: which of the sites are noise, bool `(site,)`.

    Raises:
        ValueError: a mask that does not fit, or as in `as_step`.
    """
    step = as_step(machine, hamiltonian)
    v = states(len(hamiltonian).bit_length() - 1).astype(float)
    if noise.shape != v.shape[1:]:
        raise ValueError(
            f"noise is marked at each of {v.shape[1]} sites, got shape {noise.shape}"
        )
    data, W = step.exactness.data, dense_weights(machine)
    h = states(W.shape[1]).astype(float)
    seen = data[:, None] * step.upward
    means = np.multiply.outer(data @ v, seen.sum(axis=0) @ h)
    response = v.T @ seen @ h - means
    own = step.joint.sum(axis=1, keepdims=True)
    laws = [_summed(law, noise).ravel() for law in (data[:, None], own)]
    return Spent(
        response,
        _share(W, noise),
        _share(response, noise),
        mutual_information(_summed(seen, noise)),
        mutual_information(_summed(seen, ~noise)),
        float(kl_div(*laws).sum()),
    )


@dataclass(frozen=True, eq=False)
class NoiseTrial:
    """A training by the exact likelihood with noise in the data, and one without.

    Attributes:
        course: the training with noise.
        spent: what its units ended up on.
        control: the training without noise.
        control_spent: what its units ended up on; no share is on noise.
        eigenvalues: largest of ⟨v vᵀ⟩ among the signal, and among the noise.
    """

    course: Course
    spent: Spent
    control: Course
    control_spent: Spent
    eigenvalues: tuple[float, float]


def noise_trial(
    model: Ising,
    coupling: float,
    *,
    dimers: int,
    pairing: float,
    hidden: int,
    seed: int,
    rate: float = 0.2,
    steps: int = 300,
) -> NoiseTrial:
    """A few units trained on Ising spins with strong noise dimers beside them.

    Exact laws and slopes: what is found is of the likelihood, not of its estimates.

    Args:
        model: the signal.
        coupling: K = βJ of the signal.
        dimers: number of pairs of noise spins.
        pairing: J within a pair.
        hidden: number of hidden units.
        seed: draws the initial weights, N(0, 0.01²).
        rate: of the descent.
        steps: of the descent.

    Raises:
        ValueError: no dimer, too many states, or as in `descend`.
    """
    if dimers < 1:
        raise ValueError(f"a trial needs at least one dimer of noise, got {dimers}")
    signal = hamiltonian_of(model, coupling)
    both = with_dimers(signal, dimers, pairing)
    size = model.geometry.size
    noise = np.arange(size + 2 * dimers) >= size
    courses = [
        descend(RBM(sites, hidden, seed=seed), H, rate=rate, steps=steps)
        for sites, H in ((len(noise), both), (size, signal))
    ]
    return NoiseTrial(
        courses[0],
        spent(courses[0].machine, both, noise),
        courses[1],
        spent(courses[1].machine, signal, noise[:size]),
        (leading_mode(signal)[0], 1 + abs(math.tanh(pairing))),
    )


def _course(machine: Machine, places: list[Table], slopes: list[Gradients]) -> Course:
    """The readings at all places, and the ways from each to the next."""
    reads = [s.exactness for s in slopes]
    ways = [there - here for here, there in itertools.pairwise(places)]
    return Course(
        machine,
        np.array([read.divergence for read in reads]),
        np.array([read.free_energy_difference for read in reads]),
        np.array([read.spread for read in reads]),
        np.array([read.deviation for read in reads]),
        np.array([angle(s.divergence, s.matching) for s in slopes]),
        np.array([_with_both(-s.contrastive, s) for s in slopes]),
        np.array([_with_both(*pair) for pair in zip(ways, slopes, strict=False)]),
        np.array(
            [angle(way, -s.free_energy) for way, s in zip(ways, slopes, strict=False)]
        ),
        np.array([_lengths(s) for s in slopes]),
    )


def _one_step(twin: Machine, v: Tensor, data: Tensor) -> Tensor:
    """The law of v after h ~ p(h | v) and v ~ p(v | h) from the data."""
    table = minus_energy(twin, v)
    return torch.softmax(table, 0) @ (data @ torch.softmax(table, 1))


def _with_both(direction: Table, slopes: Gradients) -> tuple[float, float]:
    """Angles with downhill of KL and with downhill of |ΔF|."""
    return angle(direction, -slopes.divergence), angle(direction, -slopes.matching)


def _lengths(slopes: Gradients) -> tuple[float, float]:
    """Of ∂KL/∂θ and of ∂ΔF/∂θ."""
    both = (slopes.divergence, slopes.free_energy)
    return float(np.linalg.norm(both[0])), float(np.linalg.norm(both[1]))


def _free_parameters(machine: Machine) -> dict[str, Tensor]:
    """Those that a training moves."""
    own = parameters_of(machine)
    return {name: p for name, p in own.items() if p.requires_grad}


def _trained(machine: Machine) -> Table:
    """All of these in one row."""
    parts = [p.double().flatten() for p in _free_parameters(machine).values()]
    return torch.cat(parts).numpy(force=True).copy()


@torch.no_grad()
def _put(machine: Machine, place: Table) -> None:
    """Move them there, in place."""
    rest = torch.from_numpy(place).to(machine.W)
    for parameter in _free_parameters(machine).values():
        own, rest = rest.tensor_split([parameter.numel()])
        parameter.copy_(own.reshape(parameter.shape))


def _free(machine: Machine) -> tuple[Machine, list[Tensor]]:
    """A twin in double precision, and those of its parameters that are trained."""
    own = {name: p.detach().double() for name, p in parameters_of(machine).items()}
    free = [own[name].requires_grad_() for name in _free_parameters(machine)]
    return with_parameters(machine, own), free


def _share(values: Table, noise: NDArray[np.bool_]) -> Table:
    """Share of the squares of each column in the marked rows."""
    return np.square(values[noise]).sum(axis=0) / np.square(values).sum(axis=0)


def _summed(table: Table, sites: NDArray[np.bool_]) -> Table:
    """A table `(v, h)` with the marked sites of v summed over."""
    whole = table.reshape(*(2,) * len(sites), -1)
    left = whole.sum(axis=tuple(np.flatnonzero(sites)))
    return left.reshape(-1, table.shape[1])
