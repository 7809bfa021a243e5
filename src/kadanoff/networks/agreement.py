"""Is a machine in equilibrium what it is after the few steps of its training?

A training whose chains are shorter than the memory makes machines that are right after
as many steps as it took and wrong in equilibrium (Decelle, Furtlehner and Seoane 2021).
Three ensembles are compared, by the observables of `equilibrium`: the data, a run as
short as those of the training, and equilibrium.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, jackknife
from kadanoff.networks.equilibrium import equilibrated, observables, sentence_of
from kadanoff.networks.gibbs import gibbs
from kadanoff.networks.machine import Machine
from kadanoff.networks.products import one_thread
from kadanoff.networks.units import SPIN
from kadanoff.randomness import subseed

__all__ = ["Agreement", "agreement"]

CONTRADICTED = 4.0  # |z|, about 6e-5 each


@dataclass(frozen=True, eq=False)
class Agreement:
    """Three ensembles by observable: the data, a short run, and equilibrium.

    Attributes:
        steps: Gibbs steps of the short run.
        data: observable → its mean over the data.
        short: after the short run.
        equilibrium: in equilibrium.
        refusal: what contradicts the equilibrium of the last, None if nothing.
    """

    steps: int
    data: Mapping[str, Estimate]
    short: Mapping[str, Estimate]
    equilibrium: Mapping[str, Estimate]
    refusal: str | None

    @property
    def z_short(self) -> dict[str, float]:
        """(short − data) in standard errors, common chains allowed for."""
        return {name: _z(self.short[name] - x) for name, x in self.data.items()}

    @property
    def z_equilibrium(self) -> dict[str, float]:
        """(equilibrium − data) in standard errors."""
        return {name: _z(self.equilibrium[name] - x) for name, x in self.data.items()}

    @property
    def change(self) -> dict[str, float]:
        """(equilibrium − short) in standard errors: 0 of a machine in equilibrium."""
        pairs = ((n, self.equilibrium[n] - self.short[n]) for n in self.data)
        return {name: _z(difference) for name, difference in pairs}

    @property
    def out_of_equilibrium(self) -> bool:
        """Whether it is nearer the data after the short run than in equilibrium.

        In some observable, by more than 4 standard errors.
        """
        return self.refusal is not None or any(
            abs(z) > CONTRADICTED and self._nearer(name)
            for name, z in self.change.items()
        )

    @property
    def sentence(self) -> str:
        """The verdict with its largest reading."""
        if self.refusal is not None:
            return f"the machine was not seen in equilibrium: {self.refusal}"
        name = max(self.change, key=lambda n: abs(self.change[n]) * self._nearer(n))
        seen = (
            f"{name} is {self.data[name]} in the data, {self.short[name]} after "
            f"{self.steps} steps and {self.equilibrium[name]} in equilibrium"
        )
        if self.out_of_equilibrium:
            return f"out of equilibrium, nearer the data than the machine is: {seen}"
        if max(map(abs, self.z_equilibrium.values())) > CONTRADICTED:
            return f"in equilibrium as after a short run, and not the data: {seen}"
        return f"in equilibrium as after a short run: {seen}"

    def __str__(self) -> str:
        return self.sentence

    def _nearer(self, name: str) -> bool:
        goal = float(self.data[name].value)
        short, long = (float(x[name].value) for x in (self.short, self.equilibrium))
        return abs(short - goal) < abs(long - goal)


def agreement(
    machine: Machine,
    data: Ensemble,
    *,
    steps: int | None = None,
    start: Ensemble | None = None,
    equilibrium: Ensemble | None = None,
    seed: int,
    **sampling: Any,
) -> Agreement:
    """Whether a machine is in equilibrium what it is after the steps of its training.

    Args:
        machine: any machine.
        data: what it was trained on, or held out from it.
        steps: of the short run; the k of the last update, from the machine's notes,
            where not given.
        start: where the short run starts: the data, if not given, or the persistent
            chains of a training.
        equilibrium: from `equilibrated`, which draws one where none is given.
        seed: draws the short run and the equilibrium.
        sampling: settings of `equilibrated`.

    Raises:
        ValueError: no number of steps, or a layer that does not fit.
    """
    steps = _training_steps(machine) if steps is None else steps
    if steps < 1:
        raise ValueError(f"a short run makes at least 1 step, got {steps}")
    short = _after(machine, data if start is None else start, steps, seed)
    if equilibrium is None:
        settings = {"contradicted": "flag", **sampling}
        equilibrium = equilibrated(machine, data.geometry, seed=seed, **settings)
    return Agreement(
        steps=steps,
        data=_means(machine, data),
        short=_means(machine, short),
        equilibrium=_means(machine, equilibrium),
        refusal=sentence_of(equilibrium),
    )


def _after(machine: Machine, start: Ensemble, steps: int, seed: int) -> Ensemble:
    """The ensemble after a short run from `start`."""
    noise = torch.Generator(machine.W.device)
    noise.manual_seed(subseed(seed, "short run"))
    parts = []
    with one_thread():
        for chunk in start.chunks():
            v = gibbs(machine, machine.tensor(start.read(chunk)), steps, noise=noise)
            parts.append(v.cpu().numpy())
    values = np.concatenate(parts).reshape(start.chains, start.draws, *start.shape)
    alphabet = "pm1" if machine.visible_units == SPIN else "real"
    note = {"step": "gibbs", "steps": steps}
    return start.derived(values, start.geometry, alphabet, note)


def _means(machine: Machine, ensemble: Ensemble) -> dict[str, Estimate]:
    """The mean of every observable, from one pass."""
    names: list[str] = []

    def observe(values: np.ndarray) -> tuple[np.ndarray]:
        with torch.no_grad():
            found = observables(machine, machine.tensor(values), ensemble.geometry)
        names[:] = found
        return (np.array([x.mean() for x in found.values()]),)

    with one_thread():
        together = jackknife(observe, lambda mean: mean, ensemble)
    return {name: together[k] for k, name in enumerate(names)}


def _training_steps(machine: Machine) -> int:
    """The k of the last update, to which a rising k has come."""
    try:
        settings = machine.notes["settings"]
        return int(settings.get("k_last") or settings["k"])
    except (KeyError, TypeError):
        raise ValueError(
            "a short run needs its number of steps, and this machine does not know the "
            "k of its training; give steps=…"
        ) from None


def _z(difference: Estimate) -> float:
    value, error = float(difference.value), float(difference.error)
    if error > 0:
        return value / error
    return 0.0 if value == 0 else math.copysign(math.inf, value)
