"""ln Z of a machine by parallel tempering, and configurations of it.

Replicas stay in equilibrium at all β of a path from independent units (`path`) at once
and exchange their configurations (`ladder`); all their samples are reweighted together
(`ratios`). Annealing needs samples of the machine for its way down: these are some,
where none can be drawn exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kadanoff.estimate import Estimate
from kadanoff.geometry import Geometry
from kadanoff.networks.ladder import walked
from kadanoff.networks.machine import Machine
from kadanoff.networks.path import Law, Path, rising
from kadanoff.networks.ratios import check_count, multistate

__all__ = ["Tempered", "tempered"]


@dataclass(frozen=True, eq=False)
class Tempered:
    """ln Z by parallel tempering, and configurations of the machine itself.

    Attributes:
        log_partition: by reweighting the samples of all β together; the jackknife is
            over ladders, which are independent.
        samples: the last v at β = 1 of every ladder, `(ladder, *lattice)`.
        acceptance: share of accepted exchanges between neighbouring β.
        temperatures: β of the rungs.
    """

    log_partition: Estimate
    samples: Tensor
    acceptance: np.ndarray
    temperatures: tuple[float, ...]


@torch.no_grad()
def tempered(
    machine: Machine,
    visible: Geometry | None = None,
    ladders: int = 64,
    temperatures: int | Sequence[float] = 16,
    *,
    sweeps: int = 200,
    settling: int = 100,
    spacing: int = 2,
    noise: torch.Generator,
    data: Tensor | None = None,
) -> Tempered:
    """ln Z from replicas at every β of the path whose weights grow.

    It is the multistate reweighting of Shirts and Chodera (J. Chem. Phys. 129, 124105
    (2008), eq. 11) of the free energies of the visible units.

    Args:
        machine: any machine.
        visible: the lattice, for weights that fit many.
        ladders: independent ones, which start from independent units on every rung.
        temperatures: β from 0 to 1, or how many, evenly.
        sweeps: measured ones, each v → h → v on every rung, then exchanges.
        settling: sweeps before them.
        spacing: sweeps from one measurement to the next.
        noise: draws all units.
        data: as in `annealed`.

    Raises:
        ValueError: fewer than two ladders, no sweep, bad β, or another lattice.
    """
    fine, betas = machine.visible_geometry(visible), rising(temperatures)
    check_count(ladders, "ladders")
    if sweeps < spacing or spacing < 1 or settling < 0:
        raise ValueError(
            f"tempering needs sweeps ≥ spacing ≥ 1 and settling ≥ 0, got {sweeps}, "
            f"{spacing} and {settling}"
        )
    path = Path.of_weights(machine, fine.lattice, data)
    rungs = [path.at(beta) for beta in betas]
    v = path.draw_start(len(rungs) * ladders, noise).unflatten(0, (len(rungs), ladders))
    v, exchanges = walked(rungs, v, settling, noise)
    energies = []
    for _ in range(sweeps // spacing):
        v, more = walked(rungs, v, spacing, noise)
        exchanges += more
        energies.append(_all_energies(rungs, v))
    ratio = multistate(np.stack(energies, 2)) + path.log_start
    return Tempered(ratio, v[-1].clone(), exchanges.share, betas)


def _all_energies(rungs: Sequence[Law], v: Tensor) -> np.ndarray:
    """F_j of the configuration on rung k of each ladder, float64 `(k, ladder, j)`."""
    flat = v.flatten(0, 1)
    response = rungs[0].response(flat).double()
    columns = [rung.free_energy(flat, response) for rung in rungs]
    return torch.stack(columns, 1).unflatten(0, v.shape[:2]).numpy(force=True)
