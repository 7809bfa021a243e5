"""The debate: what satisfies the equations, and what tells a renormalization.

The critique. Any law of the hidden spins given the visible ones is an exact step with
T = ln p(h|v): the equations of the mapping hold for rules that nobody would call
renormalization, p(v) p(h) among them (arXiv:1906.05212). And renormalization is
supervised: somebody says that blocks are kept together (H. W. Lin, M. Tegmark and
D. Rolnick, J. Stat. Phys. 168, 1223 (2017), say it of the mapping; remembered).

The reply. What makes a step a renormalization is what it keeps: a coarse Hamiltonian of
short range, and coarse spins that know of what is far from their block. That can be
measured, whether or not anybody asked for it, and machines trained on a chain have it.
Neither alone decides: p(v) p(h) has the Hamiltonian of the block rule and knows
nothing, rules drawn at random know of far spins as they read everywhere. Both do.

Executed on a ring, all states visited: Kadanoff's block rule against random rules
p(h|v) that keep exactly as much of v, against the block rule with its coarse states
renamed, against the same rule for differences (h follows s₁ − s₂ of its block), against
p(v) p(h), and machines trained by KL, before their training and after.
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
    decimated,
    hamiltonian,
    random_rule,
    rule_step,
    short_range,
    uncoupled,
)
from kadanoff.networks.products import one_thread
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "Settings",
    "checks",
    "compute",
    "draw",
    "knows_far",
    "renormalizes",
    "short_ranged",
]

SITES, B = 12, 2
UNITS = SITES // B
COUPLING = 0.6
"""ξ = 1.6 sites: far spins still know of a block, and the ring is eight ξ long."""
BLOCK, TURNED, RANDOM, RENAMED, APART, TRAINED = (
    "block rule", "differences", "random rule", "renamed", "p(v) p(h)",
    "trained machine",
)  # fmt: skip
KINDS = (BLOCK, TURNED, RANDOM, RENAMED, APART)
EXACT = 1e-9
SHORT = 0.05
"""Share of the variance of H_RG that a short-ranged Hamiltonian may leave out. Block
rules on a ring leave 5e-3 or less, noise more than a third: what lies between is for
neither."""
FAR = 0.5
"""Of what the block rule of the same sharpness knows of far spins, and for machines of
what the sharpest does: above it a step knows as much."""
UNTRAINED = "untrained machine"
READINGS = {
    "spread": "range of ln Tr_h e^T",
    "information": "I(v:h) (nats)",
    "unexplained": "share of H_RG of long range",
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
        steps: of a training. After 600 machines are nearly decimation, after 6000 their
            KL is below 1e-3 nats.
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
    before, machines = _machines(H, settings, work)
    trained, untrained = (
        np.array([_readings(step) for step in steps]) for steps in (machines, before)
    )
    tables[TRAINED] = _response(machines[0])
    axes = ("kind", "sharpness", "seed")
    values = np.stack(list(found.values()))
    data: dict = {name: (axes, values[..., k]) for k, name in enumerate(READINGS)}
    data["apart"] = (axes, np.stack(list(apart.values())))
    data |= {f"trained_{n}": ("seed", trained[:, k]) for k, n in enumerate(READINGS)}
    data |= {
        f"untrained_{n}": ("seed", untrained[:, k]) for k, n in enumerate(READINGS)
    }
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


def _machines(
    H: np.ndarray, settings: Settings, work: Work
) -> tuple[list[Step], list[Step]]:
    """N/2 units before and after a training by exact KL, read as steps.

    Units are in order along the ring.
    """
    seed = work.subseed("machines")
    begin = starts(settings.seeds, SITES, UNITS, scale=0.01, seed=seed)
    with one_thread(), torch.no_grad():
        ends = descents(H, begin, rate=0.15, steps=settings.steps)
        first, last = (
            [as_step(machine_of(_along(weights)), H) for weights in each]
            for each in (begin, ends)
        )
    return first, last


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
            "a ring that makes most of H_RG short-ranged, for every step alike. "
            "Neither range nor far spins tell alone: of the range p(v) p(h) is on the "
            "block rule, of far spins random rules are.",
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
    fig = figure(13, 3.3, columns=len(shown))
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
        for k, (arm, label) in enumerate(
            {"untrained": UNTRAINED, "trained": TRAINED}.items()
        ):
            values = dataset[f"{arm}_{name}"].values
            x = last + k + np.linspace(-0.2, 0.2, len(values))
            ax.plot(
                x,
                values,
                "s",
                color=PALETTE[6],
                markersize=4,
                markerfacecolor="white" if k == 0 else PALETTE[6],
                label=label,
            )
        ticks = [f"p = {p:g}" for p in dataset["sharpness"].values]
        ticks += ["untrained", "trained"]
        ax.set_xticks(range(last + 2), ticks, rotation=50, fontsize=8)
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
    rows.append([UNTRAINED, *(_between(dataset[f"untrained_{n}"]) for n in READINGS)])
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
        _together(dataset),
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
        paper="of its critics, remembered",
        ours=f"{steps} steps: ln Tr_h e^T varies by at most {worst:.0e}; random rules "
        f"and renamings keep the information of the block rule within {same:.0e} nats",
        status=Status.REPRODUCED if blind else Status.NOT,
        reason="the equations and I(v:h) are the same for a block rule, for rules "
        "drawn at random and for a block rule with its coarse states renamed",
    )


def _factorised(dataset: xr.Dataset) -> Check:
    kept = _of(dataset, "information")
    nothing = float(abs(kept[APART]).max())
    apart = float(dataset["apart"].sel(kind=APART).max())
    return Check(
        claim="Critique: p(v) p(h) meets all equations with a hidden layer that knows "
        "nothing of the visible one.",
        paper="of arXiv:1906.05212, remembered",
        ours=f"I(v:h) = {nothing:.0e} nats, and the H_RG of the block rule within "
        f"{apart:.0e}",
        status=Status.REPRODUCED if max(nothing, apart) < EXACT else Status.NOT,
        reason="what looks at H_RG alone is blind to it; what reads both layers is not "
        f"(I of the block rules: {_between(kept[BLOCK])} nats)",
    )


def short_ranged(dataset: xr.Dataset) -> xr.DataArray:
    """Whether H_RG of each step is of short range."""
    return dataset["unexplained"] < SHORT


def knows_far(dataset: xr.Dataset) -> xr.DataArray:
    """Whether coarse spins know as much of far spins as those of the block rule."""
    far = dataset["environment"]
    return far > FAR * far.sel(kind=BLOCK, drop=True)


def _told(passes: xr.DataArray) -> tuple[Status, list[str]]:
    """Whether an instrument tells block rules, and the kinds it takes for them."""
    others = [k for k in KINDS if k != BLOCK]
    taken = [k for k in others if bool(passes.sel(kind=k).any())]
    if not bool(passes.sel(kind=BLOCK).all()) or len(taken) == len(others):
        return Status.NOT, taken
    return Status.PARTLY if taken else Status.REPRODUCED, taken


def _reply(dataset: xr.Dataset) -> Check:
    """The range of the coarse Hamiltonian alone, over all five kinds."""
    shape = _of(dataset, "unexplained")
    status, taken = _told(short_ranged(dataset))
    said = ", ".join(f"{_between(shape[k])} of {k}" for k in KINDS)
    words = " and ".join(taken) if taken else "no other kind"
    return Check(
        claim="Reply: a renormalization is told by a coarse Hamiltonian of short "
        "range.",
        paper="not in the text at hand; ours",
        ours=f"share of H_RG that is not of short range, at equal information: {said}",
        status=status,
        reason=f"{words} would pass as well ({SHORT:g} is the limit), in the best "
        "order "
        "of the coarse spins: the range is needed and not enough",
    )


def _environment_check(dataset: xr.Dataset) -> Check:
    """What coarse spins know of far spins alone, over all five kinds."""
    far = _of(dataset, "environment")
    status, taken = _told(knows_far(dataset))
    said = ", ".join(f"{_between(far[k])} of {k}" for k in KINDS)
    ratio = float((far[BLOCK] / far[TURNED]).min())
    words = " and ".join(taken) if taken else "no other kind"
    return Check(
        claim="Reply: a renormalization is told by coarse spins that know of spins far "
        "away.",
        paper="not in the text at hand; Koch-Janusz and Ringel (2018), remembered",
        ours=f"bits of a coarse spin on spins beyond the next block: {said}",
        status=status,
        reason=f"{words} would pass as well ({FAR:g} of the block rule's is the "
        "limit): "
        "who reads everywhere knows of everywhere; of rules that read one block each "
        f"block rules know at least {ratio:.2g} times as much as those for differences",
    )


def _together(dataset: xr.Dataset) -> Check:
    """Both at once."""
    both = short_ranged(dataset) & knows_far(dataset)
    status, _ = _told(both)
    counts = ", ".join(
        f"{int(both.sel(kind=k).sum())} of {both.sel(kind=k).size} of {k}"
        for k in KINDS
    )
    return Check(
        claim="Reply: range and far spins together tell a renormalization.",
        paper="not in the text at hand; ours",
        ours=f"steps that pass both: {counts}",
        status=status,
        reason="no single instrument does: of four kinds that are exact and no block "
        f"rule the range takes {len(_told(short_ranged(dataset))[1])} for one and the "
        f"far spins {len(_told(knows_far(dataset))[1])}; four kinds on one ring are "
        "not "
        "all there are",
    )


def renormalizes(dataset: xr.Dataset, arm: str) -> xr.DataArray:
    """Whether each machine keeps what a renormalization keeps.

    H_RG of short range with more than half of the coupling K′ that decimation leaves
    (a constant H_RG is of short range too), and coarse spins that know of far ones.

    Args:
        dataset: of this exhibit.
        arm: `trained` or `untrained`.
    """
    left, coupling, far = (
        dataset[f"{arm}_{n}"] for n in ("unexplained", "nearest", "environment")
    )
    sharpest = dataset["environment"].sel(kind=BLOCK).isel(sharpness=-1).mean()
    coupled = coupling > decimated(COUPLING) / 2
    return (left < SHORT) & coupled & (far > FAR * sharpest)


def _machine(dataset: xr.Dataset) -> Check:
    kl, off = dataset["trained_divergence"], dataset["trained_off_block"]
    good, before = (renormalizes(dataset, a) for a in ("trained", "untrained"))
    k, n = int(good.sum()), good.size
    every = Status.REPRODUCED if k == n and not before.any() else Status.PARTLY
    said = ", ".join(
        f"{words} {_between(dataset[f'trained_{name}'])}"
        for name, words in (
            ("unexplained", "not of short range"),
            ("nearest", "K′"),
            ("information", "I(v:h)"),
        )
    )
    return Check(
        claim="Reply: nobody told a trained machine what to keep, and it keeps what a "
        "renormalization keeps.",
        paper="the abstract: learning may be employing a generalized RG-like scheme",
        ours=f"{k} of {n} machines of N/2 units: {said} nats, KL {_between(kl)} nats, "
        f"response off one block {_between(off)}",
        status=every if k else Status.NOT,
        reason=f"asked are short range, K′ above half of {decimated(COUPLING):.3f}, "
        "that "
        f"of decimation, and far spins; {int(before.sum())} of {n} machines pass "
        "before "
        f"their training (K′ {_between(dataset['untrained_nearest'])}); in one "
        "dimension, "
        "where an exact step of N/2 units exists and training comes close to it: of "
        "two "
        "dimensions this says nothing",
    )


EXHIBIT = Exhibit(
    name="debate",
    title="The critique and the reply, executed",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
