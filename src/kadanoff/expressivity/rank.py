"""What one layer cannot do: certificates by rank, of products and of linear networks.

A hidden layer Σ_j w_j σ(a + Σ_i A_ji x_i) with one bias a is x_1 … x_n up to degree n
in its Taylor series if and only if, for all powers α with |α| ≤ n,

    Σ_j w_j A_j^α = c δ(α = (1, …, 1)),      c = 1/σ⁽ⁿ⁾(a),                         (1)

provided that σ⁽ᵏ⁾(a) ≠ 0 for k = 0 … n. The numbers Π_{i∈S} A_ji of the neurons j and
subsets S are a matrix with 2ⁿ columns. If its rank is less, some c_S make
q(A) = Σ_S c_S A^S vanish at every neuron; take the largest S* that occurs in it: then
q(A) Π_{i∉S*} A_i has degree n at most, vanishes at every neuron, and contains
A_1 … A_n once, so that (1) says 0 = c. Hence fewer than 2ⁿ neurons cannot do it
(H. W. Lin, M. Tegmark and D. Rolnick, J. Stat. Phys. 168, 1223 (2017), appendix A).
`product_certificate` runs this proof in whole numbers and hands out the polynomial.

What is proved: (1) has no solution for the given hidden weights; and, since the
argument is the same for all of them, none for any. Hence the error of (1) has a
positive least value over any bounded set of weights. What is evidence only: that it
stays away from 0 when the output weights may grow without bound, `least_error`.

What is presumed: one bias, no constant after the layer (it would be a neuron with
weights 0), and no derivative of σ up to the n-th that vanishes. Each premise is needed:

- Two GELU neurons at the minimum, where σ′ = 0, multiply two numbers, and so do three
  softplus neurons, each with a bias of its own. Their errors fall as λ, not as λ².
- softplus and GELU at 0 are z/2 and something even. For even n ≥ 4 the signs with
  s_1 = 1 are then the whole gate, with 2^{n-1} neurons and the same error.

A linear network has no such freedom: its flattened form is one matrix, and the number
of synapses of that is what it is. Sparse factors (the fast Fourier transform) and
narrow ones (low rank) have many fewer (section III of the same paper).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import least_squares
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

__all__ = [
    "Certificate",
    "LeastError",
    "bottleneck_error",
    "flattened",
    "fourier_factors",
    "least_error",
    "low_rank_factors",
    "product_certificate",
    "sparse_error",
    "subset_products",
    "synapses",
]

MOST_INPUTS = 6  # 924 conditions; one more input is 3432
CUT = 1e-13  # of the largest singular value, in the output weights

Powers = tuple[int, ...]


@dataclass(frozen=True)
class Certificate:
    """Whether given hidden neurons can multiply, with what shows it.

    Attributes:
        inputs: n.
        neurons: m.
        rank: of the matrix of products over subsets; 2ⁿ is necessary.
        output: weights w_j that solve (1) with c = 1, exact, if there are any.
        obstruction: else a polynomial in the hidden weights, coefficients by powers:
            it vanishes at every neuron and contains A_1 … A_n and only powers of (1).
    """

    inputs: int
    neurons: int
    rank: int
    output: tuple[Fraction, ...] | None
    obstruction: dict[Powers, Fraction] | None

    @property
    def possible(self) -> bool:
        """Whether some output weights do it."""
        return self.output is not None


def product_certificate(
    weights: Sequence[Sequence[int]], *, degrees: Sequence[int] | None = None
) -> Certificate:
    """Whether hidden neurons with these whole weights can multiply their inputs.

    Args:
        weights: A, one row for each neuron; a row of zeros is a constant.
        degrees: those with σ⁽ᵏ⁾(a) ≠ 0, by default 0 … n. The theorem presumes all.

    Raises:
        ValueError: weights that are not whole or not a matrix, more than 6 inputs, or
            degrees without n.

    >>> product_certificate([[1, 1], [-1, -1], [1, -1], [-1, 1]]).output
    (Fraction(1, 4), Fraction(1, 4), Fraction(-1, 4), Fraction(-1, 4))
    >>> product_certificate([[1, 1], [1, 0], [0, 1]]).possible
    False
    >>> product_certificate([[1, 1], [1, -1]], degrees=[0, 2]).possible  # σ′ = 0
    True
    """
    rows = _whole(weights)
    n, m = len(rows[0]), len(rows)
    used = set(range(n + 1)) if degrees is None else set(degrees)
    if n not in used or not used <= set(range(n + 1)):
        raise ValueError(
            f"the degrees of a product of {n} numbers are among 0 … {n} and include "
            f"{n}, got {degrees}"
        )
    rank = int(_exact(subset_products(rows)).rank())
    powers = [p for p in _powers(n) if sum(p) in used]
    output = _output(rows, powers)
    if output is not None:
        return Certificate(n, m, rank, output, None)
    by_proof = rank < 2**n and len(used) == n + 1
    found = _by_subsets(rows) if by_proof else _by_elimination(rows, powers)
    return Certificate(n, m, rank, None, found)


def subset_products(weights: Sequence[Sequence[int]]) -> list[list[int]]:
    """Π_{i∈S} A_ji, a row for each neuron and a column for each of the 2ⁿ subsets."""
    subsets = _subsets(len(weights[0]))
    return [[_monomial(row, s) for s in subsets] for row in weights]


def _by_subsets(rows: list[list[int]]) -> dict[Powers, Fraction]:
    """The polynomial of the proof: q(A) Π_{i∉S*} A_i."""
    n = len(rows[0])
    null = _exact(subset_products(rows)).nullspace().to_list()[0]
    q = {s: _fraction(c) for s, c in zip(_subsets(n), null, strict=True) if c}
    top = max(q, key=sum)
    return {
        tuple(a + 1 - b for a, b in zip(s, top, strict=True)): c for s, c in q.items()
    }


def _by_elimination(
    rows: list[list[int]], powers: list[Powers]
) -> dict[Powers, Fraction]:
    """A polynomial 1·A_1 … A_n + Σ_α y_α A^α that vanishes at every neuron."""
    whole = (1,) * len(rows[0])
    others = [p for p in powers if p != whole]
    left = [[_monomial(row, p) for p in others] for row in rows]
    y = _solved(left, [-_monomial(row, whole) for row in rows])
    if y is None:  # by the alternative of Fredholm there is an output or a polynomial
        raise AssertionError("neither a solution nor an obstruction")
    found = {p: c for p, c in zip(others, y, strict=True) if c}
    return found | {whole: Fraction(1)}


def _output(rows: list[list[int]], powers: list[Powers]) -> tuple[Fraction, ...] | None:
    """w of (1) with c = 1."""
    left = [[_monomial(row, p) for row in rows] for p in powers]
    found = _solved(left, [int(set(p) == {1}) for p in powers])
    return None if found is None else tuple(found)


def _solved(left: list[list[int]], right: list[int]) -> list[Fraction] | None:
    """One exact solution of a linear system, or None."""
    unknowns = len(left[0])
    joined = [[*row, value] for row, value in zip(left, right, strict=True)]
    reduced, pivots = _exact(joined).rref()
    if unknowns in pivots:
        return None
    found = [Fraction(0)] * unknowns
    for row, pivot in zip(reduced.to_list(), pivots, strict=False):
        found[pivot] = _fraction(row[-1])
    return found


def _exact(rows: list[list[int]]) -> DomainMatrix:
    entries = [[QQ(value) for value in row] for row in rows]
    return DomainMatrix(entries, (len(rows), len(rows[0])), QQ)


def _fraction(value: Any) -> Fraction:
    return Fraction(int(value.numerator), int(value.denominator))


def _monomial(row: Sequence[int], powers: Powers) -> int:
    return math.prod(a**p for a, p in zip(row, powers, strict=True))


def _subsets(inputs: int) -> list[Powers]:
    return list(itertools.product((0, 1), repeat=inputs))


def _powers(inputs: int) -> list[Powers]:
    """All powers of degree n at most, (2n)!/(n!)² of them."""
    every = itertools.product(range(inputs + 1), repeat=inputs)
    return [p for p in every if sum(p) <= inputs]


def _whole(weights: Sequence[Sequence[int]]) -> list[list[int]]:
    array = np.asarray(weights)
    if array.ndim != 2 or 0 in array.shape or not (array == np.round(array)).all():
        raise ValueError(
            "weights are a matrix of whole numbers, a row for each neuron, got "
            f"{weights}; multiply all by their denominator"
        )
    if array.shape[1] > MOST_INPUTS:
        raise ValueError(
            f"certificates are made for at most {MOST_INPUTS} inputs, got "
            f"{array.shape[1]}"
        )
    return [[int(value) for value in row] for row in array.tolist()]


@dataclass(frozen=True)
class LeastError:
    """How nearly m neurons meet (1), from several starts.

    Attributes:
        inputs: n.
        neurons: m.
        errors: of (1) with c = 1, root of the sum of squares over all powers, ascending
            `(starts,)`; 1 is what w = 0 has.
        largest: the largest |w_j| of each `(starts,)`.
    """

    inputs: int
    neurons: int
    errors: np.ndarray
    largest: np.ndarray


def least_error(
    inputs: int,
    neurons: int,
    *,
    rng: np.random.Generator,
    starts: int = 12,
    steps: int = 150,
) -> LeastError:
    """The least error of (1) found, hidden weights within ±1 and output weights free.

    The scale of the hidden weights is λ: without the box the lower degrees could be
    made small beside the n-th, by weights for which a Taylor series means nothing.
    Output weights are solved for at every step (variable projection), so that only the
    hidden ones are searched: a minimum that is found is an upper limit of the least.

    Raises:
        ValueError: no neurons or no starts, or more than 6 inputs.
    """
    if min(inputs, neurons, starts) < 1 or inputs > MOST_INPUTS:
        raise ValueError(
            f"1 to {MOST_INPUTS} inputs, a neuron and a start are needed, got "
            f"{inputs}, {neurons} and {starts}"
        )
    powers = np.array(_powers(inputs))
    target = (powers == 1).all(1).astype(float)

    def output(hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = hidden.reshape(neurons, 1, inputs)
        matrix = np.prod(rows**powers, axis=-1).T
        w = np.linalg.lstsq(matrix, target, rcond=CUT)[0]
        return matrix @ w - target, w

    found = []
    for _ in range(starts):
        start = rng.uniform(-1, 1, neurons * inputs)
        tight = dict.fromkeys(("xtol", "ftol", "gtol"), 1e-15)
        best = least_squares(
            lambda hidden: output(hidden)[0],
            start,
            bounds=(-1, 1),
            max_nfev=steps,
            **tight,
        )
        error, w = output(best.x)
        found.append((float(np.linalg.norm(error)), float(np.abs(w).max())))
    errors, largest = np.array(sorted(found)).T
    return LeastError(inputs, neurons, errors, largest)


def fourier_factors(size: int) -> list[Any]:
    """The unitary Fourier matrix e^{-2πi jk/n}/√n as a product of sparse arrays.

    For n = pm, F_n = (F_p ⊗ 1_m) T (1_p ⊗ F_m) P with the phases T = e^{-2πi jk/n}
    (j < p, k < m) and P, which sorts by the remainder mod p (J. W. Cooley and
    J. W. Tukey, Math. Comp. 19, 297 (1965)). One factor for each prime p of n, with np
    entries that are not zero, and all the sorting last, n crossed wires.

    Raises:
        ValueError: a size below 1.
    """
    if size < 1:
        raise ValueError(f"a Fourier transform has a size of at least 1, got {size}")
    if size == 1:
        return [sparse.csr_array(np.ones((1, 1), dtype=complex))]
    p = next(d for d in range(2, size + 1) if size % d == 0)
    m = size // p
    *inner, sorting = (
        sparse.kron(sparse.eye_array(p), f, format="csr") for f in fourier_factors(m)
    )
    j, k = np.arange(p)[:, None], np.arange(m)
    phases = sparse.diags_array(np.exp(-2j * np.pi * j * k / size).ravel())
    # Without a format kron may fill in zeros, which would count as synapses.
    meeting = sparse.kron(_fourier(p), sparse.eye_array(m), format="csr")
    by_remainder = np.arange(size).reshape(m, p).T.ravel()
    wires = sparse.csr_array(
        (np.ones(size), (np.arange(size), by_remainder)), shape=(size, size)
    )
    return [meeting @ phases, *inner, sorting @ wires]


def _fourier(size: int) -> np.ndarray:
    j = np.arange(size)
    return np.exp(-2j * np.pi * (np.outer(j, j) % size) / size) / math.sqrt(size)


def low_rank_factors(matrix: np.ndarray, width: int) -> list[np.ndarray]:
    """The linear network with a hidden layer of r neurons that is nearest to a matrix.

    Equal to it if its rank is r (C. Eckart and G. Young, Psychometrika 1, 211 (1936)).

    Raises:
        ValueError: a width outside of 1 … the smaller side.
    """
    _check_width(matrix, width)
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    return [u[:, :width] * s[:width], v[:width]]


def bottleneck_error(matrix: np.ndarray, width: int) -> float:
    """The least error of a linear network with a layer of r neurons, in units of |M|.

    √(Σ_{k>r} s_k² / Σ s_k²) in the Frobenius norm: 0 if and only if r is at least the
    rank, at any depth.

    Raises:
        ValueError: as `low_rank_factors`.
    """
    _check_width(matrix, width)
    s = np.linalg.svd(matrix, compute_uv=False)
    return float(np.linalg.norm(s[width:]) / np.linalg.norm(s))


def sparse_error(matrix: np.ndarray, kept: int) -> float:
    """The least error of one matrix with so many entries that are not zero, over |M|.

    Those of largest modulus are kept: for a unitary Fourier matrix √(1 - k/n²).

    Raises:
        ValueError: a number outside of 0 … all.
    """
    if not 0 <= kept <= matrix.size:
        raise ValueError(f"0 to {matrix.size} entries can be kept, got {kept}")
    moduli = np.sort(np.abs(matrix).ravel())
    lost = moduli[: matrix.size - kept]
    return float(np.linalg.norm(lost) / np.linalg.norm(moduli))


def flattened(factors: Sequence[Any]) -> np.ndarray:
    """The one matrix that a linear network is, its last layer first in the product."""
    product = factors[0]
    for factor in factors[1:]:
        product = product @ factor
    return product.toarray() if sparse.issparse(product) else np.asarray(product)


def synapses(factors: Sequence[Any], *, rounding: float = 1e-12) -> int:
    """Weights that are not zero, above rounding in units of the largest of a factor."""
    dense = (np.abs(flattened([f])) for f in factors)
    return sum(int((f > rounding * f.max()).sum()) for f in dense)


def _check_width(matrix: np.ndarray, width: int) -> None:
    if not 1 <= width <= min(matrix.shape):
        raise ValueError(
            f"a width of 1 … {min(matrix.shape)} is required for a matrix of shape "
            f"{matrix.shape}, got {width}"
        )
