"""Probabilistic grammars: write a text, and compute exactly how likely a text is.

A grammar here is context-free and without recursion, so its language is finite.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

import torch

Rule = tuple[float, tuple[str, ...]]
Masses = dict[int, float]  # probabilities of whole numbers


@dataclass(frozen=True)
class Grammar:
    """Each symbol's alternatives: (probability, parts). A part without rules is a word.

    Raises ValueError where probabilities do not sum to 1, and where a symbol contains itself.

    >>> coin = Grammar({"TOSS": ((0.75, ("heads",)), (0.25, ("tails", "TOSS again")))})
    >>> coin.probability("TOSS", ("tails", "TOSS again"))
    0.25
    """

    rules: Mapping[str, tuple[Rule, ...]]

    def __post_init__(self):
        for symbol, rules in self.rules.items():
            probabilities = [probability for probability, _ in rules]
            if not all(p > 0 for p in probabilities) or abs(sum(probabilities) - 1) > 1e-9:
                raise ValueError(
                    f"{symbol!r} needs alternatives with positive probabilities that sum to 1, "
                    f"got {probabilities}"
                )
            self._check_finite(symbol, above=())

    @property
    def words(self) -> set[str]:
        """Every word that the grammar can write."""
        parts = {part for rules in self.rules.values() for _, parts in rules for part in parts}
        return parts - set(self.rules)

    def write(self, symbol: str, generator: torch.Generator) -> list[str]:
        """The words of one derivation of `symbol`, each alternative drawn by its probability."""
        return list(self._derive(symbol, _uniform_numbers(generator)))

    def probability(self, symbol: str, words: tuple[str, ...]) -> float:
        """P(symbol ⇒ words), the sum over all derivations; 0 where there is none.

        The inside algorithm: P_symbol(start, end) = Σ_rule p_rule Σ_cuts Π_part P_part(cut, cut').
        """
        return self._ends(symbol, words, 0, {}).get(len(words), 0.0)

    def entropy(self, symbol: str) -> float:
        """H(symbol) = Σ_rule p [-log p + Σ_part H(part)], in nats, of a derivation.

        It is the entropy of the text too where no text has two derivations.
        """
        return sum(
            p * (sum(self.entropy(part) for part in parts) - math.log(p))
            for p, parts in self.rules.get(symbol, ())
        )

    def counts(self, symbol: str, counted: Callable[[str], bool]) -> Masses:
        """{n: P(n of the words that `symbol` writes are counted)}."""
        if symbol not in self.rules:
            return {int(counted(symbol)): 1.0}
        return _mixture([(p, self._sum_counts(parts, counted)) for p, parts in self.rules[symbol]])

    def _ends(
        self, symbol: str, words: tuple[str, ...], start: int, known: dict[tuple[str, int], Masses]
    ) -> Masses:
        """{end: P(symbol ⇒ words[start:end])}; `known` remembers what was computed before."""
        if (symbol, start) in known:
            return known[symbol, start]
        alternatives = []
        for probability, parts in self.rules[symbol]:
            reached = {start: 1.0}
            for part in parts:
                if part in self.rules:
                    ends = [(p, self._ends(part, words, at, known)) for at, p in reached.items()]
                    reached = _mixture(ends)
                else:
                    here = (part,)
                    reached = {at + 1: p for at, p in reached.items() if words[at : at + 1] == here}
                if not reached:
                    break
            alternatives.append((probability, reached))
        known[symbol, start] = _mixture(alternatives)
        return known[symbol, start]

    def _sum_counts(self, parts: tuple[str, ...], counted: Callable[[str], bool]) -> Masses:
        total = {0: 1.0}
        for part in parts:
            more = self.counts(part, counted)
            total = _mixture([(p, {n + m: q for m, q in more.items()}) for n, p in total.items()])
        return total

    def _derive(self, symbol: str, uniform: Iterator[float]) -> Iterator[str]:
        if symbol not in self.rules:
            yield symbol
            return
        rules = self.rules[symbol]
        cumulative = list(accumulate(probability for probability, _ in rules))
        choice = bisect_right(cumulative, next(uniform), hi=len(rules) - 1)
        for part in rules[choice][1]:
            yield from self._derive(part, uniform)

    def _check_finite(self, symbol: str, above: tuple[str, ...]) -> None:
        if symbol in above:
            raise ValueError(f"{symbol!r} contains itself: {' > '.join((*above, symbol))}")
        for _, parts in self.rules.get(symbol, ()):
            for part in parts:
                self._check_finite(part, (*above, symbol))


def _uniform_numbers(generator: torch.Generator) -> Iterator[float]:
    while True:  # in blocks: one number at a time is several times as slow
        yield from torch.rand(32, generator=generator, dtype=torch.float64).tolist()


def _mixture(weighted: list[tuple[float, Masses]]) -> Masses:
    """{n: Σ weight · p(n)} of several distributions over whole numbers."""
    total: dict[int, float] = {}
    for weight, distribution in weighted:
        for number, probability in distribution.items():
            total[number] = total.get(number, 0.0) + weight * probability
    return total
