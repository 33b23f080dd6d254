"""Words and tables as HTML in the colours of their page, for light, dark, phone and keyboard."""

import re
from collections.abc import Iterable, Sequence
from html import escape

# The theme gives every HTML output a light background in dark mode; words need none.
STYLE = """<style>.text_html:has(>.rlhf-table){background:none!important;padding:0!important}
.rlhf-table{color:var(--pst-color-text-base,inherit)}.rlhf-table[tabindex]{overflow-x:auto}
.rlhf-table table{margin:0;border-collapse:collapse;color:inherit;background:none}
.rlhf-table tbody tr{background:none!important}
.rlhf-table :is(th,td){padding:.3em .7em;text-align:left;vertical-align:top;color:inherit;
border-bottom:1px solid var(--pst-color-border,#8886)}
.rlhf-table :is(th,td).number{text-align:right}
.rlhf-table details{margin:.5em 0}.rlhf-table summary{cursor:pointer}
.rlhf-table details p{margin:.3em 0}.rlhf-table h3{font-size:1.3em}</style>
"""


def worded(text: str) -> str:
    """Words as HTML; what stands in `backticks` is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def claim_span(name: str) -> str:
    """The name of a claim, which the book's extension links to its row in the ledger."""
    return f'<span data-claim="{name}">{name}</span>'


def table(head: Sequence[str], rows: Iterable[Sequence], *, label: str) -> str:
    """A table of HTML cells; columns of numbers stand to the right."""
    rows = list(rows)
    right = [bool(rows) and all(isinstance(row[i], int) for row in rows) for i in range(len(head))]
    mark = [' class="number"' if column else "" for column in right]
    top = "".join(f'<th scope="col"{m}>{escape(h)}</th>' for h, m in zip(head, mark, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td{m}>{cell}</td>" for cell, m in zip(row, mark, strict=True))
        + "</tr>\n"
        for row in rows
    )
    content = f"<table><thead><tr>{top}</tr></thead>\n<tbody>{body}</tbody></table>"
    return framed(content, label=label)


def framed(content: str, *, label: str = "") -> str:
    """HTML in the colours of its page; with a label it scrolls sideways by itself."""
    scrolls = f' tabindex="0" role="group" aria-label="{escape(label)}"' if label else ""
    return f'<div class="rlhf-table"{scrolls}>{STYLE}{content}</div>'
