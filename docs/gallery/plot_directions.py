"""What matters and what dies
==========================

A magnet has any number of parameters: temperature, field, couplings of neighbours, of
diagonals, of three and four spins. One zoom turns small changes of them into others;
its eigenvectors are directions that grow or shrink by a factor ``b^y`` each time
(Swendsen 1979). In two dimensions two are relevant, above 1: the temperature,
``2^1 = 2``, and the field, ``2^(15/8) = 3.67``. All others die, which is why so
different magnets are alike at ``T_c``. Try other ``operators``, or another map.
"""

import matplotlib.pyplot as plt
import numpy as np

import kadanoff as kd
from kadanoff.exact.constants import Y_H, Y_T
from kadanoff.instruments.mcrg import scaling_operators
from kadanoff.reports.figures import PALETTE

operators = {"even": ("nn", "nnn", "plaquette"), "odd": ("field", "corner", "row")}
theory = {"even": 2**Y_T, "odd": 2**Y_H}


def growths(matrix):
    """Moduli of the eigenvalues of a linearized zoom, the largest first."""
    return np.sort(abs(np.linalg.eigvals(matrix)))[::-1]


def last_zoom(t):
    """How every direction grows from 16×16 to 8×8 block spins, by its parity."""
    magnet = kd.Ising((64, 64))
    fine = kd.sample(magnet, coupling=kd.K_C / t, draws=4096, seed=1)
    *_, fine, coarse = kd.Stack((kd.Majority(b=2),) * 3).levels(fine, seed=1)
    steps = {
        parity: scaling_operators(fine, coarse, parity=parity, operators=names)
        for parity, names in operators.items()
    }
    return {parity: step.matrix.map(growths) for parity, step in steps.items()}


critical, warm = last_zoom(1.0), last_zoom(1.3)
fig, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
for (parity, found), colour in zip(critical.items(), PALETTE, strict=False):
    style = {"color": colour, "capsize": 3, "label": f"{parity} directions"}
    ax.errorbar((1, 2, 3), found.value, found.error, fmt="o", **style)
    ax.axhline(theory[parity], color=colour, lw=0.8)
ax.axhspan(0, 1, color="0.93")
ax.text(2.5, 0.87, "dies", ha="center", color="0.4")
ax.set(xticks=(1, 2, 3), xlabel="direction", ylabel="growth in one zoom", ylim=(0, 4))
ax.set_title("A zoom by 2 at T_c: two directions grow")
ax.legend()

# %%
# A small change of temperature doubles. Far from ``T_c`` (control) nothing does.
found, exact = critical["even"].value[0], theory["even"]
within, control = 4 * critical["even"].error[0], warm["even"].value[0]
assert abs(found - exact) <= within < abs(control - exact)
