"""A polynomial as a network of fixed size
=======================================

A polynomial is products and a sum, and each product is a gate of four neurons. Asked
for more accuracy, the network gets other weights and not one more neuron (Lin, Tegmark
and Rolnick 2017, section II). Its largest error stays below what was asked for, down to
the limit of the floats. Change the polynomial, ask for less than the limit and read the
sentence, or take ``dtype=torch.float32``.
"""

import matplotlib.pyplot as plt
import numpy as np
import sympy
import torch

from kadanoff.expressivity.polynomials import attainable_accuracy, network_of
from kadanoff.reports.figures import PALETTE

x, y = sympy.symbols("x y")
polynomial = x**3 * y - 2 * x * y**2 + y / 2
limit = attainable_accuracy(polynomial)
asked = np.geomspace(1, 2 * limit, 12)
networks = [network_of(polynomial, accuracy=a) for a in asked]

# %%
# The largest error at random points of the square ``|x|, |y| ≤ 1`` and at its corners.
rng = np.random.default_rng(1)
corners = [[1, 1], [1, -1], [-1, 1], [-1, -1]]
points = np.concatenate([rng.uniform(-1, 1, (20_000, 2)), corners])
truth = sympy.lambdify((x, y), polynomial)(*points.T)


def largest_error(network):
    """Of the network against the polynomial."""
    with torch.no_grad():
        return np.abs(network(torch.tensor(points)).numpy() - truth).max()


error = np.array([largest_error(network) for network in networks])
neurons = {network.neurons for network in networks}
assert len(neurons) == 1  # the same size at every accuracy

fig, ax = plt.subplots(figsize=(6.0, 4.4), layout="constrained")
label = f"measured, always {networks[0].neurons} neurons"
ax.loglog(asked, asked, color=PALETTE[-1], lw=1, label="what was asked for")
ax.loglog(asked, error, "o", color=PALETTE[0], label=label)
ax.axvline(limit, color=PALETTE[2], ls=":", label="limit of 64-bit floats")
ax.set_title(f"${sympy.latex(polynomial)}$ by neurons")
ax.set_xlabel("accuracy asked for")
ax.set_ylabel("largest error for |x|, |y| ≤ 1")
ax.legend(fontsize=8)

# %%
# In units of what was asked no error may be above 1. Control: the network made for the
# second accuracy, measured by the last one.
found, exact, within = max(error / asked), 0.0, 1.0
control = error[1] / asked[-1]
assert abs(found - exact) <= within < abs(control - exact)
