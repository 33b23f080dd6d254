"""Texts whose tokens carry a number: a colour for its sign and size, and the number in words.

Readable without colour: positive numbers have a solid line under their tokens, negative ones a
dashed line, 0 a dotted one, and the number itself stands below, once for each run of tokens that
share it.
"""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from jaxtyping import Float
from torch import Tensor

from rlhf_lab.html_tables import framed
from rlhf_lab.responses import Responses
from rlhf_lab.style import BLUE, VERMILION

STRONGEST = 45  # per cent of colour at the largest number: ink on it keeps a contrast of 4.5:1
STYLE = """<style>.rlhf-tokens p{margin:.2em 0 .8em;line-height:1.3}
.rlhf-tokens .of{display:block;font-size:.9em}
.rlhf-tokens .run{display:inline-block;vertical-align:top;margin:0 .15em .3em 0;color:inherit}
.rlhf-tokens .run b{font-weight:normal;display:block;padding:.05em .25em;color:inherit;
border-bottom:2px solid}
.rlhf-tokens .run i{font-style:normal;display:block;font-size:.75em;text-align:center;
color:inherit}</style>
"""


def coloured_tokens(
    texts: Iterable[tuple[str, Sequence[str], Sequence[float]]], *, label: str
) -> str:
    """HTML of texts, each (what it is, its tokens, one number a token): say a token's advantage.

    The colour is as strong as |number| / the largest |number| of all texts: blue above 0,
    vermilion below. Raises ValueError where a text has not one finite number a token.
    """
    rows = [(name, list(tokens), [float(x) for x in numbers]) for name, tokens, numbers in texts]
    for name, tokens, numbers in rows:
        if len(tokens) != len(numbers) or not all(abs(x) < float("inf") for x in numbers):
            raise ValueError(
                f"{name!r} needs one finite number a token: {len(tokens)} tokens, "
                f"{len(numbers)} numbers, the largest {max(numbers, key=abs, default=None)}"
            )
    largest = max((abs(x) for *_, numbers in rows for x in numbers), default=0.0)
    texts = "".join(_text(*row, largest or 1.0) for row in rows)
    return framed(f'{STYLE}<div class="rlhf-tokens">{texts}</div>', label=label)


def coloured_responses(
    responses: Responses,
    numbers: Float[Tensor, "batch token"],
    vocabulary: Sequence[str],
    *,
    names: Sequence[str],
    label: str,
) -> str:
    """HTML of responses, a number at each real token; pads are left out.

    Raises ValueError where there is not one name a response.
    """
    if len(names) != len(responses):
        raise ValueError(f"expected a name for each of {len(responses)} responses, got {names!r}")
    rows = [
        (name, [vocabulary[token] for token in tokens[real].tolist()], values[real].tolist())
        for name, tokens, values, real in zip(
            names, responses.tokens, numbers, responses.mask, strict=True
        )
    ]
    return coloured_tokens(rows, label=label)


def _text(name: str, tokens: Sequence[str], numbers: Sequence[float], largest: float) -> str:
    pairs = [(token, f"{number:+.2f}") for token, number in zip(tokens, numbers, strict=True)]
    runs = ""
    for number, run in groupby(pairs, key=lambda pair: pair[1]):
        words = " ".join(token for token, _ in run)
        runs += _run(words, number, STRONGEST * abs(float(number)) / largest)
    return f'<p><span class="of">{escape(name)}</span>{runs}</p>'


def _run(words: str, number: str, strength: float) -> str:
    value = float(number)
    line = "solid" if value > 0 else "dashed" if value < 0 else "dotted"
    colour = BLUE if value > 0 else VERMILION
    fill = f"background:color-mix(in srgb,{colour} {strength:.0f}%,transparent)"
    shown = number.replace("-", "−") if value else "0"
    return (
        f'<span class="run"><b style="{fill};border-bottom-style:{line}">{escape(words)}</b>'
        f"<i>{shown}</i></span> "
    )
