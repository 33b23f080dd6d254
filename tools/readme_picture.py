"""Take the README's picture from the built book.

make book && python tools/readme_picture.py
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "_ext"))

from rlhf_book.browser import chromium  # noqa: E402

PAGE = ROOT / "_build" / "html" / "chapters" / "dpo.html"


def main() -> None:
    """Photograph the derivation of the closed form as it stands in the chapter on DPO."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.goto(PAGE.as_uri())
        page.evaluate("() => MathJax.startup.promise")
        cell = page.locator(".cell", has_text="optimal_policy.closed_form()").first
        cell.evaluate("cell => cell.scrollIntoView({behavior: 'instant', block: 'start'})")
        page.evaluate("() => window.scrollBy({top: -110, behavior: 'instant'})")
        page.screenshot(path=ROOT / "tools" / "readme.png")
        browser.close()


if __name__ == "__main__":
    main()
