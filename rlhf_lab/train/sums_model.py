"""The base model of the sums world: a small GPT-2 that adds with slips, trained at first use.

Demonstrations alone teach it too little: where almost half of the written sums are wrong, the table
of addition is learned slowly. So half of its first texts are right solutions, and demonstrations
alone come at the end.
"""

import random
from dataclasses import asdict
from importlib.metadata import version

from transformers import GPT2LMHeadModel

from rlhf_lab.models import tiny_gpt2
from rlhf_lab.responses import Responses, pad
from rlhf_lab.train.loop import history
from rlhf_lab.train.sft import SFTConfig, train_sft
from rlhf_lab.weights import cached_weights, hash_of_sources
from rlhf_lab.worlds.sum_steps import DIGITS, MOST, demonstration, question, solution
from rlhf_lab.worlds.sums import END, VOCABULARY, demonstrations, encode

ARCHITECTURE = {"layers": 2, "width": 96, "heads": 3, "context": 48, "seed": 0}
FIRST = SFTConfig(steps=1100, batch_size=64, learning_rate=3e-3, warmup_steps=50)
THEN = SFTConfig(steps=450, batch_size=64, learning_rate=2e-3, warmup_steps=20)
TEXTS = {"count": 32_000, "seed": 0}
FEWEST = 2  # digits of the first texts: two are the plain table of addition
SOURCES = (
    *("responses.py", "masked.py", "logprobs.py", "losses.py", "models.py"),
    *("train/loop.py", "train/sft.py", "train/sums_model.py"),
    *("worlds/sum_steps.py", "worlds/sums.py"),
)


def sums_model() -> GPT2LMHeadModel:
    """A GPT-2 of 0.2 million parameters that adds as people do; about a minute on first use.

    Then cached: every call returns a new model whose weights learn. To train it anew, delete the
    file in `rlhf_lab.weights.cache_folder()`.
    """
    return cached_weights(_untrained, _pretrain, name="sums-model", made_by=_recipe())


def first_texts(count: int, *, seed: int) -> Responses:
    """`count` questions of two to five digits, each with its solution or with a demonstration."""
    generator = random.Random(seed)
    questions, answers = [], []
    for _ in range(count):
        size = generator.randint(FEWEST, MOST)
        digits = [generator.randrange(DIGITS) for _ in range(size)]
        right = generator.random() < 0.5
        text = solution(digits) if right else demonstration(digits, generator)
        questions.append(encode(question(digits)))
        answers.append([*encode(text), END])
    return pad(questions, answers)


def _untrained() -> GPT2LMHeadModel:
    return tiny_gpt2(len(VOCABULARY), **ARCHITECTURE)


def _pretrain(model: GPT2LMHeadModel) -> None:
    for texts, config in ((first_texts, FIRST), (demonstrations, THEN)):
        history(train_sft(model, texts(**TEXTS), config), steps=config.steps)


def _recipe() -> dict:
    """Everything that determines the weights: settings, code, and library versions."""
    return {
        "architecture": ARCHITECTURE,
        "training": [asdict(FIRST), asdict(THEN)],
        "texts": TEXTS,
        "code": hash_of_sources(*SOURCES),
        "versions": {package: version(package) for package in ("torch", "transformers")},
    }
