"""Rules as text, one grammar everywhere: `NAME:key=value,…`, `NAME:FILE,key=value,…`.

    majority:b=2   average:b=2   decimation:b=2   arrange
    rbm:MODEL   conv-rbm:MODEL   dbn:MODEL   pca:MODEL   autoencoder:MODEL

`output=mean` after a machine or a deep network passes means on instead of drawn units;
`map=1` after a machine of several feature maps takes the second one. Repeated rules
are a stack. `arrange` puts the units of a dense layer on a grid and has to be fitted
first; `fitted` does that on chains that are not read afterwards.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kadanoff.coarse.block import Average, Decimation, Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import subseed

__all__ = ["ARRANGE", "RULES", "fit_and_read", "fitted", "parse_rule"]

ARRANGE = "arrange"
BLOCK_RULES = {"majority": Majority, "average": Average, "decimation": Decimation}
NETWORK_RULES = {
    "rbm": ("output",),
    "conv-rbm": ("output", "map"),
    "dbn": ("output",),
    "pca": (),
    "autoencoder": (),
}
"""Networks by kind, with the options their rules take."""
RULES = (*BLOCK_RULES, *NETWORK_RULES, ARRANGE)


def parse_rule(text: str) -> CoarseGraining | str:
    """The rule that `text` names; `arrange` stays a name until it is fitted.

    Raises:
        ValueError: an unknown rule or option, or a model file that is not what the
            rule says.

    >>> parse_rule("majority:b=4")
    Majority(b=4)
    """
    name, _, rest = text.partition(":")
    if name in BLOCK_RULES:
        return BLOCK_RULES[name](**_options(name, rest))
    if name in NETWORK_RULES:
        return _network_rule(name, rest)
    if name == ARRANGE and not rest:
        return ARRANGE
    close = difflib.get_close_matches(name, RULES, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"rules are {', '.join(RULES)}"
    raise ValueError(f"a rule is NAME:key=value,…, got {text!r}; {hint}")


def fitted(
    rules: Sequence[CoarseGraining | str], ensemble: Ensemble, *, seed: int = 0
) -> Stack:
    """The stack of `rules` with every `arrange` fitted on the chains of `ensemble`.

    Raises:
        ValueError: a rule does not fit the level it is applied to.
    """
    from kadanoff.coarse.arrange import arrange

    level, stack = ensemble, []
    for k, rule in enumerate(rules):
        rule = arrange(ensemble, level) if isinstance(rule, str) else rule
        stack.append(rule)
        if any(isinstance(later, str) for later in rules[k + 1 :]):
            level = coarsen(rule, level, seed=subseed(seed, "fit", k))
    return Stack(tuple(stack))


def fit_and_read(ensemble: Ensemble) -> tuple[Ensemble, Ensemble]:
    """A quarter of the chains to fit on, and the rest, on which nothing was fitted.

    Raises:
        ValueError: fewer than four chains.
    """
    if ensemble.chains < 4:
        raise ValueError(
            "'arrange' is fitted on chains that are not read afterwards and needs at "
            f"least 4 of them, got {ensemble.chains}; sample, or import with --chains, "
            "more"
        )
    fit, read = ensemble.split(1, 3)
    return fit, read


def _options(name: str, rest: str) -> dict[str, int]:
    options = {}
    for item in filter(None, rest.split(",")):
        key, _, value = item.partition("=")
        wrong = key != "b" or not value.isdecimal() or int(value) < 1
        if wrong or key in options:
            raise ValueError(
                f"rule {name!r} takes b=N once, N a whole number of at least 1, got "
                f"{item!r}; write for example '{name}:b=2'"
            )
        options[key] = int(value)
    return options


def _network_rule(name: str, rest: str) -> CoarseGraining:
    path, options = _file_and_options(name, rest)
    if not path:
        raise ValueError(
            f"rule {name!r} needs the file of a trained model, got nothing after the "
            f"colon; write '{name}:MODEL'"
        )
    from kadanoff.coarse.layer import Code, Layer, layers_of
    from kadanoff.networks.autoencoder import Autoencoder
    from kadanoff.networks.dbn import DBN
    from kadanoff.networks.pca import PCA
    from kadanoff.networks.weights import load

    network = load(Path(path))
    if network.kind != name:
        raise ValueError(
            f"rule {name!r} needs a model of that kind, got {network.kind!r} in "
            f"{path}; write '{network.kind}:{path}'"
        )
    match network:
        case DBN():
            return layers_of(network, **options)
        case PCA() | Autoencoder():
            return Code(network)
        case _:
            return Layer(network, **options)


def _file_and_options(name: str, rest: str) -> tuple[str, dict[str, Any]]:
    """The file, whose name may hold commas, and the `key=value` that follow it."""
    path, *items = rest.split(",")
    while items and "=" not in items[0]:
        path += f",{items.pop(0)}"
    options: dict[str, Any] = {}
    for item in items:
        key, _, value = item.partition("=")
        if key not in NETWORK_RULES[name] or key in options:
            known = " and ".join(f"{k}=…" for k in NETWORK_RULES[name]) or "no options"
            raise ValueError(
                f"rule {name!r} takes {known} after its file, each once, got {item!r}"
            )
        options[key] = _option(name, key, value)
    return path, options


def _option(name: str, key: str, value: str) -> str | int:
    if key == "map":
        if not value.isdecimal():
            raise ValueError(
                f"rule {name!r} takes map=N, N a feature map counted from 0, got "
                f"{value!r}; write for example '{name}:MODEL,map=0'"
            )
        return int(value)
    if value not in ("sample", "mean"):
        raise ValueError(
            f"rule {name!r} takes output=sample or output=mean, got {value!r}; write "
            f"for example '{name}:MODEL,output=mean'"
        )
    return value
