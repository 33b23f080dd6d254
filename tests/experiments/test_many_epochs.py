"""One pass and many passes over a batch, in the exact world."""

import pytest

from rlhf_lab.experiments import many_epochs


def run(surrogate, passes, steps):
    return many_epochs.run(100, surrogate=surrogate, passes=passes, steps=steps)


def test_with_one_pass_the_clip_does_nothing():
    clipped, unclipped = (run(name, 1, 4) for name in many_epochs.SURROGATES)
    for name in ("to_optimum", "kl_to_old"):
        assert clipped[name] == pytest.approx(unclipped[name], rel=1e-9)


def test_with_many_passes_a_step_without_the_clip_goes_much_further():
    clipped, unclipped = (run(name, 64, 2) for name in many_epochs.SURROGATES)
    assert max(unclipped["kl_to_old"]) > 3 * max(clipped["kl_to_old"])
    assert max(clipped["outside"]) > 0.1
