"""Configurations that know their chains: the value that flows through the package.

An `Ensemble` holds values `(chain, draw, *lattice)` or, for several feature maps,
`(chain, draw, feature, *lattice)`. Chains are independent, draws within a chain are
not: every error bar starts from blocks of whole chains, or of stretches of a chain
many autocorrelation times long. ±1 spins stay packed, eight to a byte
(`np.packbits`, bit 1 = spin up), and are unpacked block by block.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from kadanoff.alphabet import check_values, stored
from kadanoff.estimate import chain_range
from kadanoff.geometry import Geometry, Grid, Unordered
from kadanoff.symmetry import Symmetry

__all__ = ["Block", "Ensemble", "pack", "unpack"]

MOST_BLOCKS = 64
CHUNK_VALUES = 1 << 22


@dataclass(frozen=True)
class Block:
    """A rectangle of chains and draws."""

    chains: slice
    draws: slice

    @property
    def size(self) -> int:
        """Number of configurations."""
        n_chains = self.chains.stop - self.chains.start
        return n_chains * (self.draws.stop - self.draws.start)


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Configurations of a lattice or a layer, with what is known about their origin.

    Build one with `Ensemble.from_values`; samplers, rules and files do.

    Args:
        data: packed bytes `(chain, draw, bytes)` for ±1, else the values themselves.
        geometry: where the values sit.
        alphabet: `pm1`, `potts:q`, `angle` or `real`, see `kadanoff.alphabet`.
        lineage: which chains these are; readings of one lineage have aligned errors.
        tau: integrated autocorrelation time of the slowest measured observable, in
            draws (½: independent).
        features: number of feature maps, None where there is no such axis.
        model: name of the Hamiltonian, None where the law is not a known model's.
        couplings: its couplings by name, for example `{"K": 0.4407}`.
        parameters: what else rebuilds the model, for example `{"q": 3}`.
        history: what was done to the values, oldest first.
    """

    data: np.ndarray
    geometry: Geometry
    alphabet: str
    lineage: str
    tau: float = 0.5
    features: int | None = None
    model: str | None = None
    couplings: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def from_values(
        cls,
        values: np.ndarray,
        geometry: Geometry | None = None,
        *,
        alphabet: str = "pm1",
        **known: Any,
    ) -> Ensemble:
        """An ensemble of `(chain, draw, *lattice)` values, checked and packed.

        Args:
            values: the configurations; `geometry` defaults to a grid of their shape.
            alphabet: `pm1`, `potts:q`, `angle` or `real`.
            known: any of the other fields of `Ensemble`.

        Raises:
            ValueError: too few axes, no configurations, a shape that is not the
                geometry's, NaN, or values outside the alphabet.
        """
        values = np.asarray(values)
        if values.ndim < 3 or 0 in values.shape:
            raise ValueError(
                "configurations are (chain, draw, *lattice) and at least one of each, "
                f"got shape {values.shape}"
            )
        features = known.pop("features", None)
        geometry = geometry or Grid(values.shape[2 if features is None else 3 :])
        _check_shape(values, geometry, features)
        check_values(values, alphabet)
        packed = alphabet == "pm1"
        data = pack(values, values.ndim - 2) if packed else stored(values, alphabet)
        lineage = known.pop("lineage", None) or _fingerprint(data)
        return cls(data, geometry, alphabet, lineage, features=features, **known)

    def __repr__(self) -> str:
        return (
            f"Ensemble({self.chains} chains × {self.draws} draws of {self.shape} "
            f"{self.alphabet}, tau={self.tau:.3g}, lineage={self.lineage!r})"
        )

    @property
    def chains(self) -> int:
        """Number of independent chains."""
        return self.data.shape[0]

    @property
    def draws(self) -> int:
        """Number of recorded draws per chain."""
        return self.data.shape[1]

    @property
    def size(self) -> int:
        """Number of configurations, chains times draws."""
        return self.chains * self.draws

    @property
    def n_eff(self) -> float:
        """Independent configurations it is worth, n/(2τ), never more than n."""
        return self.size / max(1.0, 2 * self.tau)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one configuration, feature axis included."""
        maps = () if self.features is None else (self.features,)
        return (*maps, *self.geometry.lattice)

    @property
    def grid(self) -> Grid:
        """The geometry, where it has positions.

        Raises:
            ValueError: the units are unordered.
        """
        if isinstance(self.geometry, Unordered):
            raise ValueError(
                "this reading needs sites with positions, got an unordered layer of "
                f"{self.geometry.size} units; arrange it on a grid first (rule "
                "'arrange')"
            )
        return self.geometry

    @cached_property
    def values(self) -> np.ndarray:
        """All values, `(chain, draw, *shape)`: int8 for ±1, else as they are stored."""
        return self.read(Block(slice(0, self.chains), slice(0, self.draws))).reshape(
            self.chains, self.draws, *self.shape
        )

    def read(self, block: Block) -> np.ndarray:
        """The values of one block, `(n, *shape)`."""
        rows = self.data[block.chains, block.draws]
        return self._unpacked(rows.reshape(-1, *rows.shape[2:]))

    def blocks(self) -> list[Block]:
        """The jackknife blocks: groups of whole chains, or long stretches of chains."""
        if self.chains >= MOST_BLOCKS // 2:
            return [
                Block(chains, slice(0, self.draws))
                for chains in _even_slices(self.chains, MOST_BLOCKS)
            ]
        longest = max(1, self.draws // math.ceil(16 * self.tau))
        pieces = _even_slices(self.draws, min(longest, MOST_BLOCKS // self.chains))
        return [Block(slice(c, c + 1), p) for c in range(self.chains) for p in pieces]

    def chunks(self, values: int = CHUNK_VALUES) -> Iterator[Block]:
        """Blocks in order that cover all configurations, each of bounded size."""
        per_chunk = max(1, values // math.prod(self.shape))
        if self.draws >= per_chunk:
            for chain in range(self.chains):
                for start in range(0, self.draws, per_chunk):
                    stop = min(self.draws, start + per_chunk)
                    yield Block(slice(chain, chain + 1), slice(start, stop))
            return
        step = per_chunk // self.draws
        for start in range(0, self.chains, step):
            yield Block(
                slice(start, min(self.chains, start + step)), slice(0, self.draws)
            )

    def split(self, *shares: int) -> tuple[Ensemble, ...]:
        """Parts with disjoint chains: `split(2)` halves, `split(1, 3)` a quarter first.

        What is trained, what is fitted and what is read must come from different
        parts; the history of each says which it is.

        Raises:
            ValueError: a share below 1, or fewer chains than parts.
        """
        parts = (1,) * shares[0] if len(shares) == 1 else shares
        if not parts or min(parts) < 1 or len(parts) > self.chains:
            raise ValueError(
                f"a split needs positive shares and at least one chain per part, got "
                f"shares {shares} for {self.chains} chains"
            )
        ends = np.round(np.cumsum((0, *parts)) / sum(parts) * self.chains).astype(int)
        spans = list(itertools.pairwise(ends))
        if any(start == stop for start, stop in spans):
            raise ValueError(
                f"the shares {shares} leave a part without a chain; sample more than "
                f"{self.chains} chains"
            )
        return tuple(self.select(slice(int(a), int(b))) for a, b in spans)

    def stretches(self, *shares: int) -> tuple[Ensemble, ...]:
        """Parts with disjoint draws of all chains, for ensembles of few chains.

        `stretches(1, 3)` takes the first quarter of every chain, then the rest. Parts
        count as independent, which they are but for the few draws around each cut.

        Raises:
            ValueError: a share below 1, or fewer draws than parts.
        """
        if not shares or min(shares) < 1 or len(shares) > self.draws:
            raise ValueError(
                "stretches need positive shares and at least one draw per part, got "
                f"shares {shares} for {self.draws} draws"
            )
        ends = np.round(np.cumsum((0, *shares)) / sum(shares) * self.draws).astype(int)
        spans = list(itertools.pairwise(ends.tolist()))
        if any(start == stop for start, stop in spans):
            raise ValueError(
                f"the shares {shares} leave a part without a draw; sample more than "
                f"{self.draws} draws"
            )
        return tuple(self._stretch(start, stop) for start, stop in spans)

    def _stretch(self, start: int, stop: int) -> Ensemble:
        note = {"step": "stretch", "draws": [start, stop], "of": self.draws}
        return replace(
            self,
            data=self.data[:, start:stop],
            lineage=f"{self.lineage}, draws {start}:{stop}",
            history=(*self.history, note),
        )

    def select(self, chains: slice) -> Ensemble:
        """The ensemble of some of the chains, of a lineage that says which.

        Raises:
            ValueError: no chain is left.
        """
        start, stop, _ = chains.indices(self.chains)
        if start >= stop:
            raise ValueError(
                f"a selection holds at least one chain, got {start}:{stop} of "
                f"{self.chains}"
            )
        if stop - start == self.chains:
            return self
        root, first, _ = chain_range(self.lineage)
        note = {"step": "select", "chains": [start, stop], "of": self.chains}
        return replace(
            self,
            data=self.data[start:stop],
            lineage=f"{root}[{first + start}:{first + stop}]",
            history=(*self.history, note),
        )

    def derived(
        self,
        values: np.ndarray,
        geometry: Geometry,
        alphabet: str,
        note: Mapping[str, Any],
        *,
        features: int | None = None,
    ) -> Ensemble:
        """Other values for the same chains and draws, `(chain, draw, *lattice)`.

        With `features` maps they are `(chain, draw, feature, *lattice)`.

        Coarse-graining and arranging make these: the lineage stays, the model is no
        longer known.
        """
        return Ensemble.from_values(
            values,
            geometry,
            alphabet=alphabet,
            lineage=self.lineage,
            features=features,
            tau=self.tau,
            history=(*self.history, note),
        )

    def batches(
        self,
        size: int,
        *,
        rng: np.random.Generator,
        symmetry: Symmetry | None = None,
    ) -> Iterator[np.ndarray]:
        """One shuffled pass over all configurations, `(size, *shape)` at a time.

        The last, incomplete batch is left out. Values are unpacked and augmented on
        the fly.

        Raises:
            ValueError: a batch larger than the ensemble, or below 1; shifts of units
                without positions or of several feature maps.
        """
        if symmetry is not None and symmetry.translations:
            self._require_one_map()
        if not 1 <= size <= self.size:
            raise ValueError(
                f"a batch holds between 1 and {self.size} configurations, got {size}"
            )
        rows = self.data.reshape(self.size, *self.data.shape[2:])
        order = rng.permutation(self.size)
        for start in range(0, self.size - size + 1, size):
            batch = self._unpacked(rows[order[start : start + size]])
            yield batch if symmetry is None else symmetry.augment(batch, rng=rng)

    def _require_one_map(self) -> None:
        if self.features is not None or len(self.grid.shape) != len(self.grid.lattice):
            raise ValueError(
                "shifts need one feature map of one site per cell, got configurations "
                f"of shape {self.shape}; leave the translations out"
            )

    def _unpacked(self, rows: np.ndarray) -> np.ndarray:
        return unpack(rows, self.shape) if self.alphabet == "pm1" else rows


def pack(values: np.ndarray, axes: int) -> np.ndarray:
    """±1 spins packed over their last `axes` axes, eight to a byte."""
    flat = values.reshape(*values.shape[: values.ndim - axes], -1)
    return np.packbits(flat > 0, axis=-1)


def unpack(rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """int8 spins `(…, *shape)` from packed rows `(…, bytes)`."""
    bits = np.unpackbits(rows, axis=-1, count=math.prod(shape)).view(np.int8)
    np.multiply(bits, 2, out=bits)
    np.subtract(bits, 1, out=bits)
    return bits.reshape(*rows.shape[:-1], *shape)


def _check_shape(values: np.ndarray, geometry: Geometry, features: int | None) -> None:
    expected = geometry.lattice if features is None else (features, *geometry.lattice)
    if values.shape[2:] != expected:
        raise ValueError(
            f"configurations of this geometry have shape {expected}, got "
            f"{values.shape[2:]} in an array of shape {values.shape}"
        )


def _fingerprint(data: np.ndarray) -> str:
    digest = hashlib.blake2b(np.ascontiguousarray(data).data, digest_size=8)
    digest.update(repr(data.shape).encode())
    return digest.hexdigest()


def _even_slices(length: int, most: int) -> list[slice]:
    """At most `most` slices of nearly equal length that cover `length`."""
    pieces = min(length, max(1, most))
    ends = np.linspace(0, length, pieces + 1).round().astype(int)
    return [slice(int(a), int(b)) for a, b in itertools.pairwise(ends)]
