"""A policy measured while it is trained."""

from collections.abc import Callable, Iterable, Iterator

from rlhf_lab.train.loop import Metrics


def measured_along(
    training: Iterable[Metrics], measure: Callable[[], Metrics], *, every: int
) -> Iterator[Metrics]:
    """What `measure` says before training and after each `every` steps of it, by "steps" done."""
    yield {"steps": 0} | measure()
    for metrics in training:
        done = metrics["step"] + 1
        if done % every == 0:
            yield {"steps": done} | measure()
