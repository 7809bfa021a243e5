"""A trained network before its judge: ln Z, likelihood, divergence, and its samples.

Everything is read on configurations that the network was not trained on, and the
samples of a machine are drawn in equilibrium, from chains started random and ordered.
Where the law of the configurations is known, every reading stands beside the exact one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.experiments.divergence import (
    Divergence,
    Normalization,
    divergence_of,
    log_prob_of,
    normalized,
)
from kadanoff.experiments.judgement import Judgement, compare_with_exact
from kadanoff.geometry import Grid
from kadanoff.instruments.known import known
from kadanoff.instruments.likelihood import log_likelihood
from kadanoff.models.registry import model_of
from kadanoff.networks.agreement import Agreement, agreement
from kadanoff.networks.dbn import DBN
from kadanoff.networks.equilibrium import equilibrated, sentence_of
from kadanoff.networks.ladder import inverse_temperatures
from kadanoff.networks.machine import Machine
from kadanoff.networks.products import full_products, one_thread
from kadanoff.networks.units import SPIN
from kadanoff.randomness import subseed

__all__ = ["Verdict", "judge"]


@dataclass(frozen=True, eq=False)
class Verdict:
    """What is known of the law of a network.

    Attributes:
        log_z: ln Z; of a stack that of its top machine.
        log_likelihood: ⟨ln q⟩ per site, in nats, of the unseen configurations; of a
            stack a lower bound.
        divergence: KL per site from the law of the configurations; None where that is
            not known.
        samples: of the machine in equilibrium, or with the sentence that contradicts
            it (`equilibrium.sentence_of`); none of a stack.
        agreement: whether a short run from the data, as in the training, is what the
            machine is in equilibrium; none of a stack.
        judgement: the samples against the exact Ising law of the configurations; None
            where that is not known.
    """

    log_z: Normalization
    log_likelihood: Estimate
    divergence: Divergence | None
    samples: Ensemble | None
    agreement: Agreement | None
    judgement: Judgement | None

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to say of the samples."""
        found = (self.agreement, self.judgement)
        return tuple(str(part) for part in found if part is not None)


def judge(
    network: Machine | DBN,
    unseen: Ensemble,
    *,
    runs: int = 128,
    temperatures: int = 1000,
    chains: int = 64,
    draws: int = 64,
    seed: int,
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

    Raises:
        ValueError: configurations that do not fit the network, too few chains or draws.
    """
    with one_thread(), full_products(), torch.no_grad():
        noise = torch.Generator().manual_seed(subseed(seed, "judgement"))
        settings = {"runs": runs, "temperatures": temperatures}
        log_z = normalized(network, unseen.geometry, **settings, noise=noise)
        log_prob = log_prob_of(network, log_z.value, noise=noise)
        likelihood = log_likelihood(unseen, log_prob)
        law = _law_is_known(unseen)
        found = divergence_of(network, unseen, log_z, noise=noise) if law else None
        if isinstance(network, DBN):
            return Verdict(log_z, likelihood, found, None, None, None)
        samples = _samples(network, unseen, seed, chains=chains, draws=draws)
        agreed = _agreement(network, unseen, samples, seed)
        judged = None
        if law and len(unseen.shape) == 2:
            judged = compare_with_exact(samples, unseen.couplings["K"])
        return Verdict(log_z, likelihood, found, samples, agreed, judged)


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
    steps = None if machine.notes.get("settings") else 1
    return agreement(machine, unseen, steps=steps, equilibrium=samples, seed=seed)
