"""Two steps of the experiments that GPT-2-small has, on a tiny GPT-2 with its vocabulary."""

import json
from dataclasses import replace

import pytest
from gpu import DEVICES

from rlhf_lab import gpt2_base, gpt2_experiments, gpt2_tasks
from rlhf_lab.experiments import review_paths
from rlhf_lab.gpt2_experiments import EXPERIMENTS, record, split, task_around
from rlhf_lab.gpt2_sampling import Size
from rlhf_lab.models import tiny_gpt2

TWO_STEPS = Size(steps=2, batch_size=8, micro_batch_size=4, group_size=8)


@pytest.fixture(params=DEVICES)
def world(request, monkeypatch):
    """The review world around a GPT-2 that trains in no time; short texts, few of all."""
    tiny = tiny_gpt2(gpt2_base.VOCABULARY, layers=1, width=8, heads=2, context=64, seed=0)
    tiny.to(request.param)
    monkeypatch.setattr(gpt2_tasks, "base_model", lambda *_, **__: tiny)
    monkeypatch.setattr(gpt2_tasks, "PROMPTS", 16)
    monkeypatch.setattr(gpt2_experiments, "STANDARD", 16)
    monkeypatch.setattr(gpt2_experiments, "VISITS", 16)
    monkeypatch.setattr(gpt2_experiments, "EVALUATED", 8)
    monkeypatch.setattr(review_paths, "PROMPTS", 1)
    for module in EXPERIMENTS.values():
        variants = {name: {"pairs": 16} for name in list(module.VARIANTS)[:1]}
        monkeypatch.setattr(module, "VARIANTS", variants)
    task = gpt2_tasks.reviews_task(request.param, base_steps=0)
    return replace(task, max_tokens=3, reward=lambda r: -r.tokens.double().mean(dim=1))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_two_steps_give_every_path_of_the_experiment(experiment, world, tmp_path):
    (path,) = record(experiment, world, TWO_STEPS, tmp_path, made={"bf16": False})
    run = json.loads(path.read_text())
    assert run["name"].startswith("gpt2-small-")
    assert run["settings"]["world"] == "reviews"
    assert run["settings"]["bf16"] is False
    starts = [values[0] for name, values in run["metrics"].items() if name.endswith(" kl")]
    assert starts == pytest.approx([0.0] * len(starts), abs=1e-5)
    for name, values in run["metrics"].items():
        if name.endswith(" steps"):
            fitted = name.startswith(("dpo", "sft"))
            assert values[-1] == (64 if name.startswith("best") else 4 if fitted else 2), name
    assert list(record(experiment, world, TWO_STEPS, tmp_path, made={})) == []  # it is there


def test_a_variant_that_does_not_exist_is_named_with_those_that_do(world, tmp_path):
    run = record("frontier", world, TWO_STEPS, tmp_path, made={}, only=["frontier-films"])
    with pytest.raises(ValueError, match="no variant 'frontier-films'; there are frontier-reviews"):
        next(run)


def test_openings_for_training_and_for_measuring_are_different(world):
    trained, held_out = split(world)
    assert len(trained) == 12
    assert len(held_out) == 4
    task = task_around(world, TWO_STEPS)(0, pairs=8)
    assert task.openings() == trained
    assert task.reference is not world.policy
    assert not any(weight.requires_grad for weight in task.reference.parameters())
