from dataclasses import MISSING, fields
from types import SimpleNamespace

import pytest
import torch
from shape_checker import unchecked

from rlhf_lab.settings import (
    require_callable,
    require_count,
    require_finite,
    require_json,
    require_json_dict,
    require_kind,
    require_not_negative,
    require_positive,
    require_seed,
    require_share,
)
from rlhf_lab.train.dpo import DPOConfig
from rlhf_lab.train.grpo import GRPOConfig
from rlhf_lab.train.ppo import PPOConfig
from rlhf_lab.train.reinforce import ReinforceConfig
from rlhf_lab.train.reward_model import RewardModelConfig
from rlhf_lab.train.sft import SFTConfig

NOT_NUMBERS = ("1", None, True, float("nan"), float("inf"))


@pytest.mark.parametrize("value", [*NOT_NUMBERS, 0, -1, 0.0])
def test_what_is_not_positive_is_named(value):
    with pytest.raises(ValueError, match=f"rate must be a finite number above 0, got {value!r}"):
        require_positive(steps=1, rate=value)


@pytest.mark.parametrize("value", [*NOT_NUMBERS, -1e-9])
def test_what_is_negative_is_named(value):
    with pytest.raises(ValueError, match="beta must be a finite number, 0 or above"):
        require_not_negative(beta=value)


@pytest.mark.parametrize("value", [*NOT_NUMBERS, -0.1, 1.1])
def test_what_is_no_share_is_named(value):
    with pytest.raises(ValueError, match=r"gamma must lie in 0\.\.1"):
        require_share(gamma=value)


@pytest.mark.parametrize("value", [*NOT_NUMBERS, 0, 1.5, 2.0])
def test_a_fraction_or_a_text_is_no_count(value):
    with pytest.raises(ValueError, match="steps must be a whole number, 1 or above"):
        require_count(steps=value)


@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_what_is_no_number_is_named(value):
    with pytest.raises(ValueError, match=f"bias must be a finite number, got {value!r}"):
        require_finite(bar=-1.5, bias=value)


def test_what_is_no_function_no_json_and_of_no_kind_is_named():
    with pytest.raises(ValueError, match="optimizer must be a function, got 'adam'"):
        require_callable(loss=abs, optimizer="adam")
    with pytest.raises(ValueError, match=r"loss must be plain JSON, got '<built-in function abs>'"):
        require_json(rate=0.1, loss=abs)
    with pytest.raises(ValueError, match="item 1 must be str, got int"):
        require_kind(str, **{"item 0": "a", "item 1": 1})


@pytest.mark.parametrize("settings", [{1: 2}, [1], None])
def test_settings_that_are_no_dictionary_of_texts_are_named(settings):
    with pytest.raises(ValueError, match="settings must be a dictionary with texts as keys, got"):
        require_json_dict(other={"rate": 0.1}, settings=settings)


@pytest.mark.parametrize("value", [*NOT_NUMBERS, -1, 1.5, 2**63, 2**64])
def test_what_no_generator_takes_is_no_seed(value):
    with pytest.raises(ValueError, match="seed must be "):
        require_seed(seed=value)
    require_seed(seed=2**63 - 1)
    torch.Generator().manual_seed(2**63 - 1)


@pytest.mark.parametrize(
    "kind", [SFTConfig, RewardModelConfig, ReinforceConfig, GRPOConfig, DPOConfig]
)
def test_a_seed_that_is_too_large_is_refused_with_the_other_settings(kind):
    needed = {field.name: 1 for field in fields(kind) if field.default is MISSING}
    with pytest.raises(ValueError, match=r"seed must be below 2\*\*63"):
        unchecked(kind, **(needed | {"seed": 2**64}))


@pytest.mark.parametrize(
    "kind", [SFTConfig, RewardModelConfig, DPOConfig, ReinforceConfig, GRPOConfig, PPOConfig]
)
def test_every_setting_of_a_run_is_checked(kind):
    needed = {field.name: 1 for field in fields(kind) if field.default is MISSING}
    unchecked(kind, **needed)
    for field in fields(kind):
        with pytest.raises(ValueError, match=rf"\b{field.name} must "):
            unchecked(kind, **(needed | {field.name: SimpleNamespace(loss=None)}))


def test_good_settings_pass():
    require_finite(bias=-0.5)
    require_callable(optimizer=dict)
    require_json(rate=0.1, name="adam", betas=(0.9, 0.95))
    require_json_dict(settings={"rate": 0.1})
    require_kind(int, seed=0)
    require_positive(rate=1e-9, steps=3)
    require_not_negative(beta=0)
    require_share(gamma=1, lam=0.0)
    require_count(steps=1)
    require_count(least=0, warmup_steps=0)
