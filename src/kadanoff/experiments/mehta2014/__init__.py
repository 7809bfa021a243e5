"""An exact mapping between variational renormalization and deep learning, computed."""

from __future__ import annotations

from kadanoff.experiments.exhibit import Paper
from kadanoff.experiments.mehta2014 import (
    cells,
    debate,
    exact_cases,
    identities,
    layers,
    noise,
    receptive_fields,
    reconstruction,
    training_objective,
)
from kadanoff.experiments.mehta2014.first_page import first_page

__all__ = ["PAPER"]

PAPER = Paper(
    name="mehta2014",
    title="An exact mapping between variational renormalization and deep learning",
    lead="P. Mehta and D. J. Schwab read a restricted Boltzmann machine as a step of "
    "Kadanoff's variational renormalization. What the mapping makes equal, what "
    "training follows, and what tells a renormalization from any other step, on "
    "machines small enough to visit all their states; then the paper's deep network "
    "on the square lattice, layer by layer.",
    exhibits=(
        identities.EXHIBIT,
        training_objective.EXHIBIT,
        exact_cases.EXHIBIT,
        debate.EXHIBIT,
        noise.EXHIBIT,
        cells.EXHIBIT,
        receptive_fields.EXHIBIT,
        reconstruction.EXHIBIT,
        layers.EXHIBIT,
    ),
    first_page=first_page,
)
