"""Errors that are right through any function, and numbers that print well."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kadanoff.ensemble import Ensemble
from kadanoff.estimate import Estimate, combine, jackknife, weighted_jackknife


def reading(seed=0, blocks=64, size=200, lineage="a", mean=(2.0, 1.0), n_eff=None):
    """Two correlated means from independent draws, with their block means."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(blocks, size, 2)) @ np.array([[1.0, 0.5], [0.0, 1.0]])
    return weighted_jackknife(
        [(np.array(mean) + noise).mean(axis=1)],
        lambda m: m,
        np.full(blocks, float(size)),
        lineage=lineage,
        n_eff=n_eff or blocks * size,
    )


COVARIANCE = np.array([[1.0, 0.5], [0.5, 1.25]])  # of one draw


def test_the_jackknife_of_a_mean_is_the_textbook_error():
    rng = np.random.default_rng(0)
    means = rng.normal(size=(20, 3))
    found = weighted_jackknife([means], lambda m: m, np.ones(20), lineage="a", n_eff=20)
    assert np.allclose(found.value, means.mean(axis=0))
    assert np.allclose(found.error, means.std(axis=0, ddof=1) / np.sqrt(20))
    assert np.allclose(found.covariance, np.cov(means.T) / 20)


def test_blocks_of_unequal_size_are_weighted():
    columns, sizes = [np.array([1.0, 4.0])], np.array([3.0, 1.0])
    found = weighted_jackknife(columns, lambda m: m, sizes, lineage="a", n_eff=4)
    assert found.value == 1.75
    assert found.replicates["a"].tolist() == [4.0, 1.0]


def test_the_error_of_means_and_their_covariance():
    # 64 blocks give the error to 9 %; the band is z = 4, so 40 % would be noticed.
    found = reading()
    expected = COVARIANCE / (64 * 200)
    assert np.allclose(found.error**2, np.diag(expected), rtol=0.75)
    assert np.allclose(found.error, np.sqrt(np.diag(found.covariance)))
    correlation = found.covariance[0, 1] / np.prod(found.error)
    assert abs(np.arctanh(correlation) - np.arctanh(0.5 / 1.25**0.5)) < 4 / 61**0.5


def test_the_error_of_a_ratio_is_that_of_linear_propagation():
    # r = x/y has var r = (σx² - 2 r σxy + r² σy²)/y² up to 1/n.
    found = reading()
    x, y = found[0], found[1]
    r = float((x / y).value)
    c = found.covariance
    expected = math.sqrt(c[0, 0] - 2 * r * c[0, 1] + r**2 * c[1, 1]) / float(y.value)
    assert float((x / y).error) == pytest.approx(expected, rel=0.02)
    # The control: as if the two were independent.
    independent = math.sqrt(c[0, 0] + r**2 * c[1, 1]) / float(y.value)
    assert float((x / y).error) != pytest.approx(independent, rel=0.02)


def test_a_reading_minus_itself_is_exactly_nothing():
    found = reading()
    zero = found - found
    assert (zero.value == 0).all()
    assert (zero.error == 0).all()
    assert ((found / found).error == 0).all()


def test_identities_have_no_error():
    angle = reading()[0]
    one = angle.map(np.sin) * angle.map(np.sin) + angle.map(np.cos) * angle.map(np.cos)
    assert float(one.value) == pytest.approx(1, abs=1e-15)
    assert float(one.error) < 1e-15
    # The control: the same with the cosine of other chains.
    other = reading(lineage="b")[0]
    mixed = combine(lambda a, b: np.sin(a) ** 2 + np.cos(b) ** 2, angle, other)
    assert float(mixed.error) > 1e-4


def test_other_chains_add_in_quadrature():
    one, other = reading(lineage="a"), reading(seed=1, lineage="b")
    for found in (one + other, one - other, other - one):
        assert np.allclose(found.error**2, one.error**2 + other.error**2)
        assert np.allclose(found.covariance, one.covariance + other.covariance)
        assert set(found.replicates) == {"a", "b"}


def test_a_mixture_remembers_both_lineages():
    one, other = reading(lineage="a"), reading(seed=1, lineage="b")
    back = (one + other) - other
    assert np.allclose(back.value, one.value)
    assert np.allclose(back.error, one.error)


def test_arithmetic_with_exact_numbers():
    x = reading()[0]
    v, e = float(x.value), float(x.error)
    cases = {
        "x + 1": (x + 1, v + 1, e),
        "1 + x": (1 + x, v + 1, e),
        "x - 1": (x - 1, v - 1, e),
        "1 - x": (1 - x, 1 - v, e),
        "3 x": (3 * x, 3 * v, 3 * e),
        "x 3": (x * 3, 3 * v, 3 * e),
        "x / 2": (x / 2, v / 2, e / 2),
        "-x": (-x, -v, e),
    }
    for name, (found, value, error) in cases.items():
        assert float(found.value) == pytest.approx(value), name
        assert float(found.error) == pytest.approx(error), name
    assert float((2 / x).value) == 2 / v
    assert float((2 / x).error) == pytest.approx(2 * e / v**2, rel=1e-2)


def test_arrays_on_either_side():
    found, array = reading(), np.array([10.0, 20.0])
    assert np.allclose((array + found).value, (found + array).value)
    assert np.allclose((array * found).error, array * found.error)
    assert found[1].value == found.value[1]


def test_exact_numbers_have_no_error():
    exact = combine(np.add, 1.0, 2.0)
    assert (float(exact.value), float(exact.error), exact.n_eff) == (3.0, 0.0, math.inf)
    assert exact.covariance.tolist() == [[0.0]]


def test_the_weakest_reading_sets_the_effective_number():
    assert (reading(n_eff=10) + reading(n_eff=7)).n_eff == 7


def test_other_blocks_of_the_same_chains_are_refused():
    with pytest.raises(ValueError, match="64 and 32 blocks of a"):
        _ = reading() + reading(blocks=32)


def test_one_block_has_no_error():
    with pytest.raises(ValueError, match="at least 2 blocks"):
        weighted_jackknife([np.ones(1)], lambda m: m, np.ones(1), lineage="a", n_eff=1)


def chains(values, **known):
    """An ensemble of one real site."""
    return Ensemble.from_values(values[..., None], alphabet="real", **known)


def mean(ensemble):
    return jackknife(lambda v: (v.mean(axis=0, dtype=float),), lambda m: m[0], ensemble)


def test_configurations_stream_through():
    values = np.random.default_rng(0).normal(size=(64, 10))
    found = mean(chains(values, lineage="a"))
    assert float(found.value) == pytest.approx(values.mean(), abs=1e-6)
    per_chain = values.mean(axis=1)
    assert float(found.error) == pytest.approx(per_chain.std(ddof=1) / 8, rel=1e-5)


def test_joint_readings_need_the_same_chains():
    values = np.random.default_rng(0).normal(size=(64, 10))
    one = chains(values, lineage="a")
    for other in (chains(values, lineage="b"), chains(values[:, :9], lineage="a")):
        with pytest.raises(ValueError, match="same chains and draws, got a "):
            jackknife(lambda a, b: (a * b,), np.mean, one, other)


def autoregressive(runs, draws, keep, seed):
    """x' = φ x + √(1-φ²) ξ in equilibrium: mean 0, variance 1, τ = (1+φ)/(2(1-φ))."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(runs, draws))
    for t in range(1, draws):
        x[:, t] = keep * x[:, t - 1] + np.sqrt(1 - keep**2) * x[:, t]
    return x


def share_within(errors, means):
    return np.mean(np.abs(means) < errors)


@pytest.mark.parametrize(
    ("per_run", "draws"), [(1, 12_800), (4, 3_200), (32, 200)], ids=str
)
def test_error_bars_cover(per_run, draws):
    # 400 independent runs of AR(1) chains, φ = 0.9, τ = 9.5, all cut into blocks. The
    # truth lies within one error in 68.3 %; for 400 runs the band z = 4 of the
    # binomial law is ±9.3 %, so errors wrong by 20 % would be noticed.
    x = autoregressive(400 * per_run, draws, 0.9, seed=per_run)
    x = x.reshape(400, per_run, draws)
    readings = [mean(chains(run, tau=9.5)) for run in x]
    means = np.array([float(r.value) for r in readings])
    errors = np.array([float(r.error) for r in readings])
    assert abs(share_within(errors, means) - 0.683) < 0.093
    # The control: draws taken as independent, an error √19 = 4.4 times too small.
    naive = x.std(axis=(1, 2)) / np.sqrt(x[0].size)
    assert share_within(naive, means) < 0.683 - 0.093


def test_error_bars_of_nonlinear_readings_cover():
    # The same for √⟨x²⟩ of independent draws: 400 runs, band ±9.3 %.
    x = np.random.default_rng(0).normal(size=(400, 64, 20))
    inside, half = [], []
    for run in x:
        found = jackknife(
            lambda v: ((v.astype(float) ** 2).mean(axis=0),),
            lambda m: np.sqrt(m[0]),
            chains(run),
        )
        pull = abs(float(found.value) - 1) / float(found.error)
        inside.append(pull < 1)
        half.append(pull < 0.75)
    assert abs(np.mean(inside) - 0.683) < 0.093
    assert abs(np.mean(half) - 0.683) > 0.093  # the control: errors 25 % too small


def exact(value, error):
    """An estimate with a given error: two replicates at ± the error."""
    pair = np.array([value - error, value + error])
    return Estimate(np.array(value), {"a": pair}, n_eff=2)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.5, 0.01, "0.500(10)"),
        (1.0, 0.0997, "1.00(10)"),
        (9.96, 0.996, "10.0(10)"),
        (1234.5, 56.0, "1234(56)"),
        (1234.5, 99.6, "1230(100)"),
        (123456.0, 7890.0, "123500(7900)"),
        (2.269185, 0.000012, "2.269185(12)"),
        (-1.41421, 0.0034, "-1.4142(34)"),
        (0.0, 3.2, "0.0(32)"),
        (1e-7, 2e-9, "0.0000001000(20)"),
        (5.0, 0.1, "5.00(10)"),
    ],
)
def test_two_digits_of_the_error_are_shown(value, error, text):
    assert str(exact(value, error)) == text


def test_a_value_without_error_or_without_number_prints_too():
    assert str(exact(0.25, 0.0)) == "0.25(0)"
    assert str(exact(math.nan, 0.1)) == "nan(nan)"
    assert str(exact(math.inf, 0.0)).startswith("inf(")
    assert (
        str(Estimate(np.array(1.5), {"a": np.array([1.0, math.inf])}, 2)) == "1.5(nan)"
    )


def test_vectors_print_in_brackets():
    assert str(Estimate(np.array([0.5, 2.0]), {}, 3)) == "[0.5(0) 2(0)]"
    assert repr(exact(0.5, 0.01)) == "Estimate(0.500(10), n_eff=2)"


@settings(deadline=None, max_examples=300)
@given(
    value=st.floats(-1e3, 1e3),  # relative errors above those of rounding
    exponent=st.integers(-9, 6),
    mantissa=st.floats(1, 9.999),
)
def test_what_is_printed_is_the_number_to_two_digits_of_the_error(
    value, exponent, mantissa
):
    error = mantissa * 10.0**exponent
    shown, last = str(exact(value, error)).rstrip(")").split("(")
    decimals = len(shown.partition(".")[2])
    printed_error = float(last) * 10.0**-decimals
    assert printed_error == pytest.approx(float(exact(value, error).error), rel=0.051)
    assert abs(float(shown) - value) <= 0.051 * printed_error * 10


def test_an_error_of_rounding_prints_as_none():
    assert str(exact(2.0 - 4e-15, 2e-13)) == "2(0)"
    assert str(exact(2.0, 1e-12)) != "2(0)"


def test_json_has_value_error_and_number():
    assert exact(0.5, 0.25).as_dict() == {"value": 0.5, "error": 0.25, "n_eff": 2.0}
    nan = Estimate(np.array([1.0, math.nan]), {}, 12.34)
    assert nan.as_dict() == {"value": [1.0, None], "error": [0.0, 0.0], "n_eff": 12.3}
    assert Estimate(np.array(math.inf), {}, 1).as_dict()["value"] is None


def test_intervals_are_student_s():
    # 5 blocks: the textbook interval of a mean, from scipy.
    x = np.random.default_rng(3).normal(size=(5, 2))
    found = weighted_jackknife([x], lambda m: m, np.ones(5), lineage="a", n_eff=5)
    assert found.freedom.tolist() == pytest.approx([4, 4])
    for level in (0.5, 0.95):
        expected = stats.t.interval(
            level, 4, loc=x.mean(axis=0), scale=x.std(axis=0, ddof=1) / np.sqrt(5)
        )
        assert np.allclose(found.interval(level), expected)
    # One Gaussian σ if no level is given: of many blocks, the error itself.
    low, high = reading(blocks=1000, size=2).interval()
    error = reading(blocks=1000, size=2).error
    assert np.allclose((high - low) / 2 / error, 1, atol=1e-3)
    low, high = found.interval()
    assert ((high - low) / 2 > 1.1 * found.error).all()


def test_freedom_of_several_lineages_is_welch_s():
    one, other = reading(blocks=3)[0], reading(seed=1, blocks=6, lineage="b")[0]
    v, w = float(one.error) ** 2, float(other.error) ** 2
    expected = (v + w) ** 2 / (v**2 / 2 + w**2 / 5)
    assert float((one + other).freedom) == pytest.approx(expected)
    assert 2 <= expected <= 7
    # Scale does not matter, and a lineage that adds nothing adds no freedom.
    assert float((1e-90 * (one + other)).freedom) == pytest.approx(expected)
    assert float((one + 0 * other).freedom) == pytest.approx(2)


def test_numbers_without_error_are_their_own_interval():
    zero = reading() - reading()
    assert np.isinf(zero.freedom).all()
    assert [end.tolist() for end in zero.interval(0.99)] == [[0, 0], [0, 0]]
    assert [float(end) for end in combine(np.add, 1.0, 2.0).interval()] == [3, 3]


@pytest.mark.parametrize("level", [0, 1, 68, -0.5, math.nan])
def test_levels_are_shares(level):
    with pytest.raises(
        ValueError, match=f"between 0 and 1, both excluded, got {level}"
    ):
        reading().interval(level)
