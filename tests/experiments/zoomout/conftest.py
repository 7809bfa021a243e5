"""Exhibits with fast settings, computed and drawn once; networks to be read."""

from functools import cache

import pytest
import torch

from kadanoff.experiments.exhibit import Work
from kadanoff.experiments.papers import paper_of
from kadanoff.experiments.zoomout.digit_networks import networks

EXHIBITS = {exhibit.name: exhibit for exhibit in paper_of("zoomout").exhibits}
MAPS = (4, 6, 8)


@pytest.fixture(scope="session")
def computed(tmp_path_factory):
    """The data set of an exhibit by its name; copy it before it is spoilt."""
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)

    @cache
    def of(name):
        return EXHIBITS[name].compute(EXHIBITS[name].fast, work)

    return of


@pytest.fixture(scope="session")
def drawn(computed):
    """The sections of an exhibit by its name."""
    return cache(lambda name: EXHIBITS[name].draw(computed(name)))


@pytest.fixture
def x():
    noise = torch.Generator().manual_seed(5)
    return torch.randn(12, 1, 8, 8, generator=noise, dtype=torch.float64)


@pytest.fixture
def made():
    """Networks in double precision with biases, which are seen to drop out."""

    def of(name, seed=1):
        network = networks(MAPS, 3)[name]().double()
        noise = torch.Generator().manual_seed(seed)
        for p in network.parameters():
            torch.nn.init.normal_(p, 0.0, 0.4, generator=noise)
        return network

    return of
