"""A network is known by its outputs: weights come back up to order and sign.

C. Fefferman, Rev. Mat. Iberoamericana 10, 507 (1994): the outputs of a generic network
of tanh determine its layers and weights, up to the order of the neurons in a layer and
the sign of each (tanh is odd). That is about all outputs and exact knowledge. Here a
student of the teacher's size is fitted to its outputs at points, by least squares from
random starts: how often it agrees with them, and whether it then has the weights.
Control: without tanh every start agrees, and none has the weights.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy.optimize import least_squares, linear_sum_assignment

from kadanoff.experiments.exhibit import Check, Status, Work
from kadanoff.experiments.pieces import Piece, readings
from kadanoff.experiments.studies import over_seeds
from kadanoff.randomness import generator
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section

__all__ = ["Settings", "checks", "compute", "outputs", "section", "weights_apart"]

AGREES = 1e-9  # root mean square difference of outputs
SAME = 1e-5  # largest difference of weights: AGREES over the least curvature
SPREAD = 1.5  # of the inputs, so that tanh is neither linear nor saturated

Layers = list[np.ndarray]  # each (out, in + 1), biases in the last column


@dataclass(frozen=True)
class Settings:
    """Which networks, and how often.

    Attributes:
        shapes: widths from the inputs to the output.
        teachers: of each shape.
        starts: of a student for each teacher.
        queries: points at which the teacher is asked.
        tries: evaluations of one fit.
    """

    shapes: tuple[tuple[int, ...], ...]
    teachers: int
    starts: int
    queries: int = 300
    tries: int = 150


FAST = Settings(shapes=((2, 3, 1),), teachers=2, starts=5)
FULL = Settings(
    shapes=((2, 3, 1), (2, 4, 1), (2, 3, 2, 1)), teachers=6, starts=20, tries=300
)


def outputs(
    layers: Layers, x: np.ndarray, function: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Of inputs `(points, in)`, `(points, out)`; the function follows every layer."""
    state = x
    for layer in layers:
        state = function(state @ layer[:, :-1].T + layer[:, -1])
    return state


def weights_apart(student: Layers, teacher: Layers) -> float:
    """The largest difference of weights once neurons are ordered and signs turned.

    Layer by layer the assignment with the least sum of squared differences of incoming
    weights, a neuron and its negative being the same.

    >>> one = [np.array([[1.0, 2, 3], [4, 5, 6]]), np.array([[7.0, 8, 9]])]
    >>> two = [np.array([[4.0, 5, 6], [-1, -2, -3]]), np.array([[8.0, -7, 9]])]
    >>> weights_apart(one, two)
    0.0
    """
    student = [layer.copy() for layer in student]
    worst = 0.0
    for k, (mine, theirs) in enumerate(zip(student, teacher, strict=True)):
        last = k == len(teacher) - 1
        signs = (1,) if last else (1, -1)  # the sign of an output is seen
        apart = np.stack(
            [((mine[:, None] - s * theirs) ** 2).sum(-1) for s in signs], axis=-1
        )
        _, order = linear_sum_assignment(apart.min(-1).T)
        turn = np.array([signs[apart[i, j].argmin()] for j, i in enumerate(order)])
        worst = max(worst, float(np.abs(turn[:, None] * mine[order] - theirs).max()))
        if not last:
            following = student[k + 1]
            following[:, :-1] = following[:, :-1][:, order] * turn
    return worst


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Differences of outputs and of weights by shape, teacher and start."""
    size = (len(settings.shapes), settings.teachers, settings.starts)
    pieces = [
        _students(shape, settings, work.subseed("teacher", i, k), linear=k == 0)
        for i, shape in enumerate(settings.shapes)
        for k in range(settings.teachers)
    ]
    found = readings(pieces, work, "networks recovered")
    data = {n: np.reshape([one[n] for one in found], size) for n in NAMES}
    # Of each shape the first teacher's students without tanh.
    first = found[:: settings.teachers]
    control = {n: np.array([one[f"linear_{n}"] for one in first]) for n in NAMES}
    axes = ("shape", "teacher", "fit")
    variables = {n: (axes, v) for n, v in data.items()}
    variables |= {f"linear_{n}": (axes[:1], v) for n, v in control.items()}
    return xr.Dataset(
        variables, {"shape": ["-".join(map(str, s)) for s in settings.shapes]}
    )


NAMES = ("outputs", "weights")


def _students(
    shape: tuple[int, ...], settings: Settings, seed: int, *, linear: bool
) -> Piece:
    """All students of one teacher, a run of its own."""
    about = {
        "shape": shape,
        "starts": settings.starts,
        "queries": settings.queries,
        "tries": settings.tries,
        "seed": seed,
        "linear": linear,
    }

    def find() -> dict[str, Any]:
        rng = generator(seed)
        teacher, x = _drawn(shape, rng), _inputs(shape, settings.queries, rng)
        fits = [
            _fitted(teacher, x, np.tanh, settings.tries, rng)
            for _ in range(settings.starts)
        ]
        found: dict[str, Any] = dict(zip(NAMES, zip(*fits, strict=True), strict=True))
        if linear:
            straight = _fitted(teacher, x, lambda z: z, settings.tries, rng)
            found |= {f"linear_{n}": v for n, v in zip(NAMES, straight, strict=True)}
        return found

    return Piece("lin2017-recovered", about, find)


def section(dataset: xr.Dataset) -> Section:
    """Difference of weights against that of outputs, one point for each fit."""
    fig = figure(7.0, 4.2)
    (ax,) = fig.axes
    for shape, colour in zip(dataset["shape"].values, PALETTE, strict=False):
        at = dataset.sel(shape=shape)
        ax.loglog(
            np.maximum(at.outputs.values.ravel(), 1e-17),
            np.maximum(at["weights"].values.ravel(), 1e-17),
            "o", ms=4, alpha=0.6, color=colour, label=str(shape),
        )  # fmt: skip
        linear = float(at.linear_outputs), float(at.linear_weights)
        ax.loglog(*np.maximum(linear, 1e-17), "x", ms=7, color=colour)
    ax.axvline(AGREES, color="k", lw=0.8, ls=":")
    ax.set_xlabel("difference of outputs, root mean square")
    ax.set_ylabel("largest difference of weights")
    ax.legend(fontsize=8, frameon=False)
    text = (
        "Students fitted to the outputs of teachers of their own widths: those that "
        "agree (left) have the weights too, up to order and sign; the others are "
        "stuck. Crosses: networks without tanh agree and have other weights."
    )
    title = "Further reading: a network known by its outputs"
    return Section(title, text, data_uri(fig))


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """Who agrees has the weights, and how often that is."""
    agrees = dataset.outputs < AGREES
    same = dataset["weights"] < SAME
    both, wrong = int((agrees & same).sum()), int((agrees & ~same).sum())
    linear = bool(
        ((dataset.linear_outputs < AGREES) & (dataset.linear_weights > SAME)).all()
    )
    shares = {
        str(s): over_seeds(agrees.sel(shape=s).mean("fit").values)
        for s in dataset["shape"].values
    }
    if wrong:
        status = Status.NOT
    else:
        status = Status.REPRODUCED if both and linear else Status.OPEN
    found = agrees.any("fit")
    some = Status.PARTLY if bool(found.any()) else Status.NOT
    return [
        Check(
            claim="The outputs of a tanh network determine its weights, up to order "
            "and sign.",
            paper="Fefferman (1994), a theorem about generic networks",
            ours=f"of {both + wrong} students that agree within {AGREES:.0e} {both} "
            f"have all weights within {SAME:.0e}",
            status=status,
            reason="the largest difference among them is "
            f"{float(dataset['weights'].where(agrees).max()):.0e}; control without "
            f"tanh: {'all' if linear else 'not all'} agree and have other weights",
        ),
        Check(
            claim="They can be found from finitely many outputs by fitting.",
            paper="not claimed; asked here",
            ours="share of the starts: "
            + ", ".join(f"{s} {e}" for s, e in shares.items()),
            status=Status.REPRODUCED if bool(found.all()) else some,
            reason=f"{int(found.sum())} of {found.size} teachers are found by at least "
            f"one of {dataset.sizes['fit']} starts; the others end at local minima or "
            "on the way",
        ),
    ]


def _drawn(shape: Sequence[int], rng: np.random.Generator) -> Layers:
    """Weights of variance one."""
    pairs = itertools.pairwise(shape)
    return [rng.normal(size=(out, into + 1)) for into, out in pairs]


def _inputs(shape: Sequence[int], queries: int, rng: np.random.Generator) -> np.ndarray:
    return SPREAD * rng.normal(size=(queries, shape[0]))


def _fitted(
    teacher: Layers,
    x: np.ndarray,
    function: Callable[[np.ndarray], np.ndarray],
    tries: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Differences of outputs and of weights of one student."""
    shapes = [layer.shape for layer in teacher]
    ends = np.cumsum([np.prod(s) for s in shapes])
    wanted = outputs(teacher, x, function)

    def unpacked(flat: np.ndarray) -> Layers:
        parts = np.split(flat, ends[:-1])
        return [p.reshape(s) for p, s in zip(parts, shapes, strict=True)]

    def missed(flat: np.ndarray) -> np.ndarray:
        return (outputs(unpacked(flat), x, function) - wanted).ravel()

    best = least_squares(
        missed,
        rng.normal(size=ends[-1]),
        jac="3-point",  # a forward difference stops at outputs 1e-8 apart
        max_nfev=tries,
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
    )
    apart = float(np.sqrt((missed(best.x) ** 2).mean()))
    return apart, weights_apart(unpacked(best.x), teacher)
