from rlhf_lab.experiments import first_policy
from rlhf_lab.worlds.reviews import gold_rewards


def test_demonstrations_for_fine_tuning_praise_and_are_flawless():
    shown = first_policy.praise(300, seed=0)
    assert 30 < len(shown) < 200
    assert gold_rewards(shown).min() > 0.6


def test_each_stage_of_training_starts_higher():
    starts = {
        name: first_policy.evaluated(start(0), seed=0)
        for name, start in first_policy.STARTS.items()
    }
    gold = [starts[name]["gold"] for name in ("random", "pretrained", "fine-tuned")]
    assert gold == sorted(gold)
    assert gold[1] + 0.2 < gold[2]
    assert starts["random"]["flawless"] == 0
    assert starts["pretrained"]["flawless"] > 0.7
