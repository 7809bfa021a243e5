"""Multiplication by neurons: the curvature of an activation makes a product of a sum.

With signs s_i = ±1 and a bias a, 2ⁿ neurons in one layer multiply n numbers,

    m(x) = Σ_s s_1 … s_n σ(a + λ Σ_i s_i x_i) / (2ⁿ λⁿ σ⁽ⁿ⁾(a)),

which for n = 2 is the gate with four neurons of H. W. Lin, M. Tegmark and D. Rolnick,
J. Stat. Phys. 168, 1223 (2017), fig. 2 and appendix A (their 2ⁿ n! σ_n is written with
σ_n = σ⁽ⁿ⁾(a)/n!), and for n = 1 a wire of two neurons. The signed sum is an integral
over a box, so that with τ_i independent and uniform on [-1, 1]

    m(x) = x_1 … x_n ⟨σ⁽ⁿ⁾(a + λ Σ_i x_i τ_i)⟩ / σ⁽ⁿ⁾(a).

A gate is wrong by a factor: the mean of σ⁽ⁿ⁾ over a window of width λ in units of its
middle. With Q = Σ x_i² the moments of the window give

    m / Πx - 1 = λ² Q σ⁽ⁿ⁺²⁾/(6 σ⁽ⁿ⁾) + λ⁴ (Q²/3 - 2 Σx_i⁴/15) σ⁽ⁿ⁺⁴⁾/(24 σ⁽ⁿ⁾) + …

At a zero of σ⁽ⁿ⁺²⁾, a *quiet* bias, the first term is absent. Rounding works the other
way: 2ⁿ numbers of size σ(a) cancel down to λⁿ and leave ε σ(a)/λⁿ. The best λ balances
the two, and no gate of four neurons does better than about √ε at the origin (softplus),
or ε^⅔ at a quiet bias and where σ(0) = 0 (GELU): smaller weights make it worse.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import mpmath
import numpy as np
import torch
from numpy.polynomial import polynomial as ring
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

__all__ = [
    "ACTIVATIONS",
    "GELU",
    "SIGMOID",
    "SOFTPLUS",
    "TANH",
    "Activation",
    "ErrorScan",
    "Gate",
    "GateLayer",
    "Placed",
    "error_scan",
    "multiplication_gate",
]

DIGITS = 40  # of every derivative, before it becomes a float
NOTHING = 1e-30  # a derivative below this share of its largest value is a zero of it
SMALLEST, LARGEST = 2.0**-40, 4.0  # λ where a best one is looked for


@dataclass(frozen=True)
class Activation:
    """A smooth activation whose derivatives are all known in closed form.

    From the order `first` on they are polynomials, σ⁽ᵏ⁾(z) = P_k(g) w, in a rising
    coordinate g(z) with dg/dz = p(g), times a weight with dw/dz = q(g) w; so
    P_{k+1} = P_k′ p + P_k q with whole coefficients. From the second order on they
    vanish at both ends.

    Attributes:
        name: what it is called.
        function: σ on tensors, to the last digits of their type.
        coordinate, place: g(z) and its inverse z(g), on numbers of mpmath.
        ends: the range of g, open.
        slope, tilt: coefficients of p and q, the constant first.
        weight: w(z).
        first: the order from which the polynomials hold.
        start: coefficients of P_first.
        low: σ, σ′, … below that order, on numbers of mpmath.
    """

    name: str
    function: Callable[[Tensor], Tensor]
    coordinate: Callable[[Any], Any]
    place: Callable[[Any], Any]
    ends: tuple[float, float]
    slope: tuple[int, ...]
    start: tuple[int, ...]
    first: int = 0
    tilt: tuple[int, ...] = (0,)
    weight: Callable[[Any], Any] = mpmath.mpf
    low: tuple[Callable[[Any], Any], ...] = ()

    def derivative(self, order: int, at: float = 0.0) -> float:
        """σ⁽ᵏ⁾(z), exact to the last digit of a float."""
        return _derivative(self, order, float(at))

    def largest(self, order: int) -> float:
        """The largest |σ⁽ᵏ⁾| on the line, for k ≥ 2: one of its turning points."""
        at = _zeros(self, order + 1)
        return max(abs(self.derivative(order, z)) for z in at)

    def quiet_bias(self, inputs: int = 2) -> float:
        """The zero of σ⁽ⁿ⁺²⁾ with the largest |σ⁽ⁿ⁾|; of two equal ones the right one.

        There the leading error of a gate is gone, and little weight is needed after it.
        """
        return max(
            _zeros(self, inputs + 2),
            key=lambda z: (round(abs(self.derivative(inputs, z)), 12), z),
        )

    def default_bias(self, inputs: int = 2) -> float:
        """0 as in the paper where σ⁽ⁿ⁾(0) ≠ 0, else the quiet bias."""
        return self.quiet_bias(inputs) if self.vanishes(inputs, 0.0) else 0.0

    def vanishes(self, order: int, at: float) -> bool:
        """Whether σ⁽ᵏ⁾(z) is a zero, up to the digits of a float z."""
        digits = NOTHING if at == 0 else 1e-12
        return abs(self.derivative(order, at)) <= digits * self.largest(max(order, 2))


@cache
def _polynomial(activation: Activation, order: int) -> tuple[int, ...]:
    """Coefficients of P_k, whole numbers of any size."""
    if order == activation.first:
        return activation.start
    p = np.array(_polynomial(activation, order - 1), dtype=object)
    slope, tilt = (
        np.array(c, dtype=object) for c in (activation.slope, activation.tilt)
    )
    rise = ring.polymul(ring.polyder(p), slope) if len(p) > 1 else np.array([0], object)
    return tuple(ring.polyadd(rise, ring.polymul(p, tilt)))


@cache
def _derivative(activation: Activation, order: int, at: float) -> float:
    with mpmath.workdps(DIGITS):
        z = mpmath.mpf(at)
        if order < activation.first:
            return float(activation.low[order](z))
        p = _polynomial(activation, order)
        g = activation.coordinate(z)
        return float(mpmath.polyval(p[::-1], g) * activation.weight(z))


@cache
def _zeros(activation: Activation, order: int) -> tuple[float, ...]:
    """Where σ⁽ᵏ⁾ vanishes on the line, ascending."""
    with mpmath.workdps(DIGITS):
        p = _polynomial(activation, order)
        roots = mpmath.polyroots(p[::-1], maxsteps=500, extraprec=400)
        real = [mpmath.re(r) for r in roots if abs(mpmath.im(r)) < 1e-20]
        low, high = activation.ends
        # A root at an end of the range is the decay at infinity.
        inside = [r for r in real if low + 1e-20 < r < high - 1e-20]
        return tuple(sorted(float(activation.place(r)) for r in inside))


def _softplus(z: Tensor) -> Tensor:
    # torch's own is cut off at 20, where it is wrong by 2e-9.
    return torch.logaddexp(z, torch.zeros_like(z))


def _logistic(z: Any) -> Any:
    return 1 / (1 + mpmath.exp(-z))


def _logit(g: Any) -> Any:
    return mpmath.log(g / (1 - g))


def _one(z: Any) -> Any:
    return mpmath.mpf(1)


SOFTPLUS = Activation(
    "softplus",
    _softplus,
    coordinate=_logistic,
    place=_logit,
    ends=(0, 1),
    slope=(0, 1, -1),
    weight=_one,
    first=1,
    start=(0, 1),
    low=(lambda z: mpmath.log1p(mpmath.exp(z)),),
)
SIGMOID = Activation(
    "sigmoid",
    torch.sigmoid,
    coordinate=_logistic,
    place=_logit,
    ends=(0, 1),
    slope=(0, 1, -1),
    weight=_one,
    start=(0, 1),
)
TANH = Activation(
    "tanh",
    torch.tanh,
    coordinate=mpmath.tanh,
    place=mpmath.atanh,
    ends=(-1, 1),
    slope=(1, 0, -1),
    weight=_one,
    start=(0, 1),
)
GELU = Activation(
    "gelu",
    nn.functional.gelu,
    coordinate=mpmath.mpf,
    place=mpmath.mpf,
    ends=(-math.inf, math.inf),
    slope=(1,),
    tilt=(0, -1),
    weight=mpmath.npdf,
    first=2,
    start=(2, 0, -1),
    low=(
        lambda z: z * mpmath.ncdf(z),
        lambda z: mpmath.ncdf(z) + z * mpmath.npdf(z),
    ),
)
ACTIVATIONS = {a.name: a for a in (SOFTPLUS, GELU, TANH, SIGMOID)}


@dataclass(frozen=True)
class Gate:
    """2ⁿ neurons of one layer that multiply n numbers.

    Attributes:
        activation: σ.
        scale: λ, the weight of every input.
        inputs: n.
        bias: a; by default 0 where σ⁽ⁿ⁾(0) ≠ 0, else the quiet bias.

    Raises:
        ValueError: a scale that is not positive, no inputs, or σ⁽ⁿ⁾(a) = 0.
    """

    activation: Activation
    scale: float
    inputs: int = 2
    bias: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise ValueError(
                f"the scale of a gate is a positive number, got {self.scale!r}; "
                "about 0.01 is good in 64 bits"
            )
        if self.inputs < 1:
            raise ValueError(f"a gate has at least 1 input, got {self.inputs!r}")
        if self.bias is not None and not math.isfinite(self.bias):
            raise ValueError(f"the bias of a gate is a finite number, got {self.bias}")
        if self.activation.vanishes(self.inputs, self.centre):
            raise ValueError(
                f"{self.activation.name} must have a derivative of order {self.inputs} "
                f"at the bias of a gate, and at {self.centre:g} it has none; give "
                f"{self.activation.quiet_bias(self.inputs):.6g}"
            )

    @cached_property
    def centre(self) -> float:
        """The bias a of every neuron."""
        if self.bias is None:
            return self.activation.default_bias(self.inputs)
        return float(self.bias)

    @property
    def neurons(self) -> int:
        """2ⁿ."""
        return 2**self.inputs

    @property
    def amplitude(self) -> float:
        """1 / (2ⁿ λⁿ σ⁽ⁿ⁾(a)), the size of every weight after the neurons."""
        curvature = self.activation.derivative(self.inputs, self.centre)
        return 1 / ((2 * self.scale) ** self.inputs * curvature)

    def __call__(self, *numbers: Tensor) -> Tensor:
        """m(x_1, …, x_n), neuron by neuron.

        Raises:
            ValueError: not n numbers.
        """
        if len(numbers) != self.inputs:
            raise ValueError(
                f"this gate multiplies {self.inputs} numbers, got {len(numbers)}"
            )
        total = torch.zeros_like(numbers[0])
        for signs in sign_patterns(self.inputs):
            field = torch.stack([s * x for s, x in zip(signs, numbers, strict=True)])
            field = field.sum(0)
            hidden = self.activation.function(self.centre + self.scale * field)
            total = total + math.prod(signs) * hidden
        return self.amplitude * total

    def leading_error(self, *numbers: Tensor) -> Tensor:
        """m - x_1 … x_n to its first order in λ: the second, or the fourth if quiet."""
        squares = torch.stack([x**2 for x in numbers])
        q, fourth = squares.sum(0), (squares**2).sum(0)
        if self.quiet:
            window = self._ratio(4) * self.scale**4 / 24 * (q**2 / 3 - 2 * fourth / 15)
        else:
            window = self._ratio(2) * self.scale**2 / 6 * q
        return torch.mul(torch.stack(numbers).prod(0), window)

    @property
    def quiet(self) -> bool:
        """Whether σ⁽ⁿ⁺²⁾(a) = 0."""
        return self.activation.vanishes(self.inputs + 2, self.centre)

    def truncation_bound(self, radii: Sequence[float] | None = None) -> float:
        """A bound on |m / Πx - 1| for |x_i| ≤ r_i (by default 1), in exact arithmetic.

        The remainder of the second or of the fourth order, whichever is less, with the
        largest derivative on the line.
        """
        q = self.scale**2 * sum(r**2 for r in radii or [1.0] * self.inputs)
        second, *fourth = self._remainders
        return min(second * q, fourth[0] * q + fourth[1] * q**2)

    def scale_for(self, tolerance: float) -> float:
        """The largest λ whose truncation is within the tolerance, for |x_i| ≤ 1."""
        second, linear, square = self._remainders
        root = math.sqrt(linear**2 + 4 * square * tolerance)
        # The positive root of square q² + linear q = tolerance, without cancellation.
        q = max(tolerance / second, 2 * tolerance / (linear + root))
        return math.sqrt(q / self.inputs)

    def rounding_bound(self, dtype: torch.dtype = torch.float64) -> float:
        """A bound on what floats of a type add to |m - Πx| for |x_i| ≤ 1.

        Each neuron is off by its own rounding (a unit in the last place), by that of
        its field, and by the additions after it; all against us.
        """
        height, slope, window = self._heights
        field = (self.inputs + 1) * (abs(self.centre) + window)
        lost = (2 + self.neurons) * height + field * slope
        return unit_roundoff(dtype) * self.neurons * abs(self.amplitude) * lost

    def rounding(self, dtype: torch.dtype = torch.float64) -> float:
        """What floats of a type add to |m - Πx|, to expect rather than to fear.

        Three roundings for each neuron (its value, its share, its addition), and that
        of its field, of independent signs.
        """
        height, slope, _ = self._heights
        lost = math.hypot(math.sqrt(3) * height, self.centre * slope)
        size = math.sqrt(self.neurons) * abs(self.amplitude)
        return unit_roundoff(dtype) * size * lost

    def best_scale(self, dtype: torch.dtype = torch.float64) -> float:
        """λ where the leading error at the corner |x_i| = 1 balances the rounding.

        Of T λᵖ + R/λ^q the minimum is at λ* = (qR/pT)^{1/(p+q)}; here p = 2, or 4 at a
        quiet bias, and q = n, or n - 1 where σ(a) = a = 0.
        """

        def error(log: float) -> float:
            gate = self.at_scale(math.exp(log))
            corner = [torch.ones((), dtype=torch.float64)] * self.inputs
            return math.log(
                abs(float(gate.leading_error(*corner))) + gate.rounding(dtype)
            )

        bounds = (math.log(SMALLEST), math.log(LARGEST))
        found: Any = minimize_scalar(error, bounds=bounds, method="bounded")
        return math.exp(found.x)

    def at_scale(self, scale: float) -> Gate:
        """The same gate with another λ."""
        return Gate(self.activation, scale, self.inputs, self.centre)

    def _ratio(self, more: int) -> float:
        """σ⁽ⁿ⁺ᵏ⁾(a) / σ⁽ⁿ⁾(a)."""
        n, a, sigma = self.inputs, self.centre, self.activation
        return sigma.derivative(n + more, a) / sigma.derivative(n, a)

    @cached_property
    def _heights(self) -> tuple[float, float, float]:
        """The largest |σ| and |σ′| in the window of fields, and its half width nλ."""
        window, sigma = self.inputs * self.scale, self.activation
        slope = abs(sigma.derivative(1, self.centre)) + window * sigma.largest(2)
        height = abs(sigma.derivative(0, self.centre)) + window * slope
        return height, slope, window

    @cached_property
    def _remainders(self) -> tuple[float, float, float]:
        """Coefficients of q = λ²Q in the second-order bound, and of q, q² in the other.

        ⟨(Σxτ)²⟩ = Q/3 and ⟨(Σxτ)⁴⟩ ≤ Q²/3, over 2! and 4!.
        """
        n, sigma = self.inputs, self.activation
        size = abs(sigma.derivative(n, self.centre))
        second, fourth = (sigma.largest(n + k) / size for k in (2, 4))
        return second / 6, abs(self._ratio(2)) / 6, fourth / 72


def sign_patterns(inputs: int) -> list[tuple[int, ...]]:
    """All 2ⁿ choices of signs, (1, …, 1) first."""
    return list(itertools.product((1, -1), repeat=inputs))


def unit_roundoff(dtype: torch.dtype) -> float:
    """Half the spacing of the floats at 1."""
    return torch.finfo(dtype).eps / 2


@dataclass(frozen=True)
class Placed:
    """A gate in a layer.

    Attributes:
        gate: with λ for inputs within ±1.
        columns: of the state, its inputs; one may occur twice.
        radii: the sizes of these inputs; each is divided by its own.
    """

    gate: Gate
    columns: tuple[int, ...]
    radii: tuple[float, ...]


class GateLayer(nn.Module):
    """A hidden layer whose neurons are gates: affine map, activation, linear map.

    All gates have one activation. Weights are float64 until the module is moved.
    """

    def __init__(self, placed: Sequence[Placed], width: int) -> None:
        super().__init__()
        total = sum(p.gate.neurons for p in placed)
        self.hidden = nn.Linear(width, total, dtype=torch.float64)
        self.readout = nn.Linear(total, len(placed), bias=False, dtype=torch.float64)
        self.activation = placed[0].gate.activation
        with torch.no_grad():
            self.hidden.weight.zero_()
            self.readout.weight.zero_()
            self._fill(placed)

    def _fill(self, placed: Sequence[Placed]) -> None:
        row = 0
        for output, p in enumerate(placed):
            signs = torch.tensor(sign_patterns(p.gate.inputs), dtype=torch.float64)
            rows = slice(row, row + p.gate.neurons)
            self.hidden.bias[rows] = p.gate.centre
            for k, (column, radius) in enumerate(zip(p.columns, p.radii, strict=True)):
                self.hidden.weight[rows, column] += signs[:, k] * p.gate.scale / radius
            size = p.gate.amplitude * math.prod(p.radii)
            self.readout.weight[output, rows] = size * signs.prod(1)
            row = rows.stop

    @property
    def neurons(self) -> int:
        """Hidden neurons."""
        return self.hidden.out_features

    def forward(self, state: Tensor) -> Tensor:
        """The products, `(…, gates)`, of a state `(…, width)`."""
        return self.readout(self.activation.function(self.hidden(state)))


def multiplication_gate(gate: Gate, radius: float = 1.0) -> GateLayer:
    """The gate as a network with one hidden layer, of n numbers `(…, n)` within ±r.

    >>> layer = multiplication_gate(Gate(SOFTPLUS, scale=2**-7))
    >>> layer.neurons
    4
    >>> pair = torch.tensor([0.5, -0.25], dtype=torch.float64)
    >>> round(layer(pair).item(), 4)
    -0.125
    """
    n = gate.inputs
    return GateLayer([Placed(gate, tuple(range(n)), (radius,) * n)], n)


@dataclass(frozen=True)
class ErrorScan:
    """The largest error of a gate on |x_i| ≤ 1 against λ, measured and predicted.

    Attributes:
        gate: the gate, at its predicted best λ.
        scales: λ `(points,)`.
        measured: on a grid of Chebyshev points, corners included `(points,)`.
        truncation: |leading error| at the corner `(points,)`.
        rounding: expected `(points,)`.
    """

    gate: Gate
    scales: np.ndarray
    measured: np.ndarray
    truncation: np.ndarray
    rounding: np.ndarray

    @property
    def best(self) -> tuple[float, float]:
        """λ with the smallest measured error, and that error."""
        at = int(np.argmin(self.measured))
        return float(self.scales[at]), float(self.measured[at])


def error_scan(
    gate: Gate,
    scales: Sequence[float] | np.ndarray,
    *,
    dtype: torch.dtype = torch.float64,
    side: int = 33,
) -> ErrorScan:
    """The error of a gate at each λ on a grid of `side`ⁿ points, corners included.

    The products it is compared with are those of the same rounded inputs, in float64.

    Raises:
        ValueError: no scales, or a grid of fewer than two points a side.
    """
    if len(scales) == 0 or side < 2:
        raise ValueError(
            f"a scan needs a scale and 2 points a side, got {len(scales)} and {side}"
        )
    # Evenly spaced points and a dyadic λ would be multiples of the rounding itself.
    axis = torch.cos(math.pi * torch.arange(side) / (side - 1)).to(dtype)
    numbers = torch.meshgrid([axis] * gate.inputs, indexing="ij")
    exact = torch.stack([x.double() for x in numbers]).prod(0)
    corner = [torch.ones((), dtype=torch.float64)] * gate.inputs
    gates = [gate.at_scale(float(s)) for s in scales]
    return ErrorScan(
        gate.at_scale(gate.best_scale(dtype)),
        np.array(scales, dtype=float),
        np.array([float((g(*numbers).double() - exact).abs().max()) for g in gates]),
        np.array([abs(float(g.leading_error(*corner))) for g in gates]),
        np.array([g.rounding(dtype) for g in gates]),
    )
