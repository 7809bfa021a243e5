"""What all maps of users share: learning the shape, batches, checks, drawing spins."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import Literal

import numpy as np

from kadanoff.coarse.rule import NUMBERS, check_takes, is_whole
from kadanoff.coarse.user.output import (
    OUTPUTS,
    Shaped,
    check_finite,
    shaped,
    values_of,
)
from kadanoff.coarse.user.passes import CHANCES
from kadanoff.geometry import Geometry

__all__ = ["Encoding", "Input", "Known", "Output", "UserRule"]

Output = Literal["spin", "logit", "prob", "mean"]
Input = Literal["nchw", "flat"]
Encoding = Literal["pm1", "01"]
BATCH_VALUES = 1 << 18  # sites in one batch: 256 lattices of 32 × 32
PROBES = 3  # configurations that show what shape the output has

CHOICES = {
    "input": ("nchw", "flat"),
    "encoding": ("pm1", "01"),
    "output": OUTPUTS,
}
IN_TEXT = ("weights", *CHOICES, "map")
NAMES = {"encoding": "alphabet"}
"""What an option is called in a rule's text, where `alphabet` is no method."""


@dataclass
class Known:
    """What was learned of a map by running it."""

    shapes: dict[Geometry, Shaped] = field(default_factory=dict)
    compared: set[Geometry] = field(default_factory=set)
    maps: int | None = None
    chance: str = "none"


class UserRule(ABC):
    """A map of a user as a coarse-graining; see `foreign` and `handed_over`."""

    output: Output
    encoding: Encoding
    map: int | None
    _known: Known

    @abstractmethod
    def _pass(
        self, values: np.ndarray, seed: int, compare: bool
    ) -> tuple[np.ndarray, str]:
        """Output for `(n, *lattice)` values, and the kind of chance that was seen."""

    @property
    @abstractmethod
    def text(self) -> str:
        """What it is called."""

    @property
    def flat(self) -> bool:
        """Whether the map is fed rows of sites."""
        return False

    @property
    def features(self) -> int | None:
        """Number of feature maps of the last lattice asked about; None for one value.

        Only `coarse` can tell: None before it was called.
        """
        return self._known.maps

    @property
    def chance(self) -> str:
        """What was seen of chance inside the map so far.

        `none`; `seeded`, which the rule's generator decides; `unseeded`, which nobody
        can repeat: then the history of what it makes says so.
        """
        return self._known.chance

    def coarse(self, fine: Geometry) -> Geometry:
        """The geometry of the output; ValueError where it is none for `fine`."""
        shape = self._shape(fine)
        self._known.maps = None if self.map is not None else shape.maps
        return shape.geometry

    def alphabet(self, fine: str) -> str:
        """±1, or real for `output=mean`; ValueError for Potts states or angles."""
        check_takes(self, fine, NUMBERS)
        if self.encoding == "01" and fine != "pm1":
            raise ValueError(
                f"rule '{self}' is fed 0 and 1 for ±1 spins, got real values; leave "
                "out alphabet=01"
            )
        return "real" if self.output == "mean" else "pm1"

    def __call__(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        """`(n, *coarse.lattice)` or `(n, map, *coarse.lattice)`: int8 or float32."""
        self.coarse(fine)
        rows = max(1, BATCH_VALUES // math.prod(fine.lattice))
        parts = np.split(spins, range(rows, len(spins), rows))
        return np.concatenate([self._values(part, fine, rng=rng) for part in parts])

    def _values(
        self, spins: np.ndarray, fine: Geometry, *, rng: np.random.Generator
    ) -> np.ndarray:
        compare = fine not in self._known.compared
        seed = int(rng.integers(2**62))
        raw = self._output(spins, seed, compare=compare)
        self._known.compared.add(fine)
        shape = self._shape(fine)
        if raw.shape[1:] != shape.shape:
            raise self._refusal(
                f"puts out shape {raw.shape[1:]} for one batch and {shape.shape} for "
                "another; let it depend on the lattice alone"
            )
        maps = (-1,) if shape.maps is None else (-1, shape.maps)
        raw = raw.reshape(*maps, *shape.geometry.lattice)
        if self.map is not None and shape.maps is not None:
            raw = raw[:, self.map]
        try:
            return values_of(raw, self.output, rng=rng)
        except ValueError as problem:
            raise self._refusal(str(problem)) from problem

    def _shape(self, fine: Geometry) -> Shaped:
        """What the map makes of a few random ±1 configurations."""
        known = self._known.shapes
        if fine not in known:
            coins = np.random.default_rng(0).choice([-1, 1], (PROBES, *fine.lattice))
            raw = self._output(coins.astype(np.int8), 0, compare=True)
            try:
                shape = shaped(raw.shape[1:], fine, flat=self.flat)
                values_of(raw, self.output, rng=np.random.default_rng(0))
            except ValueError as problem:
                raise self._refusal(str(problem)) from problem
            maps = shape.maps or 1
            if self.map is not None and self.map >= maps:
                raise self._refusal(
                    f"has {maps} feature maps, numbered from 0, and was asked for "
                    f"map={self.map}"
                )
            known[fine] = shape
        return known[fine]

    def _output(self, values: np.ndarray, seed: int, *, compare: bool) -> np.ndarray:
        """One pass, checked: a row of finite numbers for each configuration."""
        try:
            raw, chance = self._pass(values, seed, compare)
            check_finite(raw)
        except ValueError as problem:
            raise self._refusal(str(problem)) from problem
        if raw.ndim == 0 or len(raw) != len(values):
            raise self._refusal(
                f"puts out an array of shape {raw.shape} for {len(values)} "
                "configurations; let its first axis be theirs"
            )
        self._known.chance = max(self._known.chance, chance, key=CHANCES.index)
        return raw

    def _refusal(self, problem: str) -> ValueError:
        return ValueError(f"rule '{self.text}' {problem}")

    def _check(self) -> None:
        """ValueError for options that there are not."""
        for name, known in CHOICES.items():
            if getattr(self, name, known[0]) not in known:
                raise ValueError(
                    f"{NAMES.get(name, name)} is one of {', '.join(known)}, got "
                    f"{getattr(self, name)!r}"
                )
        if self.map is not None and not (is_whole(self.map) and self.map >= 0):
            raise ValueError(f"feature maps are numbered from 0, got {self.map!r}")
        turn = getattr(self, "layer", "").partition("#")
        if turn[1] and not (turn[0] and turn[2].isascii() and turn[2].isdecimal()):
            raise ValueError(
                f"a layer is NAME, or NAME#1 for its second run in one pass, got "
                f"{''.join(turn)!r}"
            )

    def _options(self) -> str:
        """`@layer,key=value,…` for what is not as usual."""
        layer = getattr(self, "layer", "")
        set_here = [
            f",{NAMES.get(f.name, f.name)}={getattr(self, f.name)}"
            for f in fields(self)  # pyright: ignore[reportArgumentType]
            if f.name in IN_TEXT and getattr(self, f.name) != f.default
        ]
        return "".join([f"@{layer}" if layer else "", *set_here])

    def __str__(self) -> str:
        unknown = " (random without a seed)" if self.chance == "unseeded" else ""
        return f"{self.text}{unknown}"
