"""The workflows for GitHub: pinned actions, least permissions, commands that exist."""

import ast
import contextlib
import re
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request) -> dict:
    """One workflow as GitHub reads it."""
    return yaml.safe_load(request.param.read_text(encoding="utf-8"))


def steps(workflow: dict) -> list[dict]:
    """All steps of all jobs."""
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_there_are_four():
    assert [path.stem for path in WORKFLOWS] == ["book", "release", "rot", "test"]


def test_every_action_is_pinned_by_its_hash(workflow):
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert [name for name in used if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", name)] == []


def test_a_workflow_may_only_read_and_a_job_asks_for_what_it_needs(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    allowed = {"pages", "id-token", "issues", "contents"}
    assert all(set(job.get("permissions", ())) <= allowed for job in workflow["jobs"].values())


def test_every_job_ends_by_itself(workflow):
    for job in workflow["jobs"].values():
        builds = any(
            re.search(r"\b(make|pytest|pip|\.ci/run)\b", s.get("run", "")) for s in job["steps"]
        )
        assert not builds or job["timeout-minutes"] <= 90


def test_what_they_make_is_a_target_of_the_makefile(workflow):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = [step.get("run", "") for step in steps(workflow)]
    made = {word for run in commands for word in re.findall(r"^make (?:\S+=\S+ )*(\S+)$", run)}
    assert made <= targets


def left_out() -> list[Path]:
    """What the tests of the package alone leave out."""
    lines = (ROOT / "tests" / "package.txt").read_text(encoding="utf-8").split()
    return [ROOT / line.removeprefix("--ignore=") for line in lines if line.startswith("--ignore=")]


def imported(path: Path) -> set[str]:
    """The packages that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


def with_all_they_need(distributions: list[str]) -> set[str]:
    """Names of distributions and of all that these need, as the environment here knows them."""
    found, ahead = set(), [name.lower() for name in distributions]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            with contextlib.suppress(PackageNotFoundError):  # what another system needs
                rules = [rule for rule in requires(name) or () if "extra ==" not in rule]
                ahead += [re.match(r"[\w.-]+", rule)[0].lower() for rule in rules]
    return found


def test_what_the_package_is_tested_without_exists():
    assert left_out() != []
    assert [path for path in left_out() if not path.exists()] == []


@pytest.mark.skipif(
    sys.version_info < (3, 11),
    reason="Python 3.10 knows what a package comes from only where a top_level.txt says it",
)
@pytest.mark.parametrize("name", ["rot", "test"])
def test_the_tests_of_the_package_import_only_what_their_job_installs(name):
    workflow = yaml.safe_load((WORKFLOWS[0].parent / f"{name}.yml").read_text(encoding="utf-8"))
    runs = [step.get("run", "") for step in steps(workflow)]
    place = next(n for n, run in enumerate(runs) if "@tests/package.txt" in run)
    installed = [word for word in runs[place - 1].split() if re.fullmatch(r"[a-z][\w-]+", word)]
    assert '".[processes]"' in runs[place - 1]
    provided = with_all_they_need(["rlhf-lab", "accelerate", *installed])
    paths = [
        path
        for path in (ROOT / "tests").rglob("*.py")
        if not any(path.is_relative_to(out) for out in left_out())
    ]
    tools = {path.stem for path in (ROOT / "tools").iterdir()}
    own = {path.stem for path in paths} | tools | {"rlhf_lab"} | sys.stdlib_module_names
    comes_from = packages_distributions()
    missing = {
        (path.name, package)
        for path in paths
        for package in imported(path) - own
        if not provided & {found.lower() for found in comes_from.get(package, ())}
    }
    assert missing == set()
