"""The verdict follows from planted cards, and the study runs and is found again."""

from __future__ import annotations

import numpy as np
import pytest

from kadanoff.experiments import renormalizers as study
from kadanoff.experiments.renormalizers import FAST, MAPS, compute, findings, table

STEPS_OF_A_FIXED_POINT = {
    "sentence": "y_T = 1.0 ± 0.01, converged over the last step; y_H the same",
    "y_T": [1.0, 0.01],
    "y_T error with changes over steps and operators": [0.012, 0.0],
    "y_H": [1.875, 0.001],
    "y_H error with changes over steps and operators": [0.002, 0.0],
}
BETWEEN_BLOCKS = {"sentence": "", "y_T": [0.99, 0.01], "y_H": [1.874, 0.001]}


def card(seed, *, block=None, **changes):
    """One seed's card of a map that passes everything, but for what is changed."""
    noise = 1e-4 * np.random.default_rng(seed).standard_normal()
    rows = {
        "locality": {"sentence": "", "direct width (sites)": [0.97 + noise, 0.01]},
        "covariance": {"sentence": "", "shift": [1.0 + noise, 0.001]},
        "scaling": {"sentence": "", "slope of the ratio": [0.004 + noise, 0.001]},
        "couplings": {"sentence": "", "K nn": [0.36 + noise, 0.001]},
        "exponents": STEPS_OF_A_FIXED_POINT,
        "followed by majority": BETWEEN_BLOCKS,
    }
    for row, readings in changes.items():
        rows[row] = {**rows[row], **readings}
    return {"map": rows, "block": {"followed by majority": block or BETWEEN_BLOCKS}}


def verdict(name="majority", **changes):
    cards = [card(seed, **changes) for seed in range(5)]
    return study._finding(name, cards).verdict


def test_a_map_without_a_fault_renormalizes():
    for name in ("majority", "dense RBM, local"):
        assert verdict(name) == "yes"


FAULTS = {
    "wide": ({"locality": {"direct width (sites)": [6.0, 0.1]}}, "no: local"),
    "not covariant": ({"covariance": {"shift": [0.6, 0.01]}}, "no: local"),
    "no width": ({"locality": {"direct width (sites)": [None, None]}}, "no: local"),
    "field": ({"scaling": {"slope of the ratio": [-0.12, 0.01]}}, "no: field"),
    "drifts": (
        {"exponents": {"sentence": "in y_T this map shows no fixed point because"}},
        "no: exponents",
    ),
    "others": ({"exponents": {"y_H": [1.9, 0.001]}}, "no: exponents"),
    "few steps": (
        {"exponents": {"sentence": "y_T = 1.0 ± 0.1 is undecided: two steps"}},
        "undecided: exponents",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named(fault):
    changes, expected = FAULTS[fault]
    assert verdict(**changes) == expected


def test_one_step_is_compared_with_majority_between_majority_blocks():
    other = {"sentence": "", "y_T": [0.8, 0.01], "y_H": [1.874, 0.001]}
    assert verdict("autoencoder", block=other) == "no: exponents"
    lost = {"sentence": ""}
    assert verdict("autoencoder", block=lost) == "no: exponents"


def test_seeds_that_disagree_decide_nothing():
    widths = (0.5, 1.0, 3.0, 0.4, 2.0)
    cards = [
        card(k, locality={"direct width (sites)": [w, 0.01]})
        for k, w in enumerate(widths)
    ]
    found = study._finding("majority", cards)
    assert found.verdict == "undecided: local"


def test_the_error_is_that_of_the_mean_over_seeds():
    values = np.array([1.0, 1.2, 0.9, 1.1, 1.3])
    found = study.over_seeds(values.tolist())
    assert found.value == pytest.approx(values.mean())
    assert float(found.error) == pytest.approx(values.std(ddof=1) / np.sqrt(5))


@pytest.mark.slow
def test_the_study_runs_and_is_found_again(tmp_path, monkeypatch):
    """One seed, small lattices: every map has a verdict and a line in both tables."""
    found = compute(FAST, runs=tmp_path)
    assert tuple(f.map for f in found) == MAPS
    monkeypatch.setattr(study, "_readings", None)
    assert [f.verdict for f in compute(FAST, runs=tmp_path)] == [
        f.verdict for f in findings(FAST, runs=tmp_path)
    ]
    text = table(FAST, runs=tmp_path)
    for name in MAPS:
        assert text.count(f"| {name} |") == 2
