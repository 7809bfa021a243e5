"""The same magnet at every level: physics above, networks below."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.reports.figures import data_uri, image_rows
from kadanoff.reports.page import Section
from kadanoff.reports.zoom import picture

__all__ = ["compute", "draw"]

Strips = Mapping[str, list[np.ndarray]]


def compute(levels: Mapping[str, list[Ensemble]]) -> Strips:
    """One configuration under every map, from fine to coarse."""
    return {
        name: [picture(level, chain=0) for level in chain]
        for name, chain in levels.items()
    }


def draw(large: Strips, small: Strips) -> Section:
    """Two strips: the large lattice, then the small one that the dense layers need."""
    rows = {f"{name},\nfrom {_size(strip)}": strip for name, strip in large.items()}
    rows |= {
        f"{name},\nfrom {_size(strip)}": [None, *strip] for name, strip in small.items()
    }
    titles = [_size([level]) for level in next(iter(large.values()))]
    return Section(
        "Zooming out",
        "One configuration of each lattice, coarse-grained step by step: rules of "
        "physics above, networks below. Rows with the same start show the same spins, "
        "and no network was trained on them. Dense hidden units have no positions: "
        "they are shown where an explicit arrangement, fitted on other chains, puts "
        "them.",
        picture=data_uri(image_rows(rows, titles, size=1.5)),
    )


def _size(strip: list[np.ndarray]) -> str:
    return "×".join(map(str, strip[0].shape))
