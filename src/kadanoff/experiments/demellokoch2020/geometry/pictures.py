"""Pictures and tables of sites that were put back."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from kadanoff.estimate import parenthesised
from kadanoff.experiments.demellokoch2020.geometry.sources import (
    ARRANGED,
    OF_COUPLING,
    OPERATORS,
    READINGS,
    SHOWN,
    SOURCES,
    TRUE,
    called,
)
from kadanoff.experiments.exhibit import shown
from kadanoff.reports.figures import PALETTE, data_uri, figure, image_rows
from kadanoff.reports.page import Section, Table

__all__ = ["draw", "number", "over_permutations"]


def draw(dataset: xr.Dataset) -> list[Section]:
    """What each source knows of the lattice."""
    rows = {
        called(str(s)): list(dataset["picture"].sel(source=s).values) for s in SOURCES
    }
    titles = [f"site {k + 1}" for k in range(SHOWN)]
    return [
        Section(
            "Which sites are near?",
            "Sites were permuted before training. Left, the share of a site's four "
            "strongest partners that are its neighbours on the hidden lattice (grey: "
            "by chance); middle, the rank correlation of steps along partners with "
            "steps along bonds; right, the share of true bonds that are bonds again "
            "after the spins were put back on a torus. Means and errors over "
            "permutations, chains and trainings.",
            data_uri(_draw(dataset)),
            tables=[_table(dataset)],
        ),
        Section(
            "Ties of three sites, put back on the lattice",
            "J_ij of a machine, and for comparison plain correlations, of one site "
            "with all others, each on its own scale.",
            data_uri(image_rows(rows, titles, size=1.3, responses=True)),
        ),
        Section(
            "Put back on a grid",
            "Critical configurations that no machine has seen: on the lattice they "
            "were drawn on, permuted, and on the torus where a source puts its spins, "
            "which can be the lattice only up to a shift, a turn and a reflection. "
            "Below, couplings after one step of block majority, and their distance "
            "from those on the true lattice, first permutation.",
            data_uri(image_rows(_shown_spins(dataset), _numbered(), size=1.3)),
            tables=[_coupling_table(dataset)],
        ),
    ]


def _draw(dataset: xr.Dataset) -> Figure:
    fig = figure(12, 2.8, columns=3)
    y = np.arange(len(SOURCES))
    labels = {
        "found": "share of true neighbours",
        "rank": "rank correlation",
        "bonds": "share of bonds put back",
    }
    for ax, (name, label) in zip(fig.axes, labels.items(), strict=True):
        ax.errorbar(
            dataset[name].values,
            y,
            xerr=np.nan_to_num(dataset[f"{name}_error"].values),
            fmt="o",
            color=PALETTE[0],
            capsize=2,
        )
        ax.set_yticks(
            y, list(map(called, SOURCES)) if name == "found" else [""] * len(y)
        )
        ax.set_ylim(len(y) - 0.5, -0.5)
        ax.set_xlim(-0.1, 1.05)
        ax.set_xlabel(label, fontsize=9)
    for ax in fig.axes[::2]:
        ax.axvline(dataset.attrs["chance"], color="#999999")
    return fig


def _table(dataset: xr.Dataset) -> Table:
    header = [
        "source",
        "true neighbours",
        "rank correlation",
        "steps off (median)",
        "bonds put back",
    ]
    rows = [
        [called(s), *(over_permutations(dataset, name, s) for name in READINGS)]
        for s in SOURCES
    ]
    return Table(header, rows)


def _numbered() -> list[str]:
    return [f"draw {k + 1}" for k in range(SHOWN)]


def _shown_spins(dataset: xr.Dataset) -> dict[str, list[np.ndarray]]:
    spins = dataset["configuration"]
    return {called(name): list(spins.sel(arranged=name).values) for name in ARRANGED}


def _coupling_table(dataset: xr.Dataset) -> Table:
    rows = []
    for name in ARRANGED:
        here = dataset.sel(arranged=name).isel(seed=0)
        k, error, off, noise = (here[column].values for column in OF_COUPLING)
        away = ["–"] * len(OPERATORS) if name == TRUE else list(map(number, off, noise))
        rows.append([called(name), *map(number, k, error), *away])
    less = [f"{o}, less the true one" for o in OPERATORS]
    return Table(["arranged by", *OPERATORS, *less], rows)


def number(value: float, error: float) -> str:
    """`value(error)`, or the value alone where it has no error."""
    return parenthesised(value, error) if error > 0 else f"{value:.3g}"


def over_permutations(dataset: xr.Dataset, name: str, source: str) -> str:
    """A mean with its error; where all permutations agree, what that bounds."""
    value, error = (
        dataset[n].sel(source=source).item() for n in (name, f"{name}_error")
    )
    if error > 0:
        return shown(dataset, name, source=source)
    permutations = dataset.sizes["seed"]
    return (
        f"{value:.3g} (the same at all {permutations} permutations, so at more than "
        f"{at_least(permutations):.2f} of all, at 95%)"
    )


def at_least(permutations: int) -> float:
    """The share of all permutations that are as these were, all alike, at 95%."""
    return float(0.05 ** (1 / permutations))
