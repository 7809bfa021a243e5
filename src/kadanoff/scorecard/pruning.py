"""What is left of a machine when directions of its weights are taken out.

W → Σ_{k kept} σ_k u_k v_kᵀ, biases as they are, nothing trained again. A direction is
kept before others by one of

    response    √(βᵀHβ), how far it moves the coarse law (`scorecard.relevance`)
    amplitude   √Σ (φ_i·β)² over the scaling fields that grow: its relevant part
    magnitude   σ_k: the truncation that leaves most of Σ W² (Eckart and Young 1936)
    random      in random order

and beside them single weights by their size, `weights`, as in the usual pruning of
networks. r directions are r (N_v + N_h − r) numbers and not a share r/N_h of the
weights: curves that are compared by what is stored are compared at equal `parameters`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from kadanoff.coarse.coarsen import coarsen
from kadanoff.coarse.layer import Layer
from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.instruments.mcrg import exponents
from kadanoff.instruments.thermodynamics import energy
from kadanoff.networks.enumeration import MOST_DRAWN, exact_samples, smaller_layer
from kadanoff.networks.equilibrium import equilibrated
from kadanoff.networks.products import full_products, one_thread
from kadanoff.networks.rbm import RBM
from kadanoff.randomness import generator, subseed
from kadanoff.scorecard.divergence import divergence
from kadanoff.scorecard.relevance import Placed, Relevance

__all__ = [
    "ORDERS",
    "READINGS",
    "PruningCurve",
    "order_of",
    "pruning_curve",
    "with_directions",
    "with_largest_weights",
]

ORDERS = ("response", "amplitude", "magnitude", "random", "weights")
READINGS = ("kl", "y_T", "y_H", "energy")
CHAINS, DRAWS = 64, 64  # samples that the energy rests on
UNKNOWN = Estimate(np.array(math.nan), {}, 0.0)


@dataclass(frozen=True, eq=False)
class PruningCurve:
    """Readings of a machine with some of its directions or weights.

    Attributes:
        by: one of `ORDERS`.
        share: of the directions, or of the weights, that are kept, `(points,)`.
        parameters: numbers that the weights kept are made of, `(points,)`.
        readings: by name of `READINGS`, an estimate at each point: KL per site from
            the law of the configurations, in nats; y_T and y_H of the step to the
            arranged layer; energy per site, in J, of samples of the machine. Not a
            number where it is not known.
    """

    by: str
    share: np.ndarray
    parameters: np.ndarray
    readings: Mapping[str, tuple[Estimate, ...]]

    def values(self, name: str) -> np.ndarray:
        """A reading at all points, `(points,)`."""
        return np.array([float(e.value) for e in self.readings[name]])

    def errors(self, name: str) -> np.ndarray:
        """Its standard errors, `(points,)`."""
        return np.array([float(e.error) for e in self.readings[name]])

    def as_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "by": self.by,
            "share": self.share.tolist(),
            "parameters": self.parameters.tolist(),
            **{n: [e.as_dict() for e in es] for n, es in self.readings.items()},
        }


def pruning_curve(
    here: Placed,
    found: Relevance,
    by: str,
    *,
    shares: Sequence[float],
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> PruningCurve:
    """The readings against the share that is kept.

    Args:
        here: the machine on configurations it was not trained on.
        found: the relevance of its directions, read on other or the same ones.
        by: one of `ORDERS`.
        shares: from 0 to 1, of the directions or of the weights.
        seed: draws hidden units, samples and the random order.
        progress: called with the points done and their number.

    Raises:
        ValueError: another order, or shares outside 0 to 1.
    """
    if by not in ORDERS:
        raise ValueError(f"pruning is by {', '.join(ORDERS)}, got {by!r}")
    if not shares or not all(0 <= share <= 1 for share in shares):
        raise ValueError(f"shares lie between 0 and 1, got {tuple(shares)}")
    machines = [_kept(here.network, found, by, share, seed) for share in shares]
    rows = []
    for k, machine in enumerate(machines):
        rows.append(_readings(here, machine, seed))
        if progress is not None:
            progress(k + 1, len(machines))
    return PruningCurve(
        by,
        np.array(shares, dtype=float),
        np.array([_parameters(m, by) for m in machines]),
        {name: tuple(row[k] for row in rows) for k, name in enumerate(READINGS)},
    )


def order_of(found: Relevance, by: str, *, rng: np.random.Generator) -> np.ndarray:
    """Directions of W, those to keep longest first, `(directions,)`.

    Args:
        found: their relevance.
        by: `response`, `amplitude`, `magnitude` or `random`.
        rng: draws a random order.

    Raises:
        ValueError: another order.
    """
    rank = len(found.singular_values)
    if by == "random":
        return rng.permutation(rank)
    growing = found.eigenvalues.value > 1
    of = {
        "response": found.strength.value[:rank],
        "amplitude": np.sqrt((found.amplitude.value[:rank, growing] ** 2).sum(axis=1)),
        "magnitude": found.singular_values,
    }
    if by not in of:
        raise ValueError(
            f"directions are ordered by {', '.join([*of, 'random'])}, got {by!r}"
        )
    return np.argsort(-of[by], kind="stable")


def with_directions(network: RBM, modes: np.ndarray) -> RBM:
    """A copy whose weights are projected on some left singular vectors, U Uᵀ W.

    Args:
        network: the machine.
        modes: U, `(visible, kept)`, orthonormal columns.
    """
    U = torch.from_numpy(np.ascontiguousarray(modes, dtype=float))
    W = network.W.detach().double().cpu()
    return _with_weights(network, U @ (U.T @ W))


def with_largest_weights(network: RBM, count: int) -> RBM:
    """A copy that keeps so many weights, the largest, and has zeros elsewhere."""
    W = network.W.detach().double().cpu()
    kept = torch.zeros(W.numel(), dtype=torch.bool)
    kept[W.abs().flatten().argsort(descending=True, stable=True)[:count]] = True
    return _with_weights(network, torch.where(kept.reshape(W.shape), W, 0.0))


def _kept(network: RBM, found: Relevance, by: str, share: float, seed: int) -> RBM:
    if by == "weights":
        return with_largest_weights(network, round(share * network.W.numel()))
    order = order_of(found, by, rng=generator(seed, "random order"))
    return with_directions(network, found.modes[:, order[: round(share * len(order))]])


def _with_weights(network: RBM, W: torch.Tensor) -> RBM:
    pruned = copy.deepcopy(network)
    pruned.W.data = W.to(network.W)
    return pruned


def _parameters(machine: RBM, by: str) -> int:
    W = machine.W.detach().double().cpu().numpy()
    if by == "weights":
        return int(np.count_nonzero(W))
    rank = int(np.linalg.matrix_rank(W, tol=1e-5 * max(1.0, abs(W).max())))
    return rank * (sum(W.shape) - rank)


def _readings(here: Placed, machine: RBM, seed: int) -> tuple[Estimate, ...]:
    with one_thread(), full_products():
        kl = _divergence(machine, here.fine, seed)
        hidden = coarsen(Layer(machine), here.fine, seed=subseed(seed, "pruned"))
        of_samples = _energy(machine, here.fine, seed)
    y_t, y_h = _exponents(here.fine, coarsen(here.rule, hidden))
    return kl, y_t, y_h, of_samples


def _divergence(machine: RBM, unseen: Ensemble, seed: int) -> Estimate:
    """KL per site, its error that of the average and that of ln Z."""
    try:
        found = divergence(machine, unseen, seed=seed).kl
    except ValueError:  # configurations of no known law
        return UNKNOWN
    if not found.partition_error:
        return found.value
    ends = np.array([-1.0, 1.0]) * found.partition_error / math.sqrt(2)
    log_z = Estimate(np.array(0.0), {"ln Z": ends}, math.inf)
    return found.value + log_z


def _exponents(fine: Ensemble, coarse: Ensemble) -> tuple[Estimate, Estimate]:
    step = exponents(fine, coarse)
    y_t, y_h = (y[-1] if y else UNKNOWN for y in (step.y_t, step.y_h))
    return y_t, y_h


def _energy(machine: RBM, like: Ensemble, seed: int) -> Estimate:
    """−(1/N) Σ_<ij> v_i v_j of the machine's own configurations."""
    fine = like.grid
    if smaller_layer(machine, fine).size <= MOST_DRAWN:
        noise = torch.Generator().manual_seed(subseed(seed, "samples"))
        v = exact_samples(machine, fine, CHAINS * DRAWS, noise).numpy()
        values = v.reshape(CHAINS, DRAWS, *fine.lattice).astype(np.int8)
        drawn = Ensemble.from_values(values, fine)
    else:
        drawn = equilibrated(
            machine, fine, chains=CHAINS, draws=DRAWS, seed=seed, contradicted="flag"
        )
    return energy(drawn)
