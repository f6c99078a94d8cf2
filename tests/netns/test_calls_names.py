"""Names that only the line's own name server knows, from a real one (dnsmasq)."""

import json
import shutil

import pytest
from guest.provisioning import HOST
from line import CONFIG
from programs import program, running
from provider import HTTPS
from provider import Line as Provider
from space import until

AFTR, PREFIX = "2001:db8:ffff::64", "2001:db8:0:100::"
DS_LITE = (
    CONFIG[: CONFIG.index("[mape]")]
    + '[mape]\nmode = "ds-lite"\naftr = "gw.example.jp"\nwait = 0\n'
    + "[pppoe]\ndial = false\n"
)


def settled(space, device):
    """Whether the device has a link-local address, and no address that may be another's."""
    listed = space.run("ip", "-6", "address", "show", "dev", device)
    return "fe80:" in listed and "tentative" not in listed


class Router:
    """A router on a DS-Lite line, and the line's own dnsmasq: it advertises itself, and answers."""

    def __init__(self, line):
        self.line = line
        line.router.ip(f"link del mape0\naddress add {PREFIX}5/64 dev wan0 nodad")
        line.internet.ip(f"address add {PREFIX}1/64 dev wan nodad")
        # dnsmasq advertises from a link-local address that is nobody else's, and only then.
        assert until(lambda: settled(line.internet, "wan") and settled(line.router, "wan0"))
        self.state = line.folder / "state"

    def dnsmasq(self, *options):
        """Run dnsmasq on the line for as long as the context lasts."""
        log = self.line.folder / "dnsmasq.log"
        return running(
            self.line.internet,
            *(program("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts"),
            *("--no-resolv", "--user=root", "--pid-file", "--log-facility=-", "--no-ping"),
            *("--interface=wan", "--bind-interfaces", f"--host-record=gw.example.jp,{AFTR}"),
            *("--dhcp-leasefile=" + str(self.line.folder / "leases"), *options),
            log=log,
            ready=lambda: "started" in log.read_text(),
        )

    def said(self, event, **environ):
        """Run the hook of ``event``; return what went wrong."""
        return self.line.complaint(event, DUALWAN_STATE=str(self.state), **environ)

    def far_end(self):
        """Return the remote end of the tunnel that a run would make, or what it waits for."""
        done = self.line.hook("--dry-run", DUALWAN_STATE=str(self.state))
        for text in done.stdout.splitlines():
            if "tunnel mape0" in text:
                return text.split("remote ")[1].split()[0]
            if text.startswith("problem:"):
                return text
        return done.stdout

    def reboot(self):
        """Forget what a boot forgets."""
        shutil.rmtree(self.line.run_directory)


UNKNOWN = "problem: the address of gw.example.jp (mape.aftr) is not known yet"
BY_RA = ("--enable-ra", "--dhcp-range=::,constructor:wan,ra-only", "--dhcp-option=option6:23,[::]")
BY_DHCP = ("--enable-ra", f"--dhcp-range={PREFIX},ra-stateless")


@pytest.fixture(name="router")
def _router(bare):
    return Router(bare(config=DS_LITE))


@pytest.mark.parametrize(
    "options", [BY_RA, BY_DHCP], ids=["router advertisement", "information request"]
)
def test_the_line_s_own_name_server_is_asked_for_the_aftr(router, options):
    """No program on the machine knows it; the line itself names it when asked."""
    with router.dnsmasq(*options):
        router.said("ifup", IFACE="wan0")
        assert router.far_end() == AFTR


def test_the_aftr_is_asked_for_at_each_event_until_known_and_outlives_a_boot(router):
    """Not at ifup, then at an event of PPPoE; after a boot the last one is used.

    For another prefix, which may be another provider's, it is not used; nor for another name.
    """
    assert "gw.example.jp" in router.said("ifup", IFACE="wan0")
    assert router.far_end() == UNKNOWN
    with router.dnsmasq(*BY_DHCP):
        router.said("ppp-up", PPP_IFACE="ppp0")
    assert router.far_end() == AFTR
    router.reboot()
    assert router.far_end() == AFTR
    router.line.router.ip("""
        address flush dev wan0 scope global
        address add 2001:db8:7::5/64 dev wan0 nodad
    """)
    assert router.far_end() == UNKNOWN
    router.line.router.ip(f"""
        address flush dev wan0 scope global
        address add {PREFIX}5/64 dev wan0 nodad
    """)
    assert router.far_end() == AFTR
    router.line.config.write_text(DS_LITE.replace("gw.example.jp", "other.example.jp"))
    assert router.far_end() == UNKNOWN.replace("gw.", "other.")


def test_hb46pp_over_a_real_name_server(tmp_path):
    """The TXT record and the server's address are dnsmasq's, the server's TLS OpenSSL's."""
    provider = Provider(tmp_path)
    dns, log = "2001:db8:53::54", tmp_path / "dnsmasq.log"
    provider.run_in("ip", "address", "add", f"{dns}/128", "dev", "lo", "nodad")
    record = f"v=v6mig-1 url=https://{HOST}/case/good.json t=b"
    (tmp_path / "resolv.conf").write_text(f"nameserver {dns}\n")
    try:
        with running(
            provider,
            *(program("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts"),
            *("--no-resolv", "--user=root", "--pid-file", "--log-facility=-", "--bind-interfaces"),
            *(f"--listen-address={dns}", f"--txt-record=4over6.info,{record}"),
            f"--host-record={HOST},{HTTPS}",
            log=log,
            ready=lambda: "started" in log.read_text(),
        ):
            (found,) = provider.run()["said"]
        assert found.startswith("hb46pp: learned 2001:db8:1:2000::/52 -> 203.0.113.0/24")
        assert json.loads((provider.state / "provisioning.json").read_text())["answers"]
    finally:
        provider.close()
