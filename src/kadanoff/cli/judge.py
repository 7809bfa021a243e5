"""`kadanoff judge`: what a trained network is worth as a law of configurations."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from kadanoff.cli.console import (
    add_json,
    add_seed,
    beside,
    emit,
    progress_bar,
    writable,
)

__all__ = ["add"]


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "judge", help="ln Z, likelihood, divergence and samples of a trained network"
    )
    parser.add_argument("model", type=Path, help="network (.safetensors)")
    parser.add_argument(
        "file", type=Path, help="configurations that it was not trained on"
    )
    parser.add_argument(
        "--annealings", type=int, default=128, help="runs of annealing each way (128)"
    )
    parser.add_argument(
        "--temperatures", type=int, default=1000, help="of an annealing (1000)"
    )
    parser.add_argument("--chains", type=int, default=64, help="of its samples (64)")
    parser.add_argument("--draws", type=int, default=64, help="of each chain (64)")
    parser.add_argument("--out", type=Path, help="file for the samples")
    add_seed(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print every reading beside the exact one, and write the samples if asked to."""
    from kadanoff.experiments.verdict import judge
    from kadanoff.foreign import open_foreign
    from kadanoff.networks.weights import load
    from kadanoff.storage import save

    out = arguments.out
    if out is not None:
        out = writable(out, arguments.file, arguments.model)
    network, unseen = load(arguments.model), open_foreign(arguments.file)
    if network.kind not in ("rbm", "conv-rbm", "dbn"):
        raise ValueError(
            f"{arguments.model}: a network of kind '{network.kind}' is no law of "
            "configurations; give an rbm, a conv-rbm or a dbn"
        )
    if out is not None and network.kind == "dbn":
        raise ValueError(
            "a dbn is judged by its bound and no samples are drawn, so --out does not "
            "apply; leave it out"
        )
    with progress_bar("judging") as progress:
        found = judge(
            network,
            unseen,
            runs=arguments.annealings,
            temperatures=arguments.temperatures,
            chains=arguments.chains,
            draws=arguments.draws,
            seed=arguments.seed,
            progress=progress,
        )
    result = _of_the_law(found, arguments.json)
    if found.samples is not None:
        result |= _of_samples(found, arguments.json)
        if out is not None:
            save(found.samples, out)
            result["file"] = out
    emit(result, as_json=arguments.json)


def _of_the_law(found: Any, as_json: bool) -> dict[str, Any]:
    log_z = vars(found.log_z) if as_json else found.log_z
    bound = found.samples is None
    likelihood = "log_likelihood_bound" if bound else "log_likelihood"
    shown = found.log_likelihood if as_json else str(found.log_likelihood)
    result = {"log_z": log_z, likelihood: shown}
    if found.seen:
        result["remark"] = found.sentences[0]
    if found.divergence is None:
        return result
    kl = found.divergence.kl
    result["kl_bound" if bound else "kl"] = kl if as_json else str(kl)
    if found.divergence.even:
        result["kl_reweighted"] = found.divergence.reweighted
    return result


def _of_samples(found: Any, as_json: bool) -> dict[str, Any]:
    note = found.samples.history[-1]
    result: dict[str, Any] = {
        "spacing": note["spacing"],
        "tau": note["equilibrium"]["tau"],
        "r_hat": note["equilibrium"]["r_hat"],
    }
    result |= _against_exact(found.judgement, as_json)
    if found.agreement is not None:
        result["out_of_equilibrium"] = found.agreement.out_of_equilibrium
    said = found.sentences[1:] if found.seen else found.sentences
    return result | {"verdict": " — ".join(said)}


def _against_exact(judgement: Any, as_json: bool) -> dict[str, Any]:
    if judgement is None:
        return {}
    result = {
        name: beside(reading.value, reading.exact, as_json=as_json)
        for name in ("energy", "heat_capacity")
        for reading in [getattr(judgement, name)]
    }
    tests = {"p_of_energies": judgement.energies, "p_of_states": judgement.states}
    for name, test in tests.items():
        if test is not None:
            result[name] = test.p if as_json or test.p > 0 else "< 1e-300"
    if judgement.decay is not None:
        result |= _correlator(judgement.decay, as_json)
    return result


def _correlator(decay: Any, as_json: bool) -> dict[str, Any]:
    """G(r) at every distance, on a terminal at 1, 2, 4, …"""
    rows = {
        float(r): beside(decay.value[k], float(decay.exact[k]), as_json=as_json)
        for k, r in enumerate(decay.distance)
    }
    if as_json:
        return {"correlator": {"law": decay.law, "distances": rows}}
    return {f"G({r:g})": row for r, row in rows.items() if math.log2(r).is_integer()}
