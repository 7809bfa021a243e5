"""A lower bound of the likelihood of a stack of machines.

The law of a deep belief network sums over all hidden layers below the top machine; the
upward laws of its machines bound that sum from below.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kadanoff.geometry import Grid
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.machine import Machine
from kadanoff.networks.partition import log_partition
from kadanoff.networks.twin import in_double

__all__ = ["Bound", "dbn_bound"]


@dataclass(frozen=True)
class Bound:
    """A lower bound of ln q(v), not ln q(v).

    Attributes:
        value: of each configuration, in nats, float64 `(n,)`.
        error: of each value, from the drawn hidden layers; their errors are
            independent. That of ln Z is not in it.
    """

    value: np.ndarray
    error: np.ndarray


@torch.no_grad()
def dbn_bound(
    layers: Sequence[Machine],
    v: Tensor,
    *,
    draws: int = 16,
    noise: torch.Generator,
    log_partition_top: float | None = None,
) -> Bound:
    """The variational lower bound of ln q(v) of a deep belief network.

    The law of the network is that of its top machine, passed down through
    p(h_{l−1} | h_l) of the machines below. With the upward q(h_l | h_{l−1}) of each
    machine as the variational law,

        ln q(v) ≥ −F_1(v) + Σ_l E[F^h_l(h_l) − F_{l+1}(h_l)] − ln Z_top

    where F and F^h are the free energies of a machine's visible and hidden layer
    (Hinton, Osindero and Teh, Neural Comput. 18, 1527 (2006), eq. 3, since
    ln p(v | h) − ln q(h | v) = −F(v) + F^h(h)). For one machine it is ln p(v); a second
    one tied as its transpose leaves it there.

    Args:
        layers: machines, the one on the lattice first.
        v: configurations, `(n, *lattice)`.
        draws: of the hidden layers, for each configuration.
        noise: draws them.
        log_partition_top: ln Z of the top machine; exact if not given.

    Raises:
        ValueError: no machine, fewer than two draws, layers that do not fit, or a top
            machine whose ln Z is not known exactly.
    """
    if not layers or draws < 2:
        raise ValueError(
            f"a bound needs at least one machine and 2 draws, got {len(layers)} and "
            f"{draws}"
        )
    x, total = v.to(layers[0].W), 0.0
    x = x.repeat_interleave(draws, 0)
    for machine, above in itertools.pairwise(layers):
        twin, x = in_double(machine), _fitted(machine, x)
        total = total - twin.free_energy(x.double())
        x = machine.draw_hidden(machine.hidden_field(x), noise)
        total = total + twin.hidden_free_energy(x.double())
        x = x.to(above.W)
    top = layers[-1]
    x = _fitted(top, x)
    total = total - in_double(top).free_energy(x.double())
    if log_partition_top is None:
        log_partition_top = float(log_partition(top, Grid(tuple(x.shape[1:]))))
    values = total.numpy(force=True).reshape(len(v), draws)
    error = values.std(1, ddof=1) / math.sqrt(draws)
    return Bound(values.mean(1) - log_partition_top, error)


def _fitted(machine: Machine, x: Tensor) -> Tensor:
    """The layer below as the visible layer of a machine; raises where it is not."""
    flat = x if isinstance(machine, ConvRBM) else x.flatten(1)
    machine.visible_geometry(Grid(tuple(flat.shape[1:])))
    return flat
