"""Fig. 3: the loss of the thermometer network, and what its readings are worth.

The paper has both losses, of training and of validation, converge "very close to zero"
after 3000 epochs. The energy is a sufficient statistic of the temperature, so that with
60 temperatures alike likely no reading of a configuration loses less than

    H(T|E) = -(1/60) Σ_T Σ_E p(E|T) ln p(T|E),    p(T|E) = p(E|T)/Σ_T' p(E|T'),

and none names the label more often than (1/60) Σ_E max_T p(E|T): both exact by the
density of states of 10×10. A thermometer that knows nothing but |M|, one table of
counts, stands beside the network.

A network that is asked for a temperature names one. What it says of configurations that
have none is read beside the two thermometers that can disagree, the inverted energy and
the fitted coupling (`kadanoff.instruments.thermometer`).
"""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from kadanoff.experiments.demellokoch2020 import thermometer
from kadanoff.experiments.demellokoch2020.fig_3.inputs import shown_to
from kadanoff.experiments.demellokoch2020.fig_3.pictures import draw
from kadanoff.experiments.demellokoch2020.fig_3.scores import (
    SHAPE,
    bayes_law,
    losses,
    scored,
    tables,
)
from kadanoff.experiments.demellokoch2020.fig_3.verdicts import (
    checks,
    near_zero,
    of_no_temperature,
    what_is_lost,
)
from kadanoff.experiments.demellokoch2020.thermometer import (
    Calibration,
    calibrated,
    calibration_data,
)
from kadanoff.experiments.exhibit import Exhibit, Work

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "Settings",
    "checks",
    "compute",
    "draw",
    "near_zero",
    "of_no_temperature",
    "what_is_lost",
]


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        calibration: data and training of each thermometer.
        trainings: thermometers, which differ in the weights they start from.
        read: configurations of each input that a thermometer is shown.
        chains: of each input; from the sampler's table if not given.
    """

    calibration: Calibration
    trainings: int
    read: int
    chains: int | None = None


FAST = Settings(thermometer.FAST, trainings=2, read=512, chains=16)
FULL = Settings(thermometer.FULL, trainings=5, read=8192)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Train the thermometers, score them, show them what has no temperature."""
    train, validate = calibration_data(work, SHAPE, settings.calibration)
    trained = [
        calibrated(work, SHAPE, settings.calibration, number=k)
        for k in range(settings.trainings)
    ]
    law = bayes_law()
    return xr.merge(
        [
            losses(trained),
            scored(trained, train, validate, law),
            tables(trained, validate, law),
            shown_to(trained, law, work, settings.read, settings.chains),
        ]
    ).assign_attrs(trainings=settings.trainings, draws=settings.calibration.draws)


EXHIBIT = Exhibit(
    name="fig_3",
    title="Fig. 3: a network as thermometer",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
