"""Numbers of the two-dimensional Ising universality class.

Conventions: K = βJ, temperatures in J/k_B, energies in J, distances in sites. A scaling
dimension Δ belongs to the correlator r^(-2Δ), an RG exponent y to the growth b^y, and
Δ + y = d = 2. Closed forms are written as formulas; the few numbers carry their source.
"""

from __future__ import annotations

import math

__all__ = [
    "ALPHA",
    "BETA",
    "BINDER_C",
    "CATALAN",
    "CENTRAL_CHARGE",
    "CORRELATION_AMPLITUDE",
    "DELTA",
    "DELTA_EPSILON",
    "DELTA_SIGMA",
    "DIMENSION",
    "ENERGY_C",
    "ETA",
    "GAMMA",
    "GLAISHER",
    "K_C",
    "K_C_TRIANGULAR",
    "LOG_PARTITION_C",
    "NU",
    "T_C",
    "Y_H",
    "Y_T",
]

DIMENSION = 2
"""Dimension of space."""

K_C = math.asinh(1) / 2
"""Critical coupling of the square lattice, ½ ln(1 + √2), the self-dual point
sinh 2K = 1 (Kramers and Wannier, Phys. Rev. 60, 252 (1941); Onsager 1944)."""

T_C = 1 / K_C
"""Critical temperature of the square lattice in J/k_B, 2.269185…"""

K_C_TRIANGULAR = math.log(3) / 4
"""Critical coupling of the triangular lattice (Houtappel, Physica 16, 425 (1950))."""

DELTA_SIGMA = 1 / 8
"""Scaling dimension of the spin (Belavin, Polyakov and Zamolodchikov,
Nucl. Phys. B 241, 333 (1984))."""

DELTA_EPSILON = 1.0
"""Scaling dimension of the energy density (Belavin, Polyakov and Zamolodchikov)."""

CENTRAL_CHARGE = 1 / 2
"""Central charge of the free Majorana fermion."""

Y_T = DIMENSION - DELTA_EPSILON
"""Thermal RG exponent, 1."""

Y_H = DIMENSION - DELTA_SIGMA
"""Magnetic RG exponent, 15/8."""

NU = 1 / Y_T
"""Correlation length, ξ ~ |T - T_c|^-ν."""

ETA = 2 * DELTA_SIGMA
"""Critical correlator, G(r) ~ r^-(d-2+η) with d = 2."""

BETA = DELTA_SIGMA * NU
"""Magnetization, m ~ (T_c - T)^β (Yang, Phys. Rev. 85, 808 (1952))."""

GAMMA = (2 * Y_H - DIMENSION) * NU
"""Susceptibility, χ ~ |T - T_c|^-γ."""

ALPHA = 2 - DIMENSION * NU
"""Heat capacity: 0, a logarithm (Onsager, Phys. Rev. 65, 117 (1944))."""

DELTA = Y_H / DELTA_SIGMA
"""Critical isotherm, h ~ m^δ, δ = 15."""

CATALAN = 0.915965594177219015
"""Catalan's constant G = 1 - 1/9 + 1/25 - … (OEIS A006752)."""

GLAISHER = 1.282427129100622637
"""Glaisher's constant A, ln A = 1/12 - ζ′(-1) (OEIS A074962)."""

ENERGY_C = -math.sqrt(2)
"""Energy per site of the square lattice at K_c (Onsager 1944)."""

LOG_PARTITION_C = math.log(2) / 2 + 2 * CATALAN / math.pi
"""ln Z per site of the square lattice at K_c, 0.929695… (Onsager 1944)."""

CORRELATION_AMPLITUDE = math.exp(1 / 4) * 2 ** (5 / 24) / GLAISHER**3
"""B in ⟨s_0 s_r⟩ → B r^(-1/4) at K_c on the infinite square lattice, 0.703380…
(T. T. Wu, Phys. Rev. 149, 380 (1966))."""

BINDER_C = 0.61069
"""1 - ⟨m⁴⟩/(3⟨m²⟩²) at K_c on the periodic square, L → ∞; numerical, all five digits
known (Kamieniarz and Blöte, J. Phys. A 26, 201 (1993))."""
