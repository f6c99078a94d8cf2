"""The options of a PPP peer, each with file and line, as pppd reads them."""

from dualwan.ppp.options import MAX_FILES, MAX_OPTIONS, Option, read_peer

FILES = {
    "/etc/ppp/options": "# for all\nlock\nmtu 1500\n",
    "/etc/ppp/peers/dsl": """\
noipdefault   # by pppoeconf
defaultroute
call "common"
plugin rp-pppoe.so nic-eth0.7
user "me@example" password "sesame"
mtu 1454
file /etc/ppp/more
""",
    "/etc/ppp/peers/common": "persist\nmaxfail 0\n",
    "/etc/ppp/more": "unit 3\n",
    "/etc/ppp/options.eth0.7": "mru 1454\n",
}


def read(files, peer="dsl", interfaces=()):
    """Return the options of PEER where FILES are all that there is."""

    def text(path):
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    return read_peer(peer, text, interfaces)


def test_each_option_has_its_argument_its_file_and_its_line():
    """In the order in which pppd reads, with what is included at its place."""
    assert read(FILES).options == (
        Option("lock", "", "/etc/ppp/options:2"),
        Option("mtu", "1500", "/etc/ppp/options:3"),
        Option("noipdefault", "", "/etc/ppp/peers/dsl:1"),
        Option("defaultroute", "", "/etc/ppp/peers/dsl:2"),
        Option("persist", "", "/etc/ppp/peers/common:1"),
        Option("maxfail", "0", "/etc/ppp/peers/common:2"),
        Option("plugin", "rp-pppoe.so", "/etc/ppp/peers/dsl:4"),
        Option("nic-eth0.7", "", "/etc/ppp/peers/dsl:4"),
        Option("user", "me@example", "/etc/ppp/peers/dsl:5"),
        Option("password", "", "/etc/ppp/peers/dsl:5"),
        Option("mtu", "1454", "/etc/ppp/peers/dsl:6"),
        Option("unit", "3", "/etc/ppp/more:1"),
        Option("mru", "1454", "/etc/ppp/options.eth0.7:1"),
    )


def test_the_last_of_an_option_is_in_force():
    """And one that switches it off counts only after it."""
    found = read(FILES)
    assert found.last("mtu").value == "1454"
    assert found.last("ifname") is None
    assert found.on("defaultroute", "nodefaultroute").place == "/etc/ppp/peers/dsl:2"
    later = read({**FILES, "/etc/ppp/more": "nodefaultroute\n"})
    assert later.on("defaultroute", "nodefaultroute") is None
    assert read({**FILES, "/etc/ppp/options": "nodefaultroute\n"}).on(
        "defaultroute", "nodefaultroute"
    )


def test_a_password_is_not_kept():
    """Neither by its option nor elsewhere in what is returned."""
    assert "sesame" not in repr(read(FILES))


def test_the_interface_may_be_named_as_it_is():
    """The plugin takes a bare name if the machine has such an interface."""
    files = {"/etc/ppp/peers/dsl": "plugin pppoe.so\neth1\nttyS0\n"}
    assert [one.value for one in read(files, interfaces=("eth1", "lo")).nics] == ["eth1"]
    assert read(files).nics == ()
    assert read({"/etc/ppp/peers/dsl": "nic-eth1\n"}).nics == (), "without the plugin"


def test_what_cannot_be_read_is_told_with_who_asks_for_it():
    """The peer itself, or a file that an option includes; /etc/ppp/options need not be there."""
    assert read({}).unreadable == (("/etc/ppp/peers/dsl", ""),)
    files = {"/etc/ppp/peers/dsl": "\nfile /etc/ppp/none\n"}
    assert read(files).unreadable == (("/etc/ppp/none", "/etc/ppp/peers/dsl:2"),)


def test_a_file_that_includes_itself_ends():
    """Pppd itself would not: depth and size are bounded."""
    found = read({"/etc/ppp/peers/dsl": "lock\ncall dsl\nmtu 1454\n"})
    assert found.cut
    assert len(found.options) < 2 * MAX_FILES
    long = read({"/etc/ppp/peers/dsl": "lock\n" * (MAX_OPTIONS + 5)})
    assert long.cut
    assert len(long.options) == MAX_OPTIONS
    assert not read(FILES).cut


def test_a_missing_argument_is_an_empty_one():
    """At the end of a file; pppd says that it is missing."""
    assert read({"/etc/ppp/peers/dsl": "user"}).options == (
        Option("user", "", "/etc/ppp/peers/dsl:1"),
    )


def test_a_file_of_the_nic_that_is_too_long_is_cut():
    """Whoever reads the options is told that some are missing."""
    files = {**FILES, "/etc/ppp/options.eth0.7": "lock\n" * (MAX_OPTIONS + 1)}
    assert not read(FILES).cut
    assert read(files).cut
