"""Five sentences with numbers: what the essay says, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from kadanoff.experiments.exhibit import FirstPage, Status, shown
from kadanoff.experiments.zoomout import (
    parameters,
    scale_invariance,
    self_similarity,
)
from kadanoff.experiments.zoomout.digit_networks import AVERAGED, DIGITS, PLANTED
from kadanoff.experiments.zoomout.epsilon import KNOWN

__all__ = ["first_page"]

Data = Mapping[str, xr.Dataset]


def first_page(data: Data) -> FirstPage:
    """The first page from the data sets of all exhibits."""
    return FirstPage(
        [
            _alike(data["scale_invariance"]),
            _similar(data["self_similarity"]),
            _expansion(data["epsilon"]),
            _growing(data["parameters"]),
            _surviving(data["features"]),
        ]
    )


def _alike(dataset: xr.Dataset) -> str:
    last = int(dataset.zooms.values[-1])
    cold, critical, hot = (
        [scale_invariance.size(dataset, t, zooms) for zooms in (1, last)]
        for t in dataset.temperature.values
    )
    still = scale_invariance.stands_still(dataset).status is Status.REPRODUCED
    return (
        f"A magnet at T_c zoomed out {last} times to 8×8 has |m| = {critical[1]}, "
        f"after one zoom {critical[0]}: it {'looks' if still else 'does not look'} "
        "alike at all scales; "
        f"5 % colder |m| goes from {cold[0]} to {cold[1]}, 5 % warmer from {hot[0]} to "
        f"{hot[1]}."
    )


def _similar(dataset: xr.Dataset) -> str:
    first, last = dataset.side.values[[0, -1]]
    words = {
        Status.REPRODUCED: "as it must",
        Status.PARTLY: "one power but another",
        Status.NOT: "though no one power fits",
        Status.OPEN: "too roughly to tell",
    }[self_similarity.fractal(dataset).status]
    return (
        f"From {first} to {last} sites a side its largest cluster grows as L^D with "
        f"D = {shown(dataset, 'dimension', temperature=1.0)}, {words}: "
        f"187/96 = {self_similarity.CLUSTER:.4f} is exact."
    )


def _expansion(dataset: xr.Dataset) -> str:
    order = int(dataset["nu_orders"])
    nu = dataset["nu"].sel(order=order)
    three, two = (float(nu.sel(epsilon=e)) for e in (1.0, 2.0))
    return (
        f"The ε-expansion to ε^{order} has ν = {three:.4f} in three dimensions, where "
        f"{KNOWN['nu'][3]:.4f} is known, and {two:.3f} in two, where it is 1."
    )


def _growing(dataset: xr.Dataset) -> str:
    even, odd = (
        [shown(dataset, name, direction=k) for k in (0, 1)] for name in ("even", "odd")
    )
    both = {parameters.directions(dataset, p).status for p in parameters.SECTORS}
    if Status.NOT in both:
        words = "which is not what one relevant direction each would have"
    elif Status.OPEN in both:
        words = "which cannot all be told from 1"
    else:
        words = "below 1, and die"
    return (
        f"One zoom multiplies a small change of temperature by {even[0]} (exactly 2) "
        f"and a small field by {odd[0]} (exactly 3.668); the next directions have "
        f"{even[1]} and {odd[1]}, {words}."
    )


def _surviving(dataset: xr.Dataset) -> str:
    if "missing" in dataset.attrs:
        return dataset.attrs["missing"]
    digits, sign = (
        {
            group: shown(dataset, "survival", arm=arm, group=group)
            for group in ("class", "sign")
        }
        for arm in (DIGITS, PLANTED)
    )
    block = shown(dataset, "survival", arm=AVERAGED, group="sign")
    return (
        "A network asked for noisy digits multiplies a small change along their "
        f"differences by {digits['class']} of its share and one along a checkerboard "
        f"by {digits['sign']}; asked for the sign of that checkerboard in the same "
        f"images, by {sign['class']} and {sign['sign']} (block averages: {block}): the "
        "question decides what survives, not the scale alone."
    )
