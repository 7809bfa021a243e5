"""`kadanoff sample`: equilibrium configurations, in files that explain themselves."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kadanoff.cli.console import (
    add_json,
    add_runs,
    add_seed,
    emit,
    progress_bar,
    writable,
)
from kadanoff.cli.laws import add_model, model_of_arguments

if TYPE_CHECKING:
    from kadanoff.ensemble import Ensemble
    from kadanoff.protocols import Model
    from kadanoff.sweep import Sweep

__all__ = ["add"]


MOST_TEMPERATURES = 10_000


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("sample", help="draw configurations of a model")
    add_model(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--coupling", type=float, help="K = J/(k_B T), either sign; 0 is T = ∞"
    )
    which.add_argument(
        "--temperatures",
        type=grid_of_temperatures,
        metavar="START:STOP:COUNT",
        help="a sweep in J/k_B, both ends, 0 is the ground states; --out is a folder",
    )
    parser.add_argument(
        "--draws",
        type=int,
        required=True,
        help="recorded configurations of all chains, rounded up to whole chains",
    )
    parser.add_argument("--chains", type=int, help="independent chains (by table)")
    parser.add_argument("--method", default="auto", help="auto or a sampler's name")
    parser.add_argument("--spacing", type=int, help="sweeps between draws (by table)")
    parser.add_argument("--burn-in", type=int, help="sweeps before the first draw")
    parser.add_argument(
        "--workers",
        type=processes,
        help="processes, or the address of a dask scheduler (one process per core for "
        "long runs)",
    )
    parser.add_argument(
        "--long", action="store_true", help="allow more than a day of one core"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="file to write (.nc), or a folder"
    )
    add_seed(parser)
    add_runs(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Sample, certify and write."""
    model = model_of_arguments(arguments)
    options = {
        name: getattr(arguments, name)
        for name in (
            *("draws", "seed", "method", "chains", "spacing", "burn_in"),
            *("long", "runs", "workers"),
        )
    }
    label = f"sampling {' × '.join(map(str, model.shape))}"
    if arguments.temperatures is None:
        _one(arguments, model, options, label)
    else:
        _many(arguments, model, options, label)


def grid_of_temperatures(text: str) -> list[float]:
    """`0:5.9:60` → 60 temperatures from 0 to 5.9, both included."""
    import numpy as np

    parts = text.split(":")
    try:
        start, stop, count = float(parts[0]), float(parts[1]), int(parts[2])
        if len(parts) != 3 or not math.isfinite(start + stop):
            raise ValueError
        if not 1 <= count <= MOST_TEMPERATURES or (count == 1) != (start == stop):
            raise ValueError
    except (ValueError, IndexError):
        raise argparse.ArgumentTypeError(
            f"temperatures are START:STOP:COUNT such as 0:5.9:60, finite and at most "
            f"{MOST_TEMPERATURES} of them, got {text!r}"
        ) from None
    return [round(t, 12) for t in np.linspace(start, stop, count).tolist()]


def processes(text: str) -> int | str:
    """A number of processes, or an address."""
    return int(text) if text.lstrip("-").isdigit() else text


def _one(
    arguments: argparse.Namespace, model: Model, options: dict[str, Any], label: str
) -> None:
    from kadanoff.samplers.run import sample
    from kadanoff.storage import is_native_file, save

    if not math.isfinite(arguments.coupling):
        raise ValueError(
            f"the coupling must be a finite number, got {arguments.coupling}; infinite "
            "temperature is 0, and temperature 0 is --temperatures 0:0:1"
        )
    out = writable(arguments.out)
    if out.exists() and not is_native_file(out):
        raise ValueError(
            f"{out} is there and holds no configurations; name another file, or remove "
            "it first"
        )
    with progress_bar(label) as progress:
        ensemble = sample(
            model, coupling=arguments.coupling, progress=progress, **options
        )
    save(ensemble, out)
    emit({"file": out, **_summary(ensemble)}, as_json=arguments.json)


def _many(
    arguments: argparse.Namespace, model: Model, options: dict[str, Any], label: str
) -> None:
    from kadanoff.samplers.temperatures import sample_sweep

    out = arguments.out
    if out.exists() and not out.is_dir():
        raise ValueError(
            f"a sweep is written to a folder, got the file {out}; name another"
        )
    with progress_bar(label) as progress:
        sweep = sample_sweep(
            model,
            temperatures=arguments.temperatures,
            out=out,
            progress=progress,
            **options,
        )
    emit(_summary_of_sweep(out, sweep), as_json=arguments.json)


def _summary(ensemble: Ensemble) -> dict[str, Any]:
    from kadanoff.samplers.certificate import verdict

    note = ensemble.history[-1]
    return {
        "configurations": ensemble.size,
        "chains": ensemble.chains,
        "draws_per_chain": ensemble.draws,
        "method": note["method"],
        "spacing": note["spacing"],
        "burn_in": note["burn_in"],
        "tau": ensemble.tau,
        "n_eff": ensemble.n_eff,
        "equilibrium": verdict(note["equilibrium"]),
        "certificate": note["equilibrium"],
    }


def _summary_of_sweep(out: Path, sweep: Sweep) -> dict[str, Any]:
    return {
        "folder": out,
        "temperatures": len(sweep),
        "configurations": sum(ensemble.size for ensemble in sweep),
        "chains": sweep[0].chains,
        "draws_per_chain": sweep[0].draws,
        "methods": sorted({e.history[-1]["method"] for e in sweep}),
        "largest_tau": max(ensemble.tau for ensemble in sweep),
    }
