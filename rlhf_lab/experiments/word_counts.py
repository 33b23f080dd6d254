"""A reward model that is too simple: it counts words and does not see their order."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from rlhf_lab.experiments.smooth_minimum import minimum
from rlhf_lab.responses import Preferences, Responses
from rlhf_lab.rewards.functions import Reward
from rlhf_lab.settings import require_positive
from rlhf_lab.worlds.reviews import VOCABULARY


def word_count_reward(pairs: Preferences, *, ridge: float = 1e-3) -> Reward:
    """r(x, y) = Σ_words w · (how often the word is in the response), fitted to comparisons.

    argmin of -mean log σ(r_chosen - r_rejected) + ridge |w|², which is convex, by L-BFGS.
    """
    require_positive(ridge=ridge)
    difference = counts(pairs.chosen) - counts(pairs.rejected)

    def loss(weights: Tensor) -> Tensor:
        return -logsigmoid(difference @ weights).mean() + ridge * weights.square().sum()

    start = torch.zeros(len(VOCABULARY), dtype=torch.float64)
    fitted = minimum(loss, start, iterations=200)
    return lambda responses: (counts(responses) @ fitted).float()


def counts(responses: Responses) -> Float[Tensor, "batch vocab"]:
    """How often each token of the vocabulary stands in each response."""
    zeros = torch.zeros(len(responses), len(VOCABULARY), dtype=torch.float64)
    return zeros.scatter_add(1, responses.tokens, responses.mask.double())
