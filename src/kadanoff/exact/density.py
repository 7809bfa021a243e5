"""How many states of the m×n torus have each energy, and how likely each energy is.

Kaufman's four products hold at every complex coupling, and with t = e^{-2K} they form a
polynomial with whole coefficients, the numbers of states that P. D. Beale counted
(Phys. Rev. Lett. 76, 78 (1996)):

    t^N Z = Σ_j g_j t^{2j},    E_j = -2N + 4j,   j = 0 … N = mn.

Only sums of products are needed to evaluate it. In the variables of `kaufman`, scaled
by t, each pair of momenta ±q contributes V_m(A, D²) ∓ 2Dᵐ, with

    A = (1 + t²)² - 2t(1 - t²) cos q,   D = t(1 - t²),
    V_0 = 2,  V_1 = A,  V_{2k} = V_k² - 2D^{2k},  V_{2k+1} = V_k V_{k+1} - A D^{2k},

and the self-conjugate momenta 0 and π contribute tᵐ(1 + t)ᵐ ∓ (1 - t)ᵐ and
(1 + t)ᵐ ∓ tᵐ(1 - t)ᵐ. So the polynomial is evaluated on roots of unity modulo many
primes, transformed back and put together by the Chinese remainder theorem: exact
integers. For lattices beyond that, the same values at complex K in floating point are
the characteristic function of the energy, which one Fourier transform inverts.

Each site owns one forward bond per direction: a side of 2 has double bonds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_SITES", "density_of_states", "energy_law"]

MAX_SITES = 4096
"""Largest number of sites whose states are counted: 64×64, in some ten seconds."""

FAST_SITES = 1024
"""Largest number of sites that an energy law counts: 32×32, in half a second."""

NOISE = 1e-12
"""Share of the largest probability below which a Fourier transform has only rounding;
beyond 7 standard deviations."""

MAX_LAW_SITES = 65536
"""Largest number of sites of an energy law: 256×256."""

Integers = NDArray[np.int64]


def density_of_states(shape: Sequence[int]) -> tuple[Integers, tuple[int, ...]]:
    """Total energies in units of J, ascending, and the exact number of states at each.

    All E = -2N, -2N + 4, … 2N are listed, also those no state has.

    Raises:
        ValueError: not two sides, a side below 2, or more than 4096 sites.

    >>> energies, counts = density_of_states((2, 2))
    >>> energies.tolist(), counts
    ([-8, -4, 0, 4, 8], (2, 0, 12, 0, 2))
    """
    sides = _sides(shape, MAX_SITES)
    return _energies(sides[0] * sides[1]), _counts(*sorted(sides))


def energy_law(
    shape: Sequence[int], coupling: float
) -> tuple[Integers, NDArray[np.float64]]:
    """Total energies in units of J, ascending, and their probabilities at coupling K.

    Up to 32×32 (and where an antiferromagnet is frustrated by an odd side, up to 64×64)
    every probability has eleven digits, however small; on larger lattices the error is
    some 1e-12 of the largest probability, and what is smaller than that is 0.

    Raises:
        ValueError: not two sides, a side below 2, too many sites, or a coupling that is
            not finite.

    >>> energies, law = energy_law((2, 2), 0.0)
    >>> law.round(12).tolist()
    [0.125, 0.0, 0.75, 0.0, 0.125]
    """
    m, n = _sides(shape, MAX_LAW_SITES)
    if not math.isfinite(coupling):
        raise ValueError(
            f"the coupling must be a finite real number, got {coupling}; "
            "give K = βJ such as 0.44"
        )
    energies = _energies(m * n)
    frustrated = coupling < 0 and (m % 2 or n % 2)
    if m * n <= FAST_SITES or frustrated:
        _, counts = density_of_states((m, n))
        return energies, _weighted(energies, counts, coupling)
    law = _characteristic_law(m, n, abs(coupling))
    return energies, law if coupling >= 0 else law[::-1]


def _energies(sites: int) -> Integers:
    return np.arange(-2 * sites, 2 * sites + 1, 4)


def _weighted(
    energies: Integers, counts: tuple[int, ...], coupling: float
) -> NDArray[np.float64]:
    logs = np.array([math.log(g) if g else -math.inf for g in counts])
    logs -= coupling * energies
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


@lru_cache(maxsize=8)
def _counts(n: int, m: int) -> tuple[int, ...]:
    """g_j for j = 0 … N, modulo enough primes for their product to exceed 2^N."""
    sites = m * n
    # A transform of length N leaves g_0 and g_N added up, but g_0 = 2 is known.
    length = 1 << (sites - 1).bit_length()
    primes: list[int] = []
    residues: list[Integers] = []
    for prime in _primes(math.lcm(2 * length, 2 * n)):
        values = _modular_values(m, n, prime, length)
        back = pow(_root_of_unity(2 * length, prime), -2, prime)
        sums = _transform(values, back, prime) * pow(length, -1, prime) % prime
        primes.append(prime)
        residues.append(sums[: sites + 1])
        if math.prod(primes) > 1 << sites:
            break
    counts = _chinese_remainders(primes, residues)
    return (2, *counts[1:], counts[0] - 2) if length == sites else tuple(counts)


def _modular_values(m: int, n: int, prime: int, length: int) -> Integers:
    """t^N Z modulo p at t = ω^k, k = 0 … length - 1, with ω of order 2 length."""
    t = _powers(_root_of_unity(2 * length, prime), length, prime)
    turns = _powers(_root_of_unity(2 * n, prime), 2 * n, prime)
    # 2 cos(πl/n), l = 1 … n - 1, with a root of unity of the field for e^{iπ/n}.
    cosines = (turns[1:n] + turns[:n:-1]) % prime
    plus, minus = 1 + t, 1 - t
    square = (1 + t * t % prime) % prime
    d = t * (plus * minus % prime) % prime
    d_power = _power(d, m, prime)
    head, tail, start, end = (
        _power(base % prime, m, prime) for base in (t * plus, minus, plus, t * minus)
    )
    singles = ([(head, tail)], [(start, end)])
    if n % 2 == 0:
        singles = ([(head, tail), (start, end)], [])
    total = np.zeros_like(t)
    for odd in (0, 1):
        own = cosines[1 - odd :: 2, None]
        pairs = _lucas((square * square - d * own % prime) % prime, d, m, prime)
        for sign in (-1, 1):
            product = _product((pairs + 2 * sign * d_power) % prime, prime)
            for one, other in singles[odd]:
                product = product * ((one + sign * other) % prime) % prime
            total += -product if (odd, sign) == (0, -1) else product
    return total % prime * ((prime + 1) // 2) % prime


def _lucas(a: Integers, d: Integers, m: int, prime: int) -> Integers:
    """V_m(A, D²) modulo p, from the leading bit of m on."""
    low, high, power = np.full_like(a, 2), a, np.ones_like(d)  # V_k, V_{k+1}, D^{2k}
    square = d * d % prime
    for bit in f"{m:b}":
        cross = (low * high - a * power % prime) % prime
        if bit == "0":
            low, high = (low * low - 2 * power) % prime, cross
            power = power * power % prime
        else:
            low, high = cross, (high * high - 2 * (power * square % prime)) % prime
            power = power * power % prime * square % prime
    return low


def _power(base: Integers, exponent: int, prime: int) -> Integers:
    power = np.ones_like(base)
    for bit in f"{exponent:b}":
        power = power * power % prime
        if bit == "1":
            power = power * base % prime
    return power


def _product(values: Integers, prime: int) -> Integers:
    """Over the first axis."""
    product = np.ones_like(values[0]) if len(values) else np.int64(1)
    for row in values:
        product = product * row % prime
    return np.asarray(product)


def _transform(values: Integers, root: int, prime: int) -> Integers:
    """Σ_k v_k root^{jk} modulo p for j = 0 … n - 1, n a power of two (Stockham)."""
    table = values[None, :]  # row j, column r: the sum over k = r, r + columns, …
    while table.shape[1] > 1:
        rows, half = table.shape[0], table.shape[1] // 2
        step = pow(root, len(values) // (2 * rows), prime)
        turned = _powers(step, rows, prime)[:, None] * table[:, half:] % prime
        table = np.concatenate([table[:, :half] + turned, table[:, :half] - turned])
        table %= prime
    return table[:, 0]


def _powers(base: int, count: int, prime: int) -> Integers:
    """1, base, base², … modulo p, by doubling."""
    powers = np.ones(1, dtype=np.int64)
    while len(powers) < count:
        powers = np.concatenate(
            [powers, powers * pow(base, len(powers), prime) % prime]
        )
    return powers[:count]


def _chinese_remainders(primes: list[int], residues: list[Integers]) -> list[int]:
    total = math.prod(primes)
    counts = np.zeros(len(residues[0]), dtype=object)
    for prime, residue in zip(primes, residues, strict=True):
        rest = total // prime
        counts += residue.astype(object) * (rest * pow(rest, -1, prime))
    return [int(count % total) for count in counts]


def _primes(period: int) -> Iterator[int]:
    """Primes p ≡ 1 modulo the period, from 2^31 down: products of two fit 63 bits."""
    for k in range((2**31 - 2) // period, 0, -1):
        if _is_prime(k * period + 1):
            yield k * period + 1


def _is_prime(number: int) -> bool:
    """Miller and Rabin; these four bases decide below 3.2e9 (Jaeschke 1993)."""
    bases = (2, 3, 5, 7)
    if any(number % base == 0 for base in bases):
        return number in bases
    twos = (number - 1 & 1 - number).bit_length() - 1
    odd = number - 1 >> twos
    return all(
        pow(base, odd, number) == 1
        or any(pow(base, odd << k, number) == number - 1 for k in range(twos))
        for base in bases
    )


def _root_of_unity(order: int, prime: int) -> int:
    """A number whose powers return to 1 after `order` steps and not before."""
    factors = [f for f in range(2, order + 1) if order % f == 0 and _is_prime(f)]
    candidates = (pow(base, (prime - 1) // order, prime) for base in range(2, prime))
    return next(
        root
        for root in candidates
        if all(pow(root, order // f, prime) != 1 for f in factors)
    )


def _characteristic_law(m: int, n: int, coupling: float) -> NDArray[np.float64]:
    """P(E_j) at K ≥ 0 from Z at K - iθ/4, where no sector outgrows Z itself."""
    sites = m * n
    length = 2 * (sites // 2 + 1)
    phases = np.linspace(0, math.pi, length // 2 + 1, dtype=np.float64)
    growth, _ = _sectors(m, n, coupling, phases[:1])
    scale = float(growth.real.max())
    values = []
    for block in np.array_split(phases, 1 + len(phases) // 512):
        growth, factors = _sectors(m, n, coupling, block)
        values.append((np.exp(growth - scale) * factors).sum(axis=0))
    law = np.fft.irfft(np.conj(np.concatenate(values)), length)[: sites + 1]
    law[law < NOISE * law.max()] = 0.0
    return law / law.sum()


def _sectors(
    m: int, n: int, coupling: float, phases: NDArray[np.float64]
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """t^N Z at t = e^{-2K + iθ/2} as Σ e^growth factor, for the two parities of l."""
    t = np.exp(-2 * coupling + 0.5j * phases)
    d = t * (1 - t) * (1 + t)
    sides = ((t * (1 + t)) ** m, (1 - t) ** m), ((1 + t) ** m, (t * (1 - t)) ** m)
    singles = ([sides[0]], [sides[1]]) if n % 2 else (sides, ())
    growth, factors = [], []
    for odd in (0, 1):
        momenta = math.pi / n * np.arange(2 - odd, n, 2)[:, None]
        a = (1 + t * t) ** 2 - 2 * d * np.cos(momenta)
        root = np.sqrt(a * a - 4 * d * d)
        larger = (a + np.where(np.real(np.conj(a) * root) < 0, -root, root)) / 2
        ratio = (d / larger) ** m
        growth.append(m * np.log(larger).sum(axis=0))
        factor = np.zeros_like(t)
        for sign in (-1, 1):
            product = ((1 + sign * ratio) ** 2).prod(axis=0)
            for one, other in singles[odd]:
                product = product * (one + sign * other)
            factor += -product if (odd, sign) == (0, -1) else product
        factors.append(factor)
    return np.array(growth), np.array(factors)


def _sides(shape: Sequence[int], most: int) -> tuple[int, int]:
    sides = tuple(shape)
    whole = all(isinstance(side, Integral) and side >= 2 for side in sides)
    if len(sides) != 2 or not whole or sides[0] * sides[1] > most:
        raise ValueError(
            f"the exact energies of a torus need two whole sides of at least 2 and at "
            f"most {most} sites, got shape {sides}; give a pair such as (32, 32)"
        )
    return int(sides[0]), int(sides[1])
