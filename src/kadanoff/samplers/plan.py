"""How many chains, how far apart, by which kernel: the frozen table behind `auto`.

Spacings are in sweeps (Wolff: clusters). Local updates at the critical point of the
square lattice decorrelate M² in about 0.02 L^2.17 sweeps (dynamic exponent z = 2.17,
Nightingale and Blöte 1996), Swendsen–Wang in about 5 and Wolff in 3 to 7 clusters;
away from it the correlation length takes the place of L. The table is frozen: the
choice never depends on the machine.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from kadanoff.models.ising import Ising

__all__ = ["METHODS", "Plan", "plan_sampling"]

METHODS = ("auto", "metropolis", "multispin", "heat-bath", "swendsen-wang", "wolff")
WORD = 64  # replicas in one machine word
LARGEST_GROUP = 512  # replicas stepped together: eight words per site
SHARD_SPINS = 1 << 24  # spins in one shard, 2 MiB packed
MULTISPIN_SIDE = 96  # beyond it clusters decorrelate faster at the critical point


@dataclass(frozen=True)
class Plan:
    """What a sampling run will do; two equal plans and seeds give equal data.

    Args:
        shape: sides of the lattice.
        coupling: K = βJ.
        method: the kernel, never `auto`.
        chains: independent chains.
        draws: recorded draws per chain.
        spacing: sweeps between draws (Wolff: clusters).
        burn_in: sweeps before the first draw.
        group: chains stepped together.
        block: draws per shard.
    """

    shape: tuple[int, ...]
    coupling: float
    method: str
    chains: int
    draws: int
    spacing: int
    burn_in: int
    group: int
    block: int

    @property
    def groups(self) -> int:
        """Number of chain groups."""
        return math.ceil(self.chains / self.group)

    @property
    def blocks(self) -> int:
        """Number of draw blocks of every group."""
        return math.ceil(self.draws / self.block)


def plan_sampling(
    model: Ising,
    coupling: float,
    draws: int,
    *,
    method: str = "auto",
    chains: int | None = None,
    spacing: int | None = None,
    burn_in: int | None = None,
) -> Plan:
    """The plan for `draws` configurations in all, rounded up to whole chains.

    Raises:
        ValueError: a coupling that is not finite, counts below 1, or an unknown
            method.
    """
    _check(coupling, draws, method, chains, spacing, burn_in)
    chosen = _choose(model, coupling) if method == "auto" else method
    chains = chains or _default_chains(draws, chosen)
    spacing = spacing or _spacing(model, coupling, chosen)
    per_chain = math.ceil(draws / chains)
    _check_memory(math.prod(model.shape), chains, per_chain)
    group = min(chains, LARGEST_GROUP if _is_multispin(chosen) else 8)
    sites = math.prod(model.shape)
    return Plan(
        shape=model.shape,
        coupling=float(coupling),
        method=chosen,
        chains=chains,
        draws=per_chain,
        spacing=spacing,
        burn_in=12 * spacing if burn_in is None else burn_in,
        group=group,
        block=max(1, min(per_chain, SHARD_SPINS // (group * sites))),
    )


def _check(
    coupling: float,
    draws: int,
    method: str,
    chains: int | None,
    spacing: int | None,
    burn_in: int | None,
) -> None:
    if not math.isfinite(coupling):
        raise ValueError(
            f"the coupling K = J/(k_B T) must be a finite number, got {coupling}; "
            "infinite temperature is K = 0"
        )
    counts = {"draws": draws, "chains": chains, "spacing": spacing}
    for name, count in counts.items():
        if count is not None and count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")
    if burn_in is not None and burn_in < 0:
        raise ValueError(f"burn_in must be at least 0, got {burn_in}")
    if method not in METHODS:
        raise ValueError(f"a method is one of {', '.join(METHODS)}, got {method!r}")


def _check_memory(sites: int, chains: int, draws: int) -> None:
    """The packed draws, and every chain's spins unpacked once, must fit."""
    needed = chains * (draws * math.ceil(sites / 8) + 2 * sites)
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > 0.6 * there:
        raise ValueError(
            f"{chains * draws} configurations of {sites} sites need "
            f"{needed / 2**30:.3g} GiB of memory and {there / 2**30:.3g} are there; "
            "ask for fewer draws or chains, or a smaller lattice"
        )


def _is_multispin(method: str) -> bool:
    return method in ("multispin", "heat-bath")


def _choose(model: Ising, coupling: float) -> str:
    if _is_frustrated(model, coupling):
        return "heat-bath"
    planar = len(model.shape) == 2
    disordered = abs(coupling) <= 0.4407  # in the ordered phase domains freeze in
    if planar and disordered and _effective_side(model, coupling) <= MULTISPIN_SIDE:
        return "multispin" if abs(coupling) > 0.1 else "heat-bath"
    return "swendsen-wang"


def _is_frustrated(model: Ising, coupling: float) -> bool:
    return coupling < 0 and any(side % 2 for side in model.shape)


def _default_chains(draws: int, method: str) -> int:
    if _is_multispin(method):
        words = math.ceil(draws / (WORD * 20))
        return WORD * min(words, 2 * LARGEST_GROUP // WORD)
    return min(draws, 32)


def _effective_side(model: Ising, coupling: float) -> float:
    """The length that must decorrelate: the lattice, or a few correlation lengths."""
    longest = max(model.shape)
    k = abs(coupling)
    if len(model.shape) != 2 or _is_frustrated(model, coupling) or k == 0:
        return longest if k else 1.0
    inverse_length = abs(2 * k + math.log(math.tanh(k)))  # Onsager 1944, T > T_c
    return min(longest, 1 + 4 / max(inverse_length, 1e-12))


def _spacing(model: Ising, coupling: float, method: str) -> int:
    side = _effective_side(model, coupling)
    if method == "swendsen-wang":
        return 5
    if method == "wolff":
        return math.ceil(5 * math.prod(model.shape) / side ** len(model.shape))
    return 1 + math.ceil(0.04 * side**2.17)
