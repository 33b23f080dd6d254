"""Real text: GPT-2, film reviews of IMDb and a judge of their sentiment, all from a hub.

The task of Rafailov et al. 2023, section 6 and of Ziegler et al. 2019: go on with the opening of a
review so that the whole is positive. Needs a network at first use, or local folders of the same
models, and for the data set the library `datasets`. Without a network use the review world.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedTokenizerBase,
)

from rlhf_lab.feedback.hub import hub_data, imdb_thumb
from rlhf_lab.responses import Responses

POLICY, JUDGE, DATA = "openai-community/gpt2", "lvwerra/distilbert-imdb", "stanfordnlp/imdb"
FEWEST, MOST = 2, 8  # tokens of an opening, as in the DPO paper's appendix C.1
POSITIVE, NEGATIVE = "POSITIVE", "NEGATIVE"

Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class Judge:
    """A classifier of sentiment: the reward of a text is log p(positive) - log p(negative)."""

    model: nn.Module
    tokenizer: PreTrainedTokenizerBase

    def __post_init__(self):
        labels = {name.upper() for name in self.model.config.label2id}
        if labels != {POSITIVE, NEGATIVE}:
            raise ValueError(f"a judge has labels {POSITIVE} and {NEGATIVE}, got {sorted(labels)}")

    @property
    def context(self) -> int:
        """The most tokens that it reads, those before and after a text included."""
        places = getattr(
            self.model.config, "max_position_embeddings", self.tokenizer.model_max_length
        )
        return min(places, self.tokenizer.model_max_length)

    @torch.no_grad()
    def scores(self, texts: Sequence[str]) -> Float[Tensor, "batch"]:
        """The positive logit minus the negative one, in nats.

        Raises ValueError for a text that is longer than the judge can read.
        """
        if isinstance(texts, str):
            raise ValueError(f"texts must be a list of texts, got one: {texts[:60]!r}")
        if not texts:
            return torch.empty(0, dtype=self.model.dtype, device=self.model.device)
        batch = self.tokenizer(list(texts), padding=True, return_tensors="pt")
        longest, most = batch["input_ids"].shape[1], self.context
        if longest > most:
            raise ValueError(
                f"the judge reads {most} tokens, got a text of {longest}; sample fewer tokens, or "
                "cut the texts"
            )
        logits = self.model(**batch.to(self.model.device)).logits
        column = {name.upper(): int(i) for name, i in self.model.config.label2id.items()}
        return logits[:, column[POSITIVE]] - logits[:, column[NEGATIVE]]


def load_policy(name: str = POLICY) -> tuple[nn.Module, PreTrainedTokenizerBase]:
    """A causal language model in float32, and its tokenizer. ConnectionError offline.

    It is in the mode of evaluation, without dropout, as the training loops and `sample` keep it. A
    loop of your own that calls `.train()` has the dropout of the model's configuration.
    """
    tokenizer = from_hub(AutoTokenizer.from_pretrained, name)
    model = from_hub(AutoModelForCausalLM.from_pretrained, name, dtype=torch.float32)
    return model.eval(), tokenizer


def load_judge(name: str = JUDGE) -> Judge:
    """The classifier that gives the reward. ConnectionError offline."""
    model = from_hub(AutoModelForSequenceClassification.from_pretrained, name)
    frozen = model.eval().requires_grad_(False)
    return Judge(frozen, from_hub(AutoTokenizer.from_pretrained, name))


def load_texts(name: str = DATA, *, split: str) -> list[str]:
    """The reviews of a split. ConnectionError offline, ImportError without `datasets`."""
    return [thumb.prompt + thumb.response for thumb in hub_data(name, imdb_thumb, split=split)]


def openings(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, count: int, seed: int
) -> list[list[int]]:
    """The first 2 to 8 tokens of `count` texts, drawn with replacement, as prompts.

    Raises ValueError where no text is given, or one is shorter than the longest opening.
    """
    if not texts or count < 1:
        raise ValueError(f"need one text and one opening at least, got {len(texts)} and {count}")
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(texts), (count,), generator=generator).tolist()
    lengths = torch.randint(FEWEST, MOST + 1, (count,), generator=generator).tolist()
    prompts = []
    for number, length in zip(chosen, lengths, strict=True):
        ids = tokenizer(texts[number])["input_ids"]
        if len(ids) < MOST:
            raise ValueError(f"text {number} has {len(ids)} tokens, an opening needs up to {MOST}")
        prompts.append(ids[:length])
    return prompts


def sentiment_reward(
    judge: Judge, tokenizer: PreTrainedTokenizerBase
) -> Callable[[Responses], Float[Tensor, "batch"]]:
    """The judge's score of prompt and response together, as the text that they spell."""

    def reward(responses: Responses) -> Float[Tensor, "batch"]:
        ids = torch.cat([responses.prompts, responses.tokens], dim=1)
        mask = torch.cat([responses.prompt_mask, responses.mask], dim=1)
        rows = [row[real].tolist() for row, real in zip(ids, mask, strict=True)]
        return judge.scores(tokenizer.batch_decode(rows, skip_special_tokens=True))

    return reward


def from_hub(load: Callable[..., Loaded], name: str, **settings: object) -> Loaded:
    """`load(name)`; where that fails, one line that says what to do."""
    try:
        return load(name, **settings)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"cannot load {name}: it is in no cache and no hub answers; connect to a network, name "
            "a local folder of the model, or use the review world (rlhf_lab.worlds.reviews)"
        ) from error
