"""The three-point function ⟨σσε⟩ and its coefficient C_σσε, ½ in the Ising class.

In the plane conformal symmetry leaves nothing else open:

    ⟨σ(1) σ(2) ε(3)⟩ = C r₁₂^{Δ_ε - 2Δ_σ}/(r₁₃ r₂₃)^{Δ_ε}

of fields with ⟨σσ⟩ = r^{-2Δ_σ} and ⟨εε⟩ = r^{-2Δ_ε} (A. A. Belavin, A. M. Polyakov and
A. B. Zamolodchikov, Nucl. Phys. B 241, 333 (1984)). Normalised by two-point functions
of the same configurations at the same distances, amplitudes drop out:

    C = r₁₃/r₁₂ · (⟨ssε⟩ - ⟨ss⟩⟨ε⟩) / (⟨ss⟩ √G_ε(r₁₃)),   r₁₃ = r₂₃,   ε = s Σ_nn s,

read on two arrangements: a `line` of spins at ±a with ε between them, and a `triangle`
with ε at distance a beside the middle. That is the plane: the torus changes it by a
relative O(a/L). `torus` divides the reading by what the forms of all three functions
(`kadanoff.exact.torus_cft`) give for it, times ½; what is left is the lattice,
C (1 + c/a²).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, jackknife
from kadanoff.exact import torus_cft
from kadanoff.instruments.correlators import bond_energy
from kadanoff.instruments.scaling_fit import line_fit, most_points
from kadanoff.instruments.scaling_form import square_sides

__all__ = [
    "ARRANGEMENTS",
    "COEFFICIENT",
    "ThreePoint",
    "three_point",
]

ARRANGEMENTS = ("line", "triangle")

COEFFICIENT = torus_cft.SPIN_SPIN_ENERGY
"""C_σσε of the Ising class."""

SITES = 1 << 16
"""Sites read at a time: they stay in the cache, and sums of at most 16 a site are whole
numbers of at most 24 bits, which single precision keeps."""


@dataclass(frozen=True, eq=False)
class ThreePoint:
    """C_σσε from one arrangement.

    Attributes:
        arrangement: `line` or `triangle`.
        half: a, in lattice constants; the spins are 2a apart.
        plane: C at each a by the formula of the plane.
        factor: what the torus and the plane differ by at each a: the reading that
            the forms of the critical torus would give, over ½.
        torus: C at each a, `plane` over `factor`.
        coefficient: C of the fit C (1 + c/a²) to `torus`.
        correction: c.
        chi2, dof, p: of the fit.
    """

    arrangement: str
    half: np.ndarray
    plane: Estimate
    factor: np.ndarray
    torus: Estimate
    coefficient: Estimate
    correction: Estimate
    chi2: float
    dof: int
    p: float

    def __str__(self) -> str:
        rows = [
            f"C_σσε = {self.coefficient} ({self.arrangement}, χ²/dof = "
            f"{self.chi2:.1f}/{self.dof}, p = {self.p:.2g})",
            "a    plane         torus/plane  torus",
        ]
        for k, a in enumerate(self.half):
            plane, factor, torus = self.plane[k], self.factor[k], self.torus[k]
            rows.append(f"{a:<3g}  {plane!s:12}  {factor:11.4f}  {torus}")
        return "\n".join(rows)


def three_point(
    ensemble: Ensemble,
    arrangement: str = "line",
    *,
    half: Sequence[int] | None = None,
) -> ThreePoint:
    """C_σσε of one ensemble at a critical point.

    Args:
        ensemble: ±1 or real values on a square or rectangular lattice.
        arrangement: `line` or `triangle`.
        half: a of each reading, in lattice constants; 3, 4, 5, 6, 8, … up to an
            eighth of the short side, at least to 5, where not given.

    Raises:
        ValueError: an unknown arrangement, a lattice without right angles or equal
            spacings, fewer than three a, an a below 2 (the spins then share bonds
            with ε) or above a quarter of the short side, a G_ε(a) that is not
            positive, or too few blocks.
    """
    if arrangement not in ARRANGEMENTS:
        raise ValueError(
            f"an arrangement is {' or '.join(ARRANGEMENTS)}, got {arrangement!r}"
        )
    sides, _ = square_sides(ensemble.grid)
    steps = np.array(_halves(sides, half))
    lean = 0.0 if arrangement == "line" else 1.0
    apart = math.hypot(1.0, lean)

    def observe(values: np.ndarray) -> tuple[np.ndarray, ...]:
        return _means(values, steps, int(lean))

    def reading(
        pair: np.ndarray, triple: np.ndarray, energies: np.ndarray, mean: np.ndarray
    ) -> np.ndarray:
        connected = energies - mean**2
        _check_positive(connected, steps)
        return apart / 2 * (triple - pair * mean) / pair / np.sqrt(connected)

    plane = jackknife(observe, reading, ensemble)
    factor = np.array([_factor(int(a), lean, sides) for a in steps])
    torus = plane / factor
    if len(steps) > most_points(torus):
        raise ValueError(
            f"the blocks of these chains can weigh {max(0, most_points(torus))} "
            f"readings, got {len(steps)}; give fewer a or sample more chains"
        )
    design = np.stack([np.ones(len(steps)), 1 / steps.astype(float) ** 2], axis=1)
    fit = line_fit(design, torus)
    c = fit.parameters[0]
    return ThreePoint(
        arrangement,
        steps,
        plane,
        factor,
        torus,
        c,
        fit.parameters[1] / c,
        fit.chi2,
        fit.dof,
        fit.p,
    )


def _means(values: np.ndarray, steps: np.ndarray, lean: int) -> tuple[np.ndarray, ...]:
    """⟨s s⟩, ⟨s s ε⟩, ⟨ε ε⟩ at every a, and ⟨ε⟩, over axes and mirror images."""
    sums, total = np.zeros((3, len(steps))), 0.0
    for rows in _rows(values):
        s, e = rows.astype(np.float32), bond_energy(rows).astype(np.float32)
        total += float(e.sum(dtype=float))
        for k, a in enumerate(steps):
            sums[:, k] += np.mean(
                [_products(s, e, a, axis, lean) for axis in (1, 2)], axis=0
            )
    pair, triple, energies = sums / values.size
    return pair, triple, energies, np.array([total / values.size])


def _products(
    s: np.ndarray, e: np.ndarray, a: int, axis: int, lean: int
) -> list[float]:
    """Sums of s s, s s ε and ε ε with the spins at ±a along one axis."""
    ends = np.roll(s, a, axis) * np.roll(s, -a, axis)
    sides = [np.roll(e, sign * lean * a, 3 - axis) for sign in (1, -1)[: 1 + lean]]
    triple = np.mean([np.vdot(ends, side) for side in sides], dtype=float)
    energies = np.mean([np.vdot(e, np.roll(x, a, axis)) for x in sides], dtype=float)
    return [float(ends.sum(dtype=float)), float(triple), float(energies)]


def _rows(values: np.ndarray) -> Iterator[np.ndarray]:
    count = max(1, SITES // math.prod(values.shape[1:]))
    for start in range(0, len(values), count):
        yield values[start : start + count]


def _factor(a: int, lean: float, sides: tuple[int, int]) -> float:
    """`plane` of the critical torus, less the lattice, over ½."""
    vacuum = torus_cft.energy_vacuum(sides)
    axes = np.array([[a, lean * a], [lean * a, a]])
    spins = np.diag([2.0 * a, 2.0 * a])
    pair = torus_cft.chord(spins, sides) ** 0.25 * torus_cft.spin_ratio(spins, sides)
    energies = torus_cft.chord(axes, sides) ** 2 * torus_cft.energy_ratio(axes, sides)
    along = torus_cft.torus_three_point((-a, 0), (a, 0), (0, lean * a), sides)
    across = torus_cft.torus_three_point((0, -a), (0, a), (lean * a, 0), sides)
    triple = (along + across) / 2 - pair.mean() * vacuum
    root = math.sqrt(energies.mean() - vacuum**2)
    return math.hypot(1, lean) / 2 * triple / pair.mean() / root / COEFFICIENT


def _halves(sides: tuple[int, int], half: Sequence[int] | None) -> tuple[int, ...]:
    if half is None:
        wanted = (3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32)
        half = tuple(
            a for a in wanted if a <= min(max(5, min(sides) // 8), min(sides) / 4)
        )
    given = tuple(half) if isinstance(half, Iterable) else ()
    inside = all(isinstance(a, Integral) and 2 <= a <= min(sides) / 4 for a in given)
    steps = tuple(sorted(set(given))) if inside else ()
    if len(steps) < 3:
        raise ValueError(
            "⟨σσε⟩ is read at three or more whole a from 2 to a quarter of the short "
            f"side, got a = {half} on a lattice of shape {sides}"
        )
    return steps


def _check_positive(energies: np.ndarray, steps: np.ndarray) -> None:
    if not (energies > 0).all():
        a = int(steps[energies <= 0][0])
        raise ValueError(
            f"C_σσε is normalised by a positive ⟨εε⟩ - ⟨ε⟩², got one that is not at "
            f"a = {a}; give shorter a or take more configurations"
        )
