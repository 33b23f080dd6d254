from rlhf_lab.experiments import reward_cost
from rlhf_lab.worlds.reviews import VOCABULARY


def test_the_explicit_way_holds_one_network_more():
    row = {name: values[0] for name, values in reward_cost.run(0, width=16, layers=1).items()}
    # The reward model has the trunk, which holds the policy's tied head, and 16 + 1 numbers more.
    assert row["explicit_bytes"] == row["implicit_bytes"] + row["policy_bytes"] + 4 * 17
    assert row["implicit_bytes"] == 2 * row["policy_bytes"]
    per_layer = 12 * 16 * 16 + 13 * 16
    assert row["policy_bytes"] == 4 * (16 * (len(VOCABULARY) + 64) + per_layer + 2 * 16)
    assert all(row[name] > 0 for name in row if name.endswith("seconds"))
