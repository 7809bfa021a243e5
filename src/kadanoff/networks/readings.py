"""What a machine has learned, read off its weights and off configurations.

    pseudo-likelihood   (1/N) Σ_i ln p(v_i | v_rest),   p = 1/(1 + e^{F(v) − F(v^i)})
    free-energy gap     ⟨F⟩ of held-out configurations − ⟨F⟩ of those of the training
    memory              τ of |m| and of F along Gibbs chains that start from data
    spectra             singular values of W; eigenvalues of the covariance of the data

with v^i the configuration v with site i turned. ln Z drops out of the first two
(J. Besag, The Statistician 24, 179 (1975), for the first), so both are known for
machines of any size. What a machine of two layers learns first are the modes of W
along the strongest modes of the data (Decelle, Fissore and Furtlehner, EPL 119, 60001
(2017)).

Every reading computes in 64 bits, on a copy, and leaves machine and configurations as
they were. Errors take the configurations for independent; of correlated ones, ask the
jackknife of their `Ensemble`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kadanoff.autocorrelation import integrated_time
from kadanoff.geometry import Geometry, Grid
from kadanoff.networks.conv_rbm import ConvRBM
from kadanoff.networks.gibbs import sample_hidden, sample_visible
from kadanoff.networks.machine import Machine
from kadanoff.networks.units import SPIN

__all__ = [
    "Chains",
    "Reading",
    "chain_energy",
    "chains_from",
    "covariance_spectrum",
    "free_energy_gap",
    "mixing_time",
    "pseudo_likelihood",
    "spectrum",
    "structure_factor",
]

CHUNK = 1 << 18  # numbers that are worked on together: they stay in the cache
FACTORS = 512  # of a product of numbers up to 2


class Reading(NamedTuple):
    """A number and one standard error."""

    value: float
    error: float


@dataclass(frozen=True, eq=False)
class Chains:
    """Gibbs chains and what they pass through; step 0 is where they start.

    Attributes:
        magnetization: mean of the visible units, `(chain, step)`.
        free_energy: F, a total, in kT, `(chain, step)`.
        energy: of neighbours, per site, `(chain, step)`; NaN without positions.
        last: where the chains are at the end, `(chain, *lattice)`.
    """

    magnetization: np.ndarray
    free_energy: np.ndarray
    energy: np.ndarray
    last: np.ndarray

    def mixing_time(self) -> dict[str, Reading]:
        """τ_int of `|m|` and `F` in Gibbs steps, by name.

        The chains share one mean: a chain that drifts away from where it starts counts
        as slow. A time above a twentieth of the length is a lower bound.
        """
        readings = {"|m|": abs(self.magnetization), "F": self.free_energy}
        return {name: Reading(*integrated_time(x)) for name, x in readings.items()}


@torch.no_grad()
def pseudo_likelihood(
    machine: Machine, v: Tensor, *, noise: torch.Generator | None = None
) -> Tensor:
    """ln p(v_i | v_rest) per site, in nats, of each configuration, `(n,)`.

    Args:
        machine: of spins as visible units.
        v: ±1 configurations, `(n, *lattice)`.
        noise: draws one site i of each configuration, which costs two free energies
            and has the same mean; the average over all sites where not given.

    Raises:
        ValueError: Gaussian visible units, whose conditional densities have no closed
            form (they are mixtures over the hidden layer); units other than ±1.
    """
    _check_spins(machine, v)
    machine = _in_double(machine)
    v = v.to(machine.W)
    if noise is None:
        return _over_all_sites(machine, v)
    flat = v.flatten(1)
    site = torch.randint(flat.shape[1], (len(v), 1), generator=noise, device=v.device)
    turned = flat.scatter(1, site, -flat.gather(1, site)).reshape(v.shape)
    return -functional.softplus(machine.free_energy(v) - machine.free_energy(turned))


@torch.no_grad()
def free_energy_gap(machine: Machine, train_v: Tensor, held_out_v: Tensor) -> Reading:
    """⟨F⟩ of held-out minus ⟨F⟩ of training configurations, in nats.

    0 where the machine does not know which it was trained on; above, where it has
    learned configurations by heart (Hinton, A practical guide to training restricted
    Boltzmann machines (2012), section 6).

    Raises:
        ValueError: fewer than two configurations of either.
    """
    machine = _in_double(machine)
    seen, unseen = (_mean(machine, v) for v in (train_v, held_out_v))
    return Reading(unseen.value - seen.value, math.hypot(seen.error, unseen.error))


def chain_energy(v: Tensor, geometry: Geometry | None = None) -> Tensor:
    """−(1/N) Σ_<ij> v_i v_j of each configuration, in units of J, `(n,)`.

    One forward bond per site and direction, so that on a rectangular grid it is the
    energy of the nearest-neighbour Ising model.

    Args:
        v: configurations, `(n, *lattice)`.
        geometry: where the units sit; a grid of the shape of `v` where not given.
            Without positions, or with several sites per cell, all energies are NaN.
    """
    geometry = geometry or Grid(tuple(v.shape[1:]))
    if not isinstance(geometry, Grid) or len(geometry.cell) > 1:
        return torch.full((len(v),), math.nan, dtype=torch.double, device=v.device)
    v = v.double().reshape(len(v), *geometry.lattice)
    bonds = sum(v * v.roll(-1, axis) for axis in range(1, v.ndim))
    return -torch.as_tensor(bonds).flatten(1).mean(1)


@torch.no_grad()
def chains_from(
    machine: Machine,
    v: Tensor,
    steps: int,
    *,
    noise: torch.Generator,
    geometry: Geometry | None = None,
) -> Chains:
    """Gibbs chains of `steps` updates v → h → v from each configuration.

    Args:
        machine: whose chains they are.
        v: where they start, `(n, *lattice)`.
        steps: Gibbs steps, at least 1.
        noise: draws the units.
        geometry: where the visible units sit, for the energy.

    Raises:
        ValueError: no step.
    """
    if steps < 1:
        raise ValueError(f"a chain has at least one Gibbs step, got {steps}")
    machine = _in_double(machine)
    lattice = v.shape
    v = v.to(machine.W)
    passed = [_passed(machine, v, geometry)]
    for _ in range(steps):
        h = sample_hidden(machine, v, noise=noise)
        v = sample_visible(machine, h, noise=noise).reshape(lattice)
        passed.append(_passed(machine, v, geometry))
    series = torch.stack(passed, -1).cpu().numpy()
    return Chains(*series, last=v.float().cpu().numpy())


def mixing_time(
    machine: Machine, v: Tensor, steps: int, *, noise: torch.Generator
) -> dict[str, Reading]:
    """τ_int of `|m|` and `F` in Gibbs steps along chains from the data; see `Chains`.

    Raises:
        ValueError: no step.
    """
    return chains_from(machine, v, steps, noise=noise).mixing_time()


@torch.no_grad()
def spectrum(machine: Machine, visible: Geometry | None = None) -> Tensor:
    """Singular values of W, the largest first, as many as the smaller layer has units.

    Those of tied weights are of the block-circulant operator on the lattice: with k a
    wave vector of the coarse lattice and r a site of the block it is a matrix
    ŵ_m(k, r) = Σ_X w_m(sX + r) e^{−ikX} for every k, of maps × sites of a block.

    Args:
        machine: the weights.
        visible: the lattice, for weights that fit many.

    Raises:
        ValueError: a lattice that does not fit.
    """
    machine = _in_double(machine)
    fine = machine.visible_geometry(visible)
    if not isinstance(machine, ConvRBM):
        return torch.linalg.svdvals(machine.W)
    blocks = _blocks(machine, machine.visible_geometry(fine))
    waves = torch.fft.fftn(blocks, dim=list(range(2, blocks.ndim)))
    matrices = waves.flatten(2).permute(2, 0, 1)  # (k, map, site of the block)
    return torch.linalg.svdvals(matrices).flatten().sort(descending=True).values


@torch.no_grad()
def covariance_spectrum(chunks: Iterable[Tensor]) -> Tensor:
    """Eigenvalues of ⟨v vᵀ⟩ − ⟨v⟩⟨v⟩ᵀ, the largest first, `(sites,)`.

    n configurations of N independent sites of variance 1 spread them between
    (1 ± √(N/n))² (Marčenko and Pastur 1967): what a machine sees, noise included.

    Args:
        chunks: configurations `(n, *lattice)`, read once.

    Raises:
        ValueError: no configurations.
    """
    size, first, second = 0, torch.zeros(()), torch.zeros(())
    for chunk in chunks:
        v = chunk.double().flatten(1)
        size, first, second = size + len(v), first + v.sum(0), second + v.T @ v
    _check_some(size)
    mean = first / size
    covariance = second / size - torch.outer(mean, mean)
    return torch.linalg.eigvalsh(covariance).flip(0)


@torch.no_grad()
def structure_factor(chunks: Iterable[Tensor]) -> Tensor:
    """S(k) = ⟨|v̂_k|²⟩/N − N⟨m⟩² δ_k0, the largest first, `(sites,)`.

    On a torus, averaging over translations makes the covariance circulant: these are
    its eigenvalues, with less noise than `covariance_spectrum`.

    Args:
        chunks: configurations `(n, *lattice)` of a law that knows no site, read once.

    Raises:
        ValueError: no configurations.
    """
    size, first, second = 0, torch.zeros(()), torch.zeros(())
    for chunk in chunks:
        v = chunk.double()
        waves = torch.fft.fftn(v, dim=list(range(1, v.ndim)))
        size = size + len(v)
        first, second = first + v.sum(), second + waves.abs().square().sum(0)
    _check_some(size)
    sites = second.numel()
    power = second.flatten() / (size * sites)
    power[0] -= (first / size) ** 2 / sites
    return power.sort(descending=True).values


def _in_double(machine: Machine) -> Machine:
    """The machine in 64 bits, which no setting for faster products touches."""
    return copy.deepcopy(machine).double()


def _mean(machine: Machine, v: Tensor) -> Reading:
    if len(v) < 2:
        raise ValueError(
            f"a free-energy gap needs 2 or more configurations of each, got {len(v)}"
        )
    energies = machine.free_energy(v.to(machine.W))
    return Reading(float(energies.mean()), float(energies.std()) / math.sqrt(len(v)))


def _passed(machine: Machine, v: Tensor, geometry: Geometry | None) -> Tensor:
    """m, F and e of each chain, `(3, chain)`."""
    m = v.flatten(1).mean(1)
    return torch.stack([m, machine.free_energy(v), chain_energy(v, geometry)])


def _over_all_sites(machine: Machine, v: Tensor) -> Tensor:
    """Mean over sites of −ln(1 + p(v^i)/p(v)), some configurations at a time."""
    total = v.new_zeros(len(v))
    for sites, weights, units in _columns(machine, v):
        group = max(1, CHUNK // weights.numel())
        for start in range(0, len(v), group):
            some = v[start : start + group]
            ratio = _log_ratio(machine, some, sites, weights, units)
            total[start : start + group] -= functional.softplus(ratio).sum(1)
    return total / v[0].numel()


def _log_ratio(
    machine: Machine, v: Tensor, sites: slice, weights: Tensor, units: Tensor | None
) -> Tensor:
    """ln p(v^i)/p(v) for some sites i, `(n, sites)`.

    Turning site i changes the field of hidden unit a by −2 v_i W_ia and no other.
    """
    field = machine.hidden_field(v).flatten(1)
    field = field[:, None] if units is None else field[:, units]
    v_i = v.flatten(1)[:, sites]
    c_i = machine.c.expand(v[0].numel())[sites]
    after = _log_sums(machine, torch.addcmul(field, v_i[:, :, None], weights, value=-2))
    return after - _log_sums(machine, field) - 2 * c_i * v_i


def _log_sums(machine: Machine, field: Tensor) -> Tensor:
    """Σ_a ln Σ_h e^{h f_a} over the last axis.

    Of spins as Σ |f| + ln Π (1 + e^{−2|f|}): one logarithm for many units is five times
    faster, and a product of so many factors below 2 does not overflow.
    """
    if machine.hidden_units != SPIN:
        return machine.hidden_units.log_sum(field, field.new_ones(())).sum(-1)
    size = field.abs()
    parts = (2 * size).neg_().exp_().add_(1).split(FACTORS, -1)
    return size.sum(-1) + torch.stack([x.prod(-1).log() for x in parts]).sum(0)


def _columns(
    machine: Machine, v: Tensor
) -> Iterator[tuple[slice, Tensor, Tensor | None]]:
    """Sites, the weights of each to the units that see it, and which units these are.

    Where weights vanish (tied filters, an l1 penalty), the rest are left out: each site
    keeps as many as the site that most units see; some of them may be 0. None stands
    for all units.
    """
    sites, lattice = v[0].numel(), v.shape[1:]
    bias = machine.hidden_field(torch.zeros_like(v[:1])).flatten(1)
    step = max(1, CHUNK // bias.numel())
    for start in range(0, sites, step):
        stop = min(sites, start + step)
        single = v.new_zeros(stop - start, sites)
        single[:, start:stop] = torch.eye(stop - start).to(v)
        columns = machine.hidden_field(single.reshape(-1, *lattice)).flatten(1) - bias
        seen = columns != 0
        most = max(1, int(seen.sum(1).max()))
        if 2 * most > bias.numel():
            yield slice(start, stop), columns, None
            continue
        units = seen.to(torch.uint8).argsort(1, descending=True)[:, :most]
        yield slice(start, stop), columns.gather(1, units), units


def _blocks(machine: ConvRBM, fine: Grid) -> Tensor:
    """Tied weights of the unit at the origin, `(map, site of the block, *coarse)`."""
    s, d = machine.stride, machine.dimension
    coarse = tuple(side // s for side in fine.shape)
    h = machine.W.new_zeros(machine.maps, machine.maps, *coarse)
    h[(torch.arange(machine.maps), torch.arange(machine.maps), *[0] * d)] = 1
    h = h[:, 0] if machine.maps == 1 else h
    w = machine.visible_field(h) - machine.c
    split = [length for side in coarse for length in (side, s)]
    w = w.reshape(machine.maps, *split)
    inside, across = range(2, 2 * d + 1, 2), range(1, 2 * d + 1, 2)
    return w.permute(0, *inside, *across).reshape(machine.maps, s**d, *coarse)


def _check_spins(machine: Machine, v: Tensor) -> None:
    if machine.visible_units != SPIN:
        raise ValueError(
            "a pseudo-likelihood asks for p(v_i | v_rest), which has no closed form "
            f"for {machine.visible_units.name} visible units; compare free energies "
            "instead"
        )
    if not bool((v.abs() == 1).all()):
        raise ValueError(
            "a pseudo-likelihood needs configurations of ±1 spins, got other values; "
            "draw spins from their means first"
        )


def _check_some(size: int) -> None:
    if size == 0:
        raise ValueError("a spectrum needs configurations, got none; give some chunks")
