"""A machine below a folder on which `dualwan-hook init --your-lan` runs."""

from ipaddress import ip_interface

from another_root import put
from init_cases import Person

from dualwan import cli
from dualwan.commands import init, lan_files
from dualwan.host.around import addresses
from dualwan.model.surroundings import OwnAddress

CONFIG = '[wan]\ninterface = "eth8"\n[lan]\ninterfaces = ["tun*", "br0"]\n[mape]\n'
HOME = OwnAddress("br0", ip_interface("10.1.2.250/24"))
UNITS = [f"usr/lib/systemd/system/{name}.service" for name in ("dhcpcd", "dnsmasq")]


def runner(tmp_path, monkeypatch, capsys):
    """Return a function that runs it on a machine below a folder; all programs are installed."""
    config = tmp_path / "dualwan.toml"
    config.write_text(CONFIG)
    config.chmod(0o600)
    monkeypatch.delenv("DUALWAN_CONFIG", raising=False)
    monkeypatch.setattr(lan_files.shutil, "which", lambda name, **_: f"/usr/sbin/{name}")
    monkeypatch.setattr(addresses, "look", lambda: (HOME,))
    root, agreed = tmp_path / "root", lan_files.agreed
    put(root, dict.fromkeys(UNITS, ""))
    monkeypatch.setattr(
        lan_files, "agreed", lambda *argv, **words: agreed(*argv, **words, root=root)
    )

    def run(*argv, answers=None):
        person = Person(answers or ())
        monkeypatch.setattr(init, "Terminal", lambda: person)
        monkeypatch.setattr(init, "_is_terminal", lambda: answers is not None)
        code = cli.main(["init", "--config", str(config), *argv])
        return code, "\n".join(person.shown), capsys.readouterr().err

    run.root, run.config = root, config
    return run


def written(root):
    """Return the texts below ``root``, by path."""
    return {
        str(path.relative_to(root)): path.read_text()
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".service"
    }
