"""Five sentences with numbers: what the essay says, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from kadanoff.experiments.exhibit import FirstPage, shown
from kadanoff.experiments.zoomout.epsilon import KNOWN

__all__ = ["first_page"]

Data = Mapping[str, xr.Dataset]


def first_page(data: Data) -> FirstPage:
    """The first page from the data sets of all exhibits."""
    return FirstPage(
        [
            _alike(data["scale_invariance"]),
            _similar(data["self_similarity"]),
            _expansion(data["epsilon"]),
            _dying(data["parameters"]),
            _growing(data["parameters"]),
        ]
    )


def _alike(dataset: xr.Dataset) -> str:
    last = int(dataset.zooms.values[-1])
    m = {
        t: (
            shown(dataset, "m", temperature=t, zooms=1),
            shown(dataset, "m", temperature=t, zooms=last),
        )
        for t in dataset.temperature.values
    }
    cold, critical, hot = m.values()
    return (
        f"A magnet at T_c zoomed out {last} times to 8×8 has |m| = {critical[1]}, "
        f"after one zoom {critical[0]}: it looks alike at all scales; 5 % colder |m| "
        f"goes from {cold[0]} to {cold[1]}, 5 % warmer from {hot[0]} to {hot[1]}."
    )


def _similar(dataset: xr.Dataset) -> str:
    return (
        "Its largest cluster has the box dimension "
        f"{shown(dataset, 'dimension', temperature=1.0)} on "
        f"{dataset.sizes['row']}×{dataset.sizes['row']} sites, 187/96 = {187 / 96:.4f} "
        "on an infinite lattice; the gasket has ln 3/ln 2 at every scale."
    )


def _expansion(dataset: xr.Dataset) -> str:
    order = int(dataset["nu_orders"])
    nu = dataset["nu"].sel(order=order)
    three, two = (float(nu.sel(epsilon=e)) for e in (1.0, 2.0))
    return (
        f"The ε-expansion to ε^{order} has ν = {three:.4f} in three dimensions, where "
        f"{KNOWN['nu'][3]:.4f} is known, and {two:.3f} in two, where it is 1."
    )


def _dying(dataset: xr.Dataset) -> str:
    first, last = dataset.zooms.values[[0, -1]]
    return (
        "Two critical magnets, one with couplings along diagonals, start "
        f"{shown(dataset, 'unlike', zooms=first)} apart in their couplings and are "
        f"{shown(dataset, 'unlike', zooms=last)} apart after {last} zooms."
    )


def _growing(dataset: xr.Dataset) -> str:
    even, odd = (
        [shown(dataset, name, direction=k) for k in (0, 1)] for name in ("even", "odd")
    )
    return (
        f"One zoom multiplies a small change of temperature by {even[0]} (exactly 2) "
        f"and a small field by {odd[0]} (exactly 3.668); the next directions have "
        f"{even[1]} and {odd[1]}, below 1, and die."
    )
