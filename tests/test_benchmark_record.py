import json
from copy import deepcopy

import pytest

from rlhf_lab.benchmark_record import from_json, load, load_all
from rlhf_lab.benchmark_tables import (
    HEAD,
    loss_lines,
    ratio_bars,
    ratios_as_html,
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
    assert comparison.memory_ratios() == {"float32": 0.6, "knobs": 500 / 900}
    with pytest.raises(ValueError, match="no timing of peer in mode 'defaults' is recorded"):
        comparison.of("peer", "defaults")


def test_on_a_cpu_bfloat16_counts_beside_bfloat16():
    """trl's defaults compute in it; where ours was not timed in it they count beside our knobs."""
    content = deepcopy(CONTENT)
    timings = content["workloads"]["dpo"]["timings"]
    timings += [timing("peer", "defaults", 6.0, 800.0)]
    assert from_json(content).workloads["dpo"].ratios()["defaults"] == 6.0
    timings += [timing("peer", "bf16", 2.0, 900.0), timing("ours", "bf16", 0.5, 400.0)]
    found = from_json(content).workloads["dpo"].ratios()
    assert found == {"float32": 4.0, "knobs": 3.0, "defaults": 12.0, "bf16": 4.0}


def on_gpu():
    """The content of a GPU's file: four modes of the peer, and one of ours missing."""
    timings = [timing(*given, 100.0) for given in (
        ("peer", "float32", 8.0), ("ours", "float32", 4.0), ("peer", "knobs", 6.0),
        ("peer", "bf16", 3.0), ("ours", "bf16", 1.0), ("peer", "defaults", 5.0),
    )]  # fmt: skip
    timings[1] |= {"least_gigabytes": 20.0}
    machine = {"gigaflops": {"highest": 25.0, "medium": 200.0, "bf16": 400.0}, "gigabytes": 80.0}
    dpo = CONTENT["workloads"]["dpo"] | {"timings": timings}
    return CONTENT | {"device": "cuda", "machine": machine, "workloads": {"dpo": dpo}}


def test_on_a_gpu_each_mode_counts_beside_ours_of_as_many_bits():
    benchmark = from_json(on_gpu())
    comparison = benchmark.workloads["dpo"]
    assert comparison.ratios() == {"float32": 2.0, "bf16": 3.0, "defaults": 5.0}
    shares = [benchmark.matrix_share(comparison.of("peer", mode)) for mode in ("float32", "bf16")]
    assert shares == [50 / 8 / 25, 50 / 3 / 400]


def test_the_share_of_the_bandwidth_is_the_floor_in_units_of_the_time():
    benchmark = from_json(on_gpu())
    assert (
        benchmark.bandwidth_share(benchmark.workloads["dpo"].of("ours", "float32")) == 20 / 4 / 80
    )
    shown = {row[1:3]: row[-1] for row in rows(benchmark)}
    assert shown["ours", "float32"] == "6% of the band\N{SOFT HYPHEN}width"
    assert shown["peer", "float32"] == "25%"  # 50 / 8 / 25, of the matrix rate


def test_what_failed_is_left_out_of_the_table_of_ratios():
    content = on_gpu()
    content["workloads"]["grpo"] = CONTENT["workloads"]["dpo"]
    html, none = ratios_as_html(from_json(content)), "\N{EN DASH}"
    for cells in (
        ["dpo", "2.00", none, "3.00", "5.00", "1.00", "1.00"],
        ["grpo", "2.00", "3.00", none, none, "0.60", none],
    ):
        assert "".join(f"<td>{cell}</td>" for cell in cells) in html


def test_losses_are_told_by_how_far_they_are_apart():
    content = on_gpu()
    content["workloads"]["dpo"]["losses"] = {"ours": 0.5, "peer": 0.5 + 2e-6}
    assert loss_lines(from_json(content)) == ["  dpo: 2e-06"]


def test_a_row_holds_what_was_measured():
    row, spread = rows(from_json(CONTENT))[0], "4 (2\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}36)"
    assert len(row) == len(HEAD)
    assert row == ("dpo", "peer", "float32", spread, "8", "25", "1000", "6%")
    assert spread in rows_as_html(from_json(CONTENT))


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
    assert load_all(tmp_path, device="cuda") == []
    (tmp_path / "benchmark-tiny-cuda.json").write_text(json.dumps(on_gpu()))
    assert load_all(tmp_path, device="cuda") == [from_json(on_gpu())]
    assert load_all(tmp_path) == [from_json(CONTENT)]
