"""The whole run takes a minute and is recorded; here 16 steps of it."""

from rlhf_lab.experiments import fixed_point_gpt2


def test_a_tiny_gpt2_goes_towards_the_optimum():
    run = fixed_point_gpt2.run(0, steps=16, every=8)
    assert run["updates"] == [8, 16]
    assert run["to_optimum"][-1] < 0.25 < run["to_optimum"][0] < 0.6  # 0.68 before the first step
    assert run["kl"][-1] > run["kl"][0] > 0
