"""What a reward model is fitted to: the loss of a network on a batch of feedback, one a kind."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from rlhf_lab.feedback.labelled import Labelled
from rlhf_lab.feedback.ranked import Ranked
from rlhf_lab.losses import plackett_luce_loss, ranking_loss
from rlhf_lab.responses import trim
from rlhf_lab.rewards.networks import last_outputs, response_rewards, summed_token_rewards
from rlhf_lab.rewards.preferencewise import general_preference_loss

Loss = Float[Tensor, ""]


def pairwise_loss(model: nn.Module, batch: Ranked) -> Loss:
    """`ranking_loss` of r(x, y): Bradley-Terry on all pairs of each prompt."""
    check_kind(batch, Ranked)
    rewards = response_rewards(model, trim(batch.responses))
    return ranking_loss(rewards.unflatten(0, (-1, batch.size)))


def listwise_loss(model: nn.Module, batch: Ranked) -> Loss:
    """`plackett_luce_loss` of r(x, y): the probability of each whole ranking."""
    check_kind(batch, Ranked)
    rewards = response_rewards(model, trim(batch.responses))
    return plackett_luce_loss(rewards.unflatten(0, (-1, batch.size)))


def token_sum_loss(model: nn.Module, batch: Ranked) -> Loss:
    """`ranking_loss` of Σ_t r(x, y_≤t): token rewards fitted to judgements of whole responses."""
    check_kind(batch, Ranked)
    rewards = summed_token_rewards(model, trim(batch.responses))
    return ranking_loss(rewards.unflatten(0, (-1, batch.size)))


def preferencewise_loss(model: nn.Module, batch: Ranked) -> Loss:
    """`general_preference_loss` of the embeddings after the last token."""
    check_kind(batch, Ranked)
    embeddings = last_outputs(model, trim(batch.responses))
    return general_preference_loss(embeddings.unflatten(0, (-1, batch.size)))


def thumb_loss(model: nn.Module, batch: Labelled) -> Loss:
    """-mean log σ(±r): r(x, y) is the log-odds of a thumb up, so its zero is the bar."""
    check_kind(batch, Labelled)
    rewards = response_rewards(model, trim(batch.responses))
    return binary_cross_entropy_with_logits(rewards, batch.targets)


def rating_loss(model: nn.Module, batch: Labelled) -> Loss:
    """mean (r - target)²: r(x, y) is the rating to be expected, from 0 to 1."""
    check_kind(batch, Labelled)
    return mse_loss(response_rewards(model, trim(batch.responses)), batch.targets)


def check_kind(batch: object, kind: type[Ranked] | type[Labelled]) -> None:
    """Raise ValueError where a loss is given feedback of another kind."""
    if not isinstance(batch, kind):
        raise ValueError(
            f"this loss is one of {kind.__name__} feedback, got {type(batch).__name__}; pairs and "
            "rankings are Ranked, thumbs and ratings Labelled"
        )
