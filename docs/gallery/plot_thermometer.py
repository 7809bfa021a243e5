"""A thermometer for every zoom
============================

Each level of block spins is asked for its temperature: that of the plain magnet with
the same energy on a lattice of the same size (Kaufman's exact solution). Below ``T_c``
every zoom cools, above it heats, and at ``T_c`` the reading nearly stands still: the
block spins have a law of their own, of which one number does not tell all. What two
magnets differ in is doubled by each zoom, ``2^y`` with ``y = 1/ν = 1``: the temperature
is relevant. Try a network in the place of ``kd.Majority``.
"""

import matplotlib.pyplot as plt

import kadanoff as kd
from kadanoff.exact.constants import Y_T
from kadanoff.instruments.thermometer import energy_temperature
from kadanoff.reports.figures import PALETTE


def readings(t, seed, zooms=3):
    """Temperatures of a magnet at t T_c and of its block spins, in units of T_c."""
    law = {"coupling": kd.K_C / t, "method": "swendsen-wang"}
    spins = kd.sample(kd.Ising((64, 64)), draws=1024, seed=seed, **law)
    levels = kd.Stack((kd.Majority(b=2),) * zooms).levels(spins, seed=seed)
    return [energy_temperature(level) / kd.T_C for level in levels]


# %%
# Three magnets about the critical point, whole and after one, two and three zooms.
read = {t: readings(t, seed) for seed, t in enumerate((0.98, 1.0, 1.02))}
fig, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
for (t, levels), colour in zip(read.items(), PALETTE, strict=False):
    values, errors = zip(*((x.value, x.error) for x in levels), strict=True)
    style = {"color": colour, "marker": "o", "capsize": 3}
    ax.errorbar(range(4), values, errors, label=f"magnet at {t:g} T_c", **style)
ax.axhline(1, color="grey", lw=0.8)
ax.set(xticks=range(4), xlabel="zooms", ylabel="temperature read off (units of T_c)")
ax.set_title("Below T_c a zoom cools, above it heats")
ax.legend()

# %%
# By how much the second zoom drives the outer two apart, and (control) the first one
# two magnets that are as far apart far above T_c, where nothing is critical.
apart = [warm - cold for warm, cold in zip(read[1.02], read[0.98], strict=True)]
cold, warm = readings(1.48, 3, zooms=1), readings(1.52, 4, zooms=1)
growth = apart[2] / apart[1]
found, exact, within = growth.value, 2**Y_T, 4 * growth.error
control = ((warm[1] - cold[1]) / (warm[0] - cold[0])).value
assert abs(found - exact) <= within < abs(control - exact)
