"""The temperature of a level as a classifier of Ising configurations reads it.

A network is trained to tell Ising configurations of the level's own shape at couplings
K_1 < … < K_m apart. Its reading of a configuration s is the mean coupling of what it
holds possible, k(s) = Σ_j p_j(s) K_j. That is biased towards the middle of the range,
as every guess that minimizes a loss is, and so not yet a temperature: other chains of
the same Ising models, not seen in training, give the curve ⟨k⟩ at every K_j, and its
inverse (monotone and piecewise cubic, F. N. Fritsch and R. E. Carlson, SIAM J. Numer.
Anal. 17, 238 (1980)) takes the ⟨k⟩ of a level to its 1/K. Ising configurations read
their own temperature, then, however well or badly the network learned; configurations
that are not of that model read the temperature of those that they look most like.

The error is that of the level's chains and that of the curve's. On 8×8, with a curve of
100 000 configurations at each of 11 couplings, ten fresh Ising ensembles in the gaps
read T within 0.25 % (errors 0.05 to 0.09 %), in the middle half of the range within
0.17 %; other interpolations of the same numbers differ by 0.12 % at most. Outside of
the range from 1/K_m to 1/K_1 there is no reading.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine, jackknife
from kadanoff.instruments.thermometer import Temperatures, temperatures
from kadanoff.models.ising import Ising
from kadanoff.networks.classifier import (
    Classifier,
    Practice,
    check_lattice,
    train_classifier,
)
from kadanoff.randomness import subseed
from kadanoff.samplers.run import sample

__all__ = [
    "ClassifierReading",
    "ClassifierThermometer",
    "calibrated",
    "classifier_reading",
    "classifier_temperature",
]

LOWEST, HIGHEST = 0.1, 1.0
"""Couplings that a classifier is trained on: beyond, Ising configurations of a few
hundred spins are noise, or all but aligned, and differ too little to be told apart."""
MARGIN = 1.25
"""The range goes beyond what the other thermometers read by this factor."""
AT_LEAST = 3.0
"""No range ends below LOWEST nor begins above HIGHEST but for this factor: hot or all
but aligned Ising configurations are told apart only at couplings this far apart."""
CLASSES = 11
CHAINS = 64
SHARES = (1, 3)
"""Of the chains at every coupling: to train with, and to calibrate with."""
DRAWS = 8192
"""Configurations at every coupling."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class ClassifierThermometer:
    """A classifier, and what it makes of Ising configurations it was not trained on.

    Attributes:
        network: whose classes are couplings in increasing order.
        curve: ⟨k⟩ of Ising configurations at each of them.
    """

    network: Classifier
    curve: tuple[Estimate, ...]

    @property
    def span(self) -> tuple[float, float]:
        """Lowest and highest temperature that it reads, in units of J/k_B."""
        return 1 / self.network.couplings[-1], 1 / self.network.couplings[0]

    def mean_coupling(self, ensemble: Ensemble) -> Estimate:
        """⟨k⟩, the mean of what the network holds possible; no temperature yet."""
        return _mean_coupling(self.network, ensemble)

    def temperature(self, ensemble: Ensemble) -> Estimate:
        """T in units of J/k_B; not a number beyond the span.

        Args:
            ensemble: ±1 spins on the lattice that the curve is of.
        """
        found = self.mean_coupling(ensemble)
        return combine(self._invert, found, *self.curve)

    def beyond(self, ensemble: Ensemble) -> str:
        """`hotter` or `colder` than the span, or neither."""
        found = float(self.mean_coupling(ensemble).value)
        if found < float(self.curve[0].value):
            return "hotter"
        return "colder" if found > float(self.curve[-1].value) else ""

    def _invert(self, found: float, *curve: float) -> float:
        couplings = np.array(self.network.couplings)
        inverse = PchipInterpolator(np.array(curve), couplings, extrapolate=False)
        return float(1 / inverse(float(found)))


@dataclass(frozen=True)
class ClassifierReading:
    """A temperature by classifier beside those by energy and by couplings.

    Attributes:
        temperature: by classifier; not a number beyond its span.
        others: by energy and by couplings, of the same configurations.
        above_energy: by classifier less by energy, with the error of the difference.
        above_coupling: by classifier less by couplings, likewise.
        span: lowest and highest temperature that the classifier reads.
        beyond: `hotter` or `colder` than the span, or empty.
        shape: of the lattice.
    """

    temperature: Estimate
    others: Temperatures
    above_energy: Estimate
    above_coupling: Estimate
    span: tuple[float, float]
    beyond: str
    shape: tuple[int, ...]

    @property
    def sentence(self) -> str:
        """The reading in words."""
        low, high = self.span
        who = (
            f"a classifier of Ising configurations of {'×'.join(map(str, self.shape))} "
            f"at T = {low:.3g} to {high:.3g}"
        )
        if self.beyond:
            return (
                f"{who} finds these {self.beyond} than all of them: their temperature "
                "is beyond the range"
            )
        if not np.isfinite(self.temperature.error):
            return f"{who} cannot tell these from the end of its range"
        return (
            f"{who} reads T = {self.temperature}; less that by energy it is "
            f"{self.above_energy}, less that by couplings {self.above_coupling}: a "
            "nearest-neighbour model would have all three agree"
        )


def classifier_temperature(level: Ensemble, *, seed: int) -> Estimate:
    """The temperature of a level by classifier; not a number beyond its range.

    Args:
        level: ±1 spins on a square torus with sides that are multiples of 4.
        seed: draws the Ising configurations and trains the classifier on them.

    Raises:
        ValueError: real values, no positions, no straight square torus, or sides that
            cannot be pooled twice.
    """
    return classifier_reading(level, seed=seed).temperature


def classifier_reading(
    level: Ensemble, *, seed: int, progress: Progress | None = None
) -> ClassifierReading:
    """The temperature of a level by classifier, beside the two of `temperatures`.

    The couplings that the classifier learns go by a quarter beyond what those two read.

    Args:
        level: ±1 spins on a square torus with sides that are multiples of 4.
        seed: draws the Ising configurations and trains the classifier on them.
        progress: called with the couplings sampled and epochs trained, and their sum.

    Raises:
        ValueError: as `classifier_temperature`.
    """
    others = temperatures(level)
    rows, columns = level.grid.shape
    couplings = _around(float(others.energy.value), float(others.coupling.value))
    thermometer = calibrated(
        (rows, columns), couplings, seed=seed, draws=DRAWS, progress=progress
    )
    found = thermometer.temperature(level)
    return ClassifierReading(
        temperature=found,
        others=others,
        above_energy=found - others.energy,
        above_coupling=found - others.coupling,
        span=thermometer.span,
        beyond=thermometer.beyond(level),
        shape=(rows, columns),
    )


def calibrated(
    shape: tuple[int, int],
    couplings: Sequence[float],
    *,
    seed: int,
    draws: int,
    settings: Practice | None = None,
    progress: Progress | None = None,
) -> ClassifierThermometer:
    """A classifier of Ising configurations that reads theirs without bias.

    Args:
        shape: of the torus, sides multiples of 4.
        couplings: of its classes, increasing, from 0 up.
        seed: draws the configurations and trains the network.
        draws: configurations at every coupling, of which a quarter is trained with.
        settings: how to train.
        progress: called with the couplings sampled and epochs trained, and their sum.

    Raises:
        ValueError: sides that cannot be pooled twice, couplings that do not increase,
            or a network that does not tell neighbouring couplings apart.
    """
    check_lattice(shape)
    ks = [float(k) for k in couplings]
    if min(ks, default=0) <= 0 or sorted(set(ks)) != ks:
        raise ValueError(
            f"a thermometer is calibrated at increasing couplings above 0, got {ks}"
        )
    settings = settings or Practice()
    tell = progress or (lambda done, total: None)
    total = len(ks) + settings.epochs
    lessons, others = [], []
    for place, k in enumerate(ks):
        lesson, other = _ising(shape, k, draws, subseed(seed, "ising", place))
        lessons.append(lesson)
        others.append(other)
        tell(place + 1, total)
    network = train_classifier(
        lessons,
        settings=settings,
        seed=subseed(seed, "classifier"),
        progress=lambda done, _: tell(len(ks) + done, total),
    )
    curve = tuple(_mean_coupling(network, other) for other in others)
    if np.any(np.diff([float(point.value) for point in curve]) <= 0):
        raise ValueError(
            f"a classifier of {len(ks)} couplings from {ks[0]:.4g} to {ks[-1]:.4g} "
            "does not tell neighbouring ones apart; take fewer, or more draws"
        )
    tell(total, total)
    return ClassifierThermometer(network, curve)


def _ising(
    shape: tuple[int, int], coupling: float, draws: int, seed: int
) -> tuple[Ensemble, ...]:
    """Chains to train with and chains to calibrate with."""
    drawn = sample(
        Ising(shape),
        coupling=coupling,
        draws=draws,
        chains=CHAINS,
        seed=seed,
        workers=1,
    )
    return drawn.split(*SHARES)


def _mean_coupling(network: Classifier, ensemble: Ensemble) -> Estimate:
    couplings = np.array(network.couplings)

    def observe(values: np.ndarray) -> tuple[np.ndarray]:
        return (network.probabilities(values).mean(0) @ couplings,)

    return jackknife(observe, lambda mean: mean, ensemble)


def _around(*found: float) -> list[float]:
    """Couplings around temperatures that were read, in equal ratios.

    >>> [round(k, 3) for k in _around(2.0, 2.5)][::5]
    [0.32, 0.447, 0.625]
    """
    finite = [t for t in found if not np.isnan(t)]
    # Aligned spins are at T = 0; what is not ferromagnetic is hotter than all classes.
    ks = [LOWEST if t < 0 else HIGHEST if t * HIGHEST < 1 else 1 / t for t in finite]
    low = min(max(min(ks, default=LOWEST) / MARGIN, LOWEST), HIGHEST / AT_LEAST)
    high = max(min(max(ks, default=HIGHEST) * MARGIN, HIGHEST), LOWEST * AT_LEAST)
    return np.geomspace(low, high, CLASSES).tolist()
