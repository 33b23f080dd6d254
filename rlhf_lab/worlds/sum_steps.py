"""Addition modulo 10 with written steps: the right solution, demonstrations that slip, a judge.

A problem is "q 3 + 8 + 4 = |", its solution "3 + 8 = 1 ; 1 + 4 = 5 ; ans 5": one part a digit after
the first, then the answer. A part is right where it is the solution's part at its place, so a
right sum of a wrong total is wrong. A response can reach the right answer over a wrong part.
"""

import random
from collections.abc import Iterator, Sequence

DIGITS = 10
FEWEST, MOST = 3, 5  # digits of a problem
SLIP_OF_THE_PEN = 0.3
"""chance that a written sum is wrong while the chain goes on from the right total"""
SLIP_OF_THE_MIND = 0.15
"""chance that a written sum is wrong and the chain goes on from it"""


def problem(generator: random.Random) -> list[int]:
    """Three to five random digits."""
    count = generator.randint(FEWEST, MOST)
    return [generator.randrange(DIGITS) for _ in range(count)]


def question(digits: Sequence[int]) -> str:
    """The problem as text. Raises ValueError for fewer than two digits or other numbers."""
    if len(digits) < 2 or not all(digit in range(DIGITS) for digit in digits):
        raise ValueError(f"a problem is two or more digits 0 to 9, got {list(digits)}")
    return f"q {' + '.join(map(str, digits))} = |"


def digits_of(text: str) -> list[int]:
    """The digits of a question. Raises ValueError where the text is none."""
    words = text.split()
    digits = [int(word) for word in words[1::2] if word.isdecimal()]
    if len(digits) < 2 or question(digits) != text:
        raise ValueError(f"expected a question as 'q 3 + 8 = |', got {text!r}")
    return digits


def solution(digits: Sequence[int]) -> str:
    """The right steps and the right answer."""
    return " ; ".join(parts_of(digits, iter(lambda: None, 0)))


def demonstration(digits: Sequence[int], generator: random.Random) -> str:
    """A worked answer as people give it: some written sums are wrong, and some of those matter."""
    return " ; ".join(parts_of(digits, slips(generator)))


def parts_of(digits: Sequence[int], slipped: Iterator[tuple[int, bool] | None]) -> Iterator[str]:
    """The parts of an answer; each slip is (what is added to the sum, whether it stays)."""
    total = digits[0]
    for digit, slip in zip(digits[1:], slipped, strict=False):
        wrong, stays = slip or (0, False)
        written = (total + digit + wrong) % DIGITS
        yield f"{total} + {digit} = {written}"
        total = written if stays else (total + digit) % DIGITS
    yield f"ans {total}"


def slips(generator: random.Random) -> Iterator[tuple[int, bool] | None]:
    """For one sum after another: no slip, one of the pen, or one of the mind."""
    while True:
        chance = generator.random()
        wrong = generator.randrange(1, DIGITS)
        slipped = chance < SLIP_OF_THE_PEN + SLIP_OF_THE_MIND
        yield (wrong, chance >= SLIP_OF_THE_PEN) if slipped else None


def judged(digits: Sequence[int], answer: str) -> list[bool]:
    """Whether each part of an answer, in its order, is the solution's part at that place."""
    right = solution(digits).split(" ; ")
    written = [part.strip() for part in answer.split(";")]
    return [part in right[place : place + 1] for place, part in enumerate(written)]


def is_answered(digits: Sequence[int], answer: str) -> bool:
    """Whether the answer ends with the right number, whatever stands before it."""
    return answer.split(";")[-1].strip() == f"ans {sum(digits) % DIGITS}"


def demonstrated_accuracy(sums: int) -> float:
    """The share of demonstrations of that many sums that end with the right number, exactly.

    The total is off by some number; a slip of the mind adds one of 9 others, each as likely, and
    so puts a wrong total right again in one case of 9.
    """
    right = 1.0
    for _ in range(sums):
        right = right * (1 - SLIP_OF_THE_MIND) + (1 - right) * SLIP_OF_THE_MIND / (DIGITS - 1)
    return right
