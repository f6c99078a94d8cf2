"""The part of the machine that one of two routers needs: conntrackd and neighbour discovery."""

from __future__ import annotations

from dualwan.model.resources import Advertisement, CarriedFlows, Solicitation


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
    def help_along(item: Solicitation | Advertisement | CarriedFlows, *, gone: bool) -> None:
        """Apply a step that the state of the router does not depend on; raises KernelError."""
        if isinstance(item, CarriedFlows):
            from dualwan.host import carried  # noqa: PLC0415 - for a takeover only

            carried.fill(item)
            return
        from dualwan.host import ndp  # noqa: PLC0415 - where the line comes up

        if isinstance(item, Solicitation):
            ndp.solicit(item.device)
        elif gone:
            ndp.ask_owner(item.device, item.address)
        else:
            ndp.advertise(item.device, item.address)
