"""The papers and talks that can be reproduced, by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kadanoff.experiments.exhibit import Paper

__all__ = ["PAPERS", "paper_of"]

PAPERS: Mapping[str, str] = {
    "demellokoch2020": "Is deep learning an RG flow?, figure by figure",
    "mehta2014": "An exact mapping between variational RG and deep learning",
    "lin2017": "slides, Why does deep and cheap learning work so well?",
    "zoomout": "an essay, Learning by zooming out",
}
"""Name → what it is, in a few words; each is a folder beside this file."""


def paper_of(name: str) -> Paper:
    """A paper by its name.

    Raises:
        KeyError: a name that is not in `PAPERS`.
    """
    if name not in PAPERS:
        raise KeyError(name)
    return import_module(f"kadanoff.experiments.{name}").PAPER
