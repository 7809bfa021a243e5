"""The expansion is good in three dimensions, poor in two, and can be refuted."""

import pytest

from kadanoff.experiments.exhibit import Status
from kadanoff.experiments.zoomout import epsilon


@pytest.fixture
def data(computed):
    return computed("epsilon").copy(deep=True)


def statuses(dataset):
    return [check.status for check in epsilon.EXHIBIT.checks(dataset)]


def test_the_expansion_is_good_in_three_dimensions_and_poor_in_two(data):
    assert statuses(data) == [Status.REPRODUCED, Status.PARTLY]
    nu = data["nu"].sel(epsilon=1.0)
    assert float(nu.sel(order=1)) == pytest.approx(7 / 12)
    assert float(nu.sel(order=2)) == pytest.approx(7 / 12 + 7 / 162)


@pytest.mark.parametrize("wrong", [5.0, 0.49])
def test_an_expansion_no_nearer_than_mean_field_explains_nothing(data, wrong):
    data["nu"][:] = wrong
    assert statuses(data) == [Status.NOT] * 2


def test_every_curve_has_its_name_in_the_legend(data, monkeypatch):
    figures = []
    monkeypatch.setattr(epsilon, "data_uri", lambda fig: figures.append(fig) or "")
    epsilon.EXHIBIT.draw(data)
    for ax, name in zip(figures[0].axes, epsilon.KNOWN, strict=True):
        named = {text.get_text() for text in ax.get_legend().get_texts()}
        orders = range(1, int(data[f"{name}_orders"]) + 1)
        assert named == {"known", *(f"to ε^{k}" for k in orders)}
        assert len(ax.lines) == len(named)
