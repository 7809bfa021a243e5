"""Machines that are exact steps, made by hand, and whether training finds one.

The paper has one-dimensional decimation as a deep network: every second spin of a ring
of coupling K is a ring of coupling K′ with tanh K′ = tanh² K, and its correlation
length is half of what it was (the abstract at hand names the Ising model in one
dimension; the formula is a textbook one). Computed here, layer by layer, from the
weights alone (`networks.mapping.decimating_network`).

Two more machines are exact in two dimensions. Sublattice A visible and B hidden is the
decimation by √2; one hidden unit on every bond is the Ising law on any lattice, and
renormalizes nothing: it has more units than spins.

Does training find the step that one makes by hand? N/2 units on a ring of N, from small
random weights, down the exact KL: counted are machines whose units sit on every second
spin, each with the bonds to its two neighbours. Controls: descent of |ΔF|, one unit too
few, larger initial weights, longer steps.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from matplotlib.figure import Figure
from scipy.stats import binomtest

from kadanoff.ensemble import Ensemble
from kadanoff.exact import kaufman
from kadanoff.exact.chain import correlation_length, ring_two_point
from kadanoff.exact.constants import K_C
from kadanoff.exact.pairs import states
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.experiments.mehta2014.descents import descents, machine_of, starts
from kadanoff.experiments.studies import attributes_of
from kadanoff.models.ising import Ising
from kadanoff.networks.anchors import (
    TOLERANCE,
    bond_constant,
    bond_machine,
    sublattice,
    sublattice_machine,
)
from kadanoff.networks.mapping import (
    Exactness,
    decimating_network,
    exactness,
    hamiltonian,
    short_range,
)
from kadanoff.networks.products import one_thread
from kadanoff.reports.figures import PALETTE, data_uri, figure, image_rows
from kadanoff.reports.page import Section, Table

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "Settings",
    "checks",
    "compute",
    "decimates",
    "draw",
]

LAYERS, RING = 3, 16
SQUARE = (4, 4)
FACTORS = (1.0, 1.01)
"""Of K_c in the weights: right, and off by what a check must see."""
ROUNDING = 1e-9
LEVEL = 0.95
"""Of the intervals of a share: exact binomial ones (Clopper and Pearson)."""


@dataclass(frozen=True)
class Settings:
    """How much is trained.

    Attributes:
        couplings: of the rings, hand-made and trained on. At 0.2 the weights are
            still on their way after the steps of `FULL`.
        sites: of the rings that are trained on.
        seeds: machines of every kind at every coupling.
        steps: of a descent.
        rate: of a descent. At 0.5 the first step along the magnetization of eight spins
            already oversteps: units end in each other's places (the control `long
            steps`).
        scale: of the initial weights.
    """

    couplings: tuple[float, ...]
    sites: int
    seeds: int
    steps: int
    rate: float = 0.15
    scale: float = 0.01


FAST = Settings(couplings=(0.4, 0.8), sites=6, seeds=6, steps=1500)
FULL = Settings(couplings=(0.3, 0.4, 0.6, 0.8, 1.0), sites=8, seeds=20, steps=6000)


@dataclass(frozen=True)
class Arm:
    """A kind of training, by what differs from the first one.

    Attributes:
        objective: of `descents`.
        fewer: units less than N/2.
        longer: factor of the rate.
        larger: factor of the initial weights.
    """

    objective: str = "divergence"
    fewer: int = 0
    longer: float = 1.0
    larger: float = 1.0


MAIN = "KL, small weights"
ARMS = {
    MAIN: Arm(),
    "KL, larger weights": Arm(larger=50.0),
    "KL, long steps": Arm(longer=4.0),
    "KL, one unit too few": Arm(fewer=1),
    "|ΔF|": Arm(objective="free energy"),
}


def decimates(weights: np.ndarray, coupling: float) -> bool:
    """Whether a machine on a ring is decimation to every second spin.

    The largest weights of the units sit on all spins of one sublattice, one on each,
    and all others are the bonds K to the two neighbours of that spin, within the
    `TOLERANCE` of a recovery. A unit may be turned, h → −h.

    Args:
        weights: `(site, unit)`.
        coupling: K > 0 of the ring.
    """
    sites, units = weights.shape
    centre = abs(weights).argmax(axis=0)
    sublattice = {tuple(range(k, sites, 2)) for k in (0, 1)}
    if tuple(sorted(centre.tolist())) not in sublattice:
        return False
    signs = np.sign(weights[centre, np.arange(units)])
    others, truth = weights * signs, np.zeros_like(weights)
    for unit, site in enumerate(centre):
        others[site, unit] = 0
        truth[[(site - 1) % sites, (site + 1) % sites], unit] = coupling
    apart = np.linalg.norm(others - truth) / np.linalg.norm(truth)
    return bool(apart <= TOLERANCE)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """The hand-made machines, and how often training finds decimation."""
    with one_thread(), torch.no_grad():
        parts = [
            _by_hand(settings.couplings),
            _two_dimensions(),
            _trained(settings, work),
        ]
    return xr.merge(parts).assign_attrs(attributes_of(settings))


def _by_hand(couplings: Sequence[float]) -> xr.Dataset:
    """Couplings, what they leave unexplained, and correlators, layer by layer."""
    found = np.array([[*zip(*_layers(k), strict=True)] for k in couplings])
    names = ("layer_coupling", "layer_unexplained", "layer_length", "layer_apart")
    axes = ("coupling", "layer")
    return xr.Dataset(
        {name: (axes, found[:, k]) for k, name in enumerate(names)},
        coords={"coupling": list(couplings), "layer": range(LAYERS + 1)},
    )


def _layers(coupling: float) -> list[tuple[float, float, float, float]]:
    """Of the ring and of every hidden layer: K, the rest of H, ξ/a, and |ΔG|.

    K from the hidden Hamiltonian of the machine alone; ξ in sites of the layer; G of
    the layer at distance r against G of the ring at 2^l r.
    """
    below = ring_two_point(RING, coupling)
    found = [(coupling, 0.0, correlation_length(coupling), 0.0)]
    sites = RING
    for layer in decimating_network(RING, coupling, LAYERS).machines:
        sites //= 2
        h = torch.from_numpy(states(sites)).double()
        H = layer.hidden_free_energy(h).numpy()
        read = short_range(H, (sites,))
        law = np.exp(-(H - H.min()))
        s = states(sites).astype(float)
        G = (law * s[:, 0]) @ s / law.sum()
        apart = abs(G[: sites // 2 + 1] - below[:: RING // sites]).max()
        k = read.couplings["nearest"]
        found.append((k, read.unexplained, correlation_length(k), float(apart)))
    return found


def _two_dimensions() -> xr.Dataset:
    """The sublattice and the bond machine of the square lattice, right and 1 % off."""
    model = Ising(SQUARE)
    whole = hamiltonian(model, K_C)
    left = _sublattice_hamiltonian(whole)
    values = np.empty((2, 2, 3))
    for k, factor in enumerate(FACTORS):
        halves = sublattice_machine(SQUARE, factor * K_C)
        bonds = bond_machine(model, factor * K_C)
        constant = bond_constant(model, factor * K_C)
        values[k] = (
            _facts(exactness(halves, left), 0.0),
            _facts(exactness(bonds, whole), constant),
        )
    names = ("square_divergence", "square_spread", "square_log_partition")
    axes = ("factor", "machine")
    return xr.Dataset(
        {name: (axes, values[..., k]) for k, name in enumerate(names)},
        coords={"factor": list(FACTORS), "machine": ["sublattice", "bonds"]},
    )


def _facts(read: Exactness, constant: float) -> tuple[float, float, float]:
    """KL, the spread, and ln Z of the machine less its constant against Kaufman's."""
    own = read.log_partition - read.free_energy_difference - constant
    exact = kaufman.torus(SQUARE, K_C).log_partition
    return read.divergence, read.spread, abs(own - exact)


def _sublattice_hamiltonian(whole: np.ndarray) -> np.ndarray:
    """H of sublattice A in the order of its machine, sublattice B summed over."""
    sites = math.prod(SQUARE)
    spins = states(sites).reshape(1, -1, *SQUARE)
    kept = sublattice(Ensemble.from_values(spins)).values[0].reshape(2**sites, -1)
    code = (kept > 0) @ (2 ** np.arange(kept.shape[1])[::-1])
    return -np.log(np.bincount(code, weights=np.exp(-whole)))


def _trained(settings: Settings, work: Work) -> xr.Dataset:
    """Machines of every arm at every coupling: KL, and whether they decimate."""
    shape = (len(ARMS), len(settings.couplings), settings.seeds)
    kl, yes, change = np.empty(shape), np.zeros(shape, np.int8), np.empty(shape)
    units = settings.sites // 2
    kept = np.empty((len(settings.couplings), settings.sites, units))
    for j, coupling in enumerate(settings.couplings):
        H = hamiltonian(Ising((settings.sites,)), coupling)
        for i, (name, arm) in enumerate(ARMS.items()):
            ends = _ends(arm, H, settings, work.subseed("starts", f"{coupling:g}"))
            reads = [exactness(machine_of(w), H) for w in ends]
            kl[i, j] = [r.divergence for r in reads]
            change[i, j] = [r.free_energy_difference for r in reads]
            yes[i, j] = [decimates(w, coupling) for w in ends]
            if name == MAIN:
                kept[j] = ends[int(np.argmin(kl[i, j]))]
            work.progress("machines on rings")(j * len(ARMS) + i + 1, kl[..., 0].size)
    axes = ("arm", "coupling", "seed")
    return xr.Dataset(
        {
            "divergence": (axes, kl),
            "free_energy": (axes, change),
            "decimates": (axes, yes),
            "weights": (("coupling", "site", "unit"), kept),
        },
        coords={"arm": list(ARMS), "coupling": list(settings.couplings)},
    )


def _ends(arm: Arm, H: np.ndarray, settings: Settings, seed: int) -> np.ndarray:
    begin = starts(
        settings.seeds,
        settings.sites,
        settings.sites // 2 - arm.fewer,
        scale=settings.scale * arm.larger,
        seed=seed,
    )
    return descents(
        H,
        begin,
        objective=arm.objective,  # pyright: ignore[reportArgumentType]
        rate=settings.rate * arm.longer,
        steps=settings.steps,
    )


def draw(dataset: xr.Dataset) -> list[Section]:
    """The couplings of the layers, the trained weights, and how often."""
    return [
        Section(
            "Decimation as a deep network",
            f"A ring of {RING} spins and {LAYERS} machines with known weights; their "
            "couplings are read from the hidden Hamiltonian of each, all states "
            "visited. Left: the correlation length, in sites of the layer, halves. "
            "Right: what is left of tanh K′ = tanh² K; a missing point is 0.",
            data_uri(_draw_layers(dataset)),
        ),
        Section(
            "In two dimensions",
            f"Machines of {SQUARE[0]}×{SQUARE[1]} spins at K_c, and with weights for a "
            "coupling 1 % larger. ln Z is compared with Kaufman's.",
            tables=[_square_table(dataset)],
        ),
        Section(
            "Does training find it?",
            "Best machine of the first arm at every coupling: weights of visible spins "
            "(across) and hidden units (down), the units in order of their spins and "
            "turned so that the largest weight is positive.",
            data_uri(_draw_weights(dataset)),
            tables=[_share_table(dataset)],
        ),
        Section(
            "How often, and how far",
            "KL of every machine at the end. Full: it decimates; open: it does not.",
            data_uri(_draw_divergences(dataset)),
        ),
    ]


def _draw_layers(dataset: xr.Dataset) -> Figure:
    fig = figure(9, 3.4, columns=2)
    left, right = fig.axes
    x = dataset["layer"].values
    for k, coupling in enumerate(dataset["coupling"].values):
        at, colour = dataset.sel(coupling=coupling), PALETTE[k % 6]
        label = f"K = {coupling:g}"
        left.plot(x, at["layer_length"], "o-", color=colour, label=label)
        right.plot(x[1:], _recursion(dataset, coupling), "o", color=colour)
    left.set_yscale("log", base=2)
    left.set_ylabel("ξ in sites of the layer")
    left.legend(fontsize=8, frameon=False)
    right.set_yscale("log")
    right.set_ylim(1e-17, 1e-9)
    right.set_ylabel("|tanh K′ − tanh² K|")
    for ax in fig.axes:
        ax.set_xticks(x)
        ax.set_xlabel("layer")
    return fig


def _recursion(dataset: xr.Dataset, coupling: float) -> np.ndarray:
    """|tanh K′ − tanh² K| of every step."""
    t = np.tanh(dataset["layer_coupling"].sel(coupling=coupling).values)
    return abs(t[1:] - t[:-1] ** 2)


def _draw_weights(dataset: xr.Dataset) -> Figure:
    couplings = dataset["coupling"].values
    pictures = [_ordered(dataset["weights"].sel(coupling=k).values) for k in couplings]
    titles = [f"K = {k:g}" for k in couplings]
    return image_rows({"W": pictures}, titles, responses=True)


def _ordered(weights: np.ndarray) -> np.ndarray:
    """Units in order of their largest weights, which are positive, `(unit, site)`."""
    centre = abs(weights).argmax(axis=0)
    signs = np.sign(weights[centre, np.arange(weights.shape[1])])
    return (weights * signs).T[np.argsort(centre)]


def _draw_divergences(dataset: xr.Dataset) -> Figure:
    couplings = dataset["coupling"].values
    fig = figure(2.4 * len(couplings) + 1.5, 3.4, 1, len(couplings))
    for ax, coupling in zip(fig.axes, couplings, strict=True):
        for k, arm in enumerate(ARMS):
            at = dataset.sel(coupling=coupling, arm=arm)
            y, yes = at["divergence"].values, at["decimates"].values.astype(bool)
            x = k + np.linspace(-0.3, 0.3, len(y))
            ax.plot(x[yes], y[yes], "o", color=PALETTE[k], markersize=4)
            ax.plot(
                x[~yes], y[~yes], "o", color=PALETTE[k], markersize=4, fillstyle="none"
            )
        ax.set_yscale("log")
        ax.set_ylim(float(dataset["divergence"].min()) / 2, 30)
        ax.set_xticks(range(len(ARMS)), list(ARMS), rotation=60, ha="right", fontsize=8)
        ax.set_title(f"K = {coupling:g}", fontsize=10)
    fig.axes[0].set_ylabel("KL (nats)")
    return fig


def _square_table(dataset: xr.Dataset) -> Table:
    names = ("square_divergence", "square_spread", "square_log_partition")
    rows = []
    for machine, factor in itertools.product(dataset["machine"].values, FACTORS):
        at = dataset.sel(machine=machine, factor=factor)
        numbers = [f"{at[name].item():.2g}" for name in names]
        rows.append([str(machine), f"{factor:g} K_c", *numbers])
    return Table(["machine", "weights of", "KL", "max g − min g", "ln Z off by"], rows)


def _share(dataset: xr.Dataset, arm: str, coupling: float | None = None) -> str:
    """`k of n (low to high)` with the exact binomial interval."""
    at = dataset["decimates"].sel(arm=arm)
    if coupling is not None:
        at = at.sel(coupling=coupling)
    k, n = int(at.sum()), at.size
    low, high = _interval(k, n)
    return f"{k} of {n} ({low:.0%} to {high:.0%})"


def _interval(k: int, n: int) -> tuple[float, float]:
    found = binomtest(k, n).proportion_ci(LEVEL, method="exact")
    return float(found.low), float(found.high)


def _share_table(dataset: xr.Dataset) -> Table:
    couplings = dataset["coupling"].values
    rows = [[arm, *(_share(dataset, arm, k) for k in couplings)] for arm in ARMS]
    return Table(["trained by", *(f"K = {k:g}" for k in couplings)], rows)


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """What is exact by hand, and what training finds."""
    return [
        _recursion_check(dataset),
        _length_check(dataset),
        *(_square_check(dataset, machine) for machine in ("sublattice", "bonds")),
        _finds(dataset),
        _control(dataset),
    ]


def _recursion_check(dataset: xr.Dataset) -> Check:
    couplings = dataset["coupling"].values
    worst = max(float(_recursion(dataset, k).max()) for k in couplings)
    rest = float(dataset["layer_unexplained"].max())
    exact = worst < ROUNDING and rest < ROUNDING
    return Check(
        claim="One-dimensional decimation is a deep network: tanh K′ = tanh² K at "
        "every layer.",
        paper="in words; the formula is a textbook one",
        ours=f"{LAYERS} layers at {len(couplings)} couplings: off by {worst:.0e} at "
        "most",
        status=Status.REPRODUCED if exact else Status.NOT,
        reason=f"couplings beyond neighbours are {rest:.0e} of H_RG; the units that "
        "copy need a weight much larger than K, and what is exact is the limit",
    )


def _length_check(dataset: xr.Dataset) -> Check:
    length = dataset["layer_length"].values
    halving = float(abs(length[:, 1:] / length[:, :-1] - 0.5).max())
    apart = float(dataset["layer_apart"].max())
    exact = halving < ROUNDING and apart < ROUNDING
    return Check(
        claim="Every layer of it halves the correlation length.",
        paper="in words",
        ours=f"ξ′/ξ is ½ within {halving:.0e}; correlators are those of the ring at "
        f"2, 4, … times the distance within {apart:.0e}",
        status=Status.REPRODUCED if exact else Status.NOT,
        reason="from the hidden laws of the machines, all states visited",
    )


def _square_check(dataset: xr.Dataset, machine: str) -> Check:
    at = dataset.sel(machine=machine)
    right, off = at.sel(factor=1.0), at.sel(factor=1.01)
    numbers = [float(right[n]) for n in ("square_spread", "square_log_partition")]
    exact = max(numbers) < ROUNDING < float(off["square_divergence"])
    claims = {
        "sublattice": "On the square lattice the step that sums out one sublattice, "
        "b = √2, is a machine exactly.",
        "bonds": "The Ising law itself is a machine exactly, with one unit on every "
        "bond.",
    }
    return Check(
        claim=claims[machine],
        paper="not in the text at hand",
        ours=f"at K_c ln Tr_h e^T varies by {numbers[0]:.0e}, ln Z is off Kaufman's by "
        f"{numbers[1]:.0e}",
        status=Status.REPRODUCED if exact else Status.NOT,
        reason=f"weights for a K 1 % larger have KL = "
        f"{float(off['square_divergence']):.1e} nats"
        + (
            ""
            if machine == "sublattice"
            else "; twice as many units as spins: exact, and no coarse-graining"
        ),
    )


def _finds(dataset: xr.Dataset) -> Check:
    at = dataset["decimates"].sel(arm=MAIN)
    low, _ = _interval(int(at.sum()), at.size)
    kl = dataset["divergence"].sel(arm=MAIN)
    yes, no = kl.values[at.values == 1], kl.values[at.values == 0]
    ends = [f"{np.median(k):.1e} nats" if k.size else "none" for k in (yes, no)]
    others = ", ".join(
        f"{_share(dataset, arm)} with {arm.removeprefix('KL, ')}"
        for arm in ("KL, larger weights", "KL, long steps")
    )
    often = Status.REPRODUCED if low > 0.5 else Status.PARTLY
    return Check(
        claim="Training on one-dimensional data finds decimation by itself.",
        paper="in words: learning may employ an RG-like scheme",
        ours=f"{_share(dataset, MAIN)} machines with N/2 units, down the exact KL from "
        "small weights in small steps",
        status=often if int(at.sum()) else Status.NOT,
        reason=f"median KL {ends[0]} of those, {ends[1]} of the others; it depends on "
        f"the way down: {others}",
    )


def _control(dataset: xr.Dataset) -> Check:
    down, few = "|ΔF|", "KL, one unit too few"
    found = dataset["decimates"].sel(arm=[down, few])
    change, kl = abs(dataset["free_energy"].sel(arm=down)), dataset["divergence"]
    left, main, short = (float(kl.sel(arm=a).median()) for a in (down, MAIN, few))
    return Check(
        claim="Decimation is found by the free-energy difference as well.",
        paper="follows from the paper's words; not stated",
        ours=f"{_share(dataset, down)} machines taken down |ΔF|, which ends between "
        f"{float(change.min()):.0e} and {float(change.max()):.1e}, KL {left:.2g} nats",
        status=Status.PARTLY if bool(found.any()) else Status.NOT,
        reason="where ln Z is above (N_v + N_h) ln 2 the one number is met before any "
        "structure is, elsewhere no weights meet it; the other control, one unit too "
        f"few, decimates in {_share(dataset, few)} and ends at KL = {short:.2g} nats, "
        f"where N/2 units have {main:.1e}",
    )


EXHIBIT = Exhibit(
    name="exact_cases",
    title="Exact machines, by hand and by training",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
