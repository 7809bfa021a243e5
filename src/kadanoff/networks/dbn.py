"""Deep belief networks: machines stacked on one another, trained one at a time.

The hidden layer h_l of each machine is the visible layer of the next. As a law, the top
machine is undirected and the others point down (Hinton, Osindero and Teh 2006),

    p(v, h_1, …, h_L) = p(v | h_1) p(h_1 | h_2) … p_top(h_{L−1}, h_L),

each p(h_l | h_{l+1}) independent units in the fields W h + c of its machine. Greedy
training fits every machine to what the ones below make of the data; read upwards it is
the scheme that arXiv:1410.3831 compares with block spins.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from kadanoff.ensemble import Ensemble
from kadanoff.exact.enumerate import all_states
from kadanoff.geometry import Geometry, Unordered
from kadanoff.networks.gibbs import gibbs, sample_hidden, sample_visible
from kadanoff.networks.machine import Machine
from kadanoff.networks.products import one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training, recommended
from kadanoff.networks.units import SPIN
from kadanoff.randomness import subseed

__all__ = [
    "DBN",
    "draw_up",
    "generate",
    "layer_data",
    "log_likelihood",
    "receptive_fields",
    "train_dbn",
]

MOST_ENUMERATED = 14
PASS_ON = ("samples", "means")


class DBN(nn.Module):
    """An ordered stack of machines, the one that sees the data first.

    Args:
        machines: at least one; the hidden units of each are the visible ones of the
            next.

    Raises:
        ValueError: no machine, or one that does not fit on the one below it.

    >>> network = DBN.dense((8, 8), (16, 4))
    >>> [geometry.lattice for geometry in network.geometries()]
    [(8, 8), (16,), (4,)]
    """

    kind: ClassVar[str] = "dbn"

    def __init__(self, machines: Sequence[Machine]):
        super().__init__()
        _check_stack(machines)
        self.layers = nn.ModuleList(machines)
        self._facts: dict[str, Any] = {}
        if isinstance(machines[0], RBM):
            self.geometries()  # tied weights fit many lattices: theirs is seen later

    @classmethod
    def dense(
        cls,
        visible: Geometry | tuple[int, ...] | int,
        hidden: Sequence[int],
        *,
        biases: bool = False,
        seed: int = 0,
        visible_units: str = SPIN.name,
    ) -> Self:
        """Untrained RBMs of these sizes, such as `dense((32, 32), (256, 64))`.

        The visible units of the first are `spin` or `gaussian`, all others spins.

        Raises:
            ValueError: no hidden layer, one without units, or unknown units.
        """
        below, sees, machines = visible, visible_units, []
        for l, size in enumerate(hidden):
            drawn, units = subseed(seed, "layer", l), (sees, SPIN.name)
            machines.append(RBM(below, size, biases=biases, seed=drawn, units=units))
            below, sees = Unordered(size), SPIN.name
        return cls(machines)

    @property
    def machines(self) -> tuple[Machine, ...]:
        """The machines, the one that sees the data first."""
        return tuple(cast("Machine", machine) for machine in self.layers)

    @property
    def top(self) -> Machine:
        """The last machine, whose joint law is that of the two uppermost layers."""
        return self.machines[-1]

    @property
    def feature_maps(self) -> int:
        """Feature maps of the uppermost layer."""
        return self.top.feature_maps

    @property
    def record(self) -> dict[str, np.ndarray]:
        """Readings per epoch of every layer's training, named `layers.0.weight` …."""
        return {
            f"layers.{l}.{name}": series
            for l, machine in enumerate(self.machines)
            for name, series in machine.record.items()
        }

    @record.setter
    def record(self, readings: Mapping[str, np.ndarray]) -> None:
        for l, machine in enumerate(self.machines):
            own = f"layers.{l}."
            machine.record = {
                name.removeprefix(own): series
                for name, series in readings.items()
                if name.startswith(own)
            }

    @property
    def notes(self) -> dict[str, Any]:
        """JSON-ready facts about the training, those of each machine in `layers`."""
        return {**self._facts, "layers": [machine.notes for machine in self.machines]}

    @notes.setter
    def notes(self, facts: Mapping[str, Any]) -> None:
        facts = dict(facts)
        each = facts.pop("layers", [{}] * len(self.machines))
        for machine, own in zip(self.machines, each, strict=True):
            machine.notes = own
        self._facts = facts

    def describe(self) -> dict[str, Any]:
        """Kind and arguments of every machine."""
        return {
            "layers": [
                {"kind": machine.kind, "arguments": machine.describe()}
                for machine in self.machines
            ]
        }

    def geometries(self, fine: Geometry | None = None) -> tuple[Geometry, ...]:
        """Of every layer, the visible one first, over the visible layer `fine`.

        Raises:
            ValueError: a machine that does not fit the layer below it.
        """
        geometries = [self.machines[0].visible_geometry(fine)]
        for l, machine in enumerate(self.machines):
            if l:
                _check_shape(machine, geometries[-1])
            geometries.append(machine.hidden_geometry(geometries[-1]))
        return tuple(geometries)

    def visible_geometry(self, given: Geometry | None = None) -> Geometry:
        """The visible layer; ValueError where the weights do not fit `given`."""
        return self.geometries(given)[0]

    def hidden_geometry(self, fine: Geometry | None = None) -> Geometry:
        """The uppermost layer over the visible layer `fine`."""
        return self.geometries(fine)[-1]

    def hidden_mean(self, v: Tensor) -> Tensor:
        """Means passed up: the mean units of each layer are the input of the next.

        For one machine that is ⟨h⟩ given v; above it, a deterministic stand-in for the
        mean over the layers in between.
        """
        for machine in self.machines:
            v = machine.hidden_mean(v)
        return v

    def visible_mean(self, h: Tensor) -> Tensor:
        """Means passed down from the uppermost layer."""
        for machine in reversed(self.machines):
            h = machine.visible_mean(h)
        return h

    def tensor(self, values: np.ndarray) -> Tensor:
        """Configurations in this network's precision, on its device."""
        return self.machines[0].tensor(values)


@torch.no_grad()
def draw_up(network: DBN, v: Tensor, *, noise: torch.Generator) -> list[Tensor]:
    """Every layer drawn given the one below it, the given one first."""
    levels = [v]
    for machine in network.machines:
        levels.append(sample_hidden(machine, levels[-1], noise=noise))
    return levels


@torch.no_grad()
def generate(
    network: DBN,
    n: int,
    steps: int,
    *,
    noise: torch.Generator,
    visible: Geometry | None = None,
) -> Tensor:
    """Configurations of the network's own law, `(n, *visible.lattice)`.

    Args:
        network: the law.
        n: number of independent chains, and of configurations.
        steps: of Gibbs sampling in the top machine, from units in no field; the
            layers below are then drawn once, from the top down.
        noise: draws all units.
        visible: the lattice, for weights that fit many.

    Raises:
        ValueError: fewer than one configuration or step, or a lattice that does not
            fit.
    """
    if n < 1 or steps < 1:
        raise ValueError(
            f"generating takes at least 1 configuration and 1 step, got {n} and {steps}"
        )
    start = network.geometries(visible)[-2].lattice
    no_field = network.top.W.new_zeros((n, *start))
    h = network.top.draw_visible(no_field, noise)
    h = gibbs(network.top, h, steps, noise=noise)
    for machine in reversed(network.machines[:-1]):
        h = sample_visible(machine, h, noise=noise)
    return h


@torch.no_grad()
def receptive_fields(
    network: DBN, level: int | None = None, *, visible: Geometry | None = None
) -> Tensor:
    """What the units of a layer see of the lattice: W_1 W_2 … W_l, `(sites, units)`.

    The field of a unit to first order in the weights, and the picture of a deep layer
    in arXiv:1410.3831. Tied weights are written out.

    Args:
        network: the stack.
        level: number of machines l; all of them where not given.
        visible: the lattice, for weights that fit many.

    Raises:
        ValueError: a level that the network does not have.
    """
    level = len(network.machines) if level is None else level
    if not 1 <= level <= len(network.machines):
        raise ValueError(
            f"this network has hidden layers 1 to {len(network.machines)}, got {level}"
        )
    below = network.geometries(visible)
    matrices = [
        _matrix(machine, geometry)
        for machine, geometry in zip(network.machines[:level], below, strict=False)
    ]
    product = matrices[0]
    for matrix in matrices[1:]:
        product = product @ matrix
    return product


@torch.no_grad()
def log_likelihood(network: DBN, v: Tensor) -> Tensor:
    """ln p(v) in nats, shape `(n,)`, exact, by enumeration of the layers in between.

    Raises:
        ValueError: a layer in between of more than 14 units or not of spins, or a top
            machine that cannot be enumerated.
    """
    if len(network.machines) == 1:
        return network.top.log_likelihood(v)
    layers = [_every_state(machine) for machine in network.machines[1:]]
    known = network.top.log_likelihood(layers[-1])
    for machine, h, x in zip(
        reversed(network.machines[:-1]),
        reversed(layers),
        [*reversed(layers[:-1]), v],
        strict=True,
    ):
        known = _law_below(machine, h, known, x)
    return known


def train_dbn(
    network: DBN,
    data: Ensemble,
    *,
    settings: Training | Sequence[Training] | None = None,
    seed: int,
    held_out: Ensemble | None = None,
    pass_on: Literal["samples", "means"] = "samples",
    device: str = "cpu",
    store: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DBN:
    """A trained copy of `network`, layer by layer; the given one stays as it was.

    Args:
        network: the stack, with the weights to start from.
        data: configurations for the first machine; they and the drawn hidden layers
            stay packed, and are unpacked batch by batch.
        settings: how to train, one for all layers or one for each; what `recommended`
            says of each machine where not given.
        seed: orders the batches and draws the units.
        held_out: configurations of other chains, for the free-energy gap of each layer.
        pass_on: what the next machine sees of the layer below it: `samples` drawn
            once given the data, or `means`, real numbers.
        device: where to compute, `cpu`, `cuda` or `cuda:N`.
        store: a directory for one training per layer (`layer-0` …) and for the result,
            `model.safetensors`. A training that was stopped goes on to the same bits.
        progress: called with the epochs done and their number, over all layers.

    Raises:
        ValueError: another `pass_on`, settings for another number of layers, shifts of
            a layer without positions, or as `train`.
    """
    # Files of weights read deep networks, and a training writes files of weights.
    from kadanoff.networks.checkpoint import RESULT
    from kadanoff.networks.train import train
    from kadanoff.networks.weights import save

    each = _each_setting(network, data, settings, pass_on)
    epochs = [how.epochs for how in each]
    trained: list[Machine] = []
    for l, (machine, how) in enumerate(zip(network.machines, each, strict=True)):
        before = sum(epochs[:l])
        machine = train(
            machine,
            data,
            settings=how,
            seed=subseed(seed, "layer", l),
            held_out=held_out,
            device=device,
            store=None if store is None else store / f"layer-{l}",
            progress=_shifted(progress, before, sum(epochs)),
        )
        trained.append(machine)
        if l + 1 < len(epochs):
            data, held_out = _above(machine, l, data, held_out, pass_on, seed)
    result = DBN(trained)
    result.notes = result.notes | {"seed": int(seed), "pass_on": pass_on}
    if store is not None:
        save(result, store / RESULT)
    return result


def layer_data(
    network: DBN, data: Ensemble, held_out: Ensemble | None = None
) -> Iterator[tuple[Ensemble, Ensemble | None]]:
    """What each machine of a trained stack was trained on, and what was held out.

    Drawn again from the seed of the training: on the same device, the same bits.

    Args:
        network: trained by `train_dbn`, whose notes hold the seed.
        data: what its first machine was trained on.
        held_out: configurations of other chains.

    Raises:
        ValueError: a network without the notes of a training.
    """
    try:
        seed, pass_on = int(network.notes["seed"]), str(network.notes["pass_on"])
    except KeyError as missing:
        raise ValueError(
            f"the data of upper layers are drawn as in the training, whose {missing} "
            "these notes lack; train the network with train_dbn"
        ) from None
    yield data, held_out
    for l, machine in enumerate(network.machines[:-1]):
        data, held_out = _above(machine, l, data, held_out, pass_on, seed)
        yield data, held_out


def _above(
    machine: Machine,
    level: int,
    data: Ensemble,
    held_out: Ensemble | None,
    pass_on: str,
    seed: int,
) -> tuple[Ensemble, Ensemble | None]:
    """What the next machine sees of the data and of what is held out."""
    passed = _passed(machine, data, pass_on, subseed(seed, "data", level))
    if held_out is not None:
        drawn = subseed(seed, "held out", level)
        held_out = _passed(machine, held_out, pass_on, drawn)
    return passed, held_out


def _each_setting(
    network: DBN,
    data: Ensemble,
    settings: Training | Sequence[Training] | None,
    pass_on: str,
) -> list[Training]:
    """One setting per layer, once all that can be refused has been."""
    from kadanoff.networks.train import check

    if pass_on not in PASS_ON:
        raise ValueError(f"a layer passes on samples or means, got {pass_on!r}")
    number = len(network.machines)
    if settings is None:
        each = [recommended(machine) for machine in network.machines]
    else:
        one = isinstance(settings, Training)
        each = [settings] * number if one else list(settings)
    if len(each) != number:
        raise ValueError(
            f"a network of {number} layers needs as many settings, or one for all, "
            f"got {len(each)}"
        )
    geometries = network.geometries(data.geometry)
    for l, (how, geometry) in enumerate(zip(each, geometries, strict=False)):
        check(network.machines[0], data, how)  # every layer has as many configurations
        if how.symmetry.translations and isinstance(geometry, Unordered):
            raise ValueError(
                f"layer {l} is trained on units without positions, which have no "
                "translations; give settings for each layer"
            )
    return each


@torch.no_grad()
def _passed(machine: Machine, data: Ensemble, pass_on: str, seed: int) -> Ensemble:
    """The hidden layer over `data`, drawn or its mean; drawn spins end up packed."""
    spins = pass_on == "samples" and machine.hidden_units == SPIN
    noise = torch.Generator(machine.W.device).manual_seed(seed)
    parts = []
    with one_thread():
        for chunk in data.chunks():
            v = machine.tensor(data.read(chunk))
            if pass_on == "samples":
                h = sample_hidden(machine, v, noise=noise)
            else:
                h = machine.hidden_mean(v)
            parts.append(h.to(torch.int8 if spins else torch.float32).cpu().numpy())
    geometry = machine.hidden_geometry(data.geometry)
    values = np.concatenate(parts).reshape(data.chains, data.draws, *geometry.lattice)
    note = {"step": "pass_on", "kind": machine.kind, "pass_on": pass_on, "seed": seed}
    return data.derived(values, geometry, "pm1" if spins else "real", note)


def _shifted(
    progress: Callable[[int, int], None] | None, before: int, total: int
) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)


def _matrix(machine: Machine, fine: Geometry) -> Tensor:
    """The weights between every two units, `(visible units, hidden units)`."""
    sites = int(np.prod(fine.lattice))
    one_up = torch.eye(sites).to(machine.W).reshape(sites, *fine.lattice)
    field = machine.hidden_field(one_up) - machine.hidden_field(one_up[:1] * 0)
    return field.flatten(1)


def _every_state(machine: Machine) -> Tensor:
    """All states of the visible layer of a machine above the first one."""
    lattice = machine.visible_geometry().lattice
    units = int(np.prod(lattice))
    if units > MOST_ENUMERATED or machine.visible_units != SPIN:
        raise ValueError(
            f"an exact likelihood enumerates layers of at most {MOST_ENUMERATED} "
            f"spins, got one of {units} {machine.visible_units.name} units; use a "
            "smaller network"
        )
    return torch.from_numpy(all_states(units)).to(machine.W).reshape(-1, *lattice)


def _law_below(machine: Machine, h: Tensor, log_p: Tensor, x: Tensor) -> Tensor:
    """ln p(x) = ln Σ_h p(x | h) p(h), all states h and their log-probabilities given.

    ln p(x | h) = (W h + c)·x − u(x) − ln Σ_x e^{(W h + c)·x − u(x)}
    """
    units, precision = machine.visible_units, machine.precision
    field = machine.visible_field(h).flatten(1)
    log_sum = units.log_sum(field, precision).sum(1)
    x = x.flatten(1)
    bound = x @ field.T - units.self_energy(x, precision).sum(1, keepdim=True)
    return torch.logsumexp(bound - log_sum + log_p, 1)


def _check_stack(machines: Sequence[Machine]) -> None:
    if not machines:
        raise ValueError("a deep belief network needs at least one machine, got none")
    for below, above in itertools.pairwise(machines):
        if below.feature_maps > 1:
            raise ValueError(
                "the machine above takes one value per site, got a layer of "
                f"{below.feature_maps} feature maps below it; give one with one map"
            )
        if below.hidden_units != above.visible_units:
            raise ValueError(
                "the hidden units of a machine are the visible ones of the next, got "
                f"{below.hidden_units.name} below {above.visible_units.name} units"
            )


def _check_shape(above: Machine, below: Geometry) -> None:
    above.visible_geometry(below)
    if isinstance(above, RBM) and above.visible.lattice != below.lattice:
        raise ValueError(
            f"a machine of visible units of shape {above.visible.lattice} was put on "
            f"a layer of shape {below.lattice}; build it with that shape"
        )
