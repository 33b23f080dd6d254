"""A mistake: a function altered in one place, and what is known of it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from inspect import cleandoc


@dataclass(frozen=True, kw_only=True)
class Bug:
    """One exhibit. Its name and its sentence are those of the altered function."""

    function: Callable
    looks: str  # what one sees in the curves, and why training may work all the same
    seen: tuple[str, ...] = ()  # issues and pull requests, "owner/repository#number"

    @property
    def name(self) -> str:
        """The mistake in a few words: `mean_for_sum` is "mean for sum"."""
        return self.function.__name__.replace("_", " ")

    @property
    def says(self) -> str:
        """The mistake in one sentence: the first line of the altered function's docstring."""
        return cleandoc(self.function.__doc__ or "").partition("\n")[0]

    @property
    def links(self) -> list[tuple[str, str]]:
        """Name and address of each place where it was seen."""
        parts = [re.fullmatch(r"([\w.-]+/[\w.-]+)#(\d+)", place) for place in self.seen]
        return [(part[0], f"https://github.com/{part[1]}/issues/{part[2]}") for part in parts]
