"""Process advantages: each step of a response has a reward, and a token gets those still to come.

Shao et al. 2024 (GRPO, arXiv 2402.03300), section 4.1.3; any number of responses, each with any
number of steps.
"""

from sympy import Eq, Expr, Function, Integer, Sum, Symbol, sqrt, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.recursions import Recursion
from rlhf_lab.derivations.derivation import Derivation, begin, by_induction
from rlhf_lab.derivations.group_notation import ADVANTAGE, G, epsilon, i, j, n, rewards
from rlhf_lab.derivations.notation import over, terms

step, m = symbols("l m", integer=True, positive=True)
steps = Function("steps", integer=True, positive=True)
step_reward = Function("step_reward", real=True)
from_last, to_come = Function("from_last", real=True), Function("to_come", real=True)
D = Symbol("D", positive=True)
mu, variance = symbols("mu variance", real=True)


def over_all_steps(formula: Expr) -> Sum:
    """Σ_j Σ_l formula(j, step), over the steps l of each response j."""
    return Sum(formula, (step, 1, steps(j)), (j, 1, G))


MEAN = Eq(mu, over_all_steps(step_reward(j, step)) / over_all_steps(Integer(1)), evaluate=False)
VARIANCE = Eq(variance, over_all_steps((step_reward(j, step) - mu) ** 2) / n, evaluate=False)
STEPS = Given(
    ranges=((i, 1, G), (j, 1, G)),
    definitions=(MEAN, VARIANCE),
    statement="G responses, response j with any number K_j of steps and a reward for each. Mean "
    "and variance are those of all steps of the group together.",
)
FROM_LAST = Given(
    statement="One response, its steps counted from the last: r̃_1 is the normalised reward of "
    "the last step, Â_m the advantage of the tokens of the step that is m-th from the end."
)
ONE_STEP = Given(
    ranges=STEPS.ranges,
    definitions=(
        *STEPS.definitions,
        Eq(steps(j), 1, evaluate=False),
        Eq(step_reward(j, step), rewards(j), evaluate=False),
    ),
    statement="Every response is one step, and its reward is that of the response.",
)


def sum_over_all_steps() -> Derivation:
    """The normalised rewards of all steps of a group sum to 0. GRPO-6."""
    normalised = over(terms(step_reward(j, step), -mu), D)
    return begin("sum over all steps", over_all_steps(normalised), STEPS).rewrite(
        Integer(0), "mean and D are the same for all, and steps times the mean is the sum"
    )


def one_step() -> Derivation:
    """With one step a response, process advantages are outcome advantages. GRPO-6."""
    later = Sum(
        over(terms(step_reward(i, step), -mu), terms(sqrt(variance), epsilon)), (step, 1, steps(i))
    )
    return (
        begin("one step a response", later, ONE_STEP)
        .rewrite(over(terms(rewards(i), -mu), terms(sqrt(variance), epsilon)), "a sum of one term")
        .rewrite(ADVANTAGE, "mean and std over all steps are those of the rewards")
    )


TO_COME = Sum(from_last(step), (step, 1, m))
FIRST, NEXT = (
    Recursion(name, Eq(to_come(number), formula, evaluate=False), FROM_LAST)
    for name, number, formula in (
        ("tokens of the last step", 1, from_last(1)),
        ("tokens of one step before", m + 1, terms(to_come(m), from_last(m + 1))),
    )
)
RECURSION_IS_SUM = Eq(to_come(m), TO_COME, evaluate=False)


def last_step() -> Derivation:
    """A token of the last step gets that step's reward: the base of an induction."""
    return (
        begin("the last step", to_come(1), FROM_LAST)
        .substitute(from_last(1), "nothing comes later", by=(FIRST,))
        .rewrite(Sum(from_last(step), (step, 1, 1)), "a sum of one term")
    )


def one_step_before() -> Derivation:
    """A token of one step before gets that step's reward too: the step of an induction."""
    return (
        begin("one step before", to_come(m + 1), FROM_LAST)
        .substitute(NEXT.equation.rhs, "its own step's reward is added", by=(NEXT,))
        .assume(terms(TO_COME, from_last(m + 1)), "what came so far", statement=RECURSION_IS_SUM)
        .rewrite(Sum(from_last(step), (step, 1, m + 1)), "one term more")
    )


def rewards_to_come() -> Derivation:
    """Counted back from the last step, Â is the sum over own and later steps. GRPO-6."""
    return by_induction(
        RECURSION_IS_SUM, m, base=last_step(), step=one_step_before(), name="rewards to come"
    )


RESULTS = (sum_over_all_steps, last_step, one_step_before, rewards_to_come, one_step)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "1² = 1.": (
        "the last step, line 3: square of l",
        "one step before, line 2: square of 1",
    ),
    "Rewards and their negatives have one std.": (
        "one step a response, line 3: sign of rewards(j), place 2",
    ),
}
