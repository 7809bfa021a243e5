"""KL falls and ΔF does not: what the arms do, and statuses that respond to data."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logsumexp

from kadanoff.experiments.exhibit import Status, Work
from kadanoff.experiments.mehta2014 import training_objective as exhibit
from kadanoff.models.ising import Ising
from kadanoff.networks.mapping import hamiltonian


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)
    return exhibit.compute(exhibit.FAST, work)


def statuses(dataset):
    return [check.status for check in exhibit.checks(dataset)]


def test_every_arm_goes_down_its_own(data):
    kl = data["divergence"].sel(arm="KL").values
    change = abs(data["free_energy"].sel(arm="|ΔF|").values)
    assert (np.diff(kl, axis=1) < 0).all()
    assert (np.diff(change, axis=1) < 0).all()
    along = data.sel(arm="KL")["to_divergence"], data.sel(arm="|ΔF|")["to_free_energy"]
    assert max(float(a.max()) for a in along) < 1e-3


def test_all_arms_start_from_the_same_machine(data):
    for name in ("divergence", "free_energy", "spread"):
        first = data[name].isel(step=0)
        np.testing.assert_allclose(first, first.isel(arm=[0] * 4).values, atol=1e-12)
        trained = data[f"trained_{name}"].isel(checkpoint=0)
        # A training stores single precision.
        np.testing.assert_allclose(trained, first.isel(arm=0), atol=1e-5)


def test_small_weights_start_near_the_free_spins(data):
    """ΔF near ln Z − (N_v + N_h) ln 2, which weights of 0.1 change by less than 0.5."""
    H = hamiltonian(Ising(exhibit.SHAPE), exhibit.COUPLING)
    free = logsumexp(-H) - (9 + exhibit.FAST.hidden) * np.log(2)
    first = data["free_energy"].isel(step=0, arm=0).values
    assert (first < free).all()  # ln Z of a machine is least without weights
    assert first == pytest.approx([free] * len(first), abs=0.5)


def test_likelihood_is_followed(data):
    assert statuses(data) == [
        Status.REPRODUCED,
        Status.NOT,
        Status.NOT,
        Status.PARTLY,
    ]


def test_most_of_the_way_down_kl_lowers_the_free_energy_and_does_not_stop(data):
    """Nine of ten moves lower ΔF; its slope ends 50 times closer to its largest."""
    at = data.sel(every_arm="KL")
    assert float(at["lowering"]) > 0.9
    assert float(at["mean_to_lower"]) < 60
    assert float(at["left_free_energy_slope"]) > 50 * float(at["left_divergence_slope"])
    moved = data["free_energy"].sel(arm="KL").diff("step")
    np.testing.assert_array_equal(moved < 0, data["to_lower"].sel(arm="KL") < 90)


def test_the_constant_of_hindsight_is_where_kl_ends(data):
    ends = data["free_energy"].isel(step=-1)
    np.testing.assert_allclose(
        ends.sel(arm=exhibit.HINDSIGHT), ends.sel(arm="KL"), atol=1e-2
    )
    gone = abs(data["free_energy"].sel(arm=exhibit.HINDSIGHT) - ends.sel(arm="KL"))
    assert (np.diff(gone, axis=1)[:, :-1] <= 1e-9).all()
    assert float(data["divergence"].isel(step=-1).sel(arm=exhibit.HINDSIGHT).min()) > 1


@pytest.mark.parametrize("shift", [-3.0, 2.0, 4.0, 5.0])
def test_no_verdict_rests_on_the_constant_of_the_energy(data, shift):
    """All readings of ΔF shifted by one constant, the wanted ones with them."""
    moved = data.copy(deep=True)
    for name in ("first_free_energy", "last_free_energy"):
        moved[name] = data[name] + shift
    assert statuses(moved)[:2] == statuses(data)[:2]
    assert statuses(moved)[3] is statuses(data)[3]


def test_statuses_respond(data):
    swapped = data.copy(deep=True)
    one, other = "mean_to_divergence", "mean_to_lower"
    swapped[one], swapped[other] = data[other], data[one]
    assert statuses(swapped)[0] is Status.PARTLY
    up = data.assign(mean_to_lower=180 - 0.5 * data["mean_to_divergence"])
    assert statuses(up)[0] is Status.PARTLY  # along |ΔF + c| for a large c
    still = data.assign(left_free_energy_slope=data["left_divergence_slope"])
    assert statuses(still)[1] is Status.REPRODUCED
    both = data.assign(last_divergence=data["first_divergence"] / 10)
    assert statuses(both)[2] is Status.REPRODUCED
    one_only = data.copy(deep=True)
    one_only["last_divergence"].loc[{"every_arm": "|ΔF|"}] = 0.1
    assert statuses(one_only)[2] is Status.PARTLY
    wide = data.assign(last_spread=data["first_spread"] * 2)
    assert statuses(wide)[3] is Status.NOT


def test_an_exact_step_is_told_by_its_size_and_not_by_its_noise(data):
    noisy = data.assign(last_spread_error=data["last_spread_error"] * 0 + 2.0)
    assert statuses(noisy)[3] is Status.OPEN
    exact = data.assign(
        last_spread=data["first_spread"] * 1e-3,
        last_spread_error=data["first_spread"] * 1e-4,
    )
    assert statuses(exact)[3] is Status.REPRODUCED


def test_another_training_has_another_place(tmp_path):
    work = Work(0, tmp_path, lambda label, done, total: None)
    base = exhibit.FAST
    others = [replace(base, draws=200), replace(base, hidden=2), base]
    places = [exhibit._store(s, 0, work) for s in others]
    places += [exhibit._store(base, 1, work)]
    places += [exhibit._store(base, 0, replace(work, seed=1))]
    assert len(set(places)) == 5
    assert exhibit._store(base, 0, work) == places[2]


def test_pictures_and_tables(data):
    sections = exhibit.draw(data)
    assert len(sections) == 3
    assert all(str(s.picture).startswith("data:image/svg+xml") for s in sections)
    assert len(sections[0].tables[0].rows) == 5


def test_every_line_of_the_angles_is_in_the_legend(data):
    fig = exhibit._draw_angles(data)
    (legend,) = fig.legends
    lines = [x for x in fig.axes[0].lines if not str(x.get_label()).startswith("_")]
    assert len(legend.get_texts()) == len(lines) == 4
