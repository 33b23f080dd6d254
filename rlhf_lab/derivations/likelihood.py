"""From the likelihood of preference labels to the binary cross-entropy (step 4 of DPO, part 1)."""

from sympy import Function, Integer, Lambda, Product, Sum, Symbol, log, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import ArgMax, ArgMin, Sigmoid
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import factors, t, terms, theta, z

LABEL = Symbol("c", real=True)
PAIRS = Given(statement="n pairs, drawn apart: the probability of all labels is the product.")


def likelihood() -> Derivation:
    """The likeliest θ is that of the least mean -log σ(margin), for any n pairs. DPO-6, -20."""
    n, i = symbols("n i", integer=True, positive=True)
    margin = Function("margin", real=True)(i, theta)
    logs = Sum(log(Sigmoid(margin)), (i, 1, n))
    return (
        begin("maximum likelihood", ArgMax(Product(Sigmoid(margin), (i, 1, n)), theta), PAIRS)
        .same_optimum(ArgMax(logs, theta), "the logarithm rises", through=Lambda(t, log(t)))
        .same_optimum(
            ArgMin(-logs / n, theta), "times -1/n, which is negative", through=Lambda(z, -z / n)
        )
    )


def cross_entropy() -> Derivation:
    """-log of p^c (1 - p)^(1 - c), the likelihood of a label c: BCE. DPO-6, -20.

    p = σ(z) is the probability that the first response wins; c = 1 says that it did. In
    preference data the chosen response is named first, so c = 1, and BCE is -log σ(z).
    """
    wins, loses = Sigmoid(z), Sigmoid(-z)
    likely = factors(wins**LABEL, terms(Integer(1), -wins) ** (1 - LABEL))
    return (
        begin("cross-entropy", -log(likely))
        .rewrite(-log(factors(wins**LABEL, loses ** (1 - LABEL))), "1 - σ(z) = σ(-z)")
        .rewrite(
            terms(-LABEL * log(wins), factors(-1, 1 - LABEL, log(loses))),
            "the logarithm of a product of powers",
        )
    )


RESULTS = (likelihood, cross_entropy)
