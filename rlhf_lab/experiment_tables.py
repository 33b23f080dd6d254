"""What the page of experiments shows: the question, the numbers and the origin of each.

All of it is read from the catalogue, the experiments' docstrings and runs/.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from inspect import cleandoc
from types import ModuleType

from rlhf_lab.experiments import catalogue
from rlhf_lab.html_tables import claim_span, framed, table, worded
from rlhf_lab.intervals import mean_interval
from rlhf_lab.runs import Run, runs_of
from rlhf_lab.verdict_tables import in_a_word, in_full, verdict_of

CLAIM = re.compile(r"\b[A-Z]+-[0-9]+\b")


def recorded_experiments() -> dict[ModuleType, dict[str, list[Run]]]:
    """Each experiment of the catalogue, and the runs of those of its variants that are recorded."""
    modules = [module for topic in catalogue.TOPICS.values() for module in topic]
    return {
        module: {name: runs for name in module.VARIANTS if (runs := runs_of(name))}
        for module in modules
    }


def question(module: ModuleType) -> str:
    """The first paragraph of the docstring: what the experiment asks, and the claims."""
    return paragraphs(module)[0]


def hypothesis(module: ModuleType) -> list[str]:
    """The paragraphs behind the question: what was expected before, and what would refute it."""
    return paragraphs(module)[1:]


def paragraphs(module: ModuleType) -> list[str]:
    """The paragraphs of a docstring, each on one line."""
    return [" ".join(part.split()) for part in cleandoc(module.__doc__ or "").split("\n\n")]


def overview(found: dict[ModuleType, dict[str, list[Run]]]) -> str:
    """One row an experiment: question, claims, verdict, variants, fewest seeds, minutes."""
    rows = []
    for module, variants in found.items():
        runs = [run for of_variant in variants.values() for run in of_variant]
        seeds = min((len(variants.get(name, ())) for name in module.VARIANTS), default=0)
        minutes = f"{sum(run.seconds for run in runs) / 60:.1f}"
        asked, bracket, claims = question(module).rpartition(" (")
        link = f'<a href="#{anchor(module)}">{in_html(asked)}</a>{in_html(bracket + claims)}'
        verdict = in_a_word(verdict_of(module, variants))
        rows.append((link, verdict, len(module.VARIANTS), seeds, minutes))
    head = ["Question", "Hypothesis", "Variants", "Seeds each", "Minutes in all"]
    return table(head, rows, label="All experiments")


def details(module: ModuleType, variants: dict[str, list[Run]]) -> str:
    """One experiment: what was expected, the last value of each metric, and where it comes from."""
    expected = "".join(f"<p>{in_html(text)}</p>" for text in hypothesis(module))
    name = name_of(module)
    if not variants:
        numbers = "<p>Not recorded yet.</p>"
    else:
        told = in_full(verdict_of(module, variants))
        numbers = told + last_values(variants) + f"<p>{escape(origin(variants.values()))}</p>"
    seeds = max(map(len, variants.values()), default=5)
    command = f"<p>Again: <code>python tools/record.py {name} --seeds {seeds}</code></p>"
    asked, _, claims = question(module).rpartition(" (")
    summary = f"<summary>{escape(asked)}</summary><p>Claims: {in_html(claims.rstrip(')'))}.</p>"
    return framed(f'<details id="{anchor(module)}">{summary}{expected}{numbers}{command}</details>')


def last_values(variants: dict[str, list[Run]]) -> str:
    """A row a variant: mean and 95 % interval over seeds of the last value of each metric."""
    metrics = list(dict.fromkeys(m for runs in variants.values() for m in runs[0].metrics))
    rows = [
        (escape(name), str(len(runs)), *(at_the_end(runs, metric) for metric in metrics))
        for name, runs in variants.items()
    ]
    head = ["Variant", "Seeds", *(metric.replace("_", " ") for metric in metrics)]
    return table(head, rows, label="Last values, mean and 95 % interval over seeds")


def at_the_end(runs: Sequence[Run], metric: str) -> str:
    """Mean and interval of a metric's last value; the value itself where all seeds agree."""
    values = [run.metrics[metric][-1] for run in runs if run.metrics.get(metric)]
    if not values:
        return ""
    if len(set(values)) == 1:
        return short(values[0], digits=4)
    interval = mean_interval(values)
    mean, low, high = (short(x, digits=3) for x in (interval.mean, interval.low, interval.high))
    return f"{mean} [{low}, {high}]"


def short(value: float, *, digits: int) -> str:
    """A number in so many digits; large ones whole, 16,000 and not 1.6e+04."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def origin(variants: Iterable[Sequence[Run]]) -> str:
    """Commits, versions and hardware of the runs in one sentence."""
    runs = [run for of_variant in variants for run in of_variant]
    commits = ", ".join(sorted({run.commit[:9] for run in runs}))
    torches = ", ".join(sorted({run.versions["torch"] for run in runs}))
    machines = ", ".join(sorted({machine(run) for run in runs}))
    seconds = sorted(run.seconds for run in runs)
    took = f"{len(runs)} runs of {seconds[0]:.1f} to {seconds[-1]:.1f} s"
    if len(runs) == 1:
        took = f"1 run of {seconds[0]:.1f} s"
    return f"{took}; commit {commits}; torch {torches}; {machines}."


def machine(run: Run) -> str:
    """What a run was made on, in words."""
    hardware = run.hardware
    gpu = hardware["gpu"] or "no GPU"
    return f"{hardware['machine']}, {hardware['threads']} thread(s), {gpu}"


def name_of(module: ModuleType) -> str:
    """The name of its file."""
    return module.__name__.rpartition(".")[2]


def anchor(module: ModuleType) -> str:
    """Where the page shows this experiment."""
    return "experiment-" + name_of(module).replace("_", "-")


def in_html(words: str) -> str:
    """Words of a docstring, with each claim for the book to link."""
    return CLAIM.sub(lambda found: claim_span(found[0]), worded(words))
