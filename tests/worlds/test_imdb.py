"""The hub world on tiny local models of the same classes; without a network, one clear line."""

import pytest
import torch
from jaxtyping import config
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    DistilBertConfig,
    DistilBertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedTokenizerFast,
)

from rlhf_lab.responses import pad
from rlhf_lab.train.loop import history
from rlhf_lab.train.sft import SFTConfig, train_sft
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


SMALL = {
    "vocab_size": len(WORDS),
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
}
CAUSAL = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SMALL, intermediate_size=8)),
    "neox": lambda: GPTNeoXForCausalLM(
        GPTNeoXConfig(**SMALL, intermediate_size=8, attention_dropout=0.5, hidden_dropout=0.5)
    ),
    "opt": lambda: OPTForCausalLM(
        OPTConfig(**SMALL, ffn_dim=8, word_embed_proj_dim=8, attention_dropout=0.5, dropout=0.5)
    ),
}


@pytest.mark.parametrize("kind", ["policy", *CAUSAL])
def test_any_causal_language_model_is_loaded_and_trains_without_dropout(folders, kind, tmp_path):
    """Whatever mode somebody has put it into: two runs that begin alike go alike."""
    folder = folders / kind
    if kind in CAUSAL:
        folder = tmp_path
        CAUSAL[kind]().save_pretrained(folder)
        tokenizer().save_pretrained(folder)
    losses = []
    for seed in (0, 1):
        model, words = imdb.load_policy(str(folder))
        assert not any(part.training for part in model.modules())
        assert {weight.dtype for weight in model.parameters()} == {torch.float32}
        text = pad([words("the film")["input_ids"]], [words("was good")["input_ids"]])
        torch.manual_seed(seed)
        run = train_sft(model.train(), text, SFTConfig(steps=3, batch_size=1))
        losses.append(history(run)["loss"])
    assert losses[0] == losses[1]


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


def test_a_text_that_the_judge_cannot_read_whole_is_refused(folders):
    """Its score would be that of its first tokens; here the tokenizer says less than the model."""
    judge = imdb.load_judge(str(folders / "judge"))
    assert judge.context == 32
    assert judge.scores([" ".join(["good"] * 32)]).shape == (1,)
    with pytest.raises(ValueError, match="the judge reads 32 tokens, got a text of 33"):
        judge.scores(["bad", " ".join(["good"] * 33)])
    judge.tokenizer.model_max_length = 20
    with pytest.raises(ValueError, match="the judge reads 20 tokens, got a text of 21"):
        judge.scores([" ".join(["good"] * 21)])


def test_no_texts_have_no_scores_and_one_text_is_no_list(folders):
    judge = imdb.load_judge(str(folders / "judge"))
    assert judge.scores([]).shape == (0,)
    config.update("jaxtyping_disable", True)  # users have no type checker
    with pytest.raises(ValueError, match="texts must be a list of texts, got one: 'good'"):
        judge.scores("good")


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
