"""`kadanoff sample`: configurations in equilibrium, in a file that explains itself."""

from __future__ import annotations

import argparse
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
    parser = commands.add_parser("sample", help="draw configurations of a model")
    parser.add_argument("model", choices=["ising"], help="the Hamiltonian")
    parser.add_argument(
        "--shape", type=int, nargs="+", required=True, metavar="SIDE", help="sides"
    )
    parser.add_argument("--coupling", type=float, required=True, help="K = J/(k_B T)")
    parser.add_argument(
        "--draws",
        type=int,
        required=True,
        help="recorded configurations of all chains, rounded up to whole chains",
    )
    parser.add_argument("--chains", type=int, help="independent chains (by table)")
    parser.add_argument("--method", default="auto", help="auto or a kernel's name")
    parser.add_argument("--spacing", type=int, help="sweeps between draws (by table)")
    parser.add_argument("--burn-in", type=int, help="sweeps before the first draw")
    parser.add_argument("--workers", type=int, help="threads (one per core)")
    parser.add_argument("--out", type=Path, required=True, help="file to write (.nc)")
    add_seed(parser)
    add_runs(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Sample, certify and write."""
    from kadanoff.models.ising import Ising
    from kadanoff.samplers.run import sample
    from kadanoff.storage import save

    out = writable(arguments.out)
    model = Ising(tuple(arguments.shape))
    with progress_bar(f"sampling {' × '.join(map(str, model.shape))}") as progress:
        ensemble = sample(
            model,
            coupling=arguments.coupling,
            draws=arguments.draws,
            seed=arguments.seed,
            method=arguments.method,
            chains=arguments.chains,
            spacing=arguments.spacing,
            burn_in=arguments.burn_in,
            runs=arguments.runs,
            workers=arguments.workers,
            progress=progress,
        )
    save(ensemble, out)
    note = ensemble.history[-1]
    emit(
        {
            "file": out,
            "configurations": ensemble.size,
            "chains": ensemble.chains,
            "draws_per_chain": ensemble.draws,
            "method": note["method"],
            "spacing": note["spacing"],
            "burn_in": note["burn_in"],
            "tau": ensemble.tau,
            "n_eff": ensemble.n_eff,
            "equilibrium": note["equilibrium"],
        },
        as_json=arguments.json,
    )
