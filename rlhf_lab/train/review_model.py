"""The base model of the review world: a small GPT-2, trained at first use and then cached."""

from dataclasses import asdict
from importlib.metadata import version

from torch import nn

from rlhf_lab.models import tiny_gpt2
from rlhf_lab.train.loop import history
from rlhf_lab.train.sft import SFTConfig, train_sft
from rlhf_lab.weights import cached_weights, hash_of_sources
from rlhf_lab.worlds.reviews import VOCABULARY, training_texts

ARCHITECTURE = {"layers": 2, "width": 64, "heads": 2, "context": 96, "seed": 0}
TRAINING = SFTConfig(steps=800, batch_size=32, learning_rate=5e-3, warmup_steps=50)
TEXTS = {"count": 25_600, "seed": 0}
SOURCES = (
    *("token_rows.py", "responses.py", "masked.py", "logprobs.py", "losses.py", "models.py"),
    *(f"train/{part}.py" for part in ("gradient_steps", "loop", "micro_batches", "sft")),
    *("train/review_model.py", "worlds/grammar.py"),
    *(f"worlds/review{part}.py" for part in ("_grammar", "_rules", "_words", "s")),
)


def review_model() -> nn.Module:
    """A GPT-2 of 0.1 million parameters that writes reviews; about 10 s on first use, then cached.

    Every call returns a new model whose weights learn. To train it anew, delete the file in
    `rlhf_lab.weights.cache_folder()`.
    """
    return cached_weights(_untrained, _pretrain, name="review-model", made_by=_recipe())


def _untrained() -> nn.Module:
    return tiny_gpt2(len(VOCABULARY), **ARCHITECTURE)


def _pretrain(model: nn.Module) -> None:
    run = train_sft(model, training_texts(**TEXTS), TRAINING)
    history(run, steps=TRAINING.steps)


def _recipe() -> dict:
    """Everything that determines the weights: settings, code, and library versions."""
    return {
        "architecture": ARCHITECTURE,
        "training": asdict(TRAINING),
        "texts": TEXTS,
        "code": hash_of_sources(*SOURCES),
        "versions": {package: version(package) for package in ("torch", "transformers")},
    }
