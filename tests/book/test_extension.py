"""The book's Sphinx extension: its rules as functions, and a tiny book built for real."""

import re
from pathlib import Path

import pytest
import yaml
from rlhf_book.address import release_of, repository_of
from rlhf_book.alt_text import says_nothing, unnamed_pictures
from rlhf_book.colab import notebook_address
from rlhf_book.freshness import named_runs
from rlhf_book.imports import closure, package_modules
from rlhf_book.ledger import LedgerError, Mark, problems_of_marks, read_ledger
from rlhf_book.outputs import linked
from tiny_book import LEDGER, ROW, Book

# --- which modules a page needs


@pytest.fixture
def package(tmp_path: Path) -> dict[str, Path]:
    """lab: top -> middle -> ground, sub.inner -> ground, lone."""
    sources = {
        "__init__": "",
        "ground": "import torch",
        "middle": "from lab import ground",
        "top": "def f():\n    from .middle import g",
        "lone": "",
        "sub/__init__": "from lab import lone",
        "sub/inner": "from ..ground import a",
    }
    for name, text in sources.items():
        path = tmp_path / "lab" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return package_modules(tmp_path / "lab")


@pytest.mark.parametrize(
    ("cell", "needed"),
    [
        ("import numpy", set()),
        ("import lab", {"lab"}),
        ("from lab import ground", {"lab", "lab.ground"}),
        ("from lab.middle import anything", {"lab", "lab.middle", "lab.ground"}),
        ("import lab.top as t", {"lab", "lab.top", "lab.middle", "lab.ground"}),
        ("%matplotlib inline\n!ls\nfrom lab import lone", {"lab", "lab.lone"}),
        ("import lab.sub.inner", {"lab", "lab.sub", "lab.sub.inner", "lab.lone", "lab.ground"}),
    ],
)
def test_a_page_needs_what_its_imports_import(cell: str, needed: set[str], package: dict):
    assert closure(["x = 1", cell], package) == needed


def test_a_cell_that_is_not_python_needs_everything(package: dict):
    assert closure(["%%bash\nfor f in *; do ls; done"], package) == set(package)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ({"clip-2"}, {"clip-2/seed-0.json"}),
        ({"clip-"}, {"clip-2/seed-0.json", "clip-3/seed-0.json"}),  # a part of f"clip-{size}"
        ({"report.json"}, {"report.json"}),
        ({"report"}, {"report.json"}),
        ({"cli", "-", "", "other"}, set()),
    ],
)
def test_a_page_needs_the_runs_that_its_strings_name(names: set, found: set, tmp_path: Path):
    for path in ("clip-2/seed-0.json", "clip-3/seed-0.json", "report.json"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("{}")
    assert {str(p.relative_to(tmp_path)) for p in named_runs(names, tmp_path)} == found


# --- the button for Colab


def test_colab_opens_the_notebook_of_the_release(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "lab"\nversion = "1.2.3"\n')
    (tmp_path / "_config.yml").write_text("repository: {url: https://github.com/ann/book/}\n")
    release, repository = release_of(tmp_path), repository_of(tmp_path)
    address = notebook_address(repository, release, "dpo")
    assert address == (
        "https://colab.research.google.com/github/ann/book/blob/v1.2.3/notebooks/dpo.ipynb"
    )


# --- alt text


@pytest.mark.parametrize("alt", [None, "", "  ", "a/loss.png", "loss.png", "loss"])
def test_a_file_name_is_no_alt_text(alt: str | None):
    assert says_nothing(alt, "a/loss.png")


def test_words_are_alt_text():
    assert not says_nothing("The loss falls.", "a/loss.png")


@pytest.mark.parametrize(
    ("html", "unnamed"),
    [
        ('<p>\n<img src="a.png"></p>', [("img", 2)]),
        ('<img src="a.png" alt="The loss falls.">', []),
        ('<img src="a.png" alt="a.png"/>', [("img", 1)]),
        ("<svg><path/></svg>", [("svg", 1)]),
        ('<svg aria-label="The loss falls."><svg></svg></svg>', []),
        ('<div aria-label="Loss"></div><svg></svg>', [("svg", 1)]),
        ('<button><br><svg aria-hidden="true"></svg></button>', []),
    ],
)
def test_pictures_in_html_need_a_name(html: str, unnamed: list):
    assert unnamed_pictures(html) == unnamed


# --- the ledger


def ledger_of(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "claims.yml"
    path.write_text(text)
    return path


def test_rows_keep_their_order_and_line(tmp_path: Path):
    text = yaml.safe_dump({"DPO-2": ROW}) + yaml.safe_dump({"DPO-1": ROW | {"note": "n"}})
    claims = read_ledger(ledger_of(tmp_path, text))
    assert list(claims) == ["DPO-2", "DPO-1"]
    assert claims["DPO-1"].line == 1 + text.splitlines().index("DPO-1:")
    assert (claims["DPO-1"].note, claims["DPO-2"].note) == ("n", "")


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({key: ROW[key] for key in ROW if key != "chapter"}, "lacks chapter"),
        (ROW | {"verdict": "true"}, "one of holds, holds if, corrected, contested; got 'true'"),
        (ROW | {"verdict": "corrected"}, "'corrected' needs a note"),
        (ROW | {"evidence": []}, r"got \[\]"),
        (ROW | {"evidence": "proof"}, "got 'proof'"),
        (ROW | {"evidence": ["hearsay"]}, "hearsay"),
        (ROW | {"evidence": ["proof", "proof"]}, "evidence should be"),
        (ROW | {"evidnece": 1}, "unknown fields: evidnece"),
        (ROW | {"claim": ""}, "claim should be a text"),
        (ROW | {"evidence": ["source"]}, "names a source; say which"),
        (["x"], "expected a mapping"),
    ],
)
def test_a_bad_row_is_explained(row: object, complaint: str, tmp_path: Path):
    path = ledger_of(tmp_path, yaml.safe_dump({"DPO-1": row}))
    with pytest.raises(LedgerError, match=rf"claims.yml:1: DPO-1: .*{complaint}"):
        read_ledger(path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (yaml.safe_dump({"DPO-1": ROW}) * 2, "DPO-1: stands twice; first on line 1"),
        (yaml.safe_dump({"dpo one": ROW}), "capital letters, a hyphen and a number"),
        ("- a\n- b", "expected rows by name"),
        ("DPO-1: [", "is not YAML"),
    ],
)
def test_a_bad_ledger_is_explained(text: str, complaint: str, tmp_path: Path):
    with pytest.raises(LedgerError, match=complaint):
        read_ledger(ledger_of(tmp_path, text))


@pytest.mark.parametrize(
    ("marks", "complaint"),
    [
        ([("DPO-1", "chapters/dpo")], None),
        ([], "DPO-1 has no mark"),
        ([("DPO-1", "chapters/ppo")], "should be marked on chapters/dpo"),
        ([("DPO-1", "chapters/dpo")] * 2, "is marked twice"),
        ([("DPO-1", "chapters/dpo"), ("DPO-9", "chapters/dpo")], "DPO-9 is not in the ledger"),
    ],
)
def test_ledger_and_pages_agree(marks: list, complaint: str | None, tmp_path: Path):
    claims = read_ledger(ledger_of(tmp_path, yaml.safe_dump({"DPO-1": ROW})))
    places = [Mark(name=name, page=page, line=1) for name, page in marks]
    found = [message for message, _ in problems_of_marks(claims, places, "chapters")]
    assert len(found) == (complaint is not None)
    assert complaint is None or complaint in found[0]


# --- a tiny book, built for real


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """A book, built once."""
    book = Book(tmp_path_factory.mktemp("book") / "source")
    assert book.executed() == {"index", "other"}
    return book


def test_mathjax_lies_beside_the_page(built: Book):
    assert 'src="_static/vendor/mathjax/tex-mml-chtml.js"' in built.html("index.html")
    folder = built.root / "_build/html/_static/vendor/mathjax"
    assert (folder / "tex-mml-chtml.js").stat().st_size > 1_000_000
    assert (folder / "output/chtml/fonts/woff-v2/MathJax_Main-Regular.woff").exists()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size < 2_500_000


def test_mark_and_row_link_to_each_other(built: Book):
    page = built.html("index.html")
    assert 'id="claim-dpo-1"><a class="reference internal" href="#row-dpo-1">' in page
    assert 'id="row-dpo-1"' in page
    assert 'href="#claim-dpo-1"' in page


def test_a_mark_below_a_formula_says_how_it_was_checked(built: Book):
    page = built.html("index.html")
    assert '<details class="formula-check"><summary>✓ a definition</summary>' in page
    assert "A definition: a letter." in page


def test_the_icons_outlive_a_build_in_which_nothing_is_new(built: Book):
    script = built.root / "_build/html/_static/scripts/fontawesome.js"
    icons = script.read_text()
    assert built.executed() == set()
    assert script.read_text() == icons
    assert len(icons) < 100_000


def test_only_pages_whose_code_changed_run_again(built: Book):
    assert built.executed() == set()
    built.write("lab/second.py", "number = 303\n")
    assert built.executed() == {"other"}
    assert ("202" in built.html("other.html"), "303" in built.html("other.html")) == (False, True)


def test_a_change_of_the_text_runs_no_cell(built: Book):
    text = (built.root / "other.md").read_text()
    built.write("other.md", text.replace("Text.", "Another text."))
    assert built.executed() == set()
    assert "Another text." in built.html("other.html")
    built.write("other.md", text)


def test_an_earlier_text_does_not_bring_back_outputs_of_earlier_code(built: Book):
    text = (built.root / "other.md").read_text()
    built.write("other.md", text.replace("print(", "print(1, "))
    built.write("lab/second.py", "number = 404\n")
    assert built.executed() == {"other"}
    built.write("other.md", text)
    assert built.executed() == {"other"}
    assert "404" in built.html("other.html")


def test_a_claim_in_an_output_links_to_its_row_where_one_is_printed(built: Book):
    text = (built.root / "other.md").read_text()
    spans = "".join(f'<span data-claim="{name}">{name}</span>' for name in ("DPO-1", "DPO-7"))
    shown = f"from IPython.display import HTML\nHTML({spans!r})"
    built.write("other.md", text.replace("print(second.number)", shown))
    assert built.executed() == {"other"}
    page = built.html("other.html")
    assert '<a class="reference internal" href="index.html#row-dpo-1">DPO-1</a>' in page
    assert '<span data-claim="DPO-7">DPO-7</span>' in page
    built.write("other.md", text)
    assert built.executed() == set()  # its outputs are still in the cache


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<b data-claim="A-1">A-1</b>', '<b data-claim="A-1">A-1</b>'),
        (
            '<span data-claim="A-1">x</span> <span data-claim="B-2">y</span>',
            '<a class="reference internal" href="#a">x</a> <span data-claim="B-2">y</span>',
        ),
    ],
)
def test_only_claims_with_an_address_become_links(html: str, expected: str):
    assert linked(html, {"A-1": "#a"}.get) == expected


def test_faults_stop_the_build_and_name_page_and_line(built: Book):
    output = "from IPython.display import SVG\nSVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>')"
    index = (built.root / "index.md").read_text().replace("print(first.number)", output)
    index = index.replace("$a$\n", "$a$ {claim}`DPO-9`\n\n![](lone.png)\n\n$$\nb\n$$\n", 1)
    built.write("index.md", index)
    built.write("lone.png", "")
    built.write("claims.yml", LEDGER + yaml.safe_dump({"DPO-2": ROW | {"chapter": "other"}}))
    built.write("formulas.yml", "eq-a: {definition: a letter.}\neq-b: {definition: none.}")
    result = built.build()
    assert result.returncode == 1
    lines = index.splitlines()
    for text, fault in (
        ("{claim}`DPO-1` $a$ {claim}`DPO-9`", "claim DPO-9 is not in the ledger"),
        ("![](lone.png)", "image 'lone.png' has no alt text; write what it shows"),
        ("b", "a displayed formula without a label has no row in formulas.yml"),
        ("```{code-cell} python", r"image '_build/jupyter_execute/\w+.svg' has no alt text"),
    ):
        named = re.search(rf"index\.md:(\d+): WARNING: {fault}", result.stderr)
        assert named, result.stderr
        assert abs(int(named[1]) - 1 - lines.index(text)) <= 2  # as exactly as myst-nb counts
    row = 1 + (built.root / "claims.yml").read_text().splitlines().index("DPO-2:")
    assert f"claims.yml:{row}: WARNING: claim DPO-2 has no mark" in result.stderr
    assert "formulas.yml: no page has a formula eq-b" in result.stderr
