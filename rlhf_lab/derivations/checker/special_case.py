"""When a result about letters and functions may be used for particular ones, on another ground."""

from sympy import Basic, Lambda, Symbol
from sympy.core.function import UndefinedFunction

from rlhf_lab.derivations.checker.checking import RefusedError, check_distribution, check_domain
from rlhf_lab.derivations.checker.given import Given
from rlhf_lab.derivations.checker.substitution import Meaning, substituted


def check_special_case(old: Given, meaning: Meaning, new: Given) -> None:
    """Raise RefusedError unless each meaning fits its letter, and what was given still is."""
    for key, value in meaning.items():
        if isinstance(key, UndefinedFunction):
            check_function(key, value, old, new, meaning)
        elif isinstance(key, Symbol):
            check_letter(key, value, old, new, meaning)
        else:
            raise RefusedError(f"{key} is neither a letter nor a function")
    check_ground(old, new, meaning)


def ends_of(letter: Basic, given: Given, meaning: Meaning) -> tuple | None:
    """The first and the last outcome of a letter, where letters mean what is said; or None."""
    ends = given.range_of(letter)
    return ends and tuple(substituted(end, meaning) for end in ends)


def check_function(
    key: UndefinedFunction, value: Lambda, old: Given, new: Given, meaning: Meaning
) -> None:
    """A distribution must become a distribution over as many outcomes; others keep their sign."""
    if not isinstance(value, Lambda):
        raise RefusedError(f"give the function {key} a Lambda, got {value}")
    applied = key(*value.variables)
    distribution = old.distribution_of(applied)
    if distribution is None:
        check_domain(applied, value.expr, new)
        return
    outcome = value.variables[0]
    if new.range_of(outcome) != ends_of(distribution.args[0], old, meaning):
        raise RefusedError(f"{outcome} has not the outcomes of {distribution}")
    check_distribution(value.expr, outcome, new)


def check_letter(key: Basic, value: Basic, old: Given, new: Given, meaning: Meaning) -> None:
    """An outcome must become an outcome of the same range; other letters keep their domain."""
    ends = ends_of(key, old, meaning)
    if ends is not None and new.range_of(value) != ends:
        raise RefusedError(f"{value} is not known to lie between {ends[0]} and {ends[1]}")
    check_domain(key, value, new)


def check_ground(old: Given, new: Given, meaning: Meaning | None = None) -> None:
    """Raise RefusedError unless what a lemma was given holds where it is used."""
    meaning, definitions = meaning or {}, new.meanings()
    for key, value in old.meanings().items():
        if key in meaning:
            raise RefusedError(f"{key} is defined as {value}, so nothing else may stand for it")
        if definitions.get(key) != substituted(value, meaning):
            raise RefusedError(f"the lemma needs {key} defined as {substituted(value, meaning)}")
    for distribution in old.distributions:
        same = new.distribution_of(distribution)
        if distribution.func in meaning:
            continue
        ends = ends_of(distribution.args[0], old, meaning)
        if same is None or new.range_of(same.args[0]) != ends:
            raise RefusedError(
                f"the lemma needs {distribution} to be a distribution from {ends[0]} to {ends[1]}"
            )
