"""One process of the benchmark: `worker.py JSON` prints one line of JSON at its end.

{"do": "value"} gives a loss, {"do": "time"} seconds a step and the peak memory, {"do": "machine"}
what the machine is and can do. {"do": "turns"} loads what it needs, but touches no GPU; then it
reads modes, one a line, and answers each with a line of its timing or of what failed.
"""

import json
import sys
import time
import traceback

import torch

from benchmarking import work
from benchmarking.processes import ANSWER


def main(job: dict) -> None:
    """Do the job and print what was found."""
    torch.set_num_threads(job["threads"])
    if job["do"] == "turns":
        return turns(job)
    print("\n" + json.dumps({"value": value, "time": timed, "machine": machine}[job["do"]](job)))


def turns(job: dict) -> None:
    """Answer each mode that is asked for. What fails in one mode does not end the process."""
    side_of(job).prepare(job["workload"], job["size"])
    for line in sys.stdin:
        try:
            found = timed(job | {"mode": line.strip()})
        except Exception:
            found = {"failed": traceback.format_exc()}
        print("\n" + ANSWER + json.dumps(found), flush=True)


def side_of(job: dict):
    """The module that does the work; only it is loaded."""
    if job["side"] == "ours":
        from benchmarking import ours

        return ours
    from benchmarking import peer

    return peer


def value(job: dict) -> dict:
    """A loss in float32."""
    side = side_of(job)
    if job["side"] == "ours":
        return {"loss": side.VALUES[job["workload"]](job["size"]).item()}
    return {"loss": side.value(job["workload"], job["size"])}


def timed(job: dict) -> dict:
    """Seconds of each step, and the most memory held."""
    names = ("workload", "size", "mode", "steps", "device")
    memory = work.Memory(job["device"])
    try:
        with work.arithmetic(job["mode"], job["device"]):
            steps = side_of(job).timed(**{name: job[name] for name in names})
        peak = memory.peak_megabytes()
    finally:
        memory.give_back()
    tokens = work.training_tokens(job["workload"])
    return steps | {
        "peak_megabytes": peak,
        "tokens": tokens,
        "work": work.plain_operations(job["workload"], job["size"]) * tokens / 1e9,
        "least_gigabytes": work.least_gigabytes(job["workload"], job["size"], job["mode"]),
    }


def machine(job: dict) -> dict:
    """In 10⁹ a second: multiply-adds, times two, of a large product, and bytes a copy moves."""
    from rlhf_lab import precision, provenance

    found, large = {}, job["device"] == "cuda"
    types = {"highest": torch.float32, "medium": torch.float32, "bf16": torch.bfloat16}
    for name, dtype in types.items():
        torch.set_float32_matmul_precision("medium" if name == "medium" else "highest")
        for size in (2048, 8192) if large else (256, 2048):
            left, right = torch.randn(2, size, size, device=job["device"]).to(dtype)
            seconds = best_of(5, job["device"], lambda left=left, right=right: left @ right)
            found[name] = 2 * size**3 / seconds / 1e9
            if seconds > 0.01:  # no unit for such numbers: the large product would take minutes
                break
    source = torch.ones(2**28 if large else 2**26, device=job["device"])
    target = torch.empty_like(source)
    seconds = best_of(5, job["device"], lambda: target.copy_(source))
    device = torch.device(job["device"])
    with precision.medium():
        error = precision.matrix_error(device)
    return {
        "gigaflops": found,
        "gigabytes": 2 * source.nbytes / seconds / 1e9,
        "medium_error": error,
        "float32_error": precision.matrix_error(device),
        "hardware": provenance.hardware(),
    }


def best_of(count: int, device: str, action) -> float:
    """The fewest seconds of `count` runs after a first one."""
    seconds = []
    for _ in range(count + 1):
        start = time.perf_counter()
        action()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
