"""Give each reader of what others have written N inputs that are nearly good.

    run.py [--number 100000] [--seed 12] [--only NAME,NAME] [--jobs 2]

Prints each fault once by its kind, with what repeats it, and ends with 1 then. The inputs follow
from seed, target and number, so `--only NAME --seed SEED --case AT` is the same one again.
"""

import argparse
import multiprocessing
import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
for place in ("fuzz", "netns", "unit"):
    sys.path.insert(0, str(HERE.parent / place))
sys.path.insert(0, str(HERE.parents[1] / "src"))
sys.path.insert(0, str(HERE.parent))
import conftest  # noqa: E402, F401 - no file of the machine is read
import targets  # noqa: E402 - found by then

SEED = "12"
SLICE = 500  # cases that a process takes at a time


def some(work):
    """Run a slice of a target's cases; return its faults by kind."""
    name, seed, start, end = work
    target = targets.BY_NAME[name]
    faults = {}
    for at in range(start, end):
        if said := target.complaint(target.case(seed, at)):
            faults.setdefault(said, at)
    return name, end - start, faults


def main():
    """Run them, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--number", type=int, default=100_000, help="cases a target")
    parser.add_argument("--seed", default=SEED)
    parser.add_argument("--only", default="")
    parser.add_argument("--case", type=int)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    given = parser.parse_args()
    names = [name for name in targets.BY_NAME if not given.only or name in given.only.split(",")]
    if given.case is not None:
        target = targets.BY_NAME[names[0]]
        case = target.case(given.seed, given.case)
        print(case, target.complaint(case), sep="\n")
        return 0
    began, faults, counts = time.monotonic(), {}, dict.fromkeys(names, 0)
    work = [
        (name, given.seed, start, min(start + SLICE, given.number))
        for start in range(0, given.number, SLICE)
        for name in names
    ]
    with multiprocessing.Pool(given.jobs) as pool:
        for name, number, found in pool.imap_unordered(some, work):
            counts[name] += number
            for said, at in found.items():
                if (name, said) not in faults:
                    faults[name, said] = at
                    print(f"{name}, case {at}: {said}", flush=True)
    print(
        f"{sum(counts.values())} cases of {len(counts)} targets (seed {given.seed}) in"
        f" {time.monotonic() - began:.0f} s: {len(faults) or 'no'} faults"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
