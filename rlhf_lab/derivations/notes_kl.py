"""What the notes print about the KL, and what is read into it, as steps that are refused.

The formula of the objective is the KL of whole responses, which the notes call "per token" (the
true relation is in `kl_chain`); the KL to the old policy is printed as a mean over the action set,
and in the direction that TRPO and PPO do not use (see `fisher`).
"""

from collections.abc import Callable

from sympy import Derivative

from rlhf_lab.derivations.checker.probability import KL, Expectation
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.fisher import FROM_OLD, ONE_STATE, TO_OLD, k1, over_actions
from rlhf_lab.derivations.gibbs import p
from rlhf_lab.derivations.kl_estimators import TO_REFERENCE, k2_mean
from rlhf_lab.derivations.kl_gradients import NEW, REF, k1_as_loss
from rlhf_lab.derivations.notation import N, over, theta, y
from rlhf_lab.derivations.surrogate import K
from rlhf_lab.derivations.token_sums import TOKEN_KL, s
from rlhf_lab.derivations.two_stages import S, two_stages


def one_token_stands_for_all() -> Derivation:
    """RLHF-9: the KL of a response of two tokens as the KL of its second token. Refused."""
    return two_stages().rewrite(Expectation(TOKEN_KL, p(s), s, S), "the notes: a KL per token")


def mean_over_the_tokens() -> Derivation:
    """RLHF-9: the KL of a response of two tokens as the mean of its token KLs. Refused: the sum."""
    whole = two_stages()
    return whole.rewrite(whole.end / 2, "the notes: a KL per token")


def k2_has_the_kl_as_its_mean() -> Derivation:
    """RLHF-9: E[k2] = KL. Refused."""
    return k2_mean().rewrite(TO_REFERENCE, "all three estimators have one mean")


def k1_as_a_loss_has_the_gradient_of_the_kl() -> Derivation:
    """RLHF-9: E[∂k1] = ∂KL[π ‖ ref]. Refused: it is 0."""
    return (
        k1_as_loss()
        .upto(3)
        .rewrite(Derivative(KL(NEW, REF, y, N), theta), "the gradient of what has the right mean")
    )


def mean_over_the_action_set() -> Derivation:
    """PPO-12 as printed: KL[π_θ ‖ π_old] = E[log ratio] over a from the action set. Refused.

    Actions that are drawn from the set, each as often as the others, do not give the KL.
    """
    return begin("mean over the action set", TO_OLD, ONE_STATE).rewrite(
        over(over_actions(k1), K), "the notes: the mean over the action set"
    )


def other_direction() -> Derivation:
    """PPO-12: KL[π_θ ‖ π_old], as printed, for KL[π_old ‖ π_θ] of TRPO and PPO. Refused."""
    return begin("direction of the KL", FROM_OLD, ONE_STATE).rewrite(
        TO_OLD, "the notes: the other direction"
    )


REFUSED: dict[str, tuple[Callable[[], Derivation], ...]] = {
    "RLHF-9": (
        one_token_stands_for_all,
        mean_over_the_tokens,
        k2_has_the_kl_as_its_mean,
        k1_as_a_loss_has_the_gradient_of_the_kl,
    ),
    "PPO-12": (mean_over_the_action_set, other_direction),
}
