"""Linear networks: depth saves synapses even where it adds nothing to what is computed.

A linear network is one matrix, whatever its depth. The no-flattening theorems of
H. W. Lin, M. Tegmark and D. Rolnick, J. Stat. Phys. 168, 1223 (2017), section III (the
paper the slides present, whose text is not at hand), say that the one matrix costs more
synapses than its factors:

    fast Fourier transform   2 n log₂ n instead of n²  (and n crossed wires)
    rank r                   2 n r instead of n²

and that nothing in between helps: all n² entries of a Fourier matrix have the same
modulus, so that one matrix with k synapses is off by √(1 - k/n²) of its norm, exactly;
and a bottleneck of width r < rank by √(Σ_{k>r} s_k²/Σ s_k²) (Eckart and Young), at any
depth. Control: a random matrix has full rank, and its factors cost more than it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.expressivity.rank import (
    bottleneck_error,
    flattened,
    fourier_factors,
    low_rank_factors,
    sparse_error,
    synapses,
)
from kadanoff.randomness import generator
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings"]

ROUNDING = 1e-12


@dataclass(frozen=True)
class Settings:
    """What is factored.

    Attributes:
        sizes: n of Fourier matrices.
        side: of matrices with a rank.
        rank: of the one that has a low one.
    """

    sizes: tuple[int, ...]
    side: int
    rank: int


FAST = Settings(sizes=(2, 4, 8, 16, 32, 64), side=32, rank=4)
# 12, 60, 120 and 210 are no powers of two: Cooley and Tukey's factors are for all n.
FULL = Settings(
    sizes=(2, 4, 8, 12, 16, 32, 60, 64, 120, 128, 210, 256, 512, 1024),
    side=128,
    rank=8,
)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Synapses deep and flat, errors of both, and of too narrow bottlenecks."""
    told = work.progress("Fourier transforms factored")
    rows = []
    for done, n in enumerate(settings.sizes, start=1):
        rows.append(_fourier(n, work))
        told(done, len(settings.sizes))
    data: dict[str, Any] = {
        name: (("size",), np.array([row[name] for row in rows])) for name in rows[0]
    }
    widths = np.arange(1, settings.side + 1)
    for name, matrix in _matrices(settings, work).items():
        nets = [low_rank_factors(matrix, int(r)) for r in widths]
        norm = np.linalg.norm(matrix)
        data[f"{name}_error"] = (
            ("width",),
            [np.linalg.norm(flattened(f) - matrix) / norm for f in nets],
        )
        data[f"{name}_least"] = (
            ("width",),
            [bottleneck_error(matrix, int(r)) for r in widths],
        )
        data[f"{name}_synapses"] = (("width",), [synapses(f) for f in nets])
    data["rank"] = ((), settings.rank)
    return xr.Dataset(data, {"size": list(settings.sizes), "width": widths})


def draw(dataset: xr.Dataset) -> list[Section]:
    """Synapses of Fourier transforms, and errors of bottlenecks."""
    fig = figure(11.0, 3.9, 1, 2)
    _draw_fourier(fig.axes[0], dataset)
    _draw_bottlenecks(fig.axes[1], dataset)
    n = int(dataset.width[-1])
    text = (
        "Left: synapses of the Fourier transform as one matrix and as the factors of "
        "the fast one; the dotted line is n times the sum of the primes of n, and n "
        "wires. Right: the least error of a linear network with a hidden layer of r "
        "neurons, "
        f"against its synapses, for {n}×{n} matrices of rank {int(dataset['rank'])} "
        "and of full rank; the dashed line is the flat matrix with n² synapses."
    )
    return [Section("Linear networks cannot be flattened", text, data_uri(fig))]


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """The Fourier transform, what a single sparse matrix misses, and low rank."""
    return [_fast(dataset), _single(dataset), _narrow(dataset)]


def _fourier(size: int, work: Work) -> dict[str, float]:
    """Of one size: synapses, the error on a random vector, and of one sparse matrix."""
    factors = fourier_factors(size)
    matrix = flattened(factors)
    x = generator(work.subseed("signal", size)).normal(size=(size, 2)) @ [1, 1j]
    wanted = np.fft.fft(x, norm="ortho")
    found = x
    for factor in reversed(factors):
        found = factor @ found
    deep = synapses(factors)
    kept = min(deep, size**2)
    return {
        "deep": deep,
        "flat": synapses([matrix]),
        "primes": sum(_primes(size)),
        "off": float(np.abs(found - wanted).max() / np.abs(wanted).max()),
        "sparse": sparse_error(matrix, kept),
        "sparse_wanted": float(np.sqrt(max(1 - kept / size**2, 0.0))),
    }


def _primes(size: int) -> list[int]:
    """Prime factors with their multiplicity."""
    found, left = [], size
    while left > 1:
        found.append(next(p for p in range(2, left + 1) if left % p == 0))
        left //= found[-1]
    return found


def _matrices(settings: Settings, work: Work) -> dict[str, np.ndarray]:
    rng = generator(work.subseed("matrices"))
    n, r = settings.side, settings.rank
    return {
        "low": rng.normal(size=(n, r)) @ rng.normal(size=(r, n)),
        "full": rng.normal(size=(n, n)),
    }


def _draw_fourier(ax: Axes, dataset: xr.Dataset) -> None:
    ax.loglog(dataset["size"], dataset.flat, "o-", ms=4, color=PALETTE[2], label="flat")
    ax.loglog(dataset["size"], dataset.deep, "o-", ms=4, color=PALETTE[0], label="deep")
    n = dataset["size"].values
    ax.loglog(n, n * dataset.primes + n, "k:", lw=1, label="n Σp + n")
    ax.set_xscale("log", base=4)
    ticks = 4 ** np.arange(1, int(np.log2(n[-1])) // 2 + 1)
    ax.set_xticks(ticks, [str(t) for t in ticks])
    ax.minorticks_off()
    ax.set_xlabel("size n of the Fourier transform")
    ax.set_ylabel("synapses")
    ax.legend(fontsize=8, frameon=False)


def _draw_bottlenecks(ax: Axes, dataset: xr.Dataset) -> None:
    labels = {"low": f"rank {int(dataset['rank'])}", "full": "full rank (control)"}
    for (name, label), colour in zip(labels.items(), PALETTE, strict=False):
        error = np.maximum(dataset[f"{name}_error"], 1e-16)
        least = np.maximum(dataset[f"{name}_least"], 1e-16)
        at = dataset[f"{name}_synapses"]
        ax.loglog(at, error, "o", ms=3.5, color=colour, label=label)
        ax.loglog(at, least, "-", lw=0.9, color=colour)
    ax.axvline(int(dataset.width[-1]) ** 2, color="k", lw=0.8, ls="--")
    ax.set_xlabel("synapses 2nr")
    ax.set_ylabel("error in units of |M|")
    ax.legend(fontsize=8, frameon=False)


def _fast(dataset: xr.Dataset) -> Check:
    n = dataset["size"].values
    counted = bool((dataset.deep.values <= n * dataset.primes.values + n).all())
    off, last = float(dataset.off.max()), dataset.isel(size=-1)
    size = int(n[-1])
    x, logs = np.log(n[2:]), np.log(dataset.deep.values[2:])
    power, start = np.polyfit(x, logs, 1)
    apart = float(np.abs(np.expm1(logs - start - power * x)).max())
    good = counted and off < ROUNDING and int(last.flat) == size**2
    return Check(
        claim="Depth makes the Fourier transform fast: it takes about 2 n log₂ n "
        "synapses in log₂ n layers and n² in one.",
        paper="n log n against n², in the paper the slides present, whose text is "
        "not at hand",
        ours=f"n = {size}: {int(last.deep)} against {int(last.flat)}, "
        f"{float(last.flat / last.deep):.0f} times fewer",
        status=Status.REPRODUCED if good else Status.NOT,
        reason=f"the factors give numpy's transform within {off:.0e} for n = "
        f"{', '.join(map(str, n))}; over these n the count grows as n^{power:.2f}, "
        f"within {apart:.0%}",
    )


def _single(dataset: xr.Dataset) -> Check:
    gap = float(np.abs(dataset.sparse - dataset.sparse_wanted).max())
    last = dataset.isel(size=-1)
    return Check(
        claim="One matrix with as many synapses as the fast transform is wrong.",
        paper="in words: flattening is costly",
        ours=f"the best one is off by {float(last.sparse):.4f} of the norm at n = "
        f"{int(last['size'])}",
        status=Status.REPRODUCED
        if gap < ROUNDING and float(last.sparse) > 0.5
        else Status.NOT,
        reason=f"√(1 - k/n²) exactly, within {gap:.0e}: all n² entries have the same "
        "modulus",
    )


def _narrow(dataset: xr.Dataset) -> Check:
    r = int(dataset["rank"])
    gap = max(
        float(np.abs(dataset[f"{m}_error"] - dataset[f"{m}_least"]).max())
        for m in ("low", "full")
    )
    at, below = (float(dataset.low_error.sel(width=w)) for w in (r, r - 1))
    full = dataset.full_error.values
    needed = int(dataset.width[np.argmax(full < ROUNDING)])
    n = int(dataset.width[-1])
    good = gap < ROUNDING and at < ROUNDING < 1e-3 < below and needed == n
    return Check(
        claim="A matrix of low rank takes 2nr synapses with a hidden layer of r "
        "neurons, n² without.",
        paper="2nr against n², in the paper the slides present, whose text is "
        "not at hand",
        ours=f"n = {n}, r = {r}: {int(dataset.low_synapses.sel(width=r))} against "
        f"{n * n}, error {at:.0e}; with r - 1 neurons {below:.2f}",
        status=Status.REPRODUCED if good else Status.NOT,
        reason=f"Eckart and Young's least error, within {gap:.0e}; the control of full "
        f"rank needs r = {needed} and twice the synapses of the flat matrix",
    )


EXHIBIT = Exhibit(
    name="linear",
    title="Linear networks cannot be flattened",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
