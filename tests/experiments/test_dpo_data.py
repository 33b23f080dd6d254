from rlhf_lab.experiments import dpo_data


def test_endless_data_ends_at_the_optimum():
    start, end = dpo_data.run(0, pairs=None, steps=(0, 300))
    assert start > 0.4
    assert end < 0.01


def test_with_few_pairs_long_training_hurts():
    early, late = dpo_data.run(0, pairs=1000, steps=(30, 400))
    assert late > early + 0.2
