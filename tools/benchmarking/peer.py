"""The peer's side: trl's own losses on given data, and timed steps of its own trainers.

trl 1.16.0; PPO from trl 1.12.0, the last that has it, from a folder of its own on PYTHONPATH. Only
the mode "defaults" has the checkpointing that trl sets by default, and it, "bf16" and "static"
bfloat16.
"""

import os
import warnings
from collections.abc import Callable
from functools import cache
from importlib import import_module
from tempfile import TemporaryDirectory

import torch
from datasets import Dataset, disable_progress_bars
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    GPT2ForSequenceClassification,
    PreTrainedTokenizerFast,
    TrainerCallback,
    logging,
)

from benchmarking import work

END, PAD = "<end>", "<pad>"
MODULES = {
    "dpo": "trl.trainer.dpo_trainer",
    "grpo": "trl.trainer.grpo_trainer",
    "ppo": "trl.experimental.ppo.ppo_trainer",
    "reward-model": "trl.trainer.reward_trainer",
    "decode": "transformers.models.gpt2.modeling_gpt2",
}


def prepare(workload: str, size: str) -> None:
    """Load the modules, and make the tokenizer, that a turn needs."""
    import_module(MODULES[workload])
    tokenizer(size)


@cache
def tokenizer(size: str) -> PreTrainedTokenizerFast:
    """One word for each id: "w0", "w1", ... and the end."""
    last = work.vocabulary(size) - 1
    vocabulary = {f"w{i}": i for i in range(last - 1)} | {PAD: last - 1, END: last}
    words = Tokenizer(WordLevel(vocabulary, unk_token=END))
    words.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=words, eos_token=END, pad_token=PAD)


def text(ids: list[int], size: str) -> str:
    """Those ids as words, which the tokenizer turns into them again."""
    last = work.vocabulary(size) - 1
    return "".join(END if i == last else f" w{i}" for i in ids)


def scalar(size: str, *, seed: int, device: str = "cpu") -> GPT2ForSequenceClassification:
    """transformers' GPT-2 under a linear head, with our weights; the bias of ours is 0."""
    made = work.config(size)
    made.num_labels = 1
    trunk = work.language_model(size, seed=seed, device=device).transformer
    with torch.device(device):
        model = GPT2ForSequenceClassification(made)
    model.transformer.load_state_dict(trunk.state_dict())
    with torch.no_grad():
        model.score.weight.copy_(work.head_weights(size, seed=seed))
    return model


def pair_texts(size: str, count: int) -> Dataset:
    """The pairs as texts."""
    data = {name: ids.tolist() for name, ids in work.pairs(size, count).items()}
    return Dataset.from_dict({k: [text(ids, size) for ids in rows] for k, rows in data.items()})


def whole_pairs(size: str, count: int) -> Dataset:
    """The pairs as ids of prompt and response together."""
    data = {name: ids.tolist() for name, ids in work.pairs(size, count).items()}
    return Dataset.from_dict(
        {
            f"{side}_ids": [a + b for a, b in zip(data["prompt"], data[side], strict=True)]
            for side in ("chosen", "rejected")
        }
    )


class Ticks(TrainerCallback):
    """Ticks when training begins and after each step."""

    def __init__(self, clock: work.Clock):
        self.clock = clock

    def on_train_begin(self, *_given, **_named):
        """The start of the first step."""
        self.clock.tick()

    def on_step_end(self, *_given, **_named):
        """The end of a step."""
        self.clock.tick()


PRECISION = {
    "float32": {"bf16": False, "gradient_checkpointing": False},
    "knobs": {"bf16": False, "gradient_checkpointing": False},
    "bf16": {"bf16": True, "gradient_checkpointing": False},
    "defaults": {},
}


def settings(mode: str, steps: int, device: str, **more) -> dict:
    """What all configurations share."""
    return (
        {
            "max_steps": steps,
            "learning_rate": work.LEARNING_RATE,
            "weight_decay": 0.0,
            "use_cpu": device == "cpu",
            "report_to": [],
            "save_strategy": "no",
            "disable_tqdm": True,
            "logging_steps": 1,
            "gradient_accumulation_steps": 1,
        }
        | PRECISION[mode]
        | more
    )


def dpo_trainer(size: str, mode: str, steps: int, device: str):
    """trl's DPOTrainer on pairs that are tokenised already."""
    from trl import DPOConfig, DPOTrainer

    with TemporaryDirectory() as folder:
        more = {"per_device_train_batch_size": work.PAIRS, "beta": work.BETA_DPO}
        return DPOTrainer(
            work.language_model(size, seed=0, device=device),
            work.language_model(size, seed=1, device=device),
            args=DPOConfig(folder, **settings(mode, steps, device, **more)),
            train_dataset=pair_texts(size, steps * work.PAIRS),
            processing_class=tokenizer(size),
        )


def reward_trainer(size: str, mode: str, steps: int, device: str):
    """trl's RewardTrainer on the same pairs."""
    from trl import RewardConfig, RewardTrainer

    with TemporaryDirectory() as folder:
        more = {"per_device_train_batch_size": work.PAIRS}
        return RewardTrainer(
            scalar(size, seed=2, device=device),
            args=RewardConfig(folder, **settings(mode, steps, device, **more)),
            train_dataset=whole_pairs(size, steps * work.PAIRS),
            processing_class=tokenizer(size),
        )


def grpo_trainer(size: str, mode: str, steps: int, device: str):
    """trl's GRPOTrainer with the paper's loss; the reference is set here, not loaded from a hub."""
    from trl import GRPOConfig, GRPOTrainer
    from trl.trainer.grpo_trainer import add_fused_lm_head

    prompts = work.rollout(size)["prompts"][:: work.GROUP].tolist()
    texts = [text(ids, size) for ids in prompts]
    with TemporaryDirectory() as folder:
        more = {
            "per_device_train_batch_size": work.ROWS,
            "num_generations": work.GROUP,
            "max_completion_length": work.NEW,
            "loss_type": "grpo",
            "use_bias_correction_kl": False,
            "beta": 0.0,
        }
        trainer = GRPOTrainer(
            work.language_model(size, seed=0, device=device),
            reward_funcs=lambda completion_ids, **_: [float(row[0] % 7) for row in completion_ids],
            args=GRPOConfig(folder, **settings(mode, steps, device, **more)),
            train_dataset=Dataset.from_dict({"prompt": texts}),
            processing_class=tokenizer(size),
        )
    trainer.beta = work.BETA_GRPO
    reference = work.language_model(size, seed=1, device=device).eval().requires_grad_(False)
    add_fused_lm_head(reference, temperature=1.0, cast_lm_head_to_fp32=False)
    trainer.ref_model = trainer.accelerator.prepare_model(reference, evaluation_mode=True)
    return trainer


def ppo_trainer(size: str, mode: str, steps: int, device: str):
    """The PPOTrainer of trl 1.12, one pass over the responses of a step."""
    from trl.experimental.ppo import PPOConfig, PPOTrainer

    shared = settings(mode, steps, device)
    del shared["max_steps"]
    with TemporaryDirectory() as folder:
        arguments = PPOConfig(
            folder,
            **shared,
            per_device_train_batch_size=work.ROWS,
            local_rollout_forward_batch_size=work.ROWS,
            num_mini_batches=1,
            num_ppo_epochs=1,
            total_episodes=steps * work.ROWS,
            response_length=work.NEW,
            num_sample_generations=0,
            temperature=1.0,
            kl_coef=work.BETA_PPO,
            cliprange=work.EPSILON,
            cliprange_value=work.EPSILON,
            vf_coef=work.VALUE_WEIGHT,
            gamma=work.GAMMA,
            lam=work.LAM,
        )
        return PPOTrainer(
            args=arguments,
            processing_class=tokenizer(size),
            model=work.language_model(size, seed=0, device=device),
            ref_model=work.language_model(size, seed=1, device=device),
            reward_model=scalar(size, seed=3, device=device),
            value_model=scalar(size, seed=2, device=device),
            train_dataset=Dataset.from_dict({"input_ids": work.rollout(size)["prompts"].tolist()}),
        )


TRAINERS: dict[str, Callable] = {
    "dpo": dpo_trainer,
    "grpo": grpo_trainer,
    "ppo": ppo_trainer,
    "reward-model": reward_trainer,
}


def value(workload: str, size: str) -> float:
    """trl's loss of one batch in float32, before any step."""
    trainer = TRAINERS[workload](size, "float32", 1, "cpu")
    if workload == "ppo":
        return ppo_value(trainer, size)
    trainer.model.eval()
    if workload == "dpo":
        batch = trainer.data_collator(list(trainer.train_dataset))
        return trainer._compute_loss(trainer.model, batch, False).item()
    if workload == "reward-model":
        batch = trainer.data_collator(list(trainer.train_dataset))
        return trainer.compute_loss(trainer.model, batch).item()
    return grpo_value(trainer, size)


def grpo_value(trainer, size: str) -> float:
    """trl's loss of given responses: log-probs of the reference by trl's own method."""
    data = work.rollout(size)
    ids = torch.cat([data["prompts"], data["tokens"]], dim=1)
    with torch.no_grad():
        reference, *_ = trainer._get_per_token_logps_and_entropies(
            trainer.ref_model, ids, torch.ones_like(ids), work.NEW
        )
    inputs = {
        "prompt_ids": data["prompts"],
        "prompt_mask": torch.ones_like(data["prompts"]),
        "completion_ids": data["tokens"],
        "completion_mask": torch.ones_like(data["tokens"]),
        "advantages": data["advantages"],
        "ref_per_token_logps": reference,
        "num_items_in_batch": torch.tensor(data["tokens"].numel()),
    }
    trainer.current_gradient_accumulation_steps = 1
    return trainer._compute_loss(trainer.model, inputs).item()


class FoundError(Exception):
    """The loss that was asked for: nothing has to run after it."""


def ppo_value(trainer, size: str) -> float:
    """trl's loss in its first update, on given responses in place of generated ones."""
    from trl.experimental.ppo import ppo_trainer as module

    data, policy = work.rollout(size), trainer.policy_model
    ids = torch.cat([data["prompts"], data["tokens"]], dim=1)
    found = []

    def given(*_arguments) -> tuple[torch.Tensor, torch.Tensor]:
        return ids, policy(ids).logits[:, work.PROMPT - 1 : -1]

    def caught(loss: torch.Tensor, **_named) -> None:
        found.append(loss.item())
        raise FoundError

    before, module.batch_generation = module.batch_generation, given
    trainer.dataloader = [{"input_ids": data["prompts"]}]
    trainer.accelerator.backward = caught
    try:
        trainer.train()
    except FoundError:
        return found[0]
    finally:
        module.batch_generation = before
    raise RuntimeError("trl's PPO made no update")


def timed(workload: str, size: str, mode: str, steps: int, device: str) -> dict:
    """Seconds of each of `steps` steps after a first one."""
    disable_progress_bars()
    logging.set_verbosity_error()
    warnings.simplefilter("ignore")
    # trl's PPO takes its arithmetic from here and leaves its setting bf16 unread
    os.environ["ACCELERATE_MIXED_PRECISION"] = "bf16" if mode == "bf16" else "no"
    clock = work.Clock(device)
    if workload == "decode":
        generate(size, mode, steps + 1, device, clock)
    else:
        trainer = TRAINERS[workload](size, mode, steps + 1, device)
        trainer.add_callback(Ticks(clock))
        trainer.train()
    return clock.steps() | {"first": clock.first}


@torch.no_grad()
def generate(size: str, mode: str, steps: int, device: str, clock: work.Clock) -> None:
    """transformers' `generate`, sampling from the whole distribution, never ending early.

    In the modes "bf16" and "static" the weights themselves are rounded, as is usual for sampling
    alone. For a static cache `generate` compiles the model by itself.
    """
    model = work.language_model(size, seed=0, device=device).eval()
    model.to(torch.bfloat16 if mode in ("bf16", "static") else torch.float32)
    prompts = work.rollout(size)["prompts"].to(device)
    numbers = {"max_new_tokens": work.NEW, "do_sample": True, "top_k": 0, "eos_token_id": -1}
    numbers |= {"cache_implementation": "static"} if mode == "static" else {}
    clock.tick()
    for _ in range(steps):
        model.generate(prompts, attention_mask=torch.ones_like(prompts), **numbers)
        clock.tick()
