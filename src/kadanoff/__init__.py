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
    "Sweep": "kadanoff.sweep",
    "Symmetry": "kadanoff.symmetry",
    "Unordered": "kadanoff.geometry",
    "cite": "kadanoff.citations",
    "combine": "kadanoff.estimate",
    "concatenate": "kadanoff.shards",
    "jackknife": "kadanoff.estimate",
    "load": "kadanoff.storage",
    "load_sweep": "kadanoff.sweep",
    "open_foreign": "kadanoff.foreign",
    "open_sweep": "kadanoff.sweep",
    "save": "kadanoff.storage",
    # models, exact results, samplers
    "Epidemic": "kadanoff.models.epidemic",
    "ForestFire": "kadanoff.models.forest_fire",
    "Ising": "kadanoff.models.ising",
    "K_C": "kadanoff.exact.constants",
    "MeanField": "kadanoff.models.mean_field",
    "Phi4": "kadanoff.models.phi4",
    "Potts": "kadanoff.models.potts",
    "T_C": "kadanoff.exact.constants",
    "TwoTemperatures": "kadanoff.models.two_temperatures",
    "XY": "kadanoff.models.xy",
    "sample": "kadanoff.samplers.run",
    "sample_sweep": "kadanoff.samplers.temperatures",
    "with_noise": "kadanoff.samplers.noise",
    # readings across couplings and by clusters
    "cluster_readings": "kadanoff.instruments.improved",
    "relative_entropy": "kadanoff.instruments.likelihood",
    "reweight": "kadanoff.instruments.reweighting",
    # networks
    "Autoencoder": "kadanoff.networks.autoencoder",
    "ConvRBM": "kadanoff.networks.conv_rbm",
    "DBN": "kadanoff.networks.dbn",
    "PCA": "kadanoff.networks.pca",
    "RBM": "kadanoff.networks.rbm",
    "Training": "kadanoff.networks.train",
    "annealed": "kadanoff.networks.annealing",
    "fit_pca": "kadanoff.networks.pca",
    "train": "kadanoff.networks.train",
    "train_autoencoder": "kadanoff.networks.autoencoder",
    "train_dbn": "kadanoff.networks.dbn",
    "judge": "kadanoff.experiments.verdict",
    # coarse-grainings
    "Average": "kadanoff.coarse.block",
    "AveragePool": "kadanoff.coarse.pooling",
    "CallableRule": "kadanoff.coarse.handed_over",
    "Code": "kadanoff.coarse.layer",
    "Convolution": "kadanoff.coarse.pooling",
    "Decimation": "kadanoff.coarse.block",
    "KadanoffRule": "kadanoff.coarse.kadanoff_rule",
    "Layer": "kadanoff.coarse.layer",
    "Majority": "kadanoff.coarse.block",
    "MaxPool": "kadanoff.coarse.pooling",
    "ModuleRule": "kadanoff.coarse.handed_over",
    "MomentumShell": "kadanoff.coarse.momentum",
    "Plurality": "kadanoff.coarse.block",
    "Stack": "kadanoff.coarse.stack",
    "StarMajority": "kadanoff.coarse.rotated",
    "StarPlurality": "kadanoff.coarse.rotated",
    "StarVector": "kadanoff.coarse.rotated",
    "Sublattice": "kadanoff.coarse.rotated",
    "TileMajority": "kadanoff.coarse.rotated",
    "TilePlurality": "kadanoff.coarse.rotated",
    "TileVector": "kadanoff.coarse.rotated",
    "TorchRule": "kadanoff.coarse.foreign",
    "VectorSum": "kadanoff.coarse.block",
    "Weighted": "kadanoff.coarse.weighted",
    "arrange": "kadanoff.coarse.arrange",
    "as_rule": "kadanoff.coarse.handed_over",
    "coarsen": "kadanoff.coarse.coarsen",
    "layers_of": "kadanoff.coarse.layer",
    # the scorecard
    "compare": "kadanoff.scorecard.card",
    "probe": "kadanoff.scorecard.card",
    "probe_pair": "kadanoff.scorecard.card",
    "probe_sweep": "kadanoff.scorecard.card",
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
