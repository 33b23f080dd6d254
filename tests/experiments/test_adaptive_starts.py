"""The rule at work: what it does to the coefficient is what the KL of the step before calls for."""

from rlhf_lab.experiments import adaptive_starts


def test_the_coefficient_follows_the_kl_of_the_step_before():
    run = adaptive_starts.run(100, start=100.0, steps=6)
    factors = {
        (kl > 1.5 * adaptive_starts.TARGET, kl < adaptive_starts.TARGET / 1.5): after / before
        for kl, before, after in zip(
            run["kl_to_old"], run["penalty"], run["penalty"][1:], strict=False
        )
    }
    assert factors.items() <= {(True, False): 2, (False, True): 0.5, (False, False): 1}.items()
    assert factors[False, True] == 0.5


def test_a_small_start_lets_the_first_step_go_further():
    far, near = (adaptive_starts.run(100, start=start, steps=1) for start in (0.01, 100.0))
    assert far["kl_to_old"][0] > 10 * near["kl_to_old"][0]
