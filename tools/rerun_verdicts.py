"""Do the verdicts hold on another processor? Compare runs made there with the recorded ones.

    python tools/rerun_all.py FOLDER         on that processor; it may be stopped before its end
    python tools/rerun_verdicts.py FOLDER

Another processor rounds otherwise, so numbers may differ; what the claims say should not. Only
experiments of which FOLDER has every run are compared. What came of it is printed and written to
runs/other-processor.json, which the page of experiments shows.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import torch
from rerun_all import path

from rlhf_lab import rerun_record, runs
from rlhf_lab.experiment_tables import name_of, recorded_experiments
from rlhf_lab.experiments.verdicts import Recorded
from rlhf_lab.verdict_tables import in_a_word, verdict_of
from rlhf_lab.whole_files import write_whole

FILE = "other-processor.json"  # beside the recorded runs


def compared(recorded: Mapping[ModuleType, Recorded], folder: Path) -> dict[str, dict]:
    """Of each experiment that is whole in the folder: its runs, how many differ, both verdicts."""
    found = {}
    for module, variants in recorded.items():
        old = [run for group in variants.values() for run in group]
        if not old or not all(path(run, folder).exists() for run in old):
            continue
        new = {
            name: [runs.load(path(run, folder)) for run in group]
            for name, group in variants.items()
        }
        pairs = zip(old, (run for group in new.values() for run in group), strict=True)
        found[name_of(module)] = {
            "runs": len(old),
            "different": sum(bool(rerun_record.differing(*pair)) for pair in pairs),
            "recorded": in_a_word(verdict_of(module, variants)),
            "here": in_a_word(verdict_of(module, new)),
        }
    return found


def main() -> None:
    """Compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where rerun_all.py wrote its runs")
    folder = parser.parse_args().folder
    found = compared(recorded_experiments(), folder)
    if not found:
        sys.exit(f"no experiment is whole in {folder}: run tools/rerun_all.py {folder} first")
    about = {
        "capability": torch.backends.cpu.get_cpu_capability(),
        "commit": runs.current_commit(),
        "experiments": found,
    }
    text = json.dumps(about, indent=1) + "\n"
    write_whole(runs.recorded_folder() / FILE, text)
    print(text)


if __name__ == "__main__":
    main()
