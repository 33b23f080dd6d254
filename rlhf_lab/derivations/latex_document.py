"""A derivation as a LaTeX document of its own, for a paper or a printed sheet."""

import inspect
from unicodedata import normalize

from rlhf_lab.derivations.checker.printing import Latex, checked, plain, sign
from rlhf_lab.derivations.derivation import Derivation

# Letters of our sentences that pdflatex does not know in text.
GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau"
GREEK += " upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
LETTERS = dict(
    zip(
        "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ",
        (f"\\{name}" for name in GREEK.split()),
        strict=True,
    )
)
LETTERS |= {
    "∂": r"\partial",
    "∇": r"\nabla",
    "∞": r"\infty",
    "√": r"\surd",
    "≤": r"\leq",
    "≥": r"\geq",
    "≠": r"\neq",
    "≈": r"\approx",
    "≻": r"\succ",
    "∈": r"\in",
    "∏": r"\prod",
    "∑": r"\sum",
    "→": r"\to",
    "↦": r"\mapsto",
    "⟺": r"\iff",
    "×": r"\times",
    "·": r"\cdot",
    "−": "-",
    "‖": r"\Vert",
    "½": r"\tfrac12",
    "²": "^2",
    "³": "^3",
    "⁻": "^{-}",
    "¹": "^1",
    "₀": "_0",
    "₁": "_1",
    "₂": "_2",
    "₃": "_3",
    "…": r"\ldots",
}
SPECIAL = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
SPECIAL |= {letter: f"\\{letter}" for letter in "$%&#_{}"}
ACCENTS = {
    "\N{COMBINING CIRCUMFLEX ACCENT}": r"\hat",
    "\N{COMBINING TILDE}": r"\tilde",
    "\N{COMBINING MACRON}": r"\bar",
}


def latex_document(derivation: Derivation, *, says: str = "") -> str:
    """Its name, a text that says what it proves, what is given, and its lines with numbers.

    `latex_document(closed_form(), says=closed_form.__doc__)`: the docstring of a result holds its
    claims and sources. Needs no package but amsmath and amssymb. Raises ValueError for a letter
    that LaTeX would not know.
    """
    given = derivation.given.statement
    rows = [row for line in derivation.lines for row in rows_of(line)]
    parts = [
        "\\documentclass{article}\n\\usepackage{amsmath,amssymb}\n\\begin{document}",
        rf"\section*{{{in_text(derivation.name)}}}",
        in_text(inspect.cleandoc(says)),
        rf"\emph{{Given.}} {in_text(given)}" if given else "",
        "\\begin{align}\n" + " \\\\\n".join(rows) + "\n\\end{align}",
        "\\end{document}\n",
    ]
    return "\n\n".join(filter(None, parts))


def rows_of(line) -> list[str]:
    """The reason, without a number, above the formula, with one."""
    formula = rf"{sign(line)} {{}}& {Latex().doprint(line.expression)}"
    if not line.reason:
        return [formula]
    why = in_text(f"{plain(line.reason)} ({checked(line)})")
    return [rf"&\quad\text{{\small {why}}} \notag", formula]


def in_text(words: str) -> str:
    """Words for LaTeX's text mode, each letter of mathematics as a formula of its own."""
    shown: list[str] = []
    for letter in "".join(c if c in LETTERS else normalize("NFD", c) for c in words):
        if letter in ACCENTS and shown:
            shown[-1] = rf"\ensuremath{{{ACCENTS[letter]} {shown[-1]}}}"
        elif letter in LETTERS:
            shown.append(rf"\ensuremath{{{LETTERS[letter]}}}")
        elif letter.isascii():
            shown.append(SPECIAL.get(letter, letter))
        else:
            raise ValueError(f"LaTeX has no command for {letter!r} in {words!r}: add it to LETTERS")
    return "".join(shown)
