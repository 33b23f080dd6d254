"""Do the verdicts hold on another processor? Compare runs made there with the recorded ones.

    python tools/rerun_all.py FOLDER         on that processor; it may be stopped before its end
    python tools/rerun_verdicts.py FOLDER

Another processor rounds otherwise, so numbers may differ; what the claims say should not. Only
experiments of which FOLDER has every run are compared. What came of it is printed and written to
runs/other-processor.json, which the page of experiments shows; of the other experiments it keeps
what it said. Commit and kind of processor are those that the runs in FOLDER name.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from rerun_all import path

from rlhf_lab import rerun_record, runs
from rlhf_lab.experiment_tables import name_of, recorded_experiments
from rlhf_lab.experiments.verdicts import Recorded
from rlhf_lab.verdict_tables import in_a_word, verdict_of
from rlhf_lab.whole_files import write_whole

FILE = "other-processor.json"  # beside the recorded runs


def compared(recorded: Mapping[ModuleType, Recorded], folder: Path) -> dict[str, dict]:
    """Of each experiment that is whole in the folder: its runs, how many differ, both verdicts.

    And where the new ones were made. Raises ValueError where these have other settings.
    """
    found = {}
    for module, variants in recorded.items():
        old = [run for group in variants.values() for run in group]
        if not old or not all(path(run, folder).exists() for run in old):
            continue
        new = {
            name: [runs.load(path(run, folder)) for run in group]
            for name, group in variants.items()
        }
        pairs = list(zip(old, (run for group in new.values() for run in group), strict=True))
        if other := [before.name for before, after in pairs if before.settings != after.settings]:
            raise ValueError(f"new runs have other settings than the recorded ones of {set(other)}")
        found[name_of(module)] = {
            "runs": len(old),
            "different": sum(bool(rerun_record.differing(*pair)) for pair in pairs),
            "recorded": in_a_word(verdict_of(module, variants)),
            "here": in_a_word(verdict_of(module, new)),
        } | origin([run for group in new.values() for run in group])
    return found


def origin(made: list[runs.Run]) -> dict[str, str]:
    """The commit and the kind of processor of runs. Raises ValueError where they name several."""
    found = {
        "commit": {run.commit for run in made},
        "capability": {str(run.hardware.get("capability")) for run in made},
    }
    for name, values in found.items():
        if len(values) > 1:
            raise ValueError(f"new runs must be of one {name}, got {sorted(values)}")
    return {name: values.pop() for name, values in found.items()}


def main() -> None:
    """Compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where rerun_all.py wrote its runs")
    folder = parser.parse_args().folder
    found = compared(recorded_experiments(), folder)
    if not found:
        sys.exit(f"no experiment is whole in {folder}: run tools/rerun_all.py {folder} first")
    target = runs.recorded_folder() / FILE
    before = json.loads(target.read_text()) if target.exists() else {}
    print(json.dumps(found, indent=1))
    write_whole(target, json.dumps(before | found, indent=1) + "\n")


if __name__ == "__main__":
    main()
