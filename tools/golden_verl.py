"""Golden numbers for advantages, KL, losses: what verl 0.9.1 computes on fixed random inputs.

Run it in an environment of its own, torch first so that the CPU build stays:

    python -m venv golden-env
    golden-env/bin/pip install torch==2.13.0
    golden-env/bin/pip install --no-deps verl==0.9.1 tensordict==0.15.3
    golden-env/bin/pip install transformers==5.24.0 packaging numpy ray pyvers cloudpickle \
        omegaconf codetiming orjson
    golden-env/bin/python tools/golden_verl.py tests/golden/verl_0_9_1.json

verl's functions are called as they are, in float64. tests/test_golden_policy.py reads the file.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from verl.trainer.ppo import core_algos
from verl.utils import torch_functional
from verl.workers.config import ActorConfig

LENGTHS = (7, 1, 4, 6)
GROUP = 2
AGGREGATIONS = ("token-mean", "seq-mean-token-mean", "seq-mean-token-sum-norm")


def main(path: Path) -> None:
    """Compute everything and write it to `path`."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(22)
    mask = (torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]).double()
    names = ("rewards", "values", "old_logprobs", "reference_logprobs", "advantages", "returns")
    inputs = {name: torch.randn(mask.shape, generator=generator).double() for name in names}
    noise = torch.randn(2, *mask.shape, generator=generator).double()
    inputs["logprobs"] = inputs["old_logprobs"] + 0.4 * noise[0]
    inputs["new_values"] = inputs["values"] + 0.4 * noise[1]
    golden = {
        "made_by": "tools/golden_verl.py",
        "versions": {name: version(name) for name in ("verl", "torch")},
        "lengths": LENGTHS,
        "inputs": {name: x.tolist() for name, x in inputs.items()},
        "gae": gae(inputs, mask),
        "whiten": {
            name: torch_functional.masked_whiten(inputs["rewards"], mask, shift_mean=shift).tolist()
            for name, shift in (("mean removed", True), ("mean kept", False))
        },
        "kl": kl(inputs),
        "controller": controller(),
        "group_advantages": group_advantages(generator),
        "policy_loss": policy_losses(inputs, mask),
        "value_loss": value_loss(inputs, mask),
    }
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


def gae(inputs: dict, mask: torch.Tensor) -> list[dict]:
    """verl whitens what it returns; advantages before that are returns less values."""
    results = []
    for gamma, lam in ((1.0, 0.95), (0.9, 0.5), (1.0, 1.0), (0.8, 0.0)):
        whitened, returns = core_algos.compute_gae_advantage_return(
            inputs["rewards"], inputs["values"], mask, gamma, lam
        )
        results.append(
            {
                "gamma": gamma,
                "lam": lam,
                "whitened": whitened.tolist(),
                "returns": returns.tolist(),
            }
        )
    return results


def kl(inputs: dict) -> dict[str, list]:
    """k1, k2, k3 of log-ratios of ordinary size, and k3 where verl clamps it at 10."""
    pair = inputs["logprobs"], inputs["reference_logprobs"]
    forms = {name: core_algos.kl_penalty_forward(*pair, name).tolist() for name in KINDS}
    far = torch.tensor([-4.0, -0.5, 0.0, 3.0, 30.0]).double()
    clamped = core_algos.kl_penalty_forward(torch.zeros(5).double(), far, "k3")
    return forms | {"far_reference": far.tolist(), "far_k3": clamped.tolist()}


KINDS = ("k1", "k2", "k3")


def controller() -> dict:
    """Coefficients of Ziegler's controller after each of a series of observations."""
    adaptive = core_algos.AdaptiveKLController(0.15, 6.0, 10_000)
    observed, coefficients = [0.0, 3.0, 5.9, 6.0, 6.5, 7.5, 40.0], []
    for value in observed:
        adaptive.update(value, 256)
        coefficients.append(float(adaptive.value))
    return {"start": 0.15, "target": 6.0, "horizon": 10_000, "batch": 256} | {
        "observed": observed,
        "coefficients": coefficients,
    }


def group_advantages(generator: torch.Generator) -> dict:
    """Outcome advantages of GRPO, and of Dr. GRPO without the std; one group of equal rewards."""
    rewards = torch.randn(3, 4, generator=generator).double()
    rewards[1] = torch.tensor([1.0, 0.0, 0.0, 1.0])
    rewards[2] = 0.7
    scores = rewards.view(-1, 1)
    index = np.arange(3).repeat(4)
    found = {}
    for name, divide in (("grpo", True), ("dr_grpo", False)):
        advantages, _ = core_algos.compute_grpo_outcome_advantage(
            scores, torch.ones_like(scores), index, epsilon=1e-4, norm_adv_by_std_in_grpo=divide
        )
        found[name] = advantages.view(3, 4).tolist()
    return {"rewards": rewards.tolist()} | found


def policy_losses(inputs: dict, mask: torch.Tensor) -> list[dict]:
    """The clipped loss in each aggregation, its clip fraction and its gradient.

    `clip_ratio_c` is verl's third clip, for negative advantages; 1e6 puts it out of reach.
    """
    results = []
    for mode in AGGREGATIONS:
        config = ActorConfig(
            strategy="fsdp",
            ppo_micro_batch_size_per_gpu=1,
            rollout_n=1,
            clip_ratio=0.2,
            clip_ratio_low=0.2,
            clip_ratio_high=0.2,
            clip_ratio_c=1e6,
            loss_agg_mode=mode,
        )
        logprobs = inputs["logprobs"].clone().requires_grad_()
        loss, metrics = core_algos.compute_policy_loss_vanilla(
            inputs["old_logprobs"], logprobs, inputs["advantages"], mask, mode, config
        )
        loss.backward()
        results.append(
            {
                "aggregation": mode,
                "loss": loss.item(),
                "clip_fraction": metrics["actor/pg_clipfrac"],
                "gradient": logprobs.grad.tolist(),
            }
        )
    return results


def value_loss(inputs: dict, mask: torch.Tensor) -> dict:
    """The clipped loss of the critic and its gradient."""
    values = inputs["new_values"].clone().requires_grad_()
    loss, _ = core_algos.compute_value_loss(
        values, inputs["returns"], inputs["values"], mask, 0.2, "token-mean"
    )
    loss.backward()
    return {"loss": loss.item(), "gradient": values.grad.tolist()}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
