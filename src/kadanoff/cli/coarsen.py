"""`kadanoff coarsen`: the same chains and draws, one or more levels up."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kadanoff.cli.console import add_json, add_seed, emit, writable

if TYPE_CHECKING:
    from kadanoff.coarse.stack import Stack
    from kadanoff.ensemble import Ensemble

__all__ = ["RULE_HELP", "add", "add_rules", "stack_and_chains"]

RULE_HELP = (
    "±1 spins: majority:b=2, kadanoff:b=2,p=1, weighted:FILE.npy, "
    "tile-majority:sites=3, star-majority:sites=2; Potts states: plurality:b=2, "
    "tile-plurality:sites=3, star-plurality:sites=2; planar spins: vector:b=2, "
    "tile-vector:sites=3, star-vector:sites=2; also of real values: average:b=2, "
    "momentum:b=2, average-pool:b=2, max-pool:b=2, convolution:FILE.npy; of any: "
    "decimation:b=2, sublattice:sites=2; networks: rbm:MODEL, conv-rbm:MODEL, "
    "dbn:MODEL, pca:MODEL, autoencoder:MODEL (with ,output=mean or ,map=1), arrange"
)


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("coarsen", help="apply a rule, or a stack of rules")
    parser.add_argument("file", type=Path, help="configurations")
    add_rules(parser)
    parser.add_argument("--out", type=Path, required=True, help="file to write (.nc)")
    add_seed(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def add_rules(parser: argparse.ArgumentParser) -> None:
    """`--rule`, once for every step of a stack."""
    parser.add_argument(
        "--rule",
        action="append",
        required=True,
        metavar="RULE",
        help=f"{RULE_HELP}; repeat it for a stack",
    )


def run(arguments: argparse.Namespace) -> None:
    """Coarsen and write."""
    from kadanoff.coarse.coarsen import coarsen
    from kadanoff.storage import save

    out = writable(arguments.out, arguments.file)
    stack, ensemble = stack_and_chains(arguments.rule, arguments.file, arguments.seed)
    coarse = coarsen(stack, ensemble, seed=arguments.seed)
    save(coarse, out)
    emit(
        {
            "file": out,
            "rule": str(stack),
            "configurations": coarse.size,
            "lattice": list(coarse.geometry.lattice),
            "alphabet": coarse.alphabet,
        },
        as_json=arguments.json,
    )


def stack_and_chains(rules: list[str], file: Path, seed: int) -> tuple[Stack, Ensemble]:
    """The fitted stack and the chains to apply it to.

    Where an `arrange` has to be fitted, a quarter of the chains is used for that and
    left out of what is returned: nothing is read on the chains it was fitted on.
    """
    from kadanoff.coarse.grammar import ARRANGE, fit_and_read, fitted, parse_rule
    from kadanoff.foreign import open_foreign

    parsed = [parse_rule(rule) for rule in rules]
    ensemble = open_foreign(file)
    if ARRANGE not in parsed:
        return fitted(parsed, ensemble, seed=seed), ensemble
    fit, read = fit_and_read(ensemble)
    return fitted(parsed, fit, seed=seed), read
