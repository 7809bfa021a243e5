"""The mapping itself: what is equal by construction, what says that a step is exact.

The paper reads a machine of energy E(v, h) as the step T(v, h) = −E(v, h) + H[v] of
variational renormalization: its abstract, which is the text at hand, has an exact
mapping. Remembered and not in that text are the formulas: that the Hamiltonian of the
coarse spins is that of the hidden units, that a step is exact where Tr_h e^T = 1, that
this is the same as equal free energies, and that KL = 0 there.

Decided by visiting all states of small systems, case by case: H_RG[h] = H_RBM[h] holds
for every machine, trained or not, as H[v] cancels. The other conditions are told apart
by a table of cases, one of which is enough to break an arrow; whether two laws are the
same is asked of the laws, not of Tr_h e^T. If the step is exact, what the data make of
the hidden layer is the law of H_RG; not conversely: one hidden unit without biases is a
fair coin in both. Near an exact step KL = ½ Var ln Tr_h e^T, so that what is called
exact has a size.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import xarray as xr
from matplotlib.figure import Figure
from scipy.special import log_softmax, rel_entr, softmax

from kadanoff.estimate import parenthesised
from kadanoff.exact.pairs import states
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work
from kadanoff.experiments.mehta2014.descents import machine_of, starts
from kadanoff.experiments.studies import attributes_of, over_seeds
from kadanoff.models.ising import Ising
from kadanoff.networks.anchors import bond_machine, sublattice_machine
from kadanoff.networks.machine import Machine
from kadanoff.networks.mapping import (
    Exactness,
    Step,
    as_step,
    balanced,
    block_rule,
    exactness,
    hamiltonian,
    random_rule,
    rule_step,
    uncoupled,
)
from kadanoff.networks.products import one_thread
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = ["EXHIBIT", "FAST", "FULL", "Settings", "checks", "compute", "draw"]

REMEMBERED = "remembered; the text at hand is the abstract"
"""Of what the paper says beyond its abstract."""
SITES, UNITS = 6, 2
COUPLING = 0.9  # ln Z of the ring is above 8 ln 2, so that scaled weights can meet it
DECADES = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
ROUNDING = 1e-9
OFF = 1.01
"""Factor of the weights of another machine, from which H_RG must be told."""
CONDITIONS = {
    "trace_is_one": "Tr e^T = 1",
    "trace_is_constant": "Tr e^T the same for all v",
    "same_law": "KL = 0",
    "same_free_energy": "ΔF = 0",
    "same_hidden_law": "Σ p(h|v) p(v) is the law of H_RG",
}
FIELD = (0.3, -1.0)
"""On the hidden units of the case without weights: any will do but 0."""


@dataclass(frozen=True)
class Settings:
    """How many machines are looked at.

    Attributes:
        seeds: random machines of every size of weights.
        scales: of their weights.
    """

    seeds: int
    scales: tuple[float, ...] = (0.01, 0.1, 0.4, 1.0)


FAST = Settings(seeds=5)
FULL = Settings(seeds=50)


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """The table of cases, machines of all kinds, and the approach to an exact step."""
    with one_thread(), torch.no_grad():
        cases = _cases(work)
        parts = [
            _conditions(cases),
            _construction(cases),
            _machines(settings, work),
            _approach(settings, work),
        ]
    return xr.merge(parts).assign_attrs(attributes_of(settings))


def _cases(work: Work) -> dict[str, tuple[Step, Machine | None]]:
    """Steps of all kinds on a ring, with the machine where there is one."""
    ring = Ising((SITES,))
    H = hamiltonian(ring, COUPLING)
    start = machine_of(
        starts(1, SITES, UNITS, scale=0.1, seed=work.subseed("untrained"))[0]
    )
    bonds = bond_machine(ring, COUPLING)
    some, perfect = as_step(start, H), as_step(bonds, H)
    scaled = balanced(start, H)
    halves, left = sublattice_machine((2 * SITES,), COUPLING), _every_second()
    one = machine_of(starts(1, SITES, 1, scale=0.4, seed=work.subseed("one unit"))[0])
    apart = machine_of(np.zeros((SITES, UNITS)))
    apart.b.copy_(torch.tensor(FIELD))
    block = rule_step(block_rule((SITES,), 2, 0.7), H)
    rng = np.random.default_rng(work.subseed("noise"))
    noise = random_rule(softmax(-H), SITES // 2, information=block.information, rng=rng)
    return {
        "untrained machine": (some, start),
        "untrained, constant for ⟨g⟩ = 0": (_shifted(some, "mean"), start),
        "untrained, constant for equal Z": (_shifted(some, "equal"), start),
        "untrained, all weights times s": (as_step(scaled, H), scaled),
        "one unit, no biases": (as_step(one, H), one),
        "no weights, biases": (as_step(apart, H), apart),
        "a unit on every bond": (perfect, bonds),
        "a unit on every bond, equal Z": (_shifted(perfect, "equal"), bonds),
        "sublattice machine": (as_step(halves, left), halves),
        "Kadanoff's block rule": (block, None),
        "block majority": (rule_step(block_rule((SITES,), 2, math.inf), H), None),
        "random p(h|v)": (rule_step(noise, H), None),
        "p(v) p(h)": (uncoupled(some), None),
    }


def _every_second() -> np.ndarray:
    """H of every second spin of a ring, its constant included, all others summed."""
    whole = hamiltonian(Ising((2 * SITES,)), COUPLING)
    kept = states(2 * SITES)[:, ::2] > 0
    code = kept @ (2 ** np.arange(SITES)[::-1])
    return -np.log(np.bincount(code, weights=np.exp(-whole)))


def _shifted(step: Step, convention: str) -> Step:
    return step.shifted(step.exactness.constant(convention))  # pyright: ignore[reportArgumentType]


def _conditions(cases: Mapping[str, tuple[Step, Machine | None]]) -> xr.Dataset:
    reads = [step.exactness for step, _ in cases.values()]
    holds = [_holds(*case) for case in cases.values()]
    return xr.Dataset(
        {
            "holds": (("case", "condition"), np.array(holds, dtype=np.int8)),
            "free_energy": (
                "case",
                np.array([r.free_energy_difference for r in reads]),
            ),
            "divergence": ("case", np.array([r.divergence for r in reads])),
            "spread": ("case", np.array([r.spread for r in reads])),
            "largest": ("case", np.array([abs(r.log_trace).max() for r in reads])),
            "information": (
                "case",
                np.array([step.information for step, _ in cases.values()]),
            ),
        },
        coords={"case": list(cases), "condition": list(CONDITIONS)},
    )


def _holds(step: Step, machine: Machine | None) -> list[bool]:
    """Which of the conditions hold; of equal laws by the laws themselves."""
    told = step.exactness.claims(ROUNDING)
    found = {
        "trace_is_one": told.trace_is_one,
        "trace_is_constant": told.trace_is_constant,
        "same_law": bool(abs(_ratio(step, machine)).max() <= ROUNDING),
        "same_free_energy": told.same_free_energy,
        "same_hidden_law": bool(abs(step.passed_up - step.hidden).max() <= ROUNDING),
    }
    return [found[name] for name in CONDITIONS]


def _ratio(step: Step, machine: Machine | None) -> np.ndarray:
    """ln q − ln p of every v, q of the machine, or of p(v, h) where there is none."""
    if machine is None:
        log_q = np.log(step.joint.sum(axis=1))
    else:
        sites = len(step.hamiltonian).bit_length() - 1
        v = torch.from_numpy(states(sites)).double()
        shape = machine.visible_geometry(None).lattice
        log_q = machine.log_likelihood(v.reshape(-1, *shape)).numpy()
    return log_q - log_softmax(-step.hamiltonian)


def _construction(cases: Mapping[str, tuple[Step, Machine | None]]) -> xr.Dataset:
    """Of every case: H_RG against H_RBM, and the hidden layer that is passed up."""
    apart = [math.nan if m is None else _apart(s, m) for s, m in cases.values()]
    passed = [_passed(step) for step, _ in cases.values()]
    return xr.Dataset(
        {"hamiltonians_apart": ("case", apart), "passed_apart": ("case", passed)}
    )


def _apart(step: Step, machine: Machine) -> float:
    """Largest |H_RG[h] − H_RBM[h]| but for one constant of the energy."""
    units = len(step.coarse_hamiltonian).bit_length() - 1
    h = torch.from_numpy(states(units)).double()
    own = machine.hidden_free_energy(h).numpy()
    gap = step.coarse_hamiltonian - own
    return float(abs(gap - gap.mean()).max())


def _passed(step: Step) -> float:
    """Divergence of the hidden units over the data from the law of H_RG."""
    return float(rel_entr(step.passed_up, step.hidden).sum())


def _machines(settings: Settings, work: Work) -> xr.Dataset:
    """Untrained machines: how far H_RG from H_RBM, and how far from exact."""
    H = hamiltonian(Ising((SITES,)), COUPLING)
    found = np.empty((len(settings.scales), settings.seeds, 5))
    for i, scale in enumerate(settings.scales):
        seed = work.subseed("machines", f"{scale:g}")
        drawn = starts(settings.seeds, SITES, UNITS, scale=scale, seed=seed)
        for j, weights in enumerate(drawn):
            machine = machine_of(weights)
            step = as_step(machine, H)
            read = step.exactness
            found[i, j] = (
                _apart(step, machine),
                read.divergence,
                _passed(step),
                _apart(step, machine_of(OFF * weights)),
                read.divergence / (read.deviation**2 / 2),
            )
    names = (
        "random_apart",
        "random_divergence",
        "random_passed",
        "other_apart",
        "random_variance_ratio",
    )
    return xr.Dataset(
        {n: (("scale", "seed"), found[..., k]) for k, n in enumerate(names)},
        coords={"scale": list(settings.scales), "seed": range(settings.seeds)},
    )


def _approach(settings: Settings, work: Work) -> xr.Dataset:
    """A perfect machine with its weights moved at random, less and less."""
    reads = [[_moved(s, size, work) for size in DECADES] for s in range(settings.seeds)]
    kl = np.array([[r.divergence for r in row] for row in reads])
    deviation = np.array([[r.deviation for r in row] for row in reads])
    pairs = zip(np.log(deviation), np.log(kl), strict=True)
    slopes = [_slope(x, y) for x, y in pairs]
    slope = over_seeds(slopes)
    axes = ("seed", "size")
    return xr.Dataset(
        {
            "near_divergence": (axes, kl),
            "near_deviation": (axes, deviation),
            "slope": ((), slope.value),
            "slope_error": ((), slope.error),
        },
        coords={"size": list(DECADES)},
    )


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    """Of the line of least squares."""
    off = x - x.mean()
    return float(off @ y / (off @ off))


def _moved(seed: int, size: float, work: Work) -> Exactness:
    ring = Ising((SITES,))
    machine = bond_machine(ring, COUPLING)
    noise = torch.Generator().manual_seed(work.subseed("moved", seed))
    machine.W.add_(size * torch.randn(machine.W.shape, generator=noise).double())
    return exactness(machine, hamiltonian(ring, COUPLING))


def broken(dataset: xr.Dataset, premise: str, conclusion: str) -> str | None:
    """The case of largest KL that has the premise and not the conclusion."""
    holds = dataset["holds"].astype(bool)
    wrong = holds.sel(condition=premise) & ~holds.sel(condition=conclusion)
    if not wrong.any():
        return None
    return str(dataset["divergence"].where(wrong, -1).idxmax("case").item())


def draw(dataset: xr.Dataset) -> list[Section]:
    """What is equal by construction, every arrow, and the approach to exactness."""
    return [
        Section(
            "Equal by construction",
            f"Random machines of {SITES} visible and {UNITS} hidden spins, untrained, "
            f"with a ring at K = {COUPLING:g} as data. Left: H_RG[h] is the "
            "hidden Hamiltonian of every one of them, to rounding, however far the "
            "machine is from the data. Right: what the data make of the hidden layer, "
            "Σ p(h|v) p(v), differs from the law of H_RG, by less than the visible "
            "layers do.",
            data_uri(_draw_construction(dataset)),
        ),
        Section(
            "Which arrows hold",
            "Each case by all its states. g = ln Tr_h e^T; ΔF and KL in nats. Whether "
            "KL is 0 is asked of the laws of the data and of the machine. In the "
            "second table a row is a premise and a column a conclusion: where a case "
            "is named, it breaks the arrow; an empty place means that none does.",
            tables=[_case_table(dataset), _arrow_table(dataset)],
        ),
        Section(
            "Near an exact step",
            "The machine with a unit on every bond, its weights moved at random, less "
            "and less. Left: KL against the standard deviation of g, with ½ Var g "
            "(line). Right: what is left, of the order of the deviation itself.",
            data_uri(_draw_approach(dataset)),
        ),
    ]


def _draw_construction(dataset: xr.Dataset) -> Figure:
    fig = figure(9, 3.4, columns=2)
    left, right = fig.axes
    kl = dataset["random_divergence"]
    for scale, colour in zip(dataset["scale"].values, PALETTE, strict=False):
        at = dataset.sel(scale=scale)
        x, label = kl.sel(scale=scale), f"weights of {scale:g}"
        # Rounding may be exactly 0, which a logarithm does not show.
        y = np.maximum(at["random_apart"], 1e-16)
        left.plot(x, y, "o", color=colour, markersize=4, label=label)
        right.plot(x, at["random_passed"], "o", color=colour, markersize=4)
    left.set_yscale("log")
    left.set_ylim(3e-17, 1)
    left.set_ylabel("largest |H_RG − H_RBM| (or 1e−16)")
    ends = np.array([float(kl.min()), float(kl.max())])
    right.plot(ends, ends, "k--", linewidth=0.8, label="bound: KL(p‖q)")
    right.set_yscale("log")
    right.set_ylabel("KL of the hidden laws (nats)")
    for ax in fig.axes:
        ax.set_xlabel("KL(p‖q) of the visible laws (nats)")
        ax.legend(fontsize=8, frameon=False)
    return fig


def _draw_approach(dataset: xr.Dataset) -> Figure:
    fig = figure(9, 3.4, columns=2)
    left, right = fig.axes
    x, y = dataset["near_deviation"], dataset["near_divergence"]
    for k in range(dataset.sizes["seed"]):
        at, kl = x.isel(seed=k), y.isel(seed=k)
        colour = PALETTE[k % 6]
        left.plot(at, kl, "o", color=colour, markersize=3.5)
        right.plot(at, abs(kl / (at**2 / 2) - 1), "o", color=colour, markersize=3.5)
    ends = np.array([float(x.min()), float(x.max())])
    left.plot(ends, ends**2 / 2, "k-", linewidth=0.8, label="½ Var g")
    right.plot(ends, ends, "k--", linewidth=0.8, label="slope 1")
    left.set_ylabel("KL (nats)")
    right.set_ylabel("|KL / (½ Var g) − 1|")
    for ax in fig.axes:
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("standard deviation of g over the data")
        ax.legend(fontsize=8, frameon=False)
    return fig


def _case_table(dataset: xr.Dataset) -> Table:
    rows = []
    for name in dataset["case"].values:
        at = dataset.sel(case=name)
        marks = ["yes" if at["holds"].sel(condition=c) else "no" for c in CONDITIONS]
        numbers = ("largest", "spread", "divergence", "free_energy", "information")
        rows.append([str(name), *marks, *(_number(at[n].item()) for n in numbers)])
    numbers = ("largest |g|", "largest − smallest g", "KL", "ΔF", "I(v:h)")
    return Table(["case", *CONDITIONS.values(), *numbers], rows)


def _number(x: float) -> str:
    return "0" if abs(x) < ROUNDING else f"{x:.4g}"


def _arrow_table(dataset: xr.Dataset) -> Table:
    rows = [
        [
            text,
            *(
                "" if (b := broken(dataset, one, to)) is None else b
                for to in CONDITIONS
            ),
        ]
        for one, text in CONDITIONS.items()
    ]
    return Table(["if ↓ then →", *CONDITIONS.values()], rows)


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """The identity, four equivalences, and what exactness is measured by."""
    return [
        _identity(dataset),
        _arrow(
            dataset,
            "A step is exact, KL = 0, if and only if Tr_h e^T = 1 for every v.",
            ("trace_is_one", "same_law"),
            paper=REMEMBERED,
        ),
        _arrow(
            dataset,
            "Equal free energies, ΔF = 0, are the same as an exact step.",
            ("same_free_energy", "same_law"),
            paper=REMEMBERED,
        ),
        _arrow(
            dataset,
            "What is the same as KL = 0 is that Tr_h e^T does not depend on v.",
            ("trace_is_constant", "same_law"),
            paper="not in the text at hand; ours, in place of the two arrows above",
        ),
        _passed_check(dataset),
        _variance(dataset),
    ]


def _identity(dataset: xr.Dataset) -> Check:
    worst = float(dataset["random_apart"].max())
    kl, other = dataset["random_divergence"], dataset["other_apart"].median()
    equal = worst < ROUNDING < float(other)
    return Check(
        claim="The Hamiltonian of the coarse spins is that of the hidden units, "
        "H_RG[h] = H_RBM[h].",
        paper="the abstract has an exact mapping; the formula is remembered",
        ours=f"{kl.size} untrained machines: at most {worst:.1e} apart",
        status=Status.REPRODUCED if equal else Status.NOT,
        reason=f"it holds whatever the weights, for machines with KL from "
        f"{float(kl.min()):.2g} to {float(kl.max()):.2g} nats alike: H[v] cancels, and "
        "the identity says nothing of training or exactness; machines with weights "
        f"{OFF - 1:.0%} larger are {float(other):.1e} apart (median)",
    )


def _arrow(
    dataset: xr.Dataset, claim: str, arrow: tuple[str, str], paper: str
) -> Check:
    """Both directions of an equivalence."""
    found = {pair: broken(dataset, *pair) for pair in itertools.permutations(arrow)}
    wrong = {pair: case for pair, case in found.items() if case is not None}
    said = [
        f"{CONDITIONS[one]} ⇏ {CONDITIONS[to]}: {case} (ΔF = "
        f"{_number(dataset['free_energy'].sel(case=case).item())}, KL = "
        f"{_number(dataset['divergence'].sel(case=case).item())})"
        for (one, to), case in wrong.items()
    ]
    cases = dataset.sizes["case"]
    return Check(
        claim=claim,
        paper=paper,
        ours="; ".join(said) or f"no counterexample among {cases} cases",
        status=(Status.REPRODUCED, Status.PARTLY, Status.NOT)[len(wrong)],
        reason=f"{2 - len(wrong)} of 2 arrows hold in all {cases} cases"
        + ("; one case is enough to break the other" if len(wrong) == 1 else ""),
    )


def _passed_check(dataset: xr.Dataset) -> Check:
    found = _arrow(
        dataset,
        "What the data make of the hidden layer is the law of H_RG if the step is "
        "exact, and only then.",
        ("same_law", "same_hidden_law"),
        paper="not in the text at hand; a stack needs the first half",
    )
    share = float((dataset["random_passed"] / dataset["random_divergence"]).max())
    bound = (
        f"of random machines the hidden laws differ by at most {share:.0%} of KL(p‖q)"
    )
    if share > 1:
        return replace(
            found, status=Status.NOT, reason=f"{bound}, which is their bound"
        )
    return replace(found, reason=f"{found.reason}; {bound}, their bound")


def _variance(dataset: xr.Dataset) -> Check:
    x, y = dataset["near_deviation"], dataset["near_divergence"]
    slope, error = (float(dataset[name]) for name in ("slope", "slope_error"))
    rest = abs(y / (x**2 / 2) - 1)
    worst = float((rest / dataset["size"]).max())
    far = dataset["random_variance_ratio"]
    decades = math.log10(float(x.max() / x.min()))
    # A rest of first order moves the slope by as much, so that no error bounds it.
    follows = abs(slope - 2) < float(dataset["size"].max()) and worst < 10
    return Check(
        claim="Near an exact step KL is half the variance of ln Tr_h e^T.",
        paper="not stated; ours",
        ours=f"slope {parenthesised(slope, error)} over {decades:.1f} decades, 2 is "
        "expected",
        status=Status.REPRODUCED if follows else Status.NOT,
        reason=f"KL/(½ Var g) is 1 within {float(rest.min()):.0e} to "
        f"{float(rest.max()):.0e}, at most {worst:.1f} times the change of the "
        "weights; "
        f"of untrained machines it is {float(far.min()):.2g} to {float(far.max()):.2g}",
    )


EXHIBIT = Exhibit(
    name="identities",
    title="What the mapping makes equal",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
