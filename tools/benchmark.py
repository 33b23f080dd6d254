"""This package and trl side by side: time, memory and losses of the same work.

    make benchmark                                  tiny models, on one thread
    make benchmark OPTIONS="--size 124m --threads 2 --steps 2"

Both losses of one batch must agree to 1e-5 before anything is timed. Then each side runs in fresh
processes in turn: the peer as it comes in float32, with our knobs, and with its own defaults. The
result is printed, and kept as JSON and as a picture under runs/; a workload that is run again
replaces what is recorded of it. Time on a quiet machine: a second busy process can make two threads
slower than one.
"""

import argparse
import json
import os
import subprocess
import sys
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

import torch

from rlhf_lab import runs
from rlhf_lab.benchmark_record import HEAD, MODES, SIZES, WORKLOADS, from_json, ratio_bars, rows
from rlhf_lab.whole_files import write_whole

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-benchmark"
LARGEST_DIFFERENCE = 1e-5
WITHOUT_DEFAULTS = ("ppo", "decode")  # trl's PPO has no other defaults; `generate` has no settings


def worker(job: dict, given: argparse.Namespace) -> dict:
    """What one fresh process finds. RuntimeError with its last lines where it fails."""
    job = {"size": given.size, "threads": given.threads, "device": given.device} | job
    path = [str(ROOT), str(ROOT / "tools")]
    if job.get("side") == "peer" and job["workload"] == "ppo":
        path.insert(0, str(ENVIRONMENT / "trl-1.12"))
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path),
        "OMP_NUM_THREADS": str(given.threads),
        "HF_HUB_OFFLINE": "1",
    }
    command = [ENVIRONMENT / "bin/python", "-m", "benchmarking.worker", json.dumps(job)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{job} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def equal_losses(workload: str, given: argparse.Namespace) -> dict[str, float]:
    """Both losses of one batch; RuntimeError unless they agree. Sampling has none."""
    if workload == "decode":
        return {}
    losses = {
        side: worker({"do": "value", "side": side, "workload": workload}, given)["loss"]
        for side in ("ours", "peer")
    }
    if not abs(losses["ours"] - losses["peer"]) <= LARGEST_DIFFERENCE:
        raise RuntimeError(f"{workload}: the losses differ, so nothing is timed: {losses}")
    return losses


def compared(workload: str, machine: dict, given: argparse.Namespace) -> dict:
    """Losses, then timings of both sides in turn.

    trl's defaults compute in bfloat16, and are left out on a machine that does so in software only.
    """
    rates = machine["gigaflops"]
    with_defaults = workload not in WITHOUT_DEFAULTS and rates["bf16"] > rates["highest"] / 4
    from benchmarking import work

    losses, timings = equal_losses(workload, given), []
    tokens = work.training_tokens(workload)
    operations = work.plain_operations(workload, given.size) * tokens / 1e9
    for mode in MODES:
        for side in ("peer", "ours"):
            if mode == "defaults" and (side == "ours" or not with_defaults):
                continue
            job = {"do": "time", "side": side, "mode": mode, "workload": workload}
            found = worker(job | {"steps": given.steps}, given)
            timings.append(
                {"side": side, "mode": mode, "tokens": tokens, "work": operations} | found
            )
            print(f"{workload:13} {side:5} {mode:9} {sorted(found['wall'])}", flush=True)
    return {
        "losses": losses,
        "timings": timings,
        "commit": runs.current_commit(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "threads": given.threads,
    }


def versions() -> dict[str, str]:
    """What the processes of both sides ran."""
    code = "import json; from importlib.metadata import version as v; "
    code += "print(json.dumps({p: v(p) for p in ('torch', 'transformers', 'trl')}))"
    found = subprocess.run(
        [ENVIRONMENT / "bin/python", "-c", code], capture_output=True, text=True, check=True
    )
    return json.loads(found.stdout) | {"trl for PPO": "1.12.0", "rlhf_lab": version("rlhf_lab")}


def main() -> None:
    """Read the command line, run, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--workload", choices=WORKLOADS, action="append", help="default: all")
    parser.add_argument("--steps", type=int, default=5, help="timed, after a first one")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs")
    given = parser.parse_args()
    if given.steps < 1 or given.threads < 1:
        parser.error("--steps and --threads must be 1 or above")
    place = given.folder / f"benchmark-{given.size}.json"
    before = json.loads(place.read_text())["workloads"] if place.exists() else {}
    hardware = runs.hardware() | {"threads": given.threads}
    content = {"size": given.size, "versions": versions(), "hardware": hardware}
    content["machine"] = worker({"do": "machine"}, given)
    for workload in given.workload or WORKLOADS:
        before[workload] = compared(workload, content["machine"], given)
        content["workloads"] = {name: before[name] for name in WORKLOADS if name in before}
        write_whole(place, json.dumps(content, indent=1) + "\n")
    benchmark = from_json(content)
    for row in (HEAD, *rows(benchmark)):
        print("".join(f"{cell:<{26 if i == 3 else 15}}" for i, cell in enumerate(row)))
    for name, comparison in benchmark.workloads.items():
        ratios = ", ".join(f"{mode} {ratio:.2f}" for mode, ratio in comparison.ratios().items())
        print(f"{name}: times as fast: {ratios}; memory {comparison.memory_ratio():.2f}")
    print(json.dumps(content["machine"]))
    ratio_bars(benchmark).figure.savefig(place.with_suffix(".svg"))


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(f"benchmark.py: {error}")
