"""A small convolutional network that tells temperatures of configurations apart.

    x (n, 1, rows, columns)  →  conv1 → max(0, ·) → pool1  →  conv2 → max(0, ·) → pool2
                             →  mean over sites  →  linear  →  ln p(temperature) + const

Both convolutions have 3×3 filters and periodic boundaries, both poolings take means of
2×2 sites. The mean over sites makes it fit every lattice whose sides are multiples of 4
(and makes the second pooling one with it: `pool2` is there to be read as a second
coarse level, it changes no score). Trained on flipped copies the network is Z2
symmetric as far as it learned to be, not by construction.

Classes are the couplings of the ensembles it is trained on; the loss is -ln p of the
right one, minimized by Adam (D. P. Kingma and J. Ba, arXiv:1412.6980). That such a
network, shown nothing but configurations and their temperatures, finds the phases of
the Ising model is due to J. Carrasquilla and R. G. Melko, Nature Phys. 13, 431 (2017).
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from kadanoff.ensemble import Ensemble, unpack
from kadanoff.estimate import Estimate, jackknife
from kadanoff.networks.products import full_products, one_thread
from kadanoff.randomness import generator, subseed
from kadanoff.symmetry import Symmetry

__all__ = [
    "Classifier",
    "Practice",
    "accuracy",
    "check_lattice",
    "draw_weights",
    "train_classifier",
]

FILTER, POOLED = 3, 4  # side of the filters; sides are multiples of this
CHUNK_SITES = 1 << 20
FLIPS = Symmetry(flip=True)


@dataclass(frozen=True)
class Practice:
    """How a classifier is trained: Adam, at a rate that falls linearly to zero.

    Nine couplings from 0.36 to 0.52, 2000 configurations of each: on 16×16 in 4 s (one
    core) to 1.440 nats on fresh chains, where knowing the energy gives 1.430 and no
    network can do better; on 32×32 in 13 s to 0.960 (0.916). At a rate of 0.005 1.475,
    at 0.03 and three epochs 1.10 on 32×32 (0.967 at 0.02).

    Args:
        epochs: passes over the data, at most.
        batch: configurations per update.
        learning_rate: of the first update.
        maps: feature maps of the two convolutions.
        shares: of the chains of every ensemble, to learn from and to hold out; the
            latter decide when to stop, and are not learned from.
        patience: epochs without a better loss on held-out chains before it stops.
        symmetry: of the law of the data; every configuration gets a random element.

    Raises:
        ValueError: a setting out of its range.
    """

    epochs: int = 4
    batch: int = 64
    learning_rate: float = 0.02
    maps: tuple[int, int] = (4, 8)
    shares: tuple[int, int] = (3, 1)
    patience: int = 2
    symmetry: Symmetry = field(default_factory=lambda: FLIPS)

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, got {getattr(self, name)}")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(
                "a training needs a finite learning rate above 0, got "
                f"{self.learning_rate}"
            )


class Classifier(nn.Module):
    """Scores of temperatures, `(n, classes)`, of `(n, 1, rows, columns)` ±1 spins.

    Args:
        couplings: K of every class, all different.
        maps: feature maps of the two convolutions.
        seed: draws the initial weights, N(0, 2/n) with n numbers in.

    Attributes:
        conv1, pool1, conv2, pool2, linear: the layers, to be read by their names.
        record: readings per epoch of the training that made the weights.
        notes: JSON-ready facts about that training.

    Raises:
        ValueError: fewer than two classes, two alike, or no feature map.

    >>> network = Classifier([0.3, 0.5])
    >>> network(torch.ones(5, 1, 8, 12)).shape
    torch.Size([5, 2])
    """

    kind: ClassVar[str] = "classifier"

    def __init__(
        self,
        couplings: Sequence[float],
        *,
        maps: Sequence[int] = (4, 8),
        seed: int = 0,
    ):
        super().__init__()
        self.couplings = tuple(float(k) for k in couplings)
        self.maps = tuple(int(m) for m in maps)
        if len(self.couplings) < 2 or len(set(self.couplings)) < len(self.couplings):
            raise ValueError(
                "a classifier tells two or more different couplings apart, got "
                f"{self.couplings}"
            )
        if len(self.maps) != 2 or min(self.maps) < 1:
            raise ValueError(
                "a classifier has two layers of at least one feature map each, got "
                f"{self.maps}"
            )
        first, second = self.maps
        self.conv1, self.pool1 = _periodic(1, first), nn.AvgPool2d(2)
        self.conv2, self.pool2 = _periodic(first, second), nn.AvgPool2d(2)
        linear = nn.utils.skip_init(nn.Linear, second, len(self.couplings))
        self.linear = cast(nn.Linear, linear)
        draw_weights(self, torch.Generator().manual_seed(subseed(seed, "classifier")))
        self.record: dict[str, np.ndarray] = {}
        self.notes: dict[str, Any] = {}

    @staticmethod
    def shapes(classes: int, maps: Sequence[int]) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters."""
        first, second = maps
        return {
            "conv1.weight": (first, 1, FILTER, FILTER),
            "conv1.bias": (first,),
            "conv2.weight": (second, first, FILTER, FILTER),
            "conv2.bias": (second,),
            "linear.weight": (classes, second),
            "linear.bias": (classes,),
        }

    def describe(self) -> dict[str, Any]:
        """The JSON-ready arguments that build a network of this form."""
        return {"couplings": list(self.couplings), "maps": list(self.maps)}

    @property
    def temperatures(self) -> np.ndarray:
        """T = 1/K of the classes in J/k_B; infinite at K = 0."""
        with np.errstate(divide="ignore"):
            return 1 / np.array(self.couplings)

    def forward(self, x: Tensor) -> Tensor:
        """ln p of every class up to a constant."""
        x = self.pool1(torch.relu(self.conv1(x)))  # (n, maps[0], rows/2, columns/2)
        x = self.pool2(torch.relu(self.conv2(x)))  # (n, maps[1], rows/4, columns/4)
        return self.linear(x.mean((2, 3)))

    def probabilities(self, values: np.ndarray) -> np.ndarray:
        """p of every class, `(n, classes)`, of `(n, rows, columns)` spins.

        Raises:
            ValueError: no two-dimensional lattice, or sides that are no multiples of 4.
        """
        check_lattice(values.shape[1:])
        rows = max(1, CHUNK_SITES // math.prod(values.shape[1:]))
        parts = np.split(values, range(rows, len(values), rows))
        with torch.no_grad(), one_thread(), full_products():
            logits = [self(self._tensor(part)).double() for part in parts]
            return torch.softmax(torch.cat(logits), 1).numpy(force=True)

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.tensor(values).to(self.linear.weight)[:, None]


def accuracy(classifier: Classifier, ensembles: Iterable[Ensemble]) -> Estimate:
    """Share of the configurations whose likeliest class is theirs, mean over classes.

    Args:
        classifier: a network.
        ensembles: one per class, in their order, of chains it was not trained on.

    Raises:
        ValueError: other couplings than its classes.
    """
    given = tuple(ensembles)
    if _couplings(given) != classifier.couplings:
        raise ValueError(
            f"an accuracy needs one ensemble per class, of couplings "
            f"{classifier.couplings}, got {_couplings(given)}"
        )
    shares = [_share_right(classifier, k, one) for k, one in enumerate(given)]
    return sum(shares[1:], shares[0]) / len(shares)


def train_classifier(
    ensembles: Iterable[Ensemble],
    *,
    settings: Practice | None = None,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Classifier:
    """A classifier of ensembles by their couplings, the best on chains held out.

    Args:
        ensembles: a sweep, or two or more ensembles of ±1 spins on one square lattice,
            each of its own coupling and of enough chains to hold some out.
        settings: how to train.
        seed: draws the weights, orders the batches and turns configurations.
        progress: called with the epochs done and the most there can be.

    Returns:
        The network; its `record` holds, per epoch, `loss` and `held_out` (nats per
        configuration; ln(classes) is a guess) and `accuracy` (on held-out chains).

    Raises:
        ValueError: other values or lattices, couplings that are unknown or alike, too
            few chains, fewer configurations than a batch, or a loss that is not finite.
    """
    settings = settings or Practice()
    given = tuple(ensembles)
    _check(given)
    parts = [one.split(*settings.shares) for one in given]
    lessons, watched = (_Lot.of([part[k] for part in parts]) for k in (0, 1))
    if len(lessons.labels) < settings.batch:
        raise ValueError(
            f"a batch of {settings.batch} needs as many configurations, got "
            f"{len(lessons.labels)}; sample more, or give a smaller batch"
        )
    network = Classifier(_couplings(given), maps=settings.maps, seed=seed)
    with one_thread():
        _train(network, lessons, watched, settings, seed, progress)
    network.notes = {
        "settings": json.loads(json.dumps(asdict(settings))),
        "seed": int(seed),
        "lineages": [part[0].lineage for part in parts],
    }
    return network.eval()


@dataclass(frozen=True)
class _Lot:
    """Packed configurations of all classes, one after the other."""

    rows: np.ndarray
    labels: np.ndarray
    shape: tuple[int, ...]

    @classmethod
    def of(cls, ensembles: Sequence[Ensemble]) -> _Lot:
        """The configurations of one ensemble per class."""
        rows = [e.data.reshape(e.size, -1) for e in ensembles]
        labels = np.repeat(np.arange(len(rows)), [len(part) for part in rows])
        return cls(np.concatenate(rows), labels, ensembles[0].shape)

    def spins(self, chosen: np.ndarray | slice) -> np.ndarray:
        """Some configurations, `(n, rows, columns)`."""
        return unpack(self.rows[chosen], self.shape)

    def batches(
        self, settings: Practice, rng: np.random.Generator
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """One shuffled pass: spins and labels; a last, incomplete batch is left out."""
        order, size = rng.permutation(len(self.labels)), settings.batch
        for start in range(0, len(order) - size + 1, size):
            chosen = order[start : start + size]
            spins = settings.symmetry.augment(self.spins(chosen), rng=rng)
            yield spins, self.labels[chosen]


def _train(
    network: Classifier,
    lessons: _Lot,
    watched: _Lot,
    settings: Practice,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Adam until held-out chains gain no more; the best weights stay, in place."""
    adam = torch.optim.Adam(network.parameters())
    updates = len(lessons.labels) // settings.batch
    best, kept, waited = math.inf, copy.deepcopy(network.state_dict()), 0
    for epoch in range(settings.epochs):
        costs = []
        for update, batch in enumerate(
            lessons.batches(settings, generator(seed, "epoch", epoch))
        ):
            done = (epoch + update / updates) / settings.epochs
            adam.param_groups[0]["lr"] = settings.learning_rate * (1 - done)
            costs.append(_step(network, adam, *batch))
        held_out, right = _judged(network, watched)
        if not math.isfinite(held_out):
            raise ValueError(
                f"the loss stopped being finite in epoch {epoch + 1}; lower the "
                "learning rate"
            )
        _note(network, loss=np.mean(costs), held_out=held_out, accuracy=right)
        waited = 0 if held_out < best else waited + 1
        if waited == 0:
            best, kept = held_out, copy.deepcopy(network.state_dict())
        if progress is not None:
            progress(epoch + 1, settings.epochs)
        if waited == settings.patience:
            break
    network.load_state_dict(kept)


def _step(
    network: Classifier, adam: torch.optim.Adam, spins: np.ndarray, labels: np.ndarray
) -> float:
    scores = network(network._tensor(spins))
    loss = nn.functional.cross_entropy(scores, torch.from_numpy(labels))
    adam.zero_grad()
    loss.backward()
    adam.step()
    return float(loss.detach())


def _judged(network: Classifier, lot: _Lot) -> tuple[float, float]:
    """-ln p of the right class in nats, and how often it is the likeliest."""
    p = network.probabilities(lot.spins(slice(None)))
    own = p[np.arange(len(p)), lot.labels]
    cost = -np.log(np.maximum(own, np.finfo(float).tiny)).mean()
    return float(cost), float((p.argmax(1) == lot.labels).mean())


def _note(network: Classifier, **readings: Any) -> None:
    for name, value in readings.items():
        past = network.record.get(name, np.empty(0))
        network.record[name] = np.append(past, value)


def _share_right(classifier: Classifier, label: int, ensemble: Ensemble) -> Estimate:
    def observe(values: np.ndarray) -> tuple[np.ndarray]:
        right = classifier.probabilities(values).argmax(1) == label
        return (np.asarray(right.mean()),)

    return jackknife(observe, lambda share: share, ensemble)


def _couplings(ensembles: Sequence[Ensemble]) -> tuple[float, ...]:
    return tuple(float(next(iter(e.couplings.values()))) for e in ensembles)


def _check(ensembles: Sequence[Ensemble]) -> None:
    if len(ensembles) < 2:
        raise ValueError(
            "a classifier tells two or more ensembles apart, got "
            f"{len(ensembles)}; sample more temperatures"
        )
    for one in ensembles:
        if one.alphabet != "pm1" or one.features is not None:
            raise ValueError(
                "a classifier takes one ±1 spin per site, got values of alphabet "
                f"'{one.alphabet}' and shape {one.shape}"
            )
        if not one.couplings:
            raise ValueError(
                "the classes of a classifier are couplings, got an ensemble whose "
                "coupling is not known; sample it, or import it with its coupling"
            )
        if one.shape != ensembles[0].shape:
            raise ValueError(
                "a classifier is trained on one lattice, got shapes "
                f"{ensembles[0].shape} and {one.shape}"
            )
    check_lattice(ensembles[0].shape)


def check_lattice(shape: tuple[int, ...]) -> None:
    """Refuse what cannot be pooled twice.

    Raises:
        ValueError: no two-dimensional lattice, or sides that are no multiples of 4.
    """
    if len(shape) != 2 or any(side < POOLED or side % POOLED for side in shape):
        raise ValueError(
            "a classifier pools a two-dimensional lattice twice, so that its sides are "
            f"multiples of {POOLED}, got shape {shape}"
        )


def _periodic(maps_in: int, maps_out: int) -> nn.Conv2d:
    """A periodic 3×3 convolution; its weights are drawn later, by a seed of ours."""
    layer = nn.utils.skip_init(
        nn.Conv2d, maps_in, maps_out, FILTER, padding=1, padding_mode="circular"
    )
    return cast(nn.Conv2d, layer)


@torch.no_grad()
def draw_weights(network: nn.Module, noise: torch.Generator) -> None:
    """N(0, 2/n) of n numbers in, which max(0, ·) keeps in size; biases begin at 0."""
    for parameter in network.parameters():
        if parameter.ndim == 1:
            parameter.zero_()
        else:
            spread = math.sqrt(2 / parameter[0].numel())
            parameter.normal_(0, spread, generator=noise)
