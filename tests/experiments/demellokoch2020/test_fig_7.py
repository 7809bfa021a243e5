"""Block averages: measured G against the critical torus, at five errors."""

import numpy as np
import pytest

from kadanoff.experiments.demellokoch2020.fig_7 import EXHIBIT, FAST, PAIRS
from kadanoff.experiments.demellokoch2020.patches import on_own_scale
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


def sharp(found, **readings):
    """The data with other readings and small errors of them."""
    errors = {f"{name}_error": found[f"{name}_error"] * 0 + 1e-6 for name in readings}
    return found.assign(readings | errors)


def statuses(dataset):
    return [c.status for c in EXHIBIT.checks(dataset)]


def noisy(dataset, name):
    return dataset.assign({f"{name}_error": dataset[f"{name}_error"] * 0 + 100})


def test_claims_follow_the_data(found):
    spot, larger, linear, offset = statuses(found)
    assert spot in (Status.REPRODUCED, Status.OPEN)  # few units after two steps
    assert larger is Status.REPRODUCED
    assert linear is Status.PARTLY
    assert offset is Status.REPRODUCED
    turned = found["area"][::-1].values * found["area"] ** 0
    by_reading = {
        "spots": [(0, found["spots"] * 0 + 1.1, Status.REPRODUCED)],
        "area": [(1, turned, Status.NOT)],
        "share": [
            (3, found["share"] * 0 + 0.6, Status.REPRODUCED),
            (3, found["share"] * 0 + 0.4, Status.NOT),
        ],
    }
    by_reading["spots"].append((0, found["spots"] + 3, Status.NOT))
    for name, cases in by_reading.items():
        for number, values, status in cases:
            changed = sharp(found, **{name: values})
            assert statuses(changed)[number] is status
            assert statuses(noisy(changed, name))[number] is Status.OPEN


def test_a_line_is_judged_by_its_residuals_and_their_probability(found):
    for bent, p, status in (
        (0.001, 0.5, Status.REPRODUCED),
        (0.07, 1e-6, Status.PARTLY),
        (0.07, 0.5, Status.OPEN),
    ):
        made = {f"{n}_bent": bent for n in PAIRS} | {f"{n}_p": p for n in PAIRS}
        check = EXHIBIT.checks(found.assign(made))[2]
        assert check.status is status
        assert ("a line is excluded" in check.reason) is (p < 1e-3)
    rising = sharp(found, fall=-found["fall"])
    assert statuses(rising)[2] is Status.NOT


def test_pictures_are_drawn(found):
    sections = EXHIBIT.draw(found)
    assert len(sections) == 3
    assert all((s.picture or "").startswith("data:image/svg") for s in sections)
    # Levels of five units each, named with what their maps range over.
    low, high = (float(getattr(found["map_first"], end)()) for end in ("min", "max"))
    images, ends = on_own_scale(found["map_first"].values)
    assert ends == f"{low:.3f} to {high:.3f}"
    assert all(image.min() == 0 for image in images)
