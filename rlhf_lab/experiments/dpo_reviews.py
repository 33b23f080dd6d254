"""What does DPO do to a model of film reviews, at three strengths β? (DPO-1, DPO-11, DPO-14)

Hypothesis: DPO raises the gold reward; at equal steps a smaller β leaves the reference further;
the log-prob of chosen responses rises and that of rejected ones falls. Refuted if gold does not
rise, if the KL does not fall with β, or, for the last part, if the chosen log-prob falls too.
"""

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
from rlhf_lab.kl import k1
from rlhf_lab.logprobs import response_logprobs, sequence_logprobs
from rlhf_lab.masked import sum_over_tokens
from rlhf_lab.models import frozen_copy, trainable_copy
from rlhf_lab.preferences import preference_accuracy
from rlhf_lab.responses import Preferences, Responses, Rollout, pad
from rlhf_lab.sampling import sample
from rlhf_lab.train.dpo import DPOConfig, train_dpo
from rlhf_lab.train.loop import History, history
from rlhf_lab.train.review_model import review_model
from rlhf_lab.worlds.review_score import flaws
from rlhf_lab.worlds.reviews import END, gold_rewards, label_pairs, prompts, texts

VARIANTS = {
    "dpo-reviews-beta-0.1": {"beta": 0.1},
    "dpo-reviews-beta-0.3": {"beta": 0.3},
    "dpo-reviews-beta-1.0": {"beta": 1.0},
}
MAX_TOKENS = 40
TEMPERATURE = 0.25  # of the labels: Bradley-Terry's reward is gold divided by it
EVALUATED = 512  # rollouts and held-out pairs at each evaluation


def run(
    seed: int, *, beta: float = 0.3, pairs: int = 8000, steps: int = 250, every: int = 25
) -> History:
    """One run with Adam at 3e-4; measured before the first update and after each `every`."""
    reference = frozen_copy(review_model())
    data = preference_pairs(reference, pairs + EVALUATED, seed=seed)
    train, held_out = data[: -EVALUATED or None], data[-EVALUATED:]
    policy = trainable_copy(reference)
    config = DPOConfig(
        steps=steps,
        beta=beta,
        learning_rate=3e-4,
        warmup_steps=20,
        optimizer=torch.optim.Adam,
        seed=seed,
    )

    def measured():
        yield {"updates": 0} | evaluated(policy, reference, held_out, seed=seed)
        for metrics in train_dpo(policy, reference, train, config):
            updates = metrics["step"] + 1
            if updates % every == 0:
                yield {"updates": updates} | evaluated(policy, reference, held_out, seed=seed)

    return history(measured(), steps=steps // every + 1)


def preference_pairs(model: nn.Module, count: int, *, seed: int) -> Preferences:
    """Two responses of `model` to each of `count` prompts, labelled from gold at `TEMPERATURE`.

    Of the labels of pairs that differ in gold about 85 % agree with it.
    """
    generator = torch.Generator().manual_seed(seed)
    first, second = (rollout(model, count, seed=seed, generator=generator) for _ in range(2))
    return label_pairs(
        first.responses, second.responses, temperature=TEMPERATURE, generator=generator
    )


def rollout(model: nn.Module, count: int, *, seed: int, generator: torch.Generator) -> Rollout:
    """Responses to the `count` openings that `seed` gives."""
    openings = pad(prompts(count, seed=seed), [[END]] * count)
    return sample(
        model,
        openings.prompts,
        openings.prompt_mask,
        max_tokens=MAX_TOKENS,
        end_token=END,
        generator=generator,
    )


@torch.no_grad()
def evaluated(
    policy: nn.Module, reference: nn.Module, held_out: Preferences, *, seed: int
) -> dict[str, float]:
    """Gold reward, KL to the reference (k1, nats a response) and fluency of fresh responses;
    gains in log-prob over the reference, and accuracy, on held-out pairs."""
    generator = torch.Generator().manual_seed(seed)
    drawn = rollout(policy, EVALUATED, seed=10_000 + seed, generator=generator)
    responses = drawn.responses
    log_ratio = k1(drawn.logprobs, response_logprobs(reference, responses))
    chosen, rejected = (
        sequence_logprobs(policy, side) - sequence_logprobs(reference, side)
        for side in (held_out.chosen, held_out.rejected)
    )
    return {
        "gold": gold_rewards(responses).mean().item(),
        "kl": sum_over_tokens(log_ratio, responses.mask).mean().item(),
        "flawless": flawless_share(responses),
        "tokens": responses.mask.sum(dim=1).double().mean().item(),
        "chosen_gain": chosen.mean().item(),
        "rejected_gain": rejected.mean().item(),
        "accuracy": preference_accuracy(chosen, rejected).item(),
    }


def flawless_share(responses: Responses) -> float:
    """The share of texts that are grammatical, finished, and name no aspect twice."""
    ended = ((responses.tokens == END) & responses.mask).any(dim=1).tolist()
    marks = [
        flaws(t, finished=e).penalty == 0 for t, e in zip(texts(responses), ended, strict=True)
    ]
    return sum(marks) / len(marks)


def verdict(runs: Recorded) -> Verdict:
    """After the last update."""
    weak, middle, strong = (runs[name] for name in VARIANTS)
    each = [(name.removeprefix("dpo-reviews-"), runs[name]) for name in VARIANTS]
    return together(
        *(above(f"{name}: rise of gold", rises(found, "gold")) for name, found in each),
        above("KL, β = 0.1 less 0.3", differences(weak, middle, "kl")),
        above("KL, β = 0.3 less 1", differences(middle, strong, "kl")),
        *(above(f"{name}: chosen log-prob gains", ends(f, "chosen_gain")) for name, f in each),
        *(below(f"{name}: rejected log-prob gains", ends(f, "rejected_gain")) for name, f in each),
    )
