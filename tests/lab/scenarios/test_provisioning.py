"""A line whose prefix no rule here covers: the router learns the rule from the provider."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest import product, router, traffic, waiting
from guest.addresses import (
    BR,
    CE,
    INTERNET_HOST,
    LAN,
    MAPE_ADDRESS,
    PORT_SET,
    PSID,
    WAN,
    WAN_PREFIX,
)
from guest.line import Line
from guest.provisioning import HOST, make_certificates

pytestmark = pytest.mark.usefixtures("internet")

DNS, HTTPS = "2001:db8:53::53", "2001:db8:53::80"
# The relay's address and port set, by a rule that only the provider knows.
PREFIX = "2001:db8:5c71:1af::"
LEARNED_CE = "2001:db8:5c71:1af:99:f171:c600:2f00"
RULE = {
    "ipv6": "2001:db8:5c71::/52",
    "ipv4": "153.241.113.192/26",
    "ea_length": 12,
    "psid_offset": 6,
}
ANSWER = {
    "enabler_name": "Lab VNE",
    "ttl": 3600,
    "order": ["map_e"],
    "map_e": {"br": BR, "rules": [RULE]},
}
CONFIG = f"""\
[wan]
interface = "{WAN}"
[lan]
interfaces = ["{LAN}"]
[mape]
provider = "auto"
provisioning = ["hb46pp"]
"""
RESOLV_CONF = Path("/etc/resolv.conf")
AUTHORITIES = Path(ssl.get_default_verify_paths().openssl_cafile)
ANSWERS = Path("/var/lib/dualwan/provisioning.json")


def _relay_to(line: Line, ce: str) -> None:
    line.relay.space.ip(
        f"link set dev map0 type ip6tnl mode ipip6 local {BR} remote {ce} encaplimit none"
    )


@pytest.fixture(scope="module")
def provider(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The provider's resolver and server, and a line with another prefix; the server's folder."""
    folder = tmp_path_factory.mktemp("provider")
    authority = make_certificates(folder)
    (folder / "good.json").write_text(json.dumps(ANSWER))
    (folder / "txt").write_text(f"v=v6mig-1 url=https://{HOST}/case/good.json t=b")
    line.internet.ip(*(f"address add {address}/128 dev lo nodad" for address in (DNS, HTTPS)))
    server = subprocess.Popen(
        [
            *line.internet.prefix(),
            sys.executable,
            "-m",
            "guest.provisioning",
            str(folder),
            DNS,
            HTTPS,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    assert server.stdout
    assert server.stdout.readline() == b"ready\n"
    kept = {
        path: path.read_bytes() if path.exists() else None for path in (RESOLV_CONF, AUTHORITIES)
    }
    RESOLV_CONF.write_text(f"nameserver {DNS}\n")
    AUTHORITIES.write_bytes(authority.read_bytes())
    line.isp.space.ip(f"route add {PREFIX}/64 dev wan")
    line.isp.announce(PREFIX)
    _relay_to(line, LEARNED_CE)
    yield folder
    _relay_to(line, CE)
    line.isp.announce(WAN_PREFIX)
    line.isp.space.ip(f"route del {PREFIX}/64 dev wan")
    for path, content in kept.items():
        path.unlink() if content is None else path.write_bytes(content)
    if server.stdin:
        server.stdin.close()
    server.wait(10)
    line.internet.ip(*(f"address del {address}/128 dev lo" for address in (DNS, HTTPS)))


@pytest.fixture(scope="module")
def learned(installed: object, provider: Path) -> Iterator[Path]:
    """An ifup on that line, with nothing about MAP-E in the configuration."""
    assert installed
    if product.wan_is_up():
        product.take_down()
    product.configure(CONFIG)
    product.bring_up()
    yield provider
    product.take_down()
    ANSWERS.unlink(missing_ok=True)
    product.configure()


def _status() -> dict[str, object]:
    done = product.run("status", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_client_reaches_the_internet_by_the_learned_rule(learned: Path, line: Line) -> None:
    """The relay refuses nothing; the status names the origin; the server was asked once."""
    waiting.until(lambda: MAPE_ADDRESS in router.addresses("mape0"), "the tunnel", 20)
    line.relay.reset()
    seen = traffic.ask_tcp(line.client, INTERNET_HOST)
    assert (seen.address, seen.port in PORT_SET) == (MAPE_ADDRESS, True)
    assert line.relay.refused() == {}
    status = _status()
    assert isinstance(status["mape"], dict)
    assert isinstance(status["learned"], list)
    assert (status["mape"]["ce"], status["mape"]["psid"]) == (LEARNED_CE, PSID)
    assert status["learned"][0]["origin"] == f"https://{HOST}/case/good.json"
    assert status["learned"][0]["covers"] is True
    assert len((learned / "log").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/huge", "more than 65536 bytes"),
        ("/loop", "more than 3 redirects"),
        ("/case/elsewhere.json", "none of its 1 rules covers"),
        ("/case/ea-200.json", "ea_length is not a number from 0 to 48"),
        ("/case/html", "is not JSON: HTML"),
    ],
)
def test_a_wrong_answer_changes_nothing(learned: Path, path: str, reason: str) -> None:
    """It leaves one line in the log, and the tunnel as it is."""
    for name, rule in (
        ("elsewhere", RULE | {"ipv6": "2001:db8:9999::/52"}),
        ("ea-200", RULE | {"ea_length": 200}),
    ):
        (learned / f"{name}.json").write_text(
            json.dumps(ANSWER | {"map_e": {"br": BR, "rules": [rule]}})
        )
    (learned / "html").write_text("<html></html>")
    (learned / "txt").write_text(f"v=v6mig-1 url=https://{HOST}{path} t=b")
    kept = json.loads(ANSWERS.read_text())
    kept["answers"]["hb46pp"]["time"] = 0  # half a century old, so it has to be asked anew
    ANSWERS.write_text(json.dumps(kept))
    before = product.journal().splitlines()
    done = product.run()
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "nothing to do"
    new = product.journal().splitlines()[len(before) :]
    assert len(new) == 1
    assert reason in new[0]
    assert json.loads(ANSWERS.read_text())["answers"] == kept["answers"]


def test_silence_at_ifup_takes_what_was_learned(learned: Path, line: Line) -> None:
    """Down and up again while nobody answers, with an answer that is past its time."""
    (learned / "txt").write_text(f"v=v6mig-1 url=https://{HOST}/silent t=b")
    product.take_down()
    product.bring_up()
    waiting.until(lambda: MAPE_ADDRESS in router.addresses("mape0"), "the tunnel", 20)
    assert traffic.ask_tcp(line.client, INTERNET_HOST).address == MAPE_ADDRESS
