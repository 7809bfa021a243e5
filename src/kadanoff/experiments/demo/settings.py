"""The numbers of the demo, each unusual one with its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kadanoff.networks.settings import TIED, Training

__all__ = ["FULL", "QUICK", "Settings"]


@dataclass(frozen=True)
class Settings:
    """What is sampled and how the networks are trained.

    Args:
        side_small: side of the lattice that all maps see, two levels.
        draws_small: configurations of it; half train, an eighth fit the arrangement,
            the rest is read.
        side_large: side of the lattice for maps that fit every lattice, three levels.
        draws_large: configurations of it, all of them read.
        chains: independent chains of either lattice, None by the sampler's table.
        dense: training of both dense layers.
        plain: the same without the L1 penalty, a control: its units stay spread out.
        tied: training of the shared filter.
    """

    side_small: int
    draws_small: int
    side_large: int
    draws_large: int
    chains: int | None
    dense: Training
    plain: Training
    tied: Training


FULL = Settings(
    side_small=32,
    draws_small=20_000,
    side_large=64,
    draws_large=50_000,
    chains=None,
    dense=Training(),
    plain=Training(l1=0.0),
    tied=TIED,
)

# The same path in seconds, for the tests: nothing it reads is precise.
QUICK = Settings(
    side_small=16,
    draws_small=1_024,
    side_large=32,
    draws_large=1_024,
    chains=128,
    dense=Training(epochs=2),
    plain=Training(epochs=2, l1=0.0),
    tied=replace(TIED, epochs=2),
)
