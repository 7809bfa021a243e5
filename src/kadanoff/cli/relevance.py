"""`kadanoff relevance`: which directions of the weights the coarse law feels."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kadanoff.cli.console import add_json, add_seed, emit, progress_bar

if TYPE_CHECKING:
    from kadanoff.scorecard.relevance import Placed, Relevance

__all__ = ["add"]

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "relevance", help="β functions of a network's weights, and what pruning costs"
    )
    parser.add_argument("model", type=Path, help="an rbm (.safetensors)")
    parser.add_argument(
        "file", type=Path, help="configurations that it was not trained on"
    )
    parser.add_argument(
        "--operators",
        nargs="+",
        metavar="NAME",
        help="what the coarse Hamiltonian is made of (nn nnn plaquette third field, "
        "those that the lattice has)",
    )
    parser.add_argument(
        "--level",
        type=float,
        default=0.01,
        help="probability that any direction is misjudged by chance (0.01)",
    )
    parser.add_argument(
        "--prune",
        action="store_true",
        help="also take directions out and read the divergence, both exponents and "
        "the energy of what is left",
    )
    parser.add_argument(
        "--shares",
        type=float,
        nargs="+",
        metavar="SHARE",
        help="that are kept, for --prune (0 0.25 0.5 0.75 1)",
    )
    add_seed(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print a line for every direction, and the pruning curves if asked for."""
    from kadanoff.foreign import open_foreign
    from kadanoff.networks.weights import load
    from kadanoff.scorecard.relevance import placed, relevance

    if arguments.shares is not None and not arguments.prune:
        raise ValueError("--shares is for --prune; add it or leave --shares out")
    network: Any = load(arguments.model)  # another kind is refused with a sentence
    unseen = open_foreign(arguments.file)
    found = relevance(
        network,
        unseen,
        operators=arguments.operators,
        level=arguments.level,
        seed=arguments.seed,
    )
    result = found.as_dict() if arguments.json else _as_text(found)
    if arguments.prune:
        here = placed(network, unseen, seed=arguments.seed)
        result["pruning"] = _curves(here, found, arguments)
        if not arguments.json:
            result |= _lines(result.pop("pruning"))
    emit(result, as_json=arguments.json)


def _as_text(found: Relevance) -> dict[str, Any]:
    from kadanoff.scorecard.relevance import CLASSES

    result: dict[str, Any] = {
        f"K {name}": found.couplings[k] for k, name in enumerate(found.operators)
    }
    for k, field in enumerate(found.fields):
        result[f"λ {field}"] = found.eigenvalues[k]
    for k, name in enumerate(found.directions):
        parts = [f"{f} {found.amplitude[k, i]}" for i, f in enumerate(found.fields)]
        parts += [
            f"∂K {o} {found.response[k, i]}" for i, o in enumerate(found.operators)
        ]
        result[name] = f"{found.classes[k]:<10}  " + "  ".join(parts)
    for name in CLASSES:
        result[name] = ", ".join(found.of_class(name)) or "none"
    for k, flag in enumerate(found.flags, start=1):
        result[f"remark {k}"] = flag
    result["to read it"] = LEGEND.format(level=found.level)
    return result


LEGEND = (
    "W k is a singular direction of the weights, largest first, b all biases of the "
    "hidden units together and b k those along direction k; λ is by how much a scaling "
    "field grows in one step, relevant above 1; each direction has its class (at "
    "{level:g} for all tests together), its amplitude in each scaling field, by which "
    "directions are to be compared, and what it does to each coupling"
)


def _curves(
    here: Placed, found: Relevance, arguments: argparse.Namespace
) -> dict[str, Any]:
    from kadanoff.scorecard.pruning import ORDERS, pruning_curve

    shares = SHARES if arguments.shares is None else tuple(arguments.shares)
    curves = {}
    with progress_bar("pruning") as told:
        for k, by in enumerate(ORDERS):
            curves[by] = pruning_curve(
                here, found, by, shares=shares, seed=arguments.seed
            )
            told(k + 1, len(ORDERS))
    return curves


def _lines(curves: dict[str, Any]) -> dict[str, Any]:
    """A line for every order and share."""
    return {
        f"{by} {share:.3g}": "  ".join(
            f"{name} {estimates[k]}" for name, estimates in curve.readings.items()
        )
        for by, curve in curves.items()
        for k, share in enumerate(curve.share)
    }
