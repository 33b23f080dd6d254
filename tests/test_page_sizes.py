"""A reader changes the size of the exact world on a page; what the page counts follows."""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import torch

from rlhf_lab.train.loop import history, minimise

CHAPTERS = Path(__file__).resolve().parent.parent / "chapters"
HEAD = r"(?:---\n.*?\n---\n|(?::[\w-]+:[^\n]*\n)*)"
CELL = re.compile(rf"^```\{{code-cell\}} python\n{HEAD}(.*?)^```", re.M | re.S)


def printed(page: str, world: str, other: str, holding: tuple[str, ...]) -> str:
    """What the cells that hold these strings print, in another world; its own is `world`."""
    text = (CHAPTERS / f"{page}.md").read_text(encoding="utf-8")
    assert world in text
    cells = CELL.findall(text.replace(world, other))
    names = {"torch": torch, "history": history, "minimise": minimise}
    out = StringIO()
    with redirect_stdout(out):
        for part in holding:
            [cell] = [cell for cell in cells if part in cell]
            exec(cell, names)  # a page of this repository
    return out.getvalue()


@pytest.mark.parametrize("vocabulary", [2, 4, 6])
def test_the_page_of_dpo_counts_responses_and_entries_of_its_world(vocabulary):
    found = printed(
        "dpo",
        "exact_world(vocabulary=5, length=3, seed=0)",
        f"exact_world(vocabulary={vocabulary}, length=3, seed=0)",
        (
            "log_z = log_partition",
            "(by_autograd,) =",
            "never = ",
            "pairs_exact = expected_pairs",
            "def pulls(",
            "updates on 100,000 pairs",
        ),
    )
    count = vocabulary**3
    assert f"of {count} responses" in found
    assert f"in {vocabulary * (1 + vocabulary + vocabulary**2)} entries" in found
    assert "300 updates on 100,000 pairs" in found


def test_the_slider_of_dpo_names_responses_of_any_vocabulary():
    world = "exact_world(vocabulary=3, length=2, seed=4)"
    text = (CHAPTERS / "dpo.md").read_text(encoding="utf-8")
    first = "\nlabels = [\n"
    [cell] = [cell for cell in CELL.findall(text) if world in cell]
    names = {}
    exec("from rlhf_lab.worlds.exact import exact_world\n", names)
    exec(cell.replace("vocabulary=3", "vocabulary=4").split(first)[0], names)
    assert names["names"][0] == "aa"
    assert names["names"][-1] == "dd"


def test_the_page_of_grpo_counts_entries_of_its_world():
    found = printed(
        "grpo",
        "world = exact_world(seed=0)",
        "world = exact_world(vocabulary=4, seed=0)",
        ("world = exact_world(", "gradient.norm()", "(group_of_two, expected_reward)"),
    )
    assert "policy.table has 21 rows of 4 logits" in found
    assert "84 entries" in found
