"""The programs that a pair of routers needs: keepalived and conntrackd, set up and running."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import KEEPALIVED, Surroundings
from dualwan.words import say

ROLES = {"active": "notify_master", "standby": "notify_backup"}  # keys of keepalived.conf(5)


def untold(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each role that keepalived would not pass on to this router."""
    pair = around.pair
    if not config.router.redundant or pair is None:
        return
    if pair.told is None:
        yield Finding(
            "pair-no-keepalived",
            say("{path} is not there, so nobody gives this router a role", path=KEEPALIVED),
            say(
                "install keepalived, and write its file as in "
                "/usr/share/doc/dualwan-hook/docs/two-routers.md"
            ),
        )
        return
    for role, word in ROLES.items():
        if role not in pair.told:
            yield Finding(
                "pair-role-untold",
                say(
                    "{path} does not run `dualwan-hook role {role}`, so this router is never told "
                    "that it is that",
                    path=KEEPALIVED,
                    role=role,
                ),
                say(
                    '{word} "/usr/bin/dualwan-hook role {role}" in its vrrp_instance, then '
                    "systemctl reload keepalived",
                    word=word,
                    role=role,
                ),
            )


def not_running(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each of the programs that is set up but does not run."""
    pair = around.pair
    if not config.router.redundant or pair is None:
        return
    if pair.told is not None and not pair.keepalived:
        yield Finding(
            "pair-keepalived-off",
            say("keepalived does not run, so neither router knows when the other is gone"),
            say("systemctl enable --now keepalived; `journalctl -u keepalived` says why it ended"),
        )
    if not pair.conntrackd:
        yield Finding(
            "pair-conntrackd-off",
            say("conntrackd is set up and does not run, so connections begin anew at a takeover"),
            say("systemctl enable --now conntrackd; `journalctl -u conntrackd` says why it ended"),
        )
