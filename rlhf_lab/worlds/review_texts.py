"""Responses of the review world as feedback holds them: a prompt and a response, both texts.

A text that was cut off before its end token ends with "...", so that annotators see it.
"""

from rlhf_lab.responses import Responses
from rlhf_lab.worlds.review_score import gold_score
from rlhf_lab.worlds.reviews import BEGIN, END, decode, encode

CUT = "..."


def prompts_and_texts(responses: Responses) -> list[tuple[str, str]]:
    """Prompt and response of each row, `CUT` at the end of what was not finished."""
    found = []
    for prompt, prompt_mask, tokens, mask in zip(*responses.arrays, strict=True):
        ids = tokens[mask].tolist()
        text = decode(ids) if END in ids else f"{decode(ids)} {CUT}"
        found.append((decode(prompt[prompt_mask].tolist()), text))
    return found


def text_ids(prompt: str, response: str) -> tuple[list[int], list[int]]:
    """Token ids of both, the begin token included, and the end token unless the text was cut.

    >>> text_ids("we", "liked it .")[1] == [*encode("liked it ."), END]
    True
    """
    words = response.removesuffix(CUT)
    return [BEGIN, *encode(prompt)], encode(words) + [END] * (words == response)


def gold_worth(prompt: str, response: str) -> float:
    """The gold score of prompt and response, as an annotator's worth. ValueError on unknown words.

    >>> gold_worth("we", "loved it .") - gold_worth("we", "loved it . ...")
    0.5
    """
    words = response.removesuffix(CUT)
    text = f"{prompt} {words}"
    encode(text)  # refuses a word that is none of this world, which would count as bad grammar
    return gold_score(text, finished=words == response)
