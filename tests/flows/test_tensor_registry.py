"""Runs of tensor schemes by name: numbers as of the schemes, refusals as sentences."""

import math

import pytest

from kadanoff.exact import onsager, potts
from kadanoff.exact.constants import K_C
from kadanoff.flows.tensor_registry import SCHEMES, tensor_summary


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_finds_the_critical_free_energy(name):
    found = tensor_summary(name, bond=8, steps=8 if name == "hotrg" else 16)
    assert found["infinite_lattice"] == onsager.log_partition_per_site(K_C)
    assert found["exact_of"] == "this torus"
    assert found["relative_error"] < 1e-4
    away = tensor_summary(name, bond=8, coupling=0.3, steps=4)
    assert away["infinite_lattice"] == onsager.log_partition_per_site(0.3)
    assert len(away["by_step"]) == away["steps"] == 4


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("coupling", [-0.6, 0.3, K_C])
def test_a_run_too_short_to_truncate_is_exact_on_its_torus(name, coupling):
    """So that `sites` of the torus is right for every scheme, straight or turned."""
    steps = {"hotrg": 1, "loop-tnr": 3}.get(name, 2)
    for n in range(1, steps + 1):
        found = tensor_summary(name, bond=16, coupling=coupling, steps=n)
        assert found["relative_error"] < 1e-13
        sites = {"hotrg": 4**n, "loop-tnr": 2 ** (n + 1)}.get(name, 2**n)
        assert found["sites"] == found["by_step"][-1]["sites"] == sites
        infinite = found["log_partition_per_site"] / found["infinite_lattice"] - 1
        assert abs(infinite) > 1e-4  # control: the infinite lattice is not meant


@pytest.mark.parametrize("name", SCHEMES)
def test_the_error_of_short_runs_is_that_of_truncation(name):
    """It grows with the steps, where the size alone would make it fall as 1/N."""
    steps = (2, 4) if name == "hotrg" else (5, 9)
    few, more = (tensor_summary(name, bond=6, steps=n) for n in steps)
    assert (
        few["relative_error"]
        < 1e-3
        < abs(few["log_partition_per_site"] / few["infinite_lattice"] - 1)
    )
    assert few["relative_error"] / more["relative_error"] < 16


@pytest.mark.parametrize(
    ("name", "bond", "misses"),
    [
        ("trg", 16, (6e-3, 1e-3)),
        ("btrg", 16, (6e-3, 2e-4)),
        ("hotrg", 12, (6e-3, 1e-3)),
        ("loop-tnr", 8, (1e-3, 2e-4)),
    ],
)
def test_the_plateau_is_that_of_the_ising_model(name, bond, misses):
    """c and Δ_σ within the misses that are known of these bonds; ε within 4 %."""
    found = tensor_summary(name, bond=bond)["plateau"]
    first, last = found["steps"]
    small, large = found["sites"]
    assert last - first == (2 if name == "hotrg" else 4)
    assert large == 16 * small
    for reading, exact, miss in zip(
        (found["central_charge"], *found["dimensions"][:2]),
        (1 / 2, 1 / 8, 1),
        (*misses, 0.04),
        strict=True,
    ):
        assert reading["exact"] == pytest.approx(exact, rel=1e-14)
        assert reading["value"] == pytest.approx(exact, abs=miss)
        assert 0 < reading["scatter"] < 0.03


def test_values_on_the_plateau_are_means_of_its_steps():
    found = tensor_summary("btrg", bond=8, steps=16)
    first, last = found["plateau"]["steps"]
    rows = found["by_step"][first - 1 : last]
    charges = [row["central_charge"] for row in rows]
    reading = found["plateau"]["central_charge"]
    assert reading["value"] == pytest.approx(sum(charges) / len(charges))
    assert reading["scatter"] == pytest.approx((max(charges) - min(charges)) / 2)


def test_two_states_are_the_ising_model():
    colours = tensor_summary("btrg", bond=8, states=2, coupling=0.7, steps=7)
    spins = tensor_summary("btrg", bond=8, coupling=0.35, steps=7)
    for key in ("log_partition_per_site", "exact", "infinite_lattice"):
        assert colours[key] == pytest.approx(spins[key] + 0.7, rel=1e-13)


@pytest.mark.parametrize(("states", "misses"), [(3, (1e-4, 3e-5)), (5, (9e-4, 4e-4))])
def test_at_the_critical_point_potts_stands_beside_baxter(states, misses):
    errors = []
    for bond, miss in zip((10, 16), misses, strict=True):
        found = tensor_summary("btrg", bond=bond, states=states)
        assert found["exact"] == potts.log_partition_per_site(states)
        assert found["exact_of"] == "the infinite lattice"
        assert 10 * found["size_effect"] < found["relative_error"] < miss
        errors.append(found["relative_error"])
    assert errors[0] > errors[1]


def test_no_error_is_claimed_that_may_be_the_size_of_the_torus():
    found = tensor_summary("btrg", bond=12, states=3, steps=6)
    assert found["relative_error"] is None
    assert (
        abs(found["log_partition_per_site"] / found["exact"] - 1) < found["size_effect"]
    )
    assert "exact" not in tensor_summary("btrg", bond=6, states=3, coupling=0.9)


def test_three_states_are_the_potts_model():
    """c = 4/5 is neared as the bond grows; the two spins have 2/15 within 1 %."""
    runs = [tensor_summary("btrg", bond=b, states=3, steps=7) for b in (9, 12, 16)]
    assert {found["coupling"] for found in runs} == {potts.critical_coupling(3)}
    last = [found["by_step"][-1] for found in runs]
    misses = [abs(at["central_charge"] - potts.central_charge(3)) for at in last]
    assert misses == sorted(misses, reverse=True)
    assert misses[-1] < 0.03
    assert last[-1]["dimensions"][:2] == pytest.approx([2 / 15] * 2, rel=0.01)
    exact = [x["exact"] for x in runs[-1]["plateau"]["dimensions"]]
    assert exact == pytest.approx([2 / 15, 2 / 15, 4 / 5, 17 / 15])


def test_in_the_hot_phase_nothing_is_left_to_scale():
    """One state is left: the others are rounding errors, ln(10¹⁶)/2π = 5.9 away."""
    found = tensor_summary("btrg", bond=8, coupling=0.3)
    assert found["plateau"] is None
    at = found["by_step"][-1]
    assert abs(at["central_charge"]) < 1e-5
    assert all(x is None or x > 5 for x in at["dimensions"])


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": "mera"}, "a tensor scheme is one of trg"),
        ({"bond": 1}, "keeps 2 to 64 states, got 1"),
        ({"bond": 65}, "got 65; time grows"),
        ({"steps": 0}, "1 to 200 steps, got 0"),
        ({"states": 1}, "2 to 12 states, got 1"),
        ({"coupling": math.nan}, "at most 50 in size, got nan"),
    ],
)
def test_what_cannot_be_run_is_refused(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        tensor_summary(**{"name": "btrg", **wrong})
