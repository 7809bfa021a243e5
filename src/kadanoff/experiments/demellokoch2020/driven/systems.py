"""The driven and attracted systems, how much of them is drawn, and their samples."""

from __future__ import annotations

from dataclasses import dataclass

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import T_C
from kadanoff.experiments.demellokoch2020.data import drawn
from kadanoff.experiments.exhibit import Work
from kadanoff.models.epidemic import THRESHOLD, Epidemic
from kadanoff.models.forest_fire import ForestFire
from kadanoff.networks.settings import TIED
from kadanoff.samplers.run import sample

__all__ = [
    "ABOVE",
    "AT",
    "BELOW",
    "EPIDEMIC",
    "FAST",
    "FOREST",
    "FULL",
    "ISING",
    "MAPS",
    "MATCHED",
    "SYSTEMS",
    "TRAINING",
    "Settings",
    "all_sides",
    "configurations",
    "forest",
]

FOREST = "forest fire"
ISING = {"Ising, 0.9 T_c": 0.9, "Ising, T_c": 1.0, "Ising, 1.2 T_c": 1.2}
EPIDEMIC = {"epidemic, 0.8 λ_c": 0.8, "epidemic, λ_c": 1.0, "epidemic, 1.2 λ_c": 1.2}
SYSTEMS = (*ISING, FOREST, *EPIDEMIC)
BELOW, AT, ABOVE = EPIDEMIC
MATCHED = ("Ising, T_c", *EPIDEMIC)
"""Systems whose lattices of the same final side are compared; Ising is the control."""
MAPS = ("majority", "any", "one filter")
"""`any` is occupancy: a block is up where one of its sites is."""
TRAINING = "driven data"


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        side: of the finest lattice.
        steps: of coarse-graining by 2.
        draws: configurations that are read, of each model.
        training: configurations that a machine is trained on, of each model.
        epochs: of a training.
        seeds: of every training; each reads chains of its own.
        theta: p/f of the forest that is coarse-grained.
        length_side: of the forests whose correlation length is read.
        length_draws: of them.
        thetas: their p/f.
    """

    side: int
    steps: int
    draws: int
    training: int
    epochs: int
    seeds: int
    theta: float
    length_side: int
    length_draws: int
    thetas: tuple[float, ...]


FAST = Settings(16, 2, 1024, 512, 2, 2, 10.0, 24, 192, (1.0, 4.0, 200.0))
FULL = Settings(
    side=64,
    steps=4,  # from 64 to 4: with one less the epidemic still moves
    draws=20_000,  # after four steps 16 sites are left of each, for K to a per cent
    training=2_500,  # of 4096 sites each, for the few weights of one filter
    epochs=TIED.epochs,
    seeds=5,  # the fewest whose spread is an error
    theta=60.0,  # fires of about ten sites: a sixth of the side
    length_side=192,  # eight times the length of fires at θ = 300
    length_draws=2_000,
    thetas=(3.0, 10.0, 30.0, 100.0, 300.0),
)


def all_sides(system: str, settings: Settings, work: Work) -> list[Ensemble]:
    """Lattices that n steps take to one and the same side, n = 0, 1, …; or the last."""
    steps = range(settings.steps + 1) if system in MATCHED else [settings.steps]
    sides = [settings.side // 2 ** (settings.steps - n) for n in steps]
    return [configurations(system, side, settings, "driven", work) for side in sides]


def configurations(
    system: str, side: int, settings: Settings, purpose: str, work: Work
) -> Ensemble:
    """One system on one lattice; other purposes have chains of their own."""
    draws = settings.training if purpose == TRAINING else settings.draws
    shape = (side, side)
    if system in ISING:
        return drawn(work, shape, ISING[system] * T_C, draws, purpose=purpose)
    if system == FOREST:
        return forest(side, settings.theta, draws, purpose, work)
    return sample(
        Epidemic(shape),
        coupling=EPIDEMIC[system] * THRESHOLD[2],
        draws=draws,
        seed=work.subseed(purpose, system, side),
        runs=work.runs,
        progress=work.progress(f"{system} on {side}x{side}"),
    )


def forest(side: int, theta: float, draws: int, purpose: str, work: Work) -> Ensemble:
    """The forest fire at θ = p/f."""
    return sample(
        ForestFire((side, side)),
        coupling=theta,
        draws=draws,
        seed=work.subseed(purpose, FOREST, side, f"{theta:g}"),
        runs=work.runs,
        progress=work.progress(f"forest fire at θ = {theta:g}"),
    )
