"""The product of n numbers: 2ⁿ neurons in one layer, four for each product in a tree.

The slides: one hidden layer needs 2ⁿ neurons and not fewer, a binary tree of gates 4n,
"a mathematical advantage of deep architecture" (H. W. Lin, M. Tegmark and D. Rolnick,
J. Stat. Phys. 168, 1223 (2017), section III and appendix A). Five questions are put to
it here:

    counts       flat, tree, and k layers between (D. Rolnick and M. Tegmark,
                 arXiv:1705.05502), the slides' 32 numbers among them
    built        what floats leave of it
    certified    that fewer do not suffice, in whole numbers (`expressivity.rank`)
    premises     where "exactly 2ⁿ" has a hole: a constant after the layer, GELU at its
                 minimum, softplus at bias 0 and even n
    trained      what gradient descent finds of it in one layer, in two and in a tree,
                 which nobody has promised
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from matplotlib.axes import Axes
from scipy.optimize import brentq

from kadanoff.estimate import parenthesised
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.experiments.pieces import Piece, readings
from kadanoff.experiments.studies import over_seeds
from kadanoff.expressivity.depth import (
    Plan,
    cheapest_plan,
    flat_plan,
    layered_plan,
    product_error,
    product_network,
    quoted_neurons,
    train,
    tree_plan,
)
from kadanoff.expressivity.gates import GELU, SOFTPLUS, Activation, sign_patterns
from kadanoff.expressivity.rank import least_error, product_certificate
from kadanoff.networks.products import one_thread
from kadanoff.randomness import generator
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "PREMISES",
    "Premise",
    "Settings",
    "layer_error",
    "needed",
    "spared",
]

SLIDES = 32  # numbers of the slides' example
FLAT_UP_TO = 10  # 1024 neurons, whose best error is 1 %
SHALLOW, BETWEEN, DEEP = "flat", "two layers", "tree"


def _two_layers(inputs: int) -> Plan:
    """Groups of about √n; a tree of two layers where there are no more."""
    return layered_plan(inputs, min(2, tree_plan(inputs).depth))


PLANS = {SHALLOW: flat_plan, BETWEEN: _two_layers, DEEP: tree_plan}
BUDGETS = {"4(n - 1)": tree_plan, "2ⁿ": flat_plan}
ARMS = {
    f"{plan}, {budget}": (PLANS[plan], BUDGETS[budget])
    for plan in (SHALLOW, DEEP, BETWEEN)
    for budget in BUDGETS
}
"""Connections, and the plan whose number of neurons is allowed."""
SOLVED = 0.01  # of the variance left over
HARD = 5  # numbers from which a tree has more than two layers
SIGMAS = 4.0
LAMBDA = 2.0**-7  # of the premises: asymptotic, and all digits of 16 neurons left


@dataclass(frozen=True)
class Settings:
    """How much is built, certified and trained.

    Attributes:
        trained: how many numbers, each.
        starts: of every training.
        steps: updates of every training.
        certified: how many numbers; 2ⁿ - 1 random neurons with whole weights each.
        drawn: sets of random neurons; if one in twenty could multiply, a hundred would
            show it with 99 %.
        searches: starts of the search for the least error of one layer; of 8 neurons
            for n = 3 two in three end at 0, and twelve would all miss it once in 10⁵.
        points: where built networks are measured.
    """

    trained: tuple[int, ...]
    starts: int
    steps: int
    certified: tuple[int, ...]
    drawn: int
    searches: int
    points: int


FAST = Settings(
    trained=(2, 3),
    starts=3,
    steps=300,
    certified=(2, 3),
    drawn=5,
    searches=2,
    points=200,
)
# 4000 steps: 3000 already left the arms in the order of 2000, and more cost minutes.
FULL = Settings(
    trained=tuple(range(2, 9)),
    starts=8,
    steps=4000,
    certified=(2, 3, 4, 5),
    drawn=100,
    searches=12,
    points=2000,
)


@dataclass(frozen=True)
class Premise:
    """A premise of "exactly 2ⁿ", and fewer neurons that multiply without it.

    Attributes:
        name: what is not as presumed.
        activation, bias: of the layer.
        rows: hidden weights in units of λ, whole numbers.
        constant: whether a constant follows the layer, which is no neuron.
        degrees: those with σ⁽ᵏ⁾(a) ≠ 0.
        order: p of the error λ^p.
    """

    name: str
    activation: Activation
    bias: float
    rows: tuple[tuple[int, ...], ...]
    constant: bool
    degrees: tuple[int, ...]
    order: int

    @property
    def inputs(self) -> int:
        """n."""
        return len(self.rows[0])

    @property
    def told(self) -> list[tuple[int, ...]]:
        """The rows, and one of zeros for a constant."""
        return [*self.rows, *([(0,) * self.inputs] if self.constant else [])]


def _subsets(inputs: int) -> tuple[tuple[int, ...], ...]:
    """Sums over all subsets but the empty one: a finite difference is a derivative."""
    return tuple(r for r in itertools.product((0, 1), repeat=inputs) if any(r))


def _minimum_of_gelu() -> float:
    found: Any = brentq(lambda z: GELU.derivative(1, z), -2.0, 0.0, xtol=1e-15)
    return float(found)


PREMISES = (
    *(
        Premise(
            f"a constant after the layer, n = {n}",
            SOFTPLUS,
            1.0,  # where no derivative of order 2 to 5 vanishes
            _subsets(n),
            True,
            tuple(range(n + 1)),
            1,
        )
        for n in (2, 3, 4)
    ),
    Premise(
        "σ′ = 0: GELU at its minimum, n = 2",
        GELU,
        _minimum_of_gelu(),
        ((1, 1), (1, -1)),
        False,
        (0, 2),
        1,
    ),
    Premise(
        "σ‴ = 0: softplus at bias 0, n = 4",
        SOFTPLUS,
        0.0,
        tuple(s for s in sign_patterns(4) if s[0] == 1),
        False,
        (0, 1, 2, 4),
        2,
    ),
)


def layer_error(premise: Premise, scale: float, *, side: int = 9) -> float:
    """The largest error of the layer at λ on a grid of |x_i| ≤ 1, corners included.

    The weights after it are those of its certificate over λⁿ σ⁽ⁿ⁾(a).

    Raises:
        ValueError: neurons that cannot multiply.
    """
    n, told = premise.inputs, premise.told
    output = product_certificate(told, degrees=premise.degrees).output
    if output is None:
        raise ValueError(f"neurons that multiply are required, got {premise.name}")
    axis = torch.cos(math.pi * torch.arange(side, dtype=torch.float64) / (side - 1))
    x = torch.cartesian_prod(*[axis] * n)
    field = premise.bias + scale * x @ torch.tensor(told, dtype=torch.float64).T
    size = scale**n * premise.activation.derivative(n, premise.bias)
    w = torch.tensor([float(v) for v in output], dtype=torch.float64) / size
    return float((premise.activation.function(field) @ w - x.prod(1)).abs().max())


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Counts, built errors, certificates, premises and trainings."""
    with one_thread():
        parts = [
            _counted(),
            _built(settings, work),
            _certified(settings, work),
            _premises(),
            _searched(settings, work),
            _trained(settings, work),
        ]
    return xr.merge(parts, compat="no_conflicts", join="outer")


def draw(dataset: xr.Dataset) -> list[Section]:
    """Neurons, errors, certificates and trainings."""
    fig = figure(11.0, 7.4, 2, 2)
    for ax, panel in zip(
        fig.axes, (_draw_counts, _draw_built, _draw_least, _draw_trained), strict=True
    ):
        panel(ax, dataset)
    text = (
        "Upper left: neurons that multiply n numbers in k layers, the cheapest "
        "division of each. Upper right: the largest error of networks made by hand in "
        "64-bit floats (points) and the bound (lines); one layer loses its digits. "
        "Lower left: how near a search came, with m neurons of one layer, to the "
        "Taylor coefficients of the product up to degree n (root of the sum of "
        "squares, 1 where all weights are zero); nothing is left over at 2ⁿ. Lower "
        "right: the "
        "variance that gradient descent leaves over, a point for each start, a line "
        "through medians, by connections and number of neurons (two layers from n = "
        f"{HARD} on, where a tree has three); 1 is the constant 0, measured to ±"
        f"{_unsure(int(dataset.trained[-1])):.2f} for the most numbers."
    )
    counts = Table(("layers", "neurons", "largest group"), _counts_of(SLIDES))
    premises = Table(
        ("what is not as presumed", "neurons", "2ⁿ", "error at λ = 1/128", "λ^p: p"),
        [_premise_row(dataset.sel(premise=p)) for p in dataset.premise.values],
    )
    return [
        Section(
            "Depth and the product",
            text,
            data_uri(fig),
            tables=[counts, premises],
            remarks=[
                f"First table: {SLIDES} numbers in k layers. Second: layers that "
                "multiply with fewer than 2ⁿ neurons, and what the theorem presumes "
                "that they do not have."
            ],
        )
    ]


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """Counts, what is built, necessity with its premises, and training."""
    return [
        _slides_example(dataset),
        _layers(dataset),
        _floats(dataset),
        _necessary(dataset),
        _found(dataset),
        _each_layer(dataset),
    ]


# Computing


def _counted() -> xr.Dataset:
    """Neurons of the cheapest plan by n and k; NaN where a tree is shallower."""
    numbers, layers = np.arange(2, SLIDES + 1), np.arange(1, 6)
    count = np.full((len(numbers), len(layers)), np.nan)
    for i, n in enumerate(numbers):
        for k, depth in enumerate(layers[: tree_plan(int(n)).depth]):
            count[i, k] = cheapest_plan(int(n), int(depth)).neurons
    return xr.Dataset(
        {
            "count": (("numbers", "layers"), count),
            "tree_count": (("numbers",), [tree_plan(int(n)).neurons for n in numbers]),
        },
        {"numbers": numbers, "layers": layers},
    )


def _built(settings: Settings, work: Work) -> xr.Dataset:
    """Error, bound and neurons by plan and n, in 64-bit floats."""
    sizes = (2, 3, 4, 6, 8, 10, 16, SLIDES)
    shape = (len(PLANS), len(sizes))
    error, bound = np.full(shape, np.nan), np.full(shape, np.nan)
    told = work.progress("products built")
    for i, plan_of in enumerate(PLANS.values()):
        for k, n in enumerate(sizes):
            if plan_of(n).neurons <= 2**FLAT_UP_TO:
                net = product_network(plan_of(n))
                rng = generator(work.subseed("points", i, k))
                error[i, k] = product_error(net, rng=rng, points=settings.points)
                bound[i, k] = net.bound
            told(i * len(sizes) + k + 1, len(PLANS) * len(sizes))
    axes = ("plan", "built")
    return xr.Dataset(
        {"error": (axes, error), "bound": (axes, bound)},
        {"plan": list(PLANS), "built": list(sizes)},
    )


def _certified(settings: Settings, work: Work) -> xr.Dataset:
    """How many sets of 2ⁿ - 1 neurons can multiply: random ones, and the gate's own.

    Random sets of 2ⁿ are a control of the random ones: they miss what the signs have.
    """
    found: dict[str, list[int]] = {"able": [], "less_able": [], "random_able": []}
    for n in settings.certified:
        rng, signs = generator(work.subseed("certificate", n)), sign_patterns(n)
        less = [[*signs[:k], *signs[k + 1 :]] for k in range(len(signs))]
        random = (
            rng.integers(-9, 10, (settings.drawn, m, n)).tolist()
            for m in (2**n - 1, 2**n)
        )
        for name, sets in zip(found, (next(random), less, next(random)), strict=True):
            found[name].append(sum(product_certificate(a).possible for a in sets))
    gates = [product_certificate(sign_patterns(n)) for n in settings.certified]
    return xr.Dataset(
        {
            **{name: (("certified",), count) for name, count in found.items()},
            "signs_able": (("certified",), [int(g.possible) for g in gates]),
            "drawn": ((), settings.drawn),
        },
        {"certified": list(settings.certified)},
    )


def _premises() -> xr.Dataset:
    """Fewer neurons without a premise: able, with it: not; and their errors."""
    coarse = [layer_error(p, 2 * LAMBDA) for p in PREMISES]
    fine = [layer_error(p, LAMBDA) for p in PREMISES]
    able = [product_certificate(p.told, degrees=p.degrees).possible for p in PREMISES]
    kept = [product_certificate(p.rows).possible for p in PREMISES]
    columns = {
        "spared": [len(p.rows) for p in PREMISES],
        "whole": [2**p.inputs for p in PREMISES],
        "premise_error": fine,
        "premise_power": np.log2(np.array(coarse) / fine),
        "premise_order": [p.order for p in PREMISES],
        "without_premise": np.array(able, dtype=int),
        "with_premise": np.array(kept, dtype=int),
    }
    return xr.Dataset(
        {name: (("premise",), c) for name, c in columns.items()},
        {"premise": [p.name for p in PREMISES]},
    )


def _searched(settings: Settings, work: Work) -> xr.Dataset:
    """The least error found of m neurons for two and three numbers."""
    found = {}
    for n in (2, 3):
        errors = []
        for m in range(1, 2**n + 1):
            rng = generator(work.subseed("least", n, m))
            search = least_error(n, m, rng=rng, starts=settings.searches)
            errors.append(search.errors[0])
        found[f"least_{n}"] = ((f"neurons_{n}",), np.array(errors))
    coordinates = {f"neurons_{n}": np.arange(1, 2**n + 1) for n in (2, 3)}
    return xr.Dataset(found, coordinates)


def _trained(settings: Settings, work: Work) -> xr.Dataset:
    """What is left over by n, arm and start; NaN where two layers are the tree."""
    left = np.full((len(settings.trained), len(ARMS), settings.starts), np.nan)
    places = [
        (i, k)
        for i, n in enumerate(settings.trained)
        for k, (plan_of, _) in enumerate(ARMS.values())
        if plan_of is not _two_layers or n >= HARD
    ]
    pieces = [
        _training(n, k, settings, work.subseed("training", n, k))
        for n, k in ((settings.trained[i], k) for i, k in places)
    ]
    for place, found in zip(
        places, readings(pieces, work, "products trained"), strict=True
    ):
        left[place] = found["left"]
    return xr.Dataset(
        {"left": (("trained", "arm", "start"), left)},
        {"trained": list(settings.trained), "arm": list(ARMS)},
    )


def _training(numbers: int, arm: int, settings: Settings, seed: int) -> Piece:
    """One training of all starts, a run of its own."""
    plan, budget = (of(numbers) for of in list(ARMS.values())[arm])
    about = {
        "layers": plan.layers,
        "neurons": budget.neurons,
        "starts": settings.starts,
        "steps": settings.steps,
        "seed": seed,
    }

    def find() -> dict[str, list[float]]:
        found = train(
            plan,
            neurons=budget.neurons,
            starts=settings.starts,
            steps=settings.steps,
            seed=seed,
        )
        return {"left": found.losses.tolist()}

    return Piece("lin2017-product", about, find)


# Drawing


def _draw_counts(ax: Axes, dataset: xr.Dataset) -> None:
    for k, colour in zip(dataset.layers.values, PALETTE, strict=False):
        row = dataset["count"].sel(layers=k)
        ax.semilogy(dataset.numbers, row, color=colour, label=f"k = {k}")
    ax.semilogy(dataset.numbers, dataset.tree_count, "k:", label="4(n - 1)")
    ax.set_xlabel("numbers n")
    ax.set_ylabel("neurons")
    ax.legend(fontsize=8, frameon=False)


def _draw_built(ax: Axes, dataset: xr.Dataset) -> None:
    for plan, colour in zip(dataset.plan.values, PALETTE, strict=False):
        row = dataset.sel(plan=plan)
        ax.loglog(row.built, row.error, "o", ms=4, color=colour, label=str(plan))
        ax.loglog(row.built, row.bound, "-", lw=1, color=colour)
    ax.set_xlabel("numbers n")
    ax.set_xticks(dataset.built.values, [str(n) for n in dataset.built.values])
    ax.minorticks_off()
    ax.set_ylabel("largest error, |x| ≤ 1")
    ax.legend(fontsize=8, frameon=False)


def _draw_least(ax: Axes, dataset: xr.Dataset) -> None:
    for n, colour in zip((2, 3), PALETTE, strict=False):
        errors = np.maximum(dataset[f"least_{n}"], 1e-14)
        m = dataset[f"neurons_{n}"]
        ax.semilogy(m, errors, "o-", ms=4, color=colour, label=f"n = {n}")
        ax.axvline(2**n, color=colour, lw=0.8, ls=":")
    ax.set_xlabel("neurons of one layer")
    ax.set_ylabel("least error of one layer that was found")
    ax.legend(fontsize=8, frameon=False)


def _draw_trained(ax: Axes, dataset: xr.Dataset) -> None:
    for k, (arm, colour) in enumerate(zip(dataset.arm.values, PALETTE, strict=False)):
        row = dataset["left"].sel(arm=arm)
        at = dataset.trained + 0.12 * (k - 2.5)
        ax.semilogy(at, row, ".", ms=4, color=colour)
        ax.semilogy(at, row.median("start"), "-", lw=1.2, color=colour, label=str(arm))
    ax.axhline(SOLVED, color="k", lw=0.8, ls=":")
    ax.set_xlabel("numbers n")
    ax.set_xticks(dataset.trained.values)
    ax.set_ylabel("share of the variance left over")
    ax.legend(fontsize=8, frameon=False)


def _unsure(numbers: int) -> float:
    """Standard error of ⟨(Πx)²⟩ on 2¹⁴ points: ⟨x⁴⟩ = 9/5 for each number."""
    return math.sqrt((1.8**numbers - 1) / 2**14)


def _counts_of(numbers: int) -> list[list[str]]:
    plans = [cheapest_plan(numbers, k) for k in range(1, tree_plan(numbers).depth + 1)]
    return [[str(p.depth), str(p.neurons), str(max(map(max, p.layers)))] for p in plans]


def _premise_row(row: xr.Dataset) -> list[str]:
    return [
        str(row.premise.item()),
        str(int(row.spared)),
        str(int(row.whole)),
        f"{float(row.premise_error):.1e}",
        f"{float(row.premise_power):.2f}",
    ]


# Judging


def _slides_example(dataset: xr.Dataset) -> Check:
    at = dataset.sel(numbers=SLIDES)
    flat, tree = float(at["count"].sel(layers=1)), int(at.tree_count)
    built = dataset.sel(plan=DEEP, built=SLIDES)
    right = flat == 2**SLIDES and tree == 4 * (SLIDES - 1)
    good = right and float(built.error) <= float(built.bound) < 1e-6
    return Check(
        claim=f"{SLIDES} numbers take 2^{SLIDES} neurons in one layer and 4n in a deep "
        "network.",
        paper="in words; the two numbers are lost in the text at hand",
        ours=f"{int(flat)} neurons in one layer, {tree} in {tree_plan(SLIDES).depth}",
        status=Status.REPRODUCED if good else Status.NOT,
        reason=f"the tree was built and multiplies {SLIDES} numbers within "
        f"{float(built.error):.0e} (bound {float(built.bound):.0e}); 4(n - 1), "
        "four for each of n - 1 products, is four fewer than 4n",
    )


def _layers(dataset: xr.Dataset) -> Check:
    ratios = {
        (b, k): layered_plan(b**k, k).neurons / quoted_neurons(b**k, k)
        for b in range(2, 9)
        for k in range(1, 6)
        if b**k <= 4096
    }
    (b, k), worst = max(ratios.items(), key=lambda item: item[1])
    least = min(ratios.values())
    at = dataset["count"].sel(numbers=SLIDES)
    return Check(
        claim="Each layer pays: k layers take about n^{(k-1)/k} 2^{n^{1/k}} neurons.",
        paper="not on the slides; arXiv:1705.05502 by memory",
        ours=f"{SLIDES} numbers: "
        + ", ".join(
            f"{int(c)} in {int(l)}" for c, l in zip(at, at.layers, strict=True)
        ),
        status=Status.REPRODUCED if least >= 1 and worst <= 2 else Status.NOT,
        reason=f"over {len(ratios)} powers n = b^k the count is {least:.2f} to "
        f"{worst:.2f} times that, most at b = {b}, k = {k}",
    )


def _floats(dataset: xr.Dataset) -> Check:
    flat = dataset["error"].sel(plan=SHALLOW).dropna("built")
    tree = dataset["error"].sel(plan=DEEP)
    last = int(flat.built[-1])
    kept = bool((dataset.error.fillna(0) <= dataset.bound.fillna(0)).all())
    wins = float(tree.max()) < 1e-6 < 1e-4 < float(flat[-1])
    return Check(
        claim="In floats depth is needed for another reason: one layer loses its "
        "digits.",
        paper="not on the slides",
        ours=f"best error of one layer {float(flat[0]):.0e} for {int(flat.built[0])} "
        f"numbers and {float(flat[-1]):.0e} for {last}; of a tree "
        f"{float(tree.sel(built=last)):.0e} for {last}, {float(tree[-1]):.0e} for "
        f"{SLIDES}",
        status=Status.REPRODUCED if kept and wins else Status.NOT,
        reason="the 2ⁿ neurons of a flat product cancel down to λⁿ: its best error is "
        "about ε^{4/(n+4)}, a tree keeps ε^⅔; all errors are within their bounds",
    )


def needed(dataset: xr.Dataset) -> bool:
    """Whether no set of 2ⁿ - 1 neurons multiplies, and the gate of 2ⁿ does."""
    none = not (dataset.able.any() or dataset.less_able.any())
    return none and bool(dataset.signs_able.all())


def spared(dataset: xr.Dataset) -> list[str]:
    """Premises without which fewer neurons multiply."""
    return [str(p) for p in dataset.premise[dataset.without_premise == 1].values]


def _necessary(dataset: xr.Dataset) -> Check:
    holes = spared(dataset)
    found = {n: dataset[f"least_{n}"].values for n in (2, 3)}
    closed = all(e[-1] < 1e-9 < 1e-3 < e[:-1].min() for e in found.values())
    proved = needed(dataset) and not dataset.with_premise.any()
    if not proved:
        status = Status.NOT
    else:
        status = Status.PARTLY if len(holes) or not closed else Status.REPRODUCED
    lucky = int(dataset.random_able.sum())
    fewer = ", ".join(
        f"{name} ({int(row.spared)} neurons instead of {int(row.whole)})"
        for name in holes
        for row in [dataset.sel(premise=name)]
    )
    return Check(
        claim="No layer of fewer than 2ⁿ neurons multiplies n numbers.",
        paper="2ⁿ",
        ours="of sets of 2ⁿ - 1 neurons "
        + ", ".join(
            f"{int(a)} of {int(dataset.drawn)} random ones and {int(l)} of {2**n} "
            f"that the gate of 2ⁿ contains (n = {n})"
            for n, a, l in zip(
                dataset.certified.values, dataset.able, dataset.less_able, strict=True
            )
        )
        + " multiply; the least error found below 2ⁿ is "
        + ", ".join(f"{e[-2]:.2f} for n = {n}" for n, e in found.items()),
        status=status,
        reason="proved by rank, exactly, for one bias, no constant after the layer and "
        f"no vanishing derivative; each premise is needed, since without it {fewer} "
        f"multiply; 2ⁿ neurons must be the right ones, of random sets {lucky} multiply"
        if len(holes)
        else "proved by rank, and no premise was found to be needed",
    )


def _found(dataset: xr.Dataset) -> Check:
    left = dataset["left"].sel(arm=_arms(DEEP))
    some = _numbers(left.min("start"))
    half = _numbers(left.median("start"))
    first, last = int(dataset.trained[0]), int(dataset.trained[-1])
    if last < HARD:
        status = Status.OPEN
    elif len(half) == len(dataset.trained):
        status = Status.REPRODUCED
    else:
        status = Status.PARTLY if some else Status.NOT
    at = left.sel(trained=last)
    return Check(
        claim="What a deep network can express, gradient descent finds.",
        paper="not claimed; asked here",
        ours=f"share of the variance left over for n = {last}: "
        + "; ".join(
            f"{arm} {over_seeds(at.sel(arm=arm).values)}" for arm in at.arm.values
        ),
        status=status,
        reason=f"of n = {first} to {last} the better of two trees leaves less than "
        f"{SOLVED:.0%} from half of its {left.sizes['start']} starts for n = "
        f"{_listed(half)} and at least once for n = {_listed(some)}"
        + (f"; decided by n ≥ {HARD}, in the full settings" if last < HARD else ""),
    )


def _arms(plan: str) -> list[str]:
    return [f"{plan}, {budget}" for budget in BUDGETS]


def _numbers(left: xr.DataArray) -> list[int]:
    """n for which one of the arms leaves next to nothing."""
    solved = (left < SOLVED).any("arm")
    return [int(n) for n in left.trained.values if bool(solved.sel(trained=n))]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"


STEPS = ((SHALLOW, BETWEEN), (BETWEEN, DEEP))
"""Connections of which the second has the more layers."""


def _each_layer(dataset: xr.Dataset) -> Check:
    """One layer against two, two against a tree, with as many neurons."""
    gains = {
        f"{budget} neurons, {worse} to {better}": _gain(
            dataset, f"{worse}, {budget}", f"{better}, {budget}"
        )
        for budget in BUDGETS
        for worse, better in STEPS
    }
    pulls = [value / error for value, error in gains.values() if error > 0]
    won = [p > SIGMAS for p in pulls]
    if any(p < -SIGMAS for p in pulls):
        status = Status.NOT
    elif len(won) == len(gains) and all(won):
        status = Status.REPRODUCED
    else:
        status = Status.PARTLY if any(won) else Status.OPEN
    last = int(dataset.trained[-1])
    return Check(
        claim="Each layer also helps to find it: of networks with equally many neurons "
        "gradient descent leaves less in two layers than in one, and less in a tree.",
        paper="not claimed; asked here",
        ours="powers of ten by which less is left over: "
        + "; ".join(f"{name} {parenthesised(*g)}" for name, g in gains.items())
        if pulls
        else "nothing, two layers are a tree",
        status=status,
        reason=f"means over n = {HARD} to {last} and {dataset.sizes['start']} starts; "
        f"from {min(pulls):.1f} to {max(pulls):.1f} errors"
        + ("; decided by more starts" if status is Status.OPEN else "")
        if pulls
        else f"decided by n ≥ {HARD}, in the full settings",
    )


def _gain(dataset: xr.Dataset, worse: str, better: str) -> tuple[float, float]:
    """⟨log₁₀(worse/better)⟩ over n and starts and its error; NaN where not trained."""
    hard = dataset["left"].where(dataset.trained >= HARD, drop=True)
    logs = hard.copy(data=np.log10(hard.values))
    means, squares = logs.mean("start"), logs.var("start", ddof=1)
    count = logs.sizes["trained"]
    if not count:
        return np.nan, np.nan
    apart = float((means.sel(arm=worse) - means.sel(arm=better)).mean())
    both = squares.sel(arm=worse) + squares.sel(arm=better)
    return apart, float(np.sqrt(both.sum() / logs.sizes["start"])) / count


EXHIBIT = Exhibit(
    name="depth",
    title="Depth and the product",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
