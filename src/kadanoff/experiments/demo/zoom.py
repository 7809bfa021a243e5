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
    rows = {f"{name}, large": strip for name, strip in large.items()}
    rows |= {name: [None, *strip] for name, strip in small.items()}
    titles = ["×".join(map(str, p.shape)) for p in next(iter(large.values()))]
    return Section(
        "Zooming out",
        "One configuration in each row group, coarse-grained step by step; every row "
        "of a group starts from the same spins, and no network was trained on them. "
        "Dense hidden units have no positions: they are shown where an explicit "
        "arrangement, fitted on other chains, puts them.",
        picture=data_uri(image_rows(rows, titles)),
    )
