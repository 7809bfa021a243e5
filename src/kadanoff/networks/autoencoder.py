"""A small autoencoder: the same code sizes as a machine, and no law.

    h_0 = v,   h_{l+1} = ⟨h⟩ in the fields h_l A_l + a_l,   and back with B_l and b_l

where ⟨h⟩ = tanh f for spin units and f for Gaussian ones (`networks.units`). What is
minimized is −ln p(v | f) of the last fields, summed over sites,

    spin       ln 2cosh f − f v      the cross-entropy of ±1
    gaussian   ½ (v − f)²            up to a constant

(Hinton and Salakhutdinov 2006, without their pretraining). With Gaussian units on both
sides and one layer it is linear, and its code spans the leading principal components
(Baldi and Hornik 1989).
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from kadanoff.content import content_hash
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Geometry, Unordered
from kadanoff.networks.device import check_device
from kadanoff.networks.pca import check_numbers, same_size
from kadanoff.networks.products import one_thread
from kadanoff.networks.units import SPIN, units_of
from kadanoff.randomness import generator, subseed
from kadanoff.symmetry import Symmetry

__all__ = ["Autoencoder", "Descent", "train_autoencoder"]

WATCHED = 1024  # configurations that the readings per epoch rest on
RUN_AWAY = 10  # times the loss of the untrained network


@dataclass(frozen=True)
class Descent:
    """How an autoencoder is trained: Adam, at a rate that falls linearly to zero.

    Args:
        epochs: passes over the data.
        batch: configurations per update.
        learning_rate: of the first update.
        symmetry: of the law of the data; every configuration gets a random element.

    Raises:
        ValueError: a setting out of its range.
    """

    epochs: int = 20
    batch: int = 128
    learning_rate: float = 2e-3
    symmetry: Symmetry = field(default_factory=Symmetry)

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, got {getattr(self, name)}")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(
                "a training needs a finite learning rate above 0, got "
                f"{self.learning_rate}"
            )


class Autoencoder(nn.Module):
    """Dense layers down to a code and, with weights of their own, back.

    Args:
        visible: geometry of the configurations.
        hidden: units of the code, or of every layer down to it: `(256, 64)`.
        biases: train them; frozen at 0 otherwise, as Z2-symmetric data need.
        seed: draws the initial weights, N(0, 1/n) with n units in.
        units: of the visible layer, which sets the loss, and of all hidden ones.

    Attributes:
        encoder: A_l, `(n_l, n_{l+1})`; decoder: B_l, `(n_{l+1}, n_l)`.
        encoder_biases: a_l; decoder_biases: b_l.
        record: readings per epoch of the training that made the weights.

    Raises:
        ValueError: no hidden layer, one without units, or unknown units.
    """

    kind: ClassVar[str] = "autoencoder"
    feature_maps = 1

    def __init__(
        self,
        visible: Geometry,
        hidden: int | Sequence[int],
        *,
        biases: bool = False,
        seed: int = 0,
        units: Sequence[str] = ("spin", "spin"),
    ):
        super().__init__()
        sizes = [hidden] if isinstance(hidden, int) else list(hidden)
        if not sizes or min(sizes) < 1:
            raise ValueError(
                "an autoencoder needs one or more hidden layers of at least 1 unit, "
                f"got {sizes}"
            )
        self.visible_units, self.hidden_units = map(units_of, units)
        self.visible, self.sizes, self.biases = visible, tuple(sizes), biases
        noise = torch.Generator().manual_seed(subseed(seed, "weights"))
        drawn = {
            name: nn.Parameter(_drawn(name, shape, noise))
            for name, shape in self.shapes(visible, sizes).items()
        }
        for name in ("encoder", "decoder", "encoder_biases", "decoder_biases"):
            own = [p for key, p in drawn.items() if key.partition(".")[0] == name]
            setattr(self, name, nn.ParameterList(own))
        self.encoder_biases.requires_grad_(biases)
        self.decoder_biases.requires_grad_(biases)
        self.record: dict[str, np.ndarray] = {}
        self.notes: dict[str, Any] = {}

    encoder: nn.ParameterList
    decoder: nn.ParameterList
    encoder_biases: nn.ParameterList
    decoder_biases: nn.ParameterList

    @staticmethod
    def shapes(visible: Geometry, hidden: Sequence[int]) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters."""
        n = [math.prod(visible.lattice), *hidden]
        shapes: dict[str, tuple[int, ...]] = {}
        for l in range(len(hidden)):
            shapes |= {
                f"encoder.{l}": (n[l], n[l + 1]),
                f"decoder.{l}": (n[l + 1], n[l]),
                f"encoder_biases.{l}": (n[l + 1],),
                f"decoder_biases.{l}": (n[l],),
            }
        return shapes

    def describe(self) -> dict[str, Any]:
        """The visible geometry, the hidden sizes, whether biases, units."""
        return {
            "visible": self.visible.describe(),
            "hidden": list(self.sizes),
            "biases": self.biases,
            "units": [self.visible_units.name, self.hidden_units.name],
        }

    def visible_geometry(self, given: Geometry | None = None) -> Geometry:
        """Its own; ValueError where `given` has another number of sites."""
        return same_size(self.kind, self.visible, given)

    def hidden_geometry(self, fine: Geometry | None = None) -> Unordered:
        """The units of the code have no positions."""
        self.visible_geometry(fine)
        return Unordered(self.sizes[-1])

    def hidden_mean(self, v: Tensor) -> Tensor:
        """The code, `(n, hidden)`, of `(n, *lattice)` values."""
        h = v.flatten(1)
        for weights, biases in zip(self.encoder, self.encoder_biases, strict=True):
            h = self.hidden_units.mean(torch.addmm(biases, h, weights), _one(h))
        return h

    def visible_field(self, h: Tensor) -> Tensor:
        """The fields on the visible units that a code exerts, `(n, *lattice)`."""
        layers = list(zip(self.decoder, self.decoder_biases, strict=True))
        for weights, biases in layers[:0:-1]:
            h = self.hidden_units.mean(torch.addmm(biases, h, weights), _one(h))
        weights, biases = layers[0]
        return torch.addmm(biases, h, weights).reshape(-1, *self.visible.lattice)

    def visible_mean(self, h: Tensor) -> Tensor:
        """The configuration that a code stands for, `(n, *lattice)`."""
        return self.visible_units.mean(self.visible_field(h), _one(h))

    def loss(self, v: Tensor) -> Tensor:
        """−ln p(v | code of v) in nats, `(n,)`."""
        field, one = self.visible_field(self.hidden_mean(v)).flatten(1), _one(v)
        v, units = v.flatten(1), self.visible_units
        cost = units.self_energy(v, one) + units.log_sum(field, one) - field * v
        return cost.sum(1)

    def tensor(self, values: np.ndarray) -> Tensor:
        """Configurations in this network's precision, on its device."""
        return torch.tensor(values).to(self.encoder[0])


def train_autoencoder(
    network: Autoencoder,
    data: Ensemble,
    *,
    settings: Descent | None = None,
    seed: int,
    held_out: Ensemble | None = None,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Autoencoder:
    """A trained copy of `network`; the given one stays as it was.

    Args:
        network: the autoencoder, with the weights to start from.
        data: configurations; unpacked batch by batch.
        settings: how to train.
        seed: orders the batches.
        held_out: configurations of other chains.
        device: where to compute, `cpu`, `cuda` or `cuda:N`.
        progress: called with the epochs done and their number.

    Returns:
        The network; its `record` holds `loss` (nats per site) per epoch and, with
        `held_out`, `held_out` (the same of those).

    Raises:
        ValueError: data that do not fit or are too few; no such device; a loss that
            stops being finite, or ends above ten times that of the given network.
    """
    settings = settings or Descent()
    check_device(device)
    _check(network, data, settings)
    notes = _notes(network, data, settings, seed)
    network = copy.deepcopy(network).to(device)
    network.record, network.notes = {}, notes
    watched = {
        name: _some(network, ensemble, seed)
        for name, ensemble in (("loss", data), ("held_out", held_out))
        if ensemble is not None
    }
    untrained = _costs(network, watched)["loss"]
    trained = [p for p in network.parameters() if p.requires_grad]
    adam = torch.optim.Adam(trained)
    updates = data.size // settings.batch
    with one_thread():
        for epoch in range(settings.epochs):
            shuffle = generator(seed, "epoch", epoch)
            batches = data.batches(
                settings.batch, rng=shuffle, symmetry=settings.symmetry
            )
            for update, values in enumerate(batches):
                done = (epoch + update / updates) / settings.epochs
                for group in adam.param_groups:
                    group["lr"] = settings.learning_rate * (1 - done)
                _descend(network, network.tensor(values), adam, epoch)
            _record(network, watched)
            if progress is not None:
                progress(epoch + 1, settings.epochs)
    _check_descended(network, untrained)
    return network


def _descend(
    network: Autoencoder, v: Tensor, adam: torch.optim.Adam, epoch: int
) -> None:
    loss = network.loss(v).mean()
    if not torch.isfinite(loss):
        raise ValueError(
            f"the loss stopped being finite in epoch {epoch + 1}; lower the learning "
            "rate"
        )
    adam.zero_grad()
    loss.backward()
    adam.step()


def _check_descended(network: Autoencoder, untrained: float) -> None:
    """Refuse a network that the training has driven away from the data."""
    last = float(network.record["loss"][-1])
    # A NaN is not below anything.
    if not (math.isfinite(last) and last <= RUN_AWAY * untrained):
        raise ValueError(
            f"the loss ended at {last:.3g} nats per site, and that of the untrained "
            f"network is {untrained:.3g}; lower the learning rate"
        )


def _record(network: Autoencoder, watched: dict[str, Tensor]) -> None:
    for name, cost in _costs(network, watched).items():
        past = network.record.get(name, np.empty(0))
        network.record[name] = np.append(past, cost)


@torch.no_grad()
def _costs(network: Autoencoder, watched: dict[str, Tensor]) -> dict[str, float]:
    """Mean losses in nats per site."""
    sites = math.prod(network.visible.lattice)
    return {name: float(network.loss(v).mean()) / sites for name, v in watched.items()}


def _some(network: Autoencoder, data: Ensemble, seed: int) -> Tensor:
    """A fixed sample of configurations to read the network on."""
    size = min(WATCHED, data.size)
    return network.tensor(next(data.batches(size, rng=generator(seed, "watched"))))


def _check(network: Autoencoder, data: Ensemble, settings: Descent) -> None:
    network.visible_geometry(data.geometry)
    check_numbers(network.kind, data)
    if data.size < settings.batch:
        raise ValueError(
            f"a batch of {settings.batch} needs as many configurations, got "
            f"{data.size}; sample more, or give a smaller batch"
        )
    if network.visible_units == SPIN and data.alphabet == "real":
        for chunk in data.chunks():
            if np.abs(data.read(chunk)).max() > 1:
                raise ValueError(
                    "an autoencoder of spin units trains on values between -1 and 1, "
                    "got larger ones; use Gaussian visible units"
                )


def _notes(
    network: Autoencoder, data: Ensemble, settings: Descent, seed: int
) -> dict[str, Any]:
    return {
        "settings": json.loads(json.dumps(asdict(settings))),
        "seed": int(seed),
        "network": network.describe(),
        "start": [content_hash(p.numpy(force=True)) for p in network.parameters()],
        "data": content_hash(data.data),
        "lineage": data.lineage,
    }


def _drawn(name: str, shape: tuple[int, ...], noise: torch.Generator) -> Tensor:
    if "biases" in name:
        return torch.zeros(shape)
    return torch.randn(shape, generator=noise) / math.sqrt(shape[0])


def _one(like: Tensor) -> Tensor:
    return like.new_ones(())
