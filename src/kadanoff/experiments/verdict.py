"""A trained network before its judge: ln Z, likelihood, divergence, and its samples.

Everything is read on configurations that the network was not trained on, and the
samples of a machine are drawn in equilibrium, from chains started random and ordered.
Where the law of the configurations is known, every reading stands beside the exact one.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import share_chains
from kadanoff.experiments.judgement import Judgement, compare_with_exact
from kadanoff.geometry import Grid
from kadanoff.instruments.known import known
from kadanoff.instruments.likelihood import PerSite, log_likelihood
from kadanoff.models.registry import model_of
from kadanoff.networks.agreement import Agreement, agreement
from kadanoff.networks.dbn import DBN
from kadanoff.networks.equilibrium import equilibrated, sentence_of
from kadanoff.networks.ladder import inverse_temperatures
from kadanoff.networks.machine import Machine
from kadanoff.networks.products import full_products, one_thread
from kadanoff.networks.units import SPIN
from kadanoff.randomness import subseed
from kadanoff.scorecard.divergence import (
    Divergence,
    Normalization,
    divergence_of,
    log_prob_of,
    normalized,
    visible_units_of,
)

__all__ = ["Verdict", "judge"]

PARTS = 4  # of a judgement, for its progress
FEWEST_CHAINS, FEWEST_DRAWS = 16, 8
SEEN = (
    "it was trained on some of these configurations, which flatters every reading but "
    "ln Z and the samples: judge it on others"
)


@dataclass(frozen=True, eq=False)
class Verdict:
    """What is known of the law of a network.

    Attributes:
        log_z: ln Z; of a stack that of its top machine.
        log_likelihood: ⟨ln q⟩ per site, in nats, of the unseen configurations, with
            both errors; of a stack a lower bound.
        divergence: KL per site from the law of the configurations; None where that is
            not known.
        samples: of the machine in equilibrium, or with the sentence that contradicts
            it (`equilibrium.sentence_of`); none of a stack.
        agreement: whether a short run from the data, as in the training, is what the
            machine is in equilibrium; none of a stack.
        judgement: the samples against the exact Ising law of the configurations; None
            where that is not known.
        seen: whether the network was trained on some of the configurations.
    """

    log_z: Normalization
    log_likelihood: PerSite
    divergence: Divergence | None
    samples: Ensemble | None
    agreement: Agreement | None
    judgement: Judgement | None
    seen: bool

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to say of the configurations and of the samples."""
        found = [str(p) for p in (self.agreement, self.judgement) if p is not None]
        if self.seen:
            found.insert(0, SEEN)
        return tuple(found)


def judge(
    network: Machine | DBN,
    unseen: Ensemble,
    *,
    runs: int = 128,
    temperatures: int = 1000,
    chains: int = 64,
    draws: int = 64,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """The verdict on a network.

    Samples come from plain Gibbs chains; where these contradict equilibrium, from
    replica exchange.

    Args:
        network: a machine or a stack.
        unseen: configurations of other chains than those it was trained on.
        runs, temperatures: of annealed importance sampling, where ln Z is not exact.
        chains, draws: of the samples.
        seed: draws everything.
        progress: called with the parts done and their number.

    Raises:
        ValueError: configurations that do not fit the network, weights that are not
            finite, too few runs, temperatures, chains or draws.
    """
    _check(network, unseen, runs, temperatures, chains, draws)
    network = copy.deepcopy(network)
    report = progress or (lambda done, total: None)
    spins = visible_units_of(network) == SPIN
    with one_thread(), full_products(), torch.no_grad():
        noise = torch.Generator().manual_seed(subseed(seed, "judgement"))
        settings = {"runs": runs, "temperatures": temperatures}
        log_z = normalized(network, unseen.geometry, **settings, noise=noise)
        report(1, PARTS)
        likelihood = _likelihood(network, unseen, log_z, noise)
        law = spins and _law_is_known(unseen)
        found = divergence_of(network, unseen, log_z, noise=noise) if law else None
        report(2, PARTS)
        seen = _was_seen(network, unseen)
        if isinstance(network, DBN):
            report(PARTS, PARTS)
            return Verdict(log_z, likelihood, found, None, None, None, seen)
        machine = network.float()
        samples = _samples(machine, unseen, seed, chains=chains, draws=draws)
        report(3, PARTS)
        agreed = _agreement(machine, unseen, samples, seed)
        judged = None
        if law and len(unseen.shape) == 2:
            judged = compare_with_exact(samples, unseen.couplings["K"])
        report(PARTS, PARTS)
        return Verdict(log_z, likelihood, found, samples, agreed, judged, seen)


def _check(
    network: Machine | DBN,
    unseen: Ensemble,
    runs: int,
    temperatures: int,
    chains: int,
    draws: int,
) -> None:
    machines = network.machines if isinstance(network, DBN) else [network]
    for machine in machines:
        machine.check_finite()
    machines[0].visible_geometry(unseen.geometry)
    units = machines[0].visible_units
    fitting = ("pm1",) if units == SPIN else ("pm1", "real")
    if unseen.alphabet not in fitting or unseen.features is not None:
        raise ValueError(
            f"the {network.kind} of {units.name} units is judged on one value per site "
            f"of alphabet {' or '.join(fitting)}, got '{unseen.alphabet}'"
        )
    if runs < 2 or temperatures < 2:
        raise ValueError(
            "annealing takes at least 2 runs and 2 temperatures, got "
            f"{runs} and {temperatures}"
        )
    if chains < FEWEST_CHAINS or draws < FEWEST_DRAWS:
        raise ValueError(
            f"whether samples are in equilibrium is asked of at least {FEWEST_CHAINS} "
            f"chains of {FEWEST_DRAWS} draws, got {chains} of {draws}"
        )


def _likelihood(
    network: Machine | DBN,
    unseen: Ensemble,
    log_z: Normalization,
    noise: torch.Generator,
) -> PerSite:
    log_prob = log_prob_of(network, log_z.value, noise=noise)
    found = log_likelihood(unseen, log_prob)
    return PerSite(found, log_z.error / math.prod(unseen.shape))


def _was_seen(network: Machine | DBN, unseen: Ensemble) -> bool:
    """Whether some of the chains are those of the training, by its notes."""
    lowest = network.machines[0] if isinstance(network, DBN) else network
    lineage = (lowest.notes or {}).get("lineage")
    return lineage is not None and share_chains(lineage, unseen.lineage)


def _law_is_known(unseen: Ensemble) -> bool:
    """Whether it is the plain Ising model on a torus whose ln Z is known."""
    plain = unseen.model == "ising" and set(unseen.couplings) == {"K"}
    if not plain or unseen.geometry != Grid(unseen.geometry.lattice):
        return False
    model = model_of(unseen)
    return model is not None and "log_partition" in known(model, unseen.couplings["K"])


def _samples(machine: Machine, unseen: Ensemble, seed: int, **sizes: int) -> Ensemble:
    settings: dict[str, Any] = {"seed": seed, "contradicted": "flag", **sizes}
    found = equilibrated(machine, unseen.geometry, **settings)
    if sentence_of(found) is None:
        return found
    ladder = inverse_temperatures(machine, unseen.geometry, seed=seed)
    return equilibrated(machine, unseen.geometry, ladder=ladder, **settings)


def _agreement(
    machine: Machine, unseen: Ensemble, samples: Ensemble, seed: int
) -> Agreement | None:
    spins = machine.visible_units == SPIN
    if spins and unseen.alphabet != "pm1":
        return None
    steps = None if (machine.notes or {}).get("settings") else 1
    return agreement(machine, unseen, steps=steps, equilibrium=samples, seed=seed)
