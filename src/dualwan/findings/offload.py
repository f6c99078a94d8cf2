"""A kernel without the flowtable that the configuration asks for."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.words import say


def refused(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding if the kernel refuses a flowtable, though the configuration wants one."""
    if config.firewall.offload and not around.flowtables:
        yield Finding(
            "state-no-flowtable",
            say(
                "the kernel refuses a flowtable, so every packet takes the ordinary way in spite "
                "of offload = true"
            ),
            say(
                "boot a kernel with nf_flow_table_inet and nft_flow_offload (Debian's has them), "
                "or take the key out of [firewall]; nothing else suffers"
            ),
        )
