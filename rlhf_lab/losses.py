"""Every objective of the book, one function each. Each returns a scalar to minimise.

Each raises ValueError where its arrays are not of the annotated shapes, or are no floats, or empty.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_lab.kl import k3
from rlhf_lab.masked import masked_mean, mean_over_tokens, zero_at_padding
from rlhf_lab.preferences import bradley_terry_logprob, plackett_luce_logprob
from rlhf_lab.settings import require_not_negative, require_positive
from rlhf_lab.shapes import fixed, require_floats, require_rankings, require_tokens

Tokens, Mask = Float[Tensor, "batch token"], Bool[Tensor, "batch token"]
Responses, Loss = Float[Tensor, "batch"], Float[Tensor, ""]


def next_token_loss(logprobs: Tokens, mask: Mask) -> Loss:
    """-mean log π(token): the loss of pretraining and of supervised fine-tuning, nats a token."""
    return -masked_mean(logprobs, mask)


def ranking_loss(best_first: Float[Tensor, "batch rank"]) -> Loss:
    """-mean log σ(r_w - r_l) over all K(K-1)/2 pairs of each ranking, best first.

    The K responses to one prompt are one element of the batch, so each prompt weighs the same
    (Ouyang et al. 2022, Eq. 1, where 1/C(K,2) and the expectation are one mean over pairs).
    """
    require_rankings("batch rank", best_first=best_first)
    count = best_first.shape[1]
    winner, loser = torch.triu_indices(count, count, offset=1, device=best_first.device)
    return -bradley_terry_logprob(best_first[:, winner], best_first[:, loser]).mean()


def plackett_luce_loss(best_first: Float[Tensor, "batch rank"]) -> Loss:
    """-mean log p(ranking): for K = 2 it is `ranking_loss` (Rafailov et al. 2023, Eq. 18)."""
    require_rankings("batch rank", best_first=best_first)
    return -plackett_luce_logprob(best_first).mean()


def clipped_surrogate(
    ratio: Float[Tensor, "*item"], advantages: Float[Tensor, "*item"], epsilon: float
) -> Float[Tensor, "*item"]:
    """min(ρ Â, clip(ρ, 1-ε, 1+ε) Â), to be maximised (Schulman et al. 2017, Eq. 7).

    Its gradient is 0 where Â > 0 and ρ > 1+ε, and where Â < 0 and ρ < 1-ε; nothing bounds ρ itself.
    Raises ValueError unless 0 < ε < ∞.
    """
    require_positive(epsilon=epsilon)
    return torch.minimum(ratio * advantages, ratio.clamp(1 - epsilon, 1 + epsilon) * advantages)


def probability_ratio(logprobs: Tokens, old_logprobs: Tokens, mask: Mask) -> Tokens:
    """ρ_t = π(y_t) / π_old(y_t), and 1 at the pads."""
    require_tokens(mask, logprobs=logprobs, **fixed(old_logprobs=old_logprobs))
    return zero_at_padding(logprobs - old_logprobs, mask).exp()


def clipped_policy_loss(
    logprobs: Tokens, old_logprobs: Tokens, advantages: Tokens, mask: Mask, *, epsilon: float
) -> Loss:
    """-mean over all real tokens of `clipped_surrogate`: PPO's policy loss."""
    require_tokens(mask, **fixed(advantages=advantages))
    ratio = probability_ratio(logprobs, old_logprobs, mask)
    return -masked_mean(clipped_surrogate(ratio, advantages, epsilon), mask)


def penalised_policy_loss(
    logprobs: Tokens, old_logprobs: Tokens, advantages: Tokens, mask: Mask, *, beta: float
) -> Loss:
    """-mean over all real tokens of ρ_t Â_t - β (ρ_t - 1 - log ρ_t): TRPO's penalty form.

    The last bracket is k3 on tokens of the *old* policy: unbiased for KL(π_old ‖ π), and as those
    tokens are fixed, so is its gradient. The paper takes that KL over all actions of each state
    (Schulman et al. 2017, Eq. 8). Raises ValueError unless 0 ≤ β < ∞.
    """
    require_not_negative(beta=beta)
    require_tokens(mask, **fixed(advantages=advantages))
    ratio = probability_ratio(logprobs, old_logprobs, mask)
    kl = k3(zero_at_padding(old_logprobs, mask), zero_at_padding(logprobs, mask))
    return -masked_mean(ratio * advantages - beta * kl, mask)


def clipped_value_loss(
    values: Tokens, old_values: Tokens, returns: Tokens, mask: Mask, *, epsilon: float
) -> Loss:
    """½ mean of max((V - R)², (clip(V, V_old - ε, V_old + ε) - R)²) over all real tokens.

    Not in the PPO paper: from OpenAI's code of 2017 and 2019. Raises ValueError unless 0 < ε < ∞.
    """
    require_positive(epsilon=epsilon)
    require_tokens(mask, values=values, old_values=old_values, returns=returns)
    values, old_values, returns = (zero_at_padding(x, mask) for x in (values, old_values, returns))
    near = torch.clamp(values, old_values - epsilon, old_values + epsilon)
    return masked_mean(torch.maximum((values - returns) ** 2, (near - returns) ** 2), mask) / 2


def ppo_ptx_loss(
    ppo_loss: Loss, pretraining_logprobs: Tokens, pretraining_mask: Mask, *, gamma_ptx: float
) -> Loss:
    """L_PPO - γ mean log π(x_t) over the tokens of pretraining texts (Ouyang et al. 2022, Eq. 2).

    Both terms are means over tokens; the paper writes log π(x) of whole texts, which is the same
    up to a ratio of lengths that γ takes in. Raises ValueError unless 0 ≤ γ < ∞.
    """
    require_not_negative(gamma_ptx=gamma_ptx)
    return ppo_loss + gamma_ptx * next_token_loss(pretraining_logprobs, pretraining_mask)


def grpo_loss(
    logprobs: Tokens,
    old_logprobs: Tokens,
    reference_logprobs: Tokens,
    advantages: Tokens,
    mask: Mask,
    *,
    epsilon: float,
    beta: float,
) -> Loss:
    """-1/G Σ_i 1/|o_i| Σ_t [clipped_surrogate_it - β k3(π, ref)_it] (Shao et al. 2024, Eq. 3).

    The mean of each response first, then over responses: short and long ones count alike. The KL
    to the reference is in the loss, not in the reward. Raises ValueError unless ε > 0 and β ≥ 0.
    """
    require_not_negative(beta=beta)
    require_tokens(mask, **fixed(advantages=advantages), reference_logprobs=reference_logprobs)
    ratio = probability_ratio(logprobs, old_logprobs, mask)
    kl = k3(zero_at_padding(logprobs, mask), zero_at_padding(reference_logprobs, mask))
    surrogate = clipped_surrogate(ratio, advantages, epsilon)
    return -mean_over_tokens(surrogate - beta * kl, mask).mean()


def implicit_reward(
    policy_logprob: Responses, reference_logprob: Responses, *, beta: float
) -> Responses:
    """r̂(x, y) = β [log π(y|x) - log ref(y|x)], of whole responses: sums, not means, over tokens.

    π is optimal for it, up to a term in x (Rafailov et al. 2023, Eq. 5). ValueError unless β > 0.
    """
    require_positive(beta=beta)
    require_floats("batch", policy_logprob=policy_logprob, reference_logprob=reference_logprob)
    return beta * (policy_logprob - reference_logprob)


def dpo_loss(chosen_reward: Responses, rejected_reward: Responses) -> Loss:
    """-mean log σ(r̂_chosen - r̂_rejected) of the implicit rewards (Rafailov et al. 2023, Eq. 7)."""
    require_floats("batch", chosen_reward=chosen_reward, rejected_reward=rejected_reward)
    return -bradley_terry_logprob(chosen_reward, rejected_reward).mean()
