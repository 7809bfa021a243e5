"""What a coarse spin knows of its surroundings, exactly: I(H:E) on small lattices.

    I(H:E) = Σ p(h, e) ln [p(h, e) / p(h) p(e)]                          in nats

H is drawn from a block by a rule P(h | window), any table; between the block and the
environment E lies a buffer that neither of them is made of. What is kept of E at a
distance is what can matter at long distances, and a good rule is one that keeps most of
it (M. Koch-Janusz and Z. Ringel, Nat. Phys. 14, 578 (2018); P. M. Lenggenhager et al.,
Phys. Rev. X 10, 011037 (2020)). An information divided by `BIT` = ln 2 is in bits.

A buffer of width w holds the sites that are at most w steps from the block along every
direction, diagonal steps included. For nearest neighbours the sites just outside it
screen all others, so that on a chain E is two spins and on a strip two rows:

    p(h, l, r) ∝ (T^{w+1} M_h T^{w+1})_{lr} (T^{rest})_{rl},

T the transfer matrix, symmetric, M_h that of the rows that the rule reads, each state
weighted by P(h | window).

A table is `(h, window state)`; its columns add up to 1. States are numbered as those of
`kadanoff.exact.pairs.states`: the window row by row, the first site most significant,
-1 before +1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise, product
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, kl_div

from kadanoff.exact.pairs import MAX_STATES, Law, law, states

__all__ = [
    "BIT",
    "buffered_block",
    "chain_information",
    "enumerated_information",
    "kept_spin",
    "mutual_information",
    "strip_information",
    "surroundings",
    "torus_information",
    "vote",
]

BIT = math.log(2)
"""One bit in nats."""

MAX_WIDTH = 10
"""Widest strip: 1024 states of a row."""

MAX_WINDOW = 16
"""Most sites that a rule reads on a strip."""

MAX_RANGE = 150.0
"""Largest |K| times the width: T then spans e^{±600}."""

Table = NDArray[np.float64]


def mutual_information(joint: ArrayLike) -> float:
    """I of two discrete variables, in nats, from weights `(h, e)` of any norm.

    Every term of the sum is positive, so that nothing cancels where I is small.

    Raises:
        ValueError: another shape, or weights that are negative, not finite or all zero.

    >>> round(mutual_information([[0.5, 0.0], [0.0, 0.5]]) / BIT, 12)
    1.0
    """
    weights = np.asarray(joint, dtype=float)
    if weights.ndim != 2 or not np.isfinite(weights).all() or weights.min() < 0:
        raise ValueError(
            "a joint law is a table (h, e) of finite weights that are not negative, "
            f"got one of shape {weights.shape}"
        )
    if weights.sum() == 0:
        raise ValueError("a joint law has some weight, got a table of zeros")
    p = weights / weights.sum()
    apart = p.sum(axis=1, keepdims=True) * p.sum(axis=0, keepdims=True)
    lost = (apart == 0) & (p > 0)  # below the smallest float, and adding less than it
    return float(kl_div(p, np.where(lost, p, apart)).sum())


def vote(sites: int, *, sharpness: float = math.inf) -> Table:
    """P(h | block) = e^{p h Σs} / 2 cosh(p Σs), `(2, 2^sites)`: majority at p = ∞.

    Raises:
        ValueError: no site or more than 16, or a sharpness that is negative.

    >>> vote(2).tolist()
    [[1.0, 0.5, 0.5, 0.0], [0.0, 0.5, 0.5, 1.0]]
    """
    _check_window(sites)
    if not sharpness >= 0:
        raise ValueError(f"a sharpness is at least 0, got {sharpness}; use inf")
    total = states(sites).sum(axis=1, dtype=float)
    exponent = np.zeros_like(total)
    np.multiply(2 * sharpness, total, out=exponent, where=total != 0)  # not 0·∞
    return np.stack([expit(-exponent), expit(exponent)])


def kept_spin(sites: int, which: int = 0) -> Table:
    """The table of decimation: h is one spin of the window, `(2, 2^sites)`.

    Raises:
        ValueError: no site or more than 16, or a spin that the window does not hold.

    >>> kept_spin(2).tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]
    """
    _check_window(sites)
    if not 0 <= which < sites:
        raise ValueError(f"a window of {sites} sites holds no spin {which}")
    up = states(sites)[:, which] > 0
    return np.stack([~up, up]).astype(float)


def surroundings(
    shape: Sequence[int], *, b: int = 2, buffer: int = 0, reach: int | None = None
) -> NDArray[np.int64]:
    """The sites of the environment of the block [0, b)^d on a torus, `(site, d)`.

    Those more than `buffer` steps from the block along some direction and at most
    `buffer + reach` along each.

    Args:
        shape: the sides.
        b: side of the block.
        buffer: width of what is left out around it.
        reach: width of the environment; all other sites where not given.

    Raises:
        ValueError: a block longer than a side, a negative buffer, a reach below 1, or
            no site left.

    >>> surroundings((6,), b=2, buffer=1).ravel().tolist()
    [3, 4]
    """
    away = _steps_away(shape, b, buffer)
    if reach is not None and reach < 1:
        raise ValueError(f"an environment is at least 1 site wide, got {reach}")
    outer = away.max() if reach is None else buffer + reach
    chosen = np.argwhere((away > buffer) & (away <= outer))
    if not len(chosen):
        raise ValueError(
            f"a buffer of {buffer} around a block of {b} leaves nothing of a lattice "
            f"of shape {away.shape}; use a narrower buffer or a larger lattice"
        )
    return chosen


def buffered_block(
    shape: Sequence[int], *, b: int = 2, buffer: int = 0
) -> NDArray[np.int64]:
    """The sites of the block [0, b)^d and of its buffer on a torus, `(site, d)`.

    Raises:
        ValueError: a block longer than a side, or a negative buffer.

    >>> buffered_block((6,), b=2, buffer=1).ravel().tolist()
    [0, 1, 2, 5]
    """
    return np.argwhere(_steps_away(shape, b, buffer) <= buffer)


def _steps_away(shape: Sequence[int], b: int, buffer: int) -> NDArray[np.int64]:
    """Steps from the block along the direction with most of them, of every site."""
    sides = tuple(int(side) for side in shape)
    if not sides or not 1 <= b <= min(sides):
        raise ValueError(
            f"a block of side {b} needs a lattice at least as long, got shape {sides}"
        )
    if buffer < 0:
        raise ValueError(f"a buffer is at least 0 sites wide, got {buffer}")
    away = np.zeros(sides, dtype=np.int64)
    for axis, side in enumerate(sides):
        x = np.arange(side)
        steps = np.where(x < b, 0, np.minimum(x - b + 1, side - x))
        form = [-1 if k == axis else 1 for k in range(len(sides))]
        away = np.maximum(away, steps.reshape(form))
    return away


def enumerated_information(
    model: Law, table: ArrayLike, *, window: ArrayLike, environment: ArrayLike
) -> float:
    """I(H:E) in nats by visiting every state of a small model of pairs.

    Args:
        model: spins or Potts colours; a window of colours has q^sites states.
        table: P(h | window), `(h, window state)`.
        window: numbers of the sites that the rule reads, in the order of the table.
        environment: numbers of the sites of E; they may be among those of the window.

    Raises:
        ValueError: a table that is no conditional law of this window, or sites that the
            model does not have.
    """
    q = model.q or 2
    read, kept = (_sites_of(model, sites) for sites in (window, environment))
    rule = _checked_table(table, q ** len(read))
    if len(rule) * q ** len(kept) > MAX_STATES:
        raise ValueError(
            f"a joint law of at most {MAX_STATES} entries is enumerated, got "
            f"{len(rule)} × {q}^{len(kept)}; take fewer sites of the environment"
        )
    around, inside = _code(model, kept), _code(model, read)
    size = q ** len(kept)
    joint = [
        np.bincount(around, weights=model.probabilities * row[inside], minlength=size)
        for row in rule
    ]
    return mutual_information(joint)


def torus_information(
    shape: Sequence[int],
    coupling: float,
    table: ArrayLike,
    *,
    b: int = 2,
    window: int | None = None,
    buffer: int = 0,
    reach: int | None = None,
) -> float:
    """I(H:E) in nats of a small periodic Ising lattice, by enumeration.

    Args:
        shape: the sides, each at least 2, at most 22 sites.
        coupling: K = βJ.
        table: P(h | window), `(h, 2^sites of the window)`.
        b: side of the block, which sets buffer and environment.
        window: side of what the rule reads, from site (b - window)//2 of the block on
            along every direction; b where not given.
        buffer: width of what is left out around the block.
        reach: as in `surroundings`.

    Raises:
        ValueError: too many sites, a side below 2, a window longer than a side, or as
            in `enumerated_information` and `surroundings`.

    >>> round(torus_information((4, 4), 0.0, vote(4)), 12)
    0.0
    """
    sides = tuple(int(side) for side in shape)
    if not sides or min(sides) < 2:
        raise ValueError(f"a torus has sides of at least 2, got shape {sides}")
    width = b if window is None else window
    if not 1 <= width <= min(sides):
        raise ValueError(
            f"a window of side {width} does not fit on a lattice of shape {sides}"
        )
    around = surroundings(sides, b=b, buffer=buffer, reach=reach)
    sites = np.arange(math.prod(sides)).reshape(sides)
    ahead = [np.roll(sites, -1, axis) for axis in range(len(sides))]
    bonds = np.concatenate([np.stack([sites.ravel(), a.ravel()], 1) for a in ahead])
    start = (b - width) // 2
    box = [[(start + k) % side for k in range(width)] for side in sides]
    return enumerated_information(
        law(sites.size, bonds, coupling),
        table,
        window=sites[np.ix_(*box)].ravel(),
        environment=sites[tuple(around.T)],
    )


def chain_information(
    coupling: float, table: ArrayLike, *, buffer: int = 0, sites: int | None = None
) -> float:
    """I(H:E) in nats on the Ising chain, from the tanh^r K of its two boundary spins.

    Args:
        coupling: K = βJ of either sign.
        table: P(h | block), `(h, 2^b)`, of a block of b spins.
        buffer: spins left out on either side.
        sites: length of the ring; the infinite chain where not given.

    Raises:
        ValueError: a table that is no conditional law, a coupling that is not finite,
            a negative buffer, or a ring without an environment.

    >>> round(chain_information(20.0, vote(2), buffer=3) / BIT, 9)
    1.0
    """
    if not math.isfinite(coupling):
        raise ValueError(f"the coupling must be a finite real number, got {coupling}")
    rule = _checked_table(table)
    b = _bits(rule)
    rest = _rest(sites, b, buffer)
    block = states(b).astype(int)
    t = math.tanh(coupling)
    inside = _walk(block[:, :-1], block[:, 1:], t).prod(axis=1)
    ends, both = t ** (buffer + 1), np.array([-1, 1])
    left = _walk(both[:, None], block[None, :, 0], ends)  # (l, block)
    right = _walk(block[None, :, -1], both[:, None], ends)  # (r, block)
    outside = _walk(both[:, None], both, t**rest if rest is not None else 0.0)
    joint = np.einsum("hs,ls,rs,lr->hlr", rule * inside, left, right, outside)
    return mutual_information(joint.reshape(len(rule), -1))


def strip_information(
    width: int,
    coupling: float,
    table: ArrayLike,
    *,
    b: int = 2,
    window: int | None = None,
    buffer: int = 0,
    length: int | None = None,
) -> float:
    """I(H:E) in nats on an Ising strip, periodic across, E the rows beyond the buffer.

    Where b + 2 buffer is at least the width this is the environment of `surroundings`
    on a torus (length, width).

    Args:
        width: sites across, 2 to 10.
        coupling: K = βJ of either sign.
        table: P(h | window), `(h, 2^sites of the window)`, its rows across the strip.
        b: side of the block.
        window: side of what the rule reads, as in `torus_information`; it may reach
            into the buffer and not beyond.
        buffer: rows left out on either side.
        length: rows of the torus; infinitely many where not given.

    Raises:
        ValueError: a strip too narrow or too wide, a window that does not fit, a
            coupling out of range, a table that is no conditional law, or a torus
            without an environment.
    """
    _check_strip(width, coupling)
    height = b if window is None else window
    rest = _rest(length, b, buffer)
    before, after = _steps(width, b, height, buffer)
    rule = _checked_table(table, 2 ** (height * height))
    step = _transfer(width, coupling)
    outer = _power(step, rest)
    start = (b - height) // 2 % width
    columns = [(start + k) % width for k in range(height)]
    onto, off = _power(step, before), _power(step, after)
    joint = [(onto @ inside @ off) * outer for inside in _through(step, rule, columns)]
    return mutual_information(np.reshape(joint, (len(rule), -1)))


def _walk(
    start: NDArray[np.int64], end: NDArray[np.int64], decay: float
) -> NDArray[np.float64]:
    """Probability of the far spin given the near one, tanh^r K the correlation."""
    return (1 + decay * start * end) / 2


def _rest(length: int | None, b: int, buffer: int) -> int | None:
    """Steps from the last row of the environment around to its first one."""
    if buffer < 0:
        raise ValueError(f"a buffer is at least 0 sites wide, got {buffer}")
    if length is None:
        return None
    rest = length - b - 2 * buffer - 1
    if rest < 0:
        raise ValueError(
            f"a block of {b} with a buffer of {buffer} leaves nothing of a ring of "
            f"{length}; use at least {b + 2 * buffer + 1}"
        )
    return rest


def _check_strip(width: int, coupling: float) -> None:
    if not isinstance(width, Integral) or not 2 <= width <= MAX_WIDTH:
        raise ValueError(
            f"a strip is 2 to {MAX_WIDTH} sites wide, got {width!r}; use samples for "
            "wider ones"
        )
    if not abs(coupling) * width <= MAX_RANGE:  # nan is refused too
        raise ValueError(
            f"a strip needs |K| times its width of at most {MAX_RANGE}, got K = "
            f"{coupling} and width {width}"
        )


def _steps(width: int, b: int, height: int, buffer: int) -> tuple[int, int]:
    """Rows from the environment to the window, on either side."""
    if not 1 <= b <= width or not 1 <= height <= width:
        raise ValueError(
            f"a block and a window fit across a strip of width {width}, got sides "
            f"{b} and {height}"
        )
    _check_window(height * height)
    start = (b - height) // 2
    before, after = start + buffer + 1, b + buffer + 1 - (start + height)
    if min(before, after) < 1:
        raise ValueError(
            f"a window of {height} around a block of {b} reaches beyond a buffer of "
            f"{buffer}; use a wider buffer, or torus_information"
        )
    return before, after


def _transfer(width: int, coupling: float) -> NDArray[np.float64]:
    """√D V √D between rows, over its largest eigenvalue, `(state, state)`."""
    rows = states(width).astype(float)
    inside = (rows * np.roll(rows, -1, axis=1)).sum(axis=1)
    exponent = coupling * (rows @ rows.T + (inside[:, None] + inside) / 2)
    step = np.exp(exponent - exponent.max())
    return step / np.linalg.eigvalsh(step)[-1]


def _power(step: NDArray[np.float64], steps: int | None) -> NDArray[np.float64]:
    """T to a power; infinitely many steps forget where they began."""
    if steps is not None:
        return np.linalg.matrix_power(step, steps)
    leading = np.abs(np.linalg.eigh(step)[1][:, -1])
    return np.outer(leading, leading)


def _through(
    step: NDArray[np.float64], rule: Table, columns: list[int]
) -> NDArray[np.float64]:
    """M_h: the rows of the window, weighted by the rule, `(h, state, state)`."""
    size, height = len(step), len(columns)
    bits = states(size.bit_length() - 1)[:, columns] > 0
    pattern = bits @ (1 << np.arange(height)[::-1])
    members = [np.flatnonzero(pattern == k) for k in range(2**height)]
    between = {
        (i, j): step[np.ix_(members[i], members[j])]
        for i, j in product(range(2**height), repeat=2)
    }
    found = np.zeros((len(rule), size, size))
    for state, seen in enumerate(product(range(2**height), repeat=height)):
        walk = np.eye(len(members[seen[0]]))
        for pair in pairwise(seen):
            walk = walk @ between[pair]
        ends = np.ix_(members[seen[0]], members[seen[-1]])
        found[(slice(None), *ends)] += rule[:, state, None, None] * walk
    return found


def _sites_of(model: Law, sites: ArrayLike) -> NDArray[np.int64]:
    chosen = np.asarray(sites, dtype=np.int64).ravel()
    if not len(chosen) or chosen.min() < 0 or chosen.max() >= model.sites:
        raise ValueError(
            f"sites are among 0 … {model.sites - 1} and at least one, got "
            f"{chosen.tolist()}"
        )
    return chosen


def _code(model: Law, sites: NDArray[np.int64]) -> NDArray[np.int64]:
    """The state of some sites in every state of the model, `(state,)`."""
    q, every = model.q or 2, np.arange(len(model.energies))
    code = np.zeros(len(every), dtype=np.int64)
    for site in sites:
        code = q * code + every // q ** int(model.sites - 1 - site) % q
    return code


def _checked_table(table: ArrayLike, columns: int | None = None) -> Table:
    rule = np.asarray(table, dtype=float)
    fits = rule.ndim == 2 and columns in (None, rule.shape[-1])
    if not fits or not (rule >= 0).all() or abs(rule.sum(axis=0) - 1).max() > 1e-9:
        states_of = "" if columns is None else f" of {columns} states"
        raise ValueError(
            f"a rule is a table P(h | window){states_of} of shape (h, states) whose "
            f"columns add up to 1, got shape {rule.shape}"
        )
    return rule


def _bits(rule: Table) -> int:
    b = rule.shape[1].bit_length() - 1
    if rule.shape[1] != 2**b or not 1 <= b <= MAX_WINDOW:
        raise ValueError(
            f"a block of 1 to {MAX_WINDOW} spins has 2^b states, got a table of "
            f"{rule.shape[1]} columns"
        )
    return b


def _check_window(sites: int) -> None:
    if not isinstance(sites, Integral) or not 1 <= sites <= MAX_WINDOW:
        raise ValueError(
            f"a window holds 1 to {MAX_WINDOW} spins, got {sites!r}; use a smaller one"
        )
