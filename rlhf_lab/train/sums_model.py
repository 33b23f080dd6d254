"""The base model of the sums world: a small GPT-2 that adds with slips, trained at first use.

Demonstrations alone teach it too little: where almost half of the written sums are wrong, the table
of addition is not found. So it learns from right solutions first, down to problems of two digits,
and then from demonstrations alone.
"""

import random
from dataclasses import asdict
from importlib.metadata import version
from itertools import islice

from torch import nn

from rlhf_lab.models import tiny_gpt2
from rlhf_lab.responses import Responses, pad
from rlhf_lab.train.loop import history
from rlhf_lab.train.sft import SFTConfig, train_sft
from rlhf_lab.weights import cached_weights, hash_of_sources
from rlhf_lab.worlds.sum_steps import DIGITS, MOST, question, solution
from rlhf_lab.worlds.sums import END, VOCABULARY, demonstrations, encode

ARCHITECTURE = {"layers": 2, "width": 96, "heads": 3, "context": 48, "seed": 0}
FIRST = SFTConfig(steps=3000, batch_size=16, learning_rate=2e-3, warmup_steps=50)
FIRST_STEPS = 1200  # of the schedule above: its rate is still high when demonstrations begin
THEN = SFTConfig(steps=2400, batch_size=16, learning_rate=2e-3, warmup_steps=20)
TEXTS = {"count": 40_000, "seed": 0}
FEWEST = 2  # digits of the first texts: a problem of two is a line of the table of addition
SOURCES = (
    *("token_rows.py", "responses.py", "masked.py", "logprobs.py", "losses.py", "models.py"),
    *(f"train/{part}.py" for part in ("gradient_steps", "loop", "micro_batches", "sft")),
    *("train/sums_model.py", "worlds/sum_steps.py", "worlds/sums.py"),
)


def sums_model() -> nn.Module:
    """A GPT-2 of 0.2 million parameters that adds as people do; about a minute on first use.

    Then cached: every call returns a new model whose weights learn. To train it anew, delete the
    file in `rlhf_lab.weights.cache_folder()`.
    """
    return cached_weights(_untrained, _pretrain, name="sums-model", made_by=_recipe())


def solutions(count: int, *, seed: int) -> Responses:
    """`count` questions of two to five digits, each with its solution."""
    generator = random.Random(seed)
    rows = [
        [generator.randrange(DIGITS) for _ in range(generator.randint(FEWEST, MOST))]
        for _ in range(count)
    ]
    answers = [[*encode(solution(digits)), END] for digits in rows]
    return pad([encode(question(digits)) for digits in rows], answers)


def _untrained() -> nn.Module:
    return tiny_gpt2(len(VOCABULARY), **ARCHITECTURE)


def _pretrain(model: nn.Module) -> None:
    first = train_sft(model, solutions(**TEXTS), FIRST)
    history(islice(first, FIRST_STEPS), steps=FIRST_STEPS)
    history(train_sft(model, demonstrations(**TEXTS), THEN), steps=THEN.steps)


def _recipe() -> dict:
    """Everything that determines the weights: settings, code, and library versions."""
    return {
        "architecture": ARCHITECTURE,
        "training": [asdict(FIRST), FIRST_STEPS, asdict(THEN)],
        "texts": TEXTS,
        "code": hash_of_sources(*SOURCES),
        "versions": {package: version(package) for package in ("torch", "transformers")},
    }
