import pytest
import torch

from rlhf_lab.experiments import label_fits, label_kinds
from rlhf_lab.feedback.kinds import Source, Thumb

BUDGETS = (200, 800, 3200)


@pytest.fixture(scope="module")
def errors():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(label_kinds, "BUDGETS", BUDGETS)
        return all_errors()


def all_errors():
    return {
        name: label_kinds.run(0, **settings)["error"]
        for name, settings in label_kinds.VARIANTS.items()
    }


def test_more_labels_make_smaller_errors_and_none_leave_the_priors(errors):
    for error in errors.values():
        assert error[0] < 1
        assert error[-1] < 0.8 * error[0]


def test_rankings_say_more_than_comparisons_and_rejected_only_says_least(errors):
    for budget in (1, 2):
        by_kind = {name.removeprefix("label-kinds-"): e[budget] for name, e in errors.items()}
        assert by_kind["ranking-of-8"] < by_kind["comparison"]
        assert max(by_kind, key=by_kind.get) == "rejected-only"


def test_every_budget_is_spent_as_it_says(monkeypatch):
    monkeypatch.setattr(label_kinds, "BUDGETS", BUDGETS)
    for kind, size, each in (("comparison", 1, 2), ("ranking", 8, 8), ("thumb", 1, 1)):
        table = label_kinds.run(0, kind=kind, size=size)
        assert table["cost"] == [each * number for number in table["labels"]]
        left = [b - c for b, c in zip(BUDGETS, table["cost"], strict=True)]
        assert all(0 <= unspent < each for unspent in left)


def test_the_probabilities_of_all_scores_sum_to_1():
    rising = label_fits.cuts(torch.tensor([-2.0, 0.3, -1.0, 2.0], dtype=torch.float64))
    assert (rising.diff() > 0).all()
    rewards = torch.linspace(-3, 3, 5, dtype=torch.float64).repeat_interleave(5)
    scores = torch.arange(1, 6).repeat(5)
    logprobs = label_fits.ordered_logit(rewards, rising, scores)
    assert logprobs.exp().view(5, 5).sum(dim=1).tolist() == pytest.approx([1] * 5)


def test_the_likelihood_of_thumbs_down_is_that_of_poisson_counts():
    """Up to a constant; torch's own distribution beside it."""
    said = {"prompt": "x", "annotator": "one", "source": Source.HUMAN, "up": False}
    thumbs = [Thumb(response=str(number), **said) for number in (0, 0, 2)]
    of_rewards = label_fits.of_thumbs_down(thumbs, 3, read=9)
    bar = torch.zeros(1, dtype=torch.float64)
    counts = torch.tensor([2.0, 0.0, 1.0], dtype=torch.float64)

    def expected(rewards):
        return torch.distributions.Poisson(3 * torch.sigmoid(-rewards)).log_prob(counts).sum()

    one, other = torch.tensor([[0.3, -1.0, 2.0], [0.0, 0.5, -0.7]], dtype=torch.float64)
    gap = of_rewards(one, bar) - of_rewards(other, bar)
    assert gap.item() == pytest.approx((expected(one) - expected(other)).item())


def test_thumbs_down_by_themselves_leave_less_error_than_as_halves_of_pairs(errors):
    assert errors["label-kinds-thumbs-down"][-1] < errors["label-kinds-rejected-only"][-1]
    assert errors["label-kinds-thumbs-down"][-1] > errors["label-kinds-thumb"][-1]


def test_equal_noise_is_as_wide_as_the_gumbel_noise_behind_an_order():
    """A draw of σ((w - b)/T) is w above b + T times logistic noise, the log-odds of a uniform."""
    uniform = torch.rand(200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    logistic, gumbel = uniform.logit(), -(-uniform.log()).log()
    assert (label_kinds.EQUAL * logistic).std().item() == pytest.approx(
        gumbel.std().item(), rel=0.01
    )
