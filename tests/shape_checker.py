"""The type checker of the tests: beartype, where a whole number counts as a float (PEP 484).

In each test the first calls are checked, and then no more: checks take as long as the arithmetic of
small models does, and a long run does again what its first steps did.
"""

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from itertools import count

from beartype import BeartypeConf, beartype
from jaxtyping import config

MOST_CHECKS = 5_000  # in one test; of a call the arguments are one and the result another


def begin() -> None:
    """From here on calls are checked again."""
    global number
    number = count(1)
    config.update("jaxtyping_disable", False)


def end() -> None:
    """From here on no call of this test is checked; what is compiled would hold the checks."""
    config.update("jaxtyping_disable", True)


def check(function: Callable) -> Callable:
    """The function with its types and shapes checked, while they are."""
    checked = beartype(conf=BeartypeConf(is_pep484_tower=True))(function)

    @wraps(function)
    def counted(*args, **kwargs):
        if next(number) == MOST_CHECKS:
            end()
        return checked(*args, **kwargs)

    return counted


def unchecked(kind, **settings):
    """A dataclass made as users make it, without the type checker: its own checks must do."""
    made = object.__new__(kind)
    for field in fields(kind):
        object.__setattr__(made, field.name, settings.get(field.name, field.default))
    made.__post_init__()
    return made


begin()
