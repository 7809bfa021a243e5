"""Controls of the flow: laws of their data, what shuffling keeps, verdicts."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr

from kadanoff.exact import mean_field
from kadanoff.exact.constants import T_C
from kadanoff.exact.kaufman import torus
from kadanoff.experiments.demellokoch2020 import flow_controls
from kadanoff.experiments.demellokoch2020.flow import LATTICE
from kadanoff.experiments.demellokoch2020.flow_controls.machines import (
    data_of,
    shuffled,
)
from kadanoff.experiments.demellokoch2020.flow_controls.verdicts import ends_near
from kadanoff.experiments.demellokoch2020.magnet import RESOLUTION
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.networks.rbm import RBM

SAMPLES = "trained on draws, samples passed on"
MEANS = "trained on draws, means passed on"


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Work(1, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)


@pytest.fixture(scope="module")
def found(work):
    small = replace(
        flow_controls.FAST,
        controls=("Ising", "mean field, scaled", "shuffled weights"),
        hidden=(16,),
    )
    return flow_controls.compute(small, work)


def test_mean_field_data_have_the_law_of_their_60_temperatures(work):
    n = 100
    for control, scale in (("mean field", 1.0), ("mean field, scaled", T_C)):
        values = data_of(work, control, 400, 0).values.reshape(-1, n).astype(float)
        m2 = values.mean(axis=1) ** 2
        exact = [mean_field.moments(n, scale * 10 / k).m2 for k in range(1, 60)]
        gap = m2.mean() - np.mean([1.0, *exact])
        assert abs(gap) < 4.5 * m2.std() / len(m2) ** 0.5
    assert abs(gap) < 0.05 < np.mean(exact)


def test_two_temperatures_are_half_ordered_half_noise(work):
    values = data_of(work, "T = 0 and T = ∞", 16, 0).values.reshape(-1, 100)
    ordered = abs(values.astype(int).sum(axis=1)) == 100
    assert ordered.mean() == 0.5
    assert (values[ordered].mean(axis=1) > 0).mean() == 0.5


def test_mean_field_data_have_no_neighbours(work):
    values = data_of(work, "mean field, scaled", 64, 1).values.astype(float)
    flat = values.reshape(-1, *LATTICE)
    near = (flat * np.roll(flat, 1, 2)).mean(axis=(1, 2))
    far = (flat * np.roll(flat, 5, 2)).mean(axis=(1, 2))
    gap = near - far
    assert abs(gap.mean()) < 4.5 * gap.std() / len(gap) ** 0.5


def test_shuffling_keeps_the_weights_and_nothing_else():
    first = RBM(LATTICE, 9, biases=True, seed=3)
    mixed = shuffled(first, 5)
    one, other = first.W.detach().flatten(), mixed.W.detach().flatten()
    assert torch.equal(one.sort().values, other.sort().values)
    assert (one != other).float().mean() > 0.9
    assert not mixed.b.any()
    assert torch.equal(mixed.W, shuffled(first, 5).W)
    assert not torch.equal(mixed.W, shuffled(first, 6).W)


def test_weights_that_were_not_taught_end_in_noise(work):
    settings = replace(
        flow_controls.FAST, controls=("untrained, 0.01",), hidden=(16,), length=10
    )
    found = flow_controls.compute(settings, work)
    here = found.sel(control="untrained, 0.01").isel(seed=0)
    assert float(abs(here["e"]).max()) < 0.05
    means = here.sel(arm="trained on draws, means passed on")
    assert here["e"].sel(arm="trained on means, means passed on").isnull().all()
    assert float(abs(means["m"]).max()) < 1e-6


def test_a_machine_of_data_without_a_lattice_ends_near_t_c(found):
    at = {"control": "mean field, scaled", "arm": SAMPLES}
    here = found.sel(at).isel(seed=0)
    assert (abs(here["by_energy"] - T_C) < RESOLUTION).all()
    # And it knows no distance.
    assert (abs(here["fall"]) < 4.5 * here["fall_error"]).all()
    known = found.sel(at | {"control": "Ising"}).isel(seed=0)
    assert (abs(known["by_energy"] - T_C) > 0.05).all()


def judged(dataset):
    return [check.status for check in flow_controls.checks(dataset)]


def ended(found, **where):
    """All flows ended, at 4 J/k_B, but those of some controls, at T_c."""
    hot, near = (torus(LATTICE, 1 / t).energy for t in (4.0, T_C))
    e, t = xr.full_like(found["e"], hot), xr.full_like(found["by_energy"], 4.0)
    for control in where.get("near", ()):
        e, t = (x.where(x["control"] != control, y) for x, y in ((e, near), (t, T_C)))
    sharp = xr.full_like(found["e_error"], where.get("error", 1e-3))
    return found.assign(e=e, by_energy=t, e_error=sharp, by_energy_error=sharp)


def test_one_foreign_flow_near_t_c_refutes_the_sign(found):
    assert judged(ended(found))[0] is Status.OPEN
    assert judged(ended(found, near=("Ising",)))[0] is Status.REPRODUCED
    one = ended(found, near=("Ising", "shuffled weights"))
    assert judged(one)[0] is Status.NOT
    # One flow of them is enough, whatever the shares.
    alone = (one["control"] == "shuffled weights") & (one["arm"] != SAMPLES)
    single = one.assign(e=one["e"].where(~alone, 0.0))
    check = flow_controls.checks(single)[0]
    assert check.status is Status.NOT
    assert f"shuffled weights, {SAMPLES} (2.2692" in check.reason
    # Seven of eight are not: an exact interval of 0 to about a half would be of none.
    assert "1 of 8 (" in check.reason
    assert "4 of 4 (" in check.reason
    assert judged(ended(found, near=("shuffled weights",)))[0] is Status.NOT
    assert judged(ended(found, near=("Ising",), error=1.0))[0] is Status.OPEN


def test_a_foreign_flow_that_is_not_decided_refutes_nothing(found):
    near = ended(found, near=("Ising", "shuffled weights"))
    foreign = near["control"] == "shuffled weights"
    blurred = near.assign(e_error=near["e_error"].where(~foreign, 1.0))
    assert judged(blurred)[0] is Status.OPEN


def test_only_a_flow_that_forgot_its_start_has_ended(found):
    near = ended(found, near=("Ising",))
    chain = {"control": "Ising", "arm": SAMPLES}
    means = {"control": "Ising", "arm": MEANS}
    assert ends_near(near, "e", chain) is True
    hot = near["start"] == "hot"
    # Within ±0.20 of T_c from every start, and apart: a map has two ends there, a
    # chain is still on its way.
    late = near.assign(e=near["e"] + 0.15 * hot)
    assert ends_near(late, "e", means) is False
    assert ends_near(late, "e", chain) is None
    blurred = near.assign(e_error=near["e_error"] * 0 + 0.05)
    assert ends_near(blurred, "e", chain) is None


def test_a_chain_whose_starts_disagree_is_not_decided(found):
    far = ended(found)
    chain = {"control": "Ising", "arm": SAMPLES}
    assert ends_near(far, "e", chain) is False
    hot = far["start"] == "hot"
    # Far from T_c from every start, and from hot farther still.
    late = far.assign(e=far["e"] + 0.3 * hot)
    assert ends_near(late, "e", chain) is None
    assert ends_near(late, "e", chain | {"arm": MEANS}) is False
    # Noise has one energy, though no temperature.
    noise = far.assign(e=far["e"] * 0 + 1e-3, by_energy=far["by_energy"] * np.nan)
    assert ends_near(noise, "e", chain) is False
    never = far.assign(e=far["e"].where(~hot))
    assert ends_near(never, "e", chain) is None


def test_the_machines_that_end_nearest_are_named(found):
    some = sized(ended(found), (2.0, 2.3), 1e-3)
    reason = flow_controls.checks(some)[0].reason
    assert "81 units, 20 epochs, trained on means, means passed on: 2.3000(" in reason
    assert "16 units, 20 epochs" not in reason
    far = some.assign(varied_e=some["varied_e"] * 0)
    assert "none may end near T_c" in flow_controls.checks(far)[0].reason


def sized(found, ends, error):
    """Machines of other numbers of hidden units that end here, from every start."""
    rest = found.drop_dims("hidden")
    energies = [torus(LATTICE, 1 / t).energy if t > 0 else 0.0 for t in ends]
    for name, values in (("by_energy", ends), ("e", energies)):
        shape = found[f"varied_{name}"].isel(hidden=0)
        two = [xr.full_like(shape, x) for x in values]
        rest[f"varied_{name}"] = xr.concat(two, "hidden")
        bar = xr.full_like(rest[f"varied_{name}"], error)
        rest[f"varied_{name}_error"] = bar
    return rest.assign_coords(hidden=[16, 81])


def test_an_end_is_robust_where_it_is_the_same_for_all_machines(found):
    assert judged(sized(found, (2.0, 2.1), 1e-3))[1] is Status.REPRODUCED
    assert judged(sized(found, (2.0, 3.0), 1e-3))[1] is Status.NOT
    assert judged(sized(found, (2.0, 2.1), 1.0))[1] is Status.OPEN
    assert judged(sized(found, (2.0, np.nan), 1e-3))[1] is Status.NOT
    some = sized(found, (2.0, 2.1), 1e-3)
    far = (some["arm"] == SAMPLES) & (some["hidden"] == 81)
    spread = some.assign(varied_by_energy=some["varied_by_energy"] + far)
    assert judged(spread)[1] is Status.PARTLY


def test_sections_have_pictures_and_tables(found):
    sections = flow_controls.draw(found)
    assert len(sections) == 2
    for section in sections:
        assert (section.picture or "").startswith("data:image/svg+xml")
        (table,) = section.tables
        assert all(len(row) == len(table.header) for row in table.rows)


def test_what_has_no_temperature_is_told_from_what_was_not_run(found):
    spoilt = found.assign(e=found["e"].where(found["control"] != "shuffled weights", 0))
    ising = spoilt["control"] == "Ising"
    spoilt = spoilt.assign(e=spoilt["e"].where(~(ising & (spoilt["arm"] == SAMPLES))))
    (table,) = flow_controls.draw(spoilt)[0].tables
    ends = {(row[0], row[1]): set(row[2:5]) for row in table.rows}
    assert ends["shuffled weights", MEANS] == {"above 8"}
    assert ends["Ising", SAMPLES] == {"–"}
    assert not ends["Ising", MEANS] & {"above 8", "–"}
