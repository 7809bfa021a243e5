"""Which sampler goes by which name, for which model."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from kadanoff.models.ising import Ising
from kadanoff.protocols import Model

__all__ = ["METHODS", "methods_of", "rung_kernel", "sampler_of"]

METHODS = (
    "auto",
    "metropolis",
    "multispin",
    "heat-bath",
    "bit-packed",
    "swendsen-wang",
    "wolff",
    "perfect",
    "tempering",
    "hybrid",
    "forest-fire",
    "quasi-stationary",
    "independent",
)

OF_MODEL = {
    "ising": {
        "heat-bath": "multispin:MultispinHeatBath",
        "swendsen-wang": "ising:SwendsenWang",
        "wolff": "ising:Wolff",
        "perfect": "perfect:Perfect",
        "tempering": "tempering:Tempering",
        "independent": "independent:Independent",
    },
    "potts": {
        "heat-bath": "potts:PottsHeatBath",
        "swendsen-wang": "potts:PottsSwendsenWang",
        "wolff": "potts:PottsWolff",
        "perfect": "perfect:Perfect",
        "tempering": "tempering:Tempering",
        "independent": "independent:Independent",
    },
    "xy": {
        "heat-bath": "xy:XYHeatBath",
        "swendsen-wang": "xy:XYSwendsenWang",
        "wolff": "xy:XYWolff",
        "tempering": "tempering:Tempering",
        "independent": "independent:Independent",
    },
    "phi4": {
        "hybrid": "hybrid:Hybrid",
        "tempering": "tempering:Tempering",
        "independent": "independent:Independent",
    },
    "forest-fire": {"forest-fire": "forest_fire:ForestFireDynamics"},
    "epidemic": {"quasi-stationary": "epidemic:QuasiStationary"},
    "mean-field": {"independent": "independent:Independent"},
    "two-temperatures": {"independent": "independent:Independent"},
}

PLAIN_ISING = {
    "metropolis": "metropolis:Metropolis",
    "multispin": "multispin:Multispin",
    "bit-packed": "large:Large",
    **OF_MODEL["ising"],
}
"""Nearest neighbours on a hypercube, no field."""


MOST_COUNTED = 31  # neighbours of a kind that the heat bath in words counts


def methods_of(model: Model) -> dict[str, str]:
    """Method → where its sampler is, for one model."""
    if not isinstance(model, Ising):
        return OF_MODEL[model.name]
    known = PLAIN_ISING if model.is_plain else OF_MODEL["ising"]
    if max(model.coordination) > MOST_COUNTED:
        return {**known, "heat-bath": "ising:HeatBath"}
    return known


def rung_kernel(model: Model) -> Any:
    """The local sampler that parallel tempering uses on every rung."""
    return sampler_of("hybrid" if model.name == "phi4" else "heat-bath", model)


def sampler_of(method: str, model: Model) -> Any:
    """The sampler class `(model, coupling, replicas)` of a method.

    Raises:
        ValueError: a method that this model does not have.
    """
    known = methods_of(model)
    if method not in known:
        raise ValueError(
            f"method '{method}' does not sample this {model.name} model; use one of "
            f"auto, {', '.join(known)}"
        )
    module, _, name = known[method].partition(":")
    return getattr(import_module(f"kadanoff.samplers.{module}"), name)
