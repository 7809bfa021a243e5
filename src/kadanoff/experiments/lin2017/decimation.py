"""Decimation on the last slide: exact on the chain, truncated on the square lattice.

Summing over every second spin of a chain (slides, eqs. (7.4)–(7.16)) leaves a chain

    e^{2K′} = cosh 2K,    z² = 4 cosh 2K,    f(K′) = 2 f(K) - ln 2 (cosh 2K)^{1/2},

f = ln Z/N. The exact f = ln 2 cosh K must come back whenever the recursion is stopped:
zooming out does not change ln Z. It is checked at every step, and on finite rings,
whose ln Z is that of transfer matrices.

In two dimensions the slides announce a fixed point that is not trivial; its formula and
number are lost in the text at hand. Reconstructed here is the truncation that their
source is known for (H. J. Maris and L. P. Kadanoff, Am. J. Phys. 46, 652 (1978)),
K′ = ⅜ ln cosh 4K, b = √2. Beside it what is exact: sinh 2K_c = 1 and y_T = 1
(L. Onsager 1944). The control leaves out the coupling of second neighbours as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.exact import onsager
from kadanoff.exact.chain import ring
from kadanoff.exact.constants import K_C, Y_T
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.experiments.studies import attributes_of
from kadanoff.flows.decimation import (
    Chain,
    SquareDecimation,
    TruncatedSquareDecimation,
)
from kadanoff.flows.fixed_point import NoFixedPoint, fixed_point, unstable
from kadanoff.flows.lines import iterate, log_partition_per_site
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings"]

ROUNDING = 1e-13
"""Of ln Z per site: some forty roundings of numbers of order one to ten."""
CLOSE = 0.1
"""A truncation is called near where it is off by less than this share."""
SEARCHED = (0.1, 0.3, 0.5, 1.0, 2.0)
"""Where a fixed point is looked for; the flow is followed a factor 16 around each."""


@dataclass(frozen=True)
class Settings:
    """What is decimated.

    Attributes:
        couplings: of the chains; 3.0 is so cold that the first steps change little.
        steps: on the infinite chain, 2⁴⁰ spins in one: K = 3 is forgotten after ten.
        ring: sites of the finite one, a power of 2; two are left.
        cold, hot: where the staircases on the square lattice begin, as shares of K*.
        stairs: steps of each.
    """

    couplings: tuple[float, ...] = (0.5, 1.0, 2.0, 3.0)
    steps: int = 40
    ring: int = 64
    cold: float = 1.03
    hot: float = 0.97
    stairs: int = 9


FAST = FULL = Settings()


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Both flows, their free energies, fixed points, and the exact values."""
    chain = _chain(settings)
    rings = xr.Dataset(
        {"ring_apart": ("coupling", [_ring(k, settings) for k in settings.couplings])}
    )
    return xr.merge([chain, rings, _square(settings)]).assign_attrs(
        attributes_of(settings)
    )


def draw(dataset: xr.Dataset) -> list[Section]:
    """Staircases, and the free energy that stays."""
    return [
        Section(
            "Decimation of the chain",
            "Left: K′(K) and the staircase from K = 1 (the text at hand mentions such "
            "a figure, 7.3, and has only thinned chains, 7.1 and 7.2): every start "
            "runs to K = 0, the only fixed point but T = 0. Middle: the coupling after "
            "each step. Right: what is wrong with ln Z per site if the recursion is "
            "stopped after a step, in units of 10⁻¹⁶: rounding, and nothing else.",
            data_uri(_chain_picture(dataset)),
        ),
        Section(
            "Decimation of the square lattice, truncated",
            "Left: K′ = ⅜ ln cosh 4K crosses the diagonal at K*, which repels; "
            "staircases start 3 % below and above. Without the second neighbours "
            "(dashed) there is no crossing. Right: ln Z per site by the recursion less "
            "the exact one. The reconstruction is ours: the slides' formula is lost.",
            data_uri(_square_picture(dataset)),
            tables=[
                Table(
                    ("", "K*", "y_T"),
                    [
                        ["truncated", *(f"{float(dataset[n]):.6f}" for n in FOUND)],
                        ["exact", f"{K_C:.6f}", f"{Y_T:.6f}"],
                    ],
                )
            ],
        ),
    ]


FOUND = ("fixed", "y_t")


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """The recursion, the free energy, the end of the flow, and two dimensions."""
    return [
        _recursion(dataset),
        _unchanged(dataset),
        _trivial(dataset),
        _nontrivial(dataset),
        _accuracy(dataset),
    ]


def _chain(settings: Settings) -> xr.Dataset:
    lines = [_line(k, settings.steps) for k in settings.couplings]
    grid = np.linspace(0, 1.6, 81)
    mapped = [float(Chain().step(_theory(k))[0]) for k in grid]
    axes = ("coupling", "step")
    return xr.Dataset(
        {
            "flow": (axes, np.array([k for k, _, _ in lines])),
            "apart": (axes, np.array([f for _, f, _ in lines])),
            "slides": (("coupling", "later"), np.array([r for _, _, r in lines])),
            "chain_map": (("grid",), np.array(mapped)),
        },
        {
            "coupling": list(settings.couplings),
            "step": range(settings.steps + 1),
            "later": range(1, settings.steps + 1),
            "grid": grid,
        },
    )


def _line(coupling: float, steps: int) -> tuple[list[float], list[float], list[float]]:
    """K, f of the whole chain less the exact one, and eq. (7.16), step by step.

    After n steps f is the constants that were split off so far and 2⁻ⁿ ln 2 cosh K_n.
    """
    chain, exact = Chain(), _free(coupling)
    flow, apart, slides = [], [], []
    theory, kept, weight = _theory(coupling), 0.0, 1.0
    for n in range(steps + 1):
        k = float(theory[0])
        flow.append(k)
        apart.append(kept + weight * _free(k) - exact)
        kept += weight * float(chain.constant(theory))
        weight /= chain.b
        theory = chain.step(theory)
        if n < steps:
            after = _free(float(theory[0]))
            slides.append(after - (2 * _free(k) - math.log(2) - _log_cosh(2 * k) / 2))
    return flow, apart, slides


def _ring(coupling: float, settings: Settings) -> float:
    """The largest change of ln Z per site of a ring along its decimations to 2 sites.

    Z(K, N) = z^{N/2} Z(K′, N/2) of eq. (7.13), Z from transfer matrices.
    """
    chain, theory, sites = Chain(), _theory(coupling), settings.ring
    whole, kept, apart = ring(sites, coupling).log_partition, 0.0, 0.0
    while sites > 2:
        kept += sites * float(chain.constant(theory))
        theory, sites = chain.step(theory), sites // 2
        now = kept + ring(sites, float(theory[0])).log_partition
        apart = max(apart, abs(now - whole) / settings.ring)
    return apart


def _square(settings: Settings) -> xr.Dataset:
    flow = TruncatedSquareDecimation()
    point = fixed_point(flow, list(SEARCHED), accept=unstable)
    fixed = point.couplings["coupling"]
    grid = np.linspace(0, 1.0, 81)
    starts = {"hot": settings.hot * fixed, "cold": settings.cold * fixed}
    stairs = [
        [t["coupling"] for t in iterate(flow, k, settings.stairs)]
        for k in starts.values()
    ]
    couplings = np.array([0.1, 0.2, 0.3, 0.35, 0.4, K_C, 0.48, 0.55, 0.7, 0.9])
    free = [
        float(log_partition_per_site(flow, k)) - onsager.log_partition_per_site(k)
        for k in couplings
    ]
    return xr.Dataset(
        {
            "fixed": ((), fixed),
            "y_t": ((), float(point.even.exponents[0])),
            "residual": ((), point.residual),
            "square_map": (("square_grid",), _mapped(flow, grid)),
            "nearest_map": (("square_grid",), _mapped(SquareDecimation(), grid)),
            "nearest_fixed": ((), _rests(SquareDecimation())),
            "stairs": (("start", "stair"), np.array(stairs)),
            "free_apart": (("square_coupling",), np.array(free)),
        },
        {
            "square_grid": grid,
            "start": list(starts),
            "stair": range(settings.stairs + 1),
            "square_coupling": couplings,
        },
    )


def _mapped(flow: TruncatedSquareDecimation | SquareDecimation, grid: np.ndarray):
    step: Callable[[torch.Tensor], torch.Tensor] = flow.step
    return np.array([float(step(torch.tensor([k], dtype=torch.float64))) for k in grid])


def _rests(flow: SquareDecimation) -> float:
    """K* of an unstable fixed point, not a number where there is none."""
    try:
        point = fixed_point(flow, list(SEARCHED), accept=unstable)
    except NoFixedPoint:
        return math.nan
    return point.couplings["coupling"]


def _theory(coupling: float) -> torch.Tensor:
    return torch.tensor([coupling, 0.0], dtype=torch.float64)


def _log_cosh(x: float) -> float:
    return abs(x) + math.log1p(math.exp(-2 * abs(x))) - math.log(2)


def _free(coupling: float) -> float:
    """ln 2 cosh K, the exact ln Z per site of the infinite chain."""
    return math.log(2) + _log_cosh(coupling)


def _staircase(ax: Axes, values: np.ndarray, colour: str, label: str) -> None:
    """Up to the curve and over to the diagonal, step by step."""
    x = np.repeat(values, 2)[:-1]
    y = np.concatenate([[0.0], np.repeat(values[1:], 2)])
    ax.plot(x, y, color=colour, linewidth=1.0, label=label)


def _chain_picture(dataset: xr.Dataset) -> Figure:
    fig = figure(11.0, 3.7, 1, 3)
    stairs, flow, error = fig.axes
    grid = dataset["grid"].values
    stairs.plot(grid, dataset["chain_map"], color=PALETTE[0], label="K′ = ½ ln cosh 2K")
    stairs.plot(grid, grid, color="grey", linewidth=0.8, label="K′ = K")
    start = dataset["flow"].sel(coupling=1.0).values[:8]
    _staircase(stairs, start, PALETTE[2], "from K = 1")
    stairs.set_xlabel("K")
    stairs.set_ylabel("K′")
    stairs.legend(fontsize=8, frameon=False)
    for k, colour in zip(dataset.coupling.values, PALETTE, strict=False):
        row = dataset.sel(coupling=k)
        flow.plot(
            row.step[:16], row["flow"][:16], "o-", color=colour, markersize=3,
            label=f"K = {k:g}",
        )  # fmt: skip
        error.plot(
            row.step, row["apart"] * 1e16, "o-", color=colour, markersize=3,
            label=f"K = {k:g}",
        )  # fmt: skip
    flow.set_xlabel("decimations")
    flow.set_ylabel("K")
    flow.legend(title="from", fontsize=8, title_fontsize=8, frameon=False)
    error.set_xlabel("decimations")
    error.set_ylabel("error of ln Z per site (10⁻¹⁶)")
    error.legend(fontsize=8, frameon=False)
    return fig


def _square_picture(dataset: xr.Dataset) -> Figure:
    fig = figure(10.0, 4.0, 1, 2)
    stairs, free = fig.axes
    grid, fixed = dataset["square_grid"].values, float(dataset["fixed"])
    stairs.plot(
        grid, dataset["square_map"], color=PALETTE[0], label="K′ = ⅜ ln cosh 4K"
    )
    stairs.plot(
        grid,
        dataset["nearest_map"],
        color=PALETTE[0],
        linestyle="--",
        label="K′ = ¼ ln cosh 4K",
    )
    stairs.plot(grid, grid, color="grey", linewidth=0.8)
    for start, colour in (("hot", PALETTE[2]), ("cold", PALETTE[1])):
        values = dataset["stairs"].sel(start=start).values
        _staircase(stairs, values, colour, f"from {values[0] / fixed:.2f} K*")
    stairs.axvline(K_C, color="black", linestyle=":", linewidth=1.0, label="exact K_c")
    stairs.plot([fixed], [fixed], "ko", markersize=5)
    stairs.annotate(f"K* = {fixed:.4f}", (fixed, fixed), (0.6, 0.28))
    stairs.set_xlim(0, 1)
    stairs.set_ylim(0, 1)
    stairs.set_xlabel("K")
    stairs.set_ylabel("K′")
    stairs.legend(fontsize=8, frameon=False, loc="upper left")
    free.plot(dataset["square_coupling"], dataset["free_apart"], "o-", color=PALETTE[0])
    free.axhline(0, color="grey", linewidth=0.8)
    free.axvline(K_C, color="black", linestyle=":", linewidth=1.0)
    free.set_xlabel("K (dotted: K_c)")
    free.set_ylabel("ln Z/N, recursion less exact")
    return fig


def _recursion(dataset: xr.Dataset) -> Check:
    worst = float(np.abs(dataset["slides"]).max())
    return Check(
        claim="The free energy obeys f(K′) = 2 f(K) - ln 2(cosh 2K)^{1/2}.",
        paper="eq. (7.16) on the slides",
        ours=f"off by at most {worst:.1e} in {dataset.sizes['later']} steps from "
        f"{_couplings(dataset)}",
        status=Status.REPRODUCED if worst < ROUNDING else Status.NOT,
        reason=f"with the exact f = ln 2 cosh K on both sides; refused above "
        f"{ROUNDING:g}",
    )


def _unchanged(dataset: xr.Dataset) -> Check:
    line = float(np.abs(dataset["apart"]).max())
    rings = float(dataset["ring_apart"].max())
    return Check(
        claim="Zooming out leaves the partition function unchanged.",
        paper="eq. (7.13), exact",
        ours=f"ln Z per site moves by at most {line:.1e} on the infinite chain and "
        f"{rings:.1e} on a ring down to 2 sites",
        status=Status.REPRODUCED if max(line, rings) < ROUNDING else Status.NOT,
        reason=f"checked after each of {dataset.sizes['later']} steps from "
        f"{_couplings(dataset)}; refused above {ROUNDING:g}",
    )


def _trivial(dataset: xr.Dataset) -> Check:
    last = dataset["flow"].isel(step=-1)
    grid, mapped = dataset["grid"].values[1:], dataset["chain_map"].values[1:]
    ends = float(last.max()) < ROUNDING and bool((mapped < grid).all())
    return Check(
        claim="On the chain the flow ends at K* = 0, where f = ln 2: no transition.",
        paper="eqs. (7.18)–(7.20)",
        ours=f"K = {float(last.max()):.1e} after {int(last.step)} steps; ln 2 cosh K "
        f"- ln 2 = {_free(float(last.max())) - math.log(2):.1e}",
        status=Status.REPRODUCED if ends else Status.NOT,
        reason=f"K′ < K at all of {len(grid)} couplings up to {grid[-1]:g}, by "
        f"{float((grid - mapped).max()):.4f} at most: K - K′ → ½ ln 2 = "
        f"{math.log(2) / 2:.4f} at low temperature",
    )


def _nontrivial(dataset: xr.Dataset) -> Check:
    fixed, y = (float(dataset[n]) for n in FOUND)
    hot, cold = (dataset["stairs"].sel(start=s).values for s in ("hot", "cold"))
    parts = bool((np.diff(hot) < 0).all() and (np.diff(cold) > 0).all())
    rests = float(dataset["residual"]) < ROUNDING and 0 < fixed < 1
    alone = math.isnan(float(dataset["nearest_fixed"]))
    return Check(
        claim="In two dimensions there is a fixed point that is not trivial.",
        paper="its value is lost in the text at hand; reconstructed as K′ = ⅜ ln cosh "
        "4K",
        ours=f"K* = {fixed:.6f}, y_T = {y:.6f}",
        status=Status.REPRODUCED if parts and rests and alone and y > 0 else Status.NOT,
        reason=f"flows from {hot[0] / fixed:.2f} and {cold[0] / fixed:.2f} K* part; "
        + ("without" if alone else "but even without")
        + " the second neighbours there is "
        + ("none" if alone else "one too"),
    )


def _accuracy(dataset: xr.Dataset) -> Check:
    fixed, y = (float(dataset[n]) for n in FOUND)
    off = fixed / K_C - 1, y / Y_T - 1
    close = [abs(o) < CLOSE for o in off]
    at_c = float(dataset["free_apart"].sel(square_coupling=K_C))
    status = Status.REPRODUCED if all(close) else Status.PARTLY
    return Check(
        claim="The truncated step has the transition of the square lattice.",
        paper="not claimed on the slides; exact K_c = ½ ln(1 + √2), y_T = 1",
        ours=f"K* is off by {off[0]:+.1%}, y_T by {off[1]:+.1%}",
        status=status if any(close) else Status.NOT,
        reason=f"exact {K_C:.6f} and {Y_T:g}; ln Z/N at K_c comes out {at_c:+.4f} off: "
        f"what is left out counts (near is below {CLOSE:.0%})",
    )


def _couplings(dataset: xr.Dataset) -> str:
    return "K = " + ", ".join(f"{k:g}" for k in dataset.coupling.values)


EXHIBIT = Exhibit(
    name="decimation",
    title="Decimation, exact and truncated",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
