"""Are the samples what they claim to be? Every number next to its exact value."""

from __future__ import annotations

from dataclasses import dataclass

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.kaufman import torus
from kadanoff.instruments.thermodynamics import (
    autocorrelation,
    energy,
    heat_capacity,
    magnetization,
    series,
)
from kadanoff.reports.page import Section, Table

__all__ = ["Truth", "compute", "draw"]


@dataclass(frozen=True)
class Truth:
    """Readings of the samples of one lattice.

    Args:
        shape: sides of the lattice.
        energy: per site, with its exact value.
        heat_capacity: per site, with its exact value.
        magnetization: ⟨|m|⟩, for which no closed form is known on a finite torus.
        tau: observable → integrated autocorrelation time in draws, and its error.
        configurations: how many there are.
    """

    shape: tuple[int, ...]
    energy: tuple[Estimate, float]
    heat_capacity: tuple[Estimate, float]
    magnetization: Estimate
    tau: dict[str, tuple[float, float]]
    configurations: int

    @property
    def worst(self) -> float:
        """Largest deviation from an exact value, in standard errors."""
        pairs = (self.energy, self.heat_capacity)
        return max(abs(float((e - exact).value / e.error)) for e, exact in pairs)


def compute(samples: list[Ensemble]) -> list[Truth]:
    """The panel of each lattice."""
    return [_truth(ensemble) for ensemble in samples]


def draw(panels: list[Truth]) -> Section:
    """The table of samples against exact values."""
    rows = []
    for panel in panels:
        name = "×".join(map(str, panel.shape))
        for label, (ours, exact) in (
            ("energy per site", panel.energy),
            ("heat capacity per site", panel.heat_capacity),
        ):
            sigmas = float((ours - exact).value / ours.error)
            rows.append([name, label, ours, f"{exact:.6f}", f"{sigmas:+.1f}"])
        rows.append([name, "magnetization ⟨|m|⟩", panel.magnetization, "", ""])
    times = [
        ["×".join(map(str, p.shape)), name, f"{tau:.2f} ± {error:.2f}"]
        for p in panels
        for name, (tau, error) in p.tau.items()
    ]
    return Section(
        "Truth",
        "The configurations themselves, next to the exact values of the finite torus "
        "at its critical coupling (Kaufman 1949). Autocorrelation times are in units "
        "of the distance between recorded draws: 0.5 means independent.",
        tables=[
            Table(["lattice", "quantity", "sampled", "exact", "σ"], rows),
            Table(["lattice", "observable", "τ (draws)"], times),
        ],
    )


def _truth(ensemble: Ensemble) -> Truth:
    readings = series(ensemble)
    rows, columns = ensemble.grid.shape
    exact = torus((rows, columns), ensemble.couplings["K"])
    return Truth(
        shape=(rows, columns),
        energy=(energy(readings), exact.energy),
        heat_capacity=(heat_capacity(readings), exact.heat_capacity),
        magnetization=magnetization(readings),
        tau=autocorrelation(readings),
        configurations=ensemble.size,
    )
