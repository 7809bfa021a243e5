"""One contract for every instrument in the package.

A reading of an ensemble depends on its configurations alone: not on the order of its
chains, not on where they came from. It leaves them as they are, carries the lineage of
its chains, has an error, and refuses units without positions with a sentence.
"""

import importlib
import inspect
import pkgutil
from dataclasses import fields, is_dataclass, replace
from functools import cache

import numpy as np
import pytest

import kadanoff as kd
import kadanoff.instruments
from kadanoff.coarse.block import Majority
from kadanoff.coarse.coarsen import coarsen
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import K_C
from kadanoff.geometry import Unordered
from kadanoff.instruments import (
    boxes,
    correlation_length,
    correlators,
    couplings,
    drift,
    likelihood,
    mcrg,
    nearest,
    neighbourhood,
    receptive,
    scaling,
    scaling_levels,
    scaling_power,
    scaling_sizes,
    scaling_triple,
    thermometer,
)
from kadanoff.instruments import thermodynamics as thermo

LINEAGE = "chains of the contract"


def spins(seed=0):
    """Smooth random spins: neighbours agree often, so every reading is finite."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(32, 16, 8, 8))
    smooth = noise + sum(np.roll(noise, s, a) for a in (2, 3) for s in (1, -1))
    values = np.where(smooth > 0, 1, -1).astype(np.int8)
    return Ensemble.from_values(values, lineage=LINEAGE)


def critical(seed=0, side=16, lineage=LINEAGE):
    """What has a power law, a three-point function and levels: spins at T_c."""
    drawn = kd.sample(
        kd.Ising((side, side)), coupling=K_C, draws=2048, chains=64, seed=seed
    )
    return Ensemble.from_values(drawn.values, lineage=lineage)


def real(ensemble):
    """The same values as real ones, which have a nearest-neighbour coupling too."""
    values = ensemble.values.astype(np.float32)
    return ensemble.derived(values, ensemble.geometry, "real", {"step": "real"})


def others():
    """Chains that are not read, for what is fitted."""
    return Ensemble.from_values(spins(seed=9).values, lineage="other chains")


def blocked(ensemble):
    return coarsen(Majority(b=2), ensemble, seed=1)


def doubled(ensemble):
    """The same values as two feature maps."""
    values = np.stack([ensemble.values] * 2, axis=2)
    return ensemble.derived(
        values, ensemble.geometry, "pm1", {"step": "doubled"}, features=2
    )


# Instruments of one ensemble, and of a map's two ends made from one.
READINGS = {
    "log_likelihood": lambda e: likelihood.log_likelihood(
        e, lambda v: v.reshape(len(v), -1).sum(axis=1) ** 2 / 64
    ),
    "energy": thermo.energy,
    "magnetization": thermo.magnetization,
    "magnetization_squared": thermo.magnetization_squared,
    "heat_capacity": lambda e: thermo.heat_capacity(e, coupling=0.4),
    "susceptibility": thermo.susceptibility,
    "binder": thermo.binder,
    "box_counting": boxes.box_counting,
    "two_point": correlators.two_point,
    "correlation_length": correlation_length.correlation_length,
    "correlation_ratio": correlation_length.correlation_ratio,
    "fit_couplings": lambda e: couplings.fit_couplings(e, ("nn", "nnn")),
    "conditional_entropy": lambda e: couplings.conditional_entropy(
        couplings.fit_couplings(spins(seed=9), ("nn",)), e
    ),
    "energy_temperature": thermometer.energy_temperature,
    "coupling_temperature": thermometer.coupling_temperature,
    "temperatures": thermometer.temperatures,
    "locality": lambda e: receptive.locality(e, blocked(e)),
    "saturated_entropy": lambda e: neighbourhood.saturated_entropy(
        others(), e, rng=np.random.default_rng(3), steps=20
    ),
    "table_entropy": lambda e: neighbourhood.table_entropy(others(), e),
    "unexplained": lambda e: neighbourhood.unexplained(
        couplings.fit_couplings(others()),
        others(),
        e,
        rng=np.random.default_rng(3),
        steps=20,
    ),
    "scaling_operators": lambda e: mcrg.scaling_operators(e, blocked(e)),
    "scan_maps": lambda e: mcrg.scan_maps([e, doubled(blocked(e))]),
    "exponents": lambda e: mcrg.exponents(e, blocked(e)),
    "scan": lambda e: mcrg.scan([e, blocked(e)]),
    "drift": lambda e: drift.drift(e, blocked(e)),
    "nearest_coupling": lambda e: nearest.nearest_coupling(real(e)),
    "spectrum": correlation_length.spectrum,
    "dimension": scaling.dimension,
    "window": scaling.window,
    "correlator": scaling.correlator,
    "power_law": lambda e: scaling_power.power_law(e, r_max=4),
    "level_ratio": lambda e: scaling_levels.level_ratio(e, blocked(e)),
    "callan_symanzik": lambda e: scaling_levels.callan_symanzik([e, blocked(e)]),
    "size_scaling": lambda e: scaling_sizes.size_scaling(
        [critical(7, 8, "eight"), critical(8, 12, "twelve"), e]
    ),
    "three_point": lambda e: scaling_triple.three_point(e, half=(2, 3, 4)),
}
SCALING = (
    "dimension", "window", "correlator", "power_law", "level_ratio", "callan_symanzik",
    "size_scaling", "three_point",
)  # fmt: skip
"""Those that are read at a critical point."""
OTHERS = {
    "autocorrelation": "times, in draws, of one run",
    "block_side": "of two lattices",
    "cluster_readings": "draws bonds by the law of the model: test_improved",
    "curves": "of many couplings: test_crossing",
    "direct_response": "an array",
    "grid_of": "a lattice",
    "has_thermometer": "yes or no",
    "lattice_of": "a lattice",
    "law_of": "a function",
    "operator_sums": "one row for each configuration",
    "own_pairs": "one row for each block",
    "pairs_of": "one row for each block",
    "relative_entropy": "of configurations whose law is known: test_likelihood",
    "response_matrix": "an array",
    "responses": "an array of each configuration",
    "reweight": "of many couplings: test_reweighting",
    "sector_sums": "one row for each configuration",
    "series": "one number for each configuration",
    "structure_factor": "an array",
}
"""Functions of ensembles that give no reading of one, and what they give."""


def estimates(reading):
    """All estimates inside a reading."""
    if isinstance(reading, Estimate):
        return [reading]
    if isinstance(reading, tuple | list):
        return [e for part in reading for e in estimates(part)]
    if is_dataclass(reading):
        return [e for f in fields(reading) for e in estimates(getattr(reading, f.name))]
    return []


def of_ensembles():
    """Public functions of all instruments that take an ensemble."""
    for module in pkgutil.iter_modules(kadanoff.instruments.__path__):
        loaded = importlib.import_module(f"kadanoff.instruments.{module.name}")
        for name in loaded.__all__:
            value = getattr(loaded, name)
            if inspect.isfunction(value) and value.__module__ == loaded.__name__:
                parameters = inspect.signature(value).parameters.values()
                if any("Ensemble" in str(p.annotation) for p in parameters):
                    yield name


def test_every_instrument_of_the_package_is_here():
    found = list(of_ensembles())
    assert len(set(found)) == len(found)
    assert set(found) == {*READINGS, *OTHERS}
    assert not set(READINGS) & set(OTHERS)


@cache
def chains(name, seed=0):
    """What a reading reads."""
    return critical(seed) if name in SCALING else spins(seed)


@pytest.mark.parametrize("name", READINGS)
def test_a_reading_has_values_errors_and_the_lineage_of_its_chains(name):
    found = estimates(READINGS[name](chains(name)))
    assert found
    for reading in found:
        assert LINEAGE in reading.replicates
        assert reading.error.shape == reading.value.shape
        assert 0 < reading.n_eff <= chains(name).size
    assert any(np.isfinite(e.value).any() and (e.error > 0).any() for e in found)


@pytest.mark.parametrize("name", READINGS)
def test_the_ensemble_is_left_as_it_was(name):
    ensemble = chains(name)
    before = ensemble.data.copy()
    READINGS[name](ensemble)
    assert np.array_equal(ensemble.data, before)


A_MAP = (
    "locality", "exponents", "scan", "scan_maps", "scaling_operators", "drift",
    "level_ratio", "callan_symanzik",
)  # fmt: skip
ONE_ENSEMBLE = [n for n in READINGS if n not in A_MAP]
# A classifier fitted on other chains is not the same for both signs of these.
TAUGHT = ("saturated_entropy", "table_entropy", "unexplained")


@pytest.mark.parametrize("name", ONE_ENSEMBLE)
def test_the_order_of_chains_does_not_matter(name):
    ensemble = chains(name)
    turned = replace(ensemble, data=ensemble.data[::-1].copy())
    for here, there in zip(
        estimates(READINGS[name](ensemble)),
        estimates(READINGS[name](turned)),
        strict=True,
    ):
        assert here.value == pytest.approx(there.value, rel=1e-8, nan_ok=True)
        assert here.error == pytest.approx(there.error, rel=1e-4, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", [n for n in ONE_ENSEMBLE if n not in TAUGHT])
def test_a_global_flip_changes_no_even_reading(name):
    ensemble = chains(name)
    flipped = Ensemble.from_values(-ensemble.values, lineage=LINEAGE)
    for here, there in zip(
        estimates(READINGS[name](ensemble)),
        estimates(READINGS[name](flipped)),
        strict=True,
    ):
        assert here.value == pytest.approx(there.value, rel=1e-8, nan_ok=True)


@pytest.mark.parametrize("name", READINGS)
def test_other_configurations_read_differently(name):
    """The control of the two tests above: they could not pass on a constant."""
    pairs = zip(
        estimates(READINGS[name](chains(name))),
        estimates(READINGS[name](chains(name, seed=1))),
        strict=True,
    )
    assert any(np.any(here.value != there.value) for here, there in pairs)


@pytest.mark.parametrize("name", [n for n in READINGS if n != "log_likelihood"])
def test_units_without_positions_are_refused_with_a_sentence(name):
    values = spins().values.reshape(32, 16, 64)
    units = Ensemble.from_values(values, Unordered(64), lineage=LINEAGE)
    with pytest.raises(ValueError, match="arrange") as refusal:
        READINGS[name](units)
    assert "\n" not in str(refusal.value)
