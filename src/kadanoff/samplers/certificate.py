"""Do the data contradict equilibrium? Four tests of chains started hot and cold.

1. Hot and cold chains must have the same mean (Welch's t over chain means).
2. The first and second half of the draws must have the same mean (paired t over
   chains): a common drift is not seen by the first test.
3. Where chains are long against their memory, their means may differ as much as the
   memory explains and no more (R̂, Gelman and Rubin 1992): chains frozen apart.
4. Burn-in must be at least five decay times of the exponential with the measured τ,
   two of its errors allowed for: τ_int = ½ coth(1/2τ_exp), none for independent draws.

Each of the first three refuses at a level of 1e-4, so that with two or three
observables a run in equilibrium is refused about once in a thousand. A test that the
number of chains or draws does not allow is recorded as None, never as passed.
"""

from __future__ import annotations

from threading import Event
from typing import Any

import numpy as np
from scipy import special

from kadanoff.autocorrelation import gelman_rubin, integrated_time
from kadanoff.ensemble import Block, Ensemble
from kadanoff.protocols import Model
from kadanoff.workers import in_threads

__all__ = ["LEVEL", "TESTS", "certify", "is_untested", "observables", "verdict"]

LEVEL = 1e-4
FEWEST_CHAINS = 4  # of either start, or pairs of halves, for a t test
FEWEST_DRAWS = 16  # of a chain for R̂, and at least MEMORIES times its τ
MEMORIES = 20
BURN_IN_TIMES = 5
TOLERATED_R_HAT = 1.1  # of no consequence for a mean over chains
ROUNDING = 1e-12
TINY = 1e-300

TESTS = {"hot_cold_p": "hot against cold", "drift_p": "drift", "r_hat": "R̂"}

Certificate = dict[str, dict[str, Any]]


def observables(ensemble: Ensemble, model: Model) -> dict[str, np.ndarray]:
    """What the model wants equilibrated, `(chain, draw)` each.

    Args:
        ensemble: configurations of the model.
        model: it says what its slow observables are.
    """
    coupling = next(iter(ensemble.couplings.values()))

    def of_chunk(chunk: Block) -> dict[str, np.ndarray]:
        return model.observables(ensemble.read(chunk), coupling)

    chunks = in_threads(of_chunk, [(c,) for c in ensemble.chunks()], stop=Event())
    form = (ensemble.chains, ensemble.draws)
    return {
        name: np.concatenate([chunk[name] for chunk in chunks]).reshape(form)
        for name in chunks[0]
    }


def certify(
    series: dict[str, np.ndarray],
    *,
    burn_in: float,
    advice: str,
    level: float = LEVEL,
) -> Certificate:
    """τ, its error, and what each test says of each observable.

    Args:
        series: observable → `(chain, draw)`, even chains started hot, odd ones cold.
        burn_in: its length, in units of the spacing of draws.
        advice: what to do, for the end of a refusal.
        level: how often each of the first three tests may refuse an equilibrium.

    Raises:
        ValueError: a test contradicts equilibrium; the sentence ends with `advice`.
    """
    times = {name: integrated_time(x) for name, x in series.items()}
    certificate: Certificate = {
        "tau": {name: tau for name, (tau, _) in times.items()},
        "tau_error": {name: error for name, (_, error) in times.items()},
        "hot_cold_p": {name: _hot_against_cold(x) for name, x in series.items()},
        "drift_p": {name: _drift(x) for name, x in series.items()},
        "r_hat": {name: _r_hat(x) for name, x in series.items()},
    }
    _refuse(certificate, series, advice, level)
    for name, (tau, error) in times.items():
        if burn_in < (needed := BURN_IN_TIMES * _decay_time(tau - 2 * error)):
            raise ValueError(
                f"burn-in must be at least {BURN_IN_TIMES} autocorrelation times, "
                f"{needed:.3g} draws by {name}, got {burn_in:.3g} {advice}"
            )
    return certificate


def verdict(certificate: Certificate) -> str:
    """One sentence: which tests were passed, and which the data did not allow.

    >>> verdict({"hot_cold_p": {"e": 0.3}, "drift_p": {"e": 0.2}, "r_hat": {"e": 1.0}})
    'not contradicted by hot against cold, drift, R̂'
    """
    seen = {name: certificate[test] for test, name in TESTS.items()}
    if not any(seen.values()):
        return "independent draws of the exact law, nothing to test"
    passed = [name for name, p in seen.items() if None not in p.values()]
    missing = [name for name in seen if name not in passed]
    parts = [f"not contradicted by {', '.join(passed)}"] if passed else []
    if missing:
        parts.append(f"{', '.join(missing)} not tested, for want of chains or draws")
    return "; ".join(parts)


def is_untested(certificate: Certificate) -> bool:
    """Whether no test of equilibrium could be made at all."""
    return all(p is None for test in TESTS for p in certificate[test].values())


def _refuse(
    certificate: Certificate,
    series: dict[str, np.ndarray],
    advice: str,
    level: float,
) -> None:
    tests = (
        ("hot_cold_p", "chains started hot and cold must agree"),
        ("drift_p", "the first and the second half of the draws must agree"),
    )
    for test, demand in tests:
        for name, p in certificate[test].items():
            if p is not None and p < level:
                raise ValueError(f"{demand}, got p = {p:.1e} in {name} {advice}")
    for name, r_hat in certificate["r_hat"].items():
        if r_hat is not None and r_hat > (limit := _largest_r_hat(series[name], level)):
            raise ValueError(
                f"chains must agree with each other (R̂ at most {limit:.3g}), got "
                f"R̂ = {r_hat:.3g} in {name} {advice}"
            )


def _hot_against_cold(series: np.ndarray) -> float | None:
    means = series.mean(axis=1)
    hot, cold = means[0::2], means[1::2]
    if len(cold) < FEWEST_CHAINS:
        return None
    parts = np.array([x.var(ddof=1) / len(x) for x in (hot, cold)])
    freedom = np.array([len(hot) - 1, len(cold) - 1])
    welch = parts.sum() ** 2 / max((parts**2 / freedom).sum(), TINY)
    return _p_value(hot.mean() - cold.mean(), parts.sum(), max(welch, freedom.min()))


def _drift(series: np.ndarray) -> float | None:
    chains, draws = series.shape
    if chains < 2 * FEWEST_CHAINS or draws < 2:
        return None
    half = draws // 2
    change = series[:, -half:].mean(axis=1) - series[:, :half].mean(axis=1)
    return _p_value(change.mean(), change.var(ddof=1) / chains, chains - 1)


def _p_value(difference: float, variance: float, freedom: float) -> float:
    """Two-sided, of Student's t; chains that are all alike differ surely or not."""
    if variance < ROUNDING**2:
        return 1.0 if abs(difference) < ROUNDING else 0.0
    return float(2 * special.stdtr(freedom, -abs(difference) / np.sqrt(variance)))


def _r_hat(series: np.ndarray) -> float | None:
    chains, draws = series.shape
    if chains < 2 or draws < max(FEWEST_DRAWS, MEMORIES * _memory(series)):
        return None
    return gelman_rubin(series)


def _largest_r_hat(series: np.ndarray, level: float) -> float:
    """Reached in equilibrium at the level: R̂² ≈ 1 + (2τ/n) χ²/(chains - 1)."""
    chains, draws = series.shape
    quantile = special.chdtri(chains - 1, level) / (chains - 1)
    explained = 1 + 2 * _memory(series) / draws * quantile
    return max(TOLERATED_R_HAT, float(np.sqrt(explained)))


def _decay_time(tau: float) -> float:
    """τ_exp of a single exponential with this integrated time, in draws."""
    return 0.0 if tau <= 0.5 else float(0.5 / np.arctanh(0.5 / tau))


def _memory(series: np.ndarray) -> float:
    """τ about each chain's own mean: that of chains frozen apart is short."""
    about = series - series.mean(axis=1, keepdims=True)
    return integrated_time(np.where(abs(about) < ROUNDING, 0.0, about))[0]
