"""Learning by zooming out: the essay's statements, computed."""

from __future__ import annotations

from kadanoff.experiments.exhibit import Paper
from kadanoff.experiments.zoomout import (
    epsilon,
    features,
    parameters,
    scale_invariance,
    self_similarity,
)
from kadanoff.experiments.zoomout.first_page import first_page

__all__ = ["PAPER"]

PAPER = Paper(
    name="zoomout",
    title="Learning by zooming out",
    lead="An essay explains deep learning by the renormalization group: a magnet near "
    "its transition looks alike at all scales, and zooming out leaves the few "
    "parameters that matter. Each of its statements is computed here.",
    exhibits=(
        scale_invariance.EXHIBIT,
        self_similarity.EXHIBIT,
        epsilon.EXHIBIT,
        parameters.EXHIBIT,
        features.EXHIBIT,
    ),
    first_page=first_page,
)
