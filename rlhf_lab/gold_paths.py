"""Gold and proxy of recorded runs against the KL that was paid for them: means, and every seed.

A path is the runs of one variant and the name of a method in them: the columns "NAME kl",
"NAME gold", ... of `experiments.overoptimisation` and `experiments.frontier`.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes

from rlhf_lab.experiments.verdicts import rows
from rlhf_lab.plots import points
from rlhf_lab.runs import Run
from rlhf_lab.style import STYLE

Path = tuple[Sequence[Run], str]
METHODS = {
    "PPO, β = 0": "ppo",
    "PPO, β = 0.1": "ppo 0.1",
    "GRPO, β = 0": "grpo",
    "DPO, β = 0.1": "dpo",
    "best of n": "best of n",
}
"""the methods of `experiments.overoptimisation`"""
STRENGTHS = {
    "PPO, β = 0.3": "ppo 0.3",
    "GRPO, β = 0.2": "grpo 0.2",
    "DPO, β = 0.3": "dpo 0.3",
    "DPO, β = 1": "dpo 1.0",
    "SFT on the chosen": "sft",
    "PPO on gold": "ppo on gold",
}
"""the methods of `experiments.frontier`"""
FAMILIES = {
    "PPO": ("PPO, β = 0", "PPO, β = 0.1", "PPO, β = 0.3"),
    "GRPO": ("GRPO, β = 0", "GRPO, β = 0.2"),
    "DPO": ("DPO, β = 0.1", "DPO, β = 0.3", "DPO, β = 1"),
    "best of n": ("best of n",),
    "SFT on the chosen": ("SFT on the chosen",),
    "PPO on gold": ("PPO on gold",),
}
"""each method with all its strengths"""
PANELS = (
    (*FAMILIES["PPO"], "PPO on gold"),
    (*FAMILIES["GRPO"], "best of n"),
    (*FAMILIES["DPO"], "SFT on the chosen"),
)
"""what stands together in a figure of the frontier"""


def path(runs: Sequence[Run], method: str, metric: str) -> np.ndarray:
    """A metric along the way of a method: one row a seed, one column a point."""
    return rows(runs, f"{method} {metric}")


def gain(runs: Sequence[Run], method: str, metric: str) -> np.ndarray:
    """The same less its value at the start, seed by seed."""
    values = path(runs, method, metric)
    return values - values[:, :1]


def paths(over: Sequence[Run], frontier: Sequence[Run]) -> dict[str, Path]:
    """The paths of both experiments by the names that a reader knows."""
    return {name: (over, method) for name, method in METHODS.items()} | {
        name: (frontier, method) for name, method in STRENGTHS.items()
    }


def against_kl(
    shown: Mapping[str, Path],
    metric: str,
    *,
    scale: Callable[[np.ndarray], np.ndarray],
    x_label: str,
    axes: Axes,
) -> Axes:
    """The mean gain in a metric against `scale` of the mean KL, a line a path."""
    means = {
        name: (scale(path(*where, "kl").mean(axis=0)), gain(*where, metric).mean(axis=0))
        for name, where in shown.items()
    }
    return points(means, x_label=x_label, y_label=f"gain in {metric}", axes=axes)


@rc_context(STYLE)
def seeds_against_kl(
    shown: Mapping[str, Path],
    metric: str,
    *,
    scale: Callable[[np.ndarray], np.ndarray],
    x_label: str,
    axes: Axes,
) -> Axes:
    """The same, and behind each line a thin one for each of its seeds."""
    against_kl(shown, metric, scale=scale, x_label=x_label, axes=axes)
    for line, where in zip(axes.get_lines(), shown.values(), strict=True):
        for kl, gained in zip(path(*where, "kl"), gain(*where, metric), strict=True):
            look = {"color": line.get_color(), "linewidth": 1.0, "alpha": 0.85, "zorder": 1.5}
            axes.plot(scale(kl), gained, linestyle=line.get_linestyle(), **look)
    return axes
