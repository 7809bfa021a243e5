"""Readings at couplings that were not simulated, from all that were (MBAR).

The law is exp(-K E), E the *total* energy in units of J, so that a configuration drawn
at any K_l says something about every K. With M_l configurations at K_l,

    ⟨O⟩_K = Σ_n O_n w_n(K) / Σ_n w_n(K),
    w_n(K) = e^{-K E_n} / Σ_l M_l e^{f_l - K_l E_n}

over the configurations of all ensembles together, where the free energies f_l = -ln Z_l
solve e^{-f_l} = Σ_n w_n(K_l) (Ferrenberg and Swendsen, Phys. Rev. Lett. 61, 2635 (1988)
and 63, 1195 (1989); Shirts and Chodera, J. Chem. Phys. 129, 124105 (2008), eq. 11).

*Correlated draws.* Every draw is used. One of an ensemble with autocorrelation time τ
counts as 1/(2τ) of a configuration, in the sums and in M_l alike (the g⁻¹ of Ferrenberg
and Swendsen). For any such weights the equations are consistent; these make the best of
ensembles of unequal memory. Error bars do not rest on the weights: chains are deleted
block by block and everything is solved again. Ensembles of different lineage are
independent and lose a block one at a time; ensembles of one lineage, such as the rungs
of a tempering ladder, lose the same chains together.

*Histograms.* Configurations enter by their energy alone, so they are sorted into levels
so narrow that weights hardly change across one: one level per energy for ±1 spins. The
equations are the minimum of a convex function of f, reached from pymbar's solution for
a thinned set of independent draws by Newton's method.

*Limits.* Every target must rest on `least` independent configurations by the rule of
Kish, (Σ w)²/Σ w². Ensembles must share half as many with their neighbours (the overlap
of Klimovich, Shirts and Mobley, J. Comput. Aided Mol. Des. 29, 397 (2015); two of
`least` at one coupling share just these). The energy of each must agree with what the
others say about its coupling.
"""

from __future__ import annotations

import itertools
import logging
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from scipy.sparse import csgraph

from kadanoff.ensemble import Block, Ensemble
from kadanoff.estimate import Estimate, share_chains
from kadanoff.instruments.thermodynamics import Series
from kadanoff.models.registry import model_of
from kadanoff.protocols import Model

__all__ = ["Reweighted", "reweight"]

LEAST = 50.0  # far outside, the few extreme draws pass for some ten to thirty
LEVEL = 1e-6  # at which an ensemble contradicts the others
FINENESS = 16  # levels per change of the weights by a factor e
BIAS = 0.01  # of an error, by sorting into levels
THINNED = 20_000  # configurations that pymbar sees
CONVERGED = 1e-6  # of a step of Newton's: the next would be its square
LONG = 0.25  # of a step: shorter ones need no watching
LONGEST = 10.0
TINY = 1e-9
MOST_STEPS = 200
ROUNDING = 1e-12  # of an energy per site

Observable = Callable[[Series], np.ndarray] | Sequence[np.ndarray]


@dataclass(frozen=True)
class Reweighted:
    """Readings against the coupling, each of the shape of `coupling`.

    Errors are aligned from coupling to coupling and from reading to reading, and with
    plain readings of the same chains.

    Attributes:
        coupling: the targets K.
        energy: ⟨e⟩ per site, in units of J.
        heat_capacity: K² N (⟨e²⟩ - ⟨e⟩²), per site, in units of k_B.
        magnetization: ⟨|m|⟩ per site, m the order parameter of the model.
        magnetization_squared: ⟨m²⟩.
        susceptibility: N (⟨m²⟩ - ⟨|m|⟩²).
        binder: 1 - ⟨m⁴⟩/(3⟨m²⟩²).
        log_partition: ln Z(K) - ln Z(K_1), totals, K_1 the first ensemble's coupling.
        means: of the other observables, by name.
        n_eff: independent configurations that each target rests on.
    """

    coupling: np.ndarray
    energy: Estimate
    heat_capacity: Estimate
    magnetization: Estimate
    magnetization_squared: Estimate
    susceptibility: Estimate
    binder: Estimate
    log_partition: Estimate
    means: Mapping[str, Estimate]
    n_eff: np.ndarray


def reweight(
    ensembles: Ensemble | Series | Sequence[Ensemble | Series],
    couplings: Any,
    *,
    observables: Mapping[str, Observable] | None = None,
    least: float = LEAST,
) -> Reweighted:
    """Readings of one model at any couplings between and near the simulated ones.

    Args:
        ensembles: of one model and lattice at one or several couplings; or the series
            of `thermodynamics`, where nearest neighbours on the grid are all there is
            in the energy.
        couplings: the targets K, a number or an array.
        observables: name → a function of a series to `(chain, draw)` values, or one
            such array per ensemble; their means are returned.
        least: independent configurations that a target must rest on.

    Raises:
        ValueError: no ensemble, an unknown coupling or law, a model without an energy,
            different models or lattices, the same configurations twice, chains of one
            lineage that do not match, targets or ensembles without overlap, an ensemble
            that contradicts the others.
        ModuleNotFoundError: several ensembles, and pymbar is not installed.
    """
    data = [ensembles] if isinstance(ensembles, Ensemble | Series) else list(ensembles)
    if not data:
        raise ValueError("reweighting starts from at least one ensemble, got none")
    _check_one_law([e for e in data if isinstance(e, Ensemble)])
    readings = [e if isinstance(e, Series) else _series(e) for e in data]
    _check_together(readings)
    targets = np.asarray(couplings, dtype=float)
    if not targets.size or not np.isfinite(targets).all():
        raise ValueError(f"target couplings must be finite numbers, got {couplings}")
    extra = _extra(observables or {}, readings)
    joint = _joint(readings, extra, targets)
    rest = joint.n_eff()
    _check_overlap(joint, least / 2)
    _check_covered(targets, rest[: targets.size], joint, least)
    every, own = joint.estimates(rest[: targets.size].min())
    _check_agreement(own, joint)
    return _named(every, targets, list(extra), rest)


# What goes in


def _check_one_law(ensembles: list[Ensemble]) -> None:
    laws = [(e.model, dict(e.parameters), e.geometry) for e in ensembles]
    for law in laws[1:]:
        if law != laws[0]:
            raise ValueError(
                "ensembles that are reweighted together share model, parameters and "
                f"lattice, got {laws[0]} and {law}"
            )


def _series(ensemble: Ensemble) -> Series:
    """Energy and order parameter as the ensemble's own model has them."""
    model, coupling = _model_of(ensemble), ensemble.couplings["K"]
    e, m = np.empty((2, ensemble.chains, ensemble.draws))
    for chunk in ensemble.chunks():
        seen = model.observables(ensemble.read(chunk), coupling)
        form = e[chunk.chains, chunk.draws].shape
        e[chunk.chains, chunk.draws] = seen["energy"].reshape(form)
        m[chunk.chains, chunk.draws] = np.sqrt(seen["m_squared"]).reshape(form)
    return Series(
        e,
        m,
        ensemble.grid.size,
        tuple(ensemble.blocks()),
        ensemble.lineage,
        ensemble.n_eff,
        coupling,
    )


def _model_of(ensemble: Ensemble) -> Model:
    """The model of an ensemble, which has an energy and the ensemble's couplings."""
    model = model_of(ensemble)
    if model is None or "K" not in ensemble.couplings:
        raise ValueError(
            "reweighting needs configurations of a known law exp(-K E), got an "
            f"ensemble of model {ensemble.model} with couplings "
            f"{dict(ensemble.couplings)}; blocked and trained layers have none"
        )
    if not hasattr(model, "energy"):
        raise ValueError(
            f"reweighting needs an energy, and a model '{ensemble.model}' has none; "
            "sample it at the coupling you want"
        )
    expected = model.couplings(ensemble.couplings["K"])
    given = {name: k for name, k in ensemble.couplings.items() if name == "K" or k}
    same = given.keys() == expected.keys() and all(
        math.isclose(given[name], expected[name], rel_tol=1e-9) for name in expected
    )
    if not same or ensemble.geometry != model.geometry:
        raise ValueError(
            f"a model '{ensemble.model}' with the parameters "
            f"{dict(ensemble.parameters)} has the couplings {expected} on "
            f"{model.geometry}, got {given} on {ensemble.geometry}; complete the "
            "parameters of the ensemble"
        )
    return model


def _check_together(readings: list[Series]) -> None:
    sizes = {s.sites for s in readings}
    if len(sizes) > 1:
        raise ValueError(
            "ensembles that are reweighted together live on one lattice, got "
            f"{' and '.join(map(str, sorted(sizes)))} sites"
        )
    for s in readings:
        if s.coupling is None or not math.isfinite(s.coupling):
            raise ValueError(
                "reweighting needs the coupling K of every ensemble, got "
                f"{s.coupling} for {s.lineage}"
            )
        if not np.isfinite(s.energy).all():
            raise ValueError(f"energies must be finite, got {s.energy.min()}")
        if len(s.blocks) < 2:
            raise ValueError(
                "an error bar needs at least 2 blocks of configurations, got "
                f"{len(s.blocks)} of {s.lineage}; sample more chains or more draws"
            )
    for one, other in itertools.combinations(readings, 2):
        _check_pair(one, other)


def _check_pair(one: Series, other: Series) -> None:
    if one.lineage != other.lineage:
        if share_chains(one.lineage, other.lineage):
            raise ValueError(
                "ensembles are of the same chains or of different ones, got "
                f"{one.lineage} and {other.lineage}, which overlap"
            )
    elif one.coupling == other.coupling:
        raise ValueError(
            f"configurations count once, got {one.lineage} at K = {one.coupling:g} "
            "twice; give every ensemble once, and independent ones their own lineage"
        )
    elif one.energy.shape != other.energy.shape:
        raise ValueError(
            "ensembles of one lineage hold the same chains and draws, got "
            f"{one.energy.shape} and {other.energy.shape} of {one.lineage}; give "
            "independent ones their own lineage"
        )


def _extra(
    observables: Mapping[str, Observable], readings: list[Series]
) -> dict[str, list[np.ndarray]]:
    """The values `(chain, draw)` of every observable on every ensemble."""
    found = {}
    for name, given in observables.items():
        values = [given(s) for s in readings] if callable(given) else list(given)
        shapes = [np.shape(x) for x in values]
        expected = [s.energy.shape for s in readings]
        if shapes != expected:
            raise ValueError(
                f"observable '{name}' needs one (chain, draw) array per ensemble, of "
                f"shapes {expected}, got {shapes}"
            )
        found[name] = [np.asarray(x, dtype=float) for x in values]
    return found


# The equations


@dataclass(frozen=True, eq=False)
class _Samples:
    """One ensemble: the level and the observables of each draw, and what it counts."""

    level: np.ndarray  # (chain, draw)
    columns: np.ndarray  # (observable, chain, draw)
    weight: float  # of one draw, 1/(2τ)
    blocks: tuple[Block, ...]
    lineage: str


@dataclass(frozen=True, eq=False)
class _Sums:
    """Weighted sums over configurations, which a deleted block is subtracted from."""

    count: np.ndarray  # (level,)
    columns: np.ndarray  # (observable, level)
    sizes: np.ndarray  # (ensemble,)
    energy: np.ndarray  # (ensemble,), of each one's own configurations

    def less(self, other: _Sums) -> _Sums:
        return _Sums(
            self.count - other.count,
            self.columns - other.columns,
            self.sizes - other.sizes,
            self.energy - other.energy,
        )


@dataclass(frozen=True, eq=False)
class _Joint:
    """All ensembles together, solved once.

    Attributes:
        samples: the ensembles.
        couplings: of the ensembles.
        sums: over all configurations.
        states: e^{f_l - K_l E} at each level, `(level, ensemble)`, over its largest.
        tilts: e^{-K E} likewise at the targets and then at the ensembles' couplings,
            over its largest, `(target, level)`.
        reading: couplings, sites, zero of energy and ln Z to restore.
    """

    samples: list[_Samples]
    couplings: np.ndarray
    sums: _Sums
    states: np.ndarray
    tilts: np.ndarray
    targets: np.ndarray
    log_scale: np.ndarray
    sites: int
    zero: float

    def weights(self, sums: _Sums, shift: np.ndarray) -> np.ndarray:
        """w at every target and level, for free energies f + shift."""
        return self.tilts * (1 / (self.states @ (sums.sizes * np.exp(shift))))

    def n_eff(self) -> np.ndarray:
        """Independent configurations under each target: (Σ w)²/Σ w² (Kish)."""
        w = self.weights(self.sums, np.zeros(len(self.couplings)))
        return (w @ self.sums.count) ** 2 / (w**2 @ self.sums.count)

    def shared(self) -> np.ndarray:
        """Independent configurations that pairs of ensembles share."""
        belongs = self.states * self.sums.sizes
        belongs /= belongs.sum(axis=1, keepdims=True)
        return belongs.T @ (self.sums.count[:, None] * belongs)

    def read(self, sums: _Sums) -> tuple[np.ndarray, np.ndarray]:
        """Readings `(reading, target)`, and own minus joint energy per ensemble."""
        shift = _solve(self.states, sums)
        w = self.weights(sums, shift)
        partition = w @ sums.count
        means = sums.columns @ w.T / partition
        own = sums.energy / sums.sizes - means[0, len(self.targets) :]
        e, e2, m, m2, m4, *others = means[:, : len(self.targets)]
        # Free energies are relative to the first ensemble's, whose shift is 0.
        log_z = np.log(partition[: len(self.targets)]) + self.log_scale
        readings = [
            self.zero + e,
            self.targets**2 * self.sites * (e2 - e**2),
            m,
            m2,
            self.sites * (m2 - m**2),
            1 - m4 / (3 * m2**2),
            log_z,
            *others,
        ]
        return np.array(readings), own

    def estimates(self, n_eff: float) -> tuple[Estimate, Estimate]:
        """What `read` says, with errors."""
        central = self.read(self.sums)
        deleted = {
            lineage: [self.read(self.sums.less(block)) for block in blocks]
            for lineage, blocks in self._blocks()
        }
        every, own = (
            Estimate(
                central[part],
                {name: np.array([r[part] for r in rs]) for name, rs in deleted.items()},
                float(n_eff),
            )
            for part in (0, 1)
        )
        return every, own

    def _blocks(self) -> Iterator[tuple[str, Iterator[_Sums]]]:
        """The sums over each block of each lineage."""
        for lineage in dict.fromkeys(s.lineage for s in self.samples):
            # Ensembles of one lineage cut their chains alike unless τ differs; the
            # fewest blocks are the longest.
            mine = [s.blocks for s in self.samples if s.lineage == lineage]
            cuts = min(mine, key=len)
            yield (
                lineage,
                (
                    _sums(self.samples, len(self.sums.count), lineage, cut)
                    for cut in cuts
                ),
            )


def _joint(
    readings: list[Series], extra: dict[str, list[np.ndarray]], targets: np.ndarray
) -> _Joint:
    couplings = np.array([s.coupling for s in readings], dtype=float)
    sites = readings[0].sites
    zero = float(np.mean([s.energy.mean() for s in readings]))
    totals = [sites * (s.energy - zero) for s in readings]
    wanted = np.concatenate([targets.ravel(), couplings])
    level = _levels(totals, np.ptp(wanted))
    samples = [
        _Samples(
            k,
            np.stack([e, e**2, m, m**2, m**4, *(x[i] for x in extra.values())]),
            s.n_eff / s.energy.size,
            s.blocks,
            s.lineage,
        )
        for i, (s, k) in enumerate(zip(readings, level, strict=True))
        for e, m in [(s.energy - zero, abs(s.magnetization))]
    ]
    sums = _sums(samples, 1 + max(int(k.max()) for k in level))
    energies = sites * sums.columns[0] / sums.count
    free = _thinned_solution(totals, couplings, samples)
    states, depth = _states(free, couplings, energies)
    # Once more from where Newton's method ends: replicates start close to the truth.
    free = free + _solve(states, sums)
    states, depth = _states(free, couplings, energies)
    exponents = -np.multiply.outer(wanted, energies) - depth
    top = exponents.max(axis=1)
    flat = targets.ravel()
    return _Joint(
        samples,
        couplings,
        sums,
        states,
        np.exp(exponents - top[:, None]),
        flat,
        top[: flat.size] - (flat - couplings[0]) * sites * zero,
        sites,
        zero,
    )


def _levels(totals: list[np.ndarray], span: float) -> list[np.ndarray]:
    """The energy level of every draw, counted from 0, one that occurs after another.

    A level of width δ loses what energies and weights do together across it: it moves
    ⟨E⟩ by ΔK δ²/12. That is kept to `BIAS` of an error σ_E/√n, and weights from
    changing by more than e^{1/FINENESS}.
    """
    draws = sum(e.size for e in totals)
    error = min(float(e.std()) for e in totals) / math.sqrt(draws)
    finest = FINENESS * span
    if error > 0:
        finest = max(finest, math.sqrt(span / (12 * BIAS * error)))
    cells = [np.round(finest * e).astype(np.int64) for e in totals]
    every = np.concatenate([c.ravel() for c in cells])
    _, level = np.unique(every, return_inverse=True)
    ends = np.cumsum([c.size for c in cells])[:-1]
    parts = np.split(level, ends)
    return [p.reshape(c.shape) for p, c in zip(parts, cells, strict=True)]


def _sums(
    samples: list[_Samples],
    levels: int,
    lineage: str | None = None,
    block: Block | None = None,
) -> _Sums:
    """Sums over all draws, or over one block of the ensembles of one lineage."""
    observables = len(samples[0].columns)
    count, columns = np.zeros(levels), np.zeros((observables, levels))
    sizes, energy = np.zeros((2, len(samples)))
    chains, draws = (block.chains, block.draws) if block else (slice(None),) * 2
    for k, s in enumerate(samples):
        if lineage not in (None, s.lineage):
            continue
        level = s.level[chains, draws].ravel()
        rows = s.columns[:, chains, draws].reshape(observables, -1)
        count += s.weight * np.bincount(level, minlength=levels)
        for row, column in zip(rows, columns, strict=True):
            column += s.weight * np.bincount(level, weights=row, minlength=levels)
        sizes[k] = s.weight * level.size
        energy[k] = s.weight * rows[0].sum()
    return _Sums(count, columns, sizes, energy)


def _states(
    free: np.ndarray, couplings: np.ndarray, energies: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """e^{f_l - K_l E} over its largest at each level, and the logarithm of that."""
    exponents = free - np.multiply.outer(energies, couplings)
    depth = exponents.max(axis=1)
    return np.exp(exponents - depth[:, None]), depth


def _solve(states: np.ndarray, sums: _Sums) -> np.ndarray:
    """Change of the free energies that solves the equations; 0 for the first.

    The minimum of Σ_E H(E) ln Σ_l M_l e^{f_l - K_l E} - Σ_l M_l f_l, by Newton's
    method, long steps halved until they descend: convex, so there is one.
    """
    shift = np.zeros(states.shape[1])
    if len(shift) == 1:
        return shift
    for _ in range(MOST_STEPS):
        belongs = states * (sums.sizes * np.exp(shift))
        belongs /= belongs.sum(axis=1, keepdims=True)
        expected = sums.count @ belongs
        slope = (expected - sums.sizes)[1:]
        bend = np.diag(expected) - belongs.T @ (sums.count[:, None] * belongs)
        step = np.zeros_like(shift)
        step[1:] = -np.linalg.lstsq(bend[1:, 1:], slope, rcond=None)[0]
        if (length := abs(step).max()) > LONG:
            step *= min(1.0, LONGEST / length)
            step *= _descent(states, sums, shift, step)
        shift = shift + step
        if abs(step).max() < CONVERGED:
            return shift
    raise ValueError(
        f"the free energies of {len(shift)} ensembles did not converge in {MOST_STEPS} "
        "steps; their energies hardly overlap: sample couplings in between"
    )


def _descent(
    states: np.ndarray, sums: _Sums, start: np.ndarray, step: np.ndarray
) -> float:
    """The first of 1, 1/2, 1/4, … of a step that goes down."""

    def height(x: np.ndarray) -> float:
        inside = np.log(states @ (sums.sizes * np.exp(x)))
        return float(sums.count @ inside - sums.sizes @ x)

    here, share = height(start), 1.0
    while share > TINY and not height(start + share * step) <= here:
        share /= 2
    return share


def _thinned_solution(
    totals: list[np.ndarray], couplings: np.ndarray, samples: list[_Samples]
) -> np.ndarray:
    """pymbar's free energies of as many draws as are independent, evenly taken."""
    order = np.argsort(couplings)
    means = np.array([e.mean() for e in totals])[order]
    # dF/dK = ⟨E⟩, by the trapezium rule: close enough to start from.
    rise = np.diff(couplings[order]) * (means[1:] + means[:-1]) / 2
    start = np.zeros(len(couplings))
    start[order[1:]] = np.cumsum(rise)
    start -= start[0]
    if len(couplings) == 1:
        return start
    independent = np.array([s.weight * s.level.size for s in samples])
    share = min(1.0, THINNED / independent.sum())
    sizes = np.maximum(1, (share * independent).astype(int))
    energies = np.concatenate(
        [
            e.ravel()[np.linspace(0, e.size - 1, n).astype(int)]
            for e, n in zip(totals, sizes, strict=True)
        ]
    )
    with _quiet() as pymbar:
        found = pymbar.MBAR(
            np.multiply.outer(couplings, energies), sizes, initial_f_k=start
        ).f_k
    return np.asarray(found) if np.isfinite(found).all() else start


@contextmanager
def _quiet() -> Iterator[Any]:
    """pymbar without its words, on NumPy, and NumPy's generator left as it was.

    It logs on import, seeds NumPy's global generator on every call, and switches JAX
    to double precision for the whole process where it finds it.
    """
    log = logging.getLogger("pymbar")
    level, drawn = log.level, np.random.get_state()  # noqa: NPY002
    log.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield _pymbar()
    finally:
        log.setLevel(level)
        np.random.set_state(drawn)  # noqa: NPY002


def _pymbar() -> Any:
    hidden = "jax" not in sys.modules
    if hidden:
        sys.modules["jax"] = None  # type: ignore[assignment]  # an import of it fails
    try:
        import pymbar
    except ModuleNotFoundError as missing:
        if missing.name != "pymbar":
            raise
        raise ModuleNotFoundError(
            "reweighting several ensembles needs pymbar, which is not installed; "
            "install it with pip install 'kadanoff[reweight]'",
            name="pymbar",
        ) from None
    finally:
        if hidden:
            del sys.modules["jax"]
    return pymbar


# What comes out


def _check_overlap(joint: _Joint, least: float) -> None:
    shared = joint.shared()
    groups, group = csgraph.connected_components(shared >= least, directed=False)
    if groups > 1:
        apart = group[:, None] != group[None, :]
        one, other = np.unravel_index(np.where(apart, shared, -1).argmax(), apart.shape)
        raise ValueError(
            f"ensembles must overlap by {least:g} independent configurations, got "
            f"{shared[one, other]:.2g} between K = {joint.couplings[one]:g} and "
            f"{joint.couplings[other]:g}; sample more, or couplings in between"
        )


def _check_covered(
    targets: np.ndarray, n_eff: np.ndarray, joint: _Joint, least: float
) -> None:
    worst = int(n_eff.argmin())
    if n_eff[worst] < least:
        near = ", ".join(f"{k:g}" for k in np.unique(joint.couplings))
        raise ValueError(
            f"a target must rest on {least:g} independent configurations, got "
            f"{n_eff[worst]:.2g} at K = {targets.ravel()[worst]:g} from ensembles at "
            f"{near}; sample closer to it"
        )


def _check_agreement(own: Estimate, joint: _Joint) -> None:
    """Refuse an ensemble whose energy is not what the others say at its coupling."""
    # An ensemble that no other reaches differs from the joint reading by rounding.
    pull = abs(own.value) / np.maximum(own.error, ROUNDING)
    p = 2 * stats.t.sf(pull, own.freedom)
    worst = int(p.argmin())
    if p[worst] < LEVEL:
        raise ValueError(
            "ensembles must agree on the energy at each of their couplings, got a "
            f"difference of {own[worst]} at K = {joint.couplings[worst]:g} "
            f"(p = {p[worst]:.1e}); check the couplings, and the equilibrium"
        )


def _named(
    every: Estimate, targets: np.ndarray, names: list[str], n_eff: np.ndarray
) -> Reweighted:
    rows = [
        every.map(lambda value, i=i: value[i].reshape(targets.shape))
        for i in range(len(every.value))
    ]
    e, c, m, m2, chi, u4, log_z, *others = rows
    means = dict(zip(names, others, strict=True))
    rest = n_eff[: targets.size].reshape(targets.shape)
    return Reweighted(targets, e, c, m, m2, chi, u4, log_z, means, rest)
