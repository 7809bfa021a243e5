"""What became of the claims on hidden units, and of the explanation of the offset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import xarray as xr

from kadanoff.estimate import parenthesised
from kadanoff.experiments.demellokoch2020.decided import (
    SIGMAS,
    above,
    below,
    status_of,
    within,
)
from kadanoff.experiments.demellokoch2020.fig_8.layers import (
    LAYERS,
    MACHINES,
    RANDOM,
    RG,
    SHOWN,
    VOTES,
)
from kadanoff.experiments.exhibit import Check, Status, pair, shown

__all__ = [
    "TENTH",
    "Gain",
    "RandomFall",
    "checks",
    "explained_share",
    "gains",
    "random_fall",
    "size_follows_from_weights",
]

LOST = "lost in the text at hand"
MOSTLY = 0.8
"""Share of units with one bright spot that is most of them."""
ORDER = 3.0
"""Factor within which two falls are of the same order."""
STRAIGHT = 0.02
"""Rms residual over the fall: what an eye would call a line."""
BENT = 1e-3
"""Probability of the residuals, if G were a line, below which it is none."""
SLIGHT = 0.02
"""Of G(0): what is no offset."""
NO_FALL = 0.1
"""Of the fall of block averages: what is none."""
TENTH = 0.1
"""Of γ², or of an offset: how near an explanation has to come."""
FEW = 0.05
"""Share of units with one spot, in a layer that has no places."""


@dataclass(frozen=True)
class Gain:
    """γ², the mean square gain of a layer to the magnetization.

    Attributes:
        layer: in words.
        measured: from its maps.
        error: of it.
        foretold: from its weights, the law of m and the exact correlator (`gains`).
        foretold_error: of it, that of the law of m.
        ratio: measured over foretold, on the same configurations.
        ratio_error: of it.
    """

    layer: str
    measured: float
    error: float
    foretold: float
    foretold_error: float
    ratio: float
    ratio_error: float

    @property
    def missed(self) -> bool:
        """Whether it is off by more than chance, however near."""
        return abs(self.ratio - 1) > SIGMAS * self.ratio_error


@dataclass(frozen=True)
class RandomFall:
    """The fall of G of random weights, over that of block averages.

    Attributes:
        ratio: of the falls.
        error: of it.
        falls: whether there is a fall to speak of; None if not decided.
        same: whether it is the same to a tenth; None if not decided.
        patchless: whether hardly any unit has a single bright spot.
    """

    ratio: float
    error: float
    falls: bool | None
    same: bool | None
    patchless: bool | None


def explained_share(dataset: xr.Dataset) -> tuple[float, float]:
    """Smallest and largest uniform share of the offset, machines on the lattice.

    An identity but for the difference of two small falls.
    """
    shares = [pair(dataset, "explained", row=row)[0] for row in _rows()]
    return min(shares), max(shares)


def gains(dataset: xr.Dataset) -> list[Gain]:
    """Measured and foretold γ² of the machines that see the lattice itself."""
    rows = [f"{name}, {layer}" for name in MACHINES for layer in ("first", "single")]
    return [_gain(dataset, row) for row in (*rows, f"{RANDOM}, first")]


def size_follows_from_weights(dataset: xr.Dataset) -> list[bool | None]:
    """For each of `gains`, whether it is foretold to a tenth; None if not decided."""
    return [within(g.ratio - 1, g.ratio_error, TENTH) for g in gains(dataset)]


def random_fall(dataset: xr.Dataset) -> RandomFall:
    """Whether layers of random weights, without patches, show the fall of G."""
    ratio, error = pair(dataset, "ratio", row=f"{RANDOM}, first")
    single = pair(dataset, "single", row=f"{RANDOM}, first")
    return RandomFall(
        ratio,
        error,
        above(ratio, error, NO_FALL),
        within(ratio - 1, error, TENTH),
        below(*single, FEW),
    )


def checks(dataset: xr.Dataset) -> list[Check]:
    """Bright spots, the fall, the offset and its explanation, and locality."""
    return [
        _bright_spots(dataset),
        _same_fall(dataset),
        _straight(dataset),
        _offset(dataset),
        _from_weights(dataset),
        _uniform_between_hidden(dataset),
        _sees_locality(dataset),
        _between_hidden(dataset),
    ]


def _rows(names: Sequence[str] = MACHINES) -> list[str]:
    """Rows of machines whose visible layer is the lattice."""
    return [f"{name}, {layer}" for name in names for layer in SHOWN]


def _gain(dataset: xr.Dataset, row: str) -> Gain:
    name, _, layer = row.partition(", ")
    parts = (pair(dataset, n, row=row) for n in ("gain", "foretold", "over_foretold"))
    return Gain(f"{name}, {LAYERS[layer]}", *(x for both in parts for x in both))


def _bright_spots(dataset: xr.Dataset) -> Check:
    mostly = {row: above(*pair(dataset, "single", row=row), MOSTLY) for row in _rows()}
    plain, local = (
        ", ".join(_read(dataset, "single", row) for row in _rows([name]))
        for name in MACHINES
    )
    most = sum(found is True for found in mostly.values())
    return Check(
        "The maps of trained machines show a bright spot as those of block spins do.",
        "very similar patterns, said of v to h2 of the stack (in the text); the "
        f"training is {LOST}",
        "share of units with one spot, v to h1, v to h2, one machine: without a "
        f"penalty {plain}; with one {local}",
        status_of(mostly.values()),
        f"{most} of {len(mostly)} layers have one spot in more than {MOSTLY:.0%} of "
        f"their units, by three errors; of block averages "
        f"{_read(dataset, 'single', f'{RG}, first')} have one, of random weights "
        f"{_read(dataset, 'single', f'{RANDOM}, first')}",
    )


def _read(dataset: xr.Dataset, name: str, row: str) -> str:
    """With its error, or alone where all trainings or all units agree."""
    value, error = pair(dataset, name, row=row)
    return parenthesised(value, error) if error > 0 else f"{value:.3g}"


def _same_fall(dataset: xr.Dataset) -> Check:
    found = {row: pair(dataset, "ratio", row=row) for row in _rows()}
    alike = [_same_order(*both) for both in found.values()]
    least, most = (f(found, key=lambda row: found[row][0]) for f in (min, max))
    blind = _same_order(*pair(dataset, "ratio", row=f"{RANDOM}, first"))
    words = {
        True: "random weights are, too: so wide a factor does not tell a machine that "
        "has learned from one that has not",
        False: "random weights are not",
        None: "of random weights it is not decided",
    }
    return Check(
        "G of the machines falls by as much as that of block spins.",
        f"the same order of magnitude (in the text), which one is {LOST}",
        "fall over block averages', v to h1: "
        + ", ".join(
            f"{name} {shown(dataset, 'ratio', row=f'{name}, first')}"
            for name in (*MACHINES, RANDOM)
        ),
        status_of(alike),
        f"the {len(found)} ratios of trained layers lie between "
        f"{_read(dataset, 'ratio', least)} and {_read(dataset, 'ratio', most)}; "
        f"{sum(a is True for a in alike)} of them are within a factor of {ORDER:g} by "
        f"three errors, {words[blind]}",
    )


def _same_order(ratio: float, error: float) -> bool | None:
    """Between 1/3 and 3."""
    sides = below(ratio, error, ORDER), above(ratio, error, 1 / ORDER)
    if False in sides:
        return False
    return None if None in sides else True


def _straight(dataset: xr.Dataset) -> Check:
    """A line, or a fall that is none, by a test that knows the covariance."""
    rows = _rows()
    bent = [float(dataset[f"{row}_bent"]) for row in rows]
    p = max(float(dataset[f"{row}_p"]) for row in rows)
    falls = [above(*pair(dataset, "ratio", row=row), 0.0) for row in rows]
    excluded = p < BENT
    if False in falls:
        status = Status.NOT
    elif None in falls or not (excluded or max(bent) < STRAIGHT):
        status = Status.OPEN
    else:
        status = Status.REPRODUCED if max(bent) < STRAIGHT else Status.PARTLY
    words = "G falls" if all(falls) else "G does not surely fall in every layer"
    words += ", and not on a line: p" if excluded else "; a line is not excluded: p"
    return Check(
        "That fall is linear.",
        "linear (in the text)",
        f"rms residual of a line over the fall {min(bent):.3f} to {max(bent):.3f}",
        status,
        f"{words} ≤ {p:.1g} for the six trained layers; block averages leave "
        f"{float(dataset[f'{RG}, first_bent']):.3f}",
    )


def _offset(dataset: xr.Dataset) -> Check:
    least = {row: SLIGHT * _of_blocks(dataset, row) for row in _rows()}
    found = {row: pair(dataset, "offset", row=row) for row in least}
    seen = [above(abs(v), e, least[row]) for row, (v, e) in found.items()]
    signs = {math.copysign(1, v) for v, _ in found.values()}
    return Check(
        "The correlators of machines are offset from those of block spins.",
        f"offset, unexplained (in the text); by how much is {LOST}",
        "G(0) less block averages', v to h1: "
        + ", ".join(
            f"{name} {shown(dataset, 'offset', row=f'{name}, first')}"
            for name in (*MACHINES, VOTES)
        ),
        status_of(seen),
        f"by more than {SLIGHT:.0%} of G(0) in {sum(s is True for s in seen)} of "
        f"{len(seen)} trained layers, "
        + ("to either side" if len(signs) > 1 else "to one side")
        + "; the whole fall is "
        + shown(dataset, "fall", row=f"{RG}, first")
        + f" of {shown(dataset, 'at_zero', row=f'{RG}, first')} for block averages; "
        "majority votes, which are no machines, are offset by "
        + shown(dataset, "offset", row=f"{VOTES}, first"),
    )


def _of_blocks(dataset: xr.Dataset, row: str) -> float:
    """G(0) of the block averages that a row is compared with."""
    here = dataset.sel(row=row)
    return float(here["at_zero"] - here["offset"])


def _from_weights(dataset: xr.Dataset) -> Check:
    """Our explanation; its status rests on what is not an identity."""
    shares = sorted(pair(dataset, "explained", row=row) for row in _rows())
    low, high = (parenthesised(*share) for share in (shares[0], shares[-1]))
    holds = size_follows_from_weights(dataset)
    far, connected, turned = (
        pair(dataset, f"{name}far", row="local, first")[0]
        for name in ("", "connected_", "one_sided_")
    )
    return Check(
        "Explanation tested here: the offset is how the layer responds to the "
        "magnetization of the whole lattice, and its size follows from the weights.",
        "no explanation (in the text)",
        "γ² measured and foretold from the weights: "
        + "; ".join(
            f"{g.layer} {parenthesised(g.measured, g.error)} and "
            f"{parenthesised(g.foretold, g.foretold_error)}"
            for g in gains(dataset)
        ),
        status_of(holds),
        f"foretold to {TENTH:g} of it in {sum(h is True for h in holds)} of "
        f"{len(holds)} layers, {_worst(dataset)}; that the offset is then Σ_a ⟨m h_a⟩² "
        f"less block averages' is so by definition but for a difference of two small "
        f"falls ({low} to {high} of it, of random weights "
        f"{_read(dataset, 'explained', f'{RANDOM}, first')}); "
        f"signs of units change G by {float(dataset['sign_change']):.0e} of it, "
        f"connecting by {1 - connected / far:.1%}, and with all configurations turned "
        f"up G far is {turned:.2f} instead of {far:.1f}",
    )


def _worst(dataset: xr.Dataset) -> str:
    """The layer whose γ² is worst foretold, and the votes, which are less Gaussian."""
    worst = max(gains(dataset), key=lambda g: abs(g.ratio - 1))
    votes = shown(dataset, "over_foretold", row=f"{VOTES}, first")
    ratio = parenthesised(worst.ratio, worst.ratio_error)
    missed = sum(g.missed for g in gains(dataset))
    return (
        f"measured over foretold at worst {ratio} ({worst.layer}) and {votes} of "
        "majority votes, whose four spins are no Gaussian field; off by more than "
        f"three errors in {missed} of {len(gains(dataset))}, since the field is taken "
        "for Gaussian"
    )


def _uniform_between_hidden(dataset: xr.Dataset) -> Check:
    rows = [f"{name}, arranged" for name in MACHINES]
    holds = [_is_uniform(dataset, row) for row in rows]
    return Check(
        "Tested here: between two hidden layers, too, the offset of G(0) is the "
        "uniform part.",
        "of panels other than (a) and (c) the text says nothing",
        "G(0) less block averages' and the uniform part of it: "
        + "; ".join(
            f"{name} {shown(dataset, 'offset', row=row)} and "
            f"{shown(dataset, 'lifted', row=row)}"
            for name, row in zip(MACHINES, rows, strict=True)
        ),
        status_of(holds),
        f"the two are to agree to {TENTH:g} of the larger; on the lattice all sites "
        "are alike, while each unit of h1 has a gain of its own, whose spread adds to "
        "G(0) and to no other distance",
    )


def _is_uniform(dataset: xr.Dataset, row: str) -> bool | None:
    """Whether an offset and its uniform part agree; errors taken as independent."""
    (whole, error), (part, other) = (
        pair(dataset, name, row=row) for name in ("offset", "lifted")
    )
    return within(whole - part, math.hypot(error, other), TENTH * _larger(whole, part))


def _larger(one: float, other: float) -> float:
    return max(abs(one), abs(other))


def _sees_locality(dataset: xr.Dataset) -> Check:
    found = random_fall(dataset)
    if found.patchless and found.falls is not None:
        status = Status.NOT if found.falls else Status.REPRODUCED
    else:
        status = Status.OPEN
    words = {
        True: "units without a patch have a G that falls"
        + {True: " by as much", False: ", if by another amount", None: ""}[found.same]
        + ": it is the correlation of the spins that falls",
        False: "without patches there is no fall to speak of",
        None: "the errors do not decide whether it falls",
    }
    return Check(
        "A fall of G with distance detects local patches of high correlation.",
        "detects them wherever they are (in the text)",
        f"random weights: {_read(dataset, 'spots', f'{RANDOM}, first')} bright spots "
        "per unit, a single one in a share of "
        f"{_read(dataset, 'single', f'{RANDOM}, first')}, and a fall of "
        f"{parenthesised(found.ratio, found.error)} of block averages'",
        status,
        f"{words[found.falls]}; trained layers fall by "
        + " and ".join(_read(dataset, "ratio", f"{name}, first") for name in MACHINES)
        + " of block averages'",
    )


def _between_hidden(dataset: xr.Dataset) -> Check:
    """Flat in order of number, to a tenth of the fall in place, and falling there."""
    parts: list[bool | None] = []
    for machine in MACHINES:
        value, error = pair(dataset, "one_sided_fall", row=f"{machine}, numbered")
        placed, doubt = pair(dataset, "one_sided_fall", row=f"{machine}, arranged")
        falls = above(placed, doubt, 0.0)
        flat = within(value, math.hypot(error, TENTH * doubt), TENTH * abs(placed))
        parts.append(flat if falls else falls)
    return Check(
        "Tested here: between hidden layers G falls only once units have places.",
        "panels (a) and (c) fall as block spins' do; of the others the text says "
        "nothing",
        "configurations turned to m ≥ 0, connected, G near less G far: "
        + "; ".join(
            f"{name} in order of number {_near_less_far(dataset, f'{name}, numbered')},"
            f" put in place {_near_less_far(dataset, f'{name}, arranged')}"
            for name in MACHINES
        ),
        status_of(parts),
        f"flat would be below {TENTH:g} of the fall in place; the number of a hidden "
        "unit is not a place; block averages have "
        + _near_less_far(dataset, f"{RG}, second"),
    )


def _near_less_far(dataset: xr.Dataset, row: str) -> str:
    return shown(dataset, "one_sided_fall", row=row)
