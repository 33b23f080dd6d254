"""What annotators value: the gold reward, their own taste, biases, and contests that can cycle.

A worth judges one response to a prompt; add several with `total`. A contest judges two, and is
antisymmetric: contest(x, a, b) = -contest(x, b, a).
"""

from collections.abc import Callable, Collection, Sequence
from hashlib import blake2b
from statistics import NormalDist

from rlhf_lab.settings import require_not_negative

Worth = Callable[[str, str], float]
Contest = Callable[[str, str, str], float]


def total(*worths: Worth) -> Worth:
    """The sum of several worths."""
    return lambda prompt, response: sum(worth(prompt, response) for worth in worths)


def personal_taste(spread: float, *, seed: int) -> Worth:
    """A normal number of standard deviation `spread` for each prompt and response.

    The same text always gets the same number; another seed is another person.
    """
    require_not_negative(spread=spread)

    def worth(prompt: str, response: str) -> float:
        text = f"{seed}\0{prompt}\0{response}".encode("utf-8", "surrogatepass")
        number = int.from_bytes(blake2b(text, digest_size=6).digest(), "big")
        return spread * NormalDist().inv_cdf((number + 0.5) / 2**48)

    return worth


def length_bias(per_word: float) -> Worth:
    """`per_word` for each word of the response; the mark of a text that was cut is one."""
    return lambda _prompt, response: per_word * len(response.split())


def topic_bias(words: Collection[str], bonus: float) -> Worth:
    """`bonus` once, where the response uses any of the topic's words.

    Raises ValueError for one text in place of words: its letters would be the words.
    """
    if isinstance(words, str):
        raise ValueError(f"words must be a collection of words, got the text {words!r}")
    topic = frozenset(words)
    return lambda _prompt, response: bonus * (not topic.isdisjoint(response.split()))


def no_contest(_prompt: str, _first: str, _second: str) -> float:
    """0: nothing is decided face to face alone."""
    return 0.0


def majority_contest(qualities: Sequence[Worth], strength: float) -> Contest:
    """strength · (qualities in which the first is better - those in which the second is).

    Each quality orders the responses, yet the majority can run in a circle: a beats b, b beats c,
    c beats a (Condorcet 1785; of one person's choices: May 1954).
    """

    def contest(prompt: str, first: str, second: str) -> float:
        better = [quality(prompt, first) - quality(prompt, second) for quality in qualities]
        return strength * sum((x > 0) - (x < 0) for x in better)

    return contest
