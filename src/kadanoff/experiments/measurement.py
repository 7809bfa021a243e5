"""The sheet of an ensemble: what `kadanoff.reports.measurement` draws, computed.

Exact laws stand beside the readings where they are
known: P(E) of the nearest-neighbour Ising model on a square torus at any coupling, and
the continuum form of G(r) at its critical point. What a model does not have (an energy,
a product of two sites) is missing from its sheet, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from scipy.stats import chi2 as chi2_law

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, weighted_jackknife
from kadanoff.exact import torus_cft
from kadanoff.exact.constants import K_C
from kadanoff.exact.density import energy_law
from kadanoff.geometry import Grid
from kadanoff.instruments.correlation_length import (
    correlation_length,
    correlation_ratio,
    spectrum,
)
from kadanoff.instruments.correlators import two_point
from kadanoff.instruments.history import memory
from kadanoff.instruments.thermodynamics import Series, series
from kadanoff.reports import measurement as sheet

__all__ = ["compared", "independent_spacing", "measurement"]

SHOWN_CHAINS, SHOWN_DRAWS = 4, 400
BINS = 40
FULL = 10.0  # expected counts of a bin that is compared
FORGOTTEN = 0.02  # correlation that draws called independent may have left
AT_CRITICAL = 0.005  # |4(K - K_c)| L, the side over the correlation length there
NAMES = {
    "ising": "Ising model",
    "xy": "XY model",
    "phi4": "φ⁴ model",
    "forest-fire": "Forest fire",
    "epidemic": "Epidemic",
    "mean-field": "Mean-field Ising model",
    "two-temperatures": "Two temperatures",
}
SYMBOLS = {"theta": "θ", "infection": "λ"}
Panel = TypeVar("Panel")


def measurement(ensemble: Ensemble) -> sheet.Measurement:
    """Everything that `reports.measurement.draw` shows of one ensemble.

    Magnetization and memory are there for every model, P(E) for those with an energy,
    G(r) and S(k) where a product of two sites means something.

    Raises:
        ValueError: as `instruments.thermodynamics.series`.
    """
    readings = series(ensemble)
    remembered = _memory(readings)
    slowest = max((m.tau for m in remembered.values()), default=0.5)
    return sheet.Measurement(
        title=_title(ensemble),
        magnetization=readings.magnetization[:SHOWN_CHAINS, :SHOWN_DRAWS],
        signed=ensemble.alphabet in ("pm1", "real"),
        chains=ensemble.chains,
        memory=remembered or sheet.Missing("No memory:\none draw per chain"),
        energies=_energies(ensemble, readings, slowest),
        correlator=_or_missing("G(r)", _correlator, ensemble),
        structure=_or_missing("S(k)", _structure, ensemble),
    )


def _memory(readings: Series) -> dict[str, sheet.Memory]:
    """ρ of the energy, where there is one, and of |m|."""
    histories = {"energy": readings.energy} if readings.has_energy else {}
    histories["|m|"] = abs(readings.magnetization)
    if readings.energy.shape[1] < 2:
        return {}
    found = {name: memory(x) for name, x in histories.items()}
    return {
        name: sheet.Memory(m.lag, m.rho, m.error, m.tau, m.tau_error, m.window)
        for name, m in found.items()
    }


def _or_missing(
    name: str, read: Callable[[Ensemble], Panel], ensemble: Ensemble
) -> Panel | sheet.Missing:
    """The reading, or the sentence in which the instrument refuses."""
    try:
        return read(ensemble)
    except ValueError as refusal:
        return sheet.Missing(f"No {name}:\n{refusal}")


def compared(
    counts: np.ndarray, probabilities: np.ndarray, spacing: int
) -> tuple[sheet.Comparison | None, np.ndarray]:
    """χ² of independent counts against exact probabilities, and which bins are full.

    Neighbouring bins are joined until ten counts are expected of each. The comparison
    is None where fewer than two such bins are left.

    Args:
        counts: of independent draws, `(bins,)`.
        probabilities: of the same bins; they sum to 1.
        spacing: every which draw was counted, for the record.
    """
    n = int(counts.sum())
    expected = n * probabilities
    full = expected >= FULL
    seen, due = _joined(counts, expected)
    if len(due) < 2:
        return None, full
    chi2 = float(((seen - due) ** 2 / due).sum())
    dof = len(due) - 1
    p = float(chi2_law.sf(chi2, dof))
    return sheet.Comparison(chi2, dof, p, n, spacing), full


def _joined(counts: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts and expectations of runs of bins that each expect enough."""
    runs: list[list[float]] = []
    held = [0.0, 0.0]
    for count, mean in zip(counts, expected, strict=True):
        held = [held[0] + count, held[1] + mean]
        if held[1] >= FULL:
            runs.append(held)
            held = [0.0, 0.0]
    if runs:  # the upper tail belongs to the last run
        runs[-1] = [runs[-1][0] + held[0], runs[-1][1] + held[1]]
    seen, due = np.array(runs).reshape(-1, 2).T
    return seen, due


def _energies(
    ensemble: Ensemble, readings: Series, tau: float
) -> sheet.Energies | sheet.Missing:
    """The histogram of all draws; the exact law and its test where it applies."""
    if not readings.has_energy:
        return sheet.Missing("No P(E):\na driven model has no energy")
    total = readings.energy * readings.sites
    edges, width = _edges(total)
    bins = _bins(total, edges)
    density = _density(readings, bins, len(edges) - 1, width / readings.sites)
    law, note = _law(ensemble)
    everything = np.ones(len(edges) - 1, dtype=bool)
    per_site = edges / readings.sites
    if law is None:
        return sheet.Energies(per_site, density, None, everything, None, note)
    chance = np.histogram(law[0], bins=edges, weights=law[1])[0]
    whole = chance.copy()
    whole[0] += law[1][law[0] < edges[0]].sum()  # energies that were never seen
    whole[-1] += law[1][law[0] > edges[-1]].sum()
    spacing = independent_spacing(tau)
    counts = np.bincount(bins[:, ::spacing].ravel(), minlength=len(chance))
    comparison, full = compared(counts, whole, spacing)
    note = "" if comparison else "too few independent draws for a χ²"
    exact = chance / (width / readings.sites)
    return sheet.Energies(per_site, density, exact, full, comparison, note)


def independent_spacing(tau: float) -> int:
    """Draws between draws that remember less than 2 % of each other.

    One exponential of integrated time τ has ρ(t) = ((2τ - 1)/(2τ + 1))^t.
    """
    if tau <= 0.5:
        return 1
    rate = math.log((2 * tau + 1) / (2 * tau - 1))
    return max(1, math.ceil(-math.log(FORGOTTEN) / rate))


def _edges(total: np.ndarray) -> tuple[np.ndarray, float]:
    """About forty bins of equal width; between levels, where energies have levels."""
    low, high = float(total.min()), float(total.max())
    levels = np.unique(np.round(total, 6))
    whole = np.abs(levels - np.round(levels)).max() < 1e-3
    if not whole:
        edges = np.linspace(low, high, BINS + 1)
        return edges, float(edges[1] - edges[0])
    apart = np.diff(np.round(levels)).astype(int)
    step = int(np.gcd.reduce(apart)) if len(apart) else 4
    width = step * max(1, math.ceil((high - low) / step / BINS))
    start = round(low) - step / 2
    number = math.ceil((high - start) / width)
    return start + width * np.arange(number + 1), float(width)


def _bins(total: np.ndarray, edges: np.ndarray) -> np.ndarray:
    inside = np.searchsorted(edges, total, side="right") - 1
    return np.clip(inside, 0, len(edges) - 2)


def _density(readings: Series, bins: np.ndarray, number: int, width: float) -> Estimate:
    shares = np.array(
        [
            np.bincount(bins[b.chains, b.draws].ravel(), minlength=number) / b.size
            for b in readings.blocks
        ]
    )
    sizes = np.array([b.size for b in readings.blocks], dtype=float)
    return weighted_jackknife(
        [shares],
        lambda share: share / width,
        sizes,
        lineage=readings.lineage,
        n_eff=readings.n_eff,
    )


def _law(ensemble: Ensemble) -> tuple[tuple[np.ndarray, np.ndarray] | None, str]:
    """Exact (energies, probabilities), or why there is none."""
    if not _is_square_ising(ensemble):
        return None, "No exact P(E):\nknown for the square-lattice Ising model"
    try:
        return energy_law(ensemble.grid.shape, ensemble.couplings["K"]), ""
    except ValueError as refusal:
        return None, f"No exact P(E):\n{refusal}"


def _correlator(ensemble: Ensemble) -> sheet.Decay:
    """G(r) beyond r = 0; the continuum form at the critical point."""
    found = two_point(ensemble)
    form, note = None, ""
    if _is_critical(ensemble):
        distance, values = torus_cft.spin_shells(ensemble.grid.shape)
        if not np.allclose(distance, found.distance):
            raise AssertionError("distances of the torus and of the lattice differ")
        form = values[1:]
    elif _is_square_ising(ensemble):
        note = "away from $K_c$ no closed form is drawn"
    return sheet.Decay(
        found.distance[1:],
        found.value[1:],
        form,
        "critical torus, L → ∞ form",
        note,
    )


def _structure(ensemble: Ensemble) -> sheet.Waves:
    found = spectrum(ensemble)
    return sheet.Waves(
        found.wave,
        found.value,
        correlation_length(ensemble),
        correlation_ratio(ensemble),
    )


def _is_square_ising(ensemble: Ensemble) -> bool:
    """Nearest-neighbour Ising on a square torus, no field, as it was sampled."""
    shape = ensemble.grid.shape
    plain = set(ensemble.couplings) == {"K"} and ensemble.model == "ising"
    return plain and len(shape) == 2 and ensemble.grid == Grid(shape)


def _is_critical(ensemble: Ensemble) -> bool:
    if not _is_square_ising(ensemble):
        return False
    inverse_length = 4 * abs(ensemble.couplings["K"] - K_C)
    return inverse_length * max(ensemble.grid.shape) < AT_CRITICAL


def _title(ensemble: Ensemble) -> str:
    size = "×".join(map(str, ensemble.grid.shape))
    parts = [f"{_name(ensemble)}, {size}"]
    parts += [
        f"{SYMBOLS.get(symbol, symbol)} = {value:.6g}"
        for symbol, value in ensemble.couplings.items()
    ]
    parts.append(f"{ensemble.chains} chains × {ensemble.draws} draws")
    return ", ".join(parts)


def _name(ensemble: Ensemble) -> str:
    if ensemble.model is None:
        return "Configurations"
    name = NAMES.get(ensemble.model, ensemble.model)
    if (q := ensemble.parameters.get("q")) is not None:
        name = f"{q}-state Potts model"
    lattice = ensemble.parameters.get("lattice")
    return name if lattice in (None, "square") else f"{name}, {lattice} lattice"
