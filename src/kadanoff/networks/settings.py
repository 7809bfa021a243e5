"""How to train a machine: the settings, and the ones that work, with their reasons."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from kadanoff.networks.machine import Machine
from kadanoff.symmetry import Symmetry

__all__ = ["CHAINS", "TIED", "Training", "recommended"]

CHAINS = ("data", "persistent", "tempered", "checkpoints")


@dataclass(frozen=True)
class Training:
    """Settings of a training; the defaults are those for a dense machine.

    They make an `RBM(…, hidden=N/4)` of 10 000 critical Ising configurations of 32×32
    sites in 12 s (one core), and the next layer in 2 s. What decides is `l1`: with it
    94 % of the units end on one patch of five or six sites; without it all weights stay
    noise over the whole lattice, and the free energy of held-out configurations ends
    30 nats above that of the training set instead of level with it
    (docs/verdicts/locality.md).

    Args:
        epochs: passes over the data.
        batch: configurations per update, and number of persistent chains.
        k: Gibbs steps per update.
        k_last: Gibbs steps per update at the end, to which `k` rises as the training
            goes on and the machine mixes more slowly; `k` throughout if not given.
        chains: where the model's configurations come from. `data`: k steps from the
            batch (CD-k). `persistent`: k steps on from the last update (PCD-k).
            `tempered`: persistent chains at `rungs` inverse temperatures from 0 to 1,
            exchanged after every step. `checkpoints`: persistent chains at the epochs
            0, 1, 2, 4, … of this very training and at the machine of the moment.
        rungs: of the ladder of temperatures.
        learning_rate: of the first update; it falls to zero over the training. At 0.1
            units of a dense machine on 32×32 share sites and stay wider (on 16×16 not
            yet).
        decay: how it falls. It always does: at a constant rate the noise of the updates
            stays in the weights (PCD-1 on 4×4 Ising: 30 times the KL divergence).
        momentum: velocity ← momentum · velocity + gradient.
        l1: the trained objective is ln L − l1 Σ|W|. Below 0.01 few units become local
            on 32×32, from 0.015 on the first of them lose all their weights. Where
            there are samples enough it costs likelihood (4×4 Ising, 32 units: KL per
            spin 4e-3, and 6e-4 without it; 4e-4 with 5e-4). For the likelihood there is
            `experiments.likelihood.LIKELIEST`.
        l2: the same with ½ l2 Σ W².
        symmetry: of the law of the data; every configuration gets a random element.
        largest_gap: stop before the epoch after which the free energy of held-out
            configurations lies so many nats (and two standard errors) above that of
            the training set.

    Raises:
        ValueError: a setting out of its range.
    """

    epochs: int = 60
    batch: int = 256
    k: int = 1
    k_last: int | None = None
    chains: Literal["data", "persistent", "tempered", "checkpoints"] = "data"
    rungs: int = 10
    learning_rate: float = 0.03
    decay: Literal["linear", "cosine"] = "linear"
    momentum: float = 0.5
    l1: float = 0.0125
    l2: float = 0.0
    symmetry: Symmetry = field(default_factory=Symmetry)
    largest_gap: float | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "k"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, got {getattr(self, name)}")
        if not 0 < self.learning_rate < math.inf or not 0 <= self.momentum < 1:
            raise ValueError(
                "a training needs a finite learning rate above 0 and a momentum in "
                f"[0, 1), got {self.learning_rate} and {self.momentum}"
            )
        if not all(0 <= penalty < math.inf for penalty in (self.l1, self.l2)):
            raise ValueError(
                f"l1 and l2 are finite and at least 0, got {self.l1} and {self.l2}"
            )
        if self.k_last is not None and self.k_last < self.k:
            raise ValueError(
                f"k rises: k_last is at least k, got {self.k_last} and {self.k}"
            )
        if self.chains not in CHAINS:
            raise ValueError(f"chains are {', '.join(CHAINS)}, got {self.chains!r}")
        if self.rungs < 2:
            raise ValueError(f"rungs of a ladder are at least 2, got {self.rungs}")
        if self.largest_gap is not None and not self.largest_gap >= 0:
            raise ValueError(
                f"largest_gap is a number of nats from 0 on, got {self.largest_gap}"
            )
        if self.decay not in ("linear", "cosine"):
            raise ValueError(f"decay is linear or cosine, got {self.decay!r}")

    def rate(self, share: float) -> float:
        """The learning rate when `share` of the training is done."""
        if self.decay == "linear":
            return self.learning_rate * (1 - share)
        return self.learning_rate * (1 + math.cos(math.pi * share)) / 2

    def steps(self, share: float) -> int:
        """Gibbs steps of an update when `share` of the training is done."""
        last = self.k if self.k_last is None else self.k_last
        return self.k + int((last - self.k + 1) * share)


TIED = Training(epochs=10, batch=64, learning_rate=0.2, chains="persistent", l1=0.0)
"""For a `ConvRBM`: 3 s for 10 000 configurations of 32×32.

Every block of every configuration counts for the one filter, so that 64 configurations
give a precise gradient and the rate can be high; and with so few parameters CD-1 ends
elsewhere than the likelihood does, PCD does not.
"""


def recommended(network: Machine) -> Training:
    """The settings that `train` uses where none are given."""
    return TIED if network.kind == "conv-rbm" else Training()
