"""Which features survive the depth of a network
=============================================

A small network learns digits under noise. A small step ``e`` of its input changes level
``l`` by ``R_l(e)``, in units of the spread of the images there: its growth is what
``2^y`` is for block spins. Differences of digits grow and noise dies, as relevant and
irrelevant parameters do. In a linear network one grows only as others shrink: over the
principal directions ``Σ λ_k R_l(e_k)² = 1``. Try ``labels`` that are shuffled.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(1)
images, labels = map(torch.tensor, load_digits(return_X_y=True))
clean = images.reshape(-1, 1, 8, 8) / 16
x, seen = clean + 0.3 * torch.randn_like(clean), slice(500)
means = torch.stack([clean[labels == d].mean(dim=0) for d in range(10)])
steps = {"digits": means[1:] - means[:-1], "noise": torch.randn(9, 1, 8, 8).double()}


def trained(activation, maps=((1, 8), (8, 16), (16, 32))):
    """Three steps 8×8 → 4×4 → 2×2 → 1×1, and the answer."""
    layers = [nn.Sequential(nn.Conv2d(*n, 4, 2, 1), activation) for n in maps]
    network = nn.Sequential(*layers, nn.Sequential(nn.Flatten(), nn.Linear(32, 10)))
    descent = torch.optim.Adam(network.double().parameters(), lr=5e-3)
    for batch in [b for _ in range(15) for b in torch.randperm(len(x)).split(64)]:
        descent.zero_grad()
        nn.functional.cross_entropy(network(x[batch]), labels[batch]).backward()
        descent.step()
    return network.requires_grad_(False)


def squares(network, e, size=1e-6):
    """R_l(e)² at every level, the input first."""
    here, there = x[seen], x[seen] + size * e.reshape(1, 8, 8)
    for layer in [nn.Identity(), *network]:
        here, there = layer(here), layer(there)
        moved = (there - here).square().mean() / size**2
        yield float(moved / here.var(dim=0, correction=0).mean())


fig, ax = plt.subplots(figsize=(6.6, 4.2), layout="constrained")
networks = {"rectifiers": trained(nn.ReLU()), "linear": trained(nn.Identity())}
for (name, network), style in zip(networks.items(), ("o-", "s--"), strict=True):
    for (kind, directions), colour in zip(steps.items(), ("C0", "C1"), strict=True):
        R = np.sqrt([[*squares(network, e)] for e in directions]).mean(axis=0)
        ax.plot(R / R[0], style, color=colour, label=f"{kind}, {name}")
ax.set_xticks(range(5), ["8×8", "4×4", "2×2", "1×1", "answer"])
ax.set(xlabel="level", ylabel="size of a small step / in the input", title="Survival")
ax.legend(fontsize=8)

lengths, axes = np.linalg.eigh(np.cov(x[seen].flatten(1).numpy().T, bias=True))
scaled = torch.tensor((axes * np.sqrt(lengths)).T.copy())
control, found = (sum([*squares(n, e)][-1] for e in scaled) for n in networks.values())
exact, within = 1.0, 1e-7  # a difference over 1e-6 has ten digits
assert abs(found - exact) <= within < abs(control - exact)
