"""The options that name a model, the same for every command that takes one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kadanoff.protocols import Model

__all__ = ["add_model", "model_of_arguments", "parameters"]

MODELS = (
    "ising",
    "potts",
    "xy",
    "phi4",
    "forest-fire",
    "epidemic",
    "mean-field",
    "two-temperatures",
)
PARAMETERS: dict[str, tuple[Any, str]] = {
    "lattice": (str, "chain, square, cubic, hypercubic, triangular or honeycomb"),
    "field": (float, "Ising: magnetic field in units of J"),
    "second": (float, "Ising: coupling of second neighbours in units of J"),
    "q": (int, "Potts: number of states"),
    "quartic": (float, "φ⁴: λ"),
    "share": (float, "two temperatures: share of ground states"),
}


def add_model(
    parser: argparse.ArgumentParser,
    models: Sequence[str] = MODELS,
    *,
    shape_required: bool = True,
) -> None:
    """The model, its shape and its parameters."""
    parser.add_argument("model", choices=models, help="the law")
    parser.add_argument(
        "--shape", type=int, nargs="+", required=shape_required, metavar="SIDE",
        help="sides" if shape_required else "sides (infinite where not given)",
    )  # fmt: skip
    for name, (kind, help_) in PARAMETERS.items():
        parser.add_argument(f"--{name}", type=kind, help=help_)


def parameters(arguments: argparse.Namespace) -> dict[str, Any]:
    """Those that were given."""
    given = {name: getattr(arguments, name) for name in PARAMETERS}
    return {name: value for name, value in given.items() if value is not None}


def model_of_arguments(arguments: argparse.Namespace) -> Model:
    """The model, checked."""
    from kadanoff.models.registry import model_from

    return model_from(arguments.model, arguments.shape, parameters(arguments))
