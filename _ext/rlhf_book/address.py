"""Where the book and its repository are: all of it from `repository` and `html` in _config.yml."""

import re
from functools import cache
from pathlib import Path

import yaml

read_yaml = cache(yaml.safe_load)  # by its text: every page asks for the same


def settings(root: Path) -> dict:
    """What _config.yml says; nothing where there is no such file."""
    path = root / "_config.yml"
    return read_yaml(path.read_text(encoding="utf-8")) if path.exists() else {}


def repository_of(root: Path) -> str:
    """The address of the repository; empty where none is named."""
    return settings(root).get("repository", {}).get("url", "").rstrip("/")


def branch_of(root: Path) -> str:
    """The branch whose pages readers are asked to edit."""
    return settings(root).get("repository", {}).get("branch", "main")


def release_of(root: Path) -> str:
    """The tag of the package's version; "main" where there is no package."""
    project = root / "pyproject.toml"
    text = project.read_text(encoding="utf-8") if project.exists() else ""
    version = re.search(r'^version = "(.+)"$', text, re.MULTILINE)
    return f"v{version[1]}" if version else "main"


def site_of(root: Path) -> str:
    """The address of the published book, with a slash at its end; empty where it is not known.

    `html: baseurl` in _config.yml, else the pages of the repository where that is on GitHub.
    """
    named = (settings(root).get("html") or {}).get("baseurl", "")
    if named:
        return named.rstrip("/") + "/"
    github = re.fullmatch(r"https://github\.com/([^/]+)/([^/]+)", repository_of(root))
    return f"https://{github[1].lower()}.github.io/{github[2]}/" if github else ""
