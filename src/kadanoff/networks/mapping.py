"""A machine read as one step of variational renormalization, over all states.

A step replaces the Hamiltonian H[v] by that of fewer spins, with some operator T,

    e^{−H′[h]} = Tr_v e^{T(v, h) − H[v]},      exact if Tr_h e^{T(v, h)} = 1 for every v

(Kadanoff's condition). P. Mehta and D. J. Schwab (arXiv:1410.3831) read a machine of
energy E(v, h) as the step T = −E + H[v]. Then H′[h] = −ln Tr_v e^{−E} is the hidden
Hamiltonian of the machine by construction, whatever its weights. All else is in one
number for every visible state, with F the free energy of the machine,

    g(v) = ln Tr_h e^{T(v, h)} = H[v] − F(v).

With averages over the law of the data, p = e^{−H}/Z, and q that of the machine

    ΔF = ln Z − ln Tr e^{T − H} = −ln⟨e^g⟩,
    KL(p‖q) = ln⟨e^g⟩ − ⟨g⟩ = −ΔF − ⟨g⟩ = ½ Var g + …,     0 ≤ KL ≤ (max g − min g)²/8

(Jensen; Hoeffding's lemma). So KL = 0 if and only if g is the same for every v; it
is 0, and ΔF with it, only once the constant of the energy is chosen, which no law
depends on. ΔF = 0 is one equation, and any machine meets it with the right constant:

    g = 0 everywhere   ⇔   KL = 0 and ΔF = 0,        neither of which implies the other.

Nor does exactness say that a step is a good one. Every conditional law is exact with
T = ln p(h | v), one that takes no notice of v included, T = ln p(h), which has the
hidden Hamiltonian of the machine and nothing in common with v
(arXiv:1906.05212). What tells a block rule from noise is the range of H′.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import log_softmax, logsumexp, softmax
from torch import Tensor

from kadanoff.exact.information import mutual_information, vote
from kadanoff.exact.pairs import MAX_STATES, states
from kadanoff.geometry import Geometry, Grid
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import bond_pairs, neighbours
from kadanoff.networks.dbn import DBN
from kadanoff.networks.machine import Machine
from kadanoff.networks.rbm import RBM
from kadanoff.networks.twin import in_double
from kadanoff.networks.units import SPIN

__all__ = [
    "CONVENTIONS",
    "Claims",
    "Exactness",
    "ShortRange",
    "Step",
    "as_step",
    "balanced",
    "block_rule",
    "decimated",
    "decimating_network",
    "every_state",
    "exactness",
    "hamiltonian",
    "minus_energy",
    "random_rule",
    "rule_step",
    "short_range",
    "uncoupled",
]

CONVENTIONS = ("none", "equal", "mean")
Table = NDArray[np.float64]


@dataclass(frozen=True)
class Claims:
    """Which of the conditions that are said to be one hold.

    Attributes:
        trace_is_one: Tr_h e^T = 1 for every v.
        trace_is_constant: it is the same for every v.
        same_law: KL = 0.
        same_free_energy: ΔF = 0.
    """

    trace_is_one: bool
    trace_is_constant: bool
    same_law: bool
    same_free_energy: bool


@dataclass(frozen=True, eq=False)
class Exactness:
    """How far a step is from exact, from ln Tr_h e^T of every visible state.

    Attributes:
        hamiltonian: H[v] in units of kT, `(v,)`, states as in `exact.pairs.states`.
        log_trace: g(v) = ln Tr_h e^{T(v, h)}, `(v,)`.

    Raises:
        ValueError: tables of other shapes, or numbers that are not finite.
    """

    hamiltonian: Table
    log_trace: Table

    def __post_init__(self) -> None:
        _check_hamiltonian(self.hamiltonian)
        g = self.log_trace
        if g.shape != self.hamiltonian.shape or not np.isfinite(g).all():
            raise ValueError(
                f"ln Tr_h e^T is one finite number for each of the "
                f"{len(self.hamiltonian)} visible states, got shape {g.shape}; a "
                "state without any hidden one has no trace"
            )

    @cached_property
    def log_data(self) -> Table:
        """ln p(v) of the data, e^{−H}/Z."""
        return log_softmax(-self.hamiltonian)

    @property
    def data(self) -> Table:
        """p(v) of the data."""
        return np.exp(self.log_data)

    @property
    def log_partition(self) -> float:
        """ln Z of the data, ln Tr_v e^{−H}."""
        return float(_log_sum(-self.hamiltonian))

    @property
    def free_energy_difference(self) -> float:
        """ΔF = ln Tr_v e^{−H} − ln Tr_{v,h} e^{T − H}, a total."""
        return -float(_log_sum(self.log_trace + self.log_data))

    @property
    def divergence(self) -> float:
        """KL(p‖q) of the data's law and that of the step, in nats, a total."""
        ratio = self.log_trace + self.free_energy_difference  # ln q − ln p
        near = np.clip(ratio, -1.0, 1.0)
        small = self.data * (np.expm1(near) - near)
        # No term is negative, and none cancels: a KL of 1e-20 has its digits.
        large = np.exp(self.log_data + ratio) - self.data * (1 + ratio)
        return float(np.where(abs(ratio) < 1, small, large).sum())

    @property
    def spread(self) -> float:
        """max g − min g over all states, whatever their weight."""
        return float(np.ptp(self.log_trace))

    @property
    def deviation(self) -> float:
        """Standard deviation of g under the law of the data."""
        centred = self.log_trace - self.data @ self.log_trace
        return math.sqrt(float(self.data @ centred**2))

    def constant(self, convention: Literal["none", "equal", "mean"]) -> float:
        """What to add to the energy, a constant that no law depends on.

        none: nothing; E is −vᵀWh − b·h − c·v as it stands.
        equal: what makes the partition functions equal. ΔF = 0 for every machine.
        mean: what makes ⟨g⟩ = 0. Then −ΔF = KL, and only then is one the other.

        All three agree where KL = 0 and ΔF = 0.

        Raises:
            ValueError: another convention.
        """
        match convention:
            case "none":
                return 0.0
            case "equal":
                return -self.free_energy_difference
            case "mean":
                return float(self.data @ self.log_trace)
        raise ValueError(
            f"the constant of the energy is one of {', '.join(CONVENTIONS)}, got "
            f"{convention!r}"
        )

    def shifted(self, constant: float) -> Exactness:
        """The same with a constant added to the energy."""
        return replace(self, log_trace=self.log_trace - constant)

    def claims(self, tolerance: float = 1e-9) -> Claims:
        """Which conditions hold, to `tolerance` in g and its square in KL."""
        return Claims(
            trace_is_one=float(abs(self.log_trace).max()) <= tolerance,
            trace_is_constant=self.spread <= tolerance,
            same_law=self.divergence <= tolerance**2,
            same_free_energy=abs(self.free_energy_difference) <= tolerance,
        )


@dataclass(frozen=True, eq=False)
class Step:
    """One step of variational renormalization, T(v, h) on H[v].

    Attributes:
        hamiltonian: H[v] in units of kT, `(v,)`, states as in `exact.pairs.states`.
        operator: T(v, h), `(v, h)`; −∞ where v and h exclude each other.

    Raises:
        ValueError: tables that do not fit, numbers that are none, or a visible state
            without any hidden one.
    """

    hamiltonian: Table
    operator: Table

    def __post_init__(self) -> None:
        _check_hamiltonian(self.hamiltonian)
        T = self.operator
        fits = T.ndim == 2 and len(T) == len(self.hamiltonian)
        if not fits or np.isnan(T).any() or np.isposinf(T).any():
            raise ValueError(
                f"T(v, h) is a table of a row for each of the {len(self.hamiltonian)} "
                f"visible states, of numbers below infinity, got shape {T.shape}"
            )
        if np.isneginf(T.max(axis=1)).any():
            raise ValueError(
                "every visible state goes with some hidden one, got a row of T without "
                "any; its trace would be 0"
            )

    @cached_property
    def exactness(self) -> Exactness:
        """g(v) = ln Tr_h e^T, and what follows from it."""
        return Exactness(self.hamiltonian, _log_sum(self.operator, 1))

    @cached_property
    def coarse_hamiltonian(self) -> Table:
        """H′[h] = −ln Tr_v e^{T − H}, `(h,)`; its constant included."""
        return -_log_sum(self.operator - self.hamiltonian[:, None], 0)

    @property
    def joint(self) -> Table:
        """p(v, h) ∝ e^{T − H}, `(v, h)`: for a machine its own law."""
        return softmax(self.operator - self.hamiltonian[:, None])

    @property
    def hidden(self) -> Table:
        """The law of H′, e^{−H′}/Z′, `(h,)`."""
        return softmax(-self.coarse_hamiltonian)

    @property
    def upward(self) -> Table:
        """p(h | v) = e^T / Tr_h e^T, `(v, h)`."""
        return softmax(self.operator, axis=1)

    @property
    def passed_up(self) -> Table:
        """Σ_v p(h | v) p(v), what the hidden layer is over the data, `(h,)`.

        The law of H′ if the step is exact, and not conversely: one hidden unit without
        biases is a fair coin over any even data. The divergence of the two is at most
        KL(p‖q), as both have the same p(h | v).
        """
        return self.exactness.data @ self.upward

    @property
    def information(self) -> float:
        """I(v:h) of p(v, h), in nats."""
        return mutual_information(self.joint)

    def shifted(self, constant: float) -> Step:
        """The same with a constant added to the energy, taken from T."""
        return replace(self, operator=self.operator - constant)


def hamiltonian(model: Ising, coupling: float) -> Table:
    """H[v] = K E(v), total and in units of kT, of every state, `(2^sites,)`.

    Raises:
        ValueError: more than 22 sites, or a coupling that is not finite.

    >>> hamiltonian(Ising((2, 2)), 0.5).min()
    np.float64(-4.0)
    """
    if not math.isfinite(coupling):
        raise ValueError(
            f"the coupling must be a finite real number, got {coupling}; "
            "give K = βJ such as 0.44"
        )
    sites = model.geometry.size
    spins = states(sites).reshape(-1, *model.geometry.lattice)
    return coupling * sites * model.energy(spins)


def every_state(
    machine: Machine, hamiltonian: Table, visible: Geometry | None = None
) -> Tensor:
    """All visible states of a machine in double precision, `(v, *lattice)`.

    Raises:
        ValueError: units that are not spins, or an H[v] of other states.
    """
    _check_hamiltonian(hamiltonian)
    if machine.units != (SPIN.name, SPIN.name):
        raise ValueError(
            f"all states of spins are visited, got {' and '.join(machine.units)} units"
        )
    lattice = machine.visible_geometry(visible).lattice
    sites = math.prod(lattice)
    if len(hamiltonian) != 2**sites:
        raise ValueError(
            f"H[v] is a table of all states of the {sites} visible units, got "
            f"{len(hamiltonian)} numbers; give 2^{sites}"
        )
    spins = torch.from_numpy(states(sites)).to(machine.W.device)
    return spins.double().reshape(-1, *lattice)


def minus_energy(machine: Machine, v: Tensor) -> Tensor:
    """−E(v, h) of the given v and all states of the hidden layer, `(v, h)`.

    Args:
        machine: in double precision, of spins.
        v: `(n, *lattice)`.

    Raises:
        ValueError: more than 2^22 entries.
    """
    field = machine.hidden_field(v)
    units = field[0].numel()
    if len(v) * 2**units > MAX_STATES:
        raise ValueError(
            f"a table of at most {MAX_STATES} pairs of states is held, got {len(v)} × "
            f"2^{units}; use fewer units, or what needs g(v) alone"
        )
    alone = machine.energy(v, torch.zeros_like(field))
    h = torch.from_numpy(states(units)).to(field)
    return field.flatten(1) @ h.T - alone[:, None]


@torch.no_grad()
def as_step(
    machine: Machine, hamiltonian: Table, *, visible: Geometry | None = None
) -> Step:
    """The step T(v, h) = −E(v, h) + H[v] of arXiv:1410.3831.

    Args:
        machine: of spins.
        hamiltonian: H[v] of every visible state.
        visible: the visible layer, for weights that fit many.

    Raises:
        ValueError: other units, an H[v] of other states, or more than 2^22 pairs.

    >>> step = as_step(RBM(2, 1), np.zeros(4))
    >>> step.operator.shape
    (4, 2)
    """
    v = every_state(machine, hamiltonian, visible)
    table = minus_energy(in_double(machine), v).cpu().numpy()
    return Step(hamiltonian, table + hamiltonian[:, None])


@torch.no_grad()
def exactness(
    machine: Machine, hamiltonian: Table, *, visible: Geometry | None = None
) -> Exactness:
    """g(v) = H[v] − F(v) of a machine with any number of hidden units.

    Raises:
        ValueError: units that are no spins, or an H[v] of other states.
    """
    v = every_state(machine, hamiltonian, visible)
    free_energy = in_double(machine).free_energy(v).cpu().numpy()
    return Exactness(hamiltonian, hamiltonian - free_energy)


def rule_step(rule: ArrayLike, hamiltonian: Table) -> Step:
    """The step T = ln p(h | v): Tr_h e^T = 1 whatever the rule.

    Args:
        rule: p(h | v), `(v, h)`.
        hamiltonian: H[v] of every visible state.

    Raises:
        ValueError: rows that do not add up to 1, or tables that do not fit.
    """
    table = np.asarray(rule, dtype=float)
    if not (table >= 0).all() or not np.allclose(table.sum(-1), 1, rtol=0, atol=1e-9):
        raise ValueError(
            "a rule is a table p(h | v) of weights of which each row adds up to 1, got "
            f"sums from {table.sum(-1).min():g} to {table.sum(-1).max():g}"
        )
    with np.errstate(divide="ignore"):
        return Step(hamiltonian, np.log(table))


def uncoupled(step: Step) -> Step:
    """T = ln p(h), which knows nothing of v: p(v, h) = p(v) p(h).

    Exact, with the H′[h] of the given step but for a constant: all equations of the
    mapping hold, and I(v:h) = 0 (the objection of arXiv:1906.05212).
    """
    return rule_step(np.tile(step.hidden, (len(step.hamiltonian), 1)), step.hamiltonian)


def block_rule(shape: Sequence[int], b: int, sharpness: float) -> Table:
    """Kadanoff's p(h | v) = Π_blocks e^{p h Σv} / 2cosh(p Σv), `(v, h)`.

    The table of `coarse.kadanoff_rule`: 0 is noise, ∞ the majority with fair ties.

    Args:
        shape: sides of the lattice.
        b: side of a block.
        sharpness: p.

    Raises:
        ValueError: a `b` that does not divide the sides, a negative sharpness, or more
            than 2^22 pairs of states.

    >>> block_rule((2,), 2, np.inf).tolist()
    [[1.0, 0.0], [0.5, 0.5], [0.5, 0.5], [0.0, 1.0]]
    """
    sides = tuple(int(side) for side in shape)
    if b < 2 or not sides or any(side % b for side in sides):
        raise ValueError(f"blocks of side {b} do not tile a lattice of shape {sides}")
    sites, units = math.prod(sides), math.prod(side // b for side in sides)
    if sites + units > math.log2(MAX_STATES):
        raise ValueError(
            f"a rule of at most {MAX_STATES} pairs of states is held, got 2^{sites} × "
            f"2^{units}; use a smaller lattice"
        )
    spins = states(sites) > 0
    places = 2 ** np.arange(b ** len(sides))[::-1]
    each = vote(b ** len(sides), sharpness=sharpness).T
    table = np.ones((len(spins), 1))
    for block in _blocks(sides, b):
        up = each[spins[:, block] @ places]
        table = (table[:, :, None] * up[:, None, :]).reshape(len(spins), -1)
    return table


def random_rule(
    law: Table, units: int, *, information: float, rng: np.random.Generator
) -> Table:
    """A p(h | v) without any geometry that keeps as much of v, `(v, h)`.

    ln p(h | v) = s G(v, h) + const with normal G, equal for (v, h) and (−v, −h), and
    s such that I(v:h) is what is asked for.

    Args:
        law: p(v), `(v,)`.
        units: number of hidden spins.
        information: I(v:h), in nats.
        rng: draws G.

    Raises:
        ValueError: an information that no s reaches.
    """
    drawn = rng.normal(size=(len(law), 2**units))
    drawn += drawn[::-1, ::-1]  # in this order of states −v is v from the other end

    def excess(log_scale: float) -> float:
        rule = softmax(math.exp(log_scale) * drawn, axis=1)
        return mutual_information(law[:, None] * rule) - information

    low, high = -12.0, 12.0
    if not excess(low) < 0 < excess(high):
        least, most = (excess(end) + information for end in (low, high))
        raise ValueError(
            f"this random rule to {units} units keeps between {least:g} and {most:g} "
            f"nats of v, got {information:g}; ask for less, or give more units"
        )
    scale: Any = brentq(excess, low, high, xtol=1e-14)
    return softmax(math.exp(scale) * drawn, axis=1)


def balanced(
    machine: Machine, hamiltonian: Table, *, visible: Geometry | None = None
) -> Machine:
    """The machine with all parameters times one s > 0 such that ΔF = 0.

    One number for one equation, and no constant: ln Z of a machine is convex in s and
    least at s = 0, where it is (N_v + N_h) ln 2. Of the data it takes nothing but ln Z.

    Raises:
        ValueError: as in `exactness`; a machine without weights; or so many hidden
            units that ln Z of the data is not above (N_v + N_h) ln 2.
    """

    def times(scale: float) -> Machine:
        scaled = copy.deepcopy(machine).double()
        with torch.no_grad():
            for parameter in scaled.parameters():
                parameter.mul_(scale)
        return scaled

    def excess(scale: float) -> float:
        read = exactness(times(scale), hamiltonian, visible=visible)
        return -read.free_energy_difference

    at_rest = excess(0.0)
    if at_rest >= 0 or not any(bool(p.any()) for p in machine.parameters()):
        raise ValueError(
            "scaled weights meet ΔF = 0 where ln Z of the data is above "
            "(N_v + N_h) ln 2 and some weight is not 0, got one that is "
            f"{-at_rest:g} above; take fewer hidden units"
        )
    high = 1.0
    while excess(high) < 0:
        high *= 2
    scale: Any = brentq(excess, 0.0, high, xtol=1e-15)
    return times(scale)


@dataclass(frozen=True)
class ShortRange:
    """A Hamiltonian of few spins in short-ranged products of them.

    Attributes:
        couplings: K_α of −H′ = const + Σ K_α S_α + rest, each the coefficient of the
            sum of one kind of product over the lattice.
        unexplained: share of the variance of H′ over all states that is in the rest:
            0, H′ is short-ranged; 1, nothing of it is. 0 where H′ is a constant.
    """

    couplings: Mapping[str, float]
    unexplained: float


def short_range(coarse_hamiltonian: Table, shape: Sequence[int]) -> ShortRange:
    """Nearest, second and, on squares, plaquette couplings of H′, by least squares.

    All states count alike. Products of different spins are then orthogonal, so that
    couplings that H′ has are found whatever else is in it. Bonds around a side of 2
    count twice.

    Args:
        coarse_hamiltonian: H′[h] of every state, `(h,)`.
        shape: sides of the lattice on which the hidden units lie.

    Raises:
        ValueError: numbers that are not finite, or not one for every state.

    >>> found = short_range(hamiltonian(Ising((6,)), 0.3), (6,))
    >>> round(found.couplings["nearest"], 12), round(found.unexplained, 12)
    (0.3, 0.0)
    """
    _check_hamiltonian(coarse_hamiltonian)
    products = _products(tuple(int(side) for side in shape))
    spins = states(math.prod(shape)).astype(float)
    if len(spins) != len(coarse_hamiltonian):
        raise ValueError(
            f"a Hamiltonian on a lattice of shape {tuple(shape)} has {len(spins)} "
            f"states, got {len(coarse_hamiltonian)}"
        )
    columns = [
        sum(spins[:, list(sites)].prod(axis=1) for sites in kind)
        for kind in products.values()
    ]
    design = np.stack(columns, axis=1)
    centred = coarse_hamiltonian.mean() - coarse_hamiltonian
    found = np.linalg.lstsq(design, centred)[0]
    rest, total = np.square(centred - design @ found).sum(), np.square(centred).sum()
    # Couplings below 1e-12 are the rounding of the sums that made H′.
    share = float(rest / total) if total > 1e-24 * len(spins) else 0.0
    return ShortRange(dict(zip(products, found.tolist(), strict=True)), share)


def decimated(coupling: float) -> float:
    """K′ = ½ ln cosh 2K of every second spin of a chain, tanh K′ = tanh² K.

    >>> math.isclose(math.tanh(decimated(-0.7)), math.tanh(0.7) ** 2)
    True
    """
    k = abs(coupling)
    if k < 1:
        return math.log1p(math.sinh(2 * k) ** 2) / 4  # 1e-10 keeps its digits
    return k + (math.log1p(math.exp(-4 * k)) - math.log(2)) / 2


def decimating_network(
    sites: int, coupling: float, layers: int, *, copying: float = 20.0
) -> DBN:
    """Decimation of the Ising ring as a deep belief network with known weights.

    Machine l sees the ring of N/2^l spins at K_l, tanh K_{l+1} = tanh² K_l. Its hidden
    units are the even spins: a weight w copies each, and the weights K_l to its two
    neighbours are the bonds of the ring,

        −E = Σ_a [w v_{2a} h_a + K_l v_{2a+1} (h_a + h_{a+1})].

    For every w the hidden law of a machine is the ring at K_{l+1}. That a copy is one,
    and with it all else (the visible law, p(h | v), the law of the whole network), is
    exact for w → ∞ and off by e^{−2(w − 2|K|)}: beyond float64 at the default. At w = ∞
    ln Tr_h e^T = w for each of the N/2^{l+1} hidden units: constant, and not 0.

    It is also what likelihood finds: from small random weights most machines of N/2
    units on a ring end here, with ever larger w (`gradients.descend`).

    Args:
        sites: N.
        coupling: K = βJ of either sign.
        layers: number of machines.
        copying: w.

    Raises:
        ValueError: a ring that cannot be halved so often with two sites left, or
            numbers that are not finite.

    >>> len(decimating_network(16, 1.0, 3).machines)
    3
    """
    if layers < 1 or sites % 2**layers or sites < 2 ** (layers + 1):
        raise ValueError(
            f"a ring is halved at least once and keeps two sites, got {sites} sites "
            f"and {layers} layers; use a multiple of 2^layers"
        )
    if not (math.isfinite(coupling) and math.isfinite(copying)):
        raise ValueError(
            f"coupling and copying weight are finite, got {coupling} and {copying}"
        )
    machines = []
    for _ in range(layers):
        machine = RBM(Grid((sites,)) if not machines else sites, sites // 2).double()
        with torch.no_grad():
            machine.W.copy_(torch.from_numpy(_bonds(sites, coupling, copying)))
        machines.append(machine)
        sites, coupling = sites // 2, decimated(coupling)
    return DBN(machines)


def _bonds(sites: int, coupling: float, copying: float) -> Table:
    """Weights from a ring to its even spins, `(sites, sites / 2)`."""
    W, a = np.zeros((sites, sites // 2)), np.arange(sites // 2)
    W[2 * a, a] = copying
    W[2 * a + 1, a] = W[2 * a + 1, (a + 1) % len(a)] = coupling
    return W


def _blocks(sides: tuple[int, ...], b: int) -> NDArray[np.intp]:
    """Flat numbers of the sites of every block, `(block, b^d)`."""
    sites = np.arange(math.prod(sides))
    split = sites.reshape([*itertools.chain(*((side // b, b) for side in sides))])
    d = len(sides)
    inner = split.transpose(*range(0, 2 * d, 2), *range(1, 2 * d, 2))
    return inner.reshape(-1, b**d)


def _products(sides: tuple[int, ...]) -> dict[str, NDArray[np.intp]]:
    """The sites of every product of a kind, `(product, spin)`."""
    name = {1: "chain", 2: "square"}.get(len(sides))
    if name is None or min(sides) < 2:
        raise ValueError(
            "short-ranged products are those of chains and squares with sides of at "
            f"least 2, got shape {sides}"
        )
    kinds = {"nearest": bond_pairs(neighbours(name, sides))}
    if len(sides) == 2 or sides[0] > 2:
        kinds["second"] = bond_pairs(neighbours(name, sides, shell=2))
    if len(sides) == 2:
        sites = np.arange(math.prod(sides)).reshape(sides)
        corners = [np.roll(sites, shift, (0, 1)) for shift in np.ndindex(2, 2)]
        kinds["plaquette"] = np.stack(corners, axis=-1).reshape(-1, 4)
    return kinds


def _log_sum(table: Table, axis: int | None = None) -> Table:
    """ln Σ e^table, −∞ where all of it is."""
    return np.asarray(logsumexp(table, axis=axis))


def _check_hamiltonian(hamiltonian: Table) -> None:
    H = np.asarray(hamiltonian)
    if H.ndim != 1 or len(H) < 2 or len(H) & (len(H) - 1) or not np.isfinite(H).all():
        raise ValueError(
            "a Hamiltonian is one finite number for every state of n spins, "
            f"got shape {H.shape}; give 2^n of them"
        )
