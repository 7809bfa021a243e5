"""A pair of words: free energy and Kullback-Leibler divergence
============================================================

Two words for one thing mean that one number is found twice. A network that believes in
a coupling ``L`` where it is ``K`` loses ``D = Σ p ln(p/q)`` nats: learning. The same is
the free energy that the law ``p`` has in the magnet of ``L`` beyond the least one,
``D = (L - K)⟨E⟩ + ln Z(L) - ln Z(K)``: physics, by transfer matrices. Change the
coupling or the number of spins, or look for another pair in table I of Lin, Tegmark and
Rolnick (2017).
"""

import matplotlib.pyplot as plt
import numpy as np

from kadanoff.exact.chain import ring
from kadanoff.exact.pairs import states
from kadanoff.reports.figures import PALETTE

# %%
# All states of a ring of eight spins, and their probabilities at any coupling.
sites, K = 8, 0.4
spins = states(sites).astype(float)
energy = -(spins * np.roll(spins, 1, axis=1)).sum(axis=1)


def law(coupling):
    """P of every state."""
    weight = np.exp(-coupling * energy)
    return weight / weight.sum()


def divergence(p, q):
    """D(p‖q) in nats."""
    return (p * np.log(p / q)).sum()


def free_energy_above(L):
    """Of the law at K in a magnet of L, beyond that of its own law, in units of kT."""
    true, model = ring(sites, K), ring(sites, L)
    return (L - K) * sites * true.energy + model.log_partition - true.log_partition


# %%
# Both against the coupling that is believed in, and the divergence the other way.
believed = np.linspace(0, 1, 41)
forward = [divergence(law(K), law(L)) for L in believed]
backward = [divergence(law(L), law(K)) for L in believed]
fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
free = [free_energy_above(L) for L in believed]
ax.plot(believed, free, color=PALETTE[0], label="free energy above the least")
ax.plot(believed, forward, "o", ms=4, color=PALETTE[0], label="D(p‖q) by listing")
ax.plot(believed, backward, "x", ms=4, color=PALETTE[2], label="D(q‖p), control")
ax.set_title(f"A ring of {sites} spins at K = {K}")
ax.set(xlabel="coupling L believed in", ylabel="nats, or units of kT")
ax.legend()

found, control = forward[-1], backward[-1]
exact, within = free_energy_above(believed[-1]), 1e-12
assert abs(found - exact) <= within < abs(control - exact)
