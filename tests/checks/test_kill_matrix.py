"""The recorded kill matrix: whole, of this code, read as written; part of it worked out again."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rlhf_lab import kill_record
from rlhf_lab.kill_record import Kill, fingerprint, known, name_of

ROOT = Path(__file__).resolve().parents[2]
RECORD = kill_record.load()
ROW = Kill(
    exercise="gae",
    bug="no gamma",
    places=("advantages.gae",),
    tests=9,
    failed=("tests/test_advantages.py::test_a[1]",),
    failures=3,
    code="0",
)
AGAIN = (  # in a function's own place, inside a function, in two places
    "gae/no_gamma",
    "last_score/at_the_first_pad",
    "dpo_gradient/beta_missing",
)


def test_every_known_mistake_has_its_row_in_order():
    rows = [(row.exercise, row.bug) for row in RECORD.kills]
    assert rows == [(exercise.name, bug.name) for exercise, bug in known()]


def test_the_record_is_of_this_code():
    """Else run tools/kill_matrix.py again."""
    now = [fingerprint(*pair) for pair in known()]
    stale = [row for row, code in zip(RECORD.kills, now, strict=True) if row.code != code]
    assert [f"{row.exercise}: {row.bug}" for row in stale] == []


def test_every_mistake_fails_a_test_that_is_still_there():
    functions = {}
    for row in RECORD.kills:
        assert row.failures >= len(row.failed) >= 1
        for test in row.failed:
            file, _, name = test.partition("::")
            if file not in functions:
                text = (ROOT / file).read_text(encoding="utf-8")
                functions[file] = set(re.findall(r"^def (test_\w+)", text, re.MULTILINE))
            assert name.partition("[")[0] in functions[file], test


@pytest.mark.rerun
def test_some_rows_come_out_again():
    command = [sys.executable, str(ROOT / "tools" / "kill_matrix.py"), "--only", *AGAIN]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    rows = {name_of(*pair): row for pair, row in zip(known(), RECORD.kills, strict=True)}
    for name, found in zip(AGAIN, json.loads(done.stdout), strict=True):
        assert sorted(found["failed"]) == sorted(rows[name].failed)


def test_a_helper_that_changes_makes_a_row_stale():
    """`no_gamma` only calls `recursion`, in which the work is done."""
    pair = next(pair for pair in known() if name_of(*pair) == "gae/no_gamma")
    sources = list(kill_record.sources_of(pair[1].function))
    assert len(sources) == 3
    assert any("def recursion" in source for source in sources)


def test_what_is_saved_is_read_back(tmp_path):
    record = kill_record.recorded([ROW])
    assert kill_record.load(kill_record.save(record, tmp_path).parent) == record
    assert record.commit
    assert set(record.versions) == {"python", "torch", "transformers", "pytest"}


@pytest.mark.parametrize("text", ["[", "{}", "[]", '{"kills": [{"exercise": "gae"}]}'])
def test_another_file_is_no_record(text, tmp_path):
    (tmp_path / kill_record.FILE).write_text(text)
    with pytest.raises(ValueError, match=r"kill_matrix.json is no kill matrix"):
        kill_record.load(tmp_path)
