"""How many numbers a function of an image needs, and how many physics leaves of them.

The slides set the 2^n bits of any Boolean function of n pixels against the number of
atoms in the universe, and then the (n + d)!/(n! d!) coefficients of a polynomial of
degree d, of which nearest neighbours and translation symmetry leave a few. (The last of
these counts, n and d = 2 → nearest neighbours → symmetry, is lost in the text at hand
and counted here.) Every count is an exact integer; all of them are made once more by
listing the terms of a small torus one by one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.experiments.studies import attributes_of
from kadanoff.expressivity.counting import (
    ATOMS,
    boolean_bits,
    first_beyond,
    local_terms,
    nearest_neighbour_terms,
    polynomial_terms,
    terms_per_site,
    translation_terms,
)
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "in_words", "listed"]

IMAGE = 28
"""Side of the slides' images."""
NEIGHBOURS, SYMMETRIC = "nearest neighbours", "and translation symmetry"
QUADRATIC = "polynomial, d = 2"
SLOPES = {QUADRATIC: 2.0, NEIGHBOURS: 1.0, SYMMETRIC: 0.0}
"""Powers of n with which the slides' three counts must grow."""
STRAIGHT = 0.05
"""Of a measured power: (n + 2)(n + 1)/2 is not n² yet."""


@dataclass(frozen=True)
class Settings:
    """What is counted.

    Attributes:
        sides: of the images, 28 among them.
        degrees: of polynomials; physics goes to 4 (the slides' renormalizable theory).
        torus: sides of the one whose terms are listed one by one; 3 is the least that
            has four different neighbours.
        listed: largest degree there.
    """

    sides: tuple[int, ...] = (4, 6, 8, 12, 16, 20, 28, 40, 64)
    degrees: tuple[int, ...] = (1, 2, 3, 4)
    torus: tuple[int, int] = (3, 3)
    listed: int = 4


FAST = FULL = Settings()


def listed(shape: tuple[int, int], degree: int) -> dict[str, int]:
    """The counts of a small torus by listing every term and looking at it.

    Args:
        shape: both sides at least 3.
        degree: d.

    >>> listed((3, 3), 1)["polynomial"], listed((3, 3), 1)["symmetric"]
    (10, 2)
    """
    sites = list(itertools.product(*map(range, shape)))
    terms = [
        term
        for d in range(degree + 1)
        for term in itertools.combinations_with_replacement(sites, d)
    ]
    kept = [term for term in terms if _near(term, shape)]
    return {
        "polynomial": len(terms),
        "neighbours": len(kept),
        "symmetric": len({_orbit(term, shape) for term in terms}),
        "both": len({_orbit(term, shape) for term in kept}),
    }


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """All counts by kind and size, as digits and as logarithms, and the listed ones."""
    kinds = _kinds(settings.degrees)
    counts = [[kind(side) for side in settings.sides] for kind in kinds.values()]
    formulas, listing = _both_ways(settings.torus, settings.listed)
    return xr.Dataset(
        {
            "digits": (("kind", "side"), np.array([[*map(str, c)] for c in counts])),
            "log10": (
                ("kind", "side"),
                np.array([[*map(math.log10, c)] for c in counts]),
            ),
            "formula": (("case",), np.array([*formulas.values()])),
            "listing": (("case",), np.array([listing[case] for case in formulas])),
            "beyond": ((), first_beyond(ATOMS)),
        },
        {"kind": list(kinds), "side": list(settings.sides), "case": list(formulas)},
        attributes_of(settings),
    )


def draw(dataset: xr.Dataset) -> list[Section]:
    """All counts against the size of the image, and those of the slides' image."""
    rows = [
        [str(kind), in_words(_count(dataset, str(kind)))]
        for kind in dataset.kind.values
    ]
    return [
        Section(
            "How many numbers",
            "What a function of an n-pixel image needs: left everything a table of "
            "bits can be, against the atoms in the universe (dashed); right the same "
            "counts below it: polynomials of degree d, local ones, and local ones that "
            "are the same everywhere. Real pixels, so that squares count.",
            data_uri(_picture(dataset)),
            tables=[Table((f"{IMAGE}×{IMAGE} pixels", "numbers"), rows)],
            remarks=[
                "Nearest neighbours: a constant, x and x² of every pixel and its "
                "product with the next one along both directions. For spins, where "
                "x² = 1, there is one term less per pixel.",
                "Each grey value doubles and redoubles the table, but not the "
                "polynomials: their count does not know how many values a pixel has.",
            ],
        )
    ]


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """The slides' three counts, and that they are counts."""
    return [
        _atoms(dataset),
        _image(dataset),
        _formula(dataset),
        _savings(dataset),
    ]


def in_words(count: int) -> str:
    """All digits of a count with up to seven, else four of them and a power of ten.

    >>> in_words(308505), in_words(2**784)
    ('308,505', '1.017·10^236')
    """
    if count < 10**7:
        return f"{count:,}"
    power = len(str(count)) - 1
    return f"{count / 10**power:.3f}·10^{power}"


def _kinds(degrees: Sequence[int]):
    """Counts by what is assumed, functions of the side of an image."""

    def of_degree(d: int):
        return lambda side: polynomial_terms(side**2, d)

    return {
        "any function": lambda side: boolean_bits(side**2),
        **{f"polynomial, d = {d}": of_degree(d) for d in degrees},
        "d = 4, translation symmetry": lambda side: translation_terms((side, side), 4),
        "d = 4, terms within 2×2": lambda side: local_terms((side, side), (2, 2), 4),
        "d = 4, within 2×2 and symmetric": lambda _: 1 + terms_per_site((2, 2), 4),
        NEIGHBOURS: lambda side: nearest_neighbour_terms((side, side)),
        # A constant, x, x², and one product for each direction.
        SYMMETRIC: lambda side: 1 + (nearest_neighbour_terms((side, side)) // side**2),
    }


def _both_ways(
    shape: tuple[int, int], largest: int
) -> tuple[dict[str, int], dict[str, int]]:
    """Counts of a small torus by what is counted: by formula, and listed."""
    sites = math.prod(shape)
    formulas, listing = {}, {}
    for d in range(1, largest + 1):
        found = listed(shape, d)
        formulas |= {
            f"d = {d}": polynomial_terms(sites, d),
            f"d = {d}, symmetric": translation_terms(shape, d),
        }
        listing |= {
            f"d = {d}": found["polynomial"],
            f"d = {d}, symmetric": found["symmetric"],
        }
        if d == 2:
            local = nearest_neighbour_terms(shape)
            formulas |= {NEIGHBOURS: local, SYMMETRIC: 1 + local // sites}
            listing |= {NEIGHBOURS: found["neighbours"], SYMMETRIC: found["both"]}
    return formulas, listing


def _near(term: tuple, shape: tuple[int, int]) -> bool:
    """Whether a term of degree 2 at most joins a site with itself or a neighbour."""
    if len(term) < 2:
        return True
    if len(term) > 2:
        return False
    steps = [
        min((a - b) % n, (b - a) % n) for a, b, n in zip(*term, shape, strict=True)
    ]
    return sum(steps) <= 1


def _orbit(term: tuple, shape: tuple[int, int]) -> tuple:
    """The first of all shifts of a term in the order of their sites."""
    return min(
        tuple(sorted(((x + a) % shape[0], (y + b) % shape[1]) for x, y in term))
        for a, b in itertools.product(*map(range, shape))
    )


def _count(dataset: xr.Dataset, kind: str) -> int:
    return int(str(dataset["digits"].sel(kind=kind, side=IMAGE).item()))


def _picture(dataset: xr.Dataset) -> Figure:
    fig = figure(10.5, 4.2, 1, 2)
    left, right = fig.axes
    n = dataset.side.values**2
    for k, kind in enumerate(dataset.kind.values):
        y = dataset["log10"].sel(kind=kind)
        style = {
            "color": PALETTE[k % len(PALETTE)],
            "linestyle": "-" if k < len(PALETTE) else "--",
            "marker": "o",
            "markersize": 3.5,
            "label": str(kind),
        }
        left.plot(n, y, **style)
        if kind != "any function":
            right.plot(n, y, **style)
    left.axhline(math.log10(ATOMS), color="black", linestyle="--", linewidth=0.9)
    left.annotate(
        f"atoms: n = {int(dataset['beyond'])}",
        (int(dataset["beyond"]), math.log10(ATOMS)),
        (20, math.log10(ATOMS) + 6),
        fontsize=9,
    )
    left.set_ylim(0, 110)
    for ax in (left, right):
        ax.set_xscale("log")
        ax.axvline(IMAGE**2, color="grey", linewidth=0.8)
        ax.set_xlabel("pixels n (grey: 28×28)")
        ax.set_ylabel("log₁₀ of the count")
    right.legend(fontsize=8, frameon=False, loc="upper left")
    right.set_ylim(0, 18)
    left.text(60, 50, "any function (bits)", color=PALETTE[0], fontsize=9)
    left.text(300, 20, "polynomials", fontsize=9)
    return fig


def _atoms(dataset: xr.Dataset) -> Check:
    beyond = int(dataset["beyond"])
    exceeds = 2**beyond > ATOMS >= 2 ** (beyond - 1)
    return Check(
        claim="The bits of a Boolean function of n > 260 pixels outnumber the atoms in "
        "the universe.",
        paper="2^n bits against 10^78 atoms, n > 260",
        ours=f"2^{beyond} = {in_words(2**beyond)} is the first power above 10^78",
        status=Status.REPRODUCED if exceeds and beyond <= 261 else Status.NOT,
        reason=f"already from n = {beyond} on, and 2^{beyond - 1} = "
        f"{in_words(2 ** (beyond - 1))} is still below",
    )


def _image(dataset: xr.Dataset) -> Check:
    bits, terms = _count(dataset, "any function"), _count(dataset, QUADRATIC)
    return Check(
        claim="An image is far beyond it, and a polynomial of low degree is not.",
        paper=f"{IMAGE}×{IMAGE} pixels; the counts are lost in the text at hand",
        ours=f"any function {in_words(bits)} bits; coefficients "
        + ", ".join(
            f"{in_words(_count(dataset, f'polynomial, d = {d}'))} at d = {d}"
            for d in (2, 3, 4)
        ),
        status=Status.REPRODUCED if bits > ATOMS > terms else Status.NOT,
        reason=f"10^{math.log10(bits) - math.log10(ATOMS):.0f} times the atoms against "
        f"{in_words(terms)} coefficients",
    )


def _formula(dataset: xr.Dataset) -> Check:
    same = bool((dataset["formula"].values == dataset["listing"].values).all())
    listing = dict(zip(dataset.case.values, dataset["listing"].values, strict=True))
    return Check(
        claim="A polynomial of degree d in n variables has (n + d)!/(n! d!) terms.",
        paper="(n + d)!/(n! d!), below eq. (9) of the paper the slides rest on",
        ours="listed one by one on 3×3 pixels: "
        + ", ".join(f"{found} ({case})" for case, found in listing.items()),
        status=Status.REPRODUCED if same else Status.NOT,
        reason=f"all {len(listing)} counts by formula are those of the list"
        if same
        else "the formulas have " + ", ".join(map(str, dataset["formula"].values)),
    )


def _savings(dataset: xr.Dataset) -> Check:
    at = dataset["log10"].isel(side=slice(-4, None))
    x = np.log10(at.side.values**2)
    lines = {k: np.polyfit(x, at.sel(kind=k).values, 1) for k in SLOPES}
    slopes = {k: float(line[0]) for k, line in lines.items()}
    bent = max(
        float(np.abs(10 ** (at.sel(kind=k) - np.polyval(line, x)) - 1).max())
        for k, line in lines.items()
    )
    right = all(abs(slopes[k] - want) < STRAIGHT for k, want in SLOPES.items())
    counts = [in_words(_count(dataset, kind)) for kind in SLOPES]
    return Check(
        claim="Low order, locality and symmetry leave few parameters.",
        paper="(n, d = 2) → nearest neighbours → translation symmetry; the numbers are "
        "lost in the text at hand",
        ours=f"at n = {IMAGE**2}: " + " → ".join(counts),
        status=Status.REPRODUCED if right else Status.NOT,
        reason="they grow as n^"
        + ", n^".join(f"{slope:.2f}" for slope in slopes.values())
        + " from 20×20 to 64×64 pixels, and these powers leave at most "
        f"{bent:.1%} of a count: O(n²), O(n), O(1)",
    )


EXHIBIT = Exhibit(
    name="counting",
    title="How many numbers a function needs",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
