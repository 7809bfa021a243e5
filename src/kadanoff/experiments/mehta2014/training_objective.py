"""Which objective a training follows: KL, or the difference of free energies.

Variational renormalization chooses its parameters by ΔF, the difference of the free
energies before and after the step; a machine is trained by KL. The paper takes one for
the other (remembered: the text at hand is the abstract; both vanish at an exact step).
Both are computed here at every step of a training, with ln Tr_h e^T of every visible
state, from the same initial weights:

    KL          plain descent of KL(p‖q), all states visited
    |ΔF|        plain descent of ½ ΔF², which knows the data by one number, ln Z
    |ΔF + c|    the same with a constant c of the energy, chosen in hindsight so that
                it is 0 where the descent of KL ends
    CD-1        the mean update of contrastive divergence, as an expectation
    trained     CD-1 as it is done: `kadanoff.networks.train` on drawn configurations

ΔF depends on the constant of the energy, which no law depends on and no training moves;
without one E = −vᵀWh, as machines are. What is said of |ΔF| holds for that constant
alone. Free of it is the slope ∂ΔF/∂θ: a training that minimised ΔF would end where the
slope is 0, and one that minimised |ΔF + c| for some c would go along it, up or down,
until it stops. (With the constant that makes ⟨g⟩ = 0, another one at every step, −ΔF is
KL, and to ask which one is followed has no meaning.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.ensemble import Ensemble
from kadanoff.exact.pairs import states
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work, shown, stacked
from kadanoff.experiments.mehta2014.identities import REMEMBERED
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.models.ising import Ising
from kadanoff.networks.checkpoint import machines_of
from kadanoff.networks.gradients import Course, Objective, course, descend
from kadanoff.networks.mapping import Exactness, hamiltonian
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.networks.train import train
from kadanoff.randomness import generator
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table
from kadanoff.runs import Run

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "checks", "compute", "draw"]

SHAPE = (3, 3)
COUPLING = 0.44
"""Near K_c of the infinite lattice: small weights are far from the law of the data, and
ln Z of the data is above its least value for a machine with three units, so that ΔF = 0
is met on the way."""
SCALE = 0.1
"""Of the initial weights: small, but not so that they stay at the saddle W = 0."""
DESCENTS: dict[str, tuple[Objective, float]] = {
    "KL": ("divergence", 0.1),
    "|ΔF|": ("free energy", 0.1),
    "|ΔF + c|": ("free energy", 0.03),
    "CD-1": ("contrastive", 0.1),
}
"""Ways of exact slopes with their rates, at which each objective falls at every step.
Near the end of the third the square of ∂ΔF/∂θ is up to 20: 0.1 jumps over 0."""
HINDSIGHT, TRAINED = "|ΔF + c|", "trained"
READ = ("divergence", "free_energy", "spread")
ANGLES = ("to_divergence", "to_free_energy")
SLOPES = ("divergence_slope", "free_energy_slope")
NOTHING = 0.01
"""Share of what an untrained machine has that counts as nothing left."""


@dataclass(frozen=True)
class Settings:
    """How long and how often.

    Attributes:
        seeds: initial weights, each taken down all arms.
        hidden: units of a machine. With four, ln Z of the data is below
            (N_v + N_h) ln 2, the least that ln Z of a machine can be.
        steps: of the descents.
        draws: independent configurations of the training by samples.
        epochs: of it, whose machines at 0, 1, 2, 4, … are read: one more than a power
            of two, so that the last one is that of the end. By 16 KL is where it stays.
    """

    seeds: int
    hidden: int
    steps: int
    draws: int
    epochs: int


FAST = Settings(seeds=2, hidden=3, steps=50, draws=1000, epochs=33)
FULL = Settings(seeds=5, hidden=3, steps=300, draws=10_000, epochs=65)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """KL, ΔF, the spread of ln Tr_h e^T and the angles along every training."""
    H = hamiltonian(Ising(SHAPE), COUPLING)
    down: dict[str, list[Course]] = {name: [] for name in DESCENTS}
    trained = []
    with one_thread():
        for seed in range(settings.seeds):
            start = RBM(SHAPE, settings.hidden).initialised(
                seed=work.subseed("weights", seed), scale=SCALE
            )
            for name, courses in _descents(start, H, settings.steps).items():
                down[name].append(courses)
            trained.append(_trained(start, H, settings, seed, work))
            work.progress("trainings read exactly")(seed + 1, settings.seeds)
    arms = [_arm(name, courses) for name, courses in down.items()]
    steps = xr.concat(arms, "arm").assign_coords(arm=list(down))
    samples = _arm("", trained).rename(
        {n: f"trained_{n}" for n in (*READ, *SLOPES, *ANGLES, "to_lower", "downhill")}
        | {"step": "checkpoint", "move": "leap"}
    )
    lasting = [0, *(2**k for k in range(samples.sizes["checkpoint"] - 1))]
    samples = samples.assign_coords(epoch=("checkpoint", lasting))
    ends = _ends(down, trained)
    return xr.merge([steps, samples, ends]).assign_attrs(attributes_of(settings))


def _descents(start: RBM, H: np.ndarray, steps: int) -> dict[str, Course]:
    """All arms of exact slopes, the one with a constant after the one that sets it."""
    found: dict[str, Course] = {}
    for name, (objective, rate) in DESCENTS.items():
        # H + ΔF has the same law, and ln Z of the machine that KL ends with.
        c = found["KL"].free_energy_difference[-1] if name == HINDSIGHT else 0.0
        way = descend(start, H + c, objective=objective, rate=rate, steps=steps)
        found[name] = replace(
            way, free_energy_difference=way.free_energy_difference + c
        )
    return found


def _trained(
    start: RBM, H: np.ndarray, settings: Settings, seed: int, work: Work
) -> Course:
    """A training by CD-1 on drawn configurations, read at its lasting checkpoints."""
    rng = generator(work.seed, "draws", seed)
    rows = rng.choice(len(H), settings.draws, p=Exactness(H, 0 * H).data)
    spins = states(int(np.prod(SHAPE)))[rows].reshape(1, -1, *SHAPE)
    # Ten slow updates in an epoch, so that the fall of KL is seen.
    how = Training(
        epochs=settings.epochs, batch=settings.draws // 10, learning_rate=0.02, l1=0.0
    )
    store = _store(settings, seed, work)
    data = Ensemble.from_values(spins)
    train(start, data, settings=how, seed=work.subseed("train", seed), store=store)
    return course(machines_of(store), H)


def _store(settings: Settings, seed: int, work: Work) -> Path:
    """Where a training is kept: other settings have another place."""
    what = {"settings": settings, "seed": work.seed, "start": seed}
    run = Run.of(work.runs, step="mehta2014-objective", version=2, settings=what)
    return run.directory


def _arm(name: str, courses: Sequence[Course]) -> xr.Dataset:
    """What is read on the way, by seed."""
    readings = {
        "divergence": [c.divergence for c in courses],
        "free_energy": [c.free_energy_difference for c in courses],
        "spread": [c.spread for c in courses],
        "downhill": [c.downhill for c in courses],
    }
    readings |= {n: [c.slopes[:, k] for c in courses] for k, n in enumerate(SLOPES)}
    moved = np.array([c.moved for c in courses])
    found: dict = {n: (("seed", "step"), np.array(x)) for n, x in readings.items()}
    found |= {n: (("seed", "move"), moved[..., k]) for k, n in enumerate(ANGLES)}
    found["to_lower"] = (("seed", "move"), np.array([c.lowering for c in courses]))
    return xr.Dataset(found)


def _ends(down: dict[str, list[Course]], trained: list[Course]) -> xr.Dataset:
    """Over seeds: first and last readings, and the angles of the moves, by arm."""
    arms = {**down, TRAINED: trained}
    readings = {
        "first_divergence": lambda c: c.divergence[0],
        "last_divergence": lambda c: c.divergence[-1],
        "first_free_energy": lambda c: c.free_energy_difference[0],
        "last_free_energy": lambda c: c.free_energy_difference[-1],
        "first_spread": lambda c: c.spread[0],
        "last_spread": lambda c: c.spread[-1],
        "mean_to_divergence": lambda c: _on_the_way(c, c.moved[:, 0]),
        "mean_to_free_energy": lambda c: _on_the_way(c, c.moved[:, 1]),
        "mean_to_lower": lambda c: _on_the_way(c, c.lowering),
        "lowering": lambda c: (c.lowering < 90).mean(),
        "left_divergence_slope": lambda c: c.slopes[-1, 0] / c.slopes[:, 0].max(),
        "left_free_energy_slope": lambda c: c.slopes[-1, 1] / c.slopes[:, 1].max(),
    }
    found: dict = {}
    for name, reading in readings.items():
        each = [over_seeds([reading(c) for c in courses]) for courses in arms.values()]
        found |= stacked(each, name, "every_arm")
    return xr.Dataset(found, coords={"every_arm": list(arms)})


def _on_the_way(read: Course, angles: np.ndarray) -> float:
    """Mean angle of the moves until nine tenths of the change of KL are done.

    Close to where an arm stands still its moves are small and go anywhere.
    """
    gone = abs(read.divergence - read.divergence[0])
    done = int(np.argmax(gone >= 0.9 * gone.max()))
    return float(angles[: max(done, 1)].mean())


def draw(dataset: xr.Dataset) -> list[Section]:
    """KL, ΔF and the range of g along every arm, the slopes, and where moves go."""
    return [
        Section(
            "Down one objective, and what becomes of the other",
            f"Machines of {SHAPE[0]}×{SHAPE[1]} Ising spins at K = {COUPLING:g}, each "
            "line one seed, everything exact. KL(p‖q) and ΔF in nats; the ΔF that is "
            "shown has no constant in the energy, and |ΔF + c| is |ΔF| with the one "
            "that makes it 0 where the descent of KL ends. Below, with g = ln Tr_h "
            "e^T, "
            "the largest g less the smallest over all v, which is 0 at an exact step.",
            data_uri(_draw_courses(dataset)),
            tables=[_table(dataset)],
        ),
        Section(
            "Both slopes on the way",
            "Lengths of ∂KL/∂θ and of ∂ΔF/∂θ along every way, each line one seed. No "
            "constant of the energy is in them. At a least KL its own slope is 0; that "
            "of ΔF need not be.",
            data_uri(_draw_slopes(dataset)),
        ),
        Section(
            "Which way a training moves",
            "Angles of every move of the weights with downhill of KL, with downhill of "
            "ΔF (whatever the constant of the energy) and with downhill of |ΔF| (with "
            "c "
            "where the title has it), means over seeds; below 90° (dashed) a move goes "
            "down. Grey is "
            "the angle between downhill of KL and of |ΔF|. One line may hide another: "
            "a "
            "descent of KL is on the grey line.",
            data_uri(_draw_angles(dataset)),
        ),
    ]


def _draw_courses(dataset: xr.Dataset) -> Figure:
    arms = [*dataset["arm"].values, TRAINED]
    fig = figure(2.6 * len(arms), 6.4, 3, len(arms))
    axes = np.array(fig.axes).reshape(3, len(arms))
    labels = {
        "divergence": "KL (nats)",
        "free_energy": "ΔF (nats)",
        "spread": "largest − smallest g",
    }
    for column, arm in zip(axes.T, arms, strict=True):
        for ax, (name, label) in zip(column, labels.items(), strict=True):
            x, lines = _line(dataset, str(arm), name)
            for k, line in enumerate(lines):
                ax.plot(x, line, color=PALETTE[k % 6], linewidth=1.2)
            _scale(ax, str(arm), label, name)
        column[0].set_title(_title(str(arm)), fontsize=10)
    for row in axes:
        _same_limits(row)
    return fig


def _draw_slopes(dataset: xr.Dataset) -> Figure:
    arms = [*dataset["arm"].values, TRAINED]
    fig = figure(2.6 * len(arms), 2.9, 1, len(arms))
    for ax, arm in zip(fig.axes, arms, strict=True):
        for name, colour, label in zip(
            SLOPES, PALETTE, ("|∂KL/∂θ|", "|∂ΔF/∂θ|"), strict=False
        ):
            x, lines = _line(dataset, str(arm), name)
            for k, line in enumerate(lines):
                ax.plot(x, line, color=colour, linewidth=1.1, label="" if k else label)
        ax.set_yscale("log")
        ax.set_title(_title(str(arm)), fontsize=10)
        _scale(ax, str(arm), "length of the slope", "slope")
    _same_limits(np.array(fig.axes))
    _legend(fig)
    return fig


def _legend(fig: Figure) -> None:
    """Beside the pictures, where it hides no line."""
    lines, labels = fig.axes[0].get_legend_handles_labels()
    fig.legend(lines, labels, fontsize=8, frameon=False, loc="outside right upper")


def _line(dataset: xr.Dataset, arm: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    if arm == TRAINED:
        return dataset["epoch"].values, dataset[f"trained_{name}"].values
    lines = dataset[name].sel(arm=arm).values
    return np.arange(lines.shape[1]), lines


def _scale(ax: Axes, arm: str, label: str, name: str) -> None:
    ax.set_xlabel("epoch" if arm == TRAINED else "step", fontsize=9)
    ax.set_ylabel(label, fontsize=9)
    if name in READ:
        ax.axhline(0, color="black", linewidth=0.8)
    if arm == TRAINED:
        ax.set_xscale("symlog", linthresh=1)
        ax.set_xlim(left=-0.2)


def _title(arm: str) -> str:
    return "CD-1 on samples" if arm == TRAINED else f"down {arm}"


def _same_limits(row: np.ndarray) -> None:
    limits = np.array([ax.get_ylim() for ax in row])
    for ax in row:
        ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())


def _draw_angles(dataset: xr.Dataset) -> Figure:
    arms = [*dataset["arm"].values, TRAINED]
    fig = figure(2.6 * len(arms), 2.9, 1, len(arms))
    lines = {
        "downhill": ("grey", "between KL and |ΔF|", 2.6),
        "to_free_energy": (PALETTE[1], "downhill of |ΔF|", 1.2),
        "to_lower": (PALETTE[2], "downhill of ΔF", 1.2),
        "to_divergence": (PALETTE[0], "downhill of KL", 1.6),
    }
    for ax, arm in zip(fig.axes, arms, strict=True):
        for name, (colour, label, width) in lines.items():
            x, values = _line(dataset, str(arm), name)
            y = values.mean(axis=0)
            ax.plot(x[: len(y)], y, color=colour, linewidth=width, label=label)
        ax.axhline(90, color="black", linewidth=0.6, linestyle="--")
        ax.set_ylim(-5, 185)
        ax.set_yticks([0, 45, 90, 135, 180])
        ax.set_title(_title(str(arm)), fontsize=10)
        _scale(ax, str(arm), "angle of a move (°)", "angle")
    _legend(fig)
    return fig


def _table(dataset: xr.Dataset) -> Table:
    pairs = {"divergence": "KL", "free_energy": "ΔF", "spread": "largest − smallest g"}
    rows = [
        [_title(str(arm)), *(_both(dataset, str(arm), name) for name in pairs)]
        for arm in dataset["every_arm"].values
    ]
    return Table(["way", *(f"{label}: first → last" for label in pairs.values())], rows)


def _both(dataset: xr.Dataset, arm: str, name: str) -> str:
    first, last = (_end(dataset, arm, f"{end}_{name}") for end in ("first", "last"))
    return f"{first} → {last}"


def _end(dataset: xr.Dataset, arm: str, name: str) -> str:
    return shown(dataset, name, every_arm=arm)


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """What training follows, what becomes of ΔF, the controls, and exactness."""
    return [
        _follows(dataset),
        _free_energy(dataset),
        _other_way(dataset),
        _exactness(dataset),
    ]


def _follows(dataset: xr.Dataset) -> Check:
    """Moves of CD-1 go down KL, and less along ∂ΔF of either sign: of any |ΔF + c|."""
    kl, lower = (dataset[f"trained_{n}"].values for n in ("to_divergence", "to_lower"))
    arms = [TRAINED, "CD-1"]
    ways = dataset.sel(every_arm=arms)
    down = bool((ways["mean_to_divergence"] < 45).all())
    along = np.minimum(ways["mean_to_lower"], 180 - ways["mean_to_lower"])
    closer = bool((ways["mean_to_divergence"] < along).all())
    said = [
        f"{_title(arm)} {_end(dataset, arm, 'mean_to_divergence')}° and "
        f"{_end(dataset, arm, 'mean_to_lower')}°"
        for arm in arms
    ]
    nearer = (kl < np.minimum(lower, 180 - lower)).mean()
    return Check(
        claim="Training minimises the divergence KL of the data and the machine.",
        paper=REMEMBERED,
        ours=f"KL {_both(dataset, TRAINED, 'divergence')} nats by CD-1 on samples, "
        f"{_both(dataset, 'CD-1', 'divergence')} by its mean update",
        status=Status.REPRODUCED if down and closer else Status.PARTLY,
        reason="angles with downhill of KL and with downhill of ΔF itself until nine "
        f"tenths of KL are gone: {'; '.join(said)}; of all moves {float(nearer):.0%} "
        f"are closer to KL, the last {float(kl[:, -1].mean()):.0f}° from it: CD-1 ends "
        "elsewhere",
    )


def _free_energy(dataset: xr.Dataset) -> Check:
    """Is ΔF stationary where KL is? Slopes have no constant in them."""
    at = dataset.sel(every_arm="KL")
    left, error, own = (
        float(at[n])
        for n in (
            "left_free_energy_slope",
            "left_free_energy_slope_error",
            "left_divergence_slope",
        )
    )
    # Nothing of the slope is left, as far as the descent of KL has come itself.
    ends = left - 3 * error < max(NOTHING, 2 * own)
    said = [
        f"{_title(a)} {_both(dataset, a, 'free_energy')}"
        for a in ("KL", "CD-1", TRAINED)
    ]
    return Check(
        claim="Training a machine minimises the difference of free energies ΔF, as "
        "variational renormalization does.",
        paper=f"{REMEMBERED}; the two are taken for the same",
        ours=f"ΔF without a constant: {'; '.join(said)}",
        status=Status.REPRODUCED if ends else Status.NOT,
        reason=f"most of the way training lowers ΔF ({float(at['lowering']):.1%} of "
        "the "
        "moves down KL, at "
        f"{_end(dataset, 'KL', 'mean_to_lower')}° to its downhill until nine tenths of "
        "KL are gone) and does not stop at 0 or anywhere else that ΔF knows of: where "
        f"{own:.1%} of the largest slope of KL is left, {left:.0%} of that of ΔF is, "
        "whatever constant the energy has",
    )


def _other_way(dataset: xr.Dataset) -> Check:
    """Descents of |ΔF|, without a constant and with that of hindsight, as controls."""
    arms = {"|ΔF|": "no constant", HINDSIGHT: "c that makes it 0 where KL ends"}
    at = dataset.sel(every_arm=list(arms))
    goal = [0.0, float(dataset["last_free_energy"].sel(every_arm="KL"))]
    left = abs(at["last_free_energy"] - goal) / abs(at["first_free_energy"] - goal)
    kept = at["last_divergence"] / at["first_divergence"]
    there = (left < 0.5) & (kept < 0.5)
    some = Status.PARTLY if bool(there.any()) else Status.NOT
    said = [
        f"{words}: ΔF {_both(dataset, a, 'free_energy')}, KL "
        f"{_both(dataset, a, 'divergence')}"
        for a, words in arms.items()
    ]
    return Check(
        claim="A machine taken down |ΔF| comes to the law of the data.",
        paper="not in the text at hand; it would follow if KL and ΔF were the same",
        ours="; ".join(said),
        status=Status.REPRODUCED if bool(there.all()) else some,
        reason=f"{float(left.max()):.0%} of the way to the wanted ΔF is left at most, "
        "and "
        f"{float(kept.min()):.0%} to {float(kept.max()):.0%} of KL: one number, ln Z, "
        "is "
        "all of the data that it has seen; the descent of KL leaves "
        f"{float(_kept(dataset, 'KL')):.0%}",
    )


def _kept(dataset: xr.Dataset, arm: str) -> xr.DataArray:
    """Share of KL that is left."""
    at = dataset.sel(every_arm=arm)
    return at["last_divergence"] / at["first_divergence"]


def _exactness(dataset: xr.Dataset) -> Check:
    """What is left of the range of ln Tr_h e^T, against a limit and not its error."""
    arms = ["KL", "CD-1", TRAINED]
    at = dataset.sel(every_arm=arms)
    left = at["last_spread"] / at["first_spread"]
    error = 3 * at["last_spread_error"] / at["first_spread"]
    others = dataset.sel(every_arm=["|ΔF|", HINDSIGHT])
    control = others["last_spread"] / others["first_spread"]
    if bool((left + error < NOTHING).all()):
        status = Status.REPRODUCED
    elif bool((left - error < NOTHING).any() | (abs(left - 1) < error).any()):
        status = Status.OPEN
    else:
        status = Status.PARTLY if float(left.max()) < 1 else Status.NOT
    said = [f"{_title(a)} {_both(dataset, a, 'spread')}" for a in arms]
    return Check(
        claim="A trained machine is an exact step, Tr_h e^T the same for every v.",
        paper=f"{REMEMBERED}, where KL = 0",
        ours=f"range of ln Tr_h e^T over all v: {'; '.join(said)}",
        status=status,
        reason=f"at most {float(left.max()):.0%} of the range is left by training "
        f"({NOTHING:.0%} would count as none), {float(control.min()):.0%} and "
        f"{float(control.max()):.0%} by the descents of |ΔF|; it is not 0 with so few "
        "units",
    )


EXHIBIT = Exhibit(
    name="training_objective",
    title="What training follows",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
