"""This package and trl side by side: time, memory and losses of the same work.

    make benchmark                                  tiny models, on one thread
    make benchmark OPTIONS="--size 124m --threads 2 --steps 2"
    make benchmark OPTIONS="--size 124m --device cuda"

Both losses of one batch, computed on the CPU in float32, must agree to 1e-5; else nothing of that
workload is kept. The result is printed, and kept as JSON and as a picture under runs/; a workload
that is run again replaces what is recorded of it. Time on a quiet machine: a second busy process
can make two threads slower than one.

On a CPU the losses come first. Then each timing is a fresh process, both sides in turn: the peer as
it comes in float32, with our knobs, and with its own defaults.

On a GPU starting a process takes longer than its steps. So there is one for each workload and side,
all start together, and the losses are computed beside. A process touches the GPU only while it is
its turn: mode after mode the peer's turn, then ours, each with models of its own and a first step
that is not timed. When a turn ends, its memory is given back. What fails is told at the end, after
everything else is written.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

import torch
from benchmarking.processes import ROOT, command, waiting, worker

from rlhf_lab import provenance
from rlhf_lab.benchmark_record import SIZES, WORKLOADS, Benchmark, file_name, from_json
from rlhf_lab.benchmark_tables import HEAD, ratio_bars, rows
from rlhf_lab.whole_files import write_whole

ENVIRONMENT = ROOT / ".venv-benchmark"
LARGEST_DIFFERENCE = 1e-5
SIDES = ("peer", "ours")
WITHOUT_DEFAULTS = ("ppo", "decode")  # trl's PPO has no other defaults, `generate` none at all
Compare = Callable[[str, dict, list[str]], dict]


def modes_of(workload: str, machine: dict, device: str) -> list[tuple[str, str]]:
    """Mode and side of each timing in its order.

    bfloat16, which is part of trl's defaults, is left out on a machine that computes it in software
    only.
    """
    in_hardware = machine["gigaflops"]["bf16"] > machine["gigaflops"]["highest"] / 4
    modes = ["float32", "knobs"] + (["bf16"] if in_hardware else [])
    found = [(mode, side) for mode in modes for side in SIDES]
    if in_hardware and workload not in WITHOUT_DEFAULTS:
        found.append(("defaults", "peer"))
    if in_hardware and workload == "decode" and device == "cuda":
        found.append(("static", "peer"))
    return found


def loss_jobs(workload: str) -> dict[str, dict]:
    """Both sides' loss of one batch. Sampling has none."""
    sides = ("ours", "peer") if workload != "decode" else ()
    return {side: {"do": "value", "side": side, "workload": workload} for side in sides}


def agreeing(workload: str, losses: dict[str, float]) -> dict[str, float]:
    """Those losses; RuntimeError unless they agree."""
    if losses and not abs(losses["ours"] - losses["peer"]) <= LARGEST_DIFFERENCE:
        raise RuntimeError(f"{workload}: the losses differ, so nothing is kept: {losses}")
    return losses


def one_timing(workload: str, side: str, mode: str, found: dict) -> dict:
    """What a process found, with its names; printed too."""
    print(f"{workload:13} {side:5} {mode:9} {sorted(found['wall'])}", flush=True)
    return {"side": side, "mode": mode} | found


def comparison(losses: dict, timings: list[dict], given: argparse.Namespace) -> dict:
    """One workload as it is recorded."""
    return {
        "losses": losses,
        "timings": timings,
        "commit": provenance.current_commit(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "threads": given.threads,
    }


@contextmanager
def one_after_the_other(_names: list[str], given: argparse.Namespace) -> Iterator[Compare]:
    """Losses, then timings, each in a fresh process; the first that fails ends everything."""

    def compare(workload: str, machine: dict, _failures: list[str]) -> dict:
        losses = {side: worker(job, given)["loss"] for side, job in loss_jobs(workload).items()}
        losses, timings = agreeing(workload, losses), []
        for mode, side in modes_of(workload, machine, given.device):
            job = {"do": "time", "side": side, "mode": mode, "workload": workload}
            found = worker(job | {"steps": given.steps}, given)
            timings.append(one_timing(workload, side, mode, found))
        return comparison(losses, timings, given)

    yield compare


@contextmanager
def in_turns(names: list[str], given: argparse.Namespace) -> Iterator[Compare]:
    """All processes started; failures of a mode are collected, and those of a workload raised."""
    job = {"do": "turns", "steps": given.steps}
    jobs = {(w, side): job | {"side": side, "workload": w} for w in names for side in SIDES}
    with waiting(jobs, given) as processes, ThreadPoolExecutor(2 * len(names)) as pool:
        promised = {
            (workload, side): pool.submit(worker, job, given)
            for workload in names
            for side, job in loss_jobs(workload).items()
        }

        def compare(workload: str, machine: dict, failures: list[str]) -> dict:
            timings = []
            for mode, side in modes_of(workload, machine, "cuda"):
                try:
                    found = processes[workload, side].turn(mode)
                    timings.append(one_timing(workload, side, mode, found))
                except RuntimeError as error:
                    failures.append(f"{workload}, {side}, {mode}: {error}")
            losses = {
                side: promised[workload, side].result()["loss"] for side in loss_jobs(workload)
            }
            return comparison(agreeing(workload, losses), timings, given)

        yield compare


def versions(given: argparse.Namespace) -> dict[str, str]:
    """What the processes of both sides ran."""
    found = {}
    for workload, packages in (("dpo", ["torch", "transformers", "trl"]), ("ppo", ["trl"])):
        code = "import json; from importlib.metadata import version as v; "
        code += f"print(json.dumps({{p: v(p) for p in {packages}}}))"
        _, environment = command({"do": "time", "side": "peer", "workload": workload}, given)
        done = subprocess.run(
            [given.python, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        found[workload] = json.loads(done.stdout)
    return found["dpo"] | {"trl for PPO": found["ppo"]["trl"], "rlhf_lab": version("rlhf_lab")}


def arguments(line: list[str]) -> argparse.Namespace:
    """The command line, read and checked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--workload", choices=WORKLOADS, action="append", help="default: all")
    parser.add_argument("--steps", type=int, default=5, help="timed, after a first one")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs")
    parser.add_argument(
        "--python", type=Path, default=ENVIRONMENT / "bin/python", help="has torch and trl"
    )
    parser.add_argument(
        "--peer-ppo", type=Path, default=ENVIRONMENT / "trl-1.12", help="folder with trl 1.12"
    )
    given = parser.parse_args(line)
    if given.steps < 1 or given.threads < 1:
        parser.error("--steps and --threads must be 1 or above")
    if given.device not in ("cpu", "cuda"):
        parser.error(f"--device must be cpu or cuda, got {given.device}")
    return given


def show(benchmark: Benchmark) -> None:
    """Print the table, the ratios and what the machine can do."""
    for row in (HEAD, *rows(benchmark)):
        print("".join(f"{cell:<{26 if i == 3 else 15}}" for i, cell in enumerate(row)))
    for name, found in benchmark.workloads.items():
        for label, ratios in (("times as fast", found.ratios()), ("memory", found.memory_ratios())):
            print(f"{name}: {label}:", *(f"{mode} {ratio:.2f}" for mode, ratio in ratios.items()))
    print(json.dumps(benchmark.machine))


def main(given: argparse.Namespace) -> list[str]:
    """Run, record and print; what failed, where the rest could go on."""
    names, failures = given.workload or list(WORKLOADS), []
    given.folder.mkdir(parents=True, exist_ok=True)
    place = given.folder / file_name(given.size, given.device)
    before = json.loads(place.read_text())["workloads"] if place.exists() else {}
    content = {"size": given.size, "device": given.device, "versions": versions(given)}
    start = in_turns if given.device == "cuda" else one_after_the_other
    with start(names, given) as compare:
        machine = worker({"do": "machine"}, given)
        content["hardware"] = machine.pop("hardware") | {"threads": given.threads}
        content["machine"] = machine
        for workload in names:
            try:
                before[workload] = compare(workload, machine, failures)
            except RuntimeError as error:
                if given.device == "cpu":
                    raise
                failures.append(str(error))
                continue
            content["workloads"] = {name: before[name] for name in WORKLOADS if name in before}
            write_whole(place, json.dumps(content, indent=1) + "\n")
    if "workloads" in content:
        benchmark = from_json(content)
        show(benchmark)
        ratio_bars(benchmark).figure.savefig(place.with_suffix(".svg"))
    return failures


if __name__ == "__main__":
    try:
        failed = main(arguments(sys.argv[1:]))
    except RuntimeError as error:
        failed = [str(error)]
    if failed:
        sys.exit("benchmark.py: " + "\n\nbenchmark.py: ".join(failed))
