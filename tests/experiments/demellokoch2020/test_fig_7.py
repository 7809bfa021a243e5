"""Block averages: measured G against the critical torus, at five errors."""

import numpy as np
import pytest

from kadanoff.experiments.demellokoch2020.fig_7 import EXHIBIT, FAST, PAIRS
from kadanoff.experiments.exhibit import Status, Work


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    work = Work(1, tmp_path_factory.mktemp("runs"), lambda *_: None)
    return EXHIBIT.compute(FAST, work)


@pytest.mark.parametrize("pair", PAIRS)
def test_g_is_that_of_the_critical_torus(found, pair):
    g, error, expected = (
        found[f"{pair}_{n}"].values for n in ("raw", "raw_error", "expected")
    )
    assert (abs(g - expected) < 5 * error).all()
    # Without its uniform part, whose noise all points share, it is told from a
    # correlator ten per cent larger.
    uniform = float(found[f"{pair}_expected_uniform"])
    varying, doubt = (found[f"{pair}_varying{e}"].values for e in ("", "_error"))
    assert (abs(varying - expected + uniform) < 5 * doubt).all()
    assert (abs(varying - 2 * (expected - uniform)) > 5 * doubt).any()


def test_offset_is_the_magnetization(found):
    """Uniform part of block averages: N_h ⟨m²⟩², whatever the step."""
    ratio = found["uniform"].sel(pair="first") / found["uniform"].sel(pair="both")
    assert float(ratio) == pytest.approx(4, rel=1e-3)
    assert (found["share"] > 0.98).all()
    assert found["share_at"][-1] < 0.2  # far above T_c


def test_offset_and_fall_grow_alike(found):
    """L^{3/2} of L²/4 units with ⟨m²⟩² ~ L^{-1/2}, to the order of corrections."""
    for name in ("uniform_of_side", "fall_of_side"):
        y = found[name].values
        assert np.log2(y[-1] / y[-2]) == pytest.approx(1.5, abs=0.03)


def test_claims_follow_the_data(found):
    spot, larger, linear, offset = (c.status for c in EXHIBIT.checks(found))
    assert (spot, larger) == (Status.REPRODUCED, Status.REPRODUCED)
    assert linear is Status.PARTLY
    assert offset is Status.NOT
    wrong = found.assign(
        spots=found["spots"] + 3, area=found["area"][::-1].values * found["area"] ** 0
    )
    wrong = wrong.assign(share=found["share"] * 0)
    wrong = wrong.assign({f"{p}_bent": 0.001 for p in PAIRS})
    statuses = [c.status for c in EXHIBIT.checks(wrong)]
    assert statuses == [Status.NOT, Status.NOT, Status.REPRODUCED, Status.REPRODUCED]


def test_pictures_are_drawn(found):
    sections = EXHIBIT.draw(found)
    assert len(sections) == 3
    assert all((s.picture or "").startswith("data:image/svg") for s in sections)
