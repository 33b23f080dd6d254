"""What the page of the museum shows: every mistake once, what refuses it, and where it was seen."""

import re
from dataclasses import replace

import pytest

from rlhf_lab import kill_record, museum_tables
from rlhf_lab.checks.catalogue import exercises
from rlhf_lab.museum.bug import Bug

RECORD = kill_record.load()
COUNT = sum(len(exercise.bugs) for exercise in exercises.values())


def cells(html):
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in rows][1:]


def test_every_mistake_is_refused_by_a_check_by_its_name_and_by_a_test():
    *rows, total = cells(museum_tables.kill_matrix(RECORD))
    assert len(rows) == len(exercises)
    for name, *numbers in rows:
        assert len(set(numbers)) == 1, name
    assert total[1:] == [str(COUNT)] * 4


def test_a_mistake_that_no_test_refuses_is_not_counted():
    survivor = replace(RECORD.kills[0], failures=0, failed=())
    changed = replace(RECORD, kills=(survivor, *RECORD.kills[1:]))
    assert cells(museum_tables.kill_matrix(changed))[-1][3] == str(COUNT - 1)


def test_every_mistake_is_listed_with_a_failing_test():
    html = museum_tables.kills(RECORD)
    rows = [row for row in cells(html) if row]
    assert len(rows) >= COUNT - 1
    assert html.count("<details>") == len(exercises)
    assert all("test_" in row[2].replace("<wbr>", "") for row in rows)


def test_a_record_of_other_mistakes_is_refused():
    with pytest.raises(ValueError, match=r"run tools/kill_matrix\.py"):
        museum_tables.kills(replace(RECORD, kills=RECORD.kills[1:]))


def test_the_exhibits_link_to_where_they_were_seen():
    html = museum_tables.exhibits()
    assert html.count("<strong>") == COUNT
    for exercise in exercises.values():
        for bug in exercise.bugs:
            assert all(url in html for _, url in bug.links)


def test_a_function_that_is_right_is_not_refused():
    exercise = exercises["best_of_n"]
    right = Bug(function=lambda scores: scores.argmax(dim=1), looks="")
    assert museum_tables.refusal(exercise, right) == ""
    assert "case 1" in museum_tables.refusal(exercise, exercise.bugs[0])
