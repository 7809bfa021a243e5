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

# Options of each kind, beside those of every kind; another one is refused.
LAYERS = {"visible_units", "biases", "device", "epochs", "batch", "learning_rate"}
BOLTZMANN = LAYERS | {
    "k", "k_last", "chains", "rungs", "momentum", "l1", "l2", "augment", "largest_gap",
    "page",
}  # fmt: skip
APPLY = {
    "rbm": BOLTZMANN | {"hidden", "hidden_units", "aim"},
    "dbn": BOLTZMANN | {"hidden", "aim"},
    "pca": {"hidden"},
    "autoencoder": LAYERS | {"hidden", "hidden_units"},
    "conv-rbm": BOLTZMANN | {"hidden_units", "filter", "stride", "maps"},
}
OPTIONS = set().union(*APPLY.values())
ON_LAYERS = ("pseudo_likelihood", "gap")


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("train", help="train a network on configurations")
    parser.add_argument("kind", choices=KINDS, help="the network")
    parser.add_argument("file", type=Path, help="configurations")
    _add_network(parser)
    _add_training(parser)
    parser.add_argument("--out", type=Path, required=True, help="model (.safetensors)")
    parser.add_argument("--device", help="cpu (unless asked for), cuda or cuda:N")
    parser.add_argument("--page", type=Path, help="pictures (.html); beside the run")
    add_seed(parser)
    add_runs(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def _add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--hidden", type=int, nargs="+", help="hidden units, layer by layer"
    )
    parser.add_argument("--filter", type=int, help="filter side (conv-rbm: 4)")
    parser.add_argument("--stride", type=int, help="block side (conv-rbm: 2)")
    parser.add_argument("--maps", type=int, help="filters (conv-rbm: 1)")
    parser.add_argument(
        "--visible-units", choices=UNITS, help="spin for ±1, gaussian for real values"
    )
    parser.add_argument("--hidden-units", choices=UNITS, help="spin unless asked for")
    parser.add_argument("--biases", action="store_true", help="train biases too")


def _add_training(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--aim",
        choices=AIMS,
        help="what the recommended settings, from which the others below depart, "
        "are best for: locality unless asked for",
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
        "--augment",
        action="store_true",
        help="random shifts, and flips where there is no field",
    )
    parser.add_argument(
        "--held-out", type=float, default=0.1, help="share of the chains not trained on"
    )
    parser.add_argument(
        "--largest-gap", type=float, help="free-energy gap, in nats, at which to stop"
    )


def run(arguments: argparse.Namespace) -> None:
    """Train, write the model and then its page, print how it ended."""
    from kadanoff.foreign import open_foreign
    from kadanoff.networks.device import check_device
    from kadanoff.networks.weights import save

    _check_options(arguments)
    check_device(_device(arguments))
    out = _outputs(arguments)
    data, held_out = _parts(open_foreign(arguments.file), arguments.held_out)
    trained, result = _trained(arguments, data, held_out)
    save(trained, out)
    if "page" in APPLY[arguments.kind]:
        result |= _read(arguments, trained, data, held_out, result["run"])
    emit({"file": out, **result}, as_json=arguments.json)


def _check_options(arguments: argparse.Namespace) -> None:
    """Refuse an option that would have no effect."""
    values = {name: getattr(arguments, name) for name in OPTIONS}
    given = {n for n, v in values.items() if v is not None and v is not False}
    wrong = sorted(given - APPLY[arguments.kind])
    if arguments.kind == "conv-rbm" and "hidden" in wrong:
        raise ValueError(
            "a conv-rbm has one hidden unit per block and map, so --hidden does not "
            "apply; choose --filter, --stride and --maps"
        )
    if wrong:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in wrong)
        one = len(wrong) == 1
        raise ValueError(
            f"{names} {'does' if one else 'do'} not apply to a network of kind "
            f"{arguments.kind}; leave {'it' if one else 'them'} out"
        )


def _device(arguments: argparse.Namespace) -> str:
    return arguments.device or "cpu"


def _outputs(arguments: argparse.Namespace) -> Path:
    """Where the model goes, once that and the page can be written."""
    out = writable(arguments.out, arguments.file)
    page = arguments.page
    if page is not None and page.resolve() == out.resolve():
        raise ValueError(
            f"the model and its page are two files, got {page} for both; name another "
            "page"
        )
    if page is not None:
        writable(page, arguments.file, out)
    return out


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
            device=_device(arguments),
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
            settings=_settings(arguments, network, data),
            seed=arguments.seed,
            runs=arguments.runs,
            held_out=held_out,
            device=_device(arguments),
            progress=progress,
        )
    about = {"run": work.directory, "products": work.summary["products"]}
    if arguments.augment:
        flip = _symmetry(data).flip
        about["symmetry"] = "shifts and flips" if flip else "shifts"
    return trained, about


def _read(
    arguments: argparse.Namespace, trained: Any, data: Any, held_out: Any, run: Path
) -> dict[str, Any]:
    """Write the page; its readings, with errors and next to what is exact."""
    from kadanoff.experiments.training import training
    from kadanoff.networks.dbn import DBN, layer_data
    from kadanoff.reports.page import write
    from kadanoff.reports.training import page, page_of_stack

    path = arguments.page or run / "page.html"
    if not isinstance(trained, DBN):
        dataset = training(trained, data, held_out, seed=arguments.seed)
        write(page(dataset), path)
        return {**_readings(dataset, arguments.json), "page": path}
    datasets = [
        training(machine, below, unseen, seed=arguments.seed)
        for machine, (below, unseen) in zip(
            trained.machines, layer_data(trained, data, held_out), strict=True
        )
    ]
    write(page_of_stack(datasets), path)
    layers = {
        f"layer {k}": _readings(dataset, arguments.json, ON_LAYERS)
        for k, dataset in enumerate(datasets)
    }
    return {**layers, "page": path}


def _readings(
    dataset: Any, as_json: bool, names: tuple[str, ...] = ()
) -> dict[str, Any]:
    """How the training of a machine ended: all readings, or some of them."""
    from kadanoff.reports.training import readings_of, stop_sentence, stopped

    readings: dict[str, Any] = {
        name: reading
        for name, reading in readings_of(dataset).items()
        if not names or name in names
    }
    if "energy" in readings and "exact_energy" in readings:
        exact = float(readings.pop("exact_energy").value)
        readings["energy"] = beside(readings["energy"], exact, as_json=as_json)
    epochs = dataset["epoch"].values
    end: dict[str, Any] = {"epoch": int(epochs[-1]) if len(epochs) else 0}
    if (stop := stopped(dataset)) is not None:
        end["stopped"] = stop if as_json else stop_sentence(dataset)
    return {**end, **readings}


def _network(arguments: argparse.Namespace, data: Any) -> Any:
    from kadanoff.networks.conv_rbm import ConvRBM
    from kadanoff.networks.dbn import DBN
    from kadanoff.networks.rbm import RBM

    common = {"biases": arguments.biases, "seed": arguments.seed}
    units = _units(arguments, data)
    if arguments.kind == "rbm":
        return RBM(data.geometry, _code(arguments), units=units, **common)
    if arguments.kind == "dbn":
        hidden, sees = _hidden(arguments), units[0]
        return DBN.dense(data.geometry, hidden, visible_units=sees, **common)
    sizes = _given(arguments, ("filter", "stride", "maps"))
    return ConvRBM(dimension=data.grid.dimension, units=units, **sizes, **common)


def _units(arguments: argparse.Namespace, data: Any) -> tuple[str, str]:
    usual = "spin" if data.alphabet == "pm1" else "gaussian"
    return arguments.visible_units or usual, arguments.hidden_units or "spin"


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


def _settings(arguments: argparse.Namespace, network: Any, data: Any) -> Any:
    """The recommended training of this kind of network, and what was asked for."""
    from kadanoff.networks.dbn import DBN
    from kadanoff.networks.settings import recommended

    names = (
        "epochs", "batch", "k", "k_last", "chains", "rungs", "learning_rate",
        "momentum", "l1", "l2", "largest_gap",
    )  # fmt: skip
    stacked = isinstance(network, DBN)
    machine = network.machines[0] if stacked else network
    given, aim = _given(arguments, names), arguments.aim or "locality"
    first = recommended(machine, aim, symmetric=arguments.augment)
    first, upper = (replace(s, **given) for s in (first, recommended(machine, aim)))
    if arguments.rungs is not None and first.chains != "tempered":
        raise ValueError(
            f"--rungs is of tempered chains, got chains {first.chains}; add --chains "
            "tempered, or leave it out"
        )
    if arguments.augment:
        first = replace(first, symmetry=_symmetry(data))
    # The hidden units of a dense layer have no positions to shift.
    return [first] + [upper] * (len(network.machines) - 1) if stacked else first


def _symmetry(data: Any) -> Any:
    """Shifts, and the flip where no field tells up from down."""
    from kadanoff.symmetry import Symmetry

    return Symmetry(translations=True, flip=not data.couplings.get("h", 0.0))


def _given(arguments: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}
