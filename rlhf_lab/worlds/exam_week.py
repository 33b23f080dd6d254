"""Four days before an exam: rest is pleasant now, study pays off at the end, if at all.

Each day the agent rests, for a reward of 1, or studies, for a reward of 0; a day of study brings a
lesson with probability 0.8. Who has two lessons after the last day passes, for a reward of 6.
"""

import torch

from rlhf_lab.settings import require_count, require_share
from rlhf_lab.worlds.decisions import DecisionProcess

REST, STUDY = 0, 1
PLEASURE, PASS = 1.0, 6.0
DAYS, NEEDED, LEARNS = 4, 2, 0.8


def exam_week(*, days: int = DAYS, needed: int = NEEDED, learns: float = LEARNS) -> DecisionProcess:
    """States "day 1, 0 lessons" and so on, then the ends "exam, k lessons"; float64.

    `needed` lessons pass; `learns` is the chance that a day of study brings one.
    """
    require_count(days=days, needed=needed)
    require_share(learns=learns)
    places = [(day, lessons) for day in range(days + 1) for lessons in range(day + 1)]
    number = {place: i for i, place in enumerate(places)}
    transitions = torch.zeros(len(places), 2, len(places), dtype=torch.float64)
    rewards = torch.zeros_like(transitions)
    for (day, lessons), state in number.items():
        if day == days:
            continue
        forgot, learnt = number[day + 1, lessons], number[day + 1, lessons + 1]
        transitions[state, REST, forgot] = 1.0
        transitions[state, STUDY, forgot] = 1 - learns
        transitions[state, STUDY, learnt] = learns
        rewards[state, REST, :] = PLEASURE
        if day == days - 1:
            passed = [number[days, enough] for enough in range(needed, days + 1)]
            rewards[state, :, passed] += PASS
    names = tuple(_name(day, lessons, days) for day, lessons in places)
    return DecisionProcess(names, ("rest", "study"), transitions, rewards)


def _name(day: int, lessons: int, days: int) -> str:
    when = f"day {day + 1}" if day < days else "exam"
    return f"{when}, {lessons} lesson{'' if lessons == 1 else 's'}"
