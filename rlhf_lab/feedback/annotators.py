"""Simulated annotators over a known reward: people, who differ and tire, and machines.

An annotator has a worth for each response: the gold reward, and what it adds to it (`tastes`).
It judges with noise; `labelling` draws its labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from rlhf_lab.feedback.kinds import Comparison, Feedback, Ranking, Rating, Source
from rlhf_lab.feedback.tastes import Contest, Worth, no_contest, personal_taste, total
from rlhf_lab.settings import (
    require_callable,
    require_count,
    require_finite,
    require_kind,
    require_not_negative,
    require_positive,
)


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What one label costs, all in one unit: by default that of reading one response."""

    comparison: float = 2.0
    ranked_response: float = 1.0
    """for each response of a ranking"""
    rating: float = 1.0
    thumb: float = 1.0

    def __post_init__(self):
        require_not_negative(**vars(self))

    def of(self, label: Feedback) -> float:
        """The price of one label."""
        if isinstance(label, Ranking):
            return self.ranked_response * len(label.responses)
        if isinstance(label, Comparison):
            return self.comparison
        return self.rating if isinstance(label, Rating) else self.thumb


@dataclass(frozen=True, kw_only=True)
class Annotator:
    """Who judges, and how. Raises ValueError for settings that no annotator can have."""

    name: str
    source: Source
    worth: Worth
    temperature: float
    """scale of the noise, in units of worth"""
    contest: Contest = no_contest
    """what is decided face to face alone: an intransitive annotator has one"""
    position_bias: float = 0.0
    """log-odds added to the response that is shown first"""
    fatigue: float = 0.0
    """each label given raises the temperature by this share of it"""
    cuts: tuple[float, ...] = (-0.6, -0.2, 0.2, 0.6)
    """worths at which a rating goes up by one point"""
    bar: float = 0.0
    """worth at which a thumb is up or down at even odds"""
    prices: Prices = Prices()

    def __post_init__(self):
        require_kind(str, name=self.name)
        if not self.name.strip():
            raise ValueError("name must not be blank: labels are signed with it")
        require_kind(Source, source=self.source)
        require_kind(Prices, prices=self.prices)
        require_callable(worth=self.worth, contest=self.contest)
        require_positive(temperature=self.temperature)
        require_finite(position_bias=self.position_bias, bar=self.bar)
        require_finite(**{f"cuts[{n}]": cut for n, cut in enumerate(self.cuts)})
        require_not_negative(fatigue=self.fatigue)
        require_count(least=1, number_of_cuts=len(self.cuts))
        if not all(low < high for low, high in zip(self.cuts, self.cuts[1:], strict=False)):
            raise ValueError(f"cuts must rise, got {self.cuts}")

    def temperature_after(self, labels_before: int) -> float:
        """T (1 + fatigue · n). ValueError unless n is a number of labels, 0 or above."""
        require_count(least=0, labels_before=labels_before)
        return self.temperature * (1 + self.fatigue * labels_before)

    def felt_worth(self, prompt: str, response: str) -> float:
        """worth(prompt, response). FloatingPointError where it is not finite: no judgement then."""
        require_kind(str, response=response)
        worth = self.worth(prompt, response)
        if not isfinite(worth):
            raise FloatingPointError(f"the worth of {response!r} is {worth} to {self.name}")
        return worth

    def scores(self, prompt: str, shown: Sequence[str], labels_before: int = 0) -> list[float]:
        """The Plackett-Luce scores of responses shown together, in the order shown.

        (worth + mean of its contests with all K shown) / T, and the position bias for the first.
        Two scores differ by (worth_1 - worth_2 + contest(1, 2)) / T + bias: Bradley-Terry. Raises
        ValueError where no list of responses is shown.
        """
        if isinstance(shown, str) or len(shown) == 0:
            raise ValueError(f"shown must be a list of one response or more, got {shown!r}")
        temperature = self.temperature_after(labels_before)
        scores = [
            (
                self.felt_worth(prompt, one)
                + sum(self.contest(prompt, one, o) for o in shown) / len(shown)
            )
            / temperature
            for one in shown
        ]
        return [scores[0] + self.position_bias, *scores[1:]]


def person(
    gold: Worth,
    *,
    seed: int,
    spread: float = 0.3,
    temperature: float = 0.25,
    position_bias: float = 0.2,
    fatigue: float = 5e-4,
) -> Annotator:
    """Somebody who shares the gold reward up to a taste of their own (standard deviation `spread`).

    The defaults are assumptions, not measurements of people. `seed` names the person.
    """
    return Annotator(
        name=f"person-{seed}",
        source=Source.HUMAN,
        worth=total(gold, personal_taste(spread, seed=seed)),
        temperature=temperature,
        position_bias=position_bias,
        fatigue=fatigue,
    )


def machine(
    gold: Worth, bias: Worth, *, name: str, temperature: float = 0.05, price: float = 0.01
) -> Annotator:
    """A labeller that hardly errs, never tires, costs `price` a response, and has a bias."""
    return Annotator(
        name=name,
        source=Source.AI,
        worth=total(gold, bias),
        temperature=temperature,
        prices=Prices(comparison=2 * price, ranked_response=price, rating=price, thumb=price),
    )
