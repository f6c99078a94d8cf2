"""All targets by name, with the inputs that have found a fault among their samples."""

import json
from dataclasses import replace
from pathlib import Path

import fuzz_calls
import fuzz_hooks
import fuzz_kept
import fuzz_kernel
import fuzz_netfilter
import fuzz_others
import fuzz_own
import fuzz_remote
import fuzz_setup
from fuzzing import Target

__all__ = ["ALL", "BY_NAME", "FOUND", "Target"]

FOUND = Path(__file__).parent / "found"  # TARGET/WHAT: the input, or JSON of one of ``trees``


def _with_found(target):
    paths = sorted((FOUND / target.name).glob("*"))
    found = (path.read_bytes() for path in paths)
    read = json.loads if target.trees else bytes
    return replace(target, samples=(*target.samples, *map(read, found)))


ALL = tuple(
    _with_found(target)
    for module in (
        *(fuzz_own, fuzz_kept, fuzz_hooks, fuzz_calls, fuzz_others),
        *(fuzz_remote, fuzz_kernel, fuzz_netfilter, fuzz_setup),
    )
    for target in module.TARGETS
)
BY_NAME = {target.name: target for target in ALL}
