"""Stands in the place of the hidden tests' inputs and answers while a notebook is graded."""

from rlhf_lab.checks import ask


def judge(name, function):
    """Say that the function is right, or raise CheckFailedError with what is wrong."""
    return ask("hidden", name, function, 0)
