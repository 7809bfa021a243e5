"""Five sentences with numbers: what became of the question in the paper's title."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from kadanoff.exact.constants import DELTA_SIGMA
from kadanoff.experiments.demellokoch2020 import fig_14
from kadanoff.experiments.demellokoch2020.flow_end import LEVEL, MACHINES
from kadanoff.experiments.exhibit import FirstPage, shown

__all__ = ["first_page"]

Data = Mapping[str, xr.Dataset]


def first_page(data: Data) -> FirstPage:
    """The first page from the data sets of all exhibits."""
    return FirstPage(
        [
            _flow(data["flow_end"]),
            _thermometer(data["fig_3"]),
            _dimensions(data["fig_5b"]),
            _offset(data["fig_8"]),
            _layers(data["fig_14"]),
        ]
    )


def _flow(dataset: xr.Dataset) -> str:
    p = dataset["p"].sel(kind=list(MACHINES))
    passed, control = int((p > LEVEL).sum()), dataset["p"].sel(kind="magnet at T_c")
    return (
        "The flow of an RBM is no renormalization group flow, it is a Gibbs chain, and "
        f"it does not end at a critical point: of {p.size} machines {passed} have a "
        "temperature at which energy, magnetization, Binder cumulant, fluctuations and "
        "correlations are all those of the 10×10 magnet (largest p "
        f"{float(p.max()):.0e}; the magnet at T_c itself passes with p ≥ "
        f"{float(control.min()):.2g})."
    )


def _thermometer(dataset: xr.Dataset) -> str:
    return (
        "The network that reads the temperature of the flow cannot have a loss near "
        "zero: no reading of a configuration does better than "
        f"{float(dataset.floor):.3f} nats, exactly, and it has "
        f"{shown(dataset, 'loss')}; it gives a temperature to spins that have none."
    )


def _dimensions(spin: xr.Dataset) -> str:
    side = int(spin.side[0])
    at = {"side": side, "r_min": 1.0}
    one = spin.sel(**at)
    return (
        f"On {side}×{side} sites a power law reads Δ_s = {shown(spin, 'power', **at)} "
        f"at T_c, {float(one.power_exact):.4f} without any noise, and not "
        f"{DELTA_SIGMA:g}; the form of the torus reads {shown(spin, 'torus', **at)} "
        "from the same data."
    )


def _offset(dataset: xr.Dataset) -> str:
    gains = ", ".join(
        f"{shown(dataset, 'gain', row=f'{name}, first')} ({name})"
        for name in ("plain", "local")
    )
    share = float(dataset["explained"].sel(row="local, first"))
    return (
        "The unexplained offset of the patch correlators is the magnetization of the "
        f"whole lattice: {share:.1%} of it is Σ_a ⟨m h_a⟩², whose size the mean square "
        f"gain of the layer sets, {gains}, 1 for block averages, which have it too; "
        "layers of random weights, with no patch at all, show the same fall."
    )


def _layers(dataset: xr.Dataset) -> str:
    found = list(fig_14.checks(dataset))
    return (
        "Along layers it is the deviation from the critical surface that doubles and "
        f"not the temperature: {found[1].ours}; {found[2].ours}."
    )
