"""Which objective a training follows: KL, or the difference of free energies.

Variational renormalization chooses its parameters by ΔF, the difference of the free
energies before and after the step; a machine is trained by KL. The paper takes one for
the other (in words; both vanish at an exact step). Both are computed here at every step
of a training, with ln Tr_h e^T of every visible state, from the same initial weights:

    KL        plain descent of KL(p‖q), all states visited
    |ΔF|      plain descent of ½ ΔF², which knows the data by one number, ln Z
    CD-1      the mean update of contrastive divergence, as an expectation
    trained   CD-1 as it is done: `kadanoff.networks.train` on drawn configurations

ΔF depends on the constant of the energy, which no law depends on and no training moves;
here there is none, E = −vᵀWh, as machines are. (With the constant that makes ⟨g⟩ = 0,
−ΔF is KL, and to ask which one is followed has no meaning.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kadanoff.ensemble import Ensemble
from kadanoff.exact.pairs import states
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work, shown, stacked
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

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "checks", "compute", "draw"]

SHAPE = (3, 3)
COUPLING = 0.44
SCALE = 0.1  # of the initial weights
DESCENTS: dict[str, tuple[Objective, float]] = {
    "KL": ("divergence", 0.1),
    "|ΔF|": ("free energy", 0.1),
    "CD-1": ("contrastive", 0.1),
}
"""Arms of exact slopes with their rates."""
TRAINED = "trained"
READ = ("divergence", "free_energy", "spread")
ANGLES = ("to_divergence", "to_free_energy")


@dataclass(frozen=True)
class Settings:
    """How long and how often.

    Attributes:
        seeds: initial weights, each taken down all arms.
        hidden: units of a machine. With four, ln Z of the data is below
            (N_v + N_h) ln 2, the least that ln Z of a machine can be.
        steps: of the descents.
        draws: independent configurations of the training by samples.
        epochs: of it, whose machines at 0, 1, 2, 4, … are read.
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
            for name, (objective, rate) in DESCENTS.items():
                down[name].append(
                    descend(
                        start, H, objective=objective, rate=rate, steps=settings.steps
                    )
                )
            trained.append(_trained(start, H, settings, seed, work))
            work.progress("trainings read exactly")(seed + 1, settings.seeds)
    arms = [_arm(name, courses) for name, courses in down.items()]
    steps = xr.concat(arms, "arm").assign_coords(arm=list(down))
    samples = _arm("", trained).rename(
        {n: f"trained_{n}" for n in (*READ, *ANGLES, "downhill")}
        | {"step": "checkpoint", "move": "leap"}
    )
    lasting = [0, *(2**k for k in range(samples.sizes["checkpoint"] - 1))]
    samples = samples.assign_coords(epoch=("checkpoint", lasting))
    ends = _ends(down, trained)
    return xr.merge([steps, samples, ends]).assign_attrs(attributes_of(settings))


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
    store = work.runs / f"mehta2014-objective-{work.seed}-{seed}-{settings.epochs}"
    data = Ensemble.from_values(spins)
    train(start, data, settings=how, seed=work.subseed("train", seed), store=store)
    return course(machines_of(store), H)


def _arm(name: str, courses: Sequence[Course]) -> xr.Dataset:
    """What is read on the way, by seed."""
    readings = {
        "divergence": [c.divergence for c in courses],
        "free_energy": [c.free_energy_difference for c in courses],
        "spread": [c.spread for c in courses],
        "downhill": [c.downhill for c in courses],
    }
    moved = np.array([c.moved for c in courses])
    found: dict = {n: (("seed", "step"), np.array(x)) for n, x in readings.items()}
    found |= {n: (("seed", "move"), moved[..., k]) for k, n in enumerate(ANGLES)}
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
        "mean_to_divergence": lambda c: _on_the_way(c)[0],
        "mean_to_free_energy": lambda c: _on_the_way(c)[1],
    }
    found: dict = {}
    for name, reading in readings.items():
        each = [over_seeds([reading(c) for c in courses]) for courses in arms.values()]
        found |= stacked(each, name, "every_arm")
    return xr.Dataset(found, coords={"every_arm": list(arms)})


def _on_the_way(read: Course) -> np.ndarray:
    """Mean angles of the moves until nine tenths of the change of KL are done.

    Close to where an arm stands still its moves are small and go anywhere.
    """
    gone = abs(read.divergence - read.divergence[0])
    done = int(np.argmax(gone >= 0.9 * gone.max()))
    return read.moved[: max(done, 1)].mean(axis=0)


def draw(dataset: xr.Dataset) -> list[Section]:
    """KL, ΔF and the spread along every arm, and the angles of the moves."""
    return [
        Section(
            "Down one objective, and what becomes of the other",
            f"Machines of {SHAPE[0]}×{SHAPE[1]} Ising spins at K = {COUPLING:g}, each "
            "line one seed, everything exact. KL(p‖q) and ΔF in nats, no constant "
            "added to the energy; below, max − min of ln Tr_h e^T over all v, which is "
            "0 at an exact step.",
            data_uri(_draw_courses(dataset)),
            tables=[_table(dataset)],
        ),
        Section(
            "Which way a training moves",
            "Angles of every move of the weights with downhill of KL and with downhill "
            "of |ΔF|, means over seeds; below 90° a move goes down that objective. The "
            "grey line is the angle between the two.",
            data_uri(_draw_angles(dataset)),
        ),
    ]


def _draw_courses(dataset: xr.Dataset) -> Figure:
    arms = [*dataset["arm"].values, TRAINED]
    fig = figure(3 * len(arms), 6.4, 3, len(arms))
    axes = np.array(fig.axes).reshape(3, len(arms))
    labels = {
        "divergence": "KL (nats)",
        "free_energy": "ΔF (nats)",
        "spread": "max g − min g",
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
    fig = figure(3 * len(arms), 2.9, 1, len(arms))
    for ax, arm in zip(fig.axes, arms, strict=True):
        for name, colour, label in zip(
            ANGLES, PALETTE, ("downhill of KL", "downhill of |ΔF|"), strict=False
        ):
            x, lines = _line(dataset, str(arm), name)
            y = lines.mean(axis=0)
            ax.plot(x[: len(y)], y, color=colour, label=label)
        x, lines = _line(dataset, str(arm), "downhill")
        ax.plot(x, lines.mean(axis=0), color="grey", linewidth=0.8)
        ax.axhline(90, color="black", linewidth=0.6, linestyle="--")
        ax.set_ylim(-5, 185)
        ax.set_yticks([0, 45, 90, 135, 180])
        ax.set_title(_title(str(arm)), fontsize=10)
        _scale(ax, str(arm), "angle of a move (°)", "angle")
    fig.axes[0].legend(fontsize=8, frameon=False)
    return fig


def _table(dataset: xr.Dataset) -> Table:
    pairs = {"divergence": "KL", "free_energy": "ΔF", "spread": "max g − min g"}
    rows = [
        [_title(str(arm)), *(_both(dataset, str(arm), name) for name in pairs)]
        for arm in dataset["every_arm"].values
    ]
    return Table(["arm", *(f"{label}: first → last" for label in pairs.values())], rows)


def _both(dataset: xr.Dataset, arm: str, name: str) -> str:
    first, last = (_end(dataset, arm, f"{end}_{name}") for end in ("first", "last"))
    return f"{first} → {last}"


def _end(dataset: xr.Dataset, arm: str, name: str) -> str:
    return shown(dataset, name, every_arm=arm)


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """What training follows, what becomes of ΔF, the control, and exactness."""
    return [
        _follows(dataset),
        _free_energy(dataset),
        _other_way(dataset),
        _exactness(dataset),
    ]


def _follows(dataset: xr.Dataset) -> Check:
    """Every move of CD-1 goes down KL, whatever it does to |ΔF|."""
    kl, change = (dataset[f"trained_{n}"].values for n in ANGLES)
    arms = [TRAINED, "CD-1"]
    ways = dataset.sel(every_arm=arms)
    down = bool((ways["mean_to_divergence"] < 45).all())
    closer = bool((ways["mean_to_divergence"] < ways["mean_to_free_energy"]).all())
    said = [
        f"{_title(arm)} {_end(dataset, arm, 'mean_to_divergence')}° and "
        f"{_end(dataset, arm, 'mean_to_free_energy')}°"
        for arm in arms
    ]
    return Check(
        claim="Training minimises the divergence KL of the data and the machine.",
        paper="in words",
        ours=f"KL {_both(dataset, TRAINED, 'divergence')} nats by CD-1 on samples, "
        f"{_both(dataset, 'CD-1', 'divergence')} by its mean update",
        status=Status.REPRODUCED if down and closer else Status.PARTLY,
        reason="angles with downhill of KL and of |ΔF| until nine tenths of KL are "
        f"gone: {'; '.join(said)}; of all moves {float((kl < change).mean()):.0%} are "
        f"closer to KL, the last {float(kl[:, -1].mean()):.0f}° from it: CD-1 ends "
        "elsewhere",
    )


def _free_energy(dataset: xr.Dataset) -> Check:
    """Does |ΔF| fall with KL?"""
    arms = ["KL", "CD-1", TRAINED]
    at = dataset.sel(every_arm=arms)
    grew = abs(at["last_free_energy"]) / abs(at["first_free_energy"])
    fell = 1 - at["last_divergence"] / at["first_divergence"]
    passes = bool((at["last_free_energy"] * at["first_free_energy"] < 0).all())
    said = [f"{_title(a)} {_both(dataset, a, 'free_energy')}" for a in arms]
    return Check(
        claim="Training a machine minimises the difference of free energies ΔF, as "
        "variational renormalization does.",
        paper="in words: the two are the same",
        ours=f"ΔF {'; '.join(said)}",
        status=Status.REPRODUCED if bool((grew < 1).all()) else Status.NOT,
        reason=f"KL falls by {float(fell.min()):.0%} or more while |ΔF| becomes "
        f"{float(grew.min()):.1f} to {float(grew.max()):.1f} times what it was"
        + ("; it passes 0 on the way, far from exact" if passes else ""),
    )


def _other_way(dataset: xr.Dataset) -> Check:
    """Descent of |ΔF| as the control."""
    at = dataset.sel(every_arm="|ΔF|")
    left = float(abs(at["last_free_energy"]) / abs(at["first_free_energy"]))
    kept = float(at["last_divergence"] / at["first_divergence"])
    return Check(
        claim="A machine taken down |ΔF| comes to the law of the data.",
        paper="follows from the paper's words; not stated",
        ours=f"ΔF {_both(dataset, '|ΔF|', 'free_energy')}, KL "
        f"{_both(dataset, '|ΔF|', 'divergence')}",
        status=Status.REPRODUCED if left < 0.5 and kept < 0.5 else Status.NOT,
        reason=f"{left:.2g} of |ΔF| is left and {kept:.0%} of KL: one number, ln Z, is "
        "all of the data that it has seen",
    )


def _exactness(dataset: xr.Dataset) -> Check:
    arms = ["KL", "CD-1", TRAINED]
    at, other = dataset.sel(every_arm=arms), dataset.sel(every_arm="|ΔF|")
    left = at["last_spread"] / at["first_spread"]
    control = float(other["last_spread"] / other["first_spread"])
    exact = bool((at["last_spread"] < 5 * at["last_spread_error"]).all())
    towards = Status.PARTLY if float(left.max()) < 1 else Status.NOT
    said = [f"{_title(a)} {_both(dataset, a, 'spread')}" for a in arms]
    return Check(
        claim="A trained machine is an exact step, Tr_h e^T the same for every v.",
        paper="in words, where KL = 0",
        ours=f"max − min of ln Tr_h e^T: {'; '.join(said)}",
        status=Status.REPRODUCED if exact else towards,
        reason=f"at most {float(left.max()):.0%} of the spread is left by training, "
        f"{control:.0%} by descent of |ΔF|; it is not 0 with so few units",
    )


EXHIBIT = Exhibit(
    name="training_objective",
    title="What training follows",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
)
