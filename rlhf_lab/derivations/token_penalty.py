"""The KL penalty of RLHF token by token, as it stands in the reward of each token.

Ziegler et al. 2019 (arXiv 1909.08593), Eq. 2; Ouyang et al. 2022 (InstructGPT), section 3.5.
"""

from dataclasses import replace

from sympy import Eq, Function, Product, Sum, log

from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import beta, over, reference, reward, terms, theta, y
from rlhf_lab.derivations.policy_gradient import TOKEN, TOKENS, length, t, token
from rlhf_lab.derivations.rlhf_objective import PENALISED

reference_token = Function("reference_token", positive=True)

WHERE = (t, 1, length(y))
FROZEN = reference_token(t, y)
TOKEN_BY_TOKEN = replace(
    TOKENS,
    definitions=(
        *TOKENS.definitions,
        Eq(reference(y), Product(FROZEN, WHERE), evaluate=False),
    ),
)


def penalty_by_token() -> Derivation:
    """r - β log π/ref = Σ_t r_t with r_t = -β log(π_t/ref_t), plus r at the last token. RLHF-8.

    So one reward for a response and one penalty for each token make the same sum.
    """
    by_token = log(TOKEN / FROZEN)
    last = length(y)
    at_last = log(token(last, y, theta) / reference_token(last, y))
    return (
        begin("penalty by token", PENALISED, TOKEN_BY_TOKEN)
        .rewrite(
            terms(reward(y), -beta * log(over(Product(TOKEN, WHERE), Product(FROZEN, WHERE)))),
            "both probabilities are products over tokens",
        )
        .rewrite(terms(reward(y), -beta * Sum(by_token, WHERE)), "the logarithm of a product")
        .rewrite(
            terms(-beta * Sum(by_token, (t, 1, last - 1)), -beta * at_last, reward(y)),
            "each token has its penalty, and the last one the reward as well",
        )
    )


RESULTS = (penalty_by_token,)
