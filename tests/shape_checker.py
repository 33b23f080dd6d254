"""The type checker of the tests: beartype, where a whole number counts as a float (PEP 484)."""

from dataclasses import fields

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))


def unchecked(kind, **settings):
    """A dataclass made as users make it, without the type checker: its own checks must do."""
    made = object.__new__(kind)
    for field in fields(kind):
        object.__setattr__(made, field.name, settings.get(field.name, field.default))
    made.__post_init__()
    return made
