"""Beyond the paper: can a machine teach which sites are near?

The paper asks in its conclusions what the rules of the correct coarse graining are for
data of which it is not known what is near to what. Here the sites of critical Ising
configurations are permuted once and handed over without positions. What a trained
machine holds of them are its weights; summing out its hidden units leaves between two
visible spins, the others left aside, the coupling

    J_ij = ½ Σ_a ln [cosh(W_ia + W_ja) / cosh(W_ia - W_ja)]
         = Σ_a artanh(tanh W_ia tanh W_ja).

The four strongest partners of a site are taken for its neighbours, and steps along them
for distances; both are compared with the lattice that was hidden. Controls: an
untrained machine, and no machine at all, the plain correlations ⟨v_i v_j⟩.

Then the spins are put back on a square torus of that many sites; its shape is all that
is told. On the true graph of neighbours the four slowest modes of the Laplacian are cos
and sin of one angle along either direction, mixed by an unknown rotation in four
dimensions. The rotation follows from the data: of all quadratic forms without trace,
|z_x|² - |z_y|² is the one that vanishes at every site. Spins go to sites so that the
sum of squared distances between angles and sites is least (an assignment problem), and
after that where their partners are, as long as more of the strength comes to lie on
bonds. What is found is the lattice up to its symmetries, to which the share of true
bonds that are bonds again is blind. Last, block majority on what was put back is read
beside block majority on the true lattice, by the couplings of nearest and of second
neighbours: the first alone is nearly as large where everybody is a little everybody's
neighbour.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from kadanoff.experiments.demellokoch2020.geometry.pairs import NEIGHBOURS
from kadanoff.experiments.demellokoch2020.geometry.pictures import draw
from kadanoff.experiments.demellokoch2020.geometry.sources import (
    ARRANGED,
    OF_COUPLING,
    OPERATORS,
    PERMUTED,
    READINGS,
    SOURCES,
    TRUE,
    Settings,
    configurations,
    fresh,
    hidden_lattice,
    majority_couplings,
    pictures,
    readings,
    strength_of,
)
from kadanoff.experiments.demellokoch2020.geometry.torus import arrangement
from kadanoff.experiments.demellokoch2020.geometry.verdicts import checks
from kadanoff.experiments.exhibit import Exhibit, Work
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.networks.products import one_thread
from kadanoff.networks.settings import Training

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "checks", "compute", "draw"]

FAST = Settings(side=8, training=6144, reading=2048, epochs=25, seeds=2)
FULL = Settings(
    side=16,  # J of 32×32 takes ten minutes more and 16×16 has the answer
    training=10_000,
    reading=10_000,
    epochs=Training().epochs,
    seeds=5,
)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Readings of what every source knows of the lattice, one for every seed."""
    values = np.full((len(READINGS), len(SOURCES), settings.seeds), np.nan)
    form = (len(OF_COUPLING), len(ARRANGED), len(OPERATORS), settings.seeds)
    couplings = np.full(form, np.nan)
    images, spins = [], []
    with one_thread():
        for s in range(settings.seeds):
            grid, hidden, order = hidden_lattice(s, settings, work)
            places = {TRUE: order, PERMUTED: np.arange(len(order))}
            for k, source in enumerate(SOURCES):
                strength = strength_of(source, s, hidden, settings, work)
                places[source] = arrangement(strength, grid.shape)
                values[:, k, s] = readings(strength, places[source], order, grid)
                if s == 0:
                    images.append(pictures(strength, order, grid))
            unseen = fresh(s, settings, work)
            seed = work.subseed("majority", s)
            couplings[..., s] = majority_couplings(unseen, order, places, seed)
            if s == 0:
                spins = configurations(unseen, order, places)
            work.progress("looking for the lattice")(s + 1, settings.seeds)
    return _dataset(values, couplings, np.array(images), np.array(spins), settings)


def _dataset(
    values: np.ndarray,
    couplings: np.ndarray,
    images: np.ndarray,
    spins: np.ndarray,
    settings: Settings,
) -> xr.Dataset:
    means = [[over_seeds(each) for each in rows] for rows in values]
    variables = {}
    for name, row in zip(READINGS, means, strict=True):
        variables[name] = ("source", [float(m.value) for m in row])
        variables[f"{name}_error"] = ("source", [float(m.error) for m in row])
    for name, table in zip(OF_COUPLING, couplings, strict=True):
        variables[name] = (("arranged", "operator", "seed"), table)
    variables["picture"] = (("source", "site", "x", "y"), images)
    variables["configuration"] = (("arranged", "shown", "x", "y"), spins)
    return xr.Dataset(
        variables,
        coords={
            "source": list(SOURCES),
            "arranged": list(ARRANGED),
            "operator": list(OPERATORS),
        },
        attrs=attributes_of(settings) | {"chance": NEIGHBOURS / (settings.side**2 - 1)},
    )


EXHIBIT = Exhibit(
    name="geometry",
    title="Which sites are near?",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
