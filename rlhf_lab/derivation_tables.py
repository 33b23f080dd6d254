"""What the page of derivations shows: every result of the catalogue and every refusal, as HTML.

All of it is worked out from the catalogue, so a new result appears by itself.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from html import escape
from inspect import cleandoc

from rlhf_lab.derivations import catalogue, notes
from rlhf_lab.derivations.checker.lines import Chain, DerivationError, Line
from rlhf_lab.derivations.claims import named_claims
from rlhf_lab.html_tables import claim_span, framed, worded
from rlhf_lab.stepper import stepper

Make = Callable[[], Chain]
built = cache(lambda make: make())
# MathJax sets the formulas of a result when it is unfolded: all of them at once would take seconds.
SET, WAITING = 'class="math ', 'class="waiting '
UNFOLD = """
<script>{
  const folds = [...document.currentScript.parentElement.querySelectorAll("details")];
  const set = fold => {
    const waiting = [...fold.querySelectorAll(".waiting")];
    for (const formula of waiting) formula.classList.replace("waiting", "math");
    if (waiting.length) window.MathJax?.typeset?.(waiting);
  };
  for (const fold of folds) fold.addEventListener("toggle", () => fold.open && set(fold));
  const named = () => folds.find(fold => fold.id && `#${fold.id}` === location.hash);
  const open = () => { const fold = named(); if (fold) fold.open = true; };
  addEventListener("hashchange", open);
  open();
  addEventListener("beforeprint", () => folds.forEach(fold => { fold.open = true; set(fold); }));
}</script>"""


def first_paragraph(thing: object) -> str:
    """The first paragraph of a docstring on one line, without the claims and sources behind it."""
    return re.split(r"\s*\b[A-Z]+-\d", first_lines(thing))[0]


def first_lines(thing: object) -> str:
    """The first paragraph of a docstring on one line."""
    return cleandoc(thing.__doc__ or "").partition("\n\n")[0].replace("\n", " ")


def claims_of(make: Make) -> str:
    """The claims that a result proves."""
    return ", ".join(map(claim_span, named_claims(make.__doc__)))


def evidence(derivations: Iterable[Chain]) -> Counter:
    """How many lines of the derivations have which kind of evidence."""
    return Counter(line.evidence.kind for derivation in derivations for line in derivation.lines)


def sampled_lines(derivations: Iterable[Chain]) -> list[tuple[str, int, Line]]:
    """Each line that was compared at random points and not proved: derivation, number, line."""
    return [
        (derivation.name, number, line)
        for derivation in derivations
        for number, line in enumerate(derivation.lines, start=1)
        if line.evidence.kind == "sampled"
    ]


def all_results() -> str:
    """Every result under its topic: what it says, its claims, its lines behind a fold."""
    links, parts = [], []
    for heading, modules in catalogue.TOPICS.items():
        anchor = "results-" + heading.lower().replace(" ", "-")
        links.append(f'<a href="#{anchor}">{escape(heading)}</a>')
        parts.append(f'<h3 id="{anchor}">{escape(heading)}</h3>')
        for module in modules:
            parts.append(f"<p><em>{worded(first_paragraph(module))}</em></p>")
            parts += map(one_result, module.RESULTS)
    return framed(f"<p>{' · '.join(links)}</p>" + "\n".join(parts) + UNFOLD)


def one_result(make: Make) -> str:
    """One result: name and sentence, and folded below them claims, evidence and the stepper."""
    derivation, claims = built(make), claims_of(make)
    kinds = ", ".join(f"{count} {kind}" for kind, count in evidence([derivation]).items())
    code = f"{make.__module__.removeprefix('rlhf_lab.derivations.')}.{make.__name__}()"
    anchor = "result-" + code.removesuffix("()").replace(".", "-").replace("_", "-")
    return (
        f'<details id="{anchor}"><summary><strong>{escape(derivation.name)}</strong>. '
        f"{worded(first_paragraph(make))}</summary>"
        f"<p>{'Proves ' + claims + '. ' if claims else ''}Lines: {escape(kinds)}. "
        f"In code: <code>{escape(code)}</code></p>"
        f"{stepper(derivation).html().replace(SET, WAITING)}</details>"
    )


def refusals() -> str:
    """The notes' printed errors, each as the checker refused it just now."""
    parts = []
    for claim, makers in notes.REFUSED.items():
        for make in makers:
            try:
                make()
            except DerivationError as refused:
                printed = worded(first_lines(make)).replace(claim, claim_span(claim), 1)
                parts.append(f"<p>{printed}<br><code>{escape(str(refused))}</code></p>")
            else:
                raise ValueError(f"{make.__name__} is printed wrongly in the notes, but accepted")
    return framed("\n".join(parts))
