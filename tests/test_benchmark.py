"""The benchmark's processes, with a worker that answers at once and loads nothing."""

import json
import os
import sys
from pathlib import Path

import pytest
import torch

from rlhf_lab.benchmark_record import load
from rlhf_lab.models import tiny_gpt2

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import benchmark  # noqa: E402
from benchmarking import processes, work  # noqa: E402

# Notes in the log what it does. It dies, or fails in one mode, where the folder has a file that
# says so. Its own loss of DPO is that of such a file.
FAKE = f"""#!{sys.executable}
import json, sys
from pathlib import Path
here = Path(__file__).parent
def note(*words):
    with open(here / "log", "a") as log:
        print(*words, file=log)
if sys.argv[1] == "-c":
    print('{{"torch": "0", "transformers": "0", "trl": "0"}}')
    sys.exit()
job = json.loads(sys.argv[3])
name = job.get("workload"), job.get("side")
timing = {{"wall": [1.0], "cpu": [1.0], "peak_megabytes": 1.0, "tokens": 1, "work": 1.0}}
rates = {{"highest": 1.0, "medium": 1.0, "bf16": 1.0}}
if job["do"] == "turns":
    if (here / "-".join(("dies", *name))).exists():
        sys.exit("my last words")
    for line in sys.stdin:
        mode = line.strip()
        note("begin", *name, mode)
        print("what a library prints")
        failed = (here / "-".join(("fails", *name, mode))).exists()
        note("end", *name, mode)
        print("answer: " + json.dumps({{"failed": "no memory"}} if failed else timing), flush=True)
elif job["do"] == "value":
    apart = here / "-".join(("apart", *name))
    print(json.dumps({{"loss": 1.0 if apart.exists() else 0.5}}))
else:
    note(job["do"], *(x for x in (*name, job.get("mode")) if x))
    machine = {{"gigaflops": rates, "gigabytes": 1.0, "hardware": {{"gpu": "a GPU"}}}}
    print(json.dumps(machine if job["do"] == "machine" else timing))
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "python").write_text(FAKE)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def given(place, device, *workloads):
    line = ["--device", device, "--folder", str(place), "--python", str(place / "python")]
    for workload in workloads:
        line += ["--workload", workload]
    return benchmark.arguments(line)


def test_on_a_gpu_the_sides_take_turns_in_each_mode(place):
    assert benchmark.main(given(place, "cuda", "dpo", "decode")) == []
    turns = [f"dpo {side} {mode}" for mode in ("float32", "knobs", "bf16")
             for side in ("peer", "ours")] + ["dpo peer defaults"]  # fmt: skip
    turns += [turn.replace("dpo", "decode") for turn in turns[:-1]] + ["decode peer static"]
    expected = ["machine"] + [f"{word} {turn}" for turn in turns for word in ("begin", "end")]
    assert (place / "log").read_text().splitlines() == expected
    found = load("tiny", place, device="cuda")
    assert found.hardware == {"gpu": "a GPU", "threads": 1}
    assert found.workloads["dpo"].losses == {"ours": 0.5, "peer": 0.5}
    assert len(found.workloads["dpo"].timings) == 7
    assert (place / "benchmark-tiny-cuda.svg").exists()


def test_a_static_cache_is_timed_on_a_gpu_that_computes_bfloat16():
    fast, slow = ({"gigaflops": {"highest": 1, "bf16": rate}} for rate in (2, 0.1))
    static = ("static", "peer")
    assert static in benchmark.modes_of("decode", fast, "cuda")
    assert static not in benchmark.modes_of("decode", fast, "cpu")
    assert static not in benchmark.modes_of("decode", slow, "cuda")
    assert static not in benchmark.modes_of("dpo", fast, "cuda")


def test_a_mode_that_fails_loses_no_other(place):
    (place / "fails-dpo-peer-bf16").touch()
    failures = benchmark.main(given(place, "cuda", "dpo", "grpo"))
    assert failures == ["dpo, peer, bf16: no memory"]
    found = load("tiny", place, device="cuda").workloads
    assert set(found["dpo"].ratios()) == {"float32", "knobs", "defaults"}
    assert set(found["grpo"].ratios()) == {"float32", "knobs", "bf16", "defaults"}


def test_a_process_that_dies_is_told_by_its_last_words(place):
    (place / "dies-ppo-ours").touch()
    failures = benchmark.main(given(place, "cuda", "ppo", "dpo"))
    assert len(failures) == 3
    assert all("ppo, ours" in one and "my last words" in one for one in failures)
    assert len(load("tiny", place, device="cuda").workloads["dpo"].timings) == 7


def test_a_turn_that_does_not_end_is_ended(tmp_path):
    line = [sys.executable, "-c", "import time; time.sleep(60)"]
    with open(tmp_path / "errors", "w+") as errors:
        process = processes.Waiting(line, dict(os.environ), errors)
        with pytest.raises(RuntimeError, match="ended with -9"):
            process.turn("float32", limit=0.2)
        process.end()


def test_what_has_other_losses_is_not_kept(place):
    (place / "apart-dpo-ours").touch()
    failures = benchmark.main(given(place, "cuda", "dpo", "grpo"))
    assert len(failures) == 1
    assert failures[0].startswith("dpo: the losses differ, so nothing is kept")
    assert list(load("tiny", place, device="cuda").workloads) == ["grpo"]


def test_on_a_cpu_each_timing_is_a_process_and_other_losses_end_it(place):
    assert benchmark.main(given(place, "cpu", "ppo")) == []
    expected = [f"time ppo {side} {mode}" for mode in ("float32", "knobs", "bf16")
                for side in ("peer", "ours")]  # fmt: skip
    assert (place / "log").read_text().splitlines() == ["machine", *expected]
    (place / "apart-ppo-peer").touch()
    with pytest.raises(RuntimeError, match="ppo: the losses differ"):
        benchmark.main(given(place, "cpu", "ppo"))


def test_only_the_peers_ppo_sees_the_older_trl_and_a_loss_sees_no_gpu(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "inherited")
    one = benchmark.arguments(["--device", "cuda", "--peer-ppo", "older"])
    own = [str(ROOT), str(ROOT / "tools"), "inherited"]
    job = {"do": "turns", "side": "peer", "workload": "ppo"}
    for change, path in (
        ({}, ["older", *own]),
        ({"side": "ours"}, own),
        ({"workload": "dpo"}, own),
    ):
        _, environment = processes.command(job | change, one)
        assert environment["PYTHONPATH"].split(os.pathsep) == path
        assert environment.get("CUDA_VISIBLE_DEVICES") == os.environ.get("CUDA_VISIBLE_DEVICES")
    line, environment = processes.command(job | {"do": "value"}, one)
    assert environment["CUDA_VISIBLE_DEVICES"] == ""
    assert json.loads(line[-1])["device"] == "cpu"


def test_decoding_reads_each_matrix_and_the_cache_before_each_token():
    made = work.config("tiny")
    size = {"layers": made.n_layer, "width": made.n_embd, "heads": made.n_head, "seed": 0}
    model = tiny_gpt2(made.vocab_size, context=made.n_positions, **size)
    once = sum(w.numel() for name, w in model.named_parameters() if w.dim() == 2)
    numbers = work.NEW * (once - model.transformer.wpe.weight.numel())  # a row of it is read
    cache = model(work.rollout("tiny")["prompts"], use_cache=True).past_key_values
    prompt = sum(layer.keys.numel() + layer.values.numel() for layer in cache.layers)
    for written in range(1, work.NEW):
        numbers += prompt * (work.PROMPT + written) // work.PROMPT
    assert work.least_gigabytes("decode", "tiny", "float32") == pytest.approx(4 * numbers / 1e9)
    for mode in ("bf16", "static"):
        assert work.least_gigabytes("decode", "tiny", mode) == pytest.approx(2 * numbers / 1e9)
    assert work.least_gigabytes("dpo", "tiny", "bf16") == 0


def test_a_clock_waits_for_the_gpu_before_it_looks(monkeypatch):
    seen = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: seen.append("waits"))
    monkeypatch.setattr(work.time, "perf_counter", lambda: seen.append("looks") or len(seen))
    clock = work.Clock("cuda")
    for _ in range(3):
        clock.tick()
    assert seen == ["waits", "looks"] * 3
    assert clock.steps()["wall"] == [2]
    clock.ends[1] = 5, 0
    assert clock.first == 5 - clock.ends[0][0]


@pytest.mark.parametrize(
    ("mode", "device", "kept"),
    [("knobs", "cpu", True), ("float32", "cpu", False), ("knobs", "cuda", False)],
)
def test_the_knobs_of_a_cpu_keep_freed_memory_and_nothing_else_does(
    mode, device, kept, monkeypatch
):
    calls = []
    monkeypatch.setattr(work, "keep_freed_memory", lambda: calls.append(mode))
    before = torch.get_float32_matmul_precision()
    try:
        with work.arithmetic(mode, device):
            expected = "medium" if mode == "knobs" else "highest"
            assert torch.get_float32_matmul_precision() == expected
    finally:
        torch.set_float32_matmul_precision(before)
    assert bool(calls) == kept


@pytest.mark.parametrize(
    ("mode", "precision", "freed_is_kept"),
    [("float32", "highest", False), ("knobs", "medium", True), ("bf16", "highest", True)],
)
def test_what_a_mode_sets_on_a_cpu(mode, precision, freed_is_kept, monkeypatch):
    kept, before = [], torch.get_float32_matmul_precision()
    monkeypatch.setattr(work, "keep_freed_memory", lambda: kept.append(mode))
    with work.arithmetic(mode, "cpu"):
        assert torch.get_float32_matmul_precision() == precision
        assert torch.backends.cuda.flash_sdp_enabled() is not freed_is_kept
    torch.set_float32_matmul_precision(before)
    assert bool(kept) is freed_is_kept
