"""Configurations of a trained machine that are in equilibrium, or a sentence why not.

Gibbs chains v → h → v, every second one started from random units and the others from
all up and all down in turn, run until their memory is known, and are recorded two
memories apart. Whether they contradict equilibrium is asked of

    energy        −(1/N) Σ_<ij> v_i v_j of the lattice, where the layer has one,
    abs_m         |Σ_i v_i|/N, and m itself where the machine tells up from down,
    free_energy   F(v)/N of the machine,

by the tests of `samplers.certificate`.

Long memories are shortened by replica exchange with chains at higher temperatures
(`ladder`).
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from kadanoff.autocorrelation import gelman_rubin, integrated_time
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Geometry, Grid
from kadanoff.networks.ladder import Exchanges, walked
from kadanoff.networks.machine import Machine
from kadanoff.networks.path import Law, Path
from kadanoff.networks.products import one_thread
from kadanoff.networks.units import SPIN
from kadanoff.randomness import generator, subseed
from kadanoff.samplers.certificate import certify

__all__ = ["equilibrated", "observables", "sentence_of"]

PILOT = 64  # steps of the first pilot
MEMORIES = 40  # of the pilot, for its τ to be believed
MOST_STEPS = 1 << 13  # of a pilot
FEWEST_CHAINS = 8  # four hot and four cold ones, for a t test
ROUNDING = 1e-5  # relative, of sums in single precision


@torch.no_grad()
def observables(
    machine: Machine, v: Tensor, visible: Geometry
) -> dict[str, np.ndarray]:
    """What must have equilibrated, per site, `(n,)` each, of `(n, *lattice)` units.

    Args:
        machine: any machine.
        v: visible units.
        visible: their layer; neighbours are those along its basis, if it has one.
    """
    sites = math.prod(v.shape[1:])
    m = v.flatten(1).mean(1)
    found = {"abs_m": m.abs(), "free_energy": machine.free_energy(v) / sites}
    if isinstance(visible, Grid) and len(visible.cell) == 1:
        bonds = [v * v.roll(-1, axis) for axis in range(1, v.ndim)]
        found["energy"] = -torch.stack(bonds).sum(0).flatten(1).mean(1)
    if _tells_up_from_down(machine):
        found["m"] = m
    return {name: x.double().cpu().numpy() for name, x in found.items()}


def equilibrated(
    machine: Machine,
    visible: Geometry | None = None,
    *,
    chains: int = 64,
    draws: int = 32,
    spacing: int | None = None,
    ladder: Sequence[float] = (1.0,),
    seed: int,
    device: str = "cpu",
    most_steps: int = MOST_STEPS,
    contradicted: Literal["refuse", "flag"] = "refuse",
) -> Ensemble:
    """Configurations of the machine's own law, drawn by chains started hot and cold.

    A pilot is made longer until it is 40 memories long; it is left out. What was
    found is in the last note of the history: spacing, burn-in and pilot in steps, and
    under `equilibrium` τ in draws, R̂ and the p-values of the tests by observable. A
    configuration has no model: a machine is what it has learned.

    Args:
        machine: any machine.
        visible: the visible layer, for weights that fit many.
        chains: at least 8, even ones started from random units, odd ones ordered.
        draws: recorded of each chain.
        spacing: steps between draws; twice the slowest τ where not given.
        ladder: inverse temperatures of replica exchange, ascending to 1, see
            `ladder.inverse_temperatures`; 1 alone is plain Gibbs sampling.
        seed: draws everything.
        device: where to compute, `cpu` or `cuda`.
        most_steps: of the pilot; a memory that it does not hold is a contradiction.
        contradicted: `refuse` chains that contradict equilibrium, or `flag` them: the
            note then has an entry `out_of_equilibrium`, the sentence of the refusal.

    Raises:
        ValueError: a layer that does not fit, too few chains or draws, a bad ladder;
            chains that contradict equilibrium, unless they are to be flagged.
    """
    _check(chains, draws, spacing, contradicted)
    fine = machine.visible_geometry(visible)
    betas = _checked(ladder)
    machine = copy.deepcopy(machine).to(device)
    noise = torch.Generator(device).manual_seed(subseed(seed, "equilibrium"))
    v = _starts(machine, fine, chains, seed)
    v = v.expand(len(betas), *v.shape)
    path = Path.of_temperature(machine, fine.lattice)
    rungs = [path.at(beta) for beta in betas]
    none = np.zeros(len(betas) - 1)
    walk = _Walk(machine, rungs, v, noise, Exchanges(none, none))
    with one_thread(), torch.no_grad():
        pilot, tau = _pilot(walk, fine, most_steps)
        # A memory longer than the pilot is not waited for, but contradicted below.
        spacing = spacing or math.ceil(2 * min(tau, pilot / MEMORIES))
        kept, series = [], []
        for _ in range(draws):
            v = walk.steps(spacing)
            kept.append(v.cpu().numpy())
            series.append(observables(machine, v, fine))
    values = np.stack(kept, axis=1)
    alphabet = "pm1" if machine.visible_units == SPIN else "real"
    if alphabet == "pm1":
        values = values.astype(np.int8)
    certificate, sentence = _judged(_joined(series), pilot, tau, spacing)
    if sentence is not None and contradicted == "refuse":
        raise ValueError(sentence)
    note: dict[str, Any] = {
        "step": "gibbs",
        "machine": machine.describe(),
        "seed": int(seed),
        "chains": chains,
        "draws": draws,
        "spacing": spacing,
        "burn_in": pilot,
        "pilot_tau": tau,
        "equilibrium": certificate,
    }
    if len(betas) > 1:
        note["ladder"] = list(betas)
        note["exchanged"] = walk.exchanges.share.tolist()
    if sentence is not None:
        note["out_of_equilibrium"] = sentence
    tau_in_draws = max(certificate["tau"].values())
    found = Ensemble.from_values(values, fine, alphabet=alphabet, history=(note,))
    return replace(found, tau=tau_in_draws)


def sentence_of(ensemble: Ensemble) -> str | None:
    """Why an ensemble that `equilibrated` drew is not in equilibrium; None where it is.

    Args:
        ensemble: from `equilibrated`, or made of such a one.
    """
    notes = (note.get("out_of_equilibrium") for note in ensemble.history)
    return next((note for note in notes if note is not None), None)


@dataclass(eq=False)
class _Walk:
    """The chains of one run, `(rung, chain, *lattice)`, and what moves them."""

    machine: Machine
    rungs: list[Law]
    v: Tensor
    noise: torch.Generator
    exchanges: Exchanges

    def steps(self, number: int) -> Tensor:
        """The units at β = 1 after so many steps, `(chain, *lattice)`."""
        self.v, more = walked(self.rungs, self.v, number, self.noise)
        self.exchanges += more
        return self.v[-1]


def _pilot(walk: _Walk, fine: Geometry, most_steps: int) -> tuple[int, float]:
    """Steps of a run that holds 40 of its memories, or the longest; and τ in steps."""
    series: list[dict[str, np.ndarray]] = []
    wanted = min(PILOT, most_steps)
    while True:
        while len(series) < wanted:
            series.append(observables(walk.machine, walk.steps(1), fine))
        # The first half is still on its way from the starts.
        late = _joined(series[wanted // 2 :])
        tau = max(integrated_time(x)[0] for x in late.values())
        if wanted >= MEMORIES * tau or wanted >= most_steps:
            return wanted, tau
        wanted = min(2 * wanted, most_steps)


def _judged(
    series: dict[str, np.ndarray], pilot: int, tau: float, spacing: int
) -> tuple[dict[str, Any], str | None]:
    """The certificate, and the sentence of what contradicts equilibrium, if anything.

    A contradiction ends the tests; then τ and R̂ alone are known.
    """
    advice = "of a machine's Gibbs chains; run longer, or give a ladder of tempering"
    try:
        found = certify(series, burn_in=pilot / spacing, advice=advice)
    except ValueError as refusal:
        known = {
            "tau": {name: integrated_time(x)[0] for name, x in series.items()},
            "r_hat": {name: gelman_rubin(x) for name, x in series.items()},
        }
        return known, str(refusal)
    if pilot < MEMORIES * tau:
        return found, (
            f"a pilot holds at least {MEMORIES} memories, got {pilot} steps and a "
            f"memory of {tau:.3g} {advice}"
        )
    return found, None


def _joined(series: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Observable → `(chain, draw)`; what differs by rounding alone is a constant."""
    joined = {name: np.stack([x[name] for x in series], axis=1) for name in series[0]}
    return {
        name: np.full_like(x, x.mean()) if np.ptp(x) < ROUNDING * abs(x).max() else x
        for name, x in joined.items()
    }


def _starts(machine: Machine, fine: Geometry, chains: int, seed: int) -> Tensor:
    """Random units and all up or all down in turn, `(chain, *lattice)`."""
    rng = generator(seed, "starts")
    form = (chains, *fine.lattice)
    spins = machine.visible_units == SPIN
    hot = rng.choice([-1.0, 1.0], form) if spins else rng.standard_normal(form)
    hot[1::4], hot[3::4] = 1.0, -1.0
    return machine.tensor(hot)


def _tells_up_from_down(machine: Machine) -> bool:
    return bool(machine.b.any() or machine.c.any())


def _checked(betas: Sequence[float]) -> tuple[float, ...]:
    found = tuple(float(beta) for beta in betas)
    rising = all(a < b for a, b in itertools.pairwise(found))
    if not found or not rising or found[0] < 0 or found[-1] != 1:
        raise ValueError(
            f"a ladder ascends from at least 0 to 1, got {found}; use "
            "inverse_temperatures"
        )
    return found


def _check(chains: int, draws: int, spacing: int | None, contradicted: str) -> None:
    if chains < FEWEST_CHAINS or draws < 2 or (spacing is not None and spacing < 1):
        raise ValueError(
            f"an equilibrium needs at least {FEWEST_CHAINS} chains of at least 2 draws "
            f"at least 1 step apart, got {chains} of {draws} and a spacing of {spacing}"
        )
    if contradicted not in ("refuse", "flag"):
        raise ValueError(
            "chains that contradict equilibrium are refused or flagged, got "
            f"{contradicted!r}; give 'refuse' or 'flag'"
        )
