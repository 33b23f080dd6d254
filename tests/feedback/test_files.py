import json
import random
import stat

import pytest

from rlhf_lab.feedback.files import as_line, feedback_and_bad_rows, read_feedback, write_feedback
from rlhf_lab.feedback.json_lines import BadRowsError
from rlhf_lab.feedback.kinds import Comparison, Ranking, Rating, Source, Thumb

BY = {"source": Source.HUMAN, "annotator": "ada"}


def item(number):
    """One of the four kinds, each different from all others."""
    common = BY | {"prompt": f"film {number}"}
    return [
        Comparison(**common, chosen="was good", rejected=f"was bad\n{number}"),
        Ranking(**common, responses=("a", f"b{number}", "")),
        Rating(**common, response="naïve \u2028 \U0001f600", score=1 + number % 5, points=5),
        Thumb(**(common | {"source": Source.AI}), response='"quoted" \\', up=number % 8 < 4),
    ][number % 4]


def without(row, name):
    return {key: value for key, value in row.items() if key != name}


# Ten ways to break a row: (new line, what the report says).
BREAKS = [
    lambda row: (json.dumps(row)[:-9], "not JSON"),
    lambda row: (json.dumps(list(row)), "must be a JSON object"),
    lambda row: ("   ", "the line is blank"),
    lambda row: (json.dumps(row | {"kind": "star"}), 'kind must be one of .*, got "star"'),
    lambda row: (json.dumps(without(row, "annotator")), "^annotator is missing$"),
    lambda row: (json.dumps(row | {"weight": 1}), "^unknown field 'weight'$"),
    lambda row: (json.dumps(row | {"prompt": 3}), "^prompt must be text, got 3$"),
    lambda row: (json.dumps(row | {"source": "robot"}), "^source must be human or ai, got"),
    lambda row: (json.dumps(row | {"prompt": "\t"}), "^prompt must not be blank$"),
    lambda row: (json.dumps(row)[:-1] + ', "source": "ai"}', "^named twice: source$"),
]


def test_of_1000_rows_50_broken_in_ten_ways_each_is_reported_and_none_else(tmp_path):
    items = [item(number) for number in range(1000)]
    lines = [as_line(one) for one in items]
    broken = random.Random(0).sample(range(1000), 50)
    reasons = {}
    for count, number in enumerate(broken):
        lines[number], reasons[number + 1] = BREAKS[count % 10](json.loads(lines[number]))
    path = tmp_path / "feedback.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")

    with pytest.raises(BadRowsError, match="50 of 1000 rows are bad") as caught:
        read_feedback(path)
    assert [row.line for row in caught.value.rows] == sorted(reasons)
    message = str(caught.value).splitlines()
    assert len(message) == 51
    for row, line in zip(caught.value.rows, message[1:], strict=True):
        assert line == f"  line {row.line}: {row.reason}"
        with pytest.raises(ValueError, match=reasons[row.line]):
            raise ValueError(row.reason)

    good, bad = feedback_and_bad_rows(path)
    assert bad == caught.value.rows
    assert good == [one for number, one in enumerate(items) if number not in broken]


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        (2, {"score": "4"}, 'score must be a whole number, got "4"'),
        (2, {"score": 4.0}, "score must be a whole number, got 4.0"),
        (2, {"score": True}, "score must be a whole number, got true"),
        (2, {"score": float("nan")}, "score must be a whole number, got NaN"),
        (2, {"score": 9}, "score must lie in 1..5, got 9"),
        (3, {"up": 1}, "up must be true or false, got 1"),
        (3, {"up": None}, "up must be true or false, got null"),
        (1, {"responses": "ab"}, 'responses must be a list of texts, got "ab"'),
        (1, {"responses": ["a", 1]}, 'responses must be a list of texts, got ["a", 1]'),
        (1, {"responses": ["a", "a"]}, "a ranking must name each response once"),
        (0, {"chosen": "\ud800"}, 'chosen must be text, got "\\ud800"'),
        (0, {"source": ["human"]}, 'source must be human or ai, got ["human"]'),
        (0, {"kind": ["comparison"]}, "kind must be one of comparison, ranking, rating, thumb, "),
        (0, {"chosen": 1, "more": 2}, "unknown field 'more'; chosen must be text, got 1"),
    ],
)
def test_values_are_not_guessed(tmp_path, kind, changes, reason):
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps(json.loads(as_line(item(kind))) | changes))
    good, (row,) = feedback_and_bad_rows(path)
    assert good == []
    assert row.reason.startswith(reason)


def test_bytes_that_are_no_text_are_one_bad_row(tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_bytes(b"\xff\xfe\n" + as_line(item(0)).encode() + b"\r\n" + b"[" * 100_000)
    good, bad = feedback_and_bad_rows(path)
    assert good == [item(0)]  # the last line of a file from Windows ends in \r
    assert [row.line for row in bad] == [1, 3]
    assert bad[0].reason.startswith("not UTF-8")


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "feedback.jsonl"
    items = [item(number) for number in range(40)]
    write_feedback(items, path)
    assert read_feedback(path) == items
    assert len(path.read_bytes().split(b"\n")) == 41
    write_feedback([], path)
    assert read_feedback(path) == []


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "feedback.jsonl"
    write_feedback([item(0)], path)
    half_a_letter = Thumb(**BY, prompt="film", response="\ud800", up=True)

    def stops():
        yield item(1)
        raise KeyboardInterrupt

    with pytest.raises(UnicodeEncodeError):
        write_feedback([item(1), half_a_letter], path)
    with pytest.raises(KeyboardInterrupt):
        write_feedback(stops(), path)
    assert read_feedback(path) == [item(0)]
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fails_leaves_no_part(tmp_path, monkeypatch):
    path = tmp_path / "feedback.jsonl"
    write_feedback([item(0)], path)

    def fails(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fails)
    with pytest.raises(OSError, match="disk full"):
        write_feedback([item(1)], path)
    assert read_feedback(path) == [item(0)]
    assert list(tmp_path.iterdir()) == [path]


def test_others_may_read_the_file_as_any_new_file(tmp_path):
    write_feedback([item(0)], tmp_path / "one")
    (tmp_path / "other").write_text("")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("one", "other")]
    assert modes[0] == modes[1]
