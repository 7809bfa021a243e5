"""Zooming out of a chain keeps the free energy
============================================

Sum over every other spin of an Ising ring: what is left is a ring of half as many spins
with ``K′ = ½ ln cosh 2K``, times a constant for each spin that is gone. Step by step
``ln Z`` moves from the spins into constants, ``ln Z(K, N) = ½ N ln z + ln Z(K′, N/2)``,
and their sum never changes. The coupling falls to zero: a chain has no transition.
Start colder (``K = 3``), or keep one spin of three: ``Chain(b=3)`` and 2187 spins.
"""

import matplotlib.pyplot as plt
import torch

from kadanoff.exact.chain import ring
from kadanoff.flows.decimation import Chain
from kadanoff.reports.figures import PALETTE

# %%
# Ten decimations of 2048 spins: what is left of the ring, and what was split off.
sites, K = 2048, 1.5
chain, theory = Chain(b=2), torch.tensor([K, 0.0], dtype=torch.float64)
couplings, of_spins, of_constants = [K], [ring(sites, K).log_partition], [0.0]
left = sites
while left > chain.b:
    of_constants.append(of_constants[-1] + left * float(chain.constant(theory)))
    theory, left = chain.step(theory), left // chain.b
    couplings.append(float(theory[0]))
    of_spins.append(ring(left, couplings[-1]).log_partition)

fig, (flow, free) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
steps = range(len(couplings))
flow.plot(steps, couplings, "o-", color=PALETTE[0], label="K′ = ½ ln cosh 2K")
flow.set(title="The coupling", xlabel="decimations", ylabel="K")
parts = [[f / sites for f in each] for each in (of_constants, of_spins)]
names = ["constants split off", "spins that are left"]
free.stackplot(steps, *parts, colors=PALETTE[4:], labels=names)
free.axhline(ring(sites, K).log_partition / sites, color=PALETTE[-1], label="exact")
free.set(title="The free energy", xlabel="decimations", ylabel="ln Z per first spin")
free.legend(loc="lower left")
flow.legend()

# %%
# The largest change of the sum along the way, per spin. Control: constants forgotten.
totals = [a + b for a, b in zip(of_constants, of_spins, strict=True)]
exact, within = ring(sites, K).log_partition / sites, 1e-13
found = max((f / sites for f in totals), key=lambda f: abs(f - exact))
control = of_spins[-1] / sites
assert abs(found - exact) <= within < abs(control - exact)
