"""Contrastive divergence as the paper writes it: means are passed, no unit is drawn.

    h = tanh(Wᵀv + b),   ṽ = tanh(W h + c),   h̃ = tanh(Wᵀṽ + b),
    ΔW ∝ ⟨v hᵀ⟩ - ⟨ṽ h̃ᵀ⟩,   Δb ∝ ⟨h⟩ - ⟨h̃⟩,   Δc ∝ ⟨v⟩ - ⟨ṽ⟩

(arXiv:1906.05212, eqs. 13-21; their formulas are lost in the text at hand, so that this
is a reconstruction). The ordinary method draws h and ṽ. The difference is large: a map
of means that hands every configuration back has nothing left to learn, whether or not
the machine's law is that of the data.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from kadanoff.ensemble import Ensemble
from kadanoff.experiments.exhibit import Work
from kadanoff.networks.products import full_products, one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.networks.settings import Training
from kadanoff.networks.weights import load, save
from kadanoff.randomness import generator
from kadanoff.runs import Run

__all__ = ["RECONSTRUCTED", "contrast", "trained_on_means"]

RECONSTRUCTED = (
    "Trained on means: no unit is drawn, the hidden units and the visible ones that "
    "they rebuild are passed on as their means. The formulas of the training are lost "
    "in the text at hand; that means are passed is reconstructed from its words and "
    "from the hyperbolic tangent that it names, as are batches, rate and epochs."
)
"""For the pages that show machines which were trained so."""

VERSION = 1  # part of a run's name: raise it when the trained weights change
RESULT = "model.safetensors"


def trained_on_means(
    work: Work, network: RBM, data: Ensemble, training: Training, label: str
) -> RBM:
    """The machine after training; what is done already is read from its run.

    Args:
        work: seed and runs.
        network: of ±1 units, with the weights to start from.
        data: configurations.
        training: its epochs, batch and learning rate (which falls as it says); means
            leave nothing for its other settings to decide.
        label: names the training, for its seed and its progress.

    Raises:
        ValueError: a run that another process holds.
    """
    seed = work.subseed("train on means", label)
    run = Run.of(
        work.runs,
        step="train-means",
        version=VERSION,
        settings={
            "network": network.describe(),
            "epochs": training.epochs,
            "batch": training.batch,
            "rate": [training.learning_rate, training.decay],
            "seed": seed,
        },
        inputs={"data": data, "start": network.W.detach().numpy()},
    )
    if not run.done:
        with run.open():
            tell = work.progress(f"training {label} on means")
            done = _trained(network, data, training, seed, tell)
            save(done, run.path(RESULT))
            run.finish({})
    return load(run.path(RESULT), kind="rbm")


@torch.no_grad()
def contrast(machine: RBM, v: Tensor) -> dict[str, Tensor]:
    """The directions of W, b and c for a batch of configurations `(n, *lattice)`."""
    h = machine.hidden_mean(v)
    again = machine.visible_mean(h)
    back = machine.hidden_mean(again)
    seen, rebuilt = v.flatten(1), again.flatten(1)
    return {
        "W": (seen.T @ h - rebuilt.T @ back) / len(v),
        "b": (h - back).mean(0),
        "c": (seen - rebuilt).mean(0),
    }


def _trained(
    network: RBM,
    data: Ensemble,
    training: Training,
    seed: int,
    tell: Callable[[int, int], None],
) -> RBM:
    network = network.initialised(seed=seed)
    updates = data.size // training.batch
    with one_thread(), full_products(), torch.no_grad():
        for epoch in range(training.epochs):
            shuffle = generator(seed, "epoch", epoch)
            for k, values in enumerate(data.batches(training.batch, rng=shuffle)):
                rate = training.rate((epoch + k / updates) / training.epochs)
                for name, step in contrast(network, network.tensor(values)).items():
                    getattr(network, name).add_(step, alpha=rate)
            tell(epoch + 1, training.epochs)
    network.check_finite()
    return network
