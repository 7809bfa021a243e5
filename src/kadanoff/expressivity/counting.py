"""How many numbers a function needs: with no structure, and with what physics gives it.

A Boolean function of n bits is a table of 2^n bits, and no shorter code holds them all:
there are 2^(2^n) of them. A Hamiltonian that is a polynomial of degree d has

    (n + d)! / (n! d!)

coefficients instead; locality makes that O(n) and translation symmetry a number that
does not know n (H. W. Lin, M. Tegmark and D. Rolnick, J. Stat. Phys. 168, 1223 (2017),
section 2, the count below eq. (9); C. M. Bishop, Pattern Recognition and Machine
Learning (2006), exercise 1.16).

Variables that satisfy an equation have no high powers: s² = 1 for a spin, so that
`highest = 1`; for q values there are q - 1 of them. With every power allowed the
count is that of the formula; with all degrees it is qⁿ, the length of the table.

    |{Σ_i a_i ≤ d, a_i ≤ m}| = Σ_j (-1)^j C(n, j) C(n + d - j(m+1), n).

All counts are exact integers and include the constant.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

__all__ = [
    "ATOMS",
    "ParameterTable",
    "boolean_bits",
    "boolean_functions",
    "first_beyond",
    "local_terms",
    "nearest_neighbour_terms",
    "parameter_table",
    "permutation_terms",
    "polynomial_terms",
    "terms_per_site",
    "translation_terms",
]

ATOMS = 10**78
"""Atoms in the observable universe, as rounded by Lin, Tegmark and Rolnick."""


def boolean_bits(variables: int) -> int:
    """2^n, the bits that name one Boolean function of n variables.

    Raises:
        ValueError: a number of variables that is not whole or negative.

    >>> boolean_bits(260) > ATOMS > boolean_bits(259)
    True
    """
    return 2 ** _whole("number of variables", variables)


def boolean_functions(variables: int) -> int:
    """2^(2^n), how many Boolean functions of n variables there are.

    Raises:
        ValueError: as in `boolean_bits`, or more than 20 variables (10^6 bits).

    >>> [boolean_functions(n) for n in range(4)]
    [2, 4, 16, 256]
    """
    if variables > 20:
        raise ValueError(
            "the number of Boolean functions is written out up to 20 variables, got "
            f"{variables}; use boolean_bits, its binary logarithm"
        )
    return 2 ** boolean_bits(variables)


def first_beyond(count: int) -> int:
    """The smallest n with 2^n > `count`: how many bits exceed so many places.

    Raises:
        ValueError: a count that is not whole or is negative.

    >>> first_beyond(ATOMS)
    260
    """
    return _whole("count", count).bit_length()


def polynomial_terms(variables: int, degree: int, *, highest: int | None = None) -> int:
    """Coefficients of a polynomial of degree at most d in n variables.

    Args:
        variables: n.
        degree: d.
        highest: largest power of one variable, 1 for spins; any where not given.

    Raises:
        ValueError: a number that is not whole, is negative, or a highest power below 1.

    >>> polynomial_terms(3, 2), polynomial_terms(3, 2, highest=1)
    (10, 7)
    """
    n, d = _whole("number of variables", variables), _whole("degree", degree)
    if highest is None:
        return math.comb(n + d, d)
    step = _whole("highest power", highest, least=1) + 1
    return sum(
        (-1) ** j * math.comb(n, j) * math.comb(n + d - j * step, n)
        for j in range(min(n, d // step) + 1)
    )


def terms_per_site(
    window: Sequence[int], degree: int, *, highest: int | None = None
) -> int:
    """Terms per site of a lattice whose terms each fit into a box of sides `window`.

    A term belongs to the site at the lower corner of its bounding box. It touches every
    lower face of the box, which is counted by leaving faces out in turn:

        p = Σ_{S ⊆ directions} (-1)^|S| N(Π_i (w_i - [i ∈ S]), d),

    N the count of `polynomial_terms`. The constant is not in it.

    Raises:
        ValueError: no direction, a side below 1, or as in `polynomial_terms`.

    >>> terms_per_site((2,), 2), terms_per_site((2, 2), 2, highest=1)
    (3, 5)
    """
    sides = _shape("window", window)
    total = 0
    for cut in itertools.product((0, 1), repeat=len(sides)):
        inside = math.prod(w - c for w, c in zip(sides, cut, strict=True))
        total += (-1) ** sum(cut) * polynomial_terms(inside, degree, highest=highest)
    return total


def local_terms(
    shape: Sequence[int],
    window: Sequence[int],
    degree: int,
    *,
    highest: int | None = None,
) -> int:
    """Coefficients of a local polynomial on a periodic lattice, 1 + n p.

    With translation symmetry they are `1 + terms_per_site(window, degree)`.

    Args:
        shape: sides L of the lattice, n = Π L sites.
        window: sides w of the box that each term fits into.
        degree: d.
        highest: as in `polynomial_terms`.

    Raises:
        ValueError: another number of directions, or L < 2w - 1 along one, where a term
            fits into more than one box.

    >>> local_terms((100,), (2,), 2)  # a constant; x, x² and a neighbour for each site
    301
    """
    sides, box = _shape("lattice", shape), _shape("window", window)
    least = tuple(2 * w - 1 for w in box)
    if len(sides) != len(box) or any(map(operator.lt, sides, least)):
        raise ValueError(
            f"a window {box} needs a lattice of as many directions with sides of at "
            f"least {least}, got {sides}"
        )
    return 1 + math.prod(sides) * terms_per_site(box, degree, highest=highest)


def nearest_neighbour_terms(shape: Sequence[int], *, highest: int | None = None) -> int:
    """Coefficients of 1, x_i, x_i² and x_i x_j of neighbours, on a periodic lattice.

    1 + (2 + D) n in D directions, 1 + (1 + D) n for spins.

    Raises:
        ValueError: a side below 3, where two bonds join the same sites.

    >>> nearest_neighbour_terms((10, 10)), nearest_neighbour_terms((10, 10), highest=1)
    (401, 301)
    """
    sides = _shape("lattice", shape)
    if min(sides) < 3:
        raise ValueError(
            f"neighbours are counted on sides of at least 3, got {sides}; on a side of "
            "2 both bonds of a site lead to the same one"
        )
    alone = 2 if highest is None or _whole("highest power", highest, least=1) > 1 else 1
    return 1 + (alone + len(sides)) * math.prod(sides)


def translation_terms(
    shape: Sequence[int], degree: int, *, highest: int | None = None
) -> int:
    """Coefficients of a polynomial that no translation of the torus changes.

    One for each orbit of terms, by the mean number of terms that a translation keeps
    (Cauchy and Frobenius). A translation of order l splits the n sites into n/l cycles,
    along which the powers are equal:

        1/n Σ_g N(n / l_g, ⌊d / l_g⌋).

    Raises:
        ValueError: no direction, a side below 1, or as in `polynomial_terms`.

    >>> translation_terms((4,), 2)  # 1, Σx, Σx², Σ x_i x_{i+1}, Σ x_i x_{i+2}
    5
    """
    sides = _shape("lattice", shape)
    n, d = math.prod(sides), _whole("degree", degree)
    kept = sum(
        many * polynomial_terms(n // order, d // order, highest=highest)
        for order, many in _orders(sides).items()
    )
    return kept // n


def permutation_terms(
    variables: int, degree: int, *, highest: int | None = None
) -> int:
    """Coefficients of a polynomial that no permutation of its variables changes.

    One for each list of powers without order: partitions of at most d into at most n
    parts, none above the highest power. It does not depend on n from n = d on; for
    spins it is min(n, d) + 1, a polynomial of the magnetization.

    Raises:
        ValueError: as in `polynomial_terms`.

    >>> permutation_terms(100, 4), permutation_terms(100, 4, highest=1)
    (12, 5)
    """
    n, d = _whole("number of variables", variables), _whole("degree", degree)
    largest = d if highest is None else _whole("highest power", highest, least=1)
    parts = min(n, d)
    ways = [[0] * (parts + 1) for _ in range(d + 1)]  # by degree and variables in use
    ways[0][0] = 1
    for power in range(1, min(largest, d) + 1):
        for total, used in itertools.product(range(power, d + 1), range(1, parts + 1)):
            ways[total][used] += ways[total - power][used - 1]
    return sum(map(sum, ways))


@dataclass(frozen=True)
class ParameterTable:
    """Numbers that a function of n variables needs, one column for each assumption.

    Attributes:
        variables: n of each row.
        columns: counts by what is assumed, exact integers, one for each n.
    """

    variables: tuple[int, ...]
    columns: dict[str, tuple[int, ...]]

    def log10(self) -> dict[str, list[float]]:
        """Decimal logarithms of all columns: the counts do not fit into floats."""
        return {name: [math.log10(c) for c in of] for name, of in self.columns.items()}

    def __str__(self) -> str:
        names = ("n", *self.columns)
        rows = zip(self.variables, *self.columns.values(), strict=True)
        lines = [names, *(tuple(map(_short, row)) for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True))
            for line in lines
        )


def parameter_table(
    variables: Sequence[int],
    *,
    degree: int = 2,
    window: int = 2,
    highest: int | None = None,
) -> ParameterTable:
    """What each assumption saves, on rings of n sites.

    Columns: `any` Boolean function (bits), a `polynomial` of degree d, a polynomial
    with `translation` symmetry, one with `permutation` symmetry, a `local` one, and one
    that is `local and translation` invariant.

    Args:
        variables: the n, each at least 2 window - 1.
        degree: d.
        window: sites that a local term spans.
        highest: as in `polynomial_terms`.

    >>> print(parameter_table([4, 260]))
      n         any  polynomial  translation  permutation  local  local and translation
      4          16          15            5            4     13                      4
    260  1.853e+078       34191          133            4    781                      4
    """
    sizes = tuple(_whole("number of variables", n, least=1) for n in variables)
    power = {"highest": highest}
    once = 1 + terms_per_site((window,), degree, **power)
    columns = {
        "any": [boolean_bits(n) for n in sizes],
        "polynomial": [polynomial_terms(n, degree, **power) for n in sizes],
        "translation": [translation_terms((n,), degree, **power) for n in sizes],
        "permutation": [permutation_terms(n, degree, **power) for n in sizes],
        "local": [local_terms((n,), (window,), degree, **power) for n in sizes],
        "local and translation": [once for _ in sizes],
    }
    return ParameterTable(sizes, {name: tuple(c) for name, c in columns.items()})


def _orders(sides: tuple[int, ...]) -> dict[int, int]:
    """How many translations of a torus have each order.

    Those with g^l = 1 number Π_i gcd(l, L_i); the ones of lower order are taken off.
    """
    top = math.lcm(*sides)
    orders: dict[int, int] = {}
    for l in (l for l in range(1, top + 1) if top % l == 0):
        dividing = math.prod(math.gcd(l, side) for side in sides)
        below = sum(many for lower, many in orders.items() if l % lower == 0)
        orders[l] = dividing - below
    return orders


def _short(count: int) -> str:
    """All digits up to nine of them, then four and the power of ten."""
    if count < 10**9:
        return str(count)
    power = math.floor(math.log10(count))  # str() refuses integers of 4300 digits
    unit = 10 ** (power - 3)
    mantissa = (2 * count + unit) // (2 * unit)
    if mantissa >= 10**4:
        mantissa, power = mantissa // 10, power + 1
    return f"{mantissa // 1000}.{mantissa % 1000:03d}e+{power:03d}"


def _whole(name: str, value: int, *, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(
            f"a {name} is a whole number of at least {least}, got {value!r}"
        )
    return int(value)


def _shape(name: str, sides: Sequence[int]) -> tuple[int, ...]:
    found = tuple(sides)
    if not found:
        raise ValueError(f"a {name} has at least one direction, got none; give (8,)")
    return tuple(_whole(f"side of a {name}", side, least=1) for side in found)
