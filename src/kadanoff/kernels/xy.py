"""The XY model on any table of neighbours: clusters, heat bath, over-relaxation.

Spins are unit vectors (x, y) in double precision, Σ_<ij> K s_i·s_j the exponent.

Clusters (Wolff, Phys. Rev. Lett. 62, 361 (1989)): for a random unit vector r the parts
a_i = r·s_i are Ising spins of variable length. A bond opens with probability
1 - e^{-2K a_i a_j} if a_i a_j > 0, and clusters are reflected, s → s - 2 a r: all of
them with probability one half (Swendsen and Wang's way), or one grown from a random
site. K >= 0.

Heat bath: in the field h of its neighbours a spin has the angle t to h with density
∝ e^{κ cos t}, κ = K|h|. Best and Fisher (Appl. Stat. 28, 152 (1979)) draw it under a
wrapped Cauchy law ∝ 1/(r - cos t). For any r > 1 the point is kept with probability
c e^{1-c}, c = κ(r - cos t); the fewest are refused for κ = r/(r² - 1). Written in
1 - cos t nothing cancels at any κ.

Over-relaxation (Creutz, Phys. Rev. D 36, 515 (1987)): reflecting a spin about h costs
no energy.

Self-contained on purpose (see `kadanoff.kernels`): siblings repeat the generator.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

__all__ = ["heat_bath", "reflect_all", "reflect_clusters"]

U = np.uint64  # unsigned indices: signed ones are first tested for being negative
ONE = np.uint64(1)
LOW = np.uint64(2**32 - 1)
SMALLEST = 1e-100  # instead of κ = 0, where the Cauchy law has no width


@njit
def _next(state: Any) -> Any:
    """Advance xoshiro256++ (Blackman & Vigna, ACM TOMS 47, 36 (2021)) by one word."""
    s0, s1, s2, s3 = state
    sum03 = s0 + s3
    drawn = ((sum03 << U(23)) | (sum03 >> U(41))) + s0
    shifted = s1 << U(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = (s3 << U(45)) | (s3 >> U(19))
    return (s0, s1, s2, s3), drawn


@njit
def _fraction(drawn: Any) -> Any:
    """A uniform number in (0, 1), 53 digits."""
    return ((drawn >> U(11)) + 0.5) * 2.0**-53


@njit
def _share(drawn: Any, count: Any) -> Any:
    """⌊count drawn 2^-64⌋: uniform below `count` < 2^32 but for 2^-64."""
    high = (drawn >> U(32)) * count
    low = (drawn & LOW) * count
    return (high + (low >> U(32))) >> U(32)


@njit
def _in_disk(state: Any) -> Any:
    """A uniform point of the unit disk and its squared distance from the centre."""
    a = b = square = 2.0
    while square > 1.0:
        state, drawn = _next(state)
        a = ((drawn >> U(32)) + 0.5) * 2.0**-31 - 1.0
        b = ((drawn & LOW) + 0.5) * 2.0**-31 - 1.0
        square = a * a + b * b
    return state, a, b, square


@njit
def _direction(state: Any) -> Any:
    """A uniform unit vector."""
    state, a, b, square = _in_disk(state)
    length = math.sqrt(square)
    return state, a / length, b / length


@njit
def _opens(state: Any, strength: Any) -> Any:
    """Whether a bond opens: with probability 1 - e^{-strength}, none below 0."""
    if strength <= 0.0:
        return state, U(0)
    state, drawn = _next(state)
    return state, U(_fraction(drawn) > math.exp(-strength))


@njit
def _in_field(state: Any, kappa: Any) -> Any:
    """1 - cos t and sin t of an angle of density ∝ e^{κ cos t}."""
    kappa = max(kappa, SMALLEST)
    beyond = (1.0 + 1.0 / (math.sqrt(1.0 + 4.0 * kappa * kappa) + 2.0 * kappa)) / (
        2.0 * kappa
    )  # r - 1
    while True:
        state, a, b, square = _in_disk(state)
        # (a² - b²)/(a² + b²) is the cosine of a uniform angle.
        versine = beyond * 2.0 * b * b / (beyond * square + 2.0 * a * a)
        c = kappa * (beyond + versine)
        state, drawn = _next(state)
        u = _fraction(drawn)
        if u < c * (2.0 - c) or u < c * math.exp(1.0 - c):
            sine = math.sqrt(versine * (2.0 - versine))
            return state, versine, sine if drawn & ONE else -sine


@njit(nogil=True, cache=True)
def reflect_all(
    x: Any, y: Any, walk: Any, coupling: Any, seed: Any, sweeps: Any
) -> None:
    """Reflect half of the clusters of every replica, `sweeps` times, in place.

    Args:
        x: first components, float64 `(replica, site)`.
        y: second components.
        walk: steps to the neighbours, `kadanoff.kernels.graph_clusters.walk`.
        coupling: K >= 0.
        seed: state of the generator, uint64 `(4,)`, not all zero.
        sweeps: how often.
    """
    kind, steps, near, _ = walk
    state = (seed[0], seed[1], seed[2], seed[3])
    width = U(len(near))
    free = np.empty(x.shape[1])  # a_i, 0 once reached
    queue = np.empty(x.shape[1] + 1, dtype=np.uint32)
    parts = np.empty(x.shape[1] + 1)
    for _ in range(sweeps):
        for replica in range(x.shape[0]):
            state, rx, ry = _direction(state)
            for i in range(x.shape[1]):
                free[i] = rx * x[replica, i] + ry * y[replica, i]
            head = tail = U(0)
            for seedling in range(U(0), U(x.shape[1])):
                if free[seedling] == 0.0:
                    continue
                state, drawn = _next(state)
                turn = 2.0 * float(drawn >> U(63))
                queue[tail], parts[tail] = seedling, free[seedling]
                free[seedling] = 0.0
                tail += ONE
                while head < tail:
                    site, part = U(queue[head]), parts[head]
                    head += ONE
                    x[replica, site] -= turn * part * rx
                    y[replica, site] -= turn * part * ry
                    pull = 2.0 * coupling * part
                    start = U(kind[site]) * width
                    for k in range(len(near)):
                        other = site + steps[start + U(k)]
                        a = free[other]
                        state, joins = _opens(state, pull * a)
                        queue[tail], parts[tail] = other, a
                        free[other] = 0.0 if joins else a
                        tail += joins


@njit(nogil=True, cache=True)
def reflect_clusters(
    x: Any, y: Any, walk: Any, coupling: Any, seed: Any, clusters: Any
) -> Any:
    """Reflect `clusters` clusters of every replica, in place; return their sites.

    Args:
        x: first components, float64 `(replica, site)`.
        y: second components.
        walk: steps to the neighbours.
        coupling: K >= 0.
        seed: state of the generator, uint64 `(4,)`, not all zero.
        clusters: how many per replica.
    """
    kind, steps, near, _ = walk
    state = (seed[0], seed[1], seed[2], seed[3])
    width, sites = U(len(near)), U(x.shape[1])
    queue = np.empty(x.shape[1] + 1, dtype=np.uint32)
    parts = np.empty(x.shape[1] + 1)
    turned = U(0)
    for replica in range(x.shape[0]):
        for _ in range(clusters):
            state, rx, ry = _direction(state)
            state, drawn = _next(state)
            seedling = _share(drawn, sites)
            part = rx * x[replica, seedling] + ry * y[replica, seedling]
            x[replica, seedling] -= 2.0 * part * rx
            y[replica, seedling] -= 2.0 * part * ry
            queue[U(0)], parts[U(0)] = seedling, part
            head, tail = U(0), ONE
            while head < tail:
                site = U(queue[head])
                pull = 2.0 * coupling * parts[head]
                head += ONE
                start = U(kind[site]) * width
                for k in range(len(near)):
                    other = site + steps[start + U(k)]
                    a = rx * x[replica, other] + ry * y[replica, other]
                    state, joins = _opens(state, pull * a)
                    queue[tail], parts[tail] = other, a
                    tail += joins
                    if joins:
                        x[replica, other] -= 2.0 * a * rx
                        y[replica, other] -= 2.0 * a * ry
            turned += tail
    return turned


@njit
def _field(x: Any, y: Any, walk: Any, site: Any) -> Any:
    """Σ of the neighbours' spins."""
    kind, steps, near, _ = walk
    start = U(kind[site]) * U(len(near))
    hx = hy = 0.0
    for k in range(len(near)):
        hx += x[site + steps[start + U(k)]]
        hy += y[site + steps[start + U(k)]]
    return hx, hy


@njit(nogil=True, cache=True)
def heat_bath(
    x: Any, y: Any, walk: Any, coupling: Any, reflections: Any, seed: Any, sweeps: Any
) -> None:
    """Draw every spin anew, then reflect all about their fields, in place.

    Args:
        x: first components, float64 `(replica, site)`.
        y: second components.
        walk: steps to the neighbours.
        coupling: K, of either sign.
        reflections: passes of over-relaxation after each of the heat bath.
        seed: state of the generator, uint64 `(4,)`, not all zero.
        sweeps: how often.
    """
    state = (seed[0], seed[1], seed[2], seed[3])
    for replica in range(x.shape[0]):
        xs, ys = x[replica], y[replica]
        for _ in range(sweeps):
            for site in range(U(0), U(xs.size)):
                hx, hy = _field(xs, ys, walk, site)
                length = math.sqrt(hx * hx + hy * hy)
                ux, uy = 1.0, 0.0
                if length > 0.0:
                    ux, uy = hx / length, hy / length
                state, versine, sine = _in_field(state, abs(coupling) * length)
                cosine = 1.0 - versine if coupling >= 0.0 else versine - 1.0
                xs[site] = cosine * ux - sine * uy
                ys[site] = cosine * uy + sine * ux
            for _ in range(reflections):
                for site in range(U(0), U(xs.size)):
                    hx, hy = _field(xs, ys, walk, site)
                    square = hx * hx + hy * hy
                    if square > 0.0:
                        twice = 2.0 * (xs[site] * hx + ys[site] * hy) / square
                        xs[site] = twice * hx - xs[site]
                        ys[site] = twice * hy - ys[site]
