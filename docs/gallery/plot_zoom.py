"""Zooming out of a magnet
=======================

Four spins become one by majority, again and again. At the critical temperature ``T_c``
what is left does not tell how often it was zoomed; 5 % colder it runs to order, 5 %
warmer to disorder. The curves belong to lattices of 8×8 sites, zoomed out of 8×8,
16×16, 32×32 and 64×64, so that nothing but the number of zooms differs; the first zoom
is not compared, because it leaves the model of nearest neighbours. Try ``0.99`` and
``1.01``: the nearer to ``T_c``, the more zooms it takes to tell.
"""

import matplotlib.pyplot as plt

import kadanoff as kd
from kadanoff.instruments.thermodynamics import magnetization
from kadanoff.reports.figures import PALETTE

temperatures = {"5 % colder": 0.95, "at T_c": 1.0, "5 % warmer": 1.05}
zooms = range(4)


def zoomed(t, times):
    """A magnet of 8·2^times sites a side, and what is left after every zoom."""
    magnet = kd.Ising((8 * 2**times, 8 * 2**times))
    levels = [kd.sample(magnet, coupling=kd.K_C / t, draws=2048, seed=times)]
    for k in range(times):
        levels.append(kd.coarsen(kd.Majority(b=2), levels[-1], seed=k))
    return levels


# %%
# One magnet at every temperature, whole and after each zoom, and ``⟨|m|⟩`` of 8×8.
fig = plt.figure(figsize=(9.6, 4.4), layout="constrained")
places = fig.add_gridspec(3, 7)
ax = fig.add_subplot(places[:, 4:])
size = {}
for k, (name, t) in enumerate(temperatures.items()):
    chains = [zoomed(t, times) for times in zooms]
    for column, level in enumerate(chains[-1]):
        cell = fig.add_subplot(places[k, column])
        cell.imshow(level.read(level.blocks()[0])[0], cmap="binary", vmin=-1, vmax=1)
        cell.set(xticks=[], yticks=[], ylabel="" if column else name)
        cell.set_title(f"{level.shape[0]}×{level.shape[1]}", size=9)
    size[name] = [magnetization(levels[-1]) for levels in chains]
    values, errors = zip(*((m.value, m.error) for m in size[name]), strict=True)
    style = {"color": PALETTE[k], "marker": "o", "capsize": 3}
    ax.errorbar(zooms, values, errors, label=name, **style)
ax.set(xlabel="zooms", ylabel="⟨|m|⟩ of 8×8 sites", xticks=zooms, title="What is left")
ax.legend()

# %%
# At ``T_c`` the last zoom changes nothing; 5 % warmer (control) it does.
change = {name: m[3] - m[2] for name, m in size.items()}
found, exact = change["at T_c"].value, 0.0
within = 4 * change["at T_c"].error
control = change["5 % warmer"].value
assert abs(found - exact) <= within < abs(control - exact)
