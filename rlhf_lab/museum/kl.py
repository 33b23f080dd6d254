"""Mistakes in the KL: its direction, its estimators, its controllers."""

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_lab.museum.bug import Bug

Items, Logits = Float[Tensor, "*item"], Float[Tensor, "*item vocab"]


def k1_reversed(policy_logprobs: Items, reference_logprobs: Items) -> Items:
    """The log-ratio is the other way round: at samples of the policy its mean is minus the KL."""
    return reference_logprobs - policy_logprobs


def k1_absolute(policy_logprobs: Items, reference_logprobs: Items) -> Items:
    """The absolute value of the log-ratio: never negative, and not the KL in the mean."""
    return (policy_logprobs - reference_logprobs).abs()


def k2_without_the_half(policy_logprobs: Items, reference_logprobs: Items) -> Items:
    """The squared log-ratio without the factor one half."""
    return (policy_logprobs - reference_logprobs) ** 2


def k3_reversed(policy_logprobs: Items, reference_logprobs: Items) -> Items:
    """The log-ratio is the other way round: in the mean chi-squared minus the KL."""
    log_ratio = policy_logprobs - reference_logprobs
    return log_ratio.expm1() - log_ratio


def k3_without_the_one(policy_logprobs: Items, reference_logprobs: Items) -> Items:
    """ref/π minus its logarithm, without the -1: it is 1 where both policies agree."""
    log_ratio = reference_logprobs - policy_logprobs
    return log_ratio.exp() - log_ratio


def k3_wrong_sign(policy_logprobs: Items, reference_logprobs: Items) -> Items:
    """ref/π - 1 plus its logarithm: below 0 wherever ref gives the token less than π does."""
    log_ratio = reference_logprobs - policy_logprobs
    return log_ratio.expm1() + log_ratio


def kl_reversed(policy_logits: Logits, reference_logits: Logits) -> Items:
    """KL(ref ‖ π) in the place of KL(π ‖ ref): the mean is over the wrong policy."""
    return kl_over_actions(reference_logits, policy_logits)


def log_target_forgotten(policy_logits: Logits, reference_logits: Logits) -> Items:
    """`F.kl_div` without log_target=True: it takes log-probs for probabilities."""
    policy, reference = (x.log_softmax(dim=-1) for x in (policy_logits, reference_logits))
    return torch.nn.functional.kl_div(reference, policy, reduction="none").sum(dim=-1)


def mean_over_the_action_set(policy_logits: Logits, reference_logits: Logits) -> Items:
    """The mean of the log-ratio over all actions alike, instead of the policy's own mean."""
    return (policy_logits.log_softmax(dim=-1) - reference_logits.log_softmax(dim=-1)).mean(dim=-1)


def kl_over_actions(policy_logits: Logits, reference_logits: Logits) -> Items:
    """KL(π ‖ ref), as it should be."""
    policy, reference = (x.log_softmax(dim=-1) for x in (policy_logits, reference_logits))
    return (policy.exp() * (policy - reference)).sum(dim=-1)


def controller_reversed(
    beta: float, observed_kl: float, *, target_kl: float, gain: float = 0.1
) -> float:
    """The coefficient falls where the KL is too large."""
    return beta * (1 - gain * min(max(observed_kl / target_kl - 1, -0.2), 0.2))


def error_not_clipped(
    beta: float, observed_kl: float, *, target_kl: float, gain: float = 0.1
) -> float:
    """The relative error is not clipped to ±0.2: one bad batch throws the coefficient far off."""
    return beta * (1 + gain * (observed_kl / target_kl - 1))


def halved_or_doubled(beta: float, observed_kl: float, *, target_kl: float) -> float:
    """The coefficient is halved above the target and doubled below it."""
    if observed_kl > 1.5 * target_kl:
        return beta / 2
    return 2 * beta if observed_kl < target_kl / 1.5 else beta


def no_tolerance(beta: float, observed_kl: float, *, target_kl: float) -> float:
    """The factor 1.5 is missing: the coefficient jumps at every update and never rests."""
    return 2 * beta if observed_kl > target_kl else beta / 2


NEVER_REST = "The KL wanders off and the coefficient goes to 0 or to infinity."
K1 = (
    Bug(
        function=k1_reversed,
        looks="The logged KL is negative and falls; as a penalty it pays for leaving.",
        seen=("one-covenant/grail#42",),
    ),
    Bug(
        function=k1_absolute,
        looks="Hides a negative estimate, which is a sign of a wrong sampler; too large otherwise.",
        seen=("huggingface/trl#1161",),
    ),
)
K2 = (
    Bug(
        function=k2_without_the_half,
        looks="As twice the coefficient: a run that is merely too cautious.",
    ),
)
K3 = (
    Bug(
        function=k3_reversed,
        looks="Positive and plausible while the policies are close; then it explodes, since the "
        "large ratio is in the exponential.",
    ),
    Bug(
        function=k3_without_the_one,
        looks="The logged KL starts at 1 and not at 0; the gradient is right, so training works.",
    ),
    Bug(function=k3_wrong_sign, looks="The logged KL is negative: in the mean it is minus the KL."),
)
EXACT_KL = (
    Bug(
        function=kl_reversed,
        looks="Close to the right value for small steps; then it forbids what it should allow.",
    ),
    Bug(function=log_target_forgotten, looks="NaN: the logarithm of a negative number."),
    Bug(
        function=mean_over_the_action_set,
        looks="Negative once the policy is sharper than the reference, and ruled by words that "
        "nobody would write.",
    ),
)
ADAPTED = (
    Bug(function=controller_reversed, looks=NEVER_REST),
    Bug(function=error_not_clipped, looks="Fine until the first outlier, then a jump."),
)
DOUBLED = (
    Bug(function=halved_or_doubled, looks=NEVER_REST),
    Bug(function=no_tolerance, looks="The coefficient saws between two values for ever."),
)
