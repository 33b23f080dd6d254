"""The work that both sides do: models, weights and data from one seed, and how a step is timed."""

import gc
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import GPT2Config, GPT2LMHeadModel

from rlhf_lab.cost import Shape
from rlhf_lab.memory import keep_freed_memory

SIZES = {
    "tiny": {"vocab_size": 1000, "n_positions": 256, "n_embd": 128, "n_layer": 4, "n_head": 4},
    "124m": {},  # GPT2Config's defaults are GPT-2-small
}
PAIRS, PAIR_PROMPT, PAIR_RESPONSE = 8, 64, 64
PROMPTS, GROUP, PROMPT, NEW = 4, 8, 32, 48
ROWS = PROMPTS * GROUP
LEARNING_RATE, BETA_DPO, BETA_GRPO, BETA_PPO, EPSILON = 1e-6, 0.1, 0.04, 0.05, 0.2
GAMMA, LAM, VALUE_WEIGHT = 1.0, 0.95, 1.0


def config(size: str) -> GPT2Config:
    """GPT-2 without dropout. Its last word ends, the one before it pads; prompts hold neither."""
    end = vocabulary(size) - 1
    ends = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end - 1}
    return GPT2Config(**SIZES[size], **ends, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)


def vocabulary(size: str) -> int:
    """Number of words."""
    return SIZES[size].get("vocab_size", 50_257)


def language_model(size: str, *, seed: int, device: str = "cpu") -> GPT2LMHeadModel:
    """transformers' GPT-2 with the random weights of `seed`, drawn by the device that holds it."""
    torch.manual_seed(seed)
    with torch.device(device):
        return GPT2LMHeadModel(config(size))


def pairs(size: str, count: int) -> dict[str, torch.Tensor]:
    """Random ids: prompts, and two responses to each, which end with the end."""
    generator = torch.Generator().manual_seed(7)
    lengths = {"prompt": PAIR_PROMPT, "chosen": PAIR_RESPONSE, "rejected": PAIR_RESPONSE}
    end = vocabulary(size) - 1
    found = {
        name: torch.randint(end - 1, (count, length), generator=generator)
        for name, length in lengths.items()
    }
    found["chosen"][:, -1] = found["rejected"][:, -1] = end
    return found


def rollout(size: str) -> dict[str, torch.Tensor]:
    """Prompts, each for the rows of its group, random responses, advantages and scores."""
    generator = torch.Generator().manual_seed(8)
    high = vocabulary(size) - 2
    prompts = torch.randint(high, (PROMPTS, PROMPT), generator=generator)
    return {
        "prompts": prompts.repeat_interleave(GROUP, 0),
        "tokens": torch.randint(high, (ROWS, NEW), generator=generator),
        "advantages": torch.randn(ROWS, generator=generator),
    }


def training_tokens(workload: str) -> int:
    """Tokens of prompts and responses in one step, each counted in every row that holds it."""
    pair = PAIRS * 2 * (PAIR_PROMPT + PAIR_RESPONSE)
    return {"dpo": pair, "reward-model": pair, "decode": ROWS * NEW}.get(
        workload, ROWS * (PROMPT + NEW)
    )


def plain_operations(workload: str, size: str) -> int:
    """Multiply-adds for each token of a step in a plain loop, times two.

    2 a parameter forward, 6 with the gradient. DPO and its reference: 8. GRPO also writes the
    tokens: 10. PPO has a critic too, read once and trained, and a reward model: 20. These and the
    reward model have a head of one output, which counts as none.
    """
    made = config(size)
    trunk, head = 12 * made.n_layer * made.n_embd**2, made.vocab_size * made.n_embd
    through_trunk = {"dpo": 8, "reward-model": 6, "grpo": 10, "ppo": 20, "decode": 2}[workload]
    through_head = {"dpo": 8, "reward-model": 0, "grpo": 10, "ppo": 10, "decode": 2}[workload]
    return through_trunk * trunk + through_head * head


def least_gigabytes(workload: str, size: str, mode: str) -> float:
    """10⁹ bytes that a step of decoding reads at least; 0 for training, which is not bound by them.

    For each token that is written in every row: all matrices once, and the keys and values of the
    tokens before it. 2 bytes a number in the modes "bf16" and "static", else 4.
    """
    if workload != "decode":
        return 0.0
    made, number = config(size), 2 if mode in ("bf16", "static") else 4
    shape = Shape(
        layers=made.n_layer, width=made.n_embd, heads=made.n_head, vocabulary=made.vocab_size
    )
    before = sum(PROMPT + written for written in range(1, NEW))  # the first reads the prompt itself
    cache = 2 * made.n_layer * made.n_embd * ROWS * before
    return number * (NEW * shape.matrix_parameters() + cache) / 1e9


@contextmanager
def arithmetic(mode: str, device: str) -> Iterator[None]:
    """ "knobs": float32 products at "medium", attention written out, freed memory kept.

    On a GPU "medium" alone: the kernels that attention written out would replace are faster there.
    On a CPU "bf16" has the other two as well. In the other modes as torch comes.
    """
    for_a_cpu = device == "cpu" and mode in ("knobs", "bf16")
    if for_a_cpu:
        keep_freed_memory()  # of the whole process, which ends with this timing
    torch.set_float32_matmul_precision("medium" if mode == "knobs" else "highest")
    with sdpa_kernel(SDPBackend.MATH) if for_a_cpu else nullcontext():
        yield


@dataclass
class Clock:
    """Wall and CPU seconds of each step; the first, which also warms up, is left out."""

    device: str
    ends: list[tuple[float, float]] = field(default_factory=list)

    def tick(self) -> None:
        """The end of a step, and the start of the next."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        self.ends.append((time.perf_counter(), time.process_time()))

    def steps(self) -> dict[str, list[float]]:
        """Seconds of each step between ticks, from the second on."""
        walls, cpus = zip(*self.ends, strict=True)
        return {
            name: [after - before for before, after in pairwise(times)][1:]
            for name, times in (("wall", walls), ("cpu", cpus))
        }

    @property
    def first(self) -> float:
        """Seconds of the step that is left out."""
        return self.ends[1][0] - self.ends[0][0]


@dataclass
class Memory:
    """The most memory held since it was made; all of the process, or what came to it on a GPU.

    There what torch holds is counted, used or not: captured graphs keep theirs between two steps.
    """

    device: str
    before: int = 0

    def __post_init__(self):
        if self.device == "cuda":
            torch.cuda.init()
            gc.collect()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            self.before = torch.cuda.memory_reserved()

    def peak_megabytes(self) -> float:
        """In units of 10⁶ bytes."""
        if self.device == "cuda":
            return (torch.cuda.max_memory_reserved() - self.before) / 1e6
        return process_megabytes()

    def give_back(self) -> None:
        """Free what nothing needs any more, for the next process."""
        gc.collect()
        if self.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.synchronize()


def process_megabytes() -> float:
    """The most memory that this process has held, in units of 10⁶ bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def head_weights(size: str, *, seed: int) -> torch.Tensor:
    """A linear head over the trunk: (1, width), the same on both sides."""
    width, generator = config(size).n_embd, torch.Generator().manual_seed(100 + seed)
    return torch.randn(1, width, generator=generator) / width**0.5
