"""What became of the claims on driven and attracted systems."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from kadanoff.estimate import parenthesised
from kadanoff.experiments.demellokoch2020.decided import (
    above,
    all_of,
    below,
    status_of,
    within,
)
from kadanoff.experiments.demellokoch2020.driven.fates import FATES, STILL, fate
from kadanoff.experiments.demellokoch2020.driven.rows import line, number, row, sides
from kadanoff.experiments.demellokoch2020.driven.systems import (
    ABOVE,
    AT,
    BELOW,
    EPIDEMIC,
    FOREST,
    MAPS,
)
from kadanoff.experiments.exhibit import Check, Status

__all__ = ["BETA_OVER_NU", "FOREST_NU", "checks", "density_slopes", "length_slopes"]

SHORT = 4
"""A correlation length is judged up to this part of the side: a forest that is no
larger burns down and grows as a whole, and its length is that of the lattice."""
TENTH = 0.1
"""Of a reading: what looks the same after a step."""
EXPONENT = 0.05
"""How near an exponent has to be to that of the literature."""
BETA_OVER_NU = 0.795
"""Directed percolation in 2 + 1 dimensions, β = 0.584 and ν = 0.734, literature (H.
Hinrichsen, Adv. Phys. 49, 815 (2000))."""
FOREST_NU = 0.58
"""ξ ~ θ^ν of the forest fire, literature (C. L. Henley, Phys. Rev. Lett. 71, 2741
(1993); P. Grassberger, New J. Phys. 4, 17 (2002) finds that it does not last)."""


def checks(dataset: xr.Dataset) -> list[Check]:
    """What models are attracted to, by block spins and by machines."""
    return [
        *(_attracted(dataset, rule) for rule in ("majority", "one filter")),
        _forest_fixed(dataset),
        _forest_critical(dataset),
        _forest_exponent(dataset),
        *(_epidemic_fixed(dataset, rule) for rule in MAPS),
        _epidemic_exponent(dataset),
    ]


def length_slopes(
    dataset: xr.Dataset,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """θ whose fires fit the lattice, d ln ξ/d ln θ between them, and its errors."""
    fits = dataset["length_fires"] < dataset.attrs["length_side"] / SHORT
    here = dataset.isel(theta=np.flatnonzero(fits.values))
    theta, length = here["theta"].values, here["length_fires"].values
    return theta, *_slopes(theta, length, here["length_fires_error"].values)


def density_slopes(
    dataset: xr.Dataset, system: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sides, -d ln ρ/d ln L between them, and its errors."""
    value, error = row(dataset, "matched_bare", system, "any")
    side = sides(dataset)
    slopes, errors = _slopes(side, value, error)
    return side, -slopes, errors


def _slopes(
    x: np.ndarray, y: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """d ln y/d ln x from one point to the next; neighbours share an error."""
    width = np.diff(np.log(x))
    relative = error / y
    return np.diff(np.log(y)) / width, np.hypot(relative[1:], relative[:-1]) / width


Moves = list[tuple[float, float]]


def _moves(dataset: xr.Dataset, system: str, rule: str, name: str) -> Moves:
    """Steps of a reading with their errors, taken as independent.

    Only those between two levels that can be read, with errors.
    """
    value, error = row(dataset, name, system, rule)
    pairs = zip(np.diff(value), np.hypot(error[1:], error[:-1]), strict=True)
    return [(float(v), float(e)) for v, e in pairs if math.isfinite(v + e)]


def _attracted(dataset: xr.Dataset, rule: str) -> Check:
    """Neighbours lose their correlation above T_c, the coupling grows below."""
    hot = _moves(dataset, "Ising, 1.2 T_c", rule, "K")
    cold = _moves(dataset, "Ising, 0.9 T_c", rule, "K")
    parts = [
        all_of(below(*move, 0.0) for move in hot) if len(hot) > 1 else None,
        all_of(above(*move, 0.0) for move in cold) if len(cold) > 1 else None,
    ]
    return Check(
        claim=f"Tested here: repeated steps of {_called(rule)} take Ising "
        "configurations above T_c towards T = ∞ and below T_c towards T = 0.",
        paper="models with an attractive fixed point are proposed for future study; no "
        "number",
        ours=f"K at 1.2 T_c {line(dataset, 'K', 'Ising, 1.2 T_c', rule)}; at T_c "
        f"{line(dataset, 'K', 'Ising, T_c', rule)}; at 0.9 T_c "
        f"{line(dataset, 'K', 'Ising, 0.9 T_c', rule)}",
        status=status_of(parts),
        reason="each step that can be fitted has to move the coupling by more than "
        "three errors, down above T_c and up below it; what a map makes of T_c says "
        "where it draws the line between the two",
    )


def _forest_fixed(dataset: xr.Dataset) -> Check:
    """A map leaves the forest as it is where both readings of it stay."""
    still = [
        all_of(_stays(dataset, rule, name) for name in ("density", "neighbours"))
        for rule in MAPS
    ]
    at_once = [
        all_of(_stays(dataset, rule, name, 1) for name in ("density", "neighbours"))
        for rule in MAPS
    ]
    return Check(
        claim=f"Tested here: the forest fire at θ = {dataset.attrs['theta']:g} looks "
        "the same after every step of coarse-graining, as a critical state would.",
        paper="named as self-organized critical; no number",
        ours="; ".join(
            f"trees by {_called(rule)} {line(dataset, 'density', FOREST, rule)}, "
            f"neighbours {line(dataset, 'neighbours', FOREST, rule)}"
            for rule in MAPS
        ),
        status=status_of(still),
        reason="at a fixed point both readings would keep to a tenth at every step; "
        f"by {sum(s is True for s in still)} of {len(still)} maps they do, by "
        f"{sum(s is False for s in still)} they do not: "
        + "; ".join(f"{_called(rule)} {_trees(dataset, rule)}" for rule in MAPS)
        + f". Blocks grow to {2 ** int(dataset['level'][-1])} sites"
        + _fires_near(dataset)
        + f"; at the first step alone {sum(s is True for s in at_once)} keep to it and "
        f"{sum(s is False for s in at_once)} do not",
    )


def _stays(
    dataset: xr.Dataset, rule: str, name: str, steps: int | None = None
) -> bool | None:
    """Whether none of the first steps, or of all, moves a reading by a tenth of it."""
    size = abs(float(row(dataset, name, FOREST, rule)[0][0]))
    moves = _moves(dataset, FOREST, rule, name)[:steps]
    return all_of(within(*move, TENTH * size) for move in moves)


def _fires_near(dataset: xr.Dataset) -> str:
    """How long fires are at the nearest θ on either side; blocks should be smaller."""
    theta, here = dataset["theta"].values, dataset.attrs["theta"]
    sides = [theta[theta <= here].max(initial=-np.inf)]
    sides.append(theta[theta >= here].min(initial=np.inf))
    known = [t for t in sides if math.isfinite(t)]
    lengths = " and ".join(
        f"{_length(dataset.sel(theta=t))} at θ = {t:g}" for t in known
    )
    return (
        f", where fires have a length of {lengths}: a forest can look the same only "
        "below that, and lattices whose θ grows with the side would test it further"
    )


def _length(here: xr.Dataset) -> str:
    return number(float(here["length_fires"]), float(here["length_fires_error"]))


def _trees(dataset: xr.Dataset, rule: str) -> str:
    """What steps of a map do to the forest."""
    value, error = row(dataset, "density", FOREST, rule)
    change = float(value[-1] - value[0]), float(np.hypot(error[-1], error[0]))
    words = {True: "thins the forest", False: "fills it up", None: "no change is seen"}
    return words[below(*change, 0.0)]


def _forest_critical(dataset: xr.Dataset) -> Check:
    theta, slopes, errors = length_slopes(dataset)
    grows = [above(s, e, 0.0) for s, e in zip(slopes, errors, strict=True)]
    longest = (
        f"{_length(dataset.sel(theta=theta[-1]))} sites at θ = {theta[-1]:g}"
        if len(theta)
        else "nothing that fits"
    )
    return Check(
        claim="Tested here: without a temperature to tune, the length of forest fires "
        "grows with θ = p/f as far as it is read.",
        paper="self-organized criticality is named; no number",
        ours=_slopes_shown(theta, slopes, errors),
        status=status_of([all_of(grows) if len(grows) > 1 else None]),
        reason="the second-moment length of fires has to grow by more than three "
        "errors at every one of at least two steps; "
        f"it reaches {longest}, and is judged below a quarter of the side. To "
        "grow is not to be critical: this takes θ → ∞, which is tuned after all",
    )


def _slopes_shown(theta: np.ndarray, slopes: np.ndarray, errors: np.ndarray) -> str:
    shown = [parenthesised(s, e) for s, e in zip(slopes, errors, strict=True)]
    between = ", ".join(f"{t:g}" for t in theta)
    return f"d ln ξ/d ln θ = {', '.join(shown)} between θ = {between}"


def _forest_exponent(dataset: xr.Dataset) -> Check:
    theta, slopes, errors = length_slopes(dataset)
    near = [
        within(s - FOREST_NU, e, EXPONENT) for s, e in zip(slopes, errors, strict=True)
    ]
    several = len(slopes) > 1
    drift, noise = math.nan, math.nan
    if several:
        drift = float(slopes[-1] - slopes[0])
        noise = math.hypot(errors[-1], errors[0])
    trend = (
        f"from the first slope to the last it changes by {number(drift, noise)}"
        if several
        else "one slope tells no trend"
    )
    return Check(
        claim="Tested here: the length of fires grows as ξ ~ θ^ν with "
        f"ν = {FOREST_NU:g}.",
        paper="no number; literature 0.58 (Henley 1993), a scaling that does not last "
        "(Grassberger 2002)",
        ours=_slopes_shown(theta, slopes, errors),
        status=status_of(near) if several else Status.OPEN,
        reason=f"every local slope has to be within {EXPONENT:g} of {FOREST_NU:g} by "
        f"three errors; {trend}. Whether it lasts beyond lengths of a few dozen sites "
        "cannot be seen here",
    )


def _epidemic_fixed(dataset: xr.Dataset, rule: str) -> Check:
    fates = {system: fate(dataset, system, rule) for system in EPIDEMIC}
    if fates[AT] in ("healthy", "infected"):
        status = Status.NOT
    elif fates[AT] == "open":
        status = Status.OPEN
    else:
        apart = fates[BELOW] == "healthy" and fates[ABOVE] == "infected"
        status = Status.REPRODUCED if apart else Status.PARTLY
    control = line(dataset, "matched_neighbours", "Ising, T_c", "majority")
    return Check(
        claim=f"Tested here: repeated steps of {_called(rule)} have a fixed point at "
        "the threshold of an epidemic, and separate what dies out from what stays.",
        paper="the spread of infectious diseases is named twice, where RG has been "
        "used and where it should be studied; no number",
        ours="share of infected sites on the last side: "
        + "; ".join(
            f"{s.partition(', ')[2]} {line(dataset, 'matched_density', s, rule)}"
            for s in EPIDEMIC
        ),
        status=status,
        reason="by sides that double, the flow "
        + ", ".join(f"{FATES[f]} at {s.partition(', ')[2]}" for s, f in fates.items())
        + f"; at rest the last move at λ_c would be below {STILL:.0%} of the reading "
        "by three errors, and is "
        + " and ".join(
            f"{_last_move(dataset, f'matched_{name}', rule)} for {words}"
            for name, words in (
                ("density", "the share"),
                ("neighbours", "the correlation of neighbours"),
            )
        )
        + "; correlation of neighbours at λ_c "
        f"{line(dataset, 'matched_neighbours', AT, rule)}; control, majority of the "
        f"Ising model at T_c {control}",
    )


def _last_move(dataset: xr.Dataset, name: str, rule: str) -> str:
    """Of a reading at λ_c, and what it is then."""
    value, error = row(dataset, name, AT, rule)
    move = number(float(value[-1] - value[-2]), float(np.hypot(*error[-2:])))
    return f"{move} to {number(float(value[-1]), float(error[-1]))}"


def _epidemic_exponent(dataset: xr.Dataset) -> Check:
    found = {system: _fall(dataset, system) for system in EPIDEMIC}
    near = {s: within(v - BETA_OVER_NU, e, EXPONENT) for s, (v, e) in found.items()}
    apart = near[BELOW] is False and near[ABOVE] is False
    holds = near[AT] if apart or near[AT] is False else None
    below_it, at, above_it = (parenthesised(*found[s]) for s in (BELOW, AT, ABOVE))
    return Check(
        claim="Tested here: at its threshold the epidemic thins out with the side as "
        f"directed percolation does, ρ ~ L^-{BETA_OVER_NU:g}.",
        paper="no number; literature β/ν = 0.795 (Hinrichsen 2000)",
        ours=f"-d ln ρ/d ln L = {at} at λ_c; controls {below_it} at 0.8 λ_c, "
        f"{above_it} at 1.2 λ_c",
        status=status_of([holds]),
        reason=f"over the last two doublings of the side, to be within {EXPONENT:g} by "
        "three errors; the controls have to be further off than that",
    )


def _fall(dataset: xr.Dataset, system: str) -> tuple[float, float]:
    """-d ln ρ/d ln L over the last two doublings of the side."""
    value, error = row(dataset, "matched_bare", system, "any")
    (slope,), (noise,) = _slopes(
        sides(dataset)[[-3, -1]], value[[-3, -1]], error[[-3, -1]]
    )
    return -float(slope), float(noise)


def _called(rule: str) -> str:
    return {"any": "occupancy", "one filter": "a machine with one filter"}.get(
        rule, rule
    )
