"""Handwritten digits under noise and a checkerboard, both drawn anew each time.

    x = image + noise + a s q,     q a checkerboard, s = ±1 by lot

Noise has the standard deviation σ in every pixel. The sign s is a second thing that a
network can be asked for in the same inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor, nn

__all__ = [
    "GROUPS",
    "PIXELS",
    "SHOWN",
    "SIDE",
    "VIEWS",
    "Digits",
    "are_at_hand",
    "checkerboard",
    "signs",
]

SIDE = 8
PIXELS = SIDE**2
GROUPS = ("class", "noise", "sign", "any")
"""Differences of the digits' mean images; where noise has ten times the variance of the
images; q; all directions alike."""
NOISY = 10.0
SHOWN = 3
VIEWS = ("digit", "seen", "4×4 averages", "2×2 averages")


@dataclass(frozen=True, eq=False)
class Digits:
    """Handwritten digits about their mean image, and directions of their pixels.

    Attributes:
        images: `(n, 64)`, grey values from 0 to 1 less the mean image.
        labels: `(n,)`, 0 to 9.
        noise: σ.
        pattern: a.
        basis: `(64, 64)`, orthonormal columns: q, then the principal directions of the
            images at right angles to it, by falling variance.
        variance: of the images along each.
    """

    images: np.ndarray
    labels: np.ndarray
    noise: float
    pattern: float
    basis: np.ndarray
    variance: np.ndarray

    @classmethod
    def load(cls, noise: float, pattern: float) -> Digits:
        """Those that scikit-learn brings along: 1797 images of 8×8 pixels."""
        loaded = import_module("sklearn.datasets").load_digits()
        images = loaded.images.reshape(-1, PIXELS) / 16
        return cls.of(images, loaded.target, noise, pattern)

    @classmethod
    def of(
        cls, images: np.ndarray, labels: np.ndarray, noise: float, pattern: float
    ) -> Digits:
        """From images `(n, 64)` with any mean."""
        images = images - images.mean(axis=0)
        q = checkerboard()
        across = images - np.outer(images @ q, q)
        modes = np.linalg.eigh(across.T @ across)[1]
        # One mode of no variance is q itself: the rest, made exactly orthogonal to it.
        rest = np.linalg.qr(np.column_stack([q, modes[:, ::-1]]))[0][:, 1:PIXELS]
        basis = np.column_stack([q, rest])
        return cls(images, labels, noise, pattern, basis, (images @ basis).var(axis=0))

    @property
    def covariance(self) -> np.ndarray:
        """Of the inputs, `(64, 64)`: of images, of noise and of the checkerboard."""
        images, q = self.images, checkerboard()
        covariance = images.T @ images / len(images) + self.noise**2 * np.eye(PIXELS)
        return covariance + self.pattern**2 * np.outer(q, q)

    def group(self, name: str) -> np.ndarray:
        """Orthonormal columns that span one of `GROUPS`."""
        if name == "sign":
            return self.basis[:, :1]
        if name == "any":
            return self.basis
        if name == "noise":
            drowned = self.variance < self.noise**2 / NOISY
            return self.basis[:, 1:][:, drowned[1:]]
        kinds = np.unique(self.labels)
        means = np.array([self.images[self.labels == k].mean(axis=0) for k in kinds])
        across = means @ self.basis[:, 1:]
        rows = np.linalg.svd(across - across.mean(axis=0))[2][: len(kinds) - 1]
        return self.basis[:, 1:] @ rows.T

    def seen(
        self, chosen: np.ndarray, sign: np.ndarray, rng: np.random.Generator
    ) -> Tensor:
        """Inputs `(n, 1, 8, 8)`: some images with these signs and fresh noise."""
        x = self.images[chosen] + self.noise * rng.normal(size=(len(sign), PIXELS))
        x += self.pattern * np.outer(sign, checkerboard())
        return torch.from_numpy(x).float().reshape(-1, 1, SIDE, SIDE)

    def views(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """The first digits, what is seen of them, and its block averages."""
        first = np.arange(SHOWN)
        seen = self.seen(first, signs(SHOWN, rng), rng)
        views = [torch.from_numpy(self.images[first]).reshape(seen.shape), seen]
        views += [nn.functional.avg_pool2d(seen, b) for b in (2, 4)]
        pairs = zip(VIEWS, views, strict=True)
        return {name: view[:, 0].numpy() for name, view in pairs}


def checkerboard() -> np.ndarray:
    """q of unit length, `(64,)`: block averages do not see it."""
    rows, columns = np.indices((SIDE, SIDE))
    return (1.0 - 2 * ((rows + columns) % 2)).ravel() / SIDE


def signs(n: int, rng: np.random.Generator) -> np.ndarray:
    """s of n inputs, by lot."""
    return rng.choice([-1, 1], size=n)


def are_at_hand() -> bool:
    """Whether scikit-learn, which has the images, is installed."""
    return find_spec("sklearn") is not None
