"""What became of the claims on the thermometer network."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr

from kadanoff.estimate import parenthesised
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES
from kadanoff.experiments.demellokoch2020.decided import (
    SIGMAS,
    above,
    all_of,
    below,
    status_of,
    within,
)
from kadanoff.experiments.demellokoch2020.fig_3.inputs import (
    AVERAGE,
    CRITICAL,
    FITTING,
    MIXTURE,
    SHUFFLED,
)
from kadanoff.experiments.exhibit import Check, Status, pair, shown

__all__ = [
    "Losses",
    "NoTemperature",
    "best_epoch",
    "checks",
    "near_zero",
    "of_no_temperature",
    "over_trainings",
    "what_is_lost",
]

LITTLE = 0.1
"""Nats: what may be called very close to zero."""
AS_GOOD = 0.05
"""Nats above the exact reading that are none to speak of, a sixtieth of its loss."""
CALIBRATED = 0.02
"""Largest probability less share of right labels that is none to speak of."""
MORE_DOUBT = 0.1
"""Nats of entropy that a reader would notice."""
SPACING = TEMPERATURES[1] - TEMPERATURES[0]
WITHOUT = (FITTING, MIXTURE, SHUFFLED, AVERAGE)
"""Inputs without a temperature: three that share the energy or the spins of the magnet
at T_c, and block averages of it, whose values are none of a magnet's."""


@dataclass(frozen=True)
class Losses:
    """Cross-entropies in nats: the exact floor, the network's, and its error."""

    floor: float
    loss: float
    error: float


@dataclass(frozen=True)
class NoTemperature:
    """What is said of configurations that have no temperature.

    Attributes:
        input: their name.
        named: the network's temperature.
        named_error: of it.
        apart: temperature by energy less that by coupling, 0 of a magnet; NaN where
            the values are none of a magnet's and neither is defined.
        apart_error: of it.
        doubts: whether the network's entropy tells them from every magnet shown; None
            where errors do not decide, or where `apart` is not seen.
    """

    input: str
    named: float
    named_error: float
    apart: float
    apart_error: float
    doubts: bool | None


def what_is_lost(dataset: xr.Dataset) -> Losses:
    """The least loss that any reading can have, and what the network has."""
    return Losses(float(dataset.floor), *pair(dataset, "loss"))


def near_zero(dataset: xr.Dataset) -> bool | None:
    """Whether the loss of validation is very close to zero; None if not decided."""
    return below(*pair(dataset, "loss"), LITTLE)


def of_no_temperature(dataset: xr.Dataset) -> list[NoTemperature]:
    """What the network and the two other thermometers say of such inputs."""
    return [_of_input(dataset, name) for name in WITHOUT]


def checks(dataset: xr.Dataset) -> list[Check]:
    """What became of the loss, the probabilities, and the reading itself."""
    return [
        _check_of_loss(dataset),
        _check_of_learning(dataset),
        _check_of_probabilities(dataset),
        _check_of_readings(dataset),
        _check_of_validity(dataset),
    ]


def _check_of_loss(dataset: xr.Dataset) -> Check:
    training, error = over_trainings(dataset.training_loss.isel(epoch=-1))
    best, of_best, epoch = best_epoch(dataset)
    floor = float(dataset.floor)
    less = below(training, error, floor)
    by_heart = "; what training loses less it knows by heart" if less else ""
    return Check(
        claim="The loss converges very close to zero in training and validation.",
        paper="“very close to zero” after 3000 epochs; no number",
        ours=f"validation {shown(dataset, 'loss')}, at its best "
        f"{parenthesised(best, of_best)} (epoch {epoch:.0f}, which the same data "
        f"choose: too low, if anything), training {parenthesised(training, error)} "
        "nats",
        status=status_of([near_zero(dataset)]),
        reason=f"near zero would be below {LITTLE:g}; no reading of a configuration "
        f"loses less than H(T|E) = {floor:.4f} nats in the mean, exactly: neighbouring "
        "labels share their energies" + by_heart,
    )


def best_epoch(dataset: xr.Dataset) -> tuple[float, float, float]:
    """The least validation loss with its error, and its epoch, mean over trainings."""
    least, epochs = (
        dataset.validation_loss.min("epoch"),
        dataset.validation_loss.idxmin("epoch"),
    )
    return *over_trainings(least), float(epochs.mean())


def over_trainings(values: xr.DataArray) -> tuple[float, float]:
    """Mean over trainings and the error by their spread; NaN of one training."""
    n = values.sizes["run"]
    error = float(values.std("run", ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    return float(values.mean("run")), error


def _check_of_learning(dataset: xr.Dataset) -> Check:
    as_good = below(*pair(dataset, "excess"), AS_GOOD)
    gain, error = pair(dataset, "network_less_size")
    beats = below(gain, error, 0.0)
    if as_good is False:
        status = {True: Status.PARTLY, False: Status.NOT, None: Status.OPEN}[beats]
    else:
        status = status_of([as_good])
    than = {
        True: "less than",
        False: "more than",
        None: "more or less than, undecided,",
    }
    return Check(
        claim="The network has learned to read the temperature off a configuration.",
        paper="said of its convergence; no number",
        ours=f"{shown(dataset, 'excess')} nats above the exact reading of the same "
        f"configurations, right labels {shown(dataset, 'accuracy')} against "
        f"{shown(dataset, 'accuracy_bayes')}",
        status=status,
        reason=f"as good would be less than {AS_GOOD:g} nats above; it loses "
        f"{parenthesised(abs(gain), error)} nats {than[beats]} a table that knows only "
        "|M|; its mean temperature follows that of the energy by "
        f"{shown(dataset, 'weight_energy')} and that of |M| by "
        f"{shown(dataset, 'weight_size')}, the exact one by 1 and 0",
    )


def _check_of_probabilities(dataset: xr.Dataset) -> Check:
    bold, error = pair(dataset, "boldness")
    calibrated = within(bold, error, CALIBRATED)
    words = {
        True: "the label that the network prefers is right as often as it says",
        False: "the label that the network prefers is right "
        + ("less" if bold > 0 else "more")
        + " often than it says",
        None: "the errors do not decide whether the network is right as often as it "
        "says; more configurations would",
    }
    return Check(
        claim="The outputs can be interpreted as probabilities of the temperatures.",
        paper="stated",
        ours="largest probability less share of right labels "
        f"{shown(dataset, 'boldness')}; of the exact reading "
        f"{shown(dataset, 'boldness_bayes')}",
        status=status_of([calibrated]),
        reason=f"{words[calibrated]} (to {CALIBRATED:g})",
    )


def _check_of_readings(dataset: xr.Dataset) -> Check:
    """Against the exact reading: the truth is not what the most probable label is."""
    known = _magnets(dataset)
    best = {n: float(dataset.best.sel(input=n)) for n in known}
    found = {n: pair(dataset, "network", input=n) for n in known}
    near = [within(v - best[n], e, SPACING) for n, (v, e) in found.items()]
    truth = {n: float(dataset.truth.sel(input=n)) for n in known}
    exact = ", ".join(f"{best[n]:.3f} at {truth[n]:.3f}" for n in known)
    off = max(abs(best[n] - truth[n]) for n in known)
    agree = sum(n is True for n in near)
    return Check(
        claim="The most probable output measures the temperature of the magnet.",
        paper="used throughout; no number",
        ours="; ".join(f"{n}: {shown(dataset, 'network', input=n)}" for n in known),
        status=status_of(near),
        reason=f"at {agree} of {len(near)} temperatures it lies within one label, "
        f"{SPACING:g}, of the exact reading, the most probable temperature at the "
        f"configuration's energy; the mean of that is {exact}, up to {off:.2f} off the "
        "truth although no reading knows more",
    )


def _of_input(dataset: xr.Dataset, name: str) -> NoTemperature:
    apart, error = pair(dataset, "spread", input=name)
    seen = math.isnan(apart) or abs(apart) > max(SPACING, SIGMAS * error)
    doubts = _doubts(dataset, name) if seen else None
    return NoTemperature(
        name, *pair(dataset, "network", input=name), apart, error, doubts
    )


def _doubts(dataset: xr.Dataset, name: str) -> bool | None:
    """Whether the entropy is above that of every magnet shown.

    Where configurations hardly change with the temperature neighbouring labels are
    alike and the entropy is large: a magnet's own depends on its temperature.
    """
    doubt, of_doubt = pair(dataset, "doubt", input=name)
    usual = [pair(dataset, "doubt", input=magnet) for magnet in _magnets(dataset)]
    return all_of(
        above(doubt - value, math.hypot(of_doubt, error), MORE_DOUBT)
        for value, error in usual
    )


def _magnets(dataset: xr.Dataset) -> list[str]:
    """The inputs that have a temperature."""
    names = (str(name) for name in dataset.input.values)
    return [n for n in names if np.isfinite(dataset.truth.sel(input=n))]


def _check_of_validity(dataset: xr.Dataset) -> Check:
    found = of_no_temperature(dataset)
    words = {True: "it doubts more", False: "it gives no sign", None: "undecided"}
    usual = ", ".join(
        f"{shown(dataset, 'doubt', input=magnet)} of {magnet}"
        for magnet in _magnets(dataset)
    )
    return Check(
        claim="Where configurations have no temperature the network says so by its "
        "doubt.",
        paper="assumed where flows are said to arrive at T_c; not tested",
        ours="named "
        + "; ".join(
            f"{parenthesised(one.named, one.named_error)} of {one.input}, where "
            f"{_why_none(one)}"
            for one in found
        )
        + f"; {shown(dataset, 'network', input=CRITICAL)} of the magnet at T_c",
        status=status_of(one.doubts for one in found),
        reason=f"an entropy more than {MORE_DOUBT:g} nats above those of all magnets "
        f"shown, {usual}, would be a sign, three errors included: "
        + "; ".join(
            f"{one.input} {shown(dataset, 'doubt', input=one.input)}, "
            f"{words[one.doubts]}"
            for one in found
        ),
    )


def _why_none(one: NoTemperature) -> str:
    """What says that an input has no temperature."""
    if math.isnan(one.apart):
        return "neither energy nor coupling is defined, as its values are not ±1"
    apart = parenthesised(one.apart, one.apart_error)
    return f"the temperature by energy less that by coupling is {apart}"
