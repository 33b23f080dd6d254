"""The ledger and the pages: read it, check one against the other, link marks and rows."""

from pathlib import PurePosixPath

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from rlhf_book.ledger import LedgerError, Mark, problems_of_marks, read_ledger
from rlhf_book.marks import ClaimRole, ClaimsDirective
from rlhf_book.places import anchor, claim_link, ledger_path, page_with, places

logger = logging.getLogger(__name__)


class ResolveClaimLinks(SphinxPostTransform):
    """Turns each claim_link into a link; warns when no page prints the row of a mark."""

    default_priority = 5

    def run(self, **_: object) -> None:
        for link in list(self.document.findall(claim_link)):
            page = page_with(self.env, link["to"], link["name"])
            if page is None:
                if link["to"] == "row":
                    message = "no {claims} table prints the claim %s that is marked here"
                    logger.warning(message, link["name"], location=self.env.docname)
                link.replace_self(link.children)
                continue
            target = anchor(link["to"], link["name"])
            uri = "#" + target
            if page != self.env.docname:
                uri = self.app.builder.get_relative_uri(self.env.docname, page) + uri
            reference = nodes.reference("", "", *link.children, internal=True, refuri=uri)
            link.replace_self(reference)


def load_ledger(app: Sphinx, env: BuildEnvironment, *_: object) -> list[str]:
    """Read the ledger before the pages; a bad one is reported and counts as empty."""
    path, env.rlhf_ledger = ledger_path(env), {}
    if path.exists():
        try:
            env.rlhf_ledger = read_ledger(path)
        except LedgerError as error:
            for message in str(error).splitlines():
                logger.warning("%s", message)
    return []


def check_marks(app: Sphinx, env: BuildEnvironment) -> None:
    """Compare the ledger with the marks of the whole book."""
    folder = str(PurePosixPath(env.config.claims_ledger).parent)
    marks = [mark for found in places(env, "claim").values() for mark in found]
    for message, where in problems_of_marks(
        env.rlhf_ledger, marks, "" if folder == "." else folder
    ):
        if isinstance(where, Mark):
            location = (where.page, where.line)
        else:
            location = f"{ledger_path(env)}:{where.line}"
        logger.warning("%s", message, location=location)


def forget_page(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Drop what is known of a page that will be read again or is gone."""
    for kind in ("claim", "row"):
        places(env, kind).pop(docname, None)


def merge_pages(
    app: Sphinx, env: BuildEnvironment, docnames: list[str], other: BuildEnvironment
) -> None:
    """Take over what another process read."""
    for kind in ("claim", "row"):
        found = places(other, kind)
        places(env, kind).update({page: found[page] for page in docnames if page in found})


def setup(app: Sphinx) -> None:
    app.add_config_value("claims_ledger", "chapters/claims.yml", "env", [str])
    app.add_role("claim", ClaimRole())
    app.add_directive("claims", ClaimsDirective)
    app.add_post_transform(ResolveClaimLinks)
    app.connect("env-get-outdated", load_ledger)
    app.connect("env-updated", check_marks)
    app.connect("env-purge-doc", forget_page)
    app.connect("env-merge-info", merge_pages)
