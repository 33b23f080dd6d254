import json

import pytest

from rlhf_lab.benchmark_record import (
    HEAD,
    from_json,
    load,
    load_all,
    ratio_bars,
    rows,
    rows_as_html,
)


def timing(side, mode, seconds, megabytes):
    return {
        "side": side, "mode": mode, "wall": [seconds, 9 * seconds, 0.5 * seconds],
        "cpu": [2 * seconds] * 3, "peak_megabytes": megabytes, "tokens": 100, "work": 50.0,
    }  # fmt: skip


CONTENT = {
    "size": "tiny",
    "versions": {"torch": "2"},
    "hardware": {},
    "machine": {"gigaflops": {"medium": 200.0}},
    "workloads": {
        "dpo": {
            "losses": {"ours": 0.5, "peer": 0.5}, "commit": "c", "date": "d", "threads": 1,
            "timings": [
                timing("peer", "float32", 4.0, 1000.0), timing("ours", "float32", 2.0, 600.0),
                timing("peer", "knobs", 3.0, 900.0), timing("ours", "knobs", 1.0, 500.0),
            ],
        }
    },
}  # fmt: skip


def test_ratios_are_of_medians_to_ours_with_knobs():
    comparison = from_json(CONTENT).workloads["dpo"]
    assert comparison.ratios() == {"float32": 4.0, "knobs": 3.0}
    assert comparison.memory_ratio() == 0.6
    with pytest.raises(ValueError, match="no timing of peer in mode 'defaults' is recorded"):
        comparison.of("peer", "defaults")


def test_a_row_holds_what_was_measured():
    row = rows(from_json(CONTENT))[0]
    assert len(row) == len(HEAD)
    assert row == ("dpo", "peer", "float32", "4 (2 to 36)", "8", "25", "1000", "6%")
    assert "4 (2 to 36)" in rows_as_html(from_json(CONTENT))


def test_the_picture_shows_each_ratio():
    axes = ratio_bars(from_json(CONTENT))
    assert [bar.get_height() for bar in axes.patches] == [4.0, 3.0]


def test_a_file_that_is_no_benchmark_is_named(tmp_path):
    (tmp_path / "benchmark-tiny.json").write_text(json.dumps({"size": "tiny"}))
    with pytest.raises(ValueError, match=r"benchmark-tiny\.json is no recorded benchmark"):
        load("tiny", tmp_path)


def test_what_is_recorded_is_found(tmp_path):
    assert load_all(tmp_path) == []
    (tmp_path / "benchmark-tiny.json").write_text(json.dumps(CONTENT))
    assert load_all(tmp_path) == [from_json(CONTENT)]
