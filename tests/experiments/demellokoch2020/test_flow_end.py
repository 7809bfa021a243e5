"""Where flows end: temperatures of known energies, verdicts that follow the numbers."""

import math

import numpy as np
import pytest
import xarray as xr

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate
from kadanoff.exact.constants import K_C, T_C
from kadanoff.exact.density import energy_law
from kadanoff.exact.kaufman import torus
from kadanoff.experiments.demellokoch2020 import flow_end
from kadanoff.experiments.demellokoch2020.flow import LATTICE, MACHINES, start
from kadanoff.experiments.demellokoch2020.flow_end.ends import (
    MOST_R_HAT,
    ended,
    near_critical,
)
from kadanoff.experiments.demellokoch2020.flow_end.flows import (
    EXACT,
    FROM,
    NETWORKS,
    energy_reading,
    observed,
)
from kadanoff.experiments.demellokoch2020.flow_end.laws import DATA, KINDS, MAGNET
from kadanoff.experiments.demellokoch2020.flow_end.verdicts_of_flows import (
    PAPERS,
    arrives,
    flow_checks,
    forgets,
    large_and_short,
)
from kadanoff.experiments.demellokoch2020.flow_end.verdicts_of_laws import (
    counted,
    judged,
    law_checks,
    trained_on,
)
from kadanoff.experiments.demellokoch2020.magnet import (
    READINGS,
    RESOLUTION,
    critical_point,
    distance_of_laws,
)
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.instruments.thermometer import energy_temperature

ARRIVES, FORGETS, SCALES = range(3)
CRITICAL, MEANS, MIXTURE = range(3)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Work(1, tmp_path_factory.mktemp("runs"), lambda label, done, total: None)


@pytest.fixture(scope="module")
def found(work):
    return flow_end.compute(flow_end.FAST, work)


def of_flows(dataset):
    return [check.status for check in flow_checks(dataset)]


def of_laws(dataset):
    return [check.status for check in law_checks(dataset)]


def filled(dataset, **values):
    """The data set with readings of one value everywhere, and small errors."""
    for name, value in values.items():
        error = f"{name}_error"
        dataset = dataset.assign(
            {
                name: xr.full_like(dataset[name], value),
                error: xr.full_like(dataset[error], 1e-4),
            }
        )
    return dataset


def at_t_c(dataset):
    """All flows ended in the critical magnet, and so did all chains."""
    point = critical_point(dataset["at"].values, dataset["reference"].values)
    values = xr.DataArray(
        [point.values[name] for name in READINGS], coords={"reading": list(READINGS)}
    )
    return filled(dataset, by_energy=T_C, **point.values).assign(
        end=xr.zeros_like(dataset["end"]) + values,
        end_error=xr.full_like(dataset["end_error"], 1e-4),
        r_hat=xr.full_like(dataset["r_hat"], 1.0),
    )


def with_laws(dataset, where, **shifts):
    """The laws of some kinds of machine with some readings moved."""
    end = dataset["end"]
    for name, shift in shifts.items():
        end = end + shift * where * (end["reading"] == name)
    return dataset.assign(end=end.transpose(*dataset["end"].dims))


def test_one_configuration_tells_its_temperature_to_a_fifth(work):
    ensemble = start(work, T_C, 8192, 7)
    e = ensemble.values.reshape(-1, *LATTICE).astype(int)
    e = -(e * (np.roll(e, 1, 1) + np.roll(e, 1, 2))).mean(axis=(1, 2))
    slope = (torus(LATTICE, 1 / 2.28).energy - torus(LATTICE, 1 / 2.26).energy) / 0.02
    assert e.std() / slope == pytest.approx(RESOLUTION, rel=0.05)


def test_a_temperature_by_energy_agrees_with_the_instruments(work):
    ensemble = start(work, 2.5, 1024, 8)
    found = observed(ensemble)
    slow = energy_temperature(ensemble)
    assert float(found["by_energy"].value) == pytest.approx(float(slow.value))
    assert float(found["by_energy"].error) == pytest.approx(float(slow.error), rel=0.02)
    assert abs(float(found["by_coupling"].value) - 2.5) < 0.1
    assert float(found["distance"].value) < 1.5 * float(found["floor"].value)


def test_energies_without_a_temperature_have_none():
    cold = Estimate(np.array(-2.0), {}, 1)
    assert float(energy_reading(cold).value) == 0
    assert math.isnan(float(energy_reading(Estimate(np.array(0.1), {}, 1)).value))


def test_means_are_read_without_a_coupling(work):
    halved = start(work, T_C, 256, 6)
    halved = halved.derived(halved.values * 0.5, halved.geometry, "real", {"step": "½"})
    found = observed(halved)
    assert math.isnan(float(found["by_coupling"].value))
    full = observed(start(work, T_C, 256, 6))
    assert float(found["e"].value) == pytest.approx(float(full["e"].value) / 4)


def test_another_thermometer_is_asked_too(work):
    def hand(ensemble):
        return Estimate(np.array(float(ensemble.size)), {}, 1)

    ensemble = start(work, T_C, 256, 6)
    assert float(observed(ensemble, hand)["by_network"].value) == 256
    assert "by_network" not in observed(ensemble)


def test_an_ensemble_of_one_energy_is_read():
    values = np.ones((4, 4, *LATTICE), np.int8)
    found = observed(Ensemble.from_values(values))
    assert float(found["by_energy"].value) == 0
    assert math.isnan(float(found["distance"].value))


def test_the_mixture_has_the_mean_energy_of_60_temperatures(found):
    exact = [-2.0, *(torus(LATTICE, 10 / k).energy for k in range(1, 60))]
    assert found.attrs["mixture_energy"] == pytest.approx(np.mean(exact))
    assert torus(LATTICE, 1 / found.attrs["mixture_temperature"]).energy == (
        pytest.approx(np.mean(exact))
    )


def test_flows_start_where_they_are_said_to(found):
    zero = found.sel(length=0).isel(seed=0, machine=0, flow=0)
    assert float(zero["e"].sel(start="cold")) == -2
    assert abs(float(zero["e"].sel(start="hot"))) < 0.05
    assert abs(float(zero["by_energy"].sel(start="T_c")) - T_C) < 0.1
    # 4.5 errors of the mean energy of the 60 temperatures.
    gap = float(zero["e"].sel(start="data")) - found.attrs["mixture_energy"]
    assert abs(gap) < 4.5 * float(zero["e_error"].sel(start="data"))
    first = found["e"].sel(length=0)
    assert (first.max(("machine", "flow")) == first.min(("machine", "flow"))).all()


def test_the_exactly_critical_machine_passes_and_the_training_data_do_not(found):
    law = {x.kind: x for x in judged(found, KINDS)}
    for kind in (EXACT, MAGNET):
        assert law[kind].magnet is True
        assert law[kind].critical is not False
        assert law[kind].p > 1e-4
    assert law[DATA].critical is False
    assert law[DATA].p < 1e-4
    at = found.isel(seed=0).sel(kind=DATA)
    assert float(at["tv_mixture"]) < 0.1 < float(at["tv"])


def test_a_chain_of_the_exactly_critical_machine_ends_in_the_exact_law(found):
    exact = energy_law(LATTICE, K_C)[1]
    here = found["law"].isel(seed=0).sel(machine=EXACT, flow="samples")
    for begin in FROM:
        # 128 configurations are some 0.2 from their own law, cold ones 1 from it.
        assert distance_of_laws(here.sel(start=begin).values, exact) < 0.3
    assert arrives(found, EXACT, "samples") is True
    # Means of the same machine do not even have one end.
    assert forgets(found, EXACT, "means") is False
    assert found["law"].sel(flow="means").isnull().all()


def test_near_t_c_is_asked_of_the_energy():
    for t, near in ((T_C, True), (T_C + 0.19, True), (T_C + 0.21, False)):
        assert near_critical(torus(LATTICE, 1 / t).energy, 1e-4) is near
    assert near_critical(torus(LATTICE, 1 / T_C).energy, 1.0) is None
    # No temperature has it, and it is known not to be near.
    assert near_critical(0.1, 1e-3) is False
    assert near_critical(math.nan, 1e-3) is False


def test_flows_arrive_where_all_their_ends_are_near_t_c(found):
    there = at_t_c(found)
    assert of_flows(there)[:2] == [Status.REPRODUCED, Status.REPRODUCED]
    every = xr.ones_like(there["kind"], bool)
    gone = with_laws(there, every, e=0.5)
    assert of_flows(gone)[ARRIVES] is Status.REPRODUCED
    away = gone.assign(e=there["e"] + 0.5)
    assert of_flows(away)[ARRIVES] is Status.NOT
    few = [m for m in MACHINES if "16" in m]
    some = with_laws(away, every & there["kind"].isin(few), e=-0.5)
    assert of_flows(some)[ARRIVES] is Status.PARTLY
    noisy = there.assign(e_error=there["e_error"] * 0 + 1)
    assert of_flows(noisy)[ARRIVES] is Status.OPEN


def test_samples_end_in_their_law_and_not_where_they_are_late(found):
    there = at_t_c(found)
    machine = next(iter(MACHINES))
    samples = (there["flow"] == "samples") & (there["start"] == "hot")
    late = there.assign({"e": there["e"] + samples, "|m|": there["|m|"] - samples})
    assert arrives(late, machine, "samples") is True
    assert forgets(late, machine, "samples") is True
    assert large_and_short(late, machine, "samples", "hot") == (True, True)
    end = ended(late, machine, "samples")
    assert end is not None
    t, energy = float(end["by_energy"].isel(seed=0, start=0)), float(end["e"][0, 0])
    assert t == pytest.approx(T_C, abs=1e-3)
    assert torus(LATTICE, 1 / t).energy == pytest.approx(energy)
    # One unit of energy per site, 1e-4, in temperature.
    slope = 1e-4 / float(end["by_energy_error"].isel(seed=0, start=0))
    assert slope == pytest.approx(torus(LATTICE, 1 / t).heat_capacity)


def test_of_chains_that_have_not_forgotten_no_end_is_known(found):
    there = at_t_c(found)
    machine = next(iter(MACHINES))
    first = (there["kind"] == machine) & (there["watched"] == "e")
    stuck = there.assign(r_hat=there["r_hat"].where(~first, MOST_R_HAT + 0.01))
    assert ended(stuck, machine, "samples") is None
    assert arrives(stuck, machine, "samples") is None
    assert forgets(stuck, machine, "samples") is None
    assert large_and_short(stuck, machine, "samples", "hot") == (None, None)
    assert arrives(stuck, machine, "means") is True
    assert "not known, R̂ up to 1.11" in flow_checks(stuck)[ARRIVES].ours
    # Where no flow is known to forget, and one may, it is open.
    hot = (stuck["start"] == "hot") & (stuck["flow"] == "means")
    kept = stuck.assign({"|m|": stuck["|m|"] - 0.5 * hot})
    assert of_flows(kept)[FORGETS] is Status.PARTLY
    lost = kept.assign(r_hat=kept["r_hat"] * 0 + 2)
    assert of_flows(lost)[FORGETS] is Status.OPEN


def test_flows_forget_where_their_ends_agree(found):
    there = at_t_c(found)
    hot = there["start"] == "hot"
    kept = there.assign({"|m|": there["|m|"] - 0.5 * hot})
    check = flow_checks(kept)[FORGETS]
    # A chain forgets, whatever its flows look like; of the maps none does.
    assert check.status is Status.PARTLY
    assert f"of maps of means 0 of {len(MACHINES)} flows do" in check.reason
    papers = (there["machine"] == PAPERS[0]) & (there["flow"] == PAPERS[1])
    only = there.assign({"|m|": there["|m|"] - 0.5 * hot * papers})
    assert of_flows(only)[FORGETS] is Status.PARTLY
    noisy = there.assign({"|m|_error": there["|m|_error"] * 0 + 1})
    assert of_flows(noisy)[FORGETS] is Status.OPEN


def test_scales_are_judged_apart_and_from_t_c(found):
    there = at_t_c(found)
    every = xr.ones_like(there["kind"], bool)
    assert large_and_short(there, *PAPERS, "T_c") == (True, True)
    assert of_flows(there)[SCALES] is Status.NOT
    short = with_laws(there, every, e=0.3).assign(e=there["e"] + 0.3)
    assert large_and_short(short, *PAPERS, "T_c") == (True, False)
    assert of_flows(short)[SCALES] is Status.REPRODUCED
    # From elsewhere it may end elsewhere: told beside it, not judged.
    from_t_c = short["start"] == "T_c"
    once = short.assign({"|m|": short["|m|"].where(from_t_c, 0.1)})
    check = flow_checks(once)[SCALES]
    assert check.status is Status.REPRODUCED
    assert "from hot it is not on large scales and is not on short" in check.reason
    # The paper's own flow is lost from T_c, and others are not.
    lost = short.assign({"|m|": short["|m|"].where(~from_t_c, 0.1)})
    assert of_flows(lost)[SCALES] is Status.PARTLY
    noisy = short.assign({"U₄_error": short["U₄_error"] * 0 + 1})
    assert of_flows(noisy)[SCALES] is Status.OPEN
    # Where the machine that is critical is not found to be, nothing is said.
    control = with_laws(short, short["kind"] == EXACT, **{"|m|": -0.5})
    assert of_flows(control)[SCALES] is Status.OPEN


def critical(found):
    """All laws critical, and all chains in equilibrium."""
    return found.assign(
        t=xr.full_like(found["t"], T_C),
        t_error=xr.full_like(found["t_error"], 1e-3),
        spread=xr.full_like(found["spread"], 0.01),
        spread_error=xr.full_like(found["spread_error"], 1e-3),
        r_hat=xr.full_like(found["r_hat"], 1.0),
    )


def test_a_law_is_critical_by_its_spread_and_not_by_p(found):
    well = critical(found).assign(p=found["p"] * 0)
    assert of_laws(well)[CRITICAL] is Status.REPRODUCED
    machines = well["kind"].isin(list(MACHINES))
    elsewhere = well.assign(t=well["t"] + 0.3 * machines)
    assert counted(elsewhere).magnets == len(MACHINES)
    assert of_laws(elsewhere)[CRITICAL] is Status.NOT
    none = well.assign(spread=well["spread"] + 0.3 * machines, p=found["p"] * 0 + 0.5)
    assert counted(none).magnets == 0
    assert of_laws(none)[CRITICAL] is Status.NOT
    first = well["kind"] == next(iter(MACHINES))
    some = well.assign(spread=well["spread"] + 0.3 * (machines & ~first))
    assert of_laws(some)[CRITICAL] is Status.PARTLY
    blurred = well.assign(spread_error=well["spread_error"] * 0 + 1)
    assert of_laws(blurred)[CRITICAL] is Status.OPEN
    exact = well["kind"] == EXACT
    assert of_laws(well.assign(t=well["t"] + 0.3 * exact))[CRITICAL] is Status.OPEN


def test_laws_are_counted_by_training(found):
    well = critical(found)
    draws = trained_on("draws")
    assert {*draws, *trained_on("means")} == set(MACHINES)
    far = well["kind"].isin(list(draws))
    spread = well.assign(
        spread=well["spread"] + 0.3 * far, spread_error=well["spread_error"] * (1 + far)
    )
    count = counted(spread, draws)
    assert (count.machines, count.magnets) == (len(draws), 0)
    assert count.spreads == pytest.approx((0.31, 0.31))
    assert count.spreads_error == pytest.approx((2e-3, 2e-3))
    assert count.control_error == pytest.approx((1e-3, 1e-3))
    other = counted(spread, trained_on("means"))
    assert (other.magnets, other.spreads) == (other.machines, (0.01, 0.01))
    both = counted(spread)
    assert (both.magnets, both.spreads_error) == (2, pytest.approx((1e-3, 2e-3)))
    assert "of 2 trained on draws 0 are" in law_checks(spread)[CRITICAL].reason


def test_chains_that_remember_their_starts_are_named_and_not_counted(found):
    well = critical(found)
    first = well["kind"] == next(iter(MACHINES))
    stuck = well.assign(r_hat=well["r_hat"] + 1.0 * first, p=well["p"].where(~first, 1))
    count = counted(stuck)
    assert count.undecided == (f"{next(iter(MACHINES))}, machine 0",)
    assert (count.machines, count.decided, count.critical) == (4, 3, 3)
    check = law_checks(stuck)[CRITICAL]
    assert count.undecided[0] in check.reason
    # The sign of m alone is nothing to wait for.
    sign = well.assign(r_hat=well["r_hat"] + 9.0 * (well["watched"] == "m"))
    assert counted(sign).undecided == ()
    machines = well["kind"].isin(list(MACHINES))
    all_stuck = well.assign(r_hat=well["r_hat"] + 1.0 * machines)
    assert of_laws(all_stuck)[CRITICAL] is Status.OPEN


def test_a_law_with_a_reading_that_no_temperature_has_is_no_magnet(found):
    well = critical(found)
    first = well["kind"] == next(iter(MACHINES))
    lost = well.assign(spread=well["spread"].where(~first))
    count = counted(lost)
    assert (count.decided, count.magnets, count.beyond) == (4, 3, 1)
    assert count.spreads == (0.01, 0.01)
    check = law_checks(lost)[CRITICAL]
    assert check.status is Status.PARTLY
    assert "nan" not in check.reason
    hot = well.assign(t=well["t"].where(~first))
    assert "none" in law_checks(hot)[CRITICAL].ours


def test_means_are_compared_with_the_law_of_their_machine(found):
    there = critical(at_t_c(found))
    point = critical_point(there["at"].values, there["reference"].values)
    end = xr.zeros_like(there["end"]) + [point.values[name] for name in READINGS]
    same = there.assign(end=end, end_error=there["end_error"] * 0 + 1e-4)
    assert of_laws(same)[MEANS] is Status.REPRODUCED
    assert of_laws(same.assign(end=end + 0.5))[MEANS] is Status.NOT
    exact = same["kind"] == EXACT
    assert of_laws(same.assign(end=end + 0.5 * exact))[MEANS] is Status.PARTLY
    noisy = same.assign(end_error=same["end_error"] * 0 + 1)
    assert of_laws(noisy)[MEANS] is Status.OPEN
    assert of_laws(found)[MEANS] is Status.NOT


def test_machines_that_learned_the_mixture_have_its_energies(found):
    well = critical(found)
    learned = well.assign(tv=well["tv"] * 0 + 0.5, tv_mixture=well["tv"] * 0 + 0.01)
    assert of_laws(learned)[MIXTURE] is Status.REPRODUCED
    swapped = learned.assign(tv=learned["tv_mixture"], tv_mixture=learned["tv"])
    assert of_laws(swapped)[MIXTURE] is Status.NOT
    coarse = learned.assign(tv_floor=learned["tv_floor"] * 0 + 0.9)
    assert of_laws(coarse)[MIXTURE] is Status.OPEN


def test_sections_have_pictures_and_tables(found):
    sections = flow_end.draw(found)
    assert len(sections) == 4
    for section in sections:
        assert (section.picture or "").startswith("data:image/svg+xml")
        for table in section.tables:
            assert all(len(row) == len(table.header) for row in table.rows)
    assert len(sections[0].tables[0].rows) == len(NETWORKS) * len(FROM) + 1


def test_every_claim_of_either_part_is_judged(found):
    assert flow_end.checks(found) == [*flow_checks(found), *law_checks(found)]


def test_a_second_call_reads_what_the_first_kept(found, work):
    again = flow_end.compute(flow_end.FAST, work)
    xr.testing.assert_identical(again, found)
