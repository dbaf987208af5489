"""Records behave as dataclasses do: every case is made with both decorators and asked the same questions.

Source: Python's own `dataclasses`.
"""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import pytest

from bugcheck import records


@records.dataclass(frozen=True, slots=True)
class Pickled:
    """At the top of a module, where pickle finds it."""

    number: int
    name: str = "none"


def build(module: Any) -> dict[str, Any]:
    """The same classes, made by `dataclasses` and by `bugcheck.records`."""
    dataclass, field = module.dataclass, module.field

    @dataclass(frozen=True, slots=True)
    class Place:
        """A place."""

        module: str
        offset: int = 0
        note: str = field(default="", compare=False, repr=False)

        @property
        def text(self) -> str:
            return f"{self.module}+{self.offset:#x}"

    @dataclass(frozen=True, slots=True)
    class Deeper(Place):
        depth: int = 1

    @dataclass(slots=True)
    class Tally:
        counts: dict[str, int] = field(default_factory=dict)
        total: int = 0

    @dataclass(frozen=True)
    class Listed(Mapping[str, int]):
        rows: tuple[tuple[str, int], ...]
        _index: dict[str, int] = field(init=False, repr=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "_index", dict(self.rows))

        def __getitem__(self, key: str) -> int:
            return self._index[key]

        def __iter__(self) -> Any:
            return iter(self._index)

        def __len__(self) -> int:
            return len(self._index)

        @cached_property
        def largest(self) -> int:
            return max(self._index.values())

    @dataclass(frozen=True, slots=True, eq=False)
    class Identity:
        number: int

    @dataclass(frozen=True, slots=True)
    class Empty:
        pass

    @dataclass(frozen=True, slots=True)
    class Own:
        number: int

        def __eq__(self, other: object) -> bool:
            return True

        def __repr__(self) -> str:
            return "own"

    return {name: made for name, made in locals().items() if isinstance(made, type)}


KINDS = {"dataclasses": build(dataclasses), "records": build(records)}
QUESTIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "defaults": lambda k: [getattr(k["Place"]("nt"), name) for name in ("module", "offset", "note", "text")],
    "keywords": lambda k: k["Place"](offset=3, module="hal").text,
    "repr": lambda k: repr(k["Place"]("nt", 1, "x")).replace("build.<locals>.", ""),
    "repr of none": lambda k: repr(k["Empty"]()).replace("build.<locals>.", ""),
    "repr recursive": lambda k: _itself(k["Tally"]()),
    "equal": lambda k: k["Place"]("nt", 1, "x") == k["Place"]("nt", 1, "y"),
    "unequal": lambda k: k["Place"]("nt", 1) != k["Place"]("nt", 2),
    "another class": lambda k: k["Place"]("nt") == k["Deeper"]("nt"),
    "another type": lambda k: k["Place"]("nt") == "nt",
    "none equal": lambda k: k["Empty"]() == k["Empty"](),
    "hash": lambda k: hash(k["Place"]("nt", 1, "x")) == hash(k["Place"]("nt", 1, "y")) == hash(("nt", 1)),
    "hash of none": lambda k: hash(k["Empty"]()) == hash(()),
    "hash of a changeable one": lambda k: k["Tally"].__hash__,
    "identity": lambda k: (k["Identity"](1) == k["Identity"](1), len({k["Identity"](1), k["Identity"](1)})),
    "own methods": lambda k: (k["Own"](1) == k["Own"](2), repr(k["Own"](1)), hash(k["Own"](1)) == hash((1,))),
    "factories": lambda k: (k["Tally"]().counts, k["Tally"]().counts is k["Tally"]().counts, k["Tally"]({"a": 1})),
    "changeable": lambda k: _change(k["Tally"]()),
    "inherited": lambda k: (k["Deeper"]("nt", 1, "x", 4).depth, k["Deeper"]("nt").text, k["Deeper"].__slots__),
    "slots": lambda k: (k["Place"].__slots__, hasattr(k["Place"]("nt"), "__dict__")),
    "match": lambda k: k["Deeper"].__match_args__,
    "mapping": lambda k: (dict(k["Listed"]((("a", 1),))), k["Listed"]((("a", 1), ("b", 5))).largest),
    "copy": lambda k: copy.copy(k["Place"]("nt", 1, "x")).note,
    "deep copy": lambda k: copy.deepcopy(k["Tally"]({"a": 1})).counts,
    "documentation": lambda k: (k["Place"].__doc__, k["Place"].__qualname__, k["Place"].__module__),
    "too few": lambda k: _error(k["Place"]),
    "too many": lambda k: _error(k["Empty"], 1),
    "frozen": lambda k: _error(setattr, k["Place"]("nt"), "module", 1),
    "frozen too": lambda k: _error(delattr, k["Place"]("nt"), "module"),
    "is_dataclass": lambda k: dataclasses.is_dataclass(k["Place"]),
    "asdict": lambda k: dataclasses.asdict(k["Deeper"]("nt", 1, "x", 4)),
    "fields": lambda k: [(f.name, f.type, f.init, f.repr, f.compare) for f in dataclasses.fields(k["Place"])],
    "stdlib's replace": lambda k: dataclasses.replace(k["Place"]("nt", 1, "x"), offset=2).text,
}


def _itself(tally: Any) -> str:
    tally.counts = tally
    return repr(tally).replace("build.<locals>.", "")


def _change(tally: Any) -> Any:
    tally.total += 2
    return tally.total


def _error(call: Callable[..., Any], *arguments: Any) -> tuple[type, str]:
    with pytest.raises((TypeError, dataclasses.FrozenInstanceError)) as caught:
        call(*arguments)
    return caught.type, str(caught.value)


@pytest.mark.parametrize("question", QUESTIONS)
def test_records_answer_as_dataclasses_do(question: str) -> None:
    ask = QUESTIONS[question]
    theirs, ours = (str(ask(KINDS[kind])).replace("build.<locals>.", "") for kind in ("dataclasses", "records"))
    assert ours == theirs


def test_replace() -> None:
    place = KINDS["records"]["Place"]
    assert records.replace(place("nt", 1, "x"), offset=2) == place("nt", 2)
    assert records.replace(place("nt", 1, "x"), offset=2).note == "x"


def test_pickling() -> None:
    assert pickle.loads(pickle.dumps(Pickled(3, "three"))) == Pickled(3, "three")


def test_a_dataclass_may_be_derived_from_a_record() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class More(Pickled):
        more: int = 0

    assert (More(1, "one", 2), More(1)) == (More(1, "one", more=2), More(1, "none", 0))


def test_a_plain_subclass_may_have_more_members_but_not_change_those() -> None:
    class Plain(Pickled):
        pass

    plain = Plain(1)
    plain.extra = 2  # type: ignore[attr-defined]
    with pytest.raises(dataclasses.FrozenInstanceError):
        plain.number = 2  # type: ignore[misc]


def test_what_is_made_of_records_needs_no_dataclasses() -> None:
    """`dataclasses` loads `inspect`, 8 ms of a cold start, and compiles five methods a class."""
    code = "import sys; import bugcheck.records, bugcheck.gaps; print({'dataclasses', 'inspect'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
