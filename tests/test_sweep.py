"""Sweeps over temperatures: one run, a file each, one array, resumed without trace."""

import json
import math

import numpy as np
import pytest

from kadanoff.ensemble import Ensemble
from kadanoff.exact.kaufman import torus
from kadanoff.instruments import thermodynamics as thermo
from kadanoff.models.forest_fire import ForestFire
from kadanoff.models.ising import Ising
from kadanoff.samplers import run
from kadanoff.samplers.temperatures import couplings_at, sample_sweep
from kadanoff.sweep import INDEX, Sweep, load_sweep, open_sweep

MODEL = Ising((6, 5))
TEMPERATURES = [0.0, 1.5, 2.5, 4.0]
DRAW = {"temperatures": TEMPERATURES, "draws": 6400, "seed": 4}


def same(one: Sweep, other: Sweep) -> bool:
    pairs = zip(one, other, strict=True)
    return all(np.array_equal(a.data, b.data) for a, b in pairs)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    out, runs = folder / "out", folder / "runs"
    return sample_sweep(MODEL, **DRAW, out=out, runs=runs), out, runs


def test_every_temperature_has_its_own_exact_energy(swept):
    """z = 4.5 for each of six readings, false alarm 4e-5; 3 % of T is seen."""
    sweep, _, _ = swept
    assert np.allclose(sweep.temperatures, TEMPERATURES)
    assert len({e.size for e in sweep}) == 1
    for ensemble, t in zip(sweep, TEMPERATURES, strict=True):
        if t == 0:
            assert thermo.energy(ensemble).value == -2
            assert thermo.heat_capacity(ensemble).value == 0
            continue
        energy, exact = thermo.energy(ensemble), torus((6, 5), 1 / t).energy
        assert abs(energy.value - exact) < 4.5 * max(energy.error, 1e-12)
    warm, wrong = thermo.energy(sweep[2]), torus((6, 5), 1.03 / 2.5).energy
    assert abs(warm.value - wrong) > 4.5 * warm.error


def test_temperatures_are_drawn_with_different_numbers(swept):
    sweep, _, _ = swept
    assert len({e.lineage for e in sweep}) == len(TEMPERATURES)
    difference = thermo.energy(sweep[2]) - thermo.energy(sweep[3])
    assert len(difference.replicates) == 2


def test_neighbouring_temperatures_share_no_numbers():
    """Chain means of the energy are uncorrelated: level z = 4.5 of 1024 chains."""
    couplings = {"couplings": [0.3, 0.3001], "chains": 1024, "method": "multispin"}
    sweep = sample_sweep(Ising((8, 8)), **couplings, draws=1024, spacing=30, seed=1)
    means = [thermo.series(ensemble).energy.mean(axis=1) for ensemble in sweep]
    assert abs(np.corrcoef(*means)[0, 1]) < 4.5 / np.sqrt(1024)


def test_a_sweep_is_refused_at_the_level_of_all_its_temperatures(monkeypatch):
    seen = []
    real = run.certify

    def certify(*series, level, **options):
        seen.append(level)
        return real(*series, level=level, **options)

    monkeypatch.setattr(run, "certify", certify)
    sample_sweep(MODEL, couplings=[0.1, 0.2, 0.3, 0.35], draws=640)
    assert np.allclose(seen, [run.LEVEL / 4] * 4)


def test_a_refused_sweep_leaves_no_mixture(swept, tmp_path):
    whole, out, _ = swept
    for file in out.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert same(load_sweep(tmp_path), whole)
    with pytest.raises(ValueError, match=r"burn_in must|must agree"):
        sample_sweep(
            MODEL, temperatures=TEMPERATURES, draws=640, seed=9, out=tmp_path,
            method="auto", burn_in=0, spacing=1, chains=640,
        )  # fmt: skip
    with pytest.raises(ValueError, match="no finished sweep"):
        load_sweep(tmp_path)


def test_the_folder_explains_itself(swept):
    sweep, out, _ = swept
    names = json.loads((out / INDEX).read_text())["files"]
    assert sorted(p.name for p in out.iterdir()) == sorted([*names, INDEX])
    assert names[0] == "0000-T-0.nc"
    again = load_sweep(out)
    assert all(
        np.array_equal(a.data, b.data) for a, b in zip(sweep, again, strict=True)
    )


def test_a_sweep_opens_as_one_lazy_array(swept):
    sweep, out, _ = swept
    data = open_sweep(out)
    assert data["spins"].dims == ("coupling", "chain", "draw", "byte")
    assert data["spins"].chunks is not None  # nothing was read yet
    assert np.allclose(data["temperature"], TEMPERATURES)
    assert np.array_equal(data["spins"][2].values, sweep[2].data)
    assert data.attrs["model"] == "ising"


def test_an_interrupted_sweep_goes_on_and_ends_the_same(swept, tmp_path):
    whole, _, _ = swept
    out = tmp_path / "out"
    drawn = 0

    def stop(done: int, total: int) -> None:
        nonlocal drawn
        drawn = done
        if done > 0.6 * total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample_sweep(MODEL, **DRAW, out=out, runs=tmp_path / "runs", progress=stop)
    kept = {p: p.stat().st_mtime_ns for p in out.glob("*.nc")}
    assert kept
    assert not (out / INDEX).exists()
    with pytest.raises(ValueError, match="no finished sweep"):
        load_sweep(out)
    again = sample_sweep(MODEL, **DRAW, out=out, runs=tmp_path / "runs")
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    assert all(
        np.array_equal(a.data, b.data) for a, b in zip(whole, again, strict=True)
    )


def test_a_file_of_another_sweep_is_replaced(swept, tmp_path):
    whole, out, _ = swept
    (tmp_path / "0002-T-2.5.nc").write_bytes(out.joinpath("0003-T-4.nc").read_bytes())
    again = sample_sweep(MODEL, **DRAW, out=tmp_path)
    assert np.array_equal(again[2].data, whole[2].data)


def test_tempering_gives_all_rungs_one_lineage():
    """Readings of two rungs are aligned ladder by ladder; z = 4.5, 3 % of K is seen."""
    couplings = [0.44, 0.4, 0.35, 0.28]
    sweep = sample_sweep(
        MODEL, couplings=couplings, draws=12_800, method="tempering", seed=2
    )
    assert sweep.couplings.tolist() == couplings
    assert len({e.lineage for e in sweep}) == 1
    for ensemble, k in zip(sweep, couplings, strict=True):
        energy = thermo.energy(ensemble)
        assert abs(energy.value - torus((6, 5), k).energy) < 4.5 * energy.error
        assert abs(energy.value - torus((6, 5), 1.03 * k).energy) > 4.5 * energy.error
    assert len((thermo.energy(sweep[0]) - thermo.energy(sweep[1])).replicates) == 1


def test_saving_and_loading_keep_a_sweep(tmp_path):
    parts = [
        Ensemble.from_values(
            np.ones((2, 3, 4, 4), np.int8), model="ising", couplings={"K": k}
        )
        for k in (-0.3, 0.0, math.inf)
    ]
    Sweep(tuple(parts)).save(tmp_path)
    again = load_sweep(tmp_path)
    assert again.couplings.tolist() == [-0.3, 0.0, math.inf]
    assert again.temperatures[1:].tolist() == [math.inf, 0.0]


REFUSED = {
    "negative": ({"temperatures": [1.0, -2.0]}, "0 or more, got -2; .*--coupling"),
    "twice": ({"temperatures": [1.0, 1.0]}, "different couplings"),
    "neither": ({}, "couplings or temperatures, and not both"),
    "both": ({"couplings": [1.0], "temperatures": [1.0]}, "and not both"),
    "cold ladder": ({"temperatures": [0, 2.0], "method": "tempering"}, "leave T = 0"),
    "ladder": ({"couplings": [0.1, 0.4, 0.2], "method": "tempering"}, "sort them"),
    "not a number": ({"temperatures": [math.nan]}, "0 or more, got nan"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_sweeps_are_refused_in_a_sentence(case, tmp_path):
    options, sentence = REFUSED[case]
    with pytest.raises(ValueError, match=sentence):
        sample_sweep(MODEL, draws=64, out=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_law_without_ground_states_refuses_zero_temperature():
    with pytest.raises(ValueError, match="ground state"):
        sample_sweep(ForestFire((4, 4)), temperatures=[0.0], draws=64)


def test_more_than_a_day_must_be_asked_for():
    long = {"temperatures": [2.0, 2.3, 2.5], "draws": 10**6, "method": "metropolis"}
    with pytest.raises(ValueError, match=r"about \d+ hours of one core.*--long"):
        sample_sweep(Ising((256, 256)), **long, chains=4096, spacing=1000)


def test_couplings_are_inverse_temperatures():
    assert couplings_at([0.0, 2.0, math.inf]) == [math.inf, 0.5, 0.0]
