"""A derivation line by line: all of it, or one line after another, or "what comes next?".

The HTML needs no kernel and no network. Formulas are set once, by the MathJax of the page or of
the notebook; a few lines of JavaScript only show and hide them. Without JavaScript and on paper
every line stands there.
"""

import sys
from dataclasses import dataclass
from html import escape
from string import Template

from sympy import Eq
from sympy.core.function import AppliedUndef

from rlhf_lab.derivations.checker.lines import Chain, Line
from rlhf_lab.derivations.checker.printing import Latex, checked, sign
from rlhf_lab.derivations.checker.together import recursions

# A cell of Colab has no MathJax of its own for HTML.
COLAB_MATHJAX = (
    '<script src="https://cdn.jsdelivr.net/npm/mathjax@3.2.2/es5/tex-mml-chtml.js"></script>\n'
)
# The theme gives every HTML output a light background in dark mode; words need none.
STEPPER = Template(
    """<div class="rlhf-stepper" role="group" aria-label="$name, line by line"
 style="color:var(--pst-color-text-base,inherit)">
<style>.text_html:has(>.rlhf-stepper){background:none!important;padding:0!important}
.rlhf-stepper p{margin:0}.rlhf-stepper li{margin:.5em 0}.rlhf-stepper ol{margin:0;padding-left:2em}
.rlhf-stepper p,.rlhf-stepper label,.rlhf-stepper output{font-size:.9em}
.rlhf-stepper button{font:inherit;font-size:.9em;color:inherit;background:none;cursor:pointer;
border:1px solid;border-radius:.3em;padding:.25em .7em;min-height:2em}
.rlhf-stepper [aria-disabled=true]{opacity:.5;cursor:default}
@media screen{.rlhf-stepper .later{display:none}.rlhf-stepper .asked .math{visibility:hidden}}
@media print{.rlhf-stepper .bar{display:none!important}}</style>
<div hidden><div class="bar" style="display:flex;flex-wrap:wrap;gap:.5em;align-items:center">
<button type="button">First line</button><button type="button">Back</button>
<button type="button">Next</button><button type="button">All lines</button>
<label><input type="checkbox" autocomplete="off"> What comes next?</label>
<output></output></div></div>
<div style="overflow-x:auto" tabindex="0" role="group" aria-label="$name, scroll sideways">
$ground
<ol>
$lines
</ol></div>
<script>{
  const box = document.currentScript.parentElement, lines = [...box.querySelectorAll("li")];
  const buttons = [...box.querySelectorAll("button")], ask = box.querySelector("input");
  const last = lines.length, said = box.querySelector("output");
  let shown = last;
  const show = count => {
    shown = Math.min(Math.max(count, 1), last);
    const asked = ask.checked && shown < last;
    lines.forEach((line, i) => {
      line.classList.toggle("later", i >= shown + asked);
      line.classList.toggle("asked", asked && i === shown);
    });
    buttons.forEach((button, i) =>
      button.setAttribute("aria-disabled", shown === (i < 2 ? 1 : last)));
    const reason = lines[Math.min(shown, last - 1)].querySelector("p").textContent;
    const question = asked ? `. Think, then press Next: $${reason}` : "";
    said.value = `line $${shown} of $${last}$${question}`;
  };
  const goals = [() => 1, () => shown - 1, () => shown + 1, () => last];
  buttons.forEach((button, i) => button.addEventListener("click", () => show(goals[i]())));
  ask.addEventListener("change", () => show(ask.checked && shown === last ? 1 : shown));
  show(last);
  box.querySelector("[hidden]").hidden = false;
}</script></div>
"""
)


@dataclass(frozen=True)
class Stepper:
    """What `stepper` returns: shown as the last line of a cell, a derivation line by line."""

    derivation: Chain

    def html(self) -> str:
        """The lines with their buttons, as HTML that needs no kernel and no network."""
        return STEPPER.substitute(
            name=escape(self.derivation.name),
            ground=ground(self.derivation),
            lines="\n".join(map(item, self.derivation.lines)),
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        colab = COLAB_MATHJAX if "google.colab" in sys.modules else ""
        return {
            "text/html": self.html() + colab,
            "text/latex": self.derivation._repr_latex_(),
            "text/plain": str(self.derivation),
        }


def stepper(derivation: Chain) -> Stepper:
    """A derivation to be read line by line: `stepper(optimal_policy.closed_form())`.

    With "What comes next?" the reason of the next line stands there before its formula does.
    Raises ValueError for a derivation without lines.
    """
    if not derivation.lines:
        raise ValueError(f"{derivation.name} has no lines: begin it with a formula")
    return Stepper(derivation)


def item(line: Line) -> str:
    """One line as an item of a list: reason and check in words, then the formula."""
    why = f"{line.reason} ({checked(line)})" if line.reason else checked(line)
    shown = f"{{}}{sign(line)} {Latex().doprint(line.expression)}"
    return f"<li><p>{escape(why)}</p>{formula(shown)}</li>"


def ground(derivation: Chain) -> str:
    """What is taken for granted: its sentence, the definitions and recursions behind the lines."""
    words = escape(derivation.given.statement)
    recursive = list(dict.fromkeys(recursion.equation for recursion in recursions(derivation)))
    meanings = map(Latex().doprint, [*recursive, *definitions(derivation, recursive)])
    shown = [f"<p>Given: {words}</p>"] if words else []
    shown += [f"<p>By definition: {formula(meaning)}</p>" for meaning in meanings]
    return "\n".join(shown)


def definitions(derivation: Chain, recursive: list[Eq]) -> list[Eq]:
    """The definitions whose left sides occur in the lines, a recursion, or such a definition."""
    formulas, used = [*(line.expression for line in derivation.lines), *recursive], []
    waiting = list(derivation.given.definitions)
    for _ in derivation.given.definitions:
        for meaning in list(waiting):
            head = meaning.lhs.func if isinstance(meaning.lhs, AppliedUndef) else meaning.lhs
            if any(formula.has(head) for formula in formulas):
                waiting.remove(meaning)
                used.append(meaning)
                formulas.append(meaning.rhs)
    return used


def formula(latex: str) -> str:
    """A formula for MathJax: the class is what Sphinx looks for, the brackets what Jupyter does."""
    return f'<span class="math notranslate nohighlight">\\(\\displaystyle {escape(latex)}\\)</span>'
