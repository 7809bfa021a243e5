"""The sheet of a sweep: which correction it takes off, which fit it shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from instruments.exact_draws import all_states, draw, planted
from instruments.synthetic_curves import synthetic

from kadanoff.ensemble import Ensemble
from kadanoff.exact.constants import K_C, K_C_TRIANGULAR
from kadanoff.experiments import scaling as experiment
from kadanoff.experiments.scaling import scaling
from kadanoff.instruments.collapse import parameter, stability
from kadanoff.models.ising import Ising
from kadanoff.models.potts import Potts
from kadanoff.reports.scaling import draw_scaling


def sweep_of_two_sizes() -> list[Ensemble]:
    """Exact draws of 2×2 and 4×4 around their crossing."""
    ensembles = []
    for k, coupling in enumerate(np.linspace(0.3, 0.6, 6)):
        for side in (2, 4):
            law = planted((side, side), {"nn": coupling})
            ensembles.append(
                draw(
                    all_states((side, side)),
                    law,
                    chains=32,
                    draws=128,
                    seed=10 * k + side,
                    couplings={"K": coupling},
                )
            )
    return ensembles


def test_a_sweep_becomes_a_sheet():
    ensembles = sweep_of_two_sizes()
    sheet = scaling(ensembles, fit=("critical",))
    assert (sheet.known, sheet.known_nu) == (K_C, 1)
    assert sheet.pairs == ((2, 4),)
    assert len(sheet.sentences) == 3
    assert "2 sizes cannot tell it apart" in sheet.sentences[-1]
    assert float(sheet.collapse.nu.value) == 1.0
    draw_scaling(sheet).draw_without_rendering()
    lost = scaling([replace(e, model=None) for e in ensembles], fit=("critical",))
    assert (lost.known, lost.known_nu) == (None, None)
    assert "no ω is known" in lost.sentences[-1]


def test_different_models_are_refused():
    one, other, *rest = sweep_of_two_sizes()
    bent = replace(other, parameters={"field": 0.1})
    with pytest.raises(ValueError, match=r"sizes of one model, got .*field = 0\.1"):
        scaling([one, bent, *rest])
    with pytest.raises(ValueError, match="got no configurations"):
        scaling([])


@pytest.fixture
def read_curves(monkeypatch):
    """Sheets of known curves, as if ensembles of a model had given them."""

    def sheet(curves, model, **settings):
        monkeypatch.setattr(experiment, "curves", lambda *_: tuple(curves))
        monkeypatch.setattr(experiment, "model_of", lambda _: model)
        ensemble = Ensemble.from_values(np.ones((2, 2, 2, 2), np.int8))
        return scaling([ensemble], **settings)

    return sheet


def test_the_square_lattice_is_corrected_and_the_sentence_says_so(read_curves):
    """c L^-2 with c = 2 is ten errors at L = 8: without ω the reading is off."""
    sweep = synthetic(3, correction=2.0)
    corrected = read_curves(sweep, Ising((8, 8)), degree=5)
    assert corrected.collapse.omega == 1.75
    assert "ω = 1.75, known of the square-lattice" in corrected.sentences[-1]
    plain = read_curves(sweep, Ising((8, 8)), degree=5, omega=None)
    assert plain.collapse.omega is None
    assert "none, as asked" in plain.sentences[-1]
    given = read_curves(sweep, Ising((8, 8)), degree=5, omega=2.5)
    assert given.collapse.omega == 2.5
    assert "ω = 2.5 as given" in given.sentences[-1]
    for other in (
        Ising((8, 8), "triangular"),
        Ising((8, 8), field=0.1),
        Potts((8, 8), 3),
    ):
        assert read_curves(sweep, other, degree=5).collapse.omega is None
    found = corrected.collapse.critical
    assert abs(float(found.value) - 2.27) < 4 * float(found.error)
    everything = stability(sweep, degree=5)[0]
    assert abs(float(everything.critical.value) - 2.27) > 4 * float(
        everything.critical.error
    )


def test_errors_on_the_sheet_hold_the_change_without_the_smallest_size(read_curves):
    sweep = synthetic(4, correction=0.3)
    sheet = read_curves(sweep, Potts((8, 8), 3), degree=5)
    fits = stability(sweep, degree=5)
    for name in ("critical", "nu"):
        read = parameter(fits, name)
        shown = getattr(sheet.collapse, name)
        assert float(shown.error) == pytest.approx(read.error)
        assert float(shown.error) > float(read.estimate.error)
        assert any(str(read.whole) in s for s in sheet.sentences)
    title = draw_scaling(sheet).axes[2].get_title(loc="left")
    assert str(sheet.collapse.critical) in title


def test_the_fit_that_is_drawn_is_the_one_reported(read_curves):
    """With c = 2 the smallest size is left out: its points are not on the curve."""
    sweep = synthetic(5, correction=2.0)
    sheet = read_curves(sweep, None, degree=5)
    smallest = parameter(stability(sweep, degree=5), "nu").smallest
    assert smallest > 8
    assert sheet.collapse.side.min() == smallest
    assert sheet.collapse.believed


def test_sizes_that_do_not_collapse_give_no_reading(read_curves):
    sweep = synthetic(6)
    sheet = read_curves(sweep, None, fit=("critical",), nu=0.6)
    assert not sheet.collapse.believed
    assert any("is no reading" in sentence for sentence in sheet.sentences)
    figure = draw_scaling(sheet)
    assert "do not collapse" in figure.axes[2].get_title(loc="left")
    rows = [t.get_text() for t in figure.axes[1].get_yticklabels()]
    assert "collapse" not in rows


def test_a_cubic_that_does_not_fit_is_said(read_curves):
    wide = synthetic(7, sides=(8, 64), sigma=0.001)
    sheet = read_curves(wide, None)
    assert any(
        "no cubic goes through the curve of L = 64" in s for s in sheet.sentences
    )


@pytest.mark.parametrize(
    ("model", "critical", "nu"),
    [
        (Ising((4, 4)), K_C, 1),
        (Ising((4, 4), "triangular"), K_C_TRIANGULAR, 1),
        (Ising((4, 4), "honeycomb"), np.log(2 + np.sqrt(3)) / 2, 1),
        (Ising((4, 4), field=0.1), None, None),
        (Ising((4, 4), second=0.5), None, None),
        (Ising((4, 4, 4)), None, None),
        (Potts((4, 4), 3), np.log(1 + np.sqrt(3)), 5 / 6),
        (Potts((4, 4), 5), np.log(1 + np.sqrt(5)), None),
    ],
)
def test_what_is_known_stands_beside(read_curves, model, critical, nu):
    sheet = read_curves(synthetic(8), model, degree=5, omega=None)
    assert sheet.known == (None if critical is None else pytest.approx(critical))
    assert sheet.known_nu == (None if nu is None else pytest.approx(nu))
