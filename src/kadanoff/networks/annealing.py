"""ln Z of a machine by annealed importance sampling, from below and from above.

Runs are walked along a path of machines from independent units (β = 0, Z known) to the
machine (β = 1), one Gibbs step at every β (`path`), and weighed by the work

    ln w = Σ_k F_k(v_k) − F_{k+1}(v_k),      ⟨w⟩ = Z_1/Z_0

(Neal, Stat. Comput. 11, 125 (2001); Salakhutdinov and Murray, ICML 2008). By Jensen's
inequality the way up is too low and the way down too high in expectation (Burda, Grosse
and Salakhutdinov, AISTATS 2015).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kadanoff.estimate import Estimate
from kadanoff.geometry import Geometry
from kadanoff.networks.enumeration import MOST_DRAWN, exact_samples, smaller_layer
from kadanoff.networks.machine import Machine
from kadanoff.networks.path import Law, Path, rising
from kadanoff.networks.ratios import bennett, check_count, mean_exp
from kadanoff.networks.tempering import tempered

__all__ = ["LogPartition", "annealed"]


@dataclass(frozen=True, eq=False)
class LogPartition:
    """ln Z from two sides.

    `forward` ≤ ln Z ≤ `backward` in expectation, the latter as far as its starting
    configurations are samples of the machine; a gap well above the errors says that the
    schedule is too coarse or the runs too few.

    Attributes:
        forward: ln Z by the way up, β = 0 → 1; its error is the jackknife's over runs.
        backward: ln Z by the way down, β = 1 → 0.
        combined: of both ways by Bennett's acceptance ratio (J. Comput. Phys. 22, 245
            (1976); for work along a path Shirts et al., Phys. Rev. Lett. 91, 140601
            (2003)): no bracket, but the smallest error.
        started: the way down from samples that were `given`, from `exact` ones, or from
            `tempered` ones (parallel tempering, as true as it has equilibrated).
        temperatures: β of the path.

    The `n_eff` of each way is (Σw)²/Σw², the number of runs that matter.
    """

    forward: Estimate
    backward: Estimate
    combined: Estimate
    started: str
    temperatures: tuple[float, ...]

    @property
    def bracket(self) -> tuple[float, float]:
        """Both ways, each moved outwards by one of its errors, in order."""
        low = float(self.forward.value - self.forward.error)
        high = float(self.backward.value + self.backward.error)
        return min(low, high), max(low, high)

    @property
    def gap(self) -> Estimate:
        """Backward minus forward: ≥ 0 in expectation."""
        return self.backward - self.forward

    def __str__(self) -> str:
        return (
            f"ln Z = {self.combined}, between {self.forward} (up) and {self.backward} "
            f"(down, from {self.started} samples)"
        )


@torch.no_grad()
def annealed(
    machine: Machine,
    visible: Geometry | None = None,
    runs: int = 100,
    temperatures: int | Sequence[float] = 1000,
    *,
    noise: torch.Generator,
    samples: Tensor | None = None,
    data: Tensor | None = None,
) -> LogPartition:
    """ln Z by annealed importance sampling, up and down the path.

    Args:
        machine: any machine.
        visible: the lattice, for weights that fit many.
        runs: independent runs of each way.
        temperatures: β from 0 to 1, or how many, evenly; `schedule` makes finer ones.
        noise: draws all units.
        samples: v that the way down starts from, `(n, *lattice)`, one run each. They
            must be samples of the machine itself, `p(v)`: not of its data, nor of
            chains that have not mixed, from which the way down bounds nothing. If not
            given they are drawn exactly where a layer has at most 16 spins, and by
            parallel tempering on as many ladders elsewhere.
        data: configurations whose means the independent units at β = 0 take, for
            machines with visible biases; other than `samples`. The machine's own biases
            if not given.

    Raises:
        ValueError: fewer than two runs or samples, bad β, or another lattice.
    """
    fine, betas = machine.visible_geometry(visible), rising(temperatures)
    check_count(runs, "runs")
    path = Path.of_weights(machine, fine.lattice, data)
    started = "given"
    if samples is None:
        started, samples = _samples(machine, fine, runs, noise)
    samples = samples.reshape(-1, *fine.lattice)
    check_count(len(samples), "samples")
    laws = [path.at(beta) for beta in betas]
    up = _walk(laws, path.draw_start(runs, noise), noise)
    down = _walk(laws[::-1], samples.to(machine.W), noise)
    forward, backward = mean_exp(up, "up"), -mean_exp(down, "down")
    combined = bennett(up, down)
    shift = path.log_start
    return LogPartition(
        forward + shift, backward + shift, combined + shift, started, betas
    )


def _walk(laws: Sequence[Law], v: Tensor, noise: torch.Generator) -> np.ndarray:
    """ln w = Σ_k F_k(v_k) − F_{k+1}(v_k) of every run, v_k in equilibrium at k."""
    logs = torch.zeros(len(v), dtype=torch.float64, device=v.device)
    for here, there in itertools.pairwise(laws):
        response = here.response(v)
        exact = response.double()
        logs += here.free_energy(v, exact) - there.free_energy(v, exact)
        v = there.gibbs(v, noise, response)
    return logs.numpy(force=True)


def _samples(
    machine: Machine, fine: Geometry, count: int, noise: torch.Generator
) -> tuple[str, Tensor]:
    """Configurations of the machine, and how they were drawn."""
    if smaller_layer(machine, fine).size <= MOST_DRAWN:
        return "exact", exact_samples(machine, fine, count, noise)
    return "tempered", tempered(machine, fine, count, noise=noise).samples
