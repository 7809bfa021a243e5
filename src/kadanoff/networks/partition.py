"""The normalization of a machine: exact where it can be, bracketed where it cannot.

    Z = Σ_v e^{−F(v)},      ln p(v) = −F(v) − ln Z

Exact are the sum over all states of the smaller layer of spins, and the transfer matrix
of tied filters on a chain or a narrow strip. The estimates go along the path

    E_β(v, h) = u(v) + u(h) − b·h − c_β·v − β vᵀW h,     c_β = (1 − β) c₀ + β c

from independent units (β = 0, Z known) to the machine (β = 1). Each β is a machine of
its own, and what is compared is its free energy F_β(v) = −ln Σ_h e^{−E_β(v, h)}, which
is not βF(v). Annealed importance sampling (Neal, Stat. Comput. 11, 125 (2001);
Salakhutdinov and Murray, ICML 2008) walks it in both directions: by Jensen's inequality
the way up is too low and the way down too high in expectation (Burda, Grosse and
Salakhutdinov, AISTATS 2015). Parallel tempering stays in equilibrium at all β at once,
and all its samples are reweighted together.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.special import expit, logsumexp, softmax
from torch import Tensor
from torch.nn import functional

from kadanoff.estimate import Estimate
from kadanoff.exact.enumerate import all_states
from kadanoff.geometry import Geometry, Grid
from kadanoff.networks.conv_rbm import CONVOLVE, ConvRBM
from kadanoff.networks.machine import Machine
from kadanoff.networks.units import GAUSSIAN, SPIN

__all__ = [
    "Bound",
    "LogPartition",
    "Tempered",
    "annealed",
    "dbn_bound",
    "enumerated",
    "exact_samples",
    "log_likelihood",
    "log_partition",
    "schedule",
    "tempered",
    "transferred",
]

MOST_ENUMERATED = 25
MOST_DRAWN = 16  # units of a layer whose states are all held, to draw from them
CHUNK_UNITS = 12
LOW_UNITS, MIDDLE_UNITS = 7, 9  # thirds of the enumerated layer: tables in the cache
LARGEST_PRODUCT = 700.0  # ln of what a float64 product may become
LARGEST_FIELD = 300.0
MOST_WINDOW, MOST_STATES = 22, 12  # spins of a transfer window, and of its states
LARGEST_SPREAD = 300.0  # of ln T: products of two rows then stay in range
MOST_BLOCKS = 32
LARGEST_MEAN = 0.99


# --- exact ---------------------------------------------------------------------------


def log_partition(machine: Machine, visible: Geometry | None = None) -> Tensor:
    """ln Z, exact, in float64 whatever the precision of the weights.

    By enumeration of the smaller layer of spins if it has at most 25, else by the
    transfer matrix. Both are differentiable in the parameters.

    Args:
        machine: any machine.
        visible: the lattice, for weights that fit many.

    Raises:
        ValueError: no layer of so few spins, and no strip narrow enough.
    """
    fine = machine.visible_geometry(visible)
    if _smaller_layer(machine, fine).size > MOST_ENUMERATED and not _obstacle(
        machine, fine
    ):
        return transferred(machine, fine)
    return enumerated(machine, fine)


def log_likelihood(machine: Machine, v: Tensor) -> Tensor:
    """ln p(v) = −F(v) − ln Z in nats, float64 `(n,)`; raises as `log_partition`."""
    free_energy = _in_double(machine).free_energy(v.double())
    return -free_energy - log_partition(machine, Grid(tuple(v.shape[1:])))


def enumerated(machine: Machine, visible: Geometry | None = None) -> Tensor:
    """ln Z by visiting every state of the smaller layer of spins; float64.

    Raises:
        ValueError: no layer of at most 25 spins.
    """
    layer = _smaller_layer(machine, machine.visible_geometry(visible))
    if layer.size > MOST_ENUMERATED:
        raise ValueError(
            f"an exact ln Z enumerates a layer of at most {MOST_ENUMERATED} spins, the "
            f"smaller one has {layer.size}; estimate it by annealed importance sampling"
        )
    twin = _in_double(machine)
    if layer.size <= CHUNK_UNITS:
        return _log_sum(twin, layer)
    return _Enumeration.apply(twin, layer, *_parameters(twin).values())


@dataclass(frozen=True)
class _Layer:
    """One of the two layers."""

    lattice: tuple[int, ...]
    hidden: bool

    @property
    def size(self) -> int:
        return math.prod(self.lattice)

    def free_energy(self, machine: Machine, states: Tensor) -> Tensor:
        states = states.to(machine.W).reshape(-1, *self.lattice)
        if self.hidden:
            return machine.hidden_free_energy(states)
        return machine.free_energy(states)


def _smaller_layer(machine: Machine, fine: Geometry) -> _Layer:
    layers = [
        _Layer(lattice, hidden)
        for lattice, hidden, units in (
            (machine.hidden_lattice(fine), True, machine.hidden_units),
            (fine.lattice, False, machine.visible_units),
        )
        if units == SPIN
    ]
    return min(layers, key=lambda layer: layer.size)


class _Enumeration(torch.autograd.Function):
    """The fast sum, with the gradient −⟨∂F/∂θ⟩ by a second, slower visit."""

    @staticmethod
    def forward(ctx: Any, twin: Machine, layer: _Layer, *parameters: Tensor) -> Tensor:
        value = _fast_log_sum(twin, layer)
        ctx.twin, ctx.layer = twin, layer
        ctx.save_for_backward(value, *parameters)
        return value

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> Any:
        value, *saved = ctx.saved_tensors
        free = [p.detach().requires_grad_() for p in saved]
        twin = _with(ctx.twin, dict(zip(_parameters(ctx.twin), free, strict=True)))
        sums = [torch.zeros_like(p) for p in free]
        for states in _all_states(ctx.layer.size):
            with torch.enable_grad():
                part = torch.logsumexp(-ctx.layer.free_energy(twin, states), 0)
            share = (part.detach() - value).exp()
            for total, slope in zip(
                sums, torch.autograd.grad(part, free, allow_unused=True), strict=True
            ):
                if slope is not None:
                    total += share * slope
        return None, None, *(outer[0] * total for total in sums)


def _log_sum(machine: Machine, layer: _Layer) -> Tensor:
    """ln Σ e^{−F} over the layer's states, some at a time."""
    parts = [
        torch.logsumexp(-layer.free_energy(machine, states), 0)
        for states in _all_states(layer.size)
    ]
    return torch.logsumexp(torch.stack(parts), 0)


def _all_states(units: int) -> Iterator[Tensor]:
    """All ±1 states of so many units, int8, some at a time."""
    low = torch.from_numpy(all_states(min(units, CHUNK_UNITS)))
    if units <= CHUNK_UNITS:
        yield low
        return
    for high in torch.from_numpy(all_states(units - CHUNK_UNITS)):
        yield torch.cat([high.expand(len(low), -1), low], 1)


def _fast_log_sum(machine: Machine, layer: _Layer) -> Tensor:
    W, fields, own, constant = _as_seen_from(machine, layer)
    if (machine.visible_units if layer.hidden else machine.hidden_units) == GAUSSIAN:
        value = constant + _quadratic_log_sum(W, fields, own, float(machine.precision))
    elif np.max(abs(W).sum(0) + abs(fields)) > LARGEST_FIELD:
        return _log_sum(machine, layer)
    else:
        value = _product_log_sum(W, fields, own)
    return machine.W.new_tensor(value)


def _as_seen_from(
    machine: Machine, layer: _Layer
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """W (layer, other), fields of the other and of the layer itself, a constant."""
    eye = torch.eye(layer.size).to(machine.W).reshape(-1, *layer.lattice)
    respond = machine.visible_field if layer.hidden else machine.hidden_field
    at_rest = respond(eye[:1] * 0)
    W = (respond(eye) - at_rest).flatten(1)
    answer = machine.hidden_field if layer.hidden else machine.visible_field
    own = answer(torch.zeros_like(at_rest)).flatten()
    units = machine.visible_units if layer.hidden else machine.hidden_units
    precision = machine.precision if layer.hidden else machine.W.new_ones(())
    constant = at_rest.numel() * float(units.log_sum(at_rest.new_zeros(()), precision))
    return _numpy(W), _numpy(at_rest.flatten()), _numpy(own), constant


def _thirds(W: np.ndarray) -> list[tuple[np.ndarray, slice]]:
    """States of the low, middle and top units, and which units these are."""
    n = len(W)
    cuts = [0, min(LOW_UNITS, n), min(LOW_UNITS + MIDDLE_UNITS, n), n]
    spans = [slice(i, j) for i, j in itertools.pairwise(cuts)]
    return [
        (all_states(s.stop - s.start) if s.stop > s.start else np.ones((1, 0)), s)
        for s in spans
    ]


def _product_log_sum(W: np.ndarray, fields: np.ndarray, own: np.ndarray) -> float:
    """ln Σ_e e^{own·e} Π_a 2cosh(fields + Wᵀe)_a."""
    from kadanoff.kernels.partition_sum import log_sum

    parts = [states @ W[span] for states, span in _thirds(W)]
    parts[0] = parts[0] + fields
    weights = tuple(
        part.sum(1) + states @ own[span]
        for part, (states, span) in zip(parts, _thirds(W), strict=True)
    )
    low, middle, top = (np.exp(-2 * part) for part in parts)
    tables = (np.ascontiguousarray(low.T), middle, top)
    ends = _ends(np.logaddexp(0, 2 * (abs(W).sum(0) + abs(fields))))
    room = [np.empty(n) for n in (len(low), len(low), W.shape[1])]
    return float(log_sum(tables, weights, ends, *room))


def _ends(caps: np.ndarray) -> np.ndarray:
    """Ends of the runs of units whose caps add up to what a float64 can hold."""
    ends, total = [], 0.0
    for a, cap in enumerate(caps):
        if total + cap > LARGEST_PRODUCT:
            ends.append(a)
            total = 0.0
        total += cap
    return np.array([*ends, len(caps)])


def _quadratic_log_sum(
    W: np.ndarray, fields: np.ndarray, own: np.ndarray, precision: float
) -> float:
    """ln Σ_e e^{own·e + |fields + Wᵀe|²/2γ}."""
    J = W @ W.T / precision
    g = own + W @ fields / precision
    n = len(W)
    low, high = slice(0, CHUNK_UNITS), slice(CHUNK_UNITS, n)
    here, there = (all_states(s.stop - s.start).astype(float) for s in (low, high))
    logs = [
        ((e @ J[s, s]) * e).sum(1) / 2 + e @ g[s]
        for e, s in ((here, low), (there, high))
    ]
    cross = here @ J[low, high]
    parts = [
        logsumexp(logs[0] + cross @ e) + log
        for e, log in zip(there, logs[1], strict=True)
    ]
    total: Any = logsumexp(parts)
    return float(total) + float(fields @ fields) / (2 * precision)


def transferred(machine: Machine, visible: Geometry | None = None) -> Tensor:
    """ln Z of tied filters by a transfer matrix along the longest side; float64.

    With filter f and stride s the state is the f − s rows that two neighbouring rows of
    filters share, and Z = Tr Tⁿ for n rows of filters, of any number of maps and of
    either kind of hidden units (Kramers and Wannier, Phys. Rev. 60, 252 (1941)).

    Raises:
        ValueError: another machine, visible units that are no spins, more than 22 spins
            under a row of filters or 12 in a state, or weights beyond e^{±300}.
    """
    fine = machine.visible_geometry(visible)
    obstacle = _obstacle(machine, fine)
    if not isinstance(machine, ConvRBM) or obstacle:
        raise ValueError(
            f"a transfer matrix needs {obstacle}; estimate ln Z by annealed importance "
            "sampling"
        )
    twin = _in_double(machine)
    axis, cross = _strip(fine)
    log_t = _log_transfer(twin, axis, cross)
    steps = fine.lattice[axis] // machine.stride
    return _log_trace(log_t, steps)


def _strip(fine: Geometry) -> tuple[int, tuple[int, ...]]:
    """The longest axis, and the sides across it."""
    sides = fine.lattice
    axis = int(np.argmax(sides))
    return axis, (*sides[:axis], *sides[axis + 1 :])


def _obstacle(machine: Machine, fine: Geometry) -> str:
    """What a transfer matrix would need; empty if it can be had."""
    if not isinstance(machine, ConvRBM):
        return f"a conv-rbm, got a machine of kind '{machine.kind}'"
    if machine.visible_units != SPIN:
        return f"visible spins, got {machine.visible_units.name} units"
    width = math.prod(_strip(fine)[1])
    window, state = machine.filter * width, 2 * machine.margin * width
    if window > MOST_WINDOW or state > MOST_STATES:
        return (
            f"at most {MOST_WINDOW} spins under a row of filters and {MOST_STATES} "
            f"shared by two, got {window} and {state} on a lattice of {fine.lattice}"
        )
    return ""


def _log_transfer(machine: Any, axis: int, cross: tuple[int, ...]) -> Tensor:
    """ln T between the rows before and after one row of filters, `(state, state)`."""
    width = math.prod(cross)
    window, state = machine.filter * width, 2 * machine.margin * width
    added = machine.stride * width
    logs = torch.cat(
        [
            _row_weights(machine, axis, rows.to(machine.W), cross)
            for rows in _all_states(window)
        ]
    )
    if added >= state:
        middle = logs.reshape(2**state, 2 ** (added - state), 2**state)
        return torch.logsumexp(middle, 1)
    code = torch.arange(2**window, device=logs.device)
    ends = code >> added, code & (2**state - 1)
    empty = logs.new_full((2**state, 2**state), -math.inf)
    return empty.index_put(ends, logs)


def _row_weights(
    machine: Any, axis: int, rows: Tensor, cross: tuple[int, ...]
) -> Tensor:
    """ln of what one row of filters and the sites it adds contribute, `(n,)`."""
    rows = rows.reshape(-1, machine.filter, *cross)
    margins = (machine.margin,) * (2 * len(cross))
    padded = rows[:, None]
    if cross:
        padded = functional.pad(padded, (*margins, 0, 0), mode="circular")
    W = machine.W.movedim(2 + axis, 2)
    convolve = CONVOLVE[machine.dimension]
    field = convolve(padded, W, machine.b, stride=machine.stride)
    hidden = machine.hidden_units.log_sum(field, field.new_ones(()))
    own = machine.c * rows[:, -machine.stride :].flatten(1).sum(1)
    return hidden.flatten(1).sum(1) + own


def _log_trace(log_t: Tensor, steps: int) -> Tensor:
    """ln Tr Tⁿ by repeated squaring, scaled so that nothing overflows."""
    finite = log_t.detach()[torch.isfinite(log_t.detach())]
    spread = float(finite.max() - finite.min())
    if spread > LARGEST_SPREAD:
        raise ValueError(
            f"a transfer matrix needs weights within a factor e^{LARGEST_SPREAD:.0f}, "
            f"got e^{spread:.0f}; use a narrower strip or smaller weights"
        )
    top = log_t.detach().max()
    square, log_square = (log_t - top).exp(), top
    power, log_power = None, log_t.new_zeros(())
    while steps:
        if steps & 1:
            power = square if power is None else power @ square
            power, log_power = _scaled(power, log_power + log_square)
        steps >>= 1
        if steps:
            square, log_square = _scaled(square @ square, 2 * log_square)
    assert power is not None
    return power.trace().log() + log_power


def _scaled(matrix: Tensor, log: Tensor) -> tuple[Tensor, Tensor]:
    size = matrix.detach().max()
    return matrix / size, log + size.log()


@torch.no_grad()
def exact_samples(
    machine: Machine, visible: Geometry | None, count: int, noise: torch.Generator
) -> Tensor:
    """Independent v ~ p(v), by the exact law of the smaller layer, `(count, *lattice)`.

    Raises:
        ValueError: no layer of at most 16 spins.
    """
    fine = machine.visible_geometry(visible)
    layer = _smaller_layer(machine, fine)
    if layer.size > MOST_DRAWN:
        raise ValueError(
            f"exact samples need a layer of at most {MOST_DRAWN} spins, the smaller "
            f"one has {layer.size}; draw them by parallel tempering"
        )
    states = torch.from_numpy(all_states(layer.size)).to(machine.W)
    twin = _in_double(machine)
    log_weight = torch.cat(
        [-layer.free_energy(twin, part) for part in states.split(1 << CHUNK_UNITS)]
    )
    law = torch.softmax(log_weight, 0)
    chosen = torch.multinomial(law, count, replacement=True, generator=noise)
    drawn = states[chosen].reshape(-1, *layer.lattice)
    if not layer.hidden:
        return drawn
    v = machine.draw_visible(machine.visible_field(drawn), noise)
    return v.reshape(-1, *fine.lattice)


# --- the path from independent units to the machine ----------------------------------


@dataclass(frozen=True, eq=False)
class _Path:
    """The machines E_β, from independent units at β = 0 to the machine at β = 1.

    Attributes:
        bare: the machine without its biases.
        b, c, start: hidden biases, visible biases at β = 1 and at β = 0, one per unit.
    """

    bare: Machine
    b: Tensor
    c: Tensor
    start: Tensor

    @property
    def log_start(self) -> float:
        """ln Z at β = 0, a total."""
        bare = self.bare
        visible = bare.visible_units.log_sum(self.start, bare.precision.double())
        hidden = bare.hidden_units.log_sum(self.b, self.b.new_ones(()))
        return float(visible.sum() + hidden.sum())

    def draw_start(self, count: int, noise: torch.Generator) -> Tensor:
        """Independent v of the law at β = 0."""
        field = self.start.expand(count, *self.start.shape).to(self.bare.W)
        return self.bare.draw_visible(field.contiguous(), noise)

    def response(self, v: Tensor) -> Tensor:
        """Wᵀv, which every β scales."""
        return self.bare.hidden_field(v)

    def free_energy(self, beta: Tensor, v: Tensor, response: Tensor) -> Tensor:
        """F_β(v) = −ln Σ_h e^{−E_β(v, h)}, float64 `(n,)`, one β for each v or all."""
        bare = self.bare
        field = _along(beta, self.b) * response.double() + self.b
        hidden = bare.hidden_units.log_sum(field, field.new_ones(()))
        v = v.double()
        own = bare.visible_units.self_energy(v, bare.precision.double())
        own = own - v * self.visible_bias(beta)
        return own.flatten(1).sum(1) - hidden.flatten(1).sum(1)

    def visible_bias(self, beta: Tensor) -> Tensor:
        """c_β."""
        share = _along(beta, self.c)
        return self.start + share * (self.c - self.start)

    def step(self, beta: Tensor, response: Tensor, noise: torch.Generator) -> Tensor:
        """v after one v → h → v at β, which leaves e^{−F_β} as it is."""
        bare = self.bare
        field = _along(beta, self.b) * response + self.b
        h = bare.draw_hidden(field.to(bare.W), noise)
        back = _along(beta, self.c) * bare.visible_field(h) + self.visible_bias(beta)
        return bare.draw_visible(back.to(bare.W), noise)


def _along(beta: Tensor, unit: Tensor) -> Tensor:
    """β in a shape that goes with `(n, *lattice)`."""
    return beta.reshape(-1, *[1] * unit.ndim)


def _path(machine: Machine, fine: Geometry, data: Tensor | None) -> _Path:
    twin = _in_double(machine)
    h = torch.zeros(1, *machine.hidden_lattice(fine)).to(twin.W)
    v = torch.zeros(1, *fine.lattice).to(twin.W)
    c = twin.visible_field(h)[0]
    start = c
    if data is not None:
        mean = data.double().reshape(-1, *c.shape).mean(0)
        spins = machine.visible_units == SPIN
        clipped = mean.clamp(-LARGEST_MEAN, LARGEST_MEAN)
        start = clipped.atanh() if spins else mean * twin.precision
    bare = _with(
        machine,
        {
            name: torch.zeros_like(p) if name in ("b", "c") else p.detach()
            for name, p in _parameters(machine).items()
        },
    )
    return _Path(bare, twin.hidden_field(v)[0], c, start)


def schedule(count: int, power: float = 1.0) -> tuple[float, ...]:
    """`count` values β = 1 − (1 − x)^power, x = 0 … 1 evenly: finer near 1 above 1.

    Raises:
        ValueError: fewer than two values, or a power that is not positive.

    >>> schedule(3, power=2)
    (0.0, 0.75, 1.0)
    """
    if count < 2 or not power > 0:
        raise ValueError(
            f"a schedule has at least two β and a positive power, got {count} and "
            f"{power}; give for example 1000 and 1"
        )
    return tuple((1 - (1 - np.linspace(0, 1, count)) ** power).tolist())


def _betas(temperatures: int | Sequence[float]) -> list[float]:
    if isinstance(temperatures, int):
        return list(schedule(temperatures))
    betas = [float(beta) for beta in temperatures]
    rising = all(a < b for a, b in itertools.pairwise(betas))
    if len(betas) < 2 or betas[0] != 0 or betas[-1] != 1 or not rising:
        raise ValueError(
            "the β of a path rise from 0 to 1, at least two of them, got "
            f"{betas[:3]} … {betas[-1:]}; use `schedule`"
        )
    return betas


# --- annealed importance sampling ----------------------------------------------------


@dataclass(frozen=True, eq=False)
class LogPartition:
    """ln Z from two sides.

    `forward` ≤ ln Z ≤ `backward` in expectation, the latter as far as its starting
    configurations are samples of the machine; a gap well above the errors says that the
    schedule is too coarse or the runs too few.

    Attributes:
        forward: ln Z by the way up, β = 0 → 1; its error is the jackknife's over runs.
        backward: ln Z by the way down, β = 1 → 0.
        combined: of both ways by Bennett's acceptance ratio (J. Comput. Phys. 22, 245
            (1976); for work along a path Shirts et al., Phys. Rev. Lett. 91, 140601
            (2003)): no bracket, but the smallest error.
        started: the way down from samples that were `given`, from `exact` ones, or from
            `tempered` ones (parallel tempering, as true as it has equilibrated).
        temperatures: β of the path.

    The `n_eff` of each way is (Σw)²/Σw², the number of runs that matter.
    """

    forward: Estimate
    backward: Estimate
    combined: Estimate
    started: str
    temperatures: tuple[float, ...]

    @property
    def bracket(self) -> tuple[float, float]:
        """Both ways, each moved outwards by one of its errors, in order."""
        low = float(self.forward.value - self.forward.error)
        high = float(self.backward.value + self.backward.error)
        return min(low, high), max(low, high)

    @property
    def gap(self) -> Estimate:
        """Backward minus forward: ≥ 0 in expectation."""
        return self.backward - self.forward

    def __str__(self) -> str:
        return (
            f"ln Z = {self.combined}, between {self.forward} (up) and {self.backward} "
            f"(down, from {self.started} samples)"
        )


@torch.no_grad()
def annealed(
    machine: Machine,
    visible: Geometry | None = None,
    runs: int = 100,
    temperatures: int | Sequence[float] = 1000,
    *,
    noise: torch.Generator,
    samples: Tensor | None = None,
    data: Tensor | None = None,
) -> LogPartition:
    """ln Z by annealed importance sampling, up and down the path.

    Args:
        machine: any machine.
        visible: the lattice, for weights that fit many.
        runs: independent runs of each way.
        temperatures: β from 0 to 1, or how many, evenly; `schedule` makes finer ones.
        noise: draws all units.
        samples: v that the way down starts from, `(n, *lattice)`, one run each. They
            must be samples of the machine itself, `p(v)`: not of its data, nor of
            chains that have not mixed, from which the way down bounds nothing. If not
            given they are drawn exactly where a layer has at most 16 spins, and by
            parallel tempering on as many ladders elsewhere.
        data: configurations whose means the independent units at β = 0 take, for
            machines with visible biases; other than `samples`. The machine's own biases
            if not given.

    Raises:
        ValueError: fewer than two runs or samples, bad β, or another lattice.
    """
    fine, betas = machine.visible_geometry(visible), _betas(temperatures)
    _check_count(runs, "runs")
    path = _path(machine, fine, data)
    started = "given"
    if samples is None:
        exact = _smaller_layer(machine, fine).size <= MOST_DRAWN
        started = "exact" if exact else "tempered"
        draw = exact_samples if exact else _tempered_samples
        samples = draw(machine, fine, runs, noise)
    samples = samples.reshape(-1, *fine.lattice)
    _check_count(len(samples), "samples")
    up = _walk(path, path.draw_start(runs, noise), betas, noise)
    down = _walk(path, samples.to(machine.W), betas[::-1], noise)
    forward, backward = _mean_exp(up, "up"), -_mean_exp(down, "down")
    combined = _bennett(up, down)
    shift = path.log_start
    return LogPartition(
        forward + shift, backward + shift, combined + shift, started, tuple(betas)
    )


def _walk(
    path: _Path, v: Tensor, betas: Sequence[float], noise: torch.Generator
) -> np.ndarray:
    """ln w = Σ_k F_k(v_k) − F_{k+1}(v_k) of every run, v_k in equilibrium at k."""
    grid = torch.tensor(betas, dtype=torch.float64, device=v.device)[:, None]
    logs = path.b.new_zeros(len(v))
    response = path.response(v)
    for k in range(len(betas) - 1):
        if k:
            v = path.step(grid[k], response, noise)
            response = path.response(v)
        here = path.free_energy(grid[k], v, response)
        logs += here - path.free_energy(grid[k + 1], v, response)
    return _numpy(logs)


def _mean_exp(logs: np.ndarray, way: str) -> Estimate:
    """ln of the mean of e^{logs}, with its jackknife over runs."""
    n = len(logs)
    weights = np.exp(logs - logs.max())
    others = np.maximum(weights.sum() - weights, np.finfo(float).tiny)
    replicates = logs.max() + np.log(others / (n - 1))
    value = logs.max() + np.log(weights.mean())
    n_eff = float(weights.sum() ** 2 / (weights**2).sum())
    return Estimate(value, {_lineage(logs, way): replicates}, n_eff)


def _bennett(up: np.ndarray, down: np.ndarray) -> Estimate:
    """ln Z_1/Z_0 of greatest likelihood, from the log weights of both ways.

    The replicates are one Newton step from the solution, which is of the order of the
    square of one run's share.
    """
    n, m = len(up), len(down)
    x = _acceptance_root(up, down)
    shifted = x - math.log(n / m)
    rising, falling = expit(up - shifted), expit(down + shifted)
    slopes = rising * (1 - rising), falling * (1 - falling)
    slope = slopes[0].sum() + slopes[1].sum()
    without_up = shifted - rising / (slope - slopes[0])
    without_down = shifted + falling / (slope - slopes[1])
    replicates = {
        _lineage(up, "up"): without_up + math.log((n - 1) / m),
        _lineage(down, "down"): without_down + math.log(n / (m - 1)),
    }
    return Estimate(np.array(x), replicates, float(n + m))


def _acceptance_root(up: np.ndarray, down: np.ndarray) -> float:
    """x where Σ σ(up − x + r) = Σ σ(down + x − r), r = ln(n_up/n_down)."""
    ratio = math.log(len(up) / len(down))

    def excess(x: float) -> float:
        return float(expit(up - x + ratio).sum() - expit(down + x - ratio).sum())

    ends = np.concatenate([up, -down])
    low, high = ends.min() - abs(ratio) - 50, ends.max() + abs(ratio) + 50
    root: Any = brentq(excess, low, high, xtol=1e-12)
    return float(root)


def _lineage(logs: np.ndarray, way: str) -> str:
    """A name for independent runs that no others have."""
    return f"annealed-{way}-{hashlib.sha256(logs.tobytes()).hexdigest()[:12]}"


def _check_count(count: int, what: str) -> None:
    if count < 2:
        raise ValueError(
            f"an error bar needs at least 2 {what}, got {count}; give 100 or more"
        )


# --- parallel tempering --------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Tempered:
    """ln Z by parallel tempering, and configurations of the machine itself.

    Attributes:
        log_partition: by reweighting the samples of all β together; the jackknife is
            over ladders, which are independent.
        samples: the last v at β = 1 of every ladder, `(ladder, *lattice)`.
        acceptance: share of accepted exchanges between neighbouring β.
        temperatures: β of the rungs.
    """

    log_partition: Estimate
    samples: Tensor
    acceptance: np.ndarray
    temperatures: tuple[float, ...]


@torch.no_grad()
def tempered(
    machine: Machine,
    visible: Geometry | None = None,
    ladders: int = 64,
    temperatures: int | Sequence[float] = 16,
    *,
    sweeps: int = 200,
    settling: int = 100,
    spacing: int = 2,
    noise: torch.Generator,
    data: Tensor | None = None,
) -> Tempered:
    """Replicas at every β of the path, which exchange their visible configurations.

    Rungs k, k + 1 exchange x and y with probability
    min(1, exp[F_k(x) + F_{k+1}(y) − F_k(y) − F_{k+1}(x)]), F_β the free energy of v,
    and h is drawn anew: marginal energies throughout. ln Z is the multistate
    reweighting of Shirts and Chodera (J. Chem. Phys. 129, 124105 (2008), eq. 11).

    Args:
        machine: any machine.
        visible: the lattice, for weights that fit many.
        ladders: independent ones, which start from independent units on every rung.
        temperatures: β from 0 to 1, or how many, evenly.
        sweeps: measured ones, each v → h → v on every rung, then exchanges.
        settling: sweeps before the first measurement.
        spacing: sweeps from one measurement to the next.
        noise: draws all units.
        data: as in `annealed`.

    Raises:
        ValueError: fewer than two ladders, no sweep, bad β, or another lattice.
    """
    fine, betas = machine.visible_geometry(visible), _betas(temperatures)
    _check_count(ladders, "ladders")
    if sweeps < spacing or spacing < 1 or settling < 0:
        raise ValueError(
            f"tempering needs sweeps ≥ spacing ≥ 1 and settling ≥ 0, got {sweeps}, "
            f"{spacing} and {settling}"
        )
    path = _path(machine, fine, data)
    rungs = torch.tensor(betas, dtype=torch.float64, device=machine.W.device)
    beta = rungs.repeat_interleave(ladders)
    v = path.draw_start(len(betas) * ladders, noise)
    accepted, energies = np.zeros(len(betas) - 1), []
    for sweep in range(settling + sweeps):
        v = path.step(beta, path.response(v), noise)
        v, moved = _exchanged(path, rungs, v, sweep % 2, noise)
        accepted += _numpy(moved)
        if sweep >= settling and (sweep - settling) % spacing == 0:
            energies.append(_all_energies(path, rungs, v, ladders))
    tries = np.array(
        [(settling + sweeps + (k + 1) % 2) // 2 for k in range(len(betas) - 1)]
    )
    ratio = _multistate(np.stack(energies, 2)) + path.log_start
    samples = v.reshape(len(betas), ladders, *v.shape[1:])[-1].clone()
    return Tempered(ratio, samples, accepted / (tries * ladders), tuple(betas))


def _tempered_samples(
    machine: Machine, fine: Geometry, count: int, noise: torch.Generator
) -> Tensor:
    return tempered(machine, fine, count, noise=noise).samples


def _exchanged(
    path: _Path, rungs: Tensor, v: Tensor, parity: int, noise: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Configurations after one round of exchanges, and how many each pair made."""
    response = path.response(v)
    ladders = len(v) // len(rungs)

    def energy(shift: int) -> Tensor:
        """Of each v at the β `shift` rungs above its own, `(rung, ladder)`."""
        other = rungs.roll(-shift).repeat_interleave(ladders)
        return path.free_energy(other, v, response).reshape(-1, ladders)

    own, above, below = energy(0), energy(1), energy(-1)
    gain = own[:-1] + own[1:] - above[:-1] - below[1:]
    uniform = torch.rand(
        gain.shape, generator=noise, dtype=gain.dtype, device=gain.device
    )
    swap = uniform.log() < gain
    swap[1 - parity :: 2] = False
    v = v.reshape(len(rungs), ladders, *v.shape[1:])
    mask = swap.reshape(*swap.shape, *[1] * (v.ndim - 2))
    lower = torch.cat([torch.where(mask, v[1:], v[:-1]), v[-1:]])
    upper = torch.cat([v[:1], torch.where(mask, v[:-1], v[1:])])
    from_below = torch.cat([torch.zeros_like(mask[:1]), mask])
    return torch.where(from_below, upper, lower).flatten(0, 1), swap.sum(1)


def _all_energies(path: _Path, rungs: Tensor, v: Tensor, ladders: int) -> np.ndarray:
    """F_j of the configuration on rung k of each ladder, `(k, ladder, j)`."""
    response = path.response(v)
    columns = [path.free_energy(beta[None], v, response) for beta in rungs]
    return _numpy(torch.stack(columns, 1)).reshape(len(rungs), ladders, len(rungs))


def _multistate(energies: np.ndarray) -> Estimate:
    """ln Z_last − ln Z_first from F `(rung, ladder, sample, rung)`.

    Maximum of the likelihood Σ_n ln p(rung of n | n), p ∝ exp(ln-free f_j − F_j); the
    replicates are one Newton step from the solution, which is of the order of the
    square of a block's share.
    """
    ladders, rungs = energies.shape[1], energies.shape[0]
    blocks = np.array_split(np.arange(ladders), min(ladders, MOST_BLOCKS))
    f = _first_guess(energies)
    parts = [energies[:, block].reshape(-1, rungs) for block in blocks]
    for _ in range(100):
        slopes, bends = _newton_parts(parts, f)
        step = np.linalg.solve(bends.sum(0), slopes.sum(0))
        f[1:] -= np.clip(step, -5, 5)
        if abs(step).max() < 1e-10:
            break
    slopes, bends = _newton_parts(parts, f)
    without = [
        f[1:] - np.linalg.solve(bends.sum(0) - bend, slopes.sum(0) - slope)
        for slope, bend in zip(slopes, bends, strict=True)
    ]
    replicates = -np.array([one[-1] for one in without])
    name = _lineage(energies, "tempered")
    return Estimate(np.array(-f[-1]), {name: replicates}, float(ladders))


def _first_guess(energies: np.ndarray) -> np.ndarray:
    """f_j by the trapezoid rule on ⟨F_{j+1} − F_j⟩."""
    means = energies.mean((1, 2))
    rises = np.diff(means, axis=1)
    inside = np.array(
        [(rises[j, j] + rises[j + 1, j]) / 2 for j in range(len(rises) - 1)]
    )
    return np.concatenate([[0.0], np.cumsum(inside)])


def _newton_parts(
    parts: Sequence[np.ndarray], f: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes and bends of each block's part of the negative log-likelihood."""
    slopes, bends = [], []
    for energies in parts:
        p = softmax(f - energies, axis=1)
        slopes.append((p.sum(0) - len(p) / len(f))[1:])
        bends.append((np.diag(p.sum(0)) - p.T @ p)[1:, 1:])
    return np.array(slopes), np.array(bends)


# --- a bound for stacks --------------------------------------------------------------


@dataclass(frozen=True)
class Bound:
    """A lower bound of ln q(v), not ln q(v).

    Attributes:
        value: of each configuration, in nats, float64 `(n,)`.
        error: of each value, from the drawn hidden layers; their errors are
            independent. That of ln Z is not in it.
    """

    value: np.ndarray
    error: np.ndarray


@torch.no_grad()
def dbn_bound(
    layers: Sequence[Machine],
    v: Tensor,
    *,
    draws: int = 16,
    noise: torch.Generator,
    log_partition_top: float | None = None,
) -> Bound:
    """The variational lower bound of ln q(v) of a deep belief network.

    The law of the network is that of its top machine, passed down through
    p(h_{l−1} | h_l) of the machines below. With the upward q(h_l | h_{l−1}) of each
    machine as the variational law,

        ln q(v) ≥ −F_1(v) + Σ_l E[F^h_l(h_l) − F_{l+1}(h_l)] − ln Z_top

    where F and F^h are the free energies of a machine's visible and hidden layer
    (Hinton, Osindero and Teh, Neural Comput. 18, 1527 (2006), eq. 3, since
    ln p(v | h) − ln q(h | v) = −F(v) + F^h(h)). For one machine it is ln p(v); a second
    one tied as its transpose leaves it there.

    Args:
        layers: machines, the one on the lattice first.
        v: configurations, `(n, *lattice)`.
        draws: of the hidden layers, for each configuration.
        noise: draws them.
        log_partition_top: ln Z of the top machine; exact if not given.

    Raises:
        ValueError: no machine, fewer than two draws, layers that do not fit, or a top
            machine whose ln Z is not known exactly.
    """
    if not layers or draws < 2:
        raise ValueError(
            f"a bound needs at least one machine and 2 draws, got {len(layers)} and "
            f"{draws}"
        )
    x, total = v.to(layers[0].W), 0.0
    x = x.repeat_interleave(draws, 0)
    for machine, above in itertools.pairwise(layers):
        twin, x = _in_double(machine), _fitted(machine, x)
        total = total - twin.free_energy(x.double())
        x = machine.draw_hidden(machine.hidden_field(x), noise)
        total = total + twin.hidden_free_energy(x.double())
        x = x.to(above.W)
    top = layers[-1]
    x = _fitted(top, x)
    total = total - _in_double(top).free_energy(x.double())
    if log_partition_top is None:
        log_partition_top = float(log_partition(top, Grid(tuple(x.shape[1:]))))
    values = _numpy(total).reshape(len(v), draws)
    error = values.std(1, ddof=1) / math.sqrt(draws)
    return Bound(values.mean(1) - log_partition_top, error)


def _fitted(machine: Machine, x: Tensor) -> Tensor:
    """The layer below as the visible layer of a machine; raises where it is not."""
    flat = x if isinstance(machine, ConvRBM) else x.flatten(1)
    machine.visible_geometry(Grid(tuple(flat.shape[1:])))
    return flat


# --- machines with other parameters --------------------------------------------------


def _parameters(machine: Machine) -> dict[str, Tensor]:
    return {name: p for name, p in machine._parameters.items() if p is not None}


def _with(machine: Machine, parameters: dict[str, Tensor]) -> Machine:
    """The same form with other parameters, which keep their gradients."""
    twin = copy.copy(machine)
    object.__setattr__(twin, "_parameters", parameters)
    return twin


def _in_double(machine: Machine) -> Machine:
    """The same law, evaluated in float64; differentiable in the original weights."""
    return _with(machine, {k: p.double() for k, p in _parameters(machine).items()})


def _numpy(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()
