"""What a derivation accepts, what it refuses, and what it says then."""

from functools import cache

import pytest
from sympy import Eq, Function, Integer, Lambda, S, Sum, Symbol, cos, exp, log, sqrt, symbols

from rlhf_lab.derivations import optimal_policy
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.lines import DerivationError
from rlhf_lab.derivations.checker.probability import KL, ArgMax, ArgMin, Expectation
from rlhf_lab.derivations.checker.substitution import substituted
from rlhf_lab.derivations.derivation import begin
from rlhf_lab.derivations.gibbs import TWO_DISTRIBUTIONS, gibbs, log_bound, p, q
from rlhf_lab.derivations.implied_reward import reward_from_policy
from rlhf_lab.derivations.notation import (
    ONE_PROMPT,
    TILTED,
    N,
    Z,
    beta,
    optimal,
    policy,
    reference,
    reward,
    t,
    y,
    y_w,
    z,
)
from rlhf_lab.derivations.optimal_policy import VALUE, value_of_any_policy

a, b = symbols("a b", real=True)
closed_form = cache(optimal_policy.closed_form)


def test_a_wrong_step_names_the_line_a_point_and_both_values():
    with pytest.raises(
        DerivationError, match=r"square, line 2 \(oops\): the two sides differ"
    ) as e:
        begin("square", (a + 1) ** 2).rewrite(a**2 + 2 * a - 1, "oops")
    assert e.value.line == 2
    point = float(e.value.point.removeprefix("a = "))
    assert float(e.value.left) == pytest.approx((point + 1) ** 2, rel=1e-2)
    assert float(e.value.left) - float(e.value.right) == pytest.approx(2)


def test_a_refused_step_leaves_the_derivation_as_it_was():
    square = begin("square", (a + 1) ** 2)
    with pytest.raises(DerivationError):
        square.rewrite(a**2, "oops")
    assert len(square.lines) == 1


def test_each_line_says_how_it_was_checked():
    kinds = [line.evidence.kind for line in closed_form().lines]
    assert kinds == ["given"] + 6 * ["proved"] + ["by lemma", "by definition"]


def test_what_cannot_be_proved_is_sampled_and_says_so():
    line = begin("root", sqrt(t**2 + 2 * t + 1)).rewrite(t + 1, "the root of a square").lines[-1]
    assert line.evidence.kind == "sampled"


def test_what_is_undefined_everywhere_is_refused():
    with pytest.raises(DerivationError, match="defined at only 0"):
        begin("log", log(-t)).rewrite(log(-t), "the same")


def test_what_is_undefined_on_one_side_is_refused():
    with pytest.raises(DerivationError, match="one side is undefined"):
        begin("log", log(a**2)).rewrite(2 * log(a), "wrong where a < 0")


def test_what_is_not_real_is_undefined_even_where_it_would_cancel():
    """Σ (p - q) log(-r) is Σ (p - q) log r in complex numbers, since p and q both sum to 1."""
    f, gap = Function("f", positive=True), p(y) - q(y)
    right = Sum(gap * log(f(y)), (y, 1, N))
    with pytest.raises(DerivationError, match="one side is undefined"):
        begin("logs", right, TWO_DISTRIBUTIONS).rewrite(Sum(gap * log(-f(y)), (y, 1, N)), "sign")


def test_what_cannot_be_evaluated_is_refused():
    with pytest.raises(DerivationError, match="cannot evaluate cos"):
        begin("cos", cos(a)).rewrite(cos(-a) + 0 * b, "even")


def test_a_letter_without_a_domain_is_refused():
    with pytest.raises(DerivationError, match="declare it real=True"):
        begin("free", Symbol("free")).rewrite(Symbol("free"), "the same")


def test_sums_are_not_proved_for_one_count_only():
    """True for N = 1, 2, 3: the number of worlds must not be mistaken for all of them."""
    f = Function("f", real=True)
    cubic = (N - 1) * (N - 2) * (N - 3)
    with pytest.raises(DerivationError):
        begin("few", Sum(f(y), (y, 1, N))).rewrite(Sum(f(y), (y, 1, N)) + cubic, "few outcomes")


def test_substitution_does_not_capture_a_bound_letter():
    inner = Sum(p(y) * t, (y, 1, N))
    assert substituted(inner, {t: q(y)}).function.free_symbols >= {y}
    assert substituted(inner, {t: q(y)}).limits[0][0] != y
    assert substituted(Sum(p(y), (y, 1, N)), {y: y_w}) == Sum(p(y), (y, 1, N))
    assert substituted(inner, {z: q(y)}) == inner


def test_gibbs_says_where_it_is_tight():
    assert gibbs().sign == "≥"
    assert gibbs().equality_case == Eq(q(y) / p(y), 1)
    assert value_of_any_policy().sign == "≤"


def test_where_a_bound_is_reached_is_kept_even_if_that_is_nowhere():
    never = log_bound().at({t: Integer(2)}, Given())
    assert never.equality_case == Eq(2, 1, evaluate=False)


def test_gibbs_needs_distributions():
    half = {p: Lambda(y, reference(y)), q: Lambda(y, TILTED / 2)}
    with pytest.raises(DerivationError, match="differ"):
        gibbs().at(half, ONE_PROMPT)
    with pytest.raises(DerivationError, match="not above 0"):
        gibbs().at({p: Lambda(y, reference(y)), q: Lambda(y, -reference(y))}, ONE_PROMPT)
    with pytest.raises(DerivationError, match="needs q"):
        gibbs().at({p: Lambda(y, reference(y))}, ONE_PROMPT)


def test_a_lemma_holds_in_its_domain_only():
    with pytest.raises(DerivationError, match="not above 0"):
        log_bound().at({t: log(t)}, Given())


def test_a_lemma_about_other_definitions_is_refused():
    other = Given(ONE_PROMPT.ranges, (Eq(Z, 2 * beta, evaluate=False),), ONE_PROMPT.distributions)
    with pytest.raises(DerivationError, match="needs Z defined"):
        closed_form().at({}, other)


def test_a_bound_needs_its_weight():
    line = begin("gap", KL(p(y), q(y), y, N), TWO_DISTRIBUTIONS)
    lemma = log_bound().at({t: q(y) / p(y)}, TWO_DISTRIBUTIONS)
    with pytest.raises(DerivationError, match="differ"):
        line.bounded(Integer(0), "no weight", by=lemma, over=(y, 1, N))
    with pytest.raises(DerivationError, match="not above 0"):
        line.bounded(Integer(0), "weight of two signs", by=lemma, weight=a, over=(y, 1, N))


def test_max_becomes_min_only_under_a_falling_map():
    best = begin("best", ArgMax(VALUE, policy(y)), ONE_PROMPT)
    with pytest.raises(DerivationError, match="rising map turns arg max into argmax"):
        best.same_optimum(
            ArgMin(VALUE / beta, policy(y)), "1/β is positive", through=Lambda(z, z / beta)
        )
    with pytest.raises(DerivationError, match="not the same kind"):
        best.rewrite(ArgMin(VALUE, policy(y)), "max = min")


def test_what_is_added_to_an_objective_must_be_free_of_the_policy():
    best = begin("best", ArgMax(VALUE, policy(y)), ONE_PROMPT)
    entropy = Expectation(-log(policy(y)), policy(y), y, N)
    with pytest.raises(DerivationError, match=r"depends on policy\(y\)"):
        best.same_optimum(
            ArgMax(VALUE + entropy, policy(y)), "entropy", through=Lambda(z, z + entropy)
        )


def test_a_map_without_one_direction_keeps_no_optimum():
    best = begin("best", ArgMax(a, a))
    with pytest.raises(DerivationError, match="rises or falls"):
        best.same_optimum(ArgMax(a**2, a), "squares", through=Lambda(z, z**2))


def test_the_optimum_must_be_a_distribution():
    most = closed_form().upto(7)
    with pytest.raises(DerivationError, match="sides differ"):
        most.attained(2 * TILTED, "twice", by=gibbs_at_tilted())
    with pytest.raises(DerivationError, match="sides differ"):
        most.attained(reference(y), "the reference", by=gibbs_at_tilted())


def test_a_lowest_point_that_is_no_distribution_is_not_the_optimum():
    """Σ [p log(p / 2q) - p + 2q] ≥ 0 is tight at p = 2q, which does not sum to 1."""
    terms = p(y) * log(p(y) / (2 * q(y))) - p(y) + 2 * q(y)
    gap = Sum(terms, (y, 1, N))
    lemma = log_bound().at({t: 2 * q(y) / p(y)}, TWO_DISTRIBUTIONS)
    bound = begin("unnormalised", gap, TWO_DISTRIBUTIONS).bounded(
        Integer(0), "term by term", by=lemma, weight=p(y), over=(y, 1, N)
    )
    with pytest.raises(DerivationError, match="sides differ at N"):
        begin("best", ArgMin(gap, p(y)), TWO_DISTRIBUTIONS).attained(2 * q(y), "tight", by=bound)


def test_a_lemma_carries_its_step_alone():
    """What is true by definition, but is not what the lemma says, is not "by lemma"."""
    told = reward_from_policy().at({y: y_w}, ONE_PROMPT)
    with pytest.raises(DerivationError, match="sides differ"):
        begin("reward", reward(y_w), ONE_PROMPT).substitute(reward(y_w), "the lemma", by=(told,))
    with pytest.raises(DerivationError, match="no left side"):
        begin("beta", beta, ONE_PROMPT).substitute(beta, "the lemma", by=(told,))


def gibbs_at_tilted():
    return gibbs().at({p: Lambda(y, policy(y)), q: Lambda(y, TILTED)}, ONE_PROMPT)


def test_an_equation_with_two_solutions_is_not_solved():
    asked = begin("roots", Eq(a**2, 4, evaluate=False))
    with pytest.raises(DerivationError, match="nothing else solves"):
        asked.solve(Eq(a, 2, evaluate=False), "the positive root")


def test_a_wrong_solution_is_refused():
    asked = begin("linear", Eq(2 * a, b, evaluate=False))
    assert asked.solve(Eq(a, b / 2, evaluate=False), "halve").end.rhs == b / 2
    with pytest.raises(DerivationError, match="differ"):
        asked.solve(Eq(a, 2 * b, evaluate=False), "double")
    with pytest.raises(DerivationError, match="still depends"):
        asked.solve(Eq(a, b - a, evaluate=False), "move it over")


def test_an_asked_equation_proves_nothing():
    asked = begin("asked", Eq(exp(a), 2 * b, evaluate=False))
    with pytest.raises(ValueError, match="does not end in an equation that holds"):
        _ = asked.equation


def test_a_lowest_point_needs_convexity_and_a_slope_of_zero():
    with pytest.raises(DerivationError, match="differ"):
        begin("off", t - 1 - log(t)).lowest(1 - log(2), "not stationary", letter=t, at=S(2))
    with pytest.raises(DerivationError, match="not above 0"):
        begin("concave", log(t) - t).lowest(S(-1), "a highest point", letter=t, at=S.One)


def test_a_derivative_that_is_handed_in_is_checked():
    line = begin("square", a**2)
    assert line.differentiate(a, "power rule").end == 2 * a
    with pytest.raises(DerivationError, match="differ"):
        line.differentiate(a, "power rule", 3 * a)


def test_a_definition_must_fit_what_was_declared():
    with pytest.raises(ValueError, match="is declared positive"):
        Given(definitions=(Eq(t, -exp(a), evaluate=False),))
    with pytest.raises(ValueError, match="round in a circle"):
        Given(definitions=(Eq(a, b + 1, evaluate=False), Eq(b, a - 1, evaluate=False)))
    with pytest.raises(ValueError, match="prove that it is a distribution"):
        Given(
            ONE_PROMPT.ranges,
            ONE_PROMPT.definitions,
            (*ONE_PROMPT.distributions, optimal(y)),
        )


def test_lines_are_revealed_one_by_one():
    assert [len(closed_form().upto(n).lines) for n in (1, 5, 9)] == [1, 5, 9]
    with pytest.raises(ValueError, match="lines 1 to 9, got 10"):
        closed_form().upto(10)


def test_latex_is_one_aligned_block_with_a_reason_a_line():
    block = closed_form()._repr_latex_()
    assert block.count("aligned") == 2
    assert block.count(r"{\small\text") == 8
    assert r"\underset{\pi\left(\cdot \mid x\right)}{\arg\min}" in block
    assert block.count("{") == block.count("}")


def test_reasons_are_plain_words():
    with pytest.raises(ValueError, match="plain words"):
        begin("a", a).rewrite(a, r"$\alpha$").latex()


def test_text_shows_sign_formula_and_evidence():
    assert str(log_bound()).splitlines()[2].startswith("≥ 0    (convex")
    assert reward(y).func.__name__ in str(closed_form())


def test_what_has_no_derivative_is_refused_as_any_step_is():
    best = begin("best", ArgMax(VALUE, policy(y)), ONE_PROMPT)
    with pytest.raises(DerivationError, match=r"best, line 2 \(power rule\): cannot differentiate"):
        best.differentiate(a, "power rule")


def test_a_plain_number_is_a_formula_and_a_text_is_none():
    a = Symbol("a", real=True)
    line = begin("one", a + 1 - a).rewrite(1, "cancel").lines[-1]
    assert line.expression == S.One
    assert line.evidence.kind == "proved"
    with pytest.raises(ValueError, match="SympifyError"):
        begin("one", a).rewrite("a", "a text")
