"""The sheet of a sweep over sizes: what `kadanoff.reports.scaling` draws, computed.

U₄ and ξ/L of the square-lattice Ising model are corrected by L^-ω with ω = 7/4: m² has
a singular part L^-1/4 and a regular one, the L^-2 of a susceptibility that does not
diverge, L^-7/4 of the former (Salas and Sokal, J. Stat. Phys. 98, 551 (2000)). Without
it K_c from L = 8 to 24 is wrong by many errors although χ² is good.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact import planar, potts
from kadanoff.exact.constants import DELTA_SIGMA, DIMENSION, K_C, NU
from kadanoff.instruments.collapse import BELIEVED, Collapse, parameter, stability
from kadanoff.instruments.crossing import Crossings, Curve, crossing, curves
from kadanoff.instruments.thermodynamics import binder
from kadanoff.models.ising import Ising
from kadanoff.models.potts import Potts
from kadanoff.models.registry import model_of
from kadanoff.protocols import Model
from kadanoff.reports import scaling as plate

__all__ = ["scaling"]

OMEGA = DIMENSION - 2 * DELTA_SIGMA  # 7/4
PLANAR = ("square", "triangular", "honeycomb")


def scaling(
    ensembles: Sequence[Ensemble],
    reading: Callable[[Ensemble], Estimate] = binder,
    *,
    name: str = "Binder cumulant U₄",
    omega: float | Literal["known"] | None = "known",
    **settings: Any,
) -> plate.Scaling:
    """Everything that `reports.scaling.draw_scaling` shows of a sweep.

    Args:
        ensembles: a sweep over sizes and couplings, as for `instruments.crossing`.
        reading: one whose curves cross: `binder` or `correlation_ratio`.
        name: of the reading.
        omega: of a correction L^-ω to scaling, None for none; `known` is 7/4 for the
            nearest-neighbour Ising model on the square lattice, none for the others.
        settings: of `instruments.collapse.collapse`.

    Raises:
        ValueError: ensembles of different models; as `curves`, `crossing` and
            `collapse`.
    """
    _check_alike(ensembles)
    sweep = curves(ensembles, reading)
    found = crossing(sweep)
    model = model_of(ensembles[0])
    if omega == "known":
        omega, said = _correction(model, len(sweep))
    else:
        said = f"ω = {omega:g} as given" if omega is not None else "none, as asked"
    fits = stability(sweep, omega=omega, **settings)
    fit, read = _reported(fits)
    known, known_nu = _critical_point(model)
    return plate.Scaling(
        name=name,
        variable="coupling K = βJ",
        symbol="K",
        curves=tuple(_drawn(c, found) for c in sweep),
        pairs=found.pairs,
        crossings=found.x,
        heights=found.height,
        collapse=_collapsed(fit, read),
        sentences=(*_sentences(found, fits), f"correction to scaling: {said}"),
        known=known,
        known_nu=known_nu,
    )


def _check_alike(ensembles: Sequence[Ensemble]) -> None:
    """One law on lattices of many sizes."""
    laws = sorted({_law(e) for e in ensembles})
    if len(laws) != 1:
        raise ValueError(
            "finite-size scaling compares sizes of one model, got "
            f"{'; '.join(laws) or 'no configurations'}; give the sweeps of one of them"
        )


def _law(ensemble: Ensemble) -> str:
    model = model_of(ensemble)
    if model is None:
        return f"{ensemble.model or 'no model'} on {ensemble.grid.dimension} axes"
    given = [f"{name} = {value}" for name, value in model.parameters.items()]
    return ", ".join([model.name, *given])


def _correction(model: Model | None, sizes: int) -> tuple[float | None, str]:
    """ω that is known, and what is said of it."""
    if not (isinstance(model, Ising) and model.is_plain and model.lattice == "square"):
        return None, "none, no ω is known of this model"
    if sizes < 3:
        return None, f"none, {sizes} sizes cannot tell it apart; give a third"
    return OMEGA, f"ω = {OMEGA:g}, known of the square-lattice Ising model"


def _critical_point(model: Model | None) -> tuple[float | None, float | None]:
    """K_c and ν that are known exactly, None where they are not."""
    if isinstance(model, Ising) and not model.field and not model.second:
        if model.lattice == "square":
            return K_C, NU
        if model.lattice in ("triangular", "honeycomb"):
            return planar.critical_coupling(str(model.lattice)), NU
    if isinstance(model, Potts) and model.lattice in PLANAR:
        nu = (
            1 / potts.thermal_exponent(model.q) if model.q <= potts.CONTINUOUS else None
        )
        return potts.critical_coupling(model.q, str(model.lattice)), nu
    return None, None


def _reported(
    fits: Sequence[Collapse],
) -> tuple[Collapse, dict[str, Estimate]]:
    """The fit that `parameter` reports, and its parameters with their whole errors."""
    read = {name: parameter(fits, name) for name in fits[0].fitted}
    smallest = next(iter(read.values())).smallest
    fit = next(f for f in fits if f.sides[0] == smallest)
    return fit, {name: p.whole for name, p in read.items()}


def _drawn(curve: Curve, found: Crossings) -> plate.Curve:
    fit = next(f for f in found.fits if f.side == curve.side)
    x = np.linspace(fit.low, fit.high, 200)
    return plate.Curve(
        curve.side, curve.x, curve.value, curve.error, x, fit(x).value, fit.p
    )


def _collapsed(fit: Collapse, read: dict[str, Estimate]) -> plate.Collapsed:
    z = np.linspace(fit.z.min(), fit.z.max(), 300)
    return plate.Collapsed(
        fit.side,
        fit.z,
        fit.y,
        fit.error,
        z,
        fit.master(z),
        fit.master(fit.z),
        read.get("critical", fit.critical),
        read.get("nu", fit.nu),
        fit.chi2,
        fit.dof,
        fit.p,
        believed=not fit.p < BELIEVED,
        omega=fit.omega,
    )


def _sentences(found: Crossings, fits: Sequence[Collapse]) -> tuple[str, ...]:
    read = [
        f"L = {a}, {b}: {x}" for (a, b), x in zip(found.pairs, found.x, strict=True)
    ]
    bent = [f"L = {f.side} (p = {f.p:.2g})" for f in found.fits if f.p < BELIEVED]
    cubic = (
        f"no cubic goes through the curve of {', '.join(bent)}; sample nearer to K_c"
    )
    collapsed = [parameter(fits, name).sentence for name in fits[0].fitted]
    return (
        "crossings at K = " + "; ".join(read),
        *([cubic] if bent else []),
        *(sentence.replace("x_c", "K_c") for sentence in collapsed),
    )
