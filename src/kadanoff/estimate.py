"""A number with an error bar that knows which chains it came from.

An `Estimate` keeps its value and, for every set of chains that it rests on (a
*lineage*), its delete-one-block jackknife replicates θ_(b). Its covariance is

    cov = Σ_lineages (B-1)/B Σ_b (θ_(b) - θ̄)(θ_(b) - θ̄)ᵀ

(Efron 1982, eq. 3.5). Replicates of one lineage are aligned: readings of the same
chains are recombined block by block, so differences, ratios, eigenvalues and fits
carry the right error; readings of different chains add as independent.

B blocks give a variance with B - 1 degrees of freedom, and an error bar that is itself
uncertain: one error covers the truth in 50 % of readings with 2 blocks, 64 % with 6,
67.5 % with 32. `Estimate.interval` asks Student's t instead, whose ν for several
lineages of variances v_l is (Σ v_l)²/Σ v_l²/(B_l - 1) (Welch, Biometrika 34, 28 (1947);
Satterthwaite, Biometrics Bull. 2, 110 (1946)).
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from kadanoff.ensemble import Ensemble

__all__ = [
    "NO_NUMBER",
    "Estimate",
    "chain_range",
    "check_same_chains",
    "combine",
    "jackknife",
    "number_text",
    "parenthesised",
    "share_chains",
    "weighted_jackknife",
]

ROUNDING = 2.5e-13  # an error of a float that nothing but its last bits changed
ONE_SIGMA = math.erf(math.sqrt(0.5))  # 0.6827: a Gaussian lies within one σ
NOTHING = 1e-12  # a value and an error that are the rounding of a sum to zero
NO_NUMBER = "none"
RANGE = re.compile(r"(?P<root>.*)\[(?P<first>\d+):(?P<last>\d+)\]")


@dataclass(frozen=True, eq=False)
class Estimate:
    """A value with aligned jackknife replicates.

    Args:
        value: scalar or array, in the units of the reading.
        replicates: lineage → array `(blocks, *value.shape)`; empty for exact numbers.
        n_eff: independent configurations the reading rests on.

    >>> e = Estimate(np.array(0.5), {"a": np.array([0.49, 0.51])}, n_eff=2)
    >>> print(e, 2 * e)
    0.500(10) 1.000(20)
    """

    value: np.ndarray
    replicates: Mapping[str, np.ndarray]
    n_eff: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", np.asarray(self.value, dtype=float))

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of the flattened value, shape `(k, k)`."""
        k = self.value.size
        parts = (_deviations(r).reshape(len(r), k) for r in self.replicates.values())
        return sum((d.T @ d * (len(d) - 1) / len(d) for d in parts), np.zeros((k, k)))

    @property
    def error(self) -> np.ndarray:
        """One standard error, the shape of the value.

        Its square is unbiased; with few blocks, `interval` knows how uncertain it is.
        """
        return np.asarray(np.sqrt(sum(self._variances(), np.zeros_like(self.value))))

    @property
    def freedom(self) -> np.ndarray:
        """Degrees of freedom of the error, the shape of the value; ∞ of no error.

        Of one lineage B - 1, of several the ν of Welch and Satterthwaite: between the
        smallest B - 1 and their sum.
        """
        parts = list(self._variances())
        total = sum(parts, np.zeros_like(self.value))
        doubt = np.zeros_like(self.value)
        for part, replicates in zip(parts, self.replicates.values(), strict=True):
            # Shares and not squares, which underflow at errors below 1e-81.
            share = np.divide(part, total, out=np.zeros_like(total), where=total != 0)
            doubt = doubt + share**2 / (len(replicates) - 1)
        freedom = np.full_like(doubt, math.inf)
        return np.divide(1.0, doubt, out=freedom, where=doubt != 0)

    def interval(self, level: float = ONE_SIGMA) -> tuple[np.ndarray, np.ndarray]:
        """Both ends of the interval that holds the truth with probability `level`.

        Value ± t error, t of Student's law with `freedom` degrees of freedom: wider
        than a multiple of the error, the more so the fewer the blocks.

        Args:
            level: between 0 and 1, both excluded; that of one Gaussian σ, 0.6827, if
                not given.

        Raises:
            ValueError: a level outside these bounds.

        >>> e = Estimate(np.array(0.0), {"a": np.array([-1.0, 1.0])}, n_eff=2)
        >>> [round(float(end), 2) for end in e.interval(0.5)]
        [-1.0, 1.0]
        """
        from scipy.special import stdtrit

        if not 0 < level < 1:
            raise ValueError(
                "the level of an interval lies between 0 and 1, both excluded, got "
                f"{level}; give for example 0.95"
            )
        half = stdtrit(self.freedom, (1 + level) / 2) * self.error
        return self.value - half, self.value + half

    def _variances(self) -> Iterator[np.ndarray]:
        """What each lineage adds to the square of the error."""
        for replicates in self.replicates.values():
            d = _deviations(replicates)
            yield (len(d) - 1) / len(d) * (d**2).sum(axis=0)

    def map(self, function: Callable[..., Any]) -> Estimate:
        """The estimate of `function(value)`."""
        return combine(function, self)

    def __getitem__(self, index: Any) -> Estimate:
        return self.map(lambda value: value[index])

    def __add__(self, other: Any) -> Estimate:
        return combine(np.add, self, other)

    def __sub__(self, other: Any) -> Estimate:
        return combine(np.subtract, self, other)

    def __mul__(self, other: Any) -> Estimate:
        return combine(np.multiply, self, other)

    def __truediv__(self, other: Any) -> Estimate:
        return combine(np.divide, self, other)

    def __neg__(self) -> Estimate:
        return self.map(np.negative)

    def __rsub__(self, other: Any) -> Estimate:
        return combine(np.subtract, other, self)

    def __rtruediv__(self, other: Any) -> Estimate:
        return combine(np.divide, other, self)

    __radd__ = __add__
    __rmul__ = __mul__
    __array_ufunc__ = None  # NumPy arrays on the left hand over to __radd__ and friends

    def __str__(self) -> str:
        if self.value.ndim == 0:
            return parenthesised(float(self.value), float(self.error))
        pairs = zip(self.value.ravel(), self.error.ravel(), strict=True)
        return "[" + " ".join(parenthesised(v, e) for v, e in pairs) + "]"

    def __repr__(self) -> str:
        return f"Estimate({self}, n_eff={self.n_eff:.0f})"

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready `{"value", "error", "n_eff"}`; what is not finite becomes None."""
        return {
            "value": _jsonable(self.value),
            "error": _jsonable(self.error),
            "n_eff": round(float(self.n_eff), 1),
        }


def combine(function: Callable[..., Any], *arguments: Any) -> Estimate:
    """The estimate of `function(*arguments)`, block by aligned block.

    Args:
        function: takes the values of the arguments, returns a scalar or an array.
        arguments: estimates, or exact numbers and arrays.

    Raises:
        ValueError: two estimates share chains but cut them into different blocks, or
            share only some of their chains.
    """
    estimates = [a for a in arguments if isinstance(a, Estimate)]
    blocks = _common_blocks(estimates)
    central = function(*(_value(a) for a in arguments))
    replicates = {
        lineage: np.array(
            [function(*(_value(a, lineage, b) for a in arguments)) for b in range(n)],
            dtype=float,
        )
        for lineage, n in blocks.items()
    }
    n_eff = min((e.n_eff for e in estimates), default=math.inf)
    return Estimate(central, replicates, n_eff)


def jackknife(
    observe: Callable[..., tuple[np.ndarray, ...]],
    function: Callable[..., Any],
    *ensembles: Ensemble,
) -> Estimate:
    """The estimate of `function` of the means of per-configuration observables.

    Configurations stream through block by block; the ensembles (a fine one and its
    coarse-grained partner, say) must hold the same chains and draws.

    Args:
        observe: `(n, *lattice)` values of each ensemble → tuple of block means.
        function: takes those means over all but one block, returns the reading.

    Raises:
        ValueError: the ensembles do not share their chains, or hold a single block.
    """
    first = ensembles[0]
    for other in ensembles[1:]:
        check_same_chains(first, other)
    blocks = first.blocks()
    sizes = np.array([b.size for b in blocks], dtype=float)
    means = [observe(*(e.read(block) for e in ensembles)) for block in blocks]
    columns = [np.stack(column) for column in zip(*means, strict=True)]
    return weighted_jackknife(
        columns, function, sizes, lineage=first.lineage, n_eff=first.n_eff
    )


def weighted_jackknife(
    columns: list[np.ndarray],
    function: Callable[..., Any],
    sizes: np.ndarray,
    *,
    lineage: str,
    n_eff: float,
) -> Estimate:
    """The estimate of `function` from block means `(blocks, …)` of given block sizes.

    Raises:
        ValueError: fewer than two blocks.
    """
    if len(sizes) < 2:
        raise ValueError(
            "an error bar needs at least 2 blocks of configurations, got "
            f"{len(sizes)}; sample more chains or more draws"
        )
    totals = [np.tensordot(sizes, c, axes=1) for c in columns]
    everything = function(*(t / sizes.sum() for t in totals))
    replicates = [
        function(
            *(
                (t - n * c[b]) / (sizes.sum() - n)
                for t, c in zip(totals, columns, strict=True)
            )
        )
        for b, n in enumerate(sizes)
    ]
    return Estimate(everything, {lineage: np.array(replicates, dtype=float)}, n_eff)


def chain_range(lineage: str) -> tuple[str, int, float]:
    """Root, first and last chain (exclusive) that a lineage names.

    >>> chain_range("sample-1a2b[64:128]")
    ('sample-1a2b', 64, 128)
    >>> chain_range("sample-1a2b")
    ('sample-1a2b', 0, inf)
    """
    found = RANGE.fullmatch(lineage)
    if found is None:
        return lineage, 0, math.inf
    return found["root"], int(found["first"]), int(found["last"])


def share_chains(one: str, other: str) -> bool:
    """Whether two lineages name some of the same chains."""
    root, first, last = chain_range(one)
    other_root, other_first, other_last = chain_range(other)
    return root == other_root and first < other_last and other_first < last


def check_same_chains(first: Ensemble, other: Ensemble) -> None:
    """Refuse a joint reading of different chains or draws.

    Raises:
        ValueError: another lineage, or another number of chains or draws.
    """
    here, there = (
        f"{e.lineage} ({e.chains} chains × {e.draws} draws)" for e in (first, other)
    )
    if here != there:
        raise ValueError(
            f"a joint reading needs the same chains and draws, got {here} and {there}; "
            "coarse-grain the ensemble that you compare with"
        )


def _deviations(replicates: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # an infinite replicate: the error is NaN
        return replicates - replicates.mean(axis=0)


def _common_blocks(estimates: list[Estimate]) -> dict[str, int]:
    blocks: dict[str, int] = {}
    for estimate in estimates:
        for lineage, replicates in estimate.replicates.items():
            n = blocks.setdefault(lineage, len(replicates))
            if n != len(replicates):
                raise ValueError(
                    f"estimates from the same chains must share their blocks, got {n} "
                    f"and {len(replicates)} blocks of {lineage}; read both from "
                    "ensembles with the same draws"
                )
    for one, other in itertools.combinations(blocks, 2):
        if share_chains(one, other):
            raise ValueError(
                f"estimates are read from the same chains or from different ones, got "
                f"{one} and {other}, which overlap; read both from one of them"
            )
    return blocks


def _value(argument: Any, lineage: str | None = None, block: int = 0) -> Any:
    if not isinstance(argument, Estimate):
        return argument
    if lineage is not None and lineage in argument.replicates:
        return argument.replicates[lineage][block]
    return argument.value


def parenthesised(value: float, error: float) -> str:
    """`value(error)`: two digits of the error, in units of the last one shown."""
    if not math.isfinite(value) or not math.isfinite(error):
        return f"{value:.6g}({error:.2g})"
    if error <= ROUNDING * max(1.0, abs(value)):
        return f"{value:.10g}(0)"
    digits = 1 - math.floor(math.log10(error))
    if round(error, digits) >= 10.0 ** (2 - digits):
        digits -= 1  # 0.0997 rounds to 0.10: keep two digits, not three
    if digits <= 0:
        return f"{round(value, digits):.0f}({round(error, digits):.0f})"
    return f"{value:.{digits}f}({round(error * 10**digits)})"


def number_text(value: Any) -> str:
    """A plain number in three digits, an estimate with its error.

    What is no number is `none`; a question mark stands for an error that is not known;
    what is neither is shown as it is.
    """
    if isinstance(value, float):
        return f"{value:.3g}" if math.isfinite(value) else NO_NUMBER
    if not isinstance(value, Estimate) or value.value.ndim:
        return str(value)
    if not math.isfinite(value.value):
        return NO_NUMBER
    if not math.isfinite(value.error):
        return f"{float(value.value):.3g}(?)"
    rounding = max(float(value.error), abs(float(value.value))) <= NOTHING
    return "0(0)" if rounding else str(value)


def _jsonable(array: np.ndarray) -> Any:
    finite = array.astype(object)
    finite[~np.isfinite(array)] = None
    return finite.tolist()
