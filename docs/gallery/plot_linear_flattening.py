"""Depth saves synapses, even in linear networks
=============================================

A linear network is one matrix at any depth, but the matrix may cost more than its
factors: a Fourier transform has ``n²`` synapses in one layer and ``2n log₂ n`` in the
layers of the fast one, and ``n`` crossed wires (Lin, Tegmark and Rolnick 2017, section
III). One matrix with so few is wrong: all entries are of one size, so that ``k`` of
them miss ``√(1 - k/n²)`` of the norm. Try ``fourier_factors(60)``: instead of
``2 log₂ n`` the count has the sum of the primes of ``n``.
"""

import matplotlib.pyplot as plt
import numpy as np

from kadanoff.expressivity.rank import (
    flattened,
    fourier_factors,
    sparse_error,
    synapses,
)
from kadanoff.reports.figures import PALETTE

# %%
# Synapses are counted in the matrices, those of the factors and that of their product.
sizes = 2 ** np.arange(1, 9)
factors = {int(n): fourier_factors(int(n)) for n in sizes}
deep = [synapses(layers) for layers in factors.values()]
flat = [synapses([flattened(layers)]) for layers in factors.values()]

# %%
# The layers in turn are the Fourier transform.
n = int(sizes[-1])
signal = np.random.default_rng(1).normal(size=n)
state = signal
for layer in reversed(factors[n]):
    state = layer @ state
assert np.allclose(state, np.fft.fft(signal, norm="ortho"), atol=1e-12)

fig, (size, error) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
size.loglog(sizes, flat, "o-", color=PALETTE[2], label="one layer")
size.loglog(sizes, deep, "o", color=PALETTE[0], label="layers of the fast transform")
size.loglog(sizes, 2 * sizes * np.log2(sizes) + sizes, color=PALETTE[0])
size.set(title="Size", xlabel="size n of the transform", ylabel="synapses")
size.legend()
kept = np.linspace(0, n**2, 33).astype(int)
missed = [sparse_error(flattened(factors[n]), k) for k in kept]
error.plot(kept, missed, "o", ms=4, color=PALETTE[2], label="best single matrix")
error.plot(kept, np.sqrt(1 - kept / n**2), color=PALETTE[2], label="√(1 - k/n²)")
error.plot(deep[-1], 0, "s", color=PALETTE[0], label="fast transform")
error.set(title=f"Error at n = {n}", xlabel="synapses k", ylabel="error / norm")
error.legend()

# %%
# The count for the largest ``n``. Control: one layer.
found, control = deep[-1], flat[-1]
exact, within = 2 * n * np.log2(n) + n, 0.5
assert abs(found - exact) <= within < abs(control - exact)
