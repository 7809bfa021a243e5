"""What becomes of figure 2's claims: whether Δ_m reaches 1/8, stays, and narrows."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from kadanoff.exact.constants import BETA
from kadanoff.experiments.demellokoch2020.along_flows import (
    SURE,
    TENTH,
    change,
    from_start,
)
from kadanoff.experiments.demellokoch2020.decided import (
    MORE,
    agrees,
    status_of,
    would_decide,
)
from kadanoff.experiments.demellokoch2020.fig_2.pictures import nearest_length
from kadanoff.experiments.demellokoch2020.flow import LENGTH, interval, written
from kadanoff.experiments.demellokoch2020.flow_words import (
    LITERAL,
    by_agreement,
    some_lengths,
)
from kadanoff.experiments.demellokoch2020.magnetization_fits import (
    BELOW,
    CHOICES,
    NEAR,
    named,
)
from kadanoff.experiments.exhibit import Check, Status

__all__ = ["EIGHTH", "checks", "little", "narrowing"]

EIGHTH = TENTH * BETA
"""From 1/8 that still counts as 1/8, and change of Δ_m that counts as none."""

FIFTH = 0.2
"""Of the paper's interval: a smaller change of its width counts as none."""


def checks(dataset: xr.Dataset) -> list[Check]:
    """Whether Δ_m reaches 1/8, stays there, and becomes more certain."""
    return [_reaches(dataset), _stays(dataset), _certain(dataset)]


def _reaches(dataset: xr.Dataset) -> Check:
    here = {"choice": named(NEAR), "length": nearest_length(dataset)}
    names = [str(n) for n in dataset["arm"].values]
    literal = here | {"arm": LITERAL}
    value, reach = from_start(dataset, "delta", literal)
    found = agrees(value - BETA, reach, EIGHTH)
    near, unsure = by_agreement(
        [n for n in names if n != LITERAL],
        lambda n: _is_eighth(dataset, here | {"arm": n}),
    )
    zero = written(dataset, "delta", **(literal | {"length": 0}))
    infinite = float(dataset["infinite"].sel(choice=here["choice"]))
    return Check(
        claim="From flows of length 26 on, Δ_m of the magnetization is 1/8.",
        paper=f"1/8 within its 90 % interval at length {LENGTH}; the value is lost in "
        "the text at hand",
        ours="; ".join(
            f"{n}: {written(dataset, 'delta', arm=n, **here)}" for n in names
        ),
        status=status_of([found]),
        reason=f"where means are passed on throughout Δ_m differs from 1/8 by "
        f"{value - BETA:+.4f} ± {reach:.4f} ({SURE:.1%}; the 10×10 magnet itself has "
        f"{zero} at these temperatures, and the change is taken machine by machine), "
        f"where up to {EIGHTH:.4f} counts as none; {little(dataset, here['length'])}; "
        f"of the other ways 1/8 is read by: {near}; errors too large to tell: "
        f"{unsure}; the infinite magnet has {infinite:.3f} at these temperatures; "
        f"the paper's kind of interval (90%, one degree of freedom) holds 1/8 for "
        f"{_intervals(dataset, here['length'])}; before the flow for "
        f"{_intervals(dataset, 0)}" + would_decide(found),
    )


def _is_eighth(dataset: xr.Dataset, where: dict[str, Any]) -> bool | None:
    value, reach = from_start(dataset, "delta", where)
    return agrees(value - BETA, reach, EIGHTH)


def little(dataset: xr.Dataset, length: int) -> str:
    """How far the flow of means moves |m|, beside how far |m| falls with temperature.

    Args:
        dataset: with `m` and `m_error`.
        length: of the flow.
    """
    temperatures = [float(t) for t in dataset["temperature"].values]
    ends = ({"arm": LITERAL, "length": k} for k in (0, length))
    zero, last = ends
    steps = {
        t: change(dataset, "m", zero | {"temperature": t}, last | {"temperature": t})
        for t in temperatures
    }
    fall = dataset["m"].sel(zero).mean("seed")
    share = max(abs(step) for step, _ in steps.values()) / float(
        fall.max() - fall.min()
    )
    least, most = (choose(steps, key=steps.__getitem__) for choose in (min, max))
    words = " to ".join(
        f"{steps[t][0]:+.4f} ± {steps[t][1]:.4f} (from T = {t:g})"
        for t in (least, most)
    )
    return (
        f"these {length} steps change |m| by {words}, at most {share:.0%} of what |m| "
        f"falls between T = {temperatures[0]:g} and {temperatures[-1]:g}"
    )


def _intervals(dataset: xr.Dataset, length: int) -> str:
    """Of which neighbouring threes the paper's kind of interval holds 1/8."""
    here = dataset.sel(arm=LITERAL, length=length)[["delta", "half_width"]].mean("seed")
    value, half = here["delta"].values, here["half_width"].values
    names = [named(c) for c in CHOICES]
    held = [
        f"T = {n} (±{h:.3f})"
        for n, x, h in zip(names, value, half, strict=True)
        if abs(x - BETA) < h
    ]
    own = float(here["half_width"].sel(choice=named(NEAR)))
    return (
        f"{len(held)} of {len(names)} neighbouring threes: "
        f"{', '.join(held) or 'none'}; at {named(NEAR)} it is ±{own:.3f}"
    )


def _stays(dataset: xr.Dataset) -> Check:
    last, final = nearest_length(dataset), int(dataset["length"][-1])
    names = [str(n) for n in dataset["arm"].values]
    after = {n: _change(dataset, n, last, final) for n in names}
    before, reach = _change(dataset, LITERAL, 0, last)
    still, moved = agrees(*after[LITERAL], EIGHTH), agrees(before, reach, EIGHTH)
    # What has not moved at all stays, and says nothing of a convergence.
    found = status_of([still]) if still is not True or moved is False else Status.PARTLY
    words = {True: "stays", False: "moves on", None: "may stay or move on"}
    before_words = {True: "has not moved", False: "has moved", None: "may have moved"}
    rest = "; ".join(
        f"{n}: {words[agrees(*after[n], EIGHTH)]}, {_end(dataset, n, final)}"
        for n in names
        if n != LITERAL
    )
    step, width = after[LITERAL]
    return Check(
        claim="The flow has converged by length 26.",
        paper="from length 26 on; 9 in the paper before",
        ours=f"passing means throughout, Δ_m changes by {before:+.2g} ± {reach:.2g} "
        f"from 0 to {last} and by {step:+.2g} ± {width:.2g} from {last} to {final}",
        status=found,
        reason=f"up to {EIGHTH:.4f} counting as no change ({SURE:.1%} intervals), it "
        f"{before_words[moved]} by {last} and {words[still]} after; "
        f"{little(dataset, last)}; {rest}"
        + would_decide(None if found is Status.OPEN else True),
    )


def _change(
    dataset: xr.Dataset, name: str, first: int, last: int
) -> tuple[float, float]:
    """Of Δ_m between two lengths, and its reach."""
    at = {"arm": name, "choice": named(NEAR)}
    return change(dataset, "delta", at | {"length": first}, at | {"length": last})


def _end(dataset: xr.Dataset, name: str, length: int) -> str:
    """Where a flow is in the end, and whether that is no dependence on T at all."""
    where = {"arm": name, "choice": named(NEAR), "length": length}
    nothing = agrees(*from_start(dataset, "delta", where), EIGHTH)
    words = {True: ", which is none", False: "", None: ", which may be none"}[nothing]
    return f"Δ_m {written(dataset, 'delta', **where)} at {length}{words}"


def _certain(dataset: xr.Dataset) -> Check:
    trend, reach = narrowing(dataset)
    one = dataset.sizes["seed"] < 2
    flat = None if one else agrees(trend, reach, FIFTH)
    found = None if flat is None else not flat and trend < 0
    half = dataset["half_width"].sel(arm=LITERAL, choice=named(NEAR)).mean("seed")
    lengths = [int(k) for k in dataset["length"].values]
    after = next(k for k in lengths if k > 0)
    how = {True: "shrinks", False: "does not shrink", None: "may shrink or not"}[found]
    more = "several machines would decide it" if one else MORE
    return Check(
        claim="The error bars of Δ_m shrink as the flow proceeds.",
        paper="seen in its figure; the values are lost",
        ours=", ".join(
            f"±{float(half.sel(length=k)):.4f} at {k}" for k in some_lengths(dataset)
        ),
        status=status_of([found]),
        reason=f"by a line through all lengths from {after} to {lengths[-1]} its width "
        f"{how}: a change of {trend:+.0%} ± {reach:.0%} of itself ({SURE:.1%}, the "
        f"spread over {dataset.sizes['seed']} machines and {len(BELOW)} neighbouring "
        f"threes below T_c), where up to {FIFTH:.0%} counts as none; it "
        "is the misfit of a power law to three points, and says how straight these "
        "are, not how well Δ_m is known" + would_decide(found, more),
    )


def narrowing(dataset: xr.Dataset) -> tuple[float, float]:
    """Relative change of the paper's interval along the flow, and its reach.

    Slope of a line through the half widths at all lengths after 0, times the range of
    lengths, over the mean of all half widths; of every machine and every neighbouring
    three below T_c. The error is that of the spread over both.
    """
    after = dataset["length"] > 0
    half = dataset["half_width"].sel(arm=LITERAL, choice=[named(c) for c in BELOW])
    half = half.sel(length=dataset["length"][after])
    x = half["length"] - half["length"].mean()
    slope = (x * half).sum("length") / (x**2).sum()
    trend = slope * float(half["length"][-1] - half["length"][0]) / float(half.mean())
    parts = [trend.mean("choice"), trend.mean("seed")]
    spreads = [float(p.std(ddof=1)) / np.sqrt(p.size) for p in parts if p.size > 1]
    return float(trend.mean()), interval(dataset, SURE) * float(
        np.hypot.reduce(spreads)
    )
