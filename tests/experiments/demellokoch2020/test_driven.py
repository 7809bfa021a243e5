"""Attracted and driven models: majority's flows, the forest's density, verdicts."""

import numpy as np
import pytest

from kadanoff.exact.constants import K_C
from kadanoff.experiments.demellokoch2020 import driven
from kadanoff.experiments.exhibit import Status, Work


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("driven"), lambda *_: None)
    return driven.compute(driven.FAST, work)


def at(data, system, rule, name, level):
    here = data.sel(system=system, map=rule, level=level)
    return here[name].item(), here[f"{name}_error"].item()


def test_the_coupling_that_was_put_in_is_read(data):
    """z < 4.5 at three couplings: 2e-5."""
    for system, t in driven.ISING.items():
        value, error = at(data, system, "majority", "K", 0)
        assert abs(value - K_C / t) < 4.5 * error
        assert abs(value - 1.1 * K_C / t) > 4.5 * error


def test_occupancy_is_what_a_block_without_a_tree_leaves(data):
    """1 - ρ' is the share of empty blocks: below the share of empty sites."""
    for level in (1, 2):
        before, _ = at(data, driven.FOREST, "any", "density", level - 1)
        after, _ = at(data, driven.FOREST, "any", "density", level)
        assert (1 - after) < (1 - before) ** 2
        assert (1 - after) > (1 - before) ** 4 / 4


def test_majority_separates_the_phases_and_empties_the_forest(data):
    hot, cold = (
        driven._moves(data, system, "majority", "K")
        for system in ("Ising, 1.2 T_c", "Ising, 0.9 T_c")
    )
    assert max(hot) < -4
    assert cold[0] > 4
    density = [at(data, driven.FOREST, "majority", "density", n)[0] for n in range(3)]
    assert density[0] > density[1] > density[2]


def test_statuses_follow_the_numbers(data):
    now = [check.status for check in driven.checks(data)]
    assert now[2] in (Status.NOT, Status.PARTLY)
    assert now[3] is Status.REPRODUCED
    still = data.copy(deep=True)
    for name in ("density", "neighbours"):
        first = data[name].sel(system=driven.FOREST, level=0)
        still[name].loc[{"system": driven.FOREST}] = first
    assert driven.checks(still)[2].status is Status.REPRODUCED
    shrinking = data.copy(deep=True)
    shrinking["length"][:2] = data["length"].values[1::-1]
    shrinking["length_error"][:2] = 0.01
    assert driven.checks(shrinking)[3].status is Status.NOT
    for rule, k in (("majority", 0), ("one filter", 1)):
        right, wrong = data.copy(deep=True), data.copy(deep=True)
        for made in (right, wrong):
            made["K_error"].loc[{"map": rule}] = 0.001
        for system, ks in (("1.2", [0.3, 0.2, 0.1]), ("0.9", [0.5, 0.6, 0.7])):
            name = next(n for n in driven.ISING if system in n)
            right["K"].loc[{"map": rule, "system": name}] = ks
            wrong["K"].loc[{"map": rule, "system": name}] = ks[::-1]
        assert driven.checks(right)[k].status is Status.REPRODUCED
        assert driven.checks(wrong)[k].status is Status.NOT


def test_picture_and_table(data):
    (section,) = driven.draw(data)
    assert (section.picture or "").startswith("data:image/svg+xml")
    rules = 2 * len(driven.ISING) + 3
    assert len(section.tables[0].rows) == rules * len(driven.READINGS)
    assert np.isfinite(data["length"]).all()
