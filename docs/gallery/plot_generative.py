"""One Hamiltonian, three laws
===========================

A generative model hands out names ``y`` and images ``x`` with energies
``H_y(x) = -ln p(x|y)``. One table ``F = -H + ln p(y)`` is then everything: its softmax
over ``y`` classifies, over ``x`` it generates, over both it is the joint law, the three
tasks of Lin, Tegmark and Rolnick's figure 1. If spins are coupled in pairs, the softmax
of one layer on spins and products of two is ``p(y|x)`` exactly. Points count draws of
the model, with error bars. Change the couplings, or leave them out.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from kadanoff.exact.pairs import states
from kadanoff.expressivity.softmax import SpinClasses, pair_products, spin_layer
from kadanoff.reports.figures import PALETTE

# %%
# Three names for images of four spins, each with its own fields and couplings.
rng = np.random.default_rng(1)
fields, couplings = 0.3 * rng.normal(size=(3, 4)), 0.8 * rng.normal(size=(3, 4, 4))
model = SpinClasses(fields, couplings, prior=np.array([0.5, 0.3, 0.2]))
x, p = states(4), model.joint()
F = model.exponents() - model.log_partition() + np.log(model.prior)

# %%
# Draw a name, then an image of that name, and count; softmax takes ``F`` over an axis.
draws = 20_000
names = rng.choice(3, size=draws, p=model.prior)
images = [rng.choice(len(x), size=draws, p=p[:, k] / p[:, k].sum()) for k in range(3)]
count = np.zeros(p.shape)
np.add.at(count, (np.choose(names, images), names), 1)
laws = {"classify: p(y|x)": 1, "generate: p(x|y)": 0, "both: p(x, y)": (0, 1)}
fig, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
for ax, (name, axis), colour in zip(axes, laws.items(), PALETTE, strict=False):
    softmax = np.exp(F) / np.exp(F).sum(axis=axis, keepdims=True)
    trials = np.broadcast_to(count.sum(axis=axis, keepdims=True), p.shape)
    error = np.sqrt(softmax * (1 - softmax) / trials)
    points = (a.ravel() for a in (softmax, count / trials, error))
    ax.errorbar(*points, fmt="o", ms=3, color=colour, capsize=2, label="counted")
    ax.plot([0, softmax.max()], [0, softmax.max()], color=PALETTE[-1], lw=1)
    ax.set(title=name, xlabel="softmax of -H + ln p(y)", ylabel="share of the draws")
    ax.legend(fontsize=8)

# %%
# Nats missed by the softmax of one layer are those that the image leaves open.
with torch.no_grad():
    layer, seen = spin_layer(model), torch.from_numpy(pair_products(x))
    learned = layer(seen).log_softmax(dim=1).numpy()
    layer.weight[:, 4:] = 0  # control: without couplings
    uncoupled = layer(seen).log_softmax(dim=1).numpy()
found, control = (-(p * guess).sum() for guess in (learned, uncoupled))
exact = -(p * np.log(p / p.sum(axis=1, keepdims=True))).sum()
within = 1e-12
assert abs(found - exact) <= within < abs(control - exact)
