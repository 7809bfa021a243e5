"""Why does deep and cheap learning work so well?: the slides' claims, computed."""

from __future__ import annotations

from kadanoff.experiments.exhibit import Paper
from kadanoff.experiments.lin2017 import (
    counting,
    decimation,
    depth,
    dictionary,
    directions,
    further_reading,
    gate,
    gaussian_field,
    hierarchies,
    linear,
    polynomial,
)
from kadanoff.experiments.lin2017.first_page import first_page

__all__ = ["PAPER"]

PAPER = Paper(
    name="lin2017",
    title="Why does deep and cheap learning work so well?",
    lead="Slides on the paper of that name: networks are cheap because Hamiltonians of "
    "nature are simple, and deep because nature makes its data step by step. Each of "
    "their statements is computed here; formulas that are lost in the text at hand are "
    "marked.",
    exhibits=(
        directions.EXHIBIT,
        counting.EXHIBIT,
        gate.EXHIBIT,
        polynomial.EXHIBIT,
        hierarchies.EXHIBIT,
        gaussian_field.EXHIBIT,
        depth.EXHIBIT,
        linear.EXHIBIT,
        dictionary.EXHIBIT,
        decimation.EXHIBIT,
        further_reading.EXHIBIT,
    ),
    first_page=first_page,
)
