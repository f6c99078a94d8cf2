"""Change the program a little, many times; ask each time whether a test notices.

    run.py [--number 400] [--seed 12] [--below host,cli] [--jobs 2] [--no-netns] [--again]

A sample of the mutants of src/dualwan meets the unit tests that execute the changed line (at the
top of a module: its file), without those of golden texts, and if they pass the namespace tests
of netns.txt. Survivors that harmless.toml does not explain are printed and end it with 1. What
was found is kept in build/mutants/results.json, so that a run that is stopped goes on; --again
tries again what was not noticed.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tomllib
from pathlib import Path

from mutate import mutants
from reach import TREE, WORK, Chosen, Reach, copied, forked, unit_files

HERE = Path(__file__).parent
RESULTS = WORK / "results.json"
SECONDS = {"unit": 240, "netns": 600}  # of one process; what takes longer hangs, and is noticed
BATCHES = (6, 30)  # files of a process: first those that are about the line more than others
ASKED = []  # mutants, for the workers that are forked


def netns_files(path):
    """Return the namespace tests that can notice a change of a source file."""
    for line in (HERE / "netns.txt").read_text().splitlines():
        start, _, names = line.partition(" ")
        if line and not line.startswith("#") and path.startswith(start):
            return [f"tests/netns/{name}.py" for name in names.split()]
    return []


class Worker:
    """A copy of the tree, and what one mutant after the other meets in it."""

    def __init__(self, number, reach, netns):
        self.where, self.reach, self.netns = copied(str(number)), reach, netns
        # Tests that start the program as a process, where no coverage is measured.
        self._processes = [
            file
            for file in unit_files(self.where)
            if "sys.executable" in (self.where / file).read_text()
        ]
        self.stamp = 10**9  # a time for each source, so that no other's compiled one is taken

    def judge(self, mutant):
        """Return the test that notices a mutant, or ""."""
        path = self.where / "src/dualwan" / mutant.path
        before = path.read_text()
        self._write(path, mutant.source())
        try:
            files = self.reach.tests(mutant)
            names, rest = list(files), []
            for size in (*BATCHES, len(names)):
                rest, names = names[:size], names[size:]
                wanted = {one for file in rest for one in files[file]}
                if rest and (said := self._unit(rest, wanted)):
                    return said
            return self._unit(self._processes, None) or self._netns(mutant)
        finally:
            self._write(path, before)

    def _unit(self, files, wanted):
        chosen = Chosen(wanted, self.reach.times)
        return forked(self.where, ["-x", *files], [chosen], SECONDS["unit"])

    def _netns(self, mutant):
        for file in netns_files(mutant.path) if self.netns else ():
            if said := forked(self.where, ["-x", file], [], SECONDS["netns"]):
                return said
        return ""

    def _write(self, path, text):
        self.stamp += 2
        path.write_text(text)
        os.utime(path, (self.stamp, self.stamp))


def sample(number, seed, below):
    """Return ``number`` mutants, the same ones for a ``seed`` as long as their code is."""
    source = TREE / "src/dualwan"
    found = [
        one
        for path in sorted(source.rglob("*.py"))
        for one in mutants(str(path.relative_to(source)), path.read_text())
        if one.path.startswith(tuple(below.split(",")))
    ]
    print(f"{len(found)} mutants, of which {min(number, len(found))} are tried")
    return sorted(found, key=lambda one: one.rank(seed))[:number]


def explained():
    """Return the mutants that do no harm, each with the reason."""
    groups = tomllib.loads((HERE / "harmless.toml").read_text()).get("group", [])
    return {one: group["why"] for group in groups for one in group["mutants"]}


def main():
    """Try them, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--number", type=int, default=400)
    parser.add_argument("--seed", default="12")
    parser.add_argument("--below", default="", help="paths below src/dualwan, with commas")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--no-netns", action="store_true")
    parser.add_argument("--again", action="store_true", help="try again what was not noticed")
    given = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    chosen = sample(given.number, given.seed, given.below)
    harmless = explained()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    left = [
        one
        for one in chosen
        if one.identity not in results or (given.again and not results[one.identity])
    ]
    if left:
        _try(left, results, given)
    alive = [one for one in chosen if not results[one.identity]]
    open_ends = [one for one in alive if one.identity not in harmless]
    for one in open_ends:
        print(f"not noticed: src/dualwan/{one.path}:{one.line}: {one.identity}")
    of = len(chosen)
    print(
        f"{of - len(alive)} of {of} noticed ({100 * (of - len(alive)) / of:.1f} %),"
        f" {len(alive) - len(open_ends)} do no harm (harmless.toml), {len(open_ends)} unexplained"
    )
    return 1 if open_ends else 0


def _try(left, results, given):
    """Let each worker, a process forked from this one, take the next that is left."""
    reach = Reach()
    forks = multiprocessing.get_context("fork")
    numbers = forks.SimpleQueue()
    for number in range(given.jobs):
        numbers.put(number)

    def ready():
        global worker  # noqa: PLW0603 - of this process
        worker = Worker(numbers.get(), reach, not given.no_netns)

    ASKED.extend(left)
    with forks.Pool(given.jobs, ready) as pool:
        for index, said in pool.imap_unordered(_judge, range(len(left))):
            mutant = left[index]
            results[mutant.identity] = said
            RESULTS.write_text(json.dumps(results, indent=1))
            print(f"{said or 'ALIVE'}: {mutant.path}:{mutant.line} {mutant.identity}", flush=True)


def _judge(index):
    return index, worker.judge(ASKED[index])


if __name__ == "__main__":
    sys.exit(main())
