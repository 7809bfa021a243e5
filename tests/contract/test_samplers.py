"""One contract for every sampler in the package."""

import numpy as np
import pytest

from kadanoff.exact.constants import K_C
from kadanoff.exact.kaufman import torus
from kadanoff.instruments import thermodynamics as thermo
from kadanoff.models.ising import Ising
from kadanoff.protocols import Sampler
from kadanoff.samplers.methods import METHODS, OF_MODEL, PLAIN_ISING, sampler_of
from kadanoff.samplers.run import sample

SHAPES = [(6, 6), (5, 7), (4, 3, 4), (2, 6)]
ON_A_RING = ["heat-bath", "swendsen-wang", "wolff"]  # Metropolis in order refuses it
KERNELS = ["metropolis", "multispin", *ON_A_RING]  # of any hypercube
CASES = [(method, shape) for method in KERNELS for shape in SHAPES]
CASES += [(method, (8,)) for method in ON_A_RING]


def test_every_method_has_a_sampler():
    tables = [PLAIN_ISING, *OF_MODEL.values()]
    assert set(METHODS) == {"auto"}.union(*tables)


def assert_is_sampler(value):
    assert isinstance(value, Sampler)


@pytest.mark.parametrize(("method", "shape"), CASES, ids=str)
def test_states_are_spins_and_the_generator_decides(method, shape):
    sampler = sampler_of(method, Ising(shape))(Ising(shape), 0.3, 64)
    assert_is_sampler(sampler)
    state = sampler.init(rng=np.random.default_rng(1))
    before = sampler.packed(state).copy()
    first = sampler.step(state, rng=np.random.default_rng(2), sweeps=3)
    again = sampler.step(state, rng=np.random.default_rng(2), sweeps=3)
    other = sampler.step(state, rng=np.random.default_rng(3), sweeps=3)
    assert np.array_equal(sampler.packed(state), before)
    assert np.array_equal(sampler.packed(first), sampler.packed(again))
    assert not np.array_equal(sampler.packed(first), sampler.packed(other))
    spins = sampler.spins(first)
    assert spins.shape == (64, *shape)
    assert spins.dtype == np.int8
    assert np.isin(spins, (-1, 1)).all()
    flat = spins.reshape(64, -1) > 0
    assert np.array_equal(sampler.packed(first), np.packbits(flat, axis=-1))


@pytest.mark.parametrize("method", [*KERNELS, "perfect"])
def test_energy_and_heat_capacity_against_the_exact_torus(method):
    """z = 4.5, two readings each: a false alarm in 1e5; it notices 1 % of K."""
    spacing = {"wolff": 12}.get(method)
    drawn = sample(
        Ising((8, 6)), coupling=0.4, draws=20_000, method=method, seed=5,
        chains=256, spacing=spacing,
    )  # fmt: skip
    exact = torus((8, 6), 0.4)
    assert abs(_sigmas(thermo.energy(drawn), exact.energy)) < 4.5
    assert abs(_sigmas(thermo.heat_capacity(drawn), exact.heat_capacity)) < 4.5
    elsewhere = torus((8, 6), 0.404)
    assert abs(_sigmas(thermo.energy(drawn), elsewhere.energy)) > 4.5


def _sigmas(estimate, exact):
    return float((estimate.value - exact) / estimate.error)


@pytest.mark.parametrize("workers", [1, 3])
def test_the_result_does_not_depend_on_the_number_of_workers(workers):
    draw = {"coupling": K_C, "draws": 4096, "chains": 1024, "seed": 2}
    here = sample(Ising((8, 8)), **draw, workers=workers)
    there = sample(Ising((8, 8)), **draw, workers=2)
    assert np.array_equal(here.data, there.data)


@pytest.mark.parametrize("method", ["metropolis", "multispin"])
def test_a_ring_is_refused_where_the_chain_would_not_reach_all_states(method):
    with pytest.raises(ValueError, match="2 or more dimensions"):
        sampler_of(method, Ising((8,)))(Ising((8,)), 0.3, 64)


def test_a_run_too_short_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must agree"):
        sample(
            Ising((32, 32)), coupling=K_C, draws=512, chains=256, method="multispin",
            spacing=1, burn_in=2, runs=tmp_path,
        )  # fmt: skip
    assert not list(tmp_path.rglob("done"))


def test_a_run_is_resumed_shard_by_shard(tmp_path):
    draw = {"coupling": K_C, "draws": 2048, "chains": 1024, "seed": 2}
    first = sample(Ising((8, 8)), **draw, runs=tmp_path)
    shards = sorted(tmp_path.rglob("shard-*"))
    assert len(shards) == 2
    shards[0].unlink()
    again = sample(Ising((8, 8)), **draw, runs=tmp_path)
    assert np.array_equal(first.data, again.data)
    assert first.lineage == again.lineage
