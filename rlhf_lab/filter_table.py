"""A table of kinds to filter and to compare: a group, words, or a few kinds side by side.

The HTML needs no kernel and no network. The whole table stands in it; a few lines of JavaScript
hide rows and set the chosen kinds beside each other. Without JavaScript, on paper and in a plain
reader the whole table is there and the controls are not.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape, unescape
from string import Template

from rlhf_lab.html_tables import framed

TABLE = Template(
    """<div class="rlhf-filter" role="group" aria-label="$label, filter and compare">
<style>.rlhf-filter .bar{display:flex;flex-wrap:wrap;gap:.4em 1em;align-items:center;
margin-bottom:.5em;font-size:.9em}.rlhf-filter .bar label{display:flex;gap:.4em;align-items:center}
.rlhf-filter .bar :is(select,[type=search]){font:inherit;min-height:2em;border:1px solid;
border-radius:.3em;padding:0 .4em;max-width:12em;color:var(--pst-color-text-base,CanvasText);
background:var(--pst-color-background,Canvas)}
.rlhf-filter table{font-size:.9em}.rlhf-filter th{font-weight:bold}.rlhf-filter td{min-width:8em}
.rlhf-filter td.group{min-width:3em}.rlhf-filter th label{display:flex;gap:.4em}
@media print{.rlhf-filter :is(.bar,input){display:none!important}}</style>
<div hidden><div class="bar">
<label>$group <select autocomplete="off"><option value="">all</option>$options</select></label>
<label>with the words <input type="search" autocomplete="off"></label>
<label><input type="checkbox" class="beside" autocomplete="off"> ticked ones side by side</label>
<output></output></div></div>
<div style="overflow-x:auto" tabindex="0" role="group" aria-label="$label, scroll sideways">
<table class="all"><thead><tr>$head</tr></thead>
<tbody>
$body
</tbody></table>
<table class="compared" hidden><thead></thead><tbody></tbody></table></div>
<script>{
  const box = document.currentScript.parentElement, find = name => box.querySelector(name);
  const [group, words, beside, said] = ["select", "[type=search]", ".beside", "output"].map(find);
  const rows = [...box.querySelectorAll(".all tbody tr")];
  const ticks = rows.map(row => row.querySelector("input"));
  const heads = [...box.querySelectorAll(".all thead th")].map(cell => cell.textContent);
  const cell = (name, html, scope) => {
    const made = document.createElement(name);
    made.innerHTML = html;
    if (scope) made.scope = scope;
    return made;
  };
  const compare = chosen => {
    const lines = heads.map((head, i) => {
      const line = document.createElement("tr");
      line.append(cell("th", head, i === 1 ? "col" : "row"), ...chosen.map(row => i === 1
        ? cell("th", row.cells[1].textContent, "col") : cell("td", row.cells[i].innerHTML)));
      return line;
    });
    find(".compared thead").replaceChildren(lines[1]);
    find(".compared tbody").replaceChildren(lines[0], ...lines.slice(2));
  };
  const show = () => {
    const wanted = words.value.toLowerCase().split(" ").filter(Boolean);
    const kept = rows.filter(row => {
      const text = row.textContent.toLowerCase(), own = row.cells[0].textContent;
      row.hidden = group.value && own !== group.value || !wanted.every(word => text.includes(word));
      return !row.hidden;
    });
    const chosen = rows.filter((row, i) => ticks[i].checked);
    const both = beside.checked && chosen.length > 1;
    if (both) compare(chosen);
    find(".all").hidden = both;
    find(".compared").hidden = !both;
    said.value = both ? `$${chosen.length} side by side` : beside.checked ? "tick two or more first"
      : `$${kept.length} of $${rows.length}`;
  };
  [group, words, beside, ...ticks].forEach(control => control.addEventListener("input", show));
  ticks.forEach(tick => tick.hidden = false);
  show();
  box.querySelector("[hidden]").hidden = false;
}</script></div>"""
)


@dataclass(frozen=True)
class FilterTable:
    """What `filter_table` returns: shown as the last line of a cell, a table with its controls."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    label: str

    def html(self) -> str:
        """The table with its controls, as HTML that needs no kernel and no network."""
        groups = dict.fromkeys(row[0] for row in self.rows)
        table = TABLE.substitute(
            label=escape(self.label),
            group=escape(self.head[0]),
            options="".join(f"<option>{escape(group)}</option>" for group in groups),
            head="".join(f'<th scope="col">{escape(name)}</th>' for name in self.head),
            body="\n".join(map(_row, self.rows)),
        )
        return framed(table)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        lines = [" | ".join(map(_words, row)) for row in (self.head, *self.rows)]
        return {"text/html": self.html(), "text/plain": "\n".join(lines)}


def filter_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, label: str) -> FilterTable:
    """A table to filter and compare: `filter_table(("group", "kind", "for"), rows, label="...")`.

    The first cell of a row is its group, by which readers filter; the second its name, which they
    tick to compare; both are plain words. The other cells are HTML and may hold links. Raises
    ValueError for an empty label, fewer than two rows, a row of another length, or a name twice.
    """
    head, rows = tuple(head), tuple(map(tuple, rows))
    if not label.strip():
        raise ValueError("label is empty: say in a few words what the table holds")
    if len(head) < 3 or len(rows) < 2:
        raise ValueError(
            f"expected three or more columns and two or more rows, got {len(head)} and {len(rows)}"
        )
    for number, row in enumerate(rows, start=1):
        if len(row) != len(head):
            raise ValueError(f"row {number} has {len(row)} cells, expected {len(head)}: {row}")
    names = [row[1] for row in rows]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"each row needs a name of its own, got twice: {twice}")
    return FilterTable(head, rows, label)


def _row(row: tuple[str, ...]) -> str:
    group, name, *cells = row
    tick = f'<label><input type="checkbox" hidden autocomplete="off"> {escape(name)}</label>'
    rest = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><td class="group">{escape(group)}</td><th scope="row">{tick}</th>{rest}</tr>'


def _words(html: str) -> str:
    return unescape(re.sub("<[^>]*>", "", html))
