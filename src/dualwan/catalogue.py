"""The language of the person at the terminal: the gettext catalogue and the lookup in it.

Only a command that a person types has a language (``begin``): hooks, units that write to the log,
and --json are English. msgfmt makes the catalogues of locale/LANGUAGE/LC_MESSAGES/*.po; without
one, or on a terminal that cannot show its letters, the text is English too.
"""

from __future__ import annotations

import codecs
import gettext
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dualwan.words import ITEMS, Words, code

DOMAIN, _PYTHONS = "dualwan-hook", "messages"  # our gettext domain, and Python's default
# Where the catalogues are in a checkout, and where the package installs them.
FOLDERS = [str(Path(__file__).with_name("locale")), "/usr/share/locale"]
_SAMPLE = {"ja": "日本語"}  # what a terminal must be able to show, by language
_ENGLISH = ("en", "C", "POSIX")
_CONSOLE = "linux"  # TERM of the kernel's console, whose font has 512 glyphs at most

_messages: gettext.GNUTranslations | None = None


def begin(environ: Mapping[str, str], encoding: str | None) -> bool:
    """Switch to the language that ``environ`` asks for; return whether it is not English.

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
    """Switch back to English."""
    global _messages  # noqa: PLW0603 - a process has one terminal
    if _messages is not None:
        _messages = None
        gettext.textdomain(_PYTHONS)


@contextmanager
def english() -> Iterator[None]:
    """Switch to English for the body, whose text is for other readers than the person."""
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
    except Exception:  # noqa: BLE001 - no file, or a truncated one: gettext raises anything
        return False
    if not isinstance(found, gettext.GNUTranslations):
        return False
    _messages = found
    gettext.bindtextdomain(DOMAIN, folder)
    gettext.textdomain(DOMAIN)  # argparse has its words from there
    return True


def languages(environ: Mapping[str, str]) -> list[str]:
    """Return the languages that ``environ`` asks for, the best first, as gettext reads it.

    LC_ALL precedes LC_MESSAGES, which precedes LANG. Unless the locale in force is C, the list in
    LANGUAGE precedes it.
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
    """Return the language of a locale such as ja_JP.UTF-8; a catalogue is for all its countries."""
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
    """Return ``text`` translated if it is a sentence of ours (``Words``), else as it is."""
    return str.__str__(text) if _messages is None else _in_words(text, _messages)


def told(text: str) -> str:
    """Return ``text`` as ``shown`` does, and after a translated sentence its code, as logged."""
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
