"""How to train a machine: the settings, and the ones that work, with their reasons."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

from kadanoff.networks.machine import Machine
from kadanoff.networks.units import GAUSSIAN
from kadanoff.symmetry import Symmetry

__all__ = [
    "AIMS",
    "CHAINS",
    "LIKELIEST",
    "LIKELIEST_SYMMETRIC",
    "REAL",
    "TIED",
    "Training",
    "recommended",
]

AIMS = ("locality", "likelihood")
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
            `LIKELIEST`.
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


REAL = Training(epochs=60, batch=64, learning_rate=0.02, chains="persistent", l1=0.0)
"""For a dense machine of Gaussian visible units.

φ⁴ (λ = 1) of 16×16, 64 units, 10 000 configurations: ln q = −1.100 nats per site,
−1.122 of independent Gaussians. At rates of 0.03 and 0.05 its weights ran away; with
the penalty of the default 8×8 machines learn nothing.
"""

LIKELIEST = Training(epochs=30, batch=256, learning_rate=0.1, l1=0.002)
"""Where the likelihood of a dense machine is what is asked for, rather than locality.

The numbers are KL per spin at K_c, of data sets other than those of
docs/verdicts/likelihood.md: one or two of 10×10 with 200 units and means of two of 4×4
with 32.

chains: CD-1. In as many updates PCD-1 is above it on 4×4 (8.8e-4, CD-1 6.5e-4); on
    10×10 PCD with k from 1 to 5, l1 = 0, rate 0.1, shifts was still at 2.6e-2.
l1: small and not zero. The law can be had with two weights per unit (`bond_machine`),
    so that a penalty removes the noise of all others: 6.5e-3 at 5e-4 and 1.2e-3 at
    2e-3 on 10×10 (rate 0.2, ln Z annealed, ± 1e-3 to 2e-3). The fewer the sites, the
    smaller: on 4×4 6.5e-4 without, 3.8e-4 at 5e-4, 4.4e-4 at 1e-3, 6.9e-4 at 2e-3. At
    the 0.0125 of the default, units are local.
learning_rate: 0.1 falling to 0. On 10×10 0.95e-3, and 2.1e-3 at 0.2; at 0.4, l1 5e-4,
    weights ran away (KL 1.2). 4×4 bears 0.2.
epochs: 4 700 updates; twice as many on 10×10 0.90e-3; half as many cost 1e-4 on 4×4 at
    l1 = 0 (rate 0.2).
biases: frozen, as those of `RBM` are unless asked for.
"""

SHIFTS = Symmetry(translations=True, flip=True)
LIKELIEST_SYMMETRIC = replace(
    LIKELIEST, epochs=60, learning_rate=0.05, l1=0.001, symmetry=SHIFTS
)
"""Where shifts and flips are known to be symmetries of the data.

They take noise away themselves, so that less penalty and more updates are better:
10×10, 200 units, two data sets other than those of the verdict: 4.9e-4 and 3.8e-4. At a
rate of 0.1 6.7e-4 and 4.8e-4; at 0.2 two of ten trainings ended above 1e-2.
"""


def recommended(
    network: Machine, aim: str = "locality", *, symmetric: bool = False
) -> Training:
    """The settings that `train` uses where none are given.

    Args:
        network: what is to be trained; weights that are tied and Gaussian visible units
            have one recipe each.
        aim: `locality`, units on patches of the lattice; or `likelihood`, a law as near
            to that of the data as it gets.
        symmetric: whether shifts and flips are symmetries of the law of the data, to
            be used.

    Raises:
        ValueError: another aim.
    """
    if aim not in AIMS:
        raise ValueError(f"a training aims at {' or '.join(AIMS)}, got {aim!r}")
    if network.kind == "conv-rbm":
        chosen = TIED
    elif network.visible_units == GAUSSIAN:
        chosen = REAL
    elif aim == "locality":
        chosen = Training()
    else:
        chosen = LIKELIEST_SYMMETRIC if symmetric else LIKELIEST
    return replace(chosen, symmetry=SHIFTS) if symmetric else chosen
