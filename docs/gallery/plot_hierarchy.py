"""Inference undoes generation layer by layer
==========================================

A root hands noisy copies of its spin down a tree, and the leaves are observed. Layers
that undo one generation each, ``T_i = f_i(T_{i+1})``, end in Bayes' theorem (Lin,
Tegmark and Rolnick 2017, section III), and lose nothing on the way up; the way down,
and votes on the way up, can only lose: the data-processing inequality. Change the
correlation ``θ`` of a copy: deep down the leaves forget the root if ``2 θ² < 1``.
"""

import itertools

import matplotlib.pyplot as plt
import numpy as np

from kadanoff.exact.information import BIT, mutual_information
from kadanoff.expressivity.hierarchy import (
    information_profile,
    root_posterior,
    symmetric_tree,
)
from kadanoff.reports.figures import PALETTE

# %%
# What each level knows of the root: on the way down, and up again by two rules.
theta, depth = 0.8, 5
profile = information_profile(symmetric_tree(depth, 2, theta))
steps = np.arange(depth + 1)
fig, ax = plt.subplots(figsize=(6.6, 4.2), layout="constrained")
ax.plot(steps, profile.generation, "o-", color=PALETTE[-1], label="whole level, down")
rules = {"exact layers": profile.exact, "votes of votes": profile.majority}
for (name, bits), colour in zip(rules.items(), PALETTE, strict=False):
    ax.plot(depth + steps, bits[::-1], "o-", color=colour, label=f"up, {name}")
ax.set_title(f"A binary tree of copies with correlation {theta}")
ax.set(xlabel="steps down the tree and up again", ylabel="bits about the root")
ax.legend(fontsize=8)

# %%
# Bayes on two generations, by listing every history of root, children and leaves.
small = symmetric_tree(2, 2, theta)
joint = np.zeros((16, 2))
for root, left, right, *leaves in itertools.product((0, 1), repeat=7):
    pairs = [(root, left), (root, right), (left, leaves[0]), (left, leaves[1])]
    pairs += [(right, leaves[2]), (right, leaves[3])]
    p = small.prior[root] * np.prod([small.channel[pair] for pair in pairs])
    joint[int("".join(map(str, leaves)), 2), root] += p
layers = root_posterior(small, list(itertools.product((0, 1), repeat=4)))
assert np.allclose(layers, joint / joint.sum(axis=1, keepdims=True), atol=1e-13)

# %%
# Bits about the root by the composed layers and by Bayes. Control: votes.
found = mutual_information(layers * joint.sum(axis=1, keepdims=True)) / BIT
exact, within = mutual_information(joint) / BIT, 1e-12
control = information_profile(small).majority[0]
assert abs(found - exact) <= within < abs(control - exact)
