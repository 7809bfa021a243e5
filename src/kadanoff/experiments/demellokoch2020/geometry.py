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

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path
from scipy.stats import rankdata

from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine, parenthesised
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.data import drawn, trained
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work, shown
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments.couplings import fit_couplings
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
    "arrangement",
    "bonds_again",
    "checks",
    "compute",
    "draw",
    "pair_couplings",
    "partners",
    "steps_apart",
    "ties",
    "torus_angles",
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
TRUE, PERMUTED = "true lattice", "permuted lattice"
ARRANGED = (TRUE, PERMUTED, *SOURCES)
OPERATORS = ("nn", "nnn")
OF_COUPLING = ("majority_K", "majority_K_error", "off", "off_error")
READINGS = ("found", "rank", "median_gap", "bonds")
SHOWN = 3  # sites whose partners are drawn, and configurations
MOST_MOVES = 30  # of all spins to their partners; a handful is usual


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
    pictures, configurations = [], []
    with one_thread():
        for s in range(settings.seeds):
            grid, hidden, order = _hidden(s, settings, work)
            places = {TRUE: order, PERMUTED: np.arange(len(order))}
            for k, source in enumerate(SOURCES):
                strength = _strength(source, s, hidden, settings, work)
                places[source] = arrangement(strength, grid.shape)
                values[:, k, s] = _readings(strength, places[source], order, grid)
                if s == 0:
                    pictures.append(_pictures(strength, order, grid))
            fresh = _fresh(s, settings, work)
            seed = work.subseed("majority", s)
            couplings[..., s] = _majority_couplings(fresh, order, places, seed)
            if s == 0:
                configurations = _configurations(fresh, order, places)
            work.progress("looking for the lattice")(s + 1, settings.seeds)
    return _dataset(
        values, couplings, np.array(pictures), np.array(configurations), settings
    )


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


def ties(strength: np.ndarray) -> np.ndarray:
    """Strengths between partners alone, either way and none negative, `(spins, spins)`.

    Args:
        strength: of every pair, `(spins, spins)`.
    """
    near = partners(strength)
    kept = np.zeros_like(strength, dtype=float)
    here = np.take_along_axis(strength, near, axis=1)
    np.put_along_axis(kept, near, np.maximum(here, 0), axis=1)
    return np.maximum(kept, kept.T)


def torus_angles(links: np.ndarray) -> np.ndarray:
    """An angle along either direction of a torus for every spin, `(spins, 2)`.

    The four slowest modes of the Laplacian of the links, turned so that they are
    (cos, sin) of one angle and (cos, sin) of the other.

    Args:
        links: weights of the graph, symmetric and not negative, `(spins, spins)`.
    """
    laplacian = np.diag(links.sum(axis=1)) - links
    modes = np.linalg.eigh(laplacian)[1][:, 1:5]
    form = _vanishing_form(modes)
    plane = modes @ np.linalg.eigh(form)[1]
    return np.arctan2(plane[:, 1::2], plane[:, ::2])


def _vanishing_form(modes: np.ndarray) -> np.ndarray:
    """A = Aᵀ without trace for which the sum of (uᵀ A u)² over sites is least."""
    d = modes.shape[1]
    products = modes[:, :, None] * modes[:, None, :]
    products -= np.eye(d) * np.einsum("naa->n", products)[:, None, None] / d
    flat = products.reshape(len(modes), -1)
    basis = _symmetric_without_trace(d)
    least = np.linalg.svd(flat @ basis.T)[2][-1]
    return (least @ basis).reshape(d, d)


def _symmetric_without_trace(d: int) -> np.ndarray:
    """An orthonormal basis of such matrices, `((d + 2)(d - 1)/2, d d)`."""
    units = np.eye(d * d).reshape(-1, d, d)
    some = units + units.swapaxes(1, 2)
    some -= np.eye(d) * np.einsum("kaa->k", some)[:, None, None] / d
    return np.linalg.svd(some.reshape(d * d, -1))[2][: (d + 2) * (d - 1) // 2]


def arrangement(strength: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The site of every spin on a torus of two directions, int `(spins,)`, C order.

    Args:
        strength: of every pair, `(spins, spins)`.
        shape: sides of the torus, as many sites as spins.

    Raises:
        ValueError: another number of sites than of spins, or not two sides.
    """
    if len(shape) != 2 or np.prod(shape) != len(strength):
        raise ValueError(
            f"spins are put on a torus of two sides with as many sites as spins, got "
            f"{len(strength)} spins and shape {tuple(shape)}; give sides whose product "
            "is the number of spins"
        )
    links = ties(strength)
    sides = np.array(shape)
    bonds = np.triu(_true_steps(Grid(tuple(shape))) == 1)
    sites = _assigned(torus_angles(links), sides)
    for _ in range(MOST_MOVES):
        waves = np.exp(2j * np.pi * np.stack(np.unravel_index(sites, shape), 1) / sides)
        moved = _assigned(np.angle(links @ waves), sides)
        if _on_bonds(links, moved, bonds) <= _on_bonds(links, sites, bonds):
            break
        sites = moved
    return sites


def _assigned(angles: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """One site for every spin: least squared distances, the origin where it fits."""
    places = angles * sides / (2 * np.pi)
    places -= np.angle(np.exp(2j * np.pi * places).mean(axis=0)) / (2 * np.pi)
    away = places[:, None] - np.indices(tuple(sides)).reshape(2, -1).T
    away = (away + sides / 2) % sides - sides / 2
    return linear_sum_assignment((away**2).sum(axis=-1))[1]


def _on_bonds(links: np.ndarray, sites: np.ndarray, bonds: np.ndarray) -> float:
    """How much of the strength lies between sites that are bonded."""
    return float(links[bonds[np.ix_(sites, sites)]].sum())


def bonds_again(sites: np.ndarray, truth: np.ndarray, grid: Grid) -> float:
    """The share of true bonds whose ends are bonded again; no symmetry changes it.

    Args:
        sites: where every spin was put, `(spins,)`.
        truth: where it was, likewise.
        grid: the lattice.
    """
    bonded = _true_steps(grid) == 1
    were, are = bonded[np.ix_(truth, truth)], bonded[np.ix_(sites, sites)]
    return float(are[were].mean())


def _fresh(s: int, settings: Settings, work: Work) -> Ensemble:
    """Configurations that no machine has seen, on the true lattice."""
    shape = (settings.side,) * 2
    return drawn(work, shape, T_C, settings.reading, purpose=f"geometry read {s}")


def _put(fresh: Ensemble, order: np.ndarray, sites: np.ndarray) -> Ensemble:
    """Spin k, of true site order[k], on site sites[k]."""
    flat = fresh.values.reshape(fresh.chains, fresh.draws, -1)
    there = np.empty_like(flat)
    there[:, :, sites] = flat[:, :, order]
    note = {"step": "arranged"}
    return fresh.derived(there.reshape(fresh.values.shape), fresh.grid, "pm1", note)


def _majority_couplings(
    fresh: Ensemble, order: np.ndarray, places: Mapping[str, np.ndarray], seed: int
) -> np.ndarray:
    """Couplings after majority of 2x2, and less those of the true lattice.

    Value and error of either: `(4, arrangement, operator)`.
    """

    def coupling(sites: np.ndarray) -> Estimate:
        blocks = coarsen(Majority(b=2), _put(fresh, order, sites), seed=seed)
        return fit_couplings(blocks, OPERATORS).values

    truth = coupling(places[TRUE])
    rows = []
    for name in ARRANGED:
        here = coupling(places[name])
        off = combine(lambda a, b: a - b, here, truth)
        rows.append([here.value, here.error, off.value, off.error])
    return np.array(rows, dtype=float).swapaxes(0, 1)


def _configurations(
    fresh: Ensemble, order: np.ndarray, places: Mapping[str, np.ndarray]
) -> list[np.ndarray]:
    """A few of the last of every chain, those with the most balanced domains."""
    last = fresh.values[:, -1].reshape(fresh.chains, -1)
    few = np.argsort(np.abs(last.sum(axis=1, dtype=int)), kind="stable")[:SHOWN]
    return [_put(fresh, order, places[name]).values[few, -1] for name in ARRANGED]


def _readings(
    strength: np.ndarray, sites: np.ndarray, order: np.ndarray, grid: Grid
) -> list[float]:
    """Share of partners that are neighbours, rank correlation of distances, gap, bonds.

    The last is the share of true bonds that are bonds of the new arrangement.
    """
    true = _true_steps(grid)[np.ix_(order, order)]
    near = partners(strength)
    found = np.take_along_axis(true, near, axis=1) == 1
    above = np.triu_indices(len(order), 1)
    apart = steps_apart(near)[above]
    far = np.where(np.isfinite(apart), apart, len(order))
    rank = np.corrcoef(rankdata(far), rankdata(true[above]))[0, 1]
    gap = np.median(np.abs(far - true[above]))
    again = bonds_again(sites, order, grid)
    return [float(found.mean()), float(rank), float(gap), again]


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
    values: np.ndarray,
    couplings: np.ndarray,
    pictures: np.ndarray,
    configurations: np.ndarray,
    settings: Settings,
) -> xr.Dataset:
    means = [[over_seeds(each) for each in rows] for rows in values]
    variables = {}
    for name, row in zip(READINGS, means, strict=True):
        variables[name] = ("source", [float(m.value) for m in row])
        variables[f"{name}_error"] = ("source", [float(m.error) for m in row])
    for name, table in zip(OF_COUPLING, couplings, strict=True):
        variables[name] = (("arranged", "operator", "seed"), table)
    variables["picture"] = (("source", "site", "x", "y"), pictures)
    variables["configuration"] = (("arranged", "shown", "x", "y"), configurations)
    return xr.Dataset(
        variables,
        coords={
            "source": list(SOURCES),
            "arranged": list(ARRANGED),
            "operator": list(OPERATORS),
        },
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
        ax.set_yticks(y, SOURCES if name == "found" else [""] * len(y))
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
        [s, *(shown(dataset, name, source=s) for name in READINGS)] for s in SOURCES
    ]
    return Table(header, rows)


def _numbered() -> list[str]:
    return [f"draw {k + 1}" for k in range(SHOWN)]


def _shown_spins(dataset: xr.Dataset) -> dict[str, list[np.ndarray]]:
    spins = dataset["configuration"]
    return {name: list(spins.sel(arranged=name).values) for name in ARRANGED}


def _coupling_table(dataset: xr.Dataset) -> Table:
    rows = []
    for name in ARRANGED:
        here = dataset.sel(arranged=name).isel(seed=0)
        k, error, off, noise = (here[column].values for column in OF_COUPLING)
        away = (
            ["–"] * len(OPERATORS) if name == TRUE else list(map(_number, off, noise))
        )
        rows.append([name, *map(_number, k, error), *away])
    less = [f"{o}, less the true one" for o in OPERATORS]
    return Table(["arranged by", *OPERATORS, *less], rows)


def _number(value: float, error: float) -> str:
    return parenthesised(value, error) if error > 0 else f"{value:.3g}"


def checks(dataset: xr.Dataset) -> list[Check]:
    """Whether machines teach the lattice, and whether it takes them.

    Besides, whether it can be put back, and block majority be read on it.
    """
    return [
        *(_teaches(dataset, source) for source in RECIPES),
        _needed(dataset),
        *(_draws(dataset, source) for source in RECIPES),
        *(_closes(dataset, source) for source in RECIPES),
    ]


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


def _draws(dataset: xr.Dataset, source: str) -> Check:
    again, error = (
        dataset[n].sel(source=source).item() for n in ("bonds", "bonds_error")
    )
    blind = dataset["bonds"].sel(source=UNTRAINED).item()
    noise = np.hypot(error, dataset["bonds_error"].sel(source=UNTRAINED).item())
    if not again - blind > max(SIGMAS * noise, dataset.attrs["chance"]):
        status = Status.NOT
    else:
        status = Status.REPRODUCED if again > NEARLY_ALL else Status.PARTLY
    return Check(
        claim=f"From what a machine ({source}) holds, permuted sites are put back on "
        "their lattice.",
        paper="asked in its last paragraph; no number",
        ours=f"{shown(dataset, 'bonds', source=source)} of the true bonds are bonds "
        "again",
        status=status,
        reason=f"untrained {shown(dataset, 'bonds', source=UNTRAINED)}, plain "
        f"correlations {shown(dataset, 'bonds', source=NO_MACHINE)}, by chance "
        f"{dataset.attrs['chance']:.3f}; reproduced would be more than "
        f"{NEARLY_ALL:g}; that it is a square torus of so many sites is told",
    )


def _closes(dataset: xr.Dataset, source: str) -> Check:
    """Within three errors at every seed, where the permuted lattice is not."""
    off = {name: _worst(dataset, name) for name in (source, PERMUTED, UNTRAINED)}
    seen = min(_off(dataset, PERMUTED)) > SIGMAS
    if off[source] > SIGMAS:
        status = Status.NOT
    else:
        status = Status.REPRODUCED if seen else Status.OPEN
    there, true, permuted = (_pairs(dataset, n) for n in (source, TRUE, PERMUTED))
    return Check(
        claim="Block majority on the lattice that was put back "
        f"({source}) finds the couplings that it finds on the true lattice.",
        paper="asked in its last paragraph; no number",
        ours=f"K of nearest and second neighbours after a step {there}; on the true "
        f"lattice {true}; on the permuted one {permuted}",
        status=status,
        reason="at every permutation, within three errors of the difference on the "
        f"same draws: at most {off[source]:.1f}; permuted {off[PERMUTED]:.0f}, arranged"
        f" by an untrained machine {off[UNTRAINED]:.0f}",
    )


def _pairs(dataset: xr.Dataset, name: str) -> str:
    """Both couplings of the first permutation."""
    here = dataset.sel(arranged=name).isel(seed=0)
    values = here["majority_K"].values, here["majority_K_error"].values
    return " and ".join(map(_number, *values))


def _off(dataset: xr.Dataset, name: str) -> list[float]:
    """The larger distance from the true lattice in errors, for every seed.

    An arrangement that is the true one, or shifted by whole blocks, is not off at all.
    """
    here = dataset.sel(arranged=name)
    value, error = np.abs(here["off"].values), here["off_error"].values
    ratio = np.divide(value, error, out=np.zeros_like(value), where=error > 0)
    return list(np.where((error == 0) & (value > 0), np.inf, ratio).max(axis=0))


def _worst(dataset: xr.Dataset, name: str) -> float:
    return max(_off(dataset, name))


EXHIBIT = Exhibit(
    name="geometry",
    title="Which sites are near?",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
