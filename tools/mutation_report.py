"""Alter every line of every derivation, and record what was refused in runs/mutation.json.

    python tools/mutation_report.py

Nothing is written where an altered line is accepted without a reason in EQUIVALENT, or where a
reason has no accepted line. The page of derivations shows the record; a test compares it with the
code. Results run in parallel processes.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor

from tqdm import tqdm

from rlhf_lab.derivations.catalogue import equivalent, results
from rlhf_lab.derivations.checker.tally import tally
from rlhf_lab.mutation_record import recorded, save


def main() -> None:
    """Try every mutant of every result and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=2, help="results at a time")
    arguments = parser.parse_args()
    makes = results()
    with ProcessPoolExecutor(arguments.processes) as pool:
        tallies = list(tqdm(pool.map(tally, makes), total=len(makes), unit="result"))
    accepted, named = {name for found in tallies for name in found.accepted}, set(equivalent())
    for name in sorted(accepted - named):
        print(f"accepted without a reason: {name}")
    for name in sorted(named - accepted):
        print(f"named as equivalent, but refused or not tried: {name}")
    if accepted != named:
        sys.exit("nothing was written")
    mutants = sum(sum(found.mutants.values()) for found in tallies)
    print(f"{save(recorded(tallies))}: {mutants} mutants, {len(accepted)} of them equivalent")


if __name__ == "__main__":
    main()
