"""The recorded mutation report: kept whole, read whole, and nothing else is taken for one."""

import pytest

from rlhf_lab import mutation_record
from rlhf_lab.derivations.checker.tally import Tally

TALLY = Tally(
    name="a ≥ b",
    lines=3,
    mutants={"sign": 2},
    with_values=1,
    accepted=("a ≥ b, line 2: sign of b",),
    bounds=1,
)


def test_what_is_saved_is_read_back(tmp_path):
    record = mutation_record.recorded([TALLY])
    assert mutation_record.load(mutation_record.save(record, tmp_path).parent) == record
    assert record.commit
    assert set(record.versions) == {"python", "sympy", "mpmath"}


@pytest.mark.parametrize("text", ["[", "{}", "[]", '{"tallies": [{"name": "a"}]}'])
def test_another_file_is_no_record(text, tmp_path):
    (tmp_path / mutation_record.FILE).write_text(text)
    with pytest.raises(ValueError, match=r"mutation.json is no mutation record"):
        mutation_record.load(tmp_path)
