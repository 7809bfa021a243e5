"""Hybrid Monte Carlo of lattice φ⁴, with cluster moves of the signs.

One sweep is one trajectory of leapfrog, its end accepted with probability
min(1, e^{-ΔH}) (Duane et al., Phys. Lett. B 195, 216 (1987)), and one Swendsen–Wang
update of the signs at given moduli (Brower and Tamayo, Phys. Rev. Lett. 62, 1087
(1989)), which crosses the barrier between the two wells. Step and length follow from
the model alone (`path`), so that a run that was interrupted ends bit-identical.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kadanoff.kernels.hybrid import Law, Path, sweep
from kadanoff.models.lattice import bond_pairs
from kadanoff.models.phi4 import Phi4
from kadanoff.samplers.frame import check_settings, check_sweeps

__all__ = ["FieldState", "Hybrid", "path"]

STEP = 2.0  # ωε V^{1/4}: accepts about 0.8 of the ends, whatever λ, K and V
LARGEST = 1.0  # ωε; leapfrog runs away from 2 on
LENGTH = 1.0


@dataclass(frozen=True, eq=False)
class FieldState:
    """The fields of all replicas and how the last call of `step` went.

    Attributes:
        fields: φ, float64 `(replica, *lattice)`.
        weight: mean of e^{-ΔH} over the sweeps of the last step, `(replica,)`; its
            expectation in equilibrium is 1. NaN where there was no sweep yet.
        acceptance: share of accepted trajectories among them, `(replica,)`.
    """

    fields: np.ndarray
    weight: np.ndarray
    acceptance: np.ndarray


@dataclass(frozen=True)
class Hybrid:
    """Hybrid Monte Carlo of `Phi4`.

    Args:
        model: the field theory.
        coupling: K, finite, of either sign; |K| d < 1 for the free field.
        replicas: independent chains, at least 1; multiples of 8 waste nothing.

    Raises:
        ValueError: settings outside these bounds, in one sentence.

    >>> sampler = Hybrid(Phi4((4, 4), 1.0), 0.3, replicas=2)
    >>> rng = np.random.default_rng(1)
    >>> sampler.step(sampler.init(rng=rng), rng=rng, sweeps=3).fields.shape
    (2, 4, 4)
    """

    model: Phi4
    coupling: float
    replicas: int

    def __post_init__(self) -> None:
        check_settings(self.coupling, self.replicas)
        self.model.check(self.coupling)

    @cached_property
    def path(self) -> Path:
        """Step of the integration and the range of the number of steps."""
        return path(self.model, self.coupling)

    def init(
        self, *, rng: np.random.Generator, values: np.ndarray | None = None
    ) -> FieldState:
        """A state: independent sites (the law at K = 0), or a copy of given fields.

        Args:
            rng: draws the hot start; not used if values are given.
            values: φ, `(replica, *lattice)`.

        Raises:
            ValueError: values of another shape, or that are not finite.
        """
        if values is None:
            values = self.model.hot(self.replicas, rng=rng)
        form = (self.replicas, *self.model.geometry.lattice)
        unknown = np.full(self.replicas, np.nan)
        return FieldState(_checked(values, form), unknown, unknown)

    def step(
        self, state: FieldState, *, rng: np.random.Generator, sweeps: int = 1
    ) -> FieldState:
        """The state after `sweeps` trajectories; the given state stays as it was.

        Raises:
            ValueError: a negative number of sweeps.
        """
        check_sweeps(sweeps)
        if sweeps == 0:
            return state
        fields = state.fields.reshape(self.replicas, -1).copy()
        law = Law(float(self.coupling), self.model.quartic)
        near, bonds = self.model.near, self._bonds
        weight, accepted = sweep(fields, near, bonds, law, self.path, sweeps, rng)
        return FieldState(fields.reshape(state.fields.shape), weight, accepted)

    def spins(self, state: FieldState) -> np.ndarray:
        """A copy of the fields, float64 `(replica, *lattice)`."""
        return state.fields.copy()

    def packed(self, state: FieldState) -> np.ndarray:
        """The fields as an ensemble stores them, float32 `(replica, *lattice)`."""
        return state.fields.astype(np.float32)

    @cached_property
    def _bonds(self) -> np.ndarray:
        return bond_pairs(self.model.near)


def path(model: Phi4, coupling: float) -> Path:
    """Step and number of steps of the integration, from λ, K and the volume alone.

    The step is 2 V^{-1/4}/ω, at most 1/ω, with ω² = 2 + 2|K|d + 4λ(3φ² - 1) the
    stiffest mode about the classical minimum: ⟨ΔH⟩ ∝ V ε⁴ then has the same size
    everywhere, and so has the acceptance erfc(√⟨ΔH⟩/2) (Gupta et al., Phys. Lett. B
    242, 437 (1990)). The length is between about 1/2 and 3/2, drawn evenly.
    """
    sites, d = model.geometry.size, len(model.shape)
    square = model.largest_square(coupling)
    stiffness = 2 + 2 * abs(coupling) * d + 4 * model.quartic * (3 * square - 1)
    step = min(LARGEST, STEP * sites**-0.25) / math.sqrt(stiffness)
    steps = max(1, round(LENGTH / step))
    return Path(step, max(1, steps - steps // 2), steps + steps // 2)


def _checked(fields: np.ndarray, form: tuple[int, ...]) -> np.ndarray:
    """The fields as float64, a copy, or a sentence."""
    fields = np.array(fields, dtype=np.float64)
    if fields.shape != form:
        raise ValueError(
            f"fields to start from must have shape (replica, *lattice) = {form}, got "
            f"{fields.shape}; give one configuration per replica"
        )
    if not np.isfinite(fields).all():
        raise ValueError(
            f"fields to start from must be finite, got "
            f"{fields[~np.isfinite(fields)][0]}"
        )
    return fields
