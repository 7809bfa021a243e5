"""The mapping of a machine to variational RG: what is exact, and what decides."""

import itertools
import math

import numpy as np
import pytest
import torch
from networks.small_machines import random_weights, states
from scipy.special import expit, logsumexp, rel_entr

from kadanoff.coarse.kadanoff_rule import KadanoffRule
from kadanoff.ensemble import Ensemble
from kadanoff.exact import chain, enumerate, pairs
from kadanoff.exact.information import mutual_information
from kadanoff.flows.decimation import Chain
from kadanoff.geometry import Grid
from kadanoff.models.ising import Ising
from kadanoff.networks.anchors import (
    bond_constant,
    bond_machine,
    sublattice,
    sublattice_machine,
)
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.dbn import log_likelihood
from kadanoff.networks.mapping import (
    CONVENTIONS,
    Claims,
    Exactness,
    Step,
    as_step,
    balanced,
    block_rule,
    decimated,
    decimating_network,
    exactness,
    hamiltonian,
    random_rule,
    rule_step,
    short_range,
    uncoupled,
)
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM

K = 0.44
SQUARE, RING = Ising((3, 3)), Ising((10,))
EXACT = Claims(True, True, True, True)


@pytest.fixture(autouse=True)
def _on_one_core():
    with one_thread():
        yield


def law(H):
    return np.exp(-H - logsumexp(-H))


def machine(seed=0, hidden=3, scale=0.4, shape=(3, 3)):
    """Weights and biases of order `scale`."""
    network = RBM(shape, hidden, biases=True)
    return random_weights(network, seed=seed, scale=scale)


def random_step(seed=0, scale=0.4):
    return as_step(machine(seed, scale=scale), hamiltonian(SQUARE, K))


def test_the_hamiltonian_is_that_of_the_model():
    model = Ising((2, 3), field=0.2, second=0.3)
    H = hamiltonian(model, -0.7)
    for row, spins in zip(H, pairs.states(6), strict=True):
        expected = -0.7 * 6 * model.energy(spins.reshape(1, 2, 3))[0]
        assert row == pytest.approx(expected, abs=1e-12)
    ln_z = Exactness(hamiltonian(SQUARE, K), np.zeros(512)).log_partition
    assert ln_z == pytest.approx(enumerate.log_partition((3, 3), K), abs=1e-10)


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (RBM((2, 2), 3, biases=True), (2, 2)),
        (ConvRBM(maps=2, filter=2, biases=True), (2, 4)),
    ],
    ids=["dense", "tied"],
)
@torch.no_grad()
def test_T_is_the_energy_of_every_pair_of_states(network, shape):
    network = random_weights(network)
    H = np.random.default_rng(1).normal(size=2 ** math.prod(shape))
    step = as_step(network, H, visible=Grid(shape))
    lattice = network.hidden_lattice(Grid(shape))
    h = states(lattice)
    for v, above, row in zip(states(shape), H, step.operator, strict=True):
        energy = network.energy(v.expand(len(h), *v.shape), h).numpy()
        np.testing.assert_allclose(row, above - energy, atol=1e-12)


@torch.no_grad()
@pytest.mark.parametrize("scale", [0.0, 0.4, 2.0])
def test_the_coarse_hamiltonian_is_that_of_the_machine_whatever_its_weights(scale):
    """By construction: H cancels in Tr_v e^{T − H}."""
    network = machine(scale=scale)
    step = as_step(network, hamiltonian(SQUARE, K))
    own = network.hidden_free_energy(states((3,))).numpy()
    np.testing.assert_allclose(step.coarse_hamiltonian, own, atol=1e-10)
    assert step.exactness.divergence > 1  # and yet they are far from exact


def sigmoids(network, v):
    """p(h | v) of all h as a product over units, from the fields alone."""
    up = expit(2 * network.hidden_field(v).numpy())[:, None]
    h = pairs.states(up.shape[-1]) > 0
    return np.where(h, up, 1 - up).prod(axis=2)


@torch.no_grad()
def test_the_hidden_layer_over_the_data_has_that_law_where_the_step_is_exact():
    """In between the two differ by at most the KL of the visible layer."""
    for seed, scale in itertools.product(range(5), (0.1, 0.5)):
        network = machine(seed, scale=scale)
        step = as_step(network, hamiltonian(SQUARE, K))
        up = sigmoids(network, states((3, 3)))
        np.testing.assert_allclose(step.upward, up, atol=1e-12)
        np.testing.assert_allclose(step.passed_up, step.exactness.data @ up, atol=1e-12)
        apart = rel_entr(step.passed_up, step.hidden).sum()
        assert 1e-3 < apart <= step.exactness.divergence
    perfect = as_step(bond_machine(Ising((6,)), K), hamiltonian(Ising((6,)), K))
    np.testing.assert_allclose(perfect.passed_up, perfect.hidden, atol=1e-12)


@torch.no_grad()
@pytest.mark.parametrize(("weight", "biases"), [(0.4, 0.0), (1.0, 0.0), (0.0, 0.7)])
def test_not_conversely(weight, biases):
    """A fair coin is one whatever it is told: one unit and no biases, or no weights."""
    coin = RBM((6,), 1 if weight else 2, biases=True).double()
    coin.W.fill_(weight)
    coin.b.fill_(biases)
    step = as_step(coin, hamiltonian(Ising((6,)), 0.9))
    np.testing.assert_allclose(step.passed_up, step.hidden, atol=1e-12)
    assert step.exactness.divergence > 0.3


@torch.no_grad()
@pytest.mark.parametrize("seed", range(3))
def test_divergence_and_free_energies_are_those_of_the_laws(seed):
    network = machine(seed)
    read = as_step(network, hamiltonian(SQUARE, K)).exactness
    log_q = network.log_likelihood(states((3, 3))).numpy()
    log_p = np.log(law(hamiltonian(SQUARE, K)))
    expected = np.exp(log_p) @ (log_p - log_q)
    assert read.divergence == pytest.approx(expected, abs=1e-10)
    change = enumerate.log_partition((3, 3), K) - float(network.log_partition())
    assert read.free_energy_difference == pytest.approx(change, abs=1e-10)
    # The same from g alone, without a table of pairs.
    light = exactness(network, hamiltonian(SQUARE, K))
    np.testing.assert_allclose(light.log_trace, read.log_trace, atol=1e-12)


def test_kl_is_what_the_mean_of_g_leaves_of_the_free_energy_difference():
    for seed in range(5):
        read = random_step(seed).exactness
        below = -read.free_energy_difference - read.data @ read.log_trace
        assert read.divergence == pytest.approx(below, abs=1e-10)
        least, most = read.log_trace.min(), read.log_trace.max()
        assert least < -read.free_energy_difference < most


PERFECT = {
    "square": (Ising((3, 3)), K),
    "square 4": (Ising((4, 4)), K),
    "double bonds": (Ising((2, 2)), 0.9),
    "antiferromagnet": (Ising((3, 3)), -0.6),
    "field": (Ising((3, 3), field=0.3), K),
    "second neighbours": (Ising((3, 3), second=-0.4), 0.5),
    "triangular": (Ising((3, 3), "triangular"), 0.25),
}


@pytest.mark.parametrize(("model", "coupling"), PERFECT.values(), ids=PERFECT)
def test_the_trace_of_a_perfect_machine_is_the_same_everywhere_and_not_one(
    model, coupling
):
    network, constant = bond_machine(model, coupling), bond_constant(model, coupling)
    read = exactness(network, hamiltonian(model, coupling))
    np.testing.assert_allclose(read.log_trace, constant, atol=1e-10)
    assert read.claims() == Claims(False, True, True, False)
    assert read.free_energy_difference == pytest.approx(-constant, abs=1e-10)
    assert read.shifted(constant).claims() == EXACT
    off = exactness(bond_machine(model, 1.01 * coupling), hamiltonian(model, coupling))
    assert off.spread > 1e-2
    assert off.claims(1e-4) == Claims(False, False, False, False)


def decimated_by_hand(shape, coupling):
    """H of sublattice A: all states of the whole lattice, B summed over."""
    model = Ising(shape)
    spins = pairs.states(model.geometry.size).reshape(1, -1, *shape)
    left = sublattice(Ensemble.from_values(spins)).values[0]
    code = (left.reshape(left.shape[0], -1) > 0) @ (
        2 ** np.arange(model.geometry.size // 2)[::-1]
    )
    weights = np.exp(-hamiltonian(model, coupling))
    return -np.log(np.bincount(code, weights=weights))


@pytest.mark.parametrize(("shape", "coupling"), [((4, 4), K), ((2, 2), -0.7)])
def test_a_machine_whose_energy_is_the_whole_model_needs_no_constant(shape, coupling):
    """Sublattice A visible, B hidden: E is the energy of Ising, Tr_h e^T = 1."""
    H, network = (
        decimated_by_hand(shape, coupling),
        sublattice_machine(shape, coupling),
    )
    step = as_step(network, H)
    assert step.exactness.claims(1e-10) == EXACT
    wrong = as_step(sublattice_machine(shape, coupling * 1.01), H).exactness
    assert not any(vars(wrong.claims(1e-4)).values())


NONE = Claims(False, False, False, False)
SCALAR = Claims(False, False, False, True)
CONSTANT = Claims(False, True, True, False)
COLD = 0.9  # ln Z of a ring of six above 8 ln 2
EXPECTED = {
    "untrained": NONE,
    "untrained, ⟨g⟩ = 0": NONE,
    "untrained, equal Z": SCALAR,
    "untrained, scaled": SCALAR,
    "perfect": CONSTANT,
    "perfect, equal Z": EXACT,
    "perfect, ⟨g⟩ = 0": EXACT,
    "block rule": EXACT,
    "majority": EXACT,
    "noise that sees v": EXACT,
    "noise that does not": EXACT,
}


def every_case():
    """Steps of all kinds on the ring of six spins."""
    H = hamiltonian(Ising((6,)), COLD)
    start = machine(hidden=2, shape=(6,))
    some, bonds = as_step(start, H), as_step(bond_machine(Ising((6,)), COLD), H)
    noise = np.random.default_rng(0).dirichlet(np.ones(8), size=64)

    def fixed(step, convention):
        return step.shifted(step.exactness.constant(convention))

    return {
        "untrained": some,
        "untrained, ⟨g⟩ = 0": fixed(some, "mean"),
        "untrained, equal Z": fixed(some, "equal"),
        "untrained, scaled": as_step(balanced(start, H), H),
        "perfect": bonds,
        "perfect, equal Z": fixed(bonds, "equal"),
        "perfect, ⟨g⟩ = 0": fixed(bonds, "mean"),
        "block rule": rule_step(block_rule((6,), 2, 0.7), H),
        "majority": rule_step(block_rule((6,), 2, math.inf), H),
        "noise that sees v": rule_step(noise, H),
        "noise that does not": uncoupled(some),
    }


@pytest.mark.parametrize("case", EXPECTED)
def test_the_conditions_that_are_said_to_be_one(case):
    """Two of the arrows do not hold: KL = 0 without Tr = 1, ΔF = 0 with KL > 0."""
    read = every_case()[case].exactness
    assert read.claims() == EXPECTED[case]
    if EXPECTED[case] == SCALAR:
        assert read.divergence > 0.5


def test_no_other_pattern_occurs():
    found = [step.exactness.claims() for step in every_case().values()]
    assert {*found} == {NONE, SCALAR, CONSTANT, EXACT}
    for seen in found:
        assert seen.trace_is_constant == seen.same_law
        assert seen.trace_is_one == (seen.same_law and seen.same_free_energy)


@pytest.mark.parametrize("seed", range(3))
def test_the_constant_of_the_energy_changes_the_free_energy_alone(seed):
    read = random_step(seed).exactness
    equal, mean = (read.shifted(read.constant(c)) for c in ("equal", "mean"))
    assert read.constant("none") == 0
    assert abs(equal.free_energy_difference) < 1e-12
    assert -mean.free_energy_difference == pytest.approx(read.divergence, abs=1e-10)
    for convention in CONVENTIONS:
        other = read.shifted(read.constant(convention))
        assert other.divergence == pytest.approx(read.divergence, abs=1e-10)
        assert other.spread == pytest.approx(read.spread, abs=1e-10)


def test_scaled_weights_meet_the_scalar_condition_and_nothing_else():
    for seed in range(3):
        start = machine(seed)
        found = balanced(start, hamiltonian(SQUARE, K))
        read = exactness(found, hamiltonian(SQUARE, K))
        assert abs(read.free_energy_difference) < 1e-10
        assert read.divergence > 1
        old, new = (
            torch.cat([p.detach().flatten() for p in m.parameters()])
            for m in (start, found)
        )
        ratios = (new / old).numpy()
        np.testing.assert_allclose(ratios, ratios[0], rtol=1e-12)


def disturbed(seed, size):
    """The perfect machine of a ring, its weights moved at random by `size`."""
    model = Ising((6,))
    network = bond_machine(model, K)
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        network.W += size * torch.randn(network.W.shape, generator=noise)
    return exactness(network, hamiltonian(model, K))


@pytest.mark.parametrize("seed", range(4))
def test_kl_grows_as_half_the_variance_of_g(seed):
    """Both vanish together, KL as the square of the distance."""
    sizes = np.array([1e-2, 1e-3, 1e-4, 1e-5])
    reads = [disturbed(seed, size) for size in sizes]
    kl = np.array([r.divergence for r in reads])
    half = np.array([r.deviation**2 / 2 for r in reads])
    spread = np.array([r.spread for r in reads])
    assert (spread > 0).all()
    assert (abs(kl / half - 1) < 10 * sizes).all()
    # (10 × in distance) = (100 × in KL) and (10 × in spread), to second order.
    assert kl[:-1] / kl[1:] == pytest.approx([100] * 3, rel=0.1)
    assert spread[:-1] / spread[1:] == pytest.approx([10] * 3, rel=0.1)


def test_a_spread_bounds_kl():
    """Hoeffding: KL ≤ spread²/8, for machines far from exact too."""
    shares = []
    for seed, scale in itertools.product(range(5), (0.05, 0.3, 1.0)):
        read = random_step(seed, scale).exactness
        shares.append(read.divergence / (read.spread**2 / 8))
    assert min(shares) > 0.02
    assert max(shares) <= 1


def test_small_divergences_keep_their_digits():
    """g = ε f: KL = ½ ε² Var f at ε = 1e-9, which ln p − ln q summed up misses."""
    H = hamiltonian(SQUARE, K)
    f = np.random.default_rng(0).normal(size=len(H))
    twice = 2e18 * Exactness(H, 1e-9 * f).divergence
    assert twice == pytest.approx(law(H) @ (f - law(H) @ f) ** 2, rel=1e-5)
    # The variance over the data, not that over all states.
    assert twice != pytest.approx(f.var(), rel=0.1)


def test_large_divergences_do_not_overflow():
    H = np.array([0.0, 900.0])
    read = Exactness(H, np.array([0.0, 1200.0]))  # ln q = (−300, 0), ln p = (0, −900)
    assert read.divergence == pytest.approx(300, abs=1e-10)


@pytest.mark.parametrize("sharpness", [0.0, 0.3, 1.0, math.inf])
@pytest.mark.parametrize(("shape", "b"), [((6,), 2), ((6,), 3), ((4, 4), 2)])
def test_every_block_rule_is_an_exact_step(shape, b, sharpness):
    H = hamiltonian(Ising(shape), K)
    rule = block_rule(shape, b, sharpness)
    step = rule_step(rule, H)
    assert step.exactness.claims(1e-12) == EXACT
    np.testing.assert_allclose(step.upward, rule, atol=1e-12)
    np.testing.assert_allclose(step.hidden, law(H) @ rule, atol=1e-12)


@pytest.mark.parametrize(("shape", "b"), [((6,), 2), ((6,), 3), ((4, 4), 2)])
def test_the_table_of_a_block_rule_is_that_of_the_rule(shape, b):
    """Drawn block spins, where the sharp rule leaves no doubt and has no tie."""
    spins = pairs.states(math.prod(shape)).reshape(-1, *shape)
    drawn = KadanoffRule(b, p=math.inf)(
        spins, Grid(shape), rng=np.random.default_rng(0)
    )
    code = (drawn.reshape(len(spins), -1) > 0) @ (2 ** np.arange(drawn[0].size)[::-1])
    table = block_rule(shape, b, math.inf)
    sure = table.max(axis=1) == 1
    assert sure.sum() >= 2 ** (math.prod(shape) // b)
    assert (table[np.arange(len(spins)), code][sure] == 1).all()


def test_the_table_of_a_block_rule_is_the_formula():
    shape, p = (4,), 0.6
    table = block_rule(shape, 2, p)
    v, h = pairs.states(4).astype(float), pairs.states(2)
    for (i, s), (j, mu) in itertools.product(enumerated(v), enumerated(h)):
        total = s.reshape(2, 2).sum(axis=1)
        expected = np.prod(np.exp(p * mu * total) / (2 * np.cosh(p * total)))
        assert table[i, j] == pytest.approx(expected, abs=1e-14)


def enumerated(rows):
    return list(zip(range(len(rows)), rows, strict=True))


def test_a_sharper_block_rule_keeps_more():
    H = hamiltonian(RING, K)
    kept = [
        rule_step(block_rule((10,), 2, p), H).information for p in (0.0, 0.3, 1.0, 3.0)
    ]
    assert abs(kept[0]) < 1e-12
    assert (np.diff(kept) > 0.1).all()


@pytest.mark.parametrize("seed", range(3))
def test_a_law_without_any_correlation_meets_every_equation(seed):
    """p(v) p(h): the same H′ as the machine, exact, and I(v:h) = 0."""
    step = random_step(seed)
    apart = uncoupled(step)
    assert apart.exactness.claims(1e-12) == EXACT
    shift = apart.coarse_hamiltonian - step.coarse_hamiltonian
    assert np.ptp(shift) < 1e-10
    assert abs(apart.information) < 1e-12
    assert step.information > 0.3
    brute = mutual_information(step.joint)
    marginals = step.joint.sum(axis=1), step.joint.sum(axis=0)
    direct = rel_entr(step.joint, np.multiply.outer(*marginals)).sum()
    assert step.information == pytest.approx(brute, abs=1e-12)
    assert step.information == pytest.approx(direct, abs=1e-10)


@pytest.mark.parametrize("sharpness", [0.5, 2.0])
def test_what_tells_a_block_rule_from_noise_is_the_range_of_the_coarse_hamiltonian(
    sharpness,
):
    """Both exact, both with the same information."""
    H = hamiltonian(RING, K)
    block = rule_step(block_rule((10,), 2, sharpness), H)
    rng = np.random.default_rng(1)
    rule = random_rule(law(H), 5, information=block.information, rng=rng)
    noise = rule_step(rule, H)
    assert noise.exactness.claims(1e-12) == EXACT
    assert noise.information == pytest.approx(block.information, abs=1e-10)
    odd = noise.coarse_hamiltonian - noise.coarse_hamiltonian[::-1]
    assert abs(odd).max() < 1e-12
    near, far = (short_range(s.coarse_hamiltonian, (5,)) for s in (block, noise))
    assert near.unexplained < 1e-3
    assert near.couplings["nearest"] > 0.05
    assert far.unexplained > 0.5
    assert abs(far.couplings["nearest"]) < 0.3 * near.couplings["nearest"]


def test_other_names_for_the_hidden_states_change_no_law_but_all_couplings():
    H = hamiltonian(RING, K)
    rule = block_rule((10,), 2, 1.0)
    named = np.random.default_rng(2).permutation(rule.shape[1])
    block, other = rule_step(rule, H), rule_step(rule[:, named], H)
    assert other.information == pytest.approx(block.information, abs=1e-12)
    assert short_range(other.coarse_hamiltonian, (5,)).unexplained > 0.5


def test_a_random_rule_that_keeps_nothing_or_too_much_is_refused():
    p = law(hamiltonian(Ising((4,)), K))
    for information in (-0.1, 2 * math.log(2)):
        with pytest.raises(ValueError, match="keeps between"):
            random_rule(p, 1, information=information, rng=np.random.default_rng(0))


COUPLINGS = {
    "ring": ((6,), {"nearest": 0.3, "second": -0.2}),
    "square": ((3, 4), {"nearest": 0.3, "second": 0.1, "plaquette": -0.05}),
}


@pytest.mark.parametrize(("shape", "given"), COUPLINGS.values(), ids=COUPLINGS)
def test_known_couplings_are_found(shape, given):
    model = Ising(shape, second=given["second"] / given["nearest"])
    H = 1.7 + hamiltonian(model, given["nearest"])
    if "plaquette" in given:
        v = pairs.states(math.prod(shape)).reshape(-1, *shape).astype(float)
        corners = [np.roll(v, shift, (1, 2)) for shift in np.ndindex(2, 2)]
        H = H - given["plaquette"] * np.prod(corners, axis=0).sum(axis=(1, 2))
    found = short_range(H, shape)
    assert found.unexplained < 1e-12
    assert found.couplings == pytest.approx(given, abs=1e-10)


def test_bonds_around_a_side_of_two_count_twice():
    found = short_range(hamiltonian(Ising((2, 2)), 0.4), (2, 2))
    assert found.couplings["nearest"] == pytest.approx(0.4, abs=1e-12)


def test_what_is_not_short_ranged_is_unexplained():
    six = -pairs.states(6).prod(axis=1).astype(float)
    assert short_range(six, (6,)).unexplained == pytest.approx(1, abs=1e-12)
    assert short_range(np.full(64, 3.0), (6,)).unexplained == 0
    half = hamiltonian(Ising((6,)), 1.0) + math.sqrt(6) * six  # variances 6 and 6
    found = short_range(half, (6,))
    assert found.unexplained == pytest.approx(0.5, abs=1e-12)
    assert found.couplings["nearest"] == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("coupling", [1e-7, 0.3, -0.8, 2.0, 50.0])
def test_decimation_of_a_chain(coupling):
    new = decimated(coupling)
    if abs(coupling) < 10:
        expected = math.tanh(coupling) ** 2
        assert math.tanh(new) == pytest.approx(expected, rel=1e-12)
    theory = torch.tensor([coupling, 0.0], dtype=torch.float64)
    assert new == pytest.approx(Chain().step(theory)[0].item(), abs=1e-12)
    if coupling < 10:
        xi = chain.correlation_length(coupling)
        assert chain.correlation_length(new) == pytest.approx(xi / 2, rel=1e-10)


def ring_law(sites, coupling):
    return law(hamiltonian(Ising((sites,)), coupling))


@torch.no_grad()
@pytest.mark.parametrize("copying", [0.3, 20.0])
@pytest.mark.parametrize("coupling", [0.9, -0.6])
def test_the_hidden_law_of_every_layer_is_the_decimated_ring(coupling, copying):
    """Whatever the weight of a copy: 16 → 8 → 4 → 2, and the free energies add up."""
    network = decimating_network(16, coupling, 3, copying=copying)
    sites = 16
    for layer in network.machines:
        sites, z = sites // 2, 2 * math.sqrt(math.cosh(2 * coupling))
        below, coupling = coupling, decimated(coupling)
        own = layer.hidden_free_energy(states((sites,))).numpy()
        ring = hamiltonian(Ising((sites,)), coupling)
        constant = sites * (math.log(z) + np.logaddexp(copying, -copying))
        np.testing.assert_allclose(own, ring - constant, atol=1e-10)
        left = chain.ring(sites, coupling).log_partition
        whole = chain.ring(2 * sites, below).log_partition
        assert whole == pytest.approx(sites * math.log(z) + left, abs=1e-10)
        # The control: the coupling that was there before the step.
        assert np.ptp(own - hamiltonian(Ising((sites,)), below)) > 0.1


@torch.no_grad()
def test_each_layer_is_an_exact_step_but_for_its_copies():
    """ln Tr_h e^T = w per hidden unit, up to e^{−2(w − 2K)}."""
    H = hamiltonian(Ising((8,)), 0.5)
    spreads = []
    for w in (4.0, 5.0, 6.0):
        layer = decimating_network(8, 0.5, 1, copying=w).top
        spreads.append(exactness(layer, H).spread)
    ratios = np.array(spreads[:-1]) / spreads[1:]
    assert ratios == pytest.approx([math.exp(2)] * 2, rel=0.02)
    read = exactness(decimating_network(8, 0.5, 1).top, H)
    np.testing.assert_allclose(read.log_trace, 4 * 20.0, atol=1e-10)
    step = as_step(decimating_network(8, 0.5, 1).top, H)
    even = (pairs.states(8)[:, ::2] > 0) @ (2 ** np.arange(4)[::-1])
    np.testing.assert_allclose(step.upward, np.eye(16)[even], atol=1e-12)
    np.testing.assert_allclose(step.passed_up, ring_law(4, decimated(0.5)), atol=1e-12)


@torch.no_grad()
@pytest.mark.parametrize("layers", [1, 2])
def test_the_deep_network_is_the_ring(layers):
    """p(v) of the whole stack by enumeration of the layers in between."""
    v = states((8,))
    log_p = np.log(ring_law(8, 0.7))
    found = log_likelihood(decimating_network(8, 0.7, layers), v).numpy()
    np.testing.assert_allclose(found, log_p, atol=1e-10)
    blurred = log_likelihood(decimating_network(8, 0.7, layers, copying=2.0), v)
    assert abs(blurred.numpy() - log_p).max() > 0.1


def test_the_weights_are_copies_and_the_bonds_of_a_ring():
    W = decimating_network(6, 0.5, 1).top.W.detach().numpy()
    even, odd = np.eye(3), np.eye(3) + np.roll(np.eye(3), 1, axis=1)
    np.testing.assert_array_equal(W[::2], 20 * even)
    np.testing.assert_array_equal(W[1::2], 0.5 * odd)


def step_of(H, T):
    return Step(np.asarray(H, dtype=float), np.asarray(T, dtype=float))


REFUSED = {
    "a coupling": (lambda: hamiltonian(SQUARE, math.nan), "coupling must be"),
    "three states": (lambda: Exactness(np.zeros(3), np.zeros(3)), r"give 2\^n"),
    "infinite H": (lambda: step_of([0, math.inf], [[0], [0]]), "finite number"),
    "another g": (lambda: Exactness(np.zeros(4), np.zeros(2)), "one finite number"),
    "another T": (lambda: step_of([0, 0], [[0, 0]]), "a row for each"),
    "no number in T": (lambda: step_of([0, 0], [[0], [math.nan]]), "a row for each"),
    "a state without h": (lambda: step_of([0, 0], [[0], [-math.inf]]), "without any"),
    "a constant": (
        lambda: random_step().exactness.constant("zero"),  # pyright: ignore[reportArgumentType]
        "none, equal, mean",
    ),
    "no rule": (lambda: rule_step([[0.5, 0.4]] * 4, np.zeros(4)), "adds up to 1"),
    "no tiling": (lambda: block_rule((5,), 2, 1.0), "do not tile"),
    "a sharpness": (lambda: block_rule((4,), 2, -1.0), "at least 0"),
    "a large rule": (lambda: block_rule((16,), 2, 1.0), "smaller lattice"),
    "a large table": (
        lambda: as_step(RBM((3, 3), 14), hamiltonian(SQUARE, K)),
        "fewer units",
    ),
    "another lattice": (
        lambda: as_step(RBM((2, 2), 2), hamiltonian(SQUARE, K)),
        r"give 2\^4",
    ),
    "gaussian units": (
        lambda: as_step(RBM(4, 2, units=("gaussian", "spin")), np.zeros(16)),
        "gaussian and spin",
    ),
    "no weights": (
        lambda: balanced(machine(scale=0.0), hamiltonian(SQUARE, K)),
        "some weight is not 0",
    ),
    "many units": (
        lambda: balanced(machine(hidden=6), hamiltonian(SQUARE, K)),
        "fewer hidden units",
    ),
    "a cube": (lambda: short_range(np.zeros(256), (2, 2, 2)), "chains and squares"),
    "another shape": (lambda: short_range(np.zeros(16), (3,)), "8 states, got 16"),
    "an odd ring": (lambda: decimating_network(6, 0.5, 2), "halved"),
    "one site left": (lambda: decimating_network(4, 0.5, 2), "keeps two sites"),
    "no layer": (lambda: decimating_network(4, 0.5, 0), "at least once"),
    "no coupling": (lambda: decimating_network(4, math.inf, 1), "finite"),
}


@pytest.mark.parametrize(("call", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
