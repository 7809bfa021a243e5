"""Configurations of a trained machine that are in equilibrium, or a sentence why not.

Gibbs chains v → h → v, every second one started from random units and the others from
all up and all down in turn, run until their memory is known, and are recorded two
memories apart. Whether they contradict equilibrium is asked of

    energy        −(1/N) Σ_<ij> v_i v_j of the lattice, where the layer has one,
    abs_m         |Σ_i v_i|/N, and m itself where the machine tells up from down,
    free_energy   F(v)/N of the machine,

by the tests of `samplers.certificate`. A training whose chains are shorter than the
memory makes machines that are right after as many steps as it took and wrong in
equilibrium (Decelle, Furtlehner and Seoane 2021): `agreement` compares both.

Long memories are shortened by parallel tempering of the joint law,

    p_β(v, h) = e^{−β E(v, h)} / Z_β,   accept min(1, e^{(β_a − β_b)(E_a − E_b)}),

with E the *joint* energy of v and h throughout: the fields are β(Wᵀv + b) and
β(W h + c), and both layers are exchanged. (F(v) of the machine itself in that rule
would be the law of no β but 1: −ln Σ_h e^{−βE} is not βF.)
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from kadanoff.autocorrelation import gelman_rubin, integrated_time
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, jackknife
from kadanoff.geometry import Geometry, Grid, Unordered
from kadanoff.networks.gibbs import gibbs
from kadanoff.networks.machine import Machine
from kadanoff.networks.products import one_thread
from kadanoff.networks.units import SPIN
from kadanoff.randomness import generator, subseed
from kadanoff.samplers.certificate import certify
from kadanoff.samplers.tempering import exchanges
from kadanoff.samplers.tempering import ladder as annealed_ladder

__all__ = [
    "Agreement",
    "agreement",
    "equilibrated",
    "inverse_temperatures",
    "observables",
    "sentence_of",
    "tempered",
]

PILOT = 64  # steps of the first pilot
MEMORIES = 40  # of the pilot, for its τ to be believed
MOST_STEPS = 1 << 13  # of a pilot
FEWEST_CHAINS = 8  # four hot and four cold ones, for a t test
ROUNDING = 1e-5  # relative, of sums in single precision
CONTRADICTED = 4.0  # |z|, about 6e-5 each


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
        machine: any machine; one of two layers of spins where there is a ladder.
        visible: the visible layer, for weights that fit many.
        chains: at least 8, even ones started from random units, odd ones ordered.
        draws: recorded of each chain.
        spacing: steps between draws; twice the slowest τ where not given.
        ladder: inverse temperatures of parallel tempering, ascending to 1, see
            `inverse_temperatures`; 1 alone is plain Gibbs sampling.
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
    betas = _checked(machine, ladder)
    machine = copy.deepcopy(machine).to(device)
    noise = torch.Generator(device).manual_seed(subseed(seed, "equilibrium"))
    v = _starts(machine, fine, chains, seed)
    v = v.expand(len(betas), *v.shape)
    walk = _Walk(machine, betas, v, generator(seed, "exchanges"), noise, np.empty(0))
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
        note["exchanged"] = walk.exchanged.tolist()
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
        steps: of the short run; the k of the training in the machine's notes where not
            given.
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


@torch.no_grad()
def tempered(
    machine: Machine,
    v: Tensor,
    betas: Sequence[float],
    steps: int,
    *,
    rng: np.random.Generator,
    noise: torch.Generator,
) -> tuple[Tensor, np.ndarray]:
    """Gibbs chains at every β after `steps`, and the share of accepted exchanges.

    After each step every second pair of neighbouring rungs, of a parity that is drawn,
    may exchange. The law of rung a stays Σ_h e^{−β_a E(v, h)} / Z.

    Args:
        machine: of two layers of spins.
        v: `(rung, chain, *lattice)` units.
        betas: of the rungs.
        steps: at least 1.
        rng: draws the exchanges.
        noise: draws the units.

    Returns:
        The units, and one share for each pair of neighbours; NaN of one never tried.
    """
    rungs, chains = v.shape[:2]
    flat = v.flatten(0, 1)
    beta = torch.tensor(betas).to(flat).repeat_interleave(chains)
    rows = np.arange(rungs * chains).reshape(rungs, chains)
    tried, accepted = np.zeros(rungs - 1), np.zeros(rungs - 1)
    for _ in range(steps):
        h = machine.draw_hidden(_times(beta, machine.hidden_field(flat)), noise)
        flat = machine.draw_visible(_times(beta, machine.visible_field(h)), noise)
        energies = machine.energy(flat, h).double().cpu().numpy().reshape(rows.shape)
        first = int(rng.integers(2))
        swap = exchanges(betas, energies, first=first, rng=rng)
        order = rows.copy()
        order[:-1][swap], order[1:][swap] = rows[1:][swap], rows[:-1][swap]
        # h is exchanged with v; the next step draws it anew, so it is not kept.
        flat = flat[torch.from_numpy(order.ravel()).to(flat.device)]
        tried[first::2] += chains
        accepted += swap.sum(axis=1)
    never = np.full(rungs - 1, math.nan)
    share = np.divide(accepted, tried, out=never, where=tried > 0)
    return flat.reshape(v.shape), share


def inverse_temperatures(
    machine: Machine, visible: Geometry | None = None, *, seed: int = 0
) -> tuple[float, ...]:
    """A ladder from β = 0 to 1 whose neighbours exchange about 40 % of the time.

    By the spread of the joint energy in an annealing run, see
    `samplers.tempering.ladder`.

    Raises:
        ValueError: Gaussian units, which have no law at β = 0.
    """
    _check_spins(machine)
    joint = _Joint(machine, machine.visible_geometry(visible))
    with one_thread(), torch.no_grad():
        return annealed_ladder(joint, 1.0, _BlockGibbs, seed=seed)


@dataclass(eq=False)
class _Walk:
    """Where the chains of one run are, `(rung, chain, *lattice)`; only `steps` moves.

    `exchanged` is the share of accepted exchanges since the last recorded draw.
    """

    machine: Machine
    betas: tuple[float, ...]
    v: Tensor
    rng: np.random.Generator
    noise: torch.Generator
    exchanged: np.ndarray

    def steps(self, number: int) -> Tensor:
        """The units at β = 1 after so many steps, `(chain, *lattice)`."""
        if len(self.betas) == 1:
            self.v = gibbs(self.machine, self.v[0], number, noise=self.noise)[None]
        else:
            self.v, self.exchanged = tempered(
                self.machine,
                self.v,
                self.betas,
                number,
                rng=self.rng,
                noise=self.noise,
            )
        return self.v[-1]


@dataclass(frozen=True, eq=False)
class _Joint:
    """Both layers of a machine as one model with the law e^{−βE}, for a ladder."""

    machine: Machine
    visible: Geometry
    name = "machine"

    @property
    def layers(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return self.visible.lattice, self.machine.hidden_lattice(self.visible)

    @property
    def geometry(self) -> Unordered:
        return Unordered(sum(math.prod(lattice) for lattice in self.layers))

    def split(self, values: np.ndarray) -> tuple[Tensor, Tensor]:
        both = self.machine.tensor(values)
        sites = math.prod(self.layers[0])
        v, h = both[:, :sites], both[:, sites:]
        return v.reshape(-1, *self.layers[0]), h.reshape(-1, *self.layers[1])

    def energy(self, values: np.ndarray) -> np.ndarray:
        energy = self.machine.energy(*self.split(values))
        return energy.double().cpu().numpy() / self.geometry.size


@dataclass(frozen=True, eq=False)
class _BlockGibbs:
    """h given v, then v given h, at β; a state is an array of both layers."""

    model: _Joint
    beta: float
    replicas: int

    def init(
        self, *, rng: np.random.Generator, values: np.ndarray | None = None
    ) -> np.ndarray:
        if values is not None:
            return values
        return rng.choice([-1.0, 1.0], (self.replicas, self.model.geometry.size))

    def step(
        self, state: np.ndarray, *, rng: np.random.Generator, sweeps: int = 1
    ) -> np.ndarray:
        noise = torch.Generator().manual_seed(int(rng.integers(2**62)))
        machine = self.model.machine
        v, h = self.model.split(state)
        for _ in range(sweeps):
            h = machine.draw_hidden(self.beta * machine.hidden_field(v), noise)
            v = machine.draw_visible(self.beta * machine.visible_field(h), noise)
        return torch.cat([v.flatten(1), h.flatten(1)], 1).cpu().numpy()

    def spins(self, state: np.ndarray) -> np.ndarray:
        return state


def _times(beta: Tensor, field: Tensor) -> Tensor:
    """β of each row times its field."""
    return beta.reshape(-1, *[1] * (field.ndim - 1)) * field


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
    try:
        return int(machine.notes["settings"]["k"])
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


def _checked(machine: Machine, betas: Sequence[float]) -> tuple[float, ...]:
    found = tuple(float(beta) for beta in betas)
    rising = all(a < b for a, b in itertools.pairwise(found))
    if not found or not rising or found[0] < 0 or found[-1] != 1:
        raise ValueError(
            f"a ladder ascends from at least 0 to 1, got {found}; use "
            "inverse_temperatures"
        )
    if len(found) > 1:
        _check_spins(machine)
    return found


def _check_spins(machine: Machine) -> None:
    if machine.units != (SPIN.name, SPIN.name):
        raise ValueError(
            f"tempering needs two layers of spins, got {' and '.join(machine.units)} "
            "units; use plain Gibbs sampling"
        )


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
