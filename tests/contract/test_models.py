"""Every method of every model, through the one door that users take."""

import math

import numpy as np
import pytest

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.instruments import thermodynamics as thermo
from kadanoff.instruments.known import known
from kadanoff.models.registry import MODELS, model_from, model_of
from kadanoff.protocols import Model
from kadanoff.samplers.methods import methods_of
from kadanoff.samplers.run import sample
from kadanoff.storage import load, save

# Name, shape, parameters and coupling; small enough for an exact solution, where the
# model has an energy. None: no method but the one named takes this coupling.
LAWS = {
    "square": ("ising", (4, 3), {}, 0.4),
    "antiferromagnet": ("ising", (4, 4), {}, -0.4),
    "frustrated": ("ising", (4, 3), {}, -0.4),
    "chain": ("ising", (9,), {"field": 0.2, "second": -0.3}, 0.5),
    "triangular": ("ising", (3, 4), {"lattice": "triangular"}, 0.25),
    "honeycomb": ("ising", (3, 3), {"lattice": "honeycomb"}, 0.6),
    "cubic": ("ising", (3, 2, 3), {}, 0.2),
    "field": ("ising", (4, 4), {"field": 0.3}, 0.35),
    "second": ("ising", (4, 4), {"second": 0.4}, 0.3),
    "wide": ("ising", (2, 128), {}, 0.3),
    "potts": ("potts", (3, 3), {"q": 3}, 0.9),
    "potts antiferromagnet": ("potts", (3, 3), {"q": 3}, -0.9),
    "potts chain": ("potts", (7,), {"q": 5}, 0.9),
    "free field": ("phi4", (4, 4), {"quartic": 0.0}, 0.3),
    "phi4": ("phi4", (6,), {"quartic": 1.0}, 0.7),
    "xy chain": ("xy", (6,), {}, 0.9),
    "xy antiferromagnet": ("xy", (6,), {}, -0.9),
    "mean field": ("mean-field", (4, 4), {}, 0.9),
}
BIPARTITE_ALONE = ("perfect", "swendsen-wang", "wolff")


def methods(name: str) -> list[str]:
    """The methods that this law has; those refused are in the tests of refusals."""
    kind, shape, parameters, _ = LAWS[name]
    model = model_from(kind, shape, parameters)
    fits = set(methods_of(model)) - {"independent"} | {"auto"}
    if name in ("frustrated", "chain", "potts antiferromagnet"):
        fits -= set(BIPARTITE_ALONE)
    if name == "chain" or len(shape) == 1:
        fits -= {"metropolis", "multispin"}
    if name != "wide":
        fits -= {"bit-packed"}
    if kind == "phi4" and parameters["quartic"] == 0:
        fits -= {"tempering"}
    return sorted(fits | ({"independent"} if kind == "mean-field" else set()))


CASES = [(law, method) for law in LAWS for method in methods(law)]


def drawn(law: str, method: str, *, seed: int = 5, draws: int = 8192) -> Ensemble:
    kind, shape, parameters, coupling = LAWS[law]
    spacing = {"wide": 60}.get(law, 10) if method == "wolff" else None
    return sample(
        model_from(kind, shape, parameters), coupling=coupling, draws=draws, chains=64,
        method=method, seed=seed, spacing=spacing,
    )  # fmt: skip


def sigmas(reading: Estimate, exact: float) -> float:
    return abs(float((reading.value - exact) / reading.error))


@pytest.mark.parametrize(("law", "method"), CASES)
def test_energy_is_exact_whatever_the_method(law, method):
    """z = 4.7, two readings: with all cases a false alarm in 3000; 10 % of K seen.

    By either reading.
    """
    kind, shape, parameters, coupling = LAWS[law]
    model = model_from(kind, shape, parameters)
    ensemble = drawn(law, method)
    exact, wrong = known(model, coupling), known(model, 1.1 * coupling)
    assert sigmas(thermo.energy(ensemble), exact["energy"]) < 4.7
    assert sigmas(thermo.energy(ensemble), wrong["energy"]) > 4.7
    if "magnetization_squared" in exact:
        reading = thermo.magnetization_squared(ensemble)
        assert sigmas(reading, exact["magnetization_squared"]) < 4.7
        assert sigmas(reading, wrong["magnetization_squared"]) > 4.7


WIDE_ENOUGH = ("square", "antiferromagnet", "triangular", "honeycomb", "cubic",
               "field", "second", "wide", "potts", "mean field")  # fmt: skip
"""Laws whose readings are sharp enough for 2 % of K in eight times as many draws."""


@pytest.mark.slow
@pytest.mark.parametrize(("law", "method"), [c for c in CASES if c[0] in WIDE_ENOUGH])
def test_two_percent_of_the_coupling_are_seen_in_more_draws(law, method):
    """z = 4.7 of either reading, and K off by 2 % is seen by either."""
    kind, shape, parameters, coupling = LAWS[law]
    model = model_from(kind, shape, parameters)
    ensemble = drawn(law, method, draws=8 * 8192)
    exact, wrong = known(model, coupling), known(model, 1.02 * coupling)
    readings = {"energy": thermo.energy(ensemble)}
    if "magnetization_squared" in exact:
        readings["magnetization_squared"] = thermo.magnetization_squared(ensemble)
    for name, reading in readings.items():
        assert sigmas(reading, exact[name]) < 4.7
        assert sigmas(reading, wrong[name]) > 4.7


@pytest.mark.parametrize(
    ("kind", "shape", "parameters", "coupling", "method"),
    [
        ("ising", (10, 9), {}, -0.4, "heat-bath"),
        ("ising", (128,), {"field": 0.2, "second": -0.3}, 1.0, "heat-bath"),
        ("potts", (48,), {"q": 5}, 2.4, "swendsen-wang"),
        ("potts", (48,), {"q": 5}, 2.4, "heat-bath"),
        ("phi4", (32,), {"quartic": 1.0}, 1.3, "hybrid"),
    ],
)
def test_two_percent_of_the_coupling_are_seen_on_more_sites(
    kind, shape, parameters, coupling, method
):
    """z = 4.7 of the energy, where few sites say little of K."""
    model = model_from(kind, shape, parameters)
    ensemble = sample(
        model, coupling=coupling, draws=8192, chains=64, method=method, seed=5,
        spacing=10, burn_in=400,
    )  # fmt: skip
    reading = thermo.energy(ensemble)
    assert sigmas(reading, known(model, coupling)["energy"]) < 4.7
    assert sigmas(reading, known(model, 1.02 * coupling)["energy"]) > 4.7


def test_every_method_of_every_model_is_here():
    here = {(LAWS[law][0], method) for law, method in CASES}
    elsewhere = {"epidemic", "forest-fire", "two-temperatures"}  # they have no energy
    there = {
        (name, method)
        for name, shape, parameters in [
            ("ising", (4, 128), {}), ("potts", (3, 3), {"q": 3}),
            ("phi4", (4,), {"quartic": 1.0}), ("mean-field", (4, 4), {}),
            ("xy", (4,), {}),
        ]
        for method in methods_of(model_from(name, shape, parameters))
    }  # fmt: skip
    alone = {
        ("ising", "independent"),
        ("potts", "independent"),
        ("phi4", "independent"),
        ("xy", "independent"),
    }
    assert there - alone <= here
    assert elsewhere | {name for name, _ in there} == set(MODELS)


@pytest.mark.parametrize(
    ("name", "shape", "parameters", "coupling"),
    [
        *LAWS.values(),
        ("xy", (4, 3), {}, 0.7),
        ("xy", (3, 3), {"lattice": "triangular"}, -0.7),
        ("forest-fire", (4, 4), {}, 2.0),
        ("epidemic", (4, 4), {}, 1.6),
        ("two-temperatures", (4, 4), {"share": 0.3}, 0.0),
    ],
    ids=str,
)
def test_a_file_knows_its_model(name, shape, parameters, coupling, tmp_path):
    model = model_from(name, shape, parameters)
    assert isinstance(model, Model)
    ensemble = sample(model, coupling=coupling, draws=256, chains=64, seed=1)
    save(ensemble, tmp_path / "e.nc")
    again = load(tmp_path / "e.nc")
    assert np.array_equal(again.data, ensemble.data)
    assert model_of(again) == model
    assert again.values.shape == (64, 4, *model.geometry.lattice)
    assert thermo.magnetization(again).value == thermo.magnetization(ensemble).value


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("ising", {}), ("potts", {"q": 3}), ("xy", {}), ("mean-field", {})],
)
def test_zero_temperature_is_the_ground_states(name, parameters):
    """Each of the states as often as the others: level 1e-5."""
    model = model_from(name, (4, 4), parameters)
    ensemble = sample(model, coupling=math.inf, draws=4096, chains=64)
    assert np.ptp(thermo.series(ensemble).energy) < 1e-6
    first = ensemble.values.reshape(4096, -1)
    assert np.ptp(first, axis=1).max() < 1e-6
    if name != "xy":
        states, counts = np.unique(first[:, 0], return_counts=True)
        assert len(states) == (3 if name == "potts" else 2)
        expected = 4096 / len(states)
        assert ((counts - expected) ** 2 / expected).sum() < 25


REFUSALS = {
    "cluster": ("ising", (3, 3), {}, -0.4, "swendsen-wang", "frustration"),
    "triangular": ("ising", (3, 3), {"lattice": "triangular"}, -0.4, "wolff", "frustr"),
    "perfect": ("ising", (3, 3), {}, -0.4, "perfect", "frustrat"),
    "field": ("ising", (4, 4), {"field": 0.1}, 0.4, "multispin", "use one of auto"),
    "bits": ("ising", (4, 6), {}, 0.4, "bit-packed", "multiple of 128"),
    "potts": (
        "potts",
        (3, 3),
        {"q": 3},
        0.4,
        "multispin",
        "does not sample this potts",
    ),
    "phi4": ("phi4", (4, 4), {"quartic": 0.0}, 0.6, "auto", "0.5|free"),
    "unknown": ("ising", (4, 4), {}, 0.4, "gibbs", "a method is one of"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_sampled_is_refused_with_the_reason(case):
    name, shape, parameters, coupling, method, sentence = REFUSALS[case]
    model = model_from(name, shape, parameters)
    with pytest.raises(ValueError, match=sentence):
        sample(model, coupling=coupling, draws=64, method=method)


def test_parameters_are_checked_by_name():
    with pytest.raises(ValueError, match="xy model are lattice, got field"):
        model_from("xy", (4, 4), {"field": 1.0})
    with pytest.raises(ValueError, match="potts model needs q"):
        model_from("potts", (4, 4), {})
    with pytest.raises(ValueError, match="a model is one of ising"):
        model_from("heisenberg", (4, 4), {})


def test_untested_equilibrium_is_said():
    with pytest.warns(UserWarning, match="equilibrium was not tested: 1 chains"):
        sample(model_from("ising", (8, 8), {}), coupling=0.3, draws=1, chains=1)
