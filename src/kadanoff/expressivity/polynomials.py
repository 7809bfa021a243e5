"""Polynomials as networks of fixed size: their accuracy is a matter of weights alone.

A polynomial is products and a sum. Each product is a gate of four neurons (`gates`);
what several monomials share is made once, and halving a monomial again and again makes
⌈log₂ d⌉ hidden layers for degree d. How well the gates multiply depends on their λ
alone, so that the same neurons reach any accuracy (H. W. Lin, M. Tegmark and
D. Rolnick, J. Stat. Phys. 168, 1223 (2017), section II) - in exact arithmetic. Floats
have a best accuracy, which is computed here and below which nothing is promised.

The error is followed through the circuit. A gate told |x_i| ≤ r_i + e_i, where e_i is
by how much its inputs may be off, is off by

    Π(r_i + e_i) - Πr_i  +  Π(r_i + e_i) (truncation + rounding),

and every gate gets the λ with which its truncation, carried to the output, is the same
share of what the output may be off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sympy
import torch
from torch import Tensor, nn

from kadanoff.expressivity.gates import (
    SOFTPLUS,
    Activation,
    Gate,
    GateLayer,
    Placed,
    unit_roundoff,
)

__all__ = [
    "Circuit",
    "GateNetwork",
    "attainable_accuracy",
    "network_of",
    "polynomial_circuit",
]

COARSEST, FINEST = 0, 60  # powers of ½ that are tried as the truncation of a network
STEPS = 4  # of them per factor of 2


@dataclass(frozen=True)
class Circuit:
    """Products of products, layer by layer, and a sum of them at the end.

    The state is the inputs, then the gates in their order; what is needed later stays
    in it (a wire, which costs no neuron).

    Attributes:
        inputs: numbers that come in.
        layers: for each hidden layer its gates, each the columns that it multiplies.
        weights: of the columns in the sum, by column.
        constant: of the sum.
    """

    inputs: int
    layers: tuple[tuple[tuple[int, ...], ...], ...]
    weights: dict[int, float] = field(default_factory=dict)
    constant: float = 0.0

    @property
    def neurons(self) -> int:
        """Σ 2ⁿ over the gates."""
        return sum(2 ** len(columns) for columns in self.gates)

    @cached_property
    def gates(self) -> list[tuple[int, ...]]:
        """All gates in the order of their columns."""
        return [columns for layer in self.layers for columns in layer]


class GateNetwork(nn.Module):
    """A circuit made of neurons.

    Attributes:
        circuit: what it computes if its gates multiply.
        bound: the largest error for inputs within `radii`, rounding included.
        radii: the domain, |x_i| ≤ r_i.
        scales: λ of each gate.
    """

    def __init__(
        self,
        circuit: Circuit,
        gates: Sequence[Gate],
        radii: Sequence[float],
        *,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        self.circuit, self.radii = circuit, tuple(radii)
        self.scales = [gate.scale for gate in gates]
        sizes, self.bound = _followed(circuit, gates, radii, dtype)
        layers, made = [], 0
        for columns in circuit.layers:
            mine = gates[made : made + len(columns)]
            placed = [
                Placed(g, c, tuple(sizes[i] for i in c))
                for g, c in zip(mine, columns, strict=True)
            ]
            layers.append(GateLayer(placed, circuit.inputs + made))
            made += len(columns)
        self.layers = nn.ModuleList(layers)
        self.readout = nn.Linear(circuit.inputs + made, 1, dtype=torch.float64)
        with torch.no_grad():
            self.readout.weight.zero_()
            self.readout.bias.fill_(circuit.constant)
            for column, weight in circuit.weights.items():
                self.readout.weight[0, column] = weight
        self.to(dtype)

    @property
    def neurons(self) -> int:
        """Hidden neurons, four for each product of two."""
        return sum(int(layer.neurons) for layer in self.layers)  # pyright: ignore

    @property
    def depth(self) -> int:
        """Hidden layers."""
        return len(self.layers)

    def forward(self, x: Tensor) -> Tensor:
        """The polynomial `(…,)` at points `(…, inputs)`."""
        state = x
        for layer in self.layers:
            state = torch.cat([state, layer(state)], dim=-1)
        return self.readout(state)[..., 0]


def polynomial_circuit(
    polynomial: sympy.Expr | sympy.Poly, variables: Sequence[sympy.Symbol] | None = None
) -> Circuit:
    """The circuit of a polynomial: each product once, at most ⌈log₂ degree⌉ layers.

    Args:
        polynomial: with real coefficients.
        variables: the inputs in their order, by default all symbols by name.

    Raises:
        ValueError: no polynomial in these variables, or coefficients that are not real.
    """
    poly = _poly(polynomial, variables)
    inputs = len(poly.gens)
    words = {_word(powers): _real(c, poly) for powers, c in poly.terms()}
    products = sorted(
        {p for word in words for p in _parts(word)}, key=lambda p: (_level(p), p)
    )
    column = {(i,): i for i in range(inputs)}
    column |= {p: inputs + i for i, p in enumerate(products)}
    levels = sorted({_level(p) for p in products})
    layers = tuple(
        tuple(tuple(column[h] for h in _halves(p)) for p in products if _level(p) == k)
        for k in levels
    )
    constant = words.pop((), 0.0)
    return Circuit(inputs, layers, {column[w]: c for w, c in words.items()}, constant)


def network_of(
    polynomial: sympy.Expr | sympy.Poly,
    *,
    accuracy: float,
    radius: float | Sequence[float] = 1.0,
    variables: Sequence[sympy.Symbol] | None = None,
    activation: Activation = SOFTPLUS,
    bias: float | None = None,
    dtype: torch.dtype = torch.float64,
) -> GateNetwork:
    """A network that is the polynomial to the accuracy asked, on |x_i| ≤ r_i.

    Args:
        polynomial: with real coefficients.
        accuracy: the largest error allowed anywhere on the domain.
        radius: r, or one for each variable.
        variables: the inputs in their order, by default all symbols by name.
        activation: σ.
        bias: a of every neuron, by default the quiet one: in floats the best there is.
        dtype: the floats that it computes with.

    Raises:
        ValueError: no polynomial, a domain or an accuracy that is not positive, or an
            accuracy that these floats cannot have; the sentence says what can be had.

    >>> x, y = sympy.symbols("x y")
    >>> net = network_of(x**2 * y - 3 * y, accuracy=1e-6)
    >>> net.neurons, net.depth, net.bound < 1e-6
    (8, 2, True)
    """
    if not (math.isfinite(accuracy) and accuracy > 0):
        raise ValueError(f"an accuracy is a positive number, got {accuracy!r}")
    circuit = polynomial_circuit(polynomial, variables)
    radii = _radii(radius, circuit.inputs)
    return accurate_network(circuit, radii, accuracy, activation, bias, dtype)


def attainable_accuracy(
    polynomial: sympy.Expr | sympy.Poly,
    *,
    radius: float | Sequence[float] = 1.0,
    variables: Sequence[sympy.Symbol] | None = None,
    activation: Activation = SOFTPLUS,
    bias: float | None = None,
    dtype: torch.dtype = torch.float64,
) -> float:
    """The smallest accuracy that `network_of` can promise in these floats."""
    circuit = polynomial_circuit(polynomial, variables)
    radii = _radii(radius, circuit.inputs)
    return best_network(circuit, radii, activation, bias, dtype).bound


def accurate_network(
    circuit: Circuit,
    radii: Sequence[float],
    accuracy: float,
    activation: Activation,
    bias: float | None,
    dtype: torch.dtype,
) -> GateNetwork:
    """The network with the largest λ whose bound is within the accuracy.

    Raises:
        ValueError: these floats cannot have it.
    """
    best = best_network(circuit, radii, activation, bias, dtype)
    if best.bound > accuracy:
        name = str(dtype).removeprefix("torch.")
        raise ValueError(
            f"{activation.name} in {name} can promise {best.bound:.1e} here, got an "
            f"accuracy of {accuracy:.1e}; ask for less, or for wider floats, a smaller "
            "domain or another activation"
        )
    if not circuit.gates:
        return best
    for tried in _truncations(accuracy):
        gates = _gates(circuit, radii, tried, activation, bias)
        if _followed(circuit, gates, radii, dtype)[1] <= accuracy:
            return GateNetwork(circuit, gates, radii, dtype=dtype)
    return best


def best_network(
    circuit: Circuit,
    radii: Sequence[float],
    activation: Activation,
    bias: float | None,
    dtype: torch.dtype,
) -> GateNetwork:
    """The network with the smallest bound: truncation and rounding balanced."""
    if not circuit.gates:
        return GateNetwork(circuit, [], radii, dtype=dtype)
    sizes = _exact_sizes(circuit, radii)
    largest = sum(abs(w) * sizes[c] for c, w in circuit.weights.items())
    tried = [_gates(circuit, radii, t, activation, bias) for t in _truncations(largest)]
    best = min(tried, key=lambda gates: _followed(circuit, gates, radii, dtype)[1])
    return GateNetwork(circuit, best, radii, dtype=dtype)


def _truncations(largest: float) -> list[float]:
    """Totals to try, from large to small."""
    powers = range(COARSEST * STEPS, FINEST * STEPS)
    return [largest * 2 ** (-k / STEPS) for k in powers]


def _gates(
    circuit: Circuit,
    radii: Sequence[float],
    truncation: float,
    activation: Activation,
    bias: float | None,
) -> list[Gate]:
    """Gates whose truncations, carried to the output, add up to the one given."""
    sizes = _exact_sizes(circuit, radii)
    sway = _sensitivities(circuit, sizes)
    share = truncation / len(circuit.gates)
    gates = []
    for at, columns in enumerate(circuit.gates, start=circuit.inputs):
        n = len(columns)
        centre = activation.quiet_bias(n) if bias is None else bias
        gate = Gate(activation, 1.0, n, centre)
        tolerance = share / (sway[at] * sizes[at])
        # A gate that is wrong by more than itself would widen all that follow.
        gates.append(gate.at_scale(gate.scale_for(min(tolerance, 1.0))))
    return gates


def _exact_sizes(circuit: Circuit, radii: Sequence[float]) -> list[float]:
    """The largest |value| of every column if the gates multiply."""
    sizes = list(radii)
    for columns in circuit.gates:
        sizes.append(math.prod(sizes[c] for c in columns))
    return sizes


def _sensitivities(circuit: Circuit, sizes: Sequence[float]) -> list[float]:
    """How far the output moves, at most, per change of a column."""
    sway = [0.0] * len(sizes)
    for column, weight in circuit.weights.items():
        sway[column] += abs(weight)
    for at in reversed(range(circuit.inputs, len(sizes))):
        columns = circuit.gates[at - circuit.inputs]
        for k, c in enumerate(columns):
            others = (sizes[o] for j, o in enumerate(columns) if j != k)
            sway[c] += sway[at] * math.prod(others)
    return sway


def _followed(
    circuit: Circuit, gates: Sequence[Gate], radii: Sequence[float], dtype: torch.dtype
) -> tuple[list[float], float]:
    """The sizes of all columns with their errors, and the error of the sum.

    Each column is a size and by how much it is off; a gate is told the sum of both.
    """
    exact = _exact_sizes(circuit, radii)
    off = [0.0] * circuit.inputs
    for at, (gate, columns) in enumerate(
        zip(gates, circuit.gates, strict=True), start=circuit.inputs
    ):
        told = [exact[c] + off[c] for c in columns]
        own = gate.truncation_bound() + gate.rounding_bound(dtype)
        # The exact product of what came in differs from the product meant by:
        carried = math.prod(told) - exact[at]
        off.append(math.prod(told) * own + max(carried, 0.0))
    u, terms = unit_roundoff(dtype), len(exact) + 1
    total = abs(circuit.constant) * u * terms
    for column, weight in circuit.weights.items():
        size = exact[column] + off[column]
        total += abs(weight) * (off[column] + u * (terms + 2) * size)
    return [e + o for e, o in zip(exact, off, strict=True)], total


Word = tuple[int, ...]  # a monomial as its variables in order: x² y is (0, 0, 1)


def _word(powers: Sequence[int]) -> Word:
    return tuple(i for i, p in enumerate(powers) for _ in range(p))


def _level(word: Word) -> int:
    """⌈log₂ degree⌉, the hidden layer in which a product is made."""
    return (len(word) - 1).bit_length()


def _halves(word: Word) -> tuple[Word, Word]:
    """The first 2^(level - 1) letters, which are shared most, and the others."""
    cut = 2 ** (_level(word) - 1)
    return word[:cut], word[cut:]


def _parts(word: Word) -> set[Word]:
    """All products on the way to a word, itself included."""
    if len(word) < 2:
        return set()
    left, right = _halves(word)
    return {word} | _parts(left) | _parts(right)


def _poly(
    polynomial: sympy.Expr | sympy.Poly, variables: Sequence[sympy.Symbol] | None
) -> sympy.Poly:
    expression = sympy.sympify(polynomial)
    own: Sequence[Any] = sorted(expression.free_symbols, key=str)
    if isinstance(expression, sympy.Poly):
        own, expression = expression.gens, expression.as_expr()
    names = variables or own
    if not names:
        raise ValueError(f"a polynomial needs variables, got {expression}; name them")
    try:
        return sympy.Poly(expression, *names)
    except sympy.PolynomialError:
        raise ValueError(
            f"a polynomial in {_listed(names)} is required, got {expression}"
        ) from None


def _real(coefficient: sympy.Expr, poly: sympy.Poly) -> float:
    if coefficient.free_symbols or not coefficient.is_real:
        raise ValueError(
            f"the coefficients of a polynomial in {_listed(poly.gens)} must be real "
            f"numbers, got {coefficient}"
        )
    return float(coefficient)


def _listed(names: Sequence[Any]) -> str:
    return ", ".join(map(str, names))


def _radii(radius: float | Sequence[float], inputs: int) -> tuple[float, ...]:
    radii = (radius,) * inputs if isinstance(radius, int | float) else tuple(radius)
    if len(radii) != inputs or not all(math.isfinite(r) and r > 0 for r in radii):
        raise ValueError(
            f"a domain is one positive radius, or one for each of {inputs} variables, "
            f"got {radius}"
        )
    return tuple(float(r) for r in radii)
