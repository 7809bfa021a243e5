"""The debate: what satisfies the equations, and what tells a renormalization.

The critique. Any law of the hidden spins given the visible ones is an exact step with
T = ln p(h|v): the equations of the mapping hold for rules that nobody would call
renormalization, p(v) p(h) among them (arXiv:1906.05212). And renormalization is
supervised: somebody says that blocks are kept together (H. W. Lin, M. Tegmark and
D. Rolnick, J. Stat. Phys. 168, 1223 (2017), say it of the mapping; remembered).

The reply. What makes a step a renormalization is what it keeps: a coarse Hamiltonian of
short range, and coarse spins that know of what is far from their block. That can be
measured, whether or not anybody asked for it, and machines trained on a chain have it.

Executed on a ring, all states visited: Kadanoff's block rule against random rules
p(h|v) that keep exactly as much of v, against the block rule with its coarse states
renamed, against the same rule for differences (h follows s₁ − s₂ of its block), against
p(v) p(h), and machines trained by KL.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from matplotlib.figure import Figure
from scipy.special import softmax

from kadanoff.exact.information import BIT, mutual_information
from kadanoff.exact.pairs import states
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.experiments.mehta2014.descents import descents, machine_of, starts
from kadanoff.experiments.studies import attributes_of
from kadanoff.models.ising import Ising
from kadanoff.networks.mapping import (
    Step,
    as_step,
    block_rule,
    hamiltonian,
    random_rule,
    rule_step,
    short_range,
    uncoupled,
)
from kadanoff.networks.products import one_thread
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "checks", "compute", "draw"]

SITES, B = 12, 2
UNITS = SITES // B
COUPLING = 0.6
BLOCK, TURNED, RANDOM, RENAMED, APART, TRAINED = (
    "block rule", "differences", "random rule", "renamed", "p(v) p(h)",
    "trained machine",
)  # fmt: skip
KINDS = (BLOCK, TURNED, RANDOM, RENAMED, APART)
EXACT = 1e-9
SHORT = 0.05
"""Share of the variance of H_RG that a short-ranged Hamiltonian may leave out. Block
rules on a ring leave 1e-3, noise more than a half: what lies between is for neither."""
READINGS = {
    "spread": "max g − min g",
    "information": "I(v:h) (nats)",
    "unexplained": "of H_RG not short-ranged",
    "nearest": "K′ of neighbours",
    "environment": "I(h : far spins) (bits)",
    "off_block": "response off its own block",
}


@dataclass(frozen=True)
class Settings:
    """How much is compared.

    Attributes:
        sharpness: p of the block rules.
        seeds: random rules for each of them, renamings, and trained machines.
        steps: of a training.
    """

    sharpness: tuple[float, ...]
    seeds: int
    steps: int


FAST = Settings(sharpness=(0.5, 2.0), seeds=2, steps=600)
FULL = Settings(sharpness=(0.25, 0.5, 1.0, 2.0, 4.0), seeds=10, steps=6000)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """The readings of every step, by kind, sharpness and seed."""
    H = hamiltonian(Ising((SITES,)), COUPLING)
    shape = (len(settings.sharpness), settings.seeds, len(READINGS))
    found = {kind: np.empty(shape) for kind in KINDS}
    apart = {kind: np.empty(shape[:2]) for kind in KINDS}
    tables = {kind: np.full((UNITS, SITES), math.nan) for kind in (*found, TRAINED)}
    spots = itertools.product(range(shape[0]), range(shape[1]))
    for number, (i, seed) in enumerate(spots):
        p = settings.sharpness[i]
        steps = _steps(H, p, work.subseed("rules", f"{p:g}", seed))
        for kind, step in steps.items():
            found[kind][i, seed] = _readings(step)
            apart[kind][i, seed] = _apart(step, steps[BLOCK])
            tables[kind] = _response(step)
        work.progress("rules of equal information")(number + 1, shape[0] * shape[1])
    machines = _machines(H, settings, work)
    trained = np.array([_readings(step) for step in machines])
    tables[TRAINED] = _response(machines[0])
    axes = ("kind", "sharpness", "seed")
    values = np.stack(list(found.values()))
    data: dict = {name: (axes, values[..., k]) for k, name in enumerate(READINGS)}
    data["apart"] = (axes, np.stack(list(apart.values())))
    data |= {f"trained_{n}": ("seed", trained[:, k]) for k, n in enumerate(READINGS)}
    data["trained_divergence"] = ("seed", [s.exactness.divergence for s in machines])
    data["response"] = (("table", "unit", "site"), np.stack(list(tables.values())))
    coordinates = {
        "kind": list(found),
        "sharpness": list(settings.sharpness),
        "table": list(tables),
    }
    return xr.Dataset(data, coordinates).assign_attrs(attributes_of(settings))


def _steps(H: np.ndarray, sharpness: float, seed: int) -> dict[str, Step]:
    """A block rule, and three steps that the equations do not tell from it."""
    rng = np.random.default_rng(seed)
    rule = block_rule((SITES,), B, sharpness)
    block = rule_step(rule, H)
    every_second = sum(2**k for k in range(0, SITES, 2))  # of the bits of a state
    noise = random_rule(softmax(-H), UNITS, information=block.information, rng=rng)
    return {
        BLOCK: block,
        TURNED: rule_step(rule[np.arange(len(rule)) ^ every_second], H),
        RANDOM: rule_step(noise, H),
        RENAMED: rule_step(rule[:, rng.permutation(2**UNITS)], H),
        APART: uncoupled(block),
    }


def _apart(one: Step, other: Step) -> float:
    """Largest difference of two H_RG but for a constant."""
    gap = one.coarse_hamiltonian - other.coarse_hamiltonian
    return float(abs(gap - gap.mean()).max())


def _machines(H: np.ndarray, settings: Settings, work: Work) -> list[Step]:
    """N/2 units trained by exact KL, read as steps, the units along the ring."""
    seed = work.subseed("machines")
    begin = starts(settings.seeds, SITES, UNITS, scale=0.01, seed=seed)
    with one_thread(), torch.no_grad():
        ends = descents(H, begin, rate=0.15, steps=settings.steps)
        return [as_step(machine_of(_along(weights)), H) for weights in ends]


def _along(weights: np.ndarray) -> np.ndarray:
    """Units turned to a positive sum, in order of where on the ring they look."""
    weights = weights * np.sign(weights.sum(axis=0))
    angle = 2 * np.pi * np.arange(SITES) / SITES
    centre = np.angle(np.exp(1j * angle) @ np.square(weights))
    return weights[:, np.argsort(centre)]


def _readings(step: Step) -> list[float]:
    """All of `READINGS`, with the coarse spins in the order that suits them best."""
    response = _response(step)
    order = min(_orders(), key=lambda o: _range(step, o)[0])
    unexplained, nearest = _range(step, order)
    return [
        step.exactness.spread,
        step.information,
        unexplained,
        nearest,
        max(_environment(step, row) for row in enumerate(response)),
        _off_block(response),
    ]


def _orders() -> Iterator[tuple[int, ...]]:
    """Every ring of the coarse spins once: which ones are neighbours is not given."""
    for rest in itertools.permutations(range(1, UNITS)):
        if rest[0] < rest[-1]:
            yield (0, *rest)


def _range(step: Step, order: tuple[int, ...]) -> tuple[float, float]:
    """What of H_RG is not short-ranged, and K′, with the spins in this order."""
    whole = step.coarse_hamiltonian.reshape((2,) * UNITS).transpose(order).ravel()
    read = short_range(whole, (UNITS,))
    return read.unexplained, read.couplings["nearest"]


def _environment(step: Step, row: tuple[int, np.ndarray]) -> float:
    """I of one coarse spin and the spins far from where it responds, in bits.

    Far are all that are not its own block nor next to it; of the possible blocks, the
    one that it responds to most.
    """
    unit, response = row
    own = int(np.argmax(_blocks(abs(response))))
    near = {(B * own + k) % SITES for k in range(-1, B + 1)}
    far = [i for i in range(SITES) if i not in near]
    code = (states(SITES)[:, far] > 0) @ (2 ** np.arange(len(far)))
    joint = np.zeros((2, 2 ** len(far)))
    up = step.upward @ (states(UNITS)[:, unit] > 0)
    data = step.exactness.data
    np.add.at(joint[0], code, data * (1 - up))
    np.add.at(joint[1], code, data * up)
    return mutual_information(joint) / BIT


def _response(step: Step) -> np.ndarray:
    """The change of ⟨h_a⟩ by v_i, others fair: Σ_v v_i E[h_a|v] / 2^N, `(unit, site)`.

    Of the rule alone: correlations that the data have anyway are not in it.
    """
    mean = step.upward @ states(UNITS).astype(float)
    return mean.T @ states(SITES).astype(float) / len(mean)


def _off_block(response: np.ndarray) -> float:
    """Share of the squared response that is off each unit's best block of two."""
    squares = np.square(response)
    total = squares.sum()
    # A rule that responds to nothing has no block of its own.
    if total < 1e-24:
        return 1.0
    return float(1 - sum(_blocks(row).max() for row in squares) / total)


def _blocks(row: np.ndarray) -> np.ndarray:
    """Sums over the blocks of the rule."""
    return row.reshape(-1, B).sum(axis=1)


def draw(dataset: xr.Dataset) -> list[Section]:
    """What cannot tell, what can, and where each rule looks."""
    return [
        Section(
            "What tells, and what does not",
            f"Steps from a ring of {SITES} spins at K = {COUPLING:g} to {UNITS} coarse "
            "spins, each point a step; random rules keep exactly as much of v as the "
            "block rule of that sharpness. The coarse spins are put in the order along "
            "a ring that makes H_RG most short-ranged, for every step alike.",
            data_uri(_draw_readings(dataset)),
            tables=[_table(dataset)],
        ),
        Section(
            "Where a coarse spin looks",
            "Response of every coarse spin (down) to every spin of the ring (across), "
            "the others fair coins; sharpest rules and one trained machine. Lines are "
            "between blocks.",
            data_uri(_draw_responses(dataset)),
        ),
    ]


def _draw_readings(dataset: xr.Dataset) -> Figure:
    shown = ("information", "unexplained", "nearest", "environment")
    fig = figure(12, 3.3, columns=len(shown))
    for ax, name in zip(fig.axes, shown, strict=True):
        for k, kind in enumerate(dataset["kind"].values):
            at = dataset[name].sel(kind=kind)
            # Beside one another, so that equal readings of two kinds are both seen.
            x = np.arange(at.sizes["sharpness"]) + 0.12 * (k - 2)
            for seed in range(at.sizes["seed"]):
                label = str(kind) if seed == 0 else None
                y = at.isel(seed=seed)
                ax.plot(x, y, "o", color=PALETTE[k], markersize=4, label=label)
        last = dataset.sizes["sharpness"]
        trained = dataset[f"trained_{name}"].values
        x = last + np.linspace(-0.2, 0.2, len(trained))
        ax.plot(x, trained, "s", color=PALETTE[6], markersize=4, label=TRAINED)
        ticks = [f"p = {p:g}" for p in dataset["sharpness"].values]
        ax.set_xticks(range(last + 1), [*ticks, "trained"], rotation=50, fontsize=8)
        ax.set_ylabel(READINGS[name])
    fig.axes[1].axhline(SHORT, color="black", linewidth=0.7, linestyle="--")
    fig.axes[1].set_yscale("symlog", linthresh=1e-6)
    fig.axes[1].set_ylim(0, 2)
    lines, labels = fig.axes[0].get_legend_handles_labels()
    fig.legend(lines, labels, fontsize=8, frameon=False, loc="outside right upper")
    return fig


def _draw_responses(dataset: xr.Dataset) -> Figure:
    tables = dataset["table"].values
    fig = figure(2.4 * len(tables), 1.9, 1, len(tables))
    for ax, name in zip(fig.axes, tables, strict=True):
        table = dataset["response"].sel(table=name).values
        limit = max(float(abs(table).max()), 1e-12)
        ax.imshow(table, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
        ax.grid(visible=False)
        for edge in range(B, SITES, B):
            ax.axvline(edge - 0.5, color="grey", linewidth=0.5)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_title(f"{name}\n(to ±{limit:.1g})", fontsize=9)
    return fig


def _table(dataset: xr.Dataset) -> Table:
    rows = [
        [str(kind), *(_between(dataset[n].sel(kind=kind)) for n in READINGS)]
        for kind in dataset["kind"].values
    ]
    rows.append([TRAINED, *(_between(dataset[f"trained_{n}"]) for n in READINGS)])
    return Table(["step", *READINGS.values()], rows)


def _between(values: xr.DataArray) -> str:
    low, high = (_small(float(x)) for x in (values.min(), values.max()))
    return low if low == high else f"{low} … {high}"


def _small(x: float) -> str:
    return "0" if abs(x) < EXACT else f"{x:.3g}"


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """The critique, its two examples, the reply, and the machine."""
    return [
        _critique(dataset),
        _factorised(dataset),
        _reply(dataset),
        _environment_check(dataset),
        _machine(dataset),
    ]


def _of(dataset: xr.Dataset, name: str) -> Mapping[str, xr.DataArray]:
    return {str(k): dataset[name].sel(kind=k) for k in dataset["kind"].values}


def _critique(dataset: xr.Dataset) -> Check:
    """Equations and information do not tell."""
    spread, kept = _of(dataset, "spread"), _of(dataset, "information")
    worst = max(float(s.max()) for s in spread.values())
    same = max(float(abs(kept[k] - kept[BLOCK]).max()) for k in (RANDOM, RENAMED))
    blind = worst < EXACT and same < EXACT
    steps = sum(s.size for s in spread.values())
    return Check(
        claim="Critique: an exact step need not be a renormalization, as any p(h|v) is "
        "one.",
        paper="of its critics, in words",
        ours=f"{steps} steps: ln Tr_h e^T varies by at most {worst:.0e}; random rules "
        f"and renamings keep the information of the block rule within {same:.0e} nats",
        status=Status.REPRODUCED if blind else Status.NOT,
        reason="the equations and I(v:h) are the same for a block rule, for rules "
        "drawn at random and for a block rule with its coarse states renamed",
    )


def _factorised(dataset: xr.Dataset) -> Check:
    kept = _of(dataset, "information")
    nothing = float(kept[APART].max())
    apart = float(dataset["apart"].sel(kind=APART).max())
    return Check(
        claim="Critique: p(v) p(h) meets all equations with a hidden layer that knows "
        "nothing of the visible one.",
        paper="of arXiv:1906.05212, in words",
        ours=f"I(v:h) = {nothing:.0e} nats, and the H_RG of the block rule within "
        f"{apart:.0e}",
        status=Status.REPRODUCED if max(nothing, apart) < EXACT else Status.NOT,
        reason="what looks at H_RG alone is blind to it; what reads both layers is not "
        f"(I of the block rules: {_between(kept[BLOCK])} nats)",
    )


def _reply(dataset: xr.Dataset) -> Check:
    """The range of the coarse Hamiltonian decides."""
    shape = _of(dataset, "unexplained")
    block, others = shape[BLOCK], [shape[k] for k in (RANDOM, RENAMED)]
    least = min(float(x.min()) for x in others)
    tells = float(block.max()) < SHORT < least
    turned = float(shape[TURNED].max())
    return Check(
        claim="Reply: a renormalization is told by a coarse Hamiltonian of short "
        "range.",
        paper="not in the text at hand; ours",
        ours=f"not short-ranged of H_RG: {_between(block)} of block rules, "
        f"{_between(shape[RANDOM])} of random ones, {_between(shape[RENAMED])} of "
        "renamed ones",
        status=Status.REPRODUCED if tells else Status.PARTLY,
        reason=f"at equal information the least of these others is {least:.2g}, in the "
        "best order of their coarse spins; necessary and not sufficient: rules for "
        f"differences leave {turned:.2g} at most",
    )


def _environment_check(dataset: xr.Dataset) -> Check:
    """Among the rules that read one block; a rule that reads far spins knows them."""
    far = _of(dataset, "environment")
    ratio = float((far[BLOCK] / far[TURNED]).min())
    return Check(
        claim="Reply: of rules that read one block each, a renormalization is the one "
        "whose coarse spins know of spins far away.",
        paper="not in the text at hand; Koch-Janusz and Ringel (2018), in words",
        ours=f"I of a coarse spin and spins beyond the next: {_between(far[BLOCK])} "
        f"bits of block rules, {_between(far[TURNED])} of rules for differences",
        status=Status.REPRODUCED if ratio > 2 else Status.NOT,
        reason=f"at least {ratio:.2g} times as much; for rules that read everywhere it "
        f"is no criterion ({_between(far[RANDOM])} bits of random ones)",
    )


def _machine(dataset: xr.Dataset) -> Check:
    left, kl = dataset["trained_unexplained"], dataset["trained_divergence"]
    off = dataset["trained_off_block"]
    good = int((left < SHORT).sum())
    n = left.size
    every = Status.REPRODUCED if good == n else Status.PARTLY
    return Check(
        claim="Reply: nobody told a trained machine what to keep, and its coarse "
        "Hamiltonian is short-ranged all the same.",
        paper="in words: learning may employ an RG-like scheme",
        ours=f"{good} of {n} machines of N/2 units: not short-ranged {_between(left)}, "
        f"KL {_between(kl)} nats, response off one block {_between(off)}",
        status=every if good else Status.NOT,
        reason="in one dimension, where an exact step of N/2 units exists and training "
        "comes close to it; of two dimensions this says nothing",
    )


EXHIBIT = Exhibit(
    name="debate",
    title="The critique and the reply, executed",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
