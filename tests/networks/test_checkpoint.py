"""A training that is stopped goes on to the same bits, and keeps what was good."""

import json
import resource

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from kadanoff.ensemble import Ensemble
from kadanoff.networks import checkpoint
from kadanoff.networks import train as training
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.networks.train import train
from kadanoff.networks.weights import load, load_state
from kadanoff.randomness import generator
from kadanoff.symmetry import Symmetry

SIDE = 4


def spins(draws, seed=1):
    """Smooth random spins, so that there is something to learn."""
    noise = np.random.default_rng(seed).normal(size=(100, draws // 100, SIDE, SIDE))
    smooth = noise + np.roll(noise, 1, 2) + np.roll(noise, 1, 3)
    return Ensemble.from_values(np.where(smooth > 0, 1, -1))


def same(one, other):
    return all(
        torch.equal(a, b)
        for a, b in zip(one.parameters(), other.parameters(), strict=True)
    )


# Fast enough that the weights matter within seven epochs: near zero weights, chains
# in different states draw the same units from the same noise.
MACHINES = {
    "CD": (
        RBM((SIDE, SIDE), 5, biases=True),
        Training(epochs=7, batch=500, l1=1e-3, learning_rate=0.3),
    ),
    "PCD": (
        RBM((SIDE, SIDE), 5),
        Training(
            epochs=7,
            batch=500,
            l1=1e-3,
            learning_rate=0.3,
            chains="persistent",
            k=2,
            l2=1e-3,
            decay="cosine",
        ),
    ),
    "tied": (
        ConvRBM(),
        Training(
            epochs=7,
            batch=500,
            l1=1e-3,
            learning_rate=0.3,
            chains="persistent",
            momentum=0.9,
        ),
    ),
    "tempered": (
        RBM((SIDE, SIDE), 5),
        Training(
            epochs=7,
            batch=500,
            learning_rate=0.3,
            chains="tempered",
            rungs=3,
            k_last=2,
            l1=0.0,
        ),
    ),
    "checkpoints": (
        RBM((SIDE, SIDE), 5),
        Training(epochs=7, batch=500, learning_rate=0.3, chains="checkpoints", l1=0.0),
    ),
    "real": (
        RBM((SIDE, SIDE), 5, units=("gaussian", "spin")),
        Training(
            epochs=7, batch=500, learning_rate=0.1, chains="tempered", rungs=3, l1=0.0
        ),
    ),
    "augmented": (
        ConvRBM(biases=True),
        Training(
            epochs=7,
            batch=500,
            l1=1e-3,
            learning_rate=0.3,
            symmetry=Symmetry(translations=True, flip=True),
        ),
    ),
}


class Killed(Exception):
    """Stands for a signal that ends the process."""


def run_and_stop(network, settings, store, monkeypatch, updates):
    """Train until the given number of updates, then fail, as a kill would."""
    done, update = 0, training._update

    def counted(*arguments):
        nonlocal done
        done += 1
        if done > updates:
            raise Killed
        return update(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(training, "_update", counted)
        with pytest.raises(Killed):
            run(network, settings, store)


def run(network, settings, store=None, progress=None):
    data, held_out = spins(4000), spins(1000, seed=2)
    return train(
        network,
        data,
        settings=settings,
        seed=4,
        held_out=held_out,
        store=store,
        progress=progress,
    )


@pytest.mark.parametrize(("network", "settings"), MACHINES.values(), ids=MACHINES)
def test_a_stopped_training_ends_at_the_same_bits(
    network, settings, tmp_path, monkeypatch
):
    """Stopped thrice, at random updates, also in the middle of an epoch."""
    whole = run(network, settings, tmp_path / "whole")
    for updates in generator(1, "stops").integers(3, 25, size=3):
        run_and_stop(network, settings, tmp_path / "parts", monkeypatch, updates)
    parts = run(network, settings, tmp_path / "parts")
    assert same(whole, parts)
    assert (whole.W != 0).all()  # equal because trained alike, not because silent
    for name in ("reconstruction", "weight", "gap", "learning_rate"):
        assert whole.record[name].tolist() == parts.record[name].tolist()
        assert len(parts.record[name]) == settings.epochs
    files = [tmp_path / d / checkpoint.RESULT for d in ("whole", "parts")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert same(run(network, settings), whole)


@pytest.fixture
def disk():
    """Room for files: `fill()` lets them end after 200 bytes, `free()` undoes it."""

    class Disk:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

        def fill(self):
            resource.setrlimit(resource.RLIMIT_FSIZE, (200, self.hard))

        def free(self):
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.soft, self.hard))

    yield Disk()
    Disk().free()


def test_a_full_disk_leaves_the_last_checkpoint_to_go_on_from(tmp_path, disk):
    network, settings = MACHINES["PCD"]
    whole = run(network, settings)

    def full_from_the_third_epoch(done, epochs):
        if done == 3:
            disk.fill()

    with pytest.raises(OSError, match=r"could not be written .*File too large"):
        run(network, settings, tmp_path, full_from_the_third_epoch)
    disk.free()
    names = [path.name for path in sorted(tmp_path.iterdir())]
    assert names == [f"epoch-{epoch:06d}.safetensors" for epoch in (0, 1, 2)]
    assert same(run(network, settings, tmp_path), whole)


@pytest.mark.parametrize("name", ["velocity.W", "chains"])
def test_a_checkpoint_without_part_of_the_state_ends_elsewhere(
    name, tmp_path, monkeypatch
):
    """Negative control: the comparison above sees a lost velocity or lost chains."""
    network, settings = MACHINES["PCD"]
    whole = run(network, settings)
    run_and_stop(network, settings, tmp_path, monkeypatch, 20)
    path = checkpoint.checkpoints(tmp_path)[-1]
    found, state = load_state(path)
    state[name] = torch.full_like(state[name], -1)
    checkpoint.save(found, path, state=state)
    assert not same(run(network, settings, tmp_path), whole)


def test_a_finished_training_is_read_and_not_repeated(tmp_path, monkeypatch):
    network, settings = MACHINES["CD"]
    whole = run(network, settings, tmp_path)
    monkeypatch.setattr(training, "_update", None)
    assert same(run(network, settings, tmp_path), whole)


def test_checkpoints_of_powers_of_two_stay_and_load(tmp_path):
    network, settings = MACHINES["CD"]
    run(network, settings, tmp_path)
    names = [path.stem for path in checkpoint.checkpoints(tmp_path)]
    assert names == ["epoch-000000", "epoch-000001", "epoch-000002", "epoch-000004"]
    first, *_, last = (load(path) for path in checkpoint.checkpoints(tmp_path))
    assert same(first, network)
    assert len(last.record["weight"]) == 4


def test_between_them_only_the_newest_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "WORK_BETWEEN", 1.0)  # every epoch is worth it
    network, settings = MACHINES["CD"]
    run_and_stop(network, settings, tmp_path, monkeypatch, 8 * 6 + 1)
    epochs = [int(p.stem[-6:]) for p in checkpoint.checkpoints(tmp_path)]
    assert epochs == [0, 1, 2, 4, 6]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"seed": 5}, "other seed"),
        ({"settings": Training(epochs=3, batch=500)}, "other settings"),
        ({"data": spins(4000, seed=9)}, "other data"),
        ({"network": RBM((SIDE, SIDE), 5, seed=1)}, "other start"),
    ],
)
def test_a_store_of_another_training_is_refused(changed, sentence, tmp_path):
    given = {
        "network": RBM((SIDE, SIDE), 5),
        "data": spins(4000),
        "settings": Training(epochs=2, batch=500),
        "seed": 4,
    }
    train(**given, store=tmp_path)
    with pytest.raises(ValueError, match=rf"holds another training \({sentence}"):
        train(**(given | changed), store=tmp_path)


def cut(path):
    path.write_bytes(path.read_bytes()[:-10])


def emptied(path):
    """What a file system leaves of a file whose blocks were never written."""
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("damage", [cut, emptied])
@pytest.mark.parametrize(("name", "updates"), [("CD", 8 * 4 + 1), ("checkpoints", 33)])
def test_a_damaged_checkpoint_is_passed_over(
    name, updates, damage, tmp_path, monkeypatch
):
    """Epoch 4 is one whose file stays, and where chains live in `checkpoints`."""
    network, settings = MACHINES[name]
    whole = run(network, settings)
    run_and_stop(network, settings, tmp_path, monkeypatch, updates)
    path = checkpoint.checkpoints(tmp_path)[-1]
    assert path.stem == "epoch-000004"
    damage(path)
    seen = []
    again = run(network, settings, tmp_path, lambda done, _: seen.append(done))
    assert seen == [3, 4, 5, 6, 7]
    assert same(again, whole)
    assert load(path).record["weight"].shape == (4,)


def test_the_next_checkpoint_removes_damaged_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "WORK_BETWEEN", 1.0)  # every epoch is worth it
    network, settings = MACHINES["CD"]
    run_and_stop(network, settings, tmp_path, monkeypatch, 8 * 5 + 1)
    for path in checkpoint.checkpoints(tmp_path)[-2:]:
        assert path.stem in ("epoch-000004", "epoch-000005")
        cut(path)
    run_and_stop(network, settings, tmp_path, monkeypatch, 8 + 1)
    epochs = [int(p.stem[-6:]) for p in checkpoint.checkpoints(tmp_path)]
    assert epochs == [0, 1, 2, 3]
    # The file that is written in the place of a damaged one is not taken for it.
    cut(tmp_path / "epoch-000003.safetensors")
    run_and_stop(network, settings, tmp_path, monkeypatch, 8 + 1)
    epochs = [int(p.stem[-6:]) for p in checkpoint.checkpoints(tmp_path)]
    assert epochs == [0, 1, 2, 3]
    assert same(run(network, settings, tmp_path), run(network, settings))


def test_a_training_without_a_whole_file_begins_again(tmp_path, monkeypatch):
    network, settings = MACHINES["CD"]
    whole = run(network, settings, tmp_path)
    for path in tmp_path.iterdir():
        cut(path)
    assert same(run(network, settings, tmp_path), whole)
    cut(tmp_path / checkpoint.RESULT)
    seen = []
    assert same(
        run(network, settings, tmp_path, lambda done, _: seen.append(done)), whole
    )
    assert seen == [5, 6, 7]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"version": 1}, "format version 1, this program reads .*; remove it"),
        ({"kind": "other"}, "does not describe a network .*; remove it"),
    ],
)
def test_a_checkpoint_of_another_program_is_named(
    change, sentence, tmp_path, monkeypatch
):
    """It can be read, so that it is not for this training to pass it over."""
    network, settings = MACHINES["CD"]
    run_and_stop(network, settings, tmp_path, monkeypatch, 20)
    path = checkpoint.checkpoints(tmp_path)[-1]
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about = json.loads(file.metadata()["kadanoff"])
    save_file(tensors, path, {"kadanoff": json.dumps(about | change)})
    with pytest.raises(ValueError, match=rf"{path.name}: .*{sentence}"):
        run(network, settings, tmp_path)


def test_weights_that_run_away_stop_the_training(tmp_path):
    settings = Training(epochs=4, batch=500, learning_rate=1e38, l1=0.0, momentum=0.9)
    with pytest.raises(ValueError, match="stopped being finite in epoch 1") as caught:
        run(RBM((SIDE, SIDE), 5), settings, tmp_path)
    (good,) = checkpoint.checkpoints(tmp_path)
    assert f"the last good checkpoint is {good}" in str(caught.value)
    assert same(load(good), RBM((SIDE, SIDE), 5))
    assert not (tmp_path / checkpoint.RESULT).exists()
