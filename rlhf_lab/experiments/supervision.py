"""What do outcome and process supervision teach a model of sums? (GRPO-5, GRPO-6, GRPO-8)

Hypotheses. Both raise the share of right answers. Of the right answers at the end, process
supervision leaves at most 0.10 with an invalid step and outcome supervision at least 0.25, since
the answer alone does not show a slip of the pen. Process supervision has more right answers at
equal steps on the way. Each is refuted where the intervals over seeds say otherwise.
"""

from collections.abc import Iterator

import torch
from torch import nn

from rlhf_lab.experiments.verdicts import (
    Recorded,
    Verdict,
    above,
    below,
    differences,
    ends,
    rises,
    together,
)
from rlhf_lab.masked import sum_over_tokens
from rlhf_lab.models import frozen_copy, trainable_copy
from rlhf_lab.responses import Responses, pad
from rlhf_lab.sampling import sample
from rlhf_lab.train.grpo import GRPOConfig, train_grpo, train_grpo_on_steps
from rlhf_lab.train.loop import History, Metrics, history
from rlhf_lab.train.sums_model import sums_model
from rlhf_lab.worlds import sums

VARIANTS = {
    "sums-outcome": {"supervised": "outcome"},
    "sums-process": {"supervised": "process"},
}
EVALUATED = 256  # problems, drawn anew; a fifth are also among the questions of the run
SETTINGS = {"max_tokens": sums.LONGEST_RESPONSE, "end_token": sums.END, "minibatch_size": 64}


def run(seed: int, *, supervised: str, steps: int = 20, every: int = 5) -> History:
    """One run; measured before the first update and after each `every` steps."""
    policy = trainable_copy(sums_model())
    training = trained(policy, seed, supervised=supervised, steps=steps)

    def measured():
        yield {"steps": 0, "kl": 0.0} | evaluated(policy, seed=seed)
        for metrics in training:
            if (metrics["step"] + 1) % every == 0:
                now = {"steps": metrics["step"] + 1, "kl": metrics["kl"]}
                yield now | evaluated(policy, seed=seed)

    return history(measured())


def trained(policy: nn.Module, seed: int, *, supervised: str, steps: int = 20) -> Iterator[Metrics]:
    """GRPO in 8 groups of 8 responses, with a reward for the answer or one for each step."""
    config = GRPOConfig(steps=steps, learning_rate=1e-3, beta=0.04, seed=seed, **SETTINGS)
    questions = sums.problems(2048, seed=1000 + seed)
    reference = frozen_copy(policy)
    if supervised == "process":
        judge = sums.process_rewards
        return train_grpo_on_steps(policy, judge, questions, config, reference=reference)
    return train_grpo(policy, sums.outcome_rewards, questions, config, reference=reference)


def evaluated(policy: nn.Module, *, seed: int) -> dict[str, float]:
    """Shares of fresh responses to problems drawn anew.

    right: the answer; flawless: the answer and every step; invalid: of the right ones, those with
    a wrong step. Raises ValueError where none is right.
    """
    responses = answers(policy, sums.problems(EVALUATED, seed=10_000 + seed), seed=seed)
    right, flawless = sums.outcome_rewards(responses), sums.flawless(responses).float()
    if not right.any():
        raise ValueError(
            f"none of {len(right)} answers is right, so that no share of the right ones is invalid:"
            " start from a model that can add"
        )
    return {
        "right": right.mean().item(),
        "flawless": flawless.mean().item(),
        "invalid": (1 - flawless.sum() / right.sum()).item(),
        "tokens": sum_over_tokens(responses.mask.float(), responses.mask).mean().item(),
    }


def answers(policy: nn.Module, questions: list[list[int]], *, seed: int) -> Responses:
    """One response of the policy to each question."""
    batch = pad(questions, [[sums.END]] * len(questions))
    return sample(
        policy,
        batch.prompts,
        batch.prompt_mask,
        max_tokens=sums.LONGEST_RESPONSE,
        end_token=sums.END,
        generator=torch.Generator().manual_seed(seed),
    ).responses


def verdict(runs: Recorded) -> Verdict:
    """At the end, and after half of the steps."""
    outcome, process = runs["sums-outcome"], runs["sums-process"]
    halfway = len(outcome[0].metrics["steps"]) // 2
    return together(
        above("rise of right answers, outcome", rises(outcome, "right")),
        above("rise of right answers, process", rises(process, "right")),
        below("right answers with an invalid step, process", ends(process, "invalid"), 0.10),
        above("the same, outcome", ends(outcome, "invalid"), 0.25),
        above(
            "right answers half-way, process less outcome",
            differences(process, outcome, "right", halfway),
        ),
    )
