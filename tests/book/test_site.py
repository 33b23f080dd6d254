"""What makes the built folder a site: addresses, citing, sharing, moved pages, icons, weights."""

import re
import runpy
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
import yaml
from docutils import nodes
from docutils.core import publish_doctree
from jupyter_book.config import get_final_config
from pybtex.database import parse_string
from rlhf_book import address, citing, favicon, found, icons, moved, sharing, verified, weights

from rlhf_lab.losses import clipped_surrogate

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import make_notebooks  # noqa: E402

# --- where the book is


@pytest.mark.parametrize(
    ("config", "site"),
    [
        ("repository: {url: https://github.com/Ann/book/}", "https://ann.github.io/book/"),
        (
            "html: {baseurl: https://a.org/b}\nrepository: {url: https://github.com/c/d}",
            "https://a.org/b/",
        ),
        ("repository: {url: https://elsewhere.org/ann/book}", ""),
        ("title: no address", ""),
    ],
)
def test_the_site_is_named_or_follows_from_the_repository(config: str, site: str, tmp_path: Path):
    (tmp_path / "_config.yml").write_text(config)
    assert address.site_of(tmp_path) == site


def test_notebooks_lead_to_the_same_site():
    assert make_notebooks.address(ROOT) == (
        address.repository_of(ROOT),
        address.release_of(ROOT),
        address.site_of(ROOT).rstrip("/"),
    )


def test_a_sitemap_names_every_address():
    tree = ElementTree.fromstring(found.sitemap(["https://a.org/x.html", "https://a.org/y.html"]))
    names = [place.text for place in tree.iter(f"{{{found.NAMESPACE}}}loc")]
    assert names == ["https://a.org/x.html", "https://a.org/y.html"]


# --- citing


def test_the_entry_is_bibtex_that_says_what_the_citation_says():
    citation = citing.citation_of(ROOT, "2026")
    [(key, entry)] = parse_string(citing.bibtex(citation), "bibtex").entries.items()
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert key == citation.address.rpartition("/")[2]
    assert entry.fields["title"] == "{" + said["title"] + "}"
    assert entry.fields["url"] == citation.address
    assert len(entry.persons["author"]) == len(said["authors"])
    assert entry.fields["note"] == f"Release v{said['version']}"


def test_reference_managers_read_title_author_year():
    citation = citing.Citation(
        title='The "book"', authors=("Ann A", "Bo B"), year="2026", release="v1", address=""
    )
    found_tags = re.findall(
        r'<meta name="(\w+)" content="([^"]*)" />', citing.tags(citation, "A page", "")
    )
    assert found_tags == [
        ("citation_title", "A page"),
        ("citation_inbook_title", "The &quot;book&quot;"),
        ("citation_author", "Ann A"),
        ("citation_author", "Bo B"),
        ("citation_publication_date", "2026"),
        ("citation_language", "en"),
    ]


# --- what a page says of itself


def document(text: str) -> nodes.document:
    """Some text as a page."""
    return publish_doctree(text, settings_overrides={"report_level": 5})


def test_the_description_is_what_a_reader_will_be_able_to_do():
    page = document(
        f"First words.\n\n.. admonition:: {sharing.GOALS}\n\n"
        "   - Do this.\n   - Use :math:`x`.\n   - Do *that*.\n"
    )
    assert sharing.description(page) == "Do this. Do that."


def test_else_it_is_the_first_sentences_outside_of_boxes():
    page = document(".. note::\n\n   In a box.\n\nOne. With :math:`x`.\n\nTwo.\n")
    assert sharing.description(page) == "One. Two."


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("As it is", "As it is"),
        ("First. Second one is long.", "First."),
        ("No sentence ends in time here", "No sentence ends …"),
    ],
)
def test_a_long_description_ends_with_a_sentence_or_a_word(text: str, short: str):
    assert sharing.shortened(text, most=20) == short


# --- pages that have moved


def test_a_redirect_leads_from_no_page_to_a_page():
    pages = {"chapters/a", "chapters/b"}
    assert moved.faults({"chapters/old": "chapters/a#there", "older": "chapters/b"}, pages) == []
    assert moved.faults({"chapters/a": "chapters/b"}, pages) == [
        "chapters/a is a page of the book: it cannot lead elsewhere"
    ]
    assert moved.faults({"old": "chapters/c"}, pages) == [
        "old leads to chapters/c, which is no page of the book"
    ]


def gone_pages(root: Path) -> set[str]:
    """Pages that git remembers and that are there no more; a shallow clone remembers less."""
    command = ["git", "log", "--no-renames", "--diff-filter=D", "--name-only", "--format="]
    listed = subprocess.run(
        [*command, "--", "chapters/*.md"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split()
    return {str(Path(name).with_suffix("")) for name in listed if not (root / name).exists()}


def test_every_page_that_is_gone_leads_somewhere():
    assert gone_pages(ROOT) <= set(moved.read_redirects(ROOT)), "name them in redirects.yml"


def test_a_page_that_is_gone_is_noticed(tmp_path: Path):
    def git(*command: str) -> None:
        name = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *name, *command], cwd=tmp_path, check=True, capture_output=True)

    page = tmp_path / "chapters" / "old.md"
    page.parent.mkdir()
    page.write_text("# Old")
    git("init"), git("add", "."), git("commit", "-m", "add")
    git("mv", "chapters/old.md", "chapters/new.md"), git("commit", "-m", "move")
    assert gone_pages(tmp_path) == {"chapters/old"}


# --- icons


def test_the_icon_of_the_book_is_the_clipped_surrogate():
    line = ElementTree.fromstring(favicon.drawing()).find(".//{*}polyline").get("points")
    x, y = torch.tensor([[float(part) for part in point.split(",")] for point in line.split()]).T
    ratio = 2 * (x - x[0]) / (x[-1] - x[0])
    height = (y[0] - y) / (y[0] - y.min())
    surrogate = clipped_surrogate(ratio, torch.ones(3), epsilon=0.3)
    torch.testing.assert_close(height, surrogate / surrogate.max(), atol=1e-3, rtol=0)


def test_only_wanted_icons_stay():
    script = (
        'var a={bars:[448,512,["navicon"],"f0c9","M1"],"arrow-up":[384,512,[8593],"f062","M2"],'
        'droplet:[384,512,[128167,"tint"],"f043",["M3","M4"]],two:[5,1,[],"e1","M5"]};f(a[0])'
    )
    assert icons.with_icons(script, {"navicon", "two"}) == (
        'var a={bars:[448,512,["navicon"],"f0c9","M1"],two:[5,1,[],"e1","M5"]};f(a[0])'
    )


# --- when and on what the book was verified


def test_the_foot_names_commit_date_and_versions():
    commit = verified.Commit(name="abc", date="2026-01-02", changed=False)
    text = re.sub("<[^>]+>", "", verified.sentence(commit, {"Python": "3.11.7", "SymPy": "1.14"}))
    assert text == (
        "Last verified: 2026-01-02, commit abc; every cell ran on Python 3.11.7, SymPy 1.14."
    )


def test_without_git_no_commit_is_made_up(tmp_path: Path):
    assert verified.commit_of(tmp_path) is None
    assert "commit" not in verified.sentence(None, {"Python": "3"})


def test_a_page_of_an_earlier_build_gets_the_new_sentence():
    first, later = (
        verified.sentence(verified.Commit(name=name, date="2026-01-02", changed=True), {})
        for name in ("abc", "def")
    )
    page = f"<p>Text.</p><footer>{verified.PLACE}</footer><p>End.</p>"
    written = verified.with_sentence(page, first)
    assert written == page.replace(verified.PLACE, first)
    assert verified.with_sentence(written, later) == page.replace(verified.PLACE, later)


# --- weights


def test_a_page_weighs_what_it_fetches_and_mathjax_is_counted_apart(tmp_path: Path):
    (tmp_path / "s" / "mathjax").mkdir(parents=True)
    (tmp_path / "s" / "a.js").write_text("a" * 1000)
    (tmp_path / "s" / "mathjax" / "m.js").write_text("m" * 1000)
    page = tmp_path / "page.html"
    page.write_text(
        '<script src="s/a.js?v=1"></script><link rel="preload" href="s/a.js" />'
        '<script defer src="s/mathjax/m.js"></script><script src="https://x.org/x.js"></script>'
    )
    own, others, mathjax = weights.weight(page)
    assert (own, others) == (weights.packed(page), weights.packed(tmp_path / "s" / "a.js"))
    assert mathjax == weights.packed(tmp_path / "s" / "mathjax" / "m.js")


def test_the_report_begins_with_the_heaviest_page():
    pages = {"light": (1000, 5000, 9000), "heavy": (20000, 5000, 9000)}
    lines = weights.report(pages, {"light": 2.0, "heavy": None}).splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["heavy", "light"]
    assert lines[3].endswith("heaviest page with its scripts 25 KB; all cells 2 s")


# --- the book without Jupyter Book


def test_plain_sphinx_has_the_settings_of_jupyter_book():
    of_jupyter_book, _ = get_final_config(
        user_yaml=ROOT / "_config.yml",
        cli_config={"latex_individualpages": False},
        sourcedir=ROOT,
    )
    plain = runpy.run_path(str(ROOT / "tools" / "plain_sphinx" / "conf.py"))
    of_a_kind = {"extensions", "exclude_patterns", "bibtex_bibfiles"}
    shared = plain.keys() & of_jupyter_book.keys() - of_a_kind
    assert len(shared) > 20
    assert {k: plain[k] for k in shared} == {k: of_jupyter_book[k] for k in shared}
    missing = set(of_jupyter_book["extensions"]) - set(plain["extensions"])
    assert missing == plain["OF_JUPYTER_BOOK"]
    assert set(plain["exclude_patterns"]) <= set(of_jupyter_book["exclude_patterns"])
