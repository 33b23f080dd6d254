"""The workflows for GitHub: pinned actions, least permissions, commands that exist."""

import re
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


def test_folders_that_tests_are_told_to_leave_out_exist(workflow):
    commands = " ".join(step.get("run", "") for step in steps(workflow))
    named = re.findall(r"--(?:ignore=|deselect )(\S+)", commands)
    assert [name for name in named if not (ROOT / name).exists()] == []
