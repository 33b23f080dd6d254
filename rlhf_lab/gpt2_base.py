"""The base models of the embedded worlds at scale: GPT-2-small, trained once and then cached."""

from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version

import torch
from torch import nn

from rlhf_lab import precision
from rlhf_lab.gpt2 import GPT2
from rlhf_lab.models import tiny_gpt2
from rlhf_lab.responses import Responses
from rlhf_lab.train import review_model, sums_model
from rlhf_lab.train.loop import history
from rlhf_lab.train.sft import SFTConfig, train_sft
from rlhf_lab.weights import cached_weights, hash_of_sources

VOCABULARY = 50_257
"""of GPT-2's tokenizer; the words of the embedded worlds are its first ids"""
SMALL = {"layers": 12, "width": 768, "heads": 12, "context": 1024}
"""with this vocabulary GPT-2-small: 124,439,808 weights"""
TEXTS = {"count": 25_600, "seed": 0}
OF_GPT2 = (
    *("gpt2_base.py", "gpt2.py", "gpt2_attention.py", "gpt2_layers.py", "key_value_cache.py"),
    *("overwritten_logits.py", "precision.py"),
)
SOURCES = {
    "reviews": (*OF_GPT2, *review_model.SOURCES),
    "sums": (*OF_GPT2, *sums_model.SOURCES),
}
"""of each world: the code that determines the weights"""


def base_model(
    world: str, texts: Callable[..., Responses], device: torch.device, *, steps: int
) -> nn.Module:
    """GPT-2-small after `steps` of training on a world's texts, from the cache where it is there.

    With 0 steps its weights are random and nothing is kept.
    """

    def build() -> nn.Module:
        return GPT2(tiny_gpt2(VOCABULARY, **SMALL, seed=0))

    def train(model: nn.Module) -> None:
        model.to(device)
        history(train_sft(model, texts(**TEXTS).to(device), config), steps=steps)

    if steps == 0:
        return build().to(device)
    config = SFTConfig(steps=steps, batch_size=64, learning_rate=3e-4, warmup_steps=50)
    made_by = {
        "architecture": {"vocabulary": VOCABULARY, **SMALL, "seed": 0},
        "training": asdict(config),
        "texts": TEXTS,
        "device": device.type,
        "bf16": precision.is_bfloat16(),
        "code": hash_of_sources(*SOURCES[world]),
        "versions": {package: version(package) for package in ("torch", "transformers")},
    }
    return cached_weights(build, train, name=f"gpt2-small-{world}", made_by=made_by).to(device)
