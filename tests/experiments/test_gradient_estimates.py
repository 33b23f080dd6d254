import pytest

from rlhf_lab.experiments import gradient_estimates


@pytest.fixture(scope="module")
def table():
    """Bias, standard error and variance by baseline and setting, over 20,480 responses."""
    found = {}
    for settings in gradient_estimates.VARIANTS.values():
        run = gradient_estimates.run(0, responses=20_480, **settings)
        places = run["lam"] if "lam" in run else run["group_size"]
        columns = zip(run["bias"], run["standard_error"], run["variance"], strict=True)
        names = [(settings["baseline"], place) for place in places]
        found |= dict(zip(names, columns, strict=True))
    return found


@pytest.mark.parametrize("lam", gradient_estimates.LAMBDAS)
def test_gae_with_exact_values_is_unbiased_at_every_lambda(table, lam):
    bias, error, _ = table["exact-values", lam]
    assert bias < 3 * error


def test_with_wrong_values_the_bias_falls_as_lambda_rises_and_is_gone_at_1(table):
    bias, error, _ = table["values-of-0", 1.0]
    assert bias < 3 * error
    for lam in (0.0, 0.5):
        bias, error, _ = table["values-of-0", lam]
        assert bias > 5 * error
    assert table["values-of-0", 0.0][0] > 1.5 * table["values-of-0", 0.5][0]


def test_variance_rises_with_lambda(table):
    variances = [table["exact-values", lam][2] for lam in gradient_estimates.LAMBDAS]
    assert variances == sorted(variances)


def test_a_baseline_lowers_the_variance_and_leaves_the_mean(table):
    (bias, error, with_baseline), without = (
        table["exact-values", 1.0],
        table["values-of-0", 1.0][2],
    )
    assert bias < 3 * error
    assert with_baseline < without


@pytest.mark.parametrize("size", gradient_estimates.GROUP_SIZES)
def test_leaving_the_response_out_is_unbiased_for_every_size_of_group(table, size):
    bias, error, _ = table["leave-one-out", size]
    assert bias < 3 * error


def test_the_mean_of_a_group_of_two_halves_the_gradient(table):
    """Bias (1/G) |∇E[r]|: an eighth at G = 16 of what it is at G = 2, but for noise."""
    bias, error, _ = table["group-mean", 2]
    assert bias > 10 * error
    smaller, error, _ = table["group-mean", 16]
    assert smaller == pytest.approx(bias / 8, abs=3 * error)
