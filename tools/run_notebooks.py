"""Execute the notebooks as Colab would: the wheel, a fresh environment, an empty folder for each.

    python tools/run_notebooks.py                        all of them, Colab's ipywidgets
    python tools/run_notebooks.py dpo --newest           one, with the newest ipywidgets

The install cell must find nothing to do. The first failure of each notebook is printed, and the
exit code counts the failures.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLAB = ["ipywidgets<8"]  # what Colab has; everything else as pip picks it
TOOLS = ["nbclient", "ipykernel"]
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(book, timeout=600, kernel_name="python3").execute()
printed = [o.get("text", "") for c in book.cells for o in c.get("outputs", ())]
assert not any("Successfully installed" in text for text in printed), "the install cell installed"
"""


def environment(folder: Path, constraints: list[str]) -> Path:
    """The Python of a fresh environment with the wheel of this tree."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder / "wheel", ROOT],
        check=True,
    )
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    # The same torch as here: another one would bring gigabytes along.
    torch = subprocess.run(
        [sys.executable, "-c", "import torch; print(torch.__version__.split('+')[0])"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    wheel = next((folder / "wheel").glob("*.whl"))
    packages = [f"torch=={torch}", *constraints, *TOOLS, str(wheel)]
    subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    return python


def executed(python: Path, notebook: Path) -> tuple[bool, float, str]:
    """Whether a copy alone in an empty folder runs to its end, its seconds, and what went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / notebook.name
        copy.write_bytes(notebook.read_bytes())
        start = time.perf_counter()
        done = subprocess.run(
            [python, "-c", EXECUTE, copy.name],
            cwd=folder,
            env=os.environ | {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"},
            capture_output=True,
            text=True,
        )
        return done.returncode == 0, time.perf_counter() - start, done.stderr


def main() -> None:
    """Make the environment, run the notebooks that are named, and say how long each took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="notebooks without suffix; none: all")
    parser.add_argument("--newest", action="store_true", help="without Colab's constraints")
    arguments = parser.parse_args()
    there = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    if unknown := sorted(set(arguments.names) - set(there)):
        sys.exit(f"no such notebooks: {', '.join(unknown)}; there are {', '.join(there)}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        python = environment(Path(folder), [] if arguments.newest else COLAB)
        for name in arguments.names or there:
            fine, seconds, error = executed(python, there[name])
            print(f"{name:20} {seconds:6.0f} s  {'runs' if fine else 'FAILS'}", flush=True)
            if not fine:
                failed += 1
                print(error[-3000:], flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
