"""What a run will do, laid out before it starts: chains, spacing, cost.

Two equal plans and seeds give equal data, whatever the machine and its cores. The
choices of `auto` come from `kadanoff.samplers.table`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from kadanoff.alphabet import stored_type
from kadanoff.models.registry import model_from
from kadanoff.protocols import Model
from kadanoff.samplers.methods import METHODS, methods_of, rung_kernel, sampler_of
from kadanoff.samplers.table import (
    CERTAIN,
    IN_WORDS,
    WORD,
    choose,
    default_chains,
    group_size,
    nanoseconds,
    spacing_of,
)

__all__ = [
    "LEAST_BURN_IN",
    "LONGEST",
    "Plan",
    "check_memory",
    "plan_sampling",
    "sampler_for",
]

SHARD_BYTES = 1 << 21
LONGEST = 24 * 3600.0  # seconds of one core beyond which a run must be asked for
LEAST_BURN_IN = 12  # spacings
FIRST_RUNG = 0.0


@dataclass(frozen=True)
class Plan:
    """What a sampling run will do.

    Args:
        name: the model's.
        shape: sides of the lattice.
        parameters: what else rebuilds the model.
        coupling: K = βJ, or what the model calls its coupling; inf is T = 0.
        method: the sampler, never `auto`.
        chains: independent chains.
        draws: recorded draws per chain.
        spacing: sweeps between draws (Wolff: clusters).
        burn_in: sweeps before the first draw.
        group: chains stepped together.
        block: draws per shard.
        ladder: couplings of parallel tempering, empty for other methods; its last
            one is recorded.
        record_all: whether every rung of the ladder is recorded.
    """

    name: str
    shape: tuple[int, ...]
    coupling: float
    method: str
    chains: int
    draws: int
    spacing: int
    burn_in: int
    group: int
    block: int
    parameters: Mapping[str, Any] = field(default_factory=dict)
    ladder: tuple[float, ...] = ()
    record_all: bool = False

    @cached_property
    def model(self) -> Model:
        """The model, rebuilt."""
        return model_from(self.name, self.shape, self.parameters)

    @property
    def record(self) -> dict[str, Any]:
        """Plain data for histories and names of runs; an infinite coupling is text."""
        known = asdict(self)
        return known if math.isfinite(self.coupling) else {**known, "coupling": "inf"}

    @property
    def groups(self) -> int:
        """Number of chain groups."""
        return math.ceil(self.chains / self.group)

    @property
    def blocks(self) -> int:
        """Number of draw blocks of every group."""
        return math.ceil(self.draws / self.block)

    @property
    def seconds(self) -> float:
        """About how long one core takes, by the frozen table of speeds."""
        sweeps = self.burn_in + self.draws * self.spacing
        updates = float(self.replicas) * sweeps * self.model.geometry.size
        return updates * nanoseconds(self.model, self.coupling, self.method) * 1e-9

    @property
    def replicas(self) -> int:
        """Lattices that are updated: whole groups, and every rung of a ladder."""
        return self.groups * _whole_words(self) * max(1, len(self.ladder))


def plan_sampling(
    model: Model,
    coupling: float,
    draws: int,
    *,
    method: str = "auto",
    chains: int | None = None,
    spacing: int | None = None,
    burn_in: int | None = None,
    ladder: Sequence[float] = (),
    long: bool = False,
) -> Plan:
    """The plan for `draws` configurations in all, rounded up to whole chains.

    A `ladder` is for tempering alone: it ends at the coupling, and every rung of it is
    recorded; where it is not given, one is laid and its last rung recorded.

    Raises:
        ValueError: a coupling that is not finite, counts below 1, an unknown method,
            one that cannot sample this model, too little memory, or more than a day
            of one core without `long`.
    """
    _check(model, coupling, draws, method, chains, spacing, burn_in)
    chosen = choose(model, coupling) if method == "auto" else method
    chains = chains or default_chains(draws, chosen)
    certain = chosen in CERTAIN
    tempered = chosen == "tempering"
    rungs = _ladder(model, coupling, ladder) if tempered else ()
    usual = 1 if certain else spacing_of(model, coupling, chosen)
    spacing = 1 if certain else spacing or usual
    per_chain = math.ceil(draws / chains)
    row = _row_bytes(model) * max(1, len(rungs))
    group = min(chains, group_size(chosen))
    if burn_in is None:
        burn_in = LEAST_BURN_IN * max(spacing, usual)
    plan = Plan(
        name=model.name,
        shape=tuple(model.shape),
        parameters=dict(model.parameters),
        coupling=float(coupling),
        method=chosen,
        chains=chains,
        draws=per_chain,
        spacing=spacing,
        burn_in=0 if certain else burn_in,
        group=group,
        block=max(1, min(per_chain, SHARD_BYTES // (group * row))),
        ladder=rungs,
        record_all=bool(ladder) and tempered,
    )
    check_memory([plan])
    if plan.seconds > LONGEST and not long:
        raise ValueError(
            f"this run would take about {plan.seconds / 3600:.0f} hours of one core, "
            f"and more than {LONGEST / 3600:.0f} need long=True (--long); ask for "
            "fewer draws, another method or a smaller lattice"
        )
    sampler_for(plan)  # what the sampler cannot do is said before anything is made
    return plan


def sampler_for(plan: Plan) -> Any:
    """The sampler of one group of chains."""
    if plan.method == "tempering":
        from kadanoff.samplers.tempering import Tempering

        kernel = rung_kernel(plan.model)
        return Tempering(plan.model, plan.ladder, _whole_words(plan), kernel)
    kind = sampler_of(plan.method, plan.model)
    return kind(plan.model, plan.coupling, _whole_words(plan))


def _whole_words(plan: Plan) -> int:
    """Replicas of a group: Ising spins of local samplers come 64 at a time."""
    if plan.name != "ising" or plan.method not in (*IN_WORDS, "tempering"):
        return plan.group
    return -(-plan.group // WORD) * WORD


def _ladder(model: Model, coupling: float, given: Sequence[float]) -> tuple[float, ...]:
    """The given rungs in order, or some laid from K = 0 to the coupling."""
    from kadanoff.samplers.tempering import ladder

    if given:
        return tuple(float(k) for k in given)
    return ladder(model, coupling, rung_kernel(model), start=FIRST_RUNG)


def _check(
    model: Model,
    coupling: float,
    draws: int,
    method: str,
    chains: int | None,
    spacing: int | None,
    burn_in: int | None,
) -> None:
    if not math.isfinite(coupling) and not _is_frozen(coupling, method):
        raise ValueError(
            f"the coupling K = J/(k_B T) must be a finite number, got {coupling}; "
            "infinite temperature is K = 0, and the ground states are temperature 0"
        )
    if coupling == math.inf and "independent" not in methods_of(model):
        raise ValueError(
            f"a {model.name} model has no ground state to draw at temperature 0; give "
            "a temperature above it"
        )
    counts = {"draws": draws, "chains": chains, "spacing": spacing}
    for name, count in counts.items():
        if count is not None and count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")
    if burn_in is not None and burn_in < 0:
        raise ValueError(f"burn_in must be at least 0, got {burn_in}")
    if method not in METHODS:
        raise ValueError(f"a method is one of {', '.join(METHODS)}, got {method!r}")
    if method != "auto":
        sampler_of(method, model)


def _is_frozen(coupling: float, method: str) -> bool:
    return coupling == math.inf and method in ("auto", "independent")


def _row_bytes(model: Model) -> int:
    """Bytes of one stored configuration."""
    sites = model.geometry.size
    if model.alphabet == "pm1":
        return math.ceil(sites / 8)
    return sites * stored_type(model.alphabet).itemsize


def check_memory(plans: Sequence[Plan]) -> None:
    """Refuse plans whose draws, held together, do not fit beside one of them at work.

    Raises:
        ValueError: more than 60 % of the machine's memory; the sentence says how much.
    """
    stored = sum(_stored_bytes(plan) for plan in plans)
    needed = stored + max(_working_bytes(plan) for plan in plans)
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > 0.6 * there:
        draws = sum(plan.chains * plan.draws for plan in plans)
        raise ValueError(
            f"{draws} configurations of {plans[0].model.geometry.size} sites need "
            f"{needed / 2**30:.3g} GiB of memory and {there / 2**30:.3g} are there; "
            "ask for fewer draws or chains, or a smaller lattice"
        )


def _stored_bytes(plan: Plan) -> float:
    row = _row_bytes(plan.model) * max(1, len(plan.ladder))
    return float(plan.chains) * plan.draws * row


def _working_bytes(plan: Plan) -> float:
    """Every replica's values unpacked twice, and once more packed or as floats."""
    each = 2.5 if plan.model.alphabet == "pm1" else 20.0
    return float(plan.replicas) * plan.model.geometry.size * each
