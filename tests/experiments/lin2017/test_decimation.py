"""Decimation as on the slides: exact to rounding, and what is not is seen."""

import math

import numpy as np
import pytest

from kadanoff.exact.constants import K_C
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.lin2017.decimation import EXHIBIT, FAST

IN_ORDER = ["recursion", "unchanged", "trivial", "nontrivial", "accuracy"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return EXHIBIT.compute(FAST, work)


def status(dataset, which):
    return EXHIBIT.checks(dataset)[IN_ORDER.index(which)].status


def test_what_is_exact_is_and_what_is_truncated_is_partly_right(data):
    found = [c.status for c in EXHIBIT.checks(data)]
    assert found == [Status.REPRODUCED] * 4 + [Status.PARTLY]


def test_the_flow_is_that_of_the_slides(data):
    """e^{2K′} = cosh 2K, while K is not yet rounding."""
    for k in data.coupling.values:
        flow = data["flow"].sel(coupling=k).values
        seen = flow[flow > 1e-6]
        again = np.log(np.cosh(2 * seen[:-1])) / 2
        np.testing.assert_allclose(seen[1:], again, rtol=1e-9)
        assert len(seen) > 3


def test_the_fixed_point_solves_its_equation(data):
    k = float(data["fixed"])
    assert k == pytest.approx(3 / 8 * math.log(math.cosh(4 * k)), abs=1e-14)
    slope = 1.5 * math.tanh(4 * k)
    assert float(data["y_t"]) == pytest.approx(2 * math.log2(slope), abs=1e-12)
    assert k > K_C
    assert math.isnan(float(data["nearest_fixed"]))


@pytest.mark.parametrize(
    ("name", "which"),
    [("slides", "recursion"), ("apart", "unchanged"), ("ring_apart", "unchanged")],
)
def test_an_error_in_the_twelfth_digit_is_seen(data, name, which):
    wrong = data.copy(deep=True)
    wrong[name][..., -1] += 1e-12
    assert status(wrong, which) is Status.NOT
    others = [w for w in IN_ORDER[:4] if w != which]
    assert all(status(wrong, w) is Status.REPRODUCED for w in others)


def test_a_flow_that_does_not_end_or_part_is_seen(data):
    still = data.copy(deep=True)
    still["flow"][:] = 0.5
    assert status(still, "trivial") is Status.NOT
    together = data.copy(deep=True)
    together["stairs"][0] = data["stairs"][1]
    assert status(together, "nontrivial") is Status.NOT
    also = data.assign(nearest_fixed=0.4)
    assert status(also, "nontrivial") is Status.NOT


def test_the_truncation_is_judged_by_its_numbers(data):
    assert status(data.assign(fixed=K_C), "accuracy") is Status.REPRODUCED
    assert status(data.assign(y_t=1.5), "accuracy") is Status.NOT


def test_it_draws(data):
    sections = EXHIBIT.draw(data)
    assert len(sections) == 2
    assert all((s.picture or "").startswith("data:image/svg") for s in sections)
