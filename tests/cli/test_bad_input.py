"""Bad input: one sentence on standard error, exit code 2, and nothing is created."""

import numpy as np
import pytest

from kadanoff.cli import main
from kadanoff.ensemble import Ensemble
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.rbm import RBM
from kadanoff.networks.weights import save as save_weights
from kadanoff.storage import save
from kadanoff.sweep import Sweep

SAMPLE = "sample ising --shape 8 8 --draws 64 --out a.nc"
BAD = {
    "coupling not a number": (f"{SAMPLE} --coupling abc", "abc"),
    "coupling not finite": (f"{SAMPLE} --coupling nan", "finite"),
    "coupling infinite": (f"{SAMPLE} --coupling inf", "finite"),
    "exact coupling": ("exact ising --shape 4 4 --coupling nan", "finite"),
    "exact side one": ("exact ising --shape 1 4 --coupling 0.4", "at least 2"),
    "exact size zero": ("exact ising --shape 0 4 --coupling 0.4", "at least 2"),
    "size zero": (
        "sample ising --shape 0 8 --draws 64 --coupling 0.4 --out a.nc",
        "at least 2",
    ),
    "negative draws": (
        "sample ising --shape 8 8 --draws -5 --coupling 0.4 --out a.nc",
        "-5",
    ),
    "no draws": (
        "sample ising --shape 8 8 --draws 0 --coupling 0.4 --out a.nc",
        "at least 1",
    ),
    "no chains": (f"{SAMPLE} --coupling 0.4 --chains 0", "at least 1"),
    "negative seed": (f"{SAMPLE} --coupling 0.4 --seed -1", "seed"),
    "no workers": (f"{SAMPLE} --coupling 0.4 --workers 0", "at least 1"),
    "unknown method": (f"{SAMPLE} --coupling 0.4 --method wolf", "wolff"),
    "unknown model": (
        "sample isng --shape 8 8 --draws 64 --coupling 0.4 --out a.nc",
        "ising",
    ),
    "frustrated clusters": (
        "sample ising --shape 5 5 --draws 8 --coupling -0.4 --method wolff --out a.nc",
        "frustrat",
    ),
    "no such folder": (
        "sample ising --shape 8 8 --draws 64 --coupling 0.4 --out no/such/a.nc",
        "folder",
    ),
    "unknown command": ("smaple ising", "sample"),
    "no command": ("", "COMMAND"),
    "unknown rule": ("coarsen spins.nc --rule majorty:b=2 --out a.nc", "majority"),
    "unknown option": ("coarsen spins.nc --rule majority:c=2 --out a.nc", "b=N"),
    "block size": (
        "coarsen spins.nc --rule majority:b=3 --out a.nc",
        "use 2, 4 or 8",
    ),
    "block size in a probe": ("probe spins.nc --rule majority:b=3", "use 2, 4 or 8"),
    "no such file": ("measure nothing.nc", "nothing.nc"),
    "a folder": ("measure .", "."),
    "empty file": ("measure empty.nc", "empty.nc"),
    "truncated file": ("measure cut.nc", "cut.nc"),
    "values outside the alphabet": ("import two.npy --out a.nc", "-1 or 1"),
    "nan": ("import nan.npy --alphabet real --out a.nc", "finite"),
    "a pickle": ("import object.npy --out a.nc", "object.npy"),
    "no chains in import": ("import good.npy --chains 0 --out a.nc", "chains"),
    "coupling without model": ("import good.npy --coupling 0.4 --out a.nc", "model"),
    "weights of the wrong shape": (
        "coarsen spins.nc --rule rbm:wide.safetensors --out a.nc",
        "visible units",
    ),
    "weights of the wrong kind": (
        "coarsen spins.nc --rule rbm:tied.safetensors --out a.nc",
        "conv-rbm",
    ),
    "no model": ("coarsen spins.nc --rule rbm --out a.nc", "MODEL"),
    "a model that is none": ("coarsen spins.nc --rule rbm:cut.nc --out a.nc", "cut.nc"),
    "a missing model": ("coarsen spins.nc --rule rbm:gone --out a.nc", "gone"),
    "train without hidden": ("train rbm spins.nc --out m.safetensors", "--hidden"),
    "train no units": (
        "train rbm spins.nc --hidden 0 --out m.safetensors",
        "at least 1",
    ),
    "train no epochs": (
        "train rbm spins.nc --hidden 4 --epochs 0 --out m.safetensors",
        "epochs",
    ),
    "train a batch too large": (
        "train rbm spins.nc --hidden 4 --batch 4096 --out m.safetensors",
        "batch",
    ),
    "probe without a rule": ("probe spins.nc", "--rule"),
    "zoom to no picture": (
        "zoom spins.nc --rule majority:b=2 --out picture.xyz",
        "picture",
    ),
    "plot to no picture": ("measure spins.nc --plot picture.xyz", ".png, .pdf, .svg"),
    "plot without an ending": ("measure nothing.nc --plot picture", ".png, .pdf, .svg"),
    "plot nowhere": ("measure nothing.nc --plot no/such/a.png", "folder"),
    "plot over a folder": ("measure spins.nc --plot four.png", "name a new file"),
    "plot of a sweep": ("measure four --plot a.png", "is of one file"),
    "a damaged sweep": ("measure cut", "holds no finished sweep"),
    "scaling of one size": ("scaling four", "at least 2 sizes"),
    "scaling of no sweep": ("scaling four .", "holds no finished sweep"),
    "scaling of a file": ("scaling four spins.nc", "holds no finished sweep"),
    "scaling of a size twice": ("scaling four four", "each size is given once"),
    "scaling of two sweeps of a size": ("scaling four again", "four and in again"),
    "scaling of other models": ("scaling four bent", "sizes of one model"),
    "scaling of unequal sides": ("scaling four oblong", "equal sides"),
    "scaling without a sweep": ("scaling", "DIR"),
    "scaling of too few temperatures": ("scaling four six", "at least 4 points"),
    "scaling plot to no picture": ("scaling four six --plot a.xyz", ".png, .pdf, .svg"),
    "scaling by a wrong omega": ("scaling four six --omega -1", "positive number"),
    "scaling by no omega": ("scaling four six --omega big", "positive number"),
    "scaling by another reading": ("scaling four six --reading binders", "binder"),
    "unknown citation": ("cite Onsger1944", "Onsger1944"),
}


def save_sweep(folder, shape, **known):
    """Random spins at three temperatures."""
    rng = np.random.default_rng(sum(shape))
    ensembles = []
    for coupling in (0.43, 0.44, 0.45):
        spins = rng.integers(0, 2, (8, 8, *shape), dtype=np.int8) * 2 - 1
        law = {"model": "ising", "couplings": {"K": coupling}, **known}
        ensembles.append(Ensemble.from_values(spins, **law))
    Sweep(tuple(ensembles)).save(folder)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    spins = rng.integers(0, 2, (8, 8, 16, 16), dtype=np.int8) * 2 - 1
    save(Ensemble.from_values(spins[..., :8, :8]), tmp_path / "spins.nc")
    np.save("good.npy", spins[0])
    np.save("two.npy", np.full((8, 4, 4), 2))
    np.save("nan.npy", np.full((8, 4, 4), np.nan))
    np.save("object.npy", np.array([{}], dtype=object), allow_pickle=True)
    whole = (tmp_path / "spins.nc").read_bytes()
    (tmp_path / "cut.nc").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.nc").touch()
    for name, shape in (("four", (4, 4)), ("six", (6, 6)), ("again", (4, 4))):
        save_sweep(tmp_path / name, shape)
    save_sweep(tmp_path / "bent", (6, 6), parameters={"field": 0.1})
    save_sweep(tmp_path / "oblong", (4, 6))
    save_sweep(tmp_path / "cut", (4, 4))
    (tmp_path / "cut" / "sweep.json").write_text("{")
    (tmp_path / "four.png").mkdir()
    save_weights(RBM((16, 16), hidden=4), "wide.safetensors")
    save_weights(ConvRBM(), "tied.safetensors")
    return tmp_path


@pytest.mark.parametrize("case", BAD)
def test_one_sentence_and_nothing_created(case, folder, capsys):
    command, named = BAD[case]
    before = sorted(folder.rglob("*"))
    try:
        code = main(command.split())
    except SystemExit as leaving:  # argparse leaves by itself
        code = leaving.code
    shown = capsys.readouterr()
    assert code == 2
    assert shown.out == ""
    (sentence,) = shown.err.strip().splitlines()
    assert sentence.startswith("kadanoff: ")
    assert named in sentence
    assert "Traceback" not in sentence
    assert sorted(folder.rglob("*")) == before
