"""Which couplings survive when pixels are averaged?
=================================================

A Gaussian field has the energy ``Σ_k y_k |∇ᵏφ|²`` and so ``1/S = y₀ + y₁k² + y₂k⁴``, if
``S`` is its spectrum. Averaged over ``c × c`` pixels ``y₀`` grows as ``c²`` (relevant),
``y₁`` stays (marginal) and ``y₂`` dies as ``c⁻²`` (irrelevant): fields that differ look
alike from afar (Lin, Tegmark and Rolnick 2017, appendix B). Keep one pixel of each
block instead (crosses), and nothing is forgotten. Change ``stiff`` and the factors.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from numpy.polynomial.polynomial import polyfit, polyval

from kadanoff.flows.gaussian import GaussianField, block_averaged, squared_momentum
from kadanoff.reports.figures import PALETTE


def kept(spectrum, c):
    """The spectrum of every c-th pixel: waves are aliased, and not averaged."""
    turns = 2 * np.pi * np.stack(np.meshgrid(range(c), range(c)), axis=-1)
    return lambda k: spectrum((k[:, None, None] + turns) / c).mean(axis=(1, 2))


def inverse(y, c, k, view=block_averaged):
    """1/S at momenta k along an axis, of the field seen from c times as far."""
    coarse = view(lambda q: 1 / polyval(squared_momentum(q), y), c)
    return 1 / coarse(np.multiply.outer(k, [1, 0]))


def response(i, c, view=block_averaged, change=1e-6):
    """How much of a small change of y_i is seen in y_i, read off 1/S at small k."""
    k, one = np.linspace(0.05, 0.6, 24), np.eye(3)
    more = inverse(one[1] + change * one[i], c, k, view) - inverse(one[1], c, k, view)
    return polyfit(squared_momentum(k[:, None]), more / change, 7)[i]


# %%
# Left two fields that differ in ``y₂``, right by what each coupling is multiplied.
plain, stiff, factors, k = [0.01, 1, 0], [0.01, 1, 1], (2, 4, 8), np.linspace(0.1, 2)
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for c, colour in zip(factors, PALETTE, strict=False):
    left.semilogy(k, inverse(plain, c, k), color=colour, label=f"c = {c}")
    left.plot(k, inverse(stiff, c, k), "--", color=colour, label="the same, stiff")
for i, colour in enumerate(PALETTE[3:6]):
    formula = [GaussianField(2, c).step(torch.ones(5))[i] for c in factors]
    right.semilogy(factors, formula, color=colour, label=f"$y_{i}$ by formula")
    right.plot(factors, [response(i, c) for c in factors], "o", color=colour)
thinned = [response(2, c, kept) for c in factors]
right.plot(factors, thinned, "x", ms=9, color=colour, label="$y_2$, pixels kept")
left.set(xlabel="momentum k per averaged pixel", ylabel="1/S", title="Averaged fields")
right.set(xlabel="factor c", ylabel="change seen / change made", title="Couplings")
left.legend(fontsize=8)
right.legend(fontsize=8, loc="lower left")
right.set_xscale("log", base=2)

found, exact = response(2, 8), float(GaussianField(2, 8).step(torch.ones(5))[2])
within, control = 1e-4 * exact, thinned[-1]  # 1e-4: a fit to small k
assert abs(found - exact) <= within < abs(control - exact)
