"""Checks of exercises: what is wrong, for which input, and which mistake gives that answer."""

from rlhf_lab.checks.exercise import CheckFailedError, check

__all__ = ["CheckFailedError", "check"]
