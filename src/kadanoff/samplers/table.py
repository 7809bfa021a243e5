"""The frozen table behind `auto`: which sampler, how many chains, how far apart.

Spacings are in sweeps (Wolff: clusters). At a critical point M² decorrelates in about
0.02 ξ^2.17 sweeps of Metropolis and three times as many of the heat bath (dynamic
exponent z = 2.17, Nightingale and Blöte, Phys. Rev. Lett. 76, 4548 (1996)), with ξ cut
at the side of the lattice; in about 5 sweeps of Swendsen–Wang and 3 to 7 clusters of
Wolff. `benchmarks/table.py` prints the speeds and autocorrelation times of the square
lattice and where one method overtakes the other; those of other models are of
`benchmarks/clusters.py` and good to a factor of two or so: they only bound the running
time. Nothing is timed when a run is made: the choice never depends on the machine.
"""

from __future__ import annotations

import math

from kadanoff.models.epidemic import THRESHOLD
from kadanoff.models.ising import Ising
from kadanoff.protocols import Model

__all__ = [
    "CERTAIN",
    "IN_WORDS",
    "LOCAL",
    "WORD",
    "choose",
    "cluster_share",
    "default_chains",
    "group_size",
    "nanoseconds",
    "spacing_of",
]

WORD = 64  # replicas in one machine word
LARGEST_GROUP = 512  # replicas stepped together: eight words per site
MULTISPIN_SIDE = 72  # beyond it single clusters decorrelate faster at K_c
ONE_LATTICE = 1 << 20  # sites from which on 64 lattices at a time are too many
CHAINS = 32

IN_WORDS = ("multispin", "heat-bath")
LOCAL = ("metropolis", "multispin", "heat-bath", "bit-packed")
CERTAIN = ("independent", "perfect")
"""Methods whose draws are independent and exact from the first one on."""

NANOSECONDS = {
    "metropolis": 12.0,
    "multispin": 0.06,
    "heat-bath": 0.2,
    "bit-packed": 0.08,
    "swendsen-wang": 10.0,
    "wolff": 10.0,
    "perfect": 100.0,  # times the side
    "tempering": 10.0,
    "hybrid": 200.0,
    "forest-fire": 50.0,
    "quasi-stationary": 10.0,
    "independent": 50.0,
}
"""Of one core for one Ising spin and sweep, to a factor of two or so."""
SLOWER = {"ising": 1.0, "potts": 3.0, "xy": 10.0}
"""Other models of the same methods."""
ONE_BY_ONE = 100.0  # spins that are not stepped 64 at a time, beside those that are

CRITICAL = {
    "chain": math.inf,
    "square": math.asinh(1) / 2,
    "triangular": math.log(3) / 4,
    "honeycomb": math.log(2 + math.sqrt(3)) / 2,
    "cubic": 0.221654626,
}
"""Critical couplings where known; cubic by Ferrenberg, Xu and Landau, PRE 97 (2018)."""


ALONE = {
    "phi4": "hybrid",
    "forest-fire": "forest-fire",
    "epidemic": "quasi-stationary",
}
"""What `auto` takes for models of one method."""

PERCOLATION = {1: (1.10, 1.58), 2: (0.73, 1.77), 3: (0.58, 1.90)}
"""Exponents ν and z of space in directed percolation, beyond 3 dimensions ½ and 2."""


def nanoseconds(model: Model, coupling: float, method: str) -> float:
    """Of one core for one site and sweep (Wolff: cluster), to a factor of two or so."""
    alone = ONE_BY_ONE if method in IN_WORDS and model.name != "ising" else 1.0
    if method == "perfect":  # at a continuous transition, where it takes longest
        alone = max(_extents(model))
    if method in ("swendsen-wang", "wolff") and isinstance(model, Ising):
        alone = max(1.0, sum(model.coordination) / 4)
    if method == "wolff":  # a cluster, not a sweep
        alone *= cluster_share(model, coupling)
    return NANOSECONDS[method] * SLOWER.get(model.name, 1.0) * alone


def choose(model: Model, coupling: float) -> str:
    """The method for one model and coupling."""
    if coupling == math.inf:
        return "independent"
    if isinstance(model, Ising):
        return _choose_ising(model, coupling)
    if model.name == "potts":
        return "swendsen-wang" if coupling >= 0 else "heat-bath"
    if model.name == "xy":
        frustrated = coupling < 0 and getattr(model, "staggering", None) is None
        return "heat-bath" if frustrated else "swendsen-wang"
    return ALONE.get(model.name, "independent")


def default_chains(draws: int, method: str) -> int:
    """Independent chains for so many draws in all."""
    if method in IN_WORDS:
        words = math.ceil(draws / (WORD * 20))
        return WORD * min(words, 2 * LARGEST_GROUP // WORD)
    if method in CERTAIN or method == "tempering":
        return min(draws, WORD)
    return min(draws, CHAINS)


def group_size(method: str) -> int:
    """Chains stepped together."""
    if method in IN_WORDS:
        return LARGEST_GROUP
    return {"bit-packed": 1, "tempering": WORD}.get(method, 8)


def spacing_of(model: Model, coupling: float, method: str) -> int:
    """Sweeps (Wolff: clusters) between draws."""
    if method == "tempering":
        return 10
    if method in ("swendsen-wang", "hybrid"):
        return 5 if model.name != "potts" else _potts_spacing(model)
    if method == "forest-fire":
        return 4
    if method == "quasi-stationary":
        return _epidemic_spacing(model, coupling)
    length = _memory_length(model, coupling)
    if method in LOCAL and _is_ordered(model, coupling):
        length = max(_extents(model))  # domains grow as slowly as at the transition
    if method == "wolff":
        clusters = 5 * math.sqrt(max(1.0, length / 64))
        return math.ceil(clusters / cluster_share(model, coupling))
    slowness = 0.12 if method in ("heat-bath", "bit-packed") else 0.04
    return 1 + math.ceil(slowness * length**2.17)


def _choose_ising(model: Ising, coupling: float) -> str:
    if model.is_frustrated(coupling):
        return "heat-bath"
    side = _memory_length(model, coupling)
    disordered = abs(coupling) <= CRITICAL.get(str(model.lattice), 0) * (1 + 1e-4)
    if not disordered or model.second or len(model.shape) != 2:
        return "swendsen-wang"
    if side > MULTISPIN_SIDE:
        return "wolff"
    if model.is_plain and math.prod(model.shape) >= ONE_LATTICE and _fits_bits(model):
        return "bit-packed"
    fast = model.is_plain and abs(coupling) > 0.1
    return "multispin" if fast else "heat-bath"


def cluster_share(model: Model, coupling: float) -> float:
    """About how much of the lattice a single cluster takes."""
    shortened = _memory_length(model, coupling) / max(_extents(model))
    return max(shortened ** len(model.shape), 1 / model.geometry.size)


def _is_ordered(model: Model, coupling: float) -> bool:
    """Whether domains may freeze in; also where the transition is not known."""
    lattice = str(getattr(model, "lattice", ""))
    return abs(coupling) > CRITICAL.get(lattice, 0) * (1 + 1e-4)


def _fits_bits(model: Ising) -> bool:
    """Whether the lattice can be packed along its rows."""
    rows, columns = model.shape
    return rows % 2 == 0 and columns % 128 == 0


def _memory_length(model: Model, coupling: float) -> float:
    """The length that must decorrelate: the lattice, or a few correlation lengths."""
    longest = float(max(_extents(model)))
    if coupling == 0:
        return 1.0
    if not isinstance(model, Ising) or model.second or model.is_frustrated(coupling):
        return longest
    inverse = _inverse_length(str(model.lattice), abs(coupling))
    return longest if inverse is None else min(longest, 1 + 4 / max(inverse, 1e-12))


def _extents(model: Model) -> list[float]:
    """Lengths of the sides in distances of nearest neighbours."""
    sides = zip(model.shape, model.geometry.basis, strict=True)
    return [side * math.hypot(*step) for side, step in sides]


def _inverse_length(lattice: str, k: float) -> float | None:
    """1/ξ of a chain or an infinite square lattice, the latter above T_c."""
    if lattice == "chain":
        return -math.log(math.tanh(k))
    if lattice == "square":
        return abs(2 * k + math.log(math.tanh(k)))  # Onsager 1944
    return None


def _epidemic_spacing(model: Model, rate: float) -> int:
    """The density decorrelates in about ⅛ ξ^z units of time, ξ cut at the side."""
    d, longest = len(model.shape), float(max(model.shape))
    nu, z = PERCOLATION.get(d, (0.5, 2.0))
    away = abs(rate / THRESHOLD[d] - 1) if d in THRESHOLD else 0.0
    length = min(longest, 1 + 4 * away**-nu) if away else longest
    return math.ceil(length**z / 8)


def _potts_spacing(model: Model) -> int:
    """Swendsen–Wang of Potts slows down as L^z, z about 0.5 (q = 3) and 1 (q = 4)."""
    states = int(model.parameters["q"])
    z = {2: 0.25, 3: 0.5, 4: 1.0}.get(states, 1.5)
    return max(5, math.ceil(2.5 * max(model.shape) ** z))
