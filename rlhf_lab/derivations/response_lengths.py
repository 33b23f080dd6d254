"""What the mean over the tokens of each response does: long responses count less for each token.

Shao et al. 2024 (GRPO, arXiv 2402.03300), Eq. 3, divides by each response's own length; Liu et al.
2025 (Dr. GRPO, arXiv 2503.20783) by one constant for all. The ratio is inside the clip range.
"""

from dataclasses import replace

from sympy import Derivative, Function, Sum, Symbol, log

from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.group_notation import GROUP, G, b, i
from rlhf_lab.derivations.grpo import NOW, RATIO, tokens
from rlhf_lab.derivations.notation import factors, over, reward, terms, theta, y
from rlhf_lab.derivations.policy_gradient import GRADIENT, RESPONSES, SCORE, length, mean, t

C = Symbol("C", positive=True)
advantage = Function("response_advantage", real=True)(i)
GROUP_OF_ANY_LENGTHS = replace(
    GROUP,
    statement="G responses of any lengths; the advantage of each does not depend on θ, and all its "
    "tokens have the same.",
)
WITH_BASELINE = replace(
    RESPONSES,
    statement=f"{RESPONSES.statement} The baseline b is one number: the mean of a large group.",
)


def weights_of_tokens() -> Derivation:
    """∂ 1/G Σ_i 1/|o_i| Σ_t ρ Â_i = 1/G Σ_i Â_i/|o_i| Σ_t ρ ∂ log π. GRPO-7.

    A token of a response of |o_i| tokens weighs Â_i/|o_i|: in a response twice as long, half.
    """
    response = factors(1 / tokens(i), Sum(factors(RATIO, advantage), (t, 1, tokens(i))))
    score = Derivative(log(NOW), theta)
    return begin(
        "weights of tokens", factors(1 / G, Sum(response, (i, 1, G))), GROUP_OF_ANY_LENGTHS
    ).differentiate(
        theta,
        "∂u = u ∂ log u",
        factors(
            1 / G,
            Sum(
                factors(over(advantage, tokens(i)), Sum(factors(RATIO, score), (t, 1, tokens(i)))),
                (i, 1, G),
            ),
        ),
    )


def length_bias() -> Derivation:
    """E[(r - b)/|y| ∂ log π] = ∂ E[(r - b)/|y|]: not the reward, the reward for each token. GRPO-7.

    Responses above the baseline are worth more when they are short, those below lose less when
    they are long: that is what a policy is taught, and no more is proved of its lengths.
    """
    per_token = over(terms(reward(y), -b), length(y))
    return begin("length bias", mean(factors(per_token, SCORE)), WITH_BASELINE).rewrite(
        Derivative(mean(per_token), theta), "the policy gradient of (r - b)/|y|"
    )


def constant_divisor() -> Derivation:
    """E[(r - b)/C ∂ log π] = 1/C ∂ E[r], for any constant C: no length is left. GRPO-7."""
    centred = terms(reward(y), -b)
    return (
        begin("constant divisor", mean(factors(over(centred, C), SCORE)), WITH_BASELINE)
        .rewrite(
            factors(1 / C, mean(factors(reward(y), SCORE))),
            "C is the same for all, and the mean score is 0",
        )
        .rewrite(factors(1 / C, GRADIENT), "the policy gradient")
    )


RESULTS = (weights_of_tokens, length_bias, constant_divisor)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "log 2π and log π have one derivative.": (
        "weights of tokens, line 2: twice token_policy(t, i, theta)",
        "constant divisor, line 2: twice policy(y, theta)",
    ),
}
