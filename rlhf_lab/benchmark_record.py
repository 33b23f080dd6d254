"""The recorded benchmark: this package beside trl on the same work."""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rlhf_lab.runs import recorded_folder

WORKLOADS = ("dpo", "grpo", "ppo", "reward-model", "decode")
MODES = ("float32", "knobs", "bf16", "defaults", "static")
SIZES = ("tiny", "124m")
BESIDE = {mode: mode for mode in ("float32", "knobs", "bf16")} | dict.fromkeys(MODES[3:], "bf16")
"""our mode that computes in as many bits as the peer in each of its modes"""
RATES = {"float32": "highest", "knobs": "medium"} | dict.fromkeys(MODES[2:], "bf16")
"""the machine's rate of large products in as many bits as each mode"""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """The steps of one side in one process of its own."""

    side: str
    """"ours" or "peer": trl, or for decoding transformers' `generate`"""
    mode: str
    """"float32"; "knobs": float32 at "medium", and on a CPU attention written out and freed memory
    kept; "bf16": products in bfloat16, on a CPU with the latter two; "defaults": trl's settings,
    which are bfloat16 and checkpointing; "static": `generate` in bfloat16 over a cache of fixed
    size, for which it compiles the model, on a GPU alone"""
    wall: list[float]
    """seconds of each step"""
    cpu: list[float]
    """seconds of all threads"""
    peak_megabytes: float
    tokens: int
    """that a step trains on, or writes"""
    work: float
    """10⁹ multiply-adds, times two, of a step in a plain loop"""
    first: float | None = None
    """seconds of the first step, which is no part of the others; None where it was not kept"""
    least_gigabytes: float = 0.0
    """10⁹ bytes that decoding reads at least: weights and cache, once a token"""

    @property
    def seconds(self) -> float:
        """The median step."""
        return median(self.wall)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One workload: both losses on the same batch, then the timings in the order they ran."""

    losses: dict[str, float]
    timings: list[Timing]
    commit: str
    date: str
    threads: int
    device: str = "cpu"

    def of(self, side: str, mode: str) -> Timing:
        """One of the timings. ValueError where there is none."""
        for timing in self.timings:
            if (timing.side, timing.mode) == (side, mode):
                return timing
        raise ValueError(f"no timing of {side} in mode {mode!r} is recorded")

    def ratios(self) -> dict[str, float]:
        """How many times as fast we are as the peer in each of its modes that both have.

        Ours is the mode of as many bits: on a CPU the knobs, which take no precision of most,
        beside float32 as well, and beside trl's defaults where our bfloat16 was not timed.
        """
        ours = {timing.mode: timing.seconds for timing in self.timings if timing.side == "ours"}
        peer = {timing.mode: timing.seconds for timing in self.timings if timing.side == "peer"}
        beside = dict(BESIDE)
        if self.device == "cpu":
            beside["float32"] = "knobs"
            beside["defaults"] = "bf16" if "bf16" in ours else "knobs"
        return {mode: peer[mode] / ours[beside[mode]] for mode in peer if beside[mode] in ours}

    def memory_ratios(self) -> dict[str, float]:
        """Our peak memory divided by the peer's, in each mode that both have."""
        ours, peer = (
            {timing.mode: timing.peak_megabytes for timing in self.timings if timing.side == side}
            for side in ("ours", "peer")
        )
        return {mode: ours[mode] / peer[mode] for mode in peer if mode in ours}


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What `tools/benchmark.py` wrote for models of one size on one machine."""

    size: str
    versions: dict[str, str]
    hardware: dict
    machine: dict
    workloads: dict[str, Comparison]
    device: str = "cpu"

    def matrix_share(self, timing: Timing) -> float:
        """Of the machine's rate in large products: a plain loop's work in this time.

        In as many bits as the mode; on a CPU float32 always at "medium", the faster kernel.
        """
        fast = self.device == "cpu" and timing.mode == "float32"
        rate = "medium" if fast else RATES[timing.mode]
        return timing.work / timing.seconds / self.machine["gigaflops"][rate]

    def bandwidth_share(self, timing: Timing) -> float:
        """Of the machine's bandwidth: the least bytes of decoding in this time."""
        return timing.least_gigabytes / timing.seconds / self.machine["gigabytes"]


def file_name(size: str, device: str) -> str:
    """Where a benchmark is kept: on a CPU without the device."""
    return f"benchmark-{size}.json" if device == "cpu" else f"benchmark-{size}-{device}.json"


def load(size: str, folder: Path | None = None, *, device: str = "cpu") -> Benchmark:
    """Read one benchmark. Raises ValueError naming the file where it is not one."""
    path = (folder or recorded_folder()) / file_name(size, device)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return from_json(content)
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no recorded benchmark: {error!r}") from error


def load_all(folder: Path | None = None, *, device: str = "cpu") -> list[Benchmark]:
    """Those that are recorded of a device, the smallest model first."""
    place = folder or recorded_folder()
    sizes = [size for size in SIZES if (place / file_name(size, device)).exists()]
    return [load(size, place, device=device) for size in sizes]


def from_json(content: dict) -> Benchmark:
    """The benchmark that a file's content describes."""
    workloads = {}
    for name, given in content["workloads"].items():
        timings = [Timing(**timing) for timing in given["timings"]]
        device = content.get("device", "cpu")
        workloads[name] = Comparison(**{**given, "timings": timings, "device": device})
    return Benchmark(**{**content, "workloads": workloads})
