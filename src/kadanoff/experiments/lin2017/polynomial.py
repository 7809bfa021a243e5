"""Polynomials by networks of fixed size: accuracy costs weights, not neurons.

The corollary on the slides: for any polynomial and any accuracy there is a network of
fixed size N, independent of the accuracy, whose neurons number about four for each
multiplication. It is four exactly where every layer also hears the layers before it (as
here, in numbers that pass by); without such skip connections a number that is needed
later must go through two neurons of every layer on its way, z = [σ(λz) - σ(-λz)]/λ for
softplus, and that is what makes it slightly more. Hamiltonians are compiled here
(`expressivity.polynomials`) at falling accuracies: neurons are counted, the promised
bound is set against the largest error measured, and floats put an end to it that is
known beforehand.

What does it is curvature. The control are neurons without any, ReLU: they draw z² for
|z| ≤ 2 as a chain of straight pieces, which with P of them on either side is too high
by 1/P² at most, and uv = ((u + v)² - (u - v)²)/4 as two chains, off by 1/(4P²). An
accuracy δ takes 4 ⌈1/(2√δ)⌉ neurons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
import torch
import xarray as xr
from matplotlib.axes import Axes

from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.expressivity.counting import polynomial_terms
from kadanoff.expressivity.polynomials import (
    Circuit,
    GateNetwork,
    attainable_accuracy,
    network_of,
    polynomial_circuit,
)
from kadanoff.randomness import generator
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "Settings",
    "polynomials",
    "relu_product",
    "wires",
]

RELU_FINEST = 1e-6  # 2000 neurons; finer ones are counted


@dataclass(frozen=True)
class Settings:
    """How accurately, and how it is measured.

    Attributes:
        accuracies: asked for.
        points: inside of the domain and as many corners.
    """

    accuracies: tuple[float, ...]
    points: int


FAST = Settings((0.1, 1e-3, 1e-6), points=500)
FULL = Settings(tuple(10.0**-k for k in range(1, 11)), points=20_000)


def polynomials(seed: int) -> dict[str, sympy.Poly]:
    """What is compiled: Hamiltonians of degrees 2 to 4, one power, one random cubic.

    Args:
        seed: of the random coefficients, whole numbers from -9 to 9.
    """
    x = sympy.symbols("x_0:6")
    rng = generator(seed, "coefficients")
    ring = [(x[i], x[(i + 1) % 4]) for i in range(4)]
    cubic = sympy.itermonomials(x[:4], 3)
    found = {
        "uv": x[0] * x[1],
        "Gaussian, 6 pixels": sum(
            int(rng.integers(-9, 10)) * x[i] * x[j]
            for i in range(6)
            for j in range(i + 1)
        ),
        "φ⁴ on a ring of 4": sum(a**2 / 2 + a**4 / 4 - a * b for a, b in ring),
        "random cubic of 4": sum(
            int(rng.integers(-9, 10)) * m for m in sorted(cubic, key=str)
        ),
        "x⁷": x[0] ** 7,
    }
    return {name: sympy.Poly(p) for name, p in found.items()}


def wires(circuit: Circuit) -> int:
    """How often a number must be handed past a layer that does not make it.

    A number that was there before layer l and is used after it, by a gate or by the sum
    at the end, is one wire of layer l. Sums that end early are not counted twice: the
    terms of the sum that are known before layer l share one wire.

    >>> x, y = sympy.symbols("x y")
    >>> wires(polynomial_circuit(x * y)), wires(polynomial_circuit(x**3))
    (0, 1)
    """
    layers = len(circuit.layers)
    made = [0] * circuit.inputs
    made += [n for n, gates in enumerate(circuit.layers, 1) for _ in gates]
    heard = {
        (c, n) for n, gates in enumerate(circuit.layers, 1) for g in gates for c in g
    }
    last = {c: max(n for k, n in heard if k == c) for c, _ in heard}
    passed = sum(max(last[c] - 1 - made[c], 0) for c in last)
    begun = min((made[c] for c in circuit.weights), default=layers)
    return passed + layers - begun


def relu_product(
    u: np.ndarray, v: np.ndarray, accuracy: float
) -> tuple[np.ndarray, int]:
    """uv for |u|, |v| ≤ 1 from straight pieces, and the ReLU neurons that it takes.

    A chain for z² is Σ_k c_k [max(z - t_k, 0) + max(-z - t_k, 0)], t_k = 2k/P.
    """
    pieces = _pieces(accuracy)
    knots = 2 * np.arange(pieces) / pieces
    bends = np.full(pieces, 4 / pieces)
    bends[0] = 2 / pieces  # the slope of the first piece; each next one is 4/P steeper

    def square(z: np.ndarray) -> np.ndarray:
        sides = (np.maximum(s * z[..., None] - knots, 0) @ bends for s in (1, -1))
        return sum(sides, np.zeros_like(z))

    return (square(u + v) - square(u - v)) / 4, 4 * pieces


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Neurons, bounds, errors and weights by polynomial and accuracy; NaN: cannot."""
    wanted = polynomials(work.subseed("polynomials"))
    shape = (len(wanted), len(settings.accuracies))
    table = {n: np.full(shape, np.nan) for n in ("neurons", "bound", "error", "weight")}
    floor, facts = [], []
    told = work.progress("polynomials as networks")
    for i, (name, polynomial) in enumerate(wanted.items()):
        floor.append(attainable_accuracy(polynomial))
        for k, accuracy in enumerate(settings.accuracies):
            if accuracy < floor[-1]:
                continue
            net = network_of(polynomial, accuracy=accuracy)
            rng = generator(work.subseed("points", name, k))
            table["neurons"][i, k] = net.neurons
            table["bound"][i, k] = net.bound
            table["error"][i, k] = _measured(net, polynomial, settings.points, rng)
            table["weight"][i, k] = _largest(net)
        facts.append(_facts(polynomial))
        told(i + 1, len(wanted))
    relu = [_relu(a, settings.points, work) for a in settings.accuracies]
    data: dict[str, Any] = {
        n: (("polynomial", "accuracy"), t) for n, t in table.items()
    }
    data |= {"floor": (("polynomial",), floor)}
    for name, column in zip(FACTS, zip(*facts, strict=True), strict=True):
        data[name] = (("polynomial",), np.array(column))
    for name, column in zip(
        ("relu_error", "relu_neurons"), zip(*relu, strict=True), strict=True
    ):
        data[name] = (("accuracy",), np.array(column))
    return xr.Dataset(
        data, {"polynomial": list(wanted), "accuracy": list(settings.accuracies)}
    )


def draw(dataset: xr.Dataset) -> list[Section]:
    """Neurons and errors against the accuracy that was asked for."""
    fig = figure(11.0, 3.9, 1, 2)
    _draw_neurons(fig.axes[0], dataset)
    _draw_errors(fig.axes[1], dataset)
    text = (
        "Left: hidden neurons of each polynomial at every accuracy (levels), and of "
        "the control without curvature (black). Right: the error measured (points) and "
        "promised (lines) in units of the accuracy asked for; all must lie below one. "
        "A curve ends where 64-bit floats do."
    )
    header = ("polynomial", "variables", "degree", "terms", "of", "gates", "wires")
    rows = [_row(dataset.sel(polynomial=p)) for p in dataset.polynomial.values]
    return [
        Section(
            "Polynomials by networks of fixed size",
            text,
            data_uri(fig),
            tables=[Table((*header, "layers", "neurons", "best in 64 bits"), rows)],
            remarks=[
                "A wire is a number handed past a layer; with skip connections it "
                "costs nothing, without them two neurons."
            ],
        )
    ]


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """Fixed size, within what is promised, slightly more than four, and the control."""
    return [_fixed(dataset), _kept(dataset), _four_each(dataset), _straight(dataset)]


FACTS = ("inputs", "degree", "terms", "possible", "products", "wires", "depth")


def _facts(polynomial: sympy.Poly) -> tuple[int, ...]:
    """n, d, terms there are, terms there could be, gates, wires and layers."""
    circuit = polynomial_circuit(polynomial)
    n, d = len(polynomial.gens), polynomial.total_degree()
    return (
        n,
        d,
        len(polynomial.terms()),
        polynomial_terms(n, d),
        len(circuit.gates),
        wires(circuit),
        len(circuit.layers),
    )


def _measured(
    net: GateNetwork, polynomial: sympy.Poly, points: int, rng: np.random.Generator
) -> float:
    """The largest error at points inside of |x_i| ≤ 1 and at corners."""
    n = len(polynomial.gens)
    x = np.concatenate(
        [rng.uniform(-1, 1, (points, n)), rng.choice((-1.0, 1.0), (points, n))]
    )
    exact = sympy.lambdify(polynomial.gens, polynomial.as_expr())(*x.T)
    with torch.no_grad():
        found = net(torch.from_numpy(x)).numpy()
    return float(np.abs(found - exact).max())


def _largest(net: GateNetwork) -> float:
    """The largest weight of all."""
    return max(float(p.detach().abs().max()) for p in net.parameters())


def _relu(accuracy: float, points: int, work: Work) -> tuple[float, int]:
    u, v = generator(work.subseed("relu")).uniform(-1, 1, (2, min(points, 2000)))
    found, neurons = relu_product(u, v, max(accuracy, RELU_FINEST))
    error = float(np.abs(found - u * v).max())
    if accuracy < RELU_FINEST:  # counted, not built
        return math.nan, 4 * _pieces(accuracy)
    return error, neurons


def _pieces(accuracy: float) -> int:
    return math.ceil(1 / math.sqrt(4 * accuracy) - 1e-9)


def _draw_neurons(ax: Axes, dataset: xr.Dataset) -> None:
    for name, colour in zip(dataset.polynomial.values, PALETTE, strict=False):
        row = dataset.sel(polynomial=name)
        ax.loglog(row.accuracy, row.neurons, "o-", ms=4, color=colour, label=str(name))
    ax.loglog(dataset.accuracy, dataset.relu_neurons, "ks--", ms=4, label="uv, ReLU")
    ax.invert_xaxis()
    ax.set_xlabel("accuracy asked for")
    ax.set_ylabel("hidden neurons")
    ax.legend(fontsize=8, frameon=False)


def _draw_errors(ax: Axes, dataset: xr.Dataset) -> None:
    for name, colour in zip(dataset.polynomial.values, PALETTE, strict=False):
        row = dataset.sel(polynomial=name)
        ax.loglog(row.accuracy, row.error / row.accuracy, "o", ms=4, color=colour)
        ax.loglog(row.accuracy, row.bound / row.accuracy, "-", lw=1, color=colour)
    ax.loglog(dataset.accuracy, dataset.relu_error / dataset.accuracy, "ks", ms=4)
    ax.axhline(1, color="k", lw=0.8)
    ax.invert_xaxis()
    ax.set_xlabel("accuracy asked for")
    ax.set_ylabel("largest error / accuracy")


def _row(row: xr.Dataset) -> list[str]:
    whole = [str(int(row[n])) for n in FACTS]
    neurons = str(int(np.nanmax(row.neurons)))
    return [
        str(row.polynomial.item()),
        *whole,
        neurons,
        f"{float(row.floor):.0e}",
    ]


def _fixed(dataset: xr.Dataset) -> Check:
    spread = dataset.neurons.max("accuracy") - dataset.neurons.min("accuracy")
    built = dataset.neurons.notnull().sum("accuracy")
    finest = dataset.accuracy.where(dataset.neurons.notnull()).min("accuracy")
    counts = dataset.neurons.max("accuracy")
    return Check(
        claim="For any polynomial and any accuracy there is a network whose size does "
        "not depend on the accuracy.",
        paper="in words",
        ours="; ".join(
            f"{name}: {int(n)} neurons from {float(dataset.accuracy.max()):.0e} to "
            f"{float(a):.0e}"
            for name, n, a in zip(
                dataset.polynomial.values, counts, finest, strict=True
            )
        ),
        status=Status.REPRODUCED
        if float(spread.max()) == 0 and int(built.min()) > 1
        else Status.NOT,
        reason="what changes are the weights, the largest of which grows to "
        f"{float(dataset.weight.max()):.0e}; below "
        f"{float(dataset.floor.min()):.0e} to {float(dataset.floor.max()):.0e} 64-bit "
        "floats promise nothing, whatever the weights",
    )


def _kept(dataset: xr.Dataset) -> Check:
    share = float((dataset.error / dataset.bound).max())
    promised = float((dataset.bound / dataset.accuracy).max())
    least = float((dataset.error / dataset.bound).min())
    return Check(
        claim="The accuracy that is asked for is kept everywhere on the domain.",
        paper="in words",
        ours=f"measured over promised {least:.2f} to {share:.2f}, promised over asked "
        f"at most {promised:.2f}",
        status=Status.REPRODUCED if share <= 1 and promised <= 1 else Status.NOT,
        reason=f"{int(dataset.error.notnull().sum())} networks at corners and random "
        "points; the promise follows every gate's truncation and rounding to the "
        "output",
    )


def _four_each(dataset: xr.Dataset) -> Check:
    """Four with skip connections; slightly more, as the source says, without."""
    neurons, products = dataset.neurons.max("accuracy"), dataset.products
    skipping = neurons / products
    alone = (neurons + 2 * dataset.wires) / products
    good = bool((skipping == 4).all()) and bool((alone >= 4).all())
    near = float(alone.max()) < 2 * 4
    return Check(
        claim="The size is four neurons for each multiplication, or slightly more.",
        paper="N typically slightly larger than 4 × (number of multiplications); the "
        "formula is lost in the text",
        ours="with skip connections and without: "
        + "; ".join(
            f"{name}: {int(n)} and {int(n + 2 * w)} for {int(g)}"
            for name, n, w, g in zip(
                dataset.polynomial.values, neurons, dataset.wires, products, strict=True
            )
        ),
        status=Status.REPRODUCED
        if good and near
        else Status.PARTLY
        if good
        else Status.NOT,
        reason="every product of two is one gate of four and is made once; with skip "
        f"connections {float(skipping.min()):.2f} to {float(skipping.max()):.2f} for "
        "each, without them a number passes a layer through two neurons: "
        f"{float(alone.min()):.2f} to {float(alone.max()):.2f} (slightly is below "
        "twice four)",
    )


def _straight(dataset: xr.Dataset) -> Check:
    logs = np.log(dataset.relu_neurons.values)
    x = np.log(dataset.accuracy.values)
    power, start = np.polyfit(x, logs, 1)
    off = float(np.abs(np.expm1(logs - start - power * x)).max())
    held = float((dataset.relu_error / dataset.accuracy).max())
    last = dataset.isel(accuracy=-1)
    return Check(
        claim="Control: without curvature (ReLU, one layer) the size does depend on "
        "the accuracy.",
        paper="the activation is smooth",
        ours=f"neurons ∝ accuracy^{power:.3f}, {int(last.relu_neurons)} for uv at "
        f"{float(last.accuracy):.0e}",
        status=Status.REPRODUCED
        if abs(power + 0.5) < 0.05 and held <= 1 + 1e-9
        else Status.NOT,
        reason=f"the power leaves {off:.0%} of the counts at most, whole numbers; "
        "chains of straight pieces with the accuracy kept (measured over asked "
        f"at most {held:.2f}); four curved neurons do the same",
    )


EXHIBIT = Exhibit(
    name="polynomial",
    title="Polynomials by networks of fixed size",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
