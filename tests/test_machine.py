"""What the first cell of a notebook says of the computer it runs on."""

import types

import pytest
import torch

from rlhf_lab.machine import what_runs_here


def test_without_a_gpu_the_embedded_worlds_run(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert what_runs_here() == (
        "No GPU, 2 processor cores: the cells train in the embedded worlds. "
        "Training GPT-2-small needs a GPU."
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(12, "about a minute"), (140, "about 2 minutes"), (290, "about 5 min")]
)
def test_how_long_it_took_is_said_where_it_was_measured(seconds: float, words: str):
    assert f" All cells took {words}" in what_runs_here(seconds=seconds)
    assert "took" not in what_runs_here()


def test_a_gpu_is_named_with_its_memory(monkeypatch):
    card = types.SimpleNamespace(total_memory=15 * 2**30)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla T4")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    assert "Tesla T4, 15 GiB" in what_runs_here()
