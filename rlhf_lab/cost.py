"""What a step of training costs, counted: weights, what is kept of them and of tokens, products.

A GPT-2 of L layers, width d, a vocabulary of V words and a context of C. Numbers of 4 bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

BYTES = 4
"""of a number in float32"""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What decides the size of a GPT-2."""

    layers: int
    width: int
    heads: int
    vocabulary: int = 50_257
    context: int = 1024

    def parameters(self) -> int:
        """12 L d² + 13 L d of the layers, (V + C) d of the embeddings, 2 d of the last norm."""
        layer = 12 * self.width**2 + 13 * self.width
        ends = (self.vocabulary + self.context + 2) * self.width
        return self.layers * layer + ends

    def matrix_parameters(self) -> int:
        """12 L d² + V d: those that every token is multiplied with, the head included."""
        return 12 * self.layers * self.width**2 + self.vocabulary * self.width


@dataclass(frozen=True)
class Models:
    """How many models of one size a step holds."""

    trained: int
    frozen: int

    def bytes(self, parameters: int) -> dict[str, int]:
        """Weights of all; of those that learn also gradients and the two moments of Adam."""
        one = BYTES * parameters
        return {
            "weights": (self.trained + self.frozen) * one,
            "gradients": self.trained * one,
            "Adam's moments": 2 * self.trained * one,
        }


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "124M": Shape(layers=12, width=768, heads=12),
        "355M": Shape(layers=24, width=1024, heads=16),
        "774M": Shape(layers=36, width=1280, heads=20),
        "1.6B": Shape(layers=48, width=1600, heads=25),
    }
)
"""The four sizes of GPT-2 (Radford et al. 2019, table 2; counted from the released weights)."""

HELD: Mapping[str, Models] = MappingProxyType(
    {
        "reward\nmodel": Models(trained=1, frozen=0),
        "DPO": Models(trained=1, frozen=1),
        "GRPO,\nrule": Models(trained=1, frozen=1),
        "GRPO,\nnetwork": Models(trained=1, frozen=2),
        "PPO": Models(trained=2, frozen=2),
    }
)
"""Policy and critic learn; reference and reward network are frozen. A rule is a reward for free."""


def activation_bytes(shape: Shape, *, rows: int, context: int, scored: int) -> int:
    """What autograd keeps of a pass of `rows` texts of `context` tokens until the pass backward.

    16 d + H n numbers a token and layer: the inputs of the two norms (2 d), of the four products
    (1, 1, 1 and 4 d) and of GELU (4 d), query, key and value (3 d), and n probabilities in each of
    H heads; then V log-probs for each of the `scored` tokens of a row. Means and deviations of the
    norms are left out: 4 numbers; and that of tokens that are not scored the last layer keeps less.
    """
    token = shape.layers * (16 * shape.width + shape.heads * context)
    ends = 2 * shape.width  # the last norm's input, and the head's
    return BYTES * rows * (context * (token + ends) + scored * shape.vocabulary)


def products(
    shape: Shape, *, rows: int, prompt: int, response: int, trained: int, read: int
) -> int:
    """Multiply-adds, times two, of `trained` passes with gradient and `read` ones without.

    2 P a token and pass, P the matrix parameters, and three times that with the gradient: 6 P
    (Kaplan et al. 2020, section 2.1). Attention over n tokens adds 2 n d a token and layer to the
    2 P (half of 4 n d, since a token looks at those before it): it is what grows with the square of
    the length.
    """
    length = prompt + response
    attention = 2 * shape.layers * length * shape.width
    return rows * length * (2 * shape.matrix_parameters() + attention) * (3 * trained + read)


def shared_share(*, prompt: int, response: int, group: int) -> float:
    """The tokens computed where a group's prompt is read once, as a share of all of them.

    (P + G T) / (G (P + T)).
    """
    return (prompt + group * response) / (group * (prompt + response))
