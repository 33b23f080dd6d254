"""The sums world: solutions by arithmetic, slips by frequency and chain, rewards by hand."""

import random

import pytest
import torch

from rlhf_lab.responses import pad
from rlhf_lab.worlds import sum_steps, sums
from rlhf_lab.worlds.sum_steps import SLIP_OF_THE_MIND, SLIP_OF_THE_PEN, demonstration, solution

ASKED = [3, 8, 4]
RIGHT = "3 + 8 = 1 ; 1 + 4 = 5 ; ans 5"
PEN = "3 + 8 = 2 ; 1 + 4 = 5 ; ans 5"  # right answer over a wrong step
MIND = "3 + 8 = 2 ; 2 + 4 = 6 ; ans 6"


def batch(*answers, finish=True):
    rows = [[*sums.encode(answer), *([sums.END] if finish else [])] for answer in answers]
    return pad([sums.encode(sum_steps.question(ASKED))] * len(rows), rows)


def test_the_solution_of_every_short_problem_is_right():
    for number in range(1000):
        digits = [int(digit) for digit in f"{number:03}"]
        *steps, answer = solution(digits).split(" ; ")
        for step in steps:
            left, _, right, _, total = step.split()
            assert (int(left) + int(right)) % 10 == int(total)
        assert answer == f"ans {sum(digits) % 10}"
        assert sum_steps.digits_of(sum_steps.question(digits)) == digits


def test_slips_are_as_frequent_as_said():
    generator = random.Random(0)
    count, pens, minds = 20_000, 0, 0
    for _ in range(count):
        first, last = demonstration([3, 8], generator).split(" ; ")
        minds += last != "ans 1"
        pens += first != "3 + 8 = 1" and last == "ans 1"
    for seen, chance in ((pens, SLIP_OF_THE_PEN), (minds, SLIP_OF_THE_MIND)):
        assert abs(seen / count - chance) < 4 * (chance * (1 - chance) / count) ** 0.5


@pytest.mark.parametrize("count", [2, 4])
def test_the_exact_accuracy_of_demonstrations_is_that_of_many(count):
    generator = random.Random(1)
    digits, drawn = [1, 2, 3, 4, 5][: count + 1], 20_000
    right = sum(
        sum_steps.is_answered(digits, demonstration(digits, generator)) for _ in range(drawn)
    )
    exact = sum_steps.demonstrated_accuracy(count)
    assert abs(right / drawn - exact) < 4 * (exact * (1 - exact) / drawn) ** 0.5


def test_outcome_and_process_see_different_things():
    responses = batch(RIGHT, PEN, MIND)
    assert sums.outcome_rewards(responses).tolist() == [1, 1, 0]
    assert sums.flawless(responses).tolist() == [True, False, False]
    rewards, ends = sums.process_rewards(responses)
    places = ends[0].nonzero().flatten().tolist()
    assert places == [5, 11, 14]
    assert rewards[:, places].tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 0]]
    assert rewards.sum() == rewards[:, places].sum()


def test_an_unfinished_answer_earns_nothing_for_its_last_part():
    responses = batch(RIGHT, finish=False)
    rewards, ends = sums.process_rewards(responses)
    assert sums.outcome_rewards(responses).tolist() == [0]
    assert rewards[ends].tolist() == [1, 1, 0]


def test_parts_beyond_the_solution_are_wrong():
    rewards, ends = sums.process_rewards(batch(f"{RIGHT} ; ans 5", ";", "ans 5"))
    assert [rewards[row][ends[row]].tolist() for row in range(3)] == [[1, 1, 1, 0], [0, 0], [0]]
    assert sums.outcome_rewards(batch("ans 5")).tolist() == [1]


def test_padding_changes_no_reward():
    alone, together = batch(PEN), batch(PEN, f"{RIGHT} ; {RIGHT}")
    width = alone.tokens.shape[1]
    assert torch.equal(
        sums.process_rewards(together)[0][:1, :width], sums.process_rewards(alone)[0]
    )
    assert not sums.process_rewards(together)[1][0, width:].any()


def test_demonstrations_fit_the_stated_lengths_and_come_back_as_text():
    drawn = sums.demonstrations(2000, seed=0)
    assert drawn.prompts.shape[1] == sums.LONGEST_PROMPT
    assert drawn.tokens.shape[1] == sums.LONGEST_RESPONSE
    assert sums.demonstrations(5, seed=0).tokens.equal(sums.demonstrations(5, seed=0).tokens)
    share = sums.outcome_rewards(drawn).mean().item()
    exact = sum(map(sum_steps.demonstrated_accuracy, (2, 3, 4))) / 3
    assert abs(share - exact) < 4 * (exact * (1 - exact) / 2000) ** 0.5
    assert len(sums.problems(7, seed=3)) == 7


def test_what_is_no_problem_is_refused():
    with pytest.raises(ValueError, match="two or more digits 0 to 9, got \\[3\\]"):
        sum_steps.question([3])
    with pytest.raises(ValueError, match="expected a question"):
        sum_steps.digits_of("q 3 + + 8 = |")
    with pytest.raises(ValueError, match="unknown word 'x'"):
        sums.encode("q x")
    with pytest.raises(ValueError, match="got -1"):
        sums.decode([-1])
    with pytest.raises(ValueError, match=f"got {len(sums.VOCABULARY)}"):
        sums.decode([len(sums.VOCABULARY)])
    with pytest.raises(ValueError, match="count must be a whole number, 1 or above"):
        sums.problems(0, seed=0)
