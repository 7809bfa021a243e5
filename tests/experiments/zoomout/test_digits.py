"""The digits: exact directions, and inputs that hold what they should."""

import numpy as np
import pytest

from kadanoff.experiments.zoomout.digits import PIXELS, Digits, checkerboard
from kadanoff.experiments.zoomout.features import FAST


@pytest.fixture(scope="module")
def digits():
    return Digits.load(FAST.noise, FAST.pattern)


def test_directions_of_the_digits_are_orthonormal_and_q_is_the_first(digits):
    assert digits.images.shape == (1797, PIXELS)
    assert digits.basis.T @ digits.basis == pytest.approx(np.eye(PIXELS), abs=1e-12)
    assert digits.basis[:, 0] == pytest.approx(checkerboard())
    rest = digits.variance[1:]
    assert (np.diff(rest) < 1e-12).all()
    total = digits.images.var(axis=0).sum()
    assert digits.variance.sum() == pytest.approx(total, rel=1e-12)


def test_groups_span_what_they_say(digits):
    q = checkerboard()
    for name, size in (("class", 9), ("sign", 1), ("any", PIXELS)):
        group = digits.group(name)
        assert group.shape == (PIXELS, size)
        assert group.T @ group == pytest.approx(np.eye(size), abs=1e-12)
    group = digits.group("class")
    difference = digits.images[digits.labels == 3].mean(axis=0) - digits.images[
        digits.labels == 8
    ].mean(axis=0)
    difference -= difference @ q * q
    assert group @ (group.T @ difference) == pytest.approx(difference, abs=1e-12)
    drowned = digits.group("noise")
    assert drowned.T @ q == pytest.approx(np.zeros(drowned.shape[1]), abs=1e-12)
    assert (digits.images @ drowned).var(axis=0).max() < FAST.noise**2 / 10


def test_inputs_hold_the_sign_and_the_noise_that_they_should(digits):
    """Noise of 1797·64 pixels: its variance to 0.42 %, four times that here."""
    rng = np.random.default_rng(6)
    every = np.arange(len(digits.labels))
    sign = rng.choice([-1, 1], size=len(every))
    x = digits.seen(every, sign, rng).flatten(1).double().numpy()
    noise = x - digits.images - FAST.pattern * np.outer(sign, checkerboard())
    assert noise.var() == pytest.approx(FAST.noise**2, rel=0.017)
    other = x - digits.images + FAST.pattern * np.outer(sign, checkerboard())
    assert other.var() > 1.05 * FAST.noise**2

    assert np.cov(x.T, bias=True) == pytest.approx(digits.covariance, abs=0.02)


def test_block_averages_of_the_first_images_do_not_show_the_sign(digits):
    """Without noise the averages of what is seen are those of the digit."""
    quiet = Digits.load(0.0, FAST.pattern).views(np.random.default_rng(9))
    of_digit = quiet["digit"].reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4))
    assert quiet["4×4 averages"] == pytest.approx(of_digit, abs=1e-6)
    assert abs(quiet["seen"] - quiet["digit"]) == pytest.approx(FAST.pattern / 8)
    assert quiet["2×2 averages"] == pytest.approx(
        of_digit.reshape(-1, 2, 2, 2, 2).mean(axis=(2, 4)), abs=1e-6
    )
