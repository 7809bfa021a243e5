"""The two-dimensional exhibits, computed once for all tests of this paper."""

import pytest

from kadanoff.experiments.mehta2014 import PAPER
from kadanoff.experiments.reproduce import reproduce


@pytest.fixture(scope="session")
def two_dimensional(tmp_path_factory):
    """By the name of an exhibit its data set, as `reproduce` makes, keeps and reads it.

    Three exhibits read the same networks: trainings are shared, and so is what was
    read of them.
    """
    runs = tmp_path_factory.getbasetemp() / "mehta2014"

    def found(name):
        return reproduce(PAPER, only=[name], seed=1, runs=runs).data[name]

    return found
