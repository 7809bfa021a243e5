"""Configurations made elsewhere: files, NumPy arrays, torch tensors, xarray objects.

An array is read as `(n, *lattice)` and cut into equal chains, first draws first; as
`(chain, draw, *lattice)` where it has four axes or more and the first is as long as
the number of chains given, or where the lattice's `shape` says so. Rows of numbers
need a `shape`: positions decide what every correlator means and are never guessed.
The autocorrelation time is measured, on m², |m| and the nearest-neighbour energy, and
the slowest counts. One chain is assumed where none are named: its error bars come from
long stretches of it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kadanoff.alphabet import check_alphabet
from kadanoff.autocorrelation import integrated_time
from kadanoff.containers import choose, read_array
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Geometry, Grid, Unordered

__all__ = ["ForeignError", "open_foreign"]

ZERO_ONE = "01"
MODELS = {"ising": "pm1", "potts": "potts", "xy": "angle"}
"""Models a foreign file may be said to come from, and the alphabet of each."""


class ForeignError(ValueError):
    """What a file of another program holds does not make an ensemble as it stands."""


def open_foreign(
    source: Any,
    *,
    chains: int | None = None,
    alphabet: str = "pm1",
    shape: Sequence[int] | Unordered | None = None,
    dataset: str | None = None,
    model: str | None = None,
    coupling: float | None = None,
) -> Ensemble:
    """The ensemble of configurations made by another program.

    Args:
        source: a path (`.npy`, `.npz`, HDF5, or text of one configuration a line), a
            NumPy array, a torch tensor or an xarray object; an ensemble, or a file
            of one, is taken as it is.
        chains: number of independent chains, equally long; None is one chain.
        alphabet: `pm1`, `01` (becomes ±1), `potts:q`, `angle` or `real`.
        shape: sides of the lattice, or `Unordered(units)` for a layer without
            positions; needed where the configurations are rows of numbers.
        dataset: name of the array, where the file holds several.
        model: `ising`, `potts` or `xy` (nearest neighbours) where the law is known,
            with its coupling K = βJ.
        coupling: K.

    Raises:
        ValueError: what cannot be read, or does not fit together; the sentence names
            the file, what was expected and what came.
    """
    options = (chains, shape, dataset, model, coupling)
    if (native := _native(source)) is not None:
        if any(option is not None for option in options):
            raise ValueError(
                f"{_name(source)} is an ensemble and says itself what it holds; leave "
                "out chains, shape, dataset, model and coupling"
            )
        return native
    _check_options(alphabet, chains, model, coupling)
    array, shape = _array(source, dataset, shape)
    try:
        values, geometry, layout = _chained(array, chains, shape)
        spins = _in_alphabet(values, alphabet)
        ensemble = _ensemble(spins, geometry, alphabet)
        law = _law(ensemble, model, coupling)
    except ValueError as problem:
        raise ForeignError(f"{_name(source)}: {problem}") from problem
    note = {
        "step": "import",
        "source": _label(source),
        "dataset": dataset,
        "alphabet": alphabet,
        "layout": layout,
        "chains": "unknown, taken as one" if chains is None else chains,
    }
    if layout == "chain, draw":
        note["chains"] = ensemble.chains
    return replace(ensemble, tau=_slowest(ensemble), history=(note,), **law)


def _native(source: Any) -> Ensemble | None:
    if isinstance(source, Ensemble):
        return source
    if isinstance(source, str | Path):
        path = Path(source)
        if not path.is_file():
            return None
        from kadanoff.storage import is_native_file, load

        return load(path) if is_native_file(path) else None
    if hasattr(source, "data_vars"):
        from kadanoff.storage import ensemble_from, is_native

        if is_native(source.attrs) and "spins" in source:
            data = np.asarray(source["spins"].values)
            return ensemble_from(data, source.attrs, where="the xarray data set")
    return None


def _check_options(
    alphabet: str, chains: int | None, model: str | None, coupling: float | None
) -> None:
    try:
        check_alphabet("pm1" if alphabet == ZERO_ONE else alphabet)
    except ValueError as problem:
        raise ValueError(f"{problem}; 0/1 data have the alphabet '01'") from problem
    if chains is not None and chains < 1:
        raise ValueError(f"the number of chains is at least 1, got {chains}")
    if model is not None and model not in MODELS:
        raise ValueError(f"a known model is {', '.join(MODELS)}, got {model!r}")
    if (model is None) != (coupling is None):
        raise ValueError(
            f"a known law is a model and its coupling together, got model {model!r} "
            f"and coupling {coupling}; give both or neither"
        )
    if coupling is not None and not math.isfinite(coupling):
        raise ValueError(f"the coupling K = J/(k_B T) is finite, got {coupling}")


def _array(source: Any, dataset: str | None, shape: Any) -> tuple[np.ndarray, Any]:
    """The numbers, and the shape of one configuration where the source names it."""
    if isinstance(source, str | Path):
        return read_array(Path(source), dataset), shape
    if hasattr(source, "data_vars"):
        variables = [str(n) for n, v in source.data_vars.items() if v.ndim > 1]
        source = source[choose(variables, dataset, _name(source))]
    elif dataset is not None:
        raise ValueError(f"{_name(source)} has no dataset; leave out its name")
    if hasattr(source, "dims") and hasattr(source, "transpose"):
        return _labelled(source, shape)
    if hasattr(source, "detach"):
        source = source.detach().cpu()
        source = source.float() if source.is_floating_point() else source
    return np.asarray(source), shape


def _labelled(source: Any, shape: Any) -> tuple[np.ndarray, Any]:
    """A DataArray: `chain` and `draw` come first, the other dimensions are sites."""
    first = [name for name in ("chain", "draw") if name in source.dims]
    values = source.transpose(*first, ...).values
    if len(first) == 2 and shape is None:
        shape = values.shape[2:]
    return values, shape


def _chained(
    array: np.ndarray, chains: int | None, shape: Any
) -> tuple[np.ndarray, Geometry, str]:
    """`(chain, draw, *lattice)` values, their geometry, and how they were read."""
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"configurations are arrays of numbers, got {array.dtype}; convert it to a "
            "numeric dtype"
        )
    if array.ndim < 2 or 0 in array.shape:
        raise ValueError(
            "configurations are (n, *lattice) and at least one, got shape "
            f"{array.shape}"
        )
    geometry = _geometry(array, chains, shape)
    leading = _leading_axes(array, geometry, chains)
    if leading == 2:
        return array.reshape(*array.shape[:2], *geometry.lattice), geometry, LABELLED
    return _cut(array, chains or 1, geometry), geometry, FLAT


FLAT, LABELLED = "draw", "chain, draw"


def _geometry(array: np.ndarray, chains: int | None, shape: Any) -> Geometry:
    if isinstance(shape, Unordered):
        return shape
    if shape is not None:
        return Grid(tuple(shape))
    if array.ndim == 2:
        n = array.shape[1]
        side = max(k for k in range(1, math.isqrt(n) + 1) if n % k == 0)
        raise ValueError(
            f"rows of {n} numbers do not say where the sites are; give the shape, such "
            f"as ({side}, {n // side}) for a lattice, ({n},) for a chain of sites, or "
            f"Unordered({n}) for units without positions"
        )
    if array.ndim == 3 or (chains is not None and chains != len(array)):
        return Grid(array.shape[1:])
    if chains is None:
        raise ValueError(
            f"an array of shape {array.shape} may hold {len(array)} chains or one; "
            "give the number of chains or the shape of the lattice"
        )
    return Grid(array.shape[2:])


def _leading_axes(array: np.ndarray, geometry: Geometry, chains: int | None) -> int:
    """1 for (n, …), 2 for (chain, draw, …); … is the lattice, or its sites in a row."""
    for leading in (1, 2):
        rest = array.shape[leading:]
        if rest in (geometry.lattice, (math.prod(geometry.lattice),)):
            if leading == 2 and chains not in (None, len(array)):
                raise ValueError(
                    f"the array holds {len(array)} chains, got chains={chains}; leave "
                    "it out or reshape the array"
                )
            return leading
    raise ValueError(
        f"configurations of shape {geometry.lattice} do not fill an array of shape "
        f"{array.shape}; give the shape of one configuration"
    )


def _cut(array: np.ndarray, chains: int, geometry: Geometry) -> np.ndarray:
    if chains > len(array):
        raise ValueError(
            f"{chains} chains need at least as many configurations, got {len(array)}"
        )
    if len(array) % chains:
        raise ValueError(
            f"{len(array)} configurations cannot be cut into {chains} chains of equal "
            f"length; leave out {len(array) % chains} of them"
        )
    return array.reshape(chains, -1, *geometry.lattice)


def _in_alphabet(values: np.ndarray, alphabet: str) -> np.ndarray:
    """The values; 0/1 become ±1."""
    if alphabet == "real":
        with np.errstate(over="ignore"):  # becomes infinite, which is refused later
            return np.array(values, dtype=np.float32)
    if alphabet != ZERO_ONE:
        if values.dtype.kind == "b":
            raise ValueError(
                f"truth values are spins of alphabet '01', got {alphabet!r}"
            )
        return values
    wrong = (values != 0) & (values != 1)
    if wrong.any():
        raise ValueError(
            f"spins of alphabet '01' are 0 or 1, got {values[wrong][0]}; name the "
            "alphabet they have"
        )
    return 2 * values.astype(np.int8) - 1


def _ensemble(spins: np.ndarray, geometry: Geometry, alphabet: str) -> Ensemble:
    inside = "pm1" if alphabet == ZERO_ONE else alphabet
    return Ensemble.from_values(spins, geometry, alphabet=inside)


def _law(
    ensemble: Ensemble, model: str | None, coupling: float | None
) -> dict[str, Any]:
    if model is None or coupling is None:
        return {}
    kind, _, states = ensemble.alphabet.partition(":")
    if kind != MODELS[model] or isinstance(ensemble.geometry, Unordered):
        raise ValueError(
            f"the {model} model has values of alphabet '{MODELS[model]}' on a lattice,"
            f" got {ensemble.alphabet} values on {ensemble.geometry}; leave out the "
            "model"
        )
    parameters = {"q": int(states)} if states else {}
    couplings = {"K": float(coupling)}
    return {"model": model, "couplings": couplings, "parameters": parameters}


def _slowest(ensemble: Ensemble) -> float:
    """τ of the slowest of m², |m| and the nearest-neighbour energy, in draws."""
    chunks = [_observables(ensemble.read(c), ensemble) for c in ensemble.chunks()]
    series = np.concatenate(chunks, axis=1)
    shaped = series.reshape(len(series), ensemble.chains, ensemble.draws)
    return max(integrated_time(one)[0] for one in shaped)


def _observables(values: np.ndarray, ensemble: Ensemble) -> np.ndarray:
    """m², |m| and, on a lattice, Σ s_i s_{i+1}: shape `(observable, n)`."""
    parts = _components(values, ensemble.alphabet)
    rows = (part.reshape(len(part), -1).mean(axis=1, dtype=float) for part in parts)
    m_squared = np.sum([m**2 for m in rows], axis=0)
    bonds = _bonds(parts, ensemble.geometry)
    return np.stack([m_squared, np.sqrt(m_squared), *bonds])


def _components(values: np.ndarray, alphabet: str) -> list[np.ndarray]:
    """Numbers whose products are the similarity of two values."""
    if alphabet == "angle":
        return [np.cos(values), np.sin(values)]
    if alphabet.startswith("potts"):
        q = int(alphabet.partition(":")[2])
        return [(values == state) - np.float32(1 / q) for state in range(q)]
    return [values]


def _bonds(parts: list[np.ndarray], geometry: Geometry) -> Iterator[np.ndarray]:
    if isinstance(geometry, Unordered):
        return
    total = np.zeros(len(parts[0]))
    for part, axis in itertools.product(parts, range(1, geometry.dimension + 1)):
        product = part * np.roll(part, 1, axis=axis)
        total += product.reshape(len(part), -1).mean(axis=1, dtype=float)
    yield total


def _label(source: Any) -> str:
    """What the history calls the source: a file keeps its name wherever it moves."""
    return Path(source).name if isinstance(source, str | Path) else _name(source)


def _name(source: Any) -> str:
    if isinstance(source, str | Path):
        return str(source)
    if hasattr(source, "shape"):
        return f"{type(source).__name__} of shape {tuple(source.shape)}"
    return f"{type(source).__name__}"
