"""What tests in Japanese share."""

import subprocess
from pathlib import Path

COMPILE = Path(__file__).parents[2] / "packaging" / "compile-locale"
JAPANESE = {"LC_ALL": "ja_JP.UTF-8", "LANGUAGE": "", "TERM": "xterm"}


def compiled(folder):
    """Return ``folder`` with the catalogues as the package has them."""
    subprocess.run([COMPILE, folder], check=True)
    return str(folder)
