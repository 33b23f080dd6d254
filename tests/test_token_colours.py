import re

import pytest
import torch

from rlhf_lab.responses import pad
from rlhf_lab.token_colours import STRONGEST, coloured_responses, coloured_tokens


def runs(html):
    """(words, line under them, strength of the colour, number below) of each run of tokens."""
    pattern = r"(\d+)%,transparent\);border-bottom-style:(\w+)\">([^<]*)</b><i>([^<]*)</i>"
    return [(w, line, int(strength), n) for strength, line, w, n in re.findall(pattern, html)]


def test_tokens_that_follow_each_other_with_one_number_stand_together():
    html = coloured_tokens([("a", ["3", "+", "8", ";"], [1.0, 1.0, 1.0, -0.5])], label="x")
    assert [run[0] for run in runs(html)] == ["3 + 8", ";"]


def test_sign_and_size_can_be_read_without_colour():
    html = coloured_tokens([("a", ["u", "v", "w"], [2.0, -1.0, 0.0])], label="x")
    assert runs(html) == [
        ("u", "solid", STRONGEST, "+2.00"),
        ("v", "dashed", round(STRONGEST / 2), "−1.00"),
        ("w", "dotted", 0, "0"),
    ]


def test_one_scale_of_colour_holds_for_all_texts():
    html = coloured_tokens([("a", ["u"], [4.0]), ("b", ["v"], [1.0])], label="x")
    assert [run[2] for run in runs(html)] == [STRONGEST, round(STRONGEST / 4)]


def test_words_are_escaped_and_the_group_has_its_label():
    html = coloured_tokens([("<a>", ["<end>"], [0.0])], label="two & three")
    assert "&lt;a&gt;" in html
    assert "&lt;end&gt;" in html
    assert 'aria-label="two &amp; three"' in html


@pytest.mark.parametrize("numbers", [[1.0], [1.0, float("nan")], [1.0, float("inf")]])
def test_a_token_without_a_finite_number_is_refused(numbers):
    with pytest.raises(ValueError, match="'a' needs one finite number a token: 2 tokens"):
        coloured_tokens([("a", ["u", "v"], numbers)], label="x")


@pytest.mark.parametrize(
    ("background", "ink"), [((255, 255, 255), (50, 50, 50)), ((20, 24, 30), (206, 214, 221))]
)
@pytest.mark.parametrize("colour", [(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)])
def test_ink_on_the_strongest_colour_can_be_read_in_both_modes(background, ink, colour):
    """WCAG 2: a contrast of 4.5:1, with the theme's own inks and backgrounds."""

    def luminance(rgb):
        parts = [x / 255 for x in rgb]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    share = STRONGEST / 100
    mixed = [share * c + (1 - share) * b for c, b in zip(colour, background, strict=True)]
    dark, light = sorted((luminance(mixed), luminance(ink)))
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_pads_of_responses_are_left_out_whatever_stands_there():
    responses = pad([[0], [0]], [[1, 2], [2]])
    numbers = torch.tensor([[1.0, -1.0], [0.5, float("nan")]])
    html = coloured_responses(responses, numbers, ["x", "y", "z"], names=["a", "b"], label="c")
    assert [(words, number) for words, _, _, number in runs(html)] == [
        ("y", "+1.00"),
        ("z", "−1.00"),
        ("z", "+0.50"),
    ]


def test_each_response_has_a_name():
    with pytest.raises(ValueError, match="a name for each of 1 responses"):
        coloured_responses(pad([[0]], [[1]]), torch.zeros(1, 1), ["x", "y"], names=[], label="c")
