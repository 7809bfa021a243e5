"""The product of n numbers, flat and deep
=======================================

One hidden layer multiplies ``n`` numbers with ``2ⁿ`` neurons, and a binary tree of
gates with ``4(n - 1)``. Fewer than ``2ⁿ`` neurons with one bias cannot do it, to order
``n`` in their weights: the matrix of all ``Π_{i∈S} A_ji`` must have rank ``2ⁿ`` (Lin,
Tegmark and Rolnick 2017, appendix A), which is checked here in whole numbers. Floats
make the flat product useless long before its size does. Try ``layered_plan(n, 2)``,
two layers of larger groups.
"""

import matplotlib.pyplot as plt
import numpy as np

from kadanoff.expressivity import depth
from kadanoff.expressivity.gates import sign_patterns
from kadanoff.expressivity.rank import product_certificate
from kadanoff.reports.figures import PALETTE


def least_neurons(n, degrees=None):
    """Leave out neurons of the flat gate as long as the others still multiply."""
    kept = sign_patterns(n)
    for neuron in sign_patterns(n):
        fewer = [row for row in kept if row != neuron]
        if fewer and product_certificate(fewer, degrees=degrees).possible:
            kept = fewer
    return len(kept)


# %%
# Left the size of both, right their largest error in 64-bit floats at the best weights.
rng = np.random.default_rng(1)
flat, tree, certified = [2, 3, 4, 6, 8, 10], [2, 4, 8, 16, 32], [2, 3, 4]
plans = {
    "flat": {n: depth.flat_plan(n) for n in flat},
    "tree": {n: depth.tree_plan(n) for n in tree},
}
needed = [least_neurons(n) for n in certified]

fig, (size, error) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
n = np.arange(2, 33)
size.semilogy(n, 2.0**n, color=PALETTE[2], label="one layer, 2ⁿ")
size.semilogy(n, 4 * (n - 1), color=PALETTE[0], label="tree, 4(n - 1)")
size.plot(certified, needed, "ks", ms=5, label="one layer, needed by rank")
size.set(title="Size", xlabel="numbers n", ylabel="neurons")
for (name, made), colour in zip(plans.items(), PALETTE[2::-2], strict=False):
    networks = {n: depth.product_network(plan) for n, plan in made.items()}
    off = [depth.product_error(net, rng=rng) for net in networks.values()]
    error.semilogy(list(made), off, "o-", color=colour, label=name)
error.set(title="Error", xlabel="numbers n", ylabel="largest error for |x| ≤ 1")
size.legend(fontsize=8)
error.legend(fontsize=8)

# %%
# The theorem presumes that no derivative of the activation vanishes up to the n-th. An
# even one (control: ln cosh without bias) needs but half of the neurons for even n.
found, exact, within = needed[-1], 2 ** certified[-1], 0.5
control = least_neurons(certified[-1], degrees=[0, 2, 4])
assert abs(found - exact) <= within < abs(control - exact)
