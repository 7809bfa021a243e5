"""Runs of tensor schemes by name: numbers as of the schemes, refusals as sentences."""

import math

import pytest

from kadanoff.exact import onsager, potts
from kadanoff.exact.constants import K_C
from kadanoff.flows.tensor_registry import SCHEMES, tensor_summary


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_finds_the_critical_free_energy(name):
    """2^16 sites: what the last ring leaves of it is c π / (6 · 2^16), 4e-6."""
    found = tensor_summary(name, bond=8, steps=8 if name == "hotrg" else 16)
    assert found["exact"] == onsager.log_partition_per_site(K_C)
    assert found["relative_error"] < 1e-4
    away = tensor_summary(name, bond=8, coupling=0.3, steps=4)
    assert away["exact"] == onsager.log_partition_per_site(0.3)
    assert len(away["by_step"]) == away["steps"] == 4


def test_three_states_are_the_potts_model():
    """c = 4/5 is neared as the bond grows; the two spins have 2/15 within 1 %."""
    runs = [tensor_summary("btrg", bond=b, states=3, steps=7) for b in (9, 12, 16)]
    assert {found["coupling"] for found in runs} == {potts.critical_coupling(3)}
    assert all("exact" not in found for found in runs)
    last = [found["by_step"][-1] for found in runs]
    misses = [abs(at["central_charge"] - potts.central_charge(3)) for at in last]
    assert misses == sorted(misses, reverse=True)
    assert misses[-1] < 0.03
    assert last[-1]["dimensions"][:2] == pytest.approx([2 / 15] * 2, rel=0.01)


def test_in_the_hot_phase_nothing_is_left_to_scale():
    """One state is left: the others are rounding errors, ln(10¹⁶)/2π = 5.9 away."""
    at = tensor_summary("btrg", bond=8, coupling=0.3)["by_step"][-1]
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
