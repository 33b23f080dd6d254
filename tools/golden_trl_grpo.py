"""Golden numbers for GRPO: what trl 1.16.0 computes on fixed random inputs.

Run it in an environment of its own, torch first so that the CPU build stays:

    python -m venv golden-env
    golden-env/bin/pip install torch==2.13.0
    golden-env/bin/pip install trl==1.16.0 transformers==5.23.0
    golden-env/bin/python tools/golden_trl_grpo.py tests/golden/trl_1_16_grpo.json

The loss is trl's own `GRPOTrainer._compute_loss`, in float64: where the model was, a stub returns
the written log-probs. trl's defaults are not the paper's: here `loss_type` and `beta` are set, and
`use_bias_correction_kl` is off but for `ratio_times_kl`. The advantages are those that trl's own
`_generate_and_score_completions` gives a tiny model's completions whose rewards are written
down. tests/test_golden_policy.py reads the file.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from datasets import Dataset, disable_progress_bars
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
from trl import GRPOConfig, GRPOTrainer

LENGTHS = (7, 1, 4, 6)
GROUP = 4
LOSSES = ("grpo", "bnpo", "dr_grpo")


def main(path: Path) -> None:
    """Compute everything and write it to `path`."""
    torch.set_num_threads(1)
    disable_progress_bars()
    generator = torch.Generator().manual_seed(24)
    mask = (torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]).long()
    old, reference, noise = torch.randn(3, *mask.shape, generator=generator).double()
    advantages = torch.randn(len(LENGTHS), generator=generator).double()
    inputs = {"logprobs": old + 0.4 * noise, "old_logprobs": old, "reference_logprobs": reference}
    inputs["advantages"] = advantages
    golden = {
        "made_by": "tools/golden_trl_grpo.py",
        "versions": {name: version(name) for name in ("trl", "torch", "transformers")},
        "lengths": LENGTHS,
        "inputs": {name: x.tolist() for name, x in inputs.items()},
        "losses": [
            loss(inputs, mask, loss_type=kind, beta=beta, epsilon=epsilon)
            for kind in LOSSES
            for beta, epsilon in ((0.0, 0.2), (0.04, 0.2), (1.0, 0.1))
        ],
        "ratio_times_kl": loss(
            inputs, mask, loss_type="grpo", beta=1.0, epsilon=0.2, use_bias_correction_kl=True
        ),
        "advantages": group_advantages(generator),
    }
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


def trainer(**settings) -> GRPOTrainer:
    """A GRPOTrainer that will never train, over a vocabulary of three words."""
    letters = Tokenizer(WordLevel({"<end>": 0, "a": 1, "b": 2}, unk_token="<end>"))
    letters.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=letters, eos_token="<end>", pad_token="<end>"
    )
    sizes = {"vocab_size": 3, "n_positions": 32, "n_embd": 8, "n_layer": 1, "n_head": 2}
    model = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0))
    rows = Dataset.from_dict({"prompt": ["a", "a b", "b"]})
    with TemporaryDirectory() as folder:
        arguments = GRPOConfig(
            folder,
            **settings,
            num_generations=GROUP,
            per_device_train_batch_size=3 * GROUP,
            max_completion_length=max(LENGTHS),
            bf16=False,
            gradient_checkpointing=False,
            use_cpu=True,
            report_to=[],
        )
        return GRPOTrainer(
            model,
            reward_funcs=lambda completions, **_ignored: [0.0] * len(completions),
            args=arguments,
            train_dataset=rows,
            processing_class=tokenizer,
        )


def loss(inputs: dict, mask: torch.Tensor, *, beta: float, **settings) -> dict:
    """trl's loss of written log-probs and its gradient; in eval mode, without accumulation."""
    grpo = trainer(**({"use_bias_correction_kl": False} | settings))
    grpo.beta = beta  # set here, since a trainer made with it would load a reference from a hub
    grpo.model.eval()
    logprobs = inputs["logprobs"].clone().requires_grad_()
    zeros = torch.zeros_like(logprobs)
    grpo._get_per_token_logps_and_entropies = lambda *_args, **_kw: (logprobs, zeros, None)
    batch = {
        "prompt_ids": torch.ones(len(mask), 1).long(),
        "prompt_mask": torch.ones(len(mask), 1).long(),
        "completion_ids": torch.ones_like(mask),
        "completion_mask": mask,
        "advantages": inputs["advantages"],
        "old_per_token_logps": inputs["old_logprobs"],
        "ref_per_token_logps": inputs["reference_logprobs"],
        "num_items_in_batch": mask.sum(),
    }
    value = grpo._compute_loss(grpo.model, batch)
    value.backward()
    return settings | {"beta": beta, "loss": value.item(), "gradient": logprobs.grad.tolist()}


def group_advantages(generator: torch.Generator) -> dict:
    """Advantages of three groups of four, divided by the std and not; float32, as in trl."""
    rewards = torch.randn(3, GROUP, generator=generator)
    rewards[1] = torch.tensor([1.0, 0.0, 0.0, 1.0])
    rewards[2] = 0.75
    found = {}
    for name, scale in (("grpo", "group"), ("dr_grpo", "none")):
        grpo = trainer(scale_rewards=scale)
        grpo._calculate_rewards = lambda *_args: rewards.view(-1, 1)
        torch.manual_seed(0)
        grpo.model.train()
        rows = [{"prompt": prompt} for prompt in ("a", "a b", "b") for _ in range(GROUP)]
        output = grpo._generate_and_score_completions(rows)
        found[name] = output["advantages"].view(3, GROUP).tolist()
    return {"rewards": rewards.tolist()} | found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
