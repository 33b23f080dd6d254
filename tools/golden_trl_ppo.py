"""Golden numbers for PPO: what trl 0.11.4, the last with this PPO, computes on random inputs.

Run it in an environment of its own, torch first so that the CPU build stays:

    python -m venv golden-env
    golden-env/bin/pip install torch==2.13.0
    golden-env/bin/pip install trl==0.11.4 "transformers<4.47" rich
    golden-env/bin/python tools/golden_trl_ppo.py tests/golden/trl_0_11_4_ppo.json

The methods of trl's `PPOTrainer` are called on a stub that holds nothing but its settings, in
float64. tests/test_golden_policy.py reads the file.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import torch
from trl import PPOTrainer
from trl.trainer.utils import AdaptiveKLController

LENGTHS = (7, 1, 4, 6)
SETTINGS = ({"gamma": 1.0, "lam": 0.95}, {"gamma": 0.9, "lam": 0.5}, {"gamma": 1.0, "lam": 1.0})
BETA = 0.15


def main(path: Path) -> None:
    """Compute everything and write it to `path`."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(23)
    mask = (torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]).double()
    names = ("old_logprobs", "reference_logprobs", "values")
    inputs = {name: torch.randn(mask.shape, generator=generator).double() for name in names}
    noise = torch.randn(2, *mask.shape, generator=generator).double()
    inputs["logprobs"] = inputs["old_logprobs"] + 0.4 * noise[0]
    inputs["new_values"] = inputs["values"] + 0.4 * noise[1]
    inputs["scores"] = torch.randn(len(LENGTHS), generator=generator).double()
    rewards = token_rewards(inputs, mask)
    golden = {
        "made_by": "tools/golden_trl_ppo.py",
        "versions": {name: version(name) for name in ("trl", "torch", "transformers")},
        "lengths": LENGTHS,
        "beta": BETA,
        "inputs": {name: x.tolist() for name, x in inputs.items()},
        "rewards": rewards.tolist(),
        "results": [results(inputs, rewards, mask, **settings) for settings in SETTINGS],
        "controller": controller(),
    }
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


def stub(**settings) -> SimpleNamespace:
    """What trl's methods read of a PPOTrainer."""
    defaults = {
        "whiten_rewards": False,
        "kl_penalty": "kl",
        "cliprange": 0.2,
        "cliprange_value": 0.2,
        "vf_coef": 1.0,
        "ratio_threshold": 1e9,  # trl sets the loss to 0 above it; out of reach here
    }
    trainer = SimpleNamespace(
        config=SimpleNamespace(**(defaults | settings)), kl_ctl=SimpleNamespace(value=BETA)
    )
    trainer._kl_penalty = lambda *pair: PPOTrainer._kl_penalty(trainer, *pair)
    return trainer


def token_rewards(inputs: dict, mask: torch.Tensor) -> torch.Tensor:
    """Scores and the penalty, token by token."""
    rewards, _, _ = PPOTrainer.compute_rewards(
        stub(), inputs["scores"], inputs["old_logprobs"], inputs["reference_logprobs"], mask
    )
    return rewards


def results(inputs: dict, rewards: torch.Tensor, mask: torch.Tensor, **settings) -> dict:
    """Advantages (whitened), returns, both losses, their gradients and trl's diagnostics."""
    trainer = stub(**settings)
    values, advantages, returns = PPOTrainer.compute_advantages(
        trainer, inputs["values"], rewards, mask
    )
    logprobs, new_values = (
        inputs[name].clone().requires_grad_() for name in ("logprobs", "new_values")
    )
    logits = torch.zeros(*mask.shape, 2).double()
    policy_loss, value_loss, stats = PPOTrainer.loss(
        trainer,
        inputs["old_logprobs"],
        values,
        logits,
        new_values,
        logprobs,
        mask,
        advantages,
        returns,
    )
    (policy_loss + value_loss).backward()
    return settings | {
        "advantages": advantages.tolist(),
        "returns": returns.tolist(),
        "policy_loss": policy_loss.item(),
        "value_loss": value_loss.item(),
        "policy_gradient": logprobs.grad.tolist(),
        "value_gradient": new_values.grad.tolist(),
        "clip_fraction": stats["policy/clipfrac"].item(),
        "entropy": stats["policy/entropy"].item(),
    }


def controller() -> dict:
    """Coefficients of Ziegler's controller after each of a series of observations."""
    adaptive = AdaptiveKLController(0.15, 6.0, 10_000)
    observed, coefficients = [0.0, 3.0, 5.9, 6.0, 6.5, 7.5, 40.0], []
    for value in observed:
        adaptive.update(value, 256)
        coefficients.append(float(adaptive.value))
    return {"start": 0.15, "target": 6.0, "horizon": 10_000, "batch": 256} | {
        "observed": observed,
        "coefficients": coefficients,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
