"""Rules as text, one grammar everywhere: `NAME:key=value,…`, `NAME:FILE,key=value,…`.

    majority:b=2   plurality:b=2   vector:b=2   average:b=2   decimation:b=2
    kadanoff:b=2,p=1.0   momentum:b=2,width=0.5,dimension=0.125
    average-pool:b=2,window=3   max-pool:b=2   sublattice:sites=2   arrange
    tile-majority:sites=3   tile-plurality:sites=3   tile-vector:sites=3
    star-majority:sites=2   star-plurality:sites=2   star-vector:sites=2
    weighted:WEIGHTS,b=2,p=1.0   convolution:KERNELS,b=2,output=sign
    rbm:MODEL   conv-rbm:MODEL   dbn:MODEL   pca:MODEL   autoencoder:MODEL
    torch:FILE.py:FUNCTION@layer,weights=FILE,output=mean

Every option may be left out. WEIGHTS and KERNELS are .npy files of numbers, the latter
`(map, *window)`. `output=mean` after a machine or a deep network passes means on
instead of drawn units; `map=1` after a machine of several feature maps takes the second
one. Repeated rules are a stack. `arrange` puts the units of a dense layer on a grid and
has to be fitted first; `fitted` does that on chains that are not read afterwards.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from kadanoff.coarse.block import (
    Average,
    Decimation,
    Majority,
    Plurality,
    VectorSum,
)
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.kadanoff_rule import KadanoffRule
from kadanoff.coarse.momentum import MomentumShell
from kadanoff.coarse.pooling import AveragePool, Convolution, MaxPool
from kadanoff.coarse.rotated import (
    StarMajority,
    StarPlurality,
    StarVector,
    Sublattice,
    TileMajority,
    TilePlurality,
    TileVector,
)
from kadanoff.coarse.stack import Stack
from kadanoff.coarse.weighted import Weighted
from kadanoff.ensemble import Ensemble
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import subseed

__all__ = ["ARRANGE", "RULES", "fit_and_read", "fitted", "parse_rule"]

ARRANGE = "arrange"
BLOCK_RULES = {
    "majority": Majority,
    "plurality": Plurality,
    "vector": VectorSum,
    "average": Average,
    "decimation": Decimation,
    "kadanoff": KadanoffRule,
    "momentum": MomentumShell,
    "average-pool": AveragePool,
    "max-pool": MaxPool,
    "tile-majority": TileMajority,
    "tile-plurality": TilePlurality,
    "tile-vector": TileVector,
    "star-majority": StarMajority,
    "star-plurality": StarPlurality,
    "star-vector": StarVector,
    "sublattice": Sublattice,
}
"""Rules by name, whose fields are their options and all have defaults."""
WINDOW_RULES = {"weighted": Weighted, "convolution": Convolution}
"""Rules with weights in a file, whose other fields are their options."""
NETWORK_RULES = {
    "rbm": ("output",),
    "conv-rbm": ("output", "map"),
    "dbn": ("output",),
    "pca": (),
    "autoencoder": (),
}
"""Networks by kind, with the options their rules take."""
TORCH = "torch"
RULES = (*BLOCK_RULES, *WINDOW_RULES, *NETWORK_RULES, TORCH, ARRANGE)


def parse_rule(text: str) -> CoarseGraining | str:
    """The rule that `text` names; `arrange` stays a name until it is fitted.

    Raises:
        ValueError: an unknown rule or option, or a file that is not what the rule
            says.

    >>> parse_rule("majority:b=4")
    Majority(b=4)
    """
    name, _, rest = text.partition(":")
    if name in BLOCK_RULES:
        return BLOCK_RULES[name](**_options(name, rest))
    if name in WINDOW_RULES:
        return _window_rule(name, rest)
    if name in NETWORK_RULES:
        return _network_rule(name, rest)
    if name == TORCH:
        return _torch_rule(rest)
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

    Of fewer than four chains a quarter of the draws of each.

    Raises:
        ValueError: fewer than four chains of fewer than four draws.
    """
    several = ensemble.chains >= 4
    fit, read = ensemble.split(1, 3) if several else ensemble.stretches(1, 3)
    return fit, read


def _options(name: str, rest: str) -> dict[str, Any]:
    kinds = {f.name: str(f.type) for f in fields(BLOCK_RULES[name])}
    return _read(name, rest, kinds, str(BLOCK_RULES[name]()))


def _window_rule(name: str, rest: str) -> CoarseGraining:
    rule = WINDOW_RULES[name]
    weights, *others = fields(rule)
    kinds = {f.name: str(f.type) for f in others if f.name != "name"}
    path, items = _file_and_items(rest)
    example = f"{name}:{weights.name.upper()}.npy,b=2"
    options = _read(name, ",".join(items), kinds, example)
    if not path:
        raise ValueError(
            f"rule {name!r} needs the file of its {weights.name}, got nothing after "
            f"the colon; write for example {example!r}"
        )
    return rule(_numbers(name, path), **options, name=path)


def _read(
    name: str, rest: str, kinds: Mapping[str, str], example: str
) -> dict[str, Any]:
    """Options `key=value,…` in the types of the fields they are for."""
    options: dict[str, Any] = {}
    for item in filter(None, rest.split(",")):
        key, _, text = item.partition("=")
        value = _value(text, kinds[key]) if key in kinds else None
        if value is None or key in options:
            known = [f"{k}={LETTERS.get(kind, 'NAME')}" for k, kind in kinds.items()]
            raise ValueError(
                f"rule {name!r} takes {' and '.join(known)}, each once, N a whole "
                f"number of at least 1, got {item!r}; write for example {example!r}"
            )
        options[key] = value
    return options


LETTERS = {"int": "N", "int | None": "N", "float": "X"}
LONGEST = 18  # digits of a whole number


def _value(text: str, kind: str) -> int | float | str | None:
    """The value of an option; None where the text is no value of that kind."""
    if LETTERS.get(kind) == "N":
        whole = text.isascii() and text.isdecimal() and len(text) <= LONGEST
        return int(text) if whole and int(text) >= 1 else None
    if kind != "float":
        return text or None
    try:
        return float(text)
    except ValueError:
        return None


def _numbers(name: str, path: str) -> np.ndarray:
    """The array in a .npy file."""
    try:
        found = np.load(path, allow_pickle=False)
        return np.asarray(found, dtype=float)
    except (OSError, ValueError, TypeError, EOFError) as problem:
        raise ValueError(
            f"rule {name!r} needs numbers in a .npy file, got {path} "
            f"({str(problem).splitlines()[0]}); write it with numpy.save"
        ) from None


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


def _torch_rule(rest: str) -> CoarseGraining:
    from kadanoff.coarse.foreign import torch_rule

    place, items = _file_and_items(rest)
    options: dict[str, str] = {}
    for item in items:
        key, _, value = item.partition("=")
        if key in options:
            raise ValueError(f"rule 'torch' takes {key} once, got {item!r} too")
        options[key] = value
    return torch_rule(place, options)


def _file_and_options(name: str, rest: str) -> tuple[str, dict[str, Any]]:
    path, items = _file_and_items(rest)
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


def _file_and_items(rest: str) -> tuple[str, list[str]]:
    """The file, whose name may hold commas, and the `key=value` that follow it."""
    path, *items = rest.split(",")
    while items and "=" not in items[0]:
        path += f",{items.pop(0)}"
    return path, items


def _option(name: str, key: str, value: str) -> str | int:
    if key == "map":
        if not (value.isascii() and value.isdecimal() and len(value) <= LONGEST):
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
