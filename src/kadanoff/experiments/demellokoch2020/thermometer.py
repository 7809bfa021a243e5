"""The supervised network that names a temperature: N - 80 - 60, tanh, softmax.

    z = tanh(W₁ s + b₁),    q_t = softmax_t(W₂ z + b₂),

trained on configurations of 60 temperatures, 60 % of them, by the Kullback–Leibler
divergence from labels that are one-hot, which is the cross-entropy -⟨ln q_label⟩; the
temperature of a configuration is that of the largest q (arXiv:1906.05212, section
III-B, after S. Iso, S. Shiba and S. Yokoo, Phys. Rev. E 97, 053304 (2018)).

The optimizer, the learning rate, the size of the batches and the number of
configurations are lost in the text at hand. Here: Adam at 10⁻³, its usual rate, on all
configurations at once, 1000 at each temperature; weights start as in Keras, uniform in
±√(6/(inputs + outputs)), biases at 0. Training and validation have chains of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, jackknife
from kadanoff.experiments.demellokoch2020.data import TEMPERATURES, swept
from kadanoff.experiments.exhibit import Work
from kadanoff.files import replacing
from kadanoff.networks.products import fast_products, full_products, one_thread
from kadanoff.runs import Run
from kadanoff.sweep import Sweep

__all__ = [
    "FAST",
    "FULL",
    "Calibration",
    "Thermometer",
    "calibrated",
    "calibration_data",
    "divided",
]

VERSION = 1  # part of a run's name: raise it when the trained bits change
CHECKPOINT, WEIGHTS = "checkpoint.safetensors", "weights.safetensors"
ROWS = 8192  # configurations that pass the network at a time
READ = 10  # epochs between two readings of both losses
KEPT = 100  # epochs between two checkpoints
SHARES = (3, 2)  # 60 % are trained on, 40 % validate

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Calibration:
    """How a thermometer is made.

    Attributes:
        draws: configurations at each temperature, training and validation together.
        epochs: updates, each of all configurations.
        hidden: units between the spins and the 60 outputs.
        rate: Adam's step.
    """

    draws: int = 1000
    epochs: int = 3000
    hidden: int = 80
    rate: float = 1e-3


FULL = Calibration()
FAST = Calibration(draws=384, epochs=60, rate=1e-2)
"""Seconds: at ten times the rate as far as 600 of the 3000 epochs."""


@dataclass(frozen=True, eq=False)
class Thermometer:
    """A trained network and what it reads off configurations.

    Attributes:
        network: from `(n, sites)` spins to `(n, temperatures)` logarithms of weights.
        temperatures: of its outputs, in J/k_B.
        losses: by `training` and `validation`, one for every entry of `epochs`.
        epochs: updates made at every reading of the losses.
    """

    network: nn.Module
    temperatures: tuple[float, ...]
    losses: Mapping[str, np.ndarray] = field(default_factory=dict)
    epochs: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))

    def probabilities(self, ensemble: Ensemble) -> np.ndarray:
        """What the network says of every configuration, `(chain, draw, temperature)`.

        Any real values pass; nothing tells it that values are not ±1 spins, or that
        they have no temperature.

        Raises:
            ValueError: another number of sites than it was trained on.
        """
        parts = [self._of(ensemble.read(chunk)) for chunk in ensemble.chunks()]
        return np.concatenate(parts).reshape(ensemble.chains, ensemble.draws, -1)

    def temperature(self, ensemble: Ensemble) -> Estimate:
        """The mean of the most probable temperature, as the paper reads it.

        Raises:
            ValueError: as `probabilities`.
        """
        return self._mean(ensemble, lambda q: self._scale[q.argmax(axis=1)])

    def posterior_mean(self, ensemble: Ensemble) -> Estimate:
        """The mean of Σ_t q_t T_t over the configurations.

        Raises:
            ValueError: as `probabilities`.
        """
        return self._mean(ensemble, lambda q: q @ self._scale)

    def doubt(self, ensemble: Ensemble) -> Estimate:
        """The mean of -Σ_t q_t ln q_t, in nats: how little the network commits itself.

        Raises:
            ValueError: as `probabilities`.
        """
        return self._mean(
            ensemble, lambda q: -(q * np.log(np.maximum(q, 1e-300))).sum(1)
        )

    @cached_property
    def _scale(self) -> np.ndarray:
        return np.array(self.temperatures)

    def _mean(
        self, ensemble: Ensemble, read: Callable[[np.ndarray], np.ndarray]
    ) -> Estimate:
        def observe(values: np.ndarray) -> tuple[np.ndarray]:
            return (np.asarray(read(self._of(values)).mean()),)

        return jackknife(observe, lambda mean: mean, ensemble)

    def _of(self, values: np.ndarray) -> np.ndarray:
        rows = values.reshape(len(values), -1)
        sites = int(next(self.network.parameters()).shape[1])
        if rows.shape[1] != sites:
            raise ValueError(
                f"this thermometer was trained on {sites} sites, got configurations of "
                f"{rows.shape[1]}; train one for them"
            )
        device = next(self.network.parameters()).device
        with torch.no_grad(), full_products(), one_thread():
            parts = [
                self.network(torch.as_tensor(part).to(device).float())
                .double()
                .softmax(dim=1)
                .cpu()
                .numpy()
                for part in np.array_split(rows, math.ceil(len(rows) / ROWS))
            ]
        return np.concatenate(parts)


def calibration_data(
    work: Work, shape: tuple[int, int], how: Calibration
) -> tuple[Sweep, Sweep]:
    """Configurations of the 60 temperatures: those trained on, those that validate.

    Args:
        work: seed and runs.
        shape: of the lattice.
        how: how many.

    Raises:
        ValueError: as `kadanoff.sample_sweep`.
    """
    return divided(swept(work, shape, TEMPERATURES, how.draws, purpose="thermometer"))


def divided(sweep: Sweep) -> tuple[Sweep, Sweep]:
    """60 % and 40 % of the chains at every temperature.

    Raises:
        ValueError: too few chains.
    """
    pairs = [ensemble.split(*SHARES) for ensemble in sweep]
    train, validate = zip(*pairs, strict=True)
    return Sweep(train), Sweep(validate)


def calibrated(
    work: Work, shape: tuple[int, int], how: Calibration, *, number: int = 0
) -> Thermometer:
    """A thermometer for one lattice; a training that was killed goes on.

    Args:
        work: seed, runs and device.
        shape: of the lattice.
        how: data and training.
        number: of the training, which starts from weights of its own.

    Raises:
        ValueError: as `kadanoff.sample_sweep`, or a run that another process holds.
    """
    data = calibration_data(work, shape, how)
    sides = "x".join(map(str, shape))
    run = Run.of(
        work.runs,
        step="thermometer",
        version=VERSION,
        settings={
            "how": asdict(how),
            "temperatures": TEMPERATURES,
            "seed": work.subseed("thermometer", sides, number),
            "device": work.device,
        },
        inputs={
            name: np.stack([ensemble.data for ensemble in part])
            for name, part in zip(("training", "validation"), data, strict=True)
        },
    )
    if not run.done:
        with run.open():
            train, validate = (_labelled(part) for part in data)
            learning = _Learning(how, train, validate, work.device)
            progress = work.progress(f"thermometer {sides}, training {number}")
            learning.run(run, progress)
    return _loaded(run.path(WEIGHTS), work.device)


Labelled = tuple[Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class _Learning:
    """Configurations with their labels, and how the network learns them."""

    how: Calibration
    data: Labelled
    held_out: Labelled
    device: str

    def run(self, run: Run, progress: Progress) -> None:
        """Train to the last epoch, from the last checkpoint where there is one."""
        network, adam, record = self._begin(run)
        last = self.how.epochs
        with one_thread(), fast_products():
            for epoch in range(_updates(adam), last + 1):
                if epoch % KEPT == 0:
                    _keep(run.path(CHECKPOINT), network, adam, record)
                    progress(epoch, last)
                reads = epoch % READ == 0 or epoch == last
                held_out = self._loss(network, self.held_out) if reads else math.nan
                loss = self._gradient(network)
                if reads:
                    record.append((epoch, loss, held_out))
                if epoch < last:
                    adam.step()
        _keep(run.path(WEIGHTS), network, adam, record)
        progress(last, last)
        run.finish({"training": record[-1][1], "validation": record[-1][2]})

    def _begin(self, run: Run) -> tuple[nn.Sequential, torch.optim.Adam, Record]:
        network = _network(self.data[0].shape[1], self.how.hidden).to(self.device)
        adam = torch.optim.Adam(network.parameters(), lr=self.how.rate)
        if run.has(CHECKPOINT):
            return network, adam, _resume(run.path(CHECKPOINT), network, adam)
        _start(network, run.settings["seed"])
        return network, adam, []

    def _gradient(self, network: nn.Module) -> float:
        """The loss of all configurations; its gradient is left in the network."""
        network.zero_grad()
        parts = []
        for part, share in self._shares(network, self.data):
            (part * share).backward()
            parts.append(float(part.detach()) * share)
        return math.fsum(parts)

    def _loss(self, network: nn.Module, data: Labelled) -> float:
        with torch.no_grad():
            return math.fsum(float(x) * n for x, n in self._shares(network, data))

    def _shares(
        self, network: nn.Module, data: Labelled
    ) -> Iterator[tuple[Tensor, float]]:
        """The loss of some configurations at a time, and how many of all they are."""
        spins, labels = data
        for s, t in zip(spins.split(ROWS), labels.split(ROWS), strict=True):
            logits = network(s.to(self.device).float())
            loss = functional.cross_entropy(logits, t.to(self.device))
            yield loss, len(s) / len(spins)


Record = list[tuple[float, float, float]]


def _network(sites: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(sites, hidden), nn.Tanh(), nn.Linear(hidden, len(TEMPERATURES))
    )


def _start(network: nn.Module, seed: int) -> None:
    """Weights as Keras starts them."""
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 2:
                reach = math.sqrt(6 / sum(parameter.shape))
                drawn = torch.rand(parameter.shape, generator=noise)
                parameter.copy_(reach * (2 * drawn - 1))
            else:
                parameter.zero_()


def _labelled(sweep: Sweep) -> Labelled:
    """Spins `(n, sites)` and the number of the temperature of each."""
    rows = [ensemble.values.reshape(ensemble.size, -1) for ensemble in sweep]
    labels = [np.full(len(r), k) for k, r in enumerate(rows)]
    return torch.as_tensor(np.concatenate(rows)), torch.as_tensor(
        np.concatenate(labels)
    )


def _updates(adam: torch.optim.Adam) -> int:
    """How many were made."""
    return max((int(state["step"]) for state in adam.state.values()), default=0)


def _keep(
    path: Path, network: nn.Module, adam: torch.optim.Adam, record: Record
) -> None:
    tensors = {"record": torch.tensor(record, dtype=torch.float64).reshape(-1, 3)}
    for name, parameter in network.named_parameters():
        tensors[name] = parameter.detach().cpu().contiguous()
        for what, value in adam.state.get(parameter, {}).items():
            tensors[f"{name}.{what}"] = torch.as_tensor(value).cpu().contiguous()
    with replacing(path) as temporary:
        save_file(tensors, temporary)


def _resume(path: Path, network: nn.Module, adam: torch.optim.Adam) -> Record:
    tensors = load_file(path)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(tensors[name])
            if f"{name}.step" in tensors:
                kept = {w: tensors[f"{name}.{w}"] for w in MOMENTS}
                moved = {w: kept[w].to(parameter.device) for w in MOMENTS[1:]}
                adam.state[parameter] = {MOMENTS[0]: kept[MOMENTS[0]], **moved}
    return [(float(e), float(t), float(v)) for e, t, v in tensors["record"]]


MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # the state of torch's Adam


def _loaded(path: Path, device: str) -> Thermometer:
    tensors = load_file(path)
    hidden, sites = tensors["0.weight"].shape
    network = _network(sites, hidden)
    names = [name for name, _ in network.named_parameters()]
    network.load_state_dict({name: tensors[name] for name in names})
    epochs, training, validation = tensors["record"].numpy().T
    return Thermometer(
        network.to(device),
        TEMPERATURES,
        {"training": training, "validation": validation},
        epochs.astype(int),
    )
