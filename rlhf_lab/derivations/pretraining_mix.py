"""PPO-ptx: the objective of RLHF, and the log-likelihood of pretraining texts with it.

Ouyang et al. 2022 (InstructGPT, arXiv 2203.02155), Eq. 2; any number of responses and of texts.
"""

from dataclasses import replace

from sympy import Derivative, Expr, Function, Integer, Lambda, Symbol, log, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import KL, Expectation
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.gibbs import gibbs, p, q
from rlhf_lab.derivations.notation import N, factors, terms, theta, y
from rlhf_lab.derivations.policy_gradient import SCORE, mean
from rlhf_lab.derivations.rlhf_objective import OBJECTIVE, PENALISED, TWO_POLICIES, rlhf_gradient

M, x = symbols("M x", integer=True, positive=True)
gamma_ptx = Symbol("gamma_ptx", positive=True)
text = Function("text", positive=True)
pretraining = Function("pretraining", positive=True)

SEEN = text(x, theta)
WITH_TEXTS = replace(
    TWO_POLICIES,
    ranges=(*TWO_POLICIES.ranges, (x, 1, M)),
    distributions=(*TWO_POLICIES.distributions, pretraining(x)),
    statement=f"{TWO_POLICIES.statement} Texts x = 1 to M of pretraining, to which the same model "
    "gives the probability π(x).",
)
TEXTS = Given(
    ranges=((x, 1, N),),
    distributions=(SEEN, pretraining(x)),
    statement="Texts x = 1 to N, all that there are: p is their distribution in pretraining, π "
    "that of the model. The model gives each a positive probability, and so does p.",
)


def of_texts(body: Expr, count: Expr = M) -> Expectation:
    """The mean over pretraining texts."""
    return Expectation(body, pretraining(x), x, count)


MIXED = terms(OBJECTIVE, factors(gamma_ptx, of_texts(log(SEEN))))


def ptx_gradient() -> Derivation:
    """∂J_ptx = E_π[(r - β log π/ref) ∂ log π] + γ E_pretrain[∂ log π(x)]. RLHF-10.

    The second term is that of supervised training: texts do not depend on θ, so no score joins.
    """
    slope = Derivative(log(SEEN), theta)
    own = mean(factors(PENALISED, SCORE))
    return (
        begin("gradient of PPO-ptx", Derivative(MIXED, theta), WITH_TEXTS)
        .rewrite(
            terms(Derivative(OBJECTIVE, theta), factors(gamma_ptx, of_texts(slope))),
            "the texts are drawn from data that do not depend on θ",
        )
        .substitute(
            terms(own, factors(gamma_ptx, of_texts(slope))),
            "the gradient of RLHF",
            by=(rlhf_gradient(),),
        )
    )


def pretraining_bound() -> Derivation:
    """E_pretrain[log π(x)] ≤ E_pretrain[log p(x)], equal at π = p only: what pulls back. RLHF-10.

    The term is largest where the model is the distribution of the pretraining texts themselves.
    """
    best = of_texts(log(pretraining(x)), N)
    return (
        begin("pretraining term", of_texts(log(SEEN), N), TEXTS)
        .rewrite(
            terms(best, -KL(pretraining(x), SEEN, x, N)), "log π = log p - log(p/π), and means"
        )
        .bounded(
            best,
            "a KL is never negative",
            by=gibbs().at({y: x, p: Lambda(x, pretraining(x)), q: Lambda(x, SEEN)}, TEXTS),
            weight=Integer(-1),
        )
    )


RESULTS = (ptx_gradient, pretraining_bound)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "A constant in the penalty, β log 2, has no gradient; nor has log 2 in a score.": (
        "gradient of PPO-ptx, line 2: twice policy(y, theta)/reference(y)",
        "gradient of PPO-ptx, line 2: twice reference(y)",
        "gradient of PPO-ptx, line 2: twice text(x, theta)",
        "gradient of PPO-ptx, line 3: twice policy(y, theta)/reference(y)",
        "gradient of PPO-ptx, line 3: twice reference(y)",
        "gradient of PPO-ptx, line 3: twice policy(y, theta)",
        "gradient of PPO-ptx, line 3: twice text(x, theta)",
    ),
}
