"""Where this computer's Chromium is: for the tests of the built pages, the PDF, the picture."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
ON_A_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


class NoBrowserError(RuntimeError):
    """None was found."""


def chromium() -> str:
    """What the variable CHROMIUM names, else the first of `NAMES` on the PATH, else a Mac's Chrome.

    Raises NoBrowserError.
    """
    named = os.environ.get("CHROMIUM")
    names = (named,) if named else (*NAMES, ON_A_MAC)
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise NoBrowserError(
            f"no browser: none of {', '.join(names)} is installed; install Chromium, or name one "
            "in the variable CHROMIUM"
        )
    return found
