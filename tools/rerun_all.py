"""Run every recorded run of the embedded worlds again, from nothing, and compare all numbers.

    python tools/rerun_all.py FOLDER

Over an hour on two cores. New runs are written to FOLDER; what is there already is kept, so
that an interrupted rerun goes on. What came of it is printed and written to runs/rerun.json, which
the page of experiments shows; the exit status is 1 where a number differs.

Numbers are compared exactly. Another processor, or another version of torch, rounds in another
way, and training may then take another path: compare there what the claims say, not the numbers.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from record import record_all

from rlhf_lab import rerun_record, runs
from rlhf_lab.experiment_tables import name_of, recorded_experiments


def recorded_runs() -> list[tuple[str, runs.Run]]:
    """Each recorded run of an embedded world behind its experiment, the longest first."""
    found = [
        (name_of(module), run)
        for module, variants in recorded_experiments().items()
        for group in variants.values()
        for run in group
    ]
    return sorted(found, key=lambda pair: -pair[1].seconds)


def path(run: runs.Run, folder: Path) -> Path:
    """Where its repetition lies."""
    return folder / run.name / f"seed-{run.seed}.json"


def main() -> None:
    """Run what the folder lacks, compare all, and say what differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the new runs are written")
    parser.add_argument("--processes", type=int, default=2, help="runs at a time")
    given = parser.parse_args()
    if given.folder.resolve() == runs.recorded_folder().resolve():
        parser.error(f"{given.folder} holds the recorded runs: name a folder for the new ones")
    recorded = recorded_runs()
    missing = [pair for pair in recorded if not path(pair[1], given.folder).exists()]
    start = time.perf_counter()
    jobs = [(experiment, run.name, run.seed, given.folder) for experiment, run in missing]
    record_all(jobs, processes=given.processes)
    seconds = round(time.perf_counter() - start) if len(missing) == len(recorded) else None
    pairs = [(run, runs.load(path(run, given.folder))) for _, run in recorded]
    found = rerun_record.compared(pairs, processes=given.processes, seconds=seconds)
    print(json.dumps(asdict(found), indent=1))
    print(rerun_record.save(found))
    sys.exit(bool(found.different))


if __name__ == "__main__":
    main()
