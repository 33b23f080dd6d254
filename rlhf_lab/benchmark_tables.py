"""The recorded benchmark as a table and as a picture."""

from collections.abc import Sequence
from statistics import median

from matplotlib.axes import Axes

from rlhf_lab import plots
from rlhf_lab.benchmark_record import MODES, WORKLOADS, Benchmark, Timing
from rlhf_lab.html_tables import table


def rows(benchmark: Benchmark) -> list[tuple[str, ...]]:
    """One row a timing: median, least and most of a step, CPU time, tokens a second, memory."""
    found = []
    for name, comparison in benchmark.workloads.items():
        for timing in comparison.timings:
            extent = f"({min(timing.wall):.3g} to {max(timing.wall):.3g})"
            spread = f"{timing.seconds:.3g} " + extent.replace(" ", "\N{NO-BREAK SPACE}")
            found.append(
                (
                    name,
                    timing.side,
                    timing.mode,
                    spread,
                    f"{median(timing.cpu):.3g}",
                    f"{timing.tokens / timing.seconds:.0f}",
                    f"{timing.peak_megabytes:.0f}",
                    share(benchmark, timing),
                )
            )
    return found


def share(benchmark: Benchmark, timing: Timing) -> str:
    """Of the machine's matrix rate; of its bandwidth where the least bytes are known."""
    if timing.least_gigabytes:
        return f"{benchmark.bandwidth_share(timing):.0%} of the band\N{SOFT HYPHEN}width"
    return f"{benchmark.matrix_share(timing):.0%}"


HEAD = ("work", "side", "mode", "s a step", "CPU s", "tokens/s", "peak MB", "of the matrix rate")


def rows_as_html(benchmark: Benchmark) -> str:
    """Those rows as a table of a page."""
    return table(HEAD, rows(benchmark), label=f"benchmark, {benchmark.size}, {benchmark.device}")


def loss_lines(benchmark: Benchmark) -> list[str]:
    """How far the two losses of each workload that has some are apart."""
    found = {name: work.losses for name, work in benchmark.workloads.items() if work.losses}
    return [f"  {name}: {abs(x['ours'] - x['peer']):.0e}" for name, x in found.items()]


def ratios_as_html(benchmark: Benchmark) -> str:
    """How many times as fast we are, and our part of the peer's memory, in a row a workload."""
    modes = [m for m in MODES if any(m in w.ratios() for w in benchmark.workloads.values())]
    held = [m for m in ("float32", "bf16") if m in modes]
    cells = []
    for name, work in benchmark.workloads.items():
        pairs = [(work.ratios(), mode) for mode in modes]
        pairs += [(work.memory_ratios(), mode) for mode in held]
        numbers = [f"{ratios[m]:.2f}" if m in ratios else "\N{EN DASH}" for ratios, m in pairs]
        cells.append((name, *numbers))
    head = ("work", *modes, *(f"memory, {mode}" for mode in held))
    return table(head, cells, label=f"ratios, {benchmark.size}, {benchmark.device}")


def ratio_bars(benchmark: Benchmark, names: Sequence[str] = WORKLOADS) -> Axes:
    """For each workload how many times as fast we are as the peer in each of its modes."""
    shown = [name for name in names if name in benchmark.workloads]
    ratios = [benchmark.workloads[name].ratios() for name in shown]
    modes = [mode for mode in MODES if any(mode in found for found in ratios)]
    series = {f"trl, {mode}": [found.get(mode, 0.0) for found in ratios] for mode in modes}
    axes = plots.panels(width=5.7)[0]
    axes.axhline(1, linewidth=1, linestyle=":")
    return plots.bars(shown, series, x_label="", y_label="times as fast", axes=axes)
