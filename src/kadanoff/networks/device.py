"""Names of devices to compute on, checked before anything is begun."""

from __future__ import annotations

import re

import torch

__all__ = ["check_device"]

NAME = re.compile(r"cpu|cuda(?::(?P<number>\d{1,4}))?")


def check_device(name: str) -> str:
    """`name`, if it is a device that is there: `cpu`, `cuda`, or `cuda:N` from 0 on.

    Raises:
        ValueError: another name, no GPU that CUDA can use, or no GPU of that number.
    """
    found = NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"a device is cpu, cuda or cuda:N, got {name!r}; use cpu")
    if name == "cpu":
        return name
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not there:
        raise ValueError(
            f"the device {name} needs a GPU that CUDA can use, got a machine without "
            "one; use cpu"
        )
    if int(found["number"] or 0) >= there:
        raise ValueError(
            f"the GPUs of this machine are cuda:0 to cuda:{there - 1}, got {name}; "
            "choose one of them"
        )
    return name
