"""Killed at any moment, a run takes up where it was and ends with the same bits."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray
from safetensors.numpy import load_file


def sampling(spacing):
    return (
        "sample ising --shape 64 64 --coupling 0.44 --draws 40960 --chains 1024 "
        f"--spacing {spacing} --burn-in 1200 --seed 3 --workers 1"
    )


def training(epochs):
    return (
        f"train rbm data.nc --hidden 64 --epochs {epochs} --chains persistent "
        "--augment --seed 4"
    )


def start(command, folder):
    return subprocess.Popen(
        [sys.executable, "-m", "kadanoff", *command.split()],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(command, folder):
    process = start(command, folder)
    _, complaint = process.communicate(timeout=300)
    assert process.returncode == 0, complaint.decode()


def kill_at_random_moments(command, folder, kills, seed, longest):
    """How often the process was still at work when it was killed."""
    moments, hits = random.Random(seed), 0
    for _ in range(kills):
        process = start(command, folder)
        time.sleep(moments.uniform(0.5, longest))
        if process.poll() is None:
            hits += 1
            os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    return hits


def contents(path):
    """Arrays and attributes of a file, dates left out."""
    if path.suffix == ".safetensors":
        return {name: array.tobytes() for name, array in load_file(path).items()}
    with xarray.open_dataset(path, engine="h5netcdf") as data:
        arrays = {name: data[name].values.tobytes() for name in data.variables}
        notes = {k: np.asarray(v).tolist() for k, v in data.attrs.items()}
        notes.pop("created_at")
    return arrays | notes


def assert_survives_kills(command, folder, out, *, kills, longest):
    whole, broken = folder / "whole", folder / "broken"
    finish(f"{command} --out {whole / out} --runs {whole}", folder)
    again = f"{command} --out {broken / out} --runs {broken}"
    hits = kill_at_random_moments(again, folder, kills, seed=20, longest=longest)
    assert hits >= kills / 2  # else the moments came too late to test anything
    finish(again, folder)
    assert contents(whole / out) == contents(broken / out)
    assert not list(broken.rglob("*.tmp"))


@pytest.fixture
def folder(tmp_path):
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def data_folder(folder):
    draw = "sample ising --shape 16 16 --coupling 0.44 --draws 8192 --out data.nc"
    finish(f"{draw} --runs {folder}", folder)
    return folder


def test_sampling_survives_kills(folder):
    assert_survives_kills(sampling(250), folder, "spins.nc", kills=3, longest=2.5)


def test_training_survives_kills(data_folder):
    command = training(epochs=150)
    assert_survives_kills(command, data_folder, "m.safetensors", kills=3, longest=4.5)


@pytest.mark.slow
def test_sampling_survives_twenty_kills(folder):
    assert_survives_kills(sampling(1000), folder, "spins.nc", kills=20, longest=2.5)


@pytest.mark.slow
def test_training_survives_twenty_kills(data_folder):
    command = training(epochs=1500)
    assert_survives_kills(command, data_folder, "m.safetensors", kills=20, longest=4.5)


def test_the_comparison_sees_another_seed(folder):
    for name, seed in (("whole", 1), ("broken", 2)):
        draw = f"sample ising --shape 8 8 --coupling 0.4 --draws 64 --seed {seed}"
        finish(f"{draw} --out {folder / name / 'a.nc'} --runs {folder / name}", folder)
    whole, broken = (contents(folder / n / "a.nc") for n in ("whole", "broken"))
    assert whole["spins"] != broken["spins"]


def test_control_c_leaves_with_130_and_a_sentence(folder):
    process = start(f"{sampling(1000)} --out {folder / 'a.nc'} --runs {folder}", folder)
    time.sleep(2.0)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complaint.decode().strip().splitlines()[-1].startswith("kadanoff: stopped")
    assert not (folder / "a.nc").exists()
