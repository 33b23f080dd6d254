import pytest

from rlhf_lab.experiments import three_factors
from rlhf_lab.worlds.exact import exact_world
from rlhf_lab.worlds.optimum import kl_divergence, optimal_logprobs


def run(**changes):
    return three_factors.run(0, **(three_factors.BASE | changes))


def test_on_the_true_reward_the_policy_nears_the_known_optimum():
    world = exact_world(seed=0)
    trained = three_factors.trained_policy(world, world.rewards, beta=0.3, updates=300)
    best = optimal_logprobs(world.reference_logprobs, world.rewards, beta=0.3)
    assert kl_divergence(trained, best).item() == pytest.approx(0, abs=2e-3)


def test_what_feedback_says_reaches_the_policy():
    base = run()
    assert 0.5 < base["true_gain"] < base["model_gain"]
    assert run(pairs=50)["true_gain"] < base["true_gain"] - 0.5


def test_a_stronger_penalty_stays_nearer():
    assert run(beta=3.0)["kl"] < run()["kl"] < run(beta=0.03)["kl"]


def test_each_level_changes_one_factor():
    own = {
        "feedback data": {"pairs"},
        "reward model": {"features"},
        "policy optimisation": {"beta", "updates"},
    }
    for factor, levels in three_factors.LEVELS.items():
        for change in levels.values():
            assert len(change) == 1
            assert set(change) <= own[factor]
            assert change.items() - three_factors.BASE.items()
