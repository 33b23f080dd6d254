"""Execute the notebooks as Colab would: the wheel, a fresh environment, an empty folder for each.

    python tools/run_notebooks.py                             all of them, Colab's ipywidgets
    python tools/run_notebooks.py dpo --newest                one, with the newest releases
    python tools/run_notebooks.py --python python3.13         with another Python
    python tools/run_notebooks.py dpo --environment FOLDER    an environment that is kept
    python tools/run_notebooks.py --record                    times for their first cell

The install cell must find nothing to do, and a notebook must end within its minutes. The first
failure of each is printed, and the exit code counts the failures. A kept environment gets the wheel
of this tree each time, and other packages only when it is made.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLAB = ["ipywidgets<8"]  # what Colab has; everything else as pip picks it
TOOLS = ["nbclient", "ipykernel"]
MOST_SECONDS = 300
SECONDS = "notebooks/seconds.json"
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(book, timeout=600, kernel_name="python3").execute()
printed = [o.get("text", "") for c in book.cells for o in c.get("outputs", ())]
assert not any("Successfully installed" in text for text in printed), "the install cell installed"
"""


def output(*command: str | Path) -> str:
    """What a command prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def own_torch() -> str:
    """The release of torch here: another one would bring gigabytes along."""
    code = "from importlib.metadata import version; print(version('torch').split('+')[0])"
    return "torch==" + output(sys.executable, "-c", code)


def versions(python: Path) -> str:
    """What an environment has of the packages that notebooks rest on."""
    names = ("torch", "transformers", "numpy", "sympy", "matplotlib", "ipywidgets", "rlhf_lab")
    code = f"from importlib.metadata import version as v; print({{n: v(n) for n in {names}}})"
    return output(python, "-V") + " " + output(python, "-c", code)


def wheel_of_this_tree(python: Path, folder: Path) -> Path:
    """A wheel of the package, built from a copy: setuptools leaves old files where it builds."""
    for name in ("rlhf_lab", "runs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    build = ["wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, folder]
    subprocess.run([python, "-m", "pip", *build], check=True)
    return next(folder.glob("*.whl"))


def environment(folder: Path, python: str, *, newest: bool) -> Path:
    """The Python of the environment in a folder, with the wheel of this tree in it."""
    inside = folder.resolve() / "bin" / "python"
    if not inside.exists():
        subprocess.run([python, "-m", "venv", folder], check=True)
        subprocess.run([inside, "-m", "pip", "install", "-q", "setuptools>=77"], check=True)
    with tempfile.TemporaryDirectory() as wheels:
        wheel = wheel_of_this_tree(inside, Path(wheels))
        chosen = ["torch"] if newest else [own_torch(), *COLAB]
        for more in (
            [*TOOLS, *chosen, wheel],
            ["--force-reinstall", "--no-deps", wheel],  # the version may be the same
        ):
            subprocess.run([inside, "-m", "pip", "install", "-q", *more], check=True)
    return inside


def executed(python: Path, notebook: Path) -> tuple[float, str]:
    """The seconds of a copy alone in an empty folder, and what went wrong; "" for nothing."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / notebook.name
        copy.write_bytes(notebook.read_bytes())
        start = time.perf_counter()
        done = subprocess.run(
            [python, "-c", EXECUTE, copy.name],
            cwd=folder,
            env=os.environ | {"TQDM_DISABLE": "1"},
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - start
    if done.returncode:
        return seconds, done.stderr[-3000:] or f"exit code {done.returncode}"
    slow = f"took {seconds:.0f} s, more than {MOST_SECONDS} s"
    return seconds, slow if seconds > MOST_SECONDS else ""


def record(name: str, seconds: float) -> None:
    """Keep the seconds of a notebook, for the cell that says how long it takes."""
    path = ROOT / SECONDS
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept[name] = round(seconds)
    path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def main() -> None:
    """Make the environment, run the notebooks that are named, and say how long each took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="notebooks without suffix; none: all")
    parser.add_argument("--newest", action="store_true", help="the newest releases of everything")
    parser.add_argument("--python", default=sys.executable, help="the Python of the environment")
    parser.add_argument("--environment", type=Path, help="a folder to keep it in")
    parser.add_argument("--record", action="store_true", help="keep the seconds in notebooks/")
    arguments = parser.parse_args()
    there = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    if unknown := sorted(set(arguments.names) - set(there)):
        sys.exit(f"no such notebooks: {', '.join(unknown)}; there are {', '.join(there)}")
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.environment or Path(temporary) / "environment"
        python = environment(folder, arguments.python, newest=arguments.newest)
        print(versions(python), flush=True)
        for name in arguments.names or there:
            seconds, error = executed(python, there[name])
            print(f"{name:20} {seconds:6.0f} s  {'FAILS' if error else 'runs'}", flush=True)
            if error:
                failed += 1
                print(error, flush=True)
            elif arguments.record:
                record(name, seconds)
    sys.exit(failed)


if __name__ == "__main__":
    main()
