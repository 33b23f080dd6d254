import json
import sys
import types

import pytest

from rlhf_lab.feedback.hub import (
    gsm8k_problem,
    hh_comparison,
    hub_data,
    hub_data_and_bad_rows,
    hub_file_and_bad_rows,
    imdb_thumb,
    read_hub_file,
)
from rlhf_lab.feedback.json_lines import BadRowsError
from rlhf_lab.feedback.kinds import Source

TALK = "\n\nHuman: May I ask?\n\nAssistant: Do.\n\nHuman: What is two plus two?\n\nAssistant:"
HH = {"chosen": f"{TALK} Four.", "rejected": f"{TALK} I will not say."}
IMDB = {"text": "I saw this  film twice and\nwould again.", "label": 1}
GSM8K = {
    "question": "Ann has 3 bags of 5 nuts. How many nuts?",
    "answer": "She has 3*5=<<3*5=15>>15 nuts.\nThat is all.\n#### 1,015",
}


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_hh_rlhf_transcripts_become_a_comparison():
    pair = hh_comparison(HH)
    assert (pair.prompt, pair.chosen, pair.rejected) == (TALK, " Four.", " I will not say.")
    assert pair.source is Source.HUMAN
    assert pair.prompt + pair.chosen == HH["chosen"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chosen": "Four."}, 'chosen must begin with a turn of "Human:"'),
        ({"chosen": "\n\nHuman: Hm"}, 'chosen must begin with a turn of "Human:"'),
        ({"rejected": "\n\nHuman: Else?\n\nAssistant: No."}, "differ before the assistant's last"),
        ({"rejected": HH["chosen"]}, "two different responses"),
        ({"rejected": HH["rejected"] + "\n\nHuman: Why?"}, "goes on after the turn"),
        ({"chosen": HH["chosen"] + "\n\nHuman: Why?"}, "goes on after the turn"),
        ({"rejected": HH["rejected"] + "\n\nAssistant: No."}, "goes on after the turn"),
        ({"rejected": None}, "rejected must be text, got null"),
    ],
)
def test_transcripts_that_are_no_comparison_are_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        hh_comparison(HH | changes)


def test_imdb_reviews_become_thumbs_on_a_continued_opening():
    up, down = imdb_thumb(IMDB), imdb_thumb(IMDB | {"label": 0})
    assert (up.prompt, up.response) == ("I saw this  film", " twice and\nwould again.")
    assert up.prompt + up.response == IMDB["text"]
    assert (up.up, down.up) == (True, False)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"label": -1}, "label must be 0 or 1, got -1; -1 marks a row without label"),
        ({"label": True}, "label must be a whole number, got true"),
        ({"text": "only these four words "}, "more than 4 words"),
        ({"text": "short"}, "more than 4 words"),
    ],
)
def test_reviews_without_a_label_or_a_response_are_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        imdb_thumb(IMDB | changes)


def test_gsm8k_keeps_the_steps_and_the_final_number_as_written():
    problem = gsm8k_problem(GSM8K)
    assert problem.answer == "1,015"
    assert problem.steps + "\n#### " + problem.answer == GSM8K["answer"]


@pytest.mark.parametrize("answer", ["15", "steps\n#### ", "steps\n#### many", "steps #### 15"])
def test_an_answer_without_a_final_number_is_refused(answer):
    with pytest.raises(ValueError, match='must end with a line of "#### " and a number'):
        gsm8k_problem(GSM8K | {"answer": answer})


def test_a_problem_whose_question_is_no_text_is_refused():
    with pytest.raises(ValueError, match="question must be text, got null"):
        gsm8k_problem(GSM8K | {"question": None})


def test_a_local_file_is_read_row_by_row(tmp_path):
    path = lines(tmp_path / "hh.jsonl", [HH, HH | {"rejected": HH["chosen"]}, {"chosen": "x"}])
    with pytest.raises(BadRowsError, match="2 of 3 rows are bad"):
        read_hub_file(path, hh_comparison)
    good, bad = hub_file_and_bad_rows(path, hh_comparison)
    assert good == [hh_comparison(HH)]
    assert [row.line for row in bad] == [2, 3]
    assert bad[1].reason == "rejected is missing"
    assert len(read_hub_file(lines(tmp_path / "imdb.jsonl", [IMDB] * 3), imdb_thumb)) == 3


def test_without_the_datasets_library_one_line_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError) as caught:
        hub_data("stanfordnlp/imdb", imdb_thumb, split="train")
    assert str(caught.value) == (
        "reading stanfordnlp/imdb from the hub needs `pip install datasets`; or download its train "
        "rows as JSON Lines elsewhere and use read_hub_file"
    )


@pytest.mark.parametrize("failure", [ConnectionError("no route"), FileNotFoundError("not cached")])
def test_without_a_network_one_line_says_what_to_do(monkeypatch, failure):
    def fails(*_args, **_settings):
        raise failure

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=fails))
    with pytest.raises(ConnectionError) as caught:
        hub_data("stanfordnlp/imdb", imdb_thumb, split="train")
    assert str(caught.value) == (
        "cannot read stanfordnlp/imdb from the hub; check its name and the network, or download "
        "its train rows as JSON Lines elsewhere and use read_hub_file"
    )


def test_hub_rows_are_checked_like_those_of_a_file(monkeypatch):
    asked = []

    def load_dataset(hub_id, *, split):
        asked.append((hub_id, split))
        return [IMDB, IMDB | {"label": -1}]

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    good, bad = hub_data_and_bad_rows("stanfordnlp/imdb", imdb_thumb, split="unsupervised")
    assert asked == [("stanfordnlp/imdb", "unsupervised")]
    assert good == [imdb_thumb(IMDB)]
    assert [row.line for row in bad] == [2]
    with pytest.raises(BadRowsError, match="stanfordnlp/imdb: 1 of 2 rows"):
        hub_data("stanfordnlp/imdb", imdb_thumb, split="unsupervised")
