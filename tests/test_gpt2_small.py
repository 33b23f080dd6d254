"""Two steps of every algorithm with the true GPT-2-small, on the processor, in little memory."""

import resource
from dataclasses import replace

import pytest
import torch

from rlhf_lab import gpt2_base, gpt2_recording, gpt2_small, gpt2_tasks
from rlhf_lab.gpt2_recording import device_named, record
from rlhf_lab.gpt2_sampling import Size, comparisons, responses
from rlhf_lab.gpt2_small import ALGORITHMS, grpo, grpo_process
from rlhf_lab.metrics_log import logged_history
from rlhf_lab.models import tiny_gpt2
from rlhf_lab.responses import pad
from rlhf_lab.runs import load
from rlhf_lab.train import review_model, sums_model
from rlhf_lab.train.loop import history
from rlhf_lab.worlds.reviews import END, encode, training_texts

CPU = torch.device("cpu")
MOST_MODELS, RERUN = "ppo-ptx", pytest.mark.rerun  # `make test` trains it alone at full size
TWO_STEPS = Size(steps=2, batch_size=4, micro_batch_size=4, pairs=4, group_size=2)


def low_ids(responses):
    """A reward that differs from response to response, whatever random weights write."""
    return -responses.tokens.float().mean(dim=1)


@pytest.fixture(scope="module")
def tasks():
    """Both embedded worlds around one GPT-2-small, with random weights at first; short texts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpt2_tasks, "PROMPTS", 16)
        reviews = gpt2_tasks.reviews_task(CPU, base_steps=0)
        patch.setattr(gpt2_tasks, "base_model", lambda *_, **__: reviews.policy)
        sums = gpt2_tasks.sums_task(CPU, base_steps=0)
    return {
        task.name: replace(task, max_tokens=4, texts=task.texts[:8]) for task in (reviews, sums)
    }


def test_it_is_gpt2_small(tasks):
    assert sum(p.numel() for p in tasks["reviews"].policy.parameters()) == 124_439_808


@pytest.mark.parametrize(
    "algorithm",
    [name if name == MOST_MODELS else pytest.param(name, marks=RERUN) for name in ALGORITHMS],
)
def test_two_steps_learn_and_fit_into_six_gigabytes(tasks, algorithm, monkeypatch):
    """Each goes on with the weights that the one before has left; PPO with one pass a step."""
    one_pass = gpt2_small._ppo_config
    monkeypatch.setattr(
        gpt2_small, "_ppo_config", lambda task, size: replace(one_pass(task, size), epochs=1)
    )
    task = replace(
        tasks["reviews"], reward=low_ids, step_reward=lambda r: (r.tokens.float() / 1000, r.mask)
    )
    training = ALGORITHMS[algorithm](task, TWO_STEPS, None)
    metrics = history(training.run)
    assert metrics["step"] == [0, 1]
    assert all(norm > 0 for norm in metrics["grad_norm"])
    assert len(training.samples()) > 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 6 * 2**20  # KiB


def test_a_world_judges_words_that_it_does_not_know_as_wrong(tasks):
    """GPT-2's vocabulary is larger than a world's: no such id may stop a run."""
    reviews, sums = tasks["reviews"], tasks["sums"]
    good = pad([reviews.prompts[0]], [[*encode("the plot was superb ."), END]])
    bad = pad([reviews.prompts[0]], [[*encode("the plot was"), 50_256, *encode("."), END]])
    assert reviews.reward(good) > reviews.reward(bad)
    assert "<begin>" in reviews.written(bad)[0]
    rewards, ends = sums.step_reward(pad([sums.prompts[0]], [[50_256, 0]]))
    assert rewards.sum() == sums.reward(pad([sums.prompts[0]], [[50_256, 0]])) == 0
    assert ends.any()


def tiny(task):
    """The same task for a model that trains in no time."""
    policy = tiny_gpt2(gpt2_base.VOCABULARY, layers=1, width=16, heads=2, context=64, seed=0)
    return replace(task, policy=policy)


def test_comparisons_are_of_fresh_responses_and_follow_the_reward(tasks):
    task = replace(tiny(tasks["reviews"]), label_temperature=1e-6, reward=low_ids)
    pairs = comparisons(task, replace(TWO_STEPS, pairs=64))
    assert len(pairs) == 64
    won, lost = task.reward(pairs.chosen), task.reward(pairs.rejected)
    assert (won >= lost).all()
    assert won.shape == (64,)
    again = responses(task, count=64, seed=0)
    assert torch.equal(again.tokens, responses(task, count=64, seed=0).tokens)


def test_a_group_that_does_not_divide_the_batch_and_a_task_without_judged_steps_are_refused(tasks):
    task = tiny(tasks["reviews"])
    with pytest.raises(ValueError, match="group_size must divide 4, got 3"):
        grpo(task, replace(TWO_STEPS, group_size=3), None)
    with pytest.raises(ValueError, match="reviews has none"):
        grpo_process(task, TWO_STEPS, None)
    with pytest.raises(ValueError, match="group_size must be a whole number, 2 or above"):
        replace(TWO_STEPS, group_size=1)


@pytest.mark.parametrize(("algorithm", "every"), [("dpo", 1), ("reward-model", 20)])
def test_a_recording_holds_metrics_curves_and_samples_and_is_kept(
    tasks, algorithm, every, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("RLHF_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(gpt2_recording, "task_for", lambda *_, **__: tiny(tasks["reviews"]))
    settings = {"device": CPU, "world": "reviews", "base_steps": 0, "every": every, "bf16": True}
    record(algorithm, TWO_STEPS, tmp_path / "runs", **settings)
    folder = tmp_path / "runs" / f"gpt2-small-{algorithm}"
    run = load(folder / "seed-0.json")
    assert run.metrics["step"] == [0, 1]
    assert run.seconds == pytest.approx(sum(run.metrics["seconds"]), abs=1e-3)
    assert run.settings["world"] == "reviews"
    assert "<svg" in (folder / "seed-0.svg").read_text()
    assert (folder / "seed-0.txt").read_text().count("before:") > 2
    assert not list((tmp_path / "cache").rglob("*.safetensors"))
    capsys.readouterr()
    record(algorithm, TWO_STEPS, tmp_path / "runs", **settings)
    assert "is there already" in capsys.readouterr().out


@pytest.mark.parametrize("broken", ["picture", "write_whole", "runs.save"])
def test_a_recording_that_is_broken_off_is_made_whole_by_the_same_command(
    tasks, broken, tmp_path, monkeypatch
):
    """And has every metric, that which is no number at each step too."""

    def stop(*_):
        raise KeyboardInterrupt

    def one_is_no_number(run, log, *, steps):
        return logged_history(run, log, steps=steps) | {"fit": [float("nan")] * steps}

    monkeypatch.setenv("RLHF_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(gpt2_recording, "task_for", lambda *_, **__: tiny(tasks["reviews"]))
    monkeypatch.setattr(gpt2_recording, "logged_history", one_is_no_number)
    settings = {"device": CPU, "world": "reviews", "base_steps": 0, "every": 1, "bf16": False}
    with monkeypatch.context() as patch:
        patch.setattr(f"rlhf_lab.gpt2_recording.{broken}", stop)
        with pytest.raises(KeyboardInterrupt):
            record("sft", TWO_STEPS, tmp_path / "runs", **settings)
    folder = tmp_path / "runs" / "gpt2-small-sft"
    assert not (folder / "seed-0.json").exists()
    record("sft", TWO_STEPS, tmp_path / "runs", **settings)
    files = {path.name for path in folder.iterdir()}
    assert files == {"seed-0.json", "seed-0.svg", "seed-0.txt"}
    assert "fit" in load(folder / "seed-0.json").metrics


def test_without_a_gpu_and_without_a_device_one_line_says_what_to_do(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"needs a GPU and none is here; .*--device cpu"):
        device_named(None)
    assert device_named("cpu") == CPU
    with pytest.raises(ValueError, match="needs a GPU"):
        device_named("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert device_named(None) == torch.device("cuda", 3)


def test_without_a_hub_it_says_so_and_takes_the_review_world(tasks, monkeypatch, capsys):
    def offline(_device):
        raise ConnectionError("no hub answers")

    def named_after_its_steps(_device, base_steps):
        return replace(tasks["reviews"], name=f"{base_steps} steps")

    monkeypatch.setattr(gpt2_recording, "imdb_task", offline)
    monkeypatch.setattr(gpt2_recording, "reviews_task", named_after_its_steps)
    assert gpt2_recording.task_for("dpo", None, CPU, base_steps=7).name == "7 steps"
    assert gpt2_recording.task_for("sft", None, CPU, base_steps=7).name == "0 steps"
    assert "the review world instead: no hub answers" in capsys.readouterr().out
    with pytest.raises(ValueError, match="no IMDb: no hub answers"):
        gpt2_recording.task_for("dpo", "imdb", CPU, base_steps=7)


@pytest.mark.parametrize(("world", "small"), [("reviews", review_model), ("sums", sums_model)])
def test_another_architecture_or_code_of_a_world_is_another_base_model(world, small, monkeypatch):
    """A cached file is of the code and sizes that would be trained now."""
    recipes, hashed = [], set()

    def kept(build, train, *, name, made_by):
        recipes.append(made_by)
        return torch.nn.Linear(1, 1)

    monkeypatch.setattr(gpt2_base, "cached_weights", kept)
    monkeypatch.setattr(gpt2_base, "hash_of_sources", lambda *files: hashed.update(files))
    for layers in (12, 6):
        monkeypatch.setitem(gpt2_base.SMALL, "layers", layers)
        gpt2_base.base_model(world, training_texts, CPU, steps=1)
    assert recipes[0] != recipes[1]
    assert {*small.SOURCES, "gpt2.py", "gpt2_attention.py", "gpt2_layers.py"} <= hashed


def test_an_algorithm_that_does_not_exist_is_named_with_those_that_do(tmp_path):
    settings = {"device": CPU, "world": "reviews", "base_steps": 0, "every": 1, "bf16": False}
    with pytest.raises(ValueError, match="no algorithm 'trpo'; there are sft, reward-model, dpo"):
        record("trpo", TWO_STEPS, tmp_path, **settings)
