"""A gasket, a magnet and dust
===========================

What looks alike at every scale has one dimension at all of them: the boxes of side
``s`` that a set touches number ``N(s) ~ s^-D``. Odd entries of Pascal's triangle form
Sierpiński's gasket: boxes half as large are three times as many, ``D = ln 3/ln 2``
exactly. The largest cluster of a magnet at ``T_c`` has ``D = 187/96`` (Stella and
Vanderzande 1989) at scales far from the lattice constant and from the lattice itself.
As many sites thrown at random as the gasket has are points from near and a plane from
afar, and have no dimension of their own. Try the magnet at ``1.1 T_c``.
"""

import matplotlib.pyplot as plt
import numpy as np

import kadanoff as kd
from kadanoff.instruments.boxes import box_sides, count_boxes, largest_cluster
from kadanoff.reports.figures import PALETTE

side = 256
row, column = np.indices((side, side))
gasket = (row & column) == 0  # odd entries share no binary digit (Lucas)
rng = np.random.default_rng(1)
dust = rng.permutation(gasket.ravel()).reshape(side, side)
magnet = kd.sample(kd.Ising((side, side)), coupling=kd.K_C, draws=64, seed=1)
cluster = largest_cluster(np.concatenate([magnet.read(b) for b in magnet.blocks()]))

# %%
# Boxes at every scale, and the slope between neighbouring scales.
sides = box_sides((side, side))
sets = {"gasket": gasket[None], "largest cluster at T_c": cluster, "dust": dust[None]}
fig, axes = plt.subplots(1, 4, figsize=(13, 3.4), layout="constrained")
slopes = {}
for (name, marked), picture, colour in zip(sets.items(), axes, PALETTE, strict=False):
    picture.imshow(marked[0], cmap="binary", interpolation="nearest")
    picture.set(xticks=[], yticks=[], title=name)
    boxes = count_boxes(marked, sides).mean(axis=0)
    slopes[name] = -np.diff(np.log(boxes)) / np.log(2)
    between = np.sqrt(2) * np.array(sides[:-1])
    axes[3].semilogx(between, slopes[name], "o-", base=2, color=colour, label=name)
axes[3].axhline(187 / 96, color="grey", lw=0.8)
axes[3].axhline(np.log(3) / np.log(2), color="grey", lw=0.8)
axes[3].set(xlabel="side of the boxes (sites)", ylabel="local dimension", ylim=(0, 2.1))
axes[3].set_title("One dimension at all scales?")
axes[3].legend(fontsize=8)

# %%
# The slope that is furthest off: none of the gasket is, of dust (control) one is.
exact = np.log(3) / np.log(2)
found = max(slopes["gasket"], key=lambda d: abs(d - exact))
within = 1e-12
control = max(slopes["dust"], key=lambda d: abs(d - exact))
assert abs(found - exact) <= within < abs(control - exact)
