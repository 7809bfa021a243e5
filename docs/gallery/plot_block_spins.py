"""Kadanoff's blocks
=================

Blocks of four spins are replaced by one spin each, the majority. Kadanoff's idea of
1966 is that block spins behave as the spins did but for a factor: at equal distance
``r`` in original sites, ``G_block(r) = b^η G(r)`` at the critical point, ``b = 2``, and
``η = 1/4`` in two dimensions (Onsager). Divided by ``b^η`` for every step, the curves
fall on top of each other, and on that of field theory on a torus (grey). Try
``kd.Decimation(b=2)``: one of four spins is kept, no block is formed and ``G`` stays.
"""

import matplotlib.pyplot as plt

import kadanoff as kd
from kadanoff.exact.constants import ETA
from kadanoff.exact.torus_cft import spin_shells
from kadanoff.instruments.correlators import two_point
from kadanoff.instruments.scaling_levels import level_ratio
from kadanoff.reports.figures import PALETTE

side = 64
magnet = kd.Ising((side, side))
spins = kd.sample(magnet, coupling=kd.K_C, draws=8192, seed=1, method="swendsen-wang")
levels = list(kd.Stack((kd.Majority(b=2),) * 3).levels(spins, seed=1))

# %%
# ``G`` of every level as it is, and divided by what Kadanoff says.
fig, (raw, rescaled) = plt.subplots(1, 2, figsize=(9.6, 4), layout="constrained")
for k, level in enumerate(levels):
    g = two_point(level)
    near = (g.distance > 0) & (g.distance <= side / 2)
    r, value, error = g.distance[near], g.value.value[near], g.value.error[near]
    for ax, factor in ((raw, 1), (rescaled, 2 ** (ETA * k))):
        style = {"color": PALETTE[k], "label": f"blocks of {2**k}×{2**k}"}
        ax.errorbar(r, value / factor, error / factor, fmt=".", ms=5, **style)
r, torus = spin_shells((side, side))
half = (r > 0) & (r <= side / 2)
rescaled.plot(r[half], torus[half], color="grey", label="field theory")
raw.set(title="As they are", ylabel="⟨s(0) s(r)⟩")
rescaled.set(title="Divided by b^η for every step", ylabel="⟨s(0) s(r)⟩ / b^η")
for ax in (raw, rescaled):
    ax.set(xscale="log", yscale="log", xlabel="distance r (sites)")
    ax.yaxis.set_minor_formatter("{x:.1f}")
    ax.legend(fontsize=8)

# %%
# η from the ratio of two levels at equal distance, after the first step, which leaves
# the nearest-neighbour model; decimated spins (control) have none.
eta = 2 * level_ratio(levels[1], levels[2]).delta
decimated = kd.coarsen(kd.Decimation(b=2), levels[1])
found, exact, within = eta.value, ETA, 4 * eta.error
control = 2 * level_ratio(levels[1], decimated).delta.value
assert abs(found - exact) <= within < abs(control - exact)
