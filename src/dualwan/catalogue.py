"""The language of the person at the terminal: gettext's catalogue, and what is shown by it.

Only the command for a person has a language (``begin``): hooks, units that write to the log, and
--json are English. The catalogues are made of locale/LANGUAGE/LC_MESSAGES/*.po by msgfmt; without
one, or on a terminal that cannot show it, the text is English too.
"""

from __future__ import annotations

import codecs
import gettext
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dualwan.words import ITEMS, Words, code

DOMAIN, _PYTHONS = "dualwan-hook", "messages"  # of this program, and of those that name none
# Of a checkout, and of the package.
FOLDERS = [str(Path(__file__).with_name("locale")), "/usr/share/locale"]
_SAMPLE = {"ja": "日本語"}  # what a terminal must be able to show, by language
_ENGLISH = ("en", "C", "POSIX")
_CONSOLE = "linux"  # TERM of the kernel's own, whose font has 512 letters at most

_messages: gettext.GNUTranslations | None = None


def begin(environ: Mapping[str, str], encoding: str | None) -> bool:
    """Take the language that ``environ`` asks for; return whether it is another than English.

    ``encoding``: of the output.
    """
    end()
    if environ.get("TERM") == _CONSOLE:
        return False
    for language in languages(environ):
        if language in _ENGLISH:
            break
        if language in _SAMPLE and _can_show(_SAMPLE[language], _locale(environ), encoding):
            for folder in FOLDERS:
                if _load(folder, language):
                    return True
    return False


def end() -> None:
    """Take English again."""
    global _messages  # noqa: PLW0603 - a process has one terminal
    if _messages is not None:
        _messages = None
        gettext.textdomain(_PYTHONS)


@contextmanager
def english() -> Iterator[None]:
    """Show English in the body: what is made there is for others than the person."""
    global _messages  # noqa: PLW0603 - see end
    spoken, _messages = _messages, None
    try:
        yield
    finally:
        _messages = spoken


def _load(folder: str, language: str) -> bool:
    global _messages  # noqa: PLW0603 - see end
    try:
        found = gettext.translation(DOMAIN, folder, [language])
    except Exception:  # noqa: BLE001 - none there, or one that was cut off: gettext raises anything
        return False
    if not isinstance(found, gettext.GNUTranslations):
        return False
    _messages = found
    gettext.bindtextdomain(DOMAIN, folder)
    gettext.textdomain(DOMAIN)  # argparse has its words from there
    return True


def languages(environ: Mapping[str, str]) -> list[str]:
    """Return the languages that ``environ`` asks for, the best first, as gettext reads it.

    LC_ALL goes before LC_MESSAGES, and that before LANG. Where the one that counts is not C,
    LANGUAGE has a list that goes before it.
    """
    locale = _locale(environ)
    if _language(locale) in ("", "C", "POSIX"):
        return []
    wanted = [one for one in environ.get("LANGUAGE", "").split(":") if one]
    return [_language(one) for one in wanted or [locale]]


def _locale(environ: Mapping[str, str]) -> str:
    given = (environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return next(filter(None, given), "")


def _language(locale: str) -> str:
    """Return the language of a locale such as ja_JP.UTF-8, which has all of its countries."""
    return locale.partition("@")[0].partition(".")[0].partition("_")[0]


def _can_show(sample: str, locale: str, encoding: str | None) -> bool:
    """Whether a terminal of ``locale`` shows ``sample``, written in ``encoding``."""
    codeset = locale.partition("@")[0].partition(".")[2]
    try:
        written = codecs.lookup(encoding or "ascii").name
        if codeset and codecs.lookup(codeset).name != written:
            return False  # Python does not know the locale, and writes UTF-8
        sample.encode(written)
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def shown(text: str) -> str:
    """Return ``text`` in the person's language, as far as it is a sentence of ours."""
    return str.__str__(text) if _messages is None else _in_words(text, _messages)


def told(text: str) -> str:
    """Return ``text`` as ``shown`` does; in another language with its code, as the log has it."""
    found = "" if _messages is None else code(text)
    return f"{shown(text)} [{found}]" if found else shown(text)


def _in_words(text: str, messages: gettext.GNUTranslations) -> str:
    if not isinstance(text, Words):
        return text
    if ITEMS in text.values:
        items: tuple[str, ...] = text.values[ITEMS]  # type: ignore[assignment]
        separator = messages.gettext(text.template) if text.template else ""
        return separator.join(_in_words(one, messages) for one in items)
    template = messages.gettext(text.template)
    if not text.values:
        return template
    return template.format(**{name: _value(one, messages) for name, one in text.values.items()})


def _value(value: object, messages: gettext.GNUTranslations) -> object:
    text = str(value) if isinstance(value, Exception) else value
    return _in_words(text, messages) if isinstance(text, Words) else value
