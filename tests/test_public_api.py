"""The public surface is a literal list: changing it means changing this file."""

import importlib
import subprocess
import sys

import pytest

import kadanoff

PUBLIC = [
    "Autoencoder", "Average", "AveragePool", "CallableRule", "Code", "ConvRBM",
    "Convolution", "DBN", "Decimation", "Ensemble", "Epidemic", "Estimate",
    "ForestFire", "Grid", "Ising", "K_C", "KadanoffRule", "Layer", "Majority",
    "MaxPool", "MeanField", "ModuleRule", "MomentumShell", "PCA", "Phi4", "Plurality",
    "Potts", "RBM", "Stack", "StarMajority", "StarPlurality", "StarVector",
    "Sublattice", "Sweep", "Symmetry", "T_C", "TileMajority", "TilePlurality",
    "TileVector", "TorchRule", "Training", "TwoTemperatures", "Unordered", "VectorSum",
    "Weighted", "XY", "__version__", "annealed", "arrange", "as_rule", "cite",
    "cluster_readings", "coarsen", "combine", "compare", "concatenate", "fit_pca",
    "jackknife", "judge", "layers_of", "load", "load_sweep", "open_foreign",
    "open_sweep", "probe", "probe_pair", "probe_sweep", "relative_entropy", "reweight",
    "sample", "sample_sweep", "save", "train", "train_autoencoder", "train_dbn",
    "with_noise",
]  # fmt: skip


def test_the_public_names_are_these():
    assert dir(kadanoff) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_loads(name):
    assert getattr(kadanoff, name) is not None


@pytest.mark.parametrize("name", [n for n in PUBLIC if not n.startswith("_")])
def test_public_functions_and_classes_are_documented(name):
    value = getattr(kadanoff, name)
    if callable(value):
        assert value.__doc__
        assert len(value.__doc__) > 40
    else:
        assert isinstance(value, float)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'majority'"):
        _ = kadanoff.majority


def test_importing_loads_nothing_heavy():
    code = (
        "import sys, kadanoff, kadanoff.cli; kadanoff.cli.parser(); "
        "print([m for m in ('torch', 'numba', 'scipy', 'matplotlib', 'h5py', 'xarray')"
        " if m in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "[]"


def test_submodules_export_what_they_list():
    for module in set(kadanoff._PUBLIC.values()):
        loaded = importlib.import_module(module)
        assert all(hasattr(loaded, name) for name in loaded.__all__)
