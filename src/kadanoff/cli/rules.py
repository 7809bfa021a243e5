"""Rules on the command line: `--rule`, and how a network of the user's is read."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kadanoff.coarse.stack import Stack
    from kadanoff.ensemble import Ensemble

__all__ = ["RULE_HELP", "add_rules", "rules_of", "stack_and_chains"]

RULE_HELP = (
    "±1 spins: majority:b=2, kadanoff:b=2,p=1, weighted:FILE.npy, "
    "tile-majority:sites=3, star-majority:sites=2; Potts states: plurality:b=2, "
    "tile-plurality:sites=3, star-plurality:sites=2; planar spins: vector:b=2, "
    "tile-vector:sites=3, star-vector:sites=2; also of real values: average:b=2, "
    "momentum:b=2, average-pool:b=2, max-pool:b=2, convolution:FILE.npy; of any: "
    "decimation:b=2, sublattice:sites=2; networks: rbm:MODEL, conv-rbm:MODEL, "
    "dbn:MODEL, pca:MODEL, autoencoder:MODEL (with ,output=mean or ,map=1), "
    "torch:FILE.py:FUNCTION@layer, arrange"
)
TORCH = "torch:"
OPTIONS = {
    "weights": "file of its weights, .safetensors or a state dict",
    "input": "nchw (with a channel) or flat",
    "alphabet": "what it is fed: pm1 or 01",
    "output": "what it puts out: spin, logit, prob or mean",
}


def add_rules(
    parser: argparse.ArgumentParser, *, required: bool = True, note: str = "a stack"
) -> None:
    """`--rule`, once for every step of a stack, and the options of `torch:` rules."""
    parser.add_argument(
        "--rule",
        action="append",
        required=required,
        metavar="RULE",
        help=f"{RULE_HELP}; repeat it for {note}",
    )
    for name, what in OPTIONS.items():
        parser.add_argument(
            f"--{name}", metavar=name.upper(), help=f"of a torch: rule, {what}"
        )


def rules_of(arguments: argparse.Namespace) -> list[str]:
    """The rules as text, options of a user's network written into them.

    Raises:
        ValueError: such an option where no rule is a network of the user's.
    """
    given = {name: getattr(arguments, name) for name in OPTIONS}
    options = "".join(f",{k}={v}" for k, v in given.items() if v is not None)
    rules = list(arguments.rule or ())
    if options and not any(rule.startswith(TORCH) for rule in rules):
        named = " and ".join(f"--{k}" for k, v in given.items() if v is not None)
        raise ValueError(
            f"{named} is of a rule torch:FILE.py:FUNCTION, got "
            f"{', '.join(rules) or 'no rule'}; leave it out"
        )
    return [rule + options if rule.startswith(TORCH) else rule for rule in rules]


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
