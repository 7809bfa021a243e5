"""The Gaussian field: exact powers, drawn fields, and what a wrong one would show."""

import itertools

import numpy as np
import pytest

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.lin2017 import gaussian_field
from kadanoff.experiments.lin2017.gaussian_field import (
    EXHIBIT,
    FAST,
    VIEWS,
    fitted,
    seen_from_afar,
)
from kadanoff.flows.gaussian import lattice_spectrum

IN_ORDER = ["y0", "y1", "y2", "y3", "survive"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return EXHIBIT.compute(FAST, work)


def status(dataset, which):
    return EXHIBIT.checks(dataset)[IN_ORDER.index(which)].status


def torus_momenta(side, d):
    k = 2 * np.pi * np.fft.fftfreq(side)
    return np.stack(np.meshgrid(*[k] * d, indexing="ij"), axis=-1)


@pytest.mark.parametrize(("side", "d", "c"), [(12, 1, 3), (8, 2, 2)])
def test_tents_are_blocks_averaged_over_blocks_site_by_site(side, d, c):
    """On a torus: the covariance of all sites, weighted twice."""
    spectrum = lattice_spectrum(0.3)
    covariance = np.fft.ifftn(spectrum(torus_momenta(side, d))).real
    weights = np.zeros((side,) * d)
    for block in itertools.product(range(c), repeat=2 * d):
        at = tuple((block[i] + block[d + i]) % side for i in range(d))
        weights[at] += c ** (-2.0 * d)
    w = np.abs(np.fft.fftn(weights)) ** 2
    smooth = np.fft.ifftn(np.fft.fftn(covariance) * w).real
    coarse = np.fft.fftn(smooth[(slice(None, None, c),) * d]).real
    value = seen_from_afar(spectrum, c, "tents")(torus_momenta(side // c, d))
    np.testing.assert_allclose(value, coarse, rtol=1e-11)


def test_the_exact_powers(data):
    """Of the last step in every dimension; blocks leak y₃ at c⁻³."""
    last = np.log2(data["response"]).diff("scale").isel(scale=-1)
    wanted = {"blocks": [2, 0, -2, -3], "tents": [2, 0, -2, -4]}
    wanted["shell"] = [2, 0, -2, -4]
    for view, powers in wanted.items():
        for d in (1, 2, 3):
            found = last.sel(view=view, dimension=d).values
            np.testing.assert_allclose(found, powers, atol=5e-3)


def test_y2_ends_where_the_window_and_the_ruler_say(data):
    """In k²: (y - 1/12)/c² of the shell, and 1/12 or 1/6 of (1 - c⁻²) by windows more.

    In k̂² 1/12 more: half of the sixth of block means is the ruler, not the block.
    """
    c = data.scale.values
    shares = {"blocks": 1 / 12, "tents": 1 / 6, "shell": 0.0}
    for view, share in shares.items():
        for y in data.start.values:
            on_paper = (y - 1 / 12) / c**2 + share * (1 - 1.0 / c**2)
            for ruler, more in (("k²", 0.0), ("k̂²", 1 / 12)):
                flow = data["y2_flow"].sel(view=view, start=y, ruler=ruler)
                np.testing.assert_allclose(flow, on_paper + more, atol=1e-6)


def test_a_mark_of_the_shell_is_seen(data):
    """Only the shell ends at zero; a shell with a mark, or blocks without, are told."""
    (check,) = [c for c in EXHIBIT.checks(data) if "all others go to zero" in c.claim]
    assert "zero is left by shell, and" in check.reason
    marked = data.copy(deep=True)
    marked["y2_flow"].loc[{"view": "shell"}] += 0.08
    (check,) = [c for c in EXHIBIT.checks(marked) if "all others go" in c.claim]
    assert "zero is left by none, and" in check.reason
    free = data.copy(deep=True)
    free["y2_flow"][:] = data["y2_flow"].sel(view="shell")
    assert status(free, "survive") is Status.REPRODUCED


def test_fits_leave_chance_and_a_wrong_spectrum_is_seen(data):
    """χ² per 60 degrees of freedom and more; shells of 1 as normal numbers are."""
    assert 0.5 < float(data["chi2_least"].min()) <= float(data["chi2"].max()) < 1.6
    assert float(np.abs(data["residual"]).max()) < 5
    k = gaussian_field._waves(256, 1, 1.2)
    rng = np.random.default_rng(5)
    draws = rng.exponential(1, (200, len(k))) * lattice_spectrum(0.2)(k)
    beta = fitted(lattice_spectrum(0.2)(k), k)
    good = gaussian_field._left_over(draws, k, beta)
    bad = gaussian_field._left_over(draws, k, beta * [1, 1.3, 1, 1])
    # These draws have no k and -k: all are independent and count half.
    assert 0.7 < good[1] < 1.4
    assert bad[1] > 3
    assert np.abs(bad[0]).max() > 5 > np.abs(good[0]).max()
    poor = data.assign(chi2=data["chi2"] + 5)
    assert status(poor, "y1") is Status.PARTLY


def test_a_killed_study_goes_on_where_it_was(tmp_path, data, monkeypatch):
    real, done = gaussian_field._drawn, []

    def counted(*args):
        done.append(args[:2])
        if len(done) == 3:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(gaussian_field, "_drawn", counted)
    work = Work(0, tmp_path, lambda label, done, total: None)
    with pytest.raises(KeyboardInterrupt):
        EXHIBIT.compute(FAST, work)
    again = EXHIBIT.compute(FAST, work)
    assert done == [(1, 2), (2, 2), (3, 2), (3, 2)]
    np.testing.assert_array_equal(again["drawn_y2"], data["drawn_y2"])


def test_drawn_fields_have_the_factors_of_the_exact_spectrum(data):
    """Nine readings within 4 errors, level 6e-4; errors of 1 to 6 %."""
    for name in ("y0", "y1", "y2"):
        off = data[f"drawn_{name}"] - data[f"fit_{name}"]
        assert (np.abs(off) < 4 * data[f"drawn_{name}_error"]).all()
    assert (data["drawn_y0_error"] < 0.03 * data["drawn_y0"]).all()
    assert (data["drawn_y2_error"] < 0.1 * data["drawn_y2"]).all()
    assert (data["fit_y0"] / 4 == pytest.approx(np.full((1, 3), 0.99), abs=0.01)).all()


def test_errors_of_the_fit_are_those_of_the_likelihood(data):
    """Jackknife against Fisher's information: 40 blocks know an error to 11 %."""
    k = gaussian_field._waves(256, 1, 1.2)
    spectrum = lattice_spectrum(0.2)
    powers, _ = gaussian_field._powers_of_draws(
        spectrum, 512, 1, 2, 300, rng=np.random.default_rng(4)
    )
    fine = gaussian_field._waves(512, 1, 0.6)
    estimate = gaussian_field._estimate(powers, fine)
    x, mean = gaussian_field._terms(fine), spectrum(fine)
    information = 300 * (x * (mean**2)[:, None]).T @ x / 2
    error = np.sqrt(np.diag(np.linalg.inv(information)))
    np.testing.assert_allclose(estimate.error, error, rtol=0.5)
    assert (np.abs(estimate.value - [0.2, 1, 0, 0]) < 4.5 * error).all()
    assert len(k) == len(fine)


def test_a_fit_to_an_exact_spectrum_is_exact():
    k = gaussian_field._waves(64, 2, 1.2)
    beta = fitted(lattice_spectrum(0.1)(k), k)
    np.testing.assert_allclose(beta, [0.1, 1, 0, 0, 0], atol=1e-7)


def test_statuses_follow_the_numbers(data):
    assert [status(data, w) for w in IN_ORDER] == [
        *[Status.REPRODUCED] * 3,
        Status.PARTLY,
        Status.PARTLY,
    ]
    off = data.copy(deep=True)
    off["drawn_y0"] += 5 * off["drawn_y0_error"]
    assert status(off, "y0") is Status.PARTLY
    off["response"][..., 0] = 1.0
    assert status(off, "y0") is Status.NOT
    alive = data.copy(deep=True)
    alive["y2_flow"][:] = data["y2_flow"].isel(scale=0)
    assert status(alive, "survive") is Status.NOT
    back = data.copy(deep=True)
    back["response"].loc[{"view": "blocks"}] = data["response"].sel(view="shell")
    assert not gaussian_field.leaks(back)
    assert gaussian_field.leaks(data)
    sharp = data.copy(deep=True)
    sharp["response"][:] = data["response"].sel(view="shell")
    assert status(sharp, "y3") is Status.REPRODUCED


def test_an_unknown_view_is_refused():
    with pytest.raises(ValueError, match="got 'votes'"):
        seen_from_afar(lattice_spectrum(0.1), 2, "votes")
    for view in VIEWS:
        spectrum = lattice_spectrum(0.1)
        assert seen_from_afar(spectrum, 1, view) is spectrum


def test_it_draws(data):
    sections = EXHIBIT.draw(data)
    assert [len(s.tables[0].rows) for s in sections] == [4, 9]
    assert all((s.picture or "").startswith("data:image/svg") for s in sections)
