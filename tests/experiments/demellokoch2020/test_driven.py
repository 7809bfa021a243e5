"""Attracted, driven and absorbed models: flows, densities, lengths, verdicts."""

from dataclasses import replace

import numpy as np
import pytest

from kadanoff.exact.constants import K_C
from kadanoff.experiments.demellokoch2020 import driven
from kadanoff.experiments.demellokoch2020.driven import (
    fires,
    flows,
    rows,
    systems,
    verdicts,
)
from kadanoff.experiments.exhibit import Status, Work
from kadanoff.models.forest_fire import ForestFire


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    work = Work(0, tmp_path_factory.mktemp("driven"), lambda *_: None)
    return driven.compute(driven.FAST, work)


def at(data, system, rule, name, level):
    here = data.sel(system=system, map=rule, level=level)
    return here[name].item(), here[f"{name}_error"].item()


def test_the_coupling_that_was_put_in_is_read(data):
    """z < 4.5 at three couplings: 2e-5."""
    for system, t in systems.ISING.items():
        value, error = at(data, system, "majority", "K", 0)
        assert abs(value - K_C / t) < 4.5 * error
        assert abs(value - 1.1 * K_C / t) > 4.5 * error


def test_occupancy_is_what_a_block_without_a_tree_leaves(data):
    """1 - ρ' is the share of empty blocks: below the share of empty sites."""
    for level in (1, 2):
        before, _ = at(data, systems.FOREST, "any", "density", level - 1)
        after, _ = at(data, systems.FOREST, "any", "density", level)
        assert (1 - after) < (1 - before) ** 2
        assert (1 - after) > (1 - before) ** 4 / 4


def test_majority_separates_the_phases_and_empties_the_forest(data):
    hot, cold = (
        [v / e for v, e in verdicts._moves(data, system, "majority", "K")]
        for system in ("Ising, 1.2 T_c", "Ising, 0.9 T_c")
    )
    assert max(hot) < -4
    assert cold[0] > 4
    density = [at(data, systems.FOREST, "majority", "density", n)[0] for n in range(3)]
    assert density[0] > density[1] > density[2]


def connectivity(forest, k):
    """Σ over pairs of trees in one cluster of cos k·(r - r'), by flooding."""
    left = {tuple(r) for r in np.argwhere(forest > 0)}
    side, total = len(forest), 0.0
    while left:
        cluster, front = set(), [left.pop()]
        while front:
            x, y = front.pop()
            cluster.add((x, y))
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                other = (x + dx) % side, (y + dy) % side
                if other in left:
                    left.remove(other)
                    front.append(other)
        places = np.array(list(cluster))
        angle = 2 * np.pi * places / side * k
        total += np.abs(np.exp(1j * angle).sum(axis=0)) ** 2
    return np.mean(total)


def test_fires_are_the_clusters_of_trees():
    """Against flooding from site to site; a bond less would be seen."""
    forests = np.random.default_rng(1).choice([-1, 1], size=(6, 5, 5))
    forests[0] = -1
    zero, first = fires.fire_powers(forests, ForestFire((5, 5)).near)
    by_hand = [np.mean([connectivity(f, k) for f in forests]) for k in (0, 1)]
    assert float(zero) == pytest.approx(by_hand[0], rel=1e-12)
    assert float(first) == pytest.approx(by_hand[1], rel=1e-12)


def test_the_length_of_fires_of_independent_trees_is_that_of_percolation():
    """ξ² = p + 4p² + O(p³) where few sites hold a tree.

    Given a tree, a site at distance 1 is connected to it with p, at √2 with 2p² and at
    2 with p²: S(k)/p = 1 + 4p + 12p² - (p + 8p²) k̂².
    """
    p, side = 0.02, 16
    rng = np.random.default_rng(2)
    forests = np.where(rng.random((8000, side, side)) < p, 1, -1)
    zero, first = fires.fire_powers(forests, ForestFire((side, side)).near)
    found = (float(zero / first) - 1) / (2 * np.sin(np.pi / side)) ** 2
    assert found == pytest.approx(p * (1 + 4 * p), rel=0.05)
    assert abs(found - 1.3 * p) > 0.1 * p


def test_epidemics_thin_out_as_the_side_and_lambda_say(data):
    """ρ falls with the side below and at λ_c, and by DP's power there; z < 4.5."""
    at, error = verdicts._fall(data, systems.AT)
    assert abs(at - verdicts.BETA_OVER_NU) < 4.5 * error
    for control in (systems.BELOW, systems.ABOVE):
        wrong, noise = verdicts._fall(data, control)
        assert abs(wrong - verdicts.BETA_OVER_NU) > 4.5 * noise
    below, above = (rows.row(data, "matched_bare", s, "any")[0]
                    for s in (systems.BELOW, systems.ABOVE))  # fmt: skip
    assert below[-1] < 0.05
    assert above[-1] > 0.3


def test_occupancy_of_an_epidemic_is_one_minus_its_empty_blocks(data):
    """On the last side ρ' ≥ ρ, at most four times it."""
    for system in systems.EPIDEMIC:
        values, _ = rows.row(data, "density", system, "any")
        assert (np.diff(values) > 0).all()
        assert (values[1:] < 4 * values[:-1]).all()


LASTS, FADES = [0.3, 0.3, 0.3], [0.3, 0.2, 0.05]
DOWN, UP = ([0.3, 0.2, 0.07], FADES), ([0.4, 0.7, 0.995], FADES)


def flow(data, flows, error=0.002):
    """The data with other flows of occupancy below, at and above λ_c.

    Each is the densities and the correlations of neighbours.
    """
    made = data.copy(deep=True)
    for system, both in zip(systems.EPIDEMIC, flows, strict=True):
        where = {"matched": system, "map": "any"}
        for name, values in zip(("density", "neighbours"), both, strict=True):
            made[f"matched_{name}"].loc[where] = values
            made[f"matched_{name}_error"].loc[where] = error
    return driven.checks(made)[5 + systems.MAPS.index("any")].status


def test_an_epidemic_that_comes_to_rest_or_runs_is_told(data):
    rest = [0.3, 0.5, 0.505], LASTS
    assert flow(data, [DOWN, rest, UP]) is Status.REPRODUCED
    still = [0.501, 0.5, 0.5], LASTS
    assert flow(data, [DOWN, still, UP]) is Status.REPRODUCED
    for end in (DOWN, UP, ([0.3, 0.4, 0.6], FADES), ([0.5, 0.4, 0.35], FADES)):
        assert flow(data, [DOWN, end, UP]) is Status.NOT
    assert flow(data, [DOWN, ([0.4, 0.3, 0.07], LASTS), UP]) is Status.NOT
    # Moves that only shorten, of either reading, are no rest: those of a slow flow do.
    shorten = ([0.3, 0.5, 0.55], LASTS), ([0.3, 0.5, 0.505], [0.2, 0.25, 0.27])
    for undecided in (([0.3, 0.4, 0.5], LASTS), ([0.3, 0.5, 0.503], FADES), *shorten):
        assert flow(data, [DOWN, undecided, UP]) is Status.OPEN
    assert flow(data, [rest, rest, rest]) is Status.PARTLY
    assert flow(data, [DOWN, rest, UP], error=0.1) is Status.OPEN
    assert driven.checks(data)[5].status is Status.NOT  # majority


def of_fires(data, length, relative=0.01):
    """The data with other lengths of fires on a large lattice, θ = 1, 4, 200."""
    made = data.copy(deep=True)
    made.attrs["length_side"] = 1000
    made["length_fires"] = ("theta", np.asarray(length))
    made["length_fires_error"] = ("theta", relative * np.asarray(length))
    return [check.status for check in driven.checks(made)[3:5]]


def test_lengths_of_fires_are_judged_by_their_errors(data):
    assert [c.status for c in driven.checks(data)[3:5]] == [
        Status.OPEN
    ] * 2  # one slope
    theta = np.array([1.0, 4.0, 200.0])
    assert of_fires(data, theta**0.58) == [Status.REPRODUCED] * 2
    assert of_fires(data, theta**0.4) == [Status.REPRODUCED, Status.NOT]
    bent = [1.0, 4**0.58, 4**0.58 * 50**0.45]
    assert of_fires(data, bent) == [Status.REPRODUCED, Status.PARTLY]
    assert of_fires(data, theta**0.58, 0.3) == [Status.OPEN] * 2
    assert of_fires(data, [4.0, 2.0, 5.0])[0] is Status.NOT


def test_lengths_are_told_with_their_errors(data):
    made = data.copy(deep=True)
    made["length_fires"] = ("theta", [1.0, 4.0, 5.0])
    made["length_fires_error"] = ("theta", [0.1, 0.2, 0.25])
    fixed, critical = driven.checks(made)[2:4]
    assert "fires have a length of 4.00(20) at θ = 4 and 5.00(25)" in fixed.reason
    assert "it reaches 5.00(25) sites at θ = 200" in critical.reason
    assert all(c.claim.startswith("Tested here: ") for c in driven.checks(made))


def test_the_exponent_of_an_epidemic_is_judged_by_its_error(data):
    def status(power, relative):
        made = data.copy(deep=True)
        side = rows.sides(data)
        made["matched_bare"].loc[{"matched": systems.AT}] = 0.3 * side**-power
        error = relative * made["matched_bare"].loc[{"matched": systems.AT}]
        made["matched_bare_error"].loc[{"matched": systems.AT}] = error
        return driven.checks(made)[8].status

    assert status(0.795, 0.005) is Status.REPRODUCED
    assert status(0.795, 0.1) is Status.OPEN
    assert status(0.6, 0.005) is Status.NOT
    alike = data.copy(deep=True)
    for name in ("matched_bare", "matched_bare_error"):
        alike[name].loc[{"matched": systems.BELOW}] = data[name].sel(matched=systems.AT)
    assert driven.checks(alike)[8].status is Status.OPEN  # the control is not apart


def test_a_forest_that_stays_is_a_fixed_point(data):
    """By both readings, and by each of the maps."""

    def status(rules, error):
        made = data.copy(deep=True)
        for name in ("density", "neighbours"):
            first = data[name].sel(system=systems.FOREST, level=0)
            for rule in rules:
                where = {"system": systems.FOREST, "map": rule}
                made[name].loc[where] = first.sel(map=rule)
                made[f"{name}_error"].loc[where] = error
        return driven.checks(made)[2].status

    assert status([], 0) is Status.NOT
    assert status(systems.MAPS, 0.001) is Status.REPRODUCED
    assert status(systems.MAPS, 0.1) is Status.OPEN
    assert status(systems.MAPS[:1], 0.001) is Status.PARTLY


def test_attraction_is_judged_step_by_step(data):
    for rule, k in (("majority", 0), ("one filter", 1)):
        right, wrong = data.copy(deep=True), data.copy(deep=True)
        for made in (right, wrong):
            made["K_error"].loc[{"map": rule}] = 0.001
        for system, ks in (("1.2", [0.3, 0.2, 0.1]), ("0.9", [0.5, 0.6, 0.7])):
            name = next(n for n in systems.ISING if system in n)
            right["K"].loc[{"map": rule, "system": name}] = ks
            wrong["K"].loc[{"map": rule, "system": name}] = ks[::-1]
        assert driven.checks(right)[k].status is Status.REPRODUCED
        assert driven.checks(wrong)[k].status is Status.NOT
        right["K_error"].loc[{"map": rule}] = 0.1
        assert driven.checks(right)[k].status is Status.OPEN


def test_systems_are_kept_and_found_again(tmp_path):
    """A part that is done is not computed again, and is the same to the bit."""
    told = []
    work = Work(3, tmp_path, lambda label, *_: told.append(label))
    small = replace(
        driven.FAST, side=8, steps=1, draws=64, training=64, epochs=1, length_draws=32
    )
    first = driven.compute(small, work)
    before = [label for label in told if label != "driven and attracted models"]
    told.clear()
    assert driven.compute(small, work).identical(first)
    assert before
    assert set(told) == {"driven and attracted models"}
    other = driven.compute(small, replace(work, seed=4))
    assert not np.allclose(first["density"], other["density"])


def test_picture_and_table(data):
    section, epidemic = driven.draw(data)
    for each in (section, epidemic):
        assert (each.picture or "").startswith("data:image/svg+xml")
    rules = 2 * len(systems.ISING) + 3 * (1 + len(systems.EPIDEMIC))
    assert len(section.tables[0].rows) == rules * len(flows.READINGS)
    assert len(epidemic.tables[0].rows) == len(systems.MATCHED) * len(systems.MAPS) * 2
    assert np.isfinite(data["length_fires"]).all()
