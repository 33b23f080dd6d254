"""The policy gradient of whole responses and of their tokens: any number of them, of any length.

Williams 1992, "Simple statistical gradient-following algorithms for connectionist reinforcement
learning" (REINFORCE). The reward may be any number for each response.
"""

from dataclasses import replace

from sympy import Derivative, Eq, Expr, Function, Integer, Product, Sum, log, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import Expectation
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import N, factors, policy, reward, theta, y

t = symbols("t", integer=True, positive=True)
token = Function("token", positive=True)
length = Function("length", integer=True, positive=True)

LIKELY = policy(y, theta)
SCORE = Derivative(log(LIKELY), theta)
TOKEN = token(t, y, theta)
TOKEN_SCORES = Sum(Derivative(log(TOKEN), theta), (t, 1, length(y)))
ANY_REWARD = Given(
    ranges=((y, 1, N),),
    statement="One prompt x with responses y = 1 to N, any N, of positive probability. The reward "
    "of each is any number that does not depend on θ, any one parameter of the policy; the "
    "gradient lists all of them.",
)
RESPONSES = replace(ANY_REWARD, distributions=(LIKELY,))
TOKENS = replace(
    ANY_REWARD,
    definitions=(Eq(LIKELY, Product(TOKEN, (t, 1, length(y))), evaluate=False),),
    statement=f"{ANY_REWARD.statement} Each response has a length of its own, its end of sequence "
    "counted, and its probability is the product of the probabilities of its tokens.",
)


def mean(body: Expr) -> Expectation:
    """The mean over responses of the policy."""
    return Expectation(body, LIKELY, y, N)


GRADIENT = Derivative(mean(reward(y)), theta)


def policy_gradient() -> Derivation:
    """∂/∂θ E_π[r] = E_π[r ∂ log π]: the slope of a mean is a mean of slopes. PPO-1.

    So it can be estimated from samples of the policy, without a derivative of the reward.
    """
    return (
        begin("policy gradient", GRADIENT, ANY_REWARD)
        .rewrite(
            Sum(factors(Derivative(LIKELY, theta), reward(y)), (y, 1, N)),
            "the mean as a sum; the reward does not depend on θ",
        )
        .rewrite(Sum(factors(LIKELY, reward(y), SCORE), (y, 1, N)), "∂u = u ∂ log u")
        .rewrite(mean(factors(reward(y), SCORE)), "again a mean")
    )


def score_has_mean_zero() -> Derivation:
    """E_π[∂ log π] = 0: what makes some responses likelier makes others less likely. PPO-1."""
    return (
        begin("mean score", mean(SCORE), RESPONSES)
        .rewrite(Sum(Derivative(LIKELY, theta), (y, 1, N)), "u ∂ log u = ∂u")
        .rewrite(Integer(0), "the probabilities sum to 1, so their slopes sum to 0")
    )


def response_logprob() -> Derivation:
    """log π(y) = Σ_t log π(y_t | x, y_<t), for a response of any length. PPO-1."""
    return (
        begin("log-prob of a response", log(LIKELY), TOKENS)
        .rewrite(
            log(Product(TOKEN, (t, 1, length(y)))), "token after token, each given those before"
        )
        .rewrite(Sum(log(TOKEN), (t, 1, length(y))), "the logarithm of a product")
    )


def response_score() -> Derivation:
    """∂ log π(y) = Σ_t ∂ log π(y_t | x, y_<t): the score is the sum of token scores. PPO-1."""
    return (
        begin("score of a response", log(LIKELY), TOKENS)
        .substitute(
            Sum(log(TOKEN), (t, 1, length(y))),
            "the product of its tokens",
            by=(response_logprob(),),
        )
        .differentiate(theta, "term by term", TOKEN_SCORES)
    )


def token_policy_gradient() -> Derivation:
    """∂/∂θ E_π[r] = E_π[r Σ_t ∂ log π(y_t | x, y_<t)]: the theorem for tokens. PPO-1.

    Every token of a response is made likelier or less likely by the reward of the whole response.
    """
    return (
        begin("policy gradient of tokens", GRADIENT, TOKENS)
        .substitute(mean(factors(reward(y), SCORE)), "for whole responses", by=(policy_gradient(),))
        .rewrite(mean(factors(reward(y), TOKEN_SCORES)), "the score is the sum of token scores")
    )


RESULTS = (
    policy_gradient,
    score_has_mean_zero,
    response_logprob,
    response_score,
    token_policy_gradient,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "log 2π and log π have one derivative.": (
        "policy gradient, line 3: twice policy(y, theta)",
        "policy gradient, line 4: twice policy(y, theta)",
        "score of a response, line 3: twice token(t, y, theta)",
        "policy gradient of tokens, line 2: twice policy(y, theta)",
        "policy gradient of tokens, line 3: twice token(t, y, theta)",
    ),
    "The line is 0: so are its multiples and its square, and it is 0 for every parameter.": (
        "mean score, line 2: sign of Sum(Derivative(policy(y, theta), theta), (y, 1, N))",
        "mean score, line 2: twice Sum(Derivative(policy(y, theta), theta), (y, 1, N))",
        "mean score, line 2: square of Sum(Derivative(policy(y, theta), theta), (y, 1, N))",
        "mean score, line 2: sign of Derivative(policy(y, theta), theta)",
        "mean score, line 2: twice Derivative(policy(y, theta), theta)",
        "mean score, line 2: sign of policy(y, theta)",
        "mean score, line 2: twice policy(y, theta)",
        "mean score, line 2: sign of theta",
        "mean score, line 2: twice theta",
        "mean score, line 2: square of theta",
    ),
}
