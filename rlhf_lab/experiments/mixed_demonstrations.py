"""People disagree in what they demonstrate: what do SFT and preferences make of it? (FR-6)

Hypothesis: a model fine-tuned on all demonstrations praises as much as they do on average;
fine-tuned on the preferred one of each pair, as much as those do, and no more; DPO on the same
pairs, with the same labels, passes both averages. Refuted if a fine-tuned model is further than
0.1 from its average, or if DPO does not pass that of the preferred. `opinion` is the gold reward
without its penalties for flaws: a small model errs a little, its demonstrations never.
"""

from collections import defaultdict
from math import tanh
from statistics import mean

import torch
from torch import nn

from rlhf_lab.experiments.dpo_reviews import MAX_TOKENS, flawless_share
from rlhf_lab.models import frozen_copy, trainable_copy
from rlhf_lab.responses import Preferences, Responses, pad
from rlhf_lab.sampling import sample
from rlhf_lab.train.dpo import DPOConfig, train_dpo
from rlhf_lab.train.loop import History, history
from rlhf_lab.train.review_model import review_model
from rlhf_lab.train.sft import SFTConfig, train_sft
from rlhf_lab.worlds.review_grammar import write_review
from rlhf_lab.worlds.review_words import valence
from rlhf_lab.worlds.reviews import BEGIN, END, encode, gold_rewards, label_pairs, texts

VARIANTS = {"mixed-demonstrations": {}}
OPENING = 2  # words of a prompt


def run(seed: int, *, pairs: int = 2000, steps: int = 100) -> History:
    """Three means of the data, of two fine-tuned models, and of the first of them after DPO."""
    generator = torch.Generator().manual_seed(seed)
    shown, other = demonstrations(pairs, generator)
    data = label_pairs(shown, other, temperature=0.25, generator=generator)
    every, preferred = (fine_tuned(side, steps=steps, seed=seed) for side in (shown, data.chosen))
    beyond = after_dpo(every, data, steps=steps, seed=seed)
    written = {
        "demonstrations": shown,
        "preferred": data.chosen,
        "sft_on_all": answers(every, shown, seed=seed),
        "sft_on_preferred": answers(preferred, shown, seed=seed),
        "dpo": answers(beyond, shown, seed=seed),
    }
    table: History = {}
    for name, responses in written.items():
        table[f"{name}_opinion"] = [opinion(responses)]
        table[f"{name}_gold"] = [gold_rewards(responses).mean().item()]
        table[f"{name}_flawless"] = [flawless_share(responses)]
    return table


def opinion(responses: Responses) -> float:
    """mean tanh(valence / 3): above 0 praises, below 0 blames; flaws cost nothing."""
    return mean(tanh(valence(text.split()) / 3) for text in texts(responses))


def demonstrations(count: int, generator: torch.Generator) -> tuple[Responses, Responses]:
    """Two reviews by different people to each of `count` openings, as the grammar writes them.

    Reviews are written until `count` times two of them begin with the same two words.
    """
    waiting: dict[tuple[int, ...], list[list[int]]] = defaultdict(list)
    openings, first, second = [], [], []
    while len(openings) < count:
        words = encode(write_review(generator))
        opening, rest = tuple(words[:OPENING]), [*words[OPENING:], END]
        if not waiting[opening]:
            waiting[opening].append(rest)
            continue
        openings.append([BEGIN, *opening])
        first.append(waiting[opening].pop())
        second.append(rest)
    return pad(openings, first), pad(openings, second)


def fine_tuned(shown: Responses, *, steps: int, seed: int) -> nn.Module:
    """The pretrained model after supervised fine-tuning on the demonstrations."""
    model = review_model()
    config = SFTConfig(steps=steps, learning_rate=1e-3, warmup_steps=10, seed=seed)
    history(train_sft(model, shown, config))
    return model


def after_dpo(start: nn.Module, data: Preferences, *, steps: int, seed: int) -> nn.Module:
    """DPO on the pairs, from the model that was fine-tuned on all demonstrations."""
    policy = trainable_copy(start)
    config = DPOConfig(
        steps=steps,
        beta=0.3,
        learning_rate=3e-4,
        warmup_steps=20,
        optimizer=torch.optim.Adam,
        seed=seed,
    )
    history(train_dpo(policy, frozen_copy(start), data, config))
    return policy


def answers(model: nn.Module, shown: Responses, *, seed: int, count: int = 512) -> Responses:
    """What a model answers to the first `count` openings of the demonstrations."""
    return sample(
        model,
        shown.prompts[:count],
        shown.prompt_mask[:count],
        max_tokens=MAX_TOKENS,
        end_token=END,
        generator=torch.Generator().manual_seed(seed),
    ).responses
