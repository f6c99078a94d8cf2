"""Which program manages a device, and hears its router advertisements instead of the kernel."""

import inspect
from pathlib import Path

import pytest

from dualwan.host import managers
from dualwan.host.around import interfaces, networkd, ppp

UNITS = "sys/fs/cgroup/system.slice"


def write(root, path, text=""):
    """Make a file of the machine."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def running(root, *units):
    """Let services run."""
    (root / UNITS).mkdir(parents=True, exist_ok=True)
    for unit in units:
        (root / UNITS / f"{unit}.service").mkdir()


# --- who manages a device --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "who"),
    [
        ("configured", "systemd-networkd"),
        ("configuring", "systemd-networkd"),
        ("unmanaged", ""),
        ("pending", ""),
        ("", ""),
    ],
)
def test_networkd_says_which_links_it_manages(tmp_path, state, who):
    """/run/systemd/netif/links has a file for each link, also for those it leaves alone."""
    running(tmp_path, "systemd-networkd")
    write(
        tmp_path,
        "run/systemd/netif/links/7",
        f"# This is private data. Do not parse.\nADMIN_STATE={state}\nOPER_STATE=routable\n",
    )
    assert managers.manager("wan0", 7, tmp_path) == who
    assert managers.manager("lan0", 8, tmp_path) == ""


@pytest.mark.parametrize(("value", "who"), [("true", "NetworkManager"), ("false", "")])
def test_networkmanager_says_which_devices_it_manages(tmp_path, value, who):
    """/run/NetworkManager/devices, a key file for each device."""
    running(tmp_path, "NetworkManager")
    write(tmp_path, "run/NetworkManager/devices/7", f"[device]\nmanaged={value}\n")
    assert managers.manager("wan0", 7, tmp_path) == who


def test_the_files_of_a_manager_that_has_ended_say_nothing(tmp_path):
    """Both leave them; who moved from networkd to ifupdown has them until the next boot."""
    running(tmp_path)
    write(tmp_path, "run/systemd/netif/links/7", "ADMIN_STATE=configured\n")
    write(tmp_path, "run/NetworkManager/devices/7", "[device]\nmanaged=true\n")
    assert managers.manager("wan0", 7, tmp_path) == ""


@pytest.mark.parametrize(
    ("file", "comm", "who"),
    [
        ("pid", "dhcpcd", "dhcpcd"),
        ("wan0.pid", "dhcpcd", "dhcpcd"),
        ("wan0-6.pid", "dhcpcd", "dhcpcd"),
        ("wan0-4.pid", "dhcpcd", ""),  # IPv4 alone
        ("lan0.pid", "dhcpcd", ""),
        ("pid", "sshd", ""),  # its number, long after it has ended
    ],
)
def test_a_dhcpcd_of_all_devices_or_of_this_one(tmp_path, file, comm, who):
    """By its pid file, and by the process that has that number."""
    running(tmp_path)
    write(tmp_path, f"run/dhcpcd/{file}", "42\n")
    write(tmp_path, "proc/42/comm", f"{comm}\n")
    assert managers.manager("wan0", 7, tmp_path) == who


@pytest.mark.parametrize("text", ["", "many\n"])
def test_a_pid_file_without_a_process_is_no_dhcpcd(tmp_path, text):
    """It is being started, or has ended."""
    running(tmp_path)
    write(tmp_path, "run/dhcpcd/pid", text)
    assert managers.manager("wan0", 7, tmp_path) == ""


def test_advertisements_are_heard_where_the_manager_has_turned_the_kernel_off(tmp_path):
    """accept_ra 0 and a manager: without either the kernel is to hear them."""
    running(tmp_path)
    write(tmp_path, "run/dhcpcd/pid", "42\n")
    write(tmp_path, "proc/42/comm", "dhcpcd\n")
    values = {"net/ipv6/conf/lo/accept_ra": "0", "net/ipv4/ip_forward": "0"}
    assert managers.hearing(values, tmp_path) == {"lo": "dhcpcd"}
    assert managers.hearing({"net/ipv6/conf/lo/accept_ra": "1"}, tmp_path) == {}
    assert managers.hearing({"net/ipv6/conf/none0/accept_ra": "0"}, tmp_path) == {}
    (tmp_path / "run/dhcpcd/pid").unlink()
    assert managers.hearing(values, tmp_path) == {}


def test_managers_of_several_devices(tmp_path):
    """Those that have one; a device that is gone has none."""
    running(tmp_path, "systemd-networkd")
    write(tmp_path, "run/systemd/netif/links/1", "ADMIN_STATE=configured\n")
    assert managers.managers(("lo", "none0"), tmp_path) == {"lo": "systemd-networkd"}


# --- stanzas of interfaces(5) ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("auto wan0\niface wan0 inet6 auto\n", ":2"),
        ("# iface wan0 inet manual\n", ""),
        ("auto wan0\n", ""),  # no stanza: ifup knows no such interface
        ("iface wan01 inet manual\n", ""),
        ("iface wan* inet manual\n", ":1"),
        ("mapping lan0 wan0\n", ":1"),
        ("  iface wan0 inet dhcp\n", ":1"),
        ("iface lan0 inet static\n    hwaddress wan0\n", ""),
        ("", ""),
    ],
)
def test_a_stanza_gives_the_device_to_ifup(tmp_path, text, where):
    """The first one, with its line."""
    write(tmp_path, "etc/network/interfaces", text)
    assert interfaces.stanza("wan0", tmp_path) == (
        f"/etc/network/interfaces{where}" if where else ""
    )


@pytest.mark.parametrize(
    "source",
    [
        "source /etc/network/interfaces.d/*",
        "source interfaces.d/*",
        "source-directory /etc/network/interfaces.d",
        "source-directory interfaces.d",
    ],
)
def test_files_that_are_sourced_count(tmp_path, source):
    """By pattern or folder, from the root or from the file's own folder."""
    write(tmp_path, "etc/network/interfaces", f"{source}\n")
    write(tmp_path, "etc/network/interfaces.d/wan", "\niface wan0 inet manual\n")
    assert interfaces.stanza("wan0", tmp_path) == "/etc/network/interfaces.d/wan:2"


def test_a_file_that_sources_itself_ends(tmp_path):
    """Each file is read once."""
    write(tmp_path, "etc/network/interfaces", "source interfaces\nsource [\nsource-directory **\n")
    assert interfaces.stanza("wan0", tmp_path) == ""


@pytest.mark.parametrize("folder", ["usr/sbin", "sbin"])
def test_ifup_is_looked_for_where_its_packages_have_it(tmp_path, folder):
    """Of ifupdown, ifupdown-ng and ifupdown2, on a merged /usr or not."""
    assert not interfaces.is_run(tmp_path)
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "ifup").symlink_to("/usr/share/ifupdown2/sbin/ifupdown2")
    assert not interfaces.is_run(tmp_path)  # left over as well
    (tmp_path / folder / "ifup").unlink()
    (tmp_path / folder / "ifup").write_text("")
    assert interfaces.is_run(tmp_path)


def test_without_ifupdown_there_is_no_stanza(tmp_path):
    """The file need not be there."""
    assert interfaces.stanza("wan0", tmp_path) == ""


# --- systemd-networkd and the routes of others -----------------------------------------------

NO = "[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n"
OURS = "usr/lib/systemd/networkd.conf.d/dualwan-hook.conf"


@pytest.fixture(name="with_networkd")
def _with_networkd(tmp_path):
    """Return a machine whose networkd runs."""
    running(tmp_path, "systemd-networkd")
    (tmp_path / "run/systemd/netif").mkdir(parents=True)
    return tmp_path


def test_the_file_of_the_package_keeps_networkd_off(with_networkd):
    """And without it both settings are on."""
    assert networkd.foreign(with_networkd) == networkd.SETTINGS
    write(with_networkd, OURS, NO)
    write(with_networkd, "etc/systemd/networkd.conf", "[Network]\n#ManageForeignRoutes=yes\n")
    assert networkd.foreign(with_networkd) == ()


def test_a_later_file_says_otherwise(with_networkd):
    """By the order of names, wherever it lies; the file and line are named."""
    write(with_networkd, OURS, NO)
    write(with_networkd, "etc/systemd/networkd.conf.d/zz.conf", "[Network]\nManageForeignRoutes=1")
    assert networkd.foreign(with_networkd) == (
        "ManageForeignRoutes (/etc/systemd/networkd.conf.d/zz.conf:2)",
    )


def test_a_file_of_the_same_name_in_etc_hides_ours(with_networkd):
    """As a link to /dev/null does."""
    write(with_networkd, OURS, NO)
    folder = with_networkd / "etc/systemd/networkd.conf.d"
    folder.mkdir(parents=True)
    (folder / "dualwan-hook.conf").symlink_to("/dev/null")
    assert networkd.foreign(with_networkd) == networkd.SETTINGS


def test_without_networkd_nothing_is_said(tmp_path):
    """What does not run removes nothing."""
    running(tmp_path)
    assert networkd.foreign(tmp_path) == ()


@pytest.mark.parametrize(
    "reader",
    [
        *(managers.manager, managers.hearing, networkd.foreign, interfaces.stanza),
        *(interfaces.lines, ppp.look, ppp.read_options, ppp.starters),
    ],
)
def test_without_another_root_folder_it_is_the_machines(reader):
    """Wherever the program was started."""
    assert inspect.signature(reader).parameters["root"].default == Path("/")


def test_only_files_of_a_folder_are_read(tmp_path):
    """A folder with a good name in it is passed over, and so is a pattern that names no file."""
    odd = "source-directory interfaces.d\nsource **x\nsource /\n"
    write(tmp_path, "etc/network/interfaces", odd)
    (tmp_path / "etc/network/interfaces.d/more").mkdir(parents=True)
    write(tmp_path, "etc/network/interfaces.d/wan", "iface wan0 inet manual\n")
    assert interfaces.stanza("wan0", tmp_path) == "/etc/network/interfaces.d/wan:1"
