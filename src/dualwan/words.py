"""Sentences for a person, which can be shown in another language than English.

The text is English: the log, JSON and tests read that. A sentence also keeps its template and
values, from which `catalogue` makes the translation where it is shown. This module looks up
nothing, so that a hook need not load a catalogue.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as typing's, which takes long to load
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that looks like another one
_FNV_BASIS, _FNV_PRIME = 2166136261, 16777619
ITEMS = ""  # the name of the values of a list


class Words(str):
    """A sentence, or a part of one.

    template: as in the source. values: of its placeholders. id: its code, "" for the derived one.
    """

    __slots__ = ("id", "template", "values")

    id: str
    template: str
    values: Mapping[str, object]

    def __str__(self) -> str:
        """Return itself, so that str(error) is still more than the text."""
        return self

    def __add__(self, other: str) -> str:
        return say("{one}{other}", one=self, other=other)

    def __radd__(self, other: str) -> str:
        return say("{one}{other}", one=other, other=self)


def say(template: str, /, **values: object) -> str:
    """Return the sentence ``template``, with ``values`` in the place of {name}."""
    words = Words(template.format(**values) if values else template)
    words.template, words.values, words.id = template, values, ""
    return words


def listed(separator: str, items: Iterable[str]) -> str:
    """Return ``items`` as a list for a sentence."""
    several = tuple(items)
    if len(several) == 1:
        return several[0]
    words = Words(separator.join(several))
    words.template, words.values, words.id = separator, {ITEMS: several}, ""
    return words


def named(text: str, code: str) -> str:
    """Return the sentence ``text`` with ``code`` in place of the derived one."""
    words = Words(text)
    words.template, words.values, words.id = "{text}", {"text": text}, code
    return words


def code(text: str) -> str:
    """Return the code of a sentence, the same in every language; "" for other text.

    The code is a hash of the English template. A template that begins with another sentence, or has
    no words of its own, takes the code of that sentence.
    """
    if not isinstance(text, Words):
        return ""
    if text.id:
        return text.id
    values = {name: _text(value) for name, value in text.values.items() if name != ITEMS}
    for name, value in values.items():
        if text.template.startswith(f"{{{name}}}") and (found := code(value)):
            return found
    if ITEMS not in text.values and _has_words(text.template):
        return _code(text.template)
    inner = (code(value) for value in (*values.values(), *_items(text)))
    return next(filter(None, inner), "")


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, Exception) else ""


def _items(words: Words) -> tuple[str, ...]:
    return words.values.get(ITEMS, ())  # type: ignore[return-value]


def _has_words(template: str) -> bool:
    """Whether ``template`` has letters beside its placeholders."""
    outside = "".join(part.rpartition("}")[2] for part in template.split("{"))
    return any(map(str.isalpha, outside))


def _code(template: str) -> str:
    number = _FNV_BASIS  # FNV-1a: a few lines here load no module
    for byte in template.encode():
        number = (number ^ byte) * _FNV_PRIME & 0xFFFFFFFF
    letters = ""
    for _ in range(5):
        number, at = divmod(number, len(_LETTERS))
        letters += _LETTERS[at]
    return f"DW-{letters}"
