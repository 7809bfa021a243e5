"""`kadanoff probe FINE COARSE`: files of other programs, whose chains are not said."""

import json

import numpy as np
import pytest

import kadanoff as kd
from kadanoff.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A magnet, and what majority makes of it as arrays of three layouts."""
    folder = tmp_path_factory.mktemp("pair")
    fine = kd.sample(kd.Ising((16, 16)), coupling=kd.K_C, draws=1024, chains=64, seed=1)
    kd.save(fine, folder / "fine.nc")
    coarse = kd.coarsen(kd.Majority(b=2), fine).values
    flat = coarse.reshape(-1, 8, 8)
    np.save(folder / "flat.npy", flat)
    np.save(folder / "chained.npy", coarse)
    np.save(folder / "zero_one.npy", (flat + 1) // 2)
    np.save(folder / "fewer.npy", flat[:-64])
    return folder


def probed(folder, capsys, *names):
    command = ["probe", *(str(folder / name) for name in names)]
    command += ["--rows", "couplings", "--controls", "none", "--json"]
    code = main([*command, "--runs", str(folder / "runs")])
    said = capsys.readouterr()
    return code, said


@pytest.mark.parametrize("name", ["flat.npy", "chained.npy"])
def test_a_file_without_chains_has_those_of_the_other(folder, capsys, name):
    code, said = probed(folder, capsys, "fine.nc", name)
    assert code == 0
    k = json.loads(said.out)["rows"]["couplings"]["K nn"]
    card = kd.probe(
        kd.Majority(b=2), kd.load(folder / "fine.nc"), rows="couplings", controls=()
    )
    direct = card["couplings"].readings["K nn"]
    assert k["value"] == pytest.approx(float(direct.value), abs=3 * float(direct.error))
    assert k["error"] == pytest.approx(float(direct.error), rel=0.5)


def test_what_a_file_does_not_say_is_asked_for_with_the_command(folder, capsys):
    code, said = probed(folder, capsys, "fine.nc", "zero_one.npy")
    assert code == 2
    assert "kadanoff import FILE takes --chains, --shape, --alphabet" in said.err
    assert len(said.err.splitlines()) == 1


def test_another_number_of_configurations_is_refused(folder, capsys):
    code, said = probed(folder, capsys, "fine.nc", "fewer.npy")
    assert code == 2
    assert "same chains and draws" in said.err
