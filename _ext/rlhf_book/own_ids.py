"""No id stands twice on a page: exercises and solutions all give the same one to their inside.

Nothing leads to these ids. They go when a page is written, after the contents were collected.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

REPEATED = {"exercise-content", "solution-content"}


class DropRepeatedIds(SphinxPostTransform):
    """Takes these ids from the sections that sphinx-exercise makes."""

    default_priority = 900

    def run(self, **_: object) -> None:
        for section in self.document.findall(nodes.section):
            section["ids"] = [name for name in section["ids"] if name not in REPEATED]


def setup(app: Sphinx) -> None:
    app.add_post_transform(DropRepeatedIds)
