"""The rows of a scorecard: readings of a map, each with a sentence in words.

Every row is one function of a subject. Where a subject does not have what a row needs
it is *missing*, with the reason; `docs/reference.md` has the table of which exist.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kadanoff.coarse.arrange import Arrange
from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import Layer
from kadanoff.coarse.pooling import Convolution
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, number_text
from kadanoff.instruments.correlators import two_point
from kadanoff.instruments.couplings import conditional_entropy, fit_couplings
from kadanoff.instruments.mcrg import Exponent, exponents, scan
from kadanoff.instruments.neighbourhood import unexplained
from kadanoff.instruments.operators import fitting
from kadanoff.instruments.receptive import locality
from kadanoff.instruments.scaling import dimension
from kadanoff.instruments.thermometer import has_thermometer, temperatures
from kadanoff.protocols import CoarseGraining
from kadanoff.randomness import generator
from kadanoff.scorecard import information as environment
from kadanoff.scorecard.divergence import divergence
from kadanoff.scorecard.response import flip_covariance, shift_covariance
from kadanoff.scorecard.subject import Subject, fits, halves
from kadanoff.scorecard.thermometer import classifier_reading

__all__ = [
    "HEADLINES",
    "INFORMATION",
    "QUICK",
    "ROWS",
    "Row",
    "in_turn",
    "missing",
    "read",
]

COUPLINGS = ("nn", "nnn", "plaquette", "third", "field")
ANNEALING = {"runs": 64, "temperatures": 250}
"""ln Z of 1024 spins to about 4e-4 per spin, below what the configurations tell."""
WHOLE = 1e-9  # how far a root of a ratio of areas may be from the number it is
PRODUCTS = ("pm1", "real")
"""Alphabets whose values multiply: locality and correlators read no others."""


@dataclass(frozen=True)
class Row:
    """A reading of one aspect of a map.

    Attributes:
        name: of the row.
        readings: estimates and plain numbers by name; empty where the row is missing.
        sentence: the row in words, or why it is missing.
    """

    name: str
    readings: Mapping[str, Any]
    sentence: str

    @property
    def is_missing(self) -> bool:
        """Whether the subject does not have what the row needs."""
        return not self.readings

    @property
    def samples(self) -> int:
        """Independent configurations that its weakest estimate rests on."""
        numbers = [v.n_eff for v in self.readings.values() if isinstance(v, Estimate)]
        finite = [n for n in numbers if math.isfinite(n)]
        return int(min(finite, default=0))

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"sentence": self.sentence, "n_eff": self.samples, **self.readings}


def missing(name: str, reason: str) -> Row:
    """A row that the subject does not have."""
    return Row(name, {}, f"missing: {reason}")


def locality_row(subject: Subject) -> Row:
    """Where the coarse units look: width and patches of their responses."""
    levels = (subject.fine, subject.coarse)
    if any(level.alphabet not in PRODUCTS for level in levels):
        return missing("locality", "responses multiply ±1 or real values")
    reading = locality(*levels)
    share = f"the response of {100 * reading.responding:.0f} % of the units stands out"
    if not reading.responding > 0:
        return Row("locality", {"responding": 0.0}, f"{share} of the noise")
    direct = {
        "direct width (sites)": reading.direct_width,
        "mean direct width (sites)": reading.mean_direct_width,
        "direct reach (sites)": reading.direct_reach,
        "direct patches": reading.direct_patches,
    }
    words = (
        "the direct one, without the correlations of the fine sites, "
        f"{reading.direct_width}, and reaches {reading.direct_reach} from the place of "
        "its unit"
        if reading.directly > 0
        else "too few direct ones stand out of the noise to be read; take more "
        "configurations"
    )
    return Row(
        "locality",
        {
            "width (sites)": reading.width,
            "patches": reading.patches,
            "mean patches": reading.mean_patches,
            **(direct if reading.directly > 0 else {}),
            "responding": reading.responding,
            "responding directly": reading.directly,
        },
        f"{share}; the median one is {reading.width} sites wide, {words}",
    )


def covariance_row(subject: Subject) -> Row:
    """Whether the map commutes with the flip and with shifts by one coarse site."""
    if subject.rule is None:
        return missing("covariance", "it takes the map itself, and only files are here")
    readings = {}
    if subject.fine.alphabet in PRODUCTS and subject.coarse.alphabet in PRODUCTS:
        readings["flip"] = flip_covariance(
            subject.rule, subject.fine, seed=subject.seed
        )
    if abs(subject.b - round(subject.b)) < WHOLE:
        readings["shift"] = shift_covariance(
            subject.rule, subject.fine, seed=subject.seed
        )
    if not readings:
        return missing("covariance", "no symmetry of it is known on this lattice")
    words = [
        (f"{value} of it" if np.isfinite(value.value) else "no number")
        + f" under {_MOVES[name]}"
        for name, value in readings.items()
    ]
    return Row(
        "covariance",
        readings,
        f"of what the map keeps of a configuration there is {' and '.join(words)} "
        "(1: covariant)",
    )


_MOVES = {
    "flip": "the flip of all spins",
    "shift": "a shift by one coarse site",
}


def coverage_row(subject: Subject) -> Row:
    """What it took to put unordered units on a grid."""
    placed = subject.placed
    if placed is None:
        return missing("coverage", "its units have positions of their own")
    return Row(
        "coverage",
        {
            "arranging cost (sites)": placed.cost,
            "width when arranged (sites)": placed.width,
        },
        f"arranging moved the units {placed.cost} sites on average from the centres of "
        "their responses, on chains that are not read here",
    )


def couplings_row(subject: Subject) -> Row:
    """The couplings of the coarse law, fitted on one half of the chains."""
    if subject.coarse.alphabet != "pm1":
        return missing("couplings", f"{_values(subject.coarse)} have none of ±1 spins")
    (fit,), (read,) = halves([subject.coarse])
    names = fitting(COUPLINGS, read.grid.dimension)
    try:
        found = fit_couplings(fit, names)
        entropy = conditional_entropy(found, read)
    except ValueError as error:
        return missing("couplings", str(error))
    readings: dict[str, Any] = {f"K {name}": found[name] for name in names}
    readings["entropy of a spin (nats)"] = entropy
    largest = max(names, key=lambda name: abs(float(found[name].value)))
    return Row(
        "couplings",
        readings,
        f"the coarse law has a largest coupling {largest} of "
        f"{number_text(found[largest])}; given its neighbours a spin keeps "
        f"{number_text(entropy)} of ln 2 = 0.693 nats",
    )


def unexplained_row(subject: Subject) -> Row:
    """What the couplings leave open of what a neighbourhood says of a spin."""
    name = "unexplained"
    if subject.coarse.alphabet != "pm1":
        return missing(name, f"{_values(subject.coarse)} have no couplings")
    (fit,), (read,) = halves([subject.coarse])
    rng = generator(subject.seed, name)
    try:
        found = fit_couplings(fit, fitting(COUPLINGS, read.grid.dimension))
        left = unexplained(found, fit, read, rng=rng)
    except ValueError as error:
        return missing(name, str(error))
    window = "×".join(["5"] * read.grid.dimension)  # two steps to either side
    return Row(
        name,
        {
            "share": left.share,
            "entropy given the couplings (nats)": left.fitted,
            f"entropy given {window} sites (nats)": left.saturated,
        },
        f"{number_text(left.share)} of what the {window} sites around a spin say about "
        "it is not in these couplings",
    )


def temperature_row(subject: Subject) -> Row:
    """Two thermometers at every level; none where the values are not spins."""
    readings: dict[str, Any] = {}
    spread: Estimate | None = None
    for level in subject.levels:
        if not has_thermometer(level):
            continue
        side = _side(level)
        both = temperatures(level)
        spread = both.spread
        readings[f"T by energy, {side}"] = both.energy
        readings[f"T by couplings, {side}"] = both.coupling
        readings[f"spread, {side}"] = spread
        if level is subject.coarse:
            readings["coarse T by energy"] = both.energy
            readings["coarse T by couplings"] = both.coupling
    last = subject.levels[-1]
    if last.alphabet != "pm1":
        sentence = f"{_values(last)} have no temperature of a ±1 model"
    else:
        sentence = _agreement(spread)
    return (
        Row("temperature", readings, sentence)
        if readings
        else missing("temperature", sentence)
    )


def _agreement(spread: Estimate | None) -> str:
    if spread is None:
        return "this lattice has no thermometer: it is no straight square torus"
    if not np.isfinite(spread.value) or not np.isfinite(spread.error):
        return "the last level has no temperature that these configurations can tell"
    return (
        "at the last level the two thermometers differ by "
        f"{spread}: a nearest-neighbour model would have them agree"
    )


def thermometer_row(subject: Subject) -> Row:
    """The temperature that a classifier of this lattice's Ising magnets gives."""
    name = "temperature by classifier"
    if not has_thermometer(subject.coarse):
        return missing(name, "it takes ±1 spins on a straight square torus")
    try:
        found = classifier_reading(subject.coarse, seed=subject.seed)
    except ValueError as error:
        return missing(name, str(error))
    return Row(
        name,
        {
            "T by classifier": found.temperature,
            "less T by energy": found.above_energy,
            "less T by couplings": found.above_coupling,
        },
        found.sentence,
    )


def exponent_row(subject: Subject) -> Row:
    """MCRG exponents over the steps that the map allows."""
    try:
        found = scan(subject.levels)
    except ValueError as error:
        return missing("exponents", str(error))
    both = (found.y_t, found.y_h)
    readings: dict[str, Any] = {exponent.name: exponent.estimate for exponent in both}
    for exponent in both:
        readings[_error_name(exponent)] = exponent.error
    return Row("exponents", readings, f"{found.y_t.sentence}; {found.y_h.sentence}")


def _error_name(exponent: Exponent) -> str:
    over = "operators" if exponent.change is None else "steps and operators"
    return f"{exponent.name} error with changes over {over}"


def above_row(subject: Subject) -> Row:
    """Exponents of a one-step map, with majority applied on both of its sides."""
    name = "followed by majority"
    if len(subject.levels) > 2:
        return missing(name, "the map is read over steps of its own")
    levels = [_about_mean(level) for level in subject.levels]
    both = [(_sign_of_blocks(level), level) for level in levels]
    if not all(fits(rule, level) for rule, level in both):
        return missing(name, "majority does not fit both of its sides")
    fine, coarse = (coarsen(rule, level, seed=subject.seed) for rule, level in both)
    try:
        step = exponents(fine, coarse)
    except ValueError as error:
        return missing(name, str(error))
    last = {"y_T": step.y_t[-1:], "y_H": step.y_h[-1:]}
    readings = {symbol: y[0] for symbol, y in last.items() if y}
    if not readings:
        return missing(name, "no operator of these lattices varies")
    said = [
        f"{symbol} = {y[0]}"
        if y and np.isfinite(y[0].value) and np.isfinite(y[0].error)
        else f"no {symbol} that these configurations can tell"
        for symbol, y in last.items()
    ]
    return Row(
        name,
        readings,
        f"between the majority blocks of both its sides the step has {said[0]} and "
        f"{said[1]}, where a renormalization has the exponents of its fixed point",
    )


def _about_mean(level: Ensemble) -> Ensemble:
    """Real values less the mean of each site: a bias has no sign to speak of."""
    if level.alphabet != "real":
        return level
    values = level.values - level.values.mean(axis=(0, 1), keepdims=True)
    return level.derived(values, level.geometry, "real", {"step": "about its mean"})


def _sign_of_blocks(level: Ensemble) -> CoarseGraining:
    """Majority, of real values the sign of the block sum."""
    if level.alphabet != "real":
        return Majority(2)
    window = np.ones((1, *[2] * level.grid.dimension))
    return Convolution(window, b=2, output="sign", name="sum")


def scaling_row(subject: Subject) -> Row:
    """The coarse correlator over the fine one, and dimensions if it is critical."""
    fine, coarse = subject.fine, subject.coarse
    if any(level.alphabet not in PRODUCTS for level in (fine, coarse)):
        return missing("scaling", "correlators multiply ±1 or real values")
    ratio = correlator_ratio(fine, coarse)
    if ratio is None:
        return missing(
            "scaling", "the lattices have fewer than two distances in common"
        )
    readings, words = ratio
    for operator, symbol in (("spin", "Δ_σ"), ("energy", "Δ_ε")):
        try:
            fit = dimension(coarse, operator)
        except ValueError:  # no torus at right angles, or too small: no such form
            continue
        readings |= {symbol: fit.delta, f"p of its fit, {symbol}": fit.p}
    return Row("scaling", readings, words)


def correlator_ratio(
    fine: Ensemble, coarse: Ensemble
) -> tuple[dict[str, Any], str] | None:
    """G_coarse/G_fine at the shortest and the longest axial distance in common.

    Connected, each site about its own mean: a bias is no correlation. A rule that
    keeps the scaling field multiplies it by one factor at all distances:
    the slope d ln(G_c/G_f)/d ln r = 2(Δ_fine - Δ_coarse) is 0 for it.
    """
    before, after = (two_point(level, connected=True) for level in (fine, coarse))
    step = float(np.linalg.norm(coarse.grid.basis[0]))
    longest = coarse.grid.shape[0] // 2
    places = [_at(before.distance, k * step) for k in (1, longest)]
    there = [_at(after.distance, k * step) for k in (1, longest)]
    if longest < 2 or None in (*places, *there):
        return None
    near, far = (
        after.value[j] / before.value[i] for i, j in zip(places, there, strict=True)
    )
    slope = (far / near).map(lambda r: _log(float(r)) / math.log(longest))
    readings = {
        f"G_coarse/G_fine at r = {step:g}": near,
        f"G_coarse/G_fine at r = {longest * step:g}": far,
        "slope of the ratio": slope,
    }
    apart = f"from r = {step:g} to {longest * step:g}"
    if not (np.isfinite(slope.value) and np.isfinite(slope.error)):
        words = f"{apart} a correlator is lost in noise, and no power of r is read"
    else:
        words = (
            f"{apart} the coarse correlator changes against the fine one as r to the "
            f"power {slope}"
        )
    return readings, f"{words}; a field that is only rescaled has 0"


def information_row(subject: Subject) -> Row:
    """What a coarse site tells of the environment of its block, at least."""
    try:
        found = environment.information(subject.fine, subject.coarse, seed=subject.seed)
        fewer = environment.learning_curve(
            subject.fine, subject.coarse, seed=subject.seed, shares=(QUARTER,)
        )
    except ValueError as error:
        return missing("information", str(error))
    (learned,) = fewer.values()
    return Row(
        "information",
        {
            **environment.readings(found, None),
            "I(H:E) learned from a quarter (nats)": learned,
        },
        environment.sentence(found, None),
    )


INFORMATION = "I(H:E) (nats)"
QUARTER = 0.25
"""Of the chains that the networks learn from: what more of them would add shows."""


def likelihood_row(subject: Subject) -> Row:
    """How far the law of a machine is from that of the configurations."""
    first, *others = in_turn(subject.rule)
    reason = _no_likelihood(first, [r for r in others if not isinstance(r, Arrange)])
    if reason:
        return missing("likelihood", reason)
    network = first.network
    try:
        found = divergence(network, subject.fine, seed=subject.seed, **ANNEALING)
    except ValueError as error:
        return missing("likelihood", str(error))
    readings: dict[str, Any] = {
        "KL per site (nats)": found.kl.value,
        "its error from ln Z": found.kl.partition_error,
    }
    if found.reweighted is not None and found.even:
        readings["KL per site by reweighting (nats)"] = found.reweighted
    sites = math.prod(subject.fine.shape)
    return Row(
        "likelihood",
        readings,
        f"its law is {found.kl} from that of the configurations, "
        f"{sites * float(found.kl.value.value):.3g} nats for a whole lattice",
    )


def in_turn(rule: CoarseGraining | None) -> list[Any]:
    """The rules of a map, those of a stack inside it one by one."""
    if isinstance(rule, Stack):
        return [one for part in rule.rules for one in in_turn(part)]
    return [rule]


def _no_likelihood(first: Any, others: list[Any]) -> str:
    """Why a map has no law of the fine configurations; empty where it has one."""
    later = [rule for rule in others if isinstance(rule, Layer)]
    if not isinstance(first, Layer):
        return (
            f"the machine is one of what {first} puts out, not of these configurations"
            if later
            else "only a machine of this package has a likelihood"
        )
    if later:
        return (
            "of machines on top of each other the likelihood has a bound alone: that "
            "of a deep belief network is in `kadanoff judge`"
        )
    if others:
        return (
            f"{others[0]} comes after the machine, and the map is not the machine "
            "alone, whose likelihood is in `kadanoff judge`"
        )
    return ""


def _at(distances: np.ndarray, r: float) -> int | None:
    found = np.flatnonzero(np.abs(distances - r) < 1e-6)
    return int(found[0]) if found.size else None


def _log(x: float) -> float:
    return math.log(x) if x > 0 else math.nan


def _side(level: Ensemble) -> str:
    return "×".join(map(str, level.grid.shape))


def _values(level: Ensemble) -> str:
    kind = level.alphabet.partition(":")[0]
    return {"real": "real values", "potts": "Potts states", "angle": "angles"}[kind]


ROWS: Mapping[str, Callable[[Subject], Row]] = {
    "locality": locality_row,
    "covariance": covariance_row,
    "coverage": coverage_row,
    "couplings": couplings_row,
    "unexplained": unexplained_row,
    "temperature": temperature_row,
    "temperature by classifier": thermometer_row,
    "exponents": exponent_row,
    "followed by majority": above_row,
    "scaling": scaling_row,
    "information": information_row,
    "likelihood": likelihood_row,
}
"""All rows, in the order in which they are printed."""
SLOW = (
    "unexplained",
    "temperature by classifier",
    "information",
    "likelihood",
)
OF_ALL_MAPS = ("covariance", "coverage", "likelihood")
"""Rows of a map as a whole, whatever number of feature maps it has."""
HEADLINES: Mapping[str, tuple[str, ...]] = {
    "locality": ("direct width (sites)", "direct reach (sites)"),
    "covariance": ("flip", "shift"),
    "coverage": ("arranging cost (sites)",),
    "couplings": ("K nn", "entropy of a spin (nats)"),
    "unexplained": ("share",),
    "temperature": ("coarse T by energy", "coarse T by couplings"),
    "temperature by classifier": ("T by classifier",),
    "exponents": ("y_T", "y_H"),
    "followed by majority": ("y_T", "y_H"),
    "scaling": ("slope of the ratio",),
    "information": (INFORMATION,),
    "likelihood": ("KL per site (nats)",),
}
"""Readings by which a map is set beside its controls. Not Δ_σ, which is a number of a
field at T_c alone, and only where the p of its fit says so."""
QUICK = tuple(name for name in ROWS if name not in SLOW)
"""Rows that train and anneal nothing: three seconds for 20 000 lattices of 32×32."""


def read(name: str, subject: Subject) -> Row:
    """One row of a subject; of several feature maps each alone.

    Args:
        name: of the row, in `ROWS`.
        subject: the map.
    """
    maps = subject.coarse.features
    if maps is None or name in OF_ALL_MAPS:
        return ROWS[name](subject)
    rows = [ROWS[name](subject.of_map(m)) for m in range(maps)]
    sentences = (f"map {m}: {row.sentence}" for m, row in enumerate(rows))
    readings = {
        f"map {m}: {key}": value
        for m, row in enumerate(rows)
        for key, value in row.readings.items()
    }
    return Row(name, readings, "; ".join(sentences))
