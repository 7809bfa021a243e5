"""Models by name: what files and the command line call them, how they are rebuilt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from importlib import import_module
from typing import Any

from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid
from kadanoff.protocols import Model

__all__ = ["MODELS", "model_from", "model_of"]

MODELS = {
    "ising": "kadanoff.models.ising:Ising",
    "potts": "kadanoff.models.potts:Potts",
    "xy": "kadanoff.models.xy:XY",
    "phi4": "kadanoff.models.phi4:Phi4",
    "forest-fire": "kadanoff.models.forest_fire:ForestFire",
    "epidemic": "kadanoff.models.epidemic:Epidemic",
    "mean-field": "kadanoff.models.mean_field:MeanField",
    "two-temperatures": "kadanoff.models.two_temperatures:TwoTemperatures",
}


def model_from(name: str, shape: Sequence[int], parameters: Mapping[str, Any]) -> Model:
    """The model of that name.

    Raises:
        ValueError: an unknown name, or parameters that the model does not have.
    """
    if name not in MODELS:
        raise ValueError(f"a model is one of {', '.join(MODELS)}, got {name!r}")
    module, _, kind = MODELS[name].partition(":")
    make = getattr(import_module(module), kind)
    known = {field.name: field for field in fields(make) if field.name != "shape"}
    for given in parameters:
        if given not in known:
            raise ValueError(
                f"the parameters of the {name} model are {', '.join(known) or 'none'}, "
                f"got {given}; leave it out"
            )
    for needed, field in known.items():
        if field.default is MISSING and needed not in parameters:
            raise ValueError(f"the {name} model needs {needed}, got none; give one")
    return make(tuple(shape), **parameters)


def model_of(ensemble: Ensemble) -> Model | None:
    """The model an ensemble was drawn from; None where its law is not a known one's.

    A coarse-grained ensemble has no model, whatever it was made of.
    """
    if ensemble.model not in MODELS or not isinstance(ensemble.geometry, Grid):
        return None
    return model_from(ensemble.model, ensemble.geometry.shape, ensemble.parameters)
