"""What GPT-2-small is trained on: film reviews of IMDb from a hub, or the embedded worlds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from rlhf_lab.gpt2 import GPT2
from rlhf_lab.gpt2_base import base_model
from rlhf_lab.responses import Responses, pad
from rlhf_lab.train.scores import Reward, StepReward
from rlhf_lab.worlds import imdb, reviews, sums

PROMPTS = 4096


@dataclass(frozen=True)
class Task:
    """A model, and all that the algorithms need to train it."""

    name: str
    policy: nn.Module
    texts: Responses
    """for supervised training, and for the pretraining term of PPO-ptx"""
    prompts: list[list[int]]
    reward: Reward
    label_temperature: float
    """of simulated comparisons: P(first is chosen) = σ(difference of rewards / temperature)"""
    max_tokens: int
    end_token: int | None
    written: Callable[[Responses], list[str]]
    """prompt and response of each row as one text"""
    step_reward: StepReward | None = None


def in_world(vocabulary: Sequence[str], instead: int) -> Callable[[Responses], Responses]:
    """Responses on the processor with `instead` for every token that is no word of the world.

    GPT-2 has 50,257 and may write any of them; `instead` is a word that is wrong at every place.
    """

    def known(responses: Responses) -> Responses:
        here = responses.to("cpu")
        tokens = torch.where(here.tokens < len(vocabulary), here.tokens, instead)
        return Responses(here.prompts, here.prompt_mask, tokens, here.mask)

    return known


def reviews_task(device: torch.device, *, base_steps: int) -> Task:
    """Film reviews of the embedded world; the reward is their gold score."""
    known = in_world(reviews.VOCABULARY, reviews.BEGIN)
    return Task(
        name="reviews",
        policy=base_model("reviews", reviews.training_texts, device, steps=base_steps),
        texts=reviews.training_texts(PROMPTS, seed=1).to(device),
        prompts=reviews.prompts(PROMPTS, seed=1),
        reward=lambda responses: reviews.gold_rewards(known(responses)),
        label_temperature=0.25,
        max_tokens=40,
        end_token=reviews.END,
        written=lambda responses: reviews.texts(known(responses)),
    )


def sums_task(device: torch.device, *, base_steps: int) -> Task:
    """Sums with written steps, each of which is judged; the reward is a right answer."""
    known = in_world(sums.VOCABULARY, sums.IDS["q"])
    return Task(
        name="sums",
        policy=base_model("sums", sums.demonstrations, device, steps=base_steps),
        texts=sums.demonstrations(PROMPTS, seed=1).to(device),
        prompts=sums.problems(PROMPTS, seed=1),
        reward=lambda responses: sums.outcome_rewards(known(responses)),
        label_temperature=0.25,
        max_tokens=sums.LONGEST_RESPONSE,
        end_token=sums.END,
        written=lambda responses: spelled(known(responses), sums.decode),
        step_reward=lambda responses: sums.process_rewards(known(responses)),
    )


def imdb_task(device: torch.device, *, max_tokens: int = 48) -> Task:
    """Openings of real reviews, and a judge of their sentiment. ConnectionError without a hub."""
    policy, tokenizer = imdb.load_policy()
    judge = imdb.load_judge()
    judge.model.to(device)
    texts = imdb.load_texts(split="train")
    ids = [tokenizer(text)["input_ids"][: imdb.MOST + max_tokens] for text in texts[:PROMPTS]]
    ids = [row for row in ids if len(row) > imdb.MOST]
    return Task(
        name="imdb",
        policy=GPT2(policy).to(device),
        texts=pad([row[: imdb.MOST] for row in ids], [row[imdb.MOST :] for row in ids]).to(device),
        prompts=imdb.openings(texts, tokenizer, count=PROMPTS, seed=1),
        reward=imdb.sentiment_reward(judge, tokenizer),
        label_temperature=1.0,
        max_tokens=max_tokens,
        end_token=tokenizer.eos_token_id,
        written=lambda responses: spelled(responses, tokenizer.decode),
    )


def spelled(responses: Responses, decode: Callable[[list[int]], str]) -> list[str]:
    """decode(the real ids of prompt and response) of each row."""
    ids = torch.cat([responses.prompts, responses.tokens], dim=1)
    mask = torch.cat([responses.prompt_mask, responses.mask], dim=1)
    return [decode(row[real].tolist()) for row, real in zip(ids, mask, strict=True)]
