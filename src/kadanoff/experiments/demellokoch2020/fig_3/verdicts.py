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
    below,
    status_of,
    within,
)
from kadanoff.experiments.demellokoch2020.fig_3.inputs import (
    CRITICAL,
    FITTING,
    MIXTURE,
    SHUFFLED,
)
from kadanoff.experiments.exhibit import Check, Status, shown

__all__ = [
    "Losses",
    "NoTemperature",
    "best_epoch",
    "checks",
    "near_zero",
    "of_no_temperature",
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
WITHOUT = (FITTING, MIXTURE, SHUFFLED)
"""Inputs without a temperature that share the energy or the spins of the magnet at T_c,
whose entropy is what the network's doubt of them is compared with."""


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
        apart: temperature by energy less that by coupling, 0 of a magnet.
        apart_error: of it.
        doubts: whether the network's entropy tells them from the magnet at T_c; None
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
    return Losses(float(dataset.floor), *_pair(dataset, "loss"))


def near_zero(dataset: xr.Dataset) -> bool | None:
    """Whether the loss of validation is very close to zero; None if not decided."""
    return below(*_pair(dataset, "loss"), LITTLE)


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
    training, (best, epoch) = float(dataset.training_end), best_epoch(dataset)
    floor = float(dataset.floor)
    by_heart = "; what training loses less it knows by heart" * (training < floor)
    return Check(
        claim="The loss converges very close to zero in training and validation.",
        paper="“very close to zero” after 3000 epochs; no number",
        ours=f"validation {shown(dataset, 'loss')}, at its best {best:.3f} (epoch "
        f"{epoch:.0f}), training {training:.3f} nats",
        status=status_of([near_zero(dataset)]),
        reason=f"near zero would be below {LITTLE:g}; no reading of a configuration "
        f"loses less than H(T|E) = {floor:.4f} nats in the mean, exactly: neighbouring "
        "labels share their energies" + by_heart,
    )


def best_epoch(dataset: xr.Dataset) -> tuple[float, float]:
    """The least validation loss and the epoch that has it, mean over trainings."""
    least = dataset.validation_loss.min("epoch")
    return float(least.mean()), float(dataset.validation_loss.idxmin("epoch").mean())


def _check_of_learning(dataset: xr.Dataset) -> Check:
    as_good = below(*_pair(dataset, "excess"), AS_GOOD)
    gain, error = _pair(dataset, "network_less_size")
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
    bold, error = _pair(dataset, "boldness")
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
    known = [
        str(n) for n in dataset.input.values if np.isfinite(dataset.truth.sel(input=n))
    ]
    best = {n: float(dataset.best.sel(input=n)) for n in known}
    found = {n: _pair(dataset, "network", n) for n in known}
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
    apart, error = _pair(dataset, "spread", name)
    doubt, of_doubt = _pair(dataset, "doubt", name)
    usual, of_usual = _pair(dataset, "doubt", CRITICAL)
    more = doubt - usual, math.hypot(of_doubt, of_usual)
    same = below(*more, MORE_DOUBT)
    seen = abs(apart) > max(SPACING, SIGMAS * error)
    doubts = None if same is None or not seen else not same
    return NoTemperature(name, *_pair(dataset, "network", name), apart, error, doubts)


def _check_of_validity(dataset: xr.Dataset) -> Check:
    found = of_no_temperature(dataset)
    words = {True: "it doubts more", False: "it gives no sign", None: "undecided"}
    usual = shown(dataset, "doubt", input=CRITICAL)
    return Check(
        claim="Where configurations have no temperature the network says so by its "
        "doubt.",
        paper="assumed where flows are said to arrive at T_c; not tested",
        ours="named "
        + "; ".join(
            f"{parenthesised(one.named, one.named_error)} of {one.input}, where the "
            "temperature by energy less that by coupling is "
            f"{parenthesised(one.apart, one.apart_error)}"
            for one in found
        )
        + f"; {shown(dataset, 'network', input=CRITICAL)} of the magnet at T_c",
        status=status_of(one.doubts for one in found),
        reason=f"more than {MORE_DOUBT:g} nats of entropy beyond the {usual} on the "
        "magnet at T_c would be a sign: "
        + "; ".join(
            f"{one.input} {shown(dataset, 'doubt', input=one.input)}, "
            f"{words[one.doubts]}"
            for one in found
        ),
    )


def _pair(dataset: xr.Dataset, name: str, at: str | None = None) -> tuple[float, float]:
    """A reading and its error, of one input where it has them."""
    one = dataset if at is None else dataset.sel(input=at)
    value, error = one[name], one[f"{name}_error"]
    return float(value), float(error)
