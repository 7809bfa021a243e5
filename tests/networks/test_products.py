"""Which products are used: the probe sees lost digits, and settings are given back."""

import pytest
import torch

from kadanoff.networks import products
from kadanoff.networks.products import (
    LARGEST_ERROR,
    fast_products,
    full_products,
    one_thread,
    product_path,
)

exact_addmm = torch.addmm


def bfloat16_products(bias, a, b):
    """What "medium" means on processors with bfloat16 units."""
    return exact_addmm(bias, a.bfloat16().float(), b.bfloat16().float())


def bfloat16_when_transposed(bias, a, b):
    """One of the three kernels loses digits."""
    sloppy = not a.is_contiguous()
    return (bfloat16_products if sloppy else exact_addmm)(bias, a, b)


def tf32_products(bias, a, b):
    """Ten binary digits behind the point instead of 23."""
    cut = [
        (x.view(torch.int32) & -(1 << 13)).view(torch.float32) for x in (a, b.clone())
    ]
    return exact_addmm(bias, *cut)


def double_products(bias, a, b):
    """Products rounded once, at the end."""
    return exact_addmm(bias.double(), a.double(), b.double()).float()


@pytest.fixture(params=["highest", "high", "medium"])
def setting(request):
    """Each setting that a caller may hold."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(request.param)
    yield request.param
    torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize(
    "sloppy", [bfloat16_products, bfloat16_when_transposed, tf32_products]
)
def test_products_that_lose_digits_are_refused(monkeypatch, setting, sloppy):
    monkeypatch.setattr(torch, "addmm", sloppy)
    with fast_products():
        assert torch.get_float32_matmul_precision() == "highest"
    assert torch.get_float32_matmul_precision() == setting


def test_exact_products_are_used(monkeypatch, setting):
    monkeypatch.setattr(torch, "addmm", double_products)
    with fast_products():
        assert torch.get_float32_matmul_precision() == "medium"
    assert torch.get_float32_matmul_precision() == setting


def test_the_probe_tells_rounding_from_lost_digits(monkeypatch):
    # One rounding of 32 bits at the end: a spread of 16 has entries below 128.
    monkeypatch.setattr(torch, "addmm", double_products)
    assert products._product_error() <= 128 * 2**-24 / 16
    monkeypatch.setattr(torch, "addmm", tf32_products)
    assert products._product_error() > 30 * LARGEST_ERROR


@pytest.mark.parametrize("block", [fast_products, full_products])
def test_the_setting_is_given_back_after_an_error(setting, block):
    with pytest.raises(ZeroDivisionError), block():
        raise ZeroDivisionError
    assert torch.get_float32_matmul_precision() == setting


def test_the_setting_is_given_back_when_the_probe_fails(monkeypatch, setting):
    monkeypatch.setattr(products, "_product_error", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError), fast_products():
        pass
    assert torch.get_float32_matmul_precision() == setting


def test_measurements_inside_a_training_use_full_products(monkeypatch):
    monkeypatch.setattr(torch, "addmm", double_products)
    with fast_products():
        with full_products():
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "medium"


def test_products_inside_the_blocks_keep_five_digits(setting):
    noise = torch.Generator().manual_seed(3)
    v, w = (torch.randn(300, 300, generator=noise) for _ in range(2))
    for block in (fast_products, full_products):
        with block():
            for a, b in ((v, w), (v, w.T), (v.T, w)):
                error = (a @ b).double() - a.double() @ b.double()
                assert error.abs().max() < LARGEST_ERROR * 300**0.5


def test_one_thread_is_given_back_after_an_error():
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        with pytest.raises(ZeroDivisionError), one_thread():
            raise ZeroDivisionError
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_the_path_tells_settings_and_processors_apart(monkeypatch, setting):
    path = product_path()
    assert f"precision {setting}" in path
    assert product_path() == path
    others = {"highest", "high", "medium"} - {setting}
    for other in others:
        torch.set_float32_matmul_precision(other)
        assert product_path() != path
    torch.set_float32_matmul_precision(setting)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    assert product_path() != path


@pytest.mark.parametrize("setting", ["highest", "medium"], indirect=True)
def test_the_path_names_the_library_that_computes(setting, capfd):
    """OneDNN writes a line per product that it computes, and none for another's."""
    name = "oneDNN" if "oneDNN" in product_path() else "another"
    a, bias = torch.ones(256, 256), torch.zeros(256)
    with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
        torch.addmm(bias, a, a)
    lines = capfd.readouterr().out.splitlines()
    ran = any(",exec,cpu,matmul," in line for line in lines)
    assert name == ("oneDNN" if ran else "another")
