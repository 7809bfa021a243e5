"""Principal components: the best linear code of configurations, a baseline for h.

With C = ⟨(v − μ)(v − μ)ᵀ⟩ = Σ_a λ_a e_a e_aᵀ, λ_1 ≥ λ_2 ≥ …, the code of k numbers and
what it says of the configuration are

    h_a = e_a·(v − μ),      v̂ = μ + Σ_{a≤k} h_a e_a,      ⟨|v − v̂|²⟩ = Σ_{a>k} λ_a

(Eckart and Young 1936: no linear code of k numbers has a smaller error). Where shifts
are symmetries of the law, the components are lattice waves and λ the structure factor
S(k): the components of Ising configurations are known before any fit.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from kadanoff.content import content_hash
from kadanoff.ensemble import Ensemble
from kadanoff.geometry import Geometry, Unordered
from kadanoff.networks.products import one_thread

__all__ = ["PCA", "Reconstructing", "fit_pca", "reconstruction_error"]


class Reconstructing(Protocol):
    """A network that codes configurations and can undo it, on average."""

    def hidden_mean(self, v: Tensor) -> Tensor:
        """The code."""
        ...

    def visible_mean(self, h: Tensor) -> Tensor:
        """The configuration that the code stands for."""
        ...

    def tensor(self, values: np.ndarray) -> Tensor:
        """Configurations in the precision of the network."""
        ...


class PCA(nn.Module):
    """Mean and leading components, in double precision; `fit_pca` finds them.

    Args:
        visible: geometry of the configurations.
        hidden: number of components k.

    Attributes:
        components: e_a in columns, `(sites, k)`, each with its largest entry positive.
        mean: μ, `(sites,)`.
        variance: λ of all components, largest first, `(sites,)`: the scree.

    Raises:
        ValueError: no component, or more than sites.
    """

    kind: ClassVar[str] = "pca"
    feature_maps = 1

    def __init__(self, visible: Geometry, hidden: int):
        super().__init__()
        sites = math.prod(visible.lattice)
        if not 1 <= hidden <= sites:
            raise ValueError(
                f"configurations of {sites} sites have between 1 and {sites} "
                f"components, got {hidden}"
            )
        self.visible, self.hidden = visible, Unordered(hidden)
        self.components = _fixed(sites, hidden)
        self.mean, self.variance = _fixed(sites), _fixed(sites)
        self.record: dict[str, np.ndarray] = {}
        self.notes: dict[str, Any] = {}

    @staticmethod
    def shapes(visible: Geometry, hidden: int) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters."""
        sites = math.prod(visible.lattice)
        return {
            "components": (sites, hidden),
            "mean": (sites,),
            "variance": (sites,),
        }

    @property
    def explained(self) -> np.ndarray:
        """Share of the variance on each of the k components, largest first."""
        shares = self.variance / self.variance.sum()
        return shares[: self.hidden.size].numpy(force=True)

    def describe(self) -> dict[str, Any]:
        """The visible geometry and the number of components."""
        return {"visible": self.visible.describe(), "hidden": self.hidden.size}

    def visible_geometry(self, given: Geometry | None = None) -> Geometry:
        """Its own; ValueError where `given` has another number of sites."""
        return same_size(self.kind, self.visible, given)

    def hidden_geometry(self, fine: Geometry | None = None) -> Unordered:
        """Components have no positions."""
        self.visible_geometry(fine)
        return self.hidden

    def hidden_mean(self, v: Tensor) -> Tensor:
        """h, `(n, k)`, of `(n, *lattice)` values."""
        return (v.flatten(1) - self.mean) @ self.components

    def visible_mean(self, h: Tensor) -> Tensor:
        """v̂, `(n, *lattice)`, of `(n, k)` codes."""
        flat = torch.addmm(self.mean, h, self.components.T)
        return flat.reshape(-1, *self.visible.lattice)

    def tensor(self, values: np.ndarray) -> Tensor:
        """Configurations in double precision, on the device of the components."""
        return torch.tensor(values).to(self.components)


def fit_pca(data: Ensemble, components: int) -> PCA:
    """The principal components of configurations, read chunk by chunk.

    Of N sites the N×N covariance is held in double precision (134 MB for 64×64 sites)
    and diagonalized, at a cost of N³.

    Args:
        data: ±1 or real configurations of one value per site.
        components: number k of components to keep.

    Raises:
        ValueError: fewer than two configurations, Potts states or angles, several
            feature maps, or no such number of components.
    """
    check_numbers("pca", data)
    if data.size < 2:
        raise ValueError("a covariance needs at least 2 configurations, got 1")
    network = PCA(data.geometry, components)
    mean, second = _moments(data)
    variance, vectors = np.linalg.eigh(second - np.outer(mean, mean))
    leading = vectors[:, ::-1][:, :components]
    largest = np.abs(leading).argmax(axis=0)
    leading = leading * np.sign(leading[largest, np.arange(components)])
    with torch.no_grad():
        network.components.copy_(torch.from_numpy(leading))
        network.mean.copy_(torch.from_numpy(mean))
        # The covariance is positive; rounding leaves zeros on either side of it.
        spread = np.maximum(variance[::-1], 0)
        network.variance.copy_(torch.from_numpy(spread))
    network.notes = {"data": content_hash(data.data), "lineage": data.lineage}
    return network


@torch.no_grad()
def reconstruction_error(network: Reconstructing, data: Ensemble) -> float:
    """⟨|v − v̂|²⟩ per site with v̂ the mean given the mean code; 1 for no code of ±1.

    The same for every network (`PCA`, `Autoencoder`, a machine or a `DBN`). Of spins
    it bounds from above how often the sign of v̂ is wrong.

    Raises:
        ValueError: several feature maps, Potts states or angles.
    """
    check_numbers("reconstruction", data)
    total, sites = 0.0, math.prod(data.shape)
    with one_thread():
        for chunk in data.chunks():
            v = network.tensor(data.read(chunk))
            again = network.visible_mean(network.hidden_mean(v))
            total += float((v.flatten(1) - again.flatten(1)).square().double().sum())
    return total / (data.size * sites)


def check_numbers(kind: str, data: Ensemble) -> None:
    """Refuse values that are not numbers to be added, one per site.

    Raises:
        ValueError: several feature maps, Potts states or angles.
    """
    if data.features is not None:
        raise ValueError(
            f"the {kind} takes one value per site, got {data.features} feature maps; "
            "choose one with map=…"
        )
    if data.alphabet not in ("pm1", "real"):
        raise ValueError(
            f"the {kind} takes ±1 spins or real values, got alphabet {data.alphabet!r}"
        )


def same_size(kind: str, own: Geometry, given: Geometry | None) -> Geometry:
    """`given`, or `own` where there is none.

    Raises:
        ValueError: another number of sites.
    """
    sites = math.prod(own.lattice)
    if given is not None and math.prod(given.lattice) != sites:
        raise ValueError(
            f"this {kind} is of {sites} sites, got configurations of "
            f"{math.prod(given.lattice)}; fit one of that size"
        )
    return own if given is None else given


def _moments(data: Ensemble) -> tuple[np.ndarray, np.ndarray]:
    """⟨v⟩ and ⟨v vᵀ⟩ over all configurations."""
    sites = math.prod(data.shape)
    first = torch.zeros(sites, dtype=torch.float64)
    second = torch.zeros(sites, sites, dtype=torch.float64)
    # Sums of a chunk of ±1 are whole numbers far below 2^24: exact in 32 bits.
    kind = torch.float32 if data.alphabet == "pm1" else torch.float64
    with one_thread():
        for chunk in data.chunks():
            v = torch.tensor(data.read(chunk)).to(kind).flatten(1)
            first += v.sum(0)
            second += v.T @ v
    return (first / data.size).numpy(), (second / data.size).numpy()


def _fixed(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(shape, dtype=torch.float64), requires_grad=False)
