"""The Gaussian field of the slides: which couplings survive when pixels are averaged.

H = Σ_k y_k ∫ |∇^k φ|². Averaged over blocks of side c and rescaled so that y₁ stays,

    y₀ → c² y₀,    y₁ → y₁,    y_k → c^{2-2k} y_k    (k ≥ 2),

so that only y₀ grows (slides, p. 26; the formula is lost in the text at hand and taken
from their source, H. W. Lin, M. Tegmark and D. Rolnick, J. Stat. Phys. 168, 1223
(2017), appendix B). Read here off the spectrum S of a lattice field, which is its law:
1/S = y₀ + y₁ k̂² + y₂ k̂⁴ + … at small k along an axis. Two measurements in d = 1, 2, 3:

exact    how much a small change of y_k in the fine field changes y_k of the averaged
         one, from the exact spectrum of block means (windowed and aliased),
drawn    fields are drawn, averaged, and both spectra fitted by maximum likelihood:
         waves are independent, |φ_k|² is exponential, and 1/S linear in couplings.

Beside blocks stand two other ways to look from afar: tents (overlapping blocks with
weights that fall linearly), and Wilson's shell, which cuts waves and aliases nothing.

What y₂ ends at depends on the ruler. The slides' ∇² is -k² on paper and -k̂² on a
lattice, k̂² = k² - k⁴/12 + …; a massless field that has S = 1/k² from afar has y₂ = 0 in
powers of k² and 1/12 in powers of k̂². Averages add a mark of their own: 1/S gets
k⁴/12 from the window (sin ½k / ½k)² of blocks and k⁴/6 from that of tents, the shell
none. So y₂ → 0 exactly for the shell in k², and nowhere else.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from kadanoff.estimate import Estimate, combine
from kadanoff.experiments.exhibit import Check, Exhibit, Status, Work, shown
from kadanoff.experiments.pieces import Piece, readings
from kadanoff.experiments.studies import attributes_of
from kadanoff.flows.gaussian import (
    BlockAveragedMass,
    GaussianField,
    block_averaged,
    squared_momentum,
)
from kadanoff.randomness import generator
from kadanoff.reports.figures import PALETTE, data_uri, figure
from kadanoff.reports.page import Section, Table

__all__ = [
    "EXHIBIT",
    "FAST",
    "FULL",
    "Settings",
    "ends",
    "fitted",
    "leaks",
    "seen_from_afar",
]

Array = NDArray[Any]
Spectrum = Callable[[Array], Array]

NAMES = ("y0", "y1", "y2", "y3")
DIMENSIONS = (1, 2, 3)
SMALL = {"y0": 1e-6, "y2": 1e-3, "y3": 1e-3}
"""Changes of a coupling that are small and well above rounding."""
STILL = 1e-2
"""Of a measured power of c."""
SIGMAS = 4.0
"""Of a drawn reading: nine to eighteen are looked at, level 5e-3 in all."""
FAR = 1.2
"""Largest coarse momentum of the fits; the same waves are fitted on the fine side."""
BLOCKS = 40
"""Of the jackknife over draws."""
RULERS = ("k²", "k̂²")
MARKS = {"blocks": 1 / 12, "tents": 1 / 6, "shell": 0.0}
"""Where y₂ of averages ends in powers of k²: what the window adds to 1/S."""
SHELLS = 5
"""Of momenta, in which the residuals of a fit are added up."""
FITS = 3.0
"""Largest χ² per degree of freedom that is called a fit: 7 of its errors for 24."""


@dataclass(frozen=True)
class Settings:
    """What is averaged.

    Attributes:
        sides: of the drawn lattices in one, two and three dimensions; a few hundred
            waves below the largest momentum each.
        factors: c of the drawn fields, dividing all sides.
        draws: fields of each kind.
        scales: of the exact spectra; the last two give the powers.
        mass: m of the drawn fields; c m ≪ 1 is where y₀ → c² y₀.
        stiff: y₂ of the second kind of field.
    """

    sides: tuple[int, int, int]
    factors: tuple[int, ...]
    draws: int
    scales: tuple[int, ...] = (1, 2, 4, 8, 16)
    mass: float = 0.2
    stiff: float = 1.0


FAST = Settings(sides=(1024, 64, 24), factors=(2,), draws=200, scales=(1, 2, 4, 8))
FULL = Settings(sides=(1536, 96, 36), factors=(2, 3), draws=1500)


def seen_from_afar(spectrum: Spectrum, c: int, view: str) -> Spectrum:
    """The spectrum of a field seen from c times as far, on momenta of its lattice.

    Args:
        spectrum: of the fine field.
        c: change of scale, 1 for none.
        view: `blocks` of side c, `tents` of twice the side, or the `shell`.

    Raises:
        ValueError: another view.
    """
    if view not in VIEWS:
        raise ValueError(f"a field is seen as {VIEWS}, got {view!r}")
    if c == 1:
        return spectrum
    if view == "blocks":
        return block_averaged(spectrum, c)
    if view == "shell":
        return lambda k: spectrum(np.asarray(k) / c) / c ** np.shape(k)[-1]

    def tents(k: Array) -> Array:
        # A tent is a block averaged over a block: its window is squared.
        total = np.zeros(k.shape[:-1])
        for n in itertools.product(range(c), repeat=k.shape[-1]):
            q = (k + 2 * np.pi * np.array(n)) / c
            half = np.sin(q / 2)
            safe = np.where(half == 0, 1.0, half)
            edge = np.where(half == 0, 1.0, np.sin(c * q / 2) / (c * safe))
            total += (edge**4).prod(axis=-1) * spectrum(q)
        return total / c ** k.shape[-1]

    return tents


VIEWS = ("blocks", "tents", "shell")


def fitted(power: Array, momenta: Array) -> Array:
    """Couplings β of 1/S = Σ_j β_j x_j by maximum likelihood, `(coupling,)`.

    x = 1, k̂², (k̂²)³, (k̂²)² and, in two dimensions and more, Σ k̂_i⁴, which a lattice
    does not forbid. Independent waves have -ln L = ½ Σ (ln S + |φ_k|²/S) with one
    minimum in β, known through Σ x |φ_k|² alone.

    Args:
        power: mean |φ_k|² per site of the waves, or an exact S, `(wave,)`.
        momenta: `(wave, d)`.
    """
    x = _terms(momenta)
    beta = np.zeros(x.shape[1])
    beta[:2] = 1 / power.max(), np.median(1 / power / (squared_momentum(momenta) + 0.1))
    for _ in range(200):
        mean = 1 / (x @ beta)
        step = np.linalg.solve((x * (mean**2)[:, None]).T @ x, x.T @ (mean - power))
        length = 1.0
        while (x @ (beta + length * step)).min() <= 0:  # S stays positive
            length /= 2
        beta = beta + length * step
        if np.abs(length * step).max() < 1e-12 * np.abs(beta).max():
            break
    return beta


def compute(settings: Settings, work: Work) -> xr.Dataset:
    """Responses and flow of the exact spectra, and couplings of drawn fields."""
    parts = [_exact(settings)]
    cases = list(itertools.product(settings.factors, DIMENSIONS))
    pieces = [_drawing(d, c, settings, work.subseed("field", d, c)) for c, d in cases]
    drawn = readings(pieces, work, "drawn fields")
    axes = ("factor", "dimension")
    shape = (len(settings.factors), len(DIMENSIONS))
    residual = np.reshape([row.pop("residual") for row in drawn], (*shape, 4, SHELLS))
    parts.append(
        xr.Dataset(
            {
                **{
                    n: (axes, np.reshape([row[n] for row in drawn], shape))
                    for n in drawn[0]
                },
                "residual": ((*axes, "fit", "shell"), residual),
            },
            {"factor": list(settings.factors), "fit": list(SPECTRA)},
        )
    )
    return xr.merge(parts).assign_attrs(attributes_of(settings))


def draw(dataset: xr.Dataset) -> list[Section]:
    """Powers of every coupling, where the flow ends, and drawn fields."""
    return [
        Section(
            "Relevant, marginal, irrelevant",
            "How much a small change of a coupling of the fine field is seen in the "
            "same coupling from c times as far, from exact spectra in three dimensions "
            "(one and two look alike); grey lines are the formula. Averages over "
            "blocks have sharp edges, and through them y₃ dies as c⁻³ and not as c⁻⁴: "
            "tents (averages over twice the side with weights that fall linearly from "
            "the middle) and the shell (which drops short waves) do as the formula "
            "says. Right: where y₂ of fields with unlike starts goes, in powers of k².",
            data_uri(_exact_picture(dataset)),
            tables=[_powers(dataset)],
        ),
        Section(
            "Drawn fields",
            "Fields of mass m and of two stiffnesses are drawn and averaged, and both "
            "sides fitted. Each reading is divided by what the same fit finds in the "
            "exact spectrum; bars are one standard error (jackknife over draws). "
            "Right: what the fits leave of the spectra, in errors, added up in shells "
            "of momenta.",
            data_uri(_drawn_picture(dataset)),
            tables=[_readings(dataset)],
        ),
    ]


def checks(dataset: xr.Dataset) -> Sequence[Check]:
    """One for each kind of coupling, and where it all ends."""
    return [
        _relevant(dataset),
        _marginal(dataset),
        _irrelevant(dataset),
        _fourth(dataset),
        _survive(dataset),
    ]


# Exact spectra


def _stiff_spectrum(y: dict[str, float]) -> Spectrum:
    def spectrum(k: Array) -> Array:
        x = squared_momentum(k)
        y0, y2, y3 = (y.get(name, 0.0) for name in SMALL)
        powers = np.stack([y0 + x, y2 * x**2, y3 * x**3])
        return 1 / np.sum(powers, axis=0)

    return spectrum


def _couplings_of(spectrum: Spectrum, d: int, ruler: str = "k̂²") -> Array:
    """y₀ … y₃ along an axis, by eight powers of a ruler through 24 momenta to 0.6."""
    k = np.zeros((24, d))
    k[:, 0] = np.linspace(0.05, 0.6, 24)
    x = squared_momentum(k) if ruler == "k̂²" else k[:, 0] ** 2
    return np.asarray(np.polynomial.polynomial.polyfit(x, 1 / spectrum(k), 7))[:4]


def _exact(settings: Settings) -> xr.Dataset:
    """Responses `(view, dimension, scale, coupling)`, and y₂ along averages."""
    scales = settings.scales
    found = np.empty((len(VIEWS), len(DIMENSIONS), len(scales), len(NAMES)))
    for (i, view), (j, d), (k, c) in itertools.product(
        enumerate(VIEWS), enumerate(DIMENSIONS), enumerate(scales)
    ):
        found[i, j, k] = _responses(view, d, c)
    formula = np.array([[_formula(d, c) for c in scales] for d in DIMENSIONS])
    starts = (0.0, 1 / 6, 0.5, 1.0)
    ends = np.empty((len(VIEWS), len(RULERS), len(starts), len(scales)))
    for (i, view), (j, ruler), (k, y), (l, c) in itertools.product(
        enumerate(VIEWS), enumerate(RULERS), enumerate(starts), enumerate(scales)
    ):
        ends[i, j, k, l] = _relative(_stiff_spectrum({"y2": y}), view, 1, c, ruler)[2]
    return xr.Dataset(
        {
            "response": (("view", "dimension", "scale", "coupling"), found),
            "formula": (("dimension", "scale", "coupling"), formula),
            "y2_flow": (("view", "ruler", "start", "scale"), ends),
        },
        {
            "view": list(VIEWS),
            "ruler": list(RULERS),
            "coupling": list(NAMES),
            "dimension": list(DIMENSIONS),
            "scale": list(scales),
            "start": list(starts),
        },
    )


def _relative(
    spectrum: Spectrum, view: str, d: int, c: int, ruler: str = "k̂²"
) -> Array:
    """Couplings from afar, the field rescaled so that y₁ is 1."""
    y = _couplings_of(seen_from_afar(spectrum, c, view), d, ruler)
    return y / y[1]


def _responses(view: str, d: int, c: int) -> list[float]:
    """∂y_k′/∂y_k at the massless field; of y₁ itself its change by c^{(2-d)/2} of φ."""
    plain = _couplings_of(seen_from_afar(_stiff_spectrum({}), c, view), d)
    found = []
    for k, name in enumerate(NAMES):
        if name == "y1":
            found.append(float(plain[1]) / c ** (d - 2))
            continue
        changed = _relative(_stiff_spectrum({name: SMALL[name]}), view, d, c)
        found.append(float(changed[k] - plain[k] / plain[1]) / SMALL[name])
    return found


def _formula(d: int, c: int) -> Array:
    """Factors of y₀ … y₃ on paper."""
    ones = torch.ones(5, dtype=torch.float64)
    return np.ones(4) if c == 1 else GaussianField(d, float(c)).step(ones).numpy()[:4]


# Drawn fields


SPECTRA = ("plain", "plain, averaged", "stiff", "stiff, averaged")


def _drawing(d: int, c: int, settings: Settings, seed: int) -> Piece:
    """Draws of one dimension and factor with their fits, a run of its own."""
    about = {
        "side": settings.sides[d - 1],
        "dimension": d,
        "factor": c,
        "draws": settings.draws,
        "mass": settings.mass,
        "stiff": settings.stiff,
        "seed": seed,
    }
    return Piece("lin2017-field", about, lambda: _drawn(d, c, settings, seed))


def _drawn(d: int, c: int, settings: Settings, noise: int) -> dict[str, Any]:
    """Factors of y₀, y₁ and of a difference in y₂, with what the fit finds exactly."""
    side = settings.sides[d - 1]
    fine_waves = _waves(side, d, FAR / c)
    coarse_waves = _waves(side // c, d, FAR)
    m2 = settings.mass**2
    fields = {"plain": {"y0": m2}, "stiff": {"y0": m2, "y2": settings.stiff}}
    # Both kinds from the same noise: most of it drops out of their difference.
    read, exact, residual, chi2 = {}, {}, [], []
    for name, y in fields.items():
        spectrum = _stiff_spectrum(y)
        rng = generator(noise)
        fine, coarse = _powers_of_draws(spectrum, side, d, c, settings.draws, rng=rng)
        read[name] = (_estimate(fine, fine_waves), _estimate(coarse, coarse_waves))
        for powers, waves, fit in zip(
            (fine, coarse), (fine_waves, coarse_waves), read[name], strict=True
        ):
            left, per_freedom = _left_over(powers, waves, fit.value)
            residual.append(left.tolist())
            chi2.append(per_freedom)
        exact[name] = (
            fitted(spectrum(fine_waves), fine_waves),
            fitted(block_averaged(spectrum, c)(coarse_waves), coarse_waves),
        )
    found: dict[str, Any] = {"waves": float(len(coarse_waves))}
    found |= {"residual": residual, "chi2": max(chi2), "chi2_least": min(chi2)}
    for k in range(3):
        reading = combine(partial(_factor, k, d, c), *read["plain"], *read["stiff"])
        name = NAMES[k]
        found[f"drawn_{name}"] = float(reading.value)
        found[f"drawn_{name}_error"] = float(reading.error)
        found[f"fit_{name}"] = _factor(k, d, c, *exact["plain"], *exact["stiff"])
    step = BlockAveragedMass(d, c).step(torch.tensor([m2], dtype=torch.float64))
    return found | {"share_y0": float(step) / (c**2 * m2)}


def _factor(
    k: int,
    d: int,
    c: int,
    fine: Array,
    coarse: Array,
    stiff: Array,
    stiff_coarse: Array,
) -> float:
    """By what y_k is multiplied; y₂ of the difference of stiff and plain fields."""
    if k == 0:
        return float(coarse[0] / coarse[1] / (fine[0] / fine[1]))
    if k == 1:
        return float(coarse[1] / fine[1] / c ** (d - 2))

    def along(beta: Array) -> float:
        return float(beta[3:].sum() / beta[1])

    before = along(stiff) - along(fine)
    return (along(stiff_coarse) - along(coarse)) / before


def _left_over(powers: Array, momenta: Array, beta: Array) -> tuple[Array, float]:
    """Residuals of a fit in errors, by shells of |k|, and χ² per degree of freedom.

    |φ_k|² is exponential, so that its mean over draws has the error S/√draws; k and -k
    are one wave.
    """
    mean = 1 / (_terms(momenta) @ beta)
    z = (powers.mean(axis=0) / mean - 1) * np.sqrt(len(powers))
    freedom = (len(z) + 1) / 2 - len(beta)
    size = np.linalg.norm(momenta, axis=1)
    sizes = np.unique(size.round(9))
    shell = np.searchsorted(sizes, size.round(9)) * SHELLS // len(sizes)
    count = np.bincount(shell, minlength=SHELLS)
    total = np.bincount(shell, weights=z, minlength=SHELLS)
    # Every wave is there twice: the sum has twice the variance of as many.
    return total / np.sqrt(2 * count), float((z**2).sum() / 2 / freedom)


def _estimate(powers: Array, momenta: Array) -> Estimate:
    """The fit to the mean over draws, and without each block of draws in turn."""
    blocks = np.array_split(powers, BLOCKS)
    totals = np.array([b.sum(axis=0) for b in blocks])
    counts = np.array([len(b) for b in blocks])
    left = (totals.sum(axis=0) - totals) / (counts.sum() - counts)[:, None]
    replicates = np.array([fitted(p, momenta) for p in left])
    value = fitted(powers.mean(axis=0), momenta)
    return Estimate(value, {"draws": replicates}, len(powers))


def _powers_of_draws(
    spectrum: Spectrum, side: int, d: int, c: int, draws: int, *, rng
) -> tuple[Array, Array]:
    """|φ_k|² per site of drawn fields and of their block means, `(draw, wave)`."""
    root = np.sqrt(spectrum(_momenta(side, d)))
    axes = tuple(range(1, d + 1))
    fine, coarse = [], []
    batch = max(1, 2**20 // side**d)
    for start in range(0, draws, batch):
        shape = (min(batch, draws - start), *(side,) * d)
        waves = root * np.fft.fftn(rng.normal(size=shape), axes=axes)
        field = np.fft.ifftn(waves, axes=axes).real
        split = [part for _ in range(d) for part in (side // c, c)]
        means = field.reshape(-1, *split).mean(axis=tuple(range(2, 2 * d + 1, 2)))
        fine.append(_kept(waves, FAR / c, side, d))
        coarse.append(_kept(np.fft.fftn(means, axes=axes), FAR, side // c, d))
    return np.concatenate(fine), np.concatenate(coarse)


def _kept(waves: np.ndarray, largest: float, side: int, d: int) -> Array:
    """|φ_k|² per site, only of the waves that are fitted."""
    flat = waves.reshape(len(waves), -1)[:, _mask(side, d, largest)]
    return np.abs(flat) ** 2 / side**d


def _momenta(side: int, d: int) -> Array:
    k = 2 * np.pi * np.fft.fftfreq(side)
    return np.stack(np.meshgrid(*[k] * d, indexing="ij"), axis=-1)


def _mask(side: int, d: int, largest: float) -> NDArray[np.bool_]:
    return np.linalg.norm(_momenta(side, d), axis=-1).ravel() <= largest + 1e-9


def _waves(side: int, d: int, largest: float) -> Array:
    """Momenta of all waves that are kept, `(wave, d)`."""
    return _momenta(side, d).reshape(-1, d)[_mask(side, d, largest)]


def _terms(momenta: Array) -> Array:
    x = squared_momentum(momenta)
    columns = [np.ones(len(x)), x, x**3, x**2]
    if momenta.shape[-1] > 1:
        columns.append(((4 * np.sin(momenta / 2) ** 2) ** 2).sum(axis=-1))
    return np.stack(columns, axis=-1)


# Pages


def _power(dataset: xr.Dataset, name: str, view: str) -> float:
    """The power of c over the last step, of all dimensions that furthest off."""
    at = dataset["response"].sel(view=view, coupling=name).isel(scale=[-2, -1])
    step = float(np.log(at.scale[1] / at.scale[0]))
    powers = np.diff(np.log(np.abs(at.values)), axis=1).ravel() / step
    return float(powers[np.abs(powers - _on_paper(name)).argmax()])


def _on_paper(name: str) -> float:
    return 2.0 - 2.0 * NAMES.index(name)


def _powers(dataset: xr.Dataset) -> Table:
    rows = [
        [name, f"{_on_paper(name):g}"]
        + [f"{_power(dataset, name, view):.3f}" for view in VIEWS]
        for name in NAMES
    ]
    return Table(("power of c", "formula", *VIEWS), rows)


def _readings(dataset: xr.Dataset) -> Table:
    rows = []
    for c, d, name in itertools.product(dataset.factor.values, DIMENSIONS, NAMES[:3]):
        at = dataset.sel(factor=c, dimension=d)
        paper = float(c) ** _on_paper(name)
        rows.append(
            [
                f"{c}",
                f"{d}",
                name,
                f"{paper:.4f}",
                f"{float(at[f'fit_{name}']):.4f}",
                shown(dataset, f"drawn_{name}", factor=c, dimension=d),
            ]
        )
    return Table(("c", "d", "", "formula", "exact spectrum, same fit", "drawn"), rows)


def _exact_picture(dataset: xr.Dataset) -> Figure:
    fig = figure(11.0, 3.9, 1, 2)
    left, right = fig.axes
    c = dataset.scale.values.astype(float)
    marks = {"blocks": "o", "tents": "^", "shell": "x"}
    for name, colour in zip(NAMES, PALETTE, strict=False):
        paper = dataset["formula"].sel(coupling=name, dimension=3)
        left.plot(c, paper, color="grey", linewidth=0.8)
        for view, mark in marks.items():
            y = dataset["response"].sel(view=view, coupling=name, dimension=3)
            left.plot(
                c, y, mark, color=colour, markersize=5, fillstyle="none",
                label=f"{name}, {view}",
            )  # fmt: skip
    left.set_xscale("log", base=2)
    left.set_yscale("log")
    left.set_xlabel("c")
    left.set_ylabel("change from afar / change")
    left.legend(fontsize=7.5, frameon=False, ncols=2, loc="lower left")
    for view, colour in zip(VIEWS, PALETTE, strict=False):
        flow = dataset["y2_flow"].sel(view=view, ruler="k²")
        for number, start in enumerate(dataset.start.values):
            right.plot(
                c, flow.sel(start=start), "-", marker=marks[view], color=colour,
                markersize=4, linewidth=0.9, label=None if number else view,
            )  # fmt: skip
        right.axhline(MARKS[view], color=colour, linewidth=0.8, linestyle="--")
    right.set_xscale("log", base=2)
    right.set_xlabel("c (dashed: 1/12 of blocks, 1/6 of tents, 0)")
    right.set_ylabel("y₂ / y₁ in powers of k²")
    right.legend(fontsize=8, frameon=False)
    return fig


def _drawn_picture(dataset: xr.Dataset) -> Figure:
    fig = figure(11.5, 3.6, 1, 2)
    ax, left = fig.axes
    labels, place = [], 0
    for c, d in itertools.product(dataset.factor.values, DIMENSIONS):
        at = dataset.sel(factor=c, dimension=d)
        for k, name in enumerate(NAMES[:3]):
            fit = float(at[f"fit_{name}"])
            ax.errorbar(
                [place + 0.2 * (k - 1)],
                [float(at[f"drawn_{name}"]) / fit],
                [float(at[f"drawn_{name}_error"]) / fit],
                fmt="o",
                color=PALETTE[k],
                markersize=4,
                capsize=2,
                label=f"{name}: {('relevant', 'marginal', 'irrelevant')[k]}"
                if place == 0
                else None,
            )
        labels.append(f"c = {c}\nd = {d}")
        place += 1
    ax.axhline(1, color="grey", linewidth=0.8)
    ax.set_xticks(range(place), labels)
    ax.set_ylabel("drawn / exact spectrum")
    ax.legend(fontsize=8, frameon=False)
    shells = np.arange(1, dataset.sizes["shell"] + 1)
    for k, (d, colour) in enumerate(zip(DIMENSIONS, PALETTE, strict=False)):
        at = dataset["residual"].sel(dimension=d).stack(one=("factor", "fit"))
        left.plot(
            np.add.outer(shells, np.linspace(-0.08, 0.08, at.sizes["one"]) + 0.25 * k),
            at.transpose("shell", "one"), ".", color=colour, markersize=4,
        )  # fmt: skip
        left.plot([], [], "o", color=colour, label=f"d = {d}")
    left.axhline(0, color="grey", linewidth=0.8)
    left.set_xlabel("shell of momenta, from small to large")
    left.set_ylabel("spectrum less its fit (errors)")
    left.legend(fontsize=8, frameon=False)
    return fig


def _worst(dataset: xr.Dataset, name: str) -> tuple[float, str]:
    """The largest pull of a drawn factor, and the reading it belongs to."""
    off = abs(dataset[f"drawn_{name}"] - dataset[f"fit_{name}"])
    pull = (off / dataset[f"drawn_{name}_error"]).transpose("factor", "dimension")
    row, column = np.unravel_index(pull.values.argmax(), pull.shape)
    c, d = int(dataset.factor[row]), int(dataset.dimension[column])
    drawn = shown(dataset, f"drawn_{name}", factor=c, dimension=d)
    return float(pull.max()), f"{drawn} at c = {c}, d = {d}"


def _two_ways(
    dataset: xr.Dataset, name: str, claim: str, paper: str, more: str
) -> Check:
    """A coupling whose exact power and drawn factors must both be right."""
    power, (pull, worst) = _power(dataset, name, "blocks"), _worst(dataset, name)
    right = abs(power - _on_paper(name)) < STILL
    drawn = ", ".join(
        shown(dataset, f"drawn_{name}", factor=2, dimension=d) for d in DIMENSIONS
    )
    chi2 = float(dataset["chi2"].max())
    fits = chi2 < FITS
    both = Status.REPRODUCED if right and pull < SIGMAS and fits else Status.PARTLY
    return Check(
        claim=claim,
        paper=paper,
        ours=f"exact spectra: c^{power:.3f}; drawn fields at c = 2 in d = 1, 2, 3: "
        f"{drawn}",
        status=both if right or pull < SIGMAS else Status.NOT,
        reason=f"{more}; of {dataset['waves'].size} drawn readings the furthest from "
        f"the exact spectrum is {worst}, {pull:.1f} errors; the fits to spectra leave "
        f"χ² = {float(dataset['chi2_least'].min()):.2f} to {chi2:.2f} per degree of "
        "freedom",
    )


def _relevant(dataset: xr.Dataset) -> Check:
    share = float(dataset["share_y0"].sel(factor=2).isel(dimension=0))
    return _two_ways(
        dataset,
        "y0",
        "y₀ grows as c²: it is relevant.",
        "y₀ → c² y₀; the formula is lost in the text at hand",
        f"at the drawn mass blocks have {share:.4f} of c², which is 1 for c m ≪ 1",
    )


def _marginal(dataset: xr.Dataset) -> Check:
    return _two_ways(
        dataset,
        "y1",
        "y₁ stays, with the field rescaled by c^{(2-d)/2}: it is marginal.",
        "y₁ fixed",
        "the rescaling is that of the formula and not fitted",
    )


def _irrelevant(dataset: xr.Dataset) -> Check:
    return _two_ways(
        dataset,
        "y2",
        "y₂ dies as c⁻²: it is irrelevant.",
        "y_k → c^{2-2k} y_k; the formula is lost in the text at hand",
        "drawn is the difference of two fields, as blocks make some y₂ of their own",
    )


def _fourth(dataset: xr.Dataset) -> Check:
    found = {view: _power(dataset, "y3", view) for view in VIEWS}
    right = {view: abs(power + 4) < STILL for view, power in found.items()}
    right["blocks"] = not leaks(dataset)
    dies = found["blocks"] < -2
    status = Status.REPRODUCED if all(right.values()) else Status.PARTLY
    return Check(
        claim="y₃ dies as c⁻⁴.",
        paper="y_k → c^{2-2k} y_k with pixel values averaged",
        ours=", ".join(f"{view} c^{power:.3f}" for view, power in found.items()),
        status=status if dies and any(right.values()) else Status.NOT,
        reason="the formula rescales and forgets the short waves that block means fold "
        "back: through the sharp edges of a block a change of y₃ leaks at c⁻³, which "
        "is irrelevant all the same"
        if not right["blocks"]
        else "in every view",
    )


def ends(dataset: xr.Dataset, view: str) -> tuple[float, float, bool]:
    """y₂/y₁ in powers of k² at the largest c, its spread over starts, and whether
    where they began is forgotten."""
    flow = dataset["y2_flow"].sel(view=view, ruler="k²")
    last = flow.isel(scale=-1).values
    before = float(np.ptp(flow.isel(scale=0).values))
    spread = float(np.ptp(last))
    return float(last.mean()), spread, spread < before / int(dataset.scale.values[-1])


def leaks(dataset: xr.Dataset) -> bool:
    """Whether y₃ of block means does not die as c⁻⁴."""
    return abs(_power(dataset, "y3", "blocks") + 4) >= STILL


def _survive(dataset: xr.Dataset) -> Check:
    found = {view: ends(dataset, view) for view in VIEWS}
    forgotten = [held for _, _, held in found.values()]
    # What is left of the start has the size of the spread.
    zero = {v: abs(y) < max(STILL, spread) for v, (y, spread, _) in found.items()}
    last = int(dataset.scale.values[-1])
    ruler = float(
        dataset["y2_flow"].sel(view="shell", ruler="k̂²").isel(scale=-1).mean()
    )
    if not all(forgotten):
        status = Status.NOT
    else:
        status = Status.REPRODUCED if all(zero.values()) else Status.PARTLY
    return Check(
        claim="Repeated, it leaves y₀ and y₁ alone: all others go to zero.",
        paper="in words",
        ours=f"at c = {last} y₂/y₁ in powers of k² is "
        + ", ".join(
            f"{y:.4f} of {view} ({spread:.4f} apart)"
            for view, (y, spread, _) in found.items()
        ),
        status=status,
        reason="where they began is "
        + ("forgotten" if all(forgotten) else "not forgotten everywhere")
        + "; zero is left by "
        + (", ".join(v for v, z in zero.items() if z) or "none")
        + ", and what windows add to 1/S is "
        + ", ".join(f"{MARKS[v]:.4f} for {v}" for v in VIEWS)
        + f"; in powers of the lattice's k̂² it is 1/12 more, {ruler:.4f} for the shell",
    )


EXHIBIT = Exhibit(
    name="gaussian_field",
    title="The Gaussian field",
    fast=FAST,
    full=FULL,
    compute=compute,
    draw=draw,
    checks=checks,
    version=2,
)
