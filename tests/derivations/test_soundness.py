"""Statements that are false, and were once accepted: each is refused, or is not called proved.

Counts of random worlds are 1 to 5. BLIND is 0 at all of them, so that what is multiplied with it
looks true everywhere, and only a proof can refuse it.
"""

import pytest
from sympy import (
    Derivative,
    Eq,
    Function,
    Integer,
    Lambda,
    Max,
    Min,
    Product,
    Sum,
    Symbol,
    log,
    symbols,
)

from rlhf_lab.derivations import gae, gae_bias
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.lines import DerivationError
from rlhf_lab.derivations.checker.probability import ArgMax, ArgMin
from rlhf_lab.derivations.checker.recursions import Recursion, Turned
from rlhf_lab.derivations.checker.signs import is_smooth
from rlhf_lab.derivations.derivation import begin, by_induction
from rlhf_lab.derivations.gibbs import TWO_DISTRIBUTIONS, p, q

N, n, i1, j, k, y, other = symbols("N n i1 j k y other", integer=True, positive=True)
a, b, u, x = symbols("a b u x", real=True)
t = Symbol("t", positive=True)
f, g = Function("f", real=True), Function("g", real=True)
rate = Function("rate", positive=True)
NO = Given()
SHARES = Sum(t / (t + rate(j)), (j, 1, N)) + Sum(rate(j) / (t + rate(j)), (j, 1, N))
BLIND = (n - 1) * (n - 2) * (n - 3) * (n - 4) * (n - 5)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Sum(f(j + 1), (j, 1, 5 - n)), Sum(f(j), (j, 1, 6 - n)) - f(1)),
        (Sum(j, (j, 1, 5 - n)), (5 - n) * (6 - n) / 2),
        (Sum(1, (j, 1, 5 - n)), 5 - n),
        (BLIND * Sum(f(y) * g(i1), (y, 1, N)), BLIND * Sum(f(y) * g(y), (y, 1, N))),
        (BLIND * Sum(f(y) * (g(j) - g(y)), (y, 1, N)), 0 * n),
        (BLIND * Sum(Derivative(Product(rate(k, y, a), (k, 1, N)), a), (y, 1, N)),
         BLIND * Sum(Derivative(rate(y, y, a), a) * Product(rate(k, y, a), (k, 1, N))
                     / rate(y, y, a), (y, 1, N))),
    ],
    ids=["shifted sum over nothing", "powers over nothing", "ones over nothing", "letter i1",
         "letter j", "letter of a slope"],
)  # fmt: skip
def test_what_holds_in_small_worlds_only_is_not_proved(left, right):
    assert begin("blind", left).rewrite(right, "looks true").lines[-1].evidence.kind == "sampled"


def test_a_letter_of_a_sum_is_in_its_range_inside_and_not_outside():
    """Σ_{j=i+1}^{N} 1 is N - i for an i of 1 to N, but 0 and not -1 for i = N + 1."""
    tail = Sum(1, (j, k + 1, N))
    inside = begin("pairs", Sum(tail, (k, 1, N))).rewrite(Sum(N - k, (k, 1, N)), "count")
    assert inside.lines[-1].evidence.kind == "proved"
    ranged = Given(ranges=((k, 1, N),))
    outside = begin("tail", tail, ranged).rewrite(N - k, "count")
    assert outside.lines[-1].evidence.kind == "sampled"
    with pytest.raises(DerivationError, match="differ"):
        begin("tail", tail).rewrite(N - k, "count")


def test_an_index_is_declared_no_more_than_where_it_starts():
    """Σ_{j=6-n}^{6} j > 0 for n = 1 to 5, but not for n = 12."""
    with pytest.raises(DerivationError, match="j starts at 6 - n, so declare no more"):
        begin("index", Sum(j, (j, 6 - n, 6))).above(0 * n, "j is positive")
    product = begin("product", BLIND * Product(f(j), (j, -n, 2)))
    with pytest.raises(DerivationError, match="j starts at -n"):
        product.rewrite(BLIND * f(1) * f(2), "the factors up to 0 are lost")


def defined(*pairs):
    """A ground with these definitions."""
    return Given(definitions=tuple(Eq(*pair, evaluate=False) for pair in pairs))


def slope_of_product():
    """∂/∂a (a x) = x, where x is any letter beside a."""
    return begin("slope", Derivative(a * x, a)).rewrite(x, "x does not depend on a")


def whole(given=TWO_DISTRIBUTIONS):
    return begin("whole", Sum(p(y), (y, 1, N)), given).rewrite(Integer(1), "a distribution")


def parabola():
    """(a - x)² ≥ 0, and 0 at a = x only."""
    return begin("parabola", (a - x) ** 2).lowest(Integer(0), "a square", letter=a, at=x)


WITH_OTHER = Given(((y, 1, N), (other, 1, N)), distributions=(p(y), q(y)))
CONDITIONAL = Given(((y, 1, N),), distributions=(p(y), q(y, k)))
SPECIAL_CASES = {
    "one probability is no distribution": (
        lambda: whole(WITH_OTHER).at({p: Lambda(y, q(other))}, WITH_OTHER), "differ"),
    "an outcome as its own condition": (
        lambda: whole(CONDITIONAL).at({p: Lambda(y, q(y, y))}, CONDITIONAL), "differ"),
    "more outcomes than the distribution has": (
        lambda: whole().at({N: N + 1}, TWO_DISTRIBUTIONS), r"from 1 to N \+ 1"),
    "a number for a number": (
        lambda: begin("square", (a + 1) ** 2).at({Integer(1): Integer(2)}, NO), "neither a letter"),
    "a letter for a power": (
        lambda: begin("square", a**4).at({a**2: t}, NO), "neither a letter"),
    "a value that its name still stands for": (
        lambda: begin("two", f(1) + f(2)).at({f(1): a}, NO), "neither a letter"),
    "below 0": (
        lambda: begin("v", Symbol("v", nonnegative=True) + 1).at(
            {Symbol("v", nonnegative=True): Integer(-3)}, NO), "v is nonnegative"),
    "0 where it is excluded": (
        lambda: begin("v", Symbol("v", real=True, nonzero=True) ** 2).at(
            {Symbol("v", real=True, nonzero=True): Integer(0)}, NO), "v is nonzero"),
    "a function that is positive for positive numbers only": (
        lambda: begin("rate", rate(a)).above(Integer(0), "positive").at(
            {rate: Lambda(t, 2 * t)}, NO), "beyond what t stands for"),
    "a definition that depends on a": (
        lambda: slope_of_product().at({}, defined((x, a**2))), "work the derivative out"),
    "a letter whose definition depends on a": (
        lambda: slope_of_product().at({x: u}, defined((u, a**2))), "work the derivative out"),
    "a letter in a definition": (
        lambda: begin("slope", u * a, defined((u, x**2))).differentiate(a, "along a", x**2).at(
            {x: a}, defined((u, a**2))), "work the derivative out"),
    "another name for what stands over the arrow": (
        lambda: begin("slope", a**2).differentiate(a, "along a").at({a: b}, NO), "a is said of"),
    "what is chosen, in the objective": (
        lambda: begin("best", ArgMin((a - x) ** 2, a)).attained(x, "there", by=parabola()).at(
            {x: 2 * a}, NO), "a is chosen"),
    "0 in a denominator": (
        lambda: begin("pole", (a**2 + a) / a).rewrite(a + 1, "cancel").at({a: Integer(0)}, NO),
        "becomes nan"),
    "0 in a denominator by another road": (
        lambda: begin("pole", (a**2 - b**2) / (a - b)).at({a: u + x, b: x + u}, NO), "not defined"),
    "the value at a pole": (
        lambda: begin("pole", (a**2 + a * b) / a).value_at(b, "at 0", letter=a, value=Integer(0)),
        "not defined where a is 0"),
    "0 in a denominator that a lemma shows": (
        lambda: begin("pole", x * t / (x + SHARES - N)).substitute(
            t, "the lemma", by=(shares(),)).at({x: Integer(0)}, NO), "not defined where .* is 0"),
    "the value where sums are 0 together": (
        lambda: begin("pole", x / (x + SHARES - N)).value_at(
            Integer(0), "at 0", letter=x, value=Integer(0)), "not defined where .* is 0"),
    "the value where no proof finds the 0": (
        lambda: begin("pole", x / (x + Max(a, b) + Min(a, b) - a - b)).value_at(
            Integer(0), "at 0", letter=x, value=Integer(0)), "not defined where .* is 0"),
    "a lemma where its letter depends on a": (
        lambda: begin("slope", Derivative(a * x, a), defined((x, a**2))).substitute(
            x, "the lemma", by=(slope_of_product(),)), "work the derivative out"),
    "a slope along what a shut definition hides": (
        lambda: begin("slope", Derivative(a * x, a) + Sum(f(j), (j, 1, 2)), defined((x, a**2))
        ).substitute(x + f(1) + f(2), "the lemma", by=(sum_of_two(),)), "work the derivative out"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "why"), SPECIAL_CASES.values(), ids=SPECIAL_CASES)
def test_a_special_case_says_what_the_general_one_says(make, why):
    with pytest.raises(DerivationError, match=why):
        make()


def test_the_same_special_cases_are_taken_where_they_are_true():
    five = Given(((y, 1, 5),), distributions=(p(y), q(y)))
    assert whole().at({N: Integer(5)}, five).start == Sum(p(y), (y, 1, 5))
    assert whole(CONDITIONAL).at({p: Lambda(y, q(y, k))}, CONDITIONAL).end == 1
    assert slope_of_product().at({x: b}, NO).end == b
    assert parabola().at({x: 2 * b}, NO).equality_case == Eq(a, 2 * b)
    share = begin("share", a / (n - k + x))  # 0 in some worlds, where n = k
    assert share.at({x: Integer(0)}, NO).end == a / (n - k)


def test_what_was_only_sampled_stays_sampled():
    """min(t, 10) is t in every random world, but not for t = 11."""
    line = begin("min", Min(t, 10) + Sum(f(j), (j, 1, 2)))
    told = line.substitute(t + f(1) + f(2), "the lemma", by=(sum_of_two(),))
    assert told.lines[-1].evidence.kind == "sampled"
    guess = begin("guess", Min(t, 10)).rewrite(t, "looks true")
    with pytest.raises(DerivationError, match="sampled and not proved"):
        begin("min", Min(t, 10) + a).substitute(t + a, "the guess", by=(guess,))


def shares():
    """Each share and what is left of it are 1 together: x t / (x + their sum - N) = t."""
    second = SHARES.args[1]
    return begin("shares", second).rewrite(N - (SHARES - second), "each is 1 less the other")


def sum_of_two():
    return begin("two", Sum(f(j), (j, 1, 2))).rewrite(f(1) + f(2), "two terms")


def recursion(left, right, given=NO):
    return Recursion("made up", Eq(left, right, evaluate=False), given)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (a, a + 1),
        (f(x**2), x),
        (f(n * k), n),
        (f(n + k), n),
        (f(n), f(n) + 1),
        (f(n, k), f(n, g(k)) + 1),
        (f(n + 1), Sum(f(n), (n, 1, 5)) + 1),
        (f(n + 1), f(j) + 1),
        (rate(1), -t),
        (rate(n + 1), rate(n) - 1),
        (Function("count", integer=True)(1), t),
    ],
)
def test_a_recursion_that_nothing_satisfies_is_none(left, right):
    with pytest.raises(ValueError, match="made up"):
        recursion(left, right)


F_IS_A, F_IS_B = recursion(f(1), a), recursion(f(1), b)
LAST_IS_0 = Recursion("the last", Eq(f(n), 0, evaluate=False), NO, fixed=(n,))
RECURSIONS = {
    "two of one place": (
        lambda: begin("a", a).substitute(f(1), "turned", by=(Turned(F_IS_A),)).substitute(
            b, "the other", by=(F_IS_B,)), "defined twice"),
    "two that meet": (
        lambda: begin("f", f(n + 1)).substitute(f(n) + 1, "up", by=(recursion(
            f(n + 1), f(n) + 1),)).substitute(k + 1, "down", by=(recursion(f(n), k),)), "twice"),
    "of what is defined": (
        lambda: begin("f", f(1), defined((f(n), 2 * n))).substitute(a, "by a", by=(F_IS_A,)),
        "f is given"),
    "of what is defined later": (
        lambda: begin("f", f(1)).substitute(a, "by a", by=(F_IS_A,)).at({}, defined((f(n), 2 * n))),
        "f is given"),
    "of a distribution": (
        lambda: begin("p", p(1), TWO_DISTRIBUTIONS).substitute(
            t, "by t", by=(recursion(p(1), t),)), "p is given"),
    "beside a slope": (
        lambda: begin("slope", Derivative(a * f(1), a)).rewrite(f(1), "a letter").substitute(
            a, "by a", by=(F_IS_A,)), "depends on a by the recursion"),
    "after a slope": (
        lambda: begin("slope", a * f(1)).differentiate(a, "a letter").substitute(
            a, "by a", by=(F_IS_A,)), "depends on a by the recursion"),
    "beside a slope, through a lemma and another function": (
        lambda: begin("slope", Derivative(a * f(1), a)).rewrite(f(1), "a letter").substitute(
            a, "by a", by=(through_g(),)), "depends on a by the recursion"),
    "of a function that is chosen": (
        lambda: begin("best", ArgMin(Sum((f(j) - x) ** 2, (j, 1, 2)), f(j))).rewrite(
            ArgMin((f(1) - x) ** 2 + (f(2) - x) ** 2, f(j)), "two").substitute(
            ArgMin((a - x) ** 2 + (f(2) - x) ** 2, f(j)), "f(1)", by=(F_IS_A,)),
        "write the formula out"),
    "of what is chosen": (
        lambda: begin("best", ArgMin((a - f(1)) ** 2, a)).attained(
            f(1), "there", by=parabola().at({x: f(1)}, NO)).substitute(
            a, "by a", by=(F_IS_A,)), "depends on a by the recursion"),
    "of a letter that is summed over": (
        lambda: begin("sum", 3 * a**2 + 3 * f(1) - 6).bounded(
            Integer(0), "each", by=square_and_rest(), over=(n, 1, 3)), "depends on n by"),
    "of one place, at another": (
        lambda: begin("last", f(n)).substitute(Integer(0), "the last", by=(LAST_IS_0,)).at(
            {n: Integer(1)}, NO), "nothing else may stand for it"),
    "of one place, summed over places": (
        lambda: begin("sum", 2 * a**2 + f(1) + f(2)).bounded(
            Integer(0), "each", by=square_and_last(), over=(n, 1, 2)), "n is one place only"),
    "of one place, by induction over places": (lambda: sum_to_the_last(), "n is one place only"),
    "of the last token": (lambda: gae.lambda_one().at({gae.n: Integer(1)}, gae.ALL_ALIKE),
        "nothing else may stand for it"),
    "of the last token, from another on": (
        lambda: gae_bias.bias().at({gae.t: gae.t + 1}, gae_bias.WRONG),
        "nothing else may stand for it"),
    "of a letter that a hypothesis moves": (lambda: moved_start(), "depends on b by the recursion"),
}  # fmt: skip


def through_g():
    first = begin("through g", f(1)).substitute(g(1), "f is g", by=(recursion(f(1), g(1)),))
    return first.substitute(a, "g is a", by=(recursion(g(1), a),))


def square_and_rest():
    """a² + f(1) - n ≥ 0 where f(1) is n."""
    square = parabola().at({x: Integer(0)}, NO)
    start = begin("square", a**2 + f(1) - n)
    same = start.substitute(a**2, "f(1) is n", by=(recursion(f(1), n),))
    return same.bounded(Integer(0), "a square", by=square)


def square_and_last():
    """a² + f(n) ≥ 0 at the one n where f(n) is 0."""
    square = parabola().at({x: Integer(0)}, NO)
    same = begin("square", a**2 + f(n)).substitute(a**2, "the last", by=(LAST_IS_0,))
    return same.bounded(Integer(0), "a square", by=square)


def sum_to_the_last():
    """g(n + 1) = g(n) + f(n), where f is 0 at one place: g(n) = g(1) holds for n = 1 only."""
    statement = Eq(g(n), g(1), evaluate=False)
    step = (
        begin("step", g(n + 1))
        .substitute(g(n) + f(n), "up", by=(recursion(g(n + 1), g(n) + f(n)),))
        .substitute(g(n), "the last", by=(LAST_IS_0,))
        .assume(g(1), "for n", statement=statement)
    )
    base = begin("base", g(1)).rewrite(g(1) + 0 * a, "the first")
    return by_induction(statement, n, base=base, step=step, name="sum")


def moved_start():
    """f(1, b) is g(1) for every b, and g(1) is one b: so f(2, b) = f(1, b + 1) is b, not b + 1."""
    statement = Eq(f(n, b), b + n - 1, evaluate=False)
    base = (
        begin("base", f(1, b))
        .substitute(g(1), "f is g", by=(recursion(f(1, b), g(1)),))
        .substitute(b, "g is b", by=(recursion(g(1), b),))
    )
    step = (
        begin("step", f(n + 1, b))
        .substitute(f(n, b + 1), "up", by=(recursion(f(n + 1, b), f(n, b + 1)),))
        .assume(b + n, "for n", statement=statement, for_every=(b,))
    )
    return by_induction(statement, n, base=base, step=step, name="moved")


@pytest.mark.parametrize(("make", "why"), RECURSIONS.values(), ids=RECURSIONS)
def test_a_recursion_is_one_and_hides_nothing(make, why):
    with pytest.raises(DerivationError, match=why):
        make()


def sums_of(number):
    """f(n + 1) = f(n) + number, so that f(n) = f(1) + (n - 1) number."""
    return Eq(f(n), f(1) + (n - 1) * number, evaluate=False)


def steps_of(number, given=NO):
    """By induction over n."""
    statement = sums_of(number)
    up = recursion(f(n + 1), f(n) + number, given)
    step = (
        begin("step", f(n + 1), given)
        .substitute(f(n) + number, "up", by=(up,))
        .assume(statement.rhs + number, "for n", statement=statement)
    )
    base = begin("base", f(1), given).rewrite(f(1) + 0 * a, "the first")
    return by_induction(statement, n, base=base, step=step, name="steps")


def test_induction_is_over_a_letter_that_hides_nowhere():
    """Where the number is n itself, f(3) is f(1) + 1 + 2, and not f(1) + 2 · 3."""
    assert steps_of(b).equation == sums_of(b)
    with pytest.raises(DerivationError, match="n hides in what is given"):
        steps_of(u, defined((u, n)))
    with pytest.raises(DerivationError, match="depends on n by the recursion"):
        steps_of(g(1)).substitute(f(1) + (n - 1) * n, "g is n", by=(recursion(g(1), n),))


def test_a_hypothesis_is_not_moved_to_another_place():
    """f(n) = n² by the hypothesis at n; the same chain at n + 1 would be the step itself."""
    statement = Eq(f(n), n**2, evaluate=False)
    circular = begin("step", f(n)).assume(n**2, "for n", statement=statement)
    with pytest.raises(DerivationError, match="rests on the hypothesis"):
        circular.at({n: n + 1}, NO)


def test_a_step_that_was_only_sampled_proves_nothing():
    """(n - 1)(n - 2)...(n - 6) is 0 in every random world."""
    statement = Eq(BLIND * (n - 6), 0, evaluate=False)
    base = begin("base", statement.lhs.subs(n, 1)).rewrite(Integer(0), "0 at 1")
    step = (
        begin("step", statement.lhs.subs(n, n + 1))
        .rewrite(statement.lhs, "looks true")
        .assume(Integer(0), "for n", statement=statement)
    )
    with pytest.raises(DerivationError, match="sampled and not proved"):
        by_induction(statement, n, base=base, step=step, name="zero")


below, nowhere_0 = Symbol("below", negative=True), Symbol("nowhere_0", real=True, nonzero=True)


def best(objective, given=NO):
    return begin("best", ArgMin(objective, a), given)


def square_of_gap():
    return parabola().at({a: p(y) - q(y), x: Integer(0)}, TWO_DISTRIBUTIONS)


def most_gaps():
    """The last two outcomes are left out, so any two policies that differ there only are alike."""
    start = begin("gaps", Sum((p(y) - q(y)) ** 2, (y, 1, N - 2)), TWO_DISTRIBUTIONS)
    return start.bounded(Integer(0), "squares", by=square_of_gap(), over=(y, 1, N - 2))


def parabola_and(rest, given=NO):
    return begin("more", (a - x) ** 2 + rest, given).bounded(rest, "a square", by=parabola())


RULES = {
    "an optimum that depends on what is chosen": (
        lambda: best((a - x) ** 2, defined((x, 2 * a))).attained(x, "there", by=parabola()),
        "x depends on a"),
    "an optimum of a letter that is defined": (
        lambda: best((a - x) ** 2 + a, defined((a, b))).attained(
            x, "there", by=parabola_and(a)), "a is defined"),
    "another form of an optimum of a letter that is defined": (
        lambda: best(a**2, defined((a, b))).rewrite(ArgMin(b**2, a), "a is b"), "a is defined"),
    "an optimum that most outcomes decide": (
        lambda: begin("best", ArgMin(most_gaps().start, p(y)), TWO_DISTRIBUTIONS).attained(
            q(y), "there", by=most_gaps()), "not about every y"),
    "an optimum that one outcome decides": (
        lambda: begin("best", ArgMin((p(y) - q(y)) ** 2, p(y)), TWO_DISTRIBUTIONS).attained(
            q(y), "there", by=square_of_gap()), "not about every y"),
    "a slope along a letter that is defined": (
        lambda: begin("slope", a**2, defined((a, b))).differentiate(a, "along a", 0 * a),
        "a is defined"),
    "an equation with a slope along what its letter hides": (
        lambda: begin("equation", Eq(Derivative(a * x, a), b), defined((x, a**2))).solve(
            Eq(b, x), "the slope"), "work the derivative out"),
    "a square for numbers below 0": (
        lambda: best(-t * a).same_optimum(
            ArgMax((t * a) ** 2, a), "squared", through=Lambda(below, below**2)), "nothing else"),
    "squares of both sides": (
        lambda: begin("equal", Eq(a, b)).both_sides(
            Eq(a**2, b**2), "squared", through=Lambda(below, below**2)), "nothing else"),
    "one over a number that may have two signs": (
        lambda: best(a).same_optimum(
            ArgMax(1 / a, a), "turned", through=Lambda(nowhere_0, 1 / nowhere_0)), "nothing else"),
    "a bound over a letter that a definition hides": (
        lambda: begin("sum", 3 * a**2 + 3 * u - 6, defined((u, n))).bounded(
            Integer(0), "each", by=parabola_over_n(), over=(n, 1, 3)), "n hides"),
    "a defined function where it is not defined": (
        lambda: begin("rate", rate(6 - n), defined((rate(t), 2 * t))), "beyond what t stands for"),
    "what is no equation": (lambda: begin("order", a < b), "neither a formula nor an equation"),
}  # fmt: skip


def parabola_over_n():
    """a² + u - n ≥ 0 where u is n."""
    ground = defined((u, n))
    square = parabola().at({x: Integer(0)}, ground)
    return begin("square", a**2 + u - n, ground).bounded(Integer(0), "a square", by=square)


@pytest.mark.parametrize(("make", "why"), RULES.values(), ids=RULES)
def test_a_rule_looks_at_what_letters_stand_for(make, why):
    with pytest.raises(DerivationError, match=why):
        make()


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        ([(a**2, -t)], "of a letter or a function"),
        ([(Integer(1), Integer(2))], "of a letter or a function"),
        ([(a, Integer(1)), (a, Integer(2))], "defined twice"),
        ([(k, t)], "more than its definition"),
        ([(nowhere_0, Integer(0))], "more than its definition"),
        ([(below, t)], "more than its definition"),
    ],
)
def test_a_ground_that_cannot_be_is_refused(pairs, why):
    with pytest.raises(ValueError, match=why):
        defined(*pairs)


def test_a_distribution_has_outcomes():
    with pytest.raises(ValueError, match="needs a range"):
        Given(((y, 1, N - 1),), distributions=(p(y),))


def test_what_jumps_at_its_start_is_not_smooth_down_to_it():
    """-(1 + 1/t)^(1/log(2 + 1/t)) rises from -e on, but sympy's value at 0 is -1."""
    jump = -((1 + 1 / t) ** (1 / log(2 + 1 / t)))
    assert jump.subs(t, 0) == -1
    assert jump.subs(t, 1e-9) < -2
    assert is_smooth(jump, t)
    assert not is_smooth(jump, t, down_to=Integer(0))
    assert is_smooth(log(1 + t) - 1 / (1 + t), t, down_to=Integer(0))
