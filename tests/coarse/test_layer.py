"""A hidden layer as a rule: the law of the machine, and nothing else."""

import numpy as np
import pytest
import torch

from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.grammar import ARRANGE, fitted, parse_rule
from kadanoff.coarse.layer import Code, Layer, layers_of
from kadanoff.coarse.stack import Stack
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Grid, Unordered
from kadanoff.networks.autoencoder import Autoencoder
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.dbn import DBN
from kadanoff.networks.pca import fit_pca
from kadanoff.networks.rbm import RBM
from kadanoff.networks.weights import save

FINE = Grid((4, 6))
NETWORKS = {
    "rbm": RBM(FINE, 5, biases=True).initialised(seed=1, scale=0.4),
    "conv-rbm": ConvRBM().initialised(seed=1, scale=0.4),
}
MAPS = ConvRBM(maps=3).initialised(seed=2, scale=0.4)
DEEP = DBN([NETWORKS["rbm"], RBM(5, 2).initialised(seed=2, scale=0.7)])
each_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


def spins(n, seed=0, shape=FINE.shape):
    return np.random.default_rng(seed).choice([-1, 1], (n, *shape)).astype(np.int8)


def rng(seed=1):
    return np.random.default_rng(seed)


@each_network
def test_means_are_tanh_of_the_field(network):
    layer = Layer(network, output="mean")
    means = layer(spins(6), FINE, rng=rng())
    expected = torch.tanh(network.hidden_field(network.tensor(spins(6))))
    assert layer.alphabet("pm1") == "real"
    assert means.dtype == np.float32
    np.testing.assert_allclose(means, expected.detach().numpy(), rtol=0, atol=1e-6)


def worst_z(network, claimed):
    """Largest deviation of sampled means from claimed ones, in standard errors.

    40 000 draws of at most 6 units: a correct layer exceeds 4.5 with probability 4e-5,
    and 0.025 in a mean would be noticed.
    """
    one = np.repeat(spins(1, seed=3), 40_000, axis=0)
    drawn = Layer(network)(one, FINE, rng=rng())
    field = claimed.hidden_field(claimed.tensor(one[:1]))[0]
    mean = torch.tanh(field).detach().numpy()
    error = np.sqrt((1 - mean**2) / len(one))
    return np.abs((drawn.mean(axis=0) - mean) / error).max()


@each_network
def test_samples_have_those_means(network):
    assert worst_z(network, network) < 4.5


@each_network
def test_samples_of_other_weights_do_not(network):
    other = network.initialised(seed=0)
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        other.W.mul_(1.05)
    assert worst_z(network, other) > 4.5


@each_network
def test_a_layer_is_a_rule(network):
    layer = Layer(network)
    fine = spins(10)
    before = fine.copy()
    coarse = layer(fine, FINE, rng=rng())
    assert coarse.dtype == np.int8
    assert coarse.shape == (10, *layer.coarse(FINE).lattice)
    assert set(np.unique(coarse)) == {-1, 1}
    assert (fine == before).all()
    assert (layer(fine, FINE, rng=rng()) == coarse).all()
    assert (layer(fine, FINE, rng=rng(2)) != coarse).any()
    assert layer.alphabet("pm1") == "pm1"


def test_more_rows_than_a_chunk_keep_their_order():
    network = RBM(4, 2)
    with torch.no_grad():
        network.W.zero_()
        network.W[0, 0] = network.W[3, 1] = 20.0  # copies of two visible units
    fine = spins(9000, shape=(4,))
    assert (Layer(network)(fine, Unordered(4), rng=rng()) == fine[:, [0, 3]]).all()


def test_units_sit_where_the_machine_puts_them():
    assert Layer(NETWORKS["conv-rbm"]).coarse(FINE) == FINE.coarsened(2)
    assert Layer(NETWORKS["rbm"]).coarse(FINE) == Unordered(5)


def test_a_dense_layer_takes_every_layer_of_its_size():
    layer = Layer(NETWORKS["rbm"])
    for same_size in (Unordered(24), Grid((24,)), Grid((6, 4))):
        fine = spins(3, shape=same_size.lattice)
        assert layer(fine, same_size, rng=rng()).shape == (3, 5)


def test_a_tied_layer_takes_every_lattice_of_its_stride():
    layer = Layer(NETWORKS["conv-rbm"])
    for side in (4, 10, 16):
        fine = spins(2, shape=(side, side))
        coarse = layer(fine, Grid((side, side)), rng=rng())
        assert coarse.shape == (2, side // 2, side // 2)


def test_layers_stack_by_samples_and_by_means():
    second = RBM(5, 2)
    fine = Ensemble.from_values(spins(40).reshape(4, 10, *FINE.shape))
    samples = Stack((Layer(NETWORKS["rbm"]), Layer(second)))
    means = Stack((Layer(NETWORKS["rbm"], "mean"), Layer(second, "mean")))
    for rules, alphabet in ((samples, "pm1"), (means, "real")):
        coarse = coarsen(rules, fine, seed=1)
        assert coarse.geometry == Unordered(2)
        assert coarse.alphabet == alphabet


def test_values_that_may_not_be_written_are_read():
    fine = spins(3).astype(np.float32)
    fine.setflags(write=False)
    assert Layer(NETWORKS["rbm"])(fine, FINE, rng=rng()).shape == (3, 5)


def test_what_does_not_fit_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="24 visible units, got configurations of 16"):
        Layer(NETWORKS["rbm"]).coarse(Grid((4, 4)))
    with pytest.raises(ValueError, match="put 'arrange' before it"):
        Layer(NETWORKS["conv-rbm"]).coarse(Unordered(24))
    with pytest.raises(ValueError, match="'sample' or the 'mean', got 'logit'"):
        Layer(NETWORKS["rbm"], output="logit")  # pyright: ignore[reportArgumentType]


def test_a_layer_names_itself():
    assert str(Layer(NETWORKS["rbm"])) == "rbm"
    assert str(Layer(NETWORKS["conv-rbm"], name="m.safetensors")) == (
        "conv-rbm:m.safetensors"
    )
    assert str(Layer(NETWORKS["rbm"], output="mean")) == "rbm (means)"


def test_several_feature_maps_come_with_an_axis_of_their_own():
    layer = Layer(MAPS)
    fine = spins(6)
    assert layer.features == 3
    coarse = layer(fine, FINE, rng=rng())
    assert coarse.shape == (6, 3, 2, 3)
    ensemble = Ensemble.from_values(fine.reshape(2, 3, *FINE.shape))
    read = coarsen(layer, ensemble, seed=1)
    assert (read.features, read.shape) == (3, (3, 2, 3))


@pytest.mark.parametrize("output", ["sample", "mean"])
def test_one_map_is_that_entry_of_all_of_them(output):
    every = Layer(MAPS, output)(spins(6), FINE, rng=rng())
    for m in range(3):
        layer = Layer(MAPS, output, map=m)
        assert layer.features is None
        assert np.array_equal(layer(spins(6), FINE, rng=rng()), every[:, m])
    assert not np.array_equal(every[:, 0], every[:, 1])


def test_the_only_map_may_be_named():
    plain, named = (
        Layer(NETWORKS["conv-rbm"], map=m)(spins(6), FINE, rng=rng()) for m in (None, 0)
    )
    assert np.array_equal(plain, named)
    with pytest.raises(ValueError, match="1 feature maps, numbered from 0, got 1"):
        Layer(NETWORKS["conv-rbm"], map=1)


def test_a_rule_after_several_maps_takes_one_of_them():
    second = RBM(6, 2)
    with pytest.raises(ValueError, match="choose one with map="):
        Stack((Layer(MAPS), Layer(second)))
    stack = Stack((Layer(MAPS, map=2), Layer(second)))
    assert stack(spins(4), FINE, rng=rng()).shape == (4, 2)


def test_gaussian_visible_units_take_real_values():
    network = RBM(FINE, 5, units=("gaussian", "spin")).initialised(seed=1, scale=0.4)
    values = np.random.default_rng(1).normal(size=(6, *FINE.shape)).astype(np.float32)
    layer = Layer(network, "mean")
    expected = np.tanh(values.reshape(6, -1) @ network.W.detach().numpy())
    found = layer(values, FINE, rng=rng())
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert Layer(network).alphabet("real") == "pm1"


def test_gaussian_hidden_units_are_real_and_spread_by_one():
    """Mean and variance of 40 000 draws of 5 units: z < 4.5 has level 7e-5."""
    network = RBM(FINE, 5, units=("spin", "gaussian")).initialised(seed=1, scale=0.4)
    layer = Layer(network)
    one = np.repeat(spins(1, seed=3), 40_000, axis=0)
    drawn = layer(one, FINE, rng=rng()).astype(float)
    assert layer.alphabet("pm1") == "real"
    field = one[0].ravel() @ network.W.detach().numpy()
    assert abs((drawn.mean(axis=0) - field) * 200).max() < 4.5
    assert abs((drawn.var(axis=0) - 1) * 200 / np.sqrt(2)).max() < 4.5
    assert abs((drawn.mean(axis=0) - 1.05 * field) * 200).max() > 4.5


@pytest.mark.parametrize("alphabet", ["potts:3", "angle"])
def test_states_and_angles_are_refused(alphabet):
    code = Code(Autoencoder(FINE, 3))
    for rule in (Layer(NETWORKS["rbm"]), layers_of(DEEP), code):
        with pytest.raises(ValueError, match=f"got values of alphabet '{alphabet}'"):
            rule.alphabet(alphabet)


def test_a_deep_network_is_its_layers_in_turn():
    by_hand = Stack(tuple(Layer(machine) for machine in DEEP.machines))
    deep = layers_of(DEEP)
    fine = spins(20)
    assert np.array_equal(deep(fine, FINE, rng=rng()), by_hand(fine, FINE, rng=rng()))
    assert deep.coarse(FINE) == Unordered(2)
    ensemble = Ensemble.from_values(fine.reshape(4, 5, *FINE.shape))
    assert [level.shape for level in deep.levels(ensemble)] == [(4, 6), (5,), (2,)]
    assert (
        str(layers_of(DEEP, "mean", name="m")) == "rbm:m[0] (means) | rbm:m[1] (means)"
    )


def test_means_of_a_deep_network_are_passed_on():
    found = layers_of(DEEP, "mean")(spins(6), FINE, rng=rng())
    with torch.no_grad():
        expected = DEEP.hidden_mean(DEEP.tensor(spins(6))).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def fitted_components():
    values = spins(200).reshape(10, 20, *FINE.shape)
    return fit_pca(Ensemble.from_values(values), 3)


@pytest.mark.parametrize(
    "network", [fitted_components(), Autoencoder(FINE, (8, 3))], ids=["pca", "tanh"]
)
def test_a_code_is_a_map_without_chance(network):
    code = Code(network, name="m")
    found = code(spins(5000), FINE, rng=rng())
    with torch.no_grad():
        expected = network.hidden_mean(network.tensor(spins(5000))).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert found.dtype == np.float32
    assert np.array_equal(found, code(spins(5000), FINE, rng=rng(2)))
    assert code.coarse(FINE) == Unordered(3)
    assert str(code) == f"{network.kind}:m"


# Rules as text


FILES = {
    "rbm": NETWORKS["rbm"],
    "conv-rbm": MAPS,
    "dbn": DEEP,
    "pca": fitted_components(),
    "autoencoder": Autoencoder(FINE, 3),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for kind, network in FILES.items():
        save(network, folder / f"{kind},1.safetensors")
    return {kind: folder / f"{kind},1.safetensors" for kind in FILES}


RULES = {
    "rbm:{}": Layer(NETWORKS["rbm"]),
    "rbm:{},output=mean": Layer(NETWORKS["rbm"], "mean"),
    "conv-rbm:{}": Layer(MAPS),
    "conv-rbm:{},map=1": Layer(MAPS, map=1),
    "conv-rbm:{},output=mean,map=2": Layer(MAPS, "mean", map=2),
    "dbn:{}": layers_of(DEEP),
    "dbn:{},output=mean": layers_of(DEEP, "mean"),
    "dbn:{},output=sample": layers_of(DEEP),
    "pca:{}": Code(FILES["pca"]),
    "autoencoder:{}": Code(FILES["autoencoder"]),
}


@pytest.mark.parametrize(("text", "rule"), RULES.items(), ids=RULES)
def test_rules_of_files_are_read(text, rule, files):
    """Also where the name of the file holds a comma."""
    kind = text.partition(":")[0]
    parsed = parse_rule(text.format(files[kind]))
    assert not isinstance(parsed, str)
    found = parsed(spins(20), FINE, rng=rng())
    assert np.array_equal(found, rule(spins(20), FINE, rng=rng()))


WRONG = {
    "rbm:{},map=1": "takes output=… after its file, each once, got 'map=1'",
    "conv-rbm:{},map=first": "takes map=N, N a feature map counted from 0, got 'first'",
    "conv-rbm:{},map=-1": "takes map=N, N a feature map counted from 0, got '-1'",
    "conv-rbm:{},map=3": "has 3 feature maps, numbered from 0, got 3",
    "conv-rbm:{},map=1,map=2": "takes output=… and map=… after its file, each once",
    "dbn:{},output=logit": "takes output=sample or output=mean, got 'logit'",
    "dbn:{},b=2": "got 'b=2'",
    "pca:{},output=mean": "takes no options after its file, each once, got",
    "autoencoder:{},map=0": "takes no options after its file",
}


@pytest.mark.parametrize(("text", "sentence"), WRONG.items(), ids=WRONG)
def test_options_that_do_not_apply_get_a_sentence(text, sentence, files):
    kind = text.partition(":")[0]
    with pytest.raises(ValueError, match=sentence) as refusal:
        parse_rule(text.format(files[kind]))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("kind", FILES)
def test_a_file_of_another_kind_or_none_gets_a_sentence(kind, files):
    other = "dbn" if kind == "rbm" else "rbm"
    with pytest.raises(ValueError, match=f"got '{other}' in .*; write '{other}:"):
        parse_rule(f"{kind}:{files[other]}")
    for missing in (kind, f"{kind}:"):
        with pytest.raises(ValueError, match=f"write '{kind}:MODEL'"):
            parse_rule(missing)


def test_the_units_of_a_deep_network_are_arranged():
    """Copies of one site of every block, shuffled twice: each finds its block again."""
    grid = Grid((4, 4))
    first, second = RBM(grid, 4), RBM(4, 4)
    with torch.no_grad():
        first.W.zero_()
        second.W.zero_()
        for unit, site in enumerate((10, 0, 2, 8)):
            first.W[site, unit] = 20.0
        for below, above in enumerate((2, 3, 0, 1)):
            second.W[below, above] = -20.0
    rng = np.random.default_rng(1)
    values = rng.choice([-1, 1], (40, 20, 4, 4)).astype(np.int8)
    ensemble = Ensemble.from_values(values)
    stack = fitted([layers_of(DBN([first, second])), ARRANGE], ensemble)
    coarse = coarsen(stack, ensemble, seed=2)
    assert coarse.geometry == grid.coarsened(2)
    assert (coarse.values == values[:, :, ::2, ::2]).all()
