"""Four neurons multiply
=====================

Neurons with inputs ``±λ(u + v)`` and ``±λ(u - v)`` add up to the product ``u v``: what
is left of the sum is the curvature of the activation. Truncation makes it wrong by a
share ``λ² σ⁗ (u² + v²)/6σ″``, and rounding by about ``ε σ/(λ² σ″)``, ``ε`` half the
spacing of floats at 1: four numbers of order one cancel down to ``λ²``. The best ``λ``
balances both, and a smaller one makes it worse: "arbitrarily well" holds in exact
arithmetic. Try ``GELU``, whose ``σ(0)`` is zero, or ``TANH``, which needs a bias.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from kadanoff.expressivity.gates import SOFTPLUS, Gate, error_scan
from kadanoff.reports.figures import PALETTE

# %%
# The largest error of the gate for ``|u|, |v| ≤ 1``, at many ``λ`` and in two kinds of
# floats, measured and predicted.
gate = Gate(SOFTPLUS, scale=0.01)
scales = np.geomspace(1e-6, 2, 121)
scans = {
    "64-bit floats": error_scan(gate, scales),
    "32-bit floats": error_scan(gate, scales, dtype=torch.float32),
}

fig, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
for (name, scan), colour in zip(scans.items(), PALETTE, strict=False):
    predicted = scan.truncation + scan.rounding
    ax.loglog(scales, scan.measured, ".", ms=5, color=colour, label=name)
    ax.loglog(scales, predicted, color=colour, label="truncation + rounding")
    ax.axvline(scan.gate.scale, color=colour, ls=":", label="best λ predicted")
ax.set_ylim(1e-9, 10)
ax.set_title("A multiplication gate of four softplus neurons")
ax.set_xlabel("weight λ of the inputs")
ax.set_ylabel("largest error of u v for |u|, |v| ≤ 1")
ax.legend(fontsize=8)

# %%
# The error ``T λ² + R/λ²`` is ``cosh(2 ln(λ/λ*))`` times its least value at ``λ*``, and
# noise in the last digits may move the measured best to where it has doubled. In
# 32-bit floats (control) ``λ*`` is elsewhere.
found = np.log(scans["64-bit floats"].best[0])
exact = np.log(gate.best_scale())
within = np.arccosh(2) / 2
control = np.log(scans["32-bit floats"].best[0])
assert abs(found - exact) <= within < abs(control - exact)
