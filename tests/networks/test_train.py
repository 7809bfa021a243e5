"""Training: against exact likelihoods on 4×4 sites, and resumed to the same bits."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import root_scalar

from kadanoff.ensemble import Ensemble
from kadanoff.exact.enumerate import all_states
from kadanoff.geometry import Grid, Unordered
from kadanoff.models.ising import Ising
from kadanoff.networks import train as training
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.products import fast_products, one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import (
    CHAINS,
    LIKELIEST,
    LIKELIEST_SYMMETRIC,
    REAL,
    TIED,
    Training,
    recommended,
)
from kadanoff.networks.train import train
from kadanoff.samplers.run import sample
from kadanoff.symmetry import Symmetry

SIDE = 4
STATES = all_states(SIDE**2).reshape(-1, SIDE, SIDE)
ENERGY = SIDE**2 * Ising((SIDE, SIDE)).energy(STATES)
K_C = np.log(1 + np.sqrt(2)) / 2
PLAIN = Training(epochs=20, learning_rate=0.1, l1=0.0)


def log_law(coupling):
    weights = -coupling * ENERGY
    return weights - np.logaddexp.reduce(weights)


def ising(coupling=K_C, draws=20_000, seed=1):
    """Independent configurations, drawn from the enumerated Boltzmann weights."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(STATES), draws, p=np.exp(log_law(coupling)))
    return Ensemble.from_values(STATES[rows].reshape(100, -1, SIDE, SIDE))


def divergence_per_spin(network, coupling=K_C):
    """KL(Ising ‖ machine)/N in nats, exact."""
    log_p = log_law(coupling)
    with torch.no_grad():
        log_q = network.log_likelihood(network.tensor(STATES)).double().numpy()
    return float(np.sum(np.exp(log_p) * (log_p - log_q))) / SIDE**2


@pytest.mark.parametrize("chains", CHAINS)
def test_the_divergence_falls_to_the_statistical_level(chains):
    """16·16 weights and 20 000 draws: the scale 256/(2·20 000)/16 is 4e-4 per spin.

    Measured over seeds: 0.9 to 1.8e-3. Untrained: 0.41. Data of a coupling 10 % off end
    at 4 to 5e-3: the control below.
    """
    settings = Training(epochs=30, learning_rate=0.1, l1=0.0, chains=chains, rungs=3)
    trained = train(RBM((SIDE, SIDE), 16), ising(), settings=settings, seed=1)
    assert divergence_per_spin(trained) < 3e-3


def test_data_of_a_coupling_ten_percent_off_miss_that_level():
    trained = train(RBM((SIDE, SIDE), 16), ising(0.9 * K_C), settings=PLAIN, seed=1)
    assert divergence_per_spin(trained) > 3e-3


def test_an_untrained_machine_misses_that_level():
    assert divergence_per_spin(RBM((SIDE, SIDE), 16)) > 0.3


def likeliest_weight(spins):
    """Maximum of the likelihood of a 2×2 block model h w Σv: one number, one root.

    By symmetry the four weights are equal, and with S = Σ v in a block
    ⟨S tanh wS⟩ of the data equals that of the model, p_w(v) ∝ 2 cosh wS.
    """
    blocks = spins.reshape(-1, 2, 2, 2, 2).sum(axis=(2, 4)).ravel()
    S = all_states(4).sum(axis=1)

    def excess(w):
        p = np.cosh(w * S) / np.cosh(w * S).sum()
        return np.mean(blocks * np.tanh(w * blocks)) - p @ (S * np.tanh(w * S))

    return root_scalar(excess, bracket=(0.1, 5.0)).root


def test_a_tied_block_finds_the_weight_of_largest_likelihood():
    """The root is 1.32; trained weights scatter by 0.01 about it."""
    data = ising()
    trained = train(ConvRBM(filter=2), data, seed=1)
    expected = likeliest_weight(data.values)
    found = trained.W.detach().numpy().ravel()
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.04)
    hotter = likeliest_weight(ising(0.95 * K_C).values)
    assert abs(hotter - expected) > 0.05  # 5 % of the coupling would be noticed


def expected_gradient(network, data):
    """⟨v hᵀ⟩ of the data minus that of the machine, by enumeration."""
    v = network.tensor(STATES)
    moments = torch.zeros(2, *network.W.shape)
    with torch.no_grad():
        p = network.log_likelihood(v).exp().to(v)
        h = torch.tanh(network.hidden_field(v))
        moments[0] = (v.flatten(1) * p[:, None]).T @ h
        one = network.tensor(data.values.reshape(-1, SIDE, SIDE))
        h = torch.tanh(network.hidden_field(one))
        moments[1] = one.flatten(1).T @ h / len(one)
    return moments[1] - moments[0]


def largest_gradient_error(k):
    """Deviation of one update from the exact gradient, in bounds on a standard error.

    20 000 chains: every mean has an error below 1/√20 000 = 7e-3. A correct program
    exceeds 4.5 on one of 48 entries with probability 3e-4; 0.03 would be noticed.
    """
    data = ising()
    network = RBM((SIDE, SIDE), 3).initialised(seed=1, scale=0.4)
    with torch.no_grad():
        network.W.abs_()  # so that no unit is turned afterwards
    settings = Training(
        epochs=1, batch=data.size, k=k, learning_rate=1.0, momentum=0.0, l1=0.0
    )
    moved = (train(network, data, settings=settings, seed=2).W - network.W).detach()
    error = (moved - expected_gradient(network, data)).abs().max().item()
    return error * data.size**0.5


def test_long_chains_give_the_gradient_of_the_likelihood():
    assert largest_gradient_error(k=60) < 4.5


def test_one_step_from_the_data_does_not():
    """CD-1 is biased, and the check above sees it."""
    assert largest_gradient_error(k=1) > 4.5


def same(one, other):
    return all(
        torch.equal(a, b)
        for a, b in zip(one.parameters(), other.parameters(), strict=True)
    )


def real_ensemble(worst):
    values = np.zeros((2, 300, 6), dtype=np.float32)
    values[1, 200, 3] = worst
    return Ensemble(values, Unordered(6), "real", "test")


@pytest.mark.parametrize("worst", [np.nan, np.inf, 1.5, -1.5])
def test_values_that_are_no_means_of_spins_are_refused(worst):
    with pytest.raises(ValueError, match="values between -1 and 1, got others"):
        train(RBM(6, 2), real_ensemble(worst), seed=1)


def test_means_of_spins_train():
    settings = Training(epochs=1)
    trained = train(RBM(6, 2), real_ensemble(0.5), settings=settings, seed=1)
    assert torch.isfinite(trained.W).all()


@pytest.mark.parametrize(
    ("network", "data", "sentence"),
    [
        (RBM(9, 2), ising(draws=500), "9 visible units, got configurations of 16"),
        (RBM((SIDE, SIDE), 2), ising(draws=100), "a batch of 256 needs as many"),
        (
            RBM(4, 2),
            Ensemble.from_values(np.ones((1, 300, 2, 4)), Unordered(4), features=2),
            "got 2 feature maps",
        ),
    ],
)
def test_data_that_do_not_fit_are_refused(network, data, sentence):
    with pytest.raises(ValueError, match=sentence):
        train(network, data, seed=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch": 0},
        {"k": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"momentum": 1.0},
        {"l1": -0.1},
        {"l2": -0.1},
        {"decay": "none"},
        {"k_last": 0},
        {"chains": "none"},
        {"rungs": 1},
        {"largest_gap": float("nan")},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=str(next(iter(wrong)).replace("_", "."))):
        Training(**wrong)


@pytest.mark.parametrize("decay", ["linear", "cosine"])
def test_the_rate_falls_to_zero(decay):
    settings = Training(learning_rate=0.2, decay=decay)
    rates = [settings.rate(share) for share in np.linspace(0, 1, 11)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[5] == pytest.approx(0.1)
    assert rates[-1] == pytest.approx(0)
    assert (np.diff(rates) < 0).all()


def test_the_given_machine_stays_and_the_seed_decides():
    network, settings = RBM((SIDE, SIDE), 5), Training(epochs=2)
    before = network.W.detach().clone()
    data = ising(draws=2000)
    first, again, other = (
        train(network, data, settings=settings, seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(network.W, before)
    assert network.record == {}
    assert same(first, again)
    assert not same(first, other)


def test_frozen_biases_stay_zero_and_free_ones_move():
    data = ising(draws=2000)
    for biases in (False, True):
        network = RBM((SIDE, SIDE), 5, biases=biases)
        trained = train(network, data, settings=Training(epochs=2), seed=1)
        assert bool(trained.c.abs().sum() > 0) is biases
        assert bool(trained.b.abs().sum() > 0) is biases


def test_l1_leaves_exact_zeros():
    shares = {}
    for l1 in (0.0, 0.05):
        settings = Training(epochs=10, l1=l1, learning_rate=0.1)
        W = train(RBM((SIDE, SIDE), 8), ising(), settings=settings, seed=1).W
        shares[l1] = (W == 0).double().mean().item()
    assert shares[0.0] == 0
    assert shares[0.05] > 0.2


def test_spins_in_a_field_are_not_flipped():
    data = sample(Ising((4, 4), field=0.2), coupling=0.3, draws=512, seed=1)
    both = Symmetry(translations=True, flip=True)
    with pytest.raises(ValueError, match=r"in a field h = 0.06; leave the flip out"):
        train(RBM((4, 4), 2), data, settings=Training(symmetry=both), seed=1)


def test_weights_that_are_no_numbers_are_refused_before_anything_is_stored(tmp_path):
    machine = RBM((4, 4), 2)
    machine.W.data[0, 0] = math.nan
    data = sample(Ising((4, 4)), coupling=0.3, draws=512, seed=1)
    with pytest.raises(ValueError, match="NaN or infinity in its W"):
        train(machine, data, seed=1, store=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_recommended_settings_are_used(tmp_path):
    assert recommended(ConvRBM()) == TIED
    assert recommended(RBM(4, 2)) == Training()
    assert recommended(RBM(4, 2), "likelihood") == LIKELIEST
    shifted = recommended(RBM(4, 2), "likelihood", symmetric=True)
    assert shifted == LIKELIEST_SYMMETRIC
    assert shifted.symmetry.translations
    assert recommended(RBM(4, 2, units=("gaussian", "spin")), "likelihood") == REAL
    with pytest.raises(ValueError, match="locality or likelihood, got 'beauty'"):
        recommended(RBM(4, 2), "beauty")
    trained = train(ConvRBM(filter=2), ising(draws=1000), seed=1)
    assert trained.notes["settings"]["batch"] == TIED.batch


def test_progress_counts_epochs():
    seen = []
    settings = Training(epochs=3)
    train(
        RBM((SIDE, SIDE), 2),
        ising(draws=500),
        settings=settings,
        seed=1,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


def state_of_torch():
    return torch.get_num_threads(), torch.get_float32_matmul_precision()


@pytest.fixture
def two_threads():
    """More threads than training uses, so that giving them back can be seen."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_threads_and_precision_are_given_back(monkeypatch):
    before = state_of_torch()
    with one_thread(), fast_products():
        assert torch.get_num_threads() == 1
    assert state_of_torch() == before
    monkeypatch.setattr(training, "_update", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(RBM((SIDE, SIDE), 2), ising(draws=500), seed=1)
    assert state_of_torch() == before


def test_products_that_lose_digits_are_not_used(monkeypatch):
    from kadanoff.networks import products

    monkeypatch.setattr(products, "_product_error", lambda: 1e-3)
    before = state_of_torch()[1]
    with fast_products():
        assert state_of_torch()[1] == before


def test_products_in_training_keep_five_digits():
    noise = torch.Generator().manual_seed(3)
    a, b = (torch.randn(300, 300, generator=noise) for _ in range(2))
    with fast_products():
        error = (a @ b).double() - a.double() @ b.double()
    assert error.abs().max().item() / 300**0.5 < 1e-5


def test_a_grid_of_another_shape_and_the_same_size_trains():
    data = Ensemble.from_values(ising(draws=500).values, Grid((SIDE, SIDE)))
    trained = train(RBM(16, 2), data, settings=Training(epochs=1), seed=1)
    assert trained.visible == Unordered(16)
    assert trained.record["reconstruction"].shape == (1,)


def test_k_rises_to_its_last_value():
    rising = Training(k=1, k_last=5)
    assert [rising.steps(s) for s in (0.0, 0.19, 0.21, 0.5, 0.99)] == [1, 1, 2, 3, 5]
    assert {Training(k=3).steps(s) for s in np.linspace(0, 0.999, 9)} == {3}


def few_and_held_out():
    """64 configurations, which a machine can learn by heart, and others."""
    data = ising(draws=2000)
    few, rest = data.values[:, :1], data.values[:, 1:]
    return Ensemble.from_values(few), Ensemble.from_values(rest)


def test_training_stops_before_it_learns_by_heart():
    few, rest = few_and_held_out()
    settings = {"epochs": 300, "batch": 50, "learning_rate": 0.2, "l1": 0.0}
    whole, stopped = (
        train(
            RBM((SIDE, SIDE), 12),
            few,
            settings=Training(**settings, largest_gap=limit),
            seed=1,
            held_out=rest,
        )
        for limit in (None, 0.3)
    )
    assert whole.record["gap"][-1] > 0.6
    assert whole.record["epoch"][-1] == 300
    assert stopped.record["epoch"][-1] < 300
    gap, error = stopped.record["gap"], stopped.record["gap_error"]
    assert (gap - 2 * error <= 0.3).all()


def test_a_largest_gap_needs_configurations_to_hold_out():
    settings = Training(epochs=1, largest_gap=1.0)
    with pytest.raises(ValueError, match="hold out, got none"):
        train(RBM((SIDE, SIDE), 2), ising(draws=500), settings=settings, seed=1)


@pytest.mark.parametrize(
    ("network", "data"),
    [
        (RBM((SIDE, SIDE), 3), ising(draws=1000)),
        (ConvRBM(filter=2, maps=2), ising(draws=1000)),
        (RBM(6, 2, units=("gaussian", "spin")), real_ensemble(5.0)),
        (RBM(6, 2), real_ensemble(0.5)),
    ],
    ids=["dense", "tied", "gaussian", "means"],
)
def test_the_record_has_what_the_machine_and_its_data_have(network, data):
    settings = Training(epochs=3, learning_rate=0.01)
    record = train(network, data, settings=settings, seed=1, held_out=data).record
    spins = network.units[0] == "spin"
    assert record["epoch"].tolist() == [1, 2, 3]
    assert ("chain_energy" in record) is spins
    assert ("pseudo_likelihood" in record) is (data.alphabet == "pm1")
    assert np.isfinite(record["reconstruction"]).all()
    # The same configurations on both sides: no gap but that of the sample.
    assert (abs(record["gap"]) < 4.5 * record["gap_error"] + 1e-9).all()
    if spins:
        assert np.isfinite(record["mixing"]).tolist() == [True, True, True]


def test_the_pseudo_likelihood_ends_at_that_of_the_law():
    """⟨ln p(s_i | rest)⟩ of Ising, enumerated; one site of 1024 draws: z = 4.5.

    An error of a tenth of it, 0.02, is 1.6 standard errors: the untrained machine's
    -ln 2 is the control.
    """
    field = sum(np.roll(STATES, s, a) for s in (1, -1) for a in (1, 2))
    conditional = -np.logaddexp(0, -2 * K_C * STATES * field)
    exact = np.exp(log_law(K_C)) @ conditional.mean(axis=(1, 2))
    error = conditional.std() / np.sqrt(1024)
    record = train(RBM((SIDE, SIDE), 16), ising(), settings=PLAIN, seed=1).record
    assert abs(record["pseudo_likelihood"][-1] - exact) < 4.5 * error
    assert abs(-np.log(2) - exact) > 4.5 * error


def test_gaussian_units_learn_the_covariance_of_a_gaussian_field():
    """Two sites of covariance ((1, ρ), (ρ, 1)), one hidden spin: ρ is recovered.

    The law of the machine is a mixture of two Gaussians at ±W/γ with variance 1/γ, so
    that ⟨v_1 v_2⟩ = W_1 W_2/γ². 20 000 samples: the error of ρ is 0.007.
    """
    rng = np.random.default_rng(1)
    h = rng.choice([-1.0, 1.0], (100, 200, 1))
    values = 0.8 * h + 0.6 * rng.normal(size=(100, 200, 2))
    data = Ensemble.from_values(values, Unordered(2), alphabet="real")
    settings = Training(epochs=40, learning_rate=0.05, l1=0.0, k=5)
    trained = train(
        RBM(2, 1, units=("gaussian", "spin")), data, settings=settings, seed=1
    )
    gamma = float(trained.precision.detach())
    mean = trained.W.detach().numpy().ravel() / gamma
    np.testing.assert_allclose(mean, [0.8, 0.8], atol=0.03)
    assert 1 / gamma == pytest.approx(0.36, abs=0.03)
