"""Is deep learning a renormalization group flow? (arXiv:1906.05212)"""

from __future__ import annotations

from kadanoff.experiments.demellokoch2020 import (
    correlation_length,
    driven,
    fig_2,
    fig_3,
    fig_4,
    fig_5a,
    fig_5b,
    fig_6a,
    fig_6b,
    fig_7,
    fig_8,
    fig_11,
    fig_12,
    fig_13,
    fig_14,
    flow_controls,
    flow_end,
    geometry,
    pooling,
    scorecards,
    uniqueness,
)
from kadanoff.experiments.demellokoch2020.first_page import first_page
from kadanoff.experiments.exhibit import Paper

__all__ = ["PAPER"]

PAPER = Paper(
    name="demellokoch2020",
    title="Is deep learning a renormalization group flow?",
    lead="Every figure of the paper of that name, computed again beside what is exact "
    "and beside controls. What its text at hand has lost, or what is reconstructed, is "
    "said to be so.",
    exhibits=(
        fig_5b.EXHIBIT,
        fig_6a.EXHIBIT,
        fig_3.EXHIBIT,
        fig_2.EXHIBIT,
        fig_4.EXHIBIT,
        fig_5a.EXHIBIT,
        fig_6b.EXHIBIT,
        flow_end.EXHIBIT,
        flow_controls.EXHIBIT,
        fig_7.EXHIBIT,
        fig_8.EXHIBIT,
        fig_11.EXHIBIT,
        fig_12.EXHIBIT,
        fig_13.EXHIBIT,
        correlation_length.EXHIBIT,
        fig_14.EXHIBIT,
        uniqueness.EXHIBIT,
        scorecards.EXHIBIT,
        driven.EXHIBIT,
        geometry.EXHIBIT,
        pooling.EXHIBIT,
    ),
    first_page=first_page,
)
