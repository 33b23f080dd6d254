"""What does GRPO's 1/|o_i| do to the lengths of right and wrong responses? (GRPO-7)

A table that writes: its first word is the answer, right (reward 1) or wrong (0); the words after it
say nothing, and the end may come at any time. Hypothesis: with the mean over each response's own
tokens right responses get shorter and wrong ones longer, since one advantage is shared by fewer or
by more tokens; with one divisor for all responses (Dr. GRPO) neither length moves, beyond noise.
Refuted where the lengths move alike under both.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_lab.advantages import centred_outcome_advantages
from rlhf_lab.experiments.verdicts import Recorded, Verdict, above, below, rises, together, within
from rlhf_lab.group_losses import dr_grpo_loss
from rlhf_lab.losses import grpo_loss
from rlhf_lab.models import TabularPolicy
from rlhf_lab.responses import Responses, pad
from rlhf_lab.sampling import sample
from rlhf_lab.train.grpo import GRPOConfig
from rlhf_lab.train.loop import History, history, update
from rlhf_lab.train.rollouts import scored

END, RIGHT = 0, 1  # the third word is a wrong answer when it comes first
LONGEST = 7
RATE = 1.5  # of plain gradient steps
SETTINGS = {"max_tokens": LONGEST, "end_token": END, "min_tokens": 2}
VARIANTS = {
    "length-bias-own-length": {"divisor": "own"},
    "length-bias-one-divisor": {"divisor": "one"},
}


def run(seed: int, *, divisor: str, steps: int = 40, every: int = 10) -> History:
    """Lengths of right and wrong responses, and the share of right ones, of 16,384 fresh ones."""
    policy = writer(seed)
    generator = torch.Generator().manual_seed(seed)
    config = GRPOConfig(
        steps=steps, prompts_per_step=64, group_size=8, minibatch_size=512, seed=seed, **SETTINGS
    )
    optimizer = torch.optim.SGD(policy.parameters(), lr=RATE)

    def measured():
        yield {"steps": 0} | evaluated(policy, generator)
        for step in range(steps):
            responses = answers(policy, 512, generator)
            rewards = right(responses).view(-1, config.group_size)
            advantages = centred_outcome_advantages(rewards).view(-1, 1)
            new = scored(policy, responses, config)
            loss = LOSSES[divisor](new, advantages.expand(new.shape), responses.mask)
            update(optimizer, loss, step=step, learning_rate=RATE, max_grad_norm=1e9)
            if (step + 1) % every == 0:
                yield {"steps": step + 1} | evaluated(policy, generator)

    return history(measured())


def own_length(logprobs: Tensor, advantages: Tensor, mask: Tensor) -> Float[Tensor, ""]:
    """GRPO's loss at its own samples, without a KL."""
    old = logprobs.detach()
    return grpo_loss(logprobs, old, old, advantages, mask, epsilon=0.2, beta=0.0)


def one_divisor(logprobs: Tensor, advantages: Tensor, mask: Tensor) -> Float[Tensor, ""]:
    """Dr. GRPO's loss at its own samples; divided by 3, a usual length, so that steps compare."""
    old = logprobs.detach()
    return dr_grpo_loss(logprobs, old, advantages, mask, epsilon=0.2, longest=3)


LOSSES = {"own": own_length, "one": one_divisor}


def writer(seed: int) -> nn.Module:
    """A table with random preferences that ends a response after each word with a chance near ¼."""
    policy = TabularPolicy(3, LONGEST).double()
    with torch.no_grad():
        policy.table.normal_(std=0.3, generator=torch.Generator().manual_seed(seed))
        policy.table[:, END] -= 0.4
    return policy


def answers(policy: nn.Module, count: int, generator: torch.Generator) -> Responses:
    """Responses to the one prompt that there is."""
    asked = pad([[0]] * count, [[0]] * count)
    return sample(
        policy, asked.prompts, asked.prompt_mask, generator=generator, **SETTINGS
    ).responses


def right(responses: Responses) -> Float[Tensor, "batch"]:
    """1 where the first word is the right answer, else 0: the reward."""
    return (responses.tokens[:, 0] == RIGHT).double()


def evaluated(policy: nn.Module, generator: torch.Generator) -> dict[str, float]:
    """The share of right responses, and the mean length of right and of wrong ones."""
    responses = answers(policy, 16_384, generator)
    is_right, lengths = right(responses).bool(), responses.mask.sum(dim=1).double()
    return {
        "right": is_right.double().mean().item(),
        "length_of_right": lengths[is_right].mean().item(),
        "length_of_wrong": lengths[~is_right].mean().item(),
    }


def verdict(runs: Recorded) -> Verdict:
    """Changes from before training to its end; a tenth of a token is noise."""
    own, one = runs["length-bias-own-length"], runs["length-bias-one-divisor"]
    return together(
        below("own length: change of right responses, tokens", rises(own, "length_of_right")),
        above("own length: change of wrong ones", rises(own, "length_of_wrong")),
        within("one divisor: change of right ones", rises(one, "length_of_right"), -0.1, 0.1),
        within("one divisor: change of wrong ones", rises(one, "length_of_wrong"), -0.1, 0.1),
    )
