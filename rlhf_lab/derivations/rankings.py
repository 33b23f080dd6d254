"""Plackett-Luce sums to 1 over all orders, and its best of all is a softmax: any number K.

All orders of two and of three are written out; for any number they are counted by who comes first,
and the rest is a Plackett-Luce of the others: so says the formula, whose first factor is the
probability of the first, and whose other factors do not know of it.
"""

from sympy import Add, Eq, Expr, Function, Integer, Sum, exp, symbols

from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.recursions import Recursion
from rlhf_lab.derivations.derivation import Derivation, begin, by_induction
from rlhf_lab.derivations.notation import factors, over, reward, terms

a, b, c = symbols("a b c", positive=True)
n, i, j, s = symbols("n i j s", integer=True, positive=True)
member = Function("member", integer=True, positive=True)  # the i-th response of a set s
without = Function("without", integer=True, positive=True)  # the set s without its i-th response
total = Function("total", real=True)  # over all orders of the n responses of a set s
WEIGHTS = Given(statement="Three responses of one prompt: a, b and c are exp r of each.")
ALL_ORDERS = Given(
    statement="total(n, s) is the sum of the probabilities of all orders of n responses, the set s."
    " It is counted by who comes first: p(i first) times the total over the orders of the others, "
    "a set of one response less. Sets are numbered, so that s may be any set of responses of any "
    "rewards."
)


def is_first(of: Expr, place: Expr = i) -> Expr:
    """exp r(s_i) / Σ_j exp r(s_j): how likely the i-th of so many responses is drawn first."""
    return over(exp(reward(member(place, s))), Sum(exp(reward(member(j, s))), (j, 1, of)))


ONE_LEFT = Recursion(
    "one response has one order",
    Eq(total(1, s), is_first(Integer(1), Integer(1)), evaluate=False),
    ALL_ORDERS,
)
BY_THE_FIRST = Recursion(
    "all orders by who comes first",
    Eq(
        total(n + 1, s),
        Sum(factors(is_first(n + 1), total(n, without(i, s))), (i, 1, n + 1)),
        evaluate=False,
    ),
    ALL_ORDERS,
)


def orders_of_two() -> Derivation:
    """a/(a + b) + b/(a + b) = 1: both orders of two responses."""
    return (
        begin("both orders", terms(over(a, a + b), over(b, a + b)), WEIGHTS)
        .rewrite(over(a + b, a + b), "one denominator")
        .rewrite(Integer(1), "cancel")
    )


def orders_of_three() -> Derivation:
    """The six orders of three responses, two for each that may come first, sum to 1."""
    first = {x: over(x, a + b + c) for x in (a, b, c)}
    after = {a: (b, c), b: (a, c), c: (a, b)}
    six = (
        factors(first[x], terms(*(over(y, Add(*after[x])) for y in after[x]))) for x in (a, b, c)
    )
    return (
        begin("six orders", terms(*six), WEIGHTS, "who comes first, and then the others")
        .rewrite(terms(*first.values()), "the two orders of the others sum to 1")
        .rewrite(Integer(1), "one denominator, and cancel")
    )


def all_orders_sum_to_one() -> Derivation:
    """Σ over all orders of p(order) = 1, for any number n of responses: by induction."""
    statement = Eq(total(n, s), Integer(1), evaluate=False)
    base = (
        begin("one response", total(1, s), ALL_ORDERS)
        .substitute(is_first(Integer(1), Integer(1)), "it comes first", by=(ONE_LEFT,))
        .rewrite(Integer(1), "it is the only one")
    )
    return by_induction(statement, n, base=base, step=one_more(statement), name="all orders")


def one_more(statement: Eq) -> Derivation:
    """If the orders of any n responses sum to 1, so do those of n + 1."""
    told = Sum(factors(is_first(n + 1), total(n, without(i, s))), (i, 1, n + 1))
    return (
        begin("one response more", total(n + 1, s), ALL_ORDERS)
        .substitute(told, "by who comes first", by=(BY_THE_FIRST,))
        .assume(
            Sum(is_first(n + 1), (i, 1, n + 1)),
            "the orders of the others, a set of n, sum to 1",
            statement=statement,
            for_every=(s,),
        )
        .rewrite(Integer(1), "somebody comes first")
    )


def best_of_all() -> Derivation:
    """p(i is ranked first of n + 1) = exp r_i / Σ_j exp r_j: a softmax."""
    others = all_orders_sum_to_one().at({s: without(i, s)}, ALL_ORDERS)
    return begin(
        "best of all",
        factors(is_first(n + 1), total(n, without(i, s))),
        ALL_ORDERS,
        "all orders in which i comes first",
    ).substitute(is_first(n + 1), "the orders of the others sum to 1", by=(others,))


RESULTS = (orders_of_two, orders_of_three, all_orders_sum_to_one, best_of_all)

# Altered lines that say the same: why, and which.
EQUIVALENT: dict[str, tuple[str, ...]] = {
    "1² = 1.": (
        "both orders, line 2: square of (a + b)/(a + b)",
        "six orders, line 2: square of a/(a + b + c) + b/(a + b + c) + c/(a + b + c)",
    ),
}
