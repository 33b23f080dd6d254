"""What is watched while a policy learns, on ratios that are known."""

import pytest
import torch

from rlhf_lab import diagnostics
from rlhf_lab.diagnostics import clip_fraction, compared, entropy, share_outside
from rlhf_lab.kl import exact_kl
from rlhf_lab.logprobs import token_logprobs

RATIOS = torch.tensor([[0.5, 0.9, 1.1, 1.5, 9.0]])
MASK = torch.tensor([[True, True, True, True, False]])
OLD = torch.zeros_like(RATIOS)


def test_a_ratio_counts_as_outside_on_either_side_whatever_its_advantage_and_pads_do_not():
    assert share_outside(RATIOS.log(), OLD, MASK, epsilon=0.2).item() == 0.5


def test_what_is_outside_is_clipped_for_one_sign_of_the_advantage_or_the_other():
    outside = share_outside(RATIOS.log(), OLD, MASK, epsilon=0.2)
    clipped = [
        clip_fraction(RATIOS.log(), OLD, sign * torch.ones_like(RATIOS), MASK, epsilon=0.2)
        for sign in (1, -1)
    ]
    assert sum(clipped) == outside
    assert all(0 < share < outside for share in clipped)


def test_the_entropy_that_is_watched_has_no_gradient():
    assert not entropy(torch.zeros(3, requires_grad=True)).requires_grad


@pytest.mark.parametrize("at_a_time", [1, 10**6])
def test_what_is_compared_in_one_is_what_each_function_finds(at_a_time, monkeypatch):
    """Also where a token is forbidden, and whatever number of rows is worked on at a time."""
    monkeypatch.setattr(diagnostics, "AT_A_TIME", {"cpu": at_a_time})
    policy, reference = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    policy[:, 0, 1] = reference[:, 0, 1] = -torch.inf
    tokens = torch.randint(2, 5, (3, 4), generator=torch.Generator().manual_seed(1))
    found = compared(policy, reference, tokens).unbind(dim=1)
    chosen = (token_logprobs(logits, tokens) for logits in (policy, reference))
    expected = (*chosen, exact_kl(policy, reference), entropy(policy))
    assert all(map(torch.equal, found, expected))
