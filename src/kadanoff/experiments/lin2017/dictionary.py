"""The slides' dictionary of physics and machine learning, every pair as a few lines.

Table I of H. W. Lin, M. Tegmark and D. Rolnick, J. Stat. Phys. 168, 1223 (2017), which
the slides show, and the sentence after it: renormalization is a special case of feature
extraction. A pair of words means something where the same number is found on both
sides. So each is a function of three lines at most that returns three numbers: what is
found in the words of learning, what physics expects by another way, and a control that
must not agree. The lines on the page are read off the functions that were run; what
they call stands beside them. Nothing is random.
"""

from __future__ import annotations

import ast
import inspect
import math
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.exact.chain import ring, ring_two_point
from kadanoff.exact.information import BIT, mutual_information
from kadanoff.exact.pairs import states
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.experiments.studies import attributes_of
from kadanoff.expressivity.softmax import pair_products
from kadanoff.flows.gaussian import block_averaged, lattice_spectrum, squared_momentum
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Listing, Section, Table

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "HELPERS",
    "PAIRS",
    "Pair",
    "Settings",
    "block_average_in",
    "convolved",
    "cross_entropy",
    "evidence",
    "imports",
    "kurtosis",
    "listing",
    "magnet",
    "missed",
    "shared_bits",
    "weights_used",
]

Numbers = tuple[float, float, float]
ROUNDING = 1e-10


def magnet(sites: int, coupling: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All states of an Ising ring `(state, site)`, their H = K E, and their p."""
    s = states(sites).astype(float)
    H = -coupling * (s * np.roll(s, 1, axis=1)).sum(axis=1)
    return s, H, np.exp(-H) / np.exp(-H).sum()


def evidence(y0: float, y2: float, c: int) -> float:
    """Nats by which one wave of c-block means tells 1/S = y₀ + k̂² + y₂ k̂⁴ from k̂²."""
    k = np.array([[0.5]])

    def seen(mass: float, stiff: float) -> float:
        def spectrum(q: np.ndarray) -> np.ndarray:
            x = squared_momentum(q)
            return 1 / (mass + x + stiff * x**2)

        return float(block_averaged(spectrum, c)(k)[0])

    ratio = seen(y0, y2) / seen(0.0, 0.0)
    return (ratio - 1 - math.log(ratio)) / 2


def cross_entropy(sites: int, coupling: float, of: float) -> float:
    """Nats for a state of the ring at `of` by the law at K: ln Z + ⟨H⟩, exactly."""
    energy = sites * ring(sites, of).energy
    return ring(sites, coupling).log_partition + coupling * energy


def missed(x: np.ndarray, table: np.ndarray, every: int) -> float:
    """Largest error of a table that is learned, linear in x, from some of its rows."""
    weights = np.linalg.lstsq(x[::every], table[::every], rcond=None)[0]
    return float(np.abs(x @ weights - table).max())


def kurtosis(x: np.ndarray, H: np.ndarray) -> float:
    """⟨x⁴⟩/⟨x²⟩² of the law exp(-H) on a grid."""
    p = np.exp(-H)
    return float(p.sum() * (p @ x**4) / (p @ x**2) ** 2)


def weights_used(s: np.ndarray, H: np.ndarray) -> float:
    """Pairs of spins with a weight in H, a sum of products of pairs over all states."""
    return float(np.count_nonzero(np.abs(np.triu((s.T * H) @ s, 1)) > 1e-9))


def convolved(s: np.ndarray, p: np.ndarray, kernel: Sequence[float]) -> float:
    """⟨-½ Σ s_i h_i⟩ with the field h that a circular convolution of s makes."""
    padded = torch.from_numpy(np.pad(s, ((0, 0), (1, 1)), mode="wrap"))[:, None]
    field = torch.conv1d(padded, torch.tensor(kernel).double()[None, None])[:, 0]
    return float(-0.5 * p @ (s * field.numpy()).sum(axis=1))


def shared_bits(correlation: float) -> float:
    """Bits that two spins with ⟨ss′⟩ = G know of each other."""
    same, other = 1 + correlation, 1 - correlation
    return float(mutual_information([[same, other], [other, same]]) / BIT)


def block_average_in(waves: np.ndarray) -> float:
    """Overlap of two neighbours' first principal component with their mean."""
    c = np.fft.ifft(waves).real
    first = np.linalg.eigh([[c[0], c[1]], [c[1], c[0]]])[1][:, 1]
    return float(abs(first.sum()) / math.sqrt(2))


HELPERS = (
    magnet,
    evidence,
    cross_entropy,
    missed,
    kurtosis,
    weights_used,
    convolved,
    shared_bits,
    block_average_in,
)

# The pairs, of three lines. Each first line is what the page says of it.


def surprisal() -> Numbers:
    """-ln p is H + ln Z: its mean is the entropy, ln Z + ⟨H⟩ of transfer matrices."""
    _, _, p = magnet(8, 0.4)
    entropy = cross_entropy(8, 0.4, of=0.4)
    return -(p * np.log(p)).sum(), entropy, -np.log(p).mean()


def cheap() -> Numbers:
    """An H of pairs of spins is known from every seventh value; not any table is."""
    s, H, _ = magnet(10, 0.4)
    x, table = pair_products(s), s[:, :3].prod(axis=1)
    return missed(x, H, 7), 0.0, missed(x, table, 7)


def gaussian() -> Numbers:
    """Of a quadratic H, ⟨x⁴⟩ = 3⟨x²⟩²; of a quartic one not."""
    x = np.linspace(-12, 12, 4001)
    return kurtosis(x, x**2 / 2), 3.0, kurtosis(x, x**4)


def sparsity() -> Numbers:
    """Of the 28 weights between eight spins, ln p of a ring needs its 8 bonds."""
    s, H, _ = magnet(8, 0.4)
    return weights_used(s, H), 8.0, weights_used(s, s.sum(axis=1) ** 2)


def convolution() -> Numbers:
    """The energy by a circular convolution, the same weights at every site."""
    s, _, p = magnet(8, 0.4)
    found, control = (convolved(s, p, kernel) for kernel in ([1, 0, 1], [1, 1, 1]))
    return found, 8 * ring(8, 0.4).energy, control


def softmax() -> Numbers:
    """softmax(-H) has the correlations of the magnet; at another temperature not."""
    s, H, _ = magnet(8, 0.4)
    p, q = (torch.from_numpy(-H / T).softmax(dim=0).numpy() for T in (1, 2))
    return p @ (s.T[0] * s.T[1]), ring_two_point(8, 0.4)[1], q @ (s.T[0] * s.T[1])


def bit() -> Numbers:
    """Ten spins without couplings are ten bits; with couplings they are fewer."""
    p, coupled = (magnet(10, K)[2] for K in (0.0, 0.4))
    bits = [-(q * np.log2(q)).sum() for q in (p, coupled)]
    return bits[0], 10.0, bits[1]


def divergence() -> Numbers:
    """D(p‖q) is a free energy of q with the energies of p, less the true one."""
    p, q = magnet(8, 0.4)[2], magnet(8, 0.3)[2]
    gap = cross_entropy(8, 0.3, of=0.4) - cross_entropy(8, 0.4, of=0.4)
    return (p * np.log(p / q)).sum(), gap, (q * np.log(q / p)).sum()


def distillation() -> Numbers:
    """What far spins know of each other, in bits, is all in the decimated chain."""
    K = math.log(math.cosh(2 * 0.8)) / 2
    G = ring_two_point(8, K)[2], ring_two_point(16, 0.8)[4], ring_two_point(8, 0.8)[2]
    return shared_bits(G[0]), shared_bits(G[1]), shared_bits(G[2])


def noise() -> Numbers:
    """From twice as far an irrelevant y₂ is 4 times fainter: evidence falls by 16."""
    faint = evidence(0.0, 1e-2, 32) / evidence(0.0, 1e-2, 16)
    other = evidence(1e-7, 0.0, 32) / evidence(1e-7, 0.0, 16)
    return faint, 1 / 16, other


def feature() -> Numbers:
    """From twice as far a relevant y₀ is 4 times stronger: evidence grows by 16."""
    strong = evidence(1e-7, 0.0, 32) / evidence(1e-7, 0.0, 16)
    other = evidence(0.0, 1e-2, 32) / evidence(0.0, 1e-2, 16)
    return strong, 16.0, other


def extraction() -> Numbers:
    """The first principal component of a block of two is the block average."""
    k = 2 * np.pi * np.arange(64)[:, None] / 64
    waves = [lattice_spectrum(0.01)(k + shift) for shift in (0, np.pi)]
    return block_average_in(waves[0]), 1.0, block_average_in(waves[1])


@dataclass(frozen=True)
class Pair:
    """Two words for one thing.

    Attributes:
        physics, learning: the words.
        example: lines that find one number twice, and a control that differs.
        relative: how far apart the two may be, a share; rounding, or what is left out.
    """

    physics: str
    learning: str
    example: Callable[[], Numbers]
    relative: float = ROUNDING


PAIRS = (
    Pair("Hamiltonian", "surprisal -ln p", surprisal),
    Pair("simple H", "cheap learning", cheap),
    Pair("quadratic H", "Gaussian p", gaussian),
    Pair("locality", "sparsity", sparsity),
    Pair("translation symmetry", "convolution", convolution),
    Pair("computing p from H", "softmaxing", softmax),
    Pair("spin", "bit", bit),
    Pair("free-energy difference", "KL divergence", divergence),
    Pair("effective theory", "nearly lossless distillation", distillation),
    # One wave at k = ½, where k⁴ and more of both spectra are left out.
    Pair("irrelevant operator", "noise", noise, relative=0.01),
    Pair("relevant operator", "feature", feature, relative=0.01),
    Pair("renormalization", "feature extraction", extraction),
)


@dataclass(frozen=True)
class Settings:
    """Nothing to choose: the numbers are those of the lines on the page."""


FAST = FULL = Settings()


def listing(pair: Pair) -> str:
    """Lines that anybody can run after the `imports`: they end in an assertion."""
    source = textwrap.dedent(inspect.getsource(pair.example))
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    body = source.splitlines()[function.body[1].lineno - 1 :]
    lines = textwrap.dedent("\n".join(body)).splitlines()
    last = max(n for n, line in enumerate(lines) if line.startswith("return "))
    lines[last] = lines[last].replace("return ", "found, expected, control = ", 1)
    lines += [
        f"allowed = {pair.relative:g} * (abs(expected) or 1)",
        "assert abs(found - expected) < allowed < abs(control - expected)",
    ]
    return "\n".join(lines)


def imports() -> str:
    """The imports that the listings need, those of this file that they use."""
    here = sys.modules[__name__]
    used = {name for pair in PAIRS for name in _names(pair.example)}
    found = []
    for node in ast.parse(inspect.getsource(here)).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a for a in node.names if (a.asname or a.name) in used]
            if names:
                node.names = names
                found.append(ast.unparse(node))
    own = sorted(used & {helper.__name__ for helper in HELPERS})
    return "\n".join([*found, f"from {__name__} import {', '.join(own)}"])


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """The three numbers of every pair, and the lines that gave them."""
    numbers = [pair.example() for pair in PAIRS]
    names = ("found", "expected", "control")
    columns = np.array(numbers, dtype=float).T
    return xr.Dataset(
        {
            **{n: (("pair",), c) for n, c in zip(names, columns, strict=True)},
            "relative": (("pair",), np.array([p.relative for p in PAIRS])),
            "says": (("pair",), np.array([_says(p) for p in PAIRS])),
            "code": (("pair",), np.array([listing(p) for p in PAIRS])),
            "imports": ((), imports()),
            "helpers": ((), "\n\n\n".join(_source(h) for h in HELPERS)),
        },
        {"pair": [f"{p.physics} ↔ {p.learning}" for p in PAIRS]},
        attributes_of(settings),
    )


def draw(dataset: xr.Dataset) -> list[Section]:
    """All pairs in a table and a picture, and the lines of each."""
    header = ("physics ↔ machine learning", "", "found", "expected", "control")
    rows = []
    for name in dataset.pair.values:
        at = dataset.sel(pair=name)
        numbers = [f"{float(at[n]):.6g}" for n in ("found", "expected", "control")]
        rows.append([str(name), str(at["says"].item()), *numbers])
    first = Listing("First of all", str(dataset["imports"].item()))
    code = [
        Listing(str(name), str(lines))
        for name, lines in zip(dataset.pair.values, dataset["code"].values, strict=True)
    ]
    return [
        Section(
            "The dictionary",
            "Every pair of words is one number found twice: in the words of machine "
            "learning, and by the ways of physics. Beside it a control that must not "
            "agree. The picture has the distances to what is expected, in units of "
            "what is allowed: a pair holds if it is left of the line and its control "
            "right of it.",
            data_uri(_picture(dataset)),
            tables=[Table(header, rows)],
        ),
        Section(
            "The dictionary in lines that run",
            "The lines that were run, three at most for each pair; each listing ends "
            "with an assertion. At the end the functions that they call.",
            listings=[
                first,
                *code,
                Listing("What they call", str(dataset["helpers"].item())),
            ],
        ),
    ]


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """One for every pair."""
    return [_holds(dataset.sel(pair=name)) for name in dataset.pair.values]


def _source(function: Callable) -> str:
    return inspect.getsource(function).strip()


def _says(pair: Pair) -> str:
    return " ".join((pair.example.__doc__ or "").split())


def _names(function: Callable[[], Numbers]) -> set[str]:
    """Names that a function takes from its module."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}


def _distances(dataset: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """Of both numbers to what is expected, in units of what is allowed."""
    expected = dataset["expected"]
    allowed = dataset["relative"] * abs(expected).where(expected != 0, 1.0)
    found, control = (abs(dataset[n] - expected) for n in ("found", "control"))
    return found / allowed, control / allowed


def _picture(dataset: xr.Dataset) -> Figure:
    fig = figure(9.0, 4.2)
    (ax,) = fig.axes
    found, control = _distances(dataset)
    rows = np.arange(dataset.sizes["pair"])[::-1]
    least = 1e-8  # where the two agree to the last digit
    ax.plot(np.maximum(found, least), rows, "o", color=PALETTE[0], label="found")
    ax.plot(control, rows, "x", color=PALETTE[2], label="control")
    ax.axvline(1, color="grey", linewidth=0.9)
    ax.set_xscale("log")
    ax.set_yticks(rows, [str(n) for n in dataset.pair.values], fontsize=8)
    ax.set_xlabel("distance to what is expected / allowed (at the left edge: none)")
    ax.legend(fontsize=8, frameon=False, loc="upper center")
    return fig


def _holds(at: xr.Dataset) -> Check:
    found, control = (float(d) for d in _distances(at))
    name = str(at.pair.item())
    return Check(
        claim=f"{name[0].upper()}{name[1:]}.",
        paper="a row of the dictionary"
        if "extraction" not in name
        else "p. 27, in words",
        ours=f"{float(at['found']):.6g} found, {float(at['expected']):.6g} expected",
        status=Status.REPRODUCED if found < 1 < control else Status.NOT,
        reason=f"{str(at['says'].item()).rstrip('.')}; the control has "
        f"{float(at['control']):.6g}",
    )


EXHIBIT = Exhibit(
    name="dictionary",
    title="The dictionary",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
