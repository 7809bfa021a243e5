"""How many numbers does a function need?
======================================

A function of ``n`` spins is a table of ``2ⁿ`` numbers, or as many coefficients of
products of spins. Physics uses very few of them: those of low degree, between
neighbours, equal at all places. With 260 spins the table outnumbers the atoms in the
universe, and a local, symmetric energy of pairs has three numbers: a constant, a field
and a coupling. Points are counted by listing all products, lines are formulas. Try
other degrees, or neighbours further away.
"""

from itertools import combinations

import matplotlib.pyplot as plt

from kadanoff.expressivity.counting import ATOMS, first_beyond, parameter_table
from kadanoff.reports.figures import PALETTE


def listed(n):
    """Products of spins on a ring of n sites, counted one by one."""

    def shifts(term):
        return frozenset(frozenset((i + k) % n for i in term) for k in range(n))

    every = [term for d in range(n + 1) for term in combinations(range(n), d)]
    pairs = [term for term in every if len(term) <= 2]
    local = [t for t in pairs if len(t) < 2 or t[1] - t[0] in (1, n - 1)]
    return {
        "any": len(every),
        "polynomial": len(pairs),
        "translation": len(set(map(shifts, pairs))),
        "local": len(local),
        "local and translation": len(set(map(shifts, local))),
    }


# %%
# Counts of the terms of degree 2 or less, by formula up to 300 spins, and listed.
few, many = range(3, 13), range(3, 301)
formula = parameter_table(many, highest=1).columns
counted = {n: listed(n) for n in few}
fig, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
for ax, top in zip(axes, (1e95, 1e5), strict=True):
    for kind, colour in zip(counted[3], PALETTE, strict=False):
        ax.loglog(many, list(map(float, formula[kind])), color=colour, label=kind)
        ax.plot(few, [counted[n][kind] for n in few], "o", ms=4, color=colour)
    ax.set(xlabel="spins n", ylabel="numbers needed", ylim=(1, top))
axes[0].axhline(ATOMS, color=PALETTE[-1], ls="--", lw=1)
axes[0].text(3, ATOMS / 1e6, f"atoms in the universe: n = {first_beyond(ATOMS)}")
fig.suptitle("A function of n spins, and enlarged what physics uses of it")
axes[0].legend(fontsize=8, loc=(0.03, 0.35))

# %%
# All counts together. Control: variables whose squares are not 1.
found = sum(sum(counts.values()) for counts in counted.values())
exact = sum(sum(formula[kind][: len(few)]) for kind in counted[3])
control = sum(sum(parameter_table(few).columns[kind]) for kind in counted[3])
within = 0.5
assert abs(found - exact) <= within < abs(control - exact)
