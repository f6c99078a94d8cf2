"""The part of the machine that one of two routers needs: conntrackd, and what a takeover does."""

from __future__ import annotations

from dualwan.model.resources import Advertisement, CarriedFlows


class KernelRole:
    """See Partner in host.api. What only a takeover needs is loaded then."""

    def commit_flows(self) -> None:
        """See Partner."""
        from dualwan.host import conntrackd  # noqa: PLC0415 - for a takeover only

        conntrackd.run("-c")

    def follow_flows(self, *, active: bool) -> None:
        """See Partner."""
        from dualwan.host import conntrackd  # noqa: PLC0415 - for a takeover only

        conntrackd.run(*(conntrackd.AS_ACTIVE if active else conntrackd.AS_STANDBY))

    @staticmethod
    def take_over(item: Advertisement | CarriedFlows) -> None:
        """Do a step of a takeover; raises KernelError."""
        if isinstance(item, Advertisement):
            from dualwan.host import ndp  # noqa: PLC0415 - where the line comes up

            ndp.advertise(item.device, item.address)
            return
        from dualwan.host import carried  # noqa: PLC0415 - for a takeover only

        carried.fill(item)
