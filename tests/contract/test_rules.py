"""One contract for every coarse-graining in the package.

Statistical checks compare the mean output of 4 000 applications to one configuration,
site by site; a correct rule exceeds 5 standard errors on one of the at most 64 sites
with probability 4e-5, and a bias of 0.08 per site would be noticed.
"""

import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coarse.user_net import Vote

import kadanoff.coarse
from kadanoff.alphabet import check_values
from kadanoff.coarse.arrange import arrange
from kadanoff.coarse.block import (
    Average,
    Decimation,
    Majority,
    Plurality,
    VectorSum,
)
from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.foreign import TorchRule
from kadanoff.coarse.handed_over import CallableRule, ModuleRule
from kadanoff.coarse.kadanoff_rule import KadanoffRule
from kadanoff.coarse.layer import Code, Layer, layers_of
from kadanoff.coarse.momentum import MomentumShell
from kadanoff.coarse.pooling import AveragePool, Convolution, MaxPool
from kadanoff.coarse.rotated import (
    StarMajority,
    StarPlurality,
    StarVector,
    Sublattice,
    TileMajority,
    TilePlurality,
    TileVector,
)
from kadanoff.coarse.stack import Stack
from kadanoff.coarse.weighted import Weighted
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.instruments.correlators import two_point
from kadanoff.instruments.mcrg import exponents
from kadanoff.instruments.receptive import locality
from kadanoff.models.lattice import geometry as lattice
from kadanoff.networks.autoencoder import Autoencoder
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.dbn import DBN
from kadanoff.networks.pca import fit_pca
from kadanoff.networks.rbm import RBM
from kadanoff.protocols import CoarseGraining

FINE = Grid((8, 8))
USER_NET = Path(__file__).parents[1] / "coarse" / "user_net.py"
TRIANGULAR = lattice("triangular", (9, 9))
TURNED = Sublattice(2).coarse(FINE)
WINDOW = np.random.default_rng(9).normal(size=(3, 4, 3))
REPEATS = 4000
SIGMAS = 5.0


def spins(*shape, seed=0, up=0.5):
    draws = np.random.default_rng(seed).random(shape) < up
    return np.where(draws, 1, -1).astype(np.int8)


def alphabet_of(rule):
    """The first alphabet that the rule takes."""
    for alphabet in ("pm1", "potts:3", "angle"):
        try:
            rule.alphabet(alphabet)
        except ValueError:
            continue
        return alphabet
    raise AssertionError(f"{rule} takes no alphabet")


def values_for(rule, *shape, seed=0, up=0.5):
    """A configuration that favours one spin, state or direction."""
    rng = np.random.default_rng(seed)
    match alphabet_of(rule):
        case "pm1":
            return spins(*shape, seed=seed, up=up)
        case "potts:3":
            return rng.choice(3, shape, p=(up, 0.7 - up / 2, 0.3 - up / 2))
        case _:
            return rng.normal(0, 1 / up, shape).astype(np.float32)


def turned(values, alphabet):
    """A symmetry of the law: the flip, states renamed, all angles turned by one."""
    if alphabet.startswith("potts"):
        return (values + 1) % 3
    return values + np.float32(1) if alphabet == "angle" else -values


def as_numbers(values, alphabet):
    """What means are taken of, `(n, component, *lattice)` for states and angles."""
    if alphabet.startswith("potts"):
        return np.stack([values == a for a in range(3)], axis=1).astype(float)
    if alphabet == "angle":
        return np.stack([np.cos(values), np.sin(values)], axis=1).astype(float)
    return values.astype(float)


def fine_ensemble(chains=32, draws=8, grid=FINE, alphabet="pm1"):
    """Smooth random values: neighbours agree often, so that responses exist."""
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(3, chains, draws, *grid.shape))
    smooth = noise + sum(np.roll(noise, s, a) for a in (3, 4) for s in (1, -1))
    values = {
        "pm1": np.where(smooth[0] > 0, 1, -1),
        "potts:3": smooth.argmax(axis=0),
        "angle": np.arctan2(smooth[1], smooth[2]),
    }
    return Ensemble.from_values(values[alphabet], grid, alphabet=alphabet)


def strengthened(network):
    """Weights of order 1/2: fresh ones are so small that nothing could be seen."""
    network.W.data.mul_(50)
    return network


def dense_layer():
    return Layer(strengthened(RBM(visible=FINE, hidden=16, seed=1)))


def tied_layer():
    return Layer(strengthened(ConvRBM(filter=4, stride=2, seed=1)))


def fields_layer():
    network = ConvRBM(filter=4, stride=2, seed=2, units=("gaussian", "spin"))
    return Layer(strengthened(network))


def maps_layer(chosen=None):
    network = ConvRBM(filter=4, stride=2, maps=3, seed=3)
    return Layer(strengthened(network), map=chosen)


def deep_stack(output: Any = "sample"):
    machines = [RBM(FINE, 16, seed=1), RBM(16, 4, seed=2)]
    return layers_of(DBN([strengthened(machine) for machine in machines]), output)


def components():
    """Fitted to configurations and their flips: the mean is 0 to the last digit."""
    values = fine_ensemble().values
    both = Ensemble.from_values(np.concatenate([values, -values]))
    return Code(fit_pca(both, 16))


def fitted_arrange():
    fine = fine_ensemble()
    return arrange(fine, coarsen(dense_layer(), fine, seed=3))


# Each rule with its input lattice and whether it treats all blocks alike.
def every_other(values):
    """A user's function: logits of the first spin of each block."""
    return 1.2 * values[:, ::2, ::2]


RULES = {
    "network in a file": (TorchRule(USER_NET, "Vote", output="logit"), FINE, True),
    "module": (ModuleRule(Vote(), output="logit"), FINE, True),
    "function": (CallableRule(every_other, output="logit"), FINE, True),
    "majority": (Majority(b=2), FINE, True),
    "plurality": (Plurality(b=2), FINE, True),
    "plurality on triangles": (Plurality(b=3), TRIANGULAR, True),
    "vector": (VectorSum(b=2), FINE, True),
    "average": (Average(b=2), FINE, True),
    "decimation": (Decimation(b=2), FINE, True),
    "kadanoff": (KadanoffRule(b=2, p=0.3), FINE, True),
    "kadanoff on triangles": (KadanoffRule(b=3, p=0.3), TRIANGULAR, True),
    "weighted": (Weighted(WINDOW[0], b=2), FINE, True),
    "weighted, drawn": (Weighted(WINDOW[0], b=2, p=0.4), FINE, True),
    "momentum": (MomentumShell(b=2, dimension=0.125), FINE, True),
    "momentum, smooth": (MomentumShell(b=3, width=0.5), TRIANGULAR, True),
    "average pool": (AveragePool(b=2, window=3), FINE, True),
    "max pool": (MaxPool(b=2), FINE, True),
    "convolution": (Convolution(WINDOW[:1], b=2), FINE, True),
    "convolution of maps": (Convolution(WINDOW, b=2), FINE, True),
    "convolution, signs": (Convolution(WINDOW, b=2, output="sign"), FINE, True),
    "pairs": (TileMajority(sites=2), FINE, True),
    "pairs, turned": (TileMajority(sites=2), TURNED, True),
    "triangles": (TileMajority(sites=3), TRIANGULAR, True),
    "pairs of states": (TilePlurality(sites=2), FINE, True),
    "triangles of states": (TilePlurality(sites=3), TRIANGULAR, True),
    "pairs of angles": (TileVector(sites=2), FINE, True),
    "triangles of angles": (TileVector(sites=3), TRIANGULAR, True),
    "stars of states": (StarPlurality(sites=2), FINE, True),
    "stars of angles": (StarVector(sites=2), FINE, True),
    "stars": (StarMajority(sites=2), FINE, True),
    "stars of triangles": (StarMajority(sites=3), TRIANGULAR, True),
    "sublattice": (Sublattice(sites=2), FINE, True),
    "sublattice of triangles": (Sublattice(sites=3), TRIANGULAR, True),
    "stack": (Stack((Majority(b=2), Majority(b=2))), FINE, True),
    "dense layer": (dense_layer(), FINE, False),
    "tied layer": (tied_layer(), FINE, True),
    "arrange": (fitted_arrange(), Unordered(16), False),
    "layer of fields": (fields_layer(), FINE, True),
    "feature maps": (maps_layer(), FINE, True),
    "one feature map": (maps_layer(1), FINE, True),
    "deep stack": (deep_stack(), FINE, False),
    "deep stack of means": (deep_stack("mean"), FINE, False),
    "pca": (components(), FINE, False),
    "autoencoder": (Code(Autoencoder(FINE, (16, 4), seed=1)), FINE, False),
}
COVARIANT = [name for name, (_, _, alike) in RULES.items() if alike]
EVEN_HANDED = [name for name in RULES if name != "max pool"]  # up spins win there


def mean_output(rule, configuration, geometry, *, seed, then=lambda out, alphabet: out):
    alphabet = rule.alphabet(alphabet_of(rule))
    many = np.repeat(configuration[None], REPEATS, axis=0)
    out = then(rule(many, geometry, rng=np.random.default_rng(seed)), alphabet)
    out = as_numbers(out, alphabet)
    return out.mean(axis=0), out.std(axis=0) / np.sqrt(REPEATS)


def largest_sigma(first, second):
    """Largest deviation in standard errors; where nothing is random, in units of 0."""
    difference = np.abs(first[0] - second[0])
    error = np.hypot(first[1], second[1])
    exact = error < 1e-12
    assert np.allclose(difference[exact], 0, atol=1e-6)
    return (difference[~exact] / error[~exact]).max(initial=0.0)


def test_every_rule_of_the_package_is_here():
    tested = {type(rule) for rule, _, _ in RULES.values()}
    found = set()  # abstract ones are what rules share
    for module in pkgutil.iter_modules(kadanoff.coarse.__path__):
        loaded = importlib.import_module(f"kadanoff.coarse.{module.name}")
        for _, value in inspect.getmembers(loaded, inspect.isclass):
            rule = hasattr(value, "coarse") and value is not CoarseGraining
            if rule and not inspect.isabstract(value):
                found.add(value)
    assert found == tested


@pytest.mark.parametrize("name", RULES)
def test_output_has_the_declared_geometry_and_alphabet(name):
    rule, geometry, _ = RULES[name]
    assert isinstance(rule, CoarseGraining)
    values = values_for(rule, 3, *geometry.lattice)
    out = rule(values, geometry, rng=np.random.default_rng(0))
    maps = () if rule.features is None else (rule.features,)
    assert out.shape == (3, *maps, *rule.coarse(geometry).lattice)
    alphabet = rule.alphabet(alphabet_of(rule))
    assert alphabet in ("pm1", "potts:3", "angle", "real")
    check_values(out, alphabet)


@pytest.mark.parametrize("name", RULES)
def test_same_generator_same_result_and_input_untouched(name):
    rule, geometry, _ = RULES[name]
    values = values_for(rule, 4, *geometry.lattice)
    before = values.copy()
    first = rule(values, geometry, rng=np.random.default_rng(7))
    again = rule(values, geometry, rng=np.random.default_rng(7))
    assert np.array_equal(first, again)
    assert np.array_equal(values, before)


@pytest.mark.parametrize("name", EVEN_HANDED)
def test_turning_the_input_turns_the_output(name):
    """The flip of ±1 spins, another name for each state, all planar spins turned."""
    rule, geometry, _ = RULES[name]
    values = values_for(rule, *geometry.lattice, up=0.55)
    before = mean_output(rule, values, geometry, seed=1, then=turned)
    there = turned(values, alphabet_of(rule))
    after = mean_output(rule, there, geometry, seed=2)
    assert largest_sigma(before, after) < SIGMAS


def shifted_by_a_site(rule, values, geometry, axis):
    """The input moved along one basis vector of the output."""
    steps = np.array(rule.coarse(geometry).basis[axis]) @ np.linalg.inv(geometry.basis)
    whole = tuple(np.round(steps).astype(int))
    assert np.allclose(steps, whole)
    return np.roll(values, whole, axis=tuple(range(len(whole))))


@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize("name", COVARIANT)
def test_shifting_by_a_block_shifts_by_a_site(name, axis):
    rule, geometry, _ = RULES[name]
    values = values_for(rule, *geometry.lattice, up=0.55)
    still = mean_output(rule, values, geometry, seed=1)
    there = shifted_by_a_site(rule, values, geometry, axis)
    moved = mean_output(rule, there, geometry, seed=2)
    back = tuple(np.roll(part, -1, axis=axis) for part in moved)
    assert largest_sigma(still, back) < SIGMAS


class _TiesGoUp(Majority):
    """The bug that published codes have: sign(0) taken as +1."""

    def __call__(self, spins, fine, *, rng):
        out = super().__call__(spins, fine, rng=rng)
        return np.where(Average(self.b)(spins, fine, rng=rng) == 0, 1, out)


class _LowestOfTheTied(Plurality):
    """The same bug with states: argmax of the votes takes the lowest of the tied."""

    def __call__(self, spins, fine, *, rng):
        split = spins.reshape(len(spins), spins.shape[1] // 2, 2, -1, 2)
        return np.argmax([(split == a).sum(axis=(2, 4)) for a in range(3)], axis=0)


class _MeanAngle(VectorSum):
    """The mean of the numbers instead of the direction of the sum."""

    def __call__(self, spins, fine, *, rng):
        wrapped = np.remainder(spins + np.pi, 2 * np.pi) - np.pi
        return Average(self.b)(wrapped.astype(np.float32), fine, rng=rng)


class _FirstRowOnly(Majority):
    """A rule that looks at its position."""

    def __call__(self, spins, fine, *, rng):
        out = super().__call__(spins, fine, rng=rng)
        out[:, :, 0] = 1
        return out


def test_the_checks_see_a_wrong_rule():
    for rule in (_TiesGoUp(), MaxPool(), _LowestOfTheTied(), _MeanAngle()):
        values = values_for(rule, *FINE.lattice)
        before = mean_output(rule, values, FINE, seed=1, then=turned)
        there = turned(values, alphabet_of(rule))
        with pytest.raises(AssertionError):
            assert (
                largest_sigma(before, mean_output(rule, there, FINE, seed=2)) < SIGMAS
            )
    values = spins(*FINE.lattice)
    still = mean_output(_FirstRowOnly(), values, FINE, seed=1)
    moved = mean_output(_FirstRowOnly(), np.roll(values, 2, axis=1), FINE, seed=2)
    back = tuple(np.roll(part, -1, axis=1) for part in moved)
    with pytest.raises(AssertionError):
        assert largest_sigma(still, back) < SIGMAS


WRONG = {
    "network in a file": Grid((9, 9)),
    "module": Grid((9, 9)),
    "function": Grid((9, 9)),
    "majority": Grid((9, 9)),
    "plurality": Grid((9, 9)),
    "plurality on triangles": lattice("triangular", (8, 8)),
    "vector": Unordered(64),
    "average": Unordered(16),
    "decimation": Grid((8, 7)),
    "kadanoff": Grid((9, 9)),
    "kadanoff on triangles": lattice("triangular", (8, 8)),
    "weighted": Grid((9, 9)),
    "weighted, drawn": Grid((8, 8, 8)),
    "momentum": Grid((9, 9)),
    "momentum, smooth": Unordered(81),
    "average pool": Grid((9, 9)),
    "max pool": Unordered(64),
    "convolution": Grid((9, 9)),
    "convolution of maps": Grid((8,)),
    "convolution, signs": Unordered(64),
    "pairs": Grid((9, 9)),
    "pairs, turned": TRIANGULAR,
    "triangles": FINE,
    "pairs of states": Grid((9, 9)),
    "triangles of states": FINE,
    "pairs of angles": TRIANGULAR,
    "triangles of angles": Unordered(81),
    "stars of states": lattice("honeycomb", (4, 4)),
    "stars of angles": Grid((8, 8, 8)),
    "stars": lattice("honeycomb", (4, 4)),
    "stars of triangles": Unordered(81),
    "sublattice": Grid((8, 8, 8)),
    "sublattice of triangles": lattice("triangular", (8, 8)),
    "stack": Grid((6, 6)),
    "dense layer": Grid((4, 4)),
    "tied layer": Grid((7, 7)),
    "arrange": Unordered(15),
    "layer of fields": Grid((7, 7)),
    "feature maps": Grid((7, 7)),
    "one feature map": Unordered(64),
    "deep stack": Grid((4, 4)),
    "deep stack of means": Grid((4, 4)),
    "pca": Grid((4, 4)),
    "autoencoder": Unordered(63),
}


@pytest.mark.parametrize("name", RULES)
def test_the_wrong_geometry_is_refused_with_a_sentence(name):
    rule, _, _ = RULES[name]
    with pytest.raises(ValueError, match=r"got|divide") as refusal:
        rule.coarse(WRONG[name])
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", RULES)
def test_a_stack_of_one_is_the_rule(name):
    rule, geometry, _ = RULES[name]
    values = values_for(rule, 4, *geometry.lattice)
    alone = rule(values, geometry, rng=np.random.default_rng(7))
    stacked = Stack((rule,))(values, geometry, rng=np.random.default_rng(7))
    assert np.array_equal(alone, stacked)


STATES_AND_ANGLES = [name for name in RULES if alphabet_of(RULES[name][0]) != "pm1"]


@pytest.mark.parametrize("name", STATES_AND_ANGLES)
def test_readings_of_numbers_refuse_states_and_angles(name):
    rule, geometry, _ = RULES[name]
    fine = fine_ensemble(grid=geometry, alphabet=alphabet_of(rule))
    coarse = coarsen(rule, fine, seed=4)
    for reading in (lambda: locality(fine, coarse), lambda: two_point(coarse)):
        with pytest.raises(ValueError, match="takes ±1 or real ones, got alphabet"):
            reading()


@pytest.mark.parametrize("name", RULES)
def test_a_coarse_ensemble_keeps_its_chains_and_can_be_read(name):
    rule, geometry, _ = RULES[name]
    placed = geometry if isinstance(geometry, Grid) else FINE
    fine = fine_ensemble(grid=placed, alphabet=alphabet_of(rule))
    level = fine if isinstance(geometry, Grid) else coarsen(dense_layer(), fine, seed=3)
    coarse = coarsen(rule, level, seed=4)
    assert (coarse.chains, coarse.draws) == (fine.chains, fine.draws)
    assert coarse.lineage == fine.lineage
    if name in STATES_AND_ANGLES:
        assert exponents(fine, coarse).y_h
    else:
        assert np.isfinite(locality(fine, coarse).width.value)
    if coarse.features is not None:
        with pytest.raises(ValueError, match="one map at a time"):
            two_point(coarse)
    elif isinstance(coarse.geometry, Grid) and name not in STATES_AND_ANGLES:
        assert np.isfinite(two_point(coarse).value.value).all()
        assert exponents(fine, coarse).y_t
