"""What the .deb holds, and how its version and changelog follow the source."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import tomli

from dualwan import __version__
from dualwan.setup import lan_files

ROOT = Path(__file__).parents[2]
REVISION = "1"  # as packaging/debian-changelog has it
DEB = ROOT / f"dist/dualwan-hook_{__version__}-{REVISION}_all.deb"


def output(*argv, stdin=None):
    """What the program says; a failure is a failure of the test."""
    return subprocess.run(argv, check=True, capture_output=True, text=True, input=stdin).stdout


@pytest.fixture(scope="module")
def listing():
    """Path -> (mode, owner, target of the link) of all that the package installs."""
    found = {}
    for line in output("dpkg-deb", "--contents", DEB).splitlines():
        mode, owner, _, _, _, name, *link = line.split()
        found[name.removeprefix(".")] = (mode, owner, link[1] if link else "")
    return found


def test_version_is_that_of_the_source():
    """The control file says the version of dualwan/__init__.py, and Debian's revision."""
    assert output("dpkg-deb", "--field", DEB, "Version").strip() == f"{__version__}-{REVISION}"
    assert output("dpkg-deb", "--field", DEB, "Architecture").strip() == "all"


def test_depends_are_the_floors_of_the_source():
    """The package asks for the versions that pyproject.toml asks for."""
    wanted = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    depends = output("dpkg-deb", "--field", DEB, "Depends")
    for name, floor in (each.split(">=") for each in wanted):
        assert f"python3-{name} (>= {floor})" in depends


def test_the_example_is_beside_the_program(listing):
    """`dualwan-hook init` fills it in; the documentation may be left out of an installation."""
    folder = "/usr/share/dualwan-hook/dualwan/setup"
    assert listing[f"{folder}/dualwan.toml"][:2] == ("-rw-r--r--", "root/root")


def test_hooks_are_links_with_names_that_run_parts_takes(listing):
    """Each hook runs first in its folder, and `apt remove` takes it away."""
    hooks = {
        name: link
        for name, (_, _, link) in listing.items()
        if re.match(r"/etc/(network/if-|ppp/ip-)[a-z-]+\.d/.|.*/dispatcher\.d/.*[^/]$", name)
    }
    assert set(hooks) == {
        *(
            f"/etc/network/if-{phase}.d/00dualwan-hook"
            for phase in ("pre-up", "up", "down", "post-down")
        ),
        *(f"/etc/ppp/ip-{way}.d/00dualwan-hook" for way in ("up", "down")),
        *(
            f"/usr/lib/NetworkManager/dispatcher.d/{folder}00dualwan-hook"
            for folder in ("", "pre-up.d/", "pre-down.d/")
        ),
    }
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", Path(name).name) for name in hooks)
    for name, link in hooks.items():
        # NetworkManager runs what is root's and writable for root alone.
        target = os.path.normpath(os.path.join(os.path.dirname(name), link))  # noqa: PTH118, PTH120 - by text: it is not there
        assert listing[target][:2] == ("-rwxr-xr-x", "root/root"), name


def test_what_closes_the_machine_is_beside_the_hooks(listing):
    """Where each hook looks for it, with the table that it loads; and nft(8) is there."""
    folder = "/usr/libexec/dualwan-hook"
    assert listing[f"{folder}/close"][0] == "-rwxr-xr-x"
    assert listing[f"{folder}/closed.nft"][0] == "-rw-r--r--"
    for name in ("ifupdown", "networkmanager"):
        assert f'CLOSE = "{folder}/close"' in (ROOT / "hooks" / name).read_text()
    assert " nftables," in output("dpkg-deb", "--field", DEB, "Depends")


def test_networkd_is_told_to_leave_our_routes_and_rules(listing, tmp_path):
    """A file beside networkd's own, which nothing needs to be asked for."""
    name = "/usr/lib/systemd/networkd.conf.d/dualwan-hook.conf"
    assert name in listing
    subprocess.run(["dpkg-deb", "--extract", DEB, tmp_path], check=True)
    lines = (tmp_path / name[1:]).read_text().splitlines()
    assert {"[Network]", "ManageForeignRoutes=no", "ManageForeignRoutingPolicyRules=no"} < {*lines}


@pytest.mark.parametrize(
    "name",
    [
        "usr/bin/dualwan-hook",
        *(
            f"usr/libexec/dualwan-hook/{name}"
            for name in ("close", "ifupdown", "networkmanager", "ppp")
        ),
    ],
)
def test_programs_are_isolated(name, tmp_path):
    """Neither PYTHONPATH nor the folder of the program decides which code root runs."""
    subprocess.run(["dpkg-deb", "--extract", DEB, tmp_path], check=True)
    assert (tmp_path / name).read_text().startswith("#!/usr/bin/python3 -I\n")


def test_only_the_route_protocol_is_a_conffile(listing):
    """No configuration comes with the package: an example's addresses would be applied."""
    assert output("dpkg-deb", "--info", DEB, "conffiles").split() == [
        "/etc/iproute2/rt_protos.d/dualwan.conf"
    ]
    assert {"/etc/dualwan/hooks.d/", "/etc/dualwan/rules.d/"} <= {*listing}
    assert not [name for name in listing if re.match(r"/etc/dualwan/.*[^/]$", name)]
    assert "/usr/share/doc/dualwan-hook/examples/dualwan.toml" in listing


def test_examples_of_scripts_are_not_run_where_they_are(listing):
    """They are documents until the owner installs them, and names that run-parts takes."""
    folder = "/usr/share/doc/dualwan-hook/examples/hooks.d/"
    found = {name.removeprefix(folder): about for name, about in listing.items() if folder in name}
    assert {*found} == {"", "50-ddns", "60-chat", "60-mail"}
    assert {mode for name, (mode, _, _) in found.items() if name} == {"-rw-r--r--"}


def test_the_pages_for_users_are_there_as_they_are(listing):
    """Not compressed, so that links lead somewhere, and not executable; none for developers."""
    folder = "/usr/share/doc/dualwan-hook/docs/"
    found = {name.removeprefix(folder) for name in listing if folder in name and name[-1] != "/"}
    pages = {
        str(path.relative_to(ROOT / "docs"))
        for path in (ROOT / "docs").rglob("*")
        if path.is_file()
    }
    assert found == pages - {"architecture.md", "glossary.md"}
    assert {listing[folder + name][0] for name in found} == {"-rw-r--r--"}


def test_man_pages_are_there_in_each_language(listing):
    """Where man(1) looks for them: English, and Japanese in a Japanese locale."""
    pages = {name for name in listing if name.startswith("/usr/share/man/") and name[-1] != "/"}
    names = ("man5/dualwan.toml.5.gz", "man8/dualwan-hook.8.gz")
    assert pages == {f"/usr/share/man/{of}{name}" for of in ("", "ja/") for name in names}


def test_files_belong_to_root_and_only_to_root(listing):
    """No file is writable by others, whatever umask the clone was made with."""
    assert {owner for _, owner, _ in listing.values()} == {"root/root"}
    modes = {mode for mode, _, _ in listing.values()}
    assert modes == {"drwxr-xr-x", "-rw-r--r--", "-rwxr-xr-x", "lrwxrwxrwx"}


def test_all_of_the_source_is_there_and_nothing_else(listing):
    """Modules and data, but no compiled files of this machine; the example comes from etc/.

    README.md of a folder is for developers, and a catalogue of sentences is compiled.
    """
    base = "/usr/share/dualwan-hook/"
    packaged = {
        name.removeprefix(base)
        for name in listing
        if name.startswith(base) and not name.endswith("/")
    }
    source = {
        str(path.relative_to(ROOT / "src"))
        for path in (ROOT / "src/dualwan").rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.name != "README.md"
        and path.suffix != ".po"
    }
    for_lan = {
        f"dualwan/setup/your-lan/{name}/{path.name}"
        for name in lan_files.SETS
        for path in (ROOT / "docs/your-lan" / name).iterdir()
    }
    assert packaged == {*source, "dualwan/setup/dualwan.toml", *for_lan}


@pytest.mark.parametrize(
    "text",
    [
        "# Changelog\n## [9.9.9] - 2026-01-02\n### Added\n- Something.\n",
        "# Changelog\n",
    ],
)
def test_a_version_without_its_changelog_entry_is_refused(text):
    """Nobody can raise the version and forget the changelog."""
    done = subprocess.run(
        [ROOT / "packaging/debian-changelog", "1.0.0", "A <a@b.example>"],
        input=text,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert "CHANGELOG.md" in done.stderr


def test_changelog_keeps_every_release_and_wraps():
    """Each release becomes a Debian changelog entry, the newest first."""
    text = (
        "# Changelog\n## [Unreleased]\n- Not yet.\n## [1.1.0] - 2026-02-03\n### Added\n"
        f"- {'word ' * 30}\n  and more.\n## [1.0.0] - 2026-01-02\n- First.\n"
    )
    made = output(ROOT / "packaging/debian-changelog", "1.1.0", "A <a@b.example>", stdin=text)
    assert re.findall(r"^dualwan-hook \((.*?)\)", made, re.MULTILINE) == [
        "1.1.0-1",
        "1.0.0-1",
    ]
    assert " -- A <a@b.example>  Tue, 03 Feb 2026 00:00:00 +0000\n" in made
    assert "Not yet" not in made
    assert "and more." in made
    assert max(map(len, made.splitlines())) <= 80


def test_what_changes_by_default_is_news():
    """NEWS has the changes below "### Defaults" of each release that has some, and no others."""
    text = (
        "# Changelog\n## [Unreleased]\n### Defaults\n- Not yet.\n"
        "## [1.2.0] - 2026-03-04\n### Added\n- A file.\n"
        "### Defaults\n- On.\n### Fixed\n- A fault.\n"
        "## [1.1.0] - 2026-02-03\n### Added\n- Something.\n"
    )
    made = output(
        ROOT / "packaging/debian-changelog", "--news", "1.2.0", "A <a@b.example>", stdin=text
    )
    assert made == (
        "dualwan-hook (1.2.0-1) unstable; urgency=medium\n\n  * On.\n\n"
        " -- A <a@b.example>  Wed, 04 Mar 2026 00:00:00 +0000\n"
    )
