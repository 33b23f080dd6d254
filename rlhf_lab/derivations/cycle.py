"""No score fits a cycle of preferences: its log-odds sum to 0 on the way round.

Stone, scissors, paper: each beats the next with probability above 1/2, so each log-odds is above
0, and so is their sum. A model that gives every pair a number of its own can do that; one that
scores each response by itself, as Bradley-Terry does, cannot. Any number of responses.
"""

from sympy import Eq, Expr, Function, Integer, Sum, Symbol, log, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.probability import Sigmoid
from rlhf_lab.derivations.derivation import Derivation, begin
from rlhf_lab.derivations.notation import over, reward, terms

n, i, j = symbols("n i j", integer=True, positive=True)
odds = Function("odds", real=True)  # log p / (1 - p), p the probability that the first wins
lead = Function("lead", positive=True)
strength = Function("strength", positive=True)


def log_odds(log_ratio: Expr) -> Expr:
    """log p / (1 - p) for p = σ of this, where 1 - p = σ of minus this."""
    return log(over(Sigmoid(log_ratio), Sigmoid(-log_ratio)))


BY_SCORES = Eq(odds(i, j), log_odds(reward(i) - reward(j)), evaluate=False)
SCORED = Given(
    definitions=(BY_SCORES,),
    statement="The responses 1 to n + 1 of a cycle, each with a score; the last is compared with "
    "the first. Bradley-Terry says how likely each comparison is.",
)
FALLING = terms(Symbol("best", real=True), -Sum(lead(j), (j, 1, i - 1)))
EACH_BEATS_THE_NEXT = Given(
    definitions=(BY_SCORES, Eq(reward(i), FALLING, evaluate=False)),
    statement="The score falls from each response to the next by a lead above 0. Any scores with "
    "which each response is likely to beat the next are of this form.",
)
OWN_NUMBERS = Given(
    statement="A general model of preference: each of the n pairs of neighbours on the cycle has "
    "log-odds of its own, strength(i), and the other order of the pair has minus that. "
    "Here all are above 0."
)


def log_odds_by_scores() -> Derivation:
    """log p / (1 - p) = r(i) - r(j): log-odds are a difference of scores. RM-10."""
    gap, back = reward(i) - reward(j), reward(j) - reward(i)
    return (
        begin("log-odds", odds(i, j), SCORED)
        .rewrite(terms(log(Sigmoid(gap)), -log(Sigmoid(back))), "Bradley-Terry")
        .rewrite(gap, "σ(u) = exp(u) σ(-u)")
    )


def cycle_of_three() -> Derivation:
    """With scores, the log-odds of 1 against 2, 2 against 3, 3 against 1 sum to 0. RM-11."""
    r = [reward(k) for k in (1, 2, 3)]
    return (
        begin("cycle of three", terms(odds(1, 2), odds(2, 3), odds(3, 1)), SCORED)
        .rewrite(terms(r[0], -r[1], r[1], -r[2], r[2], -r[0]), "log-odds are differences of scores")
        .rewrite(Integer(0), "each score comes once with each sign")
    )


def cycle_of_any_length() -> Derivation:
    """With scores, the log-odds round a cycle of n + 1 responses sum to 0. RM-11."""
    around = terms(Sum(odds(i, i + 1), (i, 1, n)), odds(n + 1, 1))
    first, last = reward(1), reward(n + 1)
    gaps = Sum(terms(reward(i), -reward(i + 1)), (i, 1, n))
    return (
        begin("cycle of any length", around, SCORED)
        .rewrite(terms(gaps, last, -first), "log-odds are differences of scores")
        .rewrite(terms(first, -last, last, -first), "the sum telescopes")
        .rewrite(Integer(0), "cancel")
    )


def leads_are_positive() -> Derivation:
    """r(i) - r(i + 1) is the lead of i over the next, above 0: what is assumed next. RM-11."""
    return (
        begin("each beats the next", odds(i, i + 1), EACH_BEATS_THE_NEXT)
        .rewrite(terms(reward(i), -reward(i + 1)), "log-odds are differences of scores")
        .rewrite(lead(i), "the definition of the scores")
        .above(Integer(0), "a lead is above 0")
    )


def the_last_loses_to_the_first() -> Derivation:
    """If each of n + 1 beats the next, the last beats the first with log-odds below 0. RM-11.

    So no score fits a cycle in which each beats the next all the way round.
    """
    return (
        begin("the last against the first", odds(n + 1, 1), EACH_BEATS_THE_NEXT)
        .rewrite(terms(reward(n + 1), -reward(1)), "log-odds are differences of scores")
        .rewrite(-Sum(lead(j), (j, 1, n)), "the definition of the scores")
        .below(Integer(0), "minus a sum of leads")
    )


def a_general_model_fits_a_cycle() -> Derivation:
    """Log-odds of their own for each pair may all be above 0, and their sum with them. RM-11.

    They need only be antisymmetric, and σ(z) + σ(-z) = 1 for every z (`orders_sum_to_one`).
    """
    return (
        begin("a general model", Sum(log_odds(strength(i)), (i, 1, n)), OWN_NUMBERS)
        .rewrite(Sum(strength(i), (i, 1, n)), "log-odds of σ")
        .above(Integer(0), "every term is above 0")
    )


RESULTS = (
    log_odds_by_scores,
    cycle_of_three,
    cycle_of_any_length,
    leads_are_positive,
    the_last_loses_to_the_first,
    a_general_model_fits_a_cycle,
)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "The line is 0: so is what has another sign, its double and its square.": (
        "cycle of three, line 2: sign of -reward(1) + reward(1) - reward(2) + reward(2) - reward(3)"
        " + reward(3)",
        "cycle of three, line 2: square of -reward(1) + reward(1) - reward(2) + reward(2)"
        " - reward(3) + reward(3)",
        "cycle of any length, line 2: sign of -reward(1) + reward(n + 1) + Sum(reward(i)"
        " - reward(i + 1), (i, 1, n))",
        "cycle of any length, line 2: twice -reward(1) + reward(n + 1) + Sum(reward(i)"
        " - reward(i + 1), (i, 1, n))",
        "cycle of any length, line 2: square of -reward(1) + reward(n + 1) + Sum(reward(i)"
        " - reward(i + 1), (i, 1, n))",
        "cycle of any length, line 3: sign of -reward(1) + reward(1) - reward(n + 1)"
        " + reward(n + 1)",
        "cycle of any length, line 3: square of -reward(1) + reward(1) - reward(n + 1)"
        " + reward(n + 1)",
    ),
    "1² = 1.": (
        "cycle of any length, line 2: square of 1",
        "cycle of any length, line 2: square of 1, place 2",
        "each beats the next, line 2: square of 1",
        "the last against the first, line 2: square of 1",
    ),
    "What is below 0 is below 1.": ("the last against the first, line 4: 1 more than the line",),
}
