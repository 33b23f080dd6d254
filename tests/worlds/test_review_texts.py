import pytest
import torch

from rlhf_lab.responses import pad
from rlhf_lab.worlds.review_texts import CUT, gold_worth, prompts_and_texts, text_ids
from rlhf_lab.worlds.reviews import END, encode, gold_rewards, prompts

PROMPTS = [*prompts(3, seed=0), [0, *encode("we")]]
ANSWERS = ["liked it .", "the plot was not", "was superb . critics loathed it .", ""]
ENDED = [True, False, True, True]


def batch():
    answers = [encode(a) + [END] * e for a, e in zip(ANSWERS, ENDED, strict=True)]
    return pad(PROMPTS, answers)


def test_texts_and_tokens_turn_into_each_other():
    responses = batch()
    texts = prompts_and_texts(responses)
    assert [text.endswith(CUT) for _, text in texts] == [not ended for ended in ENDED]
    again = pad(*zip(*[text_ids(*text) for text in texts], strict=True))
    for name in ("prompts", "prompt_mask", "tokens", "mask"):
        assert torch.equal(getattr(again, name), getattr(responses, name))


def test_an_annotator_sees_the_gold_score_of_the_tokens():
    responses = batch()
    worths = [gold_worth(*text) for text in prompts_and_texts(responses)]
    assert torch.allclose(torch.tensor(worths), gold_rewards(responses))


@pytest.mark.parametrize(
    "text", [("the plot", "was great ."), ("12", "34 ."), ("the plot", "was great ...")]
)
def test_a_word_outside_the_vocabulary_has_no_worth(text):
    with pytest.raises(ValueError, match=r"unknown word '(great|12)'"):
        gold_worth(*text)
