"""A deep linear network learns in steps
=====================================

Two linear layers are one matrix, and yet they learn unlike one: from small aligned
weights every mode ``s`` of the target waits on a plateau and then comes by a sigmoid,
``a(t) = s/(1 + (s/a₀ - 1) e^(-2st))``, half of it at ``ln(s/a₀ - 1)/2s``, the strongest
first (Saxe, McClelland and Ganguli, arXiv:1312.6120). One layer (dotted) has no plateau
and learns half of every mode at ``ln 2``. Start from larger ``a0``, or give ``first``
and ``second`` frames of their own: without alignment the modes still come one by one.
"""

import matplotlib.pyplot as plt
import numpy as np

from kadanoff.reports.figures import PALETTE

rng = np.random.default_rng(1)


def frame(n, columns=3):
    """Random orthonormal columns."""
    return np.linalg.qr(rng.normal(size=(n, columns)))[0]


# %%
# White inputs, and a target with three modes.
modes, a0, rate, steps = np.array([4.0, 2.0, 1.0]), 1e-4, 1e-3, 8000
U, V, R = frame(5), frame(6), frame(4)
x = frame(200, 6) * 200**0.5
y = x @ (U * modes @ V.T).T

# %%
# Gradient descent on the squared error of 200 examples, with two layers and with one.
first, second, single = a0**0.5 * R @ V.T, a0**0.5 * U @ R.T, np.zeros((5, 6))
deep, flat = [], []
for _ in range(steps):
    deep.append(np.diag(U.T @ second @ first @ V) / modes)
    flat.append(np.diag(U.T @ single @ V) / modes)
    slope = (y - x @ (second @ first).T).T @ x / len(x)
    first, second = first + rate * second.T @ slope, second + rate * slope @ first.T
    single = single + rate * (y - x @ single.T).T @ x / len(x)
deep, flat, time = np.array(deep).T, np.array(flat).T, rate * np.arange(steps)

fig, ax = plt.subplots(figsize=(6.6, 4.2), layout="constrained")
for s, measured, colour in zip(modes, deep, PALETTE, strict=False):
    sigmoid = 1 / (1 + (s / a0 - 1) * np.exp(-2 * s * time))
    ax.plot(time[::200], measured[::200], "o", ms=4, color=colour, label=f"s = {s:g}")
    ax.plot(time, sigmoid, color=colour)
ax.plot(time, flat[0], ":", color=PALETTE[-1], label="one layer, every s")
ax.set(xlabel="time (steps × rate)", ylabel="share of the mode that is learned")
ax.set_title("Two linear layers: training (points), closed form (lines)")
ax.legend()

# %%
# Half time of the weakest mode. Steps of finite size delay it by a share ``rate s/2``.
found, control = (np.interp(0.5, shares[-1], time) for shares in (deep, flat))
exact = np.log(modes[-1] / a0 - 1) / (2 * modes[-1])
within = rate * modes[-1] * exact
assert abs(found - exact) <= within < abs(control - exact)
