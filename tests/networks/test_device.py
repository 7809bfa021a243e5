"""Names of devices: what is there passes, anything else is one sentence."""

import pytest
import torch

from kadanoff.networks.device import check_device


def with_gpus(monkeypatch, number):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: number > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: number)


def test_what_is_there_is_returned(monkeypatch):
    assert check_device("cpu") == "cpu"
    with_gpus(monkeypatch, 2)
    for name in ("cpu", "cuda", "cuda:0", "cuda:1"):
        assert check_device(name) == name


@pytest.mark.parametrize(
    "name",
    ["banana", "", "CPU", "cuda:", "cuda:-1", "cuda:x", "cuda:0 ", "mps", "meta"],
)
def test_other_names_are_refused(name, monkeypatch):
    with_gpus(monkeypatch, 2)
    with pytest.raises(ValueError, match="a device is cpu, cuda or cuda:N, got"):
        check_device(name)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    with_gpus(monkeypatch, 2)
    with pytest.raises(ValueError, match="are cuda:0 to cuda:1, got cuda:2; choose"):
        check_device("cuda:2")
    with_gpus(monkeypatch, 0)
    for name in ("cuda", "cuda:0"):
        with pytest.raises(ValueError, match=f"device {name} needs a GPU .* use cpu"):
            check_device(name)
