"""The language of the person: which one is asked for, and whether the terminal can show it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from japanese import JAPANESE

from dualwan import catalogue, cli
from dualwan.words import code, listed, named, say


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, []),
        ({"LANG": "ja_JP.UTF-8"}, ["ja"]),
        ({"LANG": "ja_JP.UTF-8", "LC_MESSAGES": "C.UTF-8"}, []),
        ({"LANG": "C", "LC_MESSAGES": "ja_JP.UTF-8"}, ["ja"]),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "en_GB.UTF-8"}, ["en"]),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": ""}, ["ja"]),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "ja:en"}, ["ja", "en"]),
        ({"LANG": "ja_JP.UTF-8", "LANGUAGE": "en"}, ["en"]),
        ({"LANG": "C.UTF-8", "LANGUAGE": "ja"}, []),
        ({"LANGUAGE": "ja"}, []),
        ({"LC_ALL": "POSIX", "LANGUAGE": "ja"}, []),
        ({"LANG": "ja_JP.eucJP@dict"}, ["ja"]),
    ],
)
def test_the_language_is_chosen_by_the_rules_of_gettext(environ, expected):
    """LC_ALL, LC_MESSAGES, LANG; LANGUAGE goes before them, unless the locale is C."""
    assert catalogue.languages(environ) == expected


@pytest.mark.parametrize(
    ("environ", "encoding", "japanese"),
    [
        ({"LANG": "ja_JP.UTF-8"}, "utf-8", True),
        ({"LANG": "ja_JP.UTF-8", "LANGUAGE": "fr:ja"}, "utf-8", True),
        ({"LANG": "ja_JP.UTF-8", "LANGUAGE": "en:ja"}, "utf-8", False),
        ({"LANG": "fr_FR.UTF-8"}, "utf-8", False),
        ({"LANG": "ja_JP.eucJP"}, "euc_jp", True),
        ({"LANG": "ja_JP.eucJP"}, "utf-8", False),
        ({"LANG": "ja_JP.UTF-8"}, "ascii", False),
        ({"LANG": "ja_JP.UTF-8"}, None, False),
        ({"LANG": "ja_JP.nonsense"}, "utf-8", False),
        ({"LANG": "C.UTF-8"}, "utf-8", False),
        ({"LANG": "ja_JP.UTF-8", "TERM": "xterm"}, "utf-8", True),
        ({"LANG": "ja_JP.UTF-8", "TERM": "linux"}, "utf-8", False),
    ],
)
def test_japanese_is_shown_where_the_terminal_can(japanese_catalogue, environ, encoding, japanese):
    """A locale that the machine lacks has Python write UTF-8 to a terminal of another code.

    The console of the kernel, where one sits when the network is down, has no Japanese letters.
    """
    assert japanese_catalogue
    assert catalogue.begin(environ, encoding) is japanese
    assert (catalogue.shown(say("all is well")) == "all is well") is not japanese


def test_without_a_catalogue_it_is_english(monkeypatch, tmp_path):
    """As in a checkout where msgfmt did not run."""
    monkeypatch.setattr(catalogue, "FOLDERS", [str(tmp_path)])
    assert not catalogue.begin(JAPANESE, "utf-8")
    assert catalogue.shown(say("all is well")) == "all is well"


@pytest.mark.parametrize("size", [0, 19, 29, 5000])
def test_with_a_catalogue_that_was_cut_off_it_is_english(japanese_catalogue, tmp_path, size):
    """As after a power cut while the package was installed: what was not written is missing."""
    whole = Path(japanese_catalogue, "ja/LC_MESSAGES/dualwan-hook.mo").read_bytes()
    folder = tmp_path / "ja/LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "dualwan-hook.mo").write_bytes(whole[:size])
    catalogue.FOLDERS[:] = [str(tmp_path)]
    assert not catalogue.begin(JAPANESE, "utf-8")
    assert catalogue.shown(say("all is well")) == "all is well"


def test_what_a_unit_says_is_english(japanese_catalogue, config, tmp_path):
    """Its standard error is the journal, and systemd passes it the machine's LANG."""
    config.write_text("[wan]\ninterface = 'wan0'\n")
    command = (
        f"from dualwan import catalogue; catalogue.FOLDERS = [{japanese_catalogue!r}]\n"
        "from dualwan.cli import main; main(['probe'])"
    )

    def said(stream):
        with (tmp_path / "journal").open("w+") as journal:
            about = os.fstat(journal.fileno())
            environ = {
                "PYTHONPATH": ":".join(sys.path),
                "DUALWAN_CONFIG": str(config),
                "DUALWAN_STATE": str(tmp_path / "state"),
                "JOURNAL_STREAM": stream or f"{about.st_dev}:{about.st_ino}",
                **JAPANESE,
            }
            subprocess.run(
                [sys.executable, "-c", command], stderr=journal, check=False, env=environ
            )
        return (tmp_path / "journal").read_text()

    assert said("").endswith("the section [lan] is missing\n")
    assert "[DW-" in said("1:2"), "a terminal that a unit has started"


def test_a_sentence_is_shown_with_all_that_is_in_it(japanese):
    """Sentences, errors and lists in it too; what others say stays as it is."""
    assert japanese
    down = say("{name} is down", name="lan0")
    assert catalogue.shown(down) == "lan0が上がっていません"
    assert catalogue.shown(listed(", ", [say("IPv4 address"), say("PSID")])) == "IPv4アドレス、PSID"
    error = ValueError(say("'{item}' is listed twice", item="ssh"))
    assert (
        catalogue.shown(say("{text} (example: {shown})", text=error, shown="x = 1"))
        == "'ssh'が二重に書かれています 例: x = 1"
    )
    assert catalogue.shown("No such file") == "No such file"


def test_another_language_has_the_code_and_english_has_not(japanese, monkeypatch):
    """English is what the log has, and is found by its words."""
    assert japanese
    down = say("{name} is down", name="lan0")
    assert catalogue.told(down) == f"lan0が上がっていません [{code(down)}]"
    assert catalogue.told(named(down, "lan-down")) == "lan0が上がっていません [lan-down]"
    assert catalogue.told("No such file") == "No such file"
    monkeypatch.setattr(catalogue, "_messages", None)
    assert catalogue.told(down) == "lan0 is down"


def test_errors_and_help_are_in_the_person_s_language(japanese_catalogue, monkeypatch, capsys):
    """Argparse's own words too; and English again where that is asked for."""
    assert japanese_catalogue
    for name, value in JAPANESE.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["--exit-code"]) == 2
    assert "dualwan-hook: --exit-codeは--dry-runと一緒に使います [DW-" in capsys.readouterr().err
    assert cli.main(["try", "--timeout", "1"]) == 2
    assert (
        "--timeout: 5から3600までの数値を書いてください('1'は使えません)。"
        in capsys.readouterr().err
    )
    assert cli.main(["--co", "x"]) == 2
    assert "--coだけでは区別できません(候補: --config, --color)" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    shown = capsys.readouterr().out
    assert "使い方: dualwan-hook" in shown
    assert "最初の設定ファイルを書く" in shown
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert cli.main(["--exit-code"]) == 2
    assert capsys.readouterr().err == "dualwan-hook: --exit-code goes with --dry-run\n"
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert capsys.readouterr().out.isascii()


@pytest.mark.parametrize("encoding", ["euc_jp", "ascii", "utf-8", "iso-2022-jp"])
def test_no_terminal_gets_a_traceback(japanese_catalogue, encoding):
    """It is written in its code, or in English."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from dualwan import catalogue; catalogue.FOLDERS = [{japanese_catalogue!r}]\n"
            "from dualwan.cli import main; main(['try', '--help'])",
        ],
        capture_output=True,
        check=False,
        env={
            "PYTHONPATH": ":".join(sys.path),
            "LANG": "ja_JP.UTF-8" if encoding == "utf-8" else "ja_JP",
            "PYTHONIOENCODING": encoding,
        },
    )
    assert done.stderr == b""
    shown = done.stdout.decode(encoding)
    assert ("until it goes back" if encoding == "ascii" else "元に戻すまでの秒数") in shown


def test_a_hook_has_no_language(japanese_catalogue, config, tmp_path):
    """Whatever its environment asks for: the log and stderr are English, no catalogue is read."""
    assert japanese_catalogue
    config.write_text("[wan]\ninterface = 'wan0'\n")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, syslog; syslog.syslog = lambda _level, line: print(line)\n"
            "from dualwan.hook import hook; hook('up', 'wan0')\n"
            "print({'gettext', 'dualwan.catalogue'} & set(sys.modules))",
        ],
        capture_output=True,
        check=True,
        text=True,
        env={
            "PYTHONPATH": ":".join(sys.path),
            "DUALWAN_CONFIG": str(config),
            "DUALWAN_STATE": str(tmp_path / "state"),
            **JAPANESE,
        },
    )
    log, modules = done.stdout.splitlines()
    assert "the section [lan] is missing (cause=ifup code=DW-" in log
    assert modules == "set()"
    assert "the section [lan] is missing\n" in done.stderr
