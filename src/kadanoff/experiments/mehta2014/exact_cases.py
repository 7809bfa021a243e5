"""Machines that are exact steps, made by hand, and whether training finds one.

The paper has one-dimensional decimation as a deep network: every second spin of a ring
of coupling K is a ring of coupling K′ with tanh K′ = tanh² K, and its correlation
length is half of what it was (the abstract, which is the text at hand, names the Ising
model in one dimension; the formula is a textbook one). Computed here, layer by layer,
from the weights alone (`networks.mapping.decimating_network`).

Two more machines are exact in two dimensions. Sublattice A visible and B hidden is the
decimation by √2; one hidden unit on every bond is the Ising law on any lattice, and
renormalizes nothing: it has more units than spins.

Whether training finds the step that one makes by hand is asked in `trained_rings`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.ensemble import Ensemble
from kadanoff.exact import kaufman
from kadanoff.exact.chain import correlation_length, ring_two_point
from kadanoff.exact.constants import K_C
from kadanoff.exact.pairs import states
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.experiments.mehta2014 import trained_rings
from kadanoff.experiments.mehta2014.identities import REMEMBERED
from kadanoff.experiments.mehta2014.trained_rings import FAST, FULL, Settings, trained
from kadanoff.experiments.studies import attributes_of
from kadanoff.models.ising import Ising
from kadanoff.networks.anchors import (
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
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = ["EXHIBIT", "checks", "compute", "draw"]

LAYERS, RING = 3, 16
SQUARE = (4, 4)
FACTORS = (1.0, 1.01)
"""Of K_c in the weights: right, and off by what a check must see."""
ROUNDING = 1e-9


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """The hand-made machines, and how often training finds decimation."""
    with one_thread(), torch.no_grad():
        parts = [
            _by_hand(settings.couplings),
            _two_dimensions(),
            trained(settings, work),
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
        *trained_rings.sections(dataset),
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


def _square_table(dataset: xr.Dataset) -> Table:
    names = ("square_divergence", "square_spread", "square_log_partition")
    rows = []
    for machine, factor in itertools.product(dataset["machine"].values, FACTORS):
        at = dataset.sel(machine=machine, factor=factor)
        numbers = [f"{at[name].item():.2g}" for name in names]
        rows.append([str(machine), f"{factor:g} K_c", *numbers])
    header = ["machine", "weights of", "KL", "range of ln Tr_h e^T", "ln Z off by"]
    return Table(header, rows)


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """What is exact by hand, and what training finds."""
    return [
        _recursion_check(dataset),
        _length_check(dataset),
        *(_square_check(dataset, machine) for machine in ("sublattice", "bonds")),
        *trained_rings.checks(dataset),
    ]


def _recursion_check(dataset: xr.Dataset) -> Check:
    couplings = dataset["coupling"].values
    worst = max(float(_recursion(dataset, k).max()) for k in couplings)
    rest = float(dataset["layer_unexplained"].max())
    exact = worst < ROUNDING and rest < ROUNDING
    return Check(
        claim="One-dimensional decimation is a deep network: tanh K′ = tanh² K at "
        "every layer.",
        paper="the abstract names one dimension; the formula is a textbook one",
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
        paper=REMEMBERED,
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


EXHIBIT = Exhibit(
    name="exact_cases",
    title="Exact machines, by hand and by training",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
