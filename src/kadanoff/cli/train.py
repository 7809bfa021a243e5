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
    beside,
    emit,
    progress_bar,
    writable,
)

__all__ = ["add"]

DENSE = ("rbm", "dbn", "pca", "autoencoder")
KINDS = (*DENSE, "conv-rbm")
AIMS = ("locality", "likelihood")
CHAINS = ("data", "persistent", "tempered", "checkpoints")
UNITS = ("spin", "gaussian")


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("train", help="train a network on configurations")
    parser.add_argument("kind", choices=KINDS, help="the network")
    parser.add_argument("file", type=Path, help="configurations")
    _add_network(parser)
    _add_training(parser)
    parser.add_argument("--out", type=Path, required=True, help="model (.safetensors)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--page", type=Path, help="pictures (.html); beside the run")
    add_seed(parser)
    add_runs(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def _add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--hidden", type=int, nargs="+", help="hidden units, layer by layer"
    )
    parser.add_argument("--filter", type=int, default=4, help="filter side (conv-rbm)")
    parser.add_argument("--stride", type=int, default=2, help="block side (conv-rbm)")
    parser.add_argument("--maps", type=int, default=1, help="filters (conv-rbm)")
    parser.add_argument(
        "--visible-units", choices=UNITS, help="spin for ±1, gaussian for real values"
    )
    parser.add_argument(
        "--hidden-units", choices=UNITS, default="spin", help="spin unless asked for"
    )
    parser.add_argument("--biases", action="store_true", help="train biases too")


def _add_training(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--aim",
        choices=AIMS,
        default="locality",
        help="what the recommended settings, from which the others below depart, "
        "are best for",
    )
    parser.add_argument("--epochs", type=int, help="passes over the data")
    parser.add_argument("--batch", type=int, help="configurations per update")
    parser.add_argument("--k", type=int, help="Gibbs steps per update")
    parser.add_argument("--k-last", type=int, help="to which k rises")
    parser.add_argument("--chains", choices=CHAINS, help="where the model's come from")
    parser.add_argument("--rungs", type=int, help="temperatures of tempered chains")
    parser.add_argument("--learning-rate", type=float, help="it decays to zero")
    parser.add_argument("--momentum", type=float, help="of the velocity")
    parser.add_argument("--l1", type=float, help="shrinks weights to zero")
    parser.add_argument("--l2", type=float, help="shrinks weights in proportion")
    parser.add_argument(
        "--augment", action="store_true", help="random shifts and flips"
    )
    parser.add_argument(
        "--held-out", type=float, default=0.1, help="share of the chains not trained on"
    )
    parser.add_argument(
        "--largest-gap", type=float, help="free-energy gap, in nats, at which to stop"
    )


def run(arguments: argparse.Namespace) -> None:
    """Train, write the model and its page, print how it ended."""
    from kadanoff.foreign import open_foreign
    from kadanoff.networks.weights import save

    out = writable(arguments.out, arguments.file)
    data, held_out = _parts(open_foreign(arguments.file), arguments.held_out)
    trained, result = _trained(arguments, data, held_out)
    save(trained, out)
    emit({"file": out, **result}, as_json=arguments.json)


def _parts(data: Any, share: float) -> tuple[Any, Any]:
    """Chains to train on, and chains to hold out, where there are several."""
    if not 0 <= share < 1:
        raise ValueError(f"--held-out is a share of the chains in [0, 1), got {share}")
    chains = min(round(share * data.chains) or 1, data.chains - 1)
    if share == 0 or chains < 1:
        return data, None
    return data.split(data.chains - chains, chains)


def _trained(arguments: argparse.Namespace, data: Any, held_out: Any) -> Any:
    """The network, and what to print of it."""
    match arguments.kind:
        case "pca":
            return _pca(arguments, data)
        case "autoencoder":
            return _autoencoder(arguments, data, held_out)
        case _:
            return _machine(arguments, data, held_out)


def _pca(arguments: argparse.Namespace, data: Any) -> Any:
    from kadanoff.networks.pca import fit_pca, reconstruction_error

    network = fit_pca(data, _code(arguments))
    return network, {
        "explained": float(network.explained.sum()),
        "reconstruction_error": reconstruction_error(network, data),
    }


def _autoencoder(arguments: argparse.Namespace, data: Any, held_out: Any) -> Any:
    from kadanoff.networks.autoencoder import Autoencoder, Descent, train_autoencoder
    from kadanoff.networks.pca import reconstruction_error

    network = Autoencoder(
        data.geometry,
        _hidden(arguments),
        biases=arguments.biases,
        seed=arguments.seed,
        units=_units(arguments, data),
    )
    names = ("epochs", "batch", "learning_rate")
    settings = replace(Descent(), **_given(arguments, names))
    with progress_bar("training autoencoder") as progress:
        trained = train_autoencoder(
            network,
            data,
            settings=settings,
            seed=arguments.seed,
            held_out=held_out,
            device=arguments.device,
            progress=progress,
        )
    last = {name: float(series[-1]) for name, series in trained.record.items()}
    error = reconstruction_error(trained, data)
    return trained, {**last, "reconstruction_error": error}


def _machine(arguments: argparse.Namespace, data: Any, held_out: Any) -> Any:
    from kadanoff.networks.resumable import train_in_run

    network = _network(arguments, data)
    with progress_bar(f"training {arguments.kind}") as progress:
        trained, work = train_in_run(
            network,
            data,
            settings=_settings(arguments, network),
            seed=arguments.seed,
            runs=arguments.runs,
            held_out=held_out,
            device=arguments.device,
            progress=progress,
        )
    summary = dict(work.summary)
    if arguments.kind == "dbn":
        return trained, {"run": work.directory, **summary}
    readings = _page(arguments, trained, data, held_out, work.directory)
    about = {name: summary[name] for name in ("epoch", "products")}
    return trained, {"run": work.directory, **about, **readings}


def _page(
    arguments: argparse.Namespace, trained: Any, data: Any, held_out: Any, run: Path
) -> dict[str, Any]:
    """Write the page; its readings, with errors and next to what is exact."""
    from kadanoff.experiments.training import training
    from kadanoff.reports.page import write
    from kadanoff.reports.training import page, readings_of

    path = arguments.page or run / "page.html"
    dataset = training(trained, data, held_out, seed=arguments.seed)
    write(page(dataset), path)
    readings: dict[str, Any] = dict(readings_of(dataset))
    if "energy" in readings and "exact_energy" in readings:
        exact = float(readings.pop("exact_energy").value)
        readings["energy"] = beside(readings["energy"], exact, as_json=arguments.json)
    return {**readings, "page": path}


def _network(arguments: argparse.Namespace, data: Any) -> Any:
    from kadanoff.networks.conv_rbm import ConvRBM
    from kadanoff.networks.dbn import DBN
    from kadanoff.networks.rbm import RBM

    common = {"biases": arguments.biases, "seed": arguments.seed}
    units = _units(arguments, data)
    if arguments.kind == "rbm":
        return RBM(data.geometry, _code(arguments), units=units, **common)
    if arguments.kind == "dbn":
        return DBN.dense(data.geometry, _hidden(arguments), **common)
    if arguments.hidden is not None:
        raise ValueError(
            "a conv-rbm has one hidden unit per block and map, so --hidden does not "
            "apply; choose --filter, --stride and --maps"
        )
    return ConvRBM(
        filter=arguments.filter,
        stride=arguments.stride,
        maps=arguments.maps,
        dimension=data.grid.dimension,
        units=units,
        **common,
    )


def _units(arguments: argparse.Namespace, data: Any) -> tuple[str, str]:
    usual = "spin" if data.alphabet == "pm1" else "gaussian"
    return arguments.visible_units or usual, arguments.hidden_units


def _hidden(arguments: argparse.Namespace) -> tuple[int, ...]:
    if arguments.hidden is None:
        raise ValueError(
            f"a network of kind {arguments.kind} needs --hidden, its number of hidden "
            "units"
        )
    return tuple(arguments.hidden)


def _code(arguments: argparse.Namespace) -> int:
    """The units of a single hidden layer."""
    first, *more = _hidden(arguments)
    if more:
        raise ValueError(
            f"a network of kind {arguments.kind} has one hidden layer, got --hidden "
            f"{' '.join(map(str, arguments.hidden))}; train a dbn or an autoencoder"
        )
    return first


def _settings(arguments: argparse.Namespace, network: Any) -> Any:
    """The recommended training of this kind of network, and what was asked for."""
    from kadanoff.networks.dbn import DBN
    from kadanoff.networks.settings import recommended

    names = (
        "epochs", "batch", "k", "k_last", "chains", "rungs", "learning_rate",
        "momentum", "l1", "l2", "largest_gap",
    )  # fmt: skip
    stacked = isinstance(network, DBN)
    machine = network.machines[0] if stacked else network
    given, aim = _given(arguments, names), arguments.aim
    first = recommended(machine, aim, symmetric=arguments.augment)
    first, upper = (replace(s, **given) for s in (first, recommended(machine, aim)))
    # The hidden units of a dense layer have no positions to shift.
    return [first] + [upper] * (len(network.machines) - 1) if stacked else first


def _given(arguments: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}
