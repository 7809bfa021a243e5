"""Does a neural network renormalize? Numbers with error bars.

Lattice configurations are coarse-grained by rules of physics and by networks, and
both are read with the same instruments, next to exact results. Importing the package
is cheap: a name loads its module when it is first used.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

# The public surface: name → module that defines it.
_PUBLIC = {
    # ground floor
    "Ensemble": "kadanoff.ensemble",
    "Estimate": "kadanoff.estimate",
    "Grid": "kadanoff.geometry",
    "Symmetry": "kadanoff.symmetry",
    "Unordered": "kadanoff.geometry",
    "cite": "kadanoff.citations",
    "combine": "kadanoff.estimate",
    "concatenate": "kadanoff.shards",
    "jackknife": "kadanoff.estimate",
    "load": "kadanoff.storage",
    "open_foreign": "kadanoff.foreign",
    "save": "kadanoff.storage",
    # models, exact results, samplers
    "Ising": "kadanoff.models.ising",
    "K_C": "kadanoff.exact.constants",
    "T_C": "kadanoff.exact.constants",
    "sample": "kadanoff.samplers.run",
    # networks
    "ConvRBM": "kadanoff.networks.conv_rbm",
    "RBM": "kadanoff.networks.rbm",
    "Training": "kadanoff.networks.train",
    "train": "kadanoff.networks.train",
    # coarse-grainings
    "Average": "kadanoff.coarse.block",
    "Decimation": "kadanoff.coarse.block",
    "Layer": "kadanoff.coarse.layer",
    "Majority": "kadanoff.coarse.block",
    "Stack": "kadanoff.coarse.stack",
    "arrange": "kadanoff.coarse.arrange",
    "coarsen": "kadanoff.coarse.coarsen",
    # the scorecard
    "probe": "kadanoff.scorecard.card",
}

__all__ = ["__version__", *_PUBLIC]  # pyright: ignore[reportUnsupportedDunderAll]

try:
    __version__ = version("kadanoff")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0.0.0"


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'kadanoff' has no attribute {name!r}")
    value = getattr(import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
