"""Golden numbers for DPO: what trl 1.16.0 computes on fixed random inputs.

Run it in an environment of its own, torch first so that the CPU build stays:

    python -m venv golden-env
    golden-env/bin/pip install torch==2.13.0
    golden-env/bin/pip install trl==1.16.0 transformers==5.23.0
    golden-env/bin/python tools/golden_trl.py tests/golden/trl_1_16_dpo.json

The loss is trl's own `DPOTrainer._compute_loss` on batches that trl's own collator padded. For
`tables` a stub stands where the model was and returns the written log-probs, in float64; for
`model` it is a real GPT-2 with the written weights. A reward of one pair comes from a batch of
that pair alone, since trl logs batch means only. tests/test_golden.py reads the file.
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
from trl import DPOConfig, DPOTrainer
from trl.trainer.utils import FusedCausalLMOutput

BETAS = (0.05, 0.1, 1.0, 5.0)
VOCABULARY = 13
END = 0  # also the pad token, as in GPT-2: a mask built from ids would drop it
MODEL = {"vocabulary": VOCABULARY, "layers": 2, "width": 8, "heads": 2, "context": 32}
PROMPT_LENGTHS = (1, 5, 2, 9, 3, 4)
CHOSEN_LENGTHS = (4, 1, 7, 3, 12, 2)
REJECTED_LENGTHS = (4, 6, 1, 11, 2, 8)
MAX_LENGTH = 12  # longer than every prompt, shorter than two of the twelve sequences
SIDES = ("chosen", "rejected")
LOGGED = {
    "chosen_logprobs": "logps/chosen",
    "rejected_logprobs": "logps/rejected",
    "chosen_rewards": "rewards/chosen",
    "rejected_rewards": "rewards/rejected",
    "margins": "rewards/margins",
}


def main(path: Path) -> None:
    """Compute everything and write it to `path`."""
    torch.set_num_threads(1)
    disable_progress_bars()
    generator = torch.Generator().manual_seed(21)
    rows = random_rows(generator)
    weights = {name: random_weights(generator) for name in ("policy", "reference")}
    golden = {
        "made_by": "tools/golden_trl.py",
        "versions": {name: version(name) for name in ("trl", "torch", "transformers")},
        "end_token": END,
        "rows": rows,
        "tables": [
            table_case("usual", rows, generator, deepest=4.0),
            table_case("long log-ratios", rows, generator, deepest=60.0),
        ],
        "model": {"size": MODEL, "weights": weights, "results": model_results(rows, weights)},
        "departures": departures(rows, weights),
    }
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


def random_rows(generator: torch.Generator) -> list[dict]:
    """Pairs of every mix of lengths; every other response stops before its end token."""
    rows = []
    lengths = zip(PROMPT_LENGTHS, CHOSEN_LENGTHS, REJECTED_LENGTHS, strict=True)
    for index, (prompt, chosen, rejected) in enumerate(lengths):
        ids = [
            torch.randint(1, VOCABULARY, (length,), generator=generator).tolist()
            for length in (prompt, chosen, rejected)
        ]
        ids[1 + index % 2][-1] = END
        rows.append(dict(zip(("prompt_ids", "chosen_ids", "rejected_ids"), ids, strict=True)))
    return rows


def random_weights(generator: torch.Generator) -> dict[str, list]:
    """Every weight of the GPT-2 by name, as decimals short enough to write down."""
    shapes = {name: weight.shape for name, weight in gpt2().named_parameters()}
    return {
        name: (torch.randn(shape, generator=generator) * 30).round().int().tolist()
        for name, shape in shapes.items()
    }


def gpt2(weights: dict[str, list] | None = None) -> GPT2LMHeadModel:
    """transformers' GPT-2 as it comes, dropout 0.1 and gelu_new included; weights in hundredths."""
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=MODEL["context"],
        n_embd=MODEL["width"],
        n_layer=MODEL["layers"],
        n_head=MODEL["heads"],
        bos_token_id=END,
        eos_token_id=END,
    )
    model = GPT2LMHeadModel(config)
    with torch.no_grad():
        for name, weight in model.named_parameters() if weights else ():
            weight.copy_(torch.tensor(weights[name]) / 100)
    return model


def trainer(model: GPT2LMHeadModel, reference: GPT2LMHeadModel, beta: float, **settings):
    """A DPOTrainer that will never train; float32 unless told otherwise."""
    letters = Tokenizer(WordLevel({"<end>": END, "a": 1, "b": 2}, unk_token="<end>"))
    letters.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=letters, eos_token="<end>")
    unused = Dataset.from_dict({"prompt": ["a"], "chosen": [" a"], "rejected": [" b"]})
    with TemporaryDirectory() as folder:
        settings = {"bf16": False, "gradient_checkpointing": False} | settings
        arguments = DPOConfig(folder, beta=beta, report_to=[], use_cpu=True, **settings)
        return DPOTrainer(
            model,
            reference,
            args=arguments,
            train_dataset=unused,
            processing_class=tokenizer,
        )


def loss_and_rewards(dpo: DPOTrainer, model, rows: list[dict]) -> dict:
    """The loss of the whole batch, and what trl logs of each pair in a batch of its own."""
    result = {"beta": dpo.beta, "loss": trl_loss(dpo, model, rows).item(), "pair_losses": []}
    dpo._metrics["train"].clear()
    for row in rows:
        result["pair_losses"].append(trl_loss(dpo, model, [row]).item())
    return result | {name: list(dpo._metrics["train"][key]) for name, key in LOGGED.items()}


def trl_loss(dpo: DPOTrainer, model, rows: list[dict]) -> torch.Tensor:
    """The line that all of this is about."""
    return dpo._compute_loss(model, dpo.data_collator(rows), False)


class Stub:
    """Stands where a model was: log-probs by token ids, from a table, as leaves of autograd."""

    def __init__(self, table: dict[tuple, torch.Tensor]):
        self.table = table

    def __call__(self, input_ids, attention_mask, labels, **_ignored) -> FusedCausalLMOutput:
        mask = labels[:, 1:] != -100
        batch = zip(input_ids, attention_mask, strict=True)
        values = torch.cat([self.table[tuple(ids[real == 1].tolist())] for ids, real in batch])
        zeros = values.new_zeros(mask.shape)
        return FusedCausalLMOutput(
            log_probs=zeros.masked_scatter(mask, values),
            entropy=zeros,
            mean_logits=zeros,
            is_top1=mask,
        )


def table_case(name: str, rows: list[dict], generator: torch.Generator, *, deepest: float) -> dict:
    """Log-probs of policy and reference uniform from -`deepest` to 0; trl's results at each β."""
    policies, references = {}, {}
    for row in rows:
        for side in SIDES:
            key = tuple(row["prompt_ids"] + row[f"{side}_ids"])
            draws = -deepest * torch.rand(2, len(row[f"{side}_ids"]), generator=generator)
            references[key] = draws[0].double()
            policies[key] = draws[1].double().requires_grad_()
    results = []
    for beta in BETAS:
        dpo = trainer(gpt2(), gpt2(), beta)
        dpo.ref_model = Stub(references)
        result = loss_and_rewards(dpo, Stub(policies), rows)
        gradients = torch.autograd.grad(trl_loss(dpo, Stub(policies), rows), policies.values())
        results.append(result | {"gradients": in_rows(gradients)})
    return {
        "name": name,
        "policy": in_rows(policies.values()),
        "reference": in_rows(references.values()),
        "results": results,
    }


def in_rows(values) -> list[dict]:
    """Chosen and rejected in turn, as one dictionary a pair."""
    lists = [value.tolist() for value in values]
    pairs = zip(lists[::2], lists[1::2], strict=True)
    return [dict(zip(SIDES, pair, strict=True)) for pair in pairs]


def model_results(rows: list[dict], weights: dict) -> list[dict]:
    """The whole path of a real model at each β: logits, log-probs, loss, gradient, in float32."""
    results = []
    for beta in BETAS:
        model = gpt2(weights["policy"])
        dpo = trainer(model, gpt2(weights["reference"]), beta)
        result = loss_and_rewards(dpo, model, rows)
        trl_loss(dpo, model, rows).backward()
        norms = {name: weight.grad.norm().item() for name, weight in model.named_parameters()}
        results.append(result | {"gradient_norms": norms})
    return results


def departures(rows: list[dict], weights: dict) -> dict:
    """What trl takes in silence and the book's package refuses, and its default precision."""

    def loss(rows: list[dict], **settings) -> float:
        model = gpt2(weights["policy"])
        dpo = trainer(model, gpt2(weights["reference"]), 1.0, **settings)
        return trl_loss(dpo, dpo.accelerator.prepare_model(model), rows).item()

    empty = [rows[0] | {"chosen_ids": []}, *rows[1:]]
    return {
        "beta": 1.0,
        "first_chosen_empty": loss(empty),
        "max_length": MAX_LENGTH,
        "cut_at_max_length": loss(rows, max_length=MAX_LENGTH),
        "bf16": loss(rows, bf16=None),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
