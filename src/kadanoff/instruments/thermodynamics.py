"""Energy, magnetization and their fluctuations, read off configurations.

With e = -(1/N) Σ_<ij> s_i s_j (J = 1, one forward bond per site and direction) and
m = (1/N) Σ_i s_i of one configuration,

    C = K² N (⟨e²⟩ - ⟨e⟩²),  χ = N (⟨m²⟩ - ⟨|m|⟩²),  U₄ = 1 - ⟨m⁴⟩/(3⟨m²⟩²)

(Binder, Z. Phys. B 43, 119 (1981)). Neighbours are neighbours on the grid, so the same
words hold on a coarse lattice. One pass over the ensemble makes a `Series`; every
reading takes an ensemble or, for several readings of one ensemble, its series.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kadanoff.autocorrelation import integrated_time
from kadanoff.ensemble import Block, Ensemble
from kadanoff.estimate import Estimate, weighted_jackknife
from kadanoff.instruments.operators import lattice_of, operator_sums
from kadanoff.models.ising import Ising
from kadanoff.models.registry import model_of
from kadanoff.protocols import Model

__all__ = [
    "Series",
    "autocorrelation",
    "binder",
    "energy",
    "heat_capacity",
    "magnetization",
    "magnetization_squared",
    "series",
    "susceptibility",
]


@dataclass(frozen=True, eq=False)
class Series:
    """Energy and magnetization of every configuration of an ensemble.

    Attributes:
        energy: per site, in units of J, `(chain, draw)`.
        magnetization: per site, with its sign, `(chain, draw)`.
        sites: number of sites N.
        blocks: the jackknife blocks of the ensemble.
        lineage: the ensemble's.
        n_eff: independent configurations.
        coupling: K of the model the configurations were drawn from, None if unknown.
    """

    energy: np.ndarray
    magnetization: np.ndarray
    sites: int
    blocks: tuple[Block, ...]
    lineage: str
    n_eff: float
    coupling: float | None

    @property
    def has_energy(self) -> bool:
        """Whether the configurations have an energy; those of a driven model do not."""
        return not np.isnan(self.energy).any()

    def jackknife(
        self, observables: tuple[np.ndarray, ...], function: Callable[..., Any]
    ) -> Estimate:
        """The estimate of `function` of the means of `(chain, draw)` observables."""
        columns = [
            np.array([x[b.chains, b.draws].mean() for b in self.blocks])
            for x in observables
        ]
        sizes = np.array([b.size for b in self.blocks], dtype=float)
        return weighted_jackknife(
            columns, function, sizes, lineage=self.lineage, n_eff=self.n_eff
        )


def series(data: Ensemble | Series) -> Series:
    """One pass over an ensemble; a series is returned as it is.

    An ensemble of a model is read with the model's own energy and order parameter;
    the sign of the latter is known for ±1 and real values, the rest is |m|. Without a
    model, neighbours on the grid are neighbours.

    Raises:
        ValueError: no positions, several feature maps; without a model also several
            sites per cell, or values other than ±1 and real numbers.
    """
    if isinstance(data, Series):
        return data
    model = model_of(data)
    if model is None or (isinstance(model, Ising) and model.is_plain):
        sites = lattice_of(data).size
        sums = operator_sums(data, ("nn", "field")) / sites
        e, m = -sums[..., 0], sums[..., 1]
    else:
        sites = data.grid.size
        e, m = _of_model(data, model)
    return Series(
        e, m, sites, tuple(data.blocks()), data.lineage, data.n_eff, _coupling(data)
    )


def _of_model(data: Ensemble, model: Model) -> tuple[np.ndarray, np.ndarray]:
    """Energy (NaN where a model has none) and magnetization, `(chain, draw)` each."""
    form = (data.chains, data.draws)
    energies, order = [], []
    signed = data.alphabet in ("pm1", "real")
    coupling = next(iter(data.couplings.values()), 0.0)
    for chunk in data.chunks():
        values = data.read(chunk)
        seen = model.observables(values, coupling)
        energies.append(seen.get("energy", np.full(len(values), np.nan)))
        flat = values.reshape(len(values), -1)
        order.append(flat.mean(axis=1, dtype=float) if signed else _root(seen))
    return np.concatenate(energies).reshape(form), np.concatenate(order).reshape(form)


def _root(seen: dict[str, np.ndarray]) -> np.ndarray:
    return np.sqrt(np.maximum(seen["m_squared"], 0))


def _coupling(data: Ensemble) -> float | None:
    return data.couplings.get("K")


def energy(data: Ensemble | Series) -> Estimate:
    """⟨e⟩ per site, in units of J; real values as they are.

    Raises:
        ValueError: the model has no energy.
    """
    s = series(data)
    if not s.has_energy:
        raise ValueError(
            "this reading needs a model with an energy, got a driven one; read its "
            "magnetization instead"
        )
    return s.jackknife((s.energy,), _first)


def magnetization(data: Ensemble | Series) -> Estimate:
    """⟨|m|⟩ per site."""
    s = series(data)
    return s.jackknife((abs(s.magnetization),), _first)


def magnetization_squared(data: Ensemble | Series) -> Estimate:
    """⟨m²⟩ per site squared."""
    s = series(data)
    return s.jackknife((s.magnetization**2,), _first)


def heat_capacity(
    data: Ensemble | Series, *, coupling: float | None = None
) -> Estimate:
    """C = K² N Var(e), per site, in units of k_B.

    Args:
        data: the configurations, or their series.
        coupling: K; the ensemble's own where not given.

    Raises:
        ValueError: the coupling is neither known nor given.
    """
    s = series(data)
    k = s.coupling if coupling is None else coupling
    if k is None:
        raise ValueError(
            "a heat capacity K² N Var(e) needs the coupling K, and these "
            "configurations do not know theirs; give coupling=…"
        )
    # Fluctuations about the sample mean: e² - ⟨e⟩² would lose digits.
    e = s.energy - s.energy.mean()
    factor = k**2 * s.sites if math.isfinite(k) else 0.0  # T = 0: ground states alone
    return s.jackknife((e, e**2), lambda e1, e2: factor * (e2 - e1**2))


def susceptibility(data: Ensemble | Series) -> Estimate:
    """χ = N(⟨m²⟩ - ⟨|m|⟩²): of |m|, which has a peak on a finite lattice.

    Per site and without the factor K; N⟨m²⟩ is the susceptibility of m itself above
    the critical temperature.
    """
    s = series(data)
    m = abs(s.magnetization)
    return s.jackknife((m, m**2), lambda m1, m2: s.sites * (m2 - m1**2))


def binder(data: Ensemble | Series) -> Estimate:
    """U₄ = 1 - ⟨m⁴⟩/(3⟨m²⟩²): 2/3 in the ordered phase, 0 for Gaussian m."""
    s = series(data)
    m2 = s.magnetization**2
    return s.jackknife((m2, m2**2), lambda a, b: 1 - b / (3 * a**2))


def autocorrelation(data: Ensemble | Series) -> dict[str, tuple[float, float]]:
    """Integrated autocorrelation times (τ, error), in draws, of e, |m| and m²."""
    s = series(data)
    m = abs(s.magnetization)
    observables = {"energy": s.energy} if s.has_energy else {}
    observables |= {"magnetization": m, "magnetization_squared": m**2}
    return {name: integrated_time(x) for name, x in observables.items()}


def _first(mean: np.ndarray) -> np.ndarray:
    return mean
