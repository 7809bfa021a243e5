"""Depth alone makes no bad minima, but it makes saddles without curvature.

H. Lu and K. Kawaguchi, arXiv:1702.08580; K. Kawaguchi, arXiv:1605.07110: the squared
error of a deep linear network, ½⟨|y - W₃W₂W₁x|²⟩, has no local minimum that is not
global, on any data; what is critical and not global is a saddle. The least error for a
layer of r neurons is known: of M = ⟨yxᵀ⟩⟨xxᵀ⟩^{-1/2} the r largest singular values are
learned. Control: three layers with tanh between them and a teacher of their own kind,
so that the least error is 0: least squares (Levenberg and Marquardt) end at others too.

All critical points that learn a set of modes, W₃W₂W₁⟨xxᵀ⟩^{1/2} = Σ_{i∈S} u_i s_i v_iᵀ,
are built here with unit weights along these modes, spare neurons of the outer layers at
0, and those of the middle one at 1 or at 0. Whether the Hessian shows the way down:

    a weaker mode in place of a stronger one            negative curvature
    a mode missing, spare middle weight 1               negative curvature, -s
    the strongest modes alone, spare middle weight 0    none: down by s δ³ only

The last kind does not exist with two layers. Theorem 2.3 of arXiv:1605.07110 has
negative curvature where W₃W₂ has the full rank r, which there it has not.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from scipy.optimize import least_squares
from torch import Tensor

from kadanoff.experiments.exhibit import Check, Status, Work
from kadanoff.randomness import generator
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section

__all__ = ["Settings", "checks", "compute", "section"]

INPUTS, WIDTH, OUTPUTS, POINTS = 6, 3, 5, 60
NOISE = 0.3  # of y beside its linear part: minima are not zero
FLAT = 1e-8  # of gradients, curvatures and errors: zero
THERE = 1e-6  # of the error above the least: the global minimum
ENDED = 1e-6  # slope of a control that has ended
TEACHER = (
    1.5  # weights of the control's teachers, so that tanh is neither linear nor ±1
)
CONTROL = ((2, 2), (2, 2), (1, 2))  # weights of its three layers, (out, in)
ROUNDING = 1e-15  # of errors of order one
STEP = 0.05  # along the way down without curvature


@dataclass(frozen=True)
class Settings:
    """How often and how long is descended.

    Attributes:
        starts: random ones, of each network.
        steps: of gradient descent.
        rate: of its first step; it grows by 2 % with each good one and is halved by
            one that climbs.
        controls: starts of the control, each with a teacher of its own.
    """

    starts: int
    steps: int
    controls: int
    rate: float = 0.05


FAST = Settings(starts=8, steps=1500, controls=8)
FULL = Settings(starts=100, steps=20_000, controls=50)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Errors above the least by start, and curvatures at critical points."""
    x, y = _data(work)
    covariance = x @ x.T / POINTS
    root = _root(covariance)
    u, s, v = np.linalg.svd(y @ x.T / POINTS @ np.linalg.inv(root))
    constant = (y**2).sum() / POINTS / 2
    least = constant - (s[:WIDTH] ** 2).sum() / 2
    data = {"spectrum": (("mode_number",), s), "least_error": ((), least)}
    data["linear_end"], data["linear_slope"] = (
        (("descent",), found)
        for found in _descents(x, y, settings, work.subseed("descents"))
    )
    told = work.progress("networks with tanh")
    ends = []
    for start in range(settings.controls):
        ends.append(_tanh_end(generator(work.subseed("tanh", start))))
        told(start + 1, settings.controls)
    data["tanh_end"], data["tanh_slope"] = (
        (("control_descent",), np.array(found)) for found in zip(*ends, strict=True)
    )
    rows = []
    for learned, spare in _kinds():
        weights = _critical(learned, spare, u, s, v, root)
        rows.append(_judged(weights, x, y, least, u, v, root))
    columns = ("gradient", "above", "curvature", "way_down")
    for name, column in zip(columns, zip(*rows, strict=True), strict=True):
        data[name] = (("critical",), np.array(column))
    data["strongest"] = (
        ("critical",),
        np.array([int(l == tuple(range(len(l)))) for l, _ in _kinds()]),
    )
    data["learned_modes"] = (("critical",), [len(l) for l, _ in _kinds()])
    data["spare"] = (("critical",), [int(m) for _, m in _kinds()])
    return xr.Dataset(data)


def section(dataset: xr.Dataset) -> Section:
    """Where descents end, and the least curvature at every critical point."""
    fig = figure(11.0, 3.9, 1, 2)
    left, right = fig.axes
    above = {
        "linear": dataset.linear_end - dataset.least_error,
        "tanh (control)": dataset.tanh_end,
    }
    for (name, ends), colour in zip(above.items(), PALETTE, strict=False):
        share = (np.arange(ends.size) + 0.5) / ends.size
        left.semilogy(share, np.sort(np.maximum(ends, 1e-16)), ".", color=colour)
        left.plot([], [], "o", color=colour, label=name)
    left.axhline(THERE, color="k", lw=0.8, ls=":")
    left.set_xlabel("share of the starts")
    left.set_ylabel("error above the least, at the end")
    left.legend(fontsize=8, frameon=False)
    for (name, which), colour in zip(_classes(dataset).items(), PALETTE, strict=False):
        at = dataset.isel(critical=which)
        right.plot(at.above, at.curvature, "o", ms=4, color=colour, label=name)
    right.axhline(0, color="k", lw=0.8)
    right.set_xlabel("error above the least")
    right.set_ylabel("least eigenvalue of the Hessian")
    right.legend(fontsize=8, frameon=False)
    text = (
        f"Left: a linear network of widths {INPUTS}, {WIDTH}, {WIDTH}, {OUTPUTS} and "
        "one with tanh between its layers; each point is a random start, below the "
        "dotted line it has the least error there is. "
        "Right: critical points of the linear one, built from its modes; some are no "
        "minima and have no negative curvature."
    )
    title = "Further reading: no bad minima in linear networks"
    return Section(title, text, data_uri(fig))


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """All descents reach the least error; saddles, with and without curvature."""
    return [_reached(dataset), _saddles(dataset), _curved(dataset)]


def _data(work: Work) -> tuple[np.ndarray, np.ndarray]:
    """Inputs `(inputs, points)` with unequal variances, and noisy linear outputs."""
    rng = generator(work.subseed("landscape"))
    mixing = rng.normal(size=(INPUTS, INPUTS)) / np.sqrt(INPUTS) + np.eye(INPUTS)
    x = mixing @ rng.normal(size=(INPUTS, POINTS))
    x *= np.sqrt(POINTS) / np.linalg.norm(x, 2)  # the largest variance is one
    teacher = rng.normal(size=(OUTPUTS, INPUTS))
    return x, teacher @ x + NOISE * rng.normal(size=(OUTPUTS, POINTS))


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(values) @ vectors.T


Weights = list[np.ndarray]


def _shapes() -> list[tuple[int, int]]:
    return [(WIDTH, INPUTS), (WIDTH, WIDTH), (OUTPUTS, WIDTH)]


def _descents(
    x: np.ndarray,
    y: np.ndarray,
    settings: Settings,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Errors and gradients at the ends, `(starts,)`; all starts at once."""
    noise = torch.Generator().manual_seed(seed)
    inputs, outputs = torch.from_numpy(x), torch.from_numpy(y)
    weights = [
        (
            torch.randn(settings.starts, *shape, generator=noise, dtype=torch.float64)
            / shape[1] ** 0.5
        ).requires_grad_()
        for shape in _shapes()
    ]

    def judged() -> tuple[Tensor, list[Tensor]]:
        errors = _error(weights, inputs, outputs)
        slopes = torch.autograd.grad(errors.sum(), weights)
        return errors.detach(), list(slopes)

    errors, slopes = judged()
    rates = torch.full((settings.starts, 1, 1), settings.rate, dtype=torch.float64)
    for _ in range(settings.steps):
        before = [w.detach().clone() for w in weights]
        with torch.no_grad():
            for w, slope in zip(weights, slopes, strict=True):
                w -= rates * slope
        new_errors, new_slopes = judged()
        # A step that climbs was too long: it is taken back, and the next are shorter.
        good = (new_errors <= errors + ROUNDING)[:, None, None]
        with torch.no_grad():
            for w, old in zip(weights, before, strict=True):
                w.copy_(torch.where(good, w, old))
        slopes = [
            torch.where(good, n, o) for n, o in zip(new_slopes, slopes, strict=True)
        ]
        errors = torch.where(good[:, 0, 0], new_errors, errors)
        rates = torch.where(good, rates * 1.02, rates / 2)
    size = torch.stack([g.square().sum((1, 2)) for g in slopes]).sum(0).sqrt()
    return errors.numpy(), size.numpy()


def _tanh_end(rng: np.random.Generator) -> tuple[float, float]:
    """Error and gradient where least squares from one start end; teacher of its own."""
    x = rng.normal(size=(CONTROL[0][1], POINTS))
    ends = np.cumsum([out * into for out, into in CONTROL])

    def values(flat: np.ndarray) -> np.ndarray:
        parts = np.split(flat, ends[:-1])
        first, second, third = (
            p.reshape(n) for p, n in zip(parts, CONTROL, strict=True)
        )
        return third @ np.tanh(second @ np.tanh(first @ x))

    wanted = values(TEACHER * rng.normal(size=ends[-1]))
    tight = dict.fromkeys(("xtol", "ftol", "gtol"), 1e-15)
    best = least_squares(
        lambda flat: (values(flat) - wanted).ravel() / np.sqrt(POINTS),
        rng.normal(size=ends[-1]),
        method="lm",
        **tight,
    )
    return float(best.cost), float(best.optimality)


def _error(weights: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """½⟨|y - W₃W₂W₁x|²⟩ of weights `(…, out, in)`."""
    first, second, third = weights
    values = third @ second @ first @ x
    return (y - values).square().sum((-1, -2)) / x.shape[-1] / 2


def _kinds() -> list[tuple[tuple[int, ...], float]]:
    """Modes that are learned, and the spare middle weight where one is spare."""
    modes = range(OUTPUTS)
    found = []
    for many in range(WIDTH + 1):
        for learned in itertools.combinations(modes, many):
            found += [(learned, m) for m in ((1.0,) if many == WIDTH else (1.0, 0.0))]
    return found


def _critical(
    learned: Sequence[int],
    spare: float,
    u: np.ndarray,
    s: np.ndarray,
    v: np.ndarray,
    root: np.ndarray,
) -> Weights:
    """Weights with W₃W₂W₁ √C = Σ_S u s vᵀ; v is `(modes, inputs)`."""
    first, second, third = (np.zeros(shape) for shape in _shapes())
    second += spare * np.eye(WIDTH)
    for row, mode in enumerate(learned):
        first[row], third[:, row], second[row, row] = v[mode], u[:, mode], s[mode]
    return [first @ np.linalg.inv(root), second, third]


def _judged(
    weights: Weights,
    x: np.ndarray,
    y: np.ndarray,
    least: float,
    u: np.ndarray,
    v: np.ndarray,
    root: np.ndarray,
) -> tuple[float, ...]:
    """Gradient, error above the least, least curvature, and change along a spare path.

    The path lets all three spare weights grow along the strongest mode not learned.
    """
    inputs, outputs = torch.from_numpy(x), torch.from_numpy(y)
    sizes = [w.size for w in weights]

    def error(flat: Tensor) -> Tensor:
        parts = flat.split(sizes)
        shaped = [p.reshape(n) for p, n in zip(parts, _shapes(), strict=True)]
        return _error(shaped, inputs, outputs)

    at = torch.from_numpy(np.concatenate([w.ravel() for w in weights]))
    gradient = torch.autograd.functional.jacobian(error, at)
    hessian = torch.autograd.functional.hessian(error, at)
    there = float(error(at))
    moved = torch.from_numpy(
        np.concatenate([w.ravel() for w in _moved(weights, u, v, root)])
    )
    return (
        float(gradient.abs().max()),
        there - least,
        float(torch.linalg.eigvalsh(hessian)[0]),
        float(error(moved)) - there,
    )


def _moved(weights: Weights, u: np.ndarray, v: np.ndarray, root: np.ndarray) -> Weights:
    """A small step of the first spare neuron of each layer along a missing mode."""
    first, second, third = (w.copy() for w in weights)
    taken = np.abs(u.T @ third).max(1) > 0.5
    spare = np.flatnonzero(np.abs(third).max(0) == 0)
    if len(spare):
        k, mode = spare[0], int(np.argmin(taken))
        first[k] += STEP * v[mode] @ np.linalg.inv(root)
        second[k, k] += STEP
        third[:, k] += STEP * u[:, mode]
    return [first, second, third]


def _classes(dataset: xr.Dataset) -> dict[str, np.ndarray]:
    """Places of the critical points of each kind."""
    full = dataset.learned_modes.values == WIDTH
    strong = dataset.strongest.values == 1
    spare = dataset.spare.values == 1
    kinds = {
        "least error": full & strong,
        "weaker modes": ~strong,
        "modes missing": ~full & strong & spare,
        "no curvature": ~full & strong & ~spare,
    }
    return {name: np.flatnonzero(which) for name, which in kinds.items()}


def _reached(dataset: xr.Dataset) -> Check:
    least = float(dataset.least_error)
    above = dataset.linear_end.values - least
    ended = dataset.tanh_slope.values < ENDED
    worse = ended & (dataset.tanh_end.values > THERE)
    there = int((above < THERE).sum())
    late = int((above >= THERE).sum())
    if there == len(above) and worse.any():
        status = Status.REPRODUCED
    else:
        stuck = (above >= THERE) & (dataset.linear_slope.values < FLAT)
        status = Status.NOT if stuck.any() else Status.OPEN
    return Check(
        claim="A deep linear network has no bad local minima: gradient descent ends at "
        "the least error from everywhere.",
        paper="arXiv:1702.08580, a theorem",
        ours=f"{there} of {len(above)} starts within {THERE:.0e} of the least error "
        f"{least:.4f}",
        status=status,
        reason=f"of {len(ended)} controls with tanh {int(worse.sum())} end, with a "
        f"slope below {ENDED:.0e}, above the least error 0"
        + (
            f"; {late} starts still move and need more steps"
            if status is Status.OPEN
            else ""
        ),
    )


def _saddles(dataset: xr.Dataset) -> Check:
    classes = _classes(dataset)
    worse = np.setdiff1d(np.arange(dataset.sizes["critical"]), classes["least error"])
    at = dataset.isel(critical=worse)
    down = (at.curvature < -FLAT) | (at.way_down < -FLAT)
    critical = float(dataset.gradient.max()) < FLAT
    good = critical and bool(down.all()) and bool((at.above > FLAT).all())
    return Check(
        claim="What is critical and not of least error is a saddle.",
        paper="arXiv:1605.07110, theorem 2.3",
        ours=f"{int(down.sum())} of {len(worse)} critical points have a way down",
        status=Status.REPRODUCED if good else Status.NOT,
        reason=f"all sets of modes, gradients below "
        f"{float(dataset.gradient.max()):.0e}, errors {float(at.above.min()):.3f} to "
        f"{float(at.above.max()):.3f} above the least",
    )


def _curved(dataset: xr.Dataset) -> Check:
    classes = _classes(dataset)
    none = dataset.isel(critical=classes["no curvature"])
    others = dataset.isel(
        critical=np.concatenate([classes["weaker modes"], classes["modes missing"]])
    )
    bent = bool((others.curvature < -FLAT).all())
    straight = bool((none.curvature > -FLAT).all()) and bool((none.way_down < 0).all())
    if not bent:
        status = Status.NOT
    else:
        status = Status.REPRODUCED if straight else Status.PARTLY
    return Check(
        claim="Where W₃W₂ has full rank the Hessian shows the way down from a saddle; "
        "without that it need not.",
        paper="arXiv:1605.07110, theorem 2.3: the first half; that there are others "
        "with three layers",
        ours=f"negative at {others.sizes['critical']} saddles, least "
        f"{float(others.curvature.min()):.2f}; zero at {none.sizes['critical']}",
        status=status,
        reason="where the strongest modes are learned and all spare weights are zero, "
        f"curvatures are not below {float(none.curvature.min()):.0e}, and a step of "
        f"{STEP:g} in three layers lowers the error by "
        f"{-float(none.way_down.max()):.0e} to {-float(none.way_down.min()):.0e}",
    )
