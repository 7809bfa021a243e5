"""Every flow that has a name, through one contract."""

from __future__ import annotations

import inspect
import itertools
import json
import math
from dataclasses import MISSING
from typing import Any

import numpy as np
import pytest
import torch

from kadanoff.flows import (
    decimation,
    epsilon,
    gaussian,
    migdal_kadanoff,
    niemeijer,
    variational,
)
from kadanoff.flows.fixed_point import linearised
from kadanoff.flows.lines import iterate, log_partition_per_site
from kadanoff.flows.registry import (
    FLOWS,
    critical_point,
    flow_named,
    options_of,
    summary,
)
from kadanoff.flows.theory import BetaFunction, Flow, FlowWithConstant, vector

MODULES = (decimation, epsilon, gaussian, migdal_kadanoff, niemeijer, variational)
UNNAMED = {decimation.ColdChain}
"""Reached through `decimation`."""

CRITICAL = [name for name in FLOWS if name != "nearest-decimation"]
ENTROPY = {name: math.log(2) for name in FLOWS} | {
    "hierarchical": math.log(2) * 2 / 3,
    "potts-migdal-kadanoff": math.log(3),
    "potts-hierarchical": math.log(3) * 2 / 3,
}
"""ln Z per site of free spins; diamonds have ⅔ of a site for each bond."""


def made(name: str) -> Any:
    needed = {"q": 3} if "potts" in name else {}
    if name == "variational":
        needed = {"p": 0.766}
    return flow_named(name, **needed)


def test_every_flow_of_the_folder_has_a_name() -> None:
    kinds = {
        kind
        for module in MODULES
        for kind in vars(module).values()
        if inspect.isclass(kind)
        and kind.__module__ == module.__name__
        and (hasattr(kind, "step") or hasattr(kind, "rate"))
    }
    assert {entry.kind for entry in FLOWS.values()} == kinds - UNNAMED


@pytest.mark.parametrize("name", FLOWS)
def test_the_protocol_is_kept(name: str) -> None:
    flow = made(name)
    assert isinstance(flow, Flow) != isinstance(flow, BetaFunction)
    assert len(set(flow.names)) == len(flow.names)
    assert set(flow.odd) < set(flow.names)
    assert flow.dimension >= 1
    assert FLOWS[name].about
    theory = vector(flow, {flow.names[0]: 0.3})
    kept = theory.clone()
    new = flow.step(theory) if isinstance(flow, Flow) else flow.rate(theory)
    assert new.shape == theory.shape
    assert new.dtype == torch.float64
    assert torch.equal(theory, kept)


@pytest.mark.parametrize("name", FLOWS)
def test_odd_couplings_change_sign_and_even_ones_do_not(name: str) -> None:
    """Under a flip of all spins; colours have no such symmetry."""
    flow = made(name)
    signs = torch.tensor([-1.0 if n in flow.odd else 1.0 for n in flow.names]).double()
    x = torch.full((len(flow.names),), 0.2, dtype=torch.float64)
    take = flow.step if isinstance(flow, Flow) else flow.rate
    mirrored = signs * take(signs * x)
    if "potts" in name:
        assert not torch.allclose(mirrored, take(x), rtol=1e-3)
    else:
        torch.testing.assert_close(mirrored, take(x), rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", CRITICAL)
def test_the_summary_is_plain_numbers_of_a_fixed_point(name: str) -> None:
    flow = made(name)
    found = json.loads(json.dumps(summary(flow), allow_nan=False))
    assert found["y_t"] > 0
    assert found["residual"] < 1e-11
    assert found["y_t"] == found["exponents"]["even"][0]
    assert found["relevant"]["even"] >= 1
    if flow.odd:
        assert 0 < found["y_h"] <= found["dimension"]
        assert found["y_h"] == found["exponents"]["odd"][0]
    else:
        assert found["y_h"] is None


@pytest.mark.parametrize("name", CRITICAL)
def test_derivatives_at_the_critical_point(name: str) -> None:
    flow = made(name)
    point = critical_point(flow)
    if set(point.couplings) != set(flow.names):  # found by another flow
        flow = decimation.ColdChain(flow.b)
    take = flow.step if isinstance(flow, Flow) else flow.rate
    x, h = vector(flow, point.couplings), 1e-6
    shifts = h * torch.eye(len(x), dtype=torch.float64)
    columns = [(take(x + e) - take(x - e)) / (2 * h) for e in shifts]
    np.testing.assert_allclose(
        linearised(flow, point.couplings).jacobian,
        torch.stack(columns, dim=1).numpy(),
        atol=1e-7,
    )


@pytest.mark.parametrize("name", FLOWS)
def test_free_spins_have_their_entropy(name: str) -> None:
    """ln 2 per site at no coupling, wherever the free energy is counted."""
    flow = made(name)
    if isinstance(flow, FlowWithConstant):
        value = log_partition_per_site(flow, 0.0).item()
        # Blocks of the variational map make couplings of nothing: a bound, not exact.
        if name == "variational":
            assert value > ENTROPY[name]
        else:
            assert value == pytest.approx(ENTROPY[name], abs=1e-12)
    else:
        assert name.startswith(("infinitesimal", "epsilon", "gaussian", "block"))


def test_the_known_numbers() -> None:
    migdal = summary(flow_named("migdal-kadanoff", d=2, b=2))
    assert migdal["fixed_point"] == pytest.approx(0.304689, abs=5e-7)
    assert migdal["y_t"] == pytest.approx(0.747236, abs=5e-7)
    niemeijer_van_leeuwen = summary(flow_named("niemeijer"))
    assert niemeijer_van_leeuwen["y_h"] == pytest.approx(1.369070, abs=5e-7)
    field_theory = summary(flow_named("epsilon", n=2, epsilon=1.0))
    assert field_theory["series"]["nu"] == pytest.approx(0.655)


def test_nearest_neighbours_become_critical_elsewhere_than_the_fixed_point() -> None:
    found = summary(flow_named("niemeijer-second"))
    assert found["critical_coupling"] == pytest.approx(math.log(3) / 4, rel=0.07)
    assert found["critical_coupling"] != pytest.approx(
        found["fixed_point"]["nearest"], rel=0.02
    )


def test_the_variational_flow_takes_its_best_p() -> None:
    found = summary(flow_named("variational"))
    assert found["alpha"] == pytest.approx(0.001756, abs=5e-7)
    assert found["delta"] == pytest.approx(15.04, abs=5e-3)
    assert len(found["spurious"]) == 1
    assert found["best_p"] == found["p"]
    assert abs(found["slope_in_p"]) < 1e-12
    assert "note" not in found


def test_another_p_is_followed_from_the_best_and_says_so() -> None:
    """On the branch of the critical point, where the start of old found another one."""
    near, far = (summary(flow_named("variational", p=p)) for p in (0.78, 1.5))
    assert near["p"] == 0.78
    assert abs(near["alpha"]) > 0.05
    assert 0 < near["slope_in_p"] < far["slope_in_p"]
    for found in (near, far):
        assert "p is not the best one, 0.765983" in found["note"]
        assert found["relevant"]["even"] == 2
    assert far["y_t"] > 1.9  # towards d, a transition of first order
    elsewhere = summary(flow_named("variational", p=1.5), variational.START)
    assert elsewhere["fixed_point"]["four"] < 0 < far["fixed_point"]["four"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("nearest-decimation", {}),
        ("migdal-kadanoff", {"d": 1}),
        ("potts-hierarchical", {"d": 1, "q": 3}),
        ("infinitesimal-migdal-kadanoff", {"d": 1}),
        ("infinitesimal-potts", {"d": 1, "q": 3}),
    ],
)
def test_no_critical_point_is_a_result(name, options) -> None:
    """Every line leads to 0, which three starts confirm."""
    flow = flow_named(name, **options)
    found = json.loads(json.dumps(summary(flow), allow_nan=False))
    assert found["fixed_point"] is None
    assert (found["variable"], found["direction"]) == ("coupling", "falls")
    assert "no critical point: coupling falls in every step, to 0" in found["note"]
    for start in (0.02, 0.5, 2.0):
        line = [place["coupling"] for place in iterate(flow, start, 30, interval=0.01)]
        assert all(b < max(a, 1e-12) for a, b in itertools.pairwise(line))


def test_the_chain_says_in_which_variable_it_is_critical() -> None:
    found = summary(flow_named("decimation", b=3))
    assert found["variable"] == "disorder, w = e^-2K"
    assert (found["fixed_point"], found["temperature"]) == (0, 0)
    assert found["coupling"] == "∞"
    assert summary(flow_named("hierarchical"))["variable"] == "coupling"
    assert "variable" not in summary(flow_named("niemeijer-second"))


def test_a_start_of_ones_own() -> None:
    flow = flow_named("niemeijer-second")
    start = {"nearest": 0.3, "third": -0.01}
    own, known = summary(flow, start), summary(flow)
    assert own["fixed_point"] == pytest.approx(known["fixed_point"], abs=1e-12)


@pytest.mark.parametrize("d", [1.001, 1.3, 2, 3, 6])
@pytest.mark.parametrize(
    "name", [name for name in FLOWS if name.endswith("kadanoff") or "hier" in name]
)
def test_critical_points_are_found_in_any_dimension(name: str, d: float) -> None:
    options = {"q": 2.5} if "potts" in name else {}
    found = summary(flow_named(name, d=d, **options))
    assert 0 < found["y_t"] < (1 if "potts" not in name else 1.5)


def test_options_and_what_is_required() -> None:
    assert options_of("migdal-kadanoff") == {"d": 2, "b": 2}
    assert options_of("potts-migdal-kadanoff")["q"] is MISSING
    assert options_of("niemeijer") == {}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: flow_named("wilson"), "a flow is one of decimation, .*got 'wilson'"),
        (lambda: flow_named("niemeijer", b=2), "options of niemeijer are none, got b"),
        (lambda: flow_named("migdal-kadanoff", p=1), "are d, b, got p"),
        (lambda: flow_named("potts-hierarchical"), "needs q, got none"),
        (lambda: flow_named("migdal-kadanoff", b=1), "whole number of 2 or more"),
        (lambda: critical_point(flow_named("nearest-decimation")), "no fixed point"),
        (lambda: critical_point(flow_named("migdal-kadanoff", d=1)), "no fixed point"),
        (lambda: summary(flow_named("nearest-decimation"), 1.0), "start elsewhere"),
        (lambda: summary(flow_named("niemeijer"), {"four": 1.0}), "got 'four'"),
        (lambda: summary(flow_named("variational", p=0.5)), "ends near p = 0.65"),
        (lambda: summary(flow_named("variational", p=9)), "up to p = 5, got 9"),
        (lambda: summary(decimation.ColdChain(2)), "not known by name"),
    ],
)
def test_what_is_refused(call: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()


@pytest.mark.parametrize(
    "options", [{"epsilon": -1.0}, {"epsilon": 0.0}, {"epsilon": 0.4, "loops": 2}]
)
def test_where_there_is_no_wilson_fisher_point_none_is_given(options):
    with pytest.raises(ValueError, match="epsilon above 0 and below"):
        summary(flow_named("epsilon", **options))
    assert summary(flow_named("epsilon", epsilon=0.39, loops=2))["y_t"] > 0
