"""The hidden lattice, what is trained on its permuted sites, and what is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import rankdata

from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.data import drawn, trained
from kadanoff.experiments.demellokoch2020.geometry.pairs import (
    pair_couplings,
    partners,
    steps_apart,
)
from kadanoff.experiments.demellokoch2020.geometry.torus import (
    bonds_again,
    true_steps,
)
from kadanoff.experiments.exhibit import Work
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments.couplings import fit_couplings
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.randomness import generator

__all__ = [
    "ARRANGED",
    "NO_MACHINE",
    "OF_COUPLING",
    "OPERATORS",
    "PERMUTED",
    "READINGS",
    "RECIPES",
    "SHOWN",
    "SOURCES",
    "TRUE",
    "UNTRAINED",
    "Settings",
    "called",
    "configurations",
    "fresh",
    "hidden_lattice",
    "majority_couplings",
    "pictures",
    "readings",
    "strength_of",
]

RECIPES: Mapping[str, tuple[Training, int]] = {
    "local, N units": (Training(), 1),
    "local, N/4 units": (Training(), 4),
    "CD-1, N/4 units": (Training(l1=0.0), 4),
}
"""How a machine is trained, and visible spins per hidden one."""
UNTRAINED, NO_MACHINE = "untrained, N units", "correlations, no machine"
SOURCES = (*RECIPES, UNTRAINED, NO_MACHINE)
TRUE, PERMUTED = "true lattice", "permuted lattice"
ARRANGED = (TRUE, PERMUTED, *SOURCES)
OPERATORS = ("nn", "nnn")
OF_COUPLING = ("majority_K", "majority_K_error", "off", "off_error")
READINGS = ("found", "rank", "median_gap", "bonds")
SHOWN = 3  # sites whose partners are drawn, and configurations
CALLED = {
    "local, N units": "L1 penalty, N units",
    "local, N/4 units": "L1 penalty, N/4 units",
    "CD-1, N/4 units": "no penalty, N/4 units",
}


def called(name: str) -> str:
    """How a source is written for a reader."""
    return CALLED.get(name, name)


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        side: of the lattice that is hidden.
        training: configurations.
        reading: others, of which block majority is read.
        epochs: of every training.
        seeds: permutations, chains and trainings.
    """

    side: int
    training: int
    reading: int
    epochs: int
    seeds: int


def hidden_lattice(
    s: int, settings: Settings, work: Work
) -> tuple[Grid, Ensemble, np.ndarray]:
    """The lattice, its configurations without positions, and the site of each spin."""
    shape = (settings.side,) * 2
    data = drawn(work, shape, T_C, settings.training, purpose=f"geometry {s}")
    order = generator(work.seed, "permuted", s).permutation(data.grid.size)
    flat = data.values.reshape(data.chains, data.draws, -1)[:, :, order]
    note = {"step": "permuted"}
    return data.grid, data.derived(flat, Unordered(len(order)), "pm1", note), order


def strength_of(
    source: str, s: int, data: Ensemble, settings: Settings, work: Work
) -> np.ndarray:
    """How strongly two spins are tied together, `(spins, spins)`."""
    if source == NO_MACHINE:
        v = data.values.reshape(data.size, -1).astype(np.float32)
        return (v.T @ v).astype(float) / len(v)
    how, share = RECIPES.get(source, (Training(), 1))
    spins = data.shape[0]
    machine = RBM(spins, spins // share, seed=work.subseed("geometry", source, s))
    if source in RECIPES:
        how = replace(how, epochs=settings.epochs)
        machine = trained(work, machine, data, how, f"geometry, {source}, {s}")
    return pair_couplings(machine.W.detach().double().numpy())


def fresh(s: int, settings: Settings, work: Work) -> Ensemble:
    """Configurations that no machine has seen, on the true lattice."""
    shape = (settings.side,) * 2
    return drawn(work, shape, T_C, settings.reading, purpose=f"geometry read {s}")


def _put(given: Ensemble, order: np.ndarray, sites: np.ndarray) -> Ensemble:
    """Spin k, of true site order[k], on site sites[k]."""
    flat = given.values.reshape(given.chains, given.draws, -1)
    there = np.empty_like(flat)
    there[:, :, sites] = flat[:, :, order]
    note = {"step": "arranged"}
    return given.derived(there.reshape(given.values.shape), given.grid, "pm1", note)


def majority_couplings(
    drawn_anew: Ensemble, order: np.ndarray, places: Mapping[str, np.ndarray], seed: int
) -> np.ndarray:
    """Couplings after majority of 2x2, and less those of the true lattice.

    Value and error of either: `(4, arrangement, operator)`.
    """

    def coupling(sites: np.ndarray) -> Estimate:
        blocks = coarsen(Majority(b=2), _put(drawn_anew, order, sites), seed=seed)
        return fit_couplings(blocks, OPERATORS).values

    truth = coupling(places[TRUE])
    rows = []
    for name in ARRANGED:
        here = coupling(places[name])
        off = combine(lambda a, b: a - b, here, truth)
        rows.append([here.value, here.error, off.value, off.error])
    return np.array(rows, dtype=float).swapaxes(0, 1)


def configurations(
    drawn_anew: Ensemble, order: np.ndarray, places: Mapping[str, np.ndarray]
) -> list[np.ndarray]:
    """A few of the last of every chain, those with the most balanced domains."""
    last = drawn_anew.values[:, -1].reshape(drawn_anew.chains, -1)
    few = np.argsort(np.abs(last.sum(axis=1, dtype=int)), kind="stable")[:SHOWN]
    return [_put(drawn_anew, order, places[name]).values[few, -1] for name in ARRANGED]


def readings(
    strength: np.ndarray, sites: np.ndarray, order: np.ndarray, grid: Grid
) -> list[float]:
    """Share of partners that are neighbours, rank correlation of distances, gap, bonds.

    The last is the share of true bonds that are bonds of the new arrangement.
    """
    true = true_steps(grid)[np.ix_(order, order)]
    near = partners(strength)
    found = np.take_along_axis(true, near, axis=1) == 1
    above = np.triu_indices(len(order), 1)
    apart = steps_apart(near)[above]
    far = np.where(np.isfinite(apart), apart, len(order))
    rank = np.corrcoef(rankdata(far), rankdata(true[above]))[0, 1]
    gap = np.median(np.abs(far - true[above]))
    again = bonds_again(sites, order, grid)
    return [float(found.mean()), float(rank), float(gap), again]


def pictures(strength: np.ndarray, order: np.ndarray, grid: Grid) -> np.ndarray:
    """Ties of a few sites to all others, put back on the lattice that was hidden."""
    back = np.argsort(order)
    on_lattice = strength[np.ix_(back, back)]
    np.fill_diagonal(on_lattice, 0)
    places = np.linspace(grid.shape[1] + 1, grid.size - 1, SHOWN, dtype=int)
    return on_lattice[places].reshape(SHOWN, *grid.shape)
