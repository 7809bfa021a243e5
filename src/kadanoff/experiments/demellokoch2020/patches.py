"""Maps of ⟨v_i h_a⟩ and what their patch correlator is made of.

Section IV-A of arXiv:1906.05212 correlates every coarse unit with every visible site,
C_a(i) = ⟨v_i h_a⟩, not connected, and from these maps takes

    G(r) = Σ_a (1/pairs) Σ_{|x - y| = r} C_a(x) C_a(y),

all pairs at distance r alike, in sites of the original lattice. On the torus, with m
the mean over the sites,

    G(r) = Σ_a ⟨m h_a⟩² + (1/N²) Σ_{k≠0} Σ_a |Ĉ_a(k)|² e^{ikr}:

the mean of C_a over the sites is the response to the magnetization, and its square
stands under G at every distance. This *uniform part* is also the mean of G over all
displacements; that G is a uniform part and a rest holds by definition, for any units.
A sign of h_a drops out of C_a C_a.

For block averages G is known in closed form (`block_patches`); for any other units of
average gain γ² = Σ_a ⟨m h_a⟩²/(N_h ⟨m²⟩²) the uniform part is γ² times theirs.

Readings are products between different groups of chains (`instruments.response`), free
of the noise that C_a C_a has of its own; *as counted* is the paper's plain square.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import Layer
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine
from kadanoff.experiments.demellokoch2020.falloff import rise
from kadanoff.experiments.exhibit import Variables
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments.correlators import from_waves, shells, to_waves
from kadanoff.instruments.fields import count_patches
from kadanoff.instruments.operators import lattice_of
from kadanoff.instruments.response import response_matrix, responses
from kadanoff.networks.machine import Machine

__all__ = [
    "Pairs",
    "Reading",
    "curves",
    "drawn_hidden",
    "in_box",
    "maps",
    "numbers",
    "on_own_scale",
    "on_torus",
    "patch_correlator",
    "pooled",
    "read",
    "spots",
    "tabled",
    "turned_up",
]

UNITS = 5  # maps that are shown of a layer

Readings = Mapping[str, Estimate]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of sites by their distance.

    Attributes:
        distance: the lengths that occur, increasing from 0, in original sites.
        shell: place in `distance` of each displacement of the transform.
        count: pairs of sites at each displacement, 0 where there are none.
        sides: of the transform; twice those of the lattice where it does not wrap.
    """

    distance: np.ndarray
    shell: np.ndarray
    count: np.ndarray
    sides: tuple[int, ...]

    def average(self, sums: np.ndarray) -> np.ndarray:
        """Means over the pairs at each distance of `(..., *sides)` sums over pairs."""
        total = np.bincount(self.shell, self.count, len(self.distance))
        flat = sums.reshape(-1, self.shell.size)
        rows = [np.bincount(self.shell, row * (self.count > 0)) for row in flat]
        return (np.array(rows) / total).reshape(*sums.shape[: -len(self.sides)], -1)


def on_torus(grid: Grid) -> Pairs:
    """Shortest periodic distances; every displacement has as many pairs as sites."""
    groups = shells(grid)
    count = np.full(grid.size, float(grid.size))
    return Pairs(groups.distance, groups.shell, count, grid.shape)


def in_box(grid: Grid) -> Pairs:
    """Distances that do not wrap, as if the picture of the lattice had edges."""
    sides = tuple(2 * side for side in grid.shape)
    steps = np.indices(sides).reshape(len(sides), -1).T
    half = np.array(grid.shape)
    steps = (steps + half) % (2 * half) - half
    inside = np.prod(half - np.abs(steps), axis=1)
    lengths = np.linalg.norm(steps @ np.array(grid.basis), axis=1).round(9)
    distance, shell = np.unique(lengths[inside > 0], return_inverse=True)
    places = np.zeros(len(lengths), dtype=int)
    places[inside > 0] = shell
    return Pairs(distance, places, inside.astype(float), sides)


def patch_correlator(fields: np.ndarray, pairs: Pairs) -> np.ndarray:
    """G at every distance of `(units, *shape)` maps, summed over the units."""
    waves = _waves(fields, pairs)
    power = (abs(waves) ** 2).sum(axis=0)
    return pairs.average(from_waves(power, pairs.sides))


def maps(fine: Ensemble, coarse: Ensemble, units: int = UNITS) -> np.ndarray:
    """⟨v_i h_a⟩ of some units spread over the layer, `(units, *shape)`."""
    matrix = _raw(fine, coarse)
    every = ((np.arange(units) + 0.5) * matrix.shape[1] / units).astype(int)
    return matrix[:, every].T.reshape(-1, *lattice_of(fine).shape)


def on_own_scale(images: np.ndarray) -> tuple[list[np.ndarray], str]:
    """Maps as pictures, and what they range over.

    Each is turned to follow the magnetization and less its smallest value; the range is
    that of all of them before that.

    Args:
        images: of `maps`.
    """
    turned = [image if image.mean() >= 0 else -image for image in images]
    ends = f"{np.min(turned):.3f} to {np.max(turned):.3f}"
    return [image - image.min() for image in turned], ends


def spots(fine: Ensemble, coarse: Ensemble) -> tuple[np.ndarray, np.ndarray]:
    """Number of bright spots of every unit's map, and their area: `(units,)` each.

    A map that hangs high over zero has no half of its maximum; a spot is a connected
    region above half the way from the map's median to its largest deviation from it.
    Its area is in original sites.
    """
    grid = lattice_of(fine)
    fields = _raw(fine, coarse).T
    fields = abs(fields - np.median(fields, axis=1, keepdims=True))
    bright = fields > fields.max(axis=1, keepdims=True) / 2
    number = count_patches(grid, bright.reshape(-1, *grid.shape))
    return number, bright.sum(axis=1) * grid.site_area / np.maximum(number, 1)


@dataclass(frozen=True, eq=False)
class Reading:
    """The patch correlator of a layer in several ways; errors of one lineage.

    Attributes:
        pairs: the distances of the first five.
        raw: G(r) of ⟨v h⟩.
        counted: the same with C_a C_a as it stands, noise and all.
        connected: of ⟨v h⟩ - ⟨v⟩⟨h⟩.
        one_sided: the same once every configuration is turned to m ≥ 0, so that ⟨v⟩
            is the finite lattice's ⟨|m|⟩.
        uniform: Σ_a ⟨m h_a⟩², the uniform part of `raw`; of `one_sided` it is
            `one_sided_uniform`.
        box: distances that do not wrap.
        boxed: G of ⟨v h⟩ at them.
        steady: the same where each map is less its mean times ⟨v_i m⟩/⟨m²⟩ - 1, which
            is 0 but for noise on a lattice whose sites are alike; read where asked.
    """

    pairs: Pairs
    raw: Estimate
    counted: Estimate
    connected: Estimate
    one_sided: Estimate
    uniform: Estimate
    one_sided_uniform: Estimate
    box: Pairs
    boxed: Estimate
    steady: Estimate | None = None

    @property
    def varying(self) -> Estimate:
        """G without its uniform part."""
        return combine(np.subtract, self.raw, self.uniform)

    @property
    def fall(self) -> Estimate:
        """G at distance 0 less G at the largest distance."""
        return self.raw[0] - self.raw[-1]

    @property
    def share(self) -> Estimate:
        """Uniform part over G at distance 0."""
        return self.uniform / self.raw[0]


def read(fine: Ensemble, coarse: Ensemble, *, alike: bool = False) -> Reading:
    """The patch correlator of a layer.

    Args:
        fine: configurations on a grid with one site per cell.
        coarse: what a map made of them, on a grid or unordered.
        alike: the law of `fine` has all sites alike, so that a site whose ⟨v_i m⟩
            differs from the mean does so by noise, which `steady` takes off.

    Raises:
        ValueError: other chains or draws, fine sites without positions, or a single
            block of configurations.
    """
    grid = lattice_of(fine)
    torus, box = on_torus(grid), in_box(grid)
    ways = {"raw": torus, "connected": torus, "boxed": box}
    found = _powers(fine, coarse, {**ways, **({"steady": box} if alike else {})})
    up, above = turned_up(fine, coarse)
    sided = _powers(up, above, {"connected": torus})

    def estimate(pairs: Pairs, powers: np.ndarray) -> Estimate:
        values = pairs.average(from_waves(powers, pairs.sides))
        return Estimate(values[0], {fine.lineage: values[1:]}, fine.n_eff)

    def uniform(powers: np.ndarray) -> Estimate:
        values = powers[(slice(None), *[0] * grid.dimension)] / grid.size**2
        return Estimate(values[0], {fine.lineage: values[1:]}, fine.n_eff)

    return Reading(
        pairs=torus,
        raw=estimate(torus, found["raw"][0]),
        counted=estimate(torus, found["raw"][1]),
        connected=estimate(torus, found["connected"][0]),
        one_sided=estimate(torus, sided["connected"][0]),
        uniform=uniform(found["raw"][0]),
        one_sided_uniform=uniform(sided["connected"][0]),
        box=box,
        boxed=estimate(box, found["boxed"][0]),
        steady=estimate(box, found["steady"][0]) if alike else None,
    )


def turned_up(fine: Ensemble, *others: Ensemble) -> tuple[Ensemble, ...]:
    """Every configuration with m < 0 turned over, in all ensembles alike.

    A map that commutes with the flip makes the turned units of the turned spins:
    ⟨v h⟩ stays what it is, ⟨v⟩⟨h⟩ does not.
    """
    m = fine.values.reshape(fine.chains, fine.draws, -1).sum(axis=-1, dtype=float)
    sign = np.where(m < 0, -1, 1)
    note = {"step": "turned up"}

    def turned(ensemble: Ensemble) -> Ensemble:
        flat = ensemble.values.reshape(fine.chains, fine.draws, -1)
        values = (flat * sign[..., None].astype(flat.dtype)).reshape(
            ensemble.values.shape
        )
        return ensemble.derived(
            values, ensemble.geometry, ensemble.alphabet, note,
            features=ensemble.features,
        )  # fmt: skip

    return tuple(turned(ensemble) for ensemble in (fine, *others))


def drawn_hidden(
    machine: Machine, below: Ensemble, *, seed: int, grid: Grid | None = None
) -> Ensemble:
    """Hidden units ±1 drawn given the layer below, on a grid in order of number.

    Args:
        machine: with units without positions.
        below: what its visible layer holds.
        seed: draws the units.
        grid: where unit k is drawn as site k; unordered where not given.

    Raises:
        ValueError: a grid of another number of sites, or data that do not fit.
    """
    hidden = coarsen(Layer(machine), below, seed=seed)
    if grid is None:
        return hidden
    if not isinstance(hidden.geometry, Unordered) or hidden.geometry.size != grid.size:
        raise ValueError(
            f"units in order of number need as many sites, got {hidden.geometry} and "
            f"{grid.size} sites; give a grid of that size"
        )
    values = hidden.values.reshape(below.chains, below.draws, *grid.shape)
    return hidden.derived(values, grid, hidden.alphabet, {"step": "by number"})


def pooled(readings: Sequence[Estimate]) -> tuple[np.ndarray, np.ndarray]:
    """Mean over trainings and its error: of the chains read and of the seeds.

    The chains are common to all; of one training only their error is known.
    """
    mean = combine(lambda *values: np.mean(values, axis=0), *readings)
    spread = np.zeros_like(mean.error)
    if len(readings) > 1:
        values = np.array([reading.value for reading in readings])
        spread = values.std(axis=0, ddof=1) / np.sqrt(len(readings))
    return mean.value, np.hypot(mean.error, spread)


def curves(name: str, found: Mapping[str, Sequence[Estimate]], axis: str) -> Variables:
    """Variables `name_way` along `axis`, means over trainings with their errors."""
    made: Variables = {}
    for way, readings in found.items():
        value, error = pooled(readings)
        made[f"{name}_{way}"] = ((axis,), value)
        made[f"{name}_{way}_error"] = ((axis,), error)
    return made


def numbers(reading: Reading) -> dict[str, Estimate]:
    """The readings of a layer that are single numbers.

    `at_zero`, `far` and `uniform` are G(0), G at the largest distance and the uniform
    part; `fall` = at_zero - far, `share` = uniform/at_zero; `one_sided_share` =
    far/at_zero of the connected G of one-sided configurations, and `one_sided_fall`
    its mean over 0 < r ≤ L/4 less that over r ≥ L/2; `noise` is what plain squares add
    to the fall; `rise` and `box_rise` are `rise` of the two distances.
    """
    counted = reading.counted[0] - reading.counted[-1]
    return {
        "at_zero": reading.raw[0],
        "far": reading.raw[-1],
        "uniform": reading.uniform,
        "share": reading.share,
        "fall": reading.fall,
        "connected_far": reading.connected[-1],
        "one_sided_zero": reading.one_sided[0],
        "one_sided_far": reading.one_sided[-1],
        "one_sided_share": reading.one_sided[-1] / reading.one_sided[0],
        "one_sided_fall": _near_less_far(reading),
        "noise": counted - reading.fall,
        "rise": rise(reading.pairs.distance, reading.raw),
        "box_rise": rise(reading.box.distance, reading.boxed),
    }


def _near_less_far(reading: Reading) -> Estimate:
    share = reading.pairs.distance / reading.pairs.distance[-1]
    near = (share > 0) & (share <= 0.25 * np.sqrt(2))
    far = share >= 0.5 * np.sqrt(2) - 1e-9
    return reading.one_sided.map(lambda g: g[near].mean() - g[far].mean())


def tabled(rows: Mapping[str, Sequence[Readings]], axis: str) -> Variables:
    """Variables along `axis`: of each row the mean over trainings and its error."""
    made: Variables = {}
    names = next(iter(rows.values()))[0]
    for name in names:
        found = [pooled([each[name] for each in row]) for row in rows.values()]
        made[name] = ((axis,), np.array([float(value) for value, _ in found]))
        made[f"{name}_error"] = (
            (axis,),
            np.array([float(error) for _, error in found]),
        )
    return made


def _raw(fine: Ensemble, coarse: Ensemble) -> np.ndarray:
    """⟨v_i h_a⟩ of all units, `(sites, units)`."""
    mean_v, mean_h = (_site_means(e) for e in (fine, coarse))
    return response_matrix(fine, coarse) + np.outer(mean_v, mean_h)


def _site_means(ensemble: Ensemble) -> np.ndarray:
    total = sum(
        ensemble.read(c).reshape(c.size, -1).sum(axis=0, dtype=float)
        for c in ensemble.chunks()
    )
    return np.asarray(total) / ensemble.size


def _waves(fields: np.ndarray, pairs: Pairs) -> np.ndarray:
    """Transform of `(..., *shape)` maps, with as many zeros behind as do not wrap."""
    shape = fields.shape[-len(pairs.sides) :]
    if shape != pairs.sides:
        room = [(0, side - own) for side, own in zip(pairs.sides, shape, strict=True)]
        fields = np.pad(fields, [(0, 0)] * (fields.ndim - len(shape)) + room)
    return to_waves(fields, len(pairs.sides))


def _powers(
    fine: Ensemble, coarse: Ensemble, ways: Mapping[str, Pairs]
) -> dict[str, list[np.ndarray]]:
    """Σ_a |Ĉ_a(k)|² between different groups, and as it is counted, for each way."""
    shape = lattice_of(fine).shape
    total: dict[str, list[np.ndarray]] = {}
    noise = _site_noise(fine) if "steady" in ways else None
    for turn in responses(fine, coarse):
        for way, pairs in ways.items():
            values = turn.connected if way == "connected" else turn.raw
            if way == "steady":
                values = values - values.mean(axis=-1, keepdims=True) * noise
            fields = values.reshape(*values.shape[:2], *shape)
            parts = _squares(partial(_waves, pairs=pairs), fields, turn.shares)
            so_far = total.get(way, [np.zeros(1), np.zeros(1)])
            total[way] = [a + b for a, b in zip(so_far, parts, strict=True)]
    return total


def _site_noise(fine: Ensemble) -> np.ndarray:
    """⟨v_i m⟩/⟨m²⟩ - 1 of every site in every group, `(group, 1, site)`."""
    spins = fine.values.reshape(fine.chains, fine.draws, -1)
    m = spins.mean(axis=-1, dtype=float)[..., None]
    one = fine.derived(m, Unordered(1), "real", {"step": "magnetization"})
    (turn,) = responses(fine, one)
    return turn.raw / turn.raw.mean(axis=-1, keepdims=True) - 1


def _squares(
    transform: Callable[[np.ndarray], np.ndarray],
    fields: np.ndarray,
    shares: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """|Σ_g w_g Ĉ_g|² of all shares: between different groups, and of all of them."""
    own = np.stack([_power(transform(group)) for group in fields])
    crossed, counted = [], []
    for share in shares:
        mean = np.tensordot(share.astype(fields.dtype), fields, axes=1)
        whole = _power(transform(mean))
        noise = np.tensordot(share**2, own, axes=1)
        crossed.append((whole - noise) / (1 - (share**2).sum()))
        counted.append(whole)
    return np.array(crossed), np.array(counted)


def _power(waves: np.ndarray) -> np.ndarray:
    """Σ_a |Ĉ_a(k)|² in double precision."""
    return (abs(waves) ** 2).sum(axis=0, dtype=float)
