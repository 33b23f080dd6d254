"""What hides in a letter: under a slope, under an optimum, and in the lemmas that are used.

∂/∂θ of θ t is t. If θ itself were put in for t, the left side would be the slope of θ², the right
side θ: so nothing that depends on θ goes into what is differentiated along θ, or into an objective
of which θ is chosen; not by a special case, and not by a definition of t on another ground.
"""

from collections.abc import Mapping

from sympy import Basic, Derivative, Symbol, nan, oo, zoo
from sympy.core.function import AppliedUndef

from rlhf_lab.derivations.checker.checking import RefusedError
from rlhf_lab.derivations.checker.given import Given, unfolded
from rlhf_lab.derivations.checker.probability import Optimum, depends
from rlhf_lab.derivations.checker.signs import fits
from rlhf_lab.derivations.checker.special_case import check_ground
from rlhf_lab.derivations.checker.substitution import Meaning, substituted


def check_slopes(expression: Basic, meaning: Meaning) -> None:
    """Raise RefusedError where what is put in would change what a derivative means."""
    for derivative in expression.atoms(Derivative):
        check_slope(derivative.expr, list(derivative.variables), meaning)


def check_slope(body: Basic, along: list[Symbol], meaning: Mapping) -> None:
    """The same for one derivative of a body along some letters."""
    new = {meaning.get(letter, letter) for letter in along}
    for letter in new:
        if not isinstance(letter, Symbol):
            raise RefusedError(f"{letter} is put in for what {body} is differentiated along")
    inside = {body.func, *(part.func for part in body.atoms(AppliedUndef))} | body.free_symbols
    others = [
        meaning[key] for key in meaning if key not in along and (key in inside or body.has(key))
    ]
    beside = {letter for letter in body.free_symbols - set(along) if letter not in meaning}
    beside |= {letter for value in others for letter in value.free_symbols}
    if len(new) < len(set(along)) or new & beside:
        raise RefusedError(
            f"{body} is differentiated along {', '.join(map(str, along))}: work the derivative "
            "out before you put in what depends on it"
        )


def check_optima(expression: Basic, meaning: Meaning) -> None:
    """Raise RefusedError where what is put in would change what an optimum is chosen of."""
    for optimum in expression.atoms(Optimum):
        objective, variable = optimum.args
        own = {getattr(variable, "func", None), *variable.free_symbols}
        put_in = [value for key, value in meaning.items() if objective.has(key)]
        if own & set(meaning) or any(depends(value, variable) for value in put_in):
            raise RefusedError(f"{variable} is chosen in {optimum}: nothing it hides in is put in")


def instance(meaning: Meaning, old: Given, new: Given) -> dict:
    """What is put in, written out; and what the new ground defines and the old one left open."""
    known = old.meanings()
    fresh = {key: value for key, value in new.meanings().items() if key not in known}
    return {key: unfolded(value, new) for key, value in {**fresh, **meaning}.items()}


def check_statement(statement: Basic, meaning: Meaning, old: Given, new: Given) -> None:
    """Raise RefusedError where a formula would say something else on another ground."""
    put_in, plain = instance(meaning, old, new), unfolded(statement, old)
    check_slopes(plain, put_in)
    check_optima(plain, put_in)


def check_lemma(lemma, given: Given, *sides: Basic) -> None:
    """Raise RefusedError unless a lemma is proved, and says on this ground what it says."""
    check_ground(lemma.given, given)
    if any(line.evidence.kind == "sampled" for line in getattr(lemma, "lines", ())):
        raise RefusedError(f"{lemma.name} has a line that is sampled and not proved")
    for side in sides:
        check_statement(side, {}, lemma.given, given)


def shut(given: Given, *expressions: Basic) -> Given:
    """The ground with definitions shut. Raises RefusedError where a slope would look into one."""
    for expression in expressions:
        check_slopes(expression, given.meanings())
    return given.opaque()


def check_defined(expression: Basic) -> None:
    """Raise RefusedError where a number was divided by 0 or a logarithm was taken of it."""
    if expression.has(nan, zoo, oo, -oo):
        raise RefusedError(f"a formula is not defined there: it becomes {expression}")


def check_varied(variable: Basic, given: Given) -> None:
    """Raise RefusedError where a letter, or a function policy(y), is defined: it is no choice."""
    key = variable.func if isinstance(variable, AppliedUndef) else variable
    if key in given.meanings():
        raise RefusedError(f"{variable} is defined, so it cannot be chosen")


def check_arguments(expression: Basic, functions: Meaning, given: Given, at: Meaning) -> None:
    """Raise RefusedError where a function is asked for a value beyond what it was given for."""
    for applied in expression.atoms(AppliedUndef):
        function = functions.get(applied.func)
        for letter, argument in zip(getattr(function, "variables", ()), applied.args, strict=False):
            value = substituted(argument, at)
            if not fits(letter, unfolded(value, given)):
                raise RefusedError(f"{applied} is asked for beyond what {letter} stands for")


def check_definitions(expression: Basic, given: Given) -> None:
    """The same for defined functions, in a formula and in the definitions themselves."""
    meanings = given.meanings()
    for part in (expression, *(equation.rhs for equation in given.definitions)):
        check_arguments(part, meanings, given, {})


def check_smooth(expression: Basic, given: Given) -> None:
    """Raise RefusedError where a slope is taken along what is a whole number."""
    for part in (expression, *(equation.rhs for equation in given.definitions)):
        for derivative in part.atoms(Derivative):
            for letter in derivative.variables:
                if letter.is_integer or given.range_of(letter) is not None:
                    raise RefusedError(f"{letter} is a whole number: there is no slope along it")


def check_open(letter: Basic, given: Given) -> None:
    """Raise RefusedError where the ground says what a letter is, or something by means of it."""
    values = (*given.meanings().values(), *(end for _, *ends in given.ranges for end in ends))
    check_varied(letter, given)
    if any(letter in getattr(value, "free_symbols", ()) for value in values):
        raise RefusedError(f"{letter} hides in what is given, so it cannot take other values here")
