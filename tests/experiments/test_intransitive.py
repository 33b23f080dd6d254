import pytest
import torch

from rlhf_lab.experiments import intransitive


def test_scores_lose_all_of_an_even_circle_and_nothing_of_an_order():
    for win in (0.6, 0.9):
        circle = torch.full((3, 3), 0.5, dtype=torch.float64)
        for a, b in ((0, 1), (1, 2), (2, 0)):
            circle[a, b], circle[b, a] = win, 1 - win
        found = intransitive.measured(circle)
        entropy = torch.special.entr(torch.tensor([win, 1 - win])).sum().item()
        assert found["excess"] == pytest.approx(torch.tensor(2.0).log().item() - entropy, abs=1e-6)
        assert (found["circles"], found["ceiling"]) == (1.0, pytest.approx(win))
    worths = torch.tensor([0.3, -1.0, 2.0, 0.0], dtype=torch.float64)
    found = intransitive.measured((worths[:, None] - worths[None, :]).sigmoid())
    assert found["excess"] == pytest.approx(0, abs=1e-6)
    assert (found["circles"], found["score_accuracy"]) == (0.0, found["ceiling"])


def test_noise_leaves_no_gap_and_contests_do():
    noise, strong = (
        intransitive.run(0, **intransitive.VARIANTS[f"intransitive-{name}"])
        for name in ("noise", "strong")
    )
    assert noise["circles"] == [0.0]
    assert noise["excess"][0] < 1e-5 < 0.05 < strong["excess"][0]
    assert noise["self_agreement"][0] < strong["self_agreement"][0]
    assert strong["score_accuracy"][0] < strong["ceiling"][0] - 0.02
