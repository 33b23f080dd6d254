"""With the KL in the reward, as PPO has it, GRPO ends at π* as well, if it never divides by 0.

At π* all rewards less the penalty are equal and their std is 0. So the divisor must be std + ε with
ε > 0 (1e-4 in `advantages`), or 1. And what the division by the std takes away: PPO's π* does
depend on the scale of the reward. One step, and any number of responses. Not in the paper.
"""

from dataclasses import replace

from sympy import Eq, Function, Integer, Lambda, Sum, Symbol, exp, log

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import Expectation
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.group_notation import c
from rlhf_lab.derivations.notation import (
    ONE_PROMPT,
    N,
    Z,
    beta,
    factors,
    optimal,
    over,
    reference,
    reward,
    terms,
    y,
    y_l,
    y_w,
    z,
)

D, p = Symbol("D", positive=True), Symbol("p", positive=True)
kappa = Symbol("kappa", real=True)
worth = Function("worth", real=True)
unit_reward = Function("unit_reward", real=True)
AT_OPTIMUM = terms(reward(y), -beta * log(optimal(y) / reference(y)))
WITH_PENALTY = replace(
    ONE_PROMPT,
    definitions=(*ONE_PROMPT.definitions, Eq(worth(y), AT_OPTIMUM, evaluate=False)),
    statement=f"{ONE_PROMPT.statement} q is the reward less the penalty at π*. D, what "
    "the advantage is divided by, is above 0: std + ε with ε > 0, or 1.",
)
SHARE = reference(y) * exp((reward(y) - kappa) / beta)
SCALED = replace(
    ONE_PROMPT,
    definitions=(Eq(reward(y), c * unit_reward(y), evaluate=False), *ONE_PROMPT.definitions),
    statement=f"{ONE_PROMPT.statement} The rewards are c times r_1.",
)
ANY_DIVISOR = Given(
    ranges=ONE_PROMPT.ranges,
    distributions=ONE_PROMPT.distributions,
    statement="p is the probability of y, κ the mean of r - β log(p/ref) over responses, D what "
    "the advantage is divided by, above 0: std + ε with ε > 0, or 1.",
)


def penalised_reward_at_the_optimum() -> Derivation:
    """r - β log(π*/ref) = β log Z for every response: all are worth the same."""
    return (
        begin("penalised reward at π*", AT_OPTIMUM, ONE_PROMPT)
        .rewrite(
            terms(reward(y), factors(-1, beta, terms(reward(y) / beta, -log(Z)))),
            "the definition of π*",
        )
        .rewrite(beta * log(Z), "r cancels")
    )


def no_advantage_at_the_optimum() -> Derivation:
    """At π* every advantage is 0, if what it is divided by is above 0: a fixed point.

    In every group, not only in the mean: all responses have the same penalised reward. So the std
    is 0 there, and what divides is std + ε with ε > 0, or 1.
    """
    average = Expectation(worth(y), optimal(y), y, N)
    return begin("advantage at π*", over(terms(worth(y), -average), D), WITH_PENALTY).rewrite(
        Integer(0), "the penalised reward is β log Z for every response"
    )


def where_no_response_is_better() -> Derivation:
    """(r - β log(p/ref) - κ)/D = 0 only where p = ref exp((r - κ)/β): D plays no part."""
    penalised = terms(reward(y), -beta * log(p / reference(y)))
    return (
        begin(
            "where no response is better",
            Eq(over(terms(penalised, -kappa), D), Integer(0), evaluate=False),
            ANY_DIVISOR,
            "every advantage is 0",
        )
        .both_sides(
            Eq(penalised, kappa, evaluate=False),
            "times D, plus κ",
            through=Lambda(z, D * z + kappa),
        )
        .solve(Eq(p, SHARE, evaluate=False), "solve for p")
    )


def the_constant() -> Derivation:
    """These p sum to 1 only if κ = β log Z: so p is π*, and no other policy is a fixed point."""
    return (
        begin(
            "the constant",
            Eq(Sum(SHARE, (y, 1, N)), Integer(1), evaluate=False),
            ONE_PROMPT,
            "probabilities sum to 1",
        )
        .rewrite(
            Eq(factors(exp(-kappa / beta), Z), Integer(1), evaluate=False),
            "κ is the same for every y; what is left is Z(x)",
        )
        .solve(Eq(kappa, beta * log(Z), evaluate=False), "solve for κ")
    )


def scale_matters_to_ppo() -> Derivation:
    """log(π*/ref) of two responses differs by c (r_1(y_w) - r_1(y_l))/β: by the scale c."""
    logs = [log(optimal(i) / reference(i)) for i in (y_w, y_l)]
    gap = terms(unit_reward(y_w), -unit_reward(y_l))
    return (
        begin("scale of the rewards of PPO", terms(logs[0], -logs[1]), SCALED)
        .rewrite(over(terms(reward(y_w), -reward(y_l)), beta), "the definition of π*")
        .rewrite(factors(over(c, beta), gap), "the rewards are c times as large")
    )


RESULTS = (
    penalised_reward_at_the_optimum,
    no_advantage_at_the_optimum,
    where_no_response_is_better,
    the_constant,
    scale_matters_to_ppo,
)
