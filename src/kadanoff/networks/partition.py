"""The normalization of a machine where it can be had exactly.

    Z = Σ_v e^{−F(v)},      ln p(v) = −F(v) − ln Z

Exact are the sum over all states of the smaller layer of spins (`enumeration`) and the
transfer matrix of tied filters (`transfer`). Where neither is within reach ln Z is
bracketed by `annealing`.
"""

from __future__ import annotations

from torch import Tensor

from kadanoff.geometry import Geometry, Grid
from kadanoff.networks.enumeration import MOST_ENUMERATED, enumerated, smaller_layer
from kadanoff.networks.machine import Machine
from kadanoff.networks.transfer import obstacle, transferred
from kadanoff.networks.twin import in_double

__all__ = ["log_likelihood", "log_partition"]


def log_partition(machine: Machine, visible: Geometry | None = None) -> Tensor:
    """ln Z, exact, in float64 whatever the precision of the weights.

    By enumeration of the smaller layer of spins if it has at most 25, else by the
    transfer matrix. Both are differentiable in the parameters.

    Args:
        machine: any machine.
        visible: the lattice, for weights that fit many.

    Raises:
        ValueError: no layer of so few spins, and no strip narrow enough.
    """
    fine = machine.visible_geometry(visible)
    if smaller_layer(machine, fine).size > MOST_ENUMERATED and not obstacle(
        machine, fine
    ):
        return transferred(machine, fine)
    return enumerated(machine, fine)


def log_likelihood(machine: Machine, v: Tensor) -> Tensor:
    """ln p(v) = −F(v) − ln Z in nats, float64 `(n,)`; raises as `log_partition`."""
    free_energy = in_double(machine).free_energy(v.double())
    return -free_energy - log_partition(machine, Grid(tuple(v.shape[1:])))
