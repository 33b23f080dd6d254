"""MyST into Markdown that any notebook shows: boxes, marks, citations and links of a page.

A directive or role that is not known here is an error: nothing is dropped in silence.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape

FENCE = re.compile(r"^(?P<fence>`{3,}|:{3,})(?:\{(?P<name>[\w:-]+)\}[ ]*(?P<argument>.*))?")
OPTION = re.compile(r"^:([\w-]+):[ ]*(.*)$")
LABEL = re.compile(r"^\(([\w-]+)\)=$")
ROLE = r"\{(?P<role>[a-z:]+)\}`(?P<content>[^`]+)`"
TARGET = re.compile(r"^(?:(?P<words>.*?)\s*<(?P<inner>[^<>]+)>|(?P<plain>.+))$", re.DOTALL)
CODE = r"(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)"
ROLE_OR_CODE = re.compile(f"{ROLE}|{CODE}", re.DOTALL)
PAGE_LINK = re.compile(r"\[[^\]\n]*\]\([\w/-]+\.md(?:#[\w-]*)?\)")
EQUATION = re.compile(r"^\$\$[ ]*\((?P<label>[\w-]+)\)[ ]*$")
BOXES = ("admonition", "note", "tip", "warning", "important", "hint", "seealso", "dropdown")


class UnknownMarkupError(ValueError):
    """A directive, role or link of a page that the notebooks cannot show."""


@dataclass(frozen=True, kw_only=True)
class Book:
    """What a page may point at."""

    site: str  # address of the published book, without a slash at its end
    titles: dict[str, str]  # page: its first heading
    labels: dict[str, tuple[str, str]]  # label: its page, and the heading or title below it
    citations: dict[str, tuple[str, str]]  # key: "Rafailov et al. 2023", address
    claims: dict[str, tuple[str, str]]  # name: verdict, the claim in words and its note
    checks: dict[str, str]  # label of a displayed formula: how it was checked, in Markdown


def plain(text: str, page: str, book: Book) -> str:
    """The Markdown of some text of a page."""
    parts = []
    for directive, argument, body in blocks(text, page):
        if directive is None:
            parts.append(with_roles(body, page, book))
        elif directive == "code":
            parts.append(body)
        elif directive not in DIRECTIVES:
            raise UnknownMarkupError(f"{page}: no notebook can show the directive {{{directive}}}")
        else:
            options, inner = options_of(body)
            parts.append(DIRECTIVES[directive](directive, argument, options, inner, page, book))
    return "\n".join(part for part in parts if part is not None).strip("\n")


def blocks(text: str, page: str) -> Iterator[tuple[str | None, str, str]]:
    """(directive, argument, body) of each fence, (None, "", text) of what stands between them."""
    lines, between = iter(text.split("\n")), []
    for line in lines:
        start = FENCE.match(line)
        if start is None:
            between.append(line)
            continue
        if between:
            yield None, "", "\n".join(between)
            between = []
        inner = []
        for below in lines:
            if re.fullmatch(rf"{start['fence'][0]}{{{len(start['fence'])},}}\s*", below):
                break
            inner.append(below)
        else:
            raise UnknownMarkupError(f"{page}: the fence is never closed: {line}")
        if start["name"] is None:
            yield "code", "", "\n".join([line, *inner, start["fence"]])
        else:
            yield start["name"], start["argument"].strip(), "\n".join(inner)
    if between:
        yield None, "", "\n".join(between)


def options_of(body: str) -> tuple[dict[str, str], str]:
    """The :options: at the beginning of a directive, and the rest."""
    lines, options = body.split("\n"), {}
    while lines and (option := OPTION.match(lines[0])):
        options[option[1]] = option[2]
        lines.pop(0)
    return options, "\n".join(lines).strip("\n")


def with_roles(text: str, page: str, book: Book) -> str:
    """The text with its roles written out, its labels as anchors and its equations numbered."""
    lines = []
    for line in text.split("\n"):
        if label := LABEL.match(line):
            line = f'<a id="{label[1]}"></a>\n'
        elif equation := EQUATION.match(line):
            if (label := equation["label"]) not in book.checks:
                raise UnknownMarkupError(f"{page}: how was {label} checked? formulas.yml says not")
            line = f"\\tag{{{book.labels[label][1]}}}\n$$\n\n*{book.checks[label]}*"
        lines.append(line)
    if link := PAGE_LINK.search("\n".join(lines)):
        raise UnknownMarkupError(f"{page}: write {link[0]} with {{doc}}, so that a notebook has it")
    return ROLE_OR_CODE.sub(lambda found: shown(found, page, book), "\n".join(lines))


def shown(found: re.Match, page: str, book: Book) -> str:
    """A role as Markdown; code in a line stays as it is."""
    if found["role"] is None:
        return found[0]
    if found["role"] not in ROLES:
        raise UnknownMarkupError(f"{page}: no notebook can show the role {{{found['role']}}}")
    try:
        return ROLES[found["role"]](found["content"], page, book)
    except KeyError as error:
        raise UnknownMarkupError(f"{page}: {found[0]} names {error}, which is nowhere") from None


def box(name: str, title: str, options: dict, body: str, page: str, book: Book) -> str:
    """A box: folded where the page folds it, else set off."""
    title, inner = title or name.capitalize(), plain(body, page, book)
    if name == "dropdown" or "dropdown" in options.get("class", ""):
        return folded(title, inner)
    return "\n".join(f"> {line}".rstrip() for line in [f"**{title}**", "", *inner.split("\n")])


def folded(title: str, inner: str) -> str:
    """A title that opens."""
    return f"<details><summary>{escape(title)}</summary>\n\n{inner}\n\n</details>"


def exercise(name: str, title: str, options: dict, body: str, page: str, book: Book) -> str:
    """An exercise with its title."""
    head = f"**Exercise: {title}**" if title else "**Exercise**"
    return f'<a id="{options.get("label", "")}"></a>\n{head}\n\n{plain(body, page, book)}\n'


def solution(name: str, label: str, options: dict, body: str, page: str, book: Book) -> str:
    """A solution, folded."""
    return folded("Solution", plain(body, page, book))


def claims(name: str, prefix: str, options: dict, body: str, page: str, book: Book) -> str:
    """The claims of a chapter with their verdicts."""
    rows = ["| claim | in our words | verdict |", "|---|---|---|"]
    for claim, (verdict, words) in book.claims.items():
        if prefix in ("", claim.rsplit("-", 1)[0]):
            words = with_roles(words, page, book).replace("|", "\\|")
            rows.append(f"| {claim_mark(claim, page, book)} | {words} | {verdict} |")
    return "\n".join(rows)


def formula(name: str, argument: str, options: dict, body: str, page: str, book: Book) -> str:
    """A displayed formula."""
    return f"$$\n{body}\n$$"


def in_the_book(name: str, title: str, options: dict, body: str, page: str, book: Book) -> str:
    """What only a build of the book can know."""
    return f"[This table stands in the book.]({book.site}/chapters/{page}.html)"


DIRECTIVES: dict[str, Callable[..., str]] = {
    **dict.fromkeys(BOXES, box),
    "exercise": exercise,
    "solution": solution,
    "claims": claims,
    "math": formula,
    "nb-exec-table": in_the_book,
}


def split(content: str) -> tuple[str, str]:
    """(words, target) of `words <target>` or of `target`."""
    found = TARGET.match(content)
    return (found["words"], found["inner"]) if found["inner"] else ("", found["plain"])


def to_page(content: str, page: str, book: Book) -> str:
    """{doc}: a link to another page of the book."""
    words, target = split(content)
    return f"[{words or book.titles[target]}]({book.site}/chapters/{target}.html)"


def to_label(content: str, page: str, book: Book) -> str:
    """{ref}: a link to a place, in this notebook or in the book."""
    words, target = split(content)
    where, heading = book.labels[target]
    address = f"#{target}" if where == page else f"{book.site}/chapters/{where}.html#{target}"
    return f"[{words or heading}]({address})"


def equation_number(content: str, page: str, book: Book) -> str:
    """{eq}: the number of an equation of this page."""
    return f"({book.labels[content][1]})"


def claim_mark(content: str, page: str, book: Book) -> str:
    """{claim}: its name and verdict, with a link to its row."""
    verdict, _ = book.claims[content]
    address = f"{book.site}/chapters/claims.html#row-{content.lower()}"
    return f'[{content}]({address} "{verdict}")'


def cited(content: str, book: Book) -> list[tuple[str, str]]:
    """Names and addresses of the cited works."""
    return [book.citations[key.strip()] for key in content.split(",")]


def in_brackets(content: str, page: str, book: Book) -> str:
    """{cite:p}: (Rafailov et al. 2023)."""
    return "(" + "; ".join(f"[{name}]({url})" for name, url in cited(content, book)) + ")"


def in_the_sentence(content: str, page: str, book: Book) -> str:
    """{cite:t}: Rafailov et al. (2023)."""
    named = [(*name.rsplit(" ", 1), url) for name, url in cited(content, book)]
    return ", ".join(f"[{who} ({year})]({url})" for who, year, url in named)


ROLES: dict[str, Callable[[str, str, Book], str]] = {
    "doc": to_page,
    "ref": to_label,
    "numref": to_label,
    "eq": equation_number,
    "claim": claim_mark,
    "cite:p": in_brackets,
    "cite:t": in_the_sentence,
}
