"""How matrix products are computed: one core, 32 bits, and oneDNN where that is faster.

On some processors torch's precision "medium" routes fp32 products to oneDNN, which is
twice as fast as MKL and as exact; on others it means bfloat16, with an error of 1e-2.
So a training probes it first, in the three forms that it needs. What is measured (free
energies, ln Z, likelihoods) asks for `full_products`: an error of 1e-5 per product is
nothing beside the noise of a gradient, but adds up in a sum over a layer.

The bits of a product depend on the library, its setting and the processor: a training
that goes on to the same bits needs the same `product_path`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

__all__ = ["fast_products", "full_products", "one_thread", "product_path"]

LARGEST_ERROR = 1e-5
FULL, FAST = "highest", "medium"
PROBED = 256  # terms of a sum, rows and columns of the probe
FEATURES = ("avx2", "avx512_f", "avx512_bf16", "amx_tile", "sve", "sve2")


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
    """The faster products inside the block if the probe finds them exact, else full."""
    with _precision(FAST):
        if _product_error() > LARGEST_ERROR:
            torch.set_float32_matmul_precision(FULL)
        yield


@contextmanager
def full_products() -> Iterator[None]:
    """Products with all digits of their type inside the block, whatever holds around.

    For what is measured, also inside `fast_products`.
    """
    with _precision(FULL):
        yield


def product_path() -> str:
    """What computes products here and now: library, setting, processor features.

    Equal strings are necessary for equal bits. On the CPU "highest" means the BLAS that
    torch was built with, "medium" oneDNN where the processor has wide enough vectors.

    >>> with full_products():
    ...     product_path().split(", ")[1]
    'precision highest'
    """
    setting = torch.get_float32_matmul_precision()
    library = "oneDNN" if setting == FAST and _has_onednn() else _blas()
    return f"torch {torch.__version__} {library}, precision {setting}, {_processor()}"


@contextmanager
def _precision(setting: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(setting)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _product_error() -> float:
    """Largest error of the products of an update, in units of their entries' spread."""
    noise = torch.Generator().manual_seed(0)
    a, b = (torch.randn(PROBED, PROBED, generator=noise) for _ in range(2))
    # The fields v W and h Wᵀ and the moment vᵀ h: each layout has a kernel of its own.
    errors = [_error(x, y) for x, y in ((a, b), (a, b.T), (a.T, b))]
    return max(errors) / PROBED**0.5


def _error(x: Tensor, y: Tensor) -> float:
    found = torch.addmm(x.new_zeros(PROBED), x, y).double()
    return float((found - x.double() @ y.double()).abs().max())


def _has_onednn() -> bool:
    """Whether torch hands 32-bit products of precision "medium" to oneDNN here."""
    onednn = torch.backends.mkldnn
    usable = onednn.is_available() and onednn.enabled
    return bool(usable and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _blas() -> str:
    built = torch.__config__.show().partition("BLAS_INFO=")[2]
    return built.partition(",")[0] or "BLAS"


def _processor() -> str:
    """The vectors that torch's kernels use, and what the libraries may add."""
    has = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.6 has none
    level = torch.backends.cpu.get_cpu_capability()
    return "+".join([level, *(name for name in FEATURES if has.get(name))])
