"""Coupling from the past: every draw is independent and from the exact law.

Propp & Wilson, Random Struct. Algorithms 9, 223 (1996), on the random clusters of Ising
and Potts ferromagnets, with any lattice, any temperature and, by a ghost spin bonded to
all others (Griffiths, J. Math. Phys. 8, 484 (1967)), a magnetic field. There is no
burn-in, no spacing and nothing to certify. Unfrustrated antiferromagnets are
ferromagnets after turning a sublattice over. The running time is random: at the
critical point of the square Ising model it grows about with the cube of the side
(`benchmarks/perfect.py`), away from it with the number of sites, and at a first-order
transition (Potts with more than four colours in two dimensions) exponentially with the
side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kadanoff.kernels import perfect as kernel
from kadanoff.models.ising import Ising
from kadanoff.models.lattice import bond_pairs
from kadanoff.models.potts import Potts
from kadanoff.samplers.frame import AbstractValueSampler, checked_spins, seed_words
from kadanoff.samplers.potts import check_ferromagnet, checked_states

__all__ = [
    "Ferromagnet",
    "Perfect",
    "draw_colours",
    "ferromagnet",
    "gauge_signs",
]

BUDGET = 1 << 24  # updates and searched sites of one call: a fraction of a second
MOST_STATES = 255


@dataclass(frozen=True, eq=False)
class Ferromagnet:
    """Bonds that all like their ends to be equal: the law exp(Σ_b κ_b δ(s_i, s_j)).

    An Ising bond exp(J s_i s_j) has κ = 2|J| in the gauge that makes it positive. A
    bond between equal spins opens with p = 1 - e^{-κ} in every cluster algorithm.

    Args:
        pairs: the two sites of each bond, int `(bond, 2)`; repetitions are allowed.
        strengths: κ >= 0, `(bond,)`.
        gauge: ±1, int8 `(site,)`: an Ising spin is this times that of the ferromagnet.
        states: number of colours q, 2 to 255.
        ghost: whether the last site is the ghost spin, bonded to all others.

    Raises:
        ValueError: a negative strength, a bond from a site to itself or to no site, or
            a number of colours outside these bounds.
    """

    pairs: np.ndarray
    strengths: np.ndarray
    gauge: np.ndarray
    states: int = 2
    ghost: bool = False

    def __post_init__(self) -> None:
        _check_bonds(self.pairs, self.strengths, len(self.gauge))
        if not 2 <= self.states <= MOST_STATES:
            raise ValueError(
                f"a spin has 2 to {MOST_STATES} colours, got {self.states}; one colour "
                "leaves nothing to draw"
            )

    @property
    def sites(self) -> int:
        """Number of sites, the ghost included."""
        return len(self.gauge)


@dataclass(frozen=True)
class Perfect(AbstractValueSampler):
    """Exact draws: a step does not continue its state, it replaces it.

    The state of `init` is only there to be replaced. More sweeps than one are not more
    independent and cost nothing; 0 sweeps keep the state.

    Args:
        model: an Ising model whose bonds and field can all be satisfied at once, or a
            Potts ferromagnet, on any lattice.
        coupling: K = βJ, finite.
        replicas: independent draws of one step, at least 1.

    Raises:
        ValueError: settings outside these bounds, in one sentence.

    >>> sampler = Perfect(Ising((8, 8)), 0.44, replicas=2)
    >>> rng = np.random.default_rng(1)
    >>> sampler.step(sampler.init(rng=rng), rng=rng).values.shape
    (2, 8, 8)
    """

    model: Ising | Potts

    def _check(self) -> None:
        _ = self._ferromagnet

    def _checked(self, values: np.ndarray) -> np.ndarray:
        if isinstance(self.model, Potts):
            return checked_states(values, self._form, self.model.q)
        return checked_spins(values, self._form)

    @cached_property
    def _ferromagnet(self) -> Ferromagnet:
        return ferromagnet(self.model, self.coupling)

    def _updated(
        self, values: np.ndarray, rng: np.random.Generator, sweeps: int
    ) -> np.ndarray:
        seed = seed_words(rng)
        if not sweeps:
            return values
        bonds, rng = self._ferromagnet, np.random.default_rng(seed)
        colours = draw_colours(bonds, len(values), rng=rng)
        return colours if isinstance(self.model, Potts) else _spins(colours, bonds)


def draw_colours(
    bonds: Ferromagnet, replicas: int, *, rng: np.random.Generator
) -> np.ndarray:
    """Independent draws from exp(Σ_b κ_b δ(s_i, s_j))/Z, uint8 `(replica, site)`.

    Args:
        bonds: the graph, its strengths and the number of colours.
        replicas: how many.
        rng: gives four words of seed to every replica.
    """
    graph = kernel.graph(
        bonds.pairs,
        bonds.strengths,
        sites=bonds.sites,
        states=bonds.states,
        hub=bonds.sites - 1 if bonds.ghost else -1,
    )
    work = kernel.work(graph)
    keys = rng.integers(0, 2**64, size=(replicas, 4), dtype=np.uint64)
    colours = np.empty((replicas, bonds.sites), np.uint8)
    # In short calls, between which Ctrl-C is felt: a run is never cut for being long.
    while kernel.draw(colours, graph, work, bonds.states, keys, BUDGET) < replicas:
        pass
    return colours


def ferromagnet(model: Ising | Potts, coupling: float) -> Ferromagnet:
    """The bonds of a model, its field as bonds to a ghost spin, and the gauge.

    Args:
        model: an Ising or Potts model.
        coupling: K = βJ.

    Raises:
        ValueError: bonds that cannot all be satisfied, or another model.
    """
    if isinstance(model, Ising):
        return _ising(model, coupling)
    if isinstance(model, Potts):
        return _potts(model, coupling)
    raise ValueError(
        f"coupling from the past needs an Ising or Potts model, got '{model.name}'; "
        "use method 'auto'"
    )


def gauge_signs(pairs: np.ndarray, signs: np.ndarray, sites: int) -> np.ndarray | None:
    """g = ±1 with g_i g_j = sign on every bond, int8 `(site,)`; None if frustrated.

    Two copies of the sites are bonded within each copy where the sign is +1 and across
    where it is -1: frustration bonds a site to its own copy.

    Args:
        pairs: the two sites of each bond, `(bond, 2)`.
        signs: +1 or -1, `(bond,)`.
        sites: how many.
    """
    one, two = pairs.T
    across = sites * (signs < 0)
    rows = np.concatenate([one, one + sites])
    columns = np.concatenate([two + across, two + sites - across])
    bonds = coo_array((np.ones(len(rows)), (rows, columns)), shape=(2 * sites,) * 2)
    part = connected_components(bonds, directed=False)[1]
    if (part[:sites] == part[sites:]).any():
        return None
    return np.where(part[:sites] < part[sites:], 1, -1).astype(np.int8)


def _ising(model: Ising, coupling: float) -> Ferromagnet:
    sites = model.geometry.size
    spins = np.arange(sites, dtype=np.int32)
    to_ghost = np.stack([spins, np.full_like(spins, sites)], axis=1)
    parts = [
        (bond_pairs(model.near), coupling),
        (bond_pairs(model.near_second), coupling * model.second),
        (to_ghost, coupling * model.field),
    ]
    ghost = bool(coupling * model.field)
    pairs = np.concatenate([p for p, j in parts if j] or [np.empty((0, 2), np.int32)])
    strengths = np.concatenate([np.full(len(p), j) for p, j in parts if j] or [[]])
    gauge = gauge_signs(pairs, np.sign(strengths), sites + ghost)
    if gauge is None:
        raise ValueError(
            "coupling from the past needs bonds that can all be satisfied at once, got "
            f"couplings {model.couplings(coupling)} on a {model.lattice} lattice of "
            f"shape {model.shape}, which frustrate each other, and the order of the "
            "chains is lost; use method 'heat-bath'"
        )
    return Ferromagnet(pairs, 2 * np.abs(strengths), gauge, ghost=ghost)


def _potts(model: Potts, coupling: float) -> Ferromagnet:
    check_ferromagnet(model, coupling)
    pairs = bond_pairs(model.near)
    gauge = np.ones(model.geometry.size, np.int8)
    return Ferromagnet(pairs, np.full(len(pairs), float(coupling)), gauge, model.q)


def _spins(colours: np.ndarray, bonds: Ferromagnet) -> np.ndarray:
    """Ising spins from two colours; where there is a ghost it is turned to +1."""
    spins = (1 - 2 * colours.view(np.int8)) * bonds.gauge
    return spins[:, :-1] * spins[:, -1:] if bonds.ghost else spins


def _check_bonds(pairs: np.ndarray, strengths: np.ndarray, sites: int) -> None:
    if pairs.ndim != 2 or pairs.shape != (len(strengths), 2):
        raise ValueError(
            f"bonds are pairs of sites (bond, 2) with one strength each, got shapes "
            f"{pairs.shape} and {strengths.shape}; give one row per bond"
        )
    if not (strengths >= 0).all():
        bad = strengths[~(strengths >= 0)][0]
        raise ValueError(
            f"the strength of a bond must be at least 0, got {bad}; turn spins over "
            "until every bond likes its ends equal"
        )
    one, two = pairs.T
    if ((pairs < 0) | (pairs >= sites)).any() or (one == two).any():
        raise ValueError(
            f"a bond joins two different sites numbered 0 to {sites - 1}, got others; "
            "leave out bonds from a site to itself, which change nothing"
        )
