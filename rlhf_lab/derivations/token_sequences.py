"""A language model as a game of tokens: all its responses together have probability 1.

All by induction over n, the largest number of tokens that may still be written: any n, any
vocabulary of K tokens, and a text s of any length, prompt included. s ⊕ a is the text with one
more token a. c(s, a) is 0 where a ends the response and 1 where it goes on, so that responses
have lengths of their own.
"""

from sympy import Derivative, Eq, Expr, Function, Integer, Sum, log, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.recursions import Recursion
from rlhf_lab.derivations.derivation import Derivation, begin, by_induction
from rlhf_lab.derivations.notation import factors, policy, reward, terms, theta

K, n, a = symbols("K n a", integer=True, positive=True)
s = symbols("s", positive=True)  # a number that names the text
after = Function("after", positive=True)
goes_on = Function("goes_on", real=True)
mass = Function("mass", real=True)
value = Function("value", real=True)
action_value = Function("action_value", real=True)

NEXT = policy(a, s, theta)
SCORE = Derivative(log(NEXT), theta)
LONGER, GOES_ON = after(s, a), goes_on(s, a)
Q = action_value(n, s, a, theta)
TEXTS = Given(
    ranges=((a, 1, K),),
    definitions=(
        Eq(Q, terms(reward(s, a), factors(GOES_ON, value(n, LONGER, theta))), evaluate=False),
    ),
    distributions=(NEXT,),
    statement="A text s and its next token a = 1 to K. c(s, a) is 0 where a ends the response, "
    "else 1; after n tokens it is cut. Each token has a reward r(s, a), any number that does not "
    "depend on θ. V is the mean sum of the rewards to come, Q the same when a is the next token. M "
    "is the sum of the probabilities of all that may follow; G is the mean over responses of the "
    "sum over tokens of score times Q, H the same with Q - b(s), b any function of the text.",
)


def over_tokens(body: Expr) -> Sum:
    """Σ_a over the next token."""
    return Sum(body, (a, 1, K))


def by_first_token(name: str, left: Expr, right: Expr) -> Recursion:
    """What a sum over all that may be written is, by the first token: a definition."""
    return Recursion(name, Eq(left, right, evaluate=False), TEXTS)


MASS = mass(n, s, theta)
ONE_TOKEN = by_first_token("responses of one token", mass(1, s, theta), over_tokens(NEXT))
MORE_TOKENS = by_first_token(
    "responses by their first token",
    mass(n + 1, s, theta),
    over_tokens(factors(NEXT, terms(1, -GOES_ON, factors(GOES_ON, mass(n, LONGER, theta))))),
)
ALL_IS_ONE = Eq(MASS, Integer(1), evaluate=False)


def one_token_sums_to_one() -> Derivation:
    """M_1(s) = Σ_a π(a | s) = 1: responses that are cut after one token."""
    return (
        begin("one token", mass(1, s, theta), TEXTS)
        .substitute(ONE_TOKEN.equation.rhs, "the sum over one token", by=(ONE_TOKEN,))
        .rewrite(Integer(1), "the next token is one of K")
    )


def one_more_token_sums_to_one() -> Derivation:
    """If M_n = 1 after every text, so is M_{n+1}: a step of an induction."""
    return (
        begin("one more token", mass(n + 1, s, theta), TEXTS)
        .substitute(MORE_TOKENS.equation.rhs, "by the first token", by=(MORE_TOKENS,))
        .assume(
            over_tokens(factors(NEXT, terms(1, -GOES_ON, GOES_ON))),
            "what may follow the longer text sums to 1",
            statement=ALL_IS_ONE,
            for_every=(s,),
        )
        .rewrite(Integer(1), "it ends or goes on, and the next token is one of K")
    )


def responses_sum_to_one() -> Derivation:
    """M_n(s) = Σ_y Π_t π(y_t | s, y_<t) = 1 over all responses of at most n tokens, for any n.

    M is defined by the first token: it ends the response, or all that may follow is multiplied
    with its probability. That is the sum of the products, with the first factor in front.
    """
    return by_induction(
        ALL_IS_ONE,
        n,
        base=one_token_sums_to_one(),
        step=one_more_token_sums_to_one(),
        name="all responses",
    )


RESULTS = (one_token_sums_to_one, one_more_token_sums_to_one, responses_sum_to_one)

# Altered lines that say the same: why, and which.
_ONE = "(-goes_on(s, a) + goes_on(s, a) + 1)*policy(a, s, theta)"
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "The line is 1 after any text, for any parameter.": tuple(
        f"{line}: {change} {letter}"
        for line in ("one token, line 2", "one more token, line 3")
        for letter in ("s", "theta")
        for change in ("sign of", "twice", "square of")
    ),
    "1² = 1, and a factor 1 can be left out.": (
        "one token, line 2: square of Sum(policy(a, s, theta), (a, 1, K))",
        "one more token, line 2: square of 1",
        f"one more token, line 3: square of Sum({_ONE}, (a, 1, K))",
        "one more token, line 3: square of -goes_on(s, a) + goes_on(s, a) + 1",
        f"one more token, line 3: without -goes_on(s, a) + goes_on(s, a) + 1: {_ONE}",
    ),
}
