"""Below four dimensions
=====================

In four dimensions critical exponents are those of mean field. Wilson and Fisher (1972)
expanded them in ``ε = 4 - d``: for one component ``ν = 1/2 + ε/12 + 7ε²/162 + …`` and
``η = ε²/54 + 109ε³/5832 + …``. At ``ε = 1`` two or three terms come near what is known
in three dimensions, at ``ε = 2`` they point to Onsager's ``ν = 1`` and ``η = 1/4``. The
series are asymptotic: their error is about their last term, and more terms help only
for a while. Try ``nu(2)`` and ``nu(3)``: planar spins and Heisenberg's magnet.
"""

import itertools

import matplotlib.pyplot as plt
import numpy as np

from kadanoff.exact.constants import ETA, NU
from kadanoff.flows.epsilon import eta, nu
from kadanoff.reports.figures import PALETTE

# %%
# Scaling dimensions of spin and energy in three dimensions, by the numerical bootstrap
# (Kos, Poland, Simmons-Duffin and Vichi 2016, arXiv:1603.04436).
spin, energy = 0.5181489, 1.412625
known_nu = {4: 0.5, 3: 1 / (3 - energy), 2: NU}
known_eta = {4: 0.0, 3: 2 * spin - 1, 2: ETA}

# %%
# Partial sums of both series: mean field, and one line for every term more.
fig, axes = plt.subplots(1, 2, figsize=(9.6, 4), layout="constrained")
epsilon = np.linspace(0, 2, 101)
for ax, name, series, known in (
    (axes[0], "ν", nu(1), known_nu),
    (axes[1], "η", eta(1), known_eta),
):
    terms = [float(c) * epsilon**k for k, c in enumerate(series.coefficients)]
    for k, total in enumerate(itertools.accumulate(terms)):
        if k == 0 or terms[k].any():
            ax.plot(4 - epsilon, total, color=PALETTE[k], label=f"to order ε^{k}")
    ax.plot(known.keys(), known.values(), "ko", label="mean field, bootstrap, Onsager")
    ax.set(xlabel="dimension d = 4 - ε", ylabel=f"exponent {name}", xlim=(4.1, 1.9))
    ax.legend(fontsize=8)
axes[0].set_title("How the correlation length grows")
axes[1].set_title("How the correlator falls at T_c")

# %%
# In three dimensions ν is off by less than the last term of its series; mean field
# (control) is not.
found, exact = nu(1)(1.0), known_nu[3]
within = float(nu(1).coefficients[-1])
control = known_nu[4]
assert abs(found - exact) <= within < abs(control - exact)
