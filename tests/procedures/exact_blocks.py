"""Majority blocks of tiny lattices by enumeration: no statistics at all."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from instruments.exact_draws import all_states, boltzmann

from kadanoff.ensemble import Ensemble
from kadanoff.instruments.operators import operator_sums


def sums_of(states: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """S of `(n, *shape)` states, `(n, operator)`."""
    return operator_sums(Ensemble.from_values(states[None]), names)[0]


def vote(states: np.ndarray, b: int) -> np.ndarray:
    """P(μ|σ) of all block states μ, `(n, 2**blocks)`; a tied block is up by half."""
    shape = states.shape[1:]
    coarse = tuple(side // b for side in shape)
    total = np.zeros((len(states), *coarse), dtype=int)
    for start in itertools.product(range(b), repeat=len(shape)):
        total += states[(slice(None), *(slice(s, None, b) for s in start))]
    up = (1 + np.sign(total)) / 2
    chance = np.ones((len(states), 2 ** math.prod(coarse)))
    every = all_states(coarse)
    for place in itertools.product(*map(range, coarse)):
        here = up[(slice(None), *place)][:, None]
        spin = every[(slice(None), *place)][None]
        chance *= np.where(spin > 0, here, 1 - here)
    return chance


@dataclass(frozen=True, eq=False)
class Blocks:
    """All states of a lattice and of its blocks after some steps.

    Attributes:
        fine: spins, `(n, *shape)`.
        coarse: states of the last level.
        chance: P(μ|σ), `(n, states of the last level)`.
    """

    fine: np.ndarray
    coarse: np.ndarray
    chance: np.ndarray

    @classmethod
    def of(cls, shape: tuple[int, ...], b: int, steps: int = 1) -> Blocks:
        fine = all_states(shape)
        chance, level = np.eye(1), fine
        for n in range(steps):
            one = vote(level, b)
            chance = chance @ one if n else one
            level = all_states(tuple(side // b for side in level.shape[1:]))
        return cls(fine, level, chance)

    def law(self, couplings: Mapping[str, float]) -> np.ndarray:
        """p(μ) without a bias."""
        return self.weights(couplings) @ self.chance

    def weights(self, couplings: Mapping[str, float]) -> np.ndarray:
        k = np.array(list(couplings.values()))
        return boltzmann(sums_of(self.fine, tuple(couplings)) @ k)

    def couplings(
        self, couplings: Mapping[str, float], operators: Sequence[str]
    ) -> tuple[np.ndarray, float]:
        """K′ by least squares of ln p(μ), and what the operators leave out."""
        s = sums_of(self.coarse, operators)
        design = np.column_stack([s, np.ones(len(s))])
        log_p = np.log(self.law(couplings))
        solution, *_ = np.linalg.lstsq(design, log_p, rcond=None)
        return solution[:-1], float(abs(design @ solution - log_p).max())

    def biased(
        self,
        couplings: Mapping[str, float],
        operators: Sequence[str],
        bias: np.ndarray,
        names: Sequence[str],
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """⟨S(μ)⟩, ⟨S(μ) S(μ)⟩_c and ⟨S(μ) S(σ)⟩_c of `names` under exp(-J·S(μ))."""
        tilt = np.exp(-sums_of(self.coarse, operators) @ bias)
        joint = self.weights(couplings)[:, None] * self.chance * tilt
        joint /= joint.sum()
        p, s = joint.sum(axis=0), sums_of(self.coarse, names)
        f = sums_of(self.fine, names)
        mean = p @ s
        mixed = s.T @ joint.T @ f - np.outer(mean, joint.sum(axis=1) @ f)
        return mean, (s.T * p) @ s - np.outer(mean, mean), mixed

    def omega(
        self, couplings: Mapping[str, float], operators: Sequence[str], bias: np.ndarray
    ) -> float:
        """The functional of Wu and Car."""
        v = sums_of(self.coarse, operators) @ bias
        return math.log(self.law(couplings) @ np.exp(-v)) + float(v.mean())
