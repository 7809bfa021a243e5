"""Partition functions as networks of four-leg tensors, and how to read them.

A tensor `T[l, r, u, d]` sits on every site of a square lattice; its legs point left,
right, up and down, and legs that meet are summed. With the Boltzmann factor of a bond
split as B(s, s') = Σ_a out(s, a) in(s', a), out being the side of the lower or left
site, a model of spins s with weights w(s) is

    T[l, r, u, d] = Σ_s w(s) in_x(s, l) out_x(s, r) out_y(s, u) in_y(s, d),

exactly. A map of tensor renormalization replaces the network by a coarser one; a state
says what is left to know of the original: a tensor stands for `sites` sites, its
weight is exp(`log_norm`) times the tensor, and it covers a parallelogram spanned by 1
(along the row) and `modulus` τ (across), i for a square.

*Reading.* Close t tensors into a ring, to be stacked into a torus of modulus τ: the
eigenvalues of that transfer matrix at a critical point are, in the scaling limit,

    ln |λ_i| + t log_norm = t a + 2π Im τ (c/12 - x_i),

a being the bulk free energy, c the central charge and x_i the scaling dimensions, the
smallest of which, x_0 = 0, is the identity (J. L. Cardy, Nucl. Phys. B 270, 186 (1986);
Z.-C. Gu and X.-G. Wen, Phys. Rev. B 80, 155131 (2009)). Two rings of different shape
give c without knowing a. Width n puts n tensors into one row: τ is divided by n.
Away from criticality the same formulas give c = 0 and x_i = 0 (as often as there are
phases) or infinity. The lattice must be isotropic in the scaling limit, or τ must undo
its anisotropy, see `ising`. Maps that turn the lattice by 45° take τ to
(1 + τ)/(1 - τ).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from kadanoff.protocols import RGMap

__all__ = [
    "Description",
    "Stop",
    "TensorState",
    "Transfer",
    "after",
    "central_charge",
    "converged",
    "growth",
    "ising",
    "leading_triplets",
    "local_tensor",
    "log_partition",
    "log_partition_per_site",
    "normalized",
    "potts",
    "run",
    "scaling_dimensions",
    "turned",
]

Tensor = NDArray[np.float64]

MAX_TRANSFER = 4096
"""Largest transfer matrix that is written out: 128 MB."""

MAX_STEPS = 10_000
"""Steps after which `run` says that its criterion is never met."""


@dataclass(frozen=True)
class Transfer:
    """A ring of tensors as a matrix from the legs below to those above.

    Attributes:
        matrix: square, `(legs, legs)`, without the factor exp(tensors · log_norm).
        tensors: number of tensors in it.
        modulus: of the torus it closes to.
    """

    matrix: Tensor
    tensors: int
    modulus: complex

    def spectrum(self) -> NDArray[np.float64]:
        """|λ_i|, descending."""
        return np.sort(np.abs(np.linalg.eigvals(self.matrix)))[::-1]


class Description(Protocol):
    """What a map of tensor renormalization leaves of a lattice model."""

    @property
    def log_norm(self) -> float:
        """Logarithm of the factor in front of each tensor."""
        ...

    @property
    def sites(self) -> int:
        """Sites of the original lattice per tensor."""
        ...

    @property
    def modulus(self) -> complex:
        """τ of the region one tensor covers."""
        ...

    def transfer(self, width: int) -> Transfer:
        """A ring, the wider the more tensors it has; 1 is the smallest."""
        ...


@dataclass(frozen=True)
class TensorState:
    """A square lattice of equal tensors.

    Attributes:
        tensor: `(left, right, up, down)`.
        log_norm: the weight of a tensor is exp(log_norm) times `tensor`.
        sites: sites of the original lattice that one tensor stands for.
        modulus: τ of the region one tensor covers, i for a square.
    """

    tensor: Tensor
    log_norm: float = 0.0
    sites: int = 1
    modulus: complex = 1j

    def __post_init__(self) -> None:
        shape = np.shape(self.tensor)
        if len(shape) != 4 or shape[0] != shape[1] or shape[2] != shape[3]:
            raise ValueError(
                f"a tensor needs four legs (left, right, up, down) with equal left and "
                f"right and equal up and down, got shape {shape}; build one with "
                "local_tensor"
            )
        if not (self.sites >= 1 and complex(self.modulus).imag > 0):
            raise ValueError(
                f"a tensor stands for at least one site on a region of modulus in the "
                f"upper half plane, got {self.sites} and {self.modulus}; "
                "a square is 1j"
            )

    @property
    def aspect(self) -> float:
        """Height over width of the region one tensor covers, Im τ."""
        return complex(self.modulus).imag

    def transfer(self, width: int = 1) -> Transfer:
        """A row of `width` tensors closed into a ring.

        Raises:
            ValueError: width below 1, or more than 4096 states of the legs.
        """
        matrix = _ring([self.tensor] * _checked_width(width, self.tensor.shape[2]))
        return Transfer(matrix, width, self.modulus / width)


def local_tensor(
    weights: Sequence[float] | NDArray[np.float64],
    horizontal: NDArray[np.float64],
    vertical: NDArray[np.float64],
) -> Tensor:
    """The tensor of one site of a model with q states, exactly; shape `(q, q, q, q)`.

    Args:
        weights: w(s) of a single site, `(q,)`.
        horizontal: Boltzmann factor of the bond to the right, `(q, q)`, symmetric.
        vertical: of the bond upwards, `(q, q)`, symmetric.

    Raises:
        ValueError: shapes that do not fit, or a matrix that is not symmetric.
    """
    w = np.asarray(weights, dtype=np.float64)
    for bond in (horizontal, vertical):
        if bond.shape != (len(w), len(w)) or not np.array_equal(bond, bond.T):
            raise ValueError(
                f"a bond of {len(w)} states needs a symmetric matrix of their "
                f"Boltzmann factors, got shape {bond.shape}; give one row per state"
            )
    out_x, in_x = _split(horizontal)
    out_y, in_y = _split(vertical)
    return np.einsum("s,sl,sr,su,sd->lrud", w, in_x, out_x, out_y, in_y)


def ising(
    coupling: float, *, field: float = 0.0, anisotropy: float = 1.0
) -> TensorState:
    """exp K [Σ_→ s s' + a Σ_↑ s s' + h Σ s] on the square lattice, legs of dimension 2.

    With a ≠ 1 and both bonds ferromagnetic the modulus is i (sinh 2K / sinh 2aK)^½: on
    the critical line sinh 2K sinh 2aK = 1 this is i sinh 2K, which undoes the
    anisotropy, since Onsager's cosh γ(p) = coth 2aK cosh 2K - cos p sinh 2K / sinh 2aK
    starts as γ = p sinh 2K there.

    Args:
        coupling: K = βJ of the horizontal bonds, of either sign.
        field: h, in units of J.
        anisotropy: a, vertical over horizontal J.

    Raises:
        ValueError: a number that is not finite.

    >>> ising(0.0).tensor.shape, round(log_partition(ising(0.0)), 12)
    ((2, 2, 2, 2), 0.69314718056)
    """
    for name, value in (
        ("coupling", coupling),
        ("field", field),
        ("anisotropy", anisotropy),
    ):
        if not math.isfinite(value):
            raise ValueError(
                f"the {name} must be a finite real number, got {value}; give K = βJ "
                "such as 0.44, and field and anisotropy in units of J"
            )
    spins = np.array([1.0, -1.0])
    across, along, lift = coupling, coupling * anisotropy, coupling * field
    # Largest factors are taken out so that no coupling overflows.
    state = local_tensor(
        np.exp(lift * spins - abs(lift)),
        np.exp(across * np.outer(spins, spins) - abs(across)),
        np.exp(along * np.outer(spins, spins) - abs(along)),
    )
    isotropic = anisotropy == 1.0 or min(across, along) <= 0
    modulus = 1j if isotropic else 1j * _squeeze(across, along)
    return TensorState(state, abs(lift) + abs(across) + abs(along), 1, modulus)


def potts(states: int, coupling: float) -> TensorState:
    """exp(K Σ_<ij> δ(s_i, s_j)) with q states on the square lattice, legs of size q.

    Raises:
        ValueError: fewer than two states, or a coupling that is not finite.
    """
    if states < 2 or not math.isfinite(coupling):
        raise ValueError(
            f"a Potts model needs at least two states and a finite coupling, got "
            f"q = {states} and K = {coupling}; give some such as 3 and 1.0"
        )
    largest = max(coupling, 0.0)
    bond = np.full((states, states), math.exp(-largest))
    np.fill_diagonal(bond, math.exp(coupling - largest))
    return TensorState(local_tensor(np.ones(states), bond, bond), 2 * largest)


def log_partition(state: Description, width: int = 1, rows: int = 1) -> float:
    """ln Z, a total, of the torus of `rows` rings of a given width.

    For a `TensorState` that is `width` times `rows` tensors. Exact for the tensors of
    a model, where a ring of one site closes its bonds on that site.

    Raises:
        ValueError: no row, or a sum that is not positive, so that it is no partition
            function (a truncation that went wrong).
    """
    if rows < 1:
        raise ValueError(f"a torus needs at least one row, got {rows}; give rows=1")
    ring = state.transfer(width)
    total = float(np.trace(np.linalg.matrix_power(ring.matrix, rows)))
    if not total > 0:
        raise ValueError(
            f"a partition function must be positive, got {total} times "
            "exp(log_norm); keep more states in the truncation"
        )
    return rows * ring.tensors * state.log_norm + math.log(total)


def log_partition_per_site(state: Description) -> float:
    """ln Z per site of the smallest torus; its error by size falls as 1/sites."""
    tensors = state.transfer(1).tensors
    return log_partition(state) / (tensors * state.sites)


def scaling_dimensions(
    state: Description, *, width: int = 1, count: int = 8
) -> NDArray[np.float64]:
    """x_i = ln|λ_0/λ_i| / (2π Im τ), ascending from x_0 = 0, of one ring.

    At most `count`, and no more than the ring has states. A vanishing eigenvalue has
    infinite dimension. The wider ring has the smaller truncation and the larger
    lattice error.
    """
    ring = state.transfer(width)
    moduli = ring.spectrum()[:count]
    with np.errstate(divide="ignore"):
        logs = np.log(moduli[0]) - np.log(moduli)
    return logs / (2 * math.pi * ring.modulus.imag)


def central_charge(state: Description) -> float:
    """c from the largest eigenvalues of the rings of width 1 and 2.

    The two lines ln|λ_0| = t a + π c Im τ / 6 are solved for a and c; nothing need be
    known of the free energy.
    """
    narrow, wide = state.transfer(1), state.transfer(2)
    low, high = (math.log(ring.spectrum()[0]) for ring in (narrow, wide))
    ratio = wide.tensors / narrow.tensors
    gap = ratio * narrow.modulus.imag - wide.modulus.imag
    return 6 / math.pi * (ratio * low - high) / gap


def turned(modulus: complex) -> complex:
    """τ of the lattice spanned by 1 - τ (down right) and 1 + τ (up right)."""
    return (1 + modulus) / (1 - modulus)


def normalized(tensor: Tensor) -> tuple[Tensor, float]:
    """The tensor over its Euclidean norm, and the logarithm of the latter."""
    norm = float(np.linalg.norm(tensor))
    return tensor / norm, math.log(norm)


def leading_triplets(
    matrix: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The `count` largest singular triplets u, s, vᵀ of a matrix.

    A small share of a large matrix is found by iterating a subspace of twice that size
    (N. Halko, P. G. Martinsson and J. A. Tropp, SIAM Rev. 53, 217 (2011), algorithm
    4.4) until the singular values stand still to rounding; else all are computed. The
    start is fixed and meets every symmetry sector, so that the result is a function of
    the matrix. Directions lost in rounding, below 1e-15 of the largest, are left out.
    """
    size = min(matrix.shape)
    found = _iterated(matrix, count) if 6 * count < size else None
    u, s, v = np.linalg.svd(matrix, full_matrices=False) if found is None else found
    keep = min(count, int(np.count_nonzero(s > 1e-15 * s[0])))
    return u[:, :keep], s[:keep], v[:keep]


def _iterated(
    matrix: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    rows, columns = np.arange(1, matrix.shape[1] + 1), np.arange(1, 2 * count + 1)
    # A Kronecker sequence: as good as noise here, and the same every time.
    start = np.outer(rows, np.sqrt(columns + 0.5)) % 1.0 - 0.5
    image, last = matrix @ start, np.zeros(2 * count)
    for _ in range(24):
        basis = _orthonormal(image)[0]
        rows_of, triangle = _orthonormal(matrix.T @ basis)
        left, s, right = np.linalg.svd(triangle.T)
        if np.abs(s - last)[:count].max() < 1e-14 * s[0]:
            return basis @ left, s, right @ rows_of.T
        image, last = matrix @ rows_of, s
    return None


def _orthonormal(columns: Tensor) -> tuple[Tensor, Tensor]:
    both: Any = qr(columns, mode="economic", overwrite_a=True, check_finite=False)
    return both


@dataclass(frozen=True)
class Stop:
    """A criterion on all states so far; `|` and `&` combine two of them."""

    met: Callable[[Sequence[Description]], bool]

    def __or__(self, other: Stop) -> Stop:
        return Stop(lambda states: self.met(states) or other.met(states))

    def __and__(self, other: Stop) -> Stop:
        return Stop(lambda states: self.met(states) and other.met(states))


def after(steps: int) -> Stop:
    """Met when that many steps are done.

    Raises:
        ValueError: a negative number.
    """
    if steps < 0:
        raise ValueError(
            f"the number of steps must not be negative, got {steps}; "
            "after(0) keeps the start"
        )
    return Stop(lambda states: len(states) > steps)


def converged(
    tolerance: float,
    of: Callable[[Description], float] = log_partition_per_site,
) -> Stop:
    """Met when a reading has moved by no more than `tolerance` in the last step.

    Raises:
        ValueError: a tolerance that is not positive.
    """
    if not tolerance > 0:
        raise ValueError(
            f"the tolerance must be positive, got {tolerance}; give one such as 1e-9"
        )
    return Stop(
        lambda states: (
            len(states) > 1 and abs(of(states[-1]) - of(states[-2])) <= tolerance
        )
    )


def run(scheme: RGMap, state: Description, stop: Stop) -> tuple[Description, ...]:
    """The trajectory of a tensor, from the start to the state where `stop` is met.

    Raises:
        ValueError: a criterion that is not met in 10000 steps.

    >>> from kadanoff.flows.trg import TRG
    >>> states = run(TRG(8), ising(0.3), after(4) | converged(1e-12))
    >>> [each.sites for each in states]
    [1, 2, 4, 8, 16]
    """
    states = [state]
    while not stop.met(states):
        if len(states) > MAX_STEPS:
            raise ValueError(
                f"the criterion was not met in {MAX_STEPS} steps; "
                "add `| after(n)` to it"
            )
        states.append(scheme.step(states[-1]))
    return tuple(states)


def growth(
    scheme: RGMap,
    theory: Callable[[float], Description],
    at: float,
    *,
    shift: float,
    steps: int,
    order: int = 1,
) -> NDArray[np.float64]:
    """y of each step: how fast a small change of one coupling grows, as b^y.

    The tensors themselves may differ by a gauge from step to step; the smallest gap of
    the wider ring, x_1, may not, and near a fixed point its change is b^y times what it
    was one step before. A temperature gives y_T, a field y_H.

    Args:
        scheme: the map.
        theory: the description at a value of the coupling, such as `ising`.
        at: the critical value.
        shift: the change. Too large it leaves the neighbourhood of the fixed point
            after few steps, too small it is lost in rounding and truncation.
        steps: how many.
        order: of x_1 in the change, 1, or 2 if x_1 is even in it (a field).

    Returns:
        The exponents, `(steps,)`. The first ones see the lattice, the last ones the
        truncation.

    Raises:
        ValueError: another order, or fewer than one step.

    >>> from kadanoff.exact.constants import K_C
    >>> from kadanoff.flows.btrg import BTRG
    >>> y = growth(BTRG(8), ising, K_C, shift=1e-5, steps=5)
    >>> [round(float(each), 2) for each in y]
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    if order not in (1, 2) or steps < 1:
        raise ValueError(
            f"growth is read over at least one step and in a change of order 1 or 2, "
            f"got {steps} and {order}; a field is of order 2"
        )
    ends = (at + shift, at - shift if order == 1 else at)
    flows = [run(scheme, theory(value), after(steps)) for value in ends]
    high, low = (
        np.array([scaling_dimensions(state, width=2, count=2)[1] for state in flow])
        for flow in flows
    )
    scales = np.log([state.sites for state in flows[0]]) / 2
    return np.diff(np.log(np.abs(high - low))) / np.diff(scales) / order


def _split(bond: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
    """`out` and `in` with out @ in.T = bond; a negative eigenvalue signs `in`."""
    values, vectors = np.linalg.eigh(bond)
    out = vectors * np.sqrt(np.abs(values))
    return out, out * np.sign(values)


def _squeeze(across: float, along: float) -> float:
    """(sinh 2K / sinh 2aK)^½ without overflow."""
    decay = math.expm1(-4 * across) / math.expm1(-4 * along)
    return math.exp(across - along) * math.sqrt(decay)


def _ring(row: Sequence[Tensor]) -> Tensor:
    """Transfer matrix of a row of tensors, `(lower legs, upper legs)`."""
    *front, last = [tensor.transpose(0, 1, 3, 2) for tensor in row]
    if not front:
        return np.einsum("aadu->du", last)
    chain = front[0]
    for tensor in front[1:]:
        joined = np.tensordot(chain, tensor, (1, 0)).transpose(0, 3, 1, 4, 2, 5)
        left, right, down, d, up, u = joined.shape
        chain = joined.reshape(left, right, down * d, up * u)
    closed = np.tensordot(chain, last, ((0, 1), (1, 0))).transpose(0, 2, 1, 3)
    down, d, up, u = closed.shape
    return closed.reshape(down * d, up * u)


def _checked_width(width: int, leg: int) -> int:
    if width < 1 or leg**width > MAX_TRANSFER:
        raise ValueError(
            f"a ring needs a width of at least 1 and at most {MAX_TRANSFER} states, "
            f"got width {width} of legs of dimension {leg}; take a narrower one"
        )
    return width
