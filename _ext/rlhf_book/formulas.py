"""Below each displayed formula a small mark that opens: how the formula was checked.

A formula has a label, `$$ (eq-name)`, and the ledger chapters/formulas.yml a row for the label.
A formula without one, a row without a formula, and a name that is nowhere stop the build.
Derivations in the outputs of cells need no mark: they say at each line how it was checked.
"""

from collections.abc import Iterator
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from rlhf_book.address import release_of, repository_of
from rlhf_book.alt_text import line_of
from rlhf_book.formula_ledger import KINDS, Check, FormulasError, read_formulas, result_anchor

logger = logging.getLogger(__name__)


def written_formulas(document: nodes.document) -> Iterator[nodes.math_block]:
    """The displayed formulas of a page that its author wrote, not those that cells print."""
    for formula in list(document.findall(nodes.math_block)):
        parent = formula.parent
        while parent is not None and "nb_element" not in getattr(parent, "attributes", {}):
            parent = parent.parent
        if parent is None:
            yield formula


class MarkFormulas(SphinxPostTransform):
    """Puts the mark below each formula; runs before myst-nb puts outputs in their place."""

    default_priority = 4

    def run(self, **_: object) -> None:
        for formula in written_formulas(self.document):
            check = self.env.rlhf_formulas.get(formula.get("label"))
            if check is not None and formula.parent is not None:
                place = formula.parent.index(formula) + 1
                formula.parent.insert(place, list(self.mark(check)))

    def mark(self, check: Check) -> Iterator[nodes.Node]:
        """What opens: a line of words for each kind of check, with links."""
        said = " · ".join(KINDS[kind] for kind in check)
        opening = f'<details class="formula-check"><summary>✓ {escape(said)}</summary>'
        yield nodes.raw("", opening, format="html")
        for kind, names in check.items():
            words = nodes.paragraph("", f"{KINDS[kind].capitalize()}: ")
            for number, name in enumerate(names):
                words += [nodes.Text(", ")] if number else []
                words += nodes.Text(name) if kind == "definition" else self.link(kind, name)
            yield words
        yield nodes.raw("", "</details>", format="html")

    def link(self, kind: str, name: str) -> nodes.reference:
        """A result on the page of derivations, or a test in the repository."""
        if kind == "derivation":
            folder = self.env.docname.rpartition("/")[0]
            page = f"{folder}/derivations" if folder else "derivations"
            uri = self.app.builder.get_relative_uri(self.env.docname, page)
            uri, shown = f"{uri}#{result_anchor(name)}", name
        else:
            file, _, shown = name.partition("::")
            root = Path(self.env.srcdir)
            uri = f"{repository_of(root)}/blob/{release_of(root)}/{file}"
        return nodes.reference(
            "", "", nodes.literal(text=shown), refuri=uri, internal=kind == "derivation"
        )


def ledger_of(env: BuildEnvironment) -> Path:
    """Where the ledger of formulas lies: beside that of the claims."""
    return (Path(env.srcdir) / env.config.claims_ledger).with_name("formulas.yml")


def load_formulas(app: Sphinx, env: BuildEnvironment, *_: object) -> list[str]:
    """Read the ledger before the pages; a bad one is reported and counts as empty."""
    path, env.rlhf_formulas = ledger_of(env), {}
    if path.exists():
        try:
            env.rlhf_formulas = read_formulas(path, Path(env.srcdir))
        except FormulasError as error:
            for message in str(error).splitlines():
                logger.warning("%s", message)
    return []


def note_formulas(app: Sphinx, document: nodes.document) -> None:
    """Warn about formulas without a row; such a page is read again when the ledger changes."""
    labels = app.env.metadata[app.env.docname]["rlhf_formulas"] = []
    for formula in written_formulas(document):
        app.env.note_dependency(str(ledger_of(app.env)))
        label = formula.get("label")
        labels.append(label)
        if label not in app.env.rlhf_formulas:
            said = f"the formula {label}" if label else "a displayed formula without a label"
            logger.warning(
                "%s has no row in formulas.yml; say there how it was checked",
                said,
                location=(app.env.docname, line_of(formula)),
            )


def check_rows(app: Sphinx, env: BuildEnvironment) -> None:
    """A row whose label stands at no formula is reported."""
    shown = {label for page in env.metadata.values() for label in page.get("rlhf_formulas", ())}
    for label in env.rlhf_formulas.keys() - shown:
        logger.warning("formulas.yml: no page has a formula %s", label)


def setup(app: Sphinx) -> None:
    app.add_post_transform(MarkFormulas)
    app.connect("env-get-outdated", load_formulas)
    app.connect("doctree-read", note_formulas)
    app.connect("env-updated", check_rows)
