"""How matrix products are computed: one core, 32 bits, and oneDNN where that is faster.

On some processors torch's precision "medium" routes fp32 products to oneDNN, which is
twice as fast and as exact; on others it means bfloat16, with an error of 1e-3. So it is
used only after a probe.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["fast_products", "one_thread"]

LARGEST_ERROR = 1e-5


@contextmanager
def one_thread() -> Iterator[None]:
    """Products on one core: the same bits whatever the machine, and no idle spinning.

    Two threads that spin on shared cores have made an update 25 times slower.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def fast_products() -> Iterator[None]:
    """The faster products inside the block, if the probe finds them exact."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    if _product_error() > LARGEST_ERROR:
        torch.set_float32_matmul_precision(before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _product_error() -> float:
    """Largest error of an fp32 product, in units of its entries' spread."""
    noise = torch.Generator().manual_seed(0)
    a, b = (torch.randn(256, 256, generator=noise) for _ in range(2))
    error = (a @ b).double() - a.double() @ b.double()
    return float(error.abs().max()) / 16
