"""Review world, a few steps: what the ratio is, whoever writes the responses."""

import pytest

from rlhf_lab.experiments import policy_reviews, reference_samples


@pytest.fixture(scope="module")
def starts():
    """The clip fraction of a fourth update, by variant."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy_reviews, "EVALUATED", 32)
        runs = {
            name: reference_samples.run(0, **settings, steps=4, every=4)
            for name, settings in reference_samples.VARIANTS.items()
        }
    return {name: run["clip_fraction"][-1] for name, run in runs.items()}


def test_one_update_a_batch_is_never_clipped_where_the_ratio_is_to_the_policy(starts):
    """It is 1 where it is computed, whoever wrote the responses."""
    assert starts["samples-of-the-old-policy"] == 0
    assert starts["samples-of-the-reference-taken-for-own"] == 0


def test_the_ratio_to_the_reference_leaves_1_and_is_clipped(starts):
    assert starts["samples-of-the-reference"] > 0.01
