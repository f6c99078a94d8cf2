"""The part of the machine that a trial needs: its record, its timer and the elements."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from time import CLOCK_BOOTTIME, clock_gettime
from typing import TYPE_CHECKING, Any

from dualwan import files
from dualwan.host import answers, noted, trials
from dualwan.host.run_files import BROKEN
from dualwan.model.observed import TableId

if TYPE_CHECKING:
    from dualwan.model.trial import Trial


def _known(elements: Iterable[Any]) -> Iterator[str]:
    """Yield those of ``elements`` that are safe to pass to nft; skip the others."""
    for one in elements:
        with suppress(ValueError):
            yield noted.nft_element(one)


class KernelTrial:
    """See Trials in host.api. What only a trial needs is loaded then."""

    def load_trial(self) -> Trial | None:
        """See Trials."""
        return trials.load()

    def save_trial(self, trial: Trial | None) -> None:
        """See Trials."""
        trials.save(trial) if trial else trials.forget()

    def boot_id(self) -> str:
        """See Trials."""
        return trials.boot_id()

    def since_boot(self) -> float:
        """See Trials."""
        return clock_gettime(CLOCK_BOOTTIME)

    def arm(self, seconds: int) -> None:
        """See Trials."""
        from dualwan.host import way_back  # noqa: PLC0415 - for a trial only

        way_back.arm(seconds)

    def disarm(self) -> None:
        """See Trials."""
        from dualwan.host import way_back  # noqa: PLC0415 - for a trial only

        way_back.disarm()

    def keep_elements(self, tables: Sequence[TableId]) -> None:
        """See Trials."""
        from dualwan.host import nft_elements  # noqa: PLC0415 - for a trial only

        answers.write(trials.ELEMENTS, json.dumps(nft_elements.listed(tables)))

    def put_back_elements(self) -> int:
        """See Trials."""
        from dualwan.host import nft_elements  # noqa: PLC0415 - for a trial only

        kept, odd = [], 0
        try:
            for family, table, name, elements in json.loads(
                files.read_own(answers.directory() / trials.ELEMENTS)
            ):
                known = tuple(_known(elements))
                odd += len(elements) - len(known)
                place = noted.family(family), noted.table(table), noted.nft_set(name)
                kept.append(nft_elements.Filled(*place, known))
        except BROKEN:
            return odd
        return odd + nft_elements.put_back(kept)

    def install_config(self, path: str, text: str) -> None:
        """See Trials."""
        trials.install(path, text)
