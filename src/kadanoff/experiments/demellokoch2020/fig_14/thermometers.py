"""The temperature of a level by three thermometers, as couplings K = 1/T.

The exact energy of the lattice's own size, the nearest-neighbour coupling of greatest
pseudo-likelihood, and a classifier of Ising configurations of that size. K and not T,
since hot is then 0 and not infinite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from scipy.interpolate import PchipInterpolator
from scipy.stats import entropy

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.kaufman import coupling_at_energy, torus
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES
from kadanoff.experiments.exhibit import Work
from kadanoff.experiments.pieces import dataset
from kadanoff.instruments.couplings import fit_couplings
from kadanoff.instruments.thermodynamics import energy
from kadanoff.networks.classifier import Classifier
from kadanoff.runs import Run
from kadanoff.scorecard.thermometer import ClassifierThermometer, calibrated

__all__ = [
    "BREADTH",
    "COLD",
    "DIRECT",
    "HOT",
    "THERMOMETERS",
    "Reader",
    "by_energy",
    "classifier",
    "coupling_of",
    "direct",
    "no_number",
]

THERMOMETERS = ("energy", "couplings", "classifier")
DIRECT = THERMOMETERS[:2]
BREADTH = "breadth"
"""Of the answer of a classifier: e^H of its mean probabilities p, H their entropy. It
is 1 where all configurations get one class, and the number of classes where they get
all of them alike."""
HOT, COLD = 1 / TEMPERATURES[-1], 0.7
"""Couplings between which a classifier learns: T from 1.4 to 5.9, the last label of the
paper's thermometer. A level that is hotter or colder has no number by it."""


@dataclass(frozen=True)
class Reader:
    """The thermometers of every lattice; classifiers read what they are asked to.

    Attributes:
        of: shape → its classifier.
        inputs: temperatures put in whose levels classifiers read.
    """

    of: Callable[[tuple[int, ...]], ClassifierThermometer]
    inputs: tuple[float, ...]

    def estimates(self, level: Ensemble, t: float) -> dict[str, Estimate]:
        """K by every thermometer that reads these values.

        Args:
            level: what a map made.
            t: of the input.
        """
        found = direct(level) if level.alphabet == "pm1" else {}
        if t in self.inputs:
            thermometer = self.of(level.grid.shape)
            found["classifier"] = thermometer.temperature(level).map(lambda t: 1 / t)
            breadth = _breadth(_mean_probabilities(thermometer, level))
            found[BREADTH] = Estimate(np.array(breadth), {}, math.inf)
        return found

    def numbers(self, level: Ensemble, t: float) -> dict[str, float]:
        """The same of ±1 spins without errors: the spread over seeds tells them."""
        rows, columns = level.grid.shape
        found = {
            "energy": coupling_of((rows, columns), float(energy(level).value)),
            "couplings": float(fit_couplings(level)["nn"].value),
        }
        if t in self.inputs:
            thermometer = self.of((rows, columns))
            p = _mean_probabilities(thermometer, level)
            found["classifier"] = _on_the_curve(thermometer, p)
            found[BREADTH] = _breadth(p)
        return found


def direct(level: Ensemble) -> dict[str, Estimate]:
    """K of ±1 spins by the thermometers that learned nothing."""
    return {"energy": by_energy(level), "couplings": fit_couplings(level)["nn"]}


def by_energy(level: Ensemble) -> Estimate:
    """The inverse of the exact curve; its error by the slope, du/dK = -C/K²."""
    rows, columns = level.grid.shape
    found = energy(level)
    u = float(found.value)
    k = coupling_of((rows, columns), u)
    slope = -(k**2) / torus((rows, columns), k).heat_capacity if k > 0 else math.nan
    return found.map(lambda e: k + slope * (e - u))


def coupling_of(shape: tuple[int, int], e: float) -> float:
    """Not a number where all spins are aligned, or against their neighbours."""
    try:
        return coupling_at_energy(shape, e) if e > -2 else math.nan
    except ValueError:
        return math.nan


def _mean_probabilities(
    thermometer: ClassifierThermometer, level: Ensemble
) -> np.ndarray:
    values = level.values.reshape(-1, *level.shape)
    return thermometer.network.probabilities(values).mean(0)


def _breadth(p: np.ndarray) -> float:
    return math.exp(float(entropy(p)))


def _on_the_curve(thermometer: ClassifierThermometer, p: np.ndarray) -> float:
    """K on its curve, as `ClassifierThermometer.temperature` has it with an error."""
    couplings = np.array(thermometer.network.couplings)
    curve = np.array([float(point.value) for point in thermometer.curve])
    inverse = PchipInterpolator(curve, couplings, extrapolate=False)
    return float(inverse(p @ couplings))


def no_number() -> Estimate:
    """Of what was not read."""
    return Estimate(np.array(np.nan), {}, 0)


def classifier(
    side: int, classes: int, lessons: int, work: Work
) -> ClassifierThermometer:
    """The classifier of one lattice, kept as a run.

    Args:
        side: of the lattice, a multiple of 4.
        classes: couplings that it tells apart, from HOT to COLD.
        lessons: configurations at each, of which a quarter is learned from.
        work: seed and runs.
    """
    seed = work.subseed("thermometer", side)
    settings = {"side": side, "classes": classes, "lessons": lessons, "seed": seed}
    run = Run.of(
        work.runs,
        step="demellokoch2020-classifier",
        version=1,
        settings=settings | {"hot": HOT, "cold": COLD},
    )

    def made() -> xr.Dataset:
        return _written(
            calibrated(
                (side, side),
                np.geomspace(HOT, COLD, classes).tolist(),
                seed=seed,
                draws=lessons,
                progress=work.progress(f"classifier of {side}×{side}"),
            )
        )

    return _read(dataset(run, made)[0])


def _written(thermometer: ClassifierThermometer) -> xr.Dataset:
    """The weights, and the curve with its replicates: each point has its own chains."""
    network, curve = thermometer.network, thermometer.curve
    replicates = [next(iter(point.replicates.values())) for point in curve]
    weights: Mapping[str, np.ndarray] = {
        name: p.detach().numpy() for name, p in network.named_parameters()
    }
    axes = {name: [f"{name}:{k}" for k in range(w.ndim)] for name, w in weights.items()}
    return xr.Dataset(
        {
            **{name: (axes[name], w) for name, w in weights.items()},
            "curve": ("K", [float(point.value) for point in curve]),
            "curve_replicates": (("K", "block"), np.stack(replicates)),
            "n_eff": ("K", [point.n_eff for point in curve]),
            "lineage": ("K", [next(iter(point.replicates)) for point in curve]),
        },
        coords={"K": list(network.couplings)},
        attrs={"maps": list(network.maps)},
    )


def _read(kept: xr.Dataset) -> ClassifierThermometer:
    network = Classifier(
        kept["K"].values.tolist(), maps=[int(m) for m in kept.attrs["maps"]]
    )
    names = [name for name, _ in network.named_parameters()]
    network.load_state_dict({n: torch.tensor(kept[n].values) for n in names})
    curve = tuple(
        Estimate(
            kept["curve"].values[k],
            {str(kept["lineage"].values[k]): kept["curve_replicates"].values[k]},
            float(kept["n_eff"].values[k]),
        )
        for k in range(kept.sizes["K"])
    )
    return ClassifierThermometer(network.eval(), curve)
