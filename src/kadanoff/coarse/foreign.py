"""A torch network in a Python file as a rule: `torch:FILE.py:FUNCTION@layer`.

What it puts out has a meaning only its author knows: ±1, the log-odds or the
probability of +1, or real values. Spins are drawn from the middle two, independently
given the fine configuration, P(μ|σ) = Π_a p_a(σ)^((1+μ_a)/2) (1 − p_a(σ))^((1−μ_a)/2),
by the rule's own generator. The geometry is that of the output's shape.

The file runs in a child process with limits of time; nothing but raw arrays and JSON
passes between the two (`user/`). What is handed over as an object is in `handed_over`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kadanoff.coarse.user.process import Process
from kadanoff.coarse.user.rule import Encoding, Input, Known, Output, UserRule

__all__ = ["TorchRule", "torch_rule"]

LONGEST = 1e6  # seconds; a timer waits no longer


@dataclass(frozen=True)
class TorchRule(UserRule):
    """A network in a Python file, run in a child process with limits of time.

    Args:
        file: Python source of the user.
        function: what to take from it: a torch module, a class or a function without
            arguments that makes one, or a function of one tensor.
        layer: dotted name of the layer to read instead of the output, pooling layers
            included; `pool#1` is its second run in one pass.
        weights: a file of them, as safetensors or of torch.save(model.state_dict()).
        input: `nchw` feeds `(n, 1, *lattice)`, `flat` feeds `(n, sites)`.
        encoding: `pm1` feeds ±1, `01` feeds 0 and 1.
        output: what the output means, see `values_of`.
        map: which feature map to take; all of them otherwise.
        limit: seconds that the import, and each batch, may take. The first batch of a
            lattice is run four times, to see whether there is chance in it.
        total: seconds that all of it may take together.

    A batch holds 2^18 sites. Modules run in evaluation mode, without gradients, on one
    thread. The generators of random, NumPy and torch are seeded from the rule's before
    each batch.

    Raises:
        ValueError: no such file, or an option that there is not; when it is applied,
            whatever the code in the file does that a rule must not do.
    """

    file: str | Path
    function: str
    layer: str = ""
    weights: str | Path = ""
    input: Input = "nchw"
    encoding: Encoding = "pm1"
    output: Output = "spin"
    map: int | None = None
    limit: float = 60.0
    total: float = 3600.0
    _known: Known = field(default_factory=Known, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("file", "weights"):
            object.__setattr__(self, name, str(getattr(self, name)))
        self._check()
        for what, path in (("code", self.file), ("weights", self.weights)):
            if path and not Path(path).is_file():
                raise ValueError(f"{path}: no such file; give the file of the {what}")
        if not self.file or not self.function:
            raise ValueError(
                f"a network is a function in a file, got function {self.function!r} "
                f"in file {self.file!r}; name both"
            )
        for name in ("limit", "total"):
            seconds = getattr(self, name)
            if not (isinstance(seconds, int | float) and 0 < seconds <= LONGEST):
                raise ValueError(
                    f"{name} is a number of seconds above 0 and up to {LONGEST:g}, got "
                    f"{seconds!r}; give for example 60"
                )

    @property
    def flat(self) -> bool:
        """Whether the network is fed rows of sites."""
        return self.input == "flat"

    @property
    def text(self) -> str:
        """The rule's text, as `parse_rule` takes it."""
        return f"torch:{self.file}:{self.function}{self._options()}"

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files it rests on, by whose content a run is named."""
        return tuple(Path(path) for path in (self.file, self.weights) if path)

    def close(self) -> None:
        """End the child process now; the rule starts another when it is used again."""
        self._process.close()

    @cached_property
    def _process(self) -> Process:
        request = {
            "file": str(Path(self.file).resolve()),
            "function": self.function,
            "layer": self.layer,
            "weights": self.weights and str(Path(self.weights).resolve()),
            "input": self.input,
            "encoding": self.encoding,
        }
        return Process(request, limit=self.limit, total=self.total)

    def _pass(
        self, values: np.ndarray, seed: int, compare: bool
    ) -> tuple[np.ndarray, str]:
        return self._process.apply(values, seed=seed, compare=compare)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, also in another process, runs a child of its own."""
        given = tuple(getattr(self, f.name) for f in fields(self) if f.init)
        return type(self), given


def torch_rule(place: str, options: Mapping[str, str]) -> TorchRule:
    """The rule `torch:PLACE,key=value,…`, PLACE being FILE.py:FUNCTION@layer.

    Args:
        place: what stands between `torch:` and the first option.
        options: weights, input, alphabet, output, map, limit or total, as text.

    Raises:
        ValueError: another option, a number that is none, and as for `TorchRule`.
    """
    for key in options:
        if key not in OPTIONS:
            raise ValueError(
                f"rule 'torch' takes {', '.join(OPTIONS)}, got {key!r}; write for "
                "example 'torch:net.py:Net@pool1,weights=net.safetensors,output=mean'"
            )
    file, _, named = place.rpartition(":")
    function, _, layer = named.partition("@")
    if not file or not function:
        raise ValueError(
            f"rule 'torch' is torch:FILE.py:FUNCTION@layer, got 'torch:{place}'; name "
            "the module, or what makes it, after the file"
        )
    found = {OPTIONS[key]: _read(key, text) for key, text in options.items()}
    return TorchRule(file, function, layer, **found)


OPTIONS = {
    "weights": "weights",
    "input": "input",
    "alphabet": "encoding",
    "output": "output",
    "map": "map",
    "limit": "limit",
    "total": "total",
}
"""Options of a rule's text, and the fields they are."""
NUMBERS = {"map": int, "limit": float, "total": float}


def _read(key: str, text: str) -> Any:
    try:
        return NUMBERS.get(key, str)(text)
    except ValueError:
        raise ValueError(
            f"rule 'torch' takes a number for {key}, got {text!r}"
        ) from None
