"""The notebooks for Colab: made of the pages, in step with them, and nothing lost on the way."""

import ast
import json
import re
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import make_notebooks  # noqa: E402
from plain_markdown import Book, UnknownMarkupError, plain  # noqa: E402
from rlhf_book.address import repository_of  # noqa: E402

import rlhf_lab  # noqa: E402

BOOK = Book(
    site="https://example.org/book",
    titles={"ppo": "PPO: the title"},
    labels={"here": ("dpo", "A heading"), "there": ("ppo", "Far away"), "eq-x": ("dpo", "3")},
    citations={
        "a": ("Ann 2020", "https://doi.org/1"),
        "b": ("Bo et al. 2021", "https://doi.org/2"),
    },
    checks={"eq-x": "✓ a definition: so."},
    claims={"DPO-1": ("holds", "It works {cite:p}`a`."), "PPO-1": ("contested", "It | does.")},
)


@pytest.mark.parametrize(
    ("myst", "markdown"),
    [
        ("see {doc}`ppo`", "see [PPO: the title](https://example.org/book/chapters/ppo.html)"),
        ("{doc}`this page <ppo>`", "[this page](https://example.org/book/chapters/ppo.html)"),
        ("{ref}`here`", "[A heading](#here)"),
        ("{ref}`go <there>`", "[go](https://example.org/book/chapters/ppo.html#there)"),
        ("in {eq}`eq-x`", "in (3)"),
        ("{cite:p}`a,b`", "([Ann 2020](https://doi.org/1); [Bo et al. 2021](https://doi.org/2))"),
        ("{cite:t}`b` say", "[Bo et al. (2021)](https://doi.org/2) say"),
        (
            "{claim}`DPO-1`",
            '[DPO-1](https://example.org/book/chapters/claims.html#row-dpo-1 "holds")',
        ),
        ("`{cite:p}` is code, {eq}`eq-x` is not", "`{cite:p}` is code, (3) is not"),
        ("(here)=\n## A heading", '<a id="here"></a>\n\n## A heading'),
        ("$$\nx\n$$ (eq-x)", "$$\nx\n\\tag{3}\n$$\n\n*✓ a definition: so.*"),
        ("```python\n{unknown}`x`\n```", "```python\n{unknown}`x`\n```"),
        ("```{note}\nwords\n```", "> **Note**\n>\n> words"),
        (
            "```{admonition} Derivation\n:class: tip dropdown\nin {eq}`eq-x`\n```",
            "<details><summary>Derivation</summary>\n\nin (3)\n\n</details>",
        ),
        (
            "````{solution} ex\n:class: dropdown\n```{note}\ninner\n```\n````",
            "<details><summary>Solution</summary>\n\n> **Note**\n>\n> inner\n\n</details>",
        ),
        ("```{exercise} Try\n:label: ex\nDo.\n```", '<a id="ex"></a>\n**Exercise: Try**\n\nDo.'),
    ],
)
def test_markup_of_a_page_becomes_plain_markdown(myst: str, markdown: str):
    assert plain(myst, "dpo", BOOK) == markdown


def test_a_table_of_claims_is_written_out():
    table = plain("```{claims} PPO\n```", "ppo", BOOK)
    assert "| It \\| does. | contested |" in table
    assert "DPO-1" not in table


@pytest.mark.parametrize(
    "myst",
    [
        "{unknown}`x`",
        "```{unknown}\nx\n```",
        "{doc}`nowhere`",
        "{ref}`nowhere`",
        "{cite:p}`nobody`",
        "{claim}`DPO-99`",
        "$$\nx\n$$ (eq-y)",
        "[words](ppo.md)",
        "```{note}\nnever closed",
    ],
)
def test_what_cannot_be_shown_is_an_error_that_names_the_page(myst: str):
    with pytest.raises(UnknownMarkupError, match=r"^dpo: "):
        plain(myst, "dpo", BOOK)


def test_a_cell_that_the_book_does_not_run_is_refused():
    page = (
        "---\nfile_format: mystnb\n---\n# T\n```{code-cell} python\n:tags: [skip-execution]\nx\n```"
    )
    with pytest.raises(UnknownMarkupError, match=r"^dpo: .* skip-execution"):
        make_notebooks.notebook("dpo", page, BOOK, ROOT)


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """All notebooks of the book, made now."""
    return make_notebooks.notebooks(ROOT)


def test_the_notebooks_are_in_step_with_the_pages(made):
    there = {path.name: path.read_text() for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert there == made, "run tools/make_notebooks.py"


def test_they_are_the_same_each_time(made):
    assert make_notebooks.notebooks(ROOT) == made


def test_no_myst_is_left_in_their_text(made):
    for name, text in made.items():
        for cell in json.loads(text)["cells"]:
            words = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                words = re.sub(r"`[^`\n]+`", "", re.sub(r"```.*?```", "", words, flags=re.DOTALL))
                assert re.findall(r"\{[a-z:]+\}`|^:::|^```\{", words) == [], name


def test_all_code_of_a_page_is_in_its_notebook(made):
    for name, text in made.items():
        page = (ROOT / "chapters" / name).with_suffix(".md").read_text(encoding="utf-8")
        on_page = len(re.findall(r"^```\{code-cell\}", page, re.MULTILINE))
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        assert len(cells) == on_page + 2, name  # the two that install and describe the machine
        assert all(cell["outputs"] == [] for cell in cells)


def test_they_install_the_release_only_where_the_package_is_missing(made):
    for text in made.values():
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        install = "".join(cells[0]["source"])
        assert 'find_spec("rlhf_lab") is None' in install
        assert f"{make_notebooks.address(ROOT)[0]}@v" in install
        ast.parse(re.sub(r"%pip .*", "pass", install))


def test_a_release_has_one_version_and_one_address_wherever_they_stand():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.search(r'^version = "(.+)"$', project, re.MULTILINE)[1]
    assert citation["version"] == rlhf_lab.__version__ == named
    address = repository_of(ROOT)
    assert citation["repository-code"] == address
    guide = (ROOT / "chapters" / "teaching.md").read_text(encoding="utf-8")
    assert f"git clone {address} " in guide
