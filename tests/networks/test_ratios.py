"""Ratios of partition functions: the equations, and replicates by one Newton step."""

import numpy as np
import pytest

from kadanoff.networks.ratios import _acceptance_root, bennett, mean_exp, multistate


def log_weights(ratio, runs, spread=1.0, seed=1):
    """Gaussian ones of both ways that belong to one path: ⟨e^{±w}⟩ = e^{±ratio}."""
    rng = np.random.default_rng(seed)
    return (
        rng.normal(sign * ratio - spread**2 / 2, spread, size)
        for sign, size in zip((1, -1), runs, strict=True)
    )


def test_both_ways_together_find_the_ratio():
    """Of 200 and 100 runs, 400 times: z of the mean pull within 4; a bias shows."""
    pulls = []
    for seed in range(400):
        up, down = log_weights(0.7, (200, 100), seed=seed)
        ways = mean_exp(up, "up"), -mean_exp(down, "down"), bennett(up, down)
        pulls.append([(float(x.value) - 0.7) / float(x.error) for x in ways])
        assert ways[2].error < min(ways[0].error, ways[1].error)
    up, down, both = np.array(pulls).T * 20  # errors of the mean
    assert abs(both.mean()) < 4
    assert abs((both + 20 * 0.3).mean()) > 4
    # Each way alone is off by −Var w/2n = ∓0.0043 and ±0.0086: 0.05 and 0.07 errors.
    assert -5 < up.mean() < 3
    assert -3 < down.mean() < 5.4


def test_one_newton_step_replaces_leaving_a_run_out():
    up, down = log_weights(0.7, (30, 20), 0.5)
    found = bennett(up, down)
    again = [
        [_acceptance_root(np.delete(up, i), down) for i in range(30)],
        [_acceptance_root(up, np.delete(down, i)) for i in range(20)],
    ]
    for replicates, solved in zip(found.replicates.values(), again, strict=True):
        np.testing.assert_allclose(replicates, solved, atol=0.05 * float(found.error))


def test_a_mean_is_left_out_run_by_run():
    logs = np.random.default_rng(2).normal(size=20)
    (replicates,) = mean_exp(logs, "up").replicates.values()
    again = [np.log(np.exp(np.delete(logs, i)).mean()) for i in range(20)]
    np.testing.assert_allclose(replicates, again, rtol=0, atol=1e-12)


def test_two_states_reweight_as_bennett_does():
    """With two rungs the multistate equations are the acceptance ratio."""
    rng = np.random.default_rng(3)
    energies = rng.normal(size=(2, 40, 3, 2))
    rise = energies[..., 1] - energies[..., 0]
    up, down = -rise[0].flatten(), rise[1].flatten()
    found = multistate(energies)
    root = _acceptance_root(up, down)
    assert float(found.value) == pytest.approx(root, abs=1e-8)


def test_one_newton_step_replaces_a_jackknife():
    """The error of the replicates against solving again without each block."""
    rng = np.random.default_rng(4)
    energies = rng.normal(size=(3, 32, 4, 3))
    found = multistate(energies)
    again = [float(multistate(np.delete(energies, b, axis=1)).value) for b in range(32)]
    (replicates,) = found.replicates.values()
    np.testing.assert_allclose(replicates, again, atol=0.1 * float(found.error))
