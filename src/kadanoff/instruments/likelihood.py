"""How far a law q is from the one that configurations were drawn from.

    KL(p‖q) / N = ⟨ln p(v) − ln q(v)⟩_p / N      in nats per site,

with both logarithms taken of the same configuration: what p and q have in common
cancels sample by sample, where entropy and likelihood on their own fluctuate. For a
model with an energy and a known ln Z, ln p(v) = −K E(v) − ln Z exactly; ln q(v) is
whatever the caller computes, and the error of its normalization is kept apart from the
error of the average, since more configurations do not lower it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, jackknife
from kadanoff.instruments.known import known
from kadanoff.models.registry import model_of
from kadanoff.protocols import Model

__all__ = [
    "KL",
    "PerSite",
    "exact_log_prob",
    "law_of",
    "log_likelihood",
    "relative_entropy",
]

LogProb = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class PerSite:
    """An average in nats per site with ln Z in it, and where its error comes from.

    Attributes:
        value: the average over configurations, with their error alone.
        partition_error: what the error of ln Z of q adds, per site; 0 where it is
            exact.
    """

    value: Estimate
    partition_error: float

    @property
    def sampling_error(self) -> float:
        """One standard error of the average over configurations, per site."""
        return float(self.value.error)

    @property
    def error(self) -> float:
        """Both errors, added in quadrature."""
        return math.hypot(self.sampling_error, self.partition_error)

    def __str__(self) -> str:
        return (
            f"{float(self.value.value):.6g} ± {self.sampling_error:.1e} "
            f"(configurations) ± {self.partition_error:.1e} (ln Z) nats per site"
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: the estimate and both errors."""
        return {
            **self.value.as_dict(),
            "error": self.error,
            "sampling_error": self.sampling_error,
            "partition_error": self.partition_error,
        }


@dataclass(frozen=True)
class KL(PerSite):
    """A relative entropy: ≥ 0 up to its error."""


def relative_entropy(
    ensemble: Ensemble,
    log_prob: LogProb,
    *,
    exact: LogProb | None = None,
    partition_error: float = 0.0,
) -> KL:
    """KL(p‖q) per site of the law p of an ensemble to a law q.

    Args:
        ensemble: configurations drawn from p; not those q was trained on.
        log_prob: ln q of `(n, *lattice)` values, in nats, `(n,)`.
        exact: ln p of them; by the ensemble's own model if not given.
        partition_error: one standard error of the ln Z in `log_prob`, a total.

    Raises:
        ValueError: a law that is not known exactly, logarithms of another shape, or a
            negative error.
    """
    if not partition_error >= 0:
        raise ValueError(
            f"the error of ln Z is a number that is not negative, got {partition_error}"
        )
    log_p = law_of(ensemble) if exact is None else exact
    sites = math.prod(ensemble.shape)

    def observe(values: np.ndarray) -> tuple[np.ndarray, ...]:
        excess = _checked(log_p, values) - _checked(log_prob, values)
        return (excess.mean() / sites,)

    value = jackknife(observe, lambda mean: mean, ensemble)
    return KL(value, float(partition_error) / sites)


def log_likelihood(ensemble: Ensemble, log_prob: LogProb) -> Estimate:
    """⟨ln q⟩ per site, in nats, over the configurations of an ensemble.

    Raises:
        ValueError: logarithms of another shape.
    """
    sites = math.prod(ensemble.shape)

    def observe(values: np.ndarray) -> tuple[np.ndarray, ...]:
        return (_checked(log_prob, values).mean() / sites,)

    return jackknife(observe, lambda mean: mean, ensemble)


def exact_log_prob(model: Model, coupling: float) -> LogProb:
    """ln p(v) = −K E(v) − ln Z of `(n, *lattice)` values, in nats.

    Args:
        model: one with an energy, of a shape whose ln Z is known (`known`).
        coupling: K = βJ.

    Raises:
        ValueError: no energy, or no known ln Z.

    >>> from kadanoff.models.ising import Ising
    >>> log_p = exact_log_prob(Ising((4, 4)), 0.0)
    >>> round(float(log_p(np.ones((1, 4, 4)))[0] / math.log(2)), 12)
    -16.0
    """
    energy = getattr(model, "energy", None)
    log_z = known(model, coupling).get("log_partition")
    if energy is None or log_z is None:
        raise ValueError(
            f"an exact likelihood needs a model whose ln Z is known, got {model} at "
            f"coupling {coupling}; take an Ising model on a periodic rectangle, or a "
            "smaller lattice"
        )
    sites = model.geometry.size
    return lambda values: -coupling * sites * energy(values) - log_z


def law_of(ensemble: Ensemble) -> LogProb:
    """ln p(v) of the law that an ensemble was drawn from, in nats.

    Raises:
        ValueError: a law that is not known, as of coarse or of foreign configurations.
    """
    model, coupling = model_of(ensemble), ensemble.couplings.get("K")
    if model is None or coupling is None:
        raise ValueError(
            "a relative entropy needs the law of its configurations, got an ensemble "
            f"of model {ensemble.model} with couplings {dict(ensemble.couplings)}; "
            "give `exact`, the logarithm of that law"
        )
    return exact_log_prob(model, coupling)


def _checked(log_prob: LogProb, values: np.ndarray) -> np.ndarray:
    found = np.asarray(log_prob(values), dtype=float)
    if found.shape != (len(values),):
        raise ValueError(
            f"a log-probability gives one number for each of {len(values)} "
            f"configurations, got shape {found.shape}"
        )
    return found
