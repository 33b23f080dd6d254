"""What an author writes: the {claim} mark and the {claims} table."""

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective, SphinxRole

from rlhf_book.ledger import Claim
from rlhf_book.places import anchor, claim_link, ledger_path, note_place

COLUMNS = (("Claim", 12), ("In our words", 58), ("Verdict", 14), ("Evidence", 16))


class ClaimRole(SphinxRole):
    """{claim}`DPO-7`: the anchor claim-dpo-7 and a small mark with the verdict."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        name = self.text.strip()
        self.env.note_dependency(str(ledger_path(self.env)))
        is_new = note_place(self.env, "claim", name, self.lineno)
        claim = self.env.rlhf_ledger.get(name)
        if claim is None:
            return [nodes.literal(text=name)], []  # the check of the whole book reports it
        link = claim_link("", name, nodes.Text(" "), name=name, to="row")
        link += nodes.inline("", claim.verdict, classes=["claim-verdict"])
        slug = claim.verdict.replace(" ", "-")
        mark = nodes.inline("", "", link, classes=["claim-mark", f"claim-{slug}"])
        if is_new:
            mark["ids"].append(anchor("claim", name))
        return [mark], []


class ClaimsDirective(SphinxDirective):
    """{claims} DPO: the table of the claims whose names begin so; without a word, of all."""

    optional_arguments = 1
    option_spec = {"class": directives.class_option}  # noqa: RUF012 (docutils' own style)

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(ledger_path(self.env)))
        prefix = self.arguments[0].strip() if self.arguments else ""
        claims = [
            claim
            for claim in self.env.rlhf_ledger.values()
            if prefix in ("", claim.name.rsplit("-", 1)[0])
        ]
        if not claims:
            raise self.error(f"the ledger has no claim {prefix}-…")
        group = nodes.tgroup(cols=len(COLUMNS))
        group += [nodes.colspec(colwidth=width) for _, width in COLUMNS]
        head = nodes.row("", *(self.cell([nodes.Text(title)]) for title, _ in COLUMNS))
        body = nodes.tbody("", *(self.row(claim) for claim in claims))
        group += [nodes.thead("", head), body]
        return [nodes.table("", group, classes=["claims-table", *self.options.get("class", [])])]

    def cell(self, content: list[nodes.Node]) -> nodes.entry:
        """One cell."""
        return nodes.entry("", nodes.paragraph("", "", *content))

    def words(self, text: str) -> list[nodes.Node]:
        """A text of the ledger with its maths and citations."""
        return self.state.inline_text(text, self.lineno)[0]

    def row(self, claim: Claim) -> nodes.row:
        """One row, with the anchor row-dpo-7."""
        link = claim_link("", claim.name, name=claim.name, to="claim")
        words = self.cell(self.words(claim.claim))
        if claim.note:
            words += nodes.paragraph("", "", *self.words(claim.note), classes=["claim-note"])
        if claim.source:
            source = [nodes.Text("Source: "), *self.words(claim.source)]
            words += nodes.paragraph("", "", *source, classes=["claim-note"])
        row = nodes.row("", self.cell([link]), words)
        row += self.cell([nodes.Text(claim.verdict)])
        row += self.cell([nodes.Text(", ".join(claim.evidence))])
        if note_place(self.env, "row", claim.name, self.lineno):
            row["ids"].append(anchor("row", claim.name))
        return row
