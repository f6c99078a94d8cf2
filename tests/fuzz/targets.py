"""All targets by name."""

import fuzz_calls
import fuzz_kernel
import fuzz_others
import fuzz_own
import fuzz_remote
from fuzzing import Target

__all__ = ["ALL", "BY_NAME", "Target"]

ALL = tuple(
    target
    for module in (fuzz_own, fuzz_calls, fuzz_others, fuzz_remote, fuzz_kernel)
    for target in module.TARGETS
)
BY_NAME = {target.name: target for target in ALL}
