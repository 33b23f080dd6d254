"""The grid at its first step: which trust region does what."""

from functools import cache

import pytest
import torch

from rlhf_lab.experiments import policy_reviews, ppo_grid
from rlhf_lab.experiments.penalty_over_all import PenalisedOverAll, Watched
from rlhf_lab.kl import exact_kl
from rlhf_lab.logprobs import response_logits, response_logprobs
from rlhf_lab.masked import masked_mean
from rlhf_lab.models import frozen_copy, trainable_copy
from rlhf_lab.responses import pad
from rlhf_lab.runs import Run
from rlhf_lab.train.review_model import review_model
from rlhf_lab.worlds.reviews import END, prompts


@pytest.fixture(autouse=True)
def _few_evaluated(monkeypatch):
    monkeypatch.setattr(policy_reviews, "EVALUATED", 32)


@cache
def run(name):
    return ppo_grid.run(100, **ppo_grid.GRID[name], steps=1)


def test_without_a_trust_region_a_step_goes_furthest():
    first = {name: run(name)["kl_to_old"][0] for name in ("neither", "clip-0.2", "fixed-10")}
    assert first["fixed-10"] < first["clip-0.2"] < first["neither"]


def test_ratios_leave_the_range_all_the_same():
    shares = (run("clip-0.2")[name] for name in ("outside", "clip_fraction"))
    assert all(out > flat > 0 for out, flat in zip(*shares, strict=True))


def test_every_row_of_the_papers_table_has_a_run():
    later = {f"adaptive-{target}" for target in ppo_grid.LATER_TARGETS}
    others = {"neither-reference-0.001", *ppo_grid.OVER_ALL}
    assert set(ppo_grid.PAPER) | later == set(ppo_grid.GRID) - others
    assert not later & set(ppo_grid.PAPER)
    penalised = {name for name in ppo_grid.GRID if name.startswith(("fixed", "adaptive"))} - others
    assert set(ppo_grid.OVER_ALL) == {f"{name}-over-all" for name in penalised}


def test_the_hypothesis_on_clip_and_adaptive_rule_is_about_the_papers_targets():
    """A target that was added later does not take the place of the best of the paper's."""
    gold = {"clip-0.2": 0.5, "adaptive-0.01": 0.3, "adaptive-0.3": 0.6}
    runs = {
        f"ppo-grid-{name}": [
            Run(
                name=name,
                seed=seed,
                settings={},
                metrics={"end_gold": [gold.get(name, 0.2) + 0.001 * seed], "outside": [0.5]},
                seconds=1.0,
                commit="",
                date="",
                versions={},
                hardware={},
            )
            for seed in range(3)
        ]
        for name in ppo_grid.GRID
    }
    sentence = ppo_grid.verdict(runs).sentence
    assert "gold, clip-0.2 less adaptive-0.01" in sentence
    assert "gold, adaptive-0.3 less adaptive-0.01" in sentence


def test_the_penalty_over_all_tokens_is_the_kl_from_the_policy_before_the_step():
    """Of a pass over given responses; its gradient is that of the exact KL."""
    policy = trainable_copy(review_model())
    watched = Watched(policy)
    responses = pad(prompts(4, seed=0), [[5, 6, 7], [8], [9, 10], [4, 4, 4]], pad_token=END)
    watched.before(lambda responses: None)(responses)
    before = frozen_copy(review_model())
    with torch.no_grad():
        policy.lm_head.weight.mul_(1.5)
    logprobs = response_logprobs(policy, responses)
    region = PenalisedOverAll(first_penalty=2.0, target_kl=None, watched=watched)
    nothing = torch.zeros(responses.mask.shape)
    found = region.loss(logprobs, logprobs.detach(), nothing, responses.mask, 2.0)
    kl = exact_kl(response_logits(before, responses), response_logits(policy, responses))
    expected = 2 * masked_mean(kl, responses.mask)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    assert expected.item() > 0.01
    slopes = [torch.autograd.grad(x, policy.lm_head.weight)[0] for x in (found, expected)]
    assert torch.allclose(*slopes, atol=1e-6)
