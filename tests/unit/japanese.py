"""What tests in Japanese share."""

import re
import subprocess
from pathlib import Path

COMPILE = Path(__file__).parents[2] / "packaging" / "compile-locale"
JAPANESE = {"LC_ALL": "ja_JP.UTF-8", "LANGUAGE": "", "TERM": "xterm"}
NUMBER = re.compile(r"\d(?:[\d,.]*\d)?")
COUNTED_BY_WORDS = 10


def compiled(folder):
    """Return ``folder`` with the catalogues as the package has them."""
    subprocess.run([COMPILE, folder], check=True)
    return str(folder)


def other_figures(english, japanese):
    """Return the numbers in digits that only one of two texts has.

    A small one may be a word in English only.
    """
    numbers = [set(NUMBER.findall(text)) for text in (english, japanese)]
    more = numbers[1] - numbers[0]
    return (numbers[0] - numbers[1]) | {
        one for one in more if not one.isdigit() or int(one) > COUNTED_BY_WORDS
    }
