"""Where must RL begin: at random weights, after pretraining, or after fine-tuning too? (FR-5)

Hypothesis: with the same 20 steps of PPO the pretrained model ends at a gold reward above 0.6; the
random one does not write one text in a hundred without a flaw; fine-tuning on praise first starts
higher and ends within 0.1 of the pretrained. Refuted if the random start writes flawless texts, or
if what fine-tuning gained at the start is still there at the end.
"""

from functools import partial

import torch
from torch import nn

from rlhf_lab.experiments.dpo_reviews import MAX_TOKENS, flawless_share, rollout
from rlhf_lab.experiments.on_the_way import measured_along
from rlhf_lab.experiments.verdicts import (
    Recorded,
    Verdict,
    above,
    below,
    differences,
    ends,
    together,
    within,
)
from rlhf_lab.models import tiny_gpt2
from rlhf_lab.responses import Responses
from rlhf_lab.train.loop import History, history
from rlhf_lab.train.ppo import PPOConfig, train_ppo
from rlhf_lab.train.review_model import ARCHITECTURE, review_model
from rlhf_lab.train.sft import SFTConfig, train_sft
from rlhf_lab.worlds.reviews import END, VOCABULARY, gold_rewards, prompts, training_texts

VARIANTS = {
    "first-policy-random": {"first": "random"},
    "first-policy-pretrained": {"first": "pretrained"},
    "first-policy-fine-tuned": {"first": "fine-tuned"},
}
EVALUATED = 256  # responses at each evaluation


def random_model(seed: int) -> nn.Module:
    """The same network before any training."""
    return tiny_gpt2(len(VOCABULARY), **ARCHITECTURE | {"seed": seed})


def fine_tuned(seed: int) -> nn.Module:
    """The pretrained model after supervised fine-tuning on demonstrations: texts that praise."""
    model = review_model()
    config = SFTConfig(steps=40, learning_rate=1e-3, warmup_steps=5, seed=seed)
    history(train_sft(model, praise(2000, seed=seed), config))
    return model


STARTS = {
    "random": random_model,
    "pretrained": lambda seed: review_model(),
    "fine-tuned": fine_tuned,
}


def praise(count: int, *, seed: int) -> Responses:
    """Those of `count` texts of the grammar whose gold score is above 0.6."""
    shown = training_texts(count, seed=2000 + seed)
    return shown[(gold_rewards(shown) > 0.6).nonzero().flatten()]


def run(
    seed: int, *, first: str, steps: int = 20, every: int = 10, batch_size: int = 64
) -> History:
    """PPO on the gold reward; measured before the first update and after each `every` steps."""
    policy = STARTS[first](seed)
    config = PPOConfig(
        steps=steps,
        max_tokens=MAX_TOKENS,
        end_token=END,
        batch_size=batch_size,
        minibatch_size=batch_size,
        epochs=2,
        beta=0.05,
        learning_rate=3e-3,
        critic_learning_rate=3e-3,
        seed=seed,
    )
    training = train_ppo(policy, gold_rewards, prompts(512, seed=1000 + seed), config)
    return history(measured_along(training, partial(evaluated, policy, seed=seed), every=every))


@torch.no_grad()
def evaluated(policy: nn.Module, *, seed: int) -> dict[str, float]:
    """Gold reward, share of flawless texts and tokens of fresh responses."""
    generator = torch.Generator().manual_seed(seed)
    responses = rollout(policy, EVALUATED, seed=10_000 + seed, generator=generator).responses
    return {
        "gold": gold_rewards(responses).mean().item(),
        "flawless": flawless_share(responses),
        "tokens": responses.mask.sum(dim=1).double().mean().item(),
    }


def verdict(runs: Recorded) -> Verdict:
    """Before PPO and after all its steps."""
    random, pretrained, tuned = (runs[name] for name in VARIANTS)
    return together(
        above("gold after PPO, pretrained", ends(pretrained, "gold"), 0.6),
        below("share of flawless texts after PPO, random", ends(random, "flawless"), 0.01),
        above(
            "gold before PPO, fine-tuned less pretrained",
            differences(tuned, pretrained, "gold", at=0),
        ),
        within(
            "gold after PPO, fine-tuned less pretrained",
            differences(tuned, pretrained, "gold"),
            -0.1,
            0.1,
        ),
    )
