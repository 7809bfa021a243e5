"""Beyond the paper: can a machine teach which sites are near?

The paper ends with the question what the rules of the correct coarse graining are for
data of which it is not known what is near to what. Here the sites of critical Ising
configurations are permuted once and handed over without positions. What a trained
machine holds of them are its weights; summing out its hidden units leaves between two
visible spins, the others left aside, the coupling

    J_ij = ½ Σ_a ln [cosh(W_ia + W_ja) / cosh(W_ia - W_ja)]
         = Σ_a artanh(tanh W_ia tanh W_ja).

The four strongest partners of a site are taken for its neighbours, and steps along them
for distances; both are compared with the lattice that was hidden. Controls: an
untrained machine, and no machine at all, the plain correlations ⟨v_i v_j⟩.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path
from scipy.stats import rankdata

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.data import drawn, trained
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work, shown
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.geometry import Grid, Unordered
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.randomness import generator
from kadanoff.reports.figures import PALETTE, data_uri, figure, image_rows
from kadanoff.reports.page import Section, Table

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "Settings",
    "checks",
    "compute",
    "draw",
    "pair_couplings",
    "partners",
    "steps_apart",
]

NEIGHBOURS = 4
SIGMAS = 3.0
NEARLY_ALL = 0.99
RECIPES: Mapping[str, tuple[Training, int]] = {
    "local, N units": (Training(), 1),
    "local, N/4 units": (Training(), 4),
    "CD-1, N/4 units": (Training(l1=0.0), 4),
}
"""How a machine is trained, and visible spins per hidden one."""
UNTRAINED, NO_MACHINE = "untrained, N units", "correlations, no machine"
SOURCES = (*RECIPES, UNTRAINED, NO_MACHINE)
READINGS = ("found", "rank", "median_gap")
SHOWN = 3  # sites whose partners are drawn


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        side: of the lattice that is hidden.
        training: configurations.
        epochs: of every training.
        seeds: permutations, chains and trainings.
    """

    side: int
    training: int
    epochs: int
    seeds: int


FAST = Settings(side=8, training=6144, epochs=25, seeds=2)
FULL = Settings(
    side=16,  # J of 32×32 takes ten minutes more and 16×16 has the answer
    training=10_000,
    epochs=Training().epochs,
    seeds=5,
)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Readings of what every source knows of the lattice, means over seeds."""
    values = np.full((len(READINGS), len(SOURCES), settings.seeds), np.nan)
    pictures = []
    with one_thread():
        for s in range(settings.seeds):
            grid, hidden, order = _hidden(s, settings, work)
            for k, source in enumerate(SOURCES):
                strength = _strength(source, s, hidden, settings, work)
                values[:, k, s] = _readings(strength, order, grid)
                if s == 0:
                    pictures.append(_pictures(strength, order, grid))
            work.progress("looking for the lattice")(s + 1, settings.seeds)
    return _dataset(values, np.array(pictures), settings)


def _hidden(
    s: int, settings: Settings, work: Work
) -> tuple[Grid, Ensemble, np.ndarray]:
    """The lattice, its configurations without positions, and the site of each spin."""
    shape = (settings.side,) * 2
    data = drawn(work, shape, T_C, settings.training, purpose=f"geometry {s}")
    order = generator(work.seed, "permuted", s).permutation(data.grid.size)
    flat = data.values.reshape(data.chains, data.draws, -1)[:, :, order]
    note = {"step": "permuted"}
    return data.grid, data.derived(flat, Unordered(len(order)), "pm1", note), order


def _strength(
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


def pair_couplings(weights: np.ndarray) -> np.ndarray:
    """J_ij of two visible spins that the hidden units leave, `(spins, spins)`.

    Exact for two visible spins; with more there are couplings of four and more too.

    Args:
        weights: W, `(spins, hidden units)`.
    """
    total = np.zeros((len(weights),) * 2)
    for column in np.tanh(weights.T):
        total += np.arctanh(np.outer(column, column))
    return total


def partners(strength: np.ndarray, count: int = NEIGHBOURS) -> np.ndarray:
    """The strongest partners of every spin, `(spins, count)`.

    Args:
        strength: of every pair, `(spins, spins)`.
        count: of partners.
    """
    others = strength.copy()
    np.fill_diagonal(others, -np.inf)
    return np.argsort(-others, axis=1)[:, :count]


def steps_apart(near: np.ndarray) -> np.ndarray:
    """Least steps between any two spins along partners, infinite where there are none.

    Args:
        near: partners of every spin, `(spins, count)`; a step goes either way.
    """
    spins, count = near.shape
    rows = np.repeat(np.arange(spins), count)
    ones = np.ones(len(rows))
    links = csr_array((ones, (rows, near.ravel())), shape=(spins, spins))
    return shortest_path(links, directed=False, unweighted=True)


def _readings(strength: np.ndarray, order: np.ndarray, grid: Grid) -> list[float]:
    """Share of partners that are neighbours, rank correlation of distances, and gap."""
    true = _true_steps(grid)[np.ix_(order, order)]
    near = partners(strength)
    found = np.take_along_axis(true, near, axis=1) == 1
    above = np.triu_indices(len(order), 1)
    apart = steps_apart(near)[above]
    far = np.where(np.isfinite(apart), apart, len(order))
    rank = np.corrcoef(rankdata(far), rankdata(true[above]))[0, 1]
    gap = np.median(np.abs(far - true[above]))
    return [float(found.mean()), float(rank), float(gap)]


def _true_steps(grid: Grid) -> np.ndarray:
    """Steps along bonds of the lattice between any two sites."""
    positions = grid.positions()
    away = grid.displacement(positions[:, None], positions[None])
    return np.abs(away).sum(axis=-1).round()


def _pictures(strength: np.ndarray, order: np.ndarray, grid: Grid) -> np.ndarray:
    """Ties of a few sites to all others, put back on the lattice that was hidden."""
    back = np.argsort(order)
    on_lattice = strength[np.ix_(back, back)]
    np.fill_diagonal(on_lattice, 0)
    places = np.linspace(grid.shape[1] + 1, grid.size - 1, SHOWN, dtype=int)
    return on_lattice[places].reshape(SHOWN, *grid.shape)


def _dataset(
    values: np.ndarray, pictures: np.ndarray, settings: Settings
) -> xr.Dataset:
    means = [[over_seeds(each) for each in rows] for rows in values]
    variables = {}
    for name, row in zip(READINGS, means, strict=True):
        variables[name] = ("source", [float(m.value) for m in row])
        variables[f"{name}_error"] = ("source", [float(m.error) for m in row])
    return xr.Dataset(
        variables | {"picture": (("source", "site", "x", "y"), pictures)},
        coords={"source": list(SOURCES)},
        attrs=attributes_of(settings) | {"chance": NEIGHBOURS / (settings.side**2 - 1)},
    )


def draw(dataset: xr.Dataset) -> list[Section]:
    """What each source knows of the lattice."""
    rows = {str(s): list(dataset["picture"].sel(source=s).values) for s in SOURCES}
    titles = [f"site {k + 1}" for k in range(SHOWN)]
    return [
        Section(
            "Which sites are near?",
            "Sites were permuted before training. Left, the share of a site's four "
            "strongest partners that are its neighbours on the hidden lattice (grey: "
            "by chance); right, the rank correlation of steps along partners with "
            "steps along bonds. Means and errors over permutations, chains and "
            "trainings.",
            data_uri(_draw(dataset)),
            tables=[_table(dataset)],
        ),
        Section(
            "Ties of three sites, put back on the lattice",
            "J_ij of a machine, and for comparison plain correlations, of one site "
            "with all others, each on its own scale.",
            data_uri(image_rows(rows, titles, size=1.3, responses=True)),
        ),
    ]


def _draw(dataset: xr.Dataset) -> Figure:
    fig = figure(9, 2.8, columns=2)
    y = np.arange(len(SOURCES))
    labels = {"found": "share of true neighbours", "rank": "rank correlation"}
    for ax, (name, label) in zip(fig.axes, labels.items(), strict=True):
        ax.errorbar(
            dataset[name].values,
            y,
            xerr=np.nan_to_num(dataset[f"{name}_error"].values),
            fmt="o",
            color=PALETTE[0],
            capsize=2,
        )
        ax.set_yticks(y, SOURCES if name == "found" else [""] * len(y))
        ax.set_ylim(len(y) - 0.5, -0.5)
        ax.set_xlim(-0.1, 1.05)
        ax.set_xlabel(label, fontsize=9)
    fig.axes[0].axvline(dataset.attrs["chance"], color="#999999")
    return fig


def _table(dataset: xr.Dataset) -> Table:
    header = ["source", "true neighbours", "rank correlation", "steps off (median)"]
    rows = [
        [s, *(shown(dataset, name, source=s) for name in READINGS)] for s in SOURCES
    ]
    return Table(header, rows)


def checks(dataset: xr.Dataset) -> list[Check]:
    """Whether machines teach the lattice, and whether they are needed for it."""
    return [*(_teaches(dataset, source) for source in RECIPES), _needed(dataset)]


def _teaches(dataset: xr.Dataset, source: str) -> Check:
    here, control = (dataset.sel(source=s) for s in (source, UNTRAINED))
    found, error = here["found"].item(), here["found_error"].item()
    above = found - control["found"].item()
    noise = np.hypot(error, control["found_error"].item())
    if not above > max(SIGMAS * noise, dataset.attrs["chance"]):
        status = Status.NOT
    else:
        status = Status.REPRODUCED if found > NEARLY_ALL else Status.PARTLY
    return Check(
        claim=f"A machine ({source}) trained on permuted sites teaches which are near.",
        paper="asked in its last paragraph; no number",
        ours=f"{shown(dataset, 'found', source=source)} of the four strongest partners "
        f"are neighbours, rank correlation of distances "
        f"{shown(dataset, 'rank', source=source)}",
        status=status,
        reason=f"untrained {shown(dataset, 'found', source=UNTRAINED)}, by chance "
        f"{dataset.attrs['chance']:.3f}; reproduced would be more than "
        f"{NEARLY_ALL:g} of them",
    )


def _needed(dataset: xr.Dataset) -> Check:
    best = max(RECIPES, key=lambda s: dataset["found"].sel(source=s).item())
    here, plain = (dataset.sel(source=s) for s in (best, NO_MACHINE))
    gain = here["found"].item() - plain["found"].item()
    error = np.hypot(here["found_error"].item(), plain["found_error"].item())
    return Check(
        claim="It takes a machine to learn which sites are near.",
        paper="deep learning 'has the potential to shed light on RG'; no number",
        ours=f"correlations alone find {shown(dataset, 'found', source=NO_MACHINE)} of "
        f"the neighbours, the best machine ({best}) "
        f"{shown(dataset, 'found', source=best)}",
        status=Status.REPRODUCED if gain > SIGMAS * error else Status.NOT,
        reason="in a magnet the strongest correlations are those of neighbours, so "
        "that the matrix ⟨v_i v_j⟩ already draws the lattice",
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
