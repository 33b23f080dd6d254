"""What is watched while a policy learns, on ratios that are known."""

import torch

from rlhf_lab.diagnostics import clip_fraction, share_outside

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
