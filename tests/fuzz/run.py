"""Give each reader of what others have written N inputs that are nearly good.

    run.py [--number 100000] [--seed 12] [--only NAME,NAME] [--jobs 2] [--log FILE]

Prints each fault once by its kind, with what repeats it, and ends with 1 then. The inputs follow
from seed, target and number, so `--only NAME --seed SEED --case AT` is the same one again.

A slice of a target's cases is a process of its own: one that grows or is killed is a fault, and
no other's. What each took is a line of the log, so that a run that is stopped goes on: slices
without a fault are not run again. The log is one for each state of the source, unless it is named.
"""

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).parent
TREE = HERE.parents[1]
LOGS = TREE / "build/fuzz"
SEED = "12"
SLICE = 10_000  # cases of a process
WARM = 1000  # cases after which a process is as large as it gets
GROWTH = 32 << 20  # bytes that it may grow after them: 3.6 KB a case


def load_targets():
    """Return the targets by name, in a process that runs some."""
    for place in ("tests/fuzz", "tests/netns", "tests/unit", "src", "tests"):
        sys.path.insert(0, str(TREE / place))
    import conftest  # noqa: F401, PLC0415 - no file of the machine is read
    import targets  # noqa: PLC0415 - found by then

    return targets.BY_NAME


# --- a slice ---------------------------------------------------------------------------------


def run_slice(name, seed, start, end):
    """Run a slice of a target's cases; return what it took, and its faults by kind."""
    from fuzzing import memory  # noqa: PLC0415 - found by load_targets

    target = load_targets()[name]
    faults, warm = {}, 0
    for at in range(start, end):
        if said := target.complaint(target.case(seed, at)):
            faults.setdefault(said, at)
        if at == start + WARM:
            gc.collect()
            warm = memory(resident=True)
    gc.collect()
    grown = memory(resident=True) - warm
    if warm and grown > GROWTH:
        faults[f"takes {grown >> 20} MB more after {end - start} cases than after {WARM}"] = start
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": round(used.ru_utime + used.ru_stime, 1),
        "megabytes": used.ru_maxrss >> 10,
        "faults": faults,
    }


def in_process(work):
    """Run a slice as a process of its own; return its line of the log."""
    name, seed, start, end = work
    asked = [sys.executable, "-B", __file__, "--slice", name, seed, str(start), str(end)]
    done = subprocess.run(asked, stdout=subprocess.PIPE, check=False)
    found = {"target": name, "seed": seed, "start": start, "end": end}
    if done.returncode:
        how = f"the process ended with {done.returncode}"
        return found | {"seconds": 0, "megabytes": 0, "faults": {how: start}}
    return found | json.loads(done.stdout)


# --- all of them -----------------------------------------------------------------------------


def source():
    """Return a digest of the program and of what its tests give to it."""
    digest = sha256()
    for folder in ("src", "tests/fuzz", "tests/unit", "tests/data", "tests/golden/config"):
        for path in sorted((TREE / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def read(log):
    """Return the lines of a log by their work, of several the last."""
    lines = log.read_text().splitlines() if log.exists() else ()
    found = [json.loads(line) for line in lines]
    return {(one["target"], one["seed"], one["start"], one["end"]): one for one in found}


def run(works, jobs, log):
    """Run slices, and add their lines to the log; yield each line."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file, ThreadPoolExecutor(jobs) as pool:
        for done in as_completed([pool.submit(in_process, work) for work in works]):
            print(json.dumps(done.result()), file=file, flush=True)
            yield done.result()


def tell(lines, seed):
    """Print what each target took; return the number of kinds of faults."""
    cases, seconds, largest, kinds = Counter(), Counter(), Counter(), {}
    for one in lines:
        name = one["target"]
        cases[name] += one["end"] - one["start"]
        seconds[name] += one["seconds"]
        largest[name] = max(largest[name], one["megabytes"])
        kinds |= {(name, said): at for said, at in one["faults"].items()}
    for name, number in cases.items():
        said = f"{number:7} cases, {seconds[name]:6.0f} s, {largest[name]:4} MB at most"
        print(f"{name:28} {said}, {sum(of == name for of, _ in kinds) or 'no'} faults")
    print(
        f"{cases.total()} cases of {len(cases)} targets (seed {seed}) in"
        f" {seconds.total():.0f} s of processor time: {len(kinds) or 'no'} faults"
    )
    return len(kinds)


def main():
    """Run them, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--number", type=int, default=100_000, help="cases a target")
    parser.add_argument("--seed", default=SEED)
    parser.add_argument("--only", default="")
    parser.add_argument("--case", type=int)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--log", type=Path)
    parser.add_argument("--slice", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.slice:
        name, seed, start, end = given.slice
        print(json.dumps(run_slice(name, seed, int(start), int(end))))
        return 0
    by_name = load_targets()
    names = [name for name in by_name if not given.only or name in given.only.split(",")]
    if given.case is not None:
        target = by_name[names[0]]
        case = target.case(given.seed, given.case)
        print(case, target.complaint(case), sep="\n")
        return 0
    log, began = given.log or LOGS / f"{source()}.jsonl", time.monotonic()
    works = [
        (name, given.seed, start, min(start + SLICE, given.number))
        for start in range(0, given.number, SLICE)
        for name in names
    ]
    known = {work: one for work, one in read(log).items() if work in works and not one["faults"]}
    if known:
        print(f"{len(known)} of {len(works)} slices are in {log}", flush=True)
    lines = [*known.values()]
    for one in run([work for work in works if work not in known], given.jobs, log):
        lines.append(one)
        for said, at in one["faults"].items():
            print(f"{one['target']}, case {at}: {said}", flush=True)
    faults = tell(lines, given.seed)
    print(f"{time.monotonic() - began:.0f} s by the clock; {log}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
