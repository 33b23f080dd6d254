"""One seed of each recorded experiment is run again and compared with its record.

Long runs stop after their first rows, with the settings of the whole run, so that these rows are
the record's. Numbers of the exact world are compared as they are. Those of reviews and sums begin
at a base model, which each machine trains for itself: where its weights are those that the records
were made with, the first row must agree to 1e-4 and later ones to a tenth; where they differ, each
number must lie near those of the recorded seeds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice

import numpy as np
import pytest
from torch import nn

from rlhf_lab.experiment_tables import name_of
from rlhf_lab.experiments import catalogue
from rlhf_lab.runs import Run, runs_of
from rlhf_lab.train.loop import history
from rlhf_lab.train.review_model import review_model
from rlhf_lab.train.sums_model import sums_model

# Σ |weights| of the base models that the records were made with
BASES: dict[Callable[[], nn.Module], float] = {review_model: 5174.96606, sums_model: 12301.31779}


@dataclass(frozen=True)
class Case:
    """What is run again: the shortest variant, its first rows, and what changes no number of it."""

    variant: str
    rows: int | None = None
    """None: to the end"""
    cut: str = ""
    """the module whose `history` stops after these rows, where it is not the experiment itself"""
    settings: dict = field(default_factory=dict)
    only: str = ""
    """a metric's name begins so; with `settings`, those that these leave alone"""
    base: Callable[[], nn.Module] | None = None


CASES = {
    "delayed_reward": Case("delayed-reward-gamma-1"),
    "imitation": Case("imitation-slips"),
    "mixed_demonstrations": Case("mixed-demonstrations"),
    "penalty_at_old": Case("penalty-at-old-penalty-1-16", 3, "exact_ppo"),
    "method_cost": Case("method-cost-64"),
    "first_policy": Case("first-policy-pretrained", 2, base=review_model),
    "feedback_to_policy": Case("feedback-to-policy-word-counts", 2, base=review_model),
    "label_kinds": Case("label-kinds-ranking-of-8"),
    "disagreement": Case("disagreement-0"),
    "biased_labeller": Case("biased-labeller-people"),
    "biased_reviews": Case("biased-reviews-people", 2, base=review_model),
    "intransitive": Case("intransitive-strong"),
    "reward_reviews": Case("reward-reviews-500", base=review_model),
    "shuffled_pairs": Case("shuffled-pairs-together", 2, base=review_model),
    "reward_cost": Case("reward-cost-64"),
    "reward_overfitting": Case("reward-overfitting-implicit-300"),
    "edited_reward": Case("edited-reward-bias-1"),
    "preference_models": Case("preference-models-ladder-turned-0.4"),
    "token_rewards": Case("token-rewards-token-noise-1.0"),
    "negative_feedback": Case("negative-feedback-same-model"),
    "policy_reviews": Case("ppo-ptx-reviews", 2, base=review_model),
    "three_stages": Case("three-stages", 1, "review_task", base=review_model),
    # Both on one task, whose reward model is fitted once. DPO is trained here.
    "overoptimisation": Case("overoptimisation-2000", 2, "review_task", base=review_model),
    "frontier": Case("frontier-reviews", 2, "review_task", base=review_model),
    "alignment_tax": Case("alignment-tax-beta-0.8", base=review_model),
    "gradient_estimates": Case("gradient-leave-one-out", 1),
    "many_epochs": Case("many-epochs-clipped-16", 3, "exact_ppo"),
    "ppo_grid": Case("ppo-grid-clip-0.2", 4, base=review_model),
    "kl_coefficients": Case("kl-coefficients-fixed-1-scale-1", 2, "exact_ppo"),
    "adaptive_starts": Case("adaptive-starts-1", 4, "exact_ppo"),
    "printed_clip": Case("clip-printed-scale-8.0", 4, "exact_ppo"),
    # To write its 8,000 pairs takes half a minute; DPO is run again in the two above.
    "dpo_reviews": Case(
        "dpo-reviews-beta-0.3",
        1,
        settings={"pairs": 64},
        only="gold",
        base=review_model,
    ),
    "reference_samples": Case("samples-of-the-old-policy", 2, base=review_model),
    "supervision": Case("sums-process", 2, base=sums_model),
    "fixed_points": Case("fixed-points-ppo", 2),
    "fixed_point_gpt2": Case("fixed-point-ppo-gpt2", 1),
    "length_bias": Case("length-bias-own-length", 2),
    "critic": Case(
        "critic-of-reviews",
        2,
        settings={"batches": 2, "openings": 2},
        only="explained",
        base=review_model,
    ),
}


def test_each_experiment_is_run_again():
    listed = [name_of(module) for topic in catalogue.TOPICS.values() for module in topic]
    assert sorted(CASES) == sorted(listed)


@pytest.mark.rerun
@pytest.mark.parametrize("name", CASES)
def test_a_recorded_seed_comes_out_again(name: str, monkeypatch):
    case = CASES[name]
    recorded = {run.seed: run for run in runs_of(case.variant)}
    if not recorded:
        pytest.skip(f"{case.variant} is not recorded")
    module = import_module(f"rlhf_lab.experiments.{name}")
    if case.rows is not None:
        cut = import_module(f"rlhf_lab.experiments.{case.cut or name}")
        monkeypatch.setattr(cut, "history", lambda rows, **_: history(islice(rows, case.rows)))
    metrics = module.run(0, **module.VARIANTS[case.variant] | case.settings)
    compared = [m for m in metrics if m.startswith(case.only) and "seconds" not in m]
    assert compared
    for metric in compared:
        compare(metric, metrics[metric], recorded, case)


def compare(metric: str, found: list[float], recorded: dict[int, Run], case: Case) -> None:
    """Rows of a metric against the same rows of the record."""
    rows, whole = len(found), len(recorded[0].metrics[metric])
    assert rows == whole if case.rows is None else 0 < rows <= case.rows, metric
    before = np.array(recorded[0].metrics[metric][:rows])
    if case.base is None or same_weights(case.base):
        np.testing.assert_allclose(found[0], before[0], rtol=1e-4, atol=1e-4, err_msg=metric)
        np.testing.assert_allclose(found, before, rtol=0.1, atol=0.05, err_msg=metric)
        return
    among = np.array([run.metrics[metric][:rows] for run in recorded.values()])
    allowed = 5 * among.std(axis=0, ddof=1) + 0.2 * np.abs(among.mean(axis=0)) + 0.1
    assert (np.abs(found - among.mean(axis=0)) <= allowed).all(), (metric, found, among)


def same_weights(base: Callable[[], nn.Module]) -> bool:
    """Whether the base model of this machine is the one that the records were made with."""
    total = sum(weight.detach().abs().sum().item() for weight in base().parameters())
    return abs(total / BASES[base] - 1) < 1e-6
