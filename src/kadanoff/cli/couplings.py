"""`kadanoff couplings`: the Hamiltonian that configurations look drawn from."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kadanoff.cli.console import add_json, add_seed, emit

if TYPE_CHECKING:
    from kadanoff.ensemble import Ensemble
    from kadanoff.instruments.couplings import Couplings
    from kadanoff.instruments.neighbourhood import Unexplained

__all__ = ["add"]

LAW = {"nn": "K", "nnn": "K2", "field": "h"}
"""Operators of an Ising model, and its couplings by name."""
TABLE_REACH = 1


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "couplings", help="fitted couplings, and what they leave unexplained"
    )
    parser.add_argument("file", type=Path, help="±1 configurations on a grid")
    parser.add_argument(
        "--operators",
        nargs="+",
        default=["nn", "nnn", "plaquette"],
        metavar="NAME",
        help="what the Hamiltonian is made of (nn nnn plaquette)",
    )
    parser.add_argument(
        "--unexplained",
        action="store_true",
        help="fit on half of the chains, and read on the other half what the "
        "neighbourhood of a spin says beyond the couplings",
    )
    parser.add_argument(
        "--reach",
        type=int,
        help="of that neighbourhood, in lattice steps along every direction (2)",
    )
    add_seed(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Couplings with both errors, beside those of the law where it is known."""
    from kadanoff.foreign import open_foreign
    from kadanoff.instruments.couplings import fit_couplings

    if arguments.reach is not None and not arguments.unexplained:
        raise ValueError("--reach is for --unexplained; add it or leave --reach out")
    ensemble = open_foreign(arguments.file)
    read, fitted_on = None, ensemble
    if arguments.unexplained:
        if ensemble.chains < 2:
            raise ValueError(
                "--unexplained fits on half of the chains and reads on the others, "
                f"got {ensemble.chains} chain; sample, or import with --chains, more"
            )
        fitted_on, read = ensemble.split(2)
    found = fit_couplings(fitted_on, arguments.operators)
    result: dict[str, Any] = {
        "configurations": fitted_on.size,
        "lattice": list(ensemble.geometry.lattice),
        **_couplings(found, _law(ensemble, found.operators), arguments.json),
        "entropy": found.entropy,
    }
    if read is not None:
        reach = 2 if arguments.reach is None else arguments.reach
        result |= _beyond(found, fitted_on, read, reach, arguments)
    emit(result, as_json=arguments.json)


def _law(ensemble: Ensemble, operators: tuple[str, ...]) -> dict[str, float]:
    """The couplings that the configurations were drawn with; those not there are 0."""
    from kadanoff.models.ising import Ising
    from kadanoff.models.registry import model_of

    model = model_of(ensemble)
    if not isinstance(model, Ising) or model.lattice == "honeycomb":
        return {}
    drawn = ensemble.couplings
    return {name: float(drawn.get(LAW.get(name, ""), 0.0)) for name in operators}


def _couplings(
    found: Couplings, law: dict[str, float], as_json: bool
) -> dict[str, Any]:
    sandwich = found.sandwich_error.tolist()
    if as_json:
        rows = {
            name: {
                **found[name].as_dict(),
                "sandwich_error": error if math.isfinite(error) else None,
                **({"exact": law[name]} if name in law else {}),
            }
            for name, error in zip(found.operators, sandwich, strict=True)
        }
        return {"couplings": rows, "sandwich": found.sandwich}
    return {
        f"K {name}": f"{found[name]}   by the sandwich ± {error:.2g}"
        + (f"   exact {law[name]:.10g}" if name in law else "")
        for name, error in zip(found.operators, sandwich, strict=True)
    }


def _beyond(
    found: Couplings,
    fitted_on: Ensemble,
    read: Ensemble,
    reach: int,
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """The classifier's reading, and that of a full table where there is one."""
    from kadanoff.instruments.neighbourhood import table_entropy, unexplained
    from kadanoff.randomness import generator

    rng = generator(arguments.seed, "couplings")
    sees = unexplained(found, fitted_on, read, rng=rng, reach=reach)
    result: dict[str, Any] = {
        "read_on": read.size,
        "entropy_of_couplings": sees.fitted,
        "entropy_of_neighbourhood": sees.saturated,
        "unexplained": sees.share,
    }
    if reach == TABLE_REACH and read.grid.dimension <= 2:
        result["entropy_of_table"] = table_entropy(fitted_on, read, reach=reach)
    return result | {"verdict": _verdict(sees)}


def _verdict(sees: Unexplained) -> str:
    share, error = float(sees.share.value), float(sees.share.error)
    if not math.isfinite(share):
        return "these couplings, or the neighbourhood, know nothing about a spin"
    of = f"{100 * share:.2g} % of what the neighbourhood says about a spin"
    if share > 3 * error:
        return f"the couplings leave out {of}: terms are missing"
    return f"nothing beyond the couplings is seen ({of}, error {100 * error:.2g} %)"
