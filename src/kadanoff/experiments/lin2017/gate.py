"""Four neurons multiply two numbers, as well as floats allow.

The slides show the gate of H. W. Lin, M. Tegmark and D. Rolnick, J. Stat. Phys. 168,
1223 (2017), fig. 2: weights ±λ in, ±1/(4λ²σ″) out, "arbitrarily well" as λ → 0. Two
branches make its error,

    truncation  T λ^p,  p = 2, or 4 at a bias where σ⁗ = 0 (`expressivity.gates`)
    rounding    R λ^-q, q = 2, or 1 where σ(a) = a = 0 (GELU at the origin)

so that in exact arithmetic there is no limit and in floats there is a best λ,
(qR/pT)^{1/(p+q)}, with an error ∝ ε^{p/(p+q)}. tanh and the sigmoid have σ″(0) = 0 and
need a bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import torch
import xarray as xr
from matplotlib.axes import Axes

from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.expressivity.gates import (
    GELU,
    SIGMOID,
    SOFTPLUS,
    TANH,
    Activation,
    Gate,
    error_scan,
)
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = [
    "ARMS",
    "EXHIBIT",
    "FAST",
    "FULL",
    "Settings",
    "arbitrarily",
    "corner_error",
]

ARMS: dict[str, tuple[Activation, float]] = {
    "softplus, bias 0": (SOFTPLUS, 0.0),
    "softplus, quiet bias": (SOFTPLUS, SOFTPLUS.quiet_bias()),
    "GELU, bias 0": (GELU, 0.0),
    "tanh, quiet bias": (TANH, TANH.quiet_bias()),
    "sigmoid, quiet bias": (SIGMOID, SIGMOID.quiet_bias()),
}
"""Activation and bias; the first is the slide's gate."""
FLOATS = {"float64": torch.float64, "float32": torch.float32}
ANCHOR = 0.25  # λ of the number that is followed to all digits
EXACT_DIGITS = 80
SMALLEST = 2.0**-20  # λ of the exact branch; below, the digits of a quiet bias count
CLEAR = 5.0  # times the other branch: where one branch is read alone
TRUE = 1.2  # a branch that is predicted, measured within this factor
STEEP = 0.07  # of a power of ε between two floats; ragged minima move it by 0.05
BALANCED = 2.0  # the same of a best λ, which sits in a flat and ragged minimum


@dataclass(frozen=True)
class Settings:
    """Where the gates are tried.

    Attributes:
        points: of λ, evenly in its logarithm.
        smallest: λ, where rounding has taken all digits of most gates.
        largest: λ.
        side: of the grid of (u, v), corners included.
    """

    points: int
    smallest: float = 1e-7
    largest: float = 1.0
    side: int = 33


FAST = Settings(points=43)
FULL = Settings(points=141)


def corner_error(activation: Activation, bias: float, scale: float) -> float:
    """m(1, 1) - 1 of a gate of two inputs, with 80 digits: σ(a ± 2λ), σ(a) and σ″(a).

    >>> round(corner_error(SOFTPLUS, 0.0, 0.25), 6)
    -0.010246
    """
    with mpmath.workdps(EXACT_DIGITS):
        a, l = mpmath.mpf(bias), mpmath.mpf(scale)
        sigma = _exactly(activation)
        curved = sigma(a + 2 * l) + sigma(a - 2 * l) - 2 * sigma(a)
        return float(curved / (4 * l**2 * mpmath.diff(sigma, a, 2)) - 1)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Measured and predicted errors by floats, arm and λ; exact ones at the corner."""
    scales = np.geomspace(settings.smallest, settings.largest, settings.points)
    axes = ("floats", "arm", "scale")
    shape = (len(FLOATS), len(ARMS), len(scales))
    data: dict[str, Any] = {
        name: (axes, np.empty(shape)) for name in ("measured", "truncation", "rounding")
    }
    best = np.empty(shape[:2])
    told = work.progress("gates of four neurons")
    for f, dtype in enumerate(FLOATS.values()):
        for k, (activation, bias) in enumerate(ARMS.values()):
            gate = Gate(activation, 1.0, bias=bias)
            scan = error_scan(gate, scales, dtype=dtype, side=settings.side)
            for name in data:
                data[name][1][f, k] = getattr(scan, name)
            best[f, k] = scan.gate.scale
            told(f * len(ARMS) + k + 1, len(FLOATS) * len(ARMS))
    exact = np.geomspace(SMALLEST, 1, 11)
    gates = [Gate(activation, 1.0, bias=bias) for activation, bias in ARMS.values()]
    data |= {
        "best": (axes[:2], best),
        "bias": (("arm",), [g.centre for g in gates]),
        "order": (("arm",), [4 if g.quiet else 2 for g in gates]),
        "loss": (("arm",), [_loss(g) for g in gates]),
        "epsilon": (("floats",), [torch.finfo(t).eps for t in FLOATS.values()]),
        "exact": (
            ("arm", "exact_scale"),
            [[abs(corner_error(*arm, l)) for l in exact] for arm in ARMS.values()],
        ),
        "anchor": ((), _anchor(settings.side)),
        "anchor_exact": ((), abs(corner_error(SOFTPLUS, 0.0, ANCHOR))),
        "anchor_leading": ((), ANCHOR**2 / 6),
    }
    coordinates = {
        "floats": list(FLOATS),
        "arm": list(ARMS),
        "scale": scales,
        "exact_scale": exact,
    }
    return xr.Dataset(data, coordinates)


def draw(dataset: xr.Dataset) -> list[Section]:
    """Both branches of every gate, and what was measured over what was predicted."""
    fig = figure(11.0, 7.0, 2, 2)
    for column, floats in enumerate(dataset.floats.values):
        top, below = fig.axes[column], fig.axes[2 + column]
        at = dataset.sel(floats=floats)
        _draw_branches(top, at)
        _draw_ratio(below, at)
        top.set_title(str(floats), fontsize=10)
    fig.axes[0].set_ylabel("largest |m(u, v) - uv|")
    fig.axes[2].set_ylabel("measured / (truncation + rounding)")
    fig.axes[1].legend(fontsize=8, frameon=False, loc="lower left")
    text = (
        "The largest error of four neurons for |u|, |v| ≤ 1 (points) against the "
        "weight λ, and what is predicted without a fit: truncation from the "
        "derivatives of the activation (dashed, rising), rounding from the spacing of "
        "the floats (dotted, falling); a triangle marks the predicted best λ. A quiet "
        "bias is one where σ⁗ = 0, so that truncation begins with λ⁴. Below: "
        "measured over predicted. In 32 bits and at the smallest λ all digits may "
        "cancel: the gate says 0, and its error is one."
    )
    rows = [_row(dataset, str(arm)) for arm in dataset.arm.values]
    header = ("gate", "bias", "T λ^p: p", "R/λ^q: q", "best λ", "predicted", "error")
    return [
        Section(
            "The multiplication gate", text, data_uri(fig), tables=[Table(header, rows)]
        )
    ]


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """Arbitrarily well, by how much, with which activations, and up to where."""
    return [
        _arbitrarily(dataset),
        _anchored(dataset),
        _any_activation(dataset),
        _best(dataset),
    ]


def _exactly(activation: Activation) -> Any:
    """σ on numbers of mpmath."""
    if activation.low:
        return activation.low[0]

    def value(z: Any) -> Any:
        g = activation.coordinate(z)
        return mpmath.polyval(activation.start[::-1], g) * activation.weight(z)

    return value


def _loss(gate: Gate) -> int:
    """q of the rounding, from two small λ."""
    fine, coarse = (gate.at_scale(s).rounding() for s in (2.0**-20, 2.0**-10))
    return round(np.log2(fine / coarse) / 10)


def _anchor(side: int) -> float:
    return float(error_scan(Gate(SOFTPLUS, 1.0), [ANCHOR], side=side).measured[0])


def _draw_branches(ax: Axes, at: xr.Dataset) -> None:
    for arm, colour in zip(at.arm.values, PALETTE, strict=False):
        row = at.sel(arm=arm)
        ax.loglog(row.scale, row.measured, ".", ms=4, color=colour, label=str(arm))
        ax.loglog(row.scale, row.truncation, "--", lw=0.8, color=colour)
        ax.loglog(row.scale, row.rounding, ":", lw=0.8, color=colour)
        ax.plot(float(row.best), _lowest(at) / 4, "^", ms=6, color=colour)
    ax.set_ylim(_lowest(at) / 8, 30)


def _draw_ratio(ax: Axes, at: xr.Dataset) -> None:
    for arm, colour in zip(at.arm.values, PALETTE, strict=False):
        row = at.sel(arm=arm)
        ratio = row.measured / (row.truncation + row.rounding)
        ax.loglog(row.scale, ratio, ".", ms=4, color=colour)
    ax.axhline(1, color="k", lw=0.8)
    ax.set_ylim(0.2, 3)
    ax.set_xlabel("λ")


def _lowest(at: xr.Dataset) -> float:
    return float(at.measured.min())


def _minimum(dataset: xr.Dataset, arm: str, floats: str) -> tuple[float, float]:
    """λ of the smallest measured error, and that error."""
    row = dataset["measured"].sel(arm=arm, floats=floats)
    return float(row.scale[int(np.argmin(row.values))]), float(row.min())


def _row(dataset: xr.Dataset, arm: str) -> list[str]:
    scale, error = _minimum(dataset, arm, "float64")
    at = dataset.sel(arm=arm, floats="float64")
    return [
        arm,
        f"{float(at.bias):.4f}",
        str(int(at.order)),
        str(int(at.loss)),
        f"{scale:.1e}",
        f"{float(at.best):.1e}",
        f"{error:.1e}",
    ]


def _slopes(dataset: xr.Dataset) -> np.ndarray:
    """d ln(exact error)/d ln λ over the smallest two λ, for each arm."""
    logs = np.log(dataset["exact"].values[:, :2])
    step = np.diff(np.log(dataset.exact_scale.values[:2]))
    return np.diff(logs, axis=1)[:, 0] / step


def arbitrarily(dataset: xr.Dataset) -> bool:
    """Whether the exact error goes on falling as λ^p, p as predicted."""
    slopes, order = _slopes(dataset), dataset["order"].values
    return float(np.abs(slopes - order).max()) < 0.01


def _arbitrarily(dataset: xr.Dataset) -> Check:
    slopes = _slopes(dataset)
    least = dataset["exact"].isel(exact_scale=0)
    first = str(dataset.arm.values[0])
    scale, floor = _minimum(dataset, first, "float64")
    return Check(
        claim="Four neurons multiply two numbers arbitrarily well.",
        paper="in words and as a drawing",
        ours=f"with {EXACT_DIGITS} digits the error at the corner falls to "
        f"{float(least.max()):.0e} at λ = {SMALLEST:.0e} and goes on as λ^p, p = "
        + ", ".join(f"{float(s):.4f}" for s in slopes),
        status=Status.REPRODUCED if arbitrarily(dataset) else Status.NOT,
        reason=f"true of exact arithmetic; in 64-bit floats the slide's gate stops at "
        f"{floor:.0e} (λ = {scale:.0e}), and smaller weights make it worse",
    )


def _anchored(dataset: xr.Dataset) -> Check:
    """Measured against λ²/6, predicted; the rest must be of the next order, λ⁴."""
    found, exact, leading = (
        float(dataset[n]) for n in ("anchor", "anchor_exact", "anchor_leading")
    )
    off = abs(found / leading - 1)
    return Check(
        claim="Its error at a given weight follows from derivatives of the activation: "
        f"softplus is off by λ²/6 to leading order, {leading:.6f} at λ = {ANCHOR:g}.",
        paper="no number in the text at hand; |σ⁗|λ²/(3σ″) from its Taylor series",
        ours=f"{found:.6f}, the largest of a grid with corners",
        status=Status.REPRODUCED if off < ANCHOR**2 else Status.NOT,
        reason=f"{off:.1%} from the prediction, and the next order is λ² = "
        f"{ANCHOR**2:.1%} of it or less; the closed form of the corner u = v = 1 has "
        f"{exact:.6f}",
    )


def _any_activation(dataset: xr.Dataset) -> Check:
    ratios = {
        str(arm): _truncated(dataset.sel(arm=arm, floats="float64"))
        for arm in dataset.arm.values
    }
    arm, worst = max(ratios.items(), key=lambda item: abs(np.log(item[1])))
    errors = {a: _minimum(dataset, a, "float64")[1] for a in ratios}
    bent = [a for a in ratios if a.startswith(("tanh", "sigmoid"))]
    good = [abs(np.log(r)) < np.log(TRUE) for r in ratios.values()]
    return Check(
        claim="Any smooth activation will do, tanh and the sigmoid with a bias.",
        paper="σ″(0) ≠ 0, in the drawing",
        ours="smallest errors in 64 bits: "
        + ", ".join(f"{a} {e:.0e}" for a, e in errors.items()),
        status=_all_or_some(good),
        reason="measured over predicted truncation is "
        f"{worst:.2f} at worst ({arm}); "
        + ", ".join(f"{a} {float(dataset.bias.sel(arm=a)):.4f}" for a in bent)
        + ", since σ″(0) = 0",
    )


def _all_or_some(good: Sequence[bool]) -> Status:
    if all(good):
        return Status.REPRODUCED
    return Status.PARTLY if any(good) else Status.NOT


def _truncated(row: xr.Dataset) -> float:
    """Measured over predicted where truncation is small and still rules, at worst."""
    alone = (row.truncation > CLEAR**2 * row.rounding) & (row.scale < 0.1)
    ratio = (row.measured / row.truncation).values[alone.values]
    return float(ratio[np.argmax(np.abs(np.log(ratio)))])


def _best(dataset: xr.Dataset) -> Check:
    wrong = {}
    for floats in dataset.floats.values:
        for arm in dataset.arm.values:
            found = _minimum(dataset, str(arm), str(floats))[0]
            wanted = float(dataset["best"].sel(arm=arm, floats=floats))
            wrong[f"{arm}, {floats}"] = found / wanted
    name, worst = max(wrong.items(), key=lambda item: abs(np.log(item[1])))
    powers = [_power(dataset, str(arm)) for arm in dataset.arm.values]
    wanted = dataset["order"] / (dataset["order"] + dataset["loss"])
    within = np.log(BALANCED) + _step(dataset)
    there = [abs(np.log(w)) < within for w in wrong.values()]
    true = list(np.abs(np.array(powers) - wanted.values) < STEEP)
    both = {_all_or_some(there), _all_or_some(true)}
    status = both.pop() if len(both) == 1 else Status.PARTLY
    return Check(
        claim="There is a best λ, where truncation and rounding are in balance, and "
        "its error is ε^{p/(p+q)} of the spacing ε of the floats.",
        paper="not on the slides; follows from the gate",
        ours="powers of ε from 32 and 64 bits: "
        + ", ".join(
            f"{a} {p:.2f} ({float(w):.2f})"
            for a, p, w in zip(dataset.arm.values, powers, wanted, strict=True)
        ),
        status=status,
        reason=f"of {len(wrong)} best λ the one farthest from its prediction is "
        f"{worst:.2f} times it ({name})",
    )


def _power(dataset: xr.Dataset, arm: str) -> float:
    """d ln(smallest error)/d ln ε between the two kinds of floats."""
    errors = [_minimum(dataset, arm, str(f))[1] for f in dataset.floats.values]
    return float(
        np.diff(np.log(errors))[0] / np.diff(np.log(dataset["epsilon"].values))[0]
    )


def _step(dataset: xr.Dataset) -> float:
    return float(np.log(dataset.scale[1] / dataset.scale[0]))


EXHIBIT = Exhibit(
    name="gate",
    title="The multiplication gate",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
