"""Which features of a small network survive its depth, and who decides?

The essay: in each convolutional cycle unimportant features are discarded and important
ones kept, as coarse-graining tells relevant parameters from irrelevant ones. Networks
of three steps learn noisy handwritten digits with a checkerboard (`digits`), or do not,
or are asked for something else in the same inputs (`digit_networks`). A small change of
pixels has at each level a size R in units of the signal's spread; it survives where the
last level has as large a share of the signal as the first (`survival`), and what does
not survive should be what can be left out (`pruning`).

If scale decided, as it does for block averages, what survives would be the same
whatever a network is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from kadanoff.experiments.exhibit import Exhibit, Work
from kadanoff.experiments.studies import attributes_of, complete
from kadanoff.experiments.zoomout.digit_networks import (
    ARMS,
    DIGITS,
    KERNEL_ARMS,
    Settings,
    accuracy,
    answers,
    trained,
)
from kadanoff.experiments.zoomout.digits import GROUPS, Digits, signs
from kadanoff.experiments.zoomout.features_checks import checks
from kadanoff.experiments.zoomout.features_page import draw
from kadanoff.experiments.zoomout.pruning import ORDERS, REMOVED, lost, ranked
from kadanoff.experiments.zoomout.survival import (
    ENDS,
    KERNELS,
    LEVELS,
    PLACES,
    kernel_responses,
    mean_response,
    metrics,
    over_trainings,
    responses,
    shares,
)
from kadanoff.networks.products import full_products, one_thread
from kadanoff.randomness import generator
from kadanoff.runs import Run

__all__ = ["EXHIBIT", "FAST", "FULL", "Trial", "compute", "readings"]

VERSION = 1  # of a training's run: raise it when readings change
PARTS = ("noise", "digit", "sign")
MISSING = (
    "The digits are those of scikit-learn, which is not installed here; pip install "
    "scikit-learn, and run again."
)

FAST = Settings(
    seeds=3,
    epochs=4,
    learn=480,
    read=40,
    judged=300,
    maps=(8, 16, 32),
    rate=0.01,
    batch=30,
)
FULL = Settings(seeds=12, epochs=30)


@dataclass(frozen=True)
class Trial:
    """One training of one arm."""

    settings: Settings
    arm: str
    number: int
    seed: int

    def run(self, root: Path) -> Run:
        """Where its readings are kept."""
        about = asdict(self)
        del about["settings"]["seeds"]  # more of them leave this one as it is
        return Run.of(root, step="features", version=VERSION, settings=about)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Survival by arm, training, level and direction, and what pruning costs."""
    if not settings.at_hand:
        return xr.Dataset(attrs={"missing": MISSING})
    # Arms of one number share split, noise and first weights, and differ in the arm.
    trials = [
        Trial(settings, arm, n, work.subseed("training", n))
        for n in range(settings.seeds)
        for arm in ARMS
    ]
    digits = Digits.load(settings.noise, settings.pattern)
    complete(
        trials,
        lambda trial, runs: readings(trial, digits),
        runs=work.runs,
        progress=work.progress("feature trainings"),
    )
    read = {(t.arm, t.number): t.run(work.runs).summary for t in trials}
    return _dataset(read, settings, digits, generator(work.subseed("pictures")))


def readings(trial: Trial, digits: Digits) -> dict[str, Any]:
    """What is kept of a training: sizes of changes, parts of variance, accuracies."""
    with one_thread(), full_products():
        return _read(trial, digits)


def _read(trial: Trial, digits: Digits) -> dict[str, Any]:
    settings = trial.settings
    order = generator(trial.seed, "split").permutation(len(digits.labels))
    learned, unseen = order[: settings.learn], order[settings.learn :]
    network = trained(settings, trial.arm, digits, learned, seed=trial.seed).double()
    rng = generator(trial.seed, "unseen")
    sign = signs(len(unseen), rng)
    x, again = (digits.seen(unseen, sign, rng).double() for _ in range(2))
    labels = digits.labels[unseen]
    M = metrics(network, x[: settings.read])
    with torch.no_grad():
        parts = shares(network(x), network(again), [labels, sign])
    found: dict[str, Any] = {
        "accuracy": accuracy(network, x, answers(trial.arm, labels, sign)),
        "response": responses(M, digits.basis),
        "group": np.stack([mean_response(M, digits.group(g)) for g in GROUPS]),
        "linear": np.einsum("lij,ji->l", M, digits.covariance),
        "parts": parts.T,
    }
    if trial.arm in KERNEL_ARMS:
        for step, name in enumerate(KERNELS):
            sizes = kernel_responses(network, step, x[: settings.read])
            found[name] = sizes[-2:] / sizes[0]
    if trial.arm == DIGITS:
        lesson = digits.seen(learned, signs(len(learned), rng), rng)
        places = ranked(network, lesson[: settings.read].double(), digits)
        some = slice(settings.judged)
        found["lost"] = lost(
            network.float(), x[some].float(), labels[some], places, rng=rng
        )
    return found


def _dataset(
    read: dict[tuple[str, int], dict[str, Any]],
    settings: Settings,
    digits: Digits,
    rng: np.random.Generator,
) -> xr.Dataset:
    seeds = range(settings.seeds)

    def table(name: str, arms: Sequence[str] = ARMS) -> np.ndarray:
        return np.array([[read[arm, n][name] for n in seeds] for arm in arms])

    group = table("group")  # (arm, seed, group, level)
    size = _ratio(group, group[..., :1])
    step = _ratio(group[..., 1:], group[..., :-1])
    part, right = table("parts"), table("accuracy")
    cost = table("lost", [DIGITS])
    data: dict[str, Any] = {
        "response": (("arm", "seed", "level", "direction"), table("response")),
        "size": (("arm", "seed", "group", "level"), size),
        "step": (("arm", "seed", "group", "to"), step),
        "part": (("arm", "seed", "source", "level"), part),
        "linear": (("arm", "seed", "level"), table("linear")),
        "loss": (("seed", "place", "order", "removed"), cost[0]),
        "variance": (("direction",), digits.variance),
    }
    for name in KERNELS:
        found = table(name, KERNEL_ARMS)
        data[name] = (("kernel_arm", "seed", "end", f"{name}_direction"), found)
    data |= _averaged("survival", ("arm", "group"), size[..., -1])
    data |= _averaged("growth", ("arm", "group", "to"), step)
    data |= _averaged("share", ("arm", "source", "level"), part)
    data |= _averaged("accuracy", ("arm",), right)
    data |= _averaged("lost", ("of", "place", "order", "removed"), cost)
    data |= {
        name: (("image", f"row {name}", f"column {name}"), view)
        for name, view in digits.views(rng).items()
    }
    coordinates = {
        "arm": list(ARMS),
        "of": [DIGITS],
        "seed": list(seeds),
        "level": list(LEVELS),
        "to": list(LEVELS[1:]),
        "group": list(GROUPS),
        "source": list(PARTS),
        "place": list(PLACES),
        "order": list(ORDERS),
        "removed": list(REMOVED),
        "kernel_arm": list(KERNEL_ARMS),
        "end": list(ENDS),
    }
    return xr.Dataset(data, coordinates, attributes_of(settings))


def _ratio(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Not a number where nothing was left before."""
    before = np.broadcast_to(before, after.shape)
    gone = np.full(after.shape, np.nan)
    return np.divide(after, before, out=gone, where=before > 0)


def _averaged(name: str, axes: tuple[str, ...], values: np.ndarray) -> dict[str, Any]:
    """The mean over seeds, the second axis, and its error."""
    mean = over_trainings(np.moveaxis(values, 1, 0))
    return {name: (axes, mean.value), f"{name}_error": (axes, mean.error)}


EXHIBIT = Exhibit(
    name="features",
    title="Features that survive the depth",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
