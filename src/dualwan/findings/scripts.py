"""What mape.sh and pppoe.sh, which this program replaces, have left on the machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv6Address

from dualwan.config import Config
from dualwan.config.mape import DsLite, MapE
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings, Traces
from dualwan.words import say

SCRIPTS = {"MAPE": "mape.sh", "PPPOE": "pppoe.sh"}  # by the prefix of its chains
_CHAIN = re.compile(
    r"(?P<table>.+) (?P<name>(?P<prefix>MAPE|PPPOE)"
    r"(INPUT|OUTPUT|FORWARD|SSHCONNECT|SSHATTACK|nat(OUTPUT|PREROUTING|POSTROUTING)))"
)


def left(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each tunnel, set of chains, rule and line that the scripts left."""
    traces = around.traces
    yield from _tunnels(config, traces)
    yield from _chains(traces)
    yield from _rules(config, traces)
    for line in traces.lines:
        yield Finding(
            "script-line",
            say(
                "{path}:{number} runs {command}, which dualwan-hook replaces",
                path=line.path,
                number=line.number,
                command=line.command,
            ),
            say("remove the line"),
        )


def _tunnels(config: Config, traces: Traces) -> Iterator[Finding]:
    relays = _relays(config)
    for tunnel in traces.tunnels:
        if tunnel.remote in relays:
            yield Finding(
                "script-tunnel",
                say(
                    "{name} is another tunnel of the line's IPv4, from {local} to "
                    "{remote}, as mape.sh makes it, and {tunnel} is ours",
                    name=tunnel.name,
                    local=tunnel.local,
                    remote=tunnel.remote,
                    tunnel=config.mape.tunnel,
                ),
                say(
                    "{stop}, or `ip -6 tunnel del {name}`; then run dualwan-hook",
                    stop=_stop(traces, "mape.sh"),
                    name=tunnel.name,
                ),
            )


def _relays(config: Config) -> set[str]:
    """Return the addresses of the border relays that the configuration allows."""
    mape = config.mape
    found: set[IPv6Address | None] = set()
    if isinstance(mape, MapE):
        found = {mape.manual.br if mape.manual else None, mape.rule.br if mape.rule else None}
        found |= {rule.br for rule in mape.rules or ()}
    elif not isinstance(mape, DsLite):
        found = {mape.br}
    return {str(address) for address in found if address}


def _chains(traces: Traces) -> Iterator[Finding]:
    for prefix, script in SCRIPTS.items():
        found = [match for text in traces.chains if (match := _CHAIN.fullmatch(text))]
        mine = [match for match in found if match["prefix"] == prefix]
        if not mine:
            continue
        named = ", ".join(f"{match['name']} ({match['table']})" for match in mine)
        first = mine[0]
        program = "iptables-legacy" if first["table"].startswith("iptables-legacy") else "iptables"
        yield Finding(
            "script-chains",
            say(
                "the chains of {script} filter and translate beside ours: {named}",
                script=script,
                named=named,
            ),
            say(
                "{stop}; or `{program} -P CHAIN ACCEPT` for INPUT, OUTPUT and FORWARD, before "
                "which an emptied chain would shut you out, then for all of these `{program} -t "
                "TABLE -D FROM -j CHAIN`, after that for all `-F CHAIN`, and for all `-X CHAIN`; "
                "at last run dualwan-hook",
                stop=_stop(traces, script),
                program=program,
            ),
        )


def _rules(config: Config, traces: Traces) -> Iterator[Finding]:
    for rule in traces.rules:
        if rule.table == config.pppoe.table and rule.source:
            yield Finding(
                "script-rule",
                say(
                    "{text} is not ours; pppoe.sh adds it, and it stays when the address changes",
                    text=rule.text,
                ),
                say(
                    "{stop}, or `ip rule del from {source} table {table} priority "
                    "{priority}`; then run dualwan-hook",
                    stop=_stop(traces, "pppoe.sh"),
                    source=rule.source,
                    table=rule.table,
                    priority=rule.priority,
                ),
            )


def _stop(traces: Traces, script: str) -> str:
    """Return how to stop ``script``, with its path if a line of interfaces(5) has it."""
    for line in traces.lines:
        for word in line.command.split():
            if word.endswith("/" + script):
                return say("run `MODE=stop {word}` once", word=word)
    return say("run {script} once with MODE=stop", script=script)
