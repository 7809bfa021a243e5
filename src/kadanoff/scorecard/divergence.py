"""ln Z of a network, and how far its law is from the one that configurations have.

    KL(p‖q) / N = ⟨ln p(v) − ln q(v)⟩_p / N      (nats per site)

of the Ising law p to the law q of a machine. ln Z of q is exact where a layer has at
most 25 spins or a strip is narrow enough, and annealed from two sides elsewhere; the
average over p is a sum over all states up to 16 spins and one over configurations
elsewhere. Of a stack, ⟨ln p − bound⟩ / N is an upper bound.

Annealing starts far from the machine. From close by, the Ising law itself, ln Z follows
by reweighting the same configurations: with x = ln p + F,

    KL(p‖q) = ⟨x⟩_p + ln ⟨e^{−x}⟩_p,

whose error is far smaller where the divergence is a few nats in total. It is blind to
what q has and p has not, which annealing would see: the two must agree.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, jackknife
from kadanoff.exact.enumerate import all_states
from kadanoff.geometry import Geometry
from kadanoff.instruments.likelihood import KL, law_of, relative_entropy
from kadanoff.networks.annealing import annealed
from kadanoff.networks.bound import dbn_bound
from kadanoff.networks.dbn import DBN
from kadanoff.networks.machine import Machine
from kadanoff.networks.partition import log_partition
from kadanoff.networks.units import SPIN, Units
from kadanoff.randomness import subseed

__all__ = [
    "EVEN",
    "Divergence",
    "LogProb",
    "Normalization",
    "check_spins",
    "divergence",
    "divergence_of",
    "log_prob_of",
    "normalized",
    "visible_units_of",
]

MOST_SPINS = 16  # whose states are all visited, in the average over p
CHUNK = 4096
EVEN = 0.1  # share of configurations that reweighting needs
OF_BOUND = 16  # draws of hidden layers per configuration

LogProb = Callable[[np.ndarray], np.ndarray]
"""ln q(v) of `(n, *lattice)` values, in nats, `(n,)`; of a stack a lower bound."""


@dataclass(frozen=True)
class Normalization:
    """ln Z of a machine, of a stack that of its top.

    Attributes:
        method: `exact` or `annealed`.
        value: a total, in nats.
        error: one standard error; 0 where it is exact.
        bracket: backward minus forward annealing, in nats; 0 where it is exact.
    """

    method: str
    value: float
    error: float = 0.0
    bracket: float = 0.0

    @classmethod
    @torch.no_grad()
    def of(
        cls,
        machine: Machine,
        visible: Geometry | None = None,
        *,
        runs: int = 128,
        temperatures: int = 1000,
        noise: torch.Generator,
    ) -> Normalization:
        """Exact where that can be, else by annealed importance sampling.

        Raises:
            ValueError: a lattice that does not fit.
        """
        machine.visible_geometry(visible)
        try:
            return cls("exact", float(log_partition(machine, visible)))
        except ValueError:
            found = annealed(machine, visible, runs, temperatures, noise=noise)
        log_z, gap = found.combined, found.gap
        return cls("annealed", float(log_z.value), float(log_z.error), float(gap.value))

    def __str__(self) -> str:
        if self.method == "exact":
            return f"{self.value:.10g} (exact)"
        return (
            f"{self.value:.6g} ± {self.error:.1e} (annealed; down − up "
            f"{self.bracket:.1e})"
        )


@dataclass(frozen=True)
class Divergence:
    """KL per site of a law to a network.

    Attributes:
        kl: with ln Z exact or annealed; of a stack an upper bound.
        reweighted: with ln Z by reweighting; none of a stack.
        share: of the configurations that matters in it, (Σw)²/nΣw².
        bracket: backward minus forward ln Z per site, 0 where it is exact.
    """

    kl: KL
    reweighted: Estimate | None
    share: float
    bracket: float

    @property
    def even(self) -> bool:
        """Whether the weights are even enough for reweighting to be believed."""
        return self.reweighted is not None and self.share >= EVEN


def log_prob_of(
    network: Machine | DBN, log_z: float, *, noise: torch.Generator
) -> LogProb:
    """ln q(v) in double precision; of a stack the bound, which draws with `noise`."""
    twin = copy.deepcopy(network).double()

    def chunk(values: np.ndarray) -> np.ndarray:
        v = torch.from_numpy(values.astype(float))
        if isinstance(twin, Machine):
            return (-twin.free_energy(v)).numpy() - log_z
        return dbn_bound(
            twin.machines, v, draws=OF_BOUND, noise=noise, log_partition_top=log_z
        ).value

    @torch.no_grad()
    def log_prob(values: np.ndarray) -> np.ndarray:
        parts = [values[i : i + CHUNK] for i in range(0, len(values), CHUNK)]
        return np.concatenate([chunk(part) for part in parts])

    return log_prob


def normalized(
    network: Machine | DBN,
    visible: Geometry,
    *,
    runs: int = 128,
    temperatures: int = 1000,
    noise: torch.Generator,
) -> Normalization:
    """ln Z of a machine, or of the top of a stack over a visible layer."""
    settings = {"runs": runs, "temperatures": temperatures}
    if isinstance(network, DBN):
        below = network.geometries(visible)[-2]
        return Normalization.of(network.top, below, **settings, noise=noise)
    return Normalization.of(network, visible, **settings, noise=noise)


@torch.no_grad()
def divergence(
    network: Machine | DBN,
    unseen: Ensemble,
    *,
    runs: int = 128,
    temperatures: int = 1000,
    seed: int,
) -> Divergence:
    """KL per site of the law of an ensemble to that of a machine or a stack.

    Args:
        network: of spins.
        unseen: Ising configurations that it was not trained on. Up to 16 spins only
            their law is taken, and every state counts with its probability.
        runs, temperatures: of annealed importance sampling, where ln Z is not exact.
        seed: draws its units.

    Raises:
        ValueError: an ensemble of no known law, or that does not fit the network;
            units that are no spins.
    """
    check_spins(network, unseen)
    noise = torch.Generator().manual_seed(subseed(seed, "judgement"))
    log_z = normalized(
        network, unseen.geometry, runs=runs, temperatures=temperatures, noise=noise
    )
    return divergence_of(network, unseen, log_z, noise=noise)


def divergence_of(
    network: Machine | DBN,
    unseen: Ensemble,
    log_z: Normalization,
    *,
    noise: torch.Generator,
) -> Divergence:
    """The divergence, where ln Z is known already; arguments as of `divergence`."""
    log_prob = log_prob_of(network, log_z.value, noise=noise)
    sites = math.prod(unseen.shape)
    bracket = log_z.bracket / sites
    if isinstance(network, DBN):
        found = relative_entropy(unseen, log_prob, partition_error=log_z.error)
        return Divergence(found, None, math.nan, bracket)
    reweighted, share = _reweighted(unseen, log_prob)
    if sites <= MOST_SPINS:
        found = _over_all_states(unseen, log_prob, log_z.error)
    else:
        found = relative_entropy(unseen, log_prob, partition_error=log_z.error)
    return Divergence(found, reweighted, share, bracket)


def check_spins(network: Machine | DBN, unseen: Ensemble) -> None:
    """Refuse to compare probabilities with densities.

    Raises:
        ValueError: visible units or values that are not ±1.
    """
    units = visible_units_of(network)
    if units != SPIN or unseen.alphabet != "pm1":
        raise ValueError(
            "a divergence compares laws of ±1 spins, got a network of "
            f"{units.name} units and values of alphabet '{unseen.alphabet}'; compare "
            "likelihoods of real values"
        )


def visible_units_of(network: Machine | DBN) -> Units:
    """What stands for the lattice: in a stack, the visible units of its lowest."""
    lowest = network.machines[0] if isinstance(network, DBN) else network
    return lowest.visible_units


def _reweighted(unseen: Ensemble, log_prob: LogProb) -> tuple[Estimate, float]:
    """⟨x⟩ + ln ⟨e^{−x}⟩ per site, and the share of configurations that matters."""
    exact = law_of(unseen)
    sites = math.prod(unseen.shape)
    # x has the estimated ln Z in it, which cancels but keeps e^{−x} near 1.

    def observe(values: np.ndarray) -> tuple[np.ndarray, ...]:
        x = exact(values) - log_prob(values)
        return x.mean(), np.exp(-x).mean(), np.exp(-2 * x).mean()

    kl = jackknife(observe, lambda x, w, _: (x + np.log(w)) / sites, unseen)
    share = jackknife(observe, lambda _, w, square: w**2 / square, unseen)
    return kl, float(share.value)


def _over_all_states(unseen: Ensemble, log_prob: LogProb, error: float) -> KL:
    """The sum over all states: no configuration is missing, none is drawn."""
    sites = math.prod(unseen.shape)
    states = all_states(sites).reshape(-1, *unseen.shape)
    log_p = law_of(unseen)(states)
    value = (np.exp(log_p) * (log_p - log_prob(states))).sum() / sites
    return KL(Estimate(np.array(value), {}, math.inf), error / sites)
