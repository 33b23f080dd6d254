"""Which of RLHF's formulas are maximised, and which are losses: a sign turns one into the other.

J is an objective: training maximises it. L = -J is the loss: the code minimises it. Ouyang et al.
2022 (InstructGPT, arXiv 2203.02155), Eq. 2, which is maximised.
"""

from dataclasses import replace

from sympy import Derivative, Eq, Function, Lambda, Symbol, log

from rlhf_lab.derivations.checker.probability import ArgMax, ArgMin
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import factors, terms, theta, z
from rlhf_lab.derivations.pretraining_mix import SEEN, WITH_TEXTS, gamma_ptx, of_texts
from rlhf_lab.derivations.rlhf_objective import OBJECTIVE

eta = Symbol("eta", positive=True)
objective = Function("objective", real=True)
loss = Function("loss", real=True)

J, L = objective(theta), loss(theta)
OBJECTIVE_AND_LOSS = replace(
    WITH_TEXTS,
    definitions=(Eq(J, OBJECTIVE, evaluate=False), Eq(L, -J, evaluate=False)),
    statement=f"{WITH_TEXTS.statement} J is the objective of RLHF, the mean of r - β log π/ref.",
)


def objective_as_loss() -> Derivation:
    """arg max J = arg min L with L = -J: what the notes call L is J, to be maximised. RLHF-11."""
    return (
        begin("objective and loss", ArgMax(J, theta), OBJECTIVE_AND_LOSS)
        .same_optimum(ArgMin(-J, theta), "times -1: max becomes min", through=Lambda(z, -z))
        .rewrite(ArgMin(L, theta), "call it the loss")
    )


def mixed_objective_as_loss() -> Derivation:
    """arg max J + γ E[log π(x)] = arg min L + γ E[-log π(x)]. RLHF-10, -11.

    The loss of PPO-ptx is that of PPO plus γ times the loss of pretraining.
    """
    mixed = terms(J, factors(gamma_ptx, of_texts(log(SEEN))))
    return begin("PPO-ptx as a loss", ArgMax(mixed, theta), OBJECTIVE_AND_LOSS).same_optimum(
        ArgMin(terms(L, factors(gamma_ptx, of_texts(-log(SEEN)))), theta),
        "times -1: max becomes min",
        through=Lambda(z, -z),
    )


def ascent_is_descent() -> Derivation:
    """θ + η ∂J/∂θ = θ - η ∂L/∂θ: a step up the objective is a step down the loss. RLHF-11."""
    return begin(
        "step up, step down", terms(theta, factors(eta, Derivative(J, theta))), OBJECTIVE_AND_LOSS
    ).rewrite(terms(theta, factors(-1, eta, Derivative(L, theta))), "L = -J: two signs that cancel")


RESULTS = (objective_as_loss, mixed_objective_as_loss, ascent_is_descent)
