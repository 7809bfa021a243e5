"""Bright spots: which spins does a hidden unit listen to?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.geometry import Grid
from kadanoff.instruments.correlators import Correlator, shells
from kadanoff.instruments.receptive import (
    Locality,
    direct_response,
    locality,
    response_matrix,
)
from kadanoff.reports.figures import (
    PALETTE,
    data_uri,
    error_lines,
    figure,
    image_rows,
)
from kadanoff.reports.page import Section, Table

__all__ = ["Spots", "compute", "draw"]

UNITS = 5  # shown of every map, evenly spread over the layer


@dataclass(frozen=True)
class Spots:
    """The first layer of one map.

    Args:
        name: of the map.
        images: responses of a few units on the fine lattice.
        direct: their direct responses, the spins' own correlations divided out.
        locality: widths, patches and patch correlators of all units.
    """

    name: str
    images: list[np.ndarray]
    direct: list[np.ndarray]
    locality: Locality


def compute(levels: Mapping[str, list[Ensemble]]) -> list[Spots]:
    """Responses of the first level of every map to the original sites."""
    return [_spots(name, chain[0], chain[1]) for name, chain in levels.items()]


def draw(spots: list[Spots]) -> list[Section]:
    """The images, and the patch correlator against distance."""
    titles = [f"unit {k + 1} of {UNITS}" for k in range(UNITS)]
    seen = {s.name: s.images for s in spots}
    heard = {s.name: s.direct for s in spots}
    return [
        Section(
            "Bright spots",
            "Connected response ⟨v_i h_a⟩ − ⟨v_i⟩⟨h_a⟩ of a few units of the first "
            "layer to every spin of the fine lattice, each on its own scale. The "
            "critical magnet's own correlations give every unit a halo over the whole "
            "lattice, a block spin too: the width of the response cannot tell a local "
            "unit from a spread-out one here.",
            picture=data_uri(image_rows(seen, titles, size=1.5, responses=True)),
        ),
        Section(
            "Direct response",
            "What the same units listen to once those correlations are divided out, "
            "D = C⁻¹R with C the spins' correlation matrix: the linear weights that "
            "best predict the unit. A block spin shows its block.",
            picture=data_uri(image_rows(heard, titles, size=1.5, responses=True)),
            tables=[_widths(spots)],
        ),
        Section(
            "Patch correlator",
            "G(r) = Σ_a Σ_x C_a(x) C_a(x + r), averaged over units, sites and equal "
            "distances in sites of the original lattice, relative to its value at "
            "r = 0. Left, C is the connected response; right, the bare average "
            "⟨v_i h_a⟩ that arXiv:1906.05212 uses. The table shows what remains at "
            "the largest distance, and beside it the part of G(0) that is uniform over "
            "the lattice: the response to the magnetization as a whole. Where the two "
            "are close, and the connected version has it too, the offset is the "
            "magnetization and not a mean that was left in.",
            picture=data_uri(_correlators(spots)),
            tables=[_offsets(spots)],
        ),
    ]


def _spots(name: str, fine: Ensemble, coarse: Ensemble) -> Spots:
    seen, heard = response_matrix(fine, coarse), direct_response(fine, coarse)
    units = np.linspace(0, seen.shape[1] - 1, UNITS + 2).round().astype(int)[1:-1]
    shape = fine.grid.shape
    return Spots(
        name,
        [seen[:, u].reshape(shape) for u in units],
        [heard[:, u].reshape(shape) for u in units],
        locality(fine, coarse),
    )


def _widths(spots: list[Spots]) -> Table:
    header = [
        "map",
        "width of the response (sites)",
        "patches (mean)",
        "width of the direct response (sites)",
        "direct patches",
        "units responding",
    ]
    rows = [
        [
            s.name,
            s.locality.width,
            s.locality.mean_patches,
            s.locality.direct_width,
            s.locality.direct_patches,
            f"{100 * s.locality.responding:.0f} %",
        ]
        for s in spots
    ]
    return Table(header, rows)


def _offsets(spots: list[Spots]) -> Table:
    """G at the largest distance relative to G(0), with aligned errors."""

    def offset(correlator: Correlator) -> Estimate:
        return correlator.value[-1] / correlator.value[0]

    rows = [
        [
            s.name,
            offset(s.locality.correlator),
            offset(s.locality.raw_correlator),
            _uniform_part(s.locality.correlator, s.images[0].shape),
        ]
        for s in spots
    ]
    header = ["map", "offset, connected", "offset, ⟨v h⟩", "uniform part of G(0)"]
    return Table(header, rows)


def _uniform_part(correlator: Correlator, shape: tuple[int, ...]) -> Estimate:
    """Mean of G over all displacements, relative to G(0)."""
    _, sites = np.unique(shells(Grid(shape)).shell, return_counts=True)
    return correlator.value.map(lambda g: (g * sites).sum() / sites.sum() / g[0])


def _correlators(spots: list[Spots]) -> Figure:
    fig = figure(9.5, 3.4, columns=2)
    colours = {s.name: PALETTE[k] for k, s in enumerate(spots)}
    kinds = (("correlator", "connected"), ("raw_correlator", "⟨v h⟩, not connected"))
    for ax, (attribute, title) in zip(fig.axes, kinds, strict=True):
        for s in spots:
            found = getattr(s.locality, attribute)
            relative = found.value / found.value[0]
            error_lines(ax, found.distance, {s.name: relative}, colours)
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("distance (original sites)", fontsize=9)
        ax.set_ylabel("G(r) / G(0)", fontsize=9)
    fig.axes[0].legend(fontsize=8, frameon=False)
    return fig
