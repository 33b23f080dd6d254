"""The list of references as a list that screen readers know.

docutils gives its entries the role doc-biblioentry, which is deprecated and not allowed in a list
(WCAG 1.3.1); here they are list items.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


def visit_citation(writer: HTML5Translator, node: nodes.citation) -> None:
    """Open an entry as docutils does, with the other role."""
    type(writer).visit_citation(writer, node)
    writer.body[-1] = writer.body[-1].replace('role="doc-biblioentry"', 'role="listitem"')


def depart_citation(writer: HTML5Translator, node: nodes.citation) -> None:
    """Close it as docutils does."""
    type(writer).depart_citation(writer, node)


def setup(app: Sphinx) -> None:
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))
