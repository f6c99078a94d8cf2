"""The file with the owner's URL and password: what it may say, and who may read it."""

import os

import pytest

from dualwan.errors import ConfigError
from dualwan.host.remote import update_call
from dualwan.host.remote.update_call import UpdateCall

URL = "https://update.example.jp/request?user=me&pass=secret"


def written(path, text, mode=0o600):
    """Return PATH with TEXT in it, for its owner alone."""
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_url_alone(tmp_path):
    """With all that the provider wants in it."""
    assert update_call.read(written(tmp_path / "f", f'url = "{URL}"\n')) == UpdateCall(URL)


def test_a_name_and_a_password(tmp_path):
    """Beside the URL; neither is shown."""
    found = update_call.read(written(
        tmp_path / "f", f'url = "{URL}"\nuser = "me"\npassword = "pa:ss"\n'))
    assert found == UpdateCall(URL, "me", "pa:ss")
    assert repr(found) == "UpdateCall('https://update.example.jp/request')"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777, 0o620, 0o601])
def test_others_may_not_read_it(tmp_path, mode):
    """Nor write it, nor anything else."""
    path = written(tmp_path / "f", f'url = "{URL}"\n', mode)
    with pytest.raises(ConfigError, match="holds a password"):
        update_call.read(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_another_owner(tmp_path):
    """Who owns it can write it."""
    path = written(tmp_path / "f", f'url = "{URL}"\n')
    os.chown(path, 65534, -1)
    with pytest.raises(ConfigError, match="chown root"):
        update_call.read(path)


def test_only_a_file(tmp_path):
    """No link, no folder, no pipe to wait at."""
    (tmp_path / "link").symlink_to(written(tmp_path / "f", f'url = "{URL}"\n'))
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("link", "pipe", ".", "nothing"):
        with pytest.raises(ConfigError, match=str(tmp_path)):
            update_call.read(tmp_path / name)


@pytest.mark.parametrize(("text", "reason"), [
    ("", "f:1: 'url' is missing"),
    ('url = "http://update.example.jp/?pass=secret"', "f:1: url: must be an https URL"),
    ('url = "https://me:secret@update.example.jp/"', "f:1: url: must be an https URL"),
    ("url = 1", "must be a text"),
    (f'url = "{URL}"\nuser = "me"', "f:2: user: needs the other"),
    (f'url = "{URL}"\npassword = "secret"', "f:2: password: needs the other"),
    (f'url = "{URL}"\nuser = "m:e"\npassword = "secret"', "cannot contain a colon"),
    (f'url = "{URL}"\nuzer = "me"', "f:2: uzer: unknown key"),
    ("url = ", "f:1: not valid TOML"),
    ("#" * 5000, "longer than 4096 bytes"),
])
def test_wrong(tmp_path, text, reason):
    """With file and line, and without the password."""
    with pytest.raises(ConfigError, match=reason) as caught:
        update_call.read(written(tmp_path / "f", text))
    assert "secret" not in str(caught.value)
