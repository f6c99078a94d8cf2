"""Values that do not change: ``@dataclass(frozen=True)`` of dataclasses, made fast.

dataclasses writes the methods of each class as a text and compiles it, 0.3 to 1 ms a class, and
takes 5 ms to load (inspect, ast, dis, tokenize). An event makes 50 classes, and then a few hundred
values of them: the classes cost more than the work. Here the methods are functions that know the
names of the fields. For a type checker it is the real thing, and so it is for a caller of
``dataclasses.fields`` or ``dataclasses.replace``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
    from typing import NamedTuple
else:
    import operator
    from collections import namedtuple

    _MISSING = object()

    class field:  # noqa: N801 - a function there
        """What is to be known of a field beside its type."""

        __slots__ = "compare", "default", "factory", "repr"

        def __init__(
            self, *, default=_MISSING, default_factory=_MISSING, compare=True, repr=True
        ) -> None:
            self.default, self.factory = default, default_factory
            self.compare, self.repr = compare, repr

    def dataclass(*, frozen, kw_only=False, order=False):
        """Return a decorator that makes a class of values with the fields that it annotates."""
        if not frozen:
            raise TypeError("a value that may change is made by dataclasses itself")

        def decorate(class_):
            return _made(class_, kw_only=kw_only, order=order)

        return decorate

    def replace(value, /, **changes):
        """Return ``value`` with other values in the fields that ``changes`` names."""
        if not hasattr(value, "_fields_of_frozen"):
            import dataclasses

            return dataclasses.replace(value, **changes)
        made = object.__new__(type(value))
        made.__dict__.update(value.__dict__)
        made.__dict__.update(changes)
        if len(made.__dict__) != len(value.__dict__):
            unknown = ", ".join(changes.keys() - value.__dict__.keys())
            raise TypeError(f"{type(value).__name__} has no field {unknown}")
        return made

    def _made(class_, *, kw_only, order):
        inherited = getattr(class_, "_fields_of_frozen", {})
        own = {name: _own(class_, name) for name in class_.__annotations__}
        fields = {**inherited, **own}
        compared = _values(name for name, one in fields.items() if one.compare)
        methods = {
            "__init__": _init(class_.__name__, fields, 0 if kw_only else len(fields)),
            "__repr__": _repr(tuple(name for name, one in fields.items() if one.repr)),
            "__hash__": lambda self: hash(compared(self)),
            "__setattr__": _refuse,
            "__delattr__": _refuse,
            **_comparisons(compared, order),
        }
        for name, method in methods.items():
            if name not in class_.__dict__ or class_.__dict__[name] is None:
                setattr(class_, name, method)
        class_.__match_args__ = () if kw_only else tuple(fields)
        class_._fields_of_frozen = fields
        class_.__dataclass_fields__ = _Real()
        return class_

    def _own(class_, name):
        """Return the field ``name`` of a class, and leave its default, if any, in the class."""
        given = class_.__dict__.get(name, _MISSING)
        if not isinstance(given, field):
            return field(default=given)
        if given.default is _MISSING:
            delattr(class_, name)
        else:
            setattr(class_, name, given.default)
        return given

    def _values(names):
        """Return a function that returns the values of the fields ``names`` as a tuple."""
        names = tuple(names)
        if len(names) == 1:
            one = operator.attrgetter(*names)
            return lambda self: (one(self),)
        return operator.attrgetter(*names) if names else lambda _self: ()

    def _init(class_name, fields, positional):
        names = tuple(fields)
        defaults = {k: one.default for k, one in fields.items() if one.default is not _MISSING}
        factories = [(k, one.factory) for k, one in fields.items() if one.factory is not _MISSING]

        def __init__(self, *values, **named) -> None:
            into = self.__dict__
            into.update(defaults)
            into.update(zip(names, values))  # noqa: B905 - as many as are given
            into.update(named)
            for name, make in factories:
                if name not in into:
                    into[name] = make()
            if (
                len(values) > positional
                or len(into) != len(names)
                or (named and (named.keys() - fields.keys() or named.keys() & names[: len(values)]))
            ):
                given = [*names[: len(values)], *named]
                raise TypeError(f"{class_name}({', '.join(names)}) is not made of {given}")

        return __init__

    def _repr(names):
        def __repr__(self) -> str:
            inner = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
            return f"{type(self).__qualname__}({inner})"

        return __repr__

    def _comparisons(compared, order):
        def compare(how):
            def method(self, other):
                if type(other) is not type(self):
                    return NotImplemented
                return how(compared(self), compared(other))

            return method

        names = ("eq", "lt", "le", "gt", "ge") if order else ("eq",)
        return {f"__{name}__": compare(getattr(operator, name)) for name in names}

    def _refuse(self, name, *_value) -> None:
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot change field {name!r}")

    class _NamedTupleMeta(type):
        def __new__(cls, name, bases, content):
            if not bases:
                return super().__new__(cls, name, bases, content)
            types = content.get("__annotations__", {})
            defaults = [content[one] for one in types if one in content]
            made = namedtuple(name, types, defaults=defaults, module=content["__module__"])  # noqa: PYI024 - this makes it
            made.__annotations__ = types
            for key, value in content.items():
                if key not in types and key not in _OF_A_CLASS:
                    setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_NamedTupleMeta):
        """As typing's, which compiles the type of each field, too: half of the time it takes."""

    _OF_A_CLASS = {"__annotations__", "__module__", "__qualname__"}

    class _Real:
        """The attribute by which dataclasses knows a class of its own, made when first read.

        pprint asks for the class's parameters then.
        """

        def __get__(self, _value, class_):
            import dataclasses

            words = []
            for name, one in class_._fields_of_frozen.items():
                more = {"compare": one.compare, "repr": one.repr}
                if one.default is not _MISSING:
                    more["default"] = one.default
                if one.factory is not _MISSING:
                    more["default_factory"] = one.factory
                words.append((name, object, dataclasses.field(**more)))
            made = dataclasses.make_dataclass(class_.__name__, words, kw_only=True, frozen=True)
            class_.__dataclass_params__ = made.__dataclass_params__
            class_.__dataclass_fields__ = made.__dataclass_fields__
            return made.__dataclass_fields__


__all__ = ["NamedTuple", "dataclass", "field", "replace"]
