"""`kadanoff train`: networks on configurations, resumable at any moment."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from kadanoff.cli.console import (
    add_json,
    add_runs,
    add_seed,
    emit,
    progress_bar,
    writable,
)

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("train", help="train a network on configurations")
    parser.add_argument("kind", choices=["rbm", "conv-rbm"], help="the network")
    parser.add_argument("file", type=Path, help="configurations")
    parser.add_argument("--hidden", type=int, help="hidden units (rbm)")
    parser.add_argument("--filter", type=int, default=4, help="filter side (conv-rbm)")
    parser.add_argument("--stride", type=int, default=2, help="block side (conv-rbm)")
    parser.add_argument("--biases", action="store_true", help="train biases too")
    parser.add_argument("--epochs", type=int, help="passes over the data")
    parser.add_argument("--batch", type=int, help="configurations per update")
    parser.add_argument("--k", type=int, help="Gibbs steps per update")
    parser.add_argument("--persistent", action="store_true", help="PCD, not CD")
    parser.add_argument("--learning-rate", type=float, help="it decays to zero")
    parser.add_argument("--momentum", type=float, help="of the velocity")
    parser.add_argument("--l1", type=float, help="shrinks weights to zero")
    parser.add_argument("--l2", type=float, help="shrinks weights in proportion")
    parser.add_argument(
        "--augment", action="store_true", help="random shifts and flips"
    )
    parser.add_argument("--out", type=Path, required=True, help="model (.safetensors)")
    add_seed(parser)
    add_runs(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Train, write the model, print how it ended."""
    from kadanoff.foreign import open_foreign
    from kadanoff.networks.resumable import train_in_run
    from kadanoff.networks.weights import save

    out = writable(arguments.out, arguments.file)
    data = open_foreign(arguments.file)
    network = _network(arguments, data)
    settings = _settings(arguments, network)
    with progress_bar(f"training {arguments.kind}") as progress:
        trained, work = train_in_run(
            network,
            data,
            settings=settings,
            seed=arguments.seed,
            runs=arguments.runs,
            progress=progress,
        )
    save(trained, out)
    result = {"file": out, "run": work.directory, **work.summary}
    emit(result, as_json=arguments.json)


def _network(arguments: argparse.Namespace, data: Any) -> Any:
    from kadanoff.networks.conv_rbm import ConvRBM
    from kadanoff.networks.rbm import RBM

    if arguments.kind == "rbm":
        if arguments.hidden is None:
            raise ValueError("an rbm needs --hidden, its number of hidden units")
        return RBM(
            visible=data.geometry,
            hidden=arguments.hidden,
            biases=arguments.biases,
            seed=arguments.seed,
        )
    if arguments.hidden is not None:
        raise ValueError(
            "a conv-rbm has one hidden unit per block, so --hidden does not apply; "
            "choose --filter and --stride"
        )
    return ConvRBM(
        filter=arguments.filter,
        stride=arguments.stride,
        dimension=data.grid.dimension,
        biases=arguments.biases,
        seed=arguments.seed,
    )


def _settings(arguments: argparse.Namespace, network: Any) -> Any:
    """The recommended training of this kind of network, and what was asked for."""
    from kadanoff.networks.settings import recommended
    from kadanoff.symmetry import Symmetry

    names = ("epochs", "batch", "k", "learning_rate", "momentum", "l1", "l2")
    given = {name: getattr(arguments, name) for name in names}
    chosen = {name: value for name, value in given.items() if value is not None}
    if arguments.persistent:
        chosen["persistent"] = True
    if arguments.augment:
        chosen["symmetry"] = Symmetry(translations=True, flip=True)
    return replace(recommended(network), **chosen)
