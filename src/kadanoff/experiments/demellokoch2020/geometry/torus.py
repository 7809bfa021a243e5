"""Spins put back on a torus, from how strongly they are tied together."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from kadanoff.experiments.demellokoch2020.geometry.pairs import ties
from kadanoff.geometry import Grid

__all__ = ["arrangement", "bonds_again", "torus_angles", "true_steps"]

MOST_MOVES = 30  # of all spins to their partners; a handful is usual


def torus_angles(links: np.ndarray) -> np.ndarray:
    """An angle along either direction of a torus for every spin, `(spins, 2)`.

    The four slowest modes of the Laplacian of the links, turned so that they are
    (cos, sin) of one angle and (cos, sin) of the other.

    Args:
        links: weights of the graph, symmetric and not negative, `(spins, spins)`.
    """
    laplacian = np.diag(links.sum(axis=1)) - links
    modes = np.linalg.eigh(laplacian)[1][:, 1:5]
    form = _vanishing_form(modes)
    plane = modes @ np.linalg.eigh(form)[1]
    return np.arctan2(plane[:, 1::2], plane[:, ::2])


def _vanishing_form(modes: np.ndarray) -> np.ndarray:
    """A = Aᵀ without trace for which the sum of (uᵀ A u)² over sites is least."""
    d = modes.shape[1]
    products = modes[:, :, None] * modes[:, None, :]
    products -= np.eye(d) * np.einsum("naa->n", products)[:, None, None] / d
    flat = products.reshape(len(modes), -1)
    basis = _symmetric_without_trace(d)
    least = np.linalg.svd(flat @ basis.T)[2][-1]
    return (least @ basis).reshape(d, d)


def _symmetric_without_trace(d: int) -> np.ndarray:
    """An orthonormal basis of such matrices, `((d + 2)(d - 1)/2, d d)`."""
    units = np.eye(d * d).reshape(-1, d, d)
    some = units + units.swapaxes(1, 2)
    some -= np.eye(d) * np.einsum("kaa->k", some)[:, None, None] / d
    return np.linalg.svd(some.reshape(d * d, -1))[2][: (d + 2) * (d - 1) // 2]


def arrangement(strength: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The site of every spin on a torus of two directions, int `(spins,)`, C order.

    Args:
        strength: of every pair, `(spins, spins)`.
        shape: sides of the torus, as many sites as spins.

    Raises:
        ValueError: another number of sites than of spins, or not two sides.
    """
    if len(shape) != 2 or np.prod(shape) != len(strength):
        raise ValueError(
            f"spins are put on a torus of two sides with as many sites as spins, got "
            f"{len(strength)} spins and shape {tuple(shape)}; give sides whose product "
            "is the number of spins"
        )
    links = ties(strength)
    sides = np.array(shape)
    bonds = np.triu(true_steps(Grid(tuple(shape))) == 1)
    sites = _assigned(torus_angles(links), sides)
    for _ in range(MOST_MOVES):
        waves = np.exp(2j * np.pi * np.stack(np.unravel_index(sites, shape), 1) / sides)
        moved = _assigned(np.angle(links @ waves), sides)
        if _on_bonds(links, moved, bonds) <= _on_bonds(links, sites, bonds):
            break
        sites = moved
    return sites


def _assigned(angles: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """One site for every spin: least squared distances, the origin where it fits."""
    places = angles * sides / (2 * np.pi)
    places -= np.angle(np.exp(2j * np.pi * places).mean(axis=0)) / (2 * np.pi)
    away = places[:, None] - np.indices(tuple(sides)).reshape(2, -1).T
    away = (away + sides / 2) % sides - sides / 2
    return linear_sum_assignment((away**2).sum(axis=-1))[1]


def _on_bonds(links: np.ndarray, sites: np.ndarray, bonds: np.ndarray) -> float:
    """How much of the strength lies between sites that are bonded."""
    return float(links[bonds[np.ix_(sites, sites)]].sum())


def bonds_again(sites: np.ndarray, truth: np.ndarray, grid: Grid) -> float:
    """The share of true bonds whose ends are bonded again; no symmetry changes it.

    Args:
        sites: where every spin was put, `(spins,)`.
        truth: where it was, likewise.
        grid: the lattice.
    """
    bonded = true_steps(grid) == 1
    were, are = bonded[np.ix_(truth, truth)], bonded[np.ix_(sites, sites)]
    return float(are[were].mean())


def true_steps(grid: Grid) -> np.ndarray:
    """Steps along bonds of the lattice between any two sites."""
    positions = grid.positions()
    away = grid.displacement(positions[:, None], positions[None])
    return np.abs(away).sum(axis=-1).round()
