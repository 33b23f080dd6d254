"""The hub world on tiny local models of the same classes; without a network, one clear line."""

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    DistilBertConfig,
    DistilBertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
)

from rlhf_lab.responses import pad
from rlhf_lab.worlds import imdb

WORDS = [
    "<end>",
    "<pad>",
    "the",
    "film",
    "was",
    "good",
    "bad",
    "and",
    "so",
    "it",
    "is",
    "one",
    "of",
    "many",
]
TEXT = "the film was good and so it is one of many"


def tokenizer():
    ids = {word: number for number, word in enumerate(WORDS)}
    inner = Tokenizer(models.WordLevel(ids, unk_token="<pad>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>", pad_token="<pad>")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A GPT-2 with the hub's default dropout, and a DistilBERT with the judge's labels."""
    place = tmp_path_factory.mktemp("models")
    sizes = {"vocab_size": len(WORDS), "n_embd": 8, "n_layer": 1, "n_head": 1, "n_positions": 32}
    GPT2LMHeadModel(GPT2Config(**sizes)).save_pretrained(place / "policy")
    labels = {
        "id2label": {0: "NEGATIVE", 1: "POSITIVE"},
        "label2id": {"NEGATIVE": 0, "POSITIVE": 1},
    }
    small = DistilBertConfig(
        vocab_size=len(WORDS), dim=8, n_layers=1, n_heads=1, hidden_dim=8,
        max_position_embeddings=32, **labels,
    )  # fmt: skip
    DistilBertForSequenceClassification(small).save_pretrained(place / "judge")
    for name in ("policy", "judge"):
        tokenizer().save_pretrained(place / name)
    return place


def test_the_policy_comes_without_dropout(folders):
    model, _ = imdb.load_policy(str(folders / "policy"))
    rates = [part.p for part in model.modules() if isinstance(part, torch.nn.Dropout)]
    assert rates
    assert set(rates) == {0.0}
    ids = torch.tensor([[2, 3, 4]])
    assert torch.equal(model.train()(ids).logits, model.eval()(ids).logits)


def test_the_reward_is_the_log_odds_of_the_whole_text(folders):
    judge = imdb.load_judge(str(folders / "judge"))
    words = tokenizer()
    reward = imdb.sentiment_reward(judge, words)
    prompts = [words("the film")["input_ids"], words("so it is one")["input_ids"]]
    responses = pad(prompts, [words("was good")["input_ids"], [*words("bad")["input_ids"], 0]])
    texts = ["the film was good", "so it is one bad"]
    expected = []
    for text in texts:
        probabilities = judge.model(**words(text, return_tensors="pt")).logits.softmax(-1)[0]
        expected.append((probabilities[1].log() - probabilities[0].log()).item())
    assert reward(responses).tolist() == pytest.approx(expected, abs=1e-5)
    assert not any(parameter.requires_grad for parameter in judge.model.parameters())


def test_openings_begin_texts_and_have_two_to_eight_tokens():
    prompts = imdb.openings([TEXT], tokenizer(), count=200, seed=0)
    ids = tokenizer()(TEXT)["input_ids"]
    assert {len(prompt) for prompt in prompts} == set(range(2, 9))
    assert all(prompt == ids[: len(prompt)] for prompt in prompts)
    assert prompts == imdb.openings([TEXT], tokenizer(), count=200, seed=0)


def test_texts_that_are_too_short_or_missing_are_refused():
    with pytest.raises(ValueError, match="text 0 has 2 tokens, an opening needs up to 8"):
        imdb.openings(["the film"], tokenizer(), count=50, seed=0)
    with pytest.raises(ValueError, match="got 0 and 1"):
        imdb.openings([], tokenizer(), count=1, seed=0)


def test_a_judge_of_something_else_is_refused(folders):
    judge = imdb.load_judge(str(folders / "judge"))
    judge.model.config.label2id = {"LABEL_0": 0, "LABEL_1": 1}
    with pytest.raises(ValueError, match=r"labels POSITIVE and NEGATIVE, got \['LABEL_0'"):
        imdb.Judge(judge.model, judge.tokenizer)


@pytest.mark.parametrize("load", [imdb.load_policy, imdb.load_judge])
def test_without_a_network_one_line_says_what_to_do(load, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConnectionError, match="use the review world") as refusal:
        load("nobody/no-such-model")
    assert "\n" not in str(refusal.value)
