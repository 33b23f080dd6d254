"""The recorded benchmark: this package beside trl on the same work, as numbers, table, picture."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from matplotlib.axes import Axes

from rlhf_lab import plots
from rlhf_lab.html_tables import table
from rlhf_lab.runs import recorded_folder

WORKLOADS = ("dpo", "grpo", "ppo", "reward-model", "decode")
MODES = ("float32", "knobs", "defaults")
SIZES = ("tiny", "124m")


@dataclass(frozen=True, kw_only=True)
class Timing:
    """The steps of one side in one process of its own."""

    side: str
    """"ours" or "peer": trl, or for decoding transformers' `generate`"""
    mode: str
    """"float32"; "knobs": float32 at "medium", attention written out; "defaults": trl's settings"""
    wall: list[float]
    """seconds of each step"""
    cpu: list[float]
    """seconds of all threads"""
    peak_megabytes: float
    tokens: int
    """that a step trains on, or writes"""
    work: float
    """10⁹ multiply-adds, times two, of a step in a plain loop"""

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

    def of(self, side: str, mode: str) -> Timing:
        """One of the timings. ValueError where there is none."""
        for timing in self.timings:
            if (timing.side, timing.mode) == (side, mode):
                return timing
        raise ValueError(f"no timing of {side} in mode {mode!r} is recorded")

    def ratios(self) -> dict[str, float]:
        """How many times as fast we are, with knobs, as the peer in each of its modes."""
        ours = self.of("ours", "knobs").seconds
        return {t.mode: t.seconds / ours for t in self.timings if t.side == "peer"}

    def memory_ratio(self) -> float:
        """Our peak memory divided by the peer's, both in float32."""
        peaks = [self.of(side, "float32").peak_megabytes for side in ("ours", "peer")]
        return peaks[0] / peaks[1]


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What `tools/benchmark.py` wrote for models of one size on one machine."""

    size: str
    versions: dict[str, str]
    hardware: dict
    machine: dict
    workloads: dict[str, Comparison]


def load(size: str, folder: Path | None = None) -> Benchmark:
    """Read `benchmark-SIZE.json`. Raises ValueError naming the file where it is not one."""
    path = (folder or recorded_folder()) / f"benchmark-{size}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return from_json(content)
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no recorded benchmark: {error!r}") from error


def load_all(folder: Path | None = None) -> list[Benchmark]:
    """Those that are recorded, the smallest model first."""
    place = folder or recorded_folder()
    return [load(size, place) for size in SIZES if (place / f"benchmark-{size}.json").exists()]


def from_json(content: dict) -> Benchmark:
    """The benchmark that a file's content describes."""
    workloads = {}
    for name, given in content["workloads"].items():
        timings = [Timing(**timing) for timing in given["timings"]]
        workloads[name] = Comparison(**{**given, "timings": timings})
    return Benchmark(**{**content, "workloads": workloads})


def rows(benchmark: Benchmark) -> list[tuple[str, ...]]:
    """One row a timing: median, least and most of a step, CPU time, tokens a second, memory."""
    found = []
    for name, comparison in benchmark.workloads.items():
        for timing in comparison.timings:
            spread = f"{timing.seconds:.3g} ({min(timing.wall):.3g} to {max(timing.wall):.3g})"
            reached = timing.work / timing.seconds / benchmark.machine["gigaflops"]["medium"]
            found.append(
                (
                    name,
                    timing.side,
                    timing.mode,
                    spread,
                    f"{median(timing.cpu):.3g}",
                    f"{timing.tokens / timing.seconds:.0f}",
                    f"{timing.peak_megabytes:.0f}",
                    f"{reached:.0%}",
                )
            )
    return found


HEAD = ("work", "side", "mode", "s a step", "CPU s", "tokens/s", "peak MB", "of the matrix rate")


def rows_as_html(benchmark: Benchmark) -> str:
    """Those rows as a table of a page."""
    return table(HEAD, rows(benchmark), label=f"benchmark, {benchmark.size}")


def ratio_bars(benchmark: Benchmark, names: Sequence[str] = WORKLOADS) -> Axes:
    """For each workload how many times as fast we are as the peer in each of its modes."""
    shown = [name for name in names if name in benchmark.workloads]
    ratios = [benchmark.workloads[name].ratios() for name in shown]
    modes = [mode for mode in MODES if any(mode in found for found in ratios)]
    series = {f"trl, {mode}": [found.get(mode, 0.0) for found in ratios] for mode in modes}
    axes = plots.panels(width=5.7)[0]
    axes.axhline(1, linewidth=1, linestyle=":")
    return plots.bars(shown, series, x_label="", y_label="times as fast", axes=axes)
