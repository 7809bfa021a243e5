"""What thermometers are shown: the magnet, and ensembles that have no temperature."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from scipy.optimize import brentq

from kadanoff.coarse.block import Average, Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine
from kadanoff.exact import kaufman, mean_field
from kadanoff.exact.constants import K_C, T_C
from kadanoff.exact.density import energy_law
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES, drawn
from kadanoff.experiments.demellokoch2020.fig_3.scores import (
    SHAPE,
    SITES,
    mean_over_trainings,
)
from kadanoff.experiments.demellokoch2020.thermometer import Thermometer
from kadanoff.experiments.exhibit import Work, stacked
from kadanoff.instruments.thermometer import (
    coupling_temperature,
    energy_temperature,
    has_thermometer,
)
from kadanoff.models.mean_field import MeanField
from kadanoff.models.two_temperatures import TwoTemperatures
from kadanoff.randomness import generator
from kadanoff.samplers.run import sample

__all__ = [
    "AVERAGE",
    "CRITICAL",
    "FITTING",
    "MIXTURE",
    "SHUFFLED",
    "fitting_coupling",
    "shown_to",
]

AVERAGE = "average of 20×20"
CRITICAL = "Ising at T_c"
FITTING = "mean field, energy of T_c"
MIXTURE = "T = 0 or ∞, energy of T_c"
SHUFFLED = "Ising at T_c, sites shuffled"


@dataclass(frozen=True)
class _Input:
    """What a thermometer is shown.

    Attributes:
        name: in a few words.
        truth: its temperature; NaN where it has none.
        ensemble: the configurations.
    """

    name: str
    truth: float
    ensemble: Ensemble


def shown_to(
    trained: Sequence[Thermometer],
    law: np.ndarray,
    work: Work,
    draws: int,
    chains: int | None,
) -> xr.Dataset:
    """What the three thermometers say of configurations with and without one."""
    inputs = list(_inputs(work, draws, chains))
    rows = [_readings(trained, one.ensemble) for one in inputs]
    found = xr.Dataset(
        {
            "truth": (("input",), [one.truth for one in inputs]),
            "best": (("input",), [_best_reading(one.truth, law) for one in inputs]),
        },
        coords={"input": [one.name for one in inputs]},
    )
    for name in rows[0]:
        found = found.assign(stacked([row[name] for row in rows], name, "input"))
    return found


def _best_reading(temperature: float, law: np.ndarray) -> float:
    """The mean of the temperature that is most probable by the energy, exactly."""
    if not math.isfinite(temperature):
        return math.nan
    named = np.array(TEMPERATURES)[law.argmax(axis=0)]
    return float(energy_law(SHAPE, 1 / temperature)[1] @ named)


def _inputs(work: Work, n: int, chains: int | None) -> Iterator[_Input]:
    def magnet(shape: tuple[int, int], temperature: float) -> Ensemble:
        return drawn(work, shape, temperature, n, purpose="shown", chains=chains)

    critical = magnet(SHAPE, T_C)
    yield _Input("Ising at T = 1.8", 1.8, magnet(SHAPE, 1.8))
    yield _Input(CRITICAL, T_C, critical)
    yield _Input("Ising at T = 3", 3.0, magnet(SHAPE, 3.0))
    large = magnet((20, 20), T_C)
    seed = work.subseed("ties")
    yield _Input(
        "majority of 20×20", math.nan, coarsen(Majority(b=2), large, seed=seed)
    )
    yield _Input(AVERAGE, math.nan, coarsen(Average(b=2), large))
    yield _Input(SHUFFLED, math.nan, _shuffled(critical, work))
    models: Mapping[str, tuple[MeanField | TwoTemperatures, float]] = {
        FITTING: (MeanField(SHAPE), fitting_coupling()),
        "mean field, its own critical point": (MeanField(SHAPE), mean_field.K_C),
        MIXTURE: (TwoTemperatures(SHAPE, share=-_critical_energy() / 2), 0.0),
    }
    for name, (model, coupling) in models.items():
        made = sample(
            model,
            coupling=coupling,
            draws=n,
            chains=chains,
            seed=work.subseed("shown", name),
            runs=work.runs,
        )
        # An ensemble of a known model has that model's energy, not the magnet's.
        yield _Input(name, math.nan, replace(made, model=None, couplings={}))


def fitting_coupling() -> float:
    """K of the fully connected model whose neighbours are as alike as Ising's at T_c.

    Neighbours on the grid are a pair like any other: ⟨s s'⟩ = (N ⟨m²⟩ - 1)/(N - 1).
    """

    def gap(coupling: float) -> float:
        alike = (SITES * mean_field.moments(SITES, coupling).m2 - 1) / (SITES - 1)
        return -2 * alike - _critical_energy()

    return float(np.asarray(brentq(gap, 0.0, 5.0)))


def _critical_energy() -> float:
    return kaufman.torus(SHAPE, K_C).energy


def _shuffled(ensemble: Ensemble, work: Work) -> Ensemble:
    """The same permutation of the sites in all configurations."""
    order = generator(work.subseed("shuffled")).permutation(SITES)
    rows = ensemble.values.reshape(ensemble.chains, ensemble.draws, SITES)
    values = rows[..., order].reshape(ensemble.values.shape)
    note = {"step": "shuffled"}
    return ensemble.derived(values, ensemble.geometry, ensemble.alphabet, note)


def _readings(
    trained: Sequence[Thermometer], ensemble: Ensemble
) -> dict[str, Estimate]:
    nothing = Estimate(np.array(np.nan), {}, 0)
    hears = has_thermometer(ensemble)
    by_energy = energy_temperature(ensemble) if hears else nothing
    by_coupling = coupling_temperature(ensemble) if hears else nothing
    return {
        "network": mean_over_trainings([t.temperature(ensemble) for t in trained]),
        "posterior": mean_over_trainings([t.posterior_mean(ensemble) for t in trained]),
        "doubt": mean_over_trainings([t.doubt(ensemble) for t in trained]),
        "by_energy": by_energy,
        "by_coupling": by_coupling,
        "spread": combine(np.subtract, by_energy, by_coupling) if hears else nothing,
    }
