"""What a setting may be: each function raises ValueError that names the first that is not."""

import json
from math import isfinite
from numbers import Integral, Real


def require_positive(**settings: object) -> None:
    """Every setting must be a finite number above 0.

    >>> require_positive(epsilon=0.2, beta="0.1")
    Traceback (most recent call last):
    ValueError: beta must be a finite number above 0, got '0.1'
    """
    for name, value in settings.items():
        if not (_is_number(value) and value > 0):
            raise ValueError(f"{name} must be a finite number above 0, got {value!r}")


def require_not_negative(**settings: object) -> None:
    """Every setting must be a finite number, 0 or above."""
    for name, value in settings.items():
        if not (_is_number(value) and value >= 0):
            raise ValueError(f"{name} must be a finite number, 0 or above, got {value!r}")


def require_share(**settings: object) -> None:
    """Every setting must lie in 0..1."""
    for name, value in settings.items():
        if not (_is_number(value) and 0 <= value <= 1):
            raise ValueError(f"{name} must lie in 0..1, got {value!r}")


def require_count(*, least: int = 1, **settings: object) -> None:
    """Every setting must be a whole number, `least` or above."""
    for name, value in settings.items():
        is_whole = isinstance(value, Integral) and not isinstance(value, bool)
        if not (is_whole and value >= least):
            raise ValueError(f"{name} must be a whole number, {least} or above, got {value!r}")


def require_count_or_none(**settings: object) -> None:
    """Every setting must be a whole number, 1 or above, or None."""
    require_count(**{name: value for name, value in settings.items() if value is not None})


def require_seed(**settings: object) -> None:
    """Every setting must be a seed that every generator takes: a whole number, 0 to 2⁶³ - 1."""
    for name, value in settings.items():
        require_count(least=0, **{name: value})
        if value >= 2**63:
            raise ValueError(f"{name} must be below 2**63, as a generator's seed, got {value}")


def require_divisor(whole: int, **settings: int) -> None:
    """Every setting must divide `whole`, so that nothing is left over."""
    for name, value in settings.items():
        if whole % value:
            raise ValueError(f"{name} must divide {whole}, got {value}")


def require_finite(**settings: object) -> None:
    """Every setting must be a finite number."""
    for name, value in settings.items():
        if not _is_number(value):
            raise ValueError(f"{name} must be a finite number, got {value!r}")


def require_callable(**settings: object) -> None:
    """Every setting must be a function."""
    for name, value in settings.items():
        if not callable(value):
            raise ValueError(f"{name} must be a function, got {value!r}")


def require_kind(kind: type, **things: object) -> None:
    """Every thing must be a `kind`."""
    for name, value in things.items():
        if not isinstance(value, kind):
            raise ValueError(f"{name} must be {kind.__name__}, got {type(value).__name__}")


def require_json(**settings: object) -> None:
    """Every setting must be plain JSON: no function, no tensor, no NaN, no number of numpy's."""
    for name, value in settings.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{name} must be plain JSON, got {str(value)[:60]!r} ({error}); name a function by "
                "a string, and make a number of a tensor's or numpy's by .item()"
            ) from error


def require_json_dict(**objects: object) -> None:
    """Every object must be a dictionary whose keys are texts and whose values are plain JSON."""
    for name, value in objects.items():
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise ValueError(f"{name} must be a dictionary with texts as keys, got {value!r}")
        require_json(**value)


def of(config: object, *names: str) -> dict[str, object]:
    """The named fields of a configuration: `require_positive(**settings.of(self, "rate"))`."""
    return {name: getattr(config, name) for name in names}


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)
