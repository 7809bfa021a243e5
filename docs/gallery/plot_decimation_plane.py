"""A fixed point by throwing couplings away
========================================

Sum over every other spin of the square lattice, and neighbours, second neighbours and
squares of four are coupled. Keep one number, ``K′ = ⅜ ln cosh 4K``: the two kinds of
pairs together, no squares (Maris and Kadanoff 1978). Staircases (up to the curve, over
to the diagonal) leave a fixed point ``K*`` on both sides: the transition of this map,
at a coupling 15 % above the exact ``K_c = ½ ln(1 + √2)``. Without second neighbours
(dashed) there is none. Start the staircases elsewhere.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.optimize import brentq

import kadanoff as kd
from kadanoff.flows.decimation import SquareDecimation, TruncatedSquareDecimation
from kadanoff.flows.lines import critical_value, iterate
from kadanoff.reports.figures import PALETTE

# %%
# Both maps, and where the flows to K = 0 and to K = ∞ part, by following them.
flow, nearest = TruncatedSquareDecimation(), SquareDecimation()
fixed = critical_value(flow, lambda K: K, between=(0.1, 1.0))
grid = np.linspace(0, 1, 101)

fig, ax = plt.subplots(figsize=(5.6, 5), layout="constrained")
for one, style in ((flow, "-"), (nearest, "--")):
    after = [float(one.step(torch.tensor([K]))) for K in grid]
    name = "with" if one is flow else "without"
    ax.plot(grid, after, style, color=PALETTE[0], label=f"{name} second neighbours")
ax.plot(grid, grid, color=PALETTE[-1], lw=0.8, label="K′ = K")
for share, colour in ((0.97, PALETTE[2]), (1.03, PALETTE[1])):
    K = [theory["coupling"] for theory in iterate(flow, share * fixed, 9)]
    corners = np.repeat(K, 2)
    ax.plot(corners[:-1], [0, *corners[2:]], color=colour, label=f"from {share} K*")
ax.plot(fixed, fixed, "o", color=PALETTE[-1], label=f"K* = {fixed:.4f}")
ax.axvline(kd.K_C, color=PALETTE[-1], ls=":", label=f"exact K_c = {kd.K_C:.4f}")
ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="coupling K", ylabel="coupling K′")
ax.set_title("Decimation of the square lattice")
ax.legend(fontsize=8)

# %%
# The root of the equation. Control: the exact transition, which is not quite there.
found = fixed
exact = brentq(lambda K: 3 / 8 * np.log(np.cosh(4 * K)) - K, 0.1, 1, xtol=1e-14)
within, control = 1e-12, kd.K_C
assert abs(found - exact) <= within < abs(control - exact)
