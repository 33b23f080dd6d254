"""Put every known mistake into the package and record which of its tests fail.

    python tools/kill_matrix.py                      # all, into runs/kill_matrix.json
    python tools/kill_matrix.py --changed            # keeps the rows of what is as it was
    python tools/kill_matrix.py --only gae/no_gamma  # prints a row, writes nothing

Each mistake gets a process of its own: a fork of one that has loaded everything but the tests.
Nothing is written where a mistake survives the tests, or where a test fails without any. The page
of the museum shows the record; tests/checks/test_kill_matrix.py compares it with the code.
"""

import argparse
import contextlib
import importlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from jaxtyping import install_import_hook
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
TESTS = {  # of each module that a mistake is put into, those that are about single functions
    "advantages": ["test_advantages", "test_golden_policy"],
    "kl": ["test_kl", "test_losses_policy_laws", "test_golden_policy"],
    "logprobs": ["test_logprobs", "test_golden", "rewards/test_networks"],
    "losses": [
        *("test_losses_dpo_laws", "test_losses_policy_laws", "test_losses_value_and_ranking"),
        *("test_golden", "test_golden_policy"),
    ],
    "masked": ["test_masked", "test_losses_policy_laws", "test_golden_policy"],
    "models": ["test_models", "rewards/test_networks"],
    "preferences": ["test_preferences", "test_losses_value_and_ranking"],
    "rewards.networks": ["rewards/test_networks"],
    "sampling": ["test_sampling"],
    "train.micro_batches": ["train/test_micro_batches"],
    "worlds.environment": ["worlds/test_decisions"],
}


class Failures:
    """A pytest plugin that counts the tests and notes the failing ones."""

    def __init__(self):
        self.tests: int = 0
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report):
        """A test has set up, run, or cleaned up after itself."""
        self.tests += report.when == "call"
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_collectreport(self, report):
        """A file was read."""
        if report.failed:
            self.failed.append(report.nodeid)


def load_package() -> ModuleType:
    """Import what is slow to import, with the shapes checked as in every test."""
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]
    torch.set_num_threads(1)
    install_import_hook(["rlhf_lab"], "shape_checker.check")
    for module in ("train.ppo", "train.grpo", "train.dpo", "worlds.exact"):
        importlib.import_module(f"rlhf_lab.{module}")
    return importlib.import_module("rlhf_lab.kill_record")


def in_a_fork(work: Callable[[], dict]) -> dict:
    """What `work` returns, run in a copy of this process that ends with it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            pipe.write(json.dumps(work()))
            pipe.flush()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    if os.waitpid(child, 0)[1] or not text:
        sys.exit("a process broke down; look at its words above")
    return json.loads(text)


def put_in_place(replacements: dict[str, Callable]) -> None:
    """Give the replacements to every module of the package that has the original by name."""
    for place, replacement in replacements.items():
        module, _, name = place.rpartition(".")
        original = getattr(importlib.import_module(f"rlhf_lab.{module}"), name)
        for other, content in list(sys.modules.items()):
            if other.startswith("rlhf_lab.") and not other.startswith("rlhf_lab.checks"):
                for key, value in list(vars(content).items()):
                    if value is original:
                        setattr(content, key, replacement)


def files_for(modules: Iterable[str]) -> list[str]:
    """The test files that are run with a mistake in these modules."""
    return sorted({f"tests/{file}.py" for module in modules for file in TESTS[module]})


def failures(replacements: dict[str, Callable], files: list[str]) -> dict:
    """The tests that fail with the replacements in place; run it in a fork."""
    put_in_place(replacements)
    found = Failures()
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-p", "no:cacheprovider", "--import-mode=importlib", "-o", "addopts="]
    loaded = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        pytest.main([*options, *loaded, *files], plugins=[found])
    return {"tests": found.tests, "failed": found.failed}


def kill(kill_record: ModuleType, exercise, bug) -> dict:
    """One row: the first failing test of each file, and how many there are."""
    replacements = kill_record.transplant(exercise, bug)
    files = files_for(place.rpartition(".")[0] for place in replacements)
    found = in_a_fork(lambda: failures(replacements, files))
    first = {}
    for test in found["failed"]:
        first.setdefault(test.partition("::")[0], test)
    return {
        "exercise": exercise.name,
        "bug": bug.name,
        "places": tuple(replacements),
        "tests": found["tests"],
        "failed": tuple(sorted(first.values())),
        "failures": len(found["failed"]),
        "code": kill_record.fingerprint(exercise, bug),
    }


def main() -> None:
    """Try every known mistake and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="EXERCISE/BUG", help="print these rows")
    parser.add_argument("--changed", action="store_true", help="new and altered mistakes only")
    arguments = parser.parse_args()
    kill_record = load_package()
    every = {kill_record.name_of(*pair): pair for pair in kill_record.known()}
    if unknown := sorted(set(arguments.only or ()) - set(every)):
        sys.exit(f"no known mistake is called {', '.join(unknown)}; one is {next(iter(every))}")
    if arguments.only:
        print(json.dumps([kill(kill_record, *every[name]) for name in arguments.only], indent=1))
        return
    if broken := in_a_fork(lambda: failures({}, files_for(TESTS)))["failed"]:
        sys.exit("without any mistake these fail: " + ", ".join(broken))
    there = {row.code: row for row in kill_record.load().kills} if arguments.changed else {}
    kills = [
        there.get(kill_record.fingerprint(*pair)) or kill_record.Kill(**kill(kill_record, *pair))
        for pair in tqdm(every.values(), unit="mistake")
    ]
    survivors = [f"{row.exercise}: {row.bug}" for row in kills if not row.failures]
    if survivors:
        sys.exit("nothing was written; no test fails with\n" + "\n".join(survivors))
    print(f"{kill_record.save(kill_record.recorded(kills))}: {len(kills)} mistakes")


if __name__ == "__main__":
    main()
