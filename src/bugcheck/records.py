"""A class body with annotations → a record class: `dataclasses.dataclass` for programs that start often.

Source: the `dataclasses` module of Python 3.11, whose meaning this keeps (init, repr, eq, hash, frozen, slots,
defaults, factories, `__post_init__`, inheritance, pickling, `__match_args__`); type checkers see the original.

Folklore: `dataclass` writes five methods as text for every class and compiles them when the module is imported: 0.8 ms
a class here, 85 ms of a cold `bugcheck analyze`, and another 8 ms for `inspect`, which it loads.  A run makes instances
of half the classes and compares hardly any, so here `__init__` is compiled at the first instance, and what compares,
hashes and prints is shared by all.  `dataclasses.fields`, `asdict` and `replace` work on these classes too.
"""

from __future__ import annotations

from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:

    class _Missing:
        """Marks a default that was not given."""

        def __repr__(self):
            return "<made by a factory>"

    _MISSING = _Missing()

    class _Field:
        """What `field()` says of one member."""

        __slots__ = ("compare", "default", "factory", "init", "repr")

        def __init__(self, default, factory, init, repr, compare):
            self.default = default
            self.factory = factory
            self.init = init
            self.repr = repr
            self.compare = compare

    def field(
        *,
        default: Any = _MISSING,
        default_factory: Any = _MISSING,
        init: bool = True,
        repr: bool = True,
        compare: bool = True,
    ) -> Any:
        """Say how one member is made and used, as `dataclasses.field` does."""
        return _Field(default, default_factory, init, repr, compare)

    def dataclass(cls: type | None = None, /, *, frozen: bool = False, slots: bool = False, eq: bool = True) -> Any:
        """Make a record class of a class body, as `dataclasses.dataclass` does."""

        def make(cls):
            return _make(cls, frozen, slots, eq)

        return make if cls is None else make(cls)

    def replace(record: Any, /, **changes: Any) -> Any:
        """Make a copy of a record with some members changed."""
        for name, member in record.__record_fields__.items():
            if member.init and name not in changes:
                changes[name] = getattr(record, name)
        return record.__class__(**changes)

    def _make(cls, frozen, slots, eq):
        inherited = {}
        for base in cls.__mro__[:0:-1]:
            inherited.update(base.__dict__.get("__record_fields__", {}))
        own = _own_fields(cls)
        members = {**cls.__dict__}
        members["__record_fields__"] = fields = {**inherited, **own}
        members["__record_frozen__"] = frozen
        members.update(_methods(members, fields, frozen, eq))
        if frozen and slots:
            members.setdefault("__getstate__", _getstate)
            members.setdefault("__setstate__", _setstate)
        if slots:
            members["__slots__"] = tuple([name for name in own if name not in inherited])
        for name, member in own.items():
            members.pop(name, None)
            if not slots and member.default is not _MISSING:
                members[name] = member.default
        members.pop("__dict__", None)
        members.pop("__weakref__", None)
        made = type(cls)(cls.__name__, cls.__bases__, members)
        made.__qualname__ = cls.__qualname__
        made.__init__ = _init_at_first_use(made)
        return made

    def _own_fields(cls):
        found = {}
        for name, text in cls.__annotations__.items():
            if isinstance(text, str) and "ClassVar" in text:
                continue
            default = cls.__dict__.get(name, _MISSING)
            found[name] = default if isinstance(default, _Field) else _Field(default, _MISSING, True, True, True)
        return found

    def _methods(members, fields, frozen, eq):
        """The methods every record shares, but for those the class body has itself."""
        found = {"__repr__": _repr, "__match_args__": tuple([name for name in fields if fields[name].init])}
        if eq:
            found["__eq__"] = _eq
            found["__hash__"] = _hash if frozen else None
            if members.get("__hash__", _MISSING) is None and "__eq__" in members:  # Python's None beside an own __eq__
                del members["__hash__"]
        if frozen:
            found["__setattr__"] = _setattr
            found["__delattr__"] = _delattr
        found["__dataclass_fields__"] = _FIELDS
        found["__dataclass_params__"] = _PARAMETERS
        return {name: method for name, method in found.items() if name not in members}

    # --- __init__, written as text and compiled when the first instance is made ---

    def _init_at_first_use(cls):
        def __init__(self, *args, **kwargs):
            init = _compile_init(cls)
            cls.__init__ = init
            init(self, *args, **kwargs)

        return __init__

    def _compile_init(cls):
        known = {"_MISSING": _MISSING}
        parameters, body = ["self"], []
        for name, member in cls.__record_fields__.items():
            value = _value(name, member, parameters, known)
            if value:
                body.append(_assignment(cls, name, value, known))
        if hasattr(cls, "__post_init__"):
            body.append("self.__post_init__()")
        lines = "\n ".join(body or ["pass"])
        exec(f"def __init__({', '.join(parameters)}):\n {lines}", known)  # names of members, nothing from a file
        init = known["__init__"]
        init.__qualname__ = f"{cls.__qualname__}.__init__"
        init.__module__ = cls.__module__
        return init

    def _value(name, member, parameters, known):
        """The expression a member is set to, "" for none; its parameter and its default are noted."""
        known[f"_default_{name}"] = member.default
        known[f"_factory_{name}"] = member.factory
        made = member.factory is not _MISSING
        if not member.init:
            return f"_factory_{name}()" if made else "" if member.default is _MISSING else f"_default_{name}"
        if made:
            parameters.append(f"{name}=_MISSING")
            return f"_factory_{name}() if {name} is _MISSING else {name}"
        parameters.append(name if member.default is _MISSING else f"{name}=_default_{name}")
        return name

    def _assignment(cls, name, value, known):
        if not cls.__record_frozen__:
            return f"self.{name} = {value}"
        slot = getattr(cls, name, None)
        if type(slot).__name__ == "member_descriptor":
            known[f"_set_{name}"] = slot.__set__
            return f"_set_{name}(self, {value})"
        known["_setattr"] = object.__setattr__
        return f"_setattr(self, {name!r}, {value})"

    # --- shared methods ---

    def _compared(cls):
        """What takes the compared members out of an instance, as a tuple; made once a class."""
        made = cls.__dict__.get("__record_compared__")
        if made is None:
            names = [name for name, member in cls.__record_fields__.items() if member.compare]
            get = attrgetter(*names) if names else None
            made = get if len(names) > 1 else (lambda record: (get(record),)) if get else lambda _: ()
            cls.__record_compared__ = staticmethod(made)
            made = cls.__dict__["__record_compared__"]
        return made.__func__

    def _eq(self, other):
        cls = self.__class__
        if other.__class__ is not cls:
            return NotImplemented
        values = _compared(cls)
        return values(self) == values(other)

    def _hash(self):
        return hash(_compared(self.__class__)(self))

    @recursive_repr()
    def _repr(self):
        cls = self.__class__
        shown = [f"{name}={getattr(self, name)!r}" for name, member in cls.__record_fields__.items() if member.repr]
        return f"{cls.__qualname__}({', '.join(shown)})"

    def _setattr(self, name, value):
        cls = self.__class__
        if name in cls.__record_fields__ or "__record_fields__" in cls.__dict__:
            from dataclasses import FrozenInstanceError

            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        object.__setattr__(self, name, value)

    def _delattr(self, name):  # noqa: ARG001
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def _getstate(self):
        return [getattr(self, name) for name in self.__record_fields__]

    def _setstate(self, state):
        for name, value in zip(self.__record_fields__, state, strict=True):
            object.__setattr__(self, name, value)

    # --- for those who treat records as dataclasses ---

    class _DataclassFields:
        """`__dataclass_fields__`, made when somebody asks."""

        def __get__(self, instance, owner):
            import dataclasses

            found = {}
            for name, member in owner.__record_fields__.items():
                default = dataclasses.MISSING if member.default is _MISSING else member.default
                factory = dataclasses.MISSING if member.factory is _MISSING else member.factory
                options = {"init": member.init, "repr": member.repr, "compare": member.compare}
                made = dataclasses.field(default=default, default_factory=factory, **options)
                made.name, made.type, made.kw_only = name, _annotation(owner, name), False
                made._field_type = dataclasses._FIELD
                found[name] = made
            return found

    class _DataclassParameters:
        """`__dataclass_params__`: a dataclass derived from a record asks whether that is frozen."""

        def __get__(self, instance, owner):
            from types import SimpleNamespace

            return SimpleNamespace(frozen=owner.__record_frozen__, eq=True, init=True, repr=True, order=False)

    def _annotation(cls, name):
        annotated = (getattr(base, "__annotations__", {}) for base in cls.__mro__)
        return next((annotations[name] for annotations in annotated if name in annotations), None)

    _FIELDS = _DataclassFields()
    _PARAMETERS = _DataclassParameters()


__all__ = ["dataclass", "field", "replace"]
